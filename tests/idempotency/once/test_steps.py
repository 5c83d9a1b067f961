"""A write of two vendor calls: each is made once, and the second goes on where it was left."""

import pytest

from tests.idempotency.once.scripted import Vendor, Work, answers, hangs, takes, unreached
from tests.idempotency.once.stage import TWO_STEPS, Replica, Stage, for_ever, killed, seconds


async def test_two_steps_are_two_sends_under_one_record(stage: Stage, replica: Replica) -> None:
    """Row 25: each with its own number, and the first with its reply kept."""
    told = await replica.ask(TWO_STEPS)
    record = await stage.record()
    assert (told.status, record.state, record.attempts) == ("created", "completed", 2)
    assert [step.name for step in record.steps] == ["create"]
    assert stage.vendor.effects == ["create", "custom-fields"]


async def test_a_second_step_refused_is_partial_and_replayed(
    stage: Stage, replica: Replica
) -> None:
    """Row 25: final, with what was made."""
    stage.vendor.plays = [takes, answers(422)]
    first, again = await replica.ask(TWO_STEPS), await replica.ask(TWO_STEPS)
    assert (first.status, first.answer.code) == ("created", "partially-applied")
    assert (again.status, again.answer.body) == ("replayed", first.answer.body)
    assert ((await stage.record()).outcome, stage.vendor.effects) == ("partial", ["create"])


@pytest.mark.parametrize("status", [None, 401, 429])
async def test_a_second_step_that_may_be_tried_again_is_resumed(
    stage: Stage, vendor: Vendor, replica: Replica, status: int | None
) -> None:
    """Row 25: told as unknown with the opportunity; the same key goes on at that step."""
    vendor.plays = [takes, answers(status) if status else unreached]
    first = await replica.ask(TWO_STEPS)
    assert (first.status, first.answer.code) == ("indeterminate", "outcome-indeterminate")
    assert await stage.state() == "claimed"
    second = await replica.ask(TWO_STEPS)
    assert (second.status, second.answer.status) == ("created", 201)
    assert vendor.effects == ["create", "custom-fields"]


async def test_a_second_step_without_an_answer_is_found_out(stage: Stage, replica: Replica) -> None:
    """Row 25: neither step is made again."""
    stage.vendor.plays = [takes, hangs(applied=True)]
    first = await replica.ask(TWO_STEPS, seconds=60)
    assert first.status == "indeterminate"
    await seconds(1)
    assert (await replica.ask(TWO_STEPS)).status == "replayed"
    assert stage.vendor.effects == ["create", "custom-fields"]


async def test_a_write_killed_between_its_steps_goes_on_at_the_second(
    stage: Stage, replica: Replica
) -> None:
    """K10: the first step's reply is in the record, and is not sent for again."""
    replica.wire.then["step"] = for_ever
    await killed(replica, TWO_STEPS)
    told = await stage.replica().ask(TWO_STEPS)
    assert told.status == "created"
    assert stage.vendor.effects == ["create", "custom-fields"]


async def test_a_write_killed_before_a_step_was_noted_goes_on_under_the_vendors_key(
    stage: Stage, replica: Replica
) -> None:
    """K10: a vendor that dedupes tells the first step's reply again, and makes it once."""
    stage.vendor.evidence, stage.vendor.dedupe_seconds = "blind", 3600
    replica.wire.first["step"] = for_ever
    await killed(replica, TWO_STEPS)
    assert (await stage.replica().ask(TWO_STEPS)).status == "replayed"
    assert stage.vendor.effects == ["create", "custom-fields"]
    assert stage.vendor.sends[0].key == stage.vendor.sends[1].key != stage.vendor.sends[2].key


async def test_a_resumed_write_that_would_be_another_ends_as_it_is(
    stage: Stage, replica: Replica
) -> None:
    """A new release asks for another first call than the one that was made: nothing is sent."""
    stage.vendor.plays = [takes, unreached]
    await replica.ask(TWO_STEPS)
    told = await replica.ask(Work(steps=("create otherwise", "custom-fields")))
    assert (told.status, told.answer.code) == ("created", "partially-applied")
    assert ((await stage.record()).outcome, stage.vendor.effects) == ("partial", ["create"])
