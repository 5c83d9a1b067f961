"""Clocks that are wrong: of a program, and of the store as its scripts are told the time."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from tests.programs import FAKETIME, Toolbox

MONOTONIC = ("FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC")
"""The clock that durations are measured by stays true; newer and older releases spell it so."""


def skewed(environ: Mapping[str, str], seconds: int) -> dict[str, str]:
    """The environment of a program whose clock is that much ahead."""
    program = Toolbox(os.environ).needed(FAKETIME).path
    library = next(program.parents[1].glob("lib/*/faketime/libfaketimeMT.so.1"))
    told = {"LD_PRELOAD": str(library), "FAKETIME": f"{seconds:+}s"}
    return {**environ, **told, **dict.fromkeys(MONOTONIC, "1")}


def step(file: Path, seconds: int) -> None:
    """Sets the clock that looks into the file, so many seconds ahead."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(str(seconds), encoding="utf-8")
    unfinished.rename(file)


def stepped_ms(file: Path) -> int:
    """The time in milliseconds of a clock that was stepped, in every process the same."""
    return int((time.time() + int(file.read_text(encoding="utf-8"))) * 1000)
