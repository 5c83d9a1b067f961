"""The scribe: what is recorded and what is not, in batches, dropped rather than waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any, Final

import pytest

from gateway.canonical import json_text
from gateway.errors import StoreUnavailable
from gateway.idempotency.signing import SigningKey
from gateway.shared.ledger import Entry, Keep, MemoryLedger
from gateway.shared.trail import Trail, VendorCalled
from gateway.telemetry.hooks import Served
from gateway.telemetry.ledger import BATCH, WAITING, Scribe, entry
from tests.telemetry.served import SERVED

KEY: Final = SigningKey("now", b"k" * 32)
OTHER: Final = SigningKey("then", b"o" * 32)
PATIENCE: Final = 30
CALLED: Final = VendorCalled(
    vendor="acme",
    connection="acme-one",
    effect="write",
    step="create",
    method="POST",
    status=201,
    code=None,
    sent=True,
    began_ns=1_800_000_000_123_456_789,
    seconds=0.1234567,
    bytes_out=15,
    bytes_in=15,
    digest_out=b"\x01" * 32,
    digest_in=b"",
)


class Held(MemoryLedger):
    """A ledger that writes when it is let, and fails when it is told to."""

    def __init__(self) -> None:
        super().__init__(Keep(hours=1, records=1_000_000), time.monotonic)
        self.batches: list[Sequence[Entry]] = []
        self.came = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()
        self.away = False

    async def put(self, entries: Sequence[Entry]) -> None:
        self.batches.append(entries)
        self.came.set()
        await self.free.wait()
        if self.away:
            raise StoreUnavailable("away")
        await super().put(entries)

    @property
    def sizes(self) -> list[int]:
        """How many records came at a time."""
        return [len(batch) for batch in self.batches]


def write(number: int = 0, **changes: Any) -> Served:
    """A write that was answered."""
    made = SERVED._replace(operation="create_opportunity", caller="billing", **changes)
    return made._replace(instance=f"/v1/requests/req_{number:024x}")


def nobody_to_tell(count: int) -> None:
    """Where nothing may be dropped."""
    pytest.fail(f"{count} records are missing")


def told(served: Served, key: SigningKey = KEY) -> Any:
    """What the record of a request tells."""
    return json_text.read(entry(served, key).told)


@asynccontextmanager
async def writing(scribe: Scribe) -> AsyncIterator[None]:
    """The scribe at work."""
    task = asyncio.create_task(scribe.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(ledger: Held, count: int) -> None:
    """Waits for so many batches."""
    async with asyncio.timeout(PATIENCE):
        while len(ledger.batches) < count:
            ledger.came.clear()
            await ledger.came.wait()


@pytest.mark.parametrize(
    ("operation", "status", "caller", "kept"),
    [
        ("create_opportunity", 201, "billing", True),
        ("update_opportunity", 200, "billing", True),
        ("delete_opportunity", 204, "billing", True),
        ("resolve_operation", 200, "billing", True),
        ("create_opportunity", 422, "billing", True),
        ("get_opportunity", 200, "billing", False),
        ("get_opportunity", 304, "billing", False),
        ("get_opportunity", 404, "billing", True),
        ("list_opportunities", 502, "billing", True),
        ("translate", 200, "billing", False),
        ("translate", 422, "billing", True),
        ("get_request", 404, "billing", False),
        (None, 404, "billing", True),
        (None, 200, None, False),
        ("create_opportunity", 401, None, False),
        (None, 404, None, False),
    ],
)
async def test_writes_and_failures_of_known_callers_are_recorded(
    operation: str | None, status: int, caller: str | None, kept: bool
) -> None:
    """A read that went well is not, nor is anything of a stranger."""
    ledger = Held()
    scribe = Scribe(ledger, KEY, lambda _: None)
    scribe.served(write()._replace(operation=operation, status=status, caller=caller))
    await scribe.drain(PATIENCE)
    assert ledger.sizes == [1] * kept


def test_a_record_tells_sizes_and_times_and_no_content() -> None:
    """Of a vendor call its step, and neither its path nor its body nor its answer."""
    trail = Trail(vendor_calls=[CALLED], vendor_call_count=3)
    record = entry(write(connection="acme-one", trail=trail), KEY)
    assert b"ane" not in record.told
    (call,) = json_text.read(record.told)["vendor_calls"]
    assert len(call.pop("request_digest")) == 64
    assert call == {
        "connection": "acme-one",
        "vendor": "acme",
        "effect": "write",
        "step": "create",
        "method": "POST",
        "status": 201,
        "code": None,
        "sent": True,
        "began_at": "2027-01-15T08:00:00.123456Z",
        "seconds": Decimal("0.123457"),
        "bytes_out": 15,
        "bytes_in": 15,
        "answer_digest": None,
    }


def test_an_id_that_the_vendor_has_not_is_not_recorded() -> None:
    """It is whatever its caller made up; of other failures the id is told."""
    unknown = write(opportunity_id="acme-one.jane", code="opportunity-not-found")
    assert told(unknown)["opportunity_id"] is None
    refused = unknown._replace(code="vendor-rejected")
    assert told(refused)["opportunity_id"] == "acme-one.jane"


def test_equal_bodies_have_equal_digests_under_one_key() -> None:
    """Other bodies and other keys have others, and none is the plain digest."""

    def digest(body: bytes, key: SigningKey) -> str:
        call = CALLED._replace(digest_out=body)
        found: str = told(write(trail=Trail([call])), key)["vendor_calls"][0]["request_digest"]
        return found

    one, two = b"\x01" * 32, b"\x02" * 32
    assert digest(one, KEY) == digest(one, KEY)
    assert len({digest(one, KEY), digest(two, KEY), digest(one, OTHER), one.hex()}) == 4


def test_a_record_is_of_every_connection_that_was_touched() -> None:
    """Who may see one of a list's connections does not learn how the other fared."""
    calls = [CALLED._replace(connection=name) for name in ("acme-two", "acme-one", "acme-two")]
    assert entry(write(connection="acme-three", trail=Trail(calls)), KEY).connections == (
        "acme-one", "acme-three", "acme-two",
    )  # fmt: skip
    assert entry(write(connection=None), KEY).connections == ()


async def test_records_are_written_in_batches() -> None:
    """Those that came while others were written go together."""
    ledger = Held()
    scribe = Scribe(ledger, KEY, nobody_to_tell)
    ledger.free.clear()
    async with writing(scribe):
        scribe.served(write())
        await until(ledger, 1)
        for number in range(BATCH + 5):
            scribe.served(write(number + 1))
        ledger.free.set()
        await until(ledger, 3)
    assert ledger.sizes == [1, BATCH, 5]
    assert await ledger.get(f"req_{BATCH + 5:024x}")


async def test_what_is_too_much_is_dropped_and_counted() -> None:
    """A slow store costs records and no memory, and nobody waits."""
    ledger, missed = Held(), list[int]()
    scribe = Scribe(ledger, KEY, missed.append)
    ledger.free.clear()
    async with writing(scribe):
        scribe.served(write())
        await until(ledger, 1)
        for number in range(WAITING + 7):
            scribe.served(write(number + 1))
        ledger.free.set()
        await until(ledger, 1 + WAITING // BATCH)
    assert missed == [7]
    assert sum(ledger.sizes) == 1 + WAITING


async def test_a_store_that_is_away_costs_records_and_nothing_else() -> None:
    """The scribe goes on, and what comes once it is back is written."""
    ledger, missed = Held(), list[int]()
    scribe = Scribe(ledger, KEY, missed.append)
    ledger.away = True
    async with writing(scribe):
        scribe.served(write(1))
        scribe.served(write(2))
        await until(ledger, 1)
        ledger.away = False
        scribe.served(write(3))
        await until(ledger, 2)
    assert missed == [2]
    assert await ledger.get(f"req_{1:024x}") is None
    assert await ledger.get(f"req_{3:024x}")


async def test_a_shutdown_writes_what_is_left() -> None:
    """Also what was just being written when the scribe was stopped."""
    ledger = Held()
    scribe = Scribe(ledger, KEY, nobody_to_tell)
    ledger.free.clear()
    async with writing(scribe):
        scribe.served(write(1))
        await until(ledger, 1)
        for number in range(2, 6):
            scribe.served(write(number))
    ledger.free.set()
    await scribe.drain(PATIENCE)
    found = [await ledger.get(f"req_{number:024x}") for number in range(1, 6)]
    assert all(found)


async def test_a_shutdown_waits_for_a_slow_store_for_a_moment_only() -> None:
    """What is not written by then is counted as missing."""
    ledger, missed = Held(), list[int]()
    scribe = Scribe(ledger, KEY, missed.append)
    ledger.free.clear()
    for number in range(BATCH + 5):
        scribe.served(write(number))
    await scribe.drain(0.05)
    assert missed == [BATCH + 5]
