"""The garbage collector of a worker, which has little to find and much to look through.

What a start leaves behind stays for good: a hundred thousand objects. Requests leave next to no
circles behind, so looking often is what the slowest of them wait for (performance.md 1.3).
"""

import gc
from typing import Final

SELDOM: Final = (20_000, 20, 50)
"""New objects before the youngest are looked through, and how often that is done before more is."""


def look_seldom() -> None:
    """From now on the collector looks through what is new less often."""
    gc.set_threshold(*SELDOM)


def settle() -> None:
    """Collects once, and leaves alone from now on what is there; again, it begins anew."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
