"""The list over several connections: its budget of vendor calls, and what it remembers."""

from typing import Any

import pytest

from gateway.errors import GatewayError, OperationUnsupported, UnsupportedFilter
from gateway.listing import MAX_CALLS, NOT_LISTED_SECONDS, Drained, Listing, Position, Wanted
from gateway.opportunities import Terms
from tests.records import calls
from tests.sandboxed import Sandboxed, sandboxed, tree

FOREVER = 1e12
"""A deadline that does not come, on the event loop's clock."""


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def several(vendor: str, number: int) -> dict[str, Any]:
    """A configuration of as many connections to one vendor."""
    configured = tree()
    pattern = configured["connections"][f"acme-{vendor}"]
    names = (f"{vendor}-{each:02}" for each in range(number))
    return {**configured, "connections": dict.fromkeys(names, pattern)}


def terms() -> Terms:
    """The terms of one page."""
    return Terms(until=FOREVER, patience=FOREVER)


async def drained(
    house: Sandboxed, wanted: Wanted, listing: Listing | None = None
) -> list[Drained]:
    """Every page of a list; none costs more calls than it may."""
    inner = house.app.state.house
    found: list[Drained] = []
    start: Position | None = Position(wanted.connections)
    while start is not None:
        page_terms = terms()
        page = await (listing or inner.listing).page(inner.connections, start, wanted, page_terms)
        assert page_terms.calls <= MAX_CALLS
        found.append(page)
        start = page.next
    return found


def wanted(house: Sandboxed, **members: Any) -> Wanted:
    """A query over all connections."""
    names = tuple(house.app.state.house.connections)
    return Wanted(**{"connections": names, "filters": {}, **members})


async def test_a_page_costs_ten_calls_and_no_more() -> None:
    """Twenty-five connections with a page each are three pages of the list."""
    async with sandboxed(several("slant", 25)) as house:
        records = len(house.vendor("slant").records)
        found = await drained(house, wanted(house, limit=10_000))
        assert [len(page.items) for page in found] == [10 * records, 10 * records, 5 * records]
        assert calls(house) == 25


async def test_a_catalogue_counts_in_the_budget() -> None:
    """A connection whose catalogue may not fit any more is left to the next page."""
    async with sandboxed(several("close", 6)) as house:
        listed = await house.ask("GET", "/v1/connections/close-00/pipelines")
        asked = wanted(house, filters={"pipeline_id": listed.json["items"][0]["id"]}, limit=200)
        found = await drained(house, asked)
        assert len(found) > 1
        connections = {item.connection for page in found for item in page.items}
        assert connections == set(asked.connections)


@pytest.mark.parametrize("limit", [1, 30, 99, 100, 101, 150, 200])
async def test_vendor_pages_fill_a_page_without_a_remainder(limit: int) -> None:
    """No record of a vendor page is thrown away and read once more for the next."""
    async with sandboxed(several("close", 1)) as house:
        close = house.vendor("close")
        pattern = next(iter(close.records.values()))
        close.records.clear()
        for number in range(230):
            close.records[f"oppo_{number}"] = {**pattern, "id": f"oppo_{number}"}
        found = await drained(house, wanted(house, limit=limit))
        assert all(len(page.items) <= limit for page in found)
        assert len({item.id for page in found for item in page.items}) == 230
        sizes = [_limit_of(call.query) for call in close.ledger.requests]
        assert sum(sizes) < 230 + max(sizes)


def _limit_of(query: str) -> int:
    pairs = dict(pair.split("=") for pair in query.split("&"))
    return int(pairs["_limit"])


async def test_a_record_that_a_moving_list_shows_twice_comes_once() -> None:
    """Within one page at least: a later page is not compared."""
    page = Drained(None)
    async with sandboxed() as house:
        found = await drained(house, wanted(house, connections=("acme-close",), limit=100))
    items = found[0].items
    page.add(items)
    page.add([items[3], items[5]])
    assert page.items == items


async def test_a_missing_list_is_remembered_for_an_hour() -> None:
    """After that the vendor is asked again: it may have one by now."""
    async with sandboxed() as house:
        clock = Clock()
        listing = Listing(house.app.state.house.opportunities, clock)
        asked = wanted(house, connections=("acme-slant",), named=True)
        slant = house.vendor("slant")
        slant.faults.add({"fault": {"kind": "status", "status": 405}})
        for _ in range(2):
            with pytest.raises(OperationUnsupported):
                await drained(house, asked, listing)
        clock.now = NOT_LISTED_SECONDS - 1
        with pytest.raises(OperationUnsupported):
            await drained(house, asked, listing)
        assert len(slant.ledger.requests) == 1
        clock.now = NOT_LISTED_SECONDS
        assert await drained(house, asked, listing)


async def test_every_unsupported_filter_is_named() -> None:
    """All of one connection at once, a sort among them."""
    async with sandboxed() as house:
        asked = wanted(
            house,
            connections=("acme-slant",),
            filters={"q": "x", "status": "won", "stage_id": "1"},
            sort="name",
            named=True,
        )
        with pytest.raises(UnsupportedFilter) as caught:
            await drained(house, asked)
        assert [fault.parameter for fault in caught.value.faults] == [
            "status", "stage_id", "q", "sort",
        ]  # fmt: skip
        assert calls(house) == 0


async def test_a_vendor_that_hides_no_archived_records_has_none_to_include() -> None:
    """Asking for archived ones leaves no connection out that could not hold any back."""
    async with sandboxed() as house:
        with_them = await house.ask("GET", "/v1/opportunities?include_archived=true&limit=200")
        without = await house.ask("GET", "/v1/opportunities?limit=200")
        assert with_them.json["errors"] == []
        assert len(with_them.json["items"]) >= len(without.json["items"])


async def test_a_list_with_every_connection_broken_raises_the_first_problem() -> None:
    """Also where some had begun to answer: what they gave comes again with the next attempt."""
    async with sandboxed(several("close", 2)) as house:
        close = house.vendor("close")
        pattern = next(iter(close.records.values()))
        for number in range(150):
            close.records[f"oppo_{number}"] = {**pattern, "id": f"oppo_{number}"}
        close.faults.add({"fault": {"kind": "status", "status": 503}, "skip": 1, "times": 9})
        with pytest.raises(GatewayError) as caught:
            await drained(house, wanted(house, limit=200))
        assert caught.value.connection == "close-00"
