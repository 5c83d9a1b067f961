"""What carrying a call costs: `python -m tests.performance.wire [ROUNDS]`.

A PATCH of 764 bytes is answered at once with 3 kB by a vendor in another process. Each network
makes the same calls, so many at once, all of them in turn in each round. Prints the processor time
of this process for a call, in microseconds: the median of the rounds. The transport that stands on
aiohttp is measured where somebody installed it.
"""

import asyncio
import importlib.util
import multiprocessing
import ssl
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, Final

from gateway.engine.lean import Lean
from gateway.engine.network import Network, Origin, Outgoing
from gateway.engine.stock import Stock, stock_transport

ROUNDS: Final = 3
AT_ONCE: Final = (1, 16, 64, 256)
CALLS: Final = 2000
"""In each cell of a round; the first tenth is not counted."""
LINES: Final = 512
CONTENT: Final = b"{" + b" " * 762 + b"}"
BODY: Final = b'{"id":"1"' + b" " * 2990 + b"}"
ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: 0123456789abcdef\r\n"
    b"Date: Sat, 21 Nov 2026 12:00:00 GMT\r\nServer: vendor\r\nContent-Length: %d\r\n\r\n%b"
) % (len(BODY), BODY)
HEADERS: Final = {
    "User-Agent": "opportunity-gateway",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Authorization": "Bearer not-a-secret",
    "Content-Type": "application/json",
}


class Vendor(asyncio.Protocol):
    """Answers each request when its last byte is there."""

    def connection_made(self, transport: Any) -> None:
        """Takes a connection."""
        self._transport = transport
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        """Takes bytes; a request ends as its content does."""
        self._tail = (self._tail + data)[-len(CONTENT) :]
        if self._tail == CONTENT:
            self._tail = b""
            self._transport.write(ANSWER)


def vendor(told: Connection) -> None:
    """Serves until its process is ended."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    runner()(serve())


def runner() -> Callable[[Any], Any]:
    """Runs a coroutine on the loop that a gateway has."""
    if importlib.util.find_spec("uvloop"):
        import uvloop  # noqa: PLC0415 - it is an extra

        return uvloop.run
    return asyncio.run


def networks() -> Mapping[str, Network]:
    """Those that are compared."""
    context = ssl.create_default_context()
    every: dict[str, Network] = {
        "httpx": Stock(stock_transport(context, connections=LINES)),
        "lean": Lean(context, connections=LINES),
    }
    if importlib.util.find_spec("httpx_aiohttp"):
        module = importlib.import_module("httpx_aiohttp")
        every["aiohttp"] = Stock(module.AiohttpTransport())
    return every


async def cost(network: Network, port: int, at_once: int) -> float:
    """Microseconds of a call."""
    loop = asyncio.get_running_loop()
    origin = Origin(secure=False, host="127.0.0.1", port=port, outside_only=False)

    async def gate() -> None:
        pass

    async def calls(number: int) -> None:
        for _ in range(number):
            outgoing = Outgoing(
                origin=origin,
                method="PATCH",
                target="/v1/opportunities/1",
                headers=HEADERS,
                content=CONTENT,
                gate=gate,
                connect=30.0,
                ends=loop.time() + 60.0,
            )
            answer = await network.carry(outgoing)
            if answer.body != BODY:
                raise RuntimeError("the answer is another one")

    each = max(CALLS // at_once, 1)
    await asyncio.gather(*(calls(max(each // 10, 1)) for _ in range(at_once)))
    start = time.process_time()
    await asyncio.gather(*(calls(each) for _ in range(at_once)))
    return (time.process_time() - start) / (each * at_once) * 1e6


async def compared(port: int, rounds: int) -> Mapping[str, Mapping[int, float]]:
    """The median of each cell."""
    found: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for at_once in AT_ONCE:
            for name, network in networks().items():
                found[name, at_once].append(await cost(network, port, at_once))
                await network.aclose()
    names = dict.fromkeys(name for name, _ in found)
    return {n: {c: statistics.median(found[n, c]) for c in AT_ONCE} for n in names}


def main() -> None:
    """Compares them, and prints a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=vendor, args=(theirs,), daemon=True)
    process.start()
    found = runner()(compared(ours.recv(), rounds))
    process.terminate()
    print("| CPU µs a call | " + " | ".join(f"c={c}" for c in AT_ONCE) + " |")  # noqa: T201
    print("|---" + "|--:" * len(AT_ONCE) + "|")  # noqa: T201
    for name, cells in found.items():
        print(f"| {name} | " + " | ".join(f"{cells[c]:.0f}" for c in AT_ONCE) + " |")  # noqa: T201


if __name__ == "__main__":
    main()
