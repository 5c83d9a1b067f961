"""Schemas are told in words."""

import re
from typing import Any

import pytest

from gateway.api.docs.shapes import bounds, members, shape


def said(markup: str) -> str:
    """What a reader sees."""
    return re.sub(r"<[^>]+>", "", markup)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date"}, "string (date)"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"$ref": "#/components/schemas/Value"}, "Value"),
        ({"allOf": [{"$ref": "#/components/schemas/Value"}]}, "Value"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Stage"}}, "array of Stage"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({}, "anything"),
    ],
)
def test_a_type_is_told(schema: dict[str, Any], words: str) -> None:
    """In the words of JSON, and by name where it has one."""
    assert said(shape(schema)) == words


def test_a_type_with_a_name_is_a_link() -> None:
    """To its place on the same page."""
    assert shape({"$ref": "#/components/schemas/Value"}) == (
        '<a href="#Value"><code>Value</code></a>'
    )


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 9}, "at least 0; at most 9"),
        ({"type": "string", "minLength": 1}, "length at least 1"),
        ({"type": "string", "pattern": "a|b"}, "matches a|b"),
        ({"enum": ["a", "b"]}, "one of a b"),
        ({"x-extensible-enum": ["a", "b"]}, "today one of a b"),
        ({"const": "a"}, "always a"),
        ({"type": "boolean", "default": False}, "default false"),
        ({"type": "array", "items": {"enum": ["a"]}, "default": []}, "one of a"),
        ({"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]}, "at most 9"),
        ({"type": "string"}, ""),
    ],
)
def test_what_narrows_a_type_is_told(schema: dict[str, Any], words: str) -> None:
    """Also where it stands in an alternative or in the items."""
    assert said(bounds(schema)) == words


def test_members_say_which_are_always_there() -> None:
    """A table of an object has a row for each."""
    schema = {
        "required": ["a"],
        "properties": {"a": {"type": "string", "description": "The `a`."}, "b": {}},
    }
    table = members("X", schema)
    assert said(table).count("always") == 1
    assert "The <code>a</code>." in table
    assert '<th scope="row"><code>b</code></th><td>anything</td>' in table
