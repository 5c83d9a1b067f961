"""How a replica ends: it says so, goes on serving for a while, and then finishes what it began."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final, Self

from gateway.settings import Settings

AFTERWARDS_SECONDS: Final = 10.0
"""What writes have beyond the requests that they came with; another replica settles the rest."""

Handler = Callable[[int, FrameType | None], object]


class Lifecycle:
    """Whether this replica drains, and how long what is under way may still take.

    SIGTERM begins the drain: `/readyz` is 503 and every answer closes its connection, so that
    balancers and callers go elsewhere, and nobody is turned away. When it is over the server has
    the signal, stops listening and finishes its requests. Another SIGTERM ends the drain at once,
    and so does SIGINT, which needs none.
    """

    def __init__(
        self,
        *,
        drain_seconds: float,
        request_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._drain_seconds = drain_seconds
        self._ending_seconds = request_seconds + AFTERWARDS_SECONDS
        self._clock = clock
        self._ends_at: float | None = None
        self._draining = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """That of a replica with these settings."""
        return cls(
            drain_seconds=settings.file.server.drain_seconds,
            request_seconds=settings.file.timeouts.request_seconds,
        )

    @property
    def draining(self) -> bool:
        """Whether it is about to end, from the first signal on."""
        return self._draining

    @property
    def seconds_left(self) -> float:
        """How long writes may still take before they are left to another replica."""
        if self._ends_at is None:
            return self._ending_seconds
        return max(self._ends_at - self._clock(), 0.0)

    def drain(self) -> None:
        """Says from now on that this replica ends."""
        self._draining = True

    def end(self) -> None:
        """Says that no more requests are taken."""
        self._draining = True
        self._ends_at = self._clock() + self._ending_seconds

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Drains before the server around it hears of a signal; without a server it does nothing.

        Where several workers serve, each of them drains for itself.
        """
        own_thread = threading.current_thread() is threading.main_thread()
        told = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        server = {number: handler for number, handler in told.items() if callable(handler)}
        if not own_thread or signal.SIGTERM not in server:
            yield
            return
        drained = _Drained(self, self._drain_seconds, server)
        for number in server:
            signal.signal(number, drained.heard)
        try:
            yield
        finally:
            for number, handler in server.items():
                signal.signal(number, handler)


class _Drained:
    """The server's handlers of signals, with a drain before them."""

    def __init__(
        self, life: Lifecycle, seconds: float, server: Mapping[signal.Signals, Handler]
    ) -> None:
        self._life = life
        self._seconds = seconds
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._over = False

    def heard(self, number: int, frame: FrameType | None) -> None:
        """The handler in their place."""
        if number == signal.SIGTERM and not self._life.draining:
            self._life.drain()
            # Whoever handles a signal has to wake the loop.
            self._loop.call_soon_threadsafe(self._loop.call_later, self._seconds, self._end)
        else:
            self._tell(signal.Signals(number))

    def _end(self) -> None:
        if not self._over:
            self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        if not self._over:
            self._over = True
            self._life.end()
        self._server[number](number, None)
