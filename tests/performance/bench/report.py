"""The table that people read, and the same as JSON for programs."""

import json
import platform
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.performance.bench.goals import GOALS, Measured

BOUNDS = ("must", "target", "stretch")
_BUILT = (
    "optimised by a profile"
    if "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    else "not optimised by a profile"
)
_COLUMNS = ("cpu_us", "rps", "p50_ms", "p99_ms", "failed")


def lines(found: Measured) -> Iterator[str]:
    """What was measured, and on what; then the goals."""
    yield f"Python {platform.python_version()}, {_BUILT}"
    yield f"{'':26}" + "".join(f"{name:>10}" for name in _COLUMNS)
    for name, numbers in found.items():
        if "cpu_us" in numbers:
            yield f"{name:26}" + "".join(f"{_short(numbers[each]):>10}" for each in _COLUMNS)
        else:
            told = "  ".join(f"{key} {_short(value)}" for key, value in numbers.items())
            yield f"{name:26}  {told}"
    yield ""
    yield f"{'goal':50}{'figure':>9}{'must':>8}{'target':>8}{'stretch':>8}"
    for row in verdicts(found):
        name = f"{row['number']:>2} {row['what']}"
        bounds = "".join(f"{row[each]:>8}" for each in BOUNDS)
        note = "" if row["wanted"] else " (for the record)"
        yield f"{name:50}{_short(row['figure']):>9}{bounds}  {row['verdict']}{note}"


def verdicts(found: Measured) -> list[dict[str, Any]]:
    """Each goal with its figure, as far as what it needs was measured."""
    rows = []
    for goal in GOALS:
        try:
            figure = goal.figure(found)
        except KeyError:
            continue
        rows.append(
            {
                "number": goal.number, "what": goal.what, "figure": figure,
                **dict(zip(BOUNDS, goal.bounds, strict=True)),
                "verdict": goal.verdict(figure), "wanted": goal.wanted,
            }
        )  # fmt: skip
    return rows


def all_hold(found: Measured) -> bool:
    """Whether every goal that has to hold does."""
    return all(row["verdict"] in {"target", "stretch"} for row in verdicts(found) if row["wanted"])


def write(found: Measured, path: Path) -> None:
    """The same as JSON."""
    machine: Mapping[str, str] = {
        "python": platform.python_version(),
        "built": _BUILT,
        "system": platform.platform(),
    }
    whole = {"machine": machine, "measured": found, "goals": verdicts(found)}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
