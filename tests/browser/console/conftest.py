"""A gateway over the simulated vendors, each a process of its own, and somebody at the console."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from gateway.api.access import SCOPES, hash_key
from gateway.sandbox.configuration import configuration
from tests.browser.console.operator import KEY, READER, SPARE, STRANGER, Behind, Operator
from tests.browser.visit import Visit
from tests.contract.clients.toolchain import MODULES, PACKAGES, needed
from tests.integration.programs import Program

VENDORS = ("slant", "coperniq", "close", "reevo")
ROOT = Path(__file__).resolve().parents[3]
CALLERS = {
    "operator": (KEY, SCOPES, "acme-*"),
    "reader": (READER, ("opportunities:read", "console"), "acme-*"),
    "stranger": (STRANGER, ("opportunities:read",), "acme-*"),
    "keeper": (SPARE, SCOPES, "spare-*"),
}
UNHURRIED = """
environment = "development"
[retries]
attempts = 1
[breaker]
calls = 1000
"""


def callers() -> Iterator[str]:
    """The callers as the configuration has them."""
    for name, (key, scopes, connections) in CALLERS.items():
        yield f'[callers.{name}]\nkey_sha256 = "{hash_key(key)}"'
        yield f'scopes = {list(scopes)}\nconnections = ["{connections}"]'


@pytest.fixture(scope="session")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """The programs, for all tests of the console."""
    folder = tmp_path_factory.mktemp("console")
    sandbox = Program.start("sandbox", folder, "sandbox").ready("/slant/_ledger")
    good = configuration(sandbox.url)
    config = folder / "gateway.toml"
    text = [UNHURRIED, *callers(), good, good.replace("acme-", "spare-")]
    config.write_text("\n".join(text), encoding="utf-8")
    gateway = Program.start("gateway", folder, "serve", "--config", str(config)).ready("/livez")
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        httpx.Client(base_url=gateway.url, headers=headers, timeout=30) as asked,
        httpx.Client(base_url=sandbox.url, timeout=30) as steered,
    ):
        yield Behind(asked, steered)
    gateway.end()
    sandbox.end()


@pytest.fixture(scope="session", autouse=True)
def _patient() -> None:
    """What is expected of a page may take its time on a machine that has others to serve."""
    expect.set_options(timeout=30_000)


@pytest.fixture(autouse=True)
def _seeded(behind: Behind) -> None:
    """Vendors as they were at first."""
    for vendor in VENDORS:
        behind.vendors.post(f"/{vendor}/_reset").raise_for_status()


@pytest.fixture
def console_url(behind: Behind) -> str:
    """Where the gateway serves."""
    return str(behind.gateway.base_url).rstrip("/")


@pytest.fixture
def operator(browser: Browser, console_url: str) -> Iterator[Operator]:
    """Somebody without a key as yet; whatever they do, the page keeps to its policy."""
    with Visit.of(browser, console_url, viewport={"width": 1440, "height": 900}) as visit:
        operator = Operator(visit)
        yield operator
        assert visit.elsewhere == []
        assert visit.refused == []
        assert operator.faults == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The checks of accessibility, as a script."""
    needed([PACKAGES])
    return (MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where pictures of panels are kept, to be looked at; git ignores it."""
    folder = Path(os.environ.get("GATEWAY_ARTEFACTS") or ROOT / ".artefacts") / "console"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
