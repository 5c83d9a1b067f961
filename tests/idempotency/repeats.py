"""Every script where it does something, in every way that it can: what a lost reply may hit."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.idempotency.bench import KEY, LEASE, Bench

Call = Callable[[Bench], Awaitable[Any]]


def put(state: Any) -> Call:
    """Begins in a state."""
    return lambda bench: bench.put(state)


async def second_write(bench: Bench) -> None:
    """One step is done, the second is sent."""
    await bench.put("dispatched")
    await bench.step()
    await bench.dispatch(send=2)


async def second_write_unknown(bench: Bench) -> None:
    """One step is done, and of the second nobody knows."""
    await second_write(bench)
    await bench.take("a")


async def first_write_done(bench: Bench) -> None:
    """One step is done, nothing more is sent."""
    await bench.put("dispatched")
    await bench.step()


async def refused(bench: Bench) -> None:
    """The vendor said no, and it may be tried again."""
    await bench.put("dispatched")
    await bench.refuse()


async def resend_permitted(bench: Bench) -> None:
    """A first send is unanswered, a second may go out."""
    await bench.put("reconciling")
    await bench.resend()


async def resent(bench: Bench) -> None:
    """A first send is unanswered, a second is out."""
    await resend_permitted(bench)
    await bench.dispatch(fence=2, send=2)


async def taken_over(bench: Bench) -> None:
    """Another reconciles what was sent."""
    await bench.put("dispatched")
    await bench.advance(10 * LEASE)
    await bench.take("b")


REPEATS: dict[str, tuple[Call, Call]] = {
    "begin": (put(None), Bench.begin),
    "begin, over an ended lease": (taken_over, lambda b: b.take("b")),
    "begin, released before": (put("not_applied"), lambda b: b.begin("b")),
    "take": (put("dispatched"), lambda b: b.take("a")),
    "dispatch": (put("claimed"), Bench.dispatch),
    "dispatch again": (resend_permitted, lambda b: b.dispatch(fence=2, send=2)),
    "undispatch": (put("dispatched"), Bench.undispatch),
    "undispatch a resend": (resent, lambda b: b.undispatch(fence=2, send=2)),
    "refuse": (put("dispatched"), Bench.refuse),
    "refuse, to end": (put("dispatched"), lambda b: b.refuse(end=True)),
    "refuse a resend": (resent, lambda b: b.refuse(2, send=2)),
    "refuse the second write": (second_write, lambda b: b.refuse(send=2, end=True)),
    "refuse late": (taken_over, Bench.refuse),
    "step": (put("dispatched"), Bench.step),
    "step late": (taken_over, Bench.step),
    "resend": (put("reconciling"), Bench.resend),
    "resend what is absent": (put("reconciling"), lambda b: b.resend(proved=True)),
    "settle, applied": (put("reconciling"), lambda b: b.settle("applied")),
    "settle, not applied": (put("reconciling"), lambda b: b.settle("not_applied")),
    "settle, second not applied": (second_write_unknown, lambda b: b.settle("not_applied")),
    "settle a step": (put("reconciling"), lambda b: b.settle("step")),
    "resolve, partial": (put("indeterminate"), lambda b: b.settle("partial", None, None)),
    "resolve, not applied": (put("indeterminate"), lambda b: b.settle("not_applied", None, None)),
    "resolve a step": (put("indeterminate"), lambda b: b.settle("step", None, None)),
    "park": (put("reconciling"), Bench.park),
    "complete": (put("dispatched"), Bench.complete),
    "complete unsent": (put("claimed"), lambda b: b.complete(dispatch_fence=None)),
    "complete late": (put("not_applied"), Bench.complete),
    "complete, fenced": (resent, Bench.complete),
    "release": (put("claimed"), Bench.release),
    "release what was refused": (refused, Bench.release),
    "release a resend": (resend_permitted, lambda b: b.release(fence=2)),
    "release after a step": (first_write_done, Bench.release),
    "heartbeat": (put("claimed"), Bench.heartbeat),
    "touch": (put("dispatched"), lambda b: b.store.touch(KEY)),
    "compact": (put("completed"), lambda b: b.store.compact(KEY, older_ms=0)),
    "note": (put("dispatched"), lambda b: b.store.note(KEY, kind="seen", detail="x")),
    "facts": (put("claimed"), lambda b: b.store.facts(KEY, owner="a", fence=1, marker="uog-M")),
    "lease": (put(None), lambda b: b.store.lease_take("ab", owner="a", ttl_ms=LEASE)),
}
"""What there is before, and the call."""


def alike(first: Any, again: Any) -> bool:
    """The same answer; a claim that was new is mine when it is asked for again."""
    told = [getattr(answer, "verdict", None) for answer in (first, again)]
    if told[0] in {"new", "reconcile"} and told[1] == "mine":
        return bool(
            (first.state, first.fence, first.record) == (again.state, again.fence, again.record)
        )
    return bool(first == again)
