"""HTTP/2 by the stock client, made fit for writes: many requests share one line.

What the client does with them by itself is not good enough, in four ways (0036). It takes a
stream's number before our gate is awaited, so that whoever comes meanwhile gets the same. A read
that takes too long fails all others of the line. A line that the vendor is done with is used once
more. And where a vendor ends a line, those still under way are told of a mistake of ours.
"""

import asyncio
from typing import Self

from gateway.engine.network import Answer, Loss, Lost, Network, Origin, Outgoing
from gateway.engine.stock import Pooled, carried, let_go_of_done


class Multiplexed(Network):
    """The network behind a transport of httpx that may speak HTTP/2."""

    def __init__(self, transport: Pooled) -> None:
        self._transport = transport
        self._turns: dict[Origin, asyncio.Lock] = {}

    async def carry(self, outgoing: Outgoing) -> Answer:
        turns = self._turns.setdefault(outgoing.origin, asyncio.Lock())
        async with _Turn(turns, outgoing.connect) as turn:
            await let_go_of_done(self._transport)
            try:
                async with asyncio.timeout_at(outgoing.ends):
                    return await carried(self._transport, outgoing, seconds=None, gone=turn.over)
            except TimeoutError:
                raise Lost(Loss.UNANSWERED) from None
            except Lost as lost:
                if turn.lasts or lost.loss is not Loss.MISSPELT:
                    raise
                raise Lost(Loss.BROKEN) from lost

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Turn:
    """The time until a request's head has left, in which no other of its origin goes."""

    def __init__(self, turns: asyncio.Lock, seconds: float) -> None:
        self._turns = turns
        self._seconds = seconds
        self.lasts = False

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise Lost(Loss.CROWDED) from None
        self.lasts = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.over()

    def over(self) -> None:
        """Lets the next one go."""
        if self.lasts:
            self.lasts = False
            self._turns.release()
