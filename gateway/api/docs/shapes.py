"""JSON schemas in words: what a member holds, and within which bounds."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.api.docs.markup import Html, code, joined, link, prose, table, tag

Schema = Mapping[str, Any]

_VALUES: Final = {"enum": "one of", "x-extensible-enum": "today one of"}
_LIMITS: Final[Mapping[str, str]] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "length at least {}",
    "maxLength": "length at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
_SEVERAL: Final = ("anyOf", "oneOf", "allOf")


def shape(schema: Schema) -> Html:
    """What a schema takes, in a few words; other types are links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return link(f"#{name}", code(name))
    for several in _SEVERAL:
        if several in schema:
            return joined(*(shape(each) for each in schema[several]), by=" or ")
    match schema.get("type"):
        case "array":
            return joined("array of ", shape(schema.get("items", {})))
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return joined("object of ", shape(schema["additionalProperties"]))
        case str(kind):
            form = schema.get("format")
            return joined(f"{kind} ({form})" if form else kind)
        case list(kinds):
            return joined(" or ".join(kinds))
        case _:
            return joined("anything")


def bounds(schema: Schema) -> Html:
    """What narrows a schema: its values, its limits, its default."""
    return joined(*(each for part in _parts(schema) for each in _bounds(part)), by="; ")


def _parts(schema: Schema) -> Iterator[Schema]:
    """A schema, its alternatives and its items."""
    yield schema
    for each in (part for several in _SEVERAL for part in schema.get(several, ())):
        yield from _parts(each)
    if "items" in schema:
        yield from _parts(schema["items"])


def _bounds(schema: Schema) -> Iterator[Html]:
    for name, words in _VALUES.items():
        if values := schema.get(name):
            yield joined(words, " ", _values(values))
    for name, words in _LIMITS.items():
        if name in schema:
            yield joined(words.format(schema[name]))
    if pattern := schema.get("pattern"):
        yield joined("matches ", code(pattern))
    if "const" in schema:
        yield joined("always ", _values([schema["const"]]))
    if schema.get("default") not in (None, [], {}):
        yield joined("default ", _values([schema["default"]]))


def _values(values: list[Any]) -> Html:
    return joined(*(code(_word(each)) for each in values), by=" ")


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def members(name: str, schema: Schema) -> Html:
    """The members of an object."""
    required = schema.get("required", ())
    rows = (
        (
            code(member),
            shape(each),
            "always" if member in required else "",
            meaning(each),
        )
        for member, each in schema.get("properties", {}).items()
    )
    return table(f"Members of `{name}`", ("member", "type", "there", "meaning"), rows)


def meaning(schema: Schema, description: str = "") -> Html:
    """What a schema says in words, then what narrows it."""
    said, narrowed = prose(description or schema.get("description", "")), bounds(schema)
    return joined(said, tag("small", narrowed)) if narrowed else said
