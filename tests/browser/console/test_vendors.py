"""Vendors: the picture is what the API says, and every cell has its note."""

from playwright.sync_api import expect

from tests.browser.console.operator import Behind, Operator

ACTIONS = ("read", "create", "update", "clear")
MARKS = "marks => marks.map((mark) => mark.dataset.support)"


def test_every_cell_is_as_the_vendor_declares(operator: Operator, behind: Behind) -> None:
    """Field by field and vendor by vendor, four marks each, which are said in words too."""
    operator.arrive()
    page = operator.go("Vendors")
    vendors = behind.ask("GET", "/v1/vendors")["items"]
    rows = page.locator(".matrix tbody tr").all()
    names = [row.locator("th").inner_text() for row in rows]
    assert names == list(vendors[0]["capabilities"]["fields"])
    for name, row in zip(names, rows, strict=True):
        cells = [each["capabilities"]["fields"][name] for each in vendors]
        wanted = [cell[action] for cell in cells for action in ACTIONS]
        assert row.locator(".mark").evaluate_all(MARKS) == wanted
        for vendor, cell, button in zip(
            vendors, cells, row.get_by_role("button").all(), strict=True
        ):
            said = ", ".join(f"{action} {cell[action]}" for action in ACTIONS)
            assert button.get_attribute("aria-label") == f"{vendor['title']}, {name}: {said}"


def test_the_keyboard_goes_from_cell_to_cell(operator: Operator, behind: Behind) -> None:
    """One stop of the Tab key, arrows within, and the note follows."""
    operator.arrive()
    page = operator.go("Vendors")
    vendors = behind.ask("GET", "/v1/vendors")["items"]
    note = page.get_by_label("The chosen cell")
    assert page.locator(".cell[tabindex='0']").count() == 1
    page.locator(".cell[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    can = vendors[1]["capabilities"]["fields"]["name"]
    expect(note.get_by_role("heading")).to_have_text(f"Co{vendors[1]['title']}name")
    expect(note).to_contain_text(can["note"])
    expect(page.locator(".cell[aria-current]")).to_be_focused()
    assert page.locator(".cell[tabindex='0']").count() == 1
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(page.locator(".cell[aria-current]")).to_be_focused()


def test_what_else_a_vendor_does_is_there(operator: Operator, behind: Behind) -> None:
    """Its operations and its side effects."""
    operator.arrive()
    page = operator.go("Vendors")
    for vendor in behind.ask("GET", "/v1/vendors")["items"]:
        card = page.get_by_role("region", name=vendor["title"], exact=True)
        effects = vendor["capabilities"]["side_effects"]
        card.get_by_text(f"Side effects ({len(effects)})").click()
        expect(card).to_contain_text(effects[0]["effect"])
        supports = list(vendor["capabilities"]["operations"].values())
        assert card.locator(".operations .mark").evaluate_all(MARKS) == supports
