"""The pages for people, in a real browser: alone with the gateway, and fit to be read."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from gateway.api import problems
from gateway.api.docs.page import FOLDER, GUIDES
from tests.browser.visit import Visit

REFERENCE = "/docs"
GUIDE_PAGES = [f"/docs/{name}" for name in GUIDES]
PROBLEM = "/problems/outcome-indeterminate"
PAGES = [REFERENCE, *GUIDE_PAGES, PROBLEM]
ELSEWHERE = "http://elsewhere.example/"

# The contrast of text with what lies behind it (WCAG 2.2, 1.4.3), for each element with text.
CONTRAST = """
() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => channels(colour).slice(0, 3)
        .map((value) => value / 255)
        .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
    const ground = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return channels(colour)[3] === 0 ? ground(element.parentElement) : colour;
    };
    const contrast = (element) => {
        const both = [light(getComputedStyle(element).color), light(ground(element))];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    };
    return [...document.querySelectorAll("body *")]
        .filter((element) => [...element.childNodes].some((node) =>
            node.nodeType === Node.TEXT_NODE && node.textContent.trim()))
        .map((element) => [contrast(element), element.outerHTML.slice(0, 80)]);
}
"""
WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
LOAD = "(url) => { const image = new Image(); image.src = url; document.body.append(image); }"
INLINE = """
() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
}
"""


def test_no_page_asks_another_host(visit: Visit) -> None:
    """Each loads from this gateway what its policy allows, and the browser does not complain."""
    for path in [*PAGES, *(f"/problems/{code}" for code in problems.TITLES)]:
        visit.see(path)
        assert visit.refused == [], path
    assert visit.elsewhere == []
    assert visit.complaints == []
    files = {f"{visit.url}/docs/static/{name}" for name in ("docs.css", "docs.js")}
    assert files <= {*visit.asked}


@pytest.mark.parametrize("path", [REFERENCE, GUIDE_PAGES[0], PROBLEM])
def test_the_policy_holds(visit: Visit, path: str) -> None:
    """What comes from elsewhere, or stands in the page as a script, is refused, and noticed."""
    page = visit.see(path)
    page.evaluate(LOAD, ELSEWHERE)
    page.evaluate(INLINE)
    page.wait_for_function("window.refused.length === 2")
    assert visit.refused == [f"img-src: {ELSEWHERE}", "script-src-elem: inline"]
    assert page.evaluate("window.ran === undefined")
    assert visit.complaints


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_text_stands_out(browser: Browser, gateway_url: str, colours: str) -> None:
    """At least 4.5 to 1, on every page, by day and by night."""
    grounds = set()
    with Visit.of(browser, gateway_url, color_scheme=colours) as visit:
        for path in PAGES:
            page = visit.see(path)
            found = page.evaluate(CONTRAST)
            assert len(found) > 20
            assert [each for each in found if each[0] < 4.5] == []
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {{"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}[colours]}


@pytest.mark.parametrize("width", [320, 800, 1400])
def test_a_page_fits_its_window(browser: Browser, gateway_url: str, width: int) -> None:
    """What is too wide scrolls by itself, not the page with it (WCAG 2.2, 1.4.10)."""
    with Visit.of(browser, gateway_url, viewport={"width": width, "height": 700}) as visit:
        for path in PAGES:
            whole, seen = visit.see(path).evaluate(WIDTHS)
            assert whole <= seen, path


def test_the_keyboard_can_skip_to_the_content(visit: Visit) -> None:
    """The first stop is a link that shows itself and leads past the navigation."""
    page = visit.see(REFERENCE)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def shown(visit: Visit) -> list[str]:
    """The languages whose programs are seen."""
    figures = visit.page.locator("figure").all()
    return [each.get_attribute("data-language") or "" for each in figures if each.is_visible()]


def test_a_language_is_chosen_once(visit: Visit) -> None:
    """One program is seen at a time, and the choice holds on the next page."""
    page = visit.see(GUIDE_PAGES[0])
    assert shown(visit) == ["curl"]
    page.get_by_role("button", name="Python", exact=True).click()
    assert shown(visit) == ["Python"]
    for path in GUIDE_PAGES[1:]:
        visit.see(path)
        assert shown(visit) == ["Python"]
        pressed = page.locator("button[aria-pressed=true]")
        expect(pressed).to_have_text(["Python"])


def test_a_program_is_copied_whole(browser: Browser, gateway_url: str) -> None:
    """The clipboard has the file that the tests run, to the letter."""
    granted = {"permissions": ["clipboard-read", "clipboard-write"]}
    with Visit.of(browser, gateway_url, **granted) as visit:
        page = visit.see("/docs/money")
        page.locator("figure:visible .copy").click()
        expect(page.locator("figure:visible .copy")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (FOLDER / "calls/money.sh").read_text(encoding="utf-8")


def test_an_operation_is_found_by_a_part_of_its_name(visit: Visit) -> None:
    """The list shrinks to what fits, and is whole again when the search is emptied."""
    page = visit.see(REFERENCE)
    listed = page.locator(".operations li:visible")
    every = listed.count()
    page.get_by_label("Find an operation").fill("custom")
    expect(listed).to_have_text(["list_custom_fields"])
    page.get_by_label("Find an operation").fill("")
    expect(listed).to_have_count(every)
    listed.get_by_text("list_custom_fields").click()
    expect(page.locator("#list_custom_fields")).to_be_in_viewport()


@pytest.fixture
def plain(browser: Browser, gateway_url: str) -> Iterator[Visit]:
    """A reader whose browser runs no script."""
    with Visit.of(browser, gateway_url, java_script_enabled=False) as visit:
        yield visit


def test_without_a_script_nothing_is_missing(plain: Visit) -> None:
    """Every program of every guide is seen, and every operation is listed."""
    for path in GUIDE_PAGES:
        plain.see(path)
        assert shown(plain) == ["curl", "Python", "TypeScript"]
    page = plain.see(REFERENCE)
    assert page.locator(".operations li:visible").count() == page.locator(".operations li").count()
    assert page.locator("button, input").count() == 0
