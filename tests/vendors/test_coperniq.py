"""Coperniq's translator: documented payloads in, expected requests out (coperniq.md, FD-002)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import json_text
from gateway.canonical.money import Money
from gateway.canonical.opportunity import (
    Change,
    ContactRef,
    Opportunity,
    OwnerRef,
    PipelineRef,
    StageRef,
    ValueDraft,
)
from gateway.canonical.query import Page, Query
from gateway.conformance import Played, play
from gateway.normalizer.admission import Write, admit
from gateway.normalizer.notation import Context, Unreadable
from gateway.translator import Dialogue, VendorRequest, VendorResponse
from gateway.vendors.coperniq import COPERNIQ, TRANSLATOR, CoperniqOptions, CoperniqTranslator

PAYLOADS = Path(__file__).parent / "payloads" / "coperniq"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BORROWED = "Quarry Road ground mount"
"""The title of the record in opportunity.json, for accounts that bear it as well."""


def payload(name: str) -> Any:
    return json_text.read((PAYLOADS / f"{name}.json").read_bytes())


def record(**others: Any) -> dict[str, Any]:
    """A record as the vendor answers it, with some fields otherwise."""
    return {**payload("opportunity"), **others}


def context(
    *,
    lenient: bool = False,
    defaults: Mapping[str, Any] | None = None,
    aliases: Mapping[str, str] | None = None,
    **options: Any,
) -> Context:
    return Context(
        connection="acme",
        vendor="coperniq",
        now=NOW,
        currency="USD",
        lenient=lenient,
        defaults=defaults or {},
        aliases=aliases or {},
        options=CoperniqOptions(**options),
    )


def speak(**terms: Any) -> CoperniqTranslator:
    return CoperniqTranslator(context(**terms))


def seen(raw: Any, **terms: Any) -> Opportunity:
    """A record as it is read."""
    return COPERNIQ.read(raw, context(**terms))


def ok(body: Any, status: int = 200) -> VendorResponse:
    return VendorResponse(status=status, json=body)


def no(status: int, body: Any = None) -> VendorResponse:
    return VendorResponse(status=status, json=body)


NEW = {"createdAt": "2026-11-21T12:00:01Z"}
"""What a record bears that the call has just made."""

DRAFT = Change(
    {
        "name": "Elm Street carport",
        "vendor_fields": {"address": ["4 Elm St, Salem, OR 97301"], "trades": ["Solar"]},
    }
)


def create(
    change: Change, *replies: VendorResponse, **terms: Any
) -> tuple[Opportunity, VendorRequest]:
    """The result of a create whose search finds nothing, and its one write."""
    translator = speak(**terms)
    result, requests = play(translator, translator.create(change), [ok([]), *replies])
    return result, requests[-1]


def update(
    change: Change, *replies: VendorResponse, raw: Any = None, **terms: Any
) -> tuple[Opportunity, Played]:
    """The result of an update of a record read just now, and its requests."""
    translator = speak(**terms)
    current = seen(record() if raw is None else raw, **terms)
    return play(translator, translator.update(current.vendor_id, change, current), replies)


def listed(
    *replies: VendorResponse,
    query: Mapping[str, Any] | None = None,
    filters: Any = None,
    **terms: Any,
) -> tuple[Page, Played]:
    translator = speak(**terms)
    asked = Query(filters=filters or {}, **(query or {}))
    return play(translator, translator.list(asked), replies)


OWN_ACCOUNT = ok({"id": 311, "title": "Quarry Estates"})


def test_a_record_is_read_whole() -> None:
    """Every canonical field comes from the field that the contract says, in its own unit."""
    found = seen(record())
    assert (found.id, found.vendor_id, found.name) == ("acme.5021", "5021", BORROWED)
    assert found.value
    assert found.value.model_dump() == {
        "amount": "48750.50",
        "currency": "USD",
        "period": "one_time",
    }
    assert found.probability == Decimal("62.5")
    assert found.stage
    assert (found.stage.id, found.stage.name) == ("72", "Proposal")
    assert found.pipeline
    assert (found.pipeline.id, found.pipeline.name) == ("17", "Rural Sales")
    assert found.owner
    assert (found.owner.id, found.owner.name) == ("61", "Noor Haddad")
    assert found.account
    assert found.account.id == "311"
    assert [contact.model_dump() for contact in found.contacts] == [
        {"id": None, "name": None, "email": "lena@quarry.example", "phone": "+1-541-555-0117"}
    ]
    assert found.custom_fields == {"roofTypes": ["Metal"], "financed": True, "panelCount": 42}
    assert found.created_at == "2026-03-02T15:04:05.12Z"
    assert (found.status, found.archived, found.warnings) == (None, False, ())


def test_what_no_field_holds_whole_is_kept() -> None:
    """Nothing that the vendor sends is lost: the rest stands in `vendor_fields` as it came."""
    raw = record()
    kept = seen(raw).vendor_fields
    assert kept == {key: raw[key] for key in kept}
    assert {"number", "address", "trades", "size", "geoLocation", "owner", "phase"} <= kept.keys()
    assert kept.keys().isdisjoint({"title", "value", "accountId", "phaseId", "custom", "isActive"})


@pytest.mark.parametrize("name", ["opportunity-new-names", "opportunity-nulls"])
def test_every_field_may_be_null_or_absent(name: str) -> None:
    """Nullability is what FD-002 says, so no field is missed and none draws a warning."""
    assert seen(payload(name)).warnings == ()


def test_a_phase_id_without_its_phase_is_a_stage_without_a_name() -> None:
    """The stage is known by its id alone where the object is null."""
    stage = seen(payload("opportunity-new-names")).stage
    assert stage is not None
    assert (stage.id, stage.name) == ("71", None)


def test_a_number_keeps_its_own_digits() -> None:
    """A double's text is what is shown, with at least the currency's digits and no exponent."""
    texts = {"0.1": "0.10", "1.25e3": "1250.00", "250000": "250000.00", "0.30000000000000004": None}
    for text, shown in texts.items():
        value = seen(record(value=json_text.read(text))).value
        assert value
        assert value.amount == (shown or text)


def test_the_version_is_of_the_record_and_not_of_its_drawing() -> None:
    """An ETag survives a renamed phase, a new avatar, and the change of the creator's shape."""
    before = record()
    owner = {**before["owner"], "avatarUrl": "https://cdn.coperniq.example/a/61.png", "phone": "1"}
    creator = {"createdBy": {"id": 19}, "updatedBy": None}
    newer = {key: before[key] for key in before if key != "createdById"} | creator
    newer |= {"owner": owner, "phase": {**before["phase"], "name": "Offer"}, "lastActivity": None}
    assert seen(newer).etag == seen(before).etag
    assert seen({**newer, "owner": {**owner, "id": 62}}).etag != seen(before).etag
    assert seen({**newer, "updatedAt": "2026-03-08T10:11:13Z"}).etag != seen(before).etag


def test_trap_1_a_create_that_would_match_is_refused_before_the_call() -> None:
    """A record with the very title is found by a search, and named in the refusal."""
    translator = speak()
    found = [record(id=1, title="Elm street carport"), record(id=2, title=DRAFT["name"])]
    with pytest.raises(errors.MatchesExisting) as refused:
        play(translator, translator.create(DRAFT), [ok(found)])
    assert refused.value.opportunity_id == "acme.2"


def test_trap_1_the_search_names_what_the_vendor_matches_by() -> None:
    """The look before the call is for the field that match-or-create goes by."""
    translator = speak(match_by="address")
    _, requests = play(translator, translator.create(DRAFT), [ok([]), ok(record(**NEW))])
    search, post = requests
    assert (search.effect, search.path) == ("read", "opportunities/search")
    assert dict(search.query) == {
        "prop1": "address",
        "op1": "eq",
        "value1": "4 Elm St, Salem, OR 97301",
        "page_size": "100",
        "page": "1",
        "order_by": "asc",
    }
    assert dict(post.query) == {"match_by": "address", "match_found_strategy": "skip"}


def test_trap_1_the_strategy_that_writes_nothing_is_sent_by_name() -> None:
    """Neither a default that changes nor `replace` can overwrite somebody's record."""
    _, post = create(DRAFT, ok(record(**NEW)))
    assert (post.effect, post.method, post.path) == ("write", "POST", "opportunities")
    assert dict(post.query) == {"match_by": "title", "match_found_strategy": "skip"}
    assert post.json == {
        "title": "Elm Street carport",
        "address": ["4 Elm St, Salem, OR 97301"],
        "trades": ["Solar"],
    }


def test_trap_1_an_answer_older_than_the_call_is_a_match() -> None:
    """What the search missed is told by the time at which the record was made."""
    with pytest.raises(errors.MatchesExisting) as refused:
        create(DRAFT, ok(record(createdAt="2026-11-21T11:58:59Z")))
    assert refused.value.opportunity_id == "acme.5021"


def test_trap_1_a_clock_that_is_a_little_behind_makes_no_match() -> None:
    """A new record may bear a time up to a minute before ours."""
    made = (NOW - timedelta(seconds=59)).isoformat()
    result, _ = create(DRAFT, ok(record(createdAt=made)))
    assert result.vendor_id == "5021"


def test_trap_1_an_answer_that_the_search_had_seen_is_a_match() -> None:
    """The vendor may match without case: a record that was there before the call is not new."""
    translator = speak()
    old = record(title="ELM STREET CARPORT", createdAt="2026-11-21T11:59:59Z")
    with pytest.raises(errors.MatchesExisting):
        play(translator, translator.create(DRAFT), [ok([old]), ok(old)])


def test_trap_1_a_title_in_another_case_is_a_match() -> None:
    """What the search does not find is told by the spelling, however young the record is."""
    with pytest.raises(errors.MatchesExisting):
        create(DRAFT, ok(record(title="ELM street carport", **NEW)))


@pytest.mark.parametrize("status", [200, 201])
def test_trap_1_either_success_is_a_success(status: int) -> None:
    """The status of a really new record is not documented, so it decides nothing."""
    assert create(DRAFT, ok(record(**NEW), status))[0].vendor_id == "5021"


def test_trap_1_without_its_time_an_answer_is_judged_by_the_search() -> None:
    """FD-002 lets `createdAt` be null; the search before the call then has to do."""
    assert create(DRAFT, ok(record(createdAt=None)))[0].vendor_id == "5021"


def test_trap_1_nothing_to_match_by_needs_no_search() -> None:
    """A create without an address to match by costs a single call."""
    translator = speak(match_by="primaryEmail")
    _, requests = play(translator, translator.create(DRAFT), [ok(record(**NEW))])
    assert [request.step for request in requests] == ["create"]


MARKED = DRAFT.also(custom_fields={"mark": "uog-ours"})


def test_trap_1_our_own_marker_is_looked_for_first() -> None:
    """A retry finds the record of its first try, and does not take it for somebody else's."""
    translator = speak(marker_field="mark")
    ours = record(title=DRAFT["name"], custom={"mark": "uog-ours"})
    result, requests = play(translator, translator.create(MARKED), [ok([ours])])
    assert result.vendor_id == "5021"
    assert [warning.code for warning in result.warnings] == ["reconstructed"]
    assert [dict(request.query)["prop1"] for request in requests] == ["mark"]


@pytest.mark.parametrize(("mark", "matches"), [("uog-ours", False), ("uog-theirs", True)])
def test_trap_1_a_marker_decides_before_the_clock(mark: str, *, matches: bool) -> None:
    """Of two creates at the same moment, the one whose marker the record lacks made nothing."""
    translator = speak(marker_field="mark")
    made = "2026-11-21T12:00:01Z" if matches else "2020-01-01T00:00:00Z"
    answer = record(custom={"mark": mark}, createdAt=made)
    dialogue = translator.create(MARKED)
    if matches:
        with pytest.raises(errors.MatchesExisting):
            play(translator, dialogue, [ok([]), ok([]), ok(answer)])
    else:
        assert play(translator, dialogue, [ok([]), ok([]), ok(answer)])[0].vendor_id == "5021"


def test_trap_2_an_update_repeats_what_the_vendor_requires() -> None:
    """Title, address and trades go along as they were read, after a look at the account."""
    _, (account, patch) = update(
        Change({"description": "South field."}), OWN_ACCOUNT, ok(record(description="South field."))
    )
    assert (account.method, account.path) == ("GET", "accounts/311")
    assert (patch.method, patch.path, patch.query) == ("PATCH", "opportunities/5021", ())
    assert patch.of_record
    assert patch.json == {
        "title": BORROWED,
        "address": ["48 Quarry Rd, Bend, OR 97701"],
        "trades": ["Solar", "Electrical"],
        "description": "South field.",
    }


@pytest.mark.parametrize("reply", [ok({"title": BORROWED}), no(404)])
def test_trap_2_a_title_that_may_be_the_accounts_is_not_stored(reply: VendorResponse) -> None:
    """Strict handling asks for the name, also where the key may not see the account."""
    with pytest.raises(errors.ValidationFailed) as refused:
        update(Change({"description": "South field."}), reply)
    assert [fault.pointer for fault in refused.value.faults] == ["/name"]
    assert "send name" in refused.value.message


def test_trap_2_lenient_handling_repeats_it_and_says_so() -> None:
    """The title shown becomes the record's own, with a warning."""
    result, (_, patch) = update(
        Change({"description": "South field."}),
        ok({"title": BORROWED}),
        ok(record()),
        lenient=True,
    )
    assert patch.json["title"] == BORROWED
    assert [(w.code, w.pointer) for w in result.warnings] == [("title-repeated", "/name")]


def test_trap_2_a_name_in_the_change_needs_no_look_at_the_account() -> None:
    """Whoever sends a name says whose title it is."""
    _, (patch,) = update(Change({"name": "Barn array"}), ok(record(title="Barn array")))
    assert patch.json["title"] == "Barn array"


def test_trap_2_without_an_account_the_title_is_the_records_own() -> None:
    """There is nobody to borrow a title from."""
    _, (patch,) = update(Change({"description": "x"}), ok(record()), raw=record(accountId=None))
    assert patch.json["title"] == BORROWED


@pytest.mark.parametrize("lenient", [False, True])
def test_trap_2_what_cannot_be_repeated_is_named_all_at_once(*, lenient: bool) -> None:
    """A record without title, address and trades costs no write, whatever the handling."""
    with pytest.raises(errors.ValidationFailed) as refused:
        update(Change({"description": "x"}), raw=payload("opportunity-nulls"), lenient=lenient)
    assert [fault.pointer for fault in refused.value.faults] == [
        "/vendor_fields/address",
        "/vendor_fields/trades",
        "/name",
    ]


def test_trap_2_the_connections_defaults_stand_in_for_nulls() -> None:
    """A null address and null trades come from `defaults`, where the change has none."""
    defaults = {"vendor_fields": {"address": ["PO Box 1"], "trades": ["Solar"]}}
    change = Change({"name": "Barn array", "vendor_fields": {"trades": ["HVAC"]}})
    raw = payload("opportunity-nulls")
    _, (patch,) = update(change, ok(record()), raw=raw, defaults=defaults)
    assert patch.json == {"title": "Barn array", "address": ["PO Box 1"], "trades": ["HVAC"]}


def test_trap_2_the_record_is_read_where_nobody_did() -> None:
    """An update without the record at hand reads it first."""
    translator = speak()
    dialogue = translator.update("5021", Change({"name": "Barn array"}), None)
    _, requests = play(translator, dialogue, [ok(record()), ok(record())])
    assert [request.step for request in requests] == ["get", "update"]


def test_trap_3_a_written_status_is_answered_with_a_warning() -> None:
    """The status cannot be read back, and the answer does not pretend that it was."""
    result, post = create(DRAFT.also(status="won"), ok(record(**NEW)))
    assert post.json["status"] == "COMPLETED"
    assert result.status is None
    assert [(w.code, w.pointer) for w in result.warnings] == [("cannot-be-read-back", "/status")]


def test_trap_3_a_status_that_is_shown_is_read() -> None:
    """An answer that shows it, as the vendor's old library did, needs no warning."""
    assert seen(payload("opportunity-old-names")).status == "won"
    change = Change({"name": "Barn array", "status": "lost"})
    assert update(change, ok(record(status="CANCELLED")))[0].warnings == ()


def test_trap_3_the_map_of_statuses_is_the_connections() -> None:
    """Where several of the vendor's words mean one of ours, the first is written."""
    words = {"ON_HOLD": "open", "ACTIVE": "open", "COMPLETED": "won"}
    _, post = create(DRAFT.also(status="open"), ok(record(**NEW)), status_map=words)
    assert post.json["status"] == "ON_HOLD"
    assert seen(record(status="ACTIVE"), status_map=words).status == "open"
    with pytest.raises(errors.NotRepresentable) as refused:
        admit([("status", "lost")], COPERNIQ, context(status_map=words), "update")
    assert refused.value.faults[0].allowed == ("open", "won")


def test_trap_3_a_word_outside_the_map_is_told() -> None:
    """A status that nobody mapped is null with a warning, and its word is kept."""
    found = seen(record(status="PAUSED"))
    assert (found.status, found.vendor_fields["status"]) == (None, "PAUSED")
    assert [(w.code, w.pointer) for w in found.warnings] == [("unreadable-value", "/status")]


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [("stage", "71", {"phaseId": 71}), ("probability", Decimal(40), {"confidence": 40})],
)
def test_trap_4_what_no_schema_names_is_compared(
    name: str, value: Any, sent: dict[str, Any]
) -> None:
    """An answer that still shows the old value says that the vendor did not take the new one."""
    change = Change({"name": "Barn array", name: value})
    phase = {"id": 71, "name": "Survey", "type": "Planning"}
    taken = record(**sent, **({"phase": phase} if name == "stage" else {}))
    _, (patch,) = update(change, ok(taken))
    assert sent.items() <= patch.json.items()
    with pytest.raises(errors.VendorNotTaken) as told:
        update(change, ok(record()))
    assert (told.value.outcome, told.value.opportunity_id) == ("partial", "acme.5021")


def test_trap_4_a_create_is_compared_too() -> None:
    """A record that was made without its stage is told as partly applied, with its id."""
    with pytest.raises(errors.VendorNotTaken) as told:
        create(DRAFT.also(stage="71"), ok(record(**NEW)))
    assert told.value.opportunity_id == "acme.5021"


@pytest.mark.parametrize(
    "field",
    ["external_id", "name", "value", "probability", "status", "stage", "account", "contacts"],
)
def test_trap_5_a_null_that_is_not_documented_is_refused(field: str) -> None:
    """No 0, no empty text and no null is sent in the hope that it clears."""
    with pytest.raises(errors.Unsupported) as refused:
        admit([(field, None)], COPERNIQ, context(external_id_field="ref"), "update")
    assert refused.value.faults[0].pointer == f"/{field}"


def test_trap_5_a_custom_field_is_not_cleared() -> None:
    """The null of a custom property is documented for other objects alone."""
    with pytest.raises(errors.Unsupported):
        admit([("custom_fields", {"ref": None})], COPERNIQ, context(), "update")


def test_trap_5_the_nulls_of_the_schema_are_sent_and_compared() -> None:
    """`description` and `workflowId` may be null by their type, and nothing else goes along."""
    change = Change({"name": "Barn array", "description": None, "pipeline": None})
    _, (patch,) = update(change, ok(record(description="", workflowId=None)))
    assert patch.json["description"] is None
    assert patch.json["workflowId"] is None
    assert patch.json.keys() == {"title", "address", "trades", "description", "workflowId"}
    with pytest.raises(errors.VendorNotTaken):
        update(change, ok(record(description=None)))


ACCOUNT = Change({"name": "Barn array", "account": "402"})


@pytest.mark.parametrize(
    "said",
    [
        {"message": "Not allowed", "code": "VALIDATION_ERROR", "field": "accountId"},
        {"message": "accountId is only accepted on create"},
    ],
)
def test_trap_6_an_account_that_cannot_change_is_unsupported(said: dict[str, str]) -> None:
    """The 400 of the newer contract is a field that the vendor cannot take."""
    with pytest.raises(errors.Unsupported) as refused:
        update(ACCOUNT, no(400, said))
    assert [(f.code, f.pointer) for f in refused.value.faults] == [
        ("unsupported-field", "/account")
    ]
    assert refused.value.reply
    assert refused.value.reply.status == 400


STAYS = no(400, {"message": "Not allowed", "field": "accountId"})


def test_trap_6_lenient_handling_sends_the_rest_without_the_account() -> None:
    """The refused call applied nothing, so the same change but for the account goes again."""
    change = ACCOUNT.also(description="x")
    result, (first, second) = update(change, STAYS, ok(record()), lenient=True)
    assert first.json == {**second.json, "accountId": 402}
    assert (second.method, second.path) == ("PATCH", "opportunities/5021")
    assert [(each.code, each.pointer) for each in result.warnings] == [
        ("unsupported-field", "/account")
    ]


def test_trap_6_lenient_handling_of_an_account_alone_sends_nothing_again() -> None:
    """The record is answered as it was read, with the warning."""
    only = Change({"account": "402"})
    result, requests = update(only, OWN_ACCOUNT, STAYS, lenient=True)
    assert [request.effect for request in requests] == ["read", "write"]
    assert result.account
    assert result.account.id == "311"
    assert [warning.pointer for warning in result.warnings] == ["/account"]


def test_trap_6_another_400_stays_what_it_is() -> None:
    """A refusal of something else is not laid to the account, be the handling lenient or not."""
    with pytest.raises(errors.VendorRefused) as refused:
        update(ACCOUNT, no(400, {"message": "Too short", "field": "title"}), lenient=True)
    assert [fault.pointer for fault in refused.value.faults] == ["/name"]


def test_trap_6_an_account_is_sent_and_compared() -> None:
    """FD-002 takes it on update, and a vendor that ignores it is found out."""
    result, (patch,) = update(ACCOUNT, ok(record(accountId=402)))
    assert patch.json["accountId"] == 402
    assert result.account
    assert result.account.id == "402"
    with pytest.raises(errors.VendorNotTaken):
        update(ACCOUNT, ok(record()))


@pytest.mark.parametrize("address", ["4 Elm St", [], ["4 Elm St", "Salem"], [97301], None])
def test_trap_7_an_address_is_a_list_of_one_text(address: Any) -> None:
    """Neither a bare text nor parts of an address are sent."""
    with pytest.raises(errors.ValidationFailed):
        admit([("vendor_fields", {"address": address})], COPERNIQ, context(), "create")


def test_trap_8_an_amount_is_a_number_with_its_own_digits() -> None:
    """No binary float and no cents: 15 significant digits go out as they came."""
    for text in ("0.1", "123456789012.345", "9007199254740990", "7500"):
        change = DRAFT.also(value=Money(amount=Decimal(text), period="one_time"))
        _, post = create(change, ok(record(**NEW)))
        assert json_text.write({"value": post.json["value"]}) == f'{{"value":{text}}}'.encode()


def test_trap_8_more_digits_than_a_double_keeps_are_refused() -> None:
    """Beyond 15 significant digits the nearest amounts are named, and nothing is rounded."""
    value = ValueDraft(amount="9007199254740993")
    with pytest.raises(errors.NotRepresentable) as refused:
        admit([("value", value)], COPERNIQ, context(), "create")
    (fault,) = refused.value.faults
    assert fault.pointer == "/value/amount"
    assert fault.allowed == ("9007199254740990", "9007199254741000")


def test_trap_8_an_amount_has_the_connections_currency() -> None:
    """The vendor keeps none, so another one is refused rather than dropped."""
    with pytest.raises(errors.NotRepresentable) as refused:
        admit([("value", ValueDraft(amount="1", currency="EUR"))], COPERNIQ, context(), "update")
    assert refused.value.faults[0].pointer == "/value/currency"


def test_trap_9_a_confidence_is_per_cent() -> None:
    """62.5 is 62.5 %, written as it is read; a place is one text of two numbers."""
    _, post = create(DRAFT.also(probability=Decimal("62.50")), ok(record(**NEW)))
    assert json_text.write(post.json["confidence"]) == b"62.5"
    assert seen(record()).vendor_fields["geoLocation"] == ["44.0582,-121.3153"]


@pytest.mark.parametrize("vendor_id", ["oppo_8H", "", "0", "007", "-1", "1.5", "٣", "1" * 19])
def test_trap_10_an_id_that_is_no_number_is_not_found(vendor_id: str) -> None:
    """The vendor's ids are integers, each with one spelling: for another no call is made."""
    translator = speak()
    dialogues: list[Dialogue[Any]] = [
        translator.get(vendor_id),
        translator.update(vendor_id, Change({"name": "x"}), None),
        translator.delete(vendor_id),
    ]
    for dialogue in dialogues:
        with pytest.raises(errors.OpportunityNotFound):
            play(translator, dialogue, [])


@pytest.mark.parametrize(
    ("field", "reference", "pointer"),
    [
        ("stage", StageRef(id="stat_1"), "/stage"),
        ("pipeline", PipelineRef(id="pipe_1"), "/pipeline"),
        ("contacts", (ContactRef(id="cont_1"),), "/contacts"),
    ],
)
def test_trap_10_a_reference_that_is_no_number_is_unknown(
    field: str, reference: Any, pointer: str
) -> None:
    """It is refused without a call; a name is left for the catalogue to turn into an id."""
    with pytest.raises(errors.UnknownReference) as refused:
        admit([(field, reference)], COPERNIQ, context(), "create")
    assert refused.value.faults[0].pointer == pointer


def test_trap_10_a_name_is_no_id() -> None:
    """Stages and pipelines by name pass to where names are resolved."""
    named = [("stage", StageRef(name="Survey")), ("pipeline", PipelineRef(name="Rural Sales"))]
    assert admit(named, COPERNIQ, context(), "create").fields == dict(named)


def test_trap_10_the_human_number_is_not_the_id() -> None:
    """`number` is another integer, and ids are written as integers in bodies."""
    assert seen(record()).vendor_fields["number"] == 7114
    _, post = create(DRAFT.also(account="311", pipeline="17"), ok(record(**NEW)))
    assert (post.json["accountId"], post.json["workflowId"]) == (311, 17)


def test_trap_11_contacts_are_written_on_create() -> None:
    """One goes by its addresses, others by ids that no answer shows, which is said."""
    refs = (ContactRef(email="lena@quarry.example", phone="+1-541-555-0117"), ContactRef(id="77"))
    result, post = create(DRAFT.also(contacts=refs), ok(record(**NEW)))
    assert post.json["primaryEmail"] == "lena@quarry.example"
    assert post.json["primaryPhone"] == "+1-541-555-0117"
    assert post.json["contacts"] == [77]
    assert [(w.code, w.pointer) for w in result.warnings] == [("cannot-be-read-back", "/contacts")]


def test_trap_11_contacts_and_the_owner_are_not_changed() -> None:
    """Replace or add is not documented for contacts, and no field writes an owner."""
    refs = [("contacts", (ContactRef(id="77"),)), ("owner", OwnerRef(id="61"))]
    with pytest.raises(errors.Unsupported) as refused:
        admit(refs, COPERNIQ, context(), "update")
    assert [fault.pointer for fault in refused.value.faults] == ["/contacts", "/owner"]


def test_trap_12_a_list_always_says_its_order() -> None:
    """The default contradicts itself, and archived records are hidden unless asked for."""
    _, (request,) = listed(ok([record()]))
    assert dict(request.query) == {"page_size": "50", "page": "1", "order_by": "asc"}
    _, (request,) = listed(ok([]), query={"include_archived": True})
    assert dict(request.query)["include_archived"] == "true"


def test_trap_12_a_full_page_has_a_next_one() -> None:
    """Without a total, the last page is the one that is not full."""
    page, _ = listed(ok([record(id=1), record(id=2)]), query={"page_size": 2})
    assert page.next == 2
    page, (request,) = listed(ok([record(id=3)]), query={"page_size": 2, "position": 2})
    assert dict(request.query)["page"] == "2"
    assert page.next is None
    assert [item.vendor_id for item in page.items] == ["3"]


def test_trap_12_an_archived_record_can_be_read() -> None:
    """Get asks for archived records as well: one exists, and `archived` says what it is."""
    translator = speak()
    raw = payload("opportunity-old-names")
    found, (request,) = play(translator, translator.get("88"), [ok(raw)])
    assert (request.path, dict(request.query)) == ("opportunities/88", {"include_archived": "true"})
    assert request.of_record
    assert found.archived


def test_trap_13_two_conditions_are_one_search() -> None:
    """A status that several of the vendor's words mean is one condition with a list."""
    words = {"ACTIVE": "open", "ON_HOLD": "open", "COMPLETED": "won"}
    filters = {"status": "open", "account_id": "311"}
    _, (request,) = listed(ok([]), filters=filters, status_map=words)
    assert request.path == "opportunities/search"
    assert dict(request.query) == {
        "prop1": "status",
        "op1": "in",
        "value1": "ACTIVE,ON_HOLD",
        "prop2": "accountId",
        "op2": "eq",
        "value2": "311",
        "logic": "and",
        "page_size": "50",
        "page": "1",
        "order_by": "asc",
    }


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (("status", "account_id", "external_id"), "external_id"),
        (("account_id", "q"), "q"),
        (("status", "updated_after"), "updated_after"),
        (("external_id", "updated_before"), "updated_before"),
    ],
)
def test_trap_13_more_than_the_search_can_do_is_refused(
    names: tuple[str, ...], refused: str
) -> None:
    """The filter that cannot be combined and the connection are named, before any call."""
    with pytest.raises(errors.UnsupportedFilter) as told:
        listed(filters=dict.fromkeys(names, "311"), external_id_field="crmReference")
    (fault,) = told.value.faults
    assert fault.parameter == refused
    assert "the connection acme" in fault.detail


@pytest.mark.parametrize("filters", [{"account_id": "acct_1"}, {"status": "lost"}])
def test_trap_13_what_can_match_nothing_costs_no_call(filters: dict[str, str]) -> None:
    """An id that the vendor cannot have, and a status without a word, have no records."""
    page, requests = listed(filters=filters, status_map={"ACTIVE": "open"})
    assert (page.items, page.next, requests) == ((), None, [])


def test_trap_13_an_external_id_is_matched_exactly() -> None:
    """The search takes numeric-looking texts for numbers, so its finds are compared."""
    found = [record(id=1, custom={"ref": "7"}), record(id=2, custom={"ref": "07"})]
    page, (request,) = listed(ok(found), filters={"external_id": "07"}, external_id_field="ref")
    assert {"prop1": "ref", "op1": "eq", "value1": "07"}.items() <= dict(request.query).items()
    assert [item.vendor_id for item in page.items] == ["2"]


def test_trap_14_a_list_can_be_narrowed_by_time_in_large_pages() -> None:
    """100 at a time and by the update time; the bounds are included, whatever the vendor does."""
    bounds = {"updated_after": "2026-03-08T10:00:00Z", "updated_before": "2026-03-08T11:00:00.5Z"}
    times = ("09:59:59.5", "10:00:00", "11:00:00.5", "11:00:00.6")
    raw = [record(id=n, updatedAt=f"2026-03-08T{time}Z") for n, time in enumerate(times, start=1)]
    page, (request,) = listed(ok(raw), filters={**bounds, "q": "barn"}, query={"page_size": 100})
    assert request.path == "opportunities"
    assert dict(request.query) == {
        "updated_after": "2026-03-08T09:59:59Z",
        "updated_before": "2026-03-08T11:00:01.5Z",
        "q": "barn",
        "page_size": "100",
        "page": "1",
        "order_by": "asc",
    }
    assert [item.vendor_id for item in page.items] == ["2", "3"]
    assert TRANSLATOR.listing.page_size_max == 100


def test_trap_14_the_ends_of_the_calendar_are_bounds_too() -> None:
    """A bound that cannot be widened is sent as it is."""
    ends = {"updated_after": "0001-01-01T00:00:00Z", "updated_before": "9999-12-31T23:59:59Z"}
    _, (request,) = listed(ok([record()]), filters=ends)
    assert ends.items() <= dict(request.query).items()


def test_trap_15_old_names_are_read() -> None:
    """A client is an account, and its record has the same version under either name."""
    old = payload("opportunity-old-names")
    assert (account := seen(old).account) is not None
    assert account.id == "402"
    assert "clientId" not in seen(old).vendor_fields
    new = {"accountId" if key == "clientId" else key: value for key, value in old.items()}
    assert seen(old).etag == seen(new).etag


def test_trap_15_two_names_at_once_lose_nothing() -> None:
    """Where both stand in a record, the new one counts and the old one is kept."""
    found = seen(record(clientId=5))
    assert found.account
    assert found.account.id == "311"
    assert found.vendor_fields["clientId"] == 5


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, errors.VendorForbidden),
        (409, errors.VendorConflict),
        (422, errors.VendorRefused),
        (418, errors.VendorRefused),
        (503, errors.VendorUnavailable),
        (599, errors.VendorFaulted),
    ],
)
def test_trap_16_an_undocumented_refusal_maps_cleanly(
    status: int, kind: type[errors.VendorError]
) -> None:
    """The status says what it is, with or without a body."""
    for body in (None, {"message": "No"}, ["No"], {"error": {"message": "No"}}):
        assert type(speak().error(no(status, body))) is kind


SECOND_VERSION = {"status": "success", "message": "ok", "data": [{"id": 1}]}


def test_trap_17_the_second_version_is_not_mixed_in() -> None:
    """An envelope around the data is not read as a record, nor as a list."""
    translator = speak()
    with pytest.raises(Unreadable):
        play(translator, translator.get("1"), [ok(SECOND_VERSION)])
    with pytest.raises(Unreadable):
        listed(ok(SECOND_VERSION))
    with pytest.raises(Unreadable):
        listed(ok({}))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"message": "Broken", "code": "INVALID_JSON"}, errors.VendorRefused),
        (401, {"message": "Who?", "code": "NOT_FOUND"}, errors.VendorUnauthorized),
        (401, {"error": "Who?"}, errors.VendorUnauthorized),
        (403, {"message": "Forbidden"}, errors.VendorForbidden),
        (404, {"message": "Gone", "code": "UNAUTHORIZED"}, errors.VendorNotFound),
        (429, {"message": "Slow", "code": "RATE_LIMIT_EXCEEDED"}, errors.VendorThrottled),
        (500, {"message": "Oh", "code": "INTERNAL_SERVER_ERROR"}, errors.VendorFaulted),
        (502, {"message": "Oh", "code": "GRAPHQL_ERROR"}, errors.VendorFaulted),
    ],
)
def test_an_error_is_what_its_status_says(
    status: int, body: dict[str, str], kind: type[errors.VendorError]
) -> None:
    """The enums of codes are not to be trusted; what the vendor says is repeated (7, 7.1, 7.2)."""
    error = speak().error(no(status, body))
    assert type(error) is kind
    assert error.reply is not None
    assert error.reply.code == body.get("code")
    assert error.reply.message == (body.get("message") or body.get("error"))


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("title", "/name"),
        ("value", "/value"),
        ("phaseId", "/stage"),
        ("primaryEmail", "/contacts"),
        ("trades", "/vendor_fields/trades"),
        ("custom.leadSource", "/custom_fields/source"),
        ("custom", "/custom_fields"),
    ],
)
def test_a_refused_field_is_named_in_the_callers_words(field: str, pointer: str) -> None:
    """The field of a 400 becomes a pointer into the body that the caller sent."""
    translator = speak(aliases={"source": "leadSource"})
    error = translator.error(no(400, {"message": "Wrong", "field": field}))
    assert [(f.pointer, f.detail) for f in error.faults] == [(pointer, "Wrong")]


def test_a_field_that_we_never_send_points_nowhere() -> None:
    """A parameter of ours that the vendor refuses is no member of the caller's body."""
    assert speak().error(no(400, {"message": "Wrong", "field": "prop1"})).faults == ()


def test_a_blank_name_is_refused() -> None:
    """The account's title would be read in its place (4), under lenient handling as well."""
    with pytest.raises(errors.ValidationFailed) as refused:
        admit([("name", "  ")], COPERNIQ, context(), "update", lenient=True)
    assert refused.value.faults[0].pointer == "/name"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trades", "Solar"),
        ("trades", [1]),
        ("trades", None),
        ("size", "11"),
        ("size", None),
        ("size", True),
        ("size", Decimal("1.234567890123456")),
    ],
)
def test_a_vendor_field_has_its_type(field: str, value: Any) -> None:
    """What the schema does not take is refused without a call."""
    with pytest.raises(errors.ValidationFailed) as refused:
        admit([("vendor_fields", {field: value})], COPERNIQ, context(), "update")
    assert refused.value.faults[0].pointer == f"/vendor_fields/{field}"


@pytest.mark.parametrize("field", ["title", "primaryEmail", "status", "street", "isActive"])
def test_a_field_of_another_home_is_no_vendor_field(field: str) -> None:
    """What a canonical field maps, or nothing writes, is refused among the vendor's own."""
    with pytest.raises(errors.Unsupported):
        admit([("vendor_fields", {field: "x"})], COPERNIQ, context(), "update")


def test_what_a_create_needs_is_declared() -> None:
    """Name, address and trades; all that is missing is known before a call."""
    assert list(COPERNIQ.missing({"description": "x"})) == [
        ("/name",),
        ("/vendor_fields/address",),
        ("/vendor_fields/trades",),
    ]
    assert list(COPERNIQ.missing(DRAFT)) == []


@pytest.mark.parametrize("action", ["create", "update"])
def test_new_options_are_a_switch_of_the_call(action: Write) -> None:
    """`allow_new_options` stands in the query, not in the body, and is off unless asked for."""
    switch = DRAFT.also(vendor_options={"allow_new_options": True})
    on = (("allow_new_options", "true"),)
    if action == "create":
        assert create(switch, ok(record(**NEW)))[1].query[-1:] == on
        assert create(DRAFT, ok(record(**NEW)))[1].query[-1:] != on
    else:
        assert update(switch, ok(record()))[1][-1].query == on
        assert update(DRAFT, ok(record()))[1][-1].query == ()


CUSTOM = Change({"name": "Barn array", "custom_fields": {"panelCount": 50, "leadSource": "Web"}})


def test_custom_values_go_along_with_the_change_over_them() -> None:
    """Where the object may replace, no value of the record is lost; null ones are left out."""
    _, (patch,) = update(CUSTOM, ok(record()))
    assert patch.json["custom"] == {
        "roofTypes": ["Metal"],
        "financed": True,
        "panelCount": 50,
        "leadSource": "Web",
    }


def test_custom_values_go_alone_where_the_vendor_merges() -> None:
    """With the option `merge` the change is sent and nothing else."""
    _, (patch,) = update(CUSTOM, ok(record()), custom_fields_update="merge")
    assert patch.json["custom"] == {"panelCount": 50, "leadSource": "Web"}


def test_values_are_added_and_removed_by_writing_the_list() -> None:
    """A multi-value field is read, merged and written whole."""
    change = Change(
        {
            "name": "Barn array",
            "custom_fields_add": {"roofTypes": ("Tile", "Metal"), "trims": ("Black",)},
            "custom_fields_remove": {"seen": ("b",)},
        }
    )
    raw = record(custom={"roofTypes": ["Metal"], "seen": ["a", "b"]})
    _, (patch,) = update(change, ok(record()), raw=raw)
    assert patch.json["custom"] == {
        "roofTypes": ["Metal", "Tile"],
        "trims": ["Black"],
        "seen": ["a"],
    }


def test_no_list_is_made_of_another_shape() -> None:
    """How the vendor writes several values is not documented, so none is guessed (8)."""
    change = Change({"name": "Barn array", "custom_fields_add": {"roofTypes": ("Tile",)}})
    with pytest.raises(errors.ValidationFailed) as refused:
        update(change, raw=record(custom={"roofTypes": "Metal"}))
    assert refused.value.faults[0].pointer == "/custom_fields_add/roofTypes"


def test_an_external_id_is_a_custom_value_beside_the_others() -> None:
    """It keeps company with the record's custom values, and is read back from its field."""
    change = Change({"name": "Barn array", "external_id": "A-9"})
    answer = record(custom={"ref": "A-9"})
    result, (patch,) = update(change, ok(answer), external_id_field="ref")
    assert patch.json["custom"]["ref"] == "A-9"
    assert patch.json["custom"]["panelCount"] == 42
    assert (result.external_id, result.custom_fields) == ("A-9", {})


def test_a_change_that_maps_to_nothing_makes_no_call() -> None:
    """A value without an amount has nothing to send: the record is answered as it is."""
    result, requests = update(Change({"value": Money(period="one_time")}))
    assert (result.vendor_id, requests) == ("5021", [])


def test_a_delete_takes_any_answer() -> None:
    """The body of its 200 is not documented."""
    translator = speak()
    for reply in (ok(None), ok(record()), ok({"success": True})):
        _, (request,) = play(translator, translator.delete("5021"), [reply])
        assert (request.effect, request.method) == ("write", "DELETE")
        assert (request.path, request.of_record) == ("opportunities/5021", True)


def test_the_catalogue_is_read() -> None:
    """Phases are stages in their order, and only custom properties are custom fields."""
    translator = speak(aliases={"roof": "roofTypes"})
    replies = [ok(payload(name)) for name in ("workflows", "users", "properties")]
    found, requests = play(translator, translator.catalogue(), replies)
    assert [(r.path, dict(r.query)) for r in requests] == [
        ("workflows", {"page_size": "100", "page": "1", "order_by": "asc"}),
        ("users", {}),
        ("properties", {"record_type": "opportunity"}),
    ]
    assert found.pipelines
    assert [(p.id, p.name) for p in found.pipelines] == [
        ("17", "Rural Sales"),
        ("18", "Empty"),
    ]
    stages = found.pipelines[0].stages
    assert [(s.id, s.name, s.order) for s in stages] == [("71", "Survey", 0), ("72", "Proposal", 1)]
    assert found.users
    assert [(u.id, u.name, u.email) for u in found.users] == [
        ("19", "Mira Voss", "mira@sunfield.example"),
        ("61", "Noor Haddad", "noor@sunfield.example"),
    ]
    fields = found.custom_fields or ()
    assert [(f.key, f.vendor_key, f.type, f.choices, f.multiple) for f in fields] == [
        ("crmReference", "crmReference", "text", None, False),
        ("roof", "roofTypes", "choice", ("Metal", "Tile"), True),
        ("panelCount", "panelCount", "number", None, False),
        ("brand", "brand", "other", None, False),
    ]


@pytest.mark.parametrize("key", ["opportunity", "request", "requests"])
def test_properties_stand_under_old_names_too(key: str) -> None:
    """The vendor's old library shows them under the plural of the old name (5.3)."""
    translator = speak()
    ours = payload("properties")["opportunity"]
    replies = [ok([]), ok([]), ok({"projects": [], key: ours})]
    found, _ = play(translator, translator.catalogue(), replies)
    assert found.custom_fields
    assert len(found.custom_fields) == 4


def test_workflows_are_read_to_the_end() -> None:
    """A full page is followed by another, unless the vendor ignores the page and repeats itself."""
    translator = speak()
    full = [{"id": number, "name": None, "phases": None} for number in range(1, 101)]
    rest = [ok([]), ok({"opportunity": []})]
    found, requests = play(translator, translator.catalogue(), [ok(full), ok([{"id": 101}]), *rest])
    assert [dict(r.query).get("page") for r in requests[:2]] == ["1", "2"]
    assert found.pipelines
    assert len(found.pipelines) == 101
    found, _ = play(translator, translator.catalogue(), [ok(full), ok(full), *rest])
    assert found.pipelines
    assert len(found.pipelines) == 100


def test_a_marked_record_is_found_by_a_search() -> None:
    """The marker is compared exactly, archived records count, and the oldest of several is told."""
    translator = speak(marker_field="mark")
    marks = {3: "uog-x", 2: "UOG-X", 4: "uog-x"}
    rows = [record(id=number, custom={"mark": mark}) for number, mark in marks.items()]
    found, (request,) = play(translator, translator.find("uog-x", DRAFT), [ok(rows)])
    assert request.path == "opportunities/search"
    wanted = {"prop1": "mark", "op1": "eq", "value1": "uog-x", "include_archived": "true"}
    assert wanted.items() <= dict(request.query).items()
    assert found is not None
    assert found.vendor_id == "3"
    assert [warning.code for warning in found.warnings] == ["duplicate-detected"]
    assert play(translator, translator.find("uog-x", DRAFT), [ok(rows[1:2])])[0] is None


def test_without_a_field_for_it_no_marker_is_looked_for() -> None:
    """A connection without `marker_field` cannot tell its own record, and asks nobody."""
    translator = speak()
    assert play(translator, translator.find("uog-x", DRAFT), [])[0] is None


def asked_for(status: str | None, *pages: Any) -> tuple[bool | None, Played]:
    """What a search says of the record's status."""
    translator = speak()
    dialogue = translator.holds(COPERNIQ.read(record(), translator.context), "status", status)
    return play(translator, dialogue, [ok(page) for page in pages])


def test_trap_3_a_status_is_asked_for_within_the_account() -> None:
    """The search knows what no answer shows; archived records count."""
    held, (request,) = asked_for("won", [record(id=7), record()])
    assert held is True
    assert request.path == "opportunities/search"
    wanted = {"prop1": "status", "op1": "eq", "value1": "COMPLETED", "prop2": "accountId",
              "value2": "311", "logic": "and", "include_archived": "true"}  # fmt: skip
    assert wanted.items() <= dict(request.query).items()
    assert asked_for("won", [record(id=7)])[0] is False


def test_trap_14_a_search_for_a_status_has_an_end() -> None:
    """An account with no end of records is not read to its end: then nobody knows."""
    full = [record(id=number) for number in range(10000, 10100)]
    held, requests = asked_for("won", *[full] * 5)
    assert held is None
    assert [dict(request.query)["page"] for request in requests] == ["1", "2", "3", "4", "5"]
    assert asked_for("won", full, [record()])[0] is True


def test_only_a_status_is_asked_for_beside_the_record() -> None:
    """Everything else is shown, or cannot be asked for at all."""
    translator = speak()
    shown = COPERNIQ.read(record(), translator.context)
    for name, value in (("name", "x"), ("status", None)):
        assert play(translator, translator.holds(shown, name, value), []) == (None, [])


def test_the_check_is_a_small_read() -> None:
    """One record is asked for: of the documented reads nothing answers less."""
    translator = speak()
    _, (request,) = play(translator, translator.check(), [ok([])])
    assert (request.effect, request.path) == ("read", "opportunities")
    assert dict(request.query)["page_size"] == "1"


def test_what_is_not_documented_is_declared_so() -> None:
    """The cells that are tried and compared are those that api.md 11 names."""
    tried = {
        (name, cell)
        for name, can in TRANSLATOR.capabilities(context()).fields.items()
        for cell in ("read", "create", "update", "clear")
        if getattr(can, cell) == "undocumented"
    }
    assert tried == {
        ("status", "read"),
        ("stage", "create"),
        ("stage", "update"),
        ("probability", "create"),
        ("probability", "update"),
        ("account", "update"),
        ("description", "clear"),
        ("pipeline", "clear"),
    }


def test_a_connection_lists_by_external_id_where_it_keeps_one() -> None:
    """Without the option there is no field to search."""
    assert "external_id" in TRANSLATOR.lists().filters
    assert "external_id" not in TRANSLATOR.lists(context()).filters
    assert "external_id" in TRANSLATOR.lists(context(external_id_field="ref")).filters


def test_both_limits_are_declared() -> None:
    """100 calls a second, and 5,000 in a rolling day, which are the real budget (2, 12.14)."""
    limits = [(rate.limit, rate.window_seconds) for rate in TRANSLATOR.rate_limits]
    assert limits == [(100, 1), (5000, 86_400)]


@pytest.mark.parametrize(
    "options",
    [
        {"match_by": "name"},
        {"status_map": {}},
        {"status_map": {"WON": "won"}},
        {"strategy": "skip"},
    ],
)
def test_an_option_that_is_none_is_refused(options: dict[str, Any]) -> None:
    """A misspelt option or value is found when the configuration is read."""
    with pytest.raises(ValueError, match="validation error"):
        CoperniqOptions(**options)
