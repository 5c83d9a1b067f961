"""What a vendor's answer tells of its rate limit: one function for each form that is about.

A form reads headers (names in lower case) and the body, and tells what it finds in them; what it
cannot read it takes for not told. A vendor's file lists the forms that its vendor is known to use.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

MAX_RESET: Final = Decimal(31 * 86_400)
"""Seconds; what is larger is no time to wait but, most likely, a date."""

_MEMBER = re.compile(r"(?:^|[;,\s])(limit|remaining|reset)\s*=\s*([0-9.]+)(?=$|[;,\s])", re.ASCII)
_FIRST = re.compile(r"\s*([0-9.]+)\s*(?:$|[;,])", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """A limit as a vendor tells it, None for what it does not say."""

    limit: int | None = None
    remaining: int | None = None
    reset: Decimal | None = None
    """Seconds until there is more."""

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return (self.limit, self.remaining, self.reset) != (None, None, None)


NOTHING_TOLD: Final = Told()


Form = Callable[[Mapping[str, str], Any], Told]


def ratelimit_field(headers: Mapping[str, str], body: Any) -> Told:
    """`RateLimit: limit=100, remaining=50, reset=5`, or with `;` between, in any order."""
    del body
    found: dict[str, str] = {}
    if "ratelimit" not in headers:
        return NOTHING_TOLD
    for name, value in _MEMBER.findall(headers["ratelimit"].lower()):
        found.setdefault(name, value)
    return _told(found.get("limit"), found.get("remaining"), found.get("reset"))


def ratelimit_fields(prefix: str) -> Form:
    """Three headers with a prefix, such as `x-ratelimit-limit`; of a list the first number counts.

    The prefixes about are `ratelimit-`, `x-ratelimit-` and `x-rate-limit-`.
    """
    names = [prefix + part for part in _PARTS]
    named = frozenset(names)

    def read(headers: Mapping[str, str], body: Any) -> Told:
        del body
        if named.isdisjoint(headers):
            return NOTHING_TOLD
        return _told(*(_first(headers.get(name)) for name in names))

    return read


def refusal_body(headers: Mapping[str, str], body: Any) -> Told:
    """`rate_limit` and `rate_reset` in a refusal, or under its `error`.

    `rate_reset` was seen as a number and as a string. Such a body says that nothing remains.
    """
    del headers
    if not isinstance(body, Mapping):
        return NOTHING_TOLD
    under = body.get("error")
    members = under if isinstance(under, Mapping) else body
    limit, reset = members.get("rate_limit"), members.get("rate_reset")
    if limit is None and reset is None:
        return NOTHING_TOLD
    told = _told(limit, None, reset)
    return Told(told.limit, 0, told.reset) if told else told


def told_by(forms: Iterable[Form], headers: Mapping[str, str], body: Any) -> Told:
    """What several forms tell together: each member from the first of them that has it."""
    said = [told for form in forms if (told := form(headers, body)) is not NOTHING_TOLD]
    if not said:
        return NOTHING_TOLD
    return Told(
        limit=next((each.limit for each in said if each.limit is not None), None),
        remaining=next((each.remaining for each in said if each.remaining is not None), None),
        reset=next((each.reset for each in said if each.reset is not None), None),
    )


_PARTS: Final = ("limit", "remaining", "reset")


def _told(limit: Any, remaining: Any, reset: Any) -> Told:
    seconds = _number(reset)
    if seconds is not None and seconds > MAX_RESET:
        seconds = None
    return Told(_whole(limit), _whole(remaining), seconds)


def _first(value: str | None) -> str | None:
    match = _FIRST.match(value or "")
    return match.group(1) if match else None


def _whole(value: Any) -> int | None:
    """A count; of one that is no whole number the part that there is."""
    number = _number(value)
    return None if number is None else int(number)


def _number(value: Any) -> Decimal | None:
    """A number that is not negative, from JSON or from a text."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None
