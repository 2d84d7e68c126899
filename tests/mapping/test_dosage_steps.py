"""Several instructions in one order (CLINICAL D.4), administrations, and text against structure."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from cds_service.clinical import dose as asked
from cds_service.mapping.dosage import read_administration, read_regimen
from cds_service.mapping.elements import AdministrationDosage, read_dosages
from cds_service.mapping.products import Strength
from tests.mapping.orders import a_week, daily, days, dose, kinds, one, quantity, read, reason, repeat, tablets, weekly


def test_the_same_sequence_is_given_together() -> None:
    order = read({"sequence": 1, **dose(5), **daily()}, {"sequence": 1, **dose(2.5), **daily()})
    assert len(order.phases) == 1
    assert one(asked.daily_amount(order)) == (Decimal("7.5"), "mg")


def test_different_sequences_come_one_after_another() -> None:
    order = read(
        {"sequence": 2, **dose(25), **weekly()}, {"sequence": 1, **dose(15), **weekly(boundsDuration=quantity(2, "wk"))}
    )
    assert [one(step.dose)[0] for step in asked.steps(order)] == [15, 25]
    assert one(asked.weekly_amount(asked.first_step(order))) == (15, "mg")
    assert one(asked.weekly_amount(asked.last_step(order))) == (25, "mg")
    assert one(asked.weekly_amount(order)) == (25, "mg")


def test_without_sequence_dates_that_do_not_meet_come_one_after_another() -> None:
    order = read(
        {**dose(20), **daily(boundsPeriod={"start": "2026-01-08", "end": "2026-01-14"})},
        {**dose(40), **daily(boundsPeriod={"start": "2026-01-01", "end": "2026-01-07"})},
        {**dose(10), **daily(boundsPeriod={"start": "2026-01-15"})},
    )
    assert [one(step.dose)[0] for step in asked.steps(order)] == [40, 20, 10]
    assert one(asked.daily_amount(order)) == (40, "mg")
    assert asked.open_ended(order)


def test_without_sequence_and_dates_all_is_given_together() -> None:
    assert one(asked.daily_amount(read({**dose(40), **daily()}, {**dose(20), **daily()}))) == (60, "mg")


def test_dates_that_overlap_count_together_whatever_the_sequence() -> None:
    period = {"start": "2026-01-01", "end": "2026-01-31"}
    order = read(
        {"sequence": 1, **dose(40), **repeat(when=["MORN"], boundsPeriod=period)},
        {"sequence": 2, **dose(20), **repeat(when=["EVE"], boundsPeriod=period)},
    )
    assert one(asked.daily_amount(order)) == (60, "mg")
    assert kinds(order) == ["contradiction"]


def test_a_step_may_start_on_the_last_day_of_the_one_before() -> None:
    order = read(
        {"sequence": 1, **dose(40), **daily(boundsPeriod={"start": "2026-01-01", "end": "2026-01-08"})},
        {"sequence": 2, **dose(20), **daily(boundsPeriod={"start": "2026-01-08", "end": "2026-01-15"})},
    )
    assert one(asked.daily_amount(order)) == (40, "mg")
    assert order.problems == ()


def test_steps_without_length_use_the_largest_and_say_so() -> None:
    order = read({"sequence": 1, **dose(60), **daily()}, {"sequence": 2, **dose(40), **daily()})
    assert one(asked.daily_amount(order)) == (60, "mg")
    assert [(p.kind, p.text) for p in order.problems] == [
        ("assumed", "how long a step lasts before the next is not said")
    ]


def test_only_some_with_a_sequence_count_together() -> None:
    order = read({"sequence": 1, **dose(60), **daily()}, {**dose(40), **daily()})
    assert one(asked.daily_amount(order)) == (100, "mg")
    assert kinds(order) == ["assumed"]


def test_steps_follow_each_other_from_the_first_day_of_the_order() -> None:
    raw = msgspec.json.encode(
        [
            {"sequence": 1, **dose(60), **daily(boundsDuration=days(28))},
            {"sequence": 2, **dose(50), **daily(boundsDuration=days(14))},
            {"sequence": 3, **dose(40), **daily()},
        ]
    )
    order = read_regimen(read_dosages(raw), where="dosageInstruction", order_start=dt.date(2026, 1, 1))
    assert [(step.start, step.end) for step in asked.steps(order)] == [
        (dt.date(2026, 1, 1), dt.date(2026, 1, 28)),
        (dt.date(2026, 1, 29), dt.date(2026, 2, 11)),
        (dt.date(2026, 2, 12), None),
    ]


def test_other_days_of_the_week_are_not_added_up_in_a_day() -> None:
    order = read({**dose(5), **weekly(2, dayOfWeek=["mon", "wed"])}, {**dose(2.5), **weekly(1, dayOfWeek=["fri"])})
    assert one(asked.daily_amount(order)) == (5, "mg")
    assert one(asked.weekly_amount(order)) == (Decimal("12.5"), "mg")  # 2 x 5 + 2.5
    assert a_week(asked.administrations_per_week(order)) == 3
    assert asked.weekdays(order) == ("mon", "wed", "fri")


def test_two_strengths_on_the_same_day_are_one_occasion() -> None:
    order = read({**dose(10), **weekly(1, dayOfWeek=["mon"])}, {**dose(5), **weekly(1, dayOfWeek=["mon"])})
    assert a_week(asked.administrations_per_week(order)) == 1
    assert one(asked.weekly_amount(order)) == (15, "mg")
    assert one(asked.single_dose(order)) == (15, "mg")


def test_two_weekly_lines_without_days_may_be_one_occasion_or_two() -> None:
    frequency = asked.administrations_per_week(read({**dose(10), **weekly()}, {**dose(5), **weekly()}))
    assert isinstance(frequency, asked.Frequency)
    assert frequency.per_week_low == 1
    assert frequency.per_week_high == 2


def test_a_stated_zero_beside_other_times_is_no_dose_there() -> None:
    order = read(
        {**tablets(1), **daily(timeOfDay=["08:00:00"])},
        {**tablets(0), **daily(timeOfDay=["12:00:00"])},
        {**tablets(0), **daily(timeOfDay=["18:00:00"])},
        name="Concor 2,5mg",
    )
    assert one(asked.daily_amount(order)) == (Decimal("2.5"), "mg")
    assert a_week(asked.administrations_per_week(order)) == 7


def test_a_zero_alone_is_unknown() -> None:
    assert reason(asked.daily_amount(read({**dose(0), **daily()}))) == "the dose is zero"


def test_one_unknown_step_makes_the_largest_dose_unknown() -> None:
    order = read({"sequence": 1, **dose(60), **daily(boundsDuration=days(28))}, {"sequence": 2, "text": "then taper"})
    assert reason(asked.daily_amount(order)) == "the order states no dose"
    assert one(asked.daily_amount(asked.first_step(order))) == (60, "mg")
    assert order.words == {"taper"}


def test_doses_in_different_units_are_not_added() -> None:
    order = read({**dose(60), **daily()}, {**tablets(2), **daily()})
    assert reason(asked.daily_amount(order)) == "the order states doses in different units"


def test_weekly_in_the_text_against_daily_in_the_structure_is_told() -> None:
    order = read({**dose(10), **daily(5), "text": "10 mg once weekly"})
    assert one(asked.daily_amount(order)) == (50, "mg")
    assert [(p.kind, p.text, p.where) for p in order.problems] == [
        (
            "text-contradicts-structure",
            "the text says weekly, the structured timing daily",
            "dosageInstruction[0].text",
        )
    ]


def test_daily_in_the_text_against_weekly_in_the_structure_is_told() -> None:
    order = read({**dose(15), **weekly(), "patientInstruction": "elke dag 1 tablet"})
    assert [(p.kind, p.text) for p in order.problems] == [
        ("text-contradicts-structure", "the text says daily, the structured timing does not")
    ]


def test_text_that_fits_is_no_problem() -> None:
    for dosage in (
        {**dose(15), **weekly(), "text": "15 mg once weekly, NOT daily"},
        {**dose(15), **daily(dayOfWeek=["mon"]), "text": "wekelijks op maandag"},
        {**dose(15), **daily(), "text": "15 mg tgl."},
        {
            **dose(40),
            **repeat(frequency=1, period=28, periodUnit="d", duration=4, durationUnit="d"),
            "text": "40 mg daily",
        },
        {
            **dose(960),
            **daily(2, dayOfWeek=["mon", "wed", "fri"]),
            "text": "twice daily on Mondays, Wednesdays, Fridays",
        },
    ):
        assert "text-contradicts-structure" not in kinds(read(dosage))


def given(**elements: object) -> AdministrationDosage:
    return msgspec.json.decode(msgspec.json.encode(elements), type=AdministrationDosage)


def test_an_administration_is_one_dose_on_one_day() -> None:
    day = dt.date(2026, 3, 2)
    order = read_administration(given(dose=quantity(28, "g")), where="dosage", day=day)
    assert one(asked.single_dose(order)) == (28000, "mg")
    assert one(asked.daily_amount(order)) == (28000, "mg")
    assert asked.course_start(order) == asked.course_end(order) == day
    (step,) = asked.steps(order)
    assert isinstance(step.dose, asked.Amount)
    assert step.dose.where == "dosage.dose"


def test_an_administration_of_tablets_takes_their_strength() -> None:
    strength = Strength(ingredient="methotrexate", amount=Decimal("2.5"), unit="mg", per="1")
    order = read_administration(
        given(dose=quantity(6, "{tablet}")), strengths=[strength], ingredient="methotrexate", where="dosage"
    )
    assert one(asked.single_dose(order)) == (15, "mg")


def test_an_administration_that_states_only_a_rate_is_unknown() -> None:
    order = read_administration(given(rateQuantity=quantity(100, "mL/h")), where="dosage")
    assert reason(asked.single_dose(order)) == "the order states a rate, but not for how long"
    assert reason(asked.single_dose(read_administration(given(), where="dosage"))) == "the order states no dose"


def test_strengths_are_asked_for_only_where_they_are_needed() -> None:
    asked_for: list[str] = []

    def strengths() -> list[Strength]:
        asked_for.append("once")
        return [Strength(ingredient="x", amount=Decimal("2.5"), unit="mg", per="1")]

    mass = read_dosages(msgspec.json.encode([{**dose(15), **weekly()}]))
    assert one(asked.single_dose(read_regimen(mass, strengths=strengths, where="dosage"))) == (15, "mg")
    assert asked_for == []
    count = read_dosages(msgspec.json.encode([{**tablets(6), **weekly()}, {**tablets(2), **weekly()}]))
    assert one(asked.weekly_amount(read_regimen(count, strengths=strengths, where="dosage"))) == (20, "mg")
    assert asked_for == ["once"]
