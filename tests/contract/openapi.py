"""The OpenAPI document, and whether a value is what one of its schemas says."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from gateway.app import document
from gateway.canonical import json_text

METHODS = ("get", "post", "patch", "delete")


@cache
def the_document() -> dict[str, Any]:
    """The document as it is served."""
    served: dict[str, Any] = json_text.read(json_text.write(document()))
    return served


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of every operation."""
    for path, item in the_document()["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def operation(operation_id: str) -> dict[str, Any]:
    """An operation by its id."""
    return next(each for _, _, each in operations() if each["operationId"] == operation_id)


def parts(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of a document."""
    if isinstance(node, Mapping):
        yield node
        for member in node.values():
            yield from parts(member)
    elif isinstance(node, list):
        for member in node:
            yield from parts(member)


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the document, or the component that it refers to."""
    if "$ref" not in node:
        return node
    found: Any = the_document()
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    component: Mapping[str, Any] = found
    return component


def misfits(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Where a value is not what a schema of the document says."""
    whole = {**schema, "components": the_document()["components"]}
    found = Draft202012Validator(whole).iter_errors(_plain(value))
    return [f"/{'/'.join(map(str, each.absolute_path))}: {each.message}" for each in found]


def _plain(value: Any) -> Any:
    """Exact numbers as the validator's own, which are only compared with bounds."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value
