"""Limits that replicas share: counts in Redis, by its own clock, a script for each question.

All keys of a bucket have one hash tag, so they lie on one node of a Cluster; two buckets need not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from math import ceil
from typing import Any, Final, Self

from gateway.normalizer.rates import Told
from gateway.shared import scripts
from gateway.shared.calls import Calls
from gateway.shared.limits import (
    HOLD_MS,
    SAME_MS,
    WORD_KEEP_MS,
    Bucket,
    Left,
    Taken,
)
from gateway.shared.moving import ClusterNodes
from gateway.shared.nodes import Nodes, OneNode
from gateway.shared.resp import Word

PRESENT: Final = "uog:1:{replicas}:present"
ROOM: Final = 1000
"""Buckets whose spelling is remembered."""


class RedisLimits:
    """The contract over Redis; only tests set another clock with `now`."""

    def __init__(self, nodes: Nodes, *, now: Callable[[], int] | None = None) -> None:
        self._nodes = nodes
        self._calls = Calls(nodes)
        self._now = now
        self._scripts = scripts.load("gateway.shared", "limits", alone={"present"})

    @classmethod
    def at(cls, url: str, *, cluster: bool = False, now: Callable[[], int] | None = None) -> Self:
        """The limits at `redis://…` or `rediss://…`; it connects when it is first asked."""
        return cls(ClusterNodes(url) if cluster else OneNode(url), now=now)

    async def take(self, bucket: Bucket, *, ahead: int = 0) -> Taken:
        (taken,) = await self.take_each([bucket], ahead=ahead)
        return taken

    async def take_each(self, buckets: Sequence[Bucket], *, ahead: int = 0) -> Sequence[Taken]:
        if len(buckets) > 1 and not self._nodes.together:
            return await asyncio.gather(*(self.take(bucket, ahead=ahead) for bucket in buckets))
        # Asked twice after a lost reply it counts twice, which errs on the vendor's side.
        told = await self._run("take", buckets, ahead)
        return [
            Taken(wait, at, None if left == b"" else left, renews, tuple(lefts))
            for wait, at, left, renews, *lefts in told
        ]

    async def give_back(self, bucket: Bucket, taken: Taken) -> None:
        await self._run("give_back", [bucket], taken.at_ms, again=False)

    async def left(self, bucket: Bucket) -> Left:
        limit, told, *windows = await self._run("left", [bucket])
        return Left(tuple(windows), *(None if each == b"" else each for each in (limit, told)))

    async def learned(self, bucket: Bucket, *told: Told) -> None:
        words: list[Word] = []
        for limit, remaining, reset in ((each.limit, each.remaining, each.reset) for each in told):
            until = None if reset is None else ceil(reset * 1000)
            words += ["" if each is None else each for each in (limit, remaining, until)]
        await self._run("learned", [bucket], HOLD_MS, SAME_MS, WORD_KEEP_MS, *words)

    async def present(self, replica: str, keep_ms: int) -> int:
        """How many replicas there are, after this one was heard of."""
        argv = [self._time(), replica, keep_ms]
        return int(await self._calls.run(self._scripts["present"], [PRESENT], argv))

    async def run(self) -> None:
        """There is nothing to do, and no end to it."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        await self._nodes.close()

    def _run(
        self, script: str, buckets: Sequence[Bucket], *own: Word, again: bool = True
    ) -> Awaitable[Any]:
        places: list[str] = []
        argv: list[Word] = [self._time(), len(own) + 2, *own]
        for bucket in buckets:
            lying, windows = _spelled(bucket)
            places += lying
            argv += windows
        return self._calls.run(self._scripts[script], places, argv, again=again)

    def _time(self) -> Word:
        return self._now() if self._now else ""


@lru_cache(maxsize=ROOM)
def _spelled(bucket: Bucket) -> tuple[Sequence[str], Sequence[Word]]:
    """A bucket as the scripts are told it: the same few hundred are asked for again and again."""
    argv = [len(bucket.windows)]
    for window in bucket.windows:
        argv += [window.limit, window.slice_ms, window.kept_ms]
    return keys(bucket), argv


def keys(bucket: Bucket) -> Sequence[str]:
    """Where a bucket lies: the vendor's word, and the counts of each window."""
    place = f"uog:1:{{l{bucket.name}}}"
    return [f"{place}:word", *(f"{place}:{window.ms}" for window in bucket.windows)]
