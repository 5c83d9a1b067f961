"""The use cases: what a conversation costs, whom it waits for, and what it makes of junk."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.canonical.opportunity import OpportunityPatch
from gateway.errors import DeadlineExceeded, StaleVersion, ValidationFailed
from gateway.opportunities import Terms
from tests.records import VENDORS, calls, made
from tests.sandboxed import Sandboxed, sandboxed

FOREVER = 1e12
"""A deadline that does not come, on the event loop's clock."""
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    LEAVES,
    lambda json: (
        st.lists(json, max_size=3) | st.dictionaries(st.text(max_size=8), json, max_size=3)
    ),
    max_leaves=6,
)


def terms(**members: Any) -> Terms:
    """Terms without a deadline, unless one is given."""
    return Terms(**{"until": FOREVER, "patience": FOREVER, **members})


def use_cases(house: Sandboxed) -> Any:
    """The use cases of a running gateway, and its connections."""
    inner = house.app.state.house
    return inner.opportunities, inner.connections


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_read_costs_one_call_once_the_catalogue_is_known(vendor: str) -> None:
    """Nothing is asked of a vendor that is not needed."""
    async with sandboxed() as house:
        record = await made(house, vendor)
        opportunities, connections = use_cases(house)
        at = connections[f"acme-{vendor}"]
        await opportunities.speak(at, terms()).catalogue()
        asked = terms()
        found = await opportunities.get(at, record["vendor_id"], asked)
        assert (found.id, asked.calls) == (record["id"], 1)


async def test_a_condition_and_a_need_share_one_read() -> None:
    """An update that has to read first, and is conditional, reads once."""
    async with sandboxed() as house:
        record = await made(house, "coperniq")
        opportunities, connections = use_cases(house)
        at = connections["acme-coperniq"]
        found = await opportunities.get(at, record["vendor_id"], terms())
        asked = terms(if_match=[found.etag])
        patch = OpportunityPatch(description="Two storeys.")
        before = calls(house)
        await opportunities.update(at, record["vendor_id"], patch, asked)
        assert asked.calls == calls(house) - before
        made_calls = house.vendor("coperniq").ledger.requests[before:]
        own = f"/{record['vendor_id']}"
        assert [call.method for call in made_calls if call.path.endswith(own)] == ["GET", "PATCH"]


async def test_a_stale_version_names_the_current_one() -> None:
    """So that the caller need not ask for it."""
    async with sandboxed() as house:
        record = await made(house, "close")
        opportunities, connections = use_cases(house)
        at = connections["acme-close"]
        found = await opportunities.get(at, record["vendor_id"], terms())
        with pytest.raises(StaleVersion) as caught:
            await opportunities.delete(at, record["vendor_id"], terms(if_match=['"x"']))
        assert caught.value.etag == found.etag


async def test_nobody_waits_for_anothers_catalogue_beyond_its_own_time() -> None:
    """One request reads the catalogue slowly; another with less time gives up on it."""
    async with sandboxed() as house:
        opportunities, connections = use_cases(house)
        at = connections["acme-close"]
        house.vendor("close").faults.add({"fault": {"kind": "hang"}})
        slow = asyncio.create_task(opportunities.speak(at, terms()).catalogue())
        for _ in range(100):
            await asyncio.sleep(0)
        assert calls(house) == 1
        hasty = terms(until=asyncio.get_running_loop().time())
        with pytest.raises(DeadlineExceeded):
            await opportunities.speak(at, hasty).catalogue()
        assert not slow.done()
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert (await opportunities.speak(at, terms()).catalogue()).pipelines


@pytest.mark.parametrize("vendor", VENDORS)
@settings(max_examples=40)
@given(junk=st.lists(st.tuples(st.integers(0, 99), JSON), min_size=1, max_size=4))
async def test_any_record_is_read_or_refused(vendor: str, junk: list[tuple[int, Any]]) -> None:
    """A caller may show what it likes: it is read as far as it goes, and is no fault of ours."""
    async with sandboxed() as house:
        stored = next(iter(house.vendor(vendor).records))
        opportunities, connections = use_cases(house)
        at = connections[f"acme-{vendor}"]
        record = deepcopy((await opportunities.get(at, stored, terms())).raw)
        inner = record.get("attributes", record)
        places = [(record, name) for name in record] + [(inner, name) for name in inner]
        for place, value in junk:
            holder, name = places[place % len(places)]
            holder[name] = value
        pointers = []
        try:
            await opportunities.reading(at, record, terms())
        except ValidationFailed as error:
            pointers = [fault.pointer for fault in error.faults]
        assert pointers in ([], ["/record"])


async def test_what_follows_from_a_catalogue_is_worked_out_once_a_connection() -> None:
    """Contexts of one connection and catalogue share it; another catalogue starts afresh."""
    async with sandboxed() as house:
        opportunities, connections = use_cases(house)
        talk = opportunities.speak(connections["acme-close"], terms())
        before, again = talk.context(), talk.context()
        assert before.worked_out is again.worked_out
        informed = await talk.informed()
        assert informed.catalogue.known
        assert informed.worked_out is not before.worked_out
        assert talk.context().worked_out is informed.worked_out
