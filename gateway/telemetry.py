"""What happens, told to operators: a line for each request, and for whatever went unusually."""

import logging
import sys
import traceback
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from gateway.idempotency.registry import Happened

_LEVELS = logging.getLevelNamesMapping()
_NO_ALARM = frozenset(("not-stored", "not-taken-back", "resolved"))
"""What the gateway itself sees to later, and what a person has seen to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request that was served, for whoever wants to log or count it."""

    request_id: str
    instance: str
    method: str
    route: str
    status: int
    seconds: float
    caller: str | None
    connection: str | None
    vendor: str | None
    vendor_calls: int
    code: str | None
    fault: BaseException | None
    """A fault of ours, or what made a vendor's answer unreadable."""


def configure(*, json: bool, level: str) -> None:
    """Sets up the log: one JSON object a line, or a readable line in development."""
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def log_served(served: Served) -> None:
    """One line for a request; bodies, keys and personal data never."""
    log = structlog.get_logger()
    line = {
        "request_id": served.request_id,
        "instance": served.instance,
        "method": served.method,
        "route": served.route,
        "status": served.status,
        "ms": round(served.seconds * 1000, 1),
        "caller": served.caller,
        "connection": served.connection,
        "vendor": served.vendor,
        "vendor_calls": served.vendor_calls,
        "code": served.code,
    }
    if served.fault is not None:
        tell = log.error if served.status == 500 else log.warning
        tell("request", **line, **_fault(served.fault))
    else:
        log.info("request", **line)


def log_operation(happened: Happened) -> None:
    """One line for a write that went unusually; an error is an alarm, for a person to look into."""
    log = structlog.get_logger()
    tell = log.warning if happened.kind in _NO_ALARM else log.error
    tell("operation", **asdict(happened))


def log_amnesia() -> None:
    """One line, an alarm, for records that the store has lost (reliability.md 2.5)."""
    structlog.get_logger().error("amnesia", detail="the store has lost records of writes")


def log_fault(fault: BaseException) -> None:
    """One line for a fault of ours in work that no request waits for."""
    causes = fault.exceptions if isinstance(fault, ExceptionGroup) else (fault,)
    for cause in causes:
        structlog.get_logger().error("fault", **_fault(cause))


def log_taken_on() -> None:
    """One line for a changed configuration that is in force from now on."""
    structlog.get_logger().info("configuration", taken_on=True)


def log_refused(faults: list[str]) -> None:
    """One line for a changed configuration that is not fit to run with: the old one stays."""
    structlog.get_logger().error("configuration", taken_on=False, faults=faults)


def _fault(fault: BaseException) -> dict[str, Any]:
    """A fault as its kind and the places it came through: its text may hold a caller's data."""
    trace = traceback.walk_tb(fault.__traceback__)
    places = [f"{frame.f_code.co_qualname}:{line}" for frame, line in trace]
    return {"fault": type(fault).__name__, "at": places[-8:]}
