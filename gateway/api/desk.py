"""What every route needs of one request: the caller, the terms, and how an answer is written."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel
from starlette.responses import Response

from gateway.api import headers
from gateway.api.access import Access, Caller, connection_of
from gateway.api.cursors import Cursors
from gateway.api.quotas import Quotas
from gateway.api.visit import Visit
from gateway.canonical import ids, json_text
from gateway.canonical.opportunity import Opportunity
from gateway.connections import Connection
from gateway.engine.breaker import Breakers
from gateway.engine.credentials import Proofs
from gateway.engine.health import Health
from gateway.engine.limiter import Limiter
from gateway.errors import OpportunityNotFound
from gateway.evidence import Evidence
from gateway.idempotency.doing import Doing
from gateway.idempotency.once import Once
from gateway.idempotency.registry import Registry
from gateway.listing import Listing
from gateway.opportunities import Opportunities, Terms
from gateway.shared.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the application is made of, as routes see it; it lies in `app.state.house`."""

    access: Access
    connections: Mapping[str, Connection]
    opportunities: Opportunities
    listing: Listing
    cursors: Cursors
    evidence: Evidence
    health: Mapping[str, Health]
    breakers: Breakers
    limiters: Mapping[str, Limiter]
    proofs: Mapping[str, Proofs]
    quotas: Quotas
    once: Once[Any]
    registry: Registry
    ledger: Ledger | None
    """Of requests; None where none is kept."""
    doing: Doing[Any]
    require_key: bool
    request_seconds: float
    vendor_seconds: float


class Desk:
    """One request being served."""

    @classmethod
    async def at(cls, request: Visit, *scopes: str) -> Self:
        """The desk of a request whose caller is known, and has any of the scopes.

        Raises `Denied`, `Throttled`, or `MalformedRequest` for its headers.
        """
        house: House = request.app.state.house
        caller = await house.access.caller(request.lines.all(b"authorization"))
        request.state.caller = caller.name
        await house.quotas.admit(request, caller)
        caller.require(*scopes)
        return cls(request, house, caller)

    def __init__(self, request: Visit, house: House, caller: Caller) -> None:
        self.request = request
        self.house = house
        self.caller = caller
        self.lenient = headers.is_lenient(request.lines)
        self.seconds = headers.timeout_seconds(request.lines, self.house.request_seconds)
        self.until = asyncio.get_running_loop().time() + self.seconds

    def connection(self, name: str) -> Connection:
        """A connection that the caller may see. Raises `ConnectionNotFound`."""
        at = connection_of(self.caller, self.house.connections, name)
        self.request.state.connection = at
        return at

    def opportunity(self, opportunity_id: str) -> tuple[Connection, str]:
        """Where an opportunity lives. Raises `OpportunityNotFound` or `ConnectionNotFound`."""
        found = ids.split(opportunity_id)
        if found is None:
            raise OpportunityNotFound(
                "This is no opportunity id: ids look like connection.record, such as "
                "acme-close.oppo_8H."
            )
        name, vendor_id = found
        at = self.connection(name)
        self.request.state.opportunity_id = opportunity_id
        return at, vendor_id

    def terms(self) -> Terms:
        """How the caller wants it done, from the headers. Raises `MalformedRequest`."""
        now = asyncio.get_running_loop().time()
        return Terms(
            until=min(self.until, now + self.house.vendor_seconds),
            patience=now + self.house.vendor_seconds,
            caller=self.caller.name,
            lenient=self.lenient,
            if_match=headers.etags(self.request.lines, "if-match"),
        )

    def answer(
        self, body: BaseModel | Mapping[str, Any], status: int = 200, **extra: str
    ) -> Response:
        """A JSON answer with exact numbers."""
        response = Response(
            json_text.write(body), status_code=status, media_type="application/json"
        )
        told = {**extra, **self.preference()}
        response.raw_headers += [headers.line(name, value) for name, value in told.items()]
        return response

    def opportunity_answer(
        self, opportunity: Opportunity, status: int = 200, *, raw: bool = False, **extra: str
    ) -> Response:
        """An opportunity with its version."""
        return self.answer(shown(opportunity, raw=raw), status, ETag=opportunity.etag, **extra)

    def preference(self) -> dict[str, str]:
        """What is said about lenient handling, which there is in writes only (RFC 7240 3)."""
        if not self.lenient or self.request.method == "GET":
            return {}
        return {"Preference-Applied": "handling=lenient", "Vary": "Prefer"}


def shown(opportunity: Opportunity, *, raw: bool) -> Mapping[str, Any]:
    """What a caller sees of an opportunity: the vendor's own payload only if it was asked for."""
    return vars(opportunity) if raw else {**vars(opportunity), "raw": None}
