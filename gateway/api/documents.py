"""What the OpenAPI document says of each route, kept apart from what the route does.

It is worked out when somebody asks for the document: as a rule nobody does, and it takes 1 MB.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial, wraps
from typing import Any, Final, ParamSpec

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

from gateway.api import failures, parameters
from gateway.api.bodies import JSON, MERGE_PATCH
from gateway.api.parameters import (
    IF_MATCH,
    IF_NONE_MATCH,
    INCLUDE,
    KEY,
    LIST,
    PREFER,
    REQUEST_ID,
    TIMEOUT,
)
from gateway.api.problems import MEDIA_TYPE, TITLES

REF: Final = "#/components/{kind}/{name}"
SECURITY: Final[list[dict[str, list[str]]]] = [{"callerKey": []}]

READ_ERRORS: Final = (400, 401, 403, 404, 408, 409, 412, 422, 429, 431, 500, 502, 503, 504)
"""409 and 412 among them: a vendor may answer either to any call of ours (api.md 7)."""
BODY_ERRORS: Final = (413, 415)
WRITE_ERRORS: Final = (428,)

REQUESTS: Final[dict[str, type[BaseModel]]] = {}
"""Models of what is sent, by name, of the routes that were documented."""

Said = Mapping[str, Any]
P = ParamSpec("P")
_saying: dict[str, Callable[[], Said]] = {}


def documented(routes: Iterable[BaseRoute]) -> list[APIRoute]:
    """The routes that the document is about, with all that it says of them."""
    return [
        APIRoute(
            route.path,
            route.endpoint,
            methods=route.methods,
            tags=route.tags,
            **_saying[route.operation_id](),
        )
        for route in routes
        if isinstance(route, APIRoute) and route.operation_id
    ]


def _declared(name: str, say: Callable[[], Said]) -> dict[str, Any]:
    """What a route is declared with: its operation's name alone, the rest is said when asked."""
    _saying[name] = say
    return {"operation_id": name, "response_model": None}


def _when_asked(say: Callable[P, Said]) -> Callable[P, dict[str, Any]]:
    @wraps(say)
    def declared(*about: P.args, **named: P.kwargs) -> dict[str, Any]:
        return _declared(say.__name__, partial(say, *about, **named))

    return declared


@_when_asked
def create_opportunity(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """POST /v1/opportunities."""
    return _write(
        "create_opportunity",
        {201: _answer(answer, "Created.", "Location", "ETag")},
        [INCLUDE],
        _body(body, JSON),
    )


@_when_asked
def list_opportunities(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/opportunities."""
    return _operation("list_opportunities", {200: _answer(answer, "A page.")}, READ_ERRORS, LIST)


@_when_asked
def get_opportunity(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/opportunities/{opportunity_id}."""
    return _operation(
        "get_opportunity",
        {
            200: _answer(answer, "The opportunity.", "ETag"),
            304: {"description": "The caller's version is current.", "headers": _told("ETag")},
        },
        READ_ERRORS,
        [INCLUDE, IF_NONE_MATCH],
    )


@_when_asked
def update_opportunity(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """PATCH /v1/opportunities/{opportunity_id}."""
    operation = _write(
        "update_opportunity",
        {200: _answer(answer, "The opportunity as it is now.", "ETag")},
        [INCLUDE, IF_MATCH],
        _body(body, MERGE_PATCH),
    )
    operation["responses"][415]["headers"] |= _told("Accept-Patch")
    return operation


@_when_asked
def delete_opportunity() -> dict[str, Any]:
    """DELETE /v1/opportunities/{opportunity_id}."""
    done = {"description": "Deleted or archived.", "headers": _told()}
    return _write("delete_opportunity", {204: done}, [IF_MATCH])


@_when_asked
def translate(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """POST /v1/connections/{connection}/translations."""
    return _operation(
        "translate",
        {200: _answer(answer, "The translation.", *_PREFERRED)},
        (*READ_ERRORS, *BODY_ERRORS, *WRITE_ERRORS),
        [PREFER],
        _body(body, JSON),
    )


def discovery(name: str, answer: type[BaseModel], *asked: dict[str, Any]) -> dict[str, Any]:
    """A GET that tells what there is."""
    return _declared(
        name,
        lambda: _operation(name, {200: _answer(answer, "What there is.")}, READ_ERRORS, asked),
    )


@_when_asked
def list_operations(answer: type[BaseModel], states: Collection[str]) -> dict[str, Any]:
    """GET /v1/operations."""
    return _operation(
        "list_operations",
        {200: _answer(answer, "A page.")},
        READ_ERRORS,
        parameters.operations(states),
    )


@_when_asked
def get_operation(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/operations/{operation_id}."""
    return _operation("get_operation", {200: _answer(answer, "The operation.")}, READ_ERRORS)


@_when_asked
def resolve_operation(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """POST /v1/operations/{operation_id}/resolve."""
    operation = _operation(
        "resolve_operation",
        {200: _answer(answer, "The operation as it is now.")},
        (*READ_ERRORS, *BODY_ERRORS),
        body=_body(body, JSON),
    )
    operation["responses"][409]["headers"] |= _told("Retry-After")
    return operation


@_when_asked
def get_request(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/requests/{request_id}."""
    return _operation("get_request", {200: _answer(answer, "The record.")}, READ_ERRORS)


def _write(
    name: str,
    success: dict[int, dict[str, Any]],
    parameters: Sequence[dict[str, Any]],
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A write that has a record: every answer tells of its key, and some when to ask again."""
    errors = (*READ_ERRORS, *WRITE_ERRORS, *(BODY_ERRORS if body else ()))
    operation = _operation(name, success, errors, [*parameters, PREFER, KEY], body)
    for response in operation["responses"].values():
        response["headers"] |= _told(*_OF_KEYS)
    for status in success:
        operation["responses"][status]["headers"] |= _told(*_PREFERRED)
    for status in _ASK_AGAIN:
        operation["responses"][status]["headers"] |= _told("Retry-After")
    return operation


_ALWAYS: Final = ("X-Request-Id", "Cache-Control", "RateLimit", "RateLimit-Policy")
_PREFERRED: Final = ("Preference-Applied", "Vary")
_OF_KEYS: Final = ("Idempotency-Status", "Idempotent-Replayed", "Idempotency-Key")
_ASK_AGAIN: Final = (409, 502, 504)
"""Beside 429 and 503: where the outcome of a write is being found out."""


def _operation(
    name: str,
    success: dict[int, dict[str, Any]],
    errors: Iterable[int],
    parameters: Sequence[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    extra: dict[str, Any] = {"parameters": [*parameters, TIMEOUT, REQUEST_ID], "security": SECURITY}
    if body:
        extra["requestBody"] = body
    problems = {status: _problem(status, codes, name) for status in sorted(errors)
                if (codes := failures.codes(status, name))}  # fmt: skip
    return {
        "operation_id": name,
        "response_model": None,
        "status_code": next(iter(success)),
        "responses": {**success, **problems},
        "openapi_extra": extra,
    }


def _answer(model: type[BaseModel], description: str, *told: str) -> dict[str, Any]:
    return {"model": model, "description": description, "headers": _told(*told)}


def _told(*names: str) -> dict[str, Any]:
    return {name: {"$ref": REF.format(kind="headers", name=name)} for name in (*names, *_ALWAYS)}


def _body(model: type[BaseModel], media_types: Iterable[str]) -> dict[str, Any]:
    REQUESTS[model.__name__] = model
    return {"required": True, "content": {kind: _content(model.__name__) for kind in media_types}}


def _content(model: str) -> dict[str, Any]:
    return {"schema": {"$ref": REF.format(kind="schemas", name=model)}}


def _problem(status: int, codes: Collection[str], operation_id: str) -> dict[str, Any]:
    told = {401: ("WWW-Authenticate",), 412: ("ETag",)}.get(status, ())
    more = ("Retry-After",) if status in {429, 503} else ()
    names = {code: failures.example(status, code, operation_id) for code in codes}
    shown = {code: {"$ref": REF.format(kind="examples", name=name)} for code, name in names.items()}
    return {
        "description": "; ".join(f"`{code}`: {TITLES[code]}" for code in codes) + ".",
        "headers": _told(*told, *more),
        "content": {MEDIA_TYPE: {**_content("Problem"), "examples": shown}},
    }
