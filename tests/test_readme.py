"""What the README shows is what the gateway does."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.canonical import ids, json_text
from gateway.settings import parse
from gateway.vendors import installed
from tests.architecture.source_tree import ROOT, committed_files, short
from tests.sandboxed import sandboxed, tree

README = (ROOT / "README.md").read_text(encoding="utf-8")
VENDORS = ("slant", "coperniq", "close", "reevo")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def request(block: str) -> tuple[str, str, Any]:
    """Method, target and body of a request that is written as HTTP."""
    head, _, body = block.partition("\n\n")
    method, target = head.splitlines()[0].split(" ")
    return method, target, json_text.read(body)


PATCH, *RENDERINGS = blocks("http")


@pytest.mark.parametrize(("vendor", "block"), [*zip(VENDORS, RENDERINGS, strict=True)], ids=VENDORS)
async def test_the_rendering_is_what_the_gateway_would_send(vendor: str, block: str) -> None:
    """A dry run of the README's PATCH gives the README's vendor request, and the warning it names.

    The sandbox has the vendor's paths; the address before them is the vendor's own.
    """
    method, url, body = request(block)
    connection = f"acme-{vendor}"
    vendor_id = url.rstrip("/").rpartition("/")[2]
    async with sandboxed() as house:
        answered = await house.ask(
            "POST",
            f"/v1/connections/{connection}/translations",
            {
                "operation": "update",
                "opportunity_id": ids.join(connection, vendor_id),
                "body": request(PATCH)[2],
                "handling": "lenient",
            },
        )
    sandbox: str = tree()["connections"][connection]["base_url"]
    (sent,) = answered.json["requests"]
    there = sent["url"].replace(sandbox, installed()[vendor].base_url)
    assert (method, url, body) == (sent["method"], there, sent["body"])
    left_out = [warning["pointer"] for warning in answered.json["warnings"]]
    assert left_out == (["/expected_close_date"] if vendor == "coperniq" else [])


async def test_the_patch_is_refused_where_the_readme_says_so() -> None:
    """Under strict handling the vendor without a close date refuses, and nothing is written."""
    vendor_id = request(RENDERINGS[1])[1].rpartition("/")[2]
    async with sandboxed() as house:
        path = f"/v1/opportunities/{ids.join('acme-coperniq', vendor_id)}"
        answered = await house.ask("PATCH", path, request(PATCH)[2])
        assert (answered.status, answered.code) == (422, "unsupported-field")
        assert house.vendor("coperniq").ledger.effects == []


def test_the_configuration_is_fit_to_run_with() -> None:
    """The README's file loads in production, and every setting of it has an effect."""
    (block,) = blocks("toml")
    environ: Mapping[str, str] = {"GATEWAY_SIGN_2026_11": "s" * 32, "ACME_CLOSE_KEY": "api_key"}
    settings = parse(tomllib.loads(block), environ, Path())
    assert list(settings.connections) == ["acme-close"]
    assert settings.pending == ()


async def test_a_key_is_not_kept_and_the_answer_says_so() -> None:
    """The README promises no replay: the same key twice is two opportunities, told honestly."""
    body = {"connection": "acme-reevo", "name": "Pier"}
    async with sandboxed() as house:
        for _ in range(2):
            answered = await house.ask(
                "POST", "/v1/opportunities", body, Idempotency_Key="the-same-key"
            )
            assert answered.status == 201
            assert answered.headers["Idempotency-Status"] == "not-stored"
        assert len(house.vendor("reevo").ledger.effects) == 2


PAGES = [path for path in committed_files() if path.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A file or folder that a page names is there."""
    links = re.findall(r"\]\(([^):]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
