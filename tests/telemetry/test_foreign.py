"""What libraries and the interpreter say: lines of the log, whose texts repeat nothing."""

import json
import subprocess
import sys
from typing import Any

import pytest

SET_UP = """
import asyncio, logging, threading, warnings
from gateway.telemetry import foreign, logs
logs.configure(json=True, level="info")
foreign.capture()
def fail():
    raise ValueError("Jane Doe")
"""


def told_by(program: str) -> list[dict[str, Any]]:
    """The lines of a process of its own; each is to be one of JSON, and to hold no person."""
    command = [sys.executable, "-c", SET_UP + program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == ""
    assert "Jane" not in ran.stderr
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_a_library_is_told_by_the_fixed_part_of_its_message() -> None:
    """What it fills in may be anybody's."""
    (line,) = told_by('logging.getLogger("some.library").error("lost %s\\nand more", "Jane")')
    assert line.pop("timestamp")
    assert line == {
        "level": "error",
        "event": "library",
        "logger": "some.library",
        "detail": "lost %s",
    }


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ('ValueError("Jane")', "ValueError"),
        ('"Traceback (most recent call last):\\n  File\\nValueError: Jane"', "ValueError"),
        ('""', ""),
    ],
)
def test_an_error_for_a_message_is_told_by_its_kind(message: str, detail: str) -> None:
    """Some libraries log an error as it is, or all of a traceback."""
    (line,) = told_by(f'logging.getLogger("uvicorn.error").error({message})')
    assert line["detail"] == detail


def test_a_task_that_nobody_waits_for_is_told_by_its_places() -> None:
    """The event loop would print the error with its text."""
    (line,) = told_by("""
async def main():
    task = asyncio.create_task(asyncio.to_thread(fail))
    await asyncio.wait([task])
asyncio.run(main())
""")
    assert (line["logger"], line["fault"]) == ("asyncio", "ValueError")
    assert line["detail"] == "Task exception was never retrieved"
    assert any(place.startswith("fail:") for place in line["at"])


def test_a_warning_is_a_line() -> None:
    """Of its category and its place."""
    (line,) = told_by('warnings.warn("Jane Doe", UserWarning)')
    assert (line["level"], line["logger"], line["detail"]) == ("warning", "warnings", "UserWarning")


@pytest.mark.parametrize(
    ("program", "event"),
    [
        ("fail()", "broke-down"),
        ("threading.Thread(target=fail).start()", "fault"),
        ("class Left:\n    def __del__(self):\n        fail()\nLeft()", "fault"),
    ],
)
def test_what_breaks_down_is_one_line(program: str, event: str) -> None:
    """Where the interpreter would print a traceback: at the top, in a thread, in a destructor."""
    (line,) = told_by(program)
    assert (line["event"], line["fault"]) == (event, "ValueError")
