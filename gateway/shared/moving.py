"""Keys that move: to the primary that sentinels name, or about the servers of a Cluster.

Where they lie is asked when a call is first made, and again once one found nobody there. Of those
who are asked some may be cut off from the others, so the word of the highest epoch holds.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from redis.asyncio.connection import AbstractConnection, SSLConnection, parse_url
from redis.crc import key_slot
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import RedisError, SlotNotCoveredError

from gateway.shared.nodes import Node, Place, Servers, Tell, client, unheard

ASK_SECONDS: Final = 0.4
"""How long whoever is asked may take. All are asked at once."""
REST_SECONDS: Final = 0.1
"""How long a word stands at least while nobody answers, so that not every call asks."""

_SILENT = (RedisError, TimeoutError, OSError)

Told = TypeVar("Told")


class Word(Generic[Told]):
    """What was heard last; once it is in doubt, one call asks anew, and the others wait for it."""

    def __init__(self, ask: Callable[[], Awaitable[Told]]) -> None:
        self._ask = ask
        self._told: list[Told] = []
        self._asked = -math.inf
        self._doubted = True
        self._asking = asyncio.Lock()

    async def heard(self) -> Told:
        """What holds as far as anybody knows: where nobody answers, what held before."""
        if self._doubted:
            async with self._asking:
                if self._doubted:
                    await self._renew()
        return self._told[-1]

    def known(self) -> Told | None:
        """What holds, where nobody has to be asked."""
        return None if self._doubted else self._told[-1]

    def doubt(self, began: float, *, surely: bool) -> None:
        """A try that began then, by the monotonic clock, found that it holds no more, or nobody."""
        stands = self._asked + (0 if surely else REST_SECONDS)
        self._doubted = self._doubted or began > stands

    async def _renew(self) -> None:
        self._asked = time.monotonic()
        try:
            self._told = [await self._ask()]
        except _SILENT:
            if not self._told:
                raise
        self._doubted = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinels:
    """Who watches over the servers of a service."""

    service: str
    places: Sequence[Place]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False


class SentinelNodes:
    """The primary of a service; the address has all that its servers have in common.

    Its host is not asked. With TLS, what it says of certificates holds for the sentinels too.
    """

    together = True

    def __init__(self, url: str, sentinels: Sentinels, tell: Tell = unheard) -> None:
        self.tell = tell
        address = parse_url(url)
        self._servers = Servers({**address, "redis_connect_func": _only_a_primary})
        self._sentinels = sentinels
        self._way = _way(sentinels, address)
        self._primary = Word(self._named)

    def known(self, key: str) -> Node | None:
        """There is one for every key."""
        place = self._primary.known()
        return self._servers.at(place) if place else None

    async def of(self, key: str) -> Node:
        """That one."""
        return self._servers.at(await self._primary.heard())

    async def all(self) -> Sequence[Node]:
        """That one."""
        return [self._servers.at(await self._primary.heard())]

    def moved(self, began: float, *, surely: bool) -> None:
        """The sentinels are asked when it is next needed."""
        self._primary.doubt(began, surely=surely)

    async def close(self) -> None:
        """Ends all connections."""
        await self._servers.close()

    async def _named(self) -> Place:
        question = ("SENTINEL MASTER", self._sentinels.service)
        answers = await _asked(self._sentinels.places, self._way, question)
        named = [
            (int(said["config-epoch"]), (str(said["ip"]), int(said["port"])))
            for _, (said,) in answers
            if said["is_master"] and not said["is_sdown"] and not said["is_odown"]
        ]
        if not named:
            raise NoConnectionError("no sentinel names a primary")
        return max(named)[1]


async def _only_a_primary(connection: AbstractConnection) -> None:
    """What a connection begins with: a server that follows another would tell what is old.

    `ROLE` would say it in fewer words, and is not allowed to whoever may not administer.
    """
    await connection.on_connect()
    await connection.send_command("INFO", "replication")
    if b"role:master" not in await connection.read_response():
        raise NoConnectionError("this server is no primary")


def _way(sentinels: Sentinels, address: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the sentinels are spoken to."""
    own = {"username": sentinels.username, "password": sentinels.password}
    if not sentinels.tls:
        return own
    of_certificates = {name: value for name, value in address.items() if name.startswith("ssl_")}
    return {**own, **of_certificates, "connection_class": SSLConnection}


@dataclass(frozen=True, slots=True)
class Map:
    """Which server of a Cluster has which slot."""

    primaries: Mapping[int, Place]
    places: Sequence[Place]
    """Of all servers, those that only follow too."""


class ClusterNodes:
    """The primaries of a Cluster.

    The library's own client for one is not used: it routes no script in a pipeline, which a send
    with its `WAIT` needs, and draws no map while the server is away that it takes for the first.
    """

    together = False

    def __init__(self, url: str, tell: Tell = unheard) -> None:
        self.tell = tell
        self._address = parse_url(url)
        self._servers = Servers(self._address)
        self._places: Sequence[Place] = [
            (self._address.get("host", "localhost"), self._address.get("port", 6379))
        ]
        self._first = self._places
        self._map = Word(self._drawn)

    def known(self, key: str) -> Node | None:
        """The primary of the key's slot, as far as the map is sure of it."""
        drawn = self._map.known()
        place = drawn.primaries.get(key_slot(key.encode())) if drawn else None
        return self._servers.at(place) if place else None

    async def of(self, key: str) -> Node:
        """The primary of the key's slot."""
        place = (await self._map.heard()).primaries.get(key_slot(key.encode()))
        if place is None:
            raise SlotNotCoveredError(key)
        return self._servers.at(place)

    async def all(self) -> Sequence[Node]:
        """Every primary."""
        primaries = (await self._map.heard()).primaries
        return [self._servers.at(place) for place in dict.fromkeys(primaries.values())]

    def moved(self, began: float, *, surely: bool) -> None:
        """The map is drawn anew when it is next needed."""
        self._map.doubt(began, surely=surely)

    async def close(self) -> None:
        """Ends all connections."""
        await self._servers.close()

    async def _drawn(self) -> Map:
        places = dict.fromkeys((*self._places, *self._first))
        answers = await _asked(places, self._address, ("CLUSTER", "INFO"), ("CLUSTER", "SLOTS"))
        if not answers:
            raise NoConnectionError("no server of the Cluster answers")
        drawn = max(answers, key=lambda answer: _epoch(answer[1][0]))
        found = _map(drawn[0][0], drawn[1][1])
        self._places = found.places
        return found


def _epoch(info: bytes) -> tuple[int, ...]:
    """How recent what a server of a Cluster knows is.

    Those who gave a new primary their votes are in its epoch before they know its slots; in that
    moment the one that has been elected in it knows best.
    """
    lines = dict(line.partition(":")[::2] for line in info.decode().splitlines())
    return tuple(int(lines.get(f"cluster_{which}_epoch", 0)) for which in ("current", "my"))


def _map(host: str, slots: Iterable[Sequence[Any]]) -> Map:
    """The map as a host tells it, which may leave out its own name."""
    primaries: dict[int, Place] = {}
    places: dict[Place, None] = {}
    for first, last, *servers in slots:
        told = [((name or b"").decode() or host, int(port)) for name, port, *_ in servers]
        places |= dict.fromkeys(told)
        primaries |= dict.fromkeys(range(first, last + 1), told[0])
    return Map(primaries, list(places))


async def _asked(
    places: Iterable[Place], way: Mapping[str, Any], *questions: Sequence[str]
) -> list[tuple[Place, list[Any]]]:
    """Who answers all questions in time, and what."""

    async def asked(place: Place) -> tuple[Place, list[Any]] | None:
        host, port = place
        one = client({**way, "host": host, "port": port}, 1)
        try:
            with suppress(*_SILENT):
                async with asyncio.timeout(ASK_SECONDS):
                    pipe = one.pipeline(transaction=False)
                    for question in questions:
                        pipe.execute_command(*question)
                    return place, await pipe.execute()
        finally:
            await one.aclose()
        return None

    answers = await asyncio.gather(*(asked(place) for place in places))
    return [answer for answer in answers if answer]
