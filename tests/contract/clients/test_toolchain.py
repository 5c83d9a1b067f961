"""What clients need is found, or its absence is told and counted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT
from tests.contract.clients.toolchain import GO, NEEDS, NODE, Need

NEEDY = """
import pytest
from tests.contract.clients.toolchain import GO, NODE, needed

@pytest.mark.parametrize("need", [NODE, NODE, GO])
def test_one(need): needed([need])
"""


def run_of_needy_tests(folder: Path, **environ: str) -> tuple[int, str]:
    """A test run on a machine with nothing on it: two tests want node, one wants Go."""
    (folder / "test_needy.py").write_text(NEEDY, encoding="utf-8")
    hooks = "from tests.contract.clients.conftest import *\n"
    (folder / "conftest.py").write_text(hooks, encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "-c", os.devnull]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PATH": "", "GATEWAY_TOOLS": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout


def test_skips_for_want_of_a_tool_are_counted_aloud(tmp_path: Path) -> None:
    """One line for each: its name, the number of tests, and what to do."""
    status, printed = run_of_needy_tests(tmp_path, GATEWAY_REQUIRE_TOOLS="")
    assert status == 0
    assert f"node is missing, 2 tests of clients did not run: {NODE.remedy}" in printed
    assert f"go is missing, 1 tests of clients did not run: {GO.remedy}" in printed
    assert "3 skipped" in printed


def test_a_run_that_requires_tools_fails_for_want_of_one(tmp_path: Path) -> None:
    """What is missing on the build server is never silently untested."""
    status, printed = run_of_needy_tests(tmp_path, GATEWAY_REQUIRE_TOOLS="1")
    assert status == 1
    assert "3 failed" in printed


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.name)
def test_every_remedy_can_be_followed(need: Need) -> None:
    """What the summary tells to make is a target."""
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    told = re.findall(r"let make (\w+)", need.remedy)
    assert told
    assert {*told} <= {*targets}
