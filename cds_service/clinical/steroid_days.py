"""How much glucocorticoid is taken on each day, past and planned, in mg of the reference (GC_now, CLINICAL 0.7).

Pulses are left out, and what is taken only as needed. Doses are averages of the days on which a step is taken, so that
20 mg on alternate days are 10 mg a day (CLINICAL D.7).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from math import ceil

import msgspec

from . import dose
from .chart import Chart
from .dose import Step, Unknown
from .drugs import Drug
from .exposure import active, first_day, history, last_day
from .glucocorticoids import Glucocorticoids
from .therapy import Therapy

DAY = dt.timedelta(days=1)
NOTHING = Decimal(0)


class Spell(msgspec.Struct, frozen=True):
    """So many mg a day of one therapy from a day to a day, both included; `last` is None where no end is ordered."""

    first: dt.date
    last: dt.date | None
    mg: Decimal
    therapy: Therapy


class Stretch(msgspec.Struct, frozen=True):
    """Days in a row, but for the gaps allowed, on which at least so much is taken.

    `days` counts those days alone, and is None where there is no end. `lowered` tells whether less, but something,
    is taken from the day after on.
    """

    first: dt.date
    last: dt.date | None
    days: int | None
    lowered: bool = False

    def lasts(self, days: int) -> bool:
        """Whether it is of at least so many days."""
        return self.days is None or self.days >= days


class SteroidDays(msgspec.Struct, frozen=True, kw_only=True):
    """The spells of a patient, and the therapies whose dose or days are not known."""

    spells: tuple[Spell, ...]
    unsure: tuple[Therapy, ...] = ()

    def on(self, day: dt.date) -> Decimal:
        """How much is taken on a day."""
        return sum((s.mg for s in self.spells if s.first <= day and (s.last is None or day <= s.last)), NOTHING)

    def levels(self) -> list[tuple[dt.date, Decimal]]:
        """Every day from which on another amount is taken, with that amount, in order of time."""
        turns = {spell.first for spell in self.spells}
        turns |= {spell.last + DAY for spell in self.spells if spell.last is not None}
        found: list[tuple[dt.date, Decimal]] = []
        for day in sorted(turns):
            amount = self.on(day)
            if not found or found[-1][1] != amount:
                found.append((day, amount))
        return found

    def stretches(self, at_least: Decimal, *, gap_days: int = 0) -> list[Stretch]:
        """Every stretch of at least so many mg a day, in order of time; gaps of at most `gap_days` do not end one."""
        levels = self.levels()
        ends: list[dt.date | None] = [day - DAY for day, _ in levels[1:]] + [None] * bool(levels)
        found: list[Stretch] = []
        for (first, amount), last in zip(levels, ends, strict=True):
            if amount < at_least:
                continue
            own = None if last is None else (last - first).days + 1
            before = found[-1] if found else None
            if before is not None and before.last is not None and (first - before.last).days - 1 <= gap_days:
                days = None if own is None or before.days is None else before.days + own
                found[-1] = Stretch(before.first, last, days)
            else:
                found.append(Stretch(first, last, own))
        return [
            s if s.last is None else msgspec.structs.replace(s, lowered=self.on(s.last + DAY) > NOTHING) for s in found
        ]

    def current(self, at_least: Decimal, on: dt.date, *, gap_days: int = 0) -> list[Stretch]:
        """The stretches that are not over on a day."""
        return [s for s in self.stretches(at_least, gap_days=gap_days) if s.last is None or s.last >= on]

    def days_since(self, at_least: Decimal, day: dt.date) -> int | None:
        """On how many days from a day on at least so much is taken; None where that has no end."""
        total = 0
        for stretch in self.stretches(at_least):
            if stretch.last is None:
                return None
            total += max(0, (stretch.last - max(stretch.first, day)).days + 1)
        return total


def steroid_days(chart: Chart, steroids: Glucocorticoids, drug: Drug) -> SteroidDays:
    """What is taken of a glucocorticoid drug on each day, by orders, statements and the drafts of the basket.

    An order that a draft replaces counts until the draft begins; a statement only where no order of its ingredient is
    active. What is on hold is not taken, what ended on a day that is not known counts until the latest that it may be.
    """
    drafts = [d.therapy for d in chart.drafts if d.therapy is not None and drug.covers(d.therapy)]
    begins = dict(replacements(chart))
    ordered = {
        name
        for therapy in history(chart, drug)
        if therapy.source == "request" and active(therapy, chart.as_of) == "yes"
        for name in therapy.ingredients
    }
    spells: list[Spell] = []
    unsure: list[Therapy] = []
    for therapy in (*history(chart, drug), *drafts):
        if therapy.source == "administration" or therapy.status == "on-hold":
            continue
        if therapy.source == "statement" and therapy.ingredients & ordered:
            continue
        own = spells_of(chart, steroids, therapy)
        if isinstance(own, Unknown):
            if therapy.source == "draft" or active(therapy, chart.as_of) != "no":
                unsure.append(therapy)
            continue
        replaced = begins.get(therapy.reference) if therapy.source != "draft" else None
        spells += own if replaced is None else cut(own, replaced - DAY)
    return SteroidDays(spells=tuple(spells), unsure=tuple(unsure))


def replacements(chart: Chart) -> Iterator[tuple[str, dt.date]]:
    """The reference of each chart order that a draft replaces or stops, with the day from which on it does."""
    for draft in chart.drafts:
        if draft.therapy is None:
            yield draft.reference, chart.as_of
            continue
        day = first_day(draft.therapy, chart.as_of)
        yield draft.reference, day
        if draft.therapy.replaces:
            yield draft.therapy.replaces, day


def cut(spells: Iterable[Spell], last: dt.date) -> Iterator[Spell]:
    """The spells as far as they reach up to a day, that day included."""
    for spell in spells:
        if spell.first <= last:
            end = last if spell.last is None else min(spell.last, last)
            yield msgspec.structs.replace(spell, last=end)


def spells_of(chart: Chart, steroids: Glucocorticoids, therapy: Therapy) -> list[Spell] | Unknown:
    """The spells of one therapy, its pulses left out."""
    begin = therapy.start or (chart.as_of if therapy.source == "draft" else None)
    if begin is None:
        return Unknown(reason="when it began is not known")
    regimen = therapy.regimen(steroids.ingredient_of(therapy))
    if not regimen.phases:
        return Unknown(reason="the order says nothing about its dosage")
    found: list[Spell] = []
    for phase in regimen.phases:
        if all(step.prn for step in phase):
            continue
        first, last = reach(phase, begin)
        part = msgspec.structs.replace(regimen, phases=(phase,))
        if not steroids.is_pulse_dose(chart, therapy, part):
            amount = steroids.equivalent(chart, therapy, dose.average_daily_amount, part)
            if isinstance(amount, Unknown):
                return amount
            found.append(Spell(first, last, amount.high, therapy))
        if last is None:
            break
        begin = last + DAY
    end = last_day(therapy, as_of=chart.as_of)
    if therapy.status in ("ended", "unknown"):
        latest = min(day for day in (end, therapy.ended_by, chart.as_of - DAY) if day is not None)
        return list(cut(found, latest))
    return list(cut(found, end)) if end is not None else found


def reach(phase: Sequence[Step], begin: dt.date) -> tuple[dt.date, dt.date | None]:
    """The first and the last day of a phase that begins on a day where it does not say when itself."""
    starts = [step.dates[0] if step.dates else step.start for step in phase]
    first = min((day for day in starts if day is not None), default=begin)
    ends = [step.dates[-1] if step.dates else step.end for step in phase]
    known = [day for day in ends if day is not None]
    if len(known) == len(ends):
        return first, max(known)
    days = dose.phase_days(phase)
    return first, first + dt.timedelta(days=max(1, ceil(days)) - 1) if days is not None and days < 100_000 else None
