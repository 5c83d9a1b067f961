"""The driver: callers who ask through the balancer, all at once if need be, and write it down.

It speaks HTTP/1.0 over bare sockets: a thousand callers cost little, each can hang up at any
moment, and nothing is sent again behind its back.
"""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults.history import History, Said, Wish
from tests.faults.settlement import CHIEF

LINGER_ZERO = struct.pack("ii", 1, 0)
TRY_SECONDS = 40.0
PAUSE_SECONDS = 0.5
"""At most this long between two tries: a `Retry-After` is a courtesy that a rig need not show."""

HangUp = Callable[[], Awaitable[None]]
"""Ends when the caller is to hang up."""


def body_of(wish: Wish) -> bytes:
    """The body of a wish, the same in every try."""
    if wish.action == "delete":
        return b""
    body: dict[str, object] = {"name": f"Deal {wish.tag}"}
    if wish.adds:
        body = {wish.bearer: f"Deal {wish.tag}", "custom_fields_add": {"robots": [wish.adds]}}
    if wish.action == "create":
        body["connection"] = wish.connection
        if len(wish.steps) > 1:
            body["custom_fields"] = {"source": f"Fair {wish.tag}"}
    return json.dumps(body).encode()


_METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
_MEDIA = {"create": "application/json", "update": "application/merge-patch+json"}


def request_of(wish: Wish, secret: str, body: bytes) -> bytes:
    """The wish as it goes over the wire."""
    path = "/v1/opportunities" + (f"/{wish.connection}.{wish.target}" if wish.target else "")
    headers = {
        "Host": "gateway.test",
        "Authorization": f"Bearer {secret}",
        "Idempotency-Key": wish.key,
        "Content-Length": str(len(body)),
    }
    if media := _MEDIA.get(wish.action):
        headers["Content-Type"] = media
    if wish.if_match:
        headers["If-Match"] = wish.if_match
    return spelled(_METHODS[wish.action], path, headers) + body


def spelled(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request."""
    lines = [f"{method} {path} HTTP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over a connection, None for a status where it cannot be read."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass(slots=True)
class Driver:
    """Callers with their secrets, in front of one port."""

    port: int
    secrets: Mapping[str, str]
    history: History

    async def ask(
        self,
        wish: Wish,
        *,
        start: asyncio.Barrier | None = None,
        hang_up: HangUp | None = None,
        port: int | None = None,
    ) -> Said:
        """One try; at a barrier it is connected first, and then waits for the others."""
        asked = time.time()
        request = request_of(wish, self.secrets[wish.caller], body_of(wish))
        answer = Answer()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(TRY_SECONDS):
                answer = await self._exchanged(request, port or self.port, start, hang_up)
        said = Said(
            wish=wish,
            asked=asked,
            heard=time.time(),
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
        )
        self.history.said.append(said)
        return said

    async def first(self, wish: Wish) -> Said:
        """The first answer but for those that turn a caller away for the moment."""
        said = await self.ask(wish)
        while said.meaning == "fail" and not said.is_final:
            await asyncio.sleep(PAUSE_SECONDS)
            said = await self.ask(wish)
        return said

    async def insist(self, wish: Wish, *, seconds: float) -> Said:
        """Tries until there is a final answer, or only an operator could give one."""
        until = time.monotonic() + seconds
        said = await self.ask(wish)
        while not (said.is_final or said.is_parked) and time.monotonic() < until:
            await asyncio.sleep(PAUSE_SECONDS)
            said = await self.ask(wish)
        return said

    async def crowd(self, wishes: Sequence[Wish]) -> list[Said]:
        """Every wish at the same instant."""
        start = asyncio.Barrier(len(wishes))
        return await asyncio.gather(*(self.ask(wish, start=start) for wish in wishes))

    async def get(self, path: str, caller: str, port: int | None = None) -> Answer:
        """A read, which is no part of the history."""
        headers = {"Host": "gateway.test", "Authorization": f"Bearer {self.secrets[caller]}"}
        async with asyncio.timeout(TRY_SECONDS):
            return await self._exchanged(
                spelled("GET", path, headers), port or self.port, None, None
            )

    async def resolve(self, operation_id: str, **verdict: str) -> Answer:
        """An operator's word on an operation that nothing could be found out about."""
        body = json.dumps(verdict).encode()
        headers = {
            "Host": "gateway.test",
            "Authorization": f"Bearer {self.secrets[CHIEF]}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        head = spelled("POST", f"/v1/operations/{operation_id}/resolve", headers)
        async with asyncio.timeout(TRY_SECONDS):
            return await self._exchanged(head + body, self.port, None, None)

    async def _exchanged(
        self,
        request: bytes,
        port: int,
        start: asyncio.Barrier | None,
        hang_up: HangUp | None,
    ) -> Answer:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        finally:
            if start is not None:  # who cannot connect must not keep the others waiting
                await start.wait()
        try:
            writer.write(request)
            if hang_up is not None:
                await hang_up()
                _reset(writer)
                return Answer()
            return read_answer(await reader.read())
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def read_answer(raw: bytes) -> Answer:
    """An answer that ended with its connection; a broken one is none."""
    head, parted, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = first.split(" ")[1:2]
    if not parted or not status:
        return Answer()
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if len(body) < int(headers.get("content-length", "0")):
        return Answer()
    return Answer(int(status[0]), headers, body.decode("utf-8", "replace"))


def again(wish: Wish, **members: str) -> Wish:
    """The same wish but for some members."""
    return replace(wish, **members)  # type: ignore[arg-type]  # all of these are texts


def _reset(writer: asyncio.StreamWriter) -> None:
    handle = writer.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    writer.transport.abort()
