"""How often and how long: FHIR Timing read into a rate, a length and dates (CLINICAL D.3)."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from math import ceil, floor

import msgspec

from ...clinical.dose import WEEKDAYS, Frequency, Problem, Unknown, Weekday
from ..dates import read_day
from ..elements import CodeableConcept, Quantity, Timing, TimingRepeat, listed, present
from ..units import find_seconds, read_seconds, usable

ONE, DAY, WEEK = Decimal(1), Decimal(86400), Decimal(604800)
"""A day and a week in seconds, in which periods are kept: rates stay exact wherever a Decimal can hold them."""
NOT_COUNTED = frozenset(("C", "AC", "PC", "IMD"))
"""Events of which a day has no known number: "with meals", "at once"."""

_ABBREVIATIONS: dict[str, tuple[int, Decimal]] = {
    "QD": (1, DAY),
    "BID": (2, DAY),
    "TID": (3, DAY),
    "QID": (4, DAY),
    "AM": (1, DAY),
    "PM": (1, DAY),
    "BED": (1, DAY),
    "QOD": (1, 2 * DAY),
    "WK": (1, WEEK),
    "MO": (1, Decimal(2629800)),
}
_ALSO_AS_TEXT = frozenset(("QD", "BID", "TID", "QID", "QOD"))
_HOURLY = re.compile(r"Q([1-9]\d?)H")
_ABBREVIATION_SYSTEMS = frozenset(
    (
        "",
        "http://terminology.hl7.org/codesystem/v3-gtsabbreviation",
        "http://hl7.org/fhir/v3/gtsabbreviation",
        "http://hl7.org/fhir/timing-abbreviation",
        "urn:oid:2.16.840.1.113883.5.1022",
    )
)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What a Timing says, without the dose; its figures are those of `clinical.dose.Step`.

    `every_day` is true where no day is left out while it lasts.
    """

    frequency: Frequency | Unknown
    every_day: bool = False
    period_days: Decimal | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    days: Decimal | None = None
    days_low: Decimal | None = None
    open_ended: bool = True
    count: int | None = None
    dates: tuple[dt.date, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    times: tuple[str, ...] = ()
    days_per_cycle: int | None = None
    cycle_days: Decimal | None = None
    code: str = ""


class _Rate(msgspec.Struct, frozen=True, kw_only=True):
    """So many administrations (low to high) in a period of so many seconds (short to long), and on a day of giving."""

    low: Decimal
    high: Decimal
    short: Decimal
    long: Decimal
    day_low: Decimal
    day_high: Decimal
    weekdays: tuple[Weekday, ...] = ()
    days_per_cycle: int | None = None
    where: str

    @property
    def week_low(self) -> Decimal:
        return self.low * WEEK / self.long

    @property
    def week_high(self) -> Decimal:
        return self.high * WEEK / self.short

    @property
    def frequency(self) -> Frequency:
        return Frequency(
            per_day_low=self.day_low,
            per_day_high=self.day_high,
            per_week_low=self.week_low,
            per_week_high=self.week_high,
            where=self.where,
        )

    @property
    def every_day(self) -> bool:
        return self.long <= DAY or (len(self.weekdays) == 7 and self.low == self.high and self.low >= 7)


class _Length(msgspec.Struct, frozen=True, kw_only=True):
    """How long a dosage lasts, in days; `low` and `high` differ for a range."""

    start: dt.date | None = None
    end: dt.date | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    open_ended: bool = True


def read_schedule(timing: Timing | None, where: str, problems: list[Problem]) -> Schedule:
    """The schedule of one dosage; what contradicts itself or is read on an assumption is added to `problems`."""
    at = f"{where}.timing"
    if timing is None:
        return Schedule(frequency=Unknown(reason="the order does not say how often", where=at))
    if present(timing.modifier_extension):
        return unread_schedule("the timing carries an extension that changes its meaning", at)
    repeat = timing.repeat or TimingRepeat()
    dates = _read_dates(timing, f"{at}.event")
    if isinstance(dates, Unknown):
        return unread_schedule(dates.reason, dates.where)
    code = _read_code(timing.code)
    length = _read_length(repeat, f"{at}.repeat", problems)
    count, counted = _read_count(repeat, f"{at}.repeat.count", problems)
    rate = _read_rate(repeat, code, count, at, problems)
    if len(dates) > 1 or (dates and rate is None):
        return _of_dates(dates, rate, code, f"{at}.event", problems)
    start = length.start or (dates[0] if dates else None)
    if not isinstance(rate, _Rate):
        return Schedule(
            frequency=rate or Unknown(reason="the order does not say how often", where=at),
            start=start,
            end=length.end,
            days=length.high,
            days_low=length.low,
            open_ended=length.open_ended and not counted,
            count=count,
            weekdays=_known_weekdays(repeat),
            times=_read_times(repeat),
            code=code,
        )
    _compare_code(rate, code, repeat, at, problems)
    low, high = length.low, length.high
    if count is not None:
        by_count = Decimal(_days_of_count(count, rate))
        low = by_count if low is None else min(low, by_count)
        high = by_count if high is None else min(high, by_count)
    return Schedule(
        frequency=rate.frequency,
        every_day=rate.every_day,
        period_days=rate.short / DAY,
        start=start,
        end=length.end,
        days=high,
        days_low=low,
        open_ended=length.open_ended and not counted,
        count=count,
        weekdays=rate.weekdays,
        times=_read_times(repeat),
        days_per_cycle=rate.days_per_cycle,
        cycle_days=rate.short / DAY if rate.days_per_cycle is not None else None,
        code=code,
    )


def unread_schedule(reason: str, where: str) -> Schedule:
    """A schedule of which nothing can be said but why."""
    return Schedule(frequency=Unknown(reason=reason, where=where), open_ended=False)


def _read_code(concept: CodeableConcept | None) -> str:
    """The abbreviation of a timing code ("BID"), or "" where it has none that is certain."""
    if concept is None:
        return ""
    for coding in concept.coding or ():
        code = (coding.code or "").upper()
        if (coding.system or "").casefold() in _ABBREVIATION_SYSTEMS and _of_code(code) is not None:
            return code
    text = (concept.text or "").strip().upper()
    return text if text in _ALSO_AS_TEXT or _HOURLY.fullmatch(text) else ""


def _of_code(code: str) -> tuple[int, Decimal] | None:
    hourly = _HOURLY.fullmatch(code)
    return (1, 3600 * Decimal(hourly[1])) if hourly else _ABBREVIATIONS.get(code)


def _compare_code(rate: _Rate, code: str, repeat: TimingRepeat, at: str, problems: list[Problem]) -> None:
    abbreviation = _of_code(code) if code else None
    if abbreviation is None or not _states_rate(repeat):
        return
    times, period = abbreviation
    if not rate.week_low <= times * WEEK / period <= rate.week_high:
        problems.append(
            Problem(
                kind="contradiction",
                text="the abbreviation of the timing and its structure say different things",
                where=f"{at}.code",
            )
        )


def _states_rate(repeat: TimingRepeat) -> bool:
    return (
        repeat.frequency is not None
        or repeat.period is not None
        or repeat.day_of_week is not None
        or repeat.time_of_day is not None
        or repeat.when is not None
        or repeat.frequency_max is not None
        or repeat.period_max is not None
        or repeat.period_unit is not None
        or present(repeat.frequency_absent)
        or present(repeat.day_of_week_absent)
    )


def _read_rate(
    repeat: TimingRepeat, code: str, count: int | None, at: str, problems: list[Problem]
) -> _Rate | Unknown | None:
    """The rate that the repeat states, else that of the abbreviation; None where nothing says how often."""
    if not _states_rate(repeat):
        if code:
            number, every = _of_code(code) or (1, DAY)
            return _plain_rate(Decimal(number), Decimal(number), every, every, 0, f"{at}.code")
        return _single(f"{at}.repeat.count") if count == 1 else None
    at = f"{at}.repeat"
    if (repeat.frequency is None and present(repeat.frequency_absent)) or (
        repeat.day_of_week is None and present(repeat.day_of_week_absent)
    ):
        return Unknown(reason="how often is withheld", where=at)
    weekdays = _read_weekdays(repeat)
    if weekdays is None:
        return Unknown(reason="the days of the week cannot be read", where=f"{at}.dayOfWeek")
    frequency = _read_frequency(repeat, at)
    if isinstance(frequency, Unknown):
        return frequency
    period = _read_period(repeat, at, lenient=bool(weekdays) and frequency in (None, (1, 1)))
    if isinstance(period, Unknown):
        return period
    times = len(_read_times(repeat))
    if listed(repeat.time_of_day) and listed(repeat.when):
        problems.append(_assumed("the order gives both times of day and events of the day", at))
    if weekdays:
        return _weekday_rate(weekdays, frequency, period, times, at, problems)
    if frequency is None and not times and listed(repeat.when):
        return Unknown(reason="the order names meals or a moment, not how often", where=f"{at}.when")
    if period is None:
        if frequency is not None:
            return Unknown(reason="the order has a frequency but no period", where=at)
        return _plain_rate(Decimal(times), Decimal(times), DAY, DAY, 0, at)
    short, long = period
    cycle = _cycle_rate(repeat, frequency, short, long, at, problems)
    if cycle is not None:
        return cycle
    low, high = frequency or (max(1, times), max(1, times))
    if frequency is not None and times:
        low, high = _reconcile(low, high, times, short, at, problems)
    days_per_cycle = None
    if short >= 2 * WEEK and low == high and 1 < high <= short / DAY:
        days_per_cycle = high
        problems.append(_assumed(f"{high} doses in the period are taken to be given on {high} days in a row", at))
    rate = _plain_rate(Decimal(low), Decimal(high), short, long, times, at)
    return msgspec.structs.replace(rate, days_per_cycle=days_per_cycle) if days_per_cycle else rate


def _single(where: str) -> _Rate:
    """One dose in all: once on its day, and no oftener in a week."""
    return _plain_rate(ONE, ONE, WEEK, WEEK, 0, where)


def _plain_rate(low: Decimal, high: Decimal, short: Decimal, long: Decimal, times: int, where: str) -> _Rate:
    """A rate without days of the week: spread over the day, or over the days of a longer period."""
    day_low, day_high = low * DAY / long, high * DAY / short
    if long > DAY:
        day_low = max(ONE, Decimal(floor(day_low)))
        day_high = max(ONE, Decimal(ceil(day_high)), min(Decimal(times), high))
    return _Rate(low=low, high=high, short=short, long=long, day_low=day_low, day_high=day_high, where=where)


def _reconcile(low: int, high: int, times: int, period: Decimal, at: str, problems: list[Problem]) -> tuple[int, int]:
    """A frequency against the times of the day: the larger counts where they do not fit (CLINICAL D.3)."""
    if period > DAY:
        if times > high:
            problems.append(_contradicting_times(at))
        return low, max(high, times)
    if low * DAY / period <= times <= high * DAY / period:
        return low, high
    problems.append(_contradicting_times(at))
    return low, max(high, ceil(times * period / DAY))


def _weekday_rate(
    weekdays: tuple[Weekday, ...],
    frequency: tuple[int, int] | None,
    period: tuple[Decimal, Decimal] | None,
    times: int,
    at: str,
    problems: list[Problem],
) -> _Rate | Unknown:
    """A rate on named days of the week (CLINICAL D.3: a day of the week is a filter)."""
    number, a_day = len(weekdays), max(1, times)
    if period is None or period[1] <= DAY:
        low, high = frequency or (a_day, a_day)
        short = long = DAY
        if period is not None:
            short, long = period
        if frequency is not None and times:
            low, high = _reconcile(low, high, times, short, at, problems)
        day_low, day_high = low * DAY / long, high * DAY / short
        week_low, week_high = day_low * number, day_high * number
        if period is None and frequency is not None and high > 1:
            week_low = Decimal(max(low, number))
            problems.append(_assumed("the frequency is taken for each of the days of the week", at))
        return _Rate(
            low=week_low,
            high=week_high,
            short=WEEK,
            long=WEEK,
            day_low=day_low,
            day_high=day_high,
            weekdays=weekdays,
            where=at,
        )
    short, long = period
    if short < WEEK:
        return Unknown(reason="the days of the week do not fit the period", where=at)
    low, high = frequency or (number * a_day, number * a_day)
    if high not in (number, number * a_day) or (high == number and a_day > 1 and low == high):
        if low == high == 1:
            problems.append(_assumed("once in the period, but on several days of the week: each day is counted", at))
        else:
            problems.append(
                Problem(
                    kind="contradiction", text="the frequency does not fit the number of days of the week", where=at
                )
            )
        low, high = min(low, number), max(high, number * a_day)
    return _Rate(
        low=Decimal(low),
        high=Decimal(high),
        short=short,
        long=long,
        day_low=ONE,
        day_high=Decimal(max(1, -(-high // number))),
        weekdays=weekdays,
        where=at,
    )


def _cycle_rate(
    repeat: TimingRepeat,
    frequency: tuple[int, int] | None,
    short: Decimal,
    long: Decimal,
    at: str,
    problems: list[Problem],
) -> _Rate | None:
    """A duration in days below a longer period, which vendors write for "4 days in every 28" (CLINICAL D.3)."""
    if repeat.duration is None:
        return None
    unit = find_seconds(repeat.duration_unit)
    if unit is None or unit < DAY or not usable(repeat.duration) or repeat.duration <= 0:
        return None
    lasting = repeat.duration * unit
    if lasting >= short:
        problems.append(_assumed("the length of one administration is no shorter than its period: it is not used", at))
        return None
    if lasting % DAY:
        return None
    days = int(lasting / DAY)
    a_day = (1, 1) if frequency is None or frequency[1] == days else frequency
    problems.append(_assumed(f"the duration is taken for {days} days of giving in each period", at))
    return _Rate(
        low=Decimal(a_day[0] * days),
        high=Decimal(a_day[1] * days),
        short=short,
        long=long,
        day_low=Decimal(a_day[0]),
        day_high=Decimal(a_day[1]),
        days_per_cycle=days,
        where=at,
    )


def _read_frequency(repeat: TimingRepeat, at: str) -> tuple[int, int] | Unknown | None:
    low, high = repeat.frequency, repeat.frequency_max
    if low is None and high is None:
        return None
    for value in (low, high):
        if value is not None and (not usable(value) or value < 1 or value != int(value)):
            return Unknown(reason="the frequency is no whole number above zero", where=f"{at}.frequency")
    least = int(low) if low is not None else 1
    most = int(high) if high is not None else least
    if most < least:
        return Unknown(reason="the largest frequency is below the frequency", where=f"{at}.frequencyMax")
    return least, most


def _read_period(repeat: TimingRepeat, at: str, *, lenient: bool) -> tuple[Decimal, Decimal] | Unknown | None:
    """The period in seconds, or None where there is none; `lenient` lets a lone unit pass beside days of the week."""
    if repeat.period is None:
        if repeat.period_max is not None:
            return Unknown(reason="the order has a longest period but no period", where=at)
        if repeat.period_unit is not None and not lenient:
            return Unknown(reason="the order has a unit of time but no period", where=at)
        return None
    if repeat.period_unit is None:
        return Unknown(reason="the period of the order has no unit", where=at)
    unit = find_seconds(repeat.period_unit)
    if unit is None:
        return Unknown(reason="the unit of the period is not known", where=f"{at}.periodUnit")
    for value in (repeat.period, repeat.period_max):
        if value is not None and (not usable(value) or value <= 0):
            return Unknown(reason="the period is no number above zero", where=f"{at}.period")
    shortest = repeat.period * unit
    if repeat.period_max is None:
        return shortest, shortest
    if repeat.period_max < repeat.period:
        return Unknown(reason="the longest period is below the period", where=f"{at}.periodMax")
    return shortest, repeat.period_max * unit


def _read_weekdays(repeat: TimingRepeat) -> tuple[Weekday, ...] | None:
    """The days of the week, in their order; None where one of them is none."""
    if repeat.day_of_week is None:
        return ()
    named = {day.casefold()[:3] for day in listed(repeat.day_of_week)}
    if not named.issubset(WEEKDAYS):
        return None
    return tuple(day for day in WEEKDAYS if day in named)


def _known_weekdays(repeat: TimingRepeat) -> tuple[Weekday, ...]:
    return _read_weekdays(repeat) or ()


def _read_times(repeat: TimingRepeat) -> tuple[str, ...]:
    """The times and events of a day that can be counted, each once."""
    if repeat.time_of_day is None and repeat.when is None:
        return ()
    clock = dict.fromkeys(time[:5] for time in listed(repeat.time_of_day))
    events = dict.fromkeys(event for event in listed(repeat.when) if event.upper() not in NOT_COUNTED)
    return tuple(clock) if len(clock) >= len(events) else tuple(events)


def _read_dates(timing: Timing, at: str) -> tuple[dt.date, ...] | Unknown:
    days: list[dt.date] = []
    for text in listed(timing.event):
        day = read_day(text) if len(text) >= 10 else None
        if day is None:
            return Unknown(reason="a date of giving cannot be read", where=at)
        days.append(day)
    return tuple(sorted(days))


def _of_dates(
    dates: tuple[dt.date, ...], rate: _Rate | Unknown | None, code: str, at: str, problems: list[Problem]
) -> Schedule:
    if rate is not None:
        problems.append(
            Problem(kind="contradiction", text="the order gives both dates and a rule of repetition", where=at)
        )
    most = max(dates.count(day) for day in dates)
    in_a_week = max(sum(1 for other in dates if 0 <= (other - day).days < 7) for day in dates)
    span = (dates[-1] - dates[0]).days + 1
    high = max(Decimal(in_a_week), rate.week_high) if isinstance(rate, _Rate) else Decimal(in_a_week)
    return Schedule(
        frequency=Frequency(
            per_day_low=Decimal(1),
            per_day_high=Decimal(most),
            per_week_low=Decimal(in_a_week),
            per_week_high=high,
            where=at,
        ),
        start=dates[0],
        end=dates[-1],
        days=Decimal(span),
        days_low=Decimal(span),
        open_ended=False,
        count=len(dates),
        dates=dates,
        code=code,
    )


def _read_length(repeat: TimingRepeat, at: str, problems: list[Problem]) -> _Length:
    if repeat.bounds_duration is not None:
        length = read_seconds(repeat.bounds_duration, f"{at}.boundsDuration")
        if isinstance(length, Unknown):
            problems.append(_unreadable(f"how long: {length.reason}", length.where))
            return _Length(open_ended=False)
        return _Length(low=length / DAY, high=length / DAY, open_ended=False)
    if repeat.bounds_range is not None:
        return _length_of_range(repeat.bounds_range.low, repeat.bounds_range.high, f"{at}.boundsRange", problems)
    if repeat.bounds_period is not None:
        period = repeat.bounds_period
        return _length_of_period(period.start, period.end, f"{at}.boundsPeriod", problems)
    return _Length()


def _length_of_range(low: Quantity | None, high: Quantity | None, at: str, problems: list[Problem]) -> _Length:
    ends: list[Decimal | None] = []
    for quantity in (low, high):
        length = read_seconds(quantity, at) if quantity is not None else None
        if isinstance(length, Unknown):
            problems.append(_unreadable(f"how long: {length.reason}", at))
            length = None
        ends.append(length / DAY if length is not None else None)
    least, most = ends
    if least is not None and most is not None and least > most:
        problems.append(Problem(kind="contradiction", text="the longest duration is below the shortest", where=at))
        return _Length(open_ended=False)
    return _Length(low=least, high=most, open_ended=False)


def _length_of_period(first: str | None, last: str | None, at: str, problems: list[Problem]) -> _Length:
    start, end = read_day(first), read_day(last, last=True)
    if first and start is None:
        problems.append(_unreadable("the first day cannot be read", f"{at}.start"))
    if last and end is None:
        never = last[:4].isdigit() and last[:4] > "2200"
        if not never:
            problems.append(_unreadable("the last day cannot be read", f"{at}.end"))
        return _Length(start=start, open_ended=never)
    if start is not None and end is not None:
        if end < start:
            problems.append(Problem(kind="contradiction", text="the order ends before it starts", where=at))
            return _Length(start=start, open_ended=False)
        days = Decimal((end - start).days + 1)
        return _Length(start=start, end=end, low=days, high=days, open_ended=False)
    return _Length(start=start, end=end, open_ended=end is None)


def _read_count(repeat: TimingRepeat, at: str, problems: list[Problem]) -> tuple[int | None, bool]:
    """The largest number of administrations, and whether one is stated at all."""
    stated = [value for value in (repeat.count, repeat.count_max) if value is not None]
    if not stated:
        return None, False
    if any(not usable(value) or value < 1 or value != int(value) for value in stated):
        problems.append(_unreadable("the number of doses is no whole number above zero", at))
        return None, True
    return int(max(stated)), True


def _days_of_count(count: int, rate: _Rate) -> int:
    """The days from the first to the last of so many administrations, both included."""
    period = rate.short / DAY
    if rate.days_per_cycle is not None:
        cycles, rest = divmod(ceil(count / rate.day_high) - 1, rate.days_per_cycle)
        return int(cycles * period) + rest + 1
    if rate.weekdays:
        places = [WEEKDAYS.index(day) for day in rate.weekdays]
        weeks, rest = divmod(ceil(count / rate.day_high) - 1, len(places))
        return int(weeks * period) + places[rest] - places[0] + 1
    if rate.short <= DAY:
        return ceil(count / rate.day_high)
    periods, rest = divmod(count - 1, int(rate.high))
    return floor(periods * period + rest * period / rate.high) + 1


def _assumed(text: str, where: str) -> Problem:
    return Problem(kind="assumed", text=text, where=where)


def _unreadable(text: str, where: str) -> Problem:
    return Problem(kind="unreadable", text=text, where=where)


def _contradicting_times(at: str) -> Problem:
    return Problem(kind="contradiction", text="the frequency does not fit the times of the day", where=at)
