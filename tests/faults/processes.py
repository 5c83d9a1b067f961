"""The rig's own programs: the simulated vendors, and replicas of the gateway."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from gateway.canonical import json_text
from tests.faults.layout import Layout
from tests.programs import Found, Tool
from tests.servers import Server, free_port

PYTHON = Tool(name="python", packages=(), version="--version")
ROOT = Path(__file__).resolve().parents[2]


class Program(Server):
    """A Python program of ours, which answers once every port of it takes connections."""

    def __init__(
        self,
        folder: Path,
        ports: Sequence[int],
        arguments: Sequence[str],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.ports = ports
        found = Found(Path(sys.executable), {**environ, "PYTHONPATH": str(ROOT)})
        super().__init__(PYTHON, found, folder, arguments)

    def answers(self) -> bool:
        """Whether each port takes connections."""
        return all(map(listening, self.ports))


class Vendors(Program):
    """The simulated vendors, with a ledger that is on disk before any answer."""

    def __init__(self, layout: Layout) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        where = ["--port", str(self.port), "--ledger", str(layout.ledger)]
        folder = layout.folder / "vendors"
        folder.mkdir()
        super().__init__(folder, [self.port], ["-m", "gateway", "sandbox", *where])

    def tell(self, method: str, path: str, body: Any = None) -> Any:
        """A control route of the sandbox."""
        content = None if body is None else json_text.write(body)
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            answer = client.request(method, path, content=content)
            answer.raise_for_status()
        return answer.json() if answer.content else None

    def spoil(self, vendor: str, tag: str, kind: str, when: str | None = None, **more: Any) -> None:
        """Has something go wrong with the next write that bears the tag."""
        match = {"method": more.pop("method", None)}
        script = {"match": {"body": tag, **match}, "fault": {"kind": kind, **more}}
        timed = {} if when is None else {"when": when}
        self.tell("POST", f"/{vendor}/_faults", {**script, **timed})


class Fleet(Program):
    """Replicas that are forked from one process."""

    def __init__(self, layout: Layout, size: int, environ: Mapping[str, str] = os.environ) -> None:
        ports = [free_port() for _ in range(size)]
        arguments = ["-m", "tests.faults.replica", str(layout.folder), *map(str, ports)]
        super().__init__(layout.folder / "replicas", ports, arguments, environ)


def listening(port: int) -> bool:
    """Whether a port of loopback takes connections."""
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    return False
