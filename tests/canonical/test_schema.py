"""Dates and times of requests: one form each, nothing that cannot be kept."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.schema import is_date, is_instant


@given(st.dates())
def test_every_calendar_date_is_a_date(day: object) -> None:
    assert is_date(str(day))


@pytest.mark.parametrize(
    "text",
    ["", "2026-2-3", "20260203", "2026-02-30", "2026-W05-1", "2026-02-03T00:00:00Z", "2026-02-03\n",
     "٢٠٢٦-٠٢-٠٣", "0000-01-01"],
)  # fmt: skip
def test_any_other_text_is_no_date(text: str) -> None:
    assert not is_date(text)


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
    st.sampled_from(["Z", "z", "+00:00", "-00:00", "+05:30", "-09:45"]),
)
def test_a_moment_with_its_offset_is_a_time(moment: datetime, zone: str) -> None:
    assert is_instant(moment.isoformat() + zone)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-30",
        "2026-11-30T12:00:00",
        "2026-11-30T12:00Z",
        "2026-11-30 12:00:00Z",
        "2026-11-30T12:00:00Z\n",
        "2026-11-30T25:00:00Z",
        "2026-11-30T12:00:60Z",
        "2026-11-31T12:00:00Z",
        "2026-11-30T12:00:00.Z",
        "2026-11-30T12:00:00+24:00",
        "2026-11-30T12:00:00+05:60",
        "٢٠٢٦-11-30T12:00:00Z",
        "2026-11-30T12:00:00.٣Z",
    ],
)
def test_any_other_text_is_no_time(text: str) -> None:
    assert not is_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_beyond_the_calendar_in_utc_is_none(text: str) -> None:
    """Answers show times in UTC, so one that has no UTC form cannot be promised."""
    assert not is_instant(text)
