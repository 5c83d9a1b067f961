"""The contract is tested on every store that fills it: Redis, a Redis Cluster, and memory."""

from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from tests.idempotency.bench import Bench, MemoryBench, RedisBench
from tests.servers import RedisServer
from tests.stores import clustered


@pytest.fixture(scope="session")
def cluster_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[RedisServer]]:
    """Two primaries that share the slots and keep nothing on disk; the tests empty them."""
    folder = tmp_path_factory.mktemp("cluster")
    with clustered(folder, primaries=2, followers=0, appendonly="no") as cluster:
        yield cluster.servers


@pytest.fixture(scope="session")
def cluster_url(cluster_servers: Sequence[RedisServer]) -> str:
    """One of the primaries, which knows the other."""
    return cluster_servers[0].url


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
