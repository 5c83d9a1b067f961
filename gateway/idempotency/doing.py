"""What a record needs of the rooms above: to do a write, to tell of it, to look for its effect.

`W` is a write as those rooms know it; here it is opaque.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from gateway.errors import GatewayError
from gateway.idempotency.answer import Answer
from gateway.idempotency.permit import Abandoned, RecordPermit
from gateway.idempotency.record import Record
from gateway.translator import VendorResponse

W = TypeVar("W")

Kind = Literal["applied", "unchanged", "absent", "foreign", "blind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look at the vendor showed of a write that no answer came for (reliability.md 2.6).

    `applied`: proof, with the answer. `unchanged`: all is as it was before. `absent`: a create's
    marker is not found, which proves nothing. `foreign`: neither; somebody else wrote. `blind`:
    there is no way to ask.
    """

    kind: Kind
    detail: str
    answer: Answer | None = None
    twins: bool = False
    """Whether several records bear the mark: the answer tells of the oldest."""
    dedupe_seconds: int = 0
    """For how long the vendor recognises a write that is sent again under its derived key."""


class Doing(Protocol[W]):
    """The rooms above, as far as a record is concerned."""

    def stored(self, write: W) -> bytes:
        """The write as a record keeps it, so that any replica can take it up."""

    def read(self, stored: bytes) -> W:
        """The write that was kept."""

    async def perform(self, write: W, permit: RecordPermit | Abandoned, until: float) -> Answer:
        """Does the write, on the event loop's clock. Raises `GatewayError`."""

    def told(self, write: W, error: GatewayError) -> Answer:
        """The problem that tells of an error."""

    async def look(
        self,
        write: W,
        *,
        marker: str | None,
        pre: bytes | None,
        made: Sequence[VendorResponse],
    ) -> Finding:
        """Looks at the vendor, by reading alone. Raises `GatewayError` where it cannot.

        `pre` is the vendor's record as it was before; `made` are the replies of steps done.
        """

    async def applied(self, write: W, opportunity_id: str | None) -> Answer:
        """The answer to a write that is known to be applied, built by reading.

        Where the read fails, the answer says so, and that the write is applied.
        """

    def retold(self, write: W, record: Record) -> Answer:
        """The problem that a record stands for which kept no more of it than its code."""

    async def abandoned(
        self, write: W, made: Sequence[VendorResponse], operation_id: str
    ) -> Answer:
        """The answer to a write of which only the first steps are made, and no more will be."""
