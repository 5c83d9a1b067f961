"""Waiting for something to be seen."""

import asyncio
import time
from collections.abc import Callable


async def until(seen: Callable[[], bool], *, seconds: float = 30.0, pause: float = 0.02) -> bool:
    """Looks again and again; whether it was seen before the time was over."""
    ends = time.monotonic() + seconds
    while True:
        if seen():
            return True
        if time.monotonic() > ends:
            return False
        await asyncio.sleep(pause)
