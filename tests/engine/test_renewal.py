"""Renewal: once for everybody, ahead of time, kept before it is used, and seen through."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from gateway import errors
from gateway.engine import renewal
from gateway.engine.credentials import Proof, authenticated
from gateway.engine.exchange import Call, FreePermit, Permit, layered
from gateway.engine.renewal import (
    EARLY_SECONDS,
    FRESH_SECONDS,
    Grant,
    Renewals,
    Renewer,
    renewed,
)
from gateway.engine.token_call import REFUSED_SECONDS, Issued, Unrenewed
from gateway.errors import GatewayError
from gateway.idempotency.sealing import EncryptionKey, Sealing
from gateway.idempotency.vault import Vault
from gateway.shared.grants import Kept, MemoryGrants, grant_name
from gateway.translator import VendorRequest, VendorResponse, read, write
from tests.engine.speaker import said

NAME = grant_name("acme")
FIRST = "rt-0"
HOUR = 3600.0
READ = read("get", "things/1")
WRITE = write("update", "PATCH", "things/1", {})


@dataclass
class Clock:
    """A clock that the test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Endpoint:
    """A token endpoint that takes each refresh token once, as long as the test lets it."""

    seconds: float = HOUR
    good: str = FIRST
    spent: list[str] = field(default_factory=list)
    failure: Callable[[], GatewayError] | None = None
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def spend(self, refresh: str, permit: Permit) -> Issued | Unrenewed:
        """As `spending` does it."""
        await permit.leave(WRITE)
        self.spent.append(refresh)
        self.asked.set()
        await self.answers.wait()
        if self.failure:
            return Unrenewed(error=self.failure, broke=True)
        if refresh != self.good:
            why = partial(errors.VendorUnauthorized, "spent")
            return Unrenewed(error=why, held_seconds=REFUSED_SECONDS)
        number = int(self.good.removeprefix("rt-")) + 1
        self.good = f"rt-{number}"
        return Issued(f"at-{number}", self.good, self.seconds)


class Grants(MemoryGrants):
    """Grants whose store is away when the test says so."""

    away = False

    async def look(self, name: str) -> Kept:
        self._there()
        return await super().look(name)

    async def put(self, name: str, number: int, sealed: bytes, life_ms: int) -> bool:
        self._there()
        return await super().put(name, number, sealed, life_ms)

    def _there(self) -> None:
        if self.away:
            raise errors.StoreUnavailable("away")


@dataclass
class World:
    """One store and one endpoint, for any number of replicas."""

    clock: Clock
    grants: Grants
    endpoint: Endpoint
    renewals: list[Renewals] = field(default_factory=list)
    vault: Vault = field(default_factory=lambda: Vault(Sealing.of_this_process()))

    def replica(self, **changes: Any) -> Renewer:
        """A replica that knows nothing yet."""
        vault = changes.pop("vault", self.vault)
        on = Renewals(self.grants, vault, self.clock, seconds=5, **changes)
        self.renewals.append(on)
        return Renewer(on, NAME, FIRST, self.endpoint.spend)

    def call(self, request: VendorRequest = READ, seconds: float = 25) -> Call:
        """A call that has so much time."""
        until = self.clock.now + seconds
        return Call(request=request, until=until, patience=until)

    async def access(self, replica: Renewer) -> str:
        """The token that a call goes with."""
        return (await replica.current(self.call())).secret


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A vendor that answers at once, and a store that is there."""
    clock = Clock()
    world = World(clock, Grants(clock), Endpoint())
    world.endpoint.answers.set()
    yield world
    world.grants.away = False
    world.endpoint.answers.set()
    for on in world.renewals:
        await on.close()


async def test_the_first_token_is_bought_with_the_configured_one(world: World) -> None:
    """And serves until it is about to end, without another look at the store."""
    replica = world.replica()
    assert replica.validity is None
    assert await world.access(replica) == "at-1"
    world.grants.away = True
    world.clock.now += HOUR - EARLY_SECONDS - 1
    assert await world.access(replica) == "at-1"
    assert world.endpoint.spent == [FIRST]


async def test_many_calls_of_many_replicas_cause_one_renewal(world: World) -> None:
    """Fifty calls on three replicas, none of which has a token that is good."""
    replicas = [world.replica() for _ in range(3)]
    for each in replicas:
        await world.access(each)
    world.clock.now += HOUR
    world.endpoint.answers.clear()
    calls = [asyncio.create_task(world.access(replicas[n % 3])) for n in range(50)]
    await world.endpoint.asked.wait()
    await asyncio.sleep(0.01)
    world.endpoint.answers.set()
    assert set(await asyncio.gather(*calls)) == {"at-2"}
    assert world.endpoint.spent == [FIRST, "rt-1"]


async def test_a_token_is_renewed_ahead_while_calls_go_with_it(world: World) -> None:
    """Nobody waits for it, whatever the endpoint is doing."""
    replica = world.replica()
    await world.access(replica)
    world.clock.now += HOUR - EARLY_SECONDS
    world.endpoint.answers.clear()
    world.endpoint.asked.clear()
    assert await world.access(replica) == "at-1"
    await world.endpoint.asked.wait()
    assert await world.access(replica) == "at-1"
    world.endpoint.answers.set()
    (task,) = world.renewals[0]._tasks
    await task
    assert await world.access(replica) == "at-2"
    assert world.endpoint.spent == [FIRST, "rt-1"]


@pytest.mark.parametrize(("life", "left", "lasts"), [(3600, 61, True), (3600, 60, False),
                                                     (8, 3, True), (8, 2, False)])  # fmt: skip
def test_a_short_life_has_a_short_end(life: float, left: float, lasts: bool) -> None:
    """A token of a few seconds would be over before it began otherwise."""
    grant = Grant(1, "at", "rt", made=0.0, ends=life)
    assert grant.lasts(life - left, EARLY_SECONDS) is lasts


async def test_a_replica_that_starts_takes_what_is_kept(world: World) -> None:
    """The configured refresh token is spent long since, and nobody tries it again."""
    await world.access(world.replica())
    world.clock.now += 600
    late = world.replica()
    assert await world.access(late) == "at-1"
    validity = late.validity
    assert validity is not None
    assert (validity.age_seconds, validity.left_seconds) == (600, HOUR - 600)
    world.clock.now += HOUR
    assert await world.access(late) == "at-2"
    assert world.endpoint.spent == [FIRST, "rt-1"]


async def test_nothing_is_kept_in_the_clear(world: World) -> None:
    """And what is kept opens under its own name alone."""
    await world.access(world.replica())
    sealed = (await world.grants.look(NAME)).sealed
    assert b"rt-1" not in sealed
    assert b"at-1" not in sealed
    assert b"rt-1" in world.vault.open(NAME, sealed)
    with pytest.raises(Exception, match="not made for this record"):
        world.vault.open(grant_name("another"), sealed)


async def test_a_grant_whose_key_is_elsewhere_is_waited_for(world: World) -> None:
    """In the middle of a rotation nothing is spent that somebody else could open."""
    await world.access(world.replica())
    stranger = Vault(Sealing([EncryptionKey("old", b"k" * 32)]))
    with pytest.raises(errors.StoreUnavailable, match="encryption key"):
        await world.access(world.replica(vault=stranger))
    assert world.endpoint.spent == [FIRST]


async def test_a_caller_that_hangs_up_cancels_nothing(world: World) -> None:
    """What it was spent for is kept all the same."""
    replica = world.replica()
    world.endpoint.answers.clear()
    caller = asyncio.create_task(world.access(replica))
    await world.endpoint.asked.wait()
    caller.cancel()
    await asyncio.wait({caller})
    assert caller.cancelled()
    world.endpoint.answers.set()
    assert await world.access(world.replica()) == "at-1"
    assert world.endpoint.spent == [FIRST]


async def test_a_shutdown_sees_a_renewal_through(world: World) -> None:
    """Else its refresh token would be lost."""
    replica = world.replica()
    world.endpoint.answers.clear()
    caller = asyncio.create_task(world.access(replica))
    await world.endpoint.asked.wait()
    caller.cancel()
    closing = asyncio.create_task(world.renewals[0].close())
    await asyncio.sleep(0)
    world.endpoint.answers.set()
    await closing
    assert (await world.grants.look(NAME)).number == 1


async def test_nobody_waits_longer_than_it_has_time(world: World) -> None:
    """Nothing of the call was sent, and it says so."""
    world.endpoint.answers.clear()
    with pytest.raises(errors.DeadlineExceeded):
        await world.replica().current(world.call(seconds=0.01))


async def test_what_was_bought_is_kept_before_anybody_uses_it(world: World) -> None:
    """However long the store is away: what was bought cannot be bought again."""
    replica = world.replica()
    world.endpoint.answers.clear()
    caller = asyncio.create_task(world.access(replica))
    await world.endpoint.asked.wait()
    world.grants.away = True
    world.endpoint.answers.set()
    await asyncio.sleep(0.05)
    assert not caller.done()
    world.grants.away = False
    assert await caller == "at-1"
    assert await world.access(world.replica()) == "at-1"
    assert world.endpoint.spent == [FIRST]


async def test_without_its_store_nothing_is_spent(world: World) -> None:
    """Another replica may have spent it: that is asked first."""
    world.grants.away = True
    with pytest.raises(errors.StoreUnavailable):
        await world.access(world.replica())
    assert world.endpoint.spent == []


async def test_a_refused_refresh_token_is_left_alone_for_a_while(world: World) -> None:
    """A call each minute, however many want one; each gets an error of its own."""
    world.endpoint.good = "rt-9"
    replica = world.replica()
    seen = []
    for _ in range(5):
        with pytest.raises(errors.VendorUnauthorized) as caught:
            await world.access(replica)
        seen.append(id(caught.value))
    assert len(world.endpoint.spent) == 1
    world.clock.now += REFUSED_SECONDS
    with pytest.raises(errors.VendorUnauthorized):
        await world.access(replica)
    assert len(world.endpoint.spent) == 2


async def test_a_refusal_is_over_when_another_replica_has_a_token(world: World) -> None:
    """Whatever this one was told: what is kept counts."""
    world.endpoint.good = "rt-9"
    replica = world.replica()
    with pytest.raises(errors.VendorUnauthorized):
        await world.access(replica)
    text = b'{"access": "at-7", "refresh": "rt-7"}'
    await world.grants.put(NAME, 0, world.vault.seal(NAME, text), 3_600_000)
    assert await world.access(replica) == "at-7"
    assert len(world.endpoint.spent) == 1


async def test_a_breakdown_bars_nobody_and_counts_as_sickness(world: World) -> None:
    """It proves nothing about the refresh token, and is no fault of the call."""
    world.endpoint.failure = partial(errors.NotSent, "away")
    replica, call = world.replica(), world.call()
    with pytest.raises(errors.NotSent):
        await replica.current(call)
    assert call.broke
    world.endpoint.failure = None
    assert await world.access(replica) == "at-1"
    assert world.endpoint.spent == [FIRST, FIRST]


async def test_who_lost_its_claim_before_the_first_byte_sends_nothing(world: World) -> None:
    """A replica that was paused too long meets the claim of another."""
    assert await world.grants.claim(NAME, 0, "another", 1_000) == 0
    claim = renewal.Claim(world.grants, NAME, 0, "paused", 1_000)
    with pytest.raises(errors.NotSent):
        await claim.leave(WRITE)
    world.clock.now += 1
    await claim.leave(WRITE)
    await claim.freed()
    assert await world.grants.claim(NAME, 0, "another", 1_000) == 0


async def test_who_spent_without_a_claim_takes_what_was_kept(world: World) -> None:
    """Of two renewals of one grant the first that is kept counts, and both have it."""
    one, other = world.replica(), world.replica()
    world.endpoint.answers.clear()
    slow = asyncio.create_task(world.access(one))
    await world.endpoint.asked.wait()
    text = b'{"access": "at-7", "refresh": "rt-7"}'
    await world.grants.put(NAME, 0, world.vault.seal(NAME, text), 3_600_000)
    world.endpoint.answers.set()
    assert await slow == "at-7"
    assert await world.access(other) == "at-7"


async def test_a_fault_of_ours_is_told(world: World) -> None:
    """And not hidden in work that nobody waits for."""
    told: list[BaseException] = []
    replica = world.replica(fault=told.append)
    world.endpoint.good = "no number"
    world.endpoint.seconds = "soon"  # type: ignore[assignment]
    replica._first = "no number"
    with pytest.raises(ValueError, match="no number"):
        await world.access(replica)
    await asyncio.sleep(0)
    assert [type(fault) for fault in told] == [ValueError]


class Guarded:
    """A vendor's resources, that take the tokens of one list alone."""

    def __init__(self, *accepted: str) -> None:
        self.accepted = {f"Bearer {each}" for each in accepted}
        self.came: list[str] = []

    async def __call__(self, call: Call) -> VendorResponse:
        """Answers a call."""
        await call.permit.leave(call.request)
        proof = call.headers["Authorization"]
        self.came.append(proof.removeprefix("Bearer "))
        return said({"id": 1}) if proof in self.accepted else said({"error": proof}, 401)


class Recorder(FreePermit):
    """A permit that notes what it is asked."""

    def __init__(self, failure: GatewayError | None = None) -> None:
        self.asked: list[str] = []
        self._failure = failure

    async def leave(self, request: VendorRequest) -> None:
        self.asked.append("leave")

    async def flush(self) -> None:
        self.asked.append("flush")
        if self._failure:
            raise self._failure


async def asked(replica: Renewer | Proof, vendor: Guarded, call: Call) -> VendorResponse:
    """A call through both layers."""
    return await layered(vendor, [renewed(replica), authenticated(replica)])(call)


@pytest.mark.parametrize("request_", [READ, WRITE])
async def test_a_token_that_is_refused_is_renewed_and_the_call_made_once_more(
    world: World, request_: VendorRequest
) -> None:
    """A write's refusal goes on record first, and its second send asks for leave of its own."""
    replica, vendor, permit = world.replica(), Guarded("at-2"), Recorder()
    await world.access(replica)
    world.clock.now += FRESH_SECONDS
    call = world.call(request_)
    call.permit = permit
    assert (await asked(replica, vendor, call)).status == 200
    assert vendor.came == ["at-1", "at-2"]
    assert permit.asked == ["leave", *(["flush"] if request_ is WRITE else []), "leave"]


@pytest.mark.parametrize("failure", [errors.NotSent("x"), errors.StoreUnavailable("x")])
async def test_a_write_whose_refusal_is_not_on_record_is_not_made_again(
    world: World, failure: GatewayError
) -> None:
    """The vendor's refusal is the answer."""
    replica, vendor = world.replica(), Guarded("at-2")
    await world.access(replica)
    world.clock.now += FRESH_SECONDS
    call = world.call(WRITE)
    call.permit = Recorder(failure)
    assert (await asked(replica, vendor, call)).status == 401
    assert vendor.came == ["at-1"]


async def test_a_new_token_that_is_refused_is_the_vendors_answer(world: World) -> None:
    """A vendor that accepts none is asked for one token a minute, and no call twice for nothing."""
    replica, vendor = world.replica(), Guarded()
    for _ in range(3):
        reply = await asked(replica, vendor, world.call())
        assert (reply.status, reply.json) == (401, {"error": "Bearer ***"})
    assert vendor.came == ["at-1"] * 3
    world.clock.now += FRESH_SECONDS
    await asked(replica, vendor, world.call())
    await asked(replica, vendor, world.call())
    assert vendor.came[3:] == ["at-1", "at-2", "at-2"]
    assert len(world.endpoint.spent) == 2


async def test_many_refusals_of_one_token_on_many_replicas_are_one_renewal(world: World) -> None:
    """Also of calls whose refusal comes when the next token is there already."""
    replicas, vendor = [world.replica() for _ in range(3)], Guarded("at-2")
    for each in replicas:
        await world.access(each)
    world.clock.now += FRESH_SECONDS
    calls = (asked(replicas[n % 3], vendor, world.call()) for n in range(50))
    assert {reply.status for reply in await asyncio.gather(*calls)} == {200}
    assert world.endpoint.spent == [FIRST, "rt-1"]
    late = world.call()
    late.headers.update(Proof("Authorization", "Bearer ", "at-1", "at-1").sent())
    assert replicas[0].refused(late.headers)
    assert world.endpoint.spent == [FIRST, "rt-1"]


async def test_a_key_that_is_refused_stays_refused() -> None:
    """There is no other to be had."""
    vendor, key = Guarded("another"), Proof("Authorization", "Bearer ", "key", "key")
    call = Call(request=READ, until=1e12, patience=1e12)
    assert (await asked(key, vendor, call)).status == 401
    assert vendor.came == ["key"]
    assert key.validity is None


async def test_nothing_prints_as_its_secrets(world: World) -> None:
    """A grant, a proof, a renewer and what they stand on."""
    replica = world.replica()
    proof = await replica.current(world.call())
    shown = repr([replica, replica._held, proof, replica._on, await world.grants.look(NAME)])
    assert not [secret for secret in ("at-1", "rt-1", FIRST) if secret in shown]
