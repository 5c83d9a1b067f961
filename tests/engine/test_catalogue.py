"""Catalogues: kept for a while, loaded once for all who wait, read anew at most once a minute."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.canonical.pipeline import Catalogue, Person, Pipeline, Stage
from gateway.engine.catalogue import KEEP_SECONDS, REFRESH_SECONDS, Catalogues
from gateway.errors import NotSent

Load = Callable[[], Awaitable[Catalogue]]


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Loads:
    """A vendor's catalogue, counted: each load finds one user more."""

    def __init__(self) -> None:
        self.made = 0

    async def __call__(self) -> Catalogue:
        """Loads it."""
        self.made += 1
        await asyncio.sleep(0)
        return Catalogue(users=tuple(Person(id=str(each)) for each in range(self.made)))


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def catalogues(clock: Clock) -> Catalogues:
    """Catalogues of which none is known yet."""
    return Catalogues(clock)


@pytest.fixture
def load() -> Loads:
    """A vendor that is asked for its catalogue."""
    return Loads()


async def test_a_catalogue_is_kept(catalogues: Catalogues, clock: Clock, load: Loads) -> None:
    """Until it is old; then it is loaded again."""
    assert not catalogues.fresh("a")
    first = await catalogues.get("a", load)
    clock.now += KEEP_SECONDS - 1
    assert catalogues.fresh("a")
    assert await catalogues.get("a", load) == first == catalogues.held("a")
    assert load.made == 1
    clock.now += 1
    assert not catalogues.fresh("a")
    assert catalogues.held("a") == first
    assert await catalogues.get("a", load) != first
    assert load.made == 2


async def test_each_connection_has_its_own(catalogues: Catalogues, load: Loads) -> None:
    """What one offers is nothing to another."""
    await catalogues.get("a", load)
    assert catalogues.held("b") == Catalogue()
    await catalogues.get("b", load)
    assert load.made == 2


async def test_all_who_wait_share_one_load(catalogues: Catalogues, load: Loads) -> None:
    """However many ask at the same time."""
    found = await asyncio.gather(*(catalogues.get("a", load) for _ in range(20)))
    assert load.made == 1
    assert all(catalogue == found[0] for catalogue in found)


async def test_a_fresh_one_is_read_at_most_once_a_minute(
    catalogues: Catalogues, clock: Clock, load: Loads
) -> None:
    """An unknown name costs the vendor no more than that."""
    await catalogues.get("a", load)
    for _ in range(5):
        await catalogues.get("a", load, anew=True)
    clock.now += REFRESH_SECONDS - 1
    await catalogues.get("a", load, anew=True)
    assert load.made == 1
    clock.now += 1
    await asyncio.gather(*(catalogues.get("a", load, anew=True) for _ in range(5)))
    assert load.made == 2


async def test_a_failed_load_is_raised_and_not_kept(
    catalogues: Catalogues, clock: Clock, load: Loads
) -> None:
    """The next one tries again; what was known before is still known."""

    async def fails() -> Catalogue:
        raise NotSent("x")

    with pytest.raises(NotSent):
        await catalogues.get("a", fails)
    assert not catalogues.fresh("a")
    known = await catalogues.get("a", load)
    clock.now += KEEP_SECONDS
    with pytest.raises(NotSent):
        await catalogues.get("a", fails)
    assert catalogues.held("a") == known


async def test_a_cancelled_load_leaves_the_place_free(catalogues: Catalogues, load: Loads) -> None:
    """Who loads for others may hang up; the next one loads."""

    async def hangs() -> Catalogue:
        await asyncio.Event().wait()
        return Catalogue()

    loading = asyncio.create_task(catalogues.get("a", hangs))
    waiting = asyncio.create_task(catalogues.get("a", load))
    await asyncio.sleep(0)
    loading.cancel()
    assert len((await waiting).users or ()) == 1
    with pytest.raises(asyncio.CancelledError):
        await loading


async def test_nobody_waits_beyond_its_time(catalogues: Catalogues, load: Loads) -> None:
    """Another's slow load is given up; it goes on for the others."""
    gate = asyncio.Event()

    async def slow() -> Catalogue:
        await gate.wait()
        return await load()

    loading = asyncio.create_task(catalogues.get("a", slow))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await catalogues.get("a", load, until=asyncio.get_running_loop().time())
    gate.set()
    assert await loading == catalogues.held("a")
    assert load.made == 1


def pipeline(pipeline_id: str, *stages: str) -> Pipeline:
    """A pipeline with stages of these ids."""
    return Pipeline(id=pipeline_id, stages=tuple(Stage(id=each) for each in stages))


async def test_pipelines_that_records_showed_are_remembered(catalogues: Catalogues) -> None:
    """Behind those that the vendor lists; a later sight replaces an earlier one."""
    catalogues.saw("a", [])
    assert catalogues.held("a") == Catalogue()
    catalogues.saw("a", [pipeline("p1", "old"), pipeline("p2", "x")])
    catalogues.saw("a", [pipeline("p1", "new")])
    seen = catalogues.held("a").pipelines
    assert seen == (pipeline("p1", "new"), pipeline("p2", "x"))
    assert not catalogues.fresh("a")

    async def lists() -> Catalogue:
        return Catalogue(pipelines=(pipeline("p2", "listed"), pipeline("p3")))

    found = await catalogues.get("a", lists)
    assert found.pipelines == (pipeline("p1", "new"), pipeline("p2", "listed"), pipeline("p3"))


def test_a_currency_that_a_record_showed_stands_until_the_vendor_tells_its_own() -> None:
    """A connection whose records are in another currency is to be seen as such."""
    catalogues = Catalogues(Clock())
    catalogues.saw("a", [], "EUR")
    assert catalogues.held("a").currency == "EUR"
    catalogues.saw("a", [])
    assert catalogues.held("a").currency == "EUR"


async def test_a_currency_that_a_record_showed_is_remembered(catalogues: Catalogues) -> None:
    """Until the vendor itself says the account's, which counts."""
    catalogues.saw("a", [], "EUR")
    assert catalogues.held("a").currency == "EUR"
    catalogues.saw("a", [pipeline("p1")])
    assert catalogues.held("a").currency == "EUR"

    async def silent() -> Catalogue:
        return Catalogue()

    assert (await catalogues.get("a", silent)).currency == "EUR"

    async def says() -> Catalogue:
        return Catalogue(currency="USD")

    catalogues.saw("b", [], "EUR")
    assert (await catalogues.get("b", says)).currency == "USD"
