"""A replica's watch over itself and its store: lost records, settings that lose them, a busy loop.

What it finds decides which writes run and what `/readyz` says (reliability.md 2.5, 2.8).
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.errors import StoreUnavailable
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.replies import StoreHealth
from gateway.idempotency.store import OperationStore

LOOK_SECONDS: Final = 5.0
"""How often the counts of records are read."""
HEALTH_SECONDS: Final = 60.0
"""How often the store's settings are; while a replica is not ready, every look does it."""
PULSE_SECONDS: Final = 0.1
"""How long the sleeps are by which the lag of the event loop is measured."""
MAX_LAG_SECONDS: Final = 0.25
"""From here on no new write is taken: a busy loop makes the store look slow."""


class Pulse:
    """How late the event loop is, measured by sleeps."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lag = 0.0
        self._due = math.inf

    @property
    def lag_seconds(self) -> float:
        """How late the last sleep ended, or the present one is: what delays it may still go on."""
        return max(self._lag, self._clock() - self._due)

    @property
    def overloaded(self) -> bool:
        """Whether the loop is too late for a new write."""
        return self.lag_seconds > MAX_LAG_SECONDS

    async def run(self) -> None:
        """Measures until it is cancelled."""
        try:
            while True:
                self._due = self._clock() + PULSE_SECONDS
                await self._sleep(PULSE_SECONDS)
                self._lag = max(self._clock() - self._due, 0.0)
        finally:
            self._due = math.inf


class Monitor:
    """What one replica knows of its store's memory and of its own haste.

    `strict`: the replica is not ready until the store's settings were once seen to keep records;
    from then on nothing makes it unready again. `lost` is called when this replica notices that
    records are gone.
    """

    def __init__(
        self,
        store: OperationStore,
        *,
        highwaters: Highwaters,
        keep_ms: int,
        lost: Callable[[], object] = lambda: None,
        replicas: int = 0,
        strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._highwaters = highwaters
        self._keep_ms = keep_ms
        self._lost = lost
        self._replicas = replicas
        self._clock = clock
        self._sleep = sleep
        self._pulse = Pulse(clock, sleep)
        self._ready = not strict
        self._away = False
        self._health: StoreHealth | None = None
        self._health_due = -math.inf
        self._amnesia = False
        self._asked = False
        self._unsure = False
        self._untold = False
        self._falls = 0

    @property
    def amnesia(self) -> bool:
        """Whether records were lost within a retention period, or that cannot be ruled out."""
        return self._amnesia or self._unsure

    @property
    def ready(self) -> bool:
        """Whether this replica may take requests."""
        return self._ready

    @property
    def lag_seconds(self) -> float:
        """How late the event loop is."""
        return self._pulse.lag_seconds

    @property
    def overloaded(self) -> bool:
        """Whether the loop is too late for a new write."""
        return self._pulse.overloaded

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the replica is degraded, or not ready; empty where all is well."""
        unread = not self._ready and self._health is None and not self._away
        own = {
            "starting": unread,
            "store-unavailable": self._away,
            "amnesia": self.amnesia,
            "overloaded": self.overloaded,
        }
        told = self._health.reasons if self._health else ()
        return (*(reason for reason, holds in own.items() if holds), *told)

    async def run(self) -> None:
        """Watches until it is cancelled."""
        async with asyncio.TaskGroup() as watching:
            watching.create_task(self._look_on())
            watching.create_task(self._pulse.run())

    async def noticed(self, bucket: str, *, known: int, found: int) -> bool:
        """Told the count that a call answered, and what was known when it was made.

        The answer is `amnesia`, also where the store cannot be told of it just now. A replica that
        has not asked yet whether another noticed asks here; without an answer it fears the worst.
        """
        fell = self._highwaters.fell(bucket, known=known, found=found)
        if fell:
            self._forgot()
        if fell or not self._asked:
            try:
                await self._read_flag()
            except StoreUnavailable:
                self._away = True
                self._unsure = not self._asked
        return self.amnesia

    async def look(self) -> None:
        """Reads the counts, whether another replica saw one fall, and sometimes the settings."""
        try:
            await self._read_counts()
            await self._read_flag()
            await self._read_health()
        except StoreUnavailable:
            self._away = True
            self._health_due = -math.inf  # it may come back with other settings
        else:
            self._away = False

    async def _look_on(self) -> None:
        while True:
            await self.look()
            await self._sleep(LOOK_SECONDS)

    async def _read_counts(self) -> None:
        known = self._highwaters.all_known()
        if self._highwaters.any_fell(known=known, found=await self._store.highwaters()):
            self._forgot()

    async def _read_flag(self) -> None:
        """Tells the other replicas what this one noticed, or hears what they did."""
        falls = self._falls
        if self._untold:
            await self._store.set_amnesia(self._keep_ms)
            self._untold = falls != self._falls
        else:
            flagged = await self._store.amnesia()
            # An operator may end it, but not with an answer from before the latest fall.
            if flagged or falls == self._falls:
                self._amnesia = flagged
        self._asked = True
        self._unsure = False

    async def _read_health(self) -> None:
        now = self._clock()
        if self._ready and now < self._health_due:
            return
        self._health = await self._store.health(replicas=self._replicas)
        self._health_due = now + HEALTH_SECONDS
        self._ready = self._ready or self._health.ok

    def _forgot(self) -> None:
        """Records are gone: in force here at once, and to be told to the other replicas."""
        if not self._amnesia:
            self._lost()
        self._amnesia = True
        self._untold = True
        self._falls += 1
