"""The limiter: which buckets a call is counted in, how it waits, and what it learns."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from gateway.canonical.capabilities import RateLimit
from gateway.engine.exchange import Call, Exchange
from gateway.engine.limiter import ENDPOINTS, Account, Limiter, appointed, heard, limited, shape
from gateway.errors import NotSent, Throttled
from gateway.normalizer.rates import Told
from gateway.shared.limits import Bucket
from gateway.shared.sliding import MemoryLimits
from gateway.translator import VendorRequest, VendorResponse, read, write
from gateway.vendors import installed

SECRET = "a vendor's secret"
READ = read("get", "things/1")
SLANT = installed()["slant"].rate_limits
CLOSE = installed()["close"]
TWO_A_MINUTE = (RateLimit(scope="credential", limit=2, window_seconds=60),)


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def ms(self) -> int:
        """The same in milliseconds."""
        return round(self.seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        """Takes no time but its own."""
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def limits(time: Time) -> MemoryLimits:
    return MemoryLimits(time.ms)


@pytest.fixture
def make(limits: MemoryLimits, time: Time) -> Callable[..., Limiter]:
    """Makes limiters that count in one place."""

    def made(rates: tuple[RateLimit, ...] = TWO_A_MINUTE, **members: Any) -> Limiter:
        forms = members.pop("forms", ())
        told = {"vendor": "acme", "base_url": "https://one.test", "secret": SECRET, **members}
        account = Account(**told)
        return Limiter(limits, account, rates, forms=forms, clock=time, sleep=time.sleep)

    return made


def a_call(time: Time, seconds: float = 5, request: VendorRequest = READ) -> Call:
    return Call(request=request, until=time.seconds + seconds, patience=time.seconds + seconds)


def answering(*replies: VendorResponse | BaseException) -> Exchange:
    """A wire that says one thing after the other; what it answers was sent."""
    left = list(replies)

    async def exchange(call: Call) -> VendorResponse:
        reply = left.pop(0) if left else VendorResponse(status=200)
        if isinstance(reply, BaseException):
            raise reply
        call.sent = True
        return reply

    return exchange


def test_a_call_is_counted_for_its_credential_its_company_and_its_address(
    make: Callable[..., Limiter],
) -> None:
    """Each bucket is shared by exactly the connections that the vendor counts together."""
    one = make(SLANT, group="acme").buckets(READ)
    assert [bucket.windows[0].limit for bucket in one] == [1_000, 10_000, 10_000]
    same = make(SLANT, group="acme").buckets(write("create", "POST", "others", {}))
    assert same == one
    sister = make(SLANT, group="acme", secret="another").buckets(READ)
    assert [here == there for here, there in zip(one, sister, strict=True)] == [False, True, True]
    stranger = make(SLANT, group="other", secret="another").buckets(READ)
    assert [here == there for here, there in zip(one, stranger, strict=True)] == [
        False, False, True,
    ]  # fmt: skip
    alone = make(SLANT, secret="another").buckets(READ)
    loner = make(SLANT, secret="a third").buckets(READ)
    assert alone[1] != loner[1]
    elsewhere = make(SLANT, group="acme", base_url="https://two.test").buckets(READ)
    assert elsewhere[2] != one[2]
    namesake = make(SLANT, group="acme", vendor="emca").buckets(READ)
    assert not {bucket.name for bucket in namesake} & {bucket.name for bucket in one}


def test_windows_of_one_bucket_stand_together(make: Callable[..., Limiter]) -> None:
    """A limit a second and another a day are one question to the counts."""
    buckets = make(installed()["coperniq"].rate_limits).buckets(READ)
    windows = [[(window.limit, window.ms) for window in bucket.windows] for bucket in buckets]
    assert windows == [[(100, 1_000), (5_000, 86_400_000)]]
    twice = (*TWO_A_MINUTE, RateLimit(scope="credential", limit=9, window_seconds=60))
    assert [window.limit for window in make(twice).buckets(READ)[0].windows] == [2]


@pytest.mark.parametrize(
    ("path", "shaped"),
    [
        ("opportunity/oppo_8H/", "opportunity/*/"),
        ("opportunity/", "opportunity/"),
        ("custom_field_schema/opportunity/", "custom_field_schema/opportunity/"),
        ("lead/12", "lead/*"),
        ("lead/a%2Fb", "lead/*"),
    ],
)
def test_the_shape_of_a_path_has_no_ids(path: str, shaped: str) -> None:
    """So that an endpoint is one endpoint whatever record it is asked for."""
    assert shape(path) == shaped


def test_where_endpoints_are_counted_each_has_its_bucket(make: Callable[..., Limiter]) -> None:
    """By method and shape of the path; however many there are, few are remembered."""
    limiter = make(CLOSE.rate_limits)
    one, other, put = (
        limiter.buckets(request)[0]
        for request in (
            read("get", "opportunity/oppo_1/"),
            read("get", "opportunity/oppo_2/"),
            write("update", "PUT", "opportunity/oppo_1/", {}),
        )
    )
    assert one == other
    assert one != put
    for number in range(ENDPOINTS * 2):
        limiter.buckets(read("get", "x" * (number + 1)))
    assert len(limiter._endpoints) == ENDPOINTS


def test_nothing_shows_the_secret(make: Callable[..., Limiter]) -> None:
    """Neither a bucket nor the account as it prints."""
    account = Account(vendor="acme", base_url="https://one.test", secret=SECRET)
    assert SECRET not in repr(account)
    assert SECRET not in repr(make(SLANT).buckets(READ))


async def test_a_burst_waits_inside_its_deadline(make: Callable[..., Limiter], time: Time) -> None:
    """The call goes when there is room, and not before."""
    exchange = limited(make())(answering())
    for _ in range(2):
        await exchange(a_call(time))
    began = time.seconds
    assert (await exchange(a_call(time, seconds=90))).status == 200
    assert 60 <= time.seconds - began <= 63


async def test_a_call_without_the_time_to_wait_is_refused_at_once(
    make: Callable[..., Limiter], time: Time
) -> None:
    """With the whole seconds after which it would go, and nothing was sent."""
    exchange = limited(make())(answering())
    for _ in range(2):
        await exchange(a_call(time))
    refused = a_call(time, seconds=30)
    with pytest.raises(Throttled) as raised:
        await exchange(refused)
    error = raised.value
    assert isinstance(error, NotSent)
    assert (error.code, error.origin, error.outcome) == ("rate-limited", "gateway", "not_applied")
    assert (refused.sent, time.slept) == (False, [])
    assert error.retry_after is not None
    time.seconds += error.retry_after - 2
    with pytest.raises(Throttled):
        await exchange(a_call(time, seconds=0.5))
    time.seconds += 2
    assert (await exchange(a_call(time))).status == 200


async def test_those_who_wait_go_in_their_order(make: Callable[..., Limiter], time: Time) -> None:
    """And nobody who comes later slips in between."""
    one_a_minute = (RateLimit(scope="credential", limit=1, window_seconds=60),)
    exchange = limited(make(one_a_minute))(answering())
    went: list[int] = []

    async def goes(number: int) -> None:
        await exchange(a_call(time, seconds=1_000))
        went.append(number)

    await asyncio.gather(*map(goes, range(8)))
    assert went == sorted(went)


async def test_who_has_gone_is_waited_for_by_nobody(
    make: Callable[..., Limiter], time: Time
) -> None:
    """A wait that is cut off leaves the line."""
    limiter = make()
    exchange = limited(limiter)(answering())
    for _ in range(2):
        await exchange(a_call(time))
    waiting = asyncio.ensure_future(exchange(a_call(time, seconds=10_000)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert limiter._waiting == {}


@pytest.mark.parametrize("error", [NotSent("No."), TimeoutError(), asyncio.CancelledError()])
async def test_what_was_not_sent_is_not_counted(
    make: Callable[..., Limiter], time: Time, error: BaseException
) -> None:
    """Whatever held it back."""
    limiter = make()
    with pytest.raises(type(error)):
        await limited(limiter)(answering(error))(a_call(time))
    assert [each.left for each in await limiter.standings()] == [2]


async def test_what_was_sent_stays_counted_also_without_an_answer(
    make: Callable[..., Limiter], time: Time
) -> None:
    """The vendor may have counted it."""
    limiter = make()

    async def lost(call: Call) -> VendorResponse:
        call.sent = True
        raise call.lost("it broke")

    with pytest.raises(Exception, match="it broke"):
        await limited(limiter)(lost)(a_call(time))
    assert [each.left for each in await limiter.standings()] == [1]


async def test_an_unpublished_limit_is_learned_from_answers(
    make: Callable[..., Limiter], time: Time
) -> None:
    """For the endpoint that was asked, and for no other."""
    limiter = make(CLOSE.rate_limits, forms=CLOSE.rate_forms)
    told = VendorResponse(status=200, headers={"ratelimit": "limit=20; remaining=0; reset=7.2"})
    await limited(limiter)(answering(told))(a_call(time))
    endpoint, company = await limiter.standings()
    assert (endpoint.limit, endpoint.left) == (20, 0)
    assert (company.limit, company.left) == (None, None)
    with pytest.raises(Throttled) as raised:
        await limiter.admit(a_call(time))
    assert raised.value.retry_after == 8
    await limiter.admit(a_call(time, request=read("me", "me/")))


class Slow(MemoryLimits):
    """Limits that take a while to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[list[int | None]] = []
        self.go = asyncio.Event()

    async def learned(self, bucket: Bucket, *told: Told) -> None:
        self.heard.append([each.remaining for each in told])
        await self.go.wait()


async def test_words_that_come_while_others_are_on_their_way_go_together(time: Time) -> None:
    """None is lost, and their order is kept: a busy vendor's need no call each."""
    limits = Slow()
    account = Account(vendor="acme", base_url="https://one.test", secret=SECRET)
    limiter = Limiter(limits, account, (), forms=CLOSE.rate_forms, clock=time)
    replies = [
        VendorResponse(status=200, headers={"ratelimit": f"limit=9, remaining={left}, reset=5"})
        for left in range(5, 0, -1)
    ]
    exchange = limited(limiter)(answering(*replies))
    for _ in range(4):
        await exchange(a_call(time))
        await asyncio.sleep(0)
    limits.go.set()
    for _ in range(3):
        await asyncio.sleep(0)
    await exchange(a_call(time))
    await asyncio.sleep(0)
    assert limits.heard == [[5], [4, 3, 2], [1]]


async def test_a_connection_tells_the_scarcer_of_counts_and_word(
    make: Callable[..., Limiter], time: Time
) -> None:
    """A vendor's word on the day says nothing of the second."""
    vendor = installed()["coperniq"]
    limiter = make(vendor.rate_limits, forms=vendor.rate_forms)
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "42"}
    await limited(limiter)(answering(VendorResponse(status=200, headers=headers)))(a_call(time))
    assert [each.left for each in await limiter.standings()] == [99, 42]


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (429, {"retry-after": "7"}, Told(remaining=0, reset=Decimal("7.0"))),
        (429, {"retry-after": "Sat, 21 Nov 2026 12:00:09 GMT",
               "date": "Sat, 21 Nov 2026 12:00:00 GMT"}, Told(remaining=0, reset=Decimal("9.0"))),
        (429, {"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT",
               "date": "Sat, 21 Nov 2026 12:00:00 GMT"}, Told(remaining=0, reset=Decimal("0.0"))),
        (429, {"ratelimit": "limit=20; remaining=5; reset=0.5", "retry-after": "1"},
         Told(20, 0, Decimal("0.5"))),
        (429, {"retry-after": "soon"}, Told()),
        (200, {"retry-after": "7"}, Told()),
        (503, {"retry-after": "7"}, Told()),
    ],
)  # fmt: skip
def test_a_refusal_says_that_nothing_is_left(
    status: int, headers: dict[str, str], told: Told
) -> None:
    """Stricter limits may refuse while some remain (close.md 10); the more exact time counts."""
    assert heard(CLOSE.rate_forms, VendorResponse(status=status, headers=headers)) == told


def test_the_retry_layer_is_told_the_vendors_own_time() -> None:
    """To a fraction of a second, or not at all."""
    own = appointed(CLOSE.rate_forms)
    reply = VendorResponse(status=429, headers={"ratelimit": "limit=1, remaining=0, reset=0.25"})
    assert own(reply) == 0.25
    assert own(VendorResponse(status=429)) is None
