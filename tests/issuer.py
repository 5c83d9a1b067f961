"""An issuer of tokens for tests: its keys, what it signs with them, and its key set."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NAME = "https://id.test"
AUDIENCE = "opportunities"
URL = "https://id.test/keys"
A_DAY = 86400
"""A token that a test made when it was collected is not to end before it is run."""

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def jwk(key: Key, kid: str, **members: Any) -> dict[str, Any]:
    """The public half of a key, as a key set shows it."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        told = RSAAlgorithm.to_jwk(public)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        told = ECAlgorithm.to_jwk(public)
    else:
        told = OKPAlgorithm.to_jwk(public)
    spelled = {**json.loads(told), "kid": kid, **members}
    spelled.pop("key_ops", None)
    return spelled


KEYS = [
    jwk(RSA, "rsa"), jwk(OTHER_RSA, "other"), jwk(SHORT_RSA, "short"), jwk(P256, "p256"),
    jwk(P384, "p384"), jwk(ED25519, "ed"),
]  # fmt: skip


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good token; a change to None leaves one out."""
    now = int(time.time())
    said = {"iss": NAME, "aud": AUDIENCE, "sub": "billing", "iat": now, "exp": now + A_DAY}
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def token(
    key: Any = RSA,
    algorithm: str = "RS256",
    kid: str | None = "rsa",
    head: Mapping[str, Any] | None = None,
    **changes: Any,
) -> str:
    """A signed token."""
    heads = {**({} if kid is None else {"kid": kid}), **(head or {})}
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=heads)


def spelled(head: Mapping[str, Any], said: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token that no library would make."""
    parts = (json.dumps(head).encode(), json.dumps(said).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def signed_by_hand(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> str:
    """A token under RS256 whatever the library thinks of its key or its head."""
    head = {"alg": "RS256", "kid": kid, **more}
    unsigned = spelled(head, claims()).rpartition(".")[0]
    signature = key.sign(unsigned.encode(), padding.PKCS1v15(), hashes.SHA256())
    return spelled(head, claims(), signature)


class IssuerTransport(httpx.AsyncBaseTransport):
    """A network with the issuer on it, and behind another transport everybody else."""

    def __init__(self, others: httpx.AsyncBaseTransport, keys: list[dict[str, Any]]) -> None:
        self._others = others
        self.keys = keys
        self.status = 200
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "id.test":
            return await self._others.handle_async_request(request)
        self.asked.append(request)
        told = json.dumps({"keys": self.keys}).encode()
        return httpx.Response(self.status, stream=httpx.ByteStream(told))
