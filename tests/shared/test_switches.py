"""Switches, in one process and on Redis: thrown, tried out by one, reset, and seen by all."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.errors import StoreUnavailable
from gateway.shared.nodes import OneNode
from gateway.shared.switches import MemorySwitches, RedisSwitches, Switches
from tests.servers import RedisServer

LONG = 60.0
SHORT = 0.05


def loop_time() -> float:
    """The clock of the running loop."""
    return asyncio.get_running_loop().time()


@pytest.fixture(params=["redis", "memory"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Switches, Switches]]:
    """The switches as two replicas see them; in memory there is but one."""
    if request.param == "memory":
        switches = MemorySwitches(loop_time)
        yield switches, switches
        return
    url: str = request.getfixturevalue("redis_url")
    one, other = (RedisSwitches(OneNode(url), "development") for _ in range(2))
    for name in await one.look():
        await one.reset(name)
    yield one, other
    await one.close()
    await other.close()


async def test_a_thrown_switch_is_seen_by_everybody(pair: tuple[Switches, Switches]) -> None:
    """With the time that is left, until somebody resets it."""
    one, other = pair
    assert await other.look() == {}
    await one.throw("acme", LONG)
    await one.throw("globex", LONG / 2)
    left = await other.look()
    assert set(left) == {"acme", "globex"}
    assert 0 < left["globex"] < left["acme"] <= LONG
    await other.reset("acme")
    assert set(await one.look()) == {"globex"}


async def test_a_switch_is_not_reset_by_time_alone(pair: tuple[Switches, Switches]) -> None:
    """Somebody has to have seen that the vendor is well."""
    one, other = pair
    await one.throw("acme", LONG)
    assert 0 < await other.claim("acme", LONG) <= LONG
    await one.throw("acme", SHORT)
    await asyncio.sleep(2 * SHORT)
    assert await other.look() == {"acme": 0.0}


async def test_one_alone_may_try_the_vendor_out(pair: tuple[Switches, Switches]) -> None:
    """The others are told how long that may take; its verdict makes the claim void."""
    one, other = pair
    await one.throw("acme", 0)
    claims = await asyncio.gather(*(each.claim("acme", LONG) for each in (one, other) * 5))
    assert sorted(claims)[:2] == [0.0, pytest.approx(LONG, abs=LONG / 2)]
    assert claims.count(0.0) == 1
    assert 0 < (await one.look())["acme"] <= LONG
    await one.throw("acme", 0)
    assert await other.claim("acme", LONG) == 0
    await other.reset("acme")
    assert await one.look() == {}


async def test_a_claim_that_nobody_ends_ends_by_itself(pair: tuple[Switches, Switches]) -> None:
    """A replica that dies while it tries out a vendor holds nobody up for long."""
    one, other = pair
    await one.throw("acme", 0)
    assert await one.claim("acme", SHORT) == 0
    await asyncio.sleep(2 * SHORT)
    assert await other.claim("acme", LONG) == 0


async def test_who_has_not_heard_of_a_reset_may_claim(pair: tuple[Switches, Switches]) -> None:
    """It finds the vendor well once more, and that is all."""
    one, other = pair
    assert await one.claim("acme", LONG) == 0
    assert 0 < await other.claim("acme", LONG) <= LONG
    await one.reset("acme")


async def test_what_is_kept_is_forgotten_in_the_end(
    start_redis: Callable[..., RedisServer],
) -> None:
    """A hash of switches that nobody touches has an end of its own."""
    server = start_redis()
    switches = RedisSwitches(OneNode(server.url), "development")
    await switches.throw("acme", LONG)
    left = server.ask("PTTL", switches._key)
    assert isinstance(left, int)
    assert LONG * 1000 < left <= 3_600_000
    await switches.close()


async def test_environments_do_not_share_switches(redis_url: str) -> None:
    """A trial's sick vendor is not production's."""
    one, other = (RedisSwitches(OneNode(redis_url), name) for name in ("one", "other"))
    await one.throw("acme", LONG)
    assert await other.look() == {}
    assert await other.claim("acme", LONG) == 0
    await one.close()
    await other.close()


async def test_without_redis_every_call_says_so(start_redis: Callable[..., RedisServer]) -> None:
    """And nothing else: who asks decides alone."""
    server = start_redis()
    switches = RedisSwitches(OneNode(server.url), "development")
    await switches.throw("acme", LONG)
    server.kill()
    for asked in (
        switches.look(),
        switches.throw("acme", LONG),
        switches.claim("acme", LONG),
        switches.reset("acme"),
    ):
        with pytest.raises(StoreUnavailable):
            await asked
    await switches.close()
