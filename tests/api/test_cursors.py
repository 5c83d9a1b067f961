"""Cursors: opaque, signed, and bound to a caller, a query and its connections for a day."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.cursors import LIFE_SECONDS, Cursors
from gateway.errors import InvalidCursor
from gateway.idempotency.signing import SigningKey
from gateway.listing import Position

OLD = SigningKey("old", b"o" * 32)
NEW = SigningKey("new", b"n" * 32)
QUERY = {"limit": "50", "connection": ["a", "b"]}
HERE = Position(("a", "b"), {"page": 3, "after": "x"})
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ ."


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time at which cursors are written."""
    return Clock()


def refused(cursors: Cursors, cursor: str, *, caller: str = "me", query: object = QUERY) -> str:
    """What is said of a cursor that does not fit."""
    with pytest.raises(InvalidCursor) as caught:
        cursors.read(cursor, caller=caller, query=query)  # type: ignore[arg-type]
    return caught.value.message


@pytest.mark.parametrize(
    "place", [None, 0, 250, "cursor of the vendor's own", {"a": [1, None]}, "ünïcode"]
)
def test_a_cursor_leads_back_to_its_place(clock: Clock, place: object) -> None:
    """Whatever JSON a translator gave as its place."""
    cursors = Cursors((NEW,), clock)
    there = Position(("b",), place)
    cursor = cursors.write(there, caller="me", query=QUERY)
    assert cursors.read(cursor, caller="me", query=QUERY) == there
    assert set(cursor) <= set(ALPHABET[:64])


def test_a_cursor_is_its_callers_own(clock: Clock) -> None:
    """Another caller cannot go on where this one ended."""
    cursors = Cursors((NEW,), clock)
    cursor = cursors.write(HERE, caller="me", query=QUERY)
    assert "another caller" in refused(cursors, cursor, caller="you")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {**QUERY, "limit": "51"},
        {**QUERY, "connection": ["a"]},
        {**QUERY, "connection": ["b", "a"]},
        {**QUERY, "status": "won"},
    ],
)
def test_a_cursor_belongs_to_its_query(clock: Clock, query: object) -> None:
    """Other parameters, another list."""
    cursors = Cursors((NEW,), clock)
    cursor = cursors.write(HERE, caller="me", query=QUERY)
    assert "another query" in refused(cursors, cursor, query=query)


def test_a_cursor_dies_after_a_day(clock: Clock) -> None:
    """At the last second it still leads on."""
    cursors = Cursors((NEW,), clock)
    cursor = cursors.write(HERE, caller="me", query=QUERY)
    clock.now += LIFE_SECONDS
    assert cursors.read(cursor, caller="me", query=QUERY) == HERE
    clock.now += 1
    assert "24 hours" in refused(cursors, cursor)


def test_keys_are_rotated_without_a_break(clock: Clock) -> None:
    """The first key signs, all verify; a cursor of a key that is gone is refused."""
    before, between, after = (
        Cursors((OLD,), clock),
        Cursors((NEW, OLD), clock),
        Cursors((NEW,), clock),
    )
    of_old = before.write(HERE, caller="me", query=QUERY)
    of_new = between.write(HERE, caller="me", query=QUERY)
    assert between.read(of_old, caller="me", query=QUERY) == HERE
    assert after.read(of_new, caller="me", query=QUERY) == HERE
    assert "was not made here" in refused(after, of_old)
    assert "was not made here" in refused(before, of_new)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "====", "ä", "null", "a" * 5000, base64.urlsafe_b64encode(b"0" * 16 + b"7").decode(),
     base64.urlsafe_b64encode(b"0" * 16 + b"{}").decode(),
     base64.urlsafe_b64encode(b"0" * 16 + b'{"k":["new"]}').decode()],
)  # fmt: skip
def test_junk_is_no_cursor(clock: Clock, cursor: str) -> None:
    """Whatever it is made of, it is refused and no fault of ours."""
    assert "Begin the list again" in refused(Cursors((NEW,), clock), cursor)


@given(st.data())
def test_no_changed_cursor_is_taken(data: st.DataObject) -> None:
    """Not one character can be changed, cut or added."""
    cursors = Cursors((NEW,), Clock())
    cursor = cursors.write(HERE, caller="me", query=QUERY)
    place = data.draw(st.integers(0, len(cursor)))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(st.text(ALPHABET, max_size=3))
    changed = cursor[:place] + put + cursor[place + cut :]
    if changed != cursor:
        refused(cursors, changed)
