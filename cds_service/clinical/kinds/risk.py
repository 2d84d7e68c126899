"""A drug that is more dangerous for some patients: their risk factors, counted and named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import ClassVar

import msgspec

from .. import body, dose
from ..at_dose import DrugAtDose
from ..chart import Chart, Result
from ..dose import Unknown
from ..drugs import Drug
from ..earlier import course_start, present
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, history, list_gaps, naive
from ..facts import conditions
from ..findings import Evidence, NotChecked, Severity
from ..remedy import ChangeDosage, Remedy
from ..results import as_evidence, below, newest_number, result_gaps
from ..results import shown as shown_result
from ..rule import Rule, Tier, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from ..timeline import CYCLE_GAP_DAYS, cycles, days_given
from .cycle import divides, only_step, spread

NAMES_LENGTH = 64
"""How much room the names of risk factors have on a card; what does not fit is counted there, and told in its detail."""
LOWER: dict[Severity, Severity] = {"critical": "warning", "warning": "info", "info": "info"}


class Factor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A risk factor and its name: a current condition of `conditions`, or one `ever` had; a drug that is taken or
    drafted; an age of so many years and more; a body mass index of so much and more.

    One that is `major` counts as enough by itself. One that is not `alone` counts only beside one that is.
    """

    name: str
    conditions: frozenset[str] = frozenset()
    ever: bool = False
    drugs: Drug | None = None
    aged: int | None = None
    bmi: Decimal | None = None
    major: bool = False
    alone: bool = True

    def evidence(self, chart: Chart) -> tuple[Evidence, ...]:
        """What shows it; nothing where it is not there, or not known."""
        found = conditions(chart, self.conditions, current=not self.ever) if self.conditions else ()
        if self.drugs is not None:
            found += tuple(evidence_of(therapy) for therapy in present(chart, self.drugs, 0))
        age = chart.patient.age(chart.as_of)
        if self.aged is not None and age is not None and age >= self.aged:
            found += (Evidence(chart.patient.reference, f"{age} years", self.birthday(chart)),)
        return (*found, *self.heavy(chart))

    def heavy(self, chart: Chart) -> tuple[Evidence, ...]:
        """The body mass index, where it counts: from weight and height, else as it was charted."""
        if self.bmi is None:
            return ()
        index = body.mass_index(chart)
        if isinstance(index, body.Measure):
            text = f"BMI {dose.plain(round(index.value, 1))}"
            return (Evidence(index.reference, text, index.day),) if index.value >= self.bmi else ()
        charted = newest_number(chart, ("bmi",)).found
        return (as_evidence(charted, "BMI"),) if charted is not None and below(charted, self.bmi) == "no" else ()

    def appeared_after(self, chart: Chart, day: dt.date) -> bool:
        """Whether it surely appeared after a day: a condition by its date, a drug by the first day of its course.

        A body mass index never does: each new weight would be a new factor.
        """
        dates = [evidence.day for evidence in conditions(chart, self.conditions, current=not self.ever)]
        if self.aged is not None:
            dates.append(self.birthday(chart))
        if self.drugs is not None and present(chart, self.drugs, 0):
            begun = course_start(chart, self.drugs)
            dates.append(begun.start if begun is not None else None if history(chart, self.drugs) else chart.as_of)
        return any(day < date <= chart.as_of for date in dates if date is not None)

    def birthday(self, chart: Chart) -> dt.date | None:
        """The day on which the patient comes to the age that counts; the 1st of March for one born on a leap day."""
        born = chart.patient.birth_date
        if born is None or self.aged is None:
            return None
        try:
            return born.replace(year=born.year + self.aged)
        except ValueError:
            return dt.date(born.year + self.aged, 3, 1)


class Found(msgspec.Struct, frozen=True):
    """A risk factor that a patient has, with what shows it."""

    factor: Factor
    evidence: tuple[Evidence, ...]


class RiskFactors(Rule, frozen=True, kw_only=True):
    """Fires for an order of a drug for a patient with risk factors: with a major one, or `enough` others, it is the case
    "high", with fewer the case "some". Taking or having in the basket one of `protecting` makes it one level lower.

    Where `at_first_or_new` is true an order after the first one ever is judged only if a factor appeared since the last
    cycle was begun. The remedy spreads an order of one or two days over `spread_days`.
    """

    drugs: Drug
    factors: tuple[Factor, ...]
    enough: int
    protecting: tuple[DrugAtDose, ...] = ()
    at_first_or_new: bool = False
    spread_days: int = 0

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "factors")
    CASES: ClassVar[tuple[str, ...]] = ("high", "some")
    REMEDIES: ClassVar[tuple[str, ...]] = ("spread",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "factors": "x" * NAMES_LENGTH}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        told: set[str] = set()
        for subject in subjects(chart, self.drugs):
            name = self.drugs.name_in(subject.therapy)
            if name not in told and not excluded(self.row, chart, subject.situation):
                told.add(name)
                yield from self.judge(chart, subject)

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What the rule says about the first order of a drug, on behalf of all."""
        found = self.found(chart)
        case = self.case_of(found)
        tier: Tier | None = None
        if case and (not self.at_first_or_new or self.is_first_or_new(chart, found)):
            tier, because = fitting_tier(self.row, chart, subject.situation, case=case)
            if tier is not None:
                yield self.tell(chart, subject, tier, found, because)
        if tier is None or tier != self.row.tiers[0]:
            yield from self.gaps(chart, subject)
        elif self.at_first_or_new:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)

    def at_risk(self, chart: Chart) -> bool:
        return bool(self.case_of(self.found(chart)))

    def found(self, chart: Chart) -> list[Found]:
        """The risk factors of the patient."""
        every = [Found(factor, evidence) for factor in self.factors if (evidence := factor.evidence(chart))]
        return every if any(found.factor.alone for found in every) else []

    def is_first_or_new(self, chart: Chart, found: Sequence[Found]) -> bool:
        """Whether the drug was never given, or a factor is newer than its last cycle; one without a date is not new.

        An order of the last days that a draft replaces is of the same cycle.
        """
        started = [cycle.start for cycle in cycles(days_given(chart, self.drugs)) if cycle.draft is None]
        begun = [day for day in started if day <= chart.as_of]
        if not begun:
            earlier = history(chart, self.drugs)
            if any(therapy.start is None for therapy in earlier):
                return False
            begun = [t.start for t in earlier if t.start and (chart.as_of - t.start).days > CYCLE_GAP_DAYS]
        return not begun or any(each.factor.appeared_after(chart, max(begun)) for each in found)

    def case_of(self, found: Sequence[Found]) -> str:
        """How much the factors are together; nothing where there are none."""
        if not found:
            return ""
        high = any(each.factor.major for each in found) or len(found) >= self.enough
        return "high" if high else "some"

    def tell(
        self,
        chart: Chart,
        subject: Subject,
        tier: Tier,
        found: Sequence[Found],
        because: tuple[Evidence, ...],
        value: str = "",
        caveats: tuple[str, ...] = (),
    ) -> Verdict:
        """The finding about the factors."""
        therapy = subject.therapy
        protected = [
            other for each in self.protecting for other in present(chart, each.drugs, 0) if each.holds(other) == "yes"
        ]
        if protected:
            tier = msgspec.structs.replace(tier, severity=LOWER[tier.severity])
        named = [each.factor.name for each in found]
        return self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapy), "factors": in_short(named), "value": value},
            orders=(therapy.reference,),
            evidence=(*because, *(e for each in found for e in each.evidence), *map(evidence_of, protected)),
            found=(shown(therapy), *((", ".join(named),) if named else ())),
            caveats=caveats,
            remedies=self.remedies(subject),
        )

    def remedies(self, subject: Subject) -> tuple[Remedy, ...]:
        """The same amount over more days."""
        draft, therapy = subject.draft, subject.therapy
        if "spread" not in self.row.remedies or draft is None:
            return ()
        step, total = only_step(therapy), dose.amount_per_cycle(therapy.regimen())
        days = dose.days_per_cycle(therapy.regimen())
        if step is None or isinstance(total, Unknown) or isinstance(days, Unknown) or days > 2:
            return ()
        if not divides(total.high, self.spread_days):
            return ()
        changed = spread(step, total.high / self.spread_days, self.spread_days)
        label = f"Spread the cycle over {self.spread_days} days"
        return (Remedy(label, (ChangeDosage(draft.reference, (changed,)),), eases=True),)

    def gaps(self, chart: Chart, subject: Subject) -> Iterator[NotChecked]:
        """What could not be seen and could make it worse."""
        sized = any(factor.bmi is not None for factor in self.factors)
        yield from dict.fromkeys(
            (
                *list_gaps(chart, self.row.id, ("conditions", *MEDICATION_SOURCES)),
                *(result_gaps(chart, self.row.id) if sized else ()),
            )
        )
        if chart.patient.birth_date is None and any(factor.aged is not None for factor in self.factors):
            yield NotChecked(self.row.id, "date of birth", order=subject.therapy.reference)


class FiltrationOrFactors(RiskFactors, frozen=True, kw_only=True):
    """As its base, beside the newest of `results`: below the figure of a tier of no case that tier speaks, before those
    of the factors. A rate that is not below reassures for `start_days` at a start and `refill_days` at a refill."""

    results: tuple[str, ...]
    measure: str
    unit: str
    start_days: int
    refill_days: int

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "factors", "value")
    CASES: ClassVar[tuple[str, ...]] = ("high",)

    def longest_names(self) -> dict[str, str]:
        return {**RiskFactors.longest_names(self), "value": "<99.999"}

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        newest, found = newest_number(chart, self.results), self.found(chart)
        again = not naive(chart, self.drugs, days=self.refill_days)
        window = self.refill_days if again else self.start_days
        tier, because = self.slow(newest.found), tuple[Evidence, ...]()
        value = ""
        if tier is not None and newest.found is not None:
            value = shown_result(newest.found)
            because = (as_evidence(newest.found, self.measure, self.unit),)
        elif self.case_of(found) == "high":
            tier, because = fitting_tier(self.row, chart, subject.situation, case="high")
        if tier is not None:
            old = (f"the {self.measure} is {newest.days} days old",) if value and newest.days > window else ()
            yield self.tell(chart, subject, tier, found, because, value, old)
        if tier == self.row.tiers[0]:
            return
        yield from self.gaps(chart, subject)
        missing = tuple(result_gaps(chart, self.row.id))
        yield from missing
        if not value and not missing and not (newest.within(window) and self.surely_not_slow(newest.found)):
            yield NotChecked(self.row.id, self.measure, order=subject.therapy.reference)

    def at_risk(self, chart: Chart) -> bool:
        slow = self.slow(newest_number(chart, self.results).found) is not None
        return slow or self.case_of(self.found(chart)) == "high"

    def slow(self, result: Result | None) -> Tier | None:
        """The first tier below whose figure a result surely is."""
        return next(
            (
                tier
                for tier in self.row.tiers
                if result is not None and tier.below is not None and below(result, tier.below) == "yes"
            ),
            None,
        )

    def surely_not_slow(self, result: Result | None) -> bool:
        """Whether a result is surely below no tier's figure."""
        figures = [tier.below for tier in self.row.tiers if tier.below is not None]
        return result is not None and all(below(result, figure) == "no" for figure in figures)


def in_short(names: Sequence[str]) -> str:
    """As many names as have room on a card, the others counted."""
    for shown_names in range(len(names), 0, -1):
        rest = len(names) - shown_names
        text = ", ".join((*names[:shown_names], *((f"{rest} more",) if rest else ())))
        if len(text) <= NAMES_LENGTH:
            return text
    return f"{len(names)} risk factors"
