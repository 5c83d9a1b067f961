"""Names looked up and judged: what an address leads to is what is connected to (reliability.md 6).

A name that changes its address between the two changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from gateway.engine.addresses import is_outside
from gateway.errors import PrivateAddress

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses of a host. Raises OSError."""


async def looked_up(host: str, port: int) -> list[str]:
    """As the machine looks names up, in its order, each address once."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def judged(addresses: Sequence[str]) -> Sequence[str]:
    """The addresses of a host that has to lie outside. Raises `PrivateAddress` where one does not.

    One that lies inside is enough: which of them is connected to is chance.
    """
    if not all(map(is_outside, addresses)):
        raise PrivateAddress(
            "The vendor's host name leads to a private address; allow_private_address permits it."
        )
    return addresses
