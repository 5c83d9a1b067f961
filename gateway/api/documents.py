"""What the OpenAPI document says of each route, kept apart from what the route does."""

from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api import headers
from gateway.api.bodies import JSON, MERGE_PATCH
from gateway.api.problems import MEDIA_TYPE, STATUS, TITLES, Problem
from gateway.canonical.pipeline import STATUSES
from gateway.canonical.query import DEFAULT_LIMIT, FILTERS, MAX_LIMIT, SORTS

REF: Final = "#/components/schemas/{model}"
SECURITY: Final[list[dict[str, list[str]]]] = [{"callerKey": []}]

READ_ERRORS: Final = (400, 401, 403, 404, 408, 409, 412, 422, 429, 500, 502, 503, 504)
"""409 and 412 among them: a vendor may answer either to any call of ours (api.md 7)."""
BODY_ERRORS: Final = (413, 415)
WRITE_ERRORS: Final = (428,)

_HEADERS: Final[dict[str, dict[str, Any]]] = {
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
    "Idempotency-Status": {
        "description": "not-stored: this version keeps no record of the write for the sent key.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "Accept-Patch": {"description": "The types that a patch has.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "The scheme to use.", "schema": {"type": "string"}},
}

_requests: dict[str, type[BaseModel]] = {}


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


_TEXT: Final = {"type": "string"}
_REQUEST_ID = _header("X-Request-Id", "Echoed if it has the form [A-Za-z0-9._:-]{8,128}.", _TEXT)
_TIMEOUT = _header(
    "X-Request-Timeout-Ms",
    "How long the caller waits, capped by the configured limit.",
    {
        "type": "integer",
        "minimum": headers.MIN_TIMEOUT_MS,
        "maximum": headers.MAX_TIMEOUT_MS,
    },
)
_PREFER = _header(
    "Prefer", "handling=lenient leaves out what the vendor cannot take, with a warning.", _TEXT
)
_IF_MATCH = _header(
    "If-Match", "Entity tags of which the opportunity has to bear one, or *.", _TEXT
)
_IF_NONE_MATCH = _header(
    "If-None-Match", "Entity tags that the caller holds: 304 if current.", _TEXT
)
_KEY = _header(
    "Idempotency-Key",
    "Accepted and not acted on in this version: the answer says Idempotency-Status: not-stored.",
    _TEXT,
)


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


_INCLUDE = _query(
    "include", {"type": "string", "enum": ["raw"]}, "raw adds the vendor's own payload."
)
_INSTANT: Final = {"type": "string", "format": "date-time"}
_FILTER: Final = {"type": "string", "minLength": 1}
_FILTER_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "status": {"type": "string", "enum": list(STATUSES)},
    **{name: _INSTANT for name in FILTERS if name.endswith(("_after", "_before"))},
}
_LIST: Final = [
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
    _query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "At most so many opportunities.",
    ),
    _query("cursor", _TEXT, "Where the page before this one ended."),
    _INCLUDE,
]
LIST_PARAMETERS: Final = tuple(parameter["name"] for parameter in _LIST)
CHECK_PARAMETER: Final = _query(
    "check", {"type": "boolean", "default": False}, "Asks the vendor, at most once a minute."
)


def create_opportunity(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """POST /v1/opportunities."""
    return _operation(
        "create_opportunity",
        {201: _answer(answer, "Created.", "Location", "ETag", *_WRITTEN)},
        (*READ_ERRORS, *BODY_ERRORS, *WRITE_ERRORS),
        [_INCLUDE, _PREFER, _KEY, _TIMEOUT],
        _body(body, *JSON),
    )


def list_opportunities(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/opportunities."""
    return _operation(
        "list_opportunities", {200: _answer(answer, "A page.")}, READ_ERRORS, [*_LIST, _TIMEOUT]
    )


def get_opportunity(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/opportunities/{opportunity_id}."""
    return _operation(
        "get_opportunity",
        {
            200: _answer(answer, "The opportunity.", "ETag"),
            304: {"description": "The caller's version is current.", "headers": _told("ETag")},
        },
        READ_ERRORS,
        [_INCLUDE, _IF_NONE_MATCH, _TIMEOUT],
    )


def update_opportunity(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """PATCH /v1/opportunities/{opportunity_id}."""
    operation = _operation(
        "update_opportunity",
        {200: _answer(answer, "The opportunity as it is now.", "ETag", *_WRITTEN)},
        (*READ_ERRORS, *BODY_ERRORS, *WRITE_ERRORS),
        [_INCLUDE, _IF_MATCH, _PREFER, _KEY, _TIMEOUT],
        _body(body, *MERGE_PATCH),
    )
    operation["responses"][415]["headers"] |= _told("Accept-Patch")
    return operation


def delete_opportunity() -> dict[str, Any]:
    """DELETE /v1/opportunities/{opportunity_id}."""
    done = {"description": "Deleted or archived.", "headers": _told(*_WRITTEN)}
    return {
        **_operation(
            "delete_opportunity",
            {204: done},
            (*READ_ERRORS, *WRITE_ERRORS),
            [_IF_MATCH, _PREFER, _KEY, _TIMEOUT],
        ),
        "status_code": 204,
    }


def translate(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """POST /v1/connections/{connection}/translations."""
    return _operation(
        "translate",
        {200: _answer(answer, "The translation.")},
        (*READ_ERRORS, *BODY_ERRORS, *WRITE_ERRORS),
        [_PREFER, _TIMEOUT],
        _body(body, *JSON),
    )


def discovery(name: str, answer: type[BaseModel], *parameters: dict[str, Any]) -> dict[str, Any]:
    """A GET that tells what there is."""
    return _operation(
        name, {200: _answer(answer, "What there is.")}, READ_ERRORS, [*parameters, _TIMEOUT]
    )


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with request models, problems, security and servers, which no route can say."""
    components = document.setdefault("components", {})
    schemas = components.get("schemas", {}) | _schemas("serialization", Problem)
    requests = _schemas("validation", *_requests.values())
    schemas |= {name: _without_nulls_for_absent(schema) for name, schema in requests.items()}
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {
        "callerKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "A caller's key, as Authorization: Bearer <key>.",
        }
    }
    document["servers"] = [{"url": "/", "description": "This gateway."}]
    document["tags"] = [
        {"name": "opportunities", "description": "Opportunities at any vendor."},
        {"name": "connections", "description": "Connections, catalogues and capabilities."},
        {"name": "translations", "description": "What a write would send to its vendor."},
    ]
    return document


def _schemas(
    mode: Literal["validation", "serialization"], *models: type[BaseModel]
) -> dict[str, Any]:
    pairs: list[Any] = [(model, mode) for model in models]
    _, definitions = models_json_schema(pairs, ref_template=REF)
    found: dict[str, Any] = definitions["$defs"]
    return found


def _without_nulls_for_absent(schema: dict[str, Any]) -> dict[str, Any]:
    """A request's schema: null clears, so a client may not send it for what was left out."""
    for member in schema.get("properties", {}).values():
        if member.get("default", ...) is None:
            del member["default"]
    return schema


_WRITTEN: Final = ("Preference-Applied", "Idempotency-Status")


def _operation(
    name: str,
    answers: dict[int, dict[str, Any]],
    problems: tuple[int, ...],
    parameters: list[dict[str, Any]],
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    extra: dict[str, Any] = {"parameters": [*parameters, _REQUEST_ID], "security": SECURITY}
    if body:
        extra["requestBody"] = body
    return {
        "operation_id": name,
        "response_model": None,
        "status_code": next(iter(answers)),
        "responses": {**answers, **{status: _problem(status) for status in sorted(problems)}},
        "openapi_extra": extra,
    }


def _answer(model: type[BaseModel], description: str, *told: str) -> dict[str, Any]:
    return {"model": model, "description": description, "headers": _told(*told)}


def _told(*names: str) -> dict[str, Any]:
    return {name: _HEADERS[name] for name in (*names, "X-Request-Id")}


def _body(model: type[BaseModel], *media_types: str) -> dict[str, Any]:
    _requests[model.__name__] = model
    schema = {"$ref": REF.format(model=model.__name__)}
    return {"required": True, "content": {kind: {"schema": schema} for kind in media_types}}


def _problem(status: int) -> dict[str, Any]:
    codes = sorted({kind.code for kind, known in STATUS.items() if known == status})
    told = {401: ("WWW-Authenticate",), 412: ("ETag",)}.get(status, ())
    more = ("Retry-After",) if status in {429, 503} else ()
    return {
        "description": "; ".join(f"`{code}`: {TITLES[code]}" for code in codes) + ".",
        "headers": _told(*told, *more),
        "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}},
    }
