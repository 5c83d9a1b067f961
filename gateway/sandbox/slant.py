"""Slant, simulated from slant.md and founding documents 000 and 001.

Demo credentials: `READ_WRITE_TOKEN` and `READ_ONLY_TOKEN`, as `Authorization: Bearer …`.

The contract leaves much open; these switches hold each possibility, the plainest one first:
- `error_shape`: `object` (`{"error": {"code", "message", "details"}}`), `string`
  (`{"error": code}`) or `empty` (no body at all): slant.md 11.
- `validation_status`: 422 or 400, for a body that breaks a rule.
- `list`: whether `GET /v1/opportunities` exists; without it a 404: slant.md 3.
- `custom_fields`: `merge` per key or `replace` the object: slant.md 3.2.
- `nulls`: `refuse`, `clear` or `ignore` a null in an update: slant.md 3.2.
- `unknown_keys`: `refuse` or `ignore` members that the request does not have.
- `key_mismatch`: what a known idempotency key does with another body: `replay` the first answer
  (founding document 000), `conflict` (409) or `run`: slant.md 8.
- `key_keeps_refusals`: whether a 4xx is cached as well: slant.md 8.
- `key_keeps_failures`: a 5xx scripted after the effect is taken for Slant's own, which is never
  cached, so a retry runs again (slant.md 8); true takes it for a proxy's in front of Slant.
- `stage_sets_probability`: whether a stage change brings the stage's default: slant.md 6.
- `rendering`: `current`, or `older` with the thinner answers: slant.md 2, 3.3.
- `hourly_limit`: calls that a token has per clock hour before 429; 0 is no limit. The documented
  number is 1000: slant.md 10.

Not simulated: creating custom-field definitions, OAuth apps, webhooks.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox import slant_body, slant_seed
from gateway.sandbox.answers import json_response
from gateway.sandbox.simulator import Record, Refusal
from gateway.sandbox.slant_frame import READ_ONLY_TOKEN, READ_WRITE_TOKEN, SCOPES, SlantFrame

__all__ = ["READ_ONLY_TOKEN", "READ_WRITE_TOKEN", "SlantSandbox"]


class SlantSandbox(SlantFrame):
    """Slant: whole dollars, a stage of the own pipeline, keys that live one hour."""

    def seed(self) -> dict[str, Record]:
        """The deals of `slant_seed`, dated from now."""
        return slant_seed.opportunities(self.clock())

    def routes(self) -> list[Route]:
        """slant.md 3, 6, 7; the household's own routes are the same endpoints, scoped."""
        table = (
            ("GET", "/me", self.me),
            ("GET", "/books", self.list_books),
            ("GET", "/books/{id}", self.get_book),
            ("GET", "/pipelines/{id}", self.get_pipeline),
            ("GET", "/custom_fields", self.list_custom_fields),
            ("GET", "/custom_fields/{id}", self.get_custom_field),
            ("GET", "/opportunities", self.list_opportunities),
            ("POST", "/opportunities", self.create),
            ("GET", "/opportunities/{id}", self.get_opportunity),
            ("PATCH", "/opportunities/{id}", self.update),
            ("GET", "/households/{household_id}/opportunities/{id}", self.get_opportunity),
            ("PATCH", "/households/{household_id}/opportunities/{id}", self.update),
        )
        return [Route(path, handler, methods=[method]) for method, path, handler in table]

    async def me(self, request: Request) -> Response:
        """The token's user and what it may do (slant.md 2)."""
        user = slant_seed.USERS[slant_seed.AUTHENTICATED]
        if self.options["rendering"] == "older":
            return json_response(user)
        scope = SCOPES[request.headers["authorization"].partition(" ")[2]]
        access = {
            "auth_type": "personal_access_token",
            "scope": scope,
            "can_write": scope == "read_write",
        }
        return json_response({**user, "api_access": access})

    async def list_books(self, request: Request) -> Response:
        """The visible books with their users (slant.md 7)."""
        return self.page(request, list(slant_seed.BOOKS.values()))

    async def get_book(self, request: Request) -> Response:
        """One book (slant.md 7)."""
        return json_response(self._existing(request, slant_seed.BOOKS))

    async def get_pipeline(self, request: Request) -> Response:
        """One pipeline with its stages in order; there is no list (slant.md 6)."""
        return json_response(self._existing(request, slant_seed.PIPELINES))

    async def list_custom_fields(self, request: Request) -> Response:
        """The definitions, of one `entity_type` if asked (slant.md 7)."""
        kind = request.query_params.get("entity_type")
        fields = [
            field for field in slant_seed.CUSTOM_FIELDS if kind in (None, field["entity_type"])
        ]
        return self.page(request, fields)

    async def get_custom_field(self, request: Request) -> Response:
        """One definition (slant.md 7)."""
        fields = {field["id"]: field for field in slant_seed.CUSTOM_FIELDS}
        return json_response(self._existing(request, fields))

    async def list_opportunities(self, request: Request) -> Response:
        """A list that no page documents (slant.md 3, 9)."""
        if not self.options["list"]:
            raise Refusal(self.not_found(request))
        book_id = request.query_params.get("book_id")
        found = [one for one in self.records.values() if book_id in (None, one["book_id"])]
        return self.page(request, [self._rendered(one) for one in found])

    async def get_opportunity(self, request: Request) -> Response:
        """One opportunity, under its household's route only if it is the household's."""
        return json_response(self._rendered(self._addressed(request)))

    async def create(self, request: Request) -> Response:
        """slant.md 3.1."""
        return self.once(request, await self.body(request), self._create)

    async def update(self, request: Request) -> Response:
        """slant.md 3.2."""
        return self.once(request, await self.body(request), self._update)

    def _create(self, request: Request, body: Record) -> Response:
        self._check(body, slant_body.CREATE, nulls="refuse", missing=slant_body.missing(body))
        book = slant_seed.BOOKS.get(body["book_id"])
        if book is None:
            raise self.invalid({"book_id": "is not a book that you can see"})
        household = self._household(body)
        pipeline = self._pipeline(body, household)
        stage = self._stage(pipeline, body.get("pipeline_stage_id"))
        closing = slant_body.moment(body.get("target_close_date"))
        # Judged by the sandbox's clock: which one Slant goes by is undocumented (slant.md 3.1, 5).
        if closing is not None and closing <= self.clock():
            raise self.invalid({"target_close_date": "must be in the future"})
        now = slant_body.stamp(self.clock())
        record = {
            "id": self.opaque_id("opp", 12).lower(),
            "name": body["name"],
            "book_id": book["id"],
            "pipeline_id": pipeline["id"],
            "pipeline_stage_id": stage["id"],
            "assigned_to_id": self._assignee(book, body) or slant_seed.AUTHENTICATED,
            "value": body.get("value"),
            "probability": body.get("probability"),
            "target_close_date": closing and slant_body.written(closing),
            "stage_updated_at": now,
            "household_id": household and household["id"],
            "custom_fields": {},
            "created_at": now,
            "updated_at": now,
        }
        self.records[record["id"]] = record
        self.commit(request, "create", record["id"], body)
        return json_response(self._rendered(record), 201)

    def _update(self, request: Request, body: Record) -> Response:
        record = self._addressed(request)
        nulls = self.options["nulls"]
        self._check(body, slant_body.UPDATE, nulls=nulls, missing={})
        if nulls == "ignore":
            body = {name: value for name, value in body.items() if value is not None}
        changes = self._changes(record, body)
        if changes:
            record.update(changes, updated_at=slant_body.stamp(self.clock()))
            self.commit(request, "update", record["id"], body)
        return json_response(self._rendered(record))

    def _changes(self, record: Record, body: Record) -> Record:
        """The stored members that an update's body sets, checked against what they refer to."""
        changes: Record = {
            name: body[name] for name in ("name", "value", "probability") if name in body
        }
        if "target_close_date" in body:
            closing = slant_body.moment(body["target_close_date"])
            changes["target_close_date"] = closing and slant_body.written(closing)
        if "household_id" in body:
            household = self._household(body)
            changes["household_id"] = household and household["id"]
        if assignee := self._assignee(slant_seed.BOOKS[record["book_id"]], body):
            changes["assigned_to_id"] = assignee
        if "custom_fields" in body:
            changes["custom_fields"] = self._custom_fields(record, body["custom_fields"])
        if "pipeline_stage_id" in body:
            changes |= self._stage_move(record, body)
        return changes

    def _stage_move(self, record: Record, body: Record) -> Record:
        pipeline = slant_seed.PIPELINES[record["pipeline_id"]]
        stage = self._stage(pipeline, body["pipeline_stage_id"])
        move = {"pipeline_stage_id": stage["id"]}
        if stage["id"] != record["pipeline_stage_id"]:
            move["stage_updated_at"] = slant_body.stamp(self.clock())
            if self.options["stage_sets_probability"] and "probability" not in body:
                move["probability"] = stage["default_probability"]
        return move

    def _check(
        self, body: Record, rules: slant_body.Rules, *, nulls: str, missing: dict[str, str]
    ) -> None:
        wrong = slant_body.wrong_members(
            body, rules, nulls=nulls, unknown_keys=self.options["unknown_keys"]
        )
        if wrong or missing:
            raise self.invalid(missing | wrong)

    def _household(self, body: Record) -> Record | None:
        household_id = body.get("household_id")
        if household_id is not None and household_id not in slant_seed.HOUSEHOLDS:
            raise self.invalid({"household_id": "is not a household that you can see"})
        return household_id and slant_seed.HOUSEHOLDS[household_id]

    def _pipeline(self, body: Record, household: Record | None) -> Record:
        """The named pipeline, else the book's for the household's type or the type (slant.md 3.1).

        A household of a type that the named pipeline excludes is let in: precedence undocumented.
        """
        offered = [
            pipeline
            for pipeline in slant_seed.PIPELINES.values()
            if pipeline["book_id"] in (body["book_id"], None)
        ]
        if "pipeline_id" in body:
            for pipeline in offered:
                if pipeline["id"] == body["pipeline_id"]:
                    return pipeline
            raise self.invalid({"pipeline_id": "is not a pipeline of the book"})
        kind = household["type"] if household else body["pipeline_type"]
        for pipeline in offered:
            if pipeline["pipeline_type"] == kind:
                return pipeline
        raise self.invalid({"pipeline_type": f"{kind} has no pipeline in the book"})

    def _stage(self, pipeline: Record, stage_id: str | None) -> Record:
        """The stage, which must be the pipeline's; by default its first (slant.md 3.1, 3.2)."""
        stages: list[Record] = pipeline["pipeline_stages"]
        if stage_id is None:
            return stages[0]
        for stage in stages:
            if stage["id"] == stage_id:
                return stage
        raise self.invalid({"pipeline_stage_id": "does not belong to the pipeline"})

    def _assignee(self, book: Record, body: Record) -> str | None:
        """The user of the book who is named; `assigned_to_id` goes before its alias."""
        for name in ("assigned_to_id", "owner_id"):
            user_id: str | None = body.get(name)
            if user_id is None:
                continue
            if all(user["id"] != user_id for user in book["users"]):
                raise self.invalid({name: "is not a user of the book"})
            return user_id
        return None

    def _custom_fields(self, record: Record, sent: Record) -> Record:
        """The custom fields after an update: merged or replaced, as the switch says."""
        known = {field["field_key"]: field for field in slant_seed.OPPORTUNITY_FIELDS}
        problems = {}
        for key, value in sent.items():
            if key not in known:
                problem = self.options["unknown_keys"] == "refuse" and "is no custom field"
            elif value is None:
                problem = self.options["nulls"] == "refuse" and "must not be null"
            else:
                problem = slant_body.wrong_custom_value(known[key], value) or False
            if problem:
                problems[f"custom_fields.{key}"] = problem
        if problems:
            raise self.invalid(problems)
        ignored = self.options["nulls"] == "ignore"
        taken = {k: v for k, v in sent.items() if k in known and not (v is None and ignored)}
        kept = record["custom_fields"] if self.options["custom_fields"] == "merge" else {}
        return {key: value for key, value in {**kept, **taken}.items() if value is not None}

    def _addressed(self, request: Request) -> Record:
        """The opportunity that the path names; under a household only one of the household's."""
        record = self._existing(request, self.records)
        household_id = request.path_params.get("household_id")
        if household_id not in (None, record["household_id"]):
            raise Refusal(self.not_found(request))
        return record

    def _existing(self, request: Request, rows: Mapping[str, Record]) -> Record:
        row = rows.get(request.path_params["id"])
        if row is None:
            raise Refusal(self.not_found(request))
        return row

    def _rendered(self, record: Record) -> Record:
        """An opportunity as it is read: other names than it is written with (slant.md 3.3)."""
        pipeline = slant_seed.PIPELINES[record["pipeline_id"]]
        stage = self._stage(pipeline, record["pipeline_stage_id"])
        user = slant_seed.USERS[record["assigned_to_id"]]
        access = {"auth_type": "personal_access_token", "scope": "read_write"}
        nested = {
            "pipeline": pipeline,
            "pipeline_stage": stage,
            "assigned_to": {**user, "api_access": access},
            "custom_fields": record["custom_fields"],
        }
        if self.options["rendering"] == "older":
            nested = {
                "pipeline": {name: pipeline[name] for name in ("id", "name", "pipeline_type")},
                "pipeline_stage": {name: stage[name] for name in ("id", "name")},
                "assigned_to": user,
            }
        flat = {name: record[name] for name in slant_body.READ_AS_STORED}
        return {**flat, **nested}
