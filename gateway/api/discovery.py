"""The routes that tell what there is: vendors, connections, capabilities and catalogues."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import bodies, documents, parameters
from gateway.api.access import READ
from gateway.api.desk import Desk, House
from gateway.api.visit import Visit
from gateway.canonical.capabilities import Capabilities
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.pipeline import Catalogue, Person, Pipeline
from gateway.canonical.schema import Answer, Instant, open_enum
from gateway.connections import Connection
from gateway.engine.credentials import Proof, Proofs
from gateway.engine.health import Health
from gateway.engine.limiter import Standing
from gateway.errors import GatewayError, OperationUnsupported
from gateway.evidence import marker_trouble
from gateway.normalizer.dates import instant
from gateway.vendors import installed

CHECK_EVERY = timedelta(minutes=1)

router = APIRouter(tags=["connections"])


class Trouble(Answer):
    """The last thing that went wrong with a connection."""

    at: Instant
    code: str


class LimitLeft(Answer):
    """A vendor's limit and what is left of it, null where nobody says."""

    scope: Annotated[str, open_enum("credential", "group", "egress")]
    limit: int | None
    window_seconds: int | None
    left: int | None


class CredentialAnswer(Answer):
    """What a connection authenticates by, as this replica last saw it; never the secret."""

    kind: Annotated[str, open_enum("fixed", "renewed")]
    state: Annotated[str, open_enum("unknown", "accepted", "refused")]
    renewed_at: Instant | None
    expires_at: Instant | None


class ConnectionAnswer(Answer):
    """A connection and how it fares; never a secret.

    While `breaker` is open its calls are held back, since too many failed of late.
    """

    name: str
    vendor: str
    state: Annotated[str, open_enum("ready", "degraded", "unauthorized", "disabled")]
    reason: str | None
    read_only: bool
    currency: str | None
    timezone: str
    limits: tuple[LimitLeft, ...]
    credential: CredentialAnswer
    breaker: Annotated[str, open_enum("closed", "open")]
    last_success: Instant | None
    last_error: Trouble | None


class ConnectionList(Answer):
    """Connections that the caller may see."""

    items: tuple[ConnectionAnswer, ...]
    next_cursor: str | None


class PipelineList(Answer):
    """Pipelines with their stages in order."""

    items: tuple[Pipeline, ...]
    next_cursor: str | None


class CustomFieldList(Answer):
    """The custom fields of a connection."""

    items: tuple[CustomField, ...]
    next_cursor: str | None


class UserList(Answer):
    """People who can own an opportunity."""

    items: tuple[Person, ...]
    next_cursor: str | None


class VendorAnswer(Answer):
    """An installed vendor and what it can do, whatever the connection."""

    name: str
    title: str
    capabilities: Capabilities


class VendorList(Answer):
    """Every installed vendor."""

    items: tuple[VendorAnswer, ...]
    next_cursor: str | None


@router.get("/v1/connections", **documents.discovery("list_connections", ConnectionList))
async def list_connections(request: Visit) -> Response:
    """Lists the connections that the caller may see."""
    desk = await Desk.at(request, READ)
    bodies.query(request, ())
    among = desk.caller.among(desk.house.connections)
    return _listed(desk, [await _answer(desk, at) for at in among.values()])


@router.get(
    "/v1/connections/{connection}",
    **documents.discovery("get_connection", ConnectionAnswer, parameters.CHECK),
)
async def get_connection(request: Visit, connection: str) -> Response:
    """Tells how a connection fares; `check=true` asks the vendor, at most once a minute."""
    desk = await Desk.at(request, READ)
    found = bodies.query(request, ("check",))
    check = bodies.single(found, "check", "false")
    if check not in {"true", "false"}:
        raise bodies.parameters_refused([bodies.parameter("check", "true or false is expected")])
    at = desk.connection(connection)
    if check == "true" and at.enabled:
        await _check(desk, at)
    return desk.answer(await _answer(desk, at))


@router.get(
    "/v1/connections/{connection}/capabilities",
    **documents.discovery("get_capabilities", Capabilities),
)
async def get_capabilities(request: Visit, connection: str) -> Response:
    """Tells what a connection can do, cell by cell."""
    desk = await Desk.at(request, READ)
    bodies.query(request, ())
    at = desk.connection(connection)
    talk = desk.house.opportunities.speak(at, desk.terms())
    context = await talk.informed() if at.vendor.catalogue_first & {"*"} else talk.context()
    return desk.answer(at.vendor.capabilities(context))


@router.get(
    "/v1/connections/{connection}/pipelines", **documents.discovery("list_pipelines", PipelineList)
)
async def list_pipelines(request: Visit, connection: str) -> Response:
    """Lists pipelines with their stages in order."""
    desk = await Desk.at(request, READ)
    catalogue = await _catalogue(desk, connection)
    return _listed(desk, _listable(catalogue.pipelines, "pipelines"))


@router.get(
    "/v1/connections/{connection}/custom-fields",
    **documents.discovery("list_custom_fields", CustomFieldList),
)
async def list_custom_fields(request: Visit, connection: str) -> Response:
    """Lists the definitions of custom fields."""
    desk = await Desk.at(request, READ)
    catalogue = await _catalogue(desk, connection)
    return _listed(desk, _listable(catalogue.custom_fields, "custom fields"))


@router.get("/v1/connections/{connection}/users", **documents.discovery("list_users", UserList))
async def list_users(request: Visit, connection: str) -> Response:
    """Lists people who can own an opportunity."""
    desk = await Desk.at(request, READ)
    catalogue = await _catalogue(desk, connection)
    return _listed(desk, _listable(catalogue.users, "users"))


@router.get("/v1/vendors", **documents.discovery("list_vendors", VendorList))
async def list_vendors(request: Visit) -> Response:
    """Lists every installed vendor and its static capabilities."""
    desk = await Desk.at(request, READ)
    bodies.query(request, ())
    vendors = [
        VendorAnswer(name=vendor.name, title=vendor.title, capabilities=vendor.capabilities())
        for vendor in installed().values()
    ]
    return _listed(desk, vendors)


async def _catalogue(desk: Desk, connection: str) -> Catalogue:
    bodies.query(desk.request, ())
    at = desk.connection(connection)
    return await desk.house.opportunities.speak(at, desk.terms()).catalogue()


def _listable(things: tuple[Any, ...] | None, what: str) -> tuple[Any, ...]:
    if things is None:
        raise OperationUnsupported(f"The vendor has no documented list of {what}.")
    return things


def _listed(desk: Desk, items: Iterable[Answer]) -> Response:
    return desk.answer({"items": list(items), "next_cursor": None})


async def _check(desk: Desk, at: Connection) -> None:
    """A cheap authenticated read; what is wrong shows in the state, not as an error of ours."""
    health = desk.house.health[at.name]
    now = datetime.now(UTC)
    if health.checked is not None and now - health.checked < CHECK_EVERY:
        return
    health.checked = now
    talk = desk.house.opportunities.speak(at, desk.terms())
    translator = at.vendor.translator(talk.context())
    try:
        await talk.hold(translator, translator.check())
        await talk.catalogue()
    except GatewayError as error:
        health.failed(now, error.code, unauthorized=error.code == "vendor-credentials-invalid")


async def _answer(desk: Desk, at: Connection) -> ConnectionAnswer:
    health = desk.house.health[at.name]
    standings = await desk.house.limiters[at.name].standings()
    state, reason = state_of(desk.house, at)
    return ConnectionAnswer(
        name=at.name,
        vendor=at.vendor.name,
        state=state,
        reason=reason,
        read_only=at.read_only,
        currency=at.currency,
        timezone=at.timezone.key,
        limits=tuple(map(_limit, standings)),
        credential=_credential(desk.house.proofs[at.name], health),
        breaker="open" if desk.house.breakers.of(at.name).is_open else "closed",
        last_success=_time(health.last_success),
        last_error=_trouble(health),
    )


def state_of(house: House, at: Connection) -> tuple[str, str | None]:
    """The state of a connection, and why it is not ready."""
    health = house.health[at.name]
    if not at.enabled:
        return "disabled", "an operator switched it off"
    if health.unauthorized:
        return "unauthorized", "the vendor does not accept the credentials"
    known = house.opportunities.known(at)
    theirs = known.currency
    if theirs and at.currency and theirs != at.currency:
        return "degraded", f"configured for {at.currency}, and the vendor's account is in {theirs}"
    if known.known and (trouble := marker_trouble(known, at.options.marker_field)):
        return "degraded", trouble
    if house.breakers.of(at.name).is_open:
        return "degraded", "its calls failed too often, so for a moment none are made"
    if health.sick:
        return "degraded", "the last call got no usable answer"
    return "ready", None


def _limit(standing: Standing) -> LimitLeft:
    rate = standing.rate
    return LimitLeft(
        scope=rate.scope,
        limit=standing.limit,
        window_seconds=rate.window_seconds,
        left=standing.left,
    )


def _credential(proofs: Proofs, health: Health) -> CredentialAnswer:
    now, known = datetime.now(UTC).replace(microsecond=0), proofs.validity
    accepted = "unknown" if health.last_success is None else "accepted"
    return CredentialAnswer(
        kind="fixed" if isinstance(proofs, Proof) else "renewed",
        state="refused" if health.unauthorized else accepted,
        renewed_at=_time(now - timedelta(seconds=round(known.age_seconds))) if known else None,
        expires_at=_time(now + timedelta(seconds=round(known.left_seconds))) if known else None,
    )


def _trouble(health: Health) -> Trouble | None:
    at = _time(health.last_error)
    return Trouble(at=at, code=health.last_error_code or "") if at else None


def _time(moment: datetime | None) -> str | None:
    return instant(moment.isoformat()) if moment else None
