"""What surrounds every call to the pretend Close: keys, refusals, slashes, rate limits."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.sandbox.answers import json_response
from gateway.sandbox.close_list import ParameterError
from gateway.sandbox.close_seed import JUNE, OMAR
from gateway.sandbox.close_tokens import TOKEN_PATH, Tokens
from gateway.sandbox.simulator import PATH, Record, Refusal, Simulator

API_KEY = "api_sandbox0close0demo0key"
OAUTH_TOKEN = "close_sandbox_oauth_token"

WINDOW = 8
"""Seconds of a rate window, as observed live (close.md 10)."""

_ID = re.compile(r"/[a-z]+_[0-9A-Za-z]+/")
_RATE_HEADERS = {
    "semicolon": "limit={limit}; remaining={remaining}; reset={reset}",
    "comma": "limit={limit}, remaining={remaining}, reset={reset}",
}


class CloseFrame(Simulator):
    """Everything of Close's that is the same for each of its endpoints."""

    name = "close"
    base_path = "/api/v1"
    confidential = frozenset({TOKEN_PATH})
    default_options: ClassVar[dict[str, Any]] = {
        "currency": "USD",
        "rate_header": "semicolon",
        "rate_limit": 240,
        "rate_enforced": False,
        "missing_slash": "redirect",
        "missing_lead": "create",
        "unknown_keys": "refuse",
        "user_null": "clear",
        "max_limit": 200,
        "max_skip": 35000,
        "list_lag_seconds": 0,
        "delete_lag_seconds": 0,
        "token_seconds": 3600,
        "token_epoch": 0,
        "note_through_markdown": False,
        "extended": False,
    }
    option_choices: ClassVar[dict[str, tuple[Any, ...]]] = {
        "rate_header": ("semicolon", "comma", "none"),
        "missing_slash": ("redirect", "not_found"),
        "missing_lead": ("create", "refuse"),
        "unknown_keys": ("refuse", "ignore"),
        "user_null": ("clear", "keep", "refuse"),
    }

    def reset(self) -> None:
        """Forgets the calls counted and the tokens issued as well."""
        self.tokens = Tokens()
        self._calls: dict[tuple[str, int], int] = {}
        super().reset()

    def outer_routes(self) -> list[Route]:
        """The token endpoint, which lies outside the API and authenticates by itself."""
        return [Route(TOKEN_PATH, self.issue, methods=["POST"])]

    async def issue(self, request: Request) -> Response:
        """A new pair of tokens for a refresh token, which is spent by that (close.md 2)."""
        declared = request.headers.get("content-type", "")
        form = dict(parse_qsl((await request.body()).decode()))
        if declared != "application/x-www-form-urlencoded":
            return json_response({"error": "invalid_request"}, 400)
        options = self.options
        answer, status = self.tokens.issue(
            form, self.clock(), seconds=options["token_seconds"], epoch=options["token_epoch"]
        )
        return json_response(answer, status, {"cache-control": "no-store"})

    def authenticate(self, request: Request) -> Response | None:
        """A key with an empty password, or a bearer token (close.md 2); then the rate limit."""
        if request.scope[PATH] == TOKEN_PATH:
            return None
        if self.caller(request) is None:
            return json_response({"error": "Unauthorized"}, 401)
        slot = self._slot(request)
        self._calls[slot] = self._calls.get(slot, 0) + 1
        if self.options["rate_enforced"] and self._calls[slot] > self.options["rate_limit"]:
            retry = {"retry-after": str(self._seconds_left())}
            return json_response({"error": "Rate limit exceeded."}, 429, retry)
        return None

    def caller(self, request: Request) -> str | None:
        """The user whose key or token came, or None."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            issued = self.tokens.accept(
                credentials, self.clock(), epoch=self.options["token_epoch"]
            )
            return OMAR if issued or credentials == OAUTH_TOKEN else None
        if scheme.lower() != "basic":
            return None
        try:
            pair = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return JUNE if pair == f"{API_KEY}:" else None

    def standing_headers(self, request: Request) -> Mapping[str, str]:
        """The rate headers of each endpoint group, in the live or the documented form."""
        form = _RATE_HEADERS.get(self.options["rate_header"])
        if form is None:
            return {}
        limit = self.options["rate_limit"]
        remaining = max(0, limit - self._calls.get(self._slot(request), 0))
        reset = self._seconds_left()
        return {
            "ratelimit": form.format(limit=limit, remaining=remaining, reset=reset),
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": str(remaining),
            "ratelimit-reset": str(reset),
        }

    def _slot(self, request: Request) -> tuple[str, int]:
        group = f"{request.method} {_ID.sub('/{id}/', request.scope[PATH])}"
        return group, int(self.clock().timestamp()) // WINDOW

    def _seconds_left(self) -> int:
        return WINDOW - int(self.clock().timestamp()) % WINDOW

    def not_found(self, request: Request) -> Response:
        """A path without its last slash redirects or fails (close.md 1), others are 404."""
        path = request.url.path
        if not path.endswith("/") and self.options["missing_slash"] == "redirect":
            return RedirectResponse(request.url.replace(path=f"{path}/"), 301)
        return json_response({"error": "The requested URL was not found on the server."}, 404)

    def method_not_allowed(self, request: Request) -> Response:
        """405, as for every PATCH; its body is undocumented (close.md 11)."""
        return json_response({"error": "The method is not allowed for the requested URL."}, 405)

    def invalid_json(self, request: Request) -> Response:
        """400 with `error` (close.md 11)."""
        return json_response({"error": "The request contains invalid JSON."}, 400)

    def wrong_fields(self, errors: Mapping[str, str]) -> Refusal:
        """400 with `field-errors`, the hyphen included (close.md 11)."""
        return Refusal(json_response({"errors": [], "field-errors": dict(errors)}, 400))

    def wrong(self, sentence: str, status: int = 400) -> Refusal:
        """A refusal that only lists `errors` (close.md 11)."""
        return Refusal(json_response({"errors": [sentence]}, status))

    def missing(self, kind: str) -> Refusal:
        """404 for an object that is not there (close.md 11)."""
        sentence = f"Empty query: {kind} matching query does not exist."
        return Refusal(json_response({"error": sentence}, 404))

    async def body(self, request: Request) -> Record:
        """A JSON object; another content type is 415 (close.md 1)."""
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != "application/json":
            raise Refusal(json_response({"error": "Unsupported media type."}, 415))
        body = await super().body(request)
        if not isinstance(body, dict):
            raise Refusal(self.invalid_json(request))
        return body

    def zone(self, request: Request) -> timezone:
        """The caller's zone, sent as hours with decimals; UTC without one (close.md 6)."""
        text = request.headers.get("x-tz-offset", "0")
        try:
            return timezone(timedelta(minutes=int(Decimal(text) * 60)))
        except (InvalidOperation, OverflowError, ValueError):
            raise self.wrong_fields({"x-tz-offset": "Input should be a valid number"}) from None

    def parameter_error(self, error: ParameterError) -> Refusal:
        """400 that names the parameter (close.md 11)."""
        return self.wrong_fields({error.name: str(error)})
