"""The token call: a refresh token spent at the vendor's endpoint for what follows it (RFC 6749 6).

It goes over the wire like every other call. Of an answer that is no token only its status and the
error codes of the standard are ever repeated.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeGuard
from urllib.parse import urljoin, urlsplit

from gateway.engine.credentials import Client
from gateway.engine.exchange import Call, Exchange, Permit
from gateway.engine.retry import retry_after
from gateway.errors import (
    GatewayError,
    NotSent,
    StoreUnavailable,
    Throttled,
    VendorReply,
    VendorUnauthorized,
)
from gateway.translator import VendorResponse, write

UNTOLD_SECONDS: Final = 3600
"""How long a token is taken to be good of which that is not told."""
LONGEST_SECONDS: Final = 365 * 86_400
REFUSED_SECONDS: Final = 60.0
"""For how long a refresh token is not tried again that was refused."""
THROTTLED_SECONDS: Final = 5
"""The same where the vendor has too many calls and does not say until when."""
CODES: Final = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant"),
        *("unauthorized_client", "unsupported_grant_type", "invalid_scope"),
    }
)
"""What an endpoint may say of a refusal (RFC 6749 5.2)."""

_TOKEN = re.compile(r"[!-~]{1,8192}")


@dataclass(frozen=True, slots=True)
class Issued:
    """What a refresh token was spent for."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrenewed:
    """Why there is no token; each caller who waited for it gets an error of its own."""

    error: Callable[[], GatewayError]
    held_seconds: float = 0.0
    """For how long the same refresh token is not to be tried again."""
    broke: bool = False
    """Whether that is the vendor's failing, as in `Call`."""


Spend = Callable[[str, Permit], Awaitable[Issued | Unrenewed]]
"""Spends a refresh token, with the leave of a permit right before the first byte."""


def spending(
    exchange: Callable[[str], Exchange],
    endpoint: str,
    client: Client,
    *,
    seconds: float,
    clock: Callable[[], float],
) -> Spend:
    """The token call of one client; `exchange` gives the way to a host's base URL.

    It is a write: what was sent is waited for to its end, since its answer cannot be had again.
    """
    parts = urlsplit(endpoint)
    talk = exchange(f"{parts.scheme}://{parts.netloc}")
    request = write("token", "POST", parts.path.lstrip("/"))

    async def spend(refresh: str, permit: Permit) -> Issued | Unrenewed:
        form = {
            "client_id": client.id,
            "client_secret": client.secret,
            "grant_type": "refresh_token",
            "refresh_token": refresh,
        }
        until = clock() + seconds
        call = Call(request=request, until=until, patience=until, permit=permit, form=form)
        try:
            reply = await talk(call)
        except StoreUnavailable as error:
            return Unrenewed(error=partial(StoreUnavailable, error.message))
        except GatewayError:
            return _unanswered(broke=call.broke)
        return issued(reply, refresh) or unrenewed(reply)

    return spend


def endpoint_of(base_url: str, path: str) -> str:
    """The address of a token endpoint, from its path relative to a connection's base URL."""
    return urljoin(f"{base_url.rstrip('/')}/", path)


def issued(reply: VendorResponse, spent: str) -> Issued | None:
    """The tokens of an answer, None where it has none (RFC 6749 5.1).

    One that has no refresh token leaves the old one in force.
    """
    told = reply.json if reply.status == 200 and isinstance(reply.json, Mapping) else {}
    access, refresh = told.get("access_token"), told.get("refresh_token", spent)
    kind = told.get("token_type", "")
    if not (_is_token(access) and _is_token(refresh) and isinstance(kind, str)):
        return None
    if kind.lower() != "bearer":
        return None
    return Issued(access, refresh, _seconds(told.get("expires_in")))


def unrenewed(reply: VendorResponse) -> Unrenewed:
    """What an answer without tokens means."""
    if reply.status == 429:
        seconds = retry_after(reply)
        pause = THROTTLED_SECONDS if seconds is None else max(round(seconds), 1)
        why = "The vendor's rate limit is reached, so no access token was renewed."
        return Unrenewed(error=partial(Throttled, why, retry_after=pause), held_seconds=pause)
    if reply.status in {408, 425} or not 400 <= reply.status < 500:
        return _unanswered(broke=reply.status >= 500)
    told = reply.json if isinstance(reply.json, Mapping) else {}
    code = told.get("error")
    known = code if isinstance(code, str) and code in CODES else None
    said = VendorReply(status=reply.status, code=known)
    return Unrenewed(error=partial(_refused, said), held_seconds=REFUSED_SECONDS)


def _refused(said: VendorReply) -> GatewayError:
    return VendorUnauthorized(
        "The vendor does not renew the connection's access token: its refresh token is spent or "
        "revoked, or its client is not known.",
        reply=said,
    )


def _unanswered(*, broke: bool) -> Unrenewed:
    why = "The vendor could not be asked: its token endpoint did not renew the access token."
    return Unrenewed(error=partial(NotSent, why), broke=broke)


def _is_token(found: Any) -> TypeGuard[str]:
    """Whether it can stand in a header, and be kept."""
    return isinstance(found, str) and _TOKEN.fullmatch(found) is not None


def _seconds(found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, int) or found <= 0:
        return float(UNTOLD_SECONDS)
    return float(min(found, LONGEST_SECONDS))
