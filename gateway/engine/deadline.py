"""The total time of a call: the client's own timeouts bound each step, not the whole."""

import asyncio
from collections.abc import Callable

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.errors import DeadlineExceeded
from gateway.translator import VendorResponse

MIN_SECONDS = 0.05
"""Less than this is no time in which a vendor answers."""


def deadline(clock: Callable[[], float]) -> Layer:
    """A layer that ends a call at its deadline, and makes none when the time is already up."""

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            if call.until - clock() < MIN_SECONDS:
                raise DeadlineExceeded("Too little time was left to ask the vendor.")
            try:
                async with asyncio.timeout_at(call.ends):
                    return await inner(call)
            except TimeoutError:
                call.broke = call.sent
                raise call.lost("the time is up", timeout=True) from None

        return exchange

    return around
