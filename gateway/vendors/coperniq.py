"""Coperniq, https://docs.coperniq.io/api-reference/opportunities (coperniq.md, FD-002).

Quirks, the surprising ones first:
- POST is match-or-create: a title that exists answers the *old* record with 200 and drops what was
  sent, and nothing switches that off (coperniq.md 5.1, 12.1). `skip` is sent by name, because the
  other strategies would write into somebody's record.
- PATCH is partial and yet marks `title`, `address` and `trades` as required (FD-002, coperniq.md
  5.2), so they are repeated from a fresh read; but a blank title is *shown* as the parent account's
  (coperniq.md 4, 12.2), which must not be stored by repeating it.
- `status` is written and searched for, and no documented answer shows it (coperniq.md 4, 12.3).
- `phaseId` and `confidence` can be written by the prose and are in no schema (12.4): the answer is
  compared.
- `accountId` on PATCH: FD-002 takes it, the OpenAPI of 2026-07 answers 400 (5.3, 12.6).
- null clears are documented for other objects only (5.2, 12.5).
- Archived records answer 404 unless `include_archived` is sent, which get by id takes as well as
  lists do (coperniq.md 3). It always is: an archived record exists, and `archived` says so.
- Lists are bare arrays without a total; `order_by` contradicts its own default (12.12), so it is
  always sent. A search takes two conditions (12.13). 5,000 calls a day are the budget (12.14).
- Requests are opportunities, clients are accounts: `clientId` is the old `accountId` (12.15).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar

from pydantic import Field, SecretStr

from gateway import errors
from gateway.canonical.capabilities import READ_ONLY, Can, Listing, RateLimit, SideEffect
from gateway.canonical.capabilities import VendorFieldCan as FieldCan
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.ids import pointer
from gateway.canonical.opportunity import Change, Opportunity, Warning
from gateway.canonical.pipeline import Catalogue, Pipeline, Status
from gateway.canonical.query import Page, Query
from gateway.errors import Fault, Faults, ValidationFailed, VendorError, VendorRefused
from gateway.normalizer import custom_fields, dates, rates, references, stages, units
from gateway.normalizer.admission import Write
from gateway.normalizer.dialect import Dialect, Envelope, VendorField
from gateway.normalizer.notation import Context, Flag, Key, Misfit, Record, Unreadable, View
from gateway.translator import (
    Credentials,
    Dialogue,
    Header,
    Options,
    Translator,
    Vendor,
    VendorResponse,
    oldest,
    read,
    refusal,
    segment,
    write,
)

VendorStatus = Literal["ACTIVE", "ON_HOLD", "COMPLETED", "CANCELLED"]

PAGE_MAX = 100
STATUSES: Mapping[VendorStatus, Status] = {
    "ACTIVE": "open",
    "ON_HOLD": "on_hold",
    "COMPLETED": "won",
    "CANCELLED": "lost",
}
TYPES = {
    "text": "text", "string": "text", "number": "number", "date": "date", "datetime": "datetime",
    "date_time": "datetime", "boolean": "boolean",
}  # fmt: skip
"""The plain words among the types of properties, which the vendor does not list (8, 13)."""
SEARCHED = ("status", "account_id", "external_id")
LISTED = ("updated_after", "updated_before", "q")
CLOCK_SKEW = timedelta(seconds=60)
"""How far the vendor's clock may be behind ours before a new record looks like an old one. Ours to
choose: nothing is documented."""
SEARCH_PAGES = 5
"""How far a search for a record's status goes: 5,000 calls a day are all there are (12.14)."""
ARCHIVED_TOO = {"include_archived": "true"}

R = TypeVar("R", bound=errors.Rejected)
Condition = tuple[str, str, str]
"""Property, operator and value of a search (coperniq.md 3.2)."""


class CoperniqCredentials(Credentials):
    """A key that acts as the user who made it (coperniq.md 2)."""

    api_key: SecretStr


class CoperniqOptions(Options):
    """Options of a Coperniq connection."""

    match_by: Literal["title", "primaryEmail", "primaryPhone", "address"] = "title"
    """What match-or-create goes by; it cannot be switched off."""
    status_map: Mapping[VendorStatus, Status] = Field(default=STATUSES, min_length=1)
    """The vendor's status → ours; where several mean one, the first is written."""
    custom_fields_update: Literal["replace", "merge"] = "replace"
    """`replace` sends all custom values with the change laid over them, `merge` the change alone:
    which of the two the vendor does with them is not documented (coperniq.md 5.2, 8)."""


@dataclass(frozen=True, slots=True)
class OldNames(Envelope):
    """A record whose account may stand under its name from before the renaming (coperniq.md 1)."""

    def open(self, record: View) -> View:
        if "clientId" not in record or "accountId" in record:
            return record
        return {"accountId" if key == "clientId" else key: record[key] for key in record}


@dataclass(frozen=True, slots=True)
class Title(Key):
    """`title`, which cannot be blank: the account's would be shown in its place (coperniq.md 4)."""

    def misfit(self, value: str, context: Context) -> Misfit | None:
        shown = "the vendor shows the account's title in the place of a blank one"
        return None if value.strip() else Misfit(shown, kind=ValidationFailed)


def _is_address(value: Any) -> bool:
    return _is_texts(value) and len(value) == 1


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_double(value: Any) -> bool:
    is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return is_number and units.too_long(Decimal(value)) is None


PEOPLE = ("owner", "salesRep", "projectManager")
DETAILS = ("firstName", "lastName", "email", "phone", "avatarUrl")
PIECES = tuple(
    f"vendor_fields.{part}" for part in ("street", "city", "state", "zipcode", "geoLocation")
)
TRIED = "not in the vendor's schema: sent, and the answer compared"
CUSTOM = custom_fields.Member(
    "custom",
    can=Can(update="emulated", clear="unsupported", note="null is not documented; see the option "
            "custom_fields_update"),
)  # fmt: skip
STATUS = stages.MappedStatus("status", STATUSES, map_option="status_map", can=Can(
    read="undocumented", clear="unsupported", reads_back="never",
    note="cannot be read back: no documented answer shows it; option status_map",
))  # fmt: skip
STAGE = stages.NestedStage("phase", "phaseId", id=references.NumericId(), can=Can(
    create="undocumented", update="undocumented", clear="unsupported", note=f"phaseId is {TRIED}",
))  # fmt: skip
OWNER = references.NestedPerson(
    "owner", first="firstName", last="lastName", id=references.NumericId(),
    can=READ_ONLY.model_copy(update={"note": "the vendor documents no field that writes it"}),
)  # fmt: skip

COPERNIQ = Dialect(
    envelope=OldNames(),
    volatile=frozenset((
        *"lastActivity imageUrl streetViewUrl phase phaseInstances workflowName".split(),
        *"createdBy createdById updatedBy jurisdiction.name".split(),
        *(f"{person}.{detail}" for person in PEOPLE for detail in DETAILS),
    )),
    required=(("/name",), ("/vendor_fields/address",), ("/vendor_fields/trades",)),
    vendor_fields={
        "address": VendorField(
            FieldCan(required_on_create=True, note="the whole address as one text in a list"),
            _is_address, "a list of exactly one text is",
        ),
        "trades": VendorField(FieldCan(required_on_create=True), _is_texts, "a list of texts is"),
        "size": VendorField(
            FieldCan(note="a double, of a unit that is not documented; null is not taken"),
            _is_double, "a number of at most 15 significant digits is",
        ),
    },
    vendor_options={"allow_new_options": "lets a write add options to dropdown custom fields"},
    external_id=custom_fields.Through(
        "external_id_field", CUSTOM, can=Can(update="emulated", clear="unsupported")
    ),
    name=Title("title", can=Can(
        clear="unsupported", note="a blank title is shown as the account's: an update of such a "
        "record has to send name, or lenient handling stores what is shown",
    )),
    description=Key("description", can=Can(clear="undocumented")),
    value=units.Amount("value", units.Double(), can=Can(
        clear="unsupported", unit="major units, a double", precision="15 significant digits",
    )),
    probability=units.Percentage("confidence", can=Can(
        create="undocumented", update="undocumented", clear="unsupported",
        unit="per cent, a double", precision="15 significant digits", note=f"confidence is {TRIED}",
    )),
    status=STATUS,
    stage=STAGE,
    pipeline=stages.NestedPipeline(
        "workflowId", name_key="workflowName", id=references.NumericId(),
        can=Can(clear="undocumented"),
    ),
    owner=OWNER,
    account=references.SiblingAccount("accountId", id=references.NumericId(), can=Can(
        update="undocumented", clear="unsupported", note="on update the vendor's pages disagree: "
        "sent; a 400 about it is unsupported-field, and lenient handling sends the rest again",
    )),
    contacts=references.ContactAddress("primaryEmail", "primaryPhone", ids="contacts", can=Can(
        update="unsupported", clear="unsupported",
        note="on create alone: one by email and phone, others by ids, which cannot be read back",
    )),
    custom_fields=CUSTOM,
    archived=Flag("isActive"),
    created_at=dates.Moment("createdAt"),
    updated_at=dates.Moment("updatedAt"),
    last_activity_at=dates.Moment("lastActivity"),
)  # fmt: skip

LISTING = Listing(
    filters=dict.fromkeys((*SEARCHED, *LISTED), "native"),
    paging="page",
    page_size_max=PAGE_MAX,
    include_archived="native",
    note="status, account_id and external_id go by the search: two of them at most, none beside q, "
    "updated_after, updated_before; the vendor's order is by a key that it does not tell",
)


def listing(context: Context) -> Listing:
    """How a connection lists: by `external_id` only where a field keeps it."""
    if context.option("external_id_field") is not None:
        return LISTING
    filters = {name: can for name, can in LISTING.filters.items() if name != "external_id"}
    return LISTING.model_copy(update={"filters": filters})


class CoperniqTranslator(Translator):
    """Dialogues with Coperniq."""

    def get(self, vendor_id: str) -> Dialogue[Opportunity]:
        reply = yield read("get", _path(vendor_id), ARCHIVED_TOO, of_record=True)
        return COPERNIQ.read(reply.json, self.context)

    def list(self, query: Query) -> Dialogue[Page]:
        number = query.position or 1
        paging = {"page_size": query.page_size, "page": number, "order_by": "asc"}
        paging |= ARCHIVED_TOO if query.include_archived else {}
        conditions = self._conditions(query.filters)
        if conditions is None:
            return Page(items=())
        if conditions:
            reply = yield read("search", "opportunities/search", {**_spelt(*conditions), **paging})
        else:
            reply = yield read("list", "opportunities", {**_narrowed(query.filters), **paging})
        records = _rows(reply.json)
        found = (COPERNIQ.read(record, self.context) for record in records)
        items = tuple(item for item in found if _fits(item, query.filters))
        return Page(items=items, next=number + 1 if len(records) >= query.page_size else None)

    def create(self, change: Change) -> Dialogue[Opportunity]:
        body = COPERNIQ.write(change, self.context)
        marker = body.get(CUSTOM.key, {}).get(self.context.option("marker_field"))
        ours = (yield from self.find(marker, change)) if marker else None
        if ours is not None:
            return ours.warned(REBUILT)
        seen = yield from self._seen(body)
        strategy = (("match_by", self._match_by()), ("match_found_strategy", "skip"))
        query = (*strategy, *_switches(change))
        reply = yield write("create", "POST", "opportunities", body, query=query)
        result = COPERNIQ.read(reply.json, self.context)
        if not self._is_new(result, body, seen):
            raise _matches(result)
        return self._compared(change, "create", result)

    def update(
        self, vendor_id: str, change: Change, current: Opportunity | None
    ) -> Dialogue[Opportunity]:
        path = _path(vendor_id)
        if current is None:
            current = yield from self.get(vendor_id)
        body = self._changed(change, current)
        if not body:
            return current
        repeated, warnings = yield from self._repeated(body, current)
        whole, query = {**repeated, **body}, _switches(change)
        try:
            with custom_fields.Traced(change, self.context):
                reply = yield write("update", "PATCH", path, whole, query=query, of_record=True)
        except VendorRefused as refused:
            if "account" not in change or not _is_about_account(refused):
                raise
            if not self.context.lenient:
                raise _account_stays(refused) from refused
            left = yield from self.update(vendor_id, change.without("account"), current)
            return left.warned(LEFT_OUT)
        result = COPERNIQ.read(reply.json, self.context)
        return self._compared(change, "update", result).warned(*warnings)

    def delete(self, vendor_id: str) -> Dialogue[None]:
        yield write("delete", "DELETE", _path(vendor_id), of_record=True)

    def catalogue(self) -> Dialogue[Catalogue]:
        pipelines = yield from self._workflows()
        users = yield read("users", "users")
        properties = yield read("properties", "properties", {"record_type": "opportunity"})
        return Catalogue(
            pipelines=pipelines,
            users=tuple(OWNER.person(user) for user in _rows(users.json)),
            custom_fields=tuple(
                _custom_field(found, self.context)
                for found in _definitions(properties.json)
                if found.get("isCustom") is True
            ),
        )

    def find(self, marker: str, change: Change) -> Dialogue[Opportunity | None]:
        key = self.context.option("marker_field")
        if key is None:
            return None
        found = yield from self._search("find", (key, "eq", marker), ARCHIVED_TOO)
        return oldest(item for item in found if self._marker_of(item) == marker)

    def holds(self, record: Opportunity, name: str, value: Any) -> Dialogue[bool | None]:
        """A status by the search, which knows what no answer shows (coperniq.md 4, 12.3)."""
        if name != "status" or value is None:
            return None
        conditions: list[Condition] = [("status", "eq", STATUS.words_for(value, self.context)[0])]
        if record.account:
            conditions.append(("accountId", "eq", record.account.id))
        for number in range(1, SEARCH_PAGES + 1):
            paging = {"page_size": PAGE_MAX, "page": number, "order_by": "asc", **ARCHIVED_TOO}
            reply = yield read("holds", "opportunities/search", {**_spelt(*conditions), **paging})
            found = [COPERNIQ.read(row, self.context).vendor_id for row in _rows(reply.json)]
            if record.vendor_id in found or len(found) < PAGE_MAX:
                return record.vendor_id in found
        return None

    def check(self) -> Dialogue[None]:
        """One record of the list: users, the other read without an id, come all at once."""
        yield read("check", "opportunities", {"page_size": 1, "page": 1, "order_by": "asc"})

    def error(self, response: VendorResponse) -> VendorError:
        """By status first: any member may be missing, and codes are not to be trusted (7, 7.1)."""
        body = response.json if isinstance(response.json, Mapping) else {}
        message = references.text_of(body, "message") or references.text_of(body, "error")
        where = self._pointer(references.text_of(body, "field") or "")
        fault = Fault(code="vendor-rejected", detail=message or "refused", pointer=where)
        code = references.text_of(body, "code")
        return refusal(response, code=code, message=message, faults=[fault] if where else [])

    def _conditions(self, filters: Mapping[str, str]) -> tuple[Condition, ...] | None:
        """The search's conditions; None where no record can match, so that no call is made."""
        asked = [name for name in SEARCHED if name in filters]
        beside = [name for name in LISTED if name in filters]
        if too_many := asked[2:] or (asked and beside):
            where = f"the connection {self.context.connection} cannot filter by {too_many[0]}"
            detail = f"{where} beside the others: {LISTING.note}"
            raise _refused(errors.UnsupportedFilter, detail, parameter=too_many[0])
        found = [self._condition(name, filters[name]) for name in asked]
        conditions = tuple(condition for condition in found if condition)
        return conditions if len(conditions) == len(asked) else None

    def _condition(self, name: str, value: str) -> Condition | None:
        if name == "status":
            words = STATUS.words_for(value, self.context)
            return ("status", "in" if words[1:] else "eq", ",".join(words)) if words else None
        if name == "account_id":
            return None if references.NumericId().misfit(value) else ("accountId", "eq", value)
        return (self.context.option("external_id_field"), "eq", value)

    def _search(
        self, step: str, condition: Condition, more: Mapping[str, Any]
    ) -> Dialogue[tuple[Opportunity, ...]]:
        paging = {"page_size": PAGE_MAX, "page": 1, "order_by": "asc", **more}
        reply = yield read(step, "opportunities/search", {**_spelt(condition), **paging})
        return tuple(COPERNIQ.read(record, self.context) for record in _rows(reply.json))

    def _match_by(self) -> str:
        return self.context.option("match_by") or "title"

    def _seen(self, body: Record) -> Dialogue[frozenset[str]]:
        """The ids that a search for a match finds. Raises `MatchesExisting` for an equal one."""
        match_by = self._match_by()
        wanted = _matchable(body, match_by)
        if not wanted:
            return frozenset()
        found = yield from self._search("look-for-match", (match_by, "eq", wanted), {})
        for item in found:
            if _matchable(item.raw, match_by) == wanted:
                raise _matches(item)
        return frozenset(item.id for item in found)

    def _marker_of(self, item: Opportunity) -> Any:
        return _custom_values(item).get(self.context.option("marker_field"))

    def _is_new(self, result: Opportunity, body: Record, seen: Collection[str]) -> bool:
        """Whether a create made the record that it was answered, as far as can be told (12.1)."""
        sent = body.get(CUSTOM.key, {}).get(self.context.option("marker_field"))
        held = self._marker_of(result)
        if sent is not None and held is not None:
            return bool(held == sent)
        wanted, shown = (_matchable(each, self._match_by()) for each in (body, result.raw))
        # A text in another case than was sent is another record's: the vendor may match loosely.
        met = wanted != shown and str(wanted).casefold() == str(shown).casefold()
        return not met and result.id not in seen and not self._is_old(result)

    def _is_old(self, result: Opportunity) -> bool:
        """Whether a record is older than the call; without its time, the search has to do."""
        made = result.created_at
        return made is not None and dates.moment(made) < self.context.now - CLOCK_SKEW

    def _changed(self, change: Change, current: Opportunity) -> Record:
        """What the change itself comes to, with the custom values that have to go along."""
        body = COPERNIQ.write(change, self.context)
        held = _custom_values(current)
        custom = {**body.get("custom", {}), **_lists(change, held, self.context)}
        if custom and self.context.option("custom_fields_update") != "merge":
            custom = {**held, **custom}
        return {**body, "custom": custom} if custom else body

    def _repeated(
        self, body: Record, current: Opportunity
    ) -> Dialogue[tuple[Record, tuple[Warning, ...]]]:
        """The required fields that the body lacks, as the record has them (coperniq.md 5.2)."""
        faults = Faults()
        repeated = {
            key: self._as_it_is(key, current) for key in ("address", "trades") if key not in body
        }
        for key in (key for key, value in repeated.items() if value is None):
            detail = f"the record has no {key}, and the vendor wants one: send it"
            faults.add(ValidationFailed, pointer("vendor_fields", key), detail)
        borrowed = "title" not in body and (yield from self._is_borrowed(current))
        if borrowed and not (self.context.lenient and current.name):
            detail = "the title shown may be the account's, and would be stored: send name"
            faults.add(ValidationFailed, "/name", detail)
        faults.raise_if_any()
        title = {} if "title" in body else {"title": current.name}
        return title | repeated, (REPEATED,) if borrowed else ()

    def _as_it_is(self, key: str, current: Opportunity) -> Any:
        """A vendor field of the record, else of the connection's defaults, else None."""
        takes = COPERNIQ.vendor_fields[key].takes
        defaults = self.context.defaults.get("vendor_fields") or {}
        candidates = ((current.raw or {}).get(key), defaults.get(key))
        return next((value for value in candidates if takes(value)), None)

    def _is_borrowed(self, current: Opportunity) -> Dialogue[bool]:
        """Whether the title shown is not the record's own, as far as can be told (4, 12.2)."""
        if current.name is None or current.account is None:
            return current.name is None
        path = f"accounts/{segment(current.account.id)}"
        try:
            reply = yield read("account", path, ARCHIVED_TOO)
        except errors.VendorNotFound:
            # An account that the key may not see (coperniq.md 2) still lends its title.
            return True
        return bool(reply.json.get("title") == current.name)

    def _compared(self, change: Change, action: Write, result: Opportunity) -> Opportunity:
        """Raises `VendorNotTaken` where what is undocumented was not done (coperniq.md 12.4)."""
        for name, value in change.items():
            if name not in COPERNIQ.rows:
                continue
            cell = getattr(COPERNIQ.can(name), "clear" if value is None else action)
            if cell == "undocumented" and _shown(result, name) != value:
                error = errors.VendorNotTaken(
                    f"The vendor accepted the write, and its answer does not show the {name} sent."
                )
                error.opportunity_id = result.id
                raise error
        return result.warned(*_unseen(change, result))

    def _workflows(self) -> Dialogue[tuple[Pipeline, ...]]:
        """All pages; a page that brings nothing new is the last, should paging be ignored (6)."""
        found: dict[str | None, Pipeline] = {}
        for number in range(1, PAGE_MAX):
            paging = {"page_size": PAGE_MAX, "page": number, "order_by": "asc"}
            reply = yield read("workflows", "workflows", paging)
            page = [_pipeline(workflow, self.context) for workflow in _rows(reply.json)]
            known = len(found)
            found |= {pipeline.id: pipeline for pipeline in page}
            if len(page) < PAGE_MAX or len(found) == known:
                break
        return tuple(found.values())

    def _pointer(self, vendor_key: str) -> str | None:
        """Where in a caller's body a field of the vendor's lies, if we send it at all."""
        parent, _, key = vendor_key.partition(".")
        if parent == CUSTOM.key and key:
            return pointer("custom_fields", self.context.alias(key))
        if name := COPERNIQ.owner_of(parent):
            return pointer(name)
        return pointer("vendor_fields", parent) if parent in COPERNIQ.vendor_fields else None


REBUILT = Warning(
    code="reconstructed", pointer=None, detail="this create was made before, its answer was lost"
)
REPEATED = Warning(
    code="title-repeated",
    pointer="/name",
    detail="the title shown may have been the account's; it is the record's own from now on",
)
LEFT_OUT = Warning(
    code="unsupported-field",
    pointer="/account",
    detail="the vendor does not change the account of a record: delete it and create it anew",
)


def _path(vendor_id: str) -> str:
    """The record's path. Raises `OpportunityNotFound` for an id that the vendor cannot have."""
    if references.NumericId().misfit(vendor_id):
        raise errors.OpportunityNotFound(
            "There is no such opportunity: the vendor's ids are numbers."
        )
    return f"opportunities/{segment(vendor_id)}"


def _rows(body: Any) -> list[Any]:
    """The records of a list, which v1 answers as a bare array (coperniq.md 1, 12.17)."""
    if not isinstance(body, list):
        raise Unreadable("the answer is not a list")
    return body


def _spelt(*conditions: Condition) -> Record:
    """One or two conditions as query parameters."""
    query: Record = {}
    for number, (prop, operator, value) in enumerate(conditions, start=1):
        query |= {f"prop{number}": prop, f"op{number}": operator, f"value{number}": value}
    return {**query, "logic": "and"} if len(conditions) > 1 else query


def _narrowed(filters: Mapping[str, str]) -> Record:
    """The list's own filters, a second wider: whether bounds include is not documented (3.1)."""
    wider = {"updated_after": timedelta(seconds=-1), "updated_before": timedelta(seconds=1)}
    bounds = {name: dates.moved(filters[name], by) for name, by in wider.items() if name in filters}
    return {**bounds, "q": filters.get("q")}


def _fits(item: Opportunity, filters: Mapping[str, str]) -> bool:
    """Whether a record is within the bounds, and its `external_id` the very one, not a number's."""
    if "external_id" in filters and item.external_id != filters["external_id"]:
        return False
    if item.updated_at is None:
        return True
    at = dates.moment(item.updated_at)
    after, before = filters.get("updated_after"), filters.get("updated_before")
    return not (after and at < dates.moment(after)) and not (before and at > dates.moment(before))


def _refused(kind: type[R], detail: str, at: str | None = None, parameter: str | None = None) -> R:
    """A refusal of one thing, at a pointer or a parameter."""
    fault = Fault(code=kind.code, detail=detail, pointer=at, parameter=parameter)
    return kind(f"{detail[:1].upper()}{detail[1:]}.", faults=[fault])


def _matchable(record: View | None, match_by: str) -> str | None:
    """The text that a record is matched by; an address is the one text of its list."""
    value = (record or {}).get(match_by)
    text = value[0] if isinstance(value, list) and value else value
    return text if isinstance(text, str) else None


def _matches(existing: Opportunity) -> errors.MatchesExisting:
    error = errors.MatchesExisting(
        "The vendor has an opportunity that matches this one and creates no second: update that, "
        "or send another name."
    )
    error.opportunity_id = existing.id
    return error


def _switches(change: Change) -> tuple[tuple[str, str], ...]:
    options = change.get("vendor_options") or {}
    return tuple((name, "true") for name, on in options.items() if on)


def _custom_values(item: Opportunity) -> Record:
    """The custom values of a record by the vendor's keys, null ones left out."""
    held = (item.raw or {}).get(CUSTOM.key) or {}
    return {key: value for key, value in held.items() if value is not None}


def _lists(change: Change, held: Record, context: Context) -> Record:
    """Multi-value fields with values added and removed, whole."""
    adds = change.get("custom_fields_add") or {}
    removes = change.get("custom_fields_remove") or {}
    lists: Record = {}
    for name, values in (("custom_fields_add", adds), ("custom_fields_remove", removes)):
        for key in values:
            if not isinstance(held.get(key, []), list):
                # How the vendor writes several values is not documented (8), so none is guessed.
                detail = f"the record does not hold a list in {key}: set it with custom_fields"
                raise _refused(ValidationFailed, detail, pointer(name, context.alias(key)))
            add, remove = adds.get(key, ()), removes.get(key, ())
            lists[key] = custom_fields.merged(held.get(key), add=add, remove=remove)
    return lists


def _is_about_account(refused: VendorRefused) -> bool:
    """Whether a 400 names the field, or speaks of it where it names none (coperniq.md 7)."""
    if refused.faults:
        return any(fault.pointer == "/account" for fault in refused.faults)
    return "accountid" in ((refused.reply and refused.reply.message) or "").lower()


def _account_stays(refused: VendorRefused) -> errors.Unsupported:
    error = _refused(errors.Unsupported, LEFT_OUT.detail, LEFT_OUT.pointer)
    error.reply = refused.reply
    return error


def _shown(result: Opportunity, name: str) -> Any:
    """A field of an answer as a change spells it; a text that was cleared may come back empty."""
    value = getattr(result, name)
    return None if value == "" else getattr(value, "id", value)


def _unseen(change: Change, result: Opportunity) -> Iterator[Warning]:
    """A warning for each field that the answer does not show as it was sent."""
    contacts = change.get("contacts") or ()
    unseen = {
        "status": "status" in change and result.status != change["status"],
        "contacts": any(contact.id is not None for contact in contacts),
    }
    for name in (name for name, is_unseen in unseen.items() if is_unseen):
        detail = f"the vendor takes {name} and does not show what it took"
        yield Warning(code="cannot-be-read-back", pointer=pointer(name), detail=detail)


def _pipeline(found: View, context: Context) -> Pipeline:
    """A workflow; its phases are in order and carry no position (coperniq.md 6)."""
    phases = (STAGE.stage(phase, context) for phase in found.get("phases") or ())
    return Pipeline(
        id=references.NumericId().read(found.get("id")),
        name=references.text_of(found, "name"),
        stages=tuple(
            stage.model_copy(update={"order": order}) for order, stage in enumerate(phases)
        ),
    )


def _definitions(body: View) -> list[Any]:
    """The properties of opportunities, under their newer or one of their older names (8, 5.3)."""
    names = ("opportunity", "opportunities", "request", "requests")
    return _rows(next((body[name] for name in names if name in body), []))


def _custom_field(found: View, context: Context) -> CustomField:
    key: str = found["keyName"]
    options = tuple(text for text in found.get("options") or () if isinstance(text, str))
    kind = (references.text_of(found, "type") or "").lower()
    return CustomField(
        key=context.alias(key),
        vendor_key=key,
        label=references.text_of(found, "name"),
        type="choice" if options else TYPES.get(kind, "other"),
        choices=options or None,
        multiple=found.get("isMultiple") is True,
    )


TRANSLATOR = Vendor(
    name="coperniq",
    title="Coperniq",
    base_url="https://api.coperniq.io/v1",
    dialect=COPERNIQ,
    credentials=CoperniqCredentials,
    options=CoperniqOptions,
    auth={"api_key": Header("x-api-key")},
    translator=CoperniqTranslator,
    listing=LISTING,
    filters=listing,
    finds_marked=True,
    delete="undocumented",
    rate_limits=(
        RateLimit(scope="credential", limit=100, window_seconds=1),
        RateLimit(scope="credential", limit=5000, window_seconds=86_400,
                  note="rolling; X-RateLimit-Remaining lags by minutes"),
    ),
    rate_forms=(rates.ratelimit_fields("x-ratelimit-"),),
    side_effects=(
        SideEffect(when="anything changes", effect="the vendor notes when and by whom",
                   fields=("updated_at", "last_activity_at", "vendor_fields.updatedBy",
                           "vendor_fields.updatedById")),
        SideEffect(when="a create names a contact by email or phone",
                   effect="the vendor makes a contact, or links the one it has",
                   of=("contacts",), on=("create",)),
        SideEffect(when="stage or pipeline changes", effect="the other may follow",
                   of=("stage", "pipeline"), fields=("stage", "pipeline")),
        SideEffect(when="address changes", effect="the vendor takes it to pieces anew",
                   of=("vendor_fields",), fields=PIECES),
        SideEffect(when="lenient handling repeats a title that is the account's",
                   effect="it becomes the record's own", on=("update",), lenient_only=True,
                   fields=("name",)),
        SideEffect(when="an update of a record without address or trades",
                   effect="the connection's defaults are stored", on=("update",),
                   fields=("vendor_fields.address", "vendor_fields.trades", *PIECES)),
    ),
    reads_first=frozenset({"*"}),
)  # fmt: skip
