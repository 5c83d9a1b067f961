"""What is counted of everything that happens, under the names that operators know it by.

With several worker processes each counts in files of a folder that all of them share, which
`PROMETHEUS_MULTIPROC_DIR` names; whichever is asked answers for all (see `scrape`).
"""

from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from gateway.shared.trail import StoreCalled, VendorCalled
from gateway.telemetry.hooks import Hooks, Served

OTHER: Final = "other"
"""What is told together, as there is no bound to how many of it there could be."""

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"))
_KINDS: Final = (
    "parked", "duplicate-detected", "late", "already", "fenced", "lost", "not-stored",
    "not-taken-back",
)  # fmt: skip
"""What can happen to writes: told as 0 from the start, so that the first one is an increase."""
_YES_NO: Final = {True: "yes", False: "no"}
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_VENDOR_SECONDS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STORE_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5)

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class _Children(dict[tuple[object, ...], Metric]):
    """The children of a metric by the values of their labels; the library is slower to find one."""

    def __init__(self, metric: Metric) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[object, ...]) -> Metric:
        child = self[labels] = self._metric.labels(*labels)
        return child


class Named:
    """The connections that have series of their own: those that come first, and only so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def of(self, connection: str) -> str:
        """What a connection is called in a label."""
        if connection not in self._names:
            if len(self._names) >= self._most:
                return OTHER
            self._names.add(connection)
        return connection


class Metrics:
    """All that is counted in one process; `max_connections` have series of their own."""

    def __init__(self, *, max_connections: int) -> None:
        self.registry = here = CollectorRegistry()
        self.named = Named(max_connections)
        self._requests = _Children(Counter(
            "gateway_requests_total", "Requests by what became of them.",
            ("route", "method", "status", "code", "outcome"), registry=here,
        ))  # fmt: skip
        self._request_seconds = _Children(Histogram(
            "gateway_request_seconds", "From a request's head to the end of its answer.",
            ("route", "method"), registry=here, buckets=_REQUEST_SECONDS,
        ))  # fmt: skip
        self._in_flight = Gauge(
            "gateway_requests_in_flight", "Requests that are being served.",
            registry=here, multiprocess_mode="livesum",
        )  # fmt: skip
        self._caller_requests = _Children(Counter(
            "gateway_caller_requests_total", "Requests by caller.", ("caller",), registry=here,
        ))  # fmt: skip
        self._vendor_calls = _Children(Counter(
            "gateway_vendor_calls_total",
            "Attempts at vendor calls by the status, or where there is none by our code.",
            ("vendor", "connection", "effect", "status"), registry=here,
        ))  # fmt: skip
        self._vendor_seconds = _Children(Histogram(
            "gateway_vendor_call_seconds", "How long attempts at vendor calls took.",
            ("vendor", "effect"), registry=here, buckets=_VENDOR_SECONDS,
        ))  # fmt: skip
        self._idempotency = _Children(Counter(
            "gateway_idempotency_total", "Writes by what Idempotency-Status said.",
            ("status",), registry=here,
        ))  # fmt: skip
        self._events = _Children(Counter(
            "gateway_operation_events_total", "What happened to writes that went unusually.",
            ("kind",), registry=here,
        ))  # fmt: skip
        self._store_seconds = _Children(Histogram(
            "gateway_store_seconds", "How long scripts of the store took, second tries and all.",
            ("script", "ok"), registry=here, buckets=_STORE_SECONDS,
        ))  # fmt: skip
        self._faults = Counter(
            "gateway_faults_total", "Faults of the gateway's own.", registry=here
        )
        self._unrecorded = Counter(
            "gateway_requests_unrecorded_total", "Requests that are missing from the ledger.",
            registry=here,
        )  # fmt: skip
        self._reloads = _Children(Counter(
            "gateway_configuration_reloads_total", "Changed configurations, taken on or refused.",
            ("taken",), registry=here,
        ))  # fmt: skip
        self._lag = Gauge(
            "gateway_event_loop_lag_seconds", "How late the event loop is; of workers the latest.",
            registry=here, multiprocess_mode="livemax",
        )  # fmt: skip
        self._up = _Children(Gauge(
            "gateway_connection_up", "Whether a connection is ready; of workers the worst view.",
            ("connection",), registry=here, multiprocess_mode="livemin",
        ))  # fmt: skip
        for kind in _KINDS:
            self._events[kind,].inc(0)
        for taken in _YES_NO.values():
            self._reloads[taken,].inc(0)

    @property
    def hooks(self) -> Hooks:
        """What tells these metrics of all that happens."""
        return Hooks(
            began=self._in_flight.inc,
            served=self._served,
            called=self._called,
            stored=self._stored,
            happened=lambda happened: self._events[happened.kind,].inc(),
            fault=lambda _: self._faults.inc(),
            unrecorded=self._unrecorded.inc,
            taken_on=self._reloads["yes",].inc,
            refused=lambda _: self._reloads["no",].inc(),
        )

    def lags(self, seconds: float) -> None:
        """Told how late the event loop is."""
        self._lag.set(seconds)

    def is_up(self, connection: str, *, ready: bool) -> None:
        """Told whether a connection is ready."""
        if self.named.of(connection) != OTHER:
            self._up[connection,].set(ready)

    def _served(self, served: Served) -> None:
        self._in_flight.dec()
        method = served.method if served.method in _METHODS else OTHER
        code, outcome = served.code or "", served.outcome or ""
        self._requests[served.route, method, served.status, code, outcome].inc()
        self._request_seconds[served.route, method].observe(served.seconds)
        if served.caller is not None:
            self._caller_requests[served.caller,].inc()
        if served.idempotency is not None:
            self._idempotency[served.idempotency,].inc()
        if served.fault is not None and served.status == 500:
            self._faults.inc()

    def _called(self, call: VendorCalled) -> None:
        status = call.code if call.status is None else call.status
        named = self.named.of(call.connection)
        self._vendor_calls[call.vendor, named, call.effect, status].inc()
        self._vendor_seconds[call.vendor, call.effect].observe(call.seconds)

    def _stored(self, call: StoreCalled) -> None:
        self._store_seconds[call.script, _YES_NO[call.ok]].observe(call.seconds)
