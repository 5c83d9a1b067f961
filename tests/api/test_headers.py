"""Request headers: conditions, preferences, deadlines and ids, read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import headers
from gateway.errors import MalformedRequest
from tests.sandboxed import Answered, Sandboxed

JUNK = [
    "",
    "   ",
    "abc",
    '"abc',
    'abc"',
    '*, "abc"',
    '"a" "b"',
    'w/"abc"',
    '"a b"',
    '"a","b',
    "W/*",
    '"a";q=1',
]
"""What is no list of entity tags (RFC 9110 8.8.3)."""


def sent(*lines: tuple[str, str]) -> headers.Lines:
    """Headers as they came, one line each."""
    return headers.Lines(
        [(name.lower().encode(), value.encode("latin-1")) for name, value in lines]
    )


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ("*", ["*"]),
        (" * ", ["*"]),
        ('"abc"', ['"abc"']),
        ('W/"abc"', ['W/"abc"']),
        ('""', ['""']),
        ('"a", W/"b" ,"c,d"', ['"a"', 'W/"b"', '"c,d"']),
        (', "a",, "b",', ['"a"', '"b"']),
        ('"\xe4\xff"', ['"\xe4\xff"']),
    ],
)
def test_a_list_of_entity_tags_is_read(value: str, tags: list[str]) -> None:
    """Empty members of a list are no tags (RFC 9110 5.6.1)."""
    assert headers.etags(sent(("If-Match", value)), "if-match") == tags


def test_a_condition_may_stand_on_several_lines() -> None:
    """Lines of one name are one list (RFC 9110 5.3)."""
    lines = sent(("If-Match", '"a"'), ("If-Match", '"b"'))
    assert headers.etags(lines, "if-match") == ['"a"', '"b"']


def test_no_condition_is_none() -> None:
    """Absent is not empty."""
    assert headers.etags(sent(), "if-match") is None


@pytest.mark.parametrize("value", JUNK)
def test_what_is_no_list_of_entity_tags_is_malformed(value: str) -> None:
    """A condition that cannot be read is never taken for none."""
    with pytest.raises(MalformedRequest) as caught:
        headers.etags(sent(("If-Match", value)), "if-match")
    assert [fault.header for fault in caught.value.faults] == ["if-match"]


def test_a_long_list_that_fails_fails_at_once() -> None:
    """A blank fits in one place only, so nothing is tried over and over."""
    with pytest.raises(MalformedRequest):
        headers.etags(sent(("If-Match", ",   " * 5000 + "x")), "if-match")


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_any_condition_is_read_or_malformed(value: str) -> None:
    """Nothing else comes of a header, whatever stands in it."""
    try:
        tags = headers.etags(sent(("If-Match", value)), "if-match")
    except MalformedRequest:
        return
    assert tags == ["*"] or all(tag.endswith('"') for tag in tags or ())


@pytest.mark.parametrize(
    ("lines", "lenient"),
    [
        ([], False),
        (["handling=lenient"], True),
        (["handling=strict"], False),
        (["Handling = Lenient"], True),
        (['handling="lenient"'], True),
        (["respond-async, handling=lenient; x=1"], True),
        (["respond-async", "handling=lenient"], True),
        (["handling=strict, handling=lenient"], False),
        (["handling=lenient", "handling=strict"], True),
        (["handling=lenientish"], False),
        (["handling"], False),
        (["lenient"], False),
    ],
)
def test_lenient_handling_is_asked_by_name(lines: list[str], lenient: bool) -> None:
    """The first mention counts, on whichever line (RFC 7240 2)."""
    assert headers.is_lenient(sent(*(("Prefer", line) for line in lines))) is lenient


@pytest.mark.parametrize(
    ("value", "seconds"), [("100", 0.1), ("2500", 2.5), ("30000", 30), ("120000", 30)]
)
def test_the_callers_time_is_capped_by_the_limit(value: str, seconds: float) -> None:
    """Whoever asks for longer gets the limit."""
    assert headers.timeout_seconds(sent(("X-Request-Timeout-Ms", value)), 30) == seconds


def test_without_a_word_the_limit_holds() -> None:
    """The header is a wish for less."""
    assert headers.timeout_seconds(sent(), 30) == 30


@pytest.mark.parametrize(
    "value", ["", "99", "120001", "-500", "1e3", "500.0", "0x400", "³00", "1_000", "5 s", "9" * 30]
)
async def test_junk_for_a_time_is_malformed(house: Sandboxed, value: str) -> None:
    """It is refused by name, before any vendor is asked."""
    raw = [(b"X-Request-Timeout-Ms", value.encode("latin-1"))]
    answer = Answered(await house.api.get("/v1/opportunities/acme-close.oppo_1", headers=raw))
    assert (answer.status, answer.code) == (400, "malformed-request")
    assert [error["header"] for error in answer.json["errors"]] == ["X-Request-Timeout-Ms"]
    assert house.vendor("close").ledger.requests == []


def test_a_time_that_stands_twice_is_malformed() -> None:
    """Which of the two was meant is nobody's guess."""
    with pytest.raises(MalformedRequest):
        headers.timeout_seconds(
            sent(("X-Request-Timeout-Ms", "500"), ("X-Request-Timeout-Ms", "900")), 30
        )


@pytest.mark.parametrize("given_id", ["12345678", "a.b_c:d-E9", "x" * 128])
async def test_a_request_id_of_the_form_is_echoed(house: Sandboxed, given_id: str) -> None:
    """In the header and in the problem, so that logs of both sides meet."""
    answer = await house.ask("GET", "/v1/opportunities/nothing", X_Request_Id=given_id)
    assert answer.headers["x-request-id"] == given_id == answer.json["request_id"]


@pytest.mark.parametrize(
    "given_id", ["", "short", "x" * 129, "with blank", "a<script>b", "1234567\xe4"]
)
async def test_a_request_id_of_another_form_is_replaced(house: Sandboxed, given_id: str) -> None:
    """Junk is neither echoed nor a fault."""
    raw = [(b"X-Request-Id", given_id.encode("latin-1"))]
    answer = Answered(await house.api.get("/v1/connections", headers=raw))
    assert answer.status == 200
    assert headers._REQUEST_ID.fullmatch(answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] != given_id


async def test_every_request_has_an_id_of_its_own(house: Sandboxed) -> None:
    """Two requests without one get two."""
    first = await house.ask("GET", "/livez")
    second = await house.ask("GET", "/nowhere")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
