"""A dialect: the table that says how one vendor spells every canonical field.

From the same table come both directions of translation, the capabilities, the README's matrix,
the dry run and the tests of the law `read(write(x)) == x`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from gateway.canonical import ids, json_text
from gateway.canonical.capabilities import NOTHING, Can, VendorFieldCan
from gateway.canonical.opportunity import Change, Opportunity, Warning
from gateway.normalizer.notation import (
    Context,
    Misfit,
    Notation,
    Reading,
    Record,
    Unreadable,
    View,
)

COMPUTED: Final = frozenset(
    "id connection vendor vendor_id etag vendor_url vendor_fields warnings raw".split()
)
"""Members of an opportunity that no dialect spells."""

FIELDS: Final = tuple(name for name in Opportunity.model_fields if name not in COMPUTED)
ABSENT: Final = Notation(can=NOTHING)


@dataclass(frozen=True, slots=True)
class VendorField:
    """A writable field of the vendor's own; `takes` tells a value of its type."""

    can: VendorFieldCan
    takes: Callable[[Any], bool] = lambda _: True
    expects: str = "any JSON value"


UNDECLARED: Final = VendorField(VendorFieldCan(create="undocumented", update="undocumented"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a record lies in the vendor's JSON; this one has its fields at the top level."""

    def open(self, record: View) -> View:
        """The record with its fields at the top level."""
        return record

    def plain(self, view: View) -> View:
        """The view without wrappers around single values."""
        return view

    def close(self, fields: Record) -> Record:
        """A body that carries these fields."""
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class _Idiom:
    """What a dialect comes to on one connection with one catalogue."""

    readers: tuple[tuple[str, Callable[[View, Context], Reading]], ...]
    """How each field is read that records show."""
    reserved: Mapping[str, str]
    """Custom field → the canonical field that it stands for."""
    aliases: tuple[tuple[str, str], ...]
    """(vendor's key, alias) of custom fields."""
    cells: dict[str, Can] = field(default_factory=dict)
    """Of the fields that were asked about."""


class Dialect:
    """The rows of one vendor by canonical field; a field without a row is unsupported."""

    def __init__(
        self,
        *,
        id_key: str = "id",
        envelope: Envelope | None = None,
        volatile: frozenset[str] = frozenset(),
        required: tuple[tuple[str, ...], ...] = (),
        vendor_fields: Mapping[str, VendorField] | None = None,
        vendor_options: Mapping[str, str] | None = None,
        schema_decides: bool = False,
        **rows: Notation,
    ) -> None:
        strangers = rows.keys() - set(FIELDS)
        if strangers:
            raise TypeError(f"not canonical fields: {', '.join(sorted(strangers))}")
        self.id_key = id_key
        self.envelope = envelope or Envelope()
        self.volatile = volatile
        self._steady = _Steady(volatile)
        """Names in the record that change by themselves; of a nested object, `object.member`."""
        self.required = required
        """Each a choice of pointers of which a create must name one."""
        self.vendor_fields = dict(vendor_fields or {})
        self.vendor_options = dict(vendor_options or {})
        self.schema_decides = schema_decides
        """Whether the vendor's schema may let more be written than `vendor_fields` declare."""
        self.rows = {name: rows.get(name, ABSENT) for name in FIELDS}
        self._readers = tuple((name, row.read) for name, row in self.rows.items())
        self._required = frozenset(name for name in FIELDS if self._is_required(name))

    def row(self, name: str) -> Notation:
        """The notation of a canonical field."""
        return self.rows[name]

    def can(self, name: str, context: Context | None = None) -> Can:
        """The cells of a canonical field, of the vendor or of one connection."""
        if context is None:
            return self._cells(name, context)
        known = self._idiom(context).cells
        found = known.get(name)
        if found is None:
            found = known[name] = self._cells(name, context)
        return found

    def written_as(self, name: str) -> str:
        """The canonical field whose notation writes this one: itself, but for a status by stage."""
        row = self.rows.get(name, ABSENT)
        return row.through or name

    def _cells(self, name: str, context: Context | None) -> Can:
        cells = self.rows[name].ability(context)
        cells = cells.model_copy(update={"required_on_create": name in self._required})
        if context is None or context.catalogue.writable is None:
            return cells
        if keys := self._written(name, context):
            cells = _ruled(cells, keys, context.catalogue.writable)
            if not cells.does("update"):
                cells = cells.model_copy(update={"clear": "unsupported"})
        return cells

    def _idiom(self, context: Context) -> _Idiom:
        """The dialect on the context's connection, worked out when it is first spoken there."""
        idiom: _Idiom | None = context.worked_out.get(self)
        if idiom is None:
            named = ((name, getattr(row, "option", None)) for name, row in self.rows.items())
            keys = ((name, context.option(option)) for name, option in named if option)
            idiom = context.worked_out[self] = _Idiom(
                readers=tuple(
                    each for each in self._readers if self.rows[each[0]].readable(context)
                ),
                reserved={key: name for name, key in keys if key is not None},
                aliases=tuple((key, alias) for alias, key in context.aliases.items()),
            )
        return idiom

    def table(self, context: Context | None = None) -> dict[str, Can]:
        """Every cell of every canonical field."""
        return {name: self.can(name, context) for name in FIELDS}

    def owner_of(self, vendor_key: str) -> str | None:
        """The canonical field that a vendor's field belongs to."""
        for name, row in self.rows.items():
            if row.owns(vendor_key):
                return name
        return None

    def own_fields(self, context: Context | None = None) -> dict[str, VendorField]:
        """The vendor's own fields that a write may name, of the vendor or of one connection.

        A vendor whose schema says what can be written adds fields to those declared here, and
        refuses others.
        """
        if context is None or context.catalogue.writable is None:
            return self.vendor_fields
        told = sorted({key for key, _ in context.catalogue.writable})
        found = ((key, self.own_field(key, context)) for key in (*self.vendor_fields, *told))
        return {key: own for key, own in found if own is not None}

    def own_field(self, key: str, context: Context) -> VendorField | None:
        """One of them; a field of which only the schema can know passes until that is known."""
        declared, writable = self.vendor_fields.get(key), context.catalogue.writable
        if writable is None:
            passes = self.schema_decides and self.owner_of(key) is None
            return declared or (UNDECLARED if passes else None)
        if self.owner_of(key) is not None or context.catalogue.field(key) is not None:
            return None
        if declared is None and not any((key, each) in writable for each in ("create", "update")):
            return None
        own = declared or UNDECLARED
        return replace(own, can=_ruled(own.can, (key,), writable))

    def reserved(self, context: Context) -> Mapping[str, str]:
        """Custom fields that stand for a canonical field on this connection."""
        return self._idiom(context).reserved

    def read(self, record: View, context: Context) -> Opportunity:
        """The canonical opportunity of a vendor's record, with everything that it holds.

        Raises `Unreadable` for a record without an id; any other value that cannot be read is
        null, with a warning, and stays in `vendor_fields`.
        """
        if not isinstance(record, Mapping):
            raise Unreadable("the record is not an object")
        idiom = self._idiom(context)
        shown = self.envelope.open(record)
        view = self.envelope.plain(shown)
        vendor_id = _id(view.get(self.id_key))
        fields: Record = {}
        whole: set[str] = {self.id_key}
        warnings: list[Warning] = []
        for name, read in idiom.readers:
            try:
                reading = read(view, context)
            except (Unreadable, ValueError) as error:
                warnings.append(_unreadable(name, error))
                continue
            fields[name] = reading.value
            if reading.whole:
                whole.update(reading.whole)
        fields["custom_fields"] = _aliased(fields, idiom)
        return Opportunity.of(
            fields,
            id=ids.join(context.connection, vendor_id),
            connection=context.connection,
            vendor=context.vendor,
            vendor_id=vendor_id,
            etag=self._etag(shown),
            vendor_fields={key: value for key, value in shown.items() if key not in whole},
            warnings=tuple(warnings),
            raw=dict(record),
        )

    def etag(self, record: View) -> str:
        """The strong version of a vendor's record, without the fields that change by themselves."""
        return self._etag(self.envelope.open(record))

    def _etag(self, shown: View) -> str:
        kept = json_text.write(self._steady.part_of(shown), sort_keys=True)
        return f'"{hashlib.sha256(kept).hexdigest()[:32]}"'

    def write(self, change: Change, context: Context) -> Record:
        """The vendor's body for a change whose references are resolved and whose values fit."""
        body: Record = {}
        for name, value in change.items():
            if name == "vendor_fields":
                _overlay(body, value)
            elif name in self.rows:
                row = self.rows[name]
                fields = row.clear(context) if value is None else row.write(value, context)
                _overlay(body, fields)
        return self.envelope.close(body)

    def misfit(self, name: str, value: Any, context: Context) -> Misfit | None:
        """Why a value cannot be written in this dialect, or None."""
        return self.rows[name].misfit(value, context)

    def missing(self, change: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
        """The choices of pointers of which a create names none."""
        for choice in self.required:
            if not any(_named(change, pointer) for pointer in choice):
                yield choice

    def _is_required(self, name: str) -> bool:
        """Whether a create has to name a field, itself or what is written through it."""
        spellings = {f"/{each}" for each in FIELDS if name in (each, self.rows[each].through)}
        return any(spellings.issuperset(choice) for choice in self.required)

    def _written(self, name: str, context: Context | None) -> tuple[str, ...]:
        """The vendor's fields that a write of a canonical field goes to."""
        row = self.rows[self.written_as(name)]
        option = getattr(row, "option", None)
        kept_in = context.option(option) if context and option else None
        return (kept_in,) if kept_in else row.keys


Cells = TypeVar("Cells", Can, VendorFieldCan)


def _ruled(cells: Cells, keys: Iterable[str], writable: frozenset[tuple[str, str]]) -> Cells:
    """Cells as the vendor's own schema rules: it refuses, or settles what no page says."""
    ruled: dict[str, str] = {}
    for action in ("create", "update"):
        held: str = getattr(cells, action)
        if not any((key, action) in writable for key in keys):
            ruled[action] = "unsupported"
        elif held == "undocumented":
            ruled[action] = "native"
    return cells.model_copy(update=ruled)


def _aliased(fields: Record, idiom: _Idiom) -> Record:
    """The custom fields that were read by their aliases, without those told as another field."""
    values: Record = fields.get("custom_fields") or {}
    if not values or not (idiom.aliases or idiom.reserved):
        return values
    names = {key: alias for key, alias in idiom.aliases if alias not in values}
    told = {key for key, name in idiom.reserved.items() if name in fields}
    return {names.get(key, key): value for key, value in values.items() if key not in told}


def _id(raw: Any) -> str:
    if isinstance(raw, str) and raw:
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    raise Unreadable("the record has no id")


def _unreadable(name: str, error: Exception) -> Warning:
    detail = str(error) if isinstance(error, Unreadable) else "the value has no canonical form"
    return Warning(code="unreadable-value", pointer=ids.pointer(name), detail=detail)


class _Steady:
    """What is left of an object without its volatile members, objects within it included."""

    def __init__(self, volatile: Iterable[str]) -> None:
        split = [name.partition(".") for name in volatile]
        self._left_out = frozenset(name for name, _, member in split if not member)
        self._within = {
            each: _Steady(member for name, _, member in split if name == each and member)
            for each, _, member in split
            if member
        }

    def part_of(self, shown: View) -> Record:
        left_out = self._left_out
        kept = {key: value for key, value in shown.items() if key not in left_out}
        for name, within in self._within.items():
            if isinstance(held := kept.get(name), dict):
                kept[name] = within.part_of(held)
        return kept


def _overlay(body: Record, fields: Mapping[str, Any]) -> None:
    """Lays fields over a body; two objects under one key, such as custom fields, join."""
    for key, value in fields.items():
        held = body.get(key)
        both = isinstance(held, dict) and isinstance(value, dict)
        body[key] = {**held, **value} if both and held is not None else value


def _named(change: Mapping[str, Any], pointer: str) -> bool:
    value: Any = change
    for part in pointer.strip("/").split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value is not None
