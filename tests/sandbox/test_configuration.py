"""The connections that the sandbox prints for a gateway in front of it."""

import tomllib
from typing import Any

import httpx
import pytest

from gateway.sandbox import create_sandbox
from gateway.sandbox.configuration import configuration

MARKED = {
    "close": ("/api/v1/custom_field_schema/opportunity/", "fields", "id", "text"),
    "coperniq": ("/v1/properties", "opportunity", "keyName", "TEXT"),
    "reevo": ("/api/v2/_schema/opportunity", "attributes", "api_name", "string"),
}


def connection(vendor: str) -> dict[str, Any]:
    tables = tomllib.loads(configuration("http://sandbox"))["connections"]
    found: dict[str, Any] = tables[f"acme-{vendor}"]
    return found


@pytest.mark.parametrize("vendor", MARKED)
async def test_the_field_for_a_marker_is_one_of_text_that_serves_nothing_else(vendor: str) -> None:
    configured = connection(vendor)
    options = dict(configured["options"])
    mark = options.pop("marker_field")
    assert mark not in options.values()
    assert mark not in configured.get("custom_fields", {}).values()
    path, member, key, kind = MARKED[vendor]
    (field,) = [each for each in await definitions(vendor, path, member) if each[key] == mark]
    assert kind in (field.get("type"), field.get("type_info", {}).get("value_type"))
    assert not field.get("choices")
    assert not field.get("options")


def test_a_vendor_that_cannot_be_searched_has_no_field_for_a_marker() -> None:
    assert "marker_field" not in connection("slant")["options"]


async def definitions(vendor: str, path: str, member: str) -> list[dict[str, Any]]:
    transport = httpx.ASGITransport(app=create_sandbox())
    credentials = connection(vendor)["credentials"]["api_key"]
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        answer = await client.get(
            f"/{vendor}{path}",
            headers={} if vendor == "close" else {"x-api-key": credentials},
            auth=(credentials, "") if vendor == "close" else None,
        )
    listed: list[dict[str, Any]] = answer.json()[member]
    return listed
