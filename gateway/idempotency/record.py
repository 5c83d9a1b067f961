"""The record of one write, and where it lies (reliability.md 2.2); pure, for both stores.

A store keeps a record as a hash of short field names; here they get their types and their names.
"""

import base64
import hashlib
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, cast

from gateway.canonical import json_text

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

BUCKETS: Final = tuple(f"{number:02x}" for number in range(256))
AMNESIA: Final = "uog:1:amnesia"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One write under one key of one caller; times in milliseconds of the store, 0 for never."""

    hex32: str
    state: State
    fingerprint: Fingerprint
    owner: str
    fence: int
    """Grows with every holder; what an earlier one does under its own number is refused."""
    attempts: int
    """Number of the latest send."""
    dispatch_fence: int
    """The fence that it was sent under."""
    unanswered: int
    """Number of the first send without a verdict, 0 for none."""
    lease_until: int
    held_since: int
    """When the holder got its fence."""
    t0: int
    """When the key was first seen."""
    t1: int
    """When the first send without a verdict went out."""
    td: int
    """When the latest send went out."""
    te: int
    """When the operation ended."""
    caller: str
    connection: str
    vendor: str
    method: str
    route: str
    vendor_id: str | None
    opportunity_id: str | None
    steps: tuple[Step, ...]
    marker: str | None
    derived_key: str | None
    generation: int
    """Of the derived key: one that came back refused is not used again."""
    key_ids: tuple[str, ...]
    """The signing keys behind fingerprint, derived key and marker."""
    pre: bytes | None = field(repr=False)
    """The pre-image, sealed, as are the next two."""
    request: bytes | None = field(repr=False)
    answer: bytes | None = field(repr=False)
    answer_status: int | None
    outcome: Result | None
    code: str | None
    evidence: tuple[Evidence, ...]
    resolved_by: str | None
    reason: str | None


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


def facts_of(members: Mapping[str, bytes | str]) -> dict[str, bytes | str]:
    """The fields of facts. Raises KeyError for one that a record does not know."""
    return {FACTS[name]: value for name, value in members.items()}


def read(hex32: str, fields: Mapping[str, bytes]) -> Record:
    """The record of a hash, which is not empty."""

    def text(name: str) -> str:
        return fields.get(name, b"").decode()

    def number(name: str) -> int:
        return int(fields.get(name, 0))

    version, _, key_id = text("fpv").partition(" ")
    return Record(
        hex32=hex32,
        state=cast(State, text("st")),
        fingerprint=Fingerprint(
            version=int(version), key_id=key_id, digest=bytes.fromhex(text("fp"))
        ),
        owner=text("own"),
        fence=number("f"),
        attempts=number("at"),
        dispatch_fence=number("df"),
        unanswered=number("un"),
        lease_until=number("lu"),
        held_since=number("tf"),
        t0=number("t0"),
        t1=number("t1"),
        td=number("td"),
        te=number("te"),
        caller=text("caller"),
        connection=text("connection"),
        vendor=text("vendor"),
        method=text("method"),
        route=text("route"),
        vendor_id=text("vid") or None,
        opportunity_id=text("oid") or None,
        steps=_steps(fields.get("steps")),
        marker=text("marker") or None,
        derived_key=text("dk") or None,
        generation=number("g"),
        key_ids=tuple(dict.fromkeys((key_id, *filter(None, text("kid").split("\n"))))),
        pre=fields.get("pre"),
        request=fields.get("req"),
        answer=fields.get("resp"),
        answer_status=number("status") or None,
        outcome=cast(Result | None, text("outcome") or None),
        code=text("code") or None,
        evidence=tuple(Evidence(*json_text.read(line)) for line in text("ev").split("\n")[:-1]),
        resolved_by=text("by") or None,
        reason=text("why") or None,
    )


def spelled_reply(reply: bytes) -> str:
    """A sealed reply as a step keeps it: steps are JSON, which holds no bytes."""
    return base64.b64encode(reply).decode()


def _steps(found: bytes | None) -> tuple[Step, ...]:
    return tuple(
        Step(
            name=step["name"],
            done=step["st"] == "done",
            reply=base64.b64decode(step["reply"]) if "reply" in step else None,
        )
        for step in json_text.read(found or b"[]")
    )


def address(environment: str, caller: str, key: bytes) -> str:
    """The 32 hex digits that a caller's key is known by; no secret is in them."""
    return _digest(b"uog1", environment.encode(), caller.encode(), key)


def lease_address(environment: str, connection: str, vendor_id: str) -> str:
    """The 32 hex digits that a vendor's record is leased under."""
    return _digest(environment.encode(), connection.encode(), vendor_id.encode())


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\x00".join(parts)).hexdigest()[:32]


def operation_id(hex32: str) -> str:
    """The id that callers see."""
    return f"op_{hex32}"


def bucket(hex32: str) -> str:
    """The first byte: what is in one bucket lies on one node."""
    return hex32[:2]


def record_key(hex32: str) -> str:
    """Where a record lies. No text of a client is in it: braces would choose the node."""
    return f"uog:1:{{b{bucket(hex32)}}}:op:{hex32}"


def open_key(bucket: str) -> str:
    """Records with a lease, by its end."""
    return f"uog:1:{{b{bucket}}}:open"


def ended_key(bucket: str) -> str:
    """Records without one, by when they got there; negative while parked, so nothing trims them."""
    return f"uog:1:{{b{bucket}}}:ended"


def highwater_key(bucket: str) -> str:
    """How many records were ever made in a bucket: a lower count than before is a loss."""
    return f"uog:1:{{b{bucket}}}:hw"


def lease_key(address: str) -> str:
    """Who may write to a vendor's record now."""
    return f"uog:1:{{r{bucket(address)}}}:w:{address}"
