"""A wire between a store and its Redis that a test may slow down, or lose replies on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.servers import free_port

CHUNK = 65536


@dataclass
class Proxy:
    """Passes bytes both ways."""

    target: int
    port: int
    lose: int = 0
    """How many replies are still to be lost: read from Redis, and the connection cut instead."""
    delay: float = 0.0
    """Seconds that a reply takes longer."""
    lost: int = 0
    """How many were lost."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    wires: set[asyncio.StreamWriter] = field(default_factory=set)
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where the store connects to."""
        return f"redis://127.0.0.1:{self.port}/0"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection of the store's."""
        task = asyncio.create_task(self._serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def end(self) -> None:
        """Cuts every connection."""
        self.over.set()
        for wire in self.wires:
            wire.close()
        await asyncio.gather(*self.serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        wires = {writer, up_writer}
        self.wires |= wires
        ways = (self._there(reader, up_writer), self._back(up_reader, writer))
        tasks = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for wire in wires:
            wire.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        for wire in wires:
            with suppress(OSError):
                await wire.wait_closed()
        self.wires -= wires

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            writer.write(data)

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), self.delay)
            if self.lose:
                self.lose -= 1
                self.lost += 1
                return
            writer.write(data)


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """A proxy before a port of loopback."""
    proxy = Proxy(target, free_port())
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", proxy.port)
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
