"""Admission: what of a write a vendor can take, decided without asking it (api.md 4).

Strict handling gathers every refusal; lenient handling leaves out whole what cannot be taken,
rounds amounts and probabilities within their unit, and says each in a warning.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.canonical.capabilities import Action
from gateway.canonical.ids import pointer
from gateway.canonical.money import Money, parse_amount
from gateway.canonical.opportunity import AccountRef, ValueDraft, Warning
from gateway.errors import Faults, NotRepresentable, Rejected, Unsupported, ValidationFailed
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context

Write = Literal["create", "update"]

CUSTOM_FIELD_MAPS = ("custom_fields", "custom_fields_add", "custom_fields_remove")
MAPS = (*CUSTOM_FIELD_MAPS, "vendor_fields")


@dataclass(slots=True)
class Admitted:
    """What is left of a write, by canonical field; custom fields already have the vendor's keys."""

    fields: dict[str, Any] = field(default_factory=dict)
    warnings: list[Warning] = field(default_factory=list)
    spelled: dict[str, str] = field(default_factory=dict)
    """A custom field's key of the vendor → the caller's key, for pointers."""


def admit(
    sent: Iterable[tuple[str, Any]],
    dialect: Dialect,
    context: Context,
    action: Write,
    *,
    lenient: bool = False,
) -> Admitted:
    """Checks every field against its cell and unit. Raises `Rejected` with all that is wrong."""
    admission = _Admission(dialect, context, action, lenient)
    for name, value in sent:
        admission.take(name, value)
    admission.faults.raise_if_any()
    return admission.admitted


class _Admission:
    def __init__(self, dialect: Dialect, context: Context, action: Write, lenient: bool) -> None:
        self.dialect = dialect
        self.context = context
        self.action = action
        self.lenient = lenient
        self.admitted = Admitted()
        self.faults = Faults()

    def take(self, name: str, value: Any) -> None:
        if value is None and name in MAPS and self.action == "update":
            self._refuse(ValidationFailed, (name,), "name each member to clear, with null")
        elif name == "vendor_options":
            self._take_options(value or {})
        elif name == "vendor_fields":
            self._take_vendor_fields(value or {})
        elif name in CUSTOM_FIELD_MAPS:
            self._take_custom_fields(name, value or {})
        else:
            self._take_field(name, internal(value, self.action))

    def _take_field(self, name: str, value: Any) -> None:
        if value is None:
            if self.action == "create":
                return
            if not self._possible(name, "clear", name):
                return
        elif not self._possible(name, self.action, name):
            return
        elif misfit := self.dialect.misfit(name, value, self.context):
            if not self.lenient or misfit.kind is not NotRepresentable:
                where = pointer(name, *misfit.at)
                self.faults.add(misfit.kind, where, misfit.detail, misfit.allowed)
                return
            if misfit.rounded is None:
                self._leave_out(name, misfit.detail)
                return
            detail = f"{misfit.detail}: rounded half to even"
            self._warn("rounded", pointer(name, *misfit.at), detail)
            value = misfit.rounded
        self.admitted.fields[name] = value

    def _take_custom_fields(self, name: str, values: Mapping[str, Any]) -> None:
        cell: Action = "update" if name != "custom_fields" else self.action
        if not values or not self._possible("custom_fields", cell, name):
            return
        taken: dict[str, Any] = {}
        for key, value in values.items():
            vendor_key = self.context.aliases.get(key, key)
            at = (name, key)
            if vendor_key in self.admitted.spelled:
                other = self.admitted.spelled[vendor_key]
                both = f"{key} and {other} are one field" if key != other else f"{key} is one field"
                self._refuse(ValidationFailed, at, f"{both}, named twice")
            elif spoken_for := self._spoken_for(vendor_key):
                self._refuse(Unsupported, at, spoken_for)
            elif value is None and self.action == "create":
                continue
            elif not self._is_writable(vendor_key):
                detail = f"the vendor lets nobody write this field on {self.action}"
                self._unsupported(at, detail)
            elif misfit := self.dialect.misfit("custom_fields", {vendor_key: value}, self.context):
                self.faults.add(misfit.kind, pointer(*at), misfit.detail, misfit.allowed)
            elif value is not None or self._possible("custom_fields", "clear", *at):
                self.admitted.spelled[vendor_key] = key
                taken[vendor_key] = value
        if taken:
            self.admitted.fields[name] = taken

    def _spoken_for(self, vendor_key: str) -> str | None:
        """What else a custom field is there for on this connection."""
        if vendor_key == self.context.option("marker_field"):
            return "this field holds the gateway's own mark of a create"
        canonical = self.dialect.reserved(self.context).get(vendor_key)
        return canonical and f"this field holds {canonical}: send that"

    def _is_writable(self, vendor_key: str) -> bool:
        """Whether a custom field can be written, as far as the catalogue knows it."""
        catalogue = self.context.catalogue
        definition = catalogue.field(vendor_key)
        return definition is None or (
            definition.writable and catalogue.lets(vendor_key, self.action)
        )

    def _take_vendor_fields(self, values: Mapping[str, Any]) -> None:
        taken: dict[str, Any] = {}
        for key, value in values.items():
            declared = self.dialect.own_field(key, self.context)
            cell = getattr(declared.can, self.action) if declared else "unsupported"
            if declared is None or cell == "unsupported":
                self._unsupported(("vendor_fields", key), self._why_not(key, known=bool(declared)))
            elif not declared.takes(value):
                detail = f"{declared.expects} expected"
                self._refuse(ValidationFailed, ("vendor_fields", key), detail)
            else:
                taken[key] = value
        if taken:
            self.admitted.fields["vendor_fields"] = taken

    def _take_options(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if key not in self.dialect.vendor_options:
                self._unsupported(("vendor_options", key), "the vendor has no such switch")
            elif not isinstance(value, bool):
                self._refuse(ValidationFailed, ("vendor_options", key), "true or false is expected")
            else:
                self.admitted.fields.setdefault("vendor_options", {})[key] = value

    def _why_not(self, key: str, *, known: bool) -> str:
        owner = self.dialect.owner_of(key)
        if owner:
            return f"{key} is written as {owner}"
        if known:
            return f"the vendor does not take {key} on {self.action}"
        return f"{key} is not a field that can be written at this vendor"

    def _possible(self, name: str, cell: Action, *at: str) -> bool:
        """Whether a cell is possible; if not, it is refused or left out."""
        can = self.dialect.can(name, self.context)
        if can.does(cell):
            return True
        doing = {"clear": "clear", "create": "take on create", "update": "change"}[cell]
        detail = f"the vendor cannot {doing} {name}"
        explains = can.note and cell != "clear"
        self._unsupported(at, f"{detail}: {can.note}" if explains else detail)
        return False

    def _unsupported(self, at: Iterable[str], detail: str) -> None:
        if self.lenient:
            self._warn(Unsupported.code, pointer(*at), f"left out: {detail}")
        else:
            self._refuse(Unsupported, at, detail)

    def _leave_out(self, name: str, detail: str) -> None:
        self._warn(Unsupported.code, pointer(name), f"left out: {detail}")

    def _refuse(self, kind: type[Rejected], at: Iterable[str], detail: str) -> None:
        self.faults.add(kind, pointer(*at), detail)

    def _warn(self, code: str, where: str, detail: str) -> None:
        self.admitted.warnings.append(Warning(code=code, pointer=where, detail=detail))


def internal(value: Any, action: Write) -> Any:
    """A request's value as dialects take it: money as `Money`, an account as its id.

    A value without an amount and a list without contacts are none, which clears.
    """
    if isinstance(value, AccountRef):
        return value.id
    if not isinstance(value, ValueDraft):
        return None if isinstance(value, tuple) and not value else value
    if value.amount is None and "amount" in value.model_fields_set:
        return None
    return Money(
        amount=None if value.amount is None else parse_amount(value.amount),
        currency=value.currency,
        period=value.period or ("one_time" if action == "create" else None),
    )


def with_defaults(
    sent: Iterable[tuple[str, Any]],
    defaults: Mapping[str, Any],
    dialect: Dialect,
    aliases: Mapping[str, str],
) -> Iterator[tuple[str, Any]]:
    """A create's members with the connection's defaults lying under them; objects join by key.

    A custom field's alias and its vendor key are one. Where status and stage are one thing at the
    vendor, whoever names one has named the other.
    """
    body = dict(sent)
    named = {aliases.get(key, key) for key in body.get("custom_fields") or {}}
    spoken_for = {dialect.written_as(name) for name, value in body.items() if value is not None}
    for name, value in body.items():
        under = defaults.get(name)
        if name == "custom_fields" and under is not None:
            under = {key: v for key, v in under.items() if aliases.get(key, key) not in named}
        yield name, _over(under, value)
    for name, value in defaults.items():
        if name not in body and dialect.written_as(name) not in spoken_for:
            yield name, value


def _over(under: Any, value: Any) -> Any:
    """A member over its default: objects and values join, anything else replaces."""
    if isinstance(under, Mapping) and isinstance(value, Mapping):
        return {**under, **value}
    if isinstance(under, ValueDraft) and isinstance(value, ValueDraft):
        named = (each.model_dump(exclude_unset=True) for each in (under, value))
        return ValueDraft.model_validate(
            {name: told for each in named for name, told in each.items()}
        )
    return value
