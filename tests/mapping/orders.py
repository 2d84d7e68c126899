"""Dosages as clients write them, for the tests of the dosage reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from cds_service.clinical.dose import Amount, Frequency, Regimen, Unknown
from cds_service.mapping.dosage import read_regimen
from cds_service.mapping.elements import read_dosages
from cds_service.mapping.products import Strength
from cds_service.mapping.strength import read_strengths

UCUM = "http://unitsofmeasure.org"
Json = dict[str, object]


def quantity(value: object, unit: str, system: str = UCUM, code: str | None = None) -> Json:
    return {"value": value, "unit": unit, "system": system, "code": unit if code is None else code}


def dose(value: object, unit: str = "mg") -> Json:
    return {"doseAndRate": [{"doseQuantity": quantity(value, unit)}]}


def tablets(number: object) -> Json:
    return {"doseAndRate": [{"doseQuantity": quantity(number, "tablet", code="{tablet}")}]}


def repeat(**elements: object) -> Json:
    return {"timing": {"repeat": elements}}


def daily(times: int = 1, **elements: object) -> Json:
    return repeat(frequency=times, period=1, periodUnit="d", **elements)


def weekly(times: int = 1, **elements: object) -> Json:
    return repeat(frequency=times, period=1, periodUnit="wk", **elements)


def coded(code: str, **elements: object) -> Json:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation", "code": code}
    return {"timing": {"code": {"coding": [coding]}, **({"repeat": elements} if elements else {})}}


def days(number: object) -> Json:
    return {"value": number, "unit": "d", "system": UCUM, "code": "d"}


def read(*dosages: Json, name: str = "", ingredient: str = "", strengths: Sequence[Strength] = ()) -> Regimen:
    """The regimen of an order whose product has this name."""
    found = (*strengths, *read_strengths(None, (), [name] if name else [], ingredient))
    raw = json.dumps(dosages, ensure_ascii=False).encode()
    return read_regimen(read_dosages(raw), strengths=found, ingredient=ingredient, where="dosageInstruction")


def span(answer: Amount | Unknown) -> tuple[object, object, str]:
    """Low, high and unit of an amount that must be known."""
    assert isinstance(answer, Amount), answer
    return answer.low, answer.high, answer.unit


def one(answer: Amount | Unknown) -> tuple[object, str]:
    """Number and unit of an amount that must be known, and one."""
    low, high, unit = span(answer)
    assert low == high
    return low, unit


def a_week(answer: Frequency | Unknown) -> Decimal:
    """Administrations a week, which must be known and one number."""
    assert isinstance(answer, Frequency), answer
    assert answer.per_week_low == answer.per_week_high
    return answer.per_week_high


def reason(answer: object) -> str:
    """Why an answer is unknown, which it must be."""
    assert isinstance(answer, Unknown), answer
    return answer.reason


def kinds(regimen: Regimen) -> list[str]:
    return [problem.kind for problem in regimen.problems]
