"""The server around the application: what it is told, and how it stops listening."""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from gateway.api.headers import MAX_HEAD
from gateway.app import worker
from gateway.app.listening import NotListening, listeners
from gateway.settings import Settings
from gateway.telemetry import foreign, logs
from gateway.telemetry.scrape import counted_together

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than a balancer of `deploy/` keeps an idle connection, so that never the gateway closes
one on which a request may be on its way."""
SETTLING_SECONDS: Final = 0.5
"""Who is connected when the gateway stops listening has as long to send the request."""
START_SECONDS: Final = 60
"""How long a worker may take to begin: on a busy machine one that starts is not one that hangs."""
LOOK_SECONDS: Final = 0.2
_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM)


def serve(
    settings: Settings, file: Path, *, host: str | None, port: int | None, workers: int
) -> bool:
    """Serves the settings of a file until it is told to end; whether it began to.

    Several workers each read the file that `GATEWAY_CONFIG` names.
    """
    server, wanted = settings.file.server, settings.file.logs
    logs.configure(json=wanted.format == "json", level=wanted.level)
    foreign.capture()
    config = uvicorn.Config(
        "gateway.app:from_environment" if workers > 1 else partial(worker, settings, file),
        factory=True,
        host=host or server.host,
        port=server.port if port is None else port,
        workers=workers,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        # What a balancer before us says of the caller's scheme is told in traces alone.
        proxy_headers=settings.file.telemetry.otlp_endpoint is not None,
        # Without httptools the server's other protocol has a bound of its own, and no manners.
        http="gateway.api.doorway:Doorway" if find_spec("httptools") else "h11",
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.file.timeouts.request_seconds,
        timeout_worker_healthcheck=START_SECONDS,
    )
    try:
        listening = listeners(config, server.metrics_port)
    except NotListening:
        return False
    with suppress(KeyboardInterrupt):  # the end of a server that somebody at a terminal ends
        if workers > 1:
            with counted_together():
                _Workers(config, listening).run()
            return True
        return _alone(config, listening)
    return True


def _alone(config: uvicorn.Config, listening: list[socket.socket]) -> bool:
    server = _Server(config)
    server.run(listening)
    return server.started


class _Server(uvicorn.Server):
    """The server, which turns nobody away who was connected when it stopped listening.

    A connection is made by the system before the server knows of it, and a caller whose request was
    cut off with it cannot tell whether anybody read it.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes the last connections and their requests, then ends as the server does."""
        listening = [_own(each.fileno()) for server in self.servers for each in server.sockets]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for connected in [each for listener in listening for each in _the_last(listener)]:
            await loop.connect_accepted_socket(self._protocol, connected)
        await asyncio.sleep(SETTLING_SECONDS)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class  # any that the server knows, or one of ours
        made: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _own(listener: int) -> socket.socket:
    """The same listening socket, which stays open when the server closes its own."""
    return socket.socket(fileno=os.dup(listener))


def _the_last(listener: socket.socket) -> list[socket.socket]:
    """Everybody who is connected and not yet known; then at once nobody can be any more."""
    found: list[socket.socket] = []
    with suppress(OSError), listener:
        listener.settimeout(0)
        while True:
            connected, _ = listener.accept()
            connected.settimeout(0)
            found.append(connected)
    return found


class _Workers(Multiprocess):
    """Several workers: each drains for itself, and hears of what is signalled meanwhile."""

    def join_all(self) -> None:
        """Waits for their ends."""
        for listener in self.sockets:
            listener.close()  # one that only we held would be connected to nobody
        for each in self.processes:
            while each.process.is_alive():
                each.process.join(LOOK_SECONDS)
                self._pass_on()

    def _pass_on(self) -> None:
        while self.signal_queue:
            number = self.signal_queue.pop(0)
            living = [each.pid for each in self.processes if each.process.is_alive()]
            for pid in living:
                if number in _PASSED_ON and pid is not None:
                    os.kill(pid, number)
