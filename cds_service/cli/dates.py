"""Moves the dates of a synthetic patient by whole weeks: nothing in it grows old, and every weekday stays."""

from __future__ import annotations

import datetime as dt
import re

# A date, or the date of a dateTime. An id or a UUID never has this shape.
_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", re.ASCII)


def weeks_until(as_of: dt.date, today: dt.date) -> int:
    """By how many weeks `as_of` must move to lie on `today` or at most six days before it; negative for backwards."""
    return (today - as_of).days // 7


def shift_dates(text: str, weeks: int) -> str:
    """`text` with every date in it `weeks` later; times and zones stay as they are written.

    Works on the text of a JSON file, so that numbers keep their digits. Raises ValueError for a date that is none.
    """
    move = dt.timedelta(weeks=weeks)
    return _DATE.sub(lambda found: (dt.date.fromisoformat(found[0]) + move).isoformat(), text)
