"""Coperniq's doorway, and what can only be read: accounts, workflows, properties, users."""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox import coperniq_queries as queries
from gateway.sandbox.answers import json_response
from gateway.sandbox.coperniq_body import Invalid, error
from gateway.sandbox.coperniq_company import Company
from gateway.sandbox.simulator import Record, Refusal, Simulator

API_KEY = "cpq_sandbox_key"

RECORD_TYPES = ("account", "opportunity", "project", "vendor", "ahj")
DEPRECATED = {"opportunity": "request", "account": "client"}
ACCOUNT_FIELDS = frozenset({"id", "number", "title", "description", "address", "accountType"})


class CoperniqDirectory(Simulator):
    """Who may call and how often, the refusals, and everything that can only be read."""

    def start_anew(self) -> None:
        """Puts the company back to its seed and forgets the calls that were counted."""
        self.company = Company()
        self._calls: deque[datetime] = deque()

    def routes(self) -> list[Route]:
        """The documented reads; accounts under their old name `/clients` as well (1, 3)."""
        table = [
            ("/workflows", self.list_workflows),
            ("/workflows/{workflow_id}", self.get_workflow),
            ("/properties", self.list_properties),
            ("/users", self.list_users),
        ]
        for root in ("/accounts", "/clients"):
            table += [
                (root, self.list_accounts),
                (f"{root}/search", self.search_accounts),
                (f"{root}/{{account_id}}", self.get_account),
            ]
        return [Route(path, does, methods=["GET"]) for path, does in table]

    def authenticate(self, request: Request) -> Response | None:
        """Takes a bare key, and so many calls a second and a day with it (coperniq.md 2)."""
        if not _holds_key(request):
            if self.options["bad_key"] == 403:
                return error(403, "Forbidden")
            return error(401, "Authentication failed", "UNAUTHORIZED")
        now = self.clock()
        while self._calls and self._calls[0] <= now - timedelta(days=1):
            self._calls.popleft()
        second = self.options["second_limit"]
        busy = 0 < second <= len(self._calls) and self._calls[-second] > now - timedelta(seconds=1)
        if busy or len(self._calls) >= self._daily_limit:
            return error(429, "Rate limit exceeded", "RATE_LIMIT_EXCEEDED")
        self._calls.append(now)
        return None

    def standing_headers(self, request: Request) -> Mapping[str, str]:
        """The day's budget on every authenticated answer; no reset, no Retry-After (2)."""
        if not _holds_key(request):
            return {}
        return {
            "X-RateLimit-Limit": str(self._daily_limit),
            "X-RateLimit-Remaining": str(max(0, self._daily_limit - len(self._calls))),
        }

    def not_found(self, request: Request) -> Response:
        """Says the same of an unknown URL as of an unknown record (7)."""
        return error(404, "Resource not found", "NOT_FOUND")

    def method_not_allowed(self, request: Request) -> Response:
        """Answers without a code, as none is documented for it."""
        return error(405, "Method not allowed")

    def invalid_json(self, request: Request) -> Response:
        """A 400 with a code of its own and no field (7)."""
        return error(400, "Invalid request", "INVALID_JSON")

    async def list_workflows(self, request: Request) -> Response:
        """Workflows with their phases; nothing says which are for opportunities (6)."""
        query = request.query_params
        rows = self._active(self.company.workflows.values(), query)
        page = queries.page(rows, query, sort_key="createdAt", default_order="asc")
        return json_response([_without(row, "isActive") for row in page])

    async def get_workflow(self, request: Request) -> Response:
        """One workflow (3)."""
        workflow = self._one(self.company.workflows, request.path_params["workflow_id"], request)
        return json_response(_without(workflow, "isActive"))

    async def list_properties(self, request: Request) -> Response:
        """Definitions by record type, twice for a renamed type (8)."""
        values = request.query_params.getlist("record_type")
        asked = [each for value in values for each in value.split(",")] or list(RECORD_TYPES)
        for each in asked:
            if each not in RECORD_TYPES:
                raise Invalid("record_type", f"record_type must be of {', '.join(RECORD_TYPES)}")
        answer = {
            name: self.company.properties[each] for each in asked for name in _key_names(each)
        }
        if self.options["properties_keys"] == "plural":
            answer = {f"{name}s": definitions for name, definitions in answer.items()}
        return json_response(answer)

    async def list_users(self, request: Request) -> Response:
        """All users, or those with an e-mail or an id; no paging (9)."""
        wanted = [(name, request.query_params.get(name)) for name in ("id", "email")]
        return json_response(
            [
                _without(user, "avatarUrl")
                for user in self.company.users.values()
                if all(value in (None, str(user[name])) for name, value in wanted)
            ]
        )

    async def list_accounts(self, request: Request) -> Response:
        """One page of accounts (3)."""
        query = request.query_params
        rows = self._active(map(self.company.shown_account, self.company.accounts.values()), query)
        found = queries.listed(rows, query, bounds=self.options["date_bounds"])
        return json_response(self._page(found, query))

    async def search_accounts(self, request: Request) -> Response:
        """One page of the accounts that one or two conditions find (3)."""
        query = request.query_params
        rows = self._active(map(self.company.shown_account, self.company.accounts.values()), query)
        found = queries.searched(rows, query, fields=ACCOUNT_FIELDS, custom=frozenset())
        return json_response(self._page(found, query))

    async def get_account(self, request: Request) -> Response:
        """One account, its people in full if asked for (3)."""
        account = self._one(self.company.accounts, request.path_params["account_id"], request)
        with_contacts = queries.flag(request.query_params, "include_contacts")
        return json_response(self.company.shown_account(account, with_contacts=with_contacts))

    @property
    def _daily_limit(self) -> int:
        return int(self.options["daily_limit"])

    def _active(self, rows: Iterable[Record], query: QueryParams) -> list[Record]:
        archived = queries.flag(query, "include_archived")
        return [row for row in rows if archived or row.get("isActive", True)]

    def _page(self, rows: Iterable[queries.Row], query: QueryParams) -> list[queries.Row]:
        order, key = self.options["default_order"], self.options["sort_key"]
        return queries.page(rows, query, sort_key=key, default_order=order)

    def _one(self, table: Mapping[int, Record], number: str, request: Request) -> Record:
        archived = queries.flag(request.query_params, "include_archived")
        row = table.get(int(number)) if number.isascii() and number.isdigit() else None
        if row is None or not (archived or row["isActive"]):
            raise Refusal(self.not_found(request))
        return row


def _holds_key(request: Request) -> bool:
    return request.headers.get("x-api-key") == API_KEY


def _without(row: Mapping[str, Any], name: str) -> Record:
    return {key: value for key, value in row.items() if key != name}


def _key_names(record_type: str) -> tuple[str, ...]:
    """A renamed type is answered under its old name as well (8)."""
    old = DEPRECATED.get(record_type)
    return (record_type, old) if old else (record_type,)
