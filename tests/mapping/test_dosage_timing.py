"""How often and how long a dosage is (CLINICAL D.3)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from cds_service.clinical import dose as asked
from tests.mapping.orders import (
    Json,
    a_week,
    coded,
    daily,
    days,
    dose,
    kinds,
    one,
    quantity,
    read,
    reason,
    repeat,
    weekly,
)


def per_week(timing: Json) -> tuple[object, object]:
    frequency = asked.administrations_per_week(read({**dose(1), **timing}))
    assert isinstance(frequency, asked.Frequency), frequency
    return frequency.per_week_low, frequency.per_week_high


def per_day(timing: Json) -> tuple[object, object]:
    frequency = asked.administrations_per_week(read({**dose(1), **timing}))
    assert isinstance(frequency, asked.Frequency), frequency
    return frequency.per_day_low, frequency.per_day_high


@pytest.mark.parametrize(
    ("timing", "times"),
    [
        (daily(), 7),
        (daily(2), 14),
        (repeat(period=1, periodUnit="d"), 7),  # no frequency: once
        (repeat(frequency=1, period=12, periodUnit="h"), 14),
        (repeat(frequency=1, period=8, periodUnit="h"), 21),
        (repeat(frequency=1, period=720, periodUnit="min"), 14),
        (repeat(frequency=1, period=2, periodUnit="d"), Decimal("3.5")),
        (repeat(frequency=1, period=2, periodUnit="wk"), Decimal("0.5")),
        (repeat(frequency=1, period=4, periodUnit="wk"), Decimal("0.25")),
        (repeat(frequency=14, period=1, periodUnit="wk"), 14),
        (repeat(frequency=1, period=1, periodUnit="Day"), 7),
        (weekly(3), 3),
        (repeat(dayOfWeek=["mon"]), 1),
        (repeat(dayOfWeek="mon"), 1),
        (repeat(dayOfWeek=["mon", "thu"]), 2),
        (repeat(dayOfWeek=["mon", "thu"], timeOfDay=["08:00", "20:00"]), 4),
        (repeat(dayOfWeek=["mon"], when=["MORN"]), 1),
        (daily(dayOfWeek=["mon", "wed", "fri"]), 3),
        (daily(2, dayOfWeek=["mon", "wed", "fri"]), 6),
        (daily(dayOfWeek=["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), 7),
        (weekly(1, dayOfWeek=["mon"]), 1),
        (weekly(2, dayOfWeek=["mon", "thu"]), 2),
        (repeat(period=1, periodUnit="wk", dayOfWeek=["mon", "thu"]), 2),
        (repeat(frequency=1, period=7, periodUnit="d", dayOfWeek=["mon"]), 1),
        (repeat(frequency=1, period=168, periodUnit="h", dayOfWeek=["mon"]), 1),
        (repeat(frequency=1, period=2, periodUnit="wk", dayOfWeek=["mon"]), Decimal("0.5")),
        (repeat(frequency=2, period=2, periodUnit="wk", dayOfWeek=["mon", "tue"]), 1),
        (repeat(timeOfDay=["08:00:00"]), 7),
        (repeat(timeOfDay=["08:00:00", "20:00:00"]), 14),
        (repeat(timeOfDay=["08:00", "08:00:00"]), 7),  # the same time twice
        (repeat(when=["MORN", "NOON", "EVE"]), 21),
        (daily(2, timeOfDay=["08:00", "20:00"]), 14),
        (repeat(frequency=1, period=12, periodUnit="h", timeOfDay=["08:00", "20:00"]), 14),
        (repeat(period=1, periodUnit="wk", timeOfDay=["08:00"]), 1),
    ],
)
def test_times_in_a_week(timing: Json, times: Decimal | int) -> None:
    assert per_week(timing) == (times, times)


@pytest.mark.parametrize(
    ("code", "times"),
    [
        ("QD", 7),
        ("BID", 14),
        ("TID", 21),
        ("QID", 28),
        ("AM", 7),
        ("PM", 7),
        ("BED", 7),
        ("QOD", Decimal("3.5")),
        ("Q1H", 168),
        ("Q4H", 42),
        ("Q6H", 28),
        ("Q8H", 21),
        ("WK", 1),
        ("wk", 1),
    ],
)
def test_abbreviations_of_the_timing(code: str, times: Decimal | int) -> None:
    assert per_week(coded(code)) == (times, times)


def test_once_a_month_by_its_abbreviation() -> None:
    # 7 / 30.4375 = 0.2299794...
    low, high = per_week(coded("MO"))
    assert low == high == Decimal(7) / Decimal("30.4375")


def test_a_local_code_is_no_abbreviation() -> None:
    order = read({**dose(15), "timing": {"code": {"coding": [{"system": "urn:oid:1.2.3", "code": "QD"}]}}})
    assert reason(asked.administrations_per_week(order)) == "the order does not say how often"


def test_the_text_of_a_local_code_gives_a_word_and_no_rate() -> None:
    order = read({**dose(15), "timing": {"code": {"text": "weekly on monday"}}})
    assert reason(asked.administrations_per_week(order)) == "the order does not say how often"
    assert order.words == {"weekly"}


def test_bounds_alone_leave_the_abbreviation_in_force() -> None:
    order = read({**dose(40), **coded("QD", boundsDuration=days(4))})
    assert one(asked.daily_amount(order)) == (Decimal(40), "mg")
    assert asked.duration_days(order) == 4


def test_the_repeat_wins_over_the_abbreviation_and_the_contradiction_is_told() -> None:
    order = read({**dose(15), **coded("QD", frequency=1, period=1, periodUnit="wk")})
    assert a_week(asked.administrations_per_week(order)) == 1
    assert order.timing_code == "QD"
    assert [(p.kind, p.text, p.where) for p in order.problems] == [
        (
            "contradiction",
            "the abbreviation of the timing and its structure say different things",
            "dosageInstruction[0].timing.code",
        )
    ]


def test_a_weekly_abbreviation_on_a_named_day_is_no_contradiction() -> None:
    assert read({**dose(15), **coded("WK", dayOfWeek=["mon"])}).problems == ()


def test_once_a_week_on_several_days_is_ambiguous() -> None:
    order = read({**dose(15), **weekly(1, dayOfWeek=["mon", "thu"])})
    assert per_week(weekly(1, dayOfWeek=["mon", "thu"])) == (1, 2)
    assert kinds(order) == ["assumed"]


def test_a_frequency_that_does_not_fit_the_days_takes_the_larger() -> None:
    order = read({**dose(15), **weekly(3, dayOfWeek=["mon", "thu"])})
    assert per_week(weekly(3, dayOfWeek=["mon", "thu"])) == (2, 3)
    assert kinds(order) == ["contradiction"]


def test_a_frequency_for_each_of_the_days_without_a_period_leaves_room() -> None:
    assert per_week(repeat(frequency=2, dayOfWeek=["mon", "thu"])) == (2, 4)


def test_times_of_the_day_above_the_frequency_take_the_larger() -> None:
    order = read({**dose(15), **daily(1, timeOfDay=["08:00", "20:00"])})
    assert per_week(daily(1, timeOfDay=["08:00", "20:00"])) == (7, 14)
    assert kinds(order) == ["contradiction"]


def test_the_largest_frequency_and_the_longest_period_leave_room() -> None:
    assert per_week(repeat(frequency=1, frequencyMax=2, period=1, periodUnit="d")) == (7, 14)
    # every 4 to 6 hours: 24/6 = 4 to 24/4 = 6 a day
    assert per_day(repeat(frequency=1, period=4, periodMax=6, periodUnit="h")) == (4, 6)


@pytest.mark.parametrize(
    ("timing", "why"),
    [
        ({}, "the order does not say how often"),
        ({"timing": {}}, "the order does not say how often"),
        (repeat(boundsDuration=days(5)), "the order does not say how often"),
        (repeat(frequency=1), "the order has a frequency but no period"),
        (repeat(frequency=1, when=["MORN"]), "the order has a frequency but no period"),
        (repeat(frequency=1, periodUnit="d"), "the order has a unit of time but no period"),
        (repeat(periodUnit="wk"), "the order has a unit of time but no period"),
        (repeat(frequency=2, periodUnit="wk", dayOfWeek=["mon"]), "the order has a unit of time but no period"),
        (repeat(periodMax=2, periodUnit="wk"), "the order has a longest period but no period"),
        (repeat(frequency=1, period=1), "the period of the order has no unit"),
        (repeat(frequency=1, period=1, periodUnit="fortnight"), "the unit of the period is not known"),
        (repeat(frequency=1, period=0, periodUnit="d"), "the period is no number above zero"),
        (repeat(frequency=1, period=-1, periodUnit="d"), "the period is no number above zero"),
        (repeat(frequency=0, period=1, periodUnit="d"), "the frequency is no whole number above zero"),
        (repeat(frequency=1.5, period=1, periodUnit="d"), "the frequency is no whole number above zero"),
        (repeat(frequency=3, frequencyMax=2, period=1, periodUnit="d"), "the largest frequency is below the frequency"),
        (repeat(frequency=1, period=3, periodMax=2, periodUnit="d"), "the longest period is below the period"),
        (repeat(frequency=1, period=1, periodUnit="wk", dayOfWeek=["xyz"]), "the days of the week cannot be read"),
        (
            repeat(frequency=1, period=3, periodUnit="d", dayOfWeek=["mon"]),
            "the days of the week do not fit the period",
        ),
        (repeat(when=["C"]), "the order names meals or a moment, not how often"),
        (repeat(count=4), "the order does not say how often"),
        (repeat(_frequency={"extension": []}, period=1, periodUnit="d"), "how often is withheld"),
        ({"timing": {"event": ["2025-02-30"]}}, "a date of giving cannot be read"),
        ({"timing": {"event": ["${DATE+1}"]}}, "a date of giving cannot be read"),
        ({"timing": {"event": ["2025"]}}, "a date of giving cannot be read"),
        ({"timing": "daily"}, "the timing cannot be read"),
        (repeat(frequency="often", period=1, periodUnit="d"), "the timing cannot be read"),
        (
            {
                "timing": {
                    "modifierExtension": [{"url": "x"}],
                    "repeat": {"frequency": 1, "period": 1, "periodUnit": "d"},
                }
            },
            "the timing carries an extension that changes its meaning",
        ),
    ],
)
def test_what_does_not_say_how_often_is_unknown(timing: Json, why: str) -> None:
    order = read({**dose(15), **timing})
    assert reason(asked.administrations_per_week(order)) == why
    assert reason(asked.daily_amount(order)) == why
    assert reason(asked.weekly_amount(order)) == why


def test_one_dose_needs_no_period() -> None:
    order = read({**dose(500), **repeat(count=1)})
    assert a_week(asked.administrations_per_week(order)) == 1
    assert asked.duration_days(order) == 1


def test_a_short_course_gives_no_more_in_a_week_than_in_all() -> None:
    assert per_week(daily(boundsDuration=days(4))) == (4, 4)
    assert per_week(daily(2, boundsDuration=days(4))) == (8, 8)
    assert per_week(daily(count=5)) == (5, 5)
    assert per_week(daily(boundsDuration=days(7))) == (7, 7)
    assert per_week(daily(boundsDuration=days(8))) == (7, 7)


def test_dates_count_in_any_seven_days() -> None:
    order = read({**dose(1000), "timing": {"event": ["2026-03-02", "2026-03-16"]}})
    assert a_week(asked.administrations_per_week(order)) == 1
    assert asked.course_start(order) == dt.date(2026, 3, 2)
    assert asked.course_end(order) == dt.date(2026, 3, 16)
    row = read({**dose(28, "g"), "timing": {"event": [f"2026-03-0{day}T10:00:00Z" for day in range(2, 7)]}})
    assert a_week(asked.administrations_per_week(row)) == 5
    assert one(asked.amount_per_cycle(row)) == (Decimal(140000), "mg")
    assert asked.days_per_cycle(row) == 5


def test_a_date_is_taken_as_written_whatever_its_offset() -> None:
    order = read({**dose(1), "timing": {"event": ["2026-03-02T23:30:00-11:00"]}})
    assert asked.course_start(order) == dt.date(2026, 3, 2)


def test_a_single_date_beside_a_repetition_is_its_start() -> None:
    order = read(
        {
            **dose(40),
            "timing": {"event": ["2026-03-02"], "repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "count": 4}},
        }
    )
    assert asked.course_start(order) == dt.date(2026, 3, 2)
    assert asked.course_end(order) == dt.date(2026, 3, 5)


def test_dates_beside_a_repetition_contradict_it() -> None:
    timing: Json = {"event": ["2026-03-02", "2026-03-16"], "repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    order = read({**dose(40), "timing": timing})
    assert kinds(order) == ["contradiction"]
    frequency = asked.administrations_per_week(order)
    assert isinstance(frequency, asked.Frequency)
    assert frequency.per_week_low == 1
    assert frequency.per_week_high == 2  # 2 doses in all


@pytest.mark.parametrize(
    ("bounds", "length"),
    [
        ({"boundsDuration": days(28)}, 28),
        ({"boundsDuration": quantity(4, "wk")}, 28),
        ({"boundsDuration": quantity(4, "week", code="wk")}, 28),
        ({"boundsDuration": quantity(96, "h")}, 4),
        ({"boundsPeriod": {"start": "2026-03-02", "end": "2026-03-05"}}, 4),
        ({"boundsPeriod": {"start": "2026-03-02T14:00:00Z", "end": "2026-03-03T09:00:00Z"}}, 2),
        ({"boundsRange": {"low": days(5), "high": days(7)}}, 7),
        ({"count": 4}, 4),
        ({"count": 4, "countMax": 6}, 6),
        ({"count": 4, "boundsDuration": days(3)}, 3),
    ],
)
def test_how_long_it_lasts(bounds: Json, length: int) -> None:
    order = read({**dose(40), **repeat(frequency=1, period=1, periodUnit="d", **bounds)})
    assert asked.duration_days(order) == length
    assert not asked.open_ended(order)


@pytest.mark.parametrize(
    ("timing", "length"),
    [
        (repeat(frequency=1, period=14, periodUnit="d", count=2), 15),
        (daily(2, count=8), 4),
        (repeat(frequency=1, period=12, periodUnit="h", count=3), 2),
        (weekly(1, count=4), 22),
        (weekly(1, dayOfWeek=["mon"], count=4), 22),
        (weekly(2, dayOfWeek=["mon", "thu"], count=4), 11),  # mon, thu, mon, thu: 7 + 3 + 1
        (repeat(frequency=1, period=28, periodUnit="d", duration=4, durationUnit="d", count=8), 32),
    ],
)
def test_a_number_of_doses_is_a_length(timing: Json, length: int) -> None:
    assert asked.duration_days(read({**dose(40), **timing})) == length


def test_a_range_of_lengths_keeps_the_shortest() -> None:
    (step,) = asked.steps(read({**dose(40), **daily(boundsRange={"low": days(5), "high": days(7)})}))
    assert step.days_low == 5
    assert step.days == 7


def test_no_bounds_are_no_end() -> None:
    order = read({**dose(40), **daily()})
    assert asked.open_ended(order)
    assert reason(asked.duration_days(order)) == "the order has no end"
    assert asked.course_end(order, start=dt.date(2026, 3, 2)) is None


def test_an_end_far_away_is_no_end() -> None:
    assert asked.open_ended(read({**dose(40), **daily(boundsPeriod={"start": "2026-03-02", "end": "9999-12-31"})}))


def test_an_end_before_the_start_is_told_and_not_used() -> None:
    order = read({**dose(40), **daily(boundsPeriod={"start": "2026-03-05", "end": "2026-03-02"})})
    assert [(p.kind, p.text) for p in order.problems] == [("contradiction", "the order ends before it starts")]
    assert reason(asked.duration_days(order)) == "how long the order lasts is not known"
    assert asked.course_end(order) is None
    assert not asked.open_ended(order)


def test_an_unreadable_length_is_unknown_and_not_open() -> None:
    for bounds in (
        {"boundsDuration": quantity(5, "d", code="wk")},
        {"boundsDuration": {"value": 5}},
        {"boundsDuration": quantity(-5, "d")},
        {"boundsPeriod": {"start": "2026-03-02", "end": "soon"}},
        {"boundsRange": {"low": days(5)}},
        {"count": 0},
    ):
        order = read({**dose(40), **repeat(frequency=1, period=1, periodUnit="d", **bounds)})
        assert reason(asked.duration_days(order)) == "how long the order lasts is not known"
        assert not asked.open_ended(order)


def test_a_duration_below_the_period_is_a_pulse() -> None:
    order = read({**dose(40), **repeat(frequency=1, period=28, periodUnit="d", duration=4, durationUnit="d")})
    (step,) = asked.steps(order)
    assert step.days_per_cycle == 4
    assert step.cycle_days == 28
    assert one(asked.daily_amount(order)) == (Decimal(40), "mg")
    assert one(asked.amount_per_cycle(order)) == (Decimal(160), "mg")
    assert asked.days_per_cycle(order) == 4
    assert asked.longest_run(order) == 4
    assert kinds(order) == ["assumed"]


def test_hours_of_infusion_are_no_pulse() -> None:
    order = read({**dose(28, "g"), **daily(duration=4, durationUnit="h", count=5)})
    (step,) = asked.steps(order)
    assert step.days_per_cycle is None
    assert order.problems == ()


def test_five_times_in_four_weeks_is_taken_for_five_days_in_a_row() -> None:
    order = read({**dose(28, "g"), **repeat(frequency=5, period=4, periodUnit="wk")})
    assert one(asked.amount_per_cycle(order)) == (Decimal(140000), "mg")  # 5 x 28 g
    assert asked.days_per_cycle(order) == 5
    assert [(p.kind, p.text) for p in order.problems] == [
        ("assumed", "5 doses in the period are taken to be given on 5 days in a row")
    ]
    assert a_week(asked.administrations_per_week(order)) == Decimal("1.25")


def test_as_needed_is_kept_and_counts_in_full() -> None:
    for as_needed in ({"asNeededBoolean": True}, {"asNeededCodeableConcept": {"text": "pain"}}, {"asNeeded": True}):
        order = read({**dose(5), **daily(3), **as_needed})
        assert asked.prn(order)
        assert one(asked.daily_amount(order)) == (Decimal(15), "mg")
    assert not asked.prn(read({**dose(5), **daily(3), "asNeededBoolean": False}))


def test_each_figure_names_its_element() -> None:
    order = read({**dose(15), **weekly()})
    (step,) = asked.steps(order)
    assert isinstance(step.dose, asked.Amount)
    assert step.dose.where == "dosageInstruction[0].doseAndRate[0].doseQuantity"
    assert isinstance(step.frequency, asked.Frequency)
    assert step.frequency.where == "dosageInstruction[0].timing.repeat"
