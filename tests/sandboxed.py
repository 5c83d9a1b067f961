"""The gateway over the sandbox in one process: what tests of the whole path stand on."""

import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.applications import Starlette

from gateway.api.access import hash_key
from gateway.app import create_app
from gateway.canonical import json_text
from gateway.sandbox import create_sandbox
from gateway.sandbox.configuration import configuration
from gateway.sandbox.simulator import Simulator, utc_now
from gateway.settings import parse
from gateway.telemetry.hooks import Hooks

SANDBOX_URL = "http://sandbox.test"
KEY = "test-caller-key"
CALLERS = {
    "tests": {
        "key_sha256": hash_key(KEY),
        "scopes": ["opportunities:read", "opportunities:write"],
        "connections": ["*"],
    }
}
UNGUARDED = {"retries": {"attempts": 1}, "breaker": {"calls": 1000}}
"""A fault that is scripted once is told as it came, however often vendors failed before."""


class InProcess(httpx.AsyncBaseTransport):
    """The sandbox as a transport, with the send gate where a real client has it."""

    def __init__(self, app: Starlette) -> None:
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        try:
            return await self._inner.handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Sandboxed:
    """A gateway and the vendors behind it."""

    app: FastAPI
    api: httpx.AsyncClient
    sandbox: Starlette

    def vendor(self, name: str) -> Simulator:
        """A simulated vendor, to look into."""
        simulator: Simulator = self.sandbox.state.simulators[name]
        return simulator

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> "Answered":
        """One request to the gateway; keyword names become headers (`If_Match=…`)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None
        if body is not None:
            content = json_text.write(body)
            sent.setdefault("Content-Type", "application/json")
        response = await self.api.request(method, path, content=content, headers=sent)
        return Answered(response)


class Answered:
    """The gateway's answer, with exact numbers."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.content = response.content

    @property
    def json(self) -> Any:
        """The body."""
        return json_text.read(self.content)

    @property
    def code(self) -> Any:
        """The problem's code."""
        return self.json["code"]


def tree(**changes: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration for the sandbox; keywords lay tables over connections (`acme_close={…}`)."""
    spelled = tomllib.loads(configuration(SANDBOX_URL))
    for name, members in changes.items():
        table = spelled["connections"][name.replace("_", "-")]
        for key, value in members.items():
            both = isinstance(value, Mapping) and isinstance(table.get(key), dict)
            table[key] = {**table[key], **value} if both else value
    return {"callers": CALLERS, **UNGUARDED, **spelled}


@asynccontextmanager
async def sandboxed(
    configured: Mapping[str, Any] | None = None, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Sandboxed]:
    """A running gateway over a fresh sandbox."""
    sandbox = create_sandbox(clock)
    settings = parse(dict(configured or tree()), {}, Path())
    app = create_app(settings, client=InProcess(sandbox), hooks=Hooks())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway.test",
        headers={"Authorization": f"Bearer {KEY}"},
    ) as api:
        yield Sandboxed(app, api, sandbox)
