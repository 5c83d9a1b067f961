"""Signatures over lists of parts, one way for all that a record is known and marked by."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from gateway.canonical import json_text


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Secret bytes, the same on every replica, with the id that rotation knows them by."""

    id: str
    secret: bytes = field(repr=False)


def message(purpose: str, *parts: Any) -> bytes:
    """The parts as bytes that no other list of parts has, whatever text a caller put in them."""
    return json_text.write([purpose, *parts], sort_keys=True)


def signature(key: SigningKey, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    return hmac.digest(key.secret, message, hashlib.sha256)
