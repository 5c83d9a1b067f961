"""The server around the application turns nobody away who was there in time."""

import asyncio
import socket
from importlib.util import find_spec
from typing import Any

import pytest
import uvicorn

from gateway.app.listening import listeners
from gateway.app.serving import _Server
from tests.servers import PATIENCE, free_port

REQUEST = b"POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 2\r\n\r\n{}"
LOOPS = ["asyncio", "uvloop"] if find_spec("uvloop") else ["asyncio"]


async def answering(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application that says yes."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_connected_when_it_stops_listening_is_served(loop: Any) -> None:
    """The system has made the connections, and the server has not looked at one of them yet."""
    port = free_port()
    config = uvicorn.Config(answering, port=port, lifespan="off", log_level="error", loop=loop)

    async def waiting() -> list[socket.socket]:
        server = _Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)
        bound = listeners(config, None)
        await server.startup(bound)
        connected = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(5)]
        for each in connected:
            each.sendall(REQUEST)
        await server.shutdown(bound)
        return connected

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        for connection in runner.run(waiting()):
            with connection:
                assert connection.recv(100).startswith(b"HTTP/1.1 204")
    with socket.socket() as late:
        assert late.connect_ex(("127.0.0.1", port))
