"""How Reevo queries: nested filters, up to three sorts, cursors that bind both (reevo.md 6)."""

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.canonical import json_text
from gateway.sandbox.reevo_attributes import ATTRIBUTES, RELATIONSHIPS, Attribute
from gateway.sandbox.reevo_values import Values, Wrong, moment

Json = dict[str, Any]
Row = Mapping[str, Any]
Test = Callable[[Row], bool]

GROUPS = ("and", "or", "not")
MOST_SORTS = 3


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins, with the filters and the sort that it belongs to."""

    filters: Any
    sort: Any
    start: int

    def written(self) -> str:
        """The opaque form."""
        state = {"filters": self.filters, "sort": self.sort, "start": self.start}
        return base64.urlsafe_b64encode(json_text.write(state)).decode()


def cursor_of(body: Mapping[str, Any]) -> Cursor:
    """Where a query begins: at its cursor, else at the start of its own filters and sort.

    Raises `Wrong` for a cursor that was never given out, or with filters or a sort beside it.
    """
    if body.get("cursor") is None:
        return Cursor(body.get("filters") or [], body.get("sort") or [], 0)
    if body.keys() & {"filters", "sort"}:
        raise Wrong("invalid_cursor", "A cursor goes without filters and sort", "cursor")
    try:
        state = json_text.read(base64.urlsafe_b64decode(body["cursor"]))
        return Cursor(state["filters"], state["sort"], state["start"])
    except (ValueError, TypeError, KeyError):
        raise Wrong("invalid_cursor", "The cursor is not valid", "cursor") from None


def mentions(filters: Any, name: str) -> bool:
    """Whether a filter names the field, at any depth."""
    if isinstance(filters, Mapping):
        return filters.get("field") == name or any(
            mentions(each, name) for each in filters.values()
        )
    return isinstance(filters, list) and any(mentions(each, name) for each in filters)


def ordered(rows: Iterable[Row], sort: Any) -> list[Row]:
    """Sorted by up to three fields, then by age; empty values come last; raises `Wrong`."""
    if not isinstance(sort, list):
        raise Wrong("unsortable_field", "sort is a list", "sort")
    if len(sort) > MOST_SORTS:
        raise Wrong("sort_too_many_fields", f"At most {MOST_SORTS} sort fields", "sort")
    result = sorted(rows, key=lambda row: (str(row.get("created_at")), row["id"]))
    for each in reversed(sort):
        result = _by(result, each)
    return result


@dataclass(frozen=True, slots=True)
class Filters:
    """Reads filters into a test of one record."""

    values: Values
    deepest: int

    def test(self, filters: Any) -> Test:
        """All of the filters together; raises `Wrong`."""
        return self._all(filters, 0)

    def _all(self, filters: Any, depth: int) -> Test:
        if not isinstance(filters, list):
            raise Wrong("invalid_filter_value", "filters is a list", "filters")
        tests = [self._one(each, depth) for each in filters]
        return lambda row: all(test(row) for test in tests)

    def _one(self, each: Any, depth: int) -> Test:
        if not isinstance(each, Mapping):
            raise Wrong("invalid_filter_value", "A filter is an object", "filters")
        group = next((name for name in GROUPS if name in each), None)
        return self._condition(each) if group is None else self._group(group, each, depth + 1)

    def _group(self, name: str, each: Mapping[str, Any], depth: int) -> Test:
        """Of `and` and `not` only the names are documented: they are taken to look like `or`."""
        if depth > self.deepest:
            raise Wrong("filter_depth_exceeded", f"At most {self.deepest} levels", name)
        if name != "or":
            every = self._all(each[name], depth)
            return every if name == "and" else lambda row: not every(row)
        if not isinstance(each["or"], list):
            raise Wrong("invalid_filter_value", "or takes a list", "or")
        tests = [self._one(member, depth) for member in each["or"]]
        return lambda row: any(test(row) for test in tests)

    def _condition(self, each: Mapping[str, Any]) -> Test:
        field, operator = str(each.get("field")), str(each.get("operator"))
        attribute, held = self._reached(field)
        if operator not in attribute.operators:
            raise Wrong("invalid_filter_operator", f"{field} cannot be {operator}", field)
        if operator in ("exists", "not_exists"):
            return lambda row: bool(held(row)) == (operator == "exists")
        wanted = self._wanted(attribute, operator, each.get("value"), field)
        compare = _OPERATORS[operator]
        return lambda row: compare([_comparable(attribute, one) for one in held(row)], wanted)

    def _reached(self, field: str) -> tuple[Attribute, Callable[[Row], list[Any]]]:
        """The attribute at the end of a path and how to get its values from a record."""
        first, *rest = field.split(".")
        if len(rest) > self.deepest:
            raise Wrong("filter_depth_exceeded", f"At most {self.deepest} levels", field)
        if not rest and first in ATTRIBUTES:
            return ATTRIBUTES[first], lambda row: _many(row.get(first))
        if len(rest) == 1 and first in RELATIONSHIPS:
            reference, kind = RELATIONSHIPS[first]
            table = self.values.tables[kind]
            if rest[0] in next(iter(table.values())):
                return Attribute(api_name=field, value_type="string"), lambda row: [
                    table[one][rest[0]] for one in _many(row.get(reference)) if one in table
                ]
        raise Wrong("invalid_filter_field", f"There is no field {field}", field)

    def _wanted(self, attribute: Attribute, operator: str, value: Any, field: str) -> list[Any]:
        several = operator in ("in", "not_in", "between")
        if several != isinstance(value, list) or (operator == "between" and len(value) != 2):
            shape = {"between": "two values"}.get(operator, "a list" if several else "one value")
            raise Wrong("invalid_filter_value", f"{operator} takes {shape}", field)
        try:
            taken = [
                self.values.take_one(attribute, one) for one in (value if several else [value])
            ]
        except Wrong as wrong:
            raise Wrong("invalid_filter_value", wrong.message, field) from None
        return [_comparable(attribute, one) for one in taken]


def _by(rows: list[Row], each: Any) -> list[Row]:
    field = each.get("field") if isinstance(each, Mapping) else None
    attribute = ATTRIBUTES.get(str(field))
    if attribute is None or not attribute.sortable:
        raise Wrong("unsortable_field", f"{field} cannot be sorted by", str(field))
    direction = each.get("direction", "asc")
    if direction not in ("asc", "desc"):
        raise Wrong("unsortable_field", "direction is asc or desc", str(field))
    filled = [row for row in rows if row.get(attribute.api_name) is not None]
    filled.sort(
        key=lambda row: _comparable(attribute, row[attribute.api_name]),
        reverse=direction == "desc",
    )
    return filled + [row for row in rows if row.get(attribute.api_name) is None]


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _comparable(attribute: Attribute, stored: Any) -> Any:
    match attribute.value_type:
        case "timestamp":
            return moment(stored)
        case "number" | "percent" | "currency":
            return Decimal(stored)
        case _:
            return stored


def _within(held: list[Any], wanted: list[Any]) -> bool:
    return any(one in wanted for one in held)


def _folded(test: Callable[[str, str], bool]) -> Callable[[list[Any], list[Any]], bool]:
    return lambda held, wanted: any(test(one.casefold(), wanted[0].casefold()) for one in held)


_OPERATORS: dict[str, Callable[[list[Any], list[Any]], bool]] = {
    "eq": _within,
    "ne": lambda held, wanted: not _within(held, wanted),
    "in": _within,
    "not_in": lambda held, wanted: not _within(held, wanted),
    "contains": _folded(lambda one, part: part in one),
    "starts_with": _folded(str.startswith),
    "ends_with": _folded(str.endswith),
    "gt": lambda held, wanted: any(one > wanted[0] for one in held),
    "gte": lambda held, wanted: any(one >= wanted[0] for one in held),
    "lt": lambda held, wanted: any(one < wanted[0] for one in held),
    "lte": lambda held, wanted: any(one <= wanted[0] for one in held),
    "between": lambda held, wanted: any(wanted[0] <= one <= wanted[1] for one in held),
}
