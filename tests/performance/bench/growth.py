"""What grows with a gateway and must not make requests dearer: connections, operations, pages."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx

from gateway.idempotency.addresses import BUCKETS, ended_key
from tests.performance.bench import houses
from tests.performance.bench.houses import House, Street
from tests.performance.bench.rounds import Asker, Numbers, asked, warm
from tests.sandboxed import KEY
from tests.servers import RedisServer

CONNECTIONS: Final = (1, 100, 5_000)
OPERATIONS: Final = 1_000_000
DEEP: Final = (1, 10, 50)
"""Pages of a list that are looked at, by their numbers."""
PER_CALL: Final = 100
"""Operations of each bucket that one call to Redis makes."""

_COMPACT: Final = ("req", "resp", "pre", "steps")
"""What an ended operation drops after three days."""
_COPIES: Final = """
for number = 1, tonumber(ARGV[3]) do
  local hex = ARGV[1] .. redis.sha1hex(ARGV[2] .. ':' .. number):sub(1, 30)
  local key = 'uog:1:{b' .. ARGV[1] .. '}:op:' .. hex
  redis.call('COPY', KEYS[1], key)
  redis.call('ZADD', KEYS[2], ARGV[4], hex)
end
"""


class Growth:
    """What one more connection, operation or page costs the requests beside it."""

    def __init__(self, at: Street, asker: Asker, *, seconds: float) -> None:
        self._at = at
        self._asker = asker
        self._seconds = seconds

    def measured(self) -> Iterator[tuple[str, Numbers]]:
        """All of it."""
        yield from self.connections(CONNECTIONS)
        yield from self.pages(DEEP)
        yield from self.operations(OPERATIONS)

    def connections(self, numbers: Sequence[int]) -> Iterator[tuple[str, Numbers]]:
        """What a start takes and a request costs, by how many connections are configured."""
        for number in numbers:
            house = houses.gateway(self._at, f"G{number}", connections=number)
            start = {"start_s": house.started, "start_mb": house.memory}
            yield f"G {number} connections", {**self._patched(house), **start}
            houses.end(house)

    def operations(self, number: int) -> Iterator[tuple[str, Numbers]]:
        """What a write costs beside few, and beside so many that have ended and are compact."""
        folder = self._at.folder / "stored"
        folder.mkdir()
        with houses.stored(folder) as redis:
            changed = {"url": redis.url, "durability": "strict"}
            house = houses.gateway(self._at, "stored", redis=changed)
            yield "G 0 operations", self._patched(house)
            before = _kept(redis)
            multiplied(redis, number)
            _settled(redis)
            each = (_kept(redis) - before) / number
            yield f"G {number} operations", {**self._patched(house), "redis_bytes": each}
            houses.end(house)

    def pages(self, numbers: Sequence[int]) -> Iterator[tuple[str, Numbers]]:
        """What a page of a list costs, by how many come before it."""
        house = houses.gateway(self._at, "lists")
        (first,) = self._asker.requests("list")
        cursors = _cursors(house, first["head"].split(" ", 2)[1])
        for number in range(1, max(numbers) + 1):
            cursor = next(cursors)
            if number in numbers:
                page = first["head"].replace(" HTTP/1.1", f"{cursor} HTTP/1.1", 1)
                requests = [{**first, "head": page}]
                told = asked(self._at, house, requests, at_once=4, seconds=self._seconds)
                yield f"G page {number} of a list", told
        houses.end(house)

    def _patched(self, house: House) -> Numbers:
        warm(self._at.loader, house, self._asker.mix("acme"))
        requests = self._asker.requests("patch")
        return asked(self._at, house, requests, at_once=64, seconds=self._seconds)


def multiplied(redis: RedisServer, number: int) -> None:
    """Gives Redis so many more operations, each like one that it has and as compact as an old one.

    They are spread over all buckets, so the last of them may make it a few more.
    """
    template = _an_operation(redis)
    redis.ask("HDEL", template, *_COMPACT)
    ended: Any = redis.ask("HGET", template, "te")
    left, turn = number, 0
    while left > 0:
        for bucket in BUCKETS:
            redis.ask(
                "EVAL", _COPIES, 2, template, ended_key(bucket), bucket, turn, PER_CALL, ended
            )
        left, turn = left - PER_CALL * len(BUCKETS), turn + 1


def _an_operation(redis: RedisServer) -> str:
    """The key of one that has ended."""
    cursor = "0"
    while True:
        found: Any = redis.ask("SCAN", cursor, "MATCH", "uog:1:{b*}:op:*", "COUNT", 1000)
        cursor, keys = found
        for key in keys:
            if redis.ask("HGET", key, "st") == "completed":
                return str(key)
        if str(cursor) == "0":
            raise LookupError("no operation has ended")


def _cursors(house: House, target: str) -> Iterator[str]:
    """What the target of each page ends with, the first one's first."""
    headers = {"Authorization": f"Bearer {KEY}"}
    cursor = ""
    with httpx.Client(base_url=f"http://127.0.0.1:{house.port}", headers=headers) as client:
        while True:
            yield cursor
            answer = client.get(f"{target}{cursor}").raise_for_status()
            cursor = f"&cursor={quote(answer.json()['next_cursor'])}"


def _settled(redis: RedisServer) -> None:
    """Waits until Redis has written its log anew, which so much at once makes it do."""
    while True:
        told: Any = redis.ask("INFO", "persistence")
        if not (told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"]):
            return
        time.sleep(0.5)


def _kept(redis: RedisServer) -> int:
    """Bytes that Redis keeps."""
    told: Any = redis.ask("INFO", "memory")
    return int(told["used_memory"])
