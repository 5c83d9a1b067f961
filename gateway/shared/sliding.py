"""Limits counted in this process: what `scripts/limits/*.lua` do in Redis, over dicts."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final

from gateway.normalizer.rates import Told
from gateway.shared.limits import (
    HOLD_MS,
    SAME_MS,
    WORD_KEEP_MS,
    Bucket,
    Left,
    Taken,
    Window,
)

ROOM: Final = 10_000
"""Buckets that are kept before the idle ones are looked for and forgotten."""


def monotonic_ms() -> int:
    """The clock of this process in milliseconds, which nobody sets."""
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class _Word:
    """What the vendor said last."""

    until: int
    limit: int | None = None
    left: int | None = None
    window: int = 0
    kept: int = 0

    def now(self, now: int) -> "_Word":
        """It, or what follows from it once its time is over: a new window of the same size."""
        if now < self.until:
            return self
        if self.window and self.limit is not None and now < self.kept:
            return replace(self, left=self.limit, until=now + self.window)
        return replace(self, left=None)

    def taken(self) -> "_Word":
        """It, after a call."""
        return self if self.left is None else replace(self, left=self.left - 1)

    def told(self, told: Told, now: int) -> "_Word":
        """Another word: of one window the lesser counts, as answers may overtake each other."""
        reset = None if told.reset is None else ceil(told.reset * 1000)
        until = now + (HOLD_MS if reset is None else reset)
        goes_on = now < self.until and until <= self.until + SAME_MS
        said = replace(self, kept=now + WORD_KEEP_MS)
        if told.limit is not None:
            said.limit = told.limit
            said.window = max(self.window, reset or 0)
        if told.remaining is not None:
            held = self.left if goes_on and self.left is not None else told.remaining
            said.left = min(held, told.remaining)
            said.until = max(until, self.until) if goes_on else until
        return said


@dataclass(slots=True)
class _Counts:
    """The calls of one bucket: for each window how many in each slice."""

    slices: dict[int, dict[int, int]] = field(default_factory=dict)
    word: _Word | None = None
    idle: int = 0
    """When nothing of it counts any more."""

    def live(self, window: Window, now: int) -> dict[int, int]:
        """The slices that still count, the others forgotten."""
        held = self.slices.get(window.ms, {})
        kept = {at: n for at, n in held.items() if at * window.slice_ms + window.kept_ms > now}
        self.slices[window.ms] = kept
        return kept

    def lefts(self, bucket: Bucket) -> tuple[int, ...]:
        """What is left of each window, of which `live` was asked before."""
        return tuple(_free(window, self.slices[window.ms]) for window in bucket.windows)

    def add(self, window: Window, calls: int, at_ms: int) -> None:
        """Counts calls."""
        held, at = self.slices.setdefault(window.ms, {}), at_ms // window.slice_ms
        held[at] = held.get(at, 0) + calls
        self.idle = max(self.idle, at_ms + window.kept_ms)


class MemoryLimits:
    """The contract in one process; nothing in it awaits, so every call is atomic."""

    def __init__(self, now: Callable[[], int] = monotonic_ms) -> None:
        self._now = now
        self._counts: dict[str, _Counts] = {}

    async def take(self, bucket: Bucket, *, ahead: int = 0) -> Taken:
        now, counts = self._now(), self._of(bucket)
        word = counts.word.now(now) if counts.word else None
        waits = [_wait(window, counts.live(window, now), now, ahead) for window in bucket.windows]
        if word and word.left is not None and word.left <= ahead:
            waits.append(word.until - now)
        if any(waits):
            return Taken(max(waits), now, 0, max(waits), counts.lefts(bucket))
        for window in bucket.windows:
            counts.add(window, 1, now)
        counts.word = word.taken() if word else None
        return Taken(0, now, *_room(bucket, counts, now), counts.lefts(bucket))

    async def take_each(self, buckets: Sequence[Bucket], *, ahead: int = 0) -> Sequence[Taken]:
        return [await self.take(bucket, ahead=ahead) for bucket in buckets]

    async def give_back(self, bucket: Bucket, taken: Taken) -> None:
        counts = self._of(bucket)
        for window in bucket.windows:
            held, at = counts.slices.get(window.ms, {}), taken.at_ms // window.slice_ms
            if at in held:
                held[at] -= 1
                if not held[at]:
                    del held[at]

    async def left(self, bucket: Bucket) -> Left:
        now, counts = self._now(), self._of(bucket)
        for window in bucket.windows:
            counts.live(window, now)
        word = counts.word.now(now) if counts.word else None
        free = counts.lefts(bucket)
        return Left(free, word.limit, word.left) if word else Left(free)

    async def learned(self, bucket: Bucket, *told: Told) -> None:
        now, counts = self._now(), self._of(bucket)
        for each in told:
            word = (counts.word or _Word(until=now)).now(now)
            counts.word = word.told(each, now)
            counts.idle = max(counts.idle, counts.word.until)

    async def run(self) -> None:
        """There is nothing to do, and no end to it."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is open."""

    def count(self, bucket: Bucket, calls: tuple[int, ...], at_ms: int) -> None:
        """Counts calls that were let go elsewhere, so many in each window."""
        for window, each in zip(bucket.windows, calls, strict=True):
            if each:
                self._of(bucket).add(window, each, at_ms)

    def _of(self, bucket: Bucket) -> _Counts:
        if len(self._counts) > ROOM and bucket.name not in self._counts:
            now = self._now()
            self._counts = {name: each for name, each in self._counts.items() if each.idle > now}
        return self._counts.setdefault(bucket.name, _Counts())


def _room(bucket: Bucket, counts: _Counts, now: int) -> tuple[int | None, int]:
    """How many more may follow now, and for how long there will not be more."""
    rooms = []
    for window in bucket.windows:
        held = counts.slices[window.ms]
        rooms.append((_free(window, held), _expiry(window, min(held)) - now))
    word = counts.word
    if word and word.left is not None:
        rooms.append((word.left, word.until - now))
    return min(rooms, default=(None, 0))


def _free(window: Window, held: dict[int, int]) -> int:
    return max(window.limit - sum(held.values()), 0)


def _expiry(window: Window, at: int) -> int:
    return at * window.slice_ms + window.kept_ms


def _wait(window: Window, held: dict[int, int], now: int, ahead: int) -> int:
    """How long until there is room for one more than `ahead`; whole windows for whole limits."""
    rounds, ahead = divmod(ahead, window.limit)
    short = ahead + 1 + sum(held.values()) - window.limit
    wait = rounds * window.kept_ms
    if short <= 0:
        return wait
    for at in sorted(held):
        short -= held[at]
        if short <= 0:
            return wait + _expiry(window, at) - now
    return wait + window.kept_ms
