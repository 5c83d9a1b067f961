"""The doorway: how much of a request's head is taken, and for how long, before anybody reads it.

The server's own protocol bounds neither, and speaks plain text where it refuses; here the frame
gets whole heads of a sane size, and every refusal is a problem.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.api import headers, problems
from gateway.api.visit import WHOLE
from gateway.errors import GatewayError, HeadersTooLarge, MalformedRequest, RequestTimeout

HEAD_SECONDS: Final = 10.0
"""From a head's first byte to its last."""


class Doorway(HttpToolsProtocol):
    """The server's protocol, with bounds."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_head = True
        self._taken = 0
        self._patience: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        self._taken += len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._taken > headers.MAX_HEAD:
            self._refuse(HeadersTooLarge(headers.TOO_LARGE))
        elif self._taken and self._patience is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._end_patience()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._taken = True, 0
        self.scope["state"][WHOLE] = True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_patience()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        self._refuse(MalformedRequest("The request cannot be read as HTTP."))

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.head_seconds, self._too_late)

    def _too_late(self) -> None:
        if self._answering():
            self._wait()  # whoever sends ahead of an answer may take as long as the answer does
        else:
            self._refuse(RequestTimeout("The head of the request did not arrive in time."))

    def _answering(self) -> bool:
        return getattr(self.cycle, "response_complete", True) is False

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, error: GatewayError) -> None:
        self._end_patience()
        if not self._answering():
            self.transport.write(refusal(error))
        self.transport.close()


def refusal(error: GatewayError) -> bytes:
    """The last answer on a connection, for a request that nobody could read."""
    request_id = headers.new_request_id()
    problem = problems.problem_of(
        error,
        request_id=request_id,
        instance=f"/v1/requests/{request_id}",
        vendor=None,
        writes=False,
    )
    answer = problems.response_of(
        error,
        problem,
        {**headers.SECURITY_HEADERS, "X-Request-Id": request_id},
    )
    lines = [b"%b: %b" % line for line in answer.raw_headers]
    status = HTTPStatus(problem.status)
    start = f"HTTP/1.1 {status.value} {status.phrase}".encode()
    return b"\r\n".join([start, *lines, b"connection: close", b"", bytes(answer.body)])
