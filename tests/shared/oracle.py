"""A sentinel that says what a test wants, over real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.shared.nodes import Place


@dataclass
class Oracle:
    """What it names: a primary of a service, since an epoch; None where it knows of none."""

    port: int = 0
    named: int | None = None
    epoch: int = 1
    flags: str = "master"
    silent: bool = False
    heard: list[Sequence[str]] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Where it listens."""
        return "127.0.0.1", self.port

    @property
    def asked(self) -> int:
        """How often it was asked for a primary."""
        return sum(words[0] == "SENTINEL" for words in self.heard)

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Answers while the context is open."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = [await _word(reader) for _ in range(int(head[1:]))]
            self.heard.append(words)
            if not self.silent:
                writer.write(self._answer(words))
        writer.close()

    def _answer(self, words: Sequence[str]) -> bytes:
        if words[0] != "SENTINEL":
            return b"+OK\r\n"
        if self.named is None:
            return b"-ERR No such master with that name\r\n"
        told = {
            "name": words[2],
            "ip": "127.0.0.1",
            "port": str(self.named),
            "flags": self.flags,
            "config-epoch": str(self.epoch),
        }
        flat = [part for pair in told.items() for part in pair]
        spelled = "".join(f"${len(part)}\r\n{part}\r\n" for part in flat)
        return f"*{len(flat)}\r\n{spelled}".encode()


async def _word(reader: asyncio.StreamReader) -> str:
    length = int((await reader.readline())[1:])
    return (await reader.readexactly(length + 2))[:-2].decode()
