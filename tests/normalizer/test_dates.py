"""Dates and times: UTC for instants, the connection's zone for days (api.md 5)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.schema import is_date, is_instant
from gateway.normalizer.dates import (
    EndOfDay,
    Moment,
    day_of,
    end_of_day,
    instant,
    moment,
    moved,
    today,
)
from gateway.normalizer.notation import Unreadable
from tests.canonical.json_values import JSON
from tests.normalizer.acme import context

ZONES = (
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "America/Scoresbysund",
    "Africa/Nairobi",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
DUE = EndOfDay("due")
TIMES = st.from_regex(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,12})?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})?",
    fullmatch=True,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("2013-02-01T00:54:51.337000+00:00", "2013-02-01T00:54:51.337Z"),
        ("2013-02-01T00:54:51.000000+00:00", "2013-02-01T00:54:51Z"),
        ("2013-02-01T00:54:51Z", "2013-02-01T00:54:51Z"),
        ("2013-02-01t00:54:51z", "2013-02-01T00:54:51Z"),
        ("2026-11-30T23:30:00-05:00", "2026-12-01T04:30:00Z"),
        ("2026-11-30T23:30:00.5+05:45", "2026-11-30T17:45:00.5Z"),
        ("2026-11-30T12:00:00.123456789012Z", "2026-11-30T12:00:00.123456789012Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00Z"),
    ],
)
def test_an_instant_is_shown_in_utc_with_its_fraction(raw: str, shown: str) -> None:
    """Fractions are kept to the last digit that says something."""
    assert instant(raw) == shown


def test_a_time_without_an_offset_is_utc() -> None:
    assert instant("2026-06-19T09:22:10.931820") == "2026-06-19T09:22:10.93182Z"


@pytest.mark.parametrize(
    "raw",
    [
        *(None, 5, True, {}, [], "", "Z", "soon", "2026-11-30", "2026-11-30T12:00Z"),
        *("2026-11-30 12:00:00Z", "2026-02-30T12:00:00Z", "2026-11-30T12:00:00+25:00"),
        *("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "2026-11-30T12:00:00.٣Z"),
    ],
)
def test_what_is_no_time_is_unreadable(raw: Any) -> None:
    with pytest.raises(Unreadable):
        instant(raw)


@given(JSON | TIMES, st.sampled_from(ZONES))
def test_no_text_whatever_breaks_the_reading_of_a_day_or_time(raw: Any, zone: str) -> None:
    """Not even one at the end of the calendar: it is read, or it is unreadable."""
    try:
        shown, day = instant(raw), day_of(raw, context(zone=zone))
    except Unreadable:
        return
    assert is_instant(shown)
    assert is_date(day)


@given(TIMES | st.datetimes(timezones=st.timezones()).map(datetime.isoformat))
def test_an_instant_is_what_rfc_3339_calls_one(raw: str) -> None:
    """What is cut by its places is what the form of a request's times takes, no more, no less."""
    has_zone = raw[-1:] in {"Z", "z"} or raw[-6:-5] in {"+", "-"}
    try:
        instant(raw)
    except Unreadable:
        assert not is_instant(raw if has_zone else f"{raw}Z")
    else:
        assert is_instant(raw if has_zone else f"{raw}Z")


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_means_the_same_moment(when: datetime) -> None:
    assert moment(instant(when.isoformat())) == when


@given(st.dates(), st.sampled_from(ZONES))
def test_a_day_is_read_back_or_refused(day: date, zone: str) -> None:
    """The law, over every day of the calendar and zones with odd clocks."""
    where, text = context(zone=zone), day.isoformat()
    if DUE.misfit(text, where) is None:
        assert DUE.read(DUE.write(text, where), where).value == text


@given(st.dates(date(1990, 1, 1), date(2035, 1, 1)), st.sampled_from(ZONES))
def test_only_a_day_that_a_zone_left_out_is_refused(day: date, zone: str) -> None:
    """Samoa went from 29 to 31 December 2011 and crossed the date line in between."""
    refused = DUE.misfit(day.isoformat(), context(zone=zone)) is not None
    assert refused is ((zone, day) == ("Pacific/Apia", date(2011, 12, 30)))


@pytest.mark.parametrize(
    ("zone", "day", "sent"),
    [
        ("UTC", "2026-12-24", "2026-12-24T23:59:59Z"),
        ("America/New_York", "2026-07-01", "2026-07-02T03:59:59Z"),
        ("America/New_York", "2026-12-24", "2026-12-25T04:59:59Z"),
        ("Asia/Tokyo", "2026-12-24", "2026-12-24T14:59:59Z"),
        ("Pacific/Kiritimati", "2026-12-24", "2026-12-24T09:59:59Z"),
    ],
)
def test_a_day_is_sent_as_its_last_second_in_the_connection_s_zone(
    zone: str, day: str, sent: str
) -> None:
    assert end_of_day(day, context(zone=zone)) == sent


@pytest.mark.parametrize(
    ("day", "sent"),
    [("2025-03-29", "2025-03-30T00:59:59Z"), ("2025-10-25", "2025-10-26T01:59:59Z")],
)
def test_clocks_that_change_at_midnight_move_no_day(day: str, sent: str) -> None:
    """In Ittoqqortoormiit 23:59:59 is left out once a year, and comes twice once a year."""
    where = context(zone="America/Scoresbysund")
    assert end_of_day(day, where) == sent
    assert day_of(sent, where) == day


def test_a_day_that_the_zone_never_had_is_refused() -> None:
    misfit = DUE.misfit("2011-12-30", context(zone="Pacific/Apia"))
    assert misfit is not None
    assert misfit.allowed == ("2011-12-29",)


def test_the_last_day_of_all_is_refused_where_utc_has_no_such_second() -> None:
    """`9999-12-31` is a favourite way to say never."""
    assert DUE.misfit("9999-12-31", context(zone="America/New_York")) is not None
    assert DUE.misfit("9999-12-31", context(zone="Asia/Tokyo")) is None


@pytest.mark.parametrize("zone", ZONES)
def test_midnight_utc_is_that_day_in_every_zone(zone: str) -> None:
    """A vendor's own date picker stores a bare day so."""
    assert day_of("2026-12-24T00:00:00Z", context(zone=zone)) == "2026-12-24"
    assert day_of("2026-12-24T05:30:00+05:30", context(zone=zone)) == "2026-12-24"


@pytest.mark.parametrize(
    ("raw", "zone", "day"),
    [
        ("2026-12-24T00:00:00.000001Z", "America/New_York", "2026-12-23"),
        ("2026-12-24T00:00:01Z", "America/New_York", "2026-12-23"),
        ("2026-12-24T23:59:59Z", "Asia/Tokyo", "2026-12-25"),
        ("2026-12-24T20:00:00-05:00", "America/New_York", "2026-12-24"),
    ],
)
def test_any_other_time_is_its_day_in_the_connection_s_zone(raw: str, zone: str, day: str) -> None:
    assert day_of(raw, context(zone=zone)) == day


def test_a_moment_beyond_the_calendar_of_the_zone_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="beyond the calendar"):
        day_of("9999-12-31T23:59:59Z", context(zone="Asia/Tokyo"))


def test_today_is_the_zone_s_today() -> None:
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert today(context(now=late)) == "2026-11-30"
    assert today(context(now=late, zone="Asia/Tokyo")) == "2026-12-01"
    assert today(context(now=late - timedelta(hours=20), zone="America/New_York")) == "2026-11-29"


def test_the_exact_instant_of_a_day_stays_the_vendor_s() -> None:
    """A day holds less than the vendor's time does."""
    reading = DUE.read({"due": "2026-12-24T11:00:00Z"}, context())
    assert (reading.value, tuple(reading.whole)) == ("2026-12-24", ())
    assert DUE.read({"due": None}, context()).value is None
    assert DUE.clear(context()) == {"due": None}


def test_a_moment_is_held_whole() -> None:
    row = Moment("born")
    reading = row.read({"born": "2026-01-02T03:04:05.060000+00:00"}, context())
    assert (reading.value, tuple(reading.whole)) == ("2026-01-02T03:04:05.06Z", ("born",))
    assert row.read({}, context()).value is None
    assert not row.can.does("update")


@pytest.mark.parametrize(
    ("raw", "seconds", "moved_to"),
    [
        ("2026-12-31T23:59:59Z", 1, "2027-01-01T00:00:00Z"),
        ("2026-12-31T23:59:59.5Z", -1, "2026-12-31T23:59:58.5Z"),
        ("9999-12-31T23:59:59Z", 1, "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00Z", -1, "0001-01-01T00:00:00Z"),
    ],
)
def test_an_instant_is_moved_as_far_as_the_calendar_goes(
    raw: str, seconds: int, moved_to: str
) -> None:
    assert moved(raw, timedelta(seconds=seconds)) == moved_to
