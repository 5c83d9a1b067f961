"""What the pretend Slant takes in a body: which members, of which types (slant.md 3.1, 3.2, 7)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from gateway.sandbox.simulator import Record

Rule = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""

Rules = Mapping[str, Rule]

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


def is_integer(value: Any) -> bool:
    """A JSON integer; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def moment(value: Any) -> datetime | None:
    """The instant that a date-time names (slant.md 5), or None if it names none."""
    if not isinstance(value, str) or not DATE_TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "must be a string that is not empty"


def _integer(value: Any) -> str | None:
    return None if is_integer(value) else "must be an integer"


def _percentage(value: Any) -> str | None:
    good = is_integer(value) and 0 <= value <= 100
    return None if good else "must be an integer from 0 to 100"


def _moment(value: Any) -> str | None:
    return None if moment(value) else "must be an ISO 8601 date-time"


def _kind(value: Any) -> str | None:
    return None if value in ("prospect", "client") else "must be prospect or client"


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _number(value: Any) -> str | None:
    good = is_integer(value) or isinstance(value, Decimal)
    return None if good else "must be a number"


def _day(value: Any) -> str | None:
    try:
        good = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        good = False
    return None if good else "must be a date without a time"


CREATE: Rules = {
    "book_id": _text,
    "name": _text,
    "value": _integer,
    "probability": _percentage,
    "target_close_date": _moment,
    "pipeline_id": _text,
    "pipeline_type": _kind,
    "household_id": _text,
    "pipeline_stage_id": _text,
    "assigned_to_id": _text,
    "owner_id": _text,
}
"""Create (slant.md 3.1): there is no `custom_fields` here."""

REQUIRED = ("book_id", "name")
ONE_OF = ("pipeline_id", "pipeline_type", "household_id")

UPDATE: Rules = {
    "name": _text,
    "value": _integer,
    "probability": _percentage,
    "target_close_date": _moment,
    "pipeline_stage_id": _text,
    "assigned_to_id": _text,
    "owner_id": _text,
    "household_id": _text,
    "custom_fields": _object,
}
"""Update (slant.md 3.2): there is no book and no pipeline here."""

CLEARABLE = frozenset({"value", "probability", "target_close_date", "household_id"})
"""What the answer shows as nullable (slant.md 3.3), so what a null could possibly clear."""

READ_AS_STORED = (
    "id",
    "name",
    "book_id",
    "value",
    "probability",
    "target_close_date",
    "stage_updated_at",
    "household_id",
    "created_at",
    "updated_at",
)
"""The members that an answer shows under the names they are stored with (slant.md 3.3)."""

_CUSTOM: Rules = {
    "text": _text,
    "number": _number,
    "date": _day,
    "boolean": _boolean,
    "cross_reference": _text,
}


def wrong_members(body: Record, rules: Rules, *, nulls: str, unknown_keys: str) -> dict[str, str]:
    """What is wrong with the members of a body, by name."""
    problems = {}
    for name, value in body.items():
        rule = rules.get(name)
        if rule is None:
            problem = "is not a field of this request" if unknown_keys == "refuse" else None
        elif value is None:
            bad = nulls == "refuse" or (nulls == "clear" and name not in CLEARABLE)
            problem = "must not be null" if bad else None
        else:
            problem = rule(value)
        if problem:
            problems[name] = problem
    return problems


def wrong_custom_value(definition: Record, value: Any) -> str | None:
    """What is wrong with a custom field's value, by the field's type (slant.md 7)."""
    kind = definition["field_type"]
    if kind == "single_select":
        choices = definition["options"]["select_options"]
        return None if value in choices else f"must be one of {', '.join(choices)}"
    return _CUSTOM[kind](value)


def missing(body: Record) -> dict[str, str]:
    """What a create lacks; one of three fields chooses the pipeline (slant.md 3.1)."""
    missing = {name: "is required" for name in REQUIRED if name not in body}
    if not any(name in body for name in ONE_OF):
        missing["pipeline_id"] = "or pipeline_type or household_id is required"
    return missing


def written(moment: datetime) -> str:
    """A date-time with `Z`, fractions only if there are some (slant.md 5)."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def stamp(clock: datetime) -> str:
    """The vendor's own time stamps have whole seconds in every example."""
    return written(clock.replace(microsecond=0))
