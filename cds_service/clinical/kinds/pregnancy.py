"""A drug that harms an unborn or a breastfed child."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..chart import Chart, Source
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import history, list_gaps, search
from ..facts import ask
from ..findings import NotChecked
from ..remedy import DeleteDraft, Remedy
from ..rule import Rule, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from .result import order_tests

LISTS: tuple[Source, ...] = ("conditions", "observations")
PERSONAL = ("date of birth", "sex")
"""What of the patient's own resource may be missing."""


class HarmsChild(Rule, frozen=True, kw_only=True):
    """Fires for a drug at the first tier whose facts hold; those of case "milder" speak of the drugs of `milder`.

    Case "first" is the first order ever of the drug where none of `contraception` is taken or drafted; its remedy is the
    order of `tests`. The remedy of the others takes the draft back.
    """

    drugs: Drug
    milder: Drug | None = None
    contraception: Drug | None = None
    tests: tuple[str, ...] = ()

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug",)
    CASES = ("", "milder", "first")
    REMEDIES: ClassVar[tuple[str, ...]] = ("delete-draft", "order-tests")

    @property
    def every(self) -> tuple[tuple[Drug, str], ...]:
        """The drugs, each with the case of its tiers."""
        return ((self.drugs, ""), *(((self.milder, "milder"),) if self.milder is not None else ()))

    @property
    def concerns(self) -> frozenset[str]:
        return frozenset[str]().union(*(drug.concerns for drug, _ in self.every))

    def longest_names(self) -> dict[str, str]:
        return {"drug": max((drug.longest_name for drug, _ in self.every), key=len)}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        told: set[str] = set()
        for drug, case in self.every:
            for subject in subjects(chart, drug):
                name = drug.name_in(subject.therapy)
                if excluded(self.row, chart, subject.situation) or (subject.draft is None and name in told):
                    continue
                told.add(name)
                yield from self.judge(chart, subject, drug, case)

    def judge(self, chart: Chart, subject: Subject, drug: Drug, case: str) -> Iterator[Verdict]:
        """What the rule says about one therapy."""
        remedies: list[Remedy] = []
        tier, because = fitting_tier(self.row, chart, subject.situation, case=case)
        if tier is None and case == "" and self.is_first(chart, drug, subject):
            tier, because = fitting_tier(self.row, chart, subject.situation, case="first")
            if tier is not None and "order-tests" in self.row.remedies:
                remedies.append(order_tests(self.tests, f"before {drug.name_in(subject.therapy)}"))
        elif tier is not None and "delete-draft" in self.row.remedies and subject.draft is not None:
            name = drug.name_in(subject.therapy)
            remedies.append(Remedy(f"Cancel this order of {name}", (DeleteDraft(subject.draft.reference),)))
        if tier is not None:
            yield self.row.finding(
                tier,
                names={"drug": drug.name_in(subject.therapy)},
                orders=(subject.therapy.reference,),
                evidence=(() if subject.draft else (evidence_of(subject.therapy),)) + because,
                found=(shown(subject.therapy),),
                remedies=tuple(remedies),
            )
        if tier is None or tier.case == "first":
            yield from self.unseen(chart, subject, case, first=tier is None and self.is_first(chart, drug, subject))

    def is_first(self, chart: Chart, drug: Drug, subject: Subject) -> bool:
        """Whether a draft begins the drug, and nothing is known to prevent a pregnancy."""
        if subject.draft is None or history(chart, drug):
            return False
        if self.contraception is None:
            return True
        taken = search(chart, self.contraception, rule=self.row.id, recent_days=None).found
        drafts = (draft.therapy for draft in chart.drafts if draft.therapy is not None)
        return not taken and not any(self.contraception.covers(draft) for draft in drafts)

    def unseen(self, chart: Chart, subject: Subject, case: str, *, first: bool) -> Iterator[NotChecked]:
        """What is missing where a fact of a tier that might hold is not known."""
        cases = (case, "first") if first else (case,)
        asked = [
            ask(chart, name, subject.situation)
            for tier in self.row.tiers
            if tier.case in cases and not (tier.hooks and chart.hook not in tier.hooks)
            for name in tier.when
        ]
        unknown = {fact.missing for fact in asked if fact.answer == "unknown"}
        for missing in PERSONAL:
            if missing in unknown:
                yield NotChecked(self.row.id, missing, order=subject.therapy.reference)
        if unknown.difference(PERSONAL):
            yield from list_gaps(chart, self.row.id, LISTS)
