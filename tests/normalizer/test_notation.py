"""The simplest rows: a text, a flag, and the row that can nothing."""

from typing import Any

import pytest

from gateway.canonical.capabilities import NOTHING
from gateway.normalizer.notation import Flag, Key, Notation, Unreadable
from tests.normalizer.acme import context

CONTEXT = context()


def test_a_bare_row_neither_reads_nor_writes() -> None:
    row = Notation(can=NOTHING)
    assert row.ability(None) == NOTHING
    assert (row.keys, row.through, row.misfit("x", CONTEXT)) == ((), None, None)
    with pytest.raises(NotImplementedError):
        row.read({}, CONTEXT)
    with pytest.raises(NotImplementedError):
        row.write("x", CONTEXT)


def test_a_text_is_read_whole_and_written_under_its_key() -> None:
    row = Key("title")
    reading = row.read({"title": "Roof"}, CONTEXT)
    assert (reading.value, tuple(reading.whole)) == ("Roof", ("title",))
    assert row.write("Roof", CONTEXT) == {"title": "Roof"}
    assert row.clear(CONTEXT) == {"title": None}
    assert (row.owns("title"), row.owns("name")) == (True, False)


@pytest.mark.parametrize("raw", [5, True, ["Roof"], {"value": "Roof"}])
def test_what_is_no_text_is_not_read_as_one(raw: Any) -> None:
    with pytest.raises(Unreadable, match="title is not a text"):
        Key("title").read({"title": raw}, CONTEXT)


@pytest.mark.parametrize(
    ("raw", "value", "whole"),
    [(True, False, ("active",)), (False, True, ("active",)), (None, False, ())],
)
def test_a_flag_says_the_opposite_of_the_vendor_s_boolean(
    raw: Any, value: bool, whole: tuple[str, ...]
) -> None:
    reading = Flag("active").read({"active": raw}, CONTEXT)
    assert (reading.value, tuple(reading.whole)) == (value, whole)


@pytest.mark.parametrize("raw", ["false", 0, {}])
def test_a_flag_takes_nothing_for_a_boolean(raw: Any) -> None:
    with pytest.raises(Unreadable, match="active is not a boolean"):
        Flag("active").read({"active": raw}, CONTEXT)


@pytest.mark.parametrize(("raw", "value"), [("2026-01-01T00:00:00Z", True), (None, False)])
def test_a_flag_can_follow_from_a_time_that_is_set(raw: Any, value: bool) -> None:
    """The time itself is told elsewhere, so the flag holds nothing whole."""
    reading = Flag("archived_at", true_if_set=True).read({"archived_at": raw}, CONTEXT)
    assert (reading.value, tuple(reading.whole)) == (value, ())


def test_a_custom_field_is_called_by_its_alias_where_it_has_one() -> None:
    where = context(aliases={"source": "k1"})
    assert (where.alias("k1"), where.alias("k2")) == ("source", "k2")
