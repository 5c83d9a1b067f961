"""Credentials: auth schemes as data, applied after the dialogue has yielded."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.translator import (
    Auth,
    Basic,
    Bearer,
    Credentials,
    Header,
    OAuthCredentials,
    Renewed,
    VendorResponse,
)

MASK = "***"


@dataclass(frozen=True, slots=True)
class Validity:
    """Of what is renewed: for how long it has been good, and for how long it still is."""

    age_seconds: float
    left_seconds: float


@dataclass(frozen=True, slots=True)
class Proof:
    """One header that authenticates: what may be shown of it, and what may not."""

    header: str
    scheme: str
    """What stands before the secret, its blank included."""
    value: str = field(repr=False)
    secret: str = field(repr=False)

    async def current(self, _: Call) -> Self:
        """Itself: it never changes."""
        return self

    def refused(self, _: Mapping[str, str]) -> bool:
        """There is no other to be had."""
        return False

    @property
    def validity(self) -> Validity | None:
        """It has no end that anybody knows of."""
        return None

    def sent(self) -> dict[str, str]:
        """The header as the vendor gets it."""
        return {self.header: self.scheme + self.value}

    def shown(self) -> dict[str, str]:
        """The header with the secret hidden and the scheme left readable."""
        return {self.header: self.scheme + MASK}

    def hidden(self, told: Any) -> Any:
        """JSON in which the secret stands nowhere."""
        if isinstance(told, str):
            return told.replace(self.value, MASK).replace(self.secret, MASK)
        if isinstance(told, list):
            return [self.hidden(member) for member in told]
        if isinstance(told, Mapping):
            return {self.hidden(name): self.hidden(member) for name, member in told.items()}
        return told


@dataclass(frozen=True, slots=True)
class Client:
    """Who spends a refresh token: a client that is registered with the vendor."""

    id: str = field(repr=False)
    secret: str = field(repr=False)


class Proofs(Protocol):
    """Where the proof of each call comes from: a `Proof` itself, or what renews one."""

    async def current(self, call: Call) -> Proof:
        """The proof for a call, had by the time at which that is too late."""

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Told that a call of these headers was not accepted: whether there is another proof."""

    @property
    def validity(self) -> Validity | None:
        """How long the latest proof is good, as this replica knows; None for no end or none yet."""


def proof_of(auth: Mapping[str, Auth], credentials: Credentials) -> Proof:
    """The proof by the first member of the credentials that is set.

    Raises LookupError for none, and for one that only renews what proves.
    """
    return _proof(*used(auth, credentials))


def masked(auth: Mapping[str, Auth], credentials: Credentials) -> dict[str, str]:
    """The header that authenticates, as it may be shown."""
    scheme, _ = used(auth, credentials)
    return _proof(Bearer() if isinstance(scheme, Renewed) else scheme, "").shown()


def identity(auth: Mapping[str, Auth], credentials: Credentials, connection: str) -> str:
    """What the vendor knows a connection's calls by, for as long as it is the same account's.

    A token changes by the hour, so where there are such it is the client's id and the connection.
    """
    scheme, secret = used(auth, credentials)
    if isinstance(scheme, Renewed):
        return json.dumps([client_of(credentials).id, connection])
    return secret


def client_of(credentials: Credentials) -> Client:
    """The client of a connection whose tokens are renewed. Raises LookupError for any other."""
    if isinstance(credentials, OAuthCredentials):
        client, secret = credentials.client_id, credentials.client_secret
        if client and secret:
            return Client(client.get_secret_value(), secret.get_secret_value())
    raise LookupError("the credentials have no client")


def used(auth: Mapping[str, Auth], credentials: Credentials) -> tuple[Auth, str]:
    """The scheme by which a connection authenticates, and its secret. Raises LookupError."""
    for member, scheme in auth.items():
        secret = getattr(credentials, member)
        if secret is not None:
            return scheme, secret.get_secret_value()
    raise LookupError("no member of the credentials is set")


def authenticated(proofs: Proofs) -> Layer:
    """A layer that adds the credentials to every call, and takes them out of every refusal."""

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            proof = await proofs.current(call)
            call.headers[proof.header] = proof.scheme + proof.value
            response = await inner(call)
            if response.status < 300:
                return response
            return replace(
                response, json=proof.hidden(response.json), text=proof.hidden(response.text)
            )

        return exchange

    return around


def _proof(scheme: Auth, secret: str) -> Proof:
    match scheme:
        case Basic():
            value = base64.b64encode(f"{secret}:".encode()).decode()
            return Proof("Authorization", "Basic ", value, secret)
        case Bearer():
            return Proof("Authorization", "Bearer ", secret, secret)
        case Header(name):
            return Proof(name, "", secret, secret)
        case Renewed():
            raise LookupError("a refresh token proves nothing, and is never sent as if it did")
