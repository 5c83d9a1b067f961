"""Fault scripts: what goes wrong with which vendor call, before or after its effect.

A script is a JSON object posted to `/_faults`; scripts are tried oldest first and the first that
matches and has nothing left to skip decides. A script with an unknown key, kind or type is refused,
since one that is silently ignored makes a test lie.

`before` means that the vendor's handler does not run; `after` means that it runs, its effect stays,
and only its answer is spoilt; `twice` is `after` with a handler that runs twice, as if a proxy of
the vendor's had sent the call again. A vendor that knows the call by its key still makes one effect
of it, and an answer that is not spoilt is the first run's.

Some kinds say themselves when the handler runs. `delay`, `drip` and `wrong_id` deliver the true
answer, the last under another record's id, so there it always runs: with `before` a delay passes
before the effect, with `after` behind it. `twice` runs it twice and spoils nothing. `late` runs it
after so many seconds, whether or not the caller has hung up by then, and never answers.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

When = Literal["before", "after", "twice"]

Keys = Mapping[str, tuple[type, ...]]

REQUIRED: Mapping[str, Keys] = {
    "status": {"status": (int,)},
    "delay": {"seconds": (int, Decimal)},
    "hang": {},
    "reset": {},
    "truncated": {},
    "garbage": {},
    "drip": {"bytes_per_second": (int, Decimal)},
    "huge": {"bytes": (int,)},
    "redirect": {"location": (str,)},
    "wrong_id": {"id": (str, int)},
    "twice": {},
    "late": {"seconds": (int, Decimal)},
}
"""The kinds of fault and the members each must have."""

OPTIONAL: Mapping[str, Keys] = {
    "status": {"headers": (dict,), "body": (object,)},
    "redirect": {"status": (int,)},
}
"""The members a kind may have; a redirect is a 307 unless it says otherwise."""

TIMED = ("twice", "late")
"""The kinds that leave no choice of when the handler runs."""

SCRIPT_KEYS: Keys = {
    "match": (dict,),
    "times": (int,),
    "skip": (int,),
    "when": (str,),
    "fault": (dict,),
}
MATCH_KEYS: Keys = dict.fromkeys(("method", "path", "body"), (str, type(None)))


class FaultScriptError(ValueError):
    """The script is not one that can be played; the message says what is wrong with it."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One script: whom it strikes, how often, when and how.

    A call is meant if its method is `method`, its path has `path` in it and its body, as it was
    sent, `body`; what is None is anybody's. `skip` and `times` count down as matching calls arrive.
    """

    kind: str
    detail: dict[str, Any] = field(default_factory=dict)
    method: str | None = None
    path: str | None = None
    body: str | None = None
    when: When = "before"
    times: int = 1
    skip: int = 0

    def matches(self, method: str, path: str, content: bytes) -> bool:
        """Whether the call is one of those meant; the path is compared without its query."""
        return (
            self.method in (None, method)
            and (self.path is None or self.path in path)
            and (self.body is None or self.body.encode() in content)
        )


@dataclass(slots=True)
class FaultQueue:
    """The scripts that are still to be played."""

    pending: list[Fault] = field(default_factory=list)

    def add(self, script: Any) -> None:
        """Appends a script; raises `FaultScriptError`."""
        self.pending.append(parse(script))

    def take(self, method: str, path: str, content: bytes = b"") -> Fault | None:
        """The fault that strikes this call, if any; every script skipped on the way counts it."""
        for fault in self.pending:
            if not fault.matches(method, path, content):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times == 0:
                self.pending.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.pending.clear()

    def to_json(self) -> list[dict[str, Any]]:
        """What is left, oldest first, with the counts as they stand."""
        return [asdict(fault) for fault in self.pending]


def parse(script: Any) -> Fault:
    """Reads a script; raises `FaultScriptError` with a sentence."""
    _check(script, "script", required={"fault": (dict,)}, optional=SCRIPT_KEYS)
    match = script.get("match", {})
    _check(match, "match", required={}, optional=MATCH_KEYS)
    detail = dict(script["fault"])
    kind = detail.pop("kind", None)
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise FaultScriptError(f"fault.kind {kind!r} is none of {', '.join(REQUIRED)}")
    _check(detail, "fault", required=REQUIRED[kind], optional=OPTIONAL.get(kind, {}))
    when = script.get("when", "before")
    if when not in get_args(When):
        raise FaultScriptError(f"when {when!r} is none of {', '.join(get_args(When))}")
    if kind in TIMED and "when" in script:
        raise FaultScriptError(f"fault.kind {kind!r} goes without when")
    times, skip = script.get("times", 1), script.get("skip", 0)
    if times < 1 or skip < 0:
        raise FaultScriptError("times is at least 1 and skip at least 0")
    method = match.get("method")
    return Fault(
        kind=kind,
        detail=detail,
        method=method and method.upper(),
        path=match.get("path"),
        body=match.get("body"),
        when=when,
        times=times,
        skip=skip,
    )


def _check(value: Any, name: str, *, required: Keys, optional: Keys) -> None:
    if not isinstance(value, Mapping):
        raise FaultScriptError(f"{name} is not an object")
    known = {**optional, **required}
    for key, member in value.items():
        if key not in known:
            raise FaultScriptError(f"{name} has no member {key!r}; it takes {', '.join(known)}")
        flag = isinstance(member, bool) and object not in known[key]
        if flag or not isinstance(member, known[key]):
            wanted = " or ".join(kind.__name__ for kind in known[key])
            raise FaultScriptError(f"{name}.{key} must be {wanted}, not {member!r}")
    for key in required:
        if key not in value:
            raise FaultScriptError(f"{name}.{key} is missing")
