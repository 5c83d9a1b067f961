"""The breaker: a vendor that is sick is left alone, by all replicas, until a read shows it well.

Sick is who does not answer, breaks off or breaks down; a refusal, of whatever kind, is a sign of
life. While the breaker is open nothing is sent. Then one read, of all replicas', tries the vendor
out: never a write, so where only writes come a read of the gateway's own does it.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.errors import BreakerOpen, GatewayError, StoreUnavailable, VendorTimeout
from gateway.shared.chance import CHANCE
from gateway.shared.switches import Switches
from gateway.translator import VendorResponse

Check = Callable[[], Coroutine[Any, Any, None]]
"""A read of the gateway's own, to see whether a vendor is well."""

WINDOW_SECONDS: Final = 30.0
LATEST: Final = 100
"""How far back calls are judged by: so long ago, and so many."""
LOOK_SECONDS: Final = 0.4
"""Between two looks at what other replicas found: each is to know within a second."""
SOON_SECONDS: Final = 1.0
"""When to try again what was not tried out after all."""
GRACE_SECONDS: Final = 1.0
"""How long past its end a probe may take to say how it went."""
JITTER: Final = 0.2
"""What is added to a `Retry-After` by chance, so that not all come back at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sickness:
    """When a vendor counts as sick, and for how long it is left alone then."""

    calls: int = 10
    """Calls that have to have been made lately; half of them have to have failed."""
    seconds: float = 5.0


class Breaker:
    """One connection's breaker, as this replica knows it."""

    def __init__(
        self, name: str, switches: Switches, clock: Callable[[], float], sickness: Sickness
    ) -> None:
        self.name = name
        self._switches = switches
        self._clock = clock
        self._sickness = sickness
        self._lately: deque[tuple[float, bool]] = deque(maxlen=LATEST)
        self._failed_at = -math.inf
        self._opens: float | None = None
        """When the vendor may be tried out; None while calls go as they come."""
        self._is_shared = False
        """Whether the other replicas are known to know that it is open."""
        self.changes = 0
        """How often it was opened or closed from here, to tell older news by."""
        self._probing = False
        self._checking = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._opens is not None

    async def admit(self, call: Call, check: Check) -> bool:
        """Whether the call is the one that tries the vendor out. Raises `BreakerOpen`.

        `check` makes a read of our own, for where the call may not be the one.
        """
        if self._opens is None:
            return False
        left = self._opens - self._clock()
        if left > 0:
            raise self._refusal(left)
        if self._probing:
            raise self._refusal(SOON_SECONDS)
        if call.request.effect == "write":
            self._check(check)
            raise self._refusal(SOON_SECONDS)
        return await self._claimed(call)

    def ended(self, sick: bool | None, *, probe: bool) -> None:
        """Told how a call ended; None where that says nothing about the vendor."""
        if probe:
            self._probing = False
            if sick is False:
                self._close()
            else:
                self._open(self._sickness.seconds if sick else SOON_SECONDS)
        elif self._opens is None and sick is not None:
            now = self._clock()
            self._lately.append((now, sick))
            if sick:
                self._failed_at = now
            if self._is_sick(now):
                self._open(self._sickness.seconds)

    def heard(self, left: float | None) -> None:
        """Told how the shared switch stands: the seconds until it may be tried, None if reset."""
        if self._probing:
            return  # the last word is about to be said here
        if left is not None:
            self._opens, self._is_shared = self._clock() + left, True
        elif self._is_shared:
            self._opens, self._is_shared = None, False
            self._lately.clear()

    async def _claimed(self, call: Call) -> bool:
        self._probing = True
        left = math.inf
        try:
            lease = max(call.ends - self._clock(), 0.0) + GRACE_SECONDS
            left = await self._switches.claim(self.name, lease)
        except StoreUnavailable:
            left = 0.0  # each replica is on its own
        finally:
            self._probing = left <= 0
        if left > 0:
            self._opens = self._clock() + left
            raise self._refusal(left)
        return True

    def _is_sick(self, now: float) -> bool:
        since = now - WINDOW_SECONDS
        if self._failed_at < since:
            return False
        lately = [sick for at, sick in self._lately if at >= since]
        return len(lately) >= self._sickness.calls and sum(lately) * 2 >= len(lately)

    def _open(self, seconds: float) -> None:
        self._changed(self._clock() + seconds)
        self._start(self._told(self._switches.throw(self.name, seconds), is_shared=True))

    def _close(self) -> None:
        self._changed(None)
        self._start(self._told(self._switches.reset(self.name), is_shared=False))

    def _changed(self, opens: float | None) -> None:
        self.changes += 1
        self._opens, self._is_shared = opens, False
        self._lately.clear()

    async def _told(self, telling: Coroutine[Any, Any, None], *, is_shared: bool) -> None:
        """Tells the other replicas; where that cannot be, each notices for itself."""
        with suppress(StoreUnavailable):
            await telling
            self._is_shared = is_shared

    def _check(self, check: Check) -> None:
        async def checked() -> None:
            try:
                await check()
            finally:
                self._checking = False

        if not self._checking:
            self._checking = True
            self._start(checked())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refusal(self, left: float) -> BreakerOpen:
        jitter = 1 + JITTER * CHANCE.random()
        return BreakerOpen(
            "The vendor failed too often of late, so nothing is sent to it for a moment.",
            retry_after=math.ceil(left * jitter),
        )


class Breakers:
    """The breakers by connection, and what keeps them at one with the other replicas'."""

    def __init__(
        self, switches: Switches, clock: Callable[[], float], sickness: Sickness | None = None
    ) -> None:
        self.switches = switches
        self._clock = clock
        self._sickness = sickness or Sickness()
        self._made: dict[str, Breaker] = {}
        self._seen: Mapping[str, float] = {}
        """When a vendor that is held back may be tried, on the clock, by the latest look."""

    def of(self, name: str) -> Breaker:
        """The one of a connection, made when it is first asked for, with what was seen by then."""
        if name not in self._made:
            breaker = Breaker(name, self.switches, self._clock, self._sickness)
            if name in self._seen:
                breaker.heard(self._seen[name] - self._clock())
            self._made[name] = breaker
        return self._made[name]

    async def follow(self) -> None:
        """Looks again and again at what other replicas have found out."""
        while True:
            with suppress(StoreUnavailable):
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Takes over what other replicas have found out. Raises `StoreUnavailable`."""
        before = {name: breaker.changes for name, breaker in self._made.items()}
        seen = await self.switches.look()
        now = self._clock()
        self._seen = {name: now + left for name, left in seen.items()}
        for name, breaker in self._made.items():  # some were made meanwhile
            if breaker.changes == before.get(name, 0):  # else it is older than what is known here
                breaker.heard(seen.get(name))


def breaking(breaker: Breaker, check: Check) -> Layer:
    """A layer that holds calls back while the breaker is open, and tells it how calls end.

    `check` is a read of the gateway's own, through this same layer; it raises nothing.
    """

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            probe = await breaker.admit(call, check)
            sick: bool | None = None
            try:
                response = await inner(call)
                sick = response.status >= 500
            except GatewayError as error:
                sick = _is_sickness(call, error)
                raise
            finally:
                breaker.ended(sick, probe=probe)
            return response

        return exchange

    return around


def _is_sickness(call: Call, error: GatewayError) -> bool | None:
    """True where the vendor failed; a caller in a hurry, or trouble of ours, shows nothing."""
    hurried = isinstance(error, VendorTimeout) and call.until < call.patience
    return True if call.broke and not hurried else None
