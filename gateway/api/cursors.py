"""Cursors: opaque, signed, and bound to a caller, a query and its connections for 24 hours."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.canonical import json_text
from gateway.errors import InvalidCursor
from gateway.idempotency.signing import SigningKey
from gateway.listing import Position

LIFE_SECONDS = 24 * 3600
SIGNATURE_BYTES = 16


class Cursors:
    """Writes and reads cursors; the first key signs, all verify."""

    def __init__(self, keys: Sequence[SigningKey], clock: Callable[[], float] = time.time) -> None:
        self._keys = {key.id: key.secret for key in keys}
        self._first = keys[0]
        self._clock = clock

    def write(self, position: Position, *, caller: str, query: Mapping[str, Any]) -> str:
        """The cursor of a position."""
        payload = json_text.write(
            {
                "c": position.connections,
                "e": int(self._clock()) + LIFE_SECONDS,
                "k": self._first.id,
                "p": position.place,
                "q": _digest(query),
            }
        )
        signature = _signature(self._first.secret, caller, payload)
        return _text(signature + payload)

    def read(self, cursor: str, *, caller: str, query: Mapping[str, Any]) -> Position:
        """The position of a cursor. Raises `InvalidCursor` for any that is not for this query."""
        try:
            data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            signature, payload = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
            found = json_text.read(payload)
            secret = self._keys.get(str(found["k"]), b"")
        except (ValueError, binascii.Error, LookupError, TypeError):
            raise _invalid("cannot be read") from None
        signed = hmac.compare_digest(signature, _signature(secret, caller, payload))
        if not secret or not signed or _text(data) != cursor:
            raise _invalid("was not made here, or for another caller")
        if found["e"] < self._clock():
            raise _invalid("is older than 24 hours")
        if found["q"] != _digest(query):
            raise _invalid("belongs to another query: send the same parameters with it")
        return Position(tuple(found["c"]), found["p"])


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _digest(query: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_text.write(query, sort_keys=True)).hexdigest()[:16]


def _signature(secret: bytes, caller: str, payload: bytes) -> bytes:
    message = b"cursor\x00" + caller.encode() + b"\x00" + payload
    return hmac.new(secret, message, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _invalid(why: str) -> InvalidCursor:
    return InvalidCursor(f"The cursor {why}. Begin the list again without one.")
