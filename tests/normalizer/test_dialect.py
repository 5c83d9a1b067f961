"""A dialect: nothing of a record is lost, and what is written is what was named."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical import json_text
from gateway.canonical.capabilities import Can, VendorFieldCan
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.money import Money
from gateway.canonical.opportunity import Change, ContactRef, Opportunity, OwnerRef
from gateway.canonical.pipeline import Account, Catalogue, Contact, Person, PipelineName, Stage
from gateway.normalizer.dialect import FIELDS, Dialect, Envelope, VendorField
from gateway.normalizer.notation import Context, Key, Notation, Reading, Unreadable, View
from tests.canonical.json_values import JSON, TEXTS
from tests.normalizer.acme import ACME, RECORD, STAGE, AcmeOptions, context

KEYS = (*RECORD, "contact_name", "date_lost", "why", "x.k3")
ODD_RECORDS = st.builds(
    lambda known, more: {**known, **more, "id": "r1"},
    st.dictionaries(st.sampled_from(KEYS), JSON),
    st.dictionaries(TEXTS, JSON, max_size=3),
)


def leaves(value: Any) -> Iterator[Any]:
    """The texts, numbers and booleans in a JSON value."""
    if isinstance(value, dict):
        for member in value.values():
            yield from leaves(member)
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from leaves(member)
    elif value is not None and value != "":
        yield value


def test_a_record_is_read_field_by_field() -> None:
    shown = ACME.read(RECORD, context(aliases={"source": "k1"}))
    assert shown.model_dump(exclude_unset=True, exclude={"raw", "etag"}) == {
        "id": "acme-main.r1",
        "connection": "acme-main",
        "vendor": "acme",
        "vendor_id": "r1",
        "name": "Bluth",
        "description": "Two roofs",
        "value": {"amount": "7500.00", "currency": "USD", "period": "monthly"},
        "probability": Decimal(40),
        "status": "open",
        "stage": Stage(id="s1", name="New", status="open").model_dump(exclude_unset=True),
        "pipeline": PipelineName(id="p1", name="Sales").model_dump(),
        "owner": Person(id="u1", name="Ada").model_dump(exclude_unset=True),
        "account": Account(id="a1", name="Bluth").model_dump(),
        "contacts": (),
        "expected_close_date": "2026-12-24",
        "won_reason": None,
        "archived": False,
        "custom_fields": {"source": "referral"},
        "vendor_fields": {
            "due": "2026-12-24T23:59:59Z",
            "views": 12,
            "meta": {"seen": "today", "source": "fair"},
        },
        "created_at": "2026-01-02T03:04:05.06Z",
        "warnings": (),
    }


def test_the_vendor_s_own_payload_comes_along() -> None:
    assert ACME.read(RECORD, context()).raw == RECORD


@given(st.dictionaries(TEXTS, JSON, max_size=5))
def test_whatever_a_vendor_adds_is_found_in_vendor_fields_as_it_is(extra: dict[str, Any]) -> None:
    new = {key: value for key, value in extra.items() if key not in KEYS}
    assert ACME.read({**RECORD, **new}, context()).vendor_fields.items() >= new.items()


@given(ODD_RECORDS, st.sampled_from([None, "k1"]))
def test_nothing_of_a_record_is_lost_however_odd_it_is(
    record: dict[str, Any], name_field: str | None
) -> None:
    """Any JSON in any place: a key is in the vendor's fields, or canonical fields tell it all."""
    where = context(aliases={"source": "k1"}, options=AcmeOptions(name_field=name_field))
    shown = ACME.read(record, where)
    told = [*leaves(shown.model_dump(exclude={"raw", "vendor_fields", "warnings"}))]
    texts = {str(leaf) for leaf in told} | {str(shown.expected_close_date)}
    for key in (
        record.keys() - shown.vendor_fields.keys() - {"id", "born", "cents", "kind", "active"}
    ):
        assert {str(leaf) for leaf in leaves(record[key])} <= texts, key
    for key in shown.vendor_fields:
        assert shown.vendor_fields[key] == record[key]


@given(ODD_RECORDS)
def test_a_value_that_cannot_be_read_is_null_with_a_warning_and_kept(
    record: dict[str, Any],
) -> None:
    shown = ACME.read(record, context())
    for warning in shown.warnings:
        assert warning.code == "unreadable-value"
        name = (warning.pointer or "").removeprefix("/")
        assert not getattr(shown, name)
        kept = shown.vendor_fields.keys() | {f"x.{key}" for key in shown.custom_fields}
        assert kept & {*ACME.row(name).keys}


@pytest.mark.parametrize(
    ("odd", "pointer", "detail"),
    [
        ({"cents": "a lot"}, "/value", "the value is not a number"),
        ({"chance": {"odds": 1}}, "/probability", "the value is not a number"),
        ({"kind": "parked"}, "/status", "kind is a status that has no canonical word"),
        ({"born": "once"}, "/created_at", "the value is not a time"),
        ({"due": "2026-12-24"}, "/expected_close_date", "the value is not a time"),
        ({"text": 5}, "/description", "text is not a text"),
        ({"period": 5}, "/value", "the value has no canonical form"),
    ],
)
def test_a_warning_says_what_could_not_be_read(
    odd: dict[str, Any], pointer: str, detail: str
) -> None:
    shown = ACME.read({**RECORD, **odd}, context())
    assert [(w.pointer, w.detail) for w in shown.warnings] == [(pointer, detail)]
    assert shown.vendor_fields.items() >= odd.items()


def test_the_value_of_an_unreadable_name_stays_among_the_custom_fields() -> None:
    """The field stands for the name only where the name could be read from it."""
    where = context(options=AcmeOptions(name_field="k1"))
    assert ACME.read({**RECORD, "x.k1": ["a"]}, where).custom_fields == {"k1": ["a"]}
    named = ACME.read({**RECORD, "x.k1": "Roof"}, where)
    assert (named.name, named.custom_fields) == ("Roof", {})


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": ""}, {"id": True}, {"id": ["r"]}])
def test_a_record_without_an_id_is_none(record: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="the record has no id"):
        ACME.read(record, context())


@pytest.mark.parametrize("answer", [None, [], "ok", 5])
def test_an_answer_that_is_no_object_is_no_record(answer: Any) -> None:
    with pytest.raises(Unreadable, match="the record is not an object"):
        ACME.read(answer, context())


def test_a_numeric_id_is_a_string_to_callers() -> None:
    assert ACME.read({"id": 7}, context()).id == "acme-main.7"


def test_a_field_without_a_row_is_null_and_said_to_be_unsupported() -> None:
    shown = ACME.read({"id": "r1"}, context())
    assert shown.lost_reason is None
    assert not any(ACME.can("lost_reason", context()).does(action) for action in ("read", "create"))


def test_a_field_of_no_canonical_name_is_a_mistake_of_the_table() -> None:
    with pytest.raises(TypeError, match="not canonical fields: nmae"):
        Dialect(nmae=Key("name"))


def test_the_table_has_every_canonical_field() -> None:
    assert tuple(ACME.table()) == FIELDS
    required = [name for name, can in ACME.table().items() if can.required_on_create]
    assert required == ["name"]


def test_the_etag_forgets_what_changes_by_itself() -> None:
    """Views, a label and a nested time are not the record's state."""
    changed = {
        **RECORD, "views": 13, "stage_name": "Brand new", "meta": {"seen": "now", "source": "fair"}
    }  # fmt: skip
    assert ACME.etag(changed) == ACME.etag(RECORD)


def test_the_etag_forgets_the_order_of_keys() -> None:
    backwards = dict(reversed(RECORD.items()))
    assert ACME.etag(backwards) == ACME.etag(RECORD)


STEADY = sorted(RECORD.keys() - ACME.volatile - {"meta"})


@given(st.sampled_from(STEADY), JSON)
def test_the_etag_sees_every_other_change(key: str, value: Any) -> None:
    """Equality of JSON, where 1 is neither true nor 1.0."""
    changed = {**RECORD, key: value}
    same = json_text.write(value, sort_keys=True) == json_text.write(RECORD[key], sort_keys=True)
    assert (ACME.etag(changed) == ACME.etag(RECORD)) is same


def test_the_etag_sees_what_appears_and_what_goes() -> None:
    less = {key: value for key, value in RECORD.items() if key != "x.k2"}
    more = {**RECORD, "x.k9": None}
    meta = {**RECORD, "meta": {"seen": "today", "source": "web"}}
    assert len({ACME.etag(record) for record in (RECORD, less, more, meta)}) == 4


def test_the_etag_is_the_vendor_s_state_alone() -> None:
    """Neither configuration nor catalogue nor zone is in it."""
    other = context(zone="Asia/Tokyo", aliases={"source": "k1"}, connection="other", currency=None)
    assert ACME.read(RECORD, other).etag == ACME.read(RECORD, context()).etag


def test_the_etag_is_strong_and_quoted() -> None:
    assert ACME.etag(RECORD).startswith('"')
    assert ACME.etag(RECORD).endswith('"')
    assert len(ACME.etag(RECORD)) == 34


FULL: dict[str, Any] = {
    "external_id": "e-1",
    "name": "Roof",
    "description": "Two",
    "value": Money(amount=Decimal("10.50"), currency="USD", period="annual"),
    "probability": Decimal(40),
    "stage": "s1",
    "pipeline": "p1",
    "owner": OwnerRef(id="u1"),
    "account": "a1",
    "contacts": (ContactRef(id="c1"),),
    "expected_close_date": "2026-12-24",
    "custom_fields": {"k1": "fair", "k3": None},
    "vendor_fields": {"tags": ["hot"]},
    "vendor_options": {"silent": True},
    "custom_fields_add": {"k5": ("a",)},
}
OPTIONS = AcmeOptions(name_field="kn", external_id_field="ke")


def test_a_change_is_written_in_the_vendor_s_words() -> None:
    """Options and additions to lists are for the translator's code, not for the table."""
    assert ACME.write(Change(FULL), context(options=OPTIONS)) == {
        "x.ke": "e-1",
        "x.kn": "Roof",
        "text": "Two",
        "cents": 1050,
        "period": "annual",
        "chance": 40,
        "stage_id": "s1",
        "pipeline_id": "p1",
        "owner_id": "u1",
        "account_id": "a1",
        "contact_id": "c1",
        "due": "2026-12-24T23:59:59Z",
        "x.k1": "fair",
        "x.k3": None,
        "tags": ["hot"],
    }


@given(st.sets(st.sampled_from(sorted(FULL))))
def test_only_what_is_named_is_written(names: set[str]) -> None:
    where = context(options=OPTIONS)
    body = ACME.write(Change(FULL).only(*names), where)
    alone = [ACME.write(Change({name: FULL[name]}), where) for name in names]
    assert body == {key: value for part in alone for key, value in part.items()}


def test_what_was_written_is_read_back() -> None:
    """The law, over the whole table at once."""
    where = context(options=OPTIONS)
    shown: Opportunity = ACME.read({"id": "r1", **ACME.write(Change(FULL), where)}, where)
    assert (shown.external_id, shown.name, shown.description) == ("e-1", "Roof", "Two")
    assert shown.value is not None
    assert (shown.value.amount, shown.value.period) == ("10.50", "annual")
    assert (shown.probability, shown.expected_close_date) == (Decimal(40), "2026-12-24")
    assert (shown.stage, shown.pipeline) == (Stage(id="s1"), PipelineName(id="p1"))
    assert (shown.owner, shown.account) == (Person(id="u1"), Account(id="a1"))
    assert (shown.contacts, shown.custom_fields) == ((Contact(id="c1"),), {"k1": "fair"})
    assert shown.vendor_fields.keys() == {"tags", "due"}


def test_null_clears_in_the_vendor_s_way() -> None:
    names = ("name", "description", "owner", "contacts", "expected_close_date", "pipeline")
    body = ACME.write(Change(dict.fromkeys(names)), context(options=OPTIONS))
    assert body == dict.fromkeys(("x.kn", "text", "owner_id", "contact_id", "due", "pipeline_id"))


@dataclass(frozen=True, slots=True)
class Boxed(Notation):
    """A row that lies in an object with others."""

    name: str | None = None

    def read(self, view: View, context: Context) -> Reading:
        return Reading(None)

    def write(self, value: Any, context: Context) -> dict[str, Any]:
        return {"box": {self.name: value} if self.name else value}


def test_two_parts_of_one_object_join() -> None:
    """A name that is kept in a custom field travels with the custom fields."""
    within = Dialect(name=Key("name"), custom_fields=Boxed(), description=Boxed(name="note"))
    change = Change({"description": "d", "custom_fields": {"a": 1}})
    assert within.write(change, context()) == {"box": {"note": "d", "a": 1}}


@pytest.mark.parametrize(
    ("create", "missing"),
    [
        ({}, [("/name",), ("/account", "/vendor_fields/book")]),
        ({"name": None, "account": None}, [("/name",), ("/account", "/vendor_fields/book")]),
        ({"name": "n", "vendor_fields": {"book": 1}}, []),
        ({"name": "n", "account": "a"}, []),
        ({"name": "n", "vendor_fields": None}, [("/account", "/vendor_fields/book")]),
    ],
)
def test_what_a_create_lacks_is_told_with_its_alternatives(
    create: dict[str, Any], missing: list[tuple[str, ...]]
) -> None:
    assert list(ACME.missing(create)) == missing


@pytest.mark.parametrize(
    ("key", "owner"),
    [("cents", "value"), ("currency", "value"), ("text", "description"), ("stage_name", "stage"),
     ("account_name", "name"), ("x.k1", "custom_fields"), ("views", None), ("book", None)],
)  # fmt: skip
def test_a_vendor_s_field_leads_to_the_canonical_one(key: str, owner: str | None) -> None:
    assert ACME.owner_of(key) == owner


def test_custom_fields_that_stand_for_a_field_are_reserved() -> None:
    assert ACME.reserved(context(options=OPTIONS)) == {"kn": "name", "ke": "external_id"}
    assert ACME.reserved(context()) == {}


def test_a_row_that_reads_badly_hurts_itself_alone() -> None:
    """A plugin's row that lets a ValueError through costs one field, not the record."""

    class Careless(Notation):
        def read(self, view: View, context: Context) -> Reading:
            return Reading(int(view["number"]))

    careless = Dialect(description=Careless(can=replace(Key("x")).can), name=Key("title"))
    shown = careless.read({"id": "r", "title": "t", "number": "many"}, context())
    assert (shown.name, shown.description) == ("t", None)
    assert [warning.pointer for warning in shown.warnings] == ["/description"]


def ruled(*writable: tuple[str, str]) -> Context:
    """A connection whose vendor says what can be written."""
    return context(
        catalogue=Catalogue(
            writable=frozenset(writable), custom_fields=(CustomField(key="k", vendor_key="k"),)
        )
    )


GUESSED = Can(create="undocumented", update="undocumented", clear="undocumented")
SCHEMED = Dialect(
    schema_decides=True,
    vendor_fields={"book": VendorField(VendorFieldCan(update="undocumented"))},
    name=Key("title"),
    lost_reason=Key("why", can=GUESSED),
    status=STAGE.status(),
    stage=STAGE,
)


@pytest.mark.parametrize(
    ("writable", "cells"),
    [
        ((), ("unsupported", "unsupported", "unsupported")),
        ((("why", "create"),), ("native", "unsupported", "unsupported")),
        ((("why", "update"),), ("unsupported", "native", "undocumented")),
        ((("why", "create"), ("why", "update")), ("native", "native", "undocumented")),
    ],
)
def test_a_vendor_s_own_schema_settles_what_no_page_says(
    writable: tuple[tuple[str, str], ...], cells: tuple[str, str, str]
) -> None:
    can = SCHEMED.can("lost_reason", ruled(*writable))
    assert (can.create, can.update, can.clear) == cells


def test_a_vendor_s_own_schema_refuses_what_its_pages_promise() -> None:
    assert SCHEMED.can("name", context()).does("update")
    assert not SCHEMED.can("name", ruled(("title", "create"))).does("update")
    assert SCHEMED.can("name", ruled(("title", "update"))).update == "native"


def test_a_status_can_be_written_where_its_stage_can() -> None:
    assert SCHEMED.can("status", ruled(("stage_id", "update"))).does("update")
    assert not SCHEMED.can("status", ruled(("kind", "update"))).does("update")


def test_a_vendor_s_own_schema_adds_fields_that_nothing_else_spells() -> None:
    """Not those that a canonical field or a custom field stands for."""
    where = ruled(("book", "update"), ("spare", "create"), ("title", "create"), ("k", "create"))
    fields = SCHEMED.own_fields(where)
    assert {key: (one.can.create, one.can.update) for key, one in fields.items()} == {
        "book": ("unsupported", "native"),
        "spare": ("native", "unsupported"),
    }
    assert SCHEMED.own_fields(context()).keys() == {"book"}


def test_a_field_of_which_only_the_schema_can_know_passes_until_it_is_known() -> None:
    unheard = SCHEMED.own_field("spare", context())
    assert unheard is not None
    assert unheard.can.create == "undocumented"
    assert SCHEMED.own_field("title", context()) is None
    assert SCHEMED.own_field("spare", ruled()) is None
    assert ACME.own_field("spare", context()) is None
    assert ACME.own_field("book", context()) is ACME.vendor_fields["book"]


def test_a_record_may_lie_in_an_envelope() -> None:
    class Wrapped(Envelope):
        def open(self, record: View) -> View:
            return {"id": record["id"], **record["values"]}

        def plain(self, view: View) -> View:
            return {key: raw["is"] if isinstance(raw, dict) else raw for key, raw in view.items()}

        def close(self, fields: dict[str, Any]) -> dict[str, Any]:
            return {"values": fields}

    wrapped = Dialect(envelope=Wrapped(), volatile=frozenset({"views"}), name=Key("title"))
    record = {"id": "r", "values": {"title": {"is": "Roof"}, "views": {"is": 5}}}
    shown = wrapped.read(record, context())
    assert (shown.name, shown.vendor_fields) == ("Roof", {"views": {"is": 5}})
    assert wrapped.write(Change({"name": "n"}), context()) == {"values": {"title": "n"}}
    later = {"id": "r", "values": {"title": {"is": "Roof"}, "views": {"is": 6}}}
    assert wrapped.etag(later) == shown.etag


def test_an_alias_that_is_another_field_s_key_hides_nothing() -> None:
    """Two fields under one name would lose the value of one."""
    where = context(aliases={"k2": "k1"})
    read = ACME.read({**RECORD, "x.k1": "referral", "x.k2": "mine"}, where)
    assert read.custom_fields == {"k1": "referral", "k2": "mine"}


def test_what_was_worked_out_holds_for_its_connection_alone() -> None:
    """Another time or handling shares it; another option, alias or catalogue starts afresh."""
    plain = context()
    assert ACME.reserved(plain) == {}
    later = plain.at(plain.now, lenient=True)
    assert later == replace(plain, lenient=True)
    assert later.worked_out is plain.worked_out
    other = replace(plain, options=AcmeOptions(external_id_field="cf_ext"))
    assert ACME.reserved(other) == {"cf_ext": "external_id"}
    assert ACME.reserved(plain) == {}


def test_a_schema_that_comes_later_rules_the_cells_from_then_on() -> None:
    unknown = context()
    assert ACME.can("name", unknown).does("read")
    before = ACME.can("description", unknown)
    closed = replace(unknown, catalogue=Catalogue(writable=frozenset()))
    assert not ACME.can("description", closed).does("update")
    assert ACME.can("description", unknown) == before
