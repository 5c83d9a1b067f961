"""Reevo, https://help.reevo.ai/api-reference/public-api-v2 (reevo.md, founding document 004).

Quirks, the surprising ones first:
- What is read is not what is written: attributes come in envelopes, lists as lists of envelopes;
  a stage is an object and a reference an object, and both are written as an id (reevo.md 14.1).
- A PATCH with `{"attributes": {}}` is a 422 (FD-004), so a change of nothing makes no call.
- The account is required on create and no part of a PATCH (FD-004, reevo.md 14.2).
- `status`, `outcome` and `closed_at` follow from the stage and are never written (14.3).
- Which attributes can be written, filtered and sorted by is said by `_schema` alone (reevo.md 7);
  stages are listed nowhere, so they come from the connection's options (reevo.md 8).
- An amount has no currency; its scale and rounding are on no page (reevo.md 9, 15), nor is which
  attributes null may clear (5): both are compared with the answer.
- A stage's `closing_probability` is a text of unknown scale (14.6).
- Listing is a POST, and later pages carry the cursor alone (14.10, 14.11).
- DELETE archives; whether queries still show the record is on no page (14.12).
- The shape of an error is on no page (reevo.md 11): every shape seen on the host is looked into.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway import errors
from gateway.canonical import ids, json_text
from gateway.canonical.capabilities import (
    Can,
    Listing,
    Operations,
    RateLimit,
    SideEffect,
    VendorFieldCan,
)
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.opportunity import Change, Opportunity
from gateway.canonical.pipeline import Catalogue, Pipeline, Stage, Status
from gateway.canonical.query import Page, Query
from gateway.errors import (
    Fault,
    Faults,
    InvalidCursor,
    OperationUnsupported,
    UnsupportedFilter,
    ValidationFailed,
    VendorError,
)
from gateway.normalizer import custom_fields, dates, references, stages, units
from gateway.normalizer.dialect import Dialect, Envelope, VendorField
from gateway.normalizer.notation import Context, Flag, Key, Reading, Record, Unreadable, View
from gateway.translator import (
    Bearer,
    Credentials,
    Dialogue,
    Fields,
    Options,
    Translator,
    Vendor,
    VendorRequest,
    VendorResponse,
    oldest,
    read,
    refusal,
    segment,
    write,
)

PAGE_MAX = 100
"""The highest `limit` that an example shows; no page names a maximum (reevo.md 6)."""
FILTERS = {
    "stage_id": ("stage", "eq"),
    "owner_id": ("owner_user_id", "eq"),
    "account_id": ("account_id", "eq"),
    "updated_after": ("updated_at", "gte"),
    "updated_before": ("updated_at", "lte"),
    "created_after": ("created_at", "gte"),
    "created_before": ("created_at", "lte"),
}
IDS = ("stage_id", "owner_id", "account_id")
"""The filters whose value the vendor may not know."""
UNKNOWN_VALUE = frozenset(
    "invalid_filter_value field_value_invalid record_not_found target_record_not_found "
    "uuid_parsing".split()
)
"""What a query with such an id may be refused with (reevo.md 11)."""
SORTS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "expected_close_date": "anticipated_closing_at",
    "value.amount": "amount",
    "name": "display_name",
}
TYPES = {
    "string": "text", "long_text": "text", "rich_text": "text", "email": "text", "url": "text",
    "phone_number": "text", "number": "number", "percent": "number", "currency": "money",
    "boolean": "boolean", "timestamp": "datetime", "date": "date", "select": "choice",
}  # fmt: skip
"""The vendor's value type → ours; any other, also one that no page names, is `other`."""
RIGHTS = {"create": "is_creatable", "update": "is_updatable"}
PERCENT_DIGITS = {"percent": 0, "fraction": 2}
"""Places by which a `closing_probability` of a scale is shifted to be a per cent."""
TEXTS = ("message", "detail", "msg")
UNCLEAR = frozenset({400, 404, 409, 410, 422})
"""Statuses beside which a code says more (reevo.md 11 gives a status to two codes only)."""
BY_CODE: Mapping[str | None, type[VendorError]] = {
    "record_not_found": errors.VendorNotFound,
    "target_record_not_found": errors.VendorUnknownReference,
    "ambiguous_match": errors.VendorUnknownReference,
}
BY_PLACE: Mapping[str, type[VendorError]] = {
    "header": errors.VendorUnauthorized,
    "path": errors.VendorNotFound,
}
"""Part of a request that validation refuses → meaning: a missing key was a 422 (14.14)."""


class ReevoCredentials(Credentials):
    """A workspace's API key (Bearer), reevo.md 2."""

    api_key: SecretStr | None = None


class StageOption(BaseModel):
    """A stage of the workspace, which no route lists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str | None = None
    status: Status | None = None


class ReevoOptions(Options):
    """Options of a Reevo connection."""

    stages: tuple[StageOption, ...] = ()
    """The stages in order."""
    outcome_status: dict[str, Status] = Field(default_factory=dict)
    """The vendor's `outcome` → status, for records whose stage does not tell."""
    closing_probability_scale: Literal["percent", "fraction"] | None = None
    """What a stage's `closing_probability` counts in: "50" or "0.5"."""


class AttributeEnvelopes(Envelope):
    """`attributes`, each a `{value, value_type}` or a list of such; a few stand beside them too."""

    def open(self, record: View) -> View:
        found = record.get("attributes")
        attributes: View = found if isinstance(found, Mapping) else {}
        beside = {
            name: value
            for name, value in record.items()
            if name != "attributes" and (name not in attributes or _bare(attributes[name]) is None)
        }
        return {**attributes, **beside}

    def plain(self, view: View) -> View:
        return {name: _bare(value) for name, value in view.items()}

    def close(self, fields: Record) -> Record:
        return {"attributes": fields}


class CurrencyText(units.DecimalText):
    """A decimal text, enveloped on write: a bare one is in no example (reevo.md 5, 14.18)."""

    def write(self, amount: Decimal, currency: str | None, context: Context) -> Any:
        return _money(amount)


class CustomAttributes(custom_fields.Attributes):
    """Custom attributes; money among them is written as the amount is."""

    def write(self, value: Mapping[str, Any], context: Context) -> Record:
        return {key: _written(context, key, member) for key, member in value.items()}


class StageEnvelope(stages.NestedStage):
    """A stage, whose status and whose probability's scale only the connection's options know."""

    def read(self, view: View, context: Context) -> Reading:
        if isinstance(view.get(self.object_key), str):
            return Reading(self.stage({"id": view[self.object_key]}, context), self.keys)
        return super().read(view, context)

    def stage(self, found: View, context: Context) -> Stage:
        stage = super().stage(found, context)
        told = {"status": _statuses(context).get(stage.id), "probability": _likely(found, context)}
        return stage.model_copy(update=told)


class StatusOfRecord(stages.StatusOfStage):
    """The status of the record's stage, else what the outcome means on this connection."""

    @property
    def keys(self) -> tuple[str, ...]:
        return ("status", "outcome")

    def read(self, view: View, context: Context) -> Reading:
        outcomes: Mapping[Any, str] = context.option("outcome_status") or {}
        return Reading(super().read(view, context).value or outcomes.get(view.get("outcome")))


ENVELOPE = AttributeEnvelopes()
CUSTOM = CustomAttributes(
    can=Can(note="null clears; to add or remove, the list is read, merged and written whole")
)
REFERENCE = references.RecordReference()
STAGE = StageEnvelope(
    "stage", "stage", name="display_value", color="color",
    can=Can(clear="unsupported", note="moves status, outcome and closed_at with it"),
)  # fmt: skip
AS_SCHEMA = "where the workspace's schema lets it be written"
UNSAID = Can(create="undocumented", update="undocumented", clear="undocumented", note=AS_SCHEMA)
OWN = VendorFieldCan(create="undocumented", update="undocumented", note=AS_SCHEMA)

REEVO = Dialect(
    envelope=ENVELOPE,
    volatile=frozenset(
        "record_type forecast_weighted_amount last_activity_at last_voice_call last_meeting "
        "last_global_thread last_engaged_at last_outreached_at last_inbound_meeting_at "
        "last_inbound_voice_call_at last_inbound_global_thread_at last_outbound_meeting_at "
        "last_outbound_voice_call_at last_outbound_global_thread_at".split()
    ),
    required=(("/name",), ("/stage", "/status"), ("/account",)),
    schema_decides=True,
    vendor_fields={
        **dict.fromkeys(
            "closed_by_user_id created_by_user_id expires_at next_meeting_date next_step_details "
            "next_step_due_at owner_team_id primary_competitor_other target_go_live_date type_id "
            "updated_by_user_id".split(),
            VendorField(OWN),
        ),
        **dict.fromkeys(
            ("competitors_mentioned_other", "participant_user_id_list"),
            VendorField(OWN, lambda value: isinstance(value, list | None), "a list is"),
        ),
    },
    external_id=custom_fields.Through("external_id_field", CUSTOM),
    name=Key("display_name", can=Can(clear="unsupported")),
    value=units.Amount("amount", CurrencyText(), can=Can(
        clear="undocumented", unit="decimal text, no currency",
        precision="undocumented: every digit is sent and compared with the answer",
    )),
    status=StatusOfRecord(STAGE, can=stages.StatusOfStage(STAGE).can.model_copy(update={
        "note": "from stage_status, the options stages and outcome_status; "
                "written through the one stage of that status",
    })),
    stage=STAGE,
    owner=references.SiblingPerson(
        "owner_user_id", id=REFERENCE, match="related_record_match",
        can=Can(clear="undocumented", note="the vendor looks an e-mail up; read as an id alone"),
    ),
    account=references.SiblingAccount("account_id", id=REFERENCE, can=Can(
        update="unsupported", clear="unsupported", note="fixed at creation",
    )),
    contacts=references.OneContact("primary_contact_id", id=REFERENCE, can=UNSAID.model_copy(
        update={"note": f"one, {AS_SCHEMA}"},
    )),
    expected_close_date=dates.EndOfDay("anticipated_closing_at", can=UNSAID),
    closed_at=dates.Moment("closed_at"),
    lost_reason=Key("closed_lost_custom_detail", can=UNSAID),
    won_reason=Key("closed_won_custom_detail", can=UNSAID),
    custom_fields=CUSTOM,
    archived=Flag("archived_at", true_if_set=True),
    created_at=dates.Moment("created_at"),
    updated_at=dates.Moment("updated_at"),
    stage_changed_at=dates.Moment("stage_last_shifted_at"),
    last_activity_at=dates.Moment("last_activity_at"),
    archived_at=dates.Moment("archived_at"),
)  # fmt: skip

LISTING = Listing(
    filters={
        "status": "emulated", **dict.fromkeys((*FILTERS, "external_id"), "undocumented"),
    },
    sorts=dict.fromkeys(SORTS, "undocumented"),
    paging="cursor",
    page_size_max=PAGE_MAX,
    include_archived="undocumented",
    note="filters and sorts are those that the workspace's schema lets be used",
)  # fmt: skip


class ReevoTranslator(Translator):
    """Dialogues with Reevo."""

    def get(self, vendor_id: str) -> Dialogue[Opportunity]:
        reply = yield read("get", f"opportunity/{segment(vendor_id)}", of_record=True)
        return REEVO.read(reply.json["data"], self.context)

    def list(self, query: Query) -> Dialogue[Page]:
        body = self._first_page(query)
        if query.position:  # a cursor holds its filters and its sort (14.11)
            body = {"cursor": query.position, "limit": query.page_size}
        if body is None:
            return Page(items=())
        try:
            reply = yield _query("list", body)
        except VendorError as error:
            if query.position and error.reply and error.reply.code == "invalid_cursor":
                raise InvalidCursor("The vendor's cursor is no longer valid: start over.") from None
            if not query.position and _is_over_an_id(error, query):
                return Page(items=())
            raise
        records, cursor = _page(reply)
        found = (REEVO.read(record, self.context) for record in records)
        return Page(items=tuple(item for item in found if _wanted(item, query)), next=cursor)

    def create(self, change: Change) -> Dialogue[Opportunity]:
        body = REEVO.write(change, self.context)
        self._require(body["attributes"])
        reply = yield write("create", "POST", "opportunity", body)
        return self._compared(change, body, REEVO.read(reply.json["data"], self.context))

    def update(
        self, vendor_id: str, change: Change, current: Opportunity | None
    ) -> Dialogue[Opportunity]:
        if current is None and ("custom_fields_add" in change or "custom_fields_remove" in change):
            current = yield from self.get(vendor_id)
        body = REEVO.write(change, self.context)
        body["attributes"].update(self._lists(change, current))
        if not body["attributes"]:
            return current or (yield from self.get(vendor_id))
        path = f"opportunity/{segment(vendor_id)}"
        with custom_fields.Traced(change, self.context):
            reply = yield write("update", "PATCH", path, body, of_record=True)
        return self._compared(change, body, REEVO.read(reply.json["data"], self.context))

    def delete(self, vendor_id: str) -> Dialogue[None]:
        path = f"opportunity/{segment(vendor_id)}"
        yield write("delete", "DELETE", path, of_record=True)

    def catalogue(self) -> Dialogue[Catalogue]:
        reply = yield read("schema", "_schema/opportunity")
        attributes: Sequence[View] = reply.json["attributes"]  # in no wrapper (reevo.md 7)
        known = _stages(self.context)
        custom = (found for found in attributes if found.get("is_custom") is True)
        return Catalogue(
            pipelines=(Pipeline(id=None, stages=known),) if known else None,
            custom_fields=tuple(_custom_field(found, self.context) for found in custom),
            writable=frozenset(
                (found["api_name"], action)
                for found in attributes
                for action in ("create", "update")
                if found.get(RIGHTS[action]) is True
            ),
            filterable=frozenset(
                (found["api_name"], operator)
                for found in attributes
                if found.get("is_filterable") is True
                for operator in found.get("filter_operators") or ()
            ),
            sortable=frozenset(
                found["api_name"] for found in attributes if found.get("is_sortable") is True
            ),
        )

    def find(self, marker: str, change: Change) -> Dialogue[Opportunity | None]:
        """Raises `OperationUnsupported` where the schema lets no query be narrowed to it."""
        marked: str | None = self.context.option("marker_field")
        if marked is None:
            return None
        body: Record | None = self._search(marked, marker, change)
        found: list[Opportunity] = []
        while body:
            reply = yield _query("find", body)
            records, cursor = _page(reply)
            ours = (record for record in records if _plain(record).get(marked) == marker)
            found += [REEVO.read(record, self.context) for record in ours]
            body = {"cursor": cursor, "limit": PAGE_MAX} if cursor else None
        return oldest(found)

    def check(self) -> Dialogue[None]:
        yield read("check", "_schema/opportunity")

    def error(self, response: VendorResponse) -> VendorError:
        """No page shows an error: status first, then a code, texts and fields (reevo.md 11)."""
        said = tuple(_objects(response.json))
        code = _first(said, "code", "error") or _first(said, "type")
        message = "; ".join(
            dict.fromkeys(text for each in said if (text := _first([each], *TEXTS)))
        )
        fields = self._fields()
        faults = [
            fields.fault(key, _first([each], *TEXTS) or message or code or "refused")
            for each in said
            if (key := _attribute_of(each))
        ]
        return refusal(
            response,
            code=code,
            message=message,
            faults=faults,
            kind=_kind(code, said, faults) if response.status in UNCLEAR else None,
        )

    def _first_page(self, query: Query) -> Record | None:
        """A query's body; None where no record can match, so that no call is made."""
        table, sorts = _filters(self.context), _sorts(self.context)
        words = _status_words(self.context)
        filters = []
        for name, value in query.filters.items():
            if name == "status" and words:
                groups = _means(value, words)
                if not groups:
                    return None
                filters.append(groups[0] if len(groups) == 1 else {"or": groups})
            elif name in table:
                filters.append(_where(*table[name], value))
            else:
                raise self._unsupported(name, f"be filtered by {name}")
        body: Record = {"filters": filters} if filters else {}
        if query.sort:
            if query.sort not in sorts:
                raise self._unsupported("sort", f"be sorted by {query.sort}")
            direction = "desc" if query.descending else "asc"
            body["sort"] = [{"field": sorts[query.sort], "direction": direction}]
        return {**body, "limit": query.page_size}

    def _unsupported(self, parameter: str, what: str) -> UnsupportedFilter:
        detail = f"the lists of the connection {self.context.connection} cannot {what}"
        fault = Fault(code=UnsupportedFilter.code, parameter=parameter, detail=detail)
        return UnsupportedFilter(f"{detail[:1].upper()}{detail[1:]}.", faults=[fault])

    def _search(self, marked: str, marker: str, change: Change) -> Record:
        """The query that a marked record would be in, the oldest first."""
        wanted = {"display_name": change.get("name"), "account_id": change.get("account")}
        if _allows(self.context, marked, "eq"):
            wanted = {marked: marker}
        filters = [
            _where(key, "eq", value)
            for key, value in wanted.items()
            if value is not None and _allows(self.context, key, "eq")
        ]
        if not filters:
            raise OperationUnsupported("The vendor's schema lets no list be narrowed to a mark.")
        by_age = [{"field": "created_at", "direction": "asc"}]
        order = {"sort": by_age} if "created_at" in _sorts(self.context) else {}
        return {"filters": filters, **order, "limit": PAGE_MAX}

    def _lists(self, change: Change, current: Opportunity | None) -> Record:
        """A PATCH replaces the whole array (14.7), so what is held goes with what is added."""
        adds = change.get("custom_fields_add") or {}
        removes = change.get("custom_fields_remove") or {}
        held = _plain((current.raw if current else None) or {})
        lists = {
            key: custom_fields.merged(
                custom_fields.spoken(held.get(key)),
                add=adds.get(key, ()),
                remove=removes.get(key, ()),
            )
            for key in (*adds, *removes)
        }
        return CUSTOM.write(lists, self.context)

    def _require(self, attributes: Record) -> None:
        """What the schema requires beyond the rest is missed before the first call."""
        faults = Faults()
        for field in self.context.catalogue.custom_fields or ():
            if field.required and attributes.get(field.vendor_key) is None:
                where = ids.pointer("custom_fields", field.key)
                faults.add(ValidationFailed, where, f"the workspace requires {field.key} on create")
        faults.raise_if_any()

    def _compared(self, change: Change, body: Record, result: Opportunity) -> Opportunity:
        """What no page promises has to be seen in the answer: each clear, digit of money, day."""
        kept = _plain(result.raw or {})
        lost = [
            key
            for key, sent in body["attributes"].items()
            if not _shows(kept.get(key), sent, self.context)
        ]
        if change.get("expected_close_date") not in (None, result.expected_close_date):
            lost.append("anticipated_closing_at")
        if lost:
            fields = self._fields()
            faults = [fields.fault(key, "the vendor did not take what was sent") for key in lost]
            error = errors.VendorNotTaken(
                f"The vendor accepted the write and its answer shows {', '.join(lost)} otherwise.",
                faults=faults,
            )
            error.opportunity_id = result.id
            raise error
        return result

    def _fields(self) -> Fields:
        custom = {
            field.vendor_key: ids.pointer("custom_fields", field.key).removeprefix("/")
            for field in self.context.catalogue.custom_fields or ()
        }
        return Fields(REEVO, {**custom, **REEVO.reserved(self.context)})


def _bare(value: Any) -> Any:
    """An attribute without its envelope; an empty list is as empty as null (reevo.md 4)."""
    if isinstance(value, list):
        return [_bare(member) for member in value] or None
    if isinstance(value, dict) and ("value" in value or "value_type" in value):
        return value.get("value")
    return value


def _plain(record: View) -> View:
    return ENVELOPE.plain(ENVELOPE.open(record))


def _money(amount: Decimal) -> Record:
    return {"value": {"amount": json_text.plain(amount)}, "value_type": "currency"}


def _written(context: Context, key: str, value: Any) -> Any:
    """A custom value as it is sent."""
    definition = context.catalogue.field(key)
    if definition is None or definition.type != "money":
        return value
    if isinstance(value, list):
        return [_written(context, key, member) for member in value]
    amount = _amount(value, context)
    return value if amount is None else _money(amount)


def _amount(value: Any, context: Context) -> Decimal | None:
    """The amount of a number, a text or an amount object; None where it is none."""
    try:
        return CurrencyText().read(value, None, context)
    except Unreadable:
        return None


def _shows(kept: Any, sent: Any, context: Context) -> bool:
    """Whether an answer holds what was sent, as far as it must: nothing for null, all of money."""
    if sent is None:
        return kept is None
    if isinstance(sent, Mapping) and sent.get("value_type") == "currency":
        return _amount(kept, context) == _amount(sent.get("value"), context)
    return True


def _page(reply: VendorResponse) -> tuple[Sequence[View], Any]:
    """Records and the next cursor, at the top level or one level below (reevo.md 6)."""
    records = reply.json["data"]
    if not isinstance(records, list):
        raise Unreadable("the answer holds no list of records")
    places = (reply.json, *(part for part in reply.json.values() if isinstance(part, Mapping)))
    return records, next(filter(None, (place.get("next_cursor") for place in places)), None)


def _custom_field(found: View, context: Context) -> CustomField:
    key: str = found["api_name"]
    kind: View = found.get("type_info") or {}
    names = {vendor_key: alias for alias, vendor_key in context.aliases.items()}
    return CustomField(
        key=names.get(key, key),
        vendor_key=key,
        label=references.text_of(found, "display_name"),
        type=TYPES.get(kind.get("value_type") or "", "other"),
        multiple=kind.get("is_array") is True,
        required=found.get("is_required_on_create") is True,
        writable=any(found.get(right) is True for right in RIGHTS.values()),
    )


def _stages(context: Context) -> tuple[Stage, ...]:
    """The stages that the connection's configuration knows, in its order."""
    names = {stage.id: stage.name for stage in context.option("stages") or ()}
    statuses = _statuses(context)
    return tuple(
        Stage(id=stage_id, name=names.get(stage_id), order=order, status=statuses.get(stage_id))
        for order, stage_id in enumerate(dict.fromkeys((*names, *context.stage_status)))
    )


def _statuses(context: Context) -> Mapping[str, str]:
    """Stage id → status."""
    known: Mapping[str, str] | None = context.worked_out.get(_statuses)
    if known is None:
        told = {stage.id: stage.status for stage in context.option("stages") or () if stage.status}
        known = context.worked_out[_statuses] = {**told, **context.stage_status}
    return known


def _likely(found: View, context: Context) -> Decimal | None:
    digits = PERCENT_DIGITS.get(context.option("closing_probability_scale") or "")
    amount = _amount(found.get("closing_probability"), context)
    return None if digits is None or amount is None else units.shifted(amount, digits)


def _query(step: str, body: Record) -> VendorRequest:
    """A read by POST (14.10)."""
    return VendorRequest(
        effect="read", step=step, method="POST", path="opportunity/_query", json=body
    )


def _where(key: str, operator: str, value: Any) -> Record:
    return {"field": key, "operator": operator, "value": value}


def _allows(context: Context, key: str, operator: str) -> bool:
    """Whether the schema lets a list be narrowed so; as long as it is not known, it is tried."""
    allowed = context.catalogue.filterable
    return allowed is None or (key, operator) in allowed


def _filters(context: Context) -> Mapping[str, tuple[str, str]]:
    kept_in: str | None = context.option("external_id_field")
    table = {**FILTERS, "external_id": (kept_in, "eq")} if kept_in else FILTERS
    return {name: pair for name, pair in table.items() if _allows(context, *pair)}


def _sorts(context: Context) -> Mapping[str, str]:
    allowed = context.catalogue.sortable
    return {name: key for name, key in SORTS.items() if allowed is None or key in allowed}


def _status_words(context: Context) -> Mapping[str, Mapping[str, str]]:
    """Attribute → its value → status, as this connection tells it; none if no query can ask."""
    words = {"stage": _statuses(context), "outcome": context.option("outcome_status") or {}}
    told = {key: meanings for key, meanings in words.items() if meanings}
    return told if all(_allows(context, key, "in") for key in told) else {}


def _means(status: str, words: Mapping[str, Mapping[str, str]]) -> Sequence[Record]:
    """The conditions of which a record in a status holds one."""
    values = {
        key: [value for value, meant in meanings.items() if meant == status]
        for key, meanings in words.items()
    }
    return [_where(key, "in", found) for key, found in values.items() if found]


def _listing(context: Context) -> Listing:
    """How a connection lists: the schema decides."""
    how = LISTING.filters["stage_id"] if context.catalogue.filterable is None else "native"
    status = {"status": "emulated"} if _status_words(context) else {}
    filters = {**status, **dict.fromkeys(_filters(context), how)}
    sorts = dict.fromkeys(_sorts(context), how)
    return LISTING.model_copy(update={"filters": filters, "sorts": sorts})


def _wanted(item: Opportunity, query: Query) -> bool:
    """What a query cannot leave out by itself: archived records, and a status told otherwise."""
    if item.archived and not query.include_archived:
        return False
    return query.filters.get("status") in (None, item.status)


def _is_over_an_id(error: VendorError, query: Query) -> bool:
    """Whether a query was refused for an id among its filters, which no record can have then."""
    refused = isinstance(error, (errors.VendorRefused, errors.VendorNotFound))
    wanted = {f"/{name.removesuffix('_id')}" for name in IDS if name in query.filters}
    named = {fault.pointer for fault in error.faults} - {"/vendor_fields/filters"}
    code = error.reply.code if error.reply else None
    return refused and code in UNKNOWN_VALUE and bool(wanted) and named <= wanted


def _objects(body: Any) -> Iterator[View]:
    """The objects of an error that may hold a code, a text or a field's name."""
    if isinstance(body, Mapping):
        yield body
        for name in ("error", "errors", "detail", "details"):
            yield from _objects(body.get(name))
    elif isinstance(body, list):
        for member in body:
            yield from _objects(member)


def _first(said: Iterable[View], *names: str) -> str | None:
    found = (each.get(name) for each in said for name in names)
    return next((text for text in found if isinstance(text, str) and text), None)


def _loc(each: View) -> Sequence[str]:
    loc = each.get("loc")
    return [part for part in loc if isinstance(part, str)] if isinstance(loc, list) else []


def _attribute_of(each: View) -> str | None:
    """The attribute that an error is about."""
    if loc := _loc(each):
        within = [part for part in loc[1:] if part != "attributes"]
        return within[0] if within and loc[0] == "body" else None
    named = _first([each], "field", "attribute")
    return named.removeprefix("attributes.") if named else None


def _kind(
    code: str | None, said: Iterable[View], faults: Sequence[Fault]
) -> type[VendorError] | None:
    for each in said:
        if kind := BY_PLACE.get("".join(_loc(each)[:1])):
            return kind
    if code == "record_not_found" and faults:  # a field of ours refers to it
        return errors.VendorUnknownReference
    return BY_CODE.get(code)


TRANSLATOR = Vendor(
    name="reevo",
    title="Reevo",
    base_url="https://api.reevo.ai/api/v2",
    dialect=REEVO,
    credentials=ReevoCredentials,
    options=ReevoOptions,
    auth={"api_key": Bearer()},
    translator=ReevoTranslator,
    operations=Operations(list_pipelines="emulated", list_users="unsupported"),
    listing=LISTING,
    filters=_listing,
    finds_marked=True,
    delete="archives",
    rate_limits=(
        RateLimit(scope="group", limit=None, window_seconds=None,
                  note="an unpublished quota of public requests"),
    ),
    side_effects=(
        SideEffect(when="anything is written", effect="the vendor notes when and by whom",
                   fields=("updated_at", "vendor_fields.updated_by_user_id")),
        SideEffect(when="stage changes", effect="status, outcome and the time of closing follow",
                   of=("stage", "status"),
                   fields=("status", "stage", "closed_at", "stage_changed_at",
                           "vendor_fields.status", "vendor_fields.outcome",
                           "vendor_fields.closed_by_user_id")),
    ),
    reads_first=frozenset({"status", "custom_fields_add", "custom_fields_remove"}),
    catalogue_first=frozenset({"read", "*"}),
)  # fmt: skip
