"""One key, one write: what each caller with a key is answered, whatever is under way (1.3)."""

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import InProgress, KeyReused, Overloaded, Parked, StoreUnavailable
from gateway.idempotency.once import MAX_WAITING
from gateway.idempotency.record import UNSETTLED
from tests.idempotency.once.leaping import leaping_loop
from tests.idempotency.once.scripted import answers, cut, hangs, lingers, slow
from tests.idempotency.once.stage import (
    ALL,
    TIMERS,
    TWO_STEPS,
    Replica,
    Stage,
    killed,
    permitted,
    seconds,
)

RETENTION = TIMERS.retention_ms / 1000


async def test_many_duplicates_are_one_write(stage: Stage) -> None:
    """Row 3: one is created; each of the others hears the same answer, or that it is under way."""
    replicas = [stage.replica(inflight=1000) for _ in range(8)]
    stage.vendor.plays = [slow(0.5)]
    asked = [replicas[number % 8].asking() for number in range(200)]
    told = await asyncio.gather(*asked)
    assert [one.status for one in told].count("created") == 1
    assert {one.status for one in told} == {"created", "replayed"}
    assert len({one.answer.body for one in told}) == 1
    assert stage.vendor.effects == ["write"]


async def test_a_duplicate_waits_a_little_for_the_first(stage: Stage, replica: Replica) -> None:
    """Row 4: and is answered as that one is, on whichever replica it came."""
    stage.vendor.plays = [slow(1)]
    first, second = replica.asking(), stage.replica().asking()
    assert (await second).status == "replayed"
    assert (await first).answer.body == (await second).answer.body


async def test_a_duplicate_is_not_kept_waiting(stage: Stage, replica: Replica) -> None:
    """Row 4: it is told when to come again, at least a second later, and nothing is changed."""
    stage.vendor.plays = [slow(20)]
    first = replica.asking()
    await seconds(1)
    before, began = await stage.record(), leaping_loop().time()
    with pytest.raises(InProgress) as told:
        await stage.replica().ask()
    assert leaping_loop().time() - began == pytest.approx(TIMERS.wait_seconds)
    assert (told.value.retry_after or 0) >= 1
    assert told.value.operation_id == f"op_{before.hex32}"
    assert (await first).status == "created"
    assert stage.vendor.effects == ["write"]


async def test_duplicates_leave_a_holder_that_has_sent_nothing_yet_alone(
    stage: Stage, replica: Replica
) -> None:
    """Row 4: nothing was sent, and all the same the claim is not theirs to end."""
    stage.vendor.plays = [slow(1, before=12)]
    first = replica.asking()
    for _ in range(3):
        await seconds(1)
        with pytest.raises(InProgress):
            await stage.replica().ask()
    assert (await first).status == "created"
    assert stage.vendor.effects == ["write"]


async def test_a_duplicate_waits_no_longer_than_its_deadline(
    stage: Stage, replica: Replica
) -> None:
    """Row 4: however long the gateway would let it."""
    stage.vendor.plays = [slow(20)]
    _ = replica.asking()
    await seconds(1)
    began = leaping_loop().time()
    with pytest.raises(InProgress):
        await replica.ask(seconds=0.5)
    assert leaping_loop().time() - began == pytest.approx(0.5)


async def test_who_waits_for_a_reconciliation_waits_no_longer_than_its_deadline(
    stage: Stage, replica: Replica
) -> None:
    """Row 7: the finding out goes on behind it."""
    stage.vendor.plays = [hangs(applied=True, seconds=1000)]
    await killed(replica)
    stage.vendor.look_seconds = 1.5
    other, began = stage.replica(), leaping_loop().time()
    with pytest.raises(Exception, match="found out"):
        await other.ask(seconds=0.5)
    assert leaping_loop().time() - began == pytest.approx(0.5)
    await seconds(2)
    assert (await other.ask()).status == "replayed"


async def test_those_who_wait_are_bounded(stage: Stage, replica: Replica) -> None:
    """Row 4: duplicates are no way to tie a replica up."""
    stage.vendor.plays = [slow(20)]
    first = replica.asking()
    await seconds(1)
    replica.once._waiting = MAX_WAITING
    began = leaping_loop().time()
    with pytest.raises(InProgress):
        await replica.ask()
    assert leaping_loop().time() == began
    replica.once._waiting = 0
    await first


async def test_a_waiter_that_goes_away_leaves_the_holder_alone(
    stage: Stage, replica: Replica
) -> None:
    """Whatever becomes of a duplicate, the record is the first one's."""
    stage.vendor.plays = [slow(10)]
    first = replica.asking()
    await seconds(1)
    waiter = stage.replica().asking()
    await seconds(1)
    waiter.cancel()
    await seconds(3)
    assert (await stage.record()).fence == 1
    assert (await first).status == "created"


async def test_a_replay_is_equal_byte_for_byte(stage: Stage, replica: Replica) -> None:
    """Row 5: status, body and the headers that are the answer's; those of the moment are not."""
    first = await replica.ask()
    for _ in range(3):
        await seconds(3600)
        again = await stage.replica().ask()
        assert (again.status, again.answer.status) == ("replayed", first.answer.status)
        assert again.answer.body == first.answer.body
        assert again.answer.headers == {"Content-Type": "application/json", "ETag": '"1"'}
        assert again.answer.opportunity_id == first.answer.opportunity_id
    assert len(stage.vendor.sends) == 1


async def test_an_unknown_outcome_is_answered_until_it_is_settled(
    stage: Stage, replica: Replica
) -> None:
    """Row 7: then, where nothing was found, it is a person's, and never sent again."""
    stage.vendor.plays, stage.vendor.evidence = [hangs(applied=False)], "create"
    told = await replica.ask(creates=True)
    assert told.answer.code == "outcome-indeterminate"
    await seconds(400)
    with pytest.raises(Parked) as parked:
        await replica.ask(creates=True)
    assert parked.value.retry == "operator"
    assert len(stage.vendor.sends) == 1


async def test_a_key_is_new_after_its_retention(stage: Stage, replica: Replica) -> None:
    """Row 8: as published; with another request, too."""
    await replica.ask()
    await seconds(RETENTION - 60)
    assert (await replica.ask()).status == "replayed"
    await seconds(120)
    await expire(stage)
    assert (await replica.ask(body=b"another request")).status == "created"


async def test_an_open_write_outlasts_the_retention(stage: Stage, replica: Replica) -> None:
    """Row 8: what is not settled does not end by itself."""
    stage.vendor.plays, stage.vendor.evidence = [hangs(applied=True)], "blind"
    await replica.ask()
    await seconds(RETENTION + 60)
    with pytest.raises(Parked):
        await replica.ask()
    assert (await stage.record()).state in UNSETTLED


async def test_a_claim_of_a_dead_holder_is_taken_over(stage: Stage, replica: Replica) -> None:
    """Row 9: nothing was sent, so it is run, once, and the dead one's fence is past."""
    old = await permitted(replica)
    await seconds(TIMERS.claimed_lease_ms / 1000)
    assert (await stage.replica().ask()).status == "created"
    assert (await stage.record()).fence == old.hold.fence + 1


async def test_a_send_of_a_dead_holder_is_only_looked_for(stage: Stage, replica: Replica) -> None:
    """Row 10: read, and answered as what is found."""
    stage.vendor.plays = [hangs(applied=True, seconds=1000)]
    await killed(replica)
    told = await stage.replica().ask()
    assert (told.status, told.answer.status) == ("replayed", 201)
    assert (len(stage.vendor.looks), stage.vendor.effects) == (1, ["write"])


async def test_without_the_store_no_write_is_begun(stage: Stage, replica: Replica) -> None:
    """Row 11: fail closed; the same request runs when it is back."""
    replica.wire.down = {ALL}
    with pytest.raises(StoreUnavailable):
        await replica.ask()
    assert stage.vendor.sends == []
    replica.wire.down.clear()
    assert (await replica.ask()).status == "created"


async def test_a_claim_whose_reply_was_lost_is_no_conflict_for_ever(
    stage: Stage, replica: Replica
) -> None:
    """Row 11: its own lease ends, and the same request runs."""
    replica.wire.lost["begin"] = 1
    with pytest.raises(StoreUnavailable):
        await replica.ask()
    await seconds(TIMERS.claimed_lease_ms / 1000)
    assert (await replica.ask()).status == "created"
    assert stage.vendor.effects == ["write"]


@pytest.mark.parametrize("state", ["claimed", "dispatched", "completed", "not_applied", "parked"])
async def test_another_request_under_a_key_is_told_apart_before_anything_else(
    stage: Stage, replica: Replica, state: str
) -> None:
    """Rows 14 and 17: in every state, at once, and the record stays as it is."""
    plays = {
        "claimed": [slow(0, before=9)], "dispatched": [slow(9)], "completed": [slow(0)],
        "not_applied": [answers(429)], "parked": [cut(applied=True)],
    }  # fmt: skip
    stage.vendor.plays, stage.vendor.evidence = plays[state], "blind"
    first = replica.asking()
    await seconds(1)
    before, began = await stage.record(), leaping_loop().time()
    assert before.state == {"parked": "indeterminate"}.get(state, state)
    with pytest.raises(KeyReused) as told:
        await stage.replica().ask(body=b"another request")
    assert leaping_loop().time() == began
    assert told.value.operation_id is None
    assert await stage.record() == before
    await first


async def test_two_requests_under_one_key_that_race_are_not_both_done(stage: Stage) -> None:
    """Row 14: one wins, and the other is told that the key is not its own."""
    replicas = [stage.replica() for _ in range(4)]
    asked = [
        replicas[number % 4].asking(body=b"one" if number % 2 else b"other") for number in range(40)
    ]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, KeyReused) for one in told) == 20
    assert stage.vendor.effects == ["write"]


async def test_two_callers_never_meet_under_one_key(stage: Stage, replica: Replica) -> None:
    """Row 15: each has its own write and its own answer."""
    one = await replica.ask(caller="billing")
    await seconds(1)
    other = await replica.ask(caller="sales")
    assert (one.status, other.status) == ("created", "created")
    assert one.answer.body != other.answer.body
    assert stage.vendor.effects == ["write", "write"]


async def test_a_caller_who_hangs_up_changes_nothing(stage: Stage, replica: Replica) -> None:
    """Row 24: the write goes on and its answer is kept, whoever listens."""
    stage.vendor.plays = [slow(5, before=5)]
    for wait in (1, 7):
        write = replica.asking(key=str(wait).encode())
        await seconds(wait)
        write.cancel()
        await asyncio.wait([write])
    await seconds(20)
    for wait in (1, 7):
        assert (await replica.ask(key=str(wait).encode())).status == "replayed"
    assert len(stage.vendor.effects) == 2


async def test_a_write_that_was_sent_goes_on_behind_its_callers_deadline(
    stage: Stage, replica: Replica
) -> None:
    """The caller hears in time that it is unknown, and then, with the same key, how it ended."""
    stage.vendor.plays = [lingers(20)]
    began = leaping_loop().time()
    told = await replica.ask(seconds=5)
    assert leaping_loop().time() - began < 6
    assert (told.status, told.answer.code) == ("indeterminate", "outcome-indeterminate")
    await seconds(20)
    again = await replica.ask()
    assert (again.status, again.answer.status) == ("replayed", 201)
    assert stage.vendor.looks == []


async def test_a_write_is_not_sent_once_its_callers_deadline_is_over(
    stage: Stage, replica: Replica
) -> None:
    """Failing now is `not applied`; failing later would be unknown."""
    stage.vendor.plays = [slow(0, before=6)]
    told = await replica.ask(seconds=5)
    assert (told.status, told.answer.code) == ("not-applied", "deadline-exceeded")
    assert stage.vendor.sends == []


async def test_more_writes_than_a_replica_takes_are_refused_before_the_claim(
    stage: Stage,
) -> None:
    """Nothing is claimed, so another replica may take them."""
    replica = stage.replica(inflight=2)
    stage.vendor.plays = [slow(5), slow(5)]
    running = [replica.asking(key=key) for key in (b"one", b"two")]
    await seconds(1)
    with pytest.raises(Overloaded):
        await replica.ask(key=b"three")
    assert await stage.found(b"three") is None
    await asyncio.gather(*running)
    assert (await replica.ask(key=b"three")).status == "created"


async def test_a_small_record_is_told_again_by_reading(stage: Stage, replica: Replica) -> None:
    """A success from its id, a problem from its code; neither is sent again."""
    stage.vendor.plays = [slow(0), answers(422)]
    for key in (b"one", b"two"):
        await replica.ask(key=key)
        await stage.store.compact((await stage.record(key)).hex32, older_ms=0)
    one, two = await replica.ask(key=b"one"), await replica.ask(key=b"two")
    assert (one.status, two.status) == ("replayed", "replayed")
    assert b"read again" in one.answer.body
    assert two.answer.code == "vendor-rejected"
    assert len(stage.vendor.sends) == 2


async def test_an_answer_sealed_with_a_key_that_is_gone_is_not_made_anew(stage: Stage) -> None:
    """The key was taken out too soon: 503 until it is back, and no second write."""
    await stage.replica(key_id="old").ask()
    with pytest.raises(StoreUnavailable):
        await stage.replica(key_id="new").ask()
    assert stage.vendor.effects == ["write"]
    assert (await stage.replica(key_id="old").ask()).status == "replayed"


async def test_a_request_that_cannot_be_compared_is_neither_run_nor_refused_for_good(
    stage: Stage, replica: Replica
) -> None:
    """The signing key of the first is not here (yet): 503, and nothing is said of that one."""
    await replica.ask()
    before = await stage.record()
    with pytest.raises(StoreUnavailable) as told:
        await replica.ask(signed_by="another")
    assert told.value.outcome == "unknown"
    assert (await stage.record(), stage.vendor.effects) == (before, ["write"])


async def test_what_is_kept_of_a_write_is_sealed(stage: Stage, replica: Replica) -> None:
    """Neither request nor answer can be read in the store, nor is the caller's key there."""
    await replica.ask(replace(TWO_STEPS, tag="Elm Street"), key=b"an invoice number")
    record = await stage.record(b"an invoice number")
    kept = (record.request, record.answer, *(step.reply for step in record.steps))
    assert all(member is not None for member in kept)
    for text in (b"Elm Street", b"an invoice number", b"done by"):
        assert all(text not in (member or b"") for member in kept)


async def expire(stage: Stage) -> None:
    """A real Redis counts the time to live by itself, and no time has gone by there."""
    if stage.on_redis:
        await stage.lose()
