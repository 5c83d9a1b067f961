"""Tokens that run out, on three gateways as processes of their own: renewed by one, once."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from gateway.engine.renewal import FRESH_SECONDS
from gateway.sandbox.close import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from gateway.sandbox.configuration import configuration
from tests.integration.programs import Program
from tests.integration.sealed import Sealed, sealed
from tests.integration.two_ends import Gateway, Sandbox
from tests.sandboxed import Answered
from tests.servers import RedisServer

T = TypeVar("T")

REPLICAS = 3
CALLS = 50
ENDPOINT = "/oauth2/token/"
SECRETS = (CLIENT_SECRET, REFRESH_TOKEN, "close_at_", "close_rt_")
"""What is configured, and how every token begins that is issued."""
PATH = "/v1/opportunities/acme-close.{}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The replicas, their programs, and what is behind them."""

    kept: Sealed
    programs: list[Program]
    replicas: list[Gateway]
    sandbox: Sandbox
    redis: RedisServer

    async def set(self, **options: int) -> None:
        """Throws switches of the vendor's."""
        answer = await self.sandbox.client.patch("/close/_options", content=json.dumps(options))
        assert answer.status_code == 200, answer.text

    async def token_calls(self) -> list[int | None]:
        """The statuses of the token calls."""
        ledger = await self.sandbox.ledger("close")
        return [call["status"] for call in ledger.calls("POST", ENDPOINT)]

    async def crowd(self, among: Sequence[Gateway] = ()) -> list[Answered]:
        """Many reads at once, dealt out to replicas in turn, all of them unless some are named."""
        replicas = among or self.replicas
        path = PATH.format(next(iter(await self.sandbox.records("close"))))
        return await asyncio.gather(
            *(replicas[number % len(replicas)].ask("GET", path) for number in range(CALLS))
        )


@pytest.fixture
async def fleet(
    folder: Path,
    running: list[Program],
    sandbox_program: Program,
    sandbox: Sandbox,
    start_redis: Callable[..., RedisServer],
) -> AsyncIterator[Fleet]:
    """Three production gateways whose connection to one vendor has tokens that are renewed."""
    server = start_redis(appendonly="yes")
    kept = sealed(folder, f"oauth-{server.port}", configuration(sandbox_program.url), server.url)
    text = kept.config.read_text(encoding="utf-8")
    old = re.search(r'vendor = "close"\n.*\n(credentials = .*)\n', text)
    assert old
    env = {**kept.env, "CLIENT": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, "FIRST": REFRESH_TOKEN}
    new = (
        'credentials = { client_id = { env = "CLIENT" }, client_secret = { env = "CLIENT_SECRET" },'
        ' refresh_token = { env = "FIRST" } }'
    )
    times = "[timeouts]\nvendor_seconds = 5\n"
    kept.config.write_text(f"{text.replace(old[1], new)}\n{times}", encoding="utf-8")
    programs = [
        Program.start(
            f"oauth-{server.port}-{number}", folder, "serve", "--config", str(kept.config), env=env
        )
        for number in range(REPLICAS)
    ]
    running.extend(programs)
    urls = [program.ready("/livez").url for program in programs]
    async with AsyncExitStack() as open_ones:
        replicas = [await open_ones.enter_async_context(Gateway.at(url)) for url in urls]
        yield Fleet(kept, programs, replicas, sandbox, server)
    for program in programs:
        program.end()


async def test_fifty_calls_with_an_expired_token_cause_one_refresh(fleet: Fleet) -> None:
    """On three replicas, all of which knew the old one; and so it was with the first."""
    await fleet.set(token_seconds=2)
    assert {each.status for each in await fleet.crowd()} == {200}
    assert await fleet.token_calls() == [200]
    await asyncio.sleep(2.1)
    await fleet.set(token_seconds=3600)
    assert {each.status for each in await fleet.crowd()} == {200}
    assert await fleet.token_calls() == [200, 200]
    whole = "".join(
        each.read_text("latin-1") for each in fleet.redis.folder.rglob("*.aof") if each.is_file()
    )
    assert "uog:1:{g" in whole  # all that was ever written
    logs = "".join(program.text() for program in fleet.programs)
    assert [secret for secret in (*SECRETS, CLIENT_ID) if secret in whole + logs] == []


async def test_fifty_calls_with_a_revoked_token_cause_one_refresh(fleet: Fleet) -> None:
    """The vendor ended it before its time, which no replica can know until it is told."""
    first, *others = fleet.replicas
    await fleet.crowd([first])
    keys = fleet.redis.ask("KEYS", "uog:1:{g*")
    assert isinstance(keys, list)
    fleet.redis.ask("HINCRBY", keys[0], "made", -2_000 * round(FRESH_SECONDS))  # some time later
    await fleet.set(token_epoch=1)
    assert {each.status for each in await fleet.crowd(others)} == {200}
    assert await fleet.token_calls() == [200, 200]


async def test_a_replica_that_is_killed_in_the_middle_holds_nobody_up_for_long(
    fleet: Fleet,
) -> None:
    """Its claim ends, and as its call was never answered another one spends the same token."""
    await fleet.sandbox.spoil("close", {"kind": "hang"}, {"path": ENDPOINT})
    path = PATH.format(next(iter(await fleet.sandbox.records("close"))))
    hanging = asyncio.create_task(fleet.replicas[0].ask("GET", path))
    assert await _sometime(fleet.token_calls, [None])
    fleet.programs[0].process.kill()
    with pytest.raises(httpx.TransportError):
        await hanging

    async def status() -> int:
        return (await fleet.replicas[1].ask("GET", path)).status

    assert await _sometime(status, 200)
    assert await fleet.token_calls() == [None, 200]


async def _sometime(ask: Callable[[], Awaitable[T]], wanted: object) -> bool:
    """Asks again and again; whether the answer was once the wanted one."""
    for _ in range(200):
        if await ask() == wanted:
            return True
        await asyncio.sleep(0.05)
    return False
