"""Problems: every error as RFC 9457 `application/problem+json`, and a page behind each type.

The HTTP status of an error stands here and nowhere else.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import ConfigDict, Field
from starlette.responses import Response

from gateway import errors
from gateway.canonical import json_text
from gateway.canonical.schema import Answer, open_enum
from gateway.errors import Fault, GatewayError

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[type[GatewayError], int]] = {
    errors.MalformedRequest: 400,
    errors.InvalidCursor: 400,
    errors.ValidationFailed: 422,
    errors.Unsupported: 422,
    errors.NotRepresentable: 422,
    errors.UnknownReference: 422,
    errors.AmbiguousReference: 422,
    errors.UnknownCustomField: 422,
    errors.UnsupportedFilter: 422,
    errors.OperationUnsupported: 422,
    errors.StaleVersion: 412,
    errors.VersionRequired: 428,
    errors.MatchesExisting: 409,
    errors.OpportunityNotFound: 404,
    errors.ConnectionNotFound: 404,
    errors.OperationNotFound: 404,
    errors.OperationSettled: 409,
    errors.RequestNotFound: 404,
    errors.RouteNotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.BodyTooLarge: 413,
    errors.HeadersTooLarge: 431,
    errors.UnsupportedMediaType: 415,
    errors.RequestTimeout: 408,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.ConnectionDisabled: 503,
    errors.StoreUnavailable: 503,
    errors.Overloaded: 503,
    errors.RecordBusy: 409,
    errors.KeysUnavailable: 503,
    errors.KeyMissing: 400,
    errors.KeyMalformed: 400,
    errors.KeyReused: 422,
    errors.InProgress: 409,
    errors.HistoryLost: 409,
    errors.VendorNotFound: 404,
    errors.VendorRefused: 422,
    errors.VendorUnknownReference: 422,
    errors.VendorConflict: 409,
    errors.VendorPrecondition: 412,
    errors.VendorUnauthorized: 502,
    errors.VendorForbidden: 502,
    errors.VendorThrottled: 429,
    errors.VendorTooEarly: 503,
    errors.VendorUnavailable: 503,
    errors.VendorMisspoke: 502,
    errors.AppliedUnread: 502,
    errors.VendorFaulted: 502,
    errors.VendorNotTaken: 502,
    errors.VendorTimeout: 504,
    errors.NotSent: 503,
    errors.DeadlineExceeded: 504,
    errors.Throttled: 429,
    errors.BreakerOpen: 503,
    errors.PrivateAddress: 503,
    errors.Partial: 502,
    errors.Indeterminate: 502,
    errors.IndeterminateTimeout: 504,
    errors.Reconciling: 409,
    errors.Parked: 409,
    errors.InternalError: 500,
}
"""Error class → HTTP status; a test holds that no class is missing."""

TITLES: Final[Mapping[str, str]] = {
    "malformed-request": "The request cannot be read",
    "invalid-cursor": "The cursor does not fit this list",
    "validation-failed": "The request is not valid",
    "unsupported-field": "The vendor cannot take a field",
    "value-not-representable": "The vendor's unit cannot hold a value",
    "unknown-reference": "Something that is referred to does not exist",
    "ambiguous-reference": "A name fits several things",
    "unknown-custom-field": "There is no such custom field",
    "unsupported-filter": "A connection cannot filter or sort this way",
    "operation-unsupported": "The vendor has no such operation",
    "precondition-failed": "The opportunity is in another state",
    "precondition-required": "A precondition is required",
    "matches-existing": "The vendor already has such an opportunity",
    "opportunity-not-found": "There is no such opportunity",
    "connection-not-found": "There is no such connection",
    "operation-not-found": "There is no such operation",
    "operation-settled": "The operation is settled otherwise",
    "request-not-found": "There is no record of such a request",
    "route-not-found": "There is no such path",
    "method-not-allowed": "The path knows other methods",
    "body-too-large": "The request body is too large",
    "headers-too-large": "The request headers are too large",
    "unsupported-media-type": "The request body is of another kind",
    "request-timeout": "The request did not arrive in time",
    "unauthenticated": "The caller is not known",
    "forbidden": "The caller may not do this",
    "store-unavailable": "The store of writes is not available",
    "overloaded": "Too much is under way",
    "record-busy": "Another write holds the opportunity",
    "keys-unavailable": "The keys that verify tokens cannot be read",
    "idempotency-key-missing": "An idempotency key is required",
    "idempotency-key-invalid": "The idempotency key cannot be read",
    "idempotency-key-reused": "The idempotency key belongs to another request",
    "idempotency-in-progress": "The first request with this key still runs",
    "history-lost": "Whether the key ran before can no longer be told",
    "connection-disabled": "The connection is switched off",
    "vendor-rejected": "The vendor refused the request",
    "vendor-conflict": "The vendor reports a conflict",
    "vendor-credentials-invalid": "The vendor does not accept the connection's credentials",
    "vendor-forbidden": "The vendor forbids this to the connection",
    "rate-limited": "Too many requests",
    "vendor-unavailable": "The vendor cannot be reached",
    "vendor-bad-response": "The vendor answered with something unusable",
    "vendor-timeout": "The vendor did not answer in time",
    "deadline-exceeded": "Too little time was left",
    "partially-applied": "Only a part of the write was applied",
    "outcome-indeterminate": "Whether the write was applied is unknown",
    "internal-error": "The gateway has a fault",
}

ADVICE: Final[Mapping[str, str]] = {
    "same_request": "Send the same request again, after Retry-After where it is given.",
    "after_fix": "Mend the request as detail and errors say, then send it.",
    "operator": "Whoever runs the gateway or the vendor account has to act first.",
    "never": "Sending it again cannot help.",
}

_WORD: Final = re.compile(r"[a-z]+\s")
"""A word that a sentence may begin with; the name of a member keeps its small letter."""
ALWAYS_RETRY_AFTER: Final = frozenset({429, 503})


class Sparse(Answer):
    """An answer without the members that do not apply."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)


class ProblemError(Sparse):
    """One thing that is wrong, at one place of the request."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    allowed: tuple[Any, ...] | None = None


class ProblemVendor(Sparse):
    """What the vendor said, in its own words, cut to 1 kB."""

    name: str | None = None
    connection: str | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None


class Problem(Sparse):
    """An error (RFC 9457); clients key on `code`."""

    type: str
    title: str
    status: Annotated[int, Field(json_schema_extra={"format": "int32"})]
    detail: str
    instance: str
    code: Annotated[str, open_enum(*TITLES)]
    origin: Annotated[str, open_enum(*get_args(errors.Origin))]
    retry: Annotated[str, open_enum(*ADVICE)]
    request_id: str
    outcome: Annotated[str, open_enum(*get_args(errors.Outcome))] | None = None
    operation_id: str | None = None
    opportunity_id: str | None = None
    etag: str | None = None
    applied: tuple[str, ...] | None = None
    vendor: ProblemVendor | None = None
    errors: tuple[ProblemError, ...] | None = None


def status_of(error: GatewayError) -> int:
    """The HTTP status of an error."""
    return STATUS[type(error)]


def problem_of(
    error: GatewayError, *, request_id: str, instance: str, vendor: str | None, writes: bool
) -> Problem:
    """The problem that tells of an error; what does not apply is left out of it."""
    return Problem(
        type=f"/problems/{error.code}",
        title=TITLES[error.code],
        status=status_of(error),
        detail=_sentence(error.message),
        instance=instance,
        code=error.code,
        origin=error.origin,
        retry=error.retry,
        request_id=request_id,
        outcome=error.outcome if writes else None,
        operation_id=error.operation_id,
        opportunity_id=error.opportunity_id,
        etag=error.etag if isinstance(error, errors.StaleVersion) else None,
        applied=error.applied if isinstance(error, errors.Partial) else None,
        vendor=_vendor(error, vendor),
        errors=tuple(_error(fault) for fault in error.faults) or None,
    )


def spoken(problem: Problem) -> dict[str, Any]:
    """A problem as JSON, without the members that do not apply."""
    return problem.model_dump(exclude_none=True)


def response_of(error: GatewayError, problem: Problem, headers: Mapping[str, str]) -> Response:
    """The answer that carries a problem."""
    response = Response(
        json_text.write(spoken(problem)), status_code=problem.status, media_type=MEDIA_TYPE
    )
    if error.retry_after is not None or problem.status in ALWAYS_RETRY_AFTER:
        response.headers["Retry-After"] = str(max(error.retry_after or 1, 1))
    if isinstance(error, errors.StaleVersion):
        response.headers["ETag"] = error.etag
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="opportunity-gateway"'
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _sentence(text: str) -> str:
    """A message as a sentence: faults are gathered as parts of one."""
    begun = text[:1].upper() + text[1:] if _WORD.match(text) else text
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def _vendor(error: GatewayError, vendor: str | None) -> ProblemVendor | None:
    reply = error.reply
    if error.origin != "vendor" and reply is None:
        return None
    return ProblemVendor(
        name=vendor,
        connection=error.connection,
        status=reply.status if reply else None,
        code=reply.code if reply else None,
        message=reply.message if reply else None,
    )


def _error(fault: Fault) -> ProblemError:
    return ProblemError(
        code=fault.code,
        detail=fault.detail,
        pointer=fault.pointer,
        parameter=fault.parameter,
        header=fault.header,
        allowed=fault.allowed or None,
    )
