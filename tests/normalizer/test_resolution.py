"""Resolution: names become ids by the catalogue, or come back with candidates."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.opportunity import Change, Opportunity, OpportunityPatch, OwnerRef
from gateway.canonical.pipeline import Catalogue, Person, Pipeline, PipelineName, Stage
from gateway.errors import (
    AmbiguousReference,
    Rejected,
    UnknownCustomField,
    UnknownReference,
    Unsupported,
    ValidationFailed,
)
from gateway.normalizer import references, stages
from gateway.normalizer.admission import Admitted, Write, admit
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context, Key
from gateway.normalizer.resolution import needs_catalogue, resolve
from tests.normalizer.acme import ACME, CATALOGUE, context

KNOWN = context(catalogue=CATALOGUE, aliases={"source": "k1"})
LOOKING_UP = Dialect(owner=references.SiblingPerson("owner_id", match="match"))


def admitted(body: dict[str, Any], where: Context = KNOWN, dialect: Dialect = ACME) -> Admitted:
    return admit(OpportunityPatch.model_validate(body).sent(), dialect, where, "update")


def resolved(
    body: dict[str, Any],
    *,
    current: Opportunity | None = None,
    where: Context = KNOWN,
    dialect: Dialect = ACME,
    action: Write = "update",
) -> Change:
    return resolve(admitted(body, where, dialect), dialect, where, action, current)


def refused(body: dict[str, Any], **more: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        resolved(body, **more)
    return caught.value


def within(pipeline: str | None, status: str = "open") -> Opportunity:
    """A record as it is now."""
    return Opportunity(
        id="acme-main.r1", connection="acme-main", vendor="acme", vendor_id="r1", etag='"e"',
        status=status, pipeline=PipelineName(id=pipeline) if pipeline else None,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["Talks", "talks", "TALKS", "  Talks ", "\tTalks\n"])
def test_a_name_matches_without_blanks_and_without_case(name: str) -> None:
    assert dict(resolved({"stage": {"name": name}})) == {"stage": "s2"}


def test_a_name_matches_in_every_unicode_form() -> None:
    """An é typed on one system is two characters on another."""
    cafe = Catalogue(pipelines=(Pipeline(id="p", stages=(Stage(id="s", name="Cafe\u0301"),)),))
    where = context(catalogue=cafe)
    for spelled in ("Caf\u00e9", "Cafe\u0301", "CAF\u00c9"):
        assert resolved({"stage": {"name": spelled}}, where=where)["stage"] == "s"


def test_an_exact_name_goes_before_one_of_another_case() -> None:
    both = Catalogue(
        pipelines=(
            Pipeline(id="p", stages=(Stage(id="s1", name="won"), Stage(id="s2", name="Won"))),
        )
    )
    where = context(catalogue=both)
    assert resolved({"stage": {"name": "Won"}}, where=where)["stage"] == "s2"
    error = refused({"stage": {"name": "WON"}}, where=where)
    assert isinstance(error, AmbiguousReference)
    assert [one["id"] for one in error.faults[0].allowed] == ["s1", "s2"]


@pytest.mark.parametrize(
    ("body", "current", "stage"),
    [
        ({"stage": {"name": "New"}, "pipeline": {"id": "p2"}}, within("p1"), "s4"),
        ({"stage": {"name": "New"}, "pipeline": {"name": "renewals"}}, within("p1"), "s4"),
        ({"stage": {"name": "New"}}, within("p1"), "s1"),
        ({"stage": {"name": "New"}}, within("p2"), "s4"),
        ({"stage": {"name": "Talks"}}, None, "s2"),
        ({"stage": {"name": "Talks"}}, within("gone"), "s2"),
    ],
)
def test_a_stage_is_looked_up_in_the_named_pipeline_else_the_record_s_else_all(
    body: dict[str, Any], current: Opportunity | None, stage: str
) -> None:
    assert resolved(body, current=current)["stage"] == stage


def test_a_stage_of_another_pipeline_is_unknown_in_the_record_s() -> None:
    error = refused({"stage": {"name": "Renewed"}}, current=within("p1"))
    assert isinstance(error, UnknownReference)
    assert error.faults[0].pointer == "/stage/name"
    assert [one["name"] for one in error.faults[0].allowed] == ["New", "Talks", "Gained"]


def test_a_name_that_stands_in_two_pipelines_is_ambiguous_in_all() -> None:
    error = refused({"stage": {"name": "New"}})
    assert isinstance(error, AmbiguousReference)
    assert [one["id"] for one in error.faults[0].allowed] == ["s1", "s4"]


def test_a_pipeline_without_the_stage_is_not_left_for_another() -> None:
    error = refused({"stage": {"name": "Renewed"}, "pipeline": {"id": "p1"}})
    assert isinstance(error, UnknownReference)
    assert refused({"stage": {"name": "New"}, "pipeline": {"id": "p9"}}).faults[0].allowed == ()


def test_the_single_pipeline_of_a_vendor_without_pipelines_has_no_id() -> None:
    single = Catalogue(pipelines=(Pipeline(id=None, stages=(Stage(id="s", name="New"),)),))
    where = context(catalogue=single)
    assert resolved({"stage": {"name": "new"}}, where=where, current=within(None))["stage"] == "s"


def test_an_id_is_taken_as_it_is() -> None:
    """Whether it exists is the vendor's to say: a catalogue may be incomplete."""
    body = {"stage": {"id": "s99"}, "pipeline": {"id": "p99"}, "owner": {"id": "u99"}}
    assert dict(resolved(body)) == {"stage": "s99", "pipeline": "p99", "owner": OwnerRef(id="u99")}


@pytest.mark.parametrize(
    ("email", "owner"), [("ada@acme.example", "u1"), ("BOB@ACME.example ", "u2")]
)
def test_an_owner_is_found_by_address(email: str, owner: str) -> None:
    assert resolved({"owner": {"email": email}})["owner"] == OwnerRef(id=owner)


def test_an_owner_without_an_address_is_nobody_s_namesake() -> None:
    where = context(catalogue=Catalogue(users=(Person(id="u0"), *(CATALOGUE.users or ()))))
    body = {"owner": {"email": "ada@acme.example"}}
    assert resolved(body, where=where)["owner"] == OwnerRef(id="u1")


def test_an_owner_of_an_unknown_address_comes_back_with_candidates() -> None:
    error = refused({"owner": {"email": "eve@acme.example"}})
    assert isinstance(error, UnknownReference)
    (fault,) = error.faults
    assert fault.pointer == "/owner/email"
    assert fault.allowed[0] == {"id": "u1", "name": "Ada", "email": "ada@acme.example"}


def test_a_vendor_that_looks_up_addresses_gets_the_address() -> None:
    body = {"owner": {"email": "eve@acme.example"}}
    change = resolved(body, dialect=LOOKING_UP)
    assert change["owner"] == OwnerRef(email="eve@acme.example")
    assert not needs_catalogue(admitted(body, dialect=LOOKING_UP), LOOKING_UP)


@given(st.integers(0, 60))
def test_at_most_twenty_candidates_are_named(count: int) -> None:
    users = tuple(Person(id=f"u{n}", email=f"u{n}@acme.example") for n in range(count))
    where = context(catalogue=Catalogue(users=users))
    error = refused({"owner": {"email": "eve@acme.example"}}, where=where)
    assert len(error.faults[0].allowed) == min(count, 20)


@pytest.mark.parametrize(
    ("body", "current", "change"),
    [
        ({"status": "won"}, within("p1"), {"stage": "s3"}),
        ({"status": "won"}, within("p2"), {"stage": "s5"}),
        (
            {"status": "won", "pipeline": {"id": "p2"}},
            within("p1"),
            {"pipeline": "p2", "stage": "s5"},
        ),
        ({"status": "open"}, within("p1"), {}),
        ({"status": "won"}, within("p1", "won"), {}),
        ({"status": "open", "pipeline": {"id": "p1"}}, within("p1"), {"pipeline": "p1"}),
        (
            {"status": "open", "pipeline": {"id": "p2"}},
            within("p1"),
            {"pipeline": "p2", "stage": "s4"},
        ),
    ],
)
def test_a_status_picks_its_stage_and_a_record_in_one_stays_put(
    body: dict[str, Any], current: Opportunity, change: dict[str, Any]
) -> None:
    assert dict(resolved(body, current=current)) == change


def test_a_status_of_several_stages_is_ambiguous() -> None:
    error = refused({"status": "open"}, current=within("p1", "won"))
    assert isinstance(error, AmbiguousReference)
    (fault,) = error.faults
    assert fault.pointer == "/status"
    assert [one["name"] for one in fault.allowed] == ["New", "Talks"]


def test_a_status_of_no_stage_is_unknown_and_the_others_are_named() -> None:
    error = refused({"status": "lost"}, current=within("p1"))
    assert isinstance(error, UnknownReference)
    assert error.faults[0].pointer == "/status"
    assert [one["id"] for one in error.faults[0].allowed] == ["s1", "s2", "s3"]


def test_stage_and_status_have_to_agree() -> None:
    agreed = resolved({"stage": {"name": "Gained"}, "status": "won"}, current=within("p1"))
    assert dict(agreed) == {"stage": "s3"}
    error = refused({"stage": {"id": "s1"}, "status": "won"})
    assert isinstance(error, ValidationFailed)
    assert (error.faults[0].pointer, error.faults[0].allowed) == ("/status", ("open",))


def test_a_status_beside_a_stage_of_no_known_status_is_refused() -> None:
    """To send the stage alone would drop the status in silence."""
    error = refused({"stage": {"id": "s99"}, "status": "won"})
    assert isinstance(error, ValidationFailed)
    assert error.faults[0].pointer == "/status"


def test_a_retired_choice_can_be_taken_out_and_not_be_put_in() -> None:
    retired = {"k3": ["Retired"]}
    taken = resolved({"custom_fields_remove": retired})
    assert taken["custom_fields_remove"] == {"k3": ("Retired",)}
    assert isinstance(refused({"custom_fields_add": retired}), ValidationFailed)


def test_a_pipeline_id_is_held_against_a_complete_catalogue() -> None:
    whole = context(catalogue=Catalogue(pipelines=(Pipeline(id="p1"),), complete=True))
    error = refused({"pipeline": {"id": "p9"}}, where=whole)
    assert isinstance(error, UnknownReference)
    assert error.faults[0].pointer == "/pipeline/id"


def test_a_status_that_is_the_vendor_s_own_is_left_alone() -> None:
    """Only where it is one thing with the stage does it become one."""
    apart = Dialect(status=Key("state"), stage=stages.NestedStage("stage", "stage_id"))
    assert dict(resolved({"status": "won"}, dialect=apart)) == {"status": "won"}


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        ({"stage": {"name": "New"}}, True),
        ({"stage": {"id": "s1"}}, False),
        ({"pipeline": {"name": "Sales"}}, True),
        ({"owner": {"email": "ada@acme.example"}}, True),
        ({"owner": {"id": "u1"}}, False),
        ({"owner": None}, False),
        ({"status": "won"}, True),
        ({"custom_fields": {"k1": "fair"}}, True),
        ({"custom_fields_add": {"k3": ["a"]}}, True),
        ({"description": "d", "vendor_fields": {"tags": []}}, False),
    ],
)
def test_only_names_statuses_and_custom_fields_cost_the_catalogue(
    body: dict[str, Any], needs: bool
) -> None:
    assert needs_catalogue(admitted(body), ACME) is needs


def test_custom_fields_are_checked_against_their_definitions() -> None:
    body = {
        "custom_fields": {"source": "fair", "k2": None},
        "custom_fields_add": {"k3": ["a", "b"]},
    }
    assert dict(resolved(body)) == {
        "custom_fields": {"k1": "fair", "k2": None},
        "custom_fields_add": {"k3": ("a", "b")},
    }


@pytest.mark.parametrize(
    ("body", "kind", "pointer", "allowed"),
    [
        (
            {"custom_fields": {"k9": 1}},
            UnknownCustomField, "/custom_fields/k9", ("source", "k2", "k3", "k4"),
        ),
        (
            {"custom_fields": {"source": "web"}},
            ValidationFailed, "/custom_fields/source", ("fair", "referral"),
        ),
        ({"custom_fields": {"k2": 5}}, ValidationFailed, "/custom_fields/k2", ()),
        ({"custom_fields": {"k3": "a"}}, ValidationFailed, "/custom_fields/k3", ("a", "b", "c")),
        ({"custom_fields": {"k4": 5}}, Unsupported, "/custom_fields/k4", ()),
        (
            {"custom_fields_add": {"k3": ["z"]}},
            ValidationFailed, "/custom_fields_add/k3", ("a", "b", "c"),
        ),
        (
            {"custom_fields_remove": {"source": ["fair"]}},
            ValidationFailed, "/custom_fields_remove/source", ("fair", "referral"),
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_definition_is_refused_at_the_caller_s_own_key(
    body: dict[str, Any], kind: type[Rejected], pointer: str, allowed: tuple[Any, ...]
) -> None:
    error = refused(body)
    assert isinstance(error, kind)
    assert (error.faults[0].pointer, error.faults[0].allowed) == (pointer, allowed)


def test_without_definitions_the_vendor_judges() -> None:
    assert dict(resolved({"custom_fields": {"k9": 1}}, where=context())) == {
        "custom_fields": {"k9": 1}
    }


OPENING = Dialect(
    custom_fields=ACME.row("custom_fields"), vendor_options={"allow_new_options": "adds choices"}
)
ALLOWED = {"vendor_options": {"allow_new_options": True}}


def test_new_choices_are_taken_where_the_caller_asks_for_them() -> None:
    body = {"custom_fields": {"source": "web"}, "custom_fields_add": {"k3": ["z"]}}
    change = resolved({**body, **ALLOWED}, dialect=OPENING)
    assert change["custom_fields"] == {"k1": "web"}
    denied = {"vendor_options": {"allow_new_options": False}}
    assert len(refused({**body, **denied}, dialect=OPENING).faults) == 2


def test_a_new_choice_is_still_a_choice() -> None:
    """The switch opens the list of choices, not the type of the field."""
    error = refused({"custom_fields": {"source": 5, "k3": "z"}, **ALLOWED}, dialect=OPENING)
    assert [fault.pointer for fault in error.faults] == [
        "/custom_fields/source",
        "/custom_fields/k3",
    ]


def test_every_reference_that_fails_is_told_at_once() -> None:
    body = {
        "pipeline": {"name": "Sails"},
        "owner": {"email": "eve@acme.example"},
        "custom_fields": {"k9": 1, "k2": 5},
    }
    error = refused(body)
    assert isinstance(error, ValidationFailed)
    assert [fault.code for fault in error.faults] == [
        "unknown-reference",
        "unknown-reference",
        "unknown-custom-field",
        "validation-failed",
    ]


def test_what_was_admitted_is_not_touched() -> None:
    """The same admission is resolved again when a fresh catalogue has come."""
    first = admitted({"stage": {"name": "New"}, "status": "open"})
    before = dict(first.fields)
    with pytest.raises(AmbiguousReference):
        resolve(first, ACME, KNOWN, "update")
    assert first.fields == before


@given(st.text(min_size=1))
def test_no_name_whatever_breaks_the_search(name: str) -> None:
    """It finds one of the stages, or says that it does not."""
    try:
        found = resolved({"stage": {"name": name}}, current=within("p1"))["stage"]
    except UnknownReference:
        return
    assert found in {"s1", "s2", "s3"}


def test_a_stage_id_is_held_against_a_catalogue_that_knows_every_stage() -> None:
    """Only a complete catalogue can say that an id is none; a partial one lets the vendor judge."""
    stages_known = (Pipeline(id="p", stages=(Stage(id="s1", name="New"),)),)
    whole = context(catalogue=Catalogue(pipelines=stages_known, complete=True))
    part = context(catalogue=Catalogue(pipelines=stages_known))
    stranger = {"stage": {"id": "s9"}}
    error = refused(stranger, where=whole)
    assert isinstance(error, UnknownReference)
    assert (error.faults[0].pointer, error.faults[0].allowed) == (
        "/stage/id",
        ({"id": "s1", "name": "New"},),
    )
    assert resolved(stranger, where=part)["stage"] == "s9"
