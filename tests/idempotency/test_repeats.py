"""A call may be repeated after a lost reply, by its owner and in its own words."""

from typing import Any

import pytest

from gateway.idempotency.record import State
from tests.idempotency.bench import ANSWER, KEY, OPERATORS_REASON, Bench
from tests.idempotency.repeats import REPEATS, alike, resent, second_write_unknown


@pytest.mark.parametrize("name", REPEATS)
async def test_a_repeat_answers_alike_and_changes_nothing_more(bench: Bench, name: str) -> None:
    """However often; the indexes stay too."""
    before, call = REPEATS[name]
    await before(bench)
    first = await call(bench)
    record, indexed = await bench.store.get(KEY), await bench.indexed()
    for _ in range(2):
        assert alike(first, await call(bench))
        assert await bench.store.get(KEY) == record
        assert await bench.indexed() == indexed


BY_HAND: dict[str, Any] = {"owner": None, "fence": None, "by": "ada", "reason": OPERATORS_REASON}


@pytest.mark.parametrize("change", [{"by": "bob"}, {"reason": "another"}])
@pytest.mark.parametrize("verdict", ["not_applied", "step"])
async def test_another_operator_is_not_taken_for_the_first(
    bench: Bench, verdict: Any, change: dict[str, str]
) -> None:
    """What was settled by one is not settled by the next."""
    await bench.put("indeterminate")
    assert await bench.settle(verdict, None, None)
    again = {**BY_HAND, **change, "name": "step 0", "reply": b"sealed \xff reply"}
    assert (await bench.store.settle(KEY, verdict=verdict, **again)).word == "fenced"


@pytest.mark.parametrize(
    ("first", "then"), [("not_applied", "step"), ("not_applied", "applied"), ("step", "applied")]
)
@pytest.mark.parametrize(
    ("state", "owner", "fence"), [("reconciling", "a", 2), ("indeterminate", None, None)]
)
async def test_another_verdict_is_no_repeat(
    bench: Bench, state: State, owner: str | None, fence: int | None, first: str, then: str
) -> None:
    """Who changes its mind has to find out again."""
    await bench.put(state)
    assert await bench.settle(first, owner, fence)
    before = await bench.record()
    assert (await bench.settle(then, owner, fence)).word == "fenced"
    assert await bench.record() == before


async def test_a_verdict_is_no_repeat_once_the_next_send_is_out(bench: Bench) -> None:
    """It is about the send before."""
    await second_write_unknown(bench)
    assert await bench.settle("not_applied")
    await bench.begin("c")
    assert await bench.dispatch("c", 3, send=3)
    assert (await bench.settle("not_applied")).word == "fenced"
    assert (await bench.settle("step")).word == "fenced"


async def test_a_refusal_is_no_repeat_while_an_earlier_send_is_open(bench: Bench) -> None:
    """The first send's number is not the latest's."""
    await resent(bench)
    assert (await bench.refuse(1, send=1)).word == "fenced"
    assert (await bench.record()).unanswered == 1


async def test_a_release_is_no_repeat_while_the_reconciler_works(bench: Bench) -> None:
    """Its own lease is no sign that it was released."""
    await bench.put("reconciling")
    assert (await bench.release(fence=2)).word == "fenced"


async def test_an_answer_with_another_outcome_is_no_repeat(bench: Bench) -> None:
    """The same bytes can be said of another end."""
    await bench.put("reconciling")
    assert await bench.settle("applied")
    told: dict[str, Any] = {"owner": "a", "fence": 2, "answer": ANSWER, "answer_status": 201}
    assert (await bench.store.settle(KEY, verdict="partial", **told)).word == "already"
