"""F6, F26 to F28: replicas that restart, sweep, write to one record and change keys together."""

import asyncio
from collections.abc import Callable

from tests.faults.figures import FIGURES
from tests.faults.load import Load, replayed
from tests.faults.rig import Rig, Trial

PATIENCE = 60.0
LOOKS = 7
"""How often a record is looked for at most, until the horizon."""
AT_ONCE = 10


async def test_a_rolling_restart_drops_nothing(rig: Rig) -> None:
    """F6: what is under way when a replica is told to end is answered, and done once."""
    async with rig.trial("rolling") as trial, Load(trial):
        for port in rig.ports:
            await rig.restart(port)


async def test_keys_are_changed_under_load(start_rig: Callable[..., Rig]) -> None:
    """F28: nothing doubles, no request is taken for another, and old answers can be read."""
    rig = start_rig()
    async with rig.trial("rotation") as trial:
        async with Load(trial) as load:
            for keys in (("one", "two"), ("two", "one")):
                rig.configure(keys=keys)
                for port in rig.ports:
                    await rig.restart(port)
                    await asyncio.gather(*(replayed(trial, wish) for wish in load.done[:5]))
        before = {said.code for said in trial.history.said}
        assert "idempotency-key-reused" not in before
        for wish in load.done:
            await replayed(trial, wish)


async def test_sweepers_share_the_work(start_rig: Callable[..., Rig]) -> None:
    """F26: every replica sweeps, one of them gets a record, and the vendor is asked sparingly."""
    rig = start_rig(replicas=8)
    async with rig.trial("sweep") as trial:
        wishes = [trial.wish() for _ in range(2 * len(rig.ports))]
        for number, wish in enumerate(wishes):
            port = rig.ports[number % len(rig.ports)]
            await trial.dies(wish, "committed", wish.tag, port)
        rig.vendors.tell("DELETE", "/close/_ledger")
        await trial.settled()
        reads = rig.vendors.tell("GET", "/close/_ledger")["requests"]
        assert len(reads) <= LOOKS * len(wishes)
        for wish in wishes:
            record = rig.record(wish)
            assert (record["st"], record["f"]) == ("completed", "2"), record
            final = await trial.driver.ask(wish)
            assert (final.status, final.replayed) == (201, True)


async def test_two_replicas_lose_no_value_of_a_field(rig: Rig) -> None:
    """F27: both add to one field of several values, and now and then one is killed at it."""
    async with rig.trial("fields") as trial:
        room = asyncio.Semaphore(AT_ONCE)

        async def entered(number: int) -> None:
            async with room:
                await one_field(trial, number)

        await asyncio.gather(*map(entered, range(FIGURES.fields)))


async def one_field(trial: Trial, number: int) -> None:
    """Two callers add to the same record by two replicas."""
    target = await trial.made()
    wishes = [
        trial.wish("update", target=target, caller=caller, adds=robot, bearer=bearer)
        for caller, robot, bearer in (
            ("billing", "Picker", "name"),
            ("sales", "Courier", "description"),
        )
    ]
    if number % 10 == 1:
        trial.rig.fates.arm("send_request_headers.complete", wishes[0].tag)
    finals = await asyncio.gather(*(trial.driver.insist(each, seconds=PATIENCE) for each in wishes))
    assert {said.meaning for said in finals} == {"ok"}, finals
    shown = await trial.driver.get(f"/v1/opportunities/acme-close.{target}", "billing")
    assert set(shown.json["custom_fields"]["robots"]) == {"Picker", "Courier"}, shown
