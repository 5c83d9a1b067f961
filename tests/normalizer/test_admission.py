"""Admission: strict handling names all that cannot be taken, lenient leaves it out whole."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.canonical.money import Money
from gateway.canonical.opportunity import (
    ContactRef,
    OpportunityDraft,
    OpportunityPatch,
    OwnerRef,
    StageRef,
    ValueDraft,
)
from gateway.canonical.pipeline import Catalogue
from gateway.errors import (
    NotRepresentable,
    Rejected,
    UnknownReference,
    Unsupported,
    ValidationFailed,
)
from gateway.normalizer import references
from gateway.normalizer.admission import Admitted, Write, admit, with_defaults
from gateway.normalizer.custom_fields import Prefixed
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context
from tests.normalizer.acme import ACME, CATALOGUE, NO_CLEAR, AcmeOptions, context

ALIASED = context(aliases={"source": "k1", "note": "k2"})


def admitted(
    body: dict[str, Any],
    action: Write = "update",
    *,
    where: Context = ALIASED,
    lenient: bool = False,
    dialect: Dialect = ACME,
) -> Admitted:
    patch = OpportunityPatch.model_validate(body)
    return admit(patch.sent(), dialect, where, action, lenient=lenient)


def refused(body: dict[str, Any], action: Write = "update", **more: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        admitted(body, action, **more)
    return caught.value


def pointers(error: Rejected) -> list[str | None]:
    return [fault.pointer for fault in error.faults]


def warned(result: Admitted) -> list[tuple[str, str | None]]:
    return [(warning.code, warning.pointer) for warning in result.warnings]


def test_what_fits_is_admitted_in_the_dialect_s_terms() -> None:
    body = {
        "description": "Two",
        "value": {"amount": "10.50", "currency": "USD"},
        "probability": 40,
        "stage": {"name": "New"},
        "owner": {"email": "ada@acme.example"},
        "contacts": [{"id": "c1"}],
        "expected_close_date": "2026-12-24",
        "custom_fields": {"source": "fair", "k2": None},
        "vendor_fields": {"tags": ["hot"]},
        "vendor_options": {"silent": True},
    }
    result = admitted(body)
    assert result.fields == {
        "description": "Two",
        "value": Money(amount=Decimal("10.50"), currency="USD"),
        "probability": Decimal(40),
        "stage": StageRef(name="New"),
        "owner": OwnerRef(email="ada@acme.example"),
        "contacts": (ContactRef(id="c1"),),
        "expected_close_date": "2026-12-24",
        "custom_fields": {"k1": "fair", "k2": None},
        "vendor_fields": {"tags": ["hot"]},
        "vendor_options": {"silent": True},
    }
    assert result.spelled == {"k1": "source", "k2": "k2"}
    assert result.warnings == []


WRONG = {
    "name": "Roof",
    "value": {"amount": "10.505"},
    "probability": Decimal("85.5"),
    "account": {"id": "a2"},
    "lost_reason": "price",
    "custom_fields": {"source": "a", "k1": "b"},
    "vendor_fields": {"cents": 5, "views": 1},
    "vendor_options": {"loud": True},
}


def test_strict_handling_tells_everything_at_once() -> None:
    error = refused(WRONG)
    assert pointers(error) == [
        "/name",
        "/value/amount",
        "/probability",
        "/account",
        "/lost_reason",
        "/custom_fields/k1",
        "/vendor_fields/cents",
        "/vendor_fields/views",
        "/vendor_options/loud",
    ]
    assert [fault.code for fault in error.faults] == [
        "unsupported-field",
        "value-not-representable",
        "value-not-representable",
        "unsupported-field",
        "unsupported-field",
        "validation-failed",
        "unsupported-field",
        "unsupported-field",
        "unsupported-field",
    ]


def test_lenient_handling_leaves_out_whole_and_warns_once_for_each() -> None:
    body = {key: value for key, value in WRONG.items() if key != "custom_fields"}
    result = admitted(body, lenient=True)
    assert warned(result) == [
        ("unsupported-field", "/name"),
        ("rounded", "/value/amount"),
        ("rounded", "/probability"),
        ("unsupported-field", "/account"),
        ("unsupported-field", "/lost_reason"),
        ("unsupported-field", "/vendor_fields/cents"),
        ("unsupported-field", "/vendor_fields/views"),
        ("unsupported-field", "/vendor_options/loud"),
    ]
    assert result.fields == {
        "value": Money(amount=Decimal("10.50")),
        "probability": Decimal(86),
    }


@pytest.mark.parametrize(
    ("amount", "kept"), [("10.505", "10.50"), ("10.515", "10.52"), ("-0.005", "0.00")]
)
def test_lenient_rounding_goes_to_the_even_neighbour(amount: str, kept: str) -> None:
    result = admitted({"value": {"amount": amount, "period": "annual"}}, lenient=True)
    assert result.fields["value"] == Money(amount=Decimal(kept), period="annual")


@pytest.mark.parametrize(
    "value", [{"amount": "10", "currency": "EUR"}, {"currency": "EUR", "period": "monthly"}]
)
def test_a_value_in_another_currency_is_left_out_with_its_amount(value: dict[str, Any]) -> None:
    """Never the currency alone: the number would come to mean something else."""
    result = admitted({"value": value, "description": "d"}, lenient=True)
    assert result.fields == {"description": "d"}
    assert warned(result) == [("unsupported-field", "/value")]


@pytest.mark.parametrize(
    "body",
    [
        {"custom_fields": {"source": "a", "k1": "b"}},
        {"custom_fields": {"source": "a"}, "custom_fields_add": {"k1": ["b"]}},
        {"custom_fields_add": {"source": ["a"]}, "custom_fields_remove": {"source": ["b"]}},
        {"custom_fields": {"source": {"an": "object"}}},
        {"custom_fields_add": {"source": [{"an": "object"}]}},
        {"vendor_fields": {"tags": "hot"}},
        {"vendor_options": {"silent": "yes"}},
        {"custom_fields": None},
        {"custom_fields_remove": None},
        {"vendor_fields": None},
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_a_contradiction_is_no_matter_of_leniency(body: dict[str, Any], lenient: bool) -> None:
    assert isinstance(refused(body, lenient=lenient), ValidationFailed)


def test_an_unknown_reference_is_no_matter_of_leniency() -> None:
    counting = Dialect(account=references.SiblingAccount("account_id", id=references.NumericId()))
    error = refused({"account": {"id": "x"}}, "create", dialect=counting, lenient=True)
    assert isinstance(error, UnknownReference)
    assert pointers(error) == ["/account"]


def test_a_field_named_twice_is_told_by_both_of_its_names() -> None:
    error = refused({"custom_fields": {"source": "a", "k1": "b"}})
    assert error.message == "k1 and source are one field, named twice"


def test_null_unsets_on_update_and_says_nothing_on_create() -> None:
    body = {"description": None, "owner": None, "contacts": None, "custom_fields": {"k1": None}}
    assert admitted(body).fields == {
        "description": None, "owner": None, "contacts": None, "custom_fields": {"k1": None}
    }  # fmt: skip
    assert admitted({**body, "custom_fields_add": None}, "create").fields == {}


def test_an_empty_list_of_contacts_clears_them() -> None:
    """It is the same wish as null, so it needs the same ability."""
    assert admitted({"contacts": []}).fields == {"contacts": None}
    assert admitted({"contacts": []}, "create").fields == {}
    keeping = Dialect(contacts=references.OneContact("c", can=NO_CLEAR))
    assert pointers(refused({"contacts": []}, dialect=keeping)) == ["/contacts"]


@pytest.mark.parametrize(
    "body", [{"probability": None}, {"value": None}, {"value": {"amount": None}}, {"stage": None}]
)
def test_what_cannot_be_cleared_is_refused_or_left_alone(body: dict[str, Any]) -> None:
    error = refused(body)
    assert isinstance(error, Unsupported)
    assert "cannot clear" in error.message
    result = admitted(body, lenient=True)
    assert (result.fields, len(result.warnings)) == ({}, 1)


def test_a_note_of_the_table_helps_the_caller() -> None:
    error = refused({"external_id": "e"})
    assert error.message == (
        "the vendor cannot change external_id: kept in the custom field that the option "
        "external_id_field names; it is not set"
    )


@pytest.mark.parametrize(("action", "period"), [("create", "one_time"), ("update", None)])
def test_a_period_left_out_is_one_time_on_create_and_untouched_on_update(
    action: Write, period: str | None
) -> None:
    value = admitted({"value": {"amount": "10"}}, action).fields["value"]
    assert value.period == period


def test_a_connection_without_a_currency_takes_amounts_and_no_currency() -> None:
    nameless = context(currency=None, options=AcmeOptions(minor_unit_digits=2))
    assert admitted({"value": {"amount": "10.50"}}, where=nameless).fields["value"].amount == 10.5
    error = refused({"value": {"amount": "10.50", "currency": "USD"}}, where=nameless)
    assert pointers(error) == ["/value/currency"]


def test_no_value_passes_while_the_vendor_s_account_is_in_another_currency() -> None:
    disputed = context(catalogue=Catalogue(currency="GBP"))
    error = refused({"value": {"amount": "10"}}, where=disputed)
    assert isinstance(error, NotRepresentable)
    assert pointers(error) == ["/value"]


def test_the_nearest_amounts_come_with_the_refusal() -> None:
    (fault,) = refused({"value": {"amount": "10.505"}}).faults
    assert fault.allowed == ("10.50", "10.51")


RESERVING = context(
    aliases={"title": "kn"}, options=AcmeOptions(name_field="kn", external_id_field="ke")
)


@pytest.mark.parametrize(
    ("key", "field"), [("kn", "name"), ("title", "name"), ("ke", "external_id")]
)
@pytest.mark.parametrize("lenient", [False, True])
def test_a_custom_field_that_stands_for_a_field_is_written_as_that_field(
    key: str, field: str, lenient: bool
) -> None:
    error = refused({"custom_fields": {key: "x"}}, where=RESERVING, lenient=lenient)
    assert isinstance(error, Unsupported)
    assert error.message == f"this field holds {field}: send that"
    assert admitted({field: "x"}, where=RESERVING).fields == {field: "x"}


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        ("cents", "cents is written as value"),
        ("period", "period is written as value"),
        ("stage_name", "stage_name is written as stage"),
        ("x.k1", "x.k1 is written as custom_fields"),
        ("book", "the vendor does not take book on update"),
        ("views", "views is not a field that can be written at this vendor"),
    ],
)
def test_a_vendor_field_that_has_a_canonical_name_is_sent_back_to_it(key: str, detail: str) -> None:
    (fault,) = refused({"vendor_fields": {key: 1}}).faults
    assert (fault.pointer, fault.detail) == (f"/vendor_fields/{key}", detail)


def test_a_vendor_field_may_be_for_creates_alone() -> None:
    assert admitted({"vendor_fields": {"book": 1}}, "create").fields == {
        "vendor_fields": {"book": 1}
    }


def test_a_vendor_field_is_checked_for_its_type() -> None:
    (fault,) = refused({"vendor_fields": {"tags": "hot"}}).faults
    assert fault.detail == "a list is expected"


def test_a_vendor_without_custom_fields_refuses_each_map_once() -> None:
    bare = Dialect()
    body = {"custom_fields": {"a": 1, "b": 2}, "custom_fields_add": {"c": [1]}}
    assert pointers(refused(body, dialect=bare)) == ["/custom_fields", "/custom_fields_add"]
    assert len(admitted(body, dialect=bare, lenient=True).warnings) == 2


def test_custom_fields_that_cannot_be_unset_are_named_one_by_one() -> None:
    keeping = Dialect(custom_fields=Prefixed("x.", can=NO_CLEAR))
    body = {"custom_fields": {"k1": None, "k2": "b", "k3": None}}
    assert pointers(refused(body, dialect=keeping)) == ["/custom_fields/k1", "/custom_fields/k3"]
    result = admitted(body, dialect=keeping, lenient=True)
    assert result.fields == {"custom_fields": {"k2": "b"}}


def test_empty_maps_change_nothing() -> None:
    body: dict[str, Any] = {
        "custom_fields": {}, "custom_fields_add": {}, "vendor_fields": {}, "vendor_options": {}
    }  # fmt: skip
    assert admitted(body).fields == {}


def test_defaults_lie_under_what_a_create_says() -> None:
    draft = OpportunityDraft.model_validate(
        {"connection": "c", "name": "Roof", "owner": None, "custom_fields": {"a": 1}}
    )
    defaults = {
        "name": "Untitled",
        "owner": OwnerRef(id="u1"),
        "description": "d",
        "custom_fields": {"a": 2, "b": 3},
    }
    assert dict(with_defaults(draft.sent(), defaults, ACME, {})) == {
        "connection": "c",
        "name": "Roof",
        "owner": None,
        "custom_fields": {"a": 1, "b": 3},
        "description": "d",
    }


def test_a_custom_field_named_by_its_vendor_key_has_no_default_by_its_alias() -> None:
    sent = [("custom_fields", {"vendor_key": 1})]
    under = {"custom_fields": {"alias": 2, "other": 3}}
    assert dict(with_defaults(sent, under, ACME, {"alias": "vendor_key"})) == {
        "custom_fields": {"vendor_key": 1, "other": 3}
    }


@pytest.mark.parametrize(("sent", "default"), [("status", "stage"), ("stage", "status")])
def test_who_names_a_status_has_named_the_stage(sent: str, default: str) -> None:
    """Where a status is written through a stage, the other of the two is no default any more."""
    values = {"status": "won", "stage": StageRef(id="s1")}
    under = {default: values[default], "name": "Untitled"}
    assert dict(with_defaults([(sent, values[sent])], under, ACME, {})) == {
        sent: values[sent],
        "name": "Untitled",
    }


def test_a_custom_field_that_nobody_may_write_is_left_out_under_lenient_handling() -> None:
    """Alone: what stands beside it is written."""
    where = context(catalogue=CATALOGUE)
    sent = [("custom_fields", {"k4": 5, "k2": "x"})]
    with pytest.raises(Unsupported):
        admit(sent, ACME, where, "update")
    left = admit(sent, ACME, where, "update", lenient=True)
    assert left.fields == {"custom_fields": {"k2": "x"}}
    assert [(w.code, w.pointer) for w in left.warnings] == [
        ("unsupported-field", "/custom_fields/k4")
    ]


def test_a_default_lies_under_the_members_of_a_value() -> None:
    sent = [("value", ValueDraft(amount="100.00"))]
    under = {"value": ValueDraft(amount="1.00", period="annual")}
    assert dict(with_defaults(sent, under, ACME, {})) == {
        "value": ValueDraft(amount="100.00", period="annual")
    }
