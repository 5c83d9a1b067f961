"""What requests carry beside a body, and answers too, as the OpenAPI document has it."""

from collections.abc import Collection
from typing import Any, Final, get_args

from gateway.api import headers
from gateway.canonical.pipeline import STATUSES
from gateway.canonical.query import DEFAULT_LIMIT, FILTERS, MAX_LIMIT, SORTS
from gateway.idempotency.keys import MAX_LENGTH
from gateway.idempotency.run import Status

ANSWERED: Final[dict[str, dict[str, Any]]] = {
    "ETag": {
        "description": "The strong version of the opportunity.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The path of the created opportunity.",
        "schema": {"type": "string"},
    },
    "X-Request-Id": {
        "description": "The caller's request id if it had the form, else one made here.",
        "schema": {"type": "string"},
    },
    "Preference-Applied": {
        "description": "Set to handling=lenient where that was asked.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "description": "The key that the gateway made for a write without one.",
        "schema": {"type": "string"},
    },
    "Idempotency-Status": {
        "description": "How the write stands with its key.",
        "schema": {"type": "string", "x-extensible-enum": list(get_args(Status))},
    },
    "Idempotent-Replayed": {
        "description": "true where this is the answer that the key was given before.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What a caller with a limit has left of it, and for how many seconds.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "The limit of a caller that has one, and its window in seconds.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "private, no-cache: nothing between may keep an answer unasked.",
        "schema": {"type": "string"},
    },
    "Vary": {
        "description": "Set to Prefer where that made a difference.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "Accept-Patch": {"description": "The types that a patch has.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "The scheme to use.", "schema": {"type": "string"}},
}
"""The headers of answers."""


def _header(name: str, description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
        **more,
    }


_TEXT: Final = {"type": "string"}
REQUEST_ID = _header(
    "X-Request-Id",
    "Echoed if it has the form [A-Za-z0-9._:-]{8,128}.",
    _TEXT,
    example="billing-4711",
)
TIMEOUT = _header(
    "X-Request-Timeout-Ms",
    "How long the caller waits, capped by the configured limit.",
    {
        "type": "integer",
        "minimum": headers.MIN_TIMEOUT_MS,
        "maximum": headers.MAX_TIMEOUT_MS,
    },
    example=10_000,
)
PREFER = _header(
    "Prefer",
    "handling=lenient leaves out what the vendor cannot take, with a warning.",
    _TEXT,
    example="handling=lenient",
)
IF_MATCH = _header("If-Match", "Entity tags of which the opportunity has to bear one, or *.", _TEXT)
IF_NONE_MATCH = _header(
    "If-None-Match", "Entity tags that the caller holds: 304 if current.", _TEXT
)
KEY = _header(
    "Idempotency-Key",
    "What the write is known by: the same key and request again get the same answer, and no "
    "second effect; another request under it is refused. Printable ASCII, or a quoted string "
    "as in RFC 9651. Without one the gateway makes a key up, unless it is configured to "
    "require the caller's.",
    {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
)


PLACES: Final = {
    "connection": "The name of a connection.",
    "opportunity_id": "The opaque id of an opportunity, which names its connection too.",
    "operation_id": "The id of an operation, which a problem about a write has.",
    "request_id": "The gateway's own id of a request: the last part of a problem's `instance`.",
}
"""What stands in a path."""


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


INCLUDE = _query(
    "include", {"type": "string", "enum": ["raw"]}, "raw adds the vendor's own payload."
)
_LIMIT: Final = _query(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "At most so many items.",
)
_CURSOR: Final = _query("cursor", _TEXT, "Where the page before this one ended.")
_INSTANT: Final = {"type": "string", "format": "date-time"}
_FILTER: Final = {"type": "string", "minLength": 1}
_FILTER_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "status": {"type": "string", "enum": list(STATUSES)},
    **{name: _INSTANT for name in FILTERS if name.endswith(("_after", "_before"))},
}
LIST: Final[list[dict[str, Any]]] = [
    _query(
        "connection",
        {"type": "array", "items": {"type": "string"}},
        "Connections to list, repeatable; all that the caller may see by default.",
    ),
    *(
        _query(
            name, _FILTER_SCHEMAS.get(name, _FILTER), "A filter; 422 where a connection lacks it."
        )
        for name in FILTERS
    ),
    _query("include_archived", {"type": "boolean", "default": False}, "Whether to list archived."),
    _query(
        "sort",
        {"type": "string", "enum": [f"{sign}{name}" for name in SORTS for sign in ("", "-")]},
        "The order within each connection; the vendor's own by default.",
    ),
    _LIMIT,
    _CURSOR,
    INCLUDE,
]
CHECK: Final = _query(
    "check", {"type": "boolean", "default": False}, "Asks the vendor, at most once a minute."
)


def operations(states: Collection[str]) -> list[dict[str, Any]]:
    """Of the list of operations, which have one of these states."""
    return [
        _query(
            "state",
            {"type": "array", "items": {"type": "string", "enum": list(states)}},
            "States to list, repeatable; all by default.",
        ),
        _query(
            "connection",
            {"type": "array", "items": {"type": "string"}},
            "Connections to list, repeatable; all that the caller may see by default.",
        ),
        _query("since", _INSTANT, "Only writes whose key was first seen then or later."),
        _LIMIT,
        _CURSOR,
    ]
