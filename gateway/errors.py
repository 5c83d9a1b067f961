"""Everything that can go wrong, drawn as a tree; there is no HTTP in it.

GatewayError
├── Rejected                  refused before any vendor write; the request can be mended
│   ├── MalformedRequest
│   ├── InvalidCursor
│   ├── ValidationFailed
│   ├── Unsupported
│   ├── NotRepresentable
│   ├── UnknownReference
│   ├── AmbiguousReference
│   ├── UnknownCustomField
│   ├── UnsupportedFilter
│   ├── OperationUnsupported
│   ├── StaleVersion
│   ├── VersionRequired
│   ├── MatchesExisting
│   ├── OpportunityNotFound
│   ├── ConnectionNotFound
│   ├── OperationNotFound
│   ├── OperationSettled
│   ├── RequestNotFound
│   ├── RouteNotFound
│   ├── MethodNotAllowed
│   ├── BodyTooLarge
│   ├── HeadersTooLarge
│   ├── UnsupportedMediaType
│   └── RequestTimeout
├── Denied                    about the caller, never about the vendor
│   ├── Unauthenticated
│   └── Forbidden
├── Busy                      about us; nothing was applied
│   ├── ConnectionDisabled
│   ├── StoreUnavailable
│   ├── Overloaded
│   ├── RecordBusy
│   └── KeysUnavailable
├── KeyConflict               about the idempotency key, and what it stands for
│   ├── KeyMissing
│   ├── KeyMalformed
│   ├── KeyReused
│   ├── InProgress
│   └── HistoryLost
├── VendorError               the vendor said no, or answered nothing that can be read
│   ├── VendorNotFound
│   ├── VendorRefused
│   │   └── VendorUnknownReference
│   ├── VendorConflict
│   ├── VendorPrecondition
│   ├── VendorUnauthorized
│   ├── VendorForbidden
│   ├── VendorThrottled
│   ├── VendorTooEarly
│   ├── VendorUnavailable
│   ├── VendorMisspoke
│   ├── AppliedUnread
│   ├── VendorFaulted
│   ├── VendorNotTaken
│   └── VendorTimeout
├── NotSent                   provably never left us
│   ├── DeadlineExceeded
│   ├── Throttled
│   ├── BreakerOpen
│   └── PrivateAddress
├── Partial                   one of several vendor writes applied, a later one did not
├── Indeterminate             may have left, no verdict; never sent again blindly
│   ├── IndeterminateTimeout
│   ├── Reconciling
│   └── Parked
└── InternalError             a fault of ours
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["not_applied", "applied", "partial", "unknown"]
Retry = Literal["same_request", "after_fix", "operator", "never"]
Origin = Literal["client", "gateway", "vendor"]

MAX_FAULTS = 100
"""How many faults are told at once: a body can be made to have a hundred thousand."""

MAX_CANDIDATES = 20
"""How many allowed values a fault lists (api.md 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, at one place: a JSON pointer (RFC 6901), a parameter or a header."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    allowed: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorReply:
    """What a vendor said when it refused: its status, its own code, its message cut to 1 kB."""

    status: int | None = None
    code: str | None = None
    message: str | None = None


class GatewayError(Exception):
    """The root: a message that the caller can act on, and what it means for a retry."""

    code: str
    outcome: Outcome = "not_applied"
    retry: Retry = "after_fix"
    origin: Origin = "client"
    stored: bool = False
    """Whether the answer to a write that was sent stays under its key, instead of freeing it."""

    def __init__(self, message: str, *, faults: Iterable[Fault] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.faults: tuple[Fault, ...] = tuple(faults)
        self.reply: VendorReply | None = None
        self.connection: str | None = None
        self.operation_id: str | None = None
        self.opportunity_id: str | None = None
        self.retry_after: int | None = None
        """Whole seconds, never less than 1."""


class Rejected(GatewayError):
    """Refused before any vendor write was sent: nothing changed, the request can be mended."""


class MalformedRequest(Rejected):
    """The request is not readable as HTTP with strict JSON."""

    code = "malformed-request"


class InvalidCursor(Rejected):
    """A cursor that was tampered with, is another caller's or query's, or is dead."""

    code = "invalid-cursor"


class ValidationFailed(Rejected):
    """A member is missing, unknown, of the wrong type or out of its range."""

    code = "validation-failed"


class Unsupported(Rejected):
    """The vendor cannot take a field that was sent."""

    code = "unsupported-field"


class NotRepresentable(Rejected):
    """The vendor's unit cannot hold a value exactly; the nearest that it can are in `allowed`."""

    code = "value-not-representable"


class UnknownReference(Rejected):
    """A stage, pipeline, person or account that does not exist on the connection."""

    code = "unknown-reference"


class AmbiguousReference(Rejected):
    """A name that fits several; the candidates are in `allowed`."""

    code = "ambiguous-reference"


class UnknownCustomField(Rejected):
    """A key that is neither an alias nor a custom field of the vendor."""

    code = "unknown-custom-field"


class UnsupportedFilter(Rejected):
    """A list filter or sort that a named connection cannot do."""

    code = "unsupported-filter"


class OperationUnsupported(Rejected):
    """The vendor has no such operation, or none that is documented."""

    code = "operation-unsupported"


class StaleVersion(Rejected):
    """`If-Match` names another state than the vendor's record has (RFC 9110 13.1.1)."""

    code = "precondition-failed"

    def __init__(self, message: str, *, etag: str) -> None:
        super().__init__(message)
        self.etag = etag


class VersionRequired(Rejected):
    """The connection requires `If-Match` on writes (RFC 6585 3)."""

    code = "precondition-required"


class MatchesExisting(Rejected):
    """A create that the vendor would answer with a record that it already has."""

    code = "matches-existing"


class OpportunityNotFound(Rejected):
    """No such opportunity, told without asking the vendor: the id cannot be one of its own."""

    code = "opportunity-not-found"
    retry: Retry = "never"


class ConnectionNotFound(Rejected):
    """No such connection, or none that the caller may see."""

    code = "connection-not-found"


class OperationNotFound(Rejected):
    """No such write, or none that the caller may see; records end with their retention."""

    code = "operation-not-found"
    retry: Retry = "never"


class OperationSettled(Rejected):
    """The write is settled, and not in the way that was now said by hand."""

    code = "operation-settled"
    retry: Retry = "never"


class RequestNotFound(Rejected):
    """No record of such a request, or none that the caller may see; records end with their time."""

    code = "request-not-found"
    retry: Retry = "never"


class RouteNotFound(Rejected):
    """No such path."""

    code = "route-not-found"
    retry: Retry = "never"


class MethodNotAllowed(Rejected):
    """The path knows other methods."""

    code = "method-not-allowed"
    retry: Retry = "never"


class BodyTooLarge(Rejected):
    """A request body over the limit."""

    code = "body-too-large"


class HeadersTooLarge(Rejected):
    """A request whose header lines are over the limit (RFC 6585 5)."""

    code = "headers-too-large"


class UnsupportedMediaType(Rejected):
    """A request body that is not JSON of the kind the route takes."""

    code = "unsupported-media-type"


class RequestTimeout(Rejected):
    """The request body did not arrive in time."""

    code = "request-timeout"
    retry: Retry = "same_request"


class Denied(GatewayError):
    """About the caller: who it is, or what it may do."""


class Unauthenticated(Denied):
    """No credential, or none that is known."""

    code = "unauthenticated"


class Forbidden(Denied):
    """The caller lacks a scope."""

    code = "forbidden"
    retry: Retry = "operator"


class Busy(GatewayError):
    """About us: nothing was sent, the same request may come again."""

    retry: Retry = "same_request"
    origin: Origin = "gateway"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectionDisabled(Busy):
    """An operator switched the connection, or its writes, off."""

    code = "connection-disabled"
    retry: Retry = "operator"


class StoreUnavailable(Busy):
    """Without its record no write is sent; reads go on."""

    code = "store-unavailable"


class Overloaded(Busy):
    """More is under way, or waits, than the gateway takes at once."""

    code = "overloaded"


class RecordBusy(Busy):
    """Another write to the same opportunity held it for as long as could be waited."""

    code = "record-busy"


class KeysUnavailable(Busy):
    """The issuer's keys cannot be read, so nobody can say whether a token is good."""

    code = "keys-unavailable"


class KeyConflict(GatewayError):
    """The idempotency key is not fit to run this write under."""


class KeyMissing(KeyConflict):
    """This gateway takes writes with a key of the caller's only."""

    code = "idempotency-key-missing"


class KeyMalformed(KeyConflict):
    """An `Idempotency-Key` that cannot be read; it is never ignored."""

    code = "idempotency-key-invalid"


class KeyReused(KeyConflict):
    """The key belongs to another request, of which nothing is told."""

    code = "idempotency-key-reused"


class InProgress(KeyConflict):
    """The first request with this key still runs; `retry_after` is from its lease."""

    code = "idempotency-in-progress"
    outcome: Outcome = "unknown"
    retry: Retry = "same_request"
    origin: Origin = "gateway"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(retry_after, 1)


class HistoryLost(KeyConflict):
    """The store lost records, so the key may have run before, and its create cannot be searched."""

    code = "history-lost"
    outcome: Outcome = "unknown"
    retry: Retry = "operator"
    origin: Origin = "gateway"


class VendorError(GatewayError):
    """The vendor answered, and the answer is not the result that was asked for."""

    code = "vendor-bad-response"
    origin: Origin = "vendor"

    def __init__(
        self, message: str, *, reply: VendorReply | None = None, faults: Iterable[Fault] = ()
    ) -> None:
        super().__init__(message, faults=faults)
        self.reply = reply


class VendorNotFound(VendorError):
    """The vendor has no such record."""

    code = "opportunity-not-found"
    retry: Retry = "never"
    stored = True


class VendorRefused(VendorError):
    """The vendor understood and said no."""

    code = "vendor-rejected"
    stored = True


class VendorUnknownReference(VendorRefused):
    """The vendor does not know something that the write refers to."""

    code = "unknown-reference"


class VendorConflict(VendorError):
    """The vendor reports a conflict with the state of its record."""

    code = "vendor-conflict"
    stored = True


class VendorPrecondition(VendorError):
    """The vendor says that a precondition does not hold."""

    code = "precondition-failed"


class VendorUnauthorized(VendorError):
    """The vendor does not accept the connection's credentials."""

    code = "vendor-credentials-invalid"
    retry: Retry = "operator"


class VendorForbidden(VendorError):
    """The vendor accepts the credentials and forbids the operation."""

    code = "vendor-forbidden"
    retry: Retry = "operator"


class VendorThrottled(VendorError):
    """The vendor's rate limit is reached."""

    code = "rate-limited"
    retry: Retry = "same_request"


class VendorTooEarly(VendorError):
    """The vendor will not process a request that might be a replay (RFC 8470)."""

    code = "vendor-unavailable"
    retry: Retry = "same_request"


class VendorUnavailable(VendorError):
    """The vendor cannot answer now; on a write this proves nothing."""

    code = "vendor-unavailable"
    retry: Retry = "same_request"


class VendorMisspoke(VendorError):
    """The vendor refused what its own contract promises to accept (405, 415)."""

    retry: Retry = "operator"


class AppliedUnread(VendorError):
    """The vendor took the write, and its answer is larger than what is read of one."""

    outcome: Outcome = "applied"
    retry: Retry = "never"
    stored = True


class VendorFaulted(VendorError):
    """The vendor broke down, or its answer cannot be read; on a write this proves nothing."""

    retry: Retry = "same_request"


class VendorNotTaken(VendorError):
    """The vendor accepted a write and its answer shows that a part of it was not taken."""

    outcome: Outcome = "partial"
    retry: Retry = "never"
    stored = True


class VendorTimeout(VendorError):
    """The vendor did not answer in time; on a write this proves nothing."""

    code = "vendor-timeout"
    retry: Retry = "same_request"


class NotSent(GatewayError):
    """Provably not a byte of the request left: connecting, TLS, name look-up or the pool failed."""

    code = "vendor-unavailable"
    retry: Retry = "same_request"
    origin: Origin = "gateway"


class DeadlineExceeded(NotSent):
    """Less time was left than the vendor needs, so nothing was sent."""

    code = "deadline-exceeded"


class Throttled(NotSent):
    """A rate limit, the vendor's or the caller's own, leaves no room for it in time."""

    code = "rate-limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(retry_after, 1)


class BreakerOpen(NotSent):
    """The vendor failed too often of late, so for a while nothing is sent to it."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(retry_after, 1)


class PrivateAddress(NotSent):
    """The vendor's name leads to an address inside, where this connection may not go."""

    retry: Retry = "operator"


class Partial(GatewayError):
    """An earlier vendor write of the operation applied, a later one was refused or not taken."""

    code = "partially-applied"
    outcome: Outcome = "partial"
    retry: Retry = "never"
    origin: Origin = "vendor"
    stored = True

    def __init__(
        self, message: str, *, applied: Sequence[str], reply: VendorReply | None = None
    ) -> None:
        super().__init__(message)
        self.applied = tuple(applied)
        """JSON pointers of what is stored at the vendor."""
        self.reply = reply


class Indeterminate(GatewayError):
    """The write may have been applied, and no answer says whether it was."""

    code = "outcome-indeterminate"
    outcome: Outcome = "unknown"
    retry: Retry = "same_request"
    origin: Origin = "vendor"

    def __init__(self, message: str, *, reply: VendorReply | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class IndeterminateTimeout(Indeterminate):
    """The same, because no answer came in time."""


class Reconciling(Indeterminate):
    """The same key came again while the gateway still finds out by reading."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(retry_after, 1)


class Parked(Indeterminate):
    """The same key came again, and reading gave no proof: a person has to settle it."""

    retry: Retry = "operator"


class InternalError(GatewayError):
    """A fault of ours; the details are in the log under the request's id."""

    code = "internal-error"
    outcome: Outcome = "unknown"
    retry: Retry = "operator"
    origin: Origin = "gateway"


@dataclass(slots=True)
class Faults:
    """Gathers what is wrong with a request, so that all of it is told at once."""

    found: list[Fault] = field(default_factory=list)

    def add(
        self,
        kind: type[Rejected],
        pointer: str,
        detail: str,
        allowed: Iterable[Any] = (),
    ) -> None:
        """Notes one fault of the body; `pointer` is an RFC 6901 pointer into it."""
        if len(self.found) >= MAX_FAULTS:
            return
        candidates = tuple(allowed)[:MAX_CANDIDATES]
        fault = Fault(code=kind.code, detail=detail, pointer=pointer, allowed=candidates)
        self.found.append(fault)

    def raise_if_any(self) -> None:
        """Raises the gravest kind found, with every fault in its `faults`."""
        if not self.found:
            return
        kind = min((_BY_CODE[fault.code] for fault in self.found), key=_GRAVITY.index)
        first = next(fault for fault in self.found if fault.code == kind.code)
        more = len(self.found) - 1
        tail = f" (and {more} more, see errors)" if more else ""
        raise kind(first.detail + tail, faults=self.found)


_GRAVITY: tuple[type[Rejected], ...] = (
    ValidationFailed,
    Unsupported,
    NotRepresentable,
    UnknownCustomField,
    UnknownReference,
    AmbiguousReference,
)
_BY_CODE = {kind.code: kind for kind in _GRAVITY}
