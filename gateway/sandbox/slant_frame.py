"""What surrounds every call to the pretend Slant: tokens, refusals, pages, idempotency keys."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.answers import json_response
from gateway.sandbox.simulator import PATH, Record, Refusal, Simulator

READ_WRITE_TOKEN = "slnt_pat_sandbox_read_write"
READ_ONLY_TOKEN = "slnt_pat_sandbox_read_only"

SCOPES = {READ_WRITE_TOKEN: "read_write", READ_ONLY_TOKEN: "read"}
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEY_LIFETIME = timedelta(hours=1)
PAGE_SIZE, LARGEST_PAGE = 25, 100

Act = Callable[[Request, Record], Response]


@dataclass(frozen=True, slots=True)
class Kept:
    """What an idempotency key gives again until it expires (slant.md 8)."""

    body: Record
    answer: Response
    until: datetime


class SlantFrame(Simulator):
    """Everything of Slant's that is the same for each of its endpoints."""

    name = "slant"
    base_path = "/v1"
    default_options: ClassVar[dict[str, Any]] = {
        "error_shape": "object",
        "validation_status": 422,
        "list": True,
        "custom_fields": "merge",
        "nulls": "refuse",
        "unknown_keys": "refuse",
        "key_mismatch": "replay",
        "key_keeps_refusals": False,
        "key_keeps_failures": False,
        "stage_sets_probability": False,
        "rendering": "current",
        "hourly_limit": 0,
    }
    option_choices: ClassVar[dict[str, tuple[Any, ...]]] = {
        "error_shape": ("object", "string", "empty"),
        "validation_status": (422, 400),
        "custom_fields": ("merge", "replace"),
        "nulls": ("refuse", "clear", "ignore"),
        "unknown_keys": ("refuse", "ignore"),
        "key_mismatch": ("replay", "conflict", "run"),
        "rendering": ("current", "older"),
    }

    def reset(self) -> None:
        """Forgets the idempotency keys and the calls counted as well."""
        self._kept: dict[tuple[str, str], Kept] = {}
        self._calls: dict[tuple[str, str], int] = {}
        super().reset()

    def authenticate(self, request: Request) -> Response | None:
        """The scheme must be exactly `Bearer`; a read-only token may not write (slant.md 2)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return self.refusal(401, "token_missing", "No bearer token was sent.").response
        if token not in SCOPES:
            return self.refusal(401, "token_invalid", "The token is not known.").response
        if request.method in WRITES and SCOPES[token] == "read":
            return self.refusal(403, "token_read_only", "The token may only read.").response
        return self._throttled(token)

    def _throttled(self, token: str) -> Response | None:
        limit = self.options["hourly_limit"]
        hour = (token, f"{self.clock():%Y%m%d%H}")
        self._calls[hour] = self._calls.get(hour, 0) + 1
        if limit and self._calls[hour] > limit:
            return self.refusal(429, "rate_limited", "The hour's calls are used up.").response
        return None

    def refusal(
        self, status: int, code: str, message: str, details: Record | None = None
    ) -> Refusal:
        """Slant's no, in the shape that the switch says."""
        shape = self.options["error_shape"]
        if shape == "empty":
            return Refusal(Response(status_code=status))
        whole = {"code": code, "message": message} | ({"details": details} if details else {})
        return Refusal(json_response({"error": whole if shape == "object" else code}, status))

    def not_found(self, request: Request) -> Response:
        """404, shape undocumented (slant.md 11)."""
        return self.refusal(404, "not_found", "There is nothing here.").response

    def method_not_allowed(self, request: Request) -> Response:
        """405 for what no page shows, deleting an opportunity above all (slant.md 3)."""
        return self.refusal(405, "method_not_allowed", "The method is not allowed.").response

    def invalid_json(self, request: Request) -> Response:
        """400 `invalid_json` (slant.md 1)."""
        return self.refusal(400, "invalid_json", "The body is not valid JSON.").response

    def invalid(self, problems: dict[str, str]) -> Refusal:
        """The no to a body or query that breaks rules, each named (undocumented, slant.md 11)."""
        listed = "; ".join(f"{name} {problem}" for name, problem in problems.items())
        status = self.options["validation_status"]
        return self.refusal(status, "validation_failed", listed, problems)

    async def body(self, request: Request) -> Record:
        """Without `Content-Type: application/json` the body is ignored (slant.md 1)."""
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != "application/json" or not await request.body():
            return {}
        body = await super().body(request)
        if not isinstance(body, dict):
            raise Refusal(self.invalid_json(request))
        return body

    def once(self, request: Request, body: Record, act: Act) -> Response:
        """Lets a write happen, unless its idempotency key has an answer already (slant.md 8).

        A key belongs to a path and lives one hour.
        """
        key = request.headers.get("idempotency-key")
        if key is None:
            return act(request, body)
        slot = (request.scope[PATH], key)
        kept = self._kept.get(slot)
        if kept is not None and self.clock() < kept.until and self._stands(kept, body):
            self.deduplicated(request)
            return kept.answer
        answer = self._outcome(request, body, act)
        self._kept[slot] = Kept(body, answer, self.clock() + KEY_LIFETIME)
        return answer

    def _stands(self, kept: Kept, body: Record) -> bool:
        """Whether the kept answer is given again; raises for a body that conflicts."""
        mismatch = self.options["key_mismatch"]
        if kept.body != body and mismatch == "conflict":
            raise self.refusal(409, "idempotency_conflict", "The key was used with another body.")
        return kept.body == body or mismatch == "replay"

    def _outcome(self, request: Request, body: Record, act: Act) -> Response:
        """What a write answers; a refusal becomes an answer only if keys keep refusals."""
        try:
            return act(request, body)
        except Refusal as refusal:
            if not self.options["key_keeps_refusals"]:
                raise
            return refusal.response

    def misreported(self, request: Request, status: int) -> None:
        """A 5xx is never cached (slant.md 8): the key is forgotten although the effect stays."""
        key = request.headers.get("idempotency-key")
        if key is not None and status >= 500 and not self.options["key_keeps_failures"]:
            self._kept.pop((request.scope[PATH], key), None)

    def page(self, request: Request, rows: list[Record]) -> Response:
        """One page in its envelope; more than 100 rows a page are clamped (slant.md 9)."""
        number = self._count(request, "page", 1)
        size = min(self._count(request, "per_page", PAGE_SIZE), LARGEST_PAGE)
        pagination = {
            "current_page": number,
            "total_pages": ceil(len(rows) / size),
            "total_count": len(rows),
            "per_page": size,
        }
        data = rows[(number - 1) * size : number * size]
        return json_response({"data": data, "pagination": pagination})

    def _count(self, request: Request, name: str, default: int) -> int:
        text = request.query_params.get(name, str(default))
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise self.invalid({name: "must be a positive integer"})
        return int(text)
