"""Slant, https://docs.slant.app/api-reference/opportunities (slant.md, FD-000, FD-001).

Quirks, the surprising ones first:
- A create takes no custom fields: it is a POST and then a PATCH, and the second can fail by itself
  (slant.md 3.1, 13.7).
- Amounts are whole dollars. An older page speaks of cents, and the pages' own pair of 500000 sent
  and 5000 answered is what is left of it, no conversion (slant.md 4, 13.1, 13.2).
- A close date has to lie in the future on create, and need not on update (FD-001, slant.md 3.2).
- A record never changes its pipeline, and won or lost is only what a stage is called
  (slant.md 3.2, 6, 13.8, 13.9).
- What a null does is not documented, neither for a field nor for a custom field: none is ever sent
  (slant.md 3.2, 13.17). Whether `custom_fields` merges or replaces is not documented either.
- No page shows a list of opportunities, a delete, or the envelope of an error (slant.md 3, 11).
- Names differ by direction: `assigned_to_id` is written, `assigned_to.id` is read; `owner_id` is an
  alias and is never sent (slant.md 13.10, 13.11).
- Older answers are thinner: no `custom_fields`, no stages in the pipeline (slant.md 3.3, 13.16).
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import SecretStr

from gateway.canonical import ids
from gateway.canonical.capabilities import (
    READ_ONLY,
    Can,
    Concurrency,
    Listing,
    NativeIdempotency,
    Operations,
    RateLimit,
    SideEffect,
    VendorFieldCan,
)
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.opportunity import Change, Opportunity, Warning
from gateway.canonical.pipeline import Catalogue, Person, Pipeline
from gateway.canonical.query import Page, Query
from gateway.errors import (
    AppliedUnread,
    Fault,
    GatewayError,
    Indeterminate,
    IndeterminateTimeout,
    OperationUnsupported,
    Partial,
    Rejected,
    Unsupported,
    ValidationFailed,
    VendorError,
)
from gateway.normalizer import custom_fields, dates, references, stages, units
from gateway.normalizer.dialect import Dialect, VendorField
from gateway.normalizer.notation import Context, Key, Record, Unreadable, View
from gateway.translator import (
    Bearer,
    Credentials,
    Dialogue,
    Fields,
    Options,
    Translator,
    Vendor,
    VendorResponse,
    read,
    refusal,
    segment,
    write,
)

PAGE_MAX = 100
TYPES = {
    "text": "text", "number": "number", "date": "date", "boolean": "boolean",
    "single_select": "choice",
}  # fmt: skip
KINDS = ("prospect", "client")
LATER = ("custom_fields", "external_id")
"""What a create can only take with a second call; the external id is kept in a custom field."""
HIDDEN = (
    "the vendor's answer does not show the record's custom fields, which this write could lose; "
    "the option custom_fields_update = merge sends the change alone"
)


class SlantCredentials(Credentials):
    """A personal access token, which is read-only unless write access was granted (slant.md 2)."""

    token: SecretStr


class SlantOptions(Options):
    """Options of a Slant connection."""

    pipelines: tuple[str, ...] = ()
    """Ids of the pipelines to offer, which Slant does not list (slant.md 6)."""
    custom_fields_update: Literal["replace", "merge"] = "replace"
    """`replace` sends all the record's custom values with the change laid over; `merge` the change
    alone, which loses the others should Slant replace the object (slant.md 3.2)."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


NO_CLEAR = Can(clear="unsupported")
CUSTOM = custom_fields.Member(
    "custom_fields",
    can=Can(
        create="emulated", update="emulated", clear="unsupported",
        note="a second call on create; on update with all the record's other values, unless the "
        "option custom_fields_update is merge",
    ),
)  # fmt: skip
STAGE = stages.NestedStage(
    "pipeline_stage", "pipeline_stage_id", order="stage_order", probability="default_probability",
    can=Can(clear="unsupported", note="a stage of the record's own pipeline"),
)  # fmt: skip

SLANT = Dialect(
    volatile=frozenset(
        "pipeline.name pipeline.pipeline_type pipeline.book_id pipeline.pipeline_stages "
        "pipeline_stage.name pipeline_stage.stage_order pipeline_stage.visible "
        "pipeline_stage.default_probability assigned_to.email assigned_to.first_name "
        "assigned_to.last_name assigned_to.api_access".split()
    ),
    required=(
        ("/name",),
        ("/vendor_fields/book_id",),
        ("/pipeline", "/vendor_fields/pipeline_type", "/account"),
    ),
    vendor_fields={
        "book_id": VendorField(
            VendorFieldCan(update="unsupported", required_on_create=True,
                           note="the advisor's workspace, fixed at creation"),
            _is_text,
            "a text is",
        ),
        "pipeline_type": VendorField(
            VendorFieldCan(update="unsupported", note="picks the default pipeline of that type "
                           "where neither pipeline nor account is named"),
            lambda value: value in KINDS,
            " or ".join(KINDS) + " is",
        ),
    },
    external_id=custom_fields.Through("external_id_field", CUSTOM, can=CUSTOM.can),
    name=Key("name", can=NO_CLEAR),
    value=units.Amount(
        "value", units.Whole(), only_currency="USD",
        can=Can(clear="unsupported", unit="dollars, integer",
                precision="no digits after the point",
                note="USD and one_time, of which the vendor shows neither"),
    ),
    probability=units.Percentage(
        "probability", digits=0, can=Can(clear="unsupported", unit="per cent, integer"),
    ),
    status=stages.StatusOfStage(STAGE),
    stage=STAGE,
    pipeline=stages.NestedPipeline(
        "pipeline_id", object_key="pipeline",
        can=Can(update="unsupported", clear="unsupported",
                note="fixed at creation; else the vendor picks it by account or pipeline_type"),
    ),
    owner=references.NestedPerson(
        "assigned_to", "assigned_to_id", aliases=("owner_id",),
        can=Can(clear="unsupported", note="a user of the book; by default the token's own"),
    ),
    account=references.SiblingAccount(
        "household_id", can=Can(clear="unsupported", note="a household"),
    ),
    expected_close_date=dates.EndOfDay(
        "target_close_date",
        can=Can(clear="unsupported", unit="date-time, 23:59:59 of the day",
                note="on create today or later"),
    ),
    custom_fields=CUSTOM,
    created_at=dates.Moment("created_at"),
    updated_at=dates.Moment("updated_at", can=READ_ONLY),
    stage_changed_at=dates.Moment("stage_updated_at"),
)  # fmt: skip


class SlantTranslator(Translator):
    """Dialogues with Slant."""

    def get(self, vendor_id: str) -> Dialogue[Opportunity]:
        reply = yield read("get", _path(vendor_id), of_record=True)
        return SLANT.read(reply.json, self.context)

    def list(self, query: Query) -> Dialogue[Page]:
        """One page of a list that no page documents (slant.md 3, api.md 11)."""
        start: int = query.position or 0
        size = _page_size(start, query.page_size)
        number = start // size + 1
        try:
            reply = yield read("list", "opportunities", {"page": number, "per_page": size})
        except VendorError as error:
            if error.reply is None or error.reply.status not in (404, 405):
                raise
            raise OperationUnsupported("The vendor has no list of opportunities.") from error
        records, pages = _rows(reply)
        items = tuple(SLANT.read(record, self.context) for record in records)
        return Page(items=items, next=number * size if number < pages else None)

    def create(self, change: Change) -> Dialogue[Opportunity]:
        self._check_future(change.get("expected_close_date"))
        self._check_stage(change.get("stage"), change.get("pipeline"))
        first, later = change.without(*LATER), change.only(*LATER)
        reply = yield write("create", "POST", "opportunities", SLANT.write(first, self.context))
        if not later:
            return SLANT.read(reply.json, self.context)
        created = _new_id(reply)
        try:
            reply = yield write(
                "custom-fields", "PATCH", _path(created), SLANT.write(later, self.context)
            )
            return _told(SLANT.read(reply.json, self.context), later)
        except GatewayError as error:
            raise self._half_done(error, created, first) from error
        except Unreadable as error:
            lost = Indeterminate("The vendor's answer to them cannot be read.")
            raise self._half_done(lost, created, first) from error

    def update(
        self, vendor_id: str, change: Change, current: Opportunity | None
    ) -> Dialogue[Opportunity]:
        if current and current.pipeline:
            self._check_stage(change.get("stage"), current.pipeline.id, current.raw or {})
        body = SLANT.write(change, self.context)
        if not body:
            return current or (yield from self.get(vendor_id))
        if "custom_fields" in body and self.context.option("custom_fields_update") != "merge":
            current = current or (yield from self.get(vendor_id))
            held = _held(current.raw or {})
            if held is None:
                return (yield from self._without_custom(vendor_id, change, current))
            body["custom_fields"] = {**held, **body["custom_fields"]}
        reply = yield write("update", "PATCH", _path(vendor_id), body, of_record=True)
        return _told(SLANT.read(reply.json, self.context), change)

    def _without_custom(
        self, vendor_id: str, change: Change, current: Opportunity
    ) -> Dialogue[Opportunity]:
        """The change but for custom values, where those of the record are not shown (13.16).

        Raises `Unsupported` under strict handling.
        """
        faults = [
            Fault(code=Unsupported.code, pointer=ids.pointer(name), detail=HIDDEN)
            for name in LATER
            if name in change
        ]
        if not self.context.lenient:
            raise Unsupported(f"{faults[0].pointer}: {HIDDEN}.", faults=faults)
        left = yield from self.update(vendor_id, change.without(*LATER), current)
        return left.warned(
            *(Warning(code=each.code, pointer=each.pointer, detail=each.detail) for each in faults)
        )

    def delete(self, vendor_id: str) -> Dialogue[None]:
        """Refuses: no page shows how an opportunity is deleted (slant.md 3)."""
        yield from ()
        raise OperationUnsupported("The vendor documents no way to delete an opportunity.")

    def catalogue(self) -> Dialogue[Catalogue]:
        """Reads the pipelines of the options, the users of the default book, the definitions."""
        pipelines = []
        for pipeline_id in self.context.option("pipelines") or ():
            reply = yield read("pipeline", f"pipelines/{segment(pipeline_id)}")
            pipelines.append(self._pipeline(_object(reply)))
        users = yield from self._users()
        definitions = yield from self._definitions()
        return Catalogue(pipelines=tuple(pipelines), users=users, custom_fields=definitions)

    def find(self, marker: str, change: Change) -> Dialogue[Opportunity | None]:
        """Finds nothing, without a call: Slant documents no search (slant.md 3)."""
        yield from ()
        return None

    def check(self) -> Dialogue[None]:
        """Reads the token's user.

        A token that may only read passes, `api_access.can_write` or not: it serves a connection
        that is only read, and the first write is refused by the vendor (slant.md 2, 13.13).
        """
        yield read("check", "me")

    def error(self, response: VendorResponse) -> VendorError:
        """The envelope is undocumented (slant.md 11): what looks like a code or words is taken."""
        body = response.json if isinstance(response.json, Mapping) else {}
        inner = body.get("error")
        told = {**body, **inner} if isinstance(inner, Mapping) else body
        texts = [*_texts(inner), *_texts(told.get("message")), *_texts(told.get("errors"))]
        code = next((text for text in (told.get("code"), *texts) if _is_code(text)), None)
        named = _named(told)
        words = [text for text in texts if text != code] or named.values()
        fields = Fields(SLANT)
        return refusal(
            response,
            code=code,
            message="; ".join(words),
            faults=[fields.fault(key.partition(".")[0], said) for key, said in named.items()],
        )

    def pipelines_in(self, record: View) -> tuple[Pipeline, ...]:
        """The record's own pipeline, where the answer shows its stages (slant.md 3.3)."""
        found = record.get("pipeline")
        if not isinstance(found, Mapping) or not _objects(found.get("pipeline_stages")):
            return ()
        seen: tuple[View, Pipeline] | None = self.context.worked_out.get(SlantTranslator)
        if seen is not None and seen[0] == found:  # as in the record before, most of the time
            return (seen[1],)
        try:
            pipeline = self._pipeline(found)
        except ValueError:
            return ()
        self.context.worked_out[SlantTranslator] = (found, pipeline)
        return (pipeline,)

    def _check_future(self, day: str | None) -> None:
        if day is None or dates.moment(dates.end_of_day(day, self.context)) > self.context.now:
            return
        raise _refused(
            ValidationFailed, "/expected_close_date", "the vendor takes a day in the future only"
        )

    def _check_stage(
        self, stage_id: str | None, pipeline_id: str | None, record: View | None = None
    ) -> None:
        """Refuses a stage that is known to be another pipeline's; the record knows its own best."""
        if stage_id is None or pipeline_id is None:
            return
        own = {stage.id for found in self.pipelines_in(record or {}) for stage in found.stages}
        home = self.context.catalogue.pipeline_of(stage_id)
        if stage_id in own or home in (None, pipeline_id):
            return
        raise _refused(
            ValidationFailed,
            "/stage",
            f"the stage belongs to the pipeline {home}, the record to {pipeline_id}, and the "
            "vendor moves no record between pipelines",
        )

    def _half_done(self, error: GatewayError, vendor_id: Any, applied: Change) -> GatewayError:
        """What a failure of a create's second write means; the record of the first is there.

        Only a refusal that would be one again is final; after any other the same key goes on at
        the second write.
        """
        told: GatewayError
        if isinstance(error, AppliedUnread):
            told = AppliedUnread(error.message, reply=error.reply)
        elif error.stored:
            told = Partial(
                "The opportunity was created without its custom fields and external id: update it "
                f"with them. {error.message}",
                applied=[ids.pointer(name) for name in applied],
                reply=error.reply,
            )
            told.faults = error.faults
        else:
            broken = type(error) is Indeterminate
            told = (Indeterminate if broken else IndeterminateTimeout)(
                "The opportunity was created, its custom fields and external id may be missing. "
                f"{error.message}",
                reply=error.reply,
            )
            told.retry_after = error.retry_after
        told.opportunity_id = ids.join(self.context.connection, str(vendor_id))
        return told

    def _users(self) -> Dialogue[tuple[Person, ...] | None]:
        """The users of the book that creates go to; None where no default names one."""
        book_id = (self.context.defaults.get("vendor_fields") or {}).get("book_id")
        if book_id is None:
            return None
        reply = yield read("users", f"books/{segment(book_id)}")
        person = references.NestedPerson("user").person
        return tuple(person(found) for found in _objects(_object(reply).get("users")))

    def _definitions(self) -> Dialogue[tuple[CustomField, ...]]:
        found: list[CustomField] = []
        number, pages = 0, 1
        while number < pages:
            number += 1
            page = {"entity_type": "Opportunity", "page": number, "per_page": PAGE_MAX}
            reply = yield read("custom-fields", "custom_fields", page)
            records, pages = _rows(reply)
            ours = (row for row in records if row.get("entity_type") == "Opportunity")
            found += [_definition(row, self.context) for row in ours]
        return tuple(found)

    def _pipeline(self, found: View) -> Pipeline:
        return Pipeline(
            id=references.TextId().read(found.get("id")),
            name=references.text_of(found, "name"),
            stages=tuple(
                STAGE.stage(stage, self.context) for stage in _objects(found.get("pipeline_stages"))
            ),
        )


def _path(vendor_id: Any) -> str:
    return f"opportunities/{segment(vendor_id)}"


def _page_size(start: int, wanted: int) -> int:
    """The largest page, of at most the wanted size, that begins right at `start`."""
    return next(size for size in range(wanted, 0, -1) if start % size == 0)


def _object(reply: VendorResponse) -> View:
    if not isinstance(reply.json, Mapping):
        raise Unreadable("the answer is not an object")
    return reply.json


def _objects(value: Any) -> list[View]:
    """The objects of a list that a thinner answer may lack."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _rows(reply: VendorResponse) -> tuple[list[Any], int]:
    """The records of a page and the number of pages: a short page proves nothing (slant.md 9)."""
    body = _object(reply)
    records, pagination = body.get("data"), body.get("pagination")
    pages = pagination.get("total_pages") if isinstance(pagination, Mapping) else None
    if not isinstance(records, list) or not isinstance(pages, int):
        raise Unreadable("the list has no records or does not say how many pages there are")
    return records, pages


def _new_id(reply: VendorResponse) -> Any:
    """The id of the record just made, or what stands for it in a dry run."""
    created = reply.json["id"]
    if not created:
        raise Unreadable("the record has no id")
    return created


def _told(result: Opportunity, change: Change) -> Opportunity:
    """The answer, with a warning where it is an older one that shows no custom values (13.16)."""
    thin = "custom_fields" not in (result.raw or {})
    detail = "the vendor's answer does not show the record's custom fields"
    unseen = (
        Warning(code="cannot-be-read-back", pointer=ids.pointer(name), detail=detail)
        for name in LATER
        if thin and name in change
    )
    return result.warned(*unseen)


def _held(record: View) -> Record | None:
    """The record's custom values, to be sent along with a change of some of them.

    None for an older answer, which does not show them (slant.md 13.16).
    """
    shown = record.get("custom_fields") or ({} if "custom_fields" in record else None)
    if not isinstance(shown, Mapping):
        return None
    return {key: value for key, value in shown.items() if value is not None}


def _overlaid(context: Context) -> frozenset[str]:
    """The fields that are laid over what the record holds of them."""
    return frozenset(() if context.option("custom_fields_update") == "merge" else LATER)


def _definition(found: View, context: Context) -> CustomField:
    key = references.TextId().read(found.get("field_key"))
    names = {vendor_key: alias for alias, vendor_key in context.aliases.items()}
    kind = TYPES.get(found.get("field_type") or "", "other")
    choices = _texts((found.get("options") or {}).get("select_options"))
    return CustomField(
        key=names.get(key, key),
        vendor_key=key,
        label=references.text_of(found, "display_name"),
        type=kind,
        choices=tuple(choices) if kind == "choice" and choices else None,
    )


def _refused(kind: type[Rejected], pointer: str, detail: str) -> Rejected:
    fault = Fault(code=kind.code, pointer=pointer, detail=detail)
    return kind(f"{pointer}: {detail}.", faults=[fault])


def _is_code(text: Any) -> bool:
    """Whether a text is a code such as `token_missing`, and no words for people."""
    return isinstance(text, str) and text.isidentifier()


def _texts(value: Any) -> list[str]:
    """The texts of a value that may be one, or a list of them."""
    members = value if isinstance(value, list) else [value]
    return [member for member in members if isinstance(member, str) and member]


def _named(told: View) -> dict[str, str]:
    """Field → what is wrong with it, from `errors` or `details`, be they an object or a list."""
    named: dict[str, str] = {}
    for found in (told.get("errors"), told.get("details")):
        listed = [(member.get("field"), member.get("message")) for member in _objects(found)]
        pairs = found.items() if isinstance(found, Mapping) else listed
        texts = ((key, "; ".join(_texts(said))) for key, said in pairs)
        named |= {key: f"{key}: {text}" for key, text in texts if isinstance(key, str)}
    return named


TRANSLATOR = Vendor(
    name="slant",
    title="Slant",
    base_url="https://api.slant.app/v1",
    dialect=SLANT,
    credentials=SlantCredentials,
    options=SlantOptions,
    auth={"token": Bearer()},
    translator=SlantTranslator,
    operations=Operations(list="undocumented", delete="unsupported", list_pipelines="emulated"),
    listing=Listing(
        page_size_max=PAGE_MAX,
        include_archived="derived",  # archived is what a stage is called: nothing is held back
        note="no page documents the list: a 404 or 405 means that the vendor has none",
    ),
    idempotency=NativeIdempotency(
        supported=True, header="Idempotency-Key", window_seconds=3600, methods=("POST", "PATCH"),
        note="per path; a 5xx is not kept",  # slant.md 8
    ),
    concurrency=Concurrency(
        window="The gateway reads the record, compares, then writes: an edit at the vendor between "
        "the two is not seen, nor is a stage moved by the vendor's own automation."
    ),  # slant.md 6
    delete="unsupported",
    rate_limits=(
        RateLimit(scope="credential", limit=1000, window_seconds=3600,
                  note="500 for an OAuth app; no header tells what is left"),
        RateLimit(scope="group", limit=10000, window_seconds=3600, note="1000 for an OAuth app"),
        RateLimit(scope="egress", limit=10000, window_seconds=3600),
    ),
    side_effects=(
        SideEffect(when="anything changes", effect="the update time moves", fields=("updated_at",)),
        SideEffect(when="stage changes", effect="status and stage_changed_at follow; the vendor "
                   "may set the stage's default probability", of=("stage", "status"),
                   fields=("stage", "status", "stage_changed_at", "probability")),
    ),
    currency="USD",
    added_later=frozenset(LATER),
    reads_first=frozenset({"stage", "status"}),
    reads_also=_overlaid,
    catalogue_first=frozenset({"stage", "status"}),
)  # fmt: skip
