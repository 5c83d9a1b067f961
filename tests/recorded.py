"""Requests on record, put into the ledger of a running gateway."""

from fastapi import FastAPI

from gateway.api.desk import House
from gateway.idempotency.signing import SigningKey
from gateway.telemetry.ledger import entry
from tests.telemetry.served import SERVED

KEY = SigningKey("process", b"a signing key of 32 bytes or more")


async def recorded(app: FastAPI, *connections: str, caller: str = "tests") -> dict[str, str]:
    """A request of a caller's about each connection, by it: its id."""
    house: House = app.state.house
    assert house.ledger
    ids = {at: f"req_{number + 1:024x}" for number, at in enumerate(connections)}
    for at, request_id in ids.items():
        place = f"/v1/requests/{request_id}"
        served = SERVED._replace(caller=caller, connection=at, instance=place)
        await house.ledger.put([entry(served, KEY)])
    return ids
