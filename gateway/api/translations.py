"""The route of translations: a write's vendor requests without the write, a record's reading."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import bodies, documents
from gateway.api.access import READ, WRITE
from gateway.api.desk import Desk
from gateway.api.visit import Visit
from gateway.canonical.opportunity import (
    JsonObject,
    Opportunity,
    OpportunityDraft,
    OpportunityPatch,
    Warning,
)
from gateway.canonical.schema import Answer
from gateway.canonical.schema import Request as Closed
from gateway.connections import Connection
from gateway.engine.credentials import masked
from gateway.engine.wire import url_of
from gateway.errors import Fault, OpportunityNotFound, Rejected, ValidationFailed
from gateway.translator import VendorRequest

router = APIRouter(tags=["translations"])

NEEDED: Final = {
    "create": ("body",),
    "update": ("opportunity_id", "body"),
    "delete": ("opportunity_id",),
    "read": ("record",),
}
"""Operation → the members that it needs; it takes no others."""

DELETED: Final = {
    "deletes": "the vendor keeps nothing of it",
    "archives": "the vendor archives it",
    "undocumented": "the vendor does not say whether it archives it or keeps nothing of it",
}
"""`Vendor.delete` → what becomes of the record."""


class Translation(Closed):
    """What to translate: a write (`operation` and its body), or a vendor's record to read."""

    operation: Literal["create", "update", "delete", "read"]
    opportunity_id: str | None = None
    body: JsonObject | None = None
    record: JsonObject | None = None
    handling: Literal["strict", "lenient"] | None = None


class TranslatedRequest(Answer):
    """One vendor request of a write; secrets are masked."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any = None


class TranslationAnswer(Answer):
    """What a write would send in order, or the canonical form of a record."""

    requests: tuple[TranslatedRequest, ...]
    warnings: tuple[Warning, ...]
    side_effects: tuple[str, ...] = ()
    opportunity: Opportunity | None = None


@router.post(
    "/v1/connections/{connection}/translations",
    **documents.translate(Translation, TranslationAnswer),
)
async def translate(request: Visit, connection: str) -> Response:
    """Does everything of a write but the vendor writes, and shows those."""
    desk = await Desk.at(request, READ)
    bodies.query(request, ())
    at = desk.connection(connection)
    body = await bodies.json_body(request, bodies.JSON, desk.seconds)
    wanted = bodies.parsed(Translation, body)
    _check_members(wanted)
    if wanted.operation != "read":
        desk.caller.require(WRITE)
    if wanted.handling is not None:
        desk.lenient = wanted.handling == "lenient"
    if wanted.record is not None:
        found = await desk.house.opportunities.reading(at, wanted.record, desk.terms())
        return desk.answer(
            TranslationAnswer(
                requests=(),
                warnings=found.warnings,
                opportunity=found.model_copy(update={"raw": None}),
            )
        )
    return desk.answer(await _rehearsed(desk, at, wanted))


def _check_members(wanted: Translation) -> None:
    """Raises `ValidationFailed` for what the operation lacks, and for what it cannot take."""
    faults = [
        Fault(code=ValidationFailed.code, detail=f"{wanted.operation} {verb} {name}", pointer=where)
        for name, where, verb in _misplaced(wanted)
    ]
    if faults:
        raise ValidationFailed(f"A {faults[0].detail}.", faults=faults)


def _misplaced(wanted: Translation) -> Iterator[tuple[str, str, str]]:
    needed = NEEDED[wanted.operation]
    for name in ("opportunity_id", "body", "record"):
        given = getattr(wanted, name) is not None
        if given != (name in needed):
            yield name, f"/{name}", "takes no" if given else "needs"


async def _rehearsed(desk: Desk, at: Connection, wanted: Translation) -> TranslationAnswer:
    try:
        write = _write(desk, at, wanted)
        rehearsal, warnings = await desk.house.opportunities.rehearse(at, write, desk.terms())
    except Rejected as error:
        raise _within_body(error) from None
    ending = rehearsal.result.warnings if isinstance(rehearsal.result, Opportunity) else ()
    return TranslationAnswer(
        requests=tuple(_shown(at, request) for request in rehearsal.requests),
        warnings=(*warnings, *ending),
        side_effects=tuple(_side_effects(desk, at, wanted)) if rehearsal.requests else (),
    )


def _side_effects(desk: Desk, at: Connection, wanted: Translation) -> Iterator[str]:
    """What else would happen at the vendor, and on a delete what that comes to there."""
    if wanted.operation == "delete":
        yield f"the record is deleted: {DELETED.get(at.vendor.delete, at.vendor.delete)}"
    names = tuple(wanted.body or ())
    for effect in at.vendor.side_effects:
        if effect.follows(wanted.operation, names, lenient=desk.lenient):
            yield f"{effect.when}: {effect.effect}"


def _write(
    desk: Desk, at: Connection, wanted: Translation
) -> OpportunityDraft | tuple[str, OpportunityPatch | None]:
    if wanted.opportunity_id is None:
        draft = bodies.parsed(OpportunityDraft, {"connection": at.name, **(wanted.body or {})})
        if draft.connection != at.name:
            detail = f"the translation is asked of the connection {at.name}"
            fault = Fault(code=ValidationFailed.code, detail=detail, pointer="/connection")
            raise ValidationFailed(f"The draft names another connection: {detail}.", faults=[fault])
        return draft
    home, vendor_id = desk.opportunity(wanted.opportunity_id)
    if home.name != at.name:
        raise OpportunityNotFound(f"The opportunity does not live on the connection {at.name}.")
    if wanted.body is None:
        return vendor_id, None
    return vendor_id, bodies.parsed(OpportunityPatch, wanted.body)


def _shown(at: Connection, request: VendorRequest) -> TranslatedRequest:
    kind = {"Content-Type": "application/json"} if request.json is not None else {}
    return TranslatedRequest(
        method=request.method,
        url=url_of(at.base_url, request),
        headers={**kind, **request.headers, **masked(at.vendor.auth, at.credentials)},
        body=request.json,
    )


def _within_body(error: Rejected) -> Rejected:
    """The faults of the write lie below `/body` of the translation."""
    error.faults = tuple(
        fault if fault.pointer is None else replace(fault, pointer=f"/body{fault.pointer}")
        for fault in error.faults
    )
    return error
