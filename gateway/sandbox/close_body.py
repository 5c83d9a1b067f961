"""What the pretend Close takes in a body (close.md 3.1, 3.2 and 4, founding document 003)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway.sandbox.close_money import PERIODS
from gateway.sandbox.close_seed import CONTACTS, FIELDS, USERS
from gateway.sandbox.simulator import Record

CUSTOM = "custom."
DATE = re.compile(r"\d{4}-\d\d-\d\d")

Rule = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""

Rules = Mapping[str, Rule]


class WrongValueError(ValueError):
    """A custom field cannot take the value; the message says why."""


def moment(value: Any) -> datetime | None:
    """The instant of a date-time or of a plain date's midnight, UTC where no offset stands."""
    if not isinstance(value, str) or not DATE.match(value):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _integer(value: Any) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool)
    return None if good else "Input should be a valid integer"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "Input should be a valid string"


def _moment(value: Any) -> str | None:
    return None if moment(value) else "Input should be a valid datetime"


def _period(value: Any) -> str | None:
    return None if value in PERIODS else f"Input should be one of {', '.join(PERIODS)}"


def _attachments(value: Any) -> str | None:
    good = isinstance(value, list) and all(
        isinstance(one, dict)
        and {"filename", "url"} <= one.keys() <= {"filename", "url", "content_type"}
        and all(isinstance(member, str) for member in one.values())
        for one in value
    )
    return None if good else "Input should be a list of objects with filename and url"


CREATE: Rules = {
    "lead_id": _text,
    "pipeline_id": _text,
    "status_id": _text,
    "value": _integer,
    "value_period": _period,
    "confidence": _integer,
    "contact_id": _text,
    "user_id": _text,
    "note": _text,
    "note_html": _text,
    "date_won": _moment,
    "created_by": _text,
    "date_created": _moment,
    "attachments": _attachments,
}
"""Create (close.md 3.1): every member may be null or absent."""

UPDATE: Rules = {
    "attachments": _attachments,
    "confidence": _integer,
    "contact_id": _text,
    "date_won": _moment,
    "note": _text,
    "note_html": _text,
    "status": _text,
    "status_id": _text,
    "user_id": _text,
    "value": _integer,
    "value_period": _period,
}
"""Update (founding document 003): neither the lead nor the pipeline is among the members."""

UPDATE_NULLS = frozenset({"contact_id", "date_won", "note_html", "user_id"})
"""The members of an update that take a null; an amount or a confidence cannot be removed."""


def field_errors(
    body: Record, rules: Rules, nulls: frozenset[str], *, strict: bool
) -> dict[str, str]:
    """What is wrong with the members of a body that are no custom fields, by name."""
    errors = {}
    for name, value in body.items():
        if name.startswith(CUSTOM):
            continue
        rule = rules.get(name)
        if rule is None:
            error = "Extra inputs are not permitted" if strict else None
        else:
            error = None if value is None and name in nulls else rule(value)
        if error:
            errors[name] = error
    return errors


def custom_after(
    current: Record, body: Record, *, lead_id: str, updating: bool
) -> tuple[Record, dict[str, str]]:
    """The custom fields after a write, and what is wrong with it (close.md 4).

    A null unsets, a plain value replaces, `.add` and `.remove` change one value of a list.
    """
    after, errors = dict(current), {}
    for key, value in body.items():
        if not key.startswith(CUSTOM):
            continue
        field_id, _, action = key.removeprefix(CUSTOM).partition(".")
        try:
            field = _field(field_id, action, updating=updating)
            after[field_id] = _ACTIONS[action](field, value, after.get(field_id), lead_id)
        except WrongValueError as error:
            errors[key] = str(error)
    return {key: value for key, value in after.items() if value not in (None, [])}, errors


def _field(field_id: str, action: str, *, updating: bool) -> Record:
    field = FIELDS.get(field_id)
    if field is None:
        raise WrongValueError("Custom field does not exist.")
    if action not in _ACTIONS:
        raise WrongValueError(f"{action} is neither add nor remove.")
    if action and not updating:
        raise WrongValueError("Values can only be added or removed on update.")
    if action and not field["accepts_multiple_values"]:
        raise WrongValueError("The field does not accept multiple values.")
    return field


def _replaced(field: Record, value: Any, _current: Any, lead_id: str) -> Any:
    if value is None:
        return None
    if not field["accepts_multiple_values"]:
        return _read(field, value, lead_id)
    values = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(_read(field, one, lead_id) for one in values))


def _added(field: Record, value: Any, current: Any, lead_id: str) -> Any:
    return list(dict.fromkeys([*(current or []), _read(field, value, lead_id)]))


def _removed(field: Record, value: Any, current: Any, lead_id: str) -> Any:
    gone = _read(field, value, lead_id)
    return [one for one in current or [] if one != gone]


_ACTIONS: Mapping[str, Callable[[Record, Any, Any, str], Any]] = {
    "": _replaced,
    "add": _added,
    "remove": _removed,
}


def _read(field: Record, value: Any, lead_id: str) -> Any:
    """One value as it is kept; lists and objects are never one value."""
    return _READERS[field["type"]](field, value, lead_id)


def _read_text(_field: Record, value: Any, _lead_id: str) -> str:
    if not isinstance(value, str):
        raise WrongValueError("Value must be a string.")
    return value


def _read_number(_field: Record, value: Any, _lead_id: str) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise WrongValueError("Value must be a number.")
    return value


def _read_date(_field: Record, value: Any, _lead_id: str) -> str:
    if not isinstance(value, str) or not DATE.fullmatch(value) or not moment(value):
        raise WrongValueError("Value must be a date.")
    return value


def _read_datetime(_field: Record, value: Any, _lead_id: str) -> str:
    if not isinstance(value, str) or "T" not in value or not moment(value):
        raise WrongValueError("Value must be a date and time.")
    return value


def _read_choice(field: Record, value: Any, _lead_id: str) -> str:
    if value not in field["choices"]:
        raise WrongValueError("Not a valid choice.")
    return str(value)


def _read_user(_field: Record, value: Any, _lead_id: str) -> str:
    """A user by id or by exact name, kept as the id."""
    for user_id, user in USERS.items():
        if value in (user_id, full_name(user)):
            return user_id
    raise WrongValueError("User does not exist.")


def _read_contact(_field: Record, value: Any, lead_id: str) -> str:
    """A contact of the opportunity's lead."""
    for contact_id, contact in CONTACTS.items():
        if value == contact_id and contact["lead_id"] == lead_id:
            return contact_id
    raise WrongValueError("Contact does not exist on the lead.")


_READERS: Mapping[str, Callable[[Record, Any, str], Any]] = {
    "text": _read_text,
    "hidden": _read_text,
    "number": _read_number,
    "date": _read_date,
    "datetime": _read_datetime,
    "choices": _read_choice,
    "user": _read_user,
    "contact": _read_contact,
}


def full_name(user: Record) -> str:
    """A user's name as Close shows it."""
    return f"{user['first_name']} {user['last_name']}"
