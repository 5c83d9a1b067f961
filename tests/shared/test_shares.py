"""Shares: what replicas permit themselves while the counts that they share are away."""

import asyncio

import pytest

from gateway.errors import StoreUnavailable
from gateway.normalizer.rates import Told
from gateway.shared.limits import Bucket, Left, Taken, Window
from gateway.shared.redis_limits import RedisLimits
from gateway.shared.shares import AGAIN_MS, PRESENT_MS, UNKNOWN, Shares
from gateway.shared.sliding import MemoryLimits
from tests.shared.conftest import Clock, a_bucket

MINUTE = Window(30, 60_000)


class Common(MemoryLimits):
    """Counts that replicas have in common, and that can be away."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.away = False
        self.slow: asyncio.Event | None = None
        self.asked = 0
        self.replicas: set[str] = set()

    async def _reach(self) -> None:
        self.asked += 1
        if self.slow:
            await self.slow.wait()
        if self.away:
            raise StoreUnavailable("It does not answer.")

    async def take(self, bucket: Bucket, *, ahead: int = 0) -> Taken:
        await self._reach()
        return await super().take(bucket, ahead=ahead)

    async def give_back(self, bucket: Bucket, taken: Taken) -> None:
        await self._reach()
        await super().give_back(bucket, taken)

    async def left(self, bucket: Bucket) -> Left:
        await self._reach()
        return await super().left(bucket)

    async def learned(self, bucket: Bucket, *told: Told) -> None:
        await self._reach()
        await super().learned(bucket, *told)

    async def present(self, replica: str, keep_ms: int) -> int:
        await self._reach()
        self.replicas.add(replica)
        return len(self.replicas)


@pytest.fixture
def common(clock: Clock) -> Common:
    return Common(clock)


class Once(Exception):
    """Ends what would go on for ever."""


async def replicas(common: Common, clock: Clock, number: int) -> list[Shares]:
    """So many replicas, which have all heard of each other."""

    async def sleep(_: float) -> None:
        raise Once

    made = [Shares(common, now=clock, sleep=sleep) for _ in range(number)]
    for each in [*made, *made]:
        with pytest.raises(Once):
            await each.run()
    return made


async def went(some: list[Shares], bucket: Bucket, tries: int = 40) -> int:
    """How many calls go of many that each replica tries."""
    said = [await each.take(bucket) for _ in range(tries) for each in some]
    return sum(not each.wait_ms for each in said)


async def test_while_all_is_well_the_common_counts_decide(common: Common, clock: Clock) -> None:
    """And a replica's own are not asked."""
    some = await replicas(common, clock, 3)
    assert await went(some, a_bucket(MINUTE)) == 30


async def test_cut_off_replicas_together_stay_within_the_limit(
    common: Common, clock: Clock
) -> None:
    """Each has its share, and none fails."""
    some = await replicas(common, clock, 4)
    common.away = True
    bucket = a_bucket(MINUTE)
    assert await went(some, bucket) == 28  # 7 for each of four
    clock.ms += MINUTE.kept_ms
    assert await went(some, bucket) == 28


async def test_what_was_used_before_counts_against_the_share(common: Common, clock: Clock) -> None:
    """Each begins with its part of what was left when it last heard."""
    some = await replicas(common, clock, 3)
    bucket = a_bucket(MINUTE)
    for _ in range(6):
        for each in some:
            await each.take(bucket)
    common.away = True
    assert await went(some, bucket) <= 30 - 18 + 2  # the first two heard of one and two fewer
    clock.ms += MINUTE.kept_ms
    assert await went(some, bucket) == 30


async def test_once_the_counts_are_back_both_have_to_agree(common: Common, clock: Clock) -> None:
    """What went by the shares is still in the vendor's window, and Redis never saw it."""
    some = await replicas(common, clock, 3)
    bucket = a_bucket(MINUTE)
    common.away = True
    assert await went(some, bucket) == 30
    common.away = False
    clock.ms += AGAIN_MS
    assert await went(some, bucket) == 0
    clock.ms += MINUTE.kept_ms
    assert await went(some, bucket) == 30


async def test_who_never_heard_of_others_supposes_that_there_are_many(
    common: Common, clock: Clock
) -> None:
    """And always has a call, however small the limit is."""
    common.away = True
    stranger = Shares(common, now=clock)
    assert await went([stranger], a_bucket(MINUTE)) == 30 // UNKNOWN
    assert await went([stranger], a_bucket(Window(2, 60_000))) == 1


async def test_counts_that_do_not_answer_are_left_alone_for_a_second(
    common: Common, clock: Clock
) -> None:
    """Nobody waits for them again and again."""
    lonely = Shares(common, now=clock)
    common.away = True
    for _ in range(20):
        await lonely.take(a_bucket(MINUTE))
    assert common.asked == 1
    clock.ms += AGAIN_MS
    await lonely.take(a_bucket(MINUTE))
    assert common.asked == 2


async def test_one_call_finds_out_that_they_are_back(common: Common, clock: Clock) -> None:
    """The others do not wait for what it learns."""
    lonely, bucket = Shares(common, now=clock), a_bucket(MINUTE)
    common.away = True
    await lonely.take(bucket)
    clock.ms += AGAIN_MS
    let_go = asyncio.Event()
    common.slow = let_go
    finding = asyncio.create_task(lonely.take(bucket))
    await asyncio.sleep(0)
    assert (await lonely.take(bucket)).apart
    common.away = False
    let_go.set()
    assert not (await finding).apart
    common.slow = None
    assert not (await lonely.take(bucket)).apart


async def test_nothing_but_taking_fails_either(common: Common, clock: Clock) -> None:
    """Words are learned and calls given back in the share, and what is left is the share's."""
    some = await replicas(common, clock, 2)
    common.away = True
    bucket = a_bucket(MINUTE)
    taken = await some[0].take(bucket)
    assert (await some[0].left(bucket)).windows == (14,)
    await some[0].give_back(bucket, taken)
    assert (await some[0].left(bucket)).windows == (15,)
    await some[0].learned(bucket, Told(remaining=1))
    assert (await some[0].take(bucket)).wait_ms > 0


async def test_replicas_hear_of_each_other_through_redis(redis_url: str, clock: Clock) -> None:
    """And forget who was not heard of for a while."""
    clock.ms += 86_400_000 * 365  # whoever else tests here is long gone by then
    limits = RedisLimits.at(redis_url, now=clock)
    assert await limits.present("one", PRESENT_MS) == 1
    assert await limits.present("other", PRESENT_MS) == 2
    clock.ms += PRESENT_MS + 1
    assert await limits.present("other", PRESENT_MS) == 1
    await limits.close()


async def test_a_redis_that_does_not_answer_fails_no_call(clock: Clock) -> None:
    """With the real client, and nobody at its address."""
    shares = Shares(RedisLimits.at("redis://127.0.0.1:1/0"), now=clock)
    assert (await shares.take(a_bucket(MINUTE))).wait_ms == 0
    await shares.close()
