"""A store on the bench: a clock that the test moves, short names for long calls, a look inside."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from redis import exceptions
from redis.asyncio import Redis

from gateway.idempotency.addresses import address, record_key
from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.record import OPEN, Fingerprint, Record, State
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.replies import Begun, Lease, Moved, Word
from gateway.idempotency.store import OperationStore

SECOND = 1000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
LEASE = 10 * SECOND
SENDING = 40 * SECOND
KEEP = 72 * HOUR
PATIENCE = 5
"""Times that an empty store is asked for."""
HARD_LIMIT = 600 * SECOND
START = 1_800_000_000_000
"""Of a Redis Cluster."""

KEY = address("test", "billing", b"key")
FINGERPRINT = Fingerprint(version=1, key_id="2026-11", digest=b"a request")
ANOTHER = Fingerprint(version=1, key_id="2026-11", digest=b"another request")
FACTS: dict[str, bytes | str] = {
    "caller": "billing",
    "connection": "acme-one",
    "vendor": "acme",
    "method": "POST",
    "route": "/v1/opportunities",
    "request": b"sealed \x00\xff request",
}
ANSWER = b"sealed \x00\xff answer"
OPERATORS_REASON = "seen in the vendor's own pages"


@dataclass
class Clock:
    """What the store takes for its own clock."""

    ms: int = START

    def __call__(self) -> int:
        return self.ms


@dataclass
class Bench(ABC):
    """One store under test."""

    store: OperationStore
    clock: Clock

    async def begin(
        self,
        owner: str = "a",
        *,
        key: str = KEY,
        fingerprint: Fingerprint = FINGERPRINT,
        lease: int = LEASE,
        beside: Lease | None = None,
        **facts: bytes | str,
    ) -> Begun:
        """Claims the key."""
        return await self.store.begin(
            key,
            fingerprints=[fingerprint],
            owner=owner,
            lease_ms=lease,
            keep_ms=KEEP,
            facts={**FACTS, **facts},
            beside=beside,
        )

    async def take(self, owner: str = "b", *, key: str = KEY) -> Begun:
        """Takes it over."""
        return await self.store.take(key, owner=owner, lease_ms=LEASE)

    async def dispatch(
        self, owner: str = "a", fence: int = 1, send: int = 1, *, key: str = KEY, min_left: int = 0
    ) -> bool:
        """Records a send."""
        return await self.store.dispatch(
            key, owner=owner, fence=fence, send=send, min_left_ms=min_left, lease_ms=SENDING
        )

    async def undispatch(self, owner: str = "a", fence: int = 1, send: int = 1) -> Moved:
        """Takes a send back."""
        return await self.store.undispatch(KEY, owner=owner, fence=fence, send=send)

    async def refuse(self, dispatch_fence: int = 1, send: int = 1, *, end: bool = False) -> Moved:
        """The vendor said no."""
        return await self.store.refuse(KEY, dispatch_fence=dispatch_fence, send=send, end=end)

    async def step(
        self, owner: str = "a", dispatch_fence: int = 1, send: int = 1, index: int = 0
    ) -> Moved:
        """A step is done."""
        return await self.store.step(
            KEY,
            owner=owner,
            dispatch_fence=dispatch_fence,
            send=send,
            index=index,
            name=f"step {index}",
            reply=b"sealed \xff reply",
        )

    async def resend(self, owner: str = "a", fence: int = 2, *, proved: bool = False) -> Moved:
        """Lets the reconciler send again."""
        return await self.store.resend(KEY, owner=owner, fence=fence, proved_absent=proved)

    async def settle(self, verdict: Any, owner: str | None = "a", fence: int | None = 2) -> Moved:
        """Ends it by proof; by an operator without an owner."""
        told: dict[str, Any] = {} if owner else {"by": "ada", "reason": OPERATORS_REASON}
        if verdict == "step":
            told |= {"index": 0, "name": "step 0", "reply": b"sealed \xff reply"}
        else:
            told |= {"answer": ANSWER, "answer_status": 201, "opportunity_id": "acme.1"}
        return await self.store.settle(KEY, owner=owner, fence=fence, verdict=verdict, **told)

    async def park(self, owner: str = "a", fence: int = 2) -> Moved:
        """Leaves it to an operator."""
        return await self.store.park(KEY, owner=owner, fence=fence, why="nothing was found")

    async def complete(
        self,
        owner: str = "a",
        fence: int = 1,
        dispatch_fence: int | None = 1,
        *,
        answer: bytes = ANSWER,
        beside: Lease | None = None,
    ) -> Word:
        """Keeps the final answer."""
        return await self.store.complete(
            KEY,
            owner=owner,
            fence=fence,
            dispatch_fence=dispatch_fence,
            answer=answer,
            answer_status=201,
            outcome="applied",
            opportunity_id="acme-one.1",
            code=None,
            keep_ms=KEEP,
            beside=beside,
        )

    async def release(self, owner: str = "a", fence: int = 1) -> Moved:
        """Frees the key."""
        return await self.store.release(KEY, owner=owner, fence=fence)

    async def heartbeat(self, owner: str = "a", fence: int = 1, *, lease: int = LEASE) -> bool:
        """Prolongs the lease."""
        return await self.store.heartbeat(
            KEY, owner=owner, fence=fence, lease_ms=lease, hard_limit_ms=HARD_LIMIT
        )

    async def record(self, key: str = KEY) -> Record:
        """The record, which is there."""
        record = await self.store.get(key)
        assert record is not None
        return record

    async def put(self, state: State | None) -> None:
        """Brings the key into a state, held by `a`; under fence 1, but 2 once it is reconciled."""
        for call in PATHS[state]:
            await call(self)
        record = await self.store.get(KEY)
        assert (record.state if record else None) == state

    async def advance(self, ms: int) -> None:
        """Time goes by for the store, its TTLs included."""
        self.clock.ms += ms

    @abstractmethod
    async def ttl(self, key: str = KEY) -> int:
        """Milliseconds until the record ends by itself."""

    @abstractmethod
    async def indexed(self) -> tuple[set[str], set[str]]:
        """The records that the indexes `open` and `ended` name."""

    @abstractmethod
    async def empty(self) -> None:
        """Loses everything."""


PATHS: dict[State | None, list[Callable[[Bench], Awaitable[object]]]] = {
    None: [],
    "claimed": [Bench.begin],
    "dispatched": [Bench.begin, Bench.dispatch],
    "reconciling": [Bench.begin, Bench.dispatch, lambda bench: bench.take("a")],
    "indeterminate": [
        Bench.begin, Bench.dispatch, lambda bench: bench.take("a"), Bench.park,
    ],
    "completed": [Bench.begin, Bench.dispatch, Bench.complete],
    "not_applied": [Bench.begin, Bench.dispatch, lambda bench: bench.refuse(end=True)],
}  # fmt: skip


def but(*states: State | None) -> list[State | None]:
    """Every state except these; None is that there is no record."""
    return [state for state in PATHS if state not in states]


@dataclass
class MemoryBench(Bench):
    """The store in memory."""

    @classmethod
    def new(cls) -> "MemoryBench":
        clock = Clock()
        return cls(MemoryStore(clock), clock)

    @property
    def _memory(self) -> MemoryStore:
        assert isinstance(self.store, MemoryStore)
        return self.store

    async def ttl(self, key: str = KEY) -> int:
        return self._memory._kept[key].ends - self.clock.ms

    async def indexed(self) -> tuple[set[str], set[str]]:
        records = list(self._memory._all())
        working = {record.hex32 for record in records if record.state in OPEN}
        return working, {record.hex32 for record in records} - working

    async def empty(self) -> None:
        self.store = MemoryStore(self.clock)


@dataclass
class RedisBench(Bench):
    """The store on Redis, one server or several; its TTLs are moved with the clock."""

    clients: list[Redis] = field(default_factory=list)

    @classmethod
    async def at(cls, url: str, *, cluster: bool = False) -> "RedisBench":
        """An emptied store."""
        bench = await cls.beside(url, cluster=cluster)
        await bench.empty()
        return bench

    @classmethod
    async def beside(cls, url: str, *, cluster: bool = False) -> "RedisBench":
        """Another replica of the gateway, with connections of its own, on what there is."""
        clock = Clock()
        store = RedisStore.at(url, cluster=cluster, now=clock)
        return cls(store, clock, [node.client for node in await store._nodes.all()])

    async def advance(self, ms: int) -> None:
        await super().advance(ms)
        for client in self.clients:
            async for key in client.scan_iter(count=1000):
                left = await client.pttl(key)
                if left >= 0:
                    await client.pexpire(key, max(left - ms, 0))

    async def ttl(self, key: str = KEY) -> int:
        node = await self._redis._nodes.of(record_key(key))
        return await node.client.pttl(record_key(key))

    async def asked(self, command: str) -> int:
        """How often the servers were asked it so far."""
        told = [await client.info("commandstats") for client in self.clients]
        return sum(each.get(f"cmdstat_{command}", {"calls": 0})["calls"] for each in told)

    async def indexed(self) -> tuple[set[str], set[str]]:
        return await self._members("open"), await self._members("ended")

    async def _members(self, index: str) -> set[str]:
        found: set[str] = set()
        for client in self.clients:
            for key in await client.keys(f"uog:1:{{b*}}:{index}"):
                members = cast(list[bytes], await client.zrange(key, 0, -1))
                found |= {member.decode() for member in members}
        return found

    async def empty(self) -> None:
        for client in self.clients:
            await _patiently(client.flushall)

    @property
    def _redis(self) -> RedisStore:
        assert isinstance(self.store, RedisStore)
        return self.store


async def _patiently(ask: Callable[[], Awaitable[object]]) -> None:
    """Asks until there is an answer: a machine that pauses is no fault of the store's."""
    for _ in range(PATIENCE):
        try:
            await ask()
        except exceptions.TimeoutError:
            continue
        return
    await ask()
