"""What a connection's calls say about its health."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.errors import (
    DeadlineExceeded,
    GatewayError,
    Throttled,
    VendorTimeout,
    VendorUnauthorized,
)
from gateway.translator import VendorResponse


@dataclass(slots=True)
class Health:
    """The last success and the last trouble of one connection, as this replica saw them."""

    last_success: datetime | None = None
    last_error: datetime | None = None
    last_error_code: str | None = None
    unauthorized: bool = False
    sick: bool = False
    """Whether the latest call got no answer, or a breakdown."""
    checked: datetime | None = None

    def succeeded(self, now: datetime) -> None:
        """Notes an answer that is neither a refusal of the credentials nor a breakdown."""
        self.last_success, self.unauthorized, self.sick = now, False, False

    def failed(self, now: datetime, code: str, *, unauthorized: bool = False) -> None:
        """Notes trouble, by the code that callers know it by."""
        self.last_error, self.last_error_code = now, code
        self.unauthorized, self.sick = unauthorized, not unauthorized


def watched(health: Health, now: Callable[[], datetime]) -> Layer:
    """A layer that notes how calls end."""

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            try:
                response = await inner(call)
            except (DeadlineExceeded, Throttled):
                raise  # the caller had no time: that says nothing of the connection
            except VendorTimeout as error:
                if call.until >= call.patience:  # else the caller was in more of a hurry than we
                    health.failed(now(), error.code)
                raise
            except GatewayError as error:
                refused = isinstance(error, VendorUnauthorized)  # by the token endpoint
                health.failed(now(), error.code, unauthorized=refused)
                raise
            if response.status == 401:
                health.failed(now(), "vendor-credentials-invalid", unauthorized=True)
            elif response.status in {503, 504}:
                health.failed(now(), "vendor-unavailable")
            elif response.status >= 500:
                health.failed(now(), "vendor-bad-response")
            else:
                health.succeeded(now())
            return response

        return exchange

    return around
