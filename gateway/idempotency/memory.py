"""The store of a gateway that runs alone: records live in this process and end with it."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.idempotency.addresses import BUCKETS, bucket
from gateway.idempotency.record import (
    COMPACT_AFTER_MS,
    OPEN,
    Place,
    Record,
    Result,
    Sought,
    State,
    Value,
    latest_first,
)
from gateway.idempotency.replies import Lease, Reply, StoreHealth
from gateway.idempotency.store import Argument, OperationStore
from gateway.idempotency.transitions import SCRIPTS, Turn

_WHOLE = frozenset(("new", "mine", "replay", "reconcile", "indeterminate"))
"""Verdicts that come with the record."""


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _Kept:
    """A record, and when it ends by itself."""

    fields: dict[str, Value] = field(default_factory=dict)
    ends: int = 0


@dataclass(slots=True)
class _Lease:
    owner: str
    ends: int


class MemoryStore(OperationStore):
    """The same contract over a dict; nothing in it awaits, so every call is atomic."""

    def __init__(self, now: Callable[[], int] = _wall_clock_ms) -> None:
        self._now = now
        self._kept: dict[str, _Kept] = {}
        self._leases: dict[str, _Lease] = {}
        self._made: Counter[str] = Counter()
        self._amnesia_ends = 0

    async def get(self, hex32: str) -> Record | None:
        kept = self._alive(hex32)
        return _record(hex32, kept) if kept else None

    async def due(self, limit: int) -> list[str]:
        now = self._now()
        self._bury(now)
        held = (
            (record.lease_until, record.hex32) for record in self._all() if record.state in OPEN
        )
        return [hex32 for until, hex32 in sorted(held) if until <= now][:limit]

    async def old(self, limit: int, *, older_ms: int = COMPACT_AFTER_MS) -> list[str]:
        before = self._now() - older_ms
        ended = (record for record in self._all() if record.state in {"completed", "not_applied"})
        return [each.hex32 for each in ended if each.te <= before and each.request][:limit]

    async def listed(
        self,
        *,
        caller: str | None = None,
        states: Collection[State] | None = None,
        results: Collection[Result] | None = None,
        connections: Container[str] | None = None,
        since_ms: int = 0,
        after: Place | None = None,
        limit: int = 50,
    ) -> list[Record]:
        sought = Sought(
            caller=caller, states=states, results=results, connections=connections,
            since_ms=since_ms, after=after,
        )  # fmt: skip
        found = (
            record
            for record in self._all()
            if sought.goes_on_with(record)
            and sought.fits(
                state=record.state,
                result=record.outcome or "",
                caller=record.caller,
                connection=record.connection,
                t0=record.t0,
            )
        )
        return sorted(found, key=latest_first)[:limit]

    async def counters(self) -> Mapping[str, int]:
        states = Counter(record.state for record in self._all())
        return {
            "open": sum(states[state] for state in OPEN),
            "indeterminate": states["indeterminate"],
        }

    async def highwaters(self) -> Mapping[str, int]:
        return {name: self._made[name] for name in BUCKETS}

    async def amnesia(self) -> bool:
        return self._amnesia_ends > self._now()

    async def set_amnesia(self, keep_ms: int) -> bool:
        known = await self.amnesia()
        self._amnesia_ends = self._now() + keep_ms
        return not known

    async def forget(self, caller: str) -> int:
        theirs = [record.hex32 for record in self._all() if record.caller == caller]
        return sum([await self.compact(hex32, older_ms=0) for hex32 in theirs])

    async def time_ms(self) -> int:
        return self._now()

    async def lease_take(self, name_hash: str, *, owner: str, ttl_ms: int) -> int:
        now = self._now()
        held = self._leases.get(name_hash)
        if held and held.owner != owner and held.ends > now:
            return held.ends - now
        self._leases[name_hash] = _Lease(owner, now + ttl_ms)
        return 0

    async def lease_renew(self, name_hash: str, *, owner: str, ttl_ms: int) -> bool:
        held = self._leases.get(name_hash)
        if not held or held.owner != owner or held.ends <= self._now():
            return False
        held.ends = self._now() + ttl_ms
        return True

    async def lease_free(self, name_hash: str, *, owner: str) -> bool:
        held = self._leases.get(name_hash)
        if not held or held.owner != owner or held.ends <= self._now():
            return False
        del self._leases[name_hash]
        return True

    async def health(self, *, replicas: int = 0) -> StoreHealth:
        return StoreHealth(ok=True, notes=("records live in this process and end with it",))

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _run(
        self,
        script: str,
        hex32: str,
        owner: str,
        fence: int,
        *args: Argument,
        beside: Lease | None = None,
    ) -> Reply:
        kept = self._alive(hex32) or _Kept()
        new = not kept.fields
        turn = Turn(kept.fields, kept.ends, self._now(), owner, fence)
        word = SCRIPTS[script](turn, *args)
        kept.ends = turn.ends
        if not kept.fields:
            self._kept.pop(hex32, None)
        elif new:
            self._kept[hex32] = kept
            self._made[bucket(hex32)] += 1
        return Reply(
            word=word,
            state=turn.state,
            fence=turn.number("f"),
            attempts=turn.number("at"),
            now_ms=turn.now,
            left_ms=max(turn.number("lu") - turn.now, 0),
            highwater=self._made[bucket(hex32)],
            record=_record(hex32, kept) if word in _WHOLE else None,
            leased=beside is not None and await self._leased(script, word, owner, beside),
        )

    async def _leased(self, script: str, word: str, owner: str, lease: Lease) -> bool:
        """What the script does with the lease beside its record."""
        if script == "complete":
            await self.lease_free(lease.address, owner=owner)
        elif word == "new":
            return await self.lease_take(lease.address, owner=owner, ttl_ms=lease.ttl_ms) == 0
        return False

    async def _run_confirmed(
        self,
        script: str,
        hex32: str,
        owner: str,
        fence: int,
        *args: Argument,
        replicas: int,
        wait_ms: int,
    ) -> tuple[Reply, int]:
        return await self._run(script, hex32, owner, fence, *args), 0

    def _alive(self, hex32: str) -> _Kept | None:
        kept = self._kept.get(hex32)
        return kept if kept and kept.ends > self._now() else None

    def _bury(self, now: int) -> None:
        self._kept = {hex32: kept for hex32, kept in self._kept.items() if kept.ends > now}
        self._leases = {name: held for name, held in self._leases.items() if held.ends > now}

    def _all(self) -> Iterator[Record]:
        now = self._now()
        for hex32, kept in list(self._kept.items()):
            if kept.ends > now:
                yield _record(hex32, kept)


def _record(hex32: str, kept: _Kept) -> Record:
    return Record(hex32, dict(kept.fields))
