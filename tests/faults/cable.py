"""A cable between replicas and their Redis that can be cut, stretched and made to lose a reply."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.servers import free_port

CHUNK = 65536


@dataclass
class Cable:
    """Passes bytes both ways, to a port that may change while it does."""

    port: int = field(default_factory=free_port)
    target: int = 0
    delay: float = 0.0
    """Seconds that a reply takes longer."""
    cut: bool = False
    """Whether nothing passes any more, though connections stay open: a black hole."""
    lose: bytes | None = None
    """What a command has to hold for its reply to be lost, and its connection with it; once."""
    lost: int = 0
    """How many replies were lost."""
    _serving: set[asyncio.Task[None]] = field(default_factory=set)
    _wires: set[asyncio.StreamWriter] = field(default_factory=set)

    def mend(self) -> None:
        """Lets all pass again; connections from before are gone."""
        self.cut, self.delay, self.lose = False, 0.0, None
        for wire in self._wires:
            wire.transport.abort()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Cable"]:
        """The cable in place."""
        server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, backlog=1024)
        try:
            yield self
        finally:
            server.close()
            self.mend()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wires = {writer}
        self._wires |= wires
        doomed = asyncio.Event()
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
            wires.add(up_writer)
            self._wires.add(up_writer)
            ways = (self._there(reader, up_writer, doomed), self._back(up_reader, writer, doomed))
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            return  # what it leads to is down
        finally:
            for wire in wires:
                wire.transport.abort()
            self._wires -= wires

    async def _there(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.lose and self.lose in data:
                    self.lose = None
                    doomed.set()
                if not self.cut:
                    writer.write(data)

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if doomed.is_set():
                    self.lost += 1
                    return
                if self.delay:
                    await asyncio.sleep(self.delay)
                if not self.cut:
                    writer.write(data)
