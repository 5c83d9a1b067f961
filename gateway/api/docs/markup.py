"""HTML that is made of escaped text: what is not marked as markup is shown as it stands."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.canonical import json_text

_CODE: Final = re.compile(r"`([^`]+)`")


class Html(str):
    """Markup, which is put into a page as it is."""

    __slots__ = ()


def joined(*content: str, by: str = "") -> Html:
    """Pieces of a page, those that are text escaped."""
    pieces = (
        each if isinstance(each, Html) else html.escape(each, quote=False) for each in content
    )
    return Html(by.join(pieces))


def tag(name: str, *content: str, **attributes: str | None) -> Html:
    """An element; `class_` is spelled `class`, and an attribute that is None is left out."""
    spelled = "".join(
        f' {key.strip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{spelled}>{joined(*content)}</{name}>")


def code(text: str, **attributes: str | None) -> Html:
    """Something that a program reads or writes."""
    return tag("code", text, **attributes)


def link(to: str, *content: str) -> Html:
    """A link to another of these pages."""
    return tag("a", *content, href=to)


def prose(text: str) -> Html:
    """A text of ours, with `code` between backticks."""
    escaped = html.escape(text.strip(), quote=False)
    return Html(_CODE.sub(r"<code>\1</code>", escaped))


def paragraphs(text: str) -> Html:
    """A text of ours whose paragraphs are parted by an empty line."""
    return joined(*(tag("p", prose(each)) for each in text.split("\n\n") if each.strip()))


def listed(items: Iterable[str]) -> Html:
    """A list without order."""
    return tag("ul", *(tag("li", each) for each in items))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table whose rows are named by their first cell; it scrolls where the window is narrow."""
    heads = (tag("th", each, scope="col") for each in head)
    lines = (
        tag("tr", tag("th", first, scope="row"), *(tag("td", each) for each in rest))
        for first, *rest in rows
    )
    return tag(
        "div",
        tag(
            "table",
            tag("caption", prose(caption)),
            tag("thead", tag("tr", *heads)),
            tag("tbody", *lines),
        ),
        class_="wide",
    )


def block(text: str, label: str) -> Html:
    """Lines that are shown as they stand; whoever has no pointer can scroll them too."""
    return tag("pre", code(text), tabindex="0", role="region", aria_label=label)


def pretty(value: Any, indent: str = "") -> str:
    """JSON on several lines, its numbers with their own digits."""
    deeper = f"{indent}  "
    if isinstance(value, Mapping) and value:
        names = (f"{deeper}{_flat(name)}: {pretty(each, deeper)}" for name, each in value.items())
        return "{\n" + ",\n".join(names) + f"\n{indent}}}"
    if isinstance(value, (list, tuple)) and value:
        items = (f"{deeper}{pretty(each, deeper)}" for each in value)
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    return _flat(value)


def _flat(value: Any) -> str:
    return json_text.write(value).decode()
