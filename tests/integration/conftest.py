"""Real processes: one sandbox and two gateways over it, started once and shared by every test."""

import socket
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import httpx
import pytest

from gateway.sandbox import slant
from gateway.sandbox.configuration import configuration
from tests.integration.programs import CALLER, Program
from tests.integration.two_ends import Gateway, Sandbox

RUNNING = pytest.StashKey[list[Program]]()
"""The programs whose logs a failed test shows."""

UNGUARDED = "[retries]\nattempts = 1\n[breaker]\ncalls = 1000\n"
"""A fault that is scripted once is told as it came, however often vendors failed before."""
SETTLED_LATER = "[reconcile]\nquiet_seconds = 36000\n"
"""One look at once, and the next after the test: what it sees and sends is nobody else's."""
IMPATIENT = "[timeouts]\nrequest_seconds = 1\nvendor_seconds = 1\nconnect_seconds = 1\n"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUNNING] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        programs = item.config.stash.get(RUNNING, [])
        report.sections += [(f"log of the {each.name}", each.tail()) for each in programs]
    return report


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where configurations and logs lie."""
    return tmp_path_factory.mktemp("integration")


@pytest.fixture(scope="session")
def running(pytestconfig: pytest.Config) -> Iterator[list[Program]]:
    """The programs that are up; whatever is still up at the end is ended."""
    programs = pytestconfig.stash[RUNNING]
    yield programs
    for program in reversed(programs):
        program.end()
    programs.clear()


@pytest.fixture(scope="session")
def sandbox_program(folder: Path, running: list[Program]) -> Program:
    """The four vendors in a process of their own."""
    program = Program.start("sandbox", folder, "sandbox")
    running.append(program)
    return program.ready("/slant/_ledger")


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A loopback port that stays taken and never listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="session")
def connections(sandbox_program: Program, closed_port: int) -> str:
    """Connections to the sandbox, and beside them some that fail in ways of their own."""
    good = configuration(sandbox_program.url)
    nobody = configuration(f"http://127.0.0.1:{closed_port}")
    cipher = configuration(sandbox_program.url.replace("http://", "https://"))
    unlisted = good.partition("[connections.acme-coperniq]")[0]
    strangers = good.replace("sandbox", "stranger")
    return "\n".join(
        (
            good,
            _called("nobody", nobody),
            _called("cipher", cipher),
            _called("stranger", strangers),
            _called("reader", unlisted.replace(slant.READ_WRITE_TOKEN, slant.READ_ONLY_TOKEN)),
            _called("unlisted", unlisted),
            _called("unlisted-404", unlisted),
            _called("unlisted-405", unlisted),
        )
    )


def _called(name: str, connections: str) -> str:
    return connections.replace("[connections.acme-", f"[connections.{name}-")


@pytest.fixture(scope="session")
def gateway_program(folder: Path, running: list[Program], connections: str) -> Program:
    """The gateway with the time limits that it has by default."""
    return _served("gateway", "", folder, running, connections)


@pytest.fixture(scope="session")
def impatient_program(folder: Path, running: list[Program], connections: str) -> Program:
    """A gateway that waits a second for a vendor, and no longer."""
    return _served("impatient gateway", IMPATIENT, folder, running, connections)


def _served(
    name: str, settings: str, folder: Path, running: list[Program], connections: str
) -> Program:
    config = folder / f"{name}.toml"
    config.write_text(SETTLED_LATER + UNGUARDED + settings + CALLER + connections, encoding="utf-8")
    program = Program.start(name, folder, "serve", "--config", str(config))
    running.append(program)
    return program.ready("/livez")


@pytest.fixture(scope="session")
async def steering(sandbox_program: Program) -> AsyncIterator[Sandbox]:
    """The vendors, whatever the test before did to them."""
    async with httpx.AsyncClient(base_url=sandbox_program.url, timeout=30) as client:
        yield Sandbox(client)


@pytest.fixture
async def sandbox(steering: Sandbox) -> Sandbox:
    """The vendors as they were seeded, to steer and to look into."""
    await steering.reset()
    return steering


@pytest.fixture(scope="session")
async def gateway(gateway_program: Program) -> AsyncIterator[Gateway]:
    """The gateway, its catalogues read."""
    async with Gateway.at(gateway_program.url) as gateway:
        await gateway.learn()
        yield gateway


@pytest.fixture(scope="session")
async def impatient(impatient_program: Program) -> AsyncIterator[Gateway]:
    """The gateway that waits a second, its catalogues read."""
    async with Gateway.at(impatient_program.url) as gateway:
        await gateway.learn()
        yield gateway
