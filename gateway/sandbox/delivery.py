"""How an answer, true or spoilt, is put on the wire.

ASGI gives no way to break a connection. Under uvicorn (h11 and httptools alike) `receive` is a
method of the object that holds the connection's transport, so `reset` and `truncated` reach the
transport through it: a reset sets the socket to linger for zero seconds and aborts, which the peer
sees as RST; a truncated answer announces more bytes than it sends and then closes. Without such a
transport (a client in the same process) a reset is raised as `ConnectionResetError` and a truncated
answer just ends early, its Content-Length unfulfilled.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.canonical import json_text
from gateway.sandbox.faults import Fault

Headers = list[tuple[bytes, bytes]]

CHUNK = 64 * 1024
LINGER_ZERO = struct.pack("ii", 1, 0)
JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, held back so that a fault can spoil it."""

    status: int
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        """Sends it as it is."""
        await send(_start(self.status, self.headers))
        await send(_part(self.body, last=True))


CUT_SHORT = Answer(200, [(b"content-type", b"application/json")], b'{"data": [{"id": "cut sho')
"""What a truncated answer is cut from when the handler did not run."""


@dataclass(frozen=True, slots=True)
class Line:
    """The two directions of the caller's connection."""

    receive: Receive
    send: Send

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport below, where the server lets it be reached."""
        return getattr(getattr(self.receive, "__self__", None), "transport", None)

    async def gone(self) -> None:
        """Returns when the caller has hung up."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def gone_within(self, seconds: float) -> bool:
        """Whether the caller hangs up within the time."""
        try:
            async with asyncio.timeout(seconds):
                await self.gone()
        except TimeoutError:
            return False
        return True


Run = Callable[[], Awaitable[Answer]]


class Postponed:
    """What a vendor will do by itself in a while, whoever has hung up by then."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, seconds: float, run: Run) -> None:
        """Lets the vendor act after so many seconds."""

        async def act() -> None:
            await asyncio.sleep(seconds)
            await run()

        task = asyncio.create_task(act())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def clear(self) -> None:
        """Nothing that is still to come comes."""
        for task in self._tasks:
            task.cancel()


async def answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """Runs an app and keeps what it answers."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    start, *parts = messages
    return Answer(start["status"], start["headers"], b"".join(part["body"] for part in parts))


async def deliver(fault: Fault, run: Run, line: Line, postponed: Postponed) -> None:
    """Answers a call as the fault says; `run` lets the vendor act and gives its true answer."""
    if fault.kind == "late":
        postponed.add(float(fault.detail["seconds"]), run)
        await line.gone()
    elif fault.kind == "delay":
        await _delay(fault, run, line)
    elif fault.kind in _TRUE:
        await _TRUE[fault.kind](fault.detail, await _acted(fault, run), line)
    else:
        answer = None if fault.when == "before" else await _acted(fault, run)
        await _SPOILERS[fault.kind](fault.detail, answer, line)


def encoded(headers: Mapping[str, str]) -> Headers:
    """Headers as ASGI wants them."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


async def _acted(fault: Fault, run: Run) -> Answer:
    """The answer of the first run, after as many runs as the fault wants."""
    answer = await run()
    if "twice" in (fault.kind, fault.when):
        await run()
    return answer


async def _delay(fault: Fault, run: Run, line: Line) -> None:
    seconds = float(fault.detail["seconds"])
    if fault.when == "before":
        await asyncio.sleep(seconds)
        answer = await run()
    else:
        answer = await _acted(fault, run)
        await asyncio.sleep(seconds)
    await answer.send(line.send)


async def _true(_detail: Mapping[str, Any], answer: Answer, line: Line) -> None:
    await answer.send(line.send)


async def _misnamed(detail: Mapping[str, Any], answer: Answer, line: Line) -> None:
    """Puts another id where a vendor's answer has the record's: at its top, or in its `data`."""
    body = json_text.read(answer.body)
    record = body.get("data", body)
    record["id"] = detail["id"]
    content = json_text.write(body)
    headers = [header for header in answer.headers if header[0] != b"content-length"]
    headers.append((b"content-length", b"%d" % len(content)))
    await Answer(answer.status, headers, content).send(line.send)


async def _drip(detail: Mapping[str, Any], answer: Answer, line: Line) -> None:
    pause = 1 / float(detail["bytes_per_second"])
    await line.send(_start(answer.status, answer.headers))
    for byte in answer.body:
        if await line.gone_within(pause):
            return
        await line.send(_part(bytes([byte])))
    await line.send(_part(b"", last=True))


async def _status(detail: Mapping[str, Any], _answer: Answer | None, line: Line) -> None:
    body, headers = _scripted(detail.get("body"))
    headers |= {name.lower(): str(value) for name, value in detail.get("headers", {}).items()}
    headers["content-length"] = str(len(body))
    await Answer(detail["status"], encoded(headers), body).send(line.send)


async def _hang(_detail: Mapping[str, Any], _answer: Answer | None, line: Line) -> None:
    await line.gone()


async def _reset(_detail: Mapping[str, Any], _answer: Answer | None, line: Line) -> None:
    transport = line.transport
    if transport is None:
        raise ConnectionResetError("the sandbox was told to reset this connection")
    handle = transport.get_extra_info("socket")
    # A duplicate, because not every event loop lets its own socket take options.
    with socket.fromfd(handle.fileno(), handle.family, handle.type) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    transport.abort()
    await line.gone()


async def _truncated(_detail: Mapping[str, Any], answer: Answer | None, line: Line) -> None:
    whole = answer or CUT_SHORT
    half = whole.body[: (len(whole.body) + 1) // 2]
    headers = [header for header in whole.headers if header[0] != b"content-length"]
    headers.append((b"content-length", b"%d" % (len(whole.body) + 1)))
    await line.send(_start(whole.status, headers))
    transport = line.transport
    await line.send(_part(half, last=transport is None))
    if transport is not None:
        transport.close()
        await line.gone()


async def _garbage(_detail: Mapping[str, Any], _answer: Answer | None, line: Line) -> None:
    await Answer(200, encoded(JSON), b"<!doctype html> upstream \xff{").send(line.send)


async def _huge(detail: Mapping[str, Any], _answer: Answer | None, line: Line) -> None:
    await line.send(_start(200, encoded(JSON)))
    for part in _json_string(detail["bytes"]):
        await line.send(_part(part))
    await line.send(_part(b"", last=True))


async def _redirect(detail: Mapping[str, Any], _answer: Answer | None, line: Line) -> None:
    headers = encoded({"location": detail["location"], "content-length": "0"})
    await Answer(detail.get("status", 307), headers, b"").send(line.send)


_TRUE: Mapping[str, Callable[[Mapping[str, Any], Answer, Line], Awaitable[None]]] = {
    "twice": _true,
    "wrong_id": _misnamed,
    "drip": _drip,
}
"""The kinds that need the true answer, so that there is always one."""

_SPOILERS: Mapping[str, Callable[[Mapping[str, Any], Answer | None, Line], Awaitable[None]]] = {
    "status": _status,
    "hang": _hang,
    "reset": _reset,
    "truncated": _truncated,
    "garbage": _garbage,
    "huge": _huge,
    "redirect": _redirect,
}


def _start(status: int, headers: Headers) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _part(body: bytes, *, last: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": not last}


def _scripted(body: Any) -> tuple[bytes, dict[str, str]]:
    """A scripted body: `{"text", "content_type"}` is sent as it stands, other JSON as JSON."""
    if body is None:
        return b"", {}
    if isinstance(body, Mapping) and "text" in body and body.keys() <= {"text", "content_type"}:
        return body["text"].encode(), {"content-type": body.get("content_type", "text/html")}
    return json_text.write(body), dict(JSON)


def _json_string(size: int) -> Iterator[bytes]:
    """One JSON string of `size` bytes, its quotes included, in chunks."""
    yield b'"'
    for left in range(size - 2, 0, -CHUNK):
        yield b"x" * min(left, CHUNK)
    yield b'"'
