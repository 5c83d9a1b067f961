"""THE port: what a vendor's file offers, and what the engine gives it.

A translator's operations are *dialogues*: generators that yield vendor requests, are sent the
replies, and return something canonical. A translator never awaits, sleeps, reads a clock, draws a
random number or sees a secret.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from gateway import errors
from gateway.canonical.capabilities import (
    Capabilities,
    Concurrency,
    Listing,
    NativeIdempotency,
    Operations,
    RateLimit,
    SideEffect,
)
from gateway.canonical.ids import pointer
from gateway.canonical.opportunity import Change, Opportunity, Warning
from gateway.canonical.pipeline import Catalogue, Pipeline
from gateway.canonical.query import Page, Query
from gateway.errors import Fault, VendorError, VendorReply
from gateway.normalizer.dates import moment
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context
from gateway.normalizer.rates import Form

T = TypeVar("T")

MAX_RETRY_SECONDS = 300
DIGITS = re.compile(r"[0-9]{1,9}")
MAX_MESSAGE = 1000
"""Characters of a vendor's own words that a problem repeats (api.md 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorRequest:
    """A vendor call, described: `path` is relative to the connection's base URL."""

    effect: Literal["read", "write"]
    """What it does, whatever its method is called: there are vendors that list by POST."""
    step: str
    """Names the call inside its operation ("create", "custom-fields")."""
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    of_record: bool = False
    """Whether a 404 means that the opportunity itself is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorResponse:
    """A vendor's answer; `json` is None where the body is empty or cannot be read as JSON."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    json: Any = None
    text: str = ""
    """The beginning of a body that is not JSON."""


MARKED = "a create without an answer is found again by its mark in the field marker_field names"
UNMARKED = "a create without an answer stays unknown: the option marker_field is not set"
MARKABLE = "a create without an answer is found again where the option marker_field names a field"
NOT_FOUND = "a create without an answer cannot be found again by reading"
"""What capabilities say of a create whose outcome is unknown."""

Dialogue = Generator[VendorRequest, VendorResponse, T]


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic with the secret as user name and an empty password (RFC 7617)."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A bearer token (RFC 6750)."""


@dataclass(frozen=True, slots=True)
class Header:
    """The bare secret in a header of the vendor's own."""

    name: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """A bearer token that runs out, and is renewed by a refresh token (RFC 6749 6).

    The credentials are `OAuthCredentials`.
    """

    path: str
    """Of the token endpoint, relative to the base URL: no other host sees what is spent."""


Auth = Basic | Bearer | Header | Renewed
"""An auth scheme as data; the engine applies it, after the dialogue has yielded."""


class Credentials(BaseModel):
    """A connection's secrets, by the names that its vendor gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OAuthCredentials(Credentials):
    """What a token is renewed by: set all three, or none where there is another way."""

    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    """The first one; the gateway keeps those that follow."""

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        given = {self.client_id is None, self.client_secret is None, self.refresh_token is None}
        if len(given) > 1:
            raise ValueError("client_id, client_secret and refresh_token go together")
        return self


class Options(BaseModel):
    """A connection's options; a vendor's file adds its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    external_id_field: str | None = None
    """The vendor's key of the text custom field that keeps `external_id`."""
    marker_field: str | None = None
    """The vendor's key of the text custom field that keeps the mark of a write (reliability.md)."""


class Translator(ABC):
    """One vendor's dialogues, bound to one connection's context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def get(self, vendor_id: str) -> Dialogue[Opportunity]:
        """Reads one record."""

    @abstractmethod
    def list(self, query: Query) -> Dialogue[Page]:
        """Reads one vendor page."""

    @abstractmethod
    def create(self, change: Change) -> Dialogue[Opportunity]:
        """Creates; what can be refused without a call is refused before the first."""

    @abstractmethod
    def update(
        self, vendor_id: str, change: Change, current: Opportunity | None
    ) -> Dialogue[Opportunity]:
        """Changes what is named and nothing else; `current` is the record where it was read."""

    @abstractmethod
    def delete(self, vendor_id: str) -> Dialogue[None]:
        """Deletes or archives, whichever the vendor does."""

    @abstractmethod
    def catalogue(self) -> Dialogue[Catalogue]:
        """Reads pipelines, users and custom-field definitions."""

    @abstractmethod
    def find(self, marker: str, change: Change) -> Dialogue[Opportunity | None]:
        """Looks for the record that a create with this marker made; None if there is none.

        Of several the oldest is told, see `oldest`.
        """

    def holds(self, record: Opportunity, name: str, value: Any) -> Dialogue[bool | None]:
        """Whether a record has a value that no answer shows, asked in another way.

        None where the vendor knows no other way, which is all but a few fields of a few vendors.
        """
        del record, name, value
        yield from ()
        return None

    @abstractmethod
    def check(self) -> Dialogue[None]:
        """Makes a cheap authenticated read."""

    @abstractmethod
    def error(self, response: VendorResponse) -> VendorError:
        """What a refusal means, with the vendor's own code and words."""

    def pipelines_in(self, record: Mapping[str, Any]) -> Sequence[Pipeline]:
        """Pipelines that a record shows whole, for vendors without a list of them."""
        del record
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What a vendor's file declares, as data."""

    name: str
    title: str
    base_url: str
    dialect: Dialect
    credentials: type[Credentials]
    auth: Mapping[str, Auth]
    """Member of the credentials → its scheme; the first member that is set is used."""
    translator: Callable[[Context], Translator]
    options: type[Options] = Options
    operations: Operations = field(default_factory=Operations)
    listing: Listing = field(default_factory=Listing)
    filters: Callable[[Context], Listing] | None = None
    """How a connection lists, where that depends on its options or on the vendor's schema."""
    idempotency: NativeIdempotency = field(default_factory=NativeIdempotency)
    concurrency: Concurrency = field(default_factory=Concurrency)
    delete: str = "deletes"
    rate_limits: tuple[RateLimit, ...] = ()
    rate_forms: tuple[Form, ...] = ()
    """How its answers tell of a limit, the most reliable form first."""
    side_effects: tuple[SideEffect, ...] = ()
    currency: str | None = None
    """The only currency of the vendor, if it has one."""
    finds_marked: bool = False
    """Whether `Translator.find` can look for a record by what a custom field holds."""
    added_later: frozenset[str] = frozenset()
    """Canonical fields that a create writes with a call of its own, after the first."""
    reads_first: frozenset[str] = frozenset()
    """Canonical fields whose update needs the record as it is, `*` for any."""
    reads_also: Callable[[Context], frozenset[str]] | None = None
    """More of them, where that depends on a connection's options."""
    catalogue_first: frozenset[str] = frozenset()
    """Canonical fields whose write needs the catalogue, `*` for any; `read` for reading too."""

    def capabilities(self, context: Context | None = None) -> Capabilities:
        """What the vendor can do, or one connection to it, from the declarations that translate."""
        dialect = self.dialect
        return Capabilities(
            vendor=self.name,
            fields=dialect.table(context),
            vendor_fields={key: own.can for key, own in dialect.own_fields(context).items()},
            vendor_options=dialect.vendor_options,
            operations=self.operations,
            listing=self.lists(context),
            idempotency=self.dedupes(context),
            concurrency=self.concurrency,
            delete=self.delete,
            rate_limits=self.rate_limits,
            side_effects=self.side_effects,
        )

    def marker_field(self, context: Context) -> str | None:
        """The custom field that carries the mark of a connection's creates, if one does."""
        field_key: str | None = context.option("marker_field")
        return field_key if self.finds_marked else None

    def dedupes(self, context: Context | None = None) -> NativeIdempotency:
        """What guards against doubles at the vendor, and what finds a create again."""
        marked = context is not None and self.marker_field(context) is not None
        found = UNMARKED if context is not None else MARKABLE
        told = (MARKED if marked else found) if self.finds_marked else NOT_FOUND
        note = "; ".join(filter(None, (self.idempotency.note, told)))
        return self.idempotency.model_copy(update={"marker": marked, "note": note})

    def needs_first(self, context: Context) -> frozenset[str]:
        """The canonical fields whose update needs the record, on one connection."""
        if self.reads_also is None:
            return self.reads_first
        return self.reads_first | self.reads_also(context)

    def lists(self, context: Context | None = None) -> Listing:
        """How the vendor lists, or one connection to it."""
        return self.filters(context) if context and self.filters else self.listing


def read(
    step: str, path: str, query: Mapping[str, Any] | None = None, *, of_record: bool = False
) -> VendorRequest:
    """A GET; query members that are None are left out."""
    given = (query or {}).items()
    pairs = tuple((name, str(value)) for name, value in given if value is not None)
    return VendorRequest(
        effect="read", step=step, method="GET", path=path, query=pairs, of_record=of_record
    )


def write(
    step: str,
    method: str,
    path: str,
    json: Any = None,
    *,
    query: tuple[tuple[str, str], ...] = (),
    of_record: bool = False,
) -> VendorRequest:
    """A call that changes something at the vendor."""
    return VendorRequest(
        effect="write", step=step, method=method, path=path, query=query, json=json,
        of_record=of_record,
    )  # fmt: skip


def segment(vendor_id: Any) -> str:
    """An id as one path segment: what is not unreserved (RFC 3986 2.3) is escaped.

    Raises `OpportunityNotFound` for a text that would name another path, escaped or not.
    """
    if vendor_id in ("", ".", ".."):
        raise errors.OpportunityNotFound("The vendor cannot have an opportunity of that id.")
    return quote(vendor_id, safe="") if isinstance(vendor_id, str) else str(vendor_id)


TWICE = Warning(
    code="duplicate-detected", pointer=None, detail="several records bear this create's mark"
)


def oldest(marked: Iterable[Opportunity]) -> Opportunity | None:
    """Of the records with one mark the first that was made, with a warning where it has twins."""
    found = sorted(marked, key=_age)
    return found[0].warned(TWICE) if found[1:] else next(iter(found), None)


def _age(record: Opportunity) -> tuple[datetime, int, str]:
    """What sorts by time of creation, then by an id, of which the vendor may count."""
    made = moment(record.created_at) if record.created_at else LAST
    return made, len(record.vendor_id), record.vendor_id


LAST = datetime.max.replace(tzinfo=UTC)

_BY_STATUS: Mapping[int, type[VendorError]] = {
    401: errors.VendorUnauthorized,
    403: errors.VendorForbidden,
    404: errors.VendorNotFound,
    405: errors.VendorMisspoke,
    408: errors.VendorUnavailable,
    409: errors.VendorConflict,
    412: errors.VendorPrecondition,
    415: errors.VendorMisspoke,
    425: errors.VendorTooEarly,
    429: errors.VendorThrottled,
    503: errors.VendorUnavailable,
    504: errors.VendorUnavailable,
}

_SENTENCES: Mapping[type[VendorError], str] = {
    errors.VendorUnauthorized: "The vendor does not accept the connection's credentials.",
    errors.VendorForbidden: "The vendor forbids this to the connection's credentials.",
    errors.VendorNotFound: "The vendor has no such opportunity.",
    errors.VendorMisspoke: "The vendor refused a call that its own contract describes.",
    errors.VendorUnavailable: "The vendor cannot answer at the moment.",
    errors.VendorConflict: "The vendor reports a conflict with the state of the record.",
    errors.VendorPrecondition: "The vendor reports that a precondition does not hold.",
    errors.VendorTooEarly: "The vendor does not process requests that might be replays.",
    errors.VendorThrottled: "The vendor's rate limit is reached.",
    errors.VendorFaulted: "The vendor failed, or answered with something that cannot be read.",
    errors.VendorRefused: "The vendor refused the request.",
    errors.VendorUnknownReference: "The vendor does not know something that the write refers to.",
}


def refusal(
    response: VendorResponse,
    *,
    code: str | None = None,
    message: str | None = None,
    faults: Sequence[Fault] = (),
    kind: type[VendorError] | None = None,
) -> VendorError:
    """The error that a status means (api.md 7), with what the vendor said in its own words.

    `kind` is for a vendor whose own code says more than its status.
    """
    status = response.status
    kind = kind or _BY_STATUS.get(status)
    if kind is None:
        kind = errors.VendorRefused if 400 <= status < 500 else errors.VendorFaulted
    reply = VendorReply(status=status, code=code, message=(message or "")[:MAX_MESSAGE] or None)
    refused = issubclass(kind, errors.VendorRefused)
    said = f" It says: {reply.message}" if reply.message and refused else ""
    told = [replace(fault, code=kind.code) for fault in faults]
    error = kind(_SENTENCES[kind] + said, reply=reply, faults=told)
    error.retry_after = _retry_after(response)
    return error


def _retry_after(response: VendorResponse) -> int | None:
    """The seconds of `Retry-After` (RFC 9110 10.2.3), bounded; its form as a date is not read."""
    given = response.headers.get("retry-after", "")
    return min(max(int(given), 1), MAX_RETRY_SECONDS) if DIGITS.fullmatch(given) else None


class Fields:
    """Maps a vendor's field names in a refusal back to pointers into the caller's body."""

    def __init__(self, dialect: Dialect, extra: Mapping[str, str] | None = None) -> None:
        self._dialect = dialect
        self._extra = dict(extra or {})

    def fault(self, vendor_key: str, detail: str) -> Fault:
        """A fault at the canonical field that a vendor's field belongs to, if there is one."""
        name = self._extra.get(vendor_key) or self._dialect.owner_of(vendor_key)
        where = f"/{name}" if name else pointer("vendor_fields", vendor_key)
        return Fault(code="vendor-rejected", detail=detail[:MAX_MESSAGE], pointer=where)
