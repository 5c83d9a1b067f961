"""Limits as callers see them: their own in headers, and the vendors' in what a connection tells."""

from typing import Any

import pytest

from gateway.api.access import hash_key
from gateway.api.quotas import spoken
from gateway.shared.limits import Taken
from tests.sandboxed import KEY, Sandboxed, sandboxed, tree

OTHER = "another-key"
PATH = "/v1/opportunities?connection=acme-close&limit=1"


def limited(**members: Any) -> dict[str, Any]:
    """A configuration with a caller that may ask three times a minute, and one without a limit."""
    entry = {"scopes": ["opportunities:read", "opportunities:write"], "connections": ["*"]}
    keys = [{"sha256": hash_key(KEY)}, {"sha256": hash_key(f"{KEY} 2")}]
    callers = {
        "tests": {**entry, "key_sha256s": keys, "requests_per_minute": 3, **members},
        "other": {**entry, "key_sha256": hash_key(OTHER)},
    }
    return {**tree(), "callers": callers}


def called(house: Sandboxed) -> int:
    """How many calls the vendor has had."""
    return len(house.vendor("close").ledger.requests)


async def test_each_answer_tells_the_limit_and_what_is_left() -> None:
    """An error as well as a success, in the form of the draft."""
    async with sandboxed(limited()) as house:
        found = await house.ask("GET", PATH)
        missing = await house.ask("GET", "/v1/connections/nobody")
        assert (found.status, missing.status) == (200, 404)
        told = [found.headers["ratelimit"], missing.headers["ratelimit"]]
        assert [each.partition(";t=")[0] for each in told] == ['"requests";r=2', '"requests";r=1']
        assert found.headers["ratelimit-policy"] == '"requests";q=3;w=60'


async def test_what_is_over_the_limit_is_refused_before_any_work() -> None:
    """429 of the gateway's, with the time to wait, and the vendor hears nothing of it."""
    async with sandboxed(limited()) as house:
        for _ in range(3):
            assert (await house.ask("GET", PATH)).status == 200
        before = called(house)
        draft = {"connection": "acme-close", "value": {"amount": "1.00"}}
        refused = await house.ask("POST", "/v1/opportunities", draft)
        assert (refused.status, refused.code) == (429, "rate-limited")
        problem = refused.json
        assert (problem["origin"], problem["retry"]) == ("gateway", "same_request")
        assert problem["outcome"] == "not_applied"
        assert refused.headers["idempotency-status"] == "not-applied"
        assert 60 <= int(refused.headers["retry-after"]) <= 63
        assert refused.headers["ratelimit"] == f'"requests";r=0;t={refused.headers["retry-after"]}'
        assert refused.headers["ratelimit-policy"] == '"requests";q=3;w=60'
        assert called(house) == before


async def test_a_limit_is_the_callers_and_not_the_keys() -> None:
    """Both of its keys draw on it, and no other caller feels it."""
    async with sandboxed(limited()) as house:
        statuses = [
            (await house.ask("GET", "/v1/vendors", Authorization=f"Bearer {key}")).status
            for key in (KEY, f"{KEY} 2", KEY, f"{KEY} 2", OTHER)
        ]
        assert statuses == [200, 200, 200, 429, 200]
        free = await house.ask("GET", "/v1/vendors", Authorization=f"Bearer {OTHER}")
        assert not [name for name in free.headers if name.startswith("ratelimit")]


async def test_each_caller_with_a_limit_has_its_own() -> None:
    """One that has used its limit up takes nothing from another's."""
    configured = limited()
    configured["callers"]["other"]["requests_per_minute"] = 2
    async with sandboxed(configured) as house:
        left = [
            (await house.ask("GET", "/v1/vendors", Authorization=f"Bearer {key}")).headers[
                "ratelimit"
            ]
            for key in (KEY, OTHER, KEY, OTHER)
        ]
    assert [each.split(";")[1] for each in left] == ["r=2", "r=1", "r=1", "r=0"]


async def test_who_may_not_is_counted_as_well() -> None:
    """Or a caller could try its rights without an end."""
    async with sandboxed(limited(scopes=[])) as house:
        assert [(await house.ask("GET", PATH)).status for _ in range(4)] == [403, 403, 403, 429]


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (Taken(0, 0, 9, 1), '"requests";r=9;t=1'),
        (Taken(0, 0, 0, 60_999), '"requests";r=0;t=61'),
        (Taken(1_001, 0, 0, 1_001), '"requests";r=0;t=2'),
    ],
)
def test_seconds_are_whole_and_never_too_few(taken: Taken, told: str) -> None:
    """Who comes back when told finds room."""
    assert dict(spoken(10, taken))[b"ratelimit"].decode() == told


async def limits(house: Sandboxed, connection: str) -> list[Any]:
    """What a connection tells of its limits."""
    answer = await house.ask("GET", f"/v1/connections/{connection}")
    return [(each["scope"], each["limit"], each["left"]) for each in answer.json["limits"]]


async def test_a_connection_tells_what_is_left_of_its_limits() -> None:
    """Of those that are published, of one that is learned, and of one that nobody knows."""
    async with sandboxed() as house:
        assert await limits(house, "acme-close") == [
            ("credential", None, None), ("group", None, None),
        ]  # fmt: skip
        await house.ask("GET", "/v1/opportunities?connection=acme-slant&limit=1")
        await house.ask("GET", "/v1/opportunities?connection=acme-close&limit=1")
        slant = await limits(house, "acme-slant")
        assert [(scope, limit) for scope, limit, _ in slant] == [
            ("credential", 1_000), ("group", 10_000), ("egress", 10_000),
        ]  # fmt: skip
        used = {limit - left for _, limit, left in slant}
        assert used == {len(house.vendor("slant").ledger.requests)}
        scope, limit, left = (await limits(house, "acme-close"))[0]
        assert (scope, limit) == ("credential", 240)
        assert 0 < left < 240


async def test_connections_of_one_group_share_its_limit() -> None:
    """And a configured limit takes the place of the vendor's."""
    joined = {"limit_group": "acme", "limits": {"group": [{"limit": 50, "window_seconds": 60}]}}
    configured = tree(acme_slant=joined)
    configured["connections"]["sister-slant"] = configured["connections"]["acme-slant"]
    async with sandboxed(configured) as house:
        await house.ask("GET", "/v1/opportunities?connection=acme-slant&limit=1")
        used = len(house.vendor("slant").ledger.requests)
        assert used > 0
        assert ("group", 50, 50 - used) in await limits(house, "sister-slant")


async def test_a_write_over_the_vendors_limit_frees_its_key() -> None:
    """Nothing was sent, so the same key may come again."""
    async with sandboxed() as house:
        await house.ask("GET", "/v1/connections/acme-close/custom-fields")
        needed = called(house)
    few = {"limits": {"credential": [{"limit": needed, "window_seconds": 60}]}}
    draft = {"connection": "acme-close", "value": {"amount": "1.00"}}
    async with sandboxed(tree(acme_close=few)) as house:
        await house.ask("GET", "/v1/connections/acme-close/custom-fields")
        for _ in range(2):
            refused = await house.ask("POST", "/v1/opportunities", draft, Idempotency_Key="once")
            assert (refused.status, refused.code) == (429, "rate-limited")
            assert refused.json["outcome"] == "not_applied"
            assert refused.headers["idempotency-status"] == "not-applied"
        assert called(house) == needed
        assert house.vendor("close").ledger.effects == []


async def test_over_the_vendors_limit_nothing_is_sent() -> None:
    """A burst without the time to wait gets 429 of the gateway's, and the connection stays well."""
    few = {"limits": {"credential": [{"limit": 2, "window_seconds": 60}]}}
    async with sandboxed(tree(acme_close=few)) as house:
        path = "/v1/opportunities/acme-close.oppo_nobody"
        said = [await house.ask("GET", path) for _ in range(5)]
        assert [each.status for each in said] == [404, 404, 429, 429, 429]
        assert {each.json["origin"] for each in said[2:]} == {"gateway"}
        assert all(int(each.headers["retry-after"]) >= 58 for each in said[2:])
        assert called(house) == 2
        state = (await house.ask("GET", "/v1/connections/acme-close")).json
        assert (state["state"], state["last_error"]) == ("ready", None)
