"""What our own suggestions and words never contradict (CLINICAL C.3), line by line, and over every case of the knowledge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cds_service.clinical.chart import Chart
from cds_service.clinical.dose import Amount, Frequency, Step, steps
from cds_service.clinical.findings import Finding
from cds_service.clinical.judge import judge
from cds_service.clinical.kinds.limit import index_of
from cds_service.clinical.remedy import (
    Action,
    ChangeDosage,
    ChangeRoute,
    CreateMedication,
    CreateTests,
    DeleteDraft,
    Remedy,
    StepChange,
)
from cds_service.knowledge.cases import Case, chart_of, load_cases
from cds_service.knowledge.loader import Knowledge

CASES = load_cases()
PULSE = ({"drug": "methylprednisolone", "dose": "1000 mg", "take": "daily for 3 days", "route": "intravenous"},)
HIGH = ({"drug": "prednisolone", "dose": "20 mg", "take": "daily for 90 days"},)
WEEKLY = ({"drug": "methotrexate", "dose": "15 mg", "take": "weekly on mon"},)
CREATED = {
    "folic-acid",
    "calcium-carbonate",
    "cholecalciferol",
    "sulfamethoxazole",
    "trimethoprim",
    "atovaquone",
    "prednisone",
}
"""All that a suggestion may create as a medication (CLINICAL 0.6)."""


def findings(knowledge: Knowledge, **told: Any) -> list[Finding]:
    """What is said when these orders are signed, of the usual patient but for what is told."""
    case = msgspec.convert({"rule": "R", "shows": "fires", "about": "a", "hook": "order-sign", **told}, Case)
    return [each for finding in judge(knowledge.book, chart_of(case)) for each in finding.told]


def created(found: Iterable[Finding]) -> set[str]:
    """The ingredients of what their remedies create."""
    orders = [
        action
        for finding in found
        for remedy in finding.remedies
        for action in remedy.actions
        if isinstance(action, CreateMedication)
    ]
    return {name for order in orders for name in (order.ingredient, *(c.ingredient for c in order.contents)) if name}


def words(found: Iterable[Finding], rule: str) -> str:
    """All that the card of a rule says."""
    return " ".join(" ".join((each.summary, *each.why)) for each in found if each.rule == rule)


# Line by line


def test_1_folic_acid_is_never_proposed_beside_methotrexate_against_cancer(knowledge: Knowledge) -> None:
    drafts = [{"drug": "methotrexate", "dose": "1000 mg", "take": "once on day 0", "route": "intravenous"}]
    assert "folic-acid" in created(findings(knowledge, drafts=WEEKLY))
    assert "folic-acid" not in created(findings(knowledge, drafts=drafts))
    reasoned = [{**WEEKLY[0], "reason": "leukaemia"}]
    assert "folic-acid" not in created(findings(knowledge, drafts=reasoned))


@pytest.mark.parametrize("folate", ["folic-acid", "folinic-acid"])
def test_1_nor_beside_a_folate(knowledge: Knowledge, folate: str) -> None:
    taken = [{"drug": folate, "dose": "5 mg", "take": "weekly on tue"}]
    assert "folic-acid" not in created(findings(knowledge, drafts=WEEKLY, chart=taken))


SULFA = {"sulfamethoxazole", "trimethoprim"}


@pytest.mark.parametrize(
    "told",
    [
        {"chart": WEEKLY},
        {"drafts": [*HIGH, *WEEKLY]},
        {"besides": [{**WEEKLY[0], "since": 300, "until": 14}]},
        {"allergies": ["sulfonamide-class"]},
        {"allergies": ["trimethoprim"]},
        {"conditions": [{"concept": "dermatomyositis"}, {"concept": "pregnancy"}], "born": "1990-01-01"},
        {"results": [{"concept": "egfr-ckd-epi-2021-creatinine", "value": 29}]},
        {"results": [{"concept": "potassium", "value": Decimal("5.6")}]},
        {"conditions": [{"concept": "dermatomyositis"}, {"concept": "g6pd-deficiency"}]},
    ],
    ids=lambda told: next(iter(told)),
)
def test_2_co_trimoxazole_is_never_proposed_where_it_harms(knowledge: Knowledge, told: dict[str, Any]) -> None:
    assert created(findings(knowledge, drafts=HIGH)) >= SULFA
    found = findings(knowledge, **{"drafts": HIGH, **told})
    assert {finding.rule for finding in found} & {"PJP-01", "PJP-02"}
    assert created(found).isdisjoint(SULFA)


def test_2_in_its_place_atovaquone_is(knowledge: Knowledge) -> None:
    cotrimoxazole = {"drug": "sulfamethoxazole + trimethoprim", "dose": "480 mg"}
    found = findings(knowledge, drafts=[cotrimoxazole], chart=[*WEEKLY, {**HIGH[0], "since": 40}])
    assert "MTX-09" in {finding.rule for finding in found}
    assert created(found) & (SULFA | {"atovaquone"}) == {"atovaquone"}


def test_3_calcium_and_vitamin_d_are_never_proposed_in_hypercalcaemia(knowledge: Knowledge) -> None:
    bare = ["calcium-carbonate", "cholecalciferol"]
    assert "calcium-carbonate" in created(findings(knowledge, drafts=HIGH, without=bare))
    conditions = [{"concept": "dermatomyositis"}, {"concept": "hypercalcaemia"}]
    assert "calcium-carbonate" not in created(findings(knowledge, drafts=HIGH, without=bare, conditions=conditions))


def test_4_prednisone_after_a_pulse_is_at_most_80_mg(knowledge: Knowledge) -> None:
    heavy = [{"concept": "body-weight", "value": 120}]
    doses = [
        action.dose
        for finding in findings(knowledge, drafts=PULSE, results=heavy)
        if finding.rule == "MPS-03"
        for remedy in finding.remedies
        for action in remedy.actions
        if isinstance(action, CreateMedication)
    ]
    assert sorted(doses) == [40, 60, 80]  # 1 mg/kg would be 120


def test_4_and_not_proposed_where_a_glucocorticoid_is_taken_already(knowledge: Knowledge) -> None:
    taken = [{"drug": "dexamethasone", "dose": "4 mg", "since": 300}]
    assert "prednisone" not in created(findings(knowledge, drafts=PULSE, chart=taken))


def test_5_febuxostat_is_named_as_no_way_out(knowledge: Knowledge) -> None:
    drafts = [{"drug": "azathioprine", "dose": "100 mg"}]
    said = words(findings(knowledge, drafts=drafts, chart=[{"drug": "allopurinol", "dose": "300 mg"}]), "AZA-04")
    assert "advise against febuxostat" in said
    assert said.count("febuxostat") == 1


def test_6_what_is_named_instead_of_methotrexate_is_no_danger_of_its_own(knowledge: Knowledge) -> None:
    lungs = [{"concept": "dermatomyositis"}, {"concept": "interstitial-lung-disease"}]
    assert "azathioprine" not in words(findings(knowledge, drafts=WEEKLY, conditions=lungs), "MTX-06").lower()
    child = [{"concept": "dermatomyositis"}, {"concept": "pregnancy"}]
    said = words(findings(knowledge, drafts=WEEKLY, conditions=child, born="1990-01-01"), "MTX-08").lower()
    assert said
    for harmful in ("mycophenolate", "cyclophosphamide", "tofacitinib", "baricitinib", "jak"):
        assert harmful not in said


def test_7_a_switch_of_mycophenolate_has_its_ratio_and_its_cap(knowledge: Knowledge) -> None:
    drafts = [{"drug": "mycophenolic-acid", "dose": "720 mg", "take": "2 times daily"}]
    said = words(
        findings(
            knowledge,
            drafts=drafts,
            chart=[{"drug": "mycophenolate-mofetil", "dose": "1000 mg", "take": "2 times daily"}],
        ),
        "MPA-03",
    )
    assert "about 1000 mg of CellCept corresponds to 720 mg of Myfortic" in said
    assert "at most 720 mg of Myfortic twice daily" in said


def test_9_other_ways_to_lower_cholesterol_are_words_alone(knowledge: Knowledge) -> None:
    statins = [case for case in CASES if case.rule == "STAT-01" and case.expect]
    assert statins
    for case in statins:
        found = [each for finding in judge(knowledge.book, chart_of(case)) for each in finding.told]
        assert not created(finding for finding in found if finding.rule == "STAT-01")


def test_11_a_child_is_proposed_no_dose_of_an_adult(knowledge: Knowledge) -> None:
    for drafts in (HIGH, PULSE):
        found = findings(knowledge, drafts=drafts, born="2012-01-01", without=["calcium-carbonate", "cholecalciferol"])
        assert created(found) == set()


# Over every case


def every_remedy(knowledge: Knowledge) -> Iterator[tuple[Case, Chart, Finding, Remedy]]:
    for case in CASES:
        chart = chart_of(case)
        for finding in judge(knowledge.book.asking(case.rule), chart):
            for each in finding.told:
                yield from ((case, chart, each, remedy) for remedy in each.remedies)


def test_nothing_is_created_but_what_may_be(knowledge: Knowledge) -> None:
    assert {name for _, _, finding, _ in every_remedy(knowledge) for name in created([finding])} == CREATED


def test_8_only_drafts_are_changed_or_taken_back(knowledge: Knowledge) -> None:
    for case, chart, finding, remedy in every_remedy(knowledge):
        drafts = {draft.reference for draft in chart.drafts}
        for action in remedy.actions:
            if not isinstance(action, CreateMedication | CreateTests):
                assert action.order in drafts, (case.about, finding.rule)


def test_10_no_dose_is_ever_raised(knowledge: Knowledge) -> None:
    looked_at = 0
    for case, chart, finding, remedy in every_remedy(knowledge):
        for action in remedy.actions:
            for before, change in changed_steps(chart, action):
                looked_at += 1
                assert weekly_after(before, change) <= weekly_before(before), (case.about, finding.rule)
    assert looked_at > 50


def changed_steps(chart: Chart, action: Action) -> Iterator[tuple[Step, StepChange]]:
    """The steps that an action changes in dose or in number, where both are known in mg."""
    if not isinstance(action, ChangeDosage | ChangeRoute):
        return
    draft = next(draft for draft in chart.drafts if draft.reference == action.order)
    assert draft.therapy is not None
    by_index = {index_of(step): step for step in steps(draft.therapy.regimen(min(draft.therapy.ingredients)))}
    for change in action.steps:
        step = by_index[change.index]
        known = isinstance(step.dose, Amount) and step.dose.unit == "mg" and isinstance(step.frequency, Frequency)
        # A cycle that is spread over more days gives less on each of them, and as much in all.
        if known and change.days is None and not change.dates:
            yield step, change


def weekly_before(step: Step) -> Decimal:
    assert isinstance(step.dose, Amount) and isinstance(step.frequency, Frequency)
    return step.dose.high * step.frequency.per_week_high


def weekly_after(step: Step, change: StepChange) -> Decimal:
    assert isinstance(step.dose, Amount) and isinstance(step.frequency, Frequency)
    dose = change.dose if change.dose is not None else step.dose.high
    times = step.frequency.per_week_high
    if change.times is not None:
        times = Decimal(change.times) * (7 if change.period_unit == "d" else 1)
    return dose * times


def test_10_no_cycle_of_immunoglobulin_is_cut_to_a_replacement_dose(knowledge: Knowledge) -> None:
    for _, _, finding, remedy in every_remedy(knowledge):
        if finding.rule.startswith("IVIG"):
            assert not re.search(r"0\.4 g/kg", remedy.label)


def test_every_remedy_says_in_its_label_what_is_taken_back_or_ordered(knowledge: Knowledge) -> None:
    for _, _, _, remedy in every_remedy(knowledge):
        if any(isinstance(action, DeleteDraft) for action in remedy.actions):
            assert re.match(r"(Cancel|Replace) ", remedy.label)
