"""F12, F24, F25: what a vendor does to a write, and what is made of it."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from tests.faults.figures import FIGURES
from tests.faults.history import Action, Said
from tests.faults.rig import Rig, Trial, rigged

VENDOR_SECONDS = 1
QUIET_SECONDS = 6
LATE_SECONDS = 3
"""When a vendor commits that was given up: within the quiet period."""
PATIENCE = 60.0
AT_ONCE = 18
"""What vendors that are one process answer within their second, but for those told to hang."""
MARKED = ("close", "coperniq", "reevo")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig whose vendors are soon given up."""
    changes = {
        "timeouts": {"vendor_seconds": VENDOR_SECONDS},
        "reconcile": {"quiet_seconds": QUIET_SECONDS},
    }
    folder = tmp_path_factory.mktemp("rig")
    with rigged(folder, replicas=FIGURES.replicas, changes=changes) as rig:
        yield rig


async def silent(trial: Trial, vendor: str, action: Action, silence: str) -> tuple[Said, Said, int]:
    """A write that the vendor never answers: the first answer, the last, and the commits."""
    connection = f"acme-{vendor}"
    target = await trial.made(connection) if action == "update" else None
    wish = trial.wish(action, connection, target=target, if_match=target and "*")
    if silence == "late":
        trial.rig.vendors.spoil(vendor, wish.tag, "late", seconds=LATE_SECONDS)
    else:
        trial.rig.vendors.spoil(vendor, wish.tag, "hang", silence)
    first = await trial.driver.first(wish)
    final = await trial.driver.insist(wish, seconds=PATIENCE)
    return first, final, len(trial.effects_of(wish))


async def test_a_vendor_that_is_silent_is_found_out(rig: Rig) -> None:
    """F12: before, after and late look the same to the caller at first, and end as they were."""
    async with rig.trial("silence") as trial:
        actions: Sequence[Action] = ("create", "update")
        plan = [
            (vendor, action, silence)
            for vendor in MARKED
            for action in actions
            for silence in ("before", "after", "late")
            for _ in range(FIGURES.repeats)
        ]
        ends = []
        for start in range(0, len(plan), AT_ONCE):
            some = plan[start : start + AT_ONCE]
            ends += await asyncio.gather(*(silent(trial, *each) for each in some))
    for (vendor, action, silence), (first, final, commits) in zip(plan, ends, strict=True):
        told = f"{vendor} {action} {silence}: {first.body} then {final.body}"
        assert (first.status, first.code) == (504, "outcome-indeterminate"), told
        if silence == "before" and action == "create":
            assert (commits, final.is_parked) == (0, True), told
        else:
            assert (commits, final.meaning) == (1, "ok"), told


async def test_a_vendor_that_dedupes_is_asked_again(rig: Rig) -> None:
    """F12: what cannot be read is sent again under the same key, and takes effect once."""
    async with rig.trial("native") as trial:
        for silence in ("before", "after", "late"):
            first, final, commits = await silent(trial, "slant", "create", silence)
            assert (first.status, final.status, commits) == (504, 201, 1), final


@pytest.mark.parametrize("vendor", ["close", "reevo"])
async def test_a_duplicate_of_the_vendors_own_is_told(rig: Rig, vendor: str) -> None:
    """F24: it names the oldest, and makes no third."""
    doubled: set[str] = set()
    async with rig.trial("twice", doubled=doubled) as trial:
        wish = trial.wish("create", f"acme-{vendor}")
        doubled.add(wish.tag)
        rig.vendors.spoil(vendor, wish.tag, "hang", "twice")
        final = await trial.driver.insist(wish, seconds=PATIENCE)
        oldest, _ = trial.effects_of(wish)
        assert final.status == 201, final
        assert final.json["vendor_id"] == oldest.record_id
        codes = {warning["code"] for warning in final.json["warnings"]}
        assert "duplicate-detected" in codes
        logs = "".join(file.read_text() for file in map(rig.layout.log, rig.ports))
        assert "duplicate-detected" in logs


async def test_a_second_call_that_is_refused_leaves_a_part(rig: Rig) -> None:
    """F25: the answer says so, names the record, and is the same ever after."""
    async with rig.trial("part") as trial:
        wish = trial.wish("create", "acme-slant", two_steps=True)
        rig.vendors.spoil("slant", wish.tag, "status", "before", status=422, method="PATCH")
        first = await trial.driver.first(wish)
        again = await trial.driver.ask(wish)
        assert (first.status, first.code) == (502, "partially-applied")
        assert first.opportunity_id
        assert again.replayed
        assert again.spelled == first.spelled


@pytest.mark.parametrize("silence", ["before", "after"])
async def test_a_second_call_that_is_not_answered_is_resumed(rig: Rig, silence: str) -> None:
    """F25: the record is named at once, and the same key goes on with the second call alone."""
    async with rig.trial("resumed") as trial:
        wish = trial.wish("create", "acme-slant", two_steps=True)
        rig.vendors.spoil("slant", wish.tag, "hang", silence, method="PATCH")
        first = await trial.driver.first(wish)
        assert (first.status, first.code) == (504, "outcome-indeterminate")
        assert first.opportunity_id
        final = await trial.driver.insist(wish, seconds=PATIENCE)
        assert final.status == 201, final
        assert [effect.effect for effect in trial.effects_of(wish)] == ["create", "update"]


async def test_a_second_call_that_is_put_off_is_resumed(rig: Rig) -> None:
    """Row 25: a limit of the vendor's at the second call ends nothing."""
    async with rig.trial("put-off") as trial:
        wish = trial.wish("create", "acme-slant", two_steps=True)
        rig.vendors.spoil("slant", wish.tag, "status", "before", status=429, method="PATCH")
        final = await trial.driver.insist(wish, seconds=PATIENCE)
        assert final.status == 201, final
        assert [effect.effect for effect in trial.effects_of(wish)] == ["create", "update"]
