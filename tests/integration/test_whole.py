"""A newcomer's path over real processes, the same on all four vendors."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.sandbox import close, close_seed, coperniq, reevo, slant
from tests.integration.two_ends import VENDORS, Gateway, Sandbox

NAME = "Newcomer's first deal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What a newcomer writes to a vendor, and what a colleague does there meanwhile."""

    draft: Mapping[str, Any]
    stage: str
    """The name of the stage that the deal moves to."""
    custom_fields: Mapping[str, Any]
    after_delete: tuple[int, bool | None]
    """What a read of the deleted deal answers: a status, and whether it is archived."""
    edit: tuple[str, str, Mapping[str, Any]]
    """The vendor's own request that changes the deal: method, path up to the id, body."""
    key: Mapping[str, str] = field(repr=False)


BASIC = base64.b64encode(f"{close.API_KEY}:".encode()).decode()

JOURNEYS = {
    "slant": Journey(
        draft={"name": NAME, "value": {"amount": "12000"}, "probability": 10},
        stage="Meeting scheduled",
        custom_fields={"source": "Referral", "review_date": "2027-01-15"},
        after_delete=(200, False),
        edit=("PATCH", "/slant/v1/opportunities/{}", {"value": 15000}),
        key={"Authorization": f"Bearer {slant.READ_WRITE_TOKEN}"},
    ),
    "coperniq": Journey(
        draft={
            "name": NAME,
            "value": {"amount": "12000.50"},
            "pipeline": {"name": "Residential Solar Sales"},
        },
        stage="Site Survey",
        custom_fields={"source": "Referral"},
        after_delete=(200, True),
        edit=(
            "PATCH",
            "/coperniq/v1/opportunities/{}",
            {"title": NAME, "address": ["1 Elm St"], "trades": ["Solar"], "value": 15000},
        ),
        key={"x-api-key": coperniq.API_KEY},
    ),
    "close": Journey(
        draft={"name": NAME, "value": {"amount": "12000.50", "period": "monthly"}},
        stage="Proposal sent",
        custom_fields={"robots": ["Picker"], close_seed.field_id("Seats"): 12},
        after_delete=(404, None),
        edit=("PUT", "/close/api/v1/opportunity/{}/", {"value": 1500000}),
        key={"Authorization": f"Basic {BASIC}"},
    ),
    "reevo": Journey(
        draft={"name": NAME, "value": {"amount": "12000.50"}},
        stage="Proposal",
        custom_fields={"seats": 12, "security_review_done": True},
        after_delete=(200, True),
        edit=("PATCH", "/reevo/api/v2/opportunity/{}", {"attributes": {"amount": "15000"}}),
        key={"Authorization": f"Bearer {reevo.READ_WRITE_KEY}"},
    ),
}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_newcomer_goes_the_whole_path(
    gateway: Gateway, sandbox: Sandbox, vendor: str
) -> None:
    """Create, read, move, add a custom field, find in the list, delete: each as it was asked."""
    journey = JOURNEYS[vendor]
    connection = f"acme-{vendor}"

    made = await gateway.ask(
        "POST", "/v1/opportunities", {"connection": connection, **journey.draft}
    )
    assert made.status == 201, made.content
    path = made.headers["location"]
    assert path == f"/v1/opportunities/{made.json['id']}"
    assert made.json["name"] == NAME
    assert made.json["value"]["amount"].rstrip("0").rstrip(".") in ("12000", "12000.5")
    assert made.json["warnings"] == []

    read = await gateway.ask("GET", path)
    assert read.status == 200
    assert read.json == made.json
    assert read.headers["etag"] == made.headers["etag"] == read.json["etag"]
    unchanged = await gateway.ask("GET", path, If_None_Match=read.headers["etag"])
    assert (unchanged.status, unchanged.content) == (304, b"")

    moved = await gateway.ask("PATCH", path, {"stage": {"name": journey.stage}})
    assert moved.status == 200, moved.content
    assert moved.json["stage"]["name"] == journey.stage
    assert moved.json["value"] == read.json["value"]

    told = await gateway.ask(
        "PATCH", path, {"custom_fields": journey.custom_fields}, If_Match=moved.headers["etag"]
    )
    assert told.status == 200, told.content
    assert told.json["custom_fields"].items() >= journey.custom_fields.items()
    assert told.json["stage"] == moved.json["stage"]

    listed = await everything(gateway, connection)
    assert len({item["id"] for item in listed}) == len(listed)
    (found,) = [item for item in listed if item["id"] == made.json["id"]]
    assert found["etag"] == told.json["etag"]

    deleted = await gateway.ask("DELETE", path)
    supported = vendor != "slant"
    assert (deleted.status, deleted.content == b"") == ((204, True) if supported else (422, False))
    status, archived = journey.after_delete
    gone = await gateway.ask("GET", path)
    assert (gone.status, gone.json.get("archived")) == (status, archived)

    assert len((await sandbox.ledger(vendor)).effects) == (4 if supported else 3)


async def everything(gateway: Gateway, connection: str) -> list[dict[str, Any]]:
    """Every opportunity of a connection, page by page."""
    first = f"/v1/opportunities?connection={connection}&limit=5"
    path, items = first, []
    while True:
        page = await gateway.ask("GET", path)
        assert page.status == 200, page.content
        assert len(page.json["items"]) <= 5
        items += page.json["items"]
        if page.json["next_cursor"] is None:
            return items
        path = f"{first}&cursor={page.json['next_cursor']}"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_edit_at_the_vendor_is_not_overwritten(
    gateway: Gateway, sandbox: Sandbox, vendor: str
) -> None:
    """A write on the strength of an old version is a 412 that names the new one."""
    journey = JOURNEYS[vendor]
    body = {"connection": f"acme-{vendor}", **journey.draft}
    made = await gateway.ask("POST", "/v1/opportunities", body)
    path, old = made.headers["location"], made.headers["etag"]

    method, place, edit = journey.edit
    at_vendor = place.format(made.json["vendor_id"])
    edited = await sandbox.client.request(method, at_vendor, json=edit, headers=journey.key)
    assert edited.is_success, edited.text
    effects = (await sandbox.ledger(vendor)).effects

    refused = await gateway.ask("PATCH", path, {"name": "Mine"}, If_Match=old)
    assert (refused.status, refused.code) == (412, "precondition-failed")
    assert refused.json["outcome"] == "not_applied"
    assert refused.json["etag"] == refused.headers["etag"] != old
    if vendor != "slant":
        assert (await gateway.ask("DELETE", path, If_Match=old)).status == 412
    assert (await sandbox.ledger(vendor)).effects == effects

    again = await gateway.ask("PATCH", path, {"name": "Mine"}, If_Match=refused.headers["etag"])
    assert again.status == 200, again.content
    assert again.json["name"] == "Mine"
    assert again.json["value"]["amount"] == "15000.00"


async def test_the_list_goes_over_all_vendors_one_after_another(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    """Connections are drained in order of name, and every record comes once."""
    names = [f"acme-{vendor}" for vendor in sorted(VENDORS)]
    path = "/v1/opportunities?limit=7" + "".join(f"&connection={name}" for name in names)
    cursor, seen = "", []
    while True:
        page = (await gateway.ask("GET", path + cursor)).json
        seen += [(item["connection"], item["id"]) for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(set(seen)) == len(seen)
    order = [connection for connection, _ in seen]
    assert order == sorted(order)
    assert set(order) == set(names)


async def test_many_callers_are_served_at_once(gateway: Gateway, sandbox: Sandbox) -> None:
    """Creates on all vendors at the same time make one record each, and no other."""
    drafts = [
        {"connection": f"acme-{vendor}", **JOURNEYS[vendor].draft, "name": f"Deal {number}"}
        for vendor in VENDORS
        for number in range(5)
    ]
    answers = await asyncio.gather(
        *(gateway.ask("POST", "/v1/opportunities", draft) for draft in drafts)
    )
    assert [answer.status for answer in answers] == [201] * len(drafts)
    assert len({answer.json["id"] for answer in answers}) == len(drafts)
    for vendor in VENDORS:
        effects = (await sandbox.ledger(vendor)).effects
        assert [effect["effect"] for effect in effects if effect["effect"] == "create"] == (
            ["create"] * 5
        )
