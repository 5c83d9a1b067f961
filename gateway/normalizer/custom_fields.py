"""Custom fields: prefixed keys, an object of their own, or attributes among the others.

Here a custom field has the vendor's key; aliases are the dialect's business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.canonical.capabilities import NOTHING, Can
from gateway.canonical.ids import pointer
from gateway.canonical.opportunity import Change
from gateway.errors import ValidationFailed, VendorError
from gateway.normalizer.notation import Context, Misfit, Notation, Reading, Record, Unreadable, View


@dataclass(frozen=True, slots=True)
class Kept(Notation):
    """A row that keeps custom fields; here a field has the vendor's key."""

    def one(self, key: str, view: View, context: Context) -> Any:
        """The value of one custom field, None where there is none. Raises `Unreadable`."""
        return self.read(view, context).value.get(key)


@dataclass(frozen=True, slots=True)
class Prefixed(Kept):
    """Flat keys with a prefix, absent when unset; null unsets, and none holds an object."""

    prefix: str

    def owns(self, key: str) -> bool:
        return key.startswith(self.prefix)

    def read(self, view: View, context: Context) -> Reading:
        prefix, behind = self.prefix, len(self.prefix)
        whole = [key for key in view if key.startswith(prefix)]
        values = {key[behind:]: value for key in whole if (value := view[key]) is not None}
        return Reading(values, whole)

    def one(self, key: str, view: View, context: Context) -> Any:
        return view.get(self.prefix + key)

    def misfit(self, value: Mapping[str, Any], context: Context) -> Misfit | None:
        for key, held in value.items():
            members = held if isinstance(held, (list, tuple)) else (held,)
            if any(isinstance(member, Mapping) for member in members):
                return Misfit("the field takes no object", at=(key,), kind=ValidationFailed)
        return None

    def write(self, value: Mapping[str, Any], context: Context) -> Record:
        return {self.prefix + key: member for key, member in value.items()}


@dataclass(frozen=True, slots=True)
class Member(Kept):
    """An object of its own under one key."""

    key: str

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        found = view.get(self.key)
        if found is None:
            return Reading({}, self.keys)
        if not isinstance(found, dict):
            raise Unreadable(f"{self.key} is not an object")
        return Reading({k: v for k, v in found.items() if v is not None}, self.keys)

    def write(self, value: Mapping[str, Any], context: Context) -> Record:
        return {self.key: dict(value)}


@dataclass(frozen=True, slots=True)
class Attributes(Kept):
    """Custom fields among the vendor's own, told apart by the catalogue."""

    def read(self, view: View, context: Context) -> Reading:
        plain: Record = {}
        whole: list[str] = []
        for definition in context.catalogue.custom_fields or ():
            key = definition.vendor_key
            if key in view:
                raw = view[key]
                value = spoken(raw)
                if value is not None:
                    plain[key] = value
                if value == raw:
                    whole.append(key)
        return Reading(plain, whole)

    def one(self, key: str, view: View, context: Context) -> Any:
        return None if context.catalogue.field(key) is None else spoken(view.get(key))

    def write(self, value: Mapping[str, Any], context: Context) -> Record:
        return dict(value)


def spoken(value: Any) -> Any:
    """What an option, a reference or an amount object is called when it is written."""
    if isinstance(value, list):
        return [spoken(member) for member in value]
    if isinstance(value, dict):
        for name in ("related_record_id", "display_value", "amount"):
            if value.get(name) is not None:
                return value[name]
    return value


@dataclass(frozen=True, slots=True)
class Through(Notation):
    """A canonical field kept in the custom field that an option of the connection names."""

    option: str
    fields: Kept
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
        value = self.fields.one(key, view, context)
        if value is not None and not isinstance(value, str):
            raise Unreadable(f"{key} is not a text")
        return Reading(value)

    def write(self, value: Any, context: Context) -> Record:
        return self.fields.write({context.option(self.option): value}, context)

    def clear(self, context: Context) -> Record:
        return self.fields.write({context.option(self.option): None}, context)


@dataclass(frozen=True, slots=True)
class Traced:
    """Refusals from within point at the map of the patch that a custom value came by.

    A vendor names its custom field, and knows nothing of `custom_fields_add` and
    `custom_fields_remove`.
    """

    change: Change
    context: Context

    def __enter__(self) -> None:
        """Nothing is worked out before something is refused."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, VendorError):
            return
        alias = self.context.alias
        places = {
            pointer("custom_fields", alias(key)): pointer(member, alias(key))
            for member in ("custom_fields_add", "custom_fields_remove")
            for key in self.change.get(member) or ()
        }
        error.faults = tuple(
            replace(fault, pointer=places.get(fault.pointer or "", fault.pointer))
            for fault in error.faults
        )


def merged(held: Any, *, add: Iterable[Any] = (), remove: Iterable[Any] = ()) -> list[Any]:
    """A multi-value field's list with values taken out, then others put at its end once."""
    taken_out = list(remove)
    holds = held if isinstance(held, list) else [] if held is None else [held]
    values = [value for value in holds if value not in taken_out]
    for value in add:
        if value not in values:
            values.append(value)
    return values
