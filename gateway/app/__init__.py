"""The composition root: settings in, an application out; the one place that sees everything.

Reading order: shared (stores and keys), ways (to the vendors, with THE list of layers), keeping
(of writes), bookkeeping (of requests), tracing, housing (what routes see); lifecycle (how it
ends), serving (the server around it).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.api import (
    callers,
    discovery,
    documents,
    frame,
    openapi,
    operations,
    opportunities,
    pages,
    requests,
    translations,
)
from gateway.api.desk import House
from gateway.api.reception import Reception
from gateway.app import garbage, housing, shared
from gateway.app.bookkeeping import Bookkeeping
from gateway.app.keeping import Keeping
from gateway.app.lifecycle import Lifecycle
from gateway.app.measuring import Measuring
from gateway.app.networks import networks, replaced
from gateway.app.tracing import Tracing
from gateway.app.ways import Ways, clock, is_renewed
from gateway.connections import Connection
from gateway.engine.network import Network
from gateway.errors import GatewayError
from gateway.evidence import marker_trouble
from gateway.idempotency.store import OperationStore
from gateway.opportunities import Opportunities, Terms
from gateway.settings import Settings, load, parse
from gateway.settings.watch import follow
from gateway.telemetry import foreign, logs
from gateway.telemetry.hooks import Hooks, every
from gateway.telemetry.logs import LOG
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.scrape import Scrape

if TYPE_CHECKING:
    from gateway.engine.stock import Transport

TITLE = "opportunity-gateway"
DESCRIPTION = "One canonical opportunity API in front of many CRM vendors."
UNTOLD: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""The framework's own telemetry is off: it tells the texts of errors, and we have ours."""


class _Application(FastAPI):
    """The framework's, in which all goes to the frame at once: of its own stack nothing is used."""

    framed: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or begins and ends."""
        scope["app"] = self
        await self.framed(scope, receive, send)


def create_app(
    settings: Settings,
    *,
    client: "Transport | Network | None" = None,
    store: OperationStore | None = None,
    hooks: Hooks = LOG,
    file: Path | None = None,
    settled: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The application for a configuration.

    `client` replaces the networks to the vendors, `store` what keeps the records of writes, and
    `hooks` are told what happens. While it runs it takes on the callers and connections of `file`
    whenever that changes. `settled` is called when all is there that stays: after the start, and
    after each such change.
    """

    def house() -> House:
        found: House = app.state.house
        return found

    tracing = Tracing.of(settings)
    metrics = Metrics(max_connections=settings.file.telemetry.max_connections)
    hooks = every(hooks, tracing.hooks, metrics.hooks)
    carrying = replaced(client) if client else networks()
    ways = Ways(settings, carrying, hooks, tracing.of_calls)
    keeping = Keeping.of(settings, store or shared.operations(settings, hooks.stored), house, hooks)
    books = Bookkeeping.of(settings, keeping.registry.signing_keys[0], hooks)
    tokens = housing.tokens(settings, ways)
    life = Lifecycle.of(settings)
    measuring = Measuring(metrics, keeping, house, life)
    scrape = Scrape(metrics, measuring.look)
    metrics_port = settings.file.server.metrics_port

    def take_on(changed: Settings) -> None:
        taken_on = settings.taking_on(changed)
        app.state.house = housing.house(taken_on, ways, keeping, tokens, books.ledger)
        hooks.taken_on()
        settled()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        guards = ways.guards
        works = (
            keeping.monitor.run,
            keeping.sweeper.run,
            guards.breakers.follow,
            guards.limits.run,
            measuring.run,
            *books.works,
        )
        watching = [asyncio.create_task(_unbroken(work, hooks.fault)) for work in works]
        if file:
            following = partial(follow, file, take_on, hooks.refused)
            watching.append(asyncio.create_task(_unbroken(following, hooks.fault)))
        settled()
        with life.heeding():
            yield
        await _stopped(watching)
        await keeping.registry.drain(life.seconds_left)
        await books.close()
        await keeping.registry.store.close()
        await ways.close()
        await tracing.close()
        scrape.ended()

    app = _Application(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=UNTOLD,
    )
    rooms = (
        opportunities,
        discovery,
        translations,
        operations,
        requests,
        callers,
        pages,
    )
    for room in rooms:
        app.router.routes.extend(room.router.routes)
    framed = frame.Frame(
        app.router,
        Reception(app.routes).respond,
        began=hooks.began,
        served=every(hooks, books.hooks).served,
        draining=lambda: life.draining,
        metrics_port=metrics_port,
    )
    app.framed = tracing.of_requests(framed)
    app.openapi = partial(_document, app, settings.file.public_url)  # type: ignore[method-assign]
    app.state.house = housing.house(settings, ways, keeping, tokens, books.ledger)
    app.state.monitor = keeping.monitor
    app.state.lifecycle = life
    app.state.scrape = scrape
    app.state.metrics_for_callers = metrics_port is None and not settings.development
    return app


async def _unbroken(
    work: Callable[[], Awaitable[None]], told: Callable[[BaseException], None]
) -> None:
    """Work in the background that a fault of ours interrupts, and does not end."""
    while True:
        try:
            await work()
        except Exception as fault:  # noqa: BLE001 - the log has it, and the work goes on
            told(fault)
            await asyncio.sleep(1)


async def _stopped(tasks: Iterable[asyncio.Task[Any]], *, every: float = 1.0) -> None:
    """Ends work in the background; a task that was just failing may miss the first word of it."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=every)


def worker(settings: Settings, file: Path) -> FastAPI:
    """The application of a worker, its log and its garbage collector."""
    wanted = settings.file.logs
    logs.configure(json=wanted.format == "json", level=wanted.level)
    foreign.capture()
    return create_app(settings, file=file, settled=garbage.settle)


def from_environment() -> FastAPI:
    """The application of one worker of several: it reads what `GATEWAY_CONFIG` names by itself."""
    garbage.look_seldom()
    file = Path(os.environ["GATEWAY_CONFIG"])
    return worker(load(file), file)


def document() -> dict[str, Any]:
    """The OpenAPI document as it is released; a running gateway's names its public address."""
    return create_app(parse({}, {}, Path())).openapi()


async def check(settings: Settings) -> dict[str, str | None]:
    """What is wrong with each connection that is switched on, None where nothing is."""
    ways = Ways(settings, networks(), LOG)
    use_cases = ways.use_cases(ways.to(settings.connections))
    enabled = {name: at for name, at in settings.connections.items() if at.enabled}
    try:
        return {name: await _trouble(settings, use_cases, at) for name, at in enabled.items()}
    finally:
        await ways.close()


async def _trouble(settings: Settings, use_cases: Opportunities, at: Connection) -> str | None:
    if is_renewed(at) and settings.file.redis.url is None:
        return "not asked: its refresh token would be spent, and the next one lost without redis"
    until = clock() + settings.file.timeouts.vendor_seconds
    talk = use_cases.speak(at, Terms(until=until, patience=until))
    translator = at.vendor.translator(talk.context())
    try:
        await talk.hold(translator, translator.check())
        catalogue = await talk.catalogue()
    except GatewayError as error:
        return f"{error.code}: {error.message}"
    return marker_trouble(catalogue, at.options.marker_field)


def _document(app: FastAPI, public_url: str | None) -> dict[str, Any]:
    if app.openapi_schema is None:
        raw = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=documents.documented(app.routes),
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            contact={"name": "The operators of this gateway"},
        )
        found = openapi.completed(raw)
        if public_url:
            found["servers"] = [{"url": public_url, "description": found["info"]["title"]}]
        app.openapi_schema = found
    return app.openapi_schema
