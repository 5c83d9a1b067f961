"""Headers: of requests, read strictly within bounds; of all answers, what keeps them to us."""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from gateway.errors import Fault, HeadersTooLarge, MalformedRequest

MAX_BYTES: Final = 32 * 1024
MAX_LINES: Final = 100
MAX_HEAD: Final = 2 * MAX_BYTES
"""Bytes of a head that are taken at all: what is beyond is cut off before it is whole."""
TOO_LARGE: Final = f"The headers of a request hold at most {MAX_LINES} lines and {MAX_BYTES} bytes."

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
}
"""In every answer. `Strict-Transport-Security` is for whoever speaks TLS, which we do not."""


def line(name: str, value: str) -> tuple[bytes, bytes]:
    """A header as ASGI has it."""
    return name.lower().encode(), value.encode()


STANDING: Final = tuple(
    line(*each) for each in {"Cache-Control": "private, no-cache", **SECURITY_HEADERS}.items()
)
"""What every answer has that has no other of the name."""

MIN_TIMEOUT_MS = 100
MAX_TIMEOUT_MS = 120_000

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_LIST = re.compile(rf"[ \t]*(?:{_ETAG.pattern}[ \t]*)?(?:,[ \t]*(?:{_ETAG.pattern}[ \t]*)?)*")
"""Every blank fits in one place only, so that a long list that fails does so at once."""
_PREFERENCE = re.compile(r"\s*handling\s*=\s*\"?(lenient|strict)\"?\s*(?:;|$)", re.IGNORECASE)


class Lines:
    """The header lines of a request by their names, which ASGI has in lower case."""

    __slots__ = ("_first", "_given")

    def __init__(self, given: Sequence[tuple[bytes, bytes]]) -> None:
        self._given = given
        self._first = dict(reversed(given))

    def all(self, name: bytes) -> list[str]:
        """The values of a name, in their order."""
        if name not in self._first:  # as most are not that are asked for
            return []
        return [value.decode("latin-1") for each, value in self._given if each == name]

    def first(self, name: bytes, default: str = "") -> str:
        """The first value of a name."""
        value = self._first.get(name)
        return default if value is None else value.decode("latin-1")

    def whole(self, name: bytes) -> str | None:
        """The lines of a name joined into one list (RFC 9110 5.3), None if there is none."""
        return ", ".join(self.all(name)) if name in self._first else None


def check_size(lines: Sequence[tuple[bytes, bytes]]) -> None:
    """Raises `HeadersTooLarge`."""
    size = sum(map(len, chain.from_iterable(lines))) + 4 * len(lines)
    if len(lines) > MAX_LINES or size > MAX_BYTES:
        raise HeadersTooLarge(TOO_LARGE)


def request_id(lines: Lines, own: str) -> str:
    """The caller's `X-Request-Id` if it has the form, else the gateway's own."""
    given = lines.first(b"x-request-id")
    return given if _REQUEST_ID.fullmatch(given) else own


def new_request_id() -> str:
    """A request id of the gateway's own."""
    return f"req_{os.urandom(12).hex()}"


def trace_id(lines: Lines) -> str | None:
    """The trace that a caller's `traceparent` names (W3C Trace Context 3.2), if it names one."""
    found = _TRACEPARENT.match(lines.first(b"traceparent"))
    return found.group(1) if found else None


def is_lenient(lines: Lines) -> bool:
    """Whether `Prefer: handling=lenient` is asked (RFC 7240 4.4); the first mention counts."""
    if (preferences := lines.whole(b"prefer")) is None:
        return False
    for preference in preferences.split(","):
        if match := _PREFERENCE.match(preference):
            return match.group(1).lower() == "lenient"
    return False


def etags(lines: Lines, name: str) -> list[str] | None:
    """The entity tags of a condition (RFC 9110 13.1), None if there is none.

    Raises `MalformedRequest`.
    """
    value = lines.whole(name.encode())
    if value is None:
        return None
    if value.strip() == "*":
        return ["*"]
    found = _ETAG.findall(value)
    if not found or not _LIST.fullmatch(value):
        raise malformed(name, 'a list of entity tags such as "abc", or *, is expected')
    return found


def timeout_seconds(lines: Lines, limit: float) -> float:
    """`X-Request-Timeout-Ms` in seconds, capped by the limit. Raises `MalformedRequest`."""
    value = lines.whole(b"x-request-timeout-ms")
    if value is None:
        return limit
    if not (value.isascii() and value.isdigit() and len(value) <= 9) or not (
        MIN_TIMEOUT_MS <= int(value) <= MAX_TIMEOUT_MS
    ):
        raise malformed(
            "X-Request-Timeout-Ms",
            f"a number of milliseconds from {MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS} is expected",
        )
    return min(int(value) / 1000, limit)


def malformed(header: str, detail: str) -> MalformedRequest:
    """The error for a header that cannot be read."""
    fault = Fault(code=MalformedRequest.code, detail=detail, header=header)
    return MalformedRequest(f"{header}: {detail}.", faults=[fault])
