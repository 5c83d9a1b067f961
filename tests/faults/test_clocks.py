"""F19: clocks that are wrong, of replicas and of the store."""

import asyncio
from collections.abc import Callable

from tests.faults.clocks import step
from tests.faults.history import Wish
from tests.faults.rig import Rig, Trial
from tests.faults.waiting import until

HOUR = 3600
STEP = 600
PATIENCE = 60.0
VENDORS = ("close", "coperniq", "reevo", "slant")


async def test_the_clocks_of_replicas_do_not_matter(start_rig: Callable[..., Rig]) -> None:
    """An hour ahead and an hour behind: leases, replays and looks are by the store's clock."""
    rig = start_rig(replicas=1, skews=[HOUR, -HOUR])
    async with rig.trial("skew") as trial:
        wishes = [trial.wish("create", f"acme-{vendor}") for vendor in VENDORS]
        await trial.driver.crowd(wishes * len(rig.ports))
        deaths = [trial.wish("create", "acme-close") for _ in rig.ports]
        for wish, port in zip(deaths, rig.ports, strict=True):
            await trial.dies(wish, "committed", wish.tag, port)
        for wish in (*wishes, *deaths):
            finals = [await trial.driver.insist(wish, seconds=PATIENCE)]
            finals += [await trial.driver.ask(wish, port=port) for port in rig.ports]
            assert {final.status for final in finals} == {201}
            assert len(trial.effects_of(wish)) == 1


async def stepped_under(trial: Trial, seconds: int, vendor: str) -> None:
    """The store's clock jumps while a write is under way, and its client asks another replica."""
    wish: Wish = trial.wish("create", f"acme-{vendor}")
    trial.rig.vendors.spoil(vendor, wish.tag, "delay", "after", seconds=2)
    asking = asyncio.create_task(trial.driver.ask(wish))
    assert await until(lambda: trial.rig.record(wish).get("td", "0") != "0")
    step(trial.rig.layout.clock, seconds)
    final = await trial.driver.insist(wish, seconds=PATIENCE)
    await asking
    assert final.status == 201, final
    assert len(trial.effects_of(wish)) == 1


async def test_a_step_of_the_stores_clock_doubles_nothing(
    start_rig: Callable[..., Rig],
) -> None:
    """Ahead, a lease ends too soon: fence and quiet hold. Back, it lasts longer."""
    rig = start_rig(replicas=3, clock=0)
    for vendor in VENDORS:
        for seconds in (STEP, 0):
            async with rig.trial("step") as trial:
                await stepped_under(trial, seconds, vendor)
