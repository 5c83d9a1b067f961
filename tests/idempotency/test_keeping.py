"""How long a record lives, where it is listed, and what is kept of it."""

import pytest

from gateway.idempotency.addresses import address
from gateway.idempotency.record import OPEN, UNSETTLED, State
from tests.idempotency.bench import (
    DAY,
    HARD_LIMIT,
    HOUR,
    KEEP,
    KEY,
    LEASE,
    SECOND,
    SENDING,
    START,
    Bench,
    but,
)

SLACK = 60 * SECOND
"""Real time that a test may take: TTLs go by the real clock of a server."""
MONTH = 30 * DAY


@pytest.mark.parametrize("state", but(None))
async def test_no_record_is_without_an_end(bench: Bench, state: State) -> None:
    """The retention, and a month for what is not settled."""
    await bench.put(state)
    life = MONTH if state in UNSETTLED else KEEP
    assert life - SLACK < await bench.ttl() <= life


@pytest.mark.parametrize("state", but(None))
async def test_a_record_stands_in_the_index_of_its_state(bench: Bench, state: State) -> None:
    """Open ones in one, all others in the other, never in both."""
    await bench.put(state)
    assert await bench.indexed() == (({KEY}, set()) if state in OPEN else (set(), {KEY}))
    parked = int(state == "indeterminate")
    assert await bench.store.counters() == {"open": int(state in OPEN), "indeterminate": parked}


async def test_a_released_key_is_in_no_index(bench: Bench) -> None:
    """Nor does it take any room."""
    await bench.put("claimed")
    await bench.release()
    assert await bench.indexed() == (set(), set())


async def test_a_key_that_comes_again_moves_between_the_indexes(bench: Bench) -> None:
    """It is open again."""
    await bench.put("not_applied")
    await bench.begin("b")
    assert await bench.indexed() == ({KEY}, set())


async def test_the_retention_counts_from_the_end(bench: Bench) -> None:
    """However long it took; then the key is new."""
    await bench.put("reconciling")
    await bench.advance(20 * DAY)
    assert await bench.complete() == "ok"
    await bench.advance(KEEP - SLACK)
    assert (await bench.begin("b")).verdict == "replay"
    await bench.advance(SLACK)
    assert await bench.store.get(KEY) is None
    assert (await bench.begin("b")).verdict == "new"


async def test_a_key_that_comes_again_does_not_end_while_it_runs(bench: Bench) -> None:
    """Its retention begins anew with the claim."""
    await bench.put("not_applied")
    await bench.advance(KEEP - HOUR)
    await bench.begin("b")
    assert await bench.ttl() > KEEP - SLACK


@pytest.mark.parametrize("call", [Bench.refuse, Bench.undispatch, Bench.step])
async def test_what_was_sent_lives_on_as_a_claim(bench: Bench, call: object) -> None:
    """A claim never shortens a life: a step may be done."""
    await bench.put("dispatched")
    assert callable(call)
    await call(bench)
    assert (await bench.record()).state == "claimed"
    assert await bench.ttl() > MONTH - SLACK


@pytest.mark.parametrize("state", ["dispatched", "reconciling", "indeterminate"])
async def test_what_is_not_settled_is_kept_by_a_touch(bench: Bench, state: State) -> None:
    """For as long as somebody sweeps."""
    await bench.put(state)
    before = await bench.record()
    for _ in range(3):
        await bench.advance(MONTH - DAY)
        await bench.store.touch(KEY)
    assert await bench.ttl() > MONTH - SLACK
    assert await bench.record() == before


@pytest.mark.parametrize("state", ["claimed", "completed", "not_applied"])
async def test_a_touch_keeps_nothing_else(bench: Bench, state: State) -> None:
    """What is over ends when it should."""
    await bench.put(state)
    await bench.advance(DAY)
    await bench.store.touch(KEY)
    assert await bench.ttl() <= KEEP - DAY


@pytest.mark.parametrize("state", ["claimed", "indeterminate"])
async def test_the_index_forgets_what_is_gone(bench: Bench, state: State) -> None:
    """A record that ended by itself is not looked for for ever."""
    await bench.put(state)
    await bench.advance(MONTH)
    await bench.store.touch(KEY)
    assert await bench.indexed() == (set(), set())


async def test_a_sweeper_forgets_what_is_gone(bench: Bench) -> None:
    """It asks for it once, and is not told of it again."""
    await bench.put("claimed")
    await bench.advance(KEEP)
    assert (await bench.take("b")).verdict == "gone"
    assert await bench.indexed() == (set(), set())
    assert await bench.store.due(10) == []


async def test_the_index_of_ended_records_is_trimmed(bench: Bench) -> None:
    """With the next one that ends in the bucket; what is parked stays, however old."""
    ended, parked = KEY[:2] + "0" * 30, KEY[:2] + "f" * 30
    for key in (ended, parked):
        await bench.begin(key=key)
        await bench.dispatch(key=key)
        await bench.take("a", key=key)
    assert await bench.store.settle(ended, owner="a", fence=2, verdict="not_applied")
    assert await bench.store.park(parked, owner="a", fence=2, why="")
    await bench.advance(KEEP + SECOND)
    await bench.put("completed")
    assert await bench.indexed() == (set(), {KEY, parked})


async def test_only_what_is_past_its_lease_is_due(bench: Bench) -> None:
    """The longest ago first, and no more than asked for."""
    keys = [address("test", "billing", bytes([number])) for number in range(4)]
    for number, key in enumerate(keys):
        await bench.begin(key=key, lease=(4 - number) * SECOND)
    await bench.advance(SECOND - 1)
    assert await bench.store.due(10) == []
    await bench.advance(2 * SECOND + 1)
    assert await bench.store.due(10) == [keys[3], keys[2], keys[1]]
    assert await bench.store.due(2) == [keys[3], keys[2]]


@pytest.mark.parametrize("state", ["indeterminate", "completed", "not_applied"])
async def test_what_has_no_lease_is_never_due(bench: Bench, state: State) -> None:
    """There is nothing to be done for it."""
    await bench.put(state)
    await bench.advance(HOUR)
    assert await bench.store.due(10) == []


@pytest.mark.parametrize("state", ["claimed", "dispatched", "reconciling"])
async def test_a_heartbeat_prolongs_the_lease(bench: Bench, state: State) -> None:
    """In the index too: a healthy holder is not due."""
    await bench.put(state)
    fence = (await bench.record()).fence
    await bench.advance(LEASE - SECOND)
    assert await bench.heartbeat(fence=fence, lease=SENDING)
    assert (await bench.record()).lease_until == START + LEASE - SECOND + SENDING
    await bench.advance(SENDING - SECOND)
    assert await bench.store.due(10) == []
    await bench.advance(SECOND)
    assert await bench.store.due(10) == [KEY]


async def test_a_heartbeat_never_shortens_the_lease(bench: Bench) -> None:
    """That of a send is longer than a beat's."""
    await bench.put("dispatched")
    assert await bench.heartbeat(lease=SECOND)
    assert (await bench.record()).lease_until == START + SENDING


async def test_a_holder_that_beats_for_ever_is_taken_over_in_the_end(bench: Bench) -> None:
    """The limit counts from its claim, and again from its latest send."""
    await bench.put("claimed")
    for _ in range(HARD_LIMIT // LEASE + 5):
        await bench.heartbeat()
        await bench.advance(LEASE - 1)
    assert (await bench.record()).lease_until == START + HARD_LIMIT


async def test_a_key_that_comes_again_beats_like_a_new_one(bench: Bench) -> None:
    """Its limit counts from the new claim, not from the first."""
    await bench.put("not_applied")
    await bench.advance(HOUR)
    await bench.begin("b")
    await bench.advance(LEASE - 1)
    assert await bench.heartbeat("b", 2)
    assert (await bench.record()).lease_until == bench.clock.ms + LEASE


@pytest.mark.parametrize(("owner", "fence"), [("b", 1), ("a", 2)])
async def test_nobody_else_beats(bench: Bench, owner: str, fence: int) -> None:
    """Who was taken over learns of it."""
    await bench.put("claimed")
    assert not await bench.heartbeat(owner, fence)


@pytest.mark.parametrize("state", but("claimed", "dispatched", "reconciling"))
async def test_what_nobody_works_on_has_no_heartbeat(bench: Bench, state: State | None) -> None:
    """It has no lease to prolong."""
    await bench.put(state)
    before = await bench.store.get(KEY)
    assert not await bench.heartbeat(fence=before.fence if before else 1)
    assert await bench.store.get(KEY) == before


async def test_a_holder_notes_what_it_learns(bench: Bench) -> None:
    """Before it sends: the pre-image, the vendor's id, the marker, the derived key."""
    await bench.put("claimed")
    members: dict[str, bytes | str] = {
        "pre": b"sealed \xff",
        "vendor_id": "1",
        "marker": "uog-M",
        "derived_key": "d",
    }
    assert await bench.store.facts(KEY, owner="a", fence=1, **members)
    record = await bench.record()
    assert {name: getattr(record, name) for name in members} == members


@pytest.mark.parametrize(("owner", "fence"), [("b", 1), ("a", 2)])
async def test_nobody_else_notes_anything(bench: Bench, owner: str, fence: int) -> None:
    """Who was taken over would overwrite what the holder goes by."""
    await bench.put("claimed")
    assert not await bench.store.facts(KEY, owner=owner, fence=fence, marker="uog-M")
    assert (await bench.record()).marker is None


@pytest.mark.parametrize("state", but(None, "claimed", "dispatched", "reconciling"))
async def test_nothing_more_is_learned_of_what_nobody_works_on(bench: Bench, state: State) -> None:
    """A record that is over stays as it is."""
    await bench.put(state)
    before = await bench.record()
    assert not await bench.store.facts(KEY, owner="a", fence=before.fence, marker="uog-M")
    assert await bench.record() == before


async def test_a_fact_that_no_record_has_is_refused(bench: Bench) -> None:
    """It is a slip of ours, and must not become a state or a fence."""
    await bench.put("claimed")
    for name in ("state", "st", "f", "own"):
        with pytest.raises(KeyError):
            await bench.store.facts(KEY, owner="a", fence=1, **{name: "completed"})


async def test_evidence_is_kept_in_order_with_its_times(bench: Bench) -> None:
    """Whatever characters are in it; a repeat of the last line adds nothing."""
    await bench.put("reconciling")
    detail = 'no "hit"\n\t\x00 / \\ – é \u2028 😀'
    assert await bench.store.note(KEY, kind="searched", detail=detail)
    await bench.advance(SECOND)
    assert await bench.store.note(KEY, kind="searched", detail=detail)
    assert await bench.store.note(KEY, kind="searched", detail="one hit")
    assert (await bench.record()).evidence == (
        (START, "searched", detail),
        (START + SECOND, "searched", "one hit"),
    )


async def test_evidence_is_bounded(bench: Bench) -> None:
    """The latest is kept, and no line is longer than it may be."""
    await bench.put("reconciling")
    for number in range(60):
        await bench.store.note(KEY, kind="searched", detail=f"{number} " + "x" * 1000)
    evidence = (await bench.record()).evidence
    assert evidence[-1].detail.startswith("59 ")
    assert 10 <= len(evidence) < 20
    assert all(len(each.detail) == 500 for each in evidence)


async def test_nothing_is_noted_of_what_is_not_there(bench: Bench) -> None:
    """A note makes no record."""
    assert not await bench.store.note(KEY, kind="searched", detail="")
    assert await bench.store.get(KEY) is None


@pytest.mark.parametrize("state", ["completed", "not_applied"])
async def test_an_ended_record_drops_its_bodies(bench: Bench, state: State) -> None:
    """After its time; what is left says how it ended, and still knows its request."""
    await bench.put(state)
    before = await bench.record()
    await bench.advance(HOUR - 1)
    assert not await bench.store.compact(KEY, older_ms=HOUR)
    assert await bench.record() == before
    await bench.advance(1)
    assert await bench.store.compact(KEY, older_ms=HOUR)
    record = await bench.record()
    assert (record.request, record.answer, record.pre, record.steps) == (None, None, None, ())
    assert (record.state, record.answer_status) == (state, before.answer_status)
    assert (record.outcome, record.opportunity_id) == (before.outcome, before.opportunity_id)
    assert record.fingerprint == before.fingerprint
    assert await bench.ttl() <= KEEP - HOUR


@pytest.mark.parametrize("state", but("completed", "not_applied"))
async def test_what_is_not_over_keeps_its_bodies(bench: Bench, state: State | None) -> None:
    """A reconciliation needs the request."""
    await bench.put(state)
    before = await bench.store.get(KEY)
    assert not await bench.store.compact(KEY, older_ms=0)
    assert await bench.store.get(KEY) == before


async def test_a_caller_is_forgotten_but_for_its_keys(bench: Bench) -> None:
    """Its ended bodies go, its open requests and other callers' bodies stay."""
    theirs = [address("test", "billing", bytes([number])) for number in range(3)]
    others = address("test", "sales", b"0")
    for key in (*theirs, others):
        await bench.begin(key=key, caller="sales" if key == others else "billing")
        await bench.dispatch(key=key)
    for key in (*theirs[:2], others):
        await bench.take("a", key=key)
        await bench.store.settle(
            key, owner="a", fence=2, verdict="applied", answer=b"sealed", answer_status=201
        )
    assert await bench.store.forget("billing") == 2
    bodies = [(await bench.record(key)).answer for key in (*theirs[:2], others)]
    assert bodies == [None, None, b"sealed"]
    assert (await bench.record(theirs[2])).request is not None
    assert (await bench.begin("b", key=theirs[0])).verdict == "replay"


async def test_counts_of_records_only_grow(bench: Bench) -> None:
    """Every new one counts, in its bucket; one that comes again does not, an end takes none."""
    first = await bench.begin()
    assert first.highwater == 1
    assert (await bench.begin("b")).highwater == 1
    await bench.release()
    assert (await bench.begin()).highwater == 2
    await bench.advance(KEEP)
    assert (await bench.begin()).highwater == 3
    counts = await bench.store.highwaters()
    assert len(counts) == 256
    assert {name: count for name, count in counts.items() if count} == {KEY[:2]: 3}


async def test_amnesia_is_told_to_all_for_its_time(bench: Bench) -> None:
    """True for whoever says so first."""
    assert not await bench.store.amnesia()
    assert await bench.store.set_amnesia(HOUR)
    assert not await bench.store.set_amnesia(HOUR)
    assert await bench.store.amnesia()
    await bench.advance(HOUR)
    assert not await bench.store.amnesia()


async def test_the_time_is_the_stores(bench: Bench) -> None:
    """Nobody compares its own clock with a lease."""
    await bench.advance(SECOND)
    assert await bench.store.time_ms() == START + SECOND
