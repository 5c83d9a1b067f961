"""The composition root: settings in, an application out; the one place that sees everything."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway import __version__, telemetry
from gateway.api import discovery, documents, frame, opportunities, pages, translations
from gateway.api.access import Access, Caller, KnownKey
from gateway.api.cursors import Cursors, SigningKey
from gateway.api.desk import House
from gateway.connections import Connection
from gateway.engine.catalogue import Catalogues
from gateway.engine.credentials import authenticated, proof_of
from gateway.engine.deadline import deadline
from gateway.engine.exchange import Layer, layered
from gateway.engine.health import Health, watched
from gateway.engine.wire import Transport, transport, wire
from gateway.errors import GatewayError
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
    served: Callable[[telemetry.Served], None] = telemetry.log_served,
    file: Path | None = None,
) -> FastAPI:
    """The application for a configuration; `client` replaces the transport to the vendors.

    While it runs it takes on the callers and connections of `file` whenever that changes.
    """
    network = client or transport()

    def take_on(changed: Settings) -> None:
        app.state.house = replace(
            _house(settings.taking_on(changed), network), cursors=app.state.house.cursors
        )
        telemetry.log_taken_on()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = (
            asyncio.create_task(follow(file, take_on, telemetry.log_refused)) if file else None
        )
        yield
        if following:
            following.cancel()
            await asyncio.wait([following])
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
    for room in (opportunities, discovery, translations, pages):
        app.router.routes.extend(room.router.routes)
    frame.install(app)
    app.add_middleware(frame.Frame, served=served)
    app.openapi = partial(_document, app)  # type: ignore[method-assign]
    app.state.house = _house(settings, network)
    return app


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
    house = _house(settings, network)
    enabled = {name: at for name, at in settings.connections.items() if at.enabled}
    async with network:
        return {name: await _trouble(house, at) for name, at in enabled.items()}


async def _trouble(house: House, at: Connection) -> str | None:
    until = _clock() + house.vendor_seconds
    talk = house.opportunities.speak(at, Terms(until=until, patience=until))
    translator = at.vendor.translator(talk.context())
    try:
        await talk.hold(translator, translator.check())
        await talk.catalogue()
    except GatewayError as error:
        return f"{error.code}: {error.message}"
    return None


def _house(settings: Settings, network: Transport) -> House:
    health = {name: Health() for name in settings.connections}
    connect = settings.file.timeouts.connect_seconds
    exchanges = {
        name: layered(
            wire(network, at.base_url, connect_seconds=connect, clock=_clock),
            _layers(at, health[name]),
        )
        for name, at in settings.connections.items()
    }
    use_cases = Opportunities(lambda at: exchanges[at.name], Catalogues(monotonic))
    return House(
        access=Access(tuple(_known_keys(settings))),
        connections=settings.connections,
        opportunities=use_cases,
        listing=Listing(use_cases, monotonic),
        cursors=Cursors(_signing_keys(settings)),
        health=health,
        request_seconds=settings.file.timeouts.request_seconds,
        vendor_seconds=settings.file.timeouts.vendor_seconds,
    )


def _layers(at: Connection, health: Health) -> tuple[Layer, ...]:
    """THE list of layers between a dialogue and the wire, the outermost first."""
    return (
        watched(health, lambda: datetime.now(UTC)),
        deadline(_clock),
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
