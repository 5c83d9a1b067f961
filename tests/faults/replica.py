"""Replicas of the gateway that can be killed at any point of an operation.

`python -m tests.faults.replica FOLDER PORT…` serves the configuration of the folder on each port,
one process for a port. One that dies is forked again from here, with everything imported, so that
a thousand deaths cost seconds. SIGTERM ends it all.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import uvicorn

from gateway.app import create_app, shared
from gateway.engine.wire import transport
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.store import Argument, Reply
from gateway.settings import load
from gateway.telemetry import logs
from tests.faults.clocks import stepped_ms
from tests.faults.fates import TAG, Fates
from tests.faults.layout import Layout
from tests.faults.settlement import LEAST_LEASE_MS, SPARED_MS
from tests.faults.waiting import until

PATIENCE = 0.002
"""Seconds between two looks at the ledger."""
LEASE_AT = {"begin": 0, "take": 0, "heartbeat": 0, "dispatch": 2}
"""Where among a script's arguments its lease is."""


class MortalStore(RedisStore):
    """The store, with a point before and after each script of a record, and shorter leases."""

    fates: Fates

    async def _run(self, script: str, hex32: str, owner: str, fence: int, *args: Argument) -> Reply:
        self.fates.strike(f"before {script}", hex32)
        told = await super()._run(script, hex32, owner, fence, *_spared(script, args))
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


class MortalTransport(httpx.AsyncBaseTransport):
    """The wire, with a point at each stage of a write."""

    def __init__(self, inner: httpx.AsyncBaseTransport, fates: Fates, ledger: Path) -> None:
        self._inner = inner
        self._fates = fates
        self._ledger = ledger

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes it on; each event of the client is a point, and so are two in between."""
        name = _name(request)
        if name is None:
            return await self._inner.handle_async_request(request)
        gate = request.extensions["trace"]
        before = self._lines(name) if self._fates.armed("committed", name) else 0

        async def committed() -> None:
            await until(lambda: self._lines(name) > before, pause=PATIENCE)

        async def traced(event: str, info: Mapping[str, Any]) -> None:
            await gate(event, info)
            self._fates.strike(event.removeprefix("http11."), name)
            if event == "http11.receive_response_headers.started":
                await self._fates.strike_after("committed", name, committed)

        request.extensions["trace"] = traced
        response = await self._inner.handle_async_request(request)
        self._fates.strike("replied", name)
        return response

    def _lines(self, name: str) -> int:
        return self._ledger.read_text().count(name)

    async def aclose(self) -> None:
        """Lets go of its connections."""
        await self._inner.aclose()


def _name(request: httpx.Request) -> str | None:
    """What a write is known by: its tag, else the record that it is about."""
    if request.method == "GET":
        return None
    if tag := TAG.search(request.content.decode("utf-8", "replace")):
        return tag.group()
    return request.url.path.rstrip("/").rpartition("/")[2]


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
    client = MortalTransport(transport(), fates, layout.ledger)
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
