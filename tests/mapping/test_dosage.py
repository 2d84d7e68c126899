"""The dosage reader against its table: CLINICAL D.8 (P1 to P22) and the traps of D.7."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from cds_service.clinical import dose as asked
from tests.mapping.orders import (
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
    span,
    tablets,
    weekly,
)


def test_p1_once_a_week_is_once_a_week() -> None:
    order = read({**dose(15), **weekly()})
    assert one(asked.weekly_amount(order)) == (Decimal(15), "mg")
    assert a_week(asked.administrations_per_week(order)) == 1


def test_p2_weekly_order_on_a_named_day_is_not_daily() -> None:
    order = read({**dose(15), **daily(dayOfWeek=["mon"])})
    assert one(asked.weekly_amount(order)) == (Decimal(15), "mg")
    assert a_week(asked.administrations_per_week(order)) == 1
    assert asked.weekdays(order) == ("mon",)


def test_p3_seven_days_and_168_hours_are_a_week() -> None:
    for period, unit in ((7, "d"), (168, "h"), (1, "wk")):
        order = read({**dose(15), **repeat(frequency=1, period=period, periodUnit=unit)})
        assert one(asked.weekly_amount(order)) == (Decimal(15), "mg")


def test_p4_six_tablets_of_the_named_strength_once_a_week() -> None:
    order = read({**tablets(6), **coded("WK")}, name="methotrexate 2.5 MG Oral Tablet", ingredient="methotrexate")
    assert one(asked.weekly_amount(order)) == (Decimal(15), "mg")  # 6 x 2.5
    assert order.timing_code == "WK"


def test_p5_a_frequency_without_a_period_is_unknown() -> None:
    order = read({**dose(15), **repeat(frequency=1)})
    assert reason(asked.administrations_per_week(order)) == "the order has a frequency but no period"
    assert reason(asked.weekly_amount(order)) == "the order has a frequency but no period"
    assert one(asked.single_dose(order)) == (Decimal(15), "mg")


def test_p6_twice_a_week_on_two_named_days() -> None:
    order = read({**dose(12.5), **weekly(2, dayOfWeek=["mon", "tue"])})
    assert one(asked.weekly_amount(order)) == (Decimal(25), "mg")
    assert a_week(asked.administrations_per_week(order)) == 2


def test_p7_daily_by_its_abbreviation() -> None:
    order = read({**dose(2.5), **coded("QD")})
    assert one(asked.weekly_amount(order)) == (Decimal("17.5"), "mg")  # 7 x 2.5
    assert a_week(asked.administrations_per_week(order)) == 7
    assert order.timing_code == "QD"


def test_p8_twice_daily() -> None:
    assert one(asked.daily_amount(read({**dose(720), **coded("BID")}))) == (Decimal(1440), "mg")


def test_p9_four_doses_are_four_days() -> None:
    order = read({**dose(40), **daily(count=4)})
    assert one(asked.daily_amount(order)) == (Decimal(40), "mg")
    assert asked.duration_days(order) == 4
    assert not asked.open_ended(order)


def test_p10_a_course_by_weight_needs_no_weight() -> None:
    order = read({**dose(0.4, "g/kg"), **daily(boundsDuration=days(5))})
    assert one(asked.amount_per_cycle(order)) == (Decimal(2000), "mg/kg")  # 5 x 400
    assert asked.days_per_cycle(order) == 5


def test_p11_one_dose_is_one_day() -> None:
    order = read({**dose(140, "g"), **daily(count=1)})
    per_cycle = asked.amount_per_cycle(order)
    assert one(per_cycle) == (Decimal(140000), "mg")
    assert isinstance(per_cycle, asked.Amount)
    assert one(asked.per_kg(per_cycle, Decimal(70))) == (Decimal(2000), "mg/kg")
    assert asked.days_per_cycle(order) == 1
    assert a_week(asked.administrations_per_week(order)) == 1


def test_p12_a_taper_of_three_steps() -> None:
    order = read(
        {"sequence": 1, **dose(60), **daily(boundsDuration=days(28))},
        {"sequence": 2, **dose(50), **daily(boundsDuration=days(14))},
        {"sequence": 3, **dose(40), **daily()},
    )
    assert one(asked.daily_amount(order)) == (Decimal(60), "mg")
    assert [one(step.dose)[0] for step in asked.steps(order)] == [60, 50, 40]
    assert len(order.phases) == 3
    assert asked.phase_days(order.phases[0]) == 28
    assert asked.open_ended(order)


def test_p13_morning_and_evening_are_added() -> None:
    order = read({**dose(40), **repeat(when=["MORN"])}, {**dose(20), **repeat(when=["EVE"])})
    assert one(asked.daily_amount(order)) == (Decimal(60), "mg")
    assert one(asked.single_dose(order)) == (Decimal(40), "mg")


def test_p14_a_range_keeps_both_ends() -> None:
    order = read(
        {"doseAndRate": [{"doseRange": {"low": quantity(1, "mg"), "high": quantity(2, "mg")}}], **coded("BID")}
    )
    assert span(asked.daily_amount(order)) == (Decimal(2), Decimal(4), "mg")


def test_p15_a_volume_times_the_concentration() -> None:
    order = read({**dose(5, "mL"), **coded("BID")}, name="tacrolimus 1 mg/mL", ingredient="tacrolimus")
    assert one(asked.daily_amount(order)) == (Decimal(10), "mg")


def test_p16_two_infusions_a_fortnight_apart() -> None:
    order = read({**dose(1000), **repeat(frequency=1, period=14, periodUnit="d", count=2)})
    start = dt.date(2026, 3, 2)
    assert asked.dates_of_giving(order, start=start, horizon_days=365) == (start, dt.date(2026, 3, 16))
    assert one(asked.amount_per_cycle(order)) == (Decimal(1000), "mg")


def test_p17_the_stated_maximum_bounds_the_day() -> None:
    cap = {"maxDosePerPeriod": {"numerator": quantity(100, "mg"), "denominator": days(1)}}
    order = read({**dose(150), **daily(), **cap})
    assert one(asked.daily_amount(order)) == (Decimal(100), "mg")
    assert kinds(order) == ["contradiction"]


def test_p18_alternate_days() -> None:
    order = read({**dose(20), **coded("QOD")})
    assert one(asked.daily_amount(order)) == (Decimal(20), "mg")
    assert one(asked.average_daily_amount(order)) == (Decimal(10), "mg")


def test_p19_text_gives_a_word_but_no_amount() -> None:
    order = read({"text": "1x per week 15 mg"})
    assert reason(asked.weekly_amount(order)) == "the order states no dose"
    assert order.words == {"weekly"}


def test_p20_text_alone_may_say_daily() -> None:
    assert read({"text": "15 mg daily"}).words == {"daily"}


def test_p21_the_published_taper_is_20_then_10_then_5() -> None:
    steps = (("2015-01-16", "2015-01-20", 4), ("2015-01-23", "2015-01-30", 2), ("2015-01-31", "2015-02-06", 1))
    order = read(
        *(
            {
                "sequence": number,
                "text": f"Take {count} tablets daily for 7 days",
                "doseAndRate": [
                    {
                        "doseQuantity": quantity(
                            count, "TAB", "http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm"
                        )
                    }
                ],
                **daily(boundsPeriod={"start": start, "end": end}),
            }
            for number, (start, end, count) in enumerate(steps, 1)
        ),
        name="Prednisone 5mg tablet (Product)",
        ingredient="prednisone",
    )
    assert [one(step.dose)[0] for step in asked.steps(order)] == [20, 10, 5]
    assert one(asked.daily_amount(order)) == (Decimal(20), "mg")
    assert [asked.phase_days(phase) for phase in order.phases] == [5, 8, 7]
    assert asked.course_start(order) == dt.date(2015, 1, 16)
    assert asked.course_end(order) == dt.date(2015, 2, 6)


def test_p22_a_decimal_comma_in_the_name() -> None:
    order = read({**tablets(2), **weekly()}, name="Methotrexaat tablet 7,5 mg", ingredient="methotrexate")
    assert one(asked.weekly_amount(order)) == (Decimal(15), "mg")


def test_trap_a_suspension_in_ml_twice_daily() -> None:
    order = read({**dose(2, "mL"), **daily(2)}, name="tacrolimus 1 mg/mL suspension", ingredient="tacrolimus")
    assert one(asked.daily_amount(order)) == (Decimal(4), "mg")


def test_trap_dutch_and_german_shorthand_is_daily() -> None:
    for text in ("1x daags", "1dd", "2dd", "tgl."):
        assert read({"text": text}).words == {"daily"}


def test_trap_forty_on_alternate_days_has_two_answers() -> None:
    order = read({**dose(40), **repeat(frequency=1, period=2, periodUnit="d")})
    assert one(asked.daily_amount(order)) == (Decimal(40), "mg")
    assert one(asked.average_daily_amount(order)) == (Decimal(20), "mg")


def test_trap_a_reduction_by_week_is_a_taper_and_not_a_weekly_dose() -> None:
    order = read({**dose(60), **daily(), "text": "60 mg, reduce by 5 mg per week"})
    assert order.words == {"taper"}
    assert order.problems == ()


def test_trap_no_dosage_at_all_is_unknown() -> None:
    order = read()
    assert order.phases == ()
    assert reason(asked.daily_amount(order)) == "the order says nothing about its dosage"
    assert reason(asked.administrations_per_week(order)) == "the order says nothing about its dosage"


def test_trap_a_dose_in_the_position_of_stu3_is_read() -> None:
    order = read({"doseQuantity": quantity(15, "mg"), **weekly()})
    assert one(asked.weekly_amount(order)) == (Decimal(15), "mg")


def test_trap_a_modifier_extension_makes_all_unknown() -> None:
    order = read({**dose(15), **weekly(), "modifierExtension": [{"url": "http://example.org/x", "valueBoolean": True}]})
    said = "the dosage carries an extension that changes its meaning"
    assert reason(asked.single_dose(order)) == said
    assert reason(asked.administrations_per_week(order)) == said


def test_trap_numbers_are_exact() -> None:
    # 3.15 x 70 = 220.5, which a binary float does not hold.
    order = read({**dose("220.5"), **daily()})
    amount = asked.daily_amount(order)
    assert isinstance(amount, asked.Amount)
    assert one(asked.per_kg(amount, Decimal(70))) == (Decimal("3.15"), "mg/kg")
