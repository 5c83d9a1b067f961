"""A fleet: replicas of the gateway over one Redis and one sandbox, each a process of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.faults.settlement import CALLERS, settlement
from tests.integration.acts import SPOKEN
from tests.integration.programs import Program
from tests.integration.two_ends import LOOPBACK_LIMITS, VENDORS, Gateway, Sandbox
from tests.sandboxed import Answered

MANY = 1_000_000
CALLER = "billing"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The replicas, and the vendors behind them."""

    replicas: Sequence[Gateway]
    sandbox: Sandbox

    async def path(self, vendor: str) -> str:
        """Where the gateway has a record of a vendor's."""
        record_id = next(iter(await self.sandbox.records(vendor)))
        return f"/v1/opportunities/acme-{vendor}.{record_id}"

    async def spoil(self, vendor: str, fault: Mapping[str, Any], **counts: int) -> None:
        """Has every read of a record fail, or as many as `times` and `skip` say."""
        match = {"method": "GET", "path": SPOKEN[vendor].records}
        await self.sandbox.spoil(vendor, fault, match, **{"times": MANY, **counts})

    async def reads(self, vendor: str) -> int:
        """How often a record was asked for at the vendor."""
        ledger = await self.sandbox.ledger(vendor)
        return len(ledger.calls("GET", SPOKEN[vendor].records))

    async def learn(self) -> None:
        """Has each replica read what it wants to know of each vendor beforehand."""
        for vendor in VENDORS:
            path = await self.path(vendor)
            for replica in self.replicas:
                answer = await replica.ask("GET", path)
                assert answer.status == 200, answer.content


@asynccontextmanager
async def fleet(
    folder: Path, redis_url: str, replicas: int = 1, **changes: Mapping[str, Any]
) -> AsyncIterator[Fleet]:
    """Brings a fleet up; keywords lay settings over its sections (`breaker={"seconds": 2}`)."""
    async with AsyncExitStack() as running:

        def start(name: str, path: str, *arguments: str) -> Program:
            program = Program.start(name, folder, *arguments)
            running.callback(program.end)
            return program.ready(path)

        vendors = start("vendors", "/slant/_ledger", "sandbox")
        config = folder / "fleet.toml"
        config.write_text(settlement(redis_url, vendors.url, changes=changes), encoding="utf-8")
        programs = [
            start(f"replica {number}", "/livez", "serve", "--config", str(config))
            for number in range(replicas)
        ]
        clients = [
            await running.enter_async_context(_client(each.url, CALLERS[CALLER]))
            for each in programs
        ]
        sandbox = await running.enter_async_context(_client(vendors.url))
        yield Fleet([Gateway(each) for each in clients], Sandbox(sandbox))


def _client(url: str, key: str | None = None) -> httpx.AsyncClient:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(
        base_url=url, headers=headers, timeout=60, limits=LOOPBACK_LIMITS, trust_env=False
    )


async def crowd(gateways: Iterable[Gateway], path: str, times: int) -> list[Answered]:
    """Reads a path so often at every replica, all at once."""
    asked = (each.ask("GET", path) for each in gateways for _ in range(times))
    return await asyncio.gather(*asked)


def statuses(answers: Iterable[Answered]) -> Counter[int]:
    """How often each status came."""
    return Counter(answer.status for answer in answers)


def is_held_back(answer: Answered) -> bool:
    """Whether the gateway made no call, because the vendor is sick."""
    if answer.status != 503:
        return False
    problem = answer.json
    return (problem["code"], problem["origin"]) == ("vendor-unavailable", "gateway")
