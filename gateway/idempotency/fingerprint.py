"""Fingerprints: whether a request under a known key is the same request (reliability.md 1.4).

What changes the effect is in it, in one canonical spelling; what does not, such as `include` or the
order of entity tags, is not. It is signed, so that who reads the store cannot test guesses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

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
    body: schema.Request | None
    lenient: bool
    if_match: Sequence[str] | None
    """Entity tags as they were sent, None for no condition."""


def fingerprints(asked: Asked, keys: Sequence[SigningKey]) -> list[Fingerprint]:
    """One for each version and key in force; the first is the one that a new record keeps."""
    spelled = ((version, spell(asked)) for version, spell in VERSIONS.items())
    return [
        Fingerprint(version=version, key_id=key.id, digest=signature(key, text))
        for version, text in spelled
        for key in keys
    ]


def _first(asked: Asked) -> bytes:
    query = {name: given for name, given in asked.query.items() if name not in WITHOUT_EFFECT}
    return message(
        "fingerprint",
        asked.method,
        asked.route,
        asked.path,
        query,
        asked.connection,
        "lenient" if asked.lenient else "strict",
        None if asked.if_match is None else sorted(set(asked.if_match)),
        None if asked.body is None else _plain(asked.body.model_dump(exclude_unset=True)),
    )


VERSIONS: Final[Mapping[int, Callable[[Asked], bytes]]] = {1: _first}
"""How a request was spelled, by version, the newest first.

A change of spelling is a new version; an old one stays for as long as records keep it.
"""


def _plain(value: Any) -> Any:
    """The value with its numbers spelled by what they are: `1`, `1.0` and `1e0` are one number."""
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, Decimal):
        digits = json_text.plain(value)
        return Decimal(digits.rstrip("0").rstrip(".") if "." in digits else digits)
    return value
