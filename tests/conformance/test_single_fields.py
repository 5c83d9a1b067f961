"""A PATCH of one field changes that field, and what its capability names as side effects."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gateway.canonical.opportunity import Opportunity
from gateway.connections import Connection
from gateway.normalizer.dialect import FIELDS
from tests.conformance.asking import Asking
from tests.conformance.samples import CONNECTIONS, STANDING, TAKING, Sample, sample
from tests.conformance.worlds import told
from tests.sandboxed import Sandboxed

ALWAYS = {"etag", "raw", "warnings", "vendor_fields"}
"""Members of an answer that are no fields, or are looked at by themselves."""


def writable() -> list[tuple[str, str, str]]:
    """Every field that some connection lets be changed or cleared."""
    return [
        (connection, name, action)
        for connection in CONNECTIONS
        for name, can in told(connection).fields.items()
        for action in ("update", "clear")
        if getattr(can, action) != "unsupported"
    ]


@pytest.mark.parametrize(("connection", "name", "action"), writable())
async def test_nothing_else_changes(
    house: Sandboxed, connection: str, name: str, action: str
) -> None:
    """On open, won and lost records alike; a refusal changes nothing, and one at least is taken."""
    asking = Asking(house, connection)
    at: Connection = house.app.state.house.connections[connection]
    asking.vendor.set_options(TAKING.get((connection, name, action), {}))
    body = patch(name, action, sample(connection, name, action))
    taken = [await only(asking, at, body, vendor_id) for vendor_id in STANDING[connection].values()]
    assert any(taken)


def patch(name: str, action: str, chosen: Sample) -> dict[str, Any]:
    """The PATCH of one field, with what has to stand beside it."""
    if action == "update":
        return {**chosen.beside, name: chosen.sent}
    return {name: dict.fromkeys(chosen.sent) if name == "custom_fields" else None}


async def only(asking: Asking, at: Connection, body: dict[str, Any], vendor_id: str) -> bool:
    """Whether the PATCH was taken; raises AssertionError where it changed more than it may."""
    before, stored = await asking.get(vendor_id), asking.stored(vendor_id)
    answered = await asking.update(body, vendor_id)
    after = await asking.get(vendor_id)
    may = Allowed(at, body)
    if answered.status == 422:
        assert asking.stored(vendor_id) == stored
        return False
    assert answered.status == 200, answered.json
    assert {*differing(before, after)} <= may.fields
    shown = changed(before.vendor_fields, after.vendor_fields)
    kept = changed(stored, asking.stored(vendor_id))
    assert [key for key in (*shown, *kept) if not may.change(key)] == []
    sent = body.get("custom_fields", {})
    expected = {**before.custom_fields, **sent}
    assert after.custom_fields == {k: v for k, v in expected.items() if v is not None}
    return True


class Allowed:
    """What a PATCH may change, by the declarations of its vendor."""

    def __init__(self, at: Connection, sent: Mapping[str, Any]) -> None:
        self._at = at
        self._custom = {at.aliases.get(key, key) for key in sent.get("custom_fields", {})}
        effects = [effect for effect in at.vendor.side_effects if effect.follows("update", sent)]
        self.fields = {*sent, *(name for effect in effects for name in effect.fields)}

    def change(self, key: str) -> bool:
        """Whether a field of the vendor's may: one that is named, or that a named field owns."""
        top = key.partition(".")[0]
        if f"vendor_fields.{top}" in self.fields or {key, top} & self._at.vendor.dialect.volatile:
            return True
        return any(self._owns(name, {key, top}) for name in self.fields if name in FIELDS)

    def _owns(self, name: str, keys: set[str]) -> bool:
        row = self._at.vendor.dialect.row(name)
        kept_in = getattr(self._at.options, getattr(row, "option", ""), None)
        own = {kept_in, *(self._custom if name == "custom_fields" else ())}
        inner = {key.rpartition(".")[2] for key in keys}
        return not own.isdisjoint(inner) or any(row.owns(key) for key in keys)


def differing(before: Opportunity, after: Opportunity) -> Iterator[str]:
    """The members that an answer shows otherwise."""
    for name in Opportunity.model_fields:
        if name not in ALWAYS and getattr(before, name) != getattr(after, name):
            yield name


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The keys that hold something else, those of an object within it as `key.member`."""
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from (f"{key}.{member}" for member in changed(old, new))
        elif old != new:
            yield key
