"""Replicas come and go behind the shipped balancers, and callers do not notice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.deploy.balancers.fronts import Front
from tests.deploy.balancers.house import House, caller, housed, restarted
from tests.deploy.balancers.load import Load, Wish, is_turned_away, wish
from tests.faults.waiting import until

CALLERS = 3
"""At each balancer."""
LOST = 6
"""Creates that are under way at each balancer when a replica dies."""
HELD_SECONDS = 3
SETTLED_SECONDS = 80.0
"""Lease, horizon, two sweeps, and a busy machine."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[House]:
    """Three replicas, with nginx and HAProxy in front of them."""
    with housed(tmp_path_factory.mktemp("house"), redis_url) as house:
        yield house


async def test_a_rolling_restart_under_load_fails_nobody(house: House) -> None:
    """Every replica is replaced: no request fails at either balancer, and no effect doubles."""
    load = Load()
    async with asyncio.TaskGroup() as callers:
        for front in house.fronts:
            for _ in range(CALLERS):
                callers.create_task(load.run(front))
        try:
            for replica in house.replicas:
                await restarted(replica)
        finally:
            load.stop()
    assert load.failed == []
    assert load.served > len(load.created) > 0
    effects = Counter((line["effect"], line["record_id"]) for line in house.effects())
    assert {*effects.values()} == {1}
    assert Counter(effect for effect, _ in effects) == dict.fromkeys(
        ("create", "update", "delete"), len(load.created)
    )
    assert house.creations() == Counter(load.created)


async def ask(client: httpx.AsyncClient, wanted: Wish, request_id: str) -> httpx.Response:
    """A create, under an id that the log of whoever served it will name."""
    headers = {"Idempotency-Key": wanted.key, "X-Request-Id": request_id}
    return await client.post("/v1/opportunities", json=wanted.body, headers=headers)


async def first(client: httpx.AsyncClient, wanted: Wish) -> httpx.Response | None:
    """The first try; HAProxy may hang up where the replica did."""
    with suppress(httpx.RemoteProtocolError):
        return await ask(client, wanted, f"first-{wanted.key}")
    return None


async def insisted(front: Front, wanted: Wish) -> httpx.Response:
    """Asks with the same key until there is a final answer."""
    async with asyncio.timeout(SETTLED_SECONDS), caller(front) as client:
        while True:
            answer = await ask(client, wanted, f"again-{wanted.key}")
            if answer.is_success:
                return answer
            assert is_turned_away(answer) or answer.json()["outcome"] == "unknown", answer.text
            await asyncio.sleep(0.5)


async def test_a_killed_replica_takes_its_own_requests_with_it_and_they_settle(
    house: House,
) -> None:
    """Who was not with it has an answer; the rest learn by their keys what became of it, once."""
    wishes = [(front, wish()) for front in house.fronts for _ in range(LOST)]
    tags = {wanted.tag for _, wanted in wishes}
    for tag in tags:
        house.vendors.spoil("close", tag, "delay", method="POST", seconds=HELD_SECONDS)

    def held() -> bool:
        return not house.vendors.tell("GET", "/close/_faults")

    victim, *survivors = house.replicas
    clients = {front: caller(front) for front in house.fronts}
    for client in clients.values():  # what is lost may be lost over a connection that was kept
        await asyncio.gather(*(client.get("/v1/connections") for _ in range(LOST)))
    async with asyncio.TaskGroup() as group:
        asking = [
            (front, wanted, group.create_task(first(clients[front], wanted)))
            for front, wanted in wishes
        ]
        assert await until(held)
        victim.kill()
    for client in clients.values():
        await client.aclose()
    answered, lost = set(), []
    for front, wanted, task in asking:
        answer = task.result()
        if answer is not None and answer.status_code == 201:
            answered.add(f"first-{wanted.key}")
            continue
        lost.append((front, wanted))
        if answer is not None:
            problem = answer.json()
            assert (problem["code"], problem["outcome"]) == ("outcome-indeterminate", "unknown")
    served = {request_id for replica in survivors for request_id in replica.served}
    assert lost, "nobody was with the one that died"
    assert {request_id for request_id in served if request_id.startswith("first-")} == answered

    settled = await asyncio.gather(*(insisted(front, wanted) for front, wanted in lost))
    assert {answer.status_code for answer in settled} == {201}
    assert all(wanted.tag in answer.text for (_, wanted), answer in zip(lost, settled, strict=True))
    created = house.creations()
    assert {tag: created[tag] for tag in tags} == dict.fromkeys(tags, 1)
    await asyncio.to_thread(victim.start)
