"""What surrounds a failure: whether anything was sent, who waits, and what is never followed."""

import asyncio
from typing import Any

import pytest

from tests.integration.acts import OPERATIONS, SPOKEN
from tests.integration.two_ends import VENDORS, Gateway, Sandbox

HASTY = {"X_Request_Timeout_Ms": "500"}
HANG = {"kind": "hang"}
UNAVAILABLE = {"kind": "status", "status": 503, "body": {"message": "Back soon."}}

READ_FIRST = {
    "slant-custom-fields": ("slant", {"custom_fields": {"source": "Fair"}}, "/v1/opportunities/"),
    "coperniq-anything": ("coperniq", {"name": "Another name"}, "/v1/opportunities/"),
    "coperniq-account": ("coperniq", {"description": "Roof first."}, "/v1/accounts/"),
    "close-stage": ("close", {"stage": {"name": "On hold"}}, "/api/v1/opportunity/"),
    "reevo-status": ("reevo", {"status": "lost"}, "/api/v2/opportunity/"),
}
"""Updates that read before they write: what is changed, and a part of the path that is read."""


def named(table: dict[str, Any]) -> Any:
    """A table's rows as parameters, its keys as their names."""
    return [pytest.param(*row, id=name) for name, row in table.items()]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("why", ["nobody", "cipher"])
async def test_what_cannot_connect_was_not_sent(
    gateway: Gateway, sandbox: Sandbox, vendor: str, why: str
) -> None:
    """A closed port and a failed TLS handshake prove that nothing was applied."""
    for operation in ("get", "create"):
        act = SPOKEN[vendor].act(operation, f"{why}-{vendor}", "1")
        answer = await act.ask(gateway)
        problem = answer.json
        assert (answer.status, problem["code"]) == (503, "vendor-unavailable")
        assert (problem["origin"], problem["retry"]) == ("gateway", "same_request")
        assert problem.get("outcome") == (None if operation == "get" else "not_applied")
        assert int(answer.headers["retry-after"]) >= 1
        assert "127.0.0.1" not in answer.content.decode()
    assert (await sandbox.ledger(vendor)).requests == []


@pytest.mark.parametrize(("vendor", "patch", "path"), named(READ_FIRST))
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        pytest.param(UNAVAILABLE, 503, "vendor-unavailable", id="unavailable"),
        pytest.param({"kind": "reset"}, 502, "vendor-bad-response", id="reset"),
        pytest.param({"kind": "garbage"}, 502, "vendor-bad-response", id="not-json"),
        pytest.param(HANG, 504, "vendor-timeout", id="timeout"),
    ],
)
async def test_a_read_that_fails_before_the_write_applies_nothing(
    gateway: Gateway,
    sandbox: Sandbox,
    vendor: str,
    patch: dict[str, Any],
    path: str,
    fault: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """The failure is told as a read's, its outcome is known, and the write is never sent."""
    record_id = next(iter(await sandbox.records(vendor)))
    await sandbox.spoil(vendor, fault, {"method": "GET", "path": path})
    target = f"/v1/opportunities/acme-{vendor}.{record_id}"
    answer = await gateway.ask("PATCH", target, patch, **HASTY)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["outcome"] == "not_applied"
    ledger = await sandbox.ledger(vendor)
    assert {call["method"] for call in ledger.requests} == {"GET"}
    assert await sandbox.unspent(vendor) == []


async def test_a_search_that_fails_before_a_create_applies_nothing(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """Coperniq's look for a match is a read: without its answer nothing is created."""
    await sandbox.spoil("coperniq", UNAVAILABLE, {"method": "GET", "path": "/search"})
    answer = await SPOKEN["coperniq"].act("create", "acme-coperniq", "").ask(gateway)
    assert (answer.status, answer.code) == (503, "vendor-unavailable")
    assert answer.json["outcome"] == "not_applied"
    assert (await sandbox.ledger("coperniq")).calls("POST") == []


async def test_a_catalogue_that_cannot_be_read_applies_nothing_and_is_asked_again(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """A failed look at the pipelines is not remembered in the place of pipelines."""
    record_id = next(iter(await sandbox.records("slant")))
    target = f"/v1/opportunities/reader-slant.{record_id}"
    await sandbox.spoil("slant", UNAVAILABLE, {"method": "GET", "path": "/pipelines/"})
    patch = {"stage": {"name": "No such stage"}}
    first = await gateway.ask("PATCH", target, patch)
    assert (first.status, first.code) == (503, "vendor-unavailable")
    assert first.json["outcome"] == "not_applied"
    second = await gateway.ask("PATCH", target, patch)
    assert (second.status, second.code) == (422, "unknown-reference")
    assert (await sandbox.ledger("slant")).calls("PATCH") == []


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_answer_that_drips_ends_at_the_deadline_of_the_whole(
    gateway: Gateway, sandbox: Sandbox, vendor: str
) -> None:
    """Each byte in time does not make an answer in time."""
    record_id = next(iter(await sandbox.records(vendor)))
    act = SPOKEN[vendor].act("get", f"acme-{vendor}", record_id)
    await act.spoil(sandbox, vendor, {"kind": "drip", "bytes_per_second": 20})
    answer = await act.ask(gateway, **HASTY)
    assert (answer.status, answer.code) == (504, "vendor-timeout")


async def test_a_write_whose_answer_drips_is_unknown(impatient: Gateway, sandbox: Sandbox) -> None:
    """The effect is there, the answer is not, and nothing is sent again."""
    acts = {vendor: SPOKEN[vendor].act("create", f"acme-{vendor}", "") for vendor in VENDORS}
    for vendor, act in acts.items():
        await act.spoil(sandbox, vendor, {"kind": "drip", "bytes_per_second": 10})
    answers = await asyncio.gather(*(act.ask(impatient) for act in acts.values()))
    for vendor, answer in zip(acts, answers, strict=True):
        assert (answer.status, answer.code) == (504, "outcome-indeterminate")
        assert answer.json["outcome"] == "unknown"
        ledger = await sandbox.ledger(vendor)
        assert [effect["effect"] for effect in ledger.effects] == ["create"]
        assert acts[vendor].calls(ledger) == 1


async def test_a_write_that_was_sent_goes_on_behind_the_deadline(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """The caller is told in time that the outcome is open, and under the same key how it ended."""
    slow = {"kind": "delay", "seconds": 1}
    acts = {vendor: SPOKEN[vendor].act("create", f"acme-{vendor}", "") for vendor in VENDORS}
    for vendor, act in acts.items():
        await act.spoil(sandbox, vendor, slow)
    keys = {vendor: {"Idempotency_Key": f"hasty {vendor}"} for vendor in VENDORS}
    hasty = [act.ask(gateway, **HASTY, **keys[vendor]) for vendor, act in acts.items()]
    first = await asyncio.gather(*hasty)
    assert [answer.status for answer in first] == [504] * len(VENDORS)
    assert {answer.code for answer in first} == {"outcome-indeterminate"}
    later = await asyncio.gather(*(act.ask(gateway, **keys[name]) for name, act in acts.items()))
    assert [answer.status for answer in later] == [201] * len(VENDORS)
    for vendor in VENDORS:
        assert len((await sandbox.ledger(vendor)).effects) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_redirect_is_not_followed(gateway: Gateway, sandbox: Sandbox, vendor: str) -> None:
    """Where a redirect leads, nothing arrives: neither a request nor the credentials in it."""
    other = "slant" if vendor == "coperniq" else "coperniq"
    target = f"{sandbox.url}/{other}/v1/opportunities"
    ids = list(await sandbox.records(vendor))
    for operation in OPERATIONS[:4]:
        act = SPOKEN[vendor].act(operation, f"acme-{vendor}", ids[0])
        await act.spoil(sandbox, vendor, {"kind": "redirect", "location": target})
        assert (await act.ask(gateway)).status == 502
    assert (await sandbox.ledger(other)).requests == []
    assert (await sandbox.ledger(vendor)).effects == []


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_vendor_that_does_not_know_us_is_no_fault_of_the_caller(
    gateway: Gateway, sandbox: Sandbox, vendor: str
) -> None:
    """A vendor's own 401 is a 502 that an operator mends; the connection's state tells of it."""
    answer = await gateway.ask("GET", f"/v1/opportunities?connection=stranger-{vendor}")
    assert (answer.status, answer.code) == (502, "vendor-credentials-invalid")
    assert answer.json["retry"] == "operator"
    assert answer.json["vendor"]["status"] == 401
    assert "www-authenticate" not in answer.headers
    connection = await gateway.ask("GET", f"/v1/connections/stranger-{vendor}")
    assert connection.json["state"] == "unauthorized"


async def test_the_callers_own_401_is_about_the_caller(gateway: Gateway, sandbox: Sandbox) -> None:
    """A caller without a known key is told how to authenticate, and no vendor is asked."""
    answer = await gateway.ask("GET", "/v1/opportunities", Authorization="Bearer nobody's key")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "vendor" not in answer.json
    for vendor in VENDORS:
        assert (await sandbox.ledger(vendor)).requests == []


async def test_a_token_that_may_only_read_reads(gateway: Gateway, sandbox: Sandbox) -> None:
    """Slant's 403 for a write with a read-only token is the operator's to mend."""
    record_id = next(iter(await sandbox.records("slant")))
    path = f"/v1/opportunities/reader-slant.{record_id}"
    assert (await gateway.ask("GET", path)).status == 200
    answer = await gateway.ask("PATCH", path, {"name": "Another name"})
    assert (answer.status, answer.code) == (502, "vendor-forbidden")
    assert answer.json["vendor"]["code"] == "token_read_only"


REFUSED = {
    "slant": ("slant", {"account": {"id": "hhnobody"}}, "vendor-rejected", "/account"),
    "coperniq": ("coperniq", {"pipeline": {"id": "99999"}}, "vendor-rejected", "/pipeline"),
    "close": ("close", {"contacts": [{"id": "cont_nobody"}]}, "vendor-rejected", "/contacts"),
    "reevo": ("reevo", {"contacts": [{"id": "nobody"}]}, "unknown-reference", "/contacts"),
}


@pytest.mark.parametrize(("vendor", "patch", "code", "pointer"), named(REFUSED))
async def test_a_refusal_points_into_the_callers_body(
    gateway: Gateway, sandbox: Sandbox, vendor: str, patch: Any, code: str, pointer: str
) -> None:
    """What a vendor itself says of its field is told at the caller's field."""
    record_id = next(iter(await sandbox.records(vendor)))
    target = f"/v1/opportunities/acme-{vendor}.{record_id}"
    answer = await gateway.ask("PATCH", target, patch)
    assert (answer.status, answer.code) == (422, code)
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert (await sandbox.ledger(vendor)).effects == []


async def test_a_missing_list_is_remembered(gateway: Gateway, sandbox: Sandbox) -> None:
    """A list that Slant turned out not to have costs one call, not one for each request."""
    await sandbox.spoil("slant", {"kind": "status", "status": 404}, {"path": "/v1/opportunities"})
    for _ in range(2):
        answer = await gateway.ask("GET", "/v1/opportunities?connection=unlisted-slant")
        assert (answer.status, answer.code) == (422, "operation-unsupported")
    assert len((await sandbox.ledger("slant")).requests) == 1


async def test_a_connection_that_fails_among_several_is_named(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """The page holds what there is, the problem of what is missing, and a cursor to go on there."""
    await sandbox.spoil("coperniq", UNAVAILABLE, {"path": "/v1/opportunities"})
    where = "/v1/opportunities?connection=acme-coperniq&connection=acme-reevo&limit=200"
    page = await gateway.ask("GET", where)
    assert page.status == 200
    assert {item["connection"] for item in page.json["items"]} == {"acme-reevo"}
    (trouble,) = page.json["errors"]
    assert trouble["connection"] == "acme-coperniq"
    assert trouble["problem"]["code"] == "vendor-unavailable"
    rest = await gateway.ask("GET", f"{where}&cursor={trouble['next_cursor']}")
    assert {item["connection"] for item in rest.json["items"]} == {"acme-coperniq"}


async def test_several_connections_that_all_fail_are_a_problem(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """A page without a single answer is no page."""
    where = "/v1/opportunities?connection=nobody-close&connection=nobody-reevo"
    answer = await gateway.ask("GET", where)
    assert (answer.status, answer.code) == (503, "vendor-unavailable")
