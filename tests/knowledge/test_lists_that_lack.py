"""Never falsely safe: where a list that could not be had would have changed what a rule says, the rule is named.

Every case is judged with all lists, and again without each list that a request may lack, at each hook of its rule. What
the rules say may differ only where they say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

import msgspec
import pytest

from cds_service.clinical.chart import Chart, Source
from cds_service.clinical.exposure import SOURCE_NAMES
from cds_service.clinical.findings import SEVERITY_ORDER
from cds_service.clinical.judge import Rulebook, judge
from cds_service.clinical.therapy import TherapySource
from cds_service.knowledge.cases import Case, chart_of, load_cases
from cds_service.knowledge.loader import Knowledge

OPTIONAL = tuple(s for s in get_args(Source) if s not in ("patient", "conditions", "medicationRequests"))
"""Without one of the other three there is no answer at all (412)."""
THERAPIES: dict[Source, TherapySource] = {
    "medicationStatements": "statement",
    "medicationAdministrations": "administration",
}
TOLD_BESIDE = {"MTX-11"}
"""Told in the words of the card of unmade checks, which has one finding only (CLINICAL 0.8)."""
ONLY_SEEN_THERE = {(rule, "medicationAdministrations") for rule in ("MPS-03", "RTX-07", "SEQ-06")}
"""When a chart is opened a drug that nothing else tells of concerns no rule."""


def without(chart: Chart, source: Source) -> Chart:
    """The chart as it is where a list could not be had."""
    lacking = msgspec.structs.replace(chart, missing_sources=chart.missing_sources | {source})
    if source in THERAPIES:
        left = {name: [t for t in found if t.source != THERAPIES[source]] for name, found in chart.therapies.items()}
        therapies = {name: tuple(found) for name, found in left.items() if found}
        return msgspec.structs.replace(lacking, therapies=therapies)
    if source == "observations":
        return msgspec.structs.replace(lacking, results={})
    if source == "encounter":
        return msgspec.structs.replace(lacking, encounter_class="")
    return msgspec.structs.replace(lacking, **{source: ()})


def said(book: Rulebook, chart: Chart) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """The highest severity of each rule that fires, and the unmade checks."""
    findings = judge(book, chart)
    fired: dict[str, str] = {}
    for each in (told for finding in findings for told in finding.told if told.outcome == "fires"):
        fired[each.rule] = min(fired.get(each.rule, "info"), each.severity, key=SEVERITY_ORDER.__getitem__)
    return fired, {(check.rule, check.missing) for finding in findings for check in finding.not_checked}


def hushed(knowledge: Knowledge, fired: Mapping[str, str]) -> set[str]:
    """Rules that those that fire silence."""
    silences = {rule.row.id: rule.row.silences for rule in knowledge.book.rules}
    return {name for rule in fired for silence in silences.get(rule, ()) for name in silence.rules}


def unsaid(case: Case, knowledge: Knowledge) -> Iterator[str]:
    """The rules that say something else without a list and do not name it.

    A critical finding needs no such remark: with the list it could only be less.
    """
    book = knowledge.book.asking(case.rule)
    hooks = next(entry.rule.row.hooks for entry in knowledge.entries if entry.id == case.rule)
    for hook in sorted(hooks):
        chart = msgspec.structs.replace(chart_of(case), hook=hook)
        whole, _ = said(book, chart)
        for source in OPTIONAL:
            if source in chart.missing_sources:
                continue
            lacking, named = said(book, without(chart, source))
            quiet = hushed(knowledge, whole) | hushed(knowledge, lacking) | TOLD_BESIDE
            for rule in sorted((whole.keys() | lacking.keys()) - quiet):
                before, after = whole.get(rule, "nothing"), lacking.get(rule, "nothing")
                excused = after == "critical" or (hook == "patient-view" and (rule, source) in ONLY_SEEN_THERE)
                if before != after and not excused and (rule, SOURCE_NAMES[source]) not in named:
                    yield f"{hook}: {rule} says {before}, and without {source} {after}"


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: f"{case.rule}: {case.about}")
def test_a_rule_that_says_something_else_without_a_list_names_it(case: Case, knowledge: Knowledge) -> None:
    assert list(unsaid(case, knowledge)) == []
