"""A visit: one request on its way through the gateway, and what becomes known of it there."""

from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.types import Receive, Scope

from gateway.api import headers
from gateway.connections import Connection
from gateway.shared.trail import Trail

WRITES: Final = frozenset({"POST", "PATCH", "DELETE"})
WHOLE: Final = "whole"
"""Set in the state of a request's scope, by who serves it, once the last byte of it is here."""


@dataclass(slots=True, kw_only=True)
class State:
    """What is known of a request; whoever serves a part of it writes down what that was about."""

    request_id: str
    instance: str
    trace_id: str | None
    """The trace that it belongs to, where its caller or we have begun one."""
    caller: str | None = None
    quota: tuple[tuple[bytes, bytes], ...] = ()
    """The header lines that tell a caller's limit."""
    connection: Connection | None = None
    opportunity_id: str | None = None
    operation_id: str | None = None
    server_key: str | None = None
    """The idempotency key of a write whose caller sent none."""
    idempotency: str = "not-applied"
    """What `Idempotency-Status` says, if it is a write."""
    code: str | None = None
    outcome: str | None = None
    cause: BaseException | None = None
    """A fault of ours, or what made a vendor's answer unreadable."""


class Visit(Request):
    """One request: the framework's own, whose lines are read once, and whose state has members."""

    __slots__ = (
        "bytes_in", "bytes_out", "fault", "is_head", "lines", "method", "state", "status", "trail",
        "writes",
    )  # fmt: skip

    method: str
    """That of its route, which is GET for HEAD."""
    state: State  # type: ignore[assignment] # the framework's would be a bag of anything

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.is_head = scope["method"] == "HEAD"
        self.method = "GET" if self.is_head else scope["method"]
        self.writes = self.method in WRITES and scope["path"].startswith("/v1/opportunities")
        """Whether it is about a write, whose answer tells what became of it."""
        self.lines = headers.Lines(scope["headers"])
        own = headers.new_request_id()
        self.state = State(
            request_id=headers.request_id(self.lines, own),
            instance=f"/v1/requests/{own}",
            trace_id=scope.get("state", {}).get("trace_id") or headers.trace_id(self.lines),
        )
        self.trail = Trail()
        self.status = 0
        """Of its answer, once that is on its way."""
        self.bytes_in = self.bytes_out = 0
        """Of the bodies, as far as they were read and sent."""
        self.fault: BaseException | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nobody has to wait for its body any more, as far as that is known."""
        return WHOLE in self.scope.get("state", ())
