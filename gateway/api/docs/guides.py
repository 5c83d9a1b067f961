"""The guides, and the programs that they show: whole files, which the tests run as they stand."""

from functools import cache
from typing import Final

from gateway.api.docs.markup import Html, block, code, tag
from gateway.api.docs.page import FOLDER, GUIDES, page

LANGUAGES: Final = {"curl": "sh", "Python": "py", "TypeScript": "ts"}
"""Language → suffix of its programs."""

_CALLS: Final = "<!-- calls -->\n"


@cache
def guide_page(name: str) -> bytes | None:
    """The page of a guide, None for one that there is not."""
    if name not in GUIDES:
        return None
    text, _, _ = _read("text", name, "html").partition(_CALLS)
    return page(GUIDES[name], Html(text), *_calls(name), at=f"/docs/{name}")


def _calls(name: str) -> tuple[Html, ...]:
    return (
        tag("h2", "Try it"),
        tag(
            "p",
            "These programs run as they stand while ",
            code("make demo"),
            " serves; for another gateway set ",
            code("GATEWAY_URL"),
            " and ",
            code("GATEWAY_KEY"),
            ", and put a connection of yours in the place of ",
            code("acme-close"),
            ". They want curl 7.84 and jq, or Python and httpx, or Node 22.18.",
        ),
        tag("div", *(_program(name, each) for each in LANGUAGES), class_="calls"),
        tag("p", "Over vendors as they were first simulated, each prints:"),
        block(_read("calls", name, "txt"), "What each prints"),
    )


def _program(name: str, language: str) -> Html:
    text = _read("calls", name, LANGUAGES[language])
    caption = tag("figcaption", language)
    return tag("figure", caption, block(text, f"{name} in {language}"), data_language=language)


def _read(folder: str, name: str, suffix: str) -> str:
    file = FOLDER / folder / f"{name.replace('-', '_')}.{suffix}"
    return file.read_text(encoding="utf-8")
