"""The present document, the programs that are up, and the clients that are made."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT
from tests.contract.clients.toolchain import BUILD, NEEDS
from tests.contract.clients.workshop import Workshop, opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each thing that was missing: a skip that nobody sees is a test that is not."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for need in NEEDS:
        if count := reasons[need.loss]:
            told = f"{need.loss}, {count} tests of clients did not run: {need.remedy}"
            terminalreporter.line(told, yellow=True)


@pytest.fixture(scope="session")
def document() -> Path:
    """The document of the tree, as the command prints it."""
    BUILD.mkdir(exist_ok=True)
    path = BUILD / "present.json"
    command = [sys.executable, "-m", "gateway", "openapi"]
    path.write_bytes(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    return path


@pytest.fixture(scope="session")
def workshop(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Where clients are made, with the programs that they talk to."""
    with opened(document, tmp_path_factory.mktemp("clients")) as house:
        yield Workshop(house)
