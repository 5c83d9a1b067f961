"""The use cases: get, create, update and delete one opportunity, or rehearse doing so."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from gateway.canonical.ids import join
from gateway.canonical.opportunity import (
    Change,
    Opportunity,
    OpportunityDraft,
    OpportunityPatch,
    Warning,
)
from gateway.canonical.pipeline import Catalogue
from gateway.connections import Connection
from gateway.engine.catalogue import Catalogues
from gateway.engine.conduct import MISSHAPEN, Rehearsal, conduct, rehearse
from gateway.engine.exchange import Call, Exchange, FreePermit, Permit
from gateway.engine.resolver import Asked, Resolved, resolved
from gateway.errors import (
    ConnectionDisabled,
    DeadlineExceeded,
    Fault,
    GatewayError,
    OperationUnsupported,
    StaleVersion,
    ValidationFailed,
    VersionRequired,
)
from gateway.normalizer.admission import Write, with_defaults
from gateway.normalizer.notation import Context, Unreadable
from gateway.translator import Dialogue, Translator, VendorRequest, VendorResponse

T = TypeVar("T")

DISABLED_RETRY_SECONDS = 60
MARK_TO_COME = "uog-xxxxxxxxxxxxxxxx"
"""What a dry run shows in the place of a mark, which a write gets from its record."""


@dataclass(slots=True, kw_only=True)
class Terms:
    """How a caller wants something done."""

    until: float
    """The caller's deadline, on the event loop's clock."""
    patience: float
    """When a write that was sent is given up."""
    caller: str = ""
    """Who wants it; nobody where the gateway itself looks at something."""
    lenient: bool = False
    if_match: Sequence[str] | None = None
    """Entity tags of which the record has to bear one, `*` for any; None for no condition."""
    permit: Permit = field(default_factory=FreePermit)
    marker: str | None = None
    """What a create bears in the connection's marker field, to be found by (reliability.md 2.6)."""
    saw: Callable[[Opportunity], None] | None = None
    """Told of the record as it is right before a write, where the write needs it read."""
    calls: int = 0
    """Vendor calls made so far."""


class _Named:
    """Errors from within name the connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: str) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        """Nothing has to be done before."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, GatewayError):
            error.connection = self._connection


class Conversation:
    """One connection spoken to on one caller's terms: dialogues in, canonical results out."""

    def __init__(
        self, at: Connection, terms: Terms, exchange: Exchange, catalogues: Catalogues
    ) -> None:
        self.at = at
        self.terms = terms
        self._exchange = exchange
        self._catalogues = catalogues
        self.now = datetime.now(UTC)
        self.named = _Named(at.name)
        self._context: Context | None = None

    async def send(self, request: VendorRequest) -> VendorResponse:
        """Makes one vendor call within the deadline, unless it is a write that was made already."""
        terms = self.terms
        if request.effect == "write" and (reply := terms.permit.recorded(request)) is not None:
            return reply
        terms.calls += 1
        call = Call(
            request=request,
            until=terms.until,
            patience=terms.patience,
            permit=terms.permit,
            caller=terms.caller,
        )
        return await self._exchange(call)

    def context(self, catalogue: Catalogue | None = None) -> Context:
        """The context with what is known of the catalogue, or with the one that is given."""
        held = self._catalogues.held(self.at.name) if catalogue is None else catalogue
        if self._context is None or self._context.catalogue is not held:
            self._context = self.at.context(self.now, held, lenient=self.terms.lenient)
        return self._context

    async def informed(self, *, anew: bool = False) -> Context:
        """The context with the catalogue in it, read from the vendor if need be."""
        return self.context(await self.catalogue(anew=anew))

    async def catalogue(self, *, anew: bool = False) -> Catalogue:
        """Pipelines, users and custom fields of the connection.

        Raises `DeadlineExceeded` where another request reads them and takes too long.
        """

        async def load() -> Catalogue:
            translator = self.at.vendor.translator(self.context(Catalogue()))
            return await conduct(translator.catalogue(), translator, self.send)

        try:
            until = self.terms.until
            return await self._catalogues.get(self.at.name, load, until=until, anew=anew)
        except TimeoutError:
            raise DeadlineExceeded("The vendor's catalogue was not read in time.") from None

    def knows_catalogue(self) -> bool:
        """Whether the next look at the catalogue makes no call."""
        return self._catalogues.fresh(self.at.name)

    async def reader(self) -> Translator:
        """A translator that can read records."""
        if "read" in self.at.vendor.catalogue_first:
            return self.at.vendor.translator(await self.informed())
        return self.at.vendor.translator(self.context())

    async def hold(self, translator: Translator, dialogue: Dialogue[T]) -> T:
        """Holds a dialogue with the vendor."""
        with self.named:
            return await conduct(dialogue, translator, self.send)

    def saw(self, translator: Translator, opportunity: Opportunity) -> Opportunity:
        """Remembers the pipelines and the currency that a record showed."""
        currency = opportunity.value.currency if opportunity.value else None
        pipelines = translator.pipelines_in(opportunity.raw or {})
        self._catalogues.saw(self.at.name, pipelines, currency)
        return opportunity


class Opportunities:
    """What can be done with one opportunity, at whichever vendor it lives."""

    def __init__(
        self,
        exchange: Callable[[Connection], Exchange],
        catalogues: Catalogues,
    ) -> None:
        self._exchange = exchange
        self._catalogues = catalogues

    def speak(self, at: Connection, terms: Terms) -> Conversation:
        """Opens a conversation. Raises `ConnectionDisabled`."""
        if not at.enabled:
            raise ConnectionDisabled(
                f"The connection {at.name} is switched off.", retry_after=DISABLED_RETRY_SECONDS
            )
        return Conversation(at, terms, self._exchange(at), self._catalogues)

    def known(self, at: Connection) -> Catalogue:
        """What is known of a connection's catalogue without asking the vendor."""
        return self._catalogues.held(at.name)

    async def get(self, at: Connection, vendor_id: str, terms: Terms) -> Opportunity:
        """Reads one opportunity. Raises `VendorNotFound` or `OpportunityNotFound`."""
        talk = self.speak(at, terms)
        translator = await talk.reader()
        found = await talk.hold(translator, translator.get(vendor_id))
        return talk.saw(translator, found)

    async def create(self, at: Connection, draft: OpportunityDraft, terms: Terms) -> Opportunity:
        """Creates an opportunity; the connection's defaults lie under the draft."""
        talk = self._writing(at, terms)
        return await self._done(talk, await self._creation(talk, draft))

    async def update(
        self, at: Connection, vendor_id: str, patch: OpportunityPatch, terms: Terms
    ) -> Opportunity:
        """Changes what the patch names. Raises `StaleVersion` where `if_match` does not hold."""
        talk = self._writing(at, terms)
        self._demand_version(at, terms)
        return await self._done(talk, await self._alteration(talk, vendor_id, patch))

    async def delete(self, at: Connection, vendor_id: str, terms: Terms) -> None:
        """Deletes or archives, whichever the vendor does."""
        talk = self._writing(at, terms)
        self._demand_version(at, terms)
        errand = await self._deletion(talk, vendor_id)
        await talk.hold(errand.translator, errand.dialogue)

    async def rehearse(
        self, at: Connection, write: OpportunityDraft | tuple[str, OpportunityPatch | None],
        terms: Terms,
    ) -> tuple[Rehearsal, Sequence[Warning]]:  # fmt: skip
        """Everything of a write but its vendor writes: a draft, or an id with a patch or None."""
        terms.marker = MARK_TO_COME
        talk = self.speak(at, terms)
        if isinstance(write, OpportunityDraft):
            errand = await self._creation(talk, write)
        else:
            vendor_id, patch = write
            errand = await (
                self._alteration(talk, vendor_id, patch)
                if patch is not None
                else self._deletion(talk, vendor_id)
            )
        return await errand.rehearsed(talk), errand.warnings

    async def reading(self, at: Connection, record: Mapping[str, Any], terms: Terms) -> Opportunity:
        """The canonical opportunity of a vendor's record that a caller holds in hand."""
        translator = await self.speak(at, terms).reader()
        try:
            return at.vendor.dialect.read(record, translator.context)
        except MISSHAPEN as error:
            detail = str(error) if isinstance(error, Unreadable) else "it has not the shape of one"
            fault = Fault(code=ValidationFailed.code, detail=detail, pointer="/record")
            raise ValidationFailed(
                f"This is not a record of the vendor: {detail}.", faults=[fault]
            ) from None

    def _writing(self, at: Connection, terms: Terms) -> Conversation:
        talk = self.speak(at, terms)
        if at.read_only:
            raise ConnectionDisabled(
                f"The connection {at.name} takes no writes at the moment.",
                retry_after=DISABLED_RETRY_SECONDS,
            )
        return talk

    @staticmethod
    def _demand_version(at: Connection, terms: Terms) -> None:
        if at.require_if_match and terms.if_match is None:
            raise VersionRequired(
                f"The connection {at.name} requires If-Match: send the ETag that you last read."
            )

    async def creating(self, talk: Conversation, draft: OpportunityDraft) -> Resolved:
        """What a draft over the connection's defaults comes to. Raises `Rejected`."""
        at = talk.at
        sent = [member for member in draft.sent() if member[0] != "connection"]
        whole = [*with_defaults(sent, at.defaults, at.vendor.dialect, at.aliases)]

        async def nothing() -> None:
            return None

        return await self._resolved(talk, "create", whole, nothing)

    async def altering(
        self,
        talk: Conversation,
        patch: OpportunityPatch,
        read: Callable[[], Awaitable[Opportunity]],
    ) -> Resolved:
        """What a patch of the record that `read` gives comes to. Raises `Rejected`."""
        return await self._resolved(talk, "update", patch.sent(), read)

    async def _creation(self, talk: Conversation, draft: OpportunityDraft) -> "_Errand":
        ready = await self.creating(talk, draft)
        translator = talk.at.vendor.translator(ready.context)
        change = _marked(ready, talk)
        return _Errand(translator, translator.create(change), ready.warnings)

    async def _alteration(
        self, talk: Conversation, vendor_id: str, patch: OpportunityPatch
    ) -> "_Errand":
        if not patch.model_fields_set:
            raise ValidationFailed("The patch is empty: name at least one member to change.")
        record = _Record(talk, vendor_id)
        await record.matched()
        ready = await self.altering(talk, patch, record.read)
        translator = talk.at.vendor.translator(ready.context)
        if not ready.change:
            return _Errand(translator, _unchanged(await record.read()), ready.warnings)
        dialogue = translator.update(vendor_id, ready.change, record.current)
        return _Errand(translator, dialogue, ready.warnings)

    @staticmethod
    async def _deletion(talk: Conversation, vendor_id: str) -> "_Errand":
        if talk.at.vendor.operations.delete == "unsupported":
            raise OperationUnsupported("The vendor has no documented way to delete an opportunity.")
        translator = await talk.reader()
        await _Record(talk, vendor_id).matched()
        return _Errand(translator, translator.delete(vendor_id), ())

    @staticmethod
    async def _done(talk: Conversation, errand: "_Errand") -> Opportunity:
        result: Opportunity = await talk.hold(errand.translator, errand.dialogue)
        return talk.saw(errand.translator, result).warned(*errand.warnings)

    @staticmethod
    async def _resolved(
        talk: Conversation, action: Write, members: Sequence[tuple[str, Any]],
        read: Callable[[], Awaitable[Opportunity | None]],
    ) -> Resolved:  # fmt: skip
        asked = Asked(
            vendor=talk.at.vendor, action=action, members=members, lenient=talk.terms.lenient
        )
        with talk.named:
            return await resolved(asked, talk.context(), talk.informed, read)


class _Errand(NamedTuple):
    """A write that is ready to be held or rehearsed."""

    translator: Translator
    dialogue: Dialogue[Any]
    warnings: Sequence[Warning]

    async def rehearsed(self, talk: Conversation) -> Rehearsal:
        with talk.named:
            return await rehearse(self.dialogue, self.translator, talk.send)


def _marked(ready: Resolved, talk: Conversation) -> Change:
    """The change of a create with its mark laid over the custom fields, where a field takes one."""
    field_key, marker = talk.at.vendor.marker_field(ready.context), talk.terms.marker
    if field_key is None or marker is None:
        return ready.change
    custom = ready.change.get("custom_fields") or {}
    return ready.change.also(custom_fields={**custom, field_key: marker})


def _unchanged(current: Opportunity) -> Dialogue[Opportunity]:
    """The dialogue of a change that maps to nothing: no call at all."""
    yield from ()
    return current


class _Record:
    """The record that a write is about, read at most once."""

    def __init__(self, talk: Conversation, vendor_id: str) -> None:
        self._talk = talk
        self._vendor_id = vendor_id
        self.current: Opportunity | None = None

    async def read(self) -> Opportunity:
        """The record as it is. Raises `VendorNotFound`."""
        if self.current is None:
            translator = await self._talk.reader()
            found = await self._talk.hold(translator, translator.get(self._vendor_id))
            self.current = self._talk.saw(translator, found)
            if self._talk.terms.saw:
                self._talk.terms.saw(found)
        return self.current

    async def matched(self) -> None:
        """Raises `StaleVersion` where the caller's condition does not hold."""
        wanted = self._talk.terms.if_match
        if wanted is None:
            return
        etag = (await self.read()).etag
        if "*" not in wanted and etag not in wanted:
            raise StaleVersion(
                f"The opportunity {join(self._talk.at.name, self._vendor_id)} has changed: its "
                f"state is {etag} now.",
                etag=etag,
            )
