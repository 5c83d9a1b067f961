"""The routes of opportunities: headers and conditions around reading and writing one."""

from typing import Any

import pytest

from tests.records import (
    OPPORTUNITIES,
    TWELVE_HUNDRED,
    VENDORS,
    calls,
    draft,
    effects,
    made,
    path_of,
)
from tests.sandboxed import Sandboxed, sandboxed, tree

OTHER = '"00000000000000000000000000000000"'


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_create_answers_where_the_opportunity_is(house: Sandboxed, vendor: str) -> None:
    """201 with Location, ETag and the whole resource, which a GET finds there."""
    answer = await house.ask("POST", OPPORTUNITIES, draft(vendor))
    assert answer.status == 201
    assert answer.headers["location"] == path_of(answer.json)
    found = await house.ask("GET", answer.headers["location"])
    assert found.status == 200
    assert found.headers["etag"] == found.json["etag"]
    same = {"id", "connection", "vendor", "vendor_id", "name", "value", "stage", "created_at"}
    assert {name: answer.json[name] for name in same} == {name: found.json[name] for name in same}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_one_state_has_one_etag(house: Sandboxed, vendor: str) -> None:
    """GET, HEAD, list, write answers, dry runs and `include` agree about a version."""
    record = await made(house, vendor)
    path = path_of(record)
    written = await house.ask("PATCH", path, TWELVE_HUNDRED)
    assert written.status == 200
    etag = written.headers["etag"]
    assert etag == written.json["etag"] != record["etag"]
    read = await house.ask("GET", path)
    raw = await house.ask("GET", f"{path}?include=raw")
    head = await house.ask("HEAD", path)
    assert {answer.headers["etag"] for answer in (read, raw, head)} == {etag}
    listed = await house.ask("GET", f"{OPPORTUNITIES}?connection=acme-{vendor}&limit=100")
    assert [item["etag"] for item in listed.json["items"] if item["id"] == record["id"]] == [etag]
    shown = await house.ask(
        "POST",
        f"/v1/connections/acme-{vendor}/translations",
        {"operation": "read", "record": raw.json["raw"]},
    )
    assert shown.json["opportunity"]["etag"] == etag


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_etag_depends_on_nothing_but_the_record(house: Sandboxed, vendor: str) -> None:
    """Not on the time zone, aliases or currency of a connection, nor on the process."""
    record = await made(house, vendor)
    raw = (await house.ask("GET", f"{path_of(record)}?include=raw")).json["raw"]
    changes: dict[str, Any] = {f"acme_{vendor}": {"timezone": "Asia/Tokyo", "stage_status": {}}}
    configured = tree(**changes)
    configured["connections"][f"acme-{vendor}"]["custom_fields"] = {}
    async with sandboxed(configured) as other:
        shown = await other.ask(
            "POST",
            f"/v1/connections/acme-{vendor}/translations",
            {"operation": "read", "record": raw},
        )
        assert shown.json["opportunity"]["etag"] == record["etag"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("vendor", ["close", "coperniq", "reevo"])
async def test_a_condition_that_does_not_hold_writes_nothing(
    house: Sandboxed, vendor: str, method: str
) -> None:
    """412 carries the version that there is now, in the header and in the body."""
    record = await made(house, vendor)
    before = effects(house)
    body = TWELVE_HUNDRED if method == "PATCH" else None
    for condition in (OTHER, f"W/{record['etag']}", f'{OTHER}, "x"'):
        answer = await house.ask(method, path_of(record), body, If_Match=condition)
        assert (answer.status, answer.code) == (412, "precondition-failed")
        assert answer.headers["etag"] == answer.json["etag"]
        current = await house.ask("GET", path_of(record))
        assert answer.json["etag"] == current.headers["etag"]
        assert answer.json["outcome"] == "not_applied"
    assert effects(house) == before


@pytest.mark.parametrize("condition", ["*", "{}", f"{OTHER}, {{}}", f'{OTHER} ,, {{}},"x"'])
async def test_a_condition_that_holds_lets_the_write_through(
    house: Sandboxed, condition: str
) -> None:
    """One tag of a list is enough, and the star stands for any."""
    record = await made(house, "close")
    current = (await house.ask("GET", path_of(record))).headers["etag"]
    spelled = condition.replace("{}", current)
    answer = await house.ask("PATCH", path_of(record), TWELVE_HUNDRED, If_Match=spelled)
    assert answer.status == 200
    gone = await house.ask("DELETE", path_of(record), If_Match=answer.headers["etag"])
    assert (gone.status, gone.content) == (204, b"")


async def test_an_edit_at_the_vendor_breaks_the_condition(house: Sandboxed) -> None:
    """The version is the vendor's record, and no counter of ours."""
    record = await made(house, "close")
    current = (await house.ask("GET", path_of(record))).headers["etag"]
    house.vendor("close").records[record["vendor_id"]]["confidence"] = 77
    answer = await house.ask("PATCH", path_of(record), TWELVE_HUNDRED, If_Match=current)
    assert answer.status == 412


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_condition_on_what_is_not_there_finds_nothing(
    house: Sandboxed, method: str
) -> None:
    """A star asks for any version of a record that exists."""
    body = TWELVE_HUNDRED if method == "PATCH" else None
    path = f"{OPPORTUNITIES}/acme-close.oppo_nothing"
    answer = await house.ask(method, path, body, If_Match="*")
    assert (answer.status, answer.code) == (404, "opportunity-not-found")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_malformed_condition_is_never_ignored(house: Sandboxed, method: str) -> None:
    """The write that was meant to be guarded does not go through unguarded."""
    record = await made(house, "close")
    before = calls(house)
    body = TWELVE_HUNDRED if method == "PATCH" else None
    answer = await house.ask(method, path_of(record), body, If_Match="abc")
    assert (answer.status, answer.code) == (400, "malformed-request")
    assert calls(house) == before


async def test_a_connection_may_require_a_condition() -> None:
    """428 before any call; with one, and for creates, all is as ever."""
    async with sandboxed(tree(acme_close={"require_if_match": True})) as house:
        record = await made(house, "close")
        before = calls(house)
        for method, body in (("PATCH", TWELVE_HUNDRED), ("DELETE", None)):
            answer = await house.ask(method, path_of(record), body)
            assert (answer.status, answer.code) == (428, "precondition-required")
            assert answer.json["outcome"] == "not_applied"
        assert calls(house) == before
        answer = await house.ask("PATCH", path_of(record), TWELVE_HUNDRED, If_Match="*")
        assert answer.status == 200


@pytest.mark.parametrize("condition", ["{}", "W/{}", "*", f"{OTHER}, W/{{}}"])
async def test_a_current_version_is_not_sent_again(house: Sandboxed, condition: str) -> None:
    """304 without a body; the comparison is the weak one (RFC 9110 13.1.2)."""
    record = await made(house, "close")
    current = (await house.ask("GET", path_of(record))).headers["etag"]
    spelled = condition.replace("{}", current)
    answer = await house.ask("GET", path_of(record), If_None_Match=spelled)
    assert (answer.status, answer.content) == (304, b"")
    assert answer.headers["etag"] == current


async def test_another_version_is_sent(house: Sandboxed) -> None:
    """And a condition that cannot be read is refused before any call."""
    record = await made(house, "close")
    answer = await house.ask("GET", path_of(record), If_None_Match=OTHER)
    assert answer.status == 200
    before = calls(house)
    junk = await house.ask("GET", path_of(record), If_None_Match="junk")
    assert (junk.status, calls(house)) == (400, before)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_vendors_own_payload_is_shown_on_demand(house: Sandboxed, vendor: str) -> None:
    """`raw` is always there, and null unless it is asked for."""
    record = await made(house, vendor)
    assert record["raw"] is None
    path = path_of(record)
    answers = [
        await house.ask("GET", f"{path}?include=raw"),
        await house.ask("PATCH", f"{path}?include=raw", TWELVE_HUNDRED),
        await house.ask("POST", f"{OPPORTUNITIES}?include=raw", draft(vendor) | {"name": "Other"}
                        if vendor != "close" else draft(vendor)),
    ]  # fmt: skip
    for answer in answers:
        assert isinstance(answer.json["raw"], dict), answer.content
    listed = await house.ask("GET", f"{OPPORTUNITIES}?connection=acme-{vendor}&include=raw&limit=5")
    assert all(isinstance(item["raw"], dict) for item in listed.json["items"])
    bare = await house.ask("GET", f"{OPPORTUNITIES}?connection=acme-{vendor}&limit=5")
    assert {item["raw"] for item in bare.json["items"]} == {None}


async def test_absent_is_untouched_and_null_clears(house: Sandboxed) -> None:
    """A merge patch (RFC 7396) names what it changes."""
    record = await made(house, "close", description="Two floors.", **TWELVE_HUNDRED)
    path = path_of(record)
    kept = await house.ask("PATCH", path, {"probability": 40})
    assert (kept.json["description"], kept.json["value"]["amount"]) == ("Two floors.", "1200.00")
    cleared = await house.ask("PATCH", path, {"description": None})
    assert (cleared.json["description"], cleared.json["value"]["amount"]) == (None, "1200.00")
    assert cleared.json["probability"] == 40


@pytest.mark.parametrize("kind", ["application/merge-patch+json", "application/json"])
async def test_both_types_of_a_patch_mean_the_same(house: Sandboxed, kind: str) -> None:
    """The merge patch goes by its own name, or as plain JSON."""
    record = await made(house, "close")
    answer = await house.ask("PATCH", path_of(record), {"probability": 15}, Content_Type=kind)
    assert (answer.status, answer.json["probability"]) == (200, 15)


async def test_an_empty_patch_is_refused_without_a_call(house: Sandboxed) -> None:
    """Nothing to change is a mistake, and no success."""
    answer = await house.ask("PATCH", f"{OPPORTUNITIES}/acme-close.oppo_1", {})
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert calls(house) == 0


@pytest.mark.parametrize(
    "path_id",
    ["nothing", "acme-close", "acme-close.", ".oppo_1", "Acme-close.1", "acme-close.a~2",
     "acme-close.a b", "acme-close.~41", "acme-coperniq.abc", "acme-coperniq.007", "x" * 300],
)  # fmt: skip
async def test_an_id_that_cannot_be_is_not_found(house: Sandboxed, path_id: str) -> None:
    """Without a call: no vendor has a record of that id."""
    answer = await house.ask("GET", f"{OPPORTUNITIES}/{path_id}")
    assert (answer.status, answer.code) == (404, "opportunity-not-found")
    assert answer.json["retry"] == "never"
    assert calls(house) == 0


async def test_lenient_handling_is_confirmed_where_it_was_applied(house: Sandboxed) -> None:
    """Preference-Applied and Vary on writes that asked for it, and on nothing else (RFC 7240)."""
    lenient = {"Prefer": "handling=lenient"}
    whole = await house.ask("POST", OPPORTUNITIES, draft("close", lost_reason="Price"), **lenient)
    assert whole.status == 201
    assert [(w["code"], w["pointer"]) for w in whole.json["warnings"]] == [
        ("unsupported-field", "/lost_reason")
    ]
    patch = await house.ask("PATCH", path_of(whole.json), {"probability": "x"}, **lenient)
    assert patch.status == 422
    patch = await house.ask("PATCH", path_of(whole.json), {"probability": 5}, **lenient)
    gone = await house.ask("DELETE", path_of(whole.json), **lenient)
    for answer in (whole, patch, gone):
        assert answer.headers["preference-applied"] == "handling=lenient"
        assert answer.headers["vary"] == "Prefer"
    read = await house.ask("GET", "/v1/connections", **lenient)
    strict = await house.ask("POST", OPPORTUNITIES, draft("close"), Prefer="handling=strict")
    for answer in (read, strict):
        assert "preference-applied" not in answer.headers
        assert "vary" not in answer.headers


async def test_strict_handling_refuses_all_of_it_at_once(house: Sandboxed) -> None:
    """One 422 names every field that the vendor cannot take, and nothing was sent."""
    body = draft("close", lost_reason="Price", won_reason="Speed", archived=True)
    unknown = await house.ask("POST", OPPORTUNITIES, body)
    assert (unknown.status, unknown.code) == (422, "validation-failed")
    del body["archived"]
    answer = await house.ask("POST", OPPORTUNITIES, body)
    assert (answer.status, answer.code) == (422, "unsupported-field")
    assert {error["pointer"] for error in answer.json["errors"]} == {"/lost_reason", "/won_reason"}
    assert effects(house) == 0


async def test_a_patch_of_which_nothing_is_left_writes_nothing(house: Sandboxed) -> None:
    """The record comes back as it is, with a warning for what was left out."""
    record = await made(house, "close")
    before = effects(house)
    answer = await house.ask(
        "PATCH", path_of(record), {"lost_reason": "Price"}, Prefer="handling=lenient"
    )
    assert (answer.status, effects(house)) == (200, before)
    assert [warning["pointer"] for warning in answer.json["warnings"]] == ["/lost_reason"]


@pytest.mark.parametrize("switch", [{"enabled": False}, {"read_only": True}])
async def test_a_connection_that_is_switched_off_takes_no_writes(switch: dict[str, bool]) -> None:
    """503 with a Retry-After, and not a call."""
    async with sandboxed(tree(acme_close=switch)) as house:
        path = f"{OPPORTUNITIES}/acme-close.oppo_1"
        for method, where, body in (
            ("POST", OPPORTUNITIES, draft("close")),
            ("PATCH", path, TWELVE_HUNDRED),
            ("DELETE", path, None),
        ):
            answer = await house.ask(method, where, body)
            assert (answer.status, answer.code) == (503, "connection-disabled")
            assert answer.json["outcome"] == "not_applied"
            assert int(answer.headers["retry-after"]) >= 1
        assert calls(house) == 0


async def test_a_read_only_connection_is_still_read() -> None:
    """A disabled one is not."""
    async with sandboxed(tree(acme_close={"read_only": True})) as house:
        record = next(iter(house.vendor("close").records))
        assert (await house.ask("GET", f"{OPPORTUNITIES}/acme-close.{record}")).status == 200
    async with sandboxed(tree(acme_close={"enabled": False})) as house:
        answer = await house.ask("GET", f"{OPPORTUNITIES}/acme-close.{record}")
        assert (answer.status, answer.code) == (503, "connection-disabled")
