"""The routes of opportunities: list, get, create, update, delete."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import bodies, documents, headers, parameters, problems
from gateway.api.access import READ, WRITE
from gateway.api.desk import Desk, shown
from gateway.api.visit import Visit
from gateway.api.written import written
from gateway.canonical.opportunity import Opportunity, OpportunityDraft, OpportunityPatch
from gateway.canonical.pipeline import STATUSES
from gateway.canonical.query import FILTERS, SORTS
from gateway.canonical.schema import Answer, is_instant
from gateway.errors import ConnectionNotFound, Fault
from gateway.listing import Position, Trouble, Wanted
from gateway.normalizer.dates import instant

LISTED_BY = tuple(parameter["name"] for parameter in parameters.LIST)
_TIMES = ("_after", "_before")

router = APIRouter(tags=["opportunities"])


class ConnectionTrouble(Answer):
    """A connection that is missing from a page: why, and the cursor to go on with it."""

    connection: str
    problem: problems.Problem
    next_cursor: str | None


class OpportunityPage(Answer):
    """A page of opportunities; it may be short or empty while `next_cursor` is not null."""

    items: tuple[Opportunity, ...]
    next_cursor: str | None
    errors: tuple[ConnectionTrouble, ...] = ()


@router.post("/v1/opportunities", **documents.create_opportunity(OpportunityDraft, Opportunity))
async def create_opportunity(request: Visit) -> Response:
    """Creates an opportunity at the vendor of a connection."""
    desk = await Desk.at(request, WRITE)
    raw = include_raw(bodies.query(request, ("include",)))
    body = await bodies.json_body(request, bodies.JSON, desk.seconds)
    draft = bodies.parsed(OpportunityDraft, body)
    try:
        at = desk.connection(draft.connection)
    except ConnectionNotFound as error:
        error.faults = (Fault(code=error.code, detail=error.message, pointer="/connection"),)
        raise
    return await written(desk, "create", at, body=draft, raw=raw)


@router.get("/v1/opportunities", **documents.list_opportunities(OpportunityPage))
async def list_opportunities(request: Visit) -> Response:
    """Lists opportunities over connections, one after another in order of name."""
    desk = await Desk.at(request, READ)
    found = bodies.query(request, LISTED_BY, ("connection",))
    wanted, query = _wanted(desk, found)
    raw = include_raw(found)
    among = desk.caller.among(desk.house.connections)
    caller = desk.caller.name
    start = Position(wanted.connections)
    if "cursor" in found:
        cursor = bodies.single(found, "cursor")
        start = desk.house.cursors.read(cursor, caller=caller, query=query)
    drained = await desk.house.listing.page(among, start, wanted, desk.terms())

    def cursor_of(position: Position | None) -> str | None:
        if position is None:
            return None
        return desk.house.cursors.write(position, caller=caller, query=query)

    items = [shown(item, raw=raw) for item in drained.items]
    page = {
        "items": items,
        "next_cursor": cursor_of(drained.next),
        "errors": [
            {
                "connection": trouble.connection,
                "problem": _told(request, desk, trouble),
                "next_cursor": cursor_of(trouble.position),
            }
            for trouble in drained.troubles
        ],
    }
    return desk.answer(page)


@router.get("/v1/opportunities/{opportunity_id}", **documents.get_opportunity(Opportunity))
async def get_opportunity(request: Visit, opportunity_id: str) -> Response:
    """Reads one opportunity."""
    desk = await Desk.at(request, READ)
    raw = include_raw(bodies.query(request, ("include",)))
    at, vendor_id = desk.opportunity(opportunity_id)
    known = headers.etags(request.lines, "if-none-match")
    found = await desk.house.opportunities.get(at, vendor_id, desk.terms())
    if {"*", found.etag} & {tag.removeprefix("W/") for tag in known or ()}:
        return Response(status_code=304, headers={"ETag": found.etag})
    return desk.opportunity_answer(found, raw=raw)


@router.patch(
    "/v1/opportunities/{opportunity_id}",
    **documents.update_opportunity(OpportunityPatch, Opportunity),
)
async def update_opportunity(request: Visit, opportunity_id: str) -> Response:
    """Changes what an RFC 7396 merge patch names, and nothing else."""
    desk = await Desk.at(request, WRITE)
    raw = include_raw(bodies.query(request, ("include",)))
    at, vendor_id = desk.opportunity(opportunity_id)
    body = await bodies.json_body(request, bodies.MERGE_PATCH, desk.seconds)
    patch = bodies.parsed(OpportunityPatch, body)
    return await written(desk, "update", at, vendor_id, body=patch, raw=raw)


@router.delete("/v1/opportunities/{opportunity_id}", **documents.delete_opportunity())
async def delete_opportunity(request: Visit, opportunity_id: str) -> Response:
    """Deletes or archives an opportunity, whichever its vendor does."""
    desk = await Desk.at(request, WRITE)
    bodies.query(request, ())
    at, vendor_id = desk.opportunity(opportunity_id)
    return await written(desk, "delete", at, vendor_id)


def include_raw(found: Mapping[str, list[str]]) -> bool:
    """Whether the vendor's own payload is wanted. Raises `ValidationFailed`."""
    if found.get("include", ["raw"]) != ["raw"]:
        fault = bodies.parameter("include", "raw is all that can be included", ("raw",))
        raise bodies.parameters_refused([fault])
    return "include" in found


def _wanted(desk: Desk, found: Mapping[str, list[str]]) -> tuple[Wanted, dict[str, Any]]:
    """The query, and the form of it that a cursor is bound to."""
    faults: list[Fault] = []
    filters = {name: bodies.single(found, name) for name in FILTERS if name in found}
    faults += [fault for name in filters if (fault := _filter_fault(name, filters[name]))]
    sort = bodies.single(found, "sort")
    if "sort" in found and sort.removeprefix("-") not in SORTS:
        faults.append(bodies.parameter("sort", "cannot be sorted by", SORTS))
    archived = bodies.single(found, "include_archived", "false")
    if archived not in {"true", "false"}:
        faults.append(bodies.parameter("include_archived", "true or false is expected"))
    limit = bodies.limit(found, faults)
    if faults:
        raise bodies.parameters_refused(faults)
    named = "connection" in found
    if named:
        connections = sorted({desk.connection(name).name for name in found["connection"]})
    else:
        connections = sorted(desk.caller.among(desk.house.connections))
    filters |= {name: instant(at) for name, at in filters.items() if name.endswith(_TIMES)}
    wanted = Wanted(
        connections=tuple(connections),
        filters=filters,
        sort=sort.removeprefix("-") or None,
        descending=sort.startswith("-"),
        include_archived=archived == "true",
        limit=limit,
        named=named,
    )
    bound = {**filters, "sort": sort, "archived": archived, "limit": limit,
             "connection": connections}  # fmt: skip
    return wanted, bound


def _filter_fault(name: str, value: str) -> Fault | None:
    """What is wrong with a filter's value; an empty one would be no filter at some vendors."""
    if name == "status" and value not in STATUSES:
        return bodies.parameter(name, "is no status", STATUSES)
    if name.endswith(_TIMES) and not is_instant(value):
        return bodies.parameter(name, "a time such as 2026-11-30T12:00:00Z is expected")
    return None if value else bodies.parameter(name, "a value is expected")


def _told(request: Visit, desk: Desk, trouble: Trouble) -> dict[str, Any]:
    at = desk.house.connections[trouble.connection]
    problem = problems.problem_of(
        trouble.error,
        request_id=request.state.request_id,
        instance=request.state.instance,
        vendor=at.vendor.name,
        writes=False,
    )
    return problems.spoken(problem)
