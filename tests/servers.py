"""Real servers of the tests' own: Redis, and nginx in front of several replicas."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from string import Template
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.programs import NGINX, REDIS, Found, Tool

PATIENCE = 20.0
"""Seconds that a server may take to answer, or to end."""


_PORTS: Final = iter(SystemRandom().sample(range(15_000, 32_000), 17_000))
"""Below those that systems give to connections that go out, one of which might be first there."""


def free_port() -> int:
    """A loopback port that nobody listens on, and that is given out once."""
    for port in _PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("every port was given out once")


class Server:
    """A program in a process group of its own, which can be killed, paused and started again."""

    def __init__(self, tool: Tool, found: Found, folder: Path, arguments: Sequence[str]) -> None:
        self.tool = tool
        self.folder = folder
        self.log = folder / f"{tool.name}.log"
        self._command = [str(found.path), *arguments]
        self._environ = dict(found.environ)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, on the address and with the data that it had before, and waits for it."""
        with self.log.open("ab") as sink:
            process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self._environ,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self._process = process
        patient_until = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < patient_until:
            if self.answers():
                return
            time.sleep(0.01)
        self.kill()
        log = self.log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{self.tool.name} does not answer:\n{log[-4000:]}")

    def answers(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    def kill(self) -> None:
        """Ends it as a power cut would: no signal handler runs, nothing is flushed."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def end(self) -> None:
        """Asks it to end, and after a while makes it."""
        if self._process is None or self._process.poll() is not None:
            return
        self.resume()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        self.kill()

    def pause(self) -> None:
        """Freezes it: connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on where `pause` stopped it."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)


class RedisServer(Server):
    """A redis-server on a port of its own, without persistence unless a setting asks for it."""

    def __init__(self, found: Found, folder: Path, **settings: str) -> None:
        """Makes it, not yet started; `maxmemory_policy="allkeys-lru"` sets `maxmemory-policy`."""
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        given = {"save": "", "appendonly": "no", "repl_diskless_sync_delay": "0", **settings}
        spelled = ((f"--{name.replace('_', '-')}", value) for name, value in given.items())
        placed = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder))
        super().__init__(
            REDIS, found, folder, [*placed, *(word for pair in spelled for word in pair)]
        )

    def answers(self) -> bool:
        """Whether it takes commands: one that still loads its data does not."""
        try:
            return bool(self.ask("PING"))
        except redis.RedisError:
            return False

    def ask(self, *command: str | int) -> object:
        """One command over a connection of its own, for a test to look and to interfere."""
        once = Retry(NoBackoff(), 0)  # left to itself, the library tries for seconds
        with redis.Redis(
            port=self.port, socket_timeout=PATIENCE, decode_responses=True, retry=once
        ) as client:
            return client.execute_command(*command)


class Balancer(Server):
    """An nginx that deals requests out to replicas in turn, and never sends a write twice."""

    def __init__(self, found: Found, folder: Path, ports: Sequence[int]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = folder / "nginx.conf"
        config.write_text(
            BALANCED.substitute(
                folder=folder,
                port=self.port,
                user="user root;" if os.geteuid() == 0 else "",
                files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
                replicas=" ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports),
            ),
            encoding="utf-8",
        )
        super().__init__(
            NGINX, found, folder, ["-e", "stderr", "-p", str(folder), "-c", str(config)]
        )

    def answers(self) -> bool:
        """Whether it accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except OSError:
            return False
        return True


# nginx takes POST, LOCK and PATCH alone for methods that must not be repeated, so that with one
# lane it would send a DELETE to a second replica after the first has read it. A replica that failed
# is not set aside: those of tests are back sooner than nginx would look again.
BALANCED = Template("""\
daemon off;
$user
pid $folder/nginx.pid;
worker_processes 1;
worker_rlimit_nofile $files;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    client_max_body_size 2m;
    upstream replicas { $replicas }
    map $$request_method $$lane { default @write; GET @read; HEAD @read; }
    proxy_http_version 1.1;
    proxy_set_header Host $$http_host;
    proxy_set_header Connection "";
    proxy_connect_timeout 2s;
    proxy_read_timeout 120s;
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / { try_files /.none $$lane; }
        location @read { proxy_next_upstream error timeout; proxy_pass http://replicas; }
        location @write { proxy_next_upstream off; proxy_pass http://replicas; }
    }
}
""")
