"""The shipped balancers over whatever a test puts behind them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.deploy.balancers.fronts import FRONTS, Front, Times

StartFront = Callable[..., Front]


@pytest.fixture(params=FRONTS)
def start_front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartFront]:
    """Starts a balancer: `start_front([8001, 8002], times={"10s": "1s"})`."""
    kind: str = request.param
    with ExitStack() as running:

        def start(replicas: Sequence[int], times: Times | None = None) -> Front:
            front = FRONTS[kind](tmp_path_factory.mktemp(kind), replicas, times or {})
            running.callback(front.end)
            front.start()
            return front

        yield start
