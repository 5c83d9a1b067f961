"""The stock client over HTTP/2, spoken with a real nginx: the gate and its promises stay."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pytest

from gateway import errors
from gateway.app.networks import networks
from gateway.connections import Carrier
from gateway.engine.exchange import Exchange
from gateway.engine.wire import wire
from tests.certificates import self_signed
from tests.engine.hostile import Behaviour, Hostile, Line, answer, answering, hostile
from tests.engine.wire.wired import LONG, READ, SHORT, WRITE, Recorded, calling, lost, now
from tests.programs import NGINX, Toolbox
from tests.servers import Server, free_port

CONFIG = Template("""\
daemon off;
$user
pid $folder/nginx.pid;
events {}
http {
    log_format spoken "$$server_protocol $$request_method";
    access_log $folder/access.log spoken;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    keepalive_requests $requests;
    keepalive_timeout $idle;
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $folder/localhost.pem;
        ssl_certificate_key $folder/localhost.key;
        location / {
            proxy_pass $vendor;
            proxy_read_timeout 60s;
            proxy_next_upstream off;
        }
    }
}
""")


class Front(Server):
    """An nginx that speaks HTTP/2 over TLS, in front of a vendor."""

    def __init__(self, folder: Path, vendor: str, requests: int, idle: str) -> None:
        found = Toolbox(os.environ).needed(NGINX)
        port = free_port()
        self.url = f"https://localhost:{port}"
        self._port = port
        self_signed(folder, "localhost")
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            CONFIG.substitute(
                folder=folder, port=port, vendor=vendor, requests=requests, idle=idle, user=user
            )
        )
        where = ["-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        super().__init__(NGINX, found, folder, where)

    def answers(self) -> bool:
        """Whether it has begun: it writes its number when it listens."""
        return (self.folder / "nginx.pid").exists()

    @property
    def spoken(self) -> list[str]:
        """The protocol and the method of each request that it is done with."""
        return (self.folder / "access.log").read_text().splitlines()


@dataclass
class Secure:
    """A vendor behind it, and the wire to it."""

    vendor: Hostile
    front: Front
    talk: Exchange


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose certificate is vouched for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
    return tmp_path


@asynccontextmanager
async def behind(
    folder: Path, behaves: Behaviour, *, requests: int = 10_000, idle: str = "60s"
) -> AsyncIterator[Secure]:
    """A vendor whose nginx takes so many requests over one connection, and keeps it so long."""
    async with hostile(behaves) as vendor:
        front = Front(folder, vendor.url, requests, idle)
        front.start()
        every = networks(connections=8)
        network = every.of(Carrier("httpx", http2=True))
        try:
            yield Secure(vendor, front, wire(network, front.url, connect_seconds=3, clock=now))
        finally:
            await every.aclose()
            front.end()


async def test_a_write_goes_over_http_2_behind_the_gate(trusted: Path) -> None:
    """Leave is asked once, while the vendor has seen nothing; a kept line is asked anew."""
    async with behind(trusted, answering(answer())) as at:
        for number in range(3):
            permit = Recorded(at.vendor)
            seen = at.vendor.bytes_seen
            call = calling(WRITE, permit=permit)
            assert (await at.talk(call)).json == {"id": 1}
            assert (permit.leaves, call.sent) == ([seen, seen], True)
            assert len(permit.notes) == 1
            assert len(at.vendor.requests) == number + 1
    assert at.front.spoken == ["HTTP/2.0 PATCH"] * 3


async def test_what_is_held_back_at_the_gate_never_leaves(trusted: Path) -> None:
    """And the line goes on being of use."""
    async with behind(trusted, answering(answer())) as at:
        refusal = errors.StoreUnavailable("no")
        with pytest.raises(errors.StoreUnavailable):
            await at.talk(calling(WRITE, permit=Recorded(at.vendor, refusal)))
        assert at.vendor.requests == []
        assert (await at.talk(calling(WRITE, permit=Recorded(at.vendor)))).status == 200
    assert at.front.spoken == ["HTTP/2.0 PATCH"]


@pytest.mark.parametrize("requests", [10_000, 5])
async def test_many_at_once_arrive_once_each(trusted: Path, requests: int) -> None:
    """Also where the vendor ends its connections after a few: GOAWAY loses none, doubles none."""
    async with behind(trusted, answering(answer()), requests=requests) as at:
        permits = [Recorded(at.vendor) for _ in range(64)]
        answers = await asyncio.gather(
            *(at.talk(calling(WRITE, permit=permit)) for permit in permits), return_exceptions=True
        )
        told = [each for each in answers if isinstance(each, errors.GatewayError)]
        asked = sum(bool(permit.leaves) for permit in permits)
        assert all(len(permit.leaves) in {0, 2} for permit in permits)
        assert len(answers) - len(told) <= len(at.vendor.requests) <= asked
        for error in told:
            assert isinstance(error, errors.NotSent | errors.Indeterminate)
        if requests > len(permits):
            assert (told, len(at.vendor.requests)) == ([], len(permits))


async def test_one_after_the_other_outlives_a_connection(trusted: Path) -> None:
    """Each arrives once. The library loses the answer to a line's last, of which it says so."""
    async with behind(trusted, answering(answer()), requests=4) as at:
        unknown = 0
        for _ in range(12):
            permit = Recorded(at.vendor)
            (told,) = await asyncio.gather(
                at.talk(calling(WRITE, permit=permit)), return_exceptions=True
            )
            if isinstance(told, errors.Indeterminate):
                assert "broke off" in told.message
                unknown += 1
            else:
                assert not isinstance(told, BaseException)
            assert len(permit.leaves) == 2
        assert unknown <= 12 // 4
        assert 12 - unknown <= len(at.vendor.requests) <= 12


async def test_a_line_that_the_vendor_let_go_of_is_replaced_before_leave_is_asked(
    trusted: Path,
) -> None:
    """Nobody used it, so nothing is unknown."""
    async with behind(trusted, answering(answer()), idle="200ms") as at:
        for _ in range(2):
            assert (await at.talk(calling(WRITE, permit=Recorded(at.vendor)))).status == 200
            await asyncio.sleep(1.5)
        assert len(at.vendor.requests) == 2


async def test_no_answer_in_time_may_have_been_sent(trusted: Path) -> None:
    """Others on the same connection are not kept from theirs."""
    ready = asyncio.Event()

    async def behave(line: Line) -> None:
        await ready.wait()
        await line.send(answer())

    async with behind(trusted, behave) as at:
        other = asyncio.ensure_future(at.talk(calling(READ)))
        late = await lost(at.talk, WRITE, SHORT)
        assert type(late) is errors.IndeterminateTimeout
        ready.set()
        assert (await other).status == 200
        assert (await at.talk(calling(READ))).status == 200
        assert len(at.vendor.requests) == 3


async def test_a_vendor_that_breaks_down_is_told(trusted: Path) -> None:
    """The write may have been applied, and is not sent again."""
    listening = asyncio.Event()

    async def behave(_: Line) -> None:
        listening.set()
        await asyncio.Event().wait()

    async with behind(trusted, behave) as at:
        waiting = asyncio.ensure_future(at.talk(calling(WRITE)))
        await listening.wait()
        at.front.kill()
        with pytest.raises(errors.Indeterminate):
            await waiting
        assert len(at.vendor.requests) == 1


async def test_our_own_client_beside_it_goes_on_speaking_http_1(trusted: Path) -> None:
    """One does not change what the other offers."""
    async with behind(trusted, answering(answer())) as at:
        await at.talk(calling(READ))
        every = networks(connections=8)
        both = [every.of(Carrier("httpx", http2=True)), every.of(Carrier("lean"))]
        for network in both:
            talk = wire(network, at.front.url, connect_seconds=LONG, clock=now)
            await talk(calling(READ))
        await every.aclose()
    assert at.front.spoken == ["HTTP/2.0 GET", "HTTP/2.0 GET", "HTTP/1.1 GET"]
