"""Every writable field of a vendor's own is written, and shown again under its own name."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway.canonical.opportunity import Opportunity
from gateway.sandbox import close_seed, reevo_seed
from tests.conformance.asking import Asking, named, vendor_id_of
from tests.conformance.samples import CONNECTIONS
from tests.conformance.worlds import told
from tests.sandboxed import Sandboxed

_FILE = {"filename": "offer.pdf", "url": "https://example.com/f/1", "content_type": "text/plain"}
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "acme-slant": {"book_id": "bkwest9k3xz5n", "pipeline_type": "client"},
    "acme-coperniq": {
        "address": ["17 Birch Ln, Peoria, IL 61604"],
        "trades": ["Electrical", "Solar"],
        "size": 420,
    },
    "acme-close": {
        "note_html": "<body><p>Signed on paper</p></body>",
        "attachments": [_FILE],
        "created_by": close_seed.PRIYA,
        "date_created": "2025-11-03T09:30:00+00:00",
    },
    "acme-reevo": {
        "competitors_mentioned_other": ["Initrode", "Vandelay"],
        "expires_at": "2027-01-31T12:00:00Z",
        "next_step_details": "Call the lawyer",
        "next_step_due_at": "2026-12-24T08:00:00Z",
        "owner_team_id": reevo_seed.uuid("team", 1),
        "participant_user_id_list": [reevo_seed.uuid("user", 4)],
        "primary_competitor_other": "Initrode",
        "target_go_live_date": "2027-06-01T00:00:00Z",
        "type_id": reevo_seed.option("type_id", "Renewal"),
    },
}
ELSEWHERE: Mapping[str, Callable[[Opportunity], Any]] = {
    "date_created": lambda shown: shown.created_at,
    "pipeline_type": lambda shown: shown.vendor_fields["pipeline"]["pipeline_type"],
}
"""Fields that are not shown under their own name."""


def declared() -> list[tuple[str, str, str, str]]:
    """Connection, key, action and cell of every field that a connection declares."""
    return [
        (connection, key, action, getattr(can, action))
        for connection in CONNECTIONS
        for key, can in told(connection).vendor_fields.items()
        for action in ("create", "update")
    ]


@pytest.mark.parametrize(("connection", "key", "action", "cell"), declared())
async def test_vendor_field_cells(
    house: Sandboxed, connection: str, key: str, action: str, cell: str
) -> None:
    """What can be written is stored and shown; what cannot costs no call, or one warning."""
    asking = Asking(house, connection)
    sent = {"vendor_fields": {key: SAMPLES[connection].get(key, "x")}}
    if cell == "unsupported":
        await is_not_taken(asking, key, action, sent)
        return
    answered = await writes(asking, action, sent)
    assert answered.status in {200, 201}, answered.json
    shown = await asking.get(vendor_id_of(answered))
    assert shown.etag == answered.json["etag"]
    held = ELSEWHERE[key](shown) if key in ELSEWHERE else shown.vendor_fields[key]
    assert plain(held) == plain(sent["vendor_fields"][key])
    assert len(asking.effects) == 1


async def is_not_taken(asking: Asking, key: str, action: str, sent: dict[str, Any]) -> None:
    """Strict handling refuses it without a vendor call, lenient handling leaves it out."""
    pointer = f"/vendor_fields/{key}"
    await asking.cells()
    asking.vendor.ledger.clear()
    answered = await writes(asking, action, sent)
    assert (answered.status, answered.code) == (422, "unsupported-field"), answered.json
    assert [fault["pointer"] for fault in answered.json["errors"]] == [pointer]
    assert asking.calls == 0
    lenient = await writes(asking, action, sent, lenient=True)
    assert lenient.status in {200, 201}, lenient.json
    assert [(one["code"], one["pointer"]) for one in lenient.json["warnings"]] == [
        ("unsupported-field", pointer)
    ]
    assert asking.effects == (["create"] if action == "create" else [])


async def writes(
    asking: Asking, action: str, sent: dict[str, Any], *, lenient: bool = False
) -> Any:
    """A create or an update with the field and nothing else."""
    if action == "update":
        return await asking.update(sent, lenient=lenient)
    return await asking.create({**named(await asking.cells()), **sent}, lenient=lenient)


def plain(value: Any) -> Any:
    """A vendor's value without envelopes and without what a reference or a choice says beside."""
    if isinstance(value, list):
        return [plain(member) for member in value]
    for name in ("value", "related_record_id", "id"):
        if isinstance(value, Mapping) and name in value:
            return plain(value[name])
    return value.removesuffix("Z").removesuffix("+00:00") if isinstance(value, str) else value
