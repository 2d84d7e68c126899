"""How often a drug is given on a day."""

from __future__ import annotations

from collections.abc import Iterator

from .. import dose
from ..chart import Chart
from ..dose import Amount, Unknown
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..findings import NotChecked
from ..rule import Rule, Verdict
from ..subjects import Subject, subjects
from ..tiers import age_gap, excluded, fitting_tier


class DosesPerDay(Rule, frozen=True, kw_only=True):
    """Fires where an order gives a drug more often on a day than the figure of a tier; at it, silent."""

    drugs: Drug

    PLACEHOLDERS = ("drug", "times")
    JUDGES_DOSE = True

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "times": "24"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for subject in subjects(chart, self.drugs):
            gap = age_gap(self.row, chart, subject.situation)
            if gap is not None:
                yield gap
            elif not excluded(self.row, chart, subject.situation):
                yield from self.judge(chart, subject)

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """One order."""
        therapy = subject.therapy
        name = self.drugs.name_in(therapy)
        frequency = dose.administrations_per_week(therapy.regimen())
        if isinstance(frequency, Unknown):
            yield NotChecked(self.row.id, f"how often {name} is taken", order=therapy.reference)
            return
        times = Amount(low=frequency.per_day_low, high=frequency.per_day_high, unit="1")
        tier, because = fitting_tier(self.row, chart, subject.situation, amount=times)
        if tier is not None:
            yield self.row.finding(
                tier,
                names={"drug": name, "times": dose.plain(times.high)},
                orders=(therapy.reference,),
                evidence=(() if subject.draft else (evidence_of(therapy),)) + because,
                found=(shown(therapy),),
            )
