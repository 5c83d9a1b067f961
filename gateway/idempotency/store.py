"""The store of writes in flight and done (reliability.md 2.3), as a protocol that replicas share.

The exchange meets it only through a permit: leave to send, and a note of the reply.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Begun = Literal["new", "mine", "in-flight", "replay", "mismatch", "reconcile", "indeterminate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """An answer as it was given: status, the headers that a replay repeats, and the very bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What `begin` found: the state of the key, the fence of its holder, the answer to replay."""

    state: Begun
    fence: int
    retry_after_ms: int = 0
    answer: StoredAnswer | None = None


class IdempotencyStore(Protocol):
    """Every method is atomic, judges time by the store's own clock, and answers a repeat alike."""

    async def begin(self, operation: str, fingerprint: bytes, owner: str) -> Claim:
        """Claims a key for a request, or tells how it stands with it."""

    async def dispatch(self, operation: str, owner: str, fence: int, send: int) -> bool:
        """Records, before its first byte leaves, that send number `send` goes out."""

    async def complete(self, operation: str, owner: str, fence: int, answer: StoredAnswer) -> bool:
        """Keeps the final answer."""

    async def release(self, operation: str, owner: str, fence: int) -> bool:
        """Frees a key under which provably nothing was applied."""
