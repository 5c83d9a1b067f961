"""The tokens of the pretend Close: each refresh token is good for one time (close.md 2).

How a refusal looks is undocumented there, so it is as in RFC 6749 5.2. Nor is it said what becomes
of earlier access tokens: here they live to their end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.sandbox.close_seed import OMAR
from gateway.sandbox.simulator import opaque

CLIENT_ID = "oa2client_sandbox0close"
CLIENT_SECRET = "close_sandbox_client_secret"
REFRESH_TOKEN = "close_sandbox_refresh_token"
ORGANIZATION = "orga_sandbox0close"
TOKEN_PATH = "/oauth2/token/"


@dataclass(slots=True)
class Tokens:
    """The refresh token in force, and every access token with its epoch and its end."""

    refresh: str = REFRESH_TOKEN
    access: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def accept(self, access: str, now: datetime, *, epoch: int) -> bool:
        """Whether an access token lets its bearer in."""
        of, ends = self.access.get(access, (epoch, now))
        return of == epoch and now < ends

    def issue(
        self, form: Mapping[str, str], now: datetime, *, seconds: int, epoch: int
    ) -> tuple[dict[str, Any], int]:
        """The answer to a token call and its status; the refresh token that came is revoked."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return {"error": "invalid_client"}, 401
        if form.get("grant_type") != "refresh_token":
            return {"error": "unsupported_grant_type"}, 400
        if form.get("refresh_token") != self.refresh:
            return {"error": "invalid_grant"}, 400
        number = len(self.access) + 1
        access = "close_at_" + opaque(f"access token {number}", 43)
        self.access[access] = (epoch, now + timedelta(seconds=seconds))
        self.refresh = "close_rt_" + opaque(f"refresh token {number}", 43)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": seconds,
            "refresh_token": self.refresh,
            "scope": "all.full_access offline_access",
            "organization_id": ORGANIZATION,
            "user_id": OMAR,
        }, 200
