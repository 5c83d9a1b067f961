"""What a pretend vendor received and what it really changed, so that a test can count both."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

Effect = Literal["create", "update", "delete"]

NOTED_HEADERS = ("idempotency-key", "x-tz-offset", "content-type", "x-http-method-override")
"""The request headers worth keeping: those that change what a vendor does, never a credential."""


@dataclass(slots=True, kw_only=True)
class Received:
    """One vendor call; `status` is what was answered, None while it runs or if it never was."""

    seq: int
    method: str
    path: str
    query: str
    body: Any
    headers: dict[str, str]
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """One write that took effect; `body` is what was asked, as the vendor understood it."""

    seq: int
    at: str
    effect: Effect
    method: str
    path: str
    record_id: str
    body: Any


@dataclass(slots=True)
class Ledger:
    """The calls received and the effects committed, each numbered from 1 in its own list."""

    requests: list[Received] = field(default_factory=list)
    effects: list[Committed] = field(default_factory=list)

    def receive(
        self, *, method: str, path: str, query: str, body: Any, headers: Mapping[str, str]
    ) -> Received:
        """Notes a call as it arrives, before anything can go wrong with it."""
        noted = {name: headers[name] for name in NOTED_HEADERS if name in headers}
        call = Received(
            seq=len(self.requests) + 1,
            method=method,
            path=path,
            query=query,
            body=body,
            headers=noted,
        )
        self.requests.append(call)
        return call

    def commit(
        self, *, at: datetime, effect: Effect, method: str, path: str, record_id: str, body: Any
    ) -> None:
        """Notes a write at the instant at which it takes effect."""
        self.effects.append(
            Committed(
                seq=len(self.effects) + 1,
                at=at.isoformat(),
                effect=effect,
                method=method,
                path=path,
                record_id=record_id,
                body=body,
            )
        )

    def clear(self) -> None:
        """Forgets everything; the numbers start again at 1."""
        self.requests.clear()
        self.effects.clear()

    def to_json(self) -> dict[str, Any]:
        """Both lists, oldest first."""
        return {
            "effects": [asdict(effect) for effect in self.effects],
            "requests": [asdict(call) for call in self.requests],
        }
