"""Units: what is written is read back to the last digit, or not written."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical import json_text
from gateway.canonical.money import CURRENCIES, Money, Period, format_amount
from gateway.canonical.opportunity import Value
from gateway.canonical.pipeline import Catalogue
from gateway.errors import NotRepresentable
from gateway.normalizer.notation import Context, Misfit, Unreadable
from gateway.normalizer.units import (
    Amount,
    DecimalText,
    Double,
    Minor,
    Percentage,
    Scale,
    Whole,
    number,
    shifted,
)
from tests.normalizer.acme import AcmeOptions, context

SCALES: tuple[Scale, ...] = (Whole(), Minor(), Double(), DecimalText())
AMOUNTS = st.from_regex(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,9})?", fullmatch=True).map(Decimal)
CURRENCY = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF", None])
DIGITS = st.sampled_from([None, 0, 2, 3, 4])


def over_the_wire(value: Any) -> Any:
    """A JSON value as it comes back from a vendor that keeps it as it is."""
    return json_text.read(json_text.write(value))


def at(currency: str | None, digits: int | None = None) -> Context:
    options = AcmeOptions(minor_unit_digits=digits)
    return context(currency=currency, options=options, catalogue=Catalogue(known=True))


def kept(scale: Scale, amount: Decimal, currency: str | None, where: Context) -> Decimal:
    """The amount after writing and reading."""
    return scale.read(over_the_wire(scale.write(amount, currency, where)), currency, where)


@given(st.sampled_from(SCALES), AMOUNTS, CURRENCY, DIGITS)
def test_an_amount_is_read_back_or_refused(
    scale: Scale, amount: Decimal, currency: str | None, digits: int | None
) -> None:
    """The law, over the whole range of requests, every kind of currency and every unit."""
    where = at(currency, digits)
    if scale.misfit(amount, currency, where) is None:
        assert kept(scale, amount, currency, where) == amount


@given(st.sampled_from(SCALES), AMOUNTS, st.sampled_from(["USD", "JPY", "KWD"]))
def test_what_is_named_as_nearest_does_fit(scale: Scale, amount: Decimal, currency: str) -> None:
    where = at(currency, CURRENCIES[currency])
    misfit = scale.misfit(amount, currency, where)
    if misfit is not None:
        near = [Decimal(text) for text in misfit.allowed]
        assert [scale.misfit(each, currency, where) for each in near] == [None, None]
        assert near[0] < amount < near[1]
        assert misfit.rounded in near


@given(AMOUNTS, st.sampled_from(["USD", "JPY", "KWD"]))
def test_a_double_keeps_what_is_sent(amount: Decimal, currency: str) -> None:
    """The vendor's own arithmetic is binary; fifteen digits survive it, more are refused."""
    where = at(currency)
    if Double().misfit(amount, currency, where) is None:
        vendor = float(str(Double().write(amount, currency, where)))
        assert Decimal(repr(vendor)) == amount


@pytest.mark.parametrize("border", [2**31 - 1, 2**31, 2**53, 2**53 + 1, 10**19 - 1])
@pytest.mark.parametrize("scale", [Whole(), Minor(), DecimalText()])
def test_no_power_of_two_is_a_border(scale: Scale, border: int) -> None:
    assert kept(scale, Decimal(border), "USD", at("USD")) == border


@pytest.mark.parametrize(
    ("scale", "amount", "sent"),
    [
        (Whole(), "7500.00", b"7500"),
        (Minor(), "7500.5", b"750050"),
        (Minor(), "-0.01", b"-1"),
        (Minor(), "9007199254740993.01", b"900719925474099301"),
        (Double(), "7500.00", b"7500"),
        (Double(), "7500.50", b"7500.5"),
        (Double(), "1000000000000000000", b"1000000000000000000"),
        (DecimalText(), "7500.50", b'{"amount":"7500.50"}'),
    ],
)
def test_an_amount_is_sent_in_the_vendor_s_unit(scale: Scale, amount: str, sent: bytes) -> None:
    assert json_text.write(scale.write(Decimal(amount), "USD", at("USD"))) == sent


@pytest.mark.parametrize(
    ("scale", "amount", "allowed"),
    [
        (Whole(), "10.50", ("10", "11")),
        (Minor(), "10.505", ("10.50", "10.51")),
        (Double(), "1234567890123456", ("1234567890123450", "1234567890123460")),
        (Double(), "0.1234567890123456", ("0.123456789012345", "0.123456789012346")),
    ],
)
def test_the_nearest_are_named(scale: Scale, amount: str, allowed: tuple[str, ...]) -> None:
    misfit = scale.misfit(Decimal(amount), "USD", at("USD"))
    assert misfit is not None
    assert misfit.allowed == allowed


@pytest.mark.parametrize(
    ("currency", "digits", "raw", "amount"),
    [
        ("USD", None, 50000, "500.00"),
        ("JPY", 0, 500, "500"),
        ("JPY", 2, 50000, "500.00"),
        ("KWD", 3, 500125, "500.125"),
        ("KWD", 2, 50012, "500.120"),
        ("CLF", 4, 5, "0.0005"),
    ],
)
def test_minor_units_have_the_digits_of_the_currency_or_of_the_option(
    currency: str, digits: int | None, raw: int, amount: str
) -> None:
    where = at(currency, digits)
    read = Minor().read(raw, currency, where)
    assert format_amount(read, currency) == amount
    assert Minor().write(read, currency, where) == raw


@pytest.mark.parametrize("currency", ["JPY", "KWD", "CLF", "XTS", None])
def test_a_currency_of_other_digits_is_neither_read_nor_written_on_a_guess(
    currency: str | None,
) -> None:
    """The vendor's pages show cents only, so ¥500 might be 500 or 50000."""
    with pytest.raises(Unreadable, match="how many digits"):
        Minor().read(500, currency, at(currency))
    misfit = Minor().misfit(Decimal(500), currency, at(currency))
    assert misfit is not None
    assert "minor_unit_digits" in misfit.detail
    assert misfit.rounded is None


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("raw", [True, "five", [], {}, {"value": 5}])
def test_what_is_no_number_is_unreadable(scale: Scale, raw: Any) -> None:
    with pytest.raises(Unreadable):
        scale.read(raw, "USD", at("USD"))


@pytest.mark.parametrize(
    ("raw", "amount"),
    [({"amount": "7500.00"}, "7500.00"), ("7500.000", "7500.000"), (7500, "7500"),
     ({"amount": Decimal("0.10")}, "0.10"), ({"amount": "-0.00", "more": 1}, "-0.00")],
)  # fmt: skip
def test_decimal_text_is_read_wrapped_and_bare(raw: Any, amount: str) -> None:
    assert str(DecimalText().read(raw, "USD", at("USD"))) == amount


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "1_000", "$5", "1e999999999", "0x10", "٣"])
def test_decimal_text_is_a_number_of_json_or_nothing(text: str) -> None:
    """A text of eleven characters must not become an amount of a gigabyte."""
    with pytest.raises(Unreadable):
        DecimalText().read({"amount": text}, "USD", at("USD"))


FULL = Amount("cents", Minor(), currency_key="currency", period_key="period")
BARE = Amount("dollars", Whole(), only_currency="USD")


@pytest.mark.parametrize(
    ("row", "view", "value", "whole"),
    [
        (
            FULL,
            {"cents": 750000, "currency": "EUR", "period": "annual"},
            Value(amount="7500.00", currency="EUR", period="annual"),
            {"cents", "currency", "period"},
        ),
        (
            FULL,
            {"cents": 1, "period": None},
            Value(amount="0.01", currency="USD", period="one_time"),
            {"cents", "currency", "period"},
        ),
        (FULL, {"cents": None, "currency": "EUR", "period": "annual"}, None, {"cents"}),
        (FULL, {}, None, {"cents"}),
        (
            BARE,
            {"dollars": 10},
            Value(amount="10.00", currency="USD", period="one_time"),
            {"dollars"},
        ),
    ],
)
def test_a_value_is_read_with_its_currency_and_period(
    row: Amount, view: dict[str, Any], value: Value | None, whole: set[str]
) -> None:
    """Without an amount there is no value, and the currency and period stay the vendor's."""
    reading = row.read(view, context())
    assert (reading.value, set(reading.whole)) == (value, whole)


@pytest.mark.parametrize("odd", [{"currency": 5}, {"currency": {"code": "USD"}}, {"period": []}])
def test_a_value_beside_which_something_odd_stands_is_unreadable(odd: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"currency is not a text|period"):
        FULL.read({"cents": 1, "currency": "USD", "period": "annual"} | odd, context())


def test_an_amount_object_that_says_more_than_the_amount_is_not_held_whole() -> None:
    row = Amount("amount", DecimalText())
    assert tuple(row.read({"amount": {"amount": "1.00"}}, context()).whole) == ("amount",)
    assert tuple(row.read({"amount": {"amount": "1.00", "of": 2}}, context()).whole) == ()


@pytest.mark.parametrize(
    ("amount", "period", "record"),
    [
        ("10.5", "monthly", {"cents": 1050, "period": "monthly"}),
        ("10", None, {"cents": 1000}),
        (None, "annual", {"period": "annual"}),
        (None, None, {}),
    ],
)
def test_only_what_was_named_of_a_value_is_written(
    amount: str | None, period: Period | None, record: dict[str, Any]
) -> None:
    """The currency is the account's, never the record's."""
    money = Money(amount=Decimal(amount) if amount else None, currency="USD", period=period)
    assert FULL.misfit(money, context()) is None
    assert FULL.write(money, context()) == record


def test_clearing_a_value_touches_the_amount_alone() -> None:
    assert FULL.clear(context()) == {"cents": None}


@pytest.mark.parametrize(
    ("row", "money", "where", "at", "allowed"),
    [
        (FULL, Money(amount=Decimal(1), currency="EUR"), context(), ("currency",), ("USD",)),
        (FULL, Money(currency="USD"), context(currency=None), ("currency",), ()),
        (BARE, Money(period="monthly"), context(), ("period",), ("one_time",)),
        (BARE, Money(amount=Decimal("10.5")), context(), ("amount",), ("10", "11")),
        (BARE, Money(amount=Decimal(1), currency="EUR"), context(), ("currency",), ("USD",)),
    ],
)
def test_a_value_that_cannot_be_held_is_refused_where_it_is_wrong(
    row: Amount, money: Money, where: Context, at: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    misfit = row.misfit(money, where)
    assert misfit is not None
    assert (misfit.at, misfit.allowed, misfit.kind) == (at, allowed, NotRepresentable)


def test_no_value_is_written_while_two_currencies_are_spoken_of() -> None:
    """Not even an amount alone: it would be taken for the account's currency (api.md 11)."""
    from_vendor = Catalogue(currency="GBP")
    misfit = FULL.misfit(Money(amount=Decimal(1)), context(catalogue=from_vendor))
    assert misfit is not None
    assert (misfit.at, misfit.rounded) == ((), None)
    assert "GBP" in misfit.detail


def test_a_connection_without_a_currency_has_the_account_s() -> None:
    where = context(currency=None, catalogue=Catalogue(currency="GBP"))
    assert FULL.currency(where) == "GBP"
    assert FULL.misfit(Money(amount=Decimal(1)), where) is None


def test_a_rounded_amount_keeps_currency_and_period() -> None:
    """Lenient handling rounds the amount and leaves the rest of the value alone."""
    money = Money(amount=Decimal("10.505"), currency="USD", period="annual")
    misfit = FULL.misfit(money, context())
    assert misfit is not None
    assert misfit.rounded == Money(amount=Decimal("10.50"), currency="USD", period="annual")


PERCENTS = st.decimals(min_value=0, max_value=100, places=4)


@given(PERCENTS, st.sampled_from([0, None]))
def test_a_probability_is_read_back_or_refused(value: Decimal, digits: int | None) -> None:
    row = Percentage("chance", digits=digits)
    misfit = row.misfit(value, context())
    if misfit is None:
        assert row.read(over_the_wire(row.write(value, context())), context()).value == value
    else:
        assert [row.misfit(Decimal(near), context()) for near in misfit.allowed] == [None, None]


@pytest.mark.parametrize(
    ("digits", "value", "sent"),
    [
        (0, "85", b'{"chance":85}'),
        (0, "85.0", b'{"chance":85}'),
        (None, "85.50", b'{"chance":85.5}'),
    ],
)
def test_a_probability_is_sent_as_the_shortest_number(
    digits: int | None, value: str, sent: bytes
) -> None:
    row = Percentage("chance", digits=digits)
    assert json_text.write(row.write(Decimal(value), context())) == sent


def test_a_probability_between_whole_per_cents_names_both_as_numbers() -> None:
    misfit = Percentage("chance", digits=0).misfit(Decimal("85.5"), context())
    assert misfit == Misfit("the vendor keeps whole per cents", (85, 86), rounded=Decimal(86))


@given(st.integers(-(10**30), 10**30), st.integers(-5, 5))
def test_shifting_the_point_is_exact_at_any_length(digits: int, places: int) -> None:
    assert shifted(shifted(Decimal(digits), places), -places) == digits


@pytest.mark.parametrize("raw", [True, None, "5", [5]])
def test_only_a_number_is_a_number(raw: Any) -> None:
    with pytest.raises(Unreadable):
        number(raw)


def test_an_amount_waits_for_the_currency_of_an_account_that_was_not_asked_yet() -> None:
    """A connection without a currency is in the account's, which the catalogue tells."""
    amount = Decimal("7500.05")
    unasked = context(currency=None, catalogue=Catalogue())
    asked = context(currency=None, catalogue=Catalogue(known=True))
    told = context(currency=None, catalogue=Catalogue(known=True, currency="USD"))
    row = Amount("value", Minor())
    assert row.misfit(Money(amount=amount), unasked) is None
    assert isinstance(row.misfit(Money(amount=amount), asked), Misfit)
    assert row.write(Money(amount=amount), told) == {"value": 750005}


def test_a_connection_without_a_currency_lets_none_be_named() -> None:
    told = context(currency=None, catalogue=Catalogue(known=True, currency="USD"))
    misfit = Amount("value", Minor()).misfit(Money(currency="USD"), told)
    assert misfit is not None
    assert misfit.at == ("currency",)


def test_the_option_for_digits_speaks_of_the_connection_s_currency_alone() -> None:
    """A record in another currency is read by what is documented, or not at all."""
    yen = at("JPY", 0)
    scale = Minor()
    assert scale.read(2150050, "JPY", yen) == Decimal(2150050)
    assert scale.read(2150050, "USD", yen) == Decimal("21500.50")
    with pytest.raises(Unreadable):
        scale.read(2150050, "KWD", yen)
