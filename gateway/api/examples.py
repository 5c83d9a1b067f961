"""Examples for the OpenAPI document: what is sent, and what a write may be told of its key."""

from collections.abc import Mapping
from typing import Any, Final

from gateway import errors
from gateway.api import problems
from gateway.errors import Fault, GatewayError, VendorReply

KEY: Final = "8f14e45f-ceea-467f-a0e6-3ee1b8c1d2aa"
REQUEST_ID: Final = "req_5f2b9c0d7a1e4f6388c4a1b2"
OPERATION_ID: Final = "op_3b6f0c1d9e8a47528f1c2d3e4a5b6c7d"
OPPORTUNITY_ID: Final = "acme-crm.oppo_8H"

CREATES: Final = {
    "a roof": {
        "connection": "acme-crm",
        "name": "Warehouse roof",
        "value": {"amount": "7500.00", "currency": "USD"},
        "stage": {"name": "Qualified"},
    }
}
UPDATES: Final = {
    "another value, no description": {"value": {"amount": "8000.00"}, "description": None}
}
RESOLUTIONS: Final = {
    "it is there": {
        "outcome": "applied",
        "opportunity_id": OPPORTUNITY_ID,
        "reason": "Seen in the vendor's own pages, made at the time of the write.",
    },
    "it is not there": {
        "outcome": "not_applied",
        "reason": "The vendor's support confirms that nothing arrived.",
    },
}
"""Bodies, by what they are for."""


def _told(error: GatewayError, *, writes: bool = True, **members: str) -> Mapping[str, Any]:
    for name, value in members.items():
        setattr(error, name, value)
    problem = problems.problem_of(
        error,
        request_id=REQUEST_ID,
        instance=f"/v1/requests/{REQUEST_ID}",
        vendor="acme",
        writes=writes,
    )
    return problems.spoken(problem)


_LENGTH: Final = "has 1 to 255 characters"
_RUNNING: Final = "The first request with this key is still under way: send the same again shortly."

WRITTEN: Final = (
    _told(
        errors.KeyMalformed(
            f"Idempotency-Key: {_LENGTH}.",
            faults=[Fault(code=errors.KeyMalformed.code, detail=_LENGTH, header="Idempotency-Key")],
        )
    ),
    _told(errors.InProgress(_RUNNING, retry_after=2), operation_id=OPERATION_ID),
    _told(
        errors.Reconciling(
            "The write was sent and its outcome is being found out: ask again with the same key.",
            retry_after=5,
        ),
        operation_id=OPERATION_ID,
    ),
    _told(errors.RecordBusy("Another write holds the opportunity.", retry_after=3)),
    _told(errors.HistoryLost("The store has lost records, so this key may have run before.")),
    _told(
        errors.KeyReused(
            "This key belongs to another request of yours: use a new key for each write."
        )
    ),
    _told(
        errors.Partial(
            "The opportunity was created without its custom fields: update it with them.",
            applied=("/name", "/value"),
            reply=VendorReply(status=422, code="invalid", message="Unknown choice."),
        ),
        operation_id=OPERATION_ID,
        opportunity_id=OPPORTUNITY_ID,
        connection="acme-crm",
    ),
    _told(errors.StoreUnavailable("The store of writes cannot be reached.")),
    _told(
        errors.IndeterminateTimeout("The vendor did not answer in time after the write was sent."),
        operation_id=OPERATION_ID,
        connection="acme-crm",
    ),
)
"""What a write may be told of its key."""

RESOLVED: Final = (
    _told(
        errors.InProgress("The operation is still under way.", retry_after=30),
        writes=False,
        operation_id=OPERATION_ID,
    ),
    _told(
        errors.OperationSettled("The operation is settled already, and otherwise."),
        writes=False,
        operation_id=OPERATION_ID,
    ),
)
"""What an operator may be told."""
