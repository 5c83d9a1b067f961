"""What the pretend Coperniq account holds at first: a solar installer's people and sales."""

import copy
from typing import Any

Json = dict[str, Any]

ACTING_USER = 7
"""The key acts as the user who made it (coperniq.md 2)."""


def _user(number: int, first: str, last: str, role: tuple[str, str], phone: str | None) -> Json:
    return {
        "id": number,
        "firstName": first,
        "lastName": last,
        "email": f"{first}.{last}@brightroof.example".lower(),
        "phone": phone,
        "avatarUrl": None,
        "role": {"id": role[0], "name": role[1]},
    }


_ADMIN, _SALES, _PROJECTS = ("1", "Admin"), ("4", "Sales"), ("5", "Project Manager")

_USERS = [
    _user(7, "Ines", "Okafor", _ADMIN, None),
    _user(22, "Alice", "Johnson", _SALES, "+1-217-555-0123"),
    _user(33, "Bob", "Smith", _SALES, "+1-217-555-0456"),
    _user(44, "Carol", "Davis", _PROJECTS, "+1-217-555-0789"),
]


def _contact(number: int, name: str, email: str | None, phone: str | None) -> Json:
    return {
        "id": number,
        "name": name,
        "emails": [email] if email else [],
        "phones": [phone] if phone else [],
    }


_CONTACTS = [
    _contact(901, "Dana Whitfield", "dana@whitfield.example", "+1-217-555-0198"),
    _contact(902, "Marcus Lindqvist", "marcus@lindqvist-foods.example", "+1-312-555-0111"),
    _contact(903, "Priya Raman", "priya.raman@mail.example", None),
    _contact(904, "Front desk, Elm School", None, "+1-312-555-0177"),
]


def _account(number: int, title: str, kind: str, address: str, contacts: list[int]) -> Json:
    return {
        "id": number,
        "number": 500 + number,
        "title": title,
        "description": None,
        "address": [address],
        "accountType": kind,
        "isActive": True,
        "contacts": contacts,
        "custom": {},
        "createdAt": "2024-01-02T10:00:00Z",
        "updatedAt": "2024-01-02T10:00:00Z",
    }


_ACCOUNTS = [
    _account(45, "Whitfield Household", "RESIDENTIAL", "123 Main St, Springfield, IL 62704", [901]),
    _account(46, "Lindqvist Foods", "COMMERCIAL", "900 W Lake St, Chicago, IL 60607", [902]),
    _account(47, "Raman Household", "RESIDENTIAL", "17 Birch Ln, Peoria, IL 61604", [903]),
    _account(48, "Elm Street School", "COMMERCIAL", "4 Elm St, Naperville, IL 60540", [904]),
]


def _workflow(number: int, name: str, phases: list[tuple[int, str, str]]) -> Json:
    """Children are `phases` with ids, in order, without position or outcome (coperniq.md 6)."""
    return {
        "id": number,
        "name": name,
        "description": None,
        "type": "PROJECT",
        "isActive": True,
        "createdAt": "2024-01-02T09:00:00Z",
        "updatedAt": "2024-01-02T09:00:00Z",
        "createdBy": {"id": 7, "firstName": "Ines", "lastName": "Okafor", "avatarUrl": None},
        "phases": [
            {
                "id": phase,
                "name": title,
                "type": kind,
                "description": None,
                "redSla": 10,
                "yellowSla": 5,
            }
            for phase, title, kind in phases
        ],
    }


_WORKFLOWS = [
    _workflow(
        12,
        "Residential Solar Sales",
        [
            (3, "Qualify", "Planning"),
            (4, "Site Survey", "Planning"),
            (5, "Design", "Design"),
            (6, "Proposal", "Sales"),
            (7, "Contract", "Sales"),
        ],
    ),
    _workflow(
        14,
        "Commercial Sales",
        [(31, "Qualify", "Planning"), (32, "Engineering", "Design"), (33, "Proposal", "Sales")],
    ),
    _workflow(21, "Installation", [(51, "Permit", "Permitting"), (52, "Install", "Construction")]),
    {**_workflow(9, "Sales 2023", [(1, "Lead", "Sales"), (2, "Sold", "Sales")]), "isActive": False},
]


def _property(key: str, name: str, kind: str, **more: Any) -> Json:
    return {
        "name": name,
        "type": kind,
        "keyName": key,
        "isMultiple": False,
        "options": [],
        "defaultValue": [],
        "isCustom": True,
        **more,
    }


_STATUSES = ["ACTIVE", "ON_HOLD", "CANCELLED", "COMPLETED"]

_OPPORTUNITY_PROPERTIES = [
    _property("title", "Title", "TEXT", isCustom=False),
    _property("value", "Value", "NUMBER", isCustom=False),
    _property("status", "Status", "DROPDOWN", isCustom=False, options=_STATUSES),
    _property("trades", "Trades", "DROPDOWN", isCustom=False, isMultiple=True),
    _property("priority", "Priority", "DROPDOWN", options=["Low", "Medium", "High"]),
    _property("leadSource", "Lead source", "DROPDOWN", options=["Referral", "Web", "Door to door"]),
    _property(
        "roofTypes", "Roof types", "DROPDOWN", isMultiple=True, options=["Asphalt", "Metal", "Tile"]
    ),
    _property("requestedBy", "Requested by", "TEXT"),
    _property("crmReference", "CRM reference", "TEXT"),
    _property("gatewayMark", "Gateway mark", "TEXT"),
    _property("panelCount", "Panel count", "NUMBER"),
    _property("surveyDate", "Survey date", "DATE"),
    _property("financed", "Financed", "CHECKBOX"),
]

_OTHER_PROPERTIES = {
    "account": [_property("referralCode", "Referral code", "TEXT")],
    "project": [_property("permitNumber", "Permit number", "TEXT")],
    "vendor": [],
    "ahj": [],
}


_PLACES = {
    45: ("123 Main St", "Springfield", "IL", "62704", "39.7817,-89.6501"),
    46: ("900 W Lake St", "Chicago", "IL", "60607", "41.8854,-87.6499"),
    47: ("17 Birch Ln", "Peoria", "IL", "61604", "40.7114,-89.6305"),
    48: ("4 Elm St", "Naperville", "IL", "60540", "41.7720,-88.1501"),
}

_JURISDICTION = {
    "id": 5,
    "name": "Springfield Building Authority",
    "uuid": "a1b2c3d4-e5f6-4890-abcd-ef1234567890",
}


def _opportunity(
    number: int, title: str, account: int, phase: tuple[int, int] | None, **more: Any
) -> Json:
    """A stored record, which knows more than a read shows: status, contacts (coperniq.md 4)."""
    street, city, state, zipcode, where = _PLACES[account]
    day = f"2024-{1 + number % 12:02}-{1 + number:02}"
    return {
        "id": number,
        "number": 1023 + number,
        "title": title,
        "description": None,
        "address": [f"{street}, {city}, {state} {zipcode}"],
        "street": street,
        "city": city,
        "state": state,
        "zipcode": zipcode,
        "geoLocation": [where],
        "imageUrl": None,
        "streetViewUrl": None,
        "isActive": True,
        "primaryEmail": None,
        "primaryPhone": None,
        "trades": ["Solar"],
        "value": None,
        "size": None,
        "confidence": None,
        "status": "ACTIVE",
        "accountId": account,
        "workflowId": phase[0] if phase else None,
        "phaseId": phase[1] if phase else None,
        "ownerId": 22,
        "salesRepId": 33,
        "projectManagerId": None,
        "jurisdiction": None,
        "contacts": [],
        "custom": {},
        "createdAt": f"{day}T09:30:00Z",
        "updatedAt": f"{day}T16:45:00Z",
        "lastActivity": None,
        "createdById": ACTING_USER,
        "updatedById": ACTING_USER,
        **more,
    }


_OPPORTUNITIES = [
    _opportunity(
        1,
        "Downtown Office Renovation",
        45,
        (12, 3),
        description="Renovation project for the main office building in downtown.",
        value=250000,
        size=15000.5,
        confidence=85.5,
        trades=["Electrical", "Plumbing", "Carpentry"],
        primaryEmail="dana@whitfield.example",
        primaryPhone="+1-217-555-0198",
        projectManagerId=44,
        jurisdiction=_JURISDICTION,
        contacts=[901],
        custom={"priority": "High", "requestedBy": "Facilities Department"},
        lastActivity="2024-02-14T16:45:00Z",
        imageUrl="https://cdn.coperniq.example/images/1024/main_building.jpg",
    ),
    _opportunity(2, "Rooftop array, Lindqvist plant", 46, (14, 32), value=184250.75),
    _opportunity(3, "", 47, (12, 4), value=21400, confidence=40),
    _opportunity(
        4,
        "School carport canopies",
        48,
        (14, 33),
        value=612000,
        confidence=60,
        custom={"leadSource": "Referral", "panelCount": 940, "financed": False},
    ),
    _opportunity(
        5,
        "Battery retrofit",
        45,
        (12, 7),
        value=13999.99,
        confidence=100,
        status="COMPLETED",
        custom={"roofTypes": ["Asphalt"], "surveyDate": "2024-05-02"},
    ),
    _opportunity(6, "Battery retrofit", 47, (12, 6), value=13250, status="CANCELLED", confidence=0),
    _opportunity(7, "Cold store metering", 46, (14, 31), status="ON_HOLD"),
    _opportunity(8, "Heat pump and panels", 47, (12, 5), value=38700, ownerId=33),
    _opportunity(9, "Gymnasium roof", 48, (14, 31), value=97500, ownerId=None),
    _opportunity(10, "EV chargers, east lot", 46, None, value=54000, trades=["Electrical"]),
    _opportunity(11, "Garage array", 45, (12, 6), value=16800, custom={"roofTypes": ["Tile"]}),
    _opportunity(12, "Old barn array", 45, (12, 3), value=9100, isActive=False),
    _opportunity(13, "Warehouse phase 2", 46, (14, 32), value=410000, confidence=12.5),
    _opportunity(14, "Service panel upgrade", 47, (12, 7), value=4200, status="COMPLETED"),
    _opportunity(15, "Library skylights", 48, (14, 33), status="CANCELLED", value=30500),
    _opportunity(16, "Pool pump and panels", 45, (12, 4), value=0),
    _opportunity(17, "Loading dock lights", 46, (14, 31), value=7300, status="ON_HOLD"),
    _opportunity(18, "Classroom heat pumps", 48, (14, 32), value=1204500.5),
    _opportunity(19, "Attic insulation", 47, (12, 3), value=6150, trades=["Insulation"]),
    _opportunity(20, "Whole-home rewire", 45, (12, 5), value=22900, trades=["Electrical"]),
    _opportunity(21, "Freezer hall array", 46, (14, 33), value=338000, confidence=75),
    _opportunity(22, "Bus depot canopy", 48, (14, 31), value=880000),
    _opportunity(23, "Porch lights", 47, (12, 6), value=950, trades=["Electrical"]),
]


STORED = tuple(_OPPORTUNITIES[0])
SEARCHABLE = frozenset(STORED) - {"custom"} | {"type"}
"""The standard fields that a search may name; `type` is one and holds nothing here (3.2)."""


def _by_id(rows: list[Json]) -> dict[int, Json]:
    return {row["id"]: copy.deepcopy(row) for row in rows}


def users() -> dict[int, Json]:
    """The company's users by id (coperniq.md 9)."""
    return _by_id(_USERS)


def contacts() -> dict[int, Json]:
    """People at customers by id."""
    return _by_id(_CONTACTS)


def accounts() -> dict[int, Json]:
    """Parent accounts by id; their titles stand in for blank opportunity titles (coperniq.md 4)."""
    return _by_id(_ACCOUNTS)


def workflows() -> dict[int, Json]:
    """Two sales workflows, one for projects, one archived, all of type PROJECT (coperniq.md 6)."""
    return _by_id(_WORKFLOWS)


def properties() -> dict[str, list[Json]]:
    """Property definitions by record type (coperniq.md 8)."""
    return copy.deepcopy({"opportunity": _OPPORTUNITY_PROPERTIES, **_OTHER_PROPERTIES})


def opportunities() -> dict[str, Json]:
    """Stored opportunities by id in decimal digits."""
    return {str(row["id"]): copy.deepcopy(row) for row in _OPPORTUNITIES}
