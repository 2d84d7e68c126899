"""Infusions given in cycles: how much in a cycle, over how many days, and how far apart."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import ceil
from typing import Literal

import msgspec

from .. import body, dose
from ..chart import Chart, DraftOrder
from ..dose import Amount, Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, history, judged_drafts, list_gaps, missing_datum
from ..facts import Situation
from ..findings import Evidence, NotChecked
from ..remedy import ChangeDosage, Remedy, StepChange
from ..results import unweighed
from ..rule import Rule, Tier, Verdict
from ..therapy import Therapy
from ..tiers import age_gap, excluded, fitting_tier
from ..timeline import ORDER_DATE_UNCERTAINTY_DAYS, Cycle, cycles, days_given, grams_per_kg, undated
from .limit import by_old_weight, index_of

GRAM = 1000
ROUND_DOWN_TO = {"mg": 100, "mg/kg": 10}
"""What a day's dose is rounded down to where a cycle does not divide into whole mg over its days."""


class InCycles(Rule, frozen=True, kw_only=True):
    """What the rules about cycles share: the drug, its drafts that a hook asks about, and their amount per kg.

    A cycle of at most `above_g_per_kg` is replacement (CLINICAL 0.7) and judged by none of them; one whose amount is
    not known counts.
    """

    drugs: Drug
    above_g_per_kg: Decimal

    JUDGES_DOSE = True

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "amount": "999.999", "days": "999"}

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

    def cycle_of(self, chart: Chart, draft: DraftOrder) -> Cycle | None:
        """The first cycle that the draft plans or continues."""
        every = cycles(days_given(chart, self.drugs))
        return next((c for c in every if any(g.draft is draft for g in c.days)), None)

    def amount(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Amount | Unknown:
        """What a cycle gives in mg or mg/kg: all orders and administrations that belong to it together."""
        cycle = self.cycle_of(chart, draft)
        if cycle is None or all(given.therapy is therapy for given in cycle.days):
            return dose.amount_per_cycle(therapy.regimen())
        total = Amount(low=Decimal(0), high=Decimal(0), unit="mg")
        for number, given in enumerate(cycle.days):
            daily = dose.daily_amount(given.therapy.regimen())
            if isinstance(daily, Unknown) or (number and daily.unit != total.unit):
                return Unknown(reason="the dose of a day of the cycle is not known")
            total = Amount(low=total.low + daily.low, high=total.high + daily.high, unit=daily.unit)
        return total

    def per_kg(self, chart: Chart, amount: Amount) -> tuple[Amount, body.Measure | None] | Unknown:
        """An amount in g per kg of actual weight, with the weight where it took one."""
        measure = None
        if amount.unit != "mg/kg":
            weight = body.weight(chart)
            if isinstance(weight, Unknown):
                return weight
            measure = weight
            amount_per_kg = dose.per_kg(amount, weight.value)
            if isinstance(amount_per_kg, Unknown):
                return amount_per_kg
            amount = amount_per_kg
        return Amount(low=amount.low / GRAM, high=amount.high / GRAM, unit="mg/kg", where=amount.where), measure

    def is_replacement(self, sized: Amount) -> bool:
        """Whether the cycle is no more than replacement; exactly that much still is."""
        return sized.high <= self.above_g_per_kg

    def tell(
        self,
        tier: Tier,
        draft: DraftOrder,
        therapy: Therapy,
        *,
        names: dict[str, str],
        evidence: tuple[Evidence, ...] = (),
        found: tuple[str, ...] = (),
        caveats: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] = (),
    ) -> Verdict:
        return self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapy), **names},
            orders=(draft.reference,),
            evidence=evidence,
            found=(shown(therapy), *found),
            caveats=caveats,
            remedies=remedies,
        )


def weighed(measure: body.Measure | None) -> tuple[Evidence, ...]:
    """The weight as evidence, where one was used."""
    if measure is None:
        return ()
    return (Evidence(measure.reference, f"{dose.plain(measure.value)} {measure.unit}", measure.day),)


class CycleAmount(InCycles, frozen=True, kw_only=True):
    """Fires where a cycle gives strictly more (`above`) or less (`below`) g per kg than the figure of a tier.

    The low limit speaks only of a first cycle ever, and only where it is below the figure by ideal weight too
    (CLINICAL A.8): by body size it may be dosed on ideal weight. The remedy sets the days' doses to `reduce_to` g per
    kg in all.
    """

    reduce_to: Decimal | None = None

    PLACEHOLDERS = ("drug", "amount")
    REMEDIES = ("reduce",)

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        amount = self.amount(chart, draft, therapy)
        if isinstance(amount, Unknown):
            yield NotChecked(self.row.id, f"the dose of {self.drugs.name_in(therapy)} in a cycle")
            return
        sized = self.per_kg(chart, amount)
        if isinstance(sized, Unknown):
            yield missing_datum(chart, self.row.id, "body weight", "observations")
            return
        figure, measure = sized
        if self.is_replacement(figure):
            return
        tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy), amount=figure)
        if tier is None or (tier.below is not None and not self.is_low(chart, tier, draft, amount)):
            return
        caveats: tuple[str, ...] = ()
        if measure is not None and not measure.fresh:
            caveats = (f"weight from {measure.day.isoformat()}",)
            if tier.above is not None:
                tier = by_old_weight(self.row, tier, figure)
        if tier.above is not None and is_heavy(chart):
            caveats += ("with a BMI of 30 and more labels advise a dose by standard weight",)
        number = figure.low if tier.below is not None else figure.high
        yield self.tell(
            tier,
            draft,
            therapy,
            names={"amount": dose.plain(number)},
            evidence=weighed(measure) + because,
            found=(f"{dose.plain(number)} g/kg in a cycle",),
            caveats=caveats,
            remedies=self.remedies(draft, therapy, measure),
        )
        if tier.below is not None:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)

    def is_low(self, chart: Chart, tier: Tier, draft: DraftOrder, amount: Amount) -> bool:
        """Whether a low cycle is the first one ever and low by ideal weight as well."""
        if history(chart, self.drugs) or is_heavy(chart):
            return False
        earlier = [d for d in chart.drafts if d.therapy is not None and self.drugs.covers(d.therapy)]
        if earlier[0] is not draft:
            return False
        ideal = body.ideal_weight(chart)
        if amount.unit == "mg/kg" or isinstance(ideal, Unknown):
            return True
        by_ideal = dose.per_kg(amount, ideal.value)
        return isinstance(by_ideal, Unknown) or tier.exceeded(
            Amount(low=by_ideal.low / GRAM, high=by_ideal.high / GRAM, unit="mg/kg")
        )

    def remedies(self, draft: DraftOrder, therapy: Therapy, measure: body.Measure | None) -> tuple[Remedy, ...]:
        """The same days with smaller doses."""
        days = dose.days_per_cycle(therapy.regimen())
        step = only_step(therapy)
        if "reduce" not in self.row.remedies or self.reduce_to is None or step is None or isinstance(days, Unknown):
            return ()
        total = self.reduce_to * GRAM * (measure.value if measure is not None else 1)
        unit = "mg" if measure is not None else "mg/kg"
        daily = total / days if divides(total, days) else total / days // ROUND_DOWN_TO[unit] * ROUND_DOWN_TO[unit]
        changed = with_dose(step, daily)
        grams = f"{dose.plain(daily * days / GRAM)} {unit[1:]}"
        return (Remedy(f"Lower the cycle to {grams} in all", (ChangeDosage(draft.reference, (changed,)),)),)


class CycleDays(InCycles, frozen=True, kw_only=True):
    """Fires where a day of a cycle gives strictly more g per kg than the tier of case "day" allows, or where the cycle
    has more days of giving than `most_days`; at either it is silent.

    The remedy spreads the cycle over the fewest days from 2 to `most_days` that keep each day within the figure; over
    `most_days` where the patient is at risk by one of the rules `slow_by`.
    """

    most_days: int
    slow_by: tuple[str, ...] = ()
    risks: tuple[Rule, ...] = ()

    PLACEHOLDERS = ("drug", "days")
    CASES = ("day", "days")
    REMEDIES = ("spread",)

    def knowing(self, rules: Sequence[Rule]) -> Rule:
        """The rule with those that tell the risks."""
        return msgspec.structs.replace(self, risks=tuple(rule for rule in rules if rule.row.id in self.slow_by))

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        situation = Situation(draft=draft, therapy=therapy)
        regimen = therapy.regimen()
        name = self.drugs.name_in(therapy)
        days = dose.days_per_cycle(regimen)
        daily = dose.daily_amount(regimen)
        total = self.amount(chart, draft, therapy)
        if isinstance(days, Unknown) or isinstance(daily, Unknown) or isinstance(total, Unknown):
            yield NotChecked(self.row.id, f"the days and doses of {name}")
            return
        cycle = self.cycle_of(chart, draft)
        if cycle is not None:
            days = max(days, len({given.day for given in cycle.days}))
        whole = self.per_kg(chart, total)
        sized = self.per_kg(chart, daily)
        if isinstance(sized, Unknown) or isinstance(whole, Unknown):
            yield missing_datum(chart, self.row.id, "body weight", "observations")
            return
        figure, measure = sized
        if self.is_replacement(whole[0]):
            return
        tier, because = fitting_tier(self.row, chart, situation, case="day", amount=figure)
        remedies = self.remedies(chart, draft, therapy, whole[0], tier) if tier is not None else ()
        caveats: tuple[str, ...] = ()
        if tier is not None and measure is not None and not measure.fresh:
            caveats = (f"weight from {measure.day.isoformat()}",)
            tier = by_old_weight(self.row, tier, figure)
        if tier is None and days > self.most_days:
            tier, because = fitting_tier(self.row, chart, situation, case="days")
        if tier is None:
            return
        yield self.tell(
            tier,
            draft,
            therapy,
            names={"days": str(days)},
            evidence=weighed(measure) + because,
            found=(f"{dose.plain(figure.high)} g/kg on a day, {days} days",),
            caveats=caveats,
            remedies=remedies,
        )

    def remedies(
        self, chart: Chart, draft: DraftOrder, therapy: Therapy, whole: Amount, tier: Tier
    ) -> tuple[Remedy, ...]:
        """The same total over more days."""
        step = only_step(therapy)
        total = dose.amount_per_cycle(therapy.regimen())
        if "spread" not in self.row.remedies or step is None or isinstance(total, Unknown) or tier.above is None:
            return ()
        slowly = any(rule.at_risk(chart) for rule in self.risks)
        enough = self.most_days if slowly else max(2, ceil(whole.high / tier.above))
        fitting = [n for n in range(enough, self.most_days + 1) if divides(total.high, n)]
        if not fitting:
            return ()
        days = fitting[0]
        changed = spread(step, total.high / days, days)
        label = f"Spread the cycle over {days} days"
        return (Remedy(label, (ChangeDosage(draft.reference, (changed,)),)),)


class CycleInterval(InCycles, frozen=True, kw_only=True):
    """Fires where a drafted cycle begins less than `least_days` after the start of the cycle before it, or before that of
    the one after it; at `least_days` it is silent.

    A date that is only that of an order's writing makes it a remark within 14 days of the limit (CLINICAL B.3).
    """

    least_days: int

    PLACEHOLDERS = ("drug", "days")
    CASES = ("", "uncertain")

    def of_draft(self, chart: Chart, draft: DraftOrder, therapy: Therapy) -> Iterator[Verdict]:
        every = [c for c in cycles(days_given(chart, self.drugs)) if self.counts(chart, c)]
        drafted = [c for c in every if any(g.draft is draft for g in c.days)]
        close = [
            (earlier, later)
            for earlier, later in itertools.pairwise(every)
            if (later.start - earlier.start).days < self.least_days and (earlier in drafted or later in drafted)
        ]
        for earlier, later in close[:1]:
            days = (later.start - earlier.start).days
            certain = earlier.certain and later.certain
            case: Literal["", "uncertain"] = "" if certain else "uncertain"
            if case and self.least_days - days > ORDER_DATE_UNCERTAINTY_DAYS:
                case = ""
            tier, because = fitting_tier(self.row, chart, Situation(draft=draft, therapy=therapy), case=case)
            if tier is None:
                return
            others = [g.therapy for c in (earlier, later) for g in c.days[:1] if g.draft is None]
            yield self.tell(
                tier,
                draft,
                therapy,
                names={"days": str(days)},
                evidence=tuple(evidence_of(other) for other in others) + because,
                found=(f"cycles from {earlier.start.isoformat()} and from {later.start.isoformat()}",),
                caveats=("a date is only that on which the order was written",) if case else (),
            )
            yield from unweighed(chart, self.row.id)
        if not close:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            yield from undated(chart, self.drugs, self.row.id)

    def counts(self, chart: Chart, cycle: Cycle) -> bool:
        """Whether the cycle is more than replacement, or not known to be."""
        amount = grams_per_kg(chart, cycle)
        return amount is None or amount > self.above_g_per_kg


def is_heavy(chart: Chart) -> bool:
    """Whether the body mass index is known to be 30 or more."""
    index = body.mass_index(chart)
    return not isinstance(index, Unknown) and index.value >= 30


def only_step(therapy: Therapy) -> dose.Step | None:
    """The one instruction of an order whose dose is known in mg or mg/kg, or None."""
    steps = dose.steps(therapy.regimen())
    if len(steps) != 1 or isinstance(steps[0].dose, Unknown) or steps[0].dose.unit not in ("mg", "mg/kg"):
        return None
    frequency = steps[0].frequency
    once_a_day = not isinstance(frequency, Unknown) and frequency.per_day_high == 1
    return steps[0] if once_a_day else None


def divides(total: Decimal, days: int) -> bool:
    """Whether a total in mg divides into whole mg over so many days."""
    return (total / days) % 1 == 0


def with_dose(step: dose.Step, milligrams: Decimal) -> StepChange:
    """A step with another dose, in mg or as before in mg per kg, and the words for it."""
    if isinstance(step.dose, Unknown):
        raise TypeError("the step has no dose")
    amount = msgspec.structs.replace(step.dose, low=milligrams, high=milligrams)
    words = dose.in_words(dose.Regimen(phases=((msgspec.structs.replace(step, dose=amount),),)))
    return StepChange(index=index_of(step), dose=milligrams, unit=amount.unit, text=words)


def spread(step: dose.Step, milligrams: Decimal, days: int) -> StepChange:
    """A step with another dose, once on each of so many days in a row from its first day on."""
    change = with_dose(step, milligrams)
    words = f"{dose.plain(milligrams)} {change.unit} once daily for {days} days"
    if step.dates:
        dates = tuple(step.dates[0] + dt.timedelta(days=number) for number in range(days))
        return msgspec.structs.replace(change, dates=dates, text=words)
    return msgspec.structs.replace(change, times=1, period_unit="d", days=days, text=words)
