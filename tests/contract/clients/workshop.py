"""Where clients are made, and the programs that they talk to: a sandbox, a gateway, a later one."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from gateway.api.access import hash_key
from gateway.canonical import json_text
from gateway.sandbox import VENDORS, close
from gateway.sandbox.configuration import configuration
from tests.contract.clients.languages import EVERY, QUICK, Client, Made
from tests.contract.clients.later import problems_of, tomorrow
from tests.contract.clients.toolchain import needed
from tests.integration.programs import CALLER, Program
from tests.sandboxed import KEY

CLIENTS = EVERY if os.environ.get("GATEWAY_CLIENTS") == "all" else QUICK
CALLERS = f"""
[callers.reader]
key_sha256 = "{hash_key("reader-key")}"
scopes = ["opportunities:read"]
connections = ["*"]
[callers.hasty]
key_sha256 = "{hash_key("hasty-key")}"
scopes = ["opportunities:read"]
connections = ["*"]
requests_per_minute = 1
"""


@dataclass(frozen=True, slots=True)
class House:
    """The programs that are up."""

    sandbox: str
    gateway: str
    later: str

    def environ(self, document: Path) -> dict[str, str]:
        """What a client's user has to know, over vendors as they were seeded."""
        for vendor in VENDORS:
            httpx.post(f"{self.sandbox}/{vendor.name}/_reset").raise_for_status()
        return {
            "GATEWAY_URL": self.gateway,
            "GATEWAY_KEY": KEY,
            "READER_KEY": "reader-key",
            "HASTY_KEY": "hasty-key",
            "STRANGER_KEY": "stranger-key",
            "LATER_URL": self.later,
            "PROBLEMS": " ".join(problems_of(json_text.read(document.read_bytes()))),
            "RUN": uuid.uuid4().hex,
        }


@contextmanager
def opened(document: Path, folder: Path) -> Iterator[House]:
    """The programs, in processes of their own; a later release is played before the gateway."""
    programs = [Program.start("sandbox", folder, "sandbox")]
    try:
        sandbox = programs[0].ready("/close/_ledger")
        config = folder / "gateway.toml"
        config.write_text(CALLER + CALLERS + _connections(sandbox.url), encoding="utf-8")
        programs.append(Program.start("gateway", folder, "serve", "--config", str(config)))
        gateway = programs[1].ready("/livez")
        with tomorrow(gateway.url, json_text.read(document.read_bytes())) as later:
            yield House(sandbox.url, gateway.url, later)
    finally:
        for program in reversed(programs):
            program.end()


def _connections(sandbox: str) -> str:
    """The sandbox's connections, and three to one of its vendors that have their troubles."""
    good = configuration(sandbox)
    _, head, rest = good.partition("[connections.acme-close]")
    one = head + rest.partition("\n[connections.acme-reevo]")[0]
    first = "[connections.acme-close]\n"
    return "\n".join(
        (
            good,
            one.replace(close.API_KEY, "api_nobody").replace("acme-close", "abroad-close"),
            one.replace(first, f"{first}enabled = false\n").replace("acme-close", "resting-close"),
            one.replace(first, f"{first}require_if_match = true\n")
            .replace("acme-close", "careful-close"),
        )
    )  # fmt: skip


class Workshop:
    """Makes each client of each document once, and has each run the scenario once."""

    def __init__(self, house: House) -> None:
        self.house = house

    @cache  # noqa: B019 - it lives as long as the tests do
    def made(self, client: Client, document: Path) -> Made:
        """The client, checked; skips the test for want of a tool."""
        needed(client.needs)
        return client.made(document)

    @cache  # noqa: B019 - the same
    def transcript(self, client: Client, document: Path) -> list[dict[str, Any]]:
        """What the scenario tells."""
        return self.made(client, document).transcript(**self.house.environ(document))
