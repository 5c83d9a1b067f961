"""The vendors' rate limits: a call takes from each bucket that its vendor counts it in, or waits.

A call that cannot go before its deadline is refused at once, with the time at which it could.
"""

import asyncio
import math
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from gateway.canonical.capabilities import RateLimit
from gateway.engine.exchange import Call, Exchange, Layer
from gateway.engine.retry import Appointment, retry_after
from gateway.errors import Throttled
from gateway.normalizer.rates import Form, Told, told_by
from gateway.shared.limits import Bucket, Limits, Passage, Window, bucket_name, take_all
from gateway.translator import VendorRequest, VendorResponse

NEEDED_SECONDS: Final = 0.05
"""What has to be left of the time after a wait, for the call to be worth it."""
LOOK_SECONDS: Final = 1.0
"""How long a wait goes on before it is asked anew: who stood in front may have left."""
ENDPOINTS: Final = 64
"""Endpoint groups of a connection that are remembered, to tell what is left of them."""
MS: Final = 1000

_ID = re.compile(r"[^/]*[0-9A-Z%][^/]*")
"""A segment of a path that is an id: words of a path are small letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom a vendor's buckets belong to: what it knows a connection's calls by."""

    vendor: str
    base_url: str
    secret: str = field(repr=False)
    group: str | None = None
    """The connections that share the company's limit; alone, a credential is its own company."""

    def bucket(self, scope: str, windows: tuple[Window, ...], endpoint: str = "") -> Bucket:
        """The bucket of a scope. Neither the secret nor the path can be read from its name."""
        own = (self.base_url, self.secret)
        whose = {
            "credential": own,
            "group": (self.group,) if self.group else own,
            "egress": (self.base_url,),
        }[scope]
        return Bucket(bucket_name(self.vendor, scope, endpoint, *whose), windows)


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit and what is left of it, None for what nobody has said."""

    rate: RateLimit
    limit: int | None
    left: int | None


class Limiter:
    """One connection's limits, and who waits for them."""

    def __init__(
        self,
        limits: Limits,
        account: Account,
        rates: Sequence[RateLimit],
        *,
        forms: Sequence[Form] = (),
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._account = account
        self._rates = tuple(rates)
        self._forms = forms
        self._clock = clock
        self._sleep = sleep
        self._numbers = count()
        self._waiting: dict[str, set[int]] = {}
        """Numbers of those who wait, by the narrowest of their buckets."""
        self._endpoints: OrderedDict[str, Bucket] = OrderedDict()
        self._words: dict[Bucket, list[Told]] = {}
        """What the vendor said of a bucket for which its words are just being passed on."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_endpoint = any(rate.per_endpoint for rate in rates)
        self._plain = {
            scope: account.bucket(scope, _windows(rates, scope, per_endpoint=False))
            for scope in ("credential", "group", "egress")
        }
        own = self._plain["credential"]
        self._wide = tuple(each for each in self._plain.values() if each.windows)
        self._buckets = (own, *(each for each in self._wide if each is not own))

    def buckets(self, request: VendorRequest) -> tuple[Bucket, ...]:
        """Every bucket of a call: first the narrowest, which the vendor's own words are about."""
        if self._by_endpoint:
            return self._endpoint(request), *self._wide
        return self._buckets

    async def admit(self, call: Call) -> Passage:
        """Counts a call, as soon as it may go. Raises `Throttled` where that is too late."""
        buckets = self.buckets(call.request)
        name, number = buckets[0].name, next(self._numbers)
        ahead = len(self._waiting.get(name, ()))  # all came before
        passage = await take_all(self._limits, buckets, ahead=ahead)
        while passage.wait_ms:
            seconds = passage.wait_ms / MS
            if self._clock() + seconds + NEEDED_SECONDS > call.until:
                raise Throttled(
                    "The vendor's rate limit is used up for longer than there is time to wait.",
                    retry_after=math.ceil(seconds),
                )
            await self._wait(name, number, min(seconds, LOOK_SECONDS))
            ahead = sum(each < number for each in self._waiting.get(name, ()))
            passage = await take_all(self._limits, buckets, ahead=ahead)
        return passage

    async def _wait(self, name: str, number: int, seconds: float) -> None:
        waiting = self._waiting.setdefault(name, set())
        waiting.add(number)
        try:
            await self._sleep(seconds)
        finally:
            waiting.discard(number)
            if not waiting:
                del self._waiting[name]

    def give_back(self, passage: Passage) -> None:
        """Uncounts a call of which nothing was sent; nobody waits for that."""
        self._start(passage.give_back(self._limits))

    def learn(self, passage: Passage, response: VendorResponse) -> None:
        """Takes the vendor's word from the answer to a call; nobody waits for that."""
        told = heard(self._forms, response)
        if told:
            narrowest, _ = passage.taken[0]
            words = self._words.get(narrowest)
            if words is None:
                self._words[narrowest] = [told]
                self._start(self._pass_on(narrowest))
            else:
                words.append(told)

    async def _pass_on(self, bucket: Bucket) -> None:
        """Passes the vendor's words on, those together that come while others are on their way."""
        try:
            while words := self._words[bucket]:
                self._words[bucket] = []
                await self._limits.learned(bucket, *words)
        finally:
            del self._words[bucket]

    async def standings(self) -> list[Standing]:
        """Each limit of the connection, and what is left of it."""
        await self.settled()
        return [await self._standing(rate) for rate in self._rates]

    async def settled(self) -> None:
        """Waits until all is counted that was on its way."""
        if self._tasks:
            await asyncio.wait({*self._tasks})

    async def _standing(self, rate: RateLimit) -> Standing:
        if rate.per_endpoint:
            return await self._scarcest(rate)
        bucket = self._plain[rate.scope]
        left = await self._limits.left(bucket)
        free = {window.ms: n for window, n in zip(bucket.windows, left.windows, strict=True)}
        known = [free.get((rate.window_seconds or 0) * MS)]
        known += [left.told] if left.told_limit == rate.limit else []
        found = [each for each in known if each is not None]
        return Standing(rate, rate.limit, min(found, default=None))

    async def _scarcest(self, rate: RateLimit) -> Standing:
        """Of the endpoint groups that were called lately the one of which the least is left."""
        lefts = [await self._limits.left(bucket) for bucket in self._endpoints.values()]
        told = [(each.told, each.told_limit) for each in lefts if each.told is not None]
        left, limit = min(told, key=lambda each: each[0], default=(None, None))
        return Standing(rate, limit, left)

    def _endpoint(self, request: VendorRequest) -> Bucket:
        name = f"{request.method} {shape(request.path)}"
        if name not in self._endpoints:
            windows = _windows(self._rates, "credential", per_endpoint=True)
            self._endpoints[name] = self._account.bucket("credential", windows, name)
        self._endpoints.move_to_end(name)
        while len(self._endpoints) > ENDPOINTS:
            self._endpoints.popitem(last=False)
        return self._endpoints[name]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def limited(limiter: Limiter) -> Layer:
    """A layer that lets calls go as fast as the vendor allows, and gives back what was not sent."""

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            passage = await limiter.admit(call)
            try:
                response = await inner(call)
            except BaseException:
                if not call.sent:
                    limiter.give_back(passage)
                raise
            limiter.learn(passage, response)
            return response

        return exchange

    return around


def shape(path: str) -> str:
    """A path with its ids left out: what vendors call an endpoint."""
    return "/".join("*" if _ID.fullmatch(each) else each for each in path.split("/"))


def heard(forms: Sequence[Form], response: VendorResponse) -> Told:
    """What an answer tells of the limit; a 429 that says until when tells that nothing is left."""
    told = told_by(forms, response.headers, response.json)
    if response.status != 429:
        return told
    if told.reset is None and (seconds := retry_after(response)) is not None:
        told = replace(told, reset=Decimal(str(max(seconds, 0.0))))
    return told if told.reset is None else replace(told, remaining=0)


def appointed(forms: Sequence[Form]) -> Appointment:
    """When a vendor says to come again, by its own forms: what the retry layer asks for."""

    def read(response: VendorResponse) -> float | None:
        reset = told_by(forms, response.headers, response.json).reset
        return None if reset is None else float(reset)

    return read


def _windows(rates: Sequence[RateLimit], scope: str, *, per_endpoint: bool) -> tuple[Window, ...]:
    """The windows whose size is known; of two of one length the stricter."""
    found: dict[int, int] = {}
    for rate in rates:
        if (rate.scope, rate.per_endpoint) == (scope, per_endpoint) and rate.limit is not None:
            ms = (rate.window_seconds or 1) * MS
            found[ms] = min(found.get(ms, rate.limit), rate.limit)
    return tuple(Window(limit, ms) for ms, limit in sorted(found.items()))
