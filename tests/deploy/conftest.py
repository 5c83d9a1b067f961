"""An image made as the Dockerfile says, and what a replica in it needs to run."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.architecture.source_tree import ROOT
from tests.deploy.image import Image, base_image
from tests.programs import Toolbox

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
USER = 10001
"""Who runs the gateway, where these tests are run by root; else it is who runs these tests."""
MISSING = {
    "python": "a Python that another user may run is missing",
    "wheels": "the wheels of the image are missing: let make tools fetch them",
}


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The image, below a folder that every user may enter and its own may not write to."""
    wheels = Toolbox(os.environ).folder / "wheels"
    if not _are_of_the_locks(wheels / ".ready"):
        _missed("wheels")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (root := folder / "root").mkdir()
        base = base_image(folder, USER) or _missed("python")
        made = Image(ROOT, root, base, wheels)
        made.make(DOCKERFILE.read_text(encoding="utf-8"))
        _let_write(root, allowed=False)
        yield made
        _let_write(root, allowed=True)


def _are_of_the_locks(ready: Path) -> bool:
    """Whether the wheels are there, and no lock was changed since."""
    locks = (DOCKERFILE.with_name(f"requirements{kind}.txt") for kind in ("", "-build"))
    return ready.is_file() and all(lock.stat().st_mtime <= ready.stat().st_mtime for lock in locks)


def _let_write(root: Path, *, allowed: bool) -> None:
    """Gives the owner of a tree the right to write to it, or takes that from everybody."""
    writing = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IWUSR if allowed else mode & ~writing)


def _missed(what: str) -> NoReturn:
    """Skips the test, or fails it where nothing may be missing."""
    if os.environ.get("GATEWAY_REQUIRE_TOOLS"):
        pytest.fail(MISSING[what], pytrace=False)
    pytest.skip(MISSING[what])
