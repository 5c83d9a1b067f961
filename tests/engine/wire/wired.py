"""Either network on real sockets, and what calls over it come to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from gateway.app.networks import networks
from gateway.connections import Carrier, Client
from gateway.engine.exchange import Call, Exchange
from gateway.engine.network import Network
from gateway.engine.wire import wire
from gateway.errors import GatewayError
from gateway.translator import VendorRequest, VendorResponse, read, write
from tests.engine.hostile import Behaviour, Hostile, hostile

READ = read("get", "things/1", {"q": "a b&c", "none": None})
WRITE = write("update", "PATCH", "things/1", {"amount": Decimal("12345678901234567890.10")})
LONG = 30.0
SHORT = 0.4
"""Seconds after which a call that never ends is given up."""


@dataclass(frozen=True, slots=True)
class Wired:
    """The gateway's networks, of which this is one."""

    kind: Client

    @asynccontextmanager
    async def client(self, connections: int = 8) -> AsyncIterator[Network]:
        """The network, with so many lines at most."""
        every = networks(connections=connections)
        try:
            yield every.of(Carrier(self.kind))
        finally:
            await every.aclose()

    @asynccontextmanager
    async def connected(self, behaves: Behaviour) -> AsyncIterator[tuple[Hostile, Exchange]]:
        """A vendor that behaves so, and the wire to it."""
        async with hostile(behaves) as vendor, self.client() as network:
            yield vendor, wire(network, vendor.url, connect_seconds=3, clock=now)


class Recorded:
    """A permit that keeps what it was asked and told, and may refuse."""

    def __init__(self, vendor: Hostile, refusal: GatewayError | None = None) -> None:
        self._vendor = vendor
        self._refusal = refusal
        self.leaves: list[int] = []
        """Bytes that the vendor had seen when leave was asked, and a moment later."""
        self.notes: list[VendorResponse] = []

    async def leave(self, request: VendorRequest) -> None:
        """Lets a write go, or not."""
        self.leaves.append(self._vendor.bytes_seen)
        await asyncio.sleep(0.02)
        self.leaves.append(self._vendor.bytes_seen)
        if self._refusal:
            raise self._refusal

    async def note(self, request: VendorRequest, response: VendorResponse) -> None:
        """Hears of the reply."""
        self.notes.append(response)


def now() -> float:
    """The clock of the running loop."""
    return asyncio.get_running_loop().time()


def calling(request: VendorRequest, seconds: float = LONG, **members: Any) -> Call:
    """A call that has some seconds."""
    until = now() + seconds
    return Call(**{"request": request, "until": until, "patience": until, **members})


async def lost(exchange: Exchange, request: VendorRequest, seconds: float = LONG) -> GatewayError:
    """What a call ends in that gets no answer."""
    with pytest.raises(GatewayError) as caught:
        await exchange(calling(request, seconds))
    return caught.value
