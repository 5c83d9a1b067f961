"""How Redis is called: soon over, tried twice, and with one word for everything that goes wrong.

The library's own retries are off, as they would send a command up to ten times, for seconds. Here a
call is tried twice, unless it may not be, and is over before a second and a half.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from gateway.errors import StoreUnavailable
from gateway.shared import trail
from gateway.shared.chance import CHANCE
from gateway.shared.nodes import Node, Nodes
from gateway.shared.resp import Word
from gateway.shared.scripts import Script
from gateway.shared.trail import StoreCalled

TRY_SECONDS: Final = 0.6
"""How long one try may take."""
CALL_SECONDS: Final = 1.3
"""How long both may, with the pause between them."""
PAUSE_SECONDS: Final = (0.02, 0.08)
AT_ONCE: Final = 500
"""Commands that are sent in one go."""

_AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, TimeoutError, OSError)
_MOVED = (
    exceptions.AskError,
    exceptions.ClusterDownError,
    exceptions.SlotNotCoveredError,
    exceptions.ReadOnlyError,  # another server is the primary now
)
_ANY = (exceptions.RedisError, exceptions.RedisClusterException, TimeoutError, OSError)
_TROUBLES: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]] = (
    (exceptions.ReadOnlyError, "is read-only"),
    (exceptions.OutOfMemoryError, "is out of memory"),
    (exceptions.BusyLoadingError, "is still loading"),
    (_AWAY, "does not answer"),
    (Exception, "refuses what it is asked"),
)

Answer = TypeVar("Answer")


class Calls:
    """Calls to the nodes of one store. Every one raises `StoreUnavailable` and nothing else."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    async def reach(
        self,
        ask: Callable[[], Awaitable[Answer]],
        *,
        wait: float = 0,
        again: bool = True,
    ) -> Answer:
        """Asks, and after a short pause once more if no answer came; `wait` seconds come on top.

        `again` is false for what must not happen twice when a reply was lost.
        """
        once, began = TRY_SECONDS + wait, time.monotonic()
        try:
            async with asyncio.timeout(once):
                return await ask()
        except _ANY as error:
            ends = began + max(CALL_SECONDS, once)
            return await self._after(error, ask, began, ends, again=again)

    async def _after(
        self,
        error: Exception,
        ask: Callable[[], Awaitable[Answer]],
        began: float,
        ends: float,
        *,
        again: bool,
    ) -> Answer:
        """Asks once more after an error, where that is of use, on the monotonic clock."""
        pause = 0.0
        try:
            if isinstance(error, _MOVED):
                self.nodes.moved(began, surely=True)
            elif isinstance(error, _AWAY):
                self.nodes.moved(began, surely=False)
                if not again:
                    raise error
                pause = CHANCE.uniform(*PAUSE_SECONDS)
            else:
                raise error
            async with asyncio.timeout(ends - time.monotonic()):
                await asyncio.sleep(pause)
                return await ask()
        except _ANY as trouble:
            why = next(words for kinds, words in _TROUBLES if isinstance(trouble, kinds))
            raise StoreUnavailable(f"The store of writes {why}: try again shortly.") from trouble
        finally:  # where it was raised again it holds this frame, which must not hold it
            del error

    async def ask(
        self, key: str, command: Callable[[Redis], Awaitable[Answer]], *, again: bool = True
    ) -> Answer:
        """A command to the node of a key."""

        async def ask() -> Answer:
            return await command((await self.nodes.of(key)).client)

        return await self.reach(ask, again=again)

    async def run(
        self, script: Script, keys: Sequence[str], argv: Sequence[Word], *, again: bool = True
    ) -> Any:
        """A script; a node that does not know it yet is sent it.

        As a rule the first try is the pipe's own, which ends it in time without a timer for each.
        """
        began_ns, began, ok = time.time_ns(), time.monotonic(), False
        ask = partial(self._answer, script, keys, argv)
        try:
            node = self.nodes.known(keys[0])
            try:
                if node is None:
                    told = await self.reach(ask, again=again)
                else:
                    told = await node.pipe.ask("EVALSHA", script.sha, len(keys), *keys, *argv)
            except exceptions.NoScriptError:
                told = await self.reach(ask, again=again)
            except _ANY as error:
                told = await self._after(error, ask, began, began + CALL_SECONDS, again=again)
            ok = True
            return told
        finally:
            self._over(script, began_ns, began, ok=ok)

    async def _answer(self, script: Script, keys: Sequence[str], argv: Sequence[Word]) -> Any:
        node = await self.nodes.of(keys[0])
        try:
            return await node.pipe.ask("EVALSHA", script.sha, len(keys), *keys, *argv)
        except exceptions.NoScriptError:
            return await node.pipe.ask("EVAL", script.text, len(keys), *keys, *argv)

    async def run_confirmed(
        self,
        script: Script,
        keys: Sequence[str],
        argv: Sequence[Word],
        *,
        replicas: int,
        wait_ms: int,
    ) -> tuple[Any, int]:
        """A script, and how many replicas have what it wrote, over one connection kept for that."""

        async def told(client: Redis, *how: str) -> list[Any]:
            pipe = client.pipeline(transaction=False)
            pipe.execute_command(*how, len(keys), *keys, *argv)
            pipe.execute_command("WAIT", replicas, wait_ms)
            return await pipe.execute(raise_on_error=False)

        async def run() -> tuple[Any, int]:
            client = (await self.nodes.of(keys[0])).apart
            answers = await told(client, "EVALSHA", script.sha)
            if isinstance(answers[0], exceptions.NoScriptError):
                answers = await told(client, "EVAL", script.text)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
            return answers[0], answers[1]

        began_ns, began, ok = time.time_ns(), time.monotonic(), False
        try:
            confirmed = await self.reach(run, wait=wait_ms / 1000)
            ok = True
            return confirmed
        finally:
            self._over(script, began_ns, began, ok=ok)

    async def each(
        self,
        items: Sequence[str],
        key_of: Callable[[str], str],
        command: Callable[[Pipeline, str], object],
    ) -> list[Any]:
        """A command for each item, those of one node in one go; the answers in the items' order."""
        answers: dict[str, Any] = {}
        for start in range(0, len(items), AT_ONCE):
            some = items[start : start + AT_ONCE]

            async def ask(some: Sequence[str] = some) -> dict[str, Any]:
                lying: dict[Node, list[str]] = {}
                for item in some:
                    lying.setdefault(await self.nodes.of(key_of(item)), []).append(item)
                found: dict[str, Any] = {}
                for node, members in lying.items():
                    pipe = node.client.pipeline(transaction=False)
                    for member in members:
                        command(pipe, member)
                    found |= zip(members, await pipe.execute(), strict=True)
                return found

            answers |= await self.reach(ask)
        return [answers[item] for item in items]

    def _over(self, script: Script, began_ns: int, began: float, *, ok: bool) -> None:
        """Tells of a call that is over."""
        called = StoreCalled(script.name, ok, began_ns, time.monotonic() - began)
        if followed := trail.followed():
            followed.stored(called)
        self.nodes.tell(called)
