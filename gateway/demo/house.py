"""The two programs of the tour: the sandbox and a gateway, each a process of its own."""

import math
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import Any

from gateway.api.access import hash_key
from gateway.canonical import json_text
from gateway.sandbox.configuration import configuration

HOST = "127.0.0.1"
KEY = "demo-key"
START_SECONDS = 30
END_SECONDS = 5
STOPS = (signal.SIGINT, signal.SIGTERM)

# A vendor that hangs is given up soon, since somebody is looking on; a slow machine is waited for.
CONFIGURATION = f"""
environment = "development"
[logs]
format = "console"
level = "error"
[timeouts]
vendor_seconds = 3
[idempotency]
wait_seconds = 10
[reconcile]
quiet_seconds = 3
sweep_seconds = 1
[callers.demo]
key_sha256 = "{hash_key(KEY)}"
scopes = ["opportunities:read", "opportunities:write", "operations:resolve", "requests:read",
          "console"]
connections = ["*"]
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a program answered; where no answer came, status 0 and a sentence as its `detail`."""

    status: int
    json: Any
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in small letters."""


class ProgramDied(Exception):
    """The sandbox or the gateway ended by itself, or never began to answer."""


@dataclass(frozen=True, slots=True)
class House:
    """The sandbox and the gateway, running."""

    ports: Mapping[str, int]
    programs: Mapping[str, subprocess.Popen[bytes]]

    def url(self, program: str) -> str:
        """Where a program serves."""
        return f"http://{HOST}:{self.ports[program]}"

    def ask(
        self, program: str, what: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Asks a program."""
        method, target = what.split(" ", 1)
        content = None if body is None else json_text.write(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection = HTTPConnection(HOST, self.ports[program], timeout=START_SECONDS)
        try:
            connection.request(method, target, content, {**kind, **(headers or {})})
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            text = answer.read()
            return Answered(answer.status, json_text.read(text), text, told)
        except (OSError, HTTPException, json_text.JsonTextError) as error:
            return Answered(0, {"detail": f"no answer came: {error}"})
        finally:
            connection.close()

    def last(self, seconds: float = math.inf) -> None:
        """Waits. Raises `ProgramDied`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(min(seconds, 0.2))
            for name, program in self.programs.items():
                if program.poll() is not None:
                    raise ProgramDied(f"The {name} ended with status {program.returncode}.")

    def await_answer(self, program: str, what: str) -> None:
        """Waits until a program answers. Raises `ProgramDied`."""
        until = time.monotonic() + START_SECONDS
        while self.ask(program, what).status != 200:
            self.last(0.05)
            if time.monotonic() > until:
                raise ProgramDied(f"The {program} does not answer.")


@contextmanager
def running(port: int, folder: Path) -> Iterator[House]:
    """The programs, started and answering, ended whatever happens; SIGTERM is taken as Ctrl-C.

    The gateway takes `port`, or another where that is taken; `folder` is for its configuration.
    """
    ports = {"gateway": _free_port(port), "sandbox": _free_port(0)}
    if port not in (0, ports["gateway"]):
        print(f"Port {port} is taken, so the gateway serves at {ports['gateway']}.")
    programs: dict[str, subprocess.Popen[bytes]] = {}
    house = House(ports, programs)
    file = folder / "gateway.toml"
    file.write_text(CONFIGURATION + configuration(house.url("sandbox")), encoding="utf-8")
    arguments = {"sandbox": ["sandbox"], "gateway": ["serve", "--config", str(file)]}
    before = {kind: signal.signal(kind, _stop) for kind in STOPS}
    try:
        for name, own in arguments.items():
            command = [sys.executable, "-m", "gateway", *own, "--port", str(ports[name])]
            programs[name] = subprocess.Popen(command)  # noqa: S603 - our own program
        house.await_answer("sandbox", "GET /close/_options")
        house.await_answer("gateway", "GET /readyz")
        yield house
    finally:
        for kind in STOPS:
            signal.signal(kind, signal.SIG_IGN)
        _end(programs.values())
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(programs: Collection[subprocess.Popen[bytes]]) -> None:
    """Asks programs to end, and ends those that do not."""
    for program in programs:
        program.terminate()
    for program in programs:
        with suppress(subprocess.TimeoutExpired):
            program.wait(END_SECONDS)
        program.kill()  # does nothing to one that has ended
        program.wait()


def _free_port(wanted: int) -> int:
    """The wanted port if nobody listens there, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError, OverflowError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            taken: int = probe.getsockname()[1]
            return taken
    raise ProgramDied("There is no free port.")
