"""What is not part of v1: liveness, readiness, the document, and pages for people."""

import html

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from gateway.api import problems
from gateway.canonical import json_text
from gateway.errors import RouteNotFound

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> Response:
    """Says that the process serves."""
    return _json({"status": "ok"})


@router.get("/readyz")
async def readyz() -> Response:
    """Says that the configuration is loaded and requests are welcome."""
    return _json({"status": "ready"})


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """The OpenAPI document."""
    return _json(request.app.openapi())


@router.get("/problems/{code}")
async def problem_page(code: str) -> Response:
    """The page behind a problem's type."""
    page = problems.page(code)
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
    return HTMLResponse(problems.PAGE.format(title="opportunity-gateway v1", body=body))


def _json(value: object) -> Response:
    return Response(json_text.write(value), media_type="application/json")
