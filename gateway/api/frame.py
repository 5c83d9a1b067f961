"""The frame around every request: ids, headers, HEAD, unknown routes, and faults as problems.

Pure ASGI: the framework's middleware base class breaks streaming and costs more than the rest.
"""

from collections.abc import Callable, Mapping
from time import perf_counter, time_ns
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import errors
from gateway.api import bodies, headers, problems
from gateway.errors import (
    GatewayError,
    HeadersTooLarge,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    RouteNotFound,
)
from gateway.shared import trail
from gateway.telemetry.hooks import Served

WRITES = frozenset({"POST", "PATCH", "DELETE"})
METRICS = "/metrics"
"""The one path of the port that is for metrics alone."""
NO_PATH = "There is no such path."


_IDEMPOTENCY: Mapping[type[GatewayError], str] = {
    errors.KeyReused: "mismatch",
    errors.InProgress: "in-progress",
}
"""What `Idempotency-Status` says where the outcome does not say it (reliability.md 1.2)."""


class Frame:
    """Gives every request its ids and every answer its headers; the outermost layer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        began: Callable[[], None],
        served: Callable[[Served], None],
        draining: Callable[[], bool],
        metrics_port: int | None,
    ) -> None:
        self._app = app
        self._began = began
        self._served = served
        self._draining = draining
        self._metrics_port = metrics_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and self._draining():
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        self._began()
        app = self._app if self._is_at_its_port(scope) else _nowhere
        await _Served(app, self._served, scope, receive, answer).run()

    def _is_at_its_port(self, scope: Scope) -> bool:
        """Whether metrics, or anything else, is asked for where it is served."""
        if self._metrics_port is None:
            return True
        address: tuple[str, int | None] | None = scope.get("server")
        path: str = scope["path"]
        return (address is not None and address[1] == self._metrics_port) == (path == METRICS)


async def _nowhere(*_: object) -> None:
    """The application of all paths that a port does not serve."""
    raise RouteNotFound(NO_PATH)


class _Served:
    def __init__(
        self,
        app: ASGIApp,
        served: Callable[[Served], None],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._app, self._served = app, served
        self._receive, self._send = receive, send
        self._is_head = scope["method"] == "HEAD"
        self._method = scope["method"]
        self._state: dict[str, Any] = scope.setdefault("state", {})
        self._scope = {**scope, "method": "GET"} if self._is_head else scope
        self._request = Request(self._scope)
        instance_id = headers.new_request_id()
        self._state["request_id"] = headers.request_id(self._request.headers, instance_id)
        self._state["instance"] = f"/v1/requests/{instance_id}"
        self._status = 0
        self._bytes_in = self._bytes_out = 0
        self._trail = trail.Trail()
        self._fault: BaseException | None = None
        self._began_ns = 0

    async def run(self) -> None:
        self._began_ns, start = time_ns(), perf_counter()
        try:
            headers.check_size(self._scope["headers"])
            with trail.opened() as self._trail:
                await self._app(self._scope, self._read, self._answer)
        except (HeadersTooLarge, RouteNotFound) as error:
            await self._refuse(error)
        except Exception as error:  # noqa: BLE001 - the last place before the socket
            self._fault = error
            if not self._status:
                await self._refuse(InternalError(
                    "The gateway has a fault; its log has the details under the request's id."
                ))  # fmt: skip
        finally:
            self._served(self._record(perf_counter() - start))

    async def _refuse(self, error: GatewayError) -> None:
        problem = problem_response(self._request, error)
        await problem(self._scope, self._receive, self._answer)

    async def _read(self) -> Message:
        message = await self._receive()
        self._bytes_in += len(message.get("body", b""))
        return message

    async def _answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._complete(MutableHeaders(scope=message))
        elif self._is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        self._bytes_out += len(message.get("body", b""))
        await self._send(message)

    def _complete(self, answered: MutableHeaders) -> None:
        answered["X-Request-Id"] = self._state["request_id"]
        answered.setdefault("Cache-Control", "private, no-cache")
        for name, value in headers.SECURITY_HEADERS.items():
            answered.setdefault(name, value)
        answered.update(self._state.get("quota", {}))
        if (said := self._said()) is None:
            return
        answered["Idempotency-Status"] = said
        if "server_key" in self._state:
            answered["Idempotency-Key"] = self._state["server_key"]

    def _said(self) -> str | None:
        """What `Idempotency-Status` says of a write."""
        return self._state.get("idempotency", "not-applied") if _writes(self._request) else None

    def _record(self, seconds: float) -> Served:
        route = self._scope.get("route")
        at = self._state.get("connection")
        return Served(
            request_id=self._state["request_id"],
            instance=self._state["instance"],
            trace_id=self._state.get("trace_id") or headers.trace_id(self._request.headers),
            method=self._method,
            route=getattr(route, "path", "-"),
            operation=getattr(route, "operation_id", None),
            status=self._status,
            began_ns=self._began_ns,
            seconds=seconds,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            caller=self._state.get("caller"),
            connection=at.name if at else None,
            vendor=at.vendor.name if at else None,
            opportunity_id=self._state.get("opportunity_id"),
            operation_id=self._state.get("operation_id"),
            trail=self._trail,
            code=self._state.get("code"),
            outcome=self._state.get("outcome"),
            idempotency=self._said(),
            fault=self._fault or self._state.get("cause"),
        )


def install(app: FastAPI) -> None:
    """Makes problems of everything that routes and the framework raise."""
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(HTTPException, _http_error)


def problem_response(
    request: Request, error: GatewayError, extra: dict[str, str] | None = None
) -> Response:
    """The answer to a request that ends in an error."""
    at = getattr(request.state, "connection", None)
    if at is not None and error.connection is None:
        error.connection = at.name
    request.state.code = error.code
    request.state.cause = error.__cause__
    if error.operation_id is not None:
        request.state.operation_id = error.operation_id
    if error.opportunity_id is not None:
        request.state.opportunity_id = error.opportunity_id
    if _writes(request):
        request.state.outcome = error.outcome
        usual = "not-applied" if error.outcome == "not_applied" else "indeterminate"
        request.state.idempotency = _IDEMPOTENCY.get(type(error), usual)
    problem = problems.problem_of(
        error,
        request_id=request.state.request_id,
        instance=request.state.instance,
        vendor=at.vendor.name if at else None,
        writes=_writes(request),
    )
    return problems.response_of(error, problem, extra or {})


async def _gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - what it was registered for
    extra = {}
    if request.method == "PATCH" and problems.status_of(error) == 415:
        extra["Accept-Patch"] = ", ".join(bodies.MERGE_PATCH)
    return problem_response(request, error, extra)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the framework's router raises: an unknown path, or another method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it was registered for
    if error.status_code == 405:
        allowed = ", ".join(_methods(request))
        refusal = MethodNotAllowed(f"This path knows {allowed}.")
        return problem_response(request, refusal, {"Allow": allowed})
    if error.status_code == 404:
        return problem_response(request, RouteNotFound(NO_PATH))
    return problem_response(request, MalformedRequest("The request cannot be read as HTTP."))


def _methods(request: Request) -> list[str]:
    """Every method that some route of this path knows."""
    methods: set[str] = set()
    for route in request.app.router.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _writes(request: Request) -> bool:
    return request.method in WRITES and request.url.path.startswith("/v1/opportunities")
