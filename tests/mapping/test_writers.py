"""Remedies as an EHR can carry them out: creates that are valid R4, updates of the original, deletes by reference."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Literal

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cds_service.clinical.dialect import GENERIC, Dialect
from cds_service.clinical.dose import Weekday
from cds_service.clinical.remedy import (
    TEST_NAMES,
    Action,
    ChangeRoute,
    Content,
    CreateMedication,
    CreateTests,
    DeleteDraft,
    MoveDraft,
    Offer,
    Remedy,
    StepChange,
)
from cds_service.mapping.terminology import Terminology, Vocabulary
from cds_service.mapping.writers import Writer

from ..ehr import Json

TODAY = dt.date(2026, 3, 4)
ORIGINAL = b'{"resourceType":"ServiceRequest","id":"s_1","x":1.50,"occurrenceDateTime":"2026-03-04"}'
FOLIC_ACID = CreateMedication(
    ingredient="folic-acid", dose=Decimal("5.0"), unit="mg", times=1, weekdays=("tue",), reason="prophylaxis"
)
DELETE = DeleteDraft("MedicationRequest/draft-1")
MOVE = MoveDraft(order="ServiceRequest/s_1", days=4, from_day=TODAY)


def write(terms: Terminology, *actions: Action, encounter: str = "", dialect: Dialect = GENERIC) -> tuple[Offer, ...]:
    writer = Writer(
        terms,
        patient="Patient/p1",
        encounter=encounter,
        original={"ServiceRequest/s_1": ORIGINAL}.get,
        new_id=iter(("id-1", "id-2", "id-3")).__next__,
        dialect=dialect,
    )
    offer = writer.write(Remedy("Do it", actions, recommended=True))
    return (offer,) if offer is not None else ()


def created(terms: Terminology, action: CreateMedication, encounter: str = "") -> Json:
    (offer,) = write(terms, action, encounter=encounter)
    (change,) = offer.changes
    assert (change.kind, change.target) == ("create", "")
    resource: Json = json.loads(change.resource)
    MedicationRequest.model_validate(resource)
    return resource


def test_a_created_order_is_whole_coded_and_in_words(terminology: Terminology) -> None:
    assert created(terminology, FOLIC_ACID, "Encounter/e1") == {
        "resourceType": "MedicationRequest",
        "id": "id-1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {
            "text": "folic acid",
            "coding": [
                {
                    "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                    "code": "310410",
                    "display": "folic acid 1 MG Oral Tablet",
                },
                {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "4511", "display": "folic acid"},
                {"system": "http://www.whocc.no/atc", "code": "B03BB01"},
                {"system": "http://snomed.info/sct", "code": "63718003", "display": "Folic acid (substance)"},
            ],
        },
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "reasonCode": [{"text": "prophylaxis"}],
        "dosageInstruction": [
            {
                "text": "5 mg once weekly on Tuesday",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["tue"]}},
                "doseAndRate": [
                    {"doseQuantity": {"value": 5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("in_use", "wanted", "codes"),
    [
        ((), (), ["310410", "4511", "B03BB01", "63718003"]),
        (("atc",), (), ["B03BB01"]),
        (("rxnorm", "ndc"), (), ["310410", "4511"]),
        (("ndc",), (), ["310410", "4511", "B03BB01", "63718003"]),
        (("rxnorm",), ("snomed", "atc"), ["B03BB01", "63718003"]),
    ],
)
def test_what_is_ordered_is_coded_as_the_record_is_or_as_the_client_wants(
    terminology: Terminology,
    in_use: tuple[Vocabulary, ...],
    wanted: tuple[Literal["rxnorm", "atc", "snomed"], ...],
    codes: list[str],
) -> None:
    writer = Writer(
        terminology,
        patient="Patient/p1",
        encounter="",
        original=lambda order: None,
        new_id=lambda: "new",
        in_use=lambda: in_use,
        dialect=Dialect(vocabularies=frozenset(wanted)),
    )
    offer = writer.write(Remedy("Add it", (FOLIC_ACID,)))
    assert offer is not None
    order = json.loads(offer.changes[0].resource)
    assert [coding["code"] for coding in order["medicationCodeableConcept"]["coding"]] == codes


def test_each_test_is_an_order_of_its_own(terminology: Terminology) -> None:
    (offer,) = write(terminology, CreateTests(("hbsag", "hbv-dna"), "before rituximab"), encounter="Encounter/e1")
    first, second = offer.changes
    assert (first.kind, first.description, first.target) == ("create", "Order HBsAg", "")
    resource: Json = json.loads(first.resource)
    ServiceRequest.model_validate(resource)
    assert resource == {
        "resourceType": "ServiceRequest",
        "id": "id-1",
        "status": "draft",
        "intent": "order",
        "code": {
            "text": "HBsAg",
            "coding": [
                {
                    "system": "http://loinc.org",
                    "code": "5196-1",
                    "display": "Hepatitis B virus surface Ag [Presence] in Serum or Plasma by Immunoassay",
                }
            ],
        },
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "reasonCode": [{"text": "before rituximab"}],
    }
    assert json.loads(second.resource)["code"]["text"] == "HBV DNA"


@pytest.mark.parametrize("concept", sorted(TEST_NAMES))
def test_every_test_that_may_be_ordered_has_a_code(terminology: Terminology, concept: str) -> None:
    code = terminology.test_code(concept)
    assert code is not None
    assert concept in terminology.observation(code.system, code.code)


def test_a_code_whose_name_was_seen_is_preferred(terminology: Terminology) -> None:
    # tacrolimus-level has four codes, of which only the first row's name was seen; anti-mda5's named one comes fourth
    assert terminology.test_code("tacrolimus-level") == (
        "http://loinc.org",
        "11253-2",
        "Tacrolimus [Mass/volume] in Blood",
    )
    assert terminology.test_code("anti-mda5") == (
        "http://loinc.org",
        "107563-9",
        "MDA5 Ab [Presence] in Serum or Plasma",
    )
    assert terminology.test_code("tpmt-genotype") == ("http://loinc.org", "41048-0", "")
    assert terminology.test_code("shoe-size") is None


def test_without_a_visit_an_order_names_none(terminology: Terminology) -> None:
    assert "encounter" not in created(terminology, FOLIC_ACID)


@pytest.mark.parametrize(
    ("dose", "per_week", "weekdays", "text", "number"),
    [
        ("5", 2, ("tue", "fri"), "5 mg twice weekly on Tuesday and Friday", "5"),
        ("5", 1, (), "5 mg once weekly", "5"),
        ("0.4", 7, (), "0.4 mg 7 times weekly", "0.4"),
        ("1E+1", 3, ("mon", "wed", "sat"), "10 mg 3 times weekly on Monday and Wednesday and Saturday", "10"),
    ],
)
def test_the_dose_is_written_plainly_in_numbers_and_words(
    terminology: Terminology, dose: str, per_week: int, weekdays: tuple[Weekday, ...], text: str, number: str
) -> None:
    action = CreateMedication(
        ingredient="folic-acid", dose=Decimal(dose), unit="mg", times=per_week, weekdays=weekdays, reason="x"
    )
    (offer,) = write(terminology, action)
    assert f'"value":{number},'.encode() in offer.changes[0].resource
    (instruction,) = json.loads(offer.changes[0].resource)["dosageInstruction"]
    assert instruction["text"] == text
    assert instruction["timing"]["repeat"].get("dayOfWeek", []) == list(weekdays)


def test_two_orders_of_the_same_remedy_are_two_orders(terminology: Terminology) -> None:
    (offer,) = write(terminology, FOLIC_ACID, FOLIC_ACID)
    assert [json.loads(change.resource)["id"] for change in offer.changes] == ["id-1", "id-2"]


def test_an_order_for_one_patient_leaves_nothing_for_the_next(terminology: Terminology) -> None:
    """The order for nobody is kept and filled in: what it is filled with must not stay."""
    assert created(terminology, FOLIC_ACID, "Encounter/e1")["encounter"] == {"reference": "Encounter/e1"}
    writer = Writer(terminology, patient="Patient/p2", encounter="", original=lambda order: None, new_id=lambda: "z")
    offer = writer.write(Remedy("Do it", (FOLIC_ACID,)))
    assert offer is not None
    again = json.loads(offer.changes[0].resource)
    assert (again["subject"], again["id"], "encounter" in again) == ({"reference": "Patient/p2"}, "z", False)


def test_an_update_is_the_original_with_our_elements_alone_replaced(terminology: Terminology) -> None:
    (offer,) = write(terminology, MOVE)
    (change,) = offer.changes
    assert (change.kind, change.target, change.description) == ("update", "ServiceRequest/s_1", "Do it")
    assert change.resource == ORIGINAL.replace(b"03-04", b"03-08")


def test_an_order_by_another_route_names_the_drug_and_the_route_in_verified_codes(terminology: Terminology) -> None:
    writer = Writer(
        terminology,
        patient="Patient/p1",
        encounter="",
        original={"MedicationRequest/a": b'{"medicationCodeableConcept":{"text":"MTX"},"dosageInstruction":[{}]}'}.get,
        new_id=iter(()).__next__,
        dialect=GENERIC,
    )
    step = StepChange(index=0, dose=Decimal(20), text="20 mg once a week, subcutaneous")
    action = ChangeRoute(order="MedicationRequest/a", ingredient="methotrexate", route="subcutaneous", steps=(step,))
    offer = writer.write(Remedy("Change it", (action,)))
    assert offer is not None
    (change,) = offer.changes
    order = json.loads(change.resource)
    assert (change.kind, change.target) == ("update", "MedicationRequest/a")
    assert order["medicationCodeableConcept"]["text"] == "methotrexate"
    assert order["medicationCodeableConcept"]["coding"][0]["code"] == "6851"
    assert order["dosageInstruction"][0]["route"] == {
        "text": "subcutaneous",
        "coding": [
            {"system": "http://snomed.info/sct", "code": "34206005"},
            {"system": "http://standardterms.edqm.eu", "code": "20066000"},
        ],
    }


def test_a_delete_names_its_order_and_carries_nothing(terminology: Terminology) -> None:
    (offer,) = write(terminology, DELETE)
    (change,) = offer.changes
    assert (change.kind, change.target, change.resource) == ("delete", "MedicationRequest/draft-1", b"")
    assert (offer.label, offer.recommended) == ("Do it", True)


@pytest.mark.parametrize(
    "order", ["urn:uuid:7", "draftOrders.entry[0]", "https://x/MedicationRequest/1", "MedicationRequest/", ""]
)
def test_what_names_no_draft_is_not_offered(terminology: Terminology, order: str) -> None:
    assert write(terminology, DeleteDraft(order)) == ()
    assert write(terminology, MoveDraft(order=order, days=1, from_day=TODAY)) == ()


def test_a_draft_whose_original_is_not_there_is_not_updated(terminology: Terminology) -> None:
    assert write(terminology, MoveDraft(order="ServiceRequest/other", days=1, from_day=TODAY)) == ()


def test_a_remedy_of_which_a_part_cannot_be_written_is_not_offered_at_all(terminology: Terminology) -> None:
    assert write(terminology, FOLIC_ACID, DeleteDraft("urn:uuid:7")) == ()


def test_a_remedy_that_does_nothing_is_not_offered(terminology: Terminology) -> None:
    assert write(terminology) == ()


# What one client wants otherwise


def test_a_client_that_takes_one_action_gets_no_remedy_of_two(terminology: Terminology) -> None:
    one = Dialect(one_action=True)
    assert write(terminology, FOLIC_ACID, DELETE, dialect=one) == ()
    assert len(write(terminology, FOLIC_ACID, dialect=one)) == 1
    assert len(write(terminology, FOLIC_ACID, DELETE)) == 1


def test_a_client_that_takes_no_updates_gets_none(terminology: Terminology) -> None:
    none = Dialect(updates=False)
    assert write(terminology, MOVE, dialect=none) == ()
    assert write(terminology, DELETE, MOVE, dialect=none) == ()
    assert len(write(terminology, DELETE, dialect=none)) == 1


def test_a_tablet_of_two_ingredients_is_one_tablet_with_the_code_of_the_product(terminology: Terminology) -> None:
    contents = (
        Content(ingredient="sulfamethoxazole", amount=Decimal(400)),
        Content(ingredient="trimethoprim", amount=Decimal(80)),
    )
    order = CreateMedication(
        contents=contents, said="480 mg", dose=Decimal(1), unit="1", times=1, period_unit="d", reason="prophylaxis"
    )
    resource = created(terminology, order)
    assert resource["medicationCodeableConcept"] == {
        "text": "co-trimoxazole 480 mg",
        "coding": [
            {
                "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                "code": "198334",
                "display": "sulfamethoxazole 400 MG / trimethoprim 80 MG Oral Tablet",
            },
            {"system": "http://www.whocc.no/atc", "code": "J01EE01"},
        ],
    }
    assert resource["dosageInstruction"] == [
        {
            "text": "1 tablet once daily",
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [
                {
                    "doseQuantity": {
                        "value": 1,
                        "unit": "tablet",
                        "system": "http://unitsofmeasure.org",
                        "code": "{tablet}",
                    }
                }
            ],
        }
    ]


def test_a_tablet_that_rxnorm_does_not_know_has_the_code_of_the_combination(terminology: Terminology) -> None:
    contents = (
        Content(ingredient="calcium-carbonate", amount=Decimal(1250)),
        Content(ingredient="cholecalciferol", amount=Decimal(800), unit="[iU]"),
    )
    order = CreateMedication(
        contents=contents, said="1250 mg / 800 IU", dose=Decimal(1), unit="1", times=1, period_unit="d", reason="bone"
    )
    concept = created(terminology, order)["medicationCodeableConcept"]
    assert concept["text"] == "calcium carbonate with colecalciferol 1250 mg / 800 IU"
    assert [coding["code"] for coding in concept["coding"]] == ["608343"]


def test_international_units_are_written_as_people_and_as_ucum_write_them(terminology: Terminology) -> None:
    order = CreateMedication(
        ingredient="cholecalciferol", dose=Decimal(800), unit="[iU]", times=1, period_unit="d", reason="bone"
    )
    (instruction,) = created(terminology, order)["dosageInstruction"]
    assert instruction["text"] == "800 IU once daily"
    (dose,) = instruction["doseAndRate"]
    assert (dose["doseQuantity"]["unit"], dose["doseQuantity"]["code"]) == ("IU", "[iU]")


def test_an_order_may_begin_on_a_later_day(terminology: Terminology) -> None:
    order = CreateMedication(
        ingredient="prednisone",
        dose=Decimal(40),
        unit="mg",
        times=1,
        period_unit="d",
        start=dt.date(2026, 3, 7),
        reason="after a pulse",
    )
    (instruction,) = created(terminology, order)["dosageInstruction"]
    assert instruction["text"] == "40 mg once daily from 2026-03-07"
    assert instruction["timing"]["repeat"]["boundsPeriod"] == {"start": "2026-03-07"}
