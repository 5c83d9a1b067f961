"""Record leases: one writer at a time to one record of a vendor."""

import anyio

from gateway.idempotency.record import lease_address
from tests.idempotency.bench import SECOND, Bench

RECORD = lease_address("test", "acme-one", "8H")
TTL = 15 * SECOND


async def taken(bench: Bench, owner: str) -> int:
    """How long it is another's."""
    return await bench.store.lease_take(RECORD, owner=owner, ttl_ms=TTL)


async def test_one_writer_has_it_and_others_are_told_for_how_long(bench: Bench) -> None:
    """Its own repeat is no conflict."""
    assert await taken(bench, "a") == 0
    assert await taken(bench, "a") == 0
    await bench.advance(5 * SECOND)
    assert 9 * SECOND < await taken(bench, "b") <= 10 * SECOND


async def test_of_many_writers_one_gets_it(bench: Bench) -> None:
    """At once."""
    left: list[int] = []

    async def take(owner: str) -> None:
        left.append(await taken(bench, owner))

    async with anyio.create_task_group() as writers:
        for number in range(50):
            writers.start_soon(take, f"writer {number}")
    assert left.count(0) == 1


async def test_it_ends_by_itself(bench: Bench) -> None:
    """A writer that died does not hold it for ever; it cannot renew or free what is not its own."""
    await taken(bench, "a")
    await bench.advance(TTL)
    assert not await bench.store.lease_renew(RECORD, owner="a", ttl_ms=TTL)
    assert not await bench.store.lease_free(RECORD, owner="a")
    assert await taken(bench, "b") == 0


async def test_its_holder_renews_it(bench: Bench) -> None:
    """And nobody else."""
    await taken(bench, "a")
    await bench.advance(TTL - SECOND)
    assert not await bench.store.lease_renew(RECORD, owner="b", ttl_ms=TTL)
    assert await bench.store.lease_renew(RECORD, owner="a", ttl_ms=TTL)
    await bench.advance(TTL - SECOND)
    assert await taken(bench, "b") > 0


async def test_its_holder_frees_it(bench: Bench) -> None:
    """And nobody else."""
    await taken(bench, "a")
    assert not await bench.store.lease_free(RECORD, owner="b")
    assert await taken(bench, "b") > 0
    assert await bench.store.lease_free(RECORD, owner="a")
    assert not await bench.store.lease_free(RECORD, owner="a")
    assert await taken(bench, "b") == 0
