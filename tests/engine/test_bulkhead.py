"""Bulkheads: so many at once, as many in wait, and who is sent away first."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.engine.bulkhead import Bulkhead, Bulkheads, bounded
from gateway.engine.exchange import Call
from gateway.errors import Overloaded
from gateway.translator import VendorResponse, read
from tests.engine.speaker import said

READ = read("get", "things/1")
FOREVER = 1e12


class Visitors:
    """Tasks that take a place and keep it until they are told to go."""

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead
        self.inside: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._go: dict[str, asyncio.Event] = {}

    async def come(self, name: str, until: float = FOREVER) -> None:
        """Has one come, and sees it in, out or in the queue."""
        self._go[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, until))
        await settled()

    async def go(self, name: str) -> None:
        """Has one leave its place."""
        self._go[name].set()
        await settled()

    async def leave(self) -> None:
        """Has all leave."""
        for name in self._go:
            await self.go(name)
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    def sent_away(self, name: str) -> bool:
        """Whether one was told that there is no place."""
        task = self.tasks[name]
        return task.done() and isinstance(task.exception(), Overloaded)

    async def _stay(self, name: str, until: float) -> None:
        await self._bulkhead.enter(until)
        try:
            self.inside.append(name)
            await self._go[name].wait()
            self.inside.remove(name)
        finally:
            self._bulkhead.leave()


async def settled() -> None:
    """Lets everybody move."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def visitors() -> Visitors:
    """A bulkhead of two places."""
    return Visitors(Bulkhead(2))


async def test_so_many_are_inside_and_the_next_wait_in_turn(visitors: Visitors) -> None:
    """Who leaves lets the first in."""
    for name in "abcd":
        await visitors.come(name)
    assert visitors.inside == ["a", "b"]
    await visitors.go("b")
    assert visitors.inside == ["a", "c"]
    await visitors.go("a")
    assert visitors.inside == ["c", "d"]
    await visitors.leave()


async def test_when_too_many_wait_the_one_with_the_least_time_goes(visitors: Visitors) -> None:
    """It would hardly have had an answer; even if it is the last to come."""
    await visitors.come("a")
    await visitors.come("b")
    await visitors.come("soon", until=FOREVER - 2)
    await visitors.come("later", until=FOREVER - 1)
    await visitors.come("c")
    assert visitors.sent_away("soon")
    await visitors.come("now", until=FOREVER - 3)
    assert visitors.sent_away("now")
    assert not visitors.sent_away("later")
    await visitors.go("a")
    await visitors.go("b")
    assert visitors.inside == ["later", "c"]
    await visitors.leave()


async def test_nobody_waits_beyond_its_time(visitors: Visitors) -> None:
    """And the place that it waited for is not lost."""
    await visitors.come("a")
    await visitors.come("b")
    await visitors.come("late", until=asyncio.get_running_loop().time() + 0.01)
    await asyncio.sleep(0.05)
    assert visitors.sent_away("late")
    await visitors.go("a")
    await visitors.come("c")
    await visitors.come("d")
    assert visitors.inside == ["b", "c"]
    await visitors.leave()


@pytest.mark.parametrize("first", ["the place", "the end"])
async def test_whoever_is_cancelled_leaves_no_gap(visitors: Visitors, first: str) -> None:
    """Also where the place was given to it in the same moment."""
    for name in "abc":
        await visitors.come(name)
    steps: list[Callable[[], object]] = [visitors._go["a"].set, visitors.tasks["c"].cancel]
    for step in steps if first == "the place" else reversed(steps):
        step()
    await settled()
    await visitors.come("d")
    await visitors.come("e")
    assert visitors.inside == ["b", "d"]
    await visitors.leave()


async def test_a_place_given_and_cancelled_at_once_goes_to_the_next() -> None:
    """The moment between the gift and its taking is no hole."""
    bulkhead = Bulkhead(1)
    visitors = Visitors(bulkhead)
    await visitors.come("a")
    await visitors.come("b")
    bulkhead._queue[0].admitted.set_result(True)
    bulkhead._queue.pop(0)
    visitors.tasks["b"].cancel()
    await settled()
    await visitors.come("c")
    assert visitors.inside == ["a", "c"]
    await visitors.leave()


async def test_a_connection_and_a_caller_each_have_their_places() -> None:
    """A caller that fills its own keeps nobody else from a vendor; we ourselves are no caller."""
    inside: list[str] = []
    go = asyncio.Event()

    async def vendor(call: Call) -> VendorResponse:
        inside.append(call.caller)
        await go.wait()
        return said()

    exchange = bounded(Bulkhead(5), Bulkheads(2))(vendor)

    def ask(caller: str) -> asyncio.Task[VendorResponse]:
        call = Call(request=READ, until=FOREVER, patience=FOREVER, caller=caller)
        return asyncio.ensure_future(exchange(call))

    greedy = [ask("greedy") for _ in range(5)]
    await settled()
    assert inside == ["greedy"] * 2
    others = [ask("modest"), ask(""), ask(""), ask("")]
    await settled()
    assert inside == ["greedy", "greedy", "modest", "", ""]
    go.set()
    done = await asyncio.gather(*greedy, *others, return_exceptions=True)
    assert sum(isinstance(each, Overloaded) for each in done) == 1
    assert len(inside) == 8


async def test_a_call_without_a_place_is_not_made() -> None:
    """It is told so, and may come again."""
    asked: list[Call] = []

    async def vendor(call: Call) -> VendorResponse:
        asked.append(call)
        return said()

    own = Bulkhead(1)
    exchange = bounded(own, Bulkheads(1))(vendor)
    now = asyncio.get_running_loop().time()
    await own.enter(FOREVER)
    with pytest.raises(Overloaded) as caught:
        await exchange(Call(request=READ, until=now + 0.01, patience=FOREVER))
    own.leave()
    assert asked == []
    assert caught.value.outcome == "not_applied"
    await exchange(Call(request=READ, until=FOREVER, patience=FOREVER))
    assert len(asked) == 1
