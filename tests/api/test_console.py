"""The console as it is served: static, small, under a strict policy, and the same for everybody."""

from html.parser import HTMLParser
from typing import Final

import pytest

from gateway.api.access import SCOPES
from gateway.api.console.page import FOLDER, PAGE, POLICY, STATIC
from gateway.settings.sections import Caller
from tests.sandboxed import Sandboxed, sandboxed, tree

MOST: Final = 120_000
"""Bytes that all of the console may have, as it lies on the disk."""


class Read(HTMLParser):
    """What a page loads, and whether anything in it is inline."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes note of an element."""
        found = dict(attrs)
        loads = tag in {"script", "img", "link"}
        self.loads += [found.get("src") or found.get("href") or "inline"] if loads else []
        self.inline += [tag] if tag == "style" else []
        self.inline += [name for name in found if name == "style" or name.startswith("on")]


async def test_the_console_is_a_page(house: Sandboxed) -> None:
    """Without a key; it has nothing inline, and loads files of this gateway that are there."""
    answer = await house.api.get("/console", headers={"Authorization": ""})
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Read()
    page.feed(answer.text)
    assert page.inline == []
    assert len(page.loads) > 3
    for place in page.loads:
        assert (await house.api.get(place)).status_code == 200, place


async def test_its_policy_lets_in_this_gateway_alone(house: Sandboxed) -> None:
    """No inline script or style, no other host, no frame, no form, no markup made of text."""
    answer = await house.api.get("/console")
    assert answer.headers["content-security-policy"] == POLICY
    allowed = dict(each.strip().split(" ", 1) for each in POLICY.split(";"))
    assert allowed["default-src"] == "'none'"
    assert allowed["require-trusted-types-for"] == "'script'"
    opened = {name for name, value in allowed.items() if value == "'self'"}
    assert opened == {"script-src", "style-src", "img-src", "connect-src"}
    assert {*allowed.values()} == {"'none'", "'self'", "'script'"}
    for name, value in (("x-frame-options", "DENY"), ("referrer-policy", "no-referrer"),
                        ("x-content-type-options", "nosniff")):  # fmt: skip
        assert answer.headers[name] == value


@pytest.mark.parametrize("part", STATIC)
async def test_every_file_has_its_type_and_names_no_host(house: Sandboxed, part: str) -> None:
    """No browser has to guess, and none is sent elsewhere."""
    answer = await house.api.get(f"/console/static/{part}")
    kind = {"css": "text/css", "js": "text/javascript"}[part.rpartition(".")[2]]
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.content == (FOLDER / part).read_bytes()
    named = answer.text.replace("http://www.w3.org/2000/svg", "").replace('"https://"', "")
    assert "://" not in named


@pytest.mark.parametrize("path", ["/console/", "/console/static", "/console/static/nothing.js",
                                  "/console/static/..%2fpage.py",
                                  "/console/static/index.html"])  # fmt: skip
async def test_there_is_nothing_else(house: Sandboxed, path: str) -> None:
    """What is no file of it is a problem like any other."""
    answer = await house.ask("GET", path)
    assert (answer.status, answer.code) == (404, "route-not-found")


def test_it_is_small() -> None:
    """All that there is to load, and no file of it is left out of that count."""
    files = [file for file in FOLDER.iterdir() if file.is_file()]
    assert {file.name for file in files} == STATIC.keys() | {"index.html"}
    assert sum(file.stat().st_size for file in files) < MOST


def test_it_keeps_nothing_and_builds_no_markup_of_text() -> None:
    """Neither storage nor cookies nor HTML from strings occurs in its scripts."""
    for name, (content, _) in STATIC.items():
        for word in (b"localStorage", b"sessionStorage", b"cookie", b"indexedDB", b"innerHTML",
                     b"outerHTML", b"insertAdjacentHTML", b"eval(", b"Function("):  # fmt: skip
            assert word not in content, name


async def test_a_caller_is_told_who_it_is() -> None:
    """Its name, scopes and connections, never its key; the console asks this first."""
    configured = tree()
    caller = {
        **configured["callers"]["tests"],
        "scopes": ["console", "operations:resolve"],
        "connections": ["acme-c*", "acme-slant"],
        "requests_per_minute": 60,
    }
    async with sandboxed({**configured, "callers": {"ops": caller}}) as house:
        answer = await house.ask("GET", "/v1/caller")
    assert answer.status == 200
    assert answer.json == {
        "name": "ops",
        "scopes": ["console", "operations:resolve"],
        "connections": ["acme-c*", "acme-slant"],
        "requests_per_minute": 60,
    }


@pytest.mark.parametrize("scope", SCOPES)
async def test_whoever_may_do_anything_may_know_it(scope: str) -> None:
    """One scope is enough, whichever it is; a key without any opens nothing."""
    configured = tree()
    for scopes, status in (([scope], 200), ([], 403)):
        caller = {**configured["callers"]["tests"], "scopes": scopes}
        async with sandboxed({**configured, "callers": {"ops": caller}}) as house:
            assert (await house.ask("GET", "/v1/caller")).status == status


def test_every_scope_that_can_be_given_is_known() -> None:
    """What a configuration takes is what routes and the console ask for."""
    for scope in SCOPES:
        read = Caller.model_validate({"key_sha256": "0" * 64, "scopes": [scope]})
        assert read.scopes == {scope}
