"""Callers: who asks, by a hashed key, and what it may do and see."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from gateway.connections import Connection
from gateway.errors import ConnectionNotFound, Forbidden, Unauthenticated

READ = "opportunities:read"
WRITE = "opportunities:write"
RESOLVE = "operations:resolve"


@dataclass(frozen=True, slots=True)
class Caller:
    """An internal app: its scopes, and the connections that its patterns let it see."""

    name: str
    scopes: frozenset[str]
    patterns: tuple[str, ...]

    def require(self, *scopes: str) -> None:
        """Raises `Forbidden` without any of the scopes."""
        if self.scopes.isdisjoint(scopes):
            raise Forbidden(f"The caller {self.name} lacks the scope {' or '.join(scopes)}.")

    def may(self, scope: str) -> bool:
        """Whether the caller has the scope."""
        return scope in self.scopes

    def sees(self, connection: str) -> bool:
        """Whether one of the caller's patterns fits."""
        return any(fnmatchcase(connection, pattern) for pattern in self.patterns)

    def among(self, connections: Mapping[str, Connection]) -> dict[str, Connection]:
        """The connections that the caller may see."""
        return {name: at for name, at in connections.items() if self.sees(name)}


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key by its SHA-256, whose it is, and when it ends."""

    sha256: str
    caller: Caller
    expires: datetime | None = None


class Access:
    """Finds the caller behind a request's credential."""

    def __init__(self, keys: tuple[KnownKey, ...]) -> None:
        self._keys = keys

    def caller(self, authorization: str | None) -> Caller:
        """The caller of an `Authorization: Bearer` header. Raises `Unauthenticated`."""
        scheme, _, credential = (authorization or "").partition(" ")
        known = self._known(hash_key(credential.strip()))
        if (
            scheme.lower() != "bearer"
            or known is None
            or (known.expires is not None and known.expires <= datetime.now(UTC))
        ):
            raise Unauthenticated(
                "Send a key that this gateway knows, as Authorization: Bearer <key>."
            )
        return known.caller

    def _known(self, digest: str) -> KnownKey | None:
        """The key of a digest: all are compared, each in constant time, whichever fits."""
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def hash_key(key: str) -> str:
    """The SHA-256 of a key, as the configuration holds it."""
    return hashlib.sha256(key.encode()).hexdigest()


def connection_of(caller: Caller, connections: Mapping[str, Connection], name: str) -> Connection:
    """A connection by name. Raises `ConnectionNotFound`, also where the caller may not see it."""
    at = connections.get(name)
    if at is None or not caller.sees(name):
        raise ConnectionNotFound(f"There is no connection called {name[:64]}.")
    return at
