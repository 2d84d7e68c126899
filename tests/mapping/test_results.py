"""Observations as results: numbers in one unit, words, the newest first; nothing that is not a number becomes one."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest

from cds_service.clinical.chart import Result
from cds_service.mapping.records import ObservationRecord, read_record
from cds_service.mapping.results import read_result, read_results

from ..ehr import Json, coded, resource


def observed(**elements: object) -> ObservationRecord:
    record = read_record(json.dumps(resource("Observation", "o1", **{"status": "final", **elements})).encode())
    assert isinstance(record, ObservationRecord)
    return record


def result(concept: str = "egfr", /, **elements: object) -> Result:
    return read_result(concept, observed(**elements))


def quantity(value: object, unit: str = "kg", **more: object) -> Json:
    return {"value": value, "unit": unit, **more}


# Numbers


@pytest.mark.parametrize(
    ("value", "unit", "kg"),
    [
        (70, "kg", "70"),
        (70.50, "kg", "70.5"),
        (70500, "g", "70.5"),
        # 453.59237 g to the pound: 150 lb are 68.0388555 kg
        (150, "lb", "68.0388555"),
        (150, "[lb_av]", "68.0388555"),
    ],
)
def test_a_weight_is_read_in_kg(value: object, unit: str, kg: str) -> None:
    found = result("body-weight", valueQuantity=quantity(value, unit))
    assert (found.value, found.unit, found.problem) == (Decimal(kg), "kg", "")


@pytest.mark.parametrize(
    ("value", "unit", "cm"), [(170, "cm", "170"), (1.7, "m", "170"), (67, "in", "170.18"), (67, "[in_i]", "170.18")]
)
def test_a_height_is_read_in_cm(value: object, unit: str, cm: str) -> None:
    found = result("body-height", valueQuantity=quantity(value, unit))
    assert (found.value, found.unit) == (Decimal(cm), "cm")


@pytest.mark.parametrize("unit", ["", "stone", "cm", "%", "{tablet}"])
def test_a_weight_in_an_unknown_unit_has_no_value(unit: str) -> None:
    found = result("body-weight", valueQuantity=quantity(70, unit))
    assert (found.value, found.problem) == (None, "the unit of the result is not known")


@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("concept", ["egfr", "body-weight"])
def test_a_limit_is_no_number(concept: str, comparator: str) -> None:
    found = result(concept, valueQuantity=quantity(90, "kg", comparator=comparator))
    assert (found.value, found.problem) == (None, "the result is only a limit")


@pytest.mark.parametrize("text", ["<10", ">1000", "10", "7,5"])
def test_a_text_is_no_number(text: str) -> None:
    found = result(valueString=text)
    assert (found.value, found.word) == (None, text)


def test_another_concept_keeps_its_number_and_unit_exactly() -> None:
    found = read_record(
        b'{"resourceType":"Observation","status":"final","valueQuantity":{"value":3.150,"unit":"mL/min","code":"mL/min/{1.73_m2}"}}'
    )
    assert isinstance(found, ObservationRecord)
    assert (str(read_result("egfr", found).value), read_result("egfr", found).unit) == ("3.150", "mL/min/{1.73_m2}")


def test_a_quantity_without_a_value_is_no_number_and_no_problem() -> None:
    found = result(valueQuantity={"unit": "kg"})
    assert (found.value, found.unit, found.problem) == (None, "", "")


def test_the_limits_of_the_laboratory_are_kept() -> None:
    found = result(valueQuantity=quantity(300, "U/L"), referenceRange=[{"low": quantity(0), "high": quantity(170)}])
    assert (found.low, found.high) == (Decimal(0), Decimal(170))


@pytest.mark.parametrize(
    ("concept", "value", "unit", "expected"),
    [
        ("egfr-ckd-epi-2021-creatinine", 29, "mL/min/{1.73_m2}", "29"),
        ("egfr-ckd-epi-2009", 29.5, "mL/min/1.73 m²", "29.5"),
        ("egfr-mdrd", 29, "ml/min/1,73m^2", "29"),
        ("egfr-other", 29, "mL/min", "29"),
        ("egfr-other", 0.5, "mL/s/{1.73_m2}", "30"),
        ("wbc", 2.9, "10*9/L", "2.9"),
        ("wbc", 2.9, "10*3/uL", "2.9"),
        ("wbc", 2.9, "K/uL", "2.9"),
        ("wbc", 2.9, "G/L", "2.9"),
        ("wbc", 2.9, "x10^9/L", "2.9"),
        ("wbc", 2900, "/uL", "2.9"),
        ("neutrophils", 1450, "cells/µL", "1.45"),
        ("lymphocytes", 0.4, "10³/µL", "0.4"),
        ("platelets", 90, "/nL", "90"),
        ("alt", 150, "U/L", "150"),
        ("ast", 150, "IU/L", "150"),
        # 2 ukat/L are 120 U/L
        ("ck", 2, "µkat/L", "120"),
        ("igg", 4.2, "g/L", "4.2"),
        ("igg", 420, "mg/dL", "4.2"),
        ("iga", 7, "mg/dL", "0.07"),
        ("calcium", 2.6, "mmol/L", "2.6"),
        # 40.078 mg to the mmol: 10.01950 mg/dL would be 2.5 mmol/L
        ("calcium", 10.0195, "mg/dL", "2.5"),
        ("calcium", 5, "meq/L", "2.5"),
        ("potassium", 5.5, "mEq/L", "5.5"),
        ("tacrolimus-level", 8, "ug/L", "8"),
    ],
)
def test_a_laboratory_number_is_read_in_the_unit_of_the_rules(
    concept: str, value: float, unit: str, expected: str
) -> None:
    found = result(concept, valueQuantity=quantity(value, unit))
    assert found.value is not None
    assert (round(found.value, 6), found.problem) == (Decimal(expected), "")


@pytest.mark.parametrize(
    "quantity_", [{"value": 4}, {"value": 4, "unit": "%"}, {"value": 4, "unit": "cells per field"}]
)
def test_a_laboratory_number_in_an_unknown_unit_has_no_value(quantity_: Json) -> None:
    found = result("wbc", valueQuantity=quantity_)
    assert (found.value, found.problem) == (None, "the unit of the result is not known")


def test_a_unit_whose_code_and_words_differ_gives_no_number() -> None:
    found = result("igg", valueQuantity=quantity(420, "g/L", code="mg/dL", system="http://unitsofmeasure.org"))
    assert (found.value, found.problem) == (None, "the unit of the result is not known")


def test_a_code_of_another_system_is_read_by_the_words() -> None:
    found = result("wbc", valueQuantity=quantity(6.5, "10*9/L", code="258813002", system="http://snomed.info/sct"))
    assert found.value == Decimal("6.5")


@pytest.mark.parametrize(("comparator", "unit", "limit"), [("<", "K/uL", "0.5"), (">=", "/uL", "0.0005")])
def test_a_limit_is_kept_in_the_unit_of_the_rules(comparator: str, unit: str, limit: str) -> None:
    found = result("neutrophils", valueQuantity=quantity(0.5, unit, comparator=comparator))
    assert (found.value, found.comparator, found.limit) == (None, comparator, Decimal(limit))


def test_a_limit_in_an_unknown_unit_is_none() -> None:
    found = result("neutrophils", valueQuantity=quantity(0.5, "%", comparator="<"))
    assert (found.value, found.comparator, found.limit) == (None, "", None)


# Words

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@pytest.mark.parametrize(
    ("code", "word"), [("POS", "positive"), ("A", "positive"), ("NEG", "negative"), ("N", "negative")]
)
@pytest.mark.parametrize("value", [{"valueCodeableConcept": {"text": "see comment"}}, {"valueString": "see comment"}])
def test_the_interpretation_tells_what_a_word_means(code: str, word: str, value: Json) -> None:
    assert result(interpretation=[coded(INTERPRETATION, code)], **value).word == word
    assert result(interpretation=coded(INTERPRETATION, code), **value).word == word


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({"valueCodeableConcept": {"text": " Positive "}}, "positive"),
        ({"valueCodeableConcept": coded("http://snomed.info/sct", "260385009", "Negative")}, "negative"),
        ({"valueString": "Not Detected"}, "not detected"),
        ({"valueCodeableConcept": coded("http://snomed.info/sct", "260385009")}, ""),
        ({"valueBoolean": True}, "positive"),
        ({"valueBoolean": False}, "negative"),
        ({}, ""),
    ],
)
def test_without_an_interpretation_the_words_themselves_are_kept(value: Json, word: str) -> None:
    assert result(**value).word == word


def test_an_interpretation_says_of_a_number_whether_it_is_positive() -> None:
    index = quantity(8.2, "{Index_val}")
    assert (
        result("anti-hbc-total", valueQuantity=index, interpretation=[coded(INTERPRETATION, "POS")]).word == "positive"
    )
    assert result("anti-hbc-total", valueQuantity=index).word == ""


def test_the_own_words_stay_beside_the_interpretation() -> None:
    found = result(
        "tpmt-phenotype",
        valueCodeableConcept={"text": "Poor metabolizer"},
        interpretation=[coded(INTERPRETATION, "A")],
    )
    assert (found.word, found.text) == ("positive", "poor metabolizer")


# Days


@pytest.mark.parametrize(
    "when",
    [
        {"effectiveDateTime": "2026-03-04T23:30:00-08:00"},
        {"effectiveInstant": "2026-03-04T23:30:00Z"},
        {"effectivePeriod": {"start": "2026-03-04", "end": "2026-03-09"}},
    ],
)
def test_the_day_is_that_of_taking(when: Json) -> None:
    assert result(**when).day == dt.date(2026, 3, 4)


def test_a_result_without_a_day_has_none() -> None:
    assert result(issued="2026-03-04").day is None


# Which count


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_a_final_result_counts(status: str) -> None:
    assert len(read_results("egfr", [observed(status=status)])) == 1


@pytest.mark.parametrize("status", ["registered", "preliminary", "cancelled", "entered-in-error", "unknown", ""])
def test_what_is_not_final_does_not_count(status: str) -> None:
    assert read_results("egfr", [observed(status=status)]) == ()


def test_a_value_that_is_absent_for_a_reason_is_no_result() -> None:
    assert read_results("egfr", [observed(dataAbsentReason={"text": "unknown"})]) == ()


def test_the_newest_comes_first_and_one_without_a_day_last() -> None:
    days = ["2026-01-01", "", "2026-03-01", "2025-12-31"]
    found = read_results("egfr", [observed(effectiveDateTime=day) for day in days])
    assert [result.day for result in found] == [dt.date(2026, 3, 1), dt.date(2026, 1, 1), dt.date(2025, 12, 31), None]


def test_a_result_may_be_a_date_or_a_code() -> None:
    expected = result("estimated-delivery-date", valueDateTime="2026-08-01")
    assert (expected.date, expected.code, expected.value) == (dt.date(2026, 8, 1), "", None)
    status = result("pregnancy-status", valueCodeableConcept=coded("http://loinc.org", "LA15173-0"))
    assert (status.code, status.date) == ("LA15173-0", None)
