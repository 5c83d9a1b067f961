"""Who is told of what happens: one function for each kind of event, each with plain details."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple

from gateway.idempotency.registry import Happened
from gateway.shared.trail import StoreCalled, Trail, VendorCalled


class Served(NamedTuple):
    """One request that was served, for whoever wants to log or count it."""

    request_id: str
    instance: str
    trace_id: str | None
    """The trace that it belongs to, where its caller or we have begun one."""
    method: str
    route: str
    operation: str | None
    """Its `operationId`, None for what is not part of the API."""
    status: int
    began_ns: int
    """By the wall clock, since 1970."""
    seconds: float
    bytes_in: int
    """Of the body, as far as it was read; `bytes_out` of the answer's."""
    bytes_out: int
    caller: str | None
    connection: str | None
    vendor: str | None
    opportunity_id: str | None
    """The one that it was about, as far as that is known; so is `operation_id`."""
    operation_id: str | None
    trail: Trail
    """What was done for it up to its answer."""
    code: str | None
    outcome: str | None
    """What became of a write, None for a read."""
    idempotency: str | None
    """What `Idempotency-Status` said of a write, None for a read."""
    fault: BaseException | None
    """A fault of ours, or what made a vendor's answer unreadable."""


def _unheard(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Whoever listens; what is not named is not heard. None of them raises or waits."""

    began: Callable[[], None] = _unheard
    """A request has come; it is told once more when it was served."""
    served: Callable[[Served], None] = _unheard
    called: Callable[[VendorCalled], None] = _unheard
    stored: Callable[[StoreCalled], None] = _unheard
    happened: Callable[[Happened], None] = _unheard
    """Something about a write that an operator ought to know."""
    forgotten: Callable[[], None] = _unheard
    """The store has lost records of writes (reliability.md 2.5)."""
    fault: Callable[[BaseException], None] = _unheard
    """A fault of ours in work that no request waits for."""
    unrecorded: Callable[[int], None] = _unheard
    """So many requests are missing from the ledger: it was slow, or there were too many."""
    taken_on: Callable[[], None] = _unheard
    """A changed configuration is in force from now on."""
    refused: Callable[[list[str]], None] = _unheard
    """A changed configuration is not fit to run with: the old one stays."""


def every(*listening: Hooks) -> Hooks:
    """Hooks that tell each of these in turn."""

    def tell(told: Sequence[Callable[..., None]], *details: Any) -> None:
        for listener in told:
            listener(*details)

    def heard(name: str) -> Callable[..., None]:
        told = [hook for each in listening if (hook := getattr(each, name)) is not _unheard]
        return told[0] if len(told) == 1 else partial(tell, told)

    return Hooks(**{field.name: heard(field.name) for field in fields(Hooks)})
