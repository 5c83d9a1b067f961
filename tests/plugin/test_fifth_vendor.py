"""A vendor from a package of its own is installed, served and on trial, without an edit here."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gateway.app import create_app
from gateway.canonical import json_text
from gateway.canonical.pipeline import Catalogue
from gateway.conformance import Subject, laws
from gateway.settings import Settings, parse
from gateway.telemetry.hooks import Hooks
from gateway.vendors import ENTRY_POINT_GROUP, installed
from tests.plugin import book
from tests.plugin.book import Book, Line
from tests.sandboxed import CALLERS, KEY

PACKAGE = Path(__file__).parent / "package"
CONNECTION = {
    "vendor": "tally",
    "credentials": {"key": book.KEY},
    "currency": "EUR",
    "timezone": "Europe/Lisbon",
    "custom_fields": {"paint": "colour"},
    "stage_status": {"ph0": "open", "ph1": "open", "ph2": "won", "ph3": "lost"},
    "options": {"external_id_field": "erp"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the package was installed, as anyone would install it."""
    folder = tmp_path_factory.mktemp("site")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--target", str(folder))
    install = [sys.executable, "-m", "pip", "install", "--quiet", *offline, str(PACKAGE)]
    subprocess.run(install, check=True, capture_output=True)
    return folder


@pytest.fixture
def met(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process has the package on its path."""
    monkeypatch.syspath_prepend(str(site))
    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.fixture
def settings(met: None) -> Settings:
    """A configuration with a connection to the fifth vendor."""
    return parse({"callers": CALLERS, "connections": {"acme-tally": CONNECTION}}, {}, Path())


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway over a book in memory."""
    app = create_app(settings, client=Line(Book()), hooks=Hooks())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway.test",
        headers={"Authorization": f"Bearer {KEY}"},
    ) as client:
        yield client


def run(site: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """The command line of a gateway beside which the package is installed."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        check=False,
    )


def test_the_command_line_knows_the_vendor(site: Path) -> None:
    """Its capabilities are printed like those of any other."""
    ran = run(site, "capabilities", "--vendor", "tally")
    assert (ran.returncode, ran.stderr) == (0, b"")
    told = json_text.read(ran.stdout)["tally"]
    assert told["fields"]["value"]["unit"] == "minor units, integer"
    assert told["fields"]["account"]["read"] == "unsupported"


def test_the_matrix_has_a_column_for_the_vendor(site: Path) -> None:
    """The table of the README is made of whatever is installed."""
    ran = run(site, "capabilities", "--markdown")
    head = ran.stdout.decode().splitlines()[0]
    assert " Tally |" in head
    assert head.count("|") == len(installed()) + 3


def test_a_name_that_is_taken_is_refused(site: Path, tmp_path: Path) -> None:
    """Two vendors of one name would be one too many."""
    twin = tmp_path / "twin-1.0.dist-info"
    twin.mkdir()
    (twin / "METADATA").write_text("Metadata-Version: 2.1\nName: twin\nVersion: 1.0\n")
    points = f"[{ENTRY_POINT_GROUP}]\ntally = gateway_tally:TRANSLATOR\n"
    (twin / "entry_points.txt").write_text(points)
    path = os.pathsep.join((str(site), str(tmp_path)))
    ran = run(Path(path), "capabilities")
    assert ran.returncode != 0
    assert b"takes an installed vendor's name" in ran.stderr


async def test_the_gateway_serves_the_vendor(api: httpx.AsyncClient) -> None:
    """A record is read, changed by name of stage and by alias, and read again."""
    first = await api.get("/v1/opportunities/acme-tally.d1")
    assert first.status_code == 200
    assert first.json()["value"] == {"amount": "12500.00", "currency": "EUR", "period": "one_time"}
    patch = {
        "stage": {"name": "offer"},
        "value": {"amount": "9007199254740993.07"},
        "custom_fields": {"paint": "blue"},
        "external_id": "7001",
    }
    headers = {"If-Match": first.headers["ETag"]}
    changed = await api.patch("/v1/opportunities/acme-tally.d1", json=patch, headers=headers)
    assert changed.status_code == 200, changed.text
    again = await api.get("/v1/opportunities/acme-tally.d1")
    assert again.json() == changed.json()
    assert again.json()["value"]["amount"] == "9007199254740993.07"
    assert again.json()["stage"]["name"] == "Offer"
    assert again.json()["status"] == "open"
    assert again.json()["custom_fields"] == {"paint": "blue"}
    assert again.json()["external_id"] == "7001"


async def test_what_the_vendor_cannot_is_refused(api: httpx.AsyncClient) -> None:
    """Its declarations are enough for the gateway to say no, and why."""
    path = "/v1/opportunities/acme-tally.d1"
    no_account = await api.patch(path, json={"account": {"id": "1"}})
    too_fine = await api.patch(path, json={"value": {"amount": "0.005"}})
    assert (no_account.status_code, no_account.json()["code"]) == (422, "unsupported-field")
    assert (too_fine.status_code, too_fine.json()["code"]) == (422, "value-not-representable")
    assert too_fine.json()["errors"][0]["allowed"] == ["0.00", "0.01"]


def test_the_vendor_obeys_the_laws(settings: Settings, subtests: pytest.Subtests) -> None:
    """The suite that our own vendors pass is the suite that a stranger can run."""
    at = settings.connections["acme-tally"]
    context = at.context(datetime.now(UTC), Catalogue())
    for law in laws(at.vendor, context, examples=8):
        with subtests.test(str(law)):
            law(Subject(at.vendor, context, Book()))
