"""A browser without a window, and a gateway in a process of its own."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visit import Visit
from tests.integration.programs import CALLER, Program
from tests.programs import BROWSER, Toolbox

OPTIONS = [
    "--no-sandbox",  # a container has no namespaces to build one from
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium that finds no other host; while it is there no test can have a loop of its own."""
    found = Toolbox(os.environ).needed(BROWSER)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.path, args=OPTIONS, env=dict(found.environ)
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def gateway_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway without a connection: pages need no vendor."""
    folder = tmp_path_factory.mktemp("browser")
    config = folder / "gateway.toml"
    config.write_text(CALLER, encoding="utf-8")
    program = Program.start("gateway", folder, "serve", "--config", str(config))
    yield program.ready("/livez").url
    program.end()


@pytest.fixture
def visit(browser: Browser, gateway_url: str) -> Iterator[Visit]:
    """A reader who was never here."""
    with Visit.of(browser, gateway_url) as visit:
        yield visit
