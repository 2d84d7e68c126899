"""A drug that a laboratory result forbids or limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from ..chart import Chart, Source
from ..drugs import Drug
from ..evidence import evidence_of
from ..evidence import shown as shown_therapy
from ..exposure import active, history, list_gaps
from ..facts import conditions
from ..findings import Evidence, Finding, NotChecked
from ..remedy import CreateTests, DeleteDraft, Remedy, name_of_test
from ..results import Newest, as_evidence, below, newest_number, ordered_tests, result_gaps, shown
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


class Other(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further result, with the figure below which the first tier holds as well."""

    results: tuple[str, ...]
    measure: str
    below: Decimal


class NamedCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition that settles the question without a result, as it is printed."""

    concept: str
    name: str


class ResultLimit(Rule, frozen=True, kw_only=True):
    """Fires where the newest of the `results` is below a tier's figure; at the figure it is silent.

    One of `others` below its own figure is as much as the first tier. An abnormal result counts whatever its age, or
    where `value_days` is given at most so old; a normal one reassures for `start_days`, at a refill for `refill_days`
    where they are given. Without one that reassures the tier of case "missing" speaks, or the check is named; a test in the
    basket silences either. The first of `conditions` that is current is the case "condition", whatever the results, as
    is one of `procedures`, printed as `procedure_name`, of the last `procedure_days` days.
    """

    drugs: Drug
    results: tuple[str, ...]
    measure: str
    unit: str
    start_days: int
    refill_days: int | None = None
    value_days: int | None = None
    others: tuple[Other, ...] = ()
    conditions: tuple[NamedCondition, ...] = ()
    procedures: frozenset[str] = frozenset()
    procedure_name: str = ""
    procedure_days: int = 0
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
            "condition": max((self.procedure_name, *(each.name for each in self.conditions)), key=len),
        }

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        told: set[str] = set()
        for subject in subjects(chart, self.drugs):
            if excluded(self.row, chart, subject.situation):
                continue
            for verdict in self.judge(chart, subject):
                if isinstance(verdict, Finding) and (verdict.severity == "info" or subject.draft is None):
                    if verdict.summary in told:
                        continue
                    told.add(verdict.summary)
                yield verdict

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What the rule says about one therapy."""
        finding = self.by_condition(chart, subject) or self.by_result(chart, subject)
        if finding is not None:
            yield finding
            if finding.severity == "critical":
                return
        gaps = tuple(dict.fromkeys((*result_gaps(chart, self.row.id), *self.gaps(chart, subject))))
        yield from gaps
        if finding is None and not gaps and not self.reassured(chart, subject):
            yield from self.without_result(chart, subject)

    def gaps(self, chart: Chart, subject: Subject) -> tuple[NotChecked, ...]:
        """What is missing of the lists beside that of the results; that of the procedures where no result reassures."""
        sources: tuple[Source, ...] = ("conditions",) if self.conditions else ()
        if self.procedures and not self.reassured(chart, subject):
            sources += ("procedures",)
        return tuple(list_gaps(chart, self.row.id, sources)) if sources else ()

    def without_result(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What is said where nothing reassures."""
        if not self.asked.isdisjoint(ordered_tests(chart)):
            return
        tier, _ = fitting_tier(self.row, chart, subject.situation, case="missing")
        if tier is not None:
            yield self.tell(
                subject, tier, measure=self.measure, caveats=self.caveats(chart), tests=self.wanted_tests(chart)
            )
        elif not any(tier.case == "missing" for tier in self.row.tiers):
            yield NotChecked(self.row.id, self.measure, order=subject.therapy.reference if subject.draft else "")

    @property
    def asked(self) -> frozenset[str]:
        """Every result that would answer."""
        return frozenset(self.results).union(*(other.results for other in self.others))

    def reassured(self, chart: Chart, subject: Subject) -> bool:
        """Whether a result that is surely not abnormal is new enough."""
        days = self.window(chart)
        figures = [tier.below for tier in self.row.tiers if tier.case == "" and tier.below is not None]
        asked = [(self.results, figures), *((other.results, [other.below]) for other in self.others)]
        return any(is_clear(newest_number(chart, concepts), days, limits) for concepts, limits in asked)

    def window(self, chart: Chart) -> int:
        """For how many days a normal result reassures."""
        days = self.refill_days
        return days if days is not None and is_refill(chart, self.drugs) else self.start_days

    def wanted_tests(self, chart: Chart) -> tuple[str, ...]:
        """The tests that are offered where a result is missing."""
        return self.tests if "order-tests" in self.row.remedies else ()

    def caveats(self, chart: Chart) -> tuple[str, ...]:
        """What is wrong with a newer result whose number cannot be used."""
        newest = newest_number(chart, self.results)
        return (newest.unreadable.problem or "the result has no number",) if newest.unreadable is not None else ()

    def by_condition(self, chart: Chart, subject: Subject) -> Finding | None:
        """The finding for a condition that settles the question without a result."""
        tier, _ = fitting_tier(self.row, chart, subject.situation, case="condition")
        if tier is None:
            return None
        for each in self.conditions:
            evidence = conditions(chart, frozenset((each.concept,)))
            if evidence:
                return self.tell(subject, tier, measure=self.measure, condition=each.name, evidence=evidence)
        done = tuple(
            Evidence(each.reference, each.label, each.day)
            for each in chart.procedures
            if each.done and not self.procedures.isdisjoint(each.concepts) and self.lately(chart, each.day)
        )
        if not done:
            return None
        return self.tell(subject, tier, measure=self.measure, condition=self.procedure_name, evidence=done)

    def lately(self, chart: Chart, day: dt.date | None) -> bool:
        """Whether a day is one of the last `procedure_days`."""
        return day is not None and 0 <= (chart.as_of - day).days <= self.procedure_days

    def by_result(self, chart: Chart, subject: Subject) -> Finding | None:
        """The finding for an abnormal result, by the first tier that may speak."""
        newest = self.counted(chart, self.results)
        for tier in self.row.tiers:
            if newest.found is None or tier.case or tier.below is None or below(newest.found, tier.below) != "yes":
                continue
            told = self.with_result(chart, subject, tier, newest, self.measure)
            if told is not None:
                return told
        for other in self.others:
            found = self.counted(chart, other.results)
            if found.found is not None and below(found.found, other.below) == "yes":
                return self.with_result(chart, subject, self.row.tiers[0], found, other.measure)
        return None

    def counted(self, chart: Chart, concepts: tuple[str, ...]) -> Newest:
        """The newest of some results, where it is new enough to count."""
        newest = newest_number(chart, concepts)
        return newest if self.value_days is None or newest.days <= self.value_days else Newest()

    def with_result(self, chart: Chart, subject: Subject, wanted: Tier, newest: Newest, measure: str) -> Finding | None:
        """The finding of a tier, where its hooks and facts let it speak; of an old result a new one is offered."""
        only = msgspec.structs.replace(self.row, tiers=(wanted,))
        tier, because = fitting_tier(only, chart, subject.situation)
        if tier is None or newest.found is None:
            return None
        old = newest.days > self.window(chart)
        return self.tell(
            subject,
            tier,
            measure=measure,
            value=shown(newest.found),
            evidence=(as_evidence(newest.found, measure, self.unit), *because),
            caveats=((f"the {measure} is {newest.days} days old",) if old else ()) + self.caveats(chart),
            tests=self.wanted_tests(chart) if old and subject.draft else (),
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
        tests: tuple[str, ...] = (),
    ) -> Finding:
        """The finding about a therapy."""
        therapy, name = subject.therapy, self.drugs.name_in(subject.therapy)
        remedies: list[Remedy] = []
        if tier.severity == "critical" and subject.draft is not None and "delete-draft" in self.row.remedies:
            remedies.append(Remedy(f"Cancel this order of {name}", (DeleteDraft(subject.draft.reference),)))
        if tests:
            remedies.append(order_tests(tests, f"before {name}"))
        return self.row.finding(
            tier,
            names={"drug": name, "measure": measure, "value": value, "condition": condition},
            orders=(therapy.reference,),
            evidence=(*evidence, *(() if subject.draft else (evidence_of(therapy),))),
            found=(shown_therapy(therapy),),
            caveats=caveats,
            remedies=tuple(remedies),
        )


def is_clear(newest: Newest, days: int, figures: Iterable[Decimal]) -> bool:
    """Whether the newest result is at most so old and surely below none of the figures."""
    found = newest.found
    return found is not None and newest.within(days) and all(below(found, figure) == "no" for figure in figures)
