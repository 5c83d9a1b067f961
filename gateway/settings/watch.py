"""The configuration followed: read anew on SIGHUP, and when one of its files has changed."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.settings import Settings, load
from gateway.settings.faults import ConfigurationError
from gateway.settings.files import files_of

EVERY_SECONDS = 2.0

Version = tuple[Path, int, int]


async def follow(
    path: Path,
    taken: Callable[[Settings], None],
    refused: Callable[[list[str]], None],
    *,
    every: float = EVERY_SECONDS,
) -> None:
    """Hands on each new configuration, or the faults of one that is not fit to run with.

    It looks every so many seconds, and at once on SIGHUP where there is one. It never ends.
    """
    asked = asyncio.Event()
    with _hangup(asked.set):
        known = _versions(path)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await asked.wait()
            found = _versions(path)
            if found == known and not asked.is_set():
                continue
            asked.clear()
            known = found
            try:
                taken(load(path))
            except ConfigurationError as error:
                refused(error.faults)


def _versions(path: Path) -> list[Version]:
    """What tells that a file was written: its time and its size."""
    found: list[Version] = []
    for name in files_of(path):
        with suppress(OSError):
            told = name.stat()
            found.append((name, told.st_mtime_ns, told.st_size))
    return found


@contextmanager
def _hangup(heard: Callable[[], object]) -> Iterator[None]:
    """Hears SIGHUP; not outside the main thread, nor on a system that has none."""
    try:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, heard)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
