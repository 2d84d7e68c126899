"""A drug that must not be given without another one, and how much of the other is enough."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar, get_args

import msgspec

from .. import dose
from ..chart import Chart
from ..dose import Weekday
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, list_gaps, search
from ..findings import NotChecked
from ..remedy import CreateMedication, Remedy
from ..rule import Rule, Verdict
from ..subjects import subjects
from ..therapy import Therapy
from ..tiers import excluded, fitting_tier

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class CompanionOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the companion that a remedy may create: `dose` mg, `per_week` times, never on the drug's own day.

    `days_after` are the weekdays in days after the drug's day, one for each administration.
    """

    ingredient: str
    name: str
    dose: Decimal
    per_week: int
    days_after: tuple[int, ...]
    reason: str


class Companions(Rule, frozen=True, kw_only=True):
    """What both rules about companions share: the drugs and the companions."""

    drugs: Drug
    companions: Drug

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "companion")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "companion": self.companions.longest_name}

    def beside(self, chart: Chart) -> tuple[Therapy, ...]:
        """The companions that are being taken or are in the basket."""
        taken = search(chart, self.companions, rule=self.row.id, recent_days=None).found
        return taken + tuple(
            draft.therapy
            for draft in chart.drafts
            if draft.therapy is not None and self.companions.covers(draft.therapy)
        )


class CompanionRequired(Companions, frozen=True, kw_only=True):
    """Fires for a drug without any companion active or in the basket. A companion taken only as needed is none.

    Where a list of medications could not be had the rule still fires, says so, and is named among what was not
    checked. The remedies are left out where the patient does not tolerate the companion.
    """

    orders: tuple[CompanionOrder, ...] = ()

    REMEDIES = ("create-companion",)

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        companions = [therapy for therapy in self.beside(chart) if not dose.prn(therapy.regimen())]
        if companions:
            return
        gaps = tuple(list_gaps(chart, self.row.id, MEDICATION_SOURCES))
        unseen = (
            *(gap.missing for gap in gaps),
            *(gap.missing for gap in list_gaps(chart, self.row.id, ("allergies",))),
        )
        told: set[str] = set()
        for subject in subjects(chart, self.drugs):
            therapy, draft, situation = subject.therapy, subject.draft, subject.situation
            if excluded(self.row, chart, situation) or therapy.label in told:
                continue
            tier, _ = fitting_tier(self.row, chart, situation)
            if tier is None:
                continue
            told.add(therapy.label)
            intolerant = not_tolerated(chart, self.companions)
            yield self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(therapy), "companion": self.companions.longest_name},
                orders=(therapy.reference,),
                evidence=() if draft else (evidence_of(therapy),),
                found=(shown(therapy),),
                caveats=tuple(f"{missing} could not be seen" for missing in dict.fromkeys(unseen)) + intolerant,
                remedies=() if intolerant else self.remedies(therapy),
            )
            yield from gaps

    def remedies(self, therapy: Therapy) -> tuple[Remedy, ...]:
        """One order of the companion for each line of the row, the first one preferred."""
        if "create-companion" not in self.row.remedies:
            return ()
        days = dose.weekdays(therapy.regimen())
        drug = self.drugs.name_in(therapy)
        written = (self.remedy(order, days, drug) for order in self.orders)
        return tuple(
            msgspec.structs.replace(remedy, recommended=number == 0)
            for number, remedy in enumerate(remedy for remedy in written if remedy is not None)
        )

    def remedy(self, order: CompanionOrder, taken: tuple[Weekday, ...], drug: str) -> Remedy | None:
        """The order on days other than the drug's; without a known day it says so in words. None where all are taken."""
        days: tuple[Weekday, ...] = ()
        if taken:
            first = WEEKDAYS.index(taken[0])
            days = tuple(WEEKDAYS[(first + after) % 7] for after in order.days_after)
            if set(days) & set(taken):
                free = [day for day in WEEKDAYS[first:] + WEEKDAYS[:first] if day not in taken]
                if len(free) < order.per_week:
                    return None
                days = tuple(free[: order.per_week])
        times = {1: "once", 2: "twice"}.get(order.per_week, f"{order.per_week} times")
        on = f" ({' and '.join(day.capitalize() for day in days)})" if days else ""
        return Remedy(
            f"Add {order.name} {order.dose} mg {times} weekly{on}",
            (
                CreateMedication(
                    ingredient=order.ingredient,
                    dose=order.dose,
                    unit="mg",
                    times=order.per_week,
                    weekdays=days,
                    with_words="" if days else f"not on the day of {drug}",
                    reason=order.reason,
                ),
            ),
        )


class CompanionDose(Companions, frozen=True, kw_only=True):
    """Fires for a drug whose companions together stay below `at_least_mg_per_week`; at that amount it is silent.

    Only `companions` are counted; where an `equivalents` companion is taken beside them the sum says nothing, and the
    rule is silent. An amount that cannot be computed is named as not checked.
    """

    at_least_mg_per_week: Decimal
    equivalents: Drug

    PLACEHOLDERS = ("drug", "companion", "amount")

    def longest_names(self) -> dict[str, str]:
        return {**Companions.longest_names(self), "amount": "999.999"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        companions = [therapy for therapy in self.beside(chart) if not dose.prn(therapy.regimen())]
        others = search(chart, self.equivalents, rule=self.row.id, recent_days=None).found
        drafted = [d for d in chart.drafts if d.therapy is not None and self.equivalents.covers(d.therapy)]
        if not companions or others or drafted:
            return
        for subject in subjects(chart, self.drugs):
            therapy, situation = subject.therapy, subject.situation
            tier, _ = fitting_tier(self.row, chart, situation)
            if tier is None or excluded(self.row, chart, situation):
                continue
            name = self.companions.name_in(companions[0])
            amounts = [weekly(companion, self.companions) for companion in companions]
            known = [amount for amount in amounts if isinstance(amount, dose.Amount) and amount.unit == "mg"]
            total = sum((amount.high for amount in known), Decimal(0))
            if total >= self.at_least_mg_per_week:
                return
            if len(known) < len(amounts):
                yield NotChecked(self.row.id, f"the weekly dose of {name}")
                return
            yield self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(therapy), "companion": name, "amount": f"{total.normalize():f}"},
                orders=(therapy.reference,),
                evidence=tuple(evidence_of(companion) for companion in companions if companion.source != "draft"),
                found=tuple(shown(companion) for companion in companions),
            )
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            return


def weekly(therapy: Therapy, drug: Drug) -> dose.Amount | dose.Unknown:
    """How much of the drug a therapy gives in a week."""
    ingredient = min(drug.ingredients & therapy.ingredients)
    return dose.weekly_amount(therapy.regimen(ingredient))


def not_tolerated(chart: Chart, drug: Drug) -> tuple[str, ...]:
    """A sentence for each recorded allergy or intolerance to the drug."""
    return tuple(
        f"an allergy or intolerance to {name} is recorded ({allergy.reference})"
        for allergy in chart.allergies
        for parts, name in drug.names
        if len(parts) == 1 and parts <= allergy.substances
    )
