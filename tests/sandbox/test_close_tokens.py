"""The token endpoint of the pretend Close: a refresh token is good for one time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gateway.sandbox.close import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, CloseSandbox

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ENDPOINT = "/oauth2/token/"
ASKED = {
    "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
    "grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN,
}  # fmt: skip


class Clock:
    """A clock that the test moves."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> CloseSandbox:
    return CloseSandbox(clock)


@pytest.fixture
async def close(sandbox: CloseSandbox) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=sandbox.asgi())
    async with httpx.AsyncClient(transport=transport, base_url="http://close") as client:
        yield client


async def me(close: httpx.AsyncClient, access: str) -> int:
    answer = await close.get("/api/v1/me/", headers={"authorization": f"Bearer {access}"})
    return answer.status_code


async def test_a_refresh_token_is_spent_for_the_next(close: httpx.AsyncClient) -> None:
    """The one that was sent is revoked at once, and its successor is good."""
    first = await close.post(ENDPOINT, data=ASKED)
    told = first.json()
    assert first.status_code == 200
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    assert await me(close, told["access_token"]) == 200
    again = await close.post(ENDPOINT, data=ASKED)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    next_one = {**ASKED, "refresh_token": told["refresh_token"]}
    second = (await close.post(ENDPOINT, data=next_one)).json()
    assert second["access_token"] != told["access_token"]
    assert await me(close, second["access_token"]) == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"refresh_token": "wrong"}, 400, "invalid_grant"),
    ],
)
async def test_a_refusal_spends_nothing(
    close: httpx.AsyncClient, change: dict[str, str], status: int, code: str
) -> None:
    """And says why in the standard's words."""
    refused = await close.post(ENDPOINT, data={**ASKED, **change})
    assert (refused.status_code, refused.json()) == (status, {"error": code})
    assert (await close.post(ENDPOINT, data=ASKED)).status_code == 200


async def test_only_a_form_is_taken(close: httpx.AsyncClient) -> None:
    refused = await close.post(ENDPOINT, json=ASKED)
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_request"})


async def test_an_access_token_ends(
    close: httpx.AsyncClient, sandbox: CloseSandbox, clock: Clock
) -> None:
    """By its time, or before it when its epoch does."""
    sandbox.set_options({"token_seconds": 10})
    access = (await close.post(ENDPOINT, data=ASKED)).json()["access_token"]
    clock.now = NOON + timedelta(seconds=9)
    assert await me(close, access) == 200
    sandbox.set_options({"token_epoch": 1})
    assert await me(close, access) == 401
    sandbox.set_options({"token_epoch": 0})
    clock.now = NOON + timedelta(seconds=10)
    assert await me(close, access) == 401


async def test_the_ledger_counts_token_calls_and_notes_no_secret(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    await close.post(ENDPOINT, data=ASKED)
    (call,) = sandbox.ledger.requests
    assert (call.method, call.path, call.status, call.body) == ("POST", ENDPOINT, 200, None)
    assert REFRESH_TOKEN not in str(sandbox.ledger.to_json())


async def test_a_reset_forgets_what_was_issued(
    close: httpx.AsyncClient, sandbox: CloseSandbox
) -> None:
    access = (await close.post(ENDPOINT, data=ASKED)).json()["access_token"]
    sandbox.reset()
    assert await me(close, access) == 401
    assert (await close.post(ENDPOINT, data=ASKED)).status_code == 200
