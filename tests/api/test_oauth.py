"""Credentials that run out, through the whole gateway: bought, renewed, refused, told of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.app import check
from gateway.sandbox.close import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from gateway.settings import parse
from tests.records import OPPORTUNITIES, TWELVE_HUNDRED
from tests.sandboxed import Answered, Sandboxed, sandboxed, tree

OAUTH = {
    "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN,
}  # fmt: skip
ENDPOINT = "/oauth2/token/"


@asynccontextmanager
async def renewing(**changes: str) -> AsyncIterator[Sandboxed]:
    """A gateway whose connection to one vendor has tokens that are renewed."""
    configured = tree()
    configured["connections"]["acme-close"]["credentials"] = {**OAUTH, **changes}
    async with sandboxed(configured) as house:
        yield house


def token_calls(house: Sandboxed) -> list[int | None]:
    """The statuses of the token calls."""
    requests = house.vendor("close").ledger.requests
    return [call.status for call in requests if call.path == ENDPOINT]


def aged(house: Sandboxed) -> None:
    """Lets the gateway's token be older than one that is quite new."""
    on = house.app.state.house.proofs["acme-close"]._on
    now = on.clock
    on.clock = lambda: now() + 100


def revoked(house: Sandboxed) -> None:
    """Lets the vendor accept no token that it has issued so far."""
    aged(house)
    house.vendor("close").set_options({"token_epoch": 1})


async def read(house: Sandboxed) -> Answered:
    """A record, read."""
    record_id = next(iter(house.vendor("close").records))
    return await house.ask("GET", f"{OPPORTUNITIES}/acme-close.{record_id}")


async def credential(house: Sandboxed) -> Any:
    """What a caller is told of the connection's credentials."""
    answer = await house.ask("GET", "/v1/connections/acme-close")
    assert answer.status == 200, answer.content
    for secret in (*OAUTH.values(), "close_at_", "close_rt_"):
        assert secret not in answer.content.decode()
    return answer.json


async def test_reads_and_writes_go_with_one_token() -> None:
    """Bought with the configured refresh token when it is first needed."""
    async with renewing() as house:
        assert token_calls(house) == []
        assert (await read(house)).status == 200
        body = {"connection": "acme-close", **TWELVE_HUNDRED}
        assert (await house.ask("POST", OPPORTUNITIES, body)).status == 201
        assert token_calls(house) == [200]


async def test_a_read_whose_token_was_revoked_is_answered() -> None:
    """Its caller notices nothing."""
    async with renewing() as house:
        await read(house)
        revoked(house)
        assert (await read(house)).status == 200
        assert token_calls(house) == [200, 200]


async def test_a_write_whose_token_was_revoked_happens_once() -> None:
    """Its refusal is on record before it is sent again, and the key replays what came of that."""
    async with renewing() as house:
        await house.ask("GET", "/v1/connections/acme-close/users")  # and whatever else it reads
        aged(house)
        refusal = {"kind": "status", "status": 401}
        match = {"method": "POST", "path": "/opportunity/"}
        house.vendor("close").faults.add({"match": match, "fault": refusal})
        before = len(house.vendor("close").ledger.effects)
        body = {"connection": "acme-close", **TWELVE_HUNDRED}
        made = await house.ask("POST", OPPORTUNITIES, body, Idempotency_Key="once")
        again = await house.ask("POST", OPPORTUNITIES, body, Idempotency_Key="once")
        assert (made.status, again.content) == (201, made.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert len(house.vendor("close").ledger.effects) == before + 1
        operation = (await house.ask("GET", "/v1/operations")).json["items"][0]
        assert (operation["state"], operation["attempts"]) == ("succeeded", 2)
        assert token_calls(house) == [200, 200]


@pytest.mark.parametrize("change", [{"refresh_token": "spent"}, {"client_secret": "wrong"}])
async def test_a_refresh_token_that_is_refused_is_told_as_bad_credentials(
    change: dict[str, str],
) -> None:
    """Of the connection, with nothing applied; nobody asks again at once."""
    async with renewing(**change) as house:
        refused = await read(house)
        assert (refused.status, refused.code) == (502, "vendor-credentials-invalid")
        assert refused.json["vendor"]["code"] in {"invalid_grant", "invalid_client"}
        body = {"connection": "acme-close", **TWELVE_HUNDRED}
        write = await house.ask("POST", OPPORTUNITIES, body, Idempotency_Key="free")
        assert (write.status, write.json["outcome"]) == (502, "not_applied")
        assert write.headers["idempotency-status"] == "not-applied"
        assert len(token_calls(house)) == 1
        told = await credential(house)
        assert (told["state"], told["credential"]["state"]) == ("unauthorized", "refused")


async def test_a_token_endpoint_that_breaks_down_is_the_vendor_being_away() -> None:
    """Nothing of the caller's was sent, and the next one is served."""
    async with renewing() as house:
        fault = {"kind": "status", "status": 503}
        house.vendor("close").faults.add({"match": {"path": ENDPOINT}, "fault": fault})
        away = await read(house)
        assert (away.status, away.code) == (503, "vendor-unavailable")
        assert (await read(house)).status == 200


async def test_a_connection_tells_how_its_credentials_fare() -> None:
    """Since when and until when, where that is known."""
    async with renewing() as house:
        unknown = {"kind": "renewed", "state": "unknown", "renewed_at": None, "expires_at": None}
        assert (await credential(house))["credential"] == unknown
        await read(house)
        told = (await credential(house))["credential"]
        assert (told["kind"], told["state"]) == ("renewed", "accepted")
        made, ends = (datetime.fromisoformat(told[at]) for at in ("renewed_at", "expires_at"))
        assert abs(made - datetime.now(UTC)) < timedelta(minutes=1)
        assert abs(ends - made - timedelta(hours=1)) <= timedelta(seconds=2)
        other = await house.ask("GET", "/v1/connections/acme-slant")
        assert other.json["credential"] == {**unknown, "kind": "fixed"}


async def test_a_dry_run_shows_the_scheme_alone() -> None:
    """And buys no token for that."""
    async with renewing() as house:
        wanted = {"operation": "create", "body": TWELVE_HUNDRED}
        path = "/v1/connections/acme-close/translations"
        answer = await house.ask("POST", path, wanted)
        (request,) = answer.json["requests"]
        assert request["headers"]["Authorization"] == "Bearer ***"
        assert REFRESH_TOKEN not in answer.content.decode()


async def test_limits_belong_to_the_account_and_not_to_a_token() -> None:
    """What was counted stays counted when the token changes; another client counts by itself."""
    async with renewing() as house, renewing(client_id="another") as other:
        limiter, stranger = (
            each.app.state.house.limiters["acme-close"]._account for each in (house, other)
        )
        before = limiter.bucket("credential", ())
        await read(house)
        revoked(house)
        await read(house)
        assert limiter.bucket("credential", ()) == before != stranger.bucket("credential", ())


async def test_a_check_without_a_store_spends_nothing(tmp_path: Any) -> None:
    """The next refresh token would be lost with the command's end."""
    configured = tree()
    table = {**configured["connections"]["acme-close"], "credentials": OAUTH}
    configured["connections"] = {"acme-close": table}
    troubles = await check(parse(configured, {}, tmp_path))
    assert "refresh token" in (troubles["acme-close"] or "")


async def test_another_refresh_token_in_the_file_begins_another_grant() -> None:
    """So an operator mends a lost authorisation; a client's new secret goes on with the old one."""

    async def grant(**changes: str) -> str:
        async with renewing(**changes) as house:
            name: str = house.app.state.house.proofs["acme-close"]._name
            return name

    first = await grant()
    assert first == await grant(client_secret="another")
    assert first != await grant(refresh_token="another") != await grant(client_id="another")
    assert first != await grant(client_id="another")
