"""Close, simulated from close.md and founding document 003.

Demo credentials: `API_KEY` as the user of HTTP Basic with an empty password (June), or
`OAUTH_TOKEN` as a bearer token (Omar); or `CLIENT_ID`, `CLIENT_SECRET` and `REFRESH_TOKEN` for the
token endpoint, which gives Omar's tokens and revokes the refresh token that it was given.

Switches for what the contract leaves open, the plainest position first:
- `currency`: the organization's; another one relabels every amount (close.md 5).
- `rate_header`: `semicolon` as seen live, `comma` as documented, or `none`; `rate_limit` calls per
  endpoint group in 8 seconds, refused beyond only if `rate_enforced` (close.md 10).
- `missing_slash`: `redirect` (301) or `not_found` (close.md 1).
- `missing_lead`: `create` an "Untitled" one, or `refuse` as in 2017 (close.md 3.1).
- `unknown_keys`: `refuse` or `ignore` members outside the schema (close.md 3.1).
- `user_null`: `clear`, `keep` or `refuse` an owner set to null (close.md 3.2).
- `max_limit`, `max_skip`: the paging maxima, unpublished for opportunities (close.md 3.4).
- `list_lag_seconds`: how far the list is behind, by the clock; 30 to 60 live (close.md 9).
- `delete_lag_seconds`: how long a deleted opportunity can still be read (close.md 9).
- `note_through_markdown`: a plain note comes back as its HTML reads (close.md 13, trap 11).
- `token_seconds`: how long an access token lives; one of another `token_epoch` than the present one
  is refused before its end (close.md 2).
- `extended`: whether answers carry `is_stalled` and the other members that live ones lacked.

Not simulated, as no opportunity passes through them: writing pipelines, statuses and definitions,
leads, activities, webhooks, authorization codes; of `query` only words and `note:word`.
"""

from collections.abc import Iterable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox import close_body, close_list, close_notes, close_seed
from gateway.sandbox.answers import json_response
from gateway.sandbox.close_catalogue import CloseCatalogue, selected
from gateway.sandbox.close_frame import API_KEY, OAUTH_TOKEN
from gateway.sandbox.close_history import History
from gateway.sandbox.close_money import ONE_TIME
from gateway.sandbox.close_record import rendered
from gateway.sandbox.close_seed import PIPELINES, STATUSES, USERS, written
from gateway.sandbox.close_tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from gateway.sandbox.simulator import Record

__all__ = [
    "API_KEY",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "OAUTH_TOKEN",
    "REFRESH_TOKEN",
    "CloseSandbox",
]

COPIED = ("value", "value_period", "confidence", "attachments", "contact_id", "user_id")

_BLANK: Record = {
    "contact_id": None,
    "value": None,
    "value_period": ONE_TIME,
    "confidence": 50,
    "note": "",
    "note_html": None,
    "date_won": None,
    "date_lost": None,
    "attachments": [],
}
"""A new opportunity that nobody says anything about; 50 % was seen live (close.md 3.1)."""


class CloseSandbox(CloseCatalogue):
    """Close: cents, a partial PUT, one date for the estimate and the win."""

    def seed(self) -> dict[str, Record]:
        """The deals of `close_seed`, its leads, and no history yet."""
        self.leads = close_seed.leads()
        self._history = History()
        return close_seed.opportunities(self.clock())

    def routes(self) -> list[Route]:
        """Every path ends with a slash (close.md 1)."""
        table = (
            ("GET", "/opportunity/", self.list_opportunities),
            ("POST", "/opportunity/", self.create),
            ("GET", "/opportunity/{id}/", self.get_opportunity),
            ("PUT", "/opportunity/{id}/", self.update),
            ("DELETE", "/opportunity/{id}/", self.delete),
        )
        own = [Route(path, handler, methods=[method]) for method, path, handler in table]
        return [*own, *self.catalogue_routes()]

    async def list_opportunities(self, request: Request) -> Response:
        """close.md 3.4."""
        return self._listed(request, request.query_params)

    async def create(self, request: Request) -> Response:
        """close.md 3.1; or a list in disguise, for queries too long for a URL (close.md 1)."""
        body = await self.body(request)
        if request.headers.get("x-http-method-override", "").upper() == "GET":
            params = {name: str(value) for name, value in body.get("_params", {}).items()}
            return self._listed(request, params)
        return self._create(request, body)

    async def get_opportunity(self, request: Request) -> Response:
        """One opportunity, of which `_fields` selects members (close.md 1)."""
        record = self._addressed(request, lag=self.options["delete_lag_seconds"])
        return json_response(selected(self._rendered(record), request.query_params))

    async def update(self, request: Request) -> Response:
        """PUT, and yet partial: what is left out stays (close.md 1, 3.2)."""
        return self._update(request, await self.body(request))

    async def delete(self, request: Request) -> Response:
        """200 with `{}`, and 404 from then on (close.md 3)."""
        record = self._addressed(request)
        self._history.note(record["id"], record, self.clock())
        del self.records[record["id"]]
        self.commit(request, "delete", record["id"], None)
        return json_response({})

    def _create(self, request: Request, body: Record) -> Response:
        self._check(body, close_body.CREATE, frozenset(close_body.CREATE))
        sent = {name: value for name, value in body.items() if value is not None}
        if "lead_id" not in sent and self.options["missing_lead"] == "refuse":
            raise self.wrong_fields({"lead": "This field is required."})
        self._check_references(sent)
        sent["status_id"] = self._first_status(sent)
        custom = self._custom({}, sent, lead_id=sent.get("lead_id", ""), updating=False)
        caller, now = self.caller(request), self.clock()
        record = {
            **_BLANK,
            "id": self.opaque_id("oppo_"),
            "user_id": caller,
            "date_created": written(close_body.moment(sent.get("date_created")) or now),
            "date_updated": written(now),
            "created_by": sent.get("created_by", caller),
            "updated_by": caller,
            "custom": custom,
        }
        record |= self._changes(request, record, sent)
        # The lead comes last: a refused create leaves no "Untitled" one behind.
        record["lead_id"] = sent.get("lead_id") or self._untitled_lead()
        self.records[record["id"]] = record
        self._history.note(record["id"], None, now)
        self.commit(request, "create", record["id"], body)
        return json_response(self._rendered(record))

    def _update(self, request: Request, body: Record) -> Response:
        record = self._addressed(request)
        self._check(body, close_body.UPDATE, close_body.UPDATE_NULLS)
        self._check_references(body)
        lead_id = record["lead_id"]
        custom = self._custom(record["custom"], body, lead_id=lead_id, updating=True)
        changes = self._changes(request, record, body)
        if body:
            self._history.note(record["id"], record, self.clock())
            record.update(
                changes,
                custom=custom,
                date_updated=written(self.clock()),
                updated_by=self.caller(request),
            )
            self.commit(request, "update", record["id"], body)
        return json_response(self._rendered(record))

    def _changes(self, request: Request, record: Record, body: Record) -> Record:
        """The stored members that a checked body sets, side effects included."""
        changes: Record = {name: body[name] for name in COPIED if name in body}
        if "date_won" in body:
            won = close_body.moment(body["date_won"])
            changes["date_won"] = won and won.date().isoformat()
        if body.get("user_id", "") is None:
            changes |= self._owner_removed(record)
        changes |= self._note(body)
        if status := self._new_status(record, body):
            changes["status_id"] = status["id"]
            stands = changes.get("date_won", record["date_won"])
            if status["type"] == "won" and stands is None:
                # Today in the caller's zone, unless a date stands or is sent (FD-003).
                changes["date_won"] = self.clock().astimezone(self.zone(request)).date().isoformat()
            if status["type"] == "lost" and record["date_lost"] is None:
                changes["date_lost"] = written(self.clock())
        return changes

    def _check(self, body: Record, rules: close_body.Rules, nulls: frozenset[str]) -> None:
        strict = self.options["unknown_keys"] == "refuse"
        errors = close_body.field_errors(body, rules, nulls, strict=strict)
        if errors:
            raise self.wrong_fields(errors)

    def _check_references(self, body: Record) -> None:
        """Errors name the thing, not the member: `lead`, not `lead_id` (close.md 11)."""
        known = {
            "lead_id": self.leads,
            "status_id": STATUSES,
            "pipeline_id": PIPELINES,
            "contact_id": close_seed.CONTACTS,
            "user_id": USERS,
            "created_by": USERS,
        }
        errors = {
            name.removesuffix("_id"): "Object does not exist."
            for name, things in known.items()
            if body.get(name) is not None and body[name] not in things
        }
        if errors:
            raise self.wrong_fields(errors)

    def _custom(self, current: Record, body: Record, *, lead_id: str, updating: bool) -> Record:
        after, errors = close_body.custom_after(current, body, lead_id=lead_id, updating=updating)
        if errors:
            raise self.wrong_fields(errors)
        return after

    def _first_status(self, sent: Record) -> str:
        """The status of a new opportunity, which must be the named pipeline's (close.md 3.1)."""
        named = sent.get("pipeline_id")
        if "status_id" in sent:
            if named not in (None, STATUSES[sent["status_id"]]["pipeline_id"]):
                raise self.wrong("The status does not belong to the pipeline.")
            return str(sent["status_id"])
        pipeline = PIPELINES[named] if named else next(iter(PIPELINES.values()))
        return str(pipeline["statuses"][0]["id"])

    def _new_status(self, record: Record, body: Record) -> Record | None:
        """The status that a body sets, of any pipeline; the deprecated `status` is a label."""
        if "status_id" in body:
            return STATUSES[body["status_id"]]
        if "status" not in body:
            return None
        # The label of the own pipeline goes before another's of the same name.
        home = STATUSES[record["status_id"]]["pipeline_id"]
        for status in sorted(STATUSES.values(), key=lambda one: one["pipeline_id"] != home):
            if status["label"] == body["status"]:
                return status
        raise self.wrong_fields({"status": "Not a valid choice."})

    def _note(self, body: Record) -> Record:
        """HTML wins over text, and a null of it clears both (founding document 003)."""
        if "note_html" in body:
            sent = body["note_html"]
            if sent is None:
                return {"note": None, "note_html": None}
            return {"note": close_notes.text_of(sent), "note_html": close_notes.in_body(sent)}
        if "note" not in body:
            return {}
        note, note_html = body["note"], close_notes.html_of(body["note"])
        if self.options["note_through_markdown"] and note_html is not None:
            note = close_notes.text_of(note_html)
        return {"note": note, "note_html": note_html}

    def _owner_removed(self, record: Record) -> Record:
        """What a null owner does, which the contract leaves open (close.md 3.2)."""
        if self.options["user_null"] == "refuse":
            raise self.wrong_fields({"user": "This field may not be null."})
        return {"user_id": record["user_id"] if self.options["user_null"] == "keep" else None}

    def _untitled_lead(self) -> str:
        """The lead that a create without one brings into being (close.md 3.1)."""
        lead_id = self.opaque_id("lead_")
        self.leads[lead_id] = {"id": lead_id, "name": "Untitled"}
        return lead_id

    def _addressed(self, request: Request, lag: int = 0) -> Record:
        """The opportunity of the path; with a lag also one deleted no longer ago than that."""
        record_id = request.path_params["id"]
        record = self.records.get(record_id)
        if record is None and lag:
            earlier = self.clock() - timedelta(seconds=lag)
            record = self._history.state(record_id, None, earlier)
        if record is None:
            raise self.missing("Opportunity")
        return record

    def _indexed(self) -> Iterable[Record]:
        """The records as the list sees them, which may be a while behind (close.md 9)."""
        lag = self.options["list_lag_seconds"]
        if not lag:
            return self.records.values()
        return self._history.seen(self.records, self.clock() - timedelta(seconds=lag))

    def _rendered(self, record: Record) -> Record:
        return rendered(
            record, self.leads, self.options["currency"], extended=self.options["extended"]
        )

    def _listed(self, request: Request, params: close_list.Params) -> Response:
        """A page, the sums over all matches beside it; newest update first (close.md 3.4)."""
        rows = [self._rendered(record) for record in self._indexed()]
        currency = self.options["currency"]
        try:
            limit = close_list.count(params, "_limit", 100, self.options["max_limit"])
            skip = close_list.count(params, "_skip", 0, self.options["max_skip"])
            rows = close_list.matching(rows, params, self.zone(request))
            rows = close_list.ordered(rows, params.get("_order_by", "-date_updated"))
            data = [selected(row, params) for row in rows[skip : skip + limit]]
            if "_group_by" in params:
                data = close_list.grouped(rows, params["_group_by"], skip, limit, currency)
        except close_list.ParameterError as error:
            raise self.parameter_error(error) from None
        more = skip + limit < len(rows)
        return json_response({"data": data, "has_more": more, **close_list.sums(rows, currency)})
