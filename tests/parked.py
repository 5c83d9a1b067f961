"""Operations that wait for an operator, put into the store of a running gateway."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from gateway.api.desk import House
from gateway.api.writes import METHODS, MODELS, Action, Write
from gateway.canonical import ids
from gateway.idempotency.addresses import address, operation_id
from gateway.idempotency.envelope import enveloped
from gateway.idempotency.fingerprint import spelled as spelled_body
from gateway.idempotency.permit import _sealed, spelled
from gateway.idempotency.record import Fingerprint
from gateway.translator import VendorRequest, VendorResponse

OWNER = "holder"
LEASE_MS = 60_000
FINGERPRINT = Fingerprint(version=1, key_id="process", digest=b"a request")
ROUTES = {"create": "/v1/opportunities"}


async def begun(
    app: FastAPI,
    action: Action,
    connection: str,
    *,
    about: str | None = None,
    body: Any = None,
    caller: str = "tests",
    key: bytes = b"key",
    made: Sequence[tuple[VendorRequest, Any]] = (),
) -> str:
    """A write that was sent and got no answer, after the calls of it that were `made`: its id."""
    house: House = app.state.house
    store = house.registry.store
    vendor_id = split[1] if about and (split := ids.split(about)) else None
    model = None if body is None else MODELS[action].model_validate(body)
    write = Write(
        action=action,
        connection=connection,
        vendor_id=vendor_id,
        body=model,
        text=spelled_body(model),
        request_id="req_first",
        instance="/v1/requests/req_first",
    )
    hex32 = address(house.registry.environment, caller, key)
    kept = enveloped(key, house.doing.stored(write))
    facts: dict[str, bytes | str] = {
        "caller": caller,
        "connection": connection,
        "vendor": "vendor",
        "method": METHODS[action],
        "route": ROUTES.get(action, "/v1/opportunities/{opportunity_id}"),
        "request": house.registry.sealing.seal(hex32, "request", kept),
        **({} if vendor_id is None else {"vendor_id": vendor_id}),
    }
    found = await store.begin(
        hex32,
        fingerprints=[FINGERPRINT],
        owner=OWNER,
        lease_ms=LEASE_MS,
        keep_ms=house.registry.timers.retention_ms,
        facts=facts,
    )
    assert found.verdict == "new"
    for index, (request, reply) in enumerate(made):
        await _sent(house, hex32, index + 1)
        seal = _sealed(
            house.registry, hex32, (spelled(request), VendorResponse(status=201, json=reply))
        )
        assert await store.step(
            hex32, owner=OWNER, dispatch_fence=1, send=index + 1, index=index,
            name=request.step, reply=seal,
        )  # fmt: skip
    await _sent(house, hex32, len(made) + 1)
    return operation_id(hex32)


async def parked(app: FastAPI, action: Action, connection: str, **more: Any) -> str:
    """One whose outcome no reading proved: its id."""
    found = await begun(app, action, connection, **more)
    store, hex32 = app.state.house.registry.store, found.removeprefix("op_")
    await store.take(hex32, owner=OWNER, lease_ms=LEASE_MS)
    assert await store.park(hex32, owner=OWNER, fence=2, why="nothing was found")
    return found


async def _sent(house: House, hex32: str, number: int) -> None:
    assert await house.registry.store.dispatch(
        hex32, owner=OWNER, fence=1, send=number, min_left_ms=0, lease_ms=LEASE_MS
    )
