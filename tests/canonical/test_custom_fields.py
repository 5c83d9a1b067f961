"""Custom fields: what fits a definition."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.canonical.custom_fields import CustomField, misfit, misfit_of_one


def field(type: str, **more: Any) -> CustomField:
    return CustomField(key="k", vendor_key="k", type=type, **more)


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("text", ""),
        ("number", 5),
        ("number", Decimal("5.5")),
        ("boolean", False),
        ("date", "2026-02-03"),
        ("choice", "anything"),
        ("datetime", "2026-02-03T10:00:00Z"),
        ("user", "user_1"),
        ("other", {"any": ["JSON"]}),
        ("a type of tomorrow", 1),
    ],
)
def test_a_value_of_the_type_fits(type: str, value: Any) -> None:
    assert misfit(field(type), value) is None


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("text", 5),
        ("number", "5"),
        ("number", True),
        ("boolean", 0),
        ("boolean", "true"),
        ("date", "2026-02-30"),
        ("date", 20260203),
        ("choice", 5),
    ],
)
def test_a_value_of_another_type_does_not(type: str, value: Any) -> None:
    assert misfit(field(type), value) == f"a {type} is expected"


@pytest.mark.parametrize("multiple", [False, True])
def test_null_unsets_every_field(multiple: bool) -> None:
    assert misfit(field("number", multiple=multiple), None) is None


def test_a_list_is_for_fields_of_several_values() -> None:
    assert misfit(field("text"), ["a"]) == "a single value is expected"
    assert misfit(field("text", multiple=True), "a") == "a list is expected"
    assert misfit(field("text", multiple=True), []) is None


def test_each_member_of_a_list_has_to_fit() -> None:
    several = field("choice", multiple=True, choices=("a", "b"))
    assert misfit(several, ["a", "b"]) is None
    assert misfit(several, ["a", "c"]) == "the value is not among the field's choices"
    assert misfit(several, ["a", 1]) == "a choice is expected"


def test_one_member_fits_by_itself() -> None:
    """What is added to a list is judged alone."""
    several = field("choice", multiple=True, choices=("a",))
    assert misfit_of_one(several, "a") is None
    assert misfit_of_one(several, "b") is not None


def test_a_field_that_may_hold_nothing_takes_no_choice() -> None:
    """An empty list of choices is not the same as none being known."""
    assert misfit(field("choice", choices=()), "a") is not None
    assert misfit(field("choice", choices=None), "a") is None


def test_a_value_that_cannot_be_hashed_is_simply_no_choice() -> None:
    assert misfit(field("other", choices=("a",)), {"a": 1}) is not None
