"""F18, F20: callers who hang up, and keys that come again after their time."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from gateway.idempotency.addresses import record_key
from tests.faults.figures import FIGURES
from tests.faults.history import Wish
from tests.faults.rig import Rig, Trial, rigged
from tests.faults.waiting import until

PATIENCE = 60.0
VENDOR_SECONDS = 3
QUIET_SECONDS = 2
Seen = Callable[[Trial, Wish], bool]

PHASES: dict[str, Seen] = {
    "at once": lambda trial, wish: True,
    "once claimed": lambda trial, wish: bool(trial.rig.record(wish)),
    "once sent": lambda trial, wish: trial.rig.record(wish).get("td", "0") != "0",
    "once committed": lambda trial, wish: bool(trial.effects_of(wish)),
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig that soon gives up to find out."""
    changes = {
        "timeouts": {"vendor_seconds": VENDOR_SECONDS},
        "reconcile": {"quiet_seconds": QUIET_SECONDS},
    }
    folder = tmp_path_factory.mktemp("rig")
    with rigged(folder, replicas=FIGURES.replicas, changes=changes) as rig:
        yield rig


@pytest.mark.parametrize("phase", PHASES)
async def test_who_hangs_up_changes_nothing(rig: Rig, phase: str) -> None:
    """F18: the write goes on, and the same key is answered with its result."""
    async with rig.trial("hang-up") as trial:
        vendors = ("close", "coperniq", "reevo", "slant") * FIGURES.repeats
        await asyncio.gather(*(left(trial, vendor, phase) for vendor in vendors))


async def left(trial: Trial, vendor: str, phase: str) -> None:
    """A caller who hangs up, and comes again."""
    wish = trial.wish("create", f"acme-{vendor}")
    trial.rig.vendors.spoil(vendor, wish.tag, "delay", "after", seconds=1)

    async def seen() -> None:
        assert await until(lambda: PHASES[phase](trial, wish), pause=0.005)

    await trial.driver.ask(wish, hang_up=seen)
    final = await trial.driver.insist(wish, seconds=PATIENCE)
    assert final.status == 201, final
    assert len(trial.effects_of(wish)) == 1
    if phase != "at once":
        assert final.replayed, final


async def test_a_key_is_new_after_its_time(rig: Rig) -> None:
    """F20: as published; and the first run of it stays as it was."""
    async with rig.trial("retention") as trial:
        wish = trial.wish()
        first = await trial.driver.ask(wish)
        assert first.status == 201
    expired(rig, wish)
    async with rig.trial("retention") as trial:
        second = await trial.driver.ask(wish)
        assert (second.status, second.replayed) == (201, False)
        assert second.opportunity_id != first.opportunity_id


async def test_an_open_record_does_not_end_with_the_retention(rig: Rig) -> None:
    """F20: what is not settled is remembered for as long as it takes."""
    async with rig.trial("open") as trial:
        wish = trial.wish("create", "blind-close")
        rig.vendors.spoil("close", wish.tag, "reset", "after")
        final = await trial.driver.insist(wish, seconds=PATIENCE)
        assert final.is_parked, final
        kept = rig.kept(wish)
        assert kept is not None
        assert kept.ttl_ms > 24 * 24 * 3600 * 1000
        assert (await trial.driver.ask(wish)).code == "outcome-indeterminate"


def expired(rig: Rig, wish: Wish) -> None:
    """Ends a record's time."""
    name = record_key(rig.address(wish))
    rig.store.pexpire(name, 1)
    while rig.store.exists(name):
        pass


async def test_the_gateway_can_be_asked_about_what_it_does(rig: Rig) -> None:
    """An operation that was left is told, settled by a person, and then replayed."""
    async with rig.trial("resolved") as trial:
        wish = trial.wish("create", "blind-close")
        rig.vendors.spoil("close", wish.tag, "reset", "after")
        final = await trial.driver.insist(wish, seconds=PATIENCE)
        assert final.is_parked, final
        (effect,) = trial.effects_of(wish)
        answer = await trial.driver.resolve(
            final.problem["operation_id"],
            outcome="applied",
            opportunity_id=f"{wish.connection}.{effect.record_id}",
            reason="seen at the vendor",
        )
        assert answer.status == 200, answer
        settled = await trial.driver.insist(wish, seconds=PATIENCE)
        assert (settled.meaning, settled.replayed) == ("ok", True)
