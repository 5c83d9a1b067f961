"""Connections: how each fares, what is left of its limits, and a check on demand."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.console.operator import SPARE, Behind, Operator


def card(page: Page, name: str) -> Locator:
    """What is shown of a connection."""
    return page.get_by_role("region", name=name, exact=True)


def test_every_connection_is_as_the_api_tells(operator: Operator, behind: Behind) -> None:
    """State, breaker, currency and time zone, and a gauge for each limit that is known."""
    operator.arrive()
    page = operator.go("Connections")
    for told in behind.ask("GET", "/v1/connections")["items"]:
        seen = card(page, told["name"])
        for word in (told["state"], told["breaker"], told["currency"], told["timezone"]):
            expect(seen).to_contain_text(word)
        known = [each for each in told["limits"] if each["left"] is not None]
        gauges = seen.locator("meter").evaluate_all("all => all.map(({ max }) => max)")
        assert gauges == [each["limit"] for each in known]


def test_a_gauge_falls_with_the_limit(operator: Operator, behind: Behind) -> None:
    """Calls of others count too, once one looks again."""
    operator.arrive()
    page = operator.go("Connections")
    gauge = card(page, "acme-slant").locator("meter").first
    before = gauge.evaluate("meter => meter.value")
    behind.opportunity("acme-slant", name="Pier")
    page.get_by_role("button", name="Look again").click()
    page.wait_for_function(
        "before => document.querySelector('[aria-label=acme-slant] meter').value < before",
        arg=before,
    )


def test_a_check_asks_the_vendor(operator: Operator, behind: Behind) -> None:
    """What it found is shown and said, and the keyboard stays where it was."""
    operator.arrive()
    page = operator.go("Connections")
    behind.vendors.delete("/reevo/_ledger")
    button = page.get_by_role("button", name="Check now: acme-reevo")
    operator.answer("GET", "acme-reevo?check=true", button)
    expect(page.locator("#said")).to_have_text("acme-reevo was checked: ready")
    expect(button).to_be_focused()
    expect(card(page, "acme-reevo")).to_contain_text("accepted")
    assert behind.vendors.get("/reevo/_ledger").json()["requests"]


def test_what_is_ill_is_told(operator: Operator, behind: Behind) -> None:
    """A key that the vendor no longer takes: the state, why, and the last error with its page."""
    behind.spoil("close", {"kind": "status", "status": 401}, times=9)
    operator.arrive(SPARE)
    page = operator.go("Connections")
    page.get_by_role("button", name="Check now: spare-close").click()
    ill = card(page, "spare-close")
    expect(ill).to_contain_text("unauthorized")
    expect(ill).to_contain_text("the vendor does not accept the credentials")
    link = ill.get_by_role("link", name="vendor-credentials-invalid")
    expect(link).to_have_attribute("href", "/problems/vendor-credentials-invalid")
    page.get_by_role("button", name="Look again").click()
    expect(page.locator(".summary")).to_contain_text("1 not ready")
