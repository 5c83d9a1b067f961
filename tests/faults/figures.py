"""How often everything is tried: in every run of the tests, as the gate, and as the soak."""

import os
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The numbers of a run."""

    crowd: int
    """Requests that start at once with one key."""
    rounds: int
    keys: int
    """Keys that come eight times each, mixed."""
    kills: int
    """Deaths at each point."""
    kills_unrecorded: int
    """Deaths between the vendor's commit and the record."""
    fields: int
    """Values added to one field by two replicas."""
    failovers: int
    """Primaries of a store that die, of each kind of store that has more than one server."""
    repeats: int
    """Of everything that is neither a crowd nor a death."""
    replicas: int
    seconds: int
    """What a test may take."""


BOUNDED: Final = Figures(
    crowd=1000, rounds=2, keys=100, kills=4, kills_unrecorded=10, fields=10, failovers=1, repeats=2,
    replicas=4, seconds=300,
)  # fmt: skip
GATE: Final = Figures(
    crowd=1000, rounds=20, keys=1000, kills=20, kills_unrecorded=60, fields=200, failovers=5,
    repeats=5, replicas=4, seconds=3600,
)  # fmt: skip
SOAK: Final = Figures(
    crowd=1000, rounds=50, keys=1000, kills=200, kills_unrecorded=200, fields=200, failovers=50,
    repeats=50, replicas=8, seconds=6 * 3600,
)  # fmt: skip
FIGURES: Final = {"bounded": BOUNDED, "gate": GATE, "soak": SOAK}[
    os.environ.get("GATEWAY_FAULTS", "bounded")
]
