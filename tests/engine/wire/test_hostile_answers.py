"""Answers that are meant to harm: bounded in time and memory, and told as what they are."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway import errors
from gateway.engine.deadline import deadline
from gateway.engine.exchange import Exchange, layered
from gateway.engine.network import MAX_ANSWER, MAX_HEADERS, MAX_PIECES
from gateway.engine.wire import wire
from gateway.errors import GatewayError
from gateway.translator import VendorRequest, read, write
from tests.engine.hostile import (
    Behaviour,
    Line,
    answer,
    answering,
    dripping,
    endless,
    hostile,
    then_hanging,
)
from tests.engine.wire.wired import Wired, calling, now

READ = read("get", "things/1")
WRITE = write("create", "POST", "things", {})
SHORT = 0.5
LONG = 30.0
ROOM = 8 * MAX_ANSWER
"""Bytes that an answer may cost at its worst, the hostile server in the same process counted."""


async def silent(line: Line) -> None:
    """Says nothing until the other side hangs up."""
    await line.reader.read()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BIG = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
MANY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"x: y\r\n" * MAX_HEADERS + b"\r\n{}"

ENDLESS: dict[str, Behaviour] = {
    "body": endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 0x10000),
    "body-of-a-lie": endless(answer(b"", length=10**15), b" " * 0x10000),
    "chunks": endless(CHUNKED, BIG),
    "tiny-chunks": endless(CHUNKED, b"1\r\n{\r\n" * 1000),
    "chunk-extension": endless(CHUNKED + b"1;x=", b"y" * 0x1000),
    "trailers": endless(CHUNKED + b"0\r\n", b"x-more: y\r\n" * 500),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"x-more: y\r\n" * 500),
    "header": endless(b"HTTP/1.1 200 OK\r\nx-long: ", b"y" * 0x1000),
    "status-line": endless(b"HTTP/1.1 200 ", b"y" * 0x1000),
    "another-protocol": answering(b"HTTP/1.1 101 Go On\r\nUpgrade: x\r\n\r\n"),
    "too-many-headers": answering(MANY),
    "gzip": answering(answer(b"\x1f\x8b\x08", Content_Encoding="gzip")),
    "unknown-coding": answering(answer(b"{}", Content_Encoding="aes128gcm")),
}
"""What has no end, or too much of something: it is refused long before any deadline."""

UNENDING: dict[str, Behaviour] = {
    "slow-interim-answers": dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
    "slow-head": dripping(b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 5000),
    "slow-body": dripping(answer(b"", length=5000), b" " * 5000),
    "slow-chunks": dripping(CHUNKED, b"1\r\n \r\n" * 1000),
    "nothing": silent,
}
"""What keeps each read busy and never comes to an end: the deadline is its end."""


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Fails where more is held at any moment than an answer may cost."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < ROOM


async def ended(
    wired: Wired, behaves: Behaviour, request: VendorRequest, seconds: float
) -> GatewayError:
    """What a call to such a vendor comes to, and that nothing of it stays behind."""
    async with hostile(behaves) as vendor, wired.client() as network:
        talk: Exchange = wire(network, vendor.url, connect_seconds=3, clock=now)
        with bounded_memory(), pytest.raises(GatewayError) as caught:
            await layered(talk, [deadline(now)])(calling(request, seconds))
        async with asyncio.timeout(LONG):  # the vendor goes on as long as it can
            while vendor.lines:
                vendor.behaves = then_hanging()
                await asyncio.sleep(0.01)
        assert len(vendor.requests) == 1
    return caught.value


@pytest.mark.parametrize("behaves", ENDLESS.values(), ids=ENDLESS)
async def test_what_has_no_end_is_not_read_to_it(wired: Wired, behaves: Behaviour) -> None:
    """It ends by its size, the line is cut, and of a write nobody knows whether it was applied."""
    assert type(await ended(wired, behaves, READ, LONG)) is errors.VendorFaulted
    assert type(await ended(wired, behaves, WRITE, LONG)) is errors.Indeterminate


@pytest.mark.parametrize("behaves", UNENDING.values(), ids=UNENDING)
async def test_what_never_comes_to_an_end_ends_at_the_deadline(
    wired: Wired, behaves: Behaviour
) -> None:
    """However much arrives meanwhile."""
    assert type(await ended(wired, behaves, READ, SHORT)) is errors.VendorTimeout
    assert type(await ended(wired, behaves, WRITE, SHORT)) is errors.IndeterminateTimeout


async def test_interim_answers_are_passed_over(wired: Wired) -> None:
    """Hints, and leave to go on."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with wired.connected(answering(hints * 5, answer())) as (vendor, talk):
        for _ in range(2):
            reply = await talk(calling(READ))
            assert (reply.status, reply.json, reply.headers.get("link")) == (200, {"id": 1}, None)
        assert vendor.accepted == 1


async def test_interim_answers_without_end_come_to_one(wired: Wired) -> None:
    """Our own client counts them; the stock one swallows them, and ends at the deadline alone."""
    behaves = endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 10)
    counts = wired.kind == "lean"
    read_error = errors.VendorFaulted if counts else errors.VendorTimeout
    write_error = errors.Indeterminate if counts else errors.IndeterminateTimeout
    seconds = LONG if counts else SHORT
    assert type(await ended(wired, behaves, READ, seconds)) is read_error
    assert type(await ended(wired, behaves, WRITE, seconds)) is write_error


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_a_status_without_a_body_has_none(wired: Wired, status: str) -> None:
    """What a vendor sends behind it all the same is not taken for an answer."""
    behaves = answering(answer(b'{"id":"planted"}', status))
    async with hostile(behaves) as vendor, wired.client() as network:
        talk = wire(network, vendor.url, connect_seconds=3, clock=now)
        reply = await talk(calling(READ))
        assert (reply.status, reply.json, reply.text) == (int(status[:3]), None, "")
        vendor.behaves = answering(answer())
        assert (await talk(calling(READ))).json == {"id": 1}


async def test_a_second_answer_behind_the_first_is_nobodys(wired: Wired) -> None:
    """The line that it came on is not used again, so it is not taken for the next call's."""
    twice = answering(answer() + answer(b'{"id":"planted"}'))
    async with hostile(twice) as vendor, wired.client() as network:
        talk = wire(network, vendor.url, connect_seconds=3, clock=now)
        for _ in range(3):
            assert (await talk(calling(READ))).json == {"id": 1}


async def test_many_pieces_make_an_answer_as_long_as_they_are_few_enough(wired: Wired) -> None:
    """An honest vendor that sends byte by byte is read."""
    chunks = b"1\r\n \r\n" * (MAX_PIECES - 2) + b"2\r\n{}\r\n0\r\n\r\n"
    async with hostile(answering(CHUNKED + chunks)) as vendor, wired.client() as network:
        talk = wire(network, vendor.url, connect_seconds=3, clock=now)
        assert (await talk(calling(READ))).json == {}
