"""Why a rule spoke, or did not."""

from __future__ import annotations

import msgspec

from cds_service.clinical.chart import Chart
from cds_service.clinical.explain import Explained, explain
from cds_service.knowledge.cases import Case, chart_of, load_cases
from cds_service.knowledge.loader import Knowledge

CASES = load_cases()


def case(rule: str, about: str) -> Case:
    (found,) = (case for case in CASES if case.rule == rule and case.about == about)
    return found


def of(knowledge: Knowledge, chart: Chart, rule: str) -> Explained:
    (found,) = (each for each in explain(knowledge.book, chart) if each.rule == rule)
    return found


def first(rule: str, expect: str) -> Chart:
    return chart_of(
        next(case for case in CASES if case.rule == rule and expect in case.expect and case.hook == "order-sign")
    )


def test_every_rule_is_told_once(knowledge: Knowledge) -> None:
    told = explain(knowledge.book, first("MTX-05", "MTX-05 warning"))
    assert sorted(each.rule for each in told) == sorted(entry.id for entry in knowledge.entries)


def test_a_rule_that_fires_tells_its_card_and_what_was_compared(knowledge: Knowledge) -> None:
    told = of(knowledge, first("MTX-05", "MTX-05 warning"), "MTX-05")
    (finding,) = told.findings
    assert (told.outcome, finding.severity) == ("fires", "warning")
    assert finding.summary == "Methotrexate without folic acid: supplementation needed"
    assert finding.orders
    assert [fact.fact for fact in told.facts] == ["methotrexate-oncology"]


def test_a_rule_that_was_asked_and_is_silent_tells_its_facts_and_limits(knowledge: Knowledge) -> None:
    told = of(knowledge, first("MTX-05", "MTX-05 warning"), "MTX-03")
    assert (told.outcome, told.findings) == ("clear", ())
    assert {fact.fact: fact.answer for fact in told.facts}["iim"] == "yes"
    assert told.limits == ("critical above 30", "warning above 25")


def test_a_rule_that_could_not_be_checked_tells_what_was_missing(knowledge: Knowledge) -> None:
    lacking = msgspec.structs.replace(
        first("MTX-05", "MTX-05 warning"), missing_sources=frozenset(("observations",)), results={}
    )
    told = of(knowledge, lacking, "MTX-07")
    assert (told.outcome, told.missing) == ("not-checked", ("results",))


def test_a_rule_that_another_silences_tells_by_which(knowledge: Knowledge) -> None:
    told = of(knowledge, chart_of(case("DEX-02", "eight days")), "DEX-03")
    assert (told.outcome, [finding.silenced_by for finding in told.findings]) == ("silenced", [("DEX-02",)])


def test_what_nothing_concerns_and_what_is_off_is_told_apart(knowledge: Knowledge) -> None:
    chart = first("MTX-05", "MTX-05 warning")
    assert of(knowledge, chart, "TAC-04").outcome == "not-concerned"
    assert of(knowledge, chart, "TAC-07").outcome == "other-hook"
    assert of(knowledge, chart, "AZA-02").outcome == "off"
