"""Where the generators, the compilers and the runtimes of clients come from.

Programs are those of `.tools/clients`, which `make clients` fills from `requirements.txt`, else
those on PATH. The packages of npm are those of `package-lock.json`: `python -m
tests.contract.clients.toolchain` installs them ahead of the tests, which themselves talk to
loopback alone. What is missing skips its tests aloud, or fails them where `GATEWAY_REQUIRE_TOOLS`
is set.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import Toolbox

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
BUILD = HERE / "build"
"""Where clients are made; git ignores it."""
PATIENCE = 300.0
"""Seconds that one step of making a client may take."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the tests of a client stand on."""

    name: str
    remedy: str

    @property
    def loss(self) -> str:
        """Why a test that needs it did not run, word for word: skips are counted by it."""
        return f"{self.name} is missing"


_ALL = "let make clients install it"
NODE = Need("node", f"install Node.js with npm, or {_ALL}")
PACKAGES = Need("node_modules", "let make tools install it")
GENERATOR = Need("openapi-generator-cli", _ALL)
GO = Need("go", _ALL)
NEEDS = (NODE, PACKAGES, GENERATOR, GO)

_PREPARED = Path(Toolbox(os.environ).folder, "clients")
_SEARCHED = os.pathsep.join((str(_PREPARED / "bin"), os.environ.get("PATH", "")))


def has(need: Need) -> bool:
    """Whether it is there."""
    return _is_installed() if need is PACKAGES else program(need.name) is not None


def needed(needs: Sequence[Need]) -> None:
    """Skips the test without any of these, or fails it where nothing may be missing."""
    for need in needs:
        if has(need):
            continue
        if os.environ.get("GATEWAY_REQUIRE_TOOLS"):
            pytest.fail(f"{need.loss}: {need.remedy}", pytrace=False)
        pytest.skip(need.loss)


def program(name: str) -> str | None:
    """Where a program lies. `python` is the one that runs the tests."""
    return sys.executable if name == "python" else shutil.which(name, path=_SEARCHED)


def ran(command: Sequence[str], folder: Path, **environ: str) -> str:
    """What a command prints. Raises `AssertionError` with all of it where the command fails."""
    path = program(command[0])
    assert path is not None, f"{command[0]} is missing"
    python = str(Path(sys.executable).parent)
    searched = os.pathsep.join((python, _SEARCHED))  # a generator formats with our ruff
    run = subprocess.run(
        [path, *command[1:]],
        cwd=folder,
        env={**os.environ, "PATH": searched, **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout}\n{run.stderr}"
    return run.stdout


def install() -> str:
    """Installs npm's packages where they are due; a line on what it could not do, else nothing."""
    if _is_installed():
        return ""
    if program("npm") is None:
        return f"{PACKAGES.loss}, and there is no npm to fetch it with"
    try:
        ran(("npm", "ci"), HERE)
    except (AssertionError, subprocess.TimeoutExpired):
        return f"{PACKAGES.loss}, and npm could not fetch it"
    _mark().write_text(_wanted(), encoding="utf-8")
    return "node_modules was installed for the clients"


def _is_installed() -> bool:
    return _mark().is_file() and _mark().read_text(encoding="utf-8") == _wanted()


def _mark() -> Path:
    return MODULES / ".installed"


def _wanted() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


if __name__ == "__main__":
    if line := install():
        sys.stdout.write(f"{line}\n")
