"""Our own network's way to an address: looked up once, judged, and raced for."""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence

import pytest

from gateway import errors
from gateway.engine.lean import Lean
from gateway.engine.lean.opening import first_of
from gateway.engine.lookup import Lookup
from gateway.engine.wire import wire
from gateway.errors import GatewayError
from tests.engine.hostile import answer, answering, hostile
from tests.engine.wire.wired import READ, calling, now

FIRST, SECOND, THIRD = "93.184.216.34", "2606:2800:220:1::1", "93.184.216.35"
SOON = 0.02
INSIDE = ["127.0.0.1"]


class Dialled:
    """Connects to nothing, and keeps what it was asked for."""

    def __init__(self, dead: Iterable[str] = (), silent: Iterable[str] = ()) -> None:
        self.asked: list[str] = []
        self.opened: list[socket.socket] = []
        self.given_up = 0
        self._dead, self._silent = {*dead}, {*silent}

    async def __call__(self, address: str) -> socket.socket:
        """Notes the address."""
        self.asked.append(address)
        await asyncio.sleep(0)
        if address in self._dead:
            raise ConnectionRefusedError(address)
        if address in self._silent:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up += 1
        self.opened.append(socket.socket())
        return self.opened[-1]


async def raced(dialled: Dialled, *addresses: str) -> list[str]:
    """Which addresses were tried in turn; of what was opened all but the winner is closed."""
    before = asyncio.all_tasks()
    try:
        won = await first_of(addresses, dialled, head_start=SOON)
    finally:
        while asyncio.all_tasks() > before:  # noqa: ASYNC110 - they are ending
            await asyncio.sleep(0)
    assert [each for each in dialled.opened if each.fileno() >= 0] == [won]
    won.close()
    return dialled.asked


async def test_the_first_address_is_enough() -> None:
    """No other is troubled."""
    assert await raced(Dialled(), FIRST) == [FIRST]
    assert await raced(Dialled(), FIRST, SECOND, THIRD) == [FIRST]


async def test_the_next_address_is_tried_beside_a_slow_one() -> None:
    """By being refused at once, by silence a little later; who is too late is given up."""
    assert await raced(Dialled(dead=[FIRST]), FIRST, SECOND) == [FIRST, SECOND]
    slow = Dialled(silent=[FIRST, SECOND])
    assert await raced(slow, FIRST, SECOND, THIRD) == [FIRST, SECOND, THIRD]
    assert slow.given_up == 2


@pytest.mark.parametrize("addresses", [[], [FIRST], [FIRST, SECOND, THIRD]])
async def test_where_none_answers_nothing_is_connected(addresses: Sequence[str]) -> None:
    """A failed connection, as for one address."""
    with pytest.raises(OSError, match=r"no address|93|2606"):
        await raced(Dialled(dead=addresses), *addresses)


async def test_two_that_answer_at_once_leave_one() -> None:
    """The other is closed."""
    ready = asyncio.Event()
    opened: list[socket.socket] = []

    async def together(_: str) -> socket.socket:
        await ready.wait()
        opened.append(socket.socket())
        return opened[-1]

    racing = asyncio.ensure_future(first_of([FIRST, SECOND], together, head_start=SOON))
    await asyncio.sleep(SOON * 5)
    ready.set()
    won = await racing
    await asyncio.sleep(0)
    assert len(opened) == 2
    assert [each for each in opened if each.fileno() >= 0] == [won]
    won.close()


def leading_to(addresses: Sequence[str], asked: list[str]) -> Lookup:
    """A name that leads there."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return addresses

    return lookup


async def ended(lookup: Lookup, url: str, *, outside_only: bool, seconds: float = 3) -> object:
    """What a call comes to, over a network that looks names up so."""
    network = Lean(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), connections=2, lookup=lookup)
    talk = wire(network, url, connect_seconds=seconds, clock=now, outside_only=outside_only)
    try:
        return (await talk(calling(READ))).status
    except GatewayError as error:
        return type(error)
    finally:
        await network.aclose()


async def test_what_was_looked_up_is_what_is_connected_to() -> None:
    """Once, whatever the name leads to a moment later; the vendor is told the name."""
    asked: list[str] = []
    async with hostile(answering(answer())) as vendor:
        port = vendor.url.rpartition(":")[2]
        url = f"http://vendor.example:{port}"
        assert await ended(leading_to(INSIDE, asked), url, outside_only=False) == 200
        assert asked == ["vendor.example"]
        assert f"\r\nHost: vendor.example:{port}\r\n".encode() in vendor.requests[0]


@pytest.mark.parametrize(
    "addresses", [INSIDE, [FIRST, "10.0.0.1"], ["fd00::1", FIRST], ["::ffff:127.0.0.1"]]
)
async def test_a_name_that_leads_inside_is_refused(addresses: list[str]) -> None:
    """Also where another of its addresses lies outside: nobody is connected to."""
    async with hostile(answering(answer())) as vendor:
        url = vendor.url.replace("127.0.0.1", "vendor.example")
        found = await ended(leading_to(addresses, []), url, outside_only=True)
        assert (found, vendor.accepted) == (errors.PrivateAddress, 0)


async def unknown(_: str, __: int) -> Sequence[str]:
    """A name that is none."""
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


async def never(_: str, __: int) -> Sequence[str]:
    """A name server that does not answer."""
    await asyncio.Event().wait()
    return ()


@pytest.mark.parametrize("lookup", [unknown, never, leading_to([], [])])
async def test_a_name_that_leads_nowhere_was_not_sent(lookup: Lookup) -> None:
    """It takes no longer than connecting may."""
    url = "http://vendor.example"
    assert await ended(lookup, url, outside_only=True, seconds=0.05) is errors.NotSent
