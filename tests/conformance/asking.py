"""What the tests of cells ask of the gateway, one connection at a time."""

from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

from gateway.canonical.ids import join, split
from gateway.canonical.opportunity import Opportunity
from gateway.sandbox.simulator import Simulator
from tests.conformance.samples import TARGETS, VENDOR_OF
from tests.sandboxed import Answered, Sandboxed

LENIENT = {"Prefer": "handling=lenient"}


class Asking:
    """One connection of a house, and the vendor behind it."""

    def __init__(self, house: Sandboxed, connection: str) -> None:
        self.connection = connection
        self.vendor: Simulator = house.vendor(VENDOR_OF[connection])
        self._house = house

    async def cells(self) -> Any:
        """The connection's capabilities."""
        answered = await self._house.ask("GET", f"/v1/connections/{self.connection}/capabilities")
        return answered.json

    async def get(self, vendor_id: str) -> Opportunity:
        """A record as the gateway shows it."""
        answered = await self.ask("GET", vendor_id)
        assert answered.status == 200, answered.json
        return Opportunity.model_validate(answered.json)

    async def raw(self, vendor_id: str) -> Any:
        """A record as the vendor shows it."""
        path = f"/v1/opportunities/{join(self.connection, vendor_id)}?include=raw"
        return (await self._house.ask("GET", path)).json["raw"]

    async def page(self, **query: str) -> Answered:
        """A page of the list; it holds everything, unless a limit is named."""
        whole = urlencode({"connection": self.connection, "limit": "200", **query})
        return await self._house.ask("GET", f"/v1/opportunities?{whole}")

    async def create(self, body: dict[str, Any], *, lenient: bool = False) -> Answered:
        """A create on this connection."""
        whole = {"connection": self.connection, **body}
        prefer = LENIENT if lenient else {}
        return await self._house.ask("POST", "/v1/opportunities", whole, **prefer)

    async def update(
        self, body: dict[str, Any], vendor_id: str | None = None, *, lenient: bool = False
    ) -> Answered:
        """An update of a record, of the usual one if none is named."""
        prefer = LENIENT if lenient else {}
        return await self.ask("PATCH", vendor_id or TARGETS[self.connection], body, **prefer)

    async def ask(self, method: str, vendor_id: str, body: Any = None, **headers: str) -> Answered:
        """Anything about one record."""
        path = f"/v1/opportunities/{join(self.connection, vendor_id)}"
        return await self._house.ask(method, path, body, **headers)

    def stored(self, vendor_id: str | None = None) -> Any:
        """The record as the vendor keeps it."""
        return deepcopy(self.vendor.records[vendor_id or TARGETS[self.connection]])

    @property
    def calls(self) -> int:
        """Vendor calls made since the reset."""
        return len(self.vendor.ledger.requests)

    @property
    def effects(self) -> list[str]:
        """What the vendor did since the reset."""
        return [effect.effect for effect in self.vendor.ledger.effects]


def vendor_id_of(answered: Answered) -> str:
    """The vendor's id of an answer's record."""
    found = split(answered.json["id"])
    assert found
    return found[1]


def named(cells: Any) -> dict[str, Any]:
    """What a create needs beyond the connection's defaults."""
    can_be_named = cells["fields"]["name"]["create"] != "unsupported"
    return {"name": "A deal of its own"} if can_be_named else {}
