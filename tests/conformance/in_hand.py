"""A simulated vendor in hand: a function that answers one request, without a loop or a socket."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message

from gateway.canonical import json_text
from gateway.canonical.pipeline import Catalogue
from gateway.conformance import Subject
from gateway.connections import Connection
from gateway.engine.credentials import proof_of
from gateway.engine.wire import url_of
from gateway.sandbox.simulator import Simulator
from gateway.settings import parse
from gateway.translator import VendorRequest, VendorResponse


class InHand:
    """The vendor behind a connection to the sandbox, as the conformance suite calls it."""

    def __init__(self, at: Connection, simulator: Simulator) -> None:
        self._at = at
        self._app: ASGIApp = simulator.asgi()
        self._root = f"/{simulator.name}"
        self._headers = proof_of(at.vendor.auth, at.credentials).sent()

    def __call__(self, request: VendorRequest) -> VendorResponse:
        """Sends bytes and reads bytes, as the wire does."""
        url = urlsplit(url_of(self._at.base_url, request))
        content = b"" if request.json is None else json_text.write(request.json)
        headers = {"Content-Type": "application/json", **request.headers, **self._headers}
        path = url.path.removeprefix(self._root)
        scope = {
            "type": "http", "http_version": "1.1", "method": request.method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": url.query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        _finish(self._app(scope, receive, send))
        body = b"".join(message.get("body", b"") for message in sent)
        return VendorResponse(
            status=sent[0]["status"],
            headers={name.decode(): value.decode() for name, value in sent[0]["headers"]},
            json=json_text.read(body) if body else None,
        )


def _finish(call: Awaitable[None]) -> None:
    """Runs a call to its end. A simulated vendor waits for nothing, so one push is enough."""
    try:
        next(call.__await__())
    except StopIteration:
        return
    raise AssertionError("the sandbox waited for something")


def subject(
    configured: dict[str, Any], name: str, simulator: type[Simulator], **switches: Any
) -> Subject:
    """A connection of a configuration, tried on a sandbox of its own; `switches` are thrown."""
    at = parse(configured, {}, Path()).connections[name]
    vendor = simulator()
    vendor.set_options(switches)
    return Subject(at.vendor, at.context(datetime.now(UTC), Catalogue()), InHand(at, vendor))
