"""One row of a dialect: how one canonical field is spelled in a vendor's record, both ways.

A notation reads from and writes to a *view*, the vendor's record with its fields at the top level.
It owns no I/O and no state; what differs between connections comes in the `Context`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.canonical.capabilities import NATIVE, READ_ONLY, Can
from gateway.canonical.pipeline import Catalogue
from gateway.errors import NotRepresentable, Rejected

View = Mapping[str, Any]
"""An object of a vendor's JSON, which is a `dict` as every object that is read (`json_text`)."""
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a translator knows of the connection it speaks for; data only, the clock included."""

    connection: str
    vendor: str
    now: datetime
    currency: str | None = None
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Custom-field alias → the vendor's key."""
    stage_status: Mapping[str, str] = field(default_factory=dict)
    """Stage id → status, where the vendor does not say."""
    options: Any = None
    """The connection's options, of the vendor's own type."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)
    lenient: bool = False
    """Whether the caller prefers that what a vendor cannot take is left out (api.md 4)."""
    worked_out: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What follows from all this but `now` and `lenient`, by whose it is: worked out once."""

    def at(self, now: datetime, *, lenient: bool) -> "Context":
        """The same for another request, with what was worked out already."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, now=now, lenient=lenient)
        return other

    def option(self, name: str) -> Any:
        """An option of the connection, None where it is not set."""
        return getattr(self.options, name, None)

    def alias(self, vendor_key: str) -> str:
        """What callers call a custom field: its alias, else the vendor's key."""
        return next((name for name, key in self.aliases.items() if key == vendor_key), vendor_key)


class Unreadable(ValueError):
    """A vendor's value that has no canonical form; the field is null and the raw value is kept."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a value cannot be written, the nearest that can, and what lenient handling may send."""

    detail: str
    allowed: tuple[Any, ...] = ()
    at: tuple[str, ...] = ()
    """Path below the field, such as ("amount",)."""
    kind: type[Rejected] = NotRepresentable
    rounded: Any = None


@dataclass(slots=True)
class Reading:
    """A canonical value and the vendor keys that it holds whole, so that nothing is told twice."""

    value: Any
    whole: Iterable[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """A row of which nothing is said but what it can; every notation in use says more."""

    can: Can = NATIVE

    @property
    def keys(self) -> tuple[str, ...]:
        """The vendor's fields that belong to this row and may not be written beside it."""
        return ()

    def owns(self, key: str) -> bool:
        """Whether a vendor's field belongs to this row."""
        return key in self.keys

    def ability(self, context: Context | None) -> Can:
        """The row's cells; `context` is None when asked of the vendor, not of a connection."""
        del context
        return self.can

    @property
    def through(self) -> str | None:
        """The canonical field that this one is written through, having no field of its own."""
        return None

    def readable(self, context: Context) -> bool:
        """Whether records show the field at all; asked once of a connection and its catalogue."""
        return self.can.does("read")

    def shown(self, view: View, context: Context) -> bool:
        """Whether this record tells the field, be it as empty."""
        del context
        return not self.keys or any(key in view for key in self.keys)

    def read(self, view: View, context: Context) -> Reading:
        """The canonical value. Raises `Unreadable`."""
        raise NotImplementedError

    def misfit(self, value: Any, context: Context) -> Misfit | None:
        """Why a value that is not None cannot be written, or None."""
        del value, context
        return None

    def write(self, value: Any, context: Context) -> Record:
        """The vendor's fields for a value that fits."""
        raise NotImplementedError

    def clear(self, context: Context) -> Record:
        """The vendor's fields that make the canonical field null."""
        del context
        return dict.fromkeys(self.keys)


@dataclass(frozen=True, slots=True)
class Key(Notation):
    """A text under one key."""

    key: str

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        value = view.get(self.key)
        if value is not None and not isinstance(value, str):
            raise Unreadable(f"{self.key} is not a text")
        return Reading(value, self.keys)

    def write(self, value: Any, context: Context) -> Record:
        return {self.key: value}


@dataclass(frozen=True, slots=True)
class Flag(Notation):
    """A canonical boolean from a vendor's opposite one, or from whether a time is set.

    `true_if_set`: a value that is not null means true; else the vendor's boolean is negated.
    """

    key: str
    true_if_set: bool = False
    can: Can = field(default=READ_ONLY, kw_only=True)

    @property
    def keys(self) -> tuple[str, ...]:
        return () if self.true_if_set else (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        value = view.get(self.key)
        if self.true_if_set:
            return Reading(value is not None)
        if value is not None and not isinstance(value, bool):
            raise Unreadable(f"{self.key} is not a boolean")
        return Reading(value is False, () if value is None else (self.key,))
