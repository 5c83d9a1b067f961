"""What a replica and a write need of memory: `python -m tests.performance.footprint`.

Starts a Redis with the settings of production, the simulated vendors and one replica, makes many
writes under keys of their own, and prints what the replica holds and what Redis keeps for each.
Needs Linux, where a process tells its memory.
"""

import asyncio
import os
import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx

from tests.faults.settlement import CALLERS, settlement
from tests.integration.programs import Program
from tests.programs import REDIS, Toolbox
from tests.servers import RedisServer

WRITES: Final = 2_000
AT_ONCE: Final = 16
CONNECTION: Final = "acme-reevo"
MIB: Final = 1024 * 1024


def held(program: Program, figure: str) -> int:
    """Bytes of memory of a process: `VmRSS` now, `VmHWM` at the most."""
    status = Path("/proc", str(program.process.pid), "status").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(rf"^{figure}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) * 1024


def kept(redis: RedisServer) -> int:
    """Bytes that Redis keeps."""
    told: Any = redis.ask("INFO", "memory")
    return int(told["used_memory"])


async def create(url: str, times: int) -> None:
    """Makes so many opportunities, each under a key of its own."""
    headers = {"Authorization": f"Bearer {CALLERS['billing']}"}
    left = list(range(times))
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:

        async def creator() -> None:
            while left:
                body = {"connection": CONNECTION, "name": f"Harbour {left.pop()}"}
                answer = await client.post("/v1/opportunities", json=body)
                answer.raise_for_status()

        await asyncio.gather(*(creator() for _ in range(AT_ONCE)))


def main() -> int:
    """Prints the figures."""
    found = Toolbox(os.environ).find(REDIS)
    if found is None:
        sys.stderr.write(f"{REDIS.loss}: {REDIS.remedy}\n")
        return 1
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        redis = RedisServer(found, folder, appendonly="yes", appendfsync="always")
        redis.start()
        running.callback(redis.end)
        vendors = Program.start("vendors", folder, "sandbox")
        running.callback(vendors.end)
        config = folder / "gateway.toml"
        config.write_text(settlement(redis.url, vendors.ready("/slant/_ledger").url), "utf-8")
        replica = Program.start("replica", folder, "serve", "--config", str(config))
        running.callback(replica.end)
        replica.ready("/livez")
        asyncio.run(create(replica.url, AT_ONCE))
        started, before = held(replica, "VmRSS"), kept(redis)
        asyncio.run(create(replica.url, WRITES))
        each = (kept(redis) - before) / WRITES
        for name, value in (
            ("a replica after its start", f"{started / MIB:.0f} MiB"),
            (f"a replica after {WRITES} writes", f"{held(replica, 'VmRSS') / MIB:.0f} MiB"),
            ("a replica at the most", f"{held(replica, 'VmHWM') / MIB:.0f} MiB"),
            ("Redis for a write", f"{each:.0f} bytes"),
        ):
            sys.stdout.write(f"{name:32}{value:>12}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
