"""The frame around every request: its ids, its answer's headers, HEAD, and faults as problems."""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter, time_ns

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import errors
from gateway.api import headers, problems
from gateway.api.visit import Visit
from gateway.errors import GatewayError, HeadersTooLarge, InternalError, RouteNotFound
from gateway.telemetry.hooks import Served

METRICS = "/metrics"
"""The one path of the port that is for metrics alone."""
NO_PATH = "There is no such path."


_IDEMPOTENCY: Mapping[type[GatewayError], str] = {
    errors.KeyReused: "mismatch",
    errors.InProgress: "in-progress",
}
"""What `Idempotency-Status` says where the outcome does not say it (reliability.md 1.2)."""


Respond = Callable[[Visit], Awaitable[Response]]
"""Gives the whole answer to a request; what it raises is a fault of ours."""


class Frame:
    """Gives every request its ids and every answer its headers; the outermost layer.

    It writes answers to the server by itself: each is whole, so that nothing else has to come
    between the two. `lifespan` serves what is not HTTP.
    """

    def __init__(
        self,
        lifespan: ASGIApp,
        respond: Respond,
        *,
        began: Callable[[], None],
        served: Callable[[Served], None],
        draining: Callable[[], bool],
        metrics_port: int | None,
    ) -> None:
        self._lifespan = lifespan
        self._respond = respond
        self._began = began
        self._served = served
        self._draining = draining
        self._metrics_port = metrics_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        self._began()
        visit = Visit(scope, receive)
        began_ns, start = time_ns(), perf_counter()
        try:
            with visit.trail:
                response = await self._answered(visit)
            await self._tell(visit, response, send)
        except Exception as error:  # noqa: BLE001 - the socket's: there is nobody left to tell
            visit.fault = error
        finally:
            self._served(_record(visit, began_ns, perf_counter() - start))

    async def _answered(self, visit: Visit) -> Response:
        """The answer to a request, whatever happens."""
        try:
            headers.check_size(visit.scope["headers"])
            if self._is_at_its_port(visit.scope):
                return await self._respond(visit)
            return problem_response(visit, RouteNotFound(NO_PATH))
        except HeadersTooLarge as error:
            return problem_response(visit, error)
        except Exception as error:  # noqa: BLE001 - the last place before the socket
            visit.fault = error
            return problem_response(visit, InternalError(
                "The gateway has a fault; its log has the details under the request's id."
            ))  # fmt: skip

    async def _tell(self, visit: Visit, response: Response, send: Send) -> None:
        body = b"" if visit.is_head else response.body
        lines = self._completed(visit, response.raw_headers)
        visit.status = response.status_code
        await send({"type": "http.response.start", "status": visit.status, "headers": lines})
        visit.bytes_out = len(body)
        await send({"type": "http.response.body", "body": body})

    def _is_at_its_port(self, scope: Scope) -> bool:
        """Whether metrics, or anything else, is asked for where it is served."""
        if self._metrics_port is None:
            return True
        address: tuple[str, int | None] | None = scope.get("server")
        path: str = scope["path"]
        return (address is not None and address[1] == self._metrics_port) == (path == METRICS)

    def _completed(
        self, visit: Visit, lines: list[tuple[bytes, bytes]]
    ) -> list[tuple[bytes, bytes]]:
        """The header lines of an answer, with all that every answer has."""
        given, state = {name for name, _ in lines}, visit.state
        whole = [
            *lines,
            (b"x-request-id", state.request_id.encode()),
            *[line for line in headers.STANDING if line[0] not in given],
            *state.quota,
        ]
        if visit.writes:
            whole.append((b"idempotency-status", state.idempotency.encode()))
            if state.server_key is not None:
                whole.append((b"idempotency-key", state.server_key.encode()))
        if self._draining():
            whole.append((b"connection", b"close"))
        return whole


def _record(visit: Visit, began_ns: int, seconds: float) -> Served:
    """What there is to tell of a request once it is served."""
    route, state, at = visit.scope.get("route"), visit.state, visit.state.connection
    return Served(
        request_id=state.request_id,
        instance=state.instance,
        trace_id=state.trace_id,
        method="HEAD" if visit.is_head else visit.method,
        route=route.path if route else "-",
        operation=route.operation_id if route else None,
        status=visit.status,
        began_ns=began_ns,
        seconds=seconds,
        bytes_in=visit.bytes_in,
        bytes_out=visit.bytes_out,
        caller=state.caller,
        connection=at.name if at else None,
        vendor=at.vendor.name if at else None,
        opportunity_id=state.opportunity_id,
        operation_id=state.operation_id,
        trail=visit.trail,
        code=state.code,
        outcome=state.outcome,
        idempotency=state.idempotency if visit.writes else None,
        fault=visit.fault or state.cause,
    )


def problem_response(
    request: Visit, error: GatewayError, extra: dict[str, str] | None = None
) -> Response:
    """The answer to a request that ends in an error."""
    state, at = request.state, request.state.connection
    if at is not None and error.connection is None:
        error.connection = at.name
    state.code = error.code
    state.cause = error.__cause__
    if error.operation_id is not None:
        state.operation_id = error.operation_id
    if error.opportunity_id is not None:
        state.opportunity_id = error.opportunity_id
    if request.writes:
        state.outcome = error.outcome
        usual = "not-applied" if error.outcome == "not_applied" else "indeterminate"
        state.idempotency = _IDEMPOTENCY.get(type(error), usual)
    problem = problems.problem_of(
        error,
        request_id=state.request_id,
        instance=state.instance,
        vendor=at.vendor.name if at else None,
        writes=request.writes,
    )
    return problems.response_of(error, problem, extra or {})
