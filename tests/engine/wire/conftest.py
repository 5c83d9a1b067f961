"""Both networks stand before the same tests."""

import pytest

from gateway.connections import Client
from tests.engine.wire.wired import Wired


@pytest.fixture(params=["lean", "httpx"])
def wired(request: pytest.FixtureRequest) -> Wired:
    """Either network."""
    kind: Client = request.param
    return Wired(kind)
