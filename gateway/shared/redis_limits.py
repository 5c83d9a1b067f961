"""Limits that replicas share: counts in Redis, by its own clock, a script for each question.

All keys of a bucket have one hash tag, so they lie on one node of a Cluster; two buckets need not.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Final, Self

from gateway.normalizer.rates import Told
from gateway.shared import scripts
from gateway.shared.calls import Calls, Word
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

PRESENT: Final = "uog:1:{replicas}:present"


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
        # Asked twice after a lost reply it counts twice, which errs on the vendor's side.
        wait, at, left, renews, *lefts = await self._run("take", bucket, ahead)
        return Taken(wait, at, None if left == b"" else left, renews, tuple(lefts))

    async def give_back(self, bucket: Bucket, taken: Taken) -> None:
        await self._run("give_back", bucket, taken.at_ms, again=False)

    async def left(self, bucket: Bucket) -> Left:
        limit, told, *windows = await self._run("left", bucket)
        return Left(tuple(windows), *(None if each == b"" else each for each in (limit, told)))

    async def learned(self, bucket: Bucket, told: Told) -> None:
        said = (
            told.limit,
            told.remaining,
            None if told.reset is None else ceil(told.reset * 1000),
        )
        words = ["" if each is None else each for each in said]
        await self._run("learned", bucket, *words, HOLD_MS, SAME_MS, WORD_KEEP_MS)

    async def present(self, replica: str, keep_ms: int) -> int:
        """How many replicas there are, after this one was heard of."""
        argv = [self._time(), replica, keep_ms]
        return int(await self._calls.run(self._scripts["present"], [PRESENT], argv))

    async def run(self) -> None:
        """There is nothing to do, and no end to it."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        await self._nodes.close()

    async def _run(self, script: str, bucket: Bucket, *own: Word, again: bool = True) -> Any:
        argv: list[Word] = [self._time(), len(own) + 2, *own]
        for window in bucket.windows:
            argv += [window.limit, window.slice_ms, window.kept_ms]
        return await self._calls.run(self._scripts[script], keys(bucket), argv, again=again)

    def _time(self) -> Word:
        return self._now() if self._now else ""


def keys(bucket: Bucket) -> Sequence[str]:
    """Where a bucket lies: the vendor's word, and the counts of each window."""
    place = f"uog:1:{{l{bucket.name}}}"
    return [f"{place}:word", *(f"{place}:{window.ms}" for window in bucket.windows)]
