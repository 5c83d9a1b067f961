"""What a Redis says of itself, and what is made of it; and how a loss of records is noticed."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.durability import judged, together
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.replies import StoreHealth
from tests.faults.waiting import until
from tests.idempotency.bench import KEY, Bench, MemoryBench, RedisBench
from tests.servers import RedisServer
from tests.stores import follows

StartRedis = Callable[..., RedisServer]

GOOD: dict[str, Any] = {
    "maxmemory_policy": "noeviction",
    "maxmemory": 1000,
    "used_memory": 599,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "connected_slaves": 1,
    "min_slaves_good_slaves": 1,
}


def test_good_settings_leave_nothing_to_say() -> None:
    """Everything that reliability.md 2.5 requires."""
    assert judged(GOOD, "always", replicas=1) == StoreHealth(ok=True)


@pytest.mark.parametrize(
    ("info", "appendfsync", "about"),
    [
        ({"maxmemory_policy": "allkeys-lru"}, "always", "allkeys-lru"),
        ({"maxmemory_policy": "volatile-ttl"}, "always", "volatile-ttl"),
        ({"aof_enabled": 0}, None, "appendonly"),
        ({}, "no", "appendfsync"),
    ],
)
def test_settings_that_lose_records_are_not_ok(
    info: dict[str, Any], appendfsync: str | None, about: str
) -> None:
    """With strict durability a replica does not start on them."""
    health = judged({**GOOD, **info}, appendfsync, replicas=1)
    assert not health.ok
    assert [about in reason for reason in health.reasons] == [True]


def test_what_a_server_does_not_say_is_not_taken_for_good() -> None:
    """An `INFO` cut short by a proxy or a tight ACL."""
    assert not judged({}, None, replicas=0).ok


@pytest.mark.parametrize(
    ("info", "about"),
    [
        ({"used_memory": 600}, "60 % of maxmemory"),
        ({"used_memory": 985}, "98 % of maxmemory"),
        ({"connected_slaves": 0}, "0 of 1 replicas"),
        ({"aof_last_write_status": "err"}, "append-only file"),
    ],
)
def test_what_may_pass_is_degraded(info: dict[str, Any], about: str) -> None:
    """It is told, and keeps no replica from starting."""
    health = judged({**GOOD, **info}, "always", replicas=1)
    assert health.ok
    assert [about in reason for reason in health.reasons] == [True]


def test_without_a_limit_memory_is_not_short() -> None:
    """`maxmemory 0` is none."""
    assert judged({**GOOD, "maxmemory": 0}, "always", replicas=1) == StoreHealth(ok=True)


@pytest.mark.parametrize(("appendfsync", "about"), [(None, "unverified"), ("everysec", "second")])
def test_what_is_worth_knowing_is_no_fault(appendfsync: str | None, about: str) -> None:
    """Managed services do not let it be asked."""
    health = judged(GOOD, appendfsync, replicas=1)
    assert (health.ok, health.reasons) == (True, ())
    assert about in health.notes[0]


@pytest.mark.parametrize(("replicas", "notes"), [(1, 1), (0, 0)])
def test_a_primary_that_could_be_cut_off_is_noted(replicas: int, notes: int) -> None:
    """It would take writes that are lost in a failover; where nobody follows there is none."""
    info = {name: said for name, said in GOOD.items() if not name.startswith("min_")}
    health = judged({**info, "connected_slaves": replicas}, "always", replicas=0)
    assert (health.ok, health.reasons) == (True, ())
    assert ["min-replicas-to-write" in note for note in health.notes] == [True] * notes


async def test_a_real_primary_says_whether_it_could_be_cut_off(start_redis: StartRedis) -> None:
    """Where it asks for replicas itself there is nothing to note."""
    first, second = start_redis(), start_redis()
    second.ask("REPLICAOF", "127.0.0.1", first.port)
    assert await until(lambda: follows(second))
    store = RedisStore.at(first.url)
    assert len((await store.health()).notes) == 1
    first.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    assert (await store.health()).notes == ()
    await store.close()


def test_of_several_nodes_the_worst_counts() -> None:
    """And what they all say is told once."""
    bad = StoreHealth(ok=False, reasons=("a", "b"), notes=("n",))
    assert together([StoreHealth(ok=True, reasons=("a",), notes=("n",)), bad]) == bad


async def test_a_real_server_is_judged_by_its_settings(start_redis: StartRedis) -> None:
    """As Debian ships it, and as it ought to be; also after somebody changed it."""
    forgetful = RedisStore.at(start_redis().url)
    assert not (await forgetful.health()).ok
    await forgetful.close()
    server = start_redis(appendonly="yes", appendfsync="always")
    store = RedisStore.at(server.url)
    assert await store.health() == StoreHealth(ok=True)
    assert (await store.health(replicas=1)).reasons
    server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert not (await store.health()).ok
    await store.close()


async def test_a_server_that_hides_its_settings_is_unverified(start_redis: StartRedis) -> None:
    """`CONFIG` is forbidden, `INFO` is not."""
    server = start_redis(appendonly="yes", appendfsync="always")
    server.ask("ACL", "SETUSER", "default", "-config")
    store = RedisStore.at(server.url)
    health = await store.health()
    assert (health.ok, health.reasons) == (True, ())
    assert "unverified" in health.notes[0]
    await store.close()


async def test_every_node_of_a_cluster_is_judged(cluster_url: str) -> None:
    """One that forgets is enough."""
    store = RedisStore.at(cluster_url, cluster=True)
    assert not (await store.health()).ok
    await store.close()


async def test_memory_says_that_it_is_memory() -> None:
    """It is for development, where that is no fault."""
    health = await MemoryBench.new().store.health()
    assert health.ok
    assert "process" in health.notes[0]


def test_a_count_that_fell_is_a_loss_once() -> None:
    """From then on the lower count is known, so that an operator can end the mode."""
    seen = Highwaters()
    assert not seen.fell("07", known=seen.known("07"), found=5)
    assert seen.fell("07", known=seen.known("07"), found=4)
    assert not seen.fell("07", known=seen.known("07"), found=4)


def test_answers_that_overtake_each_other_are_no_loss() -> None:
    """A count is compared with what was known when it was asked for."""
    seen = Highwaters()
    seen.fell("07", known=0, found=5)
    first, second = seen.known("07"), seen.known("07")
    assert not seen.fell("07", known=second, found=7)
    assert not seen.fell("07", known=first, found=6)
    assert seen.known("07") == 7


def test_a_replica_that_just_started_knows_of_no_loss() -> None:
    """It learns the counts first."""
    seen = Highwaters()
    found = {"07": 5, "08": 0}
    assert not seen.any_fell(known=seen.all_known(), found=found)
    assert seen.all_known() == found


async def test_a_loss_is_noticed(bench: Bench) -> None:
    """F8: by the next claim in the bucket, and by whoever reads all counts."""
    seen, other = Highwaters(), Highwaters()
    for number in range(3):
        key = f"{KEY[:2]}{number:030}"
        known = seen.known(KEY[:2])
        begun = await bench.begin(key=key)
        assert not seen.fell(KEY[:2], known=known, found=begun.highwater)
    other.any_fell(known={}, found=await bench.store.highwaters())
    await bench.empty()
    known, all_known = seen.known(KEY[:2]), other.all_known()
    begun = await bench.begin()
    assert seen.fell(KEY[:2], known=known, found=begun.highwater)
    assert other.any_fell(known=all_known, found=await bench.store.highwaters())


async def test_a_killed_redis_without_persistence_is_noticed(start_redis: StartRedis) -> None:
    """It comes back empty, as its counts tell."""
    server = start_redis()
    bench = await RedisBench.at(server.url)
    await bench.begin()
    known = await bench.store.highwaters()
    server.kill()
    server.start()
    assert Highwaters().any_fell(known=known, found=await bench.store.highwaters())
    await bench.store.close()
