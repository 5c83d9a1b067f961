"""Records to try things on: one of each vendor, made through the gateway itself."""

from typing import Any

from tests.sandboxed import Sandboxed

VENDORS = ("close", "coperniq", "reevo", "slant")
OPPORTUNITIES = "/v1/opportunities"
TWELVE_HUNDRED = {"value": {"amount": "1200.00"}}


def draft(vendor: str, **members: Any) -> dict[str, Any]:
    """What a create needs at a vendor beyond the connection's defaults."""
    name = {} if vendor == "close" else {"name": "Warehouse roof"}
    return {"connection": f"acme-{vendor}", **name, **members}


async def made(house: Sandboxed, vendor: str, **members: Any) -> Any:
    """An opportunity that was made just now."""
    answer = await house.ask("POST", OPPORTUNITIES, draft(vendor, **members))
    assert answer.status == 201, answer.content
    return answer.json


def path_of(opportunity: Any) -> str:
    """Where an opportunity lives."""
    return f"{OPPORTUNITIES}/{opportunity['id']}"


def calls(house: Sandboxed, *vendors: str) -> int:
    """How many calls vendors have received."""
    return sum(len(house.vendor(name).ledger.requests) for name in vendors or VENDORS)


def effects(house: Sandboxed, *vendors: str) -> int:
    """How many writes took effect at vendors."""
    return sum(len(house.vendor(name).ledger.effects) for name in vendors or VENDORS)
