"""A lean HTTP/1.1 client as a network: what it is asked to carry it sends, once, and nothing else.

Reading order: reading (bytes into an answer), line (one connection), opening (names into lines),
pool (the lines of one origin).
"""

import asyncio
import ssl
from functools import partial
from typing import Final

from gateway.engine.lean.opening import opened
from gateway.engine.lean.pool import Pool
from gateway.engine.lookup import Lookup, looked_up
from gateway.engine.network import Answer, Loss, Lost, Network, Origin, Outgoing

KEPT_SECONDS: Final = 15.0
"""How long a line is kept that nobody uses; vendors hang up too, and one that does so just as a
write goes out leaves its outcome unknown."""

_WITH_BODIES: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods that say the length of their body, also where it is none (RFC 9110 8.6)."""


class Lean(Network):
    """Lines to vendors, in a pool for each origin."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        connections: int,
        kept_seconds: float = KEPT_SECONDS,
        lookup: Lookup = looked_up,
    ) -> None:
        """`connections` is how many lines there are at most to one origin."""
        self._context = context
        self._connections = connections
        self._kept_seconds = kept_seconds
        self._lookup = lookup
        self._pools: dict[Origin, Pool] = {}

    async def carry(self, outgoing: Outgoing) -> Answer:
        request = _spelled(outgoing)
        pool = self._pool(outgoing.origin)
        line = await pool.line(outgoing.connect)
        try:
            await outgoing.gate()
            if not line.is_quiet():  # it hung up meanwhile, and not a byte had been written
                line.cut()
                line = await pool.another(outgoing.connect)
            answer = await line.ask(request, outgoing.ends, bodiless=outgoing.method == "HEAD")
        finally:
            pool.give_back(line)
        return answer

    async def aclose(self) -> None:
        await asyncio.gather(*(pool.aclose() for pool in self._pools.values()))

    def _pool(self, origin: Origin) -> Pool:
        pool = self._pools.get(origin)
        if pool is None:
            opening = partial(opened, origin, self._context, self._lookup)
            pool = Pool(opening, limit=self._connections, kept_seconds=self._kept_seconds)
            self._pools[origin] = pool
        return pool


def _spelled(outgoing: Outgoing) -> bytes:
    """The request as bytes; what stands in its headers was checked before."""
    lines = [f"{name}: {value}" for name, value in outgoing.headers.items()]
    start = f"{outgoing.method} {outgoing.target} HTTP/1.1\r\nHost: {outgoing.origin.authority}"
    content = outgoing.content or b""
    if content or outgoing.method in _WITH_BODIES:
        lines.append(f"Content-Length: {len(content)}")
    head = "\r\n".join((start, *lines))
    try:
        return b"%b\r\n\r\n%b" % (head.encode("ascii"), content)
    except UnicodeEncodeError:
        raise Lost(Loss.MISSPELT) from None
