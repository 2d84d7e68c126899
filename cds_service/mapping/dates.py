"""Reads FHIR dates as calendar days: as written, their time and offset dropped (CLINICAL B.3)."""

from __future__ import annotations

import calendar
import datetime as dt

_NEVER_BEFORE = 1850
_NEVER_AFTER = 2200


def read_day(text: str | None, *, last: bool = False) -> dt.date | None:
    """The day of a date or dateTime, or None where it is none.

    A year or a month alone is its first day, or with `last` its last: a start is never put later, an end never earlier
    than it may be. A day outside 1850 to 2200 is no day.
    """
    if not text:
        return None
    try:
        if len(text) >= 10:
            day = dt.date.fromisoformat(text[:10])
        elif len(text) == 7 and text[4] == "-":
            year, month = int(text[:4]), int(text[5:])
            day = dt.date(year, month, calendar.monthrange(year, month)[1] if last else 1)
        elif len(text) == 4:
            day = dt.date(int(text), 12 if last else 1, 31 if last else 1)
        else:
            return None
    except ValueError:
        return None
    return day if _NEVER_BEFORE <= day.year <= _NEVER_AFTER else None
