"""Which ended records in Redis still have their bodies, without a look at all the others.

Records are made compact in the order in which they ended, and kept for long after that: a million
of them must cost the next search nothing. So each bucket remembers up to when it has no bodies.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from gateway.idempotency.addresses import BUCKETS, compacted_key, ended_key, record_key
from gateway.shared.calls import Calls

WINDOW: Final = 64
"""Records of a bucket that are looked at together."""
FIRST: Final = 1
"""The earliest time: what is parked has one below zero."""


Place = tuple[int, int]
"""A time, and how many of those that ended then lie behind."""


class Aged:
    """The search for them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def found(self, before: int, limit: int) -> list[str]:
        """Some of those that ended before then, the oldest of each bucket first."""
        told = await self._calls.each(
            BUCKETS, compacted_key, lambda pipe, name: pipe.get(compacted_key(name))
        )
        known = {name: int(at or FIRST) for name, at in zip(BUCKETS, told, strict=True)}
        none_before = dict(known)
        found: list[str] = []
        unsure: Mapping[str, Place] = {name: (at, 0) for name, at in known.items()}
        while unsure and len(found) < limit:
            some, unsure = await self._looked(unsure, before, none_before)
            found += some
        moved = {name: at for name, at in none_before.items() if at != known[name]}
        await self._calls.each(
            list(moved),
            compacted_key,
            lambda pipe, name: pipe.set(compacted_key(name), moved[name]),
        )
        return found[:limit]

    async def _looked(
        self, places: Mapping[str, Place], before: int, none_before: dict[str, int]
    ) -> tuple[list[str], dict[str, Place]]:
        """What has bodies in the next window of some buckets, and where to look on for more."""
        windows: list[list[tuple[bytes, float]]] = await self._calls.each(
            list(places),
            ended_key,
            lambda pipe, name: pipe.zrangebyscore(
                ended_key(name),
                places[name][0],
                before,
                start=places[name][1],
                num=WINDOW,
                withscores=True,
            ),
        )
        ids = [hex32.decode() for window in windows for hex32, _ in window]
        held = await self._calls.each(
            ids, record_key, lambda pipe, hex32: pipe.hexists(record_key(hex32), "req")
        )
        whole = {hex32 for hex32, holds in zip(ids, held, strict=True) if holds}
        unsure: dict[str, Place] = {}
        for name, window in zip(places, windows, strict=True):
            times = [int(at) for _, at in window]
            of_whole = [int(at) for hex32, at in window if hex32.decode() in whole]
            none_before[name] = next(chain(of_whole, times[-1:]), none_before[name])
            if len(window) == WINDOW and not of_whole:
                unsure[name] = _behind(places[name], times)
        return [hex32 for hex32 in ids if hex32 in whole], unsure


def _behind(place: Place, times: Sequence[int]) -> Place:
    """Where the next window begins; several may have ended at one time."""
    last, (since, skipped) = times[-1], place
    return last, times.count(last) + (skipped if last == since else 0)
