"""Unknown outcomes: looked for by reading, at known times, and sent again where that is safe."""

import asyncio

import pytest

from gateway.errors import Parked, Reconciling, VendorFaulted
from gateway.idempotency.doing import Finding
from gateway.idempotency.run import Told
from tests.idempotency.once.leaping import leaping_loop
from tests.idempotency.once.scripted import (
    Vendor,
    answers,
    breaks,
    cut,
    hangs,
    slow,
    takes,
    unreached,
)
from tests.idempotency.once.stage import Replica, Stage, killed, seconds

QUIET = 120
HORIZON = 300


async def unknown(replica: Replica, **members: object) -> Told:
    """A write that was sent and that no answer came for."""
    told = await replica.ask(**members)  # type: ignore[arg-type]
    assert told.status == "indeterminate"
    return told


def since_sent(vendor: Vendor) -> list[float]:
    """When the looks were, from the first send on."""
    return [round(at - vendor.sends[0].at, 1) for at in vendor.looks]


async def test_the_vendor_is_looked_at_at_once_and_ever_more_seldom(
    stage: Stage, replica: Replica
) -> None:
    """Until the horizon, where a person takes over."""
    stage.vendor.plays, stage.vendor.evidence = [cut(applied=False)], "create"
    await unknown(replica, creates=True)
    await seconds(HORIZON + 1)
    assert since_sent(stage.vendor) == [0, 2, 5, 15, 60, 120, 300]
    record = await stage.record()
    assert (record.state, replica.alarms) == ("indeterminate", ["parked"])
    assert record.evidence[-1].kind == "parked"


async def test_an_effect_is_found_whenever_it_shows(stage: Stage, replica: Replica) -> None:
    """A vendor's search lags: until then the same key hears that it is being found out."""
    stage.vendor.plays, stage.vendor.evidence = [cut(applied=True)], "create"
    stage.vendor.findings = [Finding(kind="absent", detail="not yet")] * 4
    await unknown(replica, creates=True)
    await seconds(10)
    with pytest.raises(Reconciling) as told:
        await stage.replica().ask(creates=True)
    assert told.value.retry_after is not None
    await seconds(60)
    record = await stage.record()
    assert (record.outcome, record.reason) == ("applied", "it is there")
    assert record.resolved_by == "gateway"


async def test_a_rebuilt_answer_stays_the_same(stage: Stage, replica: Replica) -> None:
    """Every replay after it is equal, byte for byte."""
    stage.vendor.plays = [cut(applied=True)]
    await unknown(replica)
    await seconds(1)
    first = await stage.replica().ask()
    await seconds(60)
    again = await stage.replica().ask()
    assert (first.status, again.status) == ("replayed", "replayed")
    assert first.answer.body == again.answer.body
    assert b"rebuilt" in first.answer.body


async def test_what_was_not_applied_is_sent_again_once_it_is_proved(
    stage: Stage, replica: Replica
) -> None:
    """The quiet period is over and all is as before: no paused holder can send it any more."""
    stage.vendor.plays = [cut(applied=False)]
    await unknown(replica)
    await seconds(QUIET - 1)
    assert len(stage.vendor.sends) == 1
    await seconds(2)
    first, second = stage.vendor.sends
    assert second.at - first.at >= QUIET
    record = await stage.record()
    assert (record.state, record.outcome, record.attempts) == ("completed", "applied", 2)
    assert stage.vendor.effects == ["write"]


async def test_what_is_not_applied_the_second_time_frees_the_key(
    stage: Stage, replica: Replica
) -> None:
    """One re-send is all that a write gets."""
    stage.vendor.plays = [cut(applied=False), cut(applied=False)]
    await unknown(replica)
    await seconds(2 * QUIET + 10)
    record = await stage.record()
    assert (record.state, record.attempts) == ("not_applied", 2)
    assert (await replica.ask()).status == "created"
    assert stage.vendor.effects == ["write"]


async def test_a_re_send_that_is_refused_ends_as_any_refusal(
    stage: Stage, replica: Replica
) -> None:
    """It is proved that the first was not applied, so the answer is final."""
    stage.vendor.plays = [cut(applied=False), answers(422)]
    await unknown(replica)
    await seconds(QUIET + 1)
    told = await replica.ask()
    assert (told.status, told.answer.code) == ("replayed", "vendor-rejected")


async def test_another_writers_change_is_never_overwritten(stage: Stage, replica: Replica) -> None:
    """Neither as before nor as asked for: a person decides."""
    stage.vendor.plays = [cut(applied=False)]
    stage.vendor.findings = [Finding(kind="foreign", detail="another amount")] * 9
    await unknown(replica)
    await seconds(HORIZON)
    assert (await stage.state(), len(stage.vendor.sends)) == ("indeterminate", 1)
    with pytest.raises(Parked):
        await replica.ask()


async def test_a_vendor_that_dedupes_is_sent_the_same_again_under_the_same_key(
    stage: Stage, vendor: Vendor, replica: Replica
) -> None:
    """It cannot be read, and tells the first answer again: two sends, one effect."""
    vendor.evidence, vendor.dedupe_seconds = "blind", 3600
    vendor.plays = [cut(applied=True)]
    await unknown(replica)
    await seconds(10)
    assert await stage.state() == "completed"
    first, second = vendor.sends
    assert first.key == second.key
    assert vendor.effects == ["write"]


async def test_three_sends_are_enough(stage: Stage, vendor: Vendor, replica: Replica) -> None:
    """However willing the vendor is; after the third a person decides."""
    vendor.evidence, vendor.dedupe_seconds = "blind", 3600
    vendor.plays = [cut(applied=False)] * 9
    await unknown(replica)
    await seconds(2 * HORIZON)
    assert (await stage.state(), len(vendor.sends)) == ("indeterminate", 3)
    assert len({send.key for send in vendor.sends}) == 1


async def test_a_breakdown_is_not_sent_again_blindly(
    stage: Stage, vendor: Vendor, replica: Replica
) -> None:
    """No vendor keeps a 5xx for a key, so the same key would do it once more."""
    vendor.evidence, vendor.dedupe_seconds = "blind", 3600
    vendor.plays = [breaks(500)]
    await unknown(replica)
    await seconds(HORIZON)
    assert (await stage.state(), vendor.effects) == ("indeterminate", ["write"])


async def test_a_refused_re_send_does_not_unmake_the_first(
    stage: Stage, vendor: Vendor, replica: Replica
) -> None:
    """The first may have been applied: the record stays open, however final the refusal looks."""
    vendor.evidence, vendor.dedupe_seconds = "blind", 3600
    vendor.plays = [cut(applied=True), answers(422), answers(422), answers(422)]
    await unknown(replica)
    await seconds(2 * HORIZON)
    assert await stage.state() == "indeterminate"


async def test_a_re_send_that_never_left_is_tried_again(
    stage: Stage, vendor: Vendor, replica: Replica
) -> None:
    """It used up none of the sends, and proved nothing of the first."""
    vendor.evidence, vendor.dedupe_seconds = "blind", 3600
    vendor.plays = [cut(applied=True), unreached]
    await unknown(replica)
    await seconds(HORIZON)
    assert (await stage.state(), len(vendor.sends)) == ("completed", 2)
    assert vendor.effects == ["write"]


async def test_a_vendor_that_is_away_is_looked_at_until_the_horizon(
    stage: Stage, replica: Replica
) -> None:
    """Nothing follows from not being able to look."""
    stage.vendor.plays = [cut(applied=True)]
    stage.vendor.findings = [VendorFaulted("it breaks down")] * 9
    await unknown(replica)
    await seconds(HORIZON + 1)
    assert await stage.state() == "indeterminate"
    assert "vendor-bad-response" in (await stage.record()).evidence[-1].detail


async def test_a_fault_of_ours_over_a_look_does_not_leave_a_write_open_for_ever(
    stage: Stage, replica: Replica
) -> None:
    """It is told, and the write ends with a person like any other that nobody can find out."""
    stage.vendor.plays = [cut(applied=True)]
    stage.vendor.findings = [RuntimeError("a fault")] * 9
    await unknown(replica)
    await seconds(HORIZON + 1)
    assert await stage.state() == "indeterminate"
    assert {str(fault) for fault in replica.faults} == {"a fault"}


async def test_the_look_is_given_what_was_there_before(stage: Stage, replica: Replica) -> None:
    """Kept sealed with the first send."""
    stage.vendor.plays, stage.vendor.reads = [cut(applied=True)], {"name": "Elm Street"}
    await unknown(replica)
    await seconds(1)
    assert stage.vendor.pre == [b'{"name":"Elm Street"}']


async def test_while_one_replica_looks_no_other_does(stage: Stage, replica: Replica) -> None:
    """Its lease lasts from look to look, and the sweepers find nothing."""
    stage.vendor.plays, stage.vendor.evidence = [cut(applied=False)], "create"
    await unknown(replica, creates=True)
    for _ in range(29):
        await seconds(10)
        await stage.replica().sweeper.sweep()
    assert since_sent(stage.vendor) == [0, 2, 5, 15, 60, 120]
    assert (await stage.record()).fence == 2


async def test_another_replica_goes_on_where_one_died(stage: Stage, replica: Replica) -> None:
    """At the times that the send set, not anew from the beginning."""
    stage.vendor.plays, stage.vendor.evidence = [cut(applied=False)], "create"
    await unknown(replica, creates=True)
    await seconds(20)
    await replica.die()
    await seconds(50)
    await stage.replica().sweeper.sweep()
    await seconds(HORIZON)
    assert since_sent(stage.vendor) == [0, 2, 5, 15, 70, 120, 300]


async def test_a_store_that_goes_away_leaves_the_write_to_the_next(
    stage: Stage, replica: Replica
) -> None:
    """Nothing is decided without it, and nothing is lost."""
    stage.vendor.plays = [cut(applied=True)]
    replica.wire.down = {"settle"}
    await unknown(replica)
    await seconds(60)
    assert await stage.state() == "reconciling"
    other = stage.replica()
    await other.sweeper.sweep()
    await seconds(1)
    assert await stage.state() == "completed"


async def test_the_late_answer_of_a_sender_wins_over_a_reconciler_that_waits(
    stage: Stage, replica: Replica
) -> None:
    """The vendor's own word is the best evidence; who waited finds it ended."""
    stage.vendor.plays, stage.vendor.evidence = [slow(100), takes], "create"
    replica.wire.down = {"heartbeat"}
    write = replica.asking(creates=True, seconds=200)
    await seconds(60)
    other = stage.replica()
    await other.sweeper.sweep()
    await seconds(50)
    told = await write
    assert told.status == "created"
    await seconds(HORIZON)
    assert (await stage.record()).outcome == "applied"
    assert (await other.ask(creates=True)).answer.body == told.answer.body


async def test_few_records_are_looked_after_at_a_time(stage: Stage, replica: Replica) -> None:
    """So that looking takes a small share of what a vendor allows."""
    stage.vendor.plays = [hangs(applied=True, seconds=1)] * 20
    writes = [replica.asking(key=str(number).encode()) for number in range(20)]
    await asyncio.gather(*writes)
    began = leaping_loop().time()
    await seconds(1)
    assert len(stage.vendor.looks) == 20
    assert max(stage.vendor.at_once) <= 4
    assert began <= stage.vendor.looks[0] + 1


async def test_a_request_sealed_with_a_key_that_is_gone_waits_for_it(
    stage: Stage, replica: Replica
) -> None:
    """Another replica that has the key goes on; none sends what it cannot read."""
    stage.vendor.plays = [hangs(applied=True, seconds=1000)]
    await killed(replica)
    blind, other = stage.replica(key_id="another"), stage.replica()
    await blind.sweeper.sweep()
    await seconds(3)
    assert await stage.state() == "reconciling"
    await blind.die()
    await seconds(QUIET)
    await other.sweeper.sweep()
    await seconds(1)
    assert await stage.state() == "completed"
