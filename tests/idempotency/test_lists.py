"""`listed`: which operations there are, the latest first."""

import pytest

from gateway.idempotency.addresses import address
from gateway.idempotency.record import Record, Result, State, latest_first
from tests.idempotency.bench import HOUR, SECOND, Bench, RedisBench

CALLERS = ("billing", "sales")
STATES: tuple[State, ...] = (
    "claimed", "dispatched", "reconciling", "indeterminate", "completed", "not_applied",
)  # fmt: skip


async def fill(bench: Bench, rounds: int) -> dict[str, tuple[str, State]]:
    """One record for each caller and state in each round, a second apart."""
    made: dict[str, tuple[str, State]] = {}
    for number in range(rounds):
        for caller in CALLERS:
            for state in STATES:
                key = address("test", caller, f"{state} {number}".encode())
                await bench.advance(SECOND)
                await put(bench, key, caller, state)
                made[key] = (caller, state)
    return made


async def put(bench: Bench, key: str, caller: str, state: State) -> None:
    """Brings a key into a state."""
    await bench.begin(key=key, caller=caller, connection=f"acme-{caller}")
    if state == "claimed":
        return
    await bench.dispatch(key=key)
    if state == "dispatched":
        return
    await bench.take("a", key=key)
    if state == "indeterminate":
        await bench.store.park(key, owner="a", fence=2, why="")
    elif state == "completed":
        await bench.store.settle(key, owner="a", fence=2, verdict="applied", answer=b"sealed")
    elif state == "not_applied":
        await bench.store.settle(key, owner="a", fence=2, verdict="not_applied")


async def test_everything_is_listed_once(bench: Bench) -> None:
    """Open ones first, then those that wait for an operator, then those that are over."""
    made = await fill(bench, 3)
    found = await bench.store.listed(limit=100)
    assert sorted(record.hex32 for record in found) == sorted(made)
    kinds = [
        "open" if record.lease_until else "parked" if record.state == "indeterminate" else "ended"
        for record in found
    ]
    assert kinds == sorted(kinds, key=["open", "parked", "ended"].index)
    ended = [record.te for record in found if record.te]
    assert ended == sorted(ended, reverse=True)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_list_is_of_what_is_sought(bench: Bench, caller: str, state: State) -> None:
    """A caller sees its own, in the states and on the connections that it asks for."""
    made = await fill(bench, 2)
    expected = sorted(key for key, about in made.items() if about == (caller, state))
    connections = [f"acme-{caller}", "acme-none"]
    for found in (
        await bench.store.listed(states=[state], caller=caller),
        await bench.store.listed(states=[state], connections=connections),
    ):
        assert sorted(record.hex32 for record in found) == expected
    assert await bench.store.listed(caller="nobody") == []
    assert await bench.store.listed(connections=[]) == []


@pytest.mark.parametrize("results", [("applied",), ("partial", "not_applied"), None])
async def test_completed_ones_are_listed_by_what_they_came_to(
    bench: Bench, results: tuple[Result, ...] | None
) -> None:
    """And those in other states whatever they came to."""
    await fill(bench, 1)
    key = address("test", "billing", b"half done")
    await bench.begin(key=key)
    await bench.dispatch(key=key)
    await bench.take("a", key=key)
    await bench.store.settle(key, owner="a", fence=2, verdict="partial", answer=b"sealed")
    found = await bench.store.listed(results=results, limit=100)
    expected = {"applied", "partial"}.intersection(results or ("applied", "partial"))
    assert {record.outcome for record in found if record.state == "completed"} == expected
    assert {record.state for record in found} == set(STATES)


@pytest.mark.parametrize("limit", [1, 5, 100])
async def test_a_list_goes_on_where_it_stopped(bench: Bench, limit: int) -> None:
    """Page by page, everything is met once and in order, also what ended at the same time."""
    await fill(bench, 2)
    for number in range(9):
        await put(bench, f"07{number:030x}", "billing", "completed")
    everything = await bench.store.listed(limit=100)
    met: list[Record] = []
    while page := await bench.store.listed(
        after=latest_first(met[-1]) if met else None, limit=limit
    ):
        met += page
    assert met == everything


async def test_a_list_reaches_back_to_a_time(bench: Bench) -> None:
    """That of a record is when its key was first seen."""
    await fill(bench, 2)
    times = sorted(record.t0 for record in await bench.store.listed(limit=100))
    found = await bench.store.listed(since_ms=times[10], limit=100)
    assert sorted(record.t0 for record in found) == times[10:]


@pytest.mark.parametrize("limit", [1, 7, 20])
async def test_the_latest_are_found_however_many_there_are(bench: Bench, limit: int) -> None:
    """Also where most of a bucket belongs to somebody else."""
    for number in range(60):
        await bench.advance(SECOND)
        caller = "billing" if number % 3 == 0 else "sales"
        key = f"07{number:030x}" if number % 2 else address("test", caller, bytes([number]))
        await put(bench, key, caller, "completed")
    everything = await bench.store.listed(caller="billing", limit=100)
    assert len(everything) == 20
    assert await bench.store.listed(caller="billing", limit=limit) == everything[:limit]


@pytest.mark.parametrize("limit", [9, 1000])
@pytest.mark.parametrize("apart", [0, 7])
async def test_ended_ones_are_made_compact_in_whatever_portions(
    bench: Bench, limit: int, apart: int
) -> None:
    """Each old one once, in a full bucket and elsewhere, also where many ended at one time."""
    keys = [
        *(f"07{number:030x}" for number in range(140)),
        *(f"{n:02x}{'a' * 30}" for n in range(8)),
    ]
    for number, key in enumerate(keys):
        if apart and not number % apart:
            await bench.advance(1)
        await put(bench, key, "billing", "completed")
    await put(bench, f"07{'f' * 30}", "billing", "indeterminate")
    await bench.advance(HOUR)
    met: list[str] = []
    while old := await bench.store.old(limit, older_ms=HOUR):
        assert len(old) <= limit
        assert all([await bench.store.compact(key, older_ms=HOUR) for key in old])
        met += old
    assert sorted(met) == sorted(keys)
    late = f"07{'b' * 30}"
    await put(bench, late, "billing", "completed")
    assert await bench.store.old(limit, older_ms=HOUR) == []
    await bench.advance(HOUR)
    assert await bench.store.old(limit, older_ms=HOUR) == [late]


async def test_what_is_compact_costs_the_next_search_nothing(redis_bench: RedisBench) -> None:
    """However much of it there is: a bucket is looked into from where it has bodies on."""
    for number in range(200):
        if not number % 20:
            await redis_bench.advance(1)
        await put(redis_bench, f"07{number:030x}", "billing", "completed")
    await redis_bench.advance(HOUR)
    while old := await redis_bench.store.old(1000, older_ms=HOUR):
        for key in old:
            assert await redis_bench.store.compact(key, older_ms=HOUR)
    before = await redis_bench.asked("hexists")
    assert await redis_bench.store.old(1000, older_ms=HOUR) == []
    assert 0 < await redis_bench.asked("hexists") - before <= 20
