"""The frame of a pretend vendor: routing, refusals, the ledger, fault scripts and switches.

A vendor's file subclasses `Simulator` and says what its contract says; the routes by which a test
steers and inspects a vendor are in `control.py`.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.canonical import json_text
from gateway.sandbox.control import control_routes
from gateway.sandbox.delivery import Answer, Line, Postponed, answer_of, deliver, encoded
from gateway.sandbox.faults import FaultQueue
from gateway.sandbox.journal import Call, Journal
from gateway.sandbox.ledger import Effect, Ledger, Received

Record = dict[str, Any]
Clock = Callable[[], datetime]

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PATH = "sandbox.path"
"""The scope's key for a call's path at the vendor's root, whatever the sandbox is mounted under."""
CONTENT = "sandbox.content"
"""The scope's key for the bytes of a call's body."""


def utc_now() -> datetime:
    """The clock of a sandbox that is not given one."""
    return datetime.now(tz=UTC)


class Refusal(Exception):
    """Raised inside a handler in order to answer with the vendor's own refusal."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class OptionError(ValueError):
    """A switch that the vendor does not have, or a position that the switch does not have."""


class Simulator(ABC):
    """One vendor's pretend API, in one process and one event loop.

    A handler that reads, decides and writes does so without awaiting in between, after it has its
    body, so that two calls never interleave inside one decision.
    """

    name: ClassVar[str]
    base_path: ClassVar[str]
    default_options: ClassVar[Mapping[str, Any]] = {}
    confidential: ClassVar[frozenset[str]] = frozenset()
    """Paths at the vendor's root whose bodies are secrets, which no ledger notes."""
    option_choices: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """The positions of the switches that are neither booleans nor numbers."""

    def __init__(self, clock: Clock = utc_now, journal: Journal | None = None) -> None:
        self.clock = clock
        self.ledger = Ledger()
        self.faults = FaultQueue()
        self.postponed = Postponed()
        self._journal = journal
        self.options: dict[str, Any] = {}
        self.records: dict[str, Record] = {}
        self._drawn = 0
        self.reset()

    def reset(self) -> None:
        """Goes back to the seed: records, switches, faults, ledger and ids; not the journal."""
        self._drawn = 0
        self.ledger.clear()
        self.faults.clear()
        self.postponed.clear()
        self.options = deepcopy(dict(self.default_options))
        self.records = self.seed()

    @abstractmethod
    def seed(self) -> dict[str, Record]:
        """Fresh opportunities by id; the place to reset whatever else a vendor stores."""

    @abstractmethod
    def routes(self) -> list[Route]:
        """The vendor's own routes, relative to `base_path`."""

    def outer_routes(self) -> list[Route]:
        """Routes beside `base_path`, relative to the vendor's root."""
        return []

    @abstractmethod
    def authenticate(self, request: Request) -> Response | None:
        """The vendor's refusal, or None in order to let the call in."""

    @abstractmethod
    def not_found(self, request: Request) -> Response:
        """The vendor's answer to a URL that it does not have."""

    @abstractmethod
    def method_not_allowed(self, request: Request) -> Response:
        """The vendor's answer to a method that the URL does not take."""

    @abstractmethod
    def invalid_json(self, request: Request) -> Response:
        """The vendor's answer to a body that is not JSON."""

    def standing_headers(self, request: Request) -> Mapping[str, str]:
        """The headers that every answer of the vendor carries, such as its rate limits."""
        return {}

    def misreported(self, request: Request, status: int) -> None:  # noqa: B027 - few vendors care
        """Told that a fault answered `status` after the effect, as if the vendor itself had."""

    def set_options(self, changes: Mapping[str, Any]) -> None:
        """Throws switches; raises `OptionError` and changes nothing if one does not exist."""
        for name, value in changes.items():
            if name not in self.default_options:
                known = ", ".join(self.default_options)
                raise OptionError(f"{self.name} has no option {name!r}; it has {known}")
            choices = self.option_choices.get(name)
            if choices is not None and value not in choices:
                raise OptionError(f"{name} takes {', '.join(map(repr, choices))}, not {value!r}")
            default = self.default_options[name]
            if choices is None and type(value) is not type(default):
                raise OptionError(f"{name} takes a {type(default).__name__}, not {value!r}")
        self.options.update(changes)

    async def body(self, request: Request) -> Any:
        """The parsed JSON body, numbers exact; raises `Refusal` if it is not JSON."""
        try:
            return json_text.read(await request.body())
        except ValueError:
            raise Refusal(self.invalid_json(request)) from None

    def commit(self, request: Request, effect: Effect, record_id: str, body: Any) -> None:
        """Notes in the ledger, and in the journal if there is one, that a write takes effect."""
        self._write_down(request, effect, record_id)
        self.ledger.commit(
            at=self.clock(),
            effect=effect,
            method=request.method,
            path=request.scope[PATH],
            record_id=record_id,
            body=body,
        )

    def deduplicated(self, request: Request) -> None:
        """Notes in the journal that a write was known by its key and takes no effect again."""
        self._write_down(request, None, None)

    def _write_down(self, request: Request, effect: Effect | None, record_id: str | None) -> None:
        if self._journal is None:
            return
        call = Call(
            method=request.method,
            path=request.scope[PATH],
            query=request.url.query,
            content=request.scope[CONTENT],
            key=request.headers.get("idempotency-key"),
        )
        self._journal.note(
            call, vendor=self.name, at=self.clock(), effect=effect, record_id=record_id
        )

    def draw(self) -> int:
        """The next number of a sequence that starts at 1 after every reset."""
        self._drawn += 1
        return self._drawn

    def opaque_id(self, prefix: str = "", length: int = 43) -> str:
        """A fresh id that looks random, yet is the same in every run."""
        return prefix + opaque(f"{self.name} {self.draw()}", length)

    def asgi(self) -> ASGIApp:
        """The vendor with its control routes, fault layer and authentication."""
        return Starlette(routes=[*control_routes(self), Mount("/", app=Gate(self))])


class Gate:
    """What every vendor call passes: the ledger, the fault script, authentication, the routes."""

    def __init__(self, vendor: Simulator) -> None:
        self._vendor = vendor
        self._app = _vendor_app(vendor)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one vendor call."""
        content = await Request(scope, receive).body()
        scope[PATH] = scope["path"].removeprefix(scope.get("root_path", ""))
        scope[CONTENT] = content
        request = Request(scope)
        call = self._vendor.ledger.receive(
            method=request.method,
            path=scope[PATH],
            query=scope["query_string"].decode("latin-1"),
            body=None if scope[PATH] in self._vendor.confidential else _readable(content),
            headers=request.headers,
        )
        line = Line(receive, _noting(call, send))

        fault = self._vendor.faults.take(request.method, scope[PATH], content)

        async def run() -> Answer:
            answer = await self._answer(request, content)
            if fault is not None and fault.kind == "status":
                self._vendor.misreported(request, fault.detail["status"])
            return answer

        if fault is None:
            await (await run()).send(line.send)
        else:
            await deliver(fault, run, line, self._vendor.postponed)

    async def _answer(self, request: Request, content: bytes) -> Answer:
        app: ASGIApp = self._vendor.authenticate(request) or self._app
        answer = await answer_of(app, dict(request.scope), _replaying(content))
        standing = encoded(self._vendor.standing_headers(request))
        return Answer(answer.status, [*answer.headers, *standing], answer.body)


def opaque(seed: str, length: int) -> str:
    """Letters and digits that look random, the same for the same seed."""
    number = int.from_bytes(hashlib.sha512(seed.encode()).digest(), "big")
    letters = []
    for _ in range(length):
        number, letter = divmod(number, len(BASE62))
        letters.append(BASE62[letter])
    return "".join(letters)


def _vendor_app(vendor: Simulator) -> ASGIApp:
    async def refused(_request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)  # noqa: S101 - what it is registered for
        return refusal.response

    async def unrouted(request: Request, error: Exception) -> Response:
        missing = isinstance(error, HTTPException) and error.status_code == 404
        return vendor.not_found(request) if missing else vendor.method_not_allowed(request)

    # Redirects are the vendor's to make: Starlette's own would hide a missing trailing slash.
    inner = Router(vendor.routes(), redirect_slashes=False)
    app = Starlette(
        routes=[*vendor.outer_routes(), Mount(vendor.base_path, app=inner)],
        exception_handlers={Refusal: refused, 404: unrouted, 405: unrouted},
    )
    app.router.redirect_slashes = False
    return app


def _replaying(content: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


def _noting(call: Received, send: Send) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            call.status = message["status"]
        await send(message)

    return noting


def _readable(content: bytes) -> Any:
    """A body for the ledger: as JSON if it is some, else as text, None if there is none."""
    if not content:
        return None
    try:
        return json_text.read(content)
    except ValueError:
        return content.decode("utf-8", "replace")
