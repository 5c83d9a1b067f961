"""What one request had done for it: the vendor calls and the calls to the store, in their order.

A trail lies in the context, so tasks that a request starts go on with it, also after its answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from gateway.translator import VendorRequest, VendorResponse

MAX_CALLS: Final = 64
"""Vendor calls that a trail keeps; it goes on counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCalled:
    """One attempt at a vendor call that is over. No credential is in it."""

    vendor: str
    connection: str
    request: VendorRequest = field(repr=False)
    response: VendorResponse | None = field(repr=False)
    """None where no whole answer came."""
    code: str | None
    """What callers know the trouble by, where no answer came."""
    sent: bool
    """Whether a byte of it may have left."""
    began_ns: int
    """By the wall clock, since 1970."""
    seconds: float
    bytes_out: int
    """Of the body, as are `bytes_in`."""
    bytes_in: int
    digest_out: bytes = field(default=b"", repr=False)
    """SHA-256 of the body, and `digest_in` of the answer's; empty where there is none."""
    digest_in: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCalled:
    """One call to the store that is over, with its second try where there was one."""

    script: str
    ok: bool
    began_ns: int
    """By the wall clock, since 1970."""
    seconds: float


@dataclass(slots=True)
class Trail:
    """Of one request."""

    vendor_calls: list[VendorCalled] = field(default_factory=list)
    vendor_call_count: int = 0
    store_call_count: int = 0
    store_seconds: float = 0.0

    def called(self, call: VendorCalled) -> None:
        """Adds a vendor call."""
        self.vendor_call_count += 1
        if len(self.vendor_calls) < MAX_CALLS:
            self.vendor_calls.append(call)

    def stored(self, call: StoreCalled) -> None:
        """Adds a call to the store."""
        self.store_call_count += 1
        self.store_seconds += call.seconds


_TRAIL: Final[ContextVar[Trail | None]] = ContextVar("trail", default=None)


@contextmanager
def opened() -> Iterator[Trail]:
    """A trail for what happens within, and in the tasks that are started there."""
    trail = Trail()
    token = _TRAIL.set(trail)
    try:
        yield trail
    finally:
        _TRAIL.reset(token)


def followed() -> Trail | None:
    """The trail of the request that this is done for; None for work of the gateway's own."""
    return _TRAIL.get()
