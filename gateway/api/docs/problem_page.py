"""The page behind a problem's type: what it means, when it comes, what to do, how it looks."""

from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Final

from gateway.api import examples, problems
from gateway.api.docs.markup import Html, block, code, joined, link, pretty, prose, table, tag
from gateway.api.docs.page import GUIDES, page
from gateway.api.docs.remedies import REMEDIES, Remedy
from gateway.errors import GatewayError

OUTCOMES: Final = {
    "not_applied": "not applied",
    "applied": "applied",
    "partial": "applied in part",
    "unknown": "perhaps applied",
}
"""What a problem says of a write, in words."""

_TOLD: Final = ("ETag", "Retry-After", "WWW-Authenticate")
"""Headers that a program acts on."""


@cache
def problem_page(name: str) -> bytes | None:
    """The page of a code, None for one that there is not."""
    remedy = REMEDIES.get(name)
    if remedy is None:
        return None
    return page(
        problems.TITLES[name],
        tag("p", code(name), class_="lead"),
        tag("h2", "When it comes"),
        tag("p", prose(remedy.when)),
        tag("h2", "What to do"),
        tag("p", prose(remedy.do)),
        _kinds(name),
        tag("h2", "How it looks"),
        *_shown(name, remedy),
        tag(
            "p",
            "More about it: ",
            link(f"/docs/{remedy.guide}", GUIDES[remedy.guide]),
            "; all codes: ",
            link("/docs#problems", "Problems"),
            ".",
        ),
        at=f"/problems/{name}",
    )


def _kinds(name: str) -> Html:
    rows = (
        (
            str(problems.STATUS[kind]),
            kind.origin,
            prose((kind.__doc__ or "").splitlines()[0]),
            joined(code(kind.retry), ": ", prose(problems.ADVICE[kind.retry])),
            OUTCOMES[kind.outcome],
        )
        for kind in problems.STATUS
        if kind.code == name
    )
    head = ("status", "origin", "meaning", "retry", "a write was")
    return table("What it can mean", head, rows)


def _shown(name: str, remedy: Remedy) -> Iterator[Html]:
    for error in examples.SHOWN:
        if error.code == name:
            yield block(_answer(error, remedy), f"An answer with {name}")


def _answer(error: GatewayError, remedy: Remedy) -> str:
    """An answer as it comes over the wire, without the headers that every answer has."""
    told = examples.problem(error, writes=remedy.of_writes)
    response = problems.response_of(error, problems.Problem.model_validate(told), {})
    status = HTTPStatus(response.status_code)
    headers = {"Content-Type": problems.MEDIA_TYPE} | {
        known: response.headers[known] for known in _TOLD if known in response.headers
    }
    lines = "".join(f"{header}: {value}\n" for header, value in headers.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\n{lines}\n{pretty(told)}"
