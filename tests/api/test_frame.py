"""The frame around every request: HEAD, unknown routes, standing headers, faults, the log line."""

import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from gateway.api.visit import Visit
from gateway.app import create_app
from gateway.canonical import json_text
from gateway.settings import parse
from gateway.telemetry import logs
from gateway.telemetry.hooks import Hooks, Served
from gateway.telemetry.logs import LOG
from tests.records import draft, effects
from tests.sandboxed import KEY, Answered, Sandboxed, tree
from tests.telemetry.served import SERVED

READABLE = [
    "/v1/opportunities?limit=1",
    "/v1/opportunities?limit=0",
    "/v1/connections",
    "/v1/connections/acme-close",
    "/v1/connections/nothing",
    "/v1/connections/acme-close/capabilities",
    "/v1/connections/acme-close/pipelines",
    "/v1/connections/acme-close/custom-fields",
    "/v1/connections/acme-close/users",
    "/v1/vendors",
    "/v1/operations",
    "/v1/operations/op_1",
    "/livez",
    "/readyz",
    "/openapi.json",
    "/docs",
    "/problems/validation-failed",
    "/problems/nothing",
    "/nowhere",
]
ALLOWED = {
    "/v1/opportunities": "GET, HEAD, POST",
    "/v1/opportunities/acme-close.oppo_1": "DELETE, GET, HEAD, PATCH",
    "/v1/connections": "GET, HEAD",
    "/v1/connections/acme-close": "GET, HEAD",
    "/v1/connections/acme-close/capabilities": "GET, HEAD",
    "/v1/connections/acme-close/translations": "POST",
    "/v1/vendors": "GET, HEAD",
    "/v1/operations": "GET, HEAD",
    "/v1/operations/op_1": "GET, HEAD",
    "/v1/operations/op_1/resolve": "POST",
    "/livez": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/problems/forbidden": "GET, HEAD",
}
SECRET = "oops: key slnt_pat_sandbox_read_write of jane@example.com"


class Broken(httpx.AsyncBaseTransport):
    """A vendor call that meets a fault of our own, before or behind the send gate."""

    def __init__(self, *, behind_the_gate: bool) -> None:
        self._behind_the_gate = behind_the_gate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._behind_the_gate:
            await request.extensions["trace"]("http11.send_request_headers.started", {})
        raise RuntimeError(SECRET)


@asynccontextmanager
async def broken(served: Any, *, behind_the_gate: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway with a fault in it."""
    client = Broken(behind_the_gate=behind_the_gate)
    app = create_app(parse(tree(), {}, Path()), client=client, hooks=Hooks(served=served))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway.test",
        headers={"Authorization": f"Bearer {KEY}"},
    ) as api:
        yield api


def varying(headers: httpx.Headers) -> dict[str, str]:
    """Headers without the id, which is every request's own."""
    return {name: value for name, value in headers.items() if name != "x-request-id"}


@pytest.mark.parametrize("path", READABLE)
async def test_head_answers_as_get_without_the_body(house: Sandboxed, path: str) -> None:
    """Status and headers are the very same, the length of the body that is not there included."""
    first = await house.ask("GET", path)
    bare = await house.ask("HEAD", path)
    whole = await house.ask("GET", path)
    assert (bare.status, bare.content) == (whole.status, b"")
    assert varying(bare.headers) in (varying(first.headers), varying(whole.headers))


async def test_head_of_an_opportunity_has_its_etag(house: Sandboxed) -> None:
    """A caller may ask for the version alone, and with a condition for less."""
    record = next(iter(house.vendor("close").records))
    path = f"/v1/opportunities/acme-close.{record}"
    whole, bare = await house.ask("GET", path), await house.ask("HEAD", path)
    assert (bare.status, bare.content) == (200, b"")
    assert varying(bare.headers) == varying(whole.headers)
    known = await house.ask("HEAD", path, If_None_Match=bare.headers["etag"])
    assert known.status == 304


def test_every_endpoint_takes_the_request_and_what_stands_in_its_path() -> None:
    """Nothing is solved for an endpoint: what else it took it would never get."""
    routes = create_app(parse({}, {}, Path())).routes
    assert {type(route) for route in routes} == {APIRoute}
    for route in routes:
        assert isinstance(route, APIRoute)
        first, *others = inspect.signature(route.endpoint).parameters.values()
        assert first.annotation is Visit
        assert {each.name for each in others} == set(route.param_convertors)
        assert not route.dependencies


async def test_a_socket_of_another_kind_is_closed(house: Sandboxed) -> None:
    """There is no WebSocket here, and asking for one is no fault."""
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/v1/opportunities", "headers": [], "query_string": b""}
    await house.app(scope, receive, send)
    assert [message["type"] for message in told] == ["websocket.close"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v2/opportunities", "/v1/connections/",
                                  "/v1/opportunities/", "/v1/opportunities/a/b",
                                  "/v1/opportunities/a%2Fb", "/openapi.yaml"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_a_problem(house: Sandboxed, method: str, path: str) -> None:
    """A slash too many leads nowhere else; no redirect, no page of the framework's."""
    answer = await house.ask(method, path)
    assert (answer.status, answer.code) == (404, "route-not-found")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, path)
        for method in ("PUT", "OPTIONS", "TRACE", "BREW", "POST", "HEAD", "DELETE", "PATCH")
        for path, allowed in ALLOWED.items()
        if method not in allowed.split(", ")
    ],
)
async def test_another_method_is_told_all_that_are_known(
    house: Sandboxed, method: str, path: str
) -> None:
    """Allow is complete, over all routes of the path."""
    answer = await house.ask(method, path)
    assert answer.status == 405
    assert answer.headers["allow"] == ALLOWED[path]
    if method != "HEAD":
        assert answer.code == "method-not-allowed"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/connections"),
        ("GET", "/nowhere"),
        ("PUT", "/v1/connections"),
        ("POST", "/v1/opportunities"),
        ("GET", "/livez"),
        ("GET", "/docs"),
        ("GET", "/v1/opportunities/acme-close.nothing"),
    ],
)
async def test_every_answer_has_the_standing_headers(
    house: Sandboxed, method: str, path: str
) -> None:
    """Nothing is cached by others, sniffed, framed, or opened to other origins."""
    answer = await house.ask(method, path, Origin="https://elsewhere.example")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_key_for_a_write_is_answered_honestly(house: Sandboxed) -> None:
    """Whether the write was made just now, or before, or belongs to another request."""
    path, write = "/v1/opportunities", draft("reevo")
    statuses = []
    for body in (write, write, {**write, "name": "Another"}):
        answer = await house.ask("POST", path, body, Idempotency_Key="abc")
        replayed = answer.headers.get("idempotent-replayed")
        statuses.append((answer.status, answer.headers["idempotency-status"], replayed))
        assert "idempotency-key" not in answer.headers
    assert statuses == [(201, "created", None), (201, "replayed", "true"), (422, "mismatch", None)]
    assert effects(house, "reevo") == 1


async def test_a_write_without_a_key_is_told_the_one_that_was_made(house: Sandboxed) -> None:
    """Sent again under it, the write is known."""
    path, write = "/v1/opportunities", draft("close")
    first = await house.ask("POST", path, write)
    again = await house.ask("POST", path, write, Idempotency_Key=first.headers["idempotency-key"])
    assert (again.content, again.headers["idempotency-status"]) == (first.content, "replayed")
    assert effects(house, "close") == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({}, {}, 422),
        ({"stage": {"name": "No such stage"}}, {}, 422),
        ({"name": "x"}, {"Authorization": "Bearer x"}, 401),
        ({"name": "x"}, {"Idempotency_Key": "x" * 256}, 400),
        ({"name": "x"}, {"Idempotency_Key": '"x'}, 400),
    ],
)
async def test_a_refused_write_was_not_applied(
    house: Sandboxed, body: Any, headers: dict[str, str], status: int
) -> None:
    """Nothing is stored of what the gateway itself refuses: the key may come again."""
    sent = {"Idempotency_Key": "abc", **headers}
    path = "/v1/opportunities/acme-reevo.nothing"
    answer = await house.ask("PATCH", path, body, **sent)
    assert (answer.status, answer.headers["idempotency-status"]) == (status, "not-applied")
    assert answer.json["outcome"] == "not_applied"


async def test_what_the_vendor_refuses_for_good_is_kept(house: Sandboxed) -> None:
    """The same key gets the same refusal, whatever the vendor would say by now."""
    path, patch = "/v1/opportunities/acme-reevo.nothing", {"name": "x"}
    first = await house.ask("PATCH", path, patch, Idempotency_Key="abc")
    again = await house.ask("PATCH", path, patch, Idempotency_Key="abc")
    assert (first.status, first.headers["idempotency-status"]) == (404, "created")
    assert (again.status, again.headers["idempotency-status"]) == (404, "replayed")
    assert again.content == first.content


async def test_a_read_has_no_key(house: Sandboxed) -> None:
    """What is sent along is ignored."""
    answer = await house.ask("GET", "/v1/opportunities/acme-reevo.nothing", Idempotency_Key="abc")
    assert not [name for name in answer.headers if name.startswith("idempoten")]


@pytest.mark.parametrize(
    ("method", "path", "body", "outcome"),
    [
        ("GET", "/v1/opportunities/acme-close.oppo_1", None, None),
        ("GET", "/v1/opportunities", None, None),
        ("DELETE", "/v1/opportunities/acme-close.oppo_1", None, "not_applied"),
        ("POST", "/v1/opportunities", {"connection": "acme-reevo", "name": "x"}, "not_applied"),
    ],
)
async def test_a_fault_of_ours_is_a_problem_without_its_text(
    method: str, path: str, body: Any, outcome: str | None
) -> None:
    """The caller gets an id to ask about, and not a word of what went wrong inside."""
    seen: list[Served] = []
    content = None if body is None else json_text.write(body)
    async with broken(seen.append) as client:
        headers = {"Content-Type": "application/json"}
        response = await client.request(method, path, content=content, headers=headers)
    answer = Answered(response)
    assert (answer.status, answer.code) == (500, "internal-error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json.get("outcome") == outcome
    assert "oops" not in response.text
    assert "RuntimeError" not in response.text
    assert isinstance(seen[0].fault, RuntimeError)
    assert seen[0].request_id == answer.json["request_id"]


async def test_a_fault_of_ours_behind_the_send_gate_leaves_the_outcome_open() -> None:
    """Once a write may have left, no fault of ours proves that it was not applied."""
    async with broken(lambda _: None, behind_the_gate=True) as client:
        answer = Answered(await client.delete("/v1/opportunities/acme-close.oppo_1"))
    assert (answer.status, answer.code, answer.json["outcome"]) == (
        500, "internal-error", "unknown",
    )  # fmt: skip
    assert answer.headers["idempotency-status"] == "indeterminate"


async def test_head_meets_the_same_fault_without_a_body() -> None:
    """Also a 500 has no body for HEAD."""
    async with broken(lambda _: None) as client:
        response = await client.head("/v1/opportunities/acme-close.oppo_1")
    assert (response.status_code, response.content) == (500, b"")


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Leaves the log as it was."""
    yield
    logs.configure()


async def test_the_log_line_has_the_facts_and_no_content(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who asked what of which connection, how it ended; no body, no query, no key."""
    logs.configure(json=True, level="info")
    seen: list[Served] = []
    async with broken(seen.append) as client:
        await client.patch(
            "/v1/opportunities/acme-close.oppo_77",
            json={"name": "Jane Doe", "description": 5},
            headers={
                "X-Request-Id": "request-0001",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            },
        )
        await client.get("/v1/opportunities?q=Jane%20Doe&limit=0")
    for served in seen:
        LOG.served(served)
    told = capsys.readouterr().err
    first, second = [json_text.read(line) for line in told.splitlines()]
    assert {name: first[name] for name in first if name not in {"timestamp", "instance", "ms"}} == {
        "level": "info",
        "event": "request",
        "request_id": "request-0001",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "method": "PATCH",
        "route": "/v1/opportunities/{opportunity_id}",
        "operation": "update_opportunity",
        "status": 422,
        "code": "validation-failed",
        "outcome": "not_applied",
        "idempotency": "not-applied",
        "bytes_in": 35,
        "bytes_out": first["bytes_out"],
        "caller": "tests",
        "connection": "acme-close",
        "vendor": "close",
        "vendor_calls": [],
    }
    assert (second["route"], second["status"]) == ("/v1/opportunities", 422)
    for private in ("Jane", "Doe", KEY, "oppo_77", "sandbox"):
        assert private not in told


@pytest.mark.parametrize("json", [True, False])
async def test_the_log_tells_where_a_fault_was_and_not_what_it_said(
    capsys: pytest.CaptureFixture[str], json: bool
) -> None:
    """The text of an exception may hold a caller's data; its kind and its places do not."""
    logs.configure(json=json, level="info")
    async with broken(LOG.served) as client:
        await client.get("/v1/opportunities/acme-close.oppo_1")
    told = capsys.readouterr().err
    assert "RuntimeError" in told
    assert "handle_async_request" in told
    for private in ("oops", "jane@example.com", "slnt_pat"):
        assert private not in told


async def test_an_unconfigured_log_tells_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    """Also whoever embeds the application and sets up no log leaks nothing."""
    logs.configure()
    async with broken(LOG.served) as client:
        await client.get("/v1/opportunities/acme-close.oppo_1")
    told = "".join(capsys.readouterr())
    assert "RuntimeError" in told
    assert "oops" not in told


def test_the_level_of_the_log_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """At the level error, a request that ended well is not told."""
    logs.configure(json=True, level="error")
    LOG.served(SERVED._replace(route="/livez"))
    assert capsys.readouterr().err == ""
