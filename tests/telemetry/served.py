"""A request that went well, for tests to change."""

from typing import Final

from gateway.shared.trail import Trail
from gateway.telemetry.hooks import Served

SERVED: Final = Served(
    request_id="billing-4711",
    instance="/v1/requests/req_000000000000000000000000",
    trace_id=None,
    method="GET",
    route="/v1/opportunities/{opportunity_id}",
    operation="get_opportunity",
    status=200,
    began_ns=1_800_000_000_000_000_000,
    seconds=0.25,
    bytes_in=0,
    bytes_out=15,
    caller=None,
    connection=None,
    vendor=None,
    opportunity_id=None,
    operation_id=None,
    trail=Trail(),
    code=None,
    outcome=None,
    idempotency=None,
    fault=None,
)
