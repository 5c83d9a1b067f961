"""Once: a write under a key is done at most once, and its answer is the same ever after.

Every row of the table in reliability.md 1.3 is decided here or in `run`, which does the write, and
`reconcile`, which finds out what became of one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic

from gateway.errors import (
    GatewayError,
    HistoryLost,
    IndeterminateTimeout,
    InProgress,
    KeyReused,
    Outcome,
    Overloaded,
    Parked,
    Reconciling,
    StoreUnavailable,
)
from gateway.idempotency.addresses import bucket, operation_id
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.answer import Answer
from gateway.idempotency.doing import Doing, W
from gateway.idempotency.envelope import enveloped
from gateway.idempotency.keys import IdempotencyKey, Identity, marker
from gateway.idempotency.lease import freed, lease_of
from gateway.idempotency.monitor import Monitor
from gateway.idempotency.permit import Hold, RecordPermit
from gateway.idempotency.reconcile import Reconciler
from gateway.idempotency.record import Fingerprint, Record
from gateway.idempotency.registry import Happened, Registry, new_owner, over
from gateway.idempotency.replies import Begun, Lease
from gateway.idempotency.run import FIRST_LOOK_SECONDS, Run, Told
from gateway.shared.chance import CHANCE

GRACE_SECONDS: Final = 0.1
"""How long past its caller's deadline an answer that is just being written is waited for."""
MAX_WAITING: Final = 256
"""Requests of one replica that wait for another with their key."""
PAUSES: Final = (0.02, 0.3)
"""Seconds between their looks, growing from the first to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Generic[W]):
    """A write that a caller asks for, authenticated, authorised and validated."""

    hex32: str
    """The address of its record."""
    caller: str
    key: IdempotencyKey
    connection: str
    vendor: str
    method: str
    route: str
    fingerprints: Sequence[Fingerprint] = field(repr=False)
    write: W
    creates: bool
    subject: str | None
    """The vendor's id of the record that it is about."""
    until: float
    """When the caller stops waiting, on the event loop's clock."""

    @property
    def identity(self) -> Identity:
        """Whose write it is, where it goes, and its key."""
        return Identity(
            caller=self.caller,
            connection=self.connection,
            method=self.method,
            route=self.route,
            key=self.key.value,
        )


class Once(Generic[W]):
    """The way in: claims keys, and answers those that are claimed already."""

    def __init__(
        self,
        registry: Registry,
        doing: Doing[W],
        reconciler: Reconciler[W],
        monitor: Monitor,
        highwaters: Highwaters,
        *,
        inflight: int,
    ) -> None:
        self._registry = registry
        self._doing = doing
        self._reconciler = reconciler
        self._monitor = monitor
        self._highwaters = highwaters
        self._inflight = inflight
        self._running = 0
        self._waiting = 0

    async def run(self, asked: Asked[W]) -> Told:
        """Does the write, or answers as it was answered. Raises `GatewayError`.

        A caller who hangs up, or whose time is up, changes nothing of what is under way.
        """
        if self._running >= self._inflight or self._monitor.overloaded:
            raise Overloaded("More writes are under way than this replica takes: try again.")
        sends: list[RecordPermit] = []
        task = self._registry.spawn(self._counted(asked, sends))
        left = max(asked.until + GRACE_SECONDS - asyncio.get_running_loop().time(), 0)
        if await over(task, left):
            return task.result()
        if sends and sends[0].last:
            return self._still_running(asked)
        return await asyncio.shield(task)

    async def _counted(self, asked: Asked[W], sends: list[RecordPermit]) -> Told:
        self._running += 1
        try:
            return await self._served(asked, sends)
        finally:
            self._running -= 1

    async def _served(self, asked: Asked[W], sends: list[RecordPermit]) -> Told:
        hex32, owner = asked.hex32, new_owner()
        asked_at = asyncio.get_running_loop().time()
        lease = lease_of(self._registry, asked.connection, asked.subject)
        begun = await self._begun(hex32, owner, asked, lease)
        match begun.verdict:
            case "mismatch":
                raise KeyReused(
                    "This key belongs to another request of yours: use a new key for each write."
                )
            case "unreadable":
                raise _untold(
                    hex32,
                    "The signing key that this key's first request was known by "
                    "is not configured on this replica.",
                )
            case "in_flight":
                raise _in_flight(hex32, begun)
            case "indeterminate":
                raise _parked(hex32)
            case _:
                pass
        assert begun.record is not None  # noqa: S101 - all other verdicts come with it
        hold = Hold(hex32=hex32, owner=owner, fence=begun.fence, record=begun.record)
        if begun.state == "claimed":
            permit = RecordPermit(self._registry, hold, asked.identity, asked.until)
            if begun.leased:
                permit.leased_until = asked_at + self._registry.timers.record_lease_ms / 1000
                permit.beside = lease
            sends.append(permit)
            return await self._claimed(asked, permit, lease)
        try:
            if begun.verdict == "replay":
                return await self._replayed(asked, begun.record)
            return await self._joined(asked, hold)
        except StoreUnavailable as error:
            raise _untold(hex32, error.message, begun.record.outcome) from error

    async def _begun(self, hex32: str, owner: str, asked: Asked[W], lease: Lease | None) -> Begun:
        """Claims the key, or waits a little for whoever has it."""
        registry, clock = self._registry, asyncio.get_running_loop().time
        facts = self._facts(hex32, asked)
        until = min(clock() + registry.timers.wait_seconds, asked.until)
        pause, most = PAUSES
        while True:
            known = self._highwaters.known(bucket(hex32))
            try:
                begun = await registry.store.begin(
                    hex32,
                    fingerprints=asked.fingerprints,
                    owner=owner,
                    lease_ms=registry.timers.claimed_lease_ms,
                    keep_ms=registry.timers.retention_ms,
                    facts=facts,
                    beside=lease,
                )
            except StoreUnavailable:
                if lease:  # it may be taken all the same
                    registry.leave(freed(registry, lease, owner))
                raise
            counted = known + int(begun.verdict == "new" and begun.fence == 1)
            await self._monitor.noticed(bucket(hex32), known=counted, found=begun.highwater)
            left = until - clock()
            if begun.verdict != "in_flight" or left <= 0 or self._waiting >= MAX_WAITING:
                return begun
            self._waiting += 1
            try:
                await asyncio.sleep(min(pause * CHANCE.uniform(0.5, 1.5), left))
            finally:
                self._waiting -= 1
            pause = min(pause * 2, most)

    def _facts(self, hex32: str, asked: Asked[W]) -> Mapping[str, bytes | str]:
        registry = self._registry
        kept = registry.sealing.seal(
            hex32, "request", enveloped(asked.key.value, self._doing.stored(asked.write))
        )
        facts: dict[str, bytes | str] = {
            "caller": asked.caller,
            "connection": asked.connection,
            "vendor": asked.vendor,
            "method": asked.method,
            "route": asked.route,
            "request": kept,
        }
        if asked.creates:
            first = registry.signing_keys[0]
            facts["marker"] = marker(first, caller=asked.caller, hex32=hex32, step="create")
            facts["key_ids"] = first.id
        if asked.subject:
            facts["vendor_id"] = asked.subject
        return facts

    async def _claimed(self, asked: Asked[W], permit: RecordPermit, lease: Lease | None) -> Told:
        run, hold = Run(self._registry, self._doing, asked.write, permit), permit.hold
        if asked.creates and self._monitor.amnesia and not hold.record.attempts:
            found = await self._remembered(asked, hold)
            if isinstance(found, GatewayError):
                return await run.ended(found)
            if found:
                return await run.completed(found)
        told = await run.executed(lease, asked.until)
        if told.unsettled:
            _ = self._reconciler.pursue(hold.hex32, hold.owner)
        return told

    async def _remembered(self, asked: Asked[W], hold: Hold) -> Answer | GatewayError | None:
        """What a create finds that may be a retry whose record was lost (reliability.md 2.5)."""
        mark = hold.record.marker
        try:
            seen = await self._doing.look(asked.write, marker=mark, pre=None, made=())
        except GatewayError as error:
            return error
        if seen.kind == "applied":
            if seen.twins:
                self._registry.tell(Happened.of(hold.record, "duplicate-detected", seen.detail))
            return seen.answer
        if seen.kind == "absent" or seen.dedupe_seconds or asked.key.made_here:
            return None
        return HistoryLost(
            "The store has lost records, so this key may have run before, and the vendor cannot "
            "be searched for what it made: look there before you send it under a new key."
        )

    async def _joined(self, asked: Asked[W], hold: Hold) -> Told:
        """The write was sent, and its holder is gone: find out, and wait a little for it."""
        settling = self._reconciler.pursue(hold.hex32, hold.owner)
        left = max(asked.until - asyncio.get_running_loop().time(), 0)
        await over(settling, min(self._registry.timers.wait_seconds, left))
        record = await self._registry.store.get(hold.hex32)
        if record and record.state == "completed":
            return await self._replayed(asked, record)
        if record and record.state == "indeterminate":
            raise _parked(hold.hex32)
        raise _reconciling(hold.hex32, FIRST_LOOK_SECONDS)

    async def _replayed(self, asked: Asked[W], record: Record) -> Told:
        if record.answer is None:
            return Told(answer=await self._rebuilt(asked, record), status="replayed")
        stored = self._registry.opened(record.hex32, "answer", record.answer)
        return Told(answer=Answer.read(stored), status="replayed")

    async def _rebuilt(self, asked: Asked[W], record: Record) -> Answer:
        """The answer of a record that dropped its bodies (reliability.md 2.2, compact)."""
        if record.code is None:
            return await self._doing.applied(asked.write, record.opportunity_id)
        return self._doing.retold(asked.write, record)

    def _still_running(self, asked: Asked[W]) -> Told:
        error = IndeterminateTimeout(
            "The write was sent and goes on behind your deadline: ask again with the same key."
        )
        error.operation_id = operation_id(asked.hex32)
        error.retry_after = FIRST_LOOK_SECONDS
        return Told(answer=self._doing.told(asked.write, error), status="indeterminate")


def _untold(hex32: str, why: str, outcome: Outcome | None = None) -> StoreUnavailable:
    """The error for a write that was begun before, and of which no more can be told just now."""
    error = StoreUnavailable(why)
    error.outcome = outcome or "unknown"
    error.operation_id = operation_id(hex32)
    return error


def _in_flight(hex32: str, begun: Begun) -> GatewayError:
    seconds = -(-begun.left_ms // 1000)
    if begun.state == "reconciling":
        return _reconciling(hex32, seconds)
    error = InProgress(
        "The first request with this key is still under way: send the same again shortly.",
        retry_after=min(seconds, 5),
    )
    error.operation_id = operation_id(hex32)
    return error


def _reconciling(hex32: str, seconds: int) -> Reconciling:
    error = Reconciling(
        "The write was sent and its outcome is being found out: ask again with the same key.",
        retry_after=seconds,
    )
    error.operation_id = operation_id(hex32)
    return error


def _parked(hex32: str) -> Parked:
    error = Parked(
        "The write was sent, and reading the vendor gave no proof of its outcome: an operator has "
        "to settle the operation."
    )
    error.operation_id = operation_id(hex32)
    return error
