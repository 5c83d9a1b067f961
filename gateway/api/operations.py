"""The routes of operations: writes, what became of them, and how one is settled by hand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import bodies, documents, resolution
from gateway.api.access import READ, RESOLVE, Caller
from gateway.api.desk import Desk
from gateway.api.resolution import Resolution
from gateway.api.visit import Visit
from gateway.canonical import ids, json_text
from gateway.canonical.schema import Answer, Instant, is_instant, open_enum
from gateway.errors import Fault, OperationNotFound
from gateway.idempotency.addresses import operation_id
from gateway.idempotency.answer import Answer as Given
from gateway.idempotency.record import OPEN, Record, Result, State, latest_first
from gateway.listing import Position
from gateway.normalizer.dates import instant, moment

STATES: Final[Mapping[str, tuple[frozenset[State], frozenset[Result] | None]]] = {
    "running": (OPEN, None),
    "indeterminate": (frozenset(("indeterminate",)), None),
    "succeeded": (frozenset(("completed",)), frozenset(("applied",))),
    "failed": (frozenset(("completed",)), frozenset(("partial", "not_applied"))),
    "not_applied": (frozenset(("not_applied",)), None),
}
"""What callers see → states of a record, and what a completed one came to (reliability.md 1.2)."""

LISTED_BY: Final = ("state", "connection", "since", "limit", "cursor")

_ID = re.compile(r"op_([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

router = APIRouter(tags=["operations"])


class OperationEvidence(Answer):
    """Something that was seen of a write, and when."""

    at: Instant
    kind: str
    detail: str


class OperationAnswer(Answer):
    """What the caller of a write was answered, and is answered again; null for an empty body."""

    status: int
    body: Any


class Operation(Answer):
    """A write and how it stands with it.

    `expires_at` is null while it is open. `answer` is null until there is one, once its details are
    dropped, and in lists.
    """

    id: str
    state: Annotated[str, open_enum(*STATES)]
    method: str
    route: str
    connection: str
    vendor: str
    opportunity_id: str | None
    created_at: Instant
    dispatched_at: Instant | None
    settled_at: Instant | None
    expires_at: Instant | None
    attempts: int
    evidence: tuple[OperationEvidence, ...]
    resolved_by: str | None
    reason: str | None
    answer: OperationAnswer | None


class OperationList(Answer):
    """A page of operations; what moves while one pages through them may be met twice."""

    items: tuple[Operation, ...]
    next_cursor: str | None


@router.get("/v1/operations", **documents.list_operations(OperationList, STATES))
async def list_operations(request: Visit) -> Response:
    """Lists writes: those under way, then those that wait for an operator, then what has ended."""
    desk = await Desk.at(request, READ, RESOLVE)
    found = bodies.query(request, LISTED_BY, ("state", "connection"))
    wanted = _wanted(desk, found)
    caller = desk.caller.name
    after = None
    if "cursor" in found:
        cursor = bodies.single(found, "cursor")
        position = desk.house.cursors.read(cursor, caller=caller, query=wanted.bound)
        after = tuple(position.place)
    records = await desk.house.registry.store.listed(
        caller=None if desk.caller.may(RESOLVE) else caller,
        states=wanted.states,
        results=wanted.results,
        connections=wanted.connections,
        since_ms=wanted.since_ms,
        after=after,
        limit=wanted.limit + 1,
    )
    page, more = records[: wanted.limit], records[wanted.limit :]
    following = None
    if more:
        place = Position((), latest_first(page[-1]))
        following = desk.house.cursors.write(place, caller=caller, query=wanted.bound)
    return desk.answer(
        OperationList(
            items=tuple(_operation(desk, record) for record in page), next_cursor=following
        )
    )


@router.get("/v1/operations/{operation_id}", **documents.get_operation(Operation))
async def get_operation(request: Visit, operation_id: str) -> Response:
    """Tells how it stands with a write, and what its caller was answered."""
    desk = await Desk.at(request, READ, RESOLVE)
    bodies.query(request, ())
    return _told(desk, await _record(desk, operation_id))


@router.post(
    "/v1/operations/{operation_id}/resolve", **documents.resolve_operation(Resolution, Operation)
)
async def resolve_operation(request: Visit, operation_id: str) -> Response:
    """Settles a write by hand whose outcome no reading has proved.

    The same said again is answered again; 409 `idempotency-in-progress` while the gateway itself
    still works on it, 409 `operation-settled` where it is settled otherwise.
    """
    desk = await Desk.at(request, RESOLVE)
    desk.lenient = False  # it is no write: how one is handled was said when it was sent
    bodies.query(request, ())
    body = await bodies.json_body(request, bodies.JSON, desk.seconds)
    said = bodies.parsed(Resolution, body)
    record = await _record(desk, operation_id)
    resolution.check(said, record)
    settled = await resolution.settled(desk, record, said)
    now = await _record(desk, operation_id)
    if not settled:
        resolution.agree(now, said, await desk.house.registry.store.time_ms())
    return _told(desk, now)


async def _record(desk: Desk, operation_id: str) -> Record:
    """The record of an operation that the caller may see. Raises `OperationNotFound`."""
    match = _ID.fullmatch(operation_id)
    record = await desk.house.registry.store.get(match[1]) if match else None
    if record is None or not _sees(desk.caller, record):
        raise OperationNotFound(f"There is no operation called {operation_id[:64]}.")
    desk.request.state.connection = desk.house.connections.get(record.connection)
    desk.request.state.operation_id = operation_id
    return record


def _sees(caller: Caller, record: Record) -> bool:
    own = record.caller == caller.name
    return (own or caller.may(RESOLVE)) and caller.sees(record.connection)


@dataclass(frozen=True, slots=True)
class _Visible:
    """The names of connections that a caller may see, also of those that are gone."""

    caller: Caller

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.caller.sees(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is asked of a list."""

    states: frozenset[State] | None
    results: frozenset[Result] | None
    connections: frozenset[str] | _Visible
    since_ms: int
    limit: int
    bound: Mapping[str, Any]
    """The form of it that a cursor is bound to."""


def _wanted(desk: Desk, found: Mapping[str, list[str]]) -> _Wanted:
    faults: list[Fault] = []
    limit = bodies.limit(found, faults)
    named = sorted({*found.get("state", ())})
    if not STATES.keys() >= {*named}:
        faults.append(bodies.parameter("state", "is no state of an operation", tuple(STATES)))
    since = bodies.single(found, "since")
    if "since" in found and not is_instant(since):
        faults.append(bodies.parameter("since", "a time such as 2026-11-30T12:00:00Z is expected"))
    if faults:
        raise bodies.parameters_refused(faults)
    connections = sorted({desk.connection(name).name for name in found.get("connection", ())})
    kinds = [STATES[name] for name in named]
    results = [each for _, each in kinds if each]
    return _Wanted(
        states=frozenset().union(*(states for states, _ in kinds)) if kinds else None,
        results=frozenset().union(*results) if results else None,
        connections=frozenset(connections) if connections else _Visible(desk.caller),
        since_ms=_ms(since) if since else 0,
        limit=limit,
        bound={"operations": named, "connection": connections, "since": since, "limit": limit},
    )


def _told(desk: Desk, record: Record) -> Response:
    return desk.answer(_operation(desk, record, answer=_answer(desk, record)))


def _operation(desk: Desk, record: Record, *, answer: OperationAnswer | None = None) -> Operation:
    subject = record.vendor_id and ids.join(record.connection, record.vendor_id)
    keep_ms = desk.house.registry.timers.retention_ms
    return Operation(
        id=operation_id(record.hex32),
        state=_state(record),
        method=record.method,
        route=record.route,
        connection=record.connection,
        vendor=record.vendor,
        opportunity_id=record.opportunity_id or subject,
        created_at=_instant(record.t0),
        dispatched_at=_instant(record.td) if record.td else None,
        settled_at=_instant(record.te) if record.te else None,
        expires_at=_instant(record.te + keep_ms) if record.te else None,
        attempts=record.attempts,
        evidence=tuple(
            OperationEvidence(at=_instant(seen.at_ms), kind=seen.kind, detail=seen.detail)
            for seen in record.evidence
        ),
        resolved_by=record.resolved_by,
        reason=record.reason,
        answer=answer,
    )


def _answer(desk: Desk, record: Record) -> OperationAnswer | None:
    if record.answer is None:
        return None
    given = Given.read(desk.house.registry.opened(record.hex32, "answer", record.answer))
    return OperationAnswer(
        status=given.status, body=json_text.read(given.body) if given.body else None
    )


def _state(record: Record) -> str:
    return next(
        name
        for name, (states, results) in STATES.items()
        if record.state in states and (results is None or record.outcome in results)
    )


def _instant(ms: int) -> str:
    return instant((_EPOCH + ms * _MS).isoformat())


def _ms(since: str) -> int:
    """Milliseconds of the first whole one that is not before a time."""
    return -((_EPOCH - moment(since)) // _MS)
