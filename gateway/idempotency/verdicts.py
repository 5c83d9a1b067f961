"""What a look at the vendor means for an open record: decided without I/O (reliability.md 2.6)."""

from dataclasses import dataclass
from typing import Final

from gateway.idempotency.doing import Finding
from gateway.idempotency.permit import BROKE_DOWN
from gateway.idempotency.record import Record
from gateway.idempotency.timers import Timers

LOOKS: Final = (0.0, 1 / 60, 1 / 24, 1 / 8, 1 / 2, 1.0, 2.5)
"""When to look after the latest send, in quiet periods; the last is the horizon."""
RESEND_SECONDS: Final = 50 * 60
"""How long after the first send a vendor's own window is relied on: less than its hour."""
MAX_SENDS: Final = 3
"""How often a write is sent that the vendor dedupes, the first time counted."""
RESENT: Final = "resend"
"""The kind of evidence that a permitted re-send leaves."""


@dataclass(frozen=True, slots=True)
class Settle:
    """It was applied."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Resend:
    """It may be sent again: proved not to be applied, or deduped by the vendor."""

    proved: bool


@dataclass(frozen=True, slots=True)
class Release:
    """It was not applied, and has been sent again once already: the key is free."""

    detail: str


@dataclass(frozen=True, slots=True)
class Park:
    """There is no proof: a person decides."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after that many seconds."""

    seconds: float


Decision = Settle | Resend | Release | Park | Wait


def decided(seen: Finding | str, record: Record, now_ms: int, timers: Timers) -> Decision:
    """What follows from a look, or, as a text, from why there was none to be had.

    `now_ms` is the store's clock, as are the record's times: a gateway's own is never compared.
    """
    waited = (now_ms - record.td) / 1000
    quiet = waited >= timers.quiet_seconds
    if isinstance(seen, str):
        return _waiting(waited, timers) or Park(seen)
    match seen.kind:
        case "applied":
            return Settle(seen)
        case "unchanged" if quiet and _resent(record):
            return Release(seen.detail)
        case "unchanged" if quiet:
            return Resend(proved=True)
        case "foreign" if quiet:
            return Park(seen.detail)
        case "blind":
            return _blind(seen, record, now_ms, timers)
        case _:
            return _waiting(waited, timers) or Park(seen.detail)


def _blind(seen: Finding, record: Record, now_ms: int, timers: Timers) -> Decision:
    """Nothing can be read; a vendor that dedupes may be sent the same again, within its window."""
    sends = record.attempts - record.unanswered + 1
    window = min(RESEND_SECONDS, seen.dedupe_seconds) * 1000
    since = (line for line in record.evidence if line.at_ms >= record.t1)
    broke_down = any(line.kind == BROKE_DOWN for line in since)
    if broke_down or now_ms - record.t1 >= window or sends > MAX_SENDS:
        return Park(seen.detail)
    waited = (now_ms - record.td) / 1000
    if sends == MAX_SENDS:
        return _waiting(waited, timers) or Park(seen.detail)
    due = LOOKS[sends] * timers.quiet_seconds
    return Resend(proved=False) if waited >= due else Wait(due - waited)


def _waiting(waited: float, timers: Timers) -> Wait | None:
    """The time until the next look, None past the horizon."""
    times = (share * timers.quiet_seconds for share in LOOKS)
    return next((Wait(at - waited) for at in times if at > waited), None)


def _resent(record: Record) -> bool:
    return any(line.kind == RESENT for line in record.evidence)
