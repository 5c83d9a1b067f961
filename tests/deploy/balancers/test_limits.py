"""How much passes a balancer, and how long it waits: as much as the gateway takes."""

import socket
from contextlib import suppress

import httpx
import pytest

from tests.deploy.balancers.conftest import StartFront
from tests.deploy.balancers.fronts import Front
from tests.deploy.balancers.toys import toy
from tests.servers import PATIENCE

HASTY = {"10s": "1s"}
"""Time for a head and for a body."""
HEAD = b"POST /v1/opportunities HTTP/1.1\r\nHost: gateway.test\r\n"


def asked(front: Front, method: str = "GET", **more: object) -> httpx.Response:
    """One request."""
    with httpx.Client(base_url=front.url, timeout=60, trust_env=False) as client:
        return client.request(method, "/v1/opportunities", **more)  # type: ignore[arg-type]  # named


def heard(connection: socket.socket) -> bytes:
    """All that comes until the other end hangs up."""
    said = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(65536):
            said += more
    return said


def test_what_the_gateway_takes_passes(start_front: StartFront) -> None:
    """A body of 1 MiB, a header of 30 KiB, and as many lines as are allowed."""
    lines = {f"X-Line-{number}": "x" for number in range(80)}
    with toy("polite") as backend:
        front = start_front([backend.port])
        assert asked(front, "POST", content=b"x" * 1024 * 1024).status_code == 200
        assert asked(front, headers={"X-Large": "x" * 30 * 1024}).status_code == 200
        assert asked(front, headers=lines).status_code == 200
    whole, large, many = backend.seen
    assert whole.length == 1024 * 1024
    assert len(large.headers["X-Large"]) == 30 * 1024
    assert {name: many.headers[name] for name in lines} == lines


def test_a_replica_learns_who_asked_and_how(start_front: StartFront) -> None:
    """The addresses on the way, the scheme and host that were asked, and the request's id."""
    with toy("polite") as backend:
        front = start_front([backend.port])
        chain = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
        asked(front, headers={"Host": "gateway.test", "X-Request-Id": "request-one"})
        asked(front, "DELETE", headers={"Host": "gateway.test", **chain})
    direct, proxied = (seen.headers for seen in backend.seen)
    assert direct["X-Forwarded-For"] == "127.0.0.1"
    assert direct["X-Forwarded-Proto"] == "http"
    assert direct["X-Request-Id"] == "request-one"
    assert len(proxied["X-Request-Id"]) >= 32
    passed = ", ".join(proxied.get_all("X-Forwarded-For"))
    assert passed == "192.0.2.7, 127.0.0.1"
    assert proxied["X-Forwarded-Proto"] == "https"
    for headers in (direct, proxied):
        assert (headers["Host"], headers["X-Forwarded-Host"]) == ("gateway.test", "gateway.test")


def test_callers_keep_their_connections(start_front: StartFront) -> None:
    """One after another, a caller's requests need no new one."""
    request = b"GET /v1/opportunities HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
    with toy("polite") as backend:
        front = start_front([backend.port])
        with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as connection:
            for _ in range(3):
                connection.sendall(request)
                assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert len(backend.seen) == 3


@pytest.mark.parametrize(
    "begun",
    [HEAD, HEAD + b"Content-Length: 9\r\n\r\nslow"],
    ids=["head", "body"],
)
def test_slow_callers_keep_no_replica_waiting(start_front: StartFront, begun: bytes) -> None:
    """Who does not send on is hung up on, and no replica has heard of it."""
    with toy("polite") as backend:
        front = start_front([backend.port], times=HASTY)
        with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as connection:
            connection.sendall(begun)
            said = heard(connection)
        assert not said or said.split()[1] == b"408"
    assert backend.seen == []


def test_readiness_seen_from_outside_is_that_of_some_replica(start_front: StartFront) -> None:
    """Whoever stands before the balancer can ask it as it asks the replicas."""
    with toy("polite") as backend:
        front = start_front([backend.port])
        assert httpx.get(f"{front.url}/readyz", trust_env=False).status_code == 200
