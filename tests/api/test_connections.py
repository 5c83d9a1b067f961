"""What there is: connections and how they fare, catalogues, capabilities, vendors."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.normalizer.dialect import FIELDS
from gateway.vendors import installed
from tests.records import OPPORTUNITIES, TWELVE_HUNDRED, VENDORS, calls, made, path_of
from tests.sandboxed import Answered, Sandboxed, sandboxed, tree

DOWN = {"kind": "status", "status": 500}
REFUSED = {"kind": "status", "status": 401}


async def connection(house: Sandboxed, name: str, query: str = "") -> Any:
    """A connection as a caller sees it."""
    answer = await house.ask("GET", f"/v1/connections/{name}{query}")
    assert answer.status == 200, answer.content
    return answer.json


async def listed(house: Sandboxed, vendor: str, what: str) -> Answered:
    """A list of what a connection offers."""
    return await house.ask("GET", f"/v1/connections/acme-{vendor}/{what}")


async def test_a_connection_tells_how_it_fares_and_no_secret(house: Sandboxed) -> None:
    """Its members are the contract's; nothing of its credentials is among them."""
    found = await connection(house, "acme-slant")
    assert found["last_success"] is None
    assert {name: found[name] for name in ("name", "vendor", "state", "currency", "timezone")} == {
        "name": "acme-slant", "vendor": "slant", "state": "ready", "currency": "USD",
        "timezone": "America/Chicago",
    }  # fmt: skip
    assert {limit["scope"] for limit in found["limits"]} == {"credential", "group", "egress"}
    answer = await house.ask("GET", "/v1/connections")
    assert [item["name"] for item in answer.json["items"]] == [f"acme-{each}" for each in VENDORS]
    assert answer.json["next_cursor"] is None
    for secret in ("sandbox_read_write", "slnt_pat", "api_key", "token_", "credentials"):
        assert secret not in answer.content.decode()
    assert calls(house) == 0


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_check_asks_the_vendor_once_a_minute(house: Sandboxed, vendor: str) -> None:
    """An impatient caller gets what is known."""
    assert (await connection(house, f"acme-{vendor}", "?check=false"))["last_success"] is None
    assert calls(house) == 0
    first = await connection(house, f"acme-{vendor}", "?check=true")
    assert (first["state"], first["reason"]) == ("ready", None)
    assert first["last_success"].endswith("Z")
    asked = calls(house)
    assert asked > 0
    again = await connection(house, f"acme-{vendor}", "?check=true")
    assert (calls(house), again["last_success"]) == (asked, first["last_success"])


async def test_a_minute_later_the_vendor_is_asked_again(house: Sandboxed) -> None:
    """However often callers ask, it is one check a minute."""
    await connection(house, "acme-close", "?check=true")
    health = house.app.state.house.health["acme-close"]
    asked = calls(house)
    health.checked -= timedelta(seconds=59)
    await connection(house, "acme-close", "?check=true")
    assert calls(house) == asked
    health.checked -= timedelta(seconds=1)
    await connection(house, "acme-close", "?check=true")
    assert calls(house) == asked + 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_refused_credentials_show_in_the_state(house: Sandboxed, vendor: str) -> None:
    """Of the connection: the caller's own key is in order. The next success mends it."""
    house.vendor(vendor).faults.add({"fault": REFUSED, "times": 9})
    found = await connection(house, f"acme-{vendor}", "?check=true")
    assert found["state"] == "unauthorized"
    assert found["last_error"]["code"] == "vendor-credentials-invalid"
    house.vendor(vendor).faults.clear()
    record = next(iter(house.vendor(vendor).records))
    answer = await house.ask("GET", f"{OPPORTUNITIES}/acme-{vendor}.{record}")
    assert answer.status == 200
    assert (await connection(house, f"acme-{vendor}"))["state"] == "ready"


async def test_a_wrong_key_is_found_by_a_check() -> None:
    """As configured, and not only as scripted."""
    wrong = {"credentials": {"token": "slnt_pat_nobody"}}
    async with sandboxed(tree(acme_slant=wrong)) as house:
        found = await connection(house, "acme-slant", "?check=true")
        assert found["state"] == "unauthorized"


async def test_a_vendor_that_breaks_down_degrades_the_connection(house: Sandboxed) -> None:
    """The last error stays to be seen; the state goes by the latest call."""
    house.vendor("close").faults.add({"fault": DOWN, "times": 1})
    assert (await house.ask("GET", f"{OPPORTUNITIES}/acme-close.oppo_1")).status == 502
    found = await connection(house, "acme-close")
    assert (found["state"], found["last_success"]) == ("degraded", None)
    await house.ask("GET", f"{OPPORTUNITIES}/acme-close.oppo_1")
    mended = await connection(house, "acme-close")
    assert mended["state"] == "ready"
    assert mended["last_error"] == found["last_error"]


async def test_a_foreign_currency_degrades_the_connection() -> None:
    """The check finds it out, and writes of money are refused meanwhile."""
    async with sandboxed(tree(acme_close={"currency": "EUR"})) as house:
        found = await connection(house, "acme-close", "?check=true")
        assert found["state"] == "degraded"
        assert "EUR" in found["reason"]
        assert "USD" in found["reason"]
        before = len(house.vendor("close").ledger.effects)
        answer = await house.ask(
            "POST", OPPORTUNITIES, {"connection": "acme-close", **TWELVE_HUNDRED}
        )
        assert answer.status == 422
        assert len(house.vendor("close").ledger.effects) == before


async def test_a_field_that_cannot_hold_a_mark_degrades_the_connection() -> None:
    """The check finds it out: without its mark a lost create is never found again."""
    async with sandboxed(tree(acme_close={"options": {"marker_field": "cf_gone"}})) as house:
        assert (await connection(house, "acme-close"))["state"] == "ready"
        found = await connection(house, "acme-close", "?check=true")
        assert (found["state"], found["reason"]) == (
            "degraded", "options.marker_field: the vendor has no custom field cf_gone",
        )  # fmt: skip


async def test_capabilities_say_whether_a_lost_create_is_found_again() -> None:
    """By its mark, where the vendor has a search and the connection a field for it."""
    unmarked = tree(acme_close={"options": {"marker_field": None}})
    async with sandboxed(unmarked) as house:
        told = {}
        for vendor in VENDORS:
            answer = await house.ask("GET", f"/v1/connections/acme-{vendor}/capabilities")
            told[vendor] = answer.json["idempotency"]
        vendors = (await house.ask("GET", "/v1/vendors")).json["items"]
    assert {vendor: each["marker"] for vendor, each in told.items()} == {
        "close": False, "coperniq": True, "reevo": True, "slant": False,
    }  # fmt: skip
    assert "marker_field is not set" in told["close"]["note"]
    assert "cannot be found again" in told["slant"]["note"]
    assert told["slant"]["supported"]
    notes = {each["name"]: each["capabilities"]["idempotency"]["note"] for each in vendors}
    assert "where the option marker_field names a field" in notes["close"]


async def test_a_disabled_connection_says_so_and_is_not_checked() -> None:
    """It stays visible: a caller has to know why nothing works."""
    async with sandboxed(tree(acme_reevo={"enabled": False})) as house:
        found = await connection(house, "acme-reevo", "?check=true")
        assert (found["state"], calls(house)) == ("disabled", 0)
        for what in ("capabilities", "pipelines", "custom-fields", "users"):
            answer = await listed(house, "reevo", what)
            assert (answer.status, answer.code) == (503, "connection-disabled")


async def test_a_read_only_connection_says_so() -> None:
    """And is ready all the same."""
    async with sandboxed(tree(acme_reevo={"read_only": True})) as house:
        found = await connection(house, "acme-reevo")
        assert (found["state"], found["read_only"]) == ("ready", True)


@pytest.mark.parametrize("value", ["", "1", "True", "yes"])
async def test_check_is_true_or_false(house: Sandboxed, value: str) -> None:
    """Anything else is refused, and no call is made."""
    answer = await house.ask("GET", f"/v1/connections/acme-close?check={value}")
    assert (answer.status, calls(house)) == (422, 0)
    assert [error["parameter"] for error in answer.json["errors"]] == ["check"]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_pipelines_hold_the_stages_of_records(house: Sandboxed, vendor: str) -> None:
    """In order, and a record's stage is among them."""
    answer = await listed(house, vendor, "pipelines")
    assert answer.status == 200
    assert answer.json["next_cursor"] is None
    stages = [stage for pipeline in answer.json["items"] for stage in pipeline["stages"]]
    for pipeline in answer.json["items"]:
        orders = [stage["order"] for stage in pipeline["stages"] if stage["order"] is not None]
        assert orders == sorted(orders)
        assert pipeline.keys() == {"id", "name", "stages"}
    found = await house.ask("GET", f"{OPPORTUNITIES}?connection=acme-{vendor}&limit=100")
    used = {item["stage"]["id"] for item in found.json["items"] if item["stage"]}
    assert used
    assert used <= {stage["id"] for stage in stages}


async def test_a_pipeline_that_only_records_show_is_listed_once_seen() -> None:
    """A vendor without a list of pipelines shows one with each of its records."""
    async with sandboxed(tree(acme_slant={"options": {"pipelines": []}})) as house:
        assert (await listed(house, "slant", "pipelines")).json["items"] == []
        await house.ask("GET", f"{OPPORTUNITIES}?connection=acme-slant&limit=100")
        seen = (await listed(house, "slant", "pipelines")).json["items"]
        assert seen
        assert all(pipeline["stages"] for pipeline in seen)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_custom_fields_are_listed_by_the_callers_names(house: Sandboxed, vendor: str) -> None:
    """An alias where there is one, else the vendor's key; every member is there."""
    answer = await listed(house, vendor, "custom-fields")
    assert answer.status == 200
    fields = {item["key"]: item for item in answer.json["items"]}
    assert fields
    members = {
        "key", "vendor_key", "label", "type", "choices", "multiple", "required", "writable",
    }  # fmt: skip
    assert all(item.keys() == members for item in fields.values())
    aliases = tree()["connections"][f"acme-{vendor}"].get("custom_fields", {})
    for alias, vendor_key in aliases.items():
        assert fields[alias]["vendor_key"] == vendor_key


@pytest.mark.parametrize("vendor", ["close", "coperniq", "slant"])
async def test_users_are_those_who_can_own(house: Sandboxed, vendor: str) -> None:
    """With the ids and addresses by which an owner is named."""
    answer = await listed(house, vendor, "users")
    assert answer.status == 200
    assert answer.json["items"]
    assert all(item.keys() == {"id", "name", "email"} for item in answer.json["items"])


async def test_a_list_that_a_vendor_has_not_is_unsupported(house: Sandboxed) -> None:
    """422 with a code that says so, not an empty list."""
    answer = await listed(house, "reevo", "users")
    assert (answer.status, answer.code) == (422, "operation-unsupported")


async def test_without_a_default_book_there_are_no_users_to_list() -> None:
    """The vendor lists them by book only."""
    configured = tree()
    del configured["connections"]["acme-slant"]["defaults"]
    async with sandboxed(configured) as house:
        answer = await listed(house, "slant", "users")
        assert (answer.status, answer.code) == (422, "operation-unsupported")


async def test_a_catalogue_is_read_once_for_all_its_lists(house: Sandboxed) -> None:
    """It is kept for a while."""
    await listed(house, "close", "pipelines")
    before = calls(house)
    for what in ("users", "custom-fields", "pipelines"):
        assert (await listed(house, "close", what)).status == 200
    assert calls(house) == before


@pytest.mark.parametrize("vendor", VENDORS)
async def test_capabilities_speak_of_every_canonical_field(house: Sandboxed, vendor: str) -> None:
    """Four cells each, and all the sections that the contract names."""
    answer = await listed(house, vendor, "capabilities")
    assert answer.status == 200
    told = answer.json
    assert told["fields"].keys() == set(FIELDS)
    values = {"native", "emulated", "derived", "unsupported", "undocumented"}
    for cells in told["fields"].values():
        assert {cells[name] for name in ("read", "create", "update", "clear")} <= values
        assert cells.keys() >= {"unit", "precision", "required_on_create", "note"}
    assert told.keys() >= {
        "vendor", "vendor_fields", "operations", "listing", "idempotency", "concurrency",
        "delete", "rate_limits", "side_effects",
    }  # fmt: skip
    assert told["vendor"] == vendor


async def test_capabilities_are_the_connections_own() -> None:
    """What hangs on an option differs between two connections to one vendor."""
    configured = tree()
    del configured["connections"]["acme-close"]["options"]["name_field"]
    async with sandboxed() as with_option, sandboxed(configured) as without:
        cells = [
            (await listed(house, "close", "capabilities")).json["fields"]["name"]
            for house in (with_option, without)
        ]
        assert [each["update"] for each in cells] == ["native", "unsupported"]


async def test_capabilities_and_writes_agree_about_a_missing_option() -> None:
    """A cell that says unsupported is refused without a call."""
    configured = tree()
    del configured["connections"]["acme-close"]["options"]["name_field"]
    async with sandboxed(configured) as house:
        record = await made(house, "close")
        before = calls(house)
        answer = await house.ask("PATCH", path_of(record), {"name": "x"})
        assert (answer.status, answer.code) == (422, "unsupported-field")
        assert calls(house) == before


async def test_every_installed_vendor_is_listed(house: Sandboxed) -> None:
    """With its static capabilities, whatever connections there are."""
    answer = await house.ask("GET", "/v1/vendors")
    assert [item["name"] for item in answer.json["items"]] == list(installed())
    for item in answer.json["items"]:
        assert item["title"]
        assert item["capabilities"]["fields"].keys() == set(FIELDS)
    assert calls(house) == 0


async def test_an_open_breaker_is_told(house: Sandboxed) -> None:
    """Of the connection whose calls are held back, and of no other."""
    house.app.state.house.breakers.of("acme-close").heard(60.0)
    listed = (await house.ask("GET", "/v1/connections")).json["items"]
    told = {each["name"]: (each["breaker"], each["state"]) for each in listed}
    assert told.pop("acme-close") == ("open", "degraded")
    assert {*told.values()} == {("closed", "ready")}
