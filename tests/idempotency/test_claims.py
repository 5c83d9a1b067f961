"""`begin` and `take`: who gets a key, and what everybody else is told."""

import anyio
import pytest

from gateway.idempotency.record import Fingerprint, State
from gateway.idempotency.replies import Verdict
from tests.idempotency.bench import (
    ANOTHER,
    ANSWER,
    FACTS,
    FINGERPRINT,
    HOUR,
    KEEP,
    KEY,
    LEASE,
    SENDING,
    START,
    Bench,
)


async def test_a_new_key_is_claimed(bench: Bench) -> None:
    """With fence 1, a lease, and everything that it was begun with."""
    begun = await bench.begin()
    assert (begun.verdict, begun.state, begun.fence, begun.attempts) == ("new", "claimed", 1, 0)
    assert begun.left_ms == LEASE
    record = await bench.record()
    assert begun.record == record
    assert (record.owner, record.t0, record.lease_until) == ("a", START, START + LEASE)
    assert (record.fingerprint, record.key_ids) == (FINGERPRINT, ("2026-11",))
    assert {name: getattr(record, name) for name in FACTS} == FACTS


async def test_of_many_at_once_one_is_new(bench: Bench) -> None:
    """Two hundred claims of one key make one holder."""
    verdicts: list[Verdict] = []

    async def claim(owner: str) -> None:
        verdicts.append((await bench.begin(owner)).verdict)

    async with anyio.create_task_group() as claims:
        for number in range(200):
            claims.start_soon(claim, f"owner {number}")
    assert sorted(verdicts) == ["in_flight"] * 199 + ["new"]


async def test_a_held_key_is_in_flight(bench: Bench) -> None:
    """For as long as the lease lasts, and nothing of the record is told."""
    await bench.begin("a")
    await bench.advance(LEASE - 1)
    begun = await bench.begin("b")
    assert (begun.verdict, begun.left_ms, begun.record) == ("in_flight", 1, None)


@pytest.mark.parametrize("state", ["claimed", "dispatched", "reconciling"])
async def test_a_repeat_of_my_own_claim_is_mine(bench: Bench, state: State) -> None:
    """The reply may have been lost: that is no conflict with myself, also past the lease."""
    await bench.put(state)
    before = await bench.record()
    await bench.advance(SENDING)
    begun = await bench.begin("a")
    assert (begun.verdict, begun.state, begun.fence) == ("mine", state, before.fence)
    assert begun.record == await bench.record() == before


@pytest.mark.parametrize(
    ("state", "verdict", "after"),
    [
        ("claimed", "new", "claimed"),
        ("dispatched", "reconcile", "reconciling"),
        ("reconciling", "reconcile", "reconciling"),
    ],
)
@pytest.mark.parametrize("script", ["begin", "take"])
async def test_past_its_lease_it_goes_to_the_next(
    bench: Bench, script: str, state: State, verdict: Verdict, after: State
) -> None:
    """Before a send the next one runs it; after one it only finds out; the fence moves on."""
    await bench.put(state)
    before = await bench.record()
    await bench.advance(before.lease_until - bench.clock.ms)
    begun = await getattr(bench, script)("b")
    assert (begun.verdict, begun.state, begun.fence) == (verdict, after, before.fence + 1)
    record = await bench.record()
    assert (record.owner, record.lease_until) == ("b", bench.clock.ms + LEASE)
    assert record.held_since == bench.clock.ms


@pytest.mark.parametrize("script", ["begin", "take"])
async def test_a_permitted_resend_that_was_not_sent_is_reconciled(
    bench: Bench, script: str
) -> None:
    """Its first send is still open, so nobody may run it as if it were new."""
    await bench.put("reconciling")
    assert await bench.resend()
    await bench.advance(SENDING)
    begun = await getattr(bench, script)("b")
    assert (begun.verdict, begun.state, begun.fence) == ("reconcile", "reconciling", 3)


async def test_a_released_key_comes_again(bench: Bench) -> None:
    """With a new fence, and what the new caller brings; the number of its sends goes on."""
    await bench.put("not_applied")
    begun = await bench.begin("b", marker="uog-NEW")
    assert (begun.verdict, begun.state, begun.fence, begun.attempts) == ("new", "claimed", 2, 1)
    record = await bench.record()
    assert (record.marker, record.te) == ("uog-NEW", 0)
    assert not await bench.dispatch("b", 2, send=1)
    assert await bench.dispatch("b", 2, send=2)


@pytest.mark.parametrize("script", ["begin", "take"])
async def test_a_completed_key_is_replayed(bench: Bench, script: str) -> None:
    """To everybody, its own holder as well."""
    await bench.put("completed")
    for owner in ("a", "b"):
        begun = await getattr(bench, script)(owner)
        assert begun.verdict == "replay"
        assert begun.record is not None
        assert (begun.record.answer, begun.record.answer_status) == (ANSWER, 201)


@pytest.mark.parametrize("script", ["begin", "take"])
async def test_a_parked_key_is_indeterminate(bench: Bench, script: str) -> None:
    """For its own holder as well: only a person, or the vendor's late answer, ends it."""
    await bench.put("indeterminate")
    for owner in ("a", "b"):
        assert (await getattr(bench, script)(owner)).verdict == "indeterminate"


@pytest.mark.parametrize(
    "state",
    ["claimed", "dispatched", "reconciling", "indeterminate", "completed", "not_applied"],
)
async def test_another_request_under_the_key_is_a_mismatch(bench: Bench, state: State) -> None:
    """In every state, for the holder too, past the lease too; and the record stays as it was."""
    await bench.put(state)
    before = await bench.record()
    for owner in ("a", "b"):
        begun = await bench.begin(owner, fingerprint=ANOTHER, marker="uog-OTHER")
        assert (begun.verdict, begun.record) == ("mismatch", None)
        await bench.advance(HOUR)
    assert await bench.record() == before


async def test_a_request_is_recognised_after_a_rotation_of_keys(bench: Bench) -> None:
    """Its digest under the old key is compared; without one of that key nothing can be told."""
    await bench.begin("a")
    new = Fingerprint(version=1, key_id="2027-01", digest=b"by a newer key")

    async def again(*fingerprints: Fingerprint) -> Verdict:
        begun = await bench.store.begin(
            KEY, fingerprints=fingerprints, owner="a", lease_ms=LEASE, keep_ms=KEEP, facts=FACTS
        )
        return begun.verdict

    assert await again(new, FINGERPRINT) == "mine"
    assert await again(new, ANOTHER) == "mismatch"
    assert await again(new) == "unreadable"
    moved = Fingerprint(version=2, key_id="2026-11", digest=FINGERPRINT.digest)
    assert await again(moved) == "unreadable"


async def test_a_new_record_keeps_the_first_fingerprint(bench: Bench) -> None:
    """The one that is made with what is in force."""
    await bench.store.begin(
        KEY,
        fingerprints=[ANOTHER, FINGERPRINT],
        owner="a",
        lease_ms=LEASE,
        keep_ms=KEEP,
        facts={**FACTS, "key_ids": "2026-11\n2027-01"},
    )
    record = await bench.record()
    assert (record.fingerprint, record.key_ids) == (ANOTHER, ("2026-11", "2027-01"))


async def test_the_holder_without_a_verdict_takes_its_own_send(bench: Bench) -> None:
    """At once, to find out what became of it; again, it is told that it has it."""
    await bench.put("dispatched")
    taken = await bench.take("a")
    assert (taken.verdict, taken.state, taken.fence) == ("reconcile", "reconciling", 2)
    again = await bench.take("a")
    assert (again.verdict, again.state, again.fence) == ("mine", "reconciling", 2)
    assert again.record == taken.record


@pytest.mark.parametrize("state", ["claimed", "dispatched", "reconciling"])
async def test_nobody_takes_what_another_holds(bench: Bench, state: State) -> None:
    """The sweeper of another replica waits for the lease."""
    await bench.put(state)
    before = await bench.record()
    taken = await bench.take("b")
    assert (taken.verdict, taken.left_ms) == ("in_flight", before.lease_until - START)
    assert await bench.record() == before


@pytest.mark.parametrize("state", [None, "not_applied"])
async def test_there_is_nothing_to_take_where_nothing_is_open(
    bench: Bench, state: State | None
) -> None:
    """`take` makes no record, and runs no key that its caller did not send again."""
    await bench.put(state)
    taken = await bench.take("b")
    assert (taken.verdict, taken.state) == ("gone", state)
    assert await bench.store.counters() == {"open": 0, "indeterminate": 0}


async def test_of_many_sweepers_one_gets_a_record(bench: Bench) -> None:
    """However many replicas see that its lease is over."""
    await bench.put("dispatched")
    await bench.advance(SENDING)
    verdicts: list[Verdict] = []

    async def take(owner: str) -> None:
        verdicts.append((await bench.take(owner)).verdict)

    async with anyio.create_task_group() as sweepers:
        for number in range(20):
            sweepers.start_soon(take, f"sweeper {number}")
    assert sorted(verdicts) == ["in_flight"] * 19 + ["reconcile"]
