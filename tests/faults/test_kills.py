"""F4: a replica is killed at every point of an operation, and its client asks another one.

All deaths happen in one trial, many at a time, because most of it is waiting for leases to end.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby, islice

import pytest

from tests.faults.figures import FIGURES
from tests.faults.history import Said, Wish
from tests.faults.rig import Rig, Trial

PATIENCE = 90.0
"""Seconds that a client asks again: two leases, the horizon, and a busy machine."""
WAVE, RIPPLE = 40, 8
"""How many die before their clients ask again: those of a ripple within less than the horizon."""
HEARTBEAT_SECONDS = 4
"""A vendor that takes this long is waited for through a heartbeat."""

CREATES = ("close", "coperniq", "reevo", "blind")
NATIVE = ("slant", "slant in two steps")
CHANGES = ("update", "delete")
KINDS = (*CREATES, *NATIVE, *CHANGES)
TOLD_BY_READING = ("close", "coperniq", "reevo", *CHANGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A point of an operation at which the holder dies, and what has to come of it."""

    points: Sequence[str]
    kinds: Sequence[str]
    commits: Mapping[str, int]
    """How often it takes effect, where that is certain."""
    slow: bool = False
    repeats: int = FIGURES.kills
    at_once: int = WAVE


ONCE = dict.fromkeys(KINDS, 1)
NEVER = {**dict.fromkeys(CREATES, 0), **dict.fromkeys(NATIVE, 1)}
DEATHS: Mapping[str, Death] = {
    "K1 after the claim": Death(points=["after begin"], kinds=KINDS, commits=ONCE),
    "K2 before the send is recorded": Death(points=["before dispatch"], kinds=KINDS, commits=ONCE),
    "K3 before the first byte": Death(points=["after dispatch"], kinds=KINDS, commits=NEVER),
    "K4 after the headers": Death(
        points=["send_request_headers.complete"], kinds=(*CREATES, *NATIVE), commits=NEVER
    ),
    "K4 after the body": Death(
        points=["send_request_body.complete"], kinds=(*CREATES, *NATIVE), commits=ONCE
    ),
    "K5 after the commit": Death(
        points=["committed"], kinds=KINDS, commits=ONCE, repeats=FIGURES.kills_unrecorded
    ),
    "K6 after the reply": Death(
        points=["before complete"], kinds=KINDS, commits=ONCE, repeats=FIGURES.kills_unrecorded
    ),
    "K7 after the record": Death(points=["after complete"], kinds=KINDS, commits=ONCE),
    "K8 in a heartbeat": Death(
        points=["after heartbeat"], kinds=(*CREATES, *NATIVE, "update"), commits=ONCE, slow=True
    ),
    "K10 between two steps": Death(
        points=["after step"], kinds=["slant in two steps"], commits=ONCE, at_once=RIPPLE
    ),
    "K9 while it is reconciled": Death(
        points=["committed", "before settle"], kinds=TOLD_BY_READING, commits=ONCE
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one death."""

    kind: str
    wish: Wish
    final: Said
    commits: int
    struck: bool


async def wished(trial: Trial, kind: str) -> Wish:
    """A wish of a kind, under its own key."""
    if kind in CHANGES:
        target = await trial.made()
        return trial.wish(kind, target=target)  # type: ignore[arg-type]  # both are actions
    vendor = kind.split(maxsplit=1)[0]
    connection = "blind-close" if kind == "blind" else f"acme-{vendor}"
    return trial.wish("create", connection, two_steps="steps" in kind)


def named(trial: Trial, point: str, wish: Wish) -> str:
    """What the operation is known by at a point."""
    if point.startswith(("before", "after")):
        return trial.rig.address(wish)
    return wish.target if wish.action == "delete" and wish.target else wish.tag


async def died(trial: Trial, death: Death, wish: Wish, port: int) -> None:
    """One death, of the replica at a port."""
    if death.slow:
        vendor = wish.connection.split("-")[1]
        trial.rig.vendors.spoil(vendor, wish.tag, "delay", "after", seconds=HEARTBEAT_SECONDS)
    first, *later = ((point, named(trial, point, wish)) for point in death.points)
    for point, name in later:
        trial.rig.fates.arm(point, name)
    await trial.dies(wish, *first, port)


async def told(trial: Trial, death: Death, kind: str, wish: Wish) -> Outcome:
    """What a client hears that does not give up, from replicas that live."""
    final = await trial.driver.insist(wish, seconds=PATIENCE)
    commits = sum(effect.effect == wish.steps[0] for effect in trial.effects_of(wish))
    marks = ((point, named(trial, point, wish)) for point in death.points)
    struck = all(trial.rig.fates.struck(point, name) for point, name in marks)
    return Outcome(kind, wish, final, commits, struck)


Outcomes = Mapping[str, Sequence[Outcome]]


@pytest.fixture(scope="module")
def outcomes(rig: Rig) -> Outcomes:
    """Every death of the run, settled and judged by the checker."""
    return asyncio.run(suffered(rig))


async def suffered(rig: Rig) -> Outcomes:
    """Lets every replica die again and again, one write at a time, and then asks for them all.

    So nobody dies of a death that was meant for another write.
    """
    found: dict[str, list[Outcome]] = {name: [] for name in DEATHS}
    async with rig.trial("kills") as trial:
        for plan in waves():
            for name, outcome in await wave(trial, plan):
                found[name].append(outcome)
    return found


async def wave(trial: Trial, plan: Sequence[tuple[str, str]]) -> Sequence[tuple[str, Outcome]]:
    """Some deaths, and what comes of them."""
    writes = [(name, kind, await wished(trial, kind)) for name, kind in plan]
    doomed = iter(writes)

    async def die(port: int) -> None:
        for name, _, wish in doomed:
            await died(trial, DEATHS[name], wish, port)

    async def ask(name: str, kind: str, wish: Wish) -> tuple[str, Outcome]:
        return name, await told(trial, DEATHS[name], kind, wish)

    await asyncio.gather(*(die(port) for port in trial.rig.ports))
    return await asyncio.gather(*(ask(*each) for each in writes))


def waves() -> Iterator[Sequence[tuple[str, str]]]:
    """Which kind of write dies where, those together that do not disturb each other."""
    planned = [
        (name, kind)
        for name, death in DEATHS.items()
        for kind in islice(cycle(death.kinds), max(death.repeats, len(death.kinds)))
    ]
    for _, grouped in groupby(sorted(planned, key=company), key=company):
        group = list(grouped)
        at_once = DEATHS[group[0][0]].at_once
        yield from (group[start : start + at_once] for start in range(0, len(group), at_once))


def company(one: tuple[str, str]) -> tuple[int, int, bool]:
    """In whose company a write may die: one that is sent again might die of another's death."""
    name, kind = one
    return len(DEATHS[name].points), -DEATHS[name].at_once, kind in NATIVE


@pytest.mark.parametrize("name", DEATHS)
def test_a_death_costs_nobody_the_truth(name: str, outcomes: Outcomes) -> None:
    """F4: it takes effect as often as it has to, and the client is told what became of it."""
    death = DEATHS[name]
    for outcome in outcomes[name]:
        seen = f"{outcome.kind}: {outcome.final.status} {outcome.final.body}"
        assert outcome.struck, f"nobody died: {seen}"
        expected = death.commits.get(outcome.kind, outcome.commits)
        assert outcome.commits == expected, f"{outcome.commits} commits: {seen}"
        assert outcome.final.is_final or outcome.final.is_parked, seen
        if outcome.commits and outcome.kind != "blind":
            assert outcome.final.meaning == "ok", seen


def test_what_was_committed_and_not_recorded_is_found(outcomes: Outcomes) -> None:
    """Between commit and record, every single one ends with one effect and the true answer."""
    for name in ("K5 after the commit", "K6 after the reply"):
        findable = [one for one in outcomes[name] if one.kind != "blind"]
        assert len(findable) >= FIGURES.kills_unrecorded * 3 // 4
        for outcome in findable:
            assert (outcome.commits, outcome.final.meaning) == (1, "ok"), outcome.final


def test_what_was_recorded_is_replayed(outcomes: Outcomes) -> None:
    """K7: the client that never got its answer gets it from another replica."""
    for outcome in outcomes["K7 after the record"]:
        assert outcome.final.replayed, outcome.final
