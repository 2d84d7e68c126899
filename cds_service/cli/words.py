"""Reads an order as a person types it, "methotrexate 15 mg weekly on monday", into its parts. Nothing is guessed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

import msgspec

from .faults import NotUnderstood

PeriodUnit = Literal["h", "d", "wk", "mo"]


class OrderWords(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an order. What was not said is None, "" or ().

    `unit` is a UCUM code. `frequency` administrations are given in `period` of `period_unit`. `events` are single days;
    `start` to `end` bound the order (both inclusive), `days` is its length where neither is said.
    """

    text: str
    name: str
    amount: Decimal | None = None
    unit: str = ""
    frequency: int | None = None
    period: int = 1
    period_unit: PeriodUnit = "d"
    weekdays: tuple[str, ...] = ()
    route: str = ""
    events: tuple[dt.date, ...] = ()
    start: dt.date | None = None
    end: dt.date | None = None
    days: int | None = None


_UNITS = {
    "mg": "mg",
    "g": "g",
    "mcg": "ug",
    "ug": "ug",
    "iu": "[iU]",
    "ml": "mL",
    "mg/kg": "mg/kg",
    "g/kg": "g/kg",
    "mg/m2": "mg/m2",
    "tablet": "{tablet}",
    "tablets": "{tablet}",
    "capsule": "{capsule}",
    "capsules": "{capsule}",
}
_ROUTES = {
    "oral": "oral",
    "orally": "oral",
    "po": "oral",
    "sc": "subcutaneous",
    "subcutaneous": "subcutaneous",
    "subcutaneously": "subcutaneous",
    "iv": "intravenous",
    "intravenous": "intravenous",
    "intravenously": "intravenous",
    "im": "intramuscular",
    "intramuscular": "intramuscular",
    "topical": "topical",
    "topically": "topical",
}
_NUMBERS = {"once": 1, "twice": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_SHORT = {"qd": 1, "bid": 2, "tid": 3, "qid": 4}
_PERIODS: dict[str, PeriodUnit] = {
    "daily": "d",
    "day": "d",
    "days": "d",
    "weekly": "wk",
    "week": "wk",
    "weeks": "wk",
    "monthly": "mo",
    "month": "mo",
    "months": "mo",
    "hour": "h",
    "hours": "h",
}
_DATE = r"(?:\d{4}-\d{2}-\d{2}|today|tomorrow)"
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?"
_AND = r"(?:\s*,\s*|\s+and\s+)"

_AMOUNT = re.compile(
    rf"(?<![\w.])(\d+(?:\.\d+)?)\s*({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![\w/])", re.ASCII
)
_EVERY = re.compile(r"\bevery\s+(\d+)\s+(hours?|days?|weeks?|months?)\b", re.ASCII)
_FREQUENCY = re.compile(
    r"\b(?:(once|twice|(?:two|three|four|five|six|\d+)\s+times|\d+\s*x)\s+)?"
    r"(?:(daily|weekly|monthly)|(?:a|per|every|each)\s+(day|week|month))\b",
    re.ASCII,
)
_ABBREVIATED = re.compile(r"\b(qd|bid|tid|qid)\b", re.ASCII)
_WEEKDAYS = re.compile(rf"\bon\s+({_DAY}(?:{_AND}{_DAY})*)\b", re.ASCII)
_EVENTS = re.compile(rf"\bon\s+({_DATE}(?:{_AND}{_DATE})*)(?![\w-])", re.ASCII)
_START = re.compile(rf"\b(?:from|starting)\s+({_DATE})(?![\w-])", re.ASCII)
_END = re.compile(rf"\b(?:until|to)\s+({_DATE})(?![\w-])", re.ASCII)
_LENGTH = re.compile(r"\bfor\s+(\d+)\s+(days?|weeks?)\b", re.ASCII)
_CUT = "\0"


def read_order(text: str, today: dt.date) -> OrderWords:
    """The parts of an order: first the name of a medication or procedure, then how much, how often, how and when.

    Raises NotUnderstood, naming the words that are left over.
    """
    rest = _Rest(" ".join(text.lower().split()))
    dates = _date_reader(today)
    events = tuple(map(dates, re.findall(_DATE, rest.take(_EVENTS))))
    start, end = rest.take(_START), rest.take(_END)
    length = rest.match(_LENGTH)
    weekdays = tuple(day[:3] for day in re.findall(_DAY, rest.take(_WEEKDAYS)))
    frequency, period, unit = _frequency(rest)
    amount = rest.match(_AMOUNT)
    before, _, behind = rest.text.partition(_CUT)
    name = before.replace(",", " ").split()
    left = behind.replace(_CUT, " ").replace(",", " ").split()
    # A route may begin a name ("IV immunoglobulin"), never end it.
    routes = [name.pop()] if len(name) > 1 and name[-1] in _ROUTES else []
    routes += [word for word in left if word in _ROUTES]
    left = [word for word in left if word not in _ROUTES]
    if not name:
        raise NotUnderstood(f"'{text}' begins with no medication or procedure")
    if left or len(routes) > 1:
        raise NotUnderstood(f"'{' '.join(left or routes)}' in '{text}' is not understood")
    if weekdays and (frequency is None or unit != "wk"):
        raise NotUnderstood(f"'{text}' names a weekday: say weekly too")
    return OrderWords(
        text=text,
        name=" ".join(name),
        amount=Decimal(amount[1]) if amount else None,
        unit=_UNITS[amount[2]] if amount else "",
        frequency=max(frequency, len(weekdays)) if frequency is not None else None,
        period=period,
        period_unit=unit,
        weekdays=weekdays,
        route=_ROUTES[routes[0]] if routes else "",
        events=events,
        start=dates(start) if start else None,
        end=dates(end) if end else None,
        days=int(length[1]) * (7 if length[2].startswith("week") else 1) if length else None,
    )


class _Rest:
    """The words that are not yet understood; what is taken leaves a cut."""

    def __init__(self, text: str) -> None:
        self.text = text

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.search(self.text)
        if found is not None:
            self.text = f"{self.text[: found.start()]}{_CUT}{self.text[found.end() :]}"
        return found

    def take(self, pattern: re.Pattern[str]) -> str:
        found = self.match(pattern)
        return found[1] if found is not None else ""


def _frequency(rest: _Rest) -> tuple[int | None, int, PeriodUnit]:
    every = rest.match(_EVERY)
    if every is not None:
        return 1, int(every[1]), _PERIODS[every[2]]
    short = rest.take(_ABBREVIATED)
    if short:
        return _SHORT[short], 1, "d"
    found = rest.match(_FREQUENCY)
    if found is None:
        return None, 1, "d"
    times = (found[1] or "once").removesuffix("times").strip().removesuffix("x").strip()
    return _NUMBERS[times] if times in _NUMBERS else int(times), 1, _PERIODS[found[2] or found[3]]


def _date_reader(today: dt.date) -> Callable[[str], dt.date]:
    def read_date(word: str) -> dt.date:
        if word in ("today", "tomorrow"):
            return today + dt.timedelta(days=word == "tomorrow")
        try:
            return dt.date.fromisoformat(word)
        except ValueError:
            raise NotUnderstood(f"{word} is no date") from None

    return read_date
