"""The breaker: when it opens, who may try a vendor out, and what the replicas know of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway import errors
from gateway.engine.breaker import SOON_SECONDS, WINDOW_SECONDS, Breakers, Sickness, breaking
from gateway.engine.exchange import Call
from gateway.errors import BreakerOpen, GatewayError, StoreUnavailable
from gateway.shared.switches import MemorySwitches, Switches
from gateway.translator import VendorRequest, VendorResponse, read, write
from tests.engine.speaker import said

READ = read("get", "things/1")
CREATE = write("create", "POST", "things", {})
UPDATE = write("update", "PATCH", "things/1", {}, of_record=True)
CALLS, SECONDS = 4, 10.0


@dataclass(slots=True)
class Clock:
    """A clock that stands still until a test moves it."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Away(Switches):
    """A store that is not there."""

    async def look(self) -> Mapping[str, float]:
        """Fails."""
        raise StoreUnavailable("x")

    async def throw(self, name: str, seconds: float) -> None:
        """Fails."""
        raise StoreUnavailable("x")

    async def claim(self, name: str, seconds: float) -> float:
        """Fails."""
        raise StoreUnavailable("x")

    async def reset(self, name: str) -> None:
        """Fails."""
        raise StoreUnavailable("x")

    async def close(self) -> None:
        """Has nothing to let go of."""


@dataclass(slots=True)
class Vendor:
    """One vendor, whoever asks it."""

    does: VendorResponse | GatewayError = field(default_factory=said)
    broke: bool = False
    calls: list[Call] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def __call__(self, call: Call) -> VendorResponse:
        """Answers one call, when it is let."""
        self.calls.append(call)
        if self.hold:
            await self.hold.wait()
        call.broke = self.broke
        if isinstance(self.does, GatewayError):
            raise self.does
        return self.does


class Replica:
    """One replica's breaker before the vendor."""

    def __init__(self, vendor: Vendor, switches: Switches, clock: Clock) -> None:
        self.vendor = vendor
        self.clock = clock
        self.breakers = Breakers(switches, clock, Sickness(calls=CALLS, seconds=SECONDS))
        self.breaker = self.breakers.of("acme")
        self.exchange = breaking(self.breaker, self._check)(vendor)
        self.checks = 0

    async def _check(self) -> None:
        self.checks += 1
        await self.ask()

    async def ask(self, request: VendorRequest = READ, *, hurry: bool = False) -> Any:
        """What one call comes to: a status, or the code of an error."""
        patience = self.clock.now + 25
        until = self.clock.now + 1 if hurry else patience
        try:
            reply = await self.exchange(Call(request=request, until=until, patience=patience))
        except GatewayError as error:
            return error.code if not isinstance(error, BreakerOpen) else "open"
        finally:
            await settled()
        return reply.status

    async def opened(self) -> None:
        """Has the vendor fail until nothing more is sent to it."""
        self.vendor.does = said(None, 500)
        for _ in range(CALLS):
            await self.ask()
        assert await self.ask() == "open"
        self.vendor.does = said()
        self.vendor.calls.clear()


async def settled() -> None:
    """Lets what was started in the background come through."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def vendor() -> Vendor:
    """A vendor that is well."""
    return Vendor()


@pytest.fixture
def clock() -> Clock:
    """The time of all replicas."""
    return Clock()


@pytest.fixture
def pair(vendor: Vendor, clock: Clock) -> tuple[Replica, Replica]:
    """Two replicas that share switches."""
    switches = MemorySwitches(clock)
    return Replica(vendor, switches, clock), Replica(vendor, switches, clock)


@pytest.fixture
def replica(pair: tuple[Replica, Replica]) -> Replica:
    """One of them."""
    return pair[0]


SICK: list[tuple[VendorResponse | GatewayError, bool, bool]] = [
    (said(None, 500), False, True),
    (said(None, 502), False, True),
    (said(None, 503), False, True),
    (said(None, 504), False, True),
    (errors.VendorTimeout("x"), True, True),
    (errors.VendorFaulted("it hung up"), True, True),
    (errors.Indeterminate("it hung up"), True, True),
    (errors.IndeterminateTimeout("x"), True, True),
    (errors.NotSent("connecting failed"), True, True),
    (errors.NotSent("no connection became free"), False, False),
    (errors.VendorFaulted("the answer is too large"), False, False),
    (errors.DeadlineExceeded("x"), False, False),
    (errors.Overloaded("x"), False, False),
    (errors.StoreUnavailable("x"), False, False),
    (said(), False, False),
    *((said(None, status), False, False) for status in (301, 400, 401, 403, 404, 409, 422, 429)),
]


@pytest.mark.parametrize(("does", "broke", "sick"), SICK)
async def test_it_opens_on_sickness_alone(
    replica: Replica, vendor: Vendor, does: VendorResponse | GatewayError, broke: bool, sick: bool
) -> None:
    """No refusal opens it, no rate limit, and no trouble of ours."""
    vendor.does, vendor.broke = does, broke
    for _ in range(3 * CALLS):
        await replica.ask()
    assert replica.breaker.is_open is sick
    assert len(vendor.calls) == (CALLS if sick else 3 * CALLS)


async def test_a_caller_in_a_hurry_makes_nobody_sick(replica: Replica, vendor: Vendor) -> None:
    """Who gives a vendor a second has learnt nothing about it."""
    vendor.does, vendor.broke = errors.VendorTimeout("x"), True
    for _ in range(3 * CALLS):
        await replica.ask(hurry=True)
    assert not replica.breaker.is_open


async def test_half_of_the_latest_calls_have_to_fail(replica: Replica, vendor: Vendor) -> None:
    """A vendor with a flaw is not one that is down; and what was long ago is no matter."""
    for status in (200, 200, 200, 500, 500, 200, 500):
        vendor.does = said(None, status)
        assert await replica.ask() == status
    assert not replica.breaker.is_open
    replica.clock.now += WINDOW_SECONDS + 1
    for status in (500, 500, 500):
        vendor.does = said(None, status)
        await replica.ask()
    assert not replica.breaker.is_open
    await replica.ask()
    assert replica.breaker.is_open


@pytest.mark.parametrize("request_", [READ, CREATE, UPDATE])
async def test_while_it_is_open_nothing_is_sent(
    replica: Replica, vendor: Vendor, request_: VendorRequest
) -> None:
    """The caller is told that nothing was, and when to come again."""
    await replica.opened()
    patience = replica.clock.now + 25
    with pytest.raises(BreakerOpen) as caught:
        await replica.exchange(Call(request=request_, until=patience, patience=patience))
    assert vendor.calls == []
    assert (caught.value.outcome, caught.value.retry) == ("not_applied", "same_request")
    assert caught.value.retry_after is not None
    assert SECONDS <= caught.value.retry_after <= SECONDS * 1.2 + 1


async def test_one_read_tries_the_vendor_out_for_all(
    pair: tuple[Replica, Replica], vendor: Vendor
) -> None:
    """Of a crowd on two replicas one is let through, and when it was well, all are."""
    one, other = pair
    await one.opened()
    await other.breakers.look()
    one.clock.now += SECONDS
    vendor.hold = asyncio.Event()
    crowd = [asyncio.ensure_future(each.ask()) for each in (one, other) * 10]
    await settled()
    assert len(vendor.calls) == 1
    vendor.hold.set()
    answers = await asyncio.gather(*crowd)
    assert (answers.count(200), answers.count("open")) == (1, 19)
    await other.breakers.look()
    assert [await one.ask(CREATE), await other.ask(CREATE)] == [200, 200]


async def test_a_vendor_that_is_sick_still_is_left_alone_again(
    pair: tuple[Replica, Replica], vendor: Vendor
) -> None:
    """One call shows it, and the others never are made."""
    one, other = pair
    await one.opened()
    await other.breakers.look()
    vendor.does = said(None, 503)
    for _ in range(3):
        one.clock.now += SECONDS
        assert sorted(map(str, [await other.ask(), await one.ask()])) == ["503", "open"]
    assert len(vendor.calls) == 3


@pytest.mark.parametrize("request_", [CREATE, UPDATE])
async def test_a_write_never_tries_a_vendor_out(
    replica: Replica, vendor: Vendor, request_: VendorRequest
) -> None:
    """Where only writes come, they set off a read of our own, one at a time."""
    await replica.opened()
    replica.clock.now += SECONDS
    vendor.hold = asyncio.Event()
    assert [await replica.ask(request_) for _ in range(5)] == ["open"] * 5
    assert [call.request for call in vendor.calls] == [READ]
    vendor.hold.set()
    await settled()
    assert replica.checks == 1
    assert await replica.ask(request_) == 200


async def test_a_try_that_shows_nothing_is_made_again_soon(
    replica: Replica, vendor: Vendor
) -> None:
    """Trouble of ours is no verdict on the vendor."""
    await replica.opened()
    replica.clock.now += SECONDS
    vendor.does = errors.Overloaded("x")
    assert await replica.ask() == "overloaded"
    vendor.does = said()
    assert await replica.ask() == "open"
    replica.clock.now += SOON_SECONDS
    assert await replica.ask() == 200


async def test_a_cancelled_try_holds_nobody_up(replica: Replica, vendor: Vendor) -> None:
    """A caller that hangs up takes the place of the next for a moment only."""
    await replica.opened()
    replica.clock.now += SECONDS
    vendor.hold = asyncio.Event()
    probe = asyncio.ensure_future(replica.ask())
    await settled()
    probe.cancel()
    await settled()
    vendor.hold = None
    assert await replica.ask() == "open"
    replica.clock.now += SOON_SECONDS
    assert await replica.ask() == 200


async def test_another_replica_is_blocked_as_soon_as_it_looks(
    pair: tuple[Replica, Replica], vendor: Vendor
) -> None:
    """Though it never saw a failure; and it goes on when the first found the vendor well."""
    one, other = pair
    await one.opened()
    assert await other.ask() == 200
    await other.breakers.look()
    assert await other.ask() == "open"
    one.clock.now += SECONDS
    assert await one.ask() == 200
    await other.breakers.look()
    assert not other.breaker.is_open


async def test_a_connection_has_a_breaker_of_its_own(replica: Replica, vendor: Vendor) -> None:
    """And the same one each time it is asked for, whatever else changes."""
    await replica.opened()
    assert not replica.breakers.of("globex").is_open
    assert replica.breakers.of("acme") is replica.breaker


async def test_a_breaker_that_is_made_late_knows_what_was_seen(
    pair: tuple[Replica, Replica], vendor: Vendor
) -> None:
    """A connection's first call here is held back like any other, or is the one that tries."""
    one, other = pair
    await one.opened()
    late = Breakers(other.breakers.switches, one.clock, Sickness(calls=CALLS, seconds=SECONDS))
    await late.look()
    one.clock.now += SECONDS - 1
    assert late.of("acme").is_open
    other.exchange = breaking(late.of("acme"), other._check)(vendor)
    assert await other.ask() == "open"
    one.clock.now += 1
    vendor.hold = asyncio.Event()
    crowd = [asyncio.ensure_future(other.ask()) for _ in range(3)]
    await settled()
    assert len(vendor.calls) == 1
    vendor.hold.set()
    assert sorted(map(str, await asyncio.gather(*crowd))) == ["200", "open", "open"]
    assert not late.of("acme").is_open
    assert not late.of("globex").is_open


async def test_without_a_store_each_replica_decides_alone(vendor: Vendor, clock: Clock) -> None:
    """It opens, tries the vendor out with one call, and closes."""
    replica = Replica(vendor, Away(), clock)
    await replica.opened()
    with pytest.raises(StoreUnavailable):
        await replica.breakers.look()
    clock.now += SECONDS
    vendor.hold = asyncio.Event()
    crowd = [asyncio.ensure_future(replica.ask()) for _ in range(5)]
    await settled()
    assert len(vendor.calls) == 1
    vendor.hold.set()
    assert sorted(map(str, await asyncio.gather(*crowd))) == ["200", *["open"] * 4]
    assert await replica.ask(CREATE) == 200


async def test_a_look_that_is_older_than_what_is_known_is_no_news(
    vendor: Vendor, clock: Clock
) -> None:
    """A breaker that opens while the others' state is read stays open."""

    class Slow(MemorySwitches):
        go = asyncio.Event()

        async def look(self) -> Mapping[str, float]:
            seen = await super().look()
            await self.go.wait()
            return seen

    switches = Slow(clock)
    replica = Replica(vendor, switches, clock)
    looking = asyncio.ensure_future(replica.breakers.look())
    await settled()
    await replica.opened()
    switches.go.set()
    await looking
    assert replica.breaker.is_open


async def test_a_breaker_that_is_made_during_a_look_hears_of_it(
    pair: tuple[Replica, Replica], clock: Clock
) -> None:
    """As at the start, when connections are taken up while the first look is under way."""
    one, other = pair
    await one.opened()
    late = Breakers(other.breakers.switches, clock, Sickness(calls=CALLS, seconds=SECONDS))
    looking = asyncio.ensure_future(late.look())
    breaker = late.of("acme")
    assert not breaker.is_open
    await looking
    assert breaker.is_open


async def test_what_was_under_way_when_it_opened_changes_nothing(
    replica: Replica, vendor: Vendor
) -> None:
    """A late success closes no breaker, and a late failure does not prolong it."""
    vendor.hold = asyncio.Event()
    late = asyncio.ensure_future(replica.ask())
    await settled()
    hold, vendor.hold = vendor.hold, None
    await replica.opened()
    hold.set()
    assert await late == 200
    assert await replica.ask() == "open"
