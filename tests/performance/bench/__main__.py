"""`python -m tests.performance.bench`: prints the table; the status says whether all goals hold."""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.performance.bench import houses, meter, report, rooms
from tests.performance.bench.cross import crossed
from tests.performance.bench.growth import Growth
from tests.performance.bench.houses import Street, street
from tests.performance.bench.load import KEY_MARK
from tests.performance.bench.recording import Recording, recorded
from tests.performance.bench.refusals import refused
from tests.performance.bench.requests import PATCH
from tests.performance.bench.rounds import (
    AT_ONCE,
    RATES,
    Asker,
    Numbers,
    asked,
    direct,
    medians,
    warm,
)

LIBRARIES: Final = "import fastapi, httpx, pydantic, redis.asyncio, structlog"
BUILT: Final = """
from pathlib import Path
from gateway.app import create_app
from gateway.settings import parse
create_app(parse({}, {}, Path()))
"""
SOAK: Final = 20_000
REPLAYED: Final = 64


class Bench:
    """One run: the houses of the street, asked in turn."""

    def __init__(self, at: Street, recording: Recording, asker: Asker, *, seconds: float) -> None:
        self._at = at
        self.asker = asker
        self._seconds = seconds
        target = next(name for name in recording.answers if name.startswith("PUT"))
        self._put = target.split(" ")[1]
        self._fixed = str(recording.answers[target]["body"])

    def peers(self) -> None:
        """Starts those that the gateway is compared with."""
        upstream = f"http://127.0.0.1:{self._at.stub}{self._put}"
        houses.proxy(self._at)
        houses.app(self._at, "A", "bare", fixed=self._fixed)
        houses.app(self._at, "B", "fixed", "--factory", fixed=self._fixed)
        houses.app(self._at, "P0", "stock", "--factory", upstream=upstream)
        houses.app(self._at, "P", "passing", "--factory", upstream=upstream)

    def gateway(self) -> Numbers:
        """Starts the gateway, and says what it holds."""
        house = houses.gateway(self._at)
        start = house.memory
        for connection in houses.WAITS:
            warm(self._at.loader, house, self.asker.mix(connection), seconds=2)
        return {"start_mb": start}

    def compared(self) -> dict[str, Numbers]:
        """One round of everybody at everything, in turn."""
        found: dict[str, Numbers] = {}
        for at_once in AT_ONCE:
            for name in ("N", "A", "B", "P0", "P", "G"):
                house = self._at.houses[name]
                found[f"{name} c={at_once}"] = asked(
                    self._at, house, self._requests(name), at_once=at_once, seconds=self._seconds
                )
        found["G after burst"] = asked(
            self._at, self._at.houses["G"], self._requests("G"), at_once=1, seconds=self._seconds
        )
        return found

    def added(self) -> dict[str, Numbers]:
        """What the gateway adds to a vendor that takes 20 ms."""
        found: dict[str, Numbers] = {}
        for rate in RATES:
            job = {"at_once": 256, "rate": rate, "seconds": self._seconds * 2}
            vendor = {**direct(PATCH, f"/wait-20{self._put}")}
            vendor["head"] = vendor["head"].replace("PATCH", "PUT", 1)
            found[f"V 20ms {rate}/s"] = asked(self._at, None, [vendor], **job)
            slow = self.asker.requests("patch", connection="slow")
            found[f"G 20ms {rate}/s"] = asked(self._at, self._at.houses["G"], slow, **job)
        return found

    def others(self) -> dict[str, Numbers]:
        """What users do besides."""
        house, asker, seconds = self._at.houses["G"], self.asker, self._seconds
        jobs: dict[str, Sequence[dict[str, str]]] = {
            "G mix, vendors 0 ms": asker.mix("acme"),
            "G mix, vendors 20 and 200 ms": asker.mix("slow", "far"),
            "G get": asker.requests("get"),
            "G create": asker.requests("create"),
            "G list of 200": asker.requests("list"),
            "G dry run": asker.requests("dry run"),
        }
        found = {
            name: asked(
                self._at, house, requests, at_once=64 if "list" not in name else 4, seconds=seconds
            )
            for name, requests in jobs.items()
        }
        keys = [
            {**each, "head": each["head"].replace(KEY_MARK.decode(), f"again-{number}")}
            for number, each in enumerate(asker.requests("patch")[:REPLAYED])
        ]
        asked(self._at, house, keys, at_once=1, count=REPLAYED)
        found["G replays"] = asked(self._at, house, keys, at_once=64, seconds=seconds)
        return found

    def soaked(self) -> Numbers:
        """What a long run leaves in memory."""
        house = self._at.houses["G"]
        asked(self._at, house, self._requests("G"), at_once=64, count=SOAK // 4)
        before = house.memory
        told = asked(self._at, house, self._requests("G"), at_once=64, count=SOAK)
        return {"grown_mb": house.memory - before, "failed": told["failed"]}

    def rooms(self) -> dict[str, Numbers]:
        """Where the time of a PATCH goes, alone and among 64."""
        file = self._at.folder / "samples.json"
        house = houses.gateway(self._at, "sampled", sampled=file)
        warm(self._at.loader, house, self.asker.mix("acme"), seconds=2)
        found: dict[str, Numbers] = {}
        for at_once in (1, 64):
            rooms.samples(house.process.pid, file)
            asked(self._at, house, self._requests("G"), at_once=at_once, seconds=self._seconds * 4)
            found[f"% by room c={at_once}"] = {
                room: share * 100
                for room, share in rooms.shares(rooms.samples(house.process.pid, file)).items()
            }
        houses.end(house)
        return found

    def workers(self) -> dict[str, Numbers]:
        """Two of them in one house."""
        house = houses.gateway(self._at, "G2", workers=2)
        warm(self._at.loader, house, self.asker.mix("acme"), seconds=2)
        return {
            "G2 c=64": asked(
                self._at, house, self._requests("G"), at_once=64, seconds=self._seconds
            )
        }

    def cold(self) -> Numbers:
        """The first request of a gateway that knows no catalogue yet, and the next one."""
        house = houses.gateway(self._at, "cold")
        requests = self.asker.requests("patch")
        first = asked(self._at, house, requests, at_once=1, count=1)
        second = asked(self._at, house, requests, at_once=1, count=1)
        houses.end(house)
        return {"first_ms": first["p50_ms"], "second_ms": second["p50_ms"]}

    def crossed(self) -> dict[str, Numbers]:
        """The same found by wrk, where the machine has it."""
        targets = {"B": "/v1/opportunities/acme-close.oppo_1", "G": self.asker.paths["get"]}
        found = {
            f"{name} get, by wrk": crossed(self._at.houses[name], target, seconds=self._seconds)
            for name, target in targets.items()
        }
        return {name: numbers for name, numbers in found.items() if numbers}

    def _requests(self, name: str) -> list[dict[str, str]]:
        if name == "G":
            return self.asker.requests("patch")
        if name == "N":
            vendor = direct(PATCH, self._put)
            return [{**vendor, "head": vendor["head"].replace("PATCH", "PUT", 1)}]
        return [direct(PATCH, "/v1/opportunities/acme-close.oppo_1")]


def started(python: str) -> Numbers:
    """How long the gateway takes to be there, beside the libraries that it stands on."""

    def seconds(program: str) -> float:
        code = f"import time; t = time.perf_counter()\n{program}\nprint(time.perf_counter() - t)"
        command = [python, "-c", code]
        tries = [
            float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            for _ in range(5)
        ]
        return statistics.median(tries)

    libraries, built = seconds(LIBRARIES), seconds(BUILT)
    return {
        "libraries_ms": libraries * 1000,
        "gateway_ms": built * 1000,
        "ratio": built / libraries,
    }


def main() -> int:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where it is written")
    parser.add_argument("--quick", action="store_true", help="the comparison alone")
    parser.add_argument(
        "--growth", action="store_true", help="also what grows; Redis needs 2 GB for it"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter that the gateway runs on"
    )
    wanted = parser.parse_args()
    recording, paths = asyncio.run(recorded())
    with tempfile.TemporaryDirectory() as folder, street(Path(folder), recording) as at:
        at.python = wanted.python
        bench = Bench(at, recording, Asker(paths), seconds=wanted.seconds)
        found = _measured(bench, at, wanted)
        if failed := refused(at.folder):
            found["failed"] = failed
    report.write(found, wanted.json)
    sys.stdout.write("\n".join(report.lines(found)) + "\n")
    return 0 if report.all_hold(found) else 1


def _measured(bench: Bench, at: Street, wanted: argparse.Namespace) -> dict[str, Numbers]:
    bench.peers()
    memory = bench.gateway()
    rounds: Sequence[Callable[[], dict[str, Numbers]]] = (bench.compared, bench.added, bench.others)
    found: dict[str, Numbers] = {}
    for each in rounds[:1] if wanted.quick else rounds:
        found |= medians([each() for _ in range(wanted.rounds)])
        if each == bench.compared:
            found["G memory"] = {**memory, "after_mb": at.houses["G"].memory}
    if not wanted.quick:
        found["G soak"] = bench.soaked()
        found |= bench.workers()
        found["cold"] = bench.cold()
        found["Redis"] = {"round_ms": meter.round_trip_ms(at.redis.port)}
        found["start"] = started(at.python)
        found |= bench.crossed()
        found |= bench.rooms()
    if wanted.growth:
        found |= Growth(at, bench.asker, seconds=wanted.seconds).measured()
    return found


if __name__ == "__main__":
    sys.exit(main())
