"""What a record keeps of requests and answers, sealed at rest (reliability.md 6): AES-256-GCM.

A seal is one byte for this form, the key's id with its length before it, twelve bytes of chance,
then what AES-GCM makes of the text. It binds the record and the member that it was made for, so
that who can write to the store can neither plant an answer nor move one to another record.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
MAX_ID_BYTES: Final = 255
FORM: Final = 1
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
UNDER_WAY: Final = 256
"""Records whose keys are at hand."""


class SealError(Exception):
    """A sealed member cannot be opened; the message never holds what it seals."""


class KeyGone(SealError):
    """It was sealed with a key that is not, or no longer, configured."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"The encryption key {key_id!r} is missing: put it back into secrets.encryption_keys "
            "until no record needs it."
        )
        self.key_id = key_id


class BrokenSeal(SealError):
    """It was made for another record or member, changed, or never sealed here."""


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """32 secret bytes with the id that rotation knows them by."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.id.encode()) <= MAX_ID_BYTES:
            raise ValueError(f"the id of an encryption key has 1 to {MAX_ID_BYTES} bytes")
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"the encryption key {self.id!r} is not {KEY_BYTES} bytes long")

    @classmethod
    def from_base64(cls, id: str, text: str) -> Self:
        """A key as the configuration spells it. Raises ValueError, which repeats no secret."""
        try:
            secret = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"the encryption key {id!r} is not base64") from None
        return cls(id, secret)


class Sealing:
    """Seals and opens members of records; the first key seals, all of them open."""

    def __init__(self, keys: Sequence[EncryptionKey]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is needed")
        self._first = keys[0].id
        self._head = bytes((FORM, len(self._first.encode()))) + self._first.encode()
        self._secrets = {key.id: key.secret for key in keys}
        if len(self._secrets) != len(keys):
            raise ValueError("two encryption keys have the same id")
        # A write seals its request and then its answer: two members of one record.
        self._cipher = lru_cache(UNDER_WAY)(self._made)

    @classmethod
    def of_this_process(cls) -> Self:
        """With a key of chance that ends with the process, as the store in memory does."""
        return cls([EncryptionKey("process", secrets.token_bytes(KEY_BYTES))])

    def seal(self, hex32: str, member: str, text: bytes) -> bytes:
        """Seals one member of one record."""
        head = self._head
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher(self._first, hex32).encrypt(nonce, text, _bound(head, hex32, member))
        return head + nonce + sealed

    def open(self, hex32: str, member: str, seal: bytes) -> bytes:
        """What was sealed for this member of this record. Raises `KeyGone` or `BrokenSeal`."""
        head, nonce, sealed = _parts(seal)
        try:
            key_id = head[2:].decode()
        except UnicodeDecodeError:
            raise BrokenSeal(f"The seal of {member} names no key.") from None
        if key_id not in self._secrets:
            raise KeyGone(key_id)
        try:
            bound = _bound(head, hex32, member)
            return self._cipher(key_id, hex32).decrypt(nonce, sealed, bound)
        except InvalidTag:
            raise BrokenSeal(f"The seal of {member} was not made for this record.") from None

    def _made(self, key_id: str, hex32: str) -> AESGCM:
        """A key of the record's own: nonces of chance meet within it, and it has a handful."""
        own = hmac.digest(self._secrets[key_id], b"uog seal\x00" + hex32.encode(), hashlib.sha256)
        return AESGCM(own)


def _bound(head: bytes, hex32: str, member: str) -> bytes:
    """What a seal is bound to beside its text: its head, its record, its member."""
    return b"\x00".join((head, hex32.encode(), member.encode()))


def _parts(seal: bytes) -> tuple[bytes, bytes, bytes]:
    start = 2 + seal[1] if len(seal) > 1 else 0
    if not start or seal[0] != FORM or len(seal) < start + NONCE_BYTES + TAG_BYTES:
        raise BrokenSeal("What is stored was never sealed, or in a form that is not known.")
    return seal[:start], seal[start : start + NONCE_BYTES], seal[start + NONCE_BYTES :]
