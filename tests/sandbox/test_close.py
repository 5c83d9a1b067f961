"""The pretend Close keeps to close.md and founding document 003."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import close_seed
from gateway.sandbox.close import API_KEY, OAUTH_TOKEN, CloseSandbox
from gateway.sandbox.close_seed import JUNE, OMAR, PARTNERS, PRIYA, RENEWALS, SALES, field_id
from gateway.sandbox.close_seed import status_id as status

LIST = "/opportunity/"
LEAD = next(iter(close_seed.leads()))
WON, LOST = status(SALES, "Won"), status(SALES, "Lost")
ROBOTS = f"custom.{field_id('Robots')}"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> CloseSandbox:
    return CloseSandbox(clock)


@pytest.fixture
async def close(sandbox: CloseSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.asgi()),
        base_url="http://close/api/v1",
        auth=(API_KEY, ""),
    ) as client:
        yield client


async def created(close: httpx.AsyncClient, **members: Any) -> dict[str, Any]:
    answer = await close.post(LIST, json={"lead_id": LEAD, **members})
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()
    return record


async def put(
    close: httpx.AsyncClient, record: dict[str, Any], body: dict[str, Any], **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await close.put(f"{LIST}{record['id']}/", json=body, headers=named)


async def updated(
    close: httpx.AsyncClient, record: dict[str, Any], body: dict[str, Any], **headers: str
) -> dict[str, Any]:
    answer = await put(close, record, body, **headers)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def listed(close: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    answer = await close.get(LIST, params=params)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def wrong_fields(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"] == []
    return set(answer.json()["field-errors"])


async def test_a_key_with_an_empty_password_or_a_bearer_token_is_let_in(
    close: httpx.AsyncClient,
) -> None:
    assert (await close.get("/me/")).json()["id"] == JUNE
    bearer = {"authorization": f"Bearer {OAUTH_TOKEN}"}
    async with httpx.AsyncClient(transport=close._transport, base_url=close.base_url) as bare:
        assert (await bare.get("/me/", headers=bearer)).json()["id"] == OMAR
        for auth in (None, (API_KEY, "secret"), ("another", "")):
            refused = await bare.get("/me/", auth=auth)
            assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})


async def test_a_path_without_its_slash_redirects_or_fails(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    moved = await close.get("/me?_fields=id")
    assert moved.status_code == 301
    assert moved.headers["location"] == "http://close/api/v1/me/?_fields=id"
    sandbox.set_options({"missing_slash": "not_found"})
    assert (await close.get("/me")).status_code == 404


async def test_there_is_no_patch(close: httpx.AsyncClient) -> None:
    record = await created(close)
    assert (await close.patch(f"{LIST}{record['id']}/", json={"value": 1})).status_code == 405


async def test_a_put_changes_only_what_it_names(close: httpx.AsyncClient, clock: Clock) -> None:
    record = await created(close, value=50000, confidence=40, note="Keep me")
    clock.now += timedelta(minutes=1)
    changed = await updated(close, record, {"confidence": 80})
    assert changed == {
        **record,
        "confidence": 80,
        "expected_value": 40000,
        "annualized_expected_value": 40000,
        "date_updated": "2026-03-02T23:31:00.000000+00:00",
    }


async def test_create_fills_in_what_is_left_out(close: httpx.AsyncClient) -> None:
    record = await created(close)
    assert (record["confidence"], record["value"], record["value_period"]) == (50, None, "one_time")
    assert (record["user_id"], record["status_label"]) == (JUNE, "Demo scheduled")
    assert (record["pipeline_name"], record["status_type"]) == ("Sales", "active")
    assert record["date_created"] == "2026-03-02T23:30:00.000000+00:00"
    nulls = dict.fromkeys(("value", "confidence", "value_period", "user_id", "note"))
    assert (await created(close, **nulls))["confidence"] == 50


async def test_without_a_lead_an_untitled_one_is_created(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    stray = (await close.post(LIST, json={})).json()
    assert (stray["lead_name"], stray["lead_id"] in close_seed.leads()) == ("Untitled", False)
    leads = len(sandbox.leads)
    assert (await close.post(LIST, json={"value": "1"})).status_code == 400
    assert len(sandbox.leads) == leads
    sandbox.set_options({"missing_lead": "refuse"})
    assert wrong_fields(await close.post(LIST, json={})) == {"lead"}


async def test_value_is_minor_units_and_the_sums_follow(close: httpx.AsyncClient) -> None:
    record = await created(close, value=100042, value_period="monthly", confidence=50)
    assert (record["value"], record["value_formatted"]) == (100042, "$1,000.42 monthly")
    assert (record["annualized_value"], record["expected_value"]) == (1200504, 50021)
    huge = await created(close, value=2**53 + 1)
    assert huge["value"] == 2**53 + 1


async def test_another_currency_relabels_without_converting(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    record = await created(close, value=500)
    sandbox.set_options({"currency": "JPY"})
    relabelled = (await close.get(f"{LIST}{record['id']}/")).json()
    assert (relabelled["value"], relabelled["value_currency"]) == (500, "JPY")
    assert relabelled["value_formatted"] == "¥500"
    (organization,) = (await close.get("/me/")).json()["organizations"]
    assert (organization["currency"], organization["currency_symbol"]) == ("JPY", "¥")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("value", "500"),
        ("value", 5.5),
        ("value", True),
        ("value", None),
        ("confidence", None),
        ("value_period", None),
        ("value_period", "weekly"),
        ("note", None),
        ("date_won", "soon"),
        ("status_id", None),
        ("attachments", {}),
        ("lead_id", LEAD),
        ("pipeline_id", SALES["id"]),
        ("date_lost", None),
        ("custom", {}),
        ("name", "no such field"),
    ],
)
async def test_an_update_refuses_what_its_schema_does_not_hold(
    close: httpx.AsyncClient, sandbox: CloseSandbox, member: str, value: Any
) -> None:
    record = await created(close, value=1)
    assert wrong_fields(await put(close, record, {member: value})) == {member}
    assert [effect.effect for effect in sandbox.ledger.effects] == ["create"]


async def test_unknown_keys_can_be_dropped_instead(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    sandbox.set_options({"unknown_keys": "ignore"})
    assert "title" not in await created(close, title="dropped")


async def test_a_reference_to_nothing_is_named_by_its_thing(close: httpx.AsyncClient) -> None:
    body = {"lead_id": "lead_x", "status_id": "stat_x", "user_id": "user_x", "contact_id": "cont_x"}
    assert wrong_fields(await close.post(LIST, json=body)) == {"lead", "status", "user", "contact"}


async def test_a_create_goes_to_the_pipelines_first_status(close: httpx.AsyncClient) -> None:
    record = await created(close, pipeline_id=RENEWALS["id"])
    assert (record["pipeline_id"], record["status_label"]) == (RENEWALS["id"], "Up for renewal")
    both = {"pipeline_id": RENEWALS["id"], "status_id": WON}
    refused = await close.post(LIST, json=both)
    assert (refused.status_code, list(refused.json())) == (400, ["errors"])


async def test_a_status_of_another_pipeline_moves_the_opportunity(
    close: httpx.AsyncClient,
) -> None:
    moved = await updated(close, await created(close), {"status_id": status(PARTNERS, "Won")})
    assert (moved["pipeline_name"], moved["status_type"]) == ("Partners", "won")


async def test_the_deprecated_status_is_a_label(close: httpx.AsyncClient) -> None:
    record = await created(close)
    assert (await updated(close, record, {"status": "Won"}))["status_id"] == WON
    assert wrong_fields(await put(close, record, {"status": "Wno"})) == {"status"}


@pytest.mark.parametrize(
    ("offset", "today"),
    [
        ({}, "2026-03-02"),
        ({"x_tz_offset": "-4"}, "2026-03-02"),
        ({"x_tz_offset": "5.5"}, "2026-03-03"),
    ],
)
async def test_winning_sets_the_callers_today(
    close: httpx.AsyncClient, offset: dict[str, str], today: str
) -> None:
    won = await updated(close, await created(close), {"status_id": WON}, **offset)
    assert (won["date_won"], won["confidence"]) == (today, 50)


async def test_winning_keeps_an_estimate_and_takes_a_date_that_is_sent(
    close: httpx.AsyncClient,
) -> None:
    record = await created(close, date_won="2026-06-30T12:00:00Z")
    assert record["date_won"] == "2026-06-30"
    assert (await updated(close, record, {"status_id": WON}))["date_won"] == "2026-06-30"
    sent = {"status_id": WON, "date_won": "2026-02-28T12:00:00+00:00"}
    assert (await updated(close, record, sent))["date_won"] == "2026-02-28"


async def test_reverting_a_win_keeps_its_date_until_a_null(close: httpx.AsyncClient) -> None:
    record = await created(close, status_id=WON)
    reverted = await updated(close, record, {"status_id": SALES["statuses"][0]["id"]})
    assert (reverted["status_type"], reverted["date_won"]) == ("active", "2026-03-02")
    assert (await updated(close, record, {"date_won": None}))["date_won"] is None


async def test_losing_sets_the_date_lost(close: httpx.AsyncClient) -> None:
    lost = await updated(close, await created(close), {"status_id": LOST})
    assert (lost["date_lost"], lost["date_won"]) == ("2026-03-02T23:30:00.000000+00:00", None)


async def test_html_wins_over_a_note_and_its_null_clears_both(close: httpx.AsyncClient) -> None:
    record = await created(close, note="plain", note_html="<p>Ask <b>Lena</b></p><p>today</p>")
    assert record["note"] == "Ask **Lena**\n\ntoday"
    assert record["note_html"] == "<body><p>Ask <b>Lena</b></p><p>today</p></body>"
    cleared = await updated(close, record, {"note_html": None})
    assert (cleared["note"], cleared["note_html"]) == (None, None)


async def test_a_plain_note_fills_the_html(close: httpx.AsyncClient, sandbox: CloseSandbox) -> None:
    record = await created(close, note="1 < 2\n\n\nsee [us](https://example.com) ")
    assert record["note"] == "1 < 2\n\n\nsee [us](https://example.com) "
    link = '<a href="https://example.com">us</a>'
    assert record["note_html"] == f"<body><p>1 &lt; 2</p><p>see {link} </p></body>"
    sandbox.set_options({"note_through_markdown": True})
    again = await updated(close, record, {"note": record["note"]})
    assert again["note"] == "1 < 2\n\nsee [us](https://example.com)"


async def test_custom_fields_are_flat_keys_and_absent_when_unset(close: httpx.AsyncClient) -> None:
    key = f"custom.{field_id('Deal name')}"
    record = await created(close, **{key: "Dock"})
    assert record[key] == "Dock"
    assert key not in await updated(close, record, {key: None})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("Contract link", "https://example.com", 7),
        ("Seats", 12, "12"),
        ("Kick-off", "2026-04-01", "2026-04-01T00:00:00Z"),
        ("Demo at", "2026-04-01T09:00:00-08:00", "2026-04-01"),
        ("Service level", "Extended", "Golden"),
        ("Region", "EMEA", ["EMEA"]),
        ("Watchers", [OMAR, PRIYA], ["user_x"]),
        ("Decision makers", [next(iter(close_seed.CONTACTS))], ["cont_x"]),
        ("Import marker", "m-1", {"not": "an object"}),
    ],
)
async def test_a_custom_value_must_be_of_the_fields_type(
    close: httpx.AsyncClient, field: str, good: Any, bad: Any
) -> None:
    key = f"custom.{field_id(field)}"
    record = await created(close, **{key: good})
    assert record[key] == good
    assert wrong_fields(await put(close, record, {key: bad})) == {key}


async def test_a_user_field_takes_a_name_and_gives_the_id(close: httpx.AsyncClient) -> None:
    key = f"custom.{field_id('Engineer')}"
    assert (await created(close, **{key: "Priya Nair"}))[key] == PRIYA


async def test_a_contact_field_takes_only_contacts_of_the_lead(close: httpx.AsyncClient) -> None:
    key = f"custom.{field_id('Decision makers')}"
    foreign = [one["id"] for one in close_seed.CONTACTS.values() if one["lead_id"] != LEAD]
    refused = await close.post(LIST, json={"lead_id": LEAD, key: foreign[:1]})
    assert wrong_fields(refused) == {key}


async def test_a_multi_value_field_is_replaced_added_to_and_removed_from(
    close: httpx.AsyncClient,
) -> None:
    record = await created(close, **{ROBOTS: ["Picker", "Courier"]})
    added = await updated(close, record, {f"{ROBOTS}.add": "Inspector"})
    assert added[ROBOTS] == ["Picker", "Courier", "Inspector"]
    removed = await updated(close, record, {f"{ROBOTS}.remove": "Picker"})
    assert removed[ROBOTS] == ["Courier", "Inspector"]
    assert (await updated(close, record, {ROBOTS: ["Picker"]}))[ROBOTS] == ["Picker"]
    assert ROBOTS not in await updated(close, record, {f"{ROBOTS}.remove": "Picker"})


async def test_add_and_remove_take_one_value_of_a_list_on_update(close: httpx.AsyncClient) -> None:
    record = await created(close)
    single = f"custom.{field_id('Service level')}.add"
    for key, value in (
        (f"{ROBOTS}.add", ["Picker"]),
        (f"{ROBOTS}.add", None),
        (single, "Extended"),
    ):
        assert wrong_fields(await put(close, record, {key: value})) == {key}
    on_create = {"lead_id": LEAD, f"{ROBOTS}.add": "Picker"}
    assert wrong_fields(await close.post(LIST, json=on_create)) == {f"{ROBOTS}.add"}


async def test_the_schema_shows_shared_fields_and_the_list_does_not(
    close: httpx.AsyncClient,
) -> None:
    schema = (await close.get("/custom_field_schema/opportunity/")).json()
    shared = {field["id"] for field in schema["fields"] if "associations" in field}
    plain = (await close.get("/custom_field/opportunity/")).json()
    assert shared == {field_id("Region"), field_id("Account team")}
    assert not shared & {field["id"] for field in plain["data"]}
    assert (schema["object_type"], "data" in schema, plain["has_more"]) == (
        "opportunity",
        False,
        False,
    )


async def test_a_delete_is_200_with_an_empty_object_and_then_404(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    path = f"{LIST}{(await created(close))['id']}/"
    gone = await close.delete(path)
    assert (gone.status_code, gone.json()) == (200, {})
    for answer in (await close.get(path), await close.delete(path)):
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("Empty query")
    assert [effect.effect for effect in sandbox.ledger.effects] == ["create", "delete"]


async def test_a_limit_over_the_maximum_is_refused(close: httpx.AsyncClient) -> None:
    refused = await close.get(LIST, params={"_limit": 201})
    assert wrong_fields(refused) == {"_limit"}
    assert "less than or equal to 200" in refused.json()["field-errors"]["_limit"]
    assert wrong_fields(await close.get(LIST, params={"_skip": "x"})) == {"_skip"}


async def test_pages_follow_each_other_in_the_order_asked(close: httpx.AsyncClient) -> None:
    first = (await close.get(LIST, params={"_order_by": "value", "_limit": 10})).json()
    rest = (await close.get(LIST, params={"_order_by": "value", "_skip": 10})).json()
    assert (first["has_more"], rest["has_more"]) == (True, False)
    values = [row["value"] for row in first["data"] + rest["data"]]
    assert values == [*sorted(value for value in values if value is not None), None]
    assert wrong_fields(await close.get(LIST, params={"_order_by": "note"})) == {"_order_by"}


async def test_the_sums_are_over_all_matches(close: httpx.AsyncClient) -> None:
    page = (await close.get(LIST, params={"status_type": "won", "_limit": 1})).json()
    assert (len(page["data"]), page["total_results"], page["has_more"]) == (1, 4, True)
    assert page["count_by_value_period"] == {"annual": 2, "monthly": 1, "one_time": 1}
    assert page["total_value_monthly"] == 120000
    assert page["total_value_annualized"] == 780000 + 2400000 + 12 * 120000 + 5000000
    assert page["total_value_monthly_formatted"] == "$1,200"
    empty = (await close.get(LIST, params={"lead_id": "lead_x"})).json()
    assert (empty["count_by_value_period"], empty["total_value_annual_formatted"]) == ({}, None)


async def test_filters_compare_members_alone_or_with_a_list(close: httpx.AsyncClient) -> None:
    both = await listed(close, status_id__in=f"{WON},{LOST}", value_period="one_time")
    assert {row["status_id"] for row in both} == {LOST}
    mine = await listed(close, user_id=OMAR, status_type__in="won,active")
    assert mine
    assert all(row["user_id"] == OMAR and row["status_type"] != "lost" for row in mine)


async def test_a_date_filter_takes_days_in_the_callers_zone(close: httpx.AsyncClient) -> None:
    record = await created(close)
    east = {"x-tz-offset": "5.5"}

    async def matches(name: str, text: str, headers: dict[str, str] | None = None) -> bool:
        found = await close.get(LIST, params={name: text}, headers=headers)
        return record["id"] in {row["id"] for row in found.json()["data"]}

    assert await matches("date_created", "2026-03-02")
    assert not await matches("date_created__gt", "2026-03-02")
    assert await matches("date_created__gt", "2026-03-02", east)
    assert await matches("date_created__lte", "2026-03-02T23:30:00Z")
    assert not await matches("date_created__lt", "2026-03-02T23:30:00Z")
    assert wrong_fields(await close.get(LIST, params={"date_won__gte": "soon"})) == {
        "date_won__gte"
    }


async def test_a_pipeline_filter_has_no_effect(close: httpx.AsyncClient) -> None:
    assert await listed(close, pipeline_id=PARTNERS["id"]) == await listed(close)


async def test_a_query_finds_words_of_a_note(close: httpx.AsyncClient) -> None:
    await created(close, note="Marker gw-7f3a")
    (found,) = await listed(close, query='note:"gw-7f3a"', lead_id=LEAD)
    assert found["note"] == "Marker gw-7f3a"
    refused = await close.get(LIST, params={"query": "status_change(date:yesterday)"})
    assert wrong_fields(refused) == {"query"}


async def test_groups_hold_objects_and_their_own_sums(close: httpx.AsyncClient) -> None:
    groups = await listed(close, _group_by="user_id", _limit="200")
    assert [group["key"] for group in groups] == sorted([JUNE, OMAR, PRIYA])
    assert all(group["total_results"] == len(group["objects"]) for group in groups)


async def test_a_long_query_may_come_as_a_post_that_reads(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    override = {"x-http-method-override": "GET"}
    body = {"_params": {"status_id": WON, "_limit": 1}}
    answer = await close.post(LIST, json=body, headers=override)
    assert [row["status_id"] for row in answer.json()["data"]] == [WON]
    assert sandbox.ledger.effects == []


async def test_the_list_can_lag_behind_the_record(
    close: httpx.AsyncClient, sandbox: CloseSandbox, clock: Clock
) -> None:
    sandbox.set_options({"list_lag_seconds": 45, "delete_lag_seconds": 10})
    record = await created(close, note="lagging")
    path = f"{LIST}{record['id']}/"
    assert (await close.get(path)).status_code == 200
    assert await listed(close, query="lagging") == []
    clock.now += timedelta(seconds=46)
    assert len(await listed(close, query="lagging")) == 1
    await close.delete(path)
    assert (await close.get(path)).status_code == 200
    clock.now += timedelta(seconds=11)
    assert (await close.get(path)).status_code == 404
    assert len(await listed(close, query="lagging")) == 1


async def test_fields_are_selected_on_get_and_list(close: httpx.AsyncClient) -> None:
    record = await created(close)
    wanted = {"_fields": "id,value"}
    one = (await close.get(f"{LIST}{record['id']}/", params=wanted)).json()
    assert one == {"id": record["id"], "value": None}
    assert all(row.keys() == {"id", "value"} for row in await listed(close, **wanted))


@pytest.mark.parametrize(
    ("form", "header"),
    [
        ("semicolon", "limit=240; remaining=239; reset=8"),
        ("comma", "limit=240, remaining=239, reset=8"),
        ("none", None),
    ],
)
async def test_the_rate_header_has_the_form_that_is_switched(
    close: httpx.AsyncClient, sandbox: CloseSandbox, clock: Clock, form: str, header: str | None
) -> None:
    clock.now = datetime.fromtimestamp(1_760_000_000, tz=UTC)
    sandbox.set_options({"rate_header": form})
    assert (await close.get("/user/")).headers.get("ratelimit") == header


async def test_a_rate_limit_holds_for_an_endpoint_group_and_a_window(
    close: httpx.AsyncClient, sandbox: CloseSandbox, clock: Clock
) -> None:
    clock.now = datetime.fromtimestamp(1_760_000_003, tz=UTC)
    sandbox.set_options({"rate_limit": 1, "rate_enforced": True})
    paths = [f"/user/{user}/" for user in (JUNE, OMAR)]
    assert [(await close.get(path)).status_code for path in paths] == [200, 429]
    refused = await close.get(paths[0])
    assert refused.headers["retry-after"] == "5"
    assert (await close.get("/pipeline/")).status_code == 200
    clock.now += timedelta(seconds=5)
    assert (await close.get(paths[0])).status_code == 200


async def test_what_is_not_json_is_refused(close: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    broken = await close.post(LIST, content=b"{", headers=headers)
    assert (broken.status_code, list(broken.json())) == (400, ["error"])
    assert (await close.post(LIST, content=b"value=1")).status_code == 415


async def test_pipelines_statuses_and_users_are_listed(close: httpx.AsyncClient) -> None:
    pipelines = (await close.get("/pipeline/")).json()["data"]
    assert [one["name"] for one in pipelines] == ["Sales", "Renewals", "Partners"]
    assert (await close.get(f"/pipeline/{SALES['id']}/")).json() == pipelines[0]
    assert "+" not in pipelines[0]["date_created"]
    statuses = (await close.get("/status/opportunity/")).json()["data"]
    assert {one["pipeline_id"] for one in statuses} == {one["id"] for one in pipelines}
    users = (await close.get("/user/", params={"_limit": 2})).json()
    assert [user["last_name"] for user in users["data"]] == ["Amaral", "Haddad"]
    assert users["has_more"] is True


@pytest.mark.parametrize(("mode", "owner"), [("clear", None), ("keep", JUNE)])
async def test_an_owner_of_null_does_what_is_switched(
    close: httpx.AsyncClient, sandbox: CloseSandbox, mode: str, owner: str | None
) -> None:
    record = await created(close)
    sandbox.set_options({"user_null": mode})
    assert (await updated(close, record, {"user_id": None}))["user_id"] == owner
    sandbox.set_options({"user_null": "refuse"})
    assert wrong_fields(await put(close, record, {"user_id": None})) == {"user"}


async def test_the_first_record_of_the_seed_is_read_whole(close: httpx.AsyncClient) -> None:
    rows = await listed(close)
    assert len(rows) == 18
    one = (await close.get(f"{LIST}{rows[0]['id']}/")).json()
    assert one == rows[0]
