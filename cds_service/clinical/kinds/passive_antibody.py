"""An antibody that may be a donor's: found soon after an infusion of antibodies, it does not tell of the patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from .. import results
from ..chart import Chart, Result
from ..drugs import Drug
from ..evidence import shown
from ..exposure import MEDICATION_SOURCES, list_gaps
from ..facts_disease import name_of
from ..findings import NotChecked
from ..results import as_evidence, dated, newest_answer, ordered_tests, result_gaps
from ..rule import Rule, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from ..timeline import days_given
from .result import order_tests


class PassiveAntibody(Rule, frozen=True, kw_only=True):
    """Fires for an order of a drug where the newest of `core` is positive in a sample drawn at most `passive_days` days
    after a day of `antibodies`, that day included, while the newest of `surface` is negative and no sample drawn before
    the first of those days was positive. That there is no result of `surface` another rule says.

    The remedy orders `tests`, unless they are in the basket.
    """

    drugs: Drug
    surface: str
    core: str
    antibodies: Drug
    passive_days: int
    tests: tuple[str, ...]

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug",)
    REMEDIES: ClassVar[tuple[str, ...]] = ("order-tests",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        for subject in subjects(chart, self.drugs):
            if not excluded(self.row, chart, subject.situation):
                yield from self.judge(chart, subject)
                return

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What the rule says about the first order, on behalf of all."""
        gaps = tuple(result_gaps(chart, self.row.id))
        in_core, core = newest_answer(chart, (self.core,))
        if gaps or in_core != "yes" or core is None:
            yield from gaps
            return
        if not self.is_passive(chart, core):
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            return
        on_surface, surface = newest_answer(chart, (self.surface,))
        if on_surface == "unknown" and surface is not None:
            yield NotChecked(self.row.id, name_of(self.surface), order=subject.therapy.reference)
        if on_surface != "no" or surface is None:
            return
        tier, because = fitting_tier(self.row, chart, subject.situation)
        if tier is None:
            return
        name = self.drugs.name_in(subject.therapy)
        tests = tuple(test for test in self.tests if test not in ordered_tests(chart))
        offered = bool(tests) and "order-tests" in self.row.remedies
        yield self.row.finding(
            tier,
            names={"drug": name},
            orders=(subject.therapy.reference,),
            evidence=(as_evidence(core, name_of(self.core)), as_evidence(surface, name_of(self.surface)), *because),
            found=(shown(subject.therapy),),
            remedies=(order_tests(tests, f"before {name}"),) if offered else (),
        )

    def is_passive(self, chart: Chart, result: Result) -> bool:
        """Whether a positive result may be a donor's; one without a date is not."""
        days = [each.day for each in days_given(chart, self.antibodies) if each.draft is None]
        if result.day is None or not any(0 <= (result.day - day).days <= self.passive_days for day in days):
            return False
        earlier = (found for day, found in dated(chart, (self.core,)) if day < min(days))
        return not any(results.positive(found) == "yes" for found in earlier)
