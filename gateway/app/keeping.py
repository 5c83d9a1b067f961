"""What keeps writes from doubling; it outlives a change of callers and connections."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.api.desk import House
from gateway.api.writes import Write, Writes
from gateway.app import shared
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.monitor import Monitor
from gateway.idempotency.once import Once
from gateway.idempotency.reconcile import Reconciler
from gateway.idempotency.registry import Registry
from gateway.idempotency.store import OperationStore
from gateway.idempotency.sweep import Sweeper
from gateway.idempotency.timers import Timers
from gateway.settings import Settings
from gateway.telemetry.hooks import Hooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The records of writes, and whoever works with them."""

    registry: Registry
    monitor: Monitor
    sweeper: Sweeper[Write]
    once: Once[Write]
    doing: Writes

    @classmethod
    def of(
        cls,
        settings: Settings,
        store: OperationStore,
        house: Callable[[], House],
        hooks: Hooks,
    ) -> "Keeping":
        """As the settings say; `house` is the one of the moment."""
        registry = Registry(
            store=store,
            sealing=shared.sealing(settings),
            signing_keys=shared.signing_keys(settings),
            environment=settings.file.environment,
            timers=_timers(settings),
            tell=hooks.happened,
            fault=hooks.fault,
        )
        highwaters = Highwaters()
        monitor = Monitor(
            store,
            highwaters=highwaters,
            keep_ms=registry.timers.retention_ms,
            lost=hooks.forgotten,
            replicas=registry.timers.replicas,
            strict=settings.strict,
        )
        doing = Writes(house)
        reconciler = Reconciler(registry, doing)
        inflight = settings.file.limits.inflight
        return cls(
            registry=registry,
            monitor=monitor,
            sweeper=Sweeper(registry, doing, reconciler),
            once=Once(registry, doing, reconciler, monitor, highwaters, inflight=inflight),
            doing=doing,
        )


def _timers(settings: Settings) -> Timers:
    file = settings.file
    return Timers(
        retention_ms=file.idempotency.retention_hours * 3600 * 1000,
        wait_seconds=file.idempotency.wait_seconds,
        vendor_seconds=file.timeouts.vendor_seconds,
        quiet_seconds=file.reconcile.quiet_seconds,
        sweep_seconds=file.reconcile.sweep_seconds,
        replicas=file.redis.wait_replicas,
        replica_wait_ms=file.redis.wait_ms,
    )
