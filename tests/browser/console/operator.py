"""Somebody at the console, and the gateway and the vendors behind it, seen past the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from playwright.sync_api import Locator, Page, Response, expect

from gateway.canonical import json_text
from tests.browser.visit import Visit

KEY: Final = "a-key-for-the-console"
READER: Final = "a-key-for-a-reader"
STRANGER: Final = "a-key-without-the-console"
SPARE: Final = "a-key-for-spare-connections"

PANELS: Final[Mapping[str, str]] = {
    "Translate": "form .ink .line",
    "Vendors": ".matrix .cell",
    "Connections": ".connection",
    "Writes": ".writes li",
    "Opportunities": ".deal",
}
"""Panel → what is seen of it once it is there."""
REFUSED: Final = "Failed to load resource: the server responded with a status of"
"""What a browser says of every answer of 400 and above, also where the page is prepared for it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A person with a key, in front of the page."""

    visit: Visit

    @property
    def page(self) -> Page:
        """What is seen."""
        return self.visit.page

    @property
    def faults(self) -> list[str]:
        """What the browser complains of, but for answers that are refusals."""
        return [each for each in self.visit.complaints if not each.startswith(REFUSED)]

    def arrive(self, key: str = KEY) -> Page:
        """Opens the console and pastes a key."""
        page = self.visit.see("/console")
        page.get_by_label("Caller key").fill(key)
        page.get_by_role("button", name="Open the console").click()
        return page

    def go(self, panel: str) -> Page:
        """Goes to a panel and waits for it."""
        self.page.get_by_role("link", name=panel, exact=True).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(panel)
        expect(self.page.locator(PANELS[panel]).first).to_be_visible()
        return self.page

    def choose(self, *connections: str) -> None:
        """Chooses these connections for a translation, and no others."""
        for box in self.page.get_by_role("group", name="Connections").get_by_role("checkbox").all():
            box.set_checked(box.get_attribute("value") in connections)

    def column(self, stage: str) -> Locator:
        """A column of the board."""
        return self.page.get_by_role("region", name=stage, exact=True)

    def answer(self, method: str, path: str, done: Locator) -> Response:
        """Presses something, and waits for the answer to a request that it brings about."""
        with self.page.expect_response(
            lambda seen: seen.request.method == method and path in seen.url
        ) as told:
            done.click()
        return told.value


@dataclass(frozen=True, slots=True)
class Behind:
    """The API and the vendors, asked without a browser."""

    gateway: httpx.Client
    vendors: httpx.Client

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """An answer of the API that is a success, as JSON with exact numbers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.gateway.request(
            method, path, content=None if body is None else json_text.write(body),
            headers={"Content-Type": "application/json", **sent},
        )  # fmt: skip
        assert answer.status_code < 300, answer.text
        return json_text.read(answer.content)

    def spoil(self, vendor: str, fault: Mapping[str, Any], **rest: Any) -> None:
        """Scripts a fault at a vendor."""
        script = json_text.write({"fault": fault, **rest})
        assert self.vendors.post(f"/{vendor}/_faults", content=script).status_code == 201

    def records(self, vendor: str) -> dict[str, Any]:
        """The vendor's records by id."""
        found: dict[str, Any] = json_text.read(self.vendors.get(f"/{vendor}/_records").content)
        return found

    def lost(self, name: str = "Lost in the post") -> tuple[str, str]:
        """A create whose answer was lost and that nothing proves: its operation, and the record."""
        before = {*self.records("slant")}
        self.spoil(
            "slant", {"kind": "status", "status": 500}, when="after", match={"method": "POST"}
        )
        draft = {"connection": "acme-slant", "name": name, "value": {"amount": "1200.00"}}
        told = self.gateway.post("/v1/opportunities", json=draft).json()
        assert told["code"] == "outcome-indeterminate"
        (record,) = {*self.records("slant")} - before
        return told["operation_id"], f"acme-slant.{record}"

    def opportunity(self, connection: str, **members: Any) -> Any:
        """An opportunity that is made at a connection."""
        draft = {"connection": connection, "value": {"amount": "100.00"}, **members}
        return self.ask("POST", "/v1/opportunities", draft)
