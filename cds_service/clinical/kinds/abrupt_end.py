"""A glucocorticoid that was taken for weeks and is to end without a taper."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from .. import dose
from ..chart import Chart
from ..dose import Amount, Unknown
from ..exposure import first_day, history, last_day, therapies_of
from ..rule import Verdict
from ..subjects import Subject
from ..therapy import Therapy
from ..tiers import fitting_tier
from .glucocorticoid import DailyGlucocorticoid


class AbruptEnd(DailyGlucocorticoid, frozen=True, kw_only=True):
    """Fires where a draft ends at a dose of at least `at_least_mg` a day, of the reference, after more than
    `more_than_days` days in all, orders before it counted that it follows within `gap_days`.

    At the days it is silent, at the dose it fires. Silent where its own steps fall, and where another order goes on after
    it or begins when it ends.
    """

    at_least_mg: Decimal
    more_than_days: int
    gap_days: int

    PLACEHOLDERS = ("drug", "amount")
    JUDGES_DOSE = False

    def judge(self, chart: Chart, subject: Subject, others: tuple[Therapy, ...]) -> Iterator[Verdict]:
        therapy = subject.therapy
        end = last_day(therapy, as_of=chart.as_of)
        if subject.draft is None or end is None:
            return
        levels = self.levels(chart, therapy)
        if isinstance(levels, Unknown):
            yield self.dose_unknown(therapy)
            return
        if any(later.high < earlier.high for earlier, later in itertools.pairwise(levels)):
            return
        days = (end - self.began(chart, therapy)).days + 1
        if levels[-1].high < self.at_least_mg or days <= self.more_than_days or self.goes_on(chart, therapy, end):
            return
        tier, because = fitting_tier(self.row, chart, subject.situation)
        if tier is not None:
            found = (f"{days} days in all",)
            yield self.tell(chart, tier, subject, amount=levels[-1].high, evidence=because, found=found)

    def drug_words(self, chart: Chart, therapy: Therapy) -> str:
        return self.drugs.name_in(therapy)

    def levels(self, chart: Chart, therapy: Therapy) -> list[Amount] | Unknown:
        """The dose a day on average of each phase of an order; no list is empty."""
        found: list[Amount] = []
        regimen = therapy.regimen(self.steroids.ingredient_of(therapy))
        for phase in regimen.phases:
            part = msgspec.structs.replace(regimen, phases=(phase,))
            amount = self.steroids.equivalent(chart, therapy, dose.average_daily_amount, part)
            if isinstance(amount, Unknown):
                return amount
            found.append(amount)
        return found or Unknown(reason="the order says nothing about its dosage")

    def began(self, chart: Chart, therapy: Therapy) -> dt.date:
        """The first day of the course that the draft ends."""
        start = first_day(therapy, chart.as_of)
        earlier = [
            (other.start, last_day(other) or chart.as_of)
            for other in history(chart, self.drugs)
            if other.source != "administration" and other.start is not None and not self.steroids.is_pulse(chart, other)
        ]
        for begin, last in sorted(earlier, reverse=True):
            if begin < start and (start - last).days <= self.gap_days:
                start = begin
        return start

    def goes_on(self, chart: Chart, therapy: Therapy, end: dt.date) -> bool:
        """Whether another order of a glucocorticoid is still taken after the draft's last day."""
        drafted = [draft.therapy for draft in chart.drafts if draft.therapy is not None]
        charted = [other for other in therapies_of(chart, self.drugs) if other.status == "active"]
        return any(
            (last := last_day(other, as_of=chart.as_of)) is None or last > end
            for other in (*drafted, *charted)
            if other is not therapy and other.source != "administration" and self.drugs.covers(other)
        )
