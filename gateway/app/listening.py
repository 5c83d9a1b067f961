"""Where the gateway listens: at its own port, and at another where metrics are to have one."""

import socket
from collections.abc import Iterator

import uvicorn

from gateway.telemetry import logs


class NotListening(Exception):
    """A port cannot be had; the log says which."""


def listeners(config: uvicorn.Config, metrics_port: int | None) -> list[socket.socket]:
    """The sockets of a server, bound. Raises `NotListening`.

    All workers are served by the same ones.
    """
    return list(
        _bound(config.host, {"server.port": config.port, "server.metrics_port": metrics_port})
    )


def _bound(host: str, ports: dict[str, int | None]) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for setting, port in ports.items():
        if port is None:
            continue
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            logs.not_listening(setting, host, port, error)
            raise NotListening from error
        listener.set_inheritable(True)
        yield listener
