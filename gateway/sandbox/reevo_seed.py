"""What the pretend Reevo workspace holds at first: a software seller's people, stages and deals."""

import copy
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

Json = dict[str, Any]

_NAMESPACE = UUID("5b1f6c1e-7a0d-4c52-9d2e-1f0a64c8b7d3")


def uuid(kind: str, number: int | str) -> str:
    """An id that looks random, yet is the same in every run."""
    return str(uuid5(_NAMESPACE, f"{kind} {number}"))


ORGANIZATION = uuid("organization", 1)


def _users() -> dict[str, Json]:
    people = (
        ("Nadia Petrov", "nadia.petrov@northwind.example"),
        ("Tomas Herrera", "tomas.herrera@northwind.example"),
        ("Wei Zhang", "wei.zhang@northwind.example"),
        ("Grace Mbeki", "grace.mbeki@northwind.example"),
    )
    return {
        uuid("user", number): {
            "id": uuid("user", number),
            "display_name": name,
            "email": email,
        }
        for number, (name, email) in enumerate(people, 1)
    }


ACTING_USER = uuid("user", 1)
"""The admin who made the keys (reevo.md 2)."""

_ACCOUNTS = (
    ("Acme", "acme.example"),
    ("Globex", "globex.example"),
    ("Globex Logistics", "globex.example"),
    ("Initech", "initech.example"),
    ("Umbrella Health", "umbrella-health.example"),
)
"""Two share a domain, so that a match by `domain_name` can be ambiguous (reevo.md 11)."""

_CONTACTS = (
    ("Sarah Chen", "sarah.chen@acme.example"),
    ("Omar Haddad", "omar.haddad@globex.example"),
    ("Lena Fischer", "lena.fischer@initech.example"),
)

_NEW, _EXPANSION = "New business", "Expansion"
_STAGES = (
    (_NEW, "discovery", "Discovery", 10, 14, None),
    (_NEW, "qualified", "Qualified", 25, 14, None),
    (_NEW, "proposal", "Proposal", 50, 21, None),
    (_NEW, "negotiation", "Negotiation", 75, 14, None),
    (_NEW, "closed_won", "Closed Won", 100, 0, "CLOSED_WON"),
    (_NEW, "closed_lost", "Closed Lost", 0, 0, "CLOSED_LOST"),
    (_EXPANSION, "expansion_identified", "Identified", 20, 10, None),
    (_EXPANSION, "business_case", "Business Case", 40, 20, None),
    (_EXPANSION, "expansion_negotiation", "Negotiation", 70, 10, None),
    (_EXPANSION, "expansion_won", "Expanded", 100, 0, "CLOSED_WON"),
    (_EXPANSION, "expansion_lost", "Not Expanded", 0, 0, "CLOSED_LOST"),
)
"""Both pipelines have a Negotiation, which a name alone cannot tell apart (reevo.md 5)."""

_COLORS = ("#6966FF", "#2F9E8F", "#E0A030", "#C0504D")


def stage(api_name: str) -> str:
    """The id of a seeded stage."""
    return uuid("stage", api_name)


def _stages() -> dict[str, Json]:
    """What a read shows of a stage, and beside it what only the vendor knows."""
    return {
        stage(api_name): {
            "id": stage(api_name),
            "display_value": display,
            "api_name": api_name,
            "color": _COLORS[number % 4],
            "closing_probability": probability,
            "expected_days": days,
            "pipeline": pipeline,
            "outcome": outcome,
            "status": "PROSPECT" if probability < 50 and outcome is None else "DEAL",
        }
        for number, (pipeline, api_name, display, probability, days, outcome) in enumerate(_STAGES)
    }


_OPTIONS = {
    "type_id": ("New logo", "Renewal", "Upsell"),
    "lead_source": ("Inbound", "Outbound", "Partner", "Event"),
    "products": ("Core", "Analytics", "Voice"),
}


def option(attribute: str, display: str) -> str:
    """The id of a seeded choice of a select attribute."""
    return uuid(attribute, display)


def _options() -> dict[str, dict[str, Json]]:
    return {
        attribute: {
            option(attribute, display): {
                "id": option(attribute, display),
                "display_value": display,
                "api_name": display.lower().replace(" ", "_"),
                "color": _COLORS[number % 4],
            }
            for number, display in enumerate(displays)
        }
        for attribute, displays in _OPTIONS.items()
    }


def tables() -> dict[str, dict[str, Json]]:
    """The records that a reference can mean, by type and id."""
    return {
        "user": _users(),
        "team": {
            uuid("team", 1): {"id": uuid("team", 1), "display_name": "Mid-market"},
        },
        "account": {
            uuid("account", number): {
                "id": uuid("account", number),
                "display_name": name,
                "domain_name": domain,
            }
            for number, (name, domain) in enumerate(_ACCOUNTS, 1)
        },
        "contact": {
            uuid("contact", number): {
                "id": uuid("contact", number),
                "display_name": name,
                "primary_email": email,
            }
            for number, (name, email) in enumerate(_CONTACTS, 1)
        },
    }


def stages() -> dict[str, Json]:
    """The stages of both pipelines by id; no route lists them (reevo.md 8)."""
    return _stages()


def options() -> dict[str, dict[str, Json]]:
    """The choices of select attributes by attribute and id; no route lists them (reevo.md 7)."""
    return _options()


def _opportunity(number: int, name: str, account: int, at: str, **more: Any) -> Json:
    """A stored record: plain values by attribute name, absent where there is none."""
    day = f"2026-{1 + number % 9:02}-{1 + number:02}"
    where = _stages()[stage(at)]
    closed = {"closed_at": f"{day}T15:00:00Z", "closed_by_user_id": ACTING_USER}
    return {
        "id": uuid("opportunity", number),
        "organization_id": ORGANIZATION,
        "created_at": f"{day}T08:30:00Z",
        "updated_at": f"{day}T16:45:12.345678Z",
        "display_name": name,
        "stage": stage(at),
        "status": where["status"],
        "outcome": where["outcome"],
        "account_id": uuid("account", account),
        "owner_user_id": uuid("user", 1 + number % 3),
        "created_by_user_id": ACTING_USER,
        "updated_by_user_id": ACTING_USER,
        "created_source": "MANUAL",
        "stage_last_shifted_at": f"{day}T09:00:00Z",
        **(closed if where["outcome"] else {}),
        **more,
    }


_OPPORTUNITIES = (
    _opportunity(
        1,
        "Acme - Enterprise Deal",
        1,
        "proposal",
        amount="150000.00",
        primary_contact_id=uuid("contact", 1),
        participant_user_id_list=[uuid("user", 2), uuid("user", 3)],
        competitors_mentioned_other=["Hooli", "Pied Piper"],
        anticipated_closing_at="2026-12-15T23:59:59Z",
        next_step_details="Send the security questionnaire back.",
        next_step_due_at="2026-11-30T17:00:00Z",
        type_id=option("type_id", "New logo"),
        last_activity_at="2026-02-14T10:11:12Z",
        lead_source=option("lead_source", "Inbound"),
        products=[option("products", "Core"), option("products", "Voice")],
        seats=120,
        discount=Decimal("12.5"),
        implementation_fee="9500.00",
        renewal_date="2027-12-15",
        security_review_done=False,
        executive_sponsor=uuid("user", 4),
        procurement_portal="https://procurement.acme.example/rfx/88",
        buying_signal={"score": 72, "trend": "rising"},
        crm_reference="ERP-10001",
    ),
    _opportunity(2, "Globex - Starter", 2, "discovery", amount="4800.00"),
    _opportunity(3, "Globex Logistics - Fleet", 3, "negotiation", amount="88250.50"),
    _opportunity(
        4, "Initech - Platform", 4, "closed_won", amount="64000.00", seats=40, discount=10
    ),
    _opportunity(
        5,
        "Umbrella Health - Pilot",
        5,
        "closed_lost",
        amount="12000.00",
        closed_lost_custom_detail="Budget moved to next year.",
    ),
    _opportunity(6, "Acme - Analytics add-on", 1, "business_case", amount="22500.00"),
    _opportunity(7, "Initech - More seats", 4, "expansion_negotiation", amount="9900.00"),
    _opportunity(8, "Globex - Voice rollout", 2, "expansion_won", amount="31000.00"),
    _opportunity(9, "Umbrella Health - Second site", 5, "expansion_lost"),
    _opportunity(10, "Acme - Sandbox", 1, "discovery", amount="0.00"),
    _opportunity(
        11, "Initech - Archive project", 4, "qualified", archived_at="2026-06-01T00:00:00Z"
    ),
    _opportunity(12, "Globex - Compliance pack", 2, "qualified", amount="17499.99"),
    _opportunity(13, "Umbrella Health - Group deal", 5, "proposal", amount="1250000.00"),
    _opportunity(14, "Acme - APAC", 1, "qualified", amount="73000.00"),
    _opportunity(15, "Globex Logistics - Pilot", 3, "discovery"),
    _opportunity(16, "Initech - Renewal 2027", 4, "expansion_identified", amount="64000.00"),
    _opportunity(17, "Umbrella Health - Clinics", 5, "negotiation", amount="240000.00"),
    _opportunity(18, "Acme - Training", 1, "closed_won", amount="6000.00"),
)


def opportunities() -> dict[str, Json]:
    """Stored opportunities by id."""
    return {record["id"]: copy.deepcopy(record) for record in _OPPORTUNITIES}
