"""The contract is tested on every store that fills it: Redis, a Redis Cluster, and memory."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests.idempotency.bench import SLOTS, Bench, MemoryBench, RedisBench
from tests.programs import REDIS, Toolbox
from tests.servers import PATIENCE, RedisServer, free_port


@pytest.fixture(scope="session")
def cluster_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    """Two primaries that share the slots; the tests empty them."""
    found = Toolbox(os.environ).needed(REDIS)
    with ExitStack() as running:
        servers = []
        for _ in range(2):
            folder = tmp_path_factory.mktemp("cluster")
            server = RedisServer(
                found, folder, cluster_enabled="yes", cluster_port=str(free_port())
            )
            running.callback(server.end)
            server.start()
            servers.append(server)
        _join(*servers)
        yield servers


@pytest.fixture(scope="session")
def cluster_url(cluster_servers: list[RedisServer]) -> str:
    """One of the primaries, which knows the other."""
    return cluster_servers[0].url


def _join(first: RedisServer, second: RedisServer) -> None:
    bus = second.ask("CONFIG", "GET", "cluster-port")
    assert isinstance(bus, dict)
    first.ask("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS // 2 - 1)
    second.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS // 2, SLOTS - 1)
    first.ask("CLUSTER", "MEET", "127.0.0.1", second.port, bus["cluster-port"])
    patient_until = time.monotonic() + PATIENCE
    while not all(_knows_all(server) for server in (first, second)):
        assert time.monotonic() < patient_until, "the cluster does not come together"
        time.sleep(0.02)


def _knows_all(server: RedisServer) -> bool:
    said = str(server.ask("CLUSTER", "INFO"))
    return "cluster_state:ok" in said and "cluster_known_nodes:2" in said


@pytest.fixture(params=["redis", "cluster", "memory"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """An empty store of each kind, with a clock that stands still until the test moves it."""
    if request.param == "memory":
        bench: Bench = MemoryBench.new()
    else:
        cluster = request.param == "cluster"
        url: str = request.getfixturevalue("cluster_url" if cluster else "redis_url")
        bench = await RedisBench.at(url, cluster=cluster)
    yield bench
    await bench.store.close()


@pytest.fixture
async def redis_bench(redis_url: str) -> AsyncIterator[RedisBench]:
    """The store on Redis alone, for what only Redis does."""
    bench = await RedisBench.at(redis_url)
    yield bench
    await bench.store.close()
