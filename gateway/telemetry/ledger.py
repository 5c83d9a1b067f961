"""The ledger of requests, as it is written: after the answer, in batches, and never waited for."""

import asyncio
from asyncio import Queue, QueueFull
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from gateway.canonical import json_text
from gateway.errors import OpportunityNotFound, StoreUnavailable
from gateway.idempotency.signing import SigningKey, message, signature
from gateway.shared.ledger import Entry, Ledger
from gateway.shared.trail import VendorCalled
from gateway.telemetry.hooks import Served

WAITING: Final = 1000
"""Records that wait to be written; the store is slow where there are more."""
BATCH: Final = 100
EFFECTS: Final = frozenset(
    ("create_opportunity", "update_opportunity", "delete_opportunity", "resolve_operation")
)
"""Operations that are recorded however they end; of all others those that fail."""
OF_THE_LEDGER: Final = "get_request"
"""The one that is never recorded: who waits for a record would fill the ledger with it."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - of UTC, like all that is reckoned from it
_MICRO: Final = Decimal("0.000001")


class Scribe:
    """Writes the ledger. What it cannot write in time is dropped, and `missed` is told how much."""

    def __init__(self, ledger: Ledger, key: SigningKey, missed: Callable[[int], None]) -> None:
        self.ledger = ledger
        self._key = key
        self._missed = missed
        self._waiting: Queue[Entry] = Queue(WAITING)
        self._underway: Sequence[Entry] = ()
        self._dropped = 0

    def served(self, served: Served) -> None:
        """Takes note of a request: of what is known at its answer, and of nothing after it.

        A caller that is not known leaves no record, so that strangers cannot crowd out others'.
        """
        if not _is_worth_it(served):
            return
        try:
            self._waiting.put_nowait(entry(served, self._key))
        except QueueFull:
            self._dropped += 1

    async def run(self) -> None:
        """Writes whatever comes, until it is cancelled."""
        while True:
            await self._write([await self._waiting.get(), *self._more()])

    async def drain(self, seconds: float) -> None:
        """Writes what is left once `run` has ended, for so long; the rest is dropped."""
        try:
            async with asyncio.timeout(seconds):
                while batch := [*self._underway, *self._more()]:
                    await self._write(batch)
        except TimeoutError:
            self._dropped += len(self._underway) + self._waiting.qsize()
        self._tell()

    async def _write(self, batch: Sequence[Entry]) -> None:
        self._underway = batch
        try:
            await self.ledger.put(batch)
        except StoreUnavailable:
            self._dropped += len(batch)
        self._underway = ()
        self._tell()

    def _tell(self) -> None:
        if self._dropped:
            self._missed(self._dropped)
            self._dropped = 0

    def _more(self) -> Iterator[Entry]:
        for _ in range(min(self._waiting.qsize(), BATCH - 1)):
            yield self._waiting.get_nowait()


def _is_worth_it(served: Served) -> bool:
    known = served.caller is not None and served.operation != OF_THE_LEDGER
    return known and (served.operation in EFFECTS or served.status >= 400)


def entry(served: Served, key: SigningKey) -> Entry:
    """The record of a request: names, ids, times and sizes; no body, no query and no path."""
    calls = served.trail.vendor_calls
    touched = {call.connection for call in calls} | {served.connection} - {None}
    request_id = served.instance.rpartition("/")[2]
    told = {
        "id": request_id,
        "request_id": served.request_id,
        "trace_id": served.trace_id,
        "caller": served.caller,
        "method": served.method,
        "route": served.route,
        "operation": served.operation,
        "connection": served.connection,
        "vendor": served.vendor,
        "opportunity_id": _about(served),
        "operation_id": served.operation_id,
        "status": served.status,
        "code": served.code,
        "outcome": served.outcome,
        "idempotency_status": served.idempotency,
        "began_at": _instant(served.began_ns),
        "ended_at": _instant(served.began_ns + int(served.seconds * 1e9)),
        "seconds": _seconds(served.seconds),
        "bytes_in": served.bytes_in,
        "bytes_out": served.bytes_out,
        "vendor_call_count": served.trail.vendor_call_count,
        "vendor_calls": [_call(call, key) for call in calls],
    }
    return Entry(
        request_id=request_id,
        caller=served.caller or "",
        connections=tuple(sorted(name for name in touched if name)),
        told=json_text.write(told),
    )


def _about(served: Served) -> str | None:
    """The opportunity; one that the vendor has not is whatever its caller made up."""
    return None if served.code == OpportunityNotFound.code else served.opportunity_id


def _call(call: VendorCalled, key: SigningKey) -> dict[str, Any]:
    return {
        "connection": call.connection,
        "vendor": call.vendor,
        "effect": call.effect,
        "step": call.step,
        "method": call.method,
        "status": call.status,
        "code": call.code,
        "sent": call.sent,
        "began_at": _instant(call.began_ns),
        "seconds": _seconds(call.seconds),
        "bytes_out": call.bytes_out,
        "bytes_in": call.bytes_in,
        "request_digest": _masked(call.digest_out, key),
        "answer_digest": _masked(call.digest_in, key),
    }


def _masked(digest: bytes, key: SigningKey) -> str | None:
    """What tells equal bodies and nothing else: who has no key cannot try out guesses."""
    return signature(key, message("ledger", digest.hex())).hex() if digest else None


def _instant(ns: int) -> str:
    """A time as all are told, without a parser's help: it is ours. Zeros at the end are cut."""
    text = (_EPOCH + timedelta(microseconds=ns // 1000)).isoformat(timespec="microseconds")
    return f"{text.rstrip('0').rstrip('.')}Z"


def _seconds(seconds: float) -> Decimal:
    return Decimal(seconds).quantize(_MICRO)
