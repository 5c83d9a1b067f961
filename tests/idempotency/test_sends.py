"""`dispatch`, `undispatch`, `refuse`, `step`, `resend`: what is sent, and what came of it."""

import pytest

from gateway.idempotency.record import State, Step
from tests.idempotency.bench import KEY, LEASE, SECOND, SENDING, START, Bench, but


async def resent(bench: Bench) -> None:
    """A first send without a verdict, and a second one that the vendor would dedupe."""
    await bench.put("reconciling")
    assert await bench.resend()
    assert await bench.dispatch(fence=2, send=2)


async def test_a_send_is_recorded_before_it_goes_out(bench: Bench) -> None:
    """With its number, its fence, its time, and a lease that outlasts it."""
    await bench.put("claimed")
    await bench.advance(SECOND)
    assert await bench.dispatch()
    record = await bench.record()
    assert (record.state, record.attempts, record.dispatch_fence) == ("dispatched", 1, 1)
    assert (record.unanswered, record.t1, record.td) == (1, START + SECOND, START + SECOND)
    assert record.lease_until == START + SECOND + SENDING


async def test_a_number_is_sent_under_once(bench: Bench) -> None:
    """Neither taken back nor refused can it be used again, nor can one be left out."""
    await bench.put("dispatched")
    await bench.undispatch()
    assert not await bench.dispatch(send=1)
    assert not await bench.dispatch(send=3)
    assert await bench.dispatch(send=2)
    await bench.refuse(send=2)
    assert not await bench.dispatch(send=2)
    assert await bench.dispatch(send=3)


async def test_nothing_is_sent_with_too_little_of_the_lease_left(bench: Bench) -> None:
    """Another would take over while the bytes are on their way."""
    await bench.put("claimed")
    await bench.advance(LEASE - 4 * SECOND)
    assert not await bench.dispatch(min_left=4 * SECOND + 1)
    assert (await bench.record()).attempts == 0
    assert await bench.dispatch(min_left=4 * SECOND)


@pytest.mark.parametrize("state", but("claimed"))
async def test_a_send_needs_a_claim(bench: Bench, state: State | None) -> None:
    """From no other state may anything be sent."""
    await bench.put(state)
    before = await bench.store.get(KEY)
    assert not await bench.dispatch(fence=before.fence if before else 1, send=2)
    assert await bench.store.get(KEY) == before


async def test_who_was_taken_over_sends_nothing_more(bench: Bench) -> None:
    """Paused past its lease, the old holder meets the fence."""
    await bench.put("claimed")
    await bench.advance(LEASE)
    await bench.begin("b")
    assert not await bench.dispatch("a", 1)
    assert not await bench.dispatch("a", 2)
    assert await bench.dispatch("b", 2)


async def test_a_send_of_which_nothing_left_is_taken_back(bench: Bench) -> None:
    """The record is claimed as before, and no send is open."""
    await bench.put("dispatched")
    moved = await bench.undispatch()
    assert (moved.word, moved.state) == ("ok", "claimed")
    assert (await bench.record()).unanswered == 0


async def test_a_resend_taken_back_leaves_the_first_send_open(bench: Bench) -> None:
    """Of the first nobody knows, so it is reconciled."""
    await resent(bench)
    moved = await bench.undispatch(fence=2, send=2)
    assert (moved.word, moved.state) == ("ok", "reconciling")
    record = await bench.record()
    assert (record.unanswered, record.t1) == (1, START)


@pytest.mark.parametrize(("owner", "fence", "send"), [("b", 1, 1), ("a", 2, 1), ("a", 1, 2)])
async def test_nobody_else_takes_a_send_back(
    bench: Bench, owner: str, fence: int, send: int
) -> None:
    """Not another owner, not under another fence, not another send."""
    await bench.put("dispatched")
    before = await bench.record()
    assert (await bench.undispatch(owner, fence, send)).word == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize(("end", "after"), [(False, "claimed"), (True, "not_applied")])
async def test_a_refused_send_was_not_applied(bench: Bench, end: bool, after: State) -> None:
    """It is tried again, or the key is free; the vendor's own key is not used again."""
    await bench.put("dispatched")
    await bench.advance(SECOND)
    moved = await bench.refuse(end=end)
    assert (moved.word, moved.state) == ("ok", after)
    record = await bench.record()
    assert (record.unanswered, record.generation) == (0, 1)
    assert record.te == (START + SECOND if end else 0)


@pytest.mark.parametrize("end", [False, True])
async def test_a_refused_resend_says_nothing_of_the_first_send(bench: Bench, end: bool) -> None:
    """That one may have been applied: the record is reconciled, under the vendor's same key."""
    await resent(bench)
    moved = await bench.refuse(2, send=2, end=end)
    assert (moved.word, moved.state) == ("ok", "reconciling")
    record = await bench.record()
    assert (record.unanswered, record.generation) == (1, 0)


@pytest.mark.parametrize("end", [False, True])
async def test_a_late_no_ends_the_reconciling(bench: Bench, end: bool) -> None:
    """The sender heard from the vendor after all; it has no lease to try again with."""
    await bench.put("dispatched")
    await bench.advance(SENDING)
    await bench.take("b")
    moved = await bench.refuse(end=end)
    assert (moved.word, moved.state) == ("ok", "not_applied")


@pytest.mark.parametrize(("dispatch_fence", "send"), [(2, 1), (1, 2), (0, 0)])
async def test_a_no_to_another_send_changes_nothing(
    bench: Bench, dispatch_fence: int, send: int
) -> None:
    """It is of the fence and the number that it answers."""
    await bench.put("dispatched")
    before = await bench.record()
    assert (await bench.refuse(dispatch_fence, send)).word == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize("state", ["indeterminate", "completed"])
async def test_a_no_comes_too_late_once_it_is_parked_or_over(bench: Bench, state: State) -> None:
    """An operator looks at what is parked."""
    await bench.put(state)
    before = await bench.record()
    assert (await bench.refuse()).word == "fenced"
    assert await bench.record() == before


async def test_a_no_without_a_record_changes_nothing(bench: Bench) -> None:
    """A record that was lost is not made up."""
    assert (await bench.refuse()).word == "fenced"
    assert await bench.store.get(KEY) is None


async def test_a_done_step_is_kept_with_its_reply(bench: Bench) -> None:
    """The next one may be sent, by the same holder under the same lease."""
    await bench.put("dispatched")
    moved = await bench.step()
    assert (moved.word, moved.state, moved.fence) == ("ok", "claimed", 1)
    record = await bench.record()
    assert record.steps == (Step(name="step 0", done=True, reply=b"sealed \xff reply"),)
    assert (record.unanswered, record.lease_until) == (0, START + SENDING)
    assert await bench.dispatch(send=2)
    assert await bench.step(send=2, index=1)
    assert [step.name for step in (await bench.record()).steps] == ["step 0", "step 1"]


async def test_a_late_step_is_kept_and_the_record_waits_to_be_resumed(bench: Bench) -> None:
    """Its sender has no lease any more, and who reconciles has nothing left to find out."""
    await bench.put("dispatched")
    await bench.advance(SENDING)
    await bench.take("b")
    moved = await bench.step("a")
    assert (moved.word, moved.state, bool(moved)) == ("late", "claimed", True)
    begun = await bench.begin("c")
    assert (begun.verdict, begun.fence) == ("new", 3)
    assert begun.record is not None
    assert len(begun.record.steps) == 1


async def test_a_holder_that_reconciles_hears_of_its_step_after_all(bench: Bench) -> None:
    """It goes on under the fence that it has now."""
    await bench.put("reconciling")
    moved = await bench.step("a")
    assert (moved.word, moved.state, moved.fence) == ("ok", "claimed", 2)
    assert (await bench.record()).lease_until == START + LEASE


@pytest.mark.parametrize(("dispatch_fence", "send", "index"), [(2, 1, 0), (1, 2, 0), (1, 1, 1)])
async def test_a_step_of_another_send_or_out_of_order_changes_nothing(
    bench: Bench, dispatch_fence: int, send: int, index: int
) -> None:
    """Steps are done one after another, each by the send that was recorded for it."""
    await bench.put("dispatched")
    before = await bench.record()
    assert (await bench.step("a", dispatch_fence, send, index)).word == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize("state", but("dispatched", "reconciling"))
async def test_only_a_send_makes_a_step(bench: Bench, state: State | None) -> None:
    """Nothing was sent, or it is over."""
    await bench.put(state)
    before = await bench.store.get(KEY)
    assert (await bench.step()).word == "fenced"
    assert await bench.store.get(KEY) == before


async def test_a_refusal_after_a_done_step_leaves_the_key_to_be_resumed(bench: Bench) -> None:
    """What was applied is never forgotten: the record does not say that nothing was."""
    await bench.put("dispatched")
    await bench.step()
    await bench.dispatch(send=2)
    moved = await bench.refuse(send=2, end=True)
    assert (moved.word, moved.state) == ("ok", "claimed")
    begun = await bench.begin("b")
    assert (begun.verdict, begun.attempts) == ("new", 2)
    assert len((await bench.record()).steps) == 1


@pytest.mark.parametrize(("proved", "unanswered"), [(False, 1), (True, 0)])
async def test_a_reconciler_may_send_again(bench: Bench, proved: bool, unanswered: int) -> None:
    """Where the first send is proved absent it is forgotten; else the vendor dedupes the two."""
    await bench.put("reconciling")
    await bench.advance(SECOND)
    moved = await bench.resend(proved=proved)
    assert (moved.word, moved.state, moved.fence) == ("ok", "claimed", 2)
    assert await bench.dispatch(fence=2, send=2)
    record = await bench.record()
    assert record.unanswered == (unanswered or 2)
    assert record.t1 == (START if unanswered else START + SECOND)
    assert record.dispatch_fence == 2
    assert [evidence.kind for evidence in record.evidence] == ["resend"]


@pytest.mark.parametrize(("owner", "fence"), [("b", 2), ("a", 1)])
async def test_nobody_else_sends_again(bench: Bench, owner: str, fence: int) -> None:
    """Who was taken over has no say."""
    await bench.put("reconciling")
    before = await bench.record()
    assert (await bench.resend(owner, fence)).word == "fenced"
    assert await bench.record() == before


@pytest.mark.parametrize("state", but("claimed", "reconciling"))
async def test_only_what_is_reconciled_is_sent_again(bench: Bench, state: State | None) -> None:
    """A claimed record is one whose resend was permitted already."""
    await bench.put(state)
    before = await bench.store.get(KEY)
    assert (await bench.resend(fence=before.fence if before else 1)).word == "fenced"
    assert await bench.store.get(KEY) == before
