"""Custom fields: prefixed keys, an object of their own, or attributes among the others.

Here a custom field has the vendor's key; aliases are the dialect's business.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from gateway.canonical.capabilities import NOTHING, Can
from gateway.canonical.ids import pointer
from gateway.canonical.opportunity import Change
from gateway.errors import ValidationFailed, VendorError
from gateway.normalizer.notation import Context, Misfit, Notation, Reading, Record, Unreadable, View


@dataclass(frozen=True, slots=True)
class Prefixed(Notation):
    """Flat keys with a prefix, absent when unset; null unsets, and none holds an object."""

    prefix: str

    def owns(self, key: str) -> bool:
        return key.startswith(self.prefix)

    def read(self, view: View, context: Context) -> Reading:
        whole = [key for key in view if key.startswith(self.prefix)]
        values = {key.removeprefix(self.prefix): view[key] for key in whole}
        return Reading({key: value for key, value in values.items() if value is not None}, whole)

    def misfit(self, value: Mapping[str, Any], context: Context) -> Misfit | None:
        for key, held in value.items():
            members = held if isinstance(held, (list, tuple)) else (held,)
            if any(isinstance(member, Mapping) for member in members):
                return Misfit("the field takes no object", at=(key,), kind=ValidationFailed)
        return None

    def write(self, value: Mapping[str, Any], context: Context) -> Record:
        return {self.prefix + key: member for key, member in value.items()}


@dataclass(frozen=True, slots=True)
class Member(Notation):
    """An object of its own under one key."""

    key: str

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        found = view.get(self.key)
        if found is None:
            return Reading({}, self.keys)
        if not isinstance(found, Mapping):
            raise Unreadable(f"{self.key} is not an object")
        return Reading({k: v for k, v in found.items() if v is not None}, self.keys)

    def write(self, value: Mapping[str, Any], context: Context) -> Record:
        return {self.key: dict(value)}


@dataclass(frozen=True, slots=True)
class Attributes(Notation):
    """Custom fields among the vendor's own, told apart by the catalogue."""

    def read(self, view: View, context: Context) -> Reading:
        definitions = context.catalogue.custom_fields or ()
        keys = [d.vendor_key for d in definitions if view.get(d.vendor_key) is not None]
        plain = {key: spoken(view[key]) for key in keys}
        empty = [d.vendor_key for d in definitions if d.vendor_key in view]
        return Reading(plain, [k for k in empty if k not in plain or plain[k] == view[k]])

    def write(self, value: Mapping[str, Any], context: Context) -> Record:
        return dict(value)


def spoken(value: Any) -> Any:
    """What an option, a reference or an amount object is called when it is written."""
    if isinstance(value, list):
        return [spoken(member) for member in value]
    if isinstance(value, Mapping):
        for name in ("related_record_id", "display_value", "amount"):
            if value.get(name) is not None:
                return value[name]
    return value


@dataclass(frozen=True, slots=True)
class Through(Notation):
    """A canonical field kept in the custom field that an option of the connection names."""

    option: str
    fields: Notation
    fallback: Notation | None = None
    """What is read where the option is not set."""

    def ability(self, context: Context | None) -> Can:
        note = f"kept in the custom field that the option {self.option} names"
        if context is not None and context.option(self.option) is None:
            without = self.fallback.ability(context) if self.fallback else NOTHING
            return without.model_copy(update={"note": f"{without.note or note}; it is not set"})
        return self.can.model_copy(update={"note": note})

    @property
    def keys(self) -> tuple[str, ...]:
        return self.fallback.keys if self.fallback else ()

    def readable(self, context: Context) -> bool:
        return self.fallback is not None or context.option(self.option) is not None

    def shown(self, view: View, context: Context) -> bool:
        row = self.fallback if context.option(self.option) is None else self.fields
        return row is not None and row.shown(view, context)

    def read(self, view: View, context: Context) -> Reading:
        key = context.option(self.option)
        if key is None:
            return self.fallback.read(view, context) if self.fallback else Reading(None)
        values = self.fields.read(view, context).value
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise Unreadable(f"{key} is not a text")
        return Reading(value)

    def write(self, value: Any, context: Context) -> Record:
        return self.fields.write({context.option(self.option): value}, context)

    def clear(self, context: Context) -> Record:
        return self.fields.write({context.option(self.option): None}, context)


@contextmanager
def traced(change: Change, context: Context) -> Iterator[None]:
    """Refusals from within point at the map of the patch that a custom value came by.

    A vendor names its custom field, and knows nothing of `custom_fields_add` and
    `custom_fields_remove`.
    """
    places = {
        pointer("custom_fields", context.alias(key)): pointer(member, context.alias(key))
        for member in ("custom_fields_add", "custom_fields_remove")
        for key in change.get(member) or ()
    }
    try:
        yield
    except VendorError as error:
        error.faults = tuple(
            replace(fault, pointer=places.get(fault.pointer or "", fault.pointer))
            for fault in error.faults
        )
        raise


def merged(held: Any, *, add: Iterable[Any] = (), remove: Iterable[Any] = ()) -> list[Any]:
    """A multi-value field's list with values taken out, then others put at its end once."""
    taken_out = list(remove)
    holds = held if isinstance(held, list) else [] if held is None else [held]
    values = [value for value in holds if value not in taken_out]
    for value in add:
        if value not in values:
            values.append(value)
    return values
