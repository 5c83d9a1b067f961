"""Where keys lie: the servers of one store, and the connections to each.

Each node has a pipe for scripts, a client for everything else, and one apart for sends that wait
for replicas: `WAIT` holds up all that stands behind it, and vouches for its own connection alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gateway.shared.pipe import Pipe
from gateway.shared.trail import StoreCalled

CONNECT_SECONDS: Final = 0.25
SOCKET_SECONDS: Final = 0.5
CONNECTIONS: Final = 64
APART: Final = 32


def _options() -> dict[str, Any]:
    """How every connection is made. With the newer protocol servers may stretch time limits."""
    return {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": SOCKET_SECONDS,
    }


class Node:
    """One server and the connections to it."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self.client = client(address, CONNECTIONS)
        # A `WAIT` takes as long as it was told to: whoever asks sets the limit.
        self.apart = client(address, APART, socket_timeout=None)
        self.pipe = Pipe(self.client.connection_pool.make_connection, SOCKET_SECONDS)

    async def close(self) -> None:
        """Ends its connections."""
        await self.pipe.close()
        await self.client.aclose()
        await self.apart.aclose()


Place = tuple[str, int]
"""The host and the port of a server."""


class Servers:
    """Every server of a store that was spoken to, by its place."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self._address = address
        self._nodes: dict[Place, Node] = {}

    def at(self, place: Place) -> Node:
        """The server at a place."""
        if place not in self._nodes:
            host, port = place
            self._nodes[place] = Node({**self._address, "host": host, "port": port})
        return self._nodes[place]

    async def close(self) -> None:
        """Ends all connections."""
        for node in self._nodes.values():
            await node.close()


Tell = Callable[[StoreCalled], None]


def unheard(_: StoreCalled) -> None:
    """Nobody wants to know."""


class Nodes(Protocol):
    """The servers of one store."""

    tell: Tell
    """Told of every call to them."""
    together: bool
    """Whether all keys lie on one server, so that one script may have any of them."""

    def known(self, key: str) -> Node | None:
        """The one that a key lies on, where nobody has to be asked for it."""

    async def of(self, key: str) -> Node:
        """The one that a key lies on."""

    async def all(self) -> Sequence[Node]:
        """Every one that takes writes."""

    def moved(self, began: float, *, surely: bool) -> None:
        """Told that a try, begun then by the monotonic clock, was sent elsewhere, or found nobody.

        Only where it was sent elsewhere something moved `surely`.
        """

    async def close(self) -> None:
        """Ends all connections."""


class OneNode:
    """A Redis on its own, with or without replicas."""

    together = True

    def __init__(self, url: str, tell: Tell = unheard) -> None:
        self.tell = tell
        self._node = Node(parse_url(url))

    def known(self, key: str) -> Node | None:
        """There is one for every key."""
        return self._node

    async def of(self, key: str) -> Node:
        """That one."""
        return self._node

    async def all(self) -> Sequence[Node]:
        """That one."""
        return [self._node]

    def moved(self, began: float, *, surely: bool) -> None:
        """Nothing moves."""

    async def close(self) -> None:
        """Ends its connections."""
        await self._node.close()


def client(address: Mapping[str, Any], size: int, **more: Any) -> Redis:
    """Up to so many connections to one address, which are made when they are needed."""
    options = {**_options(), **more, **address}
    pool = BlockingConnectionPool(max_connections=size, timeout=SOCKET_SECONDS, **options)
    return Redis.from_pool(pool)
