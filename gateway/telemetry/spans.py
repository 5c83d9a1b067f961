"""Spans: a trace of each API request, with its vendor calls and its calls to the store.

Names and attributes are OpenTelemetry's, and `gateway.…` where it has none. No span holds a path, a
query, a body, a key, the name of a caller or the text of an error.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    format_trace_id,
    get_current_span,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.connections import Connection
from gateway.engine.exchange import Call, Exchange, Layer
from gateway.shared.trail import StoreCalled, VendorCalled
from gateway.telemetry.hooks import Hooks, Served
from gateway.translator import VendorResponse

METHODS: Final = frozenset("DELETE GET HEAD OPTIONS PATCH POST PUT".split())
"""Any other word is the caller's own, and is not repeated."""
TRACED: Final = "/v1/"
"""What the paths of the API begin with: probes, pages and scrapes make no traces."""

_CONTEXT: Final = TraceContextTextMapPropagator()
_HEADERS: Final = frozenset((b"traceparent", b"tracestate"))


class Spans:
    """Makes the spans. Whoever opens one has its context; the hooks tell what came of it."""

    def __init__(self, tracer: Tracer, *, to_vendors: bool) -> None:
        self._tracer = tracer
        self._to_vendors = to_vendors
        self.hooks = Hooks(served=_served, called=_called, stored=self._stored)

    def of_requests(self, app: ASGIApp) -> ASGIApp:
        """The application with a span around each request to the API.

        It goes on with the caller's trace where there is one (W3C Trace Context), and leaves the
        trace's id in the state of the request.
        """

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(TRACED):
                await app(scope, receive, send)
                return
            method = _method(scope["method"])
            span = self._tracer.start_span(
                method,
                context=_given(scope["headers"]),
                kind=SpanKind.SERVER,
                attributes={"http.request.method": method, "url.scheme": scope["scheme"]},
            )
            made = span.get_span_context()
            if made.is_valid:  # OTEL_SDK_DISABLED makes others
                scope.setdefault("state", {})["trace_id"] = format_trace_id(made.trace_id)
            with _within(span):
                await app(scope, receive, send)

        return traced

    def of_calls(self, at: Connection) -> Layer:
        """A layer with a span around each attempt at a vendor call.

        The vendor is told of the trace only where that is allowed.
        """
        address = urlsplit(at.base_url)
        where = {"server.address": address.hostname, "server.port": _port(address)}
        whose = _known({**where, "gateway.connection": at.name, "gateway.vendor": at.vendor.name})

        def around(inner: Exchange) -> Exchange:
            async def exchange(call: Call) -> VendorResponse:
                request = call.request
                span = self._tracer.start_span(
                    f"{request.method} {request.step}",
                    kind=SpanKind.CLIENT,
                    attributes={
                        **whose,
                        "http.request.method": request.method,
                        "gateway.effect": request.effect,
                        "gateway.step": request.step,
                    },
                )
                with _within(span):
                    if self._to_vendors:
                        _CONTEXT.inject(call.headers)
                    return await inner(call)

            return exchange

        return around

    def _stored(self, called: StoreCalled) -> None:
        """A span for a script, unless it is the gateway's own housekeeping, or nobody's to see."""
        if not get_current_span().get_span_context().trace_flags.sampled:
            return
        span = self._tracer.start_span(
            called.script,
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "redis", "db.operation.name": called.script},
            start_time=called.began_ns,
        )
        if not called.ok:
            _failed(span, "unanswered")
        span.end(called.began_ns + int(called.seconds * 1e9))


def _served(served: Served) -> None:
    span = get_current_span()
    if not span.is_recording():
        return
    if served.operation:
        span.update_name(f"{_method(served.method)} {served.route}")
    span.set_attributes(_known({
        "http.route": served.route if served.operation else None,
        "http.response.status_code": served.status or None,
        "gateway.instance": served.instance,
        "gateway.operation": served.operation,
        "gateway.operation_id": served.operation_id,
        "gateway.connection": served.connection,
        "gateway.vendor": served.vendor,
        "gateway.code": served.code,
        "gateway.outcome": served.outcome,
        "gateway.idempotency": served.idempotency,
    }))  # fmt: skip
    if not 0 < served.status < 500:
        _failed(span, served.code or _kind(served.fault))


def _called(called: VendorCalled) -> None:
    span = get_current_span()
    if not span.is_recording():
        return
    span.set_attributes(_known({
        "http.response.status_code": called.status,
        "http.request.body.size": called.bytes_out,
        "http.response.body.size": called.bytes_in,
        "gateway.sent": called.sent,
    }))  # fmt: skip
    if called.status is None or called.status >= 400:
        _failed(span, called.code or str(called.status))


def _within(span: Span) -> Any:
    """The span as the current one, ended after it; what is raised leaves no text in it."""
    return use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False)


def _failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _kind(fault: BaseException | None) -> str:
    return "unanswered" if fault is None else type(fault).__name__


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _method(method: str) -> str:
    return method if method in METHODS else "_OTHER"


def _port(address: Any) -> int:
    """The port of an address, the scheme's own where it names none."""
    port: int | None = address.port
    return port or {"http": 80}.get(address.scheme, 443)


def _given(lines: Iterable[tuple[bytes, bytes]]) -> Context:
    """The context that a caller sends, an empty one where that is none (Trace Context 3)."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in lines:
        if name in _HEADERS:
            found[name.decode()].append(value.decode("latin-1"))
    if len(found["traceparent"]) != 1:
        return Context()
    return _CONTEXT.extract(found, Context())
