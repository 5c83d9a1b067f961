"""JSON answers whose numbers are exact, and whose doubles look as JavaScript prints them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from gateway.canonical import json_text


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer; `value` may hold floats, which only the sandbox's doubles do."""
    return Response(
        json_text.write(without_floats(value)),
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/json",
    )


def without_floats(value: Any) -> Any:
    """The same JSON value with every float as the shortest number that reads back as it.

    A whole double loses its fraction (250000.0 is 250000), as in JavaScript.
    """
    if isinstance(value, float):
        return int(value) if value.is_integer() else Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: without_floats(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_floats(member) for member in value]
    return value
