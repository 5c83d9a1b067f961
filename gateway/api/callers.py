"""The route that tells a caller who it is here: the console asks it what to offer."""

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import bodies, documents
from gateway.api.access import SCOPES
from gateway.api.desk import Desk
from gateway.api.visit import Visit
from gateway.canonical.schema import Answer

router = APIRouter(tags=["callers"])


class CallerAnswer(Answer):
    """A caller as this gateway knows it; never its key.

    `connections` are glob patterns of the names of connections that it may see.
    `requests_per_minute` is null where nothing but the gateway's own limits holds it back.
    """

    name: str
    scopes: tuple[str, ...]
    connections: tuple[str, ...]
    requests_per_minute: int | None


@router.get("/v1/caller", **documents.discovery("get_caller", CallerAnswer))
async def get_caller(request: Visit) -> Response:
    """Tells who asks, and what it may do and see; whoever has any scope may know."""
    desk = await Desk.at(request, *SCOPES)
    bodies.query(request, ())
    caller = desk.caller
    return desk.answer(
        CallerAnswer(
            name=caller.name,
            scopes=tuple(sorted(caller.scopes)),
            connections=caller.patterns,
            requests_per_minute=caller.requests_per_minute,
        )
    )
