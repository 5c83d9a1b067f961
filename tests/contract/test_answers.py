"""Real answers, of every operation and every vendor, are what the document says of them."""

import re
from typing import Any

import pytest

from gateway.api import problems
from tests.contract.openapi import misfits, operations
from tests.parked import begun, parked
from tests.records import OPPORTUNITIES, TWELVE_HUNDRED, VENDORS, draft, made, path_of
from tests.sandboxed import Answered, Sandboxed, sandboxed, tree

OPTIONAL = {
    "preference-applied", "retry-after", "accept-patch", "idempotency-key", "idempotent-replayed",
    "ratelimit", "ratelimit-policy", "vary",
}  # fmt: skip
"""Headers that an answer has only if there is reason to; so has a 412 of the vendor's no ETag."""
UNTOLD = {
    "content-type", "content-length", "content-security-policy", "cross-origin-resource-policy",
    "referrer-policy", "x-content-type-options", "x-frame-options",
}  # fmt: skip
"""Headers that the document says nothing of: of HTTP itself, and for browsers."""


def described(method: str, path: str) -> dict[str, Any]:
    """The operation that a request is for."""
    for template, known, operation in operations():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if known.upper() == method and re.fullmatch(pattern, path.partition("?")[0]):
            return operation
    raise AssertionError(f"the document has no {method} {path}")


def conforms(method: str, path: str, answer: Answered) -> None:
    """An answer has a documented status, its headers, its type, and a body of its schema."""
    responses = described(method, path)["responses"]
    assert str(answer.status) in responses, f"{method} {path} is not to answer {answer.status}"
    response = responses[str(answer.status)]
    body = answer.json if answer.content else {}
    optional = OPTIONAL | ({"etag"} if body.get("origin") == "vendor" else set())
    for name in response["headers"]:
        assert name.lower() in optional or name.lower() in answer.headers, name
    told = {name.lower() for name in response["headers"]}
    assert {*answer.headers} <= told | UNTOLD
    if "content" not in response:
        assert answer.content == b""
        return
    ((kind, content),) = response["content"].items()
    assert answer.headers["content-type"] == kind
    assert misfits(content["schema"], body) == []
    if kind == problems.MEDIA_TYPE:
        assert body["code"] in content["examples"], f"{method} {path} is not to answer so"


async def asked(
    house: Sandboxed, method: str, path: str, body: Any = None, **headers: str
) -> Answered:
    """An answer that conforms."""
    answer = await house.ask(method, path, body, **headers)
    conforms(method, path, answer)
    return answer


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_whole_life_conforms(house: Sandboxed, vendor: str) -> None:
    """Create, read, list, change, try out, delete: every success of a vendor."""
    at = f"/v1/connections/acme-{vendor}"
    created = await asked(house, "POST", OPPORTUNITIES, draft(vendor), Prefer="handling=lenient")
    assert created.status == 201
    path = path_of(created.json)
    found = await asked(house, "GET", f"{path}?include=raw")
    assert found.status == 200
    known = await asked(house, "GET", path, If_None_Match=found.headers["etag"])
    assert known.status == 304
    changed = await asked(house, "PATCH", path, TWELVE_HUNDRED, If_Match="*")
    assert changed.status == 200
    named = {"opportunity_id": created.json["id"]}
    for body in (
        {"operation": "create", "body": draft(vendor, name="Another roof")},
        {"operation": "update", "body": TWELVE_HUNDRED, **named},
        {"operation": "read", "record": found.json["raw"]},
    ):
        assert (await asked(house, "POST", f"{at}/translations", body)).status == 200
    await asked(house, "POST", f"{at}/translations", {"operation": "delete", **named})
    await asked(house, "DELETE", path)
    for what in ("", "?check=true", "/capabilities", "/pipelines", "/custom-fields", "/users"):
        await asked(house, "GET", at + what)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_every_record_of_a_vendor_conforms(house: Sandboxed, vendor: str) -> None:
    """Alone and in a list, with and without the vendor's own payload."""
    for more in ("", "&include=raw"):
        path = f"{OPPORTUNITIES}?connection=acme-{vendor}&limit=200{more}"
        answer = await asked(house, "GET", path)
        assert answer.json["items"]
    for record in house.vendor(vendor).records:
        await asked(house, "GET", f"{OPPORTUNITIES}/acme-{vendor}.{record}")


async def test_what_there_is_conforms(house: Sandboxed) -> None:
    """Connections, vendors, and the list over all of them."""
    for path in ("/v1/connections", "/v1/vendors", OPPORTUNITIES):
        assert (await asked(house, "GET", path)).status == 200


@pytest.mark.parametrize("vendor", VENDORS)
async def test_problems_of_the_caller_conform(house: Sandboxed, vendor: str) -> None:
    """Of every status that a request can deserve."""
    record = await made(house, vendor)
    path = path_of(record)
    at = f"/v1/connections/acme-{vendor}"
    statuses = {
        (await asked(house, *request, **headers)).status
        for *request, headers in (
            ("GET", f"{OPPORTUNITIES}?limit=0", None, {}),
            ("GET", f"{OPPORTUNITIES}?cursor=x", None, {}),
            ("GET", f"{OPPORTUNITIES}?connection=acme-{vendor}&pipeline_id=x&q=y", None, {}),
            ("GET", OPPORTUNITIES, None, {"Authorization": "Bearer x"}),
            ("GET", OPPORTUNITIES, None, {"X_Request_Timeout_Ms": "x"}),
            ("GET", f"{OPPORTUNITIES}/acme-{vendor}.nothing", None, {}),
            ("GET", f"{OPPORTUNITIES}/other.1", None, {}),
            ("PATCH", path, {}, {}),
            ("PATCH", path, {"nme": 1, "lost_reason": 5, "stage": {"name": "x"}}, {}),
            ("PATCH", path, {"stage": {"name": "No such stage"}}, {}),
            ("PATCH", path, {"custom_fields": {"no-such-field": 1}}, {}),
            ("PATCH", path, {"value": {"amount": "0.001", "currency": "EUR"}}, {}),
            ("PATCH", path, TWELVE_HUNDRED, {"If_Match": '"x"'}),
            ("PATCH", path, TWELVE_HUNDRED, {"If_Match": "x"}),
            ("PATCH", path, TWELVE_HUNDRED, {"Content_Type": "text/plain"}),
            ("POST", OPPORTUNITIES, {"connection": f"acme-{vendor}", "name": "x" * 2**20}, {}),
            ("DELETE", f"{OPPORTUNITIES}/acme-{vendor}.nothing", None, {"If_Match": "*"}),
            ("POST", f"{at}/translations", {"operation": "create"}, {}),
            ("GET", f"{at}?check=x", None, {}),
            ("GET", "/v1/connections/other/users", None, {}),
        )
    }  # fmt: skip
    assert statuses == {400, 401, 404, 412, 413, 415, 422}


FAULTS = [
    *({"kind": "status", "status": status, "body": {"message": "No."}}
      for status in (400, 401, 402, 403, 404, 405, 409, 412, 415, 422, 429, 500, 502, 503, 504)),
    {"kind": "status", "status": 502, "body": {"text": "<p>", "content_type": "text/html"}},
    {"kind": "status", "status": 200, "body": {"error": "no"}},
    {"kind": "garbage"},
    {"kind": "huge", "bytes": 2_000_000},
    {"kind": "redirect", "location": "https://elsewhere.example/"},
]  # fmt: skip


@pytest.mark.parametrize("vendor", VENDORS)
async def test_problems_of_the_vendor_conform(house: Sandboxed, vendor: str) -> None:
    """Whatever a vendor answers, on a read and on each write; never a 500, never a 200."""
    record = await made(house, vendor)
    path = path_of(record)
    simulator = house.vendor(vendor)
    for fault in FAULTS:
        for method, where, body in (
            ("GET", path, None),
            ("GET", f"{OPPORTUNITIES}?connection=acme-{vendor}", None),
            ("PATCH", path, TWELVE_HUNDRED),
            ("POST", OPPORTUNITIES, draft(vendor)),
            ("DELETE", path, None),
        ):
            simulator.faults.add({"fault": fault, "times": 9})
            answer = await asked(house, method, where, body)
            simulator.faults.clear()
            assert 400 <= answer.status != 500, (fault, method, answer.content)


async def test_switches_and_conditions_conform() -> None:
    """428 and 503, and 403 for a caller without the scope."""
    configured = tree(
        acme_close={"require_if_match": True},
        acme_slant={"enabled": False},
        acme_reevo={"read_only": True},
    )
    async with sandboxed(configured) as house:
        path = f"{OPPORTUNITIES}/acme-close.oppo_1"
        assert (await asked(house, "PATCH", path, TWELVE_HUNDRED)).status == 428
        assert (await asked(house, "DELETE", path)).status == 428
        for vendor in ("slant", "reevo"):
            answer = await asked(house, "POST", OPPORTUNITIES, draft(vendor))
            assert answer.status == 503
        assert (await asked(house, "GET", OPPORTUNITIES)).status == 200
    caller = {**configured["callers"]["tests"], "scopes": []}
    async with sandboxed({**configured, "callers": {"tests": caller}}) as house:
        assert (await asked(house, "GET", OPPORTUNITIES)).status == 403
        assert (await asked(house, "DELETE", path)).status == 403


async def test_replays_and_conflicts_of_keys_conform(house: Sandboxed) -> None:
    """A replay, another request under the key, and a key that cannot be read."""
    write, key = draft("reevo"), {"Idempotency_Key": "k"}
    statuses = [
        (await asked(house, "POST", OPPORTUNITIES, body, **headers)).status
        for body, headers in (
            (write, key), (write, key), ({**write, "name": "Another"}, key),
            (write, {"Idempotency_Key": '"k'}),
        )
    ]  # fmt: skip
    assert statuses == [201, 201, 422, 400]


async def test_operations_conform() -> None:
    """In every state, in a list and alone; settled by hand, and refused to be."""
    configured = tree()
    caller = configured["callers"]["tests"]
    scopes = [*caller["scopes"], "operations:resolve"]
    about: dict[str, Any] = {"about": "acme-close.1"}
    async with sandboxed(
        {**configured, "callers": {"tests": {**caller, "scopes": scopes}}}
    ) as house:
        record = await made(house, "reevo")
        await asked(house, "PATCH", path_of(record), {"name": None})
        running = await begun(house.app, "delete", "acme-close", key=b"1", **about)
        waiting = await parked(house.app, "delete", "acme-close", key=b"2", **about)
        applied = {"outcome": "applied", "opportunity_id": "acme-close.1", "reason": "Seen."}
        refuted = {"outcome": "not_applied", "reason": "Seen."}
        statuses = [
            (await asked(house, "POST", f"/v1/operations/{which}/resolve", body)).status
            for which, body in (
                (waiting, {}), (waiting, applied), (waiting, applied), (waiting, refuted),
                (running, applied), ("op_1", applied),
            )
        ]  # fmt: skip
        assert statuses == [422, 200, 200, 409, 409, 404]
        listed = await asked(house, "GET", "/v1/operations?limit=2")
        assert (await asked(house, "GET", "/v1/operations")).json["items"][:2] == listed.json[
            "items"
        ]
        for each in listed.json["items"]:
            await asked(house, "GET", f"/v1/operations/{each['id']}")
        assert (await asked(house, "GET", "/v1/operations?state=x")).status == 422
        assert (await asked(house, "GET", "/v1/operations/op_1")).status == 404


async def test_a_list_with_a_failed_connection_conforms(house: Sandboxed) -> None:
    """The problem in `errors` is of the same schema as a problem that stands alone."""
    house.vendor("close").faults.add({"fault": {"kind": "status", "status": 503}, "times": 9})
    answer = await asked(house, "GET", f"{OPPORTUNITIES}?status=won&limit=100")
    assert answer.json["errors"]
