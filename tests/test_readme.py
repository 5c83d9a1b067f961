"""What the README shows is what the gateway does."""

import base64
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from gateway.api.access import hash_key
from gateway.api.resolution import Resolution
from gateway.app import document
from gateway.canonical import ids, json_text
from gateway.demo import house
from gateway.idempotency.run import Status
from gateway.settings import parse
from gateway.vendors import installed
from tests.architecture.source_tree import ROOT, committed_files, short
from tests.sandboxed import CALLERS, sandboxed, tree

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
PROGRAMS = {"python": "readme.py", "ts": "readme.ts"}


@pytest.mark.parametrize(("language", "program"), PROGRAMS.items(), ids=PROGRAMS)
def test_the_programs_are_those_that_run(language: str, program: str) -> None:
    """What the page prints is generated for, compiled and run beside the clients' scenario."""
    file = ROOT / "tests/contract/clients" / program
    assert blocks(language) == [file.read_text(encoding="utf-8")]


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
    environ: Mapping[str, str] = {
        "REDIS_URL": "rediss://redis.internal.example:6379/0",
        "GATEWAY_SIGN_2026_11": "s" * 32,
        "GATEWAY_KEY_2026_11": base64.b64encode(b"k" * 32).decode(),
        "ACME_CLOSE_KEY": "api_key",
    }
    settings = parse(tomllib.loads(block), environ, Path())
    assert list(settings.connections) == ["acme-close"]


AGAIN, RESOLVE = blocks("sh")
(REPLAYED,) = blocks("text")


def curled(line: str) -> tuple[str, dict[str, str], bytes]:
    """URL, headers and body of a `curl` line."""
    words = shlex.split(line.replace("\\\n", ""))
    values = [(word, words[place + 1]) for place, word in enumerate(words[:-1])]
    headers = dict(value.split(": ", 1) for word, value in values if word == "-H")
    (url,) = (word for word in words if word.startswith("http"))
    return url, headers, next(value for word, value in values if word == "-d").encode()


async def test_the_write_that_is_sent_again_is_answered_as_the_readme_says() -> None:
    """The demo's caller sends the README's line three times: one effect, and replays of it."""
    url, headers, body = curled(AGAIN)
    demo = {**CALLERS["tests"], "key_sha256": hash_key(house.KEY)}
    told = dict(line.split(": ", 1) for line in REPLAYED.splitlines())
    async with sandboxed({**tree(), "callers": {"demo": demo}}) as served:
        first, *further = [
            await served.api.post(urlsplit(url).path, content=body, headers=headers)
            for _ in range(3)
        ]
        assert (first.status_code, first.headers["Idempotency-Status"]) == (201, "created")
        for answer in further:
            assert (answer.status_code, answer.content) == (201, first.content)
            assert {name: answer.headers[name] for name in told} == told
        assert len(served.vendor("reevo").ledger.effects) == 1


def test_an_operation_is_settled_by_hand_as_the_readme_says() -> None:
    """Its line names a path of the API, and its body is one that can be sent there."""
    url, _, body = curled(RESOLVE)
    path = re.sub("op_[0-9a-f]{32}", "{operation_id}", urlsplit(url).path)
    assert "post" in document()["paths"][path]
    assert Resolution.model_validate(json_text.read(body)).outcome == "applied"


def test_every_status_of_a_key_is_explained() -> None:
    """The table of `Idempotency-Status` has a row for each value that there is, and no other."""
    rows = re.findall(r"^\| `([a-z-]+)` \| [A-Z]", README, re.MULTILINE)
    assert sorted(rows) == sorted(get_args(Status))


def test_what_is_guaranteed_can_be_tried() -> None:
    """Each of the five guarantees has a command, and it picks tests that are there."""
    faults = (ROOT / "tests" / "faults").glob("test_*.py")
    told = "".join(f"{path.name} {path.read_text(encoding='utf-8')}" for path in faults)
    words = re.findall(r'^\d\. \*\*.* `make faults ARGS="-k (\w+)"`$', README, re.MULTILINE)
    assert len(words) == 5
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize("page", ["README.md", ".github/CONTRIBUTING.md"])
def test_every_target_that_is_named_is_made(page: str) -> None:
    """`make` knows what the pages tell to make."""
    text = (ROOT / page).read_text(encoding="utf-8")
    known = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)
    assert sorted({*named} - {*known}) == []


PAGES = [path for path in committed_files() if path.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A file or folder that a page names is there, and the heading in it."""
    links = re.findall(r"\]\(([^):]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not _is_there(page, link)] == []


def _is_there(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    """The headings of a page, as links spell them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}
