"""What the image holds, and nothing that is there for the tests.

A library that finds another beside it takes it in: the log's has a use for `rich`, which comes with
a tool of ours, and a gateway that is measured beside it is 5 MB larger than any that is deployed.
"""

import compileall
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Final

import gateway

LOCK: Final = Path(__file__).parents[3] / "deploy" / "requirements.txt"
OWN: Final = "opportunity-gateway"
OPTIONS: Final = ("-S", "-P")
"""For an interpreter that is to find this alone."""


def installed(folder: Path) -> Path:
    """The folder, with the locked packages and a compiled copy of the gateway, made if need be."""
    if not folder.exists():
        folder.mkdir()
        for found in _locked():
            for place in {
                Path(file.parts[0]) for file in found.files or () if file.parts[0] != ".."
            }:
                with suppress(FileExistsError):  # `__pycache__`, and what several packages share
                    (folder / place).symlink_to(Path(str(found.locate_file(place))).resolve())
        source = Path(gateway.__file__).parent
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(folder / source.name, quiet=1)
    return folder


def _locked() -> Iterator[metadata.Distribution]:
    """What the lock names and this interpreter has; and the gateway, by whose name vendors go."""
    for name in [*re.findall(r"^([\w.-]+)==", LOCK.read_text("utf-8"), re.MULTILINE), OWN]:
        with suppress(metadata.PackageNotFoundError):  # another interpreter's
            yield metadata.distribution(name)
