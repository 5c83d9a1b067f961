"""What a sick vendor costs the others: `python -m tests.performance.sick_vendor`.

Reads records of three vendors while others ask for those of a fourth, first as long as that one is
well, then while it hangs, breaks down or drips. Prints, for each way of being sick, the 99th
percentile of the three as a ratio to the undisturbed one: the median of some tries. I11 wants it to
be at most 2.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx

from gateway.sandbox.faults import REQUIRED
from tests.integration.fleet import Fleet, fleet
from tests.integration.two_ends import VENDORS

TRIES: Final = 3
READS: Final = 300
AT_ONCE: Final = 6
DISTURBING: Final = 12
"""Callers that go on asking for the sick vendor's record."""
SICK: Final = "close"
OTHERS: Final = tuple(vendor for vendor in VENDORS if vendor != SICK)
SICKNESSES: Final[Mapping[str, Mapping[str, Any]]] = {
    "hangs": {"kind": "hang"},
    "breaks down": {"kind": "status", "status": 500},
    "resets": {"kind": "reset"},
    "drips": {"kind": "drip", "bytes_per_second": 20},
    "floods": {"kind": "huge", "bytes": 4 * 1024 * 1024},
}
assert all(sickness["kind"] in REQUIRED for sickness in SICKNESSES.values())


async def percentile(running: Fleet) -> float:
    """The 99th percentile of reads of the healthy vendors, in seconds."""
    gateway = running.replicas[0]
    paths = [await running.path(vendor) for vendor in OTHERS]
    waiting = [paths[number % len(paths)] for number in range(READS)]
    took: list[float] = []

    async def reader() -> None:
        while waiting:
            path, start = waiting.pop(), time.perf_counter()
            answer = await gateway.ask("GET", path)
            took.append(time.perf_counter() - start)
            if answer.status != 200:
                raise RuntimeError(f"a healthy vendor was answered for with {answer.status}")

    await asyncio.gather(*(reader() for _ in range(AT_ONCE)))
    return statistics.quantiles(took, n=100)[98]


async def beside(running: Fleet) -> float:
    """The same, while callers keep asking for a record of the fourth."""
    path = await running.path(SICK)

    async def asking() -> None:
        while True:
            with suppress(httpx.TransportError):
                await running.replicas[0].ask("GET", path, X_Request_Timeout_Ms="3000")
            await asyncio.sleep(0.05)

    callers = [asyncio.create_task(asking()) for _ in range(DISTURBING)]
    await asyncio.sleep(0.5)
    try:
        return await percentile(running)
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)


async def ratio(sickness: Mapping[str, Any], folder: Path, redis_url: str) -> float:
    """The ratio of the sick run to the undisturbed one, in one try on a fleet of its own."""
    async with fleet(folder, redis_url) as running:
        await running.learn()
        await beside(running)  # everything is warm
        undisturbed = await beside(running)
        await running.spoil(SICK, sickness)
        return await beside(running) / undisturbed


async def main(redis_url: str) -> int:
    """Prints a line for each way of being sick; the exit status says whether all are bounded."""
    worst = 0.0
    for name, sickness in SICKNESSES.items():
        ratios = []
        for _ in range(TRIES):
            with tempfile.TemporaryDirectory() as folder:
                ratios.append(await ratio(sickness, Path(folder), redis_url))
        median = statistics.median(ratios)
        worst = max(worst, median)
        tries = ", ".join(f"{each:.2f}" for each in sorted(ratios))
        sys.stdout.write(f"{SICK} {name}: p99 of the others × {median:.2f} ({tries})\n")
        sys.stdout.flush()
    return 0 if worst <= 2 else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.performance.sick_vendor REDIS_URL")
    sys.exit(asyncio.run(main(sys.argv[1])))
