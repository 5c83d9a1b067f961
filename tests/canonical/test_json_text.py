"""JSON text: exact, strict, and safe to read from anybody."""

import json
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from gateway.canonical import json_text
from gateway.canonical.json_text import MAX_DEPTH, MAX_DIGITS, JsonTextError
from tests.canonical.json_values import JSON


class Sign(Enum):
    """What orjson would write as its value."""

    PLUS = "+"


def typed(value: Any) -> Any:
    """A value with the types of its numbers, which plain equality does not tell apart."""
    if isinstance(value, dict):
        return {name: typed(member) for name, member in value.items()}
    if isinstance(value, list):
        return [typed(member) for member in value]
    return (type(value).__name__, str(value))


@given(JSON)
def test_what_was_written_is_read_back_with_every_digit(value: Any) -> None:
    assert typed(json_text.read(json_text.write(value))) == typed(value)


@given(JSON)
def test_what_is_written_is_json_to_every_other_reader(value: Any) -> None:
    assert json.loads(json_text.write(value), parse_float=Decimal) == value


@pytest.mark.parametrize(
    "digits",
    [
        "0.1",
        "9007199254740993",
        "2147483648",
        "7500.00",
        "123456789012345678901234567890.123456789",
    ],
)
def test_a_number_keeps_its_own_digits(digits: str) -> None:
    """Neither 2^53 nor 2^31 is a border, and trailing zeros stay."""
    assert json_text.write(json_text.read(digits)) == digits.encode()


@pytest.mark.parametrize(
    ("text", "digits"),
    [("1E+2", "100"), ("1.5e-3", "0.0015"), ("-0.0", "0.0"), ("-0", "0"), ("0e5", "0")],
)
def test_a_number_is_written_without_exponent_and_zero_without_minus(
    text: str, digits: str
) -> None:
    assert json_text.write(json_text.read(text)) == digits.encode()


def test_whole_numbers_are_integers_and_all_others_decimals() -> None:
    assert typed(json_text.read("[1, 1.0, 1e0]")) == [
        ("int", "1"),
        ("Decimal", "1.0"),
        ("Decimal", "1"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b'{"a": 1, "a": 1}', "stands twice"),
        (b'[{"b": {"a": 1, "c": 2, "a": 3}}]', "'a' stands twice"),
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b'"\xed\xa0\xbd"', "not UTF-8"),
        (b'"\\ud83d"', "half of a surrogate pair"),
        (b'{"\\ude00": 1}', "half of a surrogate pair"),
        (b'["x", {"y": ["\\ud83d "]}]', "half of a surrogate pair"),
        (b"", "line 1 column 1"),
        (b'{"a": 1,}', "line 1 column"),
        (b"[1] 2", "Extra data"),
        (b"01", "Extra data"),
        (b"'a'", "line 1 column 1"),
        (b'"a\nb"', "control character"),
        (b"\xef\xbb\xbf{}", "line 1 column 1"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_a_reason(text: bytes, complaint: str) -> None:
    with pytest.raises(JsonTextError, match=complaint):
        json_text.read(text)


@pytest.mark.parametrize(
    "number",
    [
        "9" * (MAX_DIGITS + 1),
        "0." + "1" * MAX_DIGITS,
        f"1e{MAX_DIGITS}",
        f"1e-{MAX_DIGITS}",
        "1e999999",
        "0e999999",
        "1e99999999999999999999",
        "-1.5E-99999999999999999999",
    ],
)
def test_a_number_that_would_fill_the_memory_is_refused(number: str) -> None:
    """Some exponents are more than a decimal itself can have."""
    with pytest.raises(JsonTextError, match="more than 400 digits"):
        json_text.read(f"[{number}]")


def test_a_number_of_the_greatest_length_is_read() -> None:
    assert json_text.read("9" * MAX_DIGITS) == 10**MAX_DIGITS - 1


@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_before_anything_recurses(left: str, right: str) -> None:
    deepest = left * MAX_DEPTH + "1" + right * MAX_DEPTH
    assert json_text.write(json_text.read(deepest)) == deepest.encode()
    for depth in (MAX_DEPTH + 1, 200_000):
        with pytest.raises(JsonTextError, match="deeper than 64"):
            json_text.read(left * depth)


def test_brackets_inside_strings_are_no_depth() -> None:
    text = '"' + "[{" * 100 + '\\"' + '"'
    assert json_text.read(f"[{text}]") == ["[{" * 100 + '"']


def test_a_string_that_never_ends_costs_no_more_than_its_length() -> None:
    """Trying every quote as a beginning would take hours here, and the suite's timeout end it."""
    with pytest.raises(JsonTextError, match="Unterminated string"):
        json_text.read("[" + "[]," * 80 + '"' + '\\"' * 500_000)


def test_half_pairs_pass_where_a_vendor_cuts_strings() -> None:
    """Half an emoji is read, and written as an escape, so that the bytes stay UTF-8."""
    value = json_text.read('["a\\ud83d"]', half_pairs=True)
    assert json_text.write(value) == b'["a\\ud83d"]'


def test_a_whole_pair_is_one_character() -> None:
    assert json_text.write(json_text.read('"\\ud83d\\ude00"')) == '"😀"'.encode()


def test_text_that_is_already_decoded_is_held_to_the_same_rules() -> None:
    with pytest.raises(JsonTextError, match="surrogate"):
        json_text.read('"\ud83d"')


@pytest.mark.parametrize(
    "value",
    [
        1.5, float("nan"), Decimal("NaN"), Decimal("Infinity"), {1: 2}, {"a": {3}}, object(), b"x",
        UUID(int=1), date(2026, 11, 21), Sign.PLUS, {"a": [{"b": (1.5,)}]}, [2**64, 1.5],
    ],
)  # fmt: skip
def test_what_is_not_json_is_not_written(value: Any) -> None:
    """A float above all: money never rides on one."""
    with pytest.raises(TypeError):
        json_text.write(value)


def test_numbers_with_names_and_tuples_are_written_as_what_they_are() -> None:
    class Level(IntEnum):
        HIGH = 3

    assert json_text.write((Level.HIGH, [], {}, True)) == b"[3,[],{},true]"


class Part(BaseModel):
    """Of a model."""

    amount: Decimal | None = None
    notes: tuple[str, ...] = ()


class Whole(BaseModel):
    """With every kind of member that answers have."""

    part: Part | None
    parts: tuple[Part, ...]
    kept: dict[str, Any]
    is_last: bool = False


@given(
    st.builds(
        Whole,
        part=st.none() | st.builds(Part),
        parts=st.lists(st.builds(Part), max_size=2).map(tuple),
        kept=st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    )
)
def test_a_model_is_written_as_the_object_of_its_members(whole: Whole) -> None:
    assert json_text.write(whole) == json_text.write(whole.model_dump())


def test_a_float_in_a_model_is_not_written() -> None:
    with pytest.raises(TypeError):
        json_text.write([Whole(part=None, parts=(), kept={"a": 1.5})])


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=4)
"""Halves of surrogate pairs and control characters are in it."""
ANY_NUMBER = st.integers() | st.sampled_from([2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1])
ANY_JSON = st.recursive(
    JSON | ANY_NUMBER | ANY_TEXT | st.decimals(allow_nan=False, allow_infinity=False),
    lambda within: (
        st.lists(within, max_size=4).map(tuple)
        | st.dictionaries(ANY_TEXT, within, max_size=4)
        | st.builds(
            Whole,
            part=st.builds(Part, notes=st.lists(ANY_TEXT, max_size=2).map(tuple)),
            parts=st.just(()),
            kept=st.dictionaries(ANY_TEXT, within, max_size=3),
        )
    ),
    max_leaves=12,
)


@given(ANY_JSON, st.booleans())
def test_what_orjson_writes_is_what_our_own_way_writes(value: Any, sort_keys: bool) -> None:
    ours = json_text.carefully(value, sort_keys=sort_keys).encode()
    assert json_text.write(value, sort_keys=sort_keys) == ours


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=6), st.randoms())
def test_sorted_keys_make_one_form_of_one_object(value: dict[str, int], chance: Any) -> None:
    members = list(value.items())
    chance.shuffle(members)
    shuffled = dict(members)
    assert json_text.write(shuffled, sort_keys=True) == json_text.write(value, sort_keys=True)
