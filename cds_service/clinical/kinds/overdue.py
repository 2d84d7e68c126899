"""A drug that is taken and whose level in blood was not looked at for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..chart import Chart
from ..drugs import Drug
from ..earlier import course_start
from ..evidence import evidence_of, shown
from ..facts_disease import gate_unseen
from ..remedy import Remedy
from ..results import dated, result_gaps
from ..rule import Rule, Verdict
from ..subjects import subjects
from ..tiers import excluded, fitting_tier
from .result import order_tests


class LevelOverdue(Rule, frozen=True, kw_only=True):
    """Fires for a drug that is being taken for more than `over_days` days, its renewals counted, where none of `levels`
    was measured in the last `within_days` days; at either figure it is silent. The remedy orders `tests`."""

    drugs: Drug
    levels: tuple[str, ...]
    over_days: int
    within_days: int
    tests: tuple[str, ...]

    PLACEHOLDERS = ("drug",)
    REMEDIES: ClassVar[tuple[str, ...]] = ("order-tests",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        subject = next(subjects(chart, self.drugs), None)
        if subject is None or excluded(self.row, chart, subject.situation):
            return
        if any((chart.as_of - day).days <= self.within_days for day, _ in dated(chart, self.levels)):
            return
        begun = course_start(chart, self.drugs)
        since = begun.start if begun is not None else None
        if since is None or (chart.as_of - since).days <= self.over_days:
            return
        gaps = (*result_gaps(chart, self.row.id), *gate_unseen(self.row, chart, subject.situation))
        if gaps:
            yield from dict.fromkeys(gaps)
            return
        tier, because = fitting_tier(self.row, chart, subject.situation)
        if tier is None:
            return
        name = self.drugs.name_in(subject.therapy)
        remedies: tuple[Remedy, ...] = ()
        if "order-tests" in self.row.remedies:
            remedies = (order_tests(self.tests, f"level of {name}"),)
        yield self.row.finding(
            tier,
            names={"drug": name},
            orders=(subject.therapy.reference,),
            evidence=(evidence_of(subject.therapy), *because),
            found=(shown(subject.therapy), f"taken since {since.isoformat()}"),
            remedies=remedies,
        )
