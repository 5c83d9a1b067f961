"""Renewal: access tokens that run out, renewed ahead of time and by one replica for all of them.

A refresh token is good for one time. It is spent under a claim that is prolonged right before the
first byte leaves, and what it was spent for is kept before anybody uses it. Who has sent it sees
the call through, however many callers hang up meanwhile.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from gateway.canonical import json_text
from gateway.engine.credentials import Proof, Proofs, Validity
from gateway.engine.exchange import Call, Exchange, FreePermit, Layer
from gateway.engine.retry import recorded
from gateway.engine.token_call import Issued, Spend, Unrenewed
from gateway.errors import DeadlineExceeded, NotSent, StoreUnavailable
from gateway.shared.grants import MS, Grants, Kept
from gateway.translator import VendorRequest, VendorResponse

EARLY_SECONDS: Final = 60.0
"""How long before its end a token is renewed, while calls still go with it."""
LEAST_SECONDS: Final = 5.0
"""How long a token has to be good still for a call to go with it."""
SHARE: Final = 4
"""Neither takes more than one part in so many of a token's life."""
FRESH_SECONDS: Final = 60.0
"""How old a token is that is refused before another is asked for: the next would fare no better."""
GRACE_SECONDS: Final = 2.0
"""How much longer than the token call its claim lasts."""
LOOK_SECONDS: Final = 0.25
"""Between two looks at what the replica that has the claim has come to."""
AGAIN_SECONDS: Final = 0.5
"""Between two tries to keep what cannot be had again."""
MISSED: Final = "The access token was not renewed in time."


class Vault(Protocol):
    """What seals grants, by their names."""

    def seal(self, name: str, text: bytes) -> bytes:
        """Seals a grant."""

    def open(self, name: str, sealed: bytes) -> bytes:
        """What was sealed. Raises `StoreUnavailable` where that cannot be read for now."""


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token, until when it is good, and what renews it; times on the loop's clock."""

    number: int
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    made: float
    ends: float

    @property
    def proof(self) -> Proof:
        """The header that the access token makes."""
        return Proof("Authorization", "Bearer ", self.access, self.access)

    def lasts(self, now: float, seconds: float) -> bool:
        """Whether it is good for so long, or for its share where its life is short."""
        return self.ends - now > min(seconds, (self.ends - self.made) / SHARE)


class Renewals:
    """What all renewers stand on; it outlives a change of the configuration."""

    def __init__(
        self,
        grants: Grants,
        vault: Vault,
        clock: Callable[[], float],
        *,
        seconds: float,
        fault: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.grants = grants
        self.vault = vault
        self.clock = clock
        self.seconds = seconds
        """How long a token call may take."""
        self._fault = fault
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(
        self, work: Coroutine[Any, Any, Grant | Unrenewed]
    ) -> asyncio.Task[Grant | Unrenewed]:
        """Starts work that nobody who hangs up can cancel, and that a shutdown waits for."""

        def done(task: asyncio.Task[Grant | Unrenewed]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (fault := task.exception()):
                self._fault(fault)

        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(done)
        return task

    async def close(self) -> None:
        """Sees calls under way through, for as long as one may take, and ends."""
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=self.seconds + GRACE_SECONDS)
            for task in left:
                task.cancel()
        await self.grants.close()


class Renewer(Proofs):
    """One connection's access tokens, as this replica knows them."""

    def __init__(self, renewals: Renewals, name: str, first: str, spend: Spend) -> None:
        self._on = renewals
        self._name = name
        self._first = first
        """The refresh token of the configuration, spent while nothing is kept."""
        self._spend = spend
        self._held: Grant | None = None
        self._refused = 0
        """The number of the latest grant that the vendor did not accept."""
        self._work: asyncio.Task[Grant | Unrenewed] | None = None
        self._barred: tuple[int, float, Unrenewed] | None = None
        """What may not be renewed again, from which number and until when."""

    @property
    def validity(self) -> Validity | None:
        """Of the token that this replica holds, None before it holds one."""
        held, now = self._held, self._on.clock()
        if held is None:
            return None
        return Validity(max(now - held.made, 0.0), max(held.ends - now, 0.0))

    async def current(self, call: Call) -> Proof:
        """The token for a call, renewed if need be.

        Raises `DeadlineExceeded` where that takes longer than the call has, `VendorUnauthorized`,
        `Throttled` or `NotSent` as the token endpoint answers, and `StoreUnavailable`.
        """
        held = self._held
        if held is None or not self._is_good(held, LEAST_SECONDS):
            held = await self._another(call)
        elif not self._is_good(held, EARLY_SECONDS):
            _ = self._working()
        return held.proof

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Told that the vendor did not accept a token before its end.

        Another is to be had if one is there already, or if the refused one is not quite new.
        """
        held = self._held
        if held is None or held.proof.sent().items() - headers.items():
            return True
        if self._on.clock() - held.made < FRESH_SECONDS:
            return False
        self._refused = held.number
        return True

    def _is_good(self, grant: Grant, seconds: float) -> bool:
        return grant.number != self._refused and grant.lasts(self._on.clock(), seconds)

    def _working(self) -> asyncio.Task[Grant | Unrenewed]:
        if self._work is None or self._work.done():
            self._work = self._on.start(self._renewed())
        return self._work

    async def _another(self, call: Call) -> Grant:
        work = self._working()
        await asyncio.wait({work}, timeout=max(call.until - self._on.clock(), 0.0))
        if not work.done():
            raise DeadlineExceeded(MISSED)
        outcome = work.result()
        if isinstance(outcome, Unrenewed):
            call.broke = outcome.broke
            raise outcome.error()
        return outcome

    async def _renewed(self) -> Grant | Unrenewed:
        try:
            return await self._found_or_bought()
        except StoreUnavailable as error:
            return Unrenewed(error=partial(StoreUnavailable, error.message))

    async def _found_or_bought(self) -> Grant | Unrenewed:
        """The grant that some replica has renewed meanwhile, or else one that this one renews."""
        on, owner = self._on, secrets.token_hex(8)
        until = on.clock() + 2 * (on.seconds + GRACE_SECONDS)
        while on.clock() < until:
            kept = await on.grants.look(self._name)
            grant = self._opened(kept)
            if grant and self._is_good(grant, EARLY_SECONDS):
                self._held = grant
                return grant
            if barred := self._is_barred(kept.number):
                return barred
            claim = Claim(on.grants, self._name, kept.number, owner, self._lease_ms)
            wait_ms = await claim.taken()
            if not wait_ms:
                outcome = await self._bought(claim, grant.refresh if grant else self._first)
                if outcome:
                    return outcome
            await asyncio.sleep(min(wait_ms / MS, LOOK_SECONDS))
        return Unrenewed(error=partial(DeadlineExceeded, MISSED))

    async def _bought(self, claim: "Claim", refresh: str) -> Grant | Unrenewed | None:
        """What the refresh token is spent for; None where another replica's was kept meanwhile."""
        outcome = await self._spend(refresh, claim)
        if isinstance(outcome, Issued):
            return await self._kept(claim.number, outcome)
        with suppress(StoreUnavailable):
            await claim.freed()
            if (await self._on.grants.look(self._name)).number != claim.number:
                return None
        if outcome.held_seconds:
            until = self._on.clock() + outcome.held_seconds
            self._barred = (claim.number, until, outcome)
        return outcome

    async def _kept(self, number: int, got: Issued) -> Grant | None:
        """Keeps what was bought, as long as that takes: it cannot be had again.

        None where another replica's was kept meanwhile.
        """
        on, made = self._on, self._on.clock()
        text = json_text.write({"access": got.access, "refresh": got.refresh})
        sealed = on.vault.seal(self._name, text)
        grant = Grant(number + 1, got.access, got.refresh, made, made + got.seconds)
        while True:
            life_ms = max(round((grant.ends - on.clock()) * MS), 1)
            try:
                if not await on.grants.put(self._name, number, sealed, life_ms):
                    return None
            except StoreUnavailable:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self._held = grant
            return grant

    def _opened(self, kept: Kept) -> Grant | None:
        if not kept.number:
            return None
        told = json_text.read(self._on.vault.open(self._name, kept.sealed))
        now = self._on.clock()
        made, ends = now - kept.age_ms / MS, now + kept.left_ms / MS
        return Grant(kept.number, told["access"], told["refresh"], made, ends)

    def _is_barred(self, number: int) -> Unrenewed | None:
        if self._barred and self._barred[0] == number and self._on.clock() < self._barred[1]:
            return self._barred[2]
        return None

    @property
    def _lease_ms(self) -> int:
        return round((self._on.seconds + GRACE_SECONDS) * MS)


@dataclass(slots=True)
class Claim(FreePermit):
    """Leave to spend a refresh token, while no other replica may."""

    grants: Grants
    name: str
    number: int
    owner: str
    lease_ms: int

    async def taken(self) -> int:
        """0 where it is, or is still, this replica's; else in how many ms to look again."""
        return await self.grants.claim(self.name, self.number, self.owner, self.lease_ms)

    async def freed(self) -> None:
        """Lets others have it."""
        await self.grants.free(self.name, self.owner)

    async def leave(self, request: VendorRequest) -> None:
        """Prolongs it. Raises `NotSent` where another replica has it, or was quicker."""
        if await self.taken():
            raise NotSent("Another replica renews the access token.")


def renewed(proofs: Proofs) -> Layer:
    """A layer that makes a call once more where its token was not accepted and another is there.

    That a write was refused has to be on record first. Where the proof never changes it is none.
    """

    def around(inner: Exchange) -> Exchange:
        if isinstance(proofs, Proof):
            return inner

        async def exchange(call: Call) -> VendorResponse:
            response = await inner(call)
            if response.status != 401 or not proofs.refused(call.headers):
                return response
            if not await recorded(call, response):
                return response
            return await inner(call.attempt())

        return exchange

    return around
