"""Requests and their times, from a process of its own: `… bench.load` reads jobs, a line each.

A job is `{"port", "requests": [{"head", "body", "key"}], "at_once", "seconds" or "count", "rate"}`;
with a `rate` requests start when they are due, and their time counts from then. What it answers,
a line each, are times in seconds and how many were answered how.
"""

import asyncio
import json
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, cycle
from time import perf_counter
from typing import Any, Final, cast

import uvloop

KEY_MARK: Final = b"%KEY%"
_NUMBERS: Final = count()


class Line(asyncio.Protocol):
    """A connection that asks, and says when it was answered."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._buffer = b""
        self._ends = -1
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def ask(self, request: bytes, since: float) -> None:
        """Sends one request."""
        self._since, self._buffer, self._ends = since, b"", -1
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Some of the answer came."""
        self._buffer += data
        if self._ends < 0:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            self._ends = head + 4 + _length(self._buffer[:head])
        if len(self._buffer) >= self._ends:
            self._run.answered(self, int(self._buffer[9:12]), perf_counter() - self._since)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side went away."""
        self._run.lost()

    def close(self) -> None:
        """Ends it."""
        self._transport.abort()


class Run:
    """One job."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = job
        self._requests = _spelled(job["requests"])
        self._times: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._idle: deque[Line] = deque()
        self._due: deque[float] = deque()
        self._left = job.get("count", sys.maxsize)
        self._open = 0
        self._until = float("inf")
        self._done = asyncio.Event()
        self._lost = 0

    async def run(self) -> Mapping[str, Any]:
        """Does it."""
        loop = asyncio.get_running_loop()
        lines: list[Line] = []
        for _ in range(self._job["at_once"]):
            _, line = await loop.create_connection(
                lambda: Line(self), "127.0.0.1", self._job["port"]
            )
            lines.append(line)
        start = perf_counter()
        self._until = start + self._job.get("seconds", float("inf"))
        if rate := self._job.get("rate"):
            self._idle.extend(lines)
            await self._paced(start, 1 / rate)
        else:
            for line in lines:
                self._next(line)
        await self._done.wait()
        took = perf_counter() - start
        self._done.clear()
        for line in lines:
            line.close()
        statuses = {str(status): times for status, times in self._statuses.items()}
        return {"seconds": took, "times": self._times, "statuses": statuses, "lost": self._lost}

    def answered(self, line: Line, status: int, seconds: float) -> None:
        """Told of an answer."""
        self._times.append(seconds)
        self._statuses[status] += 1
        self._open -= 1
        if self._due:
            self._ask(line, self._due.popleft())
        elif "rate" in self._job:
            self._idle.append(line)
            self._ended()
        else:
            self._next(line)

    def lost(self) -> None:
        """Told of a connection that broke."""
        self._lost += 1

    def _next(self, line: Line) -> None:
        now = perf_counter()
        if self._left > 0 and now < self._until:
            self._left -= 1
            self._ask(line, now)
        else:
            self._ended()

    def _ended(self) -> None:
        if not self._open and (self._left <= 0 or perf_counter() >= self._until):
            self._done.set()

    def _ask(self, line: Line, since: float) -> None:
        self._open += 1
        line.ask(next(self._requests), since)

    async def _paced(self, start: float, every: float) -> None:
        due = start
        while due < self._until:
            await asyncio.sleep(max(due - perf_counter(), 0))
            if self._idle:
                self._ask(self._idle.popleft(), due)
            else:
                self._due.append(due)
            due += every
        self._until = 0.0
        self._ended()


def _spelled(requests: Sequence[Mapping[str, str]]) -> Iterator[bytes]:
    """Requests in turn; each that wants a key gets one that nobody had."""
    whole = [(each["head"] + each["body"]).encode() for each in requests]
    mark = f"{perf_counter():.6f}".encode()
    for request in cycle(whole):
        yield request.replace(KEY_MARK, b"%s-%d" % (mark, next(_NUMBERS)), 1)


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    return 0 if at < 0 else int(lower[at + 17 :].split(b"\r\n", 1)[0])


async def _main() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        result = await Run(json.loads(line)).run()
        sys.stdout.write(f"{json.dumps(result)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_main())
