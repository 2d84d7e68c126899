"""Strengths from codes, ingredients and names (CLINICAL D.2.4)."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from cds_service.mapping.elements import CodeableConcept, MedicationIngredient, Ratio
from cds_service.mapping.products import Product, Strength
from cds_service.mapping.strength import read_ratio, read_strengths, read_text_strength
from tests.mapping.orders import Json, quantity


def of_text(text: str, ingredient: str = "") -> tuple[Decimal, str, str, Decimal | None] | None:
    found = read_text_strength(text, ingredient)
    if not found:
        return None
    (strength,) = found
    return strength.amount, strength.unit, strength.per, strength.piece_volume


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("methotrexate 2.5 MG Oral Tablet", (Decimal("2.5"), "mg", "1", None)),
        ("Methotrexaat tablet 7,5 mg", (Decimal("7.5"), "mg", "1", None)),
        ("Folic acid 400 microgram tablets", (Decimal("0.4"), "mg", "1", None)),
        ("Levothyroxine 75\u00b5g", (Decimal("0.075"), "mg", "1", None)),
        ("Levothyroxine 75 \u03bcg", (Decimal("0.075"), "mg", "1", None)),
        ("azithromycin 0.5 g", (Decimal(500), "mg", "1", None)),
        ("24 HR tacrolimus 0.5 MG Extended Release Oral Capsule", (Decimal("0.5"), "mg", "1", None)),
        ("cholecalciferol 800 UNT Oral Tablet", (Decimal(800), "[iU]", "1", None)),
        ("tacrolimus 1 mg/mL", (Decimal(1), "mg", "mL", None)),
        ("Dilantin 125mg/5ml Oral Suspension", (Decimal(25), "mg", "mL", None)),
        ("Caelyx 50 mg/25 ml Konz.", (Decimal(2), "mg", "mL", None)),
        ("Dopamine 400mg in 500mL D5W", (Decimal("0.8"), "mg", "mL", None)),
        ("0.4 ML methotrexate 50 MG/ML Auto-Injector", (Decimal(50), "mg", "mL", Decimal("0.4"))),
        ("methotrexaat 15 mg/0,6 ml pen", (Decimal(25), "mg", "mL", Decimal("0.6"))),
        ("immunoglobulin 10 g/100 mL", (Decimal(100), "mg", "mL", None)),
        ("prednisolone", None),
        ("Percocet", None),
        ("co-trimoxazole 800/160 mg", None),
        ("Co-trimoxazole 80mg/400mg tablets", None),
        ("thiotepa 2.400 mg", None),  # a German thousands mark
        ("nystatin 100,000 units/ml", None),
        ("fentanyl 25mcg/hour Patch", None),
        ("tacrolimus 0.1 mg/g ointment", None),
        ("Nystatin 100UNT/MG Topical Ointment", None),
        ("5 mg or 10 mg", None),
        ("IgG 10 %", (Decimal(100), "mg", "mL", None)),
        ("immunoglobulin 5% infusion", (Decimal(50), "mg", "mL", None)),
        ("paracetamol in NaCl 0,9 %", None),
        ("0 mg", None),
    ],
)
def test_the_strength_that_a_name_states(text: str, strength: tuple[Decimal, str, str, Decimal | None] | None) -> None:
    assert of_text(text) == strength


def test_of_a_combination_the_part_that_names_the_ingredient() -> None:
    name = "5 ML sulfamethoxazole 80 MG/ML / trimethoprim 16 MG/ML Injection"
    assert of_text(name, "trimethoprim") == (Decimal(16), "mg", "mL", Decimal(5))
    assert of_text(name, "sulfamethoxazole") == (Decimal(80), "mg", "mL", Decimal(5))
    assert of_text(name) is None
    assert of_text("calcium carbonate 1250 MG / cholecalciferol 10 MG", "calcium-carbonate") == (
        Decimal(1250),
        "mg",
        "1",
        None,
    )


def ratio(numerator: Json, denominator: Json) -> Ratio:
    return msgspec.convert({"numerator": numerator, "denominator": denominator}, Ratio, strict=False)


def of_ratio(numerator: Json, denominator: Json) -> tuple[Decimal, str, str] | None:
    strength = read_ratio(ratio(numerator, denominator), "x", "here")
    return (strength.amount, strength.unit, strength.per) if strength is not None else None


@pytest.mark.parametrize(
    ("numerator", "denominator", "strength"),
    [
        (quantity(2.5, "mg"), quantity(1, "{tablet}"), (Decimal("2.5"), "mg", "1")),
        (quantity(400, "mg"), quantity(1, "Tablette", code="1"), (Decimal(400), "mg", "1")),
        (quantity(500, "mg"), {"value": 1, "code": "1"}, (Decimal(500), "mg", "1")),
        (quantity(5, "mg"), quantity(2, "{tablet}"), (Decimal("2.5"), "mg", "1")),
        (quantity(50, "mg"), quantity(25, "ml"), (Decimal(2), "mg", "mL")),
        (quantity(50, "g"), quantity(1000, "ml"), (Decimal(50), "mg", "mL")),
        (quantity(100, "U"), quantity(1, "mL"), (Decimal(100), "[iU]", "mL")),
        (quantity(2.5, "mg"), {"unit": "tablet"}, None),  # a denominator without a value
        (quantity(50, "mg"), quantity(50, "mg"), None),  # both sides are the same
        (quantity(15, "MG/5ML"), quantity(15, "MG/5ML"), None),
        (quantity(5, "g"), quantity(100, "g"), None),
        (quantity(80, "mg"), quantity(1, "m2"), None),
        (quantity(40, "mcg", code="mg"), quantity(1, "tablet", code="1"), None),
        (quantity(0, "mg"), quantity(1, "tablet"), None),
        (quantity(2.5, "mg"), quantity(0, "tablet"), None),
        (quantity(2, "meq"), quantity(1, "mL"), None),
        (quantity(1, "tablet"), quantity(1, "tablet"), None),
    ],
)
def test_the_strength_that_a_ratio_states(
    numerator: Json, denominator: Json, strength: tuple[Decimal, str, str] | None
) -> None:
    assert of_ratio(numerator, denominator) == strength


def part(text: str, mg: float, *, active: bool | None = None) -> MedicationIngredient:
    return MedicationIngredient(
        item_codeable_concept=CodeableConcept(text=text),
        is_active=active,
        strength=ratio(quantity(mg, "mg"), quantity(1, "{tablet}")),
    )


CODED = Strength(ingredient="methotrexate", amount=Decimal("2.5"), unit="mg", per="1", where="code")
PRODUCT = Product(ingredients=frozenset(("methotrexate",)), level="product", strengths=(CODED,))


def test_the_coded_product_comes_first_then_the_ingredient_then_the_name() -> None:
    found = read_strengths(PRODUCT, [part("methotrexate", 10)], ["methotrexate 5 mg"], "methotrexate")
    assert [(s.amount, s.where) for s in found] == [
        (Decimal("2.5"), "code"),
        (Decimal(10), "Medication.ingredient[0].strength"),
        (Decimal(5), "name"),
    ]


def test_of_several_ingredients_the_one_that_is_named() -> None:
    parts = [part("Trimethoprim", 160), part("Sulfamethoxazole", 800)]
    assert [s.amount for s in read_strengths(None, parts, (), "sulfamethoxazole")] == [800]
    assert read_strengths(None, parts, (), "methotrexate") == ()


def test_a_single_ingredient_needs_no_name() -> None:
    assert [s.amount for s in read_strengths(None, [part("", 10)], (), "methotrexate")] == [10]


def test_a_single_ingredient_that_is_another_drug_does_not_count() -> None:
    def recognise(concept: CodeableConcept) -> frozenset[str]:
        return frozenset((concept.text or "",))

    assert read_strengths(None, [part("prednisone", 5)], (), "methotrexate", recognise=recognise) == ()
    parts = [part("prednisone", 5), part("methotrexate", 10)]
    assert [s.amount for s in read_strengths(None, parts, (), "methotrexate", recognise=recognise)] == [10]


def test_an_inactive_ingredient_does_not_count() -> None:
    assert [s.amount for s in read_strengths(None, [part("", 10), part("", 90, active=False)], (), "x")] == [10]


def test_strengths_of_the_other_ingredients_of_the_product_do_not_count() -> None:
    other = Strength(ingredient="trimethoprim", amount=Decimal(160), unit="mg", per="1", where="code")
    product = Product(ingredients=frozenset(("trimethoprim", "sulfamethoxazole")), level="product", strengths=(other,))
    assert read_strengths(product, (), (), "sulfamethoxazole") == ()
    assert read_strengths(product, (), (), "trimethoprim") == (other,)


def test_more_than_a_millilitre_can_hold_is_no_strength() -> None:
    assert read_strengths(None, (), ["x 2000 mg/ml"], "") != ()
    assert read_strengths(None, (), ["x 2001 mg/ml"], "") == ()


def test_a_text_too_long_for_a_name_is_not_searched() -> None:
    assert of_text("methotrexate 2.5 mg".ljust(300)) is not None
    assert of_text("methotrexate 2.5 mg".ljust(301)) is None
