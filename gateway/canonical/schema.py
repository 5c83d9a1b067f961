"""How canonical data are declared: open frozen answers, closed frozen requests, exact scalars."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class Answer(BaseModel):
    """What the gateway answers with: frozen, and open, so that clients survive an added member."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Request(BaseModel):
    """What a caller sends: frozen and closed, so that a misspelt member is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


INSTANT_FORM: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:[0-5]\d)\Z", re.ASCII
)
"""RFC 3339 5.6 with any number of fraction digits."""


def is_date(text: str) -> bool:
    """Whether a text is a calendar date in the one form `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_instant(text: str) -> bool:
    """Whether a text is a point in time as RFC 3339 writes it, within the calendar in UTC too."""
    match = INSTANT_FORM.match(text)
    if not match:
        return False
    day, time, _, zone = match.groups()
    try:
        datetime.fromisoformat(f"{day}T{time}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


def _date(value: Any) -> Any:
    if isinstance(value, str) and is_date(value):
        return value
    raise ValueError('a date is a string such as "2026-11-30"')


def _instant(value: Any) -> Any:
    if isinstance(value, str) and is_instant(value):
        return value
    raise ValueError('a time is a string such as "2026-11-30T12:00:00Z"')


def _number(value: Any) -> Any:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError("a number is expected")


CalendarDate = Annotated[
    str, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})
]
"""A date as `YYYY-MM-DD`."""

Instant = Annotated[
    str, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A point in time, RFC 3339; in answers UTC with `Z`, fractions kept, trailing zeros cut."""

Probability = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=0, le=100, decimal_places=9),
    WithJsonSchema({"type": "number", "format": "double", "minimum": 0, "maximum": 100}),
]
"""Per cent, 0 to 100, with its own digits."""

Percent = Annotated[
    Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number", "format": "double"})
]
"""Per cent as a vendor gave it, which need not lie between 0 and 100."""

Seconds = Annotated[
    Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number", "format": "double"})
]
"""How long something took."""


def open_enum(*values: str) -> Any:
    """The values known today of an enumeration that a client must expect to grow."""
    return Field(json_schema_extra={"x-extensible-enum": list(values)})
