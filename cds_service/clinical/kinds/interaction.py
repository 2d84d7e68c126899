"""A drug whose level others raise or lower: how strongly each of them does decides how severe it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..at_dose import DrugAtDose
from ..chart import Chart, DraftOrder
from ..earlier import present
from ..facts import Situation
from ..findings import Evidence, Finding, NotChecked
from ..remedy import Remedy
from ..results import ordered_tests
from ..rule import Tier, Verdict
from ..tiers import fitting_tier
from .combination import AvoidCombination
from .result import order_tests


class PartnerClass(DrugAtDose, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Partners that are alike, and the case of the tier that speaks of them."""

    case: str


class LevelInteraction(AvoidCombination, frozen=True, kw_only=True):
    """As its base; the tier is that of the first of `classes` that the partner surely is of. A dose that is not known, and
    that could have made it another class, is named beside the finding.

    The remedy takes a draft back where the finding is critical; else it orders `tests` for `test_reason`, unless the
    basket holds one of them, or of `tests_alike`, already.
    """

    classes: tuple[PartnerClass, ...]
    tests: tuple[str, ...] = ()
    tests_alike: tuple[str, ...] = ()
    test_reason: str = ""

    CASES: ClassVar[tuple[str, ...]] = ("contraindicated", "strong", "moderate")
    REMEDIES: ClassVar[tuple[str, ...]] = ("delete-draft", "order-tests")

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        found = False
        for verdict in super().verdicts(chart):
            found = found or isinstance(verdict, Finding)
            yield verdict
        if found:
            for each in self.classes:
                for therapy in present(chart, each.drugs, 0):
                    if each.holds(therapy) == "unknown":
                        order = therapy.reference if therapy.source == "draft" else ""
                        yield NotChecked(self.row.id, f"dose of {each.drugs.name_in(therapy)}", order=order)

    def tier(
        self, chart: Chart, situation: Situation, *, refill: bool = False
    ) -> tuple[Tier | None, tuple[Evidence, ...]]:
        pair = [therapy for therapy in (situation.partner, situation.therapy) if therapy is not None]
        partner = next(therapy for therapy in pair if self.partners.covers(therapy))
        case = next((each.case for each in self.classes if each.holds(partner) == "yes"), "")
        return fitting_tier(self.row, chart, situation, case=case, refill=refill) if case else (None, ())

    def remedies(self, chart: Chart, drafts: tuple[DraftOrder, ...], tier: Tier) -> tuple[Remedy, ...]:
        if tier.severity == "critical":
            return super().remedies(chart, drafts, tier)
        ordered = ordered_tests(chart)
        if "order-tests" not in self.row.remedies or not ordered.isdisjoint((*self.tests, *self.tests_alike)):
            return ()
        return (order_tests(self.tests, self.test_reason),)
