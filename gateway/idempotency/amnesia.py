"""Noticing that the store lost records: a count that only grows has fallen (reliability.md 2.5)."""

from collections.abc import Mapping


class Highwaters:
    """What this replica has seen of each bucket's count of records.

    A count is compared with what was known when it was asked for, not when it came: answers to
    calls that ran at the same time may arrive in any order.
    """

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def known(self, bucket: str) -> int:
        """The highest count seen, to be kept while a call is on its way."""
        return self._known.get(bucket, 0)

    def all_known(self) -> Mapping[str, int]:
        """The same for every bucket."""
        return dict(self._known)

    def fell(self, bucket: str, *, known: int, found: int) -> bool:
        """Whether a count fell below what was known; from then on the lower one is known."""
        if found < known:
            self._known[bucket] = found
            return True
        self._known[bucket] = max(found, self.known(bucket))
        return False

    def any_fell(self, *, known: Mapping[str, int], found: Mapping[str, int]) -> bool:
        """The same for all counts at once."""
        fallen = [
            self.fell(bucket, known=known.get(bucket, 0), found=count)
            for bucket, count in found.items()
        ]
        return any(fallen)
