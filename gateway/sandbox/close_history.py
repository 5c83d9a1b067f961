"""What Close's slower eyes still see: a list behind its writes, a deleted record (close.md 9)."""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain

from gateway.sandbox.simulator import Record


class History:
    """The states that records had before, and since when they have had their next."""

    def __init__(self) -> None:
        self._past: dict[str, list[tuple[datetime, Record | None]]] = {}

    def note(self, record_id: str, before: Record | None, at: datetime) -> None:
        """Keeps the state that ended at `at`; None if the record did not exist before."""
        self._past.setdefault(record_id, []).append((at, before and dict(before)))

    def seen(self, records: Mapping[str, Record], at: datetime) -> list[Record]:
        """The records as they were at an earlier time."""
        ids = dict.fromkeys(chain(records, self._past))
        states = (self.state(one, records.get(one), at) for one in ids)
        return [state for state in states if state is not None]

    def state(self, record_id: str, now: Record | None, at: datetime) -> Record | None:
        """One record as it was at an earlier time; `now` is what it is."""
        for ended, before in self._past.get(record_id, ()):
            if ended > at:
                return before
        return now
