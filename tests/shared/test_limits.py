"""Limits: how many calls go in which span, what the vendor's word changes, and all or nothing."""

import random
from decimal import Decimal
from itertools import pairwise

import pytest
from redis.crc import key_slot

from gateway.normalizer.rates import Told
from gateway.shared.limits import (
    HOLD_MS,
    TRAVEL_MS,
    Bucket,
    Limits,
    Taken,
    Window,
    bucket_name,
    take_all,
)
from gateway.shared.redis_limits import RedisLimits, keys
from gateway.shared.sliding import MemoryLimits
from tests.shared.conftest import Clock, a_bucket

MINUTE = Window(10, 60_000)


async def taken(limits: Limits, bucket: Bucket, calls: int) -> list[Taken]:
    """What is said to so many calls, one after the other."""
    return [await limits.take(bucket) for _ in range(calls)]


async def test_as_many_go_as_the_limit_says_and_no_more(limits: Limits) -> None:
    """The rest are told for how long, and one after another what is left."""
    said = await taken(limits, a_bucket(MINUTE), 12)
    assert [each.wait_ms > 0 for each in said] == [False] * 10 + [True] * 2
    assert [each.left for each in said] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]


async def test_the_time_to_wait_is_enough_and_not_a_slice_too_long(
    limits: Limits, clock: Clock
) -> None:
    """Waiting one millisecond less would not do."""
    bucket = a_bucket(MINUTE)
    await taken(limits, bucket, 10)
    wait = (await limits.take(bucket)).wait_ms
    assert MINUTE.ms <= wait <= MINUTE.kept_ms
    clock.ms += wait - 1
    assert (await limits.take(bucket)).wait_ms == 1
    clock.ms += 1
    assert (await limits.take(bucket)).wait_ms == 0


@pytest.mark.parametrize("seed", range(8))
async def test_no_span_holds_more_than_the_limit_wherever_it_begins(
    limits: Limits, clock: Clock, seed: int
) -> None:
    """Whichever way the vendor counts, and also where calls travel for unequal times."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    window = Window(chance.randint(1, 7), chance.choice([1_000, 7_000, 61_000]))
    bucket = a_bucket(window)
    went = []
    for _ in range(150):
        clock.ms += chance.randrange(window.ms // 3)
        if not (await limits.take(bucket)).wait_ms:
            went.append(clock.ms)
    assert len(went) > window.limit
    spans = zip(went, went[window.limit :], strict=False)
    assert min(later - first for first, later in spans) > window.ms + TRAVEL_MS
    assert all(first <= later for first, later in pairwise(went))


async def test_several_windows_count_together_or_not_at_all(limits: Limits, clock: Clock) -> None:
    """What the second's window refuses, the day's has not counted."""
    second, day = Window(2, 1_000), Window(5, 86_400_000)
    bucket = a_bucket(second, day)
    said = await taken(limits, bucket, 4)
    assert [each.wait_ms for each in said[:2]] == [0, 0]
    assert all(each.wait_ms for each in said[2:])
    assert (await limits.left(bucket)).windows == (0, 3)
    for _ in range(2):
        clock.ms += second.kept_ms
        said = await taken(limits, bucket, 2)
    assert said[1].wait_ms > day.ms - 10_000


async def test_who_came_before_goes_before(limits: Limits, clock: Clock) -> None:
    """Room is left for those in front, and the time to wait is for one's own turn."""
    bucket = a_bucket(MINUTE)
    for _ in range(10):
        await limits.take(bucket)
        clock.ms += 2_000
    turns = [(await limits.take(bucket, ahead=ahead)).wait_ms for ahead in (0, 1, 9, 10, 25)]
    assert turns == sorted(set(turns))
    assert turns[1] - turns[0] == 2_000
    assert turns[3] - turns[0] == MINUTE.kept_ms
    clock.ms += turns[0]
    assert (await limits.take(bucket, ahead=1)).wait_ms > 0
    assert (await limits.take(bucket)).wait_ms == 0


async def test_what_was_not_made_is_given_back(limits: Limits, clock: Clock) -> None:
    """To its own slice, also later; and never more than was taken."""
    bucket = a_bucket(MINUTE)
    first, *_ = await taken(limits, bucket, 10)
    clock.ms += 5_000
    for _ in range(20):
        await limits.give_back(bucket, first)
    assert (await limits.left(bucket)).windows == (10,)
    assert [each.wait_ms > 0 for each in await taken(limits, bucket, 11)] == [False] * 10 + [True]


async def test_several_are_taken_from_as_each_would_be_by_itself(
    limits: Limits, clock: Clock
) -> None:
    """However many windows they have, and whatever was said or counted before."""
    windows = [(MINUTE, Window(50, 3_600_000)), (), (Window(1, 1_000),), (MINUTE,)]
    several, single = ([a_bucket(*each) for each in windows] for _ in range(2))
    for bucket in (several[3], single[3]):
        await limits.learned(bucket, Told(100, 2, Decimal(9)))
    for _ in range(4):
        at_once = await limits.take_each(several, ahead=1)
        assert [*at_once] == [await limits.take(bucket, ahead=1) for bucket in single]
        clock.ms += 700
    for one, other in zip(several, single, strict=True):
        assert await limits.left(one) == await limits.left(other)


async def test_looking_counts_nothing(limits: Limits) -> None:
    """What is left stays left."""
    bucket = a_bucket(MINUTE)
    await limits.take(bucket)
    for _ in range(3):
        assert (await limits.left(bucket)).windows == (9,)
    assert (await limits.left(bucket)).told is None


async def test_without_a_limit_everything_goes(limits: Limits) -> None:
    """A bucket may be there only to hold what the vendor says."""
    said = await taken(limits, a_bucket(), 50)
    assert {(each.wait_ms, each.left) for each in said} == {(0, None)}


async def test_the_vendors_word_counts_down_and_begins_anew(limits: Limits, clock: Clock) -> None:
    """A limit that nobody published is learned from answers, its window from its resets."""
    bucket = a_bucket()
    await limits.learned(bucket, Told(3, 2, Decimal("7.5")))
    said = await taken(limits, bucket, 3)
    assert [each.wait_ms for each in said] == [0, 0, 7_500]
    clock.ms += 7_500
    said = await taken(limits, bucket, 4)
    assert [each.wait_ms for each in said] == [0, 0, 0, 7_500]
    left = await limits.left(bucket)
    assert (left.told_limit, left.told) == (3, 0)


async def test_a_window_is_as_long_as_its_longest_reset(limits: Limits, clock: Clock) -> None:
    """An answer from its end tells less of it than one from its beginning."""
    bucket = a_bucket()
    await limits.learned(bucket, Told(2, 2, Decimal(8)))
    clock.ms += 7_000
    await limits.learned(bucket, Told(2, 0, Decimal(1)))
    clock.ms += 1_000
    assert [each.wait_ms for each in await taken(limits, bucket, 3)] == [0, 0, 8_000]


async def test_of_answers_that_overtake_each_other_the_lesser_counts(
    limits: Limits, clock: Clock
) -> None:
    """An older answer of the same window gives nothing back; a new window does."""
    bucket = a_bucket()
    await limits.learned(bucket, Told(100, 4, Decimal(8)))
    await limits.learned(bucket, Told(100, 60, Decimal("8.2")))
    assert (await limits.left(bucket)).told == 4
    clock.ms += 6_000
    await limits.learned(bucket, Told(100, 99, Decimal(8)))
    assert (await limits.left(bucket)).told == 99


async def test_words_that_come_together_count_as_if_they_came_one_by_one(limits: Limits) -> None:
    """Each in its turn."""
    together, apart = a_bucket(), a_bucket()
    words = [Told(100, 4, Decimal(8)), Told(100, 60, Decimal(20)), Told(100, 70, Decimal("20.5"))]
    await limits.learned(together, *words)
    for word in words:
        await limits.learned(apart, word)
    left = await limits.left(together)
    assert left == await limits.left(apart)
    assert left.told == 60


async def test_a_word_without_a_time_counts_for_a_minute(limits: Limits, clock: Clock) -> None:
    """As long as such figures are cached (coperniq.md 2); then the counts alone decide again."""
    bucket = a_bucket(Window(5_000, 86_400_000))
    await limits.learned(bucket, Told(5_000, 1))
    assert [each.wait_ms for each in await taken(limits, bucket, 2)] == [0, HOLD_MS]
    clock.ms += HOLD_MS
    assert (await limits.take(bucket)).wait_ms == 0
    assert (await limits.left(bucket)).told is None


async def test_a_refusal_holds_calls_back_until_its_time(limits: Limits, clock: Clock) -> None:
    """Also over what remained by an earlier word."""
    bucket = a_bucket(MINUTE)
    await limits.learned(bucket, Told(100, 50, Decimal(2)))
    await limits.learned(bucket, Told(remaining=0, reset=Decimal(30)))
    assert (await limits.take(bucket)).wait_ms == 30_000
    clock.ms += 30_000
    assert (await limits.take(bucket)).wait_ms == 0


async def test_a_call_takes_from_all_of_its_buckets_or_from_none(limits: Limits) -> None:
    """A refusal by the last gives back what the first had counted."""
    wide, narrow = a_bucket(Window(100, 3_600_000)), a_bucket(Window(1, 3_600_000))
    first = await take_all(limits, (wide, narrow))
    second = await take_all(limits, (wide, narrow))
    assert (first.wait_ms, [bucket for bucket, _ in first.taken]) == (0, [wide, narrow])
    assert second.wait_ms > 0
    assert second.taken == ()
    assert (await limits.left(wide)).windows == (99,)
    await first.give_back(limits)
    assert (await limits.left(wide)).windows == (100,)
    assert (await limits.left(narrow)).windows == (1,)


async def test_redis_counts_as_memory_does_on_any_path(redis_url: str, clock: Clock) -> None:
    """The scripts and their twin give the same answers, move by move."""
    remote, local = RedisLimits.at(redis_url, now=clock), MemoryLimits(clock)
    for seed in range(25):
        chance = random.Random(seed)  # noqa: S311 - no secret
        bucket = a_bucket(Window(3, 2_000), Window(chance.randint(4, 9), 30_000))
        last = Taken(0, clock.ms)
        for _ in range(40):
            clock.ms += chance.choice([0, 1, 40, 700, 5_000])
            match chance.randrange(6):
                case 0 | 1 | 2:
                    ahead = chance.choice([0, 0, 1, 12])
                    last = await remote.take(bucket, ahead=ahead)
                    assert last == await local.take(bucket, ahead=ahead)
                case 3:
                    await remote.give_back(bucket, last)
                    await local.give_back(bucket, last)
                case 4:
                    told = [_told(chance) for _ in range(chance.choice([1, 1, 4]))]
                    await remote.learned(bucket, *told)
                    await local.learned(bucket, *told)
                case _:
                    assert await remote.left(bucket) == await local.left(bucket)
    await remote.close()


def _told(chance: random.Random) -> Told:
    return Told(
        chance.choice([None, 5]),
        chance.choice([None, 0, 3]),
        chance.choice([None, Decimal(1), Decimal("6.25")]),
    )


async def test_replicas_count_in_one_place(redis_url: str, clock: Clock) -> None:
    """Two that have never heard of each other share a limit."""
    one, other = (RedisLimits.at(redis_url, now=clock) for _ in range(2))
    bucket = a_bucket(MINUTE)
    said = [await (one if turn % 2 else other).take(bucket) for turn in range(12)]
    assert sum(not each.wait_ms for each in said) == 10
    await one.close()
    await other.close()


async def test_what_lies_in_redis_ends_by_itself(redis_url: str) -> None:
    """A bucket that nobody takes from any more leaves nothing behind."""
    limits = RedisLimits.at(redis_url)
    bucket = a_bucket(Window(5, 1_000))
    await limits.take(bucket)
    await limits.learned(bucket, Told(5, 4, Decimal(1)))
    for key in keys(bucket):
        node = await limits._nodes.of(key)
        assert 0 < await node.client.pttl(key) <= 86_400_000
    await limits.close()


def test_a_buckets_name_tells_nothing_and_parts_do_not_run_together() -> None:
    """It has one form whatever it is made of, and all of its keys lie in one slot of a Cluster."""
    names = {bucket_name("a", "b{c}"), bucket_name("a", "b", "{c}"), bucket_name("ab{c}")}
    assert len(names) == 3
    for name in names:
        assert len(name) == 32
        assert set(name) <= set("0123456789abcdef")
        places = keys(Bucket(name, (MINUTE, Window(5, 1_000))))
        assert len(places) == 3
        assert len({key_slot(place.encode()) for place in places}) == 1
    assert bucket_name("coperniq", "credential") == bucket_name("coperniq", "credential")


async def test_memory_forgets_buckets_that_count_nothing(clock: Clock) -> None:
    """A flood of names does not stay for ever."""
    limits = MemoryLimits(clock)
    for _ in range(3):
        for _ in range(6_000):
            await limits.take(a_bucket(Window(1, 1_000)))
        clock.ms += 10_000
    assert len(limits._counts) <= 12_001
