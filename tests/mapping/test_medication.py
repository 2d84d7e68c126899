"""What a medication is, wherever and however it is named; what cannot be told is said, what is none of ours is silent."""

from __future__ import annotations

import json

import pytest

from cds_service.mapping.medication import NAMELESS, NOWHERE, OTHER_VERSION, Identity, Medications
from cds_service.mapping.records import Medicated, MedicationRecord, read_record
from cds_service.mapping.terminology import Terminology

from ..ehr import (
    AZATHIOPRINE,
    CO_TRIMOXAZOLE,
    DIGOXIN,
    FOLIC_ACID,
    METHOTREXATE,
    NDC,
    RXNORM,
    SERVER,
    SNOMED,
    UNKNOWN_CODE,
    Json,
    coded,
    medication,
    order,
    referring,
)

NOTHING = order({})
BARE = {key: value for key, value in NOTHING.items() if key != "medicationCodeableConcept"}


@pytest.fixture
def medications(terminology: Terminology) -> Medications:
    return Medications(terminology, (SERVER,))


def medicated(value: Json) -> Medicated:
    record = read_record(json.dumps(value).encode())
    assert isinstance(record, Medicated)
    return record


def add(medications: Medications, value: Json, full_url: str = "") -> None:
    record = read_record(json.dumps(value).encode())
    assert isinstance(record, MedicationRecord)
    medications.add(record, full_url)


def identify(medications: Medications, value: Json) -> Identity:
    identity = medications.identify(medicated(value))
    assert identity is not None
    return identity


def ingredients(identity: Identity) -> list[str]:
    """What it was taken for, with nothing left to say about it."""
    assert (identity.unknown, identity.conflict) == ("", ())
    return sorted(identity.product.ingredients) if identity.product is not None else []


# Where it stands


@pytest.mark.parametrize(
    ("reference", "full_url"),
    [
        ("Medication/m", ""),
        ("Medication/m/_history/4", ""),
        (f"{SERVER}/Medication/m", ""),
        (f"{SERVER}/Medication/m/_history/4", ""),
        ("urn:uuid:1b4e", "urn:uuid:1b4e"),
        ("https://elsewhere.example.org/Medication/m", "https://elsewhere.example.org/Medication/m"),
    ],
)
def test_a_reference_is_followed_to_what_came(medications: Medications, reference: str, full_url: str) -> None:
    add(medications, medication("m", METHOTREXATE), full_url)
    record = referring(BARE, reference)
    assert ingredients(identify(medications, record)) == ["methotrexate"]
    assert medications.wanted(medicated(record)) == ""


def test_a_contained_medication_is_found_by_its_id(medications: Medications) -> None:
    held = [medication("other", AZATHIOPRINE), medication("med", METHOTREXATE)]
    assert ingredients(identify(medications, {**referring(BARE, "#med"), "contained": held})) == ["methotrexate"]


def test_a_contained_id_is_not_looked_for_outside(medications: Medications) -> None:
    add(medications, medication("med", METHOTREXATE))
    assert identify(medications, referring(BARE, "#med")).unknown == NOWHERE


@pytest.mark.parametrize(
    "reference",
    [
        "Medication/gone",
        "#gone",
        "urn:uuid:gone",
        "https://elsewhere.example.org/fhir/Medication/m",
        f"{SERVER}2/Medication/m",
        "",
    ],
)
def test_a_reference_to_nothing_is_said(medications: Medications, reference: str) -> None:
    add(medications, medication("m", METHOTREXATE))
    told = identify(medications, referring(BARE, reference))
    assert (told.product, told.unknown) == (None, NOWHERE)


def test_a_medication_that_is_an_error_is_none(medications: Medications) -> None:
    add(medications, {**medication("m", METHOTREXATE), "status": "entered-in-error"})
    assert identify(medications, referring(BARE, "Medication/m")).unknown == NOWHERE


def test_what_is_displayed_serves_where_the_reference_leads_nowhere(medications: Medications) -> None:
    told = identify(medications, referring(BARE, "Medication/gone", display="Methotrexat 2,5 mg Tablette"))
    assert (ingredients(told), told.confidence, told.label) == (["methotrexate"], "text", "Methotrexat 2,5 mg Tablette")


def test_what_is_displayed_serves_where_the_medication_itself_does_not_tell(medications: Medications) -> None:
    """Epic's Medications carry proprietary codes alone, without any text (CLIENTS EP-30)."""
    add(medications, medication("m", UNKNOWN_CODE))
    assert ingredients(identify(medications, referring(BARE, "Medication/m", display="methotrexate"))) == [
        "methotrexate"
    ]
    assert ingredients(identify(medications, referring(BARE, "Medication/m", display="digoxin"))) == []
    assert identify(medications, referring(BARE, "Medication/m")).unknown == NAMELESS


def test_a_medication_that_is_named_wins_over_what_is_displayed(medications: Medications) -> None:
    add(medications, medication("m", METHOTREXATE))
    add(medications, medication("p", DIGOXIN))
    assert ingredients(identify(medications, referring(BARE, "Medication/m", display="tablet"))) == ["methotrexate"]
    assert identify(medications, referring(BARE, "Medication/p", display="a tablet")).label == DIGOXIN["text"]


def test_a_concept_wins_over_a_reference_beside_it(medications: Medications) -> None:
    both = {**order(METHOTREXATE), "medicationReference": {"reference": "Medication/gone"}}
    assert ingredients(identify(medications, both)) == ["methotrexate"]


def test_an_empty_concept_beside_a_reference_is_passed_over(medications: Medications) -> None:
    add(medications, medication("m", METHOTREXATE))
    both = {**order({"coding": []}), "medicationReference": {"reference": "Medication/m"}}
    assert ingredients(identify(medications, both)) == ["methotrexate"]


@pytest.mark.parametrize(
    "value", [BARE, order({}), order({"coding": []}), order({"text": ""}), {**BARE, "medication": {}}]
)
def test_an_order_may_name_no_medication_at_all(medications: Medications, value: Json) -> None:
    assert medications.identify(medicated(value)) is None


def test_a_medication_as_r5_writes_it_is_said(medications: Medications) -> None:
    told = identify(medications, {**BARE, "medication": {"concept": METHOTREXATE}})
    assert (told.product, told.unknown) == (None, OTHER_VERSION)


def test_a_stray_element_beside_a_reference_is_ignored(medications: Medications) -> None:
    add(medications, medication("m", METHOTREXATE))
    assert ingredients(identify(medications, {**referring(BARE, "Medication/m"), "medication": 7})) == ["methotrexate"]


# What it is


def test_several_codes_of_several_levels_among_proprietary_ones_are_one_drug(medications: Medications) -> None:
    """As Epic sends them: no displays, RxNorm codes of different levels before, between and after its own (EP-30)."""
    epic = "urn:oid:2.16.840.1.113883.6.253"
    codes = [(epic, "12345"), (RXNORM, "6851"), (epic, "6789"), (RXNORM, "105585"), ("urn:oid:1.2.840.114350", "x")]
    told = identify(medications, order({"coding": [{"system": system, "code": code} for system, code in codes]}))
    assert ingredients(told) == ["methotrexate"]
    assert told.product is not None and told.product.level == "product"


@pytest.mark.parametrize(
    "concept",
    [
        coded(NDC, "00054-4550-15"),
        {"coding": [{"extension": [{"url": "urn:x"}]}, METHOTREXATE["coding"][0]]},
        {"coding": [{"code": "105585", "display": "methotrexate 2.5 MG Oral Tablet"}]},
        {"text": "METHOTREXATE 2.5 MG PO TABS"},
    ],
)
def test_it_is_found_by_whatever_names_it(medications: Medications, concept: Json) -> None:
    assert ingredients(identify(medications, order(concept))) == ["methotrexate"]


def test_a_code_without_a_system_names_nothing(medications: Medications) -> None:
    assert identify(medications, order({"coding": [{"code": "105585"}]})).unknown == NAMELESS


def test_a_code_of_one_system_under_another_names_nothing(medications: Medications) -> None:
    assert identify(medications, order(coded(RXNORM, "387381009"))).unknown == NAMELESS


@pytest.mark.parametrize(
    "concept", [UNKNOWN_CODE, coded(SNOMED, "999"), {"coding": [{}]}, {"coding": [{"system": RXNORM}]}]
)
def test_an_unknown_code_without_a_text_is_said(medications: Medications, concept: Json) -> None:
    told = identify(medications, order(concept))
    assert (told.product, told.unknown) == (None, NAMELESS)


def test_a_named_drug_that_is_none_of_ours_is_silent(medications: Medications) -> None:
    told = identify(medications, order({**UNKNOWN_CODE, "text": "digoxin 0.125 mg"}))
    assert (told.product, told.label, told.unknown) == (None, "digoxin 0.125 mg", "")


def test_codes_that_disagree_count_as_both_and_are_said(medications: Medications) -> None:
    both = {"coding": [*METHOTREXATE["coding"], *AZATHIOPRINE["coding"]]}
    told = identify(medications, order(both))
    assert told.product is not None
    assert sorted(told.product.ingredients) == ["azathioprine", "methotrexate"]
    assert len(told.conflict) == 2


def test_a_text_that_disagrees_with_the_code_counts_too_and_is_said(medications: Medications) -> None:
    told = identify(medications, order({**METHOTREXATE, "text": "azathioprine 50 mg"}))
    assert told.product is not None
    assert sorted(told.product.ingredients) == ["azathioprine", "methotrexate"]
    assert told.conflict


def test_a_label_is_what_the_record_says_cut_to_a_length(medications: Medications) -> None:
    assert identify(medications, order({**METHOTREXATE, "text": "MTX weekly"})).label == "MTX weekly"
    assert len(identify(medications, order({"text": "methotrexate " + "x" * 5000})).label) == 120


# Ingredients


def test_a_medication_without_a_code_is_what_it_contains(medications: Medications) -> None:
    add(medications, medication("m", None, coded(RXNORM, "10180"), coded(RXNORM, "10829")))
    told = identify(medications, referring(BARE, "Medication/m"))
    assert ingredients(told) == ["sulfamethoxazole", "trimethoprim"]


def test_an_inactive_ingredient_is_not_counted(medications: Medications) -> None:
    held = medication("m", None, METHOTREXATE, FOLIC_ACID)
    held["ingredient"][1]["isActive"] = False
    add(medications, held)
    assert ingredients(identify(medications, referring(BARE, "Medication/m"))) == ["methotrexate"]


def test_a_known_code_is_enough(medications: Medications) -> None:
    add(medications, medication("m", METHOTREXATE, UNKNOWN_CODE))
    assert ingredients(identify(medications, referring(BARE, "Medication/m"))) == ["methotrexate"]


@pytest.mark.parametrize("code", [None, UNKNOWN_CODE, {"text": "house mixture 7"}])
def test_an_ingredient_that_cannot_be_told_is_said_beside_the_others(
    medications: Medications, code: Json | None
) -> None:
    add(medications, medication("m", code, METHOTREXATE, UNKNOWN_CODE))
    told = identify(medications, referring(BARE, "Medication/m"))
    assert told.product is not None
    assert (told.product.ingredients, told.product.others, told.unknown) == (
        frozenset({"methotrexate"}),
        True,
        NAMELESS,
    )


def test_a_named_ingredient_that_is_none_of_ours_is_silent(medications: Medications) -> None:
    add(medications, medication("m", None, DIGOXIN))
    told = identify(medications, referring(BARE, "Medication/m"))
    assert (told.product, told.label, told.unknown) == (None, DIGOXIN["text"], "")


def test_a_mixture_of_which_one_part_is_nameless_is_said(medications: Medications) -> None:
    add(medications, medication("m", None, DIGOXIN, UNKNOWN_CODE))
    assert identify(medications, referring(BARE, "Medication/m")).unknown == NAMELESS


@pytest.mark.parametrize(
    "item",
    [
        {"itemReference": {"reference": "#s"}},
        {"itemReference": {"reference": "Medication/part"}},
        {"itemReference": {"reference": "#gone", "display": "trimethoprim"}},
    ],
)
def test_an_ingredient_may_be_a_reference(medications: Medications, item: Json) -> None:
    add(medications, medication("part", coded(RXNORM, "10829")))
    substance = {"resourceType": "Substance", "id": "s", "code": coded(RXNORM, "10829")}
    add(medications, {**medication("m"), "ingredient": [item], "contained": [substance]})
    assert ingredients(identify(medications, referring(BARE, "Medication/m"))) == ["trimethoprim"]


def test_an_ingredient_that_is_a_reference_to_nothing_is_said(medications: Medications) -> None:
    parts = [{"itemCodeableConcept": METHOTREXATE}, {"itemReference": {"reference": "#gone"}}]
    add(medications, {**medication("m"), "ingredient": parts})
    told = identify(medications, referring(BARE, "Medication/m"))
    assert told.product is not None
    assert (told.product.ingredients, told.unknown) == (frozenset({"methotrexate"}), "an ingredient is not stated")


def test_a_medication_that_contains_itself_ends_nowhere(medications: Medications) -> None:
    loop = {**medication("med"), "ingredient": [{"itemReference": {"reference": "#med"}}]}
    assert (
        identify(medications, {**referring(BARE, "#med"), "contained": [loop]}).unknown == "an ingredient is not stated"
    )


def test_the_same_concept_is_told_the_same_whatever_order_holds_it(medications: Medications) -> None:
    first, second = (identify(medications, order(CO_TRIMOXAZOLE, id)) for id in ("m1", "m2"))
    assert first is second
    assert ingredients(first) == ["sulfamethoxazole", "trimethoprim"]
