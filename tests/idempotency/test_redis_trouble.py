"""Redis down, hung, slow, read-only, full, emptied: the store says so soon, and invents nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest

from gateway.idempotency.addresses import address
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.store import StoreUnavailable
from tests.idempotency.bench import FACTS, FINGERPRINT, KEEP, KEY, LEASE, START, RedisBench
from tests.idempotency.proxy import Proxy, proxied
from tests.idempotency.repeats import REPEATS, alike
from tests.servers import RedisServer

StartRedis = Callable[..., RedisServer]

WITHIN = 1.5
"""Seconds after which a caller must not wait for the store any more (reliability.md 2.8)."""


@pytest.fixture
async def far(redis_url: str) -> AsyncIterator[tuple[RedisBench, Proxy]]:
    """A store behind a proxy, with one connection open."""
    async with proxied(urlsplit(redis_url).port or 0) as proxy:
        bench = await RedisBench.at(proxy.url)
        yield bench, proxy
        await bench.store.close()


async def refused(call: Awaitable[object]) -> None:
    """The call is answered with `StoreUnavailable`, and before its caller gives up."""
    async with asyncio.timeout(WITHIN):
        with pytest.raises(StoreUnavailable):
            await call


@pytest.mark.parametrize("name", REPEATS)
async def test_a_lost_reply_is_not_noticed(far: tuple[RedisBench, Proxy], name: str) -> None:
    """F11: each script runs a second time, and answers and leaves what it did the first time."""
    bench, proxy = far
    before, call = REPEATS[name]
    await before(bench)
    expected = await call(bench)
    after = await bench.store.get(KEY)
    await bench.empty()
    bench.clock.ms = START
    await before(bench)
    proxy.lose = 1
    assert alike(expected, await call(bench))
    assert proxy.lost == 1
    assert await bench.store.get(KEY) == after


@pytest.mark.parametrize("name", REPEATS)
async def test_a_redis_that_forgot_the_scripts_is_sent_them(
    redis_bench: RedisBench, name: str
) -> None:
    """F10: after `SCRIPT FLUSH`, or on another node after a failover."""
    before, call = REPEATS[name]
    await before(redis_bench)
    expected = await call(redis_bench)
    await redis_bench.empty()
    redis_bench.clock.ms = START
    await before(redis_bench)
    await redis_bench.clients[0].script_flush()
    assert await call(redis_bench) == expected


async def test_both_replies_lost_is_unavailable(far: tuple[RedisBench, Proxy]) -> None:
    """Nobody knows then; a later repeat finds its own claim."""
    bench, proxy = far
    await bench.begin(key=address("test", "billing", b"so that the script is known"))
    proxy.lose = 100
    await refused(bench.begin())
    proxy.lose = 0
    assert (await bench.begin()).verdict == "mine"


async def test_no_call_is_tried_more_than_twice(far: tuple[RedisBench, Proxy]) -> None:
    """Least of all by the library, which would go on for seconds."""
    bench, proxy = far
    await bench.begin(key=address("test", "billing", b"so that there is a connection"))
    proxy.lose = 100
    await refused(bench.begin())
    assert proxy.lost == 2


async def test_a_redis_that_is_down_is_unavailable(start_redis: StartRedis) -> None:
    """For every call; and it is used again as soon as it is there again."""
    server = start_redis(appendonly="yes", appendfsync="always")
    bench = await RedisBench.at(server.url)
    await bench.begin()
    server.kill()
    calls: list[Callable[[], Awaitable[object]]] = [
        bench.begin,
        bench.dispatch,
        bench.record,
        lambda: bench.store.due(1),
        bench.store.listed,
        bench.store.counters,
        bench.store.highwaters,
        bench.store.amnesia,
        lambda: bench.store.set_amnesia(KEEP),
        lambda: bench.store.forget("billing"),
        lambda: bench.store.lease_take("ab", owner="a", ttl_ms=LEASE),
        bench.store.health,
    ]
    for call in calls:
        await refused(call())
    server.start()
    assert (await bench.begin()).verdict == "mine"
    await bench.store.close()


async def test_a_redis_that_hangs_is_unavailable(start_redis: StartRedis) -> None:
    """What it took in meanwhile happens when it goes on: once."""
    server = start_redis()
    bench = await RedisBench.at(server.url)
    await bench.store.highwaters()
    server.pause()
    await refused(bench.begin())
    await refused(bench.store.listed())
    server.resume()
    begun = await bench.begin()
    assert (begun.verdict in {"new", "mine"}, begun.fence, begun.highwater) == (True, 1, 1)
    assert (await bench.begin("b")).verdict == "in_flight"
    await bench.store.close()


@pytest.mark.parametrize("delay", [0.5, 3.0])
async def test_a_slow_redis_is_waited_for_only_so_long(
    far: tuple[RedisBench, Proxy], delay: float
) -> None:
    """It answers in time, or it is unavailable; a repeat never makes a second claim."""
    bench, proxy = far
    await bench.put("claimed")
    proxy.delay = delay
    async with asyncio.timeout(WITHIN):
        try:
            sent = await bench.dispatch()
        except StoreUnavailable:
            sent = False
    proxy.delay = 0
    record = await bench.record()
    assert record.attempts <= 1
    assert record.attempts == 1 or not sent


async def test_a_read_only_redis_is_unavailable(start_redis: StartRedis) -> None:
    """After a failover the old primary is one; reads go on."""
    server = start_redis()
    bench = await RedisBench.at(server.url)
    await bench.begin()
    server.ask("REPLICAOF", "127.0.0.1", 1)
    await refused(bench.dispatch())
    await refused(bench.begin("b", key=address("test", "billing", b"other")))
    assert (await bench.record()).state == "claimed"
    await bench.store.close()


async def test_a_full_redis_is_unavailable_and_changes_nothing_by_half(
    start_redis: StartRedis,
) -> None:
    """No script stops midway; what needs no room still works, and frees some."""
    server = start_redis()
    bench = await RedisBench.at(server.url)
    await bench.begin()
    before = await bench.record()
    server.ask("CONFIG", "SET", "maxmemory", 1)
    await refused(bench.dispatch())
    await refused(bench.begin("b", key=address("test", "billing", b"other")))
    assert await bench.record() == before
    assert (await bench.store.highwaters())[KEY[:2]] == 1
    assert await bench.release()
    server.ask("CONFIG", "SET", "maxmemory", 0)
    assert (await bench.begin("b")).verdict == "new"
    await bench.store.close()


async def test_a_redis_without_the_replicas_it_wants_is_unavailable(
    start_redis: StartRedis,
) -> None:
    """`min-replicas-to-write`: it refuses what it could lose."""
    server = start_redis()
    bench = await RedisBench.at(server.url)
    await bench.begin()
    server.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    await refused(bench.dispatch())
    assert (await bench.record()).state == "claimed"
    await bench.store.close()


async def test_the_reason_is_told_without_an_address(start_redis: StartRedis) -> None:
    """It reaches callers, whom the store's place does not concern."""
    server = start_redis()
    bench = await RedisBench.at(server.url)
    reasons = []
    for command in (("CONFIG", "SET", "maxmemory", 1), ("REPLICAOF", "127.0.0.1", 1)):
        server.ask(*command)
        with pytest.raises(StoreUnavailable) as caught:
            await bench.begin()
        reasons.append(caught.value.message)
    server.kill()
    with pytest.raises(StoreUnavailable) as caught:
        await bench.begin()
    reasons.append(caught.value.message)
    assert ["out of memory" in reasons[0], "read-only" in reasons[1], "answer" in reasons[2]] == [
        True,
        True,
        True,
    ]
    assert not any("127.0.0.1" in reason for reason in reasons)
    await bench.store.close()


async def test_who_gives_up_does_not_get_another_caller_the_wrong_reply(
    far: tuple[RedisBench, Proxy],
) -> None:
    """A cancelled call leaves no reply behind on its connection (CVE-2023-28858)."""
    bench, proxy = far
    keys = [address("test", f"caller {number}", b"key") for number in range(40)]
    for number, key in enumerate(keys):
        await bench.begin(key=key, caller=f"caller {number}")
    proxy.delay = 0.01
    for cut in range(8):
        calls = [asyncio.create_task(bench.store.get(key)) for key in keys]
        await asyncio.sleep(0.002 * cut)
        for call in calls[::2]:
            call.cancel()
        found = await asyncio.gather(*calls, return_exceptions=True)
        for number, record in enumerate(found):
            if not isinstance(record, BaseException):
                assert record is not None
                assert (record.hex32, record.caller) == (keys[number], f"caller {number}")


async def test_production_goes_by_the_clock_of_redis(redis_url: str) -> None:
    """Without a clock of the test the server's `TIME` decides, in milliseconds."""
    store = RedisStore.at(redis_url)
    before = await store.time_ms()
    begun = await store.begin(
        address("test", "billing", b"by its own clock"),
        fingerprints=[FINGERPRINT],
        owner="a",
        lease_ms=LEASE,
        keep_ms=KEEP,
        facts=FACTS,
    )
    after = await store.time_ms()
    assert begun.record is not None
    assert before <= begun.record.t0 <= after
    assert begun.record.lease_until == begun.record.t0 + LEASE
    await store.close()


async def test_an_emptied_redis_is_noticed_by_its_counts(redis_bench: RedisBench) -> None:
    """F8: the bucket's count is lower than it was."""
    await redis_bench.begin()
    await redis_bench.empty()
    begun = await redis_bench.begin("b", key=KEY[:2] + "0" * 30)
    assert begun.highwater == 1
    assert (await redis_bench.begin("c")).highwater == 2
