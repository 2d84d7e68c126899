"""A drug that harms the gonads, for someone of an age to have children."""

from __future__ import annotations

from collections.abc import Iterator

from ..chart import Chart
from ..drugs import Drug
from ..evidence import shown
from ..exposure import MEDICATION_SOURCES, history, list_gaps
from ..facts_disease import gate_unseen, unseen
from ..findings import Evidence, NotChecked
from ..rule import Rule, Verdict
from ..subjects import subjects
from ..tiers import excluded, fitting_tier
from .indication import together, unique


class Gonadotoxic(Rule, frozen=True, kw_only=True):
    """Fires for the first order ever of a drug, for a woman of `female_years` or a man of `male_years`; both ends of the
    span of completed years count. An age or a sex that is not known is named."""

    drugs: Drug
    female_years: tuple[int, int]
    male_years: tuple[int, int]

    PLACEHOLDERS = ("drug",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        yield from together(self.each(chart))

    def each(self, chart: Chart) -> Iterator[Verdict]:
        """What the rule says about each order by itself."""
        age = chart.patient.age(chart.as_of)
        spans = {"female": self.female_years, "male": self.male_years}
        span = spans.get(chart.patient.sex)
        if history(chart, self.drugs) or (age is not None and span is not None and not span[0] <= age <= span[1]):
            return
        for subject in subjects(chart, self.drugs):
            situation = subject.situation
            if excluded(self.row, chart, situation):
                continue
            order = subject.therapy.reference
            doubts = unique(
                (
                    *([NotChecked(self.row.id, "date of birth", order=order)] if age is None else []),
                    *([NotChecked(self.row.id, "sex", order=order)] if span is None else []),
                    *gate_unseen(self.row, chart, situation),
                    *unseen(self.row, chart, self.row.unless),
                    *list_gaps(chart, self.row.id, MEDICATION_SOURCES),
                )
            )
            tier, because = fitting_tier(self.row, chart, situation)
            if doubts:
                yield from doubts
            elif tier is not None:
                yield self.row.finding(
                    tier,
                    names={"drug": self.drugs.name_in(subject.therapy)},
                    orders=(order,),
                    evidence=(Evidence(chart.patient.reference, f"{age} years, {chart.patient.sex}"), *because),
                    found=(shown(subject.therapy),),
                )
