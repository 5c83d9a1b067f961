"""One connection for the commands of many requests: what is asked at the same time goes together.

A command of its own costs a connection's turn and two system calls. Here those of one turn of the
event loop are sent in one go, whatever is still unanswered, and answered in their order; only where
nothing is, the first goes at once. Whoever gives up waiting leaves its place: its answer is read,
and told to nobody.

The library makes the connection, and from then on its streams are left aside: with a task, some
timers and a dozen coroutines for every round they cost more than all else about a command.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse

from gateway.shared import resp
from gateway.shared.resp import UNFINISHED, Word

Answer = asyncio.Future[Any]
Asked = tuple[tuple[Word, ...], Answer]


class Pipe:
    """The connection, made when it is first needed and again when it broke."""

    def __init__(self, connection: Callable[[], AbstractConnection], seconds: float) -> None:
        """`seconds` is how long connecting may take, and then an answer."""
        self._made = connection
        self._seconds = seconds
        self._line: _Line | None = None
        self._laying: asyncio.Task[None] | None = None
        self._waiting: list[Asked] = []
        """What was not sent yet."""

    def ask(self, *words: Word) -> Answer:
        """One command's answer. Raises what the library does, for a broken connection too.

        It is sent at once where nobody waits for an answer: only others could come with it, and to
        wait a turn of the loop for them costs one more look at all sockets.
        """
        line = self._line
        loop = line.loop if line else asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        if line and line.idle and not self._waiting:
            line.send([(words, answer)])
            return answer
        if not self._waiting:
            loop.call_soon(self._send)
        self._waiting.append((words, answer))
        return answer

    async def close(self) -> None:
        """Ends it; whoever still waits is told so."""
        if self._laying:
            self._laying.cancel()
            await asyncio.wait([self._laying])
        if self._line:
            self._line.end(_given_up())
            self._line = None
        self._fail(_given_up())

    def _send(self) -> None:
        if self._line and not self._line.ended:
            some, self._waiting = self._waiting, []
            self._line.send(some)
        elif self._waiting:
            self._laying = asyncio.get_running_loop().create_task(self._lay())

    async def _lay(self) -> None:
        """Connects, and sends what waits for that."""
        try:
            async with asyncio.timeout(self._seconds):
                self._line = await _laid(self._made(), self._seconds)
        except Exception as error:  # noqa: BLE001 - whoever waits for an answer gets it
            self._fail(error)
        except BaseException:
            self._fail(_given_up())
            raise
        else:
            self._send()

    def _fail(self, error: Exception) -> None:
        some, self._waiting = self._waiting, []
        _fail((answer for _, answer in some), error)


class _Line(asyncio.Protocol):
    """A connection that is there: commands go out, answers come in, in one order."""

    def __init__(self, connection: AbstractConnection, seconds: float) -> None:
        self.ended = False
        self._stream = _taken_from(connection)  # closes what it stands on when it is let go of
        self._transport = cast(asyncio.Transport, self._stream.transport)
        self._seconds = seconds
        self._reader = resp.reader()
        self.loop = asyncio.get_running_loop()
        self._due: deque[tuple[Answer, float]] = deque()
        """Who waits for an answer, in their order, and since when."""
        self._watch: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not (self._due or self.ended)

    def send(self, some: Sequence[Asked]) -> None:
        """Sends commands, but for those that nobody waits for any more."""
        now, packed = self.loop.time(), []
        for words, answer in some:
            if not answer.done():
                self._due.append((answer, now))
                packed.append(resp.packed(words))
        if packed:
            self._transport.write(b"".join(packed))
        if self._watch is None and self._due:
            self._watch = self.loop.call_at(now + self._seconds, self._look)

    def data_received(self, data: bytes) -> None:
        """Tells the answers that are whole to who waits for them."""
        gets, due = self._reader.gets, self._due
        try:
            self._reader.feed(data)
            while (told := gets()) is not UNFINISHED:
                answer, _ = due.popleft()
                if answer.done():
                    continue
                if isinstance(told, Exception):
                    answer.set_exception(told)
                else:
                    answer.set_result(told)
        except (InvalidResponse, IndexError):
            self.end(Disconnected("the server said what it was not asked for"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells everybody."""
        self.end(Disconnected("the connection is gone") if exc is None else Disconnected(str(exc)))

    def end(self, error: Exception) -> None:
        """Ends it at once; whoever waits is told why."""
        self.ended = True
        if self._watch:
            self._watch.cancel()
        self._transport.abort()
        due, self._due = self._due, deque()
        _fail((answer for answer, _ in due), error)

    def _look(self) -> None:
        """One timer for all: whether the first of those who wait has waited too long."""
        self._watch = None
        if not self._due:
            return
        too_late = self._due[0][1] + self._seconds
        if self.loop.time() >= too_late:
            self.end(TimeoutError("no answer in time"))
        else:
            self._watch = self.loop.call_at(too_late, self._look)


async def _laid(connection: AbstractConnection, seconds: float) -> _Line:
    try:
        await connection.connect()  # type: ignore[no-untyped-call]  # of the library
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return _Line(connection, seconds)


def _taken_from(connection: AbstractConnection) -> asyncio.StreamWriter:
    """A connection's stream, which it forgets; there is no other way to it."""
    stream = cast(asyncio.StreamWriter, connection._writer)  # noqa: SLF001
    connection._reader = connection._writer = None  # noqa: SLF001
    return stream


def _given_up() -> Exception:
    return Disconnected("the connection was given up")


def _fail(some: Iterable[Answer], error: Exception) -> None:
    for answer in some:
        if not answer.done():
            answer.set_exception(error)
