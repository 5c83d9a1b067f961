"""What every test stands on: one event loop flavour, and properties without a stopwatch."""

from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The loop of the standard library, also where uvloop is installed."""
    return "asyncio", {"use_uvloop": False}
