"""Every cell of every connection's capabilities is called, and the sandbox agrees with it."""

from typing import Any

import pytest

from gateway.canonical.opportunity import Opportunity, OpportunityPatch
from gateway.conformance import meanings
from gateway.normalizer.dialect import FIELDS
from gateway.vendors import installed
from tests.conformance.asking import Asking, named, vendor_id_of
from tests.conformance.samples import (
    ARCHIVED,
    CONNECTIONS,
    FULL,
    TAKING,
    TARGETS,
    VENDOR_OF,
    Sample,
    sample,
)
from tests.sandboxed import Answered, Sandboxed, sandboxed

SENDABLE = OpportunityPatch.model_fields.keys() & FIELDS

by_connection = pytest.mark.parametrize("connection", CONNECTIONS)
by_field = pytest.mark.parametrize("name", FIELDS)
by_own_place = pytest.mark.parametrize("name", ["external_id", "name"])


@by_connection
@by_field
async def test_read_cells(house: Sandboxed, connection: str, name: str) -> None:
    """What can be read is shown by some record, what cannot by none."""
    await reads(Asking(house, connection), name)


@by_connection
@by_field
@pytest.mark.parametrize("action", ["create", "update", "clear"])
async def test_write_cells(house: Sandboxed, connection: str, name: str, action: str) -> None:
    """What can be written is stored and shown; what cannot costs no call, or one warning."""
    await writes(Asking(house, connection), name, action)


@by_connection
@by_own_place
async def test_read_cells_without_options(bare: Sandboxed, connection: str, name: str) -> None:
    """A field that only an option gives a place is read nowhere without it."""
    await reads(Asking(bare, connection), name)


@by_connection
@by_own_place
@pytest.mark.parametrize("action", ["create", "update", "clear"])
async def test_write_cells_without_options(
    bare: Sandboxed, connection: str, name: str, action: str
) -> None:
    """A field that only an option gives a place is written nowhere without it."""
    await writes(Asking(bare, connection), name, action)


@by_connection
async def test_refusals_need_not_know_the_vendor(connection: str) -> None:
    """What no connection of a vendor can is refused by a gateway that has asked nothing yet."""
    async with sandboxed(FULL) as cold:
        asking = Asking(cold, connection)
        cells = installed()[VENDOR_OF[connection]].capabilities().model_dump()
        for name in FIELDS:
            for action in ("create", "update", "clear"):
                if name in SENDABLE and cells["fields"][name][action] == "unsupported":
                    chosen = sample(connection, name, action)
                    await is_refused(asking, cells, name, action, chosen)


async def reads(asking: Asking, name: str) -> None:
    """Holds a read cell against everything that the vendor shows."""
    can = (await asking.cells())["fields"][name]
    chosen = sample(asking.connection, name)
    if name in SENDABLE and "unsupported" not in (can["update"], can["read"]):
        asking.vendor.set_options(TAKING.get((asking.connection, name, "update"), {}))
        answered = await asking.update({**chosen.beside, name: chosen.sent}, chosen.on)
        assert answered.status == 200, answered.json
    items = [Opportunity.model_validate(item) for item in (await asking.page()).json["items"]]
    if asking.connection in ARCHIVED:
        items.append(await asking.get(ARCHIVED[asking.connection]))
    shown = any(getattr(item, name) not in (None, "", (), {}, False) for item in items)
    assert len(items) > 10
    assert shown is (can["read"] != "unsupported" and can["reads_back"] != "never")


async def writes(asking: Asking, name: str, action: str) -> None:
    """Holds one of the other cells against a write."""
    cells = await asking.cells()
    cell = cells["fields"][name][action]
    chosen = sample(asking.connection, name, action)
    if name not in SENDABLE:
        assert cell == "unsupported"
        await is_no_member(asking, name)
    elif cell == "unsupported":
        await is_refused(asking, cells, name, action, chosen)
        await is_left_out(asking, cells, name, action, chosen)
    else:
        asking.vendor.set_options(TAKING.get((asking.connection, name, action), {}))
        await {"create": creates, "update": updates, "clear": clears}[action](
            asking, cells, name, chosen
        )


async def is_no_member(asking: Asking, name: str) -> None:
    """A field that is the vendor's alone is no part of a request (api.md 1)."""
    for answered in (await asking.create({name: None}), await asking.update({name: None})):
        assert answered.status == 422
        assert [fault["pointer"] for fault in answered.json["errors"]] == [f"/{name}"]
    assert asking.calls == 0


async def is_refused(asking: Asking, cells: Any, name: str, action: str, chosen: Sample) -> None:
    """Strict handling refuses a field that the vendor cannot take, without a vendor call."""
    answered = await sends(asking, cells, name, action, chosen)
    assert (answered.status, answered.code) == (422, "unsupported-field"), answered.json
    assert [fault["pointer"] for fault in answered.json["errors"]] == [
        pointer(name, chosen, action)
    ]
    assert answered.json["outcome"] == "not_applied"
    assert asking.calls == 0


async def is_left_out(asking: Asking, cells: Any, name: str, action: str, chosen: Sample) -> None:
    """Lenient handling leaves it out whole, says so once, and writes nothing in its stead."""
    before = asking.stored()
    answered = await sends(asking, cells, name, action, chosen, lenient=True)
    assert answered.status == (201 if action == "create" else 200), answered.json
    assert answered.headers["Preference-Applied"] == "handling=lenient"
    told = [(one["code"], one["pointer"]) for one in answered.json["warnings"]]
    assert told == [("unsupported-field", pointer(name, chosen, action))]
    assert asking.effects == (["create"] if action == "create" else [])
    assert asking.stored() == before


async def creates(asking: Asking, cells: Any, name: str, chosen: Sample) -> None:
    """A create holds the value, and made one record."""
    before = set(asking.vendor.records)
    answered = await sends(asking, cells, name, "create", chosen)
    assert answered.status == 201, answered.json
    assert asking.effects.count("create") == 1
    assert asking.vendor.records.keys() - before == {vendor_id_of(answered)}
    await shows(asking, cells, name, chosen, answered)


async def updates(asking: Asking, cells: Any, name: str, chosen: Sample) -> None:
    """An update changes the vendor's record once, and the answer holds the value."""
    before = asking.stored(chosen.on)
    answered = await sends(asking, cells, name, "update", chosen)
    assert answered.status == 200, answered.json
    assert asking.effects == ["update"]
    assert asking.stored(chosen.on) != before
    await shows(asking, cells, name, chosen, answered)


async def clears(asking: Asking, cells: Any, name: str, chosen: Sample) -> None:
    """A null leaves nothing of a value that was there."""
    filled = await sends(asking, cells, name, "update", chosen)
    assert filled.status == 200, filled.json
    answered = await sends(asking, cells, name, "clear", chosen)
    assert answered.status == 200, answered.json
    assert asking.effects == ["update", "update"]
    again = await asking.get(chosen.on or TARGETS[asking.connection])
    for shown in (Opportunity.model_validate(answered.json), again):
        held = getattr(shown, name)
        gone = [key for key in chosen.sent if key in held] if name == "custom_fields" else held
        assert gone in (None, "", (), []), shown


async def shows(asking: Asking, cells: Any, name: str, chosen: Sample, answered: Answered) -> None:
    """The answer and the next reading hold what was sent, or a warning says that none can."""
    told = {(one["code"], one["pointer"]) for one in answered.json["warnings"]}
    never = cells["fields"][name]["reads_back"] == "never"
    assert (("cannot-be-read-back", f"/{name}") in told) is never
    again = await asking.get(vendor_id_of(answered))
    assert again.etag == answered.json["etag"] == answered.headers["ETag"]
    for shown in (Opportunity.model_validate(answered.json), again):
        assert never or meanings.shows(name, chosen.sent, getattr(shown, name)), shown


async def sends(
    asking: Asking, cells: Any, name: str, action: str, chosen: Sample, *, lenient: bool = False
) -> Answered:
    """A write of one field, with what has to stand beside it."""
    if action == "create":
        body = {**named(cells), **chosen.beside, name: chosen.sent}
        return await asking.create(body, lenient=lenient)
    if action == "update":
        body = {**chosen.beside, name: chosen.sent}
        return await asking.update(body, chosen.on, lenient=lenient)
    nulls = dict.fromkeys(chosen.sent) if name == "custom_fields" else None
    return await asking.update({name: nulls}, chosen.on, lenient=lenient)


def pointer(name: str, chosen: Sample, action: str) -> str:
    """Where a refusal points: a custom value is cleared by its key."""
    by_key = name == "custom_fields" and action == "clear"
    return "/".join(["", name, *(chosen.sent if by_key else ())])
