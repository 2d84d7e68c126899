"""Orders in words become drafts as EHRs send them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cds_service.cli.orders import PROCEDURE_CODES, SNOMED, is_known, reference_to, write_draft
from cds_service.cli.words import read_order
from cds_service.mapping.terminology import Terminology

TODAY = dt.date(2026, 11, 25)
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def draft(text: str, terminology: Terminology, encounter: str = "") -> dict[str, Any]:
    written = write_draft(read_order(text, TODAY), terminology, number=1, patient="p1", encounter=encounter)
    resource: dict[str, Any] = json.loads(msgspec.json.encode(written))
    if resource["resourceType"] == "ServiceRequest":
        ServiceRequest.model_validate(resource)
    else:
        MedicationRequest.model_validate(resource)
    return resource


def test_a_weekly_order_whole(terminology: Terminology) -> None:
    assert draft("methotrexate 15 mg weekly on monday sc", terminology, "e1") == {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {
            "text": "methotrexate",
            "coding": [{"system": RXNORM, "code": "6851", "display": "methotrexate"}],
        },
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "dosageInstruction": [
            {
                "text": "methotrexate 15 mg weekly on monday sc",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]}},
                "route": {"text": "subcutaneous"},
                "doseAndRate": [
                    {"doseQuantity": {"value": 15, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
                ],
            }
        ],
    }


@pytest.mark.parametrize("name", ["co-trimoxazole", "ivig", "tacrolimus ointment", "unheardofol"])
def test_what_is_not_one_ingredient_alone_goes_out_in_words(name: str, terminology: Terminology) -> None:
    assert draft(f"{name} 1 mg daily", terminology)["medicationCodeableConcept"] == {"text": name}


def test_days_with_a_start_become_a_period_that_holds_both_ends(terminology: Terminology) -> None:
    repeat = draft("ivig 28 g daily for 5 days from 2026-12-01", terminology)["dosageInstruction"][0]["timing"][
        "repeat"
    ]
    assert repeat["boundsPeriod"] == {"start": "2026-12-01", "end": "2026-12-05"}  # the 1st to the 5th: five days


def test_days_without_a_start_become_a_duration(terminology: Terminology) -> None:
    repeat = draft("ivig 28 g daily for 5 days", terminology)["dosageInstruction"][0]["timing"]["repeat"]
    assert repeat["boundsDuration"] == {"value": 5, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}


def test_single_days_become_events(terminology: Terminology) -> None:
    timing = draft("rituximab 1000 mg on 2026-11-30 and 2026-12-14", terminology)["dosageInstruction"][0]["timing"]
    assert timing == {"event": ["2026-11-30", "2026-12-14"]}


def test_no_frequency_makes_no_timing(terminology: Terminology) -> None:
    assert draft("methotrexate 15 mg", terminology)["dosageInstruction"] == [
        {
            "text": "methotrexate 15 mg",
            "doseAndRate": [
                {"doseQuantity": {"value": 15, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
            ],
        }
    ]


@pytest.mark.parametrize("name", ["plasmapheresis", "plasma exchange"])
def test_a_procedure_becomes_a_service_request(name: str, terminology: Terminology) -> None:
    assert draft(f"{name} on 2026-11-30", terminology) == {
        "resourceType": "ServiceRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "code": {"text": name, "coding": [{"system": SNOMED, "code": "20720000", "display": "Plasmapheresis"}]},
        "subject": {"reference": "Patient/p1"},
        "occurrenceDateTime": "2026-11-30",
    }


def test_the_codes_of_procedures_mean_what_they_stand_for(terminology: Terminology) -> None:
    for concept, (code, _) in PROCEDURE_CODES.items():
        assert concept in terminology.procedure(SNOMED, code)


def test_a_reference_names_the_type_of_its_draft(terminology: Terminology) -> None:
    orders = [read_order(text, TODAY) for text in ("folic acid 5 mg weekly", "plasmapheresis")]
    assert [reference_to(write_draft(o, terminology, number=n, patient="p1")) for n, o in enumerate(orders, 1)] == [
        "MedicationRequest/draft-1",
        "ServiceRequest/draft-2",
    ]


@pytest.mark.parametrize(
    ("name", "known"), [("ivig", True), ("cellcept", True), ("plasmapheresis", True), ("unheardofol", False)]
)
def test_whether_a_name_is_known(name: str, known: bool, terminology: Terminology) -> None:
    assert is_known(read_order(name, TODAY), terminology) is known
