"""Traces, as the settings want them: without a collector nothing is traced, and nothing costs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from gateway import __version__
from gateway.connections import Connection
from gateway.engine.exchange import Layer
from gateway.settings import Settings
from gateway.telemetry.hooks import Hooks

Traced = Callable[[Connection], Layer]
"""Gives the layer around each of a connection's calls."""


def _unchanged(app: ASGIApp) -> ASGIApp:
    return app


def untraced(_: Connection) -> Layer:
    """The layer of a connection where nothing is traced: none at all."""
    return lambda inner: inner


async def _nothing() -> None:
    """There is nothing to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """Where spans are made, and what ends it all."""

    hooks: Hooks = field(default_factory=Hooks)
    of_requests: Callable[[ASGIApp], ASGIApp] = _unchanged
    of_calls: Traced = untraced
    close: Callable[[], Awaitable[None]] = _nothing

    @classmethod
    def of(cls, settings: Settings) -> "Tracing":
        """As the settings say."""
        wanted = settings.file.telemetry
        if wanted.otlp_endpoint is None:
            return cls()
        from gateway.telemetry.export import Export  # noqa: PLC0415 - an extra that few need
        from gateway.telemetry.spans import Spans  # noqa: PLC0415 - the same

        export = Export(wanted.otlp_endpoint, ratio=wanted.sample_ratio, version=__version__)
        spans = Spans(export.tracer, to_vendors=wanted.traces_to_vendors)
        return cls(
            hooks=spans.hooks,
            of_requests=spans.of_requests,
            of_calls=spans.of_calls,
            close=export.close,
        )
