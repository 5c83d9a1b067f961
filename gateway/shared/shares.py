"""What a replica permits itself while the shared counts are away: its share, and no more.

A replica that is cut off divides each limit by the replicas that it last knew of. It begins with
its share of what was left when it last heard. Once the counts are back, a call needs both, as long
as one that was let go by the share alone is within its window (decision 0023).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeVar

from gateway.errors import StoreUnavailable
from gateway.normalizer.rates import Told
from gateway.shared.limits import Bucket, Left, Limits, Taken, Window
from gateway.shared.sliding import MemoryLimits, monotonic_ms

UNKNOWN: Final = 10
"""How many replicas there are taken to be by one that never heard of any."""
HEARD_SECONDS: Final = 1.0
"""How often a replica lets others hear of it."""
PRESENT_MS: Final = 30_000
"""For how long it is taken to be there."""
AGAIN_MS: Final = 1_000
"""For how long counts that did not answer are not asked again."""

Answer = TypeVar("Answer")


class Shared(Limits, Protocol):
    """Counts that all replicas have in common."""

    async def present(self, replica: str, keep_ms: int) -> int:
        """How many replicas there are, after this one was heard of."""


class Shares:
    """The contract over Redis, and over this replica's share where Redis does not answer."""

    def __init__(
        self,
        shared: Shared,
        *,
        now: Callable[[], int] = monotonic_ms,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._shared = shared
        self._now = now
        self._sleep = sleep
        self._own = MemoryLimits(now)
        self._replica = secrets.token_hex(8)
        self._replicas = UNKNOWN
        self._heard: dict[Bucket, tuple[int, tuple[int, ...]]] = {}
        """When a bucket's counts were last heard, and what was left of each window."""
        self._apart: dict[Bucket, int] = {}
        """Until when calls that went by the share alone are within a bucket's windows."""
        self._reunited = 0
        """From when on no such call is within any."""
        self._away = 0
        """Until when the shared counts are not asked; 0 where they answered last."""

    async def take(self, bucket: Bucket, *, ahead: int = 0) -> Taken:
        (taken,) = await self.take_each([bucket], ahead=ahead)
        return taken

    async def take_each(self, buckets: Sequence[Bucket], *, ahead: int = 0) -> Sequence[Taken]:
        found = await self._asked(lambda: self._shared.take_each(buckets, ahead=ahead))
        if found is None:
            return [await self._by_share(bucket, ahead) for bucket in buckets]
        now, pairs = self._now(), list(zip(buckets, found, strict=True))
        for bucket, taken in pairs:
            if bucket.windows:
                self._heard[bucket] = (now, taken.lefts)
        if now >= self._reunited:
            self._apart.clear()
            return found
        return [await self._with_share(bucket, taken, ahead) for bucket, taken in pairs]

    async def give_back(self, bucket: Bucket, taken: Taken) -> None:
        if taken.apart:
            await self._own.give_back(bucket, taken)
        else:
            await self._asked(lambda: self._shared.give_back(bucket, taken))

    async def left(self, bucket: Bucket) -> Left:
        left = await self._asked(lambda: self._shared.left(bucket))
        return await self._own.left(self._share(bucket)) if left is None else left

    async def learned(self, bucket: Bucket, *told: Told) -> None:
        if self._now() < self._away:
            await self._own.learned(bucket, *map(self._share_of, told))
        else:
            await self._asked(lambda: self._shared.learned(bucket, *told))

    async def run(self) -> None:
        """Lets the other replicas hear of this one, and counts them."""
        while True:
            found = await self._asked(lambda: self._shared.present(self._replica, PRESENT_MS))
            self._replicas = self._replicas if found is None else found
            await self._sleep(HEARD_SECONDS)

    async def close(self) -> None:
        await self._shared.close()

    async def _asked(self, ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """The answer of the shared counts; None while they are away.

        That they are is found out slowly, so while it is, one call a second tries.
        """
        if self._away:
            if self._now() < self._away:
                return None
            self._away = self._now() + AGAIN_MS
        try:
            answer = await ask()
        except StoreUnavailable:
            self._away = self._now() + AGAIN_MS
            return None
        self._away = 0
        return answer

    async def _with_share(self, bucket: Bucket, taken: Taken, ahead: int) -> Taken:
        """What the shared counts say, as far as the share agrees while it has to be asked."""
        if taken.wait_ms or self._now() >= self._apart.get(bucket, 0):
            return taken
        own = await self._own.take(self._share(bucket), ahead=ahead)
        if own.wait_ms:
            await self.give_back(bucket, taken)
            return own
        return taken

    async def _by_share(self, bucket: Bucket, ahead: int) -> Taken:
        share = self._share(bucket)
        if bucket in self._heard:
            at_ms, lefts = self._heard.pop(bucket)
            pairs = zip(share.windows, lefts, strict=True)
            used = tuple(max(own.limit - left // self._replicas, 0) for own, left in pairs)
            self._own.count(share, used, at_ms)
        taken = await self._own.take(share, ahead=ahead)
        if bucket.windows and not taken.wait_ms:
            kept = max(window.kept_ms for window in bucket.windows)
            until = self._apart[bucket] = self._now() + kept
            self._reunited = max(self._reunited, until)
        return taken._replace(apart=True)

    def _share(self, bucket: Bucket) -> Bucket:
        """A replica always has one call of a window, however many replicas there are."""
        windows = (Window(self._part(each.limit), each.ms) for each in bucket.windows)
        return Bucket(bucket.name, tuple(windows))

    def _share_of(self, told: Told) -> Told:
        limit, remaining = told.limit, told.remaining
        return replace(
            told,
            limit=limit if limit is None else self._part(limit),
            remaining=remaining if remaining is None else remaining // self._replicas,
        )

    def _part(self, limit: int) -> int:
        return max(limit // self._replicas, 1)
