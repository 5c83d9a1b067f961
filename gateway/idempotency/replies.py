"""What a store says to its calls, and what is asked for beside one."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

from gateway.idempotency.record import Record, State

Verdict = Literal[
    "new",
    "mine",
    "in_flight",
    "replay",
    "mismatch",
    "unreadable",
    "reconcile",
    "indeterminate",
    "gone",
]
Word = Literal["ok", "late", "already", "fenced", "lost"]


class Begun(NamedTuple):
    """How it stands with a key.

    `new`: run it. `mine`: one's own call again, go on from `state`. `in_flight`: another holds it
    for `left_ms`. `reconcile`: find out, by reading, what became of the open send. `replay`,
    `indeterminate`, `mismatch`: it is over, unsettled, or another request's. `unreadable`: it was
    signed in a way that was not brought along, so nothing can be told. `gone`, of `take` alone:
    nothing is open. `record` is there unless it is nobody's business: in flight, mismatch.
    """

    verdict: Verdict
    fence: int
    attempts: int
    left_ms: int
    state: State | None
    record: Record | None
    highwater: int
    """How many records the bucket ever had, which never falls unless some were lost."""
    leased: bool = False
    """Whether the lease that was asked for with the claim was taken; it may be without."""


class Moved(NamedTuple):
    """What became of a record, None where there is none; false where the call had no right to it.

    `late`: it was done, and somebody else's lease, or verdict, was in the way. `already`: it is
    completed otherwise. `lost`: there is no such record.
    """

    word: Word
    state: State | None
    fence: int

    def __bool__(self) -> bool:
        return self.word in {"ok", "late"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """Whether what the store acknowledges stays, as its settings have it (reliability.md 2.5)."""

    ok: bool
    """False where settings would lose records: with strict durability, no way to start."""
    reasons: tuple[str, ...] = ()
    """Why the store is degraded, or not ok."""
    notes: tuple[str, ...] = ()
    """What an operator may want to know, and no fault."""


class Lease(NamedTuple):
    """The lease of a vendor's record, to be asked for in one round with a claim."""

    address: str
    """See `addresses.lease_address`."""
    ttl_ms: int


class Reply(NamedTuple):
    """What every script of a record answers."""

    word: str
    state: State | None
    fence: int
    attempts: int
    now_ms: int
    """The store's clock."""
    left_ms: int
    highwater: int
    record: Record | None
    leased: bool = False


def begun(told: Reply, record: Record | None) -> Begun:
    """How it stands with a key whose script answered so, with its record."""
    return Begun(
        verdict=cast(Verdict, told.word),
        fence=told.fence,
        attempts=told.attempts,
        left_ms=told.left_ms,
        state=told.state,
        record=record,
        highwater=told.highwater,
        leased=told.leased,
    )


def moved(told: Reply) -> Moved:
    """What became of a record whose script answered so."""
    return Moved(word=cast(Word, told.word), state=told.state, fence=told.fence)
