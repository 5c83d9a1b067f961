"""The protocol among holders that die, pause and lose replies, with a vendor that may be late.

After every step the store is compared with what is true, by the invariants of reliability.md 4.2.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any, TypeVar, cast

import pytest
from hypothesis import Phase as Stage
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.idempotency.record import OPEN, UNSETTLED, Record
from gateway.idempotency.replies import Begun, Moved
from tests.idempotency.bench import (
    ANOTHER,
    DAY,
    HARD_LIMIT,
    KEEP,
    LEASE,
    SECOND,
    SENDING,
    Bench,
    MemoryBench,
    RedisBench,
)
from tests.idempotency.world import FROZEN, HORIZON, QUIET, Holder, Phase, Seen, Send, operations

EXAMPLES = int(os.environ.get("GATEWAY_STATE_EXAMPLES", "60"))
"""How many histories are tried; a soak tries thousands."""
KEYS = list(operations())

T = TypeVar("T")
Told = dict[str, Any]
"""Arguments of a call."""


class World(RuleBasedStateMachine):
    """Three keys, any number of replicas, one store."""

    def __init__(self, bench: Callable[[], Awaitable[Bench]]) -> None:
        super().__init__()
        self._loop = asyncio.Runner()
        self._bench = self._run(bench())
        self._names = (f"owner {number}" for number in count(1))
        self._holders: list[Holder] = []
        self._model = operations()

    @rule(key=st.sampled_from(KEYS), lost=st.booleans())
    def request(self, key: str, *, lost: bool) -> None:
        """A caller sends the request, for the first time or again."""
        self._hold(key, partial(self._bench.begin, key=key), lost=lost)

    @precondition(lambda self: self._holders)
    @rule(data=st.data(), times=st.integers(1, 6))
    def go_on(self, data: st.DataObject, times: int) -> None:
        """A holder does what comes next for it, and next, for as long as it holds the key."""
        holder = data.draw(st.sampled_from(self._holders))
        for _ in range(times):
            if holder in self._holders:
                self._next(holder, data)

    @precondition(lambda self: self._holders)
    @rule(data=st.data(), lost=st.booleans())
    def turn_aside(self, data: st.DataObject, *, lost: bool) -> None:
        """A holder beats, dies, gives up, takes a send back, or hears no answer."""
        holder = data.draw(st.sampled_from(self._holders))
        asides: dict[Phase, list[Callable[..., None]]] = {
            "claimed": [self._release, self._complete_unsent],
            "sending": [self._undispatch],
            "answered": [self._no_verdict],
        }
        aside = data.draw(st.sampled_from([self._beat, self._die, *asides.get(holder.phase, [])]))
        aside(holder, lost=lost)

    @rule(key=st.sampled_from(KEYS), what=st.sampled_from(["sweeper", "stranger", "operator"]))
    def meanwhile(self, key: str, what: str) -> None:
        """Others come by: who looks for work, who has another request, who settles by hand."""
        record = self._record(key)
        if what == "sweeper":
            self._hold(key, partial(self._bench.take, key=key), lost=False)
        elif what == "stranger" and record:
            self._mismatch(record)
        elif record and record.state == "indeterminate":
            self._resolve(record)

    @precondition(lambda self: any(operation.on_its_way for operation in self._model.values()))
    @rule(data=st.data())
    def apply_late(self, data: st.DataObject) -> None:
        """The vendor worked on after everybody had given up."""
        waiting = [send for each in self._model.values() for send in each.on_its_way]
        send = data.draw(st.sampled_from(waiting))
        self._model[send.key].on_its_way.remove(send)
        self._model[send.key].apply(send)

    @rule(ms=st.sampled_from([SECOND, LEASE, SENDING, QUIET]), days=st.integers(0, 60))
    def wait(self, ms: int, days: int) -> None:
        """Time goes by, and nobody sweeps; now and then for days, and everybody does."""
        if days % 20:
            self._wait(ms)
        else:
            self._sweep()
            self._wait(days * DAY // 20 + ms)

    @invariant()
    def at_most_one_effect(self) -> None:
        """I1: for every key and step."""
        for operation in self._model.values():
            assert all(times <= 1 for times in operation.effects.values())

    @invariant()
    def no_lost_effect(self) -> None:
        """I5: what was applied reads as unsettled or completed, never as absent or not applied."""
        for key, operation in self._model.items():
            if operation.outcome != "not_applied":
                record = self._record(key)
                assert record is not None
                assert record.state != "not_applied"

    @invariant()
    def true_and_final_answers(self) -> None:
        """I2, I3, I4: the final answer says what was applied, and is never another."""
        for key, operation in self._model.items():
            record = self._record(key)
            if record and record.state == "completed":
                assert record.outcome == operation.outcome
                final = (record.answer, record.answer_status, record.outcome)
                operation.final = operation.final or final
                assert final == operation.final

    @invariant()
    def nothing_for_ever_and_nothing_cut_short(self) -> None:
        """I8: every record has a TTL, an unsettled one of more than a day; the indexes agree."""
        records = [record for key in KEYS if (record := self._record(key))]
        for record in records:
            assert self._run(self._bench.ttl(record.hex32)) > (
                DAY if record.state in UNSETTLED else 0
            )
        working, ended = self._run(self._bench.indexed())
        assert working == {record.hex32 for record in records if record.state in OPEN}
        assert ended >= {record.hex32 for record in records if record.state not in OPEN}

    def teardown(self) -> None:
        """I6: left alone with a sweeper, nothing stays open."""
        try:
            self._sweep()
            assert self._run(self._bench.indexed())[0] == set()
            self.no_lost_effect()
            self.true_and_final_answers()
        finally:
            self._run(self._bench.store.close())
            self._loop.close()

    def _next(self, holder: Holder, data: st.DataObject) -> None:
        lost, either = data.draw(st.booleans()), data.draw(st.booleans())
        match holder.phase:
            case "claimed":
                self._dispatch(holder, lost=lost)
            case "sending":
                self._emit(holder, data.draw(st.sampled_from(["yes", "no", "lost", "late"])))
            case "answered":
                self._reply(holder, lost=lost, end=either)
            case "silent":
                self._no_verdict(holder, lost=lost)
            case "reconciling" if holder.seen:
                self._reconcile(holder, holder.seen, lost=lost, again=either)
            case "reconciling":
                self._read(holder)

    def _dispatch(self, holder: Holder, *, lost: bool) -> None:
        record = self._record(holder.key)
        if record is None or len(record.steps) == self._model[holder.key].steps:
            self._complete_unsent(holder, lost=lost)
            return
        number = record.attempts + 1
        gate = partial(
            self._bench.dispatch,
            holder.owner,
            holder.fence,
            number,
            key=holder.key,
            min_left=SECOND,
        )
        if not self._called(gate, lost=lost):
            self._holders.remove(holder)
            return
        holder.phase = "sending"
        holder.send = Send(
            key=holder.key,
            step=len(record.steps),
            number=number,
            fence=holder.fence,
            generation=record.generation,
            until=self._bench.clock.ms + FROZEN,
        )

    def _undispatch(self, holder: Holder, *, lost: bool) -> None:
        undispatch, send = self._bench.store.undispatch, holder.sent
        held: Told = {"owner": holder.owner, "fence": holder.fence, "send": send.number}
        self._goes_on(holder, self._called(partial(undispatch, holder.key, **held), lost=lost))

    def _emit(self, holder: Holder, fate: str) -> None:
        """The bytes leave, if they still can; the vendor applies, refuses, loses or delays them."""
        send, operation = holder.sent, self._model[holder.key]
        if self._bench.clock.ms >= send.until:
            self._holders.remove(holder)
            return
        if fate == "yes":
            operation.apply(send)
        elif fate == "late":
            operation.on_its_way.append(send)
        holder.applied = fate == "yes"
        holder.phase = "answered" if fate in {"yes", "no"} else "silent"

    def _reply(self, holder: Holder, *, lost: bool, end: bool) -> None:
        """The vendor's answer is noted, perhaps long after the lease."""
        store, send = self._bench.store, holder.sent
        under: Told = {"dispatch_fence": send.fence, "send": send.number}
        if not holder.applied:
            refuse = partial(store.refuse, holder.key, **under, end=end)
            self._goes_on(holder, self._called(refuse, lost=lost))
        elif send.step < self._model[holder.key].steps - 1:
            done: Told = {"index": send.step, "name": f"step {send.step}", "reply": b"reply"}
            step = partial(store.step, holder.key, owner=holder.owner, **under, **done)
            self._goes_on(holder, self._called(step, lost=lost))
        else:
            assert self._complete(holder, send.fence, lost=lost) in {"ok", "already"}

    def _no_verdict(self, holder: Holder, *, lost: bool) -> None:
        """The holder takes its own send, to find out."""
        self._holders.remove(holder)
        take = partial(self._bench.take, key=holder.key)
        self._hold(holder.key, take, lost=lost, owner=holder.owner)

    def _read(self, holder: Holder) -> None:
        """The holder reads at the vendor; by the time it acts that may be stale."""
        record = self._record(holder.key)
        if record:
            holder.seen = self._model[holder.key].seen_at(self._bench.clock.ms, record)
        else:
            self._holders.remove(holder)

    def _reconcile(self, holder: Holder, seen: Seen, *, lost: bool, again: bool) -> None:
        """The holder settles, parks or sends again (reliability.md 2.6)."""
        store, holder.seen = self._bench.store, None
        held: Told = {"owner": holder.owner, "fence": holder.fence}
        call: Callable[[], Awaitable[Moved]]
        absent = seen.verdict == "not_applied"
        if absent and again and (seen.quiet or self._model[holder.key].dedupes):
            call = partial(store.resend, holder.key, **held, proved_absent=seen.quiet)
        elif absent and not seen.quiet:
            call = partial(store.park, holder.key, **held, why="no proof")
        else:
            call = partial(store.settle, holder.key, **held, verdict=seen.verdict, **seen.told)
        self._goes_on(holder, self._called(call, lost=lost))

    def _complete_unsent(self, holder: Holder, *, lost: bool) -> None:
        """Nothing was, or is left, to be sent."""
        self._complete(holder, None, lost=lost)

    def _complete(self, holder: Holder, sent_under: int | None, *, lost: bool) -> str:
        record = self._record(holder.key)
        done = len(record.steps) if record else 0
        steps = self._model[holder.key].steps
        outcome = "applied" if sent_under or done == steps else "partial" if done else "not_applied"
        answer = f"{outcome}, says {holder.owner}".encode()
        told: Told = {"answer": answer, "answer_status": 200, "outcome": outcome}
        held: Told = {"owner": holder.owner, "fence": holder.fence, "dispatch_fence": sent_under}
        complete = partial(self._bench.store.complete, holder.key, **held, **told)
        self._holders.remove(holder)
        last: Told = {"opportunity_id": None, "code": None, "keep_ms": KEEP}
        return self._called(partial(complete, **last), lost=lost)

    def _release(self, holder: Holder, *, lost: bool) -> None:
        held: Told = {"owner": holder.owner, "fence": holder.fence}
        release = partial(self._bench.store.release, holder.key, **held)
        moved = self._called(release, lost=lost)
        if moved and moved.state is None:
            self._forgotten(holder.key)
        self._holders.remove(holder)

    def _beat(self, holder: Holder, *, lost: bool) -> None:
        held: Told = {"owner": holder.owner, "fence": holder.fence}
        lease: Told = {"lease_ms": LEASE, "hard_limit_ms": HARD_LIMIT}
        beat = partial(self._bench.store.heartbeat, holder.key, **(held | lease))
        self._called(beat, lost=lost)

    def _die(self, holder: Holder, *, lost: bool) -> None:
        """What it recorded stays; what it sent may still be applied."""
        self._holders.remove(holder)

    def _mismatch(self, record: Record) -> None:
        """I7: another request under a known key changes nothing."""
        begin = partial(self._bench.begin, "stranger", fingerprint=ANOTHER)
        begun = self._run(begin(key=record.hex32))
        assert (begun.verdict, begun.record) == ("mismatch", None)
        assert self._record(record.hex32) == record

    def _resolve(self, record: Record) -> None:
        """A person looks at the vendor's own pages, long after."""
        seen = self._model[record.hex32].seen_at(self._bench.clock.ms, record)
        who: Told = {"owner": None, "fence": None, "by": "ada", "reason": "seen"}
        settle = partial(self._bench.store.settle, record.hex32, verdict=seen.verdict)
        if seen.quiet:
            assert self._called(partial(settle, **who, **seen.told), lost=True)

    def _hold(
        self,
        key: str,
        call: Callable[[str], Awaitable[Begun]],
        *,
        lost: bool,
        owner: str | None = None,
    ) -> Holder | None:
        """Somebody new, or a holder without a verdict, asks for a key."""
        owner = owner or next(self._names)
        begun = self._run(call(owner))
        got = begun.verdict in {"new", "reconcile"}
        if got and lost:
            again = self._run(call(owner))
            assert (again.verdict, again.state, again.fence) == ("mine", begun.state, begun.fence)
            assert again.record == begun.record
        if begun.verdict == "new":
            assert begun.record is not None
            assert begun.record.unanswered == 0
        if not got and begun.verdict != "mine":
            return None
        phase: Phase = "reconciling" if begun.state == "reconciling" else "claimed"
        holder = Holder(key, owner, begun.fence, phase)
        self._holders.append(holder)
        return holder

    def _goes_on(self, holder: Holder, moved: Moved) -> None:
        """A holder that still has the record goes on from the state that it is in."""
        record = self._record(holder.key)
        held = record is not None and (record.owner, record.fence) == (holder.owner, moved.fence)
        if moved.word == "ok" and held and moved.state in {"claimed", "reconciling"}:
            holder.phase, holder.fence = cast(Phase, moved.state), moved.fence
        else:
            self._holders.remove(holder)

    def _wait(self, ms: int) -> None:
        before = [record for key in KEYS if (record := self._record(key))]
        self._run(self._bench.advance(ms))
        for record in before:
            if self._record(record.hex32) is None:
                operation = self._model[record.hex32]
                assert record.state == "completed" or operation.outcome == "not_applied"
                self._model[record.hex32] = operation.anew()
        for operation in self._model.values():
            now = self._bench.clock.ms
            operation.on_its_way = [send for send in operation.on_its_way if send.until > now]
        self._holders = [holder for holder in self._holders if self._record(holder.key)]

    def _forgotten(self, key: str) -> None:
        """A key under which nothing was sent is as if never seen."""
        assert not self._model[key].effects
        assert not self._model[key].on_its_way
        self._model[key] = self._model[key].anew()

    def _sweep(self) -> None:
        """Within lease, horizon and two sweeps everything that was left is ended."""
        self._holders.clear()
        self._wait(HARD_LIMIT + HORIZON)
        for _ in range(2):
            for key in self._run(self._bench.store.due(10)):
                holder = self._hold(key, partial(self._bench.take, key=key), lost=False)
                assert holder is not None
                self._swept(holder)
        for key in KEYS:
            self._run(self._bench.store.touch(key))

    def _swept(self, holder: Holder) -> None:
        """An open send is reconciled; then a claim is released, or ended if a step is done."""
        if holder.phase == "reconciling":
            self._read(holder)
            assert holder.seen
            self._reconcile(holder, holder.seen, lost=False, again=False)
        record = self._record(holder.key)
        if record and record.state == "claimed":
            holder = Holder(holder.key, record.owner, record.fence, "claimed")
            self._holders.append(holder)
            end = self._complete_unsent if record.steps else self._release
            end(holder, lost=False)
        self._holders.clear()

    def _record(self, key: str) -> Record | None:
        return self._run(self._bench.store.get(key))

    def _called(self, call: Callable[[], Awaitable[T]], *, lost: bool) -> T:
        """Makes a call, and where its reply was lost again: the answer must be the same."""
        answer = self._run(call())
        if lost:
            assert self._run(call()) == answer
        return answer

    def _run(self, call: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await call

        return self._loop.run(awaited())


async def _memory() -> Bench:
    return MemoryBench.new()


@pytest.mark.timeout(1800)  # a failing history takes long to be made short
@pytest.mark.parametrize("kind", ["redis", "memory"])
def test_whatever_happens_the_invariants_hold(kind: str, request: pytest.FixtureRequest) -> None:
    """At most one effect, none lost, none made up, one answer, and nothing open for ever."""
    bench: Callable[[], Awaitable[Bench]] = _memory
    if kind == "redis":
        bench = partial(RedisBench.at, request.getfixturevalue("redis_url"))
    world = cast(type[World], partial(World, bench))
    run_state_machine_as_test(
        world,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=50,
            phases=[Stage.explicit, Stage.reuse, Stage.generate, Stage.shrink],
        ),
    )
