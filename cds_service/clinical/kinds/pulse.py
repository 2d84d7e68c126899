"""Pulses: how many days in a row, how far apart, how many, at which strength, and with how much taken daily beside them.

A pulse is told by its dose and route alone (see `Glucocorticoids`); what is given for another reason is none.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import ClassVar

import msgspec

from .. import dose
from ..chart import Chart, DraftOrder
from ..dose import Amount, Unknown, Word
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, active, first_day, judged_drafts, last_day, list_gaps, therapies_of
from ..facts import Situation
from ..findings import Evidence, NotChecked
from ..glucocorticoids import Glucocorticoids, Pulse, for_other_reason, goes_on, high_days, pulse_days
from ..remedy import ChangeDosage, Remedy, StepChange
from ..rule import Rule, Tier, Verdict
from ..therapy import Therapy
from ..tiers import age_gap, excluded, fitting_tier
from ..timeline import CYCLE_GAP_DAYS, CYCLE_LENGTH_DAYS, ORDER_DATE_UNCERTAINTY_DAYS, Cycle, Given, cycles, undated
from .limit import index_of
from .sequence import move


class InPulses(Rule, frozen=True, kw_only=True):
    """What the rules about the pulses of one drug share: whom they judge."""

    drugs: Drug
    steroids: Glucocorticoids

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "amount", "days")
    JUDGES_DOSE = True

    def __post_init__(self) -> None:
        self.steroids.pulse_with(self.drugs)
        self.steroids.refuse_unknown(self.drugs)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "amount": "99999.999", "days": "365", "number": "99"}

    @property
    def pulse(self) -> Pulse:
        """The pulse that the rule is about."""
        return self.steroids.pulse_with(self.drugs)

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for draft in judged_drafts(chart):
            therapy = draft.therapy
            if therapy is None or not self.drugs.covers(therapy):
                continue
            situation = Situation(draft=draft, therapy=therapy)
            gap = age_gap(self.row, chart, situation)
            if gap is not None:
                yield gap
            elif not excluded(self.row, chart, situation):
                yield from self.of_draft(chart, draft, therapy)

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        """What the rule says about one drafted order."""
        raise TypeError(f"{type(self).__name__} decides nothing")

    def tell(
        self,
        tier: Tier,
        draft: DraftOrder,
        therapy: Therapy,
        *,
        names: dict[str, str],
        orders: tuple[str, ...] = (),
        evidence: tuple[Evidence, ...] = (),
        found: tuple[str, ...] = (),
        caveats: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] = (),
    ) -> Verdict:
        """The finding about a draft; `orders` are other drafts that it is about."""
        return self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapy), **names},
            orders=(draft.reference, *orders),
            evidence=evidence,
            found=(shown(therapy), *found),
            caveats=caveats,
            remedies=remedies,
        )


class PulseDays(InPulses, frozen=True, kw_only=True):
    """Fires where pulse doses are given on more days in a row than the figure of a tier, or (case "open") without an end.

    Days on which the drug is given right before the draft, by the chart or by another draft, count with it. An order
    without an end whose text names the days, by one of `unless_words`, is not judged but named as not checked. The remedy
    ends the draft after `shorten_to` days.
    """

    shorten_to: int
    unless_words: tuple[Word, ...] = ()

    CASES = ("", "open")
    REMEDIES = ("shorten",)

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        name = self.drugs.name_in(therapy)
        regimen = therapy.regimen(self.steroids.ingredient_of(therapy))
        own = high_days(chart, self.steroids, self.pulse, therapy)
        most = self.steroids.own(chart, therapy, dose.daily_amount)
        if isinstance(own, Unknown) or isinstance(most, Unknown):
            yield NotChecked(self.row.id, f"the days and doses of {name}", order=draft.reference)
            return
        if not own:
            return
        if dose.open_ended(regimen) and goes_on(own, min(own)):
            if not regimen.words.isdisjoint(self.unless_words):
                yield NotChecked(self.row.id, f"for how many days {name} is given", order=draft.reference)
                return
            tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy), case="open")
            days, found = "", ("no end is ordered",)
            before: tuple[Given, ...] = ()
        else:
            before = self.right_before(chart, draft, own)
            run = longest_run(own | {given.day for given in before})
            figure = Amount(low=Decimal(run), high=Decimal(run), unit="1")
            tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy), amount=figure)
            days, found = str(run), (f"{run} days in a row",)
        if tier is None:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            return
        yield self.tell(
            tier,
            draft,
            therapy,
            names={"amount": dose.plain(most.high), "days": days},
            orders=tuple(dict.fromkeys(g.draft.reference for g in before if g.draft is not None)),
            evidence=charted_before(before) + because,
            found=found,
            remedies=() if before else self.remedies(draft, therapy, regimen),
        )

    def right_before(self, chart: Chart, draft: DraftOrder, own: frozenset[dt.date]) -> tuple[Given, ...]:
        """The days of giving by other orders that lead to the first day of a draft without a gap."""
        given, _ = pulse_days(chart, self.steroids, self.pulse)
        by_day = {g.day: g for g in given if g.draft is not draft}
        found: list[Given] = []
        day = min(own) - dt.timedelta(days=1)
        while day in by_day:
            found.append(by_day[day])
            day -= dt.timedelta(days=1)
        return tuple(found)

    def remedies(self, draft: DraftOrder, therapy: Therapy, regimen: dose.Regimen) -> tuple[Remedy, ...]:
        """The same order, ended after so many days."""
        steps = dose.steps(regimen)
        if "shorten" not in self.row.remedies or len(steps) != 1 or steps[0].days_per_cycle is not None:
            return ()
        step, days = steps[0], self.shorten_to
        if step.dates and len(set(step.dates)) != len(step.dates):
            return ()
        dates = tuple(sorted(step.dates))[:days]
        shorter = msgspec.structs.replace(
            step, days=Decimal(days), count=None, dates=(), end=None, weekdays=(), open_ended=False
        )
        change = StepChange(
            index=index_of(step),
            days=None if dates else days,
            dates=dates,
            text=dose.in_words(dose.Regimen(phases=((shorter,),))),
        )
        label = f"End {self.drugs.name_in(therapy)} after {days} days"
        return (Remedy(label, (ChangeDosage(draft.reference, (change,)),)),)


def charted_before(before: Sequence[Given]) -> tuple[Evidence, ...]:
    """The orders and administrations of the chart among these days of giving, each once."""
    return tuple({g.therapy.reference: evidence_of(g.therapy) for g in before if g.draft is None}.values())


def longest_run(days: frozenset[dt.date]) -> int:
    """The largest number of these days in a row; 0 for none."""
    ordered = sorted(days)
    longest = run = 1 if ordered else 0
    for earlier, later in itertools.pairwise(ordered):
        run = run + 1 if (later - earlier).days == 1 else 1
        longest = max(longest, run)
    return longest


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """The pulses of a draft among all others: `own` those that it plans, `others` all the rest, each in order of time.

    Where the draft goes on with a pulse that has begun already, `own` begins with that pulse and `continues` is true.
    """

    own: tuple[Cycle, ...]
    others: tuple[Cycle, ...]
    continues: bool
    unsure: bool

    def before(self, pulse: Cycle, within_days: int) -> list[Cycle]:
        """The pulses that began 1 to `within_days` days before one of them; the last of these days counts."""
        return [c for c in (*self.others, *self.own) if 0 < (pulse.start - c.start).days <= within_days]


class InCourse(InPulses, frozen=True, kw_only=True):
    """What the rules share that look at a pulse among others."""

    def course(self, chart: Chart, draft: DraftOrder) -> Course | None:
        """The pulses of a draft among all others; None where it plans none. One without an end counts once."""
        given, unsure = pulse_days(chart, self.steroids, self.pulse)
        mine = [g for g in given if g.draft is draft]
        if not mine:
            return None
        days = frozenset(g.day for g in mine)
        if goes_on(days, mine[0].day) and longest_run(days) == len(days):
            mine = mine[:1]
        own, others = list(cycles(mine)), list(cycles(g for g in given if g.draft is not draft))
        begun = next((c for c in reversed(others) if c.start <= own[0].start), None)
        continues = (
            begun is not None
            and (own[0].start - begun.end).days <= CYCLE_GAP_DAYS
            and (own[0].end - begun.start).days < CYCLE_LENGTH_DAYS
        )
        if continues and begun is not None:
            others.remove(begun)
            own[0] = Cycle((*begun.days, *own[0].days))
        return Course(own=tuple(own), others=tuple(others), continues=continues, unsure=bool(unsure))

    def gaps(self, chart: Chart, course: Course, therapy: Therapy) -> Iterator[NotChecked]:
        """What kept earlier pulses from being seen."""
        if course.unsure:
            missing = f"the dose of an earlier {self.drugs.name_in(therapy)}"
            yield NotChecked(self.row.id, missing, order=therapy.reference)
        yield from undated(chart, self.drugs, self.row.id)
        yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)


class PulseInterval(InCourse, frozen=True, kw_only=True):
    """Fires where a pulse begins less than `least_days` days after the start of the pulse before it; at it, silent.

    Case "uncertain" where a date is only that of an order's writing and may be late enough. The remedy moves the draft
    so that it begins `move_to_days` after the pulse before it.
    """

    least_days: int
    move_to_days: int

    PLACEHOLDERS = ("drug", "days")
    CASES = ("", "uncertain")
    REMEDIES = ("move-draft",)

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        course = self.course(chart, draft)
        if course is None:
            return
        every = sorted((*course.own, *course.others), key=lambda cycle: cycle.start)
        close = [
            (earlier, later)
            for earlier, later in itertools.pairwise(every)
            if (later.start - earlier.start).days < self.least_days
            and (later in course.own[1 if course.continues else 0 :] or earlier in course.own)
        ]
        if not close:
            yield from self.gaps(chart, course, therapy)
            return
        earlier, later = close[0]
        days = (later.start - earlier.start).days
        certain = earlier.certain and later.certain
        case = "" if certain or self.least_days - days > ORDER_DATE_UNCERTAINTY_DAYS else "uncertain"
        tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy), case=case)
        if tier is None:
            return
        movable = later is course.own[0] and not course.continues and "move-draft" in self.row.remedies
        target = earlier.start + dt.timedelta(days=self.move_to_days)
        pair = (earlier.days[0], later.days[0])
        yield self.tell(
            tier,
            draft,
            therapy,
            names={"days": str(days)},
            orders=tuple(g.draft.reference for g in pair if g.draft is not None and g.draft is not draft),
            evidence=tuple(evidence_of(g.therapy) for g in pair if g.draft is None) + because,
            found=(f"pulses from {earlier.start.isoformat()} and from {later.start.isoformat()}",),
            caveats=("a date is only that on which the order was written",) if case else (),
            remedies=(move(draft, self.drugs.name_in(therapy), later.start, target),) if movable else (),
        )


class PulseNumber(InCourse, frozen=True, kw_only=True):
    """Fires where a draft plans a pulse that is the more than `most`-th in `within_days` days, or by itself more than
    `most_days` days of giving."""

    most: int
    most_days: int
    within_days: int

    PLACEHOLDERS = ("drug", "number")

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        course = self.course(chart, draft)
        if course is None:
            return
        numbers = [len(course.before(cycle, self.within_days)) + 1 for cycle in course.own]
        planned = [given for cycle in course.own for given in cycle.days if given.draft is draft]
        if max(numbers) <= self.most and len(planned) <= self.most_days:
            yield from self.gaps(chart, course, therapy)
            return
        tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy))
        if tier is None:
            return
        yield self.tell(
            tier,
            draft,
            therapy,
            names={"number": str(max(numbers))},
            evidence=charted(course.before(course.own[-1], self.within_days)) + because,
            found=(f"pulse {max(numbers)} in {self.within_days} days",),
        )


class PulseStrength(InCourse, frozen=True, kw_only=True):
    """Fires where a draft is one of the pulses `from_number` to `to_number` and still of exactly the full dose of
    `full_mg` a day. Counted are the pulses of the last `within_days` days."""

    from_number: int
    to_number: int
    full_mg: Decimal
    within_days: int

    PLACEHOLDERS = ("drug", "number")

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        course = self.course(chart, draft)
        most = self.steroids.own(chart, therapy, dose.daily_amount)
        if course is None or isinstance(most, Unknown) or most.high != self.full_mg:
            return
        earlier = course.before(course.own[0], self.within_days)
        number = len(earlier) + 1
        if not self.from_number <= number <= self.to_number:
            if number < self.from_number:
                yield from self.gaps(chart, course, therapy)
            return
        tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy))
        if tier is None:
            return
        yield self.tell(
            tier,
            draft,
            therapy,
            names={"number": str(number)},
            evidence=charted(earlier) + because,
            found=tuple(f"pulse from {cycle.start.isoformat()}" for cycle in earlier),
        )


def charted(pulses: Sequence[Cycle]) -> tuple[Evidence, ...]:
    """The orders and administrations of earlier pulses, one for each pulse."""
    firsts = (cycle.days[0] for cycle in pulses)
    return tuple(evidence_of(first.therapy) for first in firsts if first.draft is None)


class PulseWithDaily(InPulses, frozen=True, kw_only=True):
    """Fires where pulses are drafted or running beside a daily drug of more than the figure of a tier.

    One of the two is a draft that the hook asks about. A daily drug that ends less than `switch_days` days after the
    pulse begins is a switch and does not count; one that begins within the pulse's cycle does.
    """

    daily: Drug
    switch_days: int

    PLACEHOLDERS = ("drug", "daily", "amount")

    def __post_init__(self) -> None:
        self.steroids.pulse_with(self.drugs)
        self.steroids.refuse_unknown(self.drugs, self.daily)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.daily.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "daily": self.daily.longest_name, "amount": "9999.999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        asked = [d for d in judged_drafts(chart) if d.therapy is not None and self.concerned(d.therapy)]
        open_drafts: list[DraftOrder] = []
        for draft in asked:
            situation = Situation(draft=draft, therapy=draft.therapy)
            gap = age_gap(self.row, chart, situation)
            if gap is not None:
                yield gap
            elif not excluded(self.row, chart, situation):
                open_drafts.append(draft)
        if not open_drafts:
            return
        pulses = [t for t in self.running(chart, self.drugs) if self.is_pulse(chart, t)]
        verdicts = [verdict for pulse in pulses for verdict in self.beside(chart, pulse, open_drafts)]
        yield from verdicts
        if not verdicts and any(self.matters(chart, draft) for draft in open_drafts):
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)

    def is_pulse(self, chart: Chart, therapy: Therapy) -> bool:
        """Whether a therapy is a pulse of the drug that the rule is about."""
        return self.drugs.covers(therapy) and not for_other_reason(therapy) and self.steroids.is_pulse(chart, therapy)

    def matters(self, chart: Chart, draft: DraftOrder) -> bool:
        """Whether what cannot be seen might make a finding with a draft: a pulse, or a daily dose that is too high."""
        therapy = draft.therapy
        if therapy is None or self.is_pulse(chart, therapy):
            return True
        amount = self.steroids.equivalent(chart, therapy, dose.average_daily_amount)
        if isinstance(amount, Unknown):
            return False
        situation = Situation(draft=draft, therapy=therapy)
        return fitting_tier(self.row, chart, situation, amount=amount)[0] is not None

    def concerned(self, therapy: Therapy) -> bool:
        return self.drugs.covers(therapy) or self.daily.covers(therapy)

    def running(self, chart: Chart, drug: Drug) -> list[Therapy]:
        """The therapies with a drug that are being taken or are in the basket."""
        orders = (t for t in therapies_of(chart, drug) if t.source == "request" and drug.covers(t))
        taken = [t for t in orders if active(t, chart.as_of) == "yes"]
        return taken + [d.therapy for d in chart.drafts if d.therapy is not None and drug.covers(d.therapy)]

    def beside(self, chart: Chart, pulse: Therapy, drafts: Sequence[DraftOrder]) -> Iterator[Verdict]:
        """One order of pulses with what is taken daily beside it."""
        begins = self.begins(chart, pulse)
        others = [t for t in self.running(chart, self.daily) if any(self.counts(chart, t, day) for day in begins)]
        mine = [d for d in drafts if d.therapy is pulse or any(d.therapy is other for other in others)]
        if not others or not mine:
            return
        total = Decimal(0)
        begin = max(begins[0], chart.as_of)
        for other in others:
            left = dose.from_day(other.regimen(self.steroids.ingredient_of(other)), begin, start=other.start)
            amount = self.steroids.equivalent(chart, other, dose.average_daily_amount, left)
            if isinstance(amount, Unknown):
                yield NotChecked(self.row.id, f"the dose of {self.daily.name_in(other)}", order=mine[0].reference)
                return
            total += amount.high
        figure = Amount(low=total, high=total, unit="mg")
        situation = Situation(draft=mine[0], therapy=mine[0].therapy)
        tier, because = fitting_tier(self.row, chart, situation, amount=figure)
        if tier is None:
            return
        pair = (pulse, *others)
        yield self.row.finding(
            tier,
            names={
                "drug": self.drugs.name_in(pulse),
                "daily": self.daily.name_in(others[-1]),
                "amount": dose.plain(total),
            },
            orders=tuple(t.reference for t in pair if t.source == "draft"),
            evidence=tuple(evidence_of(t) for t in pair if t.source != "draft") + because,
            found=tuple(shown(t) for t in pair),
        )

    def begins(self, chart: Chart, pulse: Therapy) -> list[dt.date]:
        """The first days of the pulses that an order gives, in order of time; its own where its days are not fixed."""
        days = high_days(chart, self.steroids, self.pulse, pulse)
        given = [] if isinstance(days, Unknown) else [Given(day, pulse, True, True) for day in sorted(days)]
        return [cycle.start for cycle in cycles(given)] or [first_day(pulse, chart.as_of)]

    def counts(self, chart: Chart, therapy: Therapy, begin: dt.date) -> bool:
        """Whether a daily drug runs beside the pulses that begin on a day, and is not being switched from."""
        last = last_day(therapy, as_of=chart.as_of)
        if last is not None and (last - begin).days < self.switch_days:
            return False
        cycle = self.pulse.every_days or 1
        return (first_day(therapy, chart.as_of) - begin).days < cycle and not dose.prn(therapy.regimen())
