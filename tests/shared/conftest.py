"""Limits are tested on all that counts: Redis, a Cluster, memory; by a clock that tests move."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from gateway.shared.limits import Bucket, Limits, Window, bucket_name
from gateway.shared.redis_limits import RedisLimits
from gateway.shared.sliding import MemoryLimits
from tests.idempotency.conftest import cluster_servers, cluster_url

__all__ = ["clock", "cluster_servers", "cluster_url", "limits"]


@dataclass
class Clock:
    """What counts take for their clock, in milliseconds."""

    ms: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it."""
    return Clock()


@pytest.fixture(params=["redis", "cluster", "memory"])
async def limits(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Limits]:
    """Each way to count."""
    found: Limits = MemoryLimits(clock)
    if request.param != "memory":
        cluster = request.param == "cluster"
        url = request.getfixturevalue("cluster_url" if cluster else "redis_url")
        found = RedisLimits.at(url, cluster=cluster, now=clock)
    yield found
    await found.close()


def a_bucket(*windows: Window) -> Bucket:
    """A bucket that nobody has taken from."""
    return Bucket(bucket_name(uuid4().hex), windows)
