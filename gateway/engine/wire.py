"""The wire: the one place that knows the HTTP client, and where the send gate sits.

It stands on the client's transport alone: no redirects are followed, no cookies kept, no proxies
taken from the environment, and nothing is sent again by itself.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from gateway.canonical import json_text
from gateway.engine.exchange import Call, Exchange
from gateway.errors import AppliedUnread, GatewayError, VendorReply
from gateway.translator import VendorRequest, VendorResponse

Transport = httpx.AsyncBaseTransport
"""What carries requests: one for all connections."""

MAX_ANSWER = 1024 * 1024
"""Bytes of a vendor's answer that are read."""
MAX_TEXT = 500
"""Characters kept of an answer that is not JSON."""
USER_AGENT = "opportunity-gateway"

_GATE_EVENTS = frozenset(
    {"http11.send_request_headers.started", "http2.send_request_headers.started"}
)


def transport(*, connections: int = 512) -> Transport:
    """The transport that all connections share: one TLS context, one pool."""
    return httpx.AsyncHTTPTransport(
        verify=ssl.create_default_context(),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        trust_env=False,
    )


def url_of(base_url: str, request: VendorRequest) -> str:
    """The URL of a request at a connection."""
    query = f"?{urlencode(request.query, quote_via=quote)}" if request.query else ""
    return f"{base_url.rstrip('/')}/{request.path}{query}"


def wire(
    client: Transport,
    base_url: str,
    *,
    connect_seconds: float,
    clock: Callable[[], float],
) -> Exchange:
    """An exchange that puts one connection's calls on the network."""

    async def exchange(call: Call) -> VendorResponse:
        left = max(call.ends - clock(), 0.0)
        connect = min(connect_seconds, left)
        try:
            outgoing = _outgoing(base_url, call, connect_seconds=connect, left=left)
            return await _exchanged(client, outgoing)
        except httpx.TimeoutException as error:
            raise call.lost(_why(error), timeout=True) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise call.lost(_why(error)) from None
        except _Oversized as error:
            raise _unread(call, error) from None

    async def noted(call: Call) -> VendorResponse:
        response = await exchange(call)
        if call.request.effect == "write":
            await call.permit.note(call.request, response)
        return response

    return noted


def _outgoing(base_url: str, call: Call, *, connect_seconds: float, left: float) -> httpx.Request:
    request = call.request
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        **request.headers,
        **call.headers,
    }
    content = None
    if request.json is not None:
        content = json_text.write(request.json)
        headers["Content-Type"] = "application/json"
    timeout = {"connect": connect_seconds, "pool": connect_seconds, "read": left, "write": left}
    return httpx.Request(
        request.method,
        url_of(base_url, request),
        headers=headers,
        content=content,
        extensions={"timeout": timeout, "trace": _gate(call)},
    )


def _gate(call: Call) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """The send gate: awaited by the client before the first byte leaves (reliability.md 2.4)."""

    async def gate(event: str, info: Mapping[str, Any]) -> None:
        del info
        if event not in _GATE_EVENTS:
            return
        if call.sent:
            raise call.lost("the client tried to send it a second time")
        if call.request.effect == "write":
            await call.permit.leave(call.request)
        call.sent = True

    return gate


async def _exchanged(client: Transport, outgoing: httpx.Request) -> VendorResponse:
    response = await client.handle_async_request(outgoing)
    async with contextlib.aclosing(response):
        body = b"".join([chunk async for chunk in _capped(response)])
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        json = json_text.read(body, half_pairs=True) if body.strip() else None
    except json_text.JsonTextError:
        text = body[:MAX_TEXT].decode("utf-8", "replace")
        return VendorResponse(status=response.status_code, headers=headers, text=text)
    return VendorResponse(status=response.status_code, headers=headers, json=json)


async def _capped(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes; compressed ones are refused, as none was asked for."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in {"", "identity"}:
        why = f"the answer came compressed as {encoding[:20]}, which was not asked for"
        raise _Oversized(why, response.status_code)
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > MAX_ANSWER:
            why = f"the answer is larger than {MAX_ANSWER} bytes"
            raise _Oversized(why, response.status_code)
        yield chunk


class _Oversized(Exception):
    """An answer that is more than it may be, and the status that it came with."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


def _unread(call: Call, error: _Oversized) -> GatewayError:
    """The error for an answer that is not read: whose write is known to be applied by its status.

    Where the id of the record stands in that answer alone, it is not known enough.
    """
    if call.request.of_record and call.request.effect == "write" and 200 <= error.status < 300:
        reply = VendorReply(status=error.status)
        return AppliedUnread(f"The vendor took the write, and {error}.", reply=reply)
    return call.lost(str(error))


def _why(error: Exception) -> str:
    """A kind of failure in words; the client's own message may hold a host name."""
    kind = type(error).__name__
    return {
        "ConnectError": "connecting failed",
        "ConnectTimeout": "connecting took too long",
        "PoolTimeout": "no connection became free",
        "ReadTimeout": "no answer came",
        "WriteTimeout": "the request could not be written in time",
        "ReadError": "the connection was cut",
        "WriteError": "the connection was cut",
        "RemoteProtocolError": "the answer broke off or is no HTTP",
    }.get(kind, kind)
