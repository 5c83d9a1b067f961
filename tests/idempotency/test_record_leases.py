"""Record leases: one writer at a time to one record of a vendor."""

import anyio

from gateway.idempotency.addresses import address, lease_address, lease_key
from gateway.idempotency.replies import Lease
from tests.idempotency.bench import ANOTHER, FINGERPRINT, SECOND, Bench, RedisBench

RECORD = lease_address("test", "acme-one", "8H")
TTL = 15 * SECOND
BESIDE = Lease(RECORD, TTL)


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


async def test_a_claim_brings_the_lease_where_one_round_can(bench: Bench) -> None:
    """Elsewhere the claim is the same, and the lease is asked for by itself."""
    alone = await bench.begin(key=address("test", "billing", b"another key"))
    begun = await bench.begin(beside=BESIDE)
    assert (begun.verdict, begun.fence, begun.state) == (alone.verdict, 1, "claimed")
    assert begun.record
    assert alone.record
    assert {*begun.record.fields} == {*alone.record.fields}
    assert (await taken(bench, "b") > 0) == begun.leased


async def test_one_server_is_asked_once_for_both(redis_bench: RedisBench) -> None:
    """For as long as it was asked for, and a free one alone: the claim stands without it."""
    assert (await redis_bench.begin(beside=BESIDE)).leased
    client, place = redis_bench.clients[0], lease_key(RECORD)
    assert TTL - 5 * SECOND < await client.pttl(place) <= TTL
    another = await redis_bench.begin("b", key=address("test", "billing", b"b"), beside=BESIDE)
    assert (another.verdict, another.leased, await client.get(place)) == ("new", False, b"a")


async def test_who_gets_no_claim_gets_no_lease(redis_bench: RedisBench) -> None:
    """Or a duplicate would keep the first from what it is about to write."""
    await redis_bench.begin()
    for owner, fingerprint in (("b", FINGERPRINT), ("b", ANOTHER), ("a", FINGERPRINT)):
        begun = await redis_bench.begin(owner, fingerprint=fingerprint, beside=BESIDE)
        assert (begun.verdict == "new", begun.leased) == (False, False)
    assert await taken(redis_bench, "c") == 0


async def test_the_answer_ends_the_lease_that_came_with_the_claim(bench: Bench) -> None:
    """In one round again; it may be kept twice, as after a lost reply."""
    begun = await bench.begin(beside=BESIDE)
    assert await bench.dispatch()
    for _ in range(2):
        assert await bench.complete(beside=BESIDE if begun.leased else None) == "ok"
        assert await taken(bench, "b") == 0
        assert await bench.store.lease_free(RECORD, owner="b")


async def test_the_answer_ends_no_lease_of_another(bench: Bench) -> None:
    """Who lost it to another writer keeps its answer, and the other its lease."""
    begun = await bench.begin(beside=BESIDE)
    assert await bench.dispatch()
    await bench.store.lease_free(RECORD, owner="a")
    assert await taken(bench, "b") == 0
    assert await bench.complete(beside=BESIDE if begun.leased else None) == "ok"
    assert await taken(bench, "c") > 0
