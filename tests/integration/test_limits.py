"""Limits hold over replicas: three gateways as processes of their own, over one Redis."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest

from gateway.sandbox.configuration import configuration
from gateway.shared.redis_limits import PRESENT
from gateway.shared.shares import HEARD_SECONDS
from tests.faults.waiting import until
from tests.integration.programs import Program
from tests.integration.sealed import sealed
from tests.integration.two_ends import Gateway, Sandbox
from tests.sandboxed import Answered
from tests.servers import RedisServer

NUMBERS = count(1)

REPLICAS = 3
LIMIT = 10
CALLS = 60
KEY_LIMIT = f"limits = {{ credential = [{{ limit = {LIMIT}, window_seconds = 60 }}] }}\n"
CALLER_LIMIT = f"requests_per_minute = {LIMIT}\n"


AFTER = {"connection": "[connections.acme-close]\n", "caller": "[callers.tests]\n"}
MORE = {"connection": KEY_LIMIT, "caller": CALLER_LIMIT}

Start = Callable[[str, str], Awaitable[list[Gateway]]]


@pytest.fixture
async def start(
    folder: Path, running: list[Program], sandbox_program: Program
) -> AsyncIterator[Start]:
    """Starts three gateways of one configuration, in which one thing is limited, over a Redis."""
    programs: list[Program] = []
    async with AsyncExitStack() as open_ones:

        async def started(what: str, redis_url: str) -> list[Gateway]:
            name = f"limited-{next(NUMBERS)}"
            kept = sealed(folder, name, configuration(sandbox_program.url), redis_url)
            text = kept.config.read_text(encoding="utf-8")
            assert AFTER[what] in text
            text = text.replace(AFTER[what], AFTER[what] + MORE[what])
            kept.config.write_text(text, encoding="utf-8")
            command = ("serve", "--config", str(kept.config))
            programs.extend(
                Program.start(f"{name}-{number}", folder, *command, env=kept.env)
                for number in range(REPLICAS)
            )
            running.extend(programs)
            urls = [program.ready("/livez").url for program in programs]
            return [await open_ones.enter_async_context(Gateway.at(url)) for url in urls]

        yield started
    for program in programs:
        program.end()


NOBODY = "oppo_nobody"


async def reached(sandbox: Sandbox) -> int:
    """How many of them the vendor had; other gateways of the suite may still look for their own."""
    ledger = await sandbox.ledger("close")
    return sum(NOBODY in request["path"] for request in ledger.requests)


async def asked_at_once(replicas: list[Gateway]) -> list[Answered]:
    """Many calls, dealt out to the replicas in turn."""
    path = f"/v1/opportunities/acme-close.{NOBODY}"
    return await asyncio.gather(
        *(replicas[number % REPLICAS].ask("GET", path) for number in range(CALLS))
    )


async def test_exactly_the_vendors_limit_reaches_it(
    start: Start, sandbox: Sandbox, redis_url: str
) -> None:
    """Of sixty calls ten go, and the others are told when they could."""
    replicas = await start("connection", redis_url)
    said = await asked_at_once(replicas)
    assert Counter(each.status for each in said) == {404: LIMIT, 429: CALLS - LIMIT}
    assert await reached(sandbox) == LIMIT
    for each in said:
        if each.status == 429:
            assert (each.code, each.json["origin"]) == ("rate-limited", "gateway")
            assert 1 <= int(each.headers["retry-after"]) <= 63
    limits = [
        (await gateway.ask("GET", "/v1/connections/acme-close")).json["limits"][-1]
        for gateway in replicas
    ]
    assert [(each["limit"], each["left"]) for each in limits] == [(LIMIT, 0)] * REPLICAS


async def test_a_callers_limit_is_one_over_all_replicas(
    start: Start, sandbox: Sandbox, start_redis: Callable[..., RedisServer]
) -> None:
    """Whichever it asks, it has what is left, and what is over it does no work."""
    server = start_redis(appendonly="yes")
    replicas = await start("caller", server.url)
    said = await asked_at_once(replicas)
    assert Counter(each.status for each in said) == {404: LIMIT, 429: CALLS - LIMIT}
    assert await reached(sandbox) == LIMIT
    left = sorted(each.headers["ratelimit"].split(";")[1] for each in said)
    assert left == sorted([*(f"r={each}" for each in range(LIMIT)), *["r=0"] * (CALLS - LIMIT)])
    assert {each.headers["ratelimit-policy"] for each in said} == {f'"requests";q={LIMIT};w=60'}
    names = server.ask("KEYS", "uog:1:{l*")
    assert isinstance(names, list)
    assert len(names) >= 2
    for name in names:  # which tell neither a caller nor a credential nor a path
        assert re.fullmatch(r"uog:1:\{l[0-9a-f]{32}\}:(word|[0-9]+)", name), name


async def test_without_redis_each_replica_has_its_share(
    start: Start, sandbox: Sandbox, start_redis: Callable[..., RedisServer]
) -> None:
    """No read fails for it, and together they stay within the limit."""
    server = start_redis(appendonly="yes")
    replicas = await start("connection", server.url)
    assert await until(lambda: server.ask("ZCARD", PRESENT) == REPLICAS)
    await asyncio.sleep(2 * HEARD_SECONDS)  # until each has counted the others
    server.kill()
    said = await asked_at_once(replicas)
    share = REPLICAS * (LIMIT // REPLICAS)
    assert Counter(each.status for each in said) == {404: share, 429: CALLS - share}
    assert await reached(sandbox) == share
