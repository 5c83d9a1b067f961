"""A caller's own limit: so many requests in any minute, whichever replica they come to."""

import math
from typing import Final

from gateway.api import headers
from gateway.api.access import Caller
from gateway.api.visit import Visit
from gateway.errors import Throttled
from gateway.shared.limits import Bucket, Limits, Taken, Window, bucket_name

MINUTE_MS: Final = 60_000
POLICY: Final = "requests"
"""What the limit is called in the headers."""


class Quotas:
    """The limits of callers."""

    def __init__(self, limits: Limits, environment: str) -> None:
        self._limits = limits
        self._environment = environment

    async def admit(self, request: Visit, caller: Caller) -> None:
        """Counts a request, and has the answer tell what is left. Raises `Throttled`."""
        limit = caller.requests_per_minute
        if limit is None:
            return
        name = bucket_name("caller", self._environment, caller.name)
        taken = await self._limits.take(Bucket(name, (Window(limit, MINUTE_MS),)))
        request.state.quota = spoken(limit, taken)
        if taken.wait_ms:
            raise Throttled(
                f"The caller {caller.name} has made its {limit} requests of a minute.",
                retry_after=_seconds(taken.wait_ms),
            )


def spoken(limit: int, taken: Taken) -> tuple[tuple[bytes, bytes], ...]:
    """The lines that tell a limit and what is left (draft-ietf-httpapi-ratelimit-headers-10)."""
    left, seconds = taken.left or 0, _seconds(taken.renews_ms)
    return (
        headers.line("RateLimit-Policy", f'"{POLICY}";q={limit};w={MINUTE_MS // 1000}'),
        headers.line("RateLimit", f'"{POLICY}";r={left};t={seconds}'),
    )


def _seconds(ms: int) -> int:
    return math.ceil(ms / 1000)
