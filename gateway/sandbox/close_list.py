"""Close's list: filters, order, paging, groups and sums over all matches (close.md 3.4)."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from operator import eq, ge, gt, le, lt
from typing import Any

from gateway.sandbox.close_body import DATE, moment
from gateway.sandbox.close_money import ANNUAL, MONTHLY, ONE_TIME, formatted
from gateway.sandbox.simulator import Record

Params = Mapping[str, str]

EXACT = ("lead_id", "organization_id")
ONE_OR_IN = {
    "user_id": "user_id",
    "status_id": "status_id",
    "status_type": "status_type",
    "status_label": "status_label",
    "status": "status_label",
    "value_period": "value_period",
}
"""Parameters that also come with `__in` and a comma list, and the member each compares."""

DATES = ("date_won", "date_created", "date_updated")
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "": eq,
    "__gte": ge,
    "__gt": gt,
    "__lte": le,
    "__lt": lt,
}

ORDERS = (
    "date_won",
    "date_updated",
    "date_created",
    "confidence",
    "user_name",
    "value",
    "annualized_value",
    "annualized_expected_value",
)

_TERM = re.compile(r'(?:(?P<field>\w+):)?(?P<text>"[^"]*"|[^\s():"]+)(?P<call>\()?')


class ParameterError(ValueError):
    """A parameter that the list does not take, by `name`."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def matching(rows: Iterable[Record], params: Params, zone: timezone) -> list[Record]:
    """The rows that every filter lets through; `zone` decides which day an instant is in.

    Parameters that are none of the list's are ignored: `pipeline_id` is one (close.md 3.4).
    """
    tests = [*_plain_tests(params), *_date_tests(params, zone), *_query_tests(params)]
    return [row for row in rows if all(test(row) for test in tests)]


def ordered(rows: list[Record], order: str) -> list[Record]:
    """The rows in the order asked, those without a value last; ties are kept apart by id."""
    name = order.removeprefix("-")
    if name not in ORDERS:
        raise ParameterError("_order_by", f"Input should be one of {', '.join(ORDERS)}")
    settled = sorted(rows, key=lambda row: row["id"])
    known = [row for row in settled if row[name] is not None]
    known.sort(key=lambda row: row[name], reverse=order.startswith("-"))
    return known + [row for row in settled if row[name] is None]


def count(params: Params, name: str, default: int, most: int) -> int:
    """A paging parameter; more than the maximum is an error, not a clamp (close.md 3.4)."""
    text = params.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise ParameterError(name, "Input should be a valid integer")
    if int(text) > most:
        raise ParameterError(name, f"Input should be less than or equal to {most}")
    return int(text)


def sums(rows: list[Record], currency: str) -> Record:
    """The aggregates over all matches, each with its text or null where it is nothing."""
    totals = {}
    for kind, member in (("total", "value"), ("expected", "expected_value")):
        for period in (ONE_TIME, MONTHLY, ANNUAL):
            amounts = [row[member] for row in rows if row["value_period"] == period]
            totals[f"{kind}_value_{period}"] = sum(amount or 0 for amount in amounts)
        yearly = [row[f"annualized_{member}"] for row in rows]
        totals[f"{kind}_value_annualized"] = sum(amount or 0 for amount in yearly)
    texts = {
        f"{name}_formatted": formatted(total or None, currency) for name, total in totals.items()
    }
    periods = [row["value_period"] for row in rows]
    return {
        "total_results": len(rows),
        "count_by_value_period": {period: periods.count(period) for period in sorted(set(periods))},
        **totals,
        **texts,
    }


def grouped(
    rows: list[Record], group_by: str, skip: int, limit: int, currency: str
) -> list[Record]:
    """A page of objects in their groups; paging counts objects, sums count the whole group."""
    key_of = _GROUPS.get(group_by.removeprefix("-"))
    if key_of is None:
        raise ParameterError("_group_by", f"Input should be one of {', '.join(_GROUPS)}")
    groups: dict[Any, list[Record]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    keys = sorted(groups, key=str, reverse=group_by.startswith("-"))
    paged = [row["id"] for key in keys for row in groups[key]][skip : skip + limit]
    shown = (
        {
            "key": key,
            "objects": [row for row in groups[key] if row["id"] in paged],
            **sums(groups[key], currency),
        }
        for key in keys
    )
    return [group for group in shown if group["objects"]]


def _plain_tests(params: Params) -> Iterable[Callable[[Record], bool]]:
    for name in EXACT:
        if name in params:
            yield _among(name, [params[name]])
    for name, member in ONE_OR_IN.items():
        if name in params:
            yield _among(member, [params[name]])
        if f"{name}__in" in params:
            yield _among(member, params[f"{name}__in"].split(","))
    if "is_stalled" in params:
        # No seeded opportunity is stalled: how one becomes so is not documented.
        yield lambda _row: params["is_stalled"].lower() != "true"


def _among(member: str, wanted: list[str]) -> Callable[[Record], bool]:
    return lambda row: row[member] in wanted


def _date_tests(params: Params, zone: timezone) -> Iterable[Callable[[Record], bool]]:
    for name in DATES:
        for suffix, compare in COMPARISONS.items():
            if f"{name}{suffix}" in params:
                yield _date_test(name, suffix, compare, params[f"{name}{suffix}"], zone)


def _date_test(
    name: str, suffix: str, compare: Callable[[Any, Any], Any], text: str, zone: timezone
) -> Callable[[Record], bool]:
    """A day is compared with the row's day in the caller's zone, an instant with the instant."""
    instant = moment(text)
    if instant is None:
        raise ParameterError(f"{name}{suffix}", "Input should be a valid date or datetime")
    by_day = name == "date_won" or DATE.fullmatch(text) is not None
    day = date.fromisoformat(text) if DATE.fullmatch(text) else instant.astimezone(zone).date()

    def test(row: Record) -> bool:
        if row[name] is None:
            return False
        if not by_day:
            return bool(compare(datetime.fromisoformat(row[name]), instant))
        return bool(compare(_day(row[name], zone), day))

    return test


def _day(text: str, zone: timezone) -> date:
    if DATE.fullmatch(text):
        return date.fromisoformat(text)
    return datetime.fromisoformat(text).astimezone(zone).date()


def _query_tests(params: Params) -> Iterable[Callable[[Record], bool]]:
    """Words anywhere and `note:word`, all of them; of Close's search language no more than that."""
    for term in _TERM.finditer(params.get("query", "")):
        field, text = term["field"], term["text"].strip('"').lower()
        if term["call"] or field not in (None, "note"):
            raise ParameterError("query", f"The sandbox does not search by {term[0]!r}")
        yield _contains(("note",) if field else ("note", "lead_name", "status_label"), text)


def _contains(members: tuple[str, ...], text: str) -> Callable[[Record], bool]:
    return lambda row: any(text in (row[member] or "").lower() for member in members)


def _start_of(period: str) -> Callable[[Record], str | None]:
    def key_of(row: Record) -> str | None:
        if row["date_won"] is None:
            return None
        day = date.fromisoformat(row["date_won"])
        first = {
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
            "quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
            "year": day.replace(month=1, day=1),
        }
        return first[period].isoformat()

    return key_of


_GROUPS: Mapping[str, Callable[[Record], str | None]] = {
    "user_id": lambda row: row["user_id"],
    "date_won__week": _start_of("week"),
    "date_won__month": _start_of("month"),
    "date_won__quarter": _start_of("quarter"),
    "date_won__year": _start_of("year"),
}
