"""The page as a whole: alone with the gateway, for every eye and hand, on every screen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.console.operator import PANELS, Behind, Operator
from tests.browser.test_docs import ELSEWHERE, LOAD, WIDTHS
from tests.browser.visit import Visit

VIOLATIONS = """
async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`)
"""
INLINE = """
() => {
    const script = document.createElement("script");
    script.append("window.ran = true");
    document.body.append(script);
}
"""
CALL = "(url) => fetch(url).catch(() => {})"
MARKUP = "() => { try { document.body.innerHTML = '<b>x</b>'; } catch (e) { return e.name; } }"


def translated(operator: Operator) -> None:
    """Two translations beside each other, one of them refused."""
    operator.page.get_by_role("button", name="Translate", exact=True).click()
    expect(operator.page.locator(".request").first).to_be_visible()
    expect(operator.page.locator(".problem")).to_be_visible()
    operator.page.get_by_text("As a program").click()


def offered(operator: Operator) -> None:
    """The words that may stand at the caret."""
    operator.page.get_by_label("Draft, as JSON").fill('{\n  "stage": { "name": "" }\n}')
    for _ in range(5):
        operator.page.keyboard.press("ArrowLeft")
    operator.page.keyboard.press("Control+Space")
    expect(operator.page.get_by_role("option").first).to_be_visible()


def chosen(operator: Operator) -> None:
    """A cell of the matrix, and its note."""
    operator.page.locator(".cell").nth(18).click()


def undecided(operator: Operator) -> None:
    """A write that waits for a decision."""
    operator.page.locator(".write", has_text="indeterminate").first.click()
    expect(operator.page.get_by_role("form", name="Settle this write")).to_be_visible()


def opened(operator: Operator) -> None:
    """One opportunity."""
    operator.page.locator(".deal .title").first.click()
    expect(operator.page.get_by_role("dialog")).to_be_visible()


def as_it_comes(operator: Operator) -> None:
    """Nothing was done yet."""


SIGHTS: dict[str, tuple[str, Callable[[Operator], None]]] = {
    "translate": ("Translate", translated),
    "words": ("Translate", offered),
    "vendors": ("Vendors", chosen),
    "connections": ("Connections", as_it_comes),
    "writes": ("Writes", undecided),
    "board": ("Opportunities", as_it_comes),
    "opportunity": ("Opportunities", opened),
}
"""What there is to be seen: the panel, and what is done there first."""
SCREENS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}


@contextmanager
def at(browser: Browser, url: str, screen: str, sight: str) -> Iterator[Operator]:
    """Somebody who looks at something."""
    with Visit.of(browser, url, **SCREENS[screen]) as visit:
        operator = Operator(visit)
        operator.arrive()
        panel, done = SIGHTS[sight]
        operator.go(panel)
        done(operator)
        yield operator


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("sight", SIGHTS)
def test_everybody_can_use_it(
    browser: Browser,
    behind: Behind,
    console_url: str,
    axe: str,
    pictures: Path,
    sight: str,
    screen: str,
) -> None:
    """No check of axe-core finds fault, and nothing is wider than its screen; a picture is kept."""
    behind.lost()
    with at(browser, console_url, screen, sight) as operator:
        page = operator.page
        page.screenshot(path=pictures / f"{sight}-{screen}.png", full_page=sight != "words")
        page.evaluate(axe)
        assert page.evaluate(VIOLATIONS) == []
        whole, seen = page.evaluate(WIDTHS)
        assert whole <= seen
        assert operator.faults == []


@pytest.mark.parametrize("screen", SCREENS)
def test_everybody_can_come_in(
    browser: Browser, console_url: str, axe: str, pictures: Path, screen: str
) -> None:
    """The same of the first thing that is seen."""
    with Visit.of(browser, console_url, **SCREENS[screen]) as visit:
        page = visit.see("/console")
        expect(page.get_by_label("Caller key")).to_be_focused()
        page.screenshot(path=pictures / f"entrance-{screen}.png")
        page.evaluate(axe)
        assert page.evaluate(VIOLATIONS) == []
        whole, seen = page.evaluate(WIDTHS)
        assert whole <= seen


def test_it_asks_nobody_else_and_nobody_complains(operator: Operator) -> None:
    """Every panel: no error, no refusal, and every request is for the gateway that served it."""
    operator.arrive()
    for panel in PANELS:
        operator.go(panel)
    operator.page.wait_for_load_state("networkidle")
    assert operator.visit.complaints == []
    assert {url.split("?")[0].removeprefix(operator.visit.url) for url in operator.visit.asked} >= {
        "/console", "/console/static/app.js", "/console/static/console.css", "/v1/caller",
        "/v1/vendors", "/v1/connections", "/v1/operations", "/v1/opportunities", "/openapi.json",
    }  # fmt: skip


def test_the_policy_holds(browser: Browser, console_url: str) -> None:
    """What is inline, from elsewhere, for elsewhere, or markup made of text, is refused."""
    with Visit.of(browser, console_url) as visit:
        page = visit.see("/console")
        page.evaluate(LOAD, ELSEWHERE)
        page.evaluate(CALL, ELSEWHERE)
        assert page.evaluate(MARKUP) == "TypeError"
        page.evaluate(INLINE)
        page.wait_for_function("window.refused.length >= 4")
        kinds = {each.split(":")[0] for each in visit.refused}
        assert kinds >= {"img-src", "connect-src", "require-trusted-types-for"}
        assert page.evaluate("window.ran === undefined")


def test_the_keyboard_can_skip_to_the_panel(operator: Operator) -> None:
    """From anywhere above it; and the panel takes the focus when it is changed."""
    page = operator.arrive()
    operator.go("Connections")
    expect(page.locator("main")).to_be_focused()
    page.locator(".skip").focus()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connections")


def test_who_wants_no_motion_gets_none(browser: Browser, console_url: str) -> None:
    """Nothing turns, and nothing glides."""
    with Visit.of(browser, console_url, reduced_motion="reduce") as visit:
        page = visit.see("/console")
        assert motion(page) == "none"
    with Visit.of(browser, console_url) as visit:
        assert motion(visit.see("/console")) == "turn"


def motion(page: Page) -> str:
    """How what stands for waiting moves."""
    found: str = page.evaluate(
        """() => {
            const turning = document.createElement("span");
            turning.className = "spinner";
            document.body.append(turning);
            return getComputedStyle(turning).animationName;
        }"""
    )
    return found


def test_without_a_script_it_says_what_it_is(browser: Browser, console_url: str) -> None:
    """And leads to where no script is needed."""
    with Visit.of(browser, console_url, java_script_enabled=False) as visit:
        page = visit.see("/console")
        expect(page.locator("main")).to_contain_text("made by a script")
        expect(page.get_by_role("link", name="The documentation")).to_be_visible()
