"""Money: the ISO table, the spelling of amounts, exact rounding."""

from decimal import Decimal

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.money import (
    CURRENCIES,
    format_amount,
    half_even,
    nearest,
    parse_amount,
    significant_digits,
)

AMOUNTS = st.from_regex(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,9})?", fullmatch=True)


def test_the_table_is_the_iso_list() -> None:
    """Every currency with minor units, with the digits that the published list gives it."""
    published = {
        currency.code: currency.exponent
        for currency in iso4217.Currency
        if currency.exponent is not None
    }
    assert published == CURRENCIES


@given(AMOUNTS)
def test_an_amount_of_a_request_is_exact(text: str) -> None:
    assert f"{parse_amount(text):f}" == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", ".5", "5.", "+5", "007", "1e3", "1,000.00", "1_000", " 1", "1 ", "NaN", "٣"),
        *("7500.00\n", "1.0000000001", "1" + "0" * 19),
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an amount is a string such as"):
        parse_amount(text)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("7500", "USD", "7500.00"),
        ("7500.5", "USD", "7500.50"),
        ("7500.005", "USD", "7500.005"),
        ("500", "JPY", "500"),
        ("500.5", "JPY", "500.5"),
        ("1.5", "KWD", "1.500"),
        ("1E+2", "USD", "100.00"),
        ("1E+2", "JPY", "100"),
        ("1E+2", None, "100"),
        ("-0", "USD", "0.00"),
        ("-0.004", "USD", "-0.004"),
        ("0E-4", "USD", "0.0000"),
        ("12.3", None, "12.3"),
        ("12.30", "XXX", "12.30"),
    ],
)
def test_an_amount_is_shown_with_the_currency_s_digits_and_all_of_its_own(
    amount: str, currency: str | None, shown: str
) -> None:
    assert format_amount(Decimal(amount), currency) == shown


@given(AMOUNTS, st.sampled_from([*CURRENCIES, None]))
def test_showing_an_amount_changes_neither_its_worth_nor_drops_a_digit(
    text: str, currency: str | None
) -> None:
    shown = format_amount(Decimal(text), currency)
    assert Decimal(shown) == Decimal(text)
    assert len(shown.partition(".")[2]) >= max(
        len(text.partition(".")[2]), CURRENCIES.get(currency or "", 0)
    )


@pytest.mark.parametrize(
    ("amount", "digits", "both"),
    [
        ("10.50", 0, ("10", "11")),
        ("-10.5", 0, ("-11", "-10")),
        ("0.005", 2, ("0.00", "0.01")),
        ("-0.005", 2, ("-0.01", "0.00")),
        ("10", 0, ("10",)),
        ("1234", -2, ("1200", "1300")),
    ],
)
def test_the_nearest_amounts_are_the_lower_and_the_higher(
    amount: str, digits: int, both: tuple[str, ...]
) -> None:
    assert nearest(Decimal(amount), digits) == both


@pytest.mark.parametrize(
    ("amount", "digits", "rounded"),
    [("10.5", 0, "10"), ("11.5", 0, "12"), ("-10.5", 0, "-10"), ("0.125", 2, "0.12"),
     ("1250", -2, "1200"), ("-0.4", 0, "0")],
)  # fmt: skip
def test_rounding_goes_to_the_even_neighbour(amount: str, digits: int, rounded: str) -> None:
    assert str(half_even(Decimal(amount), digits)) == rounded


@given(AMOUNTS, st.integers(-3, 4))
def test_rounding_takes_one_of_the_nearest(text: str, digits: int) -> None:
    amount = Decimal(text)
    assert half_even(amount, digits) in {Decimal(near) for near in nearest(amount, digits)}


@pytest.mark.parametrize(
    ("amount", "count"),
    [("0", 1), ("0.00", 1), ("100", 1), ("100.5", 4), ("0.0015", 2), ("-1.50", 2), ("1E+9", 1)],
)
def test_zeros_at_either_end_carry_no_information(amount: str, count: int) -> None:
    assert significant_digits(Decimal(amount)) == count
