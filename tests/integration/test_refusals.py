"""What cannot be had, and what may not be read: said with its place, and never an empty answer."""

from __future__ import annotations

import copy
import uuid
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from ..callers import EHR, PUBLIC, signing, write_clients
from .hapi import Hapi, Json
from .scenes import Answer, Scene, newcomer, scene
from .services import service

DRAWN = "azathioprine-with-allopurinol"
GIVEN = "ivig-three-days-after-rituximab"
REFERENCES = "methotrexate-as-medication-reference"
REFUSED = (403, "forbidden", "This FHIR server may not be read", ["fhirServer"])
REQUIRED = ["prefetch.patient", "prefetch.conditions", "prefetch.medicationRequests"]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client with which no FHIR server was agreed."""
    return _verified(tmp_path_factory.mktemp("closed"))


def test_a_patient_that_the_server_does_not_know_is_named(hapi: Hapi, client: FlaskClient) -> None:
    played = scene(REFERENCES)
    answer = played.ask(client, hapi.base, patientId=f"nobody-{uuid.uuid4()}")
    # HAPI finds no orders and no conditions of a patient that is not there, with a 200.
    assert answer.issue == (
        412,
        "incomplete",
        "Required data could not be had: patient: the FHIR server answered with status 404",
        ["prefetch.patient"],
    )


def test_a_patient_that_was_deleted_is_named(hapi: Hapi, client: FlaskClient) -> None:
    played = newcomer(REFERENCES)
    hapi.store([played.prefetch["patient"]])
    hapi.delete(played.prefetch["patient"])
    assert played.ask(client, hapi.base).issue == (
        412,
        "incomplete",
        "Required data could not be had: patient: the FHIR server answered with status 410",
        ["prefetch.patient"],
    )


def test_an_address_beside_the_fhir_base_brings_nothing(hapi: Hapi, client: FlaskClient) -> None:
    # The web server around HAPI answers such paths itself, with a page in HTML.
    played = scene(DRAWN)
    assert played.ask(client, hapi.base.removesuffix("/fhir") + "/elsewhere").issue == (
        412,
        "incomplete",
        "Required data could not be had: patient: the FHIR server answered with status 404; "
        "conditions: the FHIR server answered with status 404; "
        "medicationRequests: the FHIR server answered with status 404",
        REQUIRED,
    )


def test_the_encounter_of_another_patient_is_refused(hapi: Hapi, client: FlaskClient) -> None:
    other = scene(DRAWN)
    answer = scene(REFERENCES).ask(client, hapi.base, encounterId=str(other.context["encounterId"]))
    assert answer.issue[:3] == (403, "forbidden", "A resource is not of the patient of this request")


def test_a_draft_for_another_patient_is_refused(hapi: Hapi, client: FlaskClient) -> None:
    played, other = scene(DRAWN), scene(GIVEN)
    request = copy.deepcopy(played.request)
    request["context"]["draftOrders"] = copy.deepcopy(other.context["draftOrders"])
    answer = Scene(request=request, expected=[]).ask(client, hapi.base)
    assert answer.issue[:3] == (403, "forbidden", "A resource is not of the patient of this request")


def test_no_server_is_read_for_a_client_that_has_none(hapi: Hapi, closed: FlaskClient, seen: list[str]) -> None:
    assert scene(DRAWN).ask(closed, hapi.base).issue == REFUSED
    assert seen == []


@pytest.mark.parametrize("key", ["patient", "conditions", "medicationRequests"])
def test_one_required_key_that_would_have_to_be_read_is_enough_to_refuse(
    hapi: Hapi, closed: FlaskClient, key: str
) -> None:
    played = scene(DRAWN)
    assert played.ask(closed, hapi.base, played.without(key)).issue == REFUSED


def test_a_whole_prefetch_is_judged_beside_a_server_that_may_not_be_read(hapi: Hapi, closed: FlaskClient) -> None:
    played = scene(DRAWN)
    assert played.ask(closed, hapi.base, played.prefetch).told == played.expected


def test_an_optional_list_on_a_server_that_may_not_be_read_is_said(hapi: Hapi, closed: FlaskClient) -> None:
    played = scene(GIVEN)
    answer = played.ask(closed, hapi.base, played.without("medicationAdministrations"))
    assert ("SEQ-01", "medication administrations") in _not_checked(answer)
    assert all(finding["rule"] != "SEQ-01" for finding in _findings(answer))


def test_the_server_of_a_client_is_read_and_no_other(hapi: Hapi, small_pages: Hapi, tmp_path: Path) -> None:
    # Both are on this machine: what tells them apart is the port.
    listed = _verified(tmp_path, hapi.base)
    played = scene(DRAWN)
    assert played.ask(listed, hapi.base).told == played.expected
    assert played.ask(listed, small_pages.base).issue == REFUSED


def _verified(folder: Path, *fhir_servers: str) -> FlaskClient:
    clients = write_clients(folder, ehr={"issuer": EHR, "fhir_servers": list(fhir_servers)})
    return signing(service(public_url=PUBLIC, clients_file=str(clients)))


def _findings(answer: Answer) -> list[Json]:
    return [finding for card in answer.told for finding in card["findings"]]


def _not_checked(answer: Answer) -> set[tuple[str, str]]:
    return {(each["rule"], each["missing"]) for found in _findings(answer) for each in found.get("notChecked", ())}
