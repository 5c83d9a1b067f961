"""The stock client through a proxy: it is told where to, and nothing of ours before the gate."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway import errors
from gateway.app.networks import networks
from gateway.connections import Carrier
from gateway.connections import Proxy as Named
from gateway.engine.exchange import Exchange
from gateway.engine.wire import wire
from tests.certificates import self_signed
from tests.engine.hostile import Hostile, answer, answering, nobody
from tests.engine.wire.wired import SHORT, WRITE, Recorded, calling, lost, now

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
SHUT = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
PASSWORD = "proxy-canary-4711"
HOST = "vendor.example"
"""A name that leads nowhere: only the proxy knows it."""


@dataclass
class Proxy:
    """A proxy that leads every name to one port of this machine."""

    says: bytes = OPEN
    silent: bool = False
    heads: list[bytes] = field(default_factory=list)
    port: int = 0
    leads_to: int = 0
    carried: bytearray = field(default_factory=bytearray)
    """What went through it to the vendor."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            if self.silent:
                await reader.read()
            writer.write(self.says)
            if self.says == OPEN and not self.silent:
                inner = await asyncio.open_connection("127.0.0.1", self.leads_to)
                await asyncio.gather(
                    self._passed(reader, inner[1], self.carried),
                    self._passed(inner[0], writer, bytearray()),
                )
        writer.close()

    @staticmethod
    async def _passed(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray
    ) -> None:
        with suppress(ConnectionError):
            while some := await reader.read(65536):
                seen += some
                writer.write(some)
                await writer.drain()
        writer.close()


@dataclass
class Through:
    """The vendor, the proxy in front of it, and the wire through that."""

    vendor: Hostile
    proxy: Proxy
    talk: Exchange


@asynccontextmanager
async def through(
    folder: Path, proxy: Proxy, *, outside_only: bool = False, authenticated: bool = False
) -> AsyncIterator[Through]:
    """A vendor that speaks TLS under a name that only the proxy knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(folder, HOST))
    vendor = Hostile(answering(answer()))
    async with (
        await asyncio.start_server(vendor.serve, "127.0.0.1", 0, ssl=context) as server,
        await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as door,
    ):
        proxy.leads_to = server.sockets[0].getsockname()[1]
        proxy.port = door.sockets[0].getsockname()[1]
        who = ("we", SecretStr(PASSWORD)) if authenticated else (None, None)
        named = Named(f"http://127.0.0.1:{proxy.port}", *who)
        every = networks(connections=4)
        talk = wire(
            every.of(Carrier("httpx", proxy=named)),
            f"https://{HOST}",
            connect_seconds=3,
            clock=now,
            outside_only=outside_only,
        )
        try:
            yield Through(vendor, proxy, talk)
        finally:
            await every.aclose()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose certificate is vouched for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / f"{HOST}.pem"))
    return tmp_path


@pytest.mark.parametrize("outside_only", [False, True])
async def test_a_write_goes_through_a_proxy(trusted: Path, outside_only: bool) -> None:
    """Leave is asked when the way is open, once for each write, and not for the way itself.

    The name is the proxy's to look up, also where it has to lead outside.
    """
    async with through(trusted, Proxy(), outside_only=outside_only) as at:
        for _ in range(2):
            permit = Recorded(at.vendor)
            seen = at.vendor.bytes_seen
            assert (await at.talk(calling(WRITE, permit=permit))).json == {"id": 1}
            assert permit.leaves == [seen, seen]
        assert len(at.vendor.requests) == 2
        assert [head.splitlines()[0] for head in at.proxy.heads] == [
            b"CONNECT vendor.example:443 HTTP/1.1"
        ]


async def test_the_proxy_learns_who_we_are_and_the_vendor_does_not(trusted: Path) -> None:
    """Neither of them learns the secret of the other."""
    async with through(trusted, Proxy(), authenticated=True) as at:
        await at.talk(calling(WRITE, headers={"Authorization": "Bearer vendor-secret"}))
        spelled = base64.b64encode(f"we:{PASSWORD}".encode())
        (head,) = at.proxy.heads
        assert b"\r\nProxy-Authorization: Basic " + spelled + b"\r\n" in head
        assert b"vendor-secret" not in head + at.proxy.carried
        (request,) = at.vendor.requests
        assert b"proxy-authorization" not in request.lower()


async def test_a_proxy_that_refuses_was_sent_nothing(trusted: Path) -> None:
    """It is a connection that failed; what it said is nobody's business."""
    async with through(trusted, Proxy(says=SHUT), authenticated=True) as at:
        permit = Recorded(at.vendor)
        call = calling(WRITE, permit=permit)
        with pytest.raises(errors.NotSent) as caught:
            await at.talk(call)
        assert (permit.leaves, call.sent, at.vendor.accepted) == ([], False, 0)
        assert PASSWORD not in repr(caught.value)
        assert "407" not in caught.value.message


@pytest.mark.parametrize(
    "proxy", [Proxy(silent=True), Proxy(says=b"nonsense\r\n\r\n"), Proxy(says=b"")]
)
async def test_a_proxy_that_opens_no_way_was_sent_nothing(trusted: Path, proxy: Proxy) -> None:
    """Whether it hangs, or says what is no HTTP, or hangs up."""
    async with through(trusted, proxy) as at:
        assert isinstance(await lost(at.talk, WRITE, SHORT), errors.NotSent)
        assert at.vendor.accepted == 0


async def test_a_proxy_that_is_not_there_was_sent_nothing(trusted: Path) -> None:
    """And there is no other way past it."""
    every = networks(connections=4)
    with nobody() as url:
        network = every.of(Carrier("httpx", proxy=Named(url)))
        talk = wire(network, f"https://{HOST}", connect_seconds=3, clock=now)
        assert isinstance(await lost(talk, WRITE), errors.NotSent)
    await every.aclose()
