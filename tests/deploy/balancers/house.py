"""Three replicas of the gateway as they are run, on one Redis and the simulated vendors."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from gateway.canonical import json_text
from tests.deploy.balancers.fronts import FRONTS, Front
from tests.faults.layout import Layout
from tests.faults.processes import Program, Vendors
from tests.faults.settlement import CALLERS, settlement
from tests.servers import free_port

CALLER: Final = "billing"
DRAIN_SECONDS: Final = 5
"""The default, and more than the balancers need to notice."""
PATIENCE: Final = 60.0


class Replica(Program):
    """One of them, started again on the port that it had."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.port = free_port()
        where = ["serve", "--config", str(config), "--port", str(self.port)]
        folder.mkdir()
        super().__init__(folder, [self.port], ["-m", "gateway", *where])

    def answers(self) -> bool:
        """Whether a balancer would send it requests."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def drained(self) -> int:
        """Tells it to end and waits until it has; the status with which it did."""
        process = self._process
        assert process is not None
        process.terminate()
        return process.wait(PATIENCE)

    @property
    def served(self) -> Mapping[str, int]:
        """The ids of the requests that it has answered, with the statuses."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        told = [json_text.read(line.encode()) for line in lines if line.startswith("{")]
        return {line["request_id"]: line["status"] for line in told if "request_id" in line}


@dataclass(frozen=True)
class House:
    """All of it, running, with each of the shipped balancers in front."""

    vendors: Vendors
    replicas: Sequence[Replica]
    fronts: Sequence[Front]
    ledger: Path

    def effects(self) -> list[Mapping[str, Any]]:
        """What the vendors really did."""
        lines = self.ledger.read_bytes().splitlines()
        return [line for line in map(json_text.read, lines) if line["effect"]]

    def creations(self) -> Counter[str]:
        """How often each tag was created."""
        return Counter(line["tag"] for line in self.effects() if line["effect"] == "create")


@contextmanager
def housed(folder: Path, redis_url: str) -> Iterator[House]:
    """Brings it up, and ends every process of it."""
    layout = Layout(folder)
    with ExitStack() as running:
        vendors = Vendors(layout)
        running.callback(vendors.end)
        vendors.start()
        changes = {"server": {"drain_seconds": DRAIN_SECONDS}}
        text = settlement(redis_url, vendors.url, changes=changes)
        layout.configuration.write_text(text, encoding="utf-8")
        replicas = [Replica(folder / f"replica-{n}", layout.configuration) for n in range(1, 4)]
        ports = [replica.port for replica in replicas]
        fronts = []
        for name, made in FRONTS.items():
            (folder / name).mkdir()
            fronts.append(made(folder / name, ports, {}))
        for process in (*replicas, *fronts):
            running.callback(process.kill)
        with ThreadPoolExecutor() as starting:
            list(starting.map(Replica.start, replicas))
        for front in fronts:
            front.start()
        yield House(vendors, replicas, fronts, layout.ledger)


def caller(front: Front) -> httpx.AsyncClient:
    """A caller in front of a balancer."""
    return httpx.AsyncClient(
        base_url=front.url,
        headers={"Authorization": f"Bearer {CALLERS[CALLER]}"},
        timeout=PATIENCE,
        trust_env=False,
    )


async def restarted(replica: Replica) -> None:
    """Ends a replica as a deployment does, and starts its successor."""
    assert await asyncio.to_thread(replica.drained) == 0
    await asyncio.to_thread(replica.start)
