"""What codes mean: every level of RxNorm, NDC, ATC, SNOMED CT, ICD, vaccines, routes, and the way back to a code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.clinical.therapy import RouteClass
from cds_service.mapping.products import Product
from cds_service.mapping.terminology import URI, Coded, Terminology, Vaccine, vocabulary_of

RXNORM = URI["rxnorm"]
NDC = URI["ndc"]
ATC = URI["atc"]
SNOMED = URI["snomed"]
LOINC = URI["loinc"]
ICD10 = URI["icd10"]
ICD10CM = URI["icd10cm"]


def found(terminology: Terminology, system: str, code: str) -> Product:
    product = terminology.medication(system, code)
    assert product is not None, code
    return product


@pytest.mark.parametrize(
    ("level", "code", "ingredients"),
    [
        ("IN", "6851", {"methotrexate"}),
        ("PIN", "235486", {"dexamethasone"}),
        ("MIN", "10831", {"sulfamethoxazole", "trimethoprim"}),
        ("BN", "284900", {"methotrexate"}),
        ("SCD", "105585", {"methotrexate"}),
        ("SBD", "616447", {"mycophenolate-mofetil"}),
        ("SCDC", "328407", {"methotrexate"}),
        ("SBDC", "575020", {"methotrexate"}),
        ("dose form", "372836", {"methotrexate"}),
        ("dose form of a brand", "1655252", {"methotrexate"}),
        ("salt", "203189", {"methylprednisolone"}),
        ("GPCK", "762675", {"methylprednisolone"}),
        ("BPCK", "834023", {"methylprednisolone"}),
        ("pack of two drugs", "2587898", {"nirmatrelvir", "ritonavir"}),
    ],
)
def test_a_drug_is_found_at_every_level_of_rxnorm(
    terminology: Terminology, level: str, code: str, ingredients: set[str]
) -> None:
    assert found(terminology, RXNORM, code).ingredients == ingredients, level


@pytest.mark.parametrize(
    "code", ["197322", "41493", "311989", "108831", "30212", "197320", "308429", "", "0", "999999999"]
)
def test_a_code_that_is_wrong_or_unverified_means_nothing(terminology: Terminology, code: str) -> None:
    assert terminology.medication(RXNORM, code) is None


@pytest.mark.parametrize("code", ["795774", "795778", "900866", "900891", "2003797", "2003798"])
def test_a_pack_that_only_names_carbamazepine_in_its_brand_does_not_contain_it(
    terminology: Terminology, code: str
) -> None:
    assert terminology.medication(RXNORM, code) is None


def test_a_tablet_has_so_many_mg_in_one_piece(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "105585")  # methotrexate 2.5 MG Oral Tablet
    (strength,) = product.strengths
    assert (strength.ingredient, strength.amount, strength.unit, strength.per) == (
        "methotrexate",
        Decimal("2.5"),
        "mg",
        "1",
    )
    assert strength.piece_volume is None
    assert strength.where == "RxNorm 105585"
    assert (product.level, product.route, product.label) == ("product", "oral", "methotrexate 2.5 MG Oral Tablet")


def test_a_prefilled_pen_has_a_concentration_and_the_volume_of_the_piece(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "1551887")  # 0.2 ML adalimumab 50 MG/ML Prefilled Syringe
    (strength,) = product.strengths
    assert (strength.amount, strength.per, strength.piece_volume) == (Decimal(50), "mL", Decimal("0.2"))
    assert product.route == "parenteral"


def test_a_release_time_is_not_taken_for_a_volume(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "2196894")  # 24 HR upadacitinib 15 MG Extended Release Oral Tablet
    assert product.strengths[0].piece_volume is None


def test_a_combination_has_the_strength_of_each_part(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "198335")  # sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet
    assert {s.ingredient: s.amount for s in product.strengths} == {
        "sulfamethoxazole": Decimal(800),
        "trimethoprim": Decimal(160),
    }
    assert not product.others


def test_a_partner_that_no_rule_knows_is_marked(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "1144760")  # betaine / folic acid / mecobalamin / pyridoxine
    assert (product.ingredients, product.others) == (frozenset({"folic-acid"}), True)


def test_vitamin_d_keeps_its_international_units(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "1310948")  # calcium carbonate 1500 MG / cholecalciferol 800 UNT
    assert [(s.ingredient, s.amount, s.unit) for s in product.strengths] == [
        ("calcium-carbonate", Decimal(1500), "mg"),
        ("cholecalciferol", Decimal(800), "[iU]"),
    ]


def test_a_pack_has_no_strength_because_one_pack_is_not_one_tablet(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "762675")  # {21 (methylprednisolone 4 MG Oral Tablet) } Pack
    assert (product.level, product.strengths, product.route) == ("product", (), "oral")


def test_an_ointment_is_local_and_its_share_of_weight_is_no_strength(terminology: Terminology) -> None:
    product = found(terminology, RXNORM, "314266")  # tacrolimus 0.001 MG/MG Topical Ointment
    assert (product.route, product.strengths) == ("local", ())


@pytest.mark.parametrize(
    ("code", "route"),
    [
        ("351291", "local"),  # cyclosporine 0.5 MG/ML Ophthalmic Suspension
        ("861597", "local"),  # pentamidine isethionate 50 MG/ML Inhalation Solution
        ("808611", "oral"),  # folic acid 0.4 MG / vitamin B12 1 MG Sublingual Tablet
        ("372836", "oral"),  # methotrexate Oral Tablet
        ("1162235", "parenteral"),  # methotrexate Injectable Product
        ("1163491", "local"),  # methylprednisolone Topical Product
        ("2196490", "subcutaneous"),  # immune globulin subcutaneous (human) - klhw
        ("1809069", "subcutaneous"),  # immunoglobulin G 200 MG/ML [Hizentra]
        ("1809502", "intravenous"),  # immunoglobulin G 100 MG/ML [Octagam]
        ("1809580", "parenteral"),  # immunoglobulin G 100 MG/ML [Gamunex]: both are licensed
        ("1549690", "subcutaneous"),  # Hyqvia
        ("1927883", "subcutaneous"),  # hyaluronidase / rituximab Injection
        ("6851", "unknown"),
    ],
)
def test_the_dose_form_gives_the_route(terminology: Terminology, code: str, route: RouteClass) -> None:
    assert found(terminology, RXNORM, code).route == route


@pytest.mark.parametrize(
    "code", ["00143951601", "00143-9516-01", "0143-9516-01", " 00143951601 "]
)  # 10 ML methotrexate 25 MG/ML Injection
def test_an_ndc_is_found_in_each_way_of_writing_it(terminology: Terminology, code: str) -> None:
    product = found(terminology, NDC, code)
    assert (product.ingredients, product.route) == (frozenset({"methotrexate"}), "parenteral")


def test_an_ndc_that_lacks_its_zero_in_another_place_is_found(terminology: Terminology) -> None:
    # 16729-0277-03 of the table, written 5-3-2.
    assert found(terminology, NDC, "16729-277-03").ingredients == {"methotrexate"}


@pytest.mark.parametrize("code", ["0143951601", "1672927703", "0143-951601", "00143-9516-0a", "٠٠١٤٣٩٥١٦٠١", "-", ""])
def test_ten_digits_without_hyphens_are_not_decided(terminology: Terminology, code: str) -> None:
    assert terminology.medication(NDC, code) is None


@pytest.mark.parametrize(
    ("code", "ingredients", "route", "others"),
    [
        ("L04AX03", {"methotrexate"}, "unknown", False),
        ("L01BA01", {"methotrexate"}, "unknown", False),
        ("L01XC02", {"rituximab"}, "unknown", False),  # superseded by L01FA01
        ("J01EE01", {"sulfamethoxazole", "trimethoprim"}, "unknown", False),
        ("J05AE30", {"nirmatrelvir", "ritonavir"}, "unknown", False),
        ("J05AR23", {"atazanavir", "ritonavir"}, "unknown", False),
        ("B03BB51", {"folic-acid"}, "unknown", True),
        ("J06BA02", {"immunoglobulin-normal-human"}, "intravenous", False),
        ("J06BA01", {"immunoglobulin-normal-human"}, "subcutaneous", False),
        ("D11AH01", {"tacrolimus"}, "local", False),
        ("D07AA03", {"prednisolone"}, "local", False),
        ("S01XA18", {"ciclosporin"}, "local", False),
        ("S02BA01", {"hydrocortisone"}, "local", False),
        ("A01AC02", {"dexamethasone"}, "local", False),
        ("A07EA02", {"hydrocortisone"}, "local", False),
        ("C05AA04", {"prednisolone"}, "local", False),
        ("R01AD03", {"dexamethasone"}, "local", False),
        ("G01AF11", {"ketoconazole"}, "local", False),
        ("R05CB05", {"mesna"}, "local", False),
        ("J02AB02", {"ketoconazole"}, "unknown", False),
        ("M05BB05", {"alendronic-acid", "calcium", "cholecalciferol"}, "unknown", False),
    ],
)
def test_an_atc_code_gives_ingredients_and_the_route_of_its_group(
    terminology: Terminology, code: str, ingredients: set[str], route: RouteClass, others: bool
) -> None:
    product = found(terminology, ATC, code)
    assert product.ingredients == ingredients
    assert (product.route, product.others) == (route, others)


def test_an_atc_code_in_small_letters_is_found(terminology: Terminology) -> None:
    assert found(terminology, ATC, "l04ax03").ingredients == {"methotrexate"}


@pytest.mark.parametrize(
    ("system", "code", "ingredient"),
    [
        (ATC, "L04AA06", "mycophenolate"),
        (SNOMED, "409330005", "mycophenolate"),
        (RXNORM, "7145", "mycophenolate"),
        (RXNORM, "68149", "mycophenolate-mofetil"),
        (SNOMED, "386976000", "mycophenolate-mofetil"),
        (RXNORM, "200060", "mycophenolate-mofetil"),  # 500 MG Oral Tablet
        (RXNORM, "485020", "mycophenolic-acid"),  # 180 MG Delayed Release Oral Tablet
        (RXNORM, "579570", "mycophenolic-acid"),  # Myfortic
    ],
)
def test_mycophenolate_is_left_open_until_salt_or_product_decide(
    terminology: Terminology, system: str, code: str, ingredient: str
) -> None:
    assert found(terminology, system, code).ingredients == {ingredient}


@pytest.mark.parametrize(
    "system",
    [
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "http://www.nlm.nih.gov/research/umls/rxnorm/",
        "https://www.nlm.nih.gov/research/umls/rxnorm",
        "http://www.nlm.nih.gov/research/umls/RxNorm",
        "urn:oid:2.16.840.1.113883.6.88",
        "2.16.840.1.113883.6.88",
    ],
)
def test_rxnorm_is_known_by_each_of_its_names(terminology: Terminology, system: str) -> None:
    assert found(terminology, system, "6851").ingredients == {"methotrexate"}


@pytest.mark.parametrize(
    ("system", "vocabulary"),
    [
        ("http://hl7.org/fhir/sid/ndc", "ndc"),
        ("urn:oid:2.16.840.1.113883.6.69", "ndc"),
        ("http://www.whocc.no/atc", "atc"),
        ("http://fhir.de/CodeSystem/bfarm/atc", "atc"),
        ("https://smt.esante.gouv.fr/terminologie-atc", "atc"),
        ("urn:oid:2.16.840.1.113883.6.73", "atc"),
        ("http://snomed.info/sct", "snomed"),
        ("urn:oid:2.16.840.1.113883.6.96", "snomed"),
        ("http://loinc.org", "loinc"),
        ("urn:oid:2.16.840.1.113883.6.1", "loinc"),
        ("http://hl7.org/fhir/sid/icd-10", "icd10"),
        ("urn:oid:2.16.840.1.113883.6.3", "icd10"),
        ("http://hl7.org/fhir/sid/icd-10-nl", "icd10"),
        ("urn:oid:2.16.840.1.113883.6.3.2", "icd10"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "icd10"),
        ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "icd10"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "icd10cm"),
        ("urn:oid:2.16.840.1.113883.6.90", "icd10cm"),
        ("http://hl7.org/fhir/sid/cvx", "cvx"),
        ("urn:oid:2.16.840.1.113883.12.292", "cvx"),
        ("http://standardterms.edqm.eu", "edqm"),
        ("urn:oid:0.4.0.127.0.16.1.1.2.1", "edqm"),
        ("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", "v3-route"),
    ],
)
def test_each_terminology_is_known_by_its_addresses_and_oids(system: str, vocabulary: str) -> None:
    assert vocabulary_of(system) == vocabulary


@pytest.mark.parametrize("system", ["", "urn:oid:1.2.840.114350.1.13.0.1.7.2.698288", "x" * 5000, "rxnorm"])
def test_a_system_that_is_not_ours_means_nothing(terminology: Terminology, system: str) -> None:
    assert vocabulary_of(system) is None
    assert terminology.medication(system, "6851") is None
    assert terminology.condition(system, "M33.1") == frozenset()
    assert terminology.observation(system, "2160-0") == frozenset()
    assert terminology.procedure(system, "20720000") == frozenset()
    assert terminology.vaccine(system, "03") is None
    assert terminology.allergen(system, "293771005") == frozenset()


@pytest.mark.parametrize(
    ("system", "code", "concepts"),
    [
        (ICD10, "M33.1", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        (ICD10, "M331", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        (ICD10, "m33.1", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        (ICD10CM, "M33.13", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        (ICD10, "M36.0", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        (ICD10, "G72.4", {"idiopathic-inflammatory-myopathy"}),
        (ICD10CM, "G72.41", {"inclusion-body-myositis", "idiopathic-inflammatory-myopathy"}),
        (ICD10CM, "G72.49", {"idiopathic-inflammatory-myopathy"}),
        (ICD10, "M60.9", {"myositis-unspecified"}),
        (ICD10, "M60.1", set()),
        (ICD10, "M60.0", {"infective-myositis"}),
        (ICD10, "G72.0", {"drug-induced-myopathy"}),
        (ICD10, "I10", {"hypertension"}),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "I10.00", {"hypertension"}),
        (ICD10, "M31.3", {"vasculitis"}),
        (ICD10, "M31.1", {"thrombotic-microangiopathy"}),
        (ICD10CM, "N30.00", {"cystitis"}),
        (ICD10CM, "N30.01", {"cystitis", "hemorrhagic-cystitis"}),
        (ICD10, "N18.4", {"ckd", "ckd-stage-4"}),
        (ICD10, "C83.3", {"cancer", "lymphoma"}),
        (ICD10, "R13", {"dysphagia"}),
        (ICD10, "F10.2", {"alcohol-use-disorder", "alcohol-dependence"}),
        (ICD10CM, "F10.20", {"alcohol-use-disorder", "alcohol-dependence"}),
        (ICD10CM, "F10.21", {"alcohol-use-disorder"}),  # in remission
        (ICD10CM, "F10.10", {"alcohol-use-disorder"}),
        (SNOMED, "66590003", {"alcohol-use-disorder", "alcohol-dependence"}),
        (SNOMED, "15167005", {"alcohol-use-disorder"}),
        (SNOMED, "19943007", {"liver-disease", "cirrhosis"}),
        (SNOMED, "396230008", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        (SNOMED, "715863001", {"immune-mediated-necrotising-myopathy", "idiopathic-inflammatory-myopathy"}),
        (SNOMED, "1332474003", set()),  # necrotizing myositis: ambiguous, unverified
        (ICD10, "Z99.9", set()),
        (ICD10, "", set()),
        (ICD10, "M33.1" * 100, {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
    ],
)
def test_a_diagnosis_code_gives_its_concepts_and_what_they_imply(
    terminology: Terminology, system: str, code: str, concepts: set[str]
) -> None:
    assert terminology.condition(system, code) == concepts


def test_a_laboratory_code_gives_its_concept(terminology: Terminology) -> None:
    assert terminology.observation(LOINC, "29463-7") == {"body-weight"}
    assert terminology.observation(SNOMED, "29463-7") == frozenset()


def test_a_procedure_code_gives_its_concept(terminology: Terminology) -> None:
    assert terminology.procedure(SNOMED, "20720000") == {"plasma-exchange"}
    assert terminology.procedure(LOINC, "24627-2") == {"chest-ct"}
    assert terminology.procedure(ICD10, "20720000") == frozenset()


@pytest.mark.parametrize("text", ["Blood transfusion", "Transfusion of packed red blood cells", "bloedtransfusie"])
def test_a_blood_transfusion_is_known_by_its_name(terminology: Terminology, text: str) -> None:
    assert terminology.procedure_text(text) == {"blood-transfusion"}


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("Asthma exacerbation", {"asthma"}),
        ("no asthma", set()),
        ("Multiple myeloma, day 1 to 4", {"multiple-myeloma", "cancer"}),
        ("COVID-19", {"covid-19"}),
        ("hersenoedeem", {"cerebral-oedema"}),
        ("refractory dermatomyositis", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        ("myositis ossificans", {"other-disease"}),
        ("ILD with dysphagia", set()),
        ("", set()),
    ],
)
def test_a_reason_is_known_by_its_name(terminology: Terminology, text: str, concepts: set[str]) -> None:
    assert terminology.reason_text(text) == concepts


@pytest.mark.parametrize(
    ("system", "code", "vaccine"),
    [
        (URI["cvx"], "03", Vaccine(id="measles-mumps-rubella", live=True)),
        (URI["cvx"], "3", Vaccine(id="measles-mumps-rubella", live=True)),
        (URI["cvx"], "187", Vaccine(id="zoster-recombinant", live=False)),
        (URI["cvx"], "122", Vaccine(id="rotavirus", live=True)),
        (URI["cvx"], "91", Vaccine(id="typhoid-vi", live=None)),
        (ATC, "J07BL01", Vaccine(id="yellow-fever", live=True)),
        (ATC, "J07BX02", Vaccine(id="ebola", live=None)),
        (SNOMED, "871738001", Vaccine(id="mumps", live=True)),
        (ATC, "L04AX03", None),
    ],
)
def test_a_vaccine_code_tells_whether_it_is_live(
    terminology: Terminology, system: str, code: str, vaccine: Vaccine | None
) -> None:
    assert terminology.vaccine(system, code) == vaccine


@pytest.mark.parametrize(
    ("text", "vaccine", "live"),
    [
        ("measles, mumps and rubella virus vaccine, live", "measles-mumps-rubella", True),
        ("Priorix-Tetra", "measles-mumps-rubella-varicella", True),
        ("Priorix", "measles-mumps-rubella", True),
        ("yellow fever vaccine, live", "yellow-fever", True),
        ("gelekoortsvaccin (Stamaril)", "yellow-fever", True),
        ("varicella virus vaccine, live", "varicella", True),
        ("zoster vaccine, live", "zoster-live", True),
        ("zoster vaccine, recombinant", "zoster-recombinant", False),
        ("influenza vaccine, inactivated, for injection", "influenza-inactivated", False),
        ("influenza vaccine, live, intranasal", "influenza-live-intranasal", True),
        ("pneumococcal conjugate vaccine (PCV20)", "pneumococcal", False),
    ],
)
def test_a_vaccine_is_known_by_its_name(terminology: Terminology, text: str, vaccine: str, live: bool) -> None:
    assert terminology.vaccine_text(text) == Vaccine(id=vaccine, live=live)


@pytest.mark.parametrize("text", ["", "influenza vaccine", "Stamaril and Shingrix", "varicella-zoster immunoglobulin"])
def test_a_text_that_names_no_vaccine_or_two_is_not_decided(terminology: Terminology, text: str) -> None:
    assert terminology.vaccine_text(text) is None


@pytest.mark.parametrize(
    ("system", "code", "substances"),
    [
        (SNOMED, "293771005", {"methotrexate"}),
        (SNOMED, "870714005", {"sulfamethoxazole", "trimethoprim", "sulfonamide-class"}),
        (SNOMED, "387381009", {"methotrexate"}),  # the substance itself
        (RXNORM, "10180", {"sulfamethoxazole"}),
        (ATC, "J01EE01", {"sulfamethoxazole", "trimethoprim"}),
    ],
)
def test_an_allergy_code_gives_its_substances(
    terminology: Terminology, system: str, code: str, substances: set[str]
) -> None:
    assert terminology.allergen(system, code) == substances


@pytest.mark.parametrize(
    ("text", "substances"),
    [
        ("Sulfa drugs", {"sulfonamide-class"}),
        ("Bactrim", {"sulfamethoxazole", "trimethoprim"}),
        ("sulfonamiden en trimethoprim", {"sulfonamide-class", "trimethoprim"}),
        ("sulfites", set()),
        ("peanuts", set()),
    ],
)
def test_an_allergy_text_gives_substances_and_classes(
    terminology: Terminology, text: str, substances: set[str]
) -> None:
    assert terminology.allergen_text(text) == substances


@pytest.mark.parametrize(
    ("system", "code", "route"),
    [
        (SNOMED, "26643006", "oral"),
        (SNOMED, "34206005", "subcutaneous"),
        (SNOMED, "47625008", "intravenous"),
        (SNOMED, "419993007", "intravenous"),
        (SNOMED, "78421000", "intramuscular"),
        (SNOMED, "72607000", "intrathecal"),
        (SNOMED, "127492001", "oral"),  # nasogastric
        (SNOMED, "38239002", "parenteral"),  # intraperitoneal
        (SNOMED, "12130007", "local"),  # intra-articular
        (SNOMED, "45890007", "unknown"),  # transdermal is systemic, and neither swallowed nor injected
        (URI["edqm"], "20053000", "oral"),
        ("urn:oid:0.4.0.127.0.16.1.1.2.1", "20066000", "subcutaneous"),
        (URI["edqm"], "20020000", "local"),
        (URI["v3-route"], "PO", "oral"),
        (URI["v3-route"], "IM", "intramuscular"),
        (SNOMED, "1", "unknown"),
    ],
)
def test_a_route_code_gives_its_class(terminology: Terminology, system: str, code: str, route: RouteClass) -> None:
    assert terminology.route(system, code) == route


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("oral", "oral"),
        ("Per os", "oral"),
        ("p.o.", "oral"),
        ("PO", "oral"),
        ("oraal", "oral"),
        ("voie orale", "oral"),
        ("zum Einnehmen", "oral"),
        ("s.c.", "subcutaneous"),
        ("SC", "subcutaneous"),
        ("subcutaan", "subcutaneous"),
        ("subkutan", "subcutaneous"),
        ("sous-cutanée", "subcutaneous"),
        ("i.v.", "intravenous"),
        ("intraveneus", "intravenous"),
        ("intravenös", "intravenous"),
        ("intravenoes", "intravenous"),
        ("Intravenous infusion", "intravenous"),
        ("intramuskulär", "intramuscular"),
        ("IM", "intramuscular"),
        ("intrathecaal", "intrathecal"),
        ("auf die Haut", "local"),
        ("in both eyes", "local"),
        ("cutaneous use", "local"),
        ("Inhalation use", "local"),
        ("subcutaneous or intramuscular", "parenteral"),
        ("injection", "parenteral"),
        ("oral or nasal", "unknown"),
        ("as directed", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_route_is_known_by_its_words_in_four_languages(
    terminology: Terminology, text: str, route: RouteClass
) -> None:
    assert terminology.route("", "", text) == route


def test_a_known_route_code_counts_before_its_text(terminology: Terminology) -> None:
    assert terminology.route(SNOMED, "26643006", "subcutaneous") == "oral"
    assert terminology.route(SNOMED, "1", "subcutaneous") == "subcutaneous"


@pytest.mark.parametrize(
    ("ingredient", "rxnorm", "atc", "snomed"),
    [
        (
            "folic-acid",
            Coded(RXNORM, "4511", "folic acid"),
            Coded(ATC, "B03BB01", ""),
            Coded(SNOMED, "63718003", "Folic acid (substance)"),
        ),
        (
            "methotrexate",
            Coded(RXNORM, "6851", "methotrexate"),
            Coded(ATC, "L04AX03", ""),
            Coded(SNOMED, "387381009", "Methotrexate (substance)"),
        ),
        (
            "hydrocortisone",
            Coded(RXNORM, "5492", "hydrocortisone"),
            Coded(ATC, "H02AB09", ""),
            Coded(SNOMED, "396458002", "Hydrocortisone (substance)"),
        ),
        ("filgotinib", None, Coded(ATC, "L04AF04", ""), None),
        ("entecavir", None, None, None),
    ],
)
def test_an_ingredient_has_a_code_to_write(
    terminology: Terminology, ingredient: str, rxnorm: Coded | None, atc: Coded | None, snomed: Coded | None
) -> None:
    assert terminology.code_of(ingredient, "rxnorm") == rxnorm
    assert terminology.code_of(ingredient, "atc") == atc
    assert terminology.code_of(ingredient, "snomed") == snomed


def test_a_clinical_drug_is_found_of_which_few_whole_pieces_make_the_dose(terminology: Terminology) -> None:
    """RxNorm has no folic acid tablet of 5 mg, and prednisone of 20 mg but none of 40."""
    one = Coded(RXNORM, "310410", "folic acid 1 MG Oral Tablet")
    assert terminology.product_for("folic-acid", Decimal("1.0"), "oral") == one
    assert terminology.product_for("folic-acid", Decimal(5), "oral") == one
    twenty = Coded(RXNORM, "312615", "prednisone 20 MG Oral Tablet")
    assert terminology.product_for("prednisone", Decimal(40), "oral") == twenty


def test_without_a_piece_that_divides_the_dose_there_is_no_clinical_drug(terminology: Terminology) -> None:
    assert terminology.product_for("folic-acid", Decimal("0.3"), "oral") is None
    assert terminology.product_for("folic-acid", Decimal(5), "intravenous") is None


def test_ingredients_have_english_names_for_cards(terminology: Terminology) -> None:
    assert terminology.name_of("folic-acid") == "folic acid"
    assert terminology.name_of("mycophenolate-mofetil") == "mycophenolate mofetil (CellCept)"
    assert terminology.names_of({"trimethoprim", "sulfamethoxazole"}) == "co-trimoxazole"
    assert terminology.names_of({"trimethoprim", "polymyxin-b"}) == "polymyxin B + trimethoprim"
    with pytest.raises(KeyError):
        terminology.name_of("folic acid")


def test_what_knowledge_may_name_is_listed(terminology: Terminology) -> None:
    assert {"methotrexate", "mycophenolate", "calcium", "entecavir"} <= terminology.ingredients
    assert {"idiopathic-inflammatory-myopathy", "ckd", "dysphagia"} <= terminology.conditions
    assert {"hbsag", "body-weight"} <= terminology.observations
    assert {"plasma-exchange", "chest-ct"} <= terminology.procedures
    assert {"yellow-fever", "zoster-recombinant"} <= terminology.vaccines
