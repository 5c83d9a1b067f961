"""Money: exact amounts in major units, with the digits that ISO 4217 gives a currency.

The digits are those of the ISO 4217 list of 2026-01-01, a fact sheet that a test compares with the
`iso4217` package. CLDR's figures differ (IQD 0 there, 3 here), and payments follow ISO.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from gateway.canonical.json_text import plain

Period = Literal["one_time", "monthly", "annual"]

AMOUNT_PATTERN: Final = r"^-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,9})?$"
"""An amount in a request (api.md 3): a string, major units, no exponent."""

TOLD_PATTERN: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
"""An amount in an answer: the same without its bounds, since a vendor may hold more."""

_AMOUNT = re.compile(AMOUNT_PATTERN)

_DIGITS: Final[dict[int, str]] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
        "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
        "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK "
        "LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
        "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
        "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
        "XAD XCD XCG YER ZAR ZMW ZWG"
    ),
}

CURRENCIES: Final[dict[str, int]] = {
    code: digits for digits, codes in _DIGITS.items() for code in codes.split()
}
"""ISO 4217 code → minor-unit digits, for every currency that has minor units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A value on its way to or from a vendor; what is None was not named."""

    amount: Decimal | None = None
    currency: str | None = None
    period: Period | None = None


def parse_amount(text: str) -> Decimal:
    """The decimal behind a request's amount. Raises ValueError for any other spelling."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(
            'an amount is a string such as "7500.00": digits, at most 19 before and 9 after '
            "the point, no exponent, no separators"
        )
    return Decimal(text)


def format_amount(amount: Decimal, currency: str | None) -> str:
    """An amount as answers show it: at least the currency's minor digits, never fewer than given.

    Without a currency the digits are the vendor's own; minus zero is zero.
    """
    whole, _, fraction = plain(amount).partition(".")
    fraction = fraction.ljust(CURRENCIES.get(currency or "", 0), "0")
    return f"{whole}.{fraction}" if fraction else whole


def nearest(amount: Decimal, digits: int) -> tuple[str, ...]:
    """The amounts with `digits` decimals next to one that has more, the lower first.

    `digits` below zero counts zeros before the point.
    """
    below, above = (_to(amount, digits, rounding) for rounding in ("ROUND_FLOOR", "ROUND_CEILING"))
    return tuple(dict.fromkeys((plain(below), plain(above))))


def half_even(amount: Decimal, digits: int) -> Decimal:
    """The amount rounded half to even, which only lenient handling may do (api.md 4)."""
    return _to(amount, digits, "ROUND_HALF_EVEN")


def _to(amount: Decimal, digits: int, rounding: str) -> Decimal:
    rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=rounding)
    return Decimal(plain(rounded))


def significant_digits(amount: Decimal) -> int:
    """Digits that carry information: none of the zeros before or after them."""
    digits = amount.as_tuple().digits
    text = "".join(map(str, digits)).strip("0")
    return max(len(text), 1)
