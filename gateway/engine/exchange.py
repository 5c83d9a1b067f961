"""The exchange with a vendor: one call in, one reply out, through layers, plain functions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Protocol

from gateway.errors import (
    GatewayError,
    Indeterminate,
    IndeterminateTimeout,
    NotSent,
    VendorFaulted,
    VendorTimeout,
)
from gateway.translator import VendorRequest, VendorResponse


class Permit(Protocol):
    """Leave to send a write: where idempotency meets the engine (reliability.md 2.4)."""

    def recorded(self, request: VendorRequest) -> VendorResponse | None:
        """The reply of an earlier run of the same operation to this write, not to be sent again."""

    def native_key(self, request: VendorRequest) -> str | None:
        """What a vendor that dedupes by itself is to know the write by."""

    async def leave(self, request: VendorRequest) -> None:
        """Awaited right before the first byte of a write; raises `NotSent` to hold it back."""

    async def note(self, request: VendorRequest, response: VendorResponse) -> None:
        """Told of the reply to a write."""

    async def flush(self) -> None:
        """Asked for before a refused write is spelled anew: its refusal has to be on record first.

        Raises `NotSent` or `StoreUnavailable`: then it may not be sent again.
        """


class FreePermit:
    """Leave for every write: no record is kept, so nothing holds a write back."""

    def recorded(self, request: VendorRequest) -> VendorResponse | None:
        """Knows of no earlier run."""
        return None

    def native_key(self, request: VendorRequest) -> str | None:
        """Has no key."""
        return None

    async def leave(self, request: VendorRequest) -> None:
        """Lets every write go."""

    async def note(self, request: VendorRequest, response: VendorResponse) -> None:
        """Keeps nothing."""

    async def flush(self) -> None:
        """Has nothing to put on record."""


@dataclass(slots=True)
class Call:
    """One vendor call on its way: what is asked, by when, and whether a byte of it has left."""

    request: VendorRequest
    until: float
    """When the answer to a read has to be there, and a write sent, on the event loop's clock."""
    patience: float
    """When a write that was sent is given up: cutting it sooner would only hide its outcome."""
    permit: Permit = field(default_factory=FreePermit)
    headers: dict[str, str] = field(default_factory=dict)
    """What layers add, such as credentials; it never returns to a translator."""
    form: Mapping[str, str] | None = field(default=None, repr=False)
    """A body of the engine's own, sent in the place of the request's: it holds secrets."""
    caller: str = ""
    """On whose behalf it is made; nobody's where the gateway itself wants to know something."""
    asked: bool = False
    """Set by the gate before it asks for leave: where that is refused, the refusal is final."""
    sent: bool = False
    """Set by the gate, before the first byte: from then on nobody can say that it did not leave."""
    broke: bool = False
    """Set where no whole answer came and that is the vendor's failing, not ours or the caller's."""
    bytes_out: int = 0
    """Size of the body that is sent, set by the wire, as is `bytes_in`: of what was read."""
    bytes_in: int = 0
    digest_out: bytes = b""
    """SHA-256 of the body that is sent, and `digest_in` of what was read; empty without a body."""
    digest_in: bytes = b""

    @property
    def ends(self) -> float:
        """When the call ends, answered or not."""
        return self.until if self.request.effect == "read" else max(self.until, self.patience)

    def attempt(self) -> "Call":
        """The same call, to be made on its own: what befalls one attempt is not the next one's."""
        return Call(
            request=self.request,
            until=self.until,
            patience=self.patience,
            permit=self.permit,
            headers=dict(self.headers),
            form=self.form,
            caller=self.caller,
            bytes_out=self.bytes_out,
            digest_out=self.digest_out,
        )

    def lost(self, why: str, *, timeout: bool = False) -> GatewayError:
        """The error for a call that ends without an answer (api.md 7)."""
        if not self.sent:
            return NotSent(f"The vendor could not be reached: {why}.")
        if self.request.effect == "write":
            kind = IndeterminateTimeout if timeout else Indeterminate
            return kind(f"The write was sent and no answer came back: {why}.")
        if timeout:
            return VendorTimeout(f"The vendor did not answer in time: {why}.")
        return VendorFaulted(f"The vendor's answer broke off: {why}.")


Exchange = Callable[[Call], Awaitable[VendorResponse]]
Layer = Callable[[Exchange], Exchange]


def layered(wire: Exchange, layers: Sequence[Layer]) -> Exchange:
    """The wire with layers around it, the first of the list outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(layers), wire)
