"""The ledger of requests, where one is configured: what fills it, and how it is ended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gateway.app import shared
from gateway.idempotency.signing import SigningKey
from gateway.settings import Settings
from gateway.shared.ledger import Ledger
from gateway.telemetry.hooks import Hooks
from gateway.telemetry.ledger import Scribe

DRAIN_SECONDS: Final = 2.0
"""How long a shutdown waits for records that are not written yet."""


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """A ledger and its scribe, or neither."""

    _scribe: Scribe | None

    @classmethod
    def of(cls, settings: Settings, key: SigningKey, hooks: Hooks) -> "Bookkeeping":
        """As the settings say; `key` masks the digests of bodies."""
        ledger = shared.ledger(settings, hooks.stored)
        return cls(Scribe(ledger, key, hooks.unrecorded) if ledger else None)

    @property
    def ledger(self) -> Ledger | None:
        """What is read."""
        return self._scribe.ledger if self._scribe else None

    @property
    def hooks(self) -> Hooks:
        """What fills it."""
        return Hooks(served=self._scribe.served) if self._scribe else Hooks()

    @property
    def works(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What runs in the background."""
        return (self._scribe.run,) if self._scribe else ()

    async def close(self) -> None:
        """Writes what is left, for a moment; the works have ended before."""
        if self._scribe:
            await self._scribe.drain(DRAIN_SECONDS)
            await self._scribe.ledger.close()
