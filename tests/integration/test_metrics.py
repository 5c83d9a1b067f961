"""Metrics of real processes: at their own port, guarded without one, and right across workers."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.canonical import json_text
from gateway.sandbox.configuration import configuration
from tests.integration.acts import SPOKEN
from tests.integration.programs import CALLER, PATIENCE, Program, run
from tests.integration.sealed import sealed
from tests.integration.two_ends import Gateway, Sandbox
from tests.servers import free_port
from tests.telemetry.scraped import Scraped

SLOW = 15
"""Seconds that a vendor takes, for long enough to find its call under way."""
LIVEZ = 'gateway_requests_total{code="",method="GET",outcome="",route="/livez",status="200"}'


async def scrape(url: str) -> Scraped:
    """One scrape."""
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        response = await client.get(f"{url}/metrics")
    assert response.status_code == 200, response.text
    return Scraped(response.text)


def with_port(config: Path, port: int) -> Path:
    """The same file with a port for metrics."""
    text = config.read_text(encoding="utf-8")
    made = config.with_name(f"{config.stem}-{port}.toml")
    made.write_text(text.replace("[server]", f"[server]\nmetrics_port = {port}"), encoding="utf-8")
    return made


async def test_two_workers_are_told_of_together(
    folder: Path, running: list[Program], sandbox_program: Program, sandbox: Sandbox, redis_url: str
) -> None:
    """Whichever answers tells what both counted, also when one has died."""
    kept = sealed(folder, "counted", configuration(sandbox_program.url), redis_url)
    port = free_port()
    program = Program.start(
        "counted gateway", folder, "serve", "--config", str(with_port(kept.config, port)),
        "--workers", "2", env=kept.env,
    )  # fmt: skip
    running.append(program)
    program.ready("/livez")
    url = f"http://127.0.0.1:{port}"
    async with Gateway.at(program.url) as gateway:
        before = (await scrape(url))[LIVEZ]
        for _ in range(20):
            assert (await gateway.ask("GET", "/livez")).status == 200
        act = SPOKEN["close"].act("create", "acme-close", "")
        assert (await act.ask(gateway)).status == 201
        for _ in range(8):  # whichever answers
            found = await scrape(url)
            assert found[LIVEZ] == before + 20
            assert found['gateway_idempotency_total{status="created"}'] == 1
            assert found["gateway_requests_in_flight"] == 1
            assert found['gateway_connection_up{connection="acme-close"}'] == 1
            assert found['gateway_store_seconds_count{ok="yes",script="begin"}'] == 1
        await act.spoil(sandbox, "close", {"kind": "delay", "seconds": SLOW})
        cut_off = asyncio.create_task(act.ask(gateway))
        await until(lambda found: found["gateway_requests_in_flight"] == 2, url)
        died = workers_of(program.process.pid)
        for pid in died:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            await cut_off
        await until(lambda _: not died & workers_of(program.process.pid), url)
        found = await scrape(url)
        assert found[LIVEZ] == before + 20, "what dead workers counted is not forgotten"
        assert found["gateway_requests_in_flight"] == 1, "and nothing is under way there"


async def until(holds: Callable[[Scraped], bool], url: str) -> None:
    """Scrapes until something holds; new workers may take a while to answer."""
    deadline = time.monotonic() + PATIENCE
    while not holds(await scrape(url)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def workers_of(pid: int) -> set[int]:
    """The processes that a supervisor started to serve, as the system lists them."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(
                line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line
            )
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if lines["PPid"] == str(pid) and b"spawn_main" in command:
            found.add(int(lines["Pid"]))
    return found


async def test_a_port_of_their_own_serves_metrics_alone(
    folder: Path, running: list[Program]
) -> None:
    """Without a key, to GET and HEAD; callers' port has none then."""
    port = free_port()
    config = folder / "own-port.toml"
    config.write_text(CALLER.replace("[server]", f"[server]\nmetrics_port = {port}"))
    program = Program.start("gateway with a port more", folder, "serve", "--config", str(config))
    running.append(program)
    program.ready("/livez")
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        url = f"http://127.0.0.1:{port}"
        assert (await client.get(f"{url}/metrics")).status_code == 200
        head = await client.head(f"{url}/metrics")
        assert (head.status_code, head.content) == (200, b"")
        assert (await client.post(f"{url}/metrics")).status_code == 405
        assert (await client.get(f"{url}/livez")).status_code == 404
        refused = await client.get(f"{url}/v1/connections")
        assert json_text.read(refused.content)["code"] == "route-not-found"
        assert (await client.get(f"{program.url}/metrics")).status_code == 404


async def test_in_production_the_callers_port_tells_callers_alone(
    folder: Path, running: list[Program], sandbox_program: Program, redis_url: str
) -> None:
    """Whoever has a key may scrape, whatever its scopes are."""
    kept = sealed(folder, "guarded", configuration(sandbox_program.url), redis_url)
    program = Program.start(
        "guarded gateway", folder, "serve", "--config", str(kept.config), env=kept.env
    )
    running.append(program)
    program.ready("/livez")
    async with Gateway.at(program.url) as gateway:
        refused = await gateway.ask("GET", "/metrics", Authorization="Bearer nobody")
        assert (refused.status, refused.code) == (401, "unauthenticated")
        told = await gateway.client.get("/metrics")
        assert Scraped(told.text)['gateway_connection_up{connection="acme-close"}'] == 1


@pytest.mark.parametrize("setting", ["server.port", "server.metrics_port"])
def test_a_port_that_is_taken_ends_the_start(folder: Path, setting: str) -> None:
    """The operator is told which one, in one line of the log."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        name, port = setting.partition(".")[2], taken.getsockname()[1]
        config = folder / f"taken-{name}.toml"
        other = "port" if name == "metrics_port" else "metrics_port"
        config.write_text(f"[server]\n{name} = {port}\n{other} = {free_port()}\n")
        with run("serve", "--config", str(config)) as process:
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (3, "")
    (line,) = err.splitlines()
    told = json_text.read(line)
    assert (told["event"], told["level"]) == ("not-listening", "error")
    assert (told["setting"], told["at"]) == (setting, f"127.0.0.1:{port}")
