"""The connections that the laws are tried on: every vendor, and what its pages leave open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from gateway.canonical.capabilities import Capabilities
from gateway.conformance import Subject
from gateway.sandbox import VENDORS, close_seed
from tests.conformance.in_hand import subject
from tests.conformance.samples import FULL, VENDOR_OF
from tests.sandboxed import tree

SIMULATED = {vendor.name: vendor for vendor in VENDORS}
TIRELESS = {"coperniq": {"daily_limit": 10**9}}
"""Switches that let Hypothesis call as often as it likes."""


@dataclass(frozen=True, slots=True)
class World:
    """A connection as it is configured, and the sandbox behind it with its switches thrown."""

    vendor: str
    title: str = "as configured"
    changes: Mapping[str, Any] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.vendor} {self.title}"

    def subject(self) -> Subject:
        """The vendor on trial, in a fresh sandbox."""
        name = f"acme_{self.vendor}"
        switches = {**TIRELESS.get(self.vendor, {}), **self.switches}
        configured = tree(**{name: self.changes})
        return subject(configured, name.replace("_", "-"), SIMULATED[self.vendor], **switches)


@cache
def told(connection: str) -> Capabilities:
    """What a connection with every option can do, its schema known."""
    vendor = VENDOR_OF[connection]
    full = subject(FULL, connection, SIMULATED[vendor])
    return full.vendor.capabilities(full.context)


def _in(currency: str, **options: Any) -> World:
    changes = {"currency": currency, "options": options}
    return World("close", f"in {currency}", changes, {"currency": currency})


WORLDS = (
    *(World(name) for name in SIMULATED),
    World("slant", "replacing", {"options": {"external_id_field": "referred_by"}},
          {"custom_fields": "replace", "error_shape": "string", "validation_status": 400}),
    World("slant", "of older days", {"options": {"custom_fields_update": "merge"}},
          {"rendering": "older", "unknown_keys": "ignore", "stage_sets_probability": True}),
    World("coperniq", "taking accounts", {"options": {"external_id_field": None}},
          {"account_on_patch": "take", "custom_on_patch": "replace", "creator": "both",
           "properties_keys": "plural", "default_order": "desc", "created_status": 201}),
    World("coperniq", "merging", {"currency": "KWD", "options": {"custom_fields_update": "merge"}},
          {"creator": "objects", "unknown_fields": "refuse", "contacts_on_patch": "add"}),
    _in("JPY", minor_unit_digits=0),
    _in("KWD", minor_unit_digits=3),
    World("close", "keeping ids", {"options": {
        "name_field": None, "external_id_field": close_seed.field_id("Import marker"),
    }}, {"extended": True, "note_through_markdown": True, "user_null": "keep"}),
    World("reevo", "with other envelopes",
          {"currency": "JPY", "options": {"external_id_field": None}},
          {"empty_attributes": "null", "next_cursor": "meta", "error_shape": "nested",
           "top_level_times": False}),
    World("reevo", "without empty ones", {"currency": None},
          {"empty_attributes": "absent", "refusal_status": 400, "closing_probability": "fraction"}),
    World("reevo", "rounding", {}, {"amount_digits": 2}),
)  # fmt: skip
