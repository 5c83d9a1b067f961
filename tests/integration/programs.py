"""The gateway and the sandbox as processes of their own, as an operator starts them."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from gateway.api.access import hash_key
from tests.sandboxed import KEY
from tests.servers import free_port

PATIENCE = 30.0
"""Seconds that a program may take to answer, or to end."""
TAIL = 3000
"""Characters of a program's log that a failed test shows."""

CALLER = f"""
[server]
drain_seconds = 0  # no balancer has to notice that a test is over

[callers.tests]
key_sha256 = "{hash_key(KEY)}"
scopes = ["opportunities:read", "opportunities:write"]
connections = ["*"]
"""


def run(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Starts a command of the gateway whose output is to be read."""
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )


@dataclass
class Program:
    """A server of ours in a process of its own; what it prints goes to a file."""

    name: str
    url: str
    log: Path
    process: "subprocess.Popen[bytes]"
    sink: IO[bytes]

    @classmethod
    def start(
        cls, name: str, folder: Path, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "Program":
        """Starts it on a free port; `arguments` are a command of the gateway without its port."""
        port = free_port()
        log = folder / f"{name}.log"
        sink = log.open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", *arguments, "--port", str(port)],
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(env or {})},
        )
        return cls(name, f"http://127.0.0.1:{port}", log, process, sink)

    def ready(self, path: str) -> "Program":
        """Waits until it answers a GET of the path."""
        patient_until = time.monotonic() + PATIENCE
        while time.monotonic() < patient_until:
            if self.process.poll() is not None:
                break
            try:
                httpx.get(f"{self.url}{path}", timeout=PATIENCE).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return self
        raise RuntimeError(f"{self.name} does not answer:\n{self.tail()}")

    def end(self) -> int:
        """Asks it to end, and after a while makes it; the status with which it did."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.sink.close()

    def text(self) -> str:
        """All that it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of what it printed."""
        return self.text()[-TAIL:]
