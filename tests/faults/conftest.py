"""The rig that most rows share, and one of its own for a row that breaks it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.faults.figures import FIGURES
from tests.faults.rig import Rig, rigged


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives the rows the time that their figures take."""
    for item in items:
        if "tests/faults" in item.nodeid:
            item.add_marker(pytest.mark.timeout(FIGURES.seconds))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig for the rows of one file; what they break they mend."""
    with rigged(tmp_path_factory.mktemp("rig"), replicas=FIGURES.replicas) as rig:
        yield rig


@pytest.fixture
def start_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Rig]]:
    """Brings up a rig for one row: `start_rig(replicas=2)`."""
    with ExitStack() as running:

        def start(**how: Any) -> Rig:
            return running.enter_context(rigged(tmp_path_factory.mktemp("rig"), **how))

        yield start
