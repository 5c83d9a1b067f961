"""Grants, in one process, on Redis and on a Cluster: looked at, claimed by one, kept once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest

from gateway.errors import StoreUnavailable
from gateway.shared.grants import Grants, MemoryGrants, RedisGrants, grant_name
from gateway.shared.moving import ClusterNodes
from gateway.shared.nodes import OneNode
from tests.idempotency.conftest import cluster_servers, cluster_url
from tests.servers import RedisServer

__all__ = ["cluster_servers", "cluster_url"]

LONG = 60_000
SHORT = 50

Pair = tuple[Grants, Grants]


def loop_time() -> float:
    """The clock of the running loop."""
    return asyncio.get_running_loop().time()


@pytest.fixture(params=["redis", "cluster", "memory"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """The grants as two replicas see them; in memory there is but one."""
    if request.param == "memory":
        grants = MemoryGrants(loop_time)
        yield grants, grants
        return
    cluster = request.param == "cluster"
    url: str = request.getfixturevalue("cluster_url" if cluster else "redis_url")
    one, other = (RedisGrants((ClusterNodes if cluster else OneNode)(url)) for _ in range(2))
    yield one, other
    await one.close()
    await other.close()


@pytest.fixture
def name() -> str:
    """A grant that nobody has renewed."""
    return grant_name(uuid4().hex)


async def test_what_one_keeps_everybody_sees(pair: Pair, name: str) -> None:
    """With its number, and the time that it is good for."""
    one, other = pair
    assert (await other.look(name)).number == 0
    assert await one.put(name, 0, b"\x00first", LONG)
    kept = await other.look(name)
    assert (kept.number, kept.sealed) == (1, b"\x00first")
    assert 0 < kept.left_ms <= LONG
    assert 0 <= kept.age_ms < LONG
    assert kept.left_ms + kept.age_ms == pytest.approx(LONG, abs=2)


async def test_what_has_ended_is_kept_on(pair: Pair, name: str) -> None:
    """The access token is over, and the refresh token beside it is not."""
    one, other = pair
    assert await one.put(name, 0, b"first", 1)
    await asyncio.sleep(0.01)
    kept = await other.look(name)
    assert (kept.number, kept.sealed, kept.left_ms) == (1, b"first", 0)


async def test_one_alone_may_renew(pair: Pair, name: str) -> None:
    """The others are told how long that may take, and it may go on for longer itself."""
    one, other = pair
    waits = await asyncio.gather(
        *(each.claim(name, 0, owner, LONG) for each, owner in ((one, "a"), (other, "b")) * 5)
    )
    owner = "a" if waits[0] == 0 else "b"
    assert [wait == 0 for wait in waits] == [each == owner for each in ("a", "b") * 5]
    assert all(0 < wait <= LONG for wait in waits if wait)


async def test_a_claim_is_of_what_is_there(pair: Pair, name: str) -> None:
    """Who has missed a renewal is told to look, and has claimed nothing."""
    one, other = pair
    assert await one.put(name, 0, b"first", LONG)
    assert 0 < await other.claim(name, 0, "b", LONG) < SHORT
    assert await one.claim(name, 1, "a", LONG) == 0


async def test_a_claim_ends_by_itself_by_hand_and_with_what_is_kept(pair: Pair, name: str) -> None:
    """A replica that dies holds nobody up for long, and nobody ends another's claim."""
    one, other = pair
    assert await one.claim(name, 0, "a", SHORT) == 0
    await asyncio.sleep(2 * SHORT / 1000)
    assert await other.claim(name, 0, "b", LONG) == 0
    await one.free(name, "a")
    assert await one.claim(name, 0, "a", LONG) > SHORT
    await other.free(name, "b")
    assert await one.claim(name, 0, "a", LONG) == 0
    assert await one.put(name, 0, b"first", LONG)
    assert await other.claim(name, 1, "b", LONG) == 0


async def test_of_two_renewals_the_first_is_kept(pair: Pair, name: str) -> None:
    """Whoever had the claim; and what is sent twice is kept once."""
    one, other = pair
    assert await one.claim(name, 0, "a", LONG) == 0
    assert await other.put(name, 0, b"theirs", LONG)
    assert not await one.put(name, 0, b"ours", LONG)
    assert await other.put(name, 0, b"theirs", LONG)
    kept = await one.look(name)
    assert (kept.number, kept.sealed) == (1, b"theirs")


async def test_many_renewals_are_counted(pair: Pair, name: str) -> None:
    """Each on top of the one before."""
    one, other = pair
    for number in range(12):
        assert await (one, other)[number % 2].put(name, number, b"%d" % number, LONG)
    assert (await one.look(name)).number == 12


def test_a_name_tells_nothing() -> None:
    """Of whose grant it is; and no two lists of parts have one name."""
    name = grant_name("close", "acme", "s3cret")
    assert len(name) == 32
    assert "s3cret" not in name
    assert name != grant_name("close", "acmes3cret") != grant_name("closeacme", "s3cret")


async def test_what_is_kept_is_forgotten_after_a_year(
    start_redis: Callable[..., RedisServer], name: str
) -> None:
    """Not sooner: nobody knows how long a refresh token is good."""
    server = start_redis()
    grants = RedisGrants(OneNode(server.url))
    await grants.put(name, 0, b"first", LONG)
    assert server.ask("KEYS", "*") == [f"uog:1:{{g{name}}}"]
    left = server.ask("PTTL", f"uog:1:{{g{name}}}")
    assert isinstance(left, int)
    assert left > 365 * 86_400_000
    await grants.close()


async def test_what_is_kept_waits_for_as_many_copies_as_are_wanted(
    redis_url: str, name: str
) -> None:
    """And is kept all the same where they do not come: it cannot be had again."""
    grants = RedisGrants(OneNode(redis_url), replicas=1, wait_ms=1)
    assert await grants.put(name, 0, b"first", LONG)
    assert (await grants.look(name)).number == 1
    await grants.close()


async def test_without_redis_every_call_says_so(
    start_redis: Callable[..., RedisServer], name: str
) -> None:
    """And nothing else."""
    server = start_redis()
    grants = RedisGrants(OneNode(server.url))
    server.kill()
    for asked in (
        grants.look(name),
        grants.claim(name, 0, "a", LONG),
        grants.put(name, 0, b"", LONG),
        grants.free(name, "a"),
    ):
        with pytest.raises(StoreUnavailable):
            await asked
    await grants.close()
