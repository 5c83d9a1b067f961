"""The log: a line for each request, and for whatever went unusually.

Bodies, keys, queries, paths and the texts of errors are in none of them: any may hold a secret, or
what is told of a person.
"""

import json as plain_json
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from gateway.idempotency.registry import Happened
from gateway.shared.trail import Trail, VendorCalled
from gateway.telemetry.hooks import Hooks, Served

_NO_ALARM: Final = frozenset(("not-stored", "not-taken-back", "resolved"))
"""What the gateway itself sees to later, and what a person has seen to."""
_PROBES: Final = frozenset(("/livez", "/readyz", "/metrics"))
_TROUBLE: Final = frozenset((0, 502, 503, 504))
"""Statuses that tell of a vendor, of the store, or of an answer that nobody got to hear."""
_PLACES: Final = 8
"""Of where a fault came through, the last so many."""
_LEVELS: Final = logging.getLevelNamesMapping()
_NAMES: Final = {
    _LEVELS[name.upper()]: name for name in ("debug", "info", "warning", "error", "critical")
}
_as_json: Final = plain_json.JSONEncoder(default=lambda value: type(value).__name__).encode

Line = dict[str, Any]


def _as_words(line: Line) -> str:
    """The line for people, its vendor calls as words."""
    if calls := line.get("vendor_calls"):
        line["vendor_calls"] = ", ".join(
            f"{call['method']} {call['step']} {call.get('status') or call['code']} {call['ms']} ms"
            for call in calls
        )
    rendering = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return str(rendering(None, line["level"], line))


@dataclass(slots=True)
class _Wanted:
    """What of the log is wanted, and how."""

    level: int = logging.INFO
    spelled: Callable[[Line], str] = _as_words


_WANTED: Final = _Wanted()


def configure(*, json: bool = False, level: str = "info") -> None:
    """Sets up the log: one JSON object a line, or a readable line in development and by default."""
    _WANTED.level = _LEVELS[level.upper()]
    _WANTED.spelled = _as_json if json else _as_words


def tell(level: int, event: str, told: Line) -> None:
    """Writes a line, if one of its level is wanted, with what is looked for first in front.

    There is one for each request, so nothing is bound to a logger and copied between processors.
    """
    if level < _WANTED.level:
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    line = {"timestamp": f"{now}Z", "level": _NAMES[level], "event": event, **told}
    out = sys.stderr.buffer
    out.write(f"{_WANTED.spelled(line)}\n".encode(errors="backslashreplace"))
    out.flush()


def not_listening(setting: str, host: str, port: int, why: OSError) -> None:
    """One line for a port that cannot be had."""
    at = f"{host}:{port}"
    tell(logging.ERROR, "not-listening", {"setting": setting, "at": at, "detail": why.strerror})


def shown(fault: BaseException) -> dict[str, Any]:
    """A fault as its kind and the places it came through: its text may hold a caller's data."""
    trace = traceback.walk_tb(fault.__traceback__)
    places = [f"{frame.f_code.co_qualname}:{line}" for frame, line in trace]
    return {"fault": type(fault).__name__, "at": places[-_PLACES:]}


def _served(served: Served) -> None:
    """One line for a request; what is not known is left out.

    The id of an opportunity is told where there is one: else it is what a caller made up.
    """
    line: Line = {
        "request_id": served.request_id,
        "instance": served.instance,
        "trace_id": served.trace_id,
        "method": served.method,
        "route": served.route,
        "operation": served.operation,
        "status": served.status,
        "code": served.code,
        "outcome": served.outcome,
        "idempotency": served.idempotency,
        "ms": _ms(served.seconds),
        "bytes_in": served.bytes_in,
        "bytes_out": served.bytes_out,
        "caller": served.caller,
        "connection": served.connection,
        "vendor": served.vendor,
        "opportunity_id": served.opportunity_id if served.status < 400 else None,
        "operation_id": served.operation_id,
        **_done(served.trail),
    }
    if served.fault is not None:
        line |= shown(served.fault)
    known = {name: value for name, value in line.items() if value is not None}
    tell(_level(served), "request", known)


def _level(served: Served) -> int:
    """Debug for probes that go well, a warning for others' trouble, an error for a fault of ours.

    A caller's own mistake is as good as any other request.
    """
    if served.status == 500:
        return logging.ERROR
    if served.status in _TROUBLE or served.outcome == "unknown" or served.fault is not None:
        return logging.WARNING
    return logging.DEBUG if served.route in _PROBES else logging.INFO


def _done(trail: Trail) -> dict[str, Any]:
    """What was done for a request; of very many vendor calls the first, and how many there were."""
    listed = [_call(call) for call in trail.vendor_calls]
    done: dict[str, Any] = {"vendor_calls": listed}
    if trail.vendor_call_count > len(listed):
        done["vendor_call_count"] = trail.vendor_call_count
    if trail.store_call_count:
        done |= {"store_calls": trail.store_call_count, "store_ms": _ms(trail.store_seconds)}
    return done


def _call(call: VendorCalled) -> dict[str, Any]:
    ended = {"code": call.code} if call.status is None else {"status": call.status}
    return {
        "effect": call.effect,
        "step": call.step,
        "method": call.method,
        **ended,
        "ms": _ms(call.seconds),
        "bytes_out": call.bytes_out,
        "bytes_in": call.bytes_in,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _happened(happened: Happened) -> None:
    """One line for a write that went unusually; an error is an alarm, for a person to look into."""
    level = logging.WARNING if happened.kind in _NO_ALARM else logging.ERROR
    tell(level, "operation", asdict(happened))


def _forgotten() -> None:
    """One line, an alarm, for records that the store has lost (reliability.md 2.5)."""
    tell(logging.ERROR, "amnesia", {"detail": "the store has lost records of writes"})


def _fault(fault: BaseException) -> None:
    """One line for a fault of ours in work that no request waits for."""
    causes = fault.exceptions if isinstance(fault, ExceptionGroup) else (fault,)
    for cause in causes:
        tell(logging.ERROR, "fault", shown(cause))


def _unrecorded(count: int) -> None:
    """One line for requests that are missing from the ledger."""
    tell(logging.WARNING, "unrecorded", {"requests": count})


def _taken_on() -> None:
    """One line for a changed configuration that is in force from now on."""
    tell(logging.INFO, "configuration", {"taken_on": True})


def _refused(faults: list[str]) -> None:
    """One line for a changed configuration that is not fit to run with: the old one stays."""
    tell(logging.ERROR, "configuration", {"taken_on": False, "faults": faults})


LOG = Hooks(
    served=_served,
    happened=_happened,
    forgotten=_forgotten,
    fault=_fault,
    unrecorded=_unrecorded,
    taken_on=_taken_on,
    refused=_refused,
)
"""What goes into the log."""
