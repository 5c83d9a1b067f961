"""The retry layer: what is asked again, when, how often, and what is never sent again."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway import errors
from gateway.engine.exchange import Call, Exchange, FreePermit
from gateway.engine.limiter import appointed
from gateway.engine.retry import BASE_SECONDS, Budget, Retries, retried, retry_after
from gateway.errors import GatewayError
from gateway.normalizer.rates import refusal_body
from gateway.translator import VendorRequest, VendorResponse, read, write
from tests.engine.speaker import said

READ = read("get", "things/1")
WRITE = write("update", "PATCH", "things/1", {})
NOW = 1000.0
Reply = VendorResponse | GatewayError | Callable[[Call], GatewayError]


def lost(call: Call) -> GatewayError:
    """A vendor that hangs up after it was sent a request."""
    call.sent = call.broke = True
    return call.lost("it hung up")


def refused_leave(call: Call) -> GatewayError:
    """A record that does not let a write go."""
    call.asked = True
    return errors.NotSent("The write could not be recorded.")


def full_pool(call: Call) -> GatewayError:
    """No connection to be had: trouble of ours, and not a byte has left."""
    return call.lost("no connection became free")


@dataclass(slots=True)
class Kept(FreePermit):
    """A permit that counts the refusals put on record, and may fail to."""

    failing: GatewayError | None = None
    flushed: int = 0

    async def flush(self) -> None:
        """Puts a refusal on record."""
        if self.failing:
            raise self.failing
        self.flushed += 1


@dataclass(slots=True)
class Vendor:
    """A wire that answers from a list, its last answer for ever."""

    replies: list[Reply]
    calls: list[Call] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    async def __call__(self, call: Call) -> VendorResponse:
        """Answers one call."""
        self.calls.append(call)
        call.headers["Authorization"] = f"attempt {len(self.calls)}"
        reply = self.replies[min(len(self.calls), len(self.replies)) - 1]
        reply = reply if isinstance(reply, VendorResponse | GatewayError) else reply(call)
        if isinstance(reply, GatewayError):
            raise reply
        return reply

    async def sleep(self, seconds: float) -> None:
        """Lets time pass, in principle."""
        self.slept.append(seconds)

    def exchange(self, **how: Any) -> Exchange:
        """The vendor behind the layer; chance always falls on a half."""
        given = {"clock": lambda: NOW, "sleep": self.sleep, "chance": lambda: 0.5, **how}
        return retried(Retries(**given))(self)


def a_call(request: VendorRequest = READ, seconds: float = 1000.0, **more: Any) -> Call:
    """A call that has so much time."""
    return Call(request=request, until=NOW + seconds, patience=NOW + seconds, **more)


async def outcome(vendor: Vendor, call: Call, **how: Any) -> Any:
    """What a call comes to: a status, or a kind of error."""
    try:
        return (await vendor.exchange(**how)(call)).status
    except GatewayError as error:
        return type(error)


AGAIN: list[tuple[VendorRequest, Reply, bool]] = [
    (READ, said(None, 408), True),
    (READ, said(None, 425), True),
    (READ, said(None, 429), True),
    (READ, said(None, 500), True),
    (READ, said(None, 502), True),
    (READ, said(None, 503), True),
    (READ, said(None, 504), True),
    (READ, said(None, 501), False),
    (READ, said(None, 404), False),
    (READ, said(None, 301), False),
    (READ, lost, True),
    (READ, full_pool, True),
    (READ, errors.VendorFaulted("The answer is too large."), False),
    (READ, errors.DeadlineExceeded("x"), False),
    (READ, errors.BreakerOpen("x", retry_after=1), False),
    (READ, errors.Overloaded("x"), False),
    (WRITE, said(None, 425), True),
    (WRITE, said(None, 429), True),
    (WRITE, said(None, 408), False),
    (WRITE, said(None, 500), False),
    (WRITE, said(None, 503, **{"retry-after": "1"}), False),
    (WRITE, lost, False),
    (WRITE, full_pool, True),
    (WRITE, refused_leave, False),
    (WRITE, errors.StoreUnavailable("x"), False),
    (WRITE, errors.DeadlineExceeded("x"), False),
    (WRITE, errors.BreakerOpen("x", retry_after=1), False),
]


@pytest.mark.parametrize(("request_", "reply", "again"), AGAIN)
async def test_only_what_may_be_is_asked_again(
    request_: VendorRequest, reply: Reply, again: bool
) -> None:
    """Reads after any breakdown; writes where not a byte of them can have been applied."""
    vendor = Vendor([reply, said()])
    found = await outcome(vendor, a_call(request_))
    assert len(vendor.calls) == (2 if again else 1)
    assert (found == 200) is again


async def test_each_attempt_is_a_call_of_its_own() -> None:
    """What befell the first, and what layers added to it, is not taken along."""
    vendor = Vendor([lost, said()])
    call = a_call(headers={"Prefer": "x"})
    await vendor.exchange()(call)
    first, second = vendor.calls
    assert (first.sent, first.broke) == (True, True)
    assert (second.sent, second.broke, second.asked) == (False, False, False)
    assert first.headers == {"Prefer": "x", "Authorization": "attempt 1"}
    assert second.headers == {"Prefer": "x", "Authorization": "attempt 2"}
    assert call.headers == {"Prefer": "x"}


@pytest.mark.parametrize("attempts", [1, 2, 3])
async def test_a_call_is_made_so_often_and_no_more(attempts: int) -> None:
    """The last outcome is the caller's."""
    vendor = Vendor([said(None, 500), said(None, 502), said(None, 504), said()])
    found = await outcome(vendor, a_call(), attempts=attempts)
    assert (found, len(vendor.calls)) == ((500, 502, 504)[attempts - 1], attempts)


async def test_pauses_grow_and_are_drawn_by_chance() -> None:
    """Full jitter: from nothing up to a growing most."""
    for chance in (0.0, 0.5, 0.999):
        vendor = Vendor([said(None, 500)])
        await vendor.exchange(chance=lambda share=chance: share, attempts=4)(a_call())
        most = [BASE_SECONDS, 2 * BASE_SECONDS, 4 * BASE_SECONDS]
        assert vendor.slept == pytest.approx([chance * each for each in most])


DATE = {"date": "Sat, 21 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "0.596"}, 0.596),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "9" * 20}, 300),
        ({**DATE, "retry-after": "Sat, 21 Nov 2026 12:00:09 GMT"}, 9),
        ({**DATE, "retry-after": "Saturday, 21-Nov-26 12:00:09 GMT"}, 9),
        ({**DATE, "retry-after": "Sat Nov 21 12:00:09 2026"}, 9),
        ({**DATE, "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:09 GMT"}, None),
        ({"date": "yesterday", "retry-after": "Sat, 21 Nov 2026 12:00:09 GMT"}, None),
        ({**DATE, "retry-after": "Sat, 99 Nov 2026 12:00:09 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "\u0667"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_a_time_to_come_again_is_read_in_every_form(
    headers: dict[str, str], seconds: float | None
) -> None:
    """A date is measured against the vendor's own clock; what cannot be read says nothing."""
    assert retry_after(said(None, 429, **headers)) == seconds


@pytest.mark.parametrize(
    ("given", "status", "pause"),
    [("7", 429, 7.1), ("7", 503, 7.1), ("7", 425, 7.1), ("7", 500, 0.1),
     ("9" * 20, 429, 300.1), ("junk", 429, 0.1)],
)  # fmt: skip
async def test_a_vendors_own_time_is_kept(given: str, status: int, pause: float) -> None:
    """Within reason, and where it means a time at all; chance adds a little to it."""
    vendor = Vendor([said(None, status, **{"retry-after": given}), said()])
    assert await outcome(vendor, a_call()) == 200
    assert vendor.slept == pytest.approx([pause])


async def test_a_rate_limits_own_words_come_first() -> None:
    """They are more exact; of a breakdown they say nothing."""
    slow = {"retry-after": "9"}
    for status, pause in ((429, 2.1), (503, 9.1)):
        vendor = Vendor([said(None, status, **slow), said()])
        await vendor.exchange(appointed=lambda _: 2.0)(a_call())
        assert vendor.slept == pytest.approx([pause])


async def test_a_time_may_stand_in_the_body_alone() -> None:
    """As a vendor of old put it (close.md 10)."""
    refused = said({"rate_reset": "2.5", "rate_limit": 9}, 429)
    vendor = Vendor([refused, said()])
    await vendor.exchange(appointed=appointed([refusal_body]))(a_call())
    assert vendor.slept == pytest.approx([2.6])


async def test_a_past_date_means_now() -> None:
    """And no less than that."""
    past = {**DATE, "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}
    vendor = Vendor([said(None, 429, **past), said()])
    assert await outcome(vendor, a_call()) == 200
    assert vendor.slept == pytest.approx([0.1])


@pytest.mark.parametrize(("given", "told"), [("90", "90"), ("0.2", "1"), ("9" * 20, "300"),
                                             ("junk", None)])  # fmt: skip
@pytest.mark.parametrize("request_", [READ, WRITE])
async def test_what_is_too_late_is_not_waited_for(
    request_: VendorRequest, given: str, told: str | None
) -> None:
    """The refusal is the caller's, with a time that a whole number of seconds can tell."""
    vendor = Vendor([said(None, 429, **{"retry-after": given, "x": "y"})])
    reply = await vendor.exchange()(a_call(request_, seconds=0.1))
    assert len(vendor.calls) == 1
    assert vendor.slept == []
    assert reply.headers.get("retry-after") == told
    assert reply.headers["x"] == "y"


async def test_a_refused_write_is_put_on_record_before_it_goes_again() -> None:
    """Its next spelling has another key: the old one may be what the vendor keeps a refusal by."""
    permit = Kept()
    vendor = Vendor([said(None, 429), said()])
    assert await outcome(vendor, a_call(WRITE, permit=permit)) == 200
    assert permit.flushed == 1
    await outcome(Vendor([said(None, 429), said()]), a_call(READ, permit=permit))
    await outcome(Vendor([full_pool, said()]), a_call(WRITE, permit=permit))
    assert permit.flushed == 1


@pytest.mark.parametrize("failing", [errors.StoreUnavailable("x"), errors.NotSent("taken over")])
async def test_a_refusal_that_cannot_be_recorded_is_the_last_word(failing: GatewayError) -> None:
    """Without a record nothing is sent."""
    vendor = Vendor([said(None, 429), said()])
    assert await outcome(vendor, a_call(WRITE, permit=Kept(failing))) == 429
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    "ours",
    [errors.BreakerOpen("x", retry_after=1), errors.DeadlineExceeded("x"), errors.Overloaded("x")],
)
async def test_what_the_vendor_said_counts_more_than_that_we_gave_up(ours: GatewayError) -> None:
    """An attempt that was never made hides nothing."""
    vendor = Vendor([said(None, 502), ours])
    assert await outcome(vendor, a_call()) == 502


async def test_the_vendor_never_has_much_more_to_do_than_was_asked() -> None:
    """From the fifteenth call on at most 1.2 calls for each, whatever it answers."""
    budget = Budget()
    vendor = Vendor([said(None, 500)])
    exchange = vendor.exchange(budget=budget)
    for number in range(1, 200):
        await exchange(a_call())
        assert len(vendor.calls) <= max(number + Budget.CREDIT, math.floor(number * 1.2))


async def test_a_long_calm_saves_up_so_much_and_no_more() -> None:
    """However many calls went well, a storm is met with the same few retries."""
    budget = Budget()
    calm = Vendor([said()]).exchange(budget=budget)
    for _ in range(1000):
        await calm(a_call())
    storm = Vendor([said(None, 500)])
    exchange = storm.exchange(budget=budget, attempts=3)
    for _ in range(50):
        await exchange(a_call())
    retries = len(storm.calls) - 50
    assert Budget.SAVINGS <= retries <= Budget.SAVINGS + 50 // Budget.SHARE
