"""Nothing but a read reaches a second replica once a first may have read it: it is counted."""

import asyncio
from collections import Counter, defaultdict

import httpx
import pytest

from tests.deploy.balancers.conftest import StartFront
from tests.deploy.balancers.toys import Toy, toy
from tests.servers import free_port

READS = ("GET", "HEAD")
WRITES = ("POST", "PATCH", "PUT", "DELETE")
TIMES = 10
ROUNDS = 10
"""At most: who comes to whom is the balancer's choice."""


def named(method: str, number: int) -> str:
    """The id of one of the requests."""
    return f"request-{method}-{number}"


async def asked(url: str, numbers: range) -> dict[str, int]:
    """The status of each request by its id: every method so often, and all at once."""
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(
        base_url=url, timeout=60, limits=limits, trust_env=False
    ) as client:

        async def ask(method: str, request_id: str) -> tuple[str, int]:
            content = b"{}" if method in {"POST", "PATCH", "PUT"} else None
            answer = await client.request(
                method, "/v1/opportunities", content=content, headers={"X-Request-Id": request_id}
            )
            return request_id, answer.status_code

        methods = (*READS, *WRITES)
        asking = [
            ask(method, named(method, number))
            for number in numbers
            # Taking turns must not lead all of one method to the same replica.
            for method in (methods if number % 2 else reversed(methods))
        ]
        return dict(await asyncio.gather(*asking))


def places(*toys: Toy) -> dict[str, Counter[int]]:
    """Where each request was seen, and how often."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for each in toys:
        for seen in each.seen:
            found[seen.request_id][each.port] += 1
    return found


async def test_only_reads_are_repeated_at_another_replica(start_front: StartFront) -> None:
    """One hangs up after it has read: a write is lost with it, a read has its answer elsewhere."""
    statuses: dict[str, int] = {}
    with toy("rude", seconds=2) as rude, toy("polite") as polite:
        front = start_front([rude.port, polite.port])
        for begin in range(0, TIMES * ROUNDS, TIMES):
            statuses |= await asked(front.url, range(begin, begin + TIMES))
            if {seen.method for seen in rude.seen} == {*READS, *WRITES}:
                break
            await asyncio.sleep(1)  # it is left out for a while after it was rude
    seen = places(rude, polite)
    for method in WRITES:
        requests = [each for each in statuses if each.startswith(f"request-{method}-")]
        lost = [each for each in requests if rude.port in seen[each]]
        assert lost, f"no {method} came to the rude one"
        assert {each: seen[each].total() for each in requests} == dict.fromkeys(requests, 1)
        assert [each for each in requests if statuses[each] != 200] == lost
        assert {statuses[each] for each in lost} == {502}
    reads = [each for each in statuses if each.split("-")[1] in READS]
    assert {statuses[each] for each in reads} == {200}
    assert any(len(seen[each]) == 2 for each in reads)


async def test_a_replica_that_is_not_there_costs_nobody_a_request(start_front: StartFront) -> None:
    """What could not be connected was not sent, and so another replica has it, by any method."""
    with toy("polite") as one, toy("polite") as other:
        front = start_front([free_port(), one.port, other.port])
        statuses = await asked(front.url, range(5))
    assert {*statuses.values()} == {200}
    assert {each.total() for each in places(one, other).values()} == {1}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_methods_and_paths_arrive_as_they_were_sent(
    start_front: StartFront, method: str
) -> None:
    """Also where nginx makes a detour, whatever a caller writes into its header for that."""
    path = "/v1/opportunities/acme-close.a~2Fb?q=%2F%20x&include=raw"
    with toy("polite") as backend:
        front = start_front([backend.port])
        async with httpx.AsyncClient(base_url=front.url, trust_env=False) as client:
            await client.request(method, path, headers={"X-Method-Sent-Once": "PUT"})
    (seen,) = backend.seen
    assert (seen.method, seen.path) == (method, path)
