"""How long a drug has been taken, and why a low dose of it may be meant."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.clinical import kinds
from cds_service.clinical.chart import Result
from cds_service.clinical.facts import Situation, ask
from cds_service.clinical.therapy import Therapy

from .charts import chart, condition, day, therapy

assert kinds  # the facts are registered where the kinds are


def result(concept: str, value: str = "", word: str = "") -> Result:
    number = Decimal(value) if value else None
    return Result(reference="Observation/1", concept=concept, day=day(-5), value=number, word=word)


@pytest.mark.parametrize(("start", "answer"), [(-85, "yes"), (-84, "no"), (None, "unknown")])
def test_more_than_84_days(start: int | None, answer: str) -> None:
    taken = therapy("x", start=start)
    assert ask(chart(taken), "taken-for-more-than-84-days", Situation(therapy=taken)).answer == answer


@pytest.mark.parametrize(("end", "answer"), [(-30, "yes"), (-31, "no")])
def test_a_renewal_is_counted_from_the_first_order(end: int, answer: str) -> None:
    taken = therapy("x", start=-10)
    earlier = therapy("x", start=-300, end=end, status="ended", reference="MedicationRequest/m0")
    seen = ask(chart(taken, earlier), "taken-for-more-than-84-days", Situation(therapy=taken))
    assert seen.answer == answer


def test_the_evidence_is_the_first_day() -> None:
    taken = therapy("x", start=-100)
    (evidence,) = ask(chart(taken), "taken-for-more-than-84-days", Situation(therapy=taken)).evidence
    assert evidence.day == day(-100)


@pytest.mark.parametrize(
    ("results", "answer"),
    [
        ([result("tpmt-phenotype", word="intermediate metabolizer")], "yes"),
        ([result("nudt15-phenotype", word="poor metabolizer")], "yes"),
        ([result("nudt15-phenotype", word="normal metabolizer")], "no"),
        ([result("egfr-mdrd", "49")], "yes"),
        ([result("egfr-mdrd", "50")], "no"),
        ([result("wbc", "3.9")], "yes"),
        ([result("wbc", "4")], "no"),
    ],
)
def test_results_for_which_azathioprine_is_dosed_low(results: list[Result], answer: str) -> None:
    assert ask(chart(results=results), "low-thiopurine-meant").answer == answer


@pytest.mark.parametrize(("taken", "answer"), [(therapy("febuxostat"), "yes"), (therapy("febuxostat", end=-1), "no")])
def test_an_inhibitor_of_xanthine_oxidase_that_is_taken(taken: Therapy, answer: str) -> None:
    assert ask(chart(taken), "low-thiopurine-meant").answer == answer


def test_a_deficiency_that_is_a_condition() -> None:
    assert ask(chart(conditions=[condition("tpmt-deficiency")]), "low-thiopurine-meant").answer == "yes"


def test_without_the_results_it_is_not_known() -> None:
    assert ask(chart(missing=["observations"]), "low-thiopurine-meant").answer == "unknown"
