"""A gateway that goes through a bad minute while a real Prometheus looks on."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from gateway.api.access import hash_key
from gateway.sandbox.configuration import configuration
from tests.deploy.prometheus import Prometheus
from tests.faults.settlement import SEALING, SIGNING
from tests.faults.waiting import until
from tests.integration.acts import SPOKEN
from tests.integration.programs import Program
from tests.integration.two_ends import VENDORS, Gateway, Sandbox
from tests.programs import PROMETHEUS, REDIS, Toolbox
from tests.sandboxed import KEY, Answered
from tests.servers import RedisServer, free_port

HASTY = "s3cret-of-hasty"
CALLS = 4
"""Failed calls that open a breaker."""
BROKEN = {"kind": "status", "status": 500}

SETTINGS = f"""
[server]
metrics_port = {{metrics_port}}
[redis]
url = "{{redis}}"
durability = "relaxed"
[secrets]
signing_keys = [{{{{ id = "one", key = "{SIGNING["one"]}" }}}}]
encryption_keys = [{{{{ id = "one", key = "{SEALING["one"]}" }}}}]
[timeouts]
vendor_seconds = 5
[reconcile]
quiet_seconds = 1
sweep_seconds = 1
[retries]
attempts = 1
[breaker]
calls = {CALLS}
seconds = 5
[callers.tests]
key_sha256 = "{hash_key(KEY)}"
scopes = ["opportunities:read", "opportunities:write"]
connections = ["*"]
[callers.hasty]
key_sha256 = "{hash_key(HASTY)}"
scopes = ["opportunities:read"]
connections = ["*"]
requests_per_minute = 1
"""

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Watched:
    """The gateway, what stands behind it, and who looks on."""

    gateway: Gateway
    sandbox: Sandbox
    redis: RedisServer
    prometheus: Prometheus
    metrics: str
    """Where the gateway's metrics are."""

    async def lives_through_a_bad_minute(self) -> None:
        """All that operators ought to see happens once; then Prometheus has seen it."""
        for vendor in VENDORS:
            await self._is_well(vendor)
        await self._callers_err()
        await self._a_vendor_breaks_down()
        await self._an_outcome_is_lost()
        await self._the_store_is_away()
        await self._is_seen()

    async def _is_well(self, vendor: str) -> None:
        _says(200, await SPOKEN[vendor].act("list", f"acme-{vendor}", "").ask(self.gateway))
        key = _key()
        for _ in range(2):
            _says(201, await self._create(f"acme-{vendor}", key))

    async def _callers_err(self) -> None:
        hasty, nobody = f"Bearer {HASTY}", "Bearer nobody"
        for _ in range(5):
            _says(401, await self.gateway.ask("GET", "/v1/connections", Authorization=nobody))
        await self.gateway.ask("GET", "/v1/connections", Authorization=hasty)
        _says(429, await self.gateway.ask("GET", "/v1/connections", Authorization=hasty))
        _says(502, await SPOKEN["slant"].act("list", "stranger-slant", "").ask(self.gateway))

    async def _a_vendor_breaks_down(self) -> None:
        act = SPOKEN["reevo"].act("list", "blind-reevo", "")
        await act.spoil(self.sandbox, "reevo", BROKEN, times=CALLS)
        answers = [await act.ask(self.gateway) for _ in range(CALLS + 1)]
        _says(503, answers[-1])
        await self.sandbox.reset()

    async def _an_outcome_is_lost(self) -> None:
        act = SPOKEN["close"].act("create", "blind-close", "")
        await act.spoil(self.sandbox, "close", BROKEN)
        _says(502, await self._create("blind-close", _key()))

    async def _the_store_is_away(self) -> None:
        self.redis.pause()
        try:
            _says(503, await self._create("acme-close", _key()))
        finally:
            self.redis.resume()

    async def _create(self, connection: str, key: str) -> Answered:
        act = SPOKEN[connection.partition("-")[2]].act("create", connection, "")
        return await act.ask(self.gateway, Idempotency_Key=key)

    async def _is_seen(self) -> None:
        """Waits until a scrape that began after now has reached Prometheus."""
        (now,) = self.prometheus.values("time()")
        seen = "timestamp(gateway_build_info)"
        assert await until(lambda: any(at > now for at in self.prometheus.values(seen)))


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    """Brings it all up, and down again."""
    toolbox = Toolbox(os.environ)
    programs = toolbox.needed(REDIS), toolbox.needed(PROMETHEUS)
    metrics_port = free_port()
    async with AsyncExitStack() as running:

        def start(name: str, path: str, *arguments: str) -> Program:
            program = Program.start(name, folder, *arguments)
            running.callback(program.end)
            return program.ready(path)

        redis = RedisServer(programs[0], folder)
        running.callback(redis.end)
        redis.start()
        vendors = start("vendors", "/slant/_ledger", "sandbox")
        config = folder / "gateway.toml"
        settings = SETTINGS.format(metrics_port=metrics_port, redis=redis.url)
        config.write_text(settings + _connections(vendors.url), encoding="utf-8")
        replica = start("replica", "/livez", "serve", "--config", str(config))
        prometheus = Prometheus(programs[1], folder, [metrics_port])
        running.callback(prometheus.end)
        prometheus.start()
        client = httpx.AsyncClient(base_url=vendors.url, timeout=30, trust_env=False)
        yield Watched(
            gateway=await running.enter_async_context(Gateway.at(replica.url)),
            sandbox=Sandbox(await running.enter_async_context(client)),
            redis=redis,
            prometheus=prometheus,
            metrics=f"http://127.0.0.1:{metrics_port}/metrics",
        )


def _connections(vendors_url: str) -> str:
    """Those of the sandbox; beside them blind ones without marks, and strangers nobody knows."""
    good = configuration(vendors_url)
    unmarked = "\n".join(line for line in good.splitlines() if "marker_field" not in line)
    named = {"blind": unmarked, "stranger": good.replace("sandbox", "stranger")}
    spelled = (text.replace("[connections.acme-", f"[connections.{name}-")
               for name, text in named.items())  # fmt: skip
    return "\n".join((good, *spelled))


def _key() -> str:
    return f"a-key-of-its-own-{next(_numbers):04}"


def _says(status: int, answer: Answered) -> None:
    assert answer.status == status, answer.content
