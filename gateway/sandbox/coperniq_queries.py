"""How Coperniq lists and searches: page numbers over bare arrays (coperniq.md 3.1, 3.2)."""

import csv
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.sandbox.coperniq_body import Invalid

Json = dict[str, Any]
Query = Mapping[str, str]
Row = Mapping[str, Any]

DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE = 20, 100

_NEVER = datetime.min.replace(tzinfo=UTC)
_FULL_TEXT = ("title", "description", "address", "primaryName", "primaryEmail", "primaryPhone")
_FIELD_SEARCH = ("title", "address", "primaryName", "primaryPhone", "primaryEmail")
_ALIASES = {"name": "title", "clientId": "accountId"}
"""`name` is in the vendor's own example, `clientId` is deprecated (coperniq.md 1, 3.2)."""


def flag(query: Query, name: str) -> bool:
    """A boolean parameter, false by default; raises `Invalid`."""
    return choice(query, name, ("false", "true")) == "true"


def choice(query: Query, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """One of a few words, the first unless another is the default; raises `Invalid`."""
    value = query.get(name, default or allowed[0])
    if value not in allowed:
        raise Invalid(name, f"{name} must be one of {', '.join(allowed)}")
    return value


def moment(value: Any) -> datetime | None:
    """An ISO 8601 date or date-time, in UTC where no zone is named; None if it is neither."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def page(rows: Iterable[Row], query: Query, *, sort_key: str, default_order: str) -> list[Row]:
    """One page; beyond the last it is empty. No total and no next link (coperniq.md 3.1).

    The sort key is not documented, and the default order contradicts itself on the vendor's page.
    """
    size = _integer(query, "page_size", DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)
    number = _integer(query, "page", 1, None)
    order = choice(query, "order_by", ("asc", "desc"), default_order)
    ordered = sorted(
        rows,
        key=lambda row: (moment(row.get(sort_key)) or _NEVER, row["id"]),
        reverse=order == "desc",
    )
    return ordered[(number - 1) * size : number * size]


def listed(rows: Iterable[Row], query: Query, *, bounds: str) -> list[Row]:
    """The rows that the list's own filters leave; whether dates include is an option."""
    tests = [_dates(query, bounds)]
    if "q" in query:
        tests.append(_contains(_FULL_TEXT, query["q"]))
    tests += [_contains((name,), query[name]) for name in _FIELD_SEARCH if name in query]
    return [row for row in rows if all(test(row) for test in tests)]


def searched(
    rows: Iterable[Row], query: Query, *, fields: Collection[str], custom: Collection[str]
) -> list[Row]:
    """The rows that fulfil one or two conditions (coperniq.md 3.2); raises `Invalid`."""
    tests = [_condition(query, 1, fields, custom)]
    if any(f"{part}2" in query for part in ("prop", "op", "value")):
        tests.append(_condition(query, 2, fields, custom))
    combine = {"and": all, "or": any}[choice(query, "logic", ("and", "or"))]
    return [row for row in rows if combine(test(row) for test in tests)]


def _integer(query: Query, name: str, default: int, highest: int | None) -> int:
    text = query.get(name, str(default))
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1 or (highest is not None and value > highest):
        limit = f"between 1 and {highest}" if highest else "at least 1"
        raise Invalid(name, f"{name} must be {limit}")
    return value


def _dates(query: Query, bounds: str) -> Callable[[Row], bool]:
    after, before = _bound(query, "updated_after"), _bound(query, "updated_before")

    def test(row: Row) -> bool:
        updated = moment(row.get("updatedAt"))
        if updated is None:
            return after is before is None
        if bounds == "inclusive":
            return (after is None or updated >= after) and (before is None or updated <= before)
        return (after is None or updated > after) and (before is None or updated < before)

    return test


def _bound(query: Query, name: str) -> datetime | None:
    if name not in query:
        return None
    found = moment(query[name])
    if found is None:
        raise Invalid(name, f"{name} must be an ISO 8601 date-time")
    return found


def _contains(fields: tuple[str, ...], wanted: str) -> Callable[[Row], bool]:
    needle = wanted.casefold()
    return lambda row: any(
        needle in str(value).casefold() for field in fields for value in _many(row.get(field))
    )


def _condition(
    query: Query, number: int, fields: Collection[str], custom: Collection[str]
) -> Callable[[Row], bool]:
    for part in ("prop", "op", "value"):
        if f"{part}{number}" not in query:
            raise Invalid(f"{part}{number}", f"{part}{number} is required")
    prop, name = query[f"prop{number}"], query[f"op{number}"]
    field = _ALIASES.get(prop, prop)
    if field not in fields and field not in custom:
        raise Invalid(f"prop{number}", f"There is no property {prop}")
    operator = _OPERATORS.get(name)
    if operator is None or (name == "exists" and field in custom):
        raise Invalid(f"op{number}", f"{name} cannot be used on {prop}")
    wanted = _wanted(name, query[f"value{number}"], f"value{number}")
    return lambda row: operator(_held(row, field, standard=field in fields), wanted)


def _held(row: Row, field: str, *, standard: bool) -> list[Any]:
    return _many(row.get(field) if standard else (row.get("custom") or {}).get(field))


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _wanted(operator: str, text: str, name: str) -> list[str]:
    """The value or values meant: CSV, quoted CSV or a JSON array where several may be."""
    if operator not in ("in", "nin", "between"):
        return [text]
    values = _json_array(text) if text.startswith("[") else None
    if values is None:
        values = [each.strip() for each in next(csv.reader([text], skipinitialspace=True), [])]
    if operator == "between" and len(values) != 2:
        raise Invalid(name, f"{name} must be two values, from and to")
    return values


def _json_array(text: str) -> list[str] | None:
    try:
        values = json.loads(text)
    except ValueError:
        return None
    return [each if isinstance(each, str) else json.dumps(each) for each in values]


def _number(value: Any) -> Decimal | None:
    """Numeric-looking text counts as a number too, so both forms match (coperniq.md 3.2)."""
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _order(held: Any, wanted: str) -> int:
    """-1, 0 or 1: as numbers if both are, else as times if both are, else as text."""
    left: Any
    right: Any
    for read in (_number, moment, _text):
        left, right = read(held), read(wanted)
        if left is not None and right is not None:
            return int(left > right) - int(left < right)
    raise AssertionError("anything has a text")


def _equal(held: list[Any], wanted: list[str]) -> bool:
    return any(_order(one, each) == 0 for one in held for each in wanted)


_OPERATORS: dict[str, Callable[[list[Any], list[str]], bool]] = {
    "eq": _equal,
    "neq": lambda held, wanted: not _equal(held, wanted),
    "gt": lambda held, wanted: any(_order(one, wanted[0]) > 0 for one in held),
    "gte": lambda held, wanted: any(_order(one, wanted[0]) >= 0 for one in held),
    "lt": lambda held, wanted: any(_order(one, wanted[0]) < 0 for one in held),
    "lte": lambda held, wanted: any(_order(one, wanted[0]) <= 0 for one in held),
    "contains": lambda held, wanted: any(
        wanted[0].casefold() in _text(one).casefold() for one in held
    ),
    "in": _equal,
    "nin": lambda held, wanted: not _equal(held, wanted),
    "between": lambda held, wanted: any(
        _order(one, wanted[0]) >= 0 and _order(one, wanted[1]) <= 0 for one in held
    ),
    "exists": lambda held, wanted: bool(held) == (wanted[0] != "false"),
}
