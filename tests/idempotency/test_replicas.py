"""A send that waits for replicas, and several nodes."""

from collections.abc import Callable, Sequence

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from gateway.idempotency.addresses import lease_key, places
from gateway.idempotency.store import StoreUnavailable
from tests.idempotency.bench import KEY, SENDING, Bench, MemoryBench, RedisBench
from tests.servers import RedisServer
from tests.stores import SLOTS, give

StartRedis = Callable[..., RedisServer]
WAIT_MS = 200
PATIENT_MS = 10_000
"""How long replicas may take that are there, on a busy machine."""
HEX32 = st.binary(min_size=16, max_size=16).map(bytes.hex)


async def sent(bench: Bench, replicas: int = 1, wait_ms: int = WAIT_MS) -> bool:
    """A send that as many replicas have to know of."""
    return await bench.store.dispatch(
        KEY,
        owner="a",
        fence=1,
        send=1,
        min_left_ms=0,
        lease_ms=SENDING,
        replicas=replicas,
        wait_ms=wait_ms,
    )


def follow(primary: RedisServer, start_redis: StartRedis) -> RedisServer:
    """A replica that has caught up."""
    replica = start_redis(replicaof=f"127.0.0.1 {primary.port}")
    assert primary.ask("WAIT", 1, 10_000) == 1
    return replica


async def test_a_send_that_the_replicas_know_of_goes_out(start_redis: StartRedis) -> None:
    """The record is there before the first byte leaves, and on the replica too."""
    primary = start_redis()
    replica = follow(primary, start_redis)
    bench = await RedisBench.at(primary.url)
    await bench.begin()
    assert await sent(bench, wait_ms=PATIENT_MS)
    copy = await RedisBench.beside(replica.url)
    assert (await copy.record()).state == "dispatched"
    await copy.store.close()
    await bench.store.close()


async def test_a_send_that_too_few_replicas_know_of_does_not(start_redis: StartRedis) -> None:
    """Also when it is tried again, over a connection of its own; it is taken back then."""
    primary = start_redis()
    replica = follow(primary, start_redis)
    bench = await RedisBench.at(primary.url)
    await bench.begin()
    assert not await sent(bench, replicas=2)
    assert (await bench.undispatch()).state == "claimed"
    await bench.store.close()

    bench = await RedisBench.at(primary.url)
    await bench.begin()
    replica.pause()
    assert not await sent(bench)
    other = await RedisBench.beside(primary.url)
    assert not await sent(other)
    assert (await other.undispatch()).state == "claimed"
    replica.resume()
    await other.store.close()
    await bench.store.close()


async def test_a_wait_holds_up_nobody_else(start_redis: StartRedis) -> None:
    """Claims and replays go on while a send waits for its replicas."""
    primary = start_redis()
    bench = await RedisBench.at(primary.url)
    await bench.begin()
    order: list[str] = []

    async def send() -> None:
        await sent(bench)
        order.append("sent")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        while (await bench.record()).state != "dispatched":
            await anyio.lowlevel.checkpoint()
        for owner in "bcdef":
            assert (await bench.begin(owner)).verdict == "in_flight"
        order.append("told")
    assert order == ["told", "sent"]
    await bench.store.close()


async def test_a_fenced_send_waits_for_nobody(start_redis: StartRedis) -> None:
    """However many replicas there are."""
    primary = start_redis()
    follow(primary, start_redis)
    bench = await RedisBench.at(primary.url)
    await bench.put("completed")
    assert not await sent(bench)
    await bench.store.close()


async def test_a_send_through_a_full_redis_is_unavailable(start_redis: StartRedis) -> None:
    """What goes wrong in the pipeline is not taken for an answer."""
    primary = start_redis()
    bench = await RedisBench.at(primary.url)
    await bench.begin()
    primary.ask("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StoreUnavailable):
        await sent(bench)
    await bench.store.close()


async def test_a_slot_that_moves_is_followed(cluster_servers: Sequence[RedisServer]) -> None:
    """An operator reshards: the next call draws the map anew, and is answered."""
    bench = await RedisBench.at(cluster_servers[0].url, cluster=True)
    assert (await bench.begin()).verdict == "new"
    await bench.empty()
    slot = key_slot(places(KEY)[0].encode())
    for source, target in ((0, 1), (1, 0)) if slot < SLOTS // 2 else ((1, 0), (0, 1)):
        give(slot, cluster_servers[source], cluster_servers[target])
        begun = await bench.begin(f"owner {target}")
        assert begun.verdict == "new"
        assert await bench.release(f"owner {target}")
    await bench.store.close()


async def test_memory_has_no_replicas() -> None:
    """Who asks for them there is not told that there are some."""
    bench = MemoryBench.new()
    await bench.begin()
    assert not await sent(bench)


@given(hex32=HEX32)
def test_all_keys_of_one_call_lie_in_one_slot(hex32: str) -> None:
    """A Cluster refuses a script over two; a lease is one key."""
    assert len({key_slot(key.encode()) for key in places(hex32)}) == 1
    assert lease_key(hex32).count("{") == 1


def test_buckets_lie_in_many_slots() -> None:
    """Records are spread over the nodes."""
    slots = {key_slot(places(f"{n:02x}{0:030}")[0].encode()) for n in range(256)}
    assert len(slots) > 200
