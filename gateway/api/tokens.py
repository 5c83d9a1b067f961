"""Tokens: who a JSON Web Token says is asking (RFC 7519, RFC 8725), by its issuer's public keys.

The one place that knows the library. The algorithms are the configured ones, all of public keys;
what a token's head says of keys beyond their id is not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from gateway.api.access import Claim, Tokens
from gateway.engine.keyset import Jwk, KeySet

PREFIX: Final = "jwt:"
"""Before the claim in the name of a caller, so that no token can name a caller by key."""
MAX_NAME: Final = 200
MAX_TOKEN: Final = 16 * 1024
"""Characters: what is longer is refused before it is taken apart."""

_PUBLIC: Final = ("kty", "n", "e", "crv", "x", "y")
"""The members of a key that verify (RFC 7518 6, RFC 8037 2); what is private is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whose tokens are taken, and how they are read."""

    name: str
    audience: str
    algorithms: tuple[str, ...]
    caller_claim: str
    scopes_claim: str | None
    leeway: int
    """Seconds by which clocks may differ."""


def verified_by(issuer: Issuer, keys: KeySet) -> Tokens:
    """What finds the caller of a token of this issuer."""

    async def claim(token: str) -> Claim | None:
        head = _head(token)
        algorithm = head.get("alg")
        kid = head.get("kid")
        if algorithm not in issuer.algorithms or not isinstance(kid, str):
            return None
        jwk = await keys.find(kid)
        if jwk is None:
            return None
        said = _said(issuer, token, jwk, algorithm)
        return _claim(issuer, said) if said else None

    return claim


def _head(token: str) -> Mapping[str, Any]:
    """What a token says of itself before it is verified; nothing for what is no token.

    Nor for one that says that it is to be read in a way that the library does not know (`crit`).
    """
    if token.count(".") != 2 or len(token) > MAX_TOKEN:
        return {}
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return {}


def _said(issuer: Issuer, token: str, jwk: Jwk, algorithm: str) -> Mapping[str, Any] | None:
    """The claims of a token, None unless its signature, its times and its addressee are right."""
    if jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK({name: jwk[name] for name in _PUBLIC if name in jwk}, algorithm)
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=issuer.audience,
            issuer=issuer.name,
            leeway=issuer.leeway,
            options={
                "require": ["iss", "aud", "exp", "iat"],
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.PyJWTError:
        return None


def _claim(issuer: Issuer, said: Mapping[str, Any]) -> Claim | None:
    name = said.get(issuer.caller_claim)
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        return None
    if issuer.scopes_claim is None:
        return Claim(PREFIX + name)
    return Claim(PREFIX + name, _scopes(said.get(issuer.scopes_claim)))


def _scopes(said: Any) -> frozenset[str]:
    """Scopes as RFC 8693 4.2 writes them, in one text, or as others do, in an array."""
    words = said.split(" ") if isinstance(said, str) else said
    if not isinstance(words, list):
        return frozenset()
    return frozenset(word for word in words if isinstance(word, str))
