"""Writes: what was seen of each, and the word of an operator on those that nothing has proved."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.console.operator import READER, Behind, Operator

REASON = "The vendor’s support says so."


def row(page: Page, operation: str) -> Locator:
    """A write in the list."""
    return page.locator(f".write[data-id={operation}]")


@pytest.fixture
def detail(operator: Operator) -> Locator:
    """What is shown of the chosen write."""
    return operator.page.get_by_label("The chosen write")


def undecided(operator: Operator, operation: str) -> Locator:
    """The form by which a write is settled."""
    operator.arrive()
    page = operator.go("Writes")
    row(page, operation).click()
    return page.get_by_role("form", name="Settle this write")


def test_a_write_shows_its_time_line(operator: Operator, behind: Behind, detail: Locator) -> None:
    """In the order in which things happened, with the evidence that the API has."""
    operation, _ = behind.lost()
    undecided(operator, operation)
    told = behind.ask("GET", f"/v1/operations/{operation}")
    lines = detail.locator(".timeline li")
    kinds = [each["kind"].replace("_", " ").replace("-", " ") for each in told["evidence"]]
    expect(lines.locator("strong")).to_have_text(["asked", "sent", *kinds])
    for line, each in zip(lines.all()[2:], told["evidence"], strict=True):
        expect(line).to_contain_text(each["detail"])
        expect(line.locator("time")).to_have_attribute("datetime", each["at"])
    expect(detail).to_contain_text(operation)


def test_a_write_is_said_not_to_be_applied(
    operator: Operator, behind: Behind, detail: Locator
) -> None:
    """The reason is recorded, and the list knows at once."""
    operation, _ = behind.lost()
    form = undecided(operator, operation)
    form.get_by_role("radio", name="Not applied").check()
    form.get_by_label("How you know").fill(REASON)
    form.get_by_role("button", name="Settle it").click()
    expect(detail).to_contain_text("not applied")
    expect(detail).to_contain_text(REASON)
    expect(row(operator.page, operation)).to_contain_text("not applied")
    expect(form).to_have_count(0)
    told = behind.ask("GET", f"/v1/operations/{operation}")
    assert (told["state"], told["resolved_by"], told["reason"]) == (
        "not_applied", "operator", REASON,
    )  # fmt: skip


def test_a_write_is_said_to_be_applied(operator: Operator, behind: Behind, detail: Locator) -> None:
    """To which opportunity; one that cannot be it is refused with the place of the mistake."""
    operation, made = behind.lost("Made all the same")
    form = undecided(operator, operation)
    expect(form.get_by_label("Opportunity that it made")).to_be_hidden()
    form.get_by_role("radio", name="Applied", exact=True).check()
    form.get_by_label("How you know").fill(REASON)
    form.get_by_label("Opportunity that it made").fill("acme-close.oppo_1")
    form.get_by_role("button", name="Settle it").click()
    expect(form.get_by_role("alert")).to_contain_text("/opportunity_id")
    assert behind.ask("GET", f"/v1/operations/{operation}")["state"] == "indeterminate"
    form.get_by_label("Opportunity that it made").fill(made)
    form.get_by_role("button", name="Settle it").click()
    expect(detail).to_contain_text("succeeded")
    expect(detail.locator(".timeline li").last).to_have_attribute("data-kind", "succeeded")
    detail.get_by_text("What its caller is answered: 201").click()
    expect(detail.locator(".json")).to_contain_text("Made all the same")


def test_no_word_is_taken_without_a_choice_and_a_reason(operator: Operator, behind: Behind) -> None:
    """Nothing is chosen beforehand, and the form does not leave the page."""
    operation, _ = behind.lost()
    form = undecided(operator, operation)
    assert form.get_by_role("radio", checked=True).count() == 0
    form.get_by_label("How you know").fill(REASON)
    form.get_by_role("button", name="Settle it").click()
    expect(form.get_by_role("radio").first).to_be_focused()
    form.get_by_role("radio", name="Not applied").check()
    form.get_by_label("How you know").fill("")
    form.get_by_role("button", name="Settle it").click()
    expect(form.get_by_label("How you know")).to_be_focused()
    assert [url for url in operator.visit.asked if "resolve" in url] == []


def test_writes_are_found_by_state_and_connection(operator: Operator, behind: Behind) -> None:
    """What is left is what the API lists."""
    lost, _ = behind.lost()
    behind.opportunity("acme-reevo", name="Pier")
    listed = behind.ask("GET", "/v1/operations?connection=acme-reevo&limit=1")["items"]
    made = listed[0]["id"]
    operator.arrive()
    page = operator.go("Writes")
    page.get_by_label("Connection").select_option("acme-reevo")
    expect(row(page, made)).to_be_visible()
    expect(row(page, lost)).to_have_count(0)
    page.get_by_role("radio", name="Undecided").check()
    expect(page.locator(".writes")).to_contain_text("There is no such write")
    page.get_by_label("Connection").select_option("")
    expect(row(page, lost)).to_be_visible()
    page.get_by_role("radio", name="Succeeded").check()
    expect(row(page, made)).to_be_visible()


def test_more_writes_are_loaded_when_asked_for(operator: Operator, behind: Behind) -> None:
    """Page after page, none twice."""
    made = behind.opportunity("acme-reevo", name="Pier")
    for number in range(30):
        amount = {"value": {"amount": f"{number + 1}.00"}}
        behind.ask("PATCH", f"/v1/opportunities/{made['id']}", amount)
    operator.arrive()
    page = operator.go("Writes")
    page.get_by_label("Connection").select_option("acme-reevo")
    writes = page.locator(".write")
    expect(writes).to_have_count(25)
    operator.answer("GET", "cursor=", page.get_by_role("button", name="Load more"))
    page.wait_for_function("document.querySelectorAll('.write').length > 30")
    ids = writes.evaluate_all("all => all.map(({ dataset }) => dataset.id)")
    assert len(ids) == len({*ids})


def test_a_refusal_of_the_list_is_told(operator: Operator, behind: Behind) -> None:
    """In the list's place, and the page stays whole."""
    operator.arrive()
    page = operator.page
    refused = '{"title": "The store of writes is not available", "code": "store-unavailable"}'
    page.route("**/v1/operations?*", lambda route: route.fulfill(status=503, body=refused))
    page.get_by_role("link", name="Writes", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The store of writes is not available")
    page.unroute("**/v1/operations?*")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_caller_sees_its_own_writes_alone(operator: Operator, behind: Behind) -> None:
    """A reader has none, and no way to settle those of others."""
    behind.lost()
    operator.arrive(READER)
    page = operator.go("Writes")
    expect(page.locator(".write")).to_have_count(0)
    expect(page.get_by_role("form")).to_have_count(0)
