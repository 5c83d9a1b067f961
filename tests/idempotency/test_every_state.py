"""Every state that can be reached, and every call in it: small numbers, and nothing left out.

This walks the transitions in Python; `test_twins.py` holds the Lua scripts to them.
"""

import copy
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import pytest

from gateway.idempotency.record import State, Value
from gateway.idempotency.transitions import SCRIPTS, Turn
from tests.idempotency.bench import ANOTHER, FINGERPRINT, START
from tests.idempotency.edges import EDGES, Edge

OWNERS = ("a", "b")
FENCES = range(1, 4)
SENDS = range(1, 3)
STEPS = range(1, 3)
LEASE = 10
KEEP = 1000

Fields = dict[str, Value]
Frozen = frozenset[tuple[str, Value]]


class Call(NamedTuple):
    """A script with its arguments, as a store runs it."""

    script: str
    owner: str
    fence: int
    args: tuple[Any, ...]

    def run(self, fields: Fields) -> tuple[str, Fields]:
        """What it answers, and the fields after it."""
        turn = Turn(copy.copy(fields), START + KEEP, START, self.owner, self.fence)
        word = SCRIPTS[self.script](turn, *self.args)
        return word, turn.fields


FINAL = (b"answer", 201, "applied", "", "")
PARTIAL = (b"answer", 201, "partial", "", "")


def asking(owner: str) -> Iterator[Call]:
    """What anybody may do, with an owner of its own."""
    for fingerprint in (FINGERPRINT, ANOTHER):
        yield Call("begin", owner, 0, (LEASE, KEEP, [fingerprint], {}))
    yield Call("take", owner, 0, (LEASE,))


def holding(owner: str, fence: int) -> Iterator[Call]:
    """What a holder does, or somebody who thinks to be it."""
    for send in SENDS:
        yield Call("dispatch", owner, fence, (send, 0, LEASE))
        yield Call("undispatch", owner, fence, (send,))
        yield from (Call("step", owner, fence, (send, index, "step", "")) for index in STEPS)
    yield from (Call("resend", owner, fence, (proved,)) for proved in (0, 1))
    yield from settling(owner, fence, FINAL, "", "")
    yield Call("park", owner, fence, ("why",))
    for sent_under in (0, *FENCES):
        yield Call("complete", owner, fence, (sent_under, KEEP, *FINAL))
    yield Call("release", owner, fence, ())
    yield Call("heartbeat", owner, fence, (LEASE, 1000))
    yield Call("facts", owner, fence, ({"marker": "m"},))


def settling(owner: str, fence: int, final: tuple[Any, ...], *told: str) -> Iterator[Call]:
    """Every verdict."""
    yield Call("settle", owner, fence, ("not_applied", *told, b"", 0, "", "", ""))
    yield Call("settle", owner, fence, (final[2], *told, *final))
    yield from (Call("settle", owner, fence, ("step", *told, i, "step", "")) for i in STEPS)


def calls() -> Iterator[Call]:
    """Every call that somebody could make."""
    for owner in OWNERS:
        yield from asking(owner)
    for owner, fence in product(OWNERS, FENCES):
        yield from holding(owner, fence)
    for fence, send, end in product(FENCES, SENDS, (0, 1)):
        yield Call("refuse", "", fence, (send, end))
    yield from settling("", 0, PARTIAL, "ada", "seen")
    yield Call("touch", "", 0, ())
    yield Call("compact", "", 0, (0,))
    yield Call("note", "", 0, ("kind", "detail"))


CALLS = tuple(calls())


def frozen(fields: Fields) -> Frozen:
    """The fields that decide anything later; evidence does not, nor does how often it was said."""
    return frozenset(
        (name, value) for name, value in fields.items() if name not in {"ev", "marker"}
    )


def expired(fields: Fields) -> Fields:
    """The same past its lease."""
    return {**fields, "lu": min(int(fields["lu"]), START)} if fields else fields


def within(fields: Fields) -> bool:
    """Whether its numbers are among those that the calls use."""
    return int(fields.get("f", 0)) <= FENCES[-1] and int(fields.get("at", 0)) <= SENDS[-1]


class Move(NamedTuple):
    """One call in one state."""

    before: Fields
    call: Call
    word: str
    after: Fields

    @property
    def edge(self) -> Edge:
        """Which edge it would be."""
        return self.call.script, state_of(self.before), state_of(self.after)

    @property
    def moved(self) -> bool:
        """Whether it is an edge at all: another state, another holder, or bodies dropped."""
        said = {"own", "f", "un", "st", "steps", "resp"}
        return any(self.before.get(name) != self.after.get(name) for name in said)


def state_of(fields: Fields) -> State | None:
    """The state, None for no record."""
    found: Any = fields.get("st")
    return found  # type: ignore[no-any-return]


@cache
def moves() -> tuple[Move, ...]:
    """Every call in every state that can be reached."""
    seen: set[Frozen] = {frozen({})}
    waiting: list[Fields] = [{}]
    found = []
    while waiting:
        before = waiting.pop()
        afters = [expired(before)]
        for call in CALLS:
            word, after = call.run(before)
            found.append(Move(before, call, word, after))
            afters.append(after)
        for after in afters:
            if within(after) and frozen(after) not in seen:
                seen.add(frozen(after))
                waiting.append(after)
    return tuple(found)


def broken(law: Any) -> list[str]:
    """The moves that do not keep a law, a few of them."""
    found = [str(move) for move in moves() if not law(move)]
    return found[:3]


def test_the_edges_are_those_of_the_table_and_no_other() -> None:
    """Each is taken somewhere, and nothing else ever happens to a record."""
    walked = {move.edge for move in moves() if move.moved}
    assert walked - EDGES == set()
    assert EDGES - walked == set()


def test_a_refused_call_changes_nothing_but_evidence() -> None:
    """Fenced, lost, a mismatch, or told how it stands: the record stays as it is."""
    told = {
        "fenced", "lost", "already", "mismatch", "unreadable", "in_flight", "mine", "replay",
        "gone",
    }  # fmt: skip
    assert broken(lambda m: m.word not in told or frozen(m.before) == frozen(m.after)) == []


def test_a_mismatch_does_not_even_leave_evidence() -> None:
    """I7: whoever guesses at keys leaves no trace in another request's record."""
    assert broken(lambda m: m.word != "mismatch" or m.before == m.after) == []


def test_a_repeat_changes_nothing_more_and_answers_alike() -> None:
    """A claim is then answered `mine`, in the state that it made."""

    def law(move: Move) -> bool:
        word, again = move.call.run(move.after)
        claimed = move.word in {"new", "reconcile"} and word == "mine"
        return again == move.after and (word == move.word or claimed)

    assert broken(law) == []


def test_a_fence_never_goes_back() -> None:
    """Nor does the number of sends; only a key under which nothing was sent is forgotten."""

    def law(move: Move) -> bool:
        if not move.after:
            return not int(move.before.get("at", 0))
        return all(int(move.before.get(n, 0)) <= int(move.after.get(n, 0)) for n in ("f", "at"))

    assert broken(law) == []


def test_what_is_completed_stays_completed() -> None:
    """With the answer that it has: I2."""

    def law(move: Move) -> bool:
        if state_of(move.before) != "completed":
            return True
        same = move.before.get("resp") == move.after.get("resp")
        dropped = move.call.script == "compact" and "resp" not in move.after
        return state_of(move.after) == "completed" and (same or dropped)

    assert broken(law) == []


def test_a_done_step_is_kept_until_the_end() -> None:
    """It never goes, and while it is there the record never says that nothing was applied."""

    def law(move: Move) -> bool:
        before, after = str(move.before.get("steps", "")), str(move.after.get("steps", ""))
        kept = after.startswith(before.removesuffix("]")) or move.call.script == "compact"
        return kept and not (after and state_of(move.after) == "not_applied")

    assert broken(law) == []


def test_an_open_send_is_closed_by_a_verdict_alone() -> None:
    """No lease that ends, and nobody who takes over, makes an unanswered send forgotten."""
    verdicts = {"undispatch", "refuse", "step", "settle", "complete"}

    def law(move: Move) -> bool:
        before, after = int(move.before.get("un", 0)), int(move.after.get("un", 0))
        proved = move.call.script == "resend" and move.call.args == (1,)
        return not before or after == before or move.call.script in verdicts or proved

    assert broken(law) == []


def test_a_send_goes_out_only_from_a_claim_of_its_own() -> None:
    """G1: under a number that was never used."""

    def law(move: Move) -> bool:
        at = int(move.before.get("at", 0))
        if int(move.after.get("at", 0)) == at:
            return True
        held = (move.before.get("own"), move.before.get("f")) == (move.call.owner, move.call.fence)
        return move.call.script == "dispatch" and held and state_of(move.before) == "claimed"

    assert broken(law) == []


@pytest.mark.parametrize("state", ["completed", "not_applied"])
def test_what_is_over_has_no_open_send(state: State) -> None:
    """Nor a lease that anybody could wait for."""
    over = [move.after for move in moves() if state_of(move.after) == state]
    assert over
    assert {(fields["un"], fields["lu"]) for fields in over} == {(0, 0)}


def test_the_walk_is_not_a_stroll() -> None:
    """Every state and every script is met, each often enough to say something."""
    assert {state_of(move.before) for move in moves()} == {None, *(edge[2] for edge in EDGES)}
    assert {move.call.script for move in moves() if move.word == "ok" or move.moved} == set(SCRIPTS)
    assert len(moves()) > 10_000
