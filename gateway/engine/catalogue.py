"""Catalogues, kept per connection for a while and read anew when a reference is not in them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from gateway.canonical.pipeline import Catalogue, Pipeline, merged

Load = Callable[[], Awaitable[Catalogue]]

KEEP_SECONDS = 600.0
REFRESH_SECONDS = 60.0
"""A catalogue is not read again for an unknown name within this time (api.md 11)."""
NOTHING_KNOWN = Catalogue()
"""Of every connection that was not asked: one, so that what follows from it is worked out once."""


@dataclass(slots=True)
class _Kept:
    catalogue: Catalogue | None = None
    at: float = 0.0
    seen: tuple[Pipeline, ...] = ()
    currency: str | None = None
    """Of the record that was seen last, until the vendor tells the account's."""
    whole: Catalogue | None = None
    """Both as one, made when it is first asked for; None after either changed."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Catalogues:
    """One replica's catalogues by connection; concurrent readers share one load."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def held(self, connection: str) -> Catalogue:
        """What is known without asking the vendor; empty where nothing is."""
        kept = self._kept.get(connection)
        if kept is None:
            return NOTHING_KNOWN
        if kept.whole is None:
            kept.whole = _with(kept)
        return kept.whole

    def fresh(self, connection: str) -> bool:
        """Whether the next `get` makes no call."""
        kept = self._kept.get(connection)
        return kept is not None and self._age(kept) < KEEP_SECONDS

    async def get(
        self, connection: str, load: Load, *, until: float | None = None, anew: bool = False
    ) -> Catalogue:
        """The catalogue, loaded if it is not there or old; `anew` wants one under a minute old.

        Raises TimeoutError where another's load is waited for until `until`, on the loop's clock.
        """
        kept = self._of(connection)
        limit = REFRESH_SECONDS if anew else KEEP_SECONDS
        if self._age(kept) >= limit:
            async with asyncio.timeout_at(until):
                await kept.lock.acquire()
            try:
                if self._age(kept) >= limit:
                    kept.catalogue = replace(await load(), known=True)
                    kept.whole = None
                    kept.at = self._clock()
            finally:
                kept.lock.release()
        return self.held(connection)

    def saw(
        self, connection: str, pipelines: Sequence[Pipeline], currency: str | None = None
    ) -> None:
        """Remembers the pipelines that a record showed, and the currency that it was in."""
        if pipelines or currency:
            kept = self._of(connection)
            seen = kept.seen
            if pipelines and any(pipeline not in seen for pipeline in pipelines):
                seen = merged((*seen, *pipelines))
            told = currency or kept.currency
            if seen is not kept.seen or told != kept.currency:
                kept.seen, kept.currency = seen, told
                kept.whole = None

    def _of(self, connection: str) -> _Kept:
        kept = self._kept.get(connection)
        if kept is None:
            kept = self._kept[connection] = _Kept()
        return kept

    def _age(self, kept: _Kept) -> float:
        return self._clock() - kept.at if kept.catalogue is not None else float("inf")


def _with(kept: _Kept) -> Catalogue:
    """The catalogue with what records showed, which yields to what the vendor lists itself."""
    catalogue = kept.catalogue or NOTHING_KNOWN
    if kept.seen:
        pipelines = merged((*kept.seen, *(catalogue.pipelines or ())))
        catalogue = replace(catalogue, pipelines=pipelines)
    if kept.currency and catalogue.currency is None:
        catalogue = replace(catalogue, currency=kept.currency)
    return catalogue
