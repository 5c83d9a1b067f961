"""The sweeper, on every replica: what a holder left behind is taken up by one of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Generic, NoReturn, cast

from gateway.errors import StoreUnavailable
from gateway.idempotency.addresses import operation_id
from gateway.idempotency.doing import Doing, W
from gateway.idempotency.envelope import opened
from gateway.idempotency.permit import Hold, replies
from gateway.idempotency.reconcile import GATEWAY, Reconciler
from gateway.idempotency.record import Result
from gateway.idempotency.registry import Registry, new_owner
from gateway.idempotency.sealing import SealError
from gateway.idempotency.verdicts import LOOKS
from gateway.shared.chance import CHANCE

AT_ONCE: Final = 64
"""Records that one sweep takes up at most."""
UPKEEP_SECONDS: Final = 3600
"""How often unsettled records are kept from ending, and ended ones made small."""
UPKEEP_AT_ONCE: Final = 1000


class Sweeper(Generic[W]):
    """One replica's sweeps."""

    def __init__(self, registry: Registry, doing: Doing[W], reconciler: Reconciler[W]) -> None:
        self._registry = registry
        self._doing = doing
        self._reconciler = reconciler

    async def run(self) -> None:
        """Sweeps until it is cancelled."""
        async with asyncio.TaskGroup() as sweeping:
            seconds = self._registry.timers.sweep_seconds
            sweeping.create_task(_every(seconds, self.sweep, first=seconds))
            sweeping.create_task(_every(UPKEEP_SECONDS, self.upkeep, first=seconds))

    async def sweep(self) -> None:
        """Takes up records whose lease is over, in an order that other replicas do not share."""
        found = await self._registry.store.due(AT_ONCE)
        CHANCE.shuffle(found)
        for hex32 in found:
            try:
                await self._taken_up(hex32)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - one record must not keep the others
                self._registry.fault(error)

    async def upkeep(self) -> None:
        """Keeps what is not settled from ending by itself, and drops old bodies."""
        store = self._registry.store
        for record in await store.listed(states={"indeterminate"}, limit=UPKEEP_AT_ONCE):
            await store.touch(record.hex32)
        while old := await store.old(UPKEEP_AT_ONCE):
            dropped = await asyncio.gather(*map(store.compact, old))
            if not any(dropped):  # another replica was first, or sees the time otherwise
                return

    async def _taken_up(self, hex32: str) -> None:
        registry, owner = self._registry, new_owner()
        lease_ms = registry.timers.claimed_lease_ms
        begun = await registry.store.take(hex32, owner=owner, lease_ms=lease_ms)
        if begun.record is None:
            return
        if begun.verdict == "reconcile":
            _ = self._reconciler.pursue(hex32, owner)
        elif begun.verdict == "new":
            hold = Hold(hex32=hex32, owner=owner, fence=begun.fence, record=begun.record)
            await self._given_back(hold)

    async def _given_back(self, hold: Hold) -> None:
        """Frees a claim that nobody holds; one with a step done waits for its caller a while."""
        record = hold.record
        waited = (await self._registry.store.time_ms() - record.td) / 1000
        if record.steps and waited >= LOOKS[-1] * self._registry.timers.quiet_seconds:
            with suppress(SealError):
                await self._left_half_done(hold)
                return
        await self._registry.store.release(hold.hex32, owner=hold.owner, fence=hold.fence)

    async def _left_half_done(self, hold: Hold) -> None:
        registry, record = self._registry, hold.record
        _, kept = opened(registry.opened(hold.hex32, "request", record.request or b""))
        write = self._doing.read(kept)
        made, number = replies(registry, record), operation_id(hold.hex32)
        answer = await self._doing.abandoned(write, made, number)
        await registry.witness(hold.hex32, "settled", f"by the {GATEWAY}: nobody went on with it")
        await registry.store.complete(
            hold.hex32,
            owner=hold.owner,
            fence=hold.fence,
            dispatch_fence=None,
            answer=registry.sealing.seal(hold.hex32, "answer", answer.stored()),
            answer_status=answer.status,
            outcome=cast(Result, answer.outcome),
            opportunity_id=answer.opportunity_id,
            code=answer.code,
            keep_ms=registry.timers.retention_ms,
        )


async def _every(seconds: float, act: Callable[[], Awaitable[None]], *, first: float) -> NoReturn:
    """Acts after a first pause and then at intervals, out of step with other replicas."""
    pause = first
    while True:
        await asyncio.sleep(pause * CHANCE.uniform(0.8, 1.2))
        with suppress(StoreUnavailable):
            await act()
        pause = seconds
