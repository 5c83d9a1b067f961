"""The list over several connections: drained one after another in order of name (api.md 2)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from gateway.canonical.opportunity import Opportunity
from gateway.canonical.pipeline import Catalogue
from gateway.canonical.query import DEFAULT_LIMIT, FILTERS, Query
from gateway.connections import Connection
from gateway.errors import (
    Fault,
    GatewayError,
    InvalidCursor,
    OperationUnsupported,
    UnsupportedFilter,
)
from gateway.opportunities import Conversation, Opportunities, Terms
from gateway.translator import Translator

MAX_CALLS = 10
"""Vendor calls that one page may cost."""
CATALOGUE_CALLS = 5
"""What reading a catalogue may cost, set aside before a connection that needs one is begun."""
NOT_LISTED_SECONDS = 3600.0
"""How long it is remembered that a vendor has no list (api.md 11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a caller wants listed, over which connections."""

    connections: tuple[str, ...]
    filters: Mapping[str, str]
    sort: str | None = None
    descending: bool = False
    include_archived: bool = False
    limit: int = DEFAULT_LIMIT
    named: bool = False
    """Whether the caller named the connections: then each has to support every filter."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the connections still to drain, and the place in the first of them."""

    connections: tuple[str, ...]
    place: Any = None

    def beyond(self) -> "Position | None":
        """Where the next connection begins, None behind the last."""
        return Position(self.connections[1:]) if self.connections[1:] else None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A connection that is missing from a page, why, and where to go on with it."""

    connection: str
    error: GatewayError
    position: Position | None


@dataclass(slots=True)
class Drained:
    """One page over all connections."""

    next: Position | None
    """Where the page stands while it is filled, and then where the one after it begins."""
    items: list[Opportunity] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def add(self, found: Sequence[Opportunity]) -> None:
        """Adds what is not there yet: under a moving list a record can come twice."""
        seen = {opportunity.id for opportunity in self.items}
        self.items += [opportunity for opportunity in found if opportunity.id not in seen]


class Listing:
    """Lists opportunities over connections; it remembers which vendors have no list after all."""

    def __init__(self, opportunities: Opportunities, clock: Callable[[], float]) -> None:
        self._opportunities = opportunities
        self._clock = clock
        self._unlisted: dict[str, tuple[float, OperationUnsupported]] = {}

    async def page(
        self, among: Mapping[str, Connection], start: Position, wanted: Wanted, terms: Terms
    ) -> Drained:
        """One page from `start` on. Raises the problem of a connection that is alone, or of all."""
        if wanted.named:
            for name in wanted.connections:
                _supported(among[name], self._opportunities.known(among[name]), wanted)
        page = Drained(start if start.connections else None)
        while page.next is not None and _has_room(page, wanted, terms):
            at = among[page.next.connections[0]]
            try:
                if not await self._drain(at, page.next, wanted, terms, page):
                    break
            except GatewayError as error:
                if wanted.named and isinstance(error, UnsupportedFilter):
                    raise
                error.connection = at.name
                page.troubles.append(Trouble(at.name, error, _again(page.next, error)))
            page.next = page.next.beyond()
        if page.troubles and len(page.troubles) == len(wanted.connections):
            raise page.troubles[0].error
        return page

    async def _drain(
        self, at: Connection, where: Position, wanted: Wanted, terms: Terms, page: Drained
    ) -> bool:
        """Moves the page on by vendor pages of one connection; whether that has no more."""
        talk = self._opportunities.speak(at, terms)
        self._refuse_unlisted(at)
        size = _page_size(at, wanted.limit)
        if not _has_room(page, wanted, terms, size) or self._costs_too_much(talk, wanted):
            return False
        translator = await self._translator(talk, wanted)
        _supported(at, translator.context.catalogue, wanted)
        while _has_room(page, wanted, terms, size):
            query = Query(
                filters=wanted.filters,
                sort=wanted.sort,
                descending=wanted.descending,
                include_archived=wanted.include_archived,
                page_size=size,
                position=where.place,
            )
            try:
                found = await talk.hold(translator, translator.list(query))
            except OperationUnsupported as error:
                self._unlisted[at.name] = (self._clock(), error)
                raise
            page.add([talk.saw(translator, opportunity) for opportunity in found.items])
            if found.next is None:
                return True
            page.next = where = replace(where, place=found.next)
        return False

    @staticmethod
    def _costs_too_much(talk: Conversation, wanted: Wanted) -> bool:
        """Whether a catalogue would have to be read, and may not fit into the page any more."""
        late = talk.terms.calls > MAX_CALLS - CATALOGUE_CALLS
        return late and _needs_catalogue(talk.at, wanted) and not talk.knows_catalogue()

    @staticmethod
    async def _translator(talk: Conversation, wanted: Wanted) -> Translator:
        if _needs_catalogue(talk.at, wanted):
            return talk.at.vendor.translator(await talk.informed())
        return talk.at.vendor.translator(talk.context())

    def _refuse_unlisted(self, at: Connection) -> None:
        since, error = self._unlisted.get(at.name, (-math.inf, None))
        if error is not None and self._clock() - since < NOT_LISTED_SECONDS:
            raise OperationUnsupported(error.message, faults=error.faults)


def _needs_catalogue(at: Connection, wanted: Wanted) -> bool:
    needed = {"read", *(f"list.{name}" for name in wanted.filters)}
    return bool(at.vendor.catalogue_first & needed)


def _has_room(page: Drained, wanted: Wanted, terms: Terms, size: int = 1) -> bool:
    """Whether a page may grow by one more vendor page of some size."""
    return terms.calls < MAX_CALLS and len(page.items) + size <= wanted.limit


def _supported(at: Connection, catalogue: Catalogue, wanted: Wanted) -> None:
    """Raises `UnsupportedFilter` with every filter and sort that the connection cannot do."""
    lists = at.vendor.lists(at.context(datetime.now(UTC), catalogue))
    missing = [
        name for name in FILTERS if name in wanted.filters and not _does(lists.filters, name)
    ]
    if wanted.sort and not _does(lists.sorts, wanted.sort):
        missing.append("sort")
    if wanted.include_archived and lists.include_archived == "unsupported":
        missing.append("include_archived")
    if missing:
        detail = f"the connection {at.name} cannot do this"
        faults = [
            Fault(code=UnsupportedFilter.code, detail=detail, parameter=name) for name in missing
        ]
        raise UnsupportedFilter(
            f"The connection {at.name} does not support {', '.join(missing)}.", faults=faults
        )


def _does(cells: Mapping[str, str], name: str) -> bool:
    return cells.get(name, "unsupported") != "unsupported"


def _page_size(at: Connection, limit: int) -> int:
    """A size of which whole vendor pages fill the limit: a part of one would be read twice."""
    return limit // math.ceil(limit / at.vendor.listing.page_size_max)


def _again(stopped: Position, error: GatewayError) -> Position | None:
    """Where to go on with a connection that failed; None where going on cannot help."""
    hopeless = isinstance(error, (InvalidCursor, OperationUnsupported, UnsupportedFilter))
    return None if hopeless else replace(stopped, connections=stopped.connections[:1])
