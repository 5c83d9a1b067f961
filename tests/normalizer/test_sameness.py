"""When a record shows what a write named: yes, no, or that it cannot tell."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from gateway.canonical.capabilities import Can
from gateway.canonical.money import Money
from gateway.canonical.opportunity import Change, ContactRef, OwnerRef, Value
from gateway.canonical.pipeline import Contact, Person, Stage
from gateway.normalizer import custom_fields, references, stages
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Key
from gateway.normalizer.sameness import Sight, Target, alike, same, targets
from tests.normalizer.acme import AcmeOptions, context

CONTEXT = context()
TENNER = Value(amount="10.00", currency="USD", period="one_time")
ADA = Person(id="7", name="Ada", email="ada@example.com")
AT_HOME = Contact(email="ada@example.com", phone="+1-555-0100")


@pytest.mark.parametrize(
    ("name", "wanted", "shown", "is_same"),
    [
        ("name", "Roof", "Roof", True),
        ("name", "Roof", "roof", False),
        ("name", None, "", True),
        ("name", None, "Roof", False),
        ("contacts", None, (), True),
        ("probability", Decimal("35.0"), Decimal(35), True),
        ("value", Money(amount=Decimal(10)), TENNER, True),
        ("value", Money(amount=Decimal(10), currency="EUR"), TENNER, False),
        ("value", Money(amount=Decimal(10), period="annual"), TENNER, False),
        ("value", Money(amount=Decimal("10.01")), TENNER, False),
        ("value", Money(amount=Decimal(10)), None, False),
        ("stage", "3", Stage(id="3", name="Won"), True),
        ("stage", "3", None, False),
        ("owner", OwnerRef(id="7"), ADA, True),
        ("owner", OwnerRef(id="8"), ADA, False),
        ("owner", OwnerRef(email="ada@example.com"), ADA, True),
        ("owner", OwnerRef(email="ada@example.com"), Person(id="7"), None),
        ("owner", OwnerRef(email="ada@example.com"), None, False),
        ("contacts", (ContactRef(email="ada@example.com"),), (AT_HOME,), True),
        ("contacts", (ContactRef(id="7"),), (AT_HOME,), None),
        ("contacts", (ContactRef(id="7"),), (Contact(id="8"),), False),
        ("contacts", (ContactRef(id="7"),), (), False),
        ("closed_at", "2026-03-14T12:00:00+01:00", "2026-03-14T11:00:00Z", True),
        ("closed_at", "2026-03-14T12:00:00Z", None, False),
        ("custom_fields", {"a": [], "b": 1}, {"b": 1, "c": 2}, True),
        ("custom_fields", {"a": 1}, {}, False),
    ],
)
def test_a_field_is_compared_by_what_it_means(
    name: str, wanted: Any, shown: Any, *, is_same: bool | None
) -> None:
    """In the form that the canonical field has, not as it was spelt."""
    assert same(name, wanted, shown) is is_same


@pytest.mark.parametrize(
    ("wanted", "shown", "is_one"),
    [
        (None, [], True),
        (None, "", False),
        ([], None, True),
        ("a", None, False),
        (["a", "b"], ["b", "a"], True),
        (["a"], ["a", "b"], False),
        (True, 1, False),
        (1, True, False),
        (5, Decimal("5.00"), True),
        (5, "5.00", True),
        ("5", "5.00", False),
        (5, "five", False),
        ("2026-03-14T12:00:00Z", "2026-03-14T12:00:00.000+00:00", True),
        ("2026-03-14", "2026-03-15", False),
        ({"a": 1}, {"a": 1}, True),
    ],
)
def test_values_of_custom_fields_are_compared_as_json(
    wanted: Any, shown: Any, *, is_one: bool
) -> None:
    """Lists in any order, times as instants, numbers by their value; a text is a text."""
    assert alike(wanted, shown) is is_one


NOTED = Dialect(
    name=Key("name"),
    description=Key("note", can=Can(reads_back="normalized")),
    lost_reason=Key("reason", can=Can(reads_back="never")),
    stage=stages.NestedStage("stage", "stage_id"),
    account=references.SiblingAccount("account_id"),
    custom_fields=custom_fields.Member("custom"),
    external_id=custom_fields.Through("external_id_field", custom_fields.Member("custom")),
)


def has(target: Target, record: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Any:
    """What a record says of a target."""
    earlier = None if before is None else Sight({"id": "1", **before}, NOTED, CONTEXT)
    return Sight({"id": "1", **record}, NOTED, CONTEXT).has(target, earlier)


def test_a_change_is_taken_to_pieces() -> None:
    """Each member of a map is a target of its own, and a switch of the call is none."""
    change = Change(
        {"name": "x", "custom_fields": {"a/b": 1, "c": None}, "vendor_fields": {"d": 2},
         "vendor_options": {"allow_new_options": True}}
    )  # fmt: skip
    assert [target.pointer for target in targets(change)] == [
        "/name", "/custom_fields/a~1b", "/custom_fields/c", "/vendor_fields/d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "record", "found"),
    [
        (Target("name", "x"), {"name": "x"}, True),
        (Target("name", "x"), {"name": None}, False),
        (Target("name", "x"), {}, None),
        (Target("name", None), {}, True),
        (Target("name", None), {"name": 7}, None),
        (Target("lost_reason", "x"), {"reason": "x"}, None),
        (Target("stage", "3"), {"stage_id": "3"}, True),
        (Target("account", None), {"account_id": None}, True),
        (Target("custom_fields", 1, "a"), {"custom": {"a": 1}}, True),
        (Target("custom_fields", None, "a"), {"custom": {}}, True),
        (Target("custom_fields", None, "a"), {}, None),
        (Target("custom_fields_add", (1, 2), "a"), {"custom": {"a": [2, 3, 1]}}, True),
        (Target("custom_fields_add", (1, 2), "a"), {"custom": {"a": [2]}}, False),
        (Target("custom_fields_add", (1,), "a"), {"custom": {"a": 1}}, True),
        (Target("custom_fields_remove", (1,), "a"), {"custom": {}}, True),
        (Target("custom_fields_remove", (1, 2), "a"), {"custom": {"a": [2]}}, False),
        (Target("vendor_fields", "x", "own"), {"own": "x"}, True),
        (Target("vendor_fields", "x", "own"), {}, None),
        (Target("vendor_fields", None, "own"), {}, True),
    ],
)
def test_a_record_that_does_not_show_a_field_cannot_tell(
    target: Target, record: Mapping[str, Any], *, found: bool | None
) -> None:
    """What is missing from an answer is not null, unless it was to be nothing."""
    assert has(target, record) is found


@pytest.mark.parametrize(
    ("shown", "before", "found"),
    [
        ("Call **back**", None, True),
        ("Call back", None, None),
        ("Call back", {"note": "Nobody called"}, True),
        ("Call back", {"note": "*Call* back"}, None),
        ("Call again", {"note": "Nobody called"}, False),
    ],
)
def test_a_text_in_the_vendors_form_is_told_by_new_words(
    shown: str, before: Mapping[str, Any] | None, *, found: bool | None
) -> None:
    """The very text is proof at once; its words alone are where they were others before."""
    assert has(Target("description", "Call **back**"), {"note": shown}, before) is found


def test_what_is_shown_of_a_reference_is_its_id() -> None:
    """A stage that was renamed meanwhile is still the same."""
    renamed = Sight({"id": "1", "stage": {"id": "3", "name": "Won!"}}, NOTED, CONTEXT)
    assert renamed.of(Target("stage", "4")) == "3"
    assert renamed.of(Target("custom_fields", 1, "a")) is None


def test_a_field_kept_in_a_custom_field_is_shown_with_those() -> None:
    """`external_id` has no key of its own, and without its option no place at all."""
    kept = context(options=AcmeOptions(external_id_field="ref"))
    target = Target("external_id", "x")
    assert has(target, {"custom": {"ref": "x"}}) is None
    assert Sight({"id": "1", "custom": {"ref": "x"}}, NOTED, kept).has(target) is True
    assert Sight({"id": "1", "custom": {}}, NOTED, kept).has(target) is False
    assert Sight({"id": "1"}, NOTED, kept).has(target) is None
