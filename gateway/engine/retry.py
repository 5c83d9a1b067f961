"""The retry layer, the only one there is: what may be asked again, when, and how often.

A read may always be. A write may be where it never left, or where the vendor refused it for the
moment: what may have been applied is settled by reading, in `idempotency`, and never sent again
from here.
"""

import math
import re
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.errors import GatewayError, NotSent, Overloaded, StoreUnavailable
from gateway.shared.chance import CHANCE
from gateway.translator import VendorResponse

BASE_SECONDS: Final = 0.2
CAP_SECONDS: Final = 5.0
"""How long a pause grows that the vendor has not named."""
MAX_APPOINTED: Final = 300.0
"""Seconds that a vendor is believed to need."""
NEEDED_SECONDS: Final = 0.05
"""What has to be left of the time after a pause, for another attempt to be worth it."""

AGAIN: Final = {
    "read": frozenset({408, 425, 429, 500, 502, 503, 504}),
    "write": frozenset({425, 429}),
}
"""Statuses after which a call is made again: a write only where they prove it was not applied."""
WAITS: Final = frozenset({425, 429, 503})
"""Statuses whose `Retry-After` means when to come again."""

_SECONDS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")

Appointment = Callable[[VendorResponse], float | None]
"""When a rate limit allows more, in seconds, by a vendor's own words; None where none say so."""
Outcome = VendorResponse | GatewayError


class Budget:
    """What one connection may spend on retries: for five calls one, and a few on credit.

    So the vendor never has more than 1.2 times the calls that were asked for, from the fifteenth
    call on, and one that is seldom asked is still asked again.
    """

    SHARE: Final = 5
    CREDIT: Final = 3
    SAVINGS: Final = 10
    """The most retries that a long calm saves up."""

    def __init__(self) -> None:
        self._fifths = self._owed = self.CREDIT * self.SHARE

    def earn(self) -> None:
        """A call is made: it pays back credit, then it is saved."""
        if self._owed:
            self._owed -= 1
        else:
            self._fifths = min(self._fifths + 1, self.SAVINGS * self.SHARE)

    def spend(self) -> bool:
        """Whether there is enough for a retry, which it then costs."""
        if self._fifths < self.SHARE:
            return False
        self._fifths -= self.SHARE
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How one connection's calls are made again."""

    clock: Callable[[], float]
    """The event loop's."""
    attempts: int = 3
    """Times that a call is made at most, the first counted."""
    budget: Budget = field(default_factory=Budget)
    appointed: Appointment = lambda _: None
    """The vendor's own way to say when its rate limit allows more, before `Retry-After`."""
    sleep: Callable[[float], Awaitable[None]] = sleep
    chance: Callable[[], float] = CHANCE.random

    def wait(self, call: Call, outcome: Outcome, number: int) -> float | None:
        """Seconds until the next attempt after this many, None where there is to be none."""
        if number >= self.attempts or not _may_come_again(call, outcome):
            return None
        pause = self._pause(outcome, number)
        in_time = self.clock() + pause + NEEDED_SECONDS <= call.until
        return pause if in_time and self.budget.spend() else None

    def appointment(self, response: VendorResponse) -> float | None:
        """When the vendor says to come again, in seconds, within reason."""
        if response.status not in WAITS:
            return None
        found = self.appointed(response) if response.status == 429 else None
        return retry_after(response) if found is None else _within_reason(found)

    def told(self, outcome: Outcome) -> Outcome:
        """The outcome with the appointment in whole seconds, for whoever reads it further up."""
        if isinstance(outcome, GatewayError) or outcome.status not in WAITS:
            return outcome
        seconds = self.appointment(outcome)
        others = {name: said for name, said in outcome.headers.items() if name != "retry-after"}
        if seconds is None:
            return replace(outcome, headers=others)
        return replace(outcome, headers={**others, "retry-after": str(math.ceil(seconds))})

    def _pause(self, outcome: Outcome, number: int) -> float:
        """The vendor's own time, or none, and on top of it a chance share of a growing one."""
        appointed = None if isinstance(outcome, GatewayError) else self.appointment(outcome)
        jitter = self.chance() * min(BASE_SECONDS * 2.0 ** (number - 1), CAP_SECONDS)
        return (appointed or 0.0) + jitter


def retried(retries: Retries) -> Layer:
    """A layer that makes a call again, each time as a call of its own."""

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            retries.budget.earn()
            outcome: Outcome | None = None
            number = 0
            while True:
                attempt = call.attempt()
                following: Outcome
                try:
                    following = await inner(attempt)
                except GatewayError as error:
                    following = error
                if outcome is not None and _was_not_made(following):
                    break
                outcome, number = following, number + 1
                pause = retries.wait(attempt, outcome, number)
                if pause is None or not await recorded(attempt, outcome):
                    break
                await retries.sleep(pause)
            outcome = retries.told(outcome)
            if isinstance(outcome, GatewayError):
                try:
                    raise outcome
                finally:  # it holds this frame, which must not hold it
                    del outcome, following
            return outcome

        return exchange

    return around


def retry_after(response: VendorResponse) -> float | None:
    """The seconds of `Retry-After` (RFC 9110 10.2.3), at most 300; None where it says nothing.

    A date is measured against the vendor's own `Date`: its clock and ours need not agree.
    """
    given = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(given):
        return _within_reason(float(given))
    then, now = _moment(given), _moment(response.headers.get("date", ""))
    return _within_reason((then - now).total_seconds()) if then and now else None


def _within_reason(seconds: float) -> float:
    """Seconds that are not past, and not more than a vendor is believed to need."""
    return min(max(seconds, 0.0), MAX_APPOINTED)


def _moment(text: str) -> datetime | None:
    """An HTTP date, in any of its forms (RFC 9110 5.6.7), None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _may_come_again(call: Call, outcome: Outcome) -> bool:
    if isinstance(outcome, VendorResponse):
        return outcome.status in AGAIN[call.request.effect]
    if call.request.effect == "read":
        return call.broke or type(outcome) is NotSent
    return type(outcome) is NotSent and not call.asked


def _was_not_made(outcome: Outcome) -> bool:
    """Whether an attempt was held back by ourselves, so that the one before tells more."""
    held_back = isinstance(outcome, NotSent) and type(outcome) is not NotSent
    return held_back or isinstance(outcome, Overloaded)


async def recorded(attempt: Call, outcome: Outcome) -> bool:
    """Whether a refused write is on record as refused, as its next spelling hangs on that."""
    if attempt.request.effect == "read" or isinstance(outcome, GatewayError):
        return True
    try:
        await attempt.permit.flush()
    except (NotSent, StoreUnavailable):
        return False
    return True
