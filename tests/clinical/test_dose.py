"""Questions on a regimen, asked of values made by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical import dose
from cds_service.clinical.dose import Amount, Frequency, Regimen, Step, Unknown

MONDAY = dt.date(2026, 3, 2)


def mg(low: object, high: object = None, unit: dose.DoseUnit = "mg") -> Amount:
    return Amount(low=Decimal(str(low)), high=Decimal(str(low if high is None else high)), unit=unit)


def often(a_day: object, a_week: object) -> Frequency:
    day, week = Decimal(str(a_day)), Decimal(str(a_week))
    return Frequency(per_day_low=day, per_day_high=day, per_week_low=week, per_week_high=week)


DAILY = Step(dose=mg(40), frequency=often(1, 7), period_days=Decimal(1))
WEEKLY = Step(dose=mg(15), frequency=often(1, 1), period_days=Decimal(7))
FOUR_DAYS = msgspec.structs.replace(DAILY, days=Decimal(4), days_low=Decimal(4), open_ended=False)
PULSE = msgspec.structs.replace(
    DAILY, frequency=often(1, 1), period_days=Decimal(28), days_per_cycle=4, cycle_days=Decimal(28)
)
DATED = Step(
    dose=mg(1000),
    frequency=often(1, 1),
    dates=(MONDAY, dt.date(2026, 3, 16)),
    start=MONDAY,
    end=dt.date(2026, 3, 16),
    days=Decimal(15),
    open_ended=False,
    count=2,
)


def order(*phases: Step | tuple[Step, ...]) -> Regimen:
    return Regimen(phases=tuple(phase if isinstance(phase, tuple) else (phase,) for phase in phases))


def test_an_order_without_a_dosage_answers_nothing() -> None:
    nothing = Unknown(reason="the order says nothing about its dosage")
    empty = Regimen()
    assert dose.single_dose(empty) == nothing
    assert dose.daily_amount(empty) == nothing
    assert dose.daily_limit(empty) == nothing
    assert dose.weekly_amount(empty) == nothing
    assert dose.average_daily_amount(empty) == nothing
    assert dose.amount_per_cycle(empty) == nothing
    assert dose.days_per_cycle(empty) == nothing
    assert dose.longest_run(empty) == nothing
    assert dose.administrations_per_week(empty) == nothing
    assert dose.dates_of_giving(empty, start=MONDAY, horizon_days=10) == nothing
    assert dose.duration_days(empty) == Unknown(reason="the order has no end")
    assert dose.open_ended(empty)
    assert dose.course_start(empty) is None
    assert dose.course_end(empty, start=MONDAY) is None
    assert dose.weekdays(empty) == ()
    assert not dose.prn(empty)
    assert dose.in_words(empty) == ""


def test_amounts_of_a_daily_order() -> None:
    assert dose.single_dose(order(DAILY)) == mg(40)
    assert dose.daily_amount(order(DAILY)) == mg(40)
    assert dose.weekly_amount(order(DAILY)) == mg(280)
    assert dose.average_daily_amount(order(DAILY)) == mg(40)


def test_the_largest_phase_counts() -> None:
    lower = msgspec.structs.replace(DAILY, dose=mg(20))
    assert dose.daily_amount(order(FOUR_DAYS, lower)) == mg(40)
    assert dose.weekly_amount(order(FOUR_DAYS, lower)) == mg(160)  # 4 x 40 against 7 x 20 = 140


def test_an_unknown_figure_keeps_its_reason() -> None:
    why = Unknown(reason="the order states no dose", where="dosageInstruction[1]")
    unknown = msgspec.structs.replace(DAILY, dose=why)
    assert dose.daily_amount(order(DAILY, unknown)) == why
    assert dose.weekly_amount(order((DAILY, unknown))) == why


def test_a_cap_bounds_the_day_and_the_week() -> None:
    capped = msgspec.structs.replace(DAILY, cap=mg(30), cap_days=Decimal(1))
    assert dose.daily_amount(order(capped)) == mg(30)
    assert dose.weekly_amount(order(capped)) == mg(210)
    by_week = msgspec.structs.replace(DAILY, cap=mg(70), cap_days=Decimal(7))
    assert dose.daily_amount(order(by_week)) == mg(40)
    assert dose.weekly_amount(order(by_week)) == mg(70)
    half_a_day = msgspec.structs.replace(DAILY, frequency=often(4, 28), cap=mg(40), cap_days=Decimal("0.5"))
    assert dose.daily_amount(order(half_a_day)) == mg(80)


def test_a_cycle_of_a_pulse_of_a_course_and_of_dates() -> None:
    assert dose.amount_per_cycle(order(PULSE)) == mg(160)
    assert dose.days_per_cycle(order(PULSE)) == 4
    assert dose.amount_per_cycle(order(FOUR_DAYS)) == mg(160)
    assert dose.amount_per_cycle(order(DATED)) == mg(1000)
    assert dose.days_per_cycle(order(DATED)) == 1
    assert dose.amount_per_cycle(order(WEEKLY)) == mg(15)


def test_days_three_apart_are_one_cycle_and_four_apart_are_two() -> None:
    three = msgspec.structs.replace(DATED, dates=(MONDAY, MONDAY + dt.timedelta(3)))
    four = msgspec.structs.replace(DATED, dates=(MONDAY, MONDAY + dt.timedelta(4)))
    assert dose.amount_per_cycle(order(three)) == mg(2000)
    assert dose.amount_per_cycle(order(four)) == mg(1000)


def test_a_cycle_is_at_most_seven_days_long() -> None:
    assert dose.days_per_cycle(order(DAILY)) == 7
    assert dose.amount_per_cycle(order(DAILY)) == mg(280)


def test_a_cycle_may_run_over_two_phases() -> None:
    first = msgspec.structs.replace(FOUR_DAYS, dose=mg(10), days=Decimal(1))
    assert dose.amount_per_cycle(order(first, FOUR_DAYS)) == mg(170)  # 10 + 4 x 40
    assert dose.days_per_cycle(order(first, FOUR_DAYS)) == 5


def test_days_in_a_row() -> None:
    assert dose.longest_run(order(FOUR_DAYS)) == 4
    assert dose.longest_run(order(PULSE)) == 4
    assert dose.longest_run(order(WEEKLY)) == 1
    assert dose.longest_run(order(DAILY)) == Unknown(reason="the order has no end")


def test_dates_of_giving() -> None:
    ask = dose.dates_of_giving
    assert ask(order(FOUR_DAYS), start=MONDAY, horizon_days=365) == tuple(MONDAY + dt.timedelta(n) for n in range(4))
    assert ask(order(FOUR_DAYS), start=MONDAY, horizon_days=2) == (MONDAY, dt.date(2026, 3, 3))
    assert ask(order(WEEKLY), start=MONDAY, horizon_days=15) == (MONDAY, dt.date(2026, 3, 9), dt.date(2026, 3, 16))
    assert ask(order(DATED), start=dt.date(2000, 1, 1), horizon_days=30000) == DATED.dates
    days = ask(order(PULSE), start=MONDAY, horizon_days=30)
    assert days == (*(MONDAY + dt.timedelta(n) for n in range(4)), dt.date(2026, 3, 30), dt.date(2026, 3, 31))


def test_dates_on_days_of_the_week() -> None:
    tuesdays = msgspec.structs.replace(WEEKLY, weekdays=("tue",))
    assert dose.dates_of_giving(order(tuesdays), start=MONDAY, horizon_days=10) == (
        dt.date(2026, 3, 3),
        dt.date(2026, 3, 10),
    )
    fortnightly = msgspec.structs.replace(tuesdays, period_days=Decimal(14), frequency=often(1, "0.5"))
    assert dose.dates_of_giving(order(fortnightly), start=MONDAY, horizon_days=20) == (
        dt.date(2026, 3, 3),
        dt.date(2026, 3, 17),
    )


def test_a_count_ends_the_dates() -> None:
    twice = msgspec.structs.replace(
        WEEKLY, frequency=often(1, "0.5"), period_days=Decimal(14), count=2, days=Decimal(15), open_ended=False
    )
    assert dose.dates_of_giving(order(twice), start=MONDAY, horizon_days=365) == (MONDAY, dt.date(2026, 3, 16))


def test_twice_a_week_without_days_has_no_dates() -> None:
    twice = msgspec.structs.replace(WEEKLY, frequency=often(1, 2))
    answer = dose.dates_of_giving(order(twice), start=MONDAY, horizon_days=365)
    assert answer == Unknown(reason="the order does not say on which days")


def test_a_phase_after_one_of_unknown_length_has_no_dates() -> None:
    answer = dose.dates_of_giving(order(DAILY, WEEKLY), start=MONDAY, horizon_days=365)
    assert answer == Unknown(reason="how long the order lasts is not known")


def test_start_end_and_length_of_a_course() -> None:
    assert dose.course_end(order(FOUR_DAYS), start=MONDAY) == dt.date(2026, 3, 5)
    assert dose.course_end(order(FOUR_DAYS)) is None
    assert dose.course_end(order(DAILY), start=MONDAY) is None
    assert dose.course_start(order(DATED)) == MONDAY
    assert dose.course_end(order(DATED)) == dt.date(2026, 3, 16)
    assert dose.duration_days(order(FOUR_DAYS, FOUR_DAYS)) == 8
    assert dose.course_end(order(FOUR_DAYS, FOUR_DAYS), start=MONDAY) == dt.date(2026, 3, 9)
    unknown = msgspec.structs.replace(DAILY, open_ended=False)
    assert dose.duration_days(order(unknown)) == Unknown(reason="how long the order lasts is not known")


def test_any_part_as_needed_makes_the_order_as_needed() -> None:
    assert dose.prn(order(DAILY, msgspec.structs.replace(DAILY, prn=True)))
    assert not dose.prn(order(DAILY))


def test_by_weight_and_by_surface() -> None:
    assert dose.per_kg(mg("220.5"), Decimal(70)) == mg("3.15", unit="mg/kg")
    assert dose.per_kg(mg(3, unit="mg/kg"), Decimal(70)) == mg(3, unit="mg/kg")
    assert dose.per_m2(mg(900), Decimal("1.8")) == mg(500, unit="mg/m2")
    assert dose.per_m2(mg(500, unit="mg/m2"), Decimal("1.8")) == mg(500, unit="mg/m2")
    assert dose.absolute(mg(400, unit="mg/kg"), Decimal(70)) == mg(28000)
    assert dose.absolute(mg(500, unit="mg/m2"), None, Decimal("1.8")) == mg(900)
    assert dose.absolute(mg(500), None) == mg(500)


def test_what_cannot_be_converted_says_why() -> None:
    not_mg = Unknown(reason="the dose is not known in mg")
    assert dose.per_kg(mg(2, unit="1"), Decimal(70)) == not_mg
    assert dose.per_kg(mg(2, unit="mg/m2"), Decimal(70)) == not_mg
    assert dose.per_kg(mg(2), Decimal(0)) == not_mg
    assert dose.per_m2(mg(2, unit="mL"), Decimal(2)) == not_mg
    assert dose.absolute(mg(2, unit="[iU]"), Decimal(70)) == not_mg
    assert dose.absolute(mg(2, unit="mg/kg"), None) == Unknown(reason="the body weight is not known")
    assert dose.absolute(mg(2, unit="mg/m2"), Decimal(70)) == Unknown(reason="the body surface is not known")


@pytest.mark.parametrize(
    ("regimen", "words"),
    [
        (order(DAILY), "40 mg once daily"),
        (order(FOUR_DAYS), "40 mg once daily for 4 days"),
        (order(WEEKLY), "15 mg once a week"),
        (order(msgspec.structs.replace(WEEKLY, weekdays=("mon",))), "15 mg once a week on Monday"),
        (order(PULSE), "40 mg on 4 days in every 28 days"),
        (order(DATED), "1000 mg on 2 dates"),
        (order(msgspec.structs.replace(DAILY, frequency=often(2, 14), dose=mg(1, 2))), "1-2 mg 2 times daily"),
        (order(msgspec.structs.replace(DAILY, prn=True, dose=mg(800, unit="[iU]"))), "800 IU once daily as needed"),
        (order(FOUR_DAYS, WEEKLY), "40 mg once daily for 4 days, then 15 mg once a week"),
        (order((DAILY, WEEKLY)), "40 mg once daily and 15 mg once a week"),
        (order(msgspec.structs.replace(DAILY, frequency=Unknown(reason="x"))), "40 mg how often not known"),
        (order(msgspec.structs.replace(DAILY, dose=Unknown(reason="x"))), "dose not known once daily"),
        (order(Step(dose=Unknown(reason="x"), frequency=Unknown(reason="y"))), ""),
        (
            order(msgspec.structs.replace(WEEKLY, period_days=Decimal(14), frequency=often(1, "0.5"))),
            "15 mg once every 14 days",
        ),
        (order(msgspec.structs.replace(WEEKLY, frequency=often(1, 2))), "15 mg 2 times a week"),
        (order(msgspec.structs.replace(DAILY, count=1)), "40 mg once"),
    ],
)
def test_in_words(regimen: Regimen, words: str) -> None:
    assert dose.in_words(regimen) == words


def test_numbers_are_shown_without_needless_zeros() -> None:
    assert dose.plain(Decimal("15.000")) == "15"
    assert dose.plain(Decimal("2.50")) == "2.5"
    assert dose.plain(Decimal(7) / 3) == "2.333"
    assert dose.plain(Decimal("1E+3")) == "1000"
