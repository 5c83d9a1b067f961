"""The wire on real sockets: what was not sent, what may have been, and what is never read."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import json_text
from gateway.engine.deadline import deadline
from gateway.engine.exchange import layered
from gateway.engine.network import MAX_ANSWER
from gateway.engine.wire import MAX_TEXT, url_of, wire
from gateway.translator import VendorRequest, read, write
from tests.engine.hostile import (
    Behaviour,
    Line,
    answer,
    answering,
    dripping,
    hostile,
    nobody,
    then_closing,
    then_hanging,
    then_resetting,
)
from tests.engine.wire.wired import READ, SHORT, WRITE, Recorded, Wired, calling, lost, now


async def test_a_call_is_put_on_the_network_as_described(wired: Wired) -> None:
    """Method, path, query, headers and exact numbers; no compression is asked for."""
    async with wired.connected(answering(answer(b'{"n": 0.10}', RateLimit="limit=5"))) as (
        vendor,
        talk,
    ):
        call = calling(WRITE, headers={"x-api-key": "secret"})
        reply = await talk(call)
        await talk(calling(READ))
    assert reply.status == 200
    assert str(reply.json["n"]) == "0.10"
    assert reply.headers["ratelimit"] == "limit=5"
    assert call.sent
    patch, get = (request.decode() for request in vendor.requests)
    assert patch.startswith("PATCH /things/1 HTTP/1.1\r\n")
    assert patch.endswith('\r\n\r\n{"amount":12345678901234567890.10}')
    head = patch.lower()
    assert "content-type: application/json\r\n" in head
    assert "accept-encoding: identity\r\n" in head
    assert "user-agent: opportunity-gateway\r\n" in head
    assert "x-api-key: secret\r\n" in head
    assert get.startswith("GET /things/1?q=a%20b%26c HTTP/1.1\r\n")
    assert "content-type" not in get.lower()


@pytest.mark.parametrize("request_", [READ, WRITE])
async def test_a_refused_connection_was_not_sent(wired: Wired, request_: VendorRequest) -> None:
    """And nothing of the address is repeated."""
    async with wired.client() as network:
        with nobody() as url:
            error = await lost(wire(network, url, connect_seconds=3, clock=now), request_)
    assert type(error) is errors.NotSent
    assert "127.0.0.1" not in error.message


@pytest.mark.parametrize("request_", [READ, WRITE])
async def test_a_failed_handshake_was_not_sent(wired: Wired, request_: VendorRequest) -> None:
    """TLS to a port that speaks none."""
    async with hostile(answering(answer())) as vendor, wired.client() as network:
        secure = vendor.url.replace("http://", "https://")
        error = await lost(wire(network, secure, connect_seconds=SHORT, clock=now), request_)
        assert type(error) is errors.NotSent
        assert vendor.requests == []


@pytest.mark.parametrize("base_url", ["http://host..example", "http://[::1", "http://a:99999"])
async def test_an_address_that_is_none_was_not_sent(wired: Wired, base_url: str) -> None:
    """Whatever the client calls it."""
    async with wired.client() as network:
        error = await lost(wire(network, base_url, connect_seconds=1, clock=now), WRITE)
    assert type(error) is errors.NotSent


async def test_a_full_pool_was_not_sent(wired: Wired) -> None:
    """The call that waits for a connection in vain is no vendor's fault."""
    async with hostile(then_hanging()) as vendor, wired.client(connections=1) as network:
        talk = wire(network, vendor.url, connect_seconds=SHORT, clock=now)
        holding = asyncio.ensure_future(talk(calling(READ)))
        while not vendor.requests:  # noqa: ASYNC110 - the vendor has no way to tell
            await asyncio.sleep(0.01)
        error = await lost(talk, WRITE)
        assert type(error) is errors.NotSent
        assert "no connection became free" in error.message
        assert len(vendor.requests) == 1
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding


HALF = answer(b'{"id":1}', length=500)
BREAKS: dict[str, Behaviour] = {
    "closes-at-once": then_closing(),
    "resets-at-once": then_resetting(),
    "closes-in-the-head": then_closing(b"HTTP/1.1 20"),
    "resets-in-the-head": then_resetting(b"HTTP/1.1 200 OK\r\nContent-"),
    "closes-in-the-body": then_closing(HALF),
    "resets-in-the-body": then_resetting(HALF),
    "is-no-http": answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "has-no-status": answering(b"HTTP/1.1 OK\r\n\r\n"),
    "breaks-its-chunks": then_closing(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    ),
    "ends-in-a-chunk": then_closing(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"
    ),
}


@pytest.mark.parametrize("behaves", BREAKS.values(), ids=BREAKS)
async def test_an_answer_that_breaks_off_proves_nothing(wired: Wired, behaves: Behaviour) -> None:
    """A read has to be repeated; of a write nobody knows. It is never sent again by itself."""
    async with wired.connected(behaves) as (vendor, talk):
        assert type(await lost(talk, READ)) is errors.VendorFaulted
        assert type(await lost(talk, WRITE)) is errors.Indeterminate
        assert len(vendor.requests) == 2


HANGS: dict[str, Behaviour] = {
    "before-the-first-byte": then_hanging(),
    "in-the-head": then_hanging(b"HTTP/1.1 200 OK\r\nContent-"),
    "in-the-body": then_hanging(HALF),
}


@pytest.mark.parametrize("behaves", HANGS.values(), ids=HANGS)
async def test_an_answer_that_does_not_come_is_given_up(wired: Wired, behaves: Behaviour) -> None:
    """By the wire's own timeouts, without the layer of the deadline."""
    async with wired.connected(behaves) as (vendor, talk):
        assert type(await lost(talk, READ, SHORT)) is errors.VendorTimeout
        assert type(await lost(talk, WRITE, SHORT)) is errors.IndeterminateTimeout
        assert len(vendor.requests) == 2


async def test_a_trickle_is_bounded_by_the_deadline(wired: Wired) -> None:
    """No single read times out; the whole does."""
    drip = dripping(answer(b"", length=5000), b" " * 5000)
    async with wired.connected(drip) as (_, talk):
        whole = layered(talk, [deadline(now)])
        assert type(await lost(whole, READ, SHORT)) is errors.VendorTimeout
        assert type(await lost(whole, WRITE, SHORT)) is errors.IndeterminateTimeout


BIG = b" " * (MAX_ANSWER - 2)


@pytest.mark.parametrize(
    "behaves",
    [
        pytest.param(answering(answer(b"{}" + BIG + b" ")), id="declared"),
        pytest.param(then_closing(b"HTTP/1.1 200 OK\r\n\r\n{}", BIG, b" "), id="until-its-end"),
        pytest.param(then_hanging(answer(b"{}" + BIG + b" ", length=10**12)), id="endless"),
    ],
)
async def test_an_answer_over_the_limit_is_not_read_on(wired: Wired, behaves: Behaviour) -> None:
    """One byte too many is as good as no answer."""
    async with wired.connected(behaves) as (_, talk):
        error = await lost(talk, READ)
        assert type(error) is errors.VendorFaulted
        assert str(MAX_ANSWER) in error.message
        assert type(await lost(talk, WRITE)) is errors.Indeterminate


async def test_an_answer_of_the_limit_is_read(wired: Wired) -> None:
    """A whole mebibyte."""
    async with wired.connected(answering(answer(b"{}" + BIG))) as (_, talk):
        assert (await talk(calling(READ))).json == {}


async def test_a_compressed_answer_is_refused(wired: Wired) -> None:
    """None was asked for, and what is not unpacked cannot burst."""
    behaves = answering(answer(b"\x1f\x8b\x08", Content_Encoding="gzip"))
    async with wired.connected(behaves) as (_, talk):
        error = await lost(talk, READ)
        assert type(error) is errors.VendorFaulted
        assert "gzip" in error.message
        assert type(await lost(talk, WRITE)) is errors.Indeterminate


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
async def test_an_answer_that_says_it_is_plain_is_plain(wired: Wired, encoding: str) -> None:
    """Some vendors say so."""
    behaves = answering(answer(Content_Encoding=encoding))
    async with wired.connected(behaves) as (_, talk):
        assert (await talk(calling(READ))).json == {"id": 1}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(wired: Wired, status: int) -> None:
    """Credentials go to no other address than the connection's own."""
    async with hostile(answering(answer())) as elsewhere:
        to = answer(b"", f"{status} Moved", Location=f"{elsewhere.url}/things/1")
        async with wired.connected(answering(to)) as (vendor, talk):
            reply = await talk(calling(READ, headers={"Authorization": "Bearer x"}))
            assert (reply.status, len(vendor.requests)) == (status, 1)
        assert elsewhere.accepted == 0


async def test_the_gate_is_asked_once_before_the_first_byte(wired: Wired) -> None:
    """Not a byte has reached the vendor when leave is asked, nor while it is thought over."""
    async with wired.connected(answering(answer())) as (vendor, talk):
        permit = Recorded(vendor)
        call = calling(WRITE, permit=permit)
        reply = await talk(call)
        assert permit.leaves == [0, 0]
        assert permit.notes == [reply]
        assert call.sent
        again = Recorded(vendor)
        before = vendor.bytes_seen
        await talk(calling(WRITE, permit=again))
        assert again.leaves == [before, before]
        assert len(vendor.requests) == 2


async def test_a_refused_permit_keeps_the_vendor_from_seeing_a_byte(wired: Wired) -> None:
    """On a new connection and on one that is kept open; the refusal is what the call ends in."""
    async with wired.connected(answering(answer())) as (vendor, talk):
        refusal = errors.NotSent("The record could not be written.")
        for _ in range(2):
            before = vendor.bytes_seen
            permit = Recorded(vendor, refusal)
            call = calling(WRITE, permit=permit)
            with pytest.raises(errors.NotSent) as caught:
                await talk(call)
            assert caught.value is refusal
            assert not call.sent
            assert permit.notes == []
            await asyncio.sleep(0.02)
            assert vendor.bytes_seen == before
            await talk(calling(READ))
        assert len(vendor.requests) == 2


async def test_reads_need_no_permit(wired: Wired) -> None:
    """Nor is anything noted of them."""
    async with wired.connected(answering(answer())) as (vendor, talk):
        permit = Recorded(vendor, errors.NotSent("x"))
        assert (await talk(calling(READ, permit=permit))).status == 200
        assert (permit.leaves, permit.notes) == ([], [])


async def test_of_a_lost_answer_nothing_is_noted(wired: Wired) -> None:
    """The permit hears of replies only."""
    async with wired.connected(then_closing()) as (vendor, talk):
        permit = Recorded(vendor)
        with pytest.raises(errors.Indeterminate):
            await talk(calling(WRITE, permit=permit))
        assert (permit.leaves, permit.notes) == ([0, 0], [])


async def test_a_refusal_of_the_vendor_is_noted(wired: Wired) -> None:
    """It is a verdict like any other."""
    async with wired.connected(answering(answer(b"{}", "422 No"))) as (vendor, talk):
        permit = Recorded(vendor)
        reply = await talk(calling(WRITE, permit=permit))
        assert (reply.status, permit.notes) == (422, [reply])


async def test_connections_are_kept_and_stale_ones_are_not_used(wired: Wired) -> None:
    """A vendor may hang up between two calls: the next one opens another line."""
    served = asyncio.Event()

    async def once_then_end(line: Line) -> None:
        await line.send(answer())
        line.writer.close()
        served.set()

    async with wired.connected(answering(answer())) as (vendor, talk):
        for _ in range(3):
            await talk(calling(WRITE))
        assert (vendor.accepted, len(vendor.requests)) == (1, 3)
    async with wired.connected(once_then_end) as (vendor, talk):
        for _ in range(3):
            await talk(calling(WRITE))
            await served.wait()
            await asyncio.sleep(0.05)
        assert (vendor.accepted, len(vendor.requests)) == (3, 3)


async def test_nothing_is_remembered_from_call_to_call(wired: Wired) -> None:
    """No cookie comes back to a vendor that set one."""
    async with wired.connected(answering(answer(Set_Cookie="session=1; Path=/"))) as (vendor, talk):
        await talk(calling(READ))
        await talk(calling(READ))
        assert b"cookie" not in vendor.requests[1].lower()


async def test_no_proxy_is_taken_from_the_environment(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials pass through nobody's hands that the configuration does not name."""
    async with hostile(answering(answer(b'{"via":"proxy"}'))) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with wired.connected(answering(answer())) as (_, talk):
            assert (await talk(calling(READ))).json == {"id": 1}
        assert proxy.accepted == 0


@pytest.mark.parametrize(
    ("body", "json"),
    [
        (b"", None),
        (b"  \n", None),
        (b"null", None),
        (b"[]", []),
        (b'{"n": 9007199254740993.5}', {"n": Decimal("9007199254740993.5")}),
        (b'{"n": 1e2, "i": 123456789012345678901234567890}',
         {"n": Decimal("1e2"), "i": 123456789012345678901234567890}),
        (b'{"cut": "\\ud83d"}', {"cut": "\ud83d"}),
    ],
)  # fmt: skip
async def test_json_is_read_exactly(wired: Wired, body: bytes, json: Any) -> None:
    """Whatever its content type says."""
    behaves = answering(answer(body, Content_Type="text/plain"))
    async with wired.connected(behaves) as (_, talk):
        reply = await talk(calling(READ))
        assert (reply.json, reply.text) == (json, "")


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"{", b'{"a":1,"a":2}', b"NaN", b"\xff\xfe{}", b"[" * 100 + b"]" * 100,
     b"x" * (MAX_TEXT * 3)],
    ids=["page", "unfinished", "name-twice", "nan", "utf-16", "too-deep", "long"],
)  # fmt: skip
async def test_what_is_no_json_is_kept_as_a_beginning(wired: Wired, body: bytes) -> None:
    """For the log and the verdict; never more of it than that."""
    async with wired.connected(answering(answer(body))) as (_, talk):
        reply = await talk(calling(READ))
        assert reply.json is None
        assert 0 < len(reply.text) <= MAX_TEXT


async def test_the_length_of_an_answer_need_not_be_told(wired: Wired) -> None:
    """It may come in chunks, or end with the connection."""
    chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"id":1}\r\n0\r\n\r\n'
    async with wired.connected(answering(chunked)) as (_, talk):
        assert (await talk(calling(READ))).json == {"id": 1}
    async with wired.connected(then_closing(b'HTTP/1.0 200 OK\r\n\r\n{"id":1}')) as (_, talk):
        assert (await talk(calling(READ))).json == {"id": 1}


@pytest.mark.parametrize(
    ("base_url", "request_", "url"),
    [
        ("https://a.example/v1", read("x", "b"), "https://a.example/v1/b"),
        ("https://a.example/v1/", read("x", "b/"), "https://a.example/v1/b/"),
        ("https://a.example", read("x", "b", {"q": "ä/ü?&=+", "n": 5}),
         "https://a.example/b?q=%C3%A4%2F%C3%BC%3F%26%3D%2B&n=5"),
        ("https://a.example", read("x", "b", {"a": None}), "https://a.example/b"),
        ("https://a.example", write("x", "POST", "b", query=(("a", "1"), ("a", "2"))),
         "https://a.example/b?a=1&a=2"),
    ],
)  # fmt: skip
def test_an_address_is_put_together(base_url: str, request_: VendorRequest, url: str) -> None:
    """What a value holds never becomes part of the address's own form."""
    assert url_of(base_url, request_) == url


def test_a_request_is_written_exactly() -> None:
    """The digits of an amount leave as they are."""
    assert json_text.write(WRITE.json) == b'{"amount":12345678901234567890.10}'
