"""The lines of one origin: kept for a while, bounded in number, and given out in turn.

Whatever happens here takes the same time, however many lines there are.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.engine.lean.line import Line
from gateway.engine.network import Loss, Lost

Opening = Callable[[float, Callable[[Line], None]], Awaitable[Line]]
"""Opens a line within so many seconds, which calls back when it ends. Raises `Lost`."""

MARGIN: Final = 1.0
"""Seconds before a vendor hangs up, by its own word, from which on a line is not used again."""


class Pool:
    """Lines, and those who wait for one.

    A place is what a line lives in, from before it is opened until it is given up. There are
    `limit` of them; nobody waits while one is free.
    """

    def __init__(self, opening: Opening, *, limit: int, kept_seconds: float) -> None:
        self._opening = opening
        self._limit = limit
        self._kept_seconds = kept_seconds
        self._places = 0
        """Those that are taken."""
        self._idle: OrderedDict[Line, None] = OrderedDict()
        """The latest used last: it is the next to be used, so that the others may go.

        One that ended meanwhile is found out when its turn comes.
        """
        self._waiting: OrderedDict[asyncio.Future[Line | None], None] = OrderedDict()
        """In the order in which they came; each gets a line, or None with a place for one."""
        self._open: set[Line] = set()
        self._clearing: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def line(self, seconds: float) -> Line:
        """A line for one request, to be given back; waits for it, and opens it, so long each.

        Raises `Lost` and what opening raises.
        """
        while self._idle:
            line, _ = self._idle.popitem()
            if line.kept_until > self._loop.time() and line.is_quiet():
                return line
            line.cut()
            self._places -= 1
        if self._places < self._limit:
            self._places += 1
        else:
            handed = await self._turn(seconds)
            if handed:
                if handed.is_quiet():
                    return handed
                handed.cut()
        try:
            return await self.another(seconds)
        except BaseException:
            self._vacate()
            raise

    async def another(self, seconds: float) -> Line:
        """A new line in a place that the caller has already."""
        line = await self._opening(seconds, self._open.discard)
        if not line.gone:
            self._open.add(line)
        return line

    def give_back(self, line: Line) -> None:
        """Takes a line back, used or not: it is kept, handed on, or cut and its place given up."""
        if line.gone or not line.keeps:
            line.cut()
            self._vacate()
        elif not self._hand(line):
            told = line.kept_seconds
            kept = self._kept_seconds if told is None else min(self._kept_seconds, told - MARGIN)
            line.kept_until = self._loop.time() + kept
            self._idle[line] = None
            if self._clearing is None:
                self._clearing = self._loop.call_at(line.kept_until, self._clear)

    async def aclose(self) -> None:
        """Cuts every line, and waits until they are closed."""
        if self._clearing:
            self._clearing.cancel()
            self._clearing = None
        lines = list(self._open)
        for line in lines:
            line.cut()
        for line in lines:
            await line.ended

    async def _turn(self, seconds: float) -> Line | None:
        """Waits for a line, or for a place to open one in."""
        waiter: asyncio.Future[Line | None] = self._loop.create_future()
        self._waiting[waiter] = None
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except BaseException as error:
            self._waiting.pop(waiter, None)
            if waiter.done() and not waiter.cancelled():  # it came just as we gave up
                self._pass_on(waiter.result())
            if isinstance(error, TimeoutError):
                raise Lost(Loss.CROWDED) from None
            raise

    def _pass_on(self, handed: Line | None) -> None:
        if handed:
            self.give_back(handed)
        else:
            self._vacate()

    def _vacate(self) -> None:
        """Gives up a place."""
        if not self._hand(None):
            self._places -= 1

    def _hand(self, line: Line | None) -> bool:
        """Hands a line, or its place, to who waits longest; tells whether anybody does."""
        while self._waiting:
            waiter, _ = self._waiting.popitem(last=False)
            if not waiter.done():
                waiter.set_result(line)
                return True
        return False

    def _clear(self) -> None:
        """Cuts the lines that nobody used for too long, and comes again for the next."""
        self._clearing = None
        while self._idle:
            oldest = next(iter(self._idle))
            if oldest.kept_until > self._loop.time():
                self._clearing = self._loop.call_at(oldest.kept_until, self._clear)
                return
            del self._idle[oldest]
            oldest.cut()
            self._places -= 1
