"""The peers and the gateway, each a process on a core of its own, and what they stand on."""

import json
import os
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final

from gateway.sandbox.configuration import configuration
from tests.faults.settlement import SEALING, SIGNING, spelled
from tests.performance.bench import meter
from tests.performance.bench.installed import OPTIONS, installed
from tests.performance.bench.recording import Recording
from tests.programs import NGINX, REDIS, Toolbox
from tests.sandboxed import CALLERS
from tests.servers import RedisServer, free_port

CORES: Final = sorted(os.sched_getaffinity(0))
SERVED_ON: Final = {CORES[0]}
"""Where the one that is measured runs; all else has the rest."""
BESIDE: Final = set(CORES[1:]) or SERVED_ON
WAITS: Final = {"acme": "", "slow": "/wait-20", "far": "/wait-200"}
"""Names of connections by how long their vendor takes."""
MANY: Final = 512
"""Room for every caller of the bench at once: what is queued is not measured."""
RATE: Final = [{"limit": 1_000_000_000, "window_seconds": 60}]
"""A limit that is counted like any other, and never reached."""
_UVICORN: Final = (
    "--no-access-log",
    "--log-level",
    "warning",
    "--loop",
    "uvloop",
    "--http",
    "httptools",
)
_PATIENCE: Final = 30.0


@dataclass
class House:
    """One server that is measured."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    started: float
    """Seconds that it took until it listened."""

    @property
    def pids(self) -> list[int]:
        """All its processes."""
        return meter.family(self.process.pid)

    @property
    def cpu(self) -> float:
        """Seconds of processor so far."""
        return meter.cpu_seconds(self.pids)

    @property
    def memory(self) -> float:
        """MB that its largest process holds."""
        return max(meter.resident_mb([pid]) for pid in self.pids)


class Loader:
    """The process that asks."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    def run(self, **job: Any) -> Mapping[str, Any]:
        """Does one job; see `load`."""
        sink, source = self._process.stdin, self._process.stdout
        assert sink
        assert source
        sink.write(json.dumps(job).encode() + b"\n")
        sink.flush()
        told = source.readline()
        if not told:
            raise RuntimeError(f"the loader broke down:\n{self._log.read_text()[-3000:]}")
        result: Mapping[str, Any] = json.loads(told)
        return result


@dataclass
class Street:
    """Everything that runs at once."""

    folder: Path
    redis: RedisServer
    stub: int
    loader: Loader
    python: str = sys.executable
    """What the gateway runs on."""
    houses: dict[str, House] = field(default_factory=dict)


@contextmanager
def street(folder: Path, recording: Recording) -> Iterator[Street]:
    """Redis, the vendors and the loader; houses are added to it."""
    recording.write(folder / "answers.json")
    with ExitStack() as running, on(BESIDE):
        redis = running.enter_context(stored(folder))
        stub = _started(running, folder, "stub", [*_module("stub"), str(folder / "answers.json")])
        assert stub.stdout
        port = int(stub.stdout.readline())
        asking = _started(running, folder, "load", _module("load"))
        loader = Loader(asking, folder / "load.log")
        found = Street(folder, redis, port, loader)
        running.callback(_end_all, found.houses)
        yield found


@contextmanager
def stored(folder: Path) -> Iterator[RedisServer]:
    """A Redis that keeps what it is told, as production's does."""
    found = Toolbox(os.environ).needed(REDIS)
    redis = RedisServer(found, folder, appendonly="yes", appendfsync="everysec")
    with on(BESIDE):
        redis.start()
    try:
        yield redis
    finally:
        redis.end()


def _end_all(built: Mapping[str, House]) -> None:
    for house in built.values():
        end(house)


def end(house: House) -> None:
    """Ends a house."""
    house.process.terminate()
    try:
        house.process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        house.process.kill()
        house.process.wait()


def served(at: Street, name: str, command: Sequence[str], port: int, **env: str) -> House:
    """Starts a house and waits until it listens."""
    log = (at.folder / f"{name}.log").open("ab")
    with on(SERVED_ON):
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **env}, cwd=Path.cwd()
        )
    log.close()
    start = time.monotonic()
    until = start + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            house = House(name, port, process, time.monotonic() - start)
            at.houses[name] = house
            return house
    raise RuntimeError(
        f"{name} does not listen:\n{(at.folder / f'{name}.log').read_text()[-3000:]}"
    )


def app(at: Street, name: str, what: str, *more: str, fixed: str = "", upstream: str = "") -> House:
    """A peer from `apps`."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"tests.performance.bench.apps:{what}", *more,
               "--port", str(port), *_UVICORN]  # fmt: skip
    return served(at, name, command, port, BENCH_FIXED=fixed, BENCH_UPSTREAM=upstream)


def proxy(at: Street) -> House:
    """N: nginx, which does nothing but pass on."""
    port, found = free_port(), Toolbox(os.environ).needed(NGINX)
    config = at.folder / "proxy.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_PROXY.substitute(folder=at.folder, port=port, stub=at.stub, user=user))
    command = [str(found.path), "-e", "stderr", "-p", str(at.folder), "-c", str(config)]
    return served(at, "N", command, port, **found.environ)


def gateway(
    at: Street,
    name: str = "G",
    *,
    workers: int = 1,
    connections: int = 1,
    sampled: Path | None = None,
    **changes: Any,
) -> House:
    """G: the gateway with everything switched on as it is by default; records in Redis.

    With `sampled` it says there where its time goes; see `rooms`.
    """
    port = free_port()
    config = at.folder / f"{name}.toml"
    config.write_text(configured(at, connections=connections, workers=workers, **changes))
    program, env = _program(at, sampled)
    command = [*program, "serve", "--config", str(config),
               "--port", str(port)]  # fmt: skip
    return served(at, name, command, port, **env)


def _program(at: Street, sampled: Path | None) -> tuple[list[str], dict[str, str]]:
    """What runs the gateway, and on which packages."""
    if sampled:
        return [at.python, "-m", "tests.performance.bench.rooms", str(sampled)], {}
    if at.python != sys.executable:  # another interpreter has its own
        return [at.python, "-m", "gateway"], {}
    there = {"PYTHONPATH": str(installed(at.folder / "installed"))}
    return [at.python, *OPTIONS, "-m", "gateway"], there


def configured(at: Street, *, connections: int, workers: int, **changes: Any) -> str:
    """Its file: each vendor by how long it takes, and as many idle ones as are wanted."""
    found: dict[str, Any] = {}
    for prefix, wait in WAITS.items():
        url = f"http://127.0.0.1:{at.stub}{wait}"
        for own, account in tomllib.loads(configuration(url))["connections"].items():
            limits = {"credential": RATE, "group": [], "egress": []}
            found[own.replace("acme", prefix)] = {**account, "limits": limits}
    idle = found["acme-close"]
    found |= {f"idle-{number:05}": idle for number in range(connections - 1)}
    tree: dict[str, Any] = {
        "environment": "development",
        "server": {"metrics_port": free_port(), "workers": workers},
        "redis": {"url": at.redis.url, "durability": "strict"},
        "logs": {"format": "json", "level": "info"},
        "limits": {"inflight": MANY, "per_connection": MANY, "per_caller": MANY},
        "secrets": {
            "signing_keys": [{"id": "one", "key": SIGNING["one"]}],
            "encryption_keys": [{"id": "one", "key": SEALING["one"]}],
        },
        "callers": CALLERS,
        "connections": found,
        **changes,
    }
    return "\n".join(f"{name} = {spelled(value)}" for name, value in tree.items())


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", f"tests.performance.bench.{name}"]


def _started(
    running: ExitStack, folder: Path, name: str, command: Sequence[str]
) -> "subprocess.Popen[bytes]":
    log = running.enter_context((folder / f"{name}.log").open("wb"))
    process = running.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    )
    running.callback(process.kill)
    return process


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """What is started within runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


_PROXY: Final = Template("""\
daemon off;
$user
pid $folder/proxy.pid;
worker_processes 1;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    upstream vendor { server 127.0.0.1:$stub; keepalive 512; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    keepalive_requests 10000000;
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / { proxy_pass http://vendor; }
    }
}
""")
