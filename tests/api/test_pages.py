"""What is not part of v1: liveness, readiness, the document, and pages for people."""

import html
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import get_args

import pytest

from gateway.api import problems
from gateway.api.docs.markup import prose
from gateway.api.docs.page import FOLDER, GUIDES, POLICY
from gateway.api.docs.remedies import REMEDIES
from gateway.canonical import json_text
from gateway.canonical.money import Period
from gateway.errors import Origin, Outcome
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.monitor import Monitor
from gateway.idempotency.run import Status
from tests.contract.openapi import misfits
from tests.sandboxed import Sandboxed, sandboxed, tree


@pytest.mark.parametrize(("path", "status"), [("/livez", "ok"), ("/readyz", "ready")])
async def test_probes_answer_without_a_vendor(house: Sandboxed, path: str, status: str) -> None:
    """They are about this process; a broken vendor takes no replica out of service."""
    for simulator in house.sandbox.state.simulators.values():
        simulator.faults.add({"fault": {"kind": "hang"}, "times": 9})
    answer = await house.ask("GET", path)
    assert (answer.status, answer.json) == (200, {"status": status})


def monitor(*, strict: bool) -> Monitor:
    """A watch over a store that is well and was not looked at yet."""
    return Monitor(MemoryStore(), highwaters=Highwaters(), keep_ms=1000, strict=strict)


async def test_a_replica_that_waits_for_its_store_is_not_ready(house: Sandboxed) -> None:
    """503 keeps a balancer away from it, with the reason; then it is ready."""
    house.app.state.monitor = watch = monitor(strict=True)
    answer = await house.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (503, {"status": "unready", "reasons": ["starting"]})
    assert (await house.ask("GET", "/livez")).status == 200
    await watch.look()
    answer = await house.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (200, {"status": "ready"})


async def test_a_degraded_replica_is_ready_and_says_why(house: Sandboxed) -> None:
    """It still serves what it can."""
    house.app.state.monitor = watch = monitor(strict=False)
    await watch.noticed("00", known=2, found=1)
    answer = await house.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (200, {"status": "degraded", "reasons": ["amnesia"]})


async def test_the_document_is_the_applications(house: Sandboxed) -> None:
    """As JSON, whatever the configuration."""
    answer = await house.ask("GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == json_text.read(json_text.write(house.app.openapi()))


PAGES = [
    "/docs",
    *(f"/docs/{name}" for name in GUIDES),
    *(f"/problems/{code}" for code in problems.TITLES),
]


PRINTED = re.compile(r"<pre.*?><code>(.*?)</code>", re.DOTALL)


class Read(HTMLParser):
    """What a page has: its ids, its links, what it loads, its headings, its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.headings: list[int] = []
        self.attributes: set[str] = set()
        self.elements: Counter[str] = Counter()
        self.language: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes note of an element."""
        found = {name: value or "" for name, value in attrs}
        self.elements[tag] += 1
        self.attributes |= found.keys()
        self.ids += [found["id"]] if "id" in found else []
        self.loads += [found["src"]] if "src" in found else []
        if tag == "html":
            self.language = found.get("lang")
        if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            self.headings.append(int(tag[1]))
        if "href" in found:
            (self.loads if tag == "link" else self.links).append(found["href"])


async def read(house: Sandboxed, path: str) -> Read:
    """A page that is there."""
    response = await house.api.get(path)
    assert response.status_code == 200, path
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Read(response.text)


async def test_every_operation_type_and_problem_is_on_the_reference(house: Sandboxed) -> None:
    """Each operation and type can be linked to, and each problem leads to its page."""
    page = await read(house, "/docs")
    document = house.app.openapi()
    operations = [each["operationId"] for item in document["paths"].values()
                  for each in item.values()]  # fmt: skip
    assert {*operations, *document["components"]["schemas"]} <= {*page.ids}
    assert {f"/problems/{code}" for code in problems.TITLES} <= {*page.links}


async def test_every_member_and_parameter_is_on_the_reference(house: Sandboxed) -> None:
    """Nothing that a caller can send or gets has to be looked up in the document."""
    text = (await house.api.get("/docs")).text
    document = house.app.openapi()
    members = {name for schema in document["components"]["schemas"].values()
               for name in schema.get("properties", ())}  # fmt: skip
    parameters = {each["name"] for item in document["paths"].values()
                  for operation in item.values()
                  for each in operation["parameters"]}  # fmt: skip
    assert [each for each in members | parameters if f"<code>{each}</code>" not in text] == []


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_holds_to_its_policy(house: Sandboxed, path: str) -> None:
    """It loads files of this gateway alone, and has no script and no style of its own."""
    response = await house.api.get(path)
    assert response.headers["content-security-policy"] == POLICY
    page = Read(response.text)
    assert page.loads
    assert [each for each in page.loads if not each.startswith("/docs/static/")] == []
    assert [name for name in page.attributes if name == "style" or name.startswith("on")] == []
    assert page.elements["style"] == 0
    assert page.elements["script"] == sum(each.endswith(".js") for each in page.loads)


def test_the_policy_lets_nothing_inline_and_nobody_else_in() -> None:
    """Whatever it allows is this gateway's own."""
    directives = dict(each.strip().split(" ", 1) for each in POLICY.split(";"))
    assert directives["default-src"] == "'none'"
    assert {*directives.values()} == {"'none'", "'self'"}


async def test_every_link_leads_somewhere(house: Sandboxed) -> None:
    """To a page or a file that is there, and to a place on it."""
    pages = {path: await read(house, path) for path in PAGES}
    for path, page in pages.items():
        for link in {*page.links, *page.loads}:
            where, _, place = link.partition("#")
            assert where.startswith("/") or not where, f"{path} leads to {link}"
            if (where or path) in pages:
                assert not place or place in pages[where or path].ids, f"{path} leads to {link}"
            else:
                assert (await house.api.get(where)).status_code == 200, f"{path} leads to {link}"


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_can_be_read_by_whoever_does_not_see_it(house: Sandboxed, path: str) -> None:
    """A language, a title, one main part that can be skipped to, headings without a gap."""
    page = await read(house, path)
    assert page.language == "en"
    assert [page.elements[each] for each in ("title", "main", "nav", "h1")] == [1, 1, 1, 1]
    assert page.links[0] == "#content"
    steps = pairwise([0, *page.headings])
    assert [step for step in steps if step[1] > step[0] + 1] == []
    assert [each for each, count in Counter(page.ids).items() if count > 1] == []


@pytest.mark.parametrize(("name", "kind"), [
    ("docs.css", "text/css; charset=utf-8"),
    ("docs.js", "text/javascript; charset=utf-8"),
    ("mark.svg", "image/svg+xml"),
])  # fmt: skip
async def test_what_pages_load_has_its_type(house: Sandboxed, name: str, kind: str) -> None:
    """No browser has to guess: it is told not to."""
    response = await house.api.get(f"/docs/static/{name}")
    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert b"http" not in response.content.replace(b"http://www.w3.org/2000/svg", b"")


def test_every_problem_has_a_remedy() -> None:
    """When it comes and what to do, in sentences, with a guide that there is."""
    assert REMEDIES.keys() == problems.TITLES.keys()
    for when, do, guide, _ in REMEDIES.values():
        assert when.endswith(".")
        assert do.endswith(".")
        assert guide in GUIDES


@pytest.mark.parametrize("code", problems.TITLES)
async def test_a_page_tells_of_its_problem(house: Sandboxed, code: str) -> None:
    """Its title, what each kind means, when it comes, what to do, and how it looks."""
    text = (await house.api.get(f"/problems/{code}")).text
    remedy = REMEDIES[code]
    shown = re.findall(r"<code>HTTP/1.1 (\d+) .*?\n\n(.*?)</code>", text, re.DOTALL)
    assert shown
    for status, body in shown:
        answer = json_text.read(html.unescape(body).encode())
        assert misfits({"$ref": "#/components/schemas/Problem"}, answer) == []
        assert (answer["code"], str(answer["status"])) == (code, status)
    kinds = [kind for kind in problems.STATUS if kind.code == code]
    told = [prose((kind.__doc__ or "").splitlines()[0]) for kind in kinds]
    told += [prose(remedy.when), prose(remedy.do)]
    assert [each for each in told if each not in text] == []
    assert f"<h1>{html.escape(problems.TITLES[code], quote=False)}</h1>" in text


@pytest.mark.parametrize("name", GUIDES)
async def test_a_guide_shows_its_programs_whole(house: Sandboxed, name: str) -> None:
    """In every language, to the letter, with what they print."""
    text = (await house.api.get(f"/docs/{name}")).text
    shown = [html.unescape(each) for each in PRINTED.findall(text)]
    files = sorted((FOLDER / "calls").glob(f"{name.replace('-', '_')}.*"))
    assert {file.suffix for file in files} == {".py", ".sh", ".ts", ".txt"}
    assert sorted(shown) == sorted(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize(("name", "words"), [
    ("errors", (*problems.ADVICE, *get_args(Outcome), *get_args(Origin))),
    ("idempotency", get_args(Status)),
    ("custom-fields", ("custom_fields", "custom_fields_add", "custom_fields_remove")),
    ("money", ("amount", "currency", "period", *get_args(Period))),
    ("lists", ("next_cursor", "updated_after", "include_archived", "errors")),
])  # fmt: skip
async def test_a_guide_explains_every_word(
    house: Sandboxed, name: str, words: tuple[str, ...]
) -> None:
    """A value that is added to the contract is added to the guide that explains it."""
    text = (await house.api.get(f"/docs/{name}")).text
    assert [word for word in words if f"<code>{word}</code>" not in text] == []


def test_no_file_of_the_guides_is_left_over() -> None:
    """Every text and every program belongs to a guide."""
    known = {name.replace("-", "_") for name in GUIDES}
    assert {file.stem for file in (FOLDER / "calls").iterdir() if file.is_file()} == known
    assert {file.stem for file in (FOLDER / "text").iterdir()} == known


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/static/nothing", "/docs/static",
                                  "/docs/static/..%2fpage.py", "/docs/"])  # fmt: skip
async def test_there_is_no_other_page(house: Sandboxed, path: str) -> None:
    """What is no guide and no file is a problem like any other."""
    answer = await house.ask("GET", path)
    assert (answer.status, answer.code) == (404, "route-not-found")


async def test_a_page_repeats_nothing_of_its_address(house: Sandboxed) -> None:
    """What is asked for is never echoed as markup."""
    for folder in ("problems", "docs"):
        response = await house.api.get(f"/{folder}/%3Cimg%20src=x%3E")
        assert response.status_code == 404
        assert "<img" not in response.text


async def test_the_document_names_the_public_address() -> None:
    """Clients that are generated from it go where the operator says; else to where it came from."""
    async with sandboxed({**tree(), "public_url": "https://opportunities.example.com"}) as house:
        (server,) = (await house.ask("GET", "/openapi.json")).json["servers"]
    assert server["url"] == "https://opportunities.example.com"
    async with sandboxed() as house:
        (server,) = (await house.ask("GET", "/openapi.json")).json["servers"]
    assert server["url"] == "/"
