"""What is to befall whom: files in a folder, so that a test arms one process out of band.

A fate strikes once, whichever process comes by first. It names a point of an operation, and the
operation by the address of its record, or, where only the vendor's request is at hand, by the tag
in it or by the id of the record that it is about.
"""

import os
import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Deed = Literal["kill", "stop", "note"]

TAG = re.compile(r"tag-[a-z0-9-]*[a-z0-9]")
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_STRUCK = "struck"


@dataclass(frozen=True, slots=True)
class Fates:
    """The folder, for those who arm and for those who are struck."""

    folder: Path

    def arm(self, point: str, name: str, deed: Deed = "kill") -> None:
        """Has the process that comes to the point kill or stop itself, or just leave its number."""
        waiting = self.folder / f"{point} {name}"
        unfinished = self.folder / f"unfinished {point} {name}"
        unfinished.write_text(deed)
        unfinished.rename(waiting)

    def armed(self, point: str, name: str) -> bool:
        """Whether nobody came by yet."""
        return (self.folder / f"{point} {name}").exists()

    def struck(self, point: str, name: str) -> int | None:
        """The number of the process that was struck."""
        with suppress(FileNotFoundError, ValueError):
            return int((self.folder / f"{_STRUCK} {point} {name}").read_text())
        return None

    def disarm(self) -> None:
        """Nothing is to befall anybody any more."""
        for file in self.folder.iterdir():
            file.unlink(missing_ok=True)

    def strike(self, point: str, name: str) -> None:
        """Comes to a point: what was armed for it happens to this process."""
        waiting = self.folder / f"{point} {name}"
        if not waiting.exists():
            return
        taken = self.folder / f"taken {os.getpid()} {point} {name}"
        with suppress(FileNotFoundError):  # another process was first
            waiting.rename(taken)
            deed = taken.read_text()
            taken.write_text(str(os.getpid()))
            taken.rename(self.folder / f"{_STRUCK} {point} {name}")
            if deed in _SIGNALS:
                os.kill(os.getpid(), _SIGNALS[deed])

    async def strike_after(
        self, point: str, name: str, done: Callable[[], Awaitable[None]]
    ) -> None:
        """As `strike`, and if something is armed, only once something has happened."""
        if self.armed(point, name):
            await done()
            self.strike(point, name)
