"""Several codings and a text of one medication: what agrees narrows, what disagrees is said."""

from __future__ import annotations

from decimal import Decimal

from cds_service.mapping.products import Product, Strength
from cds_service.mapping.terminology import UNSPECIFIED, URI, Combined, Terminology, combine

RXNORM, ATC, SNOMED = URI["rxnorm"], URI["atc"], URI["snomed"]
MMF, EC_MPS = "mycophenolate-mofetil", "mycophenolic-acid"


def product_of(combined: Combined) -> Product:
    assert combined.product is not None
    return combined.product


def test_nothing_gives_nothing(terminology: Terminology) -> None:
    assert combine([]) == Combined(product=None)
    assert terminology.resolve([]) == Combined(product=None)
    assert terminology.resolve([("urn:oid:1.2.3", "x", "")], "unknown drug") == Combined(product=None)


def test_an_ingredient_beside_its_product_gives_the_product(terminology: Terminology) -> None:
    # allopurinol, allopurinol 100 MG Oral Tablet: the levels that Epic sends together
    combined = terminology.resolve([(RXNORM, "519", ""), ("urn:oid:1.2.3", "77", ""), (RXNORM, "197319", "")])
    product = product_of(combined)
    assert (product.ingredients, product.level, product.route) == (frozenset({"allopurinol"}), "product", "oral")
    assert [s.amount for s in product.strengths] == [Decimal(100)]
    assert (combined.conflict, combined.confidence) == ((), "code")


def test_the_order_of_codings_does_not_matter(terminology: Terminology) -> None:
    codes = [(RXNORM, "519", ""), (ATC, "M04AA01", ""), (RXNORM, "197319", "")]
    one, other = product_of(terminology.resolve(codes)), product_of(terminology.resolve(codes[::-1]))
    assert (one.ingredients, one.strengths, one.route) == (other.ingredients, other.strengths, other.route)


def test_a_part_beside_the_combination_gives_the_combination(terminology: Terminology) -> None:
    combined = terminology.resolve([(RXNORM, "10829", ""), (RXNORM, "198335", "")])  # trimethoprim, co-trimoxazole
    assert product_of(combined).ingredients == {"sulfamethoxazole", "trimethoprim"}
    assert combined.conflict == ()


def test_an_unspecified_code_is_narrowed_by_a_product(terminology: Terminology) -> None:
    combined = terminology.resolve([(ATC, "L04AA06", ""), (RXNORM, "485020", "")])
    assert product_of(combined).ingredients == {EC_MPS}
    assert combined.conflict == ()


def test_an_unspecified_code_is_narrowed_by_brand_or_salt_in_the_text(terminology: Terminology) -> None:
    for text, ingredient in [
        ("Myfortic 180 mg", EC_MPS),
        ("mycophenolate sodium", EC_MPS),
        ("CellCept", MMF),
        ("mycophenolate mofetil", MMF),
        ("mycophenolic acid", "mycophenolate"),
        ("", "mycophenolate"),
    ]:
        combined = terminology.resolve([(SNOMED, "409330005", "")], text)
        assert product_of(combined).ingredients == {ingredient}, text
        assert (combined.conflict, combined.confidence) == ((), "code")


def test_the_text_of_an_ingredient_code_adds_route_and_strength(terminology: Terminology) -> None:
    ointment = product_of(terminology.resolve([(RXNORM, "42316", "tacrolimus")], "tacrolimus ointment 0.1 %"))
    assert ointment.route == "local"
    tablet = product_of(terminology.resolve([(ATC, "L04AX03", "")], "methotrexate 2.5 mg oral tablet"))
    assert ([s.amount for s in tablet.strengths], tablet.route, tablet.level) == ([Decimal("2.5")], "oral", "product")


def test_the_text_does_not_overrule_the_strength_of_a_code(terminology: Terminology) -> None:
    product = product_of(terminology.resolve([(RXNORM, "105585", "")], "methotrexate 10 mg tablet"))
    assert [s.amount for s in product.strengths] == [Decimal("2.5")]


def test_the_text_of_a_pack_gives_it_no_strength(terminology: Terminology) -> None:
    text = "{21 (methylprednisolone 4 MG Oral Tablet) } Pack"
    assert product_of(terminology.resolve([(RXNORM, "762675", text)], text)).strengths == ()


def test_codings_that_exclude_each_other_are_all_kept_and_reported(terminology: Terminology) -> None:
    combined = terminology.resolve([(RXNORM, "6851", ""), (ATC, "L04AX01", "")])
    product = product_of(combined)
    assert product.ingredients == {"methotrexate", "azathioprine"}
    assert product.strengths == ()
    assert combined.conflict == ("methotrexate (code.coding[0])", "azathioprine (code.coding[1])")


def test_cellcept_beside_myfortic_is_a_disagreement(terminology: Terminology) -> None:
    combined = terminology.resolve([(RXNORM, "152633", ""), (RXNORM, "579570", "")])
    assert product_of(combined).ingredients == {MMF, EC_MPS}
    assert combined.conflict == ("Cellcept (code.coding[0])", "Myfortic (code.coding[1])")


def test_a_text_that_names_another_drug_than_the_code_is_a_disagreement(terminology: Terminology) -> None:
    combined = terminology.resolve([(RXNORM, "6851", "")], "azathioprine 50 mg", where="Medication.code")
    assert product_of(combined).ingredients == {"methotrexate", "azathioprine"}
    assert combined.conflict == ("methotrexate (Medication.code.coding[0])", "azathioprine (Medication.code.text)")


def test_a_text_that_names_more_than_the_code_changes_nothing(terminology: Terminology) -> None:
    combined = terminology.resolve([(RXNORM, "6851", "")], "methotrexate (take folic acid too)")
    assert product_of(combined).ingredients == {"methotrexate"}
    assert combined.conflict == ()


def test_without_a_known_code_the_text_decides_with_less_confidence(terminology: Terminology) -> None:
    combined = terminology.resolve([("urn:oid:1.2.3", "4711", "")], "Azathioprin 50 mg")
    assert (product_of(combined).ingredients, combined.confidence) == (frozenset({"azathioprine"}), "text")


def test_without_code_and_text_the_display_decides(terminology: Terminology) -> None:
    combined = terminology.resolve([("urn:oid:1.2.3", "4711", "TAB"), ("urn:oid:1.2.3", "4712", "Imuran")])
    assert (product_of(combined).ingredients, combined.confidence) == (frozenset({"azathioprine"}), "text")


def test_strengths_that_differ_are_left_out() -> None:
    def tablet(amount: int) -> Product:
        strength = Strength(ingredient="prednisolone", amount=Decimal(amount), unit="mg", per="1")
        return Product(ingredients=frozenset({"prednisolone"}), level="product", strengths=(strength,), route="oral")

    product = product_of(combine([(tablet(5), "a"), (tablet(20), "b")]))
    assert (product.strengths, product.route) == ((), "oral")


def test_a_concentration_takes_the_volume_of_the_piece_from_the_other_coding() -> None:
    def solution(volume: str | None) -> Product:
        strength = Strength(
            ingredient="methotrexate",
            amount=Decimal(25),
            unit="mg",
            per="mL",
            piece_volume=None if volume is None else Decimal(volume),
        )
        return Product(ingredients=frozenset({"methotrexate"}), level="product", strengths=(strength,))

    (strength,) = product_of(combine([(solution(None), "a"), (solution("0.4"), "b")])).strengths
    assert strength.piece_volume == Decimal("0.4")
    (strength,) = product_of(combine([(solution("0.4"), "a"), (solution("0.6"), "b")])).strengths
    assert strength.piece_volume is None


def test_a_general_injection_is_narrowed_by_a_route_and_two_routes_are_not(terminology: Terminology) -> None:
    # immunoglobulin G 100 MG/ML Injection (parenteral) with ATC J06BA02, then J06BA02 with J06BA01
    narrowed = terminology.resolve([(RXNORM, "1809444", ""), (ATC, "J06BA02", "")])
    assert product_of(narrowed).route == "intravenous"
    both = terminology.resolve([(ATC, "J06BA01", ""), (ATC, "J06BA02", "")])
    assert product_of(both).route == "parenteral"


def test_a_tablet_beside_an_ointment_has_no_route(terminology: Terminology) -> None:
    combined = terminology.resolve([(ATC, "D11AH01", ""), (RXNORM, "198378", "")])  # ointment, 5 MG Oral Capsule
    assert product_of(combined).route == "unknown"


def test_what_is_unspecified_and_what_it_may_be_are_known_ingredients(terminology: Terminology) -> None:
    assert UNSPECIFIED["mycophenolate"] == {MMF, EC_MPS}
    for name, choices in UNSPECIFIED.items():
        assert {name, *choices} <= terminology.ingredients
