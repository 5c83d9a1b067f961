"""What a caller asks, and the vendor call in it that matters, for each vendor and operation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration.two_ends import Gateway, Ledger, Sandbox
from tests.sandboxed import Answered

OPERATIONS = ("get", "list", "create", "update", "delete")
READS = ("get", "list")
UNSUPPORTED = {("slant", "delete")}
"""What a vendor has not, so that no call can fail."""


LOOKS = ("/_query", "/search")
"""Where a vendor is searched, be it by POST."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request to the gateway, and the vendor call in it that matters."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    struck: tuple[str, str]
    """Its method at the vendor, and a part of its path."""

    async def ask(self, gateway: Gateway, **headers: str) -> Answered:
        """Asks the gateway."""
        return await gateway.ask(self.method, self.path, self.body, **headers)

    async def spoil(self, sandbox: Sandbox, vendor: str, what: Any, **rest: Any) -> None:
        """Lets the vendor call that matters go wrong."""
        method, path = self.struck
        await sandbox.spoil(vendor, what, {"method": method, "path": path}, **rest)

    def calls(self, ledger: Ledger) -> int:
        """How often that call was made; what looks for its effect asks elsewhere."""
        method, path = self.struck
        made = ledger.calls(method, path)
        return len([call for call in made if not call["path"].endswith(LOOKS)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """How a vendor is spoken to: where records are, how it lists and updates, what it takes."""

    records: str
    list_path: str
    list_method: str = "GET"
    update_method: str = "PATCH"
    draft: Mapping[str, Any]
    patch: Mapping[str, Any]

    def act(self, operation: str, connection: str, record_id: str) -> Act:
        """An operation on a connection."""
        one, many = f"/v1/opportunities/{connection}.{record_id}", "/v1/opportunities"
        its_own = f"{self.records}{record_id}"
        match operation:
            case "get":
                return Act("GET", one, None, ("GET", its_own))
            case "list":
                where = f"{many}?connection={connection}"
                return Act("GET", where, None, (self.list_method, self.list_path))
            case "create":
                draft = {"connection": connection, **self.draft}
                return Act("POST", many, draft, ("POST", self.records.rstrip("/")))
            case "update":
                return Act("PATCH", one, self.patch, (self.update_method, its_own))
            case _:
                return Act("DELETE", one, None, ("DELETE", its_own))


SPOKEN = {
    "slant": Spoken(
        records="/v1/opportunities/",
        list_path="/v1/opportunities",
        draft={"name": "A name of its own"},
        patch={"name": "Another name"},
    ),
    "coperniq": Spoken(
        records="/v1/opportunities/",
        list_path="/v1/opportunities",
        draft={"name": "A name of its own"},
        patch={"name": "Another name"},
    ),
    "close": Spoken(
        records="/api/v1/opportunity/",
        list_path="/api/v1/opportunity/",
        update_method="PUT",
        draft={"probability": 20},
        patch={"probability": 41},
    ),
    "reevo": Spoken(
        records="/api/v2/opportunity/",
        list_path="/api/v2/opportunity/_query",
        list_method="POST",
        draft={"name": "A name of its own"},
        patch={"name": "Another name"},
    ),
}
