"""Medicines known by their words alone: four languages, look-alikes, strengths, routes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.clinical.therapy import RouteClass
from cds_service.mapping.terminology import Terminology

MMF, EC_MPS = "mycophenolate-mofetil", "mycophenolic-acid"
IVIG = "immunoglobulin-normal-human"


def ingredients(terminology: Terminology, text: str) -> set[str]:
    product = terminology.medication_text(text)
    return set() if product is None else set(product.ingredients)


@pytest.mark.parametrize(
    ("text", "ingredient"),
    [
        ("methotrexate", "methotrexate"),
        ("Methotrexaat 2,5 mg tablet", "methotrexate"),
        ("Methotrexat-Dinatrium", "methotrexate"),
        ("MÉTHOTREXATE 2,5 mg comprimé", "methotrexate"),
        ("MTX", "methotrexate"),
        ("Metoject pen", "methotrexate"),
        ("foliumzuur", "folic-acid"),
        ("Folsäure 5 mg", "folic-acid"),
        ("Folsaeure", "folic-acid"),
        ("acide folique", "folic-acid"),
        ("calcium folinate", "folinic-acid"),
        ("Calciumfolinat", "folinic-acid"),
        ("folinate de calcium", "folinic-acid"),
        ("folinic acid", "folinic-acid"),
        ("acide folinique", "folinic-acid"),
        ("Leucovorin", "folinic-acid"),
        ("calcium levofolinate", "levofolinic-acid"),
        ("levoleucovorin", "levofolinic-acid"),
        ("azathioprine", "azathioprine"),
        ("Azathioprin", "azathioprine"),
        ("Imuran", "azathioprine"),
        ("azithromycin", "azithromycin"),
        ("azitromycine", "azithromycin"),
        ("prednisolon", "prednisolone"),
        ("prednisoLONE", "prednisolone"),
        ("Prednison", "prednisone"),
        ("methylprednisolone", "methylprednisolone"),
        ("Methyl-prednisolone", "methylprednisolone"),
        ("Solu-Medrol", "methylprednisolone"),
        ("hydrocortison", "hydrocortisone"),
        ("cortisone", "cortisone"),
        ("cyclosporine", "ciclosporin"),
        ("ciclosporine", "ciclosporin"),
        ("Ciclosporin", "ciclosporin"),
        ("cyclofosfamide", "cyclophosphamide"),
        ("CellCept", MMF),
        ("mycofenolaatmofetil", MMF),
        ("Mycophenolat-Mofetil", MMF),
        ("MMF", MMF),
        ("mycophénolate sodique", EC_MPS),
        ("Natriummycophenolat", EC_MPS),
        ("Myfortic (mycophenolic acid (as mycophenolate sodium))", EC_MPS),
        ("mycophenolic acid", "mycophenolate"),
        ("mycofenolzuur", "mycophenolate"),
        ("IVIG", IVIG),
        ("Immunglobulin", IVIG),
        ("immunoglobuline humaine normale", IVIG),
        ("humaan normaal immunoglobuline", IVIG),
        ("Privigen 10 %", IVIG),
        ("anti-D immunoglobulin", "anti-d-immunoglobulin"),
        ("anti-D (rho) immunoglobulin 1500 IU", "anti-d-immunoglobulin"),
        ("human anti-D immunoglobulin", "anti-d-immunoglobulin"),
        ("Rhophylac", "anti-d-immunoglobulin"),
        ("hepatitis B immunoglobulin", "hepatitis-b-immunoglobulin"),
        ("human immunoglobulin, hepatitis B immunoglobulin", "hepatitis-b-immunoglobulin"),
        ("immunoglobuline humaine anti-hépatite B", "hepatitis-b-immunoglobulin"),
        ("tetanusimmunoglobuline", "tetanus-immunoglobulin"),
        ("Tollwut-Immunglobulin", "rabies-immunoglobulin"),
        ("varicella-zoster immunoglobulin", "varicella-zoster-immunoglobulin"),
        ("immunoglobulin anti-measles", "specific-immunoglobulin"),
        ("silver sulfadiazine 1 % cream", "silver-sulfadiazine"),
        ("zilversulfadiazine", "silver-sulfadiazine"),
        ("sulfadiazine argentique", "silver-sulfadiazine"),
        ("rifampin", "rifampicin"),
        ("Johanniskraut", "st-johns-wort"),
        ("St. John's Wort", "st-johns-wort"),
        ("sint-janskruid", "st-johns-wort"),
        ("millepertuis", "st-johns-wort"),
        ("fenytoïne", "phenytoin"),
        ("fosphenytoin", "fosphenytoin"),
        ("Vitamin D", "vitamin-d"),
        ("vitamine D3", "cholecalciferol"),
        ("calcium carbonate", "calcium-carbonate"),
        ("carbonate de calcium", "calcium-carbonate"),
        ("Calcium 500 mg", "calcium"),
        ("calcium acetate", "calcium-acetate"),
        ("atorvastatin calcium 20 mg", "atorvastatin"),
        ("rosuvastatine calcique", "rosuvastatin"),
        ("nadroparin calcium", "nadroparin"),
        ("levoketoconazole", "levoketoconazole"),
        ("alendroninezuur", "alendronic-acid"),
        ("acide alendronique", "alendronic-acid"),
        ("MTX Support", "folic-acid"),
    ],
)
def test_a_name_means_one_ingredient(terminology: Terminology, text: str, ingredient: str) -> None:
    assert ingredients(terminology, text) == {ingredient}


@pytest.mark.parametrize(
    "text", ["co-trimoxazole", "Cotrimoxazol", "Bactrim DS", "TMP-SMX", "sulfamethoxazole / trimethoprim"]
)
def test_each_name_of_co_trimoxazole_means_both_parts(terminology: Terminology, text: str) -> None:
    assert ingredients(terminology, text) == {"sulfamethoxazole", "trimethoprim"}


def test_a_combination_by_its_parts_means_all_of_them(terminology: Terminology) -> None:
    assert ingredients(terminology, "trimethoprim/polymyxin B") == {"trimethoprim", "polymyxin-b"}
    assert ingredients(terminology, "Paxlovid") == {"nirmatrelvir", "ritonavir"}
    assert ingredients(terminology, "Calcium + vitamin D3") == {"calcium", "cholecalciferol"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "environment",
        "methotrexates",
        "xmethotrexate",
        "folic",
        "acid",
        "the patient's own medication",
        "a" * 100_000,
        "polystyrene sulfonate",
        "unknown drug 50 mg",
        "ferrous calcium",  # calcium alone counts only where the name begins with it
        "🙂",
        "ﷺ",
    ],
)
def test_nothing_is_recognised_inside_other_words(terminology: Terminology, text: str) -> None:
    assert terminology.medication_text(text) is None


@pytest.mark.parametrize(
    "names",
    [
        "prednisolone prednisone methylprednisolone dexamethasone betamethasone hydrocortisone triamcinolone cortisone "
        "deflazacort fludrocortisone budesonide fluticasone",
        "azathioprine mercaptopurine methotrexate tacrolimus ciclosporin voclosporin leflunomide cyclophosphamide "
        "mycophenolate hydroxychloroquine mesna",
        "allopurinol febuxostat oxipurinol topiroxostat rasburicase pegloticase",
        "trimethoprim sulfamethoxazole pyrimethamine atovaquone proguanil dapsone pentamidine",
        "tofacitinib baricitinib upadacitinib filgotinib abrocitinib ritlecitinib peficitinib ruxolitinib fedratinib "
        "pacritinib momelotinib deucravacitinib",
        "infliximab adalimumab etanercept certolizumab golimumab rituximab",
        "tisagenlecleucel axicabtagene brexucabtagene lisocabtagene idecabtagene ciltacabtagene obecabtagene",
        "atazanavir ceritinib clarithromycin cobicistat darunavir idelalisib indinavir itraconazole ketoconazole "
        "levoketoconazole lonafarnib lopinavir mifepristone nefazodone nelfinavir ombitasvir paritaprevir ritonavir "
        "posaconazole saquinavir telithromycin tucatinib voriconazole boceprevir telaprevir elvitegravir nirmatrelvir",
        "amiodarone aprepitant berotralstat cimetidine conivaptan crizotinib diltiazem dronedarone duvelisib "
        "erythromycin fluconazole fosamprenavir fosaprepitant fosnetupitant palonosetron imatinib isavuconazole "
        "lefamulin letermovir netupitant nilotinib ribociclib verapamil grapefruit schisandra azithromycin",
        "apalutamide carbamazepine enzalutamide fosphenytoin ivosidenib lumacaftor mitotane phenobarbital phenytoin "
        "primidone rifampicin bexarotene bosentan cenobamate dabrafenib efavirenz elagolix eslicarbazepine etravirine "
        "lorlatinib metamizole modafinil nafcillin pexidartinib rifabutin rifapentine sotorasib",
        "isoniazid entecavir tenofovir ribavirin",
        "denosumab teriparatide romosozumab zoledronate alfacalcidol calcitriol colecalciferol ergocalciferol",
        "apixaban rivaroxaban dabigatran edoxaban warfarin acenocoumarol phenprocoumon heparin enoxaparin fondaparinux",
        "atorvastatin simvastatin rosuvastatin pravastatin fluvastatin pitavastatin lovastatin ezetimibe alirocumab",
        "vancomycin cisplatin gentamicin tobramycin amikacin ibuprofen diclofenac naproxen estradiol",
    ],
)
def test_every_drug_that_a_rule_names_is_known_by_its_name(terminology: Terminology, names: str) -> None:
    unknown = [name for name in names.split() if terminology.medication_text(name) is None]
    assert unknown == []


def strengths(terminology: Terminology, text: str) -> list[tuple[str, Decimal, str, str, Decimal | None]]:
    product = terminology.medication_text(text)
    assert product is not None
    return [(s.ingredient, s.amount, s.unit, s.per, s.piece_volume) for s in product.strengths]


@pytest.mark.parametrize(
    ("text", "amount", "per", "volume"),
    [
        ("methotrexate 2.5 mg oral tablet", "2.5", "1", None),
        ("methotrexaat 7,5 mg", "7.5", "1", None),
        ("methotrexate 2.5mg/tablet", "2.5", "1", None),
        ("methotrexate 0.0075 g", "7.5", "1", None),
        ("tacrolimus 500 microgram capsule", "0.5", "1", None),
        ("tacrolimus 500 µg", "0.5", "1", None),
        ("Methylprednisolone 1 g", "1000", "1", None),
        ("mycophenolate mofetil 1000 mg", "1000", "1", None),
        ("tacrolimus 1 mg/mL oral suspension", "1", "mL", None),
        ("prednisolone 25 mg/5 ml oral solution", "5", "mL", None),  # 25 / 5; a spoon is no piece
        ("Metoject 20 mg/0,4 ml", "50", "mL", "0.4"),  # 20 / 0.4
        ("0.4 ML methotrexate 25 MG/ML Auto-Injector", "25", "mL", "0.4"),
        ("methotrexate 20 mg/0.3 ml prefilled pen", "20", "1", "0.3"),  # 66.6... mg/mL is not exact, the piece is
        ("Octagam 10 %", "100", "mL", None),
        ("human normal immunoglobulin 50 mg/mL", "50", "mL", None),
    ],
)
def test_a_strength_is_read_where_the_words_leave_no_doubt(
    terminology: Terminology, text: str, amount: str, per: str, volume: str | None
) -> None:
    ((_, value, unit, below, piece),) = strengths(terminology, text)
    assert (value, unit, below) == (Decimal(amount), "mg", per)
    assert piece == (None if volume is None else Decimal(volume))


@pytest.mark.parametrize(
    "text",
    [
        "methotrexate",
        "methotrexate 15 mg weekly",  # a dose, not a product
        "methotrexate 15 mg per week",
        "methotrexaat 15 mg 1x per week",
        "azathioprine 2 mg/kg",
        "cyclophosphamide 750 mg/m2",
        "cyclophosphamide 750 mg/m²",
        "prednisolone 5 mg or 20 mg",
        "mycophenolate mofetil 1.000 mg",  # one mg or a thousand
        "mycophenolate mofetil 1,000 mg",
        "hydrocortisone 10 mg/g cream",
        "prednisolone 100 mg/15 ml oral solution",  # 6.66... mg/mL
        "betamethasone 0.1 % cream",
        "co-trimoxazole 800 mg",  # the sulfamethoxazole, or both?
        "sulfamethoxazole / trimethoprim 500 mg",
        "methotrexate 0 mg",
    ],
)
def test_a_doubtful_strength_is_left_out(terminology: Terminology, text: str) -> None:
    assert strengths(terminology, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "co-trimoxazole 960 mg",  # 800 + 160
        "Bactrim DS 800/160 mg",
        "co-trimoxazole 800 mg/160 mg",
        "TMP-SMX 160/800 mg",
        "sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet",
    ],
)
def test_co_trimoxazole_is_divided_five_to_one(terminology: Terminology, text: str) -> None:
    assert strengths(terminology, text) == [
        ("sulfamethoxazole", Decimal(800), "mg", "1", None),
        ("trimethoprim", Decimal(160), "mg", "1", None),
    ]


def test_units_of_vitamin_d_beside_calcium_belong_to_the_vitamin(terminology: Terminology) -> None:
    assert strengths(terminology, "Calcium 500 mg / vitamine D3 800 IE") == [
        ("calcium", Decimal(500), "mg", "1", None),
        ("cholecalciferol", Decimal(800), "[iU]", "1", None),
    ]
    assert strengths(terminology, "calcium carbonate / colecalciferol 800 IU") == [
        ("cholecalciferol", Decimal(800), "[iU]", "1", None)
    ]


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("tacrolimus ointment 0.1 %", "local"),
        ("Protopic", "local"),
        ("hydrocortison zalf", "local"),
        ("Hydrocortison Salbe", "local"),
        ("hydrocortisone crème", "local"),
        ("hydrocortisone pommade", "local"),
        ("prednisolone eye drops", "local"),
        ("dexamethason oogdruppels", "local"),
        ("Dexamethason Augentropfen", "local"),
        ("dexaméthasone collyre", "local"),
        ("fluticasone 250 microgram inhaler", "local"),
        ("mometasone nasal spray", "local"),
        ("ketoconazole shampoo", "local"),
        ("hydrocortisone enema", "local"),
        ("prednisolone rectal suppository", "local"),
        ("Methylprednisolone 1 g iv", "intravenous"),
        ("Solu-Medrol", "parenteral"),
        ("Depo-Medrol", "intramuscular"),
        ("methylprednisolone acetate injectable suspension", "intramuscular"),
        ("human normal immunoglobulin for subcutaneous use 200 mg/mL", "subcutaneous"),
        ("human normal immunoglobulin for intravenous use", "intravenous"),
        ("IVIG", "intravenous"),
        ("Hizentra", "subcutaneous"),
        ("rituximab solution for infusion", "intravenous"),
        ("rituximab solution for infusion, subcutaneous", "subcutaneous"),
        ("methotrexaat injectievloeistof", "parenteral"),
        ("Methotrexat Fertigspritze", "parenteral"),
        ("Methotrexat Tabletten", "oral"),
        ("méthotrexate comprimés", "oral"),
        ("Sandimmun", "unknown"),
        ("methotrexate im Beutel", "unknown"),  # German "in the"
    ],
)
def test_the_words_give_a_route(terminology: Terminology, text: str, route: RouteClass) -> None:
    product = terminology.medication_text(text)
    assert product is not None
    assert product.route == route


def test_a_text_without_strength_is_an_ingredient(terminology: Terminology) -> None:
    plain = terminology.medication_text("folic acid")
    tablet = terminology.medication_text("folic acid 5 mg tablet")
    assert plain is not None and tablet is not None
    assert (plain.level, tablet.level) == ("ingredient", "product")
    assert tablet.label == "folic acid"


_SHIPPED = Terminology.load()
_DRUGS = st.sampled_from(["methotrexate", "Folsäure", "co-trimoxazole", "IVIG", "calcium", "Metoject"])
_REST = st.text(alphabet="0123456789.,/ mgIUµlL%²", max_size=20) | st.text(max_size=20)


@given(_DRUGS, _REST)
def test_whatever_follows_a_name_it_is_read_without_an_error(name: str, rest: str) -> None:
    product = _SHIPPED.medication_text(f"{name} {rest}")
    assert product is not None
    assert all(strength.amount > 0 for strength in product.strengths)
    assert all(strength.ingredient in product.ingredients for strength in product.strengths)


def test_only_the_beginning_of_a_long_text_is_read(terminology: Terminology) -> None:
    product = terminology.medication_text("methotrexate" + " x" * 100_000 + " azathioprine")
    assert product is not None
    assert product.ingredients == {"methotrexate"}
