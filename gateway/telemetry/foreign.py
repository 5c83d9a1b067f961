"""What libraries and the interpreter have to say, as lines of the log like all others.

Their texts may repeat whatever went wrong, so of a message only its fixed part is told.
"""

import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Any

from gateway.telemetry.logs import shown, tell


def capture() -> None:
    """From now on a process writes nothing to standard error but lines of its log."""
    logging.getLogger().handlers = [_Told()]
    warnings.showwarning = _warned
    sys.excepthook = _broke_down
    threading.excepthook = _thread_broke_down
    sys.unraisablehook = _unraised


class _Told(logging.Handler):
    """Makes a line of a record."""

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[1] if record.exc_info else None
        told = {"logger": record.name, "detail": _detail(record.msg)}
        tell(record.levelno, "library", told | (shown(fault) if fault else {}))


def _detail(message: Any) -> str:
    """The first line of a message before anything was filled in; of an error its kind."""
    if isinstance(message, BaseException):
        return type(message).__name__
    lines = str(message).splitlines() or [""]
    if lines[0].startswith("Traceback "):
        return lines[-1].partition(":")[0]
    return lines[0]


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    del message, file, line  # a text may repeat anything
    detail, at = category.__name__, [f"{filename}:{lineno}"]
    tell(logging.WARNING, "library", {"logger": "warnings", "detail": detail, "at": at})


def _broke_down(_: type[BaseException], fault: BaseException, __: TracebackType | None) -> None:
    tell(logging.CRITICAL, "broke-down", shown(fault))


def _thread_broke_down(told: threading.ExceptHookArgs) -> None:
    _told_of(told.exc_value)


def _unraised(told: "sys.UnraisableHookArgs") -> None:
    _told_of(told.exc_value)


def _told_of(fault: BaseException | None) -> None:
    tell(logging.ERROR, "fault", shown(fault) if fault else {})
