"""What is in the pretend Slant account when a sandbox starts: two advisors' books and their deals.

Shapes as in slant.md 3.3, 6 and 7; stages are the default ones of slant.md 6.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.sandbox.simulator import Record, opaque

BOOK_EAST = "bkeast4t7wq2m"
BOOK_WEST = "bkwest9k3xz5n"

USERS: dict[str, Record] = {
    user_id: {
        "id": user_id,
        "email": f"{first.lower()}@example.com",
        "first_name": first,
        "last_name": last,
    }
    for user_id, first, last in (
        ("usrmaya7f2k9d", "Maya", "Lindqvist"),
        ("usrtomas3h8p1v", "Tomas", "Okafor"),
        ("usrirene6b4n0c", "Irene", "Castellan"),
        ("usrwill2m9x5j", "Will", "Hartono"),
    )
}
AUTHENTICATED = "usrmaya7f2k9d"

_ROLES: dict[str, dict[str, str | None]] = {
    BOOK_EAST: {"usrmaya7f2k9d": "principal", "usrtomas3h8p1v": "contributor"},
    BOOK_WEST: {"usrirene6b4n0c": "principal", "usrmaya7f2k9d": None, "usrwill2m9x5j": "viewer"},
}

BOOKS: dict[str, Record] = {
    book_id: {
        "id": book_id,
        "name": name,
        "role": _ROLES[book_id].get(AUTHENTICATED),
        "users": [{**USERS[user], "role": role} for user, role in _ROLES[book_id].items()],
        "tiers": [{"value": 1, "label": "A-tier"}, {"value": 2, "label": "B-tier"}],
        "teams": [{"id": f"team{book_id[2:8]}", "name": f"{name.split()[0]} advisory team"}],
    }
    for book_id, name in ((BOOK_EAST, "Eastside Book"), (BOOK_WEST, "Westside Book"))
}

_PROSPECT_STAGES = (
    ("Identified", 10),
    ("Connected", 20),
    ("Meeting scheduled", 40),
    ("Qualified", 60),
    ("Closed won", 100),
    ("Closed lost", 0),
    ("Archived", 0),
)
_CLIENT_STAGES = (
    ("Identified", 20),
    ("In-progress", 50),
    ("Reviewing", 75),
    ("Closed won", 100),
    ("Closed lost", 0),
    ("Archived", 0),
)
_HIDDEN = ("Closed lost", "Archived")


def _pipeline(
    pipeline_id: str, name: str, kind: str, book_id: str | None, stages: Sequence[tuple[str, int]]
) -> Record:
    return {
        "id": pipeline_id,
        "name": name,
        "pipeline_type": kind,
        "book_id": book_id,
        "pipeline_stages": [
            {
                "id": f"stg{pipeline_id[3:7]}{order}{opaque(pipeline_id + stage, 5).lower()}",
                "name": stage,
                "stage_order": order,
                "visible": stage not in _HIDDEN,
                "default_probability": probability,
            }
            for order, (stage, probability) in enumerate(stages, start=1)
        ],
    }


PIPELINES: dict[str, Record] = {
    pipeline["id"]: pipeline
    for pipeline in (
        _pipeline("pipprse2k8w4", "New households", "prospect", BOOK_EAST, _PROSPECT_STAGES),
        _pipeline("pipclie5r1t7", "Client growth", "client", BOOK_EAST, _CLIENT_STAGES),
        _pipeline("pipprsw8v3y6", "West prospects", "prospect", BOOK_WEST, _PROSPECT_STAGES),
        # A company-wide pipeline belongs to no book (slant.md 6).
        _pipeline("pipfirm1z9q0", "Firm-wide reviews", "client", None, _CLIENT_STAGES),
    )
}

HOUSEHOLDS: dict[str, Record] = {
    household_id: {"id": household_id, "name": name, "type": kind, "book_id": book_id}
    for household_id, name, kind, book_id in (
        ("hhabernathy1x", "The Abernathy Household", "prospect", BOOK_EAST),
        ("hhbellweath2x", "Bellweather Family", "prospect", BOOK_EAST),
        ("hhcardenas3x", "Cardenas & Reyes", "client", BOOK_EAST),
        ("hhdunmore4x", "Dunmore Trust", "client", BOOK_EAST),
        ("hheriksen5x", "Eriksen Household", "prospect", BOOK_WEST),
        ("hhfairchild6x", "Fairchild Household", "client", BOOK_WEST),
    )
}


def _field(
    key: str, label: str, kind: str, entity: str = "Opportunity", **options: list[str]
) -> Record:
    field = {
        "id": f"cf{opaque(key, 9).lower()}",
        "field_key": key,
        "display_name": label,
        "entity_type": entity,
        "field_type": kind,
    }
    return {**field, "options": options} if options else field


CUSTOM_FIELDS: tuple[Record, ...] = (
    _field("lead_source", "Lead source", "text"),
    _field("current_assets", "Current assets held away", "number"),
    _field("review_date", "Review date", "date"),
    _field("signed_agreement", "Agreement signed", "boolean"),
    _field(
        "service_tier",
        "Service tier",
        "single_select",
        select_options=["Planning only", "Wealth management", "Family office"],
    ),
    _field(
        "referred_by",
        "Referred by",
        "cross_reference",
        cross_reference_allowed_target_types=["Household", "Contact"],
    ),
    _field("anniversary", "Anniversary", "date", entity="Household"),
    _field("preferred_channel", "Preferred channel", "text", entity="Contact"),
)

OPPORTUNITY_FIELDS = [field for field in CUSTOM_FIELDS if field["entity_type"] == "Opportunity"]

# name, household, pipeline, stage order, owner, value, probability, days until close, custom fields
_DEALS: tuple[tuple[str, str | None, str, int, str, int | None, int | None, int | None, Any], ...]
_DEALS = (
    ("Abernathy rollover IRA", "hhabernathy1x", "pipprse2k8w4", 1, "usrmaya7f2k9d", 480000, 10, 45,
     {"lead_source": "Referral"}),
    ("Abernathy 529 plans", "hhabernathy1x", "pipprse2k8w4", 2, "usrtomas3h8p1v", 36000, 20, 60,
     {}),
    ("Bellweather taxable account", "hhbellweath2x", "pipprse2k8w4", 3, "usrmaya7f2k9d", 1250000,
     40, 30, {"lead_source": "Webinar", "service_tier": "Wealth management"}),
    ("Bellweather estate plan", "hhbellweath2x", "pipprse2k8w4", 4, "usrmaya7f2k9d", 9500, 60, 21,
     {"signed_agreement": False, "service_tier": "Planning only"}),
    ("Bellweather cash reserve", "hhbellweath2x", "pipprse2k8w4", 5, "usrtomas3h8p1v", 200000, 100,
     -12, {"signed_agreement": True}),
    ("Unassociated web enquiry", None, "pipprse2k8w4", 1, "usrmaya7f2k9d", None, None, None, {}),
    ("Conference contact, no amount yet", None, "pipprse2k8w4", 6, "usrtomas3h8p1v", None, 0, -90,
     {"lead_source": "Conference"}),
    ("Old newsletter lead", None, "pipprse2k8w4", 7, "usrmaya7f2k9d", 15000, 0, -200, {}),
    ("Cardenas pension transfer", "hhcardenas3x", "pipclie5r1t7", 1, "usrmaya7f2k9d", 310000, 20,
     80, {"current_assets": 742500}),
    ("Cardenas insurance review", "hhcardenas3x", "pipclie5r1t7", 2, "usrtomas3h8p1v", 7200, 50, 14,
     {"review_date": "2026-02-16"}),
    ("Reyes practice sale proceeds", "hhcardenas3x", "pipclie5r1t7", 3, "usrmaya7f2k9d", 2750000,
     75, 120, {"service_tier": "Family office"}),
    ("Dunmore trust rebalancing", "hhdunmore4x", "pipclie5r1t7", 4, "usrmaya7f2k9d", 640000, 100,
     -3, {"signed_agreement": True, "current_assets": 5100000}),
    ("Dunmore second trust", "hhdunmore4x", "pipclie5r1t7", 5, "usrtomas3h8p1v", 640000, 0, -40,
     {}),
    ("Dunmore gifting programme", "hhdunmore4x", "pipfirm1z9q0", 2, "usrmaya7f2k9d", 18000, 50, 33,
     {"referred_by": "hhcardenas3x"}),
    ("Cardenas annual review", "hhcardenas3x", "pipfirm1z9q0", 3, "usrtomas3h8p1v", 4500, 75, 9,
     {}),
    ("Eriksen stock options", "hheriksen5x", "pipprsw8v3y6", 3, "usrirene6b4n0c", 890000, 40, 75,
     {"lead_source": "Accountant"}),
    ("Eriksen relocation planning", "hheriksen5x", "pipprsw8v3y6", 4, "usrwill2m9x5j", 12000, 60,
     28, {}),
    ("Eriksen spouse account", "hheriksen5x", "pipprsw8v3y6", 2, "usrirene6b4n0c", 95000, 25, 52,
     {}),
    ("Fairchild charitable fund", "hhfairchild6x", "pipfirm1z9q0", 1, "usrmaya7f2k9d", 150000, 20,
     95, {"service_tier": "Wealth management"}),
    ("Fairchild bond ladder", "hhfairchild6x", "pipfirm1z9q0", 4, "usrirene6b4n0c", 420000, 100,
     -18, {}),
    ("Walk-in enquiry", None, "pipprsw8v3y6", 1, "usrwill2m9x5j", 0, 5, 10, {}),
)  # fmt: skip

_WEST_DEALS = ("Eriksen", "Fairchild", "Walk-in")


def opportunities(now: datetime) -> dict[str, Record]:
    """The seeded deals in stored form, dated relative to `now`."""
    return {record["id"]: record for record in (_stored(n, now) for n in range(len(_DEALS)))}


def _stored(number: int, now: datetime) -> Record:
    name, household, pipeline, stage, owner, value, probability, days, custom = _DEALS[number]
    # What is over has begun a month before its end at the latest.
    age = max(210 - 9 * number, 30 - (days or 0))
    created = now - timedelta(days=age, minutes=17 * number)
    moved = created + timedelta(days=4, hours=number)
    closing = None if days is None else now + timedelta(days=days)
    return {
        "id": f"opp{opaque(f'slant seed {number}', 12).lower()}",
        "name": name,
        "book_id": BOOK_WEST if name.startswith(_WEST_DEALS) else BOOK_EAST,
        "pipeline_id": pipeline,
        "pipeline_stage_id": PIPELINES[pipeline]["pipeline_stages"][stage - 1]["id"],
        "assigned_to_id": owner,
        "value": value,
        "probability": probability,
        "target_close_date": closing and f"{closing:%Y-%m-%d}T23:59:59Z",
        "stage_updated_at": f"{moved:%Y-%m-%dT%H:%M:%SZ}",
        "household_id": household,
        "custom_fields": dict(custom),
        "created_at": f"{created:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{moved:%Y-%m-%dT%H:%M:%SZ}",
    }
