"""Units of drugs, bodies and time, as UCUM has them and as clients write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.clinical.dose import Unknown
from cds_service.mapping.elements import Quantity
from cds_service.mapping.units import (
    Unit,
    centimetres,
    find_seconds,
    find_unit,
    kilograms,
    nanograms_per_millilitre,
    read_seconds,
    read_unit,
    usable,
)


@pytest.mark.parametrize(
    ("names", "measure", "factor"),
    [
        ("mg MG Mg milligram Milligramm milligrammes", "mg", "1"),
        ("g gram grams gramme GM", "mg", "1000"),
        ("ug mcg \u00b5g \u03bcg UG microgram Mikrogramm microgrammes", "mg", "0.001"),
        ("ng nanogram", "mg", "0.000001"),
        ("kg kilogram", "mg", "1000000"),
        ("[lb_av] lb lbs pounds", "mg", "453592.37"),
        ("mg/kg MG/KG mg/kilogram mg/kg{body_weight}", "mg/kg", "1"),
        ("g/kg", "mg/kg", "1000"),
        ("ug/kg mcg/kg \u00b5g/kg", "mg/kg", "0.001"),
        ("mg/m2 mg/m\u00b2 mg/m^2", "mg/m2", "1"),
        ("g/m2", "mg/m2", "1000"),
        ("mL ml ML cc milliliter millilitres", "mL", "1"),
        ("L l liter litre", "mL", "1000"),
        ("[iU] [IU] IU U UNT units IE UI", "[iU]", "1"),
        ("cm centimetre", "cm", "1"),
        ("m meter", "cm", "100"),
        ("[in_i] in inches", "cm", "2.54"),
    ],
)
def test_known_units(names: str, measure: str, factor: str) -> None:
    for name in names.split():
        unit = find_unit(name)
        assert unit is not None, name
        assert (unit.measure, unit.factor) == (measure, Decimal(factor)), name


def test_units_in_several_words() -> None:
    for name in ("mg/m2 BSA", "mg per kg", "mg/kg body weight", "mg / kg"):
        assert find_unit(name) is not None


def test_pieces() -> None:
    names = (
        "1 {tablet} {capsule} {tbl} {pill} tablet(s) TAB CAP Tabl. FTbl. stuk St\u00fcck comprim\u00e9 g\u00e9lule"
        " pen vial syringe puff ea"
    )
    for name in names.split():
        assert find_unit(name) == Unit("1", piece=True), name


def test_drops_spoons_and_doses_are_no_pieces() -> None:
    for name in ("drop", "[drp]", "Essl\u00f6ffel", "dose"):
        assert find_unit(name) == Unit("1"), name


def test_unknown_units() -> None:
    for name in ("mEq", "mmol", "%", "mg/d", "mg/kg/d", "mL/h", "ointment", "", None, "{", "mg/{tablet}x"):
        assert find_unit(name) is None, name


def test_the_code_and_the_words_must_not_contradict_each_other() -> None:
    answer = read_unit(Quantity(unit="mg", code="g", system="http://unitsofmeasure.org"), "here")
    assert answer == Unknown(reason="the code and the words of the unit say different things", where="here")
    assert read_unit(Quantity(unit="tablet", code="mg")) == Unknown(
        reason="the code and the words of the unit say different things"
    )


def test_words_that_nobody_knows_beside_a_known_code() -> None:
    assert read_unit(Quantity(unit="ml Infusionsl\u00f6sung", code="mL", system="http://unitsofmeasure.org")) == Unit(
        "mL"
    )


def test_a_code_of_another_system_is_read_by_its_words() -> None:
    for system in ("http://snomed.info/sct", "http://standardterms.edqm.eu"):
        assert read_unit(Quantity(unit="tablet", code="428673006", system=system)) == Unit("1", piece=True)
        assert isinstance(read_unit(Quantity(code="428673006", system=system)), Unknown)


def test_a_digit_of_another_system_is_no_count() -> None:
    assert isinstance(read_unit(Quantity(code="1", system="http://example.org/units")), Unknown)
    assert read_unit(Quantity(code="1", system="http://unitsofmeasure.org")) == Unit("1", piece=True)


def test_no_unit_is_said_so() -> None:
    assert read_unit(Quantity(value=Decimal(3))) == Unknown(reason="the amount has no unit")
    assert read_unit(Quantity(unit="mEq")) == Unknown(reason="the unit is not known")


@pytest.mark.parametrize(
    ("names", "seconds"),
    [
        ("s sec", 1),
        ("min minutes", 60),
        ("h hr hours uur Stunden", 3600),
        ("d day Day days day(s) dagen Tage jours", 86400),
        ("wk week weeks weken Wochen semaines", 604800),
        ("mo month maanden Monate mois", 2629800),  # 30.4375 days
        ("a year jaar Jahre ans", 31557600),  # 365.25 days
    ],
)
def test_units_of_time(names: str, seconds: int) -> None:
    for name in names.split():
        assert find_seconds(name) == seconds, name


def test_a_minute_is_no_month() -> None:
    assert find_seconds("m") is None
    assert find_seconds("fortnight") is None


def test_lengths_of_time() -> None:
    assert read_seconds(Quantity(value=Decimal(4), code="wk", unit="week")) == Decimal(2419200)
    assert read_seconds(Quantity(value=Decimal(4), code="wk", unit="d")) == Unknown(
        reason="the code and the words of the unit of time say different things"
    )
    assert read_seconds(Quantity(value=Decimal(4))) == Unknown(reason="the unit of time is not known")
    for value in (None, Decimal(0), Decimal(-1), Decimal("1e12")):
        assert read_seconds(Quantity(value=value, code="d")) == Unknown(
            reason="the length of time has no usable number"
        )


def test_weights_and_heights() -> None:
    assert kilograms(Quantity(value=Decimal(70), unit="kg")) == 70
    assert kilograms(Quantity(value=Decimal(70000), unit="g")) == 70
    assert kilograms(Quantity(value=Decimal(154), unit="lb", code="[lb_av]")) == Decimal("69.85322498")  # x 0.45359237
    assert centimetres(Quantity(value=Decimal("1.70"), unit="m")) == 170
    assert centimetres(Quantity(value=Decimal(67), unit="[in_i]")) == Decimal("170.18")
    assert kilograms(Quantity(value=Decimal(70), unit="cm")) is None
    assert kilograms(Quantity(value=Decimal(70))) is None
    assert kilograms(Quantity(value=Decimal(70), unit="kg", comparator="<")) is None
    assert centimetres(Quantity(unit="cm")) is None


def test_levels_in_blood() -> None:
    for unit in ("ng/mL", "ug/L", "mcg/l", "\u00b5g/L", "ng/ml{WB}"):
        assert nanograms_per_millilitre(Quantity(value=Decimal("7.5"), unit=unit)) == Decimal("7.5"), unit
    assert nanograms_per_millilitre(Quantity(value=Decimal("0.75"), unit="ug/dL")) == Decimal("7.5")
    assert nanograms_per_millilitre(Quantity(value=Decimal(7), unit="x", code="ng/mL")) == 7
    for unit in ("nmol/L", "ng", "mg", "ng/kg"):
        assert nanograms_per_millilitre(Quantity(value=Decimal(7), unit=unit)) is None, unit
    assert nanograms_per_millilitre(Quantity(value=Decimal(7))) is None
    assert nanograms_per_millilitre(Quantity(value=Decimal(2), unit="ng/mL", comparator="<")) is None


def test_numbers_that_cannot_be_meant() -> None:
    for number in ("0", "0.000000001", "123456789", "-5", "7.5"):
        assert usable(Decimal(number)), number
    for number in ("1E9", "1E999999", "1E-10", "NaN", "Infinity", "1.2345678901234567890"):
        assert not usable(Decimal(number)), number
    assert not usable(None)
