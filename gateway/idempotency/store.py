"""The store of writes in flight and done (reliability.md 2.3): what replicas share and agree by.

Every call is atomic, judges time by the store's own clock in milliseconds, and may be repeated by
its owner after a lost reply: the repeat changes nothing more and answers as the first did. A call
that cannot be made raises `StoreUnavailable`, and then it may or may not have happened.

What a call does to a record stands in `scripts/`, one file each; a store says how they are run.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Container, Mapping, Sequence
from typing import Final, Literal, cast

from gateway.errors import StoreUnavailable
from gateway.idempotency.record import (
    COMPACT_AFTER_MS,
    Fingerprint,
    Place,
    Record,
    Result,
    State,
    Value,
    facts_of,
    newly_claimed,
    spelled_reply,
)
from gateway.idempotency.replies import (
    Begun,
    Lease,
    Moved,
    Reply,
    StoreHealth,
    Word,
    begun,
    moved,
)

__all__ = [
    "OperationStore",
    "StoreUnavailable",
]

Argument = str | int | bytes | dict[str, Value] | list[Fingerprint]
"""What a script takes; only a store that sends it somewhere flattens it."""

OPERATOR: Final = ""
"""The owner of a call that nobody has a lease for."""
MAX_DETAIL: Final = 500
"""Characters of a line of evidence."""


class OperationStore(ABC):
    """The calls; a record is named by the 32 hex digits of `record.address`."""

    async def begin(
        self,
        hex32: str,
        *,
        fingerprints: Sequence[Fingerprint],
        owner: str,
        lease_ms: int,
        keep_ms: int,
        facts: Mapping[str, bytes | str],
        beside: Lease | None = None,
    ) -> Begun:
        """Claims a key for a request, or tells how it stands with it.

        A new record keeps the first fingerprint; `facts` are members that `record.FACTS` lists,
        kept when it is made or comes again after it was released. With a new claim the owner gets
        the lease `beside` it, where that is free and lies where it can be had in the same round.
        """
        known, sent = list(fingerprints), facts_of(facts)
        head = (lease_ms, keep_ms, known, sent)
        told = await self._run("begin", hex32, owner, 0, *head, beside=beside)
        if told.word != "new" or told.record:
            return begun(told, told.record)
        claim = newly_claimed(
            hex32, owner=owner, fingerprint=known[0], facts=sent,
            now_ms=told.now_ms, lease_ms=told.left_ms,
        )  # fmt: skip
        return begun(told, claim)

    async def take(self, hex32: str, *, owner: str, lease_ms: int) -> Begun:
        """Gets an open record whose lease is over, or one's own send that no verdict came for."""
        told = await self._run("take", hex32, owner, 0, lease_ms)
        return begun(told, told.record)

    async def dispatch(
        self,
        hex32: str,
        *,
        owner: str,
        fence: int,
        send: int,
        min_left_ms: int,
        lease_ms: int,
        replicas: int = 0,
        wait_ms: int = 0,
    ) -> bool:
        """Records that a send goes out; sends are numbered from 1 and never share a number.

        False: it must not go out, because another holds the record, too little of the lease is
        left, or fewer `replicas` than asked for know of it within `wait_ms`. Then `undispatch`.
        """
        args = (send, min_left_ms, lease_ms)
        if not replicas:
            return (await self._run("dispatch", hex32, owner, fence, *args)).word == "ok"
        told, confirmed = await self._run_confirmed(
            "dispatch", hex32, owner, fence, *args, replicas=replicas, wait_ms=wait_ms
        )
        return told.word == "ok" and confirmed >= replicas

    async def undispatch(self, hex32: str, *, owner: str, fence: int, send: int) -> Moved:
        """Takes a recorded send back, of which not a byte left."""
        return moved(await self._run("undispatch", hex32, owner, fence, send))

    async def refuse(self, hex32: str, *, dispatch_fence: int, send: int, end: bool) -> Moved:
        """The vendor said no to a send: it may be tried again, or with `end` the key is free.

        While an earlier send has no verdict, the record stays to be reconciled.
        """
        return moved(await self._run("refuse", hex32, OPERATOR, dispatch_fence, send, int(end)))

    async def step(
        self,
        hex32: str,
        *,
        owner: str,
        dispatch_fence: int,
        send: int,
        index: int,
        name: str,
        reply: bytes,
    ) -> Moved:
        """One of several vendor writes, counted from 0, is done; the next may be sent.

        `late`: it is noted, and another has the lease now.
        """
        done = (index + 1, name, spelled_reply(reply))
        return moved(await self._run("step", hex32, owner, dispatch_fence, send, *done))

    async def resend(self, hex32: str, *, owner: str, fence: int, proved_absent: bool) -> Moved:
        """Lets a reconciler send again, where reliability.md 2.6 allows it."""
        return moved(await self._run("resend", hex32, owner, fence, int(proved_absent)))

    async def settle(  # noqa: PLR0913  # an end has as many members as `complete` keeps
        self,
        hex32: str,
        *,
        owner: str | None,
        fence: int | None,
        verdict: Literal["applied", "partial", "not_applied", "step"],
        answer: bytes = b"",
        answer_status: int = 0,
        opportunity_id: str | None = None,
        code: str | None = None,
        index: int = 0,
        name: str = "",
        reply: bytes = b"",
        by: str | None = None,
        reason: str | None = None,
    ) -> Moved:
        """Ends what was proved by reading, or what an operator (no owner) says of a parked one.

        `step` proves a vendor write, counted from 0, to be done, so that the next may be sent; an
        operator's waits to be resumed.
        """
        if verdict == "step":
            shown: tuple[Argument, ...] = (index + 1, name, spelled_reply(reply))
        else:
            shown = (answer, answer_status, verdict, opportunity_id or "", code or "")
        told = (verdict, by or "", reason or "", *shown)
        return moved(await self._run("settle", hex32, owner or OPERATOR, fence or 0, *told))

    async def park(self, hex32: str, *, owner: str, fence: int, why: str) -> Moved:
        """There is no proof: an operator decides."""
        return moved(await self._run("park", hex32, owner, fence, why[:MAX_DETAIL]))

    async def complete(  # noqa: PLR0913  # a record keeps each of these by itself
        self,
        hex32: str,
        *,
        owner: str,
        fence: int,
        dispatch_fence: int | None,
        answer: bytes,
        answer_status: int,
        outcome: Result,
        opportunity_id: str | None,
        code: str | None,
        keep_ms: int,
        beside: Lease | None = None,
    ) -> Word:
        """Keeps the final answer for `keep_ms`; `beside` it ends a lease that came with the claim.

        The vendor's own comes with the fence of its send and wins over a mere lease; without one
        it needs the lease, and nothing unanswered. `late` corrects a record that was settled as
        not applied; `fenced` with an answer of the vendor in hand is a duplicate to look into.
        """
        final = (answer, answer_status, outcome, opportunity_id or "", code or "")
        args = (dispatch_fence or 0, keep_ms, *final)
        told = await self._run("complete", hex32, owner, fence, *args, beside=beside)
        return cast(Word, told.word)

    async def release(self, hex32: str, *, owner: str, fence: int) -> Moved:
        """Frees a key under which nothing was applied; a record that ever sent stays.

        With a send unanswered it is left to be reconciled, with a step done to be resumed.
        """
        return moved(await self._run("release", hex32, owner, fence))

    async def heartbeat(
        self, hex32: str, *, owner: str, fence: int, lease_ms: int, hard_limit_ms: int
    ) -> bool:
        """Prolongs the lease, up to a limit from the claim or the latest send; false: not mine."""
        args = (lease_ms, hard_limit_ms)
        return (await self._run("heartbeat", hex32, owner, fence, *args)).word == "ok"

    async def touch(self, hex32: str) -> None:
        """Keeps an unsettled record from ending, and the indexes from naming one that is gone."""
        await self._run("touch", hex32, OPERATOR, 0)

    async def compact(self, hex32: str, *, older_ms: int = COMPACT_AFTER_MS) -> bool:
        """Drops the bodies of a record that ended that long ago; false: it did not."""
        return (await self._run("compact", hex32, OPERATOR, 0, older_ms)).word == "ok"

    async def note(self, hex32: str, *, kind: str, detail: str) -> bool:
        """Adds a line of evidence; the oldest make room, a repeat of the last adds nothing."""
        return (await self._run("note", hex32, OPERATOR, 0, kind, detail[:MAX_DETAIL])).word == "ok"

    async def facts(self, hex32: str, *, owner: str, fence: int, **members: bytes | str) -> bool:
        """Sets members that `record.FACTS` lists, while the record is open and mine."""
        return (await self._run("facts", hex32, owner, fence, facts_of(members))).word == "ok"

    @abstractmethod
    async def get(self, hex32: str) -> Record | None:
        """The record."""

    @abstractmethod
    async def due(self, limit: int) -> list[str]:
        """Open records whose lease is over, the longest ago first; `take` decides who gets one.

        A record that ended by itself may be among them, until a `take` finds it gone.
        """

    @abstractmethod
    async def old(self, limit: int, *, older_ms: int = COMPACT_AFTER_MS) -> list[str]:
        """Ended records that are that old and still have their bodies."""

    @abstractmethod
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
        """Records made since then: open ones, then parked and ended ones, the latest first.

        `results` is of completed ones; `after` is the place (`record.latest_first`) of the last one
        of a list that goes on here. What moves meanwhile may be met twice.
        """

    @abstractmethod
    async def counters(self) -> Mapping[str, int]:
        """How many records are `open`, and how many `indeterminate`."""

    @abstractmethod
    async def highwaters(self) -> Mapping[str, int]:
        """How many records each bucket ever had, 0 for none."""

    @abstractmethod
    async def amnesia(self) -> bool:
        """Whether records are known to have been lost within a retention period."""

    @abstractmethod
    async def set_amnesia(self, keep_ms: int) -> bool:
        """Says so to every replica; true where none had."""

    @abstractmethod
    async def forget(self, caller: str) -> int:
        """Drops the bodies of a caller's ended records; how many there were.

        What is left still keeps their keys from running again.
        """

    @abstractmethod
    async def time_ms(self) -> int:
        """The store's clock."""

    @abstractmethod
    async def lease_take(self, name_hash: str, *, owner: str, ttl_ms: int) -> int:
        """Leases a vendor's record: 0, or for how many ms more it is another's."""

    @abstractmethod
    async def lease_renew(self, name_hash: str, *, owner: str, ttl_ms: int) -> bool:
        """Prolongs one's own lease; false: it is not."""

    @abstractmethod
    async def lease_free(self, name_hash: str, *, owner: str) -> bool:
        """Ends one's own lease; false: it was not."""

    @abstractmethod
    async def health(self, *, replicas: int = 0) -> StoreHealth:
        """Whether the store's settings keep what it acknowledges, on that many replicas."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of its connections."""

    @abstractmethod
    async def _run(
        self,
        script: str,
        hex32: str,
        owner: str,
        fence: int,
        *args: Argument,
        beside: Lease | None = None,
    ) -> Reply:
        """Runs a script of a record."""

    @abstractmethod
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
        """Runs it, and tells how many replicas have it: as many as that, or after that long."""
