"""The same asked by somebody else: wrk, where the machine has it, so that our loader is checked."""

import os
import re
import subprocess
import time
from typing import Final

from tests.performance.bench.houses import BESIDE, House, on
from tests.performance.bench.rounds import Numbers
from tests.programs import WRK, Toolbox
from tests.sandboxed import KEY

_FAILED: Final = re.compile(r"(?:Non-2xx or 3xx responses|read|write|timeout|connect):? (\d+)")
_UNITS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def crossed(house: House, target: str, *, seconds: float) -> Numbers | None:
    """What wrk finds of a GET at 64 at once; None where there is no wrk."""
    found = Toolbox(os.environ).find(WRK)
    if found is None:
        return None
    command = [str(found.path), "-t1", "-c64", f"-d{max(round(seconds), 1)}s", "--latency",
               "-H", f"Authorization: Bearer {KEY}",
               f"http://127.0.0.1:{house.port}{target}"]  # fmt: skip
    before, start = house.cpu, time.perf_counter()
    with on(BESIDE):
        run = subprocess.run(command, env=found.environ, capture_output=True, check=True, text=True)
    spent, took = house.cpu - before, time.perf_counter() - start
    told = read(run.stdout)
    return {**told, "cpu_us": spent / told["count"] * 1e6, "busy": spent / took}


def read(printed: str) -> dict[str, float]:
    """The figures that wrk prints, by our names for them."""
    (count,) = re.findall(r"(\d+) requests in", printed)
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", printed)
    return {
        "count": float(count),
        "rps": float(rate),
        "p50_ms": _latency(printed, 50),
        "p99_ms": _latency(printed, 99),
        "failed": float(sum(map(int, _FAILED.findall(printed)))),
    }


def _latency(printed: str, percent: int) -> float:
    ((number, unit),) = re.findall(rf"{percent}%\s+([\d.]+)(us|ms|s)", printed)
    return float(number) * _UNITS[unit]
