"""The gateway over the sandbox, one house for a whole file: every test starts from the seed."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.samples import BARE, FULL
from tests.sandboxed import Sandboxed, sandboxed


@pytest.fixture(scope="module")
async def full_house() -> AsyncIterator[Sandboxed]:
    """A gateway whose connections have every option that gives a canonical field a place."""
    async with sandboxed(FULL) as house:
        yield house


@pytest.fixture(scope="module")
async def bare_house() -> AsyncIterator[Sandboxed]:
    """A gateway whose connections have none of these options."""
    async with sandboxed(BARE) as house:
        yield house


@pytest.fixture
def house(full_house: Sandboxed) -> Sandboxed:
    """The full house with fresh vendors."""
    return reset(full_house)


@pytest.fixture
def bare(bare_house: Sandboxed) -> Sandboxed:
    """The bare house with fresh vendors."""
    return reset(bare_house)


def reset(house: Sandboxed) -> Sandboxed:
    """Puts the vendors back to their seed; what the gateway has learnt, it keeps."""
    for simulator in house.sandbox.state.simulators.values():
        simulator.reset()
    return house
