"""Facts about the chart: yes with evidence, no where a complete record does not hold it, else unknown."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical.chart import Answer, Chart, DraftOrder, Fact, Result
from cds_service.clinical.dose import Amount, DoseUnit
from cds_service.clinical.facts import FACTS, IIM, Situation, ask, latest_result
from cds_service.clinical.findings import Evidence
from cds_service.clinical.therapy import RouteClass

from .charts import amount, chart, condition, daily, day, draft, therapy, unread, weight


def answer(name: str, held: Chart, situation: Situation | None = None) -> Answer:
    return ask(held, name, situation or Situation()).answer


def for_reason(*reasons: str) -> Situation:
    order = draft("x", reasons=reasons)
    return Situation(draft=order, therapy=order.therapy)


def test_every_fact_answers_about_an_empty_chart() -> None:
    for name in FACTS:
        fact = ask(chart(), name)
        assert fact.answer in ("no", "unknown")
        assert (fact.answer == "unknown") == bool(fact.missing), name


# Myositis


@pytest.mark.parametrize("concept", sorted(IIM))
def test_each_myositis_opens_the_gate_with_its_evidence(concept: str) -> None:
    assert ask(chart(conditions=[condition(concept)]), "iim") == Fact(
        "yes", (Evidence("Condition/c1", "c", day(-300)),)
    )


def test_a_myositis_in_remission_opens_it_and_a_resolved_one_does_not() -> None:
    assert answer("iim", chart(conditions=[condition("dermatomyositis", remission=True)])) == "yes"
    assert answer("iim", chart(conditions=[condition("dermatomyositis", current=False)])) == "no"


def test_the_reason_of_the_order_opens_it_too() -> None:
    assert answer("iim", chart(), for_reason("polymyositis")) == "yes"
    assert answer("iim", chart(), for_reason("rheumatoid-arthritis")) == "no"


def test_conditions_that_could_not_be_had_or_read_leave_it_unknown() -> None:
    assert ask(chart(missing=["conditions"]), "iim") == Fact("unknown", missing="conditions")
    assert ask(chart(lost=[unread("conditions.entry[0]", "conditions")]), "iim") == Fact(
        "unknown", missing="conditions"
    )
    assert answer("iim", chart(missing=["allergies"], lost=[unread("x", "allergies")])) == "no"


def test_what_is_seen_counts_although_another_condition_could_not_be_read() -> None:
    held = chart(conditions=[condition("dermatomyositis")], lost=[unread("conditions.entry[0]", "conditions")])
    assert answer("iim", held) == "yes"


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (("rheumatoid-arthritis",), "yes"),
        (("multiple-sclerosis", "x"), "yes"),
        (("rheumatoid-arthritis", "dermatomyositis"), "no"),
        (("dermatomyositis",), "no"),
        (("x",), "no"),
        ((), "no"),
    ],
)
def test_another_indication_must_be_stated_by_the_order(reasons: tuple[str, ...], expected: Answer) -> None:
    assert answer("other-indication", chart(), for_reason(*reasons)) == expected


def test_another_disease_on_the_chart_is_no_other_indication() -> None:
    held = chart(conditions=[condition("rheumatoid-arthritis")])
    assert answer("other-indication", held, for_reason()) == "no"
    assert answer("other-indication", held) == "no"


# Methotrexate in oncology


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [("100", "mg", "no"), ("101", "mg", "yes"), ("15", "mg", "no"), ("10", "mg/m2", "yes"), ("0.3", "mg/kg", "no")],
)
def test_a_size_that_is_only_given_in_oncology(value: str, unit: DoseUnit, expected: Answer) -> None:
    taken = therapy("methotrexate", regimen=daily(amount(value, unit)))
    assert answer("methotrexate-oncology", chart(), Situation(therapy=taken)) == expected


def test_the_high_end_of_a_range_decides() -> None:
    taken = therapy("methotrexate", regimen=daily(Amount(low=Decimal(20), high=Decimal(120), unit="mg")))
    assert answer("methotrexate-oncology", chart(), Situation(therapy=taken)) == "yes"


@pytest.mark.parametrize(("route", "expected"), [("intrathecal", "yes"), ("oral", "no"), ("unknown", "no")])
def test_the_route_into_the_spine_is_oncology(route: RouteClass, expected: Answer) -> None:
    assert answer("methotrexate-oncology", chart(), Situation(therapy=therapy("methotrexate", route=route))) == expected


@pytest.mark.parametrize(("reason", "expected"), [("lymphoma", "yes"), ("cancer", "yes"), ("dermatomyositis", "no")])
def test_the_reason_may_say_so(reason: str, expected: Answer) -> None:
    situation = Situation(therapy=therapy("methotrexate", reasons=[reason]))
    assert answer("methotrexate-oncology", chart(), situation) == expected


def test_a_dose_that_is_not_known_says_nothing_of_it() -> None:
    assert answer("methotrexate-oncology", chart(), Situation(therapy=therapy("methotrexate"))) == "no"
    assert answer("methotrexate-oncology", chart(), Situation()) == "no"


# Established low-dose azathioprine with its partner


def low_dose(mg: str, *, since: int = -29, partner_since: int = -29, weights: tuple[Result, ...] = ()) -> Fact:
    azathioprine = therapy("azathioprine", start=since, regimen=daily(amount(mg)))
    partner = therapy("allopurinol", start=partner_since, reference="MedicationRequest/m2")
    held = chart(azathioprine, partner, results=weights)
    return ask(held, "established-low-dose-thiopurine", Situation(therapy=azathioprine, partner=partner))


@pytest.mark.parametrize(
    ("mg", "expected"),
    # 0.75 mg/kg of 70 kg are 52.5 mg
    [("52.5", "yes"), ("25", "yes"), ("52.6", "no")],
)
def test_a_low_dose_is_at_most_three_quarters_of_a_milligram_per_kilogram(mg: str, expected: Answer) -> None:
    assert low_dose(mg, weights=(weight("70"),)).answer == expected


@pytest.mark.parametrize(
    ("since", "partner_since", "expected"), [(-29, -29, "yes"), (-28, -29, "no"), (-29, -28, "no")]
)
def test_established_is_more_than_twenty_eight_days_of_both(since: int, partner_since: int, expected: Answer) -> None:
    assert low_dose("25", since=since, partner_since=partner_since, weights=(weight("70"),)).answer == expected


def test_without_a_weight_it_is_unknown_and_an_old_weight_lowers_nothing() -> None:
    assert low_dose("25") == Fact("unknown", missing="azathioprine dose per kg")
    assert low_dose("25", weights=(weight("70", -180),)).answer == "yes"
    assert low_dose("25", weights=(weight("70", -181),)).answer == "no"


def test_the_evidence_is_both_drugs() -> None:
    assert [each.reference for each in low_dose("25", weights=(weight("70"),)).evidence] == [
        "MedicationRequest/m1",
        "MedicationRequest/m2",
    ]


# Results


def result(value: str | None, at: int | None, *, concept: str = "c", problem: str = "", id: str = "o") -> Result:
    return Result(
        reference=id,
        concept=concept,
        day=None if at is None else day(at),
        value=None if value is None else Decimal(value),
        problem=problem,
    )


def test_the_newest_usable_result_of_today_or_before_counts() -> None:
    held = chart(
        results=[
            result("1", -9, id="old"),
            result("2", -2, id="newest"),
            result("3", -1, id="limit", problem="the result is only a limit"),
            result(None, 0, id="word"),
            result("5", 1, id="future"),
            result("6", None, id="undated"),
            result("7", -1, concept="other", id="other"),
        ]
    )
    found = latest_result(held, ("c", "absent"))
    assert found is not None and found.reference == "newest"


@pytest.mark.parametrize(("days", "found"), [(None, True), (9, True), (8, False)])
def test_a_result_may_be_too_old(days: int | None, found: bool) -> None:
    assert (latest_result(chart(results=[result("1", -9)]), ("c",), days=days) is not None) is found


def test_a_draft_alone_says_nothing() -> None:
    situation = Situation(draft=DraftOrder(reference="MedicationRequest/d1"))
    assert answer("iim", chart(), situation) == answer("other-indication", chart(), situation) == "no"


def test_a_copy_of_a_chart_is_asked_anew() -> None:
    before = chart(conditions=[condition("dermatomyositis")])
    assert ask(before, "iim").answer == "yes"
    assert ask(msgspec.structs.replace(before, conditions=()), "iim").answer == "no"
    assert ask(before, "iim").answer == "yes"


@pytest.mark.parametrize(
    ("reasons", "recorded", "expected"),
    [
        # As codes are read: each kind of myositis comes with what it implies.
        ({"inclusion-body-myositis", "idiopathic-inflammatory-myopathy"}, (), "yes"),
        ({"dermatomyositis", "idiopathic-inflammatory-myopathy"}, ("inclusion-body-myositis",), "no"),
        # A reason that tells no kind leaves it to the conditions.
        ({"idiopathic-inflammatory-myopathy"}, ("inclusion-body-myositis",), "yes"),
        ({"idiopathic-inflammatory-myopathy"}, ("dermatomyositis",), "no"),
    ],
)
def test_the_kind_of_myositis_that_an_order_names_counts(
    reasons: set[str], recorded: tuple[str, ...], expected: Answer
) -> None:
    order = DraftOrder(reference="MedicationRequest/d1", reasons=frozenset(reasons))
    held = chart(conditions=[condition(*recorded)] if recorded else [])
    assert answer("ibm-only", held, Situation(draft=order)) == expected
