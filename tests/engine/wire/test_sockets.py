"""Sockets to vendors: what a name leads to is judged before anything is connected to."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpcore
import pytest

from gateway import errors
from gateway.engine.lookup import Lookup, looked_up
from gateway.engine.sockets import OutsideOnly
from gateway.engine.wire import wire
from gateway.translator import VendorRequest, read, write
from tests.certificates import self_signed
from tests.engine.hostile import answer, answering, hostile
from tests.engine.wire.wired import READ, WRITE, Wired, calling, lost, now

FIRST, SECOND = "93.184.216.34", "2606:2800:220:1::1"
METADATA = "169.254.169.254"


class Network(httpcore.AsyncMockBackend):
    """Connects to nothing, and keeps what it was asked for."""

    def __init__(self, dead: Iterable[str] = (), silent: Iterable[str] = ()) -> None:
        super().__init__([])
        self.asked: list[str] = []
        self._dead, self._silent = {*dead}, {*silent}

    async def connect_tcp(self, host: str, *rest: Any, **named: Any) -> Any:
        """Notes the address."""
        self.asked.append(host)
        if host in self._dead:
            raise httpcore.ConnectError("refused")
        if host in self._silent:
            raise httpcore.ConnectTimeout
        return await super().connect_tcp(host, *rest, **named)


def leading_to(*addresses: str) -> Lookup:
    """A name that leads there."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        assert (host, port) == ("vendor.example", 443)
        return addresses

    return lookup


async def reached(network: Network, *addresses: str, seconds: float | None = 3) -> list[str]:
    """Which addresses were tried in turn."""
    sockets = OutsideOnly(network, leading_to(*addresses))
    await sockets.connect_tcp("vendor.example", 443, seconds)
    return network.asked


async def test_what_was_judged_is_what_is_connected_to() -> None:
    """The name is not looked up a second time, when it may lead elsewhere."""
    assert await reached(Network(), FIRST, SECOND) == [FIRST]
    assert await reached(Network(), FIRST, seconds=None) == [FIRST]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [METADATA], ["::1"], [FIRST, "10.0.0.1"], ["fd00::1", FIRST],
     ["::ffff:127.0.0.1"]],
)  # fmt: skip
async def test_a_name_that_leads_inside_is_refused(addresses: list[str]) -> None:
    """Also where another of its addresses lies outside: nobody is connected to."""
    network = Network()
    with pytest.raises(errors.PrivateAddress) as caught:
        await reached(network, *addresses)
    assert network.asked == []
    assert caught.value.retry == "operator"
    assert not [address for address in addresses if address in caught.value.message]


async def test_the_next_address_is_tried_where_one_is_dead() -> None:
    """By being refused, or by silence."""
    assert await reached(Network(dead=[FIRST]), FIRST, SECOND) == [FIRST, SECOND]
    assert await reached(Network(silent=[FIRST]), FIRST, SECOND) == [FIRST, SECOND]
    with pytest.raises(httpcore.ConnectError):
        await reached(Network(dead=[FIRST, SECOND]), FIRST, SECOND)
    with pytest.raises(httpcore.ConnectError):
        await reached(Network())


async def test_a_name_that_is_none_is_a_failed_connection() -> None:
    """As it is without the judgement."""

    async def unknown(_: str, __: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(httpcore.ConnectError):
        await OutsideOnly(Network(), unknown).connect_tcp("vendor.example", 443)


async def test_looking_up_takes_no_longer_than_connecting_may() -> None:
    """A name server that does not answer holds nobody up."""

    async def never(_: str, __: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    with pytest.raises(httpcore.ConnectTimeout):
        await OutsideOnly(Network(), never).connect_tcp("vendor.example", 443, 0.05)


async def test_names_are_looked_up_as_the_machine_does() -> None:
    """Each address once."""
    assert "127.0.0.1" in await looked_up("localhost", 80)
    assert await looked_up("127.0.0.1", 80) == ["127.0.0.1"]


@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1"])
async def test_the_wire_of_a_connection_that_stays_outside_goes_nowhere_else(
    wired: Wired, request_: VendorRequest, host: str
) -> None:
    """Whatever the address is spelled like, no socket is opened to this machine."""
    async with hostile(answering(answer())) as vendor, wired.client() as network:
        url = vendor.url.replace("127.0.0.1", host)
        talk = wire(network, url, connect_seconds=3, clock=now, outside_only=True)
        error = await lost(talk, request_)
        assert isinstance(error, errors.PrivateAddress)
        assert vendor.accepted == 0


async def test_a_line_that_another_opened_inside_is_not_shared(wired: Wired) -> None:
    """Two connections to one host, of which only one may go there."""
    async with hostile(answering(answer())) as vendor, wired.client() as network:
        inside = wire(network, vendor.url, connect_seconds=3, clock=now)
        outside = wire(network, vendor.url, connect_seconds=3, clock=now, outside_only=True)
        assert (await inside(calling(READ))).status == 200
        assert isinstance(await lost(outside, READ), errors.PrivateAddress)
        assert (await inside(calling(READ))).status == 200
        assert (vendor.accepted, len(vendor.requests)) == (1, 2)


@pytest.mark.parametrize("request_", [read("get", "a"), write("create", "POST", "a", {})])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_leads_a_credential_anywhere(
    wired: Wired, request_: VendorRequest, status: int
) -> None:
    """Neither to another host, nor to a cloud's metadata, nor from https to http (F23)."""
    async with hostile(answering(answer())) as elsewhere:
        for place in (elsewhere.url, f"http://{METADATA}/latest/meta-data", "http://vendor.test/"):
            moved = answer(b"", f"{status} Moved", Location=place)
            async with hostile(answering(moved)) as vendor, wired.client() as network:
                talk = wire(network, vendor.url, connect_seconds=3, clock=now)
                reply = await talk(calling(request_, headers={"Authorization": "Bearer x"}))
                assert (reply.status, len(vendor.requests)) == (status, 1)
        assert elsewhere.accepted == 0


@asynccontextmanager
async def impostor(folder: Path, name: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A vendor with a certificate that nobody vouches for, and what it got to read."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        writer.write(answer())
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(folder, name))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", heard


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example"])
@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "write"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    wired: Wired, request_: VendorRequest, name: str, tmp_path: Path
) -> None:
    """Self-signed, for the right name or another's: not a byte of a request leaves."""
    async with impostor(tmp_path, name) as (url, heard), wired.client() as network:
        talk = wire(network, url, connect_seconds=3, clock=now)
        error = await lost(talk, request_)
        assert type(error) is errors.NotSent
    assert b"".join(heard) == b""


async def test_a_certificate_for_another_name_is_refused(
    wired: Wired, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that the machine trusts; with the right name it is a vendor like any other."""
    for name, trusted in (("elsewhere.example", False), ("localhost", True)):
        certificate, _ = self_signed(tmp_path, name)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with impostor(tmp_path, name) as (url, heard), wired.client() as network:
            talk = wire(network, url, connect_seconds=3, clock=now)
            if trusted:
                assert (await talk(calling(READ))).json == {"id": 1}
            else:
                assert type(await lost(talk, READ)) is errors.NotSent
        assert bool(b"".join(heard)) is trusted
