"""The record of one write (reliability.md 2.2); pure, for both stores.

A store keeps a record as a hash of short field names; here they get their types and their names.
"""

import base64
from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, NamedTuple, TypeVar, cast

from gateway.canonical import json_text

T = TypeVar("T")

Value = str | int | bytes
"""What a field holds: over a wire all is bytes, at home a number is a number."""
State = Literal["claimed", "dispatched", "reconciling", "indeterminate", "completed", "not_applied"]
Result = Literal["applied", "partial", "not_applied"]
"""What a completed record says of the effect."""

OPEN: Final = frozenset[State](("claimed", "dispatched", "reconciling"))
"""States that somebody works on, or ought to: the sweeper looks for their leases' ends."""
UNSETTLED: Final = frozenset[State](("dispatched", "reconciling", "indeterminate"))
"""States under which the vendor may have been reached, and which must not end by themselves."""

OPEN_KEEP_MS: Final = 30 * 24 * 3600 * 1000
"""How long an unsettled record lives on untouched."""
COMPACT_AFTER_MS: Final = 72 * 3600 * 1000
"""How long after its end a record keeps its bodies."""


class Fingerprint(NamedTuple):
    """What a request is recognised by, with how it was spelled and the key that signed it."""

    version: int
    key_id: str
    digest: bytes

    @property
    def pair(self) -> str:
        """Version and key: only digests of one pair can be compared."""
        return f"{self.version} {self.key_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A vendor write of the operation that is done, with its sealed reply."""

    name: str
    done: bool
    reply: bytes | None = field(repr=False)


class Evidence(NamedTuple):
    """Something that was seen of a write, and when."""

    at_ms: int
    kind: str
    detail: str


class _Member(Generic[T]):
    """A member of a record, read from its field when it is asked for: most never are."""

    __slots__ = ("_field", "_read")

    def __init__(self, field: str, read: Callable[[Value], T]) -> None:
        self._field = field
        self._read = read

    def __get__(self, record: "Record", kind: object = None) -> T:
        return self._read(record.fields.get(self._field, b""))


def _number(found: Value) -> int:
    return int(found or 0)


def _text(found: Value) -> str:
    return found.decode() if isinstance(found, bytes) else str(found)


def _known(found: Value) -> str | None:
    return _text(found) or None


def _sealed(found: Value) -> bytes | None:
    return cast(bytes, found) or None


def _steps(found: Value) -> tuple[Step, ...]:
    if not found:
        return ()
    return tuple(
        Step(
            name=step["name"],
            done=step["st"] == "done",
            reply=base64.b64decode(step["reply"]) if "reply" in step else None,
        )
        for step in json_text.read(_text(found))
    )


def _evidence(found: Value) -> tuple[Evidence, ...]:
    return tuple(Evidence(*json_text.read(line)) for line in _text(found).split("\n")[:-1])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Record:
    """One write under one key of one caller; times in milliseconds of the store, 0 for never.

    Its members are read as they are asked for: to read all of them for every write cost more than
    what the write needed of them.
    """

    hex32: str
    fields: Mapping[str, Value]
    """The hash that it was read from, which is not empty."""

    state = _Member("st", lambda found: cast(State, _text(found)))
    owner = _Member("own", _text)
    fence = _Member("f", _number)
    """Grows with every holder; what an earlier one does under its own number is refused."""
    attempts = _Member("at", _number)
    """Number of the latest send."""
    dispatch_fence = _Member("df", _number)
    """The fence that it was sent under."""
    unanswered = _Member("un", _number)
    """Number of the first send without a verdict, 0 for none."""
    lease_until = _Member("lu", _number)
    held_since = _Member("tf", _number)
    """When the holder got its fence."""
    t0 = _Member("t0", _number)
    """When the key was first seen."""
    t1 = _Member("t1", _number)
    """When the first send without a verdict went out."""
    td = _Member("td", _number)
    """When the latest send went out."""
    te = _Member("te", _number)
    """When the operation ended."""
    caller = _Member("caller", _text)
    connection = _Member("connection", _text)
    vendor = _Member("vendor", _text)
    method = _Member("method", _text)
    route = _Member("route", _text)
    vendor_id = _Member("vid", _known)
    opportunity_id = _Member("oid", _known)
    steps = _Member("steps", _steps)
    marker = _Member("marker", _known)
    derived_key = _Member("dk", _known)
    generation = _Member("g", _number)
    """Of the derived key: one that came back refused is not used again."""
    pre = _Member("pre", _sealed)
    """The pre-image, sealed, as are the next two."""
    request = _Member("req", _sealed)
    answer = _Member("resp", _sealed)
    answer_status = _Member("status", lambda found: _number(found) or None)
    outcome = _Member("outcome", lambda found: cast("Result | None", _known(found)))
    code = _Member("code", _known)
    evidence = _Member("ev", _evidence)
    resolved_by = _Member("by", _known)
    reason = _Member("why", _known)

    @property
    def fingerprint(self) -> Fingerprint:
        """What its request is recognised by."""
        version, _, key_id = _text(self.fields["fpv"]).partition(" ")
        digest = bytes.fromhex(_text(self.fields["fp"]))
        return Fingerprint(version=int(version), key_id=key_id, digest=digest)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The signing keys behind fingerprint, derived key and marker."""
        others = filter(None, _text(self.fields.get("kid", b"")).split("\n"))
        return tuple(dict.fromkeys((self.fingerprint.key_id, *others)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._members() == other._members()

    def __hash__(self) -> int:
        return hash(self.hex32)

    def __repr__(self) -> str:
        return f"Record({self.hex32}, {self.state}, fence {self.fence})"

    def _members(self) -> tuple[object, ...]:
        """All that it says; two stores may spell the same differently."""
        named = [name for name, each in vars(Record).items() if isinstance(each, _Member)]
        told = (getattr(self, name) for name in named)
        return self.hex32, self.fingerprint, self.key_ids, *told


Place = tuple[int, int, str]
"""Where a record stands in a list."""
_OPEN, _PARKED, _ENDED = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which records a list is of; None for any."""

    caller: str | None = None
    states: Collection[State] | None = None
    results: Collection[Result] | None = None
    """Of completed ones alone."""
    connections: Container[str] | None = None
    since_ms: int = 0
    after: Place | None = None

    def any_of(self, states: Collection[State]) -> bool:
        """Whether a record in one of these states could be in it."""
        return self.states is None or not frozenset(states).isdisjoint(self.states)

    def fits(self, *, state: str, result: str, caller: str, connection: str, t0: int) -> bool:
        """Whether a record with these members is in it, wherever its place is."""
        return (
            t0 >= self.since_ms
            and (self.states is None or state in self.states)
            and (self.results is None or state != "completed" or result in self.results)
            and (self.caller is None or caller == self.caller)
            and (self.connections is None or connection in self.connections)
        )

    def goes_on_with(self, record: Record) -> bool:
        """Whether a record's place is behind what was listed before."""
        return self.after is None or latest_first(record) > self.after

    def passes(self, ended_ms: int, hex32: str) -> bool:
        """Whether an ended record's place is behind it, told without the record."""
        return self.after is None or (_ENDED, -ended_ms, hex32) > self.after

    @property
    def until_ms(self) -> int | None:
        """When what is left of the ended records had ended; None for whenever."""
        return -self.after[1] if self.after and self.after[0] == _ENDED else None


def latest_first(record: Record) -> Place:
    """The order of lists: open records by their lease, then parked by their send, then ended."""
    if record.state in OPEN:
        return _OPEN, -record.lease_until, record.hex32
    if record.state == "indeterminate":
        return _PARKED, -record.td, record.hex32
    return _ENDED, -record.te, record.hex32


FACTS: Final[Mapping[str, str]] = {
    "caller": "caller",
    "connection": "connection",
    "vendor": "vendor",
    "method": "method",
    "route": "route",
    "vendor_id": "vid",
    "opportunity_id": "oid",
    "marker": "marker",
    "derived_key": "dk",
    "key_ids": "kid",
    "pre": "pre",
    "request": "req",
}
"""What the gateway tells of a write, and the field that keeps it; several key ids stand on a line
each."""


def facts_of(members: Mapping[str, bytes | str]) -> dict[str, Value]:
    """The fields of facts. Raises KeyError for one that a record does not know."""
    return {FACTS[name]: value for name, value in members.items()}


def newly_claimed(
    hex32: str,
    *,
    owner: str,
    fingerprint: Fingerprint,
    facts: Mapping[str, Value],
    now_ms: int,
    lease_ms: int,
) -> Record:
    """A record as the first claim makes it: what was sent, and when that was."""
    claim: dict[str, Value] = {
        "st": "claimed",
        "own": owner,
        "f": 1,
        "fpv": fingerprint.pair,
        "fp": fingerprint.digest.hex(),
        "t0": now_ms,
        "tf": now_ms,
        "lu": now_ms + lease_ms,
    }
    return Record(hex32, {**claim, **facts})


def spelled_reply(reply: bytes) -> str:
    """A sealed reply as a step keeps it: steps are JSON, which holds no bytes."""
    return base64.b64encode(reply).decode()
