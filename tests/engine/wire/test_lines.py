"""Lines: kept while they are good, given out in turn, and let go of whatever ends a call."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway import errors
from gateway.engine.exchange import Exchange, FreePermit
from gateway.engine.lean import Lean
from gateway.engine.network import Network, Outgoing, origin_of
from gateway.engine.wire import wire
from gateway.translator import VendorRequest, VendorResponse, write
from tests.certificates import self_signed
from tests.engine.hostile import (
    Behaviour,
    Hostile,
    Line,
    answer,
    answering,
    hostile,
    nobody,
    then_closing,
)
from tests.engine.wire.wired import LONG, READ, SHORT, WRITE, Wired, calling, lost, now

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LARGE = write("update", "PATCH", "things/1", {"text": "x" * 16 * 1024 * 1024})
"""More than two sockets hold between them."""


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Either loop: they differ in when they tell of an end, and gateways run on the second."""
    if request.param:
        pytest.importorskip("uvloop", reason="uvloop is an extra")
    return "asyncio", {"use_uvloop": request.param}


async def until(holds: Callable[[], bool]) -> None:
    """Waits for something to come true."""
    async with asyncio.timeout(LONG):
        while not holds():  # noqa: ASYNC110 - what is waited for has no way to tell
            await asyncio.sleep(0.005)


def listening(*parts: bytes) -> Behaviour:
    """Sends these bytes, and no other until the gateway hangs up."""

    async def behave(line: Line) -> None:
        await line.send(*parts)
        await line.reader.read()

    return behave


@asynccontextmanager
async def leanly(behaves: Behaviour, **members: Any) -> AsyncIterator[tuple[Hostile, Exchange]]:
    """A vendor that behaves so, and the wire to it over our own network."""
    network = Lean(CONTEXT, **{"connections": 8, **members})
    async with hostile(behaves) as vendor:
        yield vendor, wire(network, vendor.url, connect_seconds=3, clock=now)
        await network.aclose()


class Awaited(FreePermit):
    """A permit that does something before it gives leave."""

    def __init__(self, done: Callable[[], Awaitable[None]]) -> None:
        self._done = done
        self.leaves = 0

    async def leave(self, request: VendorRequest) -> None:
        self.leaves += 1
        await self._done()


async def forever() -> None:
    """Never ends."""
    await asyncio.Event().wait()


async def test_a_line_that_ends_while_leave_is_asked_is_replaced() -> None:
    """Not a byte had been written: the request goes on another line, once, under the same leave."""
    heard: list[Line] = []

    async def answering_once(line: Line) -> None:
        heard.append(line)
        await line.send(answer())

    async with leanly(answering_once) as (vendor, talk):
        await talk(calling(READ))

        async def hung_up() -> None:
            heard[0].writer.close()
            await until(lambda: vendor.lines == 0)

        permit = Awaited(hung_up)
        assert (await talk(calling(WRITE, permit=permit))).status == 200
        assert (permit.leaves, vendor.accepted, len(vendor.requests)) == (1, 2, 2)


async def test_no_line_is_opened_for_a_request_that_gets_no_leave() -> None:
    """The one that was opened for it is kept for another."""
    refusal = errors.NotSent("The record could not be written.")

    async def refused() -> None:
        raise refusal

    async with leanly(answering(answer())) as (vendor, talk):
        for _ in range(3):
            with pytest.raises(errors.NotSent):
                await talk(calling(WRITE, permit=Awaited(refused)))
        assert (await talk(calling(READ))).status == 200
        assert (vendor.accepted, len(vendor.requests)) == (1, 1)


async def test_what_comes_unasked_is_nobodys_answer(wired: Wired) -> None:
    """A line on which a vendor speaks between two calls is not used again."""
    spoken = asyncio.Event()

    async def speaking_on(line: Line) -> None:
        await line.send(answer())
        await asyncio.sleep(0.05)
        with suppress(ConnectionError):
            await line.send(answer(b'{"id":"planted"}'))
        spoken.set()

    async with wired.connected(speaking_on) as (vendor, talk):
        for _ in range(3):
            spoken.clear()
            assert (await talk(calling(READ))).json == {"id": 1}
            await spoken.wait()
        assert vendor.accepted == 3


async def test_an_end_that_the_loop_has_not_seen_is_seen_before_a_line_is_used() -> None:
    """Also where nothing runs between two calls."""
    port = socket.create_server(("127.0.0.1", 0))
    port.settimeout(LONG)

    def served(body: bytes) -> None:
        connection, _ = port.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer(body))

    network = Lean(CONTEXT, connections=1)
    url = f"http://127.0.0.1:{port.getsockname()[1]}"
    talk = wire(network, url, connect_seconds=3, clock=now)
    loop = asyncio.get_running_loop()
    first = loop.run_in_executor(None, served, b'{"n":1}')
    assert (await talk(calling(READ))).json == {"n": 1}
    await first
    second = loop.run_in_executor(None, served, b'{"n":2}')
    assert (await talk(calling(READ))).json == {"n": 2}
    await second
    await network.aclose()
    port.close()


@pytest.mark.parametrize(
    ("at", "request_"),
    [(at, request)
     for at in ("the-handshake", "the-queue", "the-gate", "the-answer", "the-body")
     for request in (READ, WRITE)
     if at != "the-gate" or request is WRITE],
    ids=lambda each: each if isinstance(each, str) else each.effect,
)  # fmt: skip
async def test_a_call_that_is_cancelled_leaves_nothing_behind(
    wired: Wired, at: str, request_: VendorRequest
) -> None:
    """Wherever it is: its line is closed or good for the next, and its place is free."""
    if (wired.kind, at) == ("httpx", "the-handshake"):
        pytest.skip("the stock client closes such a line no sooner than it is collected")
    begun = answer(b"{", length=2)
    behaviours = {"the-body": listening(begun), "the-gate": answering(answer())}
    reached = asyncio.Event()

    async def asked() -> None:
        reached.set()
        await forever()

    async with (
        hostile(behaviours.get(at, listening())) as vendor,
        wired.client(connections=1) as network,
    ):
        url = vendor.url.replace("http:", "https:") if at == "the-handshake" else vendor.url
        before = asyncio.all_tasks()
        holding = asyncio.ensure_future(
            wire(network, vendor.url, connect_seconds=3, clock=now)(calling(READ))
        )
        if at == "the-queue":
            await until(lambda: bool(vendor.requests))
        else:
            holding.cancel()
        seen = len(vendor.requests)
        permit = Awaited(asked) if at == "the-gate" else FreePermit()
        talk = wire(network, url, connect_seconds=LONG, clock=now)
        cancelled = asyncio.ensure_future(talk(calling(request_, permit=permit)))
        if at == "the-gate":
            await reached.wait()
        elif at in {"the-answer", "the-body"}:
            await until(lambda: len(vendor.requests) > seen)
        elif at == "the-handshake":
            await until(lambda: vendor.lines > 0)
        await asyncio.sleep(0.02)
        for task in (cancelled, holding):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: vendor.lines <= (at == "the-gate"))
        vendor.behaves = answering(answer())
        again = wire(network, vendor.url, connect_seconds=3, clock=now)
        assert (await again(calling(READ))).status == 200
        await until(lambda: vendor.lines <= 1)
    await until(lambda: asyncio.all_tasks() <= before)


async def test_who_waits_for_a_line_gets_one_in_turn(wired: Wired) -> None:
    """No more of them are opened than may be."""
    served: list[bytes] = []

    async def slowly(line: Line) -> None:
        served.append(line_of(vendor.requests[-1]))
        await asyncio.sleep(0.01)
        await line.send(answer())

    def line_of(request: bytes) -> bytes:
        return request.split(b" ", 2)[1]

    async with hostile(slowly) as vendor, wired.client(connections=1) as network:
        talk = wire(network, vendor.url, connect_seconds=LONG, clock=now)
        calls: list[asyncio.Future[VendorResponse]] = []
        for number in range(12):
            request = write("update", "PATCH", f"things/{number}", {})
            calls.append(asyncio.ensure_future(talk(calling(request))))
            await asyncio.sleep(0)
        await asyncio.gather(*calls)
        assert served == [b"/things/%d" % number for number in range(12)]
        assert vendor.accepted == 1


async def test_a_line_that_cannot_be_opened_takes_up_no_place(wired: Wired) -> None:
    """Neither a refused connection does, nor a handshake that is given up."""
    async with hostile(listening()) as vendor, wired.client(connections=1) as network:
        secure_url = vendor.url.replace("http:", "https:")
        with nobody() as url:
            for at, why in ((url, "failed"), (secure_url, "took too long")) * 2:
                talk = wire(network, at, connect_seconds=SHORT, clock=now)
                for _ in range(2):
                    assert f"connecting {why}" in (await lost(talk, READ)).message


async def test_a_place_is_handed_on_however_its_line_ended(wired: Wired) -> None:
    """Cut, closed, given up or kept: nobody waits for a place that is free."""
    endings = [
        then_closing(),
        answering(answer()),
        answering(b"SSH-2.0-x\r\n\r\n"),
        answering(answer(Connection="close")),
        answering(answer(), b"behind it"),
    ]

    async def one_of_them(line: Line) -> None:
        await endings[len(vendor.requests) % len(endings)](line)

    async with hostile(one_of_them) as vendor, wired.client(connections=2) as network:
        talk = wire(network, vendor.url, connect_seconds=LONG, clock=now)
        calls = [talk(calling(READ)) for _ in range(15)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert not [each for each in ended if isinstance(each, errors.NotSent)]
        vendor.behaves = answering(answer())
        assert (await talk(calling(READ))).status == 200


@pytest.mark.parametrize("kept", [True, False])
async def test_a_turn_that_comes_to_one_who_just_gave_up_is_the_next_ones(kept: bool) -> None:
    """Be it a line, or a place to open one in."""
    async with hostile(answering(answer())) as vendor:
        network = Lean(CONTEXT, connections=1)
        pool = network._pool(origin_of(vendor.url, outside_only=False)[0])
        line = await pool.line(LONG)
        giving_up, waiting = (asyncio.create_task(pool.line(LONG)) for _ in range(2))
        await asyncio.sleep(0.01)
        line.keeps = kept
        pool.give_back(line)
        giving_up.cancel()
        handed = await waiting
        assert (handed is line) == kept
        assert giving_up.cancelled()
        pool.give_back(handed)
        assert await pool.line(LONG) is handed
        await network.aclose()


async def test_an_unused_line_is_let_go_after_a_while() -> None:
    """The latest used first; the others come of age."""
    async with leanly(answering(answer()), kept_seconds=0.3) as (vendor, talk):
        await asyncio.gather(*(talk(calling(READ)) for _ in range(4)))
        assert vendor.accepted == 4
        await until(lambda: vendor.lines == 0)
        assert (await talk(calling(READ))).status == 200
        assert vendor.accepted == 5


@pytest.mark.parametrize(("told", "opened"), [("timeout=1", 3), ("max=9, timeout=60", 1)])
async def test_a_line_is_not_used_when_its_vendor_may_hang_up(told: str, opened: int) -> None:
    """By its own word, and with a margin: it would cut a write that is just going out."""
    async with leanly(answering(answer(Keep_Alive=told))) as (vendor, talk):
        for _ in range(3):
            await talk(calling(READ))
        assert vendor.accepted == opened


def answering_late(seconds: float) -> Behaviour:
    """Answers the first request of a line at once, and each other after a while."""
    lines: set[asyncio.StreamWriter] = set()

    async def behave(line: Line) -> None:
        if line.writer in lines:
            await asyncio.sleep(seconds)
        lines.add(line.writer)
        await line.send(answer())

    return behave


async def test_a_call_has_no_less_time_than_the_one_before_it_on_its_line() -> None:
    """The time of an answered call goes by without a word."""
    async with leanly(answering_late(2 * SHORT)) as (vendor, talk):
        for seconds in (SHORT, LONG):
            assert (await talk(calling(READ, seconds))).status == 200
        assert vendor.accepted == 1


async def test_a_call_has_no_more_time_than_the_one_before_it_on_its_line() -> None:
    """It is given up at its own end."""
    async with leanly(answering_late(LONG)) as (vendor, talk):
        assert (await talk(calling(READ, LONG))).status == 200
        async with asyncio.timeout(LONG / 2):
            assert type(await lost(talk, READ, SHORT)) is errors.VendorTimeout
        assert vendor.accepted == 1


async def test_an_answer_may_come_before_the_request_is_read() -> None:
    """It is read; the line, on which the rest is still going out, is not used again.

    The stock client writes all of it first, and loses the answer.
    """

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"{}", "413 Too Large"))
        lines.append(writer)

    lines: list[asyncio.StreamWriter] = []
    network = Lean(CONTEXT, connections=1)
    async with await asyncio.start_server(early, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        talk = wire(network, url, connect_seconds=3, clock=now)
        for number in (1, 2):
            assert (await talk(calling(LARGE))).status == 413
            assert len(lines) == number
        await network.aclose()
        for line in lines:
            line.close()


async def test_a_request_that_is_not_taken_is_given_up(wired: Wired) -> None:
    """A vendor that reads nothing: the whole of it never left."""

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's has it

    lines: list[asyncio.StreamWriter] = []
    async with (
        await asyncio.start_server(deaf, "127.0.0.1", 0) as server,
        wired.client() as network,
    ):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        error = await lost(wire(network, url, connect_seconds=3, clock=now), LARGE, SHORT)
        assert type(error) is errors.IndeterminateTimeout
        assert "could not be written in time" in error.message
        for line in lines:
            line.transport.abort()


async def asked(network: Network, url: str, method: str) -> int:
    """The status of an answer to a request of any method."""

    async def gate() -> None:
        pass

    origin, _ = origin_of(url, outside_only=False)
    outgoing = Outgoing(
        origin=origin, method=method, target="/", headers={}, gate=gate, connect=3, ends=now() + 9
    )
    answered = await network.carry(outgoing)
    assert (method == "HEAD") == (answered.body == b"")
    return answered.status


async def test_an_answer_to_head_has_no_body(wired: Wired) -> None:
    """Whatever length it tells."""
    async with hostile(answering(answer(b"", length=99))) as vendor, wired.client() as network:
        assert await asked(network, vendor.url, "HEAD") == 200
        vendor.behaves = answering(answer())
        assert await asked(network, vendor.url, "GET") == 200


async def test_a_host_that_has_only_the_newer_kind_of_address_is_reached(wired: Wired) -> None:
    """IPv6, in brackets."""
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    vendor = Hostile(answering(answer()))
    try:
        server = await asyncio.start_server(vendor.serve, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with server, wired.client() as network:
        authority = f"[::1]:{server.sockets[0].getsockname()[1]}"
        talk = wire(network, f"http://{authority}", connect_seconds=3, clock=now)
        assert (await talk(calling(READ))).status == 200
        await network.aclose()
        await until(lambda: vendor.lines == 0)
    assert f"host: {authority}\r\n".encode() in vendor.requests[0].lower()


@asynccontextmanager
async def secure(
    folder: Path, behaves: Behaviour, names: list[str | None]
) -> AsyncIterator[tuple[Hostile, str]]:
    """A vendor that speaks TLS, and the names that it is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(folder, "localhost"))
    context.sni_callback = lambda _, name, __: names.append(name)
    vendor = Hostile(behaves)
    async with await asyncio.start_server(vendor.serve, "127.0.0.1", 0, ssl=context) as server:
        yield vendor, f"https://localhost:{server.sockets[0].getsockname()[1]}"


async def test_tls_is_spoken_to_the_hosts_name(
    wired: Wired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for a line that is kept, and what breaks off is told as without TLS."""
    certificate, _ = self_signed(tmp_path, "localhost")
    names: list[str | None] = []
    async with secure(tmp_path, answering(answer()), names) as (vendor, url):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / certificate.name))
        async with wired.client() as network:
            talk = wire(network, url, connect_seconds=LONG, clock=now)
            for request in (READ, WRITE, READ):
                assert (await talk(calling(request))).json == {"id": 1}
            assert (vendor.accepted, names) == (1, ["localhost"])
            vendor.behaves = then_closing(answer(b"{", length=2))
            assert type(await lost(talk, WRITE)) is errors.Indeterminate
            vendor.behaves = listening()
            assert type(await lost(talk, WRITE, SHORT)) is errors.IndeterminateTimeout
            await until(lambda: vendor.lines == 0)
            assert len(vendor.requests) == 5


@pytest.mark.parametrize("value", ["a\r\nX-Planted: 1", "a\nb", "a\x00b", "ä"])
async def test_what_no_header_can_hold_is_not_sent(wired: Wired, value: str) -> None:
    """Nor is leave asked for it: no line is opened."""
    async with wired.connected(answering(answer())) as (vendor, talk):
        call = calling(WRITE, headers={"x-api-key": value})
        with pytest.raises(errors.NotSent):
            await talk(call)
        assert (call.asked, call.sent, vendor.accepted) == (False, False, 0)


async def test_a_network_that_is_closed_has_no_line_left(wired: Wired) -> None:
    """Used, unused or in use."""
    async with hostile(answering(answer())) as vendor, wired.client() as network:
        talk = wire(network, vendor.url, connect_seconds=3, clock=now)
        await talk(calling(READ))
        vendor.behaves = listening()
        waiting = asyncio.ensure_future(talk(calling(READ)))
        await until(lambda: len(vendor.requests) == 2)
        await network.aclose()
        await until(lambda: vendor.lines == 0)
        with pytest.raises(errors.VendorFaulted):
            await waiting
