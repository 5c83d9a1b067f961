"""The way of a write from its route into `idempotency`, and of its answer back."""

from typing import Final

from starlette.responses import Response

from gateway.api import headers
from gateway.api.desk import Desk
from gateway.api.visit import Visit
from gateway.api.writes import METHODS, Action, Write
from gateway.canonical.schema import Request as RequestModel
from gateway.connections import Connection
from gateway.idempotency import fingerprint
from gateway.idempotency.addresses import address, operation_id
from gateway.idempotency.keys import idempotency_key
from gateway.idempotency.once import Asked
from gateway.idempotency.run import Told
from gateway.shared import trail


async def written(
    desk: Desk, action: Action, at: Connection, vendor_id: str | None = None, *,
    body: RequestModel | None = None, raw: bool = False,
) -> Response:  # fmt: skip
    """Does a write once, and answers it; every route of a write ends here."""
    request = desk.request
    key = idempotency_key(request.lines.all(b"idempotency-key"), required=desk.house.require_key)
    terms = desk.terms()
    text = fingerprint.spelled(body)
    write = Write(
        action=action,
        connection=at.name,
        vendor_id=vendor_id,
        body=body,
        text=text,
        lenient=desk.lenient,
        raw=raw,
        request_id=request.state.request_id,
        instance=request.state.instance,
        terms=terms,
    )
    method, route = METHODS[action], request.scope["route"].path
    path = {} if vendor_id is None else {"opportunity_id": write.opportunity_id or ""}
    asked = fingerprint.Asked(
        method=method,
        route=route,
        path=path,
        query={},
        connection=at.name,
        body=text,
        lenient=desk.lenient,
        if_match=terms.if_match,
    )
    if key.made_here:
        request.state.server_key = key.value.decode()
    registry = desk.house.registry
    hex32 = address(registry.environment, desk.caller.name, key.value)
    told = await desk.house.once.run(
        Asked(
            hex32=hex32,
            caller=desk.caller.name,
            key=key,
            connection=at.name,
            vendor=at.vendor.name,
            method=method,
            route=route,
            fingerprints=fingerprint.fingerprints(asked, registry.signing_keys),
            write=write,
            creates=action == "create",
            subject=vendor_id,
            until=desk.until,
        )
    )
    if told.status != "not-applied" or _was_sent():
        request.state.operation_id = operation_id(hex32)
    return _spoken(request, told)


def _was_sent() -> bool:
    """Whether this request's write reached its vendor: only then is there an operation of it."""
    followed = trail.followed()
    calls = followed.vendor_calls if followed else ()
    return any(call.sent and call.effect == "write" for call in calls)


def _spoken(request: Visit, told: Told) -> Response:
    """An answer with the headers of the moment."""
    answer = told.answer
    request.state.idempotency = told.status
    request.state.code, request.state.cause = answer.code, told.cause
    request.state.outcome = answer.outcome
    if answer.opportunity_id is not None:
        request.state.opportunity_id = answer.opportunity_id
    response = Response(answer.body, status_code=answer.status, headers=answer.headers)
    lines = response.raw_headers
    if told.status == "replayed":
        lines.append(_REPLAYED)
    if b"preference-applied" in dict(lines):
        lines.append(_VARYING)
    return response


_REPLAYED: Final = headers.line("Idempotent-Replayed", "true")
_VARYING: Final = headers.line("Vary", "Prefer")
