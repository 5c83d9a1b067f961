"""What a balancer says itself is a problem with the gateway's codes, and true."""

import socket
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from gateway.api.problems import MEDIA_TYPE, STATUS, TITLES
from gateway.canonical import json_text
from tests.contract.openapi import misfits
from tests.deploy.balancers.conftest import StartFront
from tests.deploy.balancers.fronts import Front, Haproxy
from tests.deploy.balancers.toys import toy
from tests.servers import PATIENCE, free_port

OWN = "request-of-the-callers-own"
METHODS = ("GET", "POST", "PATCH", "DELETE")
IMPATIENT = {"proxy_read_timeout 125s": "proxy_read_timeout 1s",
             "timeout server 125s": "timeout server 1s"}  # fmt: skip


def problem(answer: httpx.Response) -> Mapping[str, Any]:
    """The body, once it is seen to be what the document says a problem is."""
    assert answer.headers["content-type"] == MEDIA_TYPE
    found: Mapping[str, Any] = json_text.read(answer.content)
    assert misfits({"$ref": "#/components/schemas/Problem"}, found) == []
    assert found["type"] == f"/problems/{found['code']}"
    assert found["title"] == TITLES[found["code"]]
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer.headers["x-request-id"]
    assert {error for error, status in STATUS.items() if error.code == found["code"]}
    return found


def ask(front: Front, method: str, path: str = "/v1/opportunities", **more: Any) -> httpx.Response:
    """One request of a caller that names it."""
    headers = {"X-Request-Id": OWN, **more.pop("headers", {})}
    return httpx.request(
        method, f"{front.url}{path}", headers=headers, timeout=60, trust_env=False, **more
    )


@pytest.mark.parametrize("method", METHODS)
def test_without_a_replica_nothing_was_applied(start_front: StartFront, method: str) -> None:
    """Nobody was sent anything: the same request may come again shortly."""
    answer = ask(start_front([free_port(), free_port()]), method)
    told = problem(answer)
    assert (told["code"], told["status"], told["retry"]) == ("overloaded", 503, "same_request")
    assert told.get("outcome") == (None if method == "GET" else "not_applied")
    assert (told["request_id"], answer.headers["retry-after"]) == (OWN, "1")


@pytest.mark.parametrize("method", METHODS)
def test_of_a_write_that_was_lost_the_outcome_is_unknown(
    start_front: StartFront, method: str
) -> None:
    """The replica has read it and hung up; only the same key can tell what became of it."""
    with toy("rude") as rude:
        told = problem(ask(start_front([rude.port]), method))
    writes = method != "GET"
    assert told["code"] == ("outcome-indeterminate" if writes else "overloaded")
    assert told["retry"] == "same_request"
    assert told.get("outcome") == ("unknown" if writes else None)


@pytest.mark.parametrize("method", METHODS)
def test_who_waits_in_vain_is_told_so(start_front: StartFront, method: str) -> None:
    """A replica that says nothing: 504, and of a write again that nothing is known."""
    with toy("mute") as mute:
        told = problem(ask(start_front([mute.port], times=IMPATIENT), method))
    writes = method != "GET"
    code = "outcome-indeterminate" if writes else "deadline-exceeded"
    assert (told["code"], told["status"]) == (code, 504)
    assert told.get("outcome") == ("unknown" if writes else None)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/%6Detrics", "/metrics?name[]=up"])
def test_metrics_are_not_for_callers(start_front: StartFront, path: str) -> None:
    """However the path is spelled, no replica is asked."""
    with toy("polite") as backend:
        answer = ask(start_front([backend.port]), "GET", path)
        assert problem(answer)["code"] == "route-not-found"
    assert backend.seen == []


def test_what_is_too_large_is_refused_before_a_replica_has_it(start_front: StartFront) -> None:
    """A body over 1 MiB, told by its length."""
    with toy("polite") as backend:
        answer = ask(start_front([backend.port]), "POST", content=b"x" * (1024 * 1024 + 1))
        assert (problem(answer)["code"], answer.status_code) == ("body-too-large", 413)
    assert backend.seen == []


def test_an_id_of_another_form_is_not_passed_on(start_front: StartFront) -> None:
    """The balancer makes one itself, and answers with it."""
    answer = ask(start_front([free_port()]), "GET", headers={"X-Request-Id": 'a"b'})
    assert len(problem(answer)["request_id"]) >= 32


def test_what_is_no_http_is_refused(start_front: StartFront) -> None:
    """With a problem; HAProxy says so before its configuration has a word, in its own way."""
    front = start_front([free_port()])
    with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as connection:
        connection.sendall(b"GET /v1/opportunities HTTP/1.x\r\nHost: a\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first.split()[1] == "400"
    if isinstance(front, Haproxy):
        return
    headers = dict(line.split(": ", 1) for line in lines)
    told = problem(httpx.Response(400, headers=headers, content=body))
    assert told["code"] == "malformed-request"
