"""One execution: what was sent, what came back, and what the record says of it (rows 6 to 25)."""

import pytest

from gateway.errors import MatchesExisting, StaleVersion, VendorNotFound
from tests.idempotency.once.scripted import (
    answers,
    breaks,
    cut,
    hangs,
    lingers,
    slow,
    takes,
    unreached,
)
from tests.idempotency.once.stage import Replica, Stage, for_ever, seconds

STORED = [400, 402, 404, 409, 410, 413, 414, 422, 451]
FREED = [401, 403, 405, 412, 415, 425, 429]
UNKNOWN = [301, 408, 500, 502, 503, 504]


async def test_a_write_is_done_and_its_answer_kept(stage: Stage, replica: Replica) -> None:
    """Row 3: created, with what an operator wants to know of it."""
    told = await replica.ask()
    record = await stage.record()
    assert (told.status, told.answer.status) == ("created", 201)
    assert (record.state, record.outcome, record.answer_status) == ("completed", "applied", 201)
    assert (record.opportunity_id, record.attempts) == ("acme-one.1", 1)
    assert stage.vendor.effects == ["write"]


async def test_an_answer_is_given_once_it_is_kept(stage: Stage, replica: Replica) -> None:
    """K7: whoever has it can have it again, whatever becomes of the process."""
    replica.wire.first["complete"] = for_ever
    write = replica.asking()
    await seconds(1)
    assert stage.vendor.effects == ["write"]
    assert not write.done()


async def test_what_never_left_frees_the_key(stage: Stage, replica: Replica) -> None:
    """Row 6: not applied, no record stays, and the same key runs."""
    stage.vendor.plays = [unreached]
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("not-applied", "vendor-unavailable")
    assert await stage.state() is None
    assert (await replica.ask()).status == "created"
    assert stage.vendor.effects == ["write"]


@pytest.mark.parametrize("status", UNKNOWN)
async def test_a_breakdown_after_the_send_proves_nothing(
    stage: Stage, replica: Replica, status: int
) -> None:
    """Rows 7 and 20: the first caller is told that it is unknown, and nothing is free."""
    stage.vendor.plays, stage.vendor.evidence = [breaks(status)], "create"
    told = await replica.ask(creates=True)
    assert (told.status, told.answer.outcome) == ("indeterminate", "unknown")
    assert await stage.state() in {"dispatched", "reconciling", "completed"}
    await seconds(1)
    assert (await replica.ask(creates=True)).status == "replayed"
    assert stage.vendor.effects == ["write"]


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("broken", [False, True])
async def test_silence_after_the_send_is_told_alike_whether_applied_or_not(
    stage: Stage, replica: Replica, applied: bool, broken: bool
) -> None:
    """Row 7: what the caller hears cannot depend on what nobody knows."""
    stage.vendor.plays = [cut(applied=applied) if broken else hangs(applied=applied)]
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("indeterminate", "outcome-indeterminate")
    assert told.answer.outcome == "unknown"


@pytest.mark.parametrize("status", STORED)
async def test_a_refusal_that_would_be_the_same_again_is_kept(
    stage: Stage, replica: Replica, status: int
) -> None:
    """Row 22: not applied, stored, and replayed byte for byte without another send."""
    stage.vendor.plays = [answers(status)]
    first, again = await replica.ask(), await replica.ask()
    assert (first.status, first.answer.outcome) == ("created", "not_applied")
    assert (again.status, again.answer.body) == ("replayed", first.answer.body)
    assert (await stage.record()).outcome == "not_applied"
    assert len(stage.vendor.sends) == 1


@pytest.mark.parametrize("status", FREED)
async def test_a_refusal_of_the_moment_frees_the_key(
    stage: Stage, replica: Replica, status: int
) -> None:
    """Row 22: not applied; the record stays, and the same request runs under it."""
    stage.vendor.plays = [answers(status)]
    told = await replica.ask()
    assert (told.status, told.answer.outcome) == ("not-applied", "not_applied")
    assert await stage.state() == "not_applied"
    assert (await replica.ask()).status == "created"
    assert stage.vendor.effects == ["write"]


async def test_a_refused_key_of_the_vendors_is_not_used_again(
    stage: Stage, replica: Replica
) -> None:
    """The vendor might answer the refusal once more."""
    stage.vendor.plays, stage.vendor.dedupe_seconds = [answers(429)], 3600
    await replica.ask()
    await replica.ask()
    first, second = (send.key for send in stage.vendor.sends)
    assert first is not None
    assert first != second


async def test_what_we_refuse_before_a_send_is_not_kept(stage: Stage, replica: Replica) -> None:
    """Row 23: the same key may come again, with another request too."""
    stage.vendor.refuses = [StaleVersion("changed", etag='"2"')]
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("not-applied", "precondition-failed")
    assert await stage.state() is None
    assert (await replica.ask(body=b"a corrected request")).status == "created"


async def test_a_record_that_is_missing_before_a_send_is_not_kept(
    stage: Stage, replica: Replica
) -> None:
    """A 404 to a read proves that nothing was written, however final a 404 to a write is."""
    stage.vendor.refuses = [VendorNotFound("no such record")]
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("not-applied", "opportunity-not-found")
    assert await stage.state() is None


async def test_a_fault_of_ours_before_a_send_frees_the_key(stage: Stage, replica: Replica) -> None:
    """Row 21: with the cause for the log, and not for the caller."""
    stage.vendor.refuses = [RuntimeError("a secret detail")]
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("not-applied", "internal-error")
    assert told.answer.outcome == "not_applied"
    assert b"secret" not in told.answer.body
    assert isinstance(told.cause, RuntimeError)
    assert await stage.state() is None


async def test_a_fault_of_ours_after_a_send_proves_nothing(stage: Stage, replica: Replica) -> None:
    """Row 21: the vendor may have done it, so it is found out by reading."""
    stage.vendor.finishes = [RuntimeError("a fault")]
    told = await replica.ask()
    assert (told.status, told.answer.outcome) == ("indeterminate", "unknown")
    await seconds(1)
    assert (await replica.ask()).status == "replayed"
    assert stage.vendor.effects == ["write"]


async def test_what_is_missing_after_a_write_was_taken_does_not_unmake_it(
    stage: Stage, replica: Replica
) -> None:
    """A refusal that is not the answer to the write proves nothing about the write."""
    stage.vendor.finishes = [VendorNotFound("the record is not shown yet")]
    told = await replica.ask()
    assert (told.status, told.answer.outcome) == ("indeterminate", "unknown")
    assert stage.vendor.effects == ["write"]
    await seconds(1)
    assert (await stage.record()).outcome != "not_applied"


async def test_a_create_that_met_an_older_record_made_nothing(
    stage: Stage, replica: Replica
) -> None:
    """Row 23: a vendor that matches instead of creating has answered, and the key is free."""
    matched = MatchesExisting("there is one already")
    matched.opportunity_id = "acme-one.7"
    stage.vendor.finishes = [matched]
    told = await replica.ask(creates=True)
    assert (told.status, told.answer.code) == ("not-applied", "matches-existing")
    assert told.answer.opportunity_id == "acme-one.7"
    assert await stage.state() == "not_applied"


async def test_without_the_store_nothing_is_sent(stage: Stage, replica: Replica) -> None:
    """Row 11: fail closed, where the send cannot be recorded."""
    replica.wire.down = {"dispatch"}
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("not-applied", "store-unavailable")
    assert stage.vendor.sends == []
    replica.wire.down.clear()
    await seconds(20)
    assert (await replica.ask()).status == "created"
    assert stage.vendor.effects == ["write"]


async def test_a_send_whose_recording_is_uncertain_is_not_made(
    stage: Stage, replica: Replica
) -> None:
    """The reply of the store was lost: the record says sent, and is told that it was not."""
    replica.wire.lost["dispatch"] = 1
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("not-applied", "store-unavailable")
    assert stage.vendor.sends == []
    await seconds(1)
    record = await stage.record()
    assert (record.state, record.unanswered) == ("not_applied", 0)


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    stage: Stage, replica: Replica
) -> None:
    """Row 12: told that it is not stored, kept as soon as the store is back, never done twice."""
    replica.wire.down = {"complete"}
    told = await replica.ask()
    assert (told.status, told.answer.status) == ("not-stored", 201)
    assert replica.alarms == ["not-stored"]
    assert (await stage.record()).state == "dispatched"
    replica.wire.down.clear()
    await seconds(10)
    again = await replica.ask()
    assert (again.status, again.answer.body) == ("replayed", told.answer.body)
    assert stage.vendor.effects == ["write"]


async def test_an_answer_that_was_never_kept_is_found_out_by_reading(
    stage: Stage, replica: Replica
) -> None:
    """Row 12: the record stays as sent, so a retry reconciles instead of doing it again."""
    replica.wire.down = {"complete"}
    await replica.ask()
    await replica.die()
    await seconds(60)
    again = await stage.replica().ask()
    assert again.status == "replayed"
    assert stage.vendor.effects == ["write"]


async def test_an_answer_that_comes_late_beats_what_reading_will_say(
    stage: Stage, replica: Replica
) -> None:
    """The holder's heart stopped, another only looks: the vendor's own answer is kept."""
    stage.vendor.plays, stage.vendor.evidence = [slow(70)], "blind"
    replica.wire.down = {"heartbeat"}
    first = replica.asking(seconds=100)
    await seconds(60)
    other = stage.replica()
    await other.sweeper.sweep()
    await seconds(1)
    assert (await stage.record()).fence > 1
    told = await first
    assert (told.status, (await stage.state())) == ("created", "completed")
    assert (await other.ask()).answer.body == told.answer.body


async def test_an_answer_after_it_was_settled_otherwise_is_an_alarm(
    stage: Stage, replica: Replica
) -> None:
    """Proved not to be applied, and then it was: corrected, and an operator hears of it."""
    stage.vendor.plays = [slow(70)]
    first = replica.asking(seconds=100)
    await seconds(5)
    record = await stage.record()
    await stage.store.refuse(record.hex32, dispatch_fence=record.fence, send=1, end=True)
    told = await first
    assert (told.status, replica.alarms) == ("created", ["late"])
    assert (await stage.record()).outcome == "applied"


async def test_the_first_answer_that_was_kept_is_the_answer(stage: Stage, replica: Replica) -> None:
    """What reading settled meanwhile is told to the late caller too, so that all are equal."""
    stage.vendor.plays = [lingers(70)]
    replica.wire.down = {"heartbeat"}
    first = replica.asking(seconds=100)
    await seconds(60)
    other = stage.replica()
    await other.sweeper.sweep()
    await seconds(1)
    kept = await other.ask()
    told = await first
    assert (kept.status, told.status) == ("replayed", "replayed")
    assert told.answer.body == kept.answer.body


async def test_a_lost_record_is_told_as_not_stored(stage: Stage, replica: Replica) -> None:
    """The store forgot the write under way: its answer is given, and an operator hears of it."""
    stage.vendor.plays = [slow(5)]
    first = replica.asking()
    await seconds(1)
    await stage.lose()
    told = await first
    assert (told.status, replica.alarms) == ("not-stored", ["lost"])


async def test_the_heart_beats_while_a_write_is_prepared(stage: Stage, replica: Replica) -> None:
    """A preparation that outlasts the claim keeps it, so nobody runs it a second time."""
    stage.vendor.plays = [slow(1, before=15)]
    first = replica.asking()
    await seconds(13)
    other = stage.replica()
    await other.sweeper.sweep()
    assert (await other.once._registry.store.due(9)) == []
    assert (await first).status == "created"
    assert stage.vendor.effects == ["write"]


async def test_who_lost_the_claim_sends_nothing(stage: Stage, replica: Replica) -> None:
    """Row 9: paused before its send, the old holder meets the fence; the new one has done it."""
    stage.vendor.plays = [slow(0, before=20), takes]
    replica.wire.down = {"heartbeat"}
    first = replica.asking()
    await seconds(11)
    other = stage.replica()
    assert (await other.ask()).status == "created"
    told = await first
    assert told.status != "created"
    assert stage.vendor.effects == ["write"]
