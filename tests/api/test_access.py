"""Callers: who asks, what it may do, and what it may see."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.api.access import Access, Caller, KnownKey, hash_key
from gateway.canonical import json_text
from gateway.errors import Unauthenticated
from tests.sandboxed import KEY, Answered, Sandboxed, sandboxed, tree

READ = "opportunities:read"
WRITE = "opportunities:write"
DRAFT = {"connection": "acme-close", "value": {"amount": "1.00"}}


def calling(**members: Any) -> dict[str, Any]:
    """A configuration whose one caller is of this kind."""
    caller = {"key_sha256": hash_key(KEY), "scopes": [READ, WRITE], "connections": ["*"]}
    return {**tree(), "callers": {"tests": {**caller, **members}}}


async def asked(house: Sandboxed, authorization: str | None) -> Answered:
    """A request with another credential than the client's own."""
    request = house.api.build_request("GET", "/v1/connections")
    del request.headers["authorization"]
    if authorization is not None:
        request.headers["authorization"] = authorization
    return Answered(await house.api.send(request))


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nobody",
        f"Basic {KEY}",
        KEY,
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY}x",
        f"Bearer {hash_key(KEY)}",
    ],
)
async def test_an_unknown_credential_is_unauthenticated(
    house: Sandboxed, authorization: str | None
) -> None:
    """The answer says which scheme to use, and nothing about any key."""
    answer = await asked(house, authorization)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert KEY not in answer.content.decode()


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "])
async def test_a_known_key_is_let_in(house: Sandboxed, authorization: str) -> None:
    """The scheme is matched without case (RFC 9110 11.1)."""
    assert (await asked(house, authorization)).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/docs",
                                  "/problems/forbidden"])  # fmt: skip
async def test_what_is_no_part_of_v1_asks_for_no_key(house: Sandboxed, path: str) -> None:
    """A probe has no key, and documents hold no secret."""
    request = house.api.build_request("GET", path)
    del request.headers["authorization"]
    assert (await house.api.send(request)).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [([], (403, 403)), ([READ], (200, 403)), ([WRITE], (403, 201)), ([READ, WRITE], (200, 201))],
)
async def test_a_scope_opens_its_own_routes(scopes: list[str], statuses: tuple[int, int]) -> None:
    """Reading does not write, nor does writing read."""
    async with sandboxed(calling(scopes=scopes)) as house:
        read = await house.ask("GET", "/v1/opportunities?connection=acme-close")
        write = await house.ask("POST", "/v1/opportunities", DRAFT)
        assert (read.status, write.status) == statuses
        for answer in (read, write):
            if answer.status == 403:
                assert answer.code == "forbidden"
                assert answer.json["retry"] == "operator"


async def test_a_dry_run_of_a_write_needs_both_scopes() -> None:
    """It reads what it shows, and shows what would be written."""
    path = "/v1/connections/acme-close/translations"
    write = {"operation": "create", "body": {"value": {"amount": "1.00"}}}
    async with sandboxed(calling(scopes=[READ])) as house:
        assert (await house.ask("POST", path, write)).status == 403
        read = await house.ask("POST", path, {"operation": "read", "record": {"id": "oppo_1"}})
        assert read.status == 200
    async with sandboxed(calling(scopes=[WRITE])) as house:
        assert (await house.ask("POST", path, write)).status == 403


async def test_authorisation_comes_before_everything_else() -> None:
    """Who may not write is told so, whatever else is wrong with the request."""
    async with sandboxed(calling(scopes=[READ])) as house:
        answer = await house.ask("PATCH", "/v1/opportunities/nothing?x=1", {}, If_Match="junk")
        assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("patterns", "visible"),
    [
        (["*"], ["acme-close", "acme-coperniq", "acme-reevo", "acme-slant"]),
        (["acme-close"], ["acme-close"]),
        (["acme-c*"], ["acme-close", "acme-coperniq"]),
        (["*-slant", "acme-r?evo"], ["acme-reevo", "acme-slant"]),
        (["acme-[a-c]*"], ["acme-close", "acme-coperniq"]),
        (["ACME-*"], []),
        ([], []),
    ],
)
async def test_a_caller_sees_what_its_patterns_fit(patterns: list[str], visible: list[str]) -> None:
    """Lists hold these connections, and no trace of another."""
    async with sandboxed(calling(connections=patterns)) as house:
        listed = await house.ask("GET", "/v1/connections")
        assert [item["name"] for item in listed.json["items"]] == visible
        found = await house.ask("GET", "/v1/opportunities?limit=200&sort=created_at")
        if visible:
            assert {item["connection"] for item in found.json.get("items", [])} <= {*visible}
        else:
            assert found.json == {"items": [], "next_cursor": None, "errors": []}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/connections/{}", None),
        ("GET", "/v1/connections/{}?check=true", None),
        ("GET", "/v1/connections/{}/capabilities", None),
        ("GET", "/v1/connections/{}/pipelines", None),
        ("GET", "/v1/connections/{}/custom-fields", None),
        ("GET", "/v1/connections/{}/users", None),
        ("POST", "/v1/connections/{}/translations", {"operation": "read", "record": {}}),
        ("GET", "/v1/opportunities?connection={}", None),
        ("GET", "/v1/opportunities/{}.1", None),
        ("PATCH", "/v1/opportunities/{}.1", {"name": "x"}),
        ("DELETE", "/v1/opportunities/{}.1", None),
        ("POST", "/v1/opportunities", {"connection": "{}", "name": "x"}),
    ],
)
async def test_an_invisible_connection_is_as_unknown_as_none(
    method: str, path: str, body: Any
) -> None:
    """Nobody can tell from an answer that a connection exists which it may not see."""
    async with sandboxed(calling(connections=["acme-close"])) as house:
        told = []
        for name in ("acme-slant", "acme-other"):
            named = body and {key: name if key == "connection" else body[key] for key in body}
            answer = await house.ask(method, path.format(name), named)
            assert (answer.status, answer.code) == (404, "connection-not-found")
            told.append(anonymous(answer, name))
        assert told[0] == told[1]
        assert house.vendor("slant").ledger.requests == []


def anonymous(answer: Answered, connection: str) -> Any:
    """A problem without what is every request's own, and without the name that was asked for."""
    members = {**answer.json, "request_id": None, "instance": None}
    return json_text.write(members).decode().replace(connection, "it"), sorted(answer.headers)


async def test_keys_end_when_they_say_so() -> None:
    """An old key lives on beside the new one until its day, and no longer."""
    now = datetime.now(UTC)
    keys = [
        {"sha256": hash_key("old"), "expires": now - timedelta(seconds=1)},
        {"sha256": hash_key("ending"), "expires": now + timedelta(hours=1)},
        {"sha256": hash_key("new")},
    ]
    async with sandboxed(calling(key_sha256s=keys)) as house:
        statuses = {
            key: (await asked(house, f"Bearer {key}")).status
            for key in ("old", "ending", "new", KEY)
        }
    assert statuses == {"old": 401, "ending": 200, "new": 200, KEY: 200}


class Telltale(str):
    """A hash that tells when it is compared as texts are, which ends at the first difference."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared by ==")

    def __hash__(self) -> int:
        raise AssertionError("looked up by its hash")


async def test_keys_are_compared_in_constant_time() -> None:
    """How long it takes to be refused says nothing about how near a guess was."""
    caller = Caller("tests", frozenset(), ())
    hashes = [Telltale(hash_key(key)) for key in ("first", "second", "third")]
    knows = Access(tuple(KnownKey(sha256, caller) for sha256 in hashes))
    for key in ("first", "second", "third"):
        assert await knows.caller([f"Bearer {key}"]) is caller
    with pytest.raises(Unauthenticated):
        await knows.caller(["Bearer fourth"])
