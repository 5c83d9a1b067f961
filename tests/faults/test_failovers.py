"""F9: a primary of the store is killed under load, and another takes its place by itself.

`wait_replicas` lets nothing go that the next primary could not know of.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gateway.idempotency.addresses import record_key
from tests.faults.figures import FIGURES
from tests.faults.history import Wish
from tests.faults.load import Load, replayed
from tests.faults.rig import Rig, Trial
from tests.faults.waiting import until
from tests.stores import Company, clustered, follows, watched

PATIENCE = 90.0
CROWD = FIGURES.crowd // 10
TOLD_AGAIN = 20
"""Writes of the load that are asked for once more afterwards."""
PAUSE_SECONDS = 0.1


@pytest.mark.parametrize("gathered", [watched, clustered])
async def test_a_primary_that_dies_is_replaced(
    gathered: Callable[[Path], AbstractContextManager[Company]],
    start_rig: Callable[..., Rig],
    tmp_path: Path,
) -> None:
    """Meanwhile writes are refused and reads answered; then each is done once and told again."""
    with gathered(tmp_path) as company:
        waits = {**company.settings, "wait_replicas": 1, "wait_ms": 500}
        rig = start_rig(company=company, changes={"redis": waits})
        async with rig.trial(f"failover-{gathered.__name__}") as trial:
            target = await trial.made()
            for _ in range(FIGURES.failovers):
                # What was put down as sent, and held back as its reply was lost, is taken back when
                # there is a store again. The rig's leases are so short that one may end before.
                async with Load(trial, may_park=True) as load:
                    assert await until(lambda: len(load.done) >= TOLD_AGAIN, seconds=PATIENCE)
                    await failed_over(trial, company, target)
                for wish in load.done[:TOLD_AGAIN]:
                    await replayed(trial, wish)


async def failed_over(trial: Trial, company: Company, target: str) -> None:
    """One death, in the midst of a crowd with one key, and what follows."""
    crowded, wish = (trial.wish("create", f"acme-{name}") for name in ("slant", "close"))
    dying = company.owner(key_of(trial, crowded))
    while company.owner(key_of(trial, wish)) is not dying:
        wish = trial.wish()
    crowd = asyncio.create_task(trial.driver.crowd([crowded] * CROWD))
    assert await until(lambda: bool(trial.effects_of(crowded)), seconds=PATIENCE)
    dying.kill()
    await refused_meanwhile(trial, company, wish, target)
    await crowd
    if company.spare:
        await done_once(trial, crowded, wish)
    dying.start()
    assert await until(lambda: follows(dying), seconds=PATIENCE)
    await done_once(trial, crowded, wish)


async def refused_meanwhile(trial: Trial, company: Company, wish: Wish, target: str) -> None:
    """Until there is another primary the wish has no effect, and what needs no store goes on."""
    key = key_of(trial, wish)
    dead = company.owner(key)
    said = await trial.driver.ask(wish)
    assert said.code == "store-unavailable", said
    while company.owner(key) is dead and said.code == "store-unavailable":
        assert (said.status, said.key_status) == (503, "not-applied"), said
        assert not trial.effects_of(wish)
        shown = await trial.driver.get(f"/v1/opportunities/acme-close.{target}", "billing")
        assert shown.status == 200
        await asyncio.sleep(PAUSE_SECONDS)
        said = await trial.driver.ask(wish)
    assert await until(lambda: company.owner(key) is not dead, seconds=PATIENCE), said


def key_of(trial: Trial, wish: Wish) -> str:
    """Where the record of a wish lies."""
    return record_key(trial.rig.address(wish))


async def done_once(trial: Trial, *wishes: Wish) -> None:
    """Each ends with one effect and its true answer."""
    said = await asyncio.gather(*(trial.driver.insist(each, seconds=PATIENCE) for each in wishes))
    for wish, final in zip(wishes, said, strict=True):
        assert final.meaning == "ok", final
        assert len(trial.effects_of(wish)) == 1
