"""The pretend Reevo keeps the rules of its contract."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import reevo_seed as seed
from gateway.sandbox.reevo import READ_ONLY_KEY, READ_WRITE_KEY, ReevoSandbox

JsonObject = dict[str, Any]

ACME, GLOBEX = seed.uuid("account", 1), seed.uuid("account", 2)
DEAL = f"/opportunity/{seed.uuid('opportunity', 1)}"
WON = f"/opportunity/{seed.uuid('opportunity', 4)}"
ARCHIVED = f"/opportunity/{seed.uuid('opportunity', 11)}"
DRAFT = {"display_name": "Acme - Enterprise Deal", "stage": "proposal", "account_id": ACME}


class Clock:
    """A clock that moves a second with each look."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def sandbox() -> ReevoSandbox:
    return ReevoSandbox(Clock())


@pytest.fixture
async def client(sandbox: ReevoSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.asgi()),
        base_url="http://reevo.test/api/v2",
        headers={"authorization": f"Bearer {READ_WRITE_KEY}"},
    ) as opened:
        yield opened


async def attributes(client: httpx.AsyncClient, path: str = DEAL) -> JsonObject:
    answer = await client.get(path)
    assert answer.status_code == 200
    found = answer.json()["data"]["attributes"]
    assert isinstance(found, dict)
    return found


async def patched(client: httpx.AsyncClient, **sent: object) -> JsonObject:
    """The deal's attributes after a PATCH that succeeds."""
    answer = await client.patch(DEAL, json={"attributes": sent})
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]["attributes"]
    assert isinstance(found, dict)
    return found


async def refusal(client: httpx.AsyncClient, **sent: object) -> str:
    """The code with which a PATCH of the deal is refused."""
    answer = await client.patch(DEAL, json={"attributes": sent})
    assert answer.status_code == 422, answer.text
    return str(answer.json()["error"])


async def query(client: httpx.AsyncClient, **body: object) -> JsonObject:
    answer = await client.post("/opportunity/_query", json=body)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert isinstance(page, dict)
    return page


async def names(client: httpx.AsyncClient, *filters: object) -> list[str]:
    """The display names that a query finds."""
    page = await query(client, filters=filters)
    return [each["attributes"]["display_name"]["value"] for each in page["data"]]


def where(field: str, operator: str, value: object = None) -> JsonObject:
    return {"field": field, "operator": operator, "value": value}


def effects(sandbox: ReevoSandbox) -> list[str]:
    return [each.effect for each in sandbox.ledger.effects]


async def test_a_key_goes_into_either_of_two_headers(client: httpx.AsyncClient) -> None:
    del client.headers["authorization"]
    for headers in ({"authorization": f"Bearer {READ_WRITE_KEY}"}, {"x-api-key": READ_WRITE_KEY}):
        assert (await client.get(DEAL, headers=headers)).status_code == 200


async def test_a_bad_key_is_a_401_and_a_missing_one_a_422_or_a_401(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    bad = await client.get(DEAL, headers={"authorization": "Bearer wrong"})
    assert bad.status_code == 401
    assert bad.json() == {
        "error_response_type": "GENERIC",
        "error": "UnauthorizedError",
        "message": "Invalid API key",
        "details": None,
    }
    del client.headers["authorization"]
    missing = await client.get(DEAL)
    assert (missing.status_code, missing.json()["detail"][0]["type"]) == (422, "missing")
    sandbox.set_options({"missing_key": 401})
    assert (await client.get(DEAL)).status_code == 401


async def test_a_key_without_the_write_permission_reads_and_queries_only(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    client.headers["authorization"] = f"Bearer {READ_ONLY_KEY}"
    assert (await client.get(DEAL)).status_code == 200
    assert (await client.post("/opportunity/_query", json={})).status_code == 200
    for answer in (
        await client.post("/opportunity", json={"attributes": DRAFT}),
        await client.patch(DEAL, json={"attributes": {"amount": 1}}),
        await client.delete(DEAL),
    ):
        assert answer.status_code == 403
        assert "opportunities:write" in answer.json()["message"]
    assert effects(sandbox) == []


async def test_health_needs_no_key(client: httpx.AsyncClient) -> None:
    del client.headers["authorization"]
    assert (await client.get("/health")).status_code == 200


async def test_an_unknown_url_and_method_are_refused_as_on_v1(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/opportunities")
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})
    listing = await client.get("/opportunity")
    assert (listing.status_code, listing.json()) == (405, {"detail": "Method Not Allowed"})


async def test_a_record_is_an_envelope_of_envelopes(client: httpx.AsyncClient) -> None:
    record = (await client.get(DEAL)).json()["data"]
    found = record["attributes"]
    assert record["record_type"] == "opportunity"
    assert record["created_at"] == found["created_at"]["value"]
    assert found["amount"] == {"value": {"amount": "150000.00"}, "value_type": "currency"}
    assert found["account_id"]["value"] == {
        "related_record_id": ACME,
        "related_record_type": "account",
    }
    assert found["stage"]["value"].keys() == {
        *("id", "display_value", "api_name", "color", "closing_probability", "expected_days")
    }
    assert found["stage"]["value"]["closing_probability"] == "50"
    assert found["forecast_weighted_amount"]["value"] == {"amount": "75000.00"}
    assert len(found) == 45 + 13


async def test_several_values_are_an_array_of_envelopes(client: httpx.AsyncClient) -> None:
    found = await attributes(client)
    assert [each["value"] for each in found["competitors_mentioned_other"]] == [
        "Hooli",
        "Pied Piper",
    ]
    assert [each["value"]["display_value"] for each in found["products"]] == ["Core", "Voice"]


async def test_a_value_type_that_no_page_lists_is_shown(client: httpx.AsyncClient) -> None:
    signal = (await attributes(client))["buying_signal"]
    assert signal == {"value": {"score": 72, "trend": "rising"}, "value_type": "signal_score"}


async def test_an_empty_attribute_looks_in_one_of_three_ways(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    found = await attributes(client, WON)
    assert found["next_step_details"] == {"value": None, "value_type": "long_text"}
    assert found["products"] == []
    sandbox.set_options({"empty_attributes": "null"})
    assert (await attributes(client, WON))["next_step_details"] is None
    sandbox.set_options({"empty_attributes": "absent"})
    assert not (await attributes(client, WON)).keys() & {"next_step_details", "products"}


async def test_the_scale_of_the_closing_probability_is_open(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    sandbox.set_options({"closing_probability": "fraction", "top_level_times": False})
    record = (await client.get(DEAL)).json()["data"]
    assert record["attributes"]["stage"]["value"]["closing_probability"] == "0.5"
    assert record.keys() == {"id", "attributes", "record_type"}


async def test_a_create_answers_201_with_the_whole_record(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    answer = await client.post("/opportunity", json={"attributes": {**DRAFT, "amount": 150000}})
    record = answer.json()["data"]
    assert answer.status_code == 201
    assert record["attributes"]["amount"]["value"] == {"amount": "150000.00"}
    assert record["attributes"]["status"]["value"] == "DEAL"
    assert (await client.get(f"/opportunity/{record['id']}")).json()["data"] == record
    assert effects(sandbox) == ["create"]


@pytest.mark.parametrize("missing", sorted(DRAFT))
async def test_a_create_without_a_required_field_says_which(
    client: httpx.AsyncClient, missing: str
) -> None:
    sent = {name: value for name, value in DRAFT.items() if name != missing}
    answer = await client.post("/opportunity", json={"attributes": sent})
    assert (answer.status_code, answer.json()["error"]) == (422, "field_required_missing")
    assert answer.json()["details"] == {"field": missing}


async def test_the_same_create_twice_makes_two_records(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    for _ in range(2):
        await client.post("/opportunity", json={"attributes": DRAFT})
    assert effects(sandbox) == ["create", "create"]


async def test_a_value_goes_raw_or_in_its_envelope(client: httpx.AsyncClient) -> None:
    for amount in (
        1234.5,
        "1234.50",
        {"value": 1234.5, "value_type": "currency"},
        {"value": {"amount": "1234.50"}, "value_type": "currency"},
    ):
        found = await patched(client, amount=amount)
        assert found["amount"]["value"] == {"amount": "1234.50"}


async def test_an_amount_keeps_every_digit_unless_it_is_rounded(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    found = await patched(client, amount="9007199254740993.125")
    assert found["amount"]["value"] == {"amount": "9007199254740993.125"}
    sandbox.set_options({"amount_digits": 2})
    found = await patched(client, amount="9007199254740993.125")
    assert found["amount"]["value"] == {"amount": "9007199254740993.12"}


async def test_a_patch_leaves_what_it_does_not_name(client: httpx.AsyncClient) -> None:
    before = await attributes(client)
    after = await patched(client, next_step_details="Call on Monday.")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"next_step_details", "updated_at"}


async def test_null_clears_what_may_be_empty(client: httpx.AsyncClient) -> None:
    found = await patched(client, amount=None, participant_user_id_list=None, lead_source=None)
    assert found["amount"]["value"] is found["lead_source"]["value"] is None
    assert found["participant_user_id_list"] == []
    assert await refusal(client, display_name=None) == "field_value_invalid"
    assert await refusal(client, stage=None) == "field_value_invalid"


async def test_an_array_replaces_the_whole_array(client: httpx.AsyncClient) -> None:
    found = await patched(client, products=["Analytics", {"value": "core", "value_type": "select"}])
    assert [each["value"]["api_name"] for each in found["products"]] == ["analytics", "core"]
    for wrong in ("core", [None], {"value": ["core"], "value_type": "select"}):
        assert await refusal(client, products=wrong) == "field_value_invalid"


async def test_a_patch_must_name_an_attribute(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    bodies: tuple[object, ...] = ({"attributes": {}}, {}, {"attributes": []}, [])
    for body in bodies:
        answer = await client.patch(DEAL, json=body)
        assert answer.status_code == 422
        assert "detail" in answer.json()
    assert effects(sandbox) == []


@pytest.mark.parametrize(
    "name",
    ["account_id", "status", "outcome", "closed_at", "stage_last_shifted_at", "updated_at"],
)
async def test_a_read_only_attribute_is_refused(client: httpx.AsyncClient, name: str) -> None:
    assert await refusal(client, **{name: None}) == "field_not_updatable"


async def test_a_system_attribute_is_refused_on_create(client: httpx.AsyncClient) -> None:
    answer = await client.post("/opportunity", json={"attributes": {**DRAFT, "outcome": "WON"}})
    assert answer.json()["error"] == "field_not_creatable"


async def test_an_unknown_attribute_is_an_error_and_nothing_is_written(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    before = await attributes(client)
    assert await refusal(client, amount=1, probability=50) == "unknown_field"
    assert await attributes(client) == before
    assert effects(sandbox) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("display_name", 5),
        ("amount", "many"),
        ("amount", {"amount": "1", "currency": "USD"}),
        ("amount", {"value": 1, "value_type": "number"}),
        ("anticipated_closing_at", "2026-12-15"),
        ("anticipated_closing_at", "2026-12-15T10:00:00"),
        ("renewal_date", "15.12.2026"),
        ("seats", True),
        ("security_review_done", "yes"),
        ("lead_source", "Billboard"),
        ("owner_user_id", 7),
    ],
)
async def test_a_value_that_cannot_be_coerced_is_refused(
    client: httpx.AsyncClient, name: str, value: object
) -> None:
    assert await refusal(client, **{name: value}) == "field_value_invalid"


async def test_a_timestamp_is_kept_as_an_instant(client: httpx.AsyncClient) -> None:
    found = await patched(client, anticipated_closing_at="2026-12-15T23:59:59-05:00")
    assert found["anticipated_closing_at"]["value"] == "2026-12-16T04:59:59Z"


async def test_a_reference_goes_by_id_or_by_a_unique_field(client: httpx.AsyncClient) -> None:
    wei = seed.uuid("user", 3)
    for owner in (
        wei,
        {"related_record_match": {"email": "wei.zhang@northwind.example"}},
        {"value": {"related_record_id": wei}, "value_type": "record_reference"},
    ):
        found = await patched(client, owner_user_id=owner)
        assert found["owner_user_id"]["value"]["related_record_id"] == wei


@pytest.mark.parametrize(
    ("match", "code"),
    [
        ({"domain_name": "globex.example"}, "ambiguous_match"),
        ({"domain_name": "nobody.example"}, "target_record_not_found"),
        ({"display_name": "Acme"}, "invalid_matching_field"),
    ],
)
async def test_a_match_must_find_exactly_one(
    client: httpx.AsyncClient, match: JsonObject, code: str
) -> None:
    sent = {**DRAFT, "account_id": {"related_record_match": match}}
    answer = await client.post("/opportunity", json={"attributes": sent})
    assert answer.json()["error"] == code


async def test_a_stage_goes_by_id_api_name_or_an_unambiguous_name(
    client: httpx.AsyncClient,
) -> None:
    for stage in (seed.stage("qualified"), "qualified", "Qualified"):
        await patched(client, stage="discovery")
        found = await patched(client, stage=stage)
        assert found["stage"]["value"]["id"] == seed.stage("qualified")
    as_read = (await attributes(client))["stage"]["value"]
    for wrong in ("Negotiation", "Nowhere", as_read):
        assert await refusal(client, stage=wrong) == "field_value_invalid"


async def test_a_stage_may_be_taken_as_it_is_read(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    sandbox.set_options({"choice_objects": "take"})
    won = (await attributes(client, WON))["stage"]
    assert (await patched(client, stage=won))["stage"] == won


async def test_closing_sets_outcome_status_and_time_by_itself(client: httpx.AsyncClient) -> None:
    won = await patched(client, stage="closed_won")
    assert [won[name]["value"] for name in ("outcome", "status")] == ["CLOSED_WON", "DEAL"]
    assert won["closed_at"] == won["stage_last_shifted_at"]
    lost = await patched(client, stage="closed_lost")
    assert lost["outcome"]["value"] == "CLOSED_LOST"
    reopened = await patched(client, stage="discovery")
    assert [reopened[name]["value"] for name in ("outcome", "status", "closed_at")] == [
        None,
        "PROSPECT",
        None,
    ]


async def test_a_stage_with_criteria_cannot_be_entered(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    sandbox.set_options({"stage_criteria": ["closed_won"]})
    assert await refusal(client, stage="closed_won") == "stage_entrance_criteria_not_met"
    assert (await attributes(client))["stage"]["value"]["api_name"] == "proposal"


async def test_a_delete_archives_with_an_empty_204(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    answer = await client.delete(DEAL)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await attributes(client))["archived_at"]["value"] is not None
    for again in (
        await client.delete(DEAL),
        await client.patch(DEAL, json={"attributes": {"amount": 1}}),
    ):
        assert (again.status_code, again.json()["error"]) == (404, "record_not_found")
    sandbox.set_options({"archived_readable": False})
    assert (await client.get(DEAL)).status_code == 404
    assert effects(sandbox) == ["delete"]


async def test_a_query_hides_the_archived_unless_asked(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    by_name = where("display_name", "contains", "archive")
    assert await names(client, by_name) == []
    assert len(await names(client, where("archived_at", "exists"))) == 1
    sandbox.set_options({"archived_listed": True})
    assert await names(client, by_name) == ["Initech - Archive project"]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([], 17),
        ([where("display_name", "starts_with", "acme")], 5),
        ([where("amount", "gte", 150000), where("amount", "lt", "1250000")], 2),
        ([where("amount", "between", [9000, 20000])], 3),
        ([where("amount", "not_exists")], 2),
        ([where("stage", "eq", "discovery")], 3),
        ([where("stage", "in", ["closed_won", "expansion_won"])], 3),
        ([where("account_id", "eq", GLOBEX)], 3),
        ([where("account.domain_name", "eq", "globex.example")], 5),
        ([where("updated_at", "gte", "2026-09-01T00:00:00Z")], 2),
        ([where("products", "eq", "voice")], 1),
        ([where("seats", "gt", 40)], 1),
        ([{"or": [where("seats", "eq", 40), where("outcome", "eq", "CLOSED_LOST")]}], 3),
        ([{"not": [where("outcome", "exists")]}], 12),
        ([{"and": [where("outcome", "exists"), {"not": [where("amount", "exists")]}]}], 1),
    ],
)
async def test_filters_narrow_a_query(
    client: httpx.AsyncClient, filters: list[JsonObject], count: int
) -> None:
    assert len(await names(client, *filters)) == count


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"filters": [where("probability", "eq", 1)]}, "invalid_filter_field"),
        ({"filters": [where("account.colour", "eq", 1)]}, "invalid_filter_field"),
        ({"filters": [where("amount", "contains", "1")]}, "invalid_filter_operator"),
        ({"filters": [where("buying_signal", "exists")]}, "invalid_filter_operator"),
        ({"filters": [where("amount", "eq", "many")]}, "invalid_filter_value"),
        ({"filters": [where("amount", "in", 5)]}, "invalid_filter_value"),
        ({"filters": [where("amount", "between", [1])]}, "invalid_filter_value"),
        ({"filters": [where("a.b.c.d.e", "eq", 1)]}, "filter_depth_exceeded"),
        ({"filters": [{"or": [{"or": [{"or": [{"or": []}]}]}]}]}, "filter_depth_exceeded"),
        ({"sort": [{"field": "amount"}] * 4}, "sort_too_many_fields"),
        ({"sort": [{"field": "stage"}]}, "unsortable_field"),
        ({"cursor": "junk"}, "invalid_cursor"),
    ],
)
async def test_a_query_that_cannot_be_made_has_a_code(
    client: httpx.AsyncClient, body: JsonObject, code: str
) -> None:
    answer = await client.post("/opportunity/_query", json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, code)


async def test_a_query_sorts_by_up_to_three_fields_with_the_empty_last(
    client: httpx.AsyncClient,
) -> None:
    sort = [{"field": "amount", "direction": "desc"}, {"field": "display_name"}]
    page = await query(client, sort=sort)
    amounts = [each["attributes"]["amount"]["value"] for each in page["data"]]
    filled = [float(amount["amount"]) for amount in amounts if amount]
    assert filled == sorted(filled, reverse=True)
    assert amounts[-2:] == [None, None]
    equal = [each["attributes"]["display_name"]["value"] for each in page["data"]]
    assert equal.index("Initech - Platform") < equal.index("Initech - Renewal 2027")


@pytest.mark.parametrize("place", ["top", "meta"])
async def test_a_cursor_carries_its_filters_and_sort_to_the_end(
    client: httpx.AsyncClient, sandbox: ReevoSandbox, place: str
) -> None:
    sandbox.set_options({"next_cursor": place})
    body: JsonObject = {
        "filters": [where("outcome", "not_exists")],
        "sort": [{"field": "updated_at", "direction": "asc"}],
        "limit": 5,
    }
    times: list[str] = []
    while body:
        page = await query(client, **body)
        times += [each["updated_at"] for each in page["data"]]
        cursor = (page if place == "top" else page["meta"])["next_cursor"]
        body = {"cursor": cursor, "limit": 5} if cursor else {}
    assert len(times) == 12
    assert times == sorted(times)


async def test_a_cursor_does_not_go_with_filters(client: httpx.AsyncClient) -> None:
    cursor = (await query(client, limit=1))["next_cursor"]
    answer = await client.post("/opportunity/_query", json={"cursor": cursor, "filters": []})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_cursor")


async def test_a_page_holds_the_default_and_never_more_than_the_maximum(
    client: httpx.AsyncClient, sandbox: ReevoSandbox
) -> None:
    sandbox.set_options({"default_limit": 3, "max_limit": 10})
    assert len((await query(client))["data"]) == 3
    for limit in (0, 11, "5", None):
        answer = await client.post("/opportunity/_query", json={"limit": limit})
        assert (answer.status_code, "detail" in answer.json()) == (422, True)


async def test_the_schema_says_what_is_custom_writable_and_filterable(
    client: httpx.AsyncClient,
) -> None:
    described = (await client.get("/_schema/opportunity")).json()
    assert "data" not in described
    found = {each["api_name"]: each for each in described["attributes"]}
    assert sum(each["is_custom"] for each in found.values()) == 13
    assert found["products"]["type_info"] == {"is_array": True, "value_type": "select"}
    assert found["account_id"]["is_creatable"]
    assert not found["account_id"]["is_updatable"]
    assert not found["buying_signal"]["is_filterable"]
    assert "between" in found["amount"]["filter_operators"]
    assert (await client.get("/_schema/deal")).status_code == 404


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        ("application", ["error"]),
        ("flat", ["code"]),
        ("nested", ["error", "code"]),
        ("list", ["errors", 0, "code"]),
        ("detail", ["detail", 0, "type"]),
    ],
)
async def test_a_code_stands_in_one_of_five_places(
    client: httpx.AsyncClient, sandbox: ReevoSandbox, shape: str, path: list[str | int]
) -> None:
    sandbox.set_options({"error_shape": shape, "refusal_status": 400})
    answer = await client.patch(DEAL, json={"attributes": {"probability": 50}})
    found: Any = answer.json()
    for step in path:
        found = found[step]
    assert (answer.status_code, found) == (400, "unknown_field")


async def test_a_body_that_is_not_json_is_a_validation_error(client: httpx.AsyncClient) -> None:
    answer = await client.post("/opportunity", content=b"{")
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")


def test_every_switch_has_the_positions_it_names(sandbox: ReevoSandbox) -> None:
    for name, choices in sandbox.option_choices.items():
        assert sandbox.default_options[name] in choices
