"""What one request had done for it: the vendor calls and the calls to the store, in their order.

A trail lies in the context, so tasks that a request starts go on with it, also after its answer.
"""

from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Self

MAX_CALLS: Final = 64
"""Vendor calls that a trail keeps; it goes on counting."""


class VendorCalled(NamedTuple):
    """One attempt at a vendor call that is over.

    Nothing that was said is in it: what it is part of stays for as long as its request, and longer
    where a connection was opened for that.
    """

    vendor: str
    connection: str
    effect: Literal["read", "write"]
    step: str
    method: str
    status: int | None
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
    digest_out: bytes = b""
    """SHA-256 of the body, and `digest_in` of the answer's; empty where there is none."""
    digest_in: bytes = b""


class StoreCalled(NamedTuple):
    """One call to the store that is over, with its second try where there was one."""

    script: str
    ok: bool
    began_ns: int
    """By the wall clock, since 1970."""
    seconds: float


@dataclass(slots=True)
class Trail:
    """Of one request: what happens within `with`, and in the tasks that are started there."""

    vendor_calls: list[VendorCalled] = field(default_factory=list)
    vendor_call_count: int = 0
    store_call_count: int = 0
    store_seconds: float = 0.0
    _token: Token["Trail | None"] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def __enter__(self) -> Self:
        """From here on it is the one that is followed."""
        self._token = _TRAIL.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        """The one before is followed again."""
        if self._token:
            _TRAIL.reset(self._token)

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


followed: Final = _TRAIL.get
"""The trail of the request that this is done for; None for work of the gateway's own."""
