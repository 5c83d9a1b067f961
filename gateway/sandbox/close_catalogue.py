"""What the pretend Close has beside opportunities, to be read only (close.md 4, 7, 8)."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox import close_list
from gateway.sandbox.answers import json_response
from gateway.sandbox.close_frame import CloseFrame
from gateway.sandbox.close_money import SYMBOLS
from gateway.sandbox.close_seed import (
    FIELDS,
    ORGANIZATION,
    OWN_FIELDS,
    PIPELINES,
    STATUSES,
    USERS,
)
from gateway.sandbox.simulator import Record

USER_ORDERS = ("last_name,first_name", "first_name,last_name")

PERMISSIONS = (
    "delete_own_opportunities",
    "manage_customizations",
    "manage_others_opportunities",
    "view_all_opportunities",
)


class CloseCatalogue(CloseFrame):
    """Pipelines, statuses, custom fields, users and the organization."""

    def catalogue_routes(self) -> list[Route]:
        """The routes of this file, relative to the base path."""
        table = (
            ("/custom_field_schema/opportunity/", self.schema),
            ("/custom_field/opportunity/", self.list_custom_fields),
            ("/pipeline/", self.list_pipelines),
            ("/pipeline/{id}/", self.get_pipeline),
            ("/status/opportunity/", self.list_statuses),
            ("/status/opportunity/{id}/", self.get_status),
            ("/user/", self.list_users),
            ("/user/{id}/", self.get_user),
            ("/me/", self.me),
            ("/organization/{id}/", self.get_organization),
        )
        return [Route(path, handler, methods=["GET"]) for path, handler in table]

    async def schema(self, request: Request) -> Response:
        """Every custom field of opportunities, the shared ones too; no envelope (close.md 4)."""
        return json_response(
            {
                "fields": list(FIELDS.values()),
                "name": "Opportunity",
                "object_type": "opportunity",
                "organization_id": ORGANIZATION,
            }
        )

    async def list_custom_fields(self, request: Request) -> Response:
        """The opportunities' own fields, the shared ones left out (close.md 4)."""
        return _whole(OWN_FIELDS, request)

    async def list_pipelines(self, request: Request) -> Response:
        """All of them, statuses in order; `has_more` is there live (close.md 7)."""
        return _whole(PIPELINES.values(), request)

    async def get_pipeline(self, request: Request) -> Response:
        """One pipeline (close.md 7)."""
        return json_response(self._existing(request, PIPELINES, "Pipeline"))

    async def list_statuses(self, request: Request) -> Response:
        """The statuses of all pipelines (close.md 7)."""
        return _whole(STATUSES.values(), request)

    async def get_status(self, request: Request) -> Response:
        """One status (close.md 7)."""
        return json_response(self._existing(request, STATUSES, "OpportunityStatus"))

    async def list_users(self, request: Request) -> Response:
        """The members of the organization, paged (close.md 8)."""
        params = request.query_params
        try:
            limit = close_list.count(params, "_limit", 100, self.options["max_limit"])
            skip = close_list.count(params, "_skip", 0, self.options["max_skip"])
        except close_list.ParameterError as error:
            raise self.parameter_error(error) from None
        order = params.get("_order_by", USER_ORDERS[0])
        if order not in USER_ORDERS:
            raise self.wrong_fields({"_order_by": f"Input should be {' or '.join(USER_ORDERS)}"})
        names = order.split(",")
        users = sorted(USERS.values(), key=lambda user: [user[name] for name in names])
        page = [selected(user, params) for user in users[skip : skip + limit]]
        return json_response({"data": page, "has_more": skip + limit < len(users)})

    async def get_user(self, request: Request) -> Response:
        """One user (close.md 8)."""
        return json_response(self._existing(request, USERS, "User"))

    async def me(self, request: Request) -> Response:
        """The caller, its permissions and its organization (close.md 2, 5, 8)."""
        caller = self.caller(request) or ""
        membership = {
            "organization_id": ORGANIZATION,
            "user_id": caller,
            "permissions_granted": list(PERMISSIONS),
        }
        return json_response(
            {
                **USERS[caller],
                "memberships": [membership],
                "organizations": [self._organization()],
            }
        )

    async def get_organization(self, request: Request) -> Response:
        """The organization, the one place that says the currency (close.md 5)."""
        known = {ORGANIZATION: self._organization()}
        return json_response(self._existing(request, known, "Organization"))

    def _organization(self) -> Record:
        currency = self.options["currency"]
        return {
            "id": ORGANIZATION,
            "name": "Northbeam Robotics",
            "currency": currency,
            "currency_symbol": SYMBOLS.get(currency, currency).strip(),
            "pipelines": list(PIPELINES.values()),
            # Deprecated since 2019 and still there (close.md 7).
            "opportunity_statuses": [
                {name: status[name] for name in ("id", "label", "type")}
                for status in STATUSES.values()
            ],
        }

    def _existing(self, request: Request, rows: Mapping[str, Record], kind: str) -> Record:
        row = rows.get(request.path_params["id"])
        if row is None:
            raise self.missing(kind)
        return row


def selected(row: Record, params: Mapping[str, str]) -> Record:
    """The members that `_fields` names, all without it (close.md 1)."""
    if "_fields" not in params:
        return row
    wanted = params["_fields"].split(",")
    return {name: value for name, value in row.items() if name in wanted}


def _whole(rows: Iterable[Record], request: Request) -> Response:
    data: list[Any] = [selected(row, request.query_params) for row in rows]
    return json_response({"data": data, "has_more": False})
