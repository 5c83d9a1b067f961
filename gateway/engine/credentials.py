"""Credentials: auth schemes as data, applied after the dialogue has yielded."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.translator import Auth, Basic, Bearer, Credentials, Header, VendorResponse

MASK = "***"


@dataclass(frozen=True, slots=True)
class Proof:
    """One header that authenticates: what may be shown of it, and what may not."""

    header: str
    scheme: str
    """What stands before the secret, its blank included."""
    value: str
    secret: str

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


def proof_of(auth: Mapping[str, Auth], credentials: Credentials) -> Proof:
    """The proof by the first member of the credentials that is set. Raises LookupError for none."""
    for member, scheme in auth.items():
        secret = getattr(credentials, member)
        if secret is not None:
            return _proof(scheme, secret.get_secret_value())
    raise LookupError("no member of the credentials is set")


def authenticated(proof: Proof) -> Layer:
    """A layer that adds the credentials to every call, and takes them out of every refusal."""

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            call.headers.update(proof.sent())
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
