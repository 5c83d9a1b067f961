"""A note in its two forms at Close: Markdown and HTML (close.md 3.1, 3.2, founding document 003).

Only what a note of a sales person holds is converted: paragraphs, line breaks, bold, italics,
links and lists. Everything else of the HTML keeps its text and loses its tags.
"""

import html
import re
from html.parser import HTMLParser

_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*"}
_BLOCKS = frozenset({"p", "div", "ul", "ol", "h1", "h2", "h3"})

_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ITALIC = re.compile(r"\*(.+?)\*")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def html_of(note: str | None) -> str | None:
    """The HTML of a Markdown note; an empty note has none."""
    if not note:
        return None
    paragraphs = [_inline(part) for part in re.split(r"\n{2,}", note.strip("\n"))]
    return f"<body>{''.join(f'<p>{part}</p>' for part in paragraphs)}</body>"


def text_of(note_html: str) -> str:
    """The Markdown of an HTML note; white space comes out as HTML understands it."""
    reader = _Markdown()
    reader.feed(note_html)
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts)).strip()


def in_body(note_html: str) -> str:
    """The HTML wrapped as live answers show it: `<body>…</body>`."""
    return note_html if note_html.startswith("<body>") else f"<body>{note_html}</body>"


def _inline(paragraph: str) -> str:
    text = html.escape(paragraph, quote=False)
    text = _LINK.sub(r'<a href="\2">\1</a>', text)
    text = _ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", text))
    return text.replace("\n", "<br>")


class _Markdown(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._links.append(dict(attrs).get("href") or "")
        self.parts.append({"br": "\n", "li": "\n- ", "a": "["}.get(tag, _MARKS.get(tag, "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.parts.append(f"]({self._links.pop() if self._links else ''})")
        elif tag in _BLOCKS:
            self.parts.append("\n\n")
        else:
            self.parts.append(_MARKS.get(tag, ""))

    def handle_data(self, data: str) -> None:
        self.parts.append(re.sub(r"\s+", " ", data))
