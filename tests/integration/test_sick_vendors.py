"""Vendors that fail, on real processes: who is asked again, who is left alone, who notices."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from gateway.engine.retry import Budget
from tests.integration.acts import SPOKEN
from tests.integration.fleet import MANY, Fleet, crowd, fleet, is_held_back, statuses
from tests.integration.two_ends import VENDORS

REPLICAS = 3
OPEN_SECONDS = 3
PLACES = 4
WITHIN_SECONDS = 1.0
"""How soon all replicas leave a vendor alone that one of them found sick."""
ASKED = 200
BROKEN = {"kind": "status", "status": 500, "body": {"message": "No."}}
HANGING = {"kind": "hang"}


@pytest.fixture(scope="module")
async def three(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> AsyncIterator[Fleet]:
    """Three replicas with a breaker that opens for a few seconds, their catalogues read."""
    folder = tmp_path_factory.mktemp("three")
    breaker = {"calls": 10, "seconds": OPEN_SECONDS}
    async with fleet(folder, redis_url, REPLICAS, breaker=breaker) as running:
        await running.learn()
        yield running


@pytest.fixture(scope="module")
async def narrow(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> AsyncIterator[Fleet]:
    """One replica that makes few calls at once to any one vendor."""
    folder = tmp_path_factory.mktemp("narrow")
    async with fleet(folder, redis_url, limits={"per_connection": PLACES}) as running:
        await running.learn()
        yield running


async def opened(running: Fleet, vendor: str) -> None:
    """Has the first replica find a vendor sick."""
    path = await running.path(vendor)
    for _ in range(ASKED):
        if is_held_back(await running.replicas[0].ask("GET", path)):
            return
    raise AssertionError("the breaker does not open")


async def test_a_breaker_that_one_replica_opens_blocks_the_others_within_a_second(
    three: Fleet,
) -> None:
    """F16: no call of theirs reaches the vendor any more, and one alone tries it out for all."""
    path, create = await three.path("close"), SPOKEN["close"].act("create", "acme-close", "")
    await three.spoil("close", BROKEN)
    await opened(three, "close")
    before = await three.reads("close")
    await asyncio.sleep(WITHIN_SECONDS)
    for replica in three.replicas:
        held_back = await replica.ask("GET", path)
        assert is_held_back(held_back)
        assert int(held_back.headers["retry-after"]) >= 1
        assert is_held_back(await create.ask(replica))
        connection = await replica.ask("GET", "/v1/connections/acme-close")
        assert connection.json["state"] == "degraded"
    assert await three.reads("close") == before
    answers = []
    while await three.reads("close") == before:
        answers = await crowd(three.replicas, path, 10)
        await asyncio.sleep(0.1)
    assert await three.reads("close") == before + 1
    assert statuses(answers) == {503: 3 * 10 - 1, 502: 1}


async def test_where_only_creates_come_a_read_goes_first(three: Fleet) -> None:
    """F16: a vendor that may be sick still is never tried out with a create."""
    create = SPOKEN["coperniq"].act("create", "acme-coperniq", "")
    await three.spoil("coperniq", BROKEN)
    await opened(three, "coperniq")
    await three.sandbox.reset()
    answer = await create.ask(three.replicas[0])
    while is_held_back(answer):
        assert answer.json["outcome"] == "not_applied"
        await asyncio.sleep(0.2)
        answer = await create.ask(three.replicas[0])
    assert answer.status == 201
    ledger = await three.sandbox.ledger("coperniq")
    assert ledger.requests[0]["method"] == "GET"
    assert len(ledger.effects) == 1


STORMS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "all": ("slant", [{"fault": BROKEN, "times": MANY}]),
    "every-second": (
        "reevo",
        [{"fault": BROKEN, "times": 1, "skip": number + 1} for number in range(ASKED)],
    ),
    "flapping": (
        "close",
        [{"fault": BROKEN, "times": 15, "skip": 15 * number} for number in range(ASKED // 15)],
    ),
    "503-with-a-time": (
        "coperniq",
        [{"fault": {"kind": "status", "status": 503, "headers": {"retry-after": "1"}},
          "times": MANY}],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("vendor", "scripts"), STORMS.values(), ids=STORMS)
async def test_a_storm_is_not_made_worse(
    tmp_path_factory: pytest.TempPathFactory,
    redis_url: str,
    vendor: str,
    scripts: list[dict[str, Any]],
) -> None:
    """F16: the vendor has at most 1.2 calls for each that was asked for; the others have theirs."""
    breaker = {"calls": 10, "seconds": 1}
    async with fleet(tmp_path_factory.mktemp("storm"), redis_url, breaker=breaker) as running:
        await running.learn()
        path = await running.path(vendor)
        before = await running.reads(vendor)
        for script in scripts:
            await running.spoil(vendor, **script)
        others = [await running.path(other) for other in VENDORS if other != vendor]
        asked = 0
        for _ in range(ASKED // 10):
            asked += len(await crowd(running.replicas, path, 10))
            for other in others:
                assert statuses(await crowd(running.replicas, other, 2)) == {200: 2}
        assert await running.reads(vendor) - before <= 1.2 * asked


async def test_a_vendor_that_hangs_fills_its_own_places_alone(narrow: Fleet) -> None:
    """F17: so many calls at once and as many in wait; the others are sent away, not kept."""
    await narrow.spoil("close", HANGING)
    path, gateway = await narrow.path("close"), narrow.replicas[0]
    before = await narrow.reads("close")
    hanging = asyncio.ensure_future(crowd([gateway], path, 5 * PLACES))
    while await narrow.reads("close") < before + PLACES:  # noqa: ASYNC110 - it cannot tell us
        await asyncio.sleep(0.02)
    for vendor in VENDORS:
        if vendor != "close":
            answers = await crowd([gateway], await narrow.path(vendor), 5)
            assert statuses(answers) == {200: 5}, vendor
    assert not hanging.done()
    assert await narrow.reads("close") == before + PLACES
    codes = Counter(answer.code for answer in await hanging)
    assert codes["vendor-timeout"] >= PLACES
    assert codes["overloaded"] >= 3 * PLACES
    assert set(codes) <= {"vendor-timeout", "overloaded", "deadline-exceeded"}


def throttled(**headers: str) -> dict[str, Any]:
    """A refusal for its rate; keyword names become headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"kind": "status", "status": 429, "headers": named, "body": {}}


WAITED_FOR: dict[str, Callable[[], dict[str, Any]]] = {
    "seconds": lambda: throttled(retry_after="1"),
    "date": lambda: throttled(retry_after=formatdate(time() + 2, usegmt=True)),
    "past-date": lambda: throttled(retry_after=formatdate(time() - 3600, usegmt=True)),
    "junk": lambda: throttled(retry_after="a while"),
    "none": throttled,
}


@pytest.mark.parametrize("operation", ["get", "create", "update"])
async def test_a_rate_limit_is_waited_for(narrow: Fleet, operation: str) -> None:
    """F15: in whatever form the vendor says when; the write is made once, and once alone."""
    await narrow.sandbox.reset()
    record_id, other_id, *_ = await narrow.sandbox.records("reevo")
    act = SPOKEN["reevo"].act(operation, "acme-reevo", record_id)
    calm = SPOKEN["reevo"].act("get", "acme-reevo", other_id)
    for refusal in WAITED_FOR.values():
        for _ in range(2 * Budget.SHARE):
            assert (await calm.ask(narrow.replicas[0])).status == 200
        await act.spoil(narrow.sandbox, "reevo", refusal())
        answer = await act.ask(narrow.replicas[0])
        assert answer.status == (201 if operation == "create" else 200), answer.content
    ledger = await narrow.sandbox.ledger("reevo")
    assert len(ledger.effects) == (0 if operation == "get" else len(WAITED_FOR))
    assert act.calls(ledger) == 2 * len(WAITED_FOR)


@pytest.mark.parametrize(
    ("vendor", "operation", "given", "told"),
    [
        ("slant", "get", "90", (80, 90)),
        ("coperniq", "create", "9" * 18, (290, 300)),
    ],
)
async def test_a_rate_limit_of_ages_is_told(
    narrow: Fleet, vendor: str, operation: str, given: str, told: tuple[int, int]
) -> None:
    """F15: 429 with a sane time to come again, and nothing was applied."""
    await narrow.sandbox.reset()
    record_id = next(iter(await narrow.sandbox.records(vendor)))
    act = SPOKEN[vendor].act(operation, f"acme-{vendor}", record_id)
    await act.spoil(narrow.sandbox, vendor, throttled(retry_after=given))
    answer = await act.ask(narrow.replicas[0])
    assert (answer.status, answer.code) == (429, "rate-limited")
    assert answer.json.get("outcome") == (None if operation == "get" else "not_applied")
    least, most = told
    assert least <= int(answer.headers["retry-after"]) <= most
    assert (await narrow.sandbox.ledger(vendor)).effects == []
