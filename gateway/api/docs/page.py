"""The frame of a page, and the files that it loads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.api.docs.markup import Html, joined, link, listed, tag

FOLDER: Final = Path(__file__).parent
KINDS: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
STATIC: Final[Mapping[str, tuple[bytes, str]]] = {
    file.name: (file.read_bytes(), KINDS[file.suffix])
    for file in sorted((FOLDER / "static").iterdir())
    if file.suffix in KINDS
}
"""File name → content and media type."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""`Content-Security-Policy` of a page: files of this gateway, nothing inline, nothing else."""

GUIDES: Final[Mapping[str, str]] = {
    "errors": "Errors",
    "idempotency": "Idempotency",
    "custom-fields": "Custom fields",
    "money": "Money",
    "lists": "Lists and sync",
}
"""Guide → title, in reading order."""

_HEAD: Final = Html(
    '<meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    '<link rel="icon" href="/docs/static/mark.svg" type="image/svg+xml">'
    '<link rel="stylesheet" href="/docs/static/docs.css">'
    '<script type="module" src="/docs/static/docs.js"></script>'
)
_PLACES: Final[Mapping[str, str]] = {
    "/docs": "Reference",
    **{f"/docs/{name}": title for name, title in GUIDES.items()},
    "/docs#problems": "Problems",
}


def page(title: str, *body: str, at: str, aside: str = "") -> bytes:
    """A whole page. `at` is its path, `aside` what else its navigation has."""
    places = listed(
        tag("a", name, href=path, aria_current="page" if path == at else None)
        for path, name in _PLACES.items()
    )
    whole = joined(
        tag("head", _HEAD, tag("title", f"{title} · opportunity-gateway")),
        tag(
            "body",
            tag("a", "To the content", href="#content", class_="skip"),
            tag(
                "header",
                tag("p", link("/docs", "opportunity-gateway")),
                tag("nav", places, aside, aria_label="Documentation"),
            ),
            tag("main", tag("h1", title), *body, id="content", tabindex="-1"),
        ),
    )
    return f"<!doctype html>\n{tag('html', whole, lang='en')}\n".encode()
