"""One value for every canonical field on every connection to the sandbox, and where it fits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox import close_seed, coperniq_seed, reevo_seed, slant_seed
from gateway.sandbox.simulator import utc_now
from tests.sandboxed import tree

OWN_IDS = {
    "acme_slant": "referred_by",
    "acme_coperniq": "crmReference",
    "acme_close": close_seed.field_id("Import marker"),
    "acme_reevo": "crm_reference",
}
"""The text custom field that keeps `external_id`."""
CONNECTIONS = tuple(name.replace("_", "-") for name in OWN_IDS)
VENDOR_OF = {name: name.removeprefix("acme-") for name in CONNECTIONS}

_OUTCOMES = {"CLOSED_WON": "won", "CLOSED_LOST": "lost"}
NEW_BUSINESS = [
    {"id": one["id"], "name": one["display_value"], "status": _OUTCOMES.get(one["outcome"], "open")}
    for one in reevo_seed.stages().values()
    if one["pipeline"] == "New business"
]
"""One pipeline's stages, so that won and lost mean one stage each."""
_FULL: dict[str, dict[str, Any]] = {
    name: {"options": {"external_id_field": key}} for name, key in OWN_IDS.items()
}
_FULL["acme_reevo"]["options"]["stages"] = NEW_BUSINESS
_BARE: dict[str, dict[str, Any]] = {
    name: {"options": {"external_id_field": None}} for name in OWN_IDS
}
_BARE["acme_close"]["options"]["name_field"] = None

FULL = tree(**_FULL)
"""Connections with every option that gives a canonical field a place."""
BARE = tree(**_BARE)
"""Connections with none of them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is sent as a field, what has to stand beside it, and the record that it suits."""

    sent: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    on: str | None = None


def sample(connection: str, name: str, action: str = "update") -> Sample:
    """The sample for one field of a connection; a clear is prepared by an update."""
    own = SAMPLES[connection]
    found = own.get(
        (name, "update" if action == "clear" else action), own.get(name, PLAIN.get(name))
    )
    return found if isinstance(found, Sample) else Sample(found)


def seeded(connection: str) -> list[str]:
    """The vendor's ids of the seeded records, in the order of the seed."""
    now = utc_now()
    return list({
        "acme-slant": lambda: slant_seed.opportunities(now),
        "acme-coperniq": coperniq_seed.opportunities,
        "acme-close": lambda: close_seed.opportunities(now),
        "acme-reevo": reevo_seed.opportunities,
    }[connection]())  # fmt: skip


def _nth(things: Mapping[str, Any], number: int) -> dict[str, str]:
    return {"id": list(things)[number]}


def _stage(pipeline: str, order: int) -> dict[str, str]:
    return {"id": slant_seed.PIPELINES[pipeline]["pipeline_stages"][order - 1]["id"]}


def _status(pipeline: dict[str, Any], label: str) -> dict[str, str]:
    return {"id": close_seed.status_id(pipeline, label)}


PLAIN: Mapping[str, Any] = {
    "external_id": "erp-7001",
    "name": "Cell by cell",
    "description": "Two docks first, the rest in spring",
    "value": {"amount": "7250.00"},
    "probability": 35,
    "status": "won",
    "stage": {"id": "71"},
    "pipeline": {"id": "72"},
    "owner": {"id": "73"},
    "account": {"id": "74"},
    "contacts": [{"id": "75"}],
    "expected_close_date": "2031-03-14",
    "closed_at": "2026-03-14T12:00:00Z",
    "lost_reason": "Budget moved to the next year",
    "won_reason": "They liked the night shift",
}
"""What suits wherever a connection says nothing else; the ids are nobody's."""

PROSPECTS, CLIENTS = "pipprse2k8w4", "pipclie5r1t7"
SALES, RENEWALS = close_seed.SALES, close_seed.RENEWALS

SAMPLES: Mapping[str, Mapping[Any, Any]] = {
    "acme-slant": {
        "stage": _stage(PROSPECTS, 2),
        ("status", "create"): Sample("won", {"pipeline": {"id": PROSPECTS}}),
        "pipeline": {"id": CLIENTS},
        "owner": {"id": "usrtomas3h8p1v"},
        "account": {"id": "hhcardenas3x"},
        "custom_fields": {"source": "Trade fair"},
    },
    "acme-coperniq": {
        "stage": {"id": "33"},
        "pipeline": {"id": "12"},
        "account": {"id": "48"},
        "contacts": [{"email": "ada@example.com", "phone": "+1-217-555-0142"}],
        "custom_fields": {"source": "Web"},
    },
    "acme-close": {
        "stage": _status(SALES, "Demo scheduled"),
        ("status", "create"): Sample("won", {"pipeline": {"id": SALES["id"]}}),
        ("pipeline", "create"): {"id": RENEWALS["id"]},
        ("pipeline", "update"): Sample(
            {"id": RENEWALS["id"]}, {"stage": _status(RENEWALS, "Negotiating")}
        ),
        "owner": {"id": close_seed.OMAR},
        "account": _nth(close_seed.leads(), 2),
        "contacts": [_nth(close_seed.CONTACTS, 3)],
        ("closed_at", "create"): Sample(
            PLAIN["closed_at"], {"stage": _status(SALES, "Won")}
        ),
        ("closed_at", "update"): Sample(PLAIN["closed_at"], on=seeded("acme-close")[6]),
        "custom_fields": {"contract": "https://example.com/contracts/7"},
    },
    "acme-reevo": {
        "stage": {"id": reevo_seed.stage("negotiation")},
        "owner": {"id": reevo_seed.uuid("user", 3)},
        "account": {"id": reevo_seed.uuid("account", 3)},
        "contacts": [{"id": reevo_seed.uuid("contact", 2)}],
        "custom_fields": {"procurement_notes": "Three offers are needed"},
    },
}  # fmt: skip
"""Field, or field and action → its sample."""


def _standing(connection: str, *numbers: int) -> Mapping[str, str]:
    ids = seeded(connection)
    return dict(zip(("open", "won", "lost"), (ids[number] for number in numbers), strict=True))


STANDING: Mapping[str, Mapping[str, str]] = {
    "acme-slant": _standing("acme-slant", 2, 4, 6),
    "acme-coperniq": _standing("acme-coperniq", 1, 4, 5),
    "acme-close": _standing("acme-close", 5, 6, 4),
    "acme-reevo": _standing("acme-reevo", 0, 3, 4),
}
"""An open, a won and a lost record of each; no sample equals what they hold."""
TARGETS: Mapping[str, str] = {name: standing["open"] for name, standing in STANDING.items()}
"""The open ones, which are written where nothing else is said."""
ARCHIVED: Mapping[str, str] = {"acme-coperniq": "12", "acme-reevo": seeded("acme-reevo")[10]}
"""A seeded record that is archived, where there is one."""
TAKING: Mapping[tuple[str, str, str], Mapping[str, Any]] = {
    ("acme-coperniq", "account", "update"): {"account_on_patch": "take"},
}
"""Connection, field, action → switches by which the sandbox takes what no page promises."""
