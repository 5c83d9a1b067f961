"""Traces: one of each API request, with its vendor calls and scripts, at a real collector."""

import asyncio
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway import __version__
from gateway.app import create_app
from gateway.sandbox import create_sandbox
from gateway.sandbox.simulator import utc_now
from gateway.settings import ConfigurationError, parse
from gateway.telemetry.hooks import Hooks, Served
from tests.sandboxed import KEY, Answered, InProcess, Sandboxed, tree
from tests.telemetry.collector import Collected, Collector, collecting

CALLER_SPAN = "00f067aa0ba902b7"
READ = "GET /v1/opportunities"
CHANGE = "PATCH /v1/opportunities/{opportunity_id}"
LIST = "/v1/opportunities?connection=acme-close"
PERSON = "Quillon"
STORE_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""The base64 of 32 bytes, and long enough to sign with."""


class Watched(InProcess):
    """The vendors, and the headers that they are sent."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(app)
        self.headers: list[httpx.Headers] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        return await super().handle_async_request(request)


@dataclass(frozen=True, slots=True)
class Traced(Sandboxed):
    """A running gateway that makes traces."""

    vendors: Watched
    served: list[Served]

    async def record(self) -> str:
        """The id of some opportunity; asking for it leaves no trace."""
        answer = await self.ask("GET", LIST, traceparent=parent(new_trace(), flags="00"))
        found: str = answer.json["items"][0]["id"]
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that is up."""
    with collecting() as collector:
        yield collector


@asynccontextmanager
async def traced(url: str, *, redis: str | None = None, **wanted: Any) -> AsyncIterator[Traced]:
    """A gateway that sends its spans to a collector."""
    configured = {**tree(), "telemetry": {"otlp_endpoint": url, **wanted}}
    if redis:
        keys = [{"id": "a", "key": STORE_KEY}]
        configured |= {
            "redis": {"url": redis},
            "secrets": {"signing_keys": keys, "encryption_keys": keys},
        }
    sandbox = create_sandbox(utc_now)
    vendors, served = Watched(sandbox), list[Served]()
    hooks = Hooks(served=served.append)
    app = create_app(parse(configured, {}, Path()), client=vendors, hooks=hooks)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://gateway.test",
            headers={"Authorization": f"Bearer {KEY}"},
        ) as api,
    ):
        yield Traced(app, api, sandbox, vendors, served)


def new_trace() -> str:
    """The id of a trace that nobody knows yet."""
    return uuid.uuid4().hex


def parent(trace: str, *, flags: str = "01") -> str:
    """The header of a caller that traces, or with `00` of one that does not."""
    return f"00-{trace}-{CALLER_SPAN}-{flags}"


def named(spans: list[Collected]) -> Mapping[str, Collected]:
    """Spans by their name, the latest of each."""
    return {span.name: span for span in spans}


async def test_a_change_is_one_trace(collector: Collector, redis_url: str) -> None:
    """The request, under it its vendor calls and scripts, under a call the script that let it."""
    async with traced(collector.url, redis=redis_url) as gateway:
        record = await gateway.record()
        answer = await gateway.ask("PATCH", f"/v1/opportunities/{record}", {"name": PERSON})
        assert answer.status == 200, answer.content
        request, rest = await collector.trace(CHANGE)
    inner = named(rest)
    assert request.is_root
    assert (request.kind, request.failed) == ("SERVER", False)
    assert (
        request.attributes.items()
        >= {
            "http.request.method": "PATCH",
            "http.route": "/v1/opportunities/{opportunity_id}",
            "http.response.status_code": 200,
            "gateway.operation": "update_opportunity",
            "gateway.connection": "acme-close",
            "gateway.vendor": "close",
            "gateway.outcome": "applied",
            "gateway.idempotency": "created",
        }.items()
    )
    call = inner["PUT update"]
    assert (call.kind, call.parent_id) == ("CLIENT", request.span_id)
    assert (
        call.attributes.items()
        >= {
            "http.request.method": "PUT",
            "http.response.status_code": 200,
            "server.address": "sandbox.test",
            "server.port": 80,
            "gateway.connection": "acme-close",
            "gateway.vendor": "close",
            "gateway.effect": "write",
            "gateway.step": "update",
            "gateway.sent": True,
        }.items()
    )
    begin, dispatch = inner["begin"], inner["dispatch"]
    assert (begin.kind, begin.parent_id) == ("CLIENT", request.span_id)
    assert begin.attributes == {"db.system.name": "redis", "db.operation.name": "begin"}
    assert dispatch.parent_id == call.span_id
    assert {span.parent_id for span in rest} == {request.span_id, call.span_id}


async def test_the_log_leads_to_the_trace(collector: Collector) -> None:
    """Where a caller names no trace, the line of a request has the id of the one that we began."""
    async with traced(collector.url) as gateway:
        await gateway.ask("GET", LIST)
        request, _ = await collector.trace(READ)
    (line,) = gateway.served
    assert line.trace_id == request.trace_id
    assert line.instance == request.attributes["gateway.instance"]


async def test_spans_say_whose_they_are(collector: Collector) -> None:
    """The service, its version and the process."""
    async with traced(f"{collector.url}/") as gateway:
        await gateway.ask("GET", LIST)
        request, rest = await collector.trace(READ)
    assert rest
    for span in (request, *rest):
        assert span.resource["service.name"] == "opportunity-gateway"
        assert span.resource["service.version"] == __version__
        assert span.resource["service.instance.id"] == request.resource["service.instance.id"]


async def test_a_callers_trace_goes_on(collector: Collector) -> None:
    """The request is its span's child, and the state of the trace goes along."""
    trace = new_trace()
    async with traced(collector.url) as gateway:
        await gateway.ask("GET", LIST, traceparent=parent(trace), tracestate="acme=a1,other=b2")
        request, rest = await collector.trace(READ)
    assert (request.trace_id, request.parent_id) == (trace, CALLER_SPAN)
    assert {span.state for span in (request, *rest)} == {"acme=a1,other=b2"}


@pytest.mark.parametrize(
    "given",
    [
        [("traceparent", PERSON)],
        [("traceparent", parent("0" * 32))],
        [("traceparent", f"{parent(new_trace())}{PERSON * 100}")],
        [("traceparent", parent(new_trace())), ("traceparent", parent(new_trace()))],
        [("tracestate", f"acme={PERSON}")],
    ],
)
async def test_what_is_no_trace_begins_one(
    collector: Collector, given: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    """It is neither gone on with, nor repeated, nor refused."""
    async with traced(collector.url) as gateway:
        answer = Answered(await gateway.api.get(LIST, headers=given))
        request, rest = await collector.trace(READ)
    assert answer.status == 200
    assert request.is_root
    assert rest
    assert request.trace_id not in str(given)
    assert PERSON not in "".join(span.text for span in (request, *rest)) + caplog.text


async def test_a_state_that_cannot_be_read_is_not_repeated(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a span, and not in the log; the trace goes on without it."""
    trace = new_trace()
    async with traced(collector.url) as gateway:
        await gateway.ask("GET", LIST, traceparent=parent(trace), tracestate=f"{PERSON}@a b,=")
        request, _ = await collector.trace(READ)
    assert (request.trace_id, request.state) == (trace, "")
    assert PERSON not in request.text + caplog.text


async def test_who_does_not_sample_is_not_traced(collector: Collector) -> None:
    """A caller's word decides about its own requests, and the ratio about those without one."""
    seen, unseen = new_trace(), new_trace()
    async with traced(collector.url, sample_ratio=0) as gateway:
        await gateway.ask("GET", LIST)
        await gateway.ask("GET", LIST, traceparent=parent(unseen, flags="00"))
        await gateway.ask("GET", LIST, traceparent=parent(seen))
        await collector.trace(READ)
    assert {span.trace_id for span in collector.spans} == {seen}


async def test_probes_and_pages_make_no_traces(collector: Collector) -> None:
    """They would drown what is looked for."""
    async with traced(collector.url) as gateway:
        for path in ("/livez", "/readyz", "/openapi.json"):
            await gateway.ask("GET", path)
        await gateway.ask("GET", LIST)
        request, rest = await collector.trace(READ)
    assert len(collector.spans) == len((request, *rest))


async def test_vendors_are_not_told_of_traces(collector: Collector) -> None:
    """Unless that is allowed, a vendor sees nothing of the caller's trace nor of ours."""
    async with traced(collector.url) as gateway:
        given = {"traceparent": parent(new_trace()), "tracestate": "a=b", "baggage": "a=b"}
        await gateway.ask("GET", LIST, **given)
    assert gateway.vendors.headers
    for sent in gateway.vendors.headers:
        assert not {"traceparent", "tracestate", "baggage"} & {*sent}


async def test_vendors_are_told_of_traces_where_that_is_allowed(collector: Collector) -> None:
    """Each call names its own span as the parent of whatever the vendor does."""
    trace = new_trace()
    async with traced(collector.url, traces_to_vendors=True) as gateway:
        await gateway.ask("GET", LIST, traceparent=parent(trace), tracestate="acme=a1")
        _, rest = await collector.trace(READ)
    told = [sent["traceparent"] for sent in gateway.vendors.headers]
    assert {sent["tracestate"] for sent in gateway.vendors.headers} == {"acme=a1"}
    assert told
    calls = [span for span in rest if span.kind == "CLIENT"]
    assert sorted(told) == sorted(f"00-{trace}-{span.span_id}-01" for span in calls)


async def test_a_failure_is_told_by_its_kind(collector: Collector) -> None:
    """What the vendor said is not in the spans, and that it failed is."""
    async with traced(collector.url) as gateway:
        broken = {"kind": "status", "status": 500, "body": {"error": f"no {PERSON}"}}
        gateway.vendor("close").faults.add({"fault": broken})
        answer = await gateway.ask("GET", LIST)
        request, rest = await collector.trace(READ)
    assert answer.status == 502
    assert request.failed
    assert request.attributes["error.type"] == request.attributes["gateway.code"] == answer.code
    (call,) = [span for span in rest if span.failed]
    assert call.attributes["error.type"] == "500"
    assert PERSON not in "".join(span.text for span in collector.spans)


async def test_words_of_the_callers_own_are_not_repeated(collector: Collector) -> None:
    """Not a method, a path, a query, an id or a header that nobody knows."""
    async with traced(collector.url) as gateway:
        await gateway.ask(PERSON.upper(), f"/v1/{PERSON}?q={PERSON}", X_Request_Id=f"{PERSON}-1")
        await gateway.ask("GET", f"/v1/opportunities/acme-close.{PERSON}", User_Agent=PERSON)
        await collector.trace("GET /v1/opportunities/{opportunity_id}")
    told = "".join(span.text for span in collector.spans).lower()
    assert "_OTHER" in {span.attributes["http.request.method"] for span in collector.spans}
    assert PERSON.lower() not in told


async def test_a_write_that_outlives_its_request_stays_in_its_trace(
    collector: Collector, redis_url: str
) -> None:
    """The caller has its answer before the vendor gives one; what follows is still its own."""
    async with traced(collector.url, redis=redis_url) as gateway:
        record = await gateway.record()
        slow = {"fault": {"kind": "delay", "seconds": 2}, "match": {"method": "PUT"}}
        gateway.vendor("close").faults.add(slow)
        answer = await gateway.ask(
            "PATCH", f"/v1/opportunities/{record}", {"name": PERSON}, X_Request_Timeout_Ms="300"
        )
        assert answer.code == "outcome-indeterminate"
        request, early = await collector.trace(CHANGE)
        assert "complete" not in named(early)
        spans = await collector.until(lambda spans: "complete" in named(spans))
    late = named(spans)
    assert request.attributes["gateway.operation_id"] == answer.json["operation_id"]
    for name in ("PUT update", "complete"):
        assert (late[name].trace_id, late[name].parent_id) == (request.trace_id, request.span_id)


@pytest.fixture(params=["away", "silent"])
def deaf(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a collector that is not there, or takes connections and never answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        if request.param == "silent":
            held.listen()
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


async def test_requests_go_on_without_the_collector(deaf: str) -> None:
    """None waits for it, and neither does a shutdown."""
    async with traced(deaf) as gateway:
        answers = await asyncio.gather(*(gateway.ask("GET", LIST) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}


def faults(**telemetry: Any) -> list[str]:
    """What is wrong with a configuration of traces."""
    with pytest.raises(ConfigurationError) as caught:
        parse({"telemetry": telemetry}, {}, Path())
    return caught.value.faults


@pytest.mark.parametrize(
    ("telemetry", "fault"),
    [
        ({"otlp_endpoint": "collector:4318"}, "otlp_endpoint: is not an address"),
        ({"otlp_endpoint": "http://a.example/v1/traces"}, "otlp_endpoint: is not an address"),
        ({"otlp_endpoint": "http://u:p@a.example"}, "otlp_endpoint: holds credentials"),
        ({"traces_to_vendors": True}, "traces_to_vendors: there is no telemetry.otlp_endpoint"),
        ({"sample_ratio": 0.1}, "sample_ratio: there is no telemetry.otlp_endpoint"),
        ({"otlp_endpoint": "http://a.example", "sample_ratio": 1.5}, "sample_ratio: "),
    ],
)
def test_traces_that_could_not_be_sent_are_faults(telemetry: dict[str, Any], fault: str) -> None:
    """They are told when the gateway starts, and not missed when they are looked for."""
    (told,) = faults(**telemetry)
    assert told.startswith(f"telemetry.{fault}")


def test_without_the_extra_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is one that few need."""
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    (told,) = faults(otlp_endpoint="http://127.0.0.1:4318")
    assert "pip install 'opportunity-gateway[otel]'" in told


OFF = """
TRACES = ("gateway.telemetry.spans", "opentelemetry.exporter", "opentelemetry.sdk.trace")
import sys
from pathlib import Path
from opentelemetry import trace
from gateway.app import create_app
from gateway.settings import parse
app = create_app(parse({}, {}, Path()))
assert not [name for name in sys.modules if name.startswith(TRACES)]
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
assert not app._native_telemetry.enabled()
"""


def test_without_a_collector_nothing_is_traced() -> None:
    """Not a library of traces is loaded, and the framework tells nothing by itself."""
    ended = subprocess.run(
        [sys.executable, "-c", OFF], env={**os.environ}, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
