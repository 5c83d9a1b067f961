"""The lease of a vendor's record: writers to one opportunity go one after another (row 27)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from gateway.errors import RecordBusy, StoreUnavailable
from gateway.idempotency.permit import RecordPermit
from gateway.idempotency.record import lease_address
from gateway.idempotency.registry import Registry
from gateway.shared.chance import CHANCE

PAUSES: Final = (0.02, 0.25)
"""Seconds between looks whether it is free, growing from the first to the second."""
RENEW_EVERY: Final = 1 / 3


@asynccontextmanager
async def record_lease(
    permit: RecordPermit, registry: Registry, subject: str | None, until: float
) -> AsyncIterator[None]:
    """Holds the vendor's record for as long as the write takes; the permit learns of a loss.

    Raises `RecordBusy` where it does not become free in time. A create has no subject, and no
    lease.
    """
    if subject is None:
        yield
        return
    address = lease_address(registry.environment, permit.identity.connection, subject)
    owner = permit.hold.owner
    permit.leased_until = await _taken(registry, address, owner, until)
    renewing = registry.spawn(_renewed(permit, registry, address))
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(StoreUnavailable):
            await registry.store.lease_free(address, owner=owner)


async def _taken(registry: Registry, address: str, owner: str, until: float) -> float:
    """Takes it: until when it is held, on the event loop's clock."""
    clock = asyncio.get_running_loop().time
    pause, most = PAUSES
    while True:
        asked_at = clock()
        busy_ms = await registry.store.lease_take(
            address, owner=owner, ttl_ms=registry.timers.record_lease_ms
        )
        if not busy_ms:
            return asked_at + registry.timers.record_lease_ms / 1000
        left = until - clock()
        if left <= 0:
            raise RecordBusy(
                "Another write holds this opportunity: send the same request again shortly.",
                retry_after=max(-(-busy_ms // 1000), 1),
            )
        await asyncio.sleep(min(pause * CHANCE.uniform(0.5, 1.5), left))
        pause = min(pause * 2, most)


async def _renewed(permit: RecordPermit, registry: Registry, address: str) -> None:
    clock, ttl_ms = asyncio.get_running_loop().time, registry.timers.record_lease_ms
    while not permit.lost:
        await asyncio.sleep(ttl_ms / 1000 * RENEW_EVERY)
        asked_at = clock()
        with suppress(StoreUnavailable):
            kept = await registry.store.lease_renew(address, owner=permit.hold.owner, ttl_ms=ttl_ms)
            if kept:
                permit.leased_until = asked_at + ttl_ms / 1000
            permit.lost |= not kept
