"""What performance.md 7 asks for, and how each figure comes from what was measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Measured = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line: at most so much, or at least where `least` says so."""

    number: int
    what: str
    bounds: tuple[float, float, float]
    """What it must, should and could be."""
    figure: Callable[[Measured], float]
    least: bool = False
    wanted: bool = True
    """Whether it has to hold; the others are told for the record."""

    def verdict(self, figure: float) -> str:
        """The best of the three that holds."""
        for name, bound in zip(("stretch", "target", "must"), reversed(self.bounds), strict=True):
            if (figure >= bound) if self.least else (figure <= bound):
                return name
        return "missed"

    def holds(self, figure: float) -> bool:
        """Whether the target is met."""
        return self.verdict(figure) in {"stretch", "target"}


def _ratio(above: str, below: str) -> Callable[[Measured], float]:
    return lambda found: found[above]["cpu_us"] / found[below]["cpu_us"]


def _added(rate: int, which: str) -> Callable[[Measured], float]:
    return lambda found: found[f"G 20ms {rate}/s"][which] - found[f"V 20ms {rate}/s"][which]


def _failed(found: Measured) -> float:
    return sum(each.get("failed", 0) for name, each in found.items() if name.startswith("G"))


def _tail(found: Measured) -> float:
    return found["G c=64"]["p99_ms"] / found["G c=64"]["p50_ms"]


def _told(name: str, number: str) -> Callable[[Measured], float]:
    return lambda found: found[name][number]


GOALS: Final = (
    Goal(1, "CPU G / P0 at c=16", (0.75, 0.50, 0.32), _ratio("G c=16", "P0 c=16"), wanted=False),
    Goal(2, "CPU G / B", (11, 9, 6), _ratio("G c=64", "B c=64")),
    Goal(3, "CPU P / B", (6, 4.5, 3), _ratio("P c=64", "B c=64"), wanted=False),
    Goal(4, "CPU G / P", (2.0, 1.75, 1.4), _ratio("G c=64", "P c=64")),
    Goal(5, "rate per core G / N", (0.030, 0.040, 0.055), _ratio("N c=64", "G c=64"), least=True),
    Goal(6, "CPU G at c=256 / c=16", (1.25, 1.10, 1.05), _ratio("G c=256", "G c=16")),
    Goal(7, "ms p50 added to 20 ms, 400/s", (1.5, 1.1, 0.85), _added(400, "p50_ms")),
    Goal(8, "ms p99 added to 20 ms, 400/s", (15, 5, 2.5), _added(400, "p99_ms")),
    Goal(8, "ms p99 added to 20 ms, 800/s", (30, 15, 8), _added(800, "p99_ms")),
    Goal(9, "p99 / p50 at c=64", (2.0, 1.5, 1.3), _tail),
    Goal(10, "CPU G after a burst / before", (1.3, 1.2, 1.1), _ratio("G after burst", "G c=1"),
         wanted=False),
    Goal(12, "CPU of a replay / G", (0.55, 0.45, 0.35), _ratio("G replays", "G c=64")),
    Goal(13, "CPU with 2 workers / 1", (1.10, 1.07, 1.03), _ratio("G2 c=64", "G c=64"),
         wanted=False),
    Goal(15, "MB at the start", (90, 80, 72), _told("G memory", "start_mb")),
    Goal(15, "MB after c=256", (115, 100, 90), _told("G memory", "after_mb")),
    Goal(16, "MB grown over 20,000 requests", (2, 1, 0.3), _told("G soak", "grown_mb")),
    Goal(17, "start / the libraries' import", (2.0, 1.5, 1.3), _told("start", "ratio"),
         wanted=False),
    Goal(18, "requests that failed", (0, 0, 0), _failed),
)  # fmt: skip
