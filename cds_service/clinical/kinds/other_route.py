"""A drug by mouth that is not tolerated, or not enough, and that can be given by another route."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar, Literal

from .. import dose
from ..chart import Chart
from ..dose import Amount, Unknown
from ..drugs import Drug
from ..earlier import course_start, first_of_course, present
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, active, history, list_gaps
from ..facts_disease import gate_unseen, unseen
from ..findings import Evidence
from ..remedy import ChangeRoute, Remedy, StepChange
from ..rule import Rule, Verdict
from ..subjects import Subject, subjects
from ..therapy import Therapy
from ..tiers import excluded, fitting_tier
from .limit import index_of


class OtherRoute(Rule, frozen=True, kw_only=True):
    """Fires for an order of a drug by mouth that was not tolerated, the case "intolerance": one of `conditions` is linked
    to it by name, or began after it and at most `within_days` days after, that day included; or an intolerance of it
    with such a reaction is recorded. And for one that raises a dose of `at_least_mg_per_week` or more that was taken for
    more than `over_days` days, the case "insufficient".

    Silent where the drug is taken, or in the basket, `otherwise`. The remedy changes the `route` and keeps the dose; it
    is offered for one dose a week that is no more than `offered_up_to_mg_per_week`.
    """

    drugs: Drug
    otherwise: Drug
    conditions: frozenset[str]
    within_days: int
    at_least_mg_per_week: Decimal
    over_days: int
    offered_up_to_mg_per_week: Decimal
    route: Literal["subcutaneous"]

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug",)
    CASES: ClassVar[tuple[str, ...]] = ("intolerance", "insufficient")
    REMEDIES: ClassVar[tuple[str, ...]] = ("change-route",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for subject in subjects(chart, self.drugs):
            if not excluded(self.row, chart, subject.situation) and not present(chart, self.otherwise, 0):
                yield from self.judge(chart, subject)

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What the rule says about one order."""
        found = (("intolerance", self.harm(chart)), ("insufficient", self.raised(chart, subject.therapy)))
        for case, evidence in found:
            tier, because = fitting_tier(self.row, chart, subject.situation, case=case)
            if evidence and tier is not None:
                doubts = (*gate_unseen(self.row, chart, subject.situation), *unseen(self.row, chart, tier.unless))
                if doubts:
                    yield from dict.fromkeys(doubts)
                    return
                yield self.row.finding(
                    tier,
                    names={"drug": self.drugs.name_in(subject.therapy)},
                    orders=(subject.therapy.reference,),
                    evidence=(*evidence, *because),
                    found=(shown(subject.therapy),),
                    remedies=self.remedies(subject),
                )
                return
        yield from list_gaps(chart, self.row.id, ("conditions", "allergies", *MEDICATION_SOURCES))

    def harm(self, chart: Chart) -> tuple[Evidence, ...]:
        """What shows that the drug is not tolerated."""
        begun = course_start(chart, self.drugs)
        since = begun.start if begun is not None else None
        names = [name.lower() for parts, name in self.drugs.names if len(parts) == 1]
        by_condition = [
            Evidence(known.reference, known.label, known.onset or known.recorded)
            for known in chart.conditions
            if known.current and not self.conditions.isdisjoint(known.concepts)
            if any(name in known.label.lower() for name in names)
            or self.soon_after(since, known.onset or known.recorded)
        ]
        by_allergy = [
            Evidence(allergy.reference, allergy.label, allergy.recorded)
            for allergy in chart.allergies
            if allergy.intolerance
            and not self.drugs.ingredients.isdisjoint(allergy.substances)
            and not self.conditions.isdisjoint(allergy.reactions)
        ]
        return (*by_condition, *by_allergy)

    def soon_after(self, begun: dt.date | None, day: dt.date | None) -> bool:
        """Whether a day is after the begin of the drug, and at most `within_days` days after it."""
        return begun is not None and day is not None and 0 < (day - begun).days <= self.within_days

    def raised(self, chart: Chart, ordered: Therapy) -> tuple[Evidence, ...]:
        """The therapies that were taken in a sufficient dose for long, where the order raises it."""
        wanted = milligrams(ordered)
        enough = [
            therapy
            for therapy in history(chart, self.drugs)
            if therapy.source != "administration"
            and (amount := milligrams(therapy)) is not None
            and amount >= self.at_least_mg_per_week
        ]
        first = first_of_course(chart, enough)
        running = [therapy for therapy in enough if active(therapy, chart.as_of) == "yes"]
        if wanted is None or first is None or first.start is None or not running:
            return ()
        most = max(amount for therapy in running if (amount := milligrams(therapy)) is not None)
        long = (chart.as_of - first.start).days > self.over_days
        return tuple(evidence_of(therapy) for therapy in running) if long and wanted > most else ()

    def remedies(self, subject: Subject) -> tuple[Remedy, ...]:
        """The same dose by the other route; only where every instruction gives one dose a week that is known in mg."""
        draft, therapy = subject.draft, subject.therapy
        weekly = milligrams(therapy)
        if weekly is None or weekly > self.offered_up_to_mg_per_week:
            return ()
        steps = dose.steps(therapy.regimen())
        if "change-route" not in self.row.remedies or draft is None or len(therapy.ingredients) != 1 or not steps:
            return ()
        changes: list[StepChange] = []
        for step in steps:
            amount, frequency = step.dose, step.frequency
            if isinstance(frequency, Unknown) or frequency.per_week_high > 1:
                return ()
            if not isinstance(amount, Amount) or amount.unit != "mg" or amount.low != amount.high:
                return ()
            words = dose.in_words(dose.Regimen(phases=((step,),)))
            changes.append(StepChange(index=index_of(step), dose=amount.low, text=f"{words}, {self.route}"))
        label = f"Give {self.drugs.name_in(therapy)} {dose.plain(weekly)} mg a week by the {self.route} route"
        (ingredient,) = therapy.ingredients
        action = ChangeRoute(order=draft.reference, ingredient=ingredient, route=self.route, steps=tuple(changes))
        return (Remedy(label, (action,)),)


def milligrams(therapy: Therapy) -> Decimal | None:
    """The amount in a week in mg, the high end of a range; None where it is not known."""
    weekly = dose.weekly_amount(therapy.regimen())
    return weekly.high if not isinstance(weekly, Unknown) and weekly.unit == "mg" else None
