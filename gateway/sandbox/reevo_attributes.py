"""The attributes of a Reevo opportunity, 45 standard and some custom, as data (reevo.md 4, 7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_TEXT = ("string", "long_text", "rich_text", "url", "email", "phone_number")
_ORDERED = ("number", "percent", "currency", "timestamp", "date")
_IDENTITY = ("uuid", "enum", "boolean", "select", "opportunity_stage", "record_reference")

_EQUALITY = ("eq", "ne", "in", "not_in")
_OPERATORS = {
    **dict.fromkeys(_TEXT, (*_EQUALITY, "contains", "starts_with", "ends_with")),
    **dict.fromkeys(_ORDERED, (*_EQUALITY, "gt", "gte", "lt", "lte", "between")),
    **dict.fromkeys(_IDENTITY, _EQUALITY),
}
"""Filter operators by value type; nullable fields have two more (reevo.md 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute: its type, and what the vendor lets be done with it."""

    api_name: str
    value_type: str
    is_array: bool = False
    creatable: bool = True
    updatable: bool = True
    required: bool = False
    nullable: bool = True
    custom: bool = False
    refers_to: str | None = None

    @property
    def operators(self) -> tuple[str, ...]:
        """Filter operators; an attribute of a type that nobody knows has none."""
        known = _OPERATORS.get(self.value_type, ())
        return (*known, "exists", "not_exists") if known and self.nullable else known

    @property
    def sortable(self) -> bool:
        """Whether a query may sort by it: single values that have an order."""
        return not self.is_array and self.value_type in (*_TEXT, *_ORDERED)

    def described(self) -> dict[str, Any]:
        """The entry in `_schema`; choices are not part of it (reevo.md 7)."""
        return {
            "api_name": self.api_name,
            "display_name": self.api_name.removesuffix("_id").replace("_", " ").capitalize(),
            "is_creatable": self.creatable,
            "is_updatable": self.updatable,
            "type_info": {"is_array": self.is_array, "value_type": self.value_type},
            "description": None,
            "is_required_on_create": self.required,
            "is_unique": self.api_name == "id",
            "is_custom": self.custom,
            "is_sortable": self.sortable,
            "is_filterable": bool(self.operators),
            "filter_operators": list(self.operators),
        }


def _each(value_type: str, names: str, **more: Any) -> Iterable[Attribute]:
    return (Attribute(api_name=name, value_type=value_type, **more) for name in names.split())


_SYSTEM: dict[str, Any] = {"creatable": False, "updatable": False}
_KEPT: dict[str, Any] = {**_SYSTEM, "nullable": False}

_ALL = (
    *_each("uuid", "id organization_id", **_KEPT),
    *_each("timestamp", "created_at updated_at", **_KEPT),
    *_each("string", "display_name", required=True, nullable=False),
    *_each("opportunity_stage", "stage", required=True, nullable=False),
    *_each("enum", "status", **_KEPT),
    *_each("enum", "outcome created_source", **_SYSTEM),
    *_each(
        "record_reference",
        "account_id",
        updatable=False,
        required=True,
        nullable=False,
        refers_to="account",
    ),
    *_each("record_reference", "owner_user_id", refers_to="user"),
    *_each("record_reference", "participant_user_id_list", refers_to="user", is_array=True),
    *_each(
        "record_reference",
        "created_by_user_id updated_by_user_id closed_by_user_id",
        refers_to="user",
        **_SYSTEM,
    ),
    *_each("record_reference", "owner_team_id", refers_to="team"),
    *_each("record_reference", "primary_contact_id", refers_to="contact"),
    *_each("currency", "amount"),
    *_each("currency", "forecast_weighted_amount", **_SYSTEM),
    *_each("timestamp", "anticipated_closing_at target_go_live_date expires_at next_step_due_at"),
    *_each("long_text", "next_step_details closed_lost_custom_detail closed_won_custom_detail"),
    *_each("string", "competitors_mentioned_other", is_array=True),
    *_each("string", "primary_competitor_other"),
    *_each("select", "type_id"),
    *_each(
        "timestamp",
        "closed_at archived_at stage_last_shifted_at next_meeting_date last_activity_at"
        " last_voice_call last_meeting last_global_thread last_engaged_at last_outreached_at"
        " last_inbound_meeting_at last_inbound_voice_call_at last_inbound_global_thread_at"
        " last_outbound_meeting_at last_outbound_voice_call_at last_outbound_global_thread_at",
        **_SYSTEM,
    ),
    *_each("string", "crm_reference gateway_mark", custom=True),
    *_each("long_text", "procurement_notes", custom=True),
    *_each("url", "procurement_portal", custom=True),
    *_each("number", "seats", custom=True),
    *_each("percent", "discount", custom=True),
    *_each("currency", "implementation_fee", custom=True),
    *_each("date", "renewal_date", custom=True),
    *_each("boolean", "security_review_done", custom=True),
    *_each("select", "lead_source", custom=True),
    *_each("select", "products", custom=True, is_array=True),
    *_each("record_reference", "executive_sponsor", custom=True, refers_to="user"),
    *_each("signal_score", "buying_signal", custom=True, **_SYSTEM),
)

ATTRIBUTES = {attribute.api_name: attribute for attribute in _ALL}
"""By name. The last one's value type is in no list of the vendor's (reevo.md 4.2).

Which of the 45 are writable is on no page but for a few: this table is a guess where reevo.md 4.1
says to look into `_schema`, which is made from it.
"""

RELATIONSHIPS = {
    "account": ("account_id", "account"),
    "owner": ("owner_user_id", "user"),
    "primary_contact": ("primary_contact_id", "contact"),
}
"""The relationships that a filter's path may cross: the attribute below, the related type."""


def relationships() -> list[dict[str, Any]]:
    """The relationships as `_schema` shows them (reevo.md 7)."""
    return [
        {
            "api_name": name,
            "display_name": name.replace("_", " ").capitalize(),
            "related_object_api_name": related,
            "is_creatable": ATTRIBUTES[attribute].creatable,
            "is_updatable": ATTRIBUTES[attribute].updatable,
            "description": None,
            "related_object_relationship_api_name": "opportunities",
            "junction_object_api_name": None,
            "is_custom": False,
            "is_array": False,
        }
        for name, (attribute, related) in RELATIONSHIPS.items()
    ]
