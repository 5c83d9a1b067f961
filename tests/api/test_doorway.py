"""The doorway on real sockets: heads that are too large, that never end, and that are none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gateway.api.doorway import HEAD_SECONDS, Doorway
from gateway.api.headers import MAX_BYTES, MAX_HEAD, MAX_LINES, SECURITY_HEADERS
from gateway.app import create_app
from gateway.canonical import json_text
from gateway.sandbox import create_sandbox
from gateway.settings import parse
from gateway.telemetry.hooks import Hooks
from tests.sandboxed import KEY, InProcess, Sandboxed, tree


class Hasty(Doorway):
    """The doorway for a test that has no ten seconds."""

    head_seconds = 0.2


class Spoken:
    """An answer as it came over the line."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        start, *lines = head.decode().split("\r\n")
        self.status = int(start.split(" ")[1])
        pairs = (line.split(": ", 1) for line in lines)
        self.headers = {name.lower(): value for name, value in pairs}

    @property
    def code(self) -> Any:
        """The problem's code."""
        return json_text.read(self.body)["code"]


class Line:
    """A connection to the gateway, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Sends what it can; the other end may have hung up."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass

    async def answered(self) -> Spoken:
        """The one answer, or the end of it where the gateway hung up."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = Spoken(head).headers.get("content-length", "0")
        return Spoken(head + await self._reader.readexactly(int(length)))

    async def ended(self) -> bool:
        """Whether the gateway hangs up."""
        try:
            return await self._reader.read() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()


class Served:
    """A gateway that listens."""

    def __init__(self, port: int) -> None:
        self._port = port

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A new connection."""
        line = Line(*await asyncio.open_connection("127.0.0.1", self._port))
        try:
            yield line
        finally:
            line.close()


@asynccontextmanager
async def serving(protocol: type[Doorway]) -> AsyncIterator[Served]:
    """The gateway under its own server, as `gateway serve` starts it."""
    app = create_app(parse(tree(), {}, Path()), client=InProcess(create_sandbox()), hooks=Hooks())
    config = uvicorn.Config(
        app, port=0, http=protocol, log_level="critical", server_header=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no way to tell
        await asyncio.sleep(0.01)
    yield Served(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await running


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """The gateway as it is served."""
    async with serving(Doorway) as running:
        yield running


def head(*lines: str, path: str = "/livez") -> bytes:
    """A request's head with these lines more."""
    own = ("Host: gateway.test", f"Authorization: Bearer {KEY}")
    return "\r\n".join((f"GET {path} HTTP/1.1", *own, *lines, "", "")).encode()


async def test_a_head_within_bounds_is_served(served: Served) -> None:
    """As many lines and bytes as are permitted, on one connection after another."""
    async with served.line() as line:
        for lines in (
            [f"X-{number}: y" for number in range(MAX_LINES - 2)],
            [f"X-Big: {'y' * (MAX_BYTES - 200)}"],
        ):
            await line.send(head(*lines))
            assert (await line.answered()).status == 200


@pytest.mark.parametrize(
    "lines",
    [
        [f"X-{number}: y" for number in range(MAX_LINES)],
        [f"X-Big: {'y' * MAX_BYTES}"],
        [f"X-{number}: {'y' * 1000}" for number in range(MAX_BYTES // 1000 + 1)],
    ],
    ids=["lines", "one-value", "all-together"],
)
@pytest.mark.parametrize("path", ["/livez", "/v1/connections", "/nowhere"])
async def test_a_head_that_is_too_large_is_a_problem(
    served: Served, lines: list[str], path: str
) -> None:
    """Before anybody is authenticated; the connection goes on."""
    async with served.line() as line:
        await line.send(head(*lines, path=path))
        answer = await line.answered()
        assert (answer.status, answer.code) == (431, "headers-too-large")
        assert answer.headers["content-type"] == "application/problem+json"
        await line.send(head())
        assert (await line.answered()).status == 200


ENDLESS = {
    "one-value": b"GET /livez HTTP/1.1\r\nX-Endless: ",
    "lines": b"GET /livez HTTP/1.1\r\n",
    "target": b"GET /",
}


@pytest.mark.parametrize("start", ENDLESS.values(), ids=ENDLESS)
async def test_a_head_without_end_is_cut_off(served: Served, start: bytes) -> None:
    """No more of it is held than is permitted, whatever it is made of."""
    piece = b"X-A: yyyyyyyyy\r\n" if start.endswith(b"\r\n") else b"y" * 16
    async with served.line() as line:
        await line.send(start)
        for _ in range(2 * MAX_HEAD // len(piece)):
            await line.send(piece)
        answer = await line.answered()
        assert (answer.status, answer.code) == (431, "headers-too-large")
        assert answer.headers["connection"] == "close"
        assert await line.ended()


async def test_a_head_that_drips_is_not_waited_for() -> None:
    """A slow caller holds a connection for a while, and no longer (F17)."""
    async with serving(Hasty) as served, served.line() as slow, served.line() as quick:
        await slow.send(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        await quick.send(head())
        assert (await quick.answered()).status == 200
        answer = await slow.answered()
        assert (answer.status, answer.code) == (408, "request-timeout")
        assert await slow.ended()
    assert Doorway.head_seconds == HEAD_SECONDS


async def test_a_body_may_take_longer_than_a_head() -> None:
    """It has the request's own time."""
    async with serving(Hasty) as served, served.line() as line:
        body = b'{"operation": "read", "record": {"id": "oppo_1"}}'
        start = head("Content-Type: application/json", f"Content-Length: {len(body)}",
                     path="/v1/connections/acme-close/translations")  # fmt: skip
        await line.send(start.replace(b"GET", b"POST", 1))
        await asyncio.sleep(3 * Hasty.head_seconds)
        await line.send(body)
        assert (await line.answered()).status == 200


async def test_the_rest_of_a_body_is_waited_for_only_so_long(served: Served) -> None:
    """Also on a connection whose last request was whole at once, and needed no clock."""
    body = b'{"operation": "read", "record": {"id": "oppo_1"}}'
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}",
             "X-Request-Timeout-Ms: 100")  # fmt: skip
    start = head(*lines, path="/v1/connections/acme-close/translations")
    start = start.replace(b"GET", b"POST", 1)
    async with served.line() as line:
        await line.send(start + body)
        assert (await line.answered()).status == 200
        await line.send(start + body[:9])
        answer = await line.answered()
        assert (answer.status, answer.code) == (408, "request-timeout")


async def test_a_kept_connection_may_rest_between_two_requests() -> None:
    """Its patience begins with the first byte of the next head."""
    async with serving(Hasty) as served, served.line() as line:
        for _ in range(2):
            await line.send(head())
            assert (await line.answered()).status == 200
            await asyncio.sleep(3 * Hasty.head_seconds)


@pytest.mark.parametrize(
    "bytes_",
    [b"\x00\x01\x02\r\n\r\n", b"GET /livez HTTP/1.1\r\nContent-Length: x\r\n\r\n",
     b"GET /livez HTTP/1.1\r\nBad Name: x\r\n\r\n",
     b"POST /livez HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ids=["no-http", "no-length", "no-name", "two-lengths"],
)  # fmt: skip
async def test_what_is_no_http_is_told_so_as_a_problem(served: Served, bytes_: bytes) -> None:
    """With the headers that every answer has, and nothing repeated of what came."""
    async with served.line() as line:
        await line.send(bytes_)
        answer = await line.answered()
        assert (answer.status, answer.code) == (400, "malformed-request")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"].startswith("req_")
        assert {name: answer.headers[name.lower()] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert await line.ended()


@pytest.mark.parametrize("path", ["/livez", "/v1/connections", "/nowhere", "/docs"])
async def test_the_frame_has_the_same_bounds_under_another_server(
    house: Sandboxed, path: str
) -> None:
    """Who serves the application otherwise has them too."""
    many = {f"X-{number}": "y" for number in range(MAX_LINES)}
    for sent in (many, {"X-Big": "y" * MAX_BYTES}):
        response = await house.api.get(path, headers=sent)
        assert response.status_code == 431
        assert "cache-control" in response.headers
