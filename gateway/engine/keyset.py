"""The issuer's keys: read from its key-set address over the wire, remembered, and rotated.

The set is what RFC 7517 5 calls a JWK Set. What a key is good for is not known here.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from gateway.engine.exchange import Call, Exchange
from gateway.errors import GatewayError, KeysUnavailable
from gateway.translator import VendorRequest, read

Jwk = Mapping[str, Any]
Fetch = Callable[[], Awaitable[Mapping[str, Jwk]]]

FRESH_SECONDS: Final = 300.0
"""After so long the set is read again by whoever needs a key."""
PAUSE_SECONDS: Final = 60.0
"""Between two readings, whatever key is asked for: nobody makes us knock at the issuer's door."""
WITHDRAWN_SECONDS: Final = 300.0
"""How long a key still verifies that the set no longer shows: issuers rotate unevenly too."""
STALE_SECONDS: Final = 24 * 3600.0
"""How long the keys last of an issuer that cannot be read."""
MAX_KEYS: Final = 100


class KeySetUnread(Exception):
    """The issuer's address gave no key set."""


@dataclass(frozen=True, slots=True)
class _Held:
    jwk: Jwk
    until: float


class KeySet:
    """An issuer's public keys by their id, as this replica read them."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._tried = self._fetched = -math.inf
        self._reading = asyncio.Lock()

    async def find(self, kid: str) -> Jwk | None:
        """The key of an id, None where the issuer shows none of it.

        Raises `KeysUnavailable` where nobody can tell, because the set cannot be read.
        """
        if self._due(kid) and not (self._reading.locked() and self._live(kid)):
            async with self._reading:
                if self._due(kid):
                    await self._read()
        held = self._live(kid)
        if held is None and self._fetched < self._tried:
            raise KeysUnavailable(
                "The keys that verify tokens cannot be read from their issuer.",
                retry_after=math.ceil(self._tried + PAUSE_SECONDS - self._clock()),
            )
        return held

    def _due(self, kid: str) -> bool:
        now = self._clock()
        wanted = now - self._fetched >= FRESH_SECONDS or self._live(kid) is None
        return wanted and now - self._tried >= PAUSE_SECONDS

    def _live(self, kid: str) -> Jwk | None:
        held = self._held.get(kid)
        return held.jwk if held and held.until > self._clock() else None

    async def _read(self) -> None:
        try:
            shown = await self._fetch()
        except (GatewayError, KeySetUnread):
            self._tried = self._clock()
            return
        self._tried = self._fetched = now = self._clock()
        kept = {
            kid: _Held(held.jwk, min(held.until, now + WITHDRAWN_SECONDS))
            for kid, held in self._held.items()
            if held.until > now
        }
        self._held = kept | {kid: _Held(jwk, now + STALE_SECONDS) for kid, jwk in shown.items()}


def fetching(
    exchange: Callable[[str], Exchange], url: str, seconds: float, clock: Callable[[], float]
) -> Fetch:
    """Reads the set of an address; `exchange` gives the way to a host's base URL.

    Raises `KeySetUnread`, or the `GatewayError` of an exchange that failed.
    """
    base_url, request = _asked(url)
    talk = exchange(base_url)

    async def fetch() -> Mapping[str, Jwk]:
        until = clock() + seconds
        reply = await talk(Call(request=request, until=until, patience=until))
        if reply.status != 200:
            raise KeySetUnread(f"the key set is answered with {reply.status}")
        return keys_of(reply.json)

    return fetch


def keys_of(told: Any) -> dict[str, Jwk]:
    """The keys of a set by their id; entries without one are left out. Raises `KeySetUnread`."""
    keys = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(keys, list):
        raise KeySetUnread("what is answered is no key set")
    named = [key for key in keys[:MAX_KEYS] if isinstance(key, dict)]
    return {key["kid"]: key for key in named if isinstance(key.get("kid"), str)}


def _asked(url: str) -> tuple[str, VendorRequest]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return f"{parts.scheme}://{parts.netloc}", read("key-set", parts.path.lstrip("/"), query)
