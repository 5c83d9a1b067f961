"""A connection's rate limits: what its vendor declares, and what the file sets in its place."""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.canonical.capabilities import RateLimit
from gateway.settings.sections import RateLimits

CONFIGURED: Final = "configured"


def rate_limits(declared: Sequence[RateLimit], given: RateLimits) -> Iterator[RateLimit]:
    """The limits of a connection; those of single endpoints, which are learned, stay."""
    replaced = {scope: rates for scope, rates in given if rates is not None}
    for rate in declared:
        if rate.per_endpoint or rate.scope not in replaced:
            yield rate
    for scope, rates in replaced.items():
        for rate in rates:
            yield RateLimit(
                scope=scope,
                limit=rate.limit,
                window_seconds=rate.window_seconds,
                note=CONFIGURED,
            )
