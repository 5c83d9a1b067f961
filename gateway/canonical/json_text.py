"""JSON whose numbers are exact: fractions are read as `Decimal` and written with their own digits.

It serves caller bodies, vendor bodies, answers and stored records alike, because the ready-made
ways either pass a number through a binary float or quote it as a string. What is written comes from
orjson, a twentieth of what our own way costs, wherever it says byte for byte what ours does.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final

import orjson
from pydantic import BaseModel

MAX_DEPTH = 64
MAX_DIGITS = 400
"""Digits a number may have in plain notation; `1e999999` is a bomb, not an amount."""

_NO_MARKS = bytes(set(range(256)) - set(b'"[]{}'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_ESCAPED = b"\\u"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonTextError(ValueError):
    """The text is not JSON as this gateway reads it; the message says where and why."""


def read(data: bytes | bytearray | str, *, half_pairs: bool = False) -> Any:
    """Reads strict JSON (RFC 8259): no duplicate names, no NaN, no lone surrogates, depth 64.

    Integers become `int`, every other number `Decimal`. `half_pairs` lets half of a surrogate pair
    pass, for vendors that cut a string inside an emoji. Raises `JsonTextError`.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    _refuse_depth(raw)
    text = data if isinstance(data, str) else _decoded(raw)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise JsonTextError(f"{error.msg} at {where}") from None
    if not half_pairs and (_ESCAPED in raw or isinstance(data, str)):  # UTF-8 itself has none
        _refuse_lone_surrogates(value)
    return value


def write(value: Any, *, sort_keys: bool = False) -> bytes:
    """Writes JSON as UTF-8 without blanks; `sort_keys` gives the form that digests are made of.

    A model is written as the object of its members. Raises `TypeError` for what is not JSON, a
    float included: money never rides on one.
    """
    try:
        _refuse_strangers((value,))
        # Copied, as what orjson returns keeps the room it was written in: 4 kB where 100 bytes are.
        return b"%b" % orjson.dumps(value, _exact, orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:
        return carefully(value, sort_keys=sort_keys).encode()


def plain(number: Decimal) -> str:
    """A decimal's digits without an exponent; minus zero is zero."""
    return f"{number.copy_abs() if number.is_zero() else number:f}"


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonTextError(f"not UTF-8 at byte {error.start}") from None


def _refuse_depth(raw: bytes) -> None:
    """Peels pairs of brackets off, a level at a time, before the scanner recurses into them.

    The scanner's own end is a RecursionError. Which bracket closes which, it tells by itself.
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    unescaped = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes side by side change nothing, and are most of what is left: splitting at each costs.
    marks = unescaped.translate(_ONE_KIND, _NO_MARKS).replace(b'""', b"")
    left = b"".join(marks.split(b'"')[::2])
    level = 0
    while b"[]" in left and level < MAX_DEPTH:
        left, level = left.replace(b"[]", b""), level + 1
    if b"[]" in left or left.count(b"[") > MAX_DEPTH:
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


def _refuse_strangers(values: Iterable[Any]) -> None:
    """Raises `TypeError` unless all of it is of the very kinds that orjson writes as we do.

    It writes a float, an enum or a UUID without a word, and has no switch against that.
    """
    for each in values:
        if (kind := type(each)) not in _SCALARS:
            _refuse_strangers(_MEMBERS[kind](each))


class _Members(dict[type, Callable[[Any], Iterable[Any]]]):
    """How the members of a value are told; a model's kind is remembered when it is first seen."""

    def __missing__(self, kind: type) -> Callable[[Any], Iterable[Any]]:
        if not issubclass(kind, BaseModel):
            raise TypeError(f"{kind.__name__} is left to us")
        self[kind] = _model_members
        return _model_members


def _model_members(model: BaseModel) -> Iterable[Any]:
    return vars(model).values()


_SCALARS: Final = frozenset({str, int, bool, type(None), Decimal})
_MEMBERS: Final = _Members({dict: dict.values, list: iter, tuple: iter})


def _exact(value: Any) -> Any:
    """What orjson asks about: a decimal, which goes out with its own digits, or a model."""
    return orjson.Fragment(_digits(value)) if type(value) is Decimal else vars(value)


def carefully(value: Any, *, sort_keys: bool) -> str:
    """The same text, at length: any number, any string, and whatever is a kind of the known kinds.

    What a number beyond 64 bits or half of a surrogate pair comes to is decided here.
    """
    if isinstance(value, BaseModel):
        value = vars(value)
    if isinstance(value, Mapping):
        members = sorted(value.items()) if sort_keys else value.items()
        told = (f"{_text(name)}:{carefully(each, sort_keys=sort_keys)}" for name, each in members)
        return "{" + ",".join(told) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(carefully(each, sort_keys=sort_keys) for each in value) + "]"
    for kind, spelled in _SPELLED:
        if isinstance(value, kind):
            return spelled(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _text(value: str) -> str:
    """A string; one with half of a surrogate pair in ASCII, so that the bytes stay UTF-8."""
    cut = _LONE_SURROGATE.search(value)
    return encode_basestring_ascii(value) if cut else encode_basestring(value)


def _digits(number: Decimal) -> str:
    if not number.is_finite():
        raise TypeError("Decimal is not JSON")
    return plain(number)


_WORDS: Final[Mapping[bool | None, str]] = {None: "null", True: "true", False: "false"}
_SPELLED: Final[Sequence[tuple[type, Callable[[Any], str]]]] = (
    (str, _text), (bool, _WORDS.__getitem__), (type(None), _WORDS.__getitem__),
    (int, int.__repr__), (Decimal, _digits),
)  # fmt: skip
