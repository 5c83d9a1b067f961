"""The route of the request ledger: who asked for what, which vendor calls were made, how it ended.

A record is what was known at the answer. What became of a write after that, its operation tells.
"""

import re
from typing import Annotated, Final, get_args

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import bodies, documents
from gateway.api.access import REQUESTS
from gateway.api.desk import Desk
from gateway.api.visit import Visit
from gateway.canonical import json_text
from gateway.canonical.schema import Answer, Instant, Seconds, open_enum
from gateway.errors import Outcome, RequestNotFound
from gateway.idempotency.run import Status
from gateway.shared.ledger import Entry, Ledger

_ID: Final = re.compile(r"req_[0-9a-f]{24}")

router = APIRouter(tags=["requests"])


class RequestVendorCall(Answer):
    """One attempt at a vendor call.

    `status` is null where no whole answer came; then `code` says why. `sent` is whether a byte of
    it may have left. Equal digests are of equal bodies, as long as the gateway's signing key stays
    the same; they are null where there is no body.
    """

    connection: str
    vendor: str
    effect: Annotated[str, open_enum("read", "write")]
    step: str
    method: str
    status: int | None
    code: str | None
    sent: bool
    began_at: Instant
    seconds: Seconds
    bytes_out: int
    bytes_in: int
    request_digest: str | None
    answer_digest: str | None


class RequestRecord(Answer):
    """A request that was a write, or failed, as it stood when it was answered.

    `id` is the gateway's own, the last part of a problem's `instance`; `request_id` is the
    caller's, where it sent one. `vendor_calls` has the first of `vendor_call_count`.
    """

    id: str
    request_id: str
    trace_id: str | None
    caller: str
    method: str
    route: str
    operation: str | None
    connection: str | None
    vendor: str | None
    opportunity_id: str | None
    operation_id: str | None
    status: int
    code: str | None
    outcome: Annotated[str, open_enum(*get_args(Outcome))] | None
    idempotency_status: Annotated[str, open_enum(*get_args(Status))] | None
    began_at: Instant
    ended_at: Instant
    seconds: Seconds
    bytes_in: int
    bytes_out: int
    vendor_call_count: int
    vendor_calls: tuple[RequestVendorCall, ...]


@router.get("/v1/requests/{request_id}", **documents.get_request(RequestRecord))
async def get_request(request: Visit, request_id: str) -> Response:
    """Tells of a request that was a write, or failed: who asked, and which vendor calls it took.

    Only where the operator keeps a ledger of requests, and for as long as it is kept. A record is
    written after the answer, so it may be there a moment later, and where the store was slow not
    at all.
    """
    desk = await Desk.at(request, REQUESTS)
    bodies.query(request, ())
    if desk.house.ledger is None:
        raise RequestNotFound("This gateway keeps no ledger: request_ledger.enabled is false.")
    found = await _found(desk.house.ledger, request_id)
    if found is None or not _sees(desk, found):
        raise RequestNotFound(f"There is no record of a request {request_id[:64]}.")
    return desk.answer(RequestRecord.model_validate(json_text.read(found.told)))


async def _found(ledger: Ledger, request_id: str) -> Entry | None:
    return await ledger.get(request_id) if _ID.fullmatch(request_id) else None


def _sees(desk: Desk, entry: Entry) -> bool:
    """Whether the caller may see all that a request touched; one that touched nothing is its own.

    Others see that only if they see every connection that there is or will be.
    """
    if entry.connections:
        return all(map(desk.caller.sees, entry.connections))
    return entry.caller == desk.caller.name or desk.caller.sees_all
