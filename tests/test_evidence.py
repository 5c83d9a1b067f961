"""What a look at a vendor shows of a write whose answer was lost, on the sandbox of each."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from gateway.canonical import json_text
from gateway.canonical.capabilities import Action
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.opportunity import (
    Change,
    Opportunity,
    OpportunityDraft,
    OpportunityPatch,
)
from gateway.canonical.pipeline import Catalogue
from gateway.connections import Connection
from gateway.errors import VendorNotFound, VendorThrottled
from gateway.evidence import Evidence, Seen, marker_trouble
from gateway.opportunities import Opportunities, Terms
from gateway.sandbox.simulator import Simulator, utc_now
from gateway.translator import Dialogue
from gateway.vendors import installed
from gateway.vendors.reevo import ReevoTranslator
from tests.conformance.samples import CONNECTIONS, FULL, TAKING, TARGETS, sample
from tests.records import VENDORS
from tests.sandboxed import sandboxed, tree

FOREVER = 1e12
MARK = "uog-ABCDEFGHIJKLMNOP"
MARKING = [name for name, vendor in installed().items() if vendor.finds_marked]
UNMARKED = tree(**{f"acme_{name}": {"options": {"marker_field": None}} for name in MARKING})


def terms(**members: Any) -> Terms:
    """Terms without a deadline."""
    return Terms(**{"until": FOREVER, "patience": FOREVER, **members})


class Bench:
    """One connection to the sandbox: writes are made for good, and looks are taken at them."""

    def __init__(self, at: Connection, opportunities: Opportunities, vendor: Simulator) -> None:
        self.at = at
        self.vendor = vendor
        self.opportunities = opportunities
        self.evidence = Evidence(opportunities)

    @property
    def writes(self) -> list[str]:
        """What took effect at the vendor."""
        return [effect.effect for effect in self.vendor.ledger.effects]

    def draft(self, **members: Any) -> OpportunityDraft:
        """A draft that the vendor takes."""
        named = {} if self.at.vendor.name == "close" else {"name": "Warehouse roof"}
        return OpportunityDraft.model_validate({"connection": self.at.name, **named, **members})

    async def create(self, marker: str | None = MARK, **members: Any) -> Opportunity:
        """A record made just now."""
        return await self.opportunities.create(self.at, self.draft(**members), terms(marker=marker))

    async def read(self, vendor_id: str) -> Any:
        """The vendor's record, as it is after it was kept for a while."""
        found = await self.opportunities.get(self.at, vendor_id, terms())
        return json_text.read(json_text.write(found.raw))

    async def update(self, vendor_id: str, **members: Any) -> Opportunity:
        """A write that took effect."""
        return await self.opportunities.update(self.at, vendor_id, patch(**members), terms())

    async def seen(self, vendor_id: str, pre: Any, **members: Any) -> Seen:
        """A look at an update, which leaves the vendor as it was."""
        before = self.writes
        found = await self.evidence.of_update(self.at, vendor_id, patch(**members), pre, terms())
        assert self.writes == before
        return found

    async def sought(self, marker: str | None = MARK, **members: Any) -> Seen:
        """A look at a create, which leaves the vendor as it was."""
        before = self.writes
        found = await self.evidence.of_create(self.at, self.draft(**members), marker, terms())
        assert self.writes == before
        return found


def patch(**members: Any) -> OpportunityPatch:
    return OpportunityPatch.model_validate(members)


@asynccontextmanager
async def bench(
    connection: str,
    configured: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Bench]:
    """A connection to a fresh sandbox."""
    async with sandboxed(configured, clock) as house:
        inner = house.app.state.house
        at = inner.connections[connection]
        yield Bench(at, inner.opportunities, house.vendor(at.vendor.name))


def codes(seen: Seen) -> list[str]:
    """The warnings of an answer that a look rebuilt."""
    assert seen.opportunity is not None
    return [warning.code for warning in seen.opportunity.warnings]


HELD = {("acme-close", "contacts")}
"""Samples that the seeded record holds already."""


def cells(action: Action) -> list[tuple[str, str]]:
    """Every connection with every field of it that an update can set, or clear."""
    dialects = {name: installed()[name.removeprefix("acme-")].dialect for name in CONNECTIONS}
    return [
        (connection, name)
        for connection, dialect in dialects.items()
        for name in dialect.rows
        if dialect.can(name).does("update") and dialect.can(name).does(action)
    ]


@pytest.mark.parametrize(("connection", "name"), cells("update"))
async def test_an_update_is_seen_when_it_took_effect_and_only_then(
    connection: str, name: str
) -> None:
    """Field by field: before the write all is unchanged, after it the write is proved."""
    chosen = sample(connection, name)
    target = chosen.on or TARGETS[connection]
    sent = {**chosen.beside, name: chosen.sent}
    async with bench(connection, FULL) as here:
        here.vendor.set_options(TAKING.get((connection, name, "update"), {}))
        if (connection, name) in HELD:
            await here.update(target, **{name: None})
        pre = await here.read(target)
        before = await here.seen(target, pre, **sent)
        assert (before.kind, before.opportunity) == ("unchanged", None)
        written = await here.update(target, **sent)
        after = await here.seen(target, pre, **sent)
        assert after.kind == "applied", after.detail
        assert after.opportunity is not None
        assert (after.opportunity.id, after.opportunity.etag) == (written.id, written.etag)
        assert [warning.code for warning in after.warnings] == ["reconstructed"]
        assert (await here.seen(target, None, **sent)).kind == "applied"


@pytest.mark.parametrize(("connection", "name"), cells("clear"))
async def test_a_clear_is_seen_when_it_took_effect_and_only_then(
    connection: str, name: str
) -> None:
    """The same of a null."""
    chosen = sample(connection, name)
    target = chosen.on or TARGETS[connection]
    nulls = dict.fromkeys(chosen.sent) if name == "custom_fields" else None
    async with bench(connection, FULL) as here:
        await here.update(target, **{**chosen.beside, name: chosen.sent})
        pre = await here.read(target)
        assert (await here.seen(target, pre, **{name: nulls})).kind == "unchanged"
        await here.update(target, **{name: nulls})
        assert (await here.seen(target, pre, **{name: nulls})).kind == "applied"


PROBABLE = [vendor for vendor in VENDORS if installed()[vendor].dialect.can("probability").does(
    "update")]  # fmt: skip


@pytest.mark.parametrize("vendor", PROBABLE)
async def test_another_writer_is_told_from_both(vendor: str) -> None:
    """A third value is neither, nor is a part of what was sent."""
    async with bench(f"acme-{vendor}") as here:
        target = (await here.create(probability=10)).vendor_id
        pre = await here.read(target)
        sent = {"probability": 20, "value": {"amount": "900.00"}}
        await here.update(target, probability=20)
        assert (await here.seen(target, pre, **sent)).kind == "foreign"
        await here.update(target, probability=30, value={"amount": "900.00"})
        assert (await here.seen(target, pre, **sent)).kind == "foreign"
        await here.update(target, probability=20)
        assert (await here.seen(target, pre, **sent)).kind == "applied"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_without_the_state_before_nothing_is_ever_unchanged(vendor: str) -> None:
    """Not applied takes proof too."""
    async with bench(f"acme-{vendor}") as here:
        target = (await here.create()).vendor_id
        seen = await here.seen(target, None, value={"amount": "900.00"})
        assert (seen.kind, seen.opportunity) == ("foreign", None)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_record_that_is_gone_proves_no_update(vendor: str) -> None:
    """Somebody deleted it, after the write or in its stead."""
    async with bench(f"acme-{vendor}") as here:
        target = (await here.create()).vendor_id
        del here.vendor.records[target]
        assert (await here.seen(target, None, value={"amount": "9.00"})).kind == "foreign"


async def test_a_status_that_no_answer_shows_is_asked_for_by_a_search() -> None:
    """Coperniq: searched, it is proof; and where it is not, the version alone says unchanged."""
    async with bench("acme-coperniq") as here:
        target = (await here.create()).vendor_id
        pre = await here.read(target)
        assert (await here.seen(target, pre, status="won")).kind == "unchanged"
        await here.update(target, status="won")
        seen = await here.seen(target, pre, status="won")
        assert seen.kind == "applied"
        assert here.vendor.ledger.requests[-1].path.endswith("/search")
        assert (await here.seen(target, pre, status="lost")).kind == "foreign"


async def test_a_note_in_the_vendors_own_form_is_told_by_its_words() -> None:
    """Close: markup may come back otherwise; the words have to be new ones to prove anything."""
    note = "Call  *back* on\nMonday"
    async with bench("acme-close") as here:
        here.vendor.set_options({"note_through_markdown": True})
        target = (await here.create(description="Nobody called")).vendor_id
        pre = await here.read(target)
        assert (await here.seen(target, pre, description=note)).kind == "unchanged"
        written = await here.update(target, description=note)
        assert written.description != note
        assert (await here.seen(target, pre, description=note)).kind == "applied"
        assert (await here.seen(target, None, description=note)).kind == "blind"
        worded = await here.read(target)
        assert (await here.seen(target, worded, description="Call back, on Monday!")).kind == (
            "unchanged"
        )
        await here.update(target, probability=7)
        assert (await here.seen(target, worded, description="Call back, on Monday!")).kind == (
            "blind"
        )


LISTS = {"close": ("robots", ("Picker", "Courier", "Inspector")),
         "reevo": ("products", ("Core", "Analytics", "Voice"))}  # fmt: skip


@pytest.mark.parametrize("vendor", LISTS)
async def test_values_added_and_removed_are_looked_for_in_their_list(vendor: str) -> None:
    """Whatever else the list holds."""
    key, (one, two, three) = LISTS[vendor]
    async with bench(f"acme-{vendor}") as here:
        target = (await here.create(custom_fields={key: [one]})).vendor_id
        pre = await here.read(target)
        added = {"custom_fields_add": {key: [two, three]}}
        removed = {"custom_fields_remove": {key: [one]}}
        assert (await here.seen(target, pre, **added)).kind == "unchanged"
        await here.update(target, **added)
        assert (await here.seen(target, pre, **added)).kind == "applied"
        pre = await here.read(target)
        assert (await here.seen(target, pre, **removed)).kind == "unchanged"
        await here.update(target, **removed)
        assert (await here.seen(target, pre, **removed)).kind == "applied"
        assert (await here.seen(target, pre, **added)).kind == "applied"


@pytest.mark.parametrize("vendor", MARKING)
async def test_a_create_is_found_by_its_mark(vendor: str) -> None:
    """The mark is laid into the create, and is all that counts as proof."""
    async with bench(f"acme-{vendor}") as here:
        assert (await here.sought()).kind == "absent"
        await here.create(marker="uog-ANOTHER")
        assert (await here.sought()).kind == "absent"
        if vendor == "coperniq":  # its create would be the one that matches by title
            here.vendor.records.clear()
        made = await here.create(probability=10) if vendor in PROBABLE else await here.create()
        seen = await here.sought()
        assert seen.kind == "applied"
        assert seen.opportunity is not None
        assert (seen.opportunity.id, codes(seen)) == (made.id, ["reconstructed"])


@pytest.mark.parametrize("vendor", ["close", "reevo"])
async def test_of_two_records_with_one_mark_the_oldest_is_told(vendor: str) -> None:
    """A vendor that did a create twice is found out; Coperniq matches its own by title."""
    times = (datetime.now(UTC) + timedelta(seconds=passed) for passed in count())
    async with bench(f"acme-{vendor}", clock=lambda: next(times)) as here:
        here.vendor.faults.add(
            {"match": {"method": "POST", "body": MARK}, "fault": {"kind": "twice"}}
        )
        known = set(here.vendor.records)
        await here.create()
        oldest, _ = (key for key in here.vendor.records if key not in known)
        seen = await here.sought()
        assert seen.opportunity is not None
        assert seen.opportunity.vendor_id == oldest
        assert codes(seen) == ["duplicate-detected", "reconstructed"]
        assert [warning.code for warning in seen.warnings] == codes(seen)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_create_without_a_mark_is_not_looked_for(vendor: str) -> None:
    """Neither where the connection has no field for one, nor where the vendor has no search."""
    configured = UNMARKED if vendor in MARKING else None
    async with bench(f"acme-{vendor}", configured) as here:
        made = await here.create()
        assert MARK not in json_text.write(made.raw).decode()
        asked = len(here.vendor.ledger.requests)
        assert (await here.sought()).kind == "blind"
        assert len(here.vendor.ledger.requests) == asked


@pytest.mark.parametrize("vendor", MARKING)
async def test_a_caller_cannot_write_a_mark(vendor: str) -> None:
    """A mark of its own making would be proof of a create that was not."""
    async with sandboxed() as house:
        at = house.app.state.house.connections[f"acme-{vendor}"]
        field = at.options.marker_field
        named = {} if vendor == "close" else {"name": "Marked by hand"}
        body = {"connection": at.name, **named, "custom_fields": {field: MARK}}
        for prefer in ({}, {"Prefer": "handling=lenient"}):
            answer = await house.ask("POST", "/v1/opportunities", body, **prefer)
            assert (answer.status, answer.code) == (422, "unsupported-field")
            assert [each["pointer"] for each in answer.json["errors"]] == [
                f"/custom_fields/{field}"
            ]
        assert house.vendor(vendor).ledger.effects == []


async def test_a_vendor_that_can_be_asked_nothing_shows_nothing() -> None:
    """Reevo, where the schema lets no list be narrowed: that no record was found is no finding."""

    class Deaf(ReevoTranslator):
        def find(self, marker: str, change: Change) -> Dialogue[Opportunity | None]:
            blind = replace(self.context.catalogue, filterable=frozenset())
            return ReevoTranslator(replace(self.context, catalogue=blind)).find(marker, change)

    async with bench("acme-reevo") as here:
        here.at = replace(here.at, vendor=replace(here.at.vendor, translator=Deaf))
        assert (await here.sought()).kind == "blind"


async def test_a_second_call_is_looked_for_in_the_record_of_the_first() -> None:
    """Slant: what the first call showed is no target of the second."""
    async with bench("acme-slant") as here:
        sent = {"probability": 30, "custom_fields": {"source": "Referral"}}
        target = (await here.create(probability=30)).vendor_id
        made = await here.read(target)

        async def look() -> Seen:
            return await here.evidence.of_create(here.at, here.draft(**sent), None, terms(), made)

        assert (await look()).kind == "unchanged"
        await here.update(target, probability=40, custom_fields=sent["custom_fields"])
        seen = await look()
        assert seen.kind == "applied"
        assert codes(seen) == ["reconstructed"]
        await here.update(target, custom_fields={"source": "Web"})
        assert (await look()).kind == "foreign"
        del here.vendor.records[target]
        assert (await look()).kind == "foreign"


async def test_custom_values_that_an_answer_does_not_show_are_not_guessed_at() -> None:
    """Slant's older answers: only the version can say that nothing happened (slant.md 13.16)."""
    async with bench("acme-slant") as here:
        here.vendor.set_options({"rendering": "older"})
        target = (await here.create()).vendor_id
        pre = await here.read(target)
        sent = {"custom_fields": {"source": "Referral"}}
        assert (await here.seen(target, pre, **sent)).kind == "unchanged"
        assert (await here.seen(target, None, **sent)).kind == "blind"


@pytest.mark.parametrize("vendor", MARKING)
async def test_a_delete_is_seen_in_what_is_gone_or_archived(vendor: str) -> None:
    """Whichever the vendor does."""
    async with bench(f"acme-{vendor}") as here:
        target = (await here.create()).vendor_id

        async def look() -> str:
            return (await here.evidence.of_delete(here.at, target, terms())).kind

        assert await look() == "unchanged"
        await here.opportunities.delete(here.at, target, terms())
        assert await look() == "applied"
        here.vendor.records.pop(target, None)
        assert await look() == "applied"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_look_that_fails_is_no_finding(vendor: str) -> None:
    """The vendor's refusal to be read is raised: another look may show more."""
    async with bench(f"acme-{vendor}") as here:
        target = (await here.create()).vendor_id
        for look in (here.evidence.of_delete(here.at, target, terms()),
                     here.seen(target, None, value={"amount": "9.00"})):  # fmt: skip
            here.vendor.faults.add({"fault": {"kind": "status", "status": 429}})
            with pytest.raises(VendorThrottled):
                await look


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_read_only_connection_can_be_looked_at(vendor: str) -> None:
    """Writes that were under way when an operator closed it are settled all the same."""
    closed = tree(**{f"acme_{vendor}": {"read_only": True}})
    async with bench(f"acme-{vendor}", closed) as here:
        target = next(iter(here.vendor.records))
        assert (await here.seen(target, None, value={"amount": "900.00"})).kind == "foreign"


async def test_a_write_that_would_be_refused_now_is_not_looked_for() -> None:
    """What a name once stood for cannot be told when the vendor has forgotten it."""
    async with bench("acme-close") as here:
        target = (await here.create()).vendor_id
        assert (await here.seen(target, None, stage={"name": "No such stage"})).kind == "blind"
        assert (await here.sought(stage={"name": "No such stage"})).kind == "blind"


async def test_lenient_handling_is_told_again() -> None:
    """An answer made by reading bears the warnings that its own would have had."""
    async with bench("acme-slant") as here:
        target = (await here.create()).vendor_id
        lenient = patch(value={"amount": "10.60"}, description="Nowhere to go")
        await here.opportunities.update(here.at, target, lenient, terms(lenient=True))
        seen = await here.evidence.of_update(here.at, target, lenient, None, terms(lenient=True))
        assert codes(seen) == ["unsupported-field", "rounded", "reconstructed"]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_state_before_an_update_is_handed_on_where_it_was_read(vendor: str) -> None:
    """A condition has the record read, and so has a change that depends on it; no other does."""
    async with bench(f"acme-{vendor}") as here:
        made = await here.create()
        before = await here.read(made.vendor_id)
        pictures: list[Opportunity] = []
        for condition in (["*"], None):
            asked = terms(saw=pictures.append, if_match=condition)
            sent = patch(value={"amount": "900.00"})
            await here.opportunities.update(here.at, made.vendor_id, sent, asked)
        reads_always = "*" in here.at.vendor.reads_first
        assert len(pictures) == (2 if reads_always else 1)
        assert json_text.write(pictures[0].raw) == json_text.write(before)


async def test_custom_values_that_go_along_with_others_have_a_state_before() -> None:
    """Slant: a change of one is laid over all that the record holds, which is read first, once."""
    async with bench("acme-slant") as here:
        target = (await here.create()).vendor_id
        pictures: list[Opportunity] = []
        asked = terms(saw=pictures.append)
        sent = patch(custom_fields={"source": "Referral"})
        start = len(here.vendor.ledger.requests)
        await here.opportunities.speak(here.at, terms()).catalogue()
        start = len(here.vendor.ledger.requests)
        await here.opportunities.update(here.at, target, sent, asked)
        made = [call.method for call in here.vendor.ledger.requests[start:]]
        assert (made, len(pictures)) == (["GET", "PATCH"], 1)


async def test_the_state_before_is_not_told_of_a_record_that_is_not_there() -> None:
    """Nothing was read."""
    async with bench("acme-coperniq") as here:
        pictures: list[Opportunity] = []
        with pytest.raises(VendorNotFound):
            await here.opportunities.update(
                here.at, "999999", patch(name="x"), terms(saw=pictures.append)
            )
        assert pictures == []


@pytest.mark.parametrize("vendor", MARKING)
async def test_the_sandbox_has_a_field_that_can_hold_a_mark(vendor: str) -> None:
    """As the set-up of a connection is to be checked."""
    async with bench(f"acme-{vendor}") as here:
        catalogue = await here.opportunities.speak(here.at, terms()).catalogue()
        assert marker_trouble(catalogue, here.at.options.marker_field or "") is None


FIT = CustomField(key="mark", vendor_key="mark", type="text")
UNFIT: Mapping[str, Any] = {
    "no custom field": {"vendor_key": "other"},
    "not a text": {"type": "number"},
    "some texts only": {"choices": ("a", "b")},
    "several values": {"multiple": True},
    "cannot be written": {"writable": False},
}


@pytest.mark.parametrize("trouble", UNFIT)
def test_a_field_that_cannot_hold_a_mark_is_told(trouble: str) -> None:
    """So that it is known at set-up, and not when a create is lost."""
    unfit = Catalogue(custom_fields=(FIT.model_copy(update=UNFIT[trouble]),))
    assert trouble in (marker_trouble(unfit, "mark") or "")


def test_a_field_that_a_schema_lets_nobody_create_with_holds_no_mark() -> None:
    """Reevo's schema has the last word."""
    schema = Catalogue(custom_fields=(FIT,), writable=frozenset({("mark", "update")}))
    assert "cannot be written" in (marker_trouble(schema, "mark") or "")
    assert marker_trouble(Catalogue(custom_fields=(FIT,)), "mark") is None
