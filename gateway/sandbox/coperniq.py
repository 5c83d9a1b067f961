"""Coperniq, simulated: bare arrays, match-or-create, a status that is written and never read.

The key for the header `x-api-key` is `API_KEY`. Switches for what the contract leaves open:

- `patch_requires_three`: an update must carry title, address and trades (coperniq.md 5.2)
- `account_on_patch`: `refuse` with a 400, or `take` (5.3)
- `phase_on_write`, `confidence_on_write`: `take` or `ignore` the two fields of no schema (5.1);
  `phaseId` takes the id that `phase` and the workflow's phases show (6)
- `custom_on_patch`: `merge` by key or `replace` (8); `contacts_on_patch`: `replace` or `add` (5.1)
- `unknown_fields`, `unknown_custom`: `refuse` or `ignore` (12.4, 8)
- `created_status`: 200 or 201 for a record that is really new (3)
- `match`: `exact`, or `ignore_case` for match-or-create (5.1)
- `delete`: `archive` or `remove`; `delete_body`: `empty` or `object` (10)
- `creator`: `id`, `objects` or `both` shapes of who created a record (5.3)
- `properties_keys`: `singular`, or `plural` as in the old SDK (5.3)
- `default_order`, `sort_key`, `date_bounds`: what a list does unasked (3.1)
- `bad_key`: 401 as documented, or 403 with the gateway's bare message (7.2)
- `daily_limit`: calls in a rolling 24 h (2)
- `second_limit`: calls in a second; 0 is no limit. The documented number is 100 (2)

Plain choices without a switch: archived records match nothing and cannot be changed; a search sees
the title that a read shows; the type of a custom value is checked for dropdowns only.
"""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, ClassVar

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox import coperniq_queries as queries
from gateway.sandbox import coperniq_seed as seed
from gateway.sandbox.answers import json_response
from gateway.sandbox.coperniq_body import REQUIRED, Invalid, accept, error, new_options, place
from gateway.sandbox.coperniq_directory import API_KEY, CoperniqDirectory
from gateway.sandbox.simulator import Record, Refusal

__all__ = ["API_KEY", "CoperniqSandbox"]

MATCHABLE = ("title", "primaryEmail", "primaryPhone", "address")
STRATEGIES = ("skip", "replace", "enrich")
UNDOCUMENTED = {"phaseId": "phase_on_write", "confidence": "confidence_on_write"}
"""Fields of no schema, and the switch that says whether they are taken (5.1)."""


class CoperniqSandbox(CoperniqDirectory):
    """The vendor's opportunities with what they lean on: accounts, workflows, properties, users."""

    name = "coperniq"
    base_path = "/v1"
    default_options: ClassVar[Mapping[str, Any]] = {
        "patch_requires_three": True,
        "account_on_patch": "refuse",
        "phase_on_write": "take",
        "confidence_on_write": "take",
        "custom_on_patch": "merge",
        "contacts_on_patch": "replace",
        "unknown_fields": "ignore",
        "unknown_custom": "refuse",
        "created_status": 200,
        "match": "exact",
        "delete": "archive",
        "delete_body": "empty",
        "creator": "id",
        "properties_keys": "singular",
        "default_order": "asc",
        "sort_key": "createdAt",
        "date_bounds": "inclusive",
        "bad_key": 401,
        "daily_limit": 5000,
        "second_limit": 0,
    }
    option_choices: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "account_on_patch": ("refuse", "take"),
        "phase_on_write": ("take", "ignore"),
        "confidence_on_write": ("take", "ignore"),
        "custom_on_patch": ("merge", "replace"),
        "contacts_on_patch": ("replace", "add"),
        "unknown_fields": ("refuse", "ignore"),
        "unknown_custom": ("refuse", "ignore"),
        "created_status": (200, 201),
        "match": ("exact", "ignore_case"),
        "delete": ("archive", "remove"),
        "delete_body": ("empty", "object"),
        "creator": ("id", "objects", "both"),
        "properties_keys": ("singular", "plural"),
        "default_order": ("asc", "desc"),
        "sort_key": ("createdAt", "updatedAt"),
        "date_bounds": ("inclusive", "exclusive"),
        "bad_key": (401, 403),
    }

    def seed(self) -> dict[str, Record]:
        """Opportunities; what surrounds them and the meter start anew too."""
        self.start_anew()
        return seed.opportunities()

    def routes(self) -> list[Route]:
        """Opportunities, under their old name `/requests` as well, and the reads (1, 3)."""
        table = []
        for root in ("/opportunities", "/requests"):
            table += [
                ("GET", root, self.list_opportunities),
                ("POST", root, self.create),
                ("GET", f"{root}/search", self.search_opportunities),
                ("GET", f"{root}/{{id}}", self.get),
                ("PATCH", f"{root}/{{id}}", self.update),
                ("DELETE", f"{root}/{{id}}", self.delete),
            ]
        opportunities = [Route(path, does, methods=[method]) for method, path, does in table]
        return [*opportunities, *super().routes()]

    async def list_opportunities(self, request: Request) -> Response:
        """One page of active records, filtered (3.1)."""
        query = request.query_params
        queries.flag(query, "include_virtual_properties")
        rows = queries.listed(self._rows(query), query, bounds=self.options["date_bounds"])
        return json_response([self._shown(row) for row in self._page(rows, query)])

    async def search_opportunities(self, request: Request) -> Response:
        """One page of what one or two conditions find (3.2)."""
        query = request.query_params
        custom = {
            each["keyName"] for each in self.company.properties["opportunity"] if each["isCustom"]
        }
        rows = queries.searched(self._rows(query), query, fields=seed.SEARCHABLE, custom=custom)
        return json_response([self._shown(row) for row in self._page(rows, query)])

    async def get(self, request: Request) -> Response:
        """One record; an archived one only if asked for (1, 10)."""
        archived = queries.flag(request.query_params, "include_archived")
        return json_response(self._shown(self._record(request, archived=archived)))

    async def create(self, request: Request) -> Response:
        """Makes a record, or answers an old one that matches with 200 (5.1, 12.1)."""
        query = request.query_params
        strategy = queries.choice(query, "match_found_strategy", STRATEGIES)
        match_by = queries.choice(query, "match_by", MATCHABLE)
        sent = await self._sent(request, REQUIRED)
        matched = self._match(match_by, sent)
        if matched is not None:
            return self._met(request, matched, sent, strategy)
        record = self._blank()
        self._apply(request, record, sent)
        if record["primaryEmail"] or record["primaryPhone"]:
            self._link_contact(record)
        self.records[str(record["id"])] = record
        self.commit(request, "create", str(record["id"]), sent)
        return json_response(self._shown(record), self.options["created_status"])

    async def update(self, request: Request) -> Response:
        """Changes all the fields sent or none (5.2)."""
        sent = await self._sent(request, REQUIRED if self.options["patch_requires_three"] else ())
        record = self._record(request)
        if "accountId" in sent and self.options["account_on_patch"] == "refuse":
            raise Invalid("accountId", "accountId cannot change: delete and create again")
        self._apply(request, record, self._joined(record, sent))
        self.commit(request, "update", str(record["id"]), sent)
        return json_response(self._shown(record))

    async def delete(self, request: Request) -> Response:
        """Archives or removes; the answer is a 200 of undocumented content (10)."""
        record = self._record(request)
        record |= {"isActive": False, "updatedAt": self._now()}
        answer = self._shown(record)
        if self.options["delete"] == "remove":
            del self.records[str(record["id"])]
        self.commit(request, "delete", str(record["id"]), None)
        return Response() if self.options["delete_body"] == "empty" else json_response(answer)

    def _now(self) -> str:
        return self.clock().astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"

    def _rows(self, query: QueryParams) -> list[queries.Row]:
        """Records as a list or a search sees them: with the title that a read shows (4)."""
        return [
            {
                **record,
                "title": self.company.title(record),
                "primaryName": self.company.primary_name(record),
            }
            for record in self._active(self.records.values(), query)
        ]

    def _record(self, request: Request, *, archived: bool = False) -> Record:
        record = self.records.get(request.path_params["id"])
        if record is None or not (archived or record.get("isActive", True)):
            raise Refusal(self.not_found(request))
        return record

    def _shown(self, record: queries.Row) -> Record:
        return self.company.shown(record, creator=self.options["creator"])

    async def _sent(self, request: Request, required: tuple[str, ...]) -> Record:
        """The body as the vendor understands it, before it meets a record."""
        kind = request.headers.get("content-type", "").split(";")[0].strip()
        if kind != "application/json":
            raise Refusal(error(400, "Invalid request", "PREPROCESSING_ERROR"))
        ignored = [
            name for name, switch in UNDOCUMENTED.items() if self.options[switch] == "ignore"
        ]
        strict = self.options["unknown_fields"] == "refuse"
        return accept(await self.body(request), required=required, ignored=ignored, strict=strict)

    def _joined(self, record: Record, sent: Record) -> Record:
        """What is sent with what stays of the two fields whose merge rule is open (5.1, 8)."""
        joined = dict(sent)
        if "custom" in sent and self.options["custom_on_patch"] == "merge":
            joined["custom"] = {**(record.get("custom") or {}), **sent["custom"]}
        if "contacts" in sent and self.options["contacts_on_patch"] == "add":
            joined["contacts"] = [*dict.fromkeys([*record.get("contacts", []), *sent["contacts"]])]
        return joined

    def _met(self, request: Request, matched: Record, sent: Record, strategy: str) -> Response:
        """Skips, replaces or enriches a record that was there already: a 200 either way (5.1)."""
        wanted = {"skip": {}, "replace": sent, "enrich": _filling(matched, sent)}[strategy]
        if wanted:
            self._apply(request, matched, wanted)
            self.commit(request, "update", str(matched["id"]), wanted)
        return json_response(self._shown(matched))

    def _apply(self, request: Request, record: Record, sent: Record) -> None:
        """Writes everything or, if any of it is refused, nothing (5.2)."""
        changes = {**sent, **self.company.following(record, sent)}
        if "address" in sent and sent["address"] != record.get("address"):
            changes |= place(sent["address"])
        options = new_options(
            sent.get("custom", {}),
            self.company.properties["opportunity"],
            strict=self.options["unknown_custom"] == "refuse",
            allow=queries.flag(request.query_params, "allow_new_options"),
        )
        for definition, option in list(options):
            definition["options"] = [*dict.fromkeys([*definition["options"], option])]
        record |= changes | {"updatedAt": self._now(), "updatedById": seed.ACTING_USER}

    def _match(self, match_by: str, sent: Record) -> Record | None:
        """The oldest active record whose stored field is the one sent; blank matches nothing."""
        fold: Callable[[str], str] = str.casefold if self.options["match"] == "ignore_case" else str
        wanted = _plain(sent.get(match_by))
        found = [
            record
            for record in self.records.values()
            if record.get("isActive", True)
            and wanted.strip()
            and fold(_plain(record.get(match_by))) == fold(wanted)
        ]
        return min(found, key=lambda record: int(record["id"]), default=None)

    def _blank(self) -> Record:
        number, now = self.draw(), self._now()
        return {
            **dict.fromkeys(seed.STORED),
            "id": 1000 + number,
            "number": 2000 + number,
            "isActive": True,
            "status": "ACTIVE",
            "contacts": [],
            "custom": {},
            "createdAt": now,
            "createdById": seed.ACTING_USER,
        }

    def _link_contact(self, record: Record) -> None:
        email, phone = record["primaryEmail"], record["primaryPhone"]
        contact = self.company.contact(email, phone, new_id=5000 + self.draw())
        if contact not in record["contacts"]:
            record["contacts"].append(contact)


def _plain(value: Any) -> str:
    """A field to match by as text; an address is the one string in its list."""
    return str((value[0] if value else "") if isinstance(value, list) else value or "")


def _filling(record: Record, sent: Record) -> Record:
    """The part of what is sent that fills an empty field, custom ones each for itself (5.1)."""
    filling = {
        name: value
        for name, value in sent.items()
        if name != "custom" and record.get(name) in (None, "", [])
    }
    held = record.get("custom") or {}
    missing = {
        key: value
        for key, value in sent.get("custom", {}).items()
        if held.get(key) in (None, "", [])
    }
    return filling | ({"custom": {**held, **missing}} if missing else {})
