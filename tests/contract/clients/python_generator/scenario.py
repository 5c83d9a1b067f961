"""The scenario, as a user of openapi-generator's Python client writes it; prints its transcript."""

import asyncio
import datetime as dt
import json
import os
import sys
from collections.abc import Awaitable
from typing import Any

from gateway_client import (
    ApiClient,
    ApiException,
    ApiResponse,
    Configuration,
    ConnectionsApi,
    OperationsApi,
    OpportunitiesApi,
    Opportunity,
    OpportunityDraft,
    OpportunityPatch,
    Problem,
    StageRef,
    ValueDraft,
)

ADDED = "added_later"
OF_ONE_REQUEST = ("detail", "instance", "request_id", "operation_id", "etag")
"""What a problem of the gateway tells that differs from run to run."""
KEY = os.environ["RUN"]


class Connected:
    """The API at a place, for a caller."""

    def __init__(self, url: str, key: str) -> None:
        self.client = ApiClient(Configuration(host=os.environ[url], access_token=os.environ[key]))
        self.opportunities = OpportunitiesApi(self.client)
        self.connections = ConnectionsApi(self.client)
        self.operations = OperationsApi(self.client)


def tell(step: str, **members: Any) -> None:
    """Prints a line of the transcript."""
    sys.stdout.write(json.dumps({"step": step, **members}) + "\n")


def told(opportunity: Opportunity) -> dict[str, Any]:
    """An opportunity, member by member as they are typed."""
    value, stage = opportunity.value, opportunity.stage
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
        "contract": opportunity.custom_fields.get("contract"),
        "robots": opportunity.custom_fields.get("robots"),
        "warnings": [warning.code for warning in opportunity.warnings],
        "dated": isinstance(opportunity.created_at, dt.datetime),
        ADDED: opportunity.additional_properties.get(ADDED),
    }


def spelled(problem: Problem) -> dict[str, Any]:
    """A problem, member by member as they are typed."""
    vendor, errors = problem.vendor, problem.errors
    return {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": problem.instance,
        "code": problem.code,
        "origin": problem.origin,
        "retry": problem.retry,
        "request_id": problem.request_id,
        "outcome": problem.outcome,
        "operation_id": problem.operation_id,
        "opportunity_id": problem.opportunity_id,
        "etag": problem.etag,
        "applied": problem.applied,
        "vendor": vendor
        and {
            "name": vendor.name,
            "connection": vendor.connection,
            "status": vendor.status,
            "code": vendor.code,
            "message": vendor.message,
        },
        "errors": errors
        and [
            {
                "code": error.code,
                "detail": error.detail,
                "pointer": error.pointer,
                "parameter": error.parameter,
                "header": error.header,
                "allowed": error.allowed,
            }
            for error in errors
        ],
        ADDED: problem.additional_properties.get(ADDED),
    }


async def tell_write(step: str, asked: Awaitable[ApiResponse[Opportunity]]) -> Opportunity:
    """Tells of a write that succeeded, and of its key."""
    answer = await asked
    headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
    tell(
        step,
        http=answer.status_code,
        key=headers.get("idempotency-status"),
        replayed=headers.get("idempotent-replayed"),
        located=headers.get("location"),
        versioned=headers.get("etag") == answer.data.etag,
        opportunity=told(answer.data),
    )
    return answer.data


async def failure(asked: Awaitable[object]) -> tuple[ApiException, dict[str, Any]]:
    """The exception of a call that has to fail, and its typed problem."""
    try:
        answer = await asked
    except ApiException as error:
        if not isinstance(error.data, Problem):
            raise
        return error, spelled(error.data)
    raise SystemExit(f"a problem was expected, not {answer}")


async def tell_problem(step: str, asked: Awaitable[object]) -> None:
    """Tells of a problem of the gateway."""
    error, problem = await failure(asked)
    tell(
        step,
        http=error.status,
        waits="retry-after" in {name.lower() for name in error.headers or ()},
        problem={name: problem[name] for name in problem if name not in OF_ONE_REQUEST},
    )


async def create_and_replay(api: OpportunitiesApi) -> Opportunity:
    """One write, sent twice, and another under its key."""
    draft = OpportunityDraft(
        connection="acme-close",
        name="Warehouse roof",
        description="South side first.",
        value=ValueDraft(amount="7500.00"),
        stage=StageRef(name="Proposal sent"),
        expected_close_date=dt.date(2031, 5, 30),
        custom_fields={"robots": ["Picker"], "contract": "https://example.com/contracts/roof"},
    )
    key = f"{KEY}-create"
    await tell_write("create", api.create_opportunity_with_http_info(draft, idempotency_key=key))
    made = await tell_write(
        "replay", api.create_opportunity_with_http_info(draft, idempotency_key=key)
    )
    draft.name = "Another roof"
    await tell_problem("another under the key", api.create_opportunity(draft, idempotency_key=key))
    return made


async def read(api: OpportunitiesApi, made: Opportunity) -> None:
    """Whole, and not again while it is the same."""
    answer = await api.get_opportunity_with_http_info(made.id)
    found = answer.data
    tell("read", http=answer.status_code, same=found.etag == made.etag, opportunity=told(found))
    try:
        await api.get_opportunity(made.id, if_none_match=found.etag)
    except ApiException as error:
        tell("read again", http=error.status)


async def change(api: OpportunitiesApi, made: Opportunity) -> None:
    """What is null is cleared, what is left out stays, and a stale version is refused."""
    patch = OpportunityPatch(
        description=None,
        value=ValueDraft(amount="8000.50"),
        custom_fields={"robots": ["Courier"], "contract": None},
    )
    key = f"{KEY}-change"
    await tell_write(
        "change",
        api.update_opportunity_with_http_info(
            made.id, patch, if_match=made.etag, idempotency_key=key
        ),
    )
    more = OpportunityPatch(custom_fields_add={"robots": ["Inspector"]})
    await tell_write("add", api.update_opportunity_with_http_info(made.id, more, if_match="*"))
    await tell_problem("stale version", api.update_opportunity(made.id, more, if_match=made.etag))


async def list_to_the_end(api: OpportunitiesApi) -> None:
    """Two connections over cursors, then one of two that fails."""
    pages, items, cursor = 0, list[str](), None
    while pages == 0 or cursor is not None:
        page = await api.list_opportunities(["acme-close", "acme-reevo"], limit=7, cursor=cursor)
        pages += 1
        items += [opportunity.id for opportunity in page.items]
        cursor = page.next_cursor
    tell("list", pages=pages, items=items)
    page = await api.list_opportunities(["acme-reevo", "abroad-close"])
    failed = [[trouble.connection, trouble.problem.code] for trouble in page.errors]
    tell("list without one", items=len(page.items), failed=failed)


async def meet_problems(gateway: Connected, made: Opportunity) -> None:
    """One of every class that a request of these clients can deserve."""
    api = gateway.opportunities
    stranger, reader, hasty = (
        Connected("GATEWAY_URL", f"{caller}_KEY") for caller in ("STRANGER", "READER", "HASTY")
    )
    name = OpportunityPatch(name="Roof")
    stage = OpportunityPatch(stage=StageRef(name="No such stage"))
    odd = OpportunityPatch(custom_fields={"nil": 1})
    cents = OpportunityDraft(connection="acme-slant", name="R", value=ValueDraft(amount="10.50"))
    twin = OpportunityDraft(connection="acme-coperniq", name="Harbour roof")
    await api.create_opportunity(twin)
    calls: dict[str, Awaitable[object]] = {
        "bad cursor": api.list_opportunities(cursor="x"),
        "unknown caller": stranger.opportunities.get_opportunity(made.id),
        "without the right": reader.opportunities.update_opportunity(made.id, name),
        "no connection": gateway.connections.get_connection("nowhere"),
        "no opportunity": api.get_opportunity("acme-close.nothing"),
        "twin": api.create_opportunity(twin),
        "unknown stage": api.update_opportunity(made.id, stage),
        "unknown field": api.update_opportunity(made.id, odd),
        "cents": api.create_opportunity(cents),
        "no version": api.update_opportunity("careful-close.1", name),
        "credentials": api.get_opportunity("abroad-close.oppo_1"),
        "switched off": api.get_opportunity("resting-close.oppo_1"),
    }
    for step, asked in calls.items():
        await tell_problem(step, asked)

    async def until_refused() -> None:
        while True:
            await hasty.connections.get_connection("acme-close")

    await tell_problem("too many", until_refused())
    for other in (stranger, reader, hasty):
        await other.client.close()


async def meet_every_problem(later: Connected) -> None:
    """Each that the document knows of, all members set."""
    for which in os.environ["PROBLEMS"].split():
        asked = later.opportunities.update_opportunity(which, OpportunityPatch())
        error, problem = await failure(asked)
        tell(f"problem {which}", http=error.status, problem=problem)


async def survive_a_later_release(later: Connected, made: Opportunity) -> None:
    """Values that no enumeration has yet, members that no schema has yet."""
    tell("later", opportunity=told(await later.opportunities.get_opportunity(made.id)))
    page = await later.opportunities.list_opportunities(["acme-reevo", "abroad-close"], limit=1)
    tell(
        "later page",
        items=[told(opportunity) for opportunity in page.items],
        failed=[trouble.problem.code for trouble in page.errors],
        added_later=page.additional_properties.get(ADDED),
    )
    connection = await later.connections.get_connection("acme-close")
    capabilities = await later.connections.get_capabilities("acme-close")
    operations = await later.operations.list_operations(limit=1)
    tell(
        "later values",
        state=connection.state,
        delete=capabilities.delete,
        reads=capabilities.fields["name"].read,
        operations=[operation.state for operation in operations.items],
    )


async def delete(api: OpportunitiesApi, made: Opportunity) -> None:
    """And then it is gone."""
    deleted = await api.delete_opportunity_with_http_info(made.id)
    tell("delete", http=deleted.status_code)
    await tell_problem("gone", api.get_opportunity(made.id))


async def main() -> None:
    """The scenario."""
    gateway = Connected("GATEWAY_URL", "GATEWAY_KEY")
    later = Connected("LATER_URL", "GATEWAY_KEY")
    api = gateway.opportunities
    made = await create_and_replay(api)
    await read(api, made)
    await change(api, made)
    await list_to_the_end(api)
    await meet_problems(gateway, made)
    await meet_every_problem(later)
    await survive_a_later_release(later, made)
    await delete(api, made)
    await gateway.client.close()
    await later.client.close()


asyncio.run(main())
