"""The frame that every pretend vendor stands in: control routes, ledger, fault scripts."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from gateway.canonical import json_text
from gateway.sandbox import create_sandbox
from gateway.sandbox.answers import without_floats
from gateway.sandbox.faults import FaultQueue, FaultScriptError
from gateway.sandbox.slant import READ_WRITE_TOKEN
from gateway.sandbox.slant_seed import BOOK_EAST

DEAL = {"book_id": BOOK_EAST, "name": "Frame target", "pipeline_type": "prospect"}
LIST = "/slant/v1/opportunities"


@pytest.fixture
async def sandbox() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=create_sandbox()),
        base_url="http://sandbox",
        headers={"authorization": f"Bearer {READ_WRITE_TOKEN}"},
    ) as client:
        yield client


async def test_every_vendor_lives_under_its_name(sandbox: httpx.AsyncClient) -> None:
    for vendor in ("slant", "coperniq", "close", "reevo"):
        records = (await sandbox.get(f"/{vendor}/_records")).json()
        assert 12 <= len(records) <= 30


async def test_the_ledger_counts_every_call_and_only_committed_effects(
    sandbox: httpx.AsyncClient,
) -> None:
    await sandbox.post(LIST, json={"name": "refused"})
    created = (await sandbox.post(LIST, json=DEAL, headers={"idempotency-key": "k1"})).json()
    ledger = (await sandbox.get("/slant/_ledger")).json()
    refused, accepted = ledger["requests"]
    (effect,) = ledger["effects"]
    assert (refused["seq"], refused["status"], refused["body"]) == (1, 422, {"name": "refused"})
    assert (accepted["method"], accepted["path"]) == ("POST", "/v1/opportunities")
    assert accepted["headers"] == {"content-type": "application/json", "idempotency-key": "k1"}
    assert (effect["seq"], effect["effect"], effect["record_id"]) == (1, "create", created["id"])
    assert effect["body"] == DEAL
    assert "authorization" not in str(ledger)


async def test_a_control_call_is_no_vendor_call(sandbox: httpx.AsyncClient) -> None:
    await sandbox.post("/slant/_faults", json={"fault": {"kind": "status", "status": 500}})
    assert (await sandbox.get("/slant/_options")).status_code == 200
    assert (await sandbox.get("/slant/_ledger")).json() == {"effects": [], "requests": []}


async def test_the_ledger_can_be_cleared(sandbox: httpx.AsyncClient) -> None:
    await sandbox.post(LIST, json=DEAL)
    assert (await sandbox.delete("/slant/_ledger")).status_code == 204
    assert (await sandbox.get("/slant/_ledger")).json() == {"effects": [], "requests": []}


async def test_a_planted_record_is_read_like_any_other(sandbox: httpx.AsyncClient) -> None:
    records = (await sandbox.get("/slant/_records")).json()
    record = {**next(iter(records.values())), "id": "oppplanted", "name": "Planted"}
    await sandbox.put("/slant/_records/oppplanted", json=record)
    assert (await sandbox.get(f"{LIST}/oppplanted")).json()["name"] == "Planted"
    assert (await sandbox.put("/slant/_records/x", json=[])).status_code == 400


@pytest.mark.parametrize("change", [{"lsit": True}, {"nulls": "maybe"}, {"list": 1}, []])
async def test_a_switch_that_does_not_exist_is_refused(
    sandbox: httpx.AsyncClient, change: Any
) -> None:
    before = (await sandbox.get("/slant/_options")).json()
    answer = await sandbox.patch("/slant/_options", json=change)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await sandbox.get("/slant/_options")).json() == before


async def test_a_reset_brings_back_the_seed(sandbox: httpx.AsyncClient) -> None:
    seeded = (await sandbox.get("/slant/_records")).json()
    created = (await sandbox.post(LIST, json=DEAL)).json()
    await sandbox.patch("/slant/_options", json={"list": False})
    await sandbox.post("/slant/_faults", json={"fault": {"kind": "hang"}})
    assert (await sandbox.post("/slant/_reset")).status_code == 204
    assert (await sandbox.get("/slant/_records")).json().keys() == seeded.keys()
    assert (await sandbox.get("/slant/_options")).json()["list"] is True
    assert (await sandbox.get("/slant/_faults")).json() == []
    assert (await sandbox.get("/slant/_ledger")).json()["requests"] == []
    assert (await sandbox.post(LIST, json=DEAL)).json()["id"] == created["id"]


async def test_faults_can_be_listed_and_cleared(sandbox: httpx.AsyncClient) -> None:
    await sandbox.post("/slant/_faults", json={"fault": {"kind": "garbage"}, "times": 2})
    await sandbox.get("/slant/v1/me")
    (left,) = (await sandbox.get("/slant/_faults")).json()
    assert (left["kind"], left["times"]) == ("garbage", 1)
    assert (await sandbox.delete("/slant/_faults")).status_code == 204
    assert (await sandbox.get("/slant/v1/me")).json()["first_name"] == "Maya"


def taken(queue: FaultQueue, calls: Sequence[tuple[str, str]]) -> list[str | None]:
    faults = [queue.take(method, path) for method, path in calls]
    return [fault.kind if fault else None for fault in faults]


def test_faults_strike_in_the_order_of_their_scripts() -> None:
    queue = FaultQueue()
    queue.add({"fault": {"kind": "hang"}, "times": 2})
    queue.add({"fault": {"kind": "reset"}})
    assert taken(queue, [("GET", "/a")] * 4) == ["hang", "hang", "reset", None]


def test_a_fault_strikes_only_the_calls_it_is_meant_for() -> None:
    queue = FaultQueue()
    queue.add({"match": {"method": "post", "path": "/opp"}, "fault": {"kind": "hang"}})
    calls = [("GET", "/v1/opp"), ("POST", "/v1/me"), ("POST", "/v1/opp/1"), ("POST", "/v1/opp/1")]
    assert taken(queue, calls) == [None, None, "hang", None]


def test_a_fault_can_be_meant_for_one_body_alone() -> None:
    queue = FaultQueue()
    queue.add({"match": {"body": "tag-7ä"}, "fault": {"kind": "hang"}})
    bodies = [b"", b'{"name": "tag-7"}', '{"name": "tag-7ä"}'.encode()]
    faults = [queue.take("POST", "/opp", body) for body in bodies]
    assert [fault and fault.kind for fault in faults] == [None, None, "hang"]


def test_a_fault_lets_through_the_calls_that_it_skips() -> None:
    queue = FaultQueue()
    queue.add({"match": {"method": "GET"}, "skip": 2, "fault": {"kind": "hang"}})
    calls = [("GET", "/"), ("POST", "/"), ("GET", "/"), ("GET", "/"), ("GET", "/")]
    assert taken(queue, calls) == [None, None, None, "hang", None]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, "script is not an object"),
        ({}, "script.fault is missing"),
        ({"fault": {"kind": "explode"}}, "'explode' is none of"),
        ({"fault": {"kind": "hang"}, "time": 2}, "no member 'time'"),
        ({"fault": {"kind": "hang"}, "times": 0}, "times is at least 1"),
        ({"fault": {"kind": "hang"}, "times": True}, "must be int"),
        ({"fault": {"kind": "hang"}, "when": "during"}, "'during' is none of before, after, twice"),
        ({"fault": {"kind": "late"}}, "fault.seconds is missing"),
        ({"fault": {"kind": "late", "seconds": 1}, "when": "after"}, "'late' goes without when"),
        ({"fault": {"kind": "twice"}, "when": "twice"}, "'twice' goes without when"),
        ({"fault": {"kind": "wrong_id"}}, "fault.id is missing"),
        ({"fault": {"kind": "hang"}, "match": {"body": 7}}, "match.body must be str"),
        ({"fault": {"kind": "hang"}, "match": {"verb": "GET"}}, "no member 'verb'"),
        ({"fault": {"kind": "status"}}, "fault.status is missing"),
        ({"fault": {"kind": "delay", "seconds": "1"}}, "must be int or Decimal"),
        ({"fault": {"kind": "reset", "seconds": 1}}, "no member 'seconds'"),
    ],
)
def test_a_script_that_could_not_be_played_is_refused_with_a_sentence(
    script: Any, sentence: str
) -> None:
    with pytest.raises(FaultScriptError, match=sentence):
        FaultQueue().add(script)


async def test_a_refused_script_is_a_400(sandbox: httpx.AsyncClient) -> None:
    answer = await sandbox.post("/close/_faults", json={"fault": {"kind": "explode"}})
    assert answer.status_code == 400
    assert "explode" in answer.json()["error"]


def test_a_double_is_written_as_javascript_prints_it() -> None:
    doubles = {"a": 250000.0, "b": [0.1, Decimal("0.10")], "c": 7}
    assert json_text.write(without_floats(doubles)) == b'{"a":250000,"b":[0.1,0.10],"c":7}'
