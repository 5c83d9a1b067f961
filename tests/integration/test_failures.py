"""The table of api.md 7, cell by cell: what a vendor answers, and what the caller is told of it."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

import pytest

from tests.integration.acts import OPERATIONS, READS, SPOKEN, UNSUPPORTED, Act
from tests.integration.refusals import PAGE, answered, fault
from tests.integration.two_ends import VENDORS, Gateway, Sandbox
from tests.sandboxed import Answered


class Told(NamedTuple):
    """What a caller is told of a failure."""

    status: int
    code: str
    retry: str
    outcome: str = "not_applied"
    """Of a write; a read has none."""
    origin: str = "vendor"


REJECTED = Told(422, "vendor-rejected", "after_fix")
CREDENTIALS = Told(502, "vendor-credentials-invalid", "operator")
FORBIDDEN = Told(502, "vendor-forbidden", "operator")
NOT_FOUND = Told(404, "opportunity-not-found", "never")
UNKNOWN_REFERENCE = Told(422, "unknown-reference", "after_fix")
MISSPOKE = Told(502, "vendor-bad-response", "operator")
CONFLICT = Told(409, "vendor-conflict", "after_fix")
PRECONDITION = Told(412, "precondition-failed", "after_fix")
THROTTLED = Told(429, "rate-limited", "same_request")
UNAVAILABLE = Told(503, "vendor-unavailable", "same_request")
BROKEN = Told(502, "vendor-bad-response", "same_request")
LATE = Told(504, "vendor-timeout", "same_request")
UNKNOWN = Told(502, "outcome-indeterminate", "same_request", "unknown")
UNKNOWN_LATE = Told(504, "outcome-indeterminate", "same_request", "unknown")
UNREAD = Told(502, "vendor-bad-response", "never", "applied")
NO_SUCH_LIST = Told(422, "operation-unsupported", "after_fix", origin="client")

TABLE: Mapping[str, tuple[Told, Told]] = {
    # the vendor answers: on a read, on a write
    "400": (REJECTED, REJECTED),
    "401": (CREDENTIALS, CREDENTIALS),
    "402": (REJECTED, REJECTED),
    "403": (FORBIDDEN, FORBIDDEN),
    "404": (NOT_FOUND, NOT_FOUND),
    "405": (MISSPOKE, MISSPOKE),
    "408": (UNAVAILABLE, UNKNOWN_LATE),
    "409": (CONFLICT, CONFLICT),
    "410": (REJECTED, REJECTED),
    "412": (PRECONDITION, PRECONDITION),
    "413": (REJECTED, REJECTED),
    "414": (REJECTED, REJECTED),
    "415": (MISSPOKE, MISSPOKE),
    "418": (REJECTED, REJECTED),
    "422": (REJECTED, REJECTED),
    "425": (UNAVAILABLE, UNAVAILABLE),
    "429": (THROTTLED, THROTTLED),
    "500": (BROKEN, UNKNOWN),
    "502 HTML": (BROKEN, UNKNOWN),
    "503": (UNAVAILABLE, UNKNOWN),
    "504 empty": (UNAVAILABLE, UNKNOWN),
    "timeout": (LATE, UNKNOWN_LATE),
    "reset": (BROKEN, UNKNOWN),
    "truncated": (BROKEN, UNKNOWN),
    "not JSON": (BROKEN, UNKNOWN),
    "200 error": (BROKEN, UNKNOWN),
    "200 empty": (BROKEN, UNKNOWN),
    "200 without id": (BROKEN, UNKNOWN),
    "too large": (BROKEN, UNKNOWN),
    "301": (BROKEN, UNKNOWN),
    "307": (BROKEN, UNKNOWN),
}

OF_NO_RECORD: Mapping[tuple[str, str], Told] = {
    ("create", "404"): UNKNOWN_REFERENCE,
    ("list", "404"): MISSPOKE,
}
"""A 404 on what is no record: a create refers to something, a list has always been there."""

OF_A_KNOWN_RECORD: Mapping[tuple[str, str], Told] = {
    ("update", "too large"): UNREAD,
    ("delete", "too large"): UNREAD,
}
"""A 2xx proves a write whose record is known, even where its answer is not read to the end."""

UNDOCUMENTED_LIST: Mapping[tuple[str, str, str], Told] = {
    ("slant", "list", "404"): NO_SUCH_LIST,
    ("slant", "list", "405"): NO_SUCH_LIST,
}
"""A list that no page of the vendor's shows may well not be there (api.md 11)."""

NO_FAILURE_OF_A_DELETE = ("200 empty", "200 without id")
"""Of a record that is deleted nothing needs to be shown."""
WHOLE = ("reevo", "delete", "truncated", "after")
"""An answer without a body, a 204, cannot be cut short."""


KEPT = ("created", "indeterminate")
"""What a record says of a write that it keeps, so that its operation can be looked up."""


def told(vendor: str, operation: str, failure: str) -> Told:
    """The cell of the table."""
    on_read, on_write = TABLE[failure]
    usual = on_read if operation in READS else on_write
    special = {**OF_NO_RECORD, **OF_A_KNOWN_RECORD}.get((operation, failure), usual)
    return UNDOCUMENTED_LIST.get((vendor, operation, failure), special)


def cells() -> Iterator[tuple[str, str, str, str]]:
    """Every cell; where the outcome is unknown, with the failure before and after the effect."""
    for vendor, operation, failure in product(VENDORS, OPERATIONS, TABLE):
        if (vendor, operation) in UNSUPPORTED:
            continue
        if operation == "delete" and failure in NO_FAILURE_OF_A_DELETE:
            continue
        yield vendor, operation, failure, "before"
        after = (vendor, operation, failure, "after")
        if told(vendor, operation, failure).outcome == "unknown" and after != WHOLE:
            yield after


def is_slow(operation: str, failure: str) -> bool:
    """Whether a cell costs a second, because a write outlives its caller's patience."""
    return failure == "timeout" and operation not in READS


QUICK = [cell for cell in cells() if not is_slow(cell[1], cell[2])]
SLOW = [cell for cell in cells() if is_slow(cell[1], cell[2])]


def check(answer: Answered, vendor: str, operation: str, failure: str) -> None:
    """An answer says of a failure what its cell says, and what every problem says."""
    expected = told(vendor, operation, failure)
    problem = answer.json
    said = (answer.status, problem["code"], problem["retry"], problem["origin"])
    assert said == (expected.status, expected.code, expected.retry, expected.origin), problem
    assert problem.get("outcome") == (None if operation in READS else expected.outcome)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status
    assert problem["type"] == f"/problems/{expected.code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    again = expected.status in (429, 503) or expected.outcome == "unknown"
    assert ("retry-after" in answer.headers) == again
    assert ("operation_id" in problem) == (answer.headers.get("idempotency-status") in KEPT)
    assert "www-authenticate" not in answer.headers
    assert PAGE[:6] not in answer.content.decode()
    if expected.origin == "vendor":
        spoken = {key: problem["vendor"].get(key) for key in ("name", "status")}
        status = 200 if expected == UNREAD else answered(failure)
        assert spoken == {"name": vendor, "status": status}


@pytest.mark.parametrize(
    ("vendor", "operation", "failure", "when"),
    [pytest.param(*cell, id="-".join(cell).replace(" ", "-")) for cell in QUICK],
)
async def test_a_caller_is_told_what_the_table_says(
    gateway: Gateway, sandbox: Sandbox, vendor: str, operation: str, failure: str, when: str
) -> None:
    """Each cell has its status, code, outcome and advice; no write is sent twice."""
    missing_list = (vendor, operation, failure) in UNDOCUMENTED_LIST
    connection = f"unlisted-{failure}-{vendor}" if missing_list else f"acme-{vendor}"
    record_id = next(iter(await sandbox.records(vendor)))
    act = SPOKEN[vendor].act(operation, connection, record_id)
    await act.spoil(sandbox, vendor, fault(vendor, failure, sandbox.url), when=when)
    hasty = {"X_Request_Timeout_Ms": "500"} if failure == "timeout" else {}
    check(await act.ask(gateway, **hasty), vendor, operation, failure)
    ledger = await sandbox.ledger(vendor)
    assert len(ledger.effects) == (1 if when == "after" else 0)
    assert act.calls(ledger) == 1 or operation in READS
    assert await sandbox.unspent(vendor) == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_write_without_an_answer_in_time_is_unknown(
    impatient: Gateway, sandbox: Sandbox, when: str
) -> None:
    """The cells that cost a second, all at once: told alike with and without an effect."""
    acts: dict[tuple[str, str], Act] = {}
    for vendor, operation, failure, _ in [cell for cell in SLOW if cell[3] == when]:
        record_id = list(await sandbox.records(vendor))[OPERATIONS.index(operation)]
        act = SPOKEN[vendor].act(operation, f"acme-{vendor}", record_id)
        await act.spoil(sandbox, vendor, fault(vendor, failure, sandbox.url), when=when)
        acts[vendor, operation] = act
    answers = await asyncio.gather(*(act.ask(impatient) for act in acts.values()))
    for (vendor, operation), answer in zip(acts, answers, strict=True):
        check(answer, vendor, operation, "timeout")
    ledgers = {vendor: await sandbox.ledger(vendor) for vendor in VENDORS}
    for (vendor, operation), act in acts.items():
        assert act.calls(ledgers[vendor]) == 1, (vendor, operation)
    writes = [vendor for vendor, _ in acts]
    effects = {vendor: len(ledger.effects) for vendor, ledger in ledgers.items()}
    assert effects == {v: writes.count(v) if when == "after" else 0 for v in VENDORS}
