"""Reevo's dialogues: documented payloads in, expected requests out (reevo.md, FD-004)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway import errors
from gateway.canonical import json_text
from gateway.canonical.opportunity import Change, Opportunity, OpportunityDraft, OpportunityPatch
from gateway.canonical.pipeline import Catalogue
from gateway.canonical.query import Page, Query
from gateway.conformance import Played, play
from gateway.engine.conduct import MISSHAPEN, Later, NotYetKnown
from gateway.normalizer.admission import Admitted, admit
from gateway.normalizer.notation import Context
from gateway.normalizer.resolution import resolve
from gateway.translator import Bearer, VendorResponse
from gateway.vendors.reevo import REEVO, TRANSLATOR, ReevoOptions, ReevoTranslator, StageOption

PAYLOADS = Path(__file__).parent / "payloads" / "reevo"
WHOLE = json_text.read((PAYLOADS / "opportunity.json").read_bytes())
RECORD: dict[str, Any] = WHOLE["data"]
ID: str = RECORD["id"]
PATH = f"opportunity/{ID}"

QUALIFIED, CONTRACT, WON, LOST, LIMBO = (
    f"c0ffee00-000{n}-4000-8000-00000000000{n}" for n in range(1, 6)
)
EQUAL = ("eq", "ne", "in", "not_in")
ORDER = (*EQUAL, "gte", "lte")
NO_WRITE: dict[str, Any] = {"is_creatable": False, "is_updatable": False}


def attribute(name: str, kind: str, operators: Iterable[str] = (), **flags: Any) -> dict[str, Any]:
    """An entry of `_schema` (reevo.md 7); what can be left out is left out."""
    array = flags.pop("is_array", False)
    return {
        "api_name": name,
        "display_name": name.replace("_", " ").title(),
        "is_creatable": True,
        "is_updatable": True,
        "type_info": {"is_array": array, "value_type": kind},
        "is_filterable": bool(operators),
        "filter_operators": list(operators),
        **flags,
    }


SCHEMA = {
    "api_name": "opportunity",
    "display_name": "Opportunity",
    "is_custom": False,
    "is_junction": False,
    "supports_custom_fields": True,
    "description": None,
    "relationships": [],
    "attributes": [
        attribute("display_name", "string", ("eq", "contains"), is_sortable=True),
        attribute("stage", "opportunity_stage", EQUAL),
        attribute("account_id", "record_reference", EQUAL, is_updatable=False),
        attribute("owner_user_id", "record_reference", EQUAL),
        attribute("amount", "currency", ORDER, is_sortable=True),
        attribute("anticipated_closing_at", "timestamp", ORDER),
        attribute("primary_contact_id", "record_reference", is_creatable=False),
        attribute("closed_lost_custom_detail", "long_text"),
        attribute("closed_won_custom_detail", "long_text", **NO_WRITE),
        attribute("outcome", "enum", EQUAL, **NO_WRITE),
        attribute("status", "enum", EQUAL, **NO_WRITE),
        attribute("created_at", "timestamp", ORDER, is_sortable=True, **NO_WRITE),
        attribute("updated_at", "timestamp", ("gte",), is_sortable=True, **NO_WRITE),
        attribute("next_step_details", "long_text"),
        attribute("next_meeting_date", "timestamp", **NO_WRITE),
        attribute("participant_user_id_list", "record_reference", is_array=True),
        attribute("forecast_note", "string", is_creatable=False),
        attribute("erp_number", "string", ("eq",), is_custom=True),
        attribute("gateway_mark", "string", ("eq",), is_custom=True),
        attribute("rollout_fee", "currency", is_custom=True),
        attribute("regions", "select", is_custom=True, is_array=True),
        attribute("sponsor", "record_reference", is_custom=True),
        attribute("meters", "number", is_custom=True, is_updatable=False),
        attribute("mood", "signal_score", is_custom=True, **NO_WRITE),
    ],
}

OPTIONS = ReevoOptions(
    external_id_field="erp_number",
    marker_field="gateway_mark",
    stages=(
        StageOption(id=QUALIFIED, name="Qualified", status="open"),
        StageOption(id=CONTRACT, name="Contract", status="open"),
        StageOption(id=WON, name="Signed", status="won"),
        StageOption(id=LIMBO, name="Limbo"),
    ),
)
UNINFORMED = Context(
    connection="acme-reevo",
    vendor="reevo",
    now=datetime(2026, 11, 21, 12, tzinfo=UTC),
    currency="USD",
    timezone=ZoneInfo("America/New_York"),
    aliases={"fee": "rollout_fee"},
    stage_status={LOST: "lost"},
    options=OPTIONS,
)


def ok(body: Any, status: int = 200) -> VendorResponse:
    return VendorResponse(status=status, json=body)


def informed(context: Context = UNINFORMED, schema: Any = SCHEMA) -> Context:
    """The context with the catalogue that the vendor's schema gives it."""
    translator = ReevoTranslator(context)
    catalogue, played = play(translator, translator.catalogue(), [ok(schema)])
    assert calls(played) == [("GET", "_schema/opportunity", None)]
    return replace(context, catalogue=catalogue)


def calls(played: Played) -> list[tuple[str, str, Any]]:
    return [(request.method, request.path, request.json) for request in played]


CONTEXT = informed()
REEVOS = ReevoTranslator(CONTEXT)
CURRENT = REEVO.read(RECORD, CONTEXT)


def with_options(**options: Any) -> Context:
    return informed(replace(UNINFORMED, options=OPTIONS.model_copy(update=options)))


def record(beside: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """The payload's record with other attributes."""
    return {**RECORD, **(beside or {}), "attributes": {**RECORD["attributes"], **attributes}}


def envelope(value: Any, kind: str = "string") -> dict[str, Any]:
    return {"value": value, "value_type": kind}


def money(amount: str) -> dict[str, Any]:
    return envelope({"amount": amount}, "currency")


def stage(stage_id: str, **members: Any) -> dict[str, Any]:
    return envelope({"id": stage_id, "display_value": "Any", **members}, "opportunity_stage")


def admitted(
    write: OpportunityDraft | OpportunityPatch, context: Context = CONTEXT, **how: Any
) -> Admitted:
    action = "create" if isinstance(write, OpportunityDraft) else "update"
    sent = ((name, value) for name, value in write.sent() if name != "connection")
    return admit(sent, REEVO, context, action, **how)  # type: ignore[arg-type]


def draft(**members: Any) -> Change:
    """A create's members as they reach the translator."""
    body = {"connection": "acme-reevo", "name": "Tidewater", "account": {"id": "acc-1"}, **members}
    write = OpportunityDraft.model_validate({"stage": {"name": "Qualified"}, **body})
    return resolve(admitted(write), REEVO, CONTEXT, "create")


def patch(**members: Any) -> Change:
    """An update's members as they reach the translator."""
    write = OpportunityPatch.model_validate(members)
    return resolve(admitted(write), REEVO, CONTEXT, "update", CURRENT)


def refusal(kind: type[errors.GatewayError], **members: Any) -> dict[str | None, errors.Fault]:
    """The faults of an update that is refused before a dialogue opens, by pointer."""
    with pytest.raises(kind) as raised:
        patch(**members)
    return {fault.pointer: fault for fault in raised.value.faults}


def updated(change: Change, answer: Any = RECORD) -> Any:
    """The attributes that an update sends."""
    _, played = play(REEVOS, REEVOS.update(ID, change, CURRENT), [ok({"data": answer})])
    assert [(call.effect, call.method, call.path) for call in played] == [("write", "PATCH", PATH)]
    assert played[0].json.keys() == {"attributes"}
    return played[0].json["attributes"]


def created(change: Change, answer: Any = RECORD) -> Any:
    """The attributes that a create sends."""
    _, played = play(REEVOS, REEVOS.create(change), [ok({"data": answer}, 201)])
    assert [(call.effect, call.method, call.path) for call in played] == [
        ("write", "POST", "opportunity")
    ]
    return played[0].json["attributes"]


def listed(
    context: Context = CONTEXT, answer: Any = None, **query: Any
) -> tuple[Page, list[dict[str, Any]]]:
    """A page, and the bodies of the queries that it cost."""
    translator = ReevoTranslator(context)
    replies = [] if answer == "none" else [ok(answer or {"data": []})]
    page, played = play(translator, translator.list(Query(**{"filters": {}, **query})), replies)
    assert {(c.effect, c.method, c.path) for c in played} <= {
        ("read", "POST", "opportunity/_query")
    }
    return page, [call.json for call in played]


def fails(status: int, body: Any, context: Context = CONTEXT) -> errors.VendorError:
    return ReevoTranslator(context).error(VendorResponse(status=status, json=body))


def test_a_record_is_read_whole() -> None:
    """Every attribute is in a canonical field or, enveloped as it came, in vendor_fields."""
    read, played = play(REEVOS, REEVOS.get(ID), [ok(WHOLE)])
    assert calls(played) == [("GET", PATH, None)]
    assert played[0].of_record
    told = read.model_dump(exclude={"raw", "etag", "vendor_fields"}, exclude_defaults=True)
    assert told == {
        "id": f"acme-reevo.{ID}",
        "connection": "acme-reevo",
        "vendor": "reevo",
        "vendor_id": ID,
        "external_id": "PO-7781",
        "name": "Borealis - Grid rollout",
        "value": {"amount": "48250.00", "currency": "USD", "period": "one_time"},
        "status": "open",
        "stage": {"id": CONTRACT, "name": "Contract", "status": "open", "color": "#2F9E8F"},
        "owner": {"id": "5f0c1d2e-0000-4000-8000-000000000011"},
        "account": {"id": "5f0c1d2e-0000-4000-8000-000000000041"},
        "contacts": ({"id": "5f0c1d2e-0000-4000-8000-000000000061"},),
        "expected_close_date": "2027-01-15",
        "custom_fields": {
            "fee": "1200.5",
            "regions": ["North", "Coast"],
            "sponsor": "5f0c1d2e-0000-4000-8000-000000000014",
            "meters": 5200,
            "mood": {"score": 7, "trend": "up"},
        },
        "created_at": "2026-08-03T09:12:44.5Z",
        "updated_at": "2026-11-02T17:30:05Z",
        "stage_changed_at": "2026-10-21T11:45:00Z",
        "last_activity_at": "2026-11-19T08:01:02Z",
    }
    held = {
        *("id", "created_at", "updated_at", "display_name", "amount", "closed_at"),
        *("stage_last_shifted_at", "last_activity_at", "archived_at", "erp_number", "meters"),
        *("closed_lost_custom_detail", "closed_won_custom_detail", "mood"),
    }
    rest = {key: value for key, value in RECORD["attributes"].items() if key not in held}
    assert read.vendor_fields == {**rest, "record_type": "opportunity"}


def test_trap_1_what_is_read_is_not_what_is_written() -> None:
    """A stage, a reference and an amount go out as an id, an id and an enveloped decimal text."""
    assert updated(
        patch(
            stage={"id": WON},
            owner={"id": "usr-2"},
            contacts=[{"id": "con-3"}],
            value={"amount": "150000.00"},
        ),
        record(amount=money("150000.00")),
    ) == {
        "stage": WON,
        "owner_user_id": "usr-2",
        "primary_contact_id": "con-3",
        "amount": {"value": {"amount": "150000.00"}, "value_type": "currency"},
    }


def test_an_owner_is_matched_by_the_vendor() -> None:
    """An e-mail address is passed on, as no route lists users."""
    change = patch(owner={"email": "ada@example.com"})
    assert updated(change) == {
        "owner_user_id": {"related_record_match": {"email": "ada@example.com"}}
    }
    assert TRANSLATOR.operations.list_users == "unsupported"


def test_trap_2_the_account_is_fixed_at_creation() -> None:
    """An account is needed to create, and is refused on update without a call."""
    assert created(draft())["account_id"] == "acc-1"
    assert ("/account",) in [*REEVO.missing({"name": "x", "stage": "y"})]
    assert "/account" in refusal(errors.Unsupported, account={"id": "acc-2"})
    assert "/vendor_fields/account_id" in refusal(
        errors.Unsupported, vendor_fields={"account_id": "acc-2"}
    )


def test_trap_3_a_create_names_its_stage() -> None:
    """A create needs a name, an account and a stage, or a status that picks the stage."""
    assert [*REEVO.missing({})] == [("/name",), ("/stage", "/status"), ("/account",)]
    assert created(draft(stage=None, status="won"))["stage"] == WON
    required = {name for name, can in REEVO.table(CONTEXT).items() if can.required_on_create}
    assert required == {"name", "stage", "account"}


@pytest.mark.parametrize("key", ["status", "outcome", "closed_at", "stage_last_shifted_at"])
def test_trap_3_what_follows_from_the_stage_is_never_written(key: str) -> None:
    """An attribute that the stage decides cannot be slipped in, whatever the schema says."""
    context = replace(CONTEXT, catalogue=replace(CONTEXT.catalogue, writable=frozenset(
        {(key, "update")}
    )))  # fmt: skip
    write = OpportunityPatch(vendor_fields={key: "x"})
    with pytest.raises(errors.Unsupported):
        admitted(write, context)
    assert "/closed_at" in refusal(errors.Unsupported, closed_at="2026-11-01T00:00:00Z")


def test_trap_3_won_is_a_stage() -> None:
    """A status is written as the one stage that means it."""
    assert updated(patch(status="won"), record(stage=stage(WON))) == {"stage": WON}
    assert updated(patch(status="lost"), record(stage=stage(LOST))) == {"stage": LOST}


def test_trap_4_a_change_of_nothing_makes_no_call() -> None:
    """No PATCH is sent without an attribute; the record is answered as it is."""
    for change in (Change({}), patch(value={"currency": "USD"}), patch(status="open")):
        assert play(REEVOS, REEVOS.update(ID, change, CURRENT), [])[0] is CURRENT
    _, played = play(REEVOS, REEVOS.update(ID, Change({}), None), [ok(WHOLE)])
    assert calls(played) == [("GET", PATH, None)]


def test_trap_5_a_stage_is_named_here_and_sent_as_its_id() -> None:
    """A name means the configured stage, and one that two stages bear is refused."""
    assert updated(patch(stage={"name": "signed"}))["stage"] == WON
    assert "/stage/name" in refusal(errors.UnknownReference, stage={"name": "closed_won"})
    twice = (*OPTIONS.stages, StageOption(id="other", name="Signed"))
    context = with_options(stages=twice)
    write = admitted(OpportunityPatch.model_validate({"stage": {"name": "Signed"}}))
    with pytest.raises(errors.AmbiguousReference):
        resolve(write, REEVO, context, "update", CURRENT)


def test_stages_are_those_that_the_configuration_knows() -> None:
    """The stages of the option and of stage_status make one pipeline without an id."""
    (pipeline,) = CONTEXT.catalogue.pipelines or ()
    assert pipeline.id is None
    assert [(each.id, each.name, each.status, each.order) for each in pipeline.stages] == [
        (QUALIFIED, "Qualified", "open", 0),
        (CONTRACT, "Contract", "open", 1),
        (WON, "Signed", "won", 2),
        (LIMBO, "Limbo", None, 3),
        (LOST, None, "lost", 4),
    ]
    bare = informed(replace(UNINFORMED, options=ReevoOptions(), stage_status={}))
    assert bare.catalogue.pipelines is None
    assert bare.catalogue.users is None


@pytest.mark.parametrize(
    ("told", "outcome", "status"),
    [(WON, None, "won"), (WON, "GONE", "won"), (LIMBO, "GONE", "lost"), (LIMBO, "NEW", None)],
)
def test_a_status_is_the_stages_else_the_outcomes(
    told: str, outcome: str | None, status: str | None
) -> None:
    """The stage's status goes before what the option outcome_status makes of the outcome."""
    context = with_options(outcome_status={"GONE": "lost"})
    read = REEVO.read(record(stage=stage(told), outcome=envelope(outcome, "enum")), context)
    assert read.status == status


@pytest.mark.parametrize(
    ("scale", "text", "probability"),
    [
        (None, "62.5", None),
        ("percent", "62.5", Decimal("62.5")),
        ("fraction", "0.625", Decimal("62.5")),
        ("fraction", "1", Decimal(100)),
        ("percent", "33.333333333333333333", Decimal("33.333333333333333333")),
        ("percent", "likely", None),
        ("percent", None, None),
    ],
)
def test_trap_6_a_closing_probability_has_no_scale_of_its_own(
    scale: str | None, text: str | None, probability: Decimal | None
) -> None:
    """The text is read exactly in the scale that the option names, and not at all without."""
    context = with_options(closing_probability_scale=scale)
    read = REEVO.read(record(stage=stage(CONTRACT, closing_probability=text)), context)
    assert read.stage is not None
    assert read.stage.probability == probability
    assert read.probability is None


def test_trap_6_an_opportunity_has_no_probability() -> None:
    """A probability is refused, and so are a description and a pipeline."""
    asked = refusal(errors.Unsupported, probability=5, description="x", pipeline={"id": "p"})
    assert asked.keys() == {"/probability", "/description", "/pipeline"}


def test_trap_7_an_array_is_replaced_whole() -> None:
    """What is added or removed is merged with what the record holds, and sent as one list."""
    assert updated(patch(custom_fields_add={"regions": ["South", "North"]})) == {
        "regions": ["North", "Coast", "South"]
    }
    assert updated(patch(custom_fields_remove={"regions": ["North"]})) == {"regions": ["Coast"]}
    assert updated(patch(custom_fields={"regions": ["East"]})) == {"regions": ["East"]}


@pytest.mark.parametrize("member", ["custom_fields", "custom_fields_add", "custom_fields_remove"])
def test_a_refusal_points_at_the_map_that_the_value_came_by(member: str) -> None:
    """The vendor names its attribute, and the caller sent it in one of three maps."""
    change = patch(**{member: {"regions": ["South"]}})
    said = {"code": "field_value_invalid", "message": "No such choice", "field": "regions"}
    with pytest.raises(errors.VendorRefused) as refused:
        play(REEVOS, REEVOS.update(ID, change, CURRENT), [ok(said, 422)])
    assert [fault.pointer for fault in refused.value.faults] == [f"/{member}/regions"]


def test_trap_7_an_array_is_never_merged_with_nothing() -> None:
    """Where the record was not read before, it is read first."""
    change = patch(custom_fields_add={"regions": ["South"]})
    _, played = play(REEVOS, REEVOS.update(ID, change, None), [ok(WHOLE), ok(WHOLE)])
    assert calls(played) == [
        ("GET", PATH, None),
        ("PATCH", PATH, {"attributes": {"regions": ["North", "Coast", "South"]}}),
    ]


def test_trap_7_an_array_comes_as_envelopes() -> None:
    """A list of envelopes is read, an empty one is as empty as null, and a list is what is sent."""
    read = REEVO.read(record(regions=[]), CONTEXT)
    assert "regions" not in read.custom_fields
    assert "regions" not in read.vendor_fields
    who = {"participant_user_id_list": ["usr-1", "usr-2"]}
    assert updated(patch(vendor_fields=who)) == who
    assert "/vendor_fields/participant_user_id_list" in refusal(
        errors.ValidationFailed, vendor_fields={"participant_user_id_list": "usr-1"}
    )


def test_trap_8_an_unknown_attribute_is_kept_and_never_sent() -> None:
    """An attribute of an unknown kind stays in vendor_fields, and writing one is refused."""
    odd = {"value": [{"deep": 1}], "value_type": "constellation", "hint": "new"}
    read = REEVO.read(record(star_chart=odd, plain_text="bare", nothing=None), CONTEXT)
    kept = {key: read.vendor_fields[key] for key in ("star_chart", "plain_text", "nothing")}
    assert kept == {"star_chart": odd, "plain_text": "bare", "nothing": None}
    assert read.warnings == ()
    assert "/vendor_fields/star_chart" in refusal(
        errors.Unsupported, vendor_fields={"star_chart": 1}
    )


@pytest.mark.parametrize("empty", [envelope(None), {"value_type": "string"}, None, "absent"])
def test_an_empty_attribute_may_look_three_ways(empty: Any) -> None:
    """A null value, a null attribute and no attribute are the same nothing."""
    attributes = {"id": RECORD["attributes"]["id"]}
    if empty != "absent":
        attributes |= dict.fromkeys(RECORD["attributes"].keys() - {"id"}, empty)
    read = REEVO.read({"id": ID, "attributes": attributes}, CONTEXT)
    assert read.warnings == ()
    assert read.model_dump(exclude={"raw", "etag", "vendor_fields"}, exclude_defaults=True) == {
        "id": f"acme-reevo.{ID}",
        "connection": "acme-reevo",
        "vendor": "reevo",
        "vendor_id": ID,
    }


def test_trap_9_times_stand_in_two_places() -> None:
    """Id and times are read at the top or among the attributes, and either way make one etag."""
    bare = {"attributes": RECORD["attributes"], "record_type": "opportunity"}
    read = REEVO.read(bare, CONTEXT)
    assert (read.vendor_id, read.created_at, read.updated_at, read.etag) == (
        ID, "2026-08-03T09:12:44.5Z", "2026-11-02T17:30:05Z", CURRENT.etag,
    )  # fmt: skip
    only_top = {"id": ID, "created_at": "2026-01-02T03:04:05Z", "attributes": {}}
    assert REEVO.read(only_top, CONTEXT).created_at == "2026-01-02T03:04:05Z"


def test_the_etag_ignores_what_changes_by_itself() -> None:
    """Activity times and the forecast do not make another version; the update time does."""
    busy = record(
        last_voice_call=envelope("2026-11-20T00:00:00Z"), forecast_weighted_amount=money("1")
    )
    assert REEVO.etag(busy) == CURRENT.etag
    assert REEVO.etag(record(updated_at=envelope("2026-11-20T00:00:00Z"))) != CURRENT.etag


def test_trap_10_listing_is_a_read_by_post() -> None:
    """A query is a read, a create of the same method is a write."""
    page, bodies = listed(answer={"data": [RECORD], "next_cursor": None})
    assert bodies == [{"limit": 50}]
    assert page == Page(items=(CURRENT,))
    assert created(draft())


def test_filters_and_sorts_are_spelled_as_the_schema_allows() -> None:
    """Every filter is a condition of the schema's own, and a sort one field with a direction."""
    _, bodies = listed(
        filters={
            "stage_id": WON, "owner_id": "u", "account_id": "a", "external_id": "PO",
            "updated_after": "2026-06-01T00:00:00Z", "created_before": "2026-07-01T00:00:00Z",
        },
        sort="value.amount", descending=True, page_size=100,
    )  # fmt: skip
    assert bodies == [
        {
            "filters": [
                {"field": "stage", "operator": "eq", "value": WON},
                {"field": "owner_user_id", "operator": "eq", "value": "u"},
                {"field": "account_id", "operator": "eq", "value": "a"},
                {"field": "erp_number", "operator": "eq", "value": "PO"},
                {"field": "updated_at", "operator": "gte", "value": "2026-06-01T00:00:00Z"},
                {"field": "created_at", "operator": "lte", "value": "2026-07-01T00:00:00Z"},
            ],
            "sort": [{"field": "amount", "direction": "desc"}],
            "limit": 100,
        }
    ]


def test_a_listing_offers_what_the_schema_allows() -> None:
    """A connection's filters and sorts are those whose attribute and operator the schema names."""
    lists = TRANSLATOR.lists(CONTEXT)
    native = "stage_id owner_id account_id updated_after created_after created_before external_id"
    assert lists.filters == {"status": "emulated", **dict.fromkeys(native.split(), "native")}
    assert lists.sorts == dict.fromkeys(
        ("created_at", "updated_at", "value.amount", "name"), "native"
    )
    assert set(TRANSLATOR.lists().filters.values()) == {"undocumented", "emulated"}
    assert TRANSLATOR.lists(UNINFORMED).filters["updated_before"] == "undocumented"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"filters": {"updated_before": "2026-06-01T00:00:00Z"}}, "updated_before"),
        ({"filters": {"pipeline_id": "p"}}, "pipeline_id"),
        ({"filters": {"q": "grid"}}, "q"),
        ({"sort": "expected_close_date"}, "sort"),
    ],
)
def test_what_the_schema_does_not_filter_by_is_refused(
    query: dict[str, Any], parameter: str
) -> None:
    """A filter or a sort that the schema does not name is refused without a call."""
    with pytest.raises(errors.UnsupportedFilter) as raised:
        listed(**query)
    (fault,) = raised.value.faults
    assert fault.parameter == parameter
    assert "the connection acme-reevo" in fault.detail


@pytest.mark.parametrize(
    "body",
    [
        {"code": "invalid_filter_value", "message": "Not a UUID", "field": "stage"},
        {"error": {"code": "target_record_not_found", "field": "owner_user_id"}},
        {"code": "record_not_found", "message": "No such record"},
        {"detail": [{"type": "uuid_parsing", "loc": ["body", "filters", 0, "value"], "msg": "No"}]},
    ],
)
def test_an_id_that_the_vendor_refuses_has_no_records(body: Any) -> None:
    """A list by an id that cannot be, or is nobody's, is an empty one."""
    query = Query(filters={"stage_id": "nonsense", "owner_id": "nobody", "account_id": "none"})
    page, _ = play(REEVOS, REEVOS.list(query), [ok(body, 422)])
    assert page == Page(items=())


@pytest.mark.parametrize(
    ("filters", "body"),
    [
        ({"created_after": "2026-06-01T00:00:00Z"}, {"code": "invalid_filter_value"}),
        (
            {"stage_id": CONTRACT, "created_after": "2026-06-01T00:00:00Z"},
            {"code": "invalid_filter_value", "field": "created_at"},
        ),
        ({"stage_id": CONTRACT}, {"code": "invalid_filter_operator", "field": "stage"}),
    ],
)
def test_a_query_refused_for_anything_else_is_no_empty_list(
    filters: dict[str, str], body: Any
) -> None:
    """What is not about an id stays a refusal."""
    with pytest.raises(errors.VendorRefused):
        play(REEVOS, REEVOS.list(Query(filters=filters)), [ok(body, 422)])


def test_a_vendor_that_breaks_down_over_an_id_is_no_empty_list() -> None:
    """The status counts before the code."""
    query = Query(filters={"stage_id": CONTRACT})
    with pytest.raises(errors.VendorFaulted):
        play(REEVOS, REEVOS.list(query), [ok({"code": "invalid_filter_value"}, 500)])


def test_a_status_is_filtered_by_its_stages() -> None:
    """A status is asked for as any of its stages, or of the outcomes that mean it."""
    asked = {"field": "stage", "operator": "in", "value": [QUALIFIED, CONTRACT]}
    assert listed(filters={"status": "open"})[1] == [{"filters": [asked], "limit": 50}]
    context = with_options(outcome_status={"GONE": "lost"})
    groups = [
        {"field": "stage", "operator": "in", "value": [LOST]},
        {"field": "outcome", "operator": "in", "value": ["GONE"]},
    ]
    _, bodies = listed(context, filters={"status": "lost"})
    assert bodies == [{"filters": [{"or": groups}], "limit": 50}]


def test_a_status_of_no_stage_costs_no_call() -> None:
    """A status that nothing at the vendor means has no records; unknown statuses are refused."""
    assert listed(answer="none", filters={"status": "on_hold"}) == (Page(items=()), [])
    bare = informed(replace(UNINFORMED, options=ReevoOptions(), stage_status={}))
    with pytest.raises(errors.UnsupportedFilter):
        listed(bare, filters={"status": "won"})


def test_a_status_that_the_stage_tells_otherwise_is_left_out() -> None:
    """A record that its outcome let through is dropped where its stage means another status."""
    context = with_options(outcome_status={"GONE": "lost"})
    found = [
        record(stage=stage(WON), outcome=envelope("GONE", "enum")),
        record(stage=stage(LIMBO), outcome=envelope("GONE", "enum")),
    ]
    page, _ = listed(context, {"data": found}, filters={"status": "lost"})
    assert [item.stage.id for item in page.items if item.stage] == [LIMBO]


@pytest.mark.parametrize("paging", [{"next_cursor": "c2"}, {"meta": {"next_cursor": "c2"}}])
def test_trap_11_a_next_page_sends_the_cursor_alone(paging: dict[str, Any]) -> None:
    """A cursor is found in both places, and goes without the filters that it holds."""
    first, _ = listed(answer={"data": [RECORD], **paging}, filters={"stage_id": CONTRACT})
    assert first.next == "c2"
    last, bodies = listed(filters={"stage_id": CONTRACT}, position=first.next, page_size=20)
    assert bodies == [{"cursor": "c2", "limit": 20}]
    assert last.next is None


def test_trap_11_a_dead_cursor_means_to_start_over() -> None:
    """A cursor that the vendor no longer takes is the caller's dead one, on a later page only."""
    dead = VendorResponse(status=422, json={"code": "invalid_cursor", "message": "Expired."})
    for position, kind in (("c9", errors.InvalidCursor), (None, errors.VendorRefused)):
        query = Query(filters={}, position=position)
        with pytest.raises(kind):
            play(REEVOS, REEVOS.list(query), [dead])


def test_trap_12_delete_archives() -> None:
    """DELETE is answered with nothing, and a record with an archiving time reads as archived."""
    _, played = play(REEVOS, REEVOS.delete(ID), [VendorResponse(status=204)])
    assert calls(played) == [("DELETE", PATH, None)]
    assert TRANSLATOR.delete == "archives"
    gone = REEVO.read(record(archived_at=envelope("2026-11-20T10:00:00Z")), CONTEXT)
    assert (gone.archived, gone.archived_at) == (True, "2026-11-20T10:00:00Z")


def test_trap_12_archived_records_are_left_out_of_lists() -> None:
    """A list drops archived records unless it is asked for them."""
    answer = {"data": [record(archived_at=envelope("2026-11-20T10:00:00Z")), RECORD]}
    assert [item.archived for item in listed(answer=answer)[0].items] == [False]
    assert len(listed(answer=answer, include_archived=True)[0].items) == 2


def test_trap_13_and_14_host_and_key_are_those_of_v2() -> None:
    """The guide's host is called, with a bearer token."""
    assert TRANSLATOR.base_url == "https://api.reevo.ai/api/v2"
    assert TRANSLATOR.auth == {"api_key": Bearer()}


def test_trap_14_a_missing_key_may_be_a_422() -> None:
    """A validation fault about a header is about the credentials, not about the opportunity."""
    missing = {"type": "missing", "loc": ["header", "authorization"], "msg": "Field required"}
    assert isinstance(fails(422, {"detail": [missing]}), errors.VendorUnauthorized)
    known = fails(
        401,
        {"error_response_type": "GENERIC", "error": "UnauthorizedError", "message": "Bad key"},
    )
    assert isinstance(known, errors.VendorUnauthorized)
    assert known.reply == errors.VendorReply(
        status=401, code="UnauthorizedError", message="Bad key"
    )


def test_trap_15_an_id_is_one_segment_of_a_singular_path() -> None:
    """Odd characters of an id are escaped."""
    _, played = play(REEVOS, REEVOS.get("a/b c"), [ok(WHOLE)])
    assert played[0].path == "opportunity/a%2Fb%20c"


def test_trap_16_null_clears() -> None:
    """Null is sent for what can be cleared, and an empty list of contacts is null."""
    cleared = record(
        **dict.fromkeys(("amount", "owner_user_id", "primary_contact_id", "erp_number")),
        anticipated_closing_at=envelope(None), regions=[],
    )  # fmt: skip
    change = patch(
        value=None, owner=None, contacts=[], external_id=None, expected_close_date=None,
        custom_fields={"regions": None},
    )  # fmt: skip
    assert updated(change, cleared) == dict.fromkeys(
        "erp_number amount owner_user_id primary_contact_id anticipated_closing_at regions".split()
    )


def test_trap_16_what_is_required_is_not_cleared() -> None:
    """A name and a stage cannot be emptied."""
    assert refusal(errors.Unsupported, name=None, stage=None).keys() == {"/name", "/stage"}


def test_trap_16_a_clear_that_was_not_taken_is_told() -> None:
    """What null may clear is on no page, so an answer that still has a value is told."""
    for change, pointer in (
        (patch(owner=None), "/owner"),
        (patch(custom_fields={"fee": None}), "/custom_fields/fee"),
        (patch(external_id=None), "/external_id"),
        (patch(vendor_fields={"next_step_details": None}), "/vendor_fields/next_step_details"),
    ):
        with pytest.raises(errors.VendorNotTaken) as raised:
            updated(change)
        assert raised.value.opportunity_id == CURRENT.id
        assert [fault.pointer for fault in raised.value.faults] == [pointer]


def test_trap_17_a_close_date_is_a_time() -> None:
    """A day is sent as its last second in the connection's zone, and comes back as that day."""
    answer = record(anticipated_closing_at=envelope("2027-03-15T03:59:59Z"))
    sent = updated(patch(expected_close_date="2027-03-14"), answer)
    assert sent == {"anticipated_closing_at": "2027-03-15T03:59:59Z"}
    assert REEVO.read(answer, CONTEXT).expected_close_date == "2027-03-14"
    with pytest.raises(errors.VendorNotTaken):
        updated(patch(expected_close_date="2027-03-14"), record())


@pytest.mark.parametrize("amount", ["0.10", "-3.5", "9007199254740993.01", "0.000000001"])
def test_trap_18_money_keeps_every_digit(amount: str) -> None:
    """An amount is a text both ways, and one that the vendor rounded is told."""
    sent = updated(patch(value={"amount": amount}), record(amount=money(amount)))
    assert sent == {"amount": money(amount)}
    read = REEVO.read(record(amount=money(amount)), CONTEXT).value
    assert read is not None
    assert Decimal(read.amount or "") == Decimal(amount)
    with pytest.raises(errors.VendorNotTaken):
        updated(patch(value={"amount": amount}), record(amount=money("0")))


def test_trap_18_an_amount_has_no_currency() -> None:
    """The connection's currency is the only one, and there is one period."""
    assert refusal(errors.NotRepresentable, value={"amount": "1", "currency": "EUR"}).keys() == {
        "/value/currency"
    }
    assert refusal(errors.NotRepresentable, value={"amount": "1", "period": "monthly"})


def test_custom_fields_are_written_by_their_type() -> None:
    """Money goes out as the amount does, the rest raw; a read-only or unknown one is refused."""
    answer = record(rollout_fee=money("7.10"))
    change = patch(custom_fields={"fee": "7.1", "sponsor": "usr-9", "regions": ["East"]})
    assert updated(change, answer) == {
        "rollout_fee": money("7.1"), "sponsor": "usr-9", "regions": ["East"],
    }  # fmt: skip
    assert "/custom_fields/mood" in refusal(errors.Unsupported, custom_fields={"mood": 1})
    assert "/custom_fields/aura" in refusal(errors.UnknownCustomField, custom_fields={"aura": 1})
    assert "/custom_fields/erp_number" in refusal(
        errors.Unsupported, custom_fields={"erp_number": "x"}
    )


def test_custom_field_definitions_come_from_the_schema() -> None:
    """Custom attributes are defined with their type, number of values, and rights."""
    found = {
        field.key: (field.vendor_key, field.label, field.type, field.multiple, field.writable)
        for field in CONTEXT.catalogue.custom_fields or ()
    }
    assert found == {
        "erp_number": ("erp_number", "Erp Number", "text", False, True),
        "gateway_mark": ("gateway_mark", "Gateway Mark", "text", False, True),
        "fee": ("rollout_fee", "Rollout Fee", "money", False, True),
        "regions": ("regions", "Regions", "choice", True, True),
        "sponsor": ("sponsor", "Sponsor", "other", False, True),
        "meters": ("meters", "Meters", "number", False, True),
        "mood": ("mood", "Mood", "other", False, False),
    }


def test_the_schema_decides_what_can_be_written() -> None:
    """A connection's cells are what the schema says, where no page says it."""
    told = REEVO.table(CONTEXT)
    assert {(told[name].create, told[name].update, told[name].clear) for name in told} >= {
        ("native", "native", "undocumented"),
    }
    cells = {name: (told[name].create, told[name].update) for name in told}
    assert cells["contacts"] == ("unsupported", "native")
    assert cells["lost_reason"] == ("native", "native")
    assert cells["won_reason"] == ("unsupported", "unsupported")
    assert told["won_reason"].clear == "unsupported"
    assert cells["status"] == ("emulated", "emulated")
    assert cells["external_id"] == ("native", "native")
    assert REEVO.can("won_reason").update == "undocumented"
    assert REEVO.can("contacts", UNINFORMED).create == "undocumented"


def test_the_schema_decides_which_of_its_own_fields_can_be_written() -> None:
    """A field of the schema that no canonical field maps is a vendor field, as far as it says."""
    told = TRANSLATOR.capabilities(CONTEXT).vendor_fields
    cells = {name: (can.create, can.update) for name, can in told.items()}
    assert cells["next_step_details"] == ("native", "native")
    assert cells["next_meeting_date"] == ("unsupported", "unsupported")
    assert cells["forecast_note"] == ("unsupported", "native")
    assert cells.keys().isdisjoint({"amount", "stage", "status", "rollout_fee", "id"})
    assert updated(patch(vendor_fields={"forecast_note": "x"})) == {"forecast_note": "x"}
    asked = {"next_meeting_date": "2026-12-01T00:00:00Z", "rollout_fee": 1}
    assert len(refusal(errors.Unsupported, vendor_fields=asked)) == 2


def test_a_field_that_only_the_schema_can_know_waits_for_it() -> None:
    """Before the schema was read, an unknown vendor field passes; a canonical one does not."""
    unknown = OpportunityPatch(vendor_fields={"forecast_note": "x"})
    assert admitted(unknown, UNINFORMED).fields == {"vendor_fields": {"forecast_note": "x"}}
    with pytest.raises(errors.Unsupported):
        admitted(OpportunityPatch(vendor_fields={"amount": 1}), UNINFORMED)
    assert {"read", "*"} <= TRANSLATOR.catalogue_first


def test_lenient_handling_leaves_out_what_the_schema_refuses() -> None:
    """A field that the schema does not let be written is left out with a warning."""
    write = OpportunityPatch(won_reason="x", vendor_fields={"next_meeting_date": "y"})
    left = admitted(write, lenient=True)
    assert left.fields == {}
    assert [warning.pointer for warning in left.warnings] == [
        "/won_reason", "/vendor_fields/next_meeting_date",
    ]  # fmt: skip


def test_a_custom_field_of_creates_only_is_refused_before_the_call() -> None:
    """What the schema lets a create set and no update change is refused on update."""
    assert created(draft(custom_fields={"meters": 3}))["meters"] == 3
    assert refusal(errors.Unsupported, custom_fields={"meters": 3}).keys() == {
        "/custom_fields/meters"
    }


def test_a_custom_field_that_the_workspace_requires_is_missed_before_the_call() -> None:
    """A create names every custom field that the schema requires."""
    needy = {**SCHEMA, "attributes": [
        *SCHEMA["attributes"],  # type: ignore[misc]
        attribute("tier", "string", is_custom=True, is_required_on_create=True),
    ]}  # fmt: skip
    with pytest.raises(errors.ValidationFailed) as raised:
        next(ReevoTranslator(informed(schema=needy)).create(draft()))
    assert [fault.pointer for fault in raised.value.faults] == ["/custom_fields/tier"]


def test_a_dry_run_shows_the_create_and_ends() -> None:
    """The answer of the last write is asked for nothing that is not known yet."""
    dialogue = REEVOS.create(draft())
    assert next(dialogue).json == {
        "attributes": {"display_name": "Tidewater", "stage": QUALIFIED, "account_id": "acc-1"}
    }
    with pytest.raises((NotYetKnown, *MISSHAPEN)):
        dialogue.send(ok(Later("create"), 201))


def test_check_is_an_authenticated_read() -> None:
    """Health needs no key, so the schema is read."""
    _, played = play(REEVOS, REEVOS.check(), [ok(SCHEMA)])
    assert [(call.effect, call.path) for call in played] == [("read", "_schema/opportunity")]


def found(context: Context, pages: list[Any]) -> tuple[Opportunity | None, list[Any]]:
    """What the search for a marked record finds, and the queries that it makes."""
    translator = ReevoTranslator(context)
    replies = [ok(page) for page in pages]
    hit, played = play(translator, translator.find("uog-ABC", draft()), replies)
    assert {call.effect for call in played} <= {"read"}
    return hit, [call.json for call in played]


MARKED = record(gateway_mark=envelope("uog-ABC"))
OLDEST = [{"field": "created_at", "direction": "asc"}]


def test_a_marked_record_is_found_by_its_marker() -> None:
    """The marker is queried for where the schema lets it be, and compared in the answer."""
    asked = [{"field": "gateway_mark", "operator": "eq", "value": "uog-ABC"}]
    hit, bodies = found(CONTEXT, [{"data": [RECORD, MARKED]}])
    assert hit == REEVO.read(MARKED, CONTEXT)
    assert bodies == [{"filters": asked, "sort": OLDEST, "limit": 100}]
    assert found(CONTEXT, [{"data": [RECORD]}])[0] is None


def test_a_marker_that_cannot_be_queried_is_looked_for_in_the_account() -> None:
    """Records of the same name and account are paged through, and their markers compared."""
    table = CONTEXT.catalogue.filterable or frozenset()
    catalogue = replace(CONTEXT.catalogue, filterable=table - {("gateway_mark", "eq")})
    pages = [{"data": [RECORD], "next_cursor": "c2"}, {"data": [MARKED]}]
    hit, bodies = found(replace(CONTEXT, catalogue=catalogue), pages)
    asked = [
        {"field": "display_name", "operator": "eq", "value": "Tidewater"},
        {"field": "account_id", "operator": "eq", "value": "acc-1"},
    ]
    assert bodies == [
        {"filters": asked, "sort": OLDEST, "limit": 100},
        {"cursor": "c2", "limit": 100},
    ]
    assert hit is not None


def test_without_a_way_to_search_nothing_is_found() -> None:
    """Without a marker field nothing is asked; with nothing to filter by, it is said so."""
    assert found(with_options(marker_field=None), []) == (None, [])
    blind = replace(CONTEXT, catalogue=replace(CONTEXT.catalogue, filterable=frozenset()))
    with pytest.raises(errors.OperationUnsupported):
        found(blind, [])


def test_of_records_with_one_mark_the_oldest_is_told() -> None:
    """Every page is looked through, so that a create that took effect twice is found out."""
    twin = record(id="opp-0", gateway_mark=envelope("uog-ABC"),
                  created_at=envelope("2020-01-01T00:00:00Z"))  # fmt: skip
    hit, bodies = found(CONTEXT, [{"data": [MARKED], "next_cursor": "c2"}, {"data": [twin]}])
    assert hit is not None
    assert hit.vendor_id == "opp-0"
    assert [warning.code for warning in hit.warnings] == ["duplicate-detected"]
    assert len(bodies) == 2


SENTENCE = "seats cannot be coerced"
SHAPES = [
    {"code": "field_value_invalid", "message": SENTENCE, "field": "amount"},
    {"error": {"code": "field_value_invalid", "message": SENTENCE, "field": "amount"}},
    {"error": "field_value_invalid", "message": SENTENCE, "details": {"field": "amount"}},
    {"errors": [{"code": "field_value_invalid", "detail": SENTENCE, "attribute": "amount"}]},
    {"detail": [{"type": "field_value_invalid", "loc": ["body", "attributes", "amount", "value"],
                 "msg": SENTENCE, "input": "x"}]},
]  # fmt: skip


@pytest.mark.parametrize("body", SHAPES)
def test_an_error_is_read_in_every_shape(body: Any) -> None:
    """The code, the text and the attribute are found wherever they stand."""
    error = fails(422, body)
    assert type(error) is errors.VendorRefused
    assert error.reply == errors.VendorReply(
        status=422, code="field_value_invalid", message=SENTENCE
    )
    assert [(fault.pointer, fault.detail) for fault in error.faults] == [("/value", SENTENCE)]


@pytest.mark.parametrize(
    ("key", "pointer"),
    [
        ("stage", "/stage"),
        ("primary_contact_id", "/contacts"),
        ("attributes.rollout_fee", "/custom_fields/fee"),
        ("erp_number", "/external_id"),
        ("no_such_thing", "/vendor_fields/no_such_thing"),
    ],
)
def test_an_error_points_at_what_the_caller_sent(key: str, pointer: str) -> None:
    """A vendor's attribute is told as the canonical, custom or vendor field that it is."""
    error = fails(422, {"code": "field_not_updatable", "message": "No.", "field": key})
    assert [fault.pointer for fault in error.faults] == [pointer]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"code": "record_not_found", "message": "No such id"}, errors.VendorNotFound),
        (404, {"detail": "Not Found"}, errors.VendorNotFound),
        (422, {"detail": [{"type": "uuid_parsing", "loc": ["path", "opportunity_id"],
                           "msg": "Input should be a valid UUID"}]}, errors.VendorNotFound),
        (404, {"code": "record_not_found", "field": "account_id"}, errors.VendorUnknownReference),
        (404, {"code": "target_record_not_found"}, errors.VendorUnknownReference),
        (422, {"code": "ambiguous_match"}, errors.VendorUnknownReference),
        (422, {"code": "stage_entrance_criteria_not_met"}, errors.VendorRefused),
        (403, {"code": "record_not_found"}, errors.VendorForbidden),
        (500, {"code": "record_not_found"}, errors.VendorFaulted),
        (405, {"detail": "Method Not Allowed"}, errors.VendorMisspoke),
        (429, None, errors.VendorThrottled),
        (409, {"detail": []}, errors.VendorConflict),
        (422, ["odd", {"loc": "nowhere", "error": 5, "message": ["?"]}], errors.VendorRefused),
        (503, None, errors.VendorUnavailable),
    ],
)  # fmt: skip
def test_the_status_counts_first_and_a_code_where_it_says_more(
    status: int, body: Any, kind: type[errors.VendorError]
) -> None:
    """A status means what it means at any vendor; among refusals the code tells them apart."""
    assert type(fails(status, body)) is kind


@pytest.mark.parametrize(
    "body", [None, [], {}, {"data": None}, {"data": []}, {"data": {}}, {"error": "broken"}]
)
def test_an_answer_without_a_record_is_unreadable(body: Any) -> None:
    """A success that holds no record is no success."""
    with pytest.raises(MISSHAPEN):
        play(REEVOS, REEVOS.get(ID), [ok(body)])
    with pytest.raises(MISSHAPEN):
        play(REEVOS, REEVOS.create(draft()), [ok(body, 201)])


@pytest.mark.parametrize("body", [None, [], {"data": None}, {"data": {}}, {"error": "broken"}])
def test_an_answer_without_a_list_is_unreadable(body: Any) -> None:
    """A query and a schema that hold no list are broken answers, not empty ones."""
    with pytest.raises(MISSHAPEN):
        play(REEVOS, REEVOS.list(Query(filters={})), [ok(body)])
    with pytest.raises(MISSHAPEN):
        play(REEVOS, REEVOS.catalogue(), [ok(body)])


def test_what_is_written_is_read_back() -> None:
    """A written body, taken for a record, reads as what was written."""
    change = draft(
        value={"amount": "12.30"}, owner={"id": "usr-1"}, expected_close_date="2027-02-28",
        external_id="PO-1", lost_reason="price", stage={"name": "Signed"},
        custom_fields={"fee": "3.10", "regions": ["North"], "meters": 4},
    )  # fmt: skip
    read = REEVO.read({"id": ID, **REEVO.write(change, CONTEXT)}, CONTEXT)
    assert read.model_dump(exclude={"raw", "etag", "vendor_fields"}, exclude_defaults=True) == {
        "id": f"acme-reevo.{ID}",
        "connection": "acme-reevo",
        "vendor": "reevo",
        "vendor_id": ID,
        "external_id": "PO-1",
        "name": "Tidewater",
        "value": {"amount": "12.30", "currency": "USD", "period": "one_time"},
        "status": "won",
        "stage": {"id": WON, "status": "won"},
        "owner": {"id": "usr-1"},
        "account": {"id": "acc-1"},
        "expected_close_date": "2027-02-28",
        "lost_reason": "price",
        "custom_fields": {"fee": "3.10", "regions": ["North"], "meters": 4},
    }


def test_a_catalogue_without_a_schema_rules_nothing() -> None:
    """As long as nobody says otherwise, the declared cells stand."""
    assert REEVO.table(replace(CONTEXT, catalogue=Catalogue())) == REEVO.table()
