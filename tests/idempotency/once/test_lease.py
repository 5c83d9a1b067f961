"""The lease of a vendor's record: its writers take turns, and none goes without it (row 27)."""

import asyncio

import pytest

from gateway.errors import NotSent
from gateway.idempotency.addresses import lease_address
from gateway.idempotency.lease import RecordLease, lease_of
from tests.idempotency.once.scripted import slow
from tests.idempotency.once.stage import ENVIRONMENT, Replica, Stage, permitted, seconds
from tests.idempotency.once.test_permit import FIRST

SUBJECT = "opportunity-7"
ADDRESS = lease_address(ENVIRONMENT, "acme-one", SUBJECT)


async def taken(stage: Stage, owner: str = "another writer") -> bool:
    """Whether somebody else could have the lease now."""
    return await stage.store.lease_take(ADDRESS, owner=owner, ttl_ms=15_000) == 0


async def test_two_writers_of_one_record_go_one_after_another(stage: Stage) -> None:
    """The second waits for the first, within its deadline."""
    stage.vendor.plays = [slow(5), slow(5)]
    first = stage.replica().asking(key=b"one", subject=SUBJECT)
    second = stage.replica().asking(key=b"two", subject=SUBJECT)
    assert {(await first).status, (await second).status} == {"created"}
    one, two = (send.at for send in stage.vendor.sends)
    assert two - one >= 5


async def test_writers_of_two_records_do_not_wait(stage: Stage) -> None:
    """Nor do creates, which have none yet."""
    stage.vendor.plays = [slow(5)] * 3
    replica = stage.replica()
    subjects = [SUBJECT, "opportunity-8", None]
    asked = [
        replica.asking(key=str(number).encode(), subject=subject)
        for number, subject in enumerate(subjects)
    ]
    await asyncio.gather(*asked)
    assert len({send.at for send in stage.vendor.sends}) == 1


async def test_who_cannot_wait_longer_is_told_that_the_record_is_busy(stage: Stage) -> None:
    """Nothing was sent: the key is free, and the answer says when to come again."""
    assert await taken(stage)
    told = await stage.replica().ask(subject=SUBJECT, seconds=3)
    assert (told.status, told.answer.code) == ("not-applied", "record-busy")
    assert (await stage.state(), stage.vendor.sends) == (None, [])


async def test_the_lease_is_free_again_when_the_write_has_ended(
    stage: Stage, replica: Replica
) -> None:
    """However it ended."""
    stage.vendor.refuses = [RuntimeError("a fault")]
    await replica.ask(subject=SUBJECT)
    assert await taken(stage)


async def test_the_lease_comes_with_the_claim_and_goes_with_the_answer(
    stage: Stage, replica: Replica
) -> None:
    """No round to the store is spent on it alone."""
    await replica.ask(subject=SUBJECT)
    assert [call for call in replica.wire.made if call.startswith("lease")] == []
    assert await taken(stage)


async def test_an_answer_that_cannot_be_kept_holds_no_lease(stage: Stage, replica: Replica) -> None:
    """The next writer shall not wait until the store is back for this one."""
    replica.wire.down = {"complete"}
    assert (await replica.ask(subject=SUBJECT)).status == "not-stored"
    await seconds(0.01)
    assert await taken(stage)


async def test_the_lease_is_renewed_for_as_long_as_the_write_takes(stage: Stage) -> None:
    """Longer than it lasts by itself."""
    replica = stage.replica(record_lease_ms=1500)
    stage.vendor.plays = [slow(9)]
    write = replica.asking(subject=SUBJECT)
    await seconds(8)
    assert replica.wire.made.count("lease_renew") == 15
    assert not await taken(stage)
    assert (await write).status == "created"


async def test_without_its_lease_nothing_is_sent(stage: Stage, replica: Replica) -> None:
    """Another writer has it, who may be about to change what this one read.

    That the heart beats on shows that the claim is still its own, and says nothing of the record.
    """
    stage.vendor.plays = [slow(0, before=12)]
    write = replica.asking(subject=SUBJECT)
    await seconds(1)
    await steal(stage)
    told = await write
    assert (told.status, told.answer.code) == ("not-applied", "vendor-unavailable")
    assert stage.vendor.sends == []


async def test_a_lease_that_nobody_could_renew_counts_as_lost(
    stage: Stage, replica: Replica
) -> None:
    """The store was away for as long as it lasts, and another may have it when it is back."""
    permit = await permitted(replica)
    lease = lease_of(permit.registry, "acme-one", SUBJECT)
    assert lease is not None
    async with RecordLease(permit, permit.registry, lease, permit.until):
        replica.wire.down = {"lease_renew"}
        record = await stage.record()
        for _ in range(5):
            await seconds(3)
            await stage.store.heartbeat(
                record.hex32, owner=record.owner, fence=1, lease_ms=10_000, hard_limit_ms=10**6
            )
        with pytest.raises(NotSent):
            await permit.leave(FIRST)
    assert (await stage.record()).unanswered == 0


async def steal(stage: Stage) -> None:
    """Another writer has the lease, as after a failover that lost it."""
    holder = (await stage.record()).owner
    assert await stage.store.lease_free(ADDRESS, owner=holder)
    assert await taken(stage)
