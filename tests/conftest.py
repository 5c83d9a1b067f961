"""What every test stands on: one event loop flavour, unhurried properties, real servers."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.programs import NGINX, REDIS, TOOLS, Toolbox
from tests.servers import Balancer, RedisServer

EXPLORING = os.environ.get("GATEWAY_EXPLORE") == "1"
"""Whether properties try other examples each time. A gate says the same twice; a soak looks on."""

settings.register_profile("unhurried", deadline=None, print_blob=True, derandomize=not EXPLORING)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The loop of the standard library, also where uvloop is installed."""
    return "asyncio", {"use_uvloop": False}


def pytest_report_header() -> str:
    """Tells which real programs this run has."""
    toolbox = Toolbox(os.environ)
    places = ((tool.name, toolbox.find(tool)) for tool in TOOLS)
    return "programs: " + ", ".join(f"{at.path if at else 'no ' + name}" for name, at in places)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each program that was missing: a skip that nobody sees is a test that is not."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    lost = [(tool, reasons[tool.loss]) for tool in TOOLS if reasons[tool.loss]]
    if lost:
        terminalreporter.section("programs that are missing", yellow=True)
    for tool, count in lost:
        tests = "1 test" if count == 1 else f"{count} tests"
        terminalreporter.line(f"{tool.loss}, {tests} did not run: {tool.remedy}", yellow=True)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis for the whole run that keeps what it acknowledged; do not stop this one."""
    found = Toolbox(os.environ).needed(REDIS)
    server = RedisServer(found, tmp_path_factory.mktemp("redis"), appendonly="yes")
    server.start()
    yield server
    server.end()


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """The Redis that `GATEWAY_TEST_REDIS_URL` names, else one of our own; tests may empty it."""
    if named := os.environ.get("GATEWAY_TEST_REDIS_URL"):
        return named
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url


@pytest.fixture
def start_redis(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RedisServer]]:
    """Starts Redis servers for one test, which may kill them: `start_redis(appendonly="yes")`."""
    found = Toolbox(os.environ).needed(REDIS)
    with ExitStack() as running:

        def start(**settings: str) -> RedisServer:
            server = RedisServer(found, tmp_path_factory.mktemp("redis"), **settings)
            running.callback(server.end)
            server.start()
            return server

        yield start


@pytest.fixture
def start_balancer(tmp_path: Path) -> Iterator[Callable[[Sequence[int]], Balancer]]:
    """Starts an nginx over the loopback ports of replicas: `start_balancer([8001, 8002])`."""
    found = Toolbox(os.environ).needed(NGINX)
    with ExitStack() as running:

        def start(ports: Sequence[int]) -> Balancer:
            balancer = Balancer(found, tmp_path, ports)
            running.callback(balancer.end)
            balancer.start()
            return balancer

        yield start
