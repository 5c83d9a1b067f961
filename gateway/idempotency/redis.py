"""The store that replicas share: Lua scripts on Redis, or on a Redis Cluster.

The keys of one script have one hash tag, so they lie on one node whatever the map of the Cluster.
"""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Self, cast

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from gateway.idempotency.addresses import (
    AMNESIA,
    BUCKETS,
    ended_key,
    highwater_key,
    lease_key,
    open_key,
    places,
    record_key,
)
from gateway.idempotency.aged import Aged
from gateway.idempotency.durability import Info, judged, together
from gateway.idempotency.record import (
    COMPACT_AFTER_MS,
    OPEN,
    Place,
    Record,
    Result,
    Sought,
    State,
    latest_first,
)
from gateway.idempotency.replies import Lease, Reply, StoreHealth
from gateway.idempotency.store import Argument, OperationStore
from gateway.shared import scripts
from gateway.shared.calls import AT_ONCE, Calls
from gateway.shared.moving import ClusterNodes
from gateway.shared.nodes import Node, Nodes, OneNode
from gateway.shared.resp import Word

DEPTH: Final = 4
"""How many ended records of each bucket a list looks at first."""
HEAD: Final = ("st", "outcome", "caller", "connection", "t0")
"""The fields that say whether a list is of a record."""
OF_A_LEASE: Final = frozenset(("rl_take", "rl_renew", "rl_free"))
"""Scripts that touch no record, and stand alone."""

Scored = list[tuple[bytes, float]]


class RedisStore(OperationStore):
    """The contract over Redis, by its own clock; only tests set another with `now`."""

    def __init__(self, nodes: Nodes, *, now: Callable[[], int] | None = None) -> None:
        self._nodes = nodes
        self._calls = Calls(nodes)
        self._now = now
        self._scripts = scripts.load("gateway.idempotency", alone=OF_A_LEASE)

    @classmethod
    def at(cls, url: str, *, cluster: bool = False, now: Callable[[], int] | None = None) -> Self:
        """The store at `redis://…` or `rediss://…`; it connects when it is first asked."""
        return cls(ClusterNodes(url) if cluster else OneNode(url), now=now)

    async def get(self, hex32: str) -> Record | None:
        return next(iter(await self._records([hex32])), None)

    async def due(self, limit: int) -> list[str]:
        now = await self.time_ms()
        windows = await self._windows(
            lambda pipe, name: pipe.zrangebyscore(
                open_key(name), "-inf", now, start=0, num=limit, withscores=True
            )
        )
        held = sorted((score, hex32) for window in windows for hex32, score in window)
        return [hex32.decode() for _, hex32 in held][:limit]

    async def old(self, limit: int, *, older_ms: int = COMPACT_AFTER_MS) -> list[str]:
        return await Aged(self._calls).found(await self.time_ms() - older_ms, limit)

    async def listed(
        self,
        *,
        caller: str | None = None,
        states: Collection[State] | None = None,
        results: Collection[Result] | None = None,
        connections: Container[str] | None = None,
        since_ms: int = 0,
        after: Place | None = None,
        limit: int = 50,
    ) -> list[Record]:
        sought = Sought(
            caller=caller, states=states, results=results, connections=connections,
            since_ms=since_ms, after=after,
        )  # fmt: skip
        found: list[Record] = []
        if sought.any_of(OPEN):
            found += await self._fitting(sought, await self._windows(_working))
        if sought.any_of({"indeterminate"}):
            found += await self._fitting(sought, await self._windows(_parked))
        found = [record for record in found if sought.goes_on_with(record)]
        if sought.any_of({"completed", "not_applied"}) and len(found) < limit:
            found += await self._ended(sought, limit - len(found))
        once = {record.hex32: record for record in found}  # one may have moved meanwhile
        return sorted(once.values(), key=latest_first)[:limit]

    async def counters(self) -> Mapping[str, int]:
        working = await self._calls.each(
            BUCKETS, open_key, lambda pipe, name: pipe.zcard(open_key(name))
        )
        parked = await self._calls.each(
            BUCKETS, ended_key, lambda pipe, name: pipe.zcount(ended_key(name), "-inf", "(0")
        )
        return {"open": sum(working), "indeterminate": sum(parked)}

    async def highwaters(self) -> Mapping[str, int]:
        counts = await self._calls.each(
            BUCKETS, highwater_key, lambda pipe, name: pipe.get(highwater_key(name))
        )
        return {name: int(count or 0) for name, count in zip(BUCKETS, counts, strict=True)}

    async def amnesia(self) -> bool:
        return bool(await self._calls.ask(AMNESIA, lambda client: client.exists(AMNESIA)))

    async def set_amnesia(self, keep_ms: int) -> bool:
        before = await self._calls.ask(
            AMNESIA, lambda client: client.set(AMNESIA, "1", px=keep_ms, get=True)
        )
        return before is None

    async def forget(self, caller: str) -> int:
        forgotten = 0
        for node in await self._calls.reach(self._nodes.all):
            for hex32 in await self._of_caller(node, caller):
                forgotten += await self.compact(hex32, older_ms=0)
        return forgotten

    async def time_ms(self) -> int:
        if self._now:
            return self._now()
        seconds, micros = await self._calls.ask(AMNESIA, lambda client: client.time())
        return int(seconds) * 1000 + int(micros) // 1000

    async def lease_take(self, name_hash: str, *, owner: str, ttl_ms: int) -> int:
        return await self._lease("rl_take", name_hash, owner, ttl_ms)

    async def lease_renew(self, name_hash: str, *, owner: str, ttl_ms: int) -> bool:
        return bool(await self._lease("rl_renew", name_hash, owner, ttl_ms))

    async def lease_free(self, name_hash: str, *, owner: str) -> bool:
        return bool(await self._lease("rl_free", name_hash, owner))

    async def health(self, *, replicas: int = 0) -> StoreHealth:
        found = []
        for node in await self._calls.reach(self._nodes.all):
            client = node.client

            async def inspected(client: Redis = client) -> tuple[Info, str | None]:
                return await client.info(), await _appendfsync(client)

            found.append(judged(*await self._calls.reach(inspected), replicas=replicas))
        return together(found)

    async def close(self) -> None:
        await self._nodes.close()

    async def _run(
        self,
        script: str,
        hex32: str,
        owner: str,
        fence: int,
        *args: Argument,
        beside: Lease | None = None,
    ) -> Reply:
        keys, argv = places(hex32), self._argv(owner, fence, args)
        if beside and self._nodes.together:
            keys.append(lease_key(beside.address))
            argv.append(beside.ttl_ms)
        return _reply(hex32, await self._calls.run(self._scripts[script], keys, argv))

    async def _run_confirmed(
        self,
        script: str,
        hex32: str,
        owner: str,
        fence: int,
        *args: Argument,
        replicas: int,
        wait_ms: int,
    ) -> tuple[Reply, int]:
        argv = self._argv(owner, fence, args)
        told, count = await self._calls.run_confirmed(
            self._scripts[script], places(hex32), argv, replicas=replicas, wait_ms=wait_ms
        )
        return _reply(hex32, told), count

    def _argv(self, owner: str, fence: int, args: Sequence[Argument]) -> list[Word]:
        argv: list[Word] = [self._now() if self._now else "", owner, fence]
        for arg in args:
            if isinstance(arg, dict):
                argv += chain.from_iterable(arg.items())
            elif isinstance(arg, list):
                argv.append(len(arg))
                argv += chain.from_iterable((each.pair, each.digest.hex()) for each in arg)
            else:
                argv.append(arg)
        return argv

    async def _lease(self, script: str, address: str, *argv: Word) -> int:
        return int(await self._calls.run(self._scripts[script], [lease_key(address)], argv))

    async def _windows(self, command: Callable[[Pipeline, str], object]) -> list[Scored]:
        return cast(list[Scored], await self._calls.each(BUCKETS, open_key, command))

    async def _ended(self, sought: Sought, limit: int) -> list[Record]:
        """The latest that fit: each bucket is looked into ever deeper until there are enough."""
        depth = DEPTH
        while True:
            windows = await self._windows(_latest(sought, depth))
            # Below this time a bucket may hold more than was seen of it.
            unseen = max((window[-1][1] for window in windows if len(window) == depth), default=0)
            seen = [
                [
                    (hex32, at)
                    for hex32, at in window
                    if at > unseen and sought.passes(int(at), hex32.decode())
                ]
                for window in windows
            ]
            found = await self._fitting(sought, seen, limit)
            if len(found) == limit or not unseen:
                return found
            depth *= 4

    async def _fitting(
        self, sought: Sought, windows: Sequence[Scored], limit: int | None = None
    ) -> list[Record]:
        scored = sorted((-score, hex32) for window in windows for hex32, score in window)
        ids = [hex32.decode() for _, hex32 in scored]
        heads = await self._calls.each(
            ids,
            record_key,
            lambda pipe, hex32: pipe.hmget(record_key(hex32), HEAD),
        )
        pairs = zip(ids, heads, strict=True)
        return await self._records([hex32 for hex32, head in pairs if _fits(sought, head)][:limit])

    async def _records(self, ids: Sequence[str]) -> list[Record]:
        found = await self._calls.each(
            ids, record_key, lambda pipe, hex32: pipe.hgetall(record_key(hex32))
        )
        pairs = zip(ids, found, strict=True)
        return [_record(hex32, fields.items()) for hex32, fields in pairs if fields]

    async def _of_caller(self, node: Node, caller: str) -> list[str]:
        """A caller's records on a node, also those that no index names any more."""
        theirs: list[str] = []
        cursor = 0
        while True:

            async def scanned(cursor: int = cursor) -> tuple[int, list[bytes]]:
                found = await node.client.scan(cursor, match="uog:1:{b*}:op:*", count=AT_ONCE)
                return cast(tuple[int, list[bytes]], found)

            cursor, keys = await self._calls.reach(scanned)
            ids = [key.decode().rpartition(":")[2] for key in keys]
            callers = await self._calls.each(
                ids, record_key, lambda pipe, hex32: pipe.hget(record_key(hex32), "caller")
            )
            pairs = zip(ids, callers, strict=True)
            theirs += [hex32 for hex32, found in pairs if found == caller.encode()]
            if not cursor:
                return theirs


def _working(pipe: Pipeline, name: str) -> object:
    return pipe.zrange(open_key(name), 0, -1, withscores=True)


def _parked(pipe: Pipeline, name: str) -> object:
    return pipe.zrangebyscore(ended_key(name), "-inf", "(0", withscores=True)


def _latest(sought: Sought, depth: int) -> Callable[[Pipeline, str], object]:
    def command(pipe: Pipeline, name: str) -> object:
        since = max(sought.since_ms, 1)
        until = "+inf" if sought.until_ms is None else sought.until_ms
        return pipe.zrevrangebyscore(
            ended_key(name), until, since, start=0, num=depth, withscores=True
        )

    return command


async def _appendfsync(client: Redis) -> str | None:
    """How often the server makes sure of what it wrote; managed ones do not let it be asked."""
    try:
        return (await client.config_get("appendfsync")).get("appendfsync")
    except exceptions.ResponseError:
        return None


def _reply(hex32: str, told: Sequence[Any]) -> Reply:
    word, state, fence, attempts, now_ms, left_ms, highwater, flat, *beside = told
    record = _record(hex32, zip(flat[::2], flat[1::2], strict=True)) if flat else None
    known: State | None = state.decode() or None
    return Reply(
        word.decode(), known, fence, attempts, now_ms, left_ms, highwater, record, beside == [1]
    )


def _record(hex32: str, fields: Iterable[tuple[bytes, bytes]]) -> Record:
    return Record(hex32, {name.decode(): value for name, value in fields})


def _fits(sought: Sought, head: Sequence[bytes | None]) -> bool:
    """Whether a record with these members is sought; it may be gone."""
    state, result, caller, connection, t0 = ((part or b"").decode() for part in head)
    return bool(state) and sought.fits(
        state=state, result=result, caller=caller, connection=connection, t0=int(t0)
    )
