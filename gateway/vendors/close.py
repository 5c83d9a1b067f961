"""Close, https://developer.close.com/api/resources/opportunities (close.md, founding document 003).

Quirks, the surprising ones first:
- There is no PATCH: PUT is partial, and every path ends with a slash (close.md 1, 13.1, 13.2).
- `date_won` is the estimate while a record is open and the date of winning once it is won; turning
  won keeps an old estimate unless a date is sent (close.md 6, 13.9).
- A create without a lead does not fail: it makes a lead called "Untitled" (close.md 3.1, seen on
  2026-09-23).
- Amounts are integer minor units, in the organisation's currency; the vendor's pages show cents
  only (close.md 5), and its own create example contradicts itself (close.md 13.24).
- There is no name. A note is kept as HTML beside it and comes back through markdown (13.3, 13.11).
- Unknown keys and object values are outside the contract (close.md 3.1): none is ever sent.
- `_limit` over an unpublished maximum is a 400, not a clamp (close.md 3.4, 13.20).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import Field, SecretStr

from gateway.canonical.capabilities import (
    READ_DERIVED,
    READ_ONLY,
    Can,
    Listing,
    RateLimit,
    SideEffect,
    VendorFieldCan,
)
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.ids import pointer
from gateway.canonical.opportunity import Change, Opportunity, Warning
from gateway.canonical.pipeline import Catalogue, Person, Pipeline, Stage
from gateway.canonical.query import Page, Query
from gateway.canonical.schema import is_date, is_instant
from gateway.errors import Fault, ValidationFailed, VendorError, VendorNotTaken
from gateway.normalizer import custom_fields, dates, rates, references, stages, units
from gateway.normalizer.dialect import Dialect, VendorField
from gateway.normalizer.notation import (
    Context,
    Key,
    Misfit,
    Notation,
    Reading,
    Record,
    Unreadable,
    View,
)
from gateway.translator import (
    Basic,
    Bearer,
    Dialogue,
    Fields,
    OAuthCredentials,
    Options,
    Renewed,
    Translator,
    Vendor,
    VendorResponse,
    oldest,
    read,
    refusal,
    segment,
    write,
)

PAGE_MAX = 100
STATUSES = {"active": "open", "won": "won", "lost": "lost"}
TYPES = {
    "text": "text", "textarea": "text", "hidden": "text", "number": "number", "date": "date",
    "datetime": "datetime", "choices": "choice", "user": "user", "contact": "contact",
}  # fmt: skip
SORTS = {
    "created_at": "date_created",
    "updated_at": "date_updated",
    "expected_close_date": "date_won",
    "value.amount": "value",
}
FILTERS = {
    "stage_id": "status_id",
    "owner_id": "user_id",
    "account_id": "lead_id",
    "updated_after": "date_updated__gte",
    "updated_before": "date_updated__lte",
    "created_after": "date_created__gte",
    "created_before": "date_created__lte",
}


CALLED = {
    "lead": "account", "status": "stage", "contact": "contacts", "user": "owner",
    "pipeline": "pipeline",
}  # fmt: skip
"""What refusals call a field, without the `_id` of what was sent (close.md 11)."""


class CloseCredentials(OAuthCredentials):
    """An API key (Basic), an OAuth access token (Bearer), or what renews one, close.md 2."""

    api_key: SecretStr | None = None
    access_token: SecretStr | None = None


class CloseOptions(Options):
    """Options of a Close connection."""

    name_field: str | None = None
    """The text custom field that keeps the canonical name, which Close does not have."""
    minor_unit_digits: int | None = Field(default=None, ge=0, le=4)
    """Digits after the point, for a currency of which Close's pages say nothing."""


@dataclass(frozen=True, slots=True)
class DateWon(Notation):
    """`date_won` as the canonical field that it means in one kind of status (close.md 6)."""

    won: bool

    @property
    def keys(self) -> tuple[str, ...]:
        return ("date_won",)

    def read(self, view: View, context: Context) -> Reading:
        if self.won and view.get("status_type") == "lost":
            lost = view.get("date_lost")
            return Reading(None if lost is None else dates.instant(lost), ("date_lost",))
        if (view.get("status_type") == "won") is not self.won:
            return Reading(None)
        day = view.get("date_won")
        if day is not None and not (isinstance(day, str) and is_date(day)):
            raise Unreadable("date_won is not a date")
        return Reading(noon(day) if day and self.won else day, self.keys)

    def misfit(self, value: str, context: Context) -> Misfit | None:
        if not self.won or dates.instant(value) == noon(utc_day(value)):
            return None
        try:
            nearest = dates.day_of(value, context)
        except Unreadable:  # at the ends of the calendar
            nearest = utc_day(value)
        return Misfit("the vendor keeps the day of winning only", (noon(nearest),))

    def write(self, value: str, context: Context) -> Record:
        return {"date_won": noon(utc_day(value) if self.won else value)}


@dataclass(frozen=True, slots=True)
class Note(Notation):
    """`note`, which is cleared by way of its HTML form (FD-003, close.md 13.11)."""

    @property
    def keys(self) -> tuple[str, ...]:
        return ("note",)

    def read(self, view: View, context: Context) -> Reading:
        return Key("note").read(view, context)

    def write(self, value: Any, context: Context) -> Record:
        return {"note": value}

    def clear(self, context: Context) -> Record:
        return {"note_html": None}


def noon(day: str) -> str:
    """A date as the date-time that Close takes for it (api.md 5)."""
    return f"{day}T12:00:00Z"


def utc_day(moment: str) -> str:
    """The date of an instant in UTC."""
    return dates.instant(moment)[:10]


NO_CLEAR = Can(clear="unsupported")
MOVES = ("stage", "status", "pipeline")
CUSTOM = custom_fields.Prefixed("custom.")
STAGE = stages.SiblingStage(
    "status_id", "status_label", "status_type", STATUSES, can=NO_CLEAR.model_copy(
        update={"note": "another pipeline's status moves the record there"}
    ),
)  # fmt: skip

CLOSE = Dialect(
    volatile=frozenset(
        "annualized_value expected_value annualized_expected_value value_formatted is_stalled "
        "stall_status suggested_action comment_summary lead_name lead_primary_email "
        "lead_primary_phone contact_name user_name created_by_name updated_by_name pipeline_name "
        "status_label status_display_name integration_links value_currency".split()
    ),
    required=(("/account",),),
    vendor_fields={
        "note_html": VendorField(
            VendorFieldCan(note="wins over description, which it rewrites"),
            lambda value: isinstance(value, str | None),
            "a text is",
        ),
        "attachments": VendorField(
            VendorFieldCan(note="a list of {filename, url, content_type}; replaces the list"),
            lambda value: isinstance(value, list),
            "a list is",
        ),
        "created_by": VendorField(
            VendorFieldCan(update="unsupported", note="for imports"),
            lambda value: isinstance(value, str),
            "the id of a user is",
        ),
        "date_created": VendorField(
            VendorFieldCan(update="unsupported", note="for imports"),
            lambda value: isinstance(value, str) and is_instant(value),
            "a time is",
        ),
    },
    external_id=custom_fields.Through("external_id_field", CUSTOM),
    name=custom_fields.Through(
        "name_field", CUSTOM, fallback=Key("lead_name", can=READ_DERIVED.model_copy(
            update={"note": "the lead's name, read only; the option name_field gives it a field"}
        )),
    ),
    description=Note(can=Can(
        reads_back="normalized", note="cleared by note_html: null; comes back through markdown",
    )),
    value=units.Amount(
        "value", units.Minor(), currency_key="value_currency", period_key="value_period",
        can=Can(clear="unsupported", unit="minor units, integer", precision="the currency's digits",
                note="currencies of two digits, others with the option minor_unit_digits"),
    ),
    probability=units.Percentage(
        "confidence", digits=0, can=Can(clear="unsupported", unit="per cent, integer"),
    ),
    status=STAGE.status(),
    stage=STAGE,
    pipeline=stages.NestedPipeline(
        "pipeline_id", name_key="pipeline_name",
        can=Can(update="emulated", clear="unsupported", note="on update with a stage of it"),
    ),
    owner=references.SiblingPerson("user_id", "user_name", can=NO_CLEAR),
    account=references.SiblingAccount(
        "lead_id", "lead_name",
        can=Can(update="unsupported", clear="unsupported", note="a lead, fixed at creation"),
    ),
    contacts=references.OneContact("contact_id", "contact_name", can=Can(note="one contact")),
    expected_close_date=DateWon(won=False, can=Can(note="date_won while the status is not won")),
    closed_at=DateWon(won=True, can=Can(
        precision="a day, read and written as 12:00:00 UTC",
        note="date_won, only where the resulting status is won; date_lost is read",
    )),
    custom_fields=CUSTOM,
    created_at=dates.Moment("date_created"),
    updated_at=dates.Moment("date_updated", can=READ_ONLY),
)  # fmt: skip

LISTING = Listing(
    filters={
        "status": "native", **dict.fromkeys(FILTERS, "native"), "pipeline_id": "emulated",
    },
    sorts={**dict.fromkeys(SORTS, "native"), "expected_close_date": "emulated"},
    paging="offset",
    page_size_max=PAGE_MAX,
    include_archived="derived",  # there is no such state, so none are held back
    # The lag: close.md 9.
    note="a list may lag 30 to 60 seconds behind a write; sorting by expected_close_date goes by "
    "date_won, so won records, whose closed_at it is, stand among the others",
)  # fmt: skip


class CloseTranslator(Translator):
    """Dialogues with Close."""

    def get(self, vendor_id: str) -> Dialogue[Opportunity]:
        reply = yield read("get", f"opportunity/{segment(vendor_id)}/", of_record=True)
        return CLOSE.read(reply.json, self.context)

    def list(self, query: Query) -> Dialogue[Page]:
        filters = self._filters(query)
        if filters is None:
            return Page(items=())
        skip = query.position or 0
        by = SORTS.get(query.sort or "", "date_created")
        order = f"-{by}" if query.descending or not query.sort else by
        limit = min(query.page_size, PAGE_MAX)
        paging = {"_order_by": order, "_limit": limit, "_skip": skip or None}
        reply = yield read("list", "opportunity/", {**filters, **paging})
        records = rows(reply)
        items = tuple(CLOSE.read(record, self.context) for record in records)
        more = reply.json.get("has_more") is True and records
        return Page(items=items, next=skip + len(records) if more else None)

    def create(self, change: Change) -> Dialogue[Opportunity]:
        status = self._status_of(change.get("stage")) or self._first_status(change.get("pipeline"))
        self._check_dates(change, status)
        body = CLOSE.write(change, self.context)
        reply = yield write("create", "POST", "opportunity/", body)
        return self._compared(body, CLOSE.read(reply.json, self.context))

    def update(
        self, vendor_id: str, change: Change, current: Opportunity | None
    ) -> Dialogue[Opportunity]:
        change = self._placed(change, current)
        held = current.status if current else None
        status = self._status_of(change.get("stage")) or held
        self._check_dates(change, status)
        change = self._emptied(change, status, current)
        dated = self._dated(change, status, current)
        body = {**CLOSE.write(dated, self.context), **self._list_changes(dated, current)}
        if not body:
            return current or (yield from self.get(vendor_id))
        path = f"opportunity/{segment(vendor_id)}/"
        with custom_fields.Traced(change, self.context):
            reply = yield write("update", "PUT", path, body, of_record=True)
        result = self._compared(body, CLOSE.read(reply.json, self.context))
        return result if dated is change else result.warned(_won_today(body))

    def delete(self, vendor_id: str) -> Dialogue[None]:
        path = f"opportunity/{segment(vendor_id)}/"
        yield write("delete", "DELETE", path, of_record=True)

    def catalogue(self) -> Dialogue[Catalogue]:
        me = yield read("me", "me/")
        listed = yield read("pipelines", "pipeline/")
        schema = yield read("custom-fields", "custom_field_schema/opportunity/")
        users = yield from self._users()
        return Catalogue(
            pipelines=tuple(_pipeline(found) for found in rows(listed)),
            users=users,
            custom_fields=tuple(
                _custom_field(found, self.context) for found in rows(schema, "fields")
            ),
            currency=_currency(me.json),
            complete=True,
        )

    def find(self, marker: str, change: Change) -> Dialogue[Opportunity | None]:
        field_key = self.context.option("marker_field")
        if field_key is None:
            return None
        wanted = {"lead_id": change.get("account"), "_order_by": "-date_created"}
        marked: list[Opportunity] = []
        more, skip = True, 0
        while more:
            paging = {"_limit": PAGE_MAX, "_skip": skip or None}
            reply = yield read("find", "opportunity/", {**wanted, **paging})
            page = rows(reply)
            found = (record for record in page if record.get(f"custom.{field_key}") == marker)
            marked += [CLOSE.read(record, self.context) for record in found]
            more, skip = bool(page) and reply.json.get("has_more") is True, skip + len(page)
        return oldest(marked)

    def check(self) -> Dialogue[None]:
        yield read("check", "me/")

    def error(self, response: VendorResponse) -> VendorError:
        """Three shapes, any subset of them, or no JSON at all (close.md 11)."""
        body = response.json if isinstance(response.json, Mapping) else {}
        named = body.get("field-errors")
        faults = self._faults(named) if isinstance(named, Mapping) else ()
        said = [body.get("error"), body.get("message"), *_texts(body.get("errors"))]
        texts = [text for text in said if isinstance(text, str)]
        return refusal(
            response,
            message="; ".join(texts) or "; ".join(fault.detail for fault in faults),
            faults=faults,
        )

    def _faults(self, named: Mapping[str, Any]) -> Sequence[Fault]:
        """Faults by the fields that a refusal names, a custom field by the caller's own key."""
        canonical = CLOSE.reserved(self.context)
        places = dict(CALLED)
        for name in filter(CUSTOM.owns, named):
            key = name.split(".")[1]  # behind it may stand .add or .remove
            custom = pointer("custom_fields", self.context.alias(key)).removeprefix("/")
            places[name] = canonical.get(key, custom)
        fields = Fields(CLOSE, places)
        return tuple(fields.fault(name, str(detail)) for name, detail in named.items())

    def _filters(self, query: Query) -> dict[str, str] | None:
        """The vendor's filters; None where no record can match, so that no call is made."""
        wanted = dict(query.filters)
        filters = {FILTERS[name]: value for name, value in wanted.items() if name in FILTERS}
        if "status" in wanted:
            kinds = [kind for kind, status in STATUSES.items() if status == wanted["status"]]
            if not kinds:
                return None
            filters["status_type"] = kinds[0]
        if "pipeline_id" in wanted:
            within = [
                stage.id
                for pipeline, stage in self.context.catalogue.stages()
                if pipeline.id == wanted["pipeline_id"]
            ]
            if not within:
                return None
            filters["status_id__in"] = ",".join(within)
        return filters

    def _users(self) -> Dialogue[tuple[Person, ...]]:
        found: list[Person] = []
        while True:
            reply = yield read("users", "user/", {"_limit": PAGE_MAX, "_skip": len(found) or None})
            page = rows(reply)
            person = references.NestedPerson("user")
            found += [person.person(user) for user in page]
            if not (page and reply.json.get("has_more") is True):
                return tuple(found)

    def _status_of(self, stage_id: str | None) -> str | None:
        stage = self.context.catalogue.stage(stage_id)
        return stage.status if stage else None

    def _first_status(self, pipeline_id: str | None) -> str | None:
        """The status that a create without one gets: the first of its pipeline (close.md 3.1)."""
        for pipeline in self.context.catalogue.pipelines or ():
            if pipeline_id in (None, pipeline.id) and pipeline.stages:
                return pipeline.stages[0].status
        return None

    def _placed(self, change: Change, current: Opportunity | None) -> Change:
        """A pipeline is not written on update: the stage carries it, and has to lie in it."""
        if "pipeline" not in change:
            return change
        stage, pipeline = change.get("stage"), change["pipeline"]
        held = current.pipeline.id if current and current.pipeline else None
        if stage is None and held != pipeline:
            raise _wrong("stage", "a record changes its pipeline by taking a stage of it: name one")
        if stage is not None and self.context.catalogue.pipeline_of(stage) not in (None, pipeline):
            raise _wrong("pipeline", "the stage lies in another pipeline")
        return change.without("pipeline")

    @staticmethod
    def _check_dates(change: Change, status: str | None) -> None:
        """`date_won` means one thing while open and another when won (api.md 5)."""
        wrong = "expected_close_date" if status == "won" else "closed_at"
        if change.get(wrong) is None and not (wrong in change and status == "won"):
            return
        detail = (
            "the record is or becomes won: send closed_at, the day it was won"
            if status == "won"
            else "the resulting status is not won: send expected_close_date instead"
        )
        raise _wrong(wrong, detail)

    @staticmethod
    def _emptied(change: Change, status: str | None, current: Opportunity | None) -> Change:
        """What `closed_at: null` means: only a record that is or was won has a date to empty."""
        if "closed_at" not in change or change["closed_at"] is not None or current is None:
            return change
        if status == "won" and current.status != "won":
            raise _wrong("closed_at", "a record that turns won has a day of winning: name it, or "
                         "leave it out for today")  # fmt: skip
        if status == current.status == "lost" and current.closed_at is not None:
            raise _wrong("closed_at", "the day of losing is the vendor's own")
        if current.status == "won" and "expected_close_date" not in change:
            return change
        return change.without("closed_at")

    def _dated(self, change: Change, status: str | None, current: Opportunity | None) -> Change:
        """A record that turns won gets today's date, else Close keeps the estimate (13.9)."""
        turns = status == "won" and current is not None and current.status != "won"
        if not turns or "closed_at" in change:
            return change
        return change.also(closed_at=noon(dates.today(self.context)))

    def _list_changes(self, change: Change, current: Opportunity | None) -> Record:
        """`.add` and `.remove` take one value each (FD-003); several become the whole list."""
        adds = change.get("custom_fields_add") or {}
        removes = change.get("custom_fields_remove") or {}
        body: Record = {}
        for key in (*adds, *removes):
            add, remove = adds.get(key, ()), removes.get(key, ())
            if len(add) + len(remove) == 1:
                body[f"custom.{key}.{'add' if add else 'remove'}"] = (*add, *remove)[0]
            elif add or remove:
                held = (current.raw or {}).get(f"custom.{key}") if current else None
                body[f"custom.{key}"] = custom_fields.merged(held, add=add, remove=remove)
        return body

    @staticmethod
    def _compared(body: Record, result: Opportunity) -> Opportunity:
        """The day that was sent has to be the day that is kept (api.md 5)."""
        day, kept = body.get("date_won"), (result.raw or {}).get("date_won")
        day = day and day[:10]
        if "date_won" in body and kept != day:
            error = VendorNotTaken(f"The vendor was sent {day} as date_won and kept {kept}.")
            error.opportunity_id = result.id
            raise error
        return result


def rows(reply: VendorResponse, key: str = "data") -> list[View]:
    """The objects that a list answer holds. Raises `Unreadable` for any other answer."""
    found = reply.json.get(key) if isinstance(reply.json, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise Unreadable(f"the answer holds no list of {key}")
    return found


def _wrong(name: str, detail: str) -> ValidationFailed:
    fault = Fault(code=ValidationFailed.code, pointer=f"/{name}", detail=detail)
    return ValidationFailed(f"{name}: {detail}.", faults=[fault])


def _won_today(body: Record) -> Warning:
    day = date.fromisoformat(body["date_won"][:10])
    return Warning(
        code="side-effect",
        pointer="/closed_at",
        detail=f"the record turned won, so {day} was sent as its date_won: the vendor would have "
        "kept the old estimate",
    )


def _pipeline(found: View) -> Pipeline:
    statuses = found.get("statuses") or ()
    return Pipeline(
        id=found["id"],
        name=references.text_of(found, "name"),
        stages=tuple(
            Stage(
                id=status["id"],
                name=references.text_of(status, "label"),
                order=order,
                status=STATUSES.get(status.get("type") or ""),
            )
            for order, status in enumerate(statuses)
        ),
    )


def _custom_field(found: View, context: Context) -> CustomField:
    key: str = found["id"]
    names = {vendor_key: alias for alias, vendor_key in context.aliases.items()}
    choices = found.get("choices")
    ours = [a for a in found.get("associations") or () if a.get("object_type") == "opportunity"]
    return CustomField(
        key=names.get(key, key),
        vendor_key=key,
        label=references.text_of(found, "name"),
        type=TYPES.get(found.get("type") or "", "other"),
        choices=tuple(choices) if choices is not None else None,
        multiple=found.get("accepts_multiple_values") is True,
        required=any(association.get("required") is True for association in ours),
    )


def _currency(me: Any) -> str | None:
    organizations = me.get("organizations") if isinstance(me, Mapping) else None
    currencies = {found.get("currency") for found in organizations or ()}
    return currencies.pop() if len(currencies) == 1 else None


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


TRANSLATOR = Vendor(
    name="close",
    title="Close",
    base_url="https://api.close.com/api/v1",
    dialect=CLOSE,
    credentials=CloseCredentials,
    options=CloseOptions,
    auth={
        "api_key": Basic(),
        "access_token": Bearer(),
        "refresh_token": Renewed("../../oauth2/token/"),
    },
    translator=CloseTranslator,
    listing=LISTING,
    finds_marked=True,
    rate_limits=(
        RateLimit(scope="credential", limit=None, window_seconds=None, per_endpoint=True,
                  note="unpublished; learned from the RateLimit header"),
        RateLimit(scope="group", limit=None, window_seconds=None,
                  note="three times the key's limit"),
    ),
    rate_forms=(
        rates.ratelimit_field,
        rates.ratelimit_fields("ratelimit-"),
        rates.ratelimit_fields("x-ratelimit-"),
        rates.ratelimit_fields("x-rate-limit-"),
        rates.refusal_body,
    ),
    side_effects=(
        SideEffect(when="anything is written", effect="the vendor notes when and by whom",
                   fields=("updated_at", "vendor_fields.updated_by")),
        SideEffect(when="stage changes", effect="status and pipeline follow", of=MOVES,
                   fields=MOVES),
        SideEffect(when="a record turns won without closed_at", effect="today is sent as date_won",
                   of=MOVES, on=("update",), fields=("closed_at", "expected_close_date")),
        SideEffect(when="a record leaves won", effect="the vendor keeps date_won, which is the "
                   "estimate again", of=MOVES, on=("update",),
                   fields=("closed_at", "expected_close_date")),
        SideEffect(when="a record becomes lost", effect="the vendor may set date_lost, and keeps "
                   "it when the record is taken up again", of=MOVES,
                   fields=("closed_at", "vendor_fields.date_lost")),
        SideEffect(when="description changes", effect="note_html follows", of=("description",),
                   fields=("vendor_fields.note_html",)),
        SideEffect(when="note_html changes", effect="description follows", of=("vendor_fields",),
                   fields=("description",)),
    ),
    reads_first=frozenset(
        {"stage", "status", "pipeline", "expected_close_date", "closed_at", "custom_fields_add",
         "custom_fields_remove"}
    ),
    catalogue_first=frozenset({"stage", "status", "pipeline", "value", "expected_close_date",
                               "closed_at", "list.pipeline_id"}),
)  # fmt: skip
