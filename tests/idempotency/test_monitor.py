"""A replica's watch: losses are noticed and told, a bad start is refused, and nothing ends it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from gateway.errors import StoreUnavailable
from gateway.idempotency.addresses import bucket
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.monitor import (
    HEALTH_SECONDS,
    LOOK_SECONDS,
    MAX_LAG_SECONDS,
    PULSE_SECONDS,
    Monitor,
    Pulse,
)
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.replies import StoreHealth
from gateway.idempotency.store import OperationStore
from tests.idempotency.bench import KEEP, KEY, Clock, MemoryBench, RedisBench
from tests.servers import RedisServer

StartRedis = Callable[..., RedisServer]

BUCKET = bucket(KEY)
WELL = StoreHealth(ok=True)
BAD = StoreHealth(ok=False, reasons=("appendonly is off",))


class Moody(MemoryStore):
    """A store that is away when told to be, and has the health that it is told to have."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.away = False
        self.well = WELL
        self.asked = 0
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []

    async def highwaters(self) -> Mapping[str, int]:
        self._answer()
        return await super().highwaters()

    async def amnesia(self) -> bool:
        self._answer()
        found = await super().amnesia()
        while self.meanwhile:
            await self.meanwhile.pop()()
        return found

    async def set_amnesia(self, keep_ms: int) -> bool:
        self._answer()
        return await super().set_amnesia(keep_ms)

    async def health(self, *, replicas: int = 0) -> StoreHealth:
        self._answer()
        self.asked += 1
        return self.well

    def lose(self) -> None:
        """Forgets every record, and that it ever lost any."""
        self._kept.clear()
        self._made.clear()
        self._amnesia_ends = 0

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("away")


@dataclass
class Ward:
    """Replicas that watch one moody store."""

    clock: Clock = field(default_factory=Clock)
    seconds: float = 0.0
    alarms: int = 0

    def __post_init__(self) -> None:
        self.store = Moody(self.clock)
        self.bench = MemoryBench(self.store, self.clock)

    def watcher(self, *, strict: bool = False) -> Monitor:
        """A replica that has looked at nothing yet."""
        return Monitor(
            self.store,
            highwaters=Highwaters(),
            keep_ms=KEEP,
            lost=self.alarm,
            strict=strict,
            clock=lambda: self.seconds,
        )

    def alarm(self) -> None:
        """Counts what an operator hears."""
        self.alarms += 1


@pytest.fixture
def ward() -> Ward:
    """A store that is well and empty."""
    return Ward()


async def test_more_records_are_no_loss(ward: Ward) -> None:
    """Counts grow; nobody is alarmed."""
    monitor = ward.watcher()
    for number in range(3):
        await ward.bench.begin(key=f"{BUCKET}{number:030x}")
        await monitor.look()
    assert (monitor.amnesia, monitor.reasons, ward.alarms) == (False, (), 0)


async def test_a_loss_is_noticed_by_a_look_and_told_to_every_replica(ward: Ward) -> None:
    """Each is degraded and stays ready, and the one that noticed raises the alarm."""
    noticing, hearing = ward.watcher(), ward.watcher()
    await ward.bench.begin()
    await noticing.look()
    ward.store.lose()
    await noticing.look()
    await hearing.look()
    for monitor in (noticing, hearing):
        assert monitor.amnesia
        assert (monitor.ready, monitor.reasons) == (True, ("amnesia",))
    assert ward.alarms == 1


async def test_a_loss_is_noticed_by_a_begin_at_once(ward: Ward) -> None:
    """The write that noticed it is the first to be careful, and others hear of it."""
    monitor, other = ward.watcher(), ward.watcher()
    assert await monitor.noticed(BUCKET, known=0, found=7) is False
    assert await monitor.noticed(BUCKET, known=7, found=1) is True
    assert await monitor.noticed(BUCKET, known=1, found=2) is True
    await other.look()
    assert other.amnesia
    assert ward.alarms == 1


async def test_answers_that_overtake_each_other_are_no_loss(ward: Ward) -> None:
    """A count is compared with what was known when its call was made."""
    monitor = ward.watcher()
    assert await monitor.noticed(BUCKET, known=0, found=2) is False
    assert await monitor.noticed(BUCKET, known=0, found=1) is False


async def test_a_loss_that_the_store_cannot_be_told_of_is_told_later(ward: Ward) -> None:
    """It is in force here in the meantime."""
    monitor, other = ward.watcher(), ward.watcher()
    await monitor.look()
    ward.store.away = True
    assert await monitor.noticed(BUCKET, known=2, found=1) is True
    assert monitor.reasons == ("store-unavailable", "amnesia")
    ward.store.away = False
    await other.look()
    assert not other.amnesia
    await monitor.look()
    await other.look()
    for each in (monitor, other):
        assert each.reasons == ("amnesia",)


async def test_a_new_replica_asks_before_its_first_write(ward: Ward) -> None:
    """What others noticed before it started counts for it too; once it knows, it asks no more."""
    await ward.store.set_amnesia(KEEP)
    assert await ward.watcher().noticed(BUCKET, known=0, found=1) is True
    ward.store.lose()
    monitor = ward.watcher()
    assert await monitor.noticed(BUCKET, known=0, found=1) is False
    ward.store.away = True
    assert await monitor.noticed(BUCKET, known=1, found=2) is False


async def test_a_new_replica_that_gets_no_answer_fears_the_worst(ward: Ward) -> None:
    """Until it gets one."""
    ward.store.away = True
    monitor = ward.watcher()
    assert await monitor.noticed(BUCKET, known=0, found=1) is True
    assert monitor.amnesia
    ward.store.away = False
    assert await monitor.noticed(BUCKET, known=1, found=2) is False
    assert (monitor.amnesia, ward.alarms) == (False, 0)


async def test_an_operator_ends_it(ward: Ward) -> None:
    """By deleting the key; so does its time."""
    monitor = ward.watcher()
    await monitor.noticed(BUCKET, known=2, found=0)
    ward.store._amnesia_ends = 0
    await monitor.look()
    assert not monitor.amnesia
    await monitor.noticed(BUCKET, known=2, found=0)
    ward.clock.ms += KEEP
    await monitor.look()
    assert (monitor.amnesia, ward.alarms) == (False, 2)


async def test_a_loss_outlives_an_answer_from_before_it(ward: Ward) -> None:
    """A look that asked earlier must not end what a write noticed meanwhile."""
    monitor = ward.watcher()
    ward.store.meanwhile.append(lambda: monitor.noticed(BUCKET, known=2, found=0))
    await monitor.look()
    assert monitor.amnesia


async def test_a_strict_start_waits_for_a_store_that_keeps_records(ward: Ward) -> None:
    """Not ready while the settings are unread, unreadable or bad; each look tries again."""
    monitor = ward.watcher(strict=True)
    assert (monitor.ready, monitor.reasons) == (False, ("starting",))
    ward.store.away = True
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (False, ("store-unavailable",))
    ward.store.away, ward.store.well = False, BAD
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (False, BAD.reasons)
    ward.store.well = WELL
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (True, ())


async def test_a_relaxed_start_waits_for_nothing(ward: Ward) -> None:
    """Bad settings are told, and do no more."""
    monitor = ward.watcher()
    assert (monitor.ready, monitor.reasons) == (True, ())
    ward.store.well = BAD
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (True, BAD.reasons)


async def test_nothing_makes_a_ready_replica_unready(ward: Ward) -> None:
    """All replicas would leave the balancer at once, and reads with them."""
    monitor = ward.watcher(strict=True)
    await monitor.look()
    ward.store.well = BAD
    ward.seconds += HEALTH_SECONDS
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (True, BAD.reasons)
    ward.store.away = True
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (True, ("store-unavailable", *BAD.reasons))


async def test_settings_are_read_every_minute_and_after_an_absence(ward: Ward) -> None:
    """A store that was away may have come back with others."""
    monitor = ward.watcher()
    await monitor.look()
    ward.seconds += HEALTH_SECONDS - 1
    await monitor.look()
    assert ward.store.asked == 1
    ward.seconds += 1
    await monitor.look()
    assert ward.store.asked == 2
    ward.store.away = True
    await monitor.look()
    ward.store.away = False
    await monitor.look()
    assert ward.store.asked == 3


@dataclass
class Bed:
    """A clock, and sleeps that wake as late as the test says; the last one does not wake."""

    late: list[float]
    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    fast: asyncio.Event = field(default_factory=asyncio.Event)

    def clock(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """A nap."""
        self.slept.append(seconds)
        if not self.late:
            self.fast.set()
            await asyncio.Event().wait()
        self.now += seconds + self.late.pop(0)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancels what runs for ever."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("late", "overloaded"), [(0.0, False), (MAX_LAG_SECONDS, False), (0.3, True)]
)
async def test_the_lag_is_how_late_a_sleep_wakes(late: float, overloaded: bool) -> None:
    """Over a quarter of a second no new write is taken; the last sleep counts."""
    bed = Bed([9.0, late])
    pulse = Pulse(bed.clock, bed.sleep)
    task = asyncio.create_task(pulse.run())
    await bed.fast.wait()
    assert pulse.lag_seconds == pytest.approx(late)
    assert pulse.overloaded is overloaded
    assert set(bed.slept) == {PULSE_SECONDS}
    await ended(task)


async def test_a_sleep_that_is_overdue_counts_before_it_wakes() -> None:
    """What comes up behind a long queue is told so, and not what the queue was before."""
    bed = Bed([])
    pulse = Pulse(bed.clock, bed.sleep)
    bed.now = 5.0
    assert pulse.lag_seconds == 0
    task = asyncio.create_task(pulse.run())
    await bed.fast.wait()
    bed.now += PULSE_SECONDS + 0.3
    assert pulse.lag_seconds == pytest.approx(0.3)
    assert pulse.overloaded
    await ended(task)
    assert not pulse.overloaded


async def test_a_monitor_looks_again_and_again_until_it_is_cancelled(ward: Ward) -> None:
    """Also past looks that the store does not answer."""
    naps: list[float] = []
    looked = asyncio.Event()

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        if naps.count(LOOK_SECONDS) == 3:
            looked.set()
        if looked.is_set() or seconds != LOOK_SECONDS:
            await asyncio.Event().wait()

    monitor = Monitor(ward.store, highwaters=Highwaters(), keep_ms=KEEP, sleep=sleep)
    ward.store.away = True
    task = asyncio.create_task(monitor.run())
    await looked.wait()
    assert "store-unavailable" in monitor.reasons
    assert not task.done()
    await ended(task)


async def test_a_lag_is_a_reason(ward: Ward) -> None:
    """Operators see it where they look."""
    bed = Bed([0.5])

    async def sleep(seconds: float) -> None:
        await (asyncio.Event().wait() if seconds == LOOK_SECONDS else bed.sleep(seconds))

    monitor = Monitor(
        ward.store, highwaters=Highwaters(), keep_ms=KEEP, clock=bed.clock, sleep=sleep
    )
    task = asyncio.create_task(monitor.run())
    await bed.fast.wait()
    assert (monitor.overloaded, monitor.lag_seconds) == (True, 0.5)
    assert monitor.reasons == ("overloaded",)
    await ended(task)


def watching(store: OperationStore, *, strict: bool = False) -> Monitor:
    """A replica over a real store."""
    return Monitor(store, highwaters=Highwaters(), keep_ms=KEEP, strict=strict)


async def test_an_emptied_redis_is_noticed(redis_bench: RedisBench) -> None:
    """F8: one look is enough, and the next replica hears of it."""
    noticing, hearing = watching(redis_bench.store), watching(redis_bench.store)
    await redis_bench.begin()
    await noticing.look()
    assert not noticing.amnesia
    await redis_bench.empty()
    await noticing.look()
    await hearing.look()
    assert (noticing.amnesia, hearing.amnesia) == (True, True)


async def test_a_write_on_an_emptied_redis_notices(redis_bench: RedisBench) -> None:
    """F8: before the first look does."""
    highwaters = Highwaters()
    monitor = Monitor(redis_bench.store, highwaters=highwaters, keep_ms=KEEP)
    for number in range(2):
        told = await redis_bench.begin(key=f"{BUCKET}{number:030x}")
        assert not await monitor.noticed(BUCKET, known=number, found=told.highwater)
    await redis_bench.empty()
    known = highwaters.known(BUCKET)
    told = await redis_bench.begin()
    assert await monitor.noticed(BUCKET, known=known, found=told.highwater)
    assert await redis_bench.store.amnesia()


async def test_a_redis_that_would_lose_records_is_no_start(start_redis: StartRedis) -> None:
    """F21: not ready when strict; once it was mended, worse settings only degrade."""
    server = start_redis(appendonly="yes", maxmemory_policy="allkeys-lru")
    store = RedisStore.at(server.url)
    monitor = watching(store, strict=True)
    await monitor.look()
    assert not monitor.ready
    assert "maxmemory-policy is allkeys-lru" in monitor.reasons[0]
    server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (True, ())
    await store.close()


async def test_a_redis_that_restarts_with_its_records_lost_none(start_redis: StartRedis) -> None:
    """F7: degraded while it is down, and all is well afterwards."""
    server = start_redis(appendonly="yes", appendfsync="always")
    bench = await RedisBench.beside(server.url)
    monitor = watching(bench.store, strict=True)
    await bench.begin()
    await monitor.look()
    server.kill()
    await monitor.look()
    assert (monitor.ready, monitor.reasons) == (True, ("store-unavailable",))
    server.start()
    await monitor.look()
    assert (monitor.amnesia, monitor.reasons) == (False, ())
    await bench.store.close()
