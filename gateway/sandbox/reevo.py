"""Reevo v2, simulated: envelopes out, scalars in, and a stage that decides what is won.

Demo keys: `READ_WRITE_KEY` and `READ_ONLY_KEY`, as `Authorization: Bearer …` or `X-Api-Key`.
Switches for what the contract leaves open:

- `error_shape`: where a refusal keeps its code: `application` and `detail` are the two shapes of
  v1, `flat`, `nested` and `list` others that a reader must expect (reevo.md 11)
- `refusal_status`: 422 or 400, for the codes whose status is on no page (11)
- `missing_key`: 422 as v1 has it, or 401 (11)
- `empty_attributes`: an envelope around null (`value_null`), a bare `null`, or `absent` (4)
- `top_level_times`: whether a record has its two times outside `attributes` too (4)
- `next_cursor`: at the `top` of a query's answer or in `meta` (6)
- `default_limit`, `max_limit`: of a query's page; above the maximum is a 422 (6)
- `filter_depth`: how deep groups may nest and paths may reach (6)
- `archived_readable`, `archived_listed`: where an archived record still shows (6). A filter on
  `archived_at` always sees it, and nothing can be written to it
- `closing_probability`: the string's scale, `percent` or `fraction` (4.1)
- `choice_objects`: `refuse` or `take` a stage or a choice in the form in which it is read (14.1)
- `amount_digits`: decimals that an amount is rounded to, or null for all of them (9)
- `stage_criteria`: api names of the stages that cannot be entered (5)

Closing sets `outcome` (CLOSED_WON, CLOSED_LOST), `status` (PROSPECT, DEAL), `closed_at` and
`closed_by_user_id`; leaving a closed stage empties the last two and the outcome. A stage's name
that two pipelines share is `field_value_invalid`. Not simulated: other record types, relationship
routes, v1.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox import reevo_query as queries
from gateway.sandbox import reevo_seed as seed
from gateway.sandbox.answers import json_response
from gateway.sandbox.reevo_attributes import ATTRIBUTES, Attribute, relationships
from gateway.sandbox.reevo_doorway import (
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    SHAPES,
    ReevoDoorway,
    malformed,
)
from gateway.sandbox.reevo_values import Values, Wrong, stamp
from gateway.sandbox.simulator import Record

__all__ = ["READ_ONLY_KEY", "READ_WRITE_KEY", "ReevoSandbox"]

CLOSING = ("outcome", "closed_at", "closed_by_user_id")


class ReevoSandbox(ReevoDoorway):
    """The vendor's opportunities with their schema and queries."""

    name = "reevo"
    base_path = "/api/v2"
    default_options: ClassVar[Mapping[str, Any]] = {
        "error_shape": "application",
        "refusal_status": 422,
        "missing_key": 422,
        "empty_attributes": "value_null",
        "top_level_times": True,
        "next_cursor": "top",
        "default_limit": 50,
        "max_limit": 100,
        "filter_depth": 3,
        "archived_readable": True,
        "archived_listed": False,
        "closing_probability": "percent",
        "choice_objects": "refuse",
        "amount_digits": None,
        "stage_criteria": [],
    }
    option_choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "error_shape": tuple(SHAPES),
        "refusal_status": (400, 422),
        "missing_key": (401, 422),
        "empty_attributes": ("value_null", "null", "absent"),
        "next_cursor": ("top", "meta"),
        "closing_probability": ("percent", "fraction"),
        "choice_objects": ("refuse", "take"),
        "amount_digits": (None, 0, 2),
    }

    def seed(self) -> dict[str, Record]:
        """Opportunities; values are read by the switches as they stand."""
        self.values = Values(self.options)
        return seed.opportunities()

    def routes(self) -> list[Route]:
        """Singular record routes; listing is only through `_query` (reevo.md 3)."""
        table = (
            ("GET", "/health", self.health),
            ("GET", "/_schema/opportunity", self.schema),
            ("POST", "/opportunity", self.create),
            ("POST", "/opportunity/_query", self.query),
            ("GET", "/opportunity/{id}", self.get),
            ("PATCH", "/opportunity/{id}", self.update),
            ("DELETE", "/opportunity/{id}", self.archive),
        )
        return [Route(path, self.answering(does), methods=[method]) for method, path, does in table]

    async def health(self, _request: Request) -> Response:
        """Needs no key (1)."""
        return json_response({"status": "ok"})

    async def schema(self, _request: Request) -> Response:
        """The record type described, without the wrapper that records have (7)."""
        return json_response(
            {
                "api_name": "opportunity",
                "display_name": "Opportunity",
                "is_custom": False,
                "is_junction": False,
                "supports_custom_fields": True,
                "attributes": [each.described() for each in ATTRIBUTES.values()],
                "relationships": relationships(),
                "description": None,
            }
        )

    async def get(self, request: Request) -> Response:
        """One record (3)."""
        record = self._record(request, archived=self.options["archived_readable"])
        return json_response({"data": self._shown(record)})

    async def create(self, request: Request) -> Response:
        """A new record, which needs a name, a stage and an account (5)."""
        sent = _attributes(await self.body(request))
        taken = self._taken(sent, creating=True)
        for attribute in ATTRIBUTES.values():
            if attribute.required and attribute.api_name not in taken:
                name = attribute.api_name
                raise Wrong("field_required_missing", f"{name} is required", name)
        now = self._now()
        record = {
            "id": seed.uuid("created opportunity", self.draw()),
            "organization_id": seed.ORGANIZATION,
            "created_at": now,
            "created_by_user_id": seed.ACTING_USER,
            "created_source": "API",
        }
        self._write(record, taken, now)
        self.records[record["id"]] = record
        self.commit(request, "create", record["id"], sent)
        return json_response({"data": self._shown(record)}, 201)

    async def update(self, request: Request) -> Response:
        """Changes what is named and nothing else; nothing named is a 422 (FD-004)."""
        sent = _attributes(await self.body(request))
        if not sent:
            raise malformed("value_error", "attributes", "A PATCH must name at least one field", {})
        record = self._record(request)
        self._write(record, self._taken(sent, creating=False), self._now())
        self.commit(request, "update", record["id"], sent)
        return json_response({"data": self._shown(record)})

    async def archive(self, request: Request) -> Response:
        """Archives, and answers with nothing (3)."""
        record = self._record(request)
        now = self._now()
        record |= {"archived_at": now, "updated_at": now, "updated_by_user_id": seed.ACTING_USER}
        self.commit(request, "delete", record["id"], None)
        return Response(status_code=204)

    async def query(self, request: Request) -> Response:
        """One page of what the filters leave, and a cursor unless it is the last (6)."""
        body = await self.body(request)
        if not isinstance(body, dict):
            raise malformed("model_type", "query", "Input should be an object", body)
        limit = self._limit(body)
        cursor = queries.cursor_of(body)
        test = queries.Filters(self.values, self.options["filter_depth"]).test(cursor.filters)
        archived = self.options["archived_listed"] or queries.mentions(
            cursor.filters, "archived_at"
        )
        rows = [self._whole(record) for record in self.records.values()]
        matching = [row for row in rows if (archived or not row.get("archived_at")) and test(row)]
        found = queries.ordered(matching, cursor.sort)
        end = cursor.start + limit
        following = queries.Cursor(cursor.filters, cursor.sort, end).written()
        paging = {"next_cursor": following if end < len(found) else None}
        page = [self._shown(row) for row in found[cursor.start : end]]
        beside = paging if self.options["next_cursor"] == "top" else {"meta": paging}
        return json_response({"data": page, **beside})

    def _now(self) -> str:
        return stamp(self.clock())

    def _limit(self, body: Mapping[str, Any]) -> int:
        limit, most = body.get("limit", self.options["default_limit"]), self.options["max_limit"]
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise malformed("int_type", "limit", "Input should be a valid integer", limit)
        if not 1 <= limit <= most:
            raise malformed("less_than_equal", "limit", f"limit is 1 to {most}", limit)
        return limit

    def _record(self, request: Request, *, archived: bool = False) -> Record:
        record = self.records.get(request.path_params["id"])
        if record is None or (record.get("archived_at") and not archived):
            raise Wrong("record_not_found", "No opportunity has this id")
        return record

    def _whole(self, record: Mapping[str, Any]) -> Record:
        """A record with the one attribute that is computed (4.1)."""
        forecast = self.values.forecast(record.get("amount"), record["stage"])
        return {**record, "forecast_weighted_amount": forecast}

    def _shown(self, record: Mapping[str, Any]) -> Record:
        """The envelope: scalars in, `value` and `value_type` out (4)."""
        whole = self._whole(record)
        present = self.options["empty_attributes"] != "absent"
        times = ("created_at", "updated_at") if self.options["top_level_times"] else ()
        return {
            "id": record["id"],
            **{name: record.get(name) for name in times},
            "attributes": {
                name: self.values.show(attribute, whole.get(name))
                for name, attribute in ATTRIBUTES.items()
                if present or whole.get(name) not in (None, [])
            },
            "record_type": "opportunity",
        }

    def _taken(self, sent: Mapping[str, Any], *, creating: bool) -> Record:
        """What is sent in its stored form; raises `Wrong` at the first attribute refused (5)."""
        return {
            name: self.values.take(_writable(name, creating=creating), value)
            for name, value in sent.items()
        }

    def _write(self, record: Record, taken: Record, now: str) -> None:
        moved = self._moved(taken["stage"], now) if self._moves(record, taken) else {}
        record |= taken | moved | {"updated_at": now, "updated_by_user_id": seed.ACTING_USER}

    def _moves(self, record: Record, taken: Record) -> bool:
        return "stage" in taken and taken["stage"] != record.get("stage")

    def _moved(self, stage_id: str, now: str) -> Record:
        """What follows from a new stage by itself (5)."""
        stage = self.values.stages[stage_id]
        if stage["api_name"] in self.options["stage_criteria"]:
            message = f"The entrance criteria of {stage['display_value']} are not met"
            raise Wrong("stage_entrance_criteria_not_met", message, "stage")
        won_or_lost = stage["outcome"]
        closing = (won_or_lost, now, seed.ACTING_USER) if won_or_lost else (None, None, None)
        return {
            "status": stage["status"],
            "stage_last_shifted_at": now,
            **dict(zip(CLOSING, closing, strict=True)),
        }


def _attributes(body: Any) -> dict[str, Any]:
    """The one member of every write's body (5)."""
    attributes = body.get("attributes") if isinstance(body, dict) else None
    if not isinstance(attributes, dict):
        raise malformed("missing", "attributes", "Field required", body)
    return attributes


def _writable(name: str, *, creating: bool) -> Attribute:
    attribute = ATTRIBUTES.get(name)
    if attribute is None:
        raise Wrong("unknown_field", f"There is no attribute {name}", name)
    if creating and not attribute.creatable:
        raise Wrong("field_not_creatable", f"{name} cannot be set", name)
    if not creating and not attribute.updatable:
        raise Wrong("field_not_updatable", f"{name} cannot be changed", name)
    return attribute
