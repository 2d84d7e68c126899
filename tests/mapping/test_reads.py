"""The table of reads: the templates that sites type in by hand, and the queries that we send ourselves."""

from __future__ import annotations

import pytest

from cds_service.mapping.reads import READ_OF, READS, prefetch_templates, quote_id, url_of


def test_templates_are_the_published_ones_to_the_letter() -> None:
    assert prefetch_templates("patient-view") == {
        "patient": "Patient/{{context.patientId}}",
        "conditions": "Condition?patient={{context.patientId}}",
        "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
        "medicationStatements": "MedicationStatement?patient={{context.patientId}}",
        "medicationAdministrations": "MedicationAdministration?patient={{context.patientId}}",
        "observations": ("Observation?patient={{context.patientId}}&category=laboratory,vital-signs,social-history"),
        "allergies": "AllergyIntolerance?patient={{context.patientId}}",
        "procedures": "Procedure?patient={{context.patientId}}",
        "immunizations": "Immunization?patient={{context.patientId}}",
        "encounter": "Encounter/{{context.encounterId}}",
    }


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_every_hook_has_the_same_templates(hook: str) -> None:
    assert prefetch_templates(hook) == prefetch_templates("patient-view")


def test_three_keys_are_required() -> None:
    assert [read.key for read in READS if read.required] == ["patient", "conditions", "medicationRequests"]


def test_templates_keep_to_what_every_client_can_fill_in() -> None:
    queries = " ".join(prefetch_templates("order-sign").values())
    assert not [word for word in ("_count", "_sort", "_include", "code=", "%", "today()") if word in queries]


def test_our_own_search_asks_for_large_pages() -> None:
    url = url_of(READ_OF["conditions"], {"patientId": "p1"})
    assert url == "Condition?patient=p1&_count=200"


def test_our_own_search_of_observations_keeps_the_categories() -> None:
    url = url_of(READ_OF["observations"], {"patientId": "p1"})
    assert url == "Observation?patient=p1&category=laboratory,vital-signs,social-history&_count=200"


def test_a_read_by_id_asks_for_no_page() -> None:
    assert url_of(READ_OF["patient"], {"patientId": "p1"}) == "Patient/p1"


def test_long_ids_with_dots_go_through_unchanged() -> None:
    long = "eM5CWtq15N0WJeuCet5bJlQ3." * 8
    assert url_of(READ_OF["patient"], {"patientId": long}) == f"Patient/{long}"


def test_an_id_cannot_leave_its_place_in_the_url() -> None:
    url = url_of(READ_OF["conditions"], {"patientId": "p1&patient=p2"})
    assert url == "Condition?patient=p1%26patient%3Dp2&_count=200"
    assert url_of(READ_OF["patient"], {"patientId": "../x?y#z"}) == "Patient/..%2Fx%3Fy%23z"


def test_without_an_encounter_there_is_nothing_to_ask_for() -> None:
    assert url_of(READ_OF["encounter"], {"patientId": "p1", "encounterId": ""}) == ""
    assert url_of(READ_OF["encounter"], {"patientId": "p1"}) == ""


@pytest.mark.parametrize("dots", [".", "..", "...", ""])
def test_an_id_of_dots_alone_is_refused(dots: str) -> None:
    with pytest.raises(ValueError, match="an id must not be empty or of dots alone"):
        quote_id(dots)
