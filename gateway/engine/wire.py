"""The wire: where a call becomes a request, and where the send gate sits.

Below it lies a network, one of several. None follows a redirect, keeps a cookie, takes a proxy from
the environment, or sends anything again by itself.
"""

import hashlib
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlencode

from gateway.canonical import json_text
from gateway.engine.exchange import Call, Exchange
from gateway.engine.network import (
    LATE,
    Answer,
    Gate,
    Loss,
    Lost,
    Network,
    Origin,
    Outgoing,
    Oversized,
    origin_of,
)
from gateway.errors import AppliedUnread, GatewayError, VendorReply
from gateway.translator import VendorRequest, VendorResponse

MAX_TEXT: Final = 500
"""Characters kept of an answer that is not JSON."""
USER_AGENT: Final = "opportunity-gateway"

_OURS: Final = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}
_PATH_SAFE: Final = "/%:@!$&'()*+,;=~"
"""What a path may hold as it is (RFC 3986 3.3); what is escaped already stays so."""
_THEIRS: Final = frozenset({Loss.UNREACHED, Loss.CUT, Loss.BROKEN})
"""What is a vendor's failing, whenever it comes; an address that is none, for one, is not."""


def url_of(base_url: str, request: VendorRequest) -> str:
    """The URL of a request at a connection."""
    return f"{base_url.rstrip('/')}/{request.path}{_query(request)}"


def wire(
    network: Network,
    base_url: str,
    *,
    connect_seconds: float,
    clock: Callable[[], float],
    outside_only: bool = False,
) -> Exchange:
    """An exchange that puts one connection's calls on the network; `clock` is the event loop's.

    `outside_only` refuses a host that leads to a private address, when it is connected to.
    """
    try:
        origin, path = origin_of(base_url, outside_only=outside_only)
    except ValueError:
        return _nowhere

    async def exchange(call: Call) -> VendorResponse:
        ends = call.ends
        connect = min(connect_seconds, max(ends - clock(), 0.0))
        try:
            answer = await network.carry(_outgoing(origin, path, call, connect, ends))
        except Lost as lost:
            call.broke = _is_theirs(lost.loss, call, whole=connect >= connect_seconds)
            raise call.lost(lost.loss.value, timeout=lost.loss in LATE) from None
        except Oversized as error:
            raise _unread(call, error) from None
        call.bytes_in, call.digest_in = len(answer.body), _digest(answer.body)
        response = _read(answer)
        if call.request.effect == "write":
            await call.permit.note(call.request, response)
        return response

    return exchange


async def _nowhere(call: Call) -> VendorResponse:
    """Where a base URL is no address."""
    raise call.lost(Loss.MISSPELT.value)


def _outgoing(origin: Origin, path: str, call: Call, connect: float, ends: float) -> Outgoing:
    request = call.request
    headers = {**_OURS, **request.headers, **call.headers}
    content = None
    if call.form is not None:
        content = urlencode(call.form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif request.json is not None:
        content = json_text.write(request.json)
        headers["Content-Type"] = "application/json"
    call.bytes_out, call.digest_out = len(content or b""), _digest(content)
    spelled = "".join((*headers, *headers.values()))
    if not (spelled.isascii() and spelled.isprintable()):
        raise Lost(Loss.MISSPELT)
    return Outgoing(
        origin=origin,
        method=request.method,
        target=quote(f"{path}/{request.path}", safe=_PATH_SAFE) + _query(request),
        headers=headers,
        content=content,
        gate=_gate(call),
        connect=connect,
        ends=ends,
    )


def _digest(body: bytes | None) -> bytes:
    return hashlib.sha256(body).digest() if body else b""


def _query(request: VendorRequest) -> str:
    return f"?{urlencode(request.query, quote_via=quote)}" if request.query else ""


def _gate(call: Call) -> Gate:
    """The send gate, awaited before the first byte leaves (reliability.md 2.4)."""

    async def gate() -> None:
        if call.sent:
            raise call.lost("the client tried to send it a second time")
        if call.request.effect == "write":
            call.asked = True
            await call.permit.leave(call.request)
        call.sent = True

    return gate


def _read(answer: Answer) -> VendorResponse:
    status, headers, body = answer
    try:
        json = json_text.read(body, half_pairs=True) if body.strip() else None
    except json_text.JsonTextError:
        text = body[:MAX_TEXT].decode("utf-8", "replace")
        return VendorResponse(status=status, headers=headers, text=text)
    return VendorResponse(status=status, headers=headers, json=json)


def _unread(call: Call, error: Oversized) -> GatewayError:
    """The error for an answer that is not read: whose write is known to be applied by its status.

    Where the id of the record stands in that answer alone, it is not known enough.
    """
    if call.request.of_record and call.request.effect == "write" and 200 <= error.status < 300:
        reply = VendorReply(status=error.status)
        return AppliedUnread(f"The vendor took the write, and {error}.", reply=reply)
    return call.lost(str(error))


def _is_theirs(loss: Loss, call: Call, *, whole: bool) -> bool:
    """Whether a loss is the vendor's failing, and not that of a full pool or a short deadline.

    `whole` is whether connecting had all the time that it may take.
    """
    late = loss in LATE and loss is not Loss.CROWDED
    return loss in _THEIRS or (late and (call.sent or whole))
