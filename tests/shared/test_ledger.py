"""The ledger, in one process, on Redis and on a Cluster: bounded, expiring, the same everywhere."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from gateway.errors import StoreUnavailable
from gateway.shared.ledger import BUCKETS, Entry, Keep, Ledger, MemoryLedger, RedisLedger
from gateway.shared.moving import ClusterNodes
from gateway.shared.nodes import OneNode
from tests.idempotency.conftest import cluster_servers, cluster_url
from tests.servers import RedisServer

__all__ = ["cluster_servers", "cluster_url"]

DAY = Keep(hours=24, records=BUCKETS * 3)


@pytest.fixture(params=["redis", "cluster", "memory"])
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    """Each kind, with room for three records in a bucket."""
    found: Ledger = MemoryLedger(DAY, time.monotonic)
    if request.param != "memory":
        cluster = request.param == "cluster"
        url: str = request.getfixturevalue("cluster_url" if cluster else "redis_url")
        found = RedisLedger((ClusterNodes if cluster else OneNode)(url), DAY)
    yield found
    await found.close()


def entry(bucket: str | None = None) -> Entry:
    """A record that nobody has written."""
    chance = secrets.token_hex(12)
    return Entry(
        request_id=f"req_{(bucket or chance)[:2]}{chance[2:]}",
        caller="billing",
        connections=("acme-one", "acme-two"),
        told=b'{"status": 201}',
    )


def bucket() -> str:
    """The name of some bucket."""
    return secrets.token_hex(1)


async def test_what_is_put_is_found(ledger: Ledger) -> None:
    """Whole, by its id alone, and nothing is found by another's."""
    many = [entry() for _ in range(20)]
    many[3] = replace(many[3], connections=(), told=b"{}")
    await ledger.put(many)
    assert [await ledger.get(each.request_id) for each in many] == many
    assert await ledger.get(entry().request_id) is None


async def test_a_record_may_be_put_again(ledger: Ledger) -> None:
    """Whoever got no reply puts it once more, and takes nobody's place with that."""
    first, *others = (entry("aa") for _ in range(3))
    await ledger.put([first, *others])
    for _ in range(5):
        await ledger.put([others[1]])
    assert [await ledger.get(each.request_id) for each in (first, *others)] == [first, *others]


async def test_nothing_put_is_nothing(ledger: Ledger) -> None:
    """There is nothing to ask the store for."""
    await ledger.put([])


async def test_the_oldest_go_where_there_are_too_many(ledger: Ledger) -> None:
    """Each bucket holds its part, so the whole is bounded; other buckets keep theirs."""
    which = bucket()
    bystander = entry(f"{(int(which, 16) + 1) % BUCKETS:02x}")
    await ledger.put([bystander])
    many = [entry(which) for _ in range(8)]
    await ledger.put(many)
    found = [await ledger.get(each.request_id) for each in many]
    assert found == [None] * 5 + many[5:]
    assert await ledger.get(bystander.request_id) == bystander


async def test_a_record_ends_with_its_time() -> None:
    """In memory by the clock of the process."""
    now = [0.0]
    ledger = MemoryLedger(Keep(hours=2, records=1000), lambda: now[0])
    one = entry()
    await ledger.put([one])
    now[0] = 2 * 3600 - 0.1
    assert await ledger.get(one.request_id) == one
    now[0] = 2 * 3600
    assert await ledger.get(one.request_id) is None


async def test_everything_in_redis_has_an_end(start_redis: Callable[..., RedisServer]) -> None:
    """No key of the ledger stays for good; what the bound threw out is gone at once."""
    server = start_redis()
    ledger = RedisLedger(OneNode(server.url), replace(DAY, hours=2))
    await ledger.put([entry("aa") for _ in range(5)])
    keys = server.ask("KEYS", "*")
    assert isinstance(keys, list)
    assert len(keys) == 3 + 1
    for key in keys:
        left = server.ask("PTTL", key)
        assert isinstance(left, int)
        assert 0 < left <= 2 * 3600 * 1000
    await ledger.close()


async def test_without_redis_every_call_says_so(start_redis: Callable[..., RedisServer]) -> None:
    """And nothing else: who asks decides alone."""
    server = start_redis()
    ledger = RedisLedger(OneNode(server.url), DAY)
    one = entry()
    await ledger.put([one])
    server.kill()
    for asked in (ledger.put([one]), ledger.get(one.request_id)):
        with pytest.raises(StoreUnavailable):
            await asked
    await ledger.close()


async def test_replicas_write_at_once(redis_url: str) -> None:
    """What several put into one bucket at a time is bounded all the same."""
    which, replicas = bucket(), [RedisLedger(OneNode(redis_url), DAY) for _ in range(3)]
    many = [entry(which) for _ in range(30)]
    await asyncio.gather(*(replicas[number % 3].put([each]) for number, each in enumerate(many)))
    found = [await replicas[0].get(each.request_id) for each in many]
    assert len([each for each in found if each]) == 3
    for each in replicas:
        await each.close()
