"""Body size: weight, height, surface and ideal weight, as known measures with their day or unknown with a reason.

How old a weight may be and which sizes are plausible follows CLINICAL 0.4 and D.6.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from .chart import Chart, Result
from .dose import Unknown

FRESH_WEIGHT_DAYS = 180
OLDEST_WEIGHT_DAYS = 730
PLAUSIBLE_KG = (Decimal(25), Decimal(300))
PLAUSIBLE_CM = (Decimal(120), Decimal(230))
CM_PER_INCH = Decimal("2.54")


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of the body with its day and its resource. `fresh` is false for a weight older than 180 days."""

    value: Decimal
    unit: str
    day: dt.date
    reference: str
    fresh: bool = True


def weight(chart: Chart) -> Measure | Unknown:
    """The newest body weight in kg, at most 730 days old (that day included) and between 25 and 300 kg."""
    newest = _newest(chart, "body-weight")
    if newest is None:
        return _missing(chart, "body weight")
    age = (chart.as_of - newest[1]).days
    if age > OLDEST_WEIGHT_DAYS:
        return Unknown(reason=f"the body weight is of {newest[1].isoformat()}, too old", where=newest[0].reference)
    return _measure(newest, PLAUSIBLE_KG, "kg", "body weight", fresh=age <= FRESH_WEIGHT_DAYS)


def height(chart: Chart) -> Measure | Unknown:
    """The newest body height in cm, of any age, between 120 and 230 cm."""
    newest = _newest(chart, "body-height")
    if newest is None:
        return _missing(chart, "body height")
    return _measure(newest, PLAUSIBLE_CM, "cm", "body height", fresh=True)


def surface(chart: Chart) -> Measure | Unknown:
    """The body surface in m2 by Mosteller; as charted where there is no height, or where it is of the weight's day."""
    kg, cm = weight(chart), height(chart)
    charted = _newest(chart, "body-surface-area")
    if charted is not None and charted[0].value is not None:
        same_day = not isinstance(kg, Unknown) and charted[1] == kg.day
        if (isinstance(cm, Unknown) or same_day) and Decimal("0.8") <= charted[0].value <= Decimal("3.5"):
            age = (chart.as_of - charted[1]).days
            if age <= OLDEST_WEIGHT_DAYS:
                return Measure(
                    value=charted[0].value,
                    unit="m2",
                    day=charted[1],
                    reference=charted[0].reference,
                    fresh=age <= FRESH_WEIGHT_DAYS,
                )
    if isinstance(kg, Unknown):
        return kg
    if isinstance(cm, Unknown):
        return cm
    return msgspec.structs.replace(kg, value=mosteller(kg.value, cm.value), unit="m2")


def mosteller(weight_kg: Decimal, height_cm: Decimal) -> Decimal:
    """Body surface in m2: the root of height times weight over 3600 (Mosteller 1987)."""
    return (height_cm * weight_kg / 3600).sqrt()


def ideal_weight(chart: Chart) -> Measure | Unknown:
    """The ideal body weight in kg (Devine): 50 (male) or 45.5 (female) and 2.3 for each inch over 60."""
    cm = height(chart)
    if isinstance(cm, Unknown):
        return cm
    base = {"male": Decimal(50), "female": Decimal("45.5")}.get(chart.patient.sex)
    if base is None:
        return Unknown(reason="the sex for the ideal body weight is not known", where=chart.patient.reference)
    inches = cm.value / CM_PER_INCH - 60
    return msgspec.structs.replace(cm, value=base + Decimal("2.3") * max(inches, Decimal(0)), unit="kg")


def adjusted_weight(chart: Chart) -> Measure | Unknown:
    """The adjusted body weight in kg: the ideal one and 0.4 of what the actual one is above it."""
    ideal, actual = ideal_weight(chart), weight(chart)
    if isinstance(ideal, Unknown):
        return ideal
    if isinstance(actual, Unknown):
        return actual
    return msgspec.structs.replace(
        actual, value=ideal.value + Decimal("0.4") * max(actual.value - ideal.value, Decimal(0))
    )


def mass_index(chart: Chart) -> Measure | Unknown:
    """The body mass index in kg/m2, from weight and height."""
    kg, cm = weight(chart), height(chart)
    if isinstance(kg, Unknown):
        return kg
    if isinstance(cm, Unknown):
        return cm
    return msgspec.structs.replace(kg, value=kg.value / (cm.value / 100) ** 2, unit="kg/m2")


def _newest(chart: Chart, concept: str) -> tuple[Result, dt.date] | None:
    """The newest result with a number, of today or before; one with a problem or without a day does not count."""
    deferred = chart.results.get(concept)
    if deferred is None:
        return None
    dated = [
        (result, result.day)
        for result in deferred()
        if result.value is not None and result.day is not None and result.day <= chart.as_of and not result.problem
    ]
    return max(dated, key=lambda item: item[1], default=None)


def _missing(chart: Chart, name: str) -> Unknown:
    if "observations" in chart.missing_sources:
        return Unknown(reason="the results could not be had", where="observations")
    return Unknown(reason=f"no {name} is recorded", where="observations")


def _measure(
    newest: tuple[Result, dt.date], plausible: tuple[Decimal, Decimal], unit: str, name: str, *, fresh: bool
) -> Measure | Unknown:
    result, day = newest
    if result.value is None or (result.unit and result.unit != unit):
        return Unknown(reason=f"the {name} has no usable unit", where=result.reference)
    if not plausible[0] <= result.value <= plausible[1]:
        return Unknown(reason=f"the {name} is not plausible for an adult", where=result.reference)
    return Measure(value=result.value, unit=unit, day=day, reference=result.reference, fresh=fresh)
