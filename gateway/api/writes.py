"""Writes as a record knows them: done, told of, looked for, by whichever replica takes one up."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from starlette.responses import Response

from gateway.api import problems
from gateway.api.desk import House, shown
from gateway.canonical import ids, json_text
from gateway.canonical.opportunity import Opportunity, OpportunityDraft, OpportunityPatch
from gateway.canonical.pipeline import Catalogue
from gateway.canonical.schema import Request as RequestModel
from gateway.connections import Connection
from gateway.engine.conduct import MISSHAPEN
from gateway.errors import (
    AppliedUnread,
    ConnectionNotFound,
    GatewayError,
    Partial,
    VendorConflict,
    VendorError,
    VendorNotFound,
    VendorNotTaken,
    VendorRefused,
    VendorUnknownReference,
)
from gateway.evidence import REBUILT, Seen
from gateway.idempotency.answer import Answer
from gateway.idempotency.doing import Finding
from gateway.idempotency.permit import Abandoned, RecordPermit
from gateway.idempotency.record import Record
from gateway.opportunities import Terms
from gateway.translator import TWICE, VendorResponse

Action = Literal["create", "update", "delete"]

MODELS: Final[Mapping[str, type[RequestModel]]] = {
    "create": OpportunityDraft,
    "update": OpportunityPatch,
}
METHODS: Final[Mapping[Action, str]] = {"create": "POST", "update": "PATCH", "delete": "DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A validated write, with all that it takes to do it again and to tell of it."""

    action: Action
    connection: str
    vendor_id: str | None = None
    body: RequestModel | None = field(default=None, repr=False)
    text: bytes = field(repr=False)
    """The body as it is kept, see `fingerprint.spelled`."""
    lenient: bool = False
    raw: bool = False
    request_id: str
    instance: str
    terms: Terms | None = field(default=None, repr=False, compare=False)
    """The caller's, while it is waited for; they are not kept."""

    @property
    def opportunity_id(self) -> str | None:
        """The opportunity that it is about, unless it creates one."""
        return ids.join(self.connection, self.vendor_id) if self.vendor_id is not None else None


class Writes:
    """What `idempotency.doing.Doing` asks of the rooms above."""

    def __init__(self, house: Callable[[], House]) -> None:
        self._house = house

    def stored(self, write: Write) -> bytes:
        """A line of JSON, then the body's text."""
        head = json_text.write(
            {
                "action": write.action,
                "connection": write.connection,
                "vendor_id": write.vendor_id,
                "lenient": write.lenient,
                "raw": write.raw,
                "request_id": write.request_id,
                "instance": write.instance,
            }
        )
        return head + b"\n" + write.text

    def read(self, stored: bytes) -> Write:
        head, _, text = stored.partition(b"\n")
        members = json_text.read(head)
        model = MODELS.get(members["action"])
        body = model.model_validate(json_text.read(text)) if model else None
        return Write(**members, body=body, text=text)

    async def perform(self, write: Write, permit: RecordPermit | Abandoned, until: float) -> Answer:
        house, at = self._house(), self._connection(write)
        terms = write.terms or self._terms(write, until)
        terms.permit, terms.marker = permit, permit.marker

        def saw(record: Opportunity) -> None:
            permit.pre = record.raw

        terms.saw = saw
        use_cases = house.opportunities
        match write.body:
            case OpportunityDraft():
                return _success(write, await use_cases.create(at, write.body, terms))
            case OpportunityPatch():
                changed = await use_cases.update(at, write.vendor_id or "", write.body, terms)
                return _success(write, changed)
            case _:
                await use_cases.delete(at, write.vendor_id or "", terms)
                return _success(write, None)

    def told(self, write: Write, error: GatewayError) -> Answer:
        at = self._house().connections.get(write.connection)
        error.connection = error.connection or write.connection
        if error.outcome in {"applied", "partial"}:
            error.opportunity_id = error.opportunity_id or write.opportunity_id
        problem = problems.problem_of(
            error,
            request_id=write.request_id,
            instance=write.instance,
            vendor=at.vendor.name if at else None,
            writes=True,
        )
        response = problems.response_of(error, problem, {})
        return _answer(response, outcome=error.outcome, opportunity_id=error.opportunity_id,
                       code=error.code)  # fmt: skip

    def retold(self, write: Write, record: Record) -> Answer:
        return self.told(write, _remembered(record))

    async def look(
        self,
        write: Write,
        *,
        marker: str | None,
        pre: bytes | None,
        made: Sequence[VendorResponse],
    ) -> Finding:
        at = self._connection(write)
        terms = self._terms(write, _now() + self._house().vendor_seconds)
        before = json_text.read(pre) if pre else None
        seen = await self._seen(at, write, marker, before, made, terms)
        return Finding(
            kind=seen.kind,
            detail=seen.detail,
            answer=_success(write, seen.opportunity) if seen.kind == "applied" else None,
            twins=any(warning.code == TWICE.code for warning in seen.warnings),
            dedupe_seconds=_dedupe_seconds(at, write),
        )

    async def _seen(
        self,
        at: Connection,
        write: Write,
        marker: str | None,
        before: Mapping[str, Any] | None,
        made: Sequence[VendorResponse],
        terms: Terms,
    ) -> Seen:
        evidence = self._house().evidence
        match write.body:
            case OpportunityDraft():
                record = made[0].json if made else None
                return await evidence.of_create(at, write.body, marker, terms, record)
            case OpportunityPatch():
                return await evidence.of_update(
                    at, write.vendor_id or "", write.body, before, terms
                )
            case _:
                return await evidence.of_delete(at, write.vendor_id or "", terms)

    async def applied(self, write: Write, opportunity_id: str | None) -> Answer:
        found = ids.split(opportunity_id or write.opportunity_id or "")
        if write.action == "delete":
            return _success(write, None)
        try:
            if found is None:
                raise VendorNotFound("The write is applied, and its opportunity is not known.")
            at = self._connection(write)
            terms = self._terms(write, _now() + self._house().vendor_seconds)
            record = await self._house().opportunities.get(at, found[1], terms)
        except GatewayError as error:
            unread = AppliedUnread(
                f"The write is applied, and the opportunity cannot be read now: {error.message}",
                reply=error.reply,
            )
            unread.opportunity_id = opportunity_id or write.opportunity_id
            return self.told(write, unread)
        return _success(write, record.warned(REBUILT))

    async def abandoned(
        self, write: Write, made: Sequence[VendorResponse], operation_id: str
    ) -> Answer:
        until = _now() + self._house().vendor_seconds
        try:
            return await self.perform(write, Abandoned(made), until)
        except GatewayError as error:
            partial = error if isinstance(error, Partial) else self._partial(write, made, error)
            partial.operation_id = operation_id
            return self.told(write, partial)

    def _partial(
        self, write: Write, made: Sequence[VendorResponse], error: GatewayError
    ) -> Partial:
        """What is left to say where a write cannot even be spelled as it was begun."""
        partial = Partial(
            f"A part of the write was made, and the rest cannot be: {error.message}", applied=()
        )
        at = self._house().connections.get(write.connection)
        if at is None:
            return partial
        with suppress(*MISSHAPEN):
            context = at.context(datetime.now(UTC), Catalogue())
            partial.opportunity_id = at.vendor.dialect.read(made[0].json, context).id
        return partial

    def _connection(self, write: Write) -> Connection:
        at = self._house().connections.get(write.connection)
        if at is None:
            raise ConnectionNotFound(f"There is no connection called {write.connection} any more.")
        return at

    def _terms(self, write: Write, until: float) -> Terms:
        """The terms of a write that nobody waits for; its condition was judged before."""
        return Terms(until=until, patience=until, lenient=write.lenient)


def _success(write: Write, opportunity: Opportunity | None) -> Answer:
    preferred = {"Preference-Applied": "handling=lenient"} if write.lenient else {}
    if opportunity is None:
        return Answer(status=204, headers=preferred, body=b"", outcome="applied",
                      opportunity_id=write.opportunity_id)  # fmt: skip
    created = write.action == "create"
    place = {"Location": f"/v1/opportunities/{opportunity.id}"} if created else {}
    return Answer(
        status=201 if created else 200,
        headers={
            "Content-Type": "application/json",
            "ETag": opportunity.etag,
            **place,
            **preferred,
        },
        body=json_text.write(shown(opportunity, raw=write.raw)),
        outcome="applied",
        opportunity_id=opportunity.id,
    )


def _answer(response: Response, **members: Any) -> Answer:
    told = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Answer(status=response.status_code, headers=told, body=bytes(response.body), **members)


def _remembered(record: Record) -> GatewayError:
    """The error that a code stands for, of those that records keep."""
    said = "The details of this answer were dropped a while after it was given."
    error: GatewayError
    if record.code == Partial.code:
        error = Partial(said, applied=())
    else:
        outcome = record.outcome or "not_applied"
        kinds = (each for each in _STORED if (each.code, each.outcome) == (record.code, outcome))
        error = next(kinds, VendorRefused)(said)
    error.opportunity_id = record.opportunity_id
    return error


_STORED: Final[tuple[type[VendorError], ...]] = (
    VendorRefused, VendorUnknownReference, VendorNotFound, VendorConflict, VendorNotTaken,
    AppliedUnread,
)  # fmt: skip


def _dedupe_seconds(at: Connection, write: Write) -> int:
    """For how long the vendor knows a write again that is sent once more under its key."""
    native = at.vendor.idempotency
    sent_again = native.supported and METHODS[write.action] in native.methods
    return (native.window_seconds or 0) if sent_again else 0


def _now() -> float:
    return asyncio.get_running_loop().time()
