"""What is in the pretend Close organization when a sandbox starts.

Shapes as in close.md 3.3, 4, 7 and 8. Ids look drawn at random and are the same in every run.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.sandbox.close_notes import html_of
from gateway.sandbox.simulator import Record, opaque


def _id(prefix: str, what: str) -> str:
    return f"{prefix}_{opaque(f'close {what}', 43)}"


ORGANIZATION = _id("orga", "Northbeam Robotics")

JUNE, OMAR, PRIYA = (_id("user", name) for name in ("June", "Omar", "Priya"))

USERS: dict[str, Record] = {
    user_id: {
        "id": user_id,
        "email": f"{first.lower()}.{last.lower()}@example.com",
        "first_name": first,
        "last_name": last,
        "image": None,
        "organizations": [ORGANIZATION],
        "date_created": "2024-01-08T09:00:00.000000+00:00",
        "date_updated": "2026-05-30T15:21:04.318000+00:00",
        "email_verified_at": "2024-01-08T09:04:11.000000+00:00",
        "google_profile_image_url": None,
        "last_used_timezone": "Europe/Lisbon",
    }
    for user_id, first, last in (
        (JUNE, "June", "Amaral"),
        (OMAR, "Omar", "Haddad"),
        (PRIYA, "Priya", "Nair"),
    )
}


def _pipeline(name: str, statuses: Sequence[tuple[str, str]]) -> Record:
    return {
        "id": f"pipe_{opaque(f'close {name}', 22)}",
        "name": name,
        "organization_id": ORGANIZATION,
        "created_by": None,
        "updated_by": JUNE,
        # Naive, unlike an opportunity's (close.md 6).
        "date_created": "2024-01-08T09:00:00.310820",
        "date_updated": "2026-02-11T16:40:27.014979",
        "statuses": [
            {"id": _id("stat", f"{name} {label}"), "label": label, "type": kind}
            for label, kind in statuses
        ],
    }


SALES = _pipeline(
    "Sales",
    (
        ("Demo scheduled", "active"),
        ("Proposal sent", "active"),
        ("On hold", "active"),
        ("Won", "won"),
        ("Lost", "lost"),
    ),
)
RENEWALS = _pipeline(
    "Renewals",
    (
        ("Up for renewal", "active"),
        ("Negotiating", "active"),
        ("Renewed", "won"),
        ("Churned", "lost"),
    ),
)
PARTNERS = _pipeline("Partners", (("Introduced", "active"), ("Won", "won"), ("Lost", "lost")))

PIPELINES: dict[str, Record] = {one["id"]: one for one in (SALES, RENEWALS, PARTNERS)}

STATUSES: dict[str, Record] = {
    status["id"]: {**status, "organization_id": ORGANIZATION, "pipeline_id": pipeline["id"]}
    for pipeline in PIPELINES.values()
    for status in pipeline["statuses"]
}


def status_id(pipeline: Record, label: str) -> str:
    """The id of a pipeline's status by its label."""
    return str(next(one["id"] for one in pipeline["statuses"] if one["label"] == label))


_PEOPLE = {
    "Harbour Freight Systems": ("Lena Brandt", "Marco Silva"),
    "Quartz & Fern Interiors": ("Abigail Stone",),
    "Meridian Clinics": ("Dr. Yusuf Demir", "Carla Nunes"),
    "Pinecrest School District": ("Wanda Ives",),
    "Solstice Breweries": ("Theo Grant",),
    "Kestrel Aerospace": ("Ingrid Vass", "Paul Mbeki"),
}

CONTACTS: dict[str, Record] = {
    contact_id: {"id": contact_id, "name": person, "lead_id": _id("lead", lead)}
    for lead, people in _PEOPLE.items()
    for person in people
    for contact_id in [_id("cont", person)]
}


def leads() -> dict[str, Record]:
    """Fresh leads: a create without a lead adds to them (close.md 3.1)."""
    return {_id("lead", name): {"id": _id("lead", name), "name": name} for name in _PEOPLE}


def _field(name: str, kind: str, *, choices: list[str] | None = None, many: bool = False) -> Record:
    return {
        "id": _id("cf", name),
        "name": name,
        "type": kind,
        "choices": choices,
        "accepts_multiple_values": many,
        "description": None,
        "organization_id": ORGANIZATION,
        "created_by": JUNE,
        "updated_by": JUNE,
        "date_created": "2024-02-01T10:12:00.770000+00:00",
        "date_updated": "2024-02-01T10:12:00.770000+00:00",
    }


_ROBOTS = ["Picker", "Palletiser", "Courier", "Inspector"]

OWN_FIELDS: tuple[Record, ...] = tuple(
    {**field, "editable_with_roles": []}
    for field in (
        _field("Deal name", "text"),
        _field("Contract link", "text"),
        _field("Seats", "number"),
        _field("Kick-off", "date"),
        _field("Demo at", "datetime"),
        _field("Service level", "choices", choices=["Standard", "Extended", "Round the clock"]),
        _field("Robots", "choices", choices=_ROBOTS, many=True),
        _field("Engineer", "user"),
        _field("Watchers", "user", many=True),
        _field("Decision makers", "contact", many=True),
        _field("Import marker", "hidden"),
        _field("Gateway mark", "text"),
    )
)

_SHARED: list[Record] = [
    {"object_type": kind, "required": False, "editable_with_roles": []}
    for kind in ("lead", "opportunity")
]

SHARED_FIELDS: tuple[Record, ...] = tuple(
    {**{k: v for k, v in field.items() if k != "choices" or v}, "associations": _SHARED}
    for field in (
        _field("Region", "choices", choices=["Americas", "EMEA", "APAC"]),
        _field("Account team", "user"),
    )
)
"""Fields shared with leads: only the schema shows them (close.md 4)."""

FIELDS: dict[str, Record] = {field["id"]: field for field in (*OWN_FIELDS, *SHARED_FIELDS)}


def field_id(name: str) -> str:
    """The id of a custom field by its name."""
    return _id("cf", name)


# lead, pipeline, status, owner, value in cents, period, confidence, days until won, note, custom
_DEALS: tuple[
    tuple[str, Record, str, str, int | None, str, int, int | None, str, dict[str, Any]], ...
] = (
    ("Harbour Freight Systems", SALES, "Demo scheduled", JUNE, 4800000, "one_time", 25, 40,
     "Two docks first, the rest in spring.", {"Deal name": "Dock automation", "Seats": 4}),
    ("Harbour Freight Systems", SALES, "Proposal sent", JUNE, 350000, "monthly", 60, 21,
     "Support contract on top of the docks.", {"Service level": "Extended"}),
    ("Harbour Freight Systems", RENEWALS, "Up for renewal", OMAR, 1250000, "annual", 80, 75,
     "Renewal of the pilot.", {"Region": "EMEA", "Robots": ["Picker", "Courier"]}),
    ("Quartz & Fern Interiors", SALES, "Demo scheduled", OMAR, 99900, "one_time", 20, 14,
     "Wants to see a **courier** on carpet.", {"Robots": ["Courier"]}),
    ("Quartz & Fern Interiors", SALES, "Lost", OMAR, 250000, "one_time", 0, None,
     "Budget went to a new showroom.", {}),
    ("Meridian Clinics", SALES, "Proposal sent", PRIYA, 2150050, "one_time", 70, 30,
     "Night deliveries between wards.\n\nLegal reads the contract.",
     {"Deal name": "Ward logistics", "Contract link": "https://example.com/contracts/meridian",
      "Kick-off": "2026-03-02", "Region": "EMEA"}),
    ("Meridian Clinics", SALES, "Won", PRIYA, 780000, "annual", 100, -20,
     "Signed for the east wing.", {"Engineer": OMAR, "Seats": 12}),
    ("Meridian Clinics", RENEWALS, "Negotiating", JUNE, 780000, "annual", 65, 55,
     "Asks for a three-year price.", {"Watchers": [JUNE, PRIYA]}),
    ("Pinecrest School District", SALES, "On hold", OMAR, 1500000, "one_time", 40, 120,
     "Waits for the board in autumn.", {"Import marker": "legacy-0093"}),
    ("Pinecrest School District", SALES, "Won", OMAR, 120000, "monthly", 100, -64,
     "Cafeteria pilot.", {"Service level": "Standard"}),
    ("Solstice Breweries", SALES, "Demo scheduled", PRIYA, None, "one_time", 10, None,
     "", {}),
    ("Solstice Breweries", SALES, "Lost", PRIYA, 640000, "one_time", 0, None,
     "Chose a conveyor.", {"Region": "Americas"}),
    ("Solstice Breweries", PARTNERS, "Introduced", JUNE, 0, "one_time", 50, 90,
     "May resell to other breweries.", {}),
    ("Kestrel Aerospace", SALES, "Proposal sent", JUNE, 123456789, "one_time", 55, 35,
     "Inspection cells for the wing line.",
     {"Demo at": "2026-02-10T14:30:00+00:00", "Robots": ["Inspector"], "Region": "Americas"}),
    ("Kestrel Aerospace", SALES, "Demo scheduled", PRIYA, 900000, "monthly", 30, 48,
     "Fleet lease instead of purchase.", {"Service level": "Round the clock"}),
    ("Kestrel Aerospace", RENEWALS, "Renewed", OMAR, 2400000, "annual", 100, -7,
     "Second year of maintenance.", {"Seats": 30}),
    ("Kestrel Aerospace", RENEWALS, "Churned", OMAR, 310000, "annual", 0, None,
     "Line was moved abroad.", {}),
    ("Kestrel Aerospace", PARTNERS, "Won", JUNE, 5000000, "one_time", 100, -150,
     "Joint bid for the hangar.", {"Engineer": PRIYA}),
)  # fmt: skip


def opportunities(now: datetime) -> dict[str, Record]:
    """The seeded deals in stored form, dated relative to `now`."""
    return {record["id"]: record for record in (_stored(n, now) for n in range(len(_DEALS)))}


def _stored(number: int, now: datetime) -> Record:
    lead, pipeline, status, owner, value, period, confidence, days, note, custom = _DEALS[number]
    # What is over has begun a month before its end at the latest.
    age = max(240 - 11 * number, 30 - (days or 0))
    created = now - timedelta(days=age, minutes=23 * number)
    updated = created + timedelta(days=9, hours=number)
    people = [one["id"] for one in CONTACTS.values() if one["lead_id"] == _id("lead", lead)]
    status = status_id(pipeline, status)
    won = None if days is None else (now + timedelta(days=days)).date().isoformat()
    return {
        "id": _id("oppo", f"seed {number}"),
        "lead_id": _id("lead", lead),
        "status_id": status,
        "user_id": owner,
        "contact_id": people[0] if number % 3 else None,
        "value": value,
        "value_period": period,
        "confidence": confidence,
        "note": note,
        "note_html": html_of(note),
        "date_won": won,
        "date_lost": written(updated) if STATUSES[status]["type"] == "lost" else None,
        "date_created": written(created),
        "date_updated": written(updated),
        "created_by": owner,
        "updated_by": owner,
        "attachments": [],
        "custom": {field_id(name): value for name, value in custom.items()},
    }


def written(moment: datetime) -> str:
    """A date-time as Close writes it: six digits of which three count, `+00:00` (close.md 6)."""
    cut = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return cut.isoformat(timespec="microseconds")
