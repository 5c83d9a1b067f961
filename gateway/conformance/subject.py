"""A vendor on trial: its declaration, a connection to it, and the vendor itself in hand."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

from gateway.canonical.capabilities import Can
from gateway.canonical.opportunity import Change, Opportunity, OpportunityDraft, OpportunityPatch
from gateway.canonical.query import Page, Query
from gateway.normalizer.admission import Write, admit, with_defaults
from gateway.normalizer.notation import Context
from gateway.normalizer.resolution import resolve
from gateway.translator import Dialogue, Translator, Vendor, VendorRequest, VendorResponse

T = TypeVar("T")
Answer = Callable[[VendorRequest], VendorResponse]
"""A vendor in hand."""


class Played(list[VendorRequest]):
    """The requests that a dialogue made, in order."""


def play(
    translator: Translator, dialogue: Dialogue[T], replies: Iterable[VendorResponse]
) -> tuple[T, Played]:
    """Drives a dialogue with a list of replies for a vendor; no loop, no socket.

    A reply that is no 2xx is thrown into the dialogue as the translator's own error. Raises
    AssertionError when the dialogue asks more than there are replies, or leaves some unread.
    """
    waiting = list(replies)
    requests = Played()

    def answer(request: VendorRequest) -> VendorResponse:
        requests.append(request)
        if not waiting:
            raise AssertionError(f"no reply is left for {request.method} {request.path}")
        return waiting.pop(0)

    result = converse(translator, dialogue, answer)
    if waiting:
        raise AssertionError(f"{len(waiting)} replies were not asked for")
    return result, requests


def converse(translator: Translator, dialogue: Dialogue[T], answer: Answer) -> T:
    """Drives a dialogue with a vendor in hand. Raises what the dialogue raises."""
    try:
        request = next(dialogue)
        while True:
            reply = answer(request)
            if 200 <= reply.status < 300:
                request = dialogue.send(reply)
            else:
                request = dialogue.throw(translator.error(reply))
    except StopIteration as stop:
        result: T = stop.value
        return result


class Subject:
    """What a vendor's file declares, one connection's context, and a function that answers."""

    def __init__(self, vendor: Vendor, context: Context, answer: Answer) -> None:
        self.vendor = vendor
        self.dialect = vendor.dialect
        self.bare = context
        """The context before anything was read from the vendor."""
        self.calls = Played()
        """What the last dialogue asked."""
        self.answer = answer
        self._names = count(1)

    @cached_property
    def context(self) -> Context:
        """The context with the catalogue that the vendor gives."""
        catalogue = self.hold(lambda translator: translator.catalogue(), self.bare)
        return replace(self.bare, catalogue=catalogue)

    @cached_property
    def records(self) -> tuple[Opportunity, ...]:
        """What the vendor lists, a page of it; one that is made for it where it lists nothing."""
        if self.vendor.operations.list == "unsupported":
            return (self.create({}),)
        return self.page(self.vendor.listing.page_size_max).items

    @cached_property
    def standing(self) -> tuple[Opportunity, ...]:
        """One record of each status that the vendor tells."""
        return tuple({record.status: record for record in reversed(self.records)}.values())

    def can(self, name: str) -> Can:
        """The cells of a canonical field, as far as they are known without a call."""
        return self.dialect.can(name, self.bare)

    def hold(
        self, opening: Callable[[Translator], Dialogue[T]], context: Context | None = None
    ) -> T:
        """Holds one dialogue with the vendor."""
        translator = self.vendor.translator(context or self.context)
        self.calls = Played()

        def answer(request: VendorRequest) -> VendorResponse:
            self.calls.append(request)
            return self.answer(request)

        return converse(translator, opening(translator), answer)

    def get(self, vendor_id: str) -> Opportunity:
        """Reads one record."""
        return self.hold(lambda translator: translator.get(vendor_id))

    def page(self, size: int, position: Any = None) -> Page:
        """Reads one page of the list."""
        query = Query(filters={}, page_size=size, position=position)
        return self.hold(lambda translator: translator.list(query))

    def create(
        self, body: Mapping[str, Any], beside: Mapping[str, Any] | None = None
    ) -> Opportunity:
        """Creates from a caller's JSON; `beside` lies under it."""
        change = self.change("create", {**(beside or {}), **body})
        return self.hold(lambda translator: translator.create(change))

    def update(self, record: Opportunity, body: Mapping[str, Any]) -> Opportunity:
        """Updates by a caller's JSON; the record is read first, as it is with `If-Match`."""
        current = self.get(record.vendor_id)
        change = self.change("update", body, current)
        return self.hold(lambda translator: translator.update(record.vendor_id, change, current))

    def change(
        self, action: Write, body: Mapping[str, Any], current: Opportunity | None = None
    ) -> Change:
        """A caller's JSON as translators take it. Raises `Rejected`."""
        sent = self._drafted(body) if action == "create" else _patched(body)
        admitted = admit(sent, self.dialect, self.context, action)
        return resolve(admitted, self.dialect, self.context, action, current)

    def _drafted(self, body: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """A create's members; a name of its own and the connection's defaults lie under them."""
        named = {"name": f"By law {next(self._names)}"} if self.can("name").does("create") else {}
        draft = OpportunityDraft.model_validate(
            {"connection": self.bare.connection, **named, **body}
        )
        sent = ((name, value) for name, value in draft.sent() if name != "connection")
        return with_defaults(sent, self.bare.defaults, self.dialect, self.bare.aliases)


def _patched(body: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return OpportunityPatch.model_validate(body).sent()
