"""The permit: no byte leaves before the record says so, and under one number it leaves once."""

import asyncio
from dataclasses import replace

import pytest

from gateway.canonical import json_text
from gateway.errors import DeadlineExceeded, NotSent, StoreUnavailable, VendorRefused
from gateway.idempotency.permit import Abandoned, RecordPermit, StepDiffers
from gateway.translator import VendorRequest, VendorResponse
from tests.idempotency.once.leaping import leaping_loop
from tests.idempotency.once.stage import ALL, Replica, Stage, permitted, seconds

FIRST = VendorRequest(effect="write", step="create", method="POST", path="one", json={"a": 1})
SECOND = VendorRequest(effect="write", step="custom-fields", method="PATCH", path="one/1")
TAKEN = VendorResponse(status=201, json={"id": "1"})


@pytest.fixture
async def permit(replica: Replica) -> RecordPermit:
    """Leave to send, under a claim that was made just now."""
    return await permitted(replica)


async def test_a_send_is_in_the_record_before_it_leaves(stage: Stage, permit: RecordPermit) -> None:
    """With a lease that outlasts all that the vendor is given."""
    await permit.leave(FIRST)
    record = await stage.record()
    assert (record.state, record.attempts, record.unanswered) == ("dispatched", 1, 1)
    timers = permit.registry.timers
    assert record.lease_until - record.td == timers.vendor_seconds * 1000 + timers.slack_ms


async def test_a_client_that_sends_again_by_itself_does_not_pass_twice(
    stage: Stage, permit: RecordPermit
) -> None:
    """One number, one send: the first has no verdict, so no second may follow."""
    await permit.leave(FIRST)
    with pytest.raises(NotSent):
        await permit.leave(FIRST)
    record = await stage.record()
    assert (record.state, record.attempts, record.unanswered) == ("dispatched", 1, 1)


async def test_who_was_taken_over_does_not_pass(stage: Stage, permit: RecordPermit) -> None:
    """The fence is another's."""
    await seconds(11)
    await permitted(stage.replica())
    with pytest.raises(NotSent):
        await permit.leave(FIRST)
    assert (await stage.record()).attempts == 0


async def test_a_send_that_too_few_replicas_know_of_is_taken_back(
    stage: Stage, permit: RecordPermit
) -> None:
    """The store could lose it, so not a byte leaves, and the record says so."""
    timers = replace(permit.registry.timers, replicas=1, replica_wait_ms=5)
    object.__setattr__(permit.registry, "timers", timers)
    with pytest.raises(NotSent):
        await permit.leave(FIRST)
    record = await stage.record()
    assert (record.state, record.unanswered) == ("claimed", 0)


async def test_a_send_that_comes_too_late_is_taken_back(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """Recording it took until the deadline: failing now is still `not applied`."""
    replica.wire.then["dispatch"] = lambda: asyncio.sleep(30)
    with pytest.raises(DeadlineExceeded):
        await permit.leave(FIRST)
    record = await stage.record()
    assert (record.state, record.unanswered, permit.last) == ("claimed", 0, None)


async def test_a_lease_that_was_lost_meanwhile_holds_the_send_back(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """It is looked at again after the record was written, right before the first byte."""

    async def lost() -> None:
        permit.lost = True

    replica.wire.then["dispatch"] = lost
    with pytest.raises(NotSent):
        await permit.leave(FIRST)
    assert (await stage.record()).unanswered == 0


async def test_while_the_store_is_away_nothing_passes(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """Fail closed."""
    replica.wire.down = {ALL}
    with pytest.raises(StoreUnavailable):
        await permit.leave(FIRST)
    assert permit.last is None
    assert (await stage.record()).attempts == 0


async def test_a_number_that_is_being_taken_back_is_not_sent_under(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """The store's reply was lost: a second try must not pass by a record that is undone next."""
    replica.wire.lost["dispatch"] = 1
    with pytest.raises(StoreUnavailable):
        await permit.leave(FIRST)
    with pytest.raises(NotSent):
        await permit.leave(FIRST)
    await seconds(1)
    assert (await stage.record()).unanswered == 0


async def test_a_send_that_was_cancelled_at_the_gate_is_taken_back(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """A total time that ends while the record is written leaves no send behind."""
    replica.wire.then["dispatch"] = lambda: asyncio.sleep(60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await permit.leave(FIRST)
    await seconds(1)
    assert (await stage.record()).unanswered == 0


async def test_a_taking_back_is_tried_until_the_store_is_back(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """The caller does not wait for it."""
    replica.wire.then["dispatch"] = lambda: asyncio.sleep(30)
    replica.wire.down = {"undispatch"}
    began = leaping_loop().time()
    with pytest.raises(DeadlineExceeded):
        await permit.leave(FIRST)
    assert leaping_loop().time() - began < 31
    assert (await stage.record()).unanswered == 1
    replica.wire.down.clear()
    await seconds(5)
    assert (await stage.record()).unanswered == 0


async def test_a_send_that_cannot_be_taken_back_is_told(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """The record stays as sent, which reading will settle; an operator hears of it."""
    replica.wire.lost["dispatch"] = 1
    replica.wire.down = {"undispatch"}
    with pytest.raises(StoreUnavailable):
        await permit.leave(FIRST)
    await seconds(60)
    assert replica.alarms == ["not-taken-back"]
    assert (await stage.record()).state == "dispatched"


async def test_a_second_call_notes_the_reply_to_the_first(
    stage: Stage, permit: RecordPermit
) -> None:
    """A step is done, with its reply, before the next is sent."""
    await permit.leave(FIRST)
    await permit.note(FIRST, TAKEN)
    await permit.leave(SECOND)
    record = await stage.record()
    assert ([step.name for step in record.steps], record.attempts) == (["create"], 2)
    assert (record.state, record.unanswered) == ("dispatched", 2)
    assert permit.made == [TAKEN]


async def test_a_second_call_after_a_refusal_has_a_key_of_its_own(
    stage: Stage, permit: RecordPermit
) -> None:
    """The vendor would answer the refusal again under the first."""
    first = permit.native_key(FIRST)
    await permit.leave(FIRST)
    await permit.note(FIRST, VendorResponse(status=422))
    await permit.leave(FIRST)
    assert permit.native_key(FIRST) != first
    record = await stage.record()
    assert (record.generation, record.attempts, record.unanswered) == (1, 2, 2)


@pytest.mark.parametrize("status", [302, 408, 500, 503])
async def test_no_call_follows_one_without_a_verdict(
    stage: Stage, permit: RecordPermit, status: int
) -> None:
    """A breakdown is no refusal: the record keeps saying that the first may have been applied."""
    await permit.leave(FIRST)
    await permit.note(FIRST, VendorResponse(status=status))
    with pytest.raises(NotSent):
        await permit.leave(SECOND)
    record = await stage.record()
    assert (record.state, record.unanswered, record.attempts) == ("dispatched", 1, 1)


async def test_no_call_follows_once_another_replica_has_the_write(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """The first is noted all the same: it is the vendor's own word."""
    await permit.leave(FIRST)
    await permit.note(FIRST, TAKEN)
    await seconds(60)
    record = await stage.record()
    await stage.store.take(record.hex32, owner="another", lease_ms=10_000)
    with pytest.raises(NotSent):
        await permit.leave(SECOND)
    record = await stage.record()
    assert ([step.name for step in record.steps], record.attempts) == (["create"], 1)


async def test_a_breakdown_is_evidence(
    stage: Stage, replica: Replica, permit: RecordPermit
) -> None:
    """It forbids a re-send, so it gets into the record even when the store is away just then."""
    await permit.leave(FIRST)
    replica.wire.down = {"note"}
    await permit.note(FIRST, VendorResponse(status=500))
    replica.wire.down.clear()
    await seconds(5)
    (line,) = (await stage.record()).evidence
    assert (line.kind, line.detail) == ("broke-down", "status 500")


async def test_a_step_that_is_done_is_answered_from_the_record(
    stage: Stage, permit: RecordPermit
) -> None:
    """In the order in which they were made, and only for the same call."""
    await permit.leave(FIRST)
    await permit.note(FIRST, TAKEN)
    await permit.flush()
    resumed = await permitted(stage.replica(), after=41)
    assert resumed.recorded(FIRST) == TAKEN
    assert resumed.recorded(SECOND) is None
    otherwise = await permitted(stage.replica(), after=11)
    with pytest.raises(StepDiffers):
        otherwise.recorded(SECOND)


async def test_what_was_read_before_the_write_is_kept_sealed(
    stage: Stage, permit: RecordPermit
) -> None:
    """With the first send, so that a look can tell that nothing changed."""
    permit.pre = {"name": "Elm Street"}
    await permit.leave(FIRST)
    record = await stage.record()
    assert record.pre is not None
    assert b"Elm" not in record.pre
    opened = permit.registry.opened(record.hex32, "pre", record.pre)
    assert json_text.read(opened) == {"name": "Elm Street"}


async def test_a_signing_key_that_is_gone_lets_nothing_pass(permit: RecordPermit) -> None:
    """Another key would derive another one for the vendor, who would not know the write again."""
    object.__setattr__(permit.registry, "signing_keys", [])
    with pytest.raises(StoreUnavailable):
        permit.native_key(FIRST)


async def test_a_write_that_is_given_up_is_told_and_not_sent() -> None:
    """Its steps are answered from the record, and the next is refused."""
    permit = Abandoned([TAKEN])
    assert permit.recorded(FIRST) == TAKEN
    with pytest.raises(VendorRefused):
        permit.recorded(SECOND)
    with pytest.raises(NotSent):
        await permit.leave(SECOND)
    assert permit.native_key(SECOND) is None
