"""A replay over HTTP: equal to the first answer, and only for who may still ask for the write."""

from dataclasses import replace

import pytest

from gateway.api.access import READ, WRITE, Access, Caller, KnownKey, hash_key
from tests.records import OPPORTUNITIES, draft, effects, made, path_of
from tests.sandboxed import KEY, Sandboxed

REPEATED = ("content-type", "etag", "location", "preference-applied")


def grant(house: Sandboxed, *scopes: str, connections: tuple[str, ...] = ("*",)) -> None:
    """What the caller may do from now on."""
    caller = Caller("tests", frozenset(scopes), connections)
    access = Access((KnownKey(hash_key(KEY), caller),))
    house.app.state.house = replace(house.app.state.house, access=access)


@pytest.mark.parametrize("handling", ["strict", "lenient"])
async def test_a_replay_is_equal(house: Sandboxed, handling: str) -> None:
    """In its status, its bytes and what its headers say of the opportunity."""
    asked = {"Idempotency_Key": "one", "Prefer": f"handling={handling}"}
    first = await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    again = await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    assert (again.status, again.content) == (first.status, first.content)
    for name in REPEATED:
        assert again.headers.get(name) == first.headers.get(name)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["idempotency-status"] == "replayed"
    assert "idempotent-replayed" not in first.headers
    assert effects(house) == 1


async def test_an_update_is_replayed_with_its_version(house: Sandboxed) -> None:
    """Its condition was judged before the first, which changed what it would be judged by."""
    before = await made(house, "close")
    seen = await house.ask("GET", path_of(before))
    asked = {"Idempotency_Key": "one", "If_Match": seen.headers["etag"]}
    patch = {"value": {"amount": "1300.00"}}
    first = await house.ask("PATCH", path_of(before), patch, **asked)
    again = await house.ask("PATCH", path_of(before), patch, **asked)
    assert (again.status, again.content) == (first.status, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_empty_answer_is_replayed_too(house: Sandboxed) -> None:
    """A delete has no body, and is done once."""
    before = await made(house, "close")
    answers = [await house.ask("DELETE", path_of(before), Idempotency_Key="one") for _ in range(2)]
    assert {(answer.status, answer.content) for answer in answers} == {(204, b"")}
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert effects(house) == 2


async def test_the_spelling_of_a_media_type_makes_no_second_write(house: Sandboxed) -> None:
    """A charset says nothing of the request."""
    kinds = ("application/json", "application/json; charset=utf-8", "Application/JSON")
    answers = [
        await house.ask(
            "POST", OPPORTUNITIES, draft("close"), Idempotency_Key="one", Content_Type=kind
        )
        for kind in kinds
    ]
    assert len({answer.content for answer in answers}) == 1
    assert effects(house) == 1


async def test_who_may_no_longer_write_gets_no_replay(house: Sandboxed) -> None:
    """Row 16: rights are judged before the key, each time."""
    asked = {"Idempotency_Key": "one"}
    first = await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    grant(house, READ)
    refused = await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "idempotent-replayed" not in refused.headers
    grant(house, READ, WRITE)
    again = await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    assert again.content == first.content


async def test_who_may_no_longer_see_a_connection_gets_no_replay(house: Sandboxed) -> None:
    """Row 16: it is as if there were none."""
    asked = {"Idempotency_Key": "one"}
    await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    grant(house, READ, WRITE, connections=("acme-slant",))
    refused = await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    assert (refused.status, refused.code) == (404, "connection-not-found")
    assert "idempotent-replayed" not in refused.headers


async def test_a_key_is_for_one_route_and_one_connection(house: Sandboxed) -> None:
    """Row 17: another method, path or connection under it is another request."""
    before = await made(house, "close")
    asked = {"Idempotency_Key": "one"}
    await house.ask("POST", OPPORTUNITIES, draft("close"), **asked)
    others = [
        await house.ask("POST", OPPORTUNITIES, draft("slant"), **asked),
        await house.ask("PATCH", path_of(before), {"value": {"amount": "7.00"}}, **asked),
        await house.ask("DELETE", path_of(before), **asked),
    ]
    assert {(other.status, other.code) for other in others} == {(422, "idempotency-key-reused")}
    assert effects(house) == 2
