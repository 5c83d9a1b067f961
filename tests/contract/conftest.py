"""A gateway over fresh vendors for each test of the contract."""

from collections.abc import AsyncIterator

import pytest

from tests.sandboxed import Sandboxed, sandboxed


@pytest.fixture
async def house() -> AsyncIterator[Sandboxed]:
    """The gateway and its four vendors, in this process."""
    async with sandboxed() as running:
        yield running
