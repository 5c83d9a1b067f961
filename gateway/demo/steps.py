"""What a scene is made of: a request, what has to come of it, and what of it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.canonical import json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a step brought about: the gateway's answer, and the calls that its vendor received."""

    vendor: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those of the answer, by their names in small letters."""
    answer: Any
    calls: Sequence[Mapping[str, Any]]
    effects: int
    same: bool = False
    """Whether the answer is that of the step before, byte for byte."""


@dataclass(frozen=True, slots=True)
class Column:
    """What is shown on the left: its head, and its lines."""

    head: str
    lines: Callable[[Seen], list[str]]
    abreast: bool = False
    """Whether each line stands beside the one on the right that says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request to the gateway, what has to come of it, and what of it is shown.

    `{id}` is the opportunity that the tour made at the vendor, `{operation}` the operation that a
    problem named last. `expects` maps JSON pointers (RFC 6901) into the answer to values, None
    where nothing may be; `answered` does so with headers, and `same` wants the bytes of the answer
    before; `effects` counts what the vendor changes; `fault` is a script for the sandbox.
    """

    vendor: str = ""
    ask: str
    body: Any = None
    sent: Mapping[str, str] = field(default_factory=dict)
    """Headers of the request."""
    fault: Mapping[str, Any] | None = None
    status: int = 200
    expects: Mapping[str, Any]
    answered: Mapping[str, str] = field(default_factory=dict)
    same: bool = False
    effects: int = 0
    left: Column
    right: Sequence[str] = ()
    """Members of the answer; without any the left column has the whole width, and long ids."""

    def about(self, made: Mapping[str, str]) -> "Step":
        """The step with what the tour made until now filled in."""
        text = json_text.write([self.ask, self.body, self.expects])
        for name, value in made.items():
            text = text.replace(f"{{{name}}}".encode(), value.encode())
        ask, body, expects = json_text.read(text)
        return replace(self, ask=ask, body=body, expects=expects)

    def wrong(self, seen: Seen) -> list[str]:
        """What came of it that should not have."""
        headers = ((name, seen.headers.get(name.lower())) for name in self.answered)
        pairs = {
            "the status": (self.status, seen.status),
            "the number of changes at the vendor": (self.effects, seen.effects),
            **{at: (value, found(seen.answer, at)) for at, value in self.expects.items()},
            **{name: (self.answered[name], told) for name, told in headers},
            "that it is the answer before": (True, seen.same or not self.same),
        }
        return [
            f"{what} is {shown(told)}, not {shown(expected)}"
            for what, (expected, told) in pairs.items()
            if told != expected
        ]


@dataclass(frozen=True, slots=True)
class Scene:
    """Steps that show one thing."""

    heading: str
    sentence: str
    steps: Sequence[Step]


def member(place: str, value: Any) -> str:
    """A member of a JSON object, without the way to it."""
    return f'"{place.rpartition("/")[2]}": {shown(value)}'


def shown(value: Any) -> str:
    """A value as JSON, with blanks where a line may be broken."""
    return json_text.write(value).decode().replace('":', '": ').replace(',"', ', "')


def found(value: Any, place: str) -> Any:
    """What a JSON pointer points at, None where nothing is."""
    for part in place.split("/")[1:]:
        try:
            value = value[int(part) if isinstance(value, list) else part]
        except (LookupError, TypeError, ValueError):
            return None
    return value
