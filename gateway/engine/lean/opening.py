"""Opening lines: a name is looked up, judged, raced for and spoken TLS to, in one go."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.engine.lean.line import Line
from gateway.engine.lookup import Lookup, judged
from gateway.engine.network import Loss, Lost, Origin

HEAD_START: Final = 0.25
"""Seconds that an address has before the next one is tried beside it (RFC 8305 5)."""
GOODBYE_SECONDS: Final = 1.0
"""How long a vendor may take to end TLS."""

Dial = Callable[[str], Awaitable[socket.socket]]
"""Connects to an IP address. Raises OSError."""


async def opened(
    origin: Origin,
    context: ssl.SSLContext,
    lookup: Lookup,
    seconds: float,
    on_end: Callable[[Line], None],
) -> Line:
    """A new line, ready for a request. Raises `Lost`, `PrivateAddress`."""
    try:
        async with asyncio.timeout(seconds):
            addresses = await lookup(origin.host, origin.port)
            if origin.outside_only:
                addresses = judged(addresses)
            connected = await first_of(addresses, lambda address: _dialled(address, origin.port))
            return await _spoken_to(connected, origin, context, on_end)
    except TimeoutError:
        raise Lost(Loss.UNREACHED_IN_TIME) from None
    except (OSError, UnicodeError) as error:
        raise Lost(Loss.UNREACHED) from error


async def first_of(
    addresses: Sequence[str], dial: Dial, *, head_start: float = HEAD_START
) -> socket.socket:
    """The first connection that stands: the next address is tried when one failed, or is slow.

    Raises OSError, the last one.
    """
    if len(addresses) == 1:
        return await dial(addresses[0])
    left = deque(addresses)
    attempts: set[asyncio.Future[socket.socket]] = set()
    refusal = OSError("the host has no address")
    try:
        while left or attempts:
            if left:
                attempts.add(asyncio.ensure_future(dial(left.popleft())))
            patience = head_start if left else None
            ended, _ = await asyncio.wait(
                attempts, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in ended:
                attempts.discard(attempt)
                if (error := attempt.exception()) is None:
                    return attempt.result()
                refusal = error if isinstance(error, OSError) else refusal
        raise refusal
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_unwanted)
            attempt.cancel()


def _unwanted(attempt: asyncio.Future[socket.socket]) -> None:
    """Closes what stands all the same: it may have come about just as another did."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _dialled(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connecting = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        connecting.settimeout(0)
        await asyncio.get_running_loop().sock_connect(connecting, (address, port))
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _spoken_to(
    connected: socket.socket,
    origin: Origin,
    context: ssl.SSLContext,
    on_end: Callable[[Line], None],
) -> Line:
    """The line over a connection; with TLS it is to the host's name, and verified."""
    loop = asyncio.get_running_loop()
    if not origin.secure:
        _, line = await loop.create_connection(lambda: Line(on_end), sock=connected)
        return line
    _, line = await loop.create_connection(
        lambda: Line(on_end),
        sock=connected,
        ssl=context,
        server_hostname=origin.host,
        ssl_shutdown_timeout=GOODBYE_SECONDS,
    )
    return line
