"""Close's dialogues: documented payloads in, expected requests out (close.md, FD-003)."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway import errors
from gateway.canonical import json_text
from gateway.canonical.opportunity import Change, Opportunity, OpportunityPatch, Value
from gateway.canonical.pipeline import Account, Contact, Person, PipelineName, Stage
from gateway.canonical.query import Query
from gateway.conformance import play
from gateway.errors import Rejected, UnknownReference, Unsupported, ValidationFailed
from gateway.normalizer.admission import Write, admit
from gateway.normalizer.notation import Context, Unreadable
from gateway.normalizer.resolution import resolve
from gateway.translator import Dialogue, VendorRequest, VendorResponse
from gateway.vendors.close import CLOSE, TRANSLATOR, CloseOptions, CloseTranslator
from tests.canonical.json_values import JSON

PAYLOADS = Path(__file__).parent / "payloads" / "close"


def payload(name: str) -> Any:
    return json_text.read((PAYLOADS / f"{name}.json").read_bytes())


def ok(body: Any) -> VendorResponse:
    return VendorResponse(status=200, json=body)


NEW_YORK = Context(
    connection="lantern",
    vendor="close",
    now=datetime(2026, 11, 21, 3, tzinfo=UTC),
    currency="USD",
    timezone=ZoneInfo("America/New_York"),
    aliases={"source": "cf_Source"},
    options=CloseOptions(),
)
TODAY = "2026-11-20"
"""In New York it is still yesterday."""
CATALOGUE_REPLIES = [
    ok(payload(name)) for name in ("me", "pipelines", "custom_field_schema", "users_1", "users_2")
]
BARE = CloseTranslator(NEW_YORK)
CATALOGUE, CATALOGUE_CALLS = play(BARE, BARE.catalogue(), CATALOGUE_REPLIES)
CONTEXT = replace(NEW_YORK, catalogue=CATALOGUE)
FIELDS = {"name_field": "cf_Title", "external_id_field": "cf_Ref", "marker_field": "cf_Mark"}
NAMED = replace(CONTEXT, options=CloseOptions.model_validate(FIELDS))
NAMING = CloseTranslator(NAMED)
OPEN, WON, LOST = (payload(name) for name in ("opportunity", "opportunity_won", "opportunity_lost"))
STATUSES = {
    status["id"]: {"status_label": status["label"], "status_type": status["type"]}
    for pipeline in payload("pipelines")["data"]
    for status in pipeline["statuses"]
}

CREATE_KEYS = {
    *("lead_id", "pipeline_id", "status_id", "value", "value_period", "confidence", "contact_id"),
    *("user_id", "note", "note_html", "date_won", "created_by", "date_created", "attachments"),
}
UPDATE_KEYS = CREATE_KEYS - {"lead_id", "pipeline_id", "created_by", "date_created"}
"""What close.md 3.1 and 3.2 list; beside them there are custom fields alone."""


def change(
    body: dict[str, Any], where: Context = CONTEXT, record: Any = None, action: Write = "update"
) -> Change:
    """A caller's body on the way that it takes through admission and resolution."""
    sent = OpportunityPatch.model_validate(body).sent()
    current = CLOSE.read(record, where) if record else None
    return resolve(admit(sent, CLOSE, where, action), CLOSE, where, action, current)


def answered(dialogue: Dialogue[Opportunity], record: Any) -> tuple[Opportunity, VendorRequest]:
    """Answers the one write of a dialogue as the vendor does: with the record, changed."""
    request = next(dialogue)
    body = request.json
    answer = {**record, **{k: v for k, v in body.items() if not k.endswith((".add", ".remove"))}}
    answer |= STATUSES.get(body.get("status_id"), {})
    answer["date_won"] = (answer.get("date_won") or "")[:10] or None
    try:
        dialogue.send(ok(answer))
    except StopIteration as stop:
        result: Opportunity = stop.value
        return result, request
    raise AssertionError("the dialogue asked for more")


def update(
    body: dict[str, Any], record: Any = OPEN, where: Context = CONTEXT
) -> tuple[Opportunity, Any]:
    """An update's result and the body that was sent."""
    vendor_id = record["id"]
    dialogue = CloseTranslator(where).update(
        vendor_id, change(body, where, record), CLOSE.read(record, where)
    )
    result, request = answered(dialogue, record)
    assert (request.method, request.path) == ("PUT", f"opportunity/{vendor_id}/")
    return result, request.json


def create(body: dict[str, Any], where: Context = CONTEXT) -> tuple[Opportunity, Any]:
    """A create's result and the body that was sent."""
    draft = change({"account": {"id": "lead_Zu4"}, **body}, where, action="create")
    fresh = {"id": "oppo_Fresh", "lead_id": "lead_Zu4"} | {
        "status_type": "active", "date_won": None, "value_currency": "USD"
    }  # fmt: skip
    result, request = answered(CloseTranslator(where).create(draft), fresh)
    assert (request.method, request.path, request.effect) == ("POST", "opportunity/", "write")
    return result, request.json


def refused(body: dict[str, Any], record: Any = OPEN, where: Context = CONTEXT) -> Rejected:
    """The error of an update that is refused before any call."""
    with pytest.raises(Rejected) as caught:
        next(
            CloseTranslator(where).update(
                record["id"], change(body, where, record), CLOSE.read(record, where)
            )
        )
    return caught.value


def pointers(error: errors.GatewayError) -> list[str | None]:
    return [fault.pointer for fault in error.faults]


def test_an_open_record_is_read() -> None:
    shown = CLOSE.read(OPEN, CONTEXT)
    assert shown.model_dump(exclude={"raw", "etag", "vendor_fields"}, exclude_none=True) == {
        "id": "lantern.oppo_Kx9",
        "connection": "lantern",
        "vendor": "close",
        "vendor_id": "oppo_Kx9",
        "name": "Lantern Roofing",
        "description": "Two roofs, **one** ladder.",
        "value": Value(amount="3000.00", currency="USD", period="monthly").model_dump(),
        "probability": Decimal(40),
        "status": "open",
        "stage": {"id": "stat_Talks", "name": "Talks", "status": "open"},
        "pipeline": PipelineName(id="pipe_New", name="New business").model_dump(),
        "owner": {"id": "user_Bo2", "name": "Bo Lindqvist"},
        "account": Account(id="lead_Zu4", name="Lantern Roofing").model_dump(),
        "contacts": ({"id": "cont_Pq7", "name": "Noor Haddad"},),
        "expected_close_date": "2026-12-18",
        "custom_fields": {"source": "Referral", "cf_Days": ["Monday", "Friday"]},
        "archived": False,
        "created_at": "2026-03-02T08:15:30.25Z",
        "updated_at": "2026-09-14T16:45:01Z",
        "warnings": (),
    }
    assert shown.vendor_fields == {
        key: OPEN[key]
        for key in (
            *("annualized_expected_value", "annualized_value", "attachments", "created_by"),
            *("created_by_name", "date_lost", "expected_value", "note_html", "organization_id"),
            *("status_display_name", "updated_by", "updated_by_name", "value_formatted"),
        )
    }


@pytest.mark.parametrize(
    ("record", "status", "closed_at", "expected"),
    [
        (OPEN, "open", None, "2026-12-18"),
        (WON, "won", "2026-01-08T12:00:00Z", None),
        (LOST, "lost", "2026-04-30T15:20:10.5Z", "2026-06-30"),
        (payload("opportunity_2017"), "open", None, None),
        (payload("status_change_event")["event"]["data"], "won", "2026-10-01T12:00:00Z", None),
    ],
)
def test_every_shape_of_record_is_read_without_a_warning(
    record: Any, status: str, closed_at: str | None, expected: str | None
) -> None:
    """Newer, older, and as a webhook shows it."""
    shown = CLOSE.read(record, CONTEXT)
    assert (shown.status, shown.closed_at, shown.expected_close_date) == (
        status, closed_at, expected
    )  # fmt: skip
    assert shown.warnings == ()


@pytest.mark.parametrize("odd", [5, "soon", "2026-12-18T00:00:00+00:00", ["2026-12-18"], {}])
@pytest.mark.parametrize(
    ("record", "pointer"), [(OPEN, "/expected_close_date"), (WON, "/closed_at")]
)
def test_a_date_that_is_none_is_told_and_kept(odd: Any, record: Any, pointer: str) -> None:
    shown = CLOSE.read({**record, "date_won": odd}, CONTEXT)
    assert [(w.code, w.pointer) for w in shown.warnings] == [("unreadable-value", pointer)]
    assert shown.vendor_fields["date_won"] == odd


@given(st.dictionaries(st.sampled_from([*OPEN, "custom.cf_Title", "custom.cf_Ref"]), JSON))
def test_no_value_whatever_breaks_the_reading_of_a_record(odd: dict[str, Any]) -> None:
    """What is unreadable is null and warned of; each odd value is still to be found."""
    shown = CLOSE.read({**OPEN, **odd, "id": "oppo_Kx9"}, NAMED)
    for warning in shown.warnings:
        assert not getattr(shown, (warning.pointer or "").removeprefix("/"))
    told = str(shown.model_dump(exclude={"raw"}))
    lost = [key for key, value in odd.items() if isinstance(value, int) and str(value) not in told]
    assert set(lost) <= {"id", "value"}


def test_the_catalogue_is_read() -> None:
    assert [request.path for request in CATALOGUE_CALLS] == [
        "me/", "pipeline/", "custom_field_schema/opportunity/", "user/", "user/"
    ]  # fmt: skip
    pipelines = CATALOGUE.pipelines or ()
    assert [(p.id, [stage.status for stage in p.stages]) for p in pipelines] == [
        ("pipe_New", ["open", "open", "won", "lost"]),
        ("pipe_Renew", ["open", "won"]),
        ("pipe_Empty", []),
    ]
    assert pipelines[0].stages[1] == Stage(id="stat_Talks", name="Talks", order=1, status="open")
    assert CATALOGUE.users == (
        Person(id="user_Ada1", name="Ada Okafor", email="ada@lantern.example"),
        Person(id="user_Bo2", name="Bo", email="bo@lantern.example"),
    )
    assert CATALOGUE.currency == "USD"


@pytest.mark.parametrize(
    ("organizations", "currency"),
    [
        ([{"currency": "JPY"}], "JPY"),
        ([{"currency": "JPY"}, {"currency": "JPY"}], "JPY"),
        ([{"currency": "JPY"}, {"currency": "USD"}], None),
        ([], None),
    ],
)
def test_the_currency_is_told_where_the_key_s_organisations_agree(
    organizations: list[Any], currency: str | None
) -> None:
    replies = [ok({"organizations": organizations}), *CATALOGUE_REPLIES[1:]]
    assert play(BARE, BARE.catalogue(), replies)[0].currency == currency


def test_a_record_is_got() -> None:
    shown, requests = play(BARE, BARE.get("oppo_Kx9"), [ok(OPEN)])
    (request,) = requests
    assert (request.method, request.path, request.of_record) == (
        "GET",
        "opportunity/oppo_Kx9/",
        True,
    )
    assert shown.vendor_id == "oppo_Kx9"


def test_a_check_is_one_cheap_read() -> None:
    _, requests = play(BARE, BARE.check(), [ok(payload("me"))])
    assert [(request.effect, request.path) for request in requests] == [("read", "me/")]


@pytest.mark.parametrize(
    "body", [{}, {"error": "no"}, {"data": None}, {"data": {}}, {"data": ["x"]}, [], None]
)
def test_a_list_answer_without_a_list_is_not_taken_for_an_empty_one(body: Any) -> None:
    """A 200 with an error in it has been seen at every vendor."""
    with pytest.raises(Unreadable):
        play(BARE, BARE.list(Query(filters={})), [ok(body)])


def test_trap_01_an_update_is_a_partial_put() -> None:
    """Only what was named is sent, not the record filled in."""
    _, body = update({"probability": 80})
    assert body == {"confidence": 80}


def test_trap_02_every_path_ends_with_a_slash() -> None:
    requests = [
        *CATALOGUE_CALLS,
        *play(BARE, BARE.get("a/b"), [ok(OPEN)])[1],
        *play(BARE, BARE.list(Query(filters={})), [ok(payload("list"))])[1],
        *play(BARE, BARE.create(Change({})), [ok(OPEN)])[1],
        *play(BARE, BARE.update("x", Change({"probability": Decimal(1)}), None), [ok(OPEN)])[1],
        *play(BARE, BARE.delete("x"), [ok({})])[1],
        *play(NAMING, NAMING.find("m", Change({})), [ok({"data": []})])[1],
        *play(BARE, BARE.check(), [ok({})])[1],
    ]
    assert [request.path for request in requests if not request.path.endswith("/")] == []
    assert "opportunity/a%2Fb/" in {request.path for request in requests}


def test_trap_03_a_name_is_the_lead_s_and_read_only_without_a_field_for_it() -> None:
    assert CLOSE.can("name", CONTEXT).read == "derived"
    error = refused({"name": "Two roofs"})
    assert isinstance(error, Unsupported)
    assert pointers(error) == ["/name"]


def test_trap_03_a_name_is_kept_in_the_custom_field_that_the_option_names() -> None:
    result, body = update({"name": "Two roofs", "external_id": "E-7"}, where=NAMED)
    assert body == {"custom.cf_Title": "Two roofs", "custom.cf_Ref": "E-7"}
    assert (result.name, result.external_id) == ("Two roofs", "E-7")
    assert result.custom_fields == {"source": "Referral", "cf_Days": ["Monday", "Friday"]}
    assert update({"name": None}, where=NAMED)[1] == {"custom.cf_Title": None}
    assert CLOSE.read(OPEN, NAMED).name is None


AMOUNTS = st.from_regex(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,4})?", fullmatch=True)


@given(AMOUNTS, st.sampled_from(["one_time", "monthly", "annual"]))
def test_trap_04_a_value_is_cents_and_exact_or_refused(amount: str, period: str) -> None:
    """`read(write(x)) == x`, over the whole range, and the wire carries an integer."""
    value = {"value": {"amount": amount, "period": period}}
    if Decimal(amount) * 100 % 1 != 0:
        assert pointers(refused(value)) == ["/value/amount"]
        return
    result, body = update(value)
    assert body == {"value": int(Decimal(amount).scaleb(2)), "value_period": period}
    assert type(body["value"]) is int
    assert result.value is not None
    assert Decimal(result.value.amount or "") == Decimal(amount)
    assert result.value.period == period


@pytest.mark.parametrize("digits", [0, 2, 3])
@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_trap_04_other_currencies_are_counted_as_the_option_says(
    currency: str, digits: int
) -> None:
    where = replace(NEW_YORK, currency=currency, options=CloseOptions(minor_unit_digits=digits))
    record = {**OPEN, "value_currency": currency}
    result, body = update({"value": {"amount": "500"}}, record, where)
    assert body == {"value": 500 * 10**digits}
    assert result.value is not None
    assert Decimal(result.value.amount or "") == 500


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_trap_04_other_currencies_are_neither_read_nor_written_without_it(currency: str) -> None:
    """The vendor's pages show cents alone (close.md 5)."""
    where = replace(NEW_YORK, currency=currency)
    record = {**OPEN, "value_currency": currency}
    assert pointers(refused({"value": {"amount": "500"}}, record, where)) == ["/value/amount"]
    shown = CLOSE.read(record, where)
    assert (shown.value, [w.pointer for w in shown.warnings]) == (None, ["/value"])
    kept = {key: shown.vendor_fields[key] for key in ("value", "value_currency", "value_period")}
    assert kept == {"value": 300000, "value_currency": currency, "value_period": "monthly"}


@pytest.mark.parametrize(
    "body", [{"value": None}, {"value": {"amount": None}}, {"probability": None}]
)
def test_trap_05_value_and_confidence_cannot_be_cleared(body: dict[str, Any]) -> None:
    error = refused(body)
    assert isinstance(error, Unsupported)
    assert pointers(error) == [f"/{next(iter(body))}"]


def test_trap_05_a_null_value_is_none_and_its_period_stays_the_vendor_s() -> None:
    shown = CLOSE.read(LOST, CONTEXT)
    assert shown.value is None
    assert shown.vendor_fields.items() >= {("value_period", "annual"), ("value_currency", "USD")}


def test_trap_06_a_lead_is_required_to_create() -> None:
    """Without one the vendor makes a lead called Untitled."""
    assert list(CLOSE.missing({"description": "d"})) == [("/account",)]
    assert list(CLOSE.missing({"account": "lead_Zu4"})) == []
    assert TRANSLATOR.capabilities().fields["account"].required_on_create
    assert create({})[1] == {"lead_id": "lead_Zu4"}


def test_trap_07_a_stage_is_its_id_under_status_id() -> None:
    """The label form `status` is deprecated and never sent."""
    for body in ({"stage": {"name": "fresh"}}, {"stage": {"id": "stat_Fresh"}}):
        result, sent = update(body)
        assert sent == {"status_id": "stat_Fresh"}
        assert result.stage == Stage(id="stat_Fresh", name="Fresh", status="open")


def test_trap_07_a_status_is_written_through_the_one_stage_of_it() -> None:
    assert update({"status": "lost"})[1] == {"status_id": "stat_Lost"}
    assert (
        update({"status": "won"}, WON | {"status_type": "lost", "status_id": "stat_Lost"})[1][
            "status_id"
        ]
        == "stat_Won"
    )


def test_trap_08_a_pipeline_is_written_on_create() -> None:
    draft = {"pipeline": {"name": "Renewals"}, "stage": {"name": "Due"}}
    assert create(draft)[1] == {
        "lead_id": "lead_Zu4", "pipeline_id": "pipe_Renew", "status_id": "stat_Due"
    }  # fmt: skip


def test_trap_08_a_record_moves_to_a_pipeline_by_a_stage_of_it() -> None:
    body = {"pipeline": {"name": "Renewals"}, "stage": {"name": "Due"}}
    assert update(body)[1] == {"status_id": "stat_Due"}
    assert update({"stage": {"id": "stat_Due"}})[1] == {"status_id": "stat_Due"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"pipeline": {"id": "pipe_Renew"}}, "/stage"),
        ({"pipeline": {"id": "pipe_Renew"}, "stage": {"id": "stat_Talks"}}, "/pipeline"),
    ],
)
def test_trap_08_a_pipeline_without_a_stage_of_it_is_refused(
    body: dict[str, Any], pointer: str
) -> None:
    assert pointers(refused(body)) == [pointer]


def test_trap_08_the_pipeline_that_the_record_is_in_changes_nothing() -> None:
    current = CLOSE.read(OPEN, CONTEXT)
    same = change({"pipeline": {"id": "pipe_New"}}, record=OPEN)
    result, requests = play(BARE, BARE.update("oppo_Kx9", same, current), [])
    assert (result, requests) == (current, [])


def listed(*replies: VendorResponse, where: Context = CONTEXT, **query: Any) -> Any:
    translator = CloseTranslator(where)
    page, requests = play(translator, translator.list(Query(**{"filters": {}, **query})), replies)
    return page, [dict(request.query) for request in requests]


EMPTY = ok(payload("list") | {"has_more": False})


def test_trap_08_a_pipeline_filters_by_the_statuses_in_it() -> None:
    _, (query,) = listed(EMPTY, filters={"pipeline_id": "pipe_Renew"})
    assert query["status_id__in"] == "stat_Due,stat_Renewed"
    assert "pipeline_id" not in query


@pytest.mark.parametrize(
    "filters", [{"pipeline_id": "pipe_Empty"}, {"pipeline_id": "pipe_Gone"}, {"status": "on_hold"}]
)
def test_a_filter_that_no_record_can_match_makes_no_call(filters: dict[str, str]) -> None:
    page, queries = listed(filters=filters)
    assert (page.items, page.next, queries) == ((), None, [])


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("status", "open", ("status_type", "active")),
        ("status", "lost", ("status_type", "lost")),
        ("stage_id", "stat_Due", ("status_id", "stat_Due")),
        ("owner_id", "user_Bo2", ("user_id", "user_Bo2")),
        ("account_id", "lead_Zu4", ("lead_id", "lead_Zu4")),
        ("updated_after", "2026-01-01T00:00:00Z", ("date_updated__gte", "2026-01-01T00:00:00Z")),
        ("updated_before", "2026-01-01T00:00:00Z", ("date_updated__lte", "2026-01-01T00:00:00Z")),
        ("created_after", "2026-01-01T00:00:00Z", ("date_created__gte", "2026-01-01T00:00:00Z")),
        ("created_before", "2026-01-01T00:00:00Z", ("date_created__lte", "2026-01-01T00:00:00Z")),
    ],
)
def test_a_filter_is_one_of_the_vendor_s(name: str, value: str, sent: tuple[str, str]) -> None:
    _, (query,) = listed(EMPTY, filters={name: value})
    assert query == {sent[0]: sent[1], "_order_by": "-date_created", "_limit": "50"}


def test_a_sort_that_mixes_in_won_records_is_not_called_native() -> None:
    """`date_won` orders by the day of winning too, which shows as another field."""
    assert TRANSLATOR.listing.sorts["expected_close_date"] == "emulated"
    assert "date_won" in (TRANSLATOR.listing.note or "")


def test_the_declared_filters_and_sorts_are_those_that_work() -> None:
    for name in TRANSLATOR.listing.filters:
        known = {"status": "won", "pipeline_id": "pipe_New"}.get(name, "2026-01-01T00:00:00Z")
        assert len(listed(EMPTY, filters={name: known})[1][0]) == 3
    for name in TRANSLATOR.listing.sorts:
        assert not listed(EMPTY, sort=name)[1][0]["_order_by"].startswith("-")


def test_trap_09_turning_won_sends_today_where_the_estimate_would_stay() -> None:
    """Today in the connection's zone, as noon, and the caller is told."""
    result, body = update({"stage": {"id": "stat_Won"}})
    assert body == {"status_id": "stat_Won", "date_won": f"{TODAY}T12:00:00Z"}
    assert result.closed_at == f"{TODAY}T12:00:00Z"
    (warning,) = result.warnings
    assert (warning.code, warning.pointer) == ("side-effect", "/closed_at")
    assert TODAY in warning.detail


def test_trap_09_turning_won_takes_the_day_that_was_sent() -> None:
    result, body = update({"status": "won", "closed_at": "2026-11-18T12:00:00Z"})
    assert body == {"status_id": "stat_Won", "date_won": "2026-11-18T12:00:00Z"}
    assert result.warnings == ()


def test_trap_09_a_record_that_is_won_keeps_its_day() -> None:
    assert update({"stage": {"id": "stat_Renewed"}}, WON)[1] == {"status_id": "stat_Renewed"}
    assert update({"probability": 90}, WON)[1] == {"confidence": 90}


def test_trap_09_leaving_won_turns_the_day_into_the_estimate() -> None:
    """The vendor keeps the date; the capability names the side effect."""
    result, body = update({"stage": {"id": "stat_Talks"}}, WON)
    assert body == {"status_id": "stat_Talks"}
    assert (result.closed_at, result.expected_close_date) == (None, "2026-01-08")
    leaving = [effect for effect in TRANSLATOR.side_effects if "leaves won" in effect.when]
    assert [effect.fields for effect in leaving] == [("closed_at", "expected_close_date")]


@pytest.mark.parametrize(
    ("body", "date_won"),
    [
        ({"expected_close_date": "2027-01-31"}, "2027-01-31T12:00:00Z"),
        ({"closed_at": None}, None),
        ({"closed_at": None, "expected_close_date": "2027-01-31"}, "2027-01-31T12:00:00Z"),
    ],
)
def test_trap_09_leaving_won_may_set_or_empty_the_date(
    body: dict[str, Any], date_won: str | None
) -> None:
    _, sent = update({"stage": {"id": "stat_Talks"}, **body}, WON)
    assert sent == {"status_id": "stat_Talks", "date_won": date_won}


@pytest.mark.parametrize(
    ("body", "record", "pointer"),
    [
        ({"closed_at": "2026-11-18T12:00:00Z"}, OPEN, "/closed_at"),
        ({"closed_at": "2026-11-18T12:00:00Z"}, LOST, "/closed_at"),
        ({"closed_at": "2026-11-18T12:00:00Z", "stage": {"id": "stat_Lost"}}, OPEN, "/closed_at"),
        ({"closed_at": "2026-11-18T12:00:00Z", "stage": {"id": "stat_Lost"}}, WON, "/closed_at"),
        ({"expected_close_date": "2027-01-31"}, WON, "/expected_close_date"),
        ({"expected_close_date": None}, WON, "/expected_close_date"),
        ({"expected_close_date": None, "stage": {"id": "stat_Won"}}, OPEN, "/expected_close_date"),
        ({"closed_at": None, "stage": {"id": "stat_Won"}}, OPEN, "/closed_at"),
        ({"closed_at": None}, LOST, "/closed_at"),
    ],
)  # fmt: skip
def test_trap_09_a_date_of_the_other_meaning_is_refused(
    body: dict[str, Any], record: Any, pointer: str
) -> None:
    assert pointers(refused(body, record)) == [pointer]


def test_trap_09_emptying_a_closing_that_never_was_leaves_the_estimate() -> None:
    """`closed_at: null` on an open record must not clear its `date_won`."""
    current = CLOSE.read(OPEN, CONTEXT)
    idle = change({"closed_at": None}, record=OPEN)
    result, requests = play(BARE, BARE.update("oppo_Kx9", idle, current), [])
    assert (result.expected_close_date, requests) == ("2026-12-18", [])
    assert update({"closed_at": None, "probability": 9})[1] == {"confidence": 9}
    assert update({"closed_at": None}, WON)[1] == {"date_won": None}


def test_trap_09_a_create_follows_the_status_that_it_will_have() -> None:
    """Without a stage that is the first of the pipeline (close.md 3.1)."""
    assert create({"expected_close_date": "2027-01-31"})[1]["date_won"] == "2027-01-31T12:00:00Z"
    won = {"stage": {"id": "stat_Won"}, "closed_at": "2026-11-18T12:00:00Z"}
    assert create(won)[1]["date_won"] == "2026-11-18T12:00:00Z"
    for body in (
        {"closed_at": "2026-11-18T12:00:00Z"},
        {"stage": {"id": "stat_Won"}, "expected_close_date": "2027-01-31"},
    ):
        with pytest.raises(ValidationFailed):
            create(body)


@pytest.mark.parametrize(
    ("closed_at", "nearest"),
    [
        ("2026-11-18T23:30:00-05:00", "2026-11-18T12:00:00Z"),
        ("2026-11-18T12:00:00.5Z", "2026-11-18T12:00:00Z"),
        ("2026-11-18T00:00:00Z", "2026-11-18T12:00:00Z"),
        ("2026-11-18T03:00:00Z", "2026-11-17T12:00:00Z"),
        ("0001-01-01T00:00:01Z", "0001-01-01T12:00:00Z"),
    ],
)
def test_trap_10_a_finer_time_than_a_day_is_refused_with_the_nearest(
    closed_at: str, nearest: str
) -> None:
    error = refused({"closed_at": closed_at}, WON)
    assert isinstance(error, errors.NotRepresentable)
    assert error.faults[0].allowed == (nearest,)
    assert update({"closed_at": nearest}, WON)[1] == {"date_won": nearest}


@pytest.mark.parametrize("spelled", ["2026-11-18T07:00:00-05:00", "2026-11-18t12:00:00.000z"])
def test_trap_10_the_same_noon_may_be_spelled_otherwise(spelled: str) -> None:
    assert update({"closed_at": spelled}, WON)[1] == {"date_won": "2026-11-18T12:00:00Z"}


def test_trap_10_a_date_is_sent_as_noon_and_read_as_a_date() -> None:
    result, body = update({"expected_close_date": "2027-01-31"})
    assert body == {"date_won": "2027-01-31T12:00:00Z"}
    assert result.expected_close_date == "2027-01-31"
    result, body = update({"expected_close_date": None})
    assert (body, result.expected_close_date) == ({"date_won": None}, None)


@pytest.mark.parametrize(
    ("sent", "kept"), [("2027-01-31", "2027-01-30"), ("2027-01-31", None), (None, "2026-12-18")]
)
def test_trap_10_a_day_that_the_vendor_keeps_otherwise_is_told(
    sent: str | None, kept: str | None
) -> None:
    dialogue = BARE.update(
        "oppo_Kx9", Change({"expected_close_date": sent}), CLOSE.read(OPEN, CONTEXT)
    )
    with pytest.raises(errors.VendorNotTaken) as caught:
        play(BARE, dialogue, [ok({**OPEN, "date_won": kept})])
    assert caught.value.opportunity_id == "lantern.oppo_Kx9"
    assert caught.value.outcome == "partial"


def test_trap_11_a_description_is_the_note_and_is_cleared_by_way_of_its_html() -> None:
    assert update({"description": "Three"})[1] == {"note": "Three"}
    assert update({"description": None})[1] == {"note_html": None}
    assert update({"description": ""})[1] == {"note": ""}
    can = CLOSE.can("description", CONTEXT)
    assert can.note == "cleared by note_html: null; comes back through markdown"


def test_trap_11_the_html_may_be_written_as_the_vendor_s_own_field() -> None:
    html = {"vendor_fields": {"note_html": "<body><p>x</p></body>"}}
    assert update(html)[1] == {"note_html": "<body><p>x</p></body>"}
    assert pointers(refused({"vendor_fields": {"note": "x"}})) == ["/vendor_fields/note"]


def test_trap_12_custom_fields_are_flat_keys_and_null_unsets() -> None:
    body = {"custom_fields": {"source": "Web", "cf_Days": None}}
    assert update(body)[1] == {"custom.cf_Source": "Web", "custom.cf_Days": None}
    assert create({"custom_fields": {"cf_Days": ["Monday"], "source": None}})[1] == {
        "lead_id": "lead_Zu4", "custom.cf_Days": ["Monday"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"custom_fields_add": {"cf_Days": ["Wednesday"]}}, {"custom.cf_Days.add": "Wednesday"}),
        ({"custom_fields_remove": {"cf_Days": ["Friday"]}}, {"custom.cf_Days.remove": "Friday"}),
        (
            {"custom_fields_add": {"cf_Days": ["Wednesday", "Monday"]}},
            {"custom.cf_Days": ["Monday", "Friday", "Wednesday"]},
        ),
        ({"custom_fields_remove": {"cf_Days": ["Monday", "Friday"]}}, {"custom.cf_Days": []}),
    ],
)
def test_trap_12_one_value_is_added_or_removed_and_several_are_merged(
    body: dict[str, Any], sent: dict[str, Any]
) -> None:
    """`.add` and `.remove` take one value each (FD-003)."""
    assert update(body)[1] == sent


@pytest.mark.parametrize(
    ("key", "member"),
    [
        ("custom.cf_Days", "custom_fields"),
        ("custom.cf_Days.add", "custom_fields_add"),
        ("custom.cf_Days.remove", "custom_fields_remove"),
        ("custom.cf_Days", "custom_fields_add"),
    ],
)
def test_a_refusal_points_at_the_map_that_the_value_came_by(key: str, member: str) -> None:
    """The vendor names its field, and the caller sent it in one of three maps, by its alias."""
    where = replace(CONTEXT, aliases={"days": "cf_Days"})
    translator = CloseTranslator(where)
    days = change({member: {"days": ["Monday"]}}, where, OPEN)
    answer = VendorResponse(status=400, json={"field-errors": {key: "No.", "user_id": "No."}})
    with pytest.raises(errors.VendorRefused) as refused:
        play(translator, translator.update(OPEN["id"], days, CLOSE.read(OPEN, where)), [answer])
    assert [fault.pointer for fault in refused.value.faults] == [f"/{member}/days", "/owner"]


def test_trap_12_nothing_to_add_makes_no_call() -> None:
    current = CLOSE.read(OPEN, CONTEXT)
    nothing = change({"custom_fields_add": {"cf_Days": []}}, record=OPEN)
    assert play(BARE, BARE.update("oppo_Kx9", nothing, current), []) == (current, [])


def test_trap_12_an_update_that_maps_to_nothing_answers_the_record() -> None:
    result, requests = play(BARE, BARE.update("oppo_Kx9", Change({}), None), [ok(OPEN)])
    assert [request.method for request in requests] == ["GET"]
    assert result.vendor_id == "oppo_Kx9"


def test_trap_12_definitions_include_shared_fields() -> None:
    fields = {field.vendor_key: field for field in CATALOGUE.custom_fields or ()}
    assert fields.keys() == {"cf_Source", "cf_Days", "cf_Title", "cf_Things", "cf_Builder"}
    shared = fields["cf_Builder"]
    assert (shared.type, shared.required, shared.choices) == ("user", True, None)
    source = fields["cf_Source"]
    assert (source.key, source.type, source.multiple) == ("source", "choice", False)
    assert source.choices == ("Referral", "Trade fair", "Web")
    assert (fields["cf_Days"].multiple, fields["cf_Things"].type) == (True, "other")


BODIES = st.fixed_dictionaries(
    {},
    optional={
        "external_id": st.just("E-7"),
        "name": st.sampled_from(["Two roofs", None]),
        "description": st.sampled_from(["d", "", None]),
        "value": st.sampled_from([{"amount": "1.00"}, {"period": "annual"}, {}]),
        "probability": st.sampled_from([0, 100]),
        "status": st.sampled_from(["open", "won", "lost"]),
        "stage": st.sampled_from([{"id": "stat_Won"}, {"name": "Due"}]),
        "pipeline": st.sampled_from([{"id": "pipe_New"}, {"name": "Renewals"}]),
        "owner": st.sampled_from([{"id": "u"}, {"email": "bo@lantern.example"}]),
        "contacts": st.sampled_from([[], None, [{"id": "cont_1"}]]),
        "expected_close_date": st.sampled_from(["2027-01-31", None]),
        "closed_at": st.sampled_from(["2026-11-18T12:00:00Z", None]),
        "custom_fields": st.sampled_from([{"source": "Web"}, {"cf_Things": []}, {"source": None}]),
        "custom_fields_add": st.sampled_from([{"cf_Days": ["Monday"]}, {"cf_Things": ["x", "y"]}]),
        "vendor_fields": st.sampled_from([{"note_html": "x"}, {"attachments": []}]),
    },
)  # fmt: skip


@given(BODIES, st.sampled_from([OPEN, WON, LOST]))
def test_trap_13_no_update_has_an_unknown_key_or_an_object(body: Any, record: Any) -> None:
    """Close.md 3.1: additional properties are outside the contract on both bodies."""
    try:
        current = CLOSE.read(record, NAMED)
        request = next(CloseTranslator(NAMED).update("x", change(body, NAMED, record), current))
    except (Rejected, StopIteration):
        assume(False)  # noqa: FBT003
    sent = request.json or {}
    assert {key for key in sent if not key.startswith("custom.cf_")} <= UPDATE_KEYS
    assert [key for key, value in sent.items() if isinstance(value, dict)] == []
    assert sent


@given(BODIES)
def test_trap_13_no_create_has_an_unknown_key_or_an_object(body: dict[str, Any]) -> None:
    draft = {key: value for key, value in body.items() if key != "custom_fields_add"}
    try:
        _, sent = create(draft, NAMED)
    except Rejected:
        assume(False)  # noqa: FBT003
    assert {key for key in sent if not key.startswith("custom.cf_")} <= CREATE_KEYS
    assert [key for key, value in sent.items() if isinstance(value, dict)] == []


@pytest.mark.parametrize("value", [{"a": 1}, ["x", {"a": 1}]])
def test_trap_13_an_object_in_a_custom_field_is_refused(value: Any) -> None:
    error = refused({"custom_fields": {"cf_Things": value}})
    assert isinstance(error, ValidationFailed)
    assert pointers(error) == ["/custom_fields/cf_Things"]


@pytest.mark.parametrize(
    "fields",
    [{"note_html": {"a": 1}}, {"attachments": {}}, {"attachments": None}, {"created_by": "user_1"}],
)
def test_trap_13_a_vendor_field_of_the_wrong_kind_is_refused(fields: dict[str, Any]) -> None:
    assert pointers(refused({"vendor_fields": fields})) == [f"/vendor_fields/{next(iter(fields))}"]


def test_a_create_may_be_backdated() -> None:
    own = {"created_by": "user_Ada1", "date_created": "2020-01-01T00:00:00Z"}
    assert create({"vendor_fields": own})[1] == {"lead_id": "lead_Zu4", **own}
    for wrong in ({"created_by": None}, {"date_created": "2020-01-01"}):
        with pytest.raises(ValidationFailed):
            create({"vendor_fields": wrong})


def test_trap_14_another_currency_than_the_connection_s_is_refused() -> None:
    assert pointers(refused({"value": {"amount": "1", "currency": "EUR"}})) == ["/value/currency"]


@pytest.mark.parametrize(
    "value", [{"amount": "1"}, {"amount": "1", "currency": "USD"}, {"period": "annual"}]
)
def test_trap_14_no_value_is_written_while_the_organisation_has_another_currency(
    value: dict[str, Any],
) -> None:
    """The vendor relabels amounts without converting them (close.md 5)."""
    disputed = replace(CONTEXT, catalogue=replace(CATALOGUE, currency="GBP"))
    error = refused({"value": value}, where=disputed)
    assert isinstance(error, errors.NotRepresentable)
    assert pointers(error) == ["/value"]
    assert update({"probability": 1}, where=disputed)[1] == {"confidence": 1}


def test_trap_14_a_record_is_read_in_the_currency_that_it_names() -> None:
    value = CLOSE.read({**OPEN, "value_currency": "GBP"}, CONTEXT).value
    assert value is not None
    assert value.currency == "GBP"


@pytest.mark.parametrize(
    "key", ["annualized_value", "expected_value", "value_formatted", "date_lost"]
)
def test_trap_15_what_the_vendor_derives_is_not_written(key: str) -> None:
    assert pointers(refused({"vendor_fields": {key: 1}})) == [f"/vendor_fields/{key}"]


def test_trap_15_what_the_vendor_derives_does_not_change_the_etag() -> None:
    derived = {
        "annualized_value": 1, "value_formatted": "$1", "lead_name": "Renamed", "user_name": "B.",
        "status_label": "Talking", "pipeline_name": "New", "contact_name": "N.", "is_stalled": True,
    }  # fmt: skip
    assert CLOSE.etag({**OPEN, **derived}) == CLOSE.etag(OPEN)
    for key in ("value", "note_html", "date_updated", "status_id", "custom.cf_Source"):
        assert CLOSE.etag({**OPEN, key: "other"}) != CLOSE.etag(OPEN)


def test_trap_16_a_create_answers_200_and_a_delete_an_empty_object() -> None:
    assert create({})[0].vendor_id == "oppo_Fresh"
    result, (request,) = play(BARE, BARE.delete("oppo_Kx9"), [ok({})])
    assert result is None
    assert (request.method, request.path, request.json) == ("DELETE", "opportunity/oppo_Kx9/", None)
    assert (request.effect, request.of_record) == ("write", True)


ERRORS = [
    VendorResponse(status=e["status"], json=e["json"], text=e.get("text", ""))
    for e in payload("errors")
]


@pytest.mark.parametrize("response", ERRORS)
def test_trap_17_every_shape_of_error_is_read(response: VendorResponse) -> None:
    """`error`, `errors`, `field-errors`, any subset, nothing, or no JSON."""
    error = BARE.error(response)
    assert error.reply is not None
    assert error.reply.status == response.status
    assert "<" not in error.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "Unauthorized"}, "Unauthorized"),
        ({"errors": ["One.", "Two."], "field-errors": {}}, "One.; Two."),
        ({"errors": [], "field-errors": {"lead": "Missing."}}, "Missing."),
        ({"error": "A", "errors": ["B"], "field-errors": {"x": "C"}}, "A; B"),
        ({"message": "Slow down."}, "Slow down."),
        ({"error": {"rate_reset": 1}, "errors": "x", "field-errors": ["y"]}, None),
        (["x"], None),
    ],
)
def test_trap_17_the_vendor_s_words_are_found(body: Any, message: str | None) -> None:
    reply = BARE.error(VendorResponse(status=400, json=body)).reply
    assert reply is not None
    assert reply.message == message


@pytest.mark.parametrize(
    ("key", "pointer"),
    [
        ("lead", "/account"),
        ("lead_id", "/account"),
        ("status", "/stage"),
        ("status_id", "/stage"),
        ("user_id", "/owner"),
        ("contact", "/contacts"),
        ("pipeline", "/pipeline"),
        ("value", "/value"),
        ("confidence", "/probability"),
        ("note", "/description"),
        ("attachments", "/vendor_fields/attachments"),
        ("custom.cf_Source", "/custom_fields/source"),
        ("custom.cf_Days.add", "/custom_fields/cf_Days"),
        ("custom.cf_Title", "/name"),
    ],
)
def test_trap_17_a_field_of_a_refusal_leads_to_the_caller_s_own(key: str, pointer: str) -> None:
    """The vendor says `lead` of what was sent as `lead_id`."""
    response = VendorResponse(status=400, json={"field-errors": {key: "No."}})
    error = CloseTranslator(NAMED).error(response)
    assert isinstance(error, errors.VendorRefused)
    assert [(fault.pointer, fault.detail) for fault in error.faults] == [(pointer, "No.")]


def test_trap_19_a_lost_create_is_found_by_its_mark_on_the_lead() -> None:
    translator = CloseTranslator(NAMED)
    marked = {**OPEN, "custom.cf_Mark": "m-1"}
    draft = Change({"account": "lead_Zu4"})
    found, (request,) = play(
        translator, translator.find("m-1", draft), [ok({"data": [WON, marked], "has_more": False})]
    )
    assert dict(request.query) == {
        "lead_id": "lead_Zu4", "_order_by": "-date_created", "_limit": "100"
    }  # fmt: skip
    assert found is not None
    assert found.vendor_id == "oppo_Kx9"


def test_trap_19_a_record_without_the_mark_is_not_taken_for_it() -> None:
    translator = CloseTranslator(NAMED)
    reply = ok({"data": [OPEN, {**OPEN, "custom.cf_Mark": "m-2"}]})
    assert play(translator, translator.find("m-1", Change({})), [reply])[0] is None
    assert play(BARE, BARE.find("m-1", Change({})), [])[0] is None


def test_trap_19_of_records_with_one_mark_the_oldest_is_told() -> None:
    """A create that took effect twice is found out, on whatever page its records stand."""
    translator = CloseTranslator(NAMED)
    times = {"oppo_c": "2026-02-03T00:00:00Z", "oppo_a": "2026-02-01T00:00:00.5Z",
             "oppo_b": "2026-02-01T00:00:00Z"}  # fmt: skip
    twins = [
        {**OPEN, "id": vendor_id, "date_created": made, "custom.cf_Mark": "m-1"}
        for vendor_id, made in times.items()
    ]
    pages = [ok({"data": twins[:2], "has_more": True}), ok({"data": twins[2:], "has_more": False})]
    found, requests = play(translator, translator.find("m-1", Change({})), pages)
    assert found is not None
    assert found.vendor_id == "oppo_b"
    assert [warning.code for warning in found.warnings] == ["duplicate-detected"]
    assert [dict(request.query).get("_skip") for request in requests] == [None, "2"]


@pytest.mark.parametrize(("asked", "sent"), [(1, "1"), (100, "100"), (200, "100")])
def test_trap_20_a_page_is_never_over_100(asked: int, sent: str) -> None:
    """A larger one is a 400 (close.md 3.4)."""
    assert listed(EMPTY, page_size=asked)[1][0]["_limit"] == sent
    assert TRANSLATOR.listing.page_size_max == 100


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ({}, "-date_created"),
        ({"sort": "created_at"}, "date_created"),
        ({"sort": "updated_at", "descending": True}, "-date_updated"),
        ({"sort": "expected_close_date"}, "date_won"),
        ({"sort": "value.amount", "descending": True}, "-value"),
    ],
)
def test_trap_21_every_page_is_in_a_stated_order(query: dict[str, Any], order: str) -> None:
    assert listed(EMPTY, **query)[1][0]["_order_by"] == order


def test_a_list_goes_on_where_it_ended() -> None:
    page, _ = listed(ok(payload("list") | {"data": [OPEN, WON]}), page_size=2)
    assert [item.vendor_id for item in page.items] == ["oppo_Kx9", "oppo_Won1"]
    assert page.next == 2
    after, (query,) = listed(
        ok({"data": [LOST], "has_more": True}), page_size=2, position=page.next
    )
    assert (query["_skip"], after.next) == ("2", 3)


def test_a_page_without_records_is_the_last_whatever_it_says() -> None:
    assert listed(ok(payload("list")))[0].next is None


def test_trap_22_a_time_without_offset_is_utc() -> None:
    shown = CLOSE.read({**OPEN, "date_created": "2026-06-19T09:22:10.931820"}, CONTEXT)
    assert shown.created_at == "2026-06-19T09:22:10.93182Z"


def test_trap_24_what_the_vendor_says_it_stored_is_the_answer() -> None:
    """Its own create example stores another value than was sent."""
    dialogue = BARE.create(
        change({"value": {"amount": "5.00", "period": "monthly"}}, action="create")
    )
    result, (request,) = play(BARE, dialogue, [ok(OPEN)])
    assert request.json == {"value": 500, "value_period": "monthly"}
    assert result.value is not None
    assert result.value.amount == "3000.00"


def test_trap_25_an_owner_is_not_cleared() -> None:
    error = refused({"owner": None})
    assert isinstance(error, Unsupported)
    assert update({"owner": {"email": "ADA@lantern.example"}})[1] == {"user_id": "user_Ada1"}


def test_a_contact_is_one_and_can_be_cleared() -> None:
    result, body = update({"contacts": [{"id": "cont_2"}]})
    assert (body, result.contacts[0].id) == ({"contact_id": "cont_2"}, "cont_2")
    nobodies: tuple[list[Any] | None, ...] = ([], None)
    for nobody in nobodies:
        result, body = update({"contacts": nobody})
        assert (body, result.contacts) == ({"contact_id": None}, ())
    assert pointers(refused({"contacts": [{"id": "a"}, {"id": "b"}]})) == ["/contacts/1"]
    assert CLOSE.read(WON, CONTEXT).contacts == ()
    assert CLOSE.read(OPEN, CONTEXT).contacts == (Contact(id="cont_Pq7", name="Noor Haddad"),)


def test_trap_26_has_more_may_be_missing() -> None:
    assert listed(ok({"data": [OPEN]}))[0].next is None
    replies = [*CATALOGUE_REPLIES[:3], ok({"data": payload("users_1")["data"]})]
    catalogue, requests = play(BARE, BARE.catalogue(), replies)
    assert len(requests) == 4
    assert [user.id for user in catalogue.users or ()] == ["user_Ada1"]


def test_users_are_read_page_by_page() -> None:
    assert [dict(request.query) for request in CATALOGUE_CALLS[3:]] == [
        {"_limit": "100"},
        {"_limit": "100", "_skip": "1"},
    ]


def test_a_stage_of_an_unknown_name_comes_back_with_the_pipeline_s() -> None:
    error = refused({"stage": {"name": "Frsh"}})
    assert isinstance(error, UnknownReference)
    assert [one["name"] for one in error.faults[0].allowed] == ["Fresh", "Talks", "Won", "Lost"]


def test_a_read_of_nothing_is_the_vendor_s_not_found() -> None:
    with pytest.raises(errors.VendorNotFound):
        play(
            BARE, BARE.get("oppo_No"), [VendorResponse(status=404, json={"error": "Empty query."})]
        )


def test_an_answer_without_an_id_is_no_record() -> None:
    answers: tuple[Any, ...] = ({}, {"error": "no"}, None, [])
    for answer in answers:
        with pytest.raises(Unreadable):
            play(BARE, BARE.get("oppo_Kx9"), [ok(answer)])
