"""F5: a holder is frozen between its last check and its first byte, and thaws too late."""

import asyncio
import signal
from collections.abc import Callable

from tests.faults.history import Wish
from tests.faults.rig import Rig, Trial
from tests.faults.settlement import LEAST_LEASE_MS
from tests.faults.waiting import until

VENDOR_SECONDS = 1
LEASE_SECONDS = VENDOR_SECONDS + LEAST_LEASE_MS // 1000
QUIET_SECONDS = 2 * LEASE_SECONDS
POINT = "send_request_headers.started"


async def frozen(trial: Trial, wish: Wish, port: int) -> None:
    """A write whose holder freezes until its lease is over, while its client asks elsewhere."""
    rig = trial.rig
    rig.fates.arm(POINT, wish.tag, "stop")
    lost = asyncio.create_task(trial.driver.ask(wish, port=port))
    assert await until(lambda: rig.fates.struck(POINT, wish.tag) is not None)
    await asyncio.sleep(LEASE_SECONDS + 1)
    rig.signal(port, signal.SIGCONT)
    final = await trial.driver.insist(wish, seconds=3 * QUIET_SECONDS)
    await lost
    assert final.meaning == "ok" or (wish.action == "create" and final.is_parked)


async def test_a_frozen_holder_sends_no_second_time(start_rig: Callable[..., Rig]) -> None:
    """Whoever finds out meanwhile sends nothing before the quiet period is over."""
    changes = {
        "timeouts": {"vendor_seconds": VENDOR_SECONDS},
        "reconcile": {"quiet_seconds": QUIET_SECONDS},
    }
    rig = start_rig(replicas=5, changes=changes)
    async with rig.trial("frozen") as trial:
        target = await trial.made()
        wishes = [
            trial.wish("create", "acme-close"),
            trial.wish("create", "blind-close"),
            trial.wish("create", "acme-slant"),
            trial.wish("update", "acme-close", target=target, if_match="*"),
        ]
        await asyncio.gather(
            *(frozen(trial, *each) for each in zip(wishes, rig.ports, strict=False))
        )
