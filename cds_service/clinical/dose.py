"""How a medication is to be taken, as exact and three-valued figures: a figure is known, or unknown with a reason.

Masses are in mg, volumes in mL, and every number is a `Decimal`; nothing is rounded. Nothing unknown is ever zero.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from math import ceil
from typing import Literal

import msgspec

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY_NAMES = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
DoseUnit = Literal["mg", "mg/kg", "mg/m2", "mL", "[iU]", "1"]
"""What an amount is measured in; "1" is a count of pieces (tablets, vials) whose strength is not known."""
Word = Literal["daily", "weekly", "taper", "maintenance", "pulse", "fourdays", "oralchoice"]
"""What may be taken from free text (CLINICAL 0.4): never an amount."""


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that could not be had: why, and which element of the resource says (or fails to say) so."""

    reason: str
    where: str = ""


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of drug between `low` and `high` (equal where one figure is given) in one unit.

    `where` is the element it was read from.
    """

    low: Decimal
    high: Decimal
    unit: DoseUnit
    where: str = ""


class Frequency(msgspec.Struct, frozen=True, kw_only=True):
    """Administrations: on a day on which the drug is given, and in a week on average.

    `low` and `high` differ where the order leaves room (frequencyMax, periodMax). `per_week` is the rate as ordered,
    not bounded by the length of the course (`administrations_per_week` is); for explicit dates, the largest number in
    any seven days.
    """

    per_day_low: Decimal
    per_day_high: Decimal
    per_week_low: Decimal
    per_week_high: Decimal
    where: str = ""


ProblemKind = Literal["text-contradicts-structure", "contradiction", "assumed", "unit", "strength", "unreadable"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a dosage that contradicts itself or was read on an assumption; `where` names the element."""

    kind: ProblemKind
    text: str
    where: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One dosage instruction.

    `start` and `end` (the last day, inclusive) are the dates that the order states or that follow from them; None
    where none is stated. `days` is the length in days where it is stated (`days_low` the shortest, for a range), None
    where the step is open-ended or its length is unknown (`open_ended` tells which). `count` is the largest number of
    administrations. `dates` are explicit dates of giving (Timing.event), sorted. `times` are the times of the day.
    `period_days` is the length of the period of its frequency. `days_per_cycle` and `cycle_days` describe a pulse:
    given on so many days in each cycle of so many days. `cap` is the most that may be given in `cap_days`.
    """

    sequence: int | None = None
    dose: Amount | Unknown
    frequency: Frequency | Unknown
    start: dt.date | None = None
    end: dt.date | None = None
    days: Decimal | None = None
    days_low: Decimal | None = None
    open_ended: bool = True
    count: int | None = None
    dates: tuple[dt.date, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    times: tuple[str, ...] = ()
    period_days: Decimal | None = None
    days_per_cycle: int | None = None
    cycle_days: Decimal | None = None
    cap: Amount | None = None
    cap_days: Decimal | None = None
    prn: bool = False
    route: str = ""
    words: frozenset[Word] = frozenset()
    where: str = ""


class Regimen(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of an order's dosage: phases one after another, each a tuple of steps given at the same time.

    `phases` is empty where the order says nothing about its dosage. `timing_code` is the abbreviation that the order
    was written with (BID, WK ...), where it had one.
    """

    phases: tuple[tuple[Step, ...], ...] = ()
    problems: tuple[Problem, ...] = ()
    words: frozenset[Word] = frozenset()
    timing_code: str = ""


CYCLE_GAP_DAYS = 3
CYCLE_LENGTH_DAYS = 7
"""Days of giving at most three days apart and within seven are one cycle (CLINICAL B.3)."""
_HORIZON_DAYS = 224
_ANY_MONDAY = dt.date(2001, 1, 1)
_NOTHING = Unknown(reason="the order says nothing about its dosage")
_OPEN = Unknown(reason="the order has no end")
_LENGTH = Unknown(reason="how long the order lasts is not known")


def steps(regimen: Regimen) -> tuple[Step, ...]:
    """All steps, in the order of their phases."""
    return tuple(step for phase in regimen.phases for step in phase)


def first_step(regimen: Regimen) -> Regimen:
    """The regimen of the first phase alone, of which every question may be asked."""
    return msgspec.structs.replace(regimen, phases=regimen.phases[:1])


def last_step(regimen: Regimen) -> Regimen:
    """The regimen of the last phase alone."""
    return msgspec.structs.replace(regimen, phases=regimen.phases[-1:])


def from_day(regimen: Regimen, day: dt.date, *, start: dt.date | None = None) -> Regimen:
    """The regimen without the phases that are over before a day; one whose end is not known is not over.

    `start` is the first day where the order states none.
    """
    begin, left = start, []
    for phase in regimen.phases:
        begin = _after(phase, begin)
        if begin is None or begin > day:
            left.append(phase)
    return msgspec.structs.replace(regimen, phases=tuple(left))


def single_dose(regimen: Regimen) -> Amount | Unknown:
    """The largest amount given at once; instructions for the same times are given together and are added."""
    return _largest(regimen, lambda phase: _highest([_sum([s.dose for s in group]) for group in _occasions(phase)]))


def daily_amount(regimen: Regimen) -> Amount | Unknown:
    """The amount on a day on which the drug is given (alternate days of 20 mg are 20), the largest over time.

    Concurrent instructions are added where they may fall on the same day; a stated maximum per day bounds it.
    """
    return _largest(regimen, _daily_of_phase)


def daily_limit(regimen: Regimen) -> Amount | Unknown:
    """The most that may be given in a day, for upper limits alone: as `daily_amount`, else the stated maximum."""
    amount = daily_amount(regimen)
    if isinstance(amount, Amount):
        return amount
    caps = [_daily_cap(step) for step in steps(regimen)]
    known = [cap for cap in caps if cap is not None]
    if not known or len(known) < len(caps):
        return amount
    total = _largest(regimen, lambda phase: _sum([c for s in phase if (c := _daily_cap(s)) is not None]))
    return total if isinstance(total, Unknown) else msgspec.structs.replace(total, low=Decimal(0))


def weekly_amount(regimen: Regimen) -> Amount | Unknown:
    """The amount per week, the largest of all phases.

    It is the rate of the schedule: 40 mg every two weeks are 20. A course shorter than a week gives no more than all of
    it, and explicit dates what falls in any seven days.
    """
    return _largest(regimen, lambda phase: _sum([_weekly_of_step(step) for step in phase]))


def average_daily_amount(regimen: Regimen) -> Amount | Unknown:
    """The amount per day on average while the drug is taken (alternate days of 20 mg are 10), the largest over time."""
    return _largest(regimen, lambda phase: _sum([_average_of_step(step) for step in phase]))


def administrations_per_week(regimen: Regimen) -> Frequency | Unknown:
    """How often on a day of giving and per week, the largest of all phases; bounded as `weekly_amount` is.

    Concurrent instructions for other times or days are added; of those that may be the same occasion the low figure
    counts one and the high figure all.
    """
    found: Frequency | None = None
    for phase in regimen.phases:
        frequency = _frequency_of_phase(phase)
        if isinstance(frequency, Unknown):
            return frequency
        if found is None or frequency.per_week_high > found.per_week_high:
            found = frequency
    return found or _NOTHING


def amount_per_cycle(regimen: Regimen) -> Amount | Unknown:
    """The amount in one cycle: in days of giving at most 3 days apart, within 7 days; the largest of all cycles.

    One dose is a cycle of its own. A drug given every day without an end has cycles of seven days.
    """
    groups = _groups(regimen)
    if isinstance(groups, Unknown):
        return groups
    return _highest([_sum([amount for _, amount in group]) for group in groups])


def days_per_cycle(regimen: Regimen) -> int | Unknown:
    """The number of days of giving in a cycle (see `amount_per_cycle`), the largest of all cycles."""
    groups = _groups(regimen)
    return groups if isinstance(groups, Unknown) else max(len({day for day, _ in group}) for group in groups)


def longest_run(regimen: Regimen) -> int | Unknown:
    """The largest number of days in a row on which the drug is given; unknown where it goes on without an end."""
    given = _giving(regimen, _first_day(regimen), _HORIZON_DAYS)
    if isinstance(given, Unknown):
        return given
    days = sorted({day for day, _ in given})
    longest = run = 1
    for earlier, later in itertools.pairwise(days):
        run = run + 1 if (later - earlier).days == 1 else 1
        longest = max(longest, run)
    return _OPEN if longest >= _HORIZON_DAYS else longest


def dates_of_giving(regimen: Regimen, *, start: dt.date, horizon_days: int) -> tuple[dt.date, ...] | Unknown:
    """The calendar days on which doses are given, from the first to `horizon_days` later, that day not included.

    `start` is the first day where the order states none. Unknown where the schedule does not fix the days ("twice a
    week" without days).
    """
    for step in steps(regimen):
        if _leaves_days_open(step):
            return Unknown(reason="the order does not say on which days", where=step.where)
    given = _giving(regimen, start, horizon_days)
    return given if isinstance(given, Unknown) else tuple(sorted({day for day, _ in given}))


def amounts_by_day(
    regimen: Regimen, *, start: dt.date, horizon_days: int
) -> tuple[tuple[dt.date, Amount | Unknown], ...] | Unknown:
    """Each day of giving with all that is given on it; days, horizon and unknowns as in `dates_of_giving`."""
    for step in steps(regimen):
        if _leaves_days_open(step):
            return Unknown(reason="the order does not say on which days", where=step.where)
    given = _giving(regimen, start, horizon_days)
    if isinstance(given, Unknown):
        return given
    by_day: dict[dt.date, list[Amount | Unknown]] = {}
    for day, amount in given:
        by_day.setdefault(day, []).append(amount)
    return tuple((day, _sum(by_day[day])) for day in sorted(by_day))


def course_start(regimen: Regimen) -> dt.date | None:
    """The first day as the order states it, or None."""
    starts = [step.dates[0] if step.dates else step.start for step in steps(regimen)]
    known = [start for start in starts if start is not None]
    return min(known) if known else None


def course_end(regimen: Regimen, *, start: dt.date | None = None) -> dt.date | None:
    """The last day, where the order is bounded and its first day is known (or is `start`); else None."""
    if not regimen.phases or open_ended(regimen):
        return None
    ends = [step.dates[-1] if step.dates else step.end for step in regimen.phases[-1]]
    if all(end is not None for end in ends):
        return max(end for end in ends if end is not None)
    begin, days = course_start(regimen) or start, duration_days(regimen)
    if begin is None or isinstance(days, Unknown) or days > 100_000:
        return None
    return begin + dt.timedelta(max(0, ceil(days) - 1))


def open_ended(regimen: Regimen) -> bool:
    """Whether the order goes on until someone ends it: its last phase states no end, or it states no dosage at all."""
    return not regimen.phases or any(step.open_ended for step in regimen.phases[-1])


def duration_days(regimen: Regimen) -> Decimal | Unknown:
    """The length of the whole order in days, the longest where it gives a range; unknown where it has no end."""
    if open_ended(regimen):
        return _OPEN
    total = Decimal(0)
    for phase in regimen.phases:
        length = _length(phase)
        if length is None:
            return _LENGTH
        total += length
    return total


def phase_days(phase: Sequence[Step]) -> Decimal | None:
    """The length of one phase in days, None where it is open-ended or not known."""
    return _length(phase)


def weekdays(regimen: Regimen) -> tuple[Weekday, ...]:
    """The days of the week that the order names, in their order; empty where it names none."""
    named = {day for step in steps(regimen) for day in step.weekdays}
    return tuple(day for day in WEEKDAYS if day in named)


def prn(regimen: Regimen) -> bool:
    """Whether any part of the order is to be taken only when needed."""
    return any(step.prn for step in steps(regimen))


def per_kg(amount: Amount, weight_kg: Decimal) -> Amount | Unknown:
    """An amount in mg per kg of body weight; unknown for one that is neither a mass nor per kg."""
    if amount.unit == "mg/kg":
        return amount
    if amount.unit != "mg" or weight_kg <= 0:
        return Unknown(reason="the dose is not known in mg", where=amount.where)
    return Amount(low=amount.low / weight_kg, high=amount.high / weight_kg, unit="mg/kg", where=amount.where)


def per_m2(amount: Amount, surface_m2: Decimal) -> Amount | Unknown:
    """An amount in mg per m2 of body surface; unknown for one that is neither a mass nor per m2."""
    if amount.unit == "mg/m2":
        return amount
    if amount.unit != "mg" or surface_m2 <= 0:
        return Unknown(reason="the dose is not known in mg", where=amount.where)
    return Amount(low=amount.low / surface_m2, high=amount.high / surface_m2, unit="mg/m2", where=amount.where)


def absolute(amount: Amount, weight_kg: Decimal | None, surface_m2: Decimal | None = None) -> Amount | Unknown:
    """An amount in mg, from one per kg or per m2 by the body's size; unknown where that is not known."""
    if amount.unit == "mg":
        return amount
    size = weight_kg if amount.unit == "mg/kg" else surface_m2
    if amount.unit not in ("mg/kg", "mg/m2"):
        return Unknown(reason="the dose is not known in mg", where=amount.where)
    if size is None:
        missing = "body weight" if amount.unit == "mg/kg" else "body surface"
        return Unknown(reason=f"the {missing} is not known", where=amount.where)
    return Amount(low=amount.low * size, high=amount.high * size, unit="mg", where=amount.where)


def in_words(regimen: Regimen) -> str:
    """The dosage in plain words as it was understood ("15 mg once a week"), "" where nothing is known of it."""
    return ", then ".join(
        words for phase in regimen.phases if (words := " and ".join(filter(None, map(_words, phase))))
    )


def plain(number: Decimal) -> str:
    """A number without needless zeros, at most three places after the point."""
    short = number.quantize(Decimal("0.001")) if number == number.to_integral_value() or abs(number) < 10**9 else number
    text = f"{short:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def on_weekdays(days: Sequence[Weekday]) -> str:
    """The days of the week in words, with a space before (" on Monday and Thursday"); "" where there are none."""
    return f" on {' and '.join(WEEKDAY_NAMES[day] for day in days)}" if days else ""


def _words(step: Step) -> str:
    amount = "" if isinstance(step.dose, Unknown) else _amount_words(step.dose)
    often = "" if isinstance(step.frequency, Unknown) else _frequency_words(step)
    if not amount and not often:
        return ""
    length = f" for {plain(step.days)} days" if step.days is not None and step.days > 1 and not step.dates else ""
    return f"{amount or 'dose not known'} {often or 'how often not known'}{length}{' as needed' if step.prn else ''}"


def _amount_words(amount: Amount) -> str:
    number = plain(amount.low) if amount.low == amount.high else f"{plain(amount.low)}-{plain(amount.high)}"
    unit = {"1": "x", "[iU]": "IU"}.get(amount.unit, amount.unit)
    return f"{number} {unit}"


def _frequency_words(step: Step) -> str:
    frequency = step.frequency
    if isinstance(frequency, Unknown):
        return ""
    if step.dates:
        return f"on {len(set(step.dates))} dates" if len(set(step.dates)) > 1 else "once"
    if step.count == 1:
        return "once"
    if step.days_per_cycle is not None and step.cycle_days is not None:
        return f"on {step.days_per_cycle} days in every {plain(step.cycle_days)} days"
    if step.weekdays and len(step.weekdays) < 7:
        single = len(step.weekdays) == 1 and frequency.per_day_high == 1
        every = "once a week" if single else "every week"
        if step.period_days not in (None, 7):
            every = f"every {plain(step.period_days)} days"
        a_day = f"{_count_words(frequency.per_day_low, frequency.per_day_high)} " if frequency.per_day_high > 1 else ""
        return a_day + every + on_weekdays(step.weekdays)
    if step.period_days is None or step.period_days <= 1:
        return f"{_count_words(frequency.per_day_low, frequency.per_day_high)} daily"
    times = step.period_days / 7
    number = _count_words(frequency.per_week_low * times, frequency.per_week_high * times)
    return f"{number} a week" if step.period_days == 7 else f"{number} every {plain(step.period_days)} days"


def _count_words(low: Decimal, high: Decimal) -> str:
    if low == high:
        return "once" if high == 1 else f"{plain(high)} times"
    return f"{plain(low)}-{plain(high)} times"


def _sum(amounts: Iterable[Amount | Unknown]) -> Amount | Unknown:
    total: Amount | None = None
    for amount in amounts:
        if isinstance(amount, Unknown):
            return amount
        if total is None:
            total = amount
        elif total.unit != amount.unit:
            return Unknown(reason="the order states doses in different units", where=amount.where)
        else:
            total = msgspec.structs.replace(total, low=total.low + amount.low, high=total.high + amount.high)
    return total or _NOTHING


def _highest(amounts: Sequence[Amount | Unknown]) -> Amount | Unknown:
    highest: Amount | None = None
    for amount in amounts:
        if isinstance(amount, Unknown):
            return amount
        if highest is None:
            highest = amount
        elif highest.unit != amount.unit:
            return Unknown(reason="the order states doses in different units", where=amount.where)
        elif amount.high > highest.high:
            highest = amount
    return highest or _NOTHING


def _largest(regimen: Regimen, of_phase: Callable[[tuple[Step, ...]], Amount | Unknown]) -> Amount | Unknown:
    return _highest([of_phase(phase) for phase in regimen.phases])


def _times(amount: Amount | Unknown, low: Decimal, high: Decimal) -> Amount | Unknown:
    if isinstance(amount, Unknown):
        return amount
    return msgspec.structs.replace(amount, low=amount.low * low, high=amount.high * high)


def _occasions(phase: Sequence[Step]) -> Iterator[list[Step]]:
    """Concurrent steps that may be taken at the same time: those of the same times and days, or of none stated."""
    groups: dict[tuple[tuple[str, ...], tuple[Weekday, ...], tuple[dt.date, ...]], list[Step]] = {}
    for step in phase:
        groups.setdefault((step.times, step.weekdays, step.dates), []).append(step)
    yield from groups.values()


def _daily_of_step(step: Step) -> Amount | Unknown:
    if isinstance(step.frequency, Unknown):
        return step.frequency if not isinstance(step.dose, Unknown) else step.dose
    low, high = step.frequency.per_day_low, step.frequency.per_day_high
    if step.count is not None:
        low, high = min(low, Decimal(step.count)), min(high, Decimal(step.count))
    amount = _times(step.dose, low, high)
    cap = _daily_cap(step)
    if cap is None or isinstance(amount, Unknown) or cap.unit != amount.unit or cap.high >= amount.high:
        return amount
    return msgspec.structs.replace(amount, low=min(amount.low, cap.high), high=cap.high)


def _daily_cap(step: Step) -> Amount | None:
    """The most of one day that the stated maximum allows; of a longer period all may be given on one day."""
    if step.cap is None or step.cap_days is None or step.cap_days <= 0:
        return None
    times = 1 / step.cap_days if step.cap_days < 1 else Decimal(1)
    return msgspec.structs.replace(step.cap, low=step.cap.high * times, high=step.cap.high * times)


def _daily_of_phase(phase: Sequence[Step]) -> Amount | Unknown:
    """Concurrent steps added up: by day of the week where they name days, by date where all have dates."""
    daily = [_daily_of_step(step) for step in phase]
    unknown = next((amount for amount in daily if isinstance(amount, Unknown)), None)
    if unknown is not None:
        return unknown
    if all(step.dates for step in phase):
        days = sorted({day for step in phase for day in step.dates})
        return _highest([_sum([a for a, s in zip(daily, phase, strict=True) if day in s.dates]) for day in days])
    if not any(step.weekdays for step in phase):
        return _sum(daily)
    named = [
        [amount for amount, step in zip(daily, phase, strict=True) if not step.weekdays or day in step.weekdays]
        for day in WEEKDAYS
    ]
    return _highest([_sum(amounts) for amounts in named if amounts])


def _in_a_week(step: Step, frequency: Frequency) -> tuple[Decimal, Decimal]:
    """Administrations in a week (low, high), no more than the step has in all."""
    low, high = frequency.per_week_low, frequency.per_week_high
    if step.count is not None:
        low, high = min(low, Decimal(step.count)), min(high, Decimal(step.count))
    if step.days is not None and step.days < 7 and not step.dates:
        most = frequency.per_day_high * max(1, ceil(step.days))
        low, high = min(low, most), min(high, most)
    return low, high


def _weekly_of_step(step: Step) -> Amount | Unknown:
    if isinstance(step.frequency, Unknown):
        return step.frequency if not isinstance(step.dose, Unknown) else step.dose
    amount = _times(step.dose, *_in_a_week(step, step.frequency))
    cap, days = step.cap, step.cap_days
    if cap is None or days is None or days <= 0 or days > 7 or isinstance(amount, Unknown) or cap.unit != amount.unit:
        return amount
    most = cap.high * 7 / days
    return amount if most >= amount.high else msgspec.structs.replace(amount, low=min(amount.low, most), high=most)


def _average_of_step(step: Step) -> Amount | Unknown:
    if isinstance(step.frequency, Unknown):
        return step.frequency if not isinstance(step.dose, Unknown) else step.dose
    if step.dates:
        share = Decimal(len(step.dates)) / ((step.dates[-1] - step.dates[0]).days + 1)
        return _times(step.dose, share, share)
    if step.count == 1:
        return step.dose
    if step.period_days is not None and step.period_days <= 1 and len(step.weekdays) in (0, 7):
        return _daily_of_step(step)
    amount = _times(step.dose, step.frequency.per_week_low, step.frequency.per_week_high)
    if isinstance(amount, Unknown):
        return amount
    return msgspec.structs.replace(amount, low=amount.low / 7, high=amount.high / 7)


def _frequency_of_phase(phase: Sequence[Step]) -> Frequency | Unknown:
    day_low = day_high = week_low = week_high = Decimal(0)
    where = ""
    for group in _occasions(phase):
        lows: list[tuple[Decimal, Decimal]] = []
        for step in group:
            if isinstance(step.frequency, Unknown):
                return step.frequency
            where = where or step.frequency.where
            low, high = _in_a_week(step, step.frequency)
            lows.append((step.frequency.per_day_low, low))
            same = bool(step.times or step.weekdays or step.dates)
            day_high = max(day_high, step.frequency.per_day_high) if same else day_high + step.frequency.per_day_high
            week_high += high if not same or step is group[0] else Decimal(0)
        day_low = max(day_low, max(day for day, _ in lows))
        week_low += max(week for _, week in lows)
    return Frequency(
        per_day_low=day_low, per_day_high=day_high, per_week_low=week_low, per_week_high=week_high, where=where
    )


def _length(phase: Sequence[Step]) -> Decimal | None:
    longest = Decimal(0)
    for step in phase:
        days = step.days
        if days is None and step.start is not None and step.end is not None:
            days = Decimal((step.end - step.start).days + 1)
        if days is None:
            return None
        longest = max(longest, days)
    return longest


def _first_day(regimen: Regimen) -> dt.date:
    return course_start(regimen) or _ANY_MONDAY


def _leaves_days_open(step: Step) -> bool:
    """Whether several doses fall in a period longer than a day without days that are named."""
    if isinstance(step.frequency, Unknown) or step.dates or step.weekdays or step.days_per_cycle is not None:
        return False
    if step.period_days is None or step.period_days <= 1 or step.count == 1:
        return False
    per_period = step.frequency.per_week_high * step.period_days / 7
    return per_period > step.frequency.per_day_high or step.frequency.per_week_low != step.frequency.per_week_high


def _giving(regimen: Regimen, start: dt.date, horizon: int) -> list[tuple[dt.date, Amount | Unknown]] | Unknown:
    """Each day of giving with its amount, over a number of days; unknown where a schedule or a length is unknown."""
    if not regimen.phases:
        return _NOTHING
    last = start + dt.timedelta(horizon)
    begin: dt.date | None = start
    given: list[tuple[dt.date, Amount | Unknown]] = []
    for phase in regimen.phases:
        for step in phase:
            if isinstance(step.frequency, Unknown):
                return step.frequency
            first = step.start or begin
            if not step.dates and first is None:
                return _LENGTH
            given += [
                (day, _times(step.dose, low, high))
                for day, low, high in _days_of_step(step, step.frequency, first or start, last)
            ]
        begin = _after(phase, begin)
    return given or Unknown(reason="no dose is given in the period")


def _after(phase: Sequence[Step], begin: dt.date | None) -> dt.date | None:
    ends = [step.dates[-1] if step.dates else step.end for step in phase]
    if all(end is not None for end in ends):
        return max(end for end in ends if end is not None) + dt.timedelta(1)
    days = _length(phase)
    first = next((step.start for step in phase if step.start is not None), begin)
    return first + dt.timedelta(ceil(days)) if days is not None and days < 100_000 and first is not None else None


def _days_of_step(
    step: Step, frequency: Frequency, first: dt.date, last: dt.date
) -> Iterator[tuple[dt.date, Decimal, Decimal]]:
    """The days of giving of one step before `last`, each with its number of administrations (low, high)."""
    left = Decimal(step.count) if step.count is not None else None
    if step.dates:
        for day in sorted(set(step.dates)):
            number = Decimal(step.dates.count(day))
            if day < last:
                yield day, number, number
        return
    end = last
    if step.days is not None and step.days < 100_000:
        end = min(end, first + dt.timedelta(max(1, ceil(step.days))))
    if step.end is not None:
        end = min(end, step.end + dt.timedelta(1))
    for day in _schedule(step, frequency, first, end):
        low, high = frequency.per_day_low, frequency.per_day_high
        if left is not None:
            low, high = min(low, left), min(high, left)
            left -= high
        yield day, low, high
        if left is not None and left <= 0:
            return


def _schedule(step: Step, frequency: Frequency, first: dt.date, end: dt.date) -> Iterator[dt.date]:
    period = step.period_days or Decimal(1)
    total = (end - first).days
    if step.days_per_cycle is not None and step.cycle_days is not None:
        for offset in range(total):
            if offset % step.cycle_days < step.days_per_cycle:
                yield first + dt.timedelta(offset)
    elif step.weekdays:
        weeks = max(1, int(period / 7)) if period > 1 else 1
        monday = first - dt.timedelta(first.weekday())
        for offset in range(total):
            day = first + dt.timedelta(offset)
            if WEEKDAYS[day.weekday()] in step.weekdays and (day - monday).days // 7 % weeks == 0:
                yield day
    else:
        spacing = max(Decimal(1), 7 * frequency.per_day_high / frequency.per_week_high) if period > 1 else Decimal(1)
        place = 0
        while (offset := int((spacing * place).quantize(Decimal("0.000001")))) < total:
            yield first + dt.timedelta(offset)
            place += 1


def _groups(regimen: Regimen) -> list[list[tuple[dt.date, Amount | Unknown]]] | Unknown:
    given = _giving(regimen, _first_day(regimen), _HORIZON_DAYS)
    if isinstance(given, Unknown):
        return given
    groups: list[list[tuple[dt.date, Amount | Unknown]]] = []
    for item in sorted(given, key=lambda item: item[0]):
        if groups:
            group = groups[-1]
            within = (item[0] - group[0][0]).days < CYCLE_LENGTH_DAYS
            if within and (item[0] - group[-1][0]).days <= CYCLE_GAP_DAYS:
                group.append(item)
                continue
        groups.append([item])
    return groups
