"""The way in: a key that is good enough, kept in the memory of the page and nowhere else."""

from playwright.sync_api import Page, expect

from tests.browser.console.operator import KEY, PANELS, READER, STRANGER, Behind, Operator

ASKED = """
async () => {
    const { ask } = await import("/console/static/gateway.js");
    return (await ask("GET", "/v1/caller")).status;
}
"""
KEPT = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"


def test_a_key_that_nobody_knows_is_refused(operator: Operator) -> None:
    """The problem is told, and the page still asks for a key."""
    page = operator.arrive("nobody's key")
    expect(page.get_by_role("alert")).to_contain_text("unauthenticated")
    expect(page.get_by_label("Caller key")).to_be_focused()
    expect(page.get_by_role("navigation")).to_be_hidden()


def test_a_caller_without_the_scope_is_turned_away(operator: Operator) -> None:
    """A good key is not enough; which scope is missing is said."""
    page = operator.arrive(STRANGER)
    expect(page.get_by_role("alert")).to_contain_text("stranger, which lacks the scope console")
    expect(page.get_by_role("navigation")).to_be_hidden()


def gone(page: Page) -> None:
    """The page asks for a key, shows nothing that one opened, and asks the API as nobody."""
    expect(page.get_by_label("Caller key")).to_have_value("")
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.locator(".deal, .connection, .write")).to_have_count(0)
    assert page.evaluate(ASKED) == 401


def test_the_key_is_forgotten(operator: Operator) -> None:
    """By a reload, and when it is asked for."""
    page = operator.arrive()
    operator.go("Connections")
    page.reload()
    gone(page)
    page.get_by_label("Caller key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Connections")
    page.get_by_role("button", name="Forget the key").click()
    gone(page)


def test_the_key_is_kept_nowhere(operator: Operator, behind: Behind) -> None:
    """Not in storage, in a cookie, in an address or in the page, wherever one goes with it."""
    behind.lost()
    page = operator.arrive()
    for panel in PANELS:
        operator.go(panel)
        assert page.evaluate(KEPT) == '[{},{},""]'
        assert KEY not in page.content()
        assert KEY not in page.url
    assert page.context.cookies() == []
    assert operator.visit.asked
    assert [url for url in operator.visit.asked if KEY in url] == []


def test_who_may_not_write_is_not_offered_to(operator: Operator, behind: Behind) -> None:
    """A reader sees the board and the writes, cannot move a card, and is told who can settle."""
    behind.lost()
    page = operator.arrive(READER)
    operator.go("Opportunities")
    expect(page.locator(".deal").first).to_have_attribute("draggable", "false")
    expect(page.locator(".deal select")).to_have_count(0)
    operator.go("Writes")
    expect(page.locator(".writes")).to_contain_text("There is no such write")
