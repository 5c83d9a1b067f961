"""The lease of a vendor's record: writers to one opportunity go one after another (row 27)."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

from gateway.errors import RecordBusy, StoreUnavailable
from gateway.idempotency.addresses import lease_address
from gateway.idempotency.beating import Beating
from gateway.idempotency.permit import RecordPermit
from gateway.idempotency.registry import Registry
from gateway.idempotency.replies import Lease
from gateway.shared.chance import CHANCE

PAUSES: Final = (0.02, 0.25)
"""Seconds between looks whether it is free, growing from the first to the second."""
RENEW_EVERY: Final = 1 / 3


def lease_of(registry: Registry, connection: str, subject: str | None) -> Lease | None:
    """The lease that a write needs; one that creates its subject needs none."""
    if subject is None:
        return None
    address = lease_address(registry.environment, connection, subject)
    return Lease(address, registry.timers.record_lease_ms)


class RecordLease:
    """The vendor's record, held for as long as the write takes; the permit learns of a loss.

    To enter raises `RecordBusy` where it does not become free in time. The claim may have brought
    it: then it goes with the answer, in one round again, unless there will be none.
    """

    def __init__(
        self, permit: RecordPermit, registry: Registry, lease: Lease, until: float
    ) -> None:
        self._permit = permit
        self._registry = registry
        self._lease = lease
        self._until = until

    async def __aenter__(self) -> None:
        permit, registry, lease = self._permit, self._registry, self._lease
        if permit.beside is None:
            permit.leased_until = await _taken(registry, lease, permit.hold.owner, self._until)
        every = lease.ttl_ms / 1000 * RENEW_EVERY
        self._beating = Beating(registry, every, partial(_renewed, permit, registry, lease))
        self._beating.__enter__()

    async def __aexit__(self, kind: object, *_: object) -> None:
        self._beating.__exit__()
        if kind is not None:
            self._permit.beside = None
        if self._permit.beside is None:
            self._registry.leave(freed(self._registry, self._lease, self._permit.hold.owner))


async def freed(registry: Registry, lease: Lease, owner: str) -> None:
    """Frees it; the answer does not wait for that."""
    with suppress(StoreUnavailable):
        await registry.store.lease_free(lease.address, owner=owner)


async def _taken(registry: Registry, lease: Lease, owner: str, until: float) -> float:
    """Takes it: until when it is held, on the event loop's clock."""
    clock = asyncio.get_running_loop().time
    pause, most = PAUSES
    while True:
        asked_at = clock()
        busy_ms = await registry.store.lease_take(lease.address, owner=owner, ttl_ms=lease.ttl_ms)
        if not busy_ms:
            return asked_at + lease.ttl_ms / 1000
        left = until - clock()
        if left <= 0:
            raise RecordBusy(
                "Another write holds this opportunity: send the same request again shortly.",
                retry_after=max(-(-busy_ms // 1000), 1),
            )
        await asyncio.sleep(min(pause * CHANCE.uniform(0.5, 1.5), left))
        pause = min(pause * 2, most)


async def _renewed(permit: RecordPermit, registry: Registry, lease: Lease) -> bool:
    """Renews it; whether it is still held."""
    owner, asked_at = permit.hold.owner, asyncio.get_running_loop().time()
    with suppress(StoreUnavailable):
        kept = await registry.store.lease_renew(lease.address, owner=owner, ttl_ms=lease.ttl_ms)
        if kept:
            permit.leased_until = asked_at + lease.ttl_ms / 1000
        permit.lost |= not kept
    return not permit.lost
