"""The answer to a write: what its caller got, and gets again byte for byte (reliability.md 1.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from gateway.canonical import json_text
from gateway.errors import Outcome

REPEATED: Final = frozenset(
    ("content-type", "location", "etag", "content-language", "link", "preference-applied")
)
"""Headers that a replay repeats; all others are made anew or belong to the moment."""

_END: Final = b"\n"
"""Ends the line: JSON text as we write it has no such byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers and the very bytes, with what they say of the effect."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    outcome: Outcome
    opportunity_id: str | None = None
    code: str | None = None
    """Of a problem; None for a success."""

    def stored(self) -> bytes:
        """What a record keeps of it, before it is sealed: a line of JSON, then the very bytes."""
        kept = {name: value for name, value in self.headers.items() if name.lower() in REPEATED}
        head = json_text.write(
            {
                "status": self.status,
                "headers": kept,
                "outcome": self.outcome,
                "opportunity_id": self.opportunity_id,
                "code": self.code,
            }
        )
        return head + _END + self.body

    @classmethod
    def read(cls, stored: bytes) -> Self:
        """The answer as it was kept."""
        head, _, body = stored.partition(_END)
        return cls(**json_text.read(head), body=body)
