"""References: ids in the vendor's form, people with what the vendor tells of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.opportunity import ContactRef, OwnerRef, StageRef
from gateway.canonical.pipeline import Account, Contact, Person
from gateway.errors import UnknownReference
from gateway.normalizer.notation import Notation, Unreadable
from gateway.normalizer.references import (
    ContactAddress,
    Identity,
    NestedPerson,
    NumericId,
    OneContact,
    RecordReference,
    SiblingAccount,
    SiblingPerson,
    TextId,
    full_name,
    misfit_of,
)
from tests.normalizer.acme import context

CONTEXT = context()


@given(
    st.sampled_from([TextId(), NumericId(), RecordReference()]),
    st.text(min_size=1) | st.integers(1).map(str),
)
def test_an_id_is_read_back_or_refused(identity: Identity, text: str) -> None:
    if identity.misfit(text) is None:
        assert identity.read(identity.write(text)) == text


@pytest.mark.parametrize(
    "text", ["", "0", "007", "-1", "1.0", "12a", "٣", " 1", "1" * 19, "oppo_1"]
)
def test_an_id_that_no_number_has_is_unknown_without_a_call(text: str) -> None:
    """One record has one id: with zeros before it would have many."""
    misfit = NumericId().misfit(text)
    assert misfit is not None
    assert misfit.kind is UnknownReference


@pytest.mark.parametrize(
    ("identity", "raw"),
    [
        (TextId(), None), (TextId(), ""), (TextId(), 5), (TextId(), {"id": "x"}),
        (NumericId(), None), (NumericId(), True), (NumericId(), "5"),
        (RecordReference(), None), (RecordReference(), {}), (RecordReference(), {"id": "x"}),
    ],
)  # fmt: skip
def test_what_is_no_id_is_unreadable(identity: Identity, raw: Any) -> None:
    with pytest.raises(Unreadable, match="an id is missing"):
        identity.read(raw)


def test_a_record_reference_is_read_wrapped_and_written_bare() -> None:
    assert RecordReference().read({"related_record_id": "r", "related_record_type": "t"}) == "r"
    assert RecordReference().read("r") == "r"
    assert RecordReference().write("r") == "r"


def test_a_reference_is_judged_by_its_id_and_a_name_elsewhere() -> None:
    assert misfit_of(NumericId(), StageRef(name="New")) is None
    assert misfit_of(NumericId(), StageRef(id="12")) is None
    assert misfit_of(NumericId(), StageRef(id="x")) is not None
    assert misfit_of(NumericId(), "x") is not None


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"first_name": "Ada", "last_name": "Byron"}, "Ada Byron"),
        ({"first_name": None, "last_name": "Byron"}, "Byron"),
        ({"first_name": "Ada", "last_name": ""}, "Ada"),
        ({"first_name": 5}, None),
        ({}, None),
    ],
)
def test_a_name_is_made_of_what_there_is(found: dict[str, Any], name: str | None) -> None:
    assert full_name(found, "first_name", "last_name") == name


OWNER = NestedPerson("owner", "owner_id", aliases=("user",))


def test_a_nested_person_is_read_and_its_object_kept() -> None:
    """The object may tell more of the person than an owner does."""
    shown = {"id": "u1", "first_name": "Ada", "last_name": "Byron", "email": "a@b.example"}
    reading = OWNER.read({"owner": shown}, CONTEXT)
    assert reading.value == Person(id="u1", name="Ada Byron", email="a@b.example")
    assert tuple(reading.whole) == ()
    assert OWNER.read({}, CONTEXT).value is None


def test_a_nested_person_is_written_as_an_id_and_nothing_else() -> None:
    assert OWNER.write(OwnerRef(id="u1"), CONTEXT) == {"owner_id": "u1"}
    assert OWNER.clear(CONTEXT) == {"owner_id": None}
    assert NestedPerson("owner").write(OwnerRef(id="u1"), CONTEXT) == {}
    assert NestedPerson("owner").clear(CONTEXT) == {}
    assert [OWNER.owns(key) for key in ("owner", "owner_id", "user")] == [True, True, True]


@pytest.mark.parametrize("raw", ["u1", [], {"id": None}, {"email": "a@b.example"}])
def test_a_nested_person_without_an_id_is_unreadable(raw: Any) -> None:
    with pytest.raises(Unreadable):
        OWNER.read({"owner": raw}, CONTEXT)


SIBLINGS: list[tuple[Notation, Any]] = [
    (SiblingPerson("key", "name"), Person(id="1", name="Ada")),
    (SiblingAccount("key", "name"), Account(id="1", name="Ada")),
    (OneContact("key", "name"), (Contact(id="1", name="Ada"),)),
]


@pytest.mark.parametrize(("row", "value"), SIBLINGS)
def test_an_id_with_a_name_beside_it_is_held_whole(row: Notation, value: Any) -> None:
    reading = row.read({"key": "1", "name": "Ada"}, CONTEXT)
    assert (reading.value, set(reading.whole)) == (value, {"key", "name"})


@pytest.mark.parametrize(("row", "value"), SIBLINGS)
def test_a_name_that_is_no_text_is_not_passed_over(row: Notation, value: Any) -> None:
    """It is nobody's name, and it stays in the vendor's fields."""
    assert set(row.read({"key": "1", "name": {"first": "Ada"}}, CONTEXT).whole) == {"key"}


@pytest.mark.parametrize(("row", "value"), SIBLINGS)
def test_what_is_not_there_is_nobody(row: Notation, value: Any) -> None:
    assert not row.read({"key": None, "name": "Ada"}, CONTEXT).value
    assert row.clear(CONTEXT) == {"key": None}


@pytest.mark.parametrize(
    "row",
    [
        SiblingPerson("key", id=RecordReference()),
        SiblingAccount("key", id=RecordReference()),
        OneContact("key", id=RecordReference()),
    ],
)
def test_an_object_that_holds_an_id_may_tell_more(row: Notation) -> None:
    raw = {"related_record_id": "1", "related_record_type": "person"}
    assert tuple(row.read({"key": raw}, CONTEXT).whole) == ()


def test_numeric_ids_are_strings_to_callers() -> None:
    row = SiblingAccount("key", id=NumericId())
    assert row.read({"key": 7}, CONTEXT).value == Account(id="7")
    assert row.write("7", CONTEXT) == {"key": 7}
    assert row.misfit("x", CONTEXT) is not None


def test_an_owner_is_written_by_id_or_by_what_the_vendor_looks_up() -> None:
    looked_up = SiblingPerson("owner_id", match="match")
    assert looked_up.write(OwnerRef(id="u1"), CONTEXT) == {"owner_id": "u1"}
    assert looked_up.write(OwnerRef(email="a@b.example"), CONTEXT) == {
        "owner_id": {"match": {"email": "a@b.example"}}
    }
    assert SiblingPerson("owner_id", id=NumericId()).misfit(OwnerRef(id="x"), CONTEXT) is not None
    assert SiblingPerson("owner_id").misfit(OwnerRef(email="a@b.example"), CONTEXT) is None


ONE = OneContact("contact_id")


@pytest.mark.parametrize(
    ("contacts", "at"),
    [
        ((ContactRef(id="1"),), None),
        ((), None),
        ((ContactRef(id="1"), ContactRef(id="2")), ("1",)),
        ((ContactRef(email="a@b.example"),), ("0",)),
    ],
)
def test_one_contact_is_one_by_its_id(
    contacts: tuple[ContactRef, ...], at: tuple[str, ...] | None
) -> None:
    misfit = ONE.misfit(contacts, CONTEXT)
    assert (misfit.at if misfit else None) == at


def test_one_contact_is_written_as_its_id() -> None:
    assert ONE.write((ContactRef(id="1"),), CONTEXT) == {"contact_id": "1"}
    assert ONE.write((), CONTEXT) == {"contact_id": None}


ADDRESS = ContactAddress("email", "phone", ids="contacts")


@pytest.mark.parametrize(
    ("view", "value", "whole"),
    [
        ({"email": "e", "phone": "p"}, (Contact(email="e", phone="p"),), {"email", "phone"}),
        ({"email": None, "phone": "p"}, (Contact(phone="p"),), {"email", "phone"}),
        ({"email": None, "phone": None}, (), {"email", "phone"}),
        ({"email": "e", "phone": 5}, (Contact(email="e"),), {"email"}),
    ],
)
def test_addresses_are_read_as_one_contact_without_id(
    view: dict[str, Any], value: tuple[Contact, ...], whole: set[str]
) -> None:
    reading = ADDRESS.read(view, CONTEXT)
    assert (reading.value, set(reading.whole)) == (value, whole)


def test_contacts_are_written_as_ids_and_one_as_its_addresses() -> None:
    contacts = (ContactRef(id="1"), ContactRef(id="2"), ContactRef(email="e"))
    assert ADDRESS.misfit(contacts, CONTEXT) is None
    assert ADDRESS.write(contacts, CONTEXT) == {"contacts": [1, 2], "email": "e"}


@pytest.mark.parametrize(
    "contacts", [(ContactRef(email="e"), ContactRef(phone="p")), (ContactRef(id="x"),)]
)
def test_two_addresses_or_an_id_that_is_no_number_are_refused(
    contacts: tuple[ContactRef, ...],
) -> None:
    assert ADDRESS.misfit(contacts, CONTEXT) is not None


def test_a_contact_s_keys_belong_to_the_contacts() -> None:
    assert [ADDRESS.owns(key) for key in ("email", "phone", "contacts", "fax")] == [
        True, True, True, False
    ]  # fmt: skip


def test_a_nested_person_s_id_is_judged_without_a_call() -> None:
    counting = NestedPerson("owner", "owner_id", id=NumericId())
    assert counting.misfit(OwnerRef(id="x"), CONTEXT) is not None
    assert counting.misfit(OwnerRef(email="a@b.example"), CONTEXT) is None
