"""A line: one connection to a vendor, and on it one request at a time."""

import asyncio
import select
from collections.abc import Callable
from typing import cast

from gateway.engine.lean.reading import Reading
from gateway.engine.network import Answer, Loss, Lost


class Line(asyncio.Protocol):
    """What comes when nothing was asked ends it: it must not be taken for the next answer."""

    __slots__ = (
        "_answered",
        "_ends",
        "_loop",
        "_on_end",
        "_poll",
        "_reading",
        "_transport",
        "_watch",
        "ended",
        "gone",
        "keeps",
        "kept_seconds",
        "kept_until",
    )

    def __init__(self, on_end: "Callable[[Line], None]") -> None:
        """`on_end` is called once, when the connection is closed, whoever closed it."""
        self.gone = False
        """Whether it can carry nothing any more."""
        self.keeps = True
        """Whether the next request may go on it: all that was asked before was answered whole."""
        self.kept_seconds: float | None = None
        """How long the vendor says that it keeps it unused."""
        self.kept_until = 0.0
        """When it is too old to be used again, on the event loop's clock; set by its pool."""
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._answered: asyncio.Future[Answer] | None = None
        self._reading: Reading | None = None
        self._ends = 0.0
        """When the answer that is waited for has to be whole."""
        self._watch: asyncio.TimerHandle | None = None
        """One timer for all requests: it looks no later than any has to end."""

    async def ask(self, request: bytes, ends: float, *, bodiless: bool = False) -> Answer:
        """Sends a request, and waits for its whole answer until `ends`, on the loop's clock.

        Raises `Lost`, `Oversized`. Where it does not return, the line carries nothing more.
        """
        if self.gone:
            raise Lost(Loss.CUT)
        if self._loop.time() >= ends:
            raise Lost(Loss.UNWRITTEN)
        self.keeps = False
        self._reading = Reading(bodiless=bodiless)
        self._answered = self._loop.create_future()
        self._ends = ends
        if self._watch is None or self._watch.when() > ends:
            self._look_at(ends)
        try:
            self._transport.write(request)
            return await self._answered
        finally:
            self._let_go()

    def is_quiet(self) -> bool:
        """Whether nothing came that the loop has not seen yet: an end, or what nobody asked for."""
        return not (self.gone or self._poll.poll(0))

    def cut(self) -> None:
        """Ends it here and now."""
        self.gone = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Takes bytes."""
        reading = self._reading
        if reading is None:
            self.cut()
        elif reading.feed(data):
            self._settle(reading)

    def eof_received(self) -> None:
        """Takes that no more will come; the transport closes itself then."""
        self.gone = True
        if reading := self._reading:
            reading.end()
            self._settle(reading)

    def connection_lost(self, error: Exception | None) -> None:
        """Takes that it is closed; an end that was not announced is a cut."""
        self.gone = True
        self._fail(Lost(Loss.CUT))
        if self._watch:
            self._watch.cancel()
        self.ended.set_result(None)
        self._on_end(self)

    def _settle(self, reading: Reading) -> None:
        if reading.fault:
            self._fail(reading.fault)
            return
        # A vendor may answer before it has read the whole request: the rest is still on its way.
        self.keeps = reading.keeps and not self._transport.get_write_buffer_size()
        self.kept_seconds = reading.kept_seconds
        if self._answered and not self._answered.done():
            self._answered.set_result(reading.answer())
        self._let_go()

    def _look_at(self, when: float) -> None:
        if self._watch:
            self._watch.cancel()
        self._watch = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """Whether the answer is late: an answer that came in time leaves its look to the next."""
        self._watch = None
        if self._answered is None:
            return
        if self._loop.time() < self._ends:
            self._look_at(self._ends)
            return
        unwritten = self._transport.get_write_buffer_size()
        self._fail(Lost(Loss.UNWRITTEN if unwritten else Loss.UNANSWERED))

    def _fail(self, why: Exception) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(why)
        self._let_go()

    def _let_go(self) -> None:
        """Whatever comes from here on is no part of the answer."""
        if self._reading:
            self._reading.let_go()
        self._reading = self._answered = None
