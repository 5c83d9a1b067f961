"""Operations: what callers see of their writes, and how one is settled by hand."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.api.access import hash_key
from gateway.canonical.schema import is_instant
from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.registry import Happened
from gateway.idempotency.store import StoreUnavailable
from gateway.normalizer.dates import moment
from gateway.translator import VendorRequest
from tests.parked import begun, parked
from tests.records import OPPORTUNITIES, TWELVE_HUNDRED, draft, effects, made, path_of
from tests.sandboxed import CALLERS, Answered, Sandboxed, sandboxed, tree

OPERATIONS = "/v1/operations"
LENIENT = "handling=lenient"
REASON = "Seen in the vendor's own pages."
READ, WRITE, RESOLVE = "opportunities:read", "opportunities:write", "operations:resolve"
CALLED = {
    "tests": {**CALLERS["tests"], "scopes": [READ, WRITE]},
    "operator": {
        "key_sha256": hash_key("operator-key"), "scopes": [RESOLVE], "connections": ["*"],
    },
    "second-operator": {
        "key_sha256": hash_key("second-key"), "scopes": [RESOLVE], "connections": ["*"],
    },
    "slants-operator": {
        "key_sha256": hash_key("slants-key"), "scopes": [RESOLVE], "connections": ["*-slant"],
    },
    "stranger": {
        "key_sha256": hash_key("strangers-key"), "scopes": [READ, WRITE], "connections": ["*"],
    },
    "narrowed": {
        "key_sha256": hash_key("narrowed-key"), "scopes": [READ], "connections": ["acme-slant"],
    },
    "blind": {"key_sha256": hash_key("blind-key"), "scopes": ["console"], "connections": ["*"]},
}  # fmt: skip
OPERATOR = {"Authorization": "Bearer operator-key"}
SECOND = {"Authorization": "Bearer second-key"}
SLANTS = {"Authorization": "Bearer slants-key"}
STRANGER = {"Authorization": "Bearer strangers-key"}
NARROWED = {"Authorization": "Bearer narrowed-key"}
BLIND = {"Authorization": "Bearer blind-key"}


@pytest.fixture
async def house() -> AsyncIterator[Sandboxed]:
    """A gateway with several callers."""
    async with sandboxed({**tree(), "callers": CALLED}) as running:
        yield running


async def shown(house: Sandboxed, operation_id: str, **headers: str) -> Any:
    """An operation as it is told."""
    answer = await house.ask("GET", f"{OPERATIONS}/{operation_id}", **headers)
    assert answer.status == 200, answer.content
    return answer.json


async def the_only(house: Sandboxed, query: str = "", **headers: str) -> Any:
    """The one operation that a list has."""
    answer = await house.ask("GET", f"{OPERATIONS}{query}", **headers)
    assert answer.status == 200, answer.content
    (only,) = answer.json["items"]
    return only


async def resolve(
    house: Sandboxed, operation_id: str, outcome: str, opportunity_id: str | None = None,
    *, reason: str = REASON, by: dict[str, str] = OPERATOR,
) -> Answered:  # fmt: skip
    """What an operator says, and is told."""
    body = {"outcome": outcome, "reason": reason}
    if opportunity_id is not None:
        body["opportunity_id"] = opportunity_id
    return await house.ask("POST", f"{OPERATIONS}/{operation_id}/resolve", body, **by)


async def test_a_write_that_is_done_is_told_whole(house: Sandboxed) -> None:
    """With its times, its answer, and until when it is kept."""
    created = await house.ask("POST", OPPORTUNITIES, draft("reevo"))
    told = await the_only(house)
    whole = await shown(house, told["id"])
    assert re.fullmatch(r"op_[0-9a-f]{32}", told["id"])
    assert whole["answer"] == {"status": 201, "body": created.json}
    assert told == {**whole, "answer": None}
    times = [moment(whole[name]) for name in
             ("created_at", "dispatched_at", "settled_at", "expires_at")]  # fmt: skip
    assert times == sorted(times)
    assert (
        whole.items()
        >= {
            "state": "succeeded",
            "method": "POST",
            "route": OPPORTUNITIES,
            "connection": "acme-reevo",
            "vendor": "reevo",
            "opportunity_id": created.json["id"],
            "attempts": 1,
            "evidence": [],
            "resolved_by": None,
            "reason": None,
        }.items()
    )


async def test_a_delete_has_an_answer_without_a_body(house: Sandboxed) -> None:
    """And the opportunity that it was about."""
    record = await made(house, "reevo")
    await house.ask("DELETE", path_of(record))
    deleted = next(each for each in (await house.ask("GET", OPERATIONS)).json["items"]
                   if each["method"] == "DELETE")  # fmt: skip
    assert deleted["opportunity_id"] == record["id"]
    assert deleted["route"] == f"{OPPORTUNITIES}/{{opportunity_id}}"
    whole = await shown(house, deleted["id"])
    assert whole["answer"] == {"status": 204, "body": None}


async def test_a_write_that_the_vendor_refused_has_failed(house: Sandboxed) -> None:
    """Its answer is the problem that the caller got."""
    house.vendor("close").faults.add({"fault": {"kind": "status", "status": 400}})
    refused = await house.ask("POST", OPPORTUNITIES, draft("close"))
    told = await the_only(house, "?state=failed")
    whole = await shown(house, told["id"])
    assert (whole["state"], whole["opportunity_id"]) == ("failed", None)
    assert whole["answer"] == {"status": refused.status, "body": refused.json}


async def test_a_write_that_may_come_again_was_not_applied(house: Sandboxed) -> None:
    """It keeps no answer, since the next try gets another."""
    fault = {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}
    house.vendor("close").faults.add({"fault": fault, "times": 9})
    await house.ask("POST", OPPORTUNITIES, draft("close"))
    told = await the_only(house, "?state=not_applied")
    assert (await shown(house, told["id"]))["answer"] is None
    assert told["settled_at"] < told["expires_at"]


async def test_what_was_refused_before_it_was_sent_leaves_no_operation(house: Sandboxed) -> None:
    """Nothing happened that could be asked about."""
    await house.ask("POST", OPPORTUNITIES, {"connection": "acme-reevo", "name": 5})
    await house.ask("PATCH", f"{OPPORTUNITIES}/acme-reevo.x", {"stage": {"name": "No such"}})
    assert (await house.ask("GET", OPERATIONS)).json == {"items": [], "next_cursor": None}


async def test_an_open_operation_does_not_expire(house: Sandboxed) -> None:
    """Neither while it runs nor while it waits for an operator, with what was seen of it."""
    running = await begun(house.app, "delete", "acme-reevo", about="acme-reevo.1", key=b"a")
    waiting = await parked(house.app, "delete", "acme-reevo", about="acme-reevo.1", key=b"b")
    first, second = await shown(house, running), await shown(house, waiting)
    assert (first["state"], second["state"]) == ("running", "indeterminate")
    for each in (first, second):
        assert each["dispatched_at"] is not None
        assert each["settled_at"] is each["expires_at"] is each["answer"] is None
    (seen,) = second["evidence"]
    assert is_instant(seen.pop("at"))
    assert seen == {"kind": "parked", "detail": "nothing was found"}


async def test_a_record_without_its_bodies_has_no_answer(house: Sandboxed) -> None:
    """What it came to is told all the same."""
    await made(house, "reevo")
    await house.app.state.house.registry.store.forget("tests")
    told = await shown(house, (await the_only(house))["id"])
    assert (told["state"], told["answer"]) == ("succeeded", None)


@pytest.mark.parametrize("operation_id", ["op_1", "nothing", "op_" + "0" * 32, "OP_" + "0" * 32])
async def test_another_id_is_no_operation(house: Sandboxed, operation_id: str) -> None:
    """Whatever its form."""
    for answer in (
        await house.ask("GET", f"{OPERATIONS}/{operation_id}"),
        await resolve(house, operation_id, "not_applied"),
    ):
        assert (answer.status, answer.code) == (404, "operation-not-found")


async def test_a_caller_sees_its_own_writes_and_an_operator_all(house: Sandboxed) -> None:
    """On the connections that it may see; what it may not see does not exist for it."""
    found = await parked(house.app, "delete", "acme-reevo", about="acme-reevo.1")
    for headers in ({}, OPERATOR):
        assert (await the_only(house, **headers))["id"] == found
        assert (await shown(house, found, **headers))["id"] == found
    for headers in (STRANGER, SLANTS, NARROWED):
        assert (await house.ask("GET", OPERATIONS, **headers)).json["items"] == []
        answer = await house.ask("GET", f"{OPERATIONS}/{found}", **headers)
        assert (answer.status, answer.code) == (404, "operation-not-found")
    assert (await resolve(house, found, "not_applied", by=SLANTS)).status == 404
    assert (await shown(house, found))["state"] == "indeterminate"


async def test_ones_own_writes_are_not_seen_where_the_connection_is_not(house: Sandboxed) -> None:
    """Rights may have been taken away since."""
    found = await parked(house.app, "delete", "acme-reevo", about="acme-reevo.1", caller="narrowed")
    assert (await house.ask("GET", OPERATIONS, **NARROWED)).json["items"] == []
    assert (await house.ask("GET", f"{OPERATIONS}/{found}", **NARROWED)).status == 404


async def test_a_write_on_a_connection_that_is_gone_is_still_there(house: Sandboxed) -> None:
    """It has to be settled as any other."""
    found = await parked(house.app, "delete", "gone", about="gone.1")
    assert (await the_only(house))["id"] == found
    settled = await resolve(house, found, "applied", "gone.1")
    assert (settled.status, settled.json["state"]) == (200, "succeeded")


@pytest.mark.parametrize("path", [OPERATIONS, f"{OPERATIONS}/op_{'0' * 32}"])
async def test_operations_are_read_with_a_scope_for_it(house: Sandboxed, path: str) -> None:
    """That of reading, or that of resolving."""
    answer = await house.ask("GET", path, **BLIND)
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_to_settle_has_no_handling(house: Sandboxed) -> None:
    """That of the write was chosen when it was sent."""
    found = await parked(house.app, "delete", "acme-reevo", about="acme-reevo.1")
    answer = await resolve(house, found, "not_applied", by={**OPERATOR, "Prefer": LENIENT})
    assert answer.status == 200
    assert "preference-applied" not in answer.headers


async def test_only_an_operator_settles(house: Sandboxed) -> None:
    """The one who sent the write may not say what became of it."""
    found = await parked(house.app, "delete", "acme-reevo", about="acme-reevo.1")
    answer = await resolve(house, found, "not_applied", by={})
    assert (answer.status, answer.code) == (403, "forbidden")


async def filled(house: Sandboxed) -> dict[str, str]:
    """An operation in each state: state → id."""
    close: dict[str, Any] = {"about": "acme-close.1"}
    slant: dict[str, Any] = {"about": "acme-slant.1"}
    ids = {
        "running": await begun(house.app, "delete", "acme-close", key=b"1", **close),
        "indeterminate": await parked(house.app, "delete", "acme-slant", key=b"2", **slant),
        "succeeded": await parked(house.app, "delete", "acme-close", key=b"3", **close),
        "not_applied": await parked(house.app, "delete", "acme-close", key=b"4", **close),
    }
    await resolve(house, ids["succeeded"], "applied", "acme-close.1")
    await resolve(house, ids["not_applied"], "not_applied")
    house.vendor("close").faults.add({"fault": {"kind": "status", "status": 400}})
    await house.ask("POST", OPPORTUNITIES, draft("close"))
    known = (await house.ask("GET", OPERATIONS)).json["items"]
    (ids["failed"],) = {each["id"] for each in known} - {*ids.values()}
    return ids


async def test_a_list_is_of_the_states_that_are_asked_for(house: Sandboxed) -> None:
    """One, or several; open ones first, then those that wait, then what has ended."""
    ids = await filled(house)
    for state, expected in ids.items():
        told = await the_only(house, f"?state={state}")
        assert (told["id"], told["state"]) == (expected, state)
    answer = await house.ask("GET", f"{OPERATIONS}?state=failed&state=indeterminate&state=running")
    assert [each["state"] for each in answer.json["items"]] == [
        "running", "indeterminate", "failed",
    ]  # fmt: skip


async def test_a_list_is_of_the_connections_that_are_asked_for(house: Sandboxed) -> None:
    """One, or several; one that the caller may not see is not found."""
    ids = await filled(house)
    told = await the_only(house, "?connection=acme-slant")
    assert told["id"] == ids["indeterminate"]
    both = await house.ask("GET", f"{OPERATIONS}?connection=acme-slant&connection=acme-close")
    assert len(both.json["items"]) == len(ids)
    for name, headers in (("acme-close", SLANTS), ("nothing", OPERATOR)):
        answer = await house.ask("GET", f"{OPERATIONS}?connection={name}", **headers)
        assert (answer.status, answer.code) == (404, "connection-not-found")


async def test_a_list_reaches_back_to_a_time(house: Sandboxed) -> None:
    """To the very millisecond that a write was first seen in."""
    found = await parked(house.app, "delete", "acme-reevo", about="acme-reevo.1")
    first_seen = (await shown(house, found))["created_at"]
    assert (await the_only(house, f"?since={first_seen}"))["id"] == found
    later = first_seen.replace("Z", "001Z") if "." in first_seen else first_seen[:-1] + ".0001Z"
    for since, count in ((later, 0), ("2099-01-01T00:00:00Z", 0), ("0001-01-01T00:00:00Z", 1)):
        answer = await house.ask("GET", f"{OPERATIONS}?since={since}")
        assert len(answer.json["items"]) == count


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
async def test_a_list_is_paged_through(house: Sandboxed, limit: int) -> None:
    """Every operation is met once, in one order, and the last page says so."""
    ids = await filled(house)
    whole = (await house.ask("GET", OPERATIONS)).json
    assert ({each["id"] for each in whole["items"]}, whole["next_cursor"]) == (
        {*ids.values()},
        None,
    )
    met: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await house.ask("GET", f"{OPERATIONS}?limit={limit}{cursor and '&cursor='}{cursor}")
        assert page.status == 200, page.content
        met += page.json["items"]
        cursor = page.json["next_cursor"]
    assert met == whole["items"]


async def test_a_cursor_belongs_to_its_caller_and_its_list(house: Sandboxed) -> None:
    """Else it would lead past what the filters keep out."""
    await filled(house)
    cursor = (await house.ask("GET", f"{OPERATIONS}?limit=1")).json["next_cursor"]
    for query, headers in (
        (f"{OPERATIONS}?limit=2&cursor={cursor}", {}),
        (f"{OPERATIONS}?limit=1&state=failed&cursor={cursor}", {}),
        (f"{OPERATIONS}?limit=1&cursor={cursor}", OPERATOR),
        (f"{OPPORTUNITIES}?limit=1&cursor={cursor}", {}),
    ):
        answer = await house.ask("GET", query, **headers)
        assert (answer.status, answer.code) == (400, "invalid-cursor")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("state=done", "state"), ("state=", "state"), ("since=yesterday", "since"),
        ("since=", "since"), ("limit=0", "limit"), ("limit=201", "limit"), ("stat=failed", "stat"),
        ("since=2026-01-01T00:00:00Z&since=2026-01-01T00:00:00Z", "since"),
    ],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused(
    house: Sandboxed, query: str, parameter: str
) -> None:
    """The parameter is named."""
    answer = await house.ask("GET", f"{OPERATIONS}?{query}")
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert [fault["parameter"] for fault in answer.json["errors"]] == [parameter]


async def until_parked(house: Sandboxed) -> Any:
    """The one operation, once the gateway has given up finding out."""
    for _ in range(1000):
        told = await the_only(house)
        if told["state"] != "running":
            return told
        await asyncio.sleep(0.01)
    raise AssertionError("the gateway does not give up")


async def test_a_create_whose_answer_was_lost_is_settled_by_hand(house: Sandboxed) -> None:
    """The key then replays an answer that was made by reading the record."""
    slant = house.vendor("slant")
    slant.faults.add({"fault": {"kind": "status", "status": 500}, "when": "after",
                      "match": {"method": "POST"}})  # fmt: skip
    before = {*slant.records}
    write = draft("slant")
    lost = await house.ask("POST", OPPORTUNITIES, write, Idempotency_Key="k")
    assert (lost.status, lost.code) == (502, "outcome-indeterminate")
    operation = await until_parked(house)
    assert (operation["state"], operation["id"]) == ("indeterminate", lost.json["operation_id"])
    (record,) = {*slant.records} - before
    settled = await resolve(house, operation["id"], "applied", f"acme-slant.{record}")
    assert settled.status == 200
    assert (
        settled.json.items()
        >= {
            "state": "succeeded",
            "opportunity_id": f"acme-slant.{record}",
            "resolved_by": "operator",
            "reason": REASON,
        }.items()
    )
    answer = settled.json["answer"]
    assert answer["status"] == 201
    assert [each["code"] for each in answer["body"]["warnings"]] == ["reconstructed"]
    again = await house.ask("POST", OPPORTUNITIES, write, Idempotency_Key="k")
    assert (again.status, again.json) == (201, answer["body"])
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == f"{OPPORTUNITIES}/acme-slant.{record}"
    assert effects(house, "slant") == 1


async def test_a_create_that_did_not_arrive_may_run_again(house: Sandboxed) -> None:
    """Its key is free once it is said that nothing was applied."""
    slant = house.vendor("slant")
    slant.faults.add({"fault": {"kind": "status", "status": 500}, "match": {"method": "POST"}})
    write = draft("slant")
    await house.ask("POST", OPPORTUNITIES, write, Idempotency_Key="k")
    operation = await until_parked(house)
    assert effects(house, "slant") == 0
    settled = await resolve(house, operation["id"], "not_applied")
    assert (settled.status, settled.json["state"]) == (200, "not_applied")
    assert settled.json["answer"] is None
    again = await house.ask("POST", OPPORTUNITIES, write, Idempotency_Key="k")
    assert (again.status, effects(house, "slant")) == (201, 1)


async def customs(house: Sandboxed) -> dict[str, Any]:
    """A value for a custom field of the vendor that takes them in a second call."""
    answer = await house.ask("GET", "/v1/connections/acme-slant/custom-fields")
    field = next(each for each in answer.json["items"]
                 if each["type"] == "text" and each["writable"])  # fmt: skip
    return {field["key"]: "west"}


async def test_steps_that_were_not_sent_stay_unsent(house: Sandboxed) -> None:
    """Of a create of two calls whose first is said to be applied, the second is not made."""
    record = await made(house, "slant")
    body = draft("slant", custom_fields=await customs(house))
    found = await parked(house.app, "create", "acme-slant", body=body)
    count = effects(house, "slant")
    settled = (await resolve(house, found, "applied", record["id"])).json
    assert (settled["state"], settled["opportunity_id"]) == ("failed", record["id"])
    answer = settled["answer"]
    assert (answer["status"], answer["body"]["code"]) == (502, "partially-applied")
    assert answer["body"]["outcome"] == "partial"
    assert answer["body"]["operation_id"] == found
    assert answer["body"]["opportunity_id"] == record["id"]
    assert "/name" in answer["body"]["applied"]
    assert effects(house, "slant") == count
    same = await resolve(house, found, "applied", record["id"])
    assert (same.status, same.json) == (200, settled)


async def half_made(house: Sandboxed) -> tuple[Any, str]:
    """A create whose first call made a record, and whose second waits for an operator."""
    record = await made(house, "slant")
    raw = (await house.ask("GET", f"{path_of(record)}?include=raw")).json["raw"]
    request = VendorRequest(step="create", method="POST", path="opportunities", effect="write")
    body = draft("slant", custom_fields=await customs(house))
    found = await parked(house.app, "create", "acme-slant", body=body, made=[(request, raw)])
    return record, found


async def test_the_last_step_completes_a_write(house: Sandboxed) -> None:
    """What was made before it and it are all there was to send."""
    record, found = await half_made(house)
    settled = await resolve(house, found, "applied", record["id"])
    assert (settled.status, settled.json["state"]) == (200, "succeeded")
    assert settled.json["answer"]["body"]["id"] == record["id"]


async def test_a_write_has_made_one_opportunity(house: Sandboxed) -> None:
    """Another than its first call made cannot be the one."""
    record, found = await half_made(house)
    other = await made(house, "slant", name="Another")
    answer = await resolve(house, found, "applied", other["id"])
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert answer.json["errors"][0]["pointer"] == "/opportunity_id"
    assert (await shown(house, found))["state"] == "indeterminate"
    assert record["id"] != other["id"]


async def test_a_step_that_did_not_arrive_may_be_resumed(house: Sandboxed) -> None:
    """The write is half made, so it is open again; saying the same once more changes nothing."""
    _, found = await half_made(house)
    for _ in range(2):
        settled = await resolve(house, found, "not_applied")
        assert (settled.status, settled.json["state"]) == (200, "running")


@pytest.mark.parametrize("vendor", ["close", "coperniq", "reevo"])
async def test_a_create_of_one_call_has_no_step_left(house: Sandboxed, vendor: str) -> None:
    """Also where the vendor would say that it has such a record already."""
    record = await made(house, vendor)
    found = await parked(house.app, "create", f"acme-{vendor}", body=draft(vendor))
    settled = (await resolve(house, found, "applied", record["id"])).json
    assert (settled["state"], settled["answer"]["status"]) == ("succeeded", 201)


async def test_an_update_is_answered_with_the_record_as_it_is(house: Sandboxed) -> None:
    """Nothing is written for it."""
    record = await made(house, "reevo")
    found = await parked(house.app, "update", "acme-reevo", about=record["id"], body=TWELVE_HUNDRED)
    count = effects(house)
    settled = (await resolve(house, found, "applied", record["id"])).json
    assert settled["answer"]["status"] == 200
    assert settled["answer"]["body"]["value"] == record["value"]
    assert effects(house) == count


async def test_an_answer_that_cannot_be_read_says_that_it_is_applied(house: Sandboxed) -> None:
    """The operator's word stands, also where the record has gone meanwhile."""
    found = await parked(house.app, "update", "acme-reevo", about="acme-reevo.7",
                         body=TWELVE_HUNDRED)  # fmt: skip
    settled = (await resolve(house, found, "applied", "acme-reevo.7")).json
    assert settled["state"] == "succeeded"
    body = settled["answer"]["body"]
    assert (body["code"], body["outcome"], body["retry"]) == (
        "vendor-bad-response", "applied", "never",
    )  # fmt: skip
    assert body["opportunity_id"] == "acme-reevo.7"


async def test_a_create_is_not_settled_while_its_record_cannot_be_looked_at(
    house: Sandboxed,
) -> None:
    """Whether a step is left to be sent is not known then: the operator may say it again."""
    record = await made(house, "slant")
    found = await parked(house.app, "create", "acme-slant", body=draft("slant"))
    house.vendor("slant").faults.add({"fault": {"kind": "status", "status": 503}, "times": 9})
    answer = await resolve(house, found, "applied", record["id"])
    assert (answer.status, answer.json["vendor"]["connection"]) == (503, "acme-slant")
    house.vendor("slant").faults.clear()
    assert (await resolve(house, found, "applied", record["id"])).status == 200


async def test_the_same_said_again_is_answered_again(house: Sandboxed) -> None:
    """By whomever and for whatever reason; another word is refused, and nothing changes."""
    found = await parked(house.app, "delete", "acme-close", about="acme-close.1", key=b"1")
    other = await parked(house.app, "delete", "acme-close", about="acme-close.1", key=b"2")
    first = await resolve(house, found, "applied", "acme-close.1")
    await resolve(house, other, "not_applied")
    for by in (OPERATOR, SECOND):
        again = await resolve(house, found, "applied", "acme-close.1", reason="Once more.", by=by)
        assert (again.status, again.json) == (200, first.json)
        again = await resolve(house, other, "not_applied", reason="Once more.", by=by)
        assert (again.status, again.json["reason"]) == (200, REASON)
    for operation_id, said in (
        (found, ("not_applied", None)),
        (other, ("applied", "acme-close.1")),
    ):
        answer = await resolve(house, operation_id, *said)
        assert (answer.status, answer.code) == (409, "operation-settled")
        assert (answer.json["operation_id"], answer.json["retry"]) == (operation_id, "never")
    assert await shown(house, found) == first.json


async def test_what_the_gateway_found_out_need_not_be_said(house: Sandboxed) -> None:
    """To agree with it is no fault, to contradict it is."""
    record = await made(house, "reevo")
    other = await made(house, "reevo", name="Another")
    done = next(each for each in (await house.ask("GET", OPERATIONS)).json["items"]
                if each["opportunity_id"] == record["id"])  # fmt: skip
    assert (await resolve(house, done["id"], "applied", record["id"])).status == 200
    for said in (("not_applied", None), ("applied", other["id"])):
        answer = await resolve(house, done["id"], *said)
        assert (answer.status, answer.code) == (409, "operation-settled")
    house.vendor("reevo").faults.add({"fault": {"kind": "status", "status": 400}})
    await house.ask("POST", OPPORTUNITIES, draft("reevo", name="A third"))
    refused = await the_only(house, "?state=failed")
    assert (await resolve(house, refused["id"], "not_applied")).status == 200


async def test_what_is_under_way_is_not_settled_by_hand(house: Sandboxed) -> None:
    """The operator is told when to ask again, by the lease of whoever works on it."""
    found = await begun(house.app, "delete", "acme-close", about="acme-close.1")
    for said in (("applied", "acme-close.1"), ("not_applied", None)):
        answer = await resolve(house, found, *said)
        assert (answer.status, answer.code) == (409, "idempotency-in-progress")
        assert answer.json["operation_id"] == found
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await shown(house, found))["state"] == "running"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"outcome": "applied", "reason": REASON}, "/opportunity_id"),
        ({"outcome": "not_applied", "opportunity_id": "acme-close.1", "reason": REASON},
         "/opportunity_id"),
        ({"outcome": "applied", "opportunity_id": "acme-close.2", "reason": REASON},
         "/opportunity_id"),
        ({"outcome": "applied", "opportunity_id": "acme-slant.1", "reason": REASON},
         "/opportunity_id"),
        ({"outcome": "applied", "opportunity_id": "x", "reason": REASON}, "/opportunity_id"),
        ({"outcome": "partial", "reason": REASON}, "/outcome"),
        ({"outcome": "not_applied"}, "/reason"),
        ({"outcome": "not_applied", "reason": ""}, "/reason"),
        ({"outcome": "not_applied", "reason": "x" * 501}, "/reason"),
        ({"outcome": "not_applied", "reason": REASON, "by": "me"}, "/by"),
    ],
)  # fmt: skip
async def test_what_cannot_be_meant_is_refused(house: Sandboxed, body: Any, pointer: str) -> None:
    """Closed, with a reason, and about the opportunity that the write was about."""
    found = await parked(house.app, "delete", "acme-close", about="acme-close.1")
    answer = await house.ask("POST", f"{OPERATIONS}/{found}/resolve", body, **OPERATOR)
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
    assert (await shown(house, found))["state"] == "indeterminate"


class Away(MemoryStore):
    """A store that cannot be reached."""

    async def get(self, hex32: str) -> Any:
        raise StoreUnavailable("The store cannot be reached.")

    async def listed(self, **_: Any) -> Any:
        raise StoreUnavailable("The store cannot be reached.")


async def test_without_the_store_nothing_can_be_told(house: Sandboxed) -> None:
    """As everywhere: 503, and when to ask again."""
    house.app.state.house = replaced(house, store=Away())
    for answer in (
        await house.ask("GET", OPERATIONS),
        await house.ask("GET", f"{OPERATIONS}/op_{'0' * 32}"),
        await resolve(house, f"op_{'0' * 32}", "not_applied"),
    ):
        assert (answer.status, answer.code) == (503, "store-unavailable")
        assert int(answer.headers["retry-after"]) >= 1


def replaced(house: Sandboxed, **members: Any) -> Any:
    """The rooms of the gateway, with another registry."""
    rooms = house.app.state.house
    return replace(rooms, registry=replace(rooms.registry, **members))


async def test_what_an_operator_says_is_told_once(house: Sandboxed) -> None:
    """Who said what of which operation; the reason stays in the record."""
    told: list[Happened] = []
    house.app.state.house = replaced(house, tell=told.append)
    found = await parked(house.app, "delete", "acme-close", about="acme-close.1")
    for _ in range(2):
        await resolve(house, found, "not_applied")
    (happened,) = told
    assert (happened.kind, happened.operation_id) == ("resolved", found)
    assert happened.detail == "not_applied, says operator"
