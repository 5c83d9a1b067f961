"""The configuration followed: read anew on SIGHUP, and when one of its files has changed."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.settings import Settings, load
from gateway.settings.faults import ConfigurationError
from gateway.settings.files import files_of, patterns_of

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
    asked, versions = asyncio.Event(), _Versions(path)
    with _hangup(asked.set):
        known = versions.now()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await asked.wait()
            found = versions.now()
            if found == known and not asked.is_set():
                continue
            asked.clear()
            known = found
            try:
                taken(await asyncio.to_thread(load, path))  # thousands of connections take a second
            except ConfigurationError as error:
                refused(error.faults)


class _Versions:
    """What tells that files were written: their times and their sizes.

    What a file includes is read again only when it was written itself: to read thousands of
    connections takes a second.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: Version | None = None
        self._patterns: list[str] = []

    def now(self) -> list[Version]:
        """Of the file and those that it includes."""
        own = _version(self._path)
        if own is None or own != self._read:
            self._read, self._patterns = own, patterns_of(self._path)
        files = files_of(self._path, self._patterns)
        return [version for version in map(_version, files) if version]


def _version(path: Path) -> Version | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return path, told.st_mtime_ns, told.st_size


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
