"""A vendor that misbehaves on a real socket, and counts what reaches it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Line:
    """One connection to the vendor: what came, and the ways to answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        """Sends bytes as they are."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    def reset(self) -> None:
        """Cuts the connection with a reset instead of an end."""
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[Line], Awaitable[None]]


@dataclass(slots=True)
class Hostile:
    """The server: `behaves` is asked after each whole request."""

    behaves: Behaviour
    url: str = ""
    accepted: int = 0
    lines: int = 0
    """Connections that are open now."""
    bytes_seen: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each request that arrived whole."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection to its end."""
        self.accepted += 1
        self.lines += 1
        try:
            while request := await self._request(reader):
                self.requests.append(request)
                await self.behaves(Line(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.lines -= 1
            with contextlib.suppress(ConnectionError):
                writer.close()
                await writer.wait_closed()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        first = await reader.read(1)
        self.bytes_seen += len(first)
        if not first:
            return b""
        head = first + await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
        body = await reader.readexactly(int(lines.get(b"content-length", b"0")))
        self.bytes_seen += len(head) - 1 + len(body)
        return head + body


@asynccontextmanager
async def hostile(behaves: Behaviour) -> AsyncIterator[Hostile]:
    """A vendor on a port of this machine."""
    vendor = Hostile(behaves)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(vendor.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@contextmanager
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def answer(
    body: bytes = b'{"id":1}', status: str = "200 OK", *, length: int | None = None, **headers: str
) -> bytes:
    """The bytes of an answer; `length` may lie."""
    lines = {"Content-Length": str(len(body) if length is None else length), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def answering(*parts: bytes) -> Behaviour:
    """Sends these bytes, and goes on listening."""

    async def behave(line: Line) -> None:
        await line.send(*parts)

    return behave


def then_closing(*parts: bytes) -> Behaviour:
    """Sends these bytes, and ends the connection."""

    async def behave(line: Line) -> None:
        await line.send(*parts)
        line.writer.close()

    return behave


def then_resetting(*parts: bytes) -> Behaviour:
    """Sends these bytes, and cuts the connection."""

    async def behave(line: Line) -> None:
        await line.send(*parts)
        line.reset()

    return behave


def then_hanging(*parts: bytes) -> Behaviour:
    """Sends these bytes, and never another."""

    async def behave(line: Line) -> None:
        await line.send(*parts)
        await asyncio.Event().wait()

    return behave


def endless(head: bytes, part: bytes) -> Behaviour:
    """Sends the same part again and again, as fast as it is taken."""

    async def behave(line: Line) -> None:
        await line.send(head)
        while True:
            await line.send(part)

    return behave


def dripping(head: bytes, body: bytes) -> Behaviour:
    """Sends the body byte by byte, so that no single read ever times out."""

    async def behave(line: Line) -> None:
        await line.send(head)
        for each in body:
            await line.send(bytes([each]))
            await asyncio.sleep(0.02)

    return behave
