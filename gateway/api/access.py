"""Callers: who asks, by a hashed key or by a token, and what it may do and see."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from gateway.connections import Connection
from gateway.errors import ConnectionNotFound, Forbidden, Unauthenticated

READ = "opportunities:read"
WRITE = "opportunities:write"
RESOLVE = "operations:resolve"
REQUESTS = "requests:read"
CONSOLE = "console"
SCOPES = (READ, WRITE, RESOLVE, REQUESTS, CONSOLE)


@dataclass(frozen=True, slots=True)
class Caller:
    """An internal app: its scopes, and the connections that its patterns let it see."""

    name: str
    scopes: frozenset[str]
    patterns: tuple[str, ...]
    requests_per_minute: int | None = None

    def require(self, *scopes: str) -> None:
        """Raises `Forbidden` without any of the scopes."""
        if self.scopes.isdisjoint(scopes):
            raise Forbidden(f"The caller {self.name} lacks the scope {' or '.join(scopes)}.")

    def may(self, scope: str) -> bool:
        """Whether the caller has the scope."""
        return scope in self.scopes

    def sees(self, connection: str) -> bool:
        """Whether one of the caller's patterns fits."""
        return self.sees_all or any(fnmatchcase(connection, each) for each in self.patterns)

    @property
    def sees_all(self) -> bool:
        """Whether no connection can have a name that is hidden from the caller."""
        return "*" in self.patterns

    def among(self, connections: Mapping[str, Connection]) -> dict[str, Connection]:
        """The connections that the caller may see."""
        return {name: at for name, at in connections.items() if self.sees(name)}


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key by its SHA-256, whose it is, and when it ends."""

    sha256: str
    caller: Caller
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a verified token says: whose it is, and to which scopes it is confined."""

    name: str
    scopes: frozenset[str] | None = None
    """None where tokens are not configured to say."""


Tokens = Callable[[str], Awaitable[Claim | None]]
"""Verifies a token: None for one that proves nothing. Raises `KeysUnavailable`."""


async def no_tokens(_: str) -> None:
    """A gateway without `[jwt]`: no token proves anything."""


class Access:
    """Finds the caller behind a request's credential."""

    def __init__(
        self,
        keys: tuple[KnownKey, ...],
        callers: Mapping[str, Caller] | None = None,
        tokens: Tokens = no_tokens,
    ) -> None:
        self._keys = keys
        self._callers = callers or {}
        self._tokens = tokens

    async def caller(self, authorization: Sequence[str]) -> Caller:
        """The caller of the `Authorization` lines of a request, which are to be one of Bearer.

        Raises `Unauthenticated`, `Forbidden` for a good token whose caller has no entry, and
        `KeysUnavailable`.
        """
        scheme, _, spelled = (authorization[0] if len(authorization) == 1 else "").partition(" ")
        credential = spelled.strip()
        known = self._known(hash_key(credential))
        if scheme.lower() == "bearer" and known is not None and not _ended(known):
            return known.caller
        claim = await self._tokens(credential) if scheme.lower() == "bearer" else None
        if claim is None:
            raise Unauthenticated(
                "Send a credential that this gateway knows, as Authorization: Bearer <credential>."
            )
        return self._claimed(claim)

    def _claimed(self, claim: Claim) -> Caller:
        """The caller that a token names, with no scope that either it or its entry lacks."""
        caller = self._callers.get(claim.name)
        if caller is None:
            raise Forbidden("The token is good, and its caller has no entry at this gateway.")
        if claim.scopes is None:
            return caller
        return replace(caller, scopes=caller.scopes & claim.scopes)

    def _known(self, digest: str) -> KnownKey | None:
        """The key of a digest: all are compared, each in constant time, whichever fits."""
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def _ended(key: KnownKey) -> bool:
    return key.expires is not None and key.expires <= datetime.now(UTC)


def hash_key(key: str) -> str:
    """The SHA-256 of a key, as the configuration holds it."""
    return hashlib.sha256(key.encode()).hexdigest()


def connection_of(caller: Caller, connections: Mapping[str, Connection], name: str) -> Connection:
    """A connection by name. Raises `ConnectionNotFound`, also where the caller may not see it."""
    at = connections.get(name)
    if at is None or not caller.sees(name):
        raise ConnectionNotFound(f"There is no connection called {name[:64]}.")
    return at
