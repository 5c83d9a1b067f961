"""The request ledger: what is told of a request afterwards, to whom, and what is not."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import pytest

from gateway.api.access import hash_key
from gateway.normalizer.dates import moment
from tests.parked import parked
from tests.records import OPPORTUNITIES, TWELVE_HUNDRED, draft, made, path_of
from tests.sandboxed import CALLERS, Answered, Sandboxed, sandboxed, tree

T = TypeVar("T")

READ, WRITE, RESOLVE = "opportunities:read", "opportunities:write", "operations:resolve"
REQUESTS = "requests:read"
PATIENCE: Final = 30
CALLED: Final = {
    "tests": {**CALLERS["tests"], "scopes": [READ, WRITE]},
    "auditor": {
        "key_sha256": hash_key("auditors-key"), "scopes": [REQUESTS], "connections": ["*"],
    },
    "closes-auditor": {
        "key_sha256": hash_key("closes-key"),
        "scopes": [REQUESTS, READ, RESOLVE],
        "connections": ["*-close"],
    },
}  # fmt: skip
AUDITOR: Final = {"Authorization": "Bearer auditors-key"}
CLOSES: Final = {"Authorization": "Bearer closes-key"}
CALLER_ID: Final = "billing-4711"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"


@asynccontextmanager
async def recording(**ledger: Any) -> AsyncIterator[Sandboxed]:
    """A gateway whose work in the background runs, with a ledger or another."""
    wanted: Mapping[str, Any] = {"callers": CALLED, "request_ledger": {"enabled": True, **ledger}}
    async with (
        sandboxed({**tree(), **wanted}) as running,
        running.app.router.lifespan_context(running.app),
    ):
        yield running


@pytest.fixture
async def house() -> AsyncIterator[Sandboxed]:
    """A gateway that keeps a ledger."""
    async with recording() as running:
        yield running


def the_latest(answer: Answered) -> str:
    """Where the record of a request that failed is."""
    place = answer.json["instance"]
    assert re.fullmatch(r"/v1/requests/req_[0-9a-f]{24}", place)
    return str(place)


async def patiently(ask: Callable[[], Awaitable[T]], enough: Callable[[T], bool]) -> T:
    """What is answered as soon as it is enough."""
    until = time.monotonic() + PATIENCE
    while not enough(answer := await ask()):
        assert time.monotonic() < until, answer
        await asyncio.sleep(0.01)
    return answer


async def record_at(house: Sandboxed, place: str, **headers: str) -> Any:
    """The record there, which is written a moment after the answer."""
    answer = await patiently(
        lambda: house.ask("GET", place, **(headers or AUDITOR)), lambda answer: answer.status != 404
    )
    assert answer.status == 200, answer.content
    return answer.json


async def test_a_failed_write_is_told_by_its_problems_instance(house: Sandboxed) -> None:
    """Who, what, how it ended, and every vendor call on the way, with its times and sizes."""
    one = await made(house, "close")
    house.vendor("close").faults.add({"fault": {"kind": "status", "status": 400}})
    refused = await house.ask(
        "PATCH", path_of(one), TWELVE_HUNDRED,
        X_Request_Id=CALLER_ID, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
    )  # fmt: skip
    told = await record_at(house, the_latest(refused))
    assert (
        told.items()
        >= {
            "id": refused.json["instance"].rpartition("/")[2],
            "request_id": CALLER_ID,
            "trace_id": TRACE,
            "caller": "tests",
            "method": "PATCH",
            "route": f"{OPPORTUNITIES}/{{opportunity_id}}",
            "operation": "update_opportunity",
            "connection": "acme-close",
            "vendor": "close",
            "opportunity_id": one["id"],
            "status": refused.status,
            "code": refused.code,
            "outcome": "not_applied",
            "bytes_out": len(refused.content),
        }.items()
    )
    calls = told["vendor_calls"]
    assert told["vendor_call_count"] == len(calls) > 0
    assert {(call["connection"], call["vendor"]) for call in calls} == {("acme-close", "close")}
    assert calls[-1]["status"] == 400
    times = [moment(told["began_at"]), *(moment(call["began_at"]) for call in calls),
             moment(told["ended_at"])]  # fmt: skip
    assert times == sorted(times)
    assert 0 <= sum(call["seconds"] for call in calls) <= told["seconds"]


async def test_a_write_that_went_well_is_told_with_its_operation(house: Sandboxed) -> None:
    """With the opportunity that it made, and what was sent: its digest, and nothing of itself."""
    written = await house.ask(
        "POST", OPPORTUNITIES, draft("reevo", name="Warehouse roof"), Idempotency_Key="k-1"
    )
    again = await house.ask(
        "POST", OPPORTUNITIES, draft("reevo", name="Warehouse roof"), Idempotency_Key="k-1"
    )
    assert again.headers["idempotent-replayed"] == "true"
    first, second = await every_record(house, 2)
    assert (first["status"], first["outcome"]) == (201, "applied")
    assert (first["idempotency_status"], second["idempotency_status"]) == ("created", "replayed")
    assert first["opportunity_id"] == second["opportunity_id"] == written.json["id"]
    assert first["operation_id"] == second["operation_id"]
    operation = await house.ask("GET", f"/v1/operations/{first['operation_id']}")
    assert operation.json["opportunity_id"] == written.json["id"]
    (create,) = [call for call in first["vendor_calls"] if call["effect"] == "write"]
    assert create["sent"]
    assert re.fullmatch(r"[0-9a-f]{64}", create["request_digest"])
    assert re.fullmatch(r"[0-9a-f]{64}", create["answer_digest"])
    assert [call for call in second["vendor_calls"] if call["effect"] == "write"] == []
    assert "Warehouse roof" not in str([first, second])


async def every_record(house: Sandboxed, count: int) -> list[Any]:
    """What the ledger holds once it holds so many records, in the order of their requests."""
    ledger = house.app.state.house.ledger

    async def names() -> list[str]:
        return [name for each in ledger._buckets.values() for name in each]

    found = await patiently(names, lambda names: len(names) >= count)
    told = [await record_at(house, f"/v1/requests/{name}") for name in found]
    return sorted(told, key=lambda record: moment(record["began_at"]))


async def test_equal_bodies_have_equal_digests(house: Sandboxed) -> None:
    """So that a write that was sent twice is seen to be the same, and another to be another."""
    for value in ("1200.00", "1200.00", "1300.00"):
        await house.ask("POST", OPPORTUNITIES, draft("slant", value={"amount": value}))
    sent = [
        next(call for call in record["vendor_calls"] if call["effect"] == "write")
        for record in await every_record(house, 3)
    ]
    digests = [call["request_digest"] for call in sent]
    assert digests[0] == digests[1] != digests[2]


async def test_what_was_refused_before_it_was_sent_names_no_operation(house: Sandboxed) -> None:
    """There is none: what was sent and refused for the moment has one, though nothing is stored."""
    one = await made(house, "close")
    refused = await house.ask("PATCH", path_of(one), {"stage": {"name": "No such stage"}})
    told = await record_at(house, the_latest(refused))
    assert (told["operation_id"], told["outcome"]) == (None, "not_applied")
    fault = {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}
    house.vendor("close").faults.add({"fault": fault, "times": 9, "match": {"method": "PUT"}})
    throttled = await house.ask("PATCH", path_of(one), TWELVE_HUNDRED)
    told = await record_at(house, the_latest(throttled))
    assert (told["code"], told["outcome"]) == ("rate-limited", "not_applied")
    operation = await house.ask("GET", f"/v1/operations/{told['operation_id']}")
    assert operation.json["state"] == "not_applied"


async def test_a_failed_read_is_told_and_one_that_went_well_is_not(house: Sandboxed) -> None:
    """A ledger of every read would be a log."""
    failed = await house.ask("GET", f"{OPPORTUNITIES}/acme-close.nothing")
    assert (await house.ask("GET", f"{OPPORTUNITIES}?connection=acme-close")).status == 200
    told = await record_at(house, the_latest(failed))
    assert (told["status"], told["code"]) == (404, "opportunity-not-found")
    assert (told["outcome"], told["idempotency_status"]) == (None, None)
    assert [record["id"] for record in await every_record(house, 1)] == [told["id"]]


async def test_an_operation_that_is_settled_by_hand_is_told(house: Sandboxed) -> None:
    """Who said so is in the ledger as whoever writes is."""
    one = await made(house, "close")
    waiting = await parked(
        house.app, "update", "acme-close", about=one["id"], body={"probability": 60}
    )
    said = {"outcome": "not_applied", "reason": "Nothing is there."}
    path = f"/v1/operations/{waiting}/resolve"
    assert (await house.ask("POST", path, said, **CLOSES)).status == 200
    told = (await every_record(house, 2))[-1]
    assert (told["caller"], told["operation"]) == ("closes-auditor", "resolve_operation")
    assert (told["operation_id"], told["connection"]) == (waiting, "acme-close")


async def test_a_record_is_what_was_known_at_the_answer(house: Sandboxed) -> None:
    """A write that ends by itself after it: its operation tells, its record stays as it is."""
    slow = {"kind": "delay", "seconds": 3}
    house.vendor("reevo").faults.add({"fault": slow, "match": {"method": "POST"}})
    hasty = {"Idempotency_Key": "k-1", "X_Request_Timeout_Ms": "300"}
    late = await house.ask("POST", OPPORTUNITIES, draft("reevo"), **hasty)
    assert (late.status, late.code) == (504, "outcome-indeterminate")
    before = await record_at(house, the_latest(late))
    early = await house.ask("POST", OPPORTUNITIES, draft("reevo"), **hasty)
    assert (early.status, early.code) == (409, "idempotency-in-progress")
    told = await record_at(house, the_latest(early))
    assert told["operation_id"] == before["operation_id"] is not None
    path = f"/v1/operations/{before['operation_id']}"
    await patiently(
        lambda: house.ask("GET", path), lambda answer: bool(answer.json["state"] == "succeeded")
    )
    assert await record_at(house, the_latest(late)) == before
    assert before["outcome"] == "unknown"
    assert [call for call in before["vendor_calls"] if call["effect"] == "write"] == []


async def test_who_may_not_see_a_connection_sees_no_record_of_it(house: Sandboxed) -> None:
    """It is as unknown as one that there never was, and so it is without the scope forbidden."""
    of_close = await house.ask("GET", f"{OPPORTUNITIES}/acme-close.nothing")
    of_slant = await house.ask("GET", f"{OPPORTUNITIES}/acme-slant.nothing")
    for failed in (of_close, of_slant):
        assert await record_at(house, the_latest(failed))
    assert await record_at(house, the_latest(of_close), **CLOSES)
    hidden = await house.ask("GET", the_latest(of_slant), **CLOSES)
    assert (hidden.status, hidden.code) == (404, "request-not-found")
    own = await house.ask("GET", the_latest(of_slant))
    assert (own.status, own.code) == (403, "forbidden")


async def test_who_sees_one_of_several_connections_sees_no_record_of_them(
    house: Sandboxed,
) -> None:
    """A list over several tells how each of them fared."""
    for vendor in ("close", "slant"):
        house.vendor(vendor).faults.add({"fault": {"kind": "status", "status": 500}, "times": 9})
    failed = await house.ask("GET", f"{OPPORTUNITIES}?connection=acme-close&connection=acme-slant")
    told = await record_at(house, the_latest(failed))
    assert {call["connection"] for call in told["vendor_calls"]} == {"acme-close", "acme-slant"}
    assert (await house.ask("GET", the_latest(failed), **CLOSES)).code == "request-not-found"


async def test_a_record_without_a_connection_is_its_callers_own(house: Sandboxed) -> None:
    """And of whoever sees all connections: what was meant cannot be known."""
    ours = await house.ask("GET", "/v1/nowhere?q=Jane", **CLOSES)
    theirs = await house.ask("GET", "/v1/connections/acme-nowhere")
    assert await record_at(house, the_latest(theirs))
    assert (await house.ask("GET", the_latest(theirs), **CLOSES)).code == "request-not-found"
    assert ours.code == "route-not-found"
    mine = await house.ask("GET", f"{OPPORTUNITIES}/nothing", **CLOSES)
    assert (await record_at(house, the_latest(mine), **CLOSES))["connection"] is None


async def test_strangers_leave_no_record(house: Sandboxed) -> None:
    """Else whoever has no key could crowd out what others did."""
    stranger = await house.ask("GET", OPPORTUNITIES, Authorization="Bearer nobodys")
    known = await house.ask("GET", f"{OPPORTUNITIES}/nothing")
    assert stranger.status == 401
    assert await record_at(house, the_latest(known))
    assert (await house.ask("GET", the_latest(stranger), **AUDITOR)).status == 404


@pytest.mark.parametrize("unknown", ["req_" + "0" * 24, "req_1", "op_" + "0" * 32, "%2e%2e", "é"])
async def test_what_is_no_request_is_not_found(house: Sandboxed, unknown: str) -> None:
    """Whatever it looks like."""
    answer = await house.ask("GET", f"/v1/requests/{unknown}", **AUDITOR)
    assert (answer.status, answer.code) == (404, "request-not-found")


async def test_a_gateway_without_a_ledger_says_so() -> None:
    """It is off by default, and the detail tells that from a record that has ended."""
    async with recording(enabled=False) as house:
        failed = await house.ask("GET", f"{OPPORTUNITIES}/acme-close.nothing")
        answer = await house.ask("GET", the_latest(failed), **AUDITOR)
        assert (answer.status, answer.code) == (404, "request-not-found")
        assert "request_ledger.enabled" in answer.json["detail"]


async def test_the_ledger_is_written_to_the_end() -> None:
    """A gateway that shuts down writes what it has not written yet."""
    async with recording() as house:
        failed = await house.ask("GET", f"{OPPORTUNITIES}/acme-close.nothing")
    assert await house.app.state.house.ledger.get(the_latest(failed).rpartition("/")[2])
