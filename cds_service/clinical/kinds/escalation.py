"""How a drug is begun: the first dose, how soon it grows, and whether it grows at all."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from .. import dose
from ..body import Measure
from ..chart import Chart
from ..dose import Amount, Regimen, Unknown
from ..evidence import shown
from ..exposure import MEDICATION_SOURCES, list_gaps, missing_datum, naive
from ..findings import Evidence, NotChecked
from ..remedy import ChangeDosage, Remedy, StepBefore
from ..rule import Tier, Verdict
from ..subjects import Subject, alongside
from ..therapy import Therapy
from ..tiers import fitting_tier
from .limit import AMOUNTS, DoseLimit, lowered


class FirstStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step that a remedy puts before an order that begins at its full dose: `dose` mg once daily for `days`."""

    dose: Decimal
    days: int


class FirstDose(DoseLimit, frozen=True, kw_only=True):
    """Fires for a patient who took none of the drug in `naive_days`: by the amount that the first step of a draft gives
    (case "first"), that its only step gives ("only"), or that a later one gives which begins less than `early_days`
    after the first day ("early"). The first case that holds is told.

    Other drafts of the drug are added to the first step. Where a list of medications could not be had the rule still
    fires, says so, and is named among what was not checked. The remedy lowers the first step to `reduce_to`, where no
    later one is early; or it puts `first_step` before an order without dates.
    """

    naive_days: int
    early_days: int = 0
    first_step: FirstStep | None = None

    PLACEHOLDERS = ("drug", "amount", "day")
    CASES = ("first", "only", "early")
    REMEDIES = ("reduce", "step-up")

    def longest_names(self) -> dict[str, str]:
        return {**DoseLimit.longest_names(self), "day": "99"}

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        if subject.draft is None or not naive(chart, self.drugs, days=self.naive_days):
            return
        therapy = subject.therapy
        others = alongside(chart, self.drugs, subject)
        regimen = therapy.regimen(min(self.drugs.ingredients & therapy.ingredients))
        name = self.drugs.name_in(therapy)
        told: list[Told] = []
        for step in self.steps(regimen, others):
            if isinstance(step.amount, Unknown):
                yield NotChecked(self.row.id, f"the dose of {name}", order=therapy.reference)
                return
            sized = self.by_size(chart, step.amount)
            if isinstance(sized, Unknown):
                yield missing_datum(chart, self.row.id, "body weight", "observations")
                return
            tier, because = fitting_tier(self.row, chart, subject.situation, case=step.case, amount=sized[0])
            if tier is None:
                continue
            if step.begins is None:
                yield NotChecked(self.row.id, f"how long the first steps of {name} last", order=therapy.reference)
                return
            if sized[1] is not None:
                because += (measured(sized[1]),)
            told.append(Told(step.case, step.begins, sized[0], tier, because))
        if not told:
            return
        gaps = tuple(list_gaps(chart, self.row.id, MEDICATION_SOURCES))
        number = dose.plain(told[0].amount.high)
        soon = any(step.case == "early" for step in told)
        yield self.row.finding(
            told[0].tier,
            names={"drug": name, "amount": number, "day": str(told[0].begins)},
            orders=(therapy.reference,),
            evidence=told[0].because,
            found=(shown(therapy), *map(shown, others), f"{number} {self.unit} in a {self.span}"),
            caveats=tuple(f"{gap.missing} could not be seen" for gap in gaps),
            remedies=self.start_lower(subject, regimen, told[0].case) if not others and not soon else (),
        )
        yield from gaps

    def steps(self, regimen: Regimen, others: tuple[Therapy, ...]) -> Iterator[Begun]:
        """Each step that a case is about; a later one only where it begins early, or nobody knows when."""
        begins = days_before(regimen)
        first = AMOUNTS[self.span](dose.first_step(regimen))
        if others and isinstance(first, Amount):
            rest = self.total(others)
            first = rest if isinstance(rest, Unknown) else plus(first, rest)
        yield Begun("first", self.in_unit(first), 0)
        if len(regimen.phases) == 1:
            yield Begun("only", self.in_unit(first), 0)
        for phase, begin in zip(regimen.phases[1:], begins[1:], strict=True):
            if self.early_days and (begin is None or begin < self.early_days):
                yield Begun("early", self.in_unit(AMOUNTS[self.span](Regimen(phases=(phase,)))), begin)

    def in_unit(self, amount: Amount | Unknown) -> Amount | Unknown:
        """The amount where it is in mg or in the rule's own unit."""
        if isinstance(amount, Amount) and amount.unit not in ("mg", self.unit):
            return Unknown(reason="the dose is not known in mg", where=amount.where)
        return amount

    def start_lower(self, subject: Subject, regimen: Regimen, case: str) -> tuple[Remedy, ...]:
        """Lowering the first step, or putting a lower one before the only one."""
        draft = subject.draft
        if draft is None:
            return ()
        name = self.drugs.name_in(subject.therapy)
        if case == "first" and "reduce" in self.row.remedies and self.reduce_to is not None:
            target = self.reduce_to.amount
            changes = lowered(dose.first_step(regimen), self.span, target)
            label = f"Start {name} at {dose.plain(target)} mg per {self.span}"
            return (Remedy(label, (ChangeDosage(draft.reference, changes),)),) if changes else ()
        if case == "only" and "step-up" in self.row.remedies and self.first_step is not None and can_step_up(regimen):
            words = f"{dose.plain(self.first_step.dose)} mg once daily for {self.first_step.days} days"
            before = StepBefore(dose=self.first_step.dose, days=self.first_step.days, text=words)
            return (Remedy(f"Start {name} at {words}", (ChangeDosage(draft.reference, (), before),)),)
        return ()


class Begun(msgspec.Struct, frozen=True):
    """A step of an order: the case that it is, what it gives, and on which day it begins (0 is the first)."""

    case: str
    amount: Amount | Unknown
    begins: int | None


class Told(msgspec.Struct, frozen=True):
    """A step at which a tier holds, in the rule's own unit."""

    case: str
    begins: int
    amount: Amount
    tier: Tier
    because: tuple[Evidence, ...]


def measured(measure: Measure) -> Evidence:
    """A measure of the body as evidence."""
    return Evidence(measure.reference, f"{dose.plain(measure.value)} {measure.unit}", measure.day)


def can_step_up(regimen: Regimen) -> bool:
    """Whether a step can be put before the only instruction: one that is taken every day, not on dates of its own."""
    steps = dose.steps(regimen)
    return len(steps) == 1 and not steps[0].dates and not steps[0].prn and steps[0].days_per_cycle is None


def plus(one: Amount, other: Amount) -> Amount | Unknown:
    """The sum of two amounts, unknown where they are written in different units."""
    if one.unit != other.unit:
        return Unknown(reason="two orders are written in different units")
    return Amount(low=one.low + other.low, high=one.high + other.high, unit=one.unit)


def days_before(regimen: Regimen) -> list[int | None]:
    """How many days after the first day each phase begins; None where a phase before it has no known length."""
    begins: list[int | None] = []
    passed: Decimal | None = Decimal(0)
    first = dose.course_start(regimen)
    for phase in regimen.phases:
        start = min((step.start for step in phase if step.start is not None), default=None)
        if start is not None and first is not None:
            passed = Decimal((start - first).days)
        begins.append(int(passed) if passed is not None else None)
        length = dose.phase_days(phase)
        passed = passed + length if passed is not None and length is not None else None
    return begins
