"""A create that is two calls at the vendor (Slant): what is told when the second one fails."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.refusals import Fault
from tests.integration.two_ends import Gateway, Ledger, Sandbox
from tests.sandboxed import Answered

DRAFT = {
    "connection": "acme-slant",
    "name": "Half of it",
    "probability": 30,
    "custom_fields": {"source": "Referral"},
}
SECOND = {"method": "PATCH"}

REFUSED: Mapping[str, Fault] = {
    "400": {"kind": "status", "status": 400, "body": {"error": "invalid"}},
    "404": {"kind": "status", "status": 404},
    "422": {"kind": "status", "status": 422, "body": {"error": "validation_failed"}},
}
NOT_NOW: Mapping[str, Fault] = {
    "401": {"kind": "status", "status": 401, "body": {"error": "token_missing"}},
    "403": {"kind": "status", "status": 403, "body": {"error": "token_read_only"}},
    "429": {"kind": "status", "status": 429},
}
UNKNOWN: Mapping[str, Fault] = {
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "307": {"kind": "redirect", "location": "http://127.0.0.1/"},
    "reset": {"kind": "reset"},
    "truncated": {"kind": "truncated"},
    "not JSON": {"kind": "garbage"},
    "200 error": {"kind": "status", "status": 200, "body": {"error": "on second thoughts"}},
}


async def create(
    gateway: Gateway, sandbox: Sandbox, fault: Any, **when: str
) -> tuple[Answered, Ledger]:
    """A create of which the second call goes wrong."""
    await sandbox.spoil("slant", fault, SECOND, **when)
    answer = await gateway.ask("POST", "/v1/opportunities", DRAFT)
    return answer, await sandbox.ledger("slant")


async def made(sandbox: Sandbox, ledger: Ledger) -> dict[str, Any]:
    """The record that the first call made."""
    records = await sandbox.records("slant")
    record: dict[str, Any] = records[ledger.effects[0]["record_id"]]
    return record


@pytest.mark.parametrize("refusal", REFUSED)
async def test_a_refused_second_call_is_told_as_partial(
    gateway: Gateway, sandbox: Sandbox, refusal: str
) -> None:
    """The record is there without its custom fields, and the caller learns both."""
    answer, ledger = await create(gateway, sandbox, REFUSED[refusal])
    problem = answer.json
    assert (answer.status, problem["code"]) == (502, "partially-applied")
    assert (problem["outcome"], problem["retry"]) == ("partial", "never")
    assert set(problem["applied"]) >= {"/name", "/probability"}
    assert "/custom_fields" not in problem["applied"]
    assert problem["vendor"]["status"] == int(refusal)
    record = await made(sandbox, ledger)
    assert problem["opportunity_id"] == f"acme-slant.{record['id']}"
    assert (record["name"], record["custom_fields"]) == ("Half of it", {})
    assert [effect["effect"] for effect in ledger.effects] == ["create"]
    assert (len(ledger.calls("POST")), len(ledger.calls("PATCH"))) == (1, 1)


@pytest.mark.parametrize("refusal", NOT_NOW)
async def test_a_second_call_that_may_pass_another_time_is_left_open(
    gateway: Gateway, sandbox: Sandbox, refusal: str
) -> None:
    """The record is named, and the same request goes on where it stopped."""
    answer, ledger = await create(gateway, sandbox, NOT_NOW[refusal])
    problem = answer.json
    assert (answer.status, problem["code"]) == (504, "outcome-indeterminate")
    assert (problem["outcome"], problem["retry"]) == ("unknown", "same_request")
    record = await made(sandbox, ledger)
    assert problem["opportunity_id"] == f"acme-slant.{record['id']}"
    assert len(ledger.calls("POST")) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("breakdown", UNKNOWN)
async def test_a_second_call_without_a_verdict_is_unknown(
    gateway: Gateway, sandbox: Sandbox, breakdown: str, when: str
) -> None:
    """The record is named, whether it got its custom fields is not claimed, nothing is repeated."""
    answer, ledger = await create(gateway, sandbox, UNKNOWN[breakdown], when=when)
    problem = answer.json
    assert (answer.status, problem["code"]) == (502, "outcome-indeterminate")
    assert problem["outcome"] == "unknown"
    record = await made(sandbox, ledger)
    assert problem["opportunity_id"] == f"acme-slant.{record['id']}"
    assert len(ledger.effects) == (1 if when == "before" else 2)
    assert (len(ledger.calls("POST")), len(ledger.calls("PATCH"))) == (1, 1)


async def test_a_second_call_without_an_answer_in_time_is_unknown(
    impatient: Gateway, sandbox: Sandbox
) -> None:
    """The same, told as a time that ran out."""
    answer, ledger = await create(impatient, sandbox, {"kind": "hang"})
    assert (answer.status, answer.code) == (504, "outcome-indeterminate")
    assert answer.json["outcome"] == "unknown"
    record = await made(sandbox, ledger)
    assert answer.json["opportunity_id"] == f"acme-slant.{record['id']}"


async def test_a_failed_first_call_is_not_followed_by_the_second(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """Refused is not applied; without a verdict no id is known that the second could name."""
    outcomes = {"422": "not_applied", "503": "unknown", "not JSON": "unknown"}
    for failure, outcome in outcomes.items():
        fault = {**REFUSED, **UNKNOWN}[failure]
        await sandbox.spoil("slant", fault, {"method": "POST"})
        answer = await gateway.ask("POST", "/v1/opportunities", DRAFT)
        assert answer.json["outcome"] == outcome
        assert "opportunity_id" not in answer.json
    assert (await sandbox.ledger("slant")).calls("PATCH") == []


async def test_a_partial_create_is_completed_with_a_patch(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """What the problem names is where the caller goes on."""
    answer, _ = await create(gateway, sandbox, REFUSED["422"])
    target = f"/v1/opportunities/{answer.json['opportunity_id']}"
    patched = await gateway.ask("PATCH", target, {"custom_fields": DRAFT["custom_fields"]})
    assert patched.status == 200
    assert patched.json["custom_fields"] == {"source": "Referral"}


async def test_creates_at_once_do_not_share_their_failures(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """One second call in five is refused: one create is partial, four are whole."""
    await sandbox.spoil("slant", REFUSED["422"], SECOND, skip=2)
    creates = (gateway.ask("POST", "/v1/opportunities", DRAFT) for _ in range(5))
    answers = await asyncio.gather(*creates)
    assert sorted(answer.status for answer in answers) == [201, 201, 201, 201, 502]
    (partial,) = (answer.json for answer in answers if answer.status == 502)
    records = await sandbox.records("slant")
    bare = [key for key, held in records.items() if held["name"] == DRAFT["name"]
            and not held["custom_fields"]]  # fmt: skip
    assert [f"acme-slant.{key}" for key in bare] == [partial["opportunity_id"]]
