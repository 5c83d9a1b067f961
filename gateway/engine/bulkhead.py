"""Bulkheads: how many calls are under way at once, for a connection and for a caller.

A vendor that hangs fills its own places and no other vendor's, and a caller its own.
"""

import asyncio
from dataclasses import dataclass

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.errors import Overloaded
from gateway.translator import VendorResponse


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    until: float
    admitted: asyncio.Future[bool]


class Bulkhead:
    """So many places, and as many to wait in for one of them."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = places
        self._queue: list[_Waiting] = []

    async def enter(self, until: float) -> None:
        """Takes a place, for which it waits until then on the loop's clock.

        Raises `Overloaded`: when the time is over, or when more wait than may and of them all this
        one had the least time left.
        """
        if self._free:
            self._free -= 1
        elif not await self._admitted(until):
            raise Overloaded("More calls are under way than are made at once: try again shortly.")

    def leave(self) -> None:
        """Gives the place to who has waited longest, unless that one has just gone."""
        while self._queue:
            waiting = self._queue.pop(0)
            if not waiting.admitted.done():
                waiting.admitted.set_result(True)
                return
        self._free += 1

    async def _admitted(self, until: float) -> bool:
        waiting = _Waiting(until, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if len(self._queue) > self._places:
            self._drop(min(self._queue, key=lambda each: each.until))
        try:
            async with asyncio.timeout_at(until):
                return await waiting.admitted
        except TimeoutError:
            return self._gone(waiting)
        except asyncio.CancelledError:
            if self._gone(waiting):
                self.leave()
            raise

    def _gone(self, waiting: _Waiting) -> bool:
        """Takes one out of the queue; whether it was given a place at the last moment."""
        self._drop(waiting)
        return not waiting.admitted.cancelled() and waiting.admitted.result()

    def _drop(self, waiting: _Waiting) -> None:
        if waiting in self._queue:
            self._queue.remove(waiting)
            if not waiting.admitted.done():
                waiting.admitted.set_result(False)


class Bulkheads:
    """Bulkheads of one size by name, each made when it is first asked for."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._made: dict[str, Bulkhead] = {}

    def of(self, name: str) -> Bulkhead:
        """The one of a connection, or of a caller."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = Bulkhead(self._places)
        return made


def bounded(own: Bulkhead, callers: Bulkheads) -> Layer:
    """A layer that holds a place of the caller's and one of the connection's for each call."""

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            theirs = callers.of(call.caller) if call.caller else None
            if theirs:
                await theirs.enter(call.until)
            try:
                await own.enter(call.until)
                try:
                    return await inner(call)
                finally:
                    own.leave()
            finally:
                if theirs:
                    theirs.leave()

        return exchange

    return around
