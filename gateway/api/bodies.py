"""Request bodies and query strings: strict JSON into closed models, every fault named."""

import asyncio
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.api.visit import Visit
from gateway.canonical import json_text
from gateway.canonical.ids import pointer
from gateway.canonical.query import DEFAULT_LIMIT, MAX_LIMIT
from gateway.errors import (
    MAX_FAULTS,
    BodyTooLarge,
    Fault,
    MalformedRequest,
    RequestTimeout,
    UnsupportedMediaType,
    ValidationFailed,
)

MAX_BODY = 1024 * 1024
"""How many faults of a body are told; a body of nothing else holds a hundred thousand."""
JSON = ("application/json",)
MERGE_PATCH = ("application/merge-patch+json", "application/json")

_LENGTH = re.compile(r"[0-9]{1,18}")
_QUOTED = re.compile(r"'([^']*)'")
_WORDS = {
    "missing": "is required",
    "string_type": "a string is expected",
    "model_type": "an object is expected",
    "dict_type": "an object is expected",
    "tuple_type": "an array is expected",
}
"""Kind of error → what to say: pydantic's own words are for Python, a caller's are JSON's."""

Model = TypeVar("Model", bound=BaseModel)


async def json_body(request: Visit, media_types: tuple[str, ...], seconds: float) -> Any:
    """The request's JSON object. Raises `Rejected` for what is not strict JSON of these types."""
    kind = request.lines.first(b"content-type").partition(";")[0].strip().lower()
    if kind not in media_types:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(media_types)}.")
    encoding = request.lines.first(b"content-encoding", "identity").lower()
    if encoding != "identity":
        raise UnsupportedMediaType("Send the body without a content encoding.")
    data = await _arrived(request, seconds)
    try:
        value = json_text.read(data)
    except json_text.JsonTextError as error:
        raise MalformedRequest(f"The body is not strict JSON: {error}.") from None
    if not isinstance(value, dict):
        fault = Fault(code=ValidationFailed.code, detail="an object is expected", pointer="")
        raise ValidationFailed("The body has to be a JSON object.", faults=[fault])
    return value


def parsed(model: type[Model], value: Any) -> Model:
    """A body as its model. Raises `ValidationFailed` with a pointer for each fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        faults = [_fault(model, value, detail) for detail in details[:MAX_FAULTS]]
        first = faults[0]
        where = f"The body at {first.pointer}" if first.pointer else "The body"
        more = f" (and {len(details) - 1} more, see errors)" if details[1:] else ""
        raise ValidationFailed(f"{where}: {first.detail}{more}.", faults=faults) from None


def query(
    request: Visit, known: Iterable[str], repeatable: Iterable[str] = ()
) -> dict[str, list[str]]:
    """The query's parameters. Raises `ValidationFailed` for an unknown or repeated one."""
    if not request.scope["query_string"]:
        return {}
    known, repeatable = list(known), set(repeatable)
    found: dict[str, list[str]] = {}
    faults: list[Fault] = []
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    for name, values in found.items():
        if name not in known:
            faults.append(parameter(name[:64], _unknown("parameter", name, known)))
        elif len(values) > 1 and name not in repeatable:
            faults.append(parameter(name, "may stand once"))
    if faults:
        raise parameters_refused(faults)
    return found


def parameters_refused(faults: Sequence[Fault]) -> ValidationFailed:
    """The error for query parameters that are wrong."""
    first = faults[0]
    return ValidationFailed(f"The parameter {first.parameter}: {first.detail}.", faults=faults)


def parameter(name: str, detail: str, allowed: tuple[Any, ...] = ()) -> Fault:
    """A fault of a query parameter."""
    return Fault(code=ValidationFailed.code, detail=detail, parameter=name, allowed=allowed)


async def _arrived(request: Visit, seconds: float) -> bytearray:
    """The body; a clock runs only for one that is still on its way."""
    if request.is_whole:
        return await _capped(request)
    try:
        async with asyncio.timeout(seconds):
            return await _capped(request)
    except TimeoutError:
        raise RequestTimeout("The request body did not arrive in time.") from None


async def _capped(request: Visit) -> bytearray:
    declared = request.lines.first(b"content-length")
    if _LENGTH.fullmatch(declared) and int(declared) > MAX_BODY:
        raise BodyTooLarge(f"A body holds at most {MAX_BODY} bytes.")
    data, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest("The request body broke off.")
        part = message.get("body", b"")
        request.bytes_in += len(part)
        data += part
        if len(data) > MAX_BODY:
            raise BodyTooLarge(f"A body holds at most {MAX_BODY} bytes.")
        more = message.get("more_body", False)
    return data


def _fault(model: type[BaseModel], value: Any, detail: ErrorDetails) -> Fault:
    """A fault as the caller sees it; the value itself is never repeated."""
    where = pointer(*_within(value, detail["loc"]))
    kind, allowed = detail["type"], ()
    text = _WORDS.get(kind) or detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        text = _unknown("member", str(detail["loc"][-1]), _members(model, detail["loc"]))
    elif kind == "string_pattern_mismatch":
        text = f"has to match {detail['ctx']['pattern']}"
    elif kind == "literal_error":
        allowed = tuple(_QUOTED.findall(detail["ctx"]["expected"]))
        text = f"is none of {', '.join(allowed)}"
    return Fault(
        code=ValidationFailed.code,
        detail=text[:1].lower() + text[1:],
        pointer=where,
        allowed=allowed,
    )


def _within(value: Any, loc: tuple[Any, ...]) -> list[int | str]:
    """The part of an error's place that lies in the body: pydantic adds names of types to it."""
    path: list[int | str] = []
    for step, part in enumerate(loc, start=1):
        known = range(len(value)) if isinstance(value, list) else value
        if isinstance(value, (dict, list)) and (part in known or step == len(loc)):
            path.append(part)
            value = value[part] if part in known else None
    return path


def _members(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The members known where a stranger was found, so that the nearest can be suggested."""
    within: type[BaseModel] | None = model
    for part in loc[:-1]:
        if within is not None and isinstance(part, str):
            within = _model_in(within.model_fields[part].annotation)
    return list(within.model_fields) if within else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation such as `tuple[Model, ...] | None` speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"there is no {kind} {name[:64]}{hint}"


def limit(found: Mapping[str, list[str]], faults: list[Fault]) -> int:
    """How many items of a list are wanted; another value than a number in range is a fault."""
    value = single(found, "limit", str(DEFAULT_LIMIT))
    if re.fullmatch(r"[0-9]{1,3}", value) and 1 <= int(value) <= MAX_LIMIT:
        return int(value)
    faults.append(parameter("limit", f"a number from 1 to {MAX_LIMIT} is expected"))
    return DEFAULT_LIMIT


def single(found: Mapping[str, list[str]], name: str, default: str = "") -> str:
    """The value of a parameter that may stand once."""
    return found.get(name, [default])[0]
