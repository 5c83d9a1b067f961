"""Custom fields: how a connection's own fields are defined."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from gateway.canonical.schema import Answer, is_date, open_enum

FIELD_TYPES = (
    "text", "number", "date", "datetime", "boolean", "choice", "user", "contact", "money", "other",
)  # fmt: skip

FieldType = Annotated[str, open_enum(*FIELD_TYPES)]


class CustomField(Answer):
    """One custom field of a connection: `key` is what callers write, `vendor_key` the vendor's."""

    key: str
    vendor_key: str
    label: str | None = None
    type: FieldType = "other"
    choices: tuple[str, ...] | None = None
    multiple: bool = False
    required: bool = False
    writable: bool = True


def misfit(definition: CustomField, value: Any) -> str | None:
    """Why a value cannot be the field's, or None; null, which unsets, always fits."""
    if value is None:
        return None
    if definition.multiple is not isinstance(value, list):
        return "a list is expected" if definition.multiple else "a single value is expected"
    members = value if isinstance(value, list) else [value]
    return next(filter(None, (misfit_of_one(definition, member) for member in members)), None)


def misfit_of_one(definition: CustomField, value: Any) -> str | None:
    """Why one value cannot stand in the field, alone or as a member of its list; or None."""
    takes = _TAKES.get(definition.type)
    if takes and not takes(value):
        return f"a {definition.type} is expected"
    if definition.choices is not None and value not in definition.choices:
        return "the value is not among the field's choices"
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and is_date(value)


_TAKES: dict[str, Callable[[Any], bool]] = {
    "text": _is_text,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "choice": _is_text,
    "date": _is_date,
}
