"""Commands of many requests share a connection, and each gets its own answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError

from gateway.shared.pipe import Pipe
from tests.servers import RedisServer


@asynccontextmanager
async def laid(url: str, seconds: float = 5) -> AsyncIterator[Pipe]:
    """A pipe to a server."""
    client = Redis.from_url(url, protocol=2, socket_timeout=5)
    pipe = Pipe(client.connection_pool.make_connection, seconds)
    try:
        yield pipe
    finally:
        await pipe.close()
        await client.aclose()


async def connections(url: str) -> int:
    """How many the server has had."""
    async with Redis.from_url(url) as client:
        told: dict[str, Any] = await client.info("stats")
    return int(told["total_connections_received"])


async def test_each_gets_its_own_answer(redis_url: str) -> None:
    """However many ask at once, over one connection."""
    before = await connections(redis_url)
    async with laid(redis_url) as pipe:
        answers = await asyncio.gather(*(pipe.ask("ECHO", str(n)) for n in range(500)))
    assert answers == [str(n).encode() for n in range(500)]
    assert await connections(redis_url) == before + 2  # the pipe's, and that of the question


async def test_commands_are_run_in_the_order_in_which_they_were_asked(redis_url: str) -> None:
    """The first finds nobody waiting and goes at once, and no other comes to go before it."""
    async with laid(redis_url) as pipe:
        await pipe.ask("DEL", "asked")
        told = await asyncio.gather(*(pipe.ask("RPUSH", "asked", str(n)) for n in range(50)))
        assert told == [*range(1, 51)]
        found = await pipe.ask("LRANGE", "asked", 0, -1)
    assert found == [str(n).encode() for n in range(50)]


async def test_a_refusal_is_one_askers_own(redis_url: str) -> None:
    """A command that the server refuses spoils nobody else's."""
    async with laid(redis_url) as pipe:
        asked = (pipe.ask("ECHO", "1"), pipe.ask("NONSENSE"), pipe.ask("ECHO", "2"))
        told = [*await asyncio.gather(*asked, return_exceptions=True)]
    assert told[::2] == [b"1", b"2"]
    assert isinstance(told[1], ResponseError)


async def test_who_gives_up_leaves_nobody_anothers_answer(redis_url: str) -> None:
    """Its answer is read all the same, and told to nobody."""
    async with laid(redis_url) as pipe, Redis.from_url(redis_url) as another:
        await pipe.ask("ECHO", "begun")
        slow = pipe.ask("BLPOP", "given-up", 5)
        await asyncio.sleep(0)
        waiting = pipe.ask("ECHO", "mine")
        await asyncio.sleep(0)
        slow.cancel()
        await another.rpush("given-up", "late")
        assert await waiting == b"mine"
        assert await pipe.ask("ECHO", "next") == b"next"
        assert slow.cancelled()


async def test_a_broken_connection_is_told_to_all_and_made_again(
    start_redis: Callable[..., RedisServer],
) -> None:
    """What was asked may or may not have happened; what is asked afterwards goes through."""
    server = start_redis()
    async with laid(server.url) as pipe:
        assert await pipe.ask("PING") == b"PONG"
        server.pause()
        asked = [pipe.ask("ECHO", str(n)) for n in range(3)]
        await asyncio.sleep(0.05)
        server.kill()
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, Disconnected) for each in told)
        server.start()
        assert await pipe.ask("PING") == b"PONG"


async def test_a_connection_that_ended_while_idle_costs_nobody_anything(
    start_redis: Callable[..., RedisServer],
) -> None:
    """It is noticed before anything is sent on it."""
    server = start_redis()
    async with laid(server.url) as pipe:
        assert await pipe.ask("PING") == b"PONG"
        server.ask("CLIENT", "KILL", "TYPE", "normal")
        await asyncio.sleep(0.05)
        assert await pipe.ask("PING") == b"PONG"


async def test_who_waits_when_it_is_closed_is_told(redis_url: str) -> None:
    """Nobody waits for ever."""
    async with laid(redis_url) as pipe:
        waiting = pipe.ask("BLPOP", "nothing-comes-here", 5)
        await asyncio.sleep(0.05)
        await pipe.close()
        with pytest.raises(Disconnected):
            await waiting


async def test_a_server_that_hangs_is_waited_for_no_longer_than_agreed(
    start_redis: Callable[..., RedisServer],
) -> None:
    """Whoever waits is told, and whoever asks afterwards is not answered with what came late."""
    server = start_redis()
    async with laid(server.url, seconds=0.2) as pipe:
        assert await pipe.ask("ECHO", "well") == b"well"
        server.pause()
        with pytest.raises(TimeoutError):
            await pipe.ask("ECHO", "late")
        server.resume()
        assert await pipe.ask("ECHO", "well again") == b"well again"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_late_loop_is_no_late_answer(
    run: Callable[[Coroutine[Any, Any, None]], None], redis_url: str
) -> None:
    """An answer that was there in time is told, however late the loop comes to read it."""

    async def held_up() -> None:
        async with laid(redis_url, seconds=0.2) as pipe:
            await pipe.ask("PING")
            asked = pipe.ask("ECHO", "there")
            await asyncio.sleep(0.01)
            waiting = pipe.ask("ECHO", "there too")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            time.sleep(0.5)  # noqa: ASYNC251 - the loop is held up, which is what is tested
            assert await asked == b"there"
            assert await waiting == b"there too"

    run(held_up())
