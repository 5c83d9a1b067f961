"""Slant's dialogues: documented payloads in, expected requests out (slant.md, FD-000, FD-001)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway import errors
from gateway.canonical import json_text
from gateway.canonical.opportunity import Change, OpportunityDraft, OpportunityPatch
from gateway.canonical.pipeline import Catalogue, Pipeline, Stage
from gateway.canonical.query import Query
from gateway.conformance import Played, play
from gateway.engine.conduct import MISSHAPEN, Later, NotYetKnown, verdict
from gateway.normalizer.admission import Admitted, admit
from gateway.normalizer.notation import Context, Unreadable
from gateway.normalizer.resolution import resolve
from gateway.translator import VendorResponse
from gateway.vendors.slant import SLANT, TRANSLATOR, SlantOptions, SlantTranslator

PAYLOADS = Path(__file__).parent / "payloads" / "slant"
OTHER = Pipeline(id="pipnew2", stages=(Stage(id="stgfirst"), Stage(id="stgclosed", status="won")))
DRAFT = {"name": "Marlowe rollover", "vendor_fields": {"book_id": "bknorth1"}}
CONTEXT = Context(
    connection="acme-slant",
    vendor="slant",
    now=datetime(2026, 11, 21, 12, tzinfo=UTC),
    currency="USD",
    timezone=ZoneInfo("America/New_York"),
    aliases={"source": "lead_source"},
    stage_status={"stgwon": "won", "stglost": "lost", "stgreview": "open"},
    options=SlantOptions(external_id_field="our_ref", pipelines=("pipnew2",)),
    defaults={"vendor_fields": {"book_id": "bknorth1"}},
    catalogue=Catalogue(pipelines=(OTHER,), custom_fields=None),
)
SLANTED = SlantTranslator(CONTEXT)
MERGING = SlantTranslator(
    replace(
        CONTEXT, options=SlantOptions(external_id_field="our_ref", custom_fields_update="merge")
    )
)


def payload(name: str, **changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = json_text.read((PAYLOADS / f"{name}.json").read_bytes())
    return {**record, **changes}


def ok(body: Any, status: int = 200) -> VendorResponse:
    return VendorResponse(status=status, json=body)


def no(status: int, body: Any = None) -> VendorResponse:
    return VendorResponse(status=status, json=body)


RECORD = payload("opportunity")
CURRENT = SLANT.read(RECORD, CONTEXT)


def admitted(write: OpportunityDraft | OpportunityPatch, **given: Any) -> Admitted:
    action = "create" if isinstance(write, OpportunityDraft) else "update"
    sent = ((name, value) for name, value in write.sent() if name != "connection")
    return admit(sent, SLANT, CONTEXT, action, **given)  # type: ignore[arg-type]


def draft(**members: Any) -> Change:
    """A create's members as they reach the translator."""
    body = {"connection": "acme-slant", **DRAFT, **members}
    write = OpportunityDraft.model_validate(body)
    return resolve(admitted(write), SLANT, CONTEXT, "create")


def patch(**members: Any) -> Change:
    """An update's members as they reach the translator."""
    write = OpportunityPatch.model_validate(members)
    return resolve(admitted(write), SLANT, CONTEXT, "update", CURRENT)


def refusal(kind: type[errors.GatewayError], **members: Any) -> dict[str | None, errors.Fault]:
    """The faults of an update that is refused before a dialogue opens, by pointer."""
    with pytest.raises(kind) as raised:
        patch(**members)
    return {fault.pointer: fault for fault in raised.value.faults}


def calls(played: Played) -> list[tuple[str, str, Any]]:
    return [(request.method, request.path, request.json) for request in played]


def updated(change: Change, translator: SlantTranslator = SLANTED) -> Any:
    """The body that an update sends."""
    _, played = play(translator, translator.update("oppq7h2k", change, CURRENT), [ok(RECORD)])
    assert [request.method for request in played] == ["PATCH"]
    return played[0].json


def created(change: Change) -> Any:
    """The body of a create that needs one call."""
    _, played = play(SLANTED, SLANTED.create(change), [ok(RECORD, 201)])
    return played[0].json


def test_a_record_is_read_whole() -> None:
    """Every documented member is in a canonical field or in vendor_fields."""
    read, played = play(SLANTED, SLANTED.get("oppq7h2k"), [ok(RECORD)])
    assert calls(played) == [("GET", "opportunities/oppq7h2k", None)]
    assert played[0].of_record
    told = read.model_dump(exclude={"raw", "etag", "vendor_fields"}, exclude_defaults=True)
    assert told == {
        "id": "acme-slant.oppq7h2k",
        "connection": "acme-slant",
        "vendor": "slant",
        "vendor_id": "oppq7h2k",
        "external_id": "deal-17",
        "name": "Marlowe rollover",
        "value": {"amount": "184000.00", "currency": "USD", "period": "one_time"},
        "probability": 65,
        "status": "open",
        "stage": {
            "id": "stgreview", "name": "Reviewing", "order": 2, "probability": 60, "status": "open",
        },
        "pipeline": {"id": "pipgrow1", "name": "Household growth"},
        "owner": {"id": "usrada", "name": "Ada Quill", "email": "ada@example.com"},
        "account": {"id": "hhmarlowe"},
        "expected_close_date": "2027-02-12",
        "custom_fields": {"source": "Seminar", "review_no": 3},
        "created_at": "2026-09-30T16:20:05.25Z",
        "updated_at": "2026-10-02T09:15:01Z",
        "stage_changed_at": "2026-10-02T09:15:00Z",
    }  # fmt: skip
    kept = ("book_id", "pipeline", "pipeline_stage", "assigned_to", "target_close_date")
    assert read.vendor_fields == {name: RECORD[name] for name in kept}


def test_trap_1_dollars_are_whole() -> None:
    """An amount is an integer of dollars, and one that has cents is refused with its neighbours."""
    assert updated(patch(value={"amount": "7500.00"})) == {"value": 7500}
    assert updated(patch(value={"amount": "9999999999999999999"})) == {"value": 9999999999999999999}
    fault = refusal(errors.NotRepresentable, value={"amount": "10.50"})["/value/amount"]
    assert fault.allowed == ("10", "11")


def test_trap_2_the_example_pair_is_no_conversion() -> None:
    """500000 is sent as 500000, and 5000 is read as 5000 dollars."""
    assert created(draft(value={"amount": "500000"}, account={"id": "hh"}))["value"] == 500000
    read = SLANT.read({**RECORD, "value": 5000}, CONTEXT)
    assert read.value is not None
    assert read.value.amount == "5000.00"


def test_trap_3_an_update_is_a_patch_without_a_trailing_slash() -> None:
    """An update is PATCH on the record's own path, with every odd character of the id escaped."""
    _, played = play(SLANTED, SLANTED.update("a/b c", patch(name="New"), None), [ok(RECORD)])
    assert calls(played) == [("PATCH", "opportunities/a%2Fb%20c", {"name": "New"})]
    assert played[0].of_record


def test_trap_4_the_book_is_required_on_create_and_fixed_afterwards() -> None:
    """book_id goes with a create, is missed there, and is refused on update."""
    body = created(draft(account={"id": "hhmarlowe"}))
    assert body == {**DRAFT["vendor_fields"], "name": "Marlowe rollover",  # type: ignore[dict-item]
                    "household_id": "hhmarlowe"}  # fmt: skip
    assert ("/vendor_fields/book_id",) in list(SLANT.missing({"name": "x"}))
    assert "/vendor_fields/book_id" in refusal(errors.Unsupported, vendor_fields={"book_id": "b"})


@pytest.mark.parametrize(
    "choice",
    [
        {"pipeline": {"id": "pipgrow1"}},
        {"vendor_fields": {"book_id": "b", "pipeline_type": "client"}},
        {"account": {"id": "hhmarlowe"}},
    ],
)
def test_trap_5_one_of_three_chooses_the_pipeline(choice: dict[str, Any]) -> None:
    """A pipeline, a pipeline type or an account is enough for a create, and none is too little."""
    assert list(SLANT.missing(draft(**choice))) == []
    wanted = ("/pipeline", "/vendor_fields/pipeline_type", "/account")
    assert list(SLANT.missing(draft())) == [wanted]


def test_a_pipeline_type_is_one_of_two_words() -> None:
    """A pipeline type that the contract does not know is refused without a call."""
    with pytest.raises(errors.ValidationFailed) as raised:
        draft(vendor_fields={"pipeline_type": "partner"})
    assert [fault.pointer for fault in raised.value.faults] == ["/vendor_fields/pipeline_type"]


@pytest.mark.parametrize(
    ("now", "day", "sent"),
    [
        ("2026-11-21T12:00:00+00:00", "2026-11-21", "2026-11-22T04:59:59Z"),
        ("2026-11-22T04:59:58+00:00", "2026-11-21", "2026-11-22T04:59:59Z"),
        ("2026-11-22T04:59:59+00:00", "2026-11-21", None),
        ("2026-11-22T04:59:59+00:00", "2026-11-22", "2026-11-23T04:59:59Z"),
    ],
)
def test_trap_6_a_create_closes_in_the_future(now: str, day: str, sent: str | None) -> None:
    """A day is sent as its last second in the connection's zone, or refused once that is past."""
    translator = SlantTranslator(replace(CONTEXT, now=datetime.fromisoformat(now)))
    dialogue = translator.create(draft(expected_close_date=day, account={"id": "hh"}))
    if sent is None:
        with pytest.raises(errors.ValidationFailed) as raised:
            next(dialogue)
        assert [fault.pointer for fault in raised.value.faults] == ["/expected_close_date"]
    else:
        assert next(dialogue).json["target_close_date"] == sent


def test_an_update_may_close_in_the_past() -> None:
    """The rule of the future is the create's alone; a year is always written with four digits."""
    assert updated(patch(expected_close_date="2020-05-04")) == {
        "target_close_date": "2020-05-05T03:59:59Z"
    }
    body = updated(patch(expected_close_date="0999-05-04"))
    assert body["target_close_date"].startswith("0999-05-05T")


def test_a_day_at_the_end_of_the_calendar_is_no_fault() -> None:
    """A day whose end UTC cannot name is refused, and a time beyond the zone's calendar is null."""
    assert "/expected_close_date" in refusal(
        errors.NotRepresentable, expected_close_date="9999-12-31"
    )
    tokyo = replace(CONTEXT, timezone=ZoneInfo("Asia/Tokyo"))
    read = SLANT.read({**RECORD, "target_close_date": "9999-12-31T23:59:59Z"}, tokyo)
    assert read.expected_close_date is None
    assert [warning.code for warning in read.warnings] == ["unreadable-value"]
    assert read.vendor_fields["target_close_date"] == "9999-12-31T23:59:59Z"


LATE = draft(
    account={"id": "hhmarlowe"}, external_id="deal-17", custom_fields={"source": "Seminar"}
)
FIRST = {"name": "Marlowe rollover", "book_id": "bknorth1", "household_id": "hhmarlowe"}
SECOND = {"custom_fields": {"our_ref": "deal-17", "lead_source": "Seminar"}}


def test_trap_7_custom_fields_of_a_create_are_a_second_call() -> None:
    """A create with custom fields or an external id is a POST, then a PATCH of just those."""
    made, played = play(SLANTED, SLANTED.create(LATE), [ok({"id": "oppq7h2k"}, 201), ok(RECORD)])
    assert calls(played) == [
        ("POST", "opportunities", FIRST),
        ("PATCH", "opportunities/oppq7h2k", SECOND),
    ]
    assert [(request.effect, request.step) for request in played] == [
        ("write", "create"),
        ("write", "custom-fields"),
    ]
    assert made.external_id == "deal-17"


def test_trap_7_a_dry_run_shows_both_calls() -> None:
    """The second call is described without looking at the first one's answer but for its id."""
    dialogue = SLANTED.create(LATE)
    next(dialogue)
    second = dialogue.send(ok(Later("create")))
    assert second.path == 'opportunities/{"$from":"create.id"}'
    assert second.json == SECOND
    with pytest.raises(NotYetKnown):
        dialogue.send(ok(Later("custom-fields")))


def second_fails(failure: errors.GatewayError | VendorResponse) -> errors.GatewayError:
    """What a create raises when its second call fails, or is answered so."""
    dialogue = SLANTED.create(LATE)
    next(dialogue)
    second = dialogue.send(ok({"id": "opp/1"}, 201))
    if isinstance(failure, VendorResponse):
        failure = verdict(SLANTED.error(failure), second)
    with pytest.raises(errors.GatewayError) as raised:
        dialogue.throw(failure)
    assert raised.value.opportunity_id == "acme-slant.opp~2f1"
    return raised.value


@pytest.mark.parametrize("status", [400, 402, 404, 409, 422])
def test_trap_7_a_refused_second_call_is_partial(status: int) -> None:
    """A refusal of the custom fields names the record, what was applied, and the vendor's words."""
    partial = second_fails(no(status, {"error": {"code": "bad_value", "message": "No."}}))
    assert isinstance(partial, errors.Partial)
    assert partial.applied == ("/name", "/account", "/vendor_fields")
    assert partial.reply == errors.VendorReply(status=status, code="bad_value", message="No.")


def test_trap_7_a_partial_create_points_at_what_was_refused() -> None:
    """The faults of the second call stay with the error."""
    body = {"errors": {"custom_fields.lead_source": ["must be text"]}}
    partial = second_fails(no(422, body))
    assert [fault.pointer for fault in partial.faults] == ["/custom_fields"]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (errors.NotSent("cut"), errors.IndeterminateTimeout),
        (errors.DeadlineExceeded("late"), errors.IndeterminateTimeout),
        (errors.Indeterminate("reset"), errors.Indeterminate),
        (errors.IndeterminateTimeout("no answer"), errors.IndeterminateTimeout),
        (no(408), errors.IndeterminateTimeout),
        (no(500), errors.Indeterminate),
        (no(503), errors.Indeterminate),
        (no(302), errors.Indeterminate),
    ],
)
def test_trap_7_an_unknown_second_call_leaves_the_outcome_unknown(
    failure: errors.GatewayError | VendorResponse, kind: type[errors.GatewayError]
) -> None:
    """A second call without a verdict is indeterminate, and says which record was made."""
    assert type(second_fails(failure)) is kind


@pytest.mark.parametrize("status", [401, 403, 405, 412, 415, 425, 429])
def test_trap_7_a_second_call_that_may_pass_another_time_is_not_given_up(status: int) -> None:
    """What can be mended leaves the create open, and it is resumed at that call."""
    open_ended = second_fails(no(status, {"error": {"code": "not_now", "message": "No."}}))
    assert type(open_ended) is errors.IndeterminateTimeout
    assert open_ended.reply == errors.VendorReply(status=status, code="not_now", message="No.")


def test_trap_7_a_second_call_that_took_effect_unread_is_applied() -> None:
    """An answer too large to be read is still the answer to both calls."""
    applied = second_fails(errors.AppliedUnread("Too large."))
    assert applied.outcome == "applied"


def test_custom_values_are_laid_over_a_record_that_was_read_first() -> None:
    """So the state before such a write is known; a change that is sent alone reads nothing."""
    assert {"custom_fields", "external_id"} <= TRANSLATOR.needs_first(CONTEXT)
    merging = replace(CONTEXT, options=SlantOptions(custom_fields_update="merge"))
    assert TRANSLATOR.needs_first(merging) == TRANSLATOR.reads_first


@pytest.mark.parametrize("body", [None, [], {}, {"id": None}, {"id": ""}])
def test_trap_7_no_second_call_without_an_id(body: Any) -> None:
    """A create whose answer names no record is unreadable, and nothing more is sent."""
    dialogue = SLANTED.create(LATE)
    next(dialogue)
    with pytest.raises(MISSHAPEN):
        dialogue.send(ok(body, 201))


def test_trap_8_a_pipeline_cannot_change() -> None:
    """A pipeline on update, and a stage of another pipeline, are refused before any call."""
    assert "/pipeline" in refusal(errors.Unsupported, pipeline={"id": "pipnew2"})
    for dialogue in (
        SLANTED.update("oppq7h2k", patch(stage={"id": "stgfirst"}), CURRENT),
        SLANTED.create(draft(stage={"id": "stgfirst"}, pipeline={"id": "pipgrow1"})),
    ):
        with pytest.raises(errors.ValidationFailed) as raised:
            next(dialogue)
        assert [fault.pointer for fault in raised.value.faults] == ["/stage"]


def test_trap_8_a_stage_of_the_own_pipeline_is_sent() -> None:
    """A stage that the record lists, that the catalogue has there, or that nobody knows is sent."""
    assert updated(patch(stage={"id": "stglost"})) == {"pipeline_stage_id": "stglost"}
    assert updated(patch(stage={"id": "stgunheard"})) == {"pipeline_stage_id": "stgunheard"}
    body = created(draft(stage={"id": "stgfirst"}, pipeline={"id": "pipnew2"}))
    assert (body["pipeline_id"], body["pipeline_stage_id"]) == ("pipnew2", "stgfirst")


def test_trap_8_the_record_knows_its_stages_better_than_the_catalogue() -> None:
    """A stage that the record itself lists is sent although the catalogue has it elsewhere."""
    stale = Catalogue(pipelines=(Pipeline(id="pipnew2", stages=(Stage(id="stgwon"),)),))
    translator = SlantTranslator(replace(CONTEXT, catalogue=stale))
    body = updated(patch(stage={"id": "stgwon"}), translator)
    assert body == {"pipeline_stage_id": "stgwon"}


def test_trap_9_won_is_what_the_connection_says() -> None:
    """The status comes from stage_status by the stage's id, else is unknown, and moves a stage."""
    won = {**RECORD, "pipeline_stage": {"id": "stgwon", "name": "Anything"}}
    assert SLANT.read(won, CONTEXT).status == "won"
    ident = {**RECORD, "pipeline_stage": {"id": "stgident", "name": "Closed won"}}
    assert SLANT.read(ident, CONTEXT).status is None
    known = replace(CONTEXT, catalogue=Catalogue(pipelines=tuple(SLANTED.pipelines_in(RECORD))))
    wanted = admitted(OpportunityPatch(status="won"))
    change = resolve(wanted, SLANT, known, "update", CURRENT)
    assert updated(change) == {"pipeline_stage_id": "stgwon"}


def test_trap_10_names_differ_by_direction() -> None:
    """What is read nested is written flat, under names of its own."""
    change = patch(
        stage={"id": "stgwon"}, owner={"id": "usrbo"}, account={"id": "hh2"}, probability=80
    )
    assert updated(change) == {
        "pipeline_stage_id": "stgwon",
        "assigned_to_id": "usrbo",
        "household_id": "hh2",
        "probability": 80,
    }


def test_trap_11_the_alias_of_the_owner_is_never_sent() -> None:
    """owner_id as a vendor field is refused, and the canonical field is named."""
    fault = refusal(errors.Unsupported, vendor_fields={"owner_id": "usrbo"})
    assert fault["/vendor_fields/owner_id"].detail == "owner_id is written as owner"
    body = created(draft(owner={"id": "usrbo"}, account={"id": "hh"}))
    assert body["assigned_to_id"] == "usrbo"
    assert "owner_id" not in body


def test_trap_13_a_read_only_token_is_forbidden_to_write() -> None:
    """The vendor's 403 keeps its code, and the check lets a read-only token pass."""
    dialogue = SLANTED.update("oppq7h2k", patch(name="New"), CURRENT)
    with pytest.raises(errors.VendorForbidden) as raised:
        play(SLANTED, dialogue, [no(403, {"error": "token_read_only"})])
    assert raised.value.reply == errors.VendorReply(status=403, code="token_read_only")
    me = {"id": "usrada", "api_access": {"scope": "read", "can_write": False}}
    _, played = play(SLANTED, SLANTED.check(), [ok(me)])
    assert calls(played) == [("GET", "me", None)]


def test_trap_14_native_keys_live_an_hour() -> None:
    """The window and the methods of the vendor's own keys are declared."""
    native = TRANSLATOR.capabilities(CONTEXT).idempotency
    assert (native.header, native.window_seconds) == ("Idempotency-Key", 3600)
    assert native.methods == ("POST", "PATCH")


def listed(rows: int, pages: int) -> VendorResponse:
    return ok({"data": [RECORD] * rows, "pagination": {"current_page": 1, "total_pages": pages}})


def test_trap_15_a_short_page_is_not_the_last() -> None:
    """The list goes on until the number of pages is reached, however many rows a page has."""
    page, played = play(SLANTED, SLANTED.list(Query(filters={}, page_size=100)), [listed(1, 2)])
    assert played[0].query == (("page", "1"), ("per_page", "100"))
    assert [item.vendor_id for item in page.items] == ["oppq7h2k"]
    again = Query(filters={}, page_size=100, position=page.next)
    page, played = play(SLANTED, SLANTED.list(again), [listed(100, 2)])
    assert played[0].query == (("page", "2"), ("per_page", "100"))
    assert page.next is None
    assert TRANSLATOR.listing.page_size_max == 100


@pytest.mark.parametrize(
    ("start", "wanted", "page", "size"),
    [(100, 50, "3", "50"), (100, 30, "5", "25"), (50, 100, "2", "50"), (7, 5, "8", "1")],
)
def test_a_list_goes_on_where_it_stopped_with_another_page_size(
    start: int, wanted: int, page: str, size: str
) -> None:
    """A page of another size than the last begins right after it: no row twice, none left out."""
    query = Query(filters={}, page_size=wanted, position=start)
    _, played = play(SLANTED, SLANTED.list(query), [listed(0, 1)])
    assert played[0].query == (("page", page), ("per_page", size))


@pytest.mark.parametrize("body", [None, [], {"data": []}, {"pagination": {"total_pages": 1}}])
def test_a_list_outside_the_envelope_is_unreadable(body: Any) -> None:
    """A list that does not say how many pages there are is not taken for the whole."""
    with pytest.raises(Unreadable):
        play(SLANTED, SLANTED.list(Query(filters={})), [ok(body)])


@pytest.mark.parametrize("status", [404, 405])
def test_a_list_that_is_not_there_is_an_unsupported_operation(status: int) -> None:
    """The undocumented list answers 404 or 405 where it does not exist."""
    with pytest.raises(errors.OperationUnsupported):
        play(SLANTED, SLANTED.list(Query(filters={})), [no(status)])


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (SLANTED.error(no(500)), errors.VendorFaulted),
        (errors.VendorTimeout("no answer"), errors.VendorTimeout),
    ],
)
def test_a_list_that_fails_otherwise_fails_as_it_is(
    failure: errors.VendorError, kind: type[errors.VendorError]
) -> None:
    """Only 404 and 405 say that there is no list."""
    dialogue = SLANTED.list(Query(filters={}))
    next(dialogue)
    with pytest.raises(kind):
        dialogue.throw(failure)


def test_trap_16_an_older_answer_reads() -> None:
    """Without book, stages, custom fields and api_access a record reads, and without a warning."""
    record = payload("older_opportunity")
    read, _ = play(SLANTED, SLANTED.get("oppq7h2k"), [ok(record)])
    told = read.model_dump(include={"value", "probability", "custom_fields", "account", "warnings"})
    assert told == {
        "value": None, "probability": None, "custom_fields": {}, "account": None, "warnings": (),
    }  # fmt: skip
    assert (read.owner and read.owner.name, read.stage and read.stage.id) == ("Ada", "stgreview")
    assert SLANTED.pipelines_in(record) == ()


def test_trap_16_a_thinner_answer_is_the_same_state() -> None:
    """The version holds the nested ids and not what is told about them."""
    thin = {
        **RECORD,
        "pipeline": {"id": "pipgrow1"},
        "pipeline_stage": {"id": "stgreview"},
        "assigned_to": {"id": "usrada"},
    }
    assert SLANT.etag(thin) == SLANT.etag(RECORD)
    for name in ("pipeline", "pipeline_stage", "assigned_to"):
        assert SLANT.etag({**thin, name: {"id": "another"}}) != SLANT.etag(RECORD)
    assert SLANT.etag({**thin, "custom_fields": {}}) != SLANT.etag(RECORD)


def test_trap_16_a_write_that_is_not_shown_is_told() -> None:
    """What an older answer leaves out of a write is answered with a warning for each field."""
    change = patch(custom_fields={"source": "fair"}, external_id="deal-9")
    older = payload("older_opportunity")
    read, _ = play(MERGING, MERGING.update("oppq7h2k", change, CURRENT), [ok(older)])
    told = [(warning.code, warning.pointer) for warning in read.warnings]
    assert told == [
        ("cannot-be-read-back", "/custom_fields"),
        ("cannot-be-read-back", "/external_id"),
    ]


def test_trap_16_a_record_names_its_pipeline_with_its_stages() -> None:
    """A current answer shows the pipeline whole, and a broken one shows none."""
    (pipeline,) = SLANTED.pipelines_in(RECORD)
    assert pipeline.id == "pipgrow1"
    assert [stage.id for stage in pipeline.stages] == ["stgident", "stgreview", "stgwon", "stglost"]
    assert pipeline.stages[3].status == "lost"
    for broken in ([{"name": "without an id"}], "none", None):
        assert not SLANTED.pipelines_in({"pipeline": {"id": "p", "pipeline_stages": broken}})


def test_trap_17_nothing_is_cleared() -> None:
    """No cell says that a field can be cleared, and a null of each is refused without a call."""
    cells = TRANSLATOR.capabilities(CONTEXT).fields
    assert {can.clear for can in cells.values()} == {"unsupported"}
    fields = set(OpportunityPatch.model_fields) - {
        "custom_fields", "custom_fields_add", "custom_fields_remove", "vendor_fields",
        "vendor_options",
    }  # fmt: skip
    found = refusal(errors.Unsupported, **dict.fromkeys(fields), custom_fields={"source": None})
    assert set(found) == {f"/{name}" for name in fields} | {"/custom_fields/source"}


def test_trap_18_what_slant_does_not_have_is_refused() -> None:
    """A description, contacts, reasons, a period and another currency have no place in Slant."""
    found = refusal(
        errors.Unsupported,
        description="x",
        contacts=[{"id": "c"}],
        lost_reason="price",
        closed_at="2026-11-01T00:00:00Z",
    )
    assert set(found) == {"/description", "/contacts", "/lost_reason", "/closed_at"}
    value = {"amount": "5", "period": "monthly"}
    assert refusal(errors.NotRepresentable, value=value)["/value/period"].allowed == ("one_time",)
    value = {"amount": "5", "currency": "EUR"}
    assert refusal(errors.NotRepresentable, value=value)["/value/currency"].allowed == ("USD",)
    assert TRANSLATOR.currency == "USD"


def test_a_probability_is_whole() -> None:
    """A fraction of a per cent is refused with its neighbours."""
    fault = refusal(errors.NotRepresentable, probability=Decimal("85.5"))
    assert fault["/probability"].allowed == (85, 86)


def test_trap_19_the_limits_are_hourly() -> None:
    """The three documented budgets of a token are declared."""
    limits = TRANSLATOR.capabilities(CONTEXT).rate_limits
    assert [(limit.limit, limit.window_seconds) for limit in limits] == [
        (1000, 3600),
        (10000, 3600),
        (10000, 3600),
    ]


def test_trap_20_the_vendor_may_move_a_stage_by_itself() -> None:
    """A stage is read right before it is checked, and the rest of the window is told."""
    assert {"stage", "status"} <= TRANSLATOR.reads_first
    assert "automation" in TRANSLATOR.capabilities(CONTEXT).concurrency.window


def test_custom_fields_are_sent_with_the_record_s_others() -> None:
    """An update lays its custom values over those that the record has, without its nulls."""
    held = {"lead_source": "Seminar", "our_ref": "deal-17", "empty": None}
    current = SLANT.read({**RECORD, "custom_fields": held}, CONTEXT)
    dialogue = SLANTED.update("oppq7h2k", patch(custom_fields={"review_no": 4}), current)
    _, played = play(SLANTED, dialogue, [ok(RECORD)])
    assert played[0].json == {
        "custom_fields": {"lead_source": "Seminar", "our_ref": "deal-17", "review_no": 4}
    }


def test_custom_fields_are_read_where_nobody_did() -> None:
    """Without the record at hand an update of custom fields reads it first."""
    change = patch(custom_fields={"source": "Web"}, external_id="deal-18")
    _, played = play(SLANTED, SLANTED.update("oppq7h2k", change, None), [ok(RECORD), ok(RECORD)])
    merged = {"lead_source": "Web", "our_ref": "deal-18", "review_no": 3}
    assert calls(played) == [
        ("GET", "opportunities/oppq7h2k", None),
        ("PATCH", "opportunities/oppq7h2k", {"custom_fields": merged}),
    ]


def test_custom_fields_that_merge_are_sent_alone() -> None:
    """With the option `merge` an update neither reads nor repeats the other custom values."""
    change = patch(custom_fields={"source": "Web"})
    _, played = play(MERGING, MERGING.update("oppq7h2k", change, None), [ok(RECORD)])
    assert calls(played) == [
        ("PATCH", "opportunities/oppq7h2k", {"custom_fields": {"lead_source": "Web"}})
    ]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"custom_fields": {"tier": "Gold"}}, "/custom_fields"),
        ({"external_id": "x"}, "/external_id"),
    ],
)
def test_trap_16_custom_fields_that_are_not_shown_are_not_overwritten(
    change: dict[str, Any], pointer: str
) -> None:
    """Where the answer does not show the custom values, a write that could lose them is refused."""
    current = SLANT.read(payload("older_opportunity"), CONTEXT)
    with pytest.raises(errors.Unsupported) as raised:
        next(SLANTED.update("oppq7h2k", patch(**change), current))
    assert [fault.pointer for fault in raised.value.faults] == [pointer]


@pytest.mark.parametrize("read", [True, False])
def test_trap_16_lenient_handling_leaves_out_custom_fields_that_are_not_shown(
    read: bool,
) -> None:
    """The rest of the change is sent, and each field that was kept in them is told."""
    older = payload("older_opportunity")
    lenient = SlantTranslator(replace(CONTEXT, lenient=True))
    change = patch(name="New", external_id="x", custom_fields={"tier": "Gold"})
    current = SLANT.read(older, CONTEXT) if read else None
    replies = [ok(older)] * (1 if read else 2)
    result, played = play(lenient, lenient.update("oppq7h2k", change, current), replies)
    assert calls(played)[-1] == ("PATCH", "opportunities/oppq7h2k", {"name": "New"})
    assert [(each.code, each.pointer) for each in result.warnings] == [
        ("unsupported-field", "/custom_fields"),
        ("unsupported-field", "/external_id"),
    ]


def test_trap_16_lenient_handling_writes_nothing_where_nothing_is_left() -> None:
    """The record is answered as it is, with the warning."""
    current = SLANT.read(payload("older_opportunity"), CONTEXT)
    lenient = SlantTranslator(replace(CONTEXT, lenient=True))
    change = patch(custom_fields={"tier": "Gold"})
    result, played = play(lenient, lenient.update("oppq7h2k", change, current), [])
    assert played == []
    assert result.etag == current.etag
    assert [each.pointer for each in result.warnings] == ["/custom_fields"]


@pytest.mark.parametrize("none", [{}, None, []])
def test_custom_fields_that_are_empty_are_no_obstacle(none: Any) -> None:
    """A record that shows that it has no custom values takes its first."""
    current = SLANT.read({**RECORD, "custom_fields": none}, CONTEXT)
    dialogue = SLANTED.update("oppq7h2k", patch(custom_fields={"tier": "Gold"}), current)
    assert next(dialogue).json == {"custom_fields": {"tier": "Gold"}}


def test_an_external_id_is_kept_in_its_custom_field() -> None:
    """The option's field holds external_id, is shown once, and is not written by its own key."""
    assert updated(patch(external_id="deal-18"), MERGING) == {
        "custom_fields": {"our_ref": "deal-18"}
    }
    assert "our_ref" not in CURRENT.custom_fields
    assert "/custom_fields/our_ref" in refusal(errors.Unsupported, custom_fields={"our_ref": "x"})


@pytest.mark.parametrize(("current", "replies"), [(CURRENT, []), (None, [ok(RECORD)])])
def test_a_change_of_nothing_writes_nothing(current: Any, replies: list[VendorResponse]) -> None:
    """A change that comes to no member of the body sends no empty PATCH."""
    change = patch(value={"currency": "USD"})
    result, played = play(SLANTED, SLANTED.update("oppq7h2k", change, current), replies)
    assert result == CURRENT
    assert [request.effect for request in played] == ["read"] * len(replies)


def test_nothing_is_searched() -> None:
    """There is no search, so nothing is found and nobody is asked."""
    assert play(SLANTED, SLANTED.find("mark", LATE), []) == (None, [])


def test_nothing_is_deleted() -> None:
    """A delete is refused without a call, as the cell says."""
    with pytest.raises(errors.OperationUnsupported):
        next(SLANTED.delete("oppq7h2k"))
    capabilities = TRANSLATOR.capabilities(CONTEXT)
    assert (capabilities.operations.delete, capabilities.delete) == ("unsupported", "unsupported")


def test_the_catalogue_comes_from_three_places() -> None:
    """Pipelines of the options, users of the default book, and every page of the definitions."""
    names = ("pipeline", "book", "custom_fields_1", "custom_fields_2")
    catalogue, played = play(SLANTED, SLANTED.catalogue(), [ok(payload(name)) for name in names])
    assert [request.path for request in played] == [
        "pipelines/pipnew2",
        "books/bknorth1",
        "custom_fields",
        "custom_fields",
    ]
    pages = [dict(request.query) for request in played[2:]]
    assert pages == [
        {"entity_type": "Opportunity", "page": number, "per_page": "100"} for number in ("1", "2")
    ]
    (pipeline,) = catalogue.pipelines or ()
    assert [stage.name for stage in pipeline.stages] == ["Connected", "Closed won"]
    users = [(user.id, user.name, user.email) for user in catalogue.users or ()]
    assert users == [("usrada", "Ada Quill", "ada@example.com"), ("usrbo", None, "bo@example.com")]
    fields = [(f.key, f.vendor_key, f.type, f.choices) for f in catalogue.custom_fields or ()]
    assert fields == [
        ("source", "lead_source", "text", None),
        ("tier", "tier", "choice", ("Gold", "Silver")),
        ("review_no", "review_no", "number", None),
        ("referred_by", "referred_by", "other", None),
    ]


def test_without_a_default_book_nobody_can_be_listed() -> None:
    """Users are of a book, so that none are known where the connection names no book."""
    bare = SlantTranslator(replace(CONTEXT, defaults={}, options=SlantOptions()))
    catalogue, played = play(bare, bare.catalogue(), [listed(0, 0)])
    assert (catalogue.pipelines, catalogue.users) == ((), None)
    assert [request.path for request in played] == ["custom_fields"]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (None, None, None),
        (["odd"], None, None),
        ({}, None, None),
        ({"error": "token_missing"}, "token_missing", None),
        ({"error": "No such book."}, None, "No such book."),
        ({"error": {"code": "invalid", "message": "Bad."}}, "invalid", "Bad."),
        ({"code": "invalid", "message": "Bad."}, "invalid", "Bad."),
        ({"error": "invalid", "message": "Bad."}, "invalid", "Bad."),
        ({"errors": ["Bad name.", "Bad value."]}, None, "Bad name.; Bad value."),
        ({"code": 17, "message": {"odd": True}}, None, None),
        ({"errors": [{"field": ["odd"], "message": ["x"]}, {"message": "x"}]}, None, None),
    ],
)
def test_an_error_is_read_in_any_of_its_forms(
    body: Any, code: str | None, message: str | None
) -> None:
    """The envelope is undocumented: whatever looks like a code or words is kept."""
    error = SLANTED.error(no(422, body))
    assert error.reply == errors.VendorReply(status=422, code=code, message=message)
    assert error.faults == ()


@pytest.mark.parametrize(
    "body",
    [
        {"errors": {"owner_id": ["is no user"], "book_id": "is unknown"}},
        {"error": {"code": "x", "details": {"owner_id": "is no user", "book_id": "is unknown"}}},
        {"errors": [{"field": "owner_id", "message": "is no user"},
                    {"field": "book_id", "message": "is unknown"}, "odd", {"message": "odd"}]},
    ],
)  # fmt: skip
def test_an_error_that_names_fields_points_into_the_body(body: Mapping[str, Any]) -> None:
    """A field that the vendor names is pointed at under its canonical name."""
    faults = {fault.pointer: fault.detail for fault in SLANTED.error(no(400, body)).faults}
    assert faults == {
        "/owner": "owner_id: is no user",
        "/vendor_fields/book_id": "book_id: is unknown",
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.VendorRefused),
        (401, errors.VendorUnauthorized),
        (404, errors.VendorNotFound),
        (409, errors.VendorConflict),
        (429, errors.VendorThrottled),
        (500, errors.VendorFaulted),
    ],
)
def test_a_status_is_one_error(status: int, kind: type[errors.VendorError]) -> None:
    """Each refusal is the error of its status, whatever its body says."""
    assert type(SLANTED.error(no(status))) is kind


def test_an_answer_without_an_id_is_unreadable() -> None:
    """A 200 that carries an error is not taken for a record."""
    with pytest.raises(Unreadable):
        play(SLANTED, SLANTED.get("oppq7h2k"), [ok({"error": "token_missing"})])


@pytest.mark.parametrize(
    ("key", "broken", "field"),
    [
        ("value", "5000", "value"),
        ("probability", "high", "probability"),
        ("pipeline_stage", "Reviewing", "stage"),
        ("assigned_to", {"email": "ada@example.com"}, "owner"),
        ("target_close_date", "next week", "expected_close_date"),
        ("created_at", 1759249205, "created_at"),
    ],
)
def test_a_value_that_cannot_be_read_is_null_and_kept(key: str, broken: Any, field: str) -> None:
    """What has no canonical form is a warning, and stays in vendor_fields as it came."""
    read = SLANT.read({**RECORD, key: broken}, CONTEXT)
    assert getattr(read, field) is None
    assert read.vendor_fields[key] == broken
    assert f"/{field}" in [warning.pointer for warning in read.warnings]
