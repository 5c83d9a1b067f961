"""What the OpenAPI document says of each route, kept apart from what the route does."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api import examples, failures, parameters
from gateway.api.bodies import JSON, MERGE_PATCH
from gateway.api.parameters import (
    ANSWERED,
    IF_MATCH,
    IF_NONE_MATCH,
    INCLUDE,
    KEY,
    LIST,
    PLACES,
    PREFER,
    REQUEST_ID,
    TIMEOUT,
)
from gateway.api.problems import MEDIA_TYPE, TITLES, Problem

VERSION: Final = "1.1.0"
"""Of the document, not of the gateway: its minor number counts the releases within v1."""
INFO: Final = """\
One canonical opportunity API in front of many CRM vendors.

Every error is an RFC 9457 problem: key on its `code`, and do what its `retry` says. Enumerations \
in answers grow (`x-extensible-enum` has those of today), and so do answers: keep what you do not \
know. Amounts are decimal strings, so that no digit is lost. A write with an `Idempotency-Key` has \
one effect, however often it is sent. The W3C headers `traceparent` and `tracestate` are honoured \
on every request. `HEAD` works wherever `GET` does.
"""
REF: Final = "#/components/{kind}/{name}"
SECURITY: Final[list[dict[str, list[str]]]] = [{"callerKey": []}]

READ_ERRORS: Final = (400, 401, 403, 404, 408, 409, 412, 422, 429, 431, 500, 502, 503, 504)
"""409 and 412 among them: a vendor may answer either to any call of ours (api.md 7)."""
BODY_ERRORS: Final = (413, 415)
WRITE_ERRORS: Final = (428,)

_requests: dict[str, type[BaseModel]] = {}


def create_opportunity(body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """POST /v1/opportunities."""
    return _write(
        "create_opportunity",
        {201: _answer(answer, "Created.", "Location", "ETag")},
        [INCLUDE],
        _body(body, JSON),
    )


def list_opportunities(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/opportunities."""
    return _operation("list_opportunities", {200: _answer(answer, "A page.")}, READ_ERRORS, LIST)


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


def delete_opportunity() -> dict[str, Any]:
    """DELETE /v1/opportunities/{opportunity_id}."""
    done = {"description": "Deleted or archived.", "headers": _told()}
    return _write("delete_opportunity", {204: done}, [IF_MATCH])


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
    return _operation(name, {200: _answer(answer, "What there is.")}, READ_ERRORS, asked)


def list_operations(answer: type[BaseModel], states: Collection[str]) -> dict[str, Any]:
    """GET /v1/operations."""
    return _operation(
        "list_operations",
        {200: _answer(answer, "A page.")},
        READ_ERRORS,
        parameters.operations(states),
    )


def get_operation(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/operations/{operation_id}."""
    return _operation("get_operation", {200: _answer(answer, "The operation.")}, READ_ERRORS)


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


def get_request(answer: type[BaseModel]) -> dict[str, Any]:
    """GET /v1/requests/{request_id}."""
    return _operation("get_request", {200: _answer(answer, "The record.")}, READ_ERRORS)


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with all that no route can say: request models, problems, examples."""
    document["info"] |= {"version": VERSION, "description": INFO}
    components = document.setdefault("components", {})
    schemas = components.get("schemas", {}) | _schemas("serialization", Problem)
    requests = _schemas("validation", *_requests.values())
    schemas |= {name: _without_nulls_for_absent(schema) for name, schema in requests.items()}
    schemas["Problem"]["examples"] = list(failures.of_no_operation())
    components["schemas"] = dict(sorted(schemas.items()))
    _say_what_is_free(components["schemas"])
    components["headers"] = dict(sorted(ANSWERED.items()))
    components["examples"] = dict(sorted(failures.EXAMPLES.items()))
    components["securitySchemes"] = {
        "callerKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "A caller's key or token, as Authorization: Bearer <it>.",
        }
    }
    for item in document["paths"].values():
        for operation in item.values():
            _exemplify(operation)
    document["servers"] = [{"url": "/", "description": "This gateway."}]
    document["tags"] = [
        {"name": "opportunities", "description": "Opportunities at any vendor."},
        {"name": "connections", "description": "Connections, catalogues and capabilities."},
        {"name": "operations", "description": "Writes, and what became of them."},
        {"name": "requests", "description": "What the operator's ledger keeps of a request."},
        {"name": "translations", "description": "What a write would send to its vendor."},
        {"name": "callers", "description": "Who asks, and what it may do."},
    ]
    return document


def printed(document: Mapping[str, Any]) -> str:
    """The document as it is kept: indented, so that a change of it can be read."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def _exemplify(operation: dict[str, Any]) -> None:
    """Shows what an operation is sent and answers (`examples.EXCHANGES`), and where it is sent."""
    parameters = {each["name"]: each for each in operation["parameters"]}
    for name, description in PLACES.items():
        if name in parameters and parameters[name]["in"] == "path":
            parameters[name]["description"] = description
    for exchange in examples.exchanges(operation["operationId"]):
        name, answer = exchange["name"], operation["responses"][str(exchange["status"])]
        sent = exchange.get("path", {}) | exchange.get("query", {}) | exchange.get("headers", {})
        for each, value in sent.items():
            parameters[each].setdefault("example", value)
        if "body" in exchange:
            for content in operation["requestBody"]["content"].values():
                content.setdefault("examples", {})[name] = {"value": exchange["body"]}
        if "answer" in exchange:
            content = answer["content"]["application/json"]
            content.setdefault("examples", {})[name] = {"value": exchange["answer"]}


def _schemas(
    mode: Literal["validation", "serialization"], *models: type[BaseModel]
) -> dict[str, Any]:
    pairs: list[Any] = [(model, mode) for model in models]
    template = REF.format(kind="schemas", name="{model}")
    _, definitions = models_json_schema(pairs, ref_template=template)
    found: dict[str, Any] = definitions["$defs"]
    return found


def _without_nulls_for_absent(schema: dict[str, Any]) -> dict[str, Any]:
    """A request's schema: null clears, so a client may not send it for what was left out."""
    for member in schema.get("properties", {}).values():
        if member.get("default", ...) is None:
            del member["default"]
    return schema


def _say_what_is_free(node: Any) -> None:
    """Says of each map that it may hold anything: some generators take silence for an empty one."""
    if isinstance(node, list):
        for member in node:
            _say_what_is_free(member)
    elif isinstance(node, dict):
        if (
            node.get("type") == "object"
            and not {"properties", "additionalProperties"} & node.keys()
        ):
            node["additionalProperties"] = True
        for member in node.values():
            _say_what_is_free(member)


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
    _requests[model.__name__] = model
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
