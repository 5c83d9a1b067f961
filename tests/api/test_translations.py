"""Translations: everything of a write but its vendor writes, and a vendor's record read."""

import re
from typing import Any

import pytest

from gateway.canonical import json_text
from gateway.opportunities import MARK_TO_COME
from tests.records import OPPORTUNITIES, VENDORS, calls, draft, effects, made, path_of
from tests.sandboxed import SANDBOX_URL, Answered, Sandboxed, sandboxed, tree

MASKED = {
    "close": ("Authorization", "Basic ***"),
    "coperniq": ("x-api-key", "***"),
    "reevo": ("Authorization", "Bearer ***"),
    "slant": ("Authorization", "Bearer ***"),
}
CUSTOM = {
    "close": {"contract": "https://contracts.example/7"},
    "coperniq": {"source": "Referral"},
    "slant": {"source": "Fair"},
}
"""A custom field that a connection has an alias for."""
MARK = re.compile(rb"uog-[A-Z2-7]{16}")


async def translated(
    house: Sandboxed,
    vendor: str,
    operation: str,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Answered:
    """A dry run, which never changes anything at any vendor."""
    before = effects(house)
    path = f"/v1/connections/acme-{vendor}/translations"
    answer = await house.ask("POST", path, {"operation": operation, **more}, **(headers or {}))
    assert effects(house) == before
    return answer


def unmarked(body: Any) -> Any:
    """A body with any mark of the gateway's as a dry run shows it: a write has one of its own."""
    return json_text.read(MARK.sub(MARK_TO_COME.encode(), json_text.write(body)))


def written(house: Sandboxed, vendor: str, since: int) -> list[tuple[str, str, Any]]:
    """The writes that a vendor received: method, URL without its query, body."""
    received = house.vendor(vendor).ledger.requests[since:]
    return [
        (call.method, f"{SANDBOX_URL}/{vendor}{call.path}", unmarked(call.body))
        for call in received
        if call.method != "GET" and not call.path.endswith("_query")
    ]


def shown(answer: Answered) -> list[tuple[str, str, Any]]:
    """The writes that a dry run shows, in the same form."""
    assert answer.status == 200, answer.content
    return [
        (each["method"], each["url"].partition("?")[0], each["body"])
        for each in answer.json["requests"]
    ]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_dry_run_shows_what_the_write_then_sends(house: Sandboxed, vendor: str) -> None:
    """Create, update and delete: method, address and body, in order."""
    body = draft(vendor, value={"amount": "4800.00"})
    foreseen = shown(await translated(house, vendor, "create", body=body))
    since = calls(house, vendor)
    record = await made(house, vendor, value={"amount": "4800.00"})
    assert written(house, vendor, since) == foreseen

    patch = {"value": {"amount": "5000.00"}, "expected_close_date": "2031-05-06"}
    if vendor == "coperniq":
        patch.pop("expected_close_date")
    named = {"opportunity_id": record["id"]}
    foreseen = shown(await translated(house, vendor, "update", body=patch, **named))
    since = calls(house, vendor)
    assert (await house.ask("PATCH", path_of(record), patch)).status == 200
    assert written(house, vendor, since) == foreseen
    assert len(foreseen) == 1

    answer = await translated(house, vendor, "delete", **named)
    if vendor == "slant":
        assert (answer.status, answer.code) == (422, "operation-unsupported")
        return
    foreseen = shown(answer)
    since = calls(house, vendor)
    assert (await house.ask("DELETE", path_of(record))).status == 204
    assert written(house, vendor, since) == foreseen


async def test_what_hangs_on_an_earlier_answer_is_shown_as_such(house: Sandboxed) -> None:
    """A create in two calls: the second one's address holds an id that is not there yet."""
    body = draft("slant", custom_fields=CUSTOM["slant"])
    answer = await translated(house, "slant", "create", body=body)
    first, second = answer.json["requests"]
    assert (first["method"], first["url"]) == ("POST", f"{SANDBOX_URL}/slant/v1/opportunities")
    assert "custom_fields" not in first["body"]
    assert second["method"] == "PATCH"
    assert second["url"] == f'{SANDBOX_URL}/slant/v1/opportunities/{{"$from":"create.id"}}'
    assert second["body"] == {"custom_fields": {"lead_source": "Fair"}}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_secrets_are_masked(house: Sandboxed, vendor: str) -> None:
    """The scheme is left to be read, and nothing of the secret is anywhere."""
    answer = await translated(house, vendor, "create", body=draft(vendor))
    headers = answer.json["requests"][0]["headers"]
    name, value = MASKED[vendor]
    assert headers[name] == value
    assert headers["Content-Type"] == "application/json"
    text = answer.content.decode()
    for secret in tree()["connections"][f"acme-{vendor}"]["credentials"].values():
        assert secret not in text


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_dry_run_checks_all_that_the_write_checks(house: Sandboxed, vendor: str) -> None:
    """With pointers that lead into the translation's own body."""
    body = {"nme": "x", "status": "maybe", "value": {"amount": 1}}
    answer = await translated(house, vendor, "create", body=body)
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert {error["pointer"] for error in answer.json["errors"]} == {
        "/body/nme", "/body/status", "/body/value/amount",
    }  # fmt: skip
    body = draft(vendor, stage={"name": "No such stage"})
    answer = await translated(house, vendor, "create", body=body)
    assert (answer.status, answer.code) == (422, "unknown-reference")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/body/stage/name"]
    assert answer.json["errors"][0]["allowed"]


async def test_lenient_handling_shows_what_would_be_left_out(house: Sandboxed) -> None:
    """By the member or by the header; the member wins."""
    body = draft("close", lost_reason="Price", value={"amount": "10.005"})
    strict = await translated(house, "close", "create", body=body)
    assert strict.status == 422
    lenient = await translated(house, "close", "create", body=body, handling="lenient")
    assert [(each["code"], each["pointer"]) for each in lenient.json["warnings"]] == [
        ("rounded", "/value/amount"),
        ("unsupported-field", "/lost_reason"),
    ]
    assert lenient.json["requests"][0]["body"]["value"] == 1000
    header = {"Prefer": "handling=lenient"}
    preferred = await translated(house, "close", "create", header, body=body)
    assert preferred.json["requests"] == lenient.json["requests"]
    assert preferred.headers["preference-applied"] == "handling=lenient"
    won = await translated(house, "close", "create", header, body=body, handling="strict")
    assert won.status == 422


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_patch_of_which_nothing_is_left_shows_no_request(
    house: Sandboxed, vendor: str
) -> None:
    """Only warnings: no write would be made."""
    record = await made(house, vendor)
    answer = await translated(
        house, vendor, "update",
        opportunity_id=record["id"], handling="lenient",
        body={"vendor_fields": {"no_such_field": 1}},
    )  # fmt: skip
    assert answer.status == 200, answer.content
    assert answer.json["requests"] == []
    assert answer.json["side_effects"] == []
    assert [each["pointer"] for each in answer.json["warnings"]] == ["/vendor_fields/no_such_field"]


async def test_side_effects_of_the_fields_are_told(house: Sandboxed) -> None:
    """What else would happen at the vendor."""
    record = await made(house, "close")
    pipelines = await house.ask("GET", "/v1/connections/acme-close/pipelines")
    stages = [stage for pipeline in pipelines.json["items"] for stage in pipeline["stages"]]
    other = next(stage for stage in stages if stage["id"] != record["stage"]["id"])
    answer = await translated(
        house, "close", "update", opportunity_id=record["id"], body={"stage": {"id": other["id"]}}
    )
    assert any("status" in effect for effect in answer.json["side_effects"])
    plain = await translated(
        house, "close", "update", opportunity_id=record["id"], body={"probability": 1}
    )
    assert len(plain.json["side_effects"]) < len(answer.json["side_effects"])


@pytest.mark.parametrize("vendor", ["close", "coperniq", "reevo"])
async def test_a_delete_says_what_becomes_of_the_record(house: Sandboxed, vendor: str) -> None:
    """As the capabilities of the vendor do."""
    record = await made(house, vendor)
    answer = await translated(house, vendor, "delete", opportunity_id=record["id"])
    assert answer.json["side_effects"][0].startswith("the record is deleted: the vendor ")


async def test_side_effects_are_those_of_the_operation_and_its_handling(house: Sandboxed) -> None:
    """What only an update does is not told of a create, nor what only lenient handling does."""
    record = await made(house, "coperniq")
    contact = {"contacts": [{"email": "noor@quarry.example"}]}
    create = await translated(
        house, "coperniq", "create", body=draft("coperniq", **contact, name="Depot")
    )
    assert [told.partition(":")[0] for told in create.json["side_effects"]] == [
        "anything changes", "a create names a contact by email or phone",
    ]  # fmt: skip
    update: dict[str, Any] = {"opportunity_id": record["id"], "body": {"description": "x"}}
    for handling, repeats in (("strict", False), ("lenient", True)):
        answer = await translated(house, "coperniq", "update", handling=handling, **update)
        told = answer.json["side_effects"]
        assert any("defaults are stored" in effect for effect in told)
        assert any("repeats a title" in effect for effect in told) is repeats


@pytest.mark.parametrize(
    ("vendor", "becomes"),
    [("close", "keeps nothing"), ("coperniq", "does not say"), ("reevo", "archives it")],
)
async def test_a_delete_tells_what_becomes_of_the_record(
    house: Sandboxed, vendor: str, becomes: str
) -> None:
    """As the vendor's capabilities do, and nothing that only a write of fields brings about."""
    record = await made(house, vendor)
    answer = await translated(house, vendor, "delete", opportunity_id=record["id"])
    (told,) = answer.json["side_effects"]
    assert becomes in told


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_vendors_record_is_read(house: Sandboxed, vendor: str) -> None:
    """As the same record would be answered; no call is needed for it but for a catalogue."""
    record = next(iter(house.vendor(vendor).records))
    path = f"{OPPORTUNITIES}/acme-{vendor}.{record}?include=raw"
    found = (await house.ask("GET", path)).json
    before = calls(house)
    answer = await translated(house, vendor, "read", record=found["raw"])
    assert answer.json["opportunity"] == {**found, "raw": None}
    assert answer.json["requests"] == []
    assert answer.json["warnings"] == found["warnings"]
    assert calls(house) == before


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": ["x"]}, {"name": "no id"}])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_is_no_record_is_refused_at_its_place(
    house: Sandboxed, vendor: str, record: Any
) -> None:
    """Without an id it is nobody's."""
    answer = await translated(house, vendor, "read", record=record)
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/record"]


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        ({}, {"/operation"}),
        ({"operation": "create"}, {"/body"}),
        ({"operation": "update"}, {"/opportunity_id", "/body"}),
        ({"operation": "delete"}, {"/opportunity_id"}),
        ({"operation": "read"}, {"/record"}),
        ({"operation": "read", "record": {}, "body": {}}, {"/body"}),
        ({"operation": "create", "body": {}, "opportunity_id": "a.b"}, {"/opportunity_id"}),
        ({"operation": "delete", "opportunity_id": "a.b", "body": {}}, {"/body"}),
        ({"operation": "create", "body": []}, {"/body"}),
        ({"operation": "create", "body": {}, "handling": "soft"}, {"/handling"}),
        ({"operation": "upsert", "body": {}}, {"/operation"}),
        ({"operation": "create", "body": {}, "key": 1}, {"/key"}),
    ],
)
async def test_each_operation_has_its_members(
    house: Sandboxed, members: Any, pointers: set[str]
) -> None:
    """All that is missing or out of place is named at once."""
    answer = await house.ask("POST", "/v1/connections/acme-close/translations", members)
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert {error["pointer"] for error in answer.json["errors"]} == pointers
    assert calls(house) == 0


async def test_a_draft_may_name_this_connection_and_no_other(house: Sandboxed) -> None:
    """The body of a create can be tried as it is; a contradiction is never settled silently."""
    same = await translated(house, "close", "create", body=draft("close"))
    without = await translated(house, "close", "create", body={})
    assert shown(same) == shown(without)
    other = await translated(house, "close", "create", body=draft("slant"))
    assert (other.status, other.code) == (422, "validation-failed")
    assert [error["pointer"] for error in other.json["errors"]] == ["/body/connection"]


@pytest.mark.parametrize(
    ("opportunity_id", "code"),
    [
        ("acme-slant.opp1", "opportunity-not-found"),
        ("nothing", "opportunity-not-found"),
        ("other.1", "connection-not-found"),
        ("acme-close.oppo_nothing", "opportunity-not-found"),
    ],
)
async def test_an_opportunity_of_elsewhere_is_not_found(
    house: Sandboxed, opportunity_id: str, code: str
) -> None:
    """Not on this connection."""
    for operation, body in (("update", {"stage": {"name": "Lost"}}), ("delete", None)):
        more = {"body": body} if body else {}
        header = {"If_Match": "*"}
        answer = await translated(
            house, "close", operation, header, opportunity_id=opportunity_id, **more
        )
        assert (answer.status, answer.code) == (404, code)


async def test_a_condition_is_judged_in_a_dry_run_too(house: Sandboxed) -> None:
    """As it would be for the write."""
    record = await made(house, "close")
    more: dict[str, Any] = {"opportunity_id": record["id"], "body": {"probability": 1}}
    stale = await translated(house, "close", "update", {"If_Match": '"x"'}, **more)
    assert (stale.status, stale.code) == (412, "precondition-failed")
    fits = await translated(house, "close", "update", {"If_Match": "*"}, **more)
    assert fits.status == 200


async def test_a_failing_read_fails_the_dry_run(house: Sandboxed) -> None:
    """Its problem has no outcome: nothing was to be written."""
    record = await made(house, "coperniq")
    house.vendor("coperniq").faults.add({"fault": {"kind": "status", "status": 503}})
    answer = await translated(
        house, "coperniq", "update", opportunity_id=record["id"], body={"description": "x"}
    )
    assert (answer.status, answer.code) == (503, "vendor-unavailable")
    assert "outcome" not in answer.json


async def test_a_dry_run_on_a_switched_off_connection() -> None:
    """Read-only still rehearses, since nothing is written; disabled does not speak at all."""
    body = draft("close")
    async with sandboxed(tree(acme_close={"read_only": True})) as house:
        assert (await translated(house, "close", "create", body=body)).status == 200
    async with sandboxed(tree(acme_close={"enabled": False})) as house:
        assert (await translated(house, "close", "create", body=body)).status == 503
