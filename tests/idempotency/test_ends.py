"""`complete`, `settle`, `park`, `release`: how an operation ends, and who may say so."""

from typing import Any

import pytest

from gateway.idempotency.record import State
from tests.idempotency.bench import (
    ANSWER,
    KEY,
    OPERATORS_REASON,
    SECOND,
    SENDING,
    START,
    Bench,
    but,
)


@pytest.mark.parametrize("state", ["dispatched", "reconciling", "indeterminate"])
async def test_the_vendors_own_answer_completes_an_unsettled_record(
    bench: Bench, state: State
) -> None:
    """It is fenced by its send, not by the lease: no evidence is better."""
    await bench.put(state)
    await bench.advance(SECOND)
    assert await bench.complete() == "ok"
    record = await bench.record()
    assert (record.state, record.outcome, record.te) == ("completed", "applied", START + SECOND)
    assert (record.answer, record.answer_status) == (ANSWER, 201)
    assert (record.opportunity_id, record.code) == ("acme-one.1", None)
    assert (record.unanswered, record.lease_until) == (0, 0)


async def test_a_late_answer_wins_over_who_took_over(bench: Bench) -> None:
    """The new holder, who only looks, is fenced from then on."""
    await bench.put("dispatched")
    await bench.advance(SENDING)
    await bench.take("b")
    assert await bench.complete("a") == "ok"
    assert (await bench.settle("not_applied", "b")).word == "already"
    assert (await bench.settle("applied", "b")).word == "ok"  # the same answer, byte by byte
    assert (await bench.park("b")).word == "fenced"
    assert (await bench.record()).outcome == "applied"


async def test_a_late_answer_wins_over_a_permitted_resend(bench: Bench) -> None:
    """Before the second send goes out, so that it never does."""
    await bench.put("reconciling")
    await bench.resend(proved=True)
    assert await bench.complete() == "ok"
    assert not await bench.dispatch(fence=2, send=2)


async def test_an_answer_corrects_a_record_that_said_not_applied(bench: Bench) -> None:
    """`late` is what an alarm goes by; the evidence stays."""
    await bench.put("not_applied")
    assert await bench.complete() == "late"
    record = await bench.record()
    assert (record.state, record.outcome) == ("completed", "applied")
    assert [evidence.kind for evidence in record.evidence] == ["late"]
    assert await bench.complete() == "late"


async def test_an_answer_to_a_send_that_was_given_up_is_evidence(bench: Bench) -> None:
    """Another send is under way: there may be two of it, and the record's own answer decides."""
    await bench.put("reconciling")
    await bench.resend(proved=True)
    await bench.dispatch(fence=2, send=2)
    assert await bench.complete(dispatch_fence=1) == "fenced"
    record = await bench.record()
    assert record.state == "dispatched"
    assert [evidence.kind for evidence in record.evidence] == ["resend", "fenced"]
    assert await bench.complete(fence=2, dispatch_fence=2) == "ok"


async def test_a_write_that_sends_nothing_is_completed_by_its_holder(bench: Bench) -> None:
    """A change that maps to nothing has an answer too."""
    await bench.put("claimed")
    assert await bench.complete(dispatch_fence=None) == "ok"


async def test_the_last_step_is_completed_by_its_holder(bench: Bench) -> None:
    """Nothing is left to be sent."""
    await bench.put("dispatched")
    await bench.step()
    assert await bench.complete(dispatch_fence=None) == "ok"


async def test_without_a_send_a_permitted_resend_is_not_completed(bench: Bench) -> None:
    """Its first send has no verdict."""
    await bench.put("reconciling")
    await bench.resend()
    assert await bench.complete(fence=2, dispatch_fence=None) == "fenced"


@pytest.mark.parametrize("state", but(None, "claimed", "completed"))
async def test_only_a_claim_is_completed_without_a_send(bench: Bench, state: State) -> None:
    """The lease alone proves nothing of what was sent."""
    await bench.put(state)
    before = await bench.record()
    assert await bench.complete(fence=before.fence, dispatch_fence=None) == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize(("owner", "fence"), [("b", 1), ("a", 2)])
async def test_only_its_holder_completes_a_claim(bench: Bench, owner: str, fence: int) -> None:
    """Who was taken over has nothing to say."""
    await bench.put("claimed")
    assert await bench.complete(owner, fence, None) == "fenced"
    assert (await bench.record()).state == "claimed"


async def test_a_completed_record_keeps_its_answer(bench: Bench) -> None:
    """Whatever comes later, and from whom: the same answer again is `ok`, another is not kept."""
    await bench.put("completed")
    before = await bench.record()
    await bench.advance(SECOND)
    assert await bench.complete() == "ok"
    assert await bench.complete(answer=b"another") == "already"
    assert await bench.complete("b", 7, None, answer=b"another") == "already"
    assert (await bench.settle("not_applied")).word == "already"
    assert (await bench.settle("partial")).word == "already"
    assert (await bench.settle("not_applied", None, None)).word == "already"
    assert await bench.record() == before


async def test_a_lost_record_is_not_completed(bench: Bench) -> None:
    """It is not made up either: the counters tell that records were lost."""
    assert await bench.complete() == "lost"
    assert (await bench.settle("applied")).word == "lost"
    assert await bench.store.get(KEY) is None


@pytest.mark.parametrize(
    ("state", "owner", "fence"), [("reconciling", "a", 2), ("indeterminate", None, None)]
)
@pytest.mark.parametrize(
    ("verdict", "after", "outcome"),
    [
        ("applied", "completed", "applied"),
        ("partial", "completed", "partial"),
        ("not_applied", "not_applied", None),
        ("step", "claimed", None),
    ],
)
async def test_proof_or_an_operator_settles(
    bench: Bench,
    state: State,
    owner: str | None,
    fence: int | None,
    verdict: str,
    after: State,
    outcome: str | None,
) -> None:
    """Each verdict has its state; who said so and why is kept; no send is open any more."""
    await bench.put(state)
    await bench.advance(SECOND)
    moved = await bench.settle(verdict, owner, fence)
    assert (moved.word, moved.state) == ("ok", after)
    record = await bench.record()
    assert (record.outcome, record.unanswered) == (outcome, 0)
    assert (record.resolved_by, record.reason) == (
        (None, None) if owner else ("ada", OPERATORS_REASON)
    )
    assert record.te == (0 if verdict == "step" else START + SECOND)
    assert [step.name for step in record.steps] == (["step 0"] if verdict == "step" else [])
    assert record.evidence[-1][1:] == ("settled", verdict)


async def test_after_a_proved_step_the_next_is_sent_by_who_proved_it(bench: Bench) -> None:
    """It has the lease."""
    await bench.put("reconciling")
    await bench.settle("step")
    assert await bench.dispatch(fence=2, send=2)


async def test_after_an_operators_step_anybody_resumes(bench: Bench) -> None:
    """An operator has no lease."""
    await bench.put("indeterminate")
    await bench.settle("step", None, None)
    assert (await bench.begin("c")).verdict == "new"


async def test_not_applied_after_a_done_step_leaves_the_key_to_be_resumed(bench: Bench) -> None:
    """The second write is proved absent; the first was applied."""
    await bench.put("dispatched")
    await bench.step()
    await bench.dispatch(send=2)
    await bench.take("a")
    moved = await bench.settle("not_applied")
    assert (moved.word, moved.state) == ("ok", "claimed")
    assert (await bench.begin("c")).verdict == "new"


@pytest.mark.parametrize("verdict", ["applied", "partial", "not_applied", "step"])
@pytest.mark.parametrize(("owner", "fence"), [("b", 2), ("a", 1), (None, None)])
async def test_nobody_else_settles_what_is_reconciled(
    bench: Bench, verdict: str, owner: str | None, fence: int | None
) -> None:
    """Not who was taken over, and no operator while the gateway still looks."""
    await bench.put("reconciling")
    before = await bench.record()
    assert (await bench.settle(verdict, owner, fence)).word == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize("state", but(None, "reconciling", "completed"))
@pytest.mark.parametrize("verdict", ["applied", "not_applied"])
async def test_only_what_is_reconciled_is_settled_by_its_holder(
    bench: Bench, state: State, verdict: str
) -> None:
    """Also what is parked: that is an operator's."""
    await bench.put(state)
    before = await bench.record()
    assert (await bench.settle(verdict, "a", before.fence)).word == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize("state", but(None, "indeterminate", "completed"))
@pytest.mark.parametrize("verdict", ["applied", "not_applied", "step"])
async def test_only_what_is_parked_is_settled_by_an_operator(
    bench: Bench, state: State, verdict: str
) -> None:
    """Everything else is on its way, or over."""
    await bench.put(state)
    before = await bench.record()
    assert (await bench.settle(verdict, None, None)).word == "fenced"
    assert await bench.record() == before


async def test_a_step_is_not_settled_out_of_order(bench: Bench) -> None:
    """The second cannot be done before the first."""
    await bench.put("reconciling")
    before = await bench.record()
    told: dict[str, Any] = {"verdict": "step", "index": 1, "name": "step 1", "reply": b""}
    assert not await bench.store.settle(KEY, owner="a", fence=2, **told)
    assert await bench.record() == before


async def test_without_proof_it_is_parked(bench: Bench) -> None:
    """With the reason, and with its send still open."""
    await bench.put("reconciling")
    assert await bench.park()
    record = await bench.record()
    assert (record.state, record.unanswered, record.lease_until) == ("indeterminate", 1, 0)
    assert record.evidence[-1][1:] == ("parked", "nothing was found")


@pytest.mark.parametrize("state", but("reconciling", "indeterminate"))
async def test_only_what_is_reconciled_is_parked(bench: Bench, state: State | None) -> None:
    """Nothing else is without proof."""
    await bench.put(state)
    before = await bench.store.get(KEY)
    assert (await bench.park(fence=before.fence if before else 1)).word == "fenced"
    assert await bench.store.get(KEY) == before


@pytest.mark.parametrize(("owner", "fence"), [("b", 2), ("a", 1)])
async def test_nobody_else_parks(bench: Bench, owner: str, fence: int) -> None:
    """Who was taken over may have seen less."""
    await bench.put("reconciling")
    assert (await bench.park(owner, fence)).word == "fenced"
    assert (await bench.record()).state == "reconciling"


async def test_a_key_under_which_nothing_was_sent_is_as_if_never_seen(bench: Bench) -> None:
    """Also another request may use it: the caller mends its body and comes again."""
    await bench.put("claimed")
    moved = await bench.release()
    assert (moved.word, moved.state) == ("ok", None)
    assert await bench.store.get(KEY) is None
    assert (await bench.begin("b")).fence == 1


async def test_a_record_that_ever_sent_is_released_as_not_applied(bench: Bench) -> None:
    """Refused or taken back, its key stays bound to its request."""
    await bench.put("dispatched")
    await bench.refuse()
    moved = await bench.release()
    assert (moved.word, moved.state) == ("ok", "not_applied")
    assert (await bench.record()).te == START


async def test_a_permitted_resend_is_released_to_be_reconciled(bench: Bench) -> None:
    """By the next one, at once: its first send has no verdict."""
    await bench.put("reconciling")
    await bench.resend()
    moved = await bench.release(fence=2)
    assert (moved.word, moved.state) == ("ok", "reconciling")
    assert (await bench.take("b")).verdict == "reconcile"


async def test_a_done_step_is_released_to_be_resumed(bench: Bench) -> None:
    """By the next one, at once."""
    await bench.put("dispatched")
    await bench.step()
    moved = await bench.release()
    assert (moved.word, moved.state) == ("ok", "claimed")
    begun = await bench.begin("b")
    assert (begun.verdict, begun.fence) == ("new", 2)
    assert len((await bench.record()).steps) == 1


@pytest.mark.parametrize("state", but(None, "claimed", "not_applied"))
async def test_only_a_claim_is_released(bench: Bench, state: State) -> None:
    """What was sent is never deleted, least of all by a `finally`."""
    await bench.put(state)
    before = await bench.record()
    assert (await bench.release(fence=before.fence)).word == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize(("owner", "fence"), [("b", 1), ("a", 2)])
async def test_nobody_else_releases(bench: Bench, owner: str, fence: int) -> None:
    """A waiter that gave up does not free what another holds."""
    await bench.put("claimed")
    before = await bench.record()
    assert (await bench.release(owner, fence)).word == "fenced"
    assert await bench.record() == before
