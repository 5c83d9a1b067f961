"""The way of a write is tested in time that leaps, over memory and over a real Redis."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.idempotency.once.leaping import LeapingLoop
from tests.idempotency.once.scripted import Vendor
from tests.idempotency.once.stage import Replica, Stage, new_stage


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The loop on which nobody waits."""
    return "asyncio", {"loop_factory": LeapingLoop}


@pytest.fixture(params=["memory", "redis"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A store, a vendor, and no replica yet."""
    on_redis = request.param == "redis"
    stage = await new_stage(request.getfixturevalue("redis_url") if on_redis else None)
    yield stage
    await stage.close()


@pytest.fixture
def vendor(stage: Stage) -> Vendor:
    """The vendor of the stage."""
    return stage.vendor


@pytest.fixture
def replica(stage: Stage) -> Replica:
    """A replica of the stage."""
    return stage.replica()
