"""The ledger that outlives its process: a file with one JSON line for every effect.

A line is forced to disk inside the commit, before any answer leaves, so whoever is killed at
whatever moment, the file says what the vendors really did. It is only ever appended to: neither
clearing a ledger nor resetting a vendor takes a line away.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from gateway.canonical import json_text
from gateway.sandbox.ledger import Effect

MARKER = "uog-"
TAG = re.compile("tag-[a-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A vendor call as it came in, `path` at the vendor's root and `content` byte for byte."""

    method: str
    path: str
    query: str
    content: bytes
    key: str | None

    @property
    def marker(self) -> str | None:
        """The first text of the body that begins as a gateway's marker does."""
        return next((text for text in _texts(self._body) if text.startswith(MARKER)), None)

    @property
    def tag(self) -> str | None:
        """The first `tag-…` within any text of the body, else of the query."""
        query = (value for _, value in parse_qsl(self.query))
        found = (TAG.search(text) for text in (*_texts(self._body), *query))
        return next((match[0] for match in found if match), None)

    @property
    def _body(self) -> Any:
        try:
            return json_text.read(self.content)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the file says of one effect, or of a write that a vendor knew by its key.

    The latter is a `dedupe_hit`, has no effect and names no record. `seq` counts the lines of the
    file from 1.
    """

    seq: int
    ts: str
    vendor: str
    effect: Effect | None
    dedupe_hit: bool
    method: str
    path: str
    record_id: str | None
    marker: str | None
    tag: str | None
    derived_key: str | None
    body_sha256: str


class Journal:
    """Such a file; one process at a time may write to it."""

    def __init__(self, path: Path) -> None:
        """Opens the file in order to know that it can be written; raises `OSError`."""
        self._path = path
        path.touch()
        with path.open("rb") as file:
            self._seq = sum(1 for _ in file)

    def note(
        self,
        call: Call,
        *,
        vendor: str,
        at: datetime,
        effect: Effect | None,
        record_id: str | None,
    ) -> None:
        """Appends a line and returns when it is on disk; without an effect it is a dedupe hit."""
        self._seq += 1
        line = Line(
            seq=self._seq,
            ts=at.isoformat(),
            vendor=vendor,
            effect=effect,
            dedupe_hit=effect is None,
            method=call.method,
            path=call.path,
            record_id=record_id,
            marker=call.marker,
            tag=call.tag,
            derived_key=call.key,
            body_sha256=hashlib.sha256(call.content).hexdigest(),
        )
        self._append(json_text.write(asdict(line)) + b"\n")

    def _append(self, line: bytes) -> None:
        # Unbuffered, and so one write of the operating system, whole or not at all.
        with self._path.open("ab", buffering=0) as file:
            file.write(line)
            os.fsync(file.fileno())


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
