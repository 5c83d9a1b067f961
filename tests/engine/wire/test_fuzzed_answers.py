"""Whatever a vendor sends, in whatever pieces: a whole answer, the same to either network, or none.

What only one of them takes for an answer stands in `STRICTER`, with the reason.
"""

import asyncio
import itertools
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import errors
from gateway.engine.exchange import FreePermit
from gateway.engine.lean import Lean
from gateway.engine.lean.reading import MAX_HEAD, MAX_INTERIM, Reading
from gateway.engine.network import Answer, Loss, Network
from gateway.engine.stock import Stock, stock_transport
from gateway.engine.wire import wire
from gateway.errors import GatewayError
from gateway.translator import VendorRequest, VendorResponse
from tests.engine.hostile import answer, hostile, then_closing
from tests.engine.wire.wired import READ, WRITE, Wired, calling, now

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LOST: Mapping[str, list[type[GatewayError]]] = {
    "read": [errors.VendorFaulted],
    "write": [errors.Indeterminate],
}
"""What a call ends in that a vendor read whole, and answered badly before it hung up."""

STARTS = [
    *[b"HTTP/1.1 200 OK", b"HTTP/1.1 201 Created", b"HTTP/1.1 404 ", b"HTTP/1.1 200"] * 6,
    b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.0 200 OK",
    b"HTTP/1.1 500 Oh\xff", b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Hints", b"HTTP/1.1 101 Go",
    b"HTTP/2.0 200 OK", b"HTTP/1.1 099 Low", b"HTTP/1.1 1000 High", b"RTSP/1.0 200 OK",
    b"http/1.1 200 OK", b"HTTP/1.1  200 OK", b"",
]  # fmt: skip
LINES = [
    *[b"Content-Length: 2", b"Transfer-Encoding: chunked", b"X: y", b"X:  \xc3\xa4 "] * 6,
    b"Content-Length: 0", b"Content-Length: 12", b"content-length:2 ", b"Content-Length: -1",
    b"Content-Length: 2, 2", b"Content-Length: 0x2", b"Content-Length:", b"Content-Length: 002",
    b"Transfer-Encoding: Chunked", b"Transfer-Encoding: gzip", b"Transfer-Encoding:",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Connection: close",
    b"Connection: keep-alive", b"Connection: upgrade", b"Upgrade: x", b"Content-Encoding: gzip",
    b"Content-Encoding: identity", b"X:", b"X: \xff", b"X : y", b" X: y", b": y", b"X",
    b"X: a\x00b", b"X: a\x01b", b"X: a\rb", b"Set-Cookie: a=b", b"Keep-Alive: timeout=9",
]  # fmt: skip
BODIES = [
    *[b"{}", b"2\r\n{}\r\n0\r\n\r\n", b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"] * 6,
    b"", b'{"id":1}', b"2;x=y\r\n{}\r\n0\r\nX: y\r\n\r\n", b"02\r\n{}\r\n00\r\n\r\n",
    b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n", b"2\r\n{}", b"2 \r\n{}\r\n0\r\n\r\n",
    b"2; x = y\r\n{}\r\n0\r\n\r\n", b'2;x="\r\n"\r\n{}\r\n0\r\n\r\n', b"-2\r\n{}\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\n{}", b"2\n{}\n0\n\n", b"\r\n", b"{}{}", b"<html>",
]  # fmt: skip
"""The good ones several times, so that many are answers."""
ENDS = st.sampled_from([b"\r\n"] * 60 + [b"\n", b"\r", b"\r\n ", b""])


FRAMING = {"content-length", "transfer-encoding"}
LENIENT = re.compile(rb"\r\n\r\n[\r\n]+HTTP/1.1 ")
"""Empty lines behind an interim answer, which httptools passes over: nothing can hide in them."""


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Something like an answer."""
    lines = [draw(st.sampled_from(STARTS)), *draw(st.lists(st.sampled_from(LINES), max_size=4))]
    head = b"".join(line + draw(ENDS) for line in lines)
    return head + draw(ENDS) + draw(st.sampled_from(BODIES) | st.binary(max_size=20))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A few of them, one behind another, cut off or with a byte changed."""
    sent = b"".join(draw(st.lists(messages(), min_size=1, max_size=2)))
    if sent and draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(sent) - 1))
        sent = sent[:at] + draw(st.binary(max_size=2)) + sent[at + draw(st.integers(0, 2)) :]
    return sent


CUTS = st.lists(st.integers(0, 200), max_size=6)


def pieces(sent: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The same bytes, cut there."""
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    return [sent[a:b] for a, b in itertools.pairwise(places) if a < b]


class Counting(FreePermit):
    """A permit that counts."""

    def __init__(self) -> None:
        self.leaves = 0

    async def leave(self, request: VendorRequest) -> None:
        self.leaves += 1


async def outcome(
    network: Network, request: VendorRequest, parts: Sequence[bytes]
) -> VendorResponse | GatewayError:
    """What a call comes to: it is sent once, with leave asked once, and nothing stays behind."""
    before = len(asyncio.all_tasks())
    permit = Counting()
    async with hostile(then_closing(*parts)) as vendor:
        talk = wire(network, vendor.url, connect_seconds=3, clock=now)
        try:
            found: VendorResponse | GatewayError = await talk(calling(request, permit=permit))
        except GatewayError as error:
            assert type(error) in LOST[request.effect]  # noqa: PT017 - either is as good
            found = error
        assert len(vendor.requests) == 1
        assert permit.leaves == (request.effect == "write")
        async with asyncio.timeout(30):
            while vendor.lines:  # noqa: ASYNC110 - the vendor has no way to tell
                await asyncio.sleep(0.001)
    await network.aclose()
    async with asyncio.timeout(30):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - nor do they
            await asyncio.sleep(0.001)
    return found


def lean() -> Lean:
    """Our own network."""
    return Lean(CONTEXT, connections=2)


def stock() -> Stock:
    """The stock client."""
    return Stock(stock_transport(CONTEXT, connections=2))


def unframed(response: VendorResponse) -> VendorResponse:
    """Without the headers that framed it, which the stock client spells anew."""
    kept = {name: told for name, told in response.headers.items() if name not in FRAMING}
    return replace(response, headers=kept)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(sent=damaged(), cuts=CUTS, request=st.sampled_from([READ, WRITE]))
async def test_what_is_an_answer_is_one_to_both(
    sent: bytes, cuts: Sequence[int], request: VendorRequest
) -> None:
    """Our own network never takes for one what the stock one does not, or reads in another way."""
    parts = pieces(sent, cuts)
    ours = await outcome(lean(), request, parts)
    theirs = await outcome(stock(), request, [sent])
    if isinstance(ours, VendorResponse) and not LENIENT.search(sent):
        assert isinstance(theirs, VendorResponse)
        assert unframed(ours) == unframed(theirs)


def reading(parts: Sequence[bytes]) -> tuple[Answer | str, bool]:
    """What our own network makes of an answer in these pieces, and whether it keeps the line."""
    found = Reading()
    if not any(found.feed(part) for part in parts):
        found.end()
    if found.fault:
        return f"{type(found.fault).__name__}: {found.fault}", False
    return found.answer(), found.keeps


@settings(max_examples=2000)
@given(sent=damaged(), cuts=CUTS)
def test_it_does_not_matter_how_an_answer_is_cut(sent: bytes, cuts: Sequence[int]) -> None:
    """Byte by byte, anywhere, or not at all: the same answer, or none for the same reason."""
    whole, _ = reading([sent])
    assert reading(pieces(sent, cuts))[0] == whole
    assert reading([bytes([each]) for each in sent])[0] == whole


@pytest.mark.parametrize(
    "sent",
    [
        answer(Connection="close"),
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        answer() + answer(),
        answer() + b"H",
        answer(b"{}", "204 No Content"),
    ],
    ids=["close", "older", "to-the-end", "two", "begun", "body-of-none"],
)
def test_a_line_is_not_kept_behind_such_an_answer(sent: bytes) -> None:
    """It is one all the same."""
    whole, keeps = reading([sent])
    assert isinstance(whole, Answer)
    assert not keeps


@pytest.mark.parametrize(
    "sent",
    [
        answer(b"{}", length=3),
        b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 103 Hints\r\n\r\nRTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1) + answer(),
    ],
    ids=["short", "rtsp", "rtsp-behind", "words", "coded", "coded-chunks", "low", "interim"],
)
def test_what_is_no_whole_answer_is_none(sent: bytes) -> None:
    """Also where httptools would let it pass."""
    assert reading([sent]) == (f"Lost: {Loss.BROKEN.value}", False)


@pytest.mark.parametrize("size", [MAX_HEAD, 1000])
@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nX: %b\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 %b\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 103 Hints\r\nX: %b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: %b\r\n\r\n",
    ],
    ids=["line", "words", "interim", "trailer"],
)
def test_a_head_is_bounded_in_whatever_pieces_it_comes(sent: bytes, size: int) -> None:
    """Trailers and interim heads are part of it."""
    large, fair = sent % (b"y" * MAX_HEAD), sent % (b"y" * (MAX_HEAD - 100))
    assert reading(pieces(large, range(0, len(large), size)))[0] == f"Lost: {Loss.BROKEN.value}"
    whole, keeps = reading(pieces(fair, range(0, len(fair), size)))
    assert isinstance(whole, Answer)
    assert (whole.body, keeps) == (b"{}", True)


@st.composite
def honest(draw: st.DrawFn) -> tuple[bytes, Answer]:
    """An answer as good vendors send it, and how it is to be read."""
    status = draw(st.integers(200, 599))
    told = draw(
        st.dictionaries(
            st.from_regex(r"x-[a-z0-9]{1,8}", fullmatch=True),
            st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True),
            max_size=5,
        )
    )
    body = b"" if status in {204, 304} else draw(st.binary(max_size=300))
    headers: Mapping[str, str] = told
    if status in {204, 304}:
        framed = b""
    elif draw(st.booleans()):
        headers, framed = {**told, "content-length": str(len(body))}, body
    else:
        headers, framed = {**told, "transfer-encoding": "chunked"}, b""
        for piece in pieces(body, draw(CUTS)):
            framed += b"%x\r\n%b\r\n" % (len(piece), piece)
        framed += b"0\r\n\r\n"
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * draw(st.integers(0, 3))
    head = "".join(f"{name.title()}: {value}\r\n" for name, value in headers.items())
    raw = interim + f"HTTP/1.1 {status} Words\r\n{head}\r\n".encode() + framed
    return raw, Answer(status, headers, body)


@settings(max_examples=500)
@given(sent=honest(), cuts=CUTS)
def test_an_honest_answer_is_read_to_the_byte(
    sent: tuple[bytes, Answer], cuts: Sequence[int]
) -> None:
    """However it is framed and cut; and its line is kept."""
    raw, expected = sent
    assert reading(pieces(raw, cuts)) == (expected, True)


@settings(max_examples=60)
@given(sent=honest(), cuts=CUTS)
async def test_an_honest_answer_is_the_same_to_both(
    sent: tuple[bytes, Answer], cuts: Sequence[int]
) -> None:
    """On sockets."""
    raw, _ = sent
    ours = await outcome(lean(), READ, pieces(raw, cuts))
    assert isinstance(ours, VendorResponse)
    assert ours == await outcome(stock(), READ, [raw])


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
STRICTER: Mapping[str, bytes] = {
    # Two lengths, of which somebody between us may have believed the other (RFC 9112 6.3).
    "chunks-and-a-length": answer(b"2\r\n{}\r\n0\r\n\r\n", length=2, Transfer_Encoding="chunked"),
    "a-length-twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a-list-of-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
    "a-length-in-trailers": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n",
    # Line ends that not all take for one (RFC 9112 2.2), and lines that go on (5.2).
    "bare-line-feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "a-folded-line": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    # What no header may hold (RFC 9110 5.5).
    "a-control-character": b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 2\r\n\r\n{}",
    # An interim answer that hangs up leaves none to come.
    "an-interim-close": b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + answer(b"{}"),
    # Another version is spoken in another way.
    "another-version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}
"""What the stock client reads as an answer, and our own does not."""


@pytest.mark.parametrize("sent", STRICTER.values(), ids=STRICTER)
async def test_our_own_network_is_the_stricter(wired: Wired, sent: bytes) -> None:
    """Each of these is an answer to one of them; a good vendor sends none."""
    network = lean() if wired.kind == "lean" else stock()
    found = await outcome(network, READ, [sent])
    if wired.kind == "lean":
        assert isinstance(found, errors.VendorFaulted)
    else:
        assert isinstance(found, VendorResponse)
        assert (found.status, found.json) == (200, {})
