"""The two ends of a test: the gateway is asked, and the vendors behind it are steered."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.canonical import json_text
from tests.sandboxed import KEY, Answered

VENDORS = ("slant", "coperniq", "close", "reevo")
LOOPBACK_LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=0)
"""A fresh connection for each request: one that a server closes while idle is no fault of ours."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway, asked over HTTP as a known caller."""

    client: httpx.AsyncClient

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str) -> "AsyncIterator[Gateway]":
        """A gateway that listens there."""
        async with httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=30,
            limits=LOOPBACK_LIMITS,
        ) as client:
            yield cls(client)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """One request; keyword names become headers (`If_Match=…`)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None
        if body is not None:
            content = json_text.write(body)
            sent.setdefault("Content-Type", "application/json")
        return Answered(await self.client.request(method, path, content=content, headers=sent))

    async def learn(self, prefix: str = "acme") -> None:
        """Lets it read the catalogues of one connection to each vendor."""
        for vendor in VENDORS:
            path = f"/v1/connections/{prefix}-{vendor}/custom-fields"
            answer = await self.ask("GET", path)
            assert answer.status == 200, answer.content


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The vendors: their ledgers, their records, and what is to go wrong with them."""

    client: httpx.AsyncClient

    @property
    def url(self) -> str:
        """Where the vendors are served."""
        return str(self.client.base_url)

    async def reset(self) -> None:
        """All four as they were seeded, no fault left over."""
        resets = (self.client.post(f"/{vendor}/_reset") for vendor in VENDORS)
        for answer in await asyncio.gather(*resets):
            assert answer.status_code == 204

    async def spoil(
        self, vendor: str, fault: Mapping[str, Any], match: Mapping[str, str], **rest: Any
    ) -> None:
        """Scripts a fault for the next call that matches; `rest` may say `when` and `times`."""
        script = {"match": match, "fault": fault, **rest}
        answer = await self.client.post(f"/{vendor}/_faults", content=json_text.write(script))
        assert answer.status_code == 201, answer.text

    async def unspent(self, vendor: str) -> list[Any]:
        """The scripts that struck nobody yet."""
        left: list[Any] = (await self.client.get(f"/{vendor}/_faults")).json()
        return left

    async def ledger(self, vendor: str) -> "Ledger":
        """What the vendor received, and what it changed."""
        found = json_text.read((await self.client.get(f"/{vendor}/_ledger")).content)
        return Ledger(found["requests"], found["effects"])

    async def records(self, vendor: str) -> dict[str, Any]:
        """The vendor's stored opportunities by id."""
        records: dict[str, Any] = json_text.read(
            (await self.client.get(f"/{vendor}/_records")).content
        )
        return records


@dataclass(frozen=True, slots=True)
class Ledger:
    """The calls that a vendor received, and the writes that took effect."""

    requests: list[dict[str, Any]]
    effects: list[dict[str, Any]]

    def calls(self, method: str, path: str = "") -> list[dict[str, Any]]:
        """The calls of a method whose path holds a text."""
        return [call for call in self.requests if call["method"] == method and path in call["path"]]
