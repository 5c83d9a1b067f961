"""Replicas of the gateway that can be killed at any point of an operation.

`python -m tests.faults.replica FOLDER PORT…` serves the configuration of the folder on each port,
one process for a port. One that dies is forked again from here, with everything imported, so that
a thousand deaths cost seconds. SIGTERM ends it all.
"""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import uvicorn

from gateway.app import create_app, shared
from gateway.engine.lean import Lean
from gateway.engine.network import Answer, Network, Outgoing
from gateway.engine.stock import Stock, stock_transport
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.replies import Lease, Reply
from gateway.idempotency.store import Argument
from gateway.settings import load
from gateway.telemetry import logs
from tests.faults.clocks import stepped_ms
from tests.faults.fates import TAG, Fates
from tests.faults.layout import Layout
from tests.faults.settlement import LEAST_LEASE_MS, SPARED_MS
from tests.faults.waiting import until

PATIENCE = 0.002
"""Seconds between two looks at the ledger."""
BETWEEN = "send_request_headers.complete"
"""The point between head and body, which our own network does not have."""
LEASE_AT = {"begin": 0, "take": 0, "heartbeat": 0, "dispatch": 2}
"""Where among a script's arguments its lease is."""


class MortalStore(RedisStore):
    """The store, with a point before and after each script of a record, and shorter leases."""

    fates: Fates

    async def _run(
        self,
        script: str,
        hex32: str,
        owner: str,
        fence: int,
        *args: Argument,
        beside: Lease | None = None,
    ) -> Reply:
        self.fates.strike(f"before {script}", hex32)
        spared = _spared(script, args)
        told = await super()._run(script, hex32, owner, fence, *spared, beside=beside)
        self.fates.strike(f"after {script}", hex32)
        return told

    async def _run_confirmed(
        self,
        script: str,
        hex32: str,
        owner: str,
        fence: int,
        *args: Argument,
        replicas: int,
        wait_ms: int,
    ) -> tuple[Reply, int]:
        self.fates.strike(f"before {script}", hex32)
        told = await super()._run_confirmed(
            script, hex32, owner, fence, *_spared(script, args), replicas=replicas, wait_ms=wait_ms
        )
        self.fates.strike(f"after {script}", hex32)
        return told


def _spared(script: str, args: Sequence[Argument]) -> Sequence[Argument]:
    """The arguments with a lease that ends sooner, so that a death costs a test less waiting."""
    at = LEASE_AT.get(script)
    if at is None:
        return args
    lease_ms = args[at]
    assert isinstance(lease_ms, int)
    return [*args[:at], max(lease_ms - SPARED_MS, LEAST_LEASE_MS), *args[at + 1 :]]


class MortalNetwork(Network):
    """Our own network, with a point at each stage of a write.

    It writes a request in one go. For a death between head and body there is the stock client.
    """

    def __init__(self, fates: Fates, ledger: Path) -> None:
        context = ssl.create_default_context()
        self._lean = Lean(context, connections=512)
        self._stock = stock_transport(context, connections=512)
        self._fates = fates
        self._ledger = ledger

    async def carry(self, outgoing: Outgoing) -> Answer:
        """Carries it; the gate is a point, and so is each step behind it."""
        name = _name(outgoing)
        if name is None:
            return await self._lean.carry(outgoing)
        if self._fates.armed(BETWEEN, name):
            half = HalfWritten(self._stock, partial(self._fates.strike, BETWEEN, name))
            return await Stock(half).carry(outgoing)
        before = self._lines(name) if self._fates.armed("committed", name) else 0

        async def gate() -> None:
            await outgoing.gate()
            self._fates.strike("send_request_headers.started", name)
            written = partial(self._fates.strike, "send_request_body.complete", name)
            asyncio.get_running_loop().call_soon(written)

        async def committed() -> None:
            await until(lambda: self._lines(name) > before or answering.done(), pause=PATIENCE)

        answering = asyncio.ensure_future(self._lean.carry(replace(outgoing, gate=gate)))
        try:
            await self._fates.strike_after("committed", name, committed)
            answer = await answering
        finally:
            answering.cancel()
        self._fates.strike("replied", name)
        return answer

    def _lines(self, name: str) -> int:
        return self._ledger.read_text().count(name)

    async def aclose(self) -> None:
        """Lets go of its connections."""
        await self._lean.aclose()
        await self._stock.aclose()


class HalfWritten(httpx.AsyncBaseTransport):
    """The stock client, which strikes when it has written the head of a request."""

    def __init__(self, inner: httpx.AsyncBaseTransport, strike: Callable[[], None]) -> None:
        self._inner = inner
        self._strike = strike

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes it on."""
        told = request.extensions["trace"]

        async def traced(event: str, info: Mapping[str, Any]) -> None:
            await told(event, info)
            if event == f"http11.{BETWEEN}":
                self._strike()

        request.extensions["trace"] = traced
        return await self._inner.handle_async_request(request)


def _name(outgoing: Outgoing) -> str | None:
    """What a write is known by: its tag, else the record that it is about."""
    if outgoing.method == "GET":
        return None
    if tag := TAG.search((outgoing.content or b"").decode("utf-8", "replace")):
        return tag.group()
    return outgoing.target.partition("?")[0].rstrip("/").rpartition("/")[2]


def serve(layout: Layout, port: int) -> None:
    """Serves until it is told to end, or struck."""
    settings = load(layout.configuration)
    logs.configure(json=True, level="info")
    fates = Fates(layout.fates)
    nodes = shared.nodes_of(settings)
    if nodes is None:
        raise SystemExit("the rig's replicas share a Redis")
    now = partial(stepped_ms, layout.clock) if layout.clock.exists() else None
    store = MortalStore(nodes, now=now)
    store.fates = fates
    client = MortalNetwork(fates, layout.ledger)
    app = create_app(settings, client=client, store=store)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="warning",
        backlog=4096,
        timeout_graceful_shutdown=settings.file.timeouts.request_seconds,
    )


class Fleet:
    """The processes, one for each port."""

    def __init__(self, layout: Layout, ports: list[int]) -> None:
        self._layout = layout
        self._ports = ports
        self._alive: dict[int, int] = {}
        self._ending = False

    def run(self) -> None:
        """Keeps them alive until told to end."""
        signal.signal(signal.SIGTERM, self._end)
        for port in self._ports:
            self._fork(port)
        while self._alive:
            with suppress(ChildProcessError):
                pid, _ = os.wait()
                port = self._alive.pop(pid)
                if not self._ending:
                    self._fork(port)

    def _fork(self, port: int) -> None:
        pid = os.fork()
        if pid:
            self._alive[pid] = port
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sink = os.open(self._layout.log(port), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        self._layout.say_pid(port)
        try:
            serve(self._layout, port)
        finally:
            sys.stdout.flush()
            os._exit(0)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True
        for pid in self._alive:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    Fleet(Layout(Path(sys.argv[1])), [int(port) for port in sys.argv[2:]]).run()
