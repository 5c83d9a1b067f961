"""What everything about records shares: the store, the keys, the timers, and the tasks it owns."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

from gateway.errors import StoreUnavailable
from gateway.idempotency.addresses import operation_id
from gateway.idempotency.record import Record
from gateway.idempotency.sealing import KeyGone, Sealing
from gateway.idempotency.signing import SigningKey
from gateway.idempotency.store import OperationStore
from gateway.idempotency.timers import Timers
from gateway.shared.chance import CHANCE

T = TypeVar("T")

PERSIST_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
"""Seconds between tries of a call to the store that ought to be made once it is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something about a write that an operator ought to know; no key and no body is in it."""

    kind: str
    operation_id: str
    connection: str
    vendor: str
    detail: str

    @classmethod
    def of(cls, record: Record, kind: str, detail: str) -> Self:
        """What happened to one record."""
        return cls(
            kind=kind,
            operation_id=operation_id(record.hex32),
            connection=record.connection,
            vendor=record.vendor,
            detail=detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The records of one deployment, as one replica works with them."""

    store: OperationStore
    sealing: Sealing
    signing_keys: Sequence[SigningKey]
    environment: str
    timers: Timers
    tell: Callable[[Happened], None] = lambda _: None
    fault: Callable[[BaseException], None] = lambda _: None
    """Told of a fault of ours in work that nobody waits for."""
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, init=False, repr=False)
    _unhurried: set[asyncio.Task[Any]] = field(default_factory=set, init=False, repr=False)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts work that nobody who hangs up can cancel, and that a shutdown waits for."""
        return _kept(self._tasks, work, lambda _: None)

    def leave(self, work: Coroutine[Any, Any, object]) -> None:
        """Starts such work that nobody else waits for."""
        _ = _kept(self._tasks, work, self.fault)

    def follow(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts work that a shutdown leaves to other replicas."""
        return _kept(self._unhurried, work, self.fault)

    async def drain(self, seconds: float) -> None:
        """Lets the writes under way end by themselves for a while, then gives up all work."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = self._tasks | self._unhurried
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def signing_key(self, key_id: str) -> SigningKey:
        """A signing key by its id. Raises `StoreUnavailable` for one that is gone."""
        for key in self.signing_keys:
            if key.id == key_id:
                return key
        raise StoreUnavailable(
            f"The signing key {key_id!r} is missing, which this write began with: put it back "
            "into secrets.signing_keys."
        )

    def opened(self, hex32: str, member: str, seal: bytes) -> bytes:
        """What a record keeps sealed. Raises `StoreUnavailable` where its key is not here (yet)."""
        try:
            return self.sealing.open(hex32, member, seal)
        except KeyGone as error:
            raise StoreUnavailable(str(error)) from error

    async def persistently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Makes a call that may be repeated, until it is made or its time is over.

        Raises `StoreUnavailable` when it is over.
        """
        for pause in PERSIST_PAUSES:
            try:
                return await call()
            except StoreUnavailable:
                await asyncio.sleep(pause * CHANCE.uniform(0.8, 1.2))
        return await call()

    async def witness(self, hex32: str, kind: str, detail: str) -> None:
        """Adds evidence where the store takes it: nothing depends on it but what people see."""
        try:
            await self.store.note(hex32, kind=kind, detail=detail)
        except StoreUnavailable:
            return


def _kept(
    tasks: set[asyncio.Task[Any]],
    work: Coroutine[Any, Any, T],
    fault: Callable[[BaseException], None],
) -> asyncio.Task[T]:
    """A task that is not forgotten while it runs, and whose fault is told."""

    def done(task: asyncio.Task[T]) -> None:
        tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            fault(error)

    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(done)
    return task


async def over(task: asyncio.Task[Any], seconds: float) -> bool:
    """Waits for a task to end, which goes on if its time is up first: whether it has ended.

    It is `asyncio.wait` for a single task, at a tenth of what that costs.
    """
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake(*_: object) -> None:
        if not woken.done():
            woken.set_result(None)

    timer = loop.call_later(seconds, wake)
    task.add_done_callback(wake)
    try:
        await woken
    finally:
        timer.cancel()
        task.remove_done_callback(wake)
    return task.done()


def new_owner() -> str:
    """A name that no other holder has."""
    return os.urandom(8).hex()
