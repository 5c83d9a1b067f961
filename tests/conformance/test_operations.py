"""Every operation of every connection does what its cell says, as do the switches of a call."""

from typing import Any

import pytest

from gateway.canonical.capabilities import Operations
from gateway.vendors import installed
from tests.conformance.asking import Asking
from tests.conformance.samples import CONNECTIONS, FULL, TARGETS
from tests.sandboxed import Answered, Sandboxed, sandboxed

by_connection = pytest.mark.parametrize("connection", CONNECTIONS)
DISCOVERIES = {
    "list_pipelines": "pipelines",
    "list_users": "users",
    "list_custom_fields": "custom-fields",
}
GONE = {"deletes": False, "archives": True, "undocumented": True}
"""What a delete does → whether the sandbox keeps the record."""


async def done(house: Sandboxed, connection: str, operation: str) -> Answered:
    """One call of an operation."""
    asking = Asking(house, connection)
    match operation:
        case "get":
            return await asking.ask("GET", TARGETS[connection])
        case "list":
            return await asking.page()
        case "create":
            return await asking.create({"name": "One of its own"})
        case "update":
            return await asking.update({"name": "Another name"})
        case "delete":
            return await asking.ask("DELETE", TARGETS[connection])
        case _:
            path = f"/v1/connections/{connection}/{DISCOVERIES[operation]}"
            return await house.ask("GET", path)


@by_connection
@pytest.mark.parametrize("operation", Operations.model_fields)
async def test_operation_cells(house: Sandboxed, connection: str, operation: str) -> None:
    """An operation that the vendor has succeeds; one that it has not is a 422 without a write."""
    asking = Asking(house, connection)
    cell = (await asking.cells())["operations"][operation]
    answered = await done(house, connection, operation)
    if cell == "unsupported":
        assert (answered.status, answered.code) == (422, "operation-unsupported"), answered.json
        assert asking.effects == []
        return
    assert answered.status in {200, 201, 204}, answered.json
    if operation.startswith("list"):
        assert answered.json["items"]


@by_connection
async def test_deleting_does_what_is_declared(house: Sandboxed, connection: str) -> None:
    """Deleted is gone, archived stays readable and says so; nothing else is touched."""
    asking = Asking(house, connection)
    declared = (await asking.cells())["delete"]
    others = {key: asking.stored(key) for key in asking.vendor.records}
    answered = await asking.ask("DELETE", TARGETS[connection])
    assert (answered.status == 204) is (declared != "unsupported")
    if declared == "unsupported":
        assert asking.calls == 0
    elif GONE[declared]:
        assert (await asking.get(TARGETS[connection])).archived
    else:
        assert (await asking.ask("GET", TARGETS[connection])).status == 404
    del others[TARGETS[connection]]
    assert {key: asking.stored(key) for key in others} == others


async def test_a_list_that_a_vendor_turns_out_not_to_have_is_told_without_asking_again() -> None:
    """An undocumented list that answers 404 is `operation-unsupported`, remembered for a while."""
    async with sandboxed(FULL) as house:
        asking = Asking(house, "acme-slant")
        asking.vendor.set_options({"list": False})
        for _ in range(2):
            answered = await asking.page()
            assert (answered.status, answered.code) == (422, "operation-unsupported")
        assert asking.calls == 1


@by_connection
@pytest.mark.parametrize("lenient", [False, True])
async def test_switches_of_a_call(house: Sandboxed, connection: str, lenient: bool) -> None:
    """A switch that no vendor has is refused like a field, or left out with one warning."""
    asking = Asking(house, connection)
    answered = await asking.update({"vendor_options": {"dry_paint": True}}, lenient=lenient)
    if lenient:
        told = [(one["code"], one["pointer"]) for one in answered.json["warnings"]]
        assert told == [("unsupported-field", "/vendor_options/dry_paint")]
        assert asking.effects == []
    else:
        assert (answered.status, answered.code) == (422, "unsupported-field")
        assert asking.calls == 0


OPENED: dict[str, tuple[str, dict[str, Any]]] = {
    "coperniq": ("allow_new_options", {"source": "Neighbour"}),
}
"""A vendor's switch, and custom fields that are only taken with it."""


def test_every_switch_of_a_vendor_is_thrown() -> None:
    """A switch that is declared without a test here would be a promise nobody keeps."""
    declared = {
        name: tuple(each.capabilities().vendor_options) for name, each in installed().items()
    }
    assert {k: v for k, v in declared.items() if v} == {k: (v[0],) for k, v in OPENED.items()}


@pytest.mark.parametrize("vendor", OPENED)
async def test_a_switch_opens_what_is_shut_without_it(house: Sandboxed, vendor: str) -> None:
    """The same value is refused without the switch and stored with it."""
    asking = Asking(house, f"acme-{vendor}")
    switch, custom = OPENED[vendor]
    shut = await asking.update({"custom_fields": custom})
    assert (shut.status, shut.code) == (422, "validation-failed")
    opened = await asking.update({"custom_fields": custom, "vendor_options": {switch: True}})
    assert opened.status == 200, opened.json
    assert opened.json["custom_fields"].items() >= custom.items()
