"""A heart that beats for as long as something takes: most things are over before the first beat."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from gateway.idempotency.registry import Registry


class Beating:
    """Beats at intervals while it is entered, until a beat says that there is no more sense in it.

    Up to the first beat it costs a timer; only then there is a task.
    """

    def __init__(
        self, registry: Registry, seconds: float, beat: Callable[[], Awaitable[bool]]
    ) -> None:
        self._registry = registry
        self._seconds = seconds
        self._beat = beat
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._begin)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._task:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = self._registry.spawn(self._beats())

    async def _beats(self) -> None:
        while True:
            if not await self._beat():
                return
            await asyncio.sleep(self._seconds)
