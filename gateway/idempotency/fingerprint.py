"""Fingerprints: whether a request under a known key is the same request (reliability.md 1.4).

What changes the effect is in it, in one canonical spelling; what does not, such as `include` or the
order of entity tags, is not. It is signed, so that who reads the store cannot test guesses.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.canonical import json_text, schema
from gateway.idempotency.record import Fingerprint
from gateway.idempotency.signing import SigningKey, message, signature

WITHOUT_EFFECT: Final = frozenset({"include"})
"""Parameters that shape the answer alone: a replay gives the stored one as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A write as its caller asked for it, validated, before anything was looked up."""

    method: str
    route: str
    """The template, `/v1/opportunities/{opportunity_id}`."""
    path: Mapping[str, str]
    """What stands in the template's braces."""
    query: Mapping[str, Sequence[str]]
    connection: str
    body: bytes
    """As `spelled` spells it."""
    lenient: bool
    if_match: Sequence[str] | None
    """Entity tags as they were sent, None for no condition."""


def spelled(body: schema.Request | None) -> bytes:
    """What was sent of a body, nulls included, as JSON: names in order, numbers as they came.

    It is kept with the record, and signed.
    """
    sent = None if body is None else body.model_dump(exclude_unset=True)
    return json_text.write(sent, sort_keys=True)


def fingerprints(asked: Asked, keys: Sequence[SigningKey]) -> list[Fingerprint]:
    """One for each version and key in force; the first is the one that a new record keeps."""
    texts = ((version, spell(asked)) for version, spell in VERSIONS.items())
    return [
        Fingerprint(version=version, key_id=key.id, digest=signature(key, text))
        for version, text in texts
        for key in keys
    ]


def _first(asked: Asked) -> bytes:
    query = {name: given for name, given in asked.query.items() if name not in WITHOUT_EFFECT}
    head = message(
        "fingerprint",
        asked.method,
        asked.route,
        asked.path,
        query,
        asked.connection,
        "lenient" if asked.lenient else "strict",
        None if asked.if_match is None else sorted(set(asked.if_match)),
    )
    return head.removesuffix(b"]") + b"," + _shortest(asked.body) + b"]"


VERSIONS: Final[Mapping[int, Callable[[Asked], bytes]]] = {1: _first}
"""How a request was spelled, by version, the newest first.

A change of spelling is a new version; an old one stays for as long as records keep it.
"""


_MAY_BE_LONG: Final = re.compile(rb"\.[0-9]*0[],}]")
"""A number with a zero at its end that says nothing, or else a text that has the looks of one."""
_SPARE: Final = re.compile(
    rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")|\.0+(?![0-9])|(\.[0-9]*[1-9])0+(?![0-9])'
)
"""Zeros that say nothing; before them in two groups what stays, which is a text as it is."""


def _shortest(body: bytes) -> bytes:
    """The body with its numbers spelled by what they are: `1`, `1.0` and `1e0` are one number.

    Few bodies have a digit to spare, and to look for one costs least.
    """
    return _SPARE.sub(rb"\1\2", body) if _MAY_BE_LONG.search(body) else body
