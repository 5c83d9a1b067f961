"""What a vendor's pages do not say is sent and the answer compared, whichever way it turns out."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.conformance.asking import Asking
from tests.conformance.samples import CONNECTIONS, TARGETS, sample
from tests.conformance.worlds import told
from tests.sandboxed import Answered, Sandboxed

IGNORING: dict[tuple[str, str], dict[str, Any]] = {
    ("acme-coperniq", "stage"): {"phase_on_write": "ignore"},
    ("acme-coperniq", "probability"): {"confidence_on_write": "ignore"},
}
"""Switches by which a sandbox drops a field in silence."""
METHODS = {"acme-coperniq": "PATCH", "acme-reevo": "PATCH"}
ANSWERS: Mapping[str, Callable[[Any], Any]] = {
    "acme-coperniq": lambda record: record,
    "acme-reevo": lambda record: {"data": record},
}
"""How a vendor answers with a record."""


def undocumented() -> list[tuple[str, str, str]]:
    """The cells that say so, of connections whose schema is known."""
    return [
        (connection, name, action)
        for connection in CONNECTIONS
        for name, can in told(connection).fields.items()
        for action in ("create", "update", "clear")
        if getattr(can, action) == "undocumented"
    ]


@pytest.mark.parametrize(("connection", "name", "action"), undocumented())
async def test_what_is_dropped_in_silence_is_noticed(
    house: Sandboxed, connection: str, name: str, action: str
) -> None:
    """A vendor that accepts the write and keeps the old value makes it a 502, outcome partial."""
    asking = Asking(house, connection)
    chosen = sample(connection, name, action)
    body = {**chosen.beside, name: None if action == "clear" else chosen.sent}
    if action == "clear":
        assert (await asking.update({**chosen.beside, name: chosen.sent})).status == 200
    if switches := IGNORING.get((connection, name)):
        asking.vendor.set_options(switches)
    else:
        await deafen(asking)
    if action == "create":
        answered = await asking.create({"name": "Nobody listens", **body})
    else:
        answered = await asking.update(body)
    is_not_taken(answered, asking)


async def deafen(asking: Asking) -> None:
    """Lets the vendor answer the next write with the record as it was, having done nothing."""
    record = await asking.raw(TARGETS[asking.connection])
    body = ANSWERS[asking.connection](record)
    fault = {"kind": "status", "status": 200, "body": body}
    method = METHODS[asking.connection]
    asking.vendor.faults.add({"match": {"method": method}, "fault": fault})


def is_not_taken(answered: Answered, asking: Asking) -> None:
    """The problem says what came of it, and which record it is about."""
    assert (answered.status, answered.code) == (502, "vendor-bad-response"), answered.json
    assert answered.json["outcome"] == "partial"
    assert answered.json["opportunity_id"].startswith(f"{asking.connection}.")


async def test_an_account_that_cannot_change_is_an_unsupported_field(house: Sandboxed) -> None:
    """Where a vendor's pages disagree, its own refusal becomes the gateway's (api.md 11)."""
    asking = Asking(house, "acme-coperniq")
    answered = await asking.update({"account": {"id": "48"}})
    assert (answered.status, answered.code) == (422, "unsupported-field")
    assert [fault["pointer"] for fault in answered.json["errors"]] == ["/account"]
    assert asking.effects == []


async def test_lenient_handling_leaves_out_an_account_that_cannot_change(house: Sandboxed) -> None:
    """The rest is written by a second call, with a warning in the place of the account."""
    asking = Asking(house, "acme-coperniq")
    body = {"account": {"id": "48"}, "description": "By the gate"}
    answered = await asking.update(body, lenient=True)
    assert answered.status == 200, answered.json
    assert answered.json["description"] == "By the gate"
    assert [(each["code"], each["pointer"]) for each in answered.json["warnings"]] == [
        ("unsupported-field", "/account")
    ]
    assert asking.effects == ["update"]
