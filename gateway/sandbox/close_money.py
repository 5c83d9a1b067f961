"""Close's amounts: integers in minor units, and what is computed from them (close.md 3.3, 5)."""

from collections.abc import Mapping

SYMBOLS: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KWD": "KWD "}
DIGITS: Mapping[str, int] = {"JPY": 0, "KWD": 3}
"""Minor digits other than two; whether Close keeps to them is undocumented (close.md 5)."""

ONE_TIME, MONTHLY, ANNUAL = PERIODS = ("one_time", "monthly", "annual")


def annualized(value: int | None, period: str) -> int | None:
    """A monthly amount counts twelve times, every other once."""
    return value * 12 if value is not None and period == MONTHLY else value


def expected(value: int | None, confidence: int) -> int | None:
    """The amount weighed by its confidence, halves up; how Close rounds is undocumented."""
    return None if value is None else (value * confidence + 50) // 100


def formatted(value: int | None, currency: str, period: str = ONE_TIME) -> str | None:
    """An amount for people: `$1,000.42`, `$500 annual`, `$5 monthly`."""
    if value is None:
        return None
    digits = DIGITS.get(currency, 2)
    whole, minor = divmod(abs(value), 10**digits)
    fraction = f".{minor:0{digits}}" if minor else ""
    sign = "-" if value < 0 else ""
    suffix = "" if period == ONE_TIME else f" {period}"
    return f"{sign}{SYMBOLS.get(currency, f'{currency} ')}{whole:,}{fraction}{suffix}"
