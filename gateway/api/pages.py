"""What is not part of v1: liveness, readiness, the document, and pages for people."""

import html
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from gateway.api import problems
from gateway.canonical import json_text
from gateway.errors import RouteNotFound
from gateway.idempotency.monitor import Monitor

router = APIRouter(include_in_schema=False)

PAGE: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
    "<body><main><h1>{title}</h1>{body}</main></body></html>"
)


@router.get("/livez")
async def livez() -> Response:
    """Says that the process serves."""
    return _json({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Says whether requests are welcome, and what is the matter where not all is well."""
    monitor: Monitor | None = getattr(request.app.state, "monitor", None)
    if monitor is None:
        return _json({"status": "ready"})
    reasons = list(monitor.reasons)
    if not monitor.ready:
        return _json({"status": "unready", "reasons": reasons}, status=503)
    return _json({"status": "degraded", "reasons": reasons} if reasons else {"status": "ready"})


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """The OpenAPI document."""
    return _json(request.app.openapi())


@router.get("/problems/{code}")
async def problem_page(code: str) -> Response:
    """The page behind a problem's type."""
    page = problem(code)
    if page is None:
        raise RouteNotFound("There is no such problem.")
    return HTMLResponse(page)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The operations, for people, without a request to another host."""
    rows = "".join(
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td>"
        f"<td>{html.escape(operation['operationId'])}</td>"
        f"<td>{html.escape(operation.get('description', ''))}</td></tr>"
        for path, methods in request.app.openapi()["paths"].items()
        for method, operation in methods.items()
    )
    codes = "".join(f'<li><a href="/problems/{code}">{code}</a></li>' for code in problems.TITLES)
    body = (
        '<p>The whole document: <a href="/openapi.json">openapi.json</a>.</p>'
        f"<table>{rows}</table><h2>Problems</h2><ul>{codes}</ul>"
    )
    return HTMLResponse(PAGE.format(title="opportunity-gateway v1", body=body))


def problem(code: str) -> str | None:
    """The page behind a problem's type, None for a code that there is not."""
    if code not in problems.TITLES:
        return None
    kinds = [kind for kind in problems.STATUS if kind.code == code]
    rows = "".join(
        f"<tr><td>{problems.STATUS[kind]}</td><td>{kind.origin}</td>"
        f"<td>{html.escape((kind.__doc__ or '').splitlines()[0])}</td>"
        f"<td>{html.escape(problems.ADVICE[kind.retry])}</td></tr>"
        for kind in kinds
    )
    return PAGE.format(
        title=html.escape(problems.TITLES[code]),
        body=f"<p><code>{code}</code></p><table><tr><th>status</th><th>origin</th>"
        f"<th>meaning</th><th>what to do</th></tr>{rows}</table>",
    )


def _json(value: object, *, status: int = 200) -> Response:
    return Response(json_text.write(value), status, media_type="application/json")
