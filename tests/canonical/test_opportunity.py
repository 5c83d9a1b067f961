"""The opportunity: closed requests, open answers, absent and null told apart."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from gateway.canonical.opportunity import (
    AccountRef,
    Change,
    ContactRef,
    Opportunity,
    OpportunityDraft,
    OpportunityPatch,
    OwnerRef,
    PipelineRef,
    StageRef,
    Value,
    ValueDraft,
    Warning,
)


def opportunity(**fields: Any) -> Opportunity:
    identity = {
        "id": "acme.1",
        "connection": "acme",
        "vendor": "v",
        "vendor_id": "1",
        "etag": '"e"',
    }
    return Opportunity.model_validate({**identity, **fields})


def test_a_patch_tells_absent_from_null() -> None:
    patch = OpportunityPatch.model_validate({"name": None, "probability": 50})
    assert dict(patch.sent()) == {"name": None, "probability": Decimal(50)}


def test_what_was_sent_comes_in_the_order_of_the_model() -> None:
    """The same write makes the same vendor request, whatever the order of its members."""
    patch = OpportunityPatch.model_validate(
        {"custom_fields_add": {"a": [1]}, "stage": {"id": "s"}, "name": "n"}
    )
    assert [name for name, _ in patch.sent()] == ["name", "stage", "custom_fields_add"]


@pytest.mark.parametrize(
    "model",
    [
        *(OpportunityDraft, OpportunityPatch, ValueDraft, StageRef, PipelineRef),
        *(OwnerRef, AccountRef, ContactRef),
    ],
)
def test_an_unknown_member_of_a_request_is_refused_by_name(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match=r"probabilty\n  Extra inputs are not permitted"):
        model.model_validate({"connection": "c", "id": "1", "probabilty": 1})


def test_an_answer_survives_a_member_that_it_does_not_know() -> None:
    """A client built on these models reads an answer of a later release."""
    shown = opportunity(forecast="best case", status="parked", stage={"id": "s", "emoji": "x"})
    assert shown.status == "parked"


@pytest.mark.parametrize(
    "patch",
    [
        {"name": 1},
        {"description": ["x"]},
        {"status": "parked"},
        {"probability": "50"},
        {"probability": True},
        {"probability": 50.5},
        {"probability": Decimal("100.5")},
        {"probability": -1},
        {"probability": Decimal("0.1234567891")},
        {"value": {"amount": 7500}},
        {"value": {"amount": Decimal("7500.00")}},
        {"value": {"amount": "7,500"}},
        {"value": {"amount": "1e3"}},
        {"value": {"amount": "7500.00\n"}},
        {"value": {"currency": "usd"}},
        {"value": {"currency": "USD\n"}},
        {"value": {"period": "weekly"}},
        {"value": "7500.00"},
        {"stage": "s"},
        {"stage": {}},
        {"stage": {"id": "s", "name": "n"}},
        {"stage": {"id": None}},
        {"stage": {"id": ""}},
        {"stage": {"id": 5}},
        {"owner": {"id": "u", "email": "e"}},
        {"owner": {"name": "n"}},
        {"account": {}},
        {"account": {"id": None}},
        {"contacts": {"id": "c"}},
        {"contacts": [{}]},
        {"contacts": [{"id": "c", "email": "e"}]},
        {"contacts": [{"id": "c", "phone": "p"}]},
        {"expected_close_date": "2026-02-30"},
        {"expected_close_date": "2026-02-03T00:00:00Z"},
        {"expected_close_date": 20260203},
        {"closed_at": "2026-02-03"},
        {"closed_at": "2026-02-03T00:00:00"},
        {"custom_fields": []},
        {"custom_fields_add": {"k": "v"}},
        {"custom_fields_remove": {"k": None}},
        {"vendor_options": True},
    ],
)
def test_a_value_of_the_wrong_form_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpportunityPatch.model_validate(patch)


@pytest.mark.parametrize(
    "patch",
    [
        {"probability": 0},
        {"probability": Decimal("85.5")},
        {"probability": 100},
        {"value": {"amount": None}},
        {"value": {"period": "monthly"}},
        {"value": {"amount": "-0.000000001"}},
        {"value": {"amount": "9999999999999999999.999999999"}},
        {"stage": {"id": "s", "name": None}},
        {"owner": {"email": "a@b.example"}},
        {"contacts": []},
        {"contacts": [{"email": "e", "phone": "p"}]},
        {"closed_at": "2026-02-03T00:00:00.25+05:30"},
        {"custom_fields": {"k": {"deep": [1]}}},
        {"custom_fields_add": {"k": []}},
    ],
)
def test_a_value_of_the_right_form_is_taken(patch: dict[str, Any]) -> None:
    assert OpportunityPatch.model_validate(patch).model_fields_set == patch.keys()


def test_a_create_names_its_connection_and_adds_to_no_list() -> None:
    """`custom_fields_add` and `custom_fields_remove` belong to PATCH alone (api.md 4)."""
    with pytest.raises(ValidationError, match="connection"):
        OpportunityDraft.model_validate({"name": "n"})
    with pytest.raises(ValidationError, match="custom_fields_add"):
        OpportunityDraft.model_validate({"connection": "c", "custom_fields_add": {}})


def test_requests_and_answers_do_not_change_in_flight() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(opportunity(), "name", "other")  # noqa: B010 - the type checker knows it too
    with pytest.raises(ValidationError, match="frozen"):
        setattr(OpportunityPatch(name="n"), "name", "other")  # noqa: B010


def test_an_answer_always_has_warnings_and_raw() -> None:
    shown = opportunity().model_dump()
    assert (shown["warnings"], shown["raw"], shown["contacts"]) == ((), None, ())


def test_warnings_gather() -> None:
    first = Warning(code="rounded", pointer="/probability", detail="d")
    second = Warning(code="side-effect", pointer=None, detail="d")
    assert opportunity().warned(first).warned(second).warnings == (first, second)


def test_a_vendor_s_odd_percentage_is_shown_as_it_is() -> None:
    """What is asked of callers, 0 to 100, is not asked of vendors."""
    assert opportunity(probability=Decimal("140.25")).probability == Decimal("140.25")


def test_a_value_may_lack_a_currency_and_never_a_place_for_it() -> None:
    value = Value(amount="1.00", currency=None, period="one_time")
    assert value.model_dump() == {"amount": "1.00", "currency": None, "period": "one_time"}


def test_a_change_can_be_narrowed_and_widened_without_being_touched() -> None:
    change = Change({"name": "n", "value": None})
    assert dict(change.without("value")) == {"name": "n"}
    assert dict(change.only("value", "stage")) == {"value": None}
    assert dict(change.also(stage="s")) == {"name": "n", "value": None, "stage": "s"}
    assert dict(change) == {"name": "n", "value": None}


def test_a_change_shows_no_values_in_a_log() -> None:
    assert repr(Change({"name": "Ada Lovelace"})) == "Change(name)"


def test_an_empty_change_is_false() -> None:
    """A write of which nothing is left makes no call."""
    assert not Change({})


@pytest.mark.parametrize("name", ["currency", "period"])
def test_a_currency_or_a_period_is_left_out_and_never_null(name: str) -> None:
    """A null would be ignored, as neither can be cleared apart from its amount."""
    with pytest.raises(ValidationError, match=f"{name} cannot be cleared"):
        ValueDraft.model_validate({"amount": "1.00", name: None})


@pytest.mark.parametrize("beside", [{"currency": "EUR"}, {"period": "monthly"}])
def test_a_value_that_is_cleared_has_nothing_beside_its_null_amount(beside: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="send nothing beside it"):
        ValueDraft.model_validate({"amount": None, **beside})


def test_contacts_are_counted_before_they_are_read() -> None:
    """A body of a megabyte could name half a million."""
    with pytest.raises(ValidationError, match="at most 100 items"):
        OpportunityPatch.model_validate({"contacts": [{"id": str(each)} for each in range(101)]})


def test_an_opportunity_of_values_already_read_is_as_the_validated_one() -> None:
    """The same members in the same order, defaults in place, and it copies and dumps alike."""
    told = {
        "id": "acme.1", "connection": "acme", "vendor": "v", "vendor_id": "1", "etag": '"e"',
        "value": Value(amount="1.00", currency="USD", period="one_time"),
        "probability": Decimal(50), "custom_fields": {}, "vendor_fields": {"a": 1},
    }  # fmt: skip
    ours, validated = Opportunity.of(told, warnings=()), Opportunity.model_validate(told)
    assert ours == validated
    assert [*ours.model_dump().items()] == [*validated.model_dump().items()]
    assert ours.model_fields_set == {*told, "warnings"}
    lost = Warning(code="rounded", pointer=None, detail="d")
    assert ours.warned(lost) == validated.warned(lost)
    assert Opportunity.model_validate(dict(ours)) == ours


def test_a_change_tells_what_is_not_in_it_as_any_mapping_does() -> None:
    change = Change({"name": None})
    assert "name" in change
    assert "status" not in change
    assert change.get("name", "other") is None
    assert change.get("status", "other") == "other"
    assert [*change.items()] == [("name", None)]
