"""What `/metrics` answers: what was counted, and how things stand at that moment.

Where several workers serve, what was counted is the sum over all of them, those that have died
included, and a gauge is what its help says, over those that live. How things stand that all of
them share (limits, breakers, operations) is what the worker sees that is asked.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from gateway import __version__
from gateway.telemetry.metrics import OTHER, Metrics, Named

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder of several workers; the library reads it when imported."""
STORE_SETTINGS: Final = "store-settings"
"""What all reasons are called that the store's own settings give, in words of many kinds."""
REASONS: Final = ("starting", "store-unavailable", "amnesia", "overloaded", STORE_SETTINGS)
"""Why a replica may be degraded, told as 0 where it is not."""

Values = Mapping[tuple[str, ...], float]
"""Of a gauge, by the values of its labels."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one limit of a connection."""

    connection: str
    scope: str
    window: str
    """Its length in seconds, empty where nobody knows it."""
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How things stand at one moment, as one worker sees it."""

    ready: bool
    draining: bool
    reasons: Collection[str]
    """Why the replica is degraded, or not ready."""
    operations: Mapping[str, int]
    """Writes that are not settled, by their state; empty where the store does not answer."""
    breakers: Mapping[str, bool]
    """The connections that are switched on, and whether the breaker is open."""
    limits: Iterable[Left]


class Scrape:
    """Answers `/metrics`. `look` tells how things stand whenever that is asked."""

    def __init__(self, metrics: Metrics, look: Callable[[], Awaitable[State]]) -> None:
        self._metrics = metrics
        self._look = look
        self._folder = os.environ.get(FOLDER)
        self._process = ProcessCollector(registry=None)

    async def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        told = _Told(self._counted(), self._metrics.named, await self._look())
        return await asyncio.to_thread(generate_latest, told)

    def ended(self) -> None:
        """Takes this worker out of what is told of those that live."""
        if self._folder:
            _forget(os.getpid(), self._folder)

    def _counted(self) -> tuple[Collector, ...]:
        """What was counted, and of a process that serves alone what it takes."""
        if not self._folder:
            return self._metrics.registry, self._process
        for pid in _dead(Path(self._folder)):
            _forget(pid, self._folder)
        collector: Collector = MultiProcessCollector(None, self._folder)  # type: ignore[no-untyped-call] # the library's own
        return (collector,)


class _Told:
    """Every family that is told at one moment."""

    def __init__(self, counted: Iterable[Collector], named: Named, state: State) -> None:
        self._counted = counted
        self._named = named
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """What was counted, then how things stand."""
        for family in chain.from_iterable(each.collect() for each in self._counted):
            family.samples = [each for each in family.samples if self._is_wanted(each)]
            yield family
        for (name, told, *labels), values in self._standing():
            gauge = GaugeMetricFamily(name, told, labels=labels)
            for of, value in values.items():
                gauge.add_metric(of, value)
            yield gauge

    def _is_wanted(self, sample: Sample) -> bool:
        """Not the time at which a series began, nor whether a connection is up that is no more."""
        if sample.name == "gateway_connection_up":
            return sample.labels["connection"] in self._state.breakers
        return not sample.name.endswith("_created")

    def _standing(self) -> Iterator[tuple[tuple[str, ...], Values]]:
        """Gauges: name, help and labels, then the values."""
        state = self._state
        breakers = {name: each for name, each in state.breakers.items() if self._has_own(name)}
        reasons = dict.fromkeys(REASONS, 0) | dict.fromkeys(map(_reason, state.reasons), 1)
        limit = ("connection", "scope", "window")
        yield ("gateway_limit_left", "Calls that a limit lets pass.", *limit), self._scarcest()
        for name, told, label, values in (
            ("breaker_open", "Whether calls are held back.", "connection", breakers),
            ("operations", "Writes that are not settled.", "state", state.operations),
            ("degraded", "Whether the replica is degraded for this.", "reason", reasons),
            ("build_info", "The version that runs.", "version", {__version__: 1}),
        ):
            yield (f"gateway_{name}", told, label), {(of,): value for of, value in values.items()}
        for name, told, holds in (
            ("store_up", "Whether the store answers.", "store-unavailable" not in state.reasons),
            ("amnesia", "Whether records of writes were lost.", "amnesia" in state.reasons),
            ("ready", "Whether requests are welcome.", state.ready),
            ("draining", "Whether the replica is about to end.", state.draining),
        ):
            yield (f"gateway_{name}", told), {(): holds}

    def _scarcest(self) -> Values:
        """What is left of each limit; of two that have the same labels the lesser."""
        found: dict[tuple[str, ...], float] = {}
        for each in self._state.limits:
            if self._has_own(each.connection):
                labels = (each.connection, each.scope, each.window)
                found[labels] = min(found.get(labels, each.left), each.left)
        return found

    def _has_own(self, connection: str) -> bool:
        return self._named.of(connection) != OTHER


@contextmanager
def counted_together() -> Iterator[None]:
    """The workers that are started within count in one folder, which lasts as long as they do."""
    with TemporaryDirectory(prefix="gateway-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def _reason(told: str) -> str:
    return told if told in REASONS else STORE_SETTINGS


def _forget(pid: int, folder: str) -> None:
    with suppress(FileNotFoundError):  # another worker was quicker
        mark_process_dead(pid, folder)  # type: ignore[no-untyped-call] # the library's own


def _dead(folder: Path) -> set[int]:
    """Workers that left gauges behind and live no more."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}
    return {pid for pid in pids if not _lives(pid)}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
