"""Reevo's doorway: keys and their rights, and the shapes of a refusal (reevo.md 2, 11)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.answers import json_response
from gateway.sandbox.reevo_values import Wrong
from gateway.sandbox.simulator import PATH, Refusal, Simulator

READ_WRITE_KEY = "rvo_sandbox_read_write"
READ_ONLY_KEY = "rvo_sandbox_read_only"
KEYS = {READ_WRITE_KEY: True, READ_ONLY_KEY: False}
"""Whether a key may write opportunities; write includes read (2)."""

Endpoint = Callable[[Request], Awaitable[Response]]


def _member(wrong: Wrong) -> dict[str, Any]:
    return {"code": wrong.code, "message": wrong.message, "field": wrong.about}


def _application(name: str, message: str, details: Any = None) -> dict[str, Any]:
    """The shape that application errors have on v1."""
    return {
        "error_response_type": "GENERIC",
        "error": name,
        "message": message,
        "details": details,
    }


def _detail(kind: str, where: list[str | int], message: str, given: Any = None) -> dict[str, Any]:
    """The shape that validation errors have on v1."""
    return {"detail": [{"type": kind, "loc": where, "msg": message, "input": given}]}


SHAPES: Mapping[str, Callable[[Wrong], Any]] = {
    "application": lambda wrong: _application(
        wrong.code, wrong.message, {"field": wrong.about} if wrong.about else None
    ),
    "flat": _member,
    "nested": lambda wrong: {"error": _member(wrong)},
    "list": lambda wrong: {"errors": [_member(wrong)]},
    "detail": lambda wrong: _detail(wrong.code, ["body", wrong.about or ""], wrong.message),
}
"""Where a v2 error may keep its code, as no page shows one (11)."""

STATUSES = {"record_not_found": 404, "stage_entrance_criteria_not_met": 422}
"""The statuses that are documented or expected; the others are switched."""


class ReevoDoorway(Simulator):
    """Who may call, and how the vendor says no."""

    def authenticate(self, request: Request) -> Response | None:
        """Takes either header; a health check needs none, a query is a read (1, 2)."""
        path = request.scope[PATH]
        if path == f"{self.base_path}/health":
            return None
        key = _key(request)
        if key is None and self.options["missing_key"] == 422:
            where: list[str | int] = ["header", "x-api-key"]
            return json_response(_detail("missing", where, "Field required"), 422)
        if key not in KEYS:
            return json_response(_application("UnauthorizedError", "Invalid API key"), 401)
        reads = request.method in ("GET", "HEAD") or path.endswith("/_query")
        if not (reads or KEYS[key]):
            message = "The API key is missing permissions: opportunities:write"
            return json_response(_application("ForbiddenError", message), 403)
        return None

    def not_found(self, request: Request) -> Response:
        """An unknown URL, as on v1 (11)."""
        return json_response({"detail": "Not Found"}, 404)

    def method_not_allowed(self, request: Request) -> Response:
        """A method that the URL does not take, as on v1 (11)."""
        return json_response({"detail": "Method Not Allowed"}, 405)

    def invalid_json(self, request: Request) -> Response:
        """A validation error like any other."""
        return json_response(_detail("json_invalid", ["body", 0], "JSON decode error", {}), 422)

    def answering(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with what it finds wrong put into the shape that is switched on."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Wrong as wrong:
                body = SHAPES[self.options["error_shape"]](wrong)
                status = STATUSES.get(wrong.code, self.options["refusal_status"])
                return json_response(body, status)

        return answer


def malformed(kind: str, member: str, message: str, given: Any = None) -> Refusal:
    """A 422 about the request's own form, in the shape that v1 uses for those (11)."""
    return Refusal(json_response(_detail(kind, ["body", member], message, given), 422))


def _key(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else request.headers.get("x-api-key")
