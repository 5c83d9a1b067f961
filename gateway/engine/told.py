"""The layer that tells of every attempt at a vendor call, however it ended."""

import time
from collections.abc import Callable
from typing import Final

from gateway.engine.exchange import Call, Exchange, Layer
from gateway.errors import GatewayError, InternalError
from gateway.shared import trail
from gateway.shared.trail import VendorCalled
from gateway.translator import VendorResponse

CANCELLED: Final = "cancelled"
"""What a call is told with that the gateway itself gave up, as it does at its end."""


def told(vendor: str, connection: str, tell: Callable[[VendorCalled], None]) -> Layer:
    """A layer that adds each attempt to the trail of its request, and tells it on.

    It stands around the deadline, so that a call that was cut short is told with its end.
    """

    def around(inner: Exchange) -> Exchange:
        async def exchange(call: Call) -> VendorResponse:
            began_ns, start = time.time_ns(), time.perf_counter()
            request, status, code = call.request, None, CANCELLED
            try:
                response = await inner(call)
                status = response.status
            except GatewayError as error:
                code = error.code
                raise
            except Exception:
                code = InternalError.code
                raise
            finally:
                called = VendorCalled(
                    vendor=vendor,
                    connection=connection,
                    effect=request.effect,
                    step=request.step,
                    method=request.method,
                    status=status,
                    code=code if status is None else None,
                    sent=call.sent,
                    began_ns=began_ns,
                    seconds=time.perf_counter() - start,
                    bytes_out=call.bytes_out,
                    bytes_in=call.bytes_in,
                    digest_out=call.digest_out,
                    digest_in=call.digest_in,
                )
                followed = trail.followed()
                if followed:
                    followed.called(called)
                tell(called)
            return response

        return exchange

    return around
