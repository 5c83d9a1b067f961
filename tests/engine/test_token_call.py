"""The token call: what is sent, what an answer gives, and what it means where it gives nothing."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway import errors
from gateway.canonical import json_text
from gateway.engine.credentials import Client
from gateway.engine.exchange import Call, Exchange, FreePermit
from gateway.engine.network import Answer, Network, Outgoing, origin_of
from gateway.engine.token_call import (
    CODES,
    LONGEST_SECONDS,
    REFUSED_SECONDS,
    UNTOLD_SECONDS,
    Issued,
    Unrenewed,
    endpoint_of,
    issued,
    spending,
    unrenewed,
)
from gateway.engine.wire import wire
from gateway.errors import GatewayError
from gateway.translator import VendorRequest, VendorResponse
from tests.engine.speaker import garbage, said

CLIENT = Client("our-client", "cl&ent=s3cret")
GOOD = {
    "access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "rt-1",
}  # fmt: skip


def answered(**changes: Any) -> VendorResponse:
    """A good answer but for these members; None leaves one out."""
    members = {**GOOD, **changes}
    return said({name: member for name, member in members.items() if member is not None})


async def spent(exchange: Exchange, permit: FreePermit | None = None) -> Issued | Unrenewed:
    """A refresh token spent over an exchange."""
    endpoint = "https://vendor.example/oauth2/token/"
    spend = spending(lambda _: exchange, endpoint, CLIENT, seconds=5, clock=lambda: 100.0)
    return await spend("rt&0", permit or FreePermit())


async def test_it_is_a_form_to_the_endpoint_and_nothing_else() -> None:
    """Over the wire, with no proof but what the form holds, escaped."""
    seen: list[Outgoing] = []

    class Vendor(Network):
        async def carry(self, outgoing: Outgoing) -> Answer:
            await outgoing.gate()
            seen.append(outgoing)
            return Answer(200, {}, json_text.write(GOOD))

        async def aclose(self) -> None:
            pass

    way = wire(Vendor(), "https://vendor.example", connect_seconds=1, clock=lambda: 100.0)
    assert await spent(way) == Issued("at-1", "rt-1", 3600)
    (request,) = seen
    assert request.origin == origin_of("https://vendor.example", outside_only=False)[0]
    assert (request.method, request.target) == ("POST", "/oauth2/token/")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in {name.lower() for name in request.headers}
    assert dict(parse_qsl((request.content or b"").decode())) == {
        "grant_type": "refresh_token", "refresh_token": "rt&0",
        "client_id": "our-client", "client_secret": "cl&ent=s3cret",
    }  # fmt: skip


async def test_what_was_sent_is_waited_for() -> None:
    """It is a write, with leave asked for before the first byte."""
    calls: list[Call] = []

    async def exchange(call: Call) -> VendorResponse:
        calls.append(call)
        return answered()

    permit = FreePermit()
    await spent(exchange, permit)
    (call,) = calls
    assert (call.request.effect, call.permit) == ("write", permit)
    assert call.until == call.patience == 105.0
    assert "s3cret" not in repr(call)
    assert "rt&0" not in repr(call)


def test_nothing_prints_as_its_secrets() -> None:
    """Neither a client nor what it is given."""
    shown = repr([CLIENT, Issued("at-1", "rt-1", 5.0)])
    assert not [secret for secret in ("our-client", "s3cret", "at-1", "rt-1") if secret in shown]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (answered(), Issued("at-1", "rt-1", 3600)),
        (answered(token_type="bearer"), Issued("at-1", "rt-1", 3600)),
        (answered(refresh_token=None), Issued("at-1", "rt-0", 3600)),
        (answered(expires_in=None), Issued("at-1", "rt-1", UNTOLD_SECONDS)),
        (answered(expires_in="soon"), Issued("at-1", "rt-1", UNTOLD_SECONDS)),
        (answered(expires_in=True), Issued("at-1", "rt-1", UNTOLD_SECONDS)),
        (answered(expires_in=-1), Issued("at-1", "rt-1", UNTOLD_SECONDS)),
        (answered(expires_in=10**30), Issued("at-1", "rt-1", LONGEST_SECONDS)),
        (answered(access_token=None), None),
        (answered(access_token=""), None),
        (answered(access_token="two words"), None),
        (answered(access_token="line\r\nX-Own: 1"), None),
        (answered(access_token="schlüssel"), None),
        (answered(access_token="a" * 10_000), None),
        (answered(refresh_token=5), None),
        (answered(token_type="mac"), None),
        (answered(token_type=None), None),
        (said(["at-1"]), None),
        (said(GOOD, 201), None),
        (said(GOOD, 400), None),
        (garbage(), None),
    ],
)
def test_an_answer_gives_tokens_or_none(reply: VendorResponse, found: Issued | None) -> None:
    """Of the standard's form; a token that no header can carry is none."""
    assert issued(reply, "rt-0") == found


@pytest.mark.parametrize(
    ("reply", "kind", "held", "broke"),
    [
        (said({"error": "invalid_grant"}, 400), errors.VendorUnauthorized, REFUSED_SECONDS, False),
        (said({"error": "invalid_client"}, 401), errors.VendorUnauthorized, REFUSED_SECONDS, False),
        (garbage(404), errors.VendorUnauthorized, REFUSED_SECONDS, False),
        (said(None, 429, **{"retry-after": "7"}), errors.Throttled, 7, False),
        (said(None, 429), errors.Throttled, 5, False),
        (said(None, 408), errors.NotSent, 0, False),
        (said(None, 425), errors.NotSent, 0, False),
        (said(None, 302), errors.NotSent, 0, False),
        (garbage(200), errors.NotSent, 0, False),
        (said(None, 500), errors.NotSent, 0, True),
        (said(None, 503), errors.NotSent, 0, True),
    ],
)
def test_an_answer_without_tokens_says_whether_to_come_again(
    reply: VendorResponse, kind: type[GatewayError], held: float, broke: bool
) -> None:
    """A refusal is final for a while; a breakdown is the vendor's sickness and proves nothing."""
    found = unrenewed(reply)
    error = found.error()
    assert (type(error), found.held_seconds, found.broke) == (kind, held, broke)
    assert error is not found.error()
    if kind is errors.Throttled:
        assert error.retry_after == held


@pytest.mark.parametrize("code", [*CODES, "rt-0 is spent", 5, None])
def test_of_a_refusal_only_the_standards_codes_are_repeated(code: Any) -> None:
    """What a vendor says freely may hold what it was sent."""
    error = unrenewed(said({"error": code, "error_description": "rt-0 is spent"}, 400)).error()
    assert error.reply is not None
    assert error.reply.code == (code if code in CODES else None)
    assert "rt-0" not in f"{error.message} {error.reply}"


@pytest.mark.parametrize("broke", [True, False])
async def test_a_call_that_is_lost_renews_nothing(broke: bool) -> None:
    """Nothing of the caller's was sent, whatever became of the refresh token."""

    async def exchange(call: Call) -> VendorResponse:
        call.broke = broke
        raise errors.Indeterminate("the answer broke off")

    found = await spent(exchange)
    assert isinstance(found, Unrenewed)
    assert (type(found.error()), found.broke, found.held_seconds) == (errors.NotSent, broke, 0)


async def test_a_store_that_is_away_is_not_the_vendors_failing() -> None:
    """Leave could not be had: the caller is told of the store."""

    class Away(FreePermit):
        async def leave(self, request: VendorRequest) -> None:
            raise errors.StoreUnavailable("away")

    async def exchange(call: Call) -> VendorResponse:
        await call.permit.leave(call.request)
        return answered()

    found = await spent(exchange, Away())
    assert isinstance(found, Unrenewed)
    assert (type(found.error()), found.broke) == (errors.StoreUnavailable, False)


@pytest.mark.parametrize(
    ("base_url", "endpoint"),
    [
        ("https://api.example/api/v1", "https://api.example/oauth2/token/"),
        ("https://api.example/api/v1/", "https://api.example/oauth2/token/"),
        ("http://127.0.0.1:8090/close/api/v1", "http://127.0.0.1:8090/close/oauth2/token/"),
        ("https://api.example", "https://api.example/oauth2/token/"),
    ],
)
def test_the_endpoint_is_where_the_vendor_is(base_url: str, endpoint: str) -> None:
    """A connection to another host spends its tokens there."""
    assert endpoint_of(base_url, "../../oauth2/token/") == endpoint
