"""The authorisation matrix: caller × scope × connection × route, generated, every cell asked.

The routes come from the application, so that one without a row here is a failure; the rows are
written down by hand, so that they say what ought to be and not what is.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from gateway.api.access import Access, Caller, KnownKey, hash_key
from gateway.app import create_app
from gateway.sandbox import create_sandbox
from gateway.settings import parse
from gateway.telemetry.hooks import Hooks
from tests.recorded import recorded
from tests.sandboxed import Answered, InProcess, Sandboxed, tree

READ, WRITE, RESOLVE = "opportunities:read", "opportunities:write", "operations:resolve"
REQUESTS = "requests:read"
SCOPES: Final = (READ, WRITE, RESOLVE, REQUESTS)

Route = tuple[str, str]
ROW: Final[Mapping[Route, frozenset[str]]] = {
    ("GET", "/v1/opportunities"): frozenset((READ,)),
    ("POST", "/v1/opportunities"): frozenset((WRITE,)),
    ("GET", "/v1/opportunities/{opportunity_id}"): frozenset((READ,)),
    ("PATCH", "/v1/opportunities/{opportunity_id}"): frozenset((WRITE,)),
    ("DELETE", "/v1/opportunities/{opportunity_id}"): frozenset((WRITE,)),
    ("GET", "/v1/connections"): frozenset((READ,)),
    ("GET", "/v1/connections/{connection}"): frozenset((READ,)),
    ("GET", "/v1/connections/{connection}/capabilities"): frozenset((READ,)),
    ("GET", "/v1/connections/{connection}/pipelines"): frozenset((READ,)),
    ("GET", "/v1/connections/{connection}/custom-fields"): frozenset((READ,)),
    ("GET", "/v1/connections/{connection}/users"): frozenset((READ,)),
    ("POST", "/v1/connections/{connection}/translations"): frozenset((READ,)),
    ("GET", "/v1/vendors"): frozenset((READ,)),
    ("GET", "/v1/operations"): frozenset((READ, RESOLVE)),
    ("GET", "/v1/operations/{operation_id}"): frozenset((READ, RESOLVE)),
    ("POST", "/v1/operations/{operation_id}/resolve"): frozenset((RESOLVE,)),
    ("GET", "/v1/requests/{request_id}"): frozenset((REQUESTS,)),
    ("GET", "/v1/caller"): frozenset(SCOPES),
}
"""Route → the scopes of which any opens it."""
OPEN: Final = frozenset(
    ("GET", path)
    for path in (
        "/livez", "/readyz", "/metrics", "/openapi.json",
        "/docs", "/docs/{guide}", "/docs/static/{file}", "/problems/{code}",
        "/console", "/console/static/{part}",
    )
)  # fmt: skip
"""What asks for no credential, in development."""

PATTERNS: Final = (("*",), ("acme-close",), ("acme-s*", "acme-r*"), ())
CONNECTIONS: Final = ("acme-close", "acme-slant", "acme-nowhere")
HIDDEN: Final = {"connection-not-found", "operation-not-found", "request-not-found"}
RESOLUTION: Final = {"outcome": "not_applied", "reason": "a cell of the matrix"}


def callers() -> Iterator[Caller]:
    """One for each set of scopes and each set of patterns."""
    for size in range(len(SCOPES) + 1):
        for scopes in combinations(SCOPES, size):
            for patterns in PATTERNS:
                name = "+".join((*scopes, "at", *patterns))
                yield Caller(name, frozenset(scopes), patterns)


CALLERS: Final = tuple(callers())
OWNER: Final = Caller("owner", frozenset(SCOPES), ("*",))


@dataclass(frozen=True)
class Matrix:
    """A gateway that knows every caller, with an operation of the owner's on two connections."""

    house: Sandboxed
    operations: Mapping[str, str]
    """Connection → the id of an operation there."""
    requests: Mapping[str, str]
    """Connection → the id of a request there that is on record."""

    async def ask(
        self, caller: Caller | None, method: str, path: str, body: Any = None, **headers: str
    ) -> Answered:
        """A request of a caller, or of nobody."""
        known = {"Authorization": f"Bearer {caller.name}"} if caller else {}
        lines = {**known, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return Answered(await self.house.api.request(method, path, json=body, headers=lines))

    async def cell(
        self, caller: Caller | None, route: Route, connection: str, method: str | None = None
    ) -> Answered:
        """The request of one cell, a good one but for the rights to it; or by another method."""
        template = route[1]
        path = template.format(
            opportunity_id=f"{connection}.nothing",
            connection=connection,
            operation_id=self.operations.get(connection, "op_" + "0" * 32),
            request_id=self.requests.get(connection, "req_" + "0" * 24),
            code="forbidden",
            guide="errors",
            file="docs.css",
            part="console.css",
        )
        if route == ("GET", "/v1/opportunities"):
            path += f"?connection={connection}&limit=1"
        return await self.ask(caller, method or route[0], path, sent(connection).get(route))


def sent(connection: str) -> dict[Route, Any]:
    """What is sent where a body is."""
    return {
        ("POST", "/v1/opportunities"): {"connection": connection},
        ("PATCH", "/v1/opportunities/{opportunity_id}"): {"value": {"amount": "1.00"}},
        ("POST", "/v1/connections/{connection}/translations"): {"operation": "read",
                                                                "record": {"id": "x"}},
        ("POST", "/v1/operations/{operation_id}/resolve"): RESOLUTION,
    }  # fmt: skip


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    """All callers at once, each with its name for a key."""
    entries = {
        caller.name: {
            "key_sha256": hash_key(caller.name),
            "scopes": sorted(caller.scopes),
            "connections": list(caller.patterns),
        }
        for caller in (*CALLERS, OWNER)
    }
    sandbox = create_sandbox()
    configured = {**tree(), "callers": entries, "request_ledger": {"enabled": True}}
    settings = parse(configured, {}, Path())
    app = create_app(settings, client=InProcess(sandbox), hooks=Hooks())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway.test"
    ) as api:
        requests = await recorded(app, "acme-close", "acme-slant", caller=OWNER.name)
        made = Matrix(Sandboxed(app, api, sandbox), {}, requests)
        draft = {"value": {"amount": "1.00"}}
        for connection, vendor in (("acme-close", "close"), ("acme-slant", "slant")):
            record = next(iter(made.house.vendor(vendor).records))
            wanted = {"value": {"amount": "2.00"}} if vendor == "slant" else draft
            path = f"/v1/opportunities/{connection}.{record}"
            written = await made.ask(OWNER, "PATCH", path, wanted)
            assert written.status == 200, written.content
        listed = await made.ask(OWNER, "GET", "/v1/operations")
        operations = {item["connection"]: item["id"] for item in listed.json["items"]}
        assert operations.keys() == {"acme-close", "acme-slant"}
        yield replace(made, operations=operations)


def routes_of(house: Sandboxed) -> set[Route]:
    """Every method and path that the application serves."""
    return {
        (method, getattr(route, "path", ""))
        for route in house.app.routes
        for method in getattr(route, "methods", None) or ()
    }


def expected(caller: Caller, route: Route, connection: str) -> int:
    """401, 403 or 404 for a cell that is closed, 0 for one that is not."""
    method, path = route
    if caller.scopes.isdisjoint(ROW[route]):
        return 403
    if "{" not in path and method == "GET" and path != "/v1/opportunities":
        return 0
    sees = any(fnmatchcase(connection, pattern) for pattern in caller.patterns)
    if not sees or connection == "acme-nowhere":
        return 404
    if "{operation_id}" in path and RESOLVE not in caller.scopes:
        return 404
    return 0


def closed(answer: Answered) -> int:
    """401, 403 or 404 where the answer is about the caller's rights, 0 otherwise."""
    if answer.status in {401, 403}:
        return answer.status
    hidden = answer.status == 404 and answer.code in HIDDEN
    return 404 if hidden else 0


async def test_every_route_has_a_row(matrix: Matrix) -> None:
    """Whoever adds a route says who may use it; what asks for nobody is said to be open."""
    assert routes_of(matrix.house) == ROW.keys() | OPEN


@pytest.mark.parametrize("route", ROW, ids=" ".join)
async def test_every_cell_is_as_the_row_says(matrix: Matrix, route: Route) -> None:
    """Each set of scopes, on connections that are seen, that are not, and that are none."""
    wrong = {}
    for caller in CALLERS:
        for connection in CONNECTIONS:
            answer = await matrix.cell(caller, route, connection)
            found = closed(answer)
            if found != expected(caller, route, connection):
                wrong[caller.name, connection] = (answer.status, answer.content)
    assert wrong == {}


@pytest.mark.parametrize("route", [route for route in ROW if route[0] == "GET"], ids=" ".join)
async def test_head_opens_no_more_than_get(matrix: Matrix, route: Route) -> None:
    """It is the same cell, without a body to tell of it."""
    for caller in CALLERS:
        for connection in CONNECTIONS:
            got = await matrix.cell(caller, route, connection)
            head = await matrix.cell(caller, route, connection, "HEAD")
            assert head.status == got.status, (caller.name, connection)


@pytest.mark.parametrize("route", ROW, ids=" ".join)
async def test_nobody_is_let_in_without_a_credential(matrix: Matrix, route: Route) -> None:
    """Before anything else is looked at; nor does another's key of another day help."""
    for connection in CONNECTIONS:
        assert (await matrix.cell(None, route, connection)).status == 401
        stranger = Caller("a stranger", frozenset(SCOPES), ("*",))
        assert (await matrix.cell(stranger, route, connection)).status == 401


@pytest.mark.parametrize("route", sorted(OPEN), ids=" ".join)
async def test_what_is_open_is_open(matrix: Matrix, route: Route) -> None:
    """A probe and a reader of the document have no key."""
    assert (await matrix.cell(None, route, "acme-close")).status == 200


async def test_a_closed_cell_never_reaches_a_vendor(matrix: Matrix) -> None:
    """Who may not is told so by us, and no vendor's limit is spent on it."""
    for vendor in ("close", "slant"):
        matrix.house.vendor(vendor).ledger.requests.clear()
    for route in ROW:
        for caller in CALLERS:
            for connection in CONNECTIONS:
                if expected(caller, route, connection):
                    await matrix.cell(caller, route, connection)
    for vendor in ("close", "slant"):
        assert matrix.house.vendor(vendor).ledger.requests == []


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
async def test_a_dry_run_of_a_write_wants_the_right_to_read_and_to_write(
    matrix: Matrix, operation: str
) -> None:
    """It reads what it shows, and shows what would be written."""
    for caller in CALLERS:
        sees = "*" in caller.patterns or "acme-close" in caller.patterns
        answer = await matrix.ask(
            caller, "POST", "/v1/connections/acme-close/translations", {"operation": operation}
        )
        if READ not in caller.scopes:
            assert closed(answer) == 403
        elif not sees:
            assert closed(answer) == 404
        elif operation == "create" and WRITE in caller.scopes:
            assert closed(answer) == 0


async def test_lists_hold_what_the_cells_beneath_them_open(matrix: Matrix) -> None:
    """Connections, opportunities and operations: nothing is listed that cannot be got."""
    for caller in CALLERS:
        for path, member in (
            ("/v1/connections", "name"),
            ("/v1/opportunities?limit=200", "connection"),
            ("/v1/operations", "connection"),
        ):
            answer = await matrix.ask(caller, "GET", path)
            if answer.status == 403:
                continue
            told = {item[member] for item in answer.json["items"]}
            told |= {trouble["connection"] for trouble in answer.json.get("errors", ())}
            assert all(caller.sees(name) for name in told), (caller.name, path, told)
            if path == "/v1/operations":
                shown = {name for name in matrix.operations if caller.sees(name)}
                assert told == (shown if RESOLVE in caller.scopes else set())


def deprived(matrix: Matrix, caller: Caller) -> None:
    """The owner's key from now on stands for less."""
    house = matrix.house.app.state.house
    key = KnownKey(hash_key(OWNER.name), caller)
    matrix.house.app.state.house = replace(house, access=Access((key,)))


@pytest.mark.parametrize(
    ("left", "status", "code"),
    [
        (replace(OWNER, scopes=frozenset((READ, RESOLVE))), 403, "forbidden"),
        (replace(OWNER, scopes=frozenset()), 403, "forbidden"),
        (replace(OWNER, patterns=("acme-r*",)), 404, "connection-not-found"),
        (replace(OWNER, patterns=()), 404, "connection-not-found"),
    ],
    ids=["no-write", "no-scope", "another-connection", "no-connection"],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_a_lost_right_ends_replays_too(
    matrix: Matrix, method: str, left: Caller, status: int, code: str
) -> None:
    """Who may no longer write is not told again what the write answered (F22)."""
    record = list(matrix.house.vendor("close").records)[-1]
    path = "/v1/opportunities" + ("" if method == "POST" else f"/acme-close.{record}")
    bodies = {
        "POST": {"connection": "acme-close", "value": {"amount": "5.00"}},
        "PATCH": {"value": {"amount": "6.00"}},
    }
    body = bodies.get(method)
    first = await matrix.ask(OWNER, method, path, body, Idempotency_Key="k-1")
    again = await matrix.ask(OWNER, method, path, body, Idempotency_Key="k-1")
    assert first.status in {200, 201, 204}
    assert again.headers["idempotent-replayed"] == "true"
    before = len(matrix.house.vendor("close").ledger.requests)
    deprived(matrix, left)
    refused = await matrix.ask(OWNER, method, path, body, Idempotency_Key="k-1")
    assert (refused.status, refused.code) == (status, code)
    assert "idempotent-replayed" not in refused.headers
    assert len(matrix.house.vendor("close").ledger.requests) == before
    deprived(matrix, OWNER)
    given_back = await matrix.ask(OWNER, method, path, body, Idempotency_Key="k-1")
    assert (given_back.status, given_back.content) == (first.status, first.content)


async def test_a_lost_right_hides_ones_own_operations(matrix: Matrix) -> None:
    """A connection that is no longer seen takes its operations along; no scope, no list."""
    one = f"/v1/operations/{matrix.operations['acme-close']}"
    deprived(matrix, replace(OWNER, patterns=("acme-slant",), scopes=frozenset((READ,))))
    assert (await matrix.ask(OWNER, "GET", one)).code == "operation-not-found"
    listed = (await matrix.ask(OWNER, "GET", "/v1/operations")).json["items"]
    assert {item["connection"] for item in listed} == {"acme-slant"}
    deprived(matrix, replace(OWNER, scopes=frozenset((WRITE,))))
    for path in (one, "/v1/operations"):
        assert (await matrix.ask(OWNER, "GET", path)).status == 403
