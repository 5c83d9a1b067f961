"""The pretend Slant keeps to slant.md and founding documents 000 and 001."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import slant_seed
from gateway.sandbox.slant import READ_ONLY_TOKEN, READ_WRITE_TOKEN, SlantSandbox
from gateway.sandbox.slant_seed import BOOK_EAST, BOOK_WEST

LIST = "/v1/opportunities"
PROSPECTS = slant_seed.PIPELINES["pipprse2k8w4"]
CLIENTS = slant_seed.PIPELINES["pipclie5r1t7"]
DEAL = {"book_id": BOOK_EAST, "name": "Rollover", "pipeline_type": "prospect"}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> SlantSandbox:
    return SlantSandbox(clock)


@pytest.fixture
async def slant(sandbox: SlantSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.asgi()),
        base_url="http://slant",
        headers={"authorization": f"Bearer {READ_WRITE_TOKEN}"},
    ) as client:
        yield client


async def created(slant: httpx.AsyncClient, **members: Any) -> dict[str, Any]:
    answer = await slant.post(LIST, json={**DEAL, **members})
    assert answer.status_code == 201, answer.text
    record: dict[str, Any] = answer.json()
    return record


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def named(answer: httpx.Response) -> set[str]:
    assert code(answer) == (422, "validation_failed")
    return set(answer.json()["error"]["details"])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (None, "token_missing"),
        (READ_WRITE_TOKEN, "token_missing"),
        (f"bearer {READ_WRITE_TOKEN}", "token_missing"),
        (f"Token {READ_WRITE_TOKEN}", "token_missing"),
        ("Basic abc", "token_missing"),
        ("Bearer slnt_pat_other", "token_invalid"),
    ],
)
async def test_only_a_known_token_after_exactly_bearer_is_let_in(
    slant: httpx.AsyncClient, sent: str | None, expected: str
) -> None:
    headers = {} if sent is None else {"authorization": sent}
    slant.headers.pop("authorization")
    assert code(await slant.get("/v1/me", headers=headers)) == (401, expected)


async def test_a_read_only_token_reads_and_does_not_write(
    slant: httpx.AsyncClient, sandbox: SlantSandbox
) -> None:
    slant.headers["authorization"] = f"Bearer {READ_ONLY_TOKEN}"
    me = (await slant.get("/v1/me")).json()
    assert me["api_access"]["can_write"] is False
    assert code(await slant.post(LIST, json=DEAL)) == (403, "token_read_only")
    assert sandbox.ledger.effects == []


async def test_a_body_without_its_content_type_arrives_empty(
    slant: httpx.AsyncClient, sandbox: SlantSandbox
) -> None:
    record = await created(slant)
    unread = {"content": b'{"name": "Other"}', "headers": {"content-type": "text/plain"}}
    kept = await slant.patch(f"{LIST}/{record['id']}", **unread)  # type: ignore[arg-type]
    assert (kept.status_code, kept.json()) == (200, record)
    assert named(await slant.post(LIST, content=b"{}")) >= {"book_id", "name"}
    assert [effect.effect for effect in sandbox.ledger.effects] == ["create"]


async def test_malformed_json_is_invalid_json(slant: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    answer = await slant.post(LIST, content=b"{", headers=headers)
    assert code(answer) == (400, "invalid_json")


async def test_a_create_names_everything_that_it_lacks(slant: httpx.AsyncClient) -> None:
    assert named(await slant.post(LIST, json={})) == {"book_id", "name", "pipeline_id"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("value", 10.5),
        ("value", "500"),
        ("value", True),
        ("value", None),
        ("probability", 101),
        ("probability", -1),
        ("probability", 50.5),
        ("name", ""),
        ("name", 7),
        ("target_close_date", "2026-06-01"),
        ("target_close_date", "2026-02-30T00:00:00Z"),
        ("pipeline_type", "partner"),
        ("custom_fields", {"lead_source": "Referral"}),
        ("description", "no such field"),
    ],
)
async def test_a_create_refuses_what_a_field_cannot_be(
    slant: httpx.AsyncClient, member: str, value: Any
) -> None:
    assert named(await slant.post(LIST, json={**DEAL, member: value})) == {member}


async def test_value_is_whole_dollars_both_ways(slant: httpx.AsyncClient) -> None:
    amount = 2**53 + 1
    record = await created(slant, value=amount)
    assert record["value"] == amount
    assert (await slant.get(f"{LIST}/{record['id']}")).json() == record


async def test_the_answer_has_other_names_than_the_request(slant: httpx.AsyncClient) -> None:
    record = await created(slant, assigned_to_id="usrtomas3h8p1v")
    assert record["assigned_to"]["id"] == "usrtomas3h8p1v"
    assert record["pipeline"] == PROSPECTS
    assert record["pipeline_stage"] == PROSPECTS["pipeline_stages"][0]
    assert record["created_at"] == "2026-03-02T15:30:00Z"
    assert record["custom_fields"] == {}
    assert not {"assigned_to_id", "pipeline_id", "pipeline_stage_id"} & record.keys()


async def test_the_owner_is_the_authenticated_user_unless_named(slant: httpx.AsyncClient) -> None:
    assert (await created(slant))["assigned_to"]["id"] == slant_seed.AUTHENTICATED
    alias = await created(slant, owner_id="usrtomas3h8p1v")
    assert alias["assigned_to"]["id"] == "usrtomas3h8p1v"


async def test_an_owner_must_be_a_user_of_the_book(slant: httpx.AsyncClient) -> None:
    refused = await slant.post(LIST, json={**DEAL, "assigned_to_id": "usrwill2m9x5j"})
    assert named(refused) == {"assigned_to_id"}


async def test_a_pipeline_is_chosen_by_id_then_household_then_type(
    slant: httpx.AsyncClient,
) -> None:
    household = {"household_id": "hhdunmore4x"}
    by_household = await created(slant, **household)
    assert by_household["pipeline"]["id"] == CLIENTS["id"]
    by_id = await created(slant, **household, pipeline_id=PROSPECTS["id"])
    assert by_id["pipeline"]["id"] == PROSPECTS["id"]


async def test_a_book_sees_its_own_pipelines_and_the_company_wide_ones(
    slant: httpx.AsyncClient,
) -> None:
    west = {"book_id": BOOK_WEST, "name": "West"}
    client = (await slant.post(LIST, json={**west, "pipeline_type": "client"})).json()
    assert client["pipeline"]["book_id"] is None
    refused = await slant.post(LIST, json={**west, "pipeline_id": PROSPECTS["id"]})
    assert named(refused) == {"pipeline_id"}


async def test_a_stage_must_belong_to_the_pipeline(slant: httpx.AsyncClient) -> None:
    record = await created(slant)
    foreign = {"pipeline_stage_id": CLIENTS["pipeline_stages"][1]["id"]}
    assert named(await slant.post(LIST, json={**DEAL, **foreign})) == {"pipeline_stage_id"}
    moved = await slant.patch(f"{LIST}/{record['id']}", json=foreign)
    assert named(moved) == {"pipeline_stage_id"}


async def test_a_close_date_must_be_in_the_future_on_create_alone(
    slant: httpx.AsyncClient,
) -> None:
    for late in ("2026-03-02T15:30:00Z", "2026-03-02T16:30:00+02:00"):
        assert named(await slant.post(LIST, json={**DEAL, "target_close_date": late})) == {
            "target_close_date"
        }
    record = await created(slant, target_close_date="2026-03-02T16:30:00+00:00")
    assert record["target_close_date"] == "2026-03-02T16:30:00Z"
    past = {"target_close_date": "2023-11-07T05:31:56Z"}
    updated = await slant.patch(f"{LIST}/{record['id']}", json=past)
    assert updated.json()["target_close_date"] == past["target_close_date"]


async def test_a_patch_changes_only_what_it_names(slant: httpx.AsyncClient, clock: Clock) -> None:
    record = await created(slant, value=100, probability=10)
    clock.now += timedelta(minutes=5)
    updated = (await slant.patch(f"{LIST}/{record['id']}", json={"probability": 80})).json()
    assert updated == {**record, "probability": 80, "updated_at": "2026-03-02T15:35:00Z"}


async def test_only_a_stage_move_moves_the_stage_date(
    slant: httpx.AsyncClient, clock: Clock
) -> None:
    record = await created(slant, probability=10)
    clock.now += timedelta(minutes=5)
    stage = PROSPECTS["pipeline_stages"][3]
    move = {"pipeline_stage_id": stage["id"]}
    moved = (await slant.patch(f"{LIST}/{record['id']}", json=move)).json()
    assert moved["pipeline_stage"] == stage
    assert moved["stage_updated_at"] == "2026-03-02T15:35:00Z"
    assert moved["probability"] == 10
    clock.now += timedelta(minutes=5)
    again = (await slant.patch(f"{LIST}/{record['id']}", json=move)).json()
    assert again["stage_updated_at"] == moved["stage_updated_at"]


@pytest.mark.parametrize("member", ["book_id", "pipeline_id", "pipeline_type"])
async def test_a_patch_takes_neither_book_nor_pipeline(
    slant: httpx.AsyncClient, member: str
) -> None:
    record = await created(slant)
    answer = await slant.patch(f"{LIST}/{record['id']}", json={member: "prospect"})
    assert named(answer) == {member}


async def test_custom_fields_are_checked_by_their_type(slant: httpx.AsyncClient) -> None:
    path = f"{LIST}/{(await created(slant))['id']}"
    wrong = {
        "lead_source": 1,
        "current_assets": "1",
        "review_date": "2026-01-01T00:00:00Z",
        "signed_agreement": "yes",
        "service_tier": "Platinum",
        "anniversary": "2026-01-01",
    }
    refused = await slant.patch(path, json={"custom_fields": wrong})
    assert named(refused) == {f"custom_fields.{key}" for key in wrong}


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ("merge", {"lead_source": "Referral", "service_tier": "Planning only"}),
        ("replace", {"service_tier": "Planning only"}),
    ],
)
async def test_custom_fields_merge_or_replace_as_switched(
    slant: httpx.AsyncClient, sandbox: SlantSandbox, mode: str, kept: dict[str, str]
) -> None:
    sandbox.set_options({"custom_fields": mode})
    path = f"{LIST}/{(await created(slant))['id']}"
    await slant.patch(path, json={"custom_fields": {"lead_source": "Referral"}})
    second = {"custom_fields": {"service_tier": "Planning only"}}
    assert (await slant.patch(path, json=second)).json()["custom_fields"] == kept


async def test_a_null_is_refused_cleared_or_ignored_as_switched(
    slant: httpx.AsyncClient, sandbox: SlantSandbox
) -> None:
    path = f"{LIST}/{(await created(slant, value=100))['id']}"
    assert named(await slant.patch(path, json={"value": None})) == {"value"}
    sandbox.set_options({"nulls": "ignore"})
    assert (await slant.patch(path, json={"value": None})).json()["value"] == 100
    sandbox.set_options({"nulls": "clear"})
    assert (await slant.patch(path, json={"value": None})).json()["value"] is None
    assert named(await slant.patch(path, json={"name": None})) == {"name"}


async def test_a_key_gives_the_first_answer_again_for_an_hour(
    slant: httpx.AsyncClient, sandbox: SlantSandbox, clock: Clock
) -> None:
    slant.headers["idempotency-key"] = "5a0f"
    first = await slant.post(LIST, json=DEAL)
    clock.now += timedelta(minutes=59)
    again = await slant.post(LIST, json=DEAL)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    clock.now += timedelta(minutes=1)
    assert (await slant.post(LIST, json=DEAL)).json()["id"] != first.json()["id"]
    assert len(sandbox.ledger.effects) == 2


async def test_a_key_belongs_to_one_path(slant: httpx.AsyncClient) -> None:
    one, other = await created(slant), await created(slant)
    slant.headers["idempotency-key"] = "5a0f"
    for record in (one, other):
        renamed = await slant.patch(f"{LIST}/{record['id']}", json={"name": "Renamed"})
        assert renamed.json()["id"] == record["id"]


@pytest.mark.parametrize(("mode", "status"), [("replay", 201), ("conflict", 409), ("run", 201)])
async def test_a_key_with_another_body_does_what_is_switched(
    slant: httpx.AsyncClient, sandbox: SlantSandbox, mode: str, status: int
) -> None:
    sandbox.set_options({"key_mismatch": mode})
    slant.headers["idempotency-key"] = "5a0f"
    await slant.post(LIST, json=DEAL)
    assert (await slant.post(LIST, json={**DEAL, "name": "Other"})).status_code == status
    assert len(sandbox.ledger.effects) == (2 if mode == "run" else 1)


@pytest.mark.parametrize(("kept", "effects"), [(False, 2), (True, 1)])
async def test_a_5xx_is_never_cached_so_that_its_retry_runs_again(
    slant: httpx.AsyncClient, sandbox: SlantSandbox, *, kept: bool, effects: int
) -> None:
    sandbox.set_options({"key_keeps_failures": kept})
    sandbox.faults.add({"when": "after", "fault": {"kind": "status", "status": 500}})
    slant.headers["idempotency-key"] = "5a0f"
    assert (await slant.post(LIST, json=DEAL)).status_code == 500
    assert (await slant.post(LIST, json=DEAL)).status_code == 201
    assert len(sandbox.ledger.effects) == effects


async def test_a_refusal_is_not_kept_unless_switched(slant: httpx.AsyncClient) -> None:
    slant.headers["idempotency-key"] = "5a0f"
    assert (await slant.post(LIST, json={})).status_code == 422
    assert (await slant.post(LIST, json=DEAL)).status_code == 201


async def test_a_page_of_more_than_100_is_clamped(slant: httpx.AsyncClient) -> None:
    for number in range(90):
        await created(slant, name=f"Deal {number}")
    page = (await slant.get(LIST, params={"per_page": 500})).json()
    assert len(page["data"]) == 100
    assert page["pagination"] == {
        "current_page": 1,
        "total_pages": 2,
        "total_count": 90 + len(slant_seed.opportunities(datetime.now(tz=UTC))),
        "per_page": 100,
    }


async def test_pages_follow_each_other_without_overlap(slant: httpx.AsyncClient) -> None:
    seen: list[str] = []
    for page in (1, 2, 3):
        rows = (await slant.get(LIST, params={"page": page, "per_page": 9})).json()["data"]
        seen += [row["id"] for row in rows]
    assert len(seen) == len(set(seen)) == 21
    assert (await slant.get(LIST, params={"page": 4, "per_page": 9})).json()["data"] == []


@pytest.mark.parametrize("size", ["0", "-1", "many"])
async def test_a_page_size_below_one_is_refused(slant: httpx.AsyncClient, size: str) -> None:
    assert named(await slant.get(LIST, params={"per_page": size})) == {"per_page"}


async def test_the_list_may_not_exist(slant: httpx.AsyncClient, sandbox: SlantSandbox) -> None:
    sandbox.set_options({"list": False})
    assert (await slant.get(LIST)).status_code == 404


async def test_an_opportunity_cannot_be_deleted(slant: httpx.AsyncClient) -> None:
    record = await created(slant)
    assert (await slant.delete(f"{LIST}/{record['id']}")).status_code == 405


async def test_a_household_route_shows_only_the_households_own(slant: httpx.AsyncClient) -> None:
    record = await created(slant, household_id="hhdunmore4x")
    own = f"/v1/households/hhdunmore4x/opportunities/{record['id']}"
    assert (await slant.get(own)).json() == record
    assert (await slant.patch(own, json={"value": 5})).json()["value"] == 5
    foreign = f"/v1/households/hhcardenas3x/opportunities/{record['id']}"
    assert (await slant.get(foreign)).status_code == 404


async def test_the_catalogue_is_books_pipelines_and_custom_fields(
    slant: httpx.AsyncClient,
) -> None:
    books = (await slant.get("/v1/books")).json()
    assert [book["id"] for book in books["data"]] == [BOOK_EAST, BOOK_WEST]
    assert (await slant.get(f"/v1/books/{BOOK_EAST}")).json() == books["data"][0]
    assert (await slant.get(f"/v1/pipelines/{CLIENTS['id']}")).json() == CLIENTS
    assert (await slant.get("/v1/pipelines")).status_code == 404
    fields = (await slant.get("/v1/custom_fields?entity_type=Opportunity&per_page=4")).json()
    assert {field["entity_type"] for field in fields["data"]} == {"Opportunity"}
    assert fields["pagination"]["total_count"] == 6
    first = fields["data"][0]
    assert (await slant.get(f"/v1/custom_fields/{first['id']}")).json() == first


@pytest.mark.parametrize(
    ("shape", "body"),
    [("string", b'{"error":"not_found"}'), ("empty", b"")],
)
async def test_an_error_has_the_shape_that_is_switched(
    slant: httpx.AsyncClient, sandbox: SlantSandbox, shape: str, body: bytes
) -> None:
    sandbox.set_options({"error_shape": shape})
    answer = await slant.get(f"{LIST}/none")
    assert (answer.status_code, answer.content) == (404, body)


async def test_an_older_rendering_is_thinner(
    slant: httpx.AsyncClient, sandbox: SlantSandbox
) -> None:
    sandbox.set_options({"rendering": "older"})
    record = await created(slant)
    assert record["pipeline"].keys() == {"id", "name", "pipeline_type"}
    assert record["pipeline_stage"].keys() == {"id", "name"}
    assert "custom_fields" not in record
    assert "api_access" not in (await slant.get("/v1/me")).json()


async def test_the_hours_calls_can_be_used_up(
    slant: httpx.AsyncClient, sandbox: SlantSandbox, clock: Clock
) -> None:
    sandbox.set_options({"hourly_limit": 2})
    statuses = [(await slant.get("/v1/me")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    clock.now += timedelta(hours=1)
    assert (await slant.get("/v1/me")).status_code == 200
