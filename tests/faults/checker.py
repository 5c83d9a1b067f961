"""The invariants of reliability.md 4.2, judged over a history: a pure function, key by key."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from gateway.canonical.ids import split
from tests.faults.history import Effect, History, Kept, Said, Terms, Wish

DAY_MS = 24 * 3600 * 1000
OPEN_STATES = frozenset(("claimed", "dispatched", "reconciling"))
TAG = re.compile(r"tag-[a-z0-9-]*[a-z0-9]")


class Breach(NamedTuple):
    """An invariant that was broken, and by what."""

    invariant: str
    detail: str


@dataclass(frozen=True)
class Operation:
    """All that belongs to one key of one caller."""

    name: str
    """`{caller} {key}`."""
    said: Collection[Said]
    effects: Collection[Effect]
    kept: Kept | None
    terms: Terms
    tags: Collection[str] = ()
    """Those that its records bear, whoever's writes put them there."""

    @cached_property
    def wishes(self) -> list[Wish]:
        """What was asked under the key: one thing, unless a client misused it."""
        return list(dict.fromkeys(said.wish for said in self.said))

    @cached_property
    def winner(self) -> Wish:
        """The wish that the key belongs to, as far as the history tells."""
        bearing = {effect.tag for effect in self.effects}
        won = [wish for wish in self.wishes if wish.tag in bearing]
        answered = [said.wish for said in self.said if not _mismatched(said)]
        return next(iter([*won, *answered, *self.wishes]))

    def count(self, step: str) -> int:
        """How often a step took effect."""
        return sum(effect.effect == step for effect in self.effects)

    @cached_property
    def allowed(self) -> int:
        """How often a step may take effect."""
        return 2 if self.winner.tag in self.terms.doubled else 1


Law = Callable[[Operation], Iterator[str]]


def breaches(history: History) -> list[Breach]:
    """Every breach in a history of which all is over; none is what one hopes for."""
    operations = list(_operations(history))
    found = [
        Breach(name, f"{operation.name}: {detail}")
        for name, law in LAWS
        for operation in operations
        for detail in law(operation)
    ]
    found += [Breach("I1", detail) for detail in _unmarked(history)]
    found += [Breach("I6", f"{hex32} is still in an index") for hex32 in history.still_open]
    found += [Breach("I7", detail) for detail in _changed_by_mismatch(history)]
    found += [Breach("I9", detail) for detail in _leaked(history)]
    return found


def _once(operation: Operation) -> Iterator[str]:
    """I1: a step takes effect at most once."""
    for step in operation.winner.steps:
        if (count := operation.count(step)) > operation.allowed:
            yield f"{step} took effect {count} times"
    for effect in operation.effects:
        if effect.effect not in operation.winner.steps:
            yield f"{effect.effect} is no step of it"


def _stable(operation: Operation) -> Iterator[str]:
    """I2: stored answers are equal to the byte; one that was rebuilt names the same record.

    A store that was emptied has no answer to tell again, and rebuilds it.
    """
    final = {said.spelled for said in operation.said if _is_stored(said)}
    if len(final) > 1 and not operation.terms.emptied:
        yield f"{len(final)} stored answers: {sorted(map(str, final))}"
    names = {said.opportunity_id for said in operation.said if said.meaning == "ok"} - {None}
    if len(names) > 1:
        yield f"answers name {sorted(filter(None, names))}"


def _truly_applied(operation: Operation) -> Iterator[str]:
    """I3: what is said to be applied is, in the steps that are said to be done."""
    for said in operation.said:
        if said.meaning == "ok":
            yield from _missing(operation, said, operation.winner.steps)
        elif said.meaning == "partial":
            *done, last = operation.winner.steps
            yield from _missing(operation, said, done)
            if operation.count(last):
                yield f"partial, and {last} took effect"


def _missing(operation: Operation, said: Said, steps: Collection[str]) -> Iterator[str]:
    for step in steps:
        bearing = [effect for effect in operation.effects if effect.effect == step]
        if not bearing:
            yield f"{said.status} {said.code or ''} says applied, and {step} did not take effect"
        elif said.opportunity_id and not any(_names(said, effect) for effect in bearing):
            ids = [effect.record_id for effect in bearing]
            yield f"the answer names {said.opportunity_id}, and {step} took effect at {ids}"


def _truly_not(operation: Operation) -> Iterator[str]:
    """I4: what is said not to be applied is not, then and later.

    A refusal speaks for its own try; only a stored one, and one besides which nobody got another
    answer, speak for the key.
    """
    if not operation.effects:
        return
    told = [said for said in operation.said if said.wish == operation.winner]
    if told and all(said.meaning == "fail" for said in told):
        yield f"every answer says not applied ({_codes(told)}), and it took effect"
    for said in told:
        if said.meaning == "fail" and said.replayed:
            yield f"the stored answer {said.code} says not applied, and it took effect"


def _never_lost(operation: Operation) -> Iterator[str]:
    """I5: what took effect is known to have, or known to be unknown."""
    if not operation.effects or operation.terms.emptied:
        return
    kept = operation.kept
    if kept is None:
        yield "it took effect, and there is no record of it"
    elif kept.state == "completed" and kept.outcome not in {"applied", "partial"}:
        yield f"it took effect, and its record says {kept.outcome}"
    elif kept.state == "not_applied":
        yield "it took effect, and its record says not applied"


def _at_rest(operation: Operation) -> Iterator[str]:
    """I6: nothing stays under way."""
    if operation.kept and operation.kept.state in OPEN_STATES:
        yield f"it is still {operation.kept.state}"


def _kept_apart(operation: Operation) -> Iterator[str]:
    """I7: a key belongs to one request, whatever else comes under it."""
    answered = {said.wish for said in operation.said if said.meaning in {"ok", "partial"}}
    if len(answered) > 1:
        yield f"{len(answered)} requests were answered as applied"
    mismatched = {said.wish for said in operation.said if _mismatched(said)}
    others = {said.wish for said in operation.said if not _mismatched(said)}
    for wish in mismatched - others:
        if any(effect.tag == wish.tag for effect in operation.effects):
            yield f"{wish.tag} was refused as another request, and took effect"


def _with_an_end(operation: Operation) -> Iterator[str]:
    """I8: every record ends by itself, and an open one not within a day."""
    if operation.kept is None:
        return
    if operation.kept.ttl_ms < 0:
        yield "its record has no end"
    elif operation.kept.state in OPEN_STATES and operation.kept.ttl_ms < DAY_MS:
        yield f"its record ends within {operation.kept.ttl_ms} ms and is {operation.kept.state}"


def _private(operation: Operation) -> Iterator[str]:
    """I10: an answer speaks of its own record alone."""
    for said in operation.said:
        told = set(TAG.findall(said.body)) | set(TAG.findall(" ".join(said.headers.values())))
        if strangers := told - {said.wish.tag, *operation.tags}:
            yield f"its answer holds {sorted(strangers)}"


LAWS: tuple[tuple[str, Law], ...] = (
    ("I1", _once),
    ("I2", _stable),
    ("I3", _truly_applied),
    ("I4", _truly_not),
    ("I5", _never_lost),
    ("I6", _at_rest),
    ("I7", _kept_apart),
    ("I8", _with_an_end),
    ("I10", _private),
)


def _operations(history: History) -> Iterator[Operation]:
    by_tag: dict[str, list[Effect]] = {}
    by_target: dict[str, list[Effect]] = {}
    tags: dict[str, set[str]] = {}
    for effect in history.effects:
        tags.setdefault(effect.record_id, set()).add(effect.tag or "")
        if effect.tag:
            by_tag.setdefault(effect.tag, []).append(effect)
        else:
            by_target.setdefault(effect.record_id, []).append(effect)

    def borne_by(wish: Wish) -> list[Effect]:
        own = by_tag.get(wish.tag, [])
        blank = by_target.get(wish.target, []) if wish.target else []
        return own + [effect for effect in blank if effect.effect in wish.steps]

    ordered = sorted(history.said, key=_name)
    for name, grouped in groupby(ordered, key=_name):
        said = sorted(grouped, key=attrgetter("asked"))
        wishes = dict.fromkeys(one.wish for one in said)
        effects = [effect for wish in wishes for effect in borne_by(wish)]
        records = {wish.target for wish in wishes} | {effect.record_id for effect in effects}
        borne = {tag for record in records for tag in tags.get(record or "", ())}
        yield Operation(name, said, effects, history.kept.get(name), history.terms, borne)


def _unmarked(history: History) -> Iterator[str]:
    """I1: no write reaches a vendor that nobody asked for."""
    wishes = {said.wish for said in history.said}
    tags = {wish.tag for wish in wishes}
    targets = {wish.target for wish in wishes}
    for effect in history.effects:
        if effect.tag not in tags and (effect.tag or effect.record_id not in targets):
            yield f"nobody asked for line {effect.seq} of the ledger: {effect}"


def _changed_by_mismatch(history: History) -> Iterator[str]:
    for seen in history.mismatches:
        changed = {
            name
            for name in {*seen.before, *seen.after}
            if seen.before.get(name) != seen.after.get(name)
        }
        if changed:
            yield f"another request changed {sorted(changed)} of {seen.hex32}"


def _leaked(history: History) -> Iterator[str]:
    """I9: a log holds no secret, no key and nothing of a body."""
    wishes = {said.wish for said in history.said}
    forbidden = {*history.terms.secrets, *(wish.key for wish in wishes)}
    text = "\n".join(history.logs)
    for secret in sorted(forbidden):
        if secret in text:
            yield f"a log holds {secret!r}"
    for tag in sorted({wish.tag for wish in wishes} & set(TAG.findall(text))):
        yield f"a log holds {tag!r}"


def _name(said: Said) -> str:
    return f"{said.wish.caller} {said.wish.key}"


def _names(said: Said, effect: Effect) -> bool:
    named = split(said.opportunity_id or "")
    return named is not None and named[1] == effect.record_id


def _mismatched(said: Said) -> bool:
    return said.code == "idempotency-key-reused"


def _is_stored(said: Said) -> bool:
    """Whether it is, or was put down as, the answer of the key."""
    if said.replayed:
        return True
    return said.key_status == "created" and said.meaning in {"ok", "partial"}


def _codes(told: Collection[Said]) -> str:
    return ", ".join(sorted({said.code or str(said.status) for said in told}))
