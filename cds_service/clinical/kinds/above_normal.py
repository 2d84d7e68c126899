"""A drug that is not given while a result is several times its upper limit of normal, if nothing else explains that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import ClassVar

import msgspec

from ..chart import Chart, Result
from ..drugs import Drug
from ..evidence import shown as shown_therapy
from ..exposure import Answer, list_gaps
from ..facts import conditions
from ..findings import Evidence, Finding, NotChecked
from ..results import above, as_evidence, dated, newest_number, number, ordered_tests, result_gaps
from ..rule import Rule, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from .result import NamedCondition


class TimesNormal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result, and how many `times` its upper limit of normal are too much.

    That limit is the laboratory's. A result without it is judged by `limits`, the least and the most that it could be:
    it is too much only by the most, and surely not too much only by the least.
    """

    results: tuple[str, ...]
    name: str
    unit: str
    times: Decimal
    limits: tuple[Decimal, Decimal]

    def exceeded(self, result: Result) -> Answer:
        """Whether a number is strictly above so many times its limit."""
        if result.high is not None and result.high > 0:
            return above(result, result.high * self.times)
        least, most = self.limits
        if above(result, most * self.times) == "yes":
            return "yes"
        return "no" if above(result, least * self.times) == "no" else "unknown"

    def on(self, chart: Chart, day: dt.date) -> Answer:
        """Whether any result of a day exceeds; no where there is none."""
        answers = [self.exceeded(result) for when, result in dated(chart, self.results) if when == day]
        return "yes" if "yes" in answers else "unknown" if "unknown" in answers else "no"


class ResultAboveNormal(Rule, frozen=True, kw_only=True):
    """Fires where the newest of a measure of the last `within_days` days exceeds so many times its upper limit.

    It does not where `masked_by` exceeds its own on the same day: the result then comes from elsewhere. One of
    `conditions` that is current is the case "condition". Where no measure has a result the check is named, and where
    the limit decides and is not known.
    """

    drugs: Drug
    measures: tuple[TimesNormal, ...]
    masked_by: TimesNormal
    within_days: int
    conditions: tuple[NamedCondition, ...] = ()

    PLACEHOLDERS = ("drug", "measure", "condition")
    CASES: ClassVar[tuple[str, ...]] = ("", "condition")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {
            "drug": self.drugs.longest_name,
            "measure": max((each.name for each in self.measures), key=len),
            "condition": max((each.name for each in self.conditions), key=len, default=""),
        }

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        asked = [each for each in subjects(chart, self.drugs) if not excluded(self.row, chart, each.situation)]
        if asked:
            yield from self.judge(chart, asked)

    def judge(self, chart: Chart, asked: Sequence[Subject]) -> Iterator[Verdict]:
        """What the rule says about the orders, all of them together."""
        found = [self.found(chart, measure) for measure in self.measures]
        high = [each for each in found if isinstance(each, Result)]
        finding = self.by_result(chart, asked[0], high) or self.by_condition(chart, asked[0])
        if finding is not None:
            orders = tuple(each.therapy.reference for each in asked)
            told = tuple(shown_therapy(each.therapy) for each in asked)
            yield msgspec.structs.replace(finding, orders=orders, found=(*told, *finding.found))
            return
        gaps = tuple(dict.fromkeys((*result_gaps(chart, self.row.id), *list_gaps(chart, self.row.id, ("conditions",)))))
        yield from gaps
        order = asked[0].therapy.reference
        unsure = tuple(each for each in found if isinstance(each, str) and each)
        for what in dict.fromkeys(unsure):
            yield NotChecked(self.row.id, what, order=order)
        tests = frozenset[str]().union(*(measure.results for measure in self.measures))
        if not gaps and not unsure and all(each == "" for each in found) and tests.isdisjoint(ordered_tests(chart)):
            yield NotChecked(self.row.id, " or ".join(measure.name for measure in self.measures), order=order)

    def found(self, chart: Chart, measure: TimesNormal) -> Result | str | None:
        """The result that is too much; None where it surely is not; what is not known, "" where there is no result."""
        newest = newest_number(chart, measure.results)
        if newest.unreadable is not None:
            return measure.name
        result = newest.found
        if result is None or result.day is None or newest.days > self.within_days:
            return ""
        exceeded, masked = measure.exceeded(result), self.masked_by.on(chart, result.day)
        if exceeded == "no" or masked == "yes":
            return None
        if exceeded == "unknown":
            return f"the upper limit of {measure.name}"
        return f"the upper limit of {self.masked_by.name}" if masked == "unknown" else result

    def by_result(self, chart: Chart, subject: Subject, high: Iterable[Result]) -> Finding | None:
        """The finding on results that are too high."""
        told = tuple(high)
        tier, because = fitting_tier(self.row, chart, subject.situation)
        if not told or tier is None:
            return None
        names = {concept: measure for measure in self.measures for concept in measure.results}
        limits = tuple(
            f"{names[each.concept].name}: upper limit {number(each.high)} {names[each.concept].unit}"
            for each in told
            if each.high is not None
        )
        evidence = tuple(as_evidence(each, names[each.concept].name, names[each.concept].unit) for each in told)
        return self.row.finding(
            tier,
            names={
                "drug": self.drugs.name_in(subject.therapy),
                "measure": names[told[0].concept].name,
                "condition": "",
            },
            orders=(subject.therapy.reference,),
            evidence=(*evidence, *because),
            found=limits,
            caveats=tuple(
                f"{names[each.concept].name} came without an upper limit" for each in told if each.high is None
            ),
        )

    def by_condition(self, chart: Chart, subject: Subject) -> Finding | None:
        """The finding on a condition."""
        tier, _ = fitting_tier(self.row, chart, subject.situation, case="condition")
        evidence: tuple[Evidence, ...] = ()
        for each in self.conditions:
            evidence = conditions(chart, frozenset((each.concept,)))
            if evidence and tier is not None:
                return self.row.finding(
                    tier,
                    names={"drug": self.drugs.name_in(subject.therapy), "measure": "", "condition": each.name},
                    orders=(subject.therapy.reference,),
                    evidence=evidence,
                )
        return None
