"""What is measured: all that is counted, and how things stand when somebody asks."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Final

from gateway.api.desk import House
from gateway.api.discovery import state_of
from gateway.app.keeping import Keeping
from gateway.app.lifecycle import Lifecycle
from gateway.errors import StoreUnavailable
from gateway.telemetry.metrics import OTHER, Metrics
from gateway.telemetry.scrape import Left, State

FRESH_SECONDS: Final = 2.0
"""How long what was looked up is told again, so that nobody who scrapes wears the store out."""
PATIENCE_SECONDS: Final = 2.0
"""How long a look at the limits may take; those that were not reached are left out."""
PULSE_SECONDS: Final = 1.0


class Measuring:
    """Looks at how things stand, as one worker sees it; `house` is the one of the moment."""

    def __init__(
        self, metrics: Metrics, keeping: Keeping, house: Callable[[], House], life: Lifecycle
    ) -> None:
        self._metrics = metrics
        self._keeping = keeping
        self._house = house
        self._life = life
        self._looking = asyncio.Lock()
        self._operations: dict[str, int] = {}
        self._limits: list[Left] = []
        self._fresh_until = 0.0

    async def run(self) -> None:
        """Tells what workers are told of together, until it is cancelled."""
        while True:
            self._pulse()
            await asyncio.sleep(PULSE_SECONDS)

    async def look(self) -> State:
        """How things stand."""
        self._pulse()
        async with self._looking:
            if monotonic() >= self._fresh_until:
                await self._look_up()
                self._fresh_until = monotonic() + FRESH_SECONDS
        monitor, house = self._keeping.monitor, self._house()
        return State(
            ready=monitor.ready and not self._life.draining,
            draining=self._life.draining,
            reasons=monitor.reasons,
            operations=self._operations,
            breakers={name: house.breakers.of(name).is_open for name in self._named(house)},
            limits=self._limits,
        )

    def _pulse(self) -> None:
        house = self._house()
        self._metrics.lags(self._keeping.monitor.lag_seconds)
        for name in self._named(house):
            state, _ = state_of(house, house.connections[name])
            self._metrics.is_up(name, ready=state == "ready")

    async def _look_up(self) -> None:
        self._operations = {}
        with suppress(StoreUnavailable):
            self._operations = dict(await self._keeping.registry.store.counters())
        found: list[Left] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._look_at_limits(found)
        self._limits = found

    async def _look_at_limits(self, found: list[Left]) -> None:
        """One after the other: requests ask the same store, and are to wait for no crowd."""
        house = self._house()
        for name in self._named(house):
            for standing in await house.limiters[name].standings():
                window = str(standing.rate.window_seconds or "")
                if standing.left is not None:
                    found.append(Left(name, standing.rate.scope, window, standing.left))

    def _named(self, house: House) -> Iterator[str]:
        """The connections that are switched on and told by name: of very many the first."""
        named = self._metrics.named
        return (
            name for name, at in house.connections.items() if at.enabled and named.of(name) != OTHER
        )
