"""What is not part of v1: liveness, readiness, the document, and pages for people."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api.console import page as console
from gateway.api.docs.guides import guide_page
from gateway.api.docs.page import POLICY, STATIC
from gateway.api.docs.problem_page import problem_page
from gateway.api.docs.reference import reference
from gateway.api.visit import Visit
from gateway.canonical import json_text
from gateway.errors import RouteNotFound
from gateway.idempotency.monitor import Monitor
from gateway.telemetry.scrape import CONTENT_TYPE

router = APIRouter(include_in_schema=False)

_OF_PAGES: Final = {"Content-Security-Policy": POLICY}
_OF_THE_CONSOLE: Final = {"Content-Security-Policy": console.POLICY}


@router.get("/livez")
async def livez(_: Visit) -> Response:
    """Says that the process serves."""
    return _json({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Visit) -> Response:
    """Says whether requests are welcome, and what is the matter where not all is well."""
    if request.app.state.lifecycle.draining:
        return _json({"status": "draining"}, status=503)
    monitor: Monitor | None = getattr(request.app.state, "monitor", None)
    if monitor is None:
        return _json({"status": "ready"})
    reasons = list(monitor.reasons)
    if not monitor.ready:
        return _json({"status": "unready", "reasons": reasons}, status=503)
    return _json({"status": "degraded", "reasons": reasons} if reasons else {"status": "ready"})


@router.get("/metrics")
async def metrics(request: Visit) -> Response:
    """What is counted; outside development for callers alone, where it has no port of its own."""
    state = request.app.state
    if state.metrics_for_callers:
        caller = await state.house.access.caller(request.lines.all(b"authorization"))
        request.state.caller = caller.name
    return Response(await state.scrape.text(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/openapi.json")
async def document(request: Visit) -> Response:
    """The OpenAPI document."""
    return _json(request.app.openapi())


@router.get("/problems/{code}")
async def problem(_: Visit, code: str) -> Response:
    """The page behind a problem's type."""
    return _page(problem_page(code), "There is no such problem.")


@router.get("/docs")
async def docs(request: Visit) -> Response:
    """The operations, types and problems, for people."""
    state = request.app.state
    if not hasattr(state, "reference"):
        state.reference = reference(request.app.openapi())
    return _page(state.reference)


@router.get("/docs/{guide}")
async def docs_guide(_: Visit, guide: str) -> Response:
    """How to do what takes more than one operation."""
    return _page(guide_page(guide), "There is no such guide.")


@router.get("/docs/static/{file}")
async def docs_static(_: Visit, file: str) -> Response:
    """What the pages load."""
    if file not in STATIC:
        raise RouteNotFound("There is no such file.")
    content, kind = STATIC[file]
    return Response(content, media_type=kind)


@router.get("/console")
async def the_console(_: Visit) -> Response:
    """The console for people; what it shows it asks of v1, with its caller's key."""
    return Response(console.PAGE, media_type="text/html", headers=_OF_THE_CONSOLE)


@router.get("/console/static/{part}")
async def console_static(_: Visit, part: str) -> Response:
    """What the console loads."""
    if part not in console.STATIC:
        raise RouteNotFound("There is no such file.")
    content, kind = console.STATIC[part]
    return Response(content, media_type=kind)


def _page(content: bytes | None, missing: str = "") -> Response:
    if content is None:
        raise RouteNotFound(missing)
    return Response(content, media_type="text/html", headers=_OF_PAGES)


def _json(value: object, *, status: int = 200) -> Response:
    return Response(json_text.write(value), status, media_type="application/json")
