"""The ways to the vendors: each connection's calls go over the network that it names."""

from pathlib import Path

import pytest

from gateway.app.networks import Networks, replaced
from gateway.app.ways import Ways, clock
from gateway.connections import Carrier
from gateway.engine.exchange import Call
from gateway.engine.network import Answer, Network, Outgoing
from gateway.settings import parse
from gateway.telemetry.hooks import Hooks
from gateway.translator import read
from tests.sandboxed import tree


class Noted(Network):
    """A network that answers, and keeps what it was asked and whether it is closed."""

    def __init__(self) -> None:
        self.carried: list[Outgoing] = []
        self.closed = 0

    async def carry(self, outgoing: Outgoing) -> Answer:
        await outgoing.gate()
        self.carried.append(outgoing)
        return Answer(200, {}, b"{}")

    async def aclose(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("chosen", ["lean", "httpx"])
async def test_a_call_goes_over_the_network_that_its_connection_names(chosen: str) -> None:
    """And over no other, which is not even made; what was made is closed in the end."""
    settings = parse(tree(acme_slant={"transport": chosen}), {}, Path())
    lean, stock = Noted(), Noted()
    ways = Ways(settings, Networks({"lean": lambda _: lean, "httpx": lambda _: stock}), Hooks())
    to = ways.to(settings.connections)
    use_cases = ways.use_cases(to)
    exchange = ways._exchange(to["acme-slant"], use_cases)
    until = clock() + 30
    await exchange(Call(request=read("get", "a"), until=until, patience=until))
    used = (1, 0) if chosen == "lean" else (0, 1)
    assert (len(lean.carried), len(stock.carried)) == used
    await ways.close()
    assert (lean.closed, stock.closed) == used


async def test_one_network_in_two_places_is_closed_once() -> None:
    """As where a test puts its own in the place of all."""
    network = Noted()
    every = replaced(network)
    assert every.of(Carrier("lean")) is every.of(Carrier("httpx")) is network
    await every.aclose()
    assert network.closed == 1
