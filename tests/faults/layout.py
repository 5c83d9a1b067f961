"""Where a rig's processes find each other's files."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of a rig."""

    folder: Path

    @property
    def configuration(self) -> Path:
        """What the replicas are configured by."""
        return self.folder / "gateway.toml"

    @property
    def fates(self) -> Path:
        """What is armed."""
        return self.folder / "fates"

    @property
    def ledger(self) -> Path:
        """The effects at the vendors, a line each."""
        return self.folder / "ledger.jsonl"

    @property
    def clock(self) -> Path:
        """How far the store's clock is ahead, where it is not its own."""
        return self.folder / "clock"

    def pid(self, port: int) -> Path:
        """The number of the process that serves a port now."""
        return self.folder / f"{port}.pid"

    def say_pid(self, port: int) -> None:
        """Says that this process serves a port, in a file that is never half written."""
        unfinished = self.folder / f"{port}.unfinished"
        unfinished.write_text(str(os.getpid()))
        unfinished.rename(self.pid(port))

    def log(self, port: int) -> Path:
        """What the processes of a port said, one after another."""
        return self.folder / f"{port}.log"
