"""Glucocorticoids taken every day: how much, how little at the start, how long without a taper, and two at once.

All doses are compared as the reference glucocorticoid of the knowledge; pulses are never judged here.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from decimal import ROUND_HALF_DOWN, Decimal
from math import ceil
from typing import ClassVar

import msgspec

from .. import body, dose
from ..chart import Chart, DraftOrder
from ..dose import Amount, Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import (
    MEDICATION_SOURCES,
    first_day,
    history,
    judged_drafts,
    last_day,
    list_gaps,
    long_over,
    missing_datum,
    search,
    therapies_of,
)
from ..facts import Situation, ask
from ..findings import SEVERITY_ORDER, Evidence, Finding, NotChecked
from ..glucocorticoids import Glucocorticoids, for_other_reason, in_mg, pulse_days
from ..remedy import ChangeDosage, DeleteDraft, Remedy, StepChange
from ..results import unweighed
from ..rule import Rule, Tier, Verdict
from ..subjects import Subject, alongside, overlap, subjects
from ..therapy import Therapy
from ..tiers import age_gap, excluded, fitting_tier
from ..timeline import cycles
from ..turns import most_on_a_day
from .limit import STALE_WEIGHT_EXCESS, index_of


class DailyGlucocorticoid(Rule, frozen=True, kw_only=True):
    """What the rules about one daily glucocorticoid share: whom they judge, and how a dose is reckoned."""

    drugs: Drug
    steroids: Glucocorticoids

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "amount")
    JUDGES_DOSE = True

    def __post_init__(self) -> None:
        self.steroids.refuse_unknown(self.drugs)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        as_reference = f"{self.drugs.longest_name} 999.999 mg, as {self.steroids.reference}"
        return {"drug": as_reference, "amount": "9999.999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        told: set[frozenset[str]] = set()
        for subject in subjects(chart, self.drugs):
            gap = age_gap(self.row, chart, subject.situation)
            if gap is not None:
                yield gap
                continue
            if excluded(self.row, chart, subject.situation):
                continue
            others = self.beside(chart, subject)
            orders = frozenset(therapy.reference for therapy in (subject.therapy, *others))
            if orders in told:
                continue
            told.add(orders)
            pulse = self.steroids.pulse_of(chart, subject.therapy)
            if isinstance(pulse, Unknown):
                yield self.dose_unknown(subject.therapy)
            elif pulse is None:
                yield from self.judge(chart, subject, others)

    def judge(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...]) -> Iterator[Verdict]:
        """What the rule says about one order, with those of the same drug beside it."""
        raise TypeError(f"{type(self).__name__} decides nothing")

    def beside(self, chart: Chart, subject: Subject) -> tuple[Therapy, ...]:
        """Other orders of the same ingredient that run at the same time and are counted with it (CLINICAL D.4)."""
        own = msgspec.structs.replace(self.drugs, ingredients=self.drugs.ingredients & subject.therapy.ingredients)
        return tuple(t for t in alongside(chart, own, subject) if not self.steroids.is_pulse(chart, t))

    def dose_unknown(self, therapy: Therapy) -> NotChecked:
        """The dose of an order as what was missing."""
        return NotChecked(self.row.id, f"the dose of {self.drugs.name_in(therapy)}", order=therapy.reference)

    def drug_words(self, chart: Chart, therapy: Therapy) -> str:
        """How the drug stands before a dose in the reference: by name, another glucocorticoid with its own dose."""
        name = self.drugs.name_in(therapy)
        if self.steroids.is_reference(self.steroids.ingredient_of(therapy)):
            return name
        own = self.steroids.own(chart, therapy, dose.daily_amount)
        return f"{name} {dose.plain(own.high)} mg, as {self.steroids.reference}" if isinstance(own, Amount) else name

    def tell(
        self,
        chart: Chart,
        tier: Tier,
        subject: Subject,
        *,
        amount: Decimal,
        others: tuple[Therapy, ...] = (),
        evidence: tuple[Evidence, ...] = (),
        found: tuple[str, ...] = (),
        caveats: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] = (),
    ) -> Verdict:
        """The finding with the figures compared; every draft that is counted is among its orders."""
        therapy = subject.therapy
        charted = tuple(evidence_of(other) for other in others if other.source != "draft")
        return self.row.finding(
            tier,
            names={"drug": self.drug_words(chart, therapy), "amount": dose.plain(amount)},
            orders=(therapy.reference, *(other.reference for other in others if other.source == "draft")),
            evidence=(() if subject.draft else (evidence_of(therapy),)) + charted + evidence,
            found=(shown(therapy), *(shown(other) for other in others), *found),
            caveats=caveats + (("another order of the drug runs beside this one and is counted",) if others else ()),
            remedies=remedies,
        )


def weighed(weight: body.Measure | Unknown) -> tuple[Evidence, ...]:
    """The weight as evidence, where it is known."""
    if isinstance(weight, Unknown):
        return ()
    return (Evidence(weight.reference, f"{dose.plain(weight.value)} {weight.unit}", weight.day),)


def softened(tier: Tier, weight: body.Measure, per_kg: Amount, limit: Decimal) -> tuple[Tier, tuple[str, ...]]:
    """The tier by an old weight: at most a remark, unless the limit is exceeded by more than half (CLINICAL 0.4)."""
    if weight.fresh:
        return tier, ()
    if per_kg.high <= limit * STALE_WEIGHT_EXCESS:
        tier = msgspec.structs.replace(tier, severity="info")
    return tier, (f"weight from {weight.day.isoformat()}",)


class DailyTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The daily dose that a remedy sets: so many mg per kg, at most so many mg, to the nearest `round_to` mg."""

    mg_per_kg: Decimal
    at_most: Decimal
    round_to: Decimal

    def milligrams(self, weight: body.Measure | Unknown) -> Decimal:
        """The dose in mg, a tie rounded down; without a weight the highest one."""
        if isinstance(weight, Unknown):
            return self.at_most
        wanted = min(self.at_most, self.mg_per_kg * weight.value)
        return (wanted / self.round_to).quantize(Decimal(1), ROUND_HALF_DOWN) * self.round_to


class GlucocorticoidExcess(DailyGlucocorticoid, frozen=True, kw_only=True):
    """Fires where the dose of a day is strictly above the figure of a tier; at it, silent.

    Tiers of case "by-weight" need a dose of more than `mg_per_kg_above` besides. The dose is that of a day of giving,
    the highest of the order's steps. Without a weight only the plain tiers are held, and the others named as not checked
    where they might hold. The remedy sets the dose to `reduce_to` once daily, and is not offered where that would give
    more in a week, or for another glucocorticoid than the reference.
    """

    mg_per_kg_above: Decimal
    reduce_to: DailyTarget

    CASES = ("", "by-weight")
    REMEDIES = ("reduce",)

    def judge(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...]) -> Iterator[Verdict]:
        weight = body.weight(chart)
        total = self.total(chart, subject, others)
        if isinstance(total, Unknown):
            by_weight = self.only_weight_lacks(subject, others)
            yield self.weight_unknown(chart, subject) if by_weight else self.dose_unknown(subject.therapy)
            return
        tier, because = fitting_tier(self.row, chart, subject.situation, amount=total)
        caveats: tuple[str, ...] = ()
        found: tuple[str, ...] = ()
        if tier is None:
            tier, because = fitting_tier(self.row, chart, subject.situation, case="by-weight", amount=total)
            if tier is None:
                return
            if isinstance(weight, Unknown):
                yield self.weight_unknown(chart, subject)
                return
            per_kg = dose.per_kg(total, weight.value)
            if isinstance(per_kg, Unknown) or per_kg.high <= self.mg_per_kg_above:
                return
            tier, caveats = softened(tier, weight, per_kg, self.mg_per_kg_above)
            found = (f"{dose.plain(per_kg.high)} mg/kg in a day",)
        yield self.tell(
            chart,
            tier,
            subject,
            amount=total.high,
            others=others,
            evidence=weighed(weight) + because,
            found=found,
            caveats=caveats,
            remedies=() if others else self.remedies(subject, weight),
        )

    def total(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...]) -> Amount | Unknown:
        """The most of a day of giving, of the order and of those beside it from its first day on."""
        found = self.steroids.equivalent(chart, subject.therapy, dose.daily_limit)
        begin = first_day(subject.therapy, chart.as_of)
        for other in others:
            left = dose.from_day(other.regimen(self.steroids.ingredient_of(other)), begin, start=other.start)
            more = self.steroids.equivalent(chart, other, dose.daily_limit, left)
            if isinstance(more, Unknown) or isinstance(found, Unknown):
                return more if isinstance(more, Unknown) else found
            found = msgspec.structs.replace(found, low=found.low + more.low, high=found.high + more.high)
        orders = [(t, t.regimen(self.steroids.ingredient_of(t))) for t in (subject.therapy, *others)]
        most = most_on_a_day(chart, orders, begin, lambda t, a: self.steroids.as_reference(t, in_mg(chart, a)))
        if most is None or isinstance(found, Unknown) or most >= found.high:
            return found
        return msgspec.structs.replace(found, low=min(found.low, most), high=most)

    def only_weight_lacks(self, subject: Subject, others: tuple[Therapy, ...]) -> bool:
        """Whether every dose is stated, one of them per kg."""
        amounts = [dose.daily_limit(t.regimen(self.steroids.ingredient_of(t))) for t in (subject.therapy, *others)]
        return all(isinstance(amount, Amount) and amount.unit in ("mg", "mg/kg") for amount in amounts)

    def weight_unknown(self, chart: Chart, subject: Subject) -> NotChecked:
        """The body weight as what was missing."""
        return missing_datum(chart, self.row.id, "body weight", "observations", order=subject.therapy.reference)

    def remedies(self, subject: Subject, weight: body.Measure | Unknown) -> tuple[Remedy, ...]:
        """The dose of the table once daily, in every step that is above it."""
        ingredient = self.steroids.ingredient_of(subject.therapy)
        if "reduce" not in self.row.remedies or subject.draft is None or not self.steroids.is_reference(ingredient):
            return ()
        target = self.reduce_to.milligrams(weight)
        changes = once_daily(subject.therapy.regimen(ingredient), target)
        if not changes:
            return ()
        label = f"Lower {self.drugs.name_in(subject.therapy)} to {dose.plain(target)} mg once daily"
        return (Remedy(label, (ChangeDosage(subject.draft.reference, changes),)),)


def once_daily(regimen: dose.Regimen, target: Decimal) -> tuple[StepChange, ...]:
    """Every step that gives more than `target` mg on a day, with `target` mg once daily in its place.

    Nothing at all where a step is not of that simple shape (several instructions at a time, explicit dates, cycles, a
    dose that is not in mg), or where once daily would give more in a week than is ordered (alternate days).
    """
    changes: list[StepChange] = []
    one = Decimal(1)
    for phase in regimen.phases:
        step = phase[0]
        if len(phase) != 1 or isinstance(step.dose, Unknown) or isinstance(step.frequency, Unknown):
            return ()
        often = step.frequency
        if step.dose.high * often.per_day_high <= target and step.dose.unit == "mg":
            continue
        counted = step.count is not None and often.per_day_high != 1
        if step.dose.unit != "mg" or step.dates or step.days_per_cycle is not None or (counted and step.days is None):
            return ()
        if target * 7 > step.dose.high * often.per_week_high:
            return ()
        changed = msgspec.structs.replace(
            step,
            dose=msgspec.structs.replace(step.dose, low=target, high=target),
            frequency=dose.Frequency(per_day_low=one, per_day_high=one, per_week_low=one * 7, per_week_high=one * 7),
            weekdays=(),
            times=(),
            period_days=one,
        )
        changes.append(
            StepChange(
                index=index_of(step),
                dose=target,
                times=1,
                days=ceil(step.days) if counted and step.days is not None else None,
                text=dose.in_words(dose.Regimen(phases=((changed,),))),
            )
        )
    return tuple(changes)


class GlucocorticoidStart(DailyGlucocorticoid, frozen=True, kw_only=True):
    """Fires where a first course begins with strictly less than the figure of a tier: mg per kg, or without a weight mg
    in the tiers of case "no-weight".

    A course is the first where no glucocorticoid was taken in the last `naive_days` days. Silent for an order of less
    than `least_days` days, for one that follows on another of the basket, and beside a pulse: drafted, running, of the
    last `after_pulse_days` days, or within its cycle.
    """

    courses: Drug
    naive_days: int
    after_pulse_days: int
    least_days: int

    CASES = ("", "no-weight")

    def judge(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...]) -> Iterator[Verdict]:
        therapy, regimen = subject.therapy, subject.therapy.regimen()
        length = dose.duration_days(regimen)
        if not dose.open_ended(regimen) and isinstance(length, Decimal) and length < self.least_days:
            return
        if not self.is_first(chart, subject) or self.by_pulse(chart):
            return
        total = self.first_dose(chart, (therapy, *others))
        weight = body.weight(chart)
        if isinstance(total, Unknown):
            yield self.dose_unknown(therapy)
            return
        figure = total if isinstance(weight, Unknown) else dose.per_kg(total, weight.value)
        if isinstance(figure, Unknown):
            return
        yield from unweighed(chart, self.row.id)
        case = "no-weight" if isinstance(weight, Unknown) else ""
        tier, because = fitting_tier(self.row, chart, subject.situation, case=case, amount=figure)
        if tier is None:
            return
        gaps = list(list_gaps(chart, self.row.id, MEDICATION_SOURCES))
        if gaps:
            yield from gaps
            return
        stale = not isinstance(weight, Unknown) and not weight.fresh
        yield self.tell(
            chart,
            tier,
            subject,
            amount=total.low,
            others=others,
            evidence=weighed(weight) + because,
            found=(f"{dose.plain(figure.low)} {figure.unit} in a day",),
            caveats=(f"weight from {weight.day.isoformat()}",) if stale and isinstance(weight, body.Measure) else (),
        )

    def is_first(self, chart: Chart, subject: Subject) -> bool:
        """Whether the order begins the first course: none on the chart, none earlier in the basket."""
        past = (therapy for therapy in history(chart, self.courses) if not self.steroids.is_pulse(chart, therapy))
        if not all(long_over(therapy, chart.as_of, self.naive_days) for therapy in past):
            return False
        begin = first_day(subject.therapy, chart.as_of)
        drafted = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
        return not any(
            first_day(therapy, chart.as_of) < begin
            for therapy in drafted
            if self.courses.covers(therapy) and not self.steroids.is_pulse(chart, therapy)
        )

    def by_pulse(self, chart: Chart) -> bool:
        """Whether a pulse is drafted or running, is only just over, or has more of its kind to follow."""
        for pulse in self.steroids.pulses:
            given, _ = pulse_days(chart, self.steroids, pulse)
            for cycle in cycles(given):
                since_start, since_end = (chart.as_of - cycle.start).days, (chart.as_of - cycle.end).days
                if since_end <= self.after_pulse_days or since_start < (pulse.every_days or 0):
                    return True
        return False

    def first_dose(self, chart: Chart, therapies: tuple[Therapy, ...]) -> Amount | Unknown:
        """What is taken a day on average at the beginning, of all the orders together."""
        found: Amount | None = None
        for therapy in therapies:
            begin = dose.first_step(therapy.regimen(self.steroids.ingredient_of(therapy)))
            amount = self.steroids.equivalent(chart, therapy, dose.average_daily_amount, begin)
            if isinstance(amount, Unknown):
                return amount
            found = (
                msgspec.structs.replace(found, low=found.low + amount.low, high=found.high + amount.high)
                if found is not None
                else amount
            )
        return found or Unknown(reason="there is no order")


class GlucocorticoidPhase(DailyGlucocorticoid, frozen=True, kw_only=True):
    """Fires where a high dose goes on for more days than the figure of a tier, or (case "open") without an end, and no
    lower dose is planned after it.

    High is `high_mg_per_kg` a day on average and more, or without a weight `high_mg` and more. At order-sign the days
    are those of the draft; at patient-view those since the high dose began, over orders that follow each other within
    `gap_days`.
    """

    high_mg_per_kg: Decimal
    high_mg: Decimal
    gap_days: int

    CASES = ("", "open")

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        """As for every daily one; at patient-view the most severe finding alone, of what may be many open orders."""
        verdicts = super().verdicts(chart)
        if chart.hook == "patient-view":
            every = list(verdicts)
            findings = [verdict for verdict in every if isinstance(verdict, Finding)]
            gaps = dict.fromkeys(verdict for verdict in every if isinstance(verdict, NotChecked) and verdict.source)
            verdicts = iter((*sorted(findings, key=lambda finding: SEVERITY_ORDER[finding.severity])[:1], *gaps))
        yield from verdicts

    def beside(self, chart: Chart, subject: Subject) -> tuple[Therapy, ...]:
        """Other drafts alone: a high dose on the chart is that of one order, of which old ones are often left open."""
        if subject.draft is None:
            return ()
        return tuple(other for other in super().beside(chart, subject) if other.source == "draft")

    def judge(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...]) -> Iterator[Verdict]:
        therapy = subject.therapy
        levels = self.levels(chart, therapy)
        beside = self.most_beside(chart, subject, others)
        if isinstance(levels, Unknown) or isinstance(beside, Unknown):
            yield self.dose_unknown(therapy)
            return
        if any(later.high < earlier.high for earlier, later in itertools.pairwise(levels)):
            return
        if max(level.high for level in levels) + beside >= self.high_mg_per_kg * body.PLAUSIBLE_KG[0]:
            yield from unweighed(chart, self.row.id)
        high = [self.is_high(chart, msgspec.structs.replace(level, high=level.high + beside)) for level in levels]
        if not any(high) or self.lower_follows(chart, subject, levels[-1].high):
            return
        days = self.days_planned(therapy, high) if subject.draft is not None else self.days_taken(chart, subject, high)
        if isinstance(days, Unknown):
            missing = f"how long {self.drugs.name_in(therapy)} is to be taken"
            yield NotChecked(self.row.id, missing, order=therapy.reference)
            return
        amount = Amount(low=days, high=days, unit="1") if days is not None else None
        tier, because = fitting_tier(
            self.row, chart, subject.situation, case="" if amount is not None else "open", amount=amount
        )
        if tier is None:
            return
        weight = body.weight(chart)
        caveats: tuple[str, ...] = ()
        if isinstance(weight, body.Measure):
            per_kg = dose.per_kg(msgspec.structs.replace(levels[-1], high=levels[-1].high + beside), weight.value)
            if isinstance(per_kg, Amount):
                tier, caveats = softened(tier, weight, per_kg, self.high_mg_per_kg)
        yield self.tell(
            chart,
            tier,
            subject,
            amount=levels[-1].high + beside,
            others=others,
            evidence=weighed(weight) + because,
            found=(f"{dose.plain(days)} days" if days is not None else "no end",),
            caveats=caveats,
        )

    def drug_words(self, chart: Chart, therapy: Therapy) -> str:
        return self.drugs.name_in(therapy)

    def levels(self, chart: Chart, therapy: Therapy) -> list[Amount] | Unknown:
        """The dose a day on average of each phase of an order; no list is empty."""
        found: list[Amount] = []
        regimen = therapy.regimen(self.steroids.ingredient_of(therapy))
        for phase in regimen.phases:
            part = msgspec.structs.replace(regimen, phases=(phase,))
            amount = self.steroids.equivalent(chart, therapy, dose.average_daily_amount, part)
            if isinstance(amount, Unknown):
                return amount
            found.append(amount)
        return found or Unknown(reason="the order says nothing about its dosage")

    def most_beside(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...]) -> Decimal | Unknown:
        """What the orders beside give a day at most, from the first day of this one on."""
        total = Decimal(0)
        for other in others:
            begin = max(first_day(subject.therapy, chart.as_of), chart.as_of)
            left = dose.from_day(other.regimen(self.steroids.ingredient_of(other)), begin, start=other.start)
            amount = self.steroids.equivalent(chart, other, dose.average_daily_amount, left)
            if isinstance(amount, Unknown):
                return amount
            total += amount.high
        return total

    def is_high(self, chart: Chart, amount: Amount) -> bool:
        weight = body.weight(chart)
        if isinstance(weight, Unknown):
            return amount.high >= self.high_mg
        return amount.high >= self.high_mg_per_kg * weight.value

    def lower_follows(self, chart: Chart, subject: Subject, level: Decimal) -> bool:
        """Whether another order, drafted or on the chart, begins later than this one with a lower dose."""
        begin = first_day(subject.therapy, chart.as_of)
        drafted = [draft.therapy for draft in chart.drafts if draft.therapy is not None]
        charted = [t for t in therapies_of(chart, self.drugs) if t.source == "request" and t.status == "active"]
        for other in (*drafted, *charted):
            if other is subject.therapy or not self.drugs.covers(other) or first_day(other, chart.as_of) <= begin:
                continue
            levels = self.levels(chart, other)
            if not isinstance(levels, Unknown) and levels[0].high < level:
                return True
        return False

    def days_planned(self, therapy: Therapy, high: list[bool]) -> Decimal | Unknown | None:
        """How many days a draft gives a high dose; None where it has no end."""
        total = Decimal(0)
        for phase, counts in zip(therapy.regimen().phases, high, strict=True):
            length = dose.phase_days(phase)
            if not counts:
                continue
            if length is None:
                open_ended = any(step.open_ended for step in phase)
                return None if open_ended else Unknown(reason="how long a step lasts is not known")
            total += length
        return total

    def days_taken(self, chart: Chart, subject: Subject, high: list[bool]) -> Decimal | Unknown:
        """How many days ago the high dose that is being taken began; none where it is not high today."""
        therapy = subject.therapy
        left = dose.from_day(therapy.regimen(), chart.as_of, start=therapy.start)
        over = len(high) - len(left.phases)
        if therapy.start is None:
            return Unknown(reason="when it began is not known")
        if over >= len(high) or not high[over]:
            return Decimal(0)
        start = therapy.start
        if all(high[:over]):
            start = self.began(chart, therapy.start)
        else:
            for phase, counts in zip(therapy.regimen().phases, high, strict=True):
                length = Decimal(0) if counts else dose.phase_days(phase)
                if length is None:
                    return Unknown(reason="how long a step lasts is not known")
                start += dt.timedelta(days=ceil(length))
        return Decimal((chart.as_of - start).days)

    def began(self, chart: Chart, start: dt.date) -> dt.date:
        """The first day of the high dose over orders that follow each other without a lower one between them."""
        earlier = [
            (therapy.start, therapy)
            for therapy in history(chart, self.drugs)
            if therapy.source != "administration" and therapy.start is not None and therapy.start < start
        ]
        for begin, therapy in sorted(earlier, key=lambda pair: pair[0], reverse=True):
            levels, last = self.levels(chart, therapy), last_day(therapy)
            if isinstance(levels, Unknown) or not all(self.is_high(chart, level) for level in levels):
                break
            if last is not None and (start - last).days > self.gap_days:
                break
            start = begin
        return start


class GlucocorticoidPair(Rule, frozen=True, kw_only=True):
    """Fires where two different glucocorticoids would be taken every day side by side for more than `switch_days` days.

    One of them is a draft that the hook asks about. Silent where one is a pulse, by its dose and its few days or as
    pulses of myositis are, and where one is taken only as needed. The remedy takes the draft back.
    """

    drugs: Drug
    steroids: Glucocorticoids
    switch_days: int

    PLACEHOLDERS = ("a", "b")
    REMEDIES = ("delete-draft",)

    def __post_init__(self) -> None:
        self.steroids.refuse_unknown(self.drugs)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"a": self.drugs.longest_name, "b": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        told: set[frozenset[str]] = set()
        for draft in judged_drafts(chart):
            therapy = draft.therapy
            if therapy is None or not self.drugs.covers(therapy) or dose.prn(therapy.regimen()):
                continue
            taken = search(chart, self.drugs, rule=self.row.id, recent_days=None, on=first_day(therapy, chart.as_of))
            partners: list[tuple[Therapy, DraftOrder | None]] = [(t, None) for t in taken.found]
            partners += [(o.therapy, o) for o in chart.drafts if o.therapy is not None and self.drugs.covers(o.therapy)]
            unsure: list[NotChecked] = []
            for partner, other in partners:
                pair = frozenset((self.drugs.name_in(therapy), self.drugs.name_in(partner)))
                if len(pair) == 1 or pair in told or not self.together(chart, therapy, partner):
                    continue
                pulses = [self.as_pulse(chart, t) for t in (therapy, partner)]
                if True in pulses:
                    continue
                if None in pulses:
                    name = self.drugs.name_in(therapy if pulses[0] is None else partner)
                    unsure.append(NotChecked(self.row.id, f"the dose of {name}", order=draft.reference))
                    continue
                told.add(pair)
                yield from self.tell(chart, draft, therapy, partner, other)
            if not any(self.drugs.name_in(therapy) in pair for pair in told):
                yield from unsure
                yield from taken.gaps

    def together(self, chart: Chart, one: Therapy, other: Therapy) -> bool:
        """Whether both are taken for more days than a switch takes."""
        if dose.prn(other.regimen()) or not overlap(chart, one, other):
            return False
        begin = max(first_day(one, chart.as_of), first_day(other, chart.as_of))
        ends = [day for day in (last_day(t, as_of=chart.as_of) for t in (one, other)) if day is not None]
        return not ends or (min(ends) - begin).days + 1 > self.switch_days

    def as_pulse(self, chart: Chart, therapy: Therapy) -> bool | None:
        """Whether a therapy is a pulse: by its dose and at most `switch_days` days in a row, or for myositis by its
        dose whatever its days; None where its dose is not known."""
        pulse = self.steroids.pulse_of(chart, therapy)
        if isinstance(pulse, Unknown):
            return None
        if pulse is None:
            return False
        run = dose.longest_run(therapy.regimen())
        if isinstance(run, int) and run <= self.switch_days:
            return True
        return ask(chart, "iim", Situation(therapy=therapy)).answer == "yes" and not for_other_reason(therapy)

    def tell(
        self, chart: Chart, draft: DraftOrder, therapy: Therapy, partner: Therapy, other: DraftOrder | None
    ) -> Iterator[Verdict]:
        """The finding for one pair, with the draft's drug first."""
        situation = Situation(draft=draft, therapy=therapy, partner=partner)
        tier, because = fitting_tier(self.row, chart, situation)
        if tier is None or excluded(self.row, chart, situation):
            return
        drafts = [draft] if other is None else [draft, other]
        yield self.row.finding(
            tier,
            names={"a": self.drugs.name_in(partner), "b": self.drugs.name_in(therapy)},
            orders=tuple(d.reference for d in drafts),
            evidence=(() if other is not None else (evidence_of(partner),)) + because,
            found=(shown(therapy), shown(partner)),
            remedies=tuple(
                Remedy(f"Cancel this order of {self.drugs.name_in(d.therapy)}", (DeleteDraft(d.reference),))
                for d in drafts
                if d.therapy is not None and "delete-draft" in self.row.remedies
            ),
        )
