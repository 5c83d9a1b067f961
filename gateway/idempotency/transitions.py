"""The scripts once more, over a dict: what `scripts/*.lua` say, for the store in memory.

Function by function and name by name as there, where the reasons stand; a test runs both side by
side and finds any difference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from gateway.canonical import json_text
from gateway.idempotency.record import OPEN, OPEN_KEEP_MS, UNSETTLED, Fingerprint, State, Value

Steps = list[dict[str, str]]

ROOM: Final = 8192


@dataclass(slots=True)
class Turn:
    """One script's run over one record: the preamble."""

    fields: dict[str, Value]
    """Empty where there is no record."""
    ends: int
    """When the record ends by itself."""
    now: int
    owner: str
    fence: int
    steps: Steps = field(init=False)

    def __post_init__(self) -> None:
        steps = self.text("steps")
        self.steps = json_text.read(steps) if steps else []

    def number(self, name: str) -> int:
        """A field that is a number, 0 where it is missing."""
        return int(self.fields.get(name, 0))

    def text(self, name: str) -> str | None:
        """A field that is a text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    @property
    def state(self) -> State | None:
        """The record's, None where there is none."""
        return cast("State | None", self.text("st"))

    @property
    def mine(self) -> bool:
        return self.text("own") == self.owner and self.number("f") == self.fence

    def enter(self, state: State, **changes: Value) -> None:
        self.fields |= changes | {"st": state}
        if state not in OPEN:
            self.fields["lu"] = 0
        keep = self.number("keep")
        if state in UNSETTLED:
            self.ends = self.now + max(OPEN_KEEP_MS, keep)
        elif state != "claimed" or self.ends - self.now < keep:
            self.ends = self.now + keep

    def seize(self, state: State, lease: int) -> None:
        self.enter(
            state,
            own=self.owner,
            f=self.number("f") + 1,
            lu=self.now + lease,
            tf=self.now,
            te=0,
        )

    def take_over(self, lease: int) -> str:
        if self.state == "claimed" and not self.number("un"):
            self.seize("claimed", lease)
            return "new"
        self.seize("reconciling", lease)
        return "reconcile"

    def unapplied(self) -> None:
        if self.steps:
            self.enter("claimed", un=0, lu=self.now)
        else:
            self.enter("not_applied", un=0, te=self.now)

    def conclude(self, *final: Value) -> None:
        names = ("resp", "status", "outcome", "oid", "code")
        given = {
            name: value for name, value in zip(names, final, strict=True) if value not in {"", b""}
        }
        self.enter("completed", un=0, te=self.now, **given)

    def with_step(self, name: str, reply: str) -> str:
        self.steps.append({"name": name, "st": "done", "reply": reply})
        return json_text.write(self.steps).decode()

    def witness(self, kind: str, detail: str) -> None:
        what = json_text.write([kind, detail]).decode()[1:] + "\n"
        seen = self.text("ev") or ""
        if seen.endswith(f",{what}"):
            return
        seen += f"[{self.now},{what}"
        while len(seen.encode()) > ROOM:
            seen = seen.partition("\n")[2]
        self.fields["ev"] = seen


_OVER: Final[Mapping[State | None, str]] = {
    "completed": "replay",
    "indeterminate": "indeterminate",
}


def _begin(
    turn: Turn,
    lease: int,
    keep: int,
    fingerprints: Sequence[Fingerprint],
    facts: Mapping[str, Value],
) -> str:
    def claim() -> str:
        turn.fields |= {**facts, "keep": keep}
        turn.seize("claimed", lease)
        return "new"

    if turn.state is None:
        first = fingerprints[0]
        turn.fields |= {"v": 1, "t0": turn.now, "fpv": first.pair, "fp": first.digest.hex()}
        return claim()
    known = {each.pair: each.digest.hex() for each in fingerprints}
    if known.get(turn.text("fpv") or "") != turn.text("fp"):
        return "mismatch" if turn.text("fpv") in known else "unreadable"
    if turn.state in _OVER:
        return _OVER[turn.state]
    if turn.text("own") == turn.owner:
        return "mine"
    if turn.state == "not_applied":
        return claim()
    return "in_flight" if turn.number("lu") > turn.now else turn.take_over(lease)


def _take(turn: Turn, lease: int) -> str:
    if turn.state in {None, "not_applied"}:
        return "gone"
    if turn.state in _OVER:
        return _OVER[turn.state]
    own = turn.text("own") == turn.owner
    if own and turn.state != "dispatched":
        return "mine"
    return "in_flight" if not own and turn.number("lu") > turn.now else turn.take_over(lease)


def _dispatch(turn: Turn, send: int, min_left: int, lease: int) -> str:
    if turn.mine and turn.state == "dispatched" and turn.number("at") == send:
        return "ok"
    left = turn.number("lu") - turn.now
    if not (
        turn.mine and turn.state == "claimed" and send == turn.number("at") + 1 and left >= min_left
    ):
        return "fenced"
    first = {} if turn.number("un") else {"un": send, "t1": turn.now}
    turn.enter("dispatched", at=send, df=turn.fence, td=turn.now, lu=turn.now + lease, **first)
    return "ok"


def _undispatch(turn: Turn, send: int) -> str:
    if not turn.mine or turn.number("at") != send:
        return "fenced"
    if turn.state == "dispatched":
        un = 0 if turn.number("un") == send else turn.number("un")
        turn.enter("reconciling" if un else "claimed", un=un)
        return "ok"
    return "ok" if turn.state in {"claimed", "reconciling"} else "fenced"


def _refuse(turn: Turn, send: int, last: int) -> str:
    if turn.number("df") != turn.fence or turn.number("at") != send:
        return "fenced"
    late = turn.state == "reconciling"
    if turn.state != "dispatched" and not late:
        again = turn.state in {"claimed", "not_applied"} and not turn.number("un")
        return "ok" if again else "fenced"
    if turn.number("un") == send:
        turn.fields |= {"un": 0, "g": turn.number("g") + 1}
    if turn.number("un"):
        turn.enter("reconciling")
    elif last or late:
        turn.unapplied()
    else:
        turn.enter("claimed")
    return "ok"


def _step(turn: Turn, send: int, index: int, name: str, reply: str) -> str:
    own = turn.text("own") == turn.owner
    if index > len(turn.steps):
        sent = (
            turn.state in {"dispatched", "reconciling"}
            and turn.number("df") == turn.fence
            and turn.number("at") == send
        )
        if not sent or index != len(turn.steps) + 1:
            return "fenced"
        lease_until = turn.number("lu") if own else turn.now
        turn.enter("claimed", un=0, lu=lease_until, steps=turn.with_step(name, reply))
    return "ok" if own else "late"


def _resend(turn: Turn, proved: int) -> str:
    if not turn.mine:
        return "fenced"
    if turn.state == "reconciling":
        turn.witness("resend", "proved absent" if proved else "the vendor dedupes")
        turn.enter("claimed", un=0 if proved else turn.number("un"))
    return "ok" if turn.state == "claimed" else "fenced"


def _settle(turn: Turn, verdict: str, by: str, why: str, *rest: Any) -> str:
    index = rest[0] if verdict == "step" else None
    operator = turn.owner == ""
    parked = operator and turn.state == "indeterminate"
    held = not operator and turn.state == "reconciling" and turn.mine
    if turn.state is None:
        return "lost"
    if (parked or held) and index in {None, len(turn.steps) + 1}:
        turn.witness("settled", verdict)
        turn.fields |= {"by": by, "why": why}
        if verdict == "not_applied":
            turn.unapplied()
        elif verdict == "step":
            lease_until = turn.now if operator else turn.number("lu")
            turn.enter("claimed", un=0, lu=lease_until, steps=turn.with_step(*rest[1:]))
        else:
            turn.conclude(*rest)
        return "ok"
    if turn.state == "completed":
        told = (turn.text("outcome"), turn.fields.get("resp"))
        return "ok" if told == (verdict, rest[0]) else "already"
    same = (turn.text("by"), turn.text("why")) == (by, why) and (operator or turn.mine)
    released = verdict == "not_applied" and turn.state in {"not_applied", "claimed"}
    stepped = index is not None and turn.state == "claimed" and index <= len(turn.steps)
    again = same and not turn.number("un") and (released or stepped)
    return "ok" if again else "fenced"


def _park(turn: Turn, why: str) -> str:
    if turn.state == "reconciling" and turn.mine:
        turn.witness("parked", why)
        turn.enter("indeterminate")
    return "ok" if turn.state == "indeterminate" and turn.mine else "fenced"


def _complete(turn: Turn, sent_under: int, keep: int, *final: Value) -> str:
    if turn.state is None:
        return "lost"
    if turn.state == "completed":
        late = ',"late",' in (turn.text("ev") or "")
        done = "late" if late else "ok"
        return done if turn.fields.get("resp") == final[0] else "already"
    answered = sent_under > 0 and sent_under == turn.number("df")
    held = turn.state == "claimed" and turn.mine and not turn.number("un")
    if not (answered or (sent_under == 0 and held)):
        if sent_under:
            turn.witness("fenced", "an answer came to a send that was given up")
        return "fenced"
    late = turn.state == "not_applied"
    if late:
        turn.witness("late", "an answer came after it was settled as not applied")
    turn.fields["keep"] = keep
    turn.conclude(*final)
    return "late" if late else "ok"


def _release(turn: Turn) -> str:
    if turn.state is None:
        return "ok"
    if not turn.mine:
        return "fenced"
    if turn.state == "claimed" and turn.number("un"):
        turn.enter("reconciling", lu=turn.now)
    elif turn.state == "claimed" and not turn.number("at"):
        turn.fields.clear()
    elif turn.state == "claimed":
        turn.unapplied()
    elif turn.state != "not_applied" and not (
        turn.state == "reconciling" and turn.number("lu") <= turn.now
    ):
        return "fenced"
    return "ok"


def _heartbeat(turn: Turn, lease: int, limit: int) -> str:
    if not turn.mine or turn.state not in OPEN:
        return "fenced"
    latest = max(turn.number("td"), turn.number("tf")) + limit
    turn.fields["lu"] = max(turn.number("lu"), min(turn.now + lease, latest))
    return "ok"


def _touch(turn: Turn) -> str:
    if turn.state is None:
        return "gone"
    if turn.state in UNSETTLED:
        turn.enter(turn.state)
    return "ok"


def _compact(turn: Turn, age: int) -> str:
    ended = turn.state in {"completed", "not_applied"}
    if not ended or turn.now - turn.number("te") < age:
        return "fenced"
    for name in ("req", "resp", "pre", "steps"):
        turn.fields.pop(name, None)
    return "ok"


def _note(turn: Turn, kind: str, detail: str) -> str:
    if turn.state is None:
        return "lost"
    turn.witness(kind, detail)
    return "ok"


def _facts(turn: Turn, members: Mapping[str, Value]) -> str:
    if not turn.mine or turn.state not in OPEN:
        return "fenced"
    turn.fields |= members
    return "ok"


SCRIPTS: Final[Mapping[str, Callable[..., str]]] = {
    script.__name__.removeprefix("_"): script
    for script in (
        _begin, _take, _dispatch, _undispatch, _refuse, _step, _resend, _settle, _park, _complete,
        _release, _heartbeat, _touch, _compact, _note, _facts,
    )
}  # fmt: skip
