"""Translate: what a write becomes at each vendor, and what a vendor's record becomes here."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from gateway.canonical import json_text
from tests.browser.console.operator import KEY, Behind, Operator
from tests.contract.clients.toolchain import NODE, needed, program
from tests.programs import CURL, Toolbox

DRAFT = {"name": "Pier", "value": {"amount": "7500.00"}}


@pytest.fixture
def page(operator: Operator) -> Page:
    """The panel."""
    operator.arrive()
    return operator.go("Translate")


def typed(page: Page, label: str, value: Any) -> None:
    """Replaces the text of the editor; a value becomes its JSON."""
    text = value if isinstance(value, str) else json_text.write(value).decode()
    page.get_by_label(label).fill(text)


def result(page: Page, connection: str) -> Locator:
    """What is shown for a connection."""
    return page.get_by_role("article", name=connection)


def shown(area: Locator) -> Any:
    """The JSON that is shown there."""
    return json_text.read(area.inner_text().encode())


def test_translations_stand_side_by_side(operator: Operator, behind: Behind, page: Page) -> None:
    """For each connection the requests are the ones that the API tells of, and nothing is sent."""
    operator.choose("acme-close", "acme-slant", "acme-reevo")
    typed(page, "Draft, as JSON", DRAFT)
    page.get_by_role("button", name="Translate", exact=True).click()
    for connection in ("acme-close", "acme-slant", "acme-reevo"):
        path = f"/v1/connections/{connection}/translations"
        told = behind.ask("POST", path, {"operation": "create", "body": DRAFT})
        article = result(page, connection)
        expect(article.locator(".request")).to_have_count(len(told["requests"]))
        for request, each in zip(article.locator(".request").all(), told["requests"], strict=True):
            expect(request.locator(".url")).to_have_text(each["method"] + each["url"])
            assert shown(request.locator(".json")) == each["body"]
        for effect in told["side_effects"]:
            expect(article).to_contain_text(effect)
    lefts = [result(page, each).bounding_box() for each in ("acme-close", "acme-reevo")]
    assert lefts[0]
    assert lefts[1]
    assert lefts[0]["y"] == lefts[1]["y"]
    assert lefts[0]["x"] < lefts[1]["x"]
    assert behind.vendors.get("/close/_ledger").json()["effects"] == []


def test_what_is_wrong_stands_at_its_line(operator: Operator, page: Page) -> None:
    """A pointer leads to a line, with what may stand there instead; typing takes the mark away."""
    operator.choose("acme-slant")
    typed(
        page, "Draft, as JSON", '{\n  "name": "Pier",\n  "value": {\n    "amount": "10.50"\n  }\n}'
    )
    page.keyboard.press("Control+Enter")
    wrong = page.locator(".line.wrong")
    expect(wrong).to_have_count(1)
    expect(wrong).to_contain_text('"amount": "10.50"')
    expect(page.locator(".faults li")).to_contain_text("Line 4/value/amount")
    expect(page.locator(".faults .allowed code")).to_have_text(["10", "11"])
    expect(result(page, "acme-slant").locator(".problem")).to_contain_text(
        "value-not-representable"
    )
    expect(page.get_by_label("Draft, as JSON")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Line 4").click()
    page.keyboard.type('    "amount": "10.00"')
    expect(wrong).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(result(page, "acme-slant").locator(".request").first).to_be_visible()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n  "name": Pier\n}', "Line 2 Pier is no JSON"),
        ('{\n  "name": "Pier"\n  "value": {}\n}', "Line 3 a comma or the end is expected"),
        ('{"name": "Pier",\n "name": "Quay"}', "Line 2 name stands twice"),
        ('{\n  "value": {', "Line 2 the text ends before it is closed"),
        ("[1, 2,]", "Line 1 ] is not expected here"),
    ],
)
def test_what_is_no_json_is_told_at_once(
    operator: Operator, page: Page, text: str, told: str
) -> None:
    """While one types, without asking the gateway."""
    asked = len(operator.visit.asked)
    typed(page, "Draft, as JSON", text)
    expect(page.locator(".faults li")).to_have_count(1)
    expect(page.locator(".faults li")).to_contain_text(told)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Draft, as JSON")).to_be_focused()
    assert [url for url in operator.visit.asked[asked:] if url.endswith("/translations")] == []


def test_the_editor_knows_what_may_stand_there(operator: Operator, page: Page) -> None:
    """Members from the document, names and choices from the connection's own catalogues."""
    operator.choose("acme-close")
    page.wait_for_load_state("networkidle")
    typed(page, "Draft, as JSON", "{}")
    page.keyboard.press("ArrowLeft")
    options = page.get_by_role("option")
    page.keyboard.type('"sta')
    expect(options.locator("span")).to_have_text(["status", "stage"])
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Draft, as JSON")).to_have_attribute(
        "aria-activedescendant", re.compile("-words-1$")
    )
    page.keyboard.press("Enter")
    page.keyboard.type('"na')
    expect(options.locator("span")).to_have_text(["name"])
    page.keyboard.press("Tab")
    expect(options.filter(has_text="Demo scheduled")).to_be_visible()
    page.keyboard.type("prop")
    page.keyboard.press("Enter")
    expect(options).to_have_count(0)
    assert shown(page.locator(".ink")) == {"stage": {"name": "Proposal sent"}}
    typed(page, "Draft, as JSON", '{"custom_fields": {"robots": [""]}}')
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+Space")
    expect(options.filter(has_text="Courier")).to_be_visible()
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)


def test_what_cannot_be_taken_may_be_left_out(operator: Operator, page: Page) -> None:
    """Lenient handling shows the request without it, and the warning that names it."""
    operator.choose("acme-coperniq")
    typed(page, "Draft, as JSON", {**DRAFT, "expected_close_date": "2027-03-31"})
    page.get_by_role("radio", name="Leave out").check()
    page.get_by_role("button", name="Translate", exact=True).click()
    article = result(page, "acme-coperniq")
    expect(article.locator(".noted.warn")).to_contain_text("/expected_close_date")
    assert "2027-03-31" not in article.locator(".request").first.inner_text()


def test_an_update_starts_from_the_opportunity(
    operator: Operator, behind: Behind, page: Page
) -> None:
    """It is chosen from those that there are, and its members are loaded as a patch."""
    made = behind.opportunity("acme-reevo", name="Pier")
    operator.choose("acme-reevo")
    page.get_by_role("radio", name="Update").check()
    page.get_by_label("Opportunities of acme-reevo").select_option(made["id"])
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator(".ink")).to_contain_text('"Pier"')
    assert shown(page.locator(".ink"))["value"]["amount"] == "100.00"
    typed(page, "Merge patch, as JSON", {"name": "Quay"})
    page.get_by_role("button", name="Translate", exact=True).click()
    request = result(page, "acme-reevo").locator(".request")
    expect(request.locator(".url")).to_contain_text(made["vendor_id"])
    assert shown(request.locator(".json")) == {"attributes": {"display_name": "Quay"}}


def test_a_vendors_record_is_read(operator: Operator, behind: Behind, page: Page) -> None:
    """The other direction: the record that the vendor has, then its canonical form."""
    made = behind.opportunity("acme-close", name="Pier")
    operator.choose("acme-close")
    page.get_by_role("radio", name="Read a record").check()
    page.get_by_label("Load a record of acme-close").fill(made["id"])
    page.get_by_role("button", name="Load its record").click()
    expect(page.locator(".ink")).to_contain_text(made["vendor_id"])
    path = f"/v1/opportunities/{made['id']}?include=raw"
    assert shown(page.locator(".ink")) == behind.ask("GET", path)["raw"]
    page.get_by_role("button", name="Translate", exact=True).click()
    canonical = shown(result(page, "acme-close").locator(".json").first)
    assert (canonical["id"], canonical["name"]) == (made["id"], "Pier")


def test_a_delete_says_what_it_comes_to(operator: Operator, behind: Behind, page: Page) -> None:
    """It has no body, so there is no editor."""
    made = behind.opportunity("acme-close", name="Pier")
    operator.choose("acme-close")
    page.get_by_role("radio", name="Delete").check()
    expect(page.locator(".editor")).to_be_hidden()
    page.get_by_label("Opportunity at acme-close").fill(made["id"])
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(result(page, "acme-close").locator(".url")).to_contain_text("DELETE")
    expect(result(page, "acme-close")).to_contain_text("the record is deleted")


def test_numbers_keep_their_digits(operator: Operator, page: Page) -> None:
    """Also those that a browser's own numbers cannot hold."""
    operator.choose("acme-close")
    seats = "cf_h7iELgleGEh0CUb97i06QDogVYThDreMiLRKWvnHs7E"
    typed(page, "Draft, as JSON", f'{{"custom_fields": {{"{seats}": 9007199254740993}}}}')
    page.get_by_role("button", name="Translate", exact=True).click()
    request = result(page, "acme-close").locator(".request .json")
    assert shown(request)[f"custom.{seats}"] == 9007199254740993


def test_a_draft_is_loaded_from_a_file(operator: Operator, page: Page, tmp_path: Path) -> None:
    """As it is, to the letter."""
    file = tmp_path / "draft.json"
    file.write_text('{"name":   "From a file"}', encoding="utf-8")
    page.get_by_label("Load a file").set_input_files(file)
    expect(page.get_by_label("Draft, as JSON")).to_have_value('{"name":   "From a file"}')


@pytest.mark.parametrize("language", ["curl", "Python", "TypeScript"])
def test_a_call_is_taken_along_as_a_program(
    operator: Operator, behind: Behind, page: Page, tmp_path: Path, language: str
) -> None:
    """What is copied is what is shown, has no key in it, and makes the very opportunity."""
    name = f"It’s a “{language}” call\\n $HOME"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    operator.choose("acme-reevo")
    typed(page, "Draft, as JSON", {"name": name, "value": {"amount": "12.50"}, "external_id": "'"})
    page.get_by_role("button", name="Translate", exact=True).click()
    page.get_by_text("As a program").click()
    page.get_by_role("radio", name=language).check()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text == page.get_by_role("region", name="Program").locator("code").text_content()
    assert KEY not in text
    told = ran(language, text, tmp_path, str(behind.gateway.base_url).rstrip("/"))
    assert "201" in told or language == "curl"
    (made,) = (
        each
        for each in behind.ask("GET", "/v1/opportunities?connection=acme-reevo&limit=200")["items"]
        if each["name"] == name
    )
    assert (made["value"]["amount"], made["external_id"]) == ("12.50", "'")


def ran(language: str, text: str, folder: Path, url: str) -> str:
    """What a program prints that is run as a person would."""
    environ = {**os.environ, "GATEWAY_URL": url, "GATEWAY_KEY": KEY}
    if language == "curl":
        found = Toolbox(os.environ).needed(CURL)
        path = os.pathsep.join((str(found.path.parent), environ.get("PATH", "")))
        environ |= {**found.environ, **environ, "PATH": path}
    if language == "TypeScript":
        needed([NODE])
    runner, ending = {
        "curl": ("sh", "sh"),
        "Python": (sys.executable, "py"),
        "TypeScript": (program("node") or "", "mjs"),
    }[language]
    file = folder / f"call.{ending}"
    file.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [runner, str(file)],
        env=environ,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
