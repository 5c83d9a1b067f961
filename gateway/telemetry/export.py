"""Spans on their way to a collector, by OTLP over HTTP; it needs the extra `otel`.

No request waits for a collector: spans are sent from a thread, in batches, and the oldest are
dropped when it is slow or away.
"""

import asyncio
import logging
import uuid
from threading import Thread
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Tracer

SERVICE: Final = "opportunity-gateway"
PATH: Final = "/v1/traces"
"""Where a collector takes traces (OTLP/HTTP), below its address."""
QUEUE: Final = 4096
"""Spans that wait to be sent; the oldest make way for new ones."""
BATCH: Final = 512
EVERY_MS: Final = 1000
EXPORT_SECONDS: Final = 5.0
"""How long a batch is tried for, with what is tried again."""
CLOSE_SECONDS: Final = 2.0
"""How long a shutdown waits for a collector to take the rest."""

# Its warnings repeat what callers send as their trace's state.
logging.getLogger("opentelemetry.trace").setLevel(logging.CRITICAL)


class Export:
    """What samples spans and sends them.

    `ratio` of the traces that begin here are kept; of those that began with a caller, whichever
    the caller keeps. Headers, certificates and compression come from OpenTelemetry's own
    environment variables (`OTEL_EXPORTER_OTLP_HEADERS` and its kin).
    """

    def __init__(self, collector: str, *, ratio: float, version: str) -> None:
        self._exporter: SpanExporter = OTLPSpanExporter(
            f"{collector.rstrip('/')}{PATH}", timeout=EXPORT_SECONDS
        )
        resource = Resource.create({
            "service.name": SERVICE,
            "service.version": version,
            "service.instance.id": str(uuid.uuid4()),
        })  # fmt: skip
        self._provider = TracerProvider(
            ParentBasedTraceIdRatio(ratio), resource, shutdown_on_exit=False
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._exporter,
                max_queue_size=QUEUE,
                max_export_batch_size=BATCH,
                schedule_delay_millis=EVERY_MS,
            )
        )
        self.tracer: Tracer = self._provider.get_tracer("gateway", version)

    async def close(self) -> None:
        """Sends what is left, for a while; what the collector has not taken then is lost."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SECONDS)
        if closing.is_alive():
            self._exporter.shutdown()
