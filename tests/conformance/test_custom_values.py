"""A changed custom value leaves the others alone, whichever way a vendor takes the object."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.asking import Asking
from tests.conformance.samples import TARGETS, sample, seeded
from tests.sandboxed import Sandboxed, sandboxed, tree

SWITCHES = {"acme-slant": "custom_fields", "acme-coperniq": "custom_on_patch"}
"""The sandbox's switch for what an object of custom values does to the one that is held."""
RECORDS = {"acme-slant": TARGETS["acme-slant"], "acme-coperniq": "4"}

by_connection = pytest.mark.parametrize("connection", SWITCHES)


async def changed(connection: str, option: str, behaviour: str) -> tuple[Any, Any, Any]:
    """The custom values before and after a PATCH of one of them, and the PATCH."""
    options = {"options": {"custom_fields_update": option}}
    async with sandboxed(tree(**{connection.replace("-", "_"): options})) as house:
        asking = Asking(house, connection)
        asking.vendor.set_options({SWITCHES[connection]: behaviour})
        before = await asking.get(RECORDS[connection])
        assert len(before.custom_fields) > 1
        sent: Mapping[str, Any] = sample(connection, "custom_fields").sent
        answered = await asking.update({"custom_fields": sent}, RECORDS[connection])
        assert answered.status == 200, answered.json
        after = await asking.get(RECORDS[connection])
        return before.custom_fields, after.custom_fields, sent


@by_connection
@pytest.mark.parametrize(
    ("option", "behaviour"), [("replace", "merge"), ("replace", "replace"), ("merge", "merge")]
)
async def test_the_other_values_stay(connection: str, option: str, behaviour: str) -> None:
    """Sent whole they stay either way; sent alone they stay where the vendor merges."""
    before, after, sent = await changed(connection, option, behaviour)
    assert after == {**before, **sent}


@by_connection
async def test_the_option_merge_is_for_vendors_that_merge(connection: str) -> None:
    """Where the vendor replaces, the others are lost: why `replace` is what is set by default."""
    _, after, sent = await changed(connection, "merge", "replace")
    assert after == sent


LISTS: Mapping[str, tuple[str, str, list[str], str]] = {
    "acme-coperniq": ("5", "roofTypes", ["Asphalt"], "Tile"),
    "acme-close": (seeded("acme-close")[2], "robots", ["Picker", "Courier"], "Inspector"),
    "acme-reevo": (TARGETS["acme-reevo"], "products", ["Core", "Voice"], "Analytics"),
}
"""A record, its field of several values, what that holds, and what it could hold too."""


@pytest.mark.parametrize("connection", LISTS)
@pytest.mark.parametrize("several", [False, True])
async def test_values_are_added_and_removed(
    house: Sandboxed, connection: str, several: bool
) -> None:
    """One value, or several at once, go in and out of a list, each once; other fields stay."""
    asking = Asking(house, connection)
    vendor_id, key, held, more = LISTS[connection]
    before = await asking.get(vendor_id)
    assert before.custom_fields[key] == held
    some = [more, held[0]] if several else [more]
    added = await asking.update({"custom_fields_add": {key: some}}, vendor_id)
    assert added.status == 200, added.json
    after = await asking.get(vendor_id)
    assert after.custom_fields == {**before.custom_fields, key: [*held, more]}
    removed = await asking.update({"custom_fields_remove": {key: some}}, vendor_id)
    assert removed.status == 200, removed.json
    assert removed.json["custom_fields"].get(key, []) == [one for one in held if one not in some]


async def test_a_single_value_has_nothing_to_add_to(house: Sandboxed) -> None:
    """A vendor without fields of several values says so before it is asked."""
    asking = Asking(house, "acme-slant")
    await house.ask("GET", "/v1/connections/acme-slant/custom-fields")
    asking.vendor.ledger.clear()
    answered = await asking.update({"custom_fields_add": {"source": ["Fair"]}})
    assert (answered.status, answered.code) == (422, "validation-failed")
    assert asking.calls == 0
