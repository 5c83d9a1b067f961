"""The word of an operator on a write whose outcome no reading proved (reliability.md 2.6)."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field

from gateway.api.desk import Desk
from gateway.api.writes import Write
from gateway.canonical import ids
from gateway.canonical.opportunity import OpportunityDraft
from gateway.canonical.schema import Request as Closed
from gateway.connections import Connection
from gateway.errors import (
    DeadlineExceeded,
    Fault,
    GatewayError,
    Indeterminate,
    InProgress,
    OperationSettled,
    OpportunityNotFound,
    Partial,
    Rejected,
    ValidationFailed,
    VendorNotFound,
    VendorRefused,
)
from gateway.idempotency.addresses import operation_id
from gateway.idempotency.answer import Answer
from gateway.idempotency.doing import Doing
from gateway.idempotency.envelope import opened
from gateway.idempotency.permit import Abandoned, replies
from gateway.idempotency.reconcile import GATEWAY
from gateway.idempotency.record import OPEN, Record, Result
from gateway.idempotency.registry import Happened
from gateway.opportunities import Terms
from gateway.translator import VendorResponse

MAX_REASON: Final = 500
RESOLVED: Final = "resolved"
"""The kind of what is told of it to whoever runs the gateway."""


class Resolution(Closed):
    """What became of a write, `applied` to an opportunity or `not_applied`, and how it is known.

    A write that is said not to be applied may run again under its key.
    """

    outcome: Literal["applied", "not_applied"]
    opportunity_id: str | None = None
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


def check(said: Resolution, record: Record) -> None:
    """Raises `ValidationFailed` for an opportunity that the operation cannot be about."""
    detail = _misplaced(said, record)
    if detail:
        raise _refused(detail)


def _misplaced(said: Resolution, record: Record) -> str | None:
    if said.outcome == "not_applied":
        return None if said.opportunity_id is None else "stands with applied only"
    if said.opportunity_id is None:
        return "is required with applied"
    found = ids.split(said.opportunity_id)
    if found is None or found[0] != record.connection:
        return f"has to be an opportunity of the connection {record.connection}"
    if record.vendor_id not in {None, found[1]}:
        return "has to be the opportunity that the write was about"
    return None


async def settled(desk: Desk, record: Record, said: Resolution) -> bool:
    """Settles an operation if it waits for that; whether it is now as was said.

    Said once more by the same person it is true again, and changes nothing.
    """
    parked = record.state == "indeterminate"
    if said.outcome == "applied" and not parked:
        return False
    final: dict[str, Any] = {}
    verdict: Result = "not_applied"
    if said.outcome == "applied":
        answer = await _in_time(desk, record, said)
        final, verdict = _kept(desk, record, answer), cast(Result, answer.outcome)
    moved = await desk.house.registry.store.settle(
        record.hex32,
        owner=None,
        fence=None,
        verdict=verdict,
        by=desk.caller.name,
        reason=said.reason,
        **final,
    )
    if moved and parked:
        told = f"{verdict}, says {desk.caller.name}"
        desk.house.registry.tell(Happened.of(record, RESOLVED, told))
    return bool(moved)


def agree(record: Record, said: Resolution, now_ms: int) -> None:
    """Raises where an operation does not stand as was said, and cannot be brought there.

    While the gateway itself is at work it is `InProgress`: by far the most writes settle by
    themselves within the horizon, and the others wait for an operator after it.
    """
    error: GatewayError
    if record.state in OPEN or record.state == "indeterminate":
        left = max(record.lease_until - now_ms, 0)
        error = InProgress(
            "The operation is still under way: only one whose state is indeterminate can be "
            "settled by hand.",
            retry_after=-(-left // 1000),
        )
    elif _stands(record, said):
        return
    else:
        error = OperationSettled("The operation is settled already, and otherwise.")
    error.operation_id = operation_id(record.hex32)
    raise error


def _stands(record: Record, said: Resolution) -> bool:
    if said.outcome == "not_applied":
        return "not_applied" in {record.state, record.outcome}
    by_hand = record.resolved_by not in {None, GATEWAY}
    applied = record.outcome == "applied" or (record.outcome == "partial" and by_hand)
    return applied and record.opportunity_id == said.opportunity_id


async def _in_time(desk: Desk, record: Record, said: Resolution) -> Answer:
    try:
        async with asyncio.timeout(desk.seconds):
            return await _answer(desk, record, said)
    except TimeoutError:
        raise DeadlineExceeded("The vendor did not show the opportunity in time.") from None


async def _answer(desk: Desk, record: Record, said: Resolution) -> Answer:
    """The answer that the write gets now: what was not sent of it stays unsent."""
    doing: Doing[Write] = desk.house.doing
    request = desk.house.registry.opened(record.hex32, "request", record.request or b"")
    write = doing.read(opened(request)[1])
    partial = await _unfinished(desk, write, record, said)
    if partial is None:
        return await doing.applied(write, said.opportunity_id)
    partial.operation_id = operation_id(record.hex32)
    return doing.told(write, partial)


async def _unfinished(desk: Desk, write: Write, record: Record, said: Resolution) -> Partial | None:
    """What a create is to be told whose latest call was applied, and was not its last.

    None where nothing is left to be sent. Raises `ValidationFailed` where an earlier call made
    another opportunity, and the error of a read that fails for now.
    """
    at = desk.house.connections.get(write.connection)
    found = ids.split(said.opportunity_id or "")
    if at is None or found is None or not isinstance(write.body, OpportunityDraft):
        return None
    made = replies(desk.house.registry, record)
    terms = desk.terms()
    terms.lenient = write.lenient
    begun = await _ending(desk, at, write.body, terms, made) if made else None
    if begun is not None and begun.opportunity_id != said.opportunity_id:
        raise _refused("has to be the opportunity that the write has made")
    try:
        shown = await desk.house.opportunities.get(at, found[1], terms)
    except (OpportunityNotFound, VendorNotFound):
        return None
    latest = VendorResponse(status=200, json=shown.raw)
    return await _ending(desk, at, write.body, terms, [*made, latest])


async def _ending(
    desk: Desk, at: Connection, draft: OpportunityDraft, terms: Terms,
    made: Sequence[VendorResponse],
) -> Partial | None:  # fmt: skip
    """How a create ends that gets these replies, and none to a further call; None for well."""
    terms.permit = Abandoned(made)
    try:
        await desk.house.opportunities.create(at, draft, terms)
    except Partial as partial:
        return partial
    except (Rejected, VendorRefused, Indeterminate):
        return None
    return None


def _kept(desk: Desk, record: Record, answer: Answer) -> dict[str, Any]:
    return {
        "answer": desk.house.registry.sealing.seal(record.hex32, "answer", answer.stored()),
        "answer_status": answer.status,
        "opportunity_id": answer.opportunity_id,
        "code": answer.code,
    }


def _refused(detail: str) -> ValidationFailed:
    fault = Fault(code=ValidationFailed.code, detail=detail, pointer="/opportunity_id")
    return ValidationFailed(f"opportunity_id: {detail}.", faults=[fault])
