"""The evidence: what became of a write whose answer was lost, found out by reading alone.

Proof is what the vendor shows, never what seems likely (reliability.md 2.6): a record that is alike
is not the record, and a field that cannot be asked for says nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.canonical.opportunity import (
    Opportunity,
    OpportunityDraft,
    OpportunityPatch,
    Warning,
)
from gateway.canonical.pipeline import Catalogue
from gateway.connections import Connection
from gateway.engine.resolver import Resolved
from gateway.errors import OperationUnsupported, OpportunityNotFound, Rejected, VendorNotFound
from gateway.normalizer.sameness import Sight, Target, targets
from gateway.opportunities import Conversation, Opportunities, Terms
from gateway.translator import Translator

Kind = Literal["applied", "unchanged", "absent", "foreign", "blind"]

GONE = (VendorNotFound, OpportunityNotFound)
ELSE = "the record is neither as it was nor as it was to be: another writer was there"
UNPROVEN = "the record does not show all that was sent, and how it was before is not known"
REBUILT = Warning(
    code="reconstructed",
    pointer=None,
    detail="the vendor's own answer was lost; this one was made by reading the record",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look at the vendor showed."""

    kind: Kind
    """`applied`: proof of the write. `unchanged`: all is as it was before it. `absent`: no record
    bears the mark of a create, which proves nothing. `foreign`: the record is neither as it was
    nor as it was to be, so another writer was there. `blind`: the vendor cannot be asked."""
    detail: str
    """One sentence without personal data."""
    opportunity: Opportunity | None = None
    """The record of a create or update that was applied, with the warnings on it."""
    warnings: tuple[Warning, ...] = ()
    """What the look itself has to warn of, `duplicate-detected` among it."""


class Evidence:
    """Looks that make no write, each right at any time and as often as wanted.

    They raise the `GatewayError` of a read that fails: then nothing was seen, and another look may
    show more.
    """

    def __init__(self, opportunities: Opportunities) -> None:
        self._opportunities = opportunities

    async def of_create(
        self, at: Connection, draft: OpportunityDraft, marker: str | None, terms: Terms,
        made: Mapping[str, Any] | None = None,
    ) -> Seen:  # fmt: skip
        """Looks for the record of a create by its mark.

        `made` is the vendor's record where the first of several calls is known to have made it:
        then the look is at what the later ones were to add.
        """
        talk = self._opportunities.speak(at, terms)
        marked = marker is not None and at.vendor.marker_field(talk.context()) is not None
        if made is None and not marked:
            return _blind("creates on this connection bear no mark that the vendor could find")
        try:
            ready = await self._opportunities.creating(talk, draft)
            translator = at.vendor.translator(ready.context)
            if made is not None:
                return await self._completion(talk, translator, ready, made)
            found = await talk.hold(translator, translator.find(marker or "", ready.change))
        except OperationUnsupported as unsupported:
            return _blind(unsupported.message)
        except Rejected as refused:
            return _underivable(refused)
        if found is None:
            return Seen(kind="absent", detail="no record with the mark of this create was found")
        return _applied(found, ready.warnings, "a record bears the mark of this create")

    async def of_update(
        self, at: Connection, vendor_id: str, patch: OpportunityPatch,
        pre: Mapping[str, Any] | None, terms: Terms,
    ) -> Seen:  # fmt: skip
        """Compares the record with the patch, and with `pre`, its raw state before the write."""
        talk = self._opportunities.speak(at, terms)
        translator = await talk.reader()
        try:
            now = await talk.hold(translator, translator.get(vendor_id))
        except GONE:
            return Seen(kind="foreign", detail="the record is no longer there")

        async def before() -> Opportunity:
            if pre is None:
                return now
            return at.vendor.dialect.read(pre, translator.context)

        try:
            ready = await self._opportunities.altering(talk, patch, before)
        except Rejected as refused:
            return _underivable(refused)
        look = _Look(talk, at.vendor.translator(ready.context), now, pre)
        return await look.verdict(targets(ready.change), ready.warnings)

    async def of_delete(self, at: Connection, vendor_id: str, terms: Terms) -> Seen:
        """Looks whether the record is gone or archived."""
        talk = self._opportunities.speak(at, terms)
        translator = await talk.reader()
        try:
            now = await talk.hold(translator, translator.get(vendor_id))
        except GONE:
            return Seen(kind="applied", detail="the record is no longer there")
        if now.archived:
            return Seen(kind="applied", detail="the record is archived")
        return Seen(kind="unchanged", detail="the record is still there")

    async def _completion(
        self, talk: Conversation, translator: Translator, ready: Resolved, made: Mapping[str, Any]
    ) -> Seen:
        """What became of the calls after the one that made the record."""
        vendor = talk.at.vendor
        first = vendor.dialect.read(made, translator.context)
        try:
            now = await talk.hold(translator, translator.get(first.vendor_id))
        except GONE:
            return Seen(kind="foreign", detail="the record that was made is no longer there")
        later = ready.change.only(*vendor.added_later)
        return await _Look(talk, translator, now, made).verdict(targets(later), ready.warnings)


class _Look:
    """One look at a record that a write was to change."""

    def __init__(
        self, talk: Conversation, translator: Translator, now: Opportunity,
        pre: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        dialect, context = talk.at.vendor.dialect, translator.context
        self._talk = talk
        self._translator = translator
        self._now = Sight(now.raw or {}, dialect, context)
        self._before = None if pre is None else Sight(pre, dialect, context)

    async def verdict(self, wanted: Iterable[Target], warnings: Sequence[Warning]) -> Seen:
        """What the record shows of the targets."""
        shown = {each.pointer: (each, await self._shows(each)) for each in wanted}
        missed = [each for each, there in shown.values() if there is False]
        unseen = [where for where, (_, there) in shown.items() if there is None]
        if not missed and not unseen:
            return _applied(self._now.shown, warnings, "the record shows all that was sent")
        if self._is_as_before([each for each, _ in shown.values()], unseen):
            return Seen(kind="unchanged", detail="the record is as it was before the write")
        if unseen and all(map(self._is_held, missed)):
            return _blind(f"the vendor does not show what became of {', '.join(unseen)}")
        return Seen(kind="foreign", detail=ELSE if self._before else UNPROVEN)

    async def _shows(self, target: Target) -> bool | None:
        """Whether the record has what was sent, asked in another way where it does not tell."""
        found = self._now.has(target, self._before)
        if found is not None or target.key is not None:
            return found
        asked = self._translator.holds(self._now.shown, target.name, target.wanted)
        return await self._talk.hold(self._translator, asked)

    def _is_as_before(self, wanted: Iterable[Target], unseen: Sequence[str]) -> bool:
        """Whether nothing was written: the version is the same, or each target as it was.

        A field that the record does not show is vouched for by the version alone.
        """
        if self._before is None:
            return False
        if self._before.shown.etag == self._now.shown.etag:
            return True
        return not unseen and all(self._is_held(each) for each in wanted)

    def _is_held(self, target: Target) -> bool:
        """Whether the record shows a target, and as it did before."""
        now, before = self._now, self._before
        if before is None or not (now.tells(target) and before.tells(target)):
            return False
        return bool(before.of(target) == now.of(target))


def marker_trouble(catalogue: Catalogue, field: str | None) -> str | None:
    """Why a connection's `marker_field` cannot hold a mark (reliability.md 2.6).

    None where it can, or is not set. The catalogue is one that was read from the vendor.
    """
    if field is None:
        return None
    found = catalogue.field(field)
    if found is None:
        return f"options.marker_field: the vendor has no custom field {field}"
    wrong = {
        "is not a text": found.type != "text",
        "takes some texts only": found.choices is not None,
        "holds several values": found.multiple,
        "cannot be written": not (found.writable and catalogue.lets(field, "create")),
    }
    told = next((what for what, is_so in wrong.items() if is_so), None)
    return told and f"options.marker_field: the custom field {field} {told}"


def _applied(found: Opportunity, warnings: Sequence[Warning], detail: str) -> Seen:
    """The record read, with a warning that it was, and those that the write would have had."""
    own = tuple(each for each in found.warnings if each.code == "duplicate-detected")
    warned = found.warned(*warnings, REBUILT)
    return Seen(kind="applied", detail=detail, opportunity=warned, warnings=(*own, REBUILT))


def _blind(detail: str) -> Seen:
    return Seen(kind="blind", detail=detail)


def _underivable(refused: Rejected) -> Seen:
    """A write that would be refused now: what it once came to cannot be told any more."""
    return _blind(f"what was sent cannot be worked out any more: {refused.code}")
