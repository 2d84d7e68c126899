"""Another version of FHIR is told by what no R4 resource can have, and by nothing less."""

from __future__ import annotations

import json

import msgspec
import pytest

from cds_service.mapping.bundle import Listing, read_listing
from cds_service.mapping.gather import Gathered
from cds_service.mapping.medication import Medications
from cds_service.mapping.patient import Ownership
from cds_service.mapping.terminology import Terminology
from cds_service.mapping.versions import OtherVersion, version_of

METHOTREXATE = {"text": "methotrexate"}

OURS = {"reference": "Patient/p1"}
ORDER = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "subject": OURS}
NAMED = {**ORDER, "medicationCodeableConcept": METHOTREXATE}
CONDITION = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": OURS,
    "clinicalStatus": {"coding": [{"code": "active"}]},
}
OLD_CONDITION = {"resourceType": "Condition", "id": "c2", "subject": OURS, "clinicalStatus": "active"}


def of(kind: str, **elements: object) -> dict[str, object]:
    return {"resourceType": kind, "id": "x", **elements}


def version(resource: object) -> str | None:
    return version_of(json.dumps(resource).encode())


@pytest.mark.parametrize(
    "resource",
    [
        of("MedicationOrder", patient=OURS, dateWritten="2015-01-01"),
        of("ProcedureRequest", orderer={"display": "x"}),
        of("MedicationStatement", patient=OURS, wasNotTaken=False),
        of("MedicationAdministration", patient=OURS, effectiveTimeDateTime="2015-01-01"),
        of("MedicationAdministration", subject=OURS, wasNotGiven=False),
        of("Condition", patient=OURS, clinicalStatus="active"),
        of("AllergyIntolerance", patient=OURS, substance={"text": "folic acid"}),
        of("Procedure", subject=OURS, notPerformed=True),
        of("Immunization", patient=OURS, wasNotGiven=False),
        of("Encounter", patient=OURS),
    ],
)
def test_dstu2_is_told(resource: object) -> None:
    assert version(resource) == "DSTU2"


@pytest.mark.parametrize(
    "resource",
    [
        OLD_CONDITION,
        of("Condition", subject=OURS, verificationStatus="confirmed"),
        of("AllergyIntolerance", patient=OURS, clinicalStatus="active"),
        of("MedicationStatement", subject=OURS, taken="n"),
        of("MedicationAdministration", subject=OURS, notGiven=True),
        of("Procedure", subject=OURS, notDone=True),
        of("Immunization", patient=OURS, notGiven=True),
        of("ProcedureRequest", subject=OURS, intent="order"),
        {**NAMED, "requester": {"agent": {"reference": "Practitioner/1"}}},
        {**NAMED, "context": {"reference": "Encounter/1"}, "dosageInstruction": [{"doseQuantity": {"value": 15}}]},
    ],
)
def test_stu3_is_told(resource: object) -> None:
    assert version(resource) == "STU3"


@pytest.mark.parametrize(
    "resource",
    [
        {**ORDER, "medication": {"concept": METHOTREXATE}},
        {**ORDER, "medication": {"reference": {"reference": "Medication/1"}}},
        of("MedicationStatement", subject=OURS, medication={"concept": METHOTREXATE}),
        of("MedicationAdministration", subject=OURS, occurenceDateTime="2026-01-01"),
        of("Procedure", subject=OURS, occurrenceDateTime="2026-01-01"),
        of("ServiceRequest", subject=OURS, code={"concept": {"text": "plasma exchange"}}),
    ],
)
def test_r5_is_told(resource: object) -> None:
    assert version(resource) == "R5"


@pytest.mark.parametrize(
    "resource",
    [
        ORDER,
        NAMED,
        CONDITION,
        # remains of STU3 in R4 orders, as they are published
        {**NAMED, "context": {"reference": "Encounter/1"}},
        {**NAMED, "dosageInstruction": [{"doseQuantity": {"value": 15}}]},
        {**NAMED, "requester": {"reference": "Practitioner/1"}},
        # what R4 has as well
        of("MedicationAdministration", subject=OURS, context={"reference": "Encounter/1"}),
        of("AllergyIntolerance", patient=OURS),
        of("Immunization", patient=OURS),
        # stray elements
        {**NAMED, "medication": {"concept": METHOTREXATE}},
        {**ORDER, "medication": 7},
        {**ORDER, "medication": {"reference": "Medication/1"}},
        {**NAMED, "requester": {"agent": None}},
        {**CONDITION, "patient": None},
        of("Observation", patient=OURS),
        of("Patient"),
        {},
        [],
        7,
    ],
)
def test_what_may_be_r4_is_not_told_to_be_another(resource: object) -> None:
    assert version(resource) is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 5000, b'{"resourceType": 7}'])
def test_no_bytes_raise(raw: bytes) -> None:
    assert version_of(raw) is None


# In the lists of a request


@pytest.fixture
def gathered(terminology: Terminology) -> Gathered:
    return Gathered(Ownership("p1"), Medications(terminology))


def listing(*resources: object) -> Listing:
    return read_listing(
        json.dumps({"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}).encode()
    )


def test_a_list_of_another_version_is_named_and_nothing_of_it_is_used(gathered: Gathered) -> None:
    gathered.add_listings({"conditions": listing(OLD_CONDITION, {**OLD_CONDITION, "id": "c3"})})
    assert gathered.versions == {"conditions": "STU3"}
    assert gathered.found == []
    assert [(entry.where, entry.reason) for entry in gathered.unread] == [
        ("conditions.entry[0]", "is of FHIR STU3"),
        ("conditions.entry[1]", "is of FHIR STU3"),
    ]


def test_what_a_search_includes_does_not_hide_the_version(gathered: Gathered) -> None:
    beside = [of("Practitioner"), of("Medication", code=METHOTREXATE), {"resourceType": "Condition", "id": 7}]
    gathered.add_listings({"conditions": listing(*beside, OLD_CONDITION)})
    assert gathered.versions == {"conditions": "STU3"}


def test_one_resource_among_those_of_r4_is_named_alone(gathered: Gathered) -> None:
    gathered.add_listings({"conditions": listing(CONDITION, OLD_CONDITION)})
    assert gathered.versions == {}
    assert [found.record.reference for found in gathered.found] == ["Condition/c1"]
    assert [(entry.where, entry.reason) for entry in gathered.unread] == [("conditions.entry[1]", "is of FHIR STU3")]


def test_the_first_resource_has_all_of_its_list_looked_at(gathered: Gathered) -> None:
    """Each of these orders could be read, but their requester says that they are of STU3."""
    orders = [{**NAMED, "id": f"m{number}", "requester": {"agent": OURS}} for number in range(3)]
    gathered.add_listings({"medicationRequests": listing(*orders)})
    assert (gathered.versions, gathered.found) == ({"medicationRequests": "STU3"}, [])


@pytest.mark.parametrize(
    ("key", "good", "changed"),
    [
        ("procedures", of("Procedure", subject=OURS, status="completed"), {"notDone": True}),
        ("procedures", of("Procedure", subject=OURS, status="completed"), {"notPerformed": True}),
        ("procedures", of("Procedure", subject=OURS, status="completed"), {"occurrenceDateTime": "2026-01-01"}),
        ("immunizations", of("Immunization", patient=OURS, status="completed"), {"notGiven": True}),
        ("immunizations", of("Immunization", patient=OURS, status="completed"), {"wasNotGiven": True}),
        ("medicationStatements", of("MedicationStatement", subject=OURS), {"taken": "n"}),
        ("medicationStatements", of("MedicationStatement", subject=OURS), {"wasNotTaken": True}),
        ("medicationStatements", of("MedicationStatement", subject=OURS), {"medication": {"concept": METHOTREXATE}}),
        ("medicationAdministrations", of("MedicationAdministration", subject=OURS), {"notGiven": True}),
        ("allergies", of("AllergyIntolerance", patient=OURS), {"substance": {"text": "x"}}),
    ],
)
def test_what_would_change_the_meaning_is_seen_wherever_it_stands(
    gathered: Gathered, key: str, good: dict[str, object], changed: dict[str, object]
) -> None:
    gathered.add_listings({key: listing(good, {**good, "id": "y", **changed})})
    assert [found.number for found in gathered.found] == [0]
    assert [entry.where for entry in gathered.unread] == [f"{key}.entry[1]"]


def test_a_draft_of_another_version_ends_the_reading(gathered: Gathered) -> None:
    drafts = {
        "resourceType": "Bundle",
        "entry": [{"resource": NAMED}, {"resource": of("MedicationOrder", patient=OURS)}],
    }
    with pytest.raises(OtherVersion) as caught:
        gathered.add_drafts(msgspec.json.encode(drafts))
    assert (caught.value.version, caught.value.where) == ("DSTU2", "draftOrders.entry[1]")
