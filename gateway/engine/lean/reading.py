"""Bytes into one answer: httptools reads HTTP, and here it is held to the bounds.

httptools is strict where lenience lets two readers see two answers (RFC 9112 11): a length and
chunks together, two lengths, bare line ends and folded lines are refused.
"""

import re
from collections.abc import Sequence
from typing import Final, NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.engine.network import (
    MAX_ANSWER,
    MAX_PIECES,
    Answer,
    Loss,
    Lost,
    Oversized,
    check_head,
    in_pieces,
    too_large,
)

MAX_HEAD: Final = 100 * 1024
"""Bytes of an answer's head, interim answers and trailers counted."""
MAX_INTERIM: Final = 20
"""Interim answers (1xx) before the answer."""
MAX_RAW: Final = MAX_HEAD + 2 * MAX_ANSWER
"""Bytes in all: what is no body, such as the sizes of chunks, is nothing that anybody reads."""

_BEGINNING: Final = b"HTTP/1."
_WORDS: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
"""What may stand behind a status (RFC 9112 4), of which httptools lets all pass."""
_TIMEOUT: Final = re.compile(r"(?:^|[\s,])timeout=([0-9]{1,5})(?:$|[\s,])", re.ASCII)


class Reading:
    """One answer in the making; where it cannot become one, `fault` says why."""

    __slots__ = (
        "_bodiless",
        "_head",
        "_interim",
        "_lines",
        "_parser",
        "_pieces",
        "_raw",
        "_size",
        "_start",
        "_status",
        "_to_the_end",
        "_told",
        "fault",
        "keeps",
        "whole",
    )

    def __init__(self, *, bodiless: bool = False) -> None:
        """`bodiless` is for an answer to HEAD, which tells a length and has no body."""
        self.whole = False
        self.keeps = False
        """Whether the line may carry another request, as far as the answer says."""
        self.fault: Lost | Oversized | None = None
        self._bodiless = bodiless
        self._parser = HttpResponseParser(self)
        self._start = b""
        self._raw = self._head = self._size = self._interim = self._status = 0
        self._lines: list[tuple[bytes, bytes]] = []
        self._told: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._to_the_end = False

    def feed(self, data: bytes) -> bool:
        """Takes what came; tells whether that is all, be it whole or at fault."""
        if len(self._start) < len(_BEGINNING) and not self._begins(data):
            return self._failed()
        self._raw += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.keeps = False
            return self.whole or self._failed()
        if self.whole:
            return True
        endless_head = not self._status and self._raw > MAX_HEAD
        return self._failed() if endless_head or self._raw > MAX_RAW else False

    def end(self) -> None:
        """Takes that nothing more comes, which is how some answers end."""
        self.keeps = False
        if self._status and self._to_the_end:
            self.whole = True
        else:
            self._failed()

    def answer(self) -> Answer:
        """The answer, once it is whole."""
        pieces = self._pieces
        return Answer(self._status, self._told, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def let_go(self) -> None:
        """Ends the circle of parser and reading, which would wait for the garbage collector."""
        del self._parser

    @property
    def kept_seconds(self) -> float | None:
        """How long the vendor says that it keeps an unused line, if it does."""
        said = self._told.get("keep-alive")
        found = _TIMEOUT.search(said) if said else None
        return float(found[1]) if found else None

    def on_message_begin(self) -> None:
        """Whatever comes behind the answer is nobody's."""
        if self.whole:
            raise Lost(Loss.BROKEN)

    def on_status(self, reason: bytes) -> None:
        """Takes a piece of the words behind the status."""
        self._head += len(reason)
        if self._head > MAX_HEAD or not _WORDS.fullmatch(reason):
            self._fail(Lost(Loss.BROKEN))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a line of the head, or a trailer, which is not kept."""
        self._head += len(name) + len(value) + 4
        if self._head > MAX_HEAD:
            self._fail(Lost(Loss.BROKEN))
        if not self._status:
            self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        """Takes the head for an interim one, or judges it."""
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._pass_over(status)
            return
        version = self._parser.get_http_version()
        told = self._told = _joined(self._lines)
        length, coding = told.get("content-length"), told.get("transfer-encoding")
        # Before interim answers were made there was HTTP/1.0, and RTSP, which httptools takes too.
        spoken = version == "1.1" or (version == "1.0" and not self._interim)
        if status < 200 or not spoken or (coding or "chunked").lower() != "chunked":
            self._fail(Lost(Loss.BROKEN))
        self._status = status
        try:
            check_head(status, len(self._lines), told.get("content-encoding", ""))
        except Oversized as fault:
            self._fail(fault)
        self.keeps = version == "1.1" and self._parser.should_keep_alive()
        self._to_the_end = length is None and coding is None
        if self._bodiless:
            self.keeps = False
            self.whole = True

    def on_body(self, piece: bytes) -> None:
        """Takes a piece of the body."""
        if self._bodiless:
            return
        self._size += len(piece)
        self._pieces.append(piece)
        if self._size > MAX_ANSWER:
            self._fail(too_large(self._status))
        if len(self._pieces) > MAX_PIECES:
            self._fail(in_pieces(self._status))

    def on_message_complete(self) -> None:
        """Ends the answer, or an interim one."""
        if self._status:
            self.whole = True

    def _begins(self, data: bytes) -> bool:
        """Whether it still looks like HTTP/1: httptools would take RTSP for it as well."""
        self._start += data[: len(_BEGINNING) - len(self._start)]
        return _BEGINNING.startswith(self._start)

    def _pass_over(self, status: int) -> None:
        """An interim answer says nothing that we asked for; to switch protocols even less."""
        self._interim += 1
        self._lines.clear()
        if status == 101 or self._interim > MAX_INTERIM:
            self._fail(Lost(Loss.BROKEN))

    def _failed(self) -> bool:
        self.fault = self.fault or Lost(Loss.BROKEN)
        return True

    def _fail(self, fault: Lost | Oversized) -> NoReturn:
        """Stops the parser, which wraps what is raised in its callbacks."""
        self.fault = fault
        raise fault


def _joined(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name in lower case, in UTF-8 if all of them are; repeated ones are lists."""
    try:
        return _decoded(lines, "utf-8")
    except UnicodeDecodeError:
        return _decoded(lines, "latin-1")


def _decoded(lines: Sequence[tuple[bytes, bytes]], encoding: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for raw, value in lines:
        name, text = raw.decode("ascii").lower(), value.strip(b" \t").decode(encoding)
        told[name] = f"{told[name]}, {text}" if name in told else text
    return told
