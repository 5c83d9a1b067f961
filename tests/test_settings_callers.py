"""Callers in the file: keys that overlap, tokens and their issuer, addresses that lie inside."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.api.access import hash_key
from gateway.settings import ConfigurationError, Settings, parse

JWT: dict[str, Any] = {
    "issuer": "https://id.example.com",
    "audience": "opportunities",
    "jwks_url": "https://id.example.com/keys",
    "algorithms": ["RS256"],
}
ENVIRON = {
    "URL": "redis://redis.example.com",
    "SIGN": "s" * 32,
    "SEAL": base64.b64encode(b"k" * 32).decode(),
    "KEY": "k",
}
PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "redis": {"url": {"env": "URL"}},
    "secrets": {
        "signing_keys": [{"id": "a", "key": {"env": "SIGN"}}],
        "encryption_keys": [{"id": "a", "key": {"env": "SEAL"}}],
    },
}


def parsed(**tables: Any) -> Settings:
    """These tables as settings."""
    return parse(tables, ENVIRON, Path())


def faults(**tables: Any) -> list[str]:
    """What an operator is told of these tables."""
    with pytest.raises(ConfigurationError) as caught:
        parsed(**tables)
    return caught.value.faults


def test_an_issuer_is_in_force() -> None:
    """With its defaults: the subject is the caller, clocks agree."""
    settings = parsed(jwt=JWT)
    jwt = settings.file.jwt
    assert jwt is not None
    assert (jwt.caller_claim, jwt.scopes_claim, jwt.leeway) == ("sub", None, 0)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "HS384", "HS512", "ES256K", "RS1", "rs256", ""]
)
def test_only_algorithms_of_public_keys_can_be_configured(algorithm: str) -> None:
    """No signature is no algorithm, and a public key is no shared secret."""
    (fault,) = faults(jwt={**JWT, "algorithms": ["RS256", algorithm]})
    assert fault.startswith("jwt.algorithms.1: ")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"algorithms": []}, "jwt.algorithms"),
        ({"issuer": ""}, "jwt.issuer"),
        ({"audience": ""}, "jwt.audience"),
        ({"caller_claim": ""}, "jwt.caller_claim"),
        ({"scopes_claim": ""}, "jwt.scopes_claim"),
        ({"leeway": -1}, "jwt.leeway"),
        ({"leeway": 301}, "jwt.leeway"),
        ({"secret": "x"}, "jwt.secret"),
    ],
)
def test_an_issuer_that_checks_nothing_is_refused(changes: dict[str, Any], where: str) -> None:
    """An empty audience would be everybody's, a day of leeway no end."""
    (fault,) = faults(jwt={**JWT, **changes})
    assert fault.startswith(f"{where}: ")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("id.example.com/keys", "is not an address such as https://id.example.com/keys"),
        ("ftp://id.example.com/keys", "is not an address such as https://id.example.com/keys"),
        ("https://id.example.com/keys#x", "is not an address such as https://id.example.com/keys"),
        ("https://a:b@id.example.com/keys", "holds credentials, and public keys need none"),
        ("http://id.example.com/keys", "is not https"),
        ("https://10.0.0.1/keys", "is a private address; jwt.allow_private_address permits it"),
        ("https://localhost/keys", "is a private address; jwt.allow_private_address permits it"),
        ("https://[::1]/keys", "is a private address; jwt.allow_private_address permits it"),
        ("https://0x7f.1/keys", "is a private address; jwt.allow_private_address permits it"),
    ],
)
def test_keys_are_read_from_a_safe_address_only(url: str, told: str) -> None:
    """Who answers there decides who anybody is."""
    assert faults(**PRODUCTION, jwt={**JWT, "jwks_url": url}) == [f"jwt.jwks_url: {told}"]


@pytest.mark.parametrize("url", ["http://10.0.0.1/keys", "http://localhost:8080/keys?a=b"])
def test_an_issuer_inside_can_be_permitted(url: str) -> None:
    """By name, or by development."""
    permitted = {**JWT, "jwks_url": url, "allow_private_address": True}
    assert parsed(**PRODUCTION, jwt=permitted).file.jwt
    assert parsed(jwt={**JWT, "jwks_url": url}).file.jwt


def test_an_address_may_have_a_query() -> None:
    """Some issuers name the policy there."""
    url = "https://id.example.com/keys?p=b2c"
    assert parsed(**PRODUCTION, jwt={**JWT, "jwks_url": url}).file.jwt


def test_a_caller_by_token_needs_an_issuer() -> None:
    """An entry that nobody can come in by is a mistake; one with a key is not."""
    entry = {"scopes": ["opportunities:read"], "connections": ["*"]}
    callers = {"jwt:billing": entry}
    assert faults(callers=callers) == ["callers.jwt:billing: there is no [jwt] to let it in"]
    assert parsed(callers=callers, jwt=JWT).file.callers.keys() == {"jwt:billing"}
    assert parsed(callers={"jwt:billing": {**entry, "key_sha256": hash_key("k")}}).file.callers


def test_a_caller_has_as_many_keys_as_a_rotation_needs() -> None:
    """The old with its end, the new without one; no two callers share one."""
    ends = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=1)
    keys = [{"sha256": hash_key("old"), "expires": ends}, {"sha256": hash_key("new")}]
    both = {"key_sha256": hash_key("first"), "key_sha256s": keys}
    caller = parsed(callers={"billing": both}).file.callers["billing"]
    found = [(key.sha256, key.expires) for key in caller.hashed_keys()]
    assert found == [(hash_key("first"), None), (hash_key("old"), ends), (hash_key("new"), None)]
    assert faults(callers={"billing": both, "other": {"key_sha256": hash_key("new")}}) == [
        "callers.other: has the same key as callers.billing"
    ]


@pytest.mark.parametrize(
    ("environment", "permitted", "outside_only"),
    [("production", False, True), ("production", True, False), ("development", False, False)],
)
def test_a_connection_says_whether_its_vendor_has_to_be_outside(
    environment: str, permitted: bool, outside_only: bool
) -> None:
    """In production, unless the file permits another place (F23)."""
    table = {"vendor": "close", "credentials": {"api_key": {"env": "KEY"}},
             "allow_private_address": permitted}  # fmt: skip
    settings = parsed(**{**PRODUCTION, "environment": environment}, connections={"one": table})
    assert settings.connections["one"].outside_only is outside_only
