"""The sweeper: what a holder left behind is taken up, by one replica, and comes to an end."""

import asyncio

import pytest

from gateway.idempotency.record import UNSETTLED
from tests.idempotency.once.scripted import hangs, takes, unreached
from tests.idempotency.once.stage import (
    TIMERS,
    TWO_STEPS,
    Replica,
    Stage,
    for_ever,
    killed,
    permitted,
    seconds,
)

HORIZON = 300


async def test_a_claim_that_nobody_holds_is_freed(stage: Stage, replica: Replica) -> None:
    """Row 9: nothing was sent, so nothing of it stays."""
    replica.wire.then["begin"] = for_ever
    await killed(replica)
    assert await stage.state() == "claimed"
    await stage.replica().sweeper.sweep()
    assert await stage.state() is None


async def test_a_send_that_nobody_waits_for_is_found_out(stage: Stage, replica: Replica) -> None:
    """Row 10: by reading, and the answer is there for whoever asks."""
    stage.vendor.plays = [hangs(applied=True, seconds=1000)]
    await killed(replica)
    other = stage.replica()
    await other.sweeper.sweep()
    await seconds(1)
    assert await stage.state() == "completed"
    assert (await other.ask()).status == "replayed"
    assert stage.vendor.effects == ["write"]


async def test_of_many_sweepers_one_gets_a_record(stage: Stage, replica: Replica) -> None:
    """All look at once, and the vendor is read once."""
    stage.vendor.plays = [hangs(applied=True, seconds=1000)]
    await killed(replica)
    await asyncio.gather(*(stage.replica().sweeper.sweep() for _ in range(8)))
    await seconds(1)
    assert len(stage.vendor.looks) == 1
    assert (await stage.record()).fence == 2


async def test_a_live_holder_is_left_alone(stage: Stage, replica: Replica) -> None:
    """Its lease is not over, whoever sweeps."""
    await permitted(replica)
    await stage.replica().sweeper.sweep()
    assert (await stage.record()).fence == 1


async def test_a_half_done_write_waits_for_its_caller_until_the_horizon(
    stage: Stage, replica: Replica
) -> None:
    """Row 25: until then the same key goes on at its second step."""
    stage.vendor.plays = [takes, unreached]
    await replica.ask(TWO_STEPS)
    await seconds(HORIZON - 1)
    await replica.sweeper.sweep()
    assert await stage.state() == "claimed"
    assert (await replica.ask(TWO_STEPS)).status == "created"
    assert stage.vendor.effects == ["create", "custom-fields"]


async def test_a_half_done_write_that_nobody_goes_on_with_ends_as_partial(
    stage: Stage, replica: Replica
) -> None:
    """Row 25: after the horizon, with its answer, and nothing more is sent."""
    stage.vendor.plays = [takes, unreached]
    await replica.ask(TWO_STEPS)
    await seconds(HORIZON)
    await replica.sweeper.sweep()
    record = await stage.record()
    assert (record.state, record.outcome) == ("completed", "partial")
    assert record.code == "partially-applied"
    told = await replica.ask(TWO_STEPS)
    assert (told.status, told.answer.code) == ("replayed", "partially-applied")
    assert stage.vendor.effects == ["create"]


async def test_a_record_that_cannot_be_taken_up_keeps_no_other_from_it(stage: Stage) -> None:
    """A fault of ours over one of them is told, and the sweep goes on."""
    replica = stage.replica()
    stage.vendor.plays = [takes, unreached, takes, unreached]
    for key in (b"one", b"two"):
        await replica.ask(TWO_STEPS, key=key)
    await seconds(HORIZON)
    stage.vendor.abandons = [RuntimeError("a fault")]
    await replica.sweeper.sweep()
    states = [(await stage.record(key)).state for key in (b"one", b"two")]
    assert sorted(states) == ["claimed", "completed"]
    assert [str(fault) for fault in replica.faults] == ["a fault"]


async def test_the_sweeper_goes_on_when_the_store_is_back(stage: Stage, replica: Replica) -> None:
    """It is not ended by a store that is away, however long."""
    sweeping = asyncio.create_task(replica.sweeper.run())
    replica.wire.down = {"due"}
    await permitted(stage.replica())
    await seconds(200)
    assert await stage.state() == "claimed"
    replica.wire.down.clear()
    await seconds(2 * TIMERS.sweep_seconds)
    assert await stage.state() is None
    sweeping.cancel()
    await asyncio.wait([sweeping])


async def test_every_write_leaves_its_open_states_in_time(stage: Stage, replica: Replica) -> None:
    """Within the lease, the horizon and two sweeps, although nobody asks for it again."""
    sweeping = asyncio.create_task(replica.sweeper.run())
    stage.vendor.plays, stage.vendor.evidence = [hangs(applied=False, seconds=1000)], "create"
    await killed(stage.replica(), wait=0)
    await seconds(40 + HORIZON + 2 * 12)
    assert await stage.state() == "indeterminate"
    sweeping.cancel()
    await asyncio.wait([sweeping])


async def test_upkeep_keeps_what_is_not_settled_and_drops_old_bodies(
    stage: Stage, replica: Replica
) -> None:
    """A parked write outlasts its retention; an ended one keeps how it ended, and no more."""
    stage.vendor.plays, stage.vendor.evidence = [hangs(applied=False)], "blind"
    await replica.ask()
    await replica.ask(key=b"two")
    assert (await stage.record()).state in UNSETTLED
    await seconds(73 * 3600)
    await replica.ask(key=b"three")
    await replica.sweeper.upkeep()
    kept = await stage.record()
    assert (kept.state, kept.request is not None) == ("indeterminate", True)


@pytest.mark.parametrize("hours", [71, 73])
async def test_an_ended_write_is_made_small_after_its_time(stage: Stage, hours: int) -> None:
    """Seventy-two hours after its end its bodies go, where it is kept for longer."""
    replica = stage.replica(retention_ms=200 * 3600 * 1000)
    await replica.ask()
    await seconds(hours * 3600)
    await replica.sweeper.upkeep()
    kept = await stage.record()
    assert (kept.answer is None, kept.request is None) == (hours > 72, hours > 72)
    assert (kept.outcome, kept.opportunity_id) == ("applied", "acme-one.1")
