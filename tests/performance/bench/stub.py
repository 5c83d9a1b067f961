"""Vendors that answer what the sandbox answered, as fast as a process can: `… bench.stub FILE`.

A path below `/wait-20` is answered after 20 ms. It prints its port once it listens.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final, cast

import httptools
import uvloop

_WAIT: Final = b"/wait-"


class Answers:
    """What is said to each method and target."""

    def __init__(self, recording: Mapping[str, Mapping[str, object]]) -> None:
        self._said = {name.encode(): _spelled(answer) for name, answer in recording.items()}
        self._missing = _spelled({"status": 404, "headers": [], "body": '{"error": "unknown"}'})

    def to(self, method: bytes, target: bytes) -> tuple[bytes, float]:
        """An answer, and after how many seconds it is given."""
        seconds = 0.0
        if target.startswith(_WAIT):
            wait, _, target = target[len(_WAIT) :].partition(b"/")
            target, seconds = b"/" + target, int(wait) / 1000
        said = self._said.get(method + b" " + target)
        if said is None:
            said = self._said.get(method + b" " + target.partition(b"?")[0], self._missing)
        return said, seconds


class Line(asyncio.Protocol):
    """One connection; requests on it come one after another."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The caller is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """Some of a request came."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Where to."""
        self._target = url

    def on_message_complete(self) -> None:
        """It is whole."""
        said, seconds = self._answers.to(self._parser.get_method(), self._target)
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._transport.write, said)
        else:
            self._transport.write(said)


def _spelled(answer: Mapping[str, object]) -> bytes:
    body = str(answer["body"]).encode()
    headers = answer["headers"]
    assert isinstance(headers, list)
    lines = [f"{name}: {value}" for name, value in headers] + [f"content-length: {len(body)}"]
    return (
        f"HTTP/1.1 {answer['status']} OK\r\n".encode()
        + "\r\n".join([*lines, "", ""]).encode()
        + body
    )


async def serve(answers: Answers) -> None:
    """Answers until it is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Line, answers), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Answers(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
