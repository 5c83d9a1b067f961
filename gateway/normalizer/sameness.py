"""Sameness: whether a record shows what a write named, field by field, in the words of a change.

One definition serves the laws, which hold an answer against what was sent, and the evidence, which
finds out by reading what became of a write. It says yes, no, or that the record cannot tell.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.canonical.ids import pointer
from gateway.canonical.money import Money
from gateway.canonical.opportunity import Change, ContactRef, OwnerRef, Value
from gateway.canonical.schema import INSTANT_FORM
from gateway.normalizer import dates
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context, View

EMPTY: tuple[Any, ...] = (None, "", (), [], {})
"""What a field shows that was cleared."""
MAPS = ("custom_fields", "custom_fields_add", "custom_fields_remove", "vendor_fields")
WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that a change sets: a field, or one member of a map of fields."""

    name: str
    wanted: Any
    key: str | None = None
    """The vendor's key of a member."""

    @property
    def pointer(self) -> str:
        """Where in a body it stands, a custom field by the vendor's key."""
        return pointer(self.name, *(() if self.key is None else (self.key,)))


def targets(change: Change) -> Iterator[Target]:
    """Everything that a change sets; switches of the call are not part of the record."""
    for name, value in change.items():
        if name in MAPS:
            yield from (Target(name, member, key) for key, member in value.items())
        elif name != "vendor_options":
            yield Target(name, value)


class Sight:
    """A vendor's record as it is held against targets. Raises `Unreadable` as the dialect does."""

    def __init__(self, record: View, dialect: Dialect, context: Context) -> None:
        self.shown = dialect.read(record, context)
        self._dialect = dialect
        self._context = context
        self._view = dialect.envelope.plain(dialect.envelope.open(record))
        self._unread = {warning.pointer for warning in self.shown.warnings}
        self._custom: Mapping[str, Any] = {}
        if self._is_readable("custom_fields"):
            self._custom = dialect.row("custom_fields").read(self._view, context).value

    def of(self, target: Target) -> Any:
        """What the record shows in the place of a target, by its id where it has one."""
        if target.name == "vendor_fields":
            return self._view.get(target.key or "")
        if target.name in MAPS:
            return self._custom.get(target.key or "")
        found = getattr(self.shown, target.name)
        return getattr(found, "id", found)

    def has(self, target: Target, before: "Sight | None" = None) -> bool | None:
        """Whether the record shows a target; None where it cannot tell.

        A text that comes back in the vendor's own form is told by its words, and that only if
        they were others `before`.
        """
        if not self.tells(target):
            return None
        if target.name in MAPS:
            return _member(target, self.of(target))
        found = same(target.name, target.wanted, getattr(self.shown, target.name))
        if found is not False or not self._is_respelt(target):
            return found
        words, held = _words(target.wanted), before and _words(before.of(target))
        if words != _words(self.of(target)):
            return False
        return True if before and held != words else None

    def tells(self, target: Target) -> bool:
        """Whether the record is one that shows this field, be it as empty."""
        if target.name == "vendor_fields":
            return target.wanted is None or target.key in self._view
        name = "custom_fields" if target.name in MAPS else target.name
        is_clear = target.wanted is None and name not in MAPS
        return self._is_readable(name) and (is_clear or self._is_shown(name))

    def _is_readable(self, name: str) -> bool:
        can = self._dialect.can(name, self._context)
        return can.does("read") and can.reads_back != "never" and pointer(name) not in self._unread

    def _is_shown(self, name: str) -> bool:
        return self._dialect.row(name).shown(self._view, self._context)

    def _is_respelt(self, target: Target) -> bool:
        return self._dialect.can(target.name, self._context).reads_back == "normalized"


def same(name: str, wanted: Any, shown: Any) -> bool | None:
    """Whether a canonical field of an answer is what a change names; None where it cannot tell."""
    if wanted is None:
        return shown in EMPTY
    return _RULES.get(name, _equal)(wanted, shown)


def alike(wanted: Any, shown: Any) -> bool:
    """Whether two JSON values of a custom field are one: lists in any order, times as instants."""
    if _is_nothing(wanted) or _is_nothing(shown):
        return _is_nothing(wanted) and _is_nothing(shown)
    if isinstance(wanted, (list, tuple)) and isinstance(shown, (list, tuple)):
        return len(wanted) == len(shown) and all(_among(one, shown) for one in wanted)
    if isinstance(wanted, bool) or isinstance(shown, bool):
        return wanted is shown
    if isinstance(wanted, (int, Decimal)) and isinstance(shown, str):
        return _number(shown) == wanted
    return bool(wanted == shown) or _same_instant(wanted, shown)


def _is_nothing(value: Any) -> bool:
    return value is None or value == []


def _equal(wanted: Any, shown: Any) -> bool:
    return bool(wanted == shown)


def _among(one: Any, values: Any) -> bool:
    return any(alike(one, value) for value in values)


def _member(target: Target, shown: Any) -> bool:
    """Whether a member of a map shows what was set, put in, or taken out."""
    if target.name in ("custom_fields", "vendor_fields"):
        return alike(target.wanted, shown)
    held = shown if isinstance(shown, (list, tuple)) else [] if shown is None else [shown]
    stays = target.name == "custom_fields_add"
    return all(_among(one, held) is stays for one in target.wanted)


def _same_money(wanted: Money, shown: Value | None) -> bool:
    """Equal amounts, whatever their digits; currency and period where they were named."""
    if shown is None or shown.amount is None:
        return False
    named = ((wanted.currency, shown.currency), (wanted.period, shown.period))
    amount = wanted.amount is None or wanted.amount == Decimal(shown.amount)
    return amount and all(ours in (None, theirs) for ours, theirs in named)


def _refers(wanted: Any, shown: Any) -> bool:
    """Whether an id, or a reference that has one, is what is shown."""
    return shown is not None and shown.id == getattr(wanted, "id", wanted)


def _is_owner(wanted: OwnerRef, shown: Any) -> bool | None:
    if wanted.id is not None or shown is None:
        return _refers(wanted, shown)
    return None if shown.email is None else bool(shown.email == wanted.email)


def _are_contacts(wanted: tuple[ContactRef, ...], shown: tuple[Any, ...]) -> bool | None:
    """Contacts in order, by what each was named by."""
    if any(ref.id is not None for ref in wanted) and shown and shown[0].id is None:
        return None
    pairs = zip(wanted, shown, strict=False)
    return len(wanted) == len(shown) and all(
        getattr(contact, name) == told
        for ref, contact in pairs
        for name, told in ref.model_dump(exclude_none=True).items()
    )


def _same_values(wanted: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Each key that was sent; an empty list is as good as no value."""
    return all(alike(value, shown.get(key)) for key, value in wanted.items())


def _same_instant(wanted: Any, shown: Any) -> bool:
    if not (_is_instant(wanted) and _is_instant(shown)):
        return False
    return dates.instant(wanted) == dates.instant(shown)


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and INSTANT_FORM.match(value) is not None


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _words(text: Any) -> list[str]:
    return WORDS.findall(text) if isinstance(text, str) else []


_RULES: Mapping[str, Callable[[Any, Any], bool | None]] = {
    "value": _same_money,
    "stage": _refers,
    "pipeline": _refers,
    "account": _refers,
    "owner": _is_owner,
    "contacts": _are_contacts,
    "closed_at": _same_instant,
    "custom_fields": _same_values,
}
