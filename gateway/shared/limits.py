"""Rate limits that replicas share: the port, its words, and a call's way through several buckets.

A bucket is what somebody counts calls for: a credential, a company, an egress address, a caller. It
has windows of known size, and besides them what the counting side itself last said. How they are
counted, and why nobody who counts otherwise comes to more than the limit, is in decision 0023.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from gateway.normalizer.rates import Told

SLICES: Final = 60
"""Into how many parts a window is divided; a call is counted for its whole slice."""
TRAVEL_MS: Final = 250
"""How much later than another a call may arrive, and still fall into no other window."""
HOLD_MS: Final = 60_000
"""How long a vendor's word counts that does not say for how long."""
SAME_MS: Final = 1_000
"""Ends of a window that are no further apart are one end, told in whole seconds."""
WORD_KEEP_MS: Final = 86_400_000
"""How long the size of a window that a vendor told is remembered."""


class Window(NamedTuple):
    """At most so many calls in any span of that length."""

    limit: int
    ms: int

    @property
    def slice_ms(self) -> int:
        """The length of a slice."""
        return max(self.ms // SLICES, 1)

    @property
    def kept_ms(self) -> int:
        """How long after the beginning of a slice the calls in it count."""
        return self.slice_ms + self.ms + TRAVEL_MS


class Bucket(NamedTuple):
    """Whose calls are counted, and in which windows."""

    name: str
    """32 hex digits, see `bucket_name`."""
    windows: tuple[Window, ...] = ()


class Taken(NamedTuple):
    """Whether a call may go, by one bucket."""

    wait_ms: int
    """When it may be tried again; 0 where it may go, and is counted."""
    at_ms: int
    """When it was counted, on the clock of whoever counts."""
    left: int | None = None
    """How many more may follow now, None where no limit is known."""
    renews_ms: int = 0
    """For how long there will not be more than that."""
    lefts: tuple[int, ...] = ()
    """How many more each window would let follow."""
    apart: bool = False
    """Whether this replica counted it by itself."""


class Left(NamedTuple):
    """What is left of a bucket."""

    windows: tuple[int, ...]
    """Of each window, in its order."""
    told_limit: int | None = None
    told: int | None = None
    """What is left by the vendor's own word, while that counts."""


class Limits(Protocol):
    """Counts calls. A call of it is atomic; what cannot be asked raises `StoreUnavailable`."""

    async def take(self, bucket: Bucket, *, ahead: int = 0) -> Taken:
        """Counts a call if there is room for it besides `ahead` others that came before."""

    async def take_each(self, buckets: Sequence[Bucket], *, ahead: int = 0) -> Sequence[Taken]:
        """The same for each of several, in one round where one server has them all."""

    async def give_back(self, bucket: Bucket, taken: Taken) -> None:
        """Uncounts a call that was not made."""

    async def left(self, bucket: Bucket) -> Left:
        """What is left, with nothing counted."""

    async def learned(self, bucket: Bucket, *told: Told) -> None:
        """Takes the vendor's own words for a bucket, in the order in which they came."""

    async def run(self) -> None:
        """Does what has to be done all the time, until it is cancelled."""

    async def close(self) -> None:
        """Ends what is open."""


def bucket_name(*parts: str) -> str:
    """The name of a bucket: nothing of whom it belongs to can be read from it.

    It is no HMAC, so that the rotation of a signing key empties no bucket.
    """
    spelled = json.dumps(["uog limits", *parts]).encode()
    return hashlib.sha256(spelled).hexdigest()[:32]


class Passage(NamedTuple):
    """A call's way through all of its buckets."""

    wait_ms: int
    taken: tuple[tuple[Bucket, Taken], ...] = ()

    async def give_back(self, limits: Limits) -> None:
        """Uncounts it everywhere."""
        for bucket, taken in self.taken:
            await limits.give_back(bucket, taken)


async def take_all(limits: Limits, buckets: Sequence[Bucket], *, ahead: int = 0) -> Passage:
    """Takes from every bucket, or from none: what was taken before a refusal is given back."""
    pairs = tuple(zip(buckets, await limits.take_each(buckets, ahead=ahead), strict=True))
    wait_ms = 0
    for _, taken in pairs:
        wait_ms = max(wait_ms, taken.wait_ms)
    if not wait_ms:
        return Passage(0, pairs)
    await Passage(0, tuple(pair for pair in pairs if not pair[1].wait_ms)).give_back(limits)
    return Passage(wait_ms)
