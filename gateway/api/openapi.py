"""The OpenAPI document as a whole: what its routes say, and all that none of them can say."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api import examples, failures
from gateway.api.documents import REF, REQUESTS
from gateway.api.parameters import ANSWERED, PLACES
from gateway.api.problems import Problem

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


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with all that no route can say: request models, problems, examples."""
    document["info"] |= {"version": VERSION, "description": INFO}
    components = document.setdefault("components", {})
    schemas = components.get("schemas", {}) | _schemas("serialization", Problem)
    requests = _schemas("validation", *REQUESTS.values())
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
    """Shows what an operation is sent and answers (`examples.recorded`), and where it is sent."""
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
