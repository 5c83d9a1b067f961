"""The store lost records: what may still run, and what has to ask first (reliability.md 2.5)."""

from gateway.errors import VendorFaulted
from gateway.idempotency.doing import Finding
from tests.idempotency.once.scripted import Vendor
from tests.idempotency.once.stage import Replica, Stage, seconds


async def forgetful(stage: Stage) -> Replica:
    """A replica that knows of the loss."""
    replica = stage.replica()
    await stage.store.set_amnesia(72 * 3600 * 1000)
    await replica.monitor.look()
    assert replica.monitor.amnesia
    return replica


async def test_a_loss_is_noticed_by_the_next_write_in_the_bucket(
    stage: Stage, replica: Replica
) -> None:
    """The count of records fell: every replica hears of it."""
    stage.vendor.evidence = "create"
    await replica.ask(creates=True)
    await stage.lose()
    told = await replica.ask(creates=True)
    assert replica.monitor.amnesia
    assert await stage.store.amnesia()
    assert (told.status, told.answer.outcome) == ("created", "applied")
    assert stage.vendor.effects == ["write"]


async def test_a_create_looks_for_its_mark_first(stage: Stage) -> None:
    """A hit is the answer, and is kept; nothing is sent."""
    replica = await forgetful(stage)
    stage.vendor.evidence, stage.vendor.effects = "create", ["write"]
    told = await replica.ask(creates=True)
    assert b"rebuilt" in told.answer.body
    assert (stage.vendor.sends, await stage.state()) == ([], "completed")
    assert (await replica.ask(creates=True)).answer.body == told.answer.body


async def test_a_create_whose_mark_is_not_found_runs(stage: Stage) -> None:
    """After one look."""
    replica = await forgetful(stage)
    stage.vendor.evidence = "create"
    assert (await replica.ask(creates=True)).status == "created"
    assert (len(stage.vendor.looks), stage.vendor.effects) == (1, ["write"])


async def test_a_create_that_cannot_be_looked_for_is_an_operators(stage: Stage) -> None:
    """It may be a retry: nothing is sent, nothing is kept, and the answer says so."""
    replica = await forgetful(stage)
    stage.vendor.evidence = "blind"
    told = await replica.ask(creates=True)
    assert (told.answer.code, told.answer.outcome) == ("history-lost", "unknown")
    assert (stage.vendor.sends, await stage.state()) == ([], None)


async def test_a_create_that_the_vendor_dedupes_runs(stage: Stage, vendor: Vendor) -> None:
    """Its derived key is the same as before the loss."""
    vendor.evidence, vendor.dedupe_seconds = "blind", 3600
    await stage.replica().ask(creates=True)
    await stage.lose()
    replica = await forgetful(stage)
    assert (await replica.ask(creates=True)).status == "created"
    assert vendor.sends[0].key == vendor.sends[1].key
    assert vendor.effects == ["write"]


async def test_a_create_under_a_key_of_ours_runs(stage: Stage) -> None:
    """It was made for this request alone, so that it cannot be a retry."""
    replica = await forgetful(stage)
    stage.vendor.evidence = "blind"
    assert (await replica.ask(creates=True, made_here=True)).status == "created"


async def test_what_is_no_create_runs(stage: Stage) -> None:
    """An update or a delete can only repeat itself."""
    replica = await forgetful(stage)
    assert (await replica.ask(subject="7")).status == "created"
    assert stage.vendor.looks == []


async def test_a_create_that_cannot_be_looked_for_just_now_is_freed(stage: Stage) -> None:
    """The vendor is away: nothing was sent, and the same request may come again."""
    replica = await forgetful(stage)
    stage.vendor.evidence, stage.vendor.findings = "create", [VendorFaulted("it is away")]
    told = await replica.ask(creates=True)
    assert (told.status, stage.vendor.sends) == ("not-applied", [])
    assert (await replica.ask(creates=True)).status == "created"


async def test_a_find_of_no_use_sends_nothing(stage: Stage) -> None:
    """Only that the mark is absent lets a create run."""
    replica = await forgetful(stage)
    stage.vendor.findings = [Finding(kind="foreign", detail="something else")]
    told = await replica.ask(creates=True)
    assert (told.answer.code, stage.vendor.sends) == ("history-lost", [])


async def test_records_that_are_there_are_answered_as_ever(stage: Stage) -> None:
    """What was not lost needs no look."""
    await stage.replica().ask(creates=True)
    replica = await forgetful(stage)
    assert (await replica.ask(creates=True)).status == "replayed"
    assert stage.vendor.looks == []


async def test_the_mode_ends_by_itself(stage: Stage, replica: Replica) -> None:
    """After one retention every key that was lost is new anyway."""
    await stage.store.set_amnesia(1000)
    await replica.monitor.look()
    if stage.on_redis:
        await stage.lose()
    await seconds(2)
    await replica.monitor.look()
    assert not replica.monitor.amnesia
