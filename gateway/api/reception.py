"""Where a request meets its route, and whatever is refused on the way becomes a problem.

The framework declares the routes and documents them. For each request it would also look through
all of them, solve dependencies and keep stacks of what to close: no route of ours has anything of
the kind, and it costs more than bare ASGI does (performance.md 3, rank 13; `make bench`, B and A).
"""

from collections.abc import Awaitable, Callable, Iterable

from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.api import bodies, problems
from gateway.api.frame import NO_PATH, problem_response
from gateway.api.visit import Visit
from gateway.errors import GatewayError, MethodNotAllowed, RouteNotFound

Endpoint = Callable[..., Awaitable[Response]]


class Reception:
    """The routes of an application, each of whose endpoints takes the request and its path."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, APIRoute)]
        self._of_method = {
            method: [
                (route.path_regex.match, route)
                for route in self._routes
                if method in _methods(route)
            ]
            for method in set().union(*map(_methods, self._routes))
        }

    async def respond(self, request: Visit) -> Response:
        """The answer of a request's route, or the problem that it ends in."""
        path = request.scope["path"]
        try:
            for match, route in self._of_method.get(request.method, ()):
                if found := match(path):
                    request.scope["route"] = route
                    endpoint: Endpoint = route.endpoint
                    return await endpoint(request, **found.groupdict())
        except GatewayError as error:
            return problem_response(request, error, _extra(request, error))
        return self._not_found(request)

    def _not_found(self, request: Visit) -> Response:
        """The problem of a path that nobody knows, or that knows other methods."""
        scope = request.scope
        known = [route for route in self._routes if route.path_regex.match(scope["path"])]
        if not known:
            return problem_response(request, RouteNotFound(NO_PATH))
        scope["route"] = known[0]
        methods = set().union(*map(_methods, known))
        allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
        refusal = MethodNotAllowed(f"This path knows {allowed}.")
        return problem_response(request, refusal, {"Allow": allowed})


def _methods(route: APIRoute) -> set[str]:
    return set(route.methods or ())


def _extra(request: Visit, error: GatewayError) -> dict[str, str]:
    """What the answer tells of a refused kind of patch (RFC 5789 3.1)."""
    if request.method == "PATCH" and problems.status_of(error) == 415:
        return {"Accept-Patch": ", ".join(bodies.MERGE_PATCH)}
    return {}
