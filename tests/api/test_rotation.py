"""Rotation in a running gateway: callers' keys, a vendor's credentials, an issuer's keys (F22)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.api.access import hash_key
from gateway.app import create_app
from gateway.sandbox import create_sandbox
from gateway.sandbox.configuration import configuration
from gateway.settings import load
from gateway.telemetry.hooks import Hooks
from tests import issuer
from tests.issuer import IssuerTransport, token
from tests.sandboxed import SANDBOX_URL, Answered, InProcess

UNHEARD = (signal.SIG_DFL, signal.SIG_IGN)
"""How SIGHUP is handled before the file is followed; whoever starts the tests may ignore it."""
CONNECTIONS = configuration(SANDBOX_URL)
DRAFT = {"connection": "acme-close", "value": {"amount": "1.00"}}
CALLER = """
[callers.{name}]
{keys}
scopes = ["opportunities:read", "opportunities:write"]
connections = ["*"]
"""
ISSUER = f"""
[jwt]
issuer = "{issuer.NAME}"
audience = "{issuer.AUDIENCE}"
jwks_url = "{issuer.URL}"
algorithms = ["RS256"]
"""


def caller(*keys: str, name: str = "billing") -> str:
    """A caller with these keys."""
    spelled = ", ".join(f'{{ sha256 = "{hash_key(key)}" }}' for key in keys)
    return CALLER.format(name=name, keys=f"key_sha256s = [{spelled}]")


def written(path: Path, text: str) -> None:
    """Writes the file."""
    path.write_text(text, encoding="utf-8")


class Running:
    """A gateway that follows its file."""

    def __init__(
        self, app: Any, api: httpx.AsyncClient, path: Path, sandbox: Starlette,
        network: IssuerTransport,
    ) -> None:  # fmt: skip
        self._app, self._api, self._path = app, api, path
        self.sandbox, self.network = sandbox, network

    async def ask(self, credential: str, body: Any = None, **headers: str) -> Answered:
        """A list, or with a body a create."""
        lines = {"Authorization": f"Bearer {credential}"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            return Answered(await self._api.get("/v1/connections", headers=lines))
        return Answered(await self._api.post("/v1/opportunities", json=body, headers=lines))

    async def statuses(self, *credentials: str) -> list[int]:
        """What each credential is worth."""
        return [(await self.ask(each)).status for each in credentials]

    async def reload(self, text: str) -> None:
        """Another file, taken on."""
        before = self._app.state.house
        written(self._path, text)
        os.kill(os.getpid(), signal.SIGHUP)
        while self._app.state.house is before:  # noqa: ASYNC110 - the gateway tells its log alone
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(path: Path, text: str) -> AsyncIterator[Running]:
    """A gateway over the sandbox."""
    written(path, text)
    sandbox = create_sandbox()
    network = IssuerTransport(InProcess(sandbox), list(issuer.KEYS))
    app = create_app(load(path, {}), client=network, hooks=Hooks(), file=path)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://gateway.test"
        ) as api,
    ):
        # The file is followed in a task of its own, which tells nobody that it has begun.
        while signal.getsignal(signal.SIGHUP) in UNHEARD:  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.01)
        yield Running(app, api, path, sandbox, network)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration lies."""
    return tmp_path / "gateway.toml"


async def test_a_callers_key_is_changed_without_a_refused_request(file: Path) -> None:
    """First both, then the new one; somebody asks with a key that is valid all the while."""
    async with running(file, caller("old") + CONNECTIONS) as house:
        assert await house.statuses("old", "new") == [200, 401]
        await house.reload(caller("old", "new") + CONNECTIONS)
        assert await house.statuses("old", "new") == [200, 200]
        await house.reload(caller("new") + CONNECTIONS)
        assert await house.statuses("old", "new") == [401, 200]


async def test_both_keys_of_a_caller_are_the_same_caller(file: Path) -> None:
    """A retry under the new key gets the answer to the write under the old one."""
    async with running(file, caller("old", "new") + CONNECTIONS) as house:
        first = await house.ask("old", DRAFT, Idempotency_Key="k")
        again = await house.ask("new", DRAFT, Idempotency_Key="k")
    assert (first.status, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_key_that_moves_to_another_caller_takes_nothing_along(file: Path) -> None:
    """What a caller wrote is its own, whoever has its key now."""
    async with running(file, caller("key") + CONNECTIONS) as house:
        first = await house.ask("key", DRAFT, Idempotency_Key="k")
        await house.reload(caller("key", name="payroll") + CONNECTIONS)
        second = await house.ask("key", DRAFT, Idempotency_Key="k")
    assert (first.status, second.status) == (201, 201)
    assert "idempotent-replayed" not in second.headers
    assert first.json["id"] != second.json["id"]


async def test_a_vendors_credential_is_mended_and_the_same_key_runs(file: Path) -> None:
    """What it refused for its own sake is no answer to the write: nothing is stored of it."""
    revoked = CONNECTIONS.replace("api_sandbox0close", "api_revoked0close")
    assert revoked != CONNECTIONS
    async with running(file, caller("key") + revoked) as house:
        refused = await house.ask("key", DRAFT, Idempotency_Key="k")
        assert (refused.status, refused.code) == (502, "vendor-credentials-invalid")
        assert refused.headers["idempotency-status"] == "not-applied"
        await house.reload(caller("key") + CONNECTIONS)
        made = await house.ask("key", DRAFT, Idempotency_Key="k")
        assert (made.status, made.headers["idempotency-status"]) == (201, "created")
        effects = house.sandbox.state.simulators["close"].ledger.effects
        assert len(effects) == 1


async def test_an_issuers_keys_outlive_a_change_of_the_file(file: Path) -> None:
    """They are read once, and a token's caller comes and goes with its entry."""
    entry = '[callers."jwt:billing"]\nscopes = ["opportunities:read"]\nconnections = ["*"]\n'
    async with running(file, ISSUER + entry + CONNECTIONS) as house:
        assert await house.statuses(token()) == [200]
        await house.reload(ISSUER + CONNECTIONS)
        assert await house.statuses(token()) == [403]
        await house.reload(ISSUER + entry + CONNECTIONS)
        assert await house.statuses(token()) == [200]
        assert len(house.network.asked) == 1
