"""What goes wrong at a vendor, by name, with bodies as its pages show them."""

from collections.abc import Callable, Mapping
from typing import Any

Fault = Mapping[str, Any]

PAGE = "<html><head><title>502 Bad Gateway</title></head><body>upstream-7 is down</body></html>"
"""What a proxy in front of a vendor says; none of it may reach a caller."""


def _slant(status: int) -> Any:
    """The envelope is on no page; these codes are known by name (slant.md 11)."""
    codes = {400: "invalid_json", 401: "token_missing", 403: "token_read_only"}
    return {"error": {"code": codes.get(status, "refused"), "message": "Slant says no."}}


def _coperniq(status: int) -> Any:
    """coperniq.md 7; an API gateway in front of it refuses with a bare message (7.2)."""
    codes = {
        400: "VALIDATION_ERROR",
        401: "UNAUTHORIZED",
        404: "NOT_FOUND",
        429: "RATE_LIMIT_EXCEEDED",
        500: "INTERNAL_SERVER_ERROR",
    }
    bare = {"message": "Coperniq says no."}
    return {**bare, "code": codes[status]} if status in codes else bare


def _close(status: int) -> Any:
    """close.md 11: three shapes, and for some statuses no body that anybody has shown."""
    shown = {
        400: {"errors": [], "field-errors": {"lead": "This field is required."}},
        401: {"error": "Unauthorized"},
        404: {"error": "Empty query: Opportunity matching query does not exist."},
        409: {"errors": ["Close says no."]},
        422: {"errors": ["Close says no."]},
        429: {"message": "Slow down.", "rate_limit_type": "key", "rate_reset": "0.595956"},
        500: {"error": "Close says no."},
    }
    return shown.get(status)


def _reevo(status: int) -> Any:
    """v1's shapes on the same host, as no page shows one of v2 (reevo.md 11)."""
    if status == 422:
        where = ["body", "attributes"]
        return {"detail": [{"type": "value_error", "loc": where, "msg": "No.", "input": {}}]}
    if status in (404, 405):
        return {"detail": {404: "Not Found", 405: "Method Not Allowed"}[status]}
    name = {401: "UnauthorizedError", 403: "ForbiddenError"}.get(status, "ApplicationError")
    shape = {"error_response_type": "GENERIC", "error": name, "details": None}
    return {**shape, "message": "Reevo says no."}


REFUSALS: Mapping[str, Callable[[int], Any]] = {
    "slant": _slant,
    "coperniq": _coperniq,
    "close": _close,
    "reevo": _reevo,
}
"""Vendor → the body of its refusal by status."""

BREAKDOWNS: Mapping[str, Fault] = {
    "502 HTML": {"kind": "status", "status": 502, "body": {"text": PAGE}},
    "504 empty": {"kind": "status", "status": 504},
    "timeout": {"kind": "hang"},
    "reset": {"kind": "reset"},
    "truncated": {"kind": "truncated"},
    "not JSON": {"kind": "garbage"},
    "200 empty": {"kind": "status", "status": 200},
    "200 without id": {"kind": "status", "status": 200, "body": {"data": {"attributes": {}}}},
    "too large": {"kind": "huge", "bytes": 1024 * 1024 + 1},
}
"""What is the same whoever the vendor is."""


def fault(vendor: str, failure: str, elsewhere: str) -> Fault:
    """The script of a failure; `elsewhere` is where a redirect leads."""
    if failure in BREAKDOWNS:
        return BREAKDOWNS[failure]
    if failure == "200 error":
        return {"kind": "status", "status": 200, "body": REFUSALS[vendor](500)}
    if failure.startswith("3"):
        return {"kind": "redirect", "status": int(failure), "location": elsewhere}
    status = int(failure)
    body = REFUSALS[vendor](status)
    return {"kind": "status", "status": status, "body": body}


def answered(failure: str) -> int | None:
    """The status that the vendor answered with, None where no whole answer came."""
    if failure == "not JSON":
        return 200
    return int(failure[:3]) if failure[:3].isdigit() else None
