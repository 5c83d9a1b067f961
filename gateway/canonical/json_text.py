"""JSON whose numbers are exact: fractions are read as `Decimal` and written with their own digits.

It serves caller bodies, vendor bodies, answers and stored records alike, because the ready-made
ways either pass a number through a binary float or quote it as a string.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 400
"""Digits a number may have in plain notation; `1e999999` is a bomb, not an amount."""

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""The closing quote is optional: a text that never closes one must not cost its length squared."""
_BRACKETS = re.compile(r"[\[\]{}]")
_ANY_SURROGATE = re.compile("[\ud800-\udfff]|\\\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonTextError(ValueError):
    """The text is not JSON as this gateway reads it; the message says where and why."""


def read(data: bytes | bytearray | str, *, half_pairs: bool = False) -> Any:
    """Reads strict JSON (RFC 8259): no duplicate names, no NaN, no lone surrogates, depth 64.

    Integers become `int`, every other number `Decimal`. `half_pairs` lets half of a surrogate pair
    pass, for vendors that cut a string inside an emoji. Raises `JsonTextError`.
    """
    text = data if isinstance(data, str) else _decoded(bytes(data))
    _refuse_depth(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise JsonTextError(f"{error.msg} at {where}") from None
    if not half_pairs and _ANY_SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def write(value: Any, *, sort_keys: bool = False) -> bytes:
    """Writes JSON as UTF-8 without blanks; `sort_keys` gives the form that digests are made of.

    Raises `TypeError` for what is not JSON, a float included: money never rides on one.
    """
    parts: list[str] = []
    _write(value, parts.append, sort_keys)
    return "".join(parts).encode()


def plain(number: Decimal) -> str:
    """A decimal's digits without an exponent; minus zero is zero."""
    return f"{number.copy_abs() if number.is_zero() else number:f}"


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonTextError(f"not UTF-8 at byte {error.start}") from None


def _refuse_depth(text: str) -> None:
    """Counts brackets before the scanner recurses: the scanner's own end is a RecursionError."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub('""', text)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > MAX_DEPTH:
            raise JsonTextError(f"nested deeper than {MAX_DEPTH} levels")


def _refuse_lone_surrogates(value: Any) -> None:
    if isinstance(value, str):
        if _LONE_SURROGATE.search(value):
            raise JsonTextError("a string holds half of a surrogate pair")
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_lone_surrogates(name)
            _refuse_lone_surrogates(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_lone_surrogates(member)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonTextError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _fraction(digits: str) -> Decimal:
    if len(digits) <= MAX_DIGITS:
        with suppress(ArithmeticError):  # an exponent that no decimal has
            number = Decimal(digits)
            if -MAX_DIGITS < number.adjusted() < MAX_DIGITS:
                return number
    raise JsonTextError(f"a number has more than {MAX_DIGITS} digits")


def _constant(name: str) -> Any:
    raise JsonTextError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonTextError(f"the name {name[:64]!r} stands twice in one object")
            seen.add(name)
    return members


_DECODER = json.JSONDecoder(
    parse_float=_fraction,
    parse_int=_integer,
    parse_constant=_constant,
    object_pairs_hook=_object,
)


def _text(value: str) -> str:
    """Half a surrogate pair is written as an escape, so that the bytes stay UTF-8."""
    return (
        encode_basestring_ascii(value)
        if _LONE_SURROGATE.search(value)
        else encode_basestring(value)
    )


def _write(value: Any, emit: Callable[[str], None], sort_keys: bool) -> None:
    if isinstance(value, str):
        emit(_text(value))
    elif value is None:
        emit("null")
    elif value is True:
        emit("true")
    elif value is False:
        emit("false")
    elif isinstance(value, int):
        emit(int.__repr__(value))
    elif isinstance(value, Decimal) and value.is_finite():
        emit(plain(value))
    elif isinstance(value, Mapping):
        _write_object(value, emit, sort_keys)
    elif isinstance(value, (list, tuple)):
        separator = "["
        for member in value:
            emit(separator)
            _write(member, emit, sort_keys)
            separator = ","
        emit("]" if separator == "," else "[]")
    else:
        raise TypeError(f"{type(value).__name__} is not JSON")


def _write_object(value: Mapping[str, Any], emit: Callable[[str], None], sort_keys: bool) -> None:
    separator = "{"
    for name, member in sorted(value.items()) if sort_keys else value.items():
        emit(separator)
        emit(_text(name))
        emit(":")
        _write(member, emit, sort_keys)
        separator = ","
    emit("}" if separator == "," else "{}")
