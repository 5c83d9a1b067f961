"""The composition root: settings in, an application out; the one place that sees everything."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway import __version__, telemetry
from gateway.api import (
    discovery,
    documents,
    frame,
    operations,
    opportunities,
    pages,
    translations,
)
from gateway.api.access import Access, Caller, KnownKey
from gateway.api.cursors import Cursors
from gateway.api.desk import House
from gateway.api.writes import Write, Writes
from gateway.connections import Connection
from gateway.engine.catalogue import Catalogues
from gateway.engine.credentials import authenticated, proof_of
from gateway.engine.deadline import deadline
from gateway.engine.deduplicated import deduplicated
from gateway.engine.exchange import Layer, layered
from gateway.engine.health import Health, watched
from gateway.engine.wire import Transport, transport, wire
from gateway.errors import GatewayError
from gateway.evidence import Evidence, marker_trouble
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.monitor import Monitor
from gateway.idempotency.once import Once
from gateway.idempotency.reconcile import Reconciler
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.registry import Registry
from gateway.idempotency.sealing import EncryptionKey, Sealing
from gateway.idempotency.signing import SigningKey
from gateway.idempotency.store import OperationStore
from gateway.idempotency.sweep import Sweeper
from gateway.idempotency.timers import Timers
from gateway.listing import Listing
from gateway.opportunities import Opportunities, Terms
from gateway.settings import Settings, load, parse
from gateway.settings.watch import follow

TITLE = "opportunity-gateway"
DESCRIPTION = "One canonical opportunity API in front of many CRM vendors."


def create_app(
    settings: Settings,
    *,
    client: Transport | None = None,
    store: OperationStore | None = None,
    served: Callable[[telemetry.Served], None] = telemetry.log_served,
    file: Path | None = None,
) -> FastAPI:
    """The application for a configuration.

    `client` replaces the transport to the vendors, `store` what keeps the records of writes. While
    it runs it takes on the callers and connections of `file` whenever that changes.
    """
    network = client or transport()
    keys = _signing_keys(settings)

    def house() -> House:
        found: House = app.state.house
        return found

    keeping = _keeping(settings, store or _store(settings), keys, house)

    def take_on(changed: Settings) -> None:
        app.state.house = _house(settings.taking_on(changed), network, keeping)
        telemetry.log_taken_on()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = [
            asyncio.create_task(_unbroken(keeping.monitor.run)),
            asyncio.create_task(_unbroken(keeping.sweeper.run)),
        ]
        if file:
            watching.append(asyncio.create_task(follow(file, take_on, telemetry.log_refused)))
        yield
        await _stopped(watching)
        await keeping.registry.drain(settings.file.timeouts.request_seconds)
        await keeping.registry.store.close()
        await network.aclose()

    app = FastAPI(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for room in (opportunities, discovery, translations, operations, pages):
        app.router.routes.extend(room.router.routes)
    frame.install(app)
    app.add_middleware(frame.Frame, served=served)
    app.openapi = partial(_document, app)  # type: ignore[method-assign]
    app.state.house = _house(settings, network, keeping)
    app.state.monitor = keeping.monitor
    return app


async def _unbroken(work: Callable[[], Awaitable[None]]) -> None:
    """Work in the background that a fault of ours interrupts, and does not end."""
    while True:
        try:
            await work()
        except Exception as fault:  # noqa: BLE001 - the log has it, and the work goes on
            telemetry.log_fault(fault)
            await asyncio.sleep(1)


async def _stopped(tasks: Iterable[asyncio.Task[Any]], *, every: float = 1.0) -> None:
    """Ends work in the background; a task that was just failing may miss the first word of it."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=every)


def from_environment() -> FastAPI:
    """The application of a worker: the file that `GATEWAY_CONFIG` names, and its log."""
    file = Path(os.environ["GATEWAY_CONFIG"])
    settings = load(file)
    logs = settings.file.logs
    telemetry.configure(json=logs.format == "json", level=logs.level)
    return create_app(settings, file=file)


def document() -> dict[str, Any]:
    """The OpenAPI document, which no configuration changes."""
    return create_app(parse({}, {}, Path())).openapi()


async def check(settings: Settings) -> dict[str, str | None]:
    """What is wrong with each connection that is switched on, None where nothing is."""
    network = transport()
    use_cases = _use_cases(settings, network, {name: Health() for name in settings.connections})
    enabled = {name: at for name, at in settings.connections.items() if at.enabled}
    async with network:
        return {name: await _trouble(settings, use_cases, at) for name, at in enabled.items()}


async def _trouble(settings: Settings, use_cases: Opportunities, at: Connection) -> str | None:
    until = _clock() + settings.file.timeouts.vendor_seconds
    talk = use_cases.speak(at, Terms(until=until, patience=until))
    translator = at.vendor.translator(talk.context())
    try:
        await talk.hold(translator, translator.check())
        catalogue = await talk.catalogue()
    except GatewayError as error:
        return f"{error.code}: {error.message}"
    return marker_trouble(catalogue, at.options.marker_field)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keeping:
    """What keeps writes from doubling; it outlives a change of callers and connections."""

    registry: Registry
    monitor: Monitor
    sweeper: Sweeper[Write]
    once: Once[Write]
    doing: Writes


def _keeping(
    settings: Settings,
    store: OperationStore,
    keys: Sequence[SigningKey],
    house: Callable[[], House],
) -> _Keeping:
    registry = Registry(
        store=store,
        sealing=_sealing(settings),
        signing_keys=keys,
        environment=settings.file.environment,
        timers=_timers(settings),
        tell=telemetry.log_operation,
        fault=telemetry.log_fault,
    )
    highwaters = Highwaters()
    monitor = Monitor(
        store,
        highwaters=highwaters,
        keep_ms=registry.timers.retention_ms,
        lost=telemetry.log_amnesia,
        replicas=registry.timers.replicas,
        strict=settings.strict,
    )
    doing = Writes(house)
    reconciler = Reconciler(registry, doing)
    inflight = settings.file.limits.inflight
    return _Keeping(
        registry=registry,
        monitor=monitor,
        sweeper=Sweeper(registry, doing, reconciler),
        once=Once(registry, doing, reconciler, monitor, highwaters, inflight=inflight),
        doing=doing,
    )


def _store(settings: Settings) -> OperationStore:
    redis = settings.file.redis
    if redis.url is None:
        return MemoryStore()
    return RedisStore.at(redis.url.get_secret_value(), cluster=redis.cluster)


def _sealing(settings: Settings) -> Sealing:
    configured = settings.file.secrets.encryption_keys
    if not configured:
        return Sealing.of_this_process()
    return Sealing(
        [EncryptionKey.from_base64(key.id, key.key.get_secret_value()) for key in configured]
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


def _use_cases(
    settings: Settings, network: Transport, health: Mapping[str, Health]
) -> Opportunities:
    connect = settings.file.timeouts.connect_seconds
    exchanges = {
        name: layered(
            wire(network, at.base_url, connect_seconds=connect, clock=_clock),
            _layers(at, health[name]),
        )
        for name, at in settings.connections.items()
    }
    return Opportunities(lambda at: exchanges[at.name], Catalogues(monotonic))


def _house(settings: Settings, network: Transport, keeping: _Keeping) -> House:
    health = {name: Health() for name in settings.connections}
    use_cases = _use_cases(settings, network, health)
    return House(
        access=Access(tuple(_known_keys(settings))),
        connections=settings.connections,
        opportunities=use_cases,
        listing=Listing(use_cases, monotonic),
        evidence=Evidence(use_cases),
        cursors=Cursors(keeping.registry.signing_keys),
        health=health,
        once=keeping.once,
        registry=keeping.registry,
        doing=keeping.doing,
        require_key=settings.file.idempotency.require_key,
        request_seconds=settings.file.timeouts.request_seconds,
        vendor_seconds=settings.file.timeouts.vendor_seconds,
    )


def _layers(at: Connection, health: Health) -> tuple[Layer, ...]:
    """THE list of layers between a dialogue and the wire, the outermost first."""
    return (
        watched(health, lambda: datetime.now(UTC)),
        deadline(_clock),
        deduplicated(at.vendor.idempotency),
        authenticated(proof_of(at.vendor.auth, at.credentials)),
    )


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _known_keys(settings: Settings) -> list[KnownKey]:
    known = []
    for name, entry in settings.file.callers.items():
        caller = Caller(name, frozenset(entry.scopes), entry.connections)
        known += [KnownKey(key.sha256, caller, key.expires) for key in entry.hashed_keys()]
    return known


def _signing_keys(settings: Settings) -> tuple[SigningKey, ...]:
    """The configured keys; one of chance where there are none, which only development permits."""
    configured = settings.file.secrets.signing_keys
    if not configured:
        return (SigningKey("process", secrets.token_bytes(32)),)
    return tuple(SigningKey(key.id, key.key.get_secret_value().encode()) for key in configured)


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        raw = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            contact={"name": "The operators of this gateway"},
        )
        app.openapi_schema = documents.completed(raw)
    return app.openapi_schema
