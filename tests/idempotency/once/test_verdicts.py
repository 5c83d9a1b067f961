"""What a look means: a table of findings against times, sends and evidence (reliability.md 2.6)."""

from typing import Any

import pytest

from gateway.canonical import json_text
from gateway.idempotency.doing import Finding, Kind
from gateway.idempotency.record import Evidence, Record
from gateway.idempotency.timers import Timers
from gateway.idempotency.verdicts import (
    LOOKS,
    Decision,
    Park,
    Release,
    Resend,
    Settle,
    Wait,
    decided,
)

TIMERS = Timers(retention_ms=72 * 3600 * 1000, quiet_seconds=120)
SENT = 1_800_000_000_000
HOUR = 3600


def record(*evidence: Evidence, sends: int = 1, since: float = 0) -> Record:
    """A record with so many sends without a verdict, the first of them `since` seconds ago."""
    lines = b"".join(json_text.write(line) + b"\n" for line in evidence)
    times = {"t1": SENT - int(since * 1000), "td": SENT, "at": sends, "un": 1}
    numbers = {name: str(number).encode() for name, number in times.items()}
    named = {"fp": b"", "fpv": b"1 2026-11", "st": b"reconciling", "ev": lines}
    return Record("00" * 16, named | numbers)


def seen_since(kind: str) -> Evidence:
    """A line of evidence as old as the send."""
    return Evidence(SENT, kind, "")


DISPATCHED = record()


def after(seconds: float, seen: Kind | str, known: Record = DISPATCHED, **members: Any) -> Decision:
    """What is decided so long after the latest send; another text is why nobody looked."""
    finding: Finding | str = seen
    if seen in {"applied", "unchanged", "absent", "foreign", "blind"}:
        finding = Finding(kind=seen, detail="seen", **members)
    return decided(finding, known, SENT + int(seconds * 1000), TIMERS)


RESENT = record(seen_since("resend"))
NATIVE = {"dedupe_seconds": HOUR}


@pytest.mark.parametrize(
    ("seconds", "seen", "known", "members", "decision"),
    [
        # Proof of the effect settles it, whenever it is found.
        (0, "applied", DISPATCHED, {}, Settle(Finding(kind="applied", detail="seen"))),
        (900, "applied", RESENT, {}, Settle(Finding(kind="applied", detail="seen"))),
        # Before the quiet period has passed, nothing that is not there proves anything.
        (0, "unchanged", DISPATCHED, {}, Wait(2)),
        (119, "unchanged", DISPATCHED, {}, Wait(1)),
        (0, "foreign", DISPATCHED, {}, Wait(2)),
        (15, "foreign", DISPATCHED, {}, Wait(45)),
        # After it, what is as before was not applied: sent again once, and then given back.
        (120, "unchanged", DISPATCHED, {}, Resend(proved=True)),
        (120, "unchanged", RESENT, {}, Release("seen")),
        # Somebody else wrote: nothing is overwritten.
        (120, "foreign", DISPATCHED, {}, Park("seen")),
        # A mark that is not found proves nothing ever: the looks end at the horizon.
        (0, "absent", DISPATCHED, {}, Wait(2)),
        (2, "absent", DISPATCHED, {}, Wait(3)),
        (5, "absent", DISPATCHED, {}, Wait(10)),
        (15, "absent", DISPATCHED, {}, Wait(45)),
        (60, "absent", DISPATCHED, {}, Wait(60)),
        (120, "absent", DISPATCHED, {}, Wait(180)),
        (300, "absent", DISPATCHED, {}, Park("seen")),
        # A vendor that cannot be asked now is asked again until the horizon.
        (0, "away", DISPATCHED, {}, Wait(2)),
        (150, "away", DISPATCHED, {}, Wait(150)),
        (300, "away", DISPATCHED, {}, Park("away")),
        # One that can never be asked is for a person at once, unless it dedupes.
        (0, "blind", DISPATCHED, {}, Park("seen")),
        (0, "blind", DISPATCHED, NATIVE, Wait(2)),
        (2, "blind", DISPATCHED, NATIVE, Resend(proved=False)),
        # Its holder died, and the lease outlasted the horizon: the vendor's window decides.
        (400, "blind", DISPATCHED, NATIVE, Resend(proved=False)),
        (2, "blind", record(sends=2), NATIVE, Wait(3)),
        (5, "blind", record(sends=2), NATIVE, Resend(proved=False)),
        # Three sends are enough, and the third is waited for.
        (5, "blind", record(sends=3), NATIVE, Wait(10)),
        (300, "blind", record(sends=3), NATIVE, Park("seen")),
        # Its window ends before an hour is over, or sooner where the vendor's does.
        (5, "blind", record(since=50 * 60 - 6), NATIVE, Resend(proved=False)),
        (5, "blind", record(since=50 * 60), NATIVE, Park("seen")),
        (5, "blind", record(since=60), {"dedupe_seconds": 60}, Park("seen")),
        # What broke down is not kept for a key by the vendor, who would do it again.
        (2, "blind", record(seen_since("broke-down")), NATIVE, Park("seen")),
    ],
)
def test_a_look_leads_to(
    seconds: float, seen: str, known: Record, members: dict[str, int], decision: Decision
) -> None:
    """One decision for each row, made without a clock and without a call."""
    assert after(seconds, seen, known, **members) == decision


def test_a_breakdown_of_an_earlier_run_says_nothing_of_this_one() -> None:
    """The key was released in between, and sent anew."""
    old = record(Evidence(SENT - 1, "broke-down", ""))
    assert after(2, "blind", old, **NATIVE) == Resend(proved=False)


def test_the_looks_end_at_the_horizon() -> None:
    """Seven times, each later than the one before, the last after two and a half quiet periods."""
    assert sorted(set(LOOKS)) == list(LOOKS)
    assert [share * TIMERS.quiet_seconds for share in LOOKS] == [0, 2, 5, 15, 60, 120, 300]


def test_absence_within_the_quiet_period_is_no_proof_at_any_scale() -> None:
    """A frozen holder may send for as long as that is not over."""
    for tenths in range(1200):
        assert isinstance(after(tenths / 10, "unchanged"), Wait)
