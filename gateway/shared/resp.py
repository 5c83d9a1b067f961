"""What is spoken with Redis, RESP2: commands into bytes, and bytes into replies.

The optional `hiredis` does both in C; what stands here does the same without it.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol

from redis.asyncio.connection import DefaultParser
from redis.exceptions import InvalidResponse

Word = str | int | bytes

_IN_C: Final[Any] = import_module("hiredis") if find_spec("hiredis") else None
"""It comes with the extra `fast`."""

UNFINISHED: Final = object()
"""Told instead of a reply of which a part has not come yet."""


class Reader(Protocol):
    """Makes replies of bytes; a refusal is one too, as the library's exception."""

    def feed(self, data: bytes, /) -> object:
        """Takes in bytes as they come."""

    def gets(self) -> Any:
        """The next reply, or `UNFINISHED`. Raises `InvalidResponse` for what is none."""


def plainly_packed(words: Sequence[Word]) -> bytes:
    """A command: an array of strings with their lengths."""
    spelled = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in spelled]
    return b"*%d\r\n%b" % (len(parts), b"".join(parts))


class PlainReader:
    """The reader that needs nothing but Python."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes, /) -> None:
        self._held += data

    def gets(self) -> Any:
        try:
            reply, end = self._reply(0)
        except _CutError:
            return UNFINISHED
        del self._held[:end]
        return reply

    def _reply(self, start: int) -> tuple[Any, int]:
        """The reply that begins there, and where it ends."""
        end = self._held.find(b"\r\n", start)
        if end < 0:
            raise _CutError
        kind, text, after = self._held[start : start + 1], self._held[start + 1 : end], end + 2
        match kind:
            case b"+":
                return bytes(text), after
            case b"-":
                return refusal(text.decode(errors="replace")), after
            case b":" if _number(text):
                return int(text), after
            case b"$" if _number(text):
                return self._string(int(text), after)
            case b"*" if _number(text):
                return self._array(int(text), after)
            case _:
                raise InvalidResponse(f"no reply begins with {bytes(kind)!r}")

    def _string(self, length: int, start: int) -> tuple[bytes | None, int]:
        if length < 0:
            return None, start
        end = start + length
        if len(self._held) < end + 2:
            raise _CutError
        return bytes(self._held[start:end]), end + 2

    def _array(self, length: int, start: int) -> tuple[list[Any] | None, int]:
        if length < 0:
            return None, start
        members = []
        for _ in range(length):
            member, start = self._reply(start)
            members.append(member)
        return members, start


class _CutError(Exception):
    """The rest is still to come."""


def _number(text: bytearray) -> bool:
    return text.removeprefix(b"-").isdigit()


def refusal(text: str) -> Exception:
    """What the library raises for an error that the server told."""
    told: Exception = DefaultParser.parse_error(text)  # type: ignore[no-untyped-call]  # of redis
    return told


def reader() -> Reader:
    """One for a new connection."""
    if _IN_C is None:
        return PlainReader()
    made: Reader = _IN_C.Reader(
        protocolError=InvalidResponse, replyError=refusal, notEnoughData=UNFINISHED
    )
    return made


packed: Final[Callable[[tuple[Word, ...]], bytes]] = _IN_C.pack_command if _IN_C else plainly_packed
"""A command's bytes."""
