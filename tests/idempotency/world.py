"""What is true, whatever the store says: writes at a vendor, and holders that die and pause."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from gateway.idempotency.addresses import address
from gateway.idempotency.record import Record
from tests.idempotency.bench import SECOND

FROZEN = 60 * SECOND
"""How long after a send is recorded a paused holder may still emit it: half the quiet period."""
QUIET = 2 * FROZEN
HORIZON = QUIET * 5 // 2

Phase = Literal["claimed", "sending", "answered", "silent", "reconciling"]
"""A holder may send, has recorded a send, has or has not an answer to it, or only reads."""


@dataclass(frozen=True, kw_only=True)
class Send:
    """One recorded send."""

    key: str
    step: int
    number: int
    fence: int
    generation: int
    until: int
    """From when on its bytes can neither leave nor arrive any more."""


class Seen(NamedTuple):
    """What reading showed of the first step that was not done."""

    verdict: Literal["applied", "not_applied", "step"]
    told: dict[str, Any]
    quiet: bool
    """Whether the quiet period was over, so that an absence is a proof."""


@dataclass
class Operation:
    """One key, and what the vendor did under it."""

    steps: int
    dedupes: bool
    """Whether the vendor takes two sends with one derived key for one."""
    effects: Counter[int] = field(default_factory=Counter)
    """How often each step was applied."""
    seen: set[tuple[int, int]] = field(default_factory=set)
    on_its_way: list[Send] = field(default_factory=list)
    """Sends without an answer that may still be applied."""
    final: tuple[Any, ...] | None = None
    """The first final answer that was stored."""

    def apply(self, send: Send) -> None:
        """The vendor applies a send."""
        derived = (send.step, send.generation)
        if not (self.dedupes and derived in self.seen):
            self.effects[send.step] += 1
        self.seen.add(derived)

    @property
    def outcome(self) -> str:
        """What a final answer ought to say."""
        done = sum(1 for times in self.effects.values() if times)
        return {0: "not_applied", self.steps: "applied"}.get(done, "partial")

    def seen_at(self, now: int, record: Record) -> Seen:
        """Reads at the vendor."""
        step = len(record.steps)
        quiet = now >= record.td + QUIET
        if not self.effects[step]:
            return Seen("not_applied", {}, quiet)
        if step < self.steps - 1:
            done = {"index": step, "name": f"step {step}", "reply": b"reply"}
            return Seen("step", done, quiet)
        return Seen("applied", {"answer": b"rebuilt", "answer_status": 200}, quiet)

    def anew(self) -> "Operation":
        """The same key, once its record is gone: a new operation, as published."""
        return Operation(self.steps, self.dedupes)


@dataclass
class Holder:
    """A process that has the lease of a key, or thinks so."""

    key: str
    owner: str
    fence: int
    phase: Phase
    send: Send | None = None
    applied: bool = False
    """What the vendor's answer says."""
    seen: Seen | None = None
    """What it read at the vendor, which may be stale when it acts on it."""

    @property
    def sent(self) -> Send:
        """The send that it recorded."""
        assert self.send is not None
        return self.send


def operations() -> dict[str, Operation]:
    """One of each kind: of one write, of two, and one whose vendor dedupes."""
    return {
        address("test", "billing", b"update"): Operation(1, dedupes=False),
        address("test", "billing", b"create"): Operation(2, dedupes=False),
        address("test", "billing", b"native"): Operation(1, dedupes=True),
    }
