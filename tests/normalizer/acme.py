"""A vendor that is made up: a context and a dialect with one row of every kind."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gateway.canonical.capabilities import READ_DERIVED, READ_ONLY, Can, VendorFieldCan
from gateway.canonical.custom_fields import CustomField
from gateway.canonical.pipeline import Catalogue, Person, Pipeline, Stage
from gateway.normalizer import custom_fields, dates, references, stages, units
from gateway.normalizer.dialect import Dialect, VendorField
from gateway.normalizer.notation import Context, Flag, Key
from gateway.translator import Options

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class AcmeOptions(Options):
    """Options as a vendor's file declares them."""

    name_field: str | None = None
    minor_unit_digits: int | None = None


def context(*, zone: str = "UTC", **more: Any) -> Context:
    """A context of the connection `acme-main`, in dollars unless told."""
    usual: dict[str, Any] = {
        "connection": "acme-main",
        "vendor": "acme",
        "now": NOON,
        "currency": "USD",
        "timezone": ZoneInfo(zone),
        "options": AcmeOptions(),
    }
    return Context(**{**usual, **more})


NO_CLEAR = Can(clear="unsupported")
CUSTOM = custom_fields.Prefixed("x.")
STAGE = stages.SiblingStage(
    "stage_id", "stage_name", "kind", {"running": "open", "gained": "won"}, can=NO_CLEAR
)

ACME = Dialect(
    volatile=frozenset({"views", "stage_name", "meta.seen"}),
    required=(("/name",), ("/account", "/vendor_fields/book")),
    vendor_fields={
        "book": VendorField(VendorFieldCan(update="unsupported")),
        "tags": VendorField(VendorFieldCan(), lambda value: isinstance(value, list), "a list is"),
    },
    vendor_options={"silent": "sends no mail"},
    external_id=custom_fields.Through("external_id_field", CUSTOM),
    name=custom_fields.Through(
        "name_field", CUSTOM, fallback=Key("account_name", can=READ_DERIVED)
    ),
    description=Key("text"),
    value=units.Amount(
        "cents", units.Minor(), currency_key="currency", period_key="period", can=NO_CLEAR
    ),
    probability=units.Percentage("chance", digits=0, can=NO_CLEAR),
    status=STAGE.status(),
    stage=STAGE,
    pipeline=stages.NestedPipeline("pipeline_id", name_key="pipeline_name"),
    owner=references.SiblingPerson("owner_id", "owner_name"),
    account=references.SiblingAccount(
        "account_id", "account_name", can=Can(update="unsupported", clear="unsupported")
    ),
    contacts=references.OneContact("contact_id"),
    expected_close_date=dates.EndOfDay("due"),
    won_reason=Key("why", can=READ_ONLY),
    archived=Flag("active"),
    custom_fields=CUSTOM,
    created_at=dates.Moment("born"),
)

RECORD: dict[str, Any] = {
    "id": "r1",
    "text": "Two roofs",
    "cents": 750000,
    "currency": "USD",
    "period": "monthly",
    "chance": 40,
    "kind": "running",
    "stage_id": "s1",
    "stage_name": "New",
    "pipeline_id": "p1",
    "pipeline_name": "Sales",
    "owner_id": "u1",
    "owner_name": "Ada",
    "account_id": "a1",
    "account_name": "Bluth",
    "contact_id": None,
    "due": "2026-12-24T23:59:59Z",
    "active": True,
    "born": "2026-01-02T03:04:05.060000+00:00",
    "views": 12,
    "meta": {"seen": "today", "source": "fair"},
    "x.k1": "referral",
    "x.k2": None,
}

CATALOGUE = Catalogue(
    pipelines=(
        Pipeline(
            id="p1",
            name="Sales",
            stages=(
                Stage(id="s1", name="New", status="open"),
                Stage(id="s2", name="Talks", status="open"),
                Stage(id="s3", name="Gained", status="won", probability=Decimal(100)),
            ),
        ),
        Pipeline(
            id="p2",
            name="Renewals",
            stages=(
                Stage(id="s4", name="New", status="open"),
                Stage(id="s5", name="Renewed", status="won"),
            ),
        ),
    ),
    users=(
        Person(id="u1", name="Ada", email="ada@acme.example"),
        Person(id="u2", name="Bob", email="Bob@acme.example"),
    ),
    custom_fields=(
        CustomField(key="source", vendor_key="k1", type="choice", choices=("fair", "referral")),
        CustomField(key="k2", vendor_key="k2", type="text"),
        CustomField(
            key="k3", vendor_key="k3", type="choice", multiple=True, choices=("a", "b", "c")
        ),
        CustomField(key="k4", vendor_key="k4", type="number", writable=False),
    ),
)
