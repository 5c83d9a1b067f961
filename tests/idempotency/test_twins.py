"""The Lua scripts and their twins in Python do the same, move by move and along any path."""

import asyncio
import os
from collections import defaultdict
from functools import partial
from itertools import chain
from typing import Any, cast

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gateway.idempotency.addresses import places, record_key
from gateway.idempotency.record import Record
from gateway.idempotency.redis import RedisStore
from tests.idempotency.bench import (
    ANOTHER,
    FINGERPRINT,
    HOUR,
    KEY,
    SECOND,
    START,
    Bench,
    MemoryBench,
    RedisBench,
)
from tests.idempotency.test_every_state import Fields, Move, moves, state_of

EXAMPLES = int(os.environ.get("GATEWAY_STATE_EXAMPLES", "30"))
"""How many paths are walked; a soak walks thousands."""
OF_A_KIND = 4
"""How many moves of one kind are tried on Redis."""
SLACK = 60 * SECOND


def chosen() -> list[Move]:
    """Some of every kind of move: a script in a state, with its word and what came of it."""
    kinds: dict[Any, list[Move]] = defaultdict(list)
    for move in moves():
        steps = len(str(move.before.get("steps", ""))) > 0
        unanswered = int(move.before.get("un", 0)) > 0
        past = bool(move.before) and int(move.before["lu"]) <= START
        mine = move.before.get("own") == move.call.owner
        kinds[move.edge, move.word, steps, unanswered, past, mine].append(move)
    return [
        found[len(found) * n // OF_A_KIND] for found in kinds.values() for n in range(OF_A_KIND)
    ]


def record_of(fields: Fields) -> Record | None:
    """What a store would read."""
    return Record(KEY, fields) if fields else None


async def test_each_kind_of_move_is_the_same_in_lua(redis_bench: RedisBench) -> None:
    """From the same fields the script gives the same word and the same record."""
    store, (client,) = redis_bench.store, redis_bench.clients
    assert isinstance(store, RedisStore)
    redis_bench.clock.ms = START
    some = chosen()
    for move in some:
        await client.delete(*places(KEY))
        if move.before:
            await client.hset(record_key(KEY), items=[*chain(*move.before.items())])
        call = move.call
        told = await store._run(call.script, KEY, call.owner, call.fence, *call.args)
        after = tuple(int(move.after.get(name, 0)) for name in ("f", "at"))
        assert (told.word, told.state) == (move.word, state_of(move.after)), move
        assert (told.fence, told.attempts) == after, move
        assert await store.get(KEY) == record_of(move.after), move
    assert len(some) > 1000


OWNERS = st.sampled_from(["a", "b"])


class Twins(RuleBasedStateMachine):
    """Every call is made to Redis and to memory; both must answer, and be, the same."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._loop = asyncio.Runner()
        self._redis: Bench = self._loop.run(RedisBench.at(url))
        self._memory: Bench = MemoryBench.new()

    def teardown(self) -> None:
        """Lets go of the connections."""
        self._loop.run(self._redis.store.close())
        self._loop.close()

    def both(self, call: Any) -> Any:
        """Makes a call to both, and compares."""
        answers = self._loop.run(self._called(call))
        assert answers[0] == answers[1]
        return answers[0]

    async def _called(self, call: Any) -> list[Any]:
        answers = [await call(bench) for bench in (self._redis, self._memory)]
        records = [await bench.store.get(KEY) for bench in (self._redis, self._memory)]
        assert records[0] == records[1]
        if records[0]:
            ends = [await bench.ttl() for bench in (self._redis, self._memory)]
            assert abs(ends[0] - ends[1]) < SLACK
            assert await self._redis.indexed() == await self._memory.indexed()
        return answers

    async def _swept(self) -> None:
        """The index names a record that ended by itself until somebody tries to take it."""
        store = self._redis.store
        for hex32 in await store.due(5):
            if await store.get(hex32) is None:
                assert (await self._redis.take("b")).verdict == "gone"

    def held(self) -> tuple[str, int, int, int]:
        """Owner, fence, dispatch fence and number of sends, as the record has them."""
        record = self._loop.run(self._memory.store.get(KEY))
        if record is None:
            return "a", 1, 1, 0
        return record.owner, record.fence, record.dispatch_fence, record.attempts

    @initialize()
    def claim(self) -> None:
        """Most paths begin with one."""
        self.both(lambda bench: bench.begin("a"))

    @rule(owner=OWNERS, same=st.sampled_from([True, True, True, False]))
    def begin(self, owner: str, same: bool) -> None:
        """A request, now and then another one."""
        fingerprint = FINGERPRINT if same else ANOTHER
        self.both(lambda bench: bench.begin(owner, fingerprint=fingerprint))

    @rule(owner=OWNERS)
    def take(self, owner: str) -> None:
        """A sweeper, or the holder."""
        self.both(lambda bench: bench.take(owner))

    @rule(
        name=st.sampled_from(
            [
                "dispatch",
                "undispatch",
                "resend",
                "park",
                "complete",
                "release",
                "heartbeat",
                "settle",
            ]
        ),
        wrong=st.sampled_from([None, None, None, "owner", "fence"]),
        detail=st.integers(0, 3),
    )
    def hold(self, name: str, wrong: str | None, detail: int) -> None:
        """What a holder does, or somebody who thinks to be it."""
        owner, fence, sent_under, attempts = self.held()
        owner = "b" if wrong == "owner" else owner
        fence = fence - 1 if wrong == "fence" else fence
        calls: dict[str, Any] = {
            "dispatch": lambda b: b.dispatch(owner, fence, attempts + min(detail, 1)),
            "undispatch": lambda b: b.undispatch(owner, fence, attempts),
            "resend": lambda b: b.resend(owner, fence, proved=detail == 0),
            "park": lambda b: b.park(owner, fence),
            "complete": lambda b: b.complete(owner, fence, (sent_under or None, None)[detail // 2]),
            "release": lambda b: b.release(owner, fence),
            "heartbeat": lambda b: b.heartbeat(owner, fence),
            "settle": lambda b: b.settle(
                ("applied", "partial", "not_applied", "step")[detail], owner, fence
            ),
        }
        self.both(calls[name])

    @rule(wrong=st.sampled_from([0, 0, 0, 1]), end=st.booleans())
    def refuse(self, wrong: int, end: bool) -> None:
        """The vendor said no."""
        _, _, sent_under, attempts = self.held()
        self.both(lambda bench: bench.refuse(sent_under, attempts + wrong, end=end))

    @rule(owner=OWNERS, index=st.integers(0, 2))
    def step(self, owner: str, index: int) -> None:
        """A step is done."""
        _, _, sent_under, attempts = self.held()
        self.both(lambda bench: bench.step(owner, sent_under, attempts, index))

    @rule(verdict=st.sampled_from(["applied", "partial", "not_applied", "step"]))
    def resolve(self, verdict: str) -> None:
        """An operator settles it."""
        self.both(lambda bench: bench.settle(verdict, None, None))

    @rule(text=st.text(max_size=40))
    def note(self, text: str) -> None:
        """Evidence of any kind."""
        self.both(lambda bench: bench.store.note(KEY, kind="seen", detail=text))

    @rule(name=st.sampled_from(["touch", "compact"]))
    def sweep(self, name: str) -> None:
        """What the sweeper does to what is not due."""
        self.both(lambda bench: getattr(bench.store, name)(KEY))

    @rule(ms=st.sampled_from([SECOND, 10 * SECOND, 40 * SECOND, HOUR, 40 * HOUR]))
    def advance(self, ms: int) -> None:
        """Time goes by."""
        self.both(lambda bench: bench.advance(ms))

    @rule()
    def look(self) -> None:
        """Lists and what is due are the same, once a sweeper has seen what ended by itself."""
        self._loop.run(self._swept())
        self.both(lambda bench: bench.store.due(5))
        self.both(lambda bench: bench.store.listed())
        self.both(lambda bench: bench.store.counters())


@pytest.mark.timeout(1800)  # a failing path takes long to be made short
def test_any_path_is_the_same_in_lua(redis_url: str) -> None:
    """Whatever is called in whatever order, with TTLs, indexes and lists."""
    run_state_machine_as_test(
        cast(type[Twins], partial(Twins, redis_url)),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
