"""Examples for the OpenAPI document: of every problem, and of every operation.

What the operations are sent and answer lies beside, in `examples.json`: it was recorded from the
gateway over the sandbox, and a test records it again and compares. Only names, ids and times are
made up there, so that they are nobody's.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from gateway import errors
from gateway.api import problems
from gateway.canonical import json_text
from gateway.errors import Fault, GatewayError, VendorReply

KEY: Final = "8f14e45f-ceea-467f-a0e6-3ee1b8c1d2aa"
REQUEST_ID: Final = "req_5f2b9c0d7a1e4f6388c4a1b2"
OPERATION_ID: Final = "op_3b6f0c1d9e8a47528f1c2d3e4a5b6c7d"
CONNECTION: Final = "acme-crm"
VENDOR: Final = "acme"
OPPORTUNITY_ID: Final = "acme-crm.oppo_1"
ETAG: Final = '"7f39daf6a69e8b3bf8b2b964f224562d"'

RECORDED: Final = Path(__file__).with_suffix(".json")


@cache
def recorded() -> Sequence[Mapping[str, Any]]:
    """`operation`, `name`, `path`, `query`, `headers`, `body` of requests; `status`, `answer`."""
    found: Sequence[Mapping[str, Any]] = json_text.read(RECORDED.read_bytes())
    return found


def exchanges(operation_id: str) -> Iterator[Mapping[str, Any]]:
    """What an operation is sent, and what it answers."""
    return (each for each in recorded() if each["operation"] == operation_id)


def _about(error: GatewayError, **members: Any) -> GatewayError:
    for name, value in members.items():
        setattr(error, name, value)
    return error


def _wrong(
    kind: type[GatewayError], detail: str, *, allowed: tuple[Any, ...] = (), **place: str
) -> GatewayError:
    """One fault at one place of a request."""
    fault = Fault(code=kind.code, detail=detail, allowed=allowed, **place)
    return kind(f"{detail[:1].upper()}{detail[1:]}.", faults=[fault])


def _said(status: int, message: str, code: str | None = None) -> VendorReply:
    return VendorReply(status=status, code=code, message=message)


_SENT: Final = {"operation_id": OPERATION_ID, "connection": CONNECTION}
_AT: Final = {"connection": CONNECTION}

SHOWN: Final[tuple[GatewayError, ...]] = (
    errors.MalformedRequest("The body is not strict JSON: the name value stands twice."),
    _wrong(errors.InvalidCursor, "the cursor is not one of this list", parameter="cursor"),
    _wrong(errors.KeyMissing, "a key of the caller's is required", header="Idempotency-Key"),
    _wrong(errors.KeyMalformed, "has 1 to 255 characters", header="Idempotency-Key"),
    errors.Unauthenticated("The key is not one that is known."),
    errors.Forbidden("The caller lacks the scope opportunities:write."),
    errors.OpportunityNotFound("There is no such opportunity."),
    errors.ConnectionNotFound("There is no connection acme-erp."),
    errors.OperationNotFound("There is no such operation."),
    errors.RequestNotFound("There is no record of such a request."),
    errors.RouteNotFound("There is no such path."),
    errors.MethodNotAllowed("The path knows GET, HEAD and POST."),
    errors.RequestTimeout("The request body did not arrive in time."),
    _about(
        errors.InProgress(
            "The first request with this key is still under way: send the same again shortly.",
            retry_after=2,
        ),
        operation_id=OPERATION_ID,
    ),
    _about(
        errors.Reconciling(
            "The write was sent and its outcome is being found out: ask again with the same key.",
            retry_after=5,
        ),
        operation_id=OPERATION_ID,
    ),
    errors.RecordBusy("Another write holds the opportunity.", retry_after=3),
    errors.HistoryLost("The store has lost records, so this key may have run before."),
    _about(
        errors.VendorConflict(
            "The vendor reports a conflict with the state of the record.",
            reply=_said(409, "The record was changed meanwhile."),
        ),
        **_AT,
    ),
    _about(
        errors.MatchesExisting("The vendor has an opportunity of this name already."),
        opportunity_id=OPPORTUNITY_ID,
    ),
    errors.OperationSettled("The operation is settled already, and otherwise."),
    errors.StaleVersion("The opportunity is in another state than If-Match names.", etag=ETAG),
    errors.VersionRequired("The connection takes no write without If-Match."),
    errors.BodyTooLarge("A body holds at most 1048576 bytes."),
    errors.UnsupportedMediaType("Send the body as application/json."),
    errors.HeadersTooLarge("The headers of a request hold at most 100 lines and 32768 bytes."),
    _wrong(errors.ValidationFailed, "there is no member nme; did you mean name?", pointer="/nme"),
    _wrong(errors.Unsupported, "the vendor cannot take contacts", pointer="/contacts"),
    _wrong(
        errors.NotRepresentable,
        "the vendor keeps whole dollars",
        pointer="/value/amount",
        allowed=("10", "11"),
    ),
    _wrong(
        errors.UnknownReference,
        "there is no stage of this name",
        pointer="/stage/name",
        allowed=("Demo scheduled", "Proposal sent", "Won", "Lost"),
    ),
    _wrong(
        errors.AmbiguousReference,
        "the name fits several stages",
        pointer="/stage/name",
        allowed=("stat_4", "stat_11"),
    ),
    _wrong(
        errors.UnknownCustomField, "there is no such custom field", pointer="/custom_fields/sead"
    ),
    _wrong(errors.UnsupportedFilter, "the connection acme-crm cannot filter by it", parameter="q"),
    errors.OperationUnsupported("The vendor has no documented list of users."),
    errors.KeyReused("This key belongs to another request of yours: use a new key for each write."),
    _about(
        errors.VendorRefused(
            "The vendor refused the request. It says: The date lies in the past.",
            reply=_said(422, "The date lies in the past.", "invalid_date"),
            faults=[
                Fault(
                    code=errors.VendorRefused.code,
                    detail="The date lies in the past.",
                    pointer="/expected_close_date",
                )
            ],
        ),
        **_AT,
    ),
    _about(
        errors.VendorThrottled("The vendor's rate limit is reached.", reply=_said(429, "Slow.")),
        **_AT,
        retry_after=7,
    ),
    errors.InternalError("The gateway has a fault; the request id finds it in the log."),
    _about(
        errors.VendorFaulted(
            "The vendor failed, or answered with something that cannot be read.",
            reply=_said(502, "Bad gateway"),
        ),
        **_AT,
    ),
    _about(
        errors.VendorUnauthorized(
            "The vendor does not accept the connection's credentials.",
            reply=_said(401, "Invalid key"),
        ),
        **_AT,
    ),
    _about(
        errors.VendorForbidden(
            "The vendor forbids this to the connection's credentials.",
            reply=_said(403, "Read only"),
        ),
        **_AT,
    ),
    _about(
        errors.Partial(
            "The opportunity was created without its custom fields: update it with them.",
            applied=("/name", "/value"),
            reply=_said(422, "Unknown choice.", "invalid"),
        ),
        **_SENT,
        opportunity_id=OPPORTUNITY_ID,
    ),
    _about(
        errors.Indeterminate(
            "The vendor failed after the write was sent.", reply=_said(500, "Oops")
        ),
        **_SENT,
    ),
    _about(errors.NotSent("The vendor cannot be reached."), **_AT),
    errors.StoreUnavailable("The store of writes cannot be reached: try again shortly."),
    errors.Overloaded("More is under way than is taken at once: try again shortly."),
    errors.ConnectionDisabled("An operator switched the connection off."),
    errors.KeysUnavailable("The keys that verify tokens cannot be read."),
    _about(errors.VendorTimeout("The vendor did not answer in time."), **_AT),
    _about(errors.DeadlineExceeded("Less time was left than the vendor needs."), **_AT),
    _about(
        errors.IndeterminateTimeout("The vendor did not answer in time after the write was sent."),
        **_SENT,
    ),
)
"""One of every code under every status that it comes with."""


def problem(error: GatewayError, *, writes: bool) -> dict[str, Any]:
    """The problem that tells of an error; one about a write tells its outcome too."""
    told = problems.problem_of(
        error,
        request_id=REQUEST_ID,
        instance=f"/v1/requests/{REQUEST_ID}",
        vendor=VENDOR,
        writes=writes,
    )
    return problems.spoken(told)
