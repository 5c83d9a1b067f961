"""Where keys lie: one Redis, or the node of a Cluster that a key's hash tag chooses.

Each node has two clients: one for everything, and one apart for sends that wait for replicas.
`WAIT` holds up all that stands behind it, and vouches for its own connection alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import SlotNotCoveredError

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
    """One server and the two pools of connections to it."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self.client = _client(address, CONNECTIONS, {})
        # A `WAIT` takes as long as it was told to: whoever asks sets the limit.
        self.apart = _client(address, APART, {"socket_timeout": None})

    async def close(self) -> None:
        """Ends its connections."""
        await self.client.aclose()
        await self.apart.aclose()


class Nodes(Protocol):
    """The servers of one store."""

    async def of(self, key: str) -> Node:
        """The one that a key lies on."""

    async def all(self) -> Sequence[Node]:
        """Every one that takes writes."""

    async def moved(self) -> None:
        """Told that a key was not where it was looked for."""

    async def close(self) -> None:
        """Ends all connections."""


class OneNode:
    """A Redis on its own, with or without replicas."""

    def __init__(self, url: str) -> None:
        self._node = Node(parse_url(url))

    async def of(self, key: str) -> Node:
        """There is one for every key."""
        return self._node

    async def all(self) -> Sequence[Node]:
        """That one."""
        return [self._node]

    async def moved(self) -> None:
        """Nothing moves."""

    async def close(self) -> None:
        """Ends its connections."""
        await self._node.close()


class ClusterNodes:
    """The primaries of a Cluster; the library is asked for the map alone.

    It would route scripts as well, but not in a pipeline, which a send with its `WAIT` needs.
    """

    def __init__(self, url: str) -> None:
        self._address = parse_url(url)
        self._map: RedisCluster = RedisCluster.from_url(url, **_options())
        self._nodes: dict[tuple[str, int], Node] = {}

    async def of(self, key: str) -> Node:
        """The primary of the key's slot."""
        slots = await self._map.initialize()
        found = slots.get_node_from_key(key)
        if found is None:
            raise SlotNotCoveredError(key)
        return self._node(found.host, int(found.port))

    async def all(self) -> Sequence[Node]:
        """Every primary."""
        slots = await self._map.initialize()
        return [self._node(found.host, int(found.port)) for found in slots.get_primaries()]

    async def moved(self) -> None:
        """Draws the map anew when it is next needed."""
        await self._map.aclose()

    async def close(self) -> None:
        """Ends all connections."""
        await self._map.aclose()
        for node in self._nodes.values():
            await node.close()

    def _node(self, host: str, port: int) -> Node:
        if (host, port) not in self._nodes:
            self._nodes[host, port] = Node({**self._address, "host": host, "port": port})
        return self._nodes[host, port]


def _client(address: Mapping[str, Any], size: int, more: Mapping[str, Any]) -> Redis:
    options = {**_options(), **more, **address}
    pool = BlockingConnectionPool(max_connections=size, timeout=SOCKET_SECONDS, **options)
    return Redis.from_pool(pool)
