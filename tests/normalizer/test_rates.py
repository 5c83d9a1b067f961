"""What vendors tell of their limits: every form that their pages name, and what is none."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from gateway.normalizer.rates import (
    Form,
    Told,
    ratelimit_field,
    ratelimit_fields,
    refusal_body,
    told_by,
)
from gateway.vendors import installed

NOTHING = Told()
CLOSE = installed()["close"].rate_forms
COPERNIQ = installed()["coperniq"].rate_forms
OLD_BODY = {
    "message": "Slow down.",
    "rate_endpoint_group": "opportunity",
    "rate_limit": 320,
    "rate_limit_type": "key",
    "rate_reset": "0.595956",
    "rate_window": 8,
}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limit=100, remaining=50, reset=5", Told(100, 50, Decimal(5))),
        ("limit=100,remaining=50,reset=5", Told(100, 50, Decimal(5))),
        ("limit=240; remaining=239; reset=8", Told(240, 239, Decimal(8))),
        ("limit=100; remaining=100; reset=1", Told(100, 100, Decimal(1))),
        ("limit=100, remaining=0, reset=0.595956", Told(100, 0, Decimal("0.595956"))),
        ("Limit=100; Remaining=7", Told(100, 7)),
        ("reset=3", Told(reset=Decimal(3))),
        ("limit=1; limit=2", Told(1)),
        ("limit=x, remaining=-1, reset=1e9", NOTHING),
        ("limit=1.2.3", NOTHING),
        ("unlimited=5", NOTHING),
        ("reset=1795275525", NOTHING),
        ("", NOTHING),
    ],
)
def test_the_ratelimit_field_with_either_separator(text: str, told: Told) -> None:
    """The documented comma and the live semicolon, whole seconds and decimals (close.md 10)."""
    assert ratelimit_field({"ratelimit": text}, None) == told
    assert bool(told) == (told != NOTHING)


@pytest.mark.parametrize("prefix", ["ratelimit-", "x-ratelimit-", "x-rate-limit-"])
@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "told"),
    [
        ("240", "239", "8", Told(240, 239, Decimal(8))),
        ("60, 60;w=1, 100;w=1", "59", "1", Told(60, 59, Decimal(1))),
        ("320", "0", "0.595956", Told(320, 0, Decimal("0.595956"))),
        ("5000", "4999", None, Told(5000, 4999)),
        ("many", "", "soon", NOTHING),
        ("\u0661\u0660", "1_0", "0x10", NOTHING),
        ("9" * 400, None, None, NOTHING),
    ],
)
def test_three_headers_with_a_prefix(
    prefix: str, limit: str, remaining: str, reset: str | None, told: Told
) -> None:
    """Of a list the first number is the limit; what is junk is not told."""
    parts = {"limit": limit, "remaining": remaining, "reset": reset}
    headers = {prefix + name: value for name, value in parts.items() if value is not None}
    assert ratelimit_fields(prefix)(headers, None) == told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (OLD_BODY, Told(320, 0, Decimal("0.595956"))),
        ({"error": OLD_BODY}, Told(320, 0, Decimal("0.595956"))),
        ({"rate_reset": Decimal("1.5")}, Told(None, 0, Decimal("1.5"))),
        ({"rate_reset": 2}, Told(None, 0, Decimal(2))),
        ({"error": {"rate_reset": 2}}, Told(None, 0, Decimal(2))),
        ({"error": "Rate limit exceeded."}, NOTHING),
        ({"rate_reset": True, "rate_limit": []}, NOTHING),
        ({"rate_reset": Decimal("1e99999")}, NOTHING),
        ([OLD_BODY], NOTHING),
        (None, NOTHING),
    ],
)
def test_refusals_of_old(body: Any, told: Told) -> None:
    """A number or a string, in the body or under its error; then nothing remains."""
    assert refusal_body({}, body) == told


@pytest.mark.parametrize(
    ("forms", "headers", "body", "told"),
    [
        (CLOSE, {"ratelimit": "limit=240; remaining=9; reset=8", "x-ratelimit-limit": "60"}, None,
         Told(240, 9, Decimal(8))),
        (CLOSE, {"x-rate-limit-limit": "20", "x-rate-limit-reset": "1.5"}, None,
         Told(20, None, Decimal("1.5"))),
        (CLOSE, {"ratelimit-limit": "240", "ratelimit-remaining": "3", "ratelimit-reset": "8"},
         None, Told(240, 3, Decimal(8))),
        (CLOSE, {}, OLD_BODY, Told(320, 0, Decimal("0.595956"))),
        (CLOSE, {}, {"data": []}, NOTHING),
        (COPERNIQ, {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4210"}, None,
         Told(5000, 4210)),
        (COPERNIQ, {"x-ratelimit-reset": "12"}, None, Told(reset=Decimal(12))),
        (COPERNIQ, {"ratelimit": "limit=1; remaining=0; reset=9"}, OLD_BODY, NOTHING),
        ((), {"ratelimit": "limit=1; remaining=0; reset=9"}, OLD_BODY, NOTHING),
    ],
)  # fmt: skip
def test_a_vendor_is_read_by_the_forms_that_it_declares(
    forms: tuple[Form, ...], headers: Mapping[str, str], body: Any, told: Told
) -> None:
    """The first that has a member tells it; vendors that tell nothing declare none."""
    assert told_by(forms, headers, body) == told


def test_an_endless_header_is_read_at_once() -> None:
    """No form tries a text over and over."""
    text = "limit=" + "1" * 60_000 + " ;" * 20_000
    assert ratelimit_field({"ratelimit": text}, None) == NOTHING
    assert ratelimit_fields("ratelimit-")({"ratelimit-limit": text}, None) == NOTHING
