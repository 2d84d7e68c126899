"""Whose a resource is: shown, not shown, or shown to be somebody else's."""

from __future__ import annotations

import pytest

from cds_service.mapping.elements import Identifier, Reference
from cds_service.mapping.patient import OtherPatient, Ownership

BASE = "https://ehr.example.org/fhir"


def owns(reference: str, *servers: str) -> bool:
    return Ownership("p1", servers).owns(Reference(reference=reference), "conditions.entry[3]")


@pytest.mark.parametrize("reference", ["Patient/p1", "Patient/p1/_history/2"])
def test_the_patient_of_the_request_owns_by_id(reference: str) -> None:
    assert owns(reference)


@pytest.mark.parametrize("server", [BASE, BASE + "/"])
@pytest.mark.parametrize("reference", [f"{BASE}/Patient/p1", f"{BASE}/Patient/p1/_history/2"])
def test_an_absolute_reference_to_the_requests_own_server_is_the_patient(server: str, reference: str) -> None:
    assert owns(reference, server)


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p2",
        "Patient/p11",
        "Patient/P1",
        "Patient/",
        "Patient/p1/x",
        "Patient/p2/_history/1",
        f"{BASE}/Patient/p2",
        f"{BASE}/Patient/p1x",
    ],
)
def test_another_patient_ends_the_reading_with_the_place_alone(reference: str) -> None:
    with pytest.raises(OtherPatient) as caught:
        owns(reference, BASE)
    assert str(caught.value) == caught.value.where == "conditions.entry[3]"


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "#p1",
        "p1",
        "urn:uuid:p1",
        "Group/p1",
        "https://other.example.org/fhir/Patient/p1",
        "http://ehr.example.org/fhir/Patient/p1",
        f"{BASE}.evil.example/Patient/p1",
        f"{BASE}2/Patient/p1",
        "https://ehr.example.org/Patient/p1",
    ],
)
def test_a_subject_that_is_not_shown_to_be_anybody_is_not_ours(reference: str) -> None:
    assert not owns(reference, BASE)


@pytest.mark.parametrize(
    "subject",
    [None, Reference(), Reference(display="p1"), Reference(identifier=Identifier(system="urn:x", value="p1"))],
)
def test_without_a_reference_nothing_is_shown(subject: Reference | None) -> None:
    assert not Ownership("p1", (BASE,)).owns(subject, "x")


def test_without_a_server_no_absolute_reference_is_the_patient() -> None:
    assert not owns(f"{BASE}/Patient/p1", "")
    assert not owns(f"{BASE}/Patient/p2", "")


def test_the_full_url_of_the_patients_entry_stands_for_the_patient() -> None:
    ownership = Ownership("p1")
    subject = Reference(reference="urn:uuid:1b4e")
    assert not ownership.owns(subject, "x")
    ownership.also("urn:uuid:1b4e")
    assert ownership.owns(subject, "x")


@pytest.mark.parametrize("full_url", ["Patient/p2", f"{BASE}/Patient/p2", f"{BASE}/Patient/p2/_history/1"])
def test_a_full_url_that_names_another_patient_stands_for_nobody(full_url: str) -> None:
    ownership = Ownership("p1", (BASE,))
    ownership.also(full_url)
    with pytest.raises(OtherPatient):
        ownership.owns(Reference(reference=full_url), "x")


def test_no_full_url_stands_for_nobody() -> None:
    ownership = Ownership("p1")
    ownership.also("")
    assert not ownership.owns(Reference(reference=""), "x")


def test_a_patient_resource_must_be_the_patient_of_the_request() -> None:
    ownership = Ownership("p1")
    assert ownership.is_patient("p1", "patient.entry[0]")
    for other in ("p2", ""):
        with pytest.raises(OtherPatient, match=r"^patient\.entry\[0\]$"):
            ownership.is_patient(other, "patient.entry[0]")
