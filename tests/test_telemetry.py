"""The log: what went unusually is one line, an alarm where a person has to look."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway import telemetry
from gateway.canonical import json_text
from gateway.idempotency.registry import Happened

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Leaves the log as it was."""
    yield
    structlog.reset_defaults()


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
    telemetry.configure(json=True, level="info")
    telemetry.log_operation(happened(kind))
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
    telemetry.configure(json=True, level="info")
    telemetry.log_amnesia()
    line = told(capsys)
    assert (line["event"], line["level"]) == ("amnesia", "error")
