"""Unknown outcomes, found out by reading; nothing is ever sent again blindly (reliability.md 2.6).

Any replica may take an open record up once its lease is over, and one at a time does.
"""

import asyncio
from typing import Final, Generic

from gateway.errors import GatewayError, StoreUnavailable
from gateway.idempotency.doing import Doing, Finding, W
from gateway.idempotency.envelope import opened
from gateway.idempotency.keys import Identity
from gateway.idempotency.lease import lease_of
from gateway.idempotency.permit import Hold, RecordPermit, replies
from gateway.idempotency.record import Record
from gateway.idempotency.registry import Happened, Registry
from gateway.idempotency.run import Run
from gateway.idempotency.sealing import SealError
from gateway.idempotency.verdicts import (
    LOOKS,
    Decision,
    Park,
    Release,
    Resend,
    Settle,
    Wait,
    decided,
)

AT_ONCE: Final = 4
"""Records that one replica looks after at the same time, so that looks take a small share."""
MARGIN_SECONDS: Final = 5
"""How much longer than until its next look a reconciler keeps a record."""
GATEWAY: Final = "gateway"
"""Who settles what no operator did."""


class Reconciler(Generic[W]):
    """Follows open records until they are settled, parked, or somebody else's."""

    def __init__(self, registry: Registry, doing: Doing[W]) -> None:
        self._registry = registry
        self._doing = doing
        self._pursued: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def pursue(self, hex32: str, owner: str) -> asyncio.Task[None]:
        """Follows a record in the background; the task ends when there is no more to be done."""
        task = self._pursued.get(hex32)
        if task is None:
            task = self._registry.follow(self._followed(hex32, owner))
            self._pursued[hex32] = task
            task.add_done_callback(lambda _: self._pursued.pop(hex32, None))
        return task

    async def _followed(self, hex32: str, owner: str) -> None:
        rest: float | None = 0.0
        while rest is not None:
            await asyncio.sleep(rest)
            try:
                async with self._slots:
                    rest = await self._turn(hex32, owner)
            except StoreUnavailable:
                return  # the lease ends, and whoever sweeps next goes on

    async def _turn(self, hex32: str, owner: str) -> float | None:
        """Looks once and acts on it: seconds until the next look, None where it is over."""
        timers = self._registry.timers
        lease_ms = int(timers.vendor_seconds * 1000) + timers.slack_ms
        begun = await self._registry.store.take(hex32, owner=owner, lease_ms=lease_ms)
        if begun.record is None or begun.state != "reconciling":
            return None
        hold = Hold(hex32=hex32, owner=owner, fence=begun.fence, record=begun.record)
        await self._keep(hold, lease_ms)
        seen = await self._look(hold)
        now_ms = await self._registry.store.time_ms()
        return await self._acted(hold, decided(seen, begun.record, now_ms, timers))

    async def _look(self, hold: Hold) -> Finding | str:
        """What the vendor shows; as a text, why it could not be asked."""
        record = hold.record
        try:
            _, write = self._write(record)
            pre = record.pre and self._registry.opened(record.hex32, "pre", record.pre)
            made = replies(self._registry, record)
            async with asyncio.timeout(self._registry.timers.vendor_seconds):
                return await self._doing.look(write, marker=record.marker, pre=pre, made=made)
        except GatewayError as error:
            return f"it cannot be found out: {error.code}"
        except SealError:
            return "it cannot be found out: what the record keeps of it cannot be opened"
        except TimeoutError:
            return "it cannot be found out: the vendor does not answer"
        except Exception as error:  # noqa: BLE001 - the record has to end up somewhere all the same
            self._registry.fault(error)
            return "it cannot be found out: the gateway has a fault"

    async def _acted(self, hold: Hold, decision: Decision) -> float | None:
        store, hex32 = self._registry.store, hold.hex32
        match decision:
            case Settle(finding):
                await self._settled(hold, finding)
            case Release(detail):
                await store.settle(
                    hex32, owner=hold.owner, fence=hold.fence, verdict="not_applied",
                    by=GATEWAY, reason=detail,
                )  # fmt: skip
            case Park(why):
                await store.park(hex32, owner=hold.owner, fence=hold.fence, why=why)
                self._registry.tell(Happened.of(hold.record, "parked", why))
            case Wait(seconds):
                await self._keep(hold, int((seconds + MARGIN_SECONDS) * 1000))
                return seconds
            case Resend(proved):
                return await self._resent(hold, proved=proved)
        return None

    async def _settled(self, hold: Hold, finding: Finding) -> None:
        answer = finding.answer
        if finding.twins:
            self._registry.tell(Happened.of(hold.record, "duplicate-detected", finding.detail))
        assert answer is not None  # noqa: S101 - proof comes with its answer
        await self._registry.store.settle(
            hold.hex32,
            owner=hold.owner,
            fence=hold.fence,
            verdict="applied",
            answer=self._registry.sealing.seal(hold.hex32, "answer", answer.stored()),
            answer_status=answer.status,
            opportunity_id=answer.opportunity_id,
            code=answer.code,
            by=GATEWAY,
            reason=finding.detail,
        )

    async def _resent(self, hold: Hold, *, proved: bool) -> float | None:
        """Sends the write again, by the same way that it went first."""
        moved = await self._registry.store.resend(
            hold.hex32, owner=hold.owner, fence=hold.fence, proved_absent=proved
        )
        if not moved:
            return None
        record = await self._registry.store.get(hold.hex32)
        if record is None or record.owner != hold.owner:
            return None
        until = asyncio.get_running_loop().time() + self._registry.timers.vendor_seconds
        again = hold._replace(record=record)
        key, write = self._write(record)
        permit = RecordPermit(self._registry, again, _identity(record, key), until)
        lease = lease_of(self._registry, record.connection, record.vendor_id)
        told = await Run(self._registry, self._doing, write, permit).executed(lease, until)
        if not told.unsettled:
            return None
        return 0.0 if permit.last else LOOKS[2] * self._registry.timers.quiet_seconds

    async def _keep(self, hold: Hold, lease_ms: int) -> None:
        await self._registry.store.heartbeat(
            hold.hex32,
            owner=hold.owner,
            fence=hold.fence,
            lease_ms=lease_ms,
            hard_limit_ms=lease_ms + self._horizon_ms(),
        )

    def _write(self, record: Record) -> tuple[bytes, W]:
        key, write = opened(self._registry.opened(record.hex32, "request", record.request or b""))
        return key, self._doing.read(write)

    def _horizon_ms(self) -> int:
        return int(LOOKS[-1] * self._registry.timers.quiet_seconds * 1000)


def _identity(record: Record, key: bytes) -> Identity:
    return Identity(
        caller=record.caller,
        connection=record.connection,
        method=record.method,
        route=record.route,
        key=key,
    )
