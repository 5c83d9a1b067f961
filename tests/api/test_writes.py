"""Writes as a record keeps them: taken up again, or given up, by another replica."""

from decimal import Decimal

from gateway.api.writes import Write, Writes
from gateway.canonical import json_text
from gateway.canonical.opportunity import OpportunityDraft
from gateway.idempotency.fingerprint import spelled
from gateway.translator import VendorResponse
from tests.sandboxed import sandboxed, tree

DRAFT = {
    "connection": "acme-slant",
    "name": "Half of it",
    "custom_fields": {"rating": Decimal("1.50")},
}


def written(**members: object) -> Write:
    """A create of two vendor calls."""
    body = OpportunityDraft.model_validate(DRAFT)
    ids = {"request_id": "req_1", "instance": "/v1/requests/req_1"}
    kept = {"body": body, "text": spelled(body)}
    return Write(action="create", connection="acme-slant", **kept, **ids, **members)  # type: ignore[arg-type]


async def test_a_write_is_kept_and_read_as_it_was() -> None:
    """Absent members stay absent, and numbers keep their digits."""
    async with sandboxed() as house:
        doing: Writes = house.app.state.house.doing
        write = written(lenient=True, raw=True)
        assert doing.read(doing.stored(write)) == write
        assert json_text.read(doing.stored(write).splitlines()[-1]) == DRAFT


async def test_what_is_half_made_names_its_opportunity_whatever_is_in_the_way() -> None:
    """A connection that takes no writes now cannot be asked, and the id is in the first reply."""
    async with sandboxed(tree(acme_slant={"read_only": True})) as house:
        record_id, record = next(iter(house.vendor("slant").records.items()))
        made = VendorResponse(status=201, json={**record, "id": record_id})
        doing: Writes = house.app.state.house.doing
        answer = await doing.abandoned(written(), [made], "op_1")
        problem = json_text.read(answer.body)
        assert (answer.outcome, answer.code) == ("partial", "partially-applied")
        assert problem["opportunity_id"] == f"acme-slant.{record_id}"
        assert problem["operation_id"] == "op_1"
