"""How much of a drug is too much, or too little: per dose, per day, per week or per cycle, by body size or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from .. import body, dose
from ..chart import Chart
from ..dose import Amount, Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import first_day, missing_datum
from ..findings import Evidence, NotChecked
from ..remedy import ChangeDosage, DeleteDraft, Remedy, StepChange
from ..results import result_gaps
from ..rule import Row, Rule, Tier, Verdict
from ..subjects import Subject, alongside, subjects
from ..therapy import Therapy
from ..tiers import age_gap, excluded, fitting_tier
from ..turns import most_on_a_day

Span = Literal["dose", "day", "week"]
AMOUNTS: dict[Span, Callable[[dose.Regimen], Amount | Unknown]] = {
    "dose": dose.single_dose,
    "day": dose.daily_limit,
    "week": dose.weekly_amount,
}
STALE_WEIGHT_EXCESS = Decimal("1.5")
"""By a weight of more than 180 days a limit is at most a remark, unless it is exceeded by more than half (CLINICAL 0.4)."""


def by_old_weight(row: Row, tier: Tier, amount: Amount) -> Tier:
    """The tier that holds by an old weight: a remark, unless the least limit of its kind is exceeded by more than half.

    It is the rule's limit that counts, not that of the tier: a higher dose is never told more mildly than a lower one.
    """
    alike = [t for t in row.tiers if t.case == tier.case and (t.above is None) == (tier.above is None)]
    if any(each.exceeded(amount, STALE_WEIGHT_EXCESS) for each in alike):
        return tier
    return msgspec.structs.replace(tier, severity="info")


class ReduceTo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The amount in the rule's span that a remedy sets, in the rule's unit, in steps of `round_down_to` mg."""

    amount: Decimal
    round_down_to: Decimal = Decimal(0)


class DoseLimit(Rule, frozen=True, kw_only=True):
    """Fires where the amount of a drug in a span is strictly above (or below) the figure of a tier; at it, silent.

    Orders of the drug that run beside the one that is judged are added, but not to a single dose. A dose in mg is
    brought to `unit` by the body's size; where that is not known the tiers of case "no-size" judge the mg, and without
    one that holds the check is named as not made. A dose per kg is brought to a `unit` of mg by the weight. The remedy
    lowers every instruction of the draft that is above the amount of `reduce_to`, and is not offered where another order
    is part of the sum.
    """

    drugs: Drug
    span: Span
    unit: Literal["mg", "mg/kg", "mg/m2"]
    reduce_to: ReduceTo | None = None

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "amount", "grams")
    CASES: ClassVar[tuple[str, ...]] = ("", "no-size")
    REMEDIES: ClassVar[tuple[str, ...]] = ("reduce", "delete-draft")
    JUDGES_DOSE = True

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "amount": "99999.99", "grams": "99.999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for subject in subjects(chart, self.drugs):
            gap = age_gap(self.row, chart, subject.situation)
            if gap is not None:
                yield gap
            elif not excluded(self.row, chart, subject.situation):
                yield from self.judge(chart, subject)

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """One order, with what runs beside it."""
        others = () if self.span == "dose" else alongside(chart, self.drugs, subject)
        total = self.total((subject.therapy, *others))
        name = self.drugs.name_in(subject.therapy)
        if isinstance(total, Unknown):
            yield NotChecked(self.row.id, f"the dose of {name}", order=subject.therapy.reference)
            return
        total = self.in_turns(chart, subject, others, total)
        sized = self.by_size(chart, total)
        if isinstance(sized, Unknown):
            tier, because = fitting_tier(self.row, chart, subject.situation, case="no-size", amount=total)
            if tier is None or total.unit != "mg":
                what = "body surface" if self.unit == "mg/m2" else "body weight"
                yield missing_datum(chart, self.row.id, what, "observations")
                return
            yield self.tell(subject, tier, total, others, because)
            if tier.severity != "critical":
                yield from result_gaps(chart, self.row.id)
            return
        figure, measure = sized
        tier, because = fitting_tier(self.row, chart, subject.situation, amount=figure)
        if tier is None:
            return
        caveats: tuple[str, ...] = ()
        if measure is not None and not measure.fresh:
            caveats = (f"weight from {measure.day.isoformat()}",)
            tier = by_old_weight(self.row, tier, figure)
        if measure is not None:
            because += (Evidence(measure.reference, f"{dose.plain(measure.value)} {measure.unit}", measure.day),)
        yield self.tell(subject, tier, figure, others, because, caveats, self.remedies(subject, others, measure))

    @property
    def units(self) -> tuple[dose.DoseUnit, ...]:
        """The units of an order that can be brought to the rule's."""
        return ("mg", "mg/kg") if self.unit == "mg" else ("mg", "mg/kg", "mg/m2")

    def total(self, therapies: tuple[Therapy, ...]) -> Amount | Unknown:
        """The amount of all therapies together in the span; unknown where any of them is, or where units differ."""
        found: Amount | None = None
        for therapy in therapies:
            ingredient = min(self.drugs.ingredients & therapy.ingredients)
            amount = AMOUNTS[self.span](therapy.regimen(ingredient))
            if isinstance(amount, Unknown):
                return amount
            if amount.unit not in self.units:
                return Unknown(reason="the dose is not known in mg", where=amount.where)
            if found is None:
                found = amount
            elif found.unit != amount.unit:
                return Unknown(reason="two orders are written in different units")
            else:
                found = Amount(low=found.low + amount.low, high=found.high + amount.high, unit=found.unit)
        return found or Unknown(reason="there is no order")

    def in_turns(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...], total: Amount) -> Amount:
        """The sum of a day, lowered to the most that falls on one where the orders are not given on the same days."""
        if self.span != "day" or not others or total.unit != "mg":
            return total
        therapies = (subject.therapy, *others)
        orders = [(t, t.regimen(min(self.drugs.ingredients & t.ingredients))) for t in therapies]
        begin = first_day(subject.therapy, chart.as_of)
        most = most_on_a_day(chart, orders, begin, lambda _, amount: amount)
        if most is None or most >= total.high:
            return total
        return msgspec.structs.replace(total, low=min(total.low, most), high=most)

    def by_size(self, chart: Chart, amount: Amount) -> tuple[Amount, body.Measure | None] | Unknown:
        """The amount in the rule's unit, with the measure of the body that it took, if it took one."""
        if amount.unit == self.unit:
            return amount, None
        if amount.unit != "mg":
            ordered_by = size(chart, amount.unit)
            if isinstance(ordered_by, Unknown):
                return ordered_by
            whole = dose.absolute(amount, ordered_by.value, ordered_by.value)
            if isinstance(whole, Unknown) or self.unit == "mg":
                return whole if isinstance(whole, Unknown) else (whole, ordered_by)
            amount = whole
        measure = size(chart, self.unit)
        if isinstance(measure, Unknown):
            return measure
        convert = dose.per_kg if self.unit == "mg/kg" else dose.per_m2
        sized = convert(amount, measure.value)
        return sized if isinstance(sized, Unknown) else (sized, measure)

    def tell(
        self,
        subject: Subject,
        tier: Tier,
        figure: Amount,
        others: tuple[Therapy, ...],
        because: tuple[Evidence, ...],
        caveats: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] = (),
    ) -> Verdict:
        """The finding with the figures compared."""
        therapy = subject.therapy
        number = figure.low if tier.below is not None else figure.high
        shown_figure = dose.plain(number)
        charted = tuple(evidence_of(other) for other in others if other.source != "draft")
        return self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapy), "amount": shown_figure, "grams": dose.plain(number / 1000)},
            orders=(therapy.reference,),
            evidence=(() if subject.draft else (evidence_of(therapy),)) + charted + because,
            found=(shown(therapy), *map(shown, others), f"{shown_figure} {figure.unit} in a {self.span}"),
            caveats=caveats + (("another order of the drug runs beside this one and is counted",) if others else ()),
            remedies=remedies,
        )

    def remedies(
        self, subject: Subject, others: tuple[Therapy, ...], measure: body.Measure | None
    ) -> tuple[Remedy, ...]:
        """Lowering the draft to the row's amount; taking it back."""
        draft = subject.draft
        if draft is None:
            return ()
        name = self.drugs.name_in(subject.therapy)
        written: list[Remedy] = []
        if "reduce" in self.row.remedies and self.reduce_to is not None and not others:
            target = self.target(measure)
            changes = lowered(subject.therapy.regimen(), self.span, target) if target is not None else ()
            if changes and target is not None:
                label = f"Lower {name} to {dose.plain(target)} mg per {self.span}"
                written.append(Remedy(label, (ChangeDosage(draft.reference, changes),)))
        if "delete-draft" in self.row.remedies:
            written.append(Remedy(f"Cancel this order of {name}", (DeleteDraft(draft.reference),)))
        return tuple(written)

    def target(self, measure: body.Measure | None) -> Decimal | None:
        """The row's amount in mg, rounded down; None where the body's size is needed and not known."""
        if self.reduce_to is None or (self.unit != "mg" and measure is None):
            return None
        wanted = self.reduce_to.amount * (measure.value if measure is not None and self.unit != "mg" else 1)
        step = self.reduce_to.round_down_to
        return wanted // step * step if step else wanted


def size(chart: Chart, unit: dose.DoseUnit) -> body.Measure | Unknown:
    """The measure of the body that a dose per kg or per m2 takes."""
    return body.weight(chart) if unit == "mg/kg" else body.surface(chart)


def lowered(regimen: dose.Regimen, span: Span, target: Decimal) -> tuple[StepChange, ...]:
    """The instructions that give more than `target` mg in the span, each lowered to it; the frequency stays.

    Nothing where an instruction is not known in mg and times, where several are given at the same time, or where the
    target does not divide into them.
    """
    changes: list[StepChange] = []
    for phase in regimen.phases:
        if len(phase) != 1:
            return ()
        step = phase[0]
        if isinstance(step.dose, Unknown) or isinstance(step.frequency, Unknown) or step.dose.unit != "mg":
            return ()
        times = {
            "dose": Decimal(1),
            "day": step.frequency.per_day_high,
            "week": max(step.frequency.per_week_high, Decimal(1)),
        }[span]
        if step.dose.high * times <= target:
            continue
        new = target / times
        if new <= 0 or new != new.quantize(Decimal("0.001")):
            return ()
        amount = msgspec.structs.replace(step.dose, low=new, high=new)
        words = dose.in_words(dose.Regimen(phases=((msgspec.structs.replace(step, dose=amount),),)))
        changes.append(StepChange(index=index_of(step), dose=new, text=words))
    return tuple(changes)


def index_of(step: dose.Step) -> int:
    """Which of the order's instructions a step was read from."""
    return int(step.where.rpartition("[")[2].rstrip("]"))
