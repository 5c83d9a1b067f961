"""What is measured, and how: every measurement is a few numbers of one house in one round."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Final

from tests.performance.bench.houses import House, Loader, Street
from tests.performance.bench.load import KEY_MARK
from tests.performance.bench.recording import RECORDS, another
from tests.performance.bench.requests import ACTS, MIX, Act
from tests.sandboxed import KEY

AT_ONCE: Final = (1, 16, 64, 256)
RATES: Final = (400, 800)
"""Requests a second, for the time that the gateway adds to a vendor of 20 ms."""

Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Asker:
    """Spells requests for the loader."""

    paths: Mapping[str, str]
    """Of each act, with the id of a record where it names one."""

    def requests(self, name: str, *, connection: str = "acme") -> list[dict[str, str]]:
        """One of the acts on one record after another, at the connections with this name."""
        act, path = ACTS[name], self.paths[name].replace("acme-", f"{connection}-")
        body = act.body.decode().replace("acme-", f"{connection}-")
        place, dot, record = path.partition(".")
        paths = [path]
        if dot:
            paths = [f"{place}.{another(record, number)}" for number in range(RECORDS)]
        return [spelled(act, each, body) for each in paths]

    def mix(self, *connections: str) -> list[dict[str, str]]:
        """Two thousand requests as users send them, in a fixed order that mixes them."""
        wanted = [name for name in MIX for _ in range(ACTS[name].weight)]
        spelled = {
            (name, connection): cycle(self.requests(name, connection=connection))
            for name in MIX
            for connection in connections
        }
        return [
            next(spelled[wanted[place * 37 % len(wanted)], connections[place % len(connections)]])
            for place in range(len(wanted) * 20)
        ]


def spelled(act: Act, path: str, body: str) -> dict[str, str]:
    """A request as it is sent."""
    headers = {
        "Host": "gateway.test",
        "Authorization": f"Bearer {KEY}",
        **act.headers,
        **({"Idempotency-Key": KEY_MARK.decode()} if act.writes else {}),
        **({"Content-Length": str(len(body.encode()))} if body else {}),
    }
    lines = [
        f"{act.method} {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return {"head": "\r\n".join([*lines, "", ""]), "body": body}


def direct(act: Act, target: str) -> dict[str, str]:
    """A request of the same size to a peer, or to the vendor itself."""
    return spelled(act, target, act.body.decode())


def asked(
    at: Street, house: House | None, requests: Sequence[Mapping[str, str]], **job: Any
) -> Numbers:
    """Has requests asked of a house, or of the vendor itself, and says what that took."""
    port = house.port if house else at.stub
    before, start = (house.cpu if house else 0.0), time.perf_counter()
    told = at.loader.run(port=port, requests=list(requests), **job)
    took = time.perf_counter() - start
    spent = (house.cpu - before) if house else 0.0
    return {**_times(told), "cpu_us": spent / len(told["times"]) * 1e6, "busy": spent / took}


def warm(
    loader: Loader, house: House, requests: Sequence[Mapping[str, str]], *, seconds: float = 1.0
) -> None:
    """Has a house learn what it learns at first: catalogues, connections, code."""
    loader.run(port=house.port, requests=list(requests), at_once=16, seconds=seconds)


def _times(told: Mapping[str, Any]) -> Numbers:
    times = sorted(told["times"])
    failed = sum(n for status, n in told["statuses"].items() if not status.startswith("2"))
    return {
        "count": len(times),
        "rps": len(times) / told["seconds"],
        "p50_ms": statistics.median(times) * 1000,
        "p99_ms": times[int(len(times) * 0.99)] * 1000,
        "failed": failed + told["lost"],
    }


def medians(rounds: Sequence[Mapping[str, Numbers]]) -> dict[str, dict[str, float]]:
    """The median of each number over the rounds; of failures the sum, as none is forgiven."""
    found: dict[str, dict[str, float]] = {}
    for name in rounds[0]:
        each = [one[name] for one in rounds if name in one]
        found[name] = {
            number: sum(one[number] for one in each)
            if number == "failed"
            else statistics.median(one[number] for one in each)
            for number in each[0]
        }
    return found
