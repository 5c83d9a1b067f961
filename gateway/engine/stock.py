"""The stock client as a network: httpx's transport, without the client that stands on it.

No redirects are followed, no cookies kept, no proxies taken from the environment, and nothing is
sent again by itself.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpcore
import httpx

from gateway.engine.network import (
    MAX_ANSWER,
    MAX_PIECES,
    Answer,
    Gate,
    Loss,
    Lost,
    Network,
    Outgoing,
    check_head,
    in_pieces,
    too_large,
)
from gateway.engine.sockets import OutsideOnly

Transport = httpx.AsyncBaseTransport

_OUTSIDE_ONLY = "outside_only"
_HEADS = ("http11.send_request_headers", "http2.send_request_headers")
_BEFORE = frozenset(f"{name}.started" for name in _HEADS)
_BEHIND = frozenset(f"{name}.complete" for name in _HEADS)


def stock_transport(
    context: ssl.SSLContext,
    *,
    connections: int,
    http2: bool = False,
    proxy: tuple[str, tuple[str, str] | None] | None = None,
) -> "Pooled":
    """The transport that connections share: one TLS context, a pool for either reach.

    `http2` offers that beside HTTP/1.1. A `proxy`, with a name and a password or without, looks
    hosts up by itself, so no address can be judged: there is one pool for all.
    """
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    if proxy:
        through = httpx.Proxy(proxy[0], auth=proxy[1])
        return httpx.AsyncHTTPTransport(
            verify=context, limits=limits, http2=http2, proxy=through, trust_env=False
        )
    return _Reaching(context, limits, http2=http2)


class Stock(Network):
    """The network behind a transport of httpx, or of a test."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def carry(self, outgoing: Outgoing) -> Answer:
        left = max(outgoing.ends - asyncio.get_running_loop().time(), 0.0)
        return await carried(self._transport, outgoing, seconds=left)

    async def aclose(self) -> None:
        await self._transport.aclose()


async def carried(
    transport: Transport,
    outgoing: Outgoing,
    *,
    seconds: float | None,
    gone: Callable[[], None] = lambda: None,
) -> Answer:
    """Its answer, each read and write within so many seconds; `gone` is called behind its head."""
    request = _request(outgoing, seconds, gone)
    try:
        response = await transport.handle_async_request(request)
        async with contextlib.aclosing(response):
            body = await _body(response)
            if _came_more(response):
                await response.extensions["network_stream"].aclose()
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Lost(_loss(error)) from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body)


async def let_go_of_done(transport: "Pooled") -> None:
    """Closes lines of HTTP/2 that nobody uses, and on which something came unasked.

    It is mostly the vendor's word that it is done with the line, which the client would read behind
    the next request alone: too late to know whether that is still served. What its streams stand on
    it keeps to itself; a test notices should that move.
    """
    pools = transport.pools if isinstance(transport, _Reaching) else [transport]
    for connection in [each for pool in pools for each in pool._pool.connections]:  # noqa: SLF001
        stream = getattr(getattr(connection, "_connection", None), "_network_stream", None)
        if stream and connection.is_idle() and stream.get_extra_info("is_readable"):
            await connection.aclose()


class _Reaching(httpx.AsyncBaseTransport):
    """Two pools, so that no call goes inside on a line that another was permitted to open."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits, *, http2: bool) -> None:
        self._anywhere = httpx.AsyncHTTPTransport(
            verify=context, limits=limits, http2=http2, trust_env=False
        )
        self._outside = _Outside(context, limits, http2=http2)
        self.pools = [self._anywhere, self._outside]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._outside if request.extensions.get(_OUTSIDE_ONLY) else self._anywhere
        return await pool.handle_async_request(request)

    async def aclose(self) -> None:
        await self._anywhere.aclose()
        await self._outside.aclose()


Pooled = _Reaching | httpx.AsyncHTTPTransport


class _Outside(httpx.AsyncHTTPTransport):
    """The client's transport over sockets that are judged; it has no argument for them."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits, *, http2: bool) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http2=http2,
            network_backend=OutsideOnly(httpcore.AnyIOBackend()),
        )


def _request(outgoing: Outgoing, seconds: float | None, gone: Callable[[], None]) -> httpx.Request:
    """The request as the client wants it, which may not spell the target anew.

    Where it would, it is told the target apart from the URL; a proxy that is first asked for a way
    through is then asked for that target too, and refuses.
    """
    origin, connect = outgoing.origin, outgoing.connect
    try:
        target = outgoing.target.encode("ascii")
        url = httpx.URL(f"{origin.scheme}://{origin.authority}{outgoing.target}")
        return httpx.Request(
            outgoing.method,
            url,
            headers=outgoing.headers,
            content=outgoing.content,
            extensions={
                "timeout": {"connect": connect, "pool": connect, "read": seconds, "write": seconds},
                "trace": _traced(outgoing.gate, gone),
                _OUTSIDE_ONLY: origin.outside_only,
                **({} if url.raw_path == target else {"target": target}),
            },
        )
    except UnicodeEncodeError as error:
        raise Lost(Loss.MISSPELT) from error


def _traced(
    gate: Gate, gone: Callable[[], None]
) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """The gate, where the client awaits a hook before it writes a request's head.

    A proxy is first sent a request for a way through, with nothing of ours in it (RFC 9110 9.3.6).
    """
    passed = False

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        nonlocal passed
        if event in _BEFORE and getattr(info.get("request"), "method", b"") != b"CONNECT":
            await gate()
            passed = True
        elif passed and event in _BEHIND:
            gone()

    return trace


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
    """The body, as far as it keeps its bounds."""
    status = response.status_code
    encoding = response.headers.get("content-encoding", "")
    check_head(status, len(response.headers.raw), encoding)
    body, pieces = bytearray(), 0
    async for piece in response.aiter_raw():
        body += piece
        pieces += 1
        if len(body) > MAX_ANSWER:
            raise too_large(status)
        if pieces > MAX_PIECES:
            raise in_pieces(status)
    return bytes(body)


_LOSSES: Mapping[type, Loss] = {
    httpx.ConnectError: Loss.UNREACHED,
    httpx.ProxyError: Loss.UNREACHED,
    httpx.ConnectTimeout: Loss.UNREACHED_IN_TIME,
    httpx.PoolTimeout: Loss.CROWDED,
    httpx.WriteTimeout: Loss.UNWRITTEN,
    httpx.ReadTimeout: Loss.UNANSWERED,
    httpx.NetworkError: Loss.CUT,
    httpx.RemoteProtocolError: Loss.BROKEN,
}
"""What the client's errors say, the nearest first."""


def _loss(error: Exception) -> Loss:
    """What an error says; each that is not in the table is about a request that cannot be made."""
    kinds = (_LOSSES.get(kind) for kind in type(error).__mro__)
    return next(filter(None, kinds), Loss.MISSPELT)
