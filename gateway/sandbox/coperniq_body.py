"""What Coperniq takes in a write: one body for create and update (coperniq.md 5.1)."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

from starlette.responses import Response

from gateway.sandbox.answers import json_response
from gateway.sandbox.simulator import Refusal

Json = dict[str, Any]

STATUSES = ("ACTIVE", "ON_HOLD", "CANCELLED", "COMPLETED")
REQUIRED = ("title", "address", "trades")

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ADDRESS = re.compile(
    r"(?P<street>[^,]+), (?P<city>[^,]+), (?P<state>[A-Z]{2}) (?P<zipcode>\d{5}(-\d{4})?)"
)


def error(status: int, message: str, code: str | None = None, field: str | None = None) -> Response:
    """The vendor's error body; `field` stands only on a 400 (coperniq.md 7)."""
    body = {"message": message, "code": code, "field": field}
    return json_response({name: value for name, value in body.items() if value}, status)


class Invalid(Refusal):
    """A 400 that names the offending field or parameter, if it is about one."""

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(error(400, message, "VALIDATION_ERROR", field))


@dataclass(frozen=True, slots=True)
class _Field:
    check: Callable[[Any], Any]
    nullable: bool = False


def place(address: list[str]) -> Json:
    """The read-only parts of an address, which have no write field of their own (coperniq.md 4)."""
    found = _ADDRESS.fullmatch(address[0])
    parts = ("street", "city", "state", "zipcode")
    return {part: found[part] if found else None for part in parts} | {"geoLocation": None}


def accept(
    body: Any, *, required: Collection[str] = (), ignored: Collection[str] = (), strict: bool
) -> Json:
    """The body's known fields, checked and in their stored form; raises `Invalid`.

    `ignored` fields are dropped silently, as unknown ones are unless `strict`: what the vendor does
    with either is not documented (coperniq.md 12.4).
    """
    if not isinstance(body, dict):
        raise Invalid(None, "The body must be an object")
    for name in required:
        if name not in body:
            raise Invalid(name, f"{name} is required")
    accepted: Json = {}
    for name, value in body.items():
        if name in ignored:
            continue
        if name in _FIELDS:
            accepted[name] = _checked(name, value)
        elif strict:
            raise Invalid(name, f"{name} is not a known field")
    return accepted


def new_options(
    custom: Json, definitions: list[Json], *, strict: bool, allow: bool
) -> Iterator[tuple[Json, str]]:
    """Each dropdown option that a value needs and its definition lacks (coperniq.md 8).

    Raises `Invalid` for one unless they are allowed, and for a key without a property if `strict`.
    """
    known = {each["keyName"]: each for each in definitions if each["isCustom"]}
    for key, value in custom.items():
        definition = known.get(key)
        if definition is None and strict:
            raise Invalid(f"custom.{key}", f"There is no property {key}")
        if definition is None or definition["type"] != "DROPDOWN" or value is None:
            continue
        for option in _chosen(key, value, multiple=definition["isMultiple"]):
            if option in definition["options"]:
                continue
            if not allow:
                raise Invalid(f"custom.{key}", f"{option} is not an option of {key}")
            yield definition, option


def _chosen(key: str, value: Any, *, multiple: bool) -> list[str]:
    values = value if multiple else [value]
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        wanted = "a list of options" if multiple else "one option"
        raise Invalid(f"custom.{key}", f"{key} takes {wanted}")
    return values


def _checked(name: str, value: Any) -> Any:
    field = _FIELDS[name]
    if value is None and field.nullable:
        return None
    try:
        return field.check(value)
    except ValueError as wrong:
        raise Invalid(name, f"{name} must be {wrong}") from None


def _need(fulfilled: bool, what: str) -> None:
    if not fulfilled:
        raise ValueError(what)


def _text(value: Any) -> str:
    _need(isinstance(value, str), "a string")
    return str(value)


def _email(value: Any) -> str:
    _need(_EMAIL.fullmatch(_text(value)) is not None, "an email address")
    return str(value)


def _texts(value: Any) -> list[str]:
    _need(isinstance(value, list), "a list of strings")
    return [_text(each) for each in value]


def _address(value: Any) -> list[str]:
    texts = _texts(value)
    _need(len(texts) == 1, "a list of exactly one string")
    return texts


def _integer(value: Any) -> int:
    _need(isinstance(value, int) and not isinstance(value, bool), "an integer")
    return int(value)


def _integers(value: Any) -> list[int]:
    _need(isinstance(value, list), "a list of integers")
    return [_integer(each) for each in value]


def _double(value: Any) -> float:
    """The vendor keeps a binary double, deliberately so here as well (coperniq.md 12.8)."""
    _need(isinstance(value, int | Decimal) and not isinstance(value, bool), "a number")
    try:
        kept = float(value)
    except OverflowError:
        kept = float("inf")
    _need(isfinite(kept), "a number")
    return kept


def _percent(value: Any) -> float:
    kept = _double(value)
    _need(0 <= kept <= 100, "between 0 and 100")
    return kept


def _status(value: Any) -> str:
    _need(value in STATUSES, f"one of {', '.join(STATUSES)}")
    return str(value)


def _map(value: Any) -> Json:
    _need(isinstance(value, dict), "an object")
    return dict(value)


_FIELDS = {
    "title": _Field(_text),
    "address": _Field(_address),
    "trades": _Field(_texts),
    "description": _Field(_text, nullable=True),
    "accountId": _Field(_integer, nullable=True),
    "workflowId": _Field(_integer, nullable=True),
    "value": _Field(_double),
    "size": _Field(_double),
    "status": _Field(_status),
    "primaryEmail": _Field(_email),
    "primaryPhone": _Field(_text),
    "contacts": _Field(_integers),
    "custom": _Field(_map),
    "phaseId": _Field(_integer),
    "confidence": _Field(_percent),
}
"""The writable fields; null is for those that the schema lets be null, no more (coperniq.md 5.2).

The last two stand in the prose alone and in no schema (coperniq.md 5.1).
"""
