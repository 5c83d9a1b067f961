"""Where keys lie when that changes: whom sentinels name, and who has a slot of a Cluster."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

from gateway.errors import StoreUnavailable
from gateway.shared.calls import Calls
from gateway.shared.moving import REST_SECONDS, ClusterNodes, SentinelNodes, Sentinels, _map
from tests.certificates import self_signed
from tests.faults.waiting import until
from tests.servers import RedisServer
from tests.shared.oracle import Oracle
from tests.stores import SERVICE, clustered, follows, give, watched

StartRedis = Callable[..., RedisServer]
KEY = "a key"
RESTED = 2 * REST_SECONDS
"""What was heard just now is not asked again at once."""


async def name_of(calls: Calls) -> str:
    """The name that the server bears which a call comes to."""
    return await read(calls, KEY)


async def read(calls: Calls, key: str) -> str:
    """What a key holds."""
    found: Any = await calls.ask(key, lambda client: client.mget([key]))
    return str(found[0].decode())


async def write(calls: Calls, value: str, key: str = KEY, *, again: bool = True) -> None:
    """Gives a key a value."""
    await calls.ask(key, lambda client: client.mset({key: value}), again=again)


def named(start_redis: StartRedis, name: str) -> RedisServer:
    """A server of its own that bears a name."""
    server = start_redis()
    server.ask("SET", KEY, name)
    return server


@asynccontextmanager
async def told_by(*oracles: Oracle, **how: Any) -> AsyncIterator[Calls]:
    """Calls to whom they name."""
    async with AsyncExitStack() as running:
        for oracle in oracles:
            await running.enter_async_context(oracle.listening())
        places = [oracle.place for oracle in oracles]
        sentinels = Sentinels(service=SERVICE, places=places, **how)
        nodes = SentinelNodes("redis://redis.invalid/0", sentinels)
        running.push_async_callback(nodes.close)
        yield Calls(nodes)


async def test_the_primary_is_whom_the_sentinels_name(start_redis: StartRedis) -> None:
    """They are asked once for many calls, also where these come at the same moment."""
    oracle = Oracle(named=named(start_redis, "one").port)
    async with told_by(oracle) as calls:
        assert await asyncio.gather(*(name_of(calls) for _ in range(20))) == ["one"] * 20
        assert await name_of(calls) == "one"
        assert oracle.asked == 1
        assert ["SENTINEL", "MASTER", SERVICE] in oracle.heard


async def test_of_several_words_the_latest_holds(start_redis: StartRedis) -> None:
    """A sentinel that was cut off names the primary of an epoch that is over."""
    old, new = (named(start_redis, name).port for name in ("old", "new"))
    async with told_by(Oracle(named=old, epoch=3), Oracle(named=new, epoch=10)) as calls:
        assert await name_of(calls) == "new"


@pytest.mark.parametrize("flags", ["master,s_down", "master,o_down", "slave"])
async def test_a_primary_that_is_down_is_none(start_redis: StartRedis, flags: str) -> None:
    """Whoever finds it well knows better."""
    server = named(start_redis, "one").port
    async with told_by(Oracle(named=server, flags=flags)) as calls:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await name_of(calls)
    other = Oracle(named=server)
    async with told_by(Oracle(named=1, flags=flags, epoch=2), other) as calls:
        assert await name_of(calls) == "one"


async def test_sentinels_that_are_away_or_know_nothing_hold_nobody_up(
    start_redis: StartRedis,
) -> None:
    """One answer is enough."""
    knowing = Oracle(named=named(start_redis, "one").port)
    async with told_by(Oracle(silent=True), Oracle(), knowing) as calls:
        assert await name_of(calls) == "one"


async def test_without_any_sentinel_there_is_no_primary(start_redis: StartRedis) -> None:
    """Until one was heard; from then on the last word stands."""
    oracle = Oracle(silent=True)
    async with told_by(oracle) as calls:
        with pytest.raises(StoreUnavailable):
            await name_of(calls)
        server = named(start_redis, "one")
        oracle.silent, oracle.named = False, server.port
        assert await name_of(calls) == "one"
        await asyncio.sleep(RESTED)
        oracle.silent = True
        server.kill()
        with pytest.raises(StoreUnavailable):
            await name_of(calls)
        server.start()
        await write(calls, "one again")
        assert await name_of(calls) == "one again"


async def test_a_primary_that_died_is_left_for_the_next(start_redis: StartRedis) -> None:
    """The call that finds it dead asks, and is answered; one that may not come twice is not."""
    one, two, three = (named(start_redis, name) for name in ("one", "two", "three"))
    oracle = Oracle(named=one.port)
    async with told_by(oracle) as calls:
        assert await name_of(calls) == "one"
        await asyncio.sleep(RESTED)
        oracle.named = two.port
        one.kill()
        assert await name_of(calls) == "two"
        oracle.named = three.port
        two.kill()
        await asyncio.sleep(RESTED)
        with pytest.raises(StoreUnavailable):
            await write(calls, "at most once", again=False)
        assert await name_of(calls) == "three"


async def test_a_primary_that_follows_now_is_left_for_the_next(start_redis: StartRedis) -> None:
    """It refuses a write, which so has had no effect and is made at the next, also `again=False`.

    Nobody had its connections closed, as sentinels would.
    """
    one, two = (named(start_redis, name) for name in ("one", "two"))
    oracle = Oracle(named=one.port)
    async with told_by(oracle) as calls:
        assert await name_of(calls) == "one"
        oracle.named = two.port
        one.ask("REPLICAOF", "127.0.0.1", two.port)
        await write(calls, "two, written to", again=False)
        assert two.ask("GET", KEY) == "two, written to"


async def test_a_server_that_follows_is_never_asked(start_redis: StartRedis) -> None:
    """It would tell what is old; who says otherwise does not know yet."""
    follower, next_one = (named(start_redis, name) for name in ("follower", "next"))
    follower.ask("REPLICAOF", "127.0.0.1", "1")
    oracle = Oracle(named=follower.port)
    async with told_by(oracle) as calls:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await name_of(calls)
        oracle.named = next_one.port
        await asyncio.sleep(RESTED)
        assert await name_of(calls) == "next"


async def test_calls_that_fail_do_not_ask_without_end(start_redis: StartRedis) -> None:
    """The sentinels have better things to do while there is no primary."""
    server = named(start_redis, "one")
    oracle = Oracle(named=server.port)
    async with told_by(oracle) as calls:
        await name_of(calls)
        server.kill()
        began = time.monotonic()
        await asyncio.gather(*(fails_on(calls) for _ in range(20)))
        assert oracle.asked <= 2 + (time.monotonic() - began) / REST_SECONDS


async def fails_on(calls: Calls) -> None:
    """One caller who does not give up for a while."""
    for _ in range(10):
        with pytest.raises(StoreUnavailable):
            await name_of(calls)


async def test_sentinels_are_told_their_own_password(start_redis: StartRedis) -> None:
    """And none of the servers'."""
    oracle = Oracle(named=named(start_redis, "one").port)
    async with told_by(oracle, username="gateway", password="sesame") as calls:
        assert await name_of(calls) == "one"
    assert ["AUTH", "gateway", "sesame"] in oracle.heard
    assert "sesame" not in repr(Sentinels(service="a", places=(), password="sesame"))


async def test_sentinels_are_trusted_by_the_certificates_of_the_servers(tmp_path: Path) -> None:
    """What the address says of them holds for both; a sentinel that has another is not heard."""
    certificate, key = self_signed(tmp_path, "localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    oracle = Oracle(named=1)
    async with oracle.listening(tls):
        places = [("localhost", oracle.port)]
        sentinels = Sentinels(service=SERVICE, places=places, tls=True)
        for url, asked in (
            ("rediss://redis.invalid/0", 0),
            (f"rediss://redis.invalid/0?ssl_ca_certs={certificate}", 1),
        ):
            oracle.heard.clear()
            nodes = SentinelNodes(url, sentinels)
            with pytest.raises(StoreUnavailable):
                await name_of(Calls(nodes))
            assert min(oracle.asked, 1) == asked
            await nodes.close()


async def test_real_sentinels_hand_over(tmp_path: Path) -> None:
    """An operator has another primary chosen: what was written is found there, and writes go on."""
    with watched(tmp_path) as company:
        places = [("127.0.0.1", sentinel.port) for sentinel in company.sentinels]
        nodes = SentinelNodes(company.url, Sentinels(service=SERVICE, places=places))
        calls = Calls(nodes)
        before = company.owner()
        await write(calls, "kept")
        assert before.ask("WAIT", 2, 20_000) == 2
        company.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE)
        assert await until(lambda: follows(before), seconds=90)
        assert await name_of(calls) == "kept"
        await write(calls, "written on", again=False)
        after = company.owner()
        assert after is not before
        assert after.ask("GET", KEY) == "written on"
        await nodes.close()


async def test_a_cluster_is_known_without_the_server_that_was_named(tmp_path: Path) -> None:
    """Once it was heard of, any other tells where the slots are; what lies elsewhere goes on."""
    with clustered(tmp_path, followers=0, cluster_require_full_coverage="no") as cluster:
        nodes = ClusterNodes(cluster.url)
        calls = Calls(nodes)
        keys = [f"key {number}" for number in range(30)]
        lost = [key for key in keys if cluster.owner(key) is cluster.servers[-1]]
        assert 0 < len(lost) < len(keys)
        for key in keys:
            await write(calls, key, key)
        cluster.servers[-1].kill()
        await asyncio.sleep(RESTED)
        moving = next(key for key in keys if cluster.owner(key) is cluster.servers[0])
        give(key_slot(moving.encode()), cluster.servers[0], cluster.servers[1])
        await write(calls, moving, moving)
        for key in keys:
            if key in lost:
                with pytest.raises(StoreUnavailable):
                    await read(calls, key)
            else:
                assert await read(calls, key) == key
        await nodes.close()


async def test_a_dead_primary_of_a_cluster_is_left_for_the_next(tmp_path: Path) -> None:
    """Nobody says `MOVED` there: the call that finds it dead draws the map anew."""
    with clustered(tmp_path) as cluster:
        nodes = ClusterNodes(cluster.url)
        calls = Calls(nodes)
        await write(calls, "kept")
        before = cluster.owner(KEY)
        assert before.ask("WAIT", 1, 20_000) == 1
        heir = cluster.servers[cluster.servers.index(before) + 3]
        heir.ask("CLUSTER", "FAILOVER")
        assert await until(lambda: cluster.owner(KEY) is heir, seconds=60)
        await asyncio.sleep(RESTED)
        before.kill()
        assert await read(calls, KEY) == "kept"
        await nodes.close()


async def test_a_cluster_that_is_away_is_unavailable() -> None:
    """From the first call on."""
    nodes = ClusterNodes("redis://127.0.0.1:1")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await name_of(Calls(nodes))
    await nodes.close()


def test_a_server_may_leave_out_its_own_name() -> None:
    """It is where it was asked, and its followers are known too."""
    found = _map("here", [[0, 1, [b"", 1, b"id"], [b"there", 2, b"id"]], [2, 2, [None, 3, b"id"]]])
    assert found.primaries == {0: ("here", 1), 1: ("here", 1), 2: ("here", 3)}
    assert found.places == [("here", 1), ("there", 2), ("here", 3)]
    assert key_slot(KEY.encode()) not in found.primaries
