"""Dates as they are written, as calendar days."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.mapping.dates import read_day


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04",
        "2026-03-04T00:00:00Z",
        "2026-03-04T23:59:59.999-11:00",
        "2026-03-04T00:30:00+14:00",
        "2026-03-04T09:00",
    ],
)
def test_the_day_is_taken_as_written_whatever_time_and_offset_say(text: str) -> None:
    assert read_day(text) == read_day(text, last=True) == dt.date(2026, 3, 4)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", dt.date(2024, 1, 1), dt.date(2024, 12, 31)),
        ("2024-02", dt.date(2024, 2, 1), dt.date(2024, 2, 29)),
        ("2023-02", dt.date(2023, 2, 1), dt.date(2023, 2, 28)),
        ("2024-12", dt.date(2024, 12, 1), dt.date(2024, 12, 31)),
    ],
)
def test_a_month_or_year_begins_on_its_first_and_ends_on_its_last_day(text: str, first: dt.date, last: dt.date) -> None:
    assert (read_day(text), read_day(text, last=True)) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2025-02-30",
        "2025-13",
        "2025-00",
        "0002-01-01",
        "1849-12-31",
        "2201-01-01",
        "9999-12-31",
        "0000",
        "${DATE-30}",
        "Invalid date",
        "04-03-2026",
        "03/04/2026",
        "2026-3-4",
        "20260304",
        "unknown",
    ],
)
def test_what_is_no_day_is_none(text: str | None) -> None:
    assert read_day(text) is None
    assert read_day(text, last=True) is None


def test_the_first_and_the_last_year_are_days() -> None:
    assert read_day("1850-01-01") == dt.date(1850, 1, 1)
    assert read_day("2200-12-31") == dt.date(2200, 12, 31)


@given(st.text(max_size=30), st.booleans())
def test_no_text_raises(text: str, last: bool) -> None:
    day = read_day(text, last=last)
    assert day is None or 1850 <= day.year <= 2200


@given(st.dates(dt.date(1850, 1, 1), dt.date(2200, 12, 31)), st.text(max_size=20))
def test_every_day_is_read_back_whatever_follows_it(day: dt.date, rest: str) -> None:
    assert read_day(day.isoformat() + rest) == day
