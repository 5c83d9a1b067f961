"""Dates and times: instants in UTC, and calendar dates kept in a vendor's date-time (api.md 5)."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from gateway.canonical.capabilities import READ_ONLY, Can
from gateway.normalizer.notation import Context, Misfit, Notation, Reading, Record, Unreadable, View

END_OF_DAY = time(23, 59, 59, fold=1)
"""Where clocks change just then, `fold` picks the last such second, or one before the gap."""


def instant(text: Any) -> str:
    """A vendor's date-time as UTC with `Z`: fractions kept, their trailing zeros cut.

    A time without an offset is UTC, as the vendor that sends such times means it. Raises
    `Unreadable`. It takes what `is_instant` takes, cut by places: a record holds many.
    """
    text = _zoned(text)
    behind = -1 if text[-1] in "Zz" else -6
    whole, fraction, zone = text[:19].upper(), text[19:behind], text[behind:].upper()
    try:
        if datetime.fromisoformat(whole).isoformat() != whole or not _is_fraction(fraction):
            raise Unreadable("the value is not a time")
        if zone not in _UTC:
            whole = _at_utc(whole, zone)
    except (ValueError, OverflowError):
        raise Unreadable("the value is not a time") from None
    return f"{whole}{fraction.rstrip('0').rstrip('.')}Z"


def moment(text: Any) -> datetime:
    """The same as a datetime, to the microsecond. Raises `Unreadable`."""
    whole, _, fraction = instant(text).rstrip("Z").partition(".")
    micros = int((fraction or "0").ljust(6, "0")[:6])
    return datetime.fromisoformat(whole + "+00:00") + timedelta(microseconds=micros)


def moved(text: Any, by: timedelta) -> str:
    """An instant moved by some time; at the ends of the calendar it stays where it is."""
    try:
        return instant((moment(text) + by).isoformat())
    except OverflowError:
        return instant(text)


def end_of_day(day: str, context: Context) -> str:
    """23:59:59 of a date in the connection's zone, as UTC (api.md 5)."""
    local = datetime.combine(date.fromisoformat(day), END_OF_DAY, context.timezone)
    return local.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def day_of(text: Any, context: Context) -> str:
    """The date of an instant in the connection's zone; 00:00:00 UTC is that UTC date (api.md 5).

    Raises `Unreadable`.
    """
    utc = moment(text)
    if utc.time() == time(0):
        return utc.date().isoformat()
    try:
        return utc.astimezone(context.timezone).date().isoformat()
    except OverflowError:
        raise Unreadable("the time lies beyond the calendar in the connection's zone") from None


def today(context: Context) -> str:
    """Today's date in the connection's zone."""
    return context.now.astimezone(context.timezone).date().isoformat()


def _is_fraction(text: str) -> bool:
    """Whether a text is the fraction of a second, or nothing."""
    return not text or (text[0] == "." and text[1:].isdecimal() and text.isascii())


def _at_utc(whole: str, zone: str) -> str:
    """A local time of a zone at UTC. Raises ValueError or OverflowError."""
    if not _ZONE.fullmatch(zone):
        raise ValueError("an offset is hours and minutes")
    moment = datetime.fromisoformat(whole + zone).astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat()


_UTC: Final = frozenset({"Z", "+00:00", "-00:00"})
_ZONE: Final = re.compile(r"[+-]\d{2}:[0-5]\d", re.ASCII)


def _zoned(text: Any) -> str:
    if not isinstance(text, str):
        raise Unreadable("the value is not a time")
    has_zone = text[-1:] in {"Z", "z"} or text[-6:-5] in {"+", "-"}
    return text if has_zone else text + "Z"


@dataclass(frozen=True, slots=True)
class Moment(Notation):
    """An instant under one key, which callers read."""

    key: str
    can: Can = field(default=READ_ONLY, kw_only=True)

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        raw = view.get(self.key)
        return Reading(None if raw is None else instant(raw), self.keys)


@dataclass(frozen=True, slots=True)
class EndOfDay(Notation):
    """A calendar date in a vendor's date-time; the exact instant stays in `vendor_fields`."""

    key: str

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        raw = view.get(self.key)
        return Reading(None if raw is None else day_of(raw, context))

    def misfit(self, value: Any, context: Context) -> Misfit | None:
        try:
            kept = day_of(end_of_day(value, context), context)
        except (OverflowError, Unreadable):
            return Misfit("the end of that day lies beyond the calendar")
        if kept == value:
            return None
        return Misfit("the connection's time zone has no such day", (kept,))

    def write(self, value: Any, context: Context) -> Record:
        return {self.key: end_of_day(value, context)}
