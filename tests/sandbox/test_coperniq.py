"""The pretend Coperniq keeps the rules of its contract."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox.coperniq import API_KEY, CoperniqSandbox

JsonObject = dict[str, Any]

THREE = {
    "title": "Downtown Office Renovation",
    "address": ["123 Main St, Springfield, IL 62704"],
    "trades": ["Electrical", "Plumbing", "Carpentry"],
}
DRAFT = {"title": "New roof", "address": ["1 Oak Ave, Peoria, IL 61604"], "trades": ["Solar"]}


class Clock:
    """A clock that moves a second with each look, so that no test meets the limit per second."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def sandbox() -> CoperniqSandbox:
    return CoperniqSandbox(Clock())


@pytest.fixture
async def client(sandbox: CoperniqSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.asgi()),
        base_url="http://coperniq.test/v1",
        headers={"x-api-key": API_KEY},
    ) as opened:
        yield opened


def effects(sandbox: CoperniqSandbox) -> list[tuple[str, str]]:
    return [(each.effect, each.record_id) for each in sandbox.ledger.effects]


async def read(client: httpx.AsyncClient, path: str) -> JsonObject:
    answer = await client.get(path)
    assert answer.status_code == 200
    record = answer.json()
    assert isinstance(record, dict)
    return record


async def test_a_key_goes_bare_into_its_own_header(client: httpx.AsyncClient) -> None:
    for headers in ({"x-api-key": "wrong"}, {"x-api-key": f"Bearer {API_KEY}"}):
        answer = await client.get("/opportunities", headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"message": "Authentication failed", "code": "UNAUTHORIZED"}
        assert "x-ratelimit-limit" not in answer.headers


async def test_a_bad_key_may_meet_the_gateways_bare_403(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    sandbox.set_options({"bad_key": 403})
    answer = await client.get("/opportunities", headers={"x-api-key": "wrong"})
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


async def test_every_authenticated_answer_tells_the_days_budget(client: httpx.AsyncClient) -> None:
    for left, path in ((4999, "/users"), (4998, "/opportunities/999999"), (4997, "/nowhere")):
        answer = await client.get(path)
        assert answer.headers["x-ratelimit-limit"] == "5000"
        assert answer.headers["x-ratelimit-remaining"] == str(left)


@pytest.mark.parametrize(
    ("limit", "value", "pause"),
    [("daily_limit", 2, timedelta(days=1)), ("second_limit", 1, timedelta(seconds=1))],
)
async def test_calls_beyond_a_limit_are_429_until_the_window_has_passed(
    limit: str, value: int, pause: timedelta
) -> None:
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    sandbox = CoperniqSandbox(lambda: now[0])
    sandbox.set_options({limit: value})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.asgi()), headers={"x-api-key": API_KEY}
    ) as client:
        answers = [await client.get("http://coperniq.test/v1/users") for _ in range(value + 1)]
        assert [answer.status_code for answer in answers] == [*[200] * value, 429]
        assert answers[-1].json()["code"] == "RATE_LIMIT_EXCEEDED"
        now[0] += pause
        assert (await client.get("http://coperniq.test/v1/users")).status_code == 200


async def test_a_list_is_a_bare_array_of_twenty_until_a_short_page(
    client: httpx.AsyncClient,
) -> None:
    pages = [(await client.get("/opportunities", params={"page": page})).json() for page in (1, 2)]
    assert [len(page) for page in pages] == [20, 2]
    assert (await client.get("/opportunities", params={"page": 3})).json() == []


@pytest.mark.parametrize(
    "query",
    ["page_size=0", "page_size=101", "page=0", "order_by=up", "updated_after=x", "page_size=1.5"],
)
async def test_a_parameter_out_of_range_is_a_400_that_names_it(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(f"/opportunities?{query}")
    assert answer.status_code == 400
    assert answer.json()["field"] == query.split("=", maxsplit=1)[0]


async def test_the_order_turns_round_on_demand(client: httpx.AsyncClient) -> None:
    up = (await client.get("/opportunities?order_by=asc&page_size=100")).json()
    down = (await client.get("/opportunities?order_by=desc&page_size=100")).json()
    assert up == down[::-1]
    assert up != down


async def test_archived_records_are_hidden_unless_asked_for(client: httpx.AsyncClient) -> None:
    assert (await client.get("/opportunities/12")).status_code == 404
    assert (await read(client, "/opportunities/12?include_archived=true"))["isActive"] is False
    everything = await client.get("/opportunities?page_size=100&include_archived=true")
    assert len(everything.json()) == 23


async def test_the_lists_own_filters_narrow_it(client: httpx.AsyncClient) -> None:
    for query, ids in (
        ("q=FACILITIES", []),
        ("q=main+office", [1]),
        ("primaryEmail=dana@", [1]),
        ("primaryName=whitfield", [1]),
        ("title=battery", [5, 6]),
        ("updated_after=2024-12-01T00:00:00Z", [11, 23]),
    ):
        found = (await client.get(f"/opportunities?{query}")).json()
        assert sorted(each["id"] for each in found) == ids, query


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("prop1=status&op1=eq&value1=COMPLETED", [5, 14]),
        ("prop1=title&op1=eq&value1=Battery retrofit&prop2=value&op2=lt&value2=13500", [6]),
        ("prop1=id&op1=eq&value1=2&prop2=id&op2=eq&value2=4&logic=or", [2, 4]),
        ("prop1=id&op1=in&value1=[1, 3]", [1, 3]),
        ('prop1=status&op1=in&value1="CANCELLED","ON_HOLD"', [6, 7, 15, 17]),
        ("prop1=value&op1=between&value1=9000,13500", [6]),
        ("prop1=panelCount&op1=eq&value1=940", [4]),
        ("prop1=roofTypes&op1=contains&value1=TILE", [11]),
        ("prop1=clientId&op1=eq&value1=46&prop2=value&op2=gte&value2=400000", [13]),
        ("prop1=name&op1=contains&value1=household", [3]),
    ],
)
async def test_a_search_takes_one_or_two_conditions(
    client: httpx.AsyncClient, query: str, ids: list[int]
) -> None:
    found = (await client.get(f"/opportunities/search?{query}")).json()
    assert sorted(each["id"] for each in found) == ids


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("prop1=status&op1=eq", "value1"),
        ("prop1=colour&op1=eq&value1=red", "prop1"),
        ("prop1=status&op1=like&value1=A", "op1"),
        ("prop1=priority&op1=exists&value1=true", "op1"),
        ("prop1=value&op1=between&value1=1", "value1"),
    ],
)
async def test_a_search_that_cannot_be_made_is_a_400(
    client: httpx.AsyncClient, query: str, field: str
) -> None:
    answer = await client.get(f"/opportunities/search?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_a_read_shows_34_fields_and_never_the_status(client: httpx.AsyncClient) -> None:
    record = await read(client, "/opportunities/1")
    assert len(record) == 34
    assert not record.keys() & {"status", "contacts", "ownerId", "type"}
    assert (record["owner"]["firstName"], record["phase"]["id"]) == ("Alice", record["phaseId"])
    assert [each["status"] for each in record["phaseInstances"]][:2] == [
        "IN_PROGRESS",
        "NOT_STARTED",
    ]


async def test_who_created_a_record_comes_in_the_older_or_the_newer_shape(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    assert (await read(client, "/opportunities/1"))["createdById"] == 7
    sandbox.set_options({"creator": "objects"})
    record = await read(client, "/opportunities/1")
    assert "createdById" not in record
    assert record["createdBy"]["id"] == record["updatedBy"]["id"] == 7


async def test_a_blank_title_reads_as_the_accounts(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    assert (await read(client, "/opportunities/3"))["title"] == "Raman Household"
    assert sandbox.records["3"]["title"] == ""


async def test_a_new_record_is_answered_with_200_or_201(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    first = await client.post("/opportunities", json=DRAFT)
    sandbox.set_options({"created_status": 201})
    second = await client.post("/opportunities", json={**DRAFT, "title": "Another roof"})
    assert (first.status_code, second.status_code) == (200, 201)
    assert effects(sandbox) == [
        ("create", str(first.json()["id"])),
        ("create", str(second.json()["id"])),
    ]
    assert (first.json()["city"], first.json()["zipcode"]) == ("Peoria", "61604")


async def test_a_title_that_exists_answers_the_old_record_and_drops_what_was_sent(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    answer = await client.post("/opportunities", json={**THREE, "value": 1})
    assert (answer.status_code, answer.json()["id"], answer.json()["value"]) == (200, 1, 250000)
    assert effects(sandbox) == []


async def test_a_match_may_be_replaced_or_enriched(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    draft = {**DRAFT, "title": "Cold store metering", "value": 5, "custom": {"requestedBy": "Li"}}
    enriched = await client.post("/opportunities?match_found_strategy=enrich", json=draft)
    assert (enriched.json()["id"], enriched.json()["value"]) == (7, 5)
    assert enriched.json()["address"] == ["900 W Lake St, Chicago, IL 60607"]
    replaced = await client.post("/opportunities?match_found_strategy=replace", json=draft)
    assert replaced.json()["address"] == DRAFT["address"]
    assert effects(sandbox) == [("update", "7"), ("update", "7")]


@pytest.mark.parametrize(
    ("match_by", "sent"),
    [
        ("primaryEmail", {"primaryEmail": "dana@whitfield.example"}),
        ("primaryPhone", {"primaryPhone": "+1-217-555-0198"}),
        ("address", {"address": THREE["address"]}),
    ],
)
async def test_a_match_is_made_by_another_field_on_demand(
    client: httpx.AsyncClient, match_by: str, sent: JsonObject
) -> None:
    answer = await client.post(f"/opportunities?match_by={match_by}", json={**DRAFT, **sent})
    assert answer.json()["id"] == 1


async def test_an_email_on_create_makes_a_contact_or_finds_one(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    known = await client.post(
        "/opportunities", json={**DRAFT, "primaryEmail": "priya.raman@mail.example"}
    )
    new = await client.post(
        "/opportunities", json={**DRAFT, "title": "B", "primaryPhone": "+1-555-0100"}
    )
    assert sandbox.records[str(known.json()["id"])]["contacts"] == [903]
    (made,) = sandbox.records[str(new.json()["id"])]["contacts"]
    assert sandbox.company.contacts[made]["phones"] == ["+1-555-0100"]


@pytest.mark.parametrize("missing", ["title", "address", "trades"])
async def test_three_fields_are_required_on_create_and_by_default_on_update(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox, missing: str
) -> None:
    body = {name: value for name, value in THREE.items() if name != missing}
    for answer in (
        await client.post("/opportunities", json=body),
        await client.patch("/opportunities/1", json={**body, "value": 1}),
    ):
        assert answer.status_code == 400
        assert answer.json()["code"] == "VALIDATION_ERROR"
        assert answer.json()["field"] == missing
    sandbox.set_options({"patch_requires_three": False})
    partial = await client.patch("/opportunities/1", json={"value": 1})
    assert (partial.status_code, partial.json()["title"]) == (200, THREE["title"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", None),
        ("title", 5),
        ("address", "1 Oak Ave"),
        ("address", ["1 Oak Ave", "Peoria"]),
        ("trades", "Solar"),
        ("value", None),
        ("value", "250000"),
        ("value", True),
        ("size", None),
        ("status", "WON"),
        ("status", None),
        ("primaryEmail", "dana"),
        ("primaryEmail", None),
        ("contacts", [{"id": 901}]),
        ("contacts", [999]),
        ("custom", []),
        ("confidence", 101),
        ("phaseId", 31),
        ("workflowId", 999),
        ("accountId", 46),
    ],
)
async def test_a_refused_field_is_named_and_nothing_is_written(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox, field: str, value: object
) -> None:
    before = await read(client, "/opportunities/1")
    body = {**THREE, "description": "changed", field: value}
    answer = await client.patch("/opportunities/1", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert await read(client, "/opportunities/1") == before
    assert effects(sandbox) == []


async def test_description_and_workflow_may_be_cleared(client: httpx.AsyncClient) -> None:
    body = {**THREE, "description": None, "workflowId": None}
    record = (await client.patch("/opportunities/1", json=body)).json()
    assert [record[name] for name in ("description", "workflowId", "phaseId", "phase")] == [
        None
    ] * 4
    assert record["phaseInstances"] == []


async def test_a_status_is_stored_and_found_and_not_shown(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    answer = await client.patch("/opportunities/1", json={**THREE, "status": "ON_HOLD"})
    assert "status" not in answer.json()
    assert sandbox.records["1"]["status"] == "ON_HOLD"
    found = await client.get("/opportunities/search?prop1=status&op1=eq&value1=ON_HOLD")
    assert 1 in [each["id"] for each in found.json()]


async def test_a_value_is_a_binary_double(client: httpx.AsyncClient) -> None:
    body = b'{"title":"t","address":["a"],"trades":[],"value":9007199254740993}'
    headers = {"content-type": "application/json"}
    answer = await client.post("/opportunities", content=body, headers=headers)
    assert b'"value":9007199254740992' in answer.content
    assert b'"size":15000.5' in (await client.get("/opportunities/1")).content


async def test_a_phase_moves_by_the_id_that_a_read_shows(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    record = (await client.patch("/opportunities/1", json={**THREE, "phaseId": 6})).json()
    assert (record["phase"]["name"], record["phaseInstances"][0]["status"]) == (
        "Proposal",
        "COMPLETED",
    )
    moved = (await client.patch("/opportunities/1", json={**THREE, "workflowId": 14})).json()
    assert (moved["workflowName"], moved["phaseId"]) == ("Commercial Sales", 31)
    sandbox.set_options({"phase_on_write": "ignore", "confidence_on_write": "ignore"})
    same = await client.patch("/opportunities/1", json={**THREE, "phaseId": 33, "confidence": 1})
    assert (same.status_code, same.json()["phaseId"], same.json()["confidence"]) == (200, 31, 85.5)


async def test_an_account_may_change_where_the_older_page_holds(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    sandbox.set_options({"account_on_patch": "take"})
    answer = await client.patch("/opportunities/1", json={**THREE, "accountId": 46})
    assert answer.json()["accountId"] == 46


async def test_an_unknown_option_is_refused_unless_new_ones_are_allowed(
    client: httpx.AsyncClient,
) -> None:
    body = {**THREE, "custom": {"priority": "Urgent", "roofTypes": ["Slate"]}}
    refused = await client.patch("/opportunities/1", json=body)
    assert (refused.status_code, refused.json()["field"]) == (400, "custom.priority")
    taken = await client.patch("/opportunities/1?allow_new_options=true", json=body)
    assert taken.json()["custom"]["roofTypes"] == ["Slate"]
    definitions = await read(client, "/properties?record_type=opportunity")
    options = {each["keyName"]: each["options"] for each in definitions["opportunity"]}
    assert options["priority"] == ["Low", "Medium", "High", "Urgent"]


async def test_custom_is_merged_by_key_or_replaced(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    body = {**THREE, "custom": {"priority": "Low"}}
    merged = (await client.patch("/opportunities/1", json=body)).json()["custom"]
    assert merged == {"priority": "Low", "requestedBy": "Facilities Department"}
    sandbox.set_options({"custom_on_patch": "replace"})
    replaced = (await client.patch("/opportunities/1", json=body)).json()["custom"]
    assert replaced == {"priority": "Low"}


async def test_an_unknown_field_is_ignored_silently_or_refused(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    body = {**THREE, "ownerId": 33}
    assert (await client.patch("/opportunities/1", json=body)).json()["owner"]["id"] == 22
    sandbox.set_options({"unknown_fields": "refuse"})
    answer = await client.patch("/opportunities/1", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, "ownerId")


async def test_a_body_that_is_not_json_has_its_own_code(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.post("/opportunities", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_JSON")


@pytest.mark.parametrize(("body", "content"), [("empty", b""), ("object", b'{"id":1,')])
async def test_a_delete_archives_with_a_200(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox, body: str, content: bytes
) -> None:
    sandbox.set_options({"delete_body": body})
    answer = await client.delete("/opportunities/1")
    assert (answer.status_code, answer.content[:8]) == (200, content)
    for again in (
        await client.get("/opportunities/1"),
        await client.delete("/opportunities/1"),
        await client.patch("/opportunities/1", json=THREE),
    ):
        assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")
    assert effects(sandbox) == [("delete", "1")]


async def test_a_removed_record_is_gone_for_good(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    sandbox.set_options({"delete": "remove"})
    await client.delete("/opportunities/1")
    assert (await client.get("/opportunities/1?include_archived=true")).status_code == 404


async def test_requests_and_clients_are_older_names_of_the_same(client: httpx.AsyncClient) -> None:
    assert await read(client, "/requests/1") == await read(client, "/opportunities/1")
    assert await read(client, "/clients/45") == await read(client, "/accounts/45")


async def test_an_account_tells_its_title(client: httpx.AsyncClient) -> None:
    account = await read(client, "/accounts/45?include_contacts=true")
    assert (account["title"], account["contacts"][0]["id"]) == ("Whitfield Household", 901)
    assert (await client.get("/accounts/999")).status_code == 404


async def test_workflows_hold_phases_in_order_and_do_not_say_whose_they_are(
    client: httpx.AsyncClient,
) -> None:
    workflows = (await client.get("/workflows")).json()
    assert [each["id"] for each in workflows] == [12, 14, 21]
    assert {each["type"] for each in workflows} == {"PROJECT"}
    assert [each["id"] for each in workflows[0]["phases"]] == [3, 4, 5, 6, 7]
    assert await read(client, "/workflows/12") == workflows[0]
    assert (await client.get("/workflows/9")).status_code == 404


async def test_properties_come_twice_for_a_renamed_type(
    client: httpx.AsyncClient, sandbox: CoperniqSandbox
) -> None:
    found = await read(client, "/properties?record_type=opportunity")
    assert found.keys() == {"opportunity", "request"}
    assert {each["isCustom"] for each in found["opportunity"]} == {True, False}
    both = await read(client, "/properties?record_type=project,account")
    assert both.keys() == {"project", "account", "client"}
    sandbox.set_options({"properties_keys": "plural"})
    assert "requests" in await read(client, "/properties")
    assert (await client.get("/properties?record_type=deal")).status_code == 400


async def test_users_are_found_by_email_or_id(client: httpx.AsyncClient) -> None:
    by_email = (await client.get("/users?email=alice.johnson@brightroof.example")).json()
    assert [each["id"] for each in by_email] == [22]
    assert by_email == (await client.get("/users?id=22")).json()
    assert len((await client.get("/users")).json()) == 4


def test_every_switch_has_the_positions_it_names(sandbox: CoperniqSandbox) -> None:
    for name, choices in sandbox.option_choices.items():
        assert sandbox.default_options[name] in choices
