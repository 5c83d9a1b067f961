"""Every filter and sort of every connection is called once, and the answer keeps to it."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from gateway.canonical.opportunity import Opportunity
from gateway.canonical.query import FILTERS, SORTS
from gateway.normalizer.dates import moment
from tests.conformance.asking import Asking
from tests.conformance.samples import CONNECTIONS, TARGETS, VENDOR_OF, seeded
from tests.sandboxed import Sandboxed

by_connection = pytest.mark.parametrize("connection", CONNECTIONS)


def _id(thing: Any) -> str | None:
    return thing.id if thing is not None else None


def _texts(item: Opportunity) -> str:
    """What a full-text search may find: everything that is shown."""
    return str(item.model_dump()).casefold()


TOLD: Mapping[str, Callable[[Opportunity], Any]] = {
    "status": lambda item: item.status,
    "stage_id": lambda item: _id(item.stage),
    "pipeline_id": lambda item: _id(item.pipeline),
    "owner_id": lambda item: _id(item.owner),
    "account_id": lambda item: _id(item.account),
    "external_id": lambda item: item.external_id,
    "updated_after": lambda item: item.updated_at,
    "updated_before": lambda item: item.updated_at,
    "created_after": lambda item: item.created_at,
    "created_before": lambda item: item.created_at,
    "q": lambda item: item.name,
    "expected_close_date": lambda item: item.expected_close_date,
    "value.amount": lambda item: item.value and Decimal(item.value.amount or 0),
    "name": lambda item: item.name,
    "created_at": lambda item: moment(item.created_at),
    "updated_at": lambda item: moment(item.updated_at),
}
"""What a filter or a sort goes by."""


def fits(name: str, item: Opportunity, wanted: str) -> bool:
    """Whether a record satisfies a filter (api.md 2: bounds are inclusive)."""
    if name == "q":
        return wanted.casefold() in _texts(item)
    told = TOLD[name](item)
    if name.endswith("_after"):
        return moment(told) >= moment(wanted)
    if name.endswith("_before"):
        return moment(told) <= moment(wanted)
    return bool(told == wanted)


UNTOLD: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "coperniq": lambda stored: stored["status"] == "COMPLETED",
}
"""Vendors that search by a status which no answer shows: what is won, as it is stored."""


@by_connection
@pytest.mark.parametrize("name", FILTERS)
async def test_filter_cells(house: Sandboxed, connection: str, name: str) -> None:
    """A filter leaves exactly what satisfies it; one that is not there costs no vendor call."""
    asking = Asking(house, connection)
    cells = await asking.cells()
    if name == "external_id" and cells["listing"]["filters"].get(name):
        await asking.update({"external_id": "erp-7001"})
    everything = await listed(asking)
    wanted = "won" if name == "status" else TOLD[name](chosen(everything, name)) or "nobody"
    asking.vendor.ledger.clear()
    answered = await asking.page(**{name: wanted})
    if cells["listing"]["filters"].get(name, "unsupported") == "unsupported":
        assert (answered.status, answered.code) == (422, "unsupported-filter"), answered.json
        assert [fault["parameter"] for fault in answered.json["errors"]] == [name]
        assert asking.calls == 0
        return
    assert answered.status == 200, answered.json
    untold = UNTOLD.get(VENDOR_OF[connection]) if name == "status" else None
    expected = {
        item.id
        for item in everything
        if (untold(asking.stored(item.vendor_id)) if untold else fits(name, item, wanted))
    }
    assert expected
    assert {item["id"] for item in answered.json["items"]} == expected
    assert len(expected) < len(everything)


@by_connection
@pytest.mark.parametrize("name", ["stage_id", "owner_id", "account_id"])
async def test_an_id_that_is_nobodys_has_no_records(
    house: Sandboxed, connection: str, name: str
) -> None:
    """Where such a filter is, the answer is an empty list, also if the vendor refuses the id."""
    asking = Asking(house, connection)
    filters = (await asking.cells())["listing"]["filters"]
    answered = await asking.page(**{name: "nobody"})
    if filters.get(name, "unsupported") == "unsupported":
        assert answered.code == "unsupported-filter"
    else:
        assert answered.status == 200, answered.json
        assert (answered.json["items"], answered.json["next_cursor"]) == ([], None)


@by_connection
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
async def test_sort_cells(house: Sandboxed, connection: str, sort: str, sign: str) -> None:
    """A sort orders what has a value and loses nothing; one that is not there costs no call."""
    asking = Asking(house, connection)
    cells = await asking.cells()
    if cells["fields"]["expected_close_date"]["update"] != "unsupported":
        await asking.update({"expected_close_date": "2031-03-14"}, seeded(connection)[1])
    asking.vendor.ledger.clear()
    answered = await asking.page(sort=sign + sort)
    if cells["listing"]["sorts"].get(sort, "unsupported") == "unsupported":
        assert (answered.status, answered.code) == (422, "unsupported-filter"), answered.json
        assert [fault["parameter"] for fault in answered.json["errors"]] == ["sort"]
        assert asking.calls == 0
        return
    assert answered.status == 200, answered.json
    items = [Opportunity.model_validate(item) for item in answered.json["items"]]
    known = [value for item in items if (value := TOLD[sort](item)) is not None]
    assert len(set(known)) > 1
    assert known == sorted(known, reverse=bool(sign))
    assert {item.id for item in items} == {item.id for item in await listed(asking)}


@by_connection
async def test_archived_cells(house: Sandboxed, connection: str) -> None:
    """Archived records are listed where they were asked for and the vendor can, else nowhere."""
    asking = Asking(house, connection)
    cell = (await asking.cells())["listing"]["include_archived"]
    assert not any(item.archived for item in await listed(asking))
    asking.vendor.ledger.clear()
    answered = await asking.page(include_archived="true")
    if cell == "unsupported":
        assert (answered.status, answered.code) == (422, "unsupported-filter")
        assert asking.calls == 0
    elif cell == "native":
        assert any(item["archived"] for item in answered.json["items"])
    else:
        assert answered.status == 200


async def listed(asking: Asking) -> list[Opportunity]:
    """Everything that an unfiltered list shows."""
    answered = await asking.page()
    assert answered.status == 200, answered.json
    assert answered.json["next_cursor"] is None
    return [Opportunity.model_validate(item) for item in answered.json["items"]]


def chosen(everything: Iterable[Opportunity], name: str) -> Opportunity:
    """A record whose value is filtered by: some are on either side of its times."""
    telling = [item for item in everything if TOLD[name](item)]
    telling.sort(key=lambda item: str(TOLD[name](item)))
    targets = [item for item in telling if item.vendor_id == TARGETS[item.connection]]
    return (targets or telling or [*everything])[len(targets or telling) // 2]
