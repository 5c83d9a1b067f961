"""Redis in company: a primary with followers and sentinels, and a Cluster; each server a process.

The figures are such that a failover takes seconds, and that a busy machine does not cause one.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
from redis.sentinel import Sentinel as Directory

from tests.programs import REDIS, Found, Toolbox
from tests.servers import PATIENCE, RedisServer, Server, free_port

SERVICE: Final = "records"
SLOTS: Final = 16384
DOWN_MS: Final = 4000
"""After so long a silence a server counts as down."""


class Sentinel(RedisServer):
    """A redis-server that watches over others."""

    def __init__(self, found: Found, folder: Path, primary: RedisServer, quorum: int) -> None:
        """Makes it, not yet started."""
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        # It keeps what it finds out in its own file.
        configuration = folder / "sentinel.conf"
        configuration.write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} {quorum}\n"
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_MS}\n"
            f"sentinel failover-timeout {SERVICE} {2 * DOWN_MS}\n",
            encoding="utf-8",
        )
        Server.__init__(self, REDIS, found, folder, [str(configuration), "--sentinel"])

    def told(self) -> Mapping[str, Any]:
        """What it knows of the primary."""
        told = self.ask("SENTINEL MASTER", SERVICE)
        assert isinstance(told, dict)
        return told


@dataclass(frozen=True)
class Watched:
    """A primary, its followers, and who watches over them."""

    servers: Sequence[RedisServer]
    sentinels: Sequence[Sentinel]

    @property
    def url(self) -> str:
        """What the servers have in common; it names none of them."""
        return "redis://redis.invalid/0"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What belongs into `[redis]` besides it."""
        nodes = [f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels]
        return {"sentinel": {"service": SERVICE, "nodes": nodes}}

    @property
    def spare(self) -> bool:
        """Whether a primary that was promoted has a follower at once."""
        return len(self.servers) > 2

    def client(self, **how: Any) -> Any:
        """Looks into the store, wherever it is just now."""
        places = [("127.0.0.1", sentinel.port) for sentinel in self.sentinels]
        directory = Directory(places)  # type: ignore[no-untyped-call]  # the library's lack
        return directory.master_for(SERVICE, **how)  # type: ignore[no-untyped-call]  # the same

    def owner(self, _key: str = "") -> RedisServer:
        """The primary, by the latest word there is."""
        told = [sentinel.told() for sentinel in self.sentinels]
        latest = max(told, key=lambda said: int(said["config-epoch"]))
        return next(server for server in self.servers if server.port == int(latest["port"]))


@dataclass(frozen=True)
class Cluster:
    """Servers that share the slots: primaries, then a follower for each or none."""

    servers: Sequence[RedisServer]

    @property
    def url(self) -> str:
        """One of them, which knows the others."""
        return self.servers[-1].url

    @property
    def settings(self) -> Mapping[str, Any]:
        """What belongs into `[redis]` besides it."""
        return {"cluster": True}

    @property
    def spare(self) -> bool:
        """Whether a primary that was promoted has a follower at once."""
        return False

    def client(self, **how: Any) -> Any:
        """Looks into all of the store."""
        return redis.RedisCluster(host="127.0.0.1", port=self.servers[-1].port, **how)

    def owner(self, key: str) -> RedisServer:
        """The primary of a key's slot, by the latest word there is."""
        latest = max((server for server in self.servers if server.answers()), key=_epoch)
        slot, ranges = latest.ask("CLUSTER", "KEYSLOT", key), latest.ask("CLUSTER", "SLOTS")
        assert isinstance(slot, int)
        assert isinstance(ranges, list)
        (port,) = (primary[1] for first, last, primary, *_ in ranges if first <= slot <= last)
        return next(server for server in self.servers if server.port == port)


Company = Watched | Cluster


@contextmanager
def watched(folder: Path, *, followers: int = 2, sentinels: int = 3) -> Iterator[Watched]:
    """A primary that is watched over; it is complete when each sentinel knows all of it."""
    with ExitStack() as running:
        primary, *others = _servers(running, folder, 1 + followers, {})
        for follower in others:
            follower.ask("REPLICAOF", "127.0.0.1", primary.port)
        found, quorum = Toolbox(os.environ).needed(REDIS), sentinels // 2 + 1
        watching = []
        for number in range(sentinels):
            place = folder / f"sentinel-{number}"
            place.mkdir()
            sentinel = Sentinel(found, place, primary, quorum)
            running.callback(sentinel.end)
            sentinel.start()
            watching.append(sentinel)

        def complete() -> bool:
            told = [sentinel.told() for sentinel in watching]
            known = {(said["num-slaves"], said["num-other-sentinels"]) for said in told}
            return known == {(followers, sentinels - 1)} and all(map(follows, others))

        _wait(complete)
        yield Watched([primary, *others], watching)


@contextmanager
def clustered(
    folder: Path, *, primaries: int = 3, followers: int = 1, **settings: str
) -> Iterator[Cluster]:
    """A Cluster, with so many followers for each primary; complete when all know of all."""
    size = primaries * (1 + followers)
    with ExitStack() as running:
        joined = {"cluster_enabled": "yes", "cluster_node_timeout": str(DOWN_MS), **settings}
        servers = _servers(running, folder, size, joined)
        leading, following = servers[:primaries], servers[primaries:]
        for number, server in enumerate(leading):
            first, last = (SLOTS * at // primaries for at in (number, number + 1))
            server.ask("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
        for server in servers[1:]:
            bus = server.ask("CONFIG", "GET", "cluster-port")
            assert isinstance(bus, dict)
            servers[0].ask("CLUSTER", "MEET", "127.0.0.1", server.port, bus["cluster-port"])
        _wait(lambda: all(_knows(server, size) for server in servers))
        for number, server in enumerate(following):
            name = leading[number % primaries].ask("CLUSTER", "MYID")
            server.ask("CLUSTER", "REPLICATE", str(name))
        _wait(lambda: all(map(follows, following)))
        _wait(lambda: all(_followers(server) == len(following) for server in servers))
        yield Cluster(servers)


def follows(server: RedisServer) -> bool:
    """Whether it follows a primary, and has all that the primary has."""
    try:
        role = server.ask("ROLE")
    except redis.RedisError:  # it is being told to
        return False
    return isinstance(role, list) and role[0] == "slave" and role[3] == "connected"


def give(slot: int, source: RedisServer, target: RedisServer) -> None:
    """Hands a slot, emptied, from one primary of a Cluster to another."""
    source_id, target_id = (str(server.ask("CLUSTER", "MYID")) for server in (source, target))
    keys = source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100)
    assert isinstance(keys, list)
    for key in keys:
        source.ask("DEL", key)
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    target.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)
    source.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)


def _servers(
    running: ExitStack, folder: Path, size: int, settings: Mapping[str, str]
) -> Sequence[RedisServer]:
    found = Toolbox(os.environ).needed(REDIS)
    servers = []
    for number in range(size):
        place = folder / f"server-{number}"
        place.mkdir()
        bus = {"cluster_port": str(free_port())} if "cluster_enabled" in settings else {}
        server = RedisServer(found, place, **{"appendonly": "yes", **settings, **bus})
        running.callback(server.end)
        server.start()
        servers.append(server)
    return servers


def _knows(server: RedisServer, size: int) -> bool:
    said = str(server.ask("CLUSTER", "INFO"))
    return "cluster_state:ok" in said and f"cluster_known_nodes:{size}" in said


def _followers(server: RedisServer) -> int:
    """How many it knows to follow another: it would give others no vote to be promoted."""
    said = server.ask("CLUSTER", "NODES")
    assert isinstance(said, str)
    return sum(line.split(" ")[3] != "-" for line in said.splitlines())


def _epoch(server: RedisServer) -> tuple[int, int]:
    """How recent what it knows is; of those in one epoch who was elected in it knows best."""
    told = server.ask("CLUSTER INFO")
    assert isinstance(told, dict)
    return int(told["cluster_current_epoch"]), int(told["cluster_my_epoch"])


def _wait(complete: Callable[[], bool]) -> None:
    patient_until = time.monotonic() + PATIENCE
    while not complete():
        assert time.monotonic() < patient_until, "the servers do not come together"
        time.sleep(0.02)
