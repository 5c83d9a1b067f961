"""The exchanges that the OpenAPI document shows, as the gateway over the sandbox really has them.

`python -m tests.contract.recording` writes them down anew. They are recorded on one simulated
vendor and told of nobody: its name, its ids and the times of this machine are replaced, and long
lists and tables are cut, the same way every time.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi.routing import APIRoute

from gateway.api import examples
from gateway.canonical import json_text
from tests.contract.neutral import NOW, SIMULATED, Neutral
from tests.parked import parked
from tests.records import OPPORTUNITIES
from tests.sandboxed import Answered, Sandboxed, sandboxed, tree

CALLER = "billing"
SENT_ALWAYS = {"X_Request_Id": "billing-4711", "X_Request_Timeout_Ms": "10000"}
"""Beside what an exchange shows: the examples of the parameters that every operation has."""

TRACED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(slots=True)
class Recorder:
    """Sends requests to a gateway, and keeps what they and their answers were."""

    house: Sandboxed
    neutral: Neutral = field(default_factory=Neutral)
    kept: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(
        self,
        operation: str,
        name: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        path: Mapping[str, str] | None = None,
    ) -> Answered:
        """One exchange."""
        method, template = self._place(operation)
        target = template.format_map(path or {})
        if query:
            target += f"?{urlencode({each: _spelled(query[each]) for each in query}, doseq=True)}"
        sent = {each.replace("-", "_"): value for each, value in (headers or {}).items()}
        if method == "PATCH":
            sent["Content_Type"] = "application/merge-patch+json"
        answer = await self.house.ask(method, target, body, **SENT_ALWAYS, **sent)
        exchange: dict[str, Any] = {"operation": operation, "name": name}
        parts = {"path": path, "query": query, "headers": headers, "body": body}
        exchange |= {part: self.neutral.value(value) for part, value in parts.items() if value}
        exchange["status"] = answer.status
        if answer.content:
            exchange["answer"] = self.neutral.value(answer.json)
        self.kept.append(exchange)
        return answer

    def _place(self, operation: str) -> tuple[str, str]:
        """The method and path of an operation."""
        for route in self.house.app.routes:
            if isinstance(route, APIRoute) and route.operation_id == operation:
                (method,) = sorted(route.methods or ())
                return method, route.path
        raise LookupError(operation)


def _spelled(value: Any) -> Any:
    """A value as a query has it."""
    return json.dumps(value) if isinstance(value, bool) else value


async def recorded() -> list[dict[str, Any]]:
    """Every exchange, in the order in which the document has its operations."""
    configured = tree()
    spoken = configured["connections"][f"acme-{SIMULATED}"]
    caller = configured["callers"]["tests"]
    may = {**caller, "scopes": [*caller["scopes"], "operations:resolve", "requests:read"]}
    only = {
        "callers": {CALLER: may},
        "connections": {examples.CONNECTION: spoken},
        "request_ledger": {"enabled": True},
    }
    async with sandboxed({**configured, **only}, clock=lambda: NOW) as house:
        record = Recorder(house)
        await _opportunities(record)
        await _connections(record)
        await _operations(record)
        await _requests(record)
        await record("get_caller", "whose key it is")
    return record.kept


async def _opportunities(record: Recorder) -> None:
    draft = {
        "name": "Warehouse roof",
        "value": {"amount": "7500.00", "currency": "USD"},
        "stage": {"name": "Demo scheduled"},
        "custom_fields": {"robots": ["Picker", "Courier"]},
    }
    made = await record(
        "create_opportunity",
        "a roof",
        body={"connection": examples.CONNECTION, **draft},
        headers=_key(),
    )
    at = {"opportunity_id": made.json["id"]}
    found = await record("get_opportunity", "a roof", path=at)
    version = found.headers["etag"]
    await record("get_opportunity", "one that is held", headers={"If-None-Match": version}, path=at)
    listed = {"connection": [examples.CONNECTION], "status": "open", "limit": 2}
    page = await record("list_opportunities", "open ones of one connection", query=listed)
    cursor = {"cursor": page.json["next_cursor"]}
    await record("list_opportunities", "the next page", query=listed | cursor)
    await record(
        "update_opportunity",
        "another value, no description",
        body={"value": {"amount": "8000.00"}, "description": None},
        headers={"If-Match": version, **_key(1)},
        path=at,
    )
    won = {"stage": {"name": "Won"}, "closed_at": "2026-11-30T12:00:00Z"}
    await record(
        "update_opportunity",
        "won, without a custom field",
        body={**won, "custom_fields": {"robots": None}},
        headers={"If-Match": "*", **_key(2)},
        path=at,
    )
    await _translations(record, draft, at)
    await record("delete_opportunity", "a roof", headers=_key(3), path=at)


def _key(number: int = 0) -> dict[str, str]:
    return {"Idempotency-Key": f"{examples.KEY}-{number}" if number else examples.KEY}


async def _translations(record: Recorder, draft: Any, at: Mapping[str, str]) -> None:
    raw = await record.house.ask("GET", f"{OPPORTUNITIES}/{at['opportunity_id']}?include=raw")
    update = {"value": {"amount": "8000.00"}}
    for name, body in (
        ("a create", {"operation": "create", "body": draft}),
        ("an update", {"operation": "update", **at, "body": update}),
        ("a delete", {"operation": "delete", **at}),
        ("a record to read", {"operation": "read", "record": raw.json["raw"]}),
    ):
        await record("translate", name, body=body, path={"connection": examples.CONNECTION})


async def _connections(record: Recorder) -> None:
    at = {"connection": examples.CONNECTION}
    await record("list_connections", "all of a caller")
    await record("get_connection", "one that was asked", query={"check": True}, path=at)
    for operation in ("get_capabilities", "list_pipelines", "list_custom_fields", "list_users"):
        await record(operation, "of a connection", path=at)
    await record("list_vendors", "what is installed")
    del record.kept[-1]["answer"]["items"][1:]


async def _operations(record: Recorder) -> None:
    made = await record.house.ask("POST", OPPORTUNITIES, {"connection": examples.CONNECTION})
    about, patch = made.json["id"], {"probability": 60}
    waiting = [
        await parked(
            record.house.app, "update", examples.CONNECTION,
            about=about, body=patch, caller=CALLER, key=key,
        )
        for key in (b"1", b"2")
    ]  # fmt: skip
    listed = {"state": ["succeeded"], "connection": [examples.CONNECTION], "limit": 1}
    page = await record("list_operations", "what was done", query=listed)
    done = {"operation_id": page.json["items"][0]["id"]}
    await record("get_operation", "one that succeeded", path=done)
    seen = "Seen in the vendor's own pages, made at the time of the write."
    unseen = "The vendor's support confirms that nothing arrived."
    for which, name, said in (
        (
            waiting[0],
            "it is there",
            {"outcome": "applied", "opportunity_id": about, "reason": seen},
        ),
        (waiting[1], "it is not there", {"outcome": "not_applied", "reason": unseen}),
    ):
        await record("resolve_operation", name, body=said, path={"operation_id": which})


async def _requests(record: Recorder) -> None:
    refuse = {"kind": "status", "status": 400, "body": {"error": "No such lead"}}
    record.house.vendor(SIMULATED).faults.add({"fault": refuse})
    made = {"connection": examples.CONNECTION, "value": {"amount": "7500.00"}}
    refused = await record.house.ask("POST", OPPORTUNITIES, made, traceparent=TRACED, **SENT_ALWAYS)
    place = refused.json["instance"]
    async with record.house.app.router.lifespan_context(record.house.app):
        pass  # what the ledger is to keep is written by the end of it
    await record(
        "get_request", "a write that was refused", path={"request_id": place.rpartition("/")[2]}
    )


def written(exchanges: Sequence[Mapping[str, Any]]) -> str:
    """The exchanges as they are kept."""
    plain = json.loads(json_text.write(list(exchanges)))
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    examples.RECORDED.write_text(written(asyncio.run(recorded())), encoding="utf-8")
