"""What happened in a trial, as lines of JSON: what was said, what took effect, what was kept.

It is all that the checker sees, so that a history which broke an invariant can be kept as a file.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Action = Literal["create", "update", "delete"]
Meaning = Literal["ok", "fail", "partial", "info"]

KEPT_HEADERS = ("content-type", "location", "etag", "content-language", "link",
                "preference-applied")  # fmt: skip
"""Headers that are stored with an answer, and so the same in every replay (row 5)."""
REFUSED_BEFORE = frozenset((400, 401, 403, 404, 405, 412, 413, 415, 422, 428))
"""Statuses of problems that, telling no outcome, come before any vendor was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A write as a caller wants it: the same key and tag in every try, the tag in its body.

    `steps` are the effects that it has at the vendor, each exactly once; `target` is the vendor's
    id of the record that an update or a delete is about.
    """

    caller: str
    key: str
    tag: str
    action: Action
    connection: str
    steps: tuple[str, ...]
    target: str | None = None
    adds: str | None = None
    """What it adds to a field of several values."""
    bearer: str = "name"
    """The field that bears the tag of such a one."""
    if_match: str | None = None
    """The version of the record that it is about, which so is read first; `*` for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One try and what came back; `status` is None where nothing did that can be read."""

    wish: Wish
    asked: float
    heard: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def json(self) -> Any:
        """The body, None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def problem(self) -> Mapping[str, Any]:
        """The members of a problem, none where it is no problem."""
        said = self.json
        is_problem = isinstance(said, dict) and "code" in said and "type" in said
        return said if is_problem else {}

    @property
    def code(self) -> str | None:
        """The problem's code."""
        return self.problem.get("code")

    @property
    def key_status(self) -> str | None:
        """What became of the key, in the gateway's words."""
        return self.headers.get("idempotency-status")

    @property
    def replayed(self) -> bool:
        """Whether it is a stored answer told again."""
        return self.headers.get("idempotent-replayed") == "true"

    @property
    def meaning(self) -> Meaning:
        """What it says of the effect: its words count, its status does not."""
        if self.status is None:
            return "info"
        if 200 <= self.status < 300:
            return "ok"
        if not self.problem:
            return "info"
        told: Meaning | None = _OUTCOMES.get(self.problem.get("outcome", ""))
        if told is None:
            return "fail" if self.status in REFUSED_BEFORE else "info"
        return told

    @property
    def opportunity_id(self) -> str | None:
        """The record that it names."""
        if self.meaning == "ok" and not self.problem:
            said = self.json
            return said.get("id") if isinstance(said, dict) else None
        return self.problem.get("opportunity_id")

    @property
    def is_final(self) -> bool:
        """Whether asking again could not tell more."""
        if self.meaning in {"ok", "partial"}:
            return True
        return self.meaning == "fail" and self.problem.get("retry") != "same_request"

    @property
    def is_parked(self) -> bool:
        """Whether only an operator can tell more."""
        return self.meaning == "info" and self.problem.get("retry") == "operator"

    @property
    def is_rebuilt(self) -> bool:
        """Whether reconciliation put it together, because the vendor's own answer was lost."""
        said = self.json
        warnings = said.get("warnings") or () if isinstance(said, dict) else ()
        return any(warning.get("code") == "reconstructed" for warning in warnings)

    @property
    def spelled(self) -> tuple[object, ...]:
        """What every replay has the same, byte for byte."""
        return (
            self.status,
            tuple((name, self.headers.get(name)) for name in KEPT_HEADERS),
            self.body,
        )


_OUTCOMES: Mapping[str, Meaning] = {
    "applied": "ok", "not_applied": "fail", "partial": "partial", "unknown": "info",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A line of the vendors' ledger, which no death of a gateway can change."""

    seq: int
    effect: str
    record_id: str
    tag: str | None = None
    marker: str | None = None
    derived_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A record as the store has it when all is over."""

    hex32: str
    state: str
    outcome: str | None
    opportunity_id: str | None
    ttl_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A record before and after another request came under its key."""

    hex32: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a trial did on purpose, and so no breach of anybody's."""

    doubled: Collection[str] = frozenset()
    """Tags whose effect the vendor itself had twice."""
    emptied: bool = False
    """Whether the store lost records in it."""
    secrets: tuple[str, ...] = ()
    """Texts that no log may hold, besides every key and every tag."""


@dataclass(slots=True, kw_only=True)
class History:
    """A trial from its first request to when all was settled."""

    terms: Terms = field(default_factory=Terms)
    said: list[Said] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    kept: dict[str, Kept] = field(default_factory=dict)
    """Records by `{caller} {key}`."""
    mismatches: list[Mismatch] = field(default_factory=list)
    still_open: list[str] = field(default_factory=list)
    """What the indexes of open records hold when all is over."""
    logs: list[str] = field(default_factory=list)

    def write(self, file: Path) -> None:
        """Keeps it as a file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as sink:
            for line in self._lines():
                sink.write(json.dumps(line, default=sorted) + "\n")

    @classmethod
    def read(cls, file: Path) -> "History":
        """A history that was kept."""
        story = cls()
        for line in file.read_text(encoding="utf-8").splitlines():
            for kind, members in json.loads(line).items():
                _READERS[kind](story, members)
        return story

    def _lines(self) -> Iterator[Mapping[str, object]]:
        yield {"terms": asdict(self.terms)}
        yield from _told("said", self.said)
        yield from _told("effect", self.effects)
        for name, record in self.kept.items():
            yield {"kept": [name, asdict(record)]}
        yield from _told("mismatch", self.mismatches)
        yield from ({"open": hex32} for hex32 in self.still_open)
        yield from ({"log": line} for line in self.logs)


def _told(kind: str, things: Iterable[Any]) -> Iterator[Mapping[str, object]]:
    return ({kind: asdict(thing)} for thing in things)


def _said(members: dict[str, Any]) -> Said:
    wish = members.pop("wish")
    return Said(wish=Wish(**{**wish, "steps": tuple(wish["steps"])}), **members)


def _terms(members: dict[str, Any]) -> Terms:
    return Terms(
        doubled=frozenset(members["doubled"]),
        emptied=members["emptied"],
        secrets=tuple(members["secrets"]),
    )


def _read_terms(story: History, members: dict[str, Any]) -> None:
    story.terms = _terms(members)


def _read_kept(story: History, members: list[Any]) -> None:
    story.kept[members[0]] = Kept(**members[1])


_READERS: Mapping[str, Any] = {
    "terms": _read_terms,
    "said": lambda story, members: story.said.append(_said(members)),
    "effect": lambda story, members: story.effects.append(Effect(**members)),
    "kept": _read_kept,
    "mismatch": lambda story, members: story.mismatches.append(Mismatch(**members)),
    "open": lambda story, hex32: story.still_open.append(hex32),
    "log": lambda story, line: story.logs.append(line),
}
