"""Conditions that a high dose of a glucocorticoid makes worse, at the start of its first course."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from .. import body, dose
from ..chart import Chart
from ..dose import Unknown
from ..drugs import Drug
from ..evidence import shown
from ..exposure import MEDICATION_SOURCES, history, list_gaps
from ..facts import conditions
from ..facts_disease import gate_unseen
from ..findings import Evidence, NotChecked
from ..glucocorticoids import Glucocorticoids
from ..results import unweighed
from ..rule import Rule, Tier, Verdict
from ..subjects import subjects
from ..therapy import Therapy
from ..tiers import excluded, fitting_tier

NAMED = 3
"""So many conditions are named on a card; of more, two and their number."""


class Harmed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions that go by one name."""

    name: str
    concepts: frozenset[str]


class HighDoseWithConditions(Rule, frozen=True, kw_only=True):
    """Fires where a draft begins the first high dose for someone with one of the conditions; all are told at once.

    High is `high_mg_per_kg` or `high_mg` of the reference a day, whichever is reached first; at them it is. It is the
    first where no high dose is known that began more than `running_days` ago. `besides` is what else is told where a
    patient has it. Pulses do not count.
    """

    drugs: Drug
    steroids: Glucocorticoids
    high_mg_per_kg: Decimal
    high_mg: Decimal
    running_days: int
    harmed: tuple[Harmed, ...]
    besides: Harmed
    advice: str

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "conditions")

    def __post_init__(self) -> None:
        self.steroids.refuse_unknown(self.drugs)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        names = sorted((each.name for each in self.harmed), key=len, reverse=True)
        return {
            "drug": self.drugs.longest_name,
            "conditions": max((some(names), some(names[:NAMED])), key=len),
        }

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        found = [
            (each.name, evidence) for each in self.harmed for evidence in conditions(chart, each.concepts) if evidence
        ]
        gaps = (*list_gaps(chart, self.row.id, ("conditions",)), *list_gaps(chart, self.row.id, MEDICATION_SOURCES))
        for subject in subjects(chart, self.drugs):
            therapy, situation = subject.therapy, subject.situation
            if excluded(self.row, chart, situation) or self.steroids.is_pulse(chart, therapy):
                continue
            tier, because = fitting_tier(self.row, chart, situation)
            if tier is None or self.ran_before(chart):
                continue
            high = self.is_high(chart, therapy)
            if high is None and found:
                yield NotChecked(self.row.id, f"the dose of {self.drugs.name_in(therapy)}", order=therapy.reference)
            if not high:
                if found and high is not None:
                    yield from unweighed(chart, self.row.id)
                continue
            doubts = tuple(dict.fromkeys((*gaps, *gate_unseen(self.row, chart, situation))))
            if not found or doubts:
                yield from doubts
                continue
            yield self.tell(tier_of=(tier, because), therapy=therapy, found=found, chart=chart)
            return

    def tell(
        self,
        *,
        tier_of: tuple[Tier, tuple[Evidence, ...]],
        therapy: Therapy,
        found: list[tuple[str, Evidence]],
        chart: Chart,
    ) -> Verdict:
        """The finding about a draft, with everything that was found."""
        names = list(dict.fromkeys(name for name, _ in found))
        finding = self.row.finding(
            tier_of[0],
            names={"drug": self.drugs.name_in(therapy), "conditions": some(names)},
            orders=(therapy.reference,),
            evidence=(*(evidence for _, evidence in found), *tier_of[1]),
            found=(shown(therapy), ", ".join(names)),
        )
        if not conditions(chart, self.besides.concepts):
            return finding
        return msgspec.structs.replace(finding, why=(*finding.why, self.advice))

    def is_high(self, chart: Chart, therapy: Therapy) -> bool | None:
        """Whether a therapy gives a high dose at any time; None where its dose is not known."""
        amount = self.steroids.equivalent(chart, therapy, dose.average_daily_amount)
        if isinstance(amount, Unknown):
            return None
        weight = body.weight(chart)
        by_weight = not isinstance(weight, Unknown) and amount.high >= self.high_mg_per_kg * weight.value
        return by_weight or amount.high >= self.high_mg

    def ran_before(self, chart: Chart) -> bool:
        """Whether a high dose is known that began more than so many days ago."""
        return any(
            therapy.start is not None
            and (chart.as_of - therapy.start).days > self.running_days
            and not self.steroids.is_pulse(chart, therapy)
            and self.is_high(chart, therapy)
            for therapy in history(chart, self.drugs)
        )


def some(names: list[str]) -> str:
    """The names in a list; of more than three the first two, and how many more there are."""
    if len(names) > NAMED:
        return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} more"
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
