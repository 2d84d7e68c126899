"""How much is given at once (CLINICAL D.2), and what bad input does to it (FAULTS E)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.clinical import dose as asked
from cds_service.mapping.products import Strength
from tests.mapping.orders import (
    Json,
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
    weekly,
)


def entry(value: object, unit: str, kind: str | None = None) -> Json:
    typed: Json = {"type": {"coding": [{"code": kind}]}} if kind else {}
    return {**typed, "doseQuantity": quantity(value, unit)}


def single(*entries: Json, **more: object) -> asked.Amount | asked.Unknown:
    return asked.single_dose(read({"doseAndRate": list(entries), **daily(), **more}))


def test_the_ordered_entry_counts_and_three_entries_are_one_dose() -> None:
    order = read(
        {
            "doseAndRate": [
                entry(2, "{tbl}", "admin-amount"),
                entry(650, "mg", "calculated"),
                entry(650, "mg", "ordered"),
            ],
            **daily(4),
        }
    )
    assert one(asked.single_dose(order)) == (Decimal(650), "mg")
    assert one(asked.daily_amount(order)) == (Decimal(2600), "mg")
    assert order.problems == ()


def test_an_untyped_entry_counts_before_a_calculated_one() -> None:
    assert one(single(entry(28, "g", "calculated"), entry(0.4, "g/kg"))) == (Decimal(400), "mg/kg")


def test_a_mass_counts_before_a_count_of_more_trust() -> None:
    assert one(single(entry(2, "{tbl}", "ordered"), entry(650, "mg", "calculated"))) == (Decimal(650), "mg")


def test_entries_that_differ_are_told() -> None:
    order = read({"doseAndRate": [entry(15, "mg", "ordered"), entry(150, "mg", "calculated")], **weekly()})
    assert one(asked.single_dose(order)) == (Decimal(15), "mg")
    assert [(p.kind, p.text) for p in order.problems] == [
        ("contradiction", "the order states its dose more than once, and differently")
    ]


def test_a_single_entry_without_its_list_is_read() -> None:
    order = read({"doseAndRate": entry(15, "mg"), **weekly()})
    assert one(asked.weekly_amount(order)) == (Decimal(15), "mg")


def test_a_range_in_the_position_of_stu3_is_read() -> None:
    order = read({"doseRange": {"low": quantity(1, "mg"), "high": quantity(2, "mg")}, **daily()})
    assert span(asked.single_dose(order)) == (1, 2, "mg")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (quantity(15, "mg"), (15, "mg")),
        (quantity(15, "MG"), (15, "mg")),
        (quantity("15", "mg"), (15, "mg")),
        (quantity(1, "g"), (1000, "mg")),
        (quantity(500, "ug"), (Decimal("0.5"), "mg")),
        (quantity(500, "mcg"), (Decimal("0.5"), "mg")),
        (quantity(500, "\u00b5g"), (Decimal("0.5"), "mg")),  # micro sign
        (quantity(500, "\u03bcg"), (Decimal("0.5"), "mg")),  # Greek mu
        (quantity(15, "mg", "$ucum"), (15, "mg")),
        ({"value": 15, "unit": "milligram"}, (15, "mg")),
        ({"value": 15, "code": "mg"}, (15, "mg")),
        (quantity(375, "mg/m2"), (375, "mg/m2")),
        (quantity(50, "mg/m2 BSA", code="mg/m2"), (50, "mg/m2")),
        (quantity(0.4, "g/kg"), (400, "mg/kg")),
        (quantity(5000, "ug/kg"), (5, "mg/kg")),
        (quantity(800, "IU", code="[iU]"), (800, "[iU]")),
        (quantity(2, "tablet", "http://snomed.info/sct", "428673006"), (2, "1")),
        (quantity(2, "Tablette", code="1"), (2, "1")),
        (quantity(2, "TAB", "http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm"), (2, "1")),
        (quantity(5, "ml", code="mL"), (5, "mL")),
    ],
)
def test_units_of_a_dose(written: Json, read_as: tuple[object, str]) -> None:
    assert one(single({"doseQuantity": written})) == read_as


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"value": 15}, "the amount has no unit"),
        ({"unit": "mg"}, "the dose has no number"),
        (quantity(0, "mg"), "the dose is zero"),
        (quantity(-5, "mg"), "the dose is below zero"),
        (quantity(1e9, "mg"), "the number of the dose cannot be meant"),
        (quantity("1e999999", "mg"), "the number of the dose cannot be meant"),
        (quantity("NaN", "mg"), "the number of the dose cannot be meant"),
        (quantity("7,5", "mg"), "the dose cannot be read"),
        (quantity("0." + "1" * 40, "mg"), "the number of the dose cannot be meant"),
        ({**quantity(15, "mg"), "comparator": "<"}, "the dose is only bounded, not stated"),
        (quantity(15, "mg", code="g"), "the code and the words of the unit say different things"),
        (quantity(20, "mEq"), "the unit is not known"),
        (quantity(20, "mg/d"), "the unit is not known"),
        (quantity(2, "tablet-ish thing"), "the unit is not known"),
        (quantity(20, "", "http://snomed.info/sct", "123456"), "the unit is not known"),
        (quantity(20, "cm"), "the unit is none of a dose"),
        ("15 mg", "the dose cannot be read"),
    ],
)
def test_what_is_no_dose_is_unknown(written: object, why: str) -> None:
    order = read({"doseAndRate": [{"doseQuantity": written}], **daily()})
    assert reason(asked.single_dose(order)) == why
    assert reason(asked.daily_amount(order)) == why


def test_a_unit_that_contradicts_its_code_is_told() -> None:
    assert kinds(read({"doseAndRate": [{"doseQuantity": quantity(15, "mg", code="g")}], **daily()})) == ["unit"]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"high": quantity(2, "mg")}, "the dose range has no lower end"),
        ({"low": quantity(2, "mg")}, "the dose range has no upper end"),
        ({"low": quantity(3, "mg"), "high": quantity(2, "mg")}, "the dose range ends below its start"),
        ({"low": quantity(1, "mg"), "high": quantity(2, "mL")}, "the ends of the dose range have different units"),
    ],
)
def test_what_is_no_range_is_unknown(written: Json, why: str) -> None:
    assert reason(single({"doseRange": written})) == why


def test_a_lower_end_without_a_unit_has_that_of_the_upper() -> None:
    assert span(single({"doseRange": {"low": {"value": 1}, "high": quantity(2, "g")}})) == (1000, 2000, "mg")


def test_a_count_without_a_strength_stays_a_count() -> None:
    assert one(single(entry(6, "{tablet}"))) == (6, "1")


def test_drops_are_never_multiplied_by_the_strength_of_a_piece() -> None:
    order = read({"doseAndRate": [entry(3, "drop")], **daily()}, name="prednisolone 5 mg")
    assert one(asked.single_dose(order)) == (3, "1")


def test_a_prefilled_pen_holds_its_volume_times_the_concentration() -> None:
    order = read({"doseAndRate": [entry(1, "pen")], **weekly()}, name="0.3 ML methotrexate 50 MG/ML Auto-Injector")
    assert one(asked.weekly_amount(order)) == (15, "mg")


def test_a_vial_of_unknown_volume_is_not_multiplied_by_a_concentration() -> None:
    order = read({"doseAndRate": [entry(1, "vial")], **weekly()}, name="methotrexate 25 MG/ML Injection")
    assert one(asked.single_dose(order)) == (1, "1")


def test_two_strengths_that_contradict_each_other_make_the_dose_unknown() -> None:
    coded_strength = Strength(ingredient="", amount=Decimal("2.5"), unit="mg", per="1", where="code")
    order = read(
        {"doseAndRate": [entry(6, "{tablet}")], **weekly()}, name="methotrexate 10 mg", strengths=[coded_strength]
    )
    assert reason(asked.single_dose(order)) == "two sources of the product's strength contradict each other"


def test_salt_and_base_may_differ_a_little_and_the_first_counts() -> None:
    coded_strength = Strength(ingredient="", amount=Decimal("2.5"), unit="mg", per="1", where="code")
    order = read(
        {"doseAndRate": [entry(6, "{tablet}")], **weekly()}, name="methotrexate 2.74 mg", strengths=[coded_strength]
    )
    assert one(asked.single_dose(order)) == (15, "mg")
    assert kinds(order) == ["strength"]


def test_the_wanted_ingredient_of_a_combination() -> None:
    name = "sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet"
    for ingredient, amount in (("sulfamethoxazole", 800), ("trimethoprim", 160)):
        order = read({"doseAndRate": [entry(1, "{tablet}")], **daily()}, name=name, ingredient=ingredient)
        assert one(asked.daily_amount(order)) == (amount, "mg")


def test_a_rate_for_a_known_time_is_a_dose() -> None:
    ratio = {"numerator": quantity(2, "g"), "denominator": quantity(1, "h")}
    order = read({"doseAndRate": [{"rateRatio": ratio}], **daily(duration=4, durationUnit="h", count=1)})
    assert one(asked.single_dose(order)) == (8000, "mg")  # 2 g/h x 4 h
    quick = read({"doseAndRate": [{"rateQuantity": quantity(100, "mL/h")}], **daily(duration=30, durationUnit="min")})
    assert one(asked.single_dose(quick)) == (50, "mL")


def test_a_rate_alone_is_no_dose() -> None:
    assert reason(single({"rateQuantity": quantity(100, "mL/h")})) == "the order states a rate, but not for how long"


def test_a_mass_per_day_is_a_daily_dose() -> None:
    ratio = {"numerator": quantity(60, "mg"), "denominator": days(1)}
    for timing in ({}, daily(), daily(2), repeat(frequency=1, period=8, periodUnit="h")):
        order = read({"doseAndRate": [{"rateRatio": ratio}], **timing})
        assert one(asked.daily_amount(order)) == (60, "mg")


def test_a_mass_per_week_is_a_weekly_dose() -> None:
    ratio = {"numerator": quantity(15, "mg"), "denominator": quantity(1, "wk")}
    for timing in ({}, weekly(), daily(dayOfWeek=["mon"])):
        order = read({"doseAndRate": [{"rateRatio": ratio}], **timing})
        assert one(asked.weekly_amount(order)) == (15, "mg")


def test_a_rate_beside_a_dose_is_not_used() -> None:
    assert one(single({"doseQuantity": quantity(400, "mg"), "rateQuantity": quantity(7.5, "mL/h")})) == (400, "mg")


def test_only_the_stated_maximum_serves_for_upper_limits() -> None:
    cap = {"maxDosePerPeriod": {"numerator": quantity(4, "g"), "denominator": quantity(24, "h")}}
    order = read({"text": "as needed", **cap})
    assert reason(asked.daily_amount(order)) == "the order states no dose"
    assert span(asked.daily_limit(order)) == (0, 4000, "mg")


def test_a_maximum_that_is_not_reached_changes_nothing() -> None:
    cap = {"maxDosePerPeriod": [{"numerator": quantity(720, "mg"), "denominator": days(1)}]}
    order = read({**dose(240), **daily(2), **cap})
    assert one(asked.daily_amount(order)) == (480, "mg")
    assert order.problems == ()


def test_a_maximum_without_a_unit_is_told_and_not_used() -> None:
    cap = {"maxDosePerPeriod": {"numerator": {"value": 3}, "denominator": {"value": 1, "code": "d"}}}
    order = read({**dose(5), **coded("TID"), **cap})
    assert one(asked.daily_amount(order)) == (15, "mg")
    assert [(p.kind, p.text) for p in order.problems] == [
        ("unreadable", "the maximum dose cannot be used: the amount has no unit")
    ]


def test_an_unreadable_member_spoils_only_what_it_says() -> None:
    order = read({**dose(15), **weekly(), "text": 7, "site": {"x": 1}})
    assert one(asked.weekly_amount(order)) == (15, "mg")
    assert [(p.kind, p.text, p.where) for p in order.problems] == [
        ("unreadable", "a part of the dosage cannot be read", "dosageInstruction[0].text")
    ]


def test_a_dosage_that_is_no_object_is_unknown() -> None:
    order = read("15 mg daily")  # type: ignore[arg-type]
    assert reason(asked.single_dose(order)) == "the dose cannot be read"
    assert reason(asked.administrations_per_week(order)) == "the timing cannot be read"
