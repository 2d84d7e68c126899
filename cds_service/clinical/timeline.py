"""When infusions are given: the dates of doses from administrations, orders and drafts (CLINICAL B.3), and cycles.

Day arithmetic is on calendar dates. An administration says when a dose was given; an order says so only where no
administration of it is on record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from . import body, dose
from .chart import Chart, DraftOrder
from .drugs import Drug
from .exposure import history, replaced, therapies_of
from .findings import NotChecked
from .therapy import Therapy

ORDER_DATE_UNCERTAINTY_DAYS = 14
"""A dose whose order states no date but that of its writing is dated so uncertainly (CLINICAL B.3)."""
HORIZON_DAYS = 365
CYCLE_GAP_DAYS = 3
CYCLE_LENGTH_DAYS = 7


class Given(msgspec.Struct, frozen=True):
    """One day of giving. `explicit` where an administration or an order's own date says so, `certain` where it can be
    relied upon; `draft` where it is only planned by a draft of this request."""

    day: dt.date
    therapy: Therapy
    explicit: bool
    certain: bool
    draft: DraftOrder | None = None


class Cycle(msgspec.Struct, frozen=True):
    """Days of giving of one drug that belong together: gaps of at most 3 days, at most 7 days in all."""

    days: tuple[Given, ...]

    @property
    def start(self) -> dt.date:
        """The first day."""
        return self.days[0].day

    @property
    def end(self) -> dt.date:
        """The last day."""
        return self.days[-1].day

    @property
    def draft(self) -> DraftOrder | None:
        """The draft that plans (a part of) the cycle, or None."""
        return next((given.draft for given in self.days if given.draft), None)

    @property
    def explicit(self) -> bool:
        """Whether its first day is an explicit date."""
        return self.days[0].explicit

    @property
    def certain(self) -> bool:
        """Whether its first day can be relied upon."""
        return self.days[0].certain


def days_given(chart: Chart, drug: Drug) -> tuple[Given, ...]:
    """Every day on which the drug was given or is planned, in order of time; undated drafts start today."""
    given: list[Given] = []
    administered: list[Therapy] = []
    orders: list[Therapy] = []
    for therapy in therapies_of(chart, drug):
        if not drug.covers(therapy):
            continue
        if therapy.source == "administration":
            administered.append(therapy)
        elif therapy.status != "on-hold":
            orders.append(therapy)
    given += [Given(t.start, t, True, True) for t in administered if t.start is not None]
    for order in orders:
        given += days_of_order(chart, order, administered)
    gone = replaced(chart)
    for order in history(chart, drug) if gone else ():
        if order.source == "request" and order.status != "on-hold" and order.reference in gone:
            given += days_before_replaced(chart, order, administered)
    for draft in chart.drafts:
        if draft.therapy is not None and drug.covers(draft.therapy):
            given += days_of_draft(chart, draft, draft.therapy)
    return tuple(sorted(given, key=lambda g: (g.day, g.draft is not None)))


def undated(chart: Chart, drug: Drug, rule: str) -> Iterator[NotChecked]:
    """A check that lacks a date, where an order of the drug names none at all, not even that of its writing."""
    for therapy in therapies_of(chart, drug):
        if therapy.start is None and therapy.status != "on-hold" and drug.covers(therapy):
            yield NotChecked(rule, f"when {drug.name_in(therapy)} is given")
            return


def days_of_order(chart: Chart, order: Therapy, administered: Iterable[Therapy]) -> list[Given]:
    """The days that a chart order plans, without those that its administrations stand for, or that it did not reach."""
    start = order.start
    if start is None:
        return []
    planned = dose.dates_of_giving(order.regimen(), start=start, horizon_days=HORIZON_DAYS)
    return reached(chart, order, (start,) if isinstance(planned, dose.Unknown) else planned, administered)


def days_before_replaced(chart: Chart, order: Therapy, administered: Iterable[Therapy]) -> list[Given]:
    """The days of an order of so many doses that passed before a draft took its place: nothing takes those back.

    The cycle in which the draft begins is the draft's. Of an order that goes on nobody knows which day was the last; one
    that may not have been carried out yet, for no date of its own is known, has none.
    """
    if dose.open_ended(order.regimen()):
        return []
    begins = [
        min((given.day for given in days_of_draft(chart, draft, draft.therapy)), default=chart.as_of)
        for draft in chart.drafts
        if draft.therapy is not None and order.reference in (draft.reference, draft.therapy.replaces)
    ]
    slack = 0 if order.start_certain else ORDER_DATE_UNCERTAINTY_DAYS
    first = min((*begins, chart.as_of - dt.timedelta(days=slack)))
    passed = [given for given in days_of_order(chart, order, administered) if given.day < first]
    while passed and (first - passed[-1].day).days <= CYCLE_GAP_DAYS:
        first = passed.pop().day
    return passed


def reached(chart: Chart, order: Therapy, days: Iterable[dt.date], administered: Iterable[Therapy]) -> list[Given]:
    """Those of an order's days that it reached, and for which no administration of it stands."""
    own = [t.start for t in administered if t.start is not None and t.carries_out in ("", order.reference)]
    ended = (order.ended_by or chart.as_of) if order.status == "ended" else None
    last = min((day for day in (order.end, ended) if day is not None), default=dt.date.max)
    slack = CYCLE_GAP_DAYS if order.start_certain else ORDER_DATE_UNCERTAINTY_DAYS
    return [
        Given(day, order, order.start_certain, order.start_certain)
        for day in days
        if day <= last and not any(abs((day - done).days) <= slack for done in own)
    ]


def days_of_draft(chart: Chart, draft: DraftOrder, therapy: Therapy) -> list[Given]:
    """The days that a draft plans; one without a date starts today, which is certain but not explicit."""
    start = therapy.start or chart.as_of
    planned = dose.dates_of_giving(therapy.regimen(), start=start, horizon_days=HORIZON_DAYS)
    days = (start,) if isinstance(planned, dose.Unknown) else planned
    return [Given(day, therapy, therapy.start is not None, True, draft) for day in days]


def cycles(days: Iterable[Given]) -> tuple[Cycle, ...]:
    """Days of giving grouped into cycles (CLINICAL B.3)."""
    grouped: list[list[Given]] = []
    for given in days:
        last = grouped[-1] if grouped else None
        if (
            last is not None
            and (given.day - last[-1].day).days <= CYCLE_GAP_DAYS
            and (given.day - last[0].day).days < CYCLE_LENGTH_DAYS
        ):
            last.append(given)
        else:
            grouped.append([given])
    return tuple(Cycle(tuple(group)) for group in grouped)


def grams_per_kg(chart: Chart, cycle: Cycle) -> Decimal | None:
    """What the cycle gives in all, in g per kg of body weight, or None where a dose or the weight is not known."""
    total = Decimal(0)
    for given in cycle.days:
        daily = dose.daily_amount(given.therapy.regimen())
        if isinstance(daily, dose.Unknown):
            return None
        if daily.unit == "mg/kg":
            total += daily.high
            continue
        weight = body.weight(chart)
        if isinstance(weight, dose.Unknown) or daily.unit != "mg":
            return None
        total += daily.high / weight.value
    return total / 1000


def procedure_days(chart: Chart, concepts: frozenset[str]) -> tuple[tuple[dt.date, DraftOrder | None], ...]:
    """The days of a procedure, done or planned; a draft without a date is for today."""
    done = [(p.day, None) for p in chart.procedures if p.day is not None and not concepts.isdisjoint(p.concepts)]
    drafts = [
        (draft.procedure.day or chart.as_of, draft)
        for draft in chart.drafts
        if draft.procedure is not None and not concepts.isdisjoint(draft.procedure.concepts)
    ]
    return tuple(sorted([*done, *drafts], key=lambda pair: pair[0]))
