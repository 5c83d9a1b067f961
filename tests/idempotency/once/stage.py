"""Replicas of the gateway around one store and one vendor, each of which can be cut off or die."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from gateway.errors import StoreUnavailable
from gateway.idempotency.addresses import address
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.keys import IdempotencyKey
from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.monitor import Monitor
from gateway.idempotency.once import Asked, Once
from gateway.idempotency.permit import Hold, RecordPermit
from gateway.idempotency.reconcile import Reconciler
from gateway.idempotency.record import Fingerprint, Record
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.registry import Happened, Registry, new_owner
from gateway.idempotency.run import Told
from gateway.idempotency.sealing import EncryptionKey, Sealing
from gateway.idempotency.signing import SigningKey
from gateway.idempotency.store import OperationStore
from gateway.idempotency.sweep import Sweeper
from gateway.idempotency.timers import Timers
from tests.idempotency.once.leaping import leaping_loop, now_ms
from tests.idempotency.once.scripted import Vendor, Work

CALLER = "billing"
KEY = b"key-1"
ENVIRONMENT = "test"
HEX32 = address(ENVIRONMENT, CALLER, KEY)
SIGNING = SigningKey("2026-11", b"s" * 32)
TIMERS = Timers(retention_ms=72 * 3600 * 1000)
REQUEST_SECONDS = 30.0
INFLIGHT = 64
ALL = "every call"
TWO_STEPS = Work(steps=("create", "custom-fields"))

Meanwhile = Callable[[], Awaitable[object]]


class Wire:
    """One replica's way to the store."""

    def __init__(self, store: OperationStore) -> None:
        self._store = store
        self.down: set[str] = set()
        """Calls that do not reach the store."""
        self.lost: Counter[str] = Counter()
        """How many replies are to be lost of calls that did."""
        self.first: dict[str, Meanwhile] = {}
        """What happens right before a call of that name, once."""
        self.then: dict[str, Meanwhile] = {}
        """What happens right after one, before its reply is heard, once."""
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._store, name)

        async def made(*args: Any, **members: Any) -> Any:
            self.made.append(name)
            if happens := self.first.pop(name, None):
                await happens()
            if self.down & {name, ALL}:
                raise StoreUnavailable("the store is away")
            with leaping_loop().standing_still():
                answer = await call(*args, **members)
            if follows := self.then.pop(name, None):
                await follows()
            if self.lost[name]:
                self.lost[name] -= 1
                raise StoreUnavailable("the reply was lost")
            return answer

        return made


@dataclass
class Replica:
    """One gateway process."""

    wire: Wire
    vendor: Vendor
    registry: Registry
    monitor: Monitor
    reconciler: Reconciler[Work]
    once: Once[Work]
    sweeper: Sweeper[Work]
    told: list[Happened]
    faults: list[BaseException]

    def asked(
        self,
        work: Work | None = None,
        *,
        key: bytes = KEY,
        caller: str = CALLER,
        body: bytes = b"a request",
        seconds: float = REQUEST_SECONDS,
        creates: bool = False,
        subject: str | None = None,
        made_here: bool = False,
        signed_by: str = SIGNING.id,
    ) -> Asked[Work]:
        """A request."""
        return Asked(
            hex32=address(ENVIRONMENT, caller, key),
            caller=caller,
            key=IdempotencyKey(key, made_here=made_here),
            connection="acme-one",
            vendor="acme",
            method="POST",
            route="/v1/opportunities",
            fingerprints=[Fingerprint(version=1, key_id=signed_by, digest=body)],
            write=work or Work(),
            creates=creates,
            subject=subject,
            until=leaping_loop().time() + seconds,
        )

    async def ask(self, work: Work | None = None, **members: Any) -> Told:
        """Makes a request and waits for its answer."""
        return await self.once.run(self.asked(work, **members))

    def asking(self, work: Work | None = None, **members: Any) -> asyncio.Task[Told]:
        """Makes a request."""
        return asyncio.create_task(self.ask(work, **members))

    async def die(self) -> None:
        """Ends as a killed process does: at once, and without another word to the store."""
        self.wire.down.add(ALL)
        tasks = list(self.registry._tasks | self.registry._unhurried)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def alarms(self) -> list[str]:
        """What an operator was told."""
        return [happened.kind for happened in self.told]


@dataclass
class Stage:
    """The store, the vendor, and the replicas so far."""

    kept: OperationStore
    """The store itself, for what no replica may do."""
    vendor: Vendor = field(default_factory=Vendor)
    replicas: list[Replica] = field(default_factory=list)

    @property
    def store(self) -> OperationStore:
        """The store, as a replica would ask it."""
        return cast(OperationStore, Wire(self.kept))

    @property
    def on_redis(self) -> bool:
        """Whether the store is a real one, whose times to live are its own."""
        return isinstance(self.kept, RedisStore)

    def replica(
        self, *, inflight: int = INFLIGHT, key_id: str = "2026-11", **timers: float
    ) -> Replica:
        """One more replica."""
        wire, told, faults = Wire(self.kept), list[Happened](), list[BaseException]()
        store = cast(OperationStore, wire)
        registry = Registry(
            store=store,
            sealing=Sealing([EncryptionKey(key_id, b"e" * 32)]),
            signing_keys=[SIGNING],
            environment=ENVIRONMENT,
            timers=replace(TIMERS, **timers),  # type: ignore[arg-type]
            tell=told.append,
            fault=faults.append,
        )
        highwaters = Highwaters()
        monitor = Monitor(store, highwaters=highwaters, keep_ms=TIMERS.retention_ms)
        reconciler = Reconciler(registry, self.vendor)
        once = Once(registry, self.vendor, reconciler, monitor, highwaters, inflight=inflight)
        sweeper = Sweeper(registry, self.vendor, reconciler)
        made = Replica(
            wire, self.vendor, registry, monitor, reconciler, once, sweeper, told, faults
        )
        self.replicas.append(made)
        return made

    async def found(self, key: bytes = KEY, caller: str = CALLER) -> Record | None:
        """The record of a key, None where there is none."""
        return await self.store.get(address(ENVIRONMENT, caller, key))

    async def record(self, key: bytes = KEY) -> Record:
        """The record of a key, which is there."""
        record = await self.found(key)
        assert record is not None
        return record

    async def state(self) -> str | None:
        """What the record says of itself, None where there is none."""
        record = await self.found()
        return record.state if record else None

    async def lose(self) -> None:
        """Loses every record, as a failover may."""
        if isinstance(self.kept, RedisStore):
            with leaping_loop().standing_still():
                for node in await self.kept._nodes.all():
                    await node.client.flushall()
        elif isinstance(self.kept, MemoryStore):
            self.kept._kept.clear()
            self.kept._made.clear()

    async def close(self) -> None:
        """Ends every replica, and the store."""
        for replica in self.replicas:
            await replica.die()
        await self.store.close()


async def new_stage(redis_url: str | None) -> Stage:
    """An empty stage, on a real Redis or in memory; its store goes by the loop's clock."""
    if redis_url is None:
        return Stage(MemoryStore(now_ms))
    stage = Stage(RedisStore.at(redis_url, now=now_ms))
    await stage.lose()
    return stage


async def permitted(replica: Replica, *, after: float = 0) -> RecordPermit:
    """A claim of a replica's, and the leave to send under it."""
    await asyncio.sleep(after)
    asked, owner = replica.asked(seconds=25), new_owner()
    begun = await replica.once._begun(HEX32, owner, asked, None)
    assert begun.verdict == "new"
    assert begun.record is not None
    hold = Hold(hex32=HEX32, owner=owner, fence=begun.fence, record=begun.record)
    return RecordPermit(replica.registry, hold, asked.identity, asked.until)


async def killed(replica: Replica, work: Work | None = None, *, wait: float = 60) -> None:
    """A process that is killed a second into a write, whose leases then run out."""
    write = replica.asking(work)
    await seconds(1)
    await replica.die()
    await asyncio.gather(write, return_exceptions=True)
    await seconds(wait)


async def for_ever() -> None:
    """A process that stops here, until it is killed."""
    await asyncio.Event().wait()


async def seconds(number: float) -> None:
    """Lets time go by."""
    await asyncio.sleep(number)
