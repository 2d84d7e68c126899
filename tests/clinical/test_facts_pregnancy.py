"""Pregnancy: what says so, for how long, and what says that it is over. The cases of MTX-08 and PREG-02 hold the limits."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical.chart import Chart, Condition, Fact, Patient, Result
from cds_service.clinical.facts import Situation, ask
from cds_service.clinical.facts_pregnancy import PREGNANCY_FACTS, says
from cds_service.clinical.findings import Evidence

from .charts import chart, condition, day, draft, unread


def result(concept: str, *, at: int = -5, word: str = "", code: str = "", value: str = "", high: str = "") -> Result:
    return Result(
        reference="Observation/o1",
        concept=concept,
        day=day(at),
        word=word,
        code=code,
        value=Decimal(value) if value else None,
        high=Decimal(high) if high else None,
    )


def since(concept: str, at: int | None, *, current: bool = True) -> Condition:
    return msgspec.structs.replace(condition(concept, current=current), onset=None if at is None else day(at))


def woman(held: Chart, born: int = 1990) -> Chart:
    return msgspec.structs.replace(
        held, patient=Patient(reference="Patient/p1", birth_date=dt.date(born, 1, 1), sex="female")
    )


@pytest.mark.parametrize("name", sorted(PREGNANCY_FACTS))
def test_every_fact_is_no_of_a_man(name: str) -> None:
    man = msgspec.structs.replace(chart(), patient=Patient(reference="Patient/p1", sex="male"))
    assert ask(man, name).answer == "no"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (result("pregnancy-status", word="pregnant"), True),
        (result("pregnancy-status", code="77386006"), True),
        (result("pregnancy-status", code="LA15173-0"), True),
        (result("pregnancy-status", word="not pregnant"), False),
        (result("pregnancy-status", code="60001007"), False),
        (result("pregnancy-status", word="unknown"), None),
        (result("pregnancy-test", word="positive"), True),
        (result("pregnancy-test", word="negative"), False),
        (result("hcg-quantitative", value="5.1", high="5"), True),
        (result("hcg-quantitative", value="5", high="5"), False),
        (result("hcg-quantitative", value="800"), None),
    ],
)
def test_a_result_says_pregnant_or_not_or_neither(found: Result, expected: bool | None) -> None:
    assert says(found) is expected


def test_the_evidence_is_what_says_so() -> None:
    held = chart(results=[result("pregnancy-test", word="positive")])
    assert ask(held, "pregnant") == Fact("yes", (Evidence("Observation/o1", "positive pregnancy test", day(-5)),))


@pytest.mark.parametrize(("end", "answer"), [(-59, "no"), (-60, "yes"), (-61, "yes")])
@pytest.mark.parametrize("concept", ["pregnancy-ended", "not-pregnant"])
def test_only_a_later_end_ends_it(concept: str, end: int, answer: str) -> None:
    assert ask(chart(conditions=[since("pregnancy", -60), since(concept, end)]), "pregnant").answer == answer


def test_a_resolved_delivery_ends_it_and_a_resolved_doubt_does_not() -> None:
    begun = since("pregnancy", -60)
    assert ask(chart(conditions=[begun, since("pregnancy-ended", -5, current=False)]), "pregnant").answer == "no"
    assert ask(chart(conditions=[begun, since("not-pregnant", -5, current=False)]), "pregnant").answer == "yes"


def test_a_pregnancy_without_a_date_is_not_ended_by_anything() -> None:
    undated = since("pregnancy", None)
    negative = result("pregnancy-test", word="negative")
    assert ask(chart(conditions=[undated], results=[negative]), "pregnant").answer == "yes"


def test_a_result_of_tomorrow_does_not_count() -> None:
    assert ask(chart(results=[result("pregnancy-test", word="positive", at=1)]), "pregnant").answer == "no"


def test_without_the_results_it_is_unknown_and_a_condition_still_tells() -> None:
    assert ask(chart(missing=["observations"]), "pregnant") == Fact("unknown", missing="results")
    assert ask(chart(conditions=[since("pregnancy", -60)], missing=["observations"]), "pregnant").answer == "yes"
    assert ask(chart(lost=[unread("conditions.entry[0]", "conditions")]), "pregnant").answer == "unknown"


def test_the_reason_of_the_order_may_be_an_ectopic_pregnancy() -> None:
    order = draft("methotrexate", reasons=["ectopic-pregnancy"])
    assert ask(chart(), "ectopic-pregnancy", Situation(draft=order)).answer == "yes"
    assert ask(chart(), "ectopic-pregnancy").answer == "no"


def test_whoever_cannot_conceive_need_not_be_tested() -> None:
    assert ask(woman(chart()), "untested-for-pregnancy").answer == "yes"
    assert ask(woman(chart(conditions=[since("not-fertile", -900)])), "untested-for-pregnancy").answer == "no"
    assert ask(woman(chart(), born=1970), "untested-for-pregnancy").answer == "no"


def test_a_test_is_missing_only_where_the_results_are_known() -> None:
    assert ask(woman(chart(missing=["observations"])), "untested-for-pregnancy").missing == "results"
    unknown_age = msgspec.structs.replace(chart(), patient=Patient(reference="Patient/p1", sex="female"))
    assert ask(unknown_age, "untested-for-pregnancy").missing == "date of birth"


@pytest.mark.parametrize(
    ("label", "current", "expected"),
    [
        ("Presence of (intrauterine) contraceptive device", True, "no"),
        ("Surveillance of contraceptives", True, "no"),
        ("Contraceptive management", False, "yes"),
    ],
)
def test_contraception_among_the_problems_is_known_by_its_words(label: str, current: bool, expected: str) -> None:
    problem = msgspec.structs.replace(condition(current=current), label=label)
    assert ask(woman(chart(conditions=[problem])), "untested-for-pregnancy").answer == expected
