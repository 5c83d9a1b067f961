"""The networks that a connection may choose from: our own, and the stock client."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from gateway.connections import Carrier, Client, Proxy
from gateway.engine.lean import Lean
from gateway.engine.network import Network

if TYPE_CHECKING:
    from gateway.engine.stock import Transport

CONNECTIONS: Final = 512
"""Lines at most: to one origin of our own client, to all vendors of the stock one."""
Maker = Callable[[Carrier], Network]


class Networks:
    """Each network by what it does, made when a connection first asks for it.

    Few ask for the stock client, which is 6 MB of code.
    """

    def __init__(self, makers: Mapping[Client, Maker]) -> None:
        self._makers = makers
        self._made: dict[Carrier, Network] = {}

    def of(self, carrier: Carrier) -> Network:
        """The one that does so."""
        if carrier not in self._made:
            self._made[carrier] = self._makers[carrier.client](carrier)
        return self._made[carrier]

    async def aclose(self) -> None:
        """Lets go of them; one may stand in several places."""
        each_once = {id(network): network for network in self._made.values()}
        await asyncio.gather(*(network.aclose() for network in each_once.values()))


def networks(*, connections: int = CONNECTIONS) -> Networks:
    """All of them. Each has a TLS context of its own, as the stock client changes what it is given.

    It offers HTTP/2 by the context, and a line of ours that shared it would as well.
    """

    def lean(_: Carrier) -> Network:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return Lean(context, connections=connections)

    def stock(carrier: Carrier) -> Network:
        from gateway.engine.multiplexed import Multiplexed  # noqa: PLC0415 - few ask for it
        from gateway.engine.stock import Stock, stock_transport  # noqa: PLC0415 - the same

        transport = stock_transport(
            ssl.create_default_context(),
            connections=connections,
            http2=carrier.http2,
            proxy=_spelled(carrier.proxy),
        )
        return Multiplexed(transport) if carrier.http2 else Stock(transport)

    return Networks({"lean": lean, "httpx": stock})


def _spelled(proxy: Proxy | None) -> tuple[str, tuple[str, str] | None] | None:
    """A proxy's address, and who we are to it."""
    if proxy is None:
        return None
    if proxy.username is None or proxy.password is None:
        return proxy.url, None
    return proxy.url, (proxy.username, proxy.password.get_secret_value())


def replaced(client: "Transport | Network") -> Networks:
    """One in the place of all: a network, or a transport of httpx."""
    from gateway.engine.stock import Stock, Transport  # noqa: PLC0415 - the same

    network = Stock(client) if isinstance(client, Transport) else client
    return Networks({"lean": lambda _: network, "httpx": lambda _: network})
