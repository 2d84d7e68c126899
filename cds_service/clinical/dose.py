"""How a medication is to be taken, as exact and three-valued figures: a figure is known, or unknown with a reason.

Masses are in mg, volumes in mL, and every number is a `Decimal`; nothing is rounded. Nothing unknown is ever zero.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DoseUnit = Literal["mg", "mg/kg", "mg/m2", "mL", "[iU]", "1"]
"""What an amount is measured in; "1" is a count of pieces (tablets, vials) whose strength is not known."""
Word = Literal["daily", "weekly", "taper", "maintenance", "pulse"]
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

    `low` and `high` differ where the order leaves room (frequencyMax, periodMax). For a pulse or a course with dates,
    `per_week` is the largest number in any seven days.
    """

    per_day_low: Decimal
    per_day_high: Decimal
    per_week_low: Decimal
    per_week_high: Decimal
    where: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a dosage that contradicts itself or was read on an assumption; `where` names the element."""

    text: str
    where: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One dosage instruction, or several that are given at the same time.

    `start` and `end` (the last day, inclusive) are the dates that the order states or that follow from them; None
    where none is stated. `days` is the length in days where it is stated, None where the step is open-ended or its
    length is unknown (`open_ended` tells which). `dates` are explicit dates of giving (Timing.event), sorted.
    `days_per_cycle` and `cycle_days` describe a pulse: given on so many days in each cycle of so many days.
    """

    sequence: int | None = None
    dose: Amount | Unknown
    frequency: Frequency | Unknown
    start: dt.date | None = None
    end: dt.date | None = None
    days: Decimal | None = None
    open_ended: bool = True
    count: int | None = None
    dates: tuple[dt.date, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    days_per_cycle: int | None = None
    cycle_days: Decimal | None = None
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
