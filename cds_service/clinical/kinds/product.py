"""Products of one drug that are not interchangeable: each with its own maximum, and orders that do not say which."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from .. import dose
from ..chart import Chart
from ..dose import Amount, Regimen, Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..findings import NotChecked
from ..remedy import ChangeDosage, Remedy, StepChange
from ..rule import Rule, Tier, Verdict
from ..subjects import Subject, alongside, subjects
from ..therapy import Therapy
from ..tiers import age_gap, excluded, fitting_tier
from .limit import index_of


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one product may give at most: `twice_daily_mg` at once, and twice that in a day.

    `far_above_mg` (or `far_at_least_mg`) in a day is the case "far-above", and `doubt` what to ask then. `certain` is
    false for an order that does not say which product it is: its single doses are not judged, and nothing is offered.
    """

    ingredient: str
    twice_daily_mg: Decimal
    far_above_mg: Decimal | None = None
    far_at_least_mg: Decimal | None = None
    doubt: str = ""
    certain: bool = True

    def far(self, daily: Amount) -> bool:
        """Whether the amount of a day is of another order than the product's maximum."""
        above = self.far_above_mg is not None and daily.high > self.far_above_mg
        return above or (self.far_at_least_mg is not None and daily.high >= self.far_at_least_mg)


class ProductMaximum(Rule, frozen=True, kw_only=True):
    """Fires where an order gives more than its product's maximum: "far-above", "" for a day, or "dose" for one dose
    where the day is within it. At the maximum it is silent.

    Orders of the same product that run beside it are added to the day. The remedy sets the maximum twice daily, or
    lowers each dose to it where the day is within it; it is not offered where another order is part of the sum.
    """

    drugs: Drug
    products: tuple[Product, ...]

    PLACEHOLDERS = ("drug", "amount", "most")
    CASES = ("", "far-above", "dose")
    REMEDIES = ("reduce",)
    JUDGES_DOSE = True

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "amount": "99999.99", "most": "9999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for subject in subjects(chart, self.drugs):
            gap = age_gap(self.row, chart, subject.situation)
            if gap is not None:
                yield gap
            elif not excluded(self.row, chart, subject.situation):
                for product in self.products:
                    if product.ingredient in subject.therapy.ingredients:
                        yield from self.judge(chart, subject, product)

    def judge(self, chart: Chart, subject: Subject, product: Product) -> Iterator[Verdict]:
        """One order of one product."""
        therapy = subject.therapy
        own = msgspec.structs.replace(self.drugs, ingredients=frozenset((product.ingredient,)), unspecified=frozenset())
        others = alongside(chart, own, subject)
        single = dose.single_dose(therapy.regimen(product.ingredient))
        daily = in_a_day((therapy, *others), product.ingredient)
        if isinstance(single, Unknown) or isinstance(daily, Unknown) or single.unit != "mg":
            yield NotChecked(self.row.id, f"the dose of {self.drugs.name_in(therapy)}", order=therapy.reference)
            return
        most = product.twice_daily_mg
        if product.far(daily):
            case, number, span = "far-above", daily.high, "day"
        elif daily.high > 2 * most:
            case, number, span = "", daily.high, "day"
        elif product.certain and single.high > most:
            case, number, span = "dose", single.high, "dose"
        else:
            return
        tier, because = fitting_tier(self.row, chart, subject.situation, case=case)
        if tier is None:
            return
        yield self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapy), "amount": dose.plain(number), "most": dose.plain(most)},
            orders=(therapy.reference,),
            evidence=tuple(evidence_of(other) for other in others if other.source != "draft") + because,
            found=(shown(therapy), *map(shown, others), f"{dose.plain(number)} mg in a {span}"),
            caveats=(product.doubt,) if case == "far-above" and product.doubt else (),
            remedies=self.remedies(subject, product, span) if product.certain and not others else (),
        )

    def remedies(self, subject: Subject, product: Product, span: str) -> tuple[Remedy, ...]:
        """The product's maximum twice daily, or at once."""
        draft = subject.draft
        if draft is None or "reduce" not in self.row.remedies:
            return ()
        most = product.twice_daily_mg
        changes = at_most(subject.therapy.regimen(product.ingredient), most, twice=span == "day")
        often = "twice daily" if span == "day" else "per dose"
        label = f"Lower {self.drugs.name_in(subject.therapy)} to {dose.plain(most)} mg {often}"
        return (Remedy(label, (ChangeDosage(draft.reference, changes),)),) if changes else ()


class ProductUnclear(Rule, frozen=True, kw_only=True):
    """Fires for an order that does not say which of the products it is; tiers judge the mg in a day, and those of case
    "no-amount" an order that does not tell even that."""

    drugs: Drug

    PLACEHOLDERS = ("drug", "amount")
    CASES = ("", "no-amount")
    JUDGES_DOSE = True

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "amount": "99999.99"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for subject in subjects(chart, self.drugs):
            therapy, situation = subject.therapy, subject.situation
            gap = age_gap(self.row, chart, situation)
            if gap is not None:
                yield gap
            if gap is not None or excluded(self.row, chart, situation):
                continue
            daily = in_a_day((therapy,), min(self.drugs.ingredients & therapy.ingredients))
            tier: Tier | None
            if isinstance(daily, Unknown):
                tier, because = fitting_tier(self.row, chart, situation, case="no-amount")
                number = ""
            else:
                tier, because = fitting_tier(self.row, chart, situation, amount=daily)
                number = dose.plain(daily.high)
            if tier is not None:
                yield self.row.finding(
                    tier,
                    names={"drug": self.drugs.name_in(therapy), "amount": number},
                    orders=(therapy.reference,),
                    evidence=because,
                    found=(shown(therapy), *((f"{number} mg in a day",) if number else ())),
                )


def in_a_day(therapies: tuple[Therapy, ...], ingredient: str) -> Amount | Unknown:
    """The mg of all therapies together on a day; unknown where one of them is."""
    low = high = Decimal(0)
    for therapy in therapies:
        amount = dose.daily_limit(therapy.regimen(ingredient))
        if isinstance(amount, Unknown):
            return amount
        if amount.unit != "mg":
            return Unknown(reason="the dose is not known in mg", where=amount.where)
        low, high = low + amount.low, high + amount.high
    return Amount(low=low, high=high, unit="mg")


def at_most(regimen: Regimen, most: Decimal, *, twice: bool) -> tuple[StepChange, ...]:
    """Each instruction above the maximum lowered to it, `twice` a day or as often as it is.

    Nothing where an instruction is not known in mg and times, is not for every day, or where several run at once.
    """
    changes: list[StepChange] = []
    for phase in regimen.phases:
        step = phase[0]
        if len(phase) != 1 or isinstance(step.dose, Unknown) or isinstance(step.frequency, Unknown):
            return ()
        if step.dose.unit != "mg" or step.dates or step.weekdays or step.days_per_cycle is not None:
            return ()
        amount = msgspec.structs.replace(step.dose, low=most, high=most)
        if twice and step.dose.high * step.frequency.per_day_high > 2 * most:
            words = f"{dose.plain(most)} mg twice daily"
            changes.append(StepChange(index=index_of(step), dose=most, times=2, text=words))
        elif step.dose.high > most:
            words = dose.in_words(Regimen(phases=((msgspec.structs.replace(step, dose=amount),),)))
            changes.append(StepChange(index=index_of(step), dose=most, text=words))
    return tuple(changes)
