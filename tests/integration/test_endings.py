"""How a replica ends: announced, without a request lost, and in time."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.faults.settlement import settlement
from tests.faults.waiting import until
from tests.integration.programs import PATIENCE, Program
from tests.servers import RedisServer

StartRedis = Callable[..., RedisServer]
LONG = 60
"""Seconds of a drain that no test waits for."""


def drain_of(seconds: int, workers: int) -> dict[str, dict[str, int]]:
    """The setting."""
    return {"server": {"drain_seconds": seconds, "workers": workers}}


def served(
    folder: Path, running: list[Program], redis_url: str, name: str, seconds: int, workers: int = 1
) -> Program:
    """A gateway with such a drain, ready."""
    config = folder / f"{name}.toml"
    nowhere = "http://127.0.0.1:9"
    text = settlement(redis_url, nowhere, changes=drain_of(seconds, workers))
    config.write_text(text, encoding="utf-8")
    program = Program.start(name, folder, "serve", "--config", str(config))
    running.append(program)
    return program.ready("/readyz")


def looked(program: Program, path: str) -> httpx.Response:
    """One look over a connection of its own."""
    return httpx.get(f"{program.url}{path}", timeout=PATIENCE, trust_env=False)


def drains(program: Program) -> bool:
    """Whether it says that it does; several workers do not learn of it at the same moment."""
    return all(looked(program, "/readyz").status_code == 503 for _ in range(8))


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_replica_drains_before_it_ends(
    folder: Path, running: list[Program], redis_url: str, workers: int
) -> None:
    """It is not ready and closes every connection, yet serves on; another signal ends the wait."""
    program = served(folder, running, redis_url, f"draining-{workers}", LONG, workers)
    assert "connection" not in looked(program, "/livez").headers
    program.process.send_signal(signal.SIGTERM)
    assert await until(lambda: drains(program))
    unready = looked(program, "/readyz")
    assert (unready.status_code, unready.json()) == (503, {"status": "draining"})
    answers = [looked(program, path) for path in ("/livez", "/readyz", "/v1/opportunities")]
    assert [answer.status_code for answer in answers] == [200, 503, 401]
    assert {answer.headers["connection"] for answer in answers} == {"close"}
    program.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(program.process.wait, PATIENCE) == 0
    assert "Traceback" not in program.text()


async def test_a_drain_ends_by_itself(folder: Path, running: list[Program], redis_url: str) -> None:
    """After its time the replica is gone, and with it the connections that nobody used."""
    program = served(folder, running, redis_url, "drained", 1)
    address = ("127.0.0.1", httpx.URL(program.url).port or 0)
    with socket.create_connection(address, PATIENCE) as fresh:
        program.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(program.process.wait, PATIENCE) == 0
        assert fresh.recv(1) == b""


async def test_who_sits_at_the_terminal_does_not_wait(
    folder: Path, running: list[Program], redis_url: str
) -> None:
    """SIGINT ends it without a drain."""
    program = served(folder, running, redis_url, "interrupted", LONG)
    program.process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(program.process.wait, PATIENCE) == 0


async def test_a_running_replica_outlives_its_store_degraded(
    folder: Path, running: list[Program], start_redis: StartRedis
) -> None:
    """Every replica shares the store: none of them would be left if each were unready."""
    server = start_redis(appendonly="yes")
    program = served(folder, running, server.url, "bereft", 0)
    server.kill()
    assert await until(lambda: looked(program, "/readyz").json()["status"] == "degraded")
    answer = looked(program, "/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (200, ["store-unavailable"])
    server.start()
    assert await until(lambda: looked(program, "/readyz").json()["status"] == "ready")
