"""All that came for a request, decoded once: whose it is, where it stands, what could not be read."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from cds_service.mapping.bundle import Listing, read_listing
from cds_service.mapping.gather import Gathered
from cds_service.mapping.medication import Medications
from cds_service.mapping.patient import OtherPatient, Ownership
from cds_service.mapping.terminology import Terminology

from ..ehr import METHOTREXATE, PATIENT, SERVER, Json, bundle, draft, medication, order, referring, resource

CONDITION = resource("Condition", "c1")


@pytest.fixture
def gathered(terminology: Terminology) -> Gathered:
    return Gathered(Ownership(PATIENT, (SERVER,)), Medications(terminology, (SERVER,)))


def listings(values: Mapping[str, object]) -> dict[str, Listing]:
    return {key: read_listing(json.dumps(value).encode()) for key, value in values.items()}


def unread(gathered: Gathered) -> list[tuple[str, str, str]]:
    return [(entry.source, entry.where, entry.reason) for entry in gathered.unread]


def add_drafts(gathered: Gathered, *entries: Json) -> None:
    gathered.add_drafts(json.dumps(bundle(*entries)).encode())


def test_a_resource_keeps_its_list_and_place(gathered: Gathered) -> None:
    gathered.add_listings(listings({"conditions": bundle(CONDITION, resource("Condition", "c2"))}))
    assert [(found.record.reference, found.source, found.where) for found in gathered.found] == [
        ("Condition/c1", "conditions", "conditions.entry[0]"),
        ("Condition/c2", "conditions", "conditions.entry[1]"),
    ]


def test_a_resource_that_stands_twice_counts_once_in_whatever_list(gathered: Gathered) -> None:
    gathered.add_listings(listings({"conditions": bundle(CONDITION, CONDITION), "procedures": bundle(CONDITION)}))
    assert [found.where for found in gathered.found] == ["conditions.entry[0]"]


def test_resources_without_an_id_are_each_their_own(gathered: Gathered) -> None:
    nameless = {key: value for key, value in CONDITION.items() if key != "id"}
    gathered.add_listings(listings({"conditions": bundle(nameless, nameless)}))
    assert len(gathered.found) == 2


def test_the_same_id_of_another_type_is_another_resource(gathered: Gathered) -> None:
    gathered.add_listings(listings({"conditions": bundle(CONDITION, resource("Procedure", "c1"))}))
    assert len(gathered.found) == 2


def test_a_copy_for_another_patient_is_still_seen(gathered: Gathered) -> None:
    with pytest.raises(OtherPatient, match=r"^conditions\.entry\[1\]$"):
        gathered.add_listings(
            listings({"conditions": bundle(CONDITION, {**CONDITION, "subject": {"reference": "Patient/p2"}})})
        )


def test_what_cannot_be_attributed_is_named_and_not_used(gathered: Gathered) -> None:
    gathered.add_listings(listings({"conditions": bundle({**CONDITION, "subject": {"display": "x"}})}))
    assert gathered.found == []
    assert unread(gathered) == [("conditions", "conditions.entry[0]", "cannot be shown to be this patient's")]


def test_what_cannot_be_read_is_named_with_the_element(gathered: Gathered) -> None:
    gathered.add_listings(listings({"conditions": bundle({**CONDITION, "code": "secret"}, {"fullUrl": "urn:x"})}))
    assert unread(gathered) == [
        ("conditions", "conditions.entry[1]", "is no resource"),
        ("conditions", "conditions.entry[0].code", "Condition cannot be read"),
    ]


def test_an_entry_without_a_resource_does_not_shift_the_places_of_the_others(gathered: Gathered) -> None:
    gathered.add_listings(listings({"conditions": bundle({"fullUrl": "urn:x"}, CONDITION)}))
    add_drafts(gathered, {"fullUrl": "urn:y"}, draft(METHOTREXATE))
    assert [found.where for found in gathered.found] == ["conditions.entry[1]"]
    assert [each.where for each in gathered.drafts] == ["draftOrders.entry[1]"]


def test_an_extension_that_changes_the_meaning_makes_a_resource_unread(gathered: Gathered) -> None:
    gathered.add_listings(listings({"conditions": bundle({**CONDITION, "modifierExtension": [{"url": "urn:x"}]})}))
    assert gathered.found == []
    assert unread(gathered) == [("conditions", "conditions.entry[0]", "holds an extension that changes its meaning")]


def test_what_no_rule_needs_is_passed_over(gathered: Gathered) -> None:
    others: list[Json] = [{"resourceType": "Practitioner", "id": "x"}, {"resourceType": "Coverage", "beneficiary": 7}]
    gathered.add_listings(listings({"conditions": bundle(*others)}))
    add_drafts(gathered, {"resourceType": "NutritionOrder", "patient": {"reference": "Group/g1"}})
    assert (gathered.found, gathered.drafts, gathered.unread) == ([], [], [])


@pytest.mark.parametrize("element", ["subject", "patient"])
def test_what_no_rule_needs_ends_the_reading_where_it_is_another_patients(gathered: Gathered, element: str) -> None:
    """It would not be used; but who sends it mixes patients."""
    for reference, ours in ((f"Patient/{PATIENT}", True), ("Location/1", True), ("Patient/p2", False)):
        report = {"resourceType": "NutritionOrder", "id": "n1", element: {"reference": reference}}
        if ours:
            gathered.add_listings(listings({"conditions": bundle(report)}))
            add_drafts(gathered, report)
        else:
            with pytest.raises(OtherPatient, match=r"^conditions\.entry\[0\]$"):
                gathered.add_listings(listings({"conditions": bundle(report)}))
            with pytest.raises(OtherPatient, match=r"^draftOrders\.entry\[0\]$"):
                add_drafts(gathered, report)
    assert (gathered.found, gathered.drafts, gathered.unread) == ([], [], [])


MODIFIED: Json = {"modifierExtension": [{"url": "urn:x"}]}
ODD: Json = {"meta": 7}


@pytest.mark.parametrize("unusable", [MODIFIED, ODD])
def test_what_cannot_be_used_ends_the_reading_where_it_is_another_patients(gathered: Gathered, unusable: Json) -> None:
    foreign = {"subject": {"reference": "Patient/p2"}, **unusable}
    with pytest.raises(OtherPatient, match=r"^conditions\.entry\[0\]$"):
        gathered.add_listings(listings({"conditions": bundle({**CONDITION, **foreign})}))
    with pytest.raises(OtherPatient, match=r"^draftOrders\.entry\[0\]$"):
        add_drafts(gathered, {**draft(METHOTREXATE), **foreign})
    with pytest.raises(OtherPatient, match=r"^patient\.entry\[0\]$"):
        gathered.add_listings(listings({"patient": {"resourceType": "Patient", "id": "p2", **unusable}}))


@pytest.mark.parametrize("unusable", [MODIFIED, ODD])
def test_the_patients_own_resource_that_cannot_be_used_is_named(gathered: Gathered, unusable: Json) -> None:
    gathered.add_listings(listings({"patient": {"resourceType": "Patient", "id": PATIENT, **unusable}}))
    assert [source for source, _, _ in unread(gathered)] == ["patient"]


def test_a_bundle_among_the_orders_is_named(gathered: Gathered) -> None:
    add_drafts(gathered, bundle(draft(METHOTREXATE)))
    assert unread(gathered) == [("draftOrders", "draftOrders.entry[0].resourceType", "Bundle cannot be read")]


def test_another_patients_entry_names_nobody_by_its_full_url(gathered: Gathered) -> None:
    others = {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient", "id": "p2", "gender": 7}}
    with pytest.raises(OtherPatient):
        gathered.add_listings(listings({"patient": bundle(others)}))
    gathered.add_listings(listings({"conditions": bundle({**CONDITION, "subject": {"reference": "urn:uuid:2"}})}))
    assert gathered.found == []


def test_the_patients_own_entry_names_the_patient_by_its_full_url(gathered: Gathered) -> None:
    patient = {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": PATIENT}}
    condition = {**CONDITION, "subject": {"reference": "urn:uuid:1"}}
    gathered.add_listings(listings({"conditions": bundle(condition), "patient": bundle(patient)}))
    assert [found.source for found in gathered.found] == ["conditions", "patient"]


def test_another_patients_entry_ends_the_reading(gathered: Gathered) -> None:
    with pytest.raises(OtherPatient, match=r"^patient\.entry\[1\]$"):
        gathered.add_listings(
            listings({"patient": bundle(*({"resourceType": "Patient", "id": each} for each in (PATIENT, "p2")))})
        )


# Drafts


def test_a_draft_keeps_its_bytes_and_is_found_by_its_reference(gathered: Gathered) -> None:
    raw = b'{"resourceType":"MedicationRequest", "id":"d_1","x":1.50,"subject":{"reference":"Patient/p1"}}'
    gathered.add_drafts(b'{"resourceType":"Bundle","entry":[{"resource":' + raw + b"}]}")
    assert [(each.reference, each.where) for each in gathered.drafts] == [
        ("MedicationRequest/d_1", "draftOrders.entry[0]")
    ]
    assert gathered.original("MedicationRequest/d_1") == raw
    assert gathered.original("MedicationRequest/other") is None


def test_a_draft_without_an_id_is_named_by_its_full_url_or_its_place(gathered: Gathered) -> None:
    nameless = {key: value for key, value in draft(METHOTREXATE).items() if key != "id"}
    add_drafts(gathered, {"fullUrl": "urn:uuid:7", "resource": nameless}, nameless)
    assert [each.reference for each in gathered.drafts] == ["urn:uuid:7", "draftOrders.entry[1]"]
    assert gathered.repeated_draft() == ""


def test_the_second_draft_of_the_same_reference_is_told(gathered: Gathered) -> None:
    add_drafts(gathered, draft(METHOTREXATE), resource("ServiceRequest", "draft-1"), draft(METHOTREXATE))
    assert gathered.repeated_draft() == "draftOrders.entry[2]"


@pytest.mark.parametrize(
    ("subject", "expected"), [({"reference": "Group/1"}, "cannot be shown to be this patient's"), (7, None)]
)
def test_a_draft_that_cannot_be_used_is_named(gathered: Gathered, subject: object, expected: str | None) -> None:
    add_drafts(gathered, {**draft(METHOTREXATE), "subject": subject})
    assert gathered.drafts == []
    assert unread(gathered) == [
        ("draftOrders", "draftOrders.entry[0]", expected)
        if expected
        else ("draftOrders", "draftOrders.entry[0].subject", "MedicationRequest cannot be read")
    ]


def test_another_patients_draft_ends_the_reading(gathered: Gathered) -> None:
    with pytest.raises(OtherPatient, match=r"^draftOrders\.entry\[0\]$"):
        add_drafts(gathered, {**draft(METHOTREXATE), "subject": {"reference": f"{SERVER}/Patient/p2"}})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "no FHIR resource"),
        ({"resourceType": "OperationOutcome"}, "an OperationOutcome instead of the data"),
        ([], "no JSON object"),
    ],
)
def test_draft_orders_that_are_none_are_named(gathered: Gathered, value: object, reason: str) -> None:
    gathered.add_drafts(json.dumps(value).encode())
    assert unread(gathered) == [("draftOrders", "draftOrders", reason)]


@pytest.mark.parametrize("value", [b"null", b'{"resourceType":"Bundle"}'])
def test_no_drafts_are_none(gathered: Gathered, value: bytes) -> None:
    gathered.add_drafts(value)
    assert (gathered.drafts, gathered.unread) == ([], [])


def test_draft_orders_that_were_not_sent_are_noted_once(gathered: Gathered) -> None:
    gathered.add_drafts(None)
    gathered.add_selections(["MedicationRequest/draft-1"])
    assert unread(gathered) == [("draftOrders", "draftOrders", "is not given")]


def test_a_selection_is_found_among_drafts_of_any_type_that_can_be_read_or_not(gathered: Gathered) -> None:
    unreadable = draft(METHOTREXATE, "m", subject={"reference": 5})
    add_drafts(gathered, draft(METHOTREXATE), resource("NutritionOrder", "n"), unreadable)
    before = unread(gathered)
    gathered.add_selections(["MedicationRequest/draft-1", "NutritionOrder/n", "MedicationRequest/m"])
    assert unread(gathered) == before
    gathered.add_selections(["MedicationRequest/draft-1", "draft-1", ""])
    assert unread(gathered)[len(before) :] == [
        ("draftOrders", "selections[1]", "names no draft order"),
        ("draftOrders", "selections[2]", "names no draft order"),
    ]


def test_an_absent_selection_is_noted_where_there_are_drafts(gathered: Gathered) -> None:
    add_drafts(gathered)
    gathered.add_selections(None)
    assert unread(gathered) == []
    add_drafts(gathered, {"resourceType": "MedicationRequest"})
    gathered.add_selections(None)
    assert unread(gathered)[-1] == ("draftOrders", "selections", "is not given")


# Medications


def test_medications_that_did_not_come_are_wanted_once(gathered: Gathered) -> None:
    came = medication("came", METHOTREXATE)
    orders = [
        referring(order({}, f"m{number}"), reference)
        for number, reference in enumerate(
            [
                "Medication/came",
                "Medication/a",
                f"{SERVER}/Medication/a",
                "Medication/b/_history/3",
                "https://other.example.org/Medication/c",
                "#d",
                "urn:uuid:e",
                "",
            ]
        )
    ]
    gathered.add_listings(listings({"medicationRequests": bundle(*orders, came)}))
    add_drafts(gathered, referring(draft({}), "Medication/f"))
    assert gathered.wanted_medications() == ("a", "b", "f")
    gathered.add_listings(listings({"medications": bundle(medication("a"), medication("b"), medication("f"))}))
    assert gathered.wanted_medications() == ()
