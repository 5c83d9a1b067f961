"""Keys: the caller's `Idempotency-Key`, and what is derived for the vendor from a record's own."""

import base64
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import Fault, KeyMalformed, KeyMissing
from gateway.idempotency.signing import SigningKey, message, signature

HEADER: Final = "Idempotency-Key"
MAX_LENGTH: Final = 255
MARKER_PREFIX: Final = "uog-"
MARKER_BYTES: Final = 10
"""Eighty bits: sixteen characters of base32."""

_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
"""A String of RFC 9651 3.3.3, of which only a quote and a backslash are escaped."""
_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What a write is known by within its caller; no repr and so no log shows it."""

    value: bytes = field(repr=False)
    made_here: bool = False
    """Whether the gateway made it up, so that the write cannot be a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose write it is, where it goes, and the key that the caller gave it."""

    caller: str
    connection: str
    method: str
    route: str
    key: bytes = field(repr=False)


def idempotency_key(lines: Sequence[str], *, required: bool) -> IdempotencyKey:
    """The key of a request's `Idempotency-Key` lines, or one made up where there are none.

    A String of RFC 9651 and the bare characters are the same key (reliability.md 1.3, row 2).
    Raises `KeyMalformed`, and `KeyMissing` where the configuration requires a key.
    """
    if not lines:
        if required:
            detail = "a write needs one: up to 255 printable characters that no other write has"
            raise KeyMissing(f"{HEADER}: {detail}.", faults=[_fault(KeyMissing.code, detail)])
        return IdempotencyKey(f"key_{secrets.token_hex(16)}".encode(), made_here=True)
    if len(lines) > 1:
        raise _malformed("may stand once")
    return IdempotencyKey(_unquoted(lines[0].strip(" \t")).encode())


def marker(key: SigningKey, *, caller: str, hex32: str, step: str) -> str:
    """What a create leaves in the connection's marker field, to be found by.

    `uog-` and 16 characters of base32 (reliability.md 2.6); `hex32` is the record's address.
    """
    signed = signature(key, message("marker", caller, hex32, step))
    return MARKER_PREFIX + base64.b32encode(signed[:MARKER_BYTES]).decode()


def derived_key(
    key: SigningKey, write: Identity, *, step: str, generation: int, fingerprint: bytes
) -> str:
    """The key that a vendor who dedupes by itself is sent (reliability.md 2.7), 43 characters.

    It is another one for every caller, request, step and generation, so that whatever scope the
    vendor gives its keys, none of ours meets an answer that is not its own.
    """
    whose = (write.caller, write.connection, write.method, write.route)
    parts = (*whose, step, generation, write.key.decode(), fingerprint.hex())
    signed = signature(key, message("native", *parts))
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def _unquoted(value: str) -> str:
    if not _PRINTABLE.fullmatch(value):
        raise _malformed("is empty" if not value else "holds a character that is not printable")
    if value.startswith('"'):
        string = _STRING.fullmatch(value)
        if not string:
            raise _malformed("begins as a quoted string, and is not one string without parameters")
        value = _ESCAPED.sub(r"\1", string.group(1))
    if not 1 <= len(value) <= MAX_LENGTH:
        raise _malformed(f"has 1 to {MAX_LENGTH} characters")
    return value


def _malformed(detail: str) -> KeyMalformed:
    return KeyMalformed(f"{HEADER}: {detail}.", faults=[_fault(KeyMalformed.code, detail)])


def _fault(code: str, detail: str) -> Fault:
    return Fault(code=code, detail=detail, header=HEADER)
