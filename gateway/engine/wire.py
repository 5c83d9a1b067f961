"""The wire: the one place that knows the HTTP client, and where the send gate sits.

It stands on the client's transport alone: no redirects are followed, no cookies kept, no proxies
taken from the environment, and nothing is sent again by itself.
"""

import contextlib
import hashlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpcore
import httpx

from gateway.canonical import json_text
from gateway.engine.exchange import Call, Exchange
from gateway.engine.sockets import OutsideOnly
from gateway.errors import AppliedUnread, GatewayError, VendorReply
from gateway.translator import VendorRequest, VendorResponse

Transport = httpx.AsyncBaseTransport
"""What carries requests: one for all connections."""

MAX_ANSWER = 1024 * 1024
"""Bytes of a vendor's answer that are read."""
MAX_PIECES = 16 * 1024
"""Pieces that it may come in: the smaller they are, the more work each byte is."""
MAX_HEADERS = 200
"""Lines of its head."""
MAX_TEXT = 500
"""Characters kept of an answer that is not JSON."""
USER_AGENT = "opportunity-gateway"

_OUTSIDE_ONLY = "outside_only"
_GATE_EVENTS = frozenset(
    {"http11.send_request_headers.started", "http2.send_request_headers.started"}
)


def transport(*, connections: int = 512) -> Transport:
    """The transport that all connections share: one TLS context, a pool for either reach."""
    return _Reaching(ssl.create_default_context(), connections)


class _Reaching(httpx.AsyncBaseTransport):
    """Two pools, so that no call goes inside on a line that another was permitted to open."""

    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._anywhere = httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)
        self._outside = _Outside(context, limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._outside if request.extensions.get(_OUTSIDE_ONLY) else self._anywhere
        return await pool.handle_async_request(request)

    async def aclose(self) -> None:
        await self._anywhere.aclose()
        await self._outside.aclose()


class _Outside(httpx.AsyncHTTPTransport):
    """The client's transport over sockets that are judged; it has no argument for them."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=OutsideOnly(httpcore.AnyIOBackend()),
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
    outside_only: bool = False,
) -> Exchange:
    """An exchange that puts one connection's calls on the network.

    `outside_only` refuses a host that leads to a private address, when it is connected to.
    """

    async def exchange(call: Call) -> VendorResponse:
        left = max(call.ends - clock(), 0.0)
        connect = min(connect_seconds, left)
        try:
            outgoing = _outgoing(base_url, call, connect_seconds=connect, left=left)
            outgoing.extensions[_OUTSIDE_ONLY] = outside_only
            return await _exchanged(client, outgoing, call)
        except httpx.TimeoutException as error:
            call.broke = _had_time(error, call, connect >= connect_seconds)
            raise call.lost(_why(error), timeout=True) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            call.broke = isinstance(error, _BREAKS)
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
    if call.form is not None:
        content = urlencode(call.form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif request.json is not None:
        content = json_text.write(request.json)
        headers["Content-Type"] = "application/json"
    call.bytes_out, call.digest_out = len(content or b""), _digest(content)
    timeout = {"connect": connect_seconds, "pool": connect_seconds, "read": left, "write": left}
    return httpx.Request(
        request.method,
        url_of(base_url, request),
        headers=headers,
        content=content,
        extensions={"timeout": timeout, "trace": _gate(call)},
    )


def _digest(body: bytes | None) -> bytes:
    return hashlib.sha256(body).digest() if body else b""


def _gate(call: Call) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """The send gate: awaited by the client before the first byte leaves (reliability.md 2.4)."""

    async def gate(event: str, info: Mapping[str, Any]) -> None:
        del info
        if event not in _GATE_EVENTS:
            return
        if call.sent:
            raise call.lost("the client tried to send it a second time")
        if call.request.effect == "write":
            call.asked = True
            await call.permit.leave(call.request)
        call.sent = True

    return gate


async def _exchanged(client: Transport, outgoing: httpx.Request, call: Call) -> VendorResponse:
    response = await client.handle_async_request(outgoing)
    async with contextlib.aclosing(response):
        body = await _body(response)
        call.bytes_in, call.digest_in = len(body), _digest(body)
        if _came_more(response):
            await response.extensions["network_stream"].aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        json = json_text.read(body, half_pairs=True) if body.strip() else None
    except json_text.JsonTextError:
        text = body[:MAX_TEXT].decode("utf-8", "replace")
        return VendorResponse(status=response.status_code, headers=headers, text=text)
    return VendorResponse(status=response.status_code, headers=headers, json=json)


def _came_more(response: httpx.Response) -> bool:
    """Whether something came behind the answer, which its line would hold for the next one's.

    That next call may be another account's at the same vendor. The client does not look, nor does
    it let us: a test notices should it ever keep its buffer elsewhere.
    """
    buffer: Any = response.stream
    for name in ("_httpcore_stream", "_stream", "_connection", "_h11_state", "trailing_data"):
        buffer = getattr(buffer, name, None)
    return buffer is not None and buffer[0] != b""


async def _body(response: httpx.Response) -> bytes:
    """The body, as far as it keeps its bounds; what is compressed was not asked for."""
    status = response.status_code
    if len(response.headers.raw) > MAX_HEADERS:
        raise _Oversized(f"the answer has more than {MAX_HEADERS} headers", status)
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in {"", "identity"}:
        why = f"the answer came compressed as {encoding[:20]}, which was not asked for"
        raise _Oversized(why, status)
    body, pieces = bytearray(), 0
    async for piece in response.aiter_raw():
        body += piece
        pieces += 1
        if len(body) > MAX_ANSWER:
            raise _Oversized(f"the answer is larger than {MAX_ANSWER} bytes", status)
        if pieces > MAX_PIECES:
            raise _Oversized(f"the answer comes in more than {MAX_PIECES} pieces", status)
    return bytes(body)


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


_BREAKS = (httpx.NetworkError, httpx.RemoteProtocolError)
"""What is a vendor's failing; an address that is none, for one, is not."""


def _had_time(error: httpx.TimeoutException, call: Call, whole: bool) -> bool:
    """Whether a timeout is the vendor's failing, and not that of a full pool or a short deadline.

    `whole` is whether connecting had all the time that it may take.
    """
    return not isinstance(error, httpx.PoolTimeout) and (call.sent or whole)


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
