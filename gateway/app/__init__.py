"""The composition root: settings in, an application out; the one place that sees everything.

Reading order: shared (stores and keys), ways (to the vendors, with THE list of layers), keeping
(of writes), housing (what routes see).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
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
from gateway.api.desk import House
from gateway.app import housing, shared
from gateway.app.keeping import Keeping
from gateway.app.ways import Ways, clock, is_renewed
from gateway.connections import Connection
from gateway.engine.wire import Transport, transport
from gateway.errors import GatewayError
from gateway.evidence import marker_trouble
from gateway.idempotency.store import OperationStore
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

    def house() -> House:
        found: House = app.state.house
        return found

    ways = Ways(settings, client or transport())
    keeping = Keeping.of(settings, store or shared.operations(settings), house)
    tokens = housing.tokens(settings, ways)

    def take_on(changed: Settings) -> None:
        app.state.house = housing.house(settings.taking_on(changed), ways, keeping, tokens)
        telemetry.log_taken_on()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        guards = ways.guards
        works = (
            keeping.monitor.run,
            keeping.sweeper.run,
            guards.breakers.follow,
            guards.limits.run,
        )
        watching = [asyncio.create_task(_unbroken(work)) for work in works]
        if file:
            following = partial(follow, file, take_on, telemetry.log_refused)
            watching.append(asyncio.create_task(_unbroken(following)))
        yield
        await _stopped(watching)
        await keeping.registry.drain(settings.file.timeouts.request_seconds)
        await keeping.registry.store.close()
        await ways.close()

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
    app.state.house = housing.house(settings, ways, keeping, tokens)
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
    ways = Ways(settings, transport())
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
