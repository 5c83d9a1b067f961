"""A collector of traces in this process: it takes OTLP over HTTP, and keeps what it is sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.faults.waiting import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One span as it came."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    attributes: Mapping[str, str | int | float | bool]
    resource: Mapping[str, str | int | float | bool]
    failed: bool
    text: str = field(repr=False)
    """All that was told of it."""

    @property
    def is_root(self) -> bool:
        """Whether the trace begins with it."""
        return not self.parent_id


class Collector:
    """What a collector was sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Collected] = []

    async def until(self, found: Callable[[list[Collected]], object]) -> list[Collected]:
        """All spans, as soon as they are what is waited for; after a while, as they are."""
        await until(lambda: bool(found(self.spans)))
        return list(self.spans)

    async def trace(self, name: str) -> tuple[Collected, list[Collected]]:
        """The one span of a name, awaited, and those of its trace that ended before it did."""
        spans = await self.until(lambda spans: any(span.name == name for span in spans))
        (found,) = [span for span in spans if span.name == name]
        same = [span for span in spans if span.trace_id == found.trace_id and span is not found]
        return found, same


@contextmanager
def collecting() -> Iterator[Collector]:
    """A running collector."""

    class Taken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.spans += _spans(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taken) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield collector
        server.shutdown()


def _spans(sent: ExportTraceServiceRequest) -> Iterator[Collected]:
    for resource in sent.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Collected(
                    name=span.name,
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    state=span.trace_state,
                    attributes=_values(span.attributes),
                    resource=_values(resource.resource.attributes),
                    failed=span.status.code == Status.STATUS_CODE_ERROR,
                    text=f"{resource.resource} {scope.scope} {span}",
                )


def _values(pairs: Iterable[KeyValue]) -> dict[str, str | int | float | bool]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in pairs
    }
