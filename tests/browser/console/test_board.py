"""Opportunities: a board whose cards are moved by mouse, by keys and by list, each move once."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Response, expect

from gateway.canonical import json_text
from tests.browser.console.operator import Behind, Operator

CONNECTION = "acme-reevo"
FROM, TO, LATER = "Discovery", "Qualified", "Proposal"


@pytest.fixture
def pier(behind: Behind) -> Any:
    """An opportunity to be moved."""
    return behind.opportunity(CONNECTION, name="Pier")


@pytest.fixture
def page(operator: Operator, pier: Any) -> Page:
    """The board of its connection."""
    operator.arrive()
    page = operator.go("Opportunities")
    page.get_by_label("Connection").select_option(CONNECTION)
    expect(card(page, pier)).to_be_visible()
    return page


def card(page: Page, opportunity: Any) -> Locator:
    """The card of an opportunity."""
    return page.locator(f".deal[data-id='{opportunity['id']}']")


def stage_of(behind: Behind, opportunity: Any) -> Any:
    """The stage that the vendor has it in."""
    return behind.ask("GET", f"/v1/opportunities/{opportunity['id']}")["stage"]["name"]


def dragged(operator: Operator, opportunity: Any, stage: str) -> Response:
    """The answer to a move by the mouse."""
    with operator.page.expect_response(lambda seen: seen.request.method == "PATCH") as told:
        card(operator.page, opportunity).drag_to(operator.column(stage))
    return told.value


def test_the_board_is_as_the_api_lists(operator: Operator, behind: Behind) -> None:
    """Stages in their order, each with the opportunities that are in it."""
    operator.arrive()
    page = operator.go("Opportunities")
    page.get_by_label("Connection").select_option("acme-close")
    pipeline = behind.ask("GET", "/v1/connections/acme-close/pipelines")["items"][1]
    page.get_by_label("Pipeline").select_option(label=pipeline["name"])
    names = [stage["name"] for stage in pipeline["stages"]]
    expect(page.locator(".column h2")).to_have_text(names)
    every = behind.ask("GET", "/v1/opportunities?connection=acme-close&limit=200")["items"]
    for stage in pipeline["stages"]:
        wanted = {each["id"] for each in every if each["stage"]["id"] == stage["id"]}
        seen = operator.column(stage["name"]).locator(".deal")
        assert {*seen.evaluate_all("all => all.map(({ dataset }) => dataset.id)")} == wanted


def test_a_card_is_dragged(operator: Operator, behind: Behind, page: Page, pier: Any) -> None:
    """One PATCH of the stage alone, for the version that was seen, under a key of its own."""
    told = dragged(operator, pier, TO)
    sent = told.request
    stages = behind.ask("GET", f"/v1/connections/{CONNECTION}/pipelines")["items"][0]["stages"]
    (stage,) = (each for each in stages if each["name"] == TO)
    assert json_text.read(sent.post_data_buffer or b"") == {"stage": {"id": stage["id"]}}
    assert sent.headers["if-match"] == pier["etag"]
    assert sent.headers["idempotency-key"].startswith("console-")
    expect(operator.column(TO).locator(".deal", has_text="Pier")).to_be_visible()
    assert stage_of(behind, pier) == TO
    again = dragged(operator, pier, FROM)
    assert again.request.headers["idempotency-key"] != sent.headers["idempotency-key"]
    assert again.request.headers["if-match"] == told.headers["etag"]
    assert again.status == 200


def test_a_card_is_moved_by_keys(operator: Operator, behind: Behind, page: Page, pier: Any) -> None:
    """Picked up, aimed, dropped; every step is said, and the focus stays on the card."""
    said = page.locator("#said")
    card(page, pier).focus()
    page.keyboard.press("Space")
    expect(said).to_contain_text("Picked up")
    for stage in (TO, LATER):
        page.keyboard.press("ArrowRight")
        expect(said).to_have_text(stage)
    page.keyboard.press("ArrowLeft")
    expect(operator.column(TO)).to_have_class("column over")
    page.keyboard.press("Space")
    expect(said).to_have_text(f"Moved to {TO}")
    expect(operator.column(TO).locator(card(page, pier))).to_be_focused()
    assert stage_of(behind, pier) == TO


def test_a_card_that_is_let_go_stays(
    operator: Operator, behind: Behind, page: Page, pier: Any
) -> None:
    """Escape, and nothing was asked."""
    card(page, pier).focus()
    for key in ("Space", "ArrowRight", "Escape"):
        page.keyboard.press(key)
    expect(page.locator("#said")).to_have_text("It stays where it is.")
    expect(page.locator(".over, .held")).to_have_count(0)
    assert stage_of(behind, pier) == FROM


def test_a_card_is_moved_by_its_list(
    operator: Operator, behind: Behind, page: Page, pier: Any
) -> None:
    """For a finger, which drags nothing here."""
    page.get_by_label("Stage of Pier").select_option(label=LATER)
    expect(operator.column(LATER).locator(card(page, pier))).to_be_visible()
    expect(page.locator("#said")).to_have_text(f"Moved to {LATER}")
    assert stage_of(behind, pier) == LATER


def test_a_conflict_reads_again(operator: Operator, behind: Behind, page: Page, pier: Any) -> None:
    """Somebody else was there: the card shows what they left, and the next move is for that."""
    path = f"/v1/opportunities/{pier['id']}"
    behind.ask("PATCH", path, {"name": "Quay", "stage": {"name": LATER}})
    assert dragged(operator, pier, TO).status == 412
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Quay was changed meanwhile")
    expect(alert).to_contain_text(f"is in {LATER}")
    expect(operator.column(LATER).locator(card(page, pier))).to_contain_text("Quay")
    assert stage_of(behind, pier) == LATER
    assert dragged(operator, pier, TO).status == 200
    expect(alert).to_have_count(0)
    assert stage_of(behind, pier) == TO


def test_a_refused_move_is_taken_back(
    operator: Operator, behind: Behind, page: Page, pier: Any
) -> None:
    """The card is where it was, and what the vendor said is told."""
    behind.spoil(
        "reevo",
        {"kind": "status", "status": 422, "body": {"message": "No such move"}},
        match={"method": "PATCH"},
    )
    assert dragged(operator, pier, TO).status == 422
    expect(page.get_by_role("alert")).to_contain_text("vendor-rejected")
    expect(operator.column(FROM).locator(card(page, pier))).to_be_visible()
    expect(page.get_by_role("button", name="Send the same again")).to_have_count(0)


def test_a_move_of_unknown_outcome_is_sent_again_under_its_key(
    operator: Operator, behind: Behind, page: Page, pier: Any
) -> None:
    """It leads to the writes, and the same key makes the same move, once."""
    behind.spoil(
        "reevo", {"kind": "status", "status": 500}, when="after", match={"method": "PATCH"}
    )
    first = dragged(operator, pier, TO)
    assert first.status == 502
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("link", name="Writes")).to_be_visible()
    again = operator.answer(
        "PATCH", pier["id"], page.get_by_role("button", name="Send the same again")
    )
    key = "idempotency-key"
    assert again.request.headers[key] == first.request.headers[key]
    assert again.request.headers["if-match"] == first.request.headers["if-match"]
    assert stage_of(behind, pier) == TO
    effects = behind.vendors.get("/reevo/_ledger").json()["effects"]
    assert len(effects) == 2


def test_more_is_loaded_when_asked_for(
    operator: Operator, behind: Behind, page: Page, pier: Any
) -> None:
    """Page after page, each opportunity once."""
    plant(behind.vendors, behind.records("reevo")[pier["vendor_id"]], 60)
    page.get_by_role("button", name="Look again").click()
    expect(page.locator(".summary")).to_contain_text("50 opportunities")
    more = page.get_by_role("button", name="Load more")
    expect(more).to_be_visible()
    while more.is_visible():
        operator.answer("GET", "cursor=", more)
        page.wait_for_load_state("networkidle")
    listed = behind.ask("GET", f"/v1/opportunities?connection={CONNECTION}&limit=200")["items"]
    assert len(listed) > 60
    expect(page.locator(".summary")).to_contain_text(f"{len(listed)} opportunities")


def plant(vendors: httpx.Client, record: Any, count: int) -> None:
    """More records like one."""
    own = record["id"]
    for number in range(count):
        new = f"{own[:-4]}{number:04x}"
        text = json_text.write(record).replace(own.encode(), new.encode())
        vendors.put(f"/reevo/_records/{new}", content=text).raise_for_status()


def test_an_opportunity_is_looked_at(
    operator: Operator, behind: Behind, page: Page, pier: Any
) -> None:
    """Whole, and from there a change of it is rehearsed."""
    page.get_by_role("button", name="Pier, details").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".json")).to_contain_text(pier["etag"].strip('"'))
    dialog.get_by_role("button", name="Rehearse a change").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Translate")
    expect(page.get_by_role("radio", name="Update")).to_be_checked()
    expect(page.get_by_label(f"Opportunity at {CONNECTION}")).to_have_value(pier["id"])
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.get_by_role("article", name=CONNECTION).locator(".url")).to_contain_text("PATCH")
