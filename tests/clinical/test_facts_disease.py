"""Facts about the disease: subtypes and antibodies, how severe it is, and what the lists could not show."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical.chart import Allergy, Answer, Chart, Condition, Fact, Patient, Result
from cds_service.clinical.facts import Situation, ask
from cds_service.clinical.facts_disease import DISEASE_FACTS, MYOSITIS_SPECIFIC, is_positive
from cds_service.clinical.findings import Evidence

from .charts import chart, condition, day, draft, unread


def answer(name: str, held: Chart, situation: Situation | None = None) -> Answer:
    return ask(held, name, situation or Situation()).answer


def result(concept: str, word: str = "", *, at: int | None = -10, value: str = "", high: str = "") -> Result:
    return Result(
        reference="Observation/o1",
        concept=concept,
        day=None if at is None else day(at),
        value=Decimal(value) if value else None,
        word=word,
        high=Decimal(high) if high else None,
    )


def called(label: str, *concepts: str) -> Condition:
    return msgspec.structs.replace(condition(*concepts), label=label)


@pytest.mark.parametrize("name", sorted(DISEASE_FACTS))
def test_every_fact_is_no_in_a_complete_record_that_holds_nothing(name: str) -> None:
    adult = msgspec.structs.replace(chart(), patient=Patient(reference="Patient/p1", birth_date=dt.date(1960, 1, 1)))
    assert answer(name, adult) == "no"


# Results


def test_a_positive_result_is_the_evidence() -> None:
    held = chart(results=[result("anti-jo-1", "positive")])
    assert ask(held, "anti-jo-1") == Fact("yes", (Evidence("Observation/o1", "anti-Jo-1 positive", day(-10)),))


def test_the_newest_result_counts() -> None:
    older, newer = result("anti-mda5", "positive", at=-400), result("anti-mda5", "negative", at=-5)
    assert answer("anti-mda5", chart(results=[older, newer])) == "no"
    assert answer("anti-mda5", chart(results=[msgspec.structs.replace(newer, word="positive"), older])) == "yes"


def test_a_result_of_tomorrow_does_not_count_and_one_without_a_date_does() -> None:
    assert answer("anti-srp", chart(results=[result("anti-srp", "positive", at=1)])) == "no"
    assert answer("anti-srp", chart(results=[result("anti-srp", "positive", at=None)])) == "yes"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("positive", True),
        ("weakly positive", True),
        ("strong positive", True),
        ("negative", False),
        ("not positive", False),
        ("indeterminate", False),
        ("", False),
    ],
)
def test_words_of_a_result(word: str, expected: bool) -> None:
    assert is_positive(result("anti-jo-1", word)) is expected


@pytest.mark.parametrize(("value", "expected"), [("20", False), ("20.1", True), ("19", False)])
def test_a_number_is_positive_above_the_laboratorys_limit(value: str, expected: bool) -> None:
    assert is_positive(result("anti-jo-1", value=value, high="20")) is expected


def test_results_that_could_not_be_had_leave_an_antibody_unknown() -> None:
    assert ask(chart(missing=["observations"]), "anti-jo-1") == Fact("unknown", missing="results")
    assert ask(chart(lost=[unread("observations.entry[2]", "observations")]), "anti-hmgcr").answer == "unknown"


# Subtypes


@pytest.mark.parametrize("antibody", ["anti-jo-1", "anti-pl-7", "anti-pl-12", "anti-ej", "anti-oj"])
def test_each_antisynthetase_antibody_is_the_syndrome(antibody: str) -> None:
    assert answer("antisynthetase", chart(results=[result(antibody, "positive")])) == "yes"


def test_a_recorded_syndrome_stays_whatever_later_tests_say() -> None:
    held = chart(conditions=[condition("antisynthetase-syndrome")], results=[result("anti-jo-1", "negative")])
    assert answer("antisynthetase", held) == "yes"


def test_anti_jo_1_is_told_apart_from_the_other_antibodies() -> None:
    held = chart(results=[result("anti-jo-1", "positive")])
    assert (answer("anti-jo-1", held), answer("other-antisynthetase", held)) == ("yes", "no")


@pytest.mark.parametrize("antibody", MYOSITIS_SPECIFIC)
def test_each_myositis_specific_antibody(antibody: str) -> None:
    assert answer("myositis-specific-antibody", chart(results=[result(antibody, "positive")])) == "yes"


def test_lung_disease_needs_the_antibody_and_the_antibody_lung_disease() -> None:
    lung, antibody = condition("interstitial-lung-disease"), result("anti-mda5", "positive")
    name = "lung-disease-with-antisynthetase-or-mda5"
    assert answer(name, chart(conditions=[lung])) == "no"
    assert answer(name, chart(results=[antibody])) == "no"
    assert answer(name, chart(conditions=[lung], results=[antibody])) == "yes"


# Severe disease


@pytest.mark.parametrize("concept", ["dysphagia", "aspiration-pneumonia", "respiratory-failure", "myocarditis"])
def test_each_sign_of_severe_disease_counts_while_it_is_current(concept: str) -> None:
    assert answer("severe-disease", chart(conditions=[condition(concept)])) == "yes"
    assert answer("severe-disease", chart(conditions=[condition(concept, current=False)])) == "no"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Dependence on respirator [ventilator] status", "yes"),
        ("Mechanical ventilation since Monday", "yes"),
        ("Hyperventilation", "no"),
    ],
)
def test_ventilation_is_known_by_its_words(label: str, expected: Answer) -> None:
    assert answer("severe-disease", chart(conditions=[called(label)])) == expected


@pytest.mark.parametrize(
    ("label", "severe", "expected"),
    [
        ("ILD", False, "no"),
        ("ILD", True, "yes"),
        ("Acute interstitial pneumonitis", False, "yes"),
        ("Subacute ILD", False, "no"),
    ],
)
def test_lung_disease_is_severe_where_it_is_called_so(label: str, severe: bool, expected: Answer) -> None:
    known = msgspec.structs.replace(called(label, "interstitial-lung-disease"), severe=severe)
    assert answer("severe-disease", chart(conditions=[known])) == expected


def test_a_severe_myositis_counts_and_a_severe_something_else_does_not() -> None:
    assert answer("severe-disease", chart(conditions=[condition("dermatomyositis", severe=True)])) == "yes"
    assert answer("severe-disease", chart(conditions=[condition("psoriasis", severe=True)])) == "no"
    assert answer("severe-disease", chart(conditions=[condition("dermatomyositis")])) == "no"


@pytest.mark.parametrize(("kind", "expected"), [("ICU", "yes"), ("IMP", "no"), ("", "no")])
def test_intensive_care_is_severe(kind: str, expected: Answer) -> None:
    assert answer("severe-disease", msgspec.structs.replace(chart(), encounter_class=kind)) == expected


def test_a_visit_that_could_not_be_had_leaves_it_unknown() -> None:
    assert ask(chart(missing=["encounter"]), "severe-disease") == Fact("unknown", missing="encounter")


# What rules IVIg out


def allergy(*, severe: bool) -> Allergy:
    return Allergy(
        reference="AllergyIntolerance/a1", substances=frozenset(("immunoglobulin",)), label="x", severe=severe
    )


@pytest.mark.parametrize(("severe", "expected"), [(True, "yes"), (False, "no")])
def test_a_severe_reaction_to_immunoglobulin_rules_it_out(severe: bool, expected: Answer) -> None:
    held = msgspec.structs.replace(chart(), allergies=(allergy(severe=severe),))
    assert answer("ivig-contraindicated", held) == expected


def test_iga_deficiency_rules_it_out_with_antibodies_or_an_earlier_reaction_only() -> None:
    alone = chart(conditions=[condition("selective-iga-deficiency")])
    assert answer("ivig-contraindicated", alone) == "no"
    assert answer("ivig-contraindicated", msgspec.structs.replace(alone, allergies=(allergy(severe=False),))) == "yes"


@pytest.mark.parametrize(("iga", "expected"), [("0.06", "yes"), ("0.07", "no")])
def test_iga_below_the_figure_is_deficiency(iga: str, expected: Answer) -> None:
    held = chart(results=[result("iga", value=iga), result("anti-iga-antibody", "positive")])
    assert answer("ivig-contraindicated", held) == expected


def test_a_filtration_that_was_never_measured_is_no_contraindication() -> None:
    assert answer("ivig-contraindicated", chart()) == "no"


# Whom the table is not for


@pytest.mark.parametrize(
    ("born", "expected"),
    [(dt.date(2008, 3, 4), "no"), (dt.date(2008, 3, 5), "yes"), (None, "unknown")],
)
def test_a_child_is_younger_than_18(born: dt.date | None, expected: Answer) -> None:
    held = msgspec.structs.replace(chart(), patient=Patient(reference="Patient/p1", birth_date=born))
    assert answer("child", held) == expected


def test_an_order_for_myositis_has_no_other_indication_whatever_else_is_recorded() -> None:
    held = chart(conditions=[condition("rheumatoid-arthritis")])
    order = draft("x", reasons=("dermatomyositis",))
    assert answer("other-licensed-indication", held) == "yes"
    assert answer("other-licensed-indication", held, Situation(draft=order)) == "no"
