"""The ledger: a record of each request that is worth one, bounded and expiring, for operators.

Nothing depends on it. A record is written after the answer, and lost where the store is away.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from redis.asyncio.client import Pipeline

from gateway.shared import scripts
from gateway.shared.calls import Calls
from gateway.shared.nodes import Nodes
from gateway.shared.resp import Word

HOUR_MS: Final = 3600 * 1000
BUCKETS: Final = 256
"""What is kept is bounded in each: on a Cluster no script sees all of them."""
_PREFIX: Final = len("req_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The record of one request."""

    request_id: str
    """The gateway's own: `req_` and hex digits of chance, by which it finds its bucket."""
    caller: str
    connections: tuple[str, ...]
    """All that it touched: whoever may not see one of them may not see the record."""
    told: bytes = field(repr=False)
    """What is told of it, as JSON."""


class Ledger(Protocol):
    """The records of requests. Every method raises `StoreUnavailable`."""

    async def put(self, entries: Sequence[Entry]) -> None:
        """Keeps records for their time; the oldest go before it where there are too many."""

    async def get(self, request_id: str) -> Entry | None:
        """A record that is still kept."""

    async def close(self) -> None:
        """Lets go of what it stands on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How much a ledger keeps."""

    hours: int
    records: int
    """About how many: each bucket holds its part of them."""

    @property
    def ms(self) -> int:
        """For how long a record is kept."""
        return self.hours * HOUR_MS

    @property
    def of_bucket(self) -> int:
        """How many a bucket holds, which is one at least."""
        return -(-self.records // BUCKETS)


class MemoryLedger(Ledger):
    """A ledger of one process, by a clock in seconds: for trials."""

    def __init__(self, keep: Keep, clock: Callable[[], float]) -> None:
        self._keep = keep
        self._clock = clock
        self._buckets: defaultdict[str, dict[str, tuple[float, Entry]]] = defaultdict(dict)

    async def put(self, entries: Sequence[Entry]) -> None:
        until = self._clock() + self._keep.ms / 1000
        for entry in entries:
            bucket = self._buckets[_bucket(entry.request_id)]
            bucket[entry.request_id] = until, entry
            while len(bucket) > self._keep.of_bucket:
                del bucket[next(iter(bucket))]

    async def get(self, request_id: str) -> Entry | None:
        until, entry = self._buckets[_bucket(request_id)].get(request_id, (0.0, None))
        return entry if until > self._clock() else None

    async def close(self) -> None:
        """There is nothing to let go of."""


class RedisLedger(Ledger):
    """A ledger of all replicas, a hash for each record."""

    def __init__(self, nodes: Nodes, keep: Keep) -> None:
        self._nodes = nodes
        self._calls = Calls(nodes)
        self._keep = keep
        self._put = scripts.load("gateway.shared", "ledger")["put"].text

    async def put(self, entries: Sequence[Entry]) -> None:
        known = {entry.request_id: entry for entry in entries}

        def put(pipe: Pipeline, request_id: str) -> object:
            keys = (_key(request_id), _bucket_key(request_id))
            limits = (self._keep.ms, self._keep.of_bucket)
            # As text: a script by its digest may be unknown to a node, and a pipeline cannot ask.
            return pipe.eval(self._put, len(keys), *keys, *limits, *_members(known[request_id]))

        await self._calls.each([*known], _key, put)

    async def get(self, request_id: str) -> Entry | None:
        key = _key(request_id)
        found: Any = await self._calls.ask(key, lambda node: node.hgetall(key))
        return _read(request_id, found) if found else None

    async def close(self) -> None:
        await self._nodes.close()


def _bucket(request_id: str) -> str:
    return request_id[_PREFIX : _PREFIX + 2]


def _bucket_key(request_id: str) -> str:
    return f"uog:1:{{l{_bucket(request_id)}}}"


def _key(request_id: str) -> str:
    return f"{_bucket_key(request_id)}:{request_id}"


def _members(entry: Entry) -> tuple[Word, ...]:
    connections = " ".join(entry.connections)
    return ("caller", entry.caller, "connections", connections, "told", entry.told)


def _read(request_id: str, found: Mapping[bytes, bytes]) -> Entry:
    return Entry(
        request_id=request_id,
        caller=found[b"caller"].decode(),
        connections=tuple(found[b"connections"].decode().split()),
        told=found[b"told"],
    )
