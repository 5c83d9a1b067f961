"""Callers with tokens: who is let in, who is not, and what a token never decides."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from gateway.api.access import Claim, hash_key
from gateway.api.tokens import MAX_NAME, MAX_TOKEN, Issuer, verified_by
from gateway.app import create_app
from gateway.engine.keyset import Jwk, KeySet
from gateway.sandbox import create_sandbox
from gateway.settings import parse
from gateway.telemetry.hooks import Hooks
from tests import issuer
from tests.issuer import (
    ED25519,
    KEYS,
    OTHER_RSA,
    P256,
    P384,
    RSA,
    IssuerTransport,
    claims,
    jwk,
    spelled,
    token,
)
from tests.sandboxed import KEY, Answered, InProcess, tree

READ, WRITE = "opportunities:read", "opportunities:write"
ALL = ("RS256", "PS384", "ES256", "ES384", "EdDSA")


def verifier(keys: list[dict[str, Any]] = KEYS, **changes: Any) -> Any:
    """What verifies tokens of the test's issuer."""
    members: dict[str, Any] = {
        "name": issuer.NAME, "audience": issuer.AUDIENCE, "algorithms": ALL, "caller_claim": "sub",
        "scopes_claim": None, "leeway": 0,
    }  # fmt: skip

    async def fetch() -> Mapping[str, Jwk]:
        return {key["kid"]: key for key in keys}

    return verified_by(Issuer(**{**members, **changes}), KeySet(fetch, time.monotonic))


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA, "RS256", "rsa"), (RSA, "PS384", "rsa"), (OTHER_RSA, "RS256", "other"),
     (P256, "ES256", "p256"), (P384, "ES384", "p384"), (ED25519, "EdDSA", "ed")],
)  # fmt: skip
async def test_a_good_token_says_who_asks(key: Any, algorithm: str, kid: str) -> None:
    """By each algorithm that is configured, and the key that its head names."""
    assert await verifier()(token(key, algorithm, kid)) == Claim("jwt:billing")


PUBLIC = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
NOW = int(time.time())
HS_HEAD = {"alg": "HS256", "kid": "rsa", "typ": "JWT"}


def with_shared_secret(secret: bytes) -> str:
    """A token whose signature is an HMAC with what everybody can read."""
    import hashlib  # noqa: PLC0415 - one attack needs it
    import hmac  # noqa: PLC0415 - the same

    unsigned = spelled(HS_HEAD, claims()).rstrip(".")
    return spelled(HS_HEAD, claims(), hmac.digest(secret, unsigned.encode(), hashlib.sha256))


BAD: dict[str, str] = {
    "empty": "",
    "no-token": "a.b",
    "garbage": "a.b.c",
    "two-too-many": token() + ".x.y",
    "unsigned": spelled({"alg": "none", "kid": "rsa"}, claims()),
    "unsigned-otherwise": spelled({"alg": "NONE", "kid": "rsa"}, claims(), b"x"),
    "no-algorithm": spelled({"kid": "rsa"}, claims(), b"x"),
    "public-key-as-secret": with_shared_secret(PUBLIC),
    "modulus-as-secret": with_shared_secret(KEYS[0]["n"].encode()),
    "not-configured": token(RSA, "RS512"),
    "another-key": token(OTHER_RSA),
    "another-curve": token(P384, "ES384", "p256"),
    "key-of-another-kind": token(P256, "ES256", "rsa"),
    "short-key": issuer.signed_by_hand(issuer.SHORT_RSA, "short"),
    "no-kid": token(kid=None),
    "unknown-kid": token(kid="nobody"),
    "kid-is-no-text": spelled({"alg": "RS256", "kid": 1}, claims(), b"x"),
    "kid-is-a-path": token(kid="../../dev/null"),
    "own-key-in-the-head": token(OTHER_RSA, head={"jwk": jwk(OTHER_RSA, "rsa")}),
    "own-address-in-the-head": token(OTHER_RSA, head={"jku": "https://evil.example/keys"}),
    "critical": issuer.signed_by_hand(RSA, "rsa", crit=["own"], own=1),
    "another-issuer": token(iss="https://id.example"),
    "no-issuer": token(iss=None),
    "another-audience": token(aud="billing"),
    "no-audience": token(aud=None),
    "ended": token(exp=NOW - 1),
    "endless": token(exp=None),
    "not-begun": token(nbf=NOW + issuer.A_DAY),
    "issued-tomorrow": token(iat=NOW + issuer.A_DAY),
    "never-issued": token(iat=None),
    "end-is-no-number": spelled({"alg": "RS256", "kid": "rsa"}, claims(exp="later"), b"x"),
    "nobody": token(sub=None),
    "nameless": token(sub=""),
    "name-without-end": token(sub="x" * (MAX_NAME + 1)),
    "too-long": token(x="x" * MAX_TOKEN),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_another_token_proves_nothing(bad: str) -> None:
    """Forged, of another time, for somebody else, or one that brings its own key along."""
    assert await verifier()(bad) is None


async def test_a_token_that_is_signed_by_hand_is_as_good() -> None:
    """So that what is refused of a short key is its length."""
    assert await verifier()(issuer.signed_by_hand(RSA, "rsa")) == Claim("jwt:billing")


async def test_a_changed_token_proves_nothing() -> None:
    """Whichever of its three parts was changed."""
    head, said, signature = token().split(".")
    others = token(sub="root", head={"typ": "at+jwt"}).split(".")
    for changed in ((others[0], said, signature), (head, others[1], signature),
                    (head, said, others[2]), (head, said, "")):  # fmt: skip
        assert await verifier()(".".join(changed)) is None


@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct", "k": "c2VjcmV0"}, {"n": "x"},
                {"kty": "EC"}],
)  # fmt: skip
async def test_a_key_of_another_purpose_verifies_nothing(members: dict[str, Any]) -> None:
    """A key set may hold keys for encryption, of other algorithms, and broken ones."""
    assert await verifier([jwk(RSA, "rsa", **members)])(token()) is None


async def test_a_private_key_that_was_shown_by_mistake_still_only_verifies() -> None:
    """Of what a set shows, the public members alone are read."""
    shown = jwk(RSA, "rsa", d="AQAB", use="sig", alg="RS256")
    assert await verifier([shown])(token()) == Claim("jwt:billing")


async def test_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    """For the end, the beginning and the issue alike."""
    lenient, now = verifier(leeway=60), int(time.time())
    for near in (token(exp=now - 30), token(nbf=now + 30), token(iat=now + 30)):
        assert await lenient(near) is not None
        assert await verifier()(near) is None
    for far in (token(exp=now - 90), token(nbf=now + 120), token(iat=now + 120)):
        assert await lenient(far) is None


async def test_another_claim_may_name_the_caller() -> None:
    """The issuer decides which of its claims is an application."""
    verify = verifier(caller_claim="azp")
    assert await verify(token(azp="payroll")) == Claim("jwt:payroll")
    assert await verify(token()) is None
    assert await verify(token(azp=["payroll"])) is None


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        (f"{READ} {WRITE} email", {READ, WRITE, "email"}),
        ([READ, 5], {READ}),
        (READ, {READ}),
        ("", {""}),
        ([], set()),
        (None, set()),
        ({"a": 1}, set()),
        (5, set()),
    ],
)
async def test_scopes_are_read_as_a_text_or_an_array(said: Any, scopes: set[str]) -> None:
    """A token that says nothing of them has none."""
    claim = await verifier(scopes_claim="scope")(token(scope=said))
    assert claim == Claim("jwt:billing", frozenset(scopes))


JWT = {
    "issuer": issuer.NAME,
    "audience": issuer.AUDIENCE,
    "jwks_url": issuer.URL,
    "algorithms": ["RS256"],
}
ENTRIES = {
    "jwt:billing": {"scopes": [READ, WRITE], "connections": ["acme-close"]},
    "jwt:reader": {"scopes": [READ], "connections": ["*"]},
    "billing": {"key_sha256": hash_key(KEY), "scopes": [READ, WRITE], "connections": ["*"]},
    "a.b.c": {"key_sha256": hash_key("dots.in.key"), "scopes": [READ], "connections": ["*"]},
}
DRAFT = {"connection": "acme-close", "value": {"amount": "1.00"}}


class Guarded:
    """A gateway that takes tokens, and the issuer whose keys it reads."""

    def __init__(self, api: httpx.AsyncClient, network: IssuerTransport) -> None:
        self.api, self.network = api, network

    async def ask(self, credential: str, body: Any = None, path: str = "") -> Answered:
        """A read, or with a body a write, under this credential."""
        method = "GET" if body is None else "POST"
        headers = {"Authorization": f"Bearer {credential}"}
        where = path or ("/v1/connections" if body is None else "/v1/opportunities")
        return Answered(await self.api.request(method, where, json=body, headers=headers))


@asynccontextmanager
async def guarded(**changes: Any) -> AsyncIterator[Guarded]:
    """A gateway over the sandbox, with `[jwt]`."""
    network = IssuerTransport(InProcess(create_sandbox()), list(KEYS))
    settings = parse({**tree(), "callers": ENTRIES, "jwt": {**JWT, **changes}}, {}, Path())
    app = create_app(settings, client=network, hooks=Hooks())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway.test"
    ) as api:
        yield Guarded(api, network)


@pytest.fixture
async def house() -> AsyncIterator[Guarded]:
    """The same with nothing special."""
    async with guarded() as running:
        yield running


async def test_a_token_opens_what_its_callers_entry_opens(house: Guarded) -> None:
    """Its scopes, its connections, and its own writes: it is a caller like any other."""
    listed = await house.ask(token())
    assert [item["name"] for item in listed.json["items"]] == ["acme-close"]
    created = await house.ask(token(), DRAFT)
    assert created.status == 201
    (operation,) = (await house.ask(token(), path="/v1/operations")).json["items"]
    assert operation["opportunity_id"] == created.json["id"]
    assert (await house.ask(token(sub="reader"), DRAFT)).status == 403
    assert (await house.ask(token(sub="reader"), path="/v1/operations")).json["items"] == []
    assert len(house.network.asked) == 1


async def test_the_issuer_is_asked_without_a_secret(house: Guarded) -> None:
    """Over the wire that everything goes over, with no credential of anybody's."""
    await house.ask(token())
    (asked,) = house.network.asked
    assert (asked.method, str(asked.url)) == ("GET", issuer.URL)
    assert "authorization" not in asked.headers


async def test_keys_go_on_beside_tokens(house: Guarded) -> None:
    """And need no issuer, whatever they look like."""
    assert (await house.ask(KEY)).status == 200
    assert (await house.ask("dots.in.key")).status == 200
    assert house.network.asked == []


async def test_a_token_names_no_caller_by_key(house: Guarded) -> None:
    """`billing` and `jwt:billing` are two, and nothing leads from one to the other."""
    assert (await house.ask(token(sub="billing"))).json["items"][0]["name"] == "acme-close"
    assert len((await house.ask(token(sub="billing"))).json["items"]) == 1
    for sub in ("jwt:billing", "a.b.c", "nobody"):
        answer = await house.ask(token(sub=sub))
        assert (answer.status, answer.code) == (403, "forbidden")
        assert sub not in answer.content.decode()


@pytest.mark.parametrize("name", ["unsigned", "public-key-as-secret", "ended", "another-key"])
async def test_a_bad_token_is_unauthenticated(house: Guarded, name: str) -> None:
    """The answer does not say what was wrong with it, and repeats none of it."""
    answers = [await house.ask(BAD[name]), await house.ask("nonsense")]
    assert [(answer.status, answer.code) for answer in answers] == [(401, "unauthenticated")] * 2
    assert answers[0].json["detail"] == answers[1].json["detail"]


async def test_scopes_are_those_that_both_the_entry_and_the_token_have() -> None:
    """Neither adds to the other."""
    async with guarded(scopes_claim="scope") as house:
        for sub, scope, statuses in (
            ("billing", f"{READ} {WRITE}", (200, 201)),
            ("billing", READ, (200, 403)),
            ("billing", WRITE, (403, 201)),
            ("billing", "email", (403, 403)),
            ("billing", None, (403, 403)),
            ("reader", f"{READ} {WRITE} operations:resolve", (200, 403)),
        ):
            credential = token(sub=sub, scope=scope)
            read, write = await house.ask(credential), await house.ask(credential, DRAFT)
            assert (read.status, write.status) == statuses, (sub, scope)


async def test_an_issuer_that_cannot_be_read_is_no_callers_fault() -> None:
    """503 and when to come again; keys and known tokens are served all the while."""
    async with guarded() as house:
        house.network.status = 500
        answer = await house.ask(token())
        assert (answer.status, answer.code) == (503, "keys-unavailable")
        assert answer.json["origin"] == "gateway"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert (await house.ask(KEY)).status == 200
        assert (await house.ask(BAD["unsigned"])).status == 401
        assert len(house.network.asked) == 1
    async with guarded() as house:
        assert (await house.ask(token())).status == 200
        house.network.status = 500
        assert (await house.ask(token())).status == 200


async def test_without_an_issuer_no_token_is_worth_anything() -> None:
    """Not even one for a caller who has an entry."""
    tables = {**tree(), "callers": {"billing": ENTRIES["billing"]}}
    app = create_app(parse(tables, {}, Path()), client=InProcess(create_sandbox()))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway.test"
    ) as api:
        headers = {"Authorization": f"Bearer {token()}"}
        assert (await api.get("/v1/connections", headers=headers)).status_code == 401


async def test_two_credentials_are_none() -> None:
    """Whichever of them a proxy before us looked at, we do not choose another."""
    async with guarded() as house:
        lines = [("Authorization", f"Bearer {KEY}"), ("Authorization", f"Bearer {token()}")]
        for sent in (lines, lines[::-1], [lines[0], lines[0]]):
            response = await house.api.get("/v1/connections", headers=sent)
            assert response.status_code == 401


def test_the_tests_own_key_set_is_one() -> None:
    """Every key of it has its id and no private member, so that the tests above mean something."""
    for key in json.loads(json.dumps(issuer.KEYS)):
        assert key["kid"]
        assert not {"d", "p", "q", "k"} & key.keys()
