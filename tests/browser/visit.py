"""A reader of the pages, and what their browser asked for and complained of meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

LISTEN = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
    refused.push(`${event.effectiveDirective}: ${event.blockedURI}`);
});
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page in a browser context of its own."""

    url: str
    page: Page
    asked: list[str] = field(default_factory=list)
    """The addresses of all requests."""
    complaints: list[str] = field(default_factory=list)
    """Errors of scripts, and what the console shows as one."""

    @classmethod
    @contextmanager
    def of(cls, browser: Browser, url: str, **context: Any) -> "Iterator[Visit]":
        """A visit by a browser with these options."""
        with browser.new_context(base_url=url, **context) as made:
            visit = cls(url, made.new_page())
            visit.page.add_init_script(LISTEN)
            visit.page.on("request", lambda request: visit.asked.append(request.url))
            visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            visit.page.on(
                "console",
                lambda said: visit.complaints.append(said.text) if said.type == "error" else None,
            )
            yield visit

    def see(self, path: str) -> Page:
        """Goes to a page, and waits until all that it loads is there."""
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == 200
        return self.page

    @property
    def elsewhere(self) -> list[str]:
        """The requests that were not for this gateway."""
        return [each for each in self.asked if not each.startswith(f"{self.url}/")]

    @property
    def refused(self) -> list[str]:
        """What the policy of the page now seen did not let in."""
        found: list[str] = self.page.evaluate("window.refused")
        return found
