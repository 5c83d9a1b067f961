"""Custom fields: prefixed, in an object of their own, among the others, or standing for a field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.capabilities import NOTHING, READ_DERIVED
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.pipeline import Catalogue
from gateway.errors import ValidationFailed
from gateway.normalizer.custom_fields import (
    Attributes,
    Member,
    Prefixed,
    Through,
    merged,
    spoken,
)
from gateway.normalizer.notation import Key, Notation, Unreadable
from tests.canonical.json_values import SCALARS, TEXTS
from tests.normalizer.acme import AcmeOptions, context

DEFINED = context(
    catalogue=Catalogue(
        custom_fields=tuple(CustomField(key=key, vendor_key=key) for key in ("k1", "k2", "k3"))
    )
)
VALUES = st.dictionaries(
    st.sampled_from(["k1", "k2", "k3"]), SCALARS | st.lists(TEXTS, max_size=3), max_size=3
)
FLAT = Prefixed("x.")


@given(st.sampled_from([FLAT, Member("custom"), Attributes()]), VALUES)
def test_values_are_read_back_and_nulls_are_absent(row: Notation, values: dict[str, Any]) -> None:
    """The law; null is how every vendor spells that nothing is set."""
    kept = row.read(row.write(values, DEFINED), DEFINED).value
    assert kept == {key: value for key, value in values.items() if value is not None}


def test_prefixed_keys_are_told_apart_by_their_prefix() -> None:
    reading = FLAT.read({"x.k1": 1, "x.k2": None, "xk3": 3, "x": 4}, DEFINED)
    assert (reading.value, set(reading.whole)) == ({"k1": 1}, {"x.k1", "x.k2"})
    assert [FLAT.owns(key) for key in ("x.k1", "xk3", "x")] == [True, False, False]


@pytest.mark.parametrize("value", [{}, {"a": 1}, [{"a": 1}], ["a", {}]])
def test_a_flat_key_takes_no_object(value: Any) -> None:
    misfit = FLAT.misfit({"k1": "fine", "k2": value}, DEFINED)
    assert misfit is not None
    assert (misfit.at, misfit.kind) == (("k2",), ValidationFailed)


@pytest.mark.parametrize("value", ["a", 1, True, None, [], ["a", "b"]])
def test_a_flat_key_takes_everything_else(value: Any) -> None:
    assert FLAT.misfit({"k1": value}, DEFINED) is None


def test_an_object_of_its_own_may_be_missing_but_nothing_else() -> None:
    row = Member("custom")
    assert row.read({"custom": None}, DEFINED).value == {}
    assert row.read({}, DEFINED).value == {}
    with pytest.raises(Unreadable, match="custom is not an object"):
        row.read({"custom": ["k1"]}, DEFINED)


def test_attributes_are_told_apart_by_the_catalogue() -> None:
    view = {"k1": "a", "k2": {"display_value": "b", "id": "o1"}, "k3": None, "other": "c"}
    reading = Attributes().read(view, DEFINED)
    assert reading.value == {"k1": "a", "k2": "b"}
    assert set(reading.whole) == {"k1", "k3"}
    assert Attributes().read(view, context()).value == {}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"related_record_id": "r1", "related_record_type": "t"}, "r1"),
        ({"display_value": "Fair", "id": "o1"}, "Fair"),
        ({"amount": "5.00"}, "5.00"),
        ([{"display_value": "a"}, "b"], ["a", "b"]),
        ({"display_value": None, "id": "o1"}, {"display_value": None, "id": "o1"}),
        (5, 5),
    ],
)
def test_what_is_wrapped_is_called_by_what_is_written(raw: Any, said: Any) -> None:
    assert spoken(raw) == said


NAME = Through("name_field", FLAT, fallback=Key("lead_name", can=READ_DERIVED))
NAMED = context(options=AcmeOptions(name_field="k1"))


def test_a_field_is_kept_in_the_custom_field_that_the_option_names() -> None:
    assert NAME.read({"x.k1": "Roof", "lead_name": "Bluth"}, NAMED).value == "Roof"
    assert NAME.read({"lead_name": "Bluth"}, NAMED).value is None
    assert NAME.write("Roof", NAMED) == {"x.k1": "Roof"}
    assert NAME.clear(NAMED) == {"x.k1": None}
    assert NAME.ability(NAMED).does("update")


def test_without_the_option_the_field_is_what_it_falls_back_to() -> None:
    assert NAME.read({"x.k1": "Roof", "lead_name": "Bluth"}, context()).value == "Bluth"
    assert NAME.ability(context()).read == "derived"
    assert not NAME.ability(context()).does("update")
    assert NAME.owns("lead_name")


def test_without_option_and_fallback_there_is_no_such_field() -> None:
    row = Through("external_id_field", FLAT)
    note = "kept in the custom field that the option external_id_field names; it is not set"
    assert row.ability(context()) == NOTHING.model_copy(update={"note": note})
    assert row.read({"x.k1": "Roof"}, context()).value is None
    assert row.keys == ()


def test_the_vendor_as_such_is_said_to_need_the_option() -> None:
    """Capabilities without a connection tell what an option can bring."""
    ability = NAME.ability(None)
    assert ability.does("create")
    assert ability.note == "kept in the custom field that the option name_field names"


@pytest.mark.parametrize("raw", [5, ["Roof"], True])
def test_a_custom_field_of_another_type_is_no_text(raw: Any) -> None:
    with pytest.raises(Unreadable, match="k1 is not a text"):
        NAME.read({"x.k1": raw}, NAMED)


@pytest.mark.parametrize(
    ("held", "add", "remove", "after"),
    [
        (["a", "b"], ["c"], [], ["a", "b", "c"]),
        (["a", "b"], [], ["a"], ["b"]),
        (["a", "b"], ["b", "c", "c"], ["a"], ["b", "c"]),
        (["a", "a"], [], ["a"], []),
        (["a"], [], ["z"], ["a"]),
        (None, ["a"], ["b"], ["a"]),
        ("abc", ["d"], [], ["abc", "d"]),
        ([], [], [], []),
    ],
)
def test_values_are_taken_out_and_then_put_at_the_end_once(
    held: Any, add: list[Any], remove: list[Any], after: list[Any]
) -> None:
    assert merged(held, add=add, remove=remove) == after


@given(st.lists(SCALARS), st.lists(SCALARS), st.lists(SCALARS))
def test_after_a_merge_all_added_are_there_and_none_removed_that_was_not_added(
    held: list[Any], add: list[Any], remove: list[Any]
) -> None:
    after = merged(held, add=add, remove=remove)
    assert all(value in after for value in add)
    assert all(value in add for value in remove if value in after)
    stayed = [value for value in held if value not in remove]
    assert after[: len(stayed)] == stayed
