"""The log: a line for a request, and one for what went unusually, an alarm where it has to be."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.canonical import json_text
from gateway.idempotency.registry import Happened
from gateway.shared.trail import MAX_CALLS, StoreCalled, Trail, VendorCalled
from gateway.telemetry import logs
from gateway.telemetry.hooks import Served
from gateway.telemetry.logs import LOG
from tests.telemetry.served import SERVED

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Leaves the log as it was."""
    yield
    logs.configure()


def told(capsys: Capture) -> dict[str, Any]:
    """The one line."""
    (line,) = capsys.readouterr().err.splitlines()
    found: dict[str, Any] = json_text.read(line)
    return found


def happened(kind: str) -> Happened:
    """Something of this kind."""
    return Happened(
        kind=kind, operation_id="op_1", connection="acme-one", vendor="acme", detail="why"
    )


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("duplicate-detected", "error"),
        ("late", "error"),
        ("fenced", "error"),
        ("parked", "error"),
        ("something-new", "error"),
        ("not-stored", "warning"),
        ("not-taken-back", "warning"),
    ],
)
def test_what_a_person_has_to_look_into_is_an_alarm(capsys: Capture, kind: str, level: str) -> None:
    """What the gateway itself sees to is a warning; the line leads to the operation."""
    logs.configure(json=True, level="info")
    LOG.happened(happened(kind))
    line = told(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "operation",
        "level": level,
        "kind": kind,
        "operation_id": "op_1",
        "connection": "acme-one",
        "vendor": "acme",
        "detail": "why",
    }


def test_a_store_that_lost_records_is_an_alarm(capsys: Capture) -> None:
    """It is about no operation in particular."""
    logs.configure(json=True, level="info")
    LOG.forgotten()
    line = told(capsys)
    assert (line["event"], line["level"]) == ("amnesia", "error")


UNSENT = VendorCalled(
    vendor="acme",
    connection="acme-one",
    effect="write",
    step="update",
    method="PATCH",
    status=None,
    code="vendor-unavailable",
    sent=False,
    began_ns=0,
    seconds=0.0105,
    bytes_out=21,
    bytes_in=0,
)
SENT = UNSENT._replace(
    status=200,
    code=None,
    sent=True,
    bytes_in=99,
)


def done(*calls: VendorCalled) -> Trail:
    """The trail of a request for which these calls were made, and two to the store."""
    trail = Trail()
    for call in calls:
        trail.called(call)
    for _ in range(2):
        trail.stored(StoreCalled(script="begin", ok=True, began_ns=0, seconds=0.0015))
    return trail


def test_a_line_lists_what_was_asked_of_the_vendor(capsys: Capture) -> None:
    """Each attempt with how it ended and how long it took; no path of it, and no body."""
    logs.configure(json=True, level="info")
    LOG.served(SERVED._replace(trail=done(UNSENT, SENT)))
    line = told(capsys)
    call = {"effect": "write", "step": "update", "method": "PATCH"}
    assert line["vendor_calls"] == [
        {**call, "code": "vendor-unavailable", "ms": 10.5, "bytes_out": 21, "bytes_in": 0},
        {**call, "status": 200, "ms": 10.5, "bytes_out": 21, "bytes_in": 99},
    ]
    assert (line["store_calls"], line["store_ms"]) == (2, 3.0)


def test_very_many_calls_are_counted(capsys: Capture) -> None:
    """A line does not grow without end, and tells how many there were."""
    logs.configure(json=True, level="info")
    LOG.served(SERVED._replace(trail=done(*[SENT] * (MAX_CALLS + 5))))
    line = told(capsys)
    assert (len(line["vendor_calls"]), line["vendor_call_count"]) == (MAX_CALLS, MAX_CALLS + 5)


@pytest.mark.parametrize(
    ("served", "level"),
    [
        (SERVED._replace(route="/livez"), "debug"),
        (SERVED._replace(route="/readyz"), "debug"),
        (SERVED._replace(route="/metrics"), "debug"),
        (SERVED._replace(route="/readyz", status=503), "warning"),
        (SERVED, "info"),
        (SERVED._replace(status=422), "info"),
        (SERVED._replace(status=429), "info"),
        (SERVED._replace(status=502), "warning"),
        (SERVED._replace(status=503), "warning"),
        (SERVED._replace(status=504), "warning"),
        (SERVED._replace(status=409, outcome="unknown"), "warning"),
        (SERVED._replace(status=0), "warning"),
        (SERVED._replace(status=502, fault=ValueError()), "warning"),
        (SERVED._replace(status=500, fault=ValueError()), "error"),
    ],
)
def test_a_level_says_who_has_to_look(capsys: Capture, served: Served, level: str) -> None:
    """A fault of ours is an error, trouble of the vendor or the store a warning."""
    logs.configure(json=True, level="debug")
    LOG.served(served)
    assert told(capsys)["level"] == level


@pytest.mark.parametrize(("status", "id_told"), [(200, "acme-one.7"), (404, None)])
def test_only_an_opportunity_that_is_there_is_named(
    capsys: Capture, status: int, id_told: str | None
) -> None:
    """Else its id is what a caller made up, which may be anything."""
    logs.configure(json=True, level="info")
    LOG.served(SERVED._replace(status=status, opportunity_id="acme-one.7"))
    assert told(capsys).get("opportunity_id") == id_told


def test_the_console_has_a_line_for_people(capsys: Capture) -> None:
    """The vendor calls are words there."""
    logs.configure(json=False, level="info")
    LOG.served(SERVED._replace(trail=done(UNSENT, SENT)))
    (line,) = capsys.readouterr().err.splitlines()
    assert "request" in line
    assert "PATCH update vendor-unavailable 10.5 ms, PATCH update 200 10.5 ms" in line


def test_requests_that_the_ledger_lacks_are_told(capsys: Capture) -> None:
    """An operator who relies on it has to know."""
    logs.configure(json=True, level="info")
    LOG.unrecorded(3)
    line = told(capsys)
    assert (line["event"], line["level"], line["requests"]) == ("unrecorded", "warning", 3)
