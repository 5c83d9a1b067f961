"""The guards of all connections: what they have learnt outlives a change of the configuration."""

from collections.abc import Callable

from gateway.engine.breaker import Breakers, Sickness
from gateway.engine.bulkhead import Bulkheads
from gateway.engine.retry import Appointment, Budget, Retries
from gateway.shared.limits import Limits
from gateway.shared.switches import Switches


class Guards:
    """Breakers, bulkheads, rate limits and budgets for retries, by connection."""

    def __init__(
        self,
        switches: Switches,
        limits: Limits,
        clock: Callable[[], float],
        *,
        attempts: int,
        sickness: Sickness,
        per_connection: int,
        per_caller: int,
    ) -> None:
        self.breakers = Breakers(switches, clock, sickness)
        self.limits = limits
        self.places = Bulkheads(per_connection)
        self.callers = Bulkheads(per_caller)
        self._clock = clock
        self._attempts = attempts
        self._budgets: dict[str, Budget] = {}

    def retries(self, connection: str, appointed: Appointment) -> Retries:
        """How a connection's calls are made again; `appointed` is its vendor's way to say when."""
        return Retries(
            clock=self._clock,
            attempts=self._attempts,
            budget=self._budgets.setdefault(connection, Budget()),
            appointed=appointed,
        )
