"""The resolver: what a vendor cannot take costs no call, and a catalogue is read only if needed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway import errors
from gateway.canonical.capabilities import Can
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.opportunity import Opportunity, OpportunityDraft, OpportunityPatch
from gateway.canonical.pipeline import Catalogue, Person, Pipeline, PipelineName, Stage
from gateway.engine.resolver import Asked, Resolved, resolved
from gateway.normalizer import custom_fields, references, stages
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context, Key
from gateway.translator import Basic, Credentials, Vendor
from tests.engine.speaker import Speaker

STAGE = stages.NestedStage("stage", "stage_id")
DIALECT = Dialect(
    required=(("/name",), ("/stage", "/pipeline")),
    name=Key("name"),
    description=Key("description", can=Can(clear="unsupported")),
    stage=STAGE,
    status=stages.StatusOfStage(STAGE),
    pipeline=stages.NestedPipeline("pipeline_id", object_key="pipeline"),
    owner=references.NestedPerson("owner", "owner_id"),
    custom_fields=custom_fields.Member("custom"),
)
OLD = Catalogue(
    pipelines=(
        Pipeline(id="p1", stages=(Stage(id="s1", name="Open", status="open"),)),
        Pipeline(id="p2", stages=(Stage(id="s2", name="Open", status="open"),)),
    ),
    users=(),
    custom_fields=(CustomField(key="size", vendor_key="cf_size"),),
)
NEW = Catalogue(
    pipelines=(*(OLD.pipelines or ()), Pipeline(id="p3", stages=(Stage(id="s3", name="Fresh"),))),
    users=(Person(id="u1", email="ann@example.com"),),
    custom_fields=(*(OLD.custom_fields or ()), CustomField(key="tint", vendor_key="cf_tint")),
)


def vendor(**members: Any) -> Vendor:
    """A vendor of this dialect."""
    return Vendor(
        name="acme",
        title="Acme",
        base_url="https://acme.example",
        dialect=DIALECT,
        credentials=Credentials,
        auth={"key": Basic()},
        translator=Speaker,
        **members,
    )


class Vendors:
    """What a resolution may cost: catalogues, by whether a fresh one was wanted, and reads."""

    def __init__(self, *catalogues: Catalogue) -> None:
        self.catalogues = list(catalogues)
        self.asked: list[str] = []

    def context(self, catalogue: Catalogue | None = None) -> Context:
        """What is known."""
        return Context(
            connection="acme",
            vendor="acme",
            now=datetime(2026, 11, 21, tzinfo=UTC),
            aliases={"dimension": "cf_size"},
            catalogue=catalogue or Catalogue(),
        )

    async def informed(self, *, anew: bool = False) -> Context:
        """The context with the next catalogue in it."""
        self.asked.append("fresh catalogue" if anew else "catalogue")
        return self.context(self.catalogues.pop(0))

    async def read(self) -> Opportunity | None:
        """The record as it is."""
        self.asked.append("record")
        return Opportunity(
            id="acme.1", connection="acme", vendor="acme", vendor_id="1", etag='"x"',
            status="open", stage=Stage(id="s2"), pipeline=PipelineName(id="p2"),
        )  # fmt: skip


async def update(
    at: Vendors, members: Mapping[str, Any], *, lenient: bool = False, **declared: Any
) -> Resolved:
    """A patch made ready."""
    patch = OpportunityPatch.model_validate(members)
    asked = Asked(
        vendor=vendor(**declared), action="update", members=[*patch.sent()], lenient=lenient
    )
    return await resolved(asked, at.context(), at.informed, at.read)


async def create(at: Vendors, members: Mapping[str, Any]) -> Resolved:
    """A draft made ready."""
    draft = OpportunityDraft.model_validate({"connection": "acme", **members})
    sent = [(name, value) for name, value in draft.sent() if name != "connection"]
    asked = Asked(vendor=vendor(), action="create", members=sent, lenient=False)
    return await resolved(asked, at.context(), at.informed, at.read)


async def test_a_plain_change_costs_nothing() -> None:
    """What needs no name is ready at once; ids are taken as they are."""
    at = Vendors()
    ready = await update(at, {"name": "x", "stage": {"id": "s9"}, "owner": {"id": "u9"}})
    assert at.asked == []
    assert ready.change["stage"] == "s9"
    assert ready.warnings == ()


async def test_what_is_unsupported_costs_nothing() -> None:
    """Beside names that would have cost a catalogue, and a status that would have cost a read."""
    at = Vendors(OLD)
    with pytest.raises(errors.Unsupported) as caught:
        await update(
            at,
            {"lost_reason": "x", "description": None, "stage": {"name": "Open"}},
            reads_first=frozenset({"*"}),
        )
    assert {fault.pointer for fault in caught.value.faults} == {"/lost_reason", "/description"}
    assert at.asked == []


async def test_leniently_it_is_left_out_and_costs_nothing_either() -> None:
    """One warning, and a change without the field."""
    at = Vendors()
    ready = await update(at, {"lost_reason": "x", "name": "y"}, lenient=True)
    assert (dict(ready.change), at.asked) == ({"name": "y"}, [])
    assert [warning.pointer for warning in ready.warnings] == ["/lost_reason"]


@pytest.mark.parametrize(
    "members",
    [
        {"stage": {"name": "Open"}, "pipeline": {"id": "p1"}},
        {"custom_fields": {"dimension": 5}},
        {"status": "open", "pipeline": {"id": "p1"}},
    ],
)
async def test_a_name_costs_the_catalogue(members: dict[str, Any]) -> None:
    """Once; what it holds is resolved."""
    at = Vendors(OLD)
    ready = await update(at, members)
    assert at.asked == ["catalogue"]
    assert ready.context.catalogue == OLD


async def test_an_unknown_name_costs_a_fresh_one() -> None:
    """It may have been made a minute ago; with it the change is ready."""
    at = Vendors(OLD, NEW)
    ready = await update(
        at,
        {"stage": {"name": "fresh"}, "owner": {"email": "ANN@example.com"},
         "custom_fields": {"cf_tint": "red"}},
    )  # fmt: skip
    assert at.asked == ["catalogue", "fresh catalogue"]
    assert ready.change["stage"] == "s3"
    assert ready.change["owner"].id == "u1"
    assert ready.context.catalogue == NEW


async def test_what_stays_unknown_is_refused_with_candidates() -> None:
    """All that failed at once, after one fresh look."""
    at = Vendors(OLD, NEW)
    with pytest.raises(errors.UnknownReference) as caught:
        await update(at, {"stage": {"name": "Nowhere"}, "owner": {"email": "bob@example.com"}})
    assert at.asked == ["catalogue", "fresh catalogue"]
    assert {fault.pointer for fault in caught.value.faults} == {"/stage/name", "/owner/email"}
    assert all(fault.allowed for fault in caught.value.faults)


async def test_an_ambiguous_name_is_looked_up_in_the_records_pipeline() -> None:
    """Where the vendor's dialogues need the record anyway, it decides."""
    at = Vendors(OLD)
    ready = await update(at, {"stage": {"name": "Open"}}, reads_first=frozenset({"stage"}))
    assert at.asked == ["catalogue", "record"]
    assert ready.change["stage"] == "s2"


async def test_a_record_is_read_only_where_the_change_needs_it() -> None:
    """Other fields do not."""
    at = Vendors()
    await update(at, {"name": "x"}, reads_first=frozenset({"stage"}))
    assert at.asked == []
    await update(at, {"name": "x"}, reads_first=frozenset({"*"}))
    assert at.asked == ["record"]


async def test_a_vendor_may_want_its_catalogue_first() -> None:
    """For a field, or for any."""
    for first in ({"name"}, {"*"}):
        at = Vendors(OLD)
        await update(at, {"name": "x"}, catalogue_first=frozenset(first))
        assert at.asked == ["catalogue"]
    at = Vendors()
    await update(at, {"name": "x"}, catalogue_first=frozenset({"stage"}))
    assert at.asked == []


async def test_all_that_a_create_lacks_is_named_with_all_that_is_wrong() -> None:
    """In one refusal, before any call."""
    at = Vendors(OLD)
    with pytest.raises(errors.ValidationFailed) as caught:
        await create(at, {"won_reason": "x", "custom_fields": {"cf_nothing": 1}})
    assert {fault.pointer: fault.code for fault in caught.value.faults} == {
        "/won_reason": "unsupported-field",
        "/name": "validation-failed",
        "/stage": "validation-failed",
    }
    assert at.asked == []


async def test_a_create_reads_no_record() -> None:
    """There is none."""
    at = Vendors(OLD)
    ready = await create(at, {"name": "x", "pipeline": {"id": "p1"}, "stage": {"name": "Open"}})
    assert at.asked == ["catalogue"]
    assert ready.change["stage"] == "s1"
