"""Money and probability in a vendor's units: whole, minor, double and decimal text.

Every path is exact: `int` and `Decimal` in, `int` and `Decimal` out, and what a unit cannot hold
is a `Misfit` that names the nearest amounts that it can.
"""

from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Decimal
from decimal import Context as DecimalContext
from typing import Any, Protocol

from gateway.canonical import json_text
from gateway.canonical.json_text import plain
from gateway.canonical.money import (
    CURRENCIES,
    Money,
    format_amount,
    half_even,
    nearest,
    significant_digits,
)
from gateway.canonical.opportunity import Value
from gateway.normalizer.notation import Context, Misfit, Notation, Reading, Record, Unreadable, View

DOUBLE_DIGITS = 15
"""Significant digits that every IEEE 754 double keeps."""

_BROKEN = "{} is not a number"
_EXACT = DecimalContext(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Scale(Protocol):
    """How one amount becomes a JSON value and back."""

    def read(self, raw: Any, currency: str | None, context: Context) -> Decimal:
        """The amount in major units. Raises `Unreadable`."""

    def misfit(self, amount: Decimal, currency: str | None, context: Context) -> Misfit | None:
        """Why the unit cannot hold the amount, or None."""

    def write(self, amount: Decimal, currency: str | None, context: Context) -> Any:
        """The JSON value of an amount that fits."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole major units as a JSON integer."""

    def read(self, raw: Any, currency: str | None, context: Context) -> Decimal:
        return number(raw)

    def misfit(self, amount: Decimal, currency: str | None, context: Context) -> Misfit | None:
        return _too_fine(amount, 0, "the vendor keeps whole units")

    def write(self, amount: Decimal, currency: str | None, context: Context) -> Any:
        return int(amount)


@dataclass(frozen=True, slots=True)
class Minor:
    """ISO 4217 minor units as a JSON integer.

    A vendor whose pages speak of cents only is trusted with currencies of two digits; the
    connection's option `minor_unit_digits` says what holds for another.
    """

    documented_digits: int = 2

    def read(self, raw: Any, currency: str | None, context: Context) -> Decimal:
        digits = self.digits(currency, context)
        if digits is None:
            raise Unreadable(f"how many digits {currency or 'the currency'} has here is unknown")
        return shifted(number(raw), -digits)

    def misfit(self, amount: Decimal, currency: str | None, context: Context) -> Misfit | None:
        digits = self.digits(currency, context)
        if digits is None and currency is None and not context.catalogue.known:
            return None  # the vendor's account has a currency, and nobody has asked for it yet
        if digits is None:
            return Misfit(
                f"the vendor does not document amounts in {currency or 'an unknown currency'}; "
                "the connection's option minor_unit_digits says how many digits to send"
            )
        return _too_fine(amount, digits, f"the vendor keeps {digits} digits after the point")

    def write(self, amount: Decimal, currency: str | None, context: Context) -> Any:
        return int(shifted(amount, self.digits(currency, context) or 0))

    def digits(self, currency: str | None, context: Context) -> int | None:
        """Digits after the point in this currency at this vendor, None if nobody says.

        The option speaks of the connection's currency: a record in another is not read by it.
        """
        configured: int | None = context.option("minor_unit_digits")
        ours = context.currency or context.catalogue.currency
        if configured is not None and currency == ours:
            return configured
        documented = CURRENCIES.get(currency or "") == self.documented_digits
        return self.documented_digits if documented else None


@dataclass(frozen=True, slots=True)
class Double:
    """Major units as a JSON number that the vendor keeps as an IEEE 754 double."""

    def read(self, raw: Any, currency: str | None, context: Context) -> Decimal:
        return number(raw)

    def misfit(self, amount: Decimal, currency: str | None, context: Context) -> Misfit | None:
        return too_long(amount)

    def write(self, amount: Decimal, currency: str | None, context: Context) -> Any:
        return _shortest(amount)


@dataclass(frozen=True, slots=True)
class DecimalText:
    """Major units as `{"amount": "7500.00"}`."""

    member: str = "amount"

    def read(self, raw: Any, currency: str | None, context: Context) -> Decimal:
        text = raw.get(self.member) if isinstance(raw, dict) else raw
        if isinstance(text, str):
            try:
                text = json_text.read(text)
            except json_text.JsonTextError:
                raise Unreadable(_BROKEN.format("the amount")) from None
        return number(text)

    def misfit(self, amount: Decimal, currency: str | None, context: Context) -> Misfit | None:
        return None

    def write(self, amount: Decimal, currency: str | None, context: Context) -> Any:
        return {self.member: plain(amount)}


@dataclass(frozen=True, slots=True)
class Amount(Notation):
    """The opportunity's value under one key, with a currency and a period where there are keys."""

    key: str
    scale: Scale
    currency_key: str | None = None
    period_key: str | None = None
    only_currency: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.key, self.currency_key, self.period_key)))

    def currency(self, context: Context) -> str | None:
        """The currency that amounts of this connection are in."""
        return self.only_currency or context.currency or context.catalogue.currency

    def read(self, view: View, context: Context) -> Reading:
        raw = view.get(self.key)
        if raw is None:
            return Reading(None, (self.key,))
        currency = self._read_currency(view, context)
        amount = format_amount(self.scale.read(raw, currency, context), currency)
        period = view.get(self.period_key) if self.period_key else None
        value = Value(
            amount=amount, currency=currency, period="one_time" if period is None else period
        )
        wrapped = isinstance(raw, dict) and len(raw) > 1
        return Reading(value, self.keys[1:] if wrapped else self.keys)

    def misfit(self, value: Money, context: Context) -> Misfit | None:
        return (
            self._foreign_currency(value, context)
            or self._foreign_period(value)
            or self._foreign_amount(value, context)
        )

    def write(self, value: Money, context: Context) -> Record:
        record: Record = {}
        if value.amount is not None:
            record[self.key] = self.scale.write(value.amount, self.currency(context), context)
        if self.period_key and value.period is not None:
            record[self.period_key] = value.period
        return record

    def clear(self, context: Context) -> Record:
        return {self.key: None}

    def _read_currency(self, view: View, context: Context) -> str | None:
        own = view.get(self.currency_key) if self.currency_key else None
        if own is not None and not isinstance(own, str):
            raise Unreadable(f"{self.currency_key} is not a text")
        return own or self.currency(context)

    def _foreign_currency(self, value: Money, context: Context) -> Misfit | None:
        ours, theirs = self.only_currency or context.currency, context.catalogue.currency
        if ours and theirs and theirs != ours:
            return Misfit(
                f"the connection is configured for {ours} and the vendor's account is in {theirs}, "
                "so no value is written until they agree",
            )
        if value.currency is None or value.currency == ours:
            return None
        if ours is None:
            return Misfit("the connection has no currency, so name none", at=("currency",))
        return Misfit(f"the connection's currency is {ours}", (ours,), at=("currency",))

    def _foreign_period(self, value: Money) -> Misfit | None:
        if self.period_key or value.period in (None, "one_time"):
            return None
        return Misfit("the vendor knows no periods", ("one_time",), at=("period",))

    def _foreign_amount(self, value: Money, context: Context) -> Misfit | None:
        if value.amount is None:
            return None
        misfit = self.scale.misfit(value.amount, self.currency(context), context)
        if misfit is None:
            return None
        rounded = None
        if misfit.rounded is not None:
            rounded = Money(amount=misfit.rounded, currency=value.currency, period=value.period)
        return Misfit(misfit.detail, misfit.allowed, ("amount",), rounded=rounded)


@dataclass(frozen=True, slots=True)
class Percentage(Notation):
    """The probability, 0 to 100; `digits` after the point, or a double where it is None."""

    key: str
    digits: int | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        raw = view.get(self.key)
        return Reading(None if raw is None else number(raw), self.keys)

    def misfit(self, value: Decimal, context: Context) -> Misfit | None:
        if self.digits is None:
            return too_long(value, as_number=True)
        return _too_fine(value, self.digits, "the vendor keeps whole per cents", as_number=True)

    def write(self, value: Decimal, context: Context) -> Record:
        return {self.key: _shortest(value)}


def number(raw: Any) -> Decimal:
    """A JSON number as a decimal. Raises `Unreadable` for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, (int, Decimal)):
        raise Unreadable(_BROKEN.format("the value"))
    return Decimal(raw)


def shifted(amount: Decimal, places: int) -> Decimal:
    """The amount times ten to the power of `places`, exact at any length."""
    return _EXACT.scaleb(amount, places)


def too_long(amount: Decimal, *, as_number: bool = False) -> Misfit | None:
    """A misfit where a double would change the amount: more than 15 significant digits."""
    if significant_digits(amount) <= DOUBLE_DIGITS:
        return None
    return _too_fine(
        amount,
        DOUBLE_DIGITS - 1 - amount.adjusted(),
        f"the vendor keeps {DOUBLE_DIGITS} significant digits",
        as_number=as_number,
    )


def _too_fine(
    amount: Decimal, digits: int, detail: str, *, as_number: bool = False
) -> Misfit | None:
    if int(amount.as_tuple().exponent) >= -digits:
        return None
    rounded = half_even(amount, digits)
    if rounded == amount:
        return None
    allowed: tuple[Any, ...] = nearest(amount, digits)
    if as_number:
        allowed = tuple(_shortest(Decimal(text)) for text in allowed)
    return Misfit(detail, allowed, rounded=rounded)


def _shortest(amount: Decimal) -> int | Decimal:
    """The number without trailing zeros, an integer where it is one."""
    return int(amount) if amount == int(amount) else Decimal(plain(amount).rstrip("0"))
