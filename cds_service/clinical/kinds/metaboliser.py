"""A drug that is dangerous to slow metabolisers: by the genes that break it down, and by the dose of a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

import msgspec

from ..chart import Chart, Result
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, history, list_gaps
from ..facts import conditions
from ..facts_disease import newest
from ..findings import Evidence, Finding, NotChecked
from ..remedy import DeleteDraft, Remedy
from ..results import dated, ordered_tests, result_gaps
from ..rule import Tier, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from .limit import DoseLimit
from .result import order_tests

Phenotype = Literal["poor", "intermediate", "normal"]
SLOWEST_FIRST: tuple[Phenotype, ...] = ("poor", "intermediate", "normal")
WORDS: dict[Phenotype, frozenset[str]] = {
    "poor": frozenset("poor deficient absent undetectable".split()),
    "intermediate": frozenset("intermediate intermediair intermediaire intermediär intermédiaire".split()),
    "normal": frozenset("normal extensive rapid ultrarapid normaal".split()),
}
"""What phenotypes and activities are called; where a result says several, the slowest counts."""


class Gene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gene: the results that tell its phenotype, its enzyme's activity, and the condition of those who lack it."""

    name: str
    phenotypes: tuple[str, ...]
    activity: str = ""
    deficiency: str = ""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a gene: how slow, as it is printed, and what shows it. `unclear`: there is a result, but it is not
    told what it means."""

    gene: str
    phenotype: Phenotype | None = None
    said: str = ""
    evidence: tuple[Evidence, ...] = ()
    unclear: bool = False


class SlowMetaboliser(DoseLimit, frozen=True, kw_only=True):
    """Fires for a poor metaboliser by one of the `genes` at any dose (case "poor"); for one who is intermediate by one
    gene, or by several, above the figure of that tier ("intermediate", "intermediate-both"), as a dose limit.

    Where no gene has any result, the first order ever has the case "missing", once; a test in the basket silences it. An
    activity that was measured at most `transfusion_days` days after one of `transfusions` is none. A result that does
    not say what it means is named. `alike` are drugs that the same enzymes break down: the limits are not theirs, and
    they are judged for a poor metaboliser alone.
    """

    genes: tuple[Gene, ...]
    alike: Drug
    transfusions: frozenset[str]
    transfusion_days: int
    tests: tuple[str, ...]

    PLACEHOLDERS = ("drug", "gene", "phenotype")
    CASES = ("poor", "intermediate", "intermediate-both", "missing")
    REMEDIES: ClassVar[tuple[str, ...]] = ("delete-draft", "order-tests")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.alike.concerns

    def longest_names(self) -> dict[str, str]:
        every = " and ".join(gene.name for gene in self.genes)
        drug = max(self.drugs.longest_name, self.alike.longest_name, key=len)
        return {"drug": drug, "gene": every, "phenotype": "intermediate metaboliser"}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        told: list[str] = []
        for verdict in super().verdicts(chart):
            if isinstance(verdict, Finding) and (verdict.severity == "info" or chart.hook == "patient-view"):
                if verdict.summary in told:
                    continue
                told.append(verdict.summary)
            yield verdict
        for subject in subjects(chart, self.alike):
            if not excluded(self.row, chart, subject.situation):
                found = [self.known(chart, gene) for gene in self.genes]
                yield from self.poor(chart, subject, found) or self.unseen(chart)

    def poor(self, chart: Chart, subject: Subject, found: list[Known]) -> tuple[Finding, ...]:
        """What is said to a poor metaboliser by any of the genes, at any dose."""
        poor = [each for each in found if each.phenotype == "poor"]
        tier, _ = fitting_tier(self.row, chart, subject.situation, case="poor")
        return (self.tell_of(subject, tier, poor, self.cancel(subject)),) if poor and tier is not None else ()

    def unseen(self, chart: Chart) -> tuple[NotChecked, ...]:
        """What is missing of the lists in which a slow metabolism would stand."""
        return tuple(dict.fromkeys((*result_gaps(chart, self.row.id), *self.gaps(chart))))

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        found = [self.known(chart, gene) for gene in self.genes]
        poor = self.poor(chart, subject, found)
        if poor:
            yield from poor
            return
        gaps = self.unseen(chart)
        yield from gaps
        slow = [each for each in found if each.phenotype == "intermediate"]
        if slow:
            yield from self.by_dose(chart, subject, slow)
        for each in found:
            if each.unclear:
                what = f"what the {each.gene} result means"
                yield NotChecked(self.row.id, what, order=subject.therapy.reference if subject.draft else "")
        if not gaps and all(each.phenotype is None and not each.unclear for each in found):
            yield from self.without_result(chart, subject)

    def by_dose(self, chart: Chart, subject: Subject, slow: list[Known]) -> Iterator[Verdict]:
        """What the dose limit says of an intermediate metaboliser."""
        case = "intermediate-both" if len(slow) > 1 else "intermediate"
        tier, _ = fitting_tier(self.row, chart, subject.situation, case=case)
        if tier is None:
            return
        summary = self.row.summary.format_map(self.names(subject, slow))
        row = msgspec.structs.replace(
            self.row, tiers=(msgspec.structs.replace(tier, case=""),), summary=summary, remedies=()
        )
        for verdict in DoseLimit.judge(msgspec.structs.replace(self, row=row), chart, subject):
            if isinstance(verdict, Finding):
                evidence = (*verdict.evidence, *(each for known in slow for each in known.evidence))
                yield msgspec.structs.replace(verdict, evidence=evidence)
            else:
                yield verdict

    def without_result(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What is said before the first order, where nobody looked."""
        asked = frozenset[str]().union(self.tests, *(gene.phenotypes for gene in self.genes))
        if history(chart, self.drugs) or not asked.isdisjoint(ordered_tests(chart)):
            return
        tier, _ = fitting_tier(self.row, chart, subject.situation, case="missing")
        if tier is None:
            return
        gaps = tuple(list_gaps(chart, self.row.id, MEDICATION_SOURCES))
        name = self.drugs.name_in(subject.therapy)
        remedies = (order_tests(self.tests, f"before {name}"),) if "order-tests" in self.row.remedies else ()
        yield from gaps or (self.tell_of(subject, tier, (), remedies),)

    def tell_of(self, subject: Subject, tier: Tier, found: Iterable[Known], remedies: tuple[Remedy, ...]) -> Finding:
        """The finding on some genes."""
        told = tuple(found)
        return self.row.finding(
            tier,
            names=self.names(subject, told),
            orders=(subject.therapy.reference,),
            evidence=(
                *(() if subject.draft else (evidence_of(subject.therapy),)),
                *(each for known in told for each in known.evidence),
            ),
            found=(shown(subject.therapy),),
            remedies=remedies,
        )

    def names(self, subject: Subject, found: Iterable[Known]) -> dict[str, str]:
        """The names in the wording; of several genes that say different things the first."""
        told = tuple(found)
        alike = [each for each in told if each.said == told[0].said]
        return {
            "drug": self.name_of(subject),
            "gene": " and ".join(each.gene for each in alike),
            "phenotype": told[0].said if told else "",
        }

    def name_of(self, subject: Subject) -> str:
        """How the drug of a subject is printed."""
        drug = self.drugs if self.drugs.covers(subject.therapy) else self.alike
        return drug.name_in(subject.therapy)

    def cancel(self, subject: Subject) -> tuple[Remedy, ...]:
        """Taking the draft back."""
        if subject.draft is None or "delete-draft" not in self.row.remedies:
            return ()
        name = self.name_of(subject)
        return (Remedy(f"Cancel this order of {name}", (DeleteDraft(subject.draft.reference),)),)

    def gaps(self, chart: Chart) -> Iterator[NotChecked]:
        """What is missing of the conditions; of the procedures where an activity was measured, for a transfusion."""
        yield from list_gaps(chart, self.row.id, ("conditions",))
        if any(dated(chart, (gene.activity,)) for gene in self.genes):
            yield from list_gaps(chart, self.row.id, ("procedures",))

    def known(self, chart: Chart, gene: Gene) -> Known:
        """What is known of a gene: by its phenotype, else by the activity; none at all and deficiency are poor."""
        told = [result for name in gene.phenotypes if (result := newest(chart, name)) is not None]
        clear = [(phenotype, result) for result in told if (phenotype := phenotype_of(result)) is not None]
        slowest = min(clear, key=lambda each: SLOWEST_FIRST.index(each[0]), default=None)
        activity = self.activity(chart, gene)
        deficient = conditions(chart, frozenset((gene.deficiency,)))
        if slowest is not None and slowest[0] == "poor":
            return known(gene, *slowest)
        if activity is not None and activity_of(activity) == "poor":
            evidence = Evidence(activity.reference, f"{gene.name} activity absent", activity.day)
            return Known(gene=gene.name, phenotype="poor", said="activity absent", evidence=(evidence,))
        if slowest is not None and (slowest[0] == "intermediate" or not deficient):
            return known(gene, *slowest)
        if deficient:
            return Known(gene=gene.name, phenotype="poor", said="deficiency", evidence=deficient)
        if activity is not None and (phenotype := activity_of(activity)) is not None:
            return known(gene, phenotype, activity)
        return Known(gene=gene.name, unclear=bool(told) or activity is not None)

    def activity(self, chart: Chart, gene: Gene) -> Result | None:
        """The newest activity that no transfusion falsifies."""
        given = [
            each.day
            for each in chart.procedures
            if each.done and each.day is not None and not self.transfusions.isdisjoint(each.concepts)
        ]
        for day, result in dated(chart, (gene.activity,)):
            if not any(0 <= (day - transfused).days <= self.transfusion_days for transfused in given):
                return result
        return None


def known(gene: Gene, phenotype: Phenotype, result: Result) -> Known:
    """What a result says of a gene."""
    said = f"{phenotype} metaboliser"
    evidence = Evidence(result.reference, f"{gene.name} {said}", result.day)
    return Known(gene=gene.name, phenotype=phenotype, said=said, evidence=(evidence,))


def phenotype_of(result: Result) -> Phenotype | None:
    """The phenotype that a result says in its own words; None where it says none."""
    said = set((result.text or result.word).replace(",", " ").replace(";", " ").split())
    return next((phenotype for phenotype in SLOWEST_FIRST if not said.isdisjoint(WORDS[phenotype])), None)


def activity_of(result: Result) -> Phenotype | None:
    """The phenotype that an enzyme's activity shows: by its words, else by its number against the laboratory's range.

    Nothing measured is poor, as is less than can be measured; below the range is intermediate. Without a range only
    nothing says anything.
    """
    said = phenotype_of(result)
    if said is not None:
        return said
    if result.value == 0 or result.comparator == "<":
        return "poor"
    if result.value is None or result.low is None:
        return None
    return "intermediate" if result.value < result.low else "normal"
