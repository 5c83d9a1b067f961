"""A stored Close opportunity as an answer shows it (close.md 3.3)."""

from collections.abc import Mapping

from gateway.sandbox.close_body import full_name
from gateway.sandbox.close_money import annualized, expected, formatted
from gateway.sandbox.close_seed import CONTACTS, ORGANIZATION, PIPELINES, STATUSES, USERS
from gateway.sandbox.simulator import Record

AS_STORED = (
    "id",
    "lead_id",
    "status_id",
    "user_id",
    "contact_id",
    "value",
    "value_period",
    "confidence",
    "note",
    "note_html",
    "date_won",
    "date_lost",
    "date_created",
    "date_updated",
    "created_by",
    "updated_by",
    "attachments",
)

EXTENDED = {
    "is_stalled": False,
    "stall_status": None,
    "comment_summary": None,
    "suggested_action": None,
    "lead_primary_email": None,
    "lead_primary_phone": None,
}
"""What the documents name and the live answers of 2026 did not carry."""


def rendered(
    record: Record, leads: Mapping[str, Record], currency: str, *, extended: bool
) -> Record:
    """The full object: computed amounts in cents, names beside ids, custom fields flat.

    A custom field that is not set is absent; the currency is the organization's.
    """
    status = STATUSES[record["status_id"]]
    value, period, confidence = record["value"], record["value_period"], record["confidence"]
    yearly = annualized(value, period)
    contact = CONTACTS.get(record["contact_id"] or "")
    return {
        **{name: record[name] for name in AS_STORED},
        "organization_id": ORGANIZATION,
        "annualized_value": yearly,
        "expected_value": expected(value, confidence),
        "annualized_expected_value": expected(yearly, confidence),
        "value_currency": currency,
        "value_formatted": formatted(value, currency, period),
        "pipeline_id": status["pipeline_id"],
        "pipeline_name": PIPELINES[status["pipeline_id"]]["name"],
        "status_label": status["label"],
        "status_display_name": status["label"],
        "status_type": status["type"],
        "lead_name": leads[record["lead_id"]]["name"] if record["lead_id"] in leads else None,
        "contact_name": contact and contact["name"],
        "user_name": _name(record["user_id"]),
        "created_by_name": _name(record["created_by"]),
        "updated_by_name": _name(record["updated_by"]),
        "integration_links": [],
        **(EXTENDED if extended else {}),
        **{f"custom.{field_id}": value for field_id, value in record["custom"].items()},
    }


def _name(user_id: str | None) -> str | None:
    return full_name(USERS[user_id]) if user_id in USERS else None
