"""Tally, a vendor that does not exist: all that a fifth vendor takes, in a package of its own.

Quirks: amounts are minor units; a deal's phase is an object when read and a uid when written; what
a phase means is for the connection's `stage_status` to say; extra fields are an object that merges.
"""

from collections.abc import Mapping

from pydantic import SecretStr

from gateway.canonical.capabilities import Can, Listing, SideEffect
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.opportunity import Change, Opportunity
from gateway.canonical.pipeline import Catalogue, Person, Pipeline
from gateway.canonical.query import Page, Query
from gateway.errors import VendorError
from gateway.normalizer import custom_fields, dates, references, stages, units
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Key
from gateway.translator import (
    Credentials,
    Dialogue,
    Header,
    Translator,
    Vendor,
    VendorResponse,
    read,
    refusal,
    segment,
    write,
)

NO_CLEAR = Can(clear="unsupported")
PHASE = stages.NestedStage("phase", "phase_uid", name="label", can=NO_CLEAR)
EXTRA = custom_fields.Member("extra")

TALLY = Dialect(
    id_key="uid",
    required=(("/name",),),
    external_id=custom_fields.Through("external_id_field", EXTRA),
    name=Key("label", can=NO_CLEAR),
    description=Key("memo"),
    value=units.Amount("worth", units.Minor(), can=Can(unit="minor units, integer")),
    probability=units.Percentage("odds", digits=0),
    status=stages.StatusOfStage(PHASE),
    stage=PHASE,
    owner=references.SiblingPerson("owner_uid", "owner_label"),
    expected_close_date=dates.EndOfDay("closes_at"),
    custom_fields=EXTRA,
    created_at=dates.Moment("made_at"),
    updated_at=dates.Moment("touched_at"),
)


class TallyCredentials(Credentials):
    """The key of a Tally book."""

    key: SecretStr


class TallyTranslator(Translator):
    """Dialogues with Tally."""

    def get(self, vendor_id: str) -> Dialogue[Opportunity]:
        reply = yield read("get", f"deals/{segment(vendor_id)}", of_record=True)
        return TALLY.read(reply.json, self.context)

    def list(self, query: Query) -> Dialogue[Page]:
        skip = query.position or 0
        reply = yield read("list", "deals", {"skip": skip, "take": query.page_size})
        items = tuple(TALLY.read(record, self.context) for record in reply.json["deals"])
        return Page(items=items, next=skip + len(items) if reply.json["more"] else None)

    def create(self, change: Change) -> Dialogue[Opportunity]:
        reply = yield write("create", "POST", "deals", TALLY.write(change, self.context))
        return TALLY.read(reply.json, self.context)

    def update(
        self, vendor_id: str, change: Change, current: Opportunity | None
    ) -> Dialogue[Opportunity]:
        body = TALLY.write(change, self.context)
        if not body:
            return current or (yield from self.get(vendor_id))
        path = f"deals/{segment(vendor_id)}"
        reply = yield write("update", "PATCH", path, body, of_record=True)
        return TALLY.read(reply.json, self.context)

    def delete(self, vendor_id: str) -> Dialogue[None]:
        yield write("delete", "DELETE", f"deals/{segment(vendor_id)}", of_record=True)

    def catalogue(self) -> Dialogue[Catalogue]:
        book = (yield read("book", "book")).json
        phases = tuple(PHASE.stage(phase, self.context) for phase in book["phases"])
        return Catalogue(
            pipelines=(Pipeline(id=None, stages=phases),),
            users=tuple(Person(id=each["uid"], name=each["label"]) for each in book["people"]),
            custom_fields=tuple(
                CustomField(key=self.context.alias(key), vendor_key=key, type=kind)
                for key, kind in book["extra"].items()
            ),
        )

    def find(self, marker: str, change: Change) -> Dialogue[Opportunity | None]:
        yield from ()
        return None

    def check(self) -> Dialogue[None]:
        yield read("check", "book")

    def error(self, response: VendorResponse) -> VendorError:
        body = response.json if isinstance(response.json, Mapping) else {}
        return refusal(response, message=references.text_of(body, "wrong"))


TRANSLATOR = Vendor(
    name="tally",
    title="Tally",
    base_url="https://api.tally.example/v3",
    dialect=TALLY,
    credentials=TallyCredentials,
    auth={"key": Header("X-Tally-Key")},
    translator=TallyTranslator,
    listing=Listing(paging="offset", page_size_max=50),
    side_effects=(
        SideEffect(when="anything changes", effect="touched_at moves", fields=("updated_at",)),
        SideEffect(when="phase changes", effect="status follows", of=("stage", "status"),
                   fields=("stage", "status")),
    ),
    reads_first=frozenset({"status"}),
)  # fmt: skip
