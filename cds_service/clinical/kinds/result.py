"""A drug that a laboratory result forbids or limits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from ..chart import Chart, Result
from ..drugs import Drug
from ..evidence import evidence_of
from ..evidence import shown as shown_therapy
from ..exposure import active, history, list_gaps
from ..facts import conditions
from ..findings import Evidence, NotChecked
from ..remedy import CreateTests, DeleteDraft, Remedy, name_of_test
from ..results import as_evidence, below, newest_number, ordered_tests, result_gaps, shown
from ..rule import Rule, Tier, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier


def order_tests(tests: tuple[str, ...], reason: str) -> Remedy:
    """A remedy that orders laboratory tests, named in its label."""
    names = [name_of_test(test) for test in tests]
    listed = " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
    return Remedy(f"Order {listed}", (CreateTests(tests, reason),))


def is_refill(chart: Chart, drug: Drug) -> bool:
    """Whether the drug is being taken already, an order that a draft replaces included."""
    return any(active(therapy, chart.as_of) == "yes" for therapy in history(chart, drug))


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """A further result, with the figure below which the first tier holds as well."""

    results: tuple[str, ...]
    measure: str
    below: Decimal


class ResultLimit(Rule, frozen=True, kw_only=True):
    """Fires where the newest of the `results` is below a tier's figure; at the figure it is silent.

    An abnormal result counts whatever its age, or where `value_days` is given at most so old; a normal one reassures at
    most `start_days` at a start and `refill_days` at a refill. Without one that reassures the tier of case "missing"
    speaks, or the check is named; a test in the basket silences either. One of `conditions` is the case "condition".
    """

    drugs: Drug
    results: tuple[str, ...]
    measure: str
    unit: str
    start_days: int
    refill_days: int
    value_days: int | None = None
    others: tuple[Other, ...] = ()
    conditions: frozenset[str] = frozenset()
    tests: tuple[str, ...] = ()

    PLACEHOLDERS = ("drug", "measure", "value", "condition")
    CASES = ("", "condition", "missing")
    REMEDIES: ClassVar[tuple[str, ...]] = ("delete-draft", "order-tests")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        longest = max((self.measure, *(other.measure for other in self.others)), key=len)
        return {
            "drug": self.drugs.longest_name,
            "measure": longest,
            "value": "<99.999",
            "condition": max((spoken(name) for name in self.conditions), key=len, default=""),
        }

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        told: set[str] = set()
        for subject in subjects(chart, self.drugs):
            name = self.drugs.name_in(subject.therapy)
            if excluded(self.row, chart, subject.situation) or (subject.draft is None and name in told):
                continue
            told.add(name)
            yield from self.judge(chart, subject)

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What the rule says about one therapy."""
        gaps = tuple(result_gaps(chart, self.row.id))
        if self.conditions:
            gaps += tuple(list_gaps(chart, self.row.id, ("conditions",)))
        finding = self.by_condition(chart, subject) or self.by_result(chart, subject)
        if finding is not None:
            yield finding
        yield from gaps
        if finding is not None or gaps or self.reassured(chart):
            return
        if ordered_tests(chart) & self.asked:
            return
        tier, _ = fitting_tier(self.row, chart, subject.situation, case="missing")
        if tier is not None:
            yield self.tell(subject, tier, measure=self.measure)
        elif not any(tier.case == "missing" for tier in self.row.tiers):
            yield NotChecked(self.row.id, self.measure, order=subject.therapy.reference if subject.draft else "")

    @property
    def asked(self) -> frozenset[str]:
        """Every result that would answer."""
        return frozenset(self.results).union(*(other.results for other in self.others))

    def reassured(self, chart: Chart) -> bool:
        """Whether a result that is not abnormal is new enough; every one of `others` must be too where it is there."""
        days = self.refill_days if is_refill(chart, self.drugs) else self.start_days
        newest = newest_number(chart, self.results)
        if newest.found is None or not newest.within(days):
            return False
        figures = [tier.below for tier in self.row.tiers if tier.case == "" and tier.below is not None]
        return all(below(newest.found, figure) != "unknown" for figure in figures)

    def by_condition(self, chart: Chart, subject: Subject) -> Verdict | None:
        """The finding for a condition that settles the question without a result."""
        found = [c for c in chart.conditions if c.current and not self.conditions.isdisjoint(c.concepts)]
        if not found:
            return None
        tier, _ = fitting_tier(self.row, chart, subject.situation, case="condition")
        if tier is None:
            return None
        named = min(self.conditions & found[0].concepts, key=lambda concept: (-len(concept), concept))
        return self.tell(
            subject, tier, condition=spoken(named), evidence=conditions(chart, self.conditions), measure=self.measure
        )

    def by_result(self, chart: Chart, subject: Subject) -> Verdict | None:
        """The finding for an abnormal result."""
        newest = newest_number(chart, self.results)
        recent = self.value_days is None or newest.days <= self.value_days
        if newest.found is not None and recent:
            for tier in self.row.tiers:
                if tier.case == "" and tier.below is not None and below(newest.found, tier.below) == "yes":
                    return self.with_result(chart, subject, tier, newest.found, newest.days, self.measure)
        for other in self.others:
            found = newest_number(chart, other.results)
            recent = self.value_days is None or found.days <= self.value_days
            if found.found is not None and recent and below(found.found, other.below) == "yes":
                return self.with_result(chart, subject, self.row.tiers[0], found.found, found.days, other.measure)
        return None

    def with_result(
        self, chart: Chart, subject: Subject, wanted: Tier, result: Result, days: int, measure: str
    ) -> Verdict | None:
        """The finding of a tier, where its hooks and facts let it speak."""
        only = msgspec.structs.replace(self.row, tiers=(wanted,))
        tier, because = fitting_tier(only, chart, subject.situation)
        if tier is None:
            return None
        window = self.refill_days if is_refill(chart, self.drugs) else self.start_days
        return self.tell(
            subject,
            tier,
            measure=measure,
            value=shown(result),
            evidence=(as_evidence(result, measure, self.unit), *because),
            caveats=(f"the {measure} is {days} days old",) if days > window else (),
        )

    def tell(
        self,
        subject: Subject,
        tier: Tier,
        *,
        measure: str,
        value: str = "",
        condition: str = "",
        evidence: tuple[Evidence, ...] = (),
        caveats: tuple[str, ...] = (),
    ) -> Verdict:
        therapy, name = subject.therapy, self.drugs.name_in(subject.therapy)
        remedies: list[Remedy] = []
        if tier.severity == "critical" and subject.draft is not None and "delete-draft" in self.row.remedies:
            remedies.append(Remedy(f"Cancel this order of {name}", (DeleteDraft(subject.draft.reference),)))
        if tier.case == "missing" and "order-tests" in self.row.remedies and self.tests:
            remedies.append(order_tests(self.tests, f"before {name}"))
        return self.row.finding(
            tier,
            names={"drug": name, "measure": measure, "value": value, "condition": condition},
            orders=(therapy.reference,),
            evidence=(*evidence, *(() if subject.draft else (evidence_of(therapy),))),
            found=(shown_therapy(therapy),),
            caveats=caveats,
            remedies=tuple(remedies),
        )


def spoken(concept: str) -> str:
    """A concept as it is said: "ckd-stage-4" is CKD stage 4."""
    words = concept.replace("-", " ").replace(" or ", "/")
    return f"CKD{words[3:]}" if words.startswith("ckd") else words
