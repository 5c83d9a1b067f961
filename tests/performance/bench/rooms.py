"""Where the gateway's time goes: `… bench.rooms FILE serve …` is the gateway, and counts samples.

Every millisecond of processor time the stack is looked at, and counts for the innermost frame that
is the gateway's own: what a library costs falls to whoever called it, the server to `app`. SIGUSR2
writes to the file how often each module was found since the last time. An interpreter looks up only
between two steps of Python, so a long step in C counts for what comes right behind it.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final

import gateway
from gateway.__main__ import main

EVERY_SECONDS: Final = 0.001
ROOT: Final = str(Path(gateway.__file__).parent) + "/"
OTHERS: Final = "others"
"""What no frame of the gateway's stands behind."""


class Samples:
    """How often each module was found at work."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: Counter[str] = Counter()

    def look(self, _signal: int, frame: FrameType | None) -> None:
        """Counts the module that works just now."""
        self._found[_module(frame)] += 1

    def write(self, _signal: int, _frame: FrameType | None) -> None:
        """Writes what was counted, whole or not at all, and begins anew."""
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(self._found), encoding="utf-8")
        beside.rename(self._file)
        self._found.clear()


def samples(pid: int, file: Path) -> Mapping[str, int]:
    """Has a gateway write how often each module was found since the last time."""
    file.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR2)
    while not file.exists():
        time.sleep(0.01)
    found: Mapping[str, int] = json.loads(file.read_text())
    return found


def shares(found: Mapping[str, int]) -> dict[str, float]:
    """What falls to each room, as a share of all; the largest first."""
    rooms: Counter[str] = Counter()
    for module, times in found.items():
        rooms[module.partition("/")[0].removesuffix(".py")] += times
    return {room: times / rooms.total() for room, times in rooms.most_common()}


def _module(frame: FrameType | None) -> str:
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(ROOT):
            return name.removeprefix(ROOT)
        frame = frame.f_back
    return OTHERS


def _sampled() -> int:
    file, *arguments = sys.argv[1:]
    samples = Samples(Path(file))
    signal.signal(signal.SIGPROF, samples.look)
    signal.signal(signal.SIGUSR2, samples.write)
    signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
    return main(arguments)


if __name__ == "__main__":
    sys.exit(_sampled())
