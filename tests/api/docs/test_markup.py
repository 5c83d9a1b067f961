"""Markup is made of escaped text, whatever the text is."""

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.api.docs.markup import Html, block, joined, paragraphs, pretty, prose, table, tag
from gateway.canonical import json_text
from tests.canonical.json_values import JSON


class Seen(HTMLParser):
    """The elements, attributes and text of a piece of markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.values: list[str | None] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes note of an element."""
        self.elements.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        """Takes note of text."""
        self.text += data


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))


@given(TEXTS, TEXTS)
def test_text_stays_text(content: str, value: str) -> None:
    """Neither as content nor as an attribute does it become an element."""
    seen = Seen(tag("p", content, title=value))
    assert (seen.elements, seen.values, seen.text) == (["p"], [value], content)


def test_markup_stays_markup() -> None:
    """What an element was made of is not escaped again."""
    assert tag("p", "a < b ", tag("b", "c")) == "<p>a &lt; b <b>c</b></p>"
    assert joined("&", Html("&amp;"), by="|") == "&amp;|&amp;"


def test_an_attribute_is_spelled_as_html_has_it() -> None:
    """One that is None is left out, and Python's own words are escaped by a low line."""
    assert tag("a", class_="b", aria_label="c", href=None) == '<a class="b" aria-label="c"></a>'


def test_backticks_are_code_and_nothing_else_is() -> None:
    """A text of ours cannot bring elements along."""
    assert prose("a `b<c` <d>") == "a <code>b&lt;c</code> &lt;d&gt;"
    assert paragraphs("a\n\nb `c`\n") == "<p>a</p><p>b <code>c</code></p>"


def test_a_table_names_its_rows_and_columns() -> None:
    """By their first cells, with their scope."""
    made = table("Of `x`", ("a", "b"), [("1", "<2>")])
    assert "<caption>Of <code>x</code></caption>" in made
    assert '<th scope="col">a</th><th scope="col">b</th>' in made
    assert '<th scope="row">1</th><td>&lt;2&gt;</td>' in made


def test_a_block_can_be_scrolled_without_a_pointer() -> None:
    """It takes the focus, and says what it is."""
    assert block("a\n", "An a").startswith('<pre tabindex="0" role="region" aria-label="An a">')


@given(JSON)
def test_pretty_json_is_the_same_json(value: Any) -> None:
    """Only its white space differs."""
    assert json_text.read(pretty(value).encode()) == json_text.read(json_text.write(value))


def test_pretty_json_keeps_the_digits_of_numbers() -> None:
    """An example of an exact number is exact."""
    shown = '{\n  "a": [\n    9007199254740993.10\n  ],\n  "b": {}\n}'
    assert pretty({"a": [Decimal("9007199254740993.10")], "b": {}}) == shown
