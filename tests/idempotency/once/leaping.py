"""An event loop whose time leaps: nobody waits for a timer, and yet each fires in its turn.

While anything can be done, its clock stands still; when all that is left is to wait, it is moved on
to the next timer. So five minutes of looking at a vendor take no longer than the looks.
"""

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BEGINNING: Final = 1000.0
A_WHILE: Final = 0.02
"""Real seconds that a call to a real server is waited for, before it is waited for again."""


class _Leaping(selectors.DefaultSelector):
    """Waits for sockets in real time, and for timers not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.leapt = 0.0
        self.calls = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.calls:
            return super().select(A_WHILE if timeout is None else min(timeout, A_WHILE))
        if timeout is None:
            return super().select(None)
        found = super().select(0)
        if not found:
            self.leapt += max(timeout, 0)
        return found


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds, of which none is real."""
        return BEGINNING + self._leaping.leapt

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """While a real server is asked, no timer fires."""
        self._leaping.calls += 1
        try:
            yield
        finally:
            self._leaping.calls -= 1


def leaping_loop() -> LeapingLoop:
    """The loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingLoop)
    return loop


def now_ms() -> int:
    """The loop's clock as a store's."""
    return round(leaping_loop().time() * 1000)
