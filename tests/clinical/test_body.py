"""Body size with its limits of age and plausibility (CLINICAL 0.4 and D.6)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from cds_service.clinical import body
from cds_service.clinical.chart import Chart, Patient, Result, Source
from cds_service.clinical.dose import Unknown
from cds_service.clinical.therapy import Deferred

TODAY = dt.date(2026, 3, 2)


def result(concept: str, value: object, days_ago: int = 30, *, unit: str = "", problem: str = "") -> Result:
    return Result(
        reference=f"Observation/{concept}-{days_ago}",
        concept=concept,
        day=TODAY - dt.timedelta(days_ago),
        value=Decimal(str(value)) if value is not None else None,
        unit=unit,
        problem=problem,
    )


def chart(*results: Result, sex: str = "female", missing: frozenset[Source] = frozenset()) -> Chart:
    by_concept: dict[str, tuple[Result, ...]] = {}
    for item in results:
        by_concept[item.concept] = (*by_concept.get(item.concept, ()), item)
    return Chart(
        as_of=TODAY,
        hook="order-sign",
        patient=Patient(reference="Patient/1", sex=sex),
        results={concept: Deferred(lambda found=found: found) for concept, found in by_concept.items()},  # type: ignore[misc]
        missing_sources=missing,
    )


def kg(value: object, days_ago: int = 30, **more: str) -> Result:
    return result("body-weight", value, days_ago, **more)


def cm(value: object, days_ago: int = 30) -> Result:
    return result("body-height", value, days_ago)


def known(answer: body.Measure | Unknown) -> Decimal:
    assert isinstance(answer, body.Measure), answer
    return answer.value


def why(answer: body.Measure | Unknown) -> str:
    assert isinstance(answer, Unknown), answer
    return answer.reason


def test_the_newest_weight_counts() -> None:
    answer = body.weight(chart(kg(80, 200), kg(70, 10), kg(75, 90)))
    assert answer == body.Measure(
        value=Decimal(70), unit="kg", day=dt.date(2026, 2, 20), reference="Observation/body-weight-10"
    )


@pytest.mark.parametrize(("days_ago", "fresh"), [(0, True), (180, True), (181, False), (730, False)])
def test_a_weight_is_fresh_for_180_days_and_usable_for_730(days_ago: int, fresh: bool) -> None:
    answer = body.weight(chart(kg(70, days_ago)))
    assert isinstance(answer, body.Measure)
    assert answer.fresh is fresh


def test_a_weight_older_than_730_days_is_unknown() -> None:
    # 2026-03-02 minus 731 days is 2024-03-01
    assert why(body.weight(chart(kg(70, 731)))) == "the body weight is of 2024-03-01, too old"


@pytest.mark.parametrize("value", ["25", "300"])
def test_a_plausible_weight_at_the_limits(value: str) -> None:
    assert known(body.weight(chart(kg(value)))) == Decimal(value)


@pytest.mark.parametrize("value", ["24.9", "300.1", "0", "-70"])
def test_an_implausible_weight_is_unknown_though_an_older_one_is_there(value: str) -> None:
    assert why(body.weight(chart(kg(value, 1), kg(70, 30)))) == "the body weight is not plausible for an adult"


@pytest.mark.parametrize(("value", "plausible"), [("120", True), ("230", True), ("119.9", False), ("230.1", False)])
def test_a_plausible_height(value: str, plausible: bool) -> None:
    answer = body.height(chart(cm(value)))
    assert isinstance(answer, body.Measure) is plausible


def test_a_height_may_be_old() -> None:
    assert known(body.height(chart(cm(170, 4000)))) == 170


def test_results_without_a_number_with_a_problem_or_of_tomorrow_do_not_count() -> None:
    assert (
        known(body.weight(chart(kg(None, 1), kg(90, 2, problem="entered in another unit"), kg(95, -1), kg(70, 30))))
        == 70
    )


def test_a_weight_in_another_unit_is_unknown() -> None:
    assert why(body.weight(chart(kg(70, unit="[lb_av]")))) == "the body weight has no usable unit"
    assert known(body.weight(chart(kg(70, unit="kg")))) == 70


def test_no_weight_and_no_results_are_different_reasons() -> None:
    assert why(body.weight(chart())) == "no body weight is recorded"
    assert why(body.height(chart())) == "no body height is recorded"
    assert why(body.weight(chart(missing=frozenset(("observations",))))) == "the results could not be had"


def test_mosteller() -> None:
    # 170 x 70 / 3600 = 3.30556; its root is 1.81812
    assert known(body.surface(chart(kg(70), cm(170)))).quantize(Decimal("0.0001")) == Decimal("1.8181")


def test_the_surface_is_as_fresh_as_the_weight() -> None:
    answer = body.surface(chart(kg(70, 200), cm(170)))
    assert isinstance(answer, body.Measure)
    assert not answer.fresh


def test_the_surface_needs_weight_and_height() -> None:
    assert why(body.surface(chart(cm(170)))) == "no body weight is recorded"
    assert why(body.surface(chart(kg(70)))) == "no body height is recorded"


def test_a_charted_surface_counts_without_height_or_of_the_same_day() -> None:
    charted = result("body-surface-area", "1.9", 30)
    assert known(body.surface(chart(charted, kg(70, 10)))) == Decimal("1.9")
    assert known(body.surface(chart(charted, kg(70, 30), cm(170)))) == Decimal("1.9")
    recomputed = known(body.surface(chart(charted, kg(70, 10), cm(170))))
    assert recomputed.quantize(Decimal("0.01")) == Decimal("1.82")


def test_an_old_or_implausible_charted_surface_does_not_count() -> None:
    assert why(body.surface(chart(result("body-surface-area", "1.9", 731)))) == "no body weight is recorded"
    assert why(body.surface(chart(result("body-surface-area", "19", 30)))) == "no body weight is recorded"


def test_ideal_weight_of_devine() -> None:
    # 170.18 cm are 67 inches: 45.5 + 7 x 2.3 = 61.6 and 50 + 7 x 2.3 = 66.1
    assert known(body.ideal_weight(chart(cm("170.18")))) == Decimal("61.6")
    assert known(body.ideal_weight(chart(cm("170.18"), sex="male"))) == Decimal("66.1")
    assert known(body.ideal_weight(chart(cm(150)))) == Decimal("45.5")  # below 60 inches: the base


def test_ideal_weight_needs_the_sex() -> None:
    assert why(body.ideal_weight(chart(cm(170), sex="unknown"))) == "the sex for the ideal body weight is not known"
    assert why(body.ideal_weight(chart())) == "no body height is recorded"


def test_adjusted_weight() -> None:
    # 61.6 + 0.4 x (111.6 - 61.6) = 81.6
    assert known(body.adjusted_weight(chart(cm("170.18"), kg("111.6")))) == Decimal("81.6")
    assert known(body.adjusted_weight(chart(cm("170.18"), kg(50)))) == Decimal("61.6")
    assert why(body.adjusted_weight(chart(cm("170.18")))) == "no body weight is recorded"


def test_body_mass_index() -> None:
    assert known(body.mass_index(chart(cm(200), kg(120)))) == 30  # 120 / 2^2
    assert why(body.mass_index(chart(cm(200)))) == "no body weight is recorded"
