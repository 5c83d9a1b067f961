"""The scenario, as a user of openapi-python-client writes it; prints its transcript."""

import datetime as dt
import json
import os
import sys
from typing import Any, TypeVar

from opportunity_gateway_client import AuthenticatedClient
from opportunity_gateway_client.api.connections import get_capabilities, get_connection
from opportunity_gateway_client.api.operations import list_operations
from opportunity_gateway_client.api.opportunities import (
    create_opportunity,
    delete_opportunity,
    get_opportunity,
    list_opportunities,
    update_opportunity,
)
from opportunity_gateway_client.models import (
    Capabilities,
    ConnectionAnswer,
    OperationList,
    Opportunity,
    OpportunityDraft,
    OpportunityDraftCustomFieldsType0,
    OpportunityPage,
    OpportunityPatch,
    OpportunityPatchCustomFieldsAddType0,
    OpportunityPatchCustomFieldsType0,
    Problem,
    StageRef,
    ValueDraft,
)
from opportunity_gateway_client.types import UNSET, Response, Unset

T = TypeVar("T")
ADDED = "added_later"
OF_ONE_REQUEST = ("detail", "instance", "request_id", "operation_id", "etag")
"""What a problem of the gateway tells that differs from run to run."""


def connected(url: str, key: str) -> AuthenticatedClient:
    """A client that takes no status which the document lacks."""
    return AuthenticatedClient(
        base_url=os.environ[url], token=os.environ[key], raise_on_unexpected_status=True
    )


GATEWAY = connected("GATEWAY_URL", "GATEWAY_KEY")
READER = connected("GATEWAY_URL", "READER_KEY")
STRANGER = connected("GATEWAY_URL", "STRANGER_KEY")
HASTY = connected("GATEWAY_URL", "HASTY_KEY")
LATER = connected("LATER_URL", "GATEWAY_KEY")
KEY = os.environ["RUN"]


def tell(step: str, **members: Any) -> None:
    """Prints a line of the transcript."""
    sys.stdout.write(json.dumps({"step": step, **members}) + "\n")


def given(value: T | Unset) -> T | None:
    """A member, None where it was left out."""
    return None if isinstance(value, Unset) else value


def expect(kind: type[T], answer: object) -> T:
    """The parsed answer, which has to be of a type."""
    if not isinstance(answer, kind):
        raise SystemExit(f"{kind.__name__} was expected, not {answer}")
    return answer


def told(opportunity: Opportunity) -> dict[str, Any]:
    """An opportunity, member by member as they are typed."""
    value, stage = opportunity.value, opportunity.stage
    custom = opportunity.custom_fields.additional_properties
    day = opportunity.expected_close_date
    return {
        "id": opportunity.id,
        "name": opportunity.name,
        "description": opportunity.description,
        "amount": value and value.amount,
        "currency": value and value.currency,
        "period": value and value.period,
        "probability": opportunity.probability,
        "status": opportunity.status,
        "stage": stage and stage.name,
        "stage_status": stage and stage.status,
        "expected_close_date": day and day.isoformat(),
        "contract": custom.get("contract"),
        "robots": custom.get("robots"),
        "warnings": [warning.code for warning in opportunity.warnings],
        "dated": isinstance(opportunity.created_at, dt.datetime),
        ADDED: opportunity.additional_properties.get(ADDED),
    }


def spelled(problem: Problem) -> dict[str, Any]:
    """A problem, member by member as they are typed."""
    vendor, errors = given(problem.vendor), given(problem.errors)
    return {
        "type": problem.type_,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": problem.instance,
        "code": problem.code,
        "origin": problem.origin,
        "retry": problem.retry,
        "request_id": problem.request_id,
        "outcome": given(problem.outcome),
        "operation_id": given(problem.operation_id),
        "opportunity_id": given(problem.opportunity_id),
        "etag": given(problem.etag),
        "applied": given(problem.applied),
        "vendor": vendor
        and {
            "name": given(vendor.name),
            "connection": given(vendor.connection),
            "status": given(vendor.status),
            "code": given(vendor.code),
            "message": given(vendor.message),
        },
        "errors": errors
        and [
            {
                "code": error.code,
                "detail": error.detail,
                "pointer": given(error.pointer),
                "parameter": given(error.parameter),
                "header": given(error.header),
                "allowed": given(error.allowed),
            }
            for error in errors
        ],
        ADDED: problem.additional_properties.get(ADDED),
    }


def tell_write(step: str, response: Response[Opportunity | Problem]) -> Opportunity:
    """Tells of a write that succeeded, and of its key."""
    opportunity = expect(Opportunity, response.parsed)
    tell(
        step,
        http=response.status_code,
        key=response.headers.get("Idempotency-Status"),
        replayed=response.headers.get("Idempotent-Replayed"),
        located=response.headers.get("Location"),
        versioned=response.headers.get("ETag") == opportunity.etag,
        opportunity=told(opportunity),
    )
    return opportunity


def tell_problem(step: str, response: Response[Any]) -> None:
    """Tells of a problem of the gateway."""
    problem = spelled(expect(Problem, response.parsed))
    tell(
        step,
        http=response.status_code,
        waits="Retry-After" in response.headers,
        problem={name: problem[name] for name in problem if name not in OF_ONE_REQUEST},
    )


def create_and_replay() -> Opportunity:
    """One write, sent twice, and another under its key."""
    draft = OpportunityDraft(
        connection="acme-close",
        name="Warehouse roof",
        description="South side first.",
        value=ValueDraft(amount="7500.00"),
        stage=StageRef(name="Proposal sent"),
        expected_close_date=dt.date(2031, 5, 30),
        custom_fields=OpportunityDraftCustomFieldsType0.from_dict(
            {"robots": ["Picker"], "contract": "https://example.com/contracts/roof"}
        ),
    )
    key = f"{KEY}-create"
    tell_write(
        "create", create_opportunity.sync_detailed(client=GATEWAY, body=draft, idempotency_key=key)
    )
    made = tell_write(
        "replay", create_opportunity.sync_detailed(client=GATEWAY, body=draft, idempotency_key=key)
    )
    draft.name = "Another roof"
    tell_problem(
        "another under the key",
        create_opportunity.sync_detailed(client=GATEWAY, body=draft, idempotency_key=key),
    )
    return made


def read(made: Opportunity) -> None:
    """Whole, and not again while it is the same."""
    response = get_opportunity.sync_detailed(made.id, client=GATEWAY)
    found = expect(Opportunity, response.parsed)
    tell("read", http=response.status_code, same=found.etag == made.etag, opportunity=told(found))
    again = get_opportunity.sync_detailed(made.id, client=GATEWAY, if_none_match=found.etag)
    tell("read again", http=again.status_code)


def change(made: Opportunity) -> None:
    """What is null is cleared, what is left out stays, and a stale version is refused."""
    patch = OpportunityPatch(
        description=None,
        value=ValueDraft(amount="8000.50"),
        custom_fields=OpportunityPatchCustomFieldsType0.from_dict(
            {"robots": ["Courier"], "contract": None}
        ),
    )
    tell_write(
        "change",
        update_opportunity.sync_detailed(
            made.id, client=GATEWAY, body=patch, if_match=made.etag, idempotency_key=f"{KEY}-change"
        ),
    )
    more = OpportunityPatch(
        custom_fields_add=OpportunityPatchCustomFieldsAddType0.from_dict({"robots": ["Inspector"]})
    )
    tell_write(
        "add", update_opportunity.sync_detailed(made.id, client=GATEWAY, body=more, if_match="*")
    )
    tell_problem(
        "stale version",
        update_opportunity.sync_detailed(made.id, client=GATEWAY, body=more, if_match=made.etag),
    )


def list_to_the_end() -> None:
    """Two connections over cursors, then one of two that fails."""
    pages, items = 0, list[str]()
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        answer = list_opportunities.sync(
            client=GATEWAY, connection=["acme-close", "acme-reevo"], limit=7, cursor=cursor
        )
        page = expect(OpportunityPage, answer)
        pages += 1
        items += [opportunity.id for opportunity in page.items]
        cursor = page.next_cursor
    tell("list", pages=pages, items=items)
    page = expect(
        OpportunityPage,
        list_opportunities.sync(client=GATEWAY, connection=["acme-reevo", "abroad-close"]),
    )
    failed = [[trouble.connection, trouble.problem.code] for trouble in page.errors]
    tell("list without one", items=len(page.items), failed=failed)


def meet_problems(made: Opportunity) -> None:
    """One of every class that a request of these clients can deserve."""
    name = OpportunityPatch(name="Roof")
    stage = OpportunityPatch(stage=StageRef(name="No such stage"))
    odd = OpportunityPatch(custom_fields=OpportunityPatchCustomFieldsType0.from_dict({"nil": 1}))
    cents = OpportunityDraft(connection="acme-slant", name="R", value=ValueDraft(amount="10.50"))
    twin = OpportunityDraft(connection="acme-coperniq", name="Harbour roof")
    create_opportunity.sync_detailed(client=GATEWAY, body=twin)
    responses: dict[str, Response[Any]] = {
        "bad cursor": list_opportunities.sync_detailed(client=GATEWAY, cursor="x"),
        "unknown caller": get_opportunity.sync_detailed(made.id, client=STRANGER),
        "without the right": update_opportunity.sync_detailed(made.id, client=READER, body=name),
        "no connection": get_connection.sync_detailed("nowhere", client=GATEWAY),
        "no opportunity": get_opportunity.sync_detailed("acme-close.nothing", client=GATEWAY),
        "twin": create_opportunity.sync_detailed(client=GATEWAY, body=twin),
        "unknown stage": update_opportunity.sync_detailed(made.id, client=GATEWAY, body=stage),
        "unknown field": update_opportunity.sync_detailed(made.id, client=GATEWAY, body=odd),
        "cents": create_opportunity.sync_detailed(client=GATEWAY, body=cents),
        "no version": update_opportunity.sync_detailed(
            "careful-close.1", client=GATEWAY, body=name
        ),
        "credentials": get_opportunity.sync_detailed("abroad-close.oppo_1", client=GATEWAY),
        "switched off": get_opportunity.sync_detailed("resting-close.oppo_1", client=GATEWAY),
    }
    for step, response in responses.items():
        tell_problem(step, response)
    hasty = get_connection.sync_detailed("acme-close", client=HASTY)
    while hasty.status_code == 200:
        hasty = get_connection.sync_detailed("acme-close", client=HASTY)
    tell_problem("too many", hasty)


def meet_every_problem() -> None:
    """Each that the document knows of, all members set."""
    for which in os.environ["PROBLEMS"].split():
        response = update_opportunity.sync_detailed(which, client=LATER, body=OpportunityPatch())
        problem = spelled(expect(Problem, response.parsed))
        tell(f"problem {which}", http=response.status_code, problem=problem)


def survive_a_later_release(made: Opportunity) -> None:
    """Values that no enumeration has yet, members that no schema has yet."""
    tell(
        "later", opportunity=told(expect(Opportunity, get_opportunity.sync(made.id, client=LATER)))
    )
    page = expect(
        OpportunityPage,
        list_opportunities.sync(client=LATER, connection=["acme-reevo", "abroad-close"], limit=1),
    )
    tell(
        "later page",
        items=[told(opportunity) for opportunity in page.items],
        failed=[trouble.problem.code for trouble in page.errors],
        added_later=page.additional_properties.get(ADDED),
    )
    connection = expect(ConnectionAnswer, get_connection.sync("acme-close", client=LATER))
    capabilities = expect(Capabilities, get_capabilities.sync("acme-close", client=LATER))
    operations = expect(OperationList, list_operations.sync(client=LATER, limit=1))
    tell(
        "later values",
        state=connection.state,
        delete=capabilities.delete,
        reads=capabilities.fields.additional_properties["name"].read,
        operations=[operation.state for operation in operations.items],
    )


def delete(made: Opportunity) -> None:
    """And then it is gone."""
    deleted = delete_opportunity.sync_detailed(made.id, client=GATEWAY)
    tell("delete", http=deleted.status_code)
    tell_problem("gone", get_opportunity.sync_detailed(made.id, client=GATEWAY))


def main() -> None:
    """The scenario."""
    made = create_and_replay()
    read(made)
    change(made)
    list_to_the_end()
    meet_problems(made)
    meet_every_problem()
    survive_a_later_release(made)
    delete(made)


main()
