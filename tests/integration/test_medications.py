"""Medications that are resources of their own on the server: fetched where orders, chart or drafts refer to them."""

from __future__ import annotations

import copy
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from .hapi import Hapi, Json, ids_of
from .scenes import Scene, copies, newcomer, scene, searchset

REFERENCES = "methotrexate-as-medication-reference"
DRAFTED = "methotrexate-without-folic-acid"


def test_the_server_sends_orders_without_their_medications(hapi: Hapi) -> None:
    played = scene(REFERENCES)
    orders = hapi.get(f"MedicationRequest?patient={played.patient_id}")
    assert {entry["resource"]["resourceType"] for entry in orders["entry"]} == {"MedicationRequest"}
    assert all("medicationReference" in entry["resource"] for entry in orders["entry"])


def test_the_medications_of_all_orders_are_searched_together(hapi: Hapi, client: FlaskClient, seen: list[str]) -> None:
    played = scene(REFERENCES)
    assert played.ask(client, hapi.base, played.without("medicationRequests")).told == played.expected
    orders = f"{hapi.base}/MedicationRequest?patient={played.patient_id}&_count=200"
    assert seen[0] == orders
    assert [_ids_asked_for(url) for url in seen[1:]] == [
        {played.find("methotrexate-medication")["id"], played.find("prednisolone-medication")["id"]}
    ]


@pytest.mark.parametrize("written", ["Medication/{id}", "Medication/{id}/_history/1", "{base}/Medication/{id}"])
def test_a_medication_is_fetched_however_prefetch_refers_to_it(hapi: Hapi, client: FlaskClient, written: str) -> None:
    played = scene(REFERENCES)
    orders = [copy.deepcopy(each) for each in played.resources() if each["resourceType"] == "MedicationRequest"]
    for order in orders:
        name = order["medicationReference"]["reference"].removeprefix("Medication/")
        order["medicationReference"]["reference"] = written.format(base=hapi.base, id=name)
    prefetch = {**played.prefetch, "medicationRequests": searchset(*orders)}
    assert played.ask(client, hapi.base, prefetch).told == played.expected


def test_a_draft_may_refer_to_a_medication_of_the_server(hapi: Hapi, client: FlaskClient) -> None:
    played = scene(DRAFTED)
    medication = scene(REFERENCES).find("methotrexate-medication")
    drafted = _drafted(played, {"reference": f"Medication/{medication['id']}"})
    assert drafted.ask(client, hapi.base).told == played.expected


@pytest.mark.parametrize("reachable", [True, False])
def test_a_medication_that_nobody_has_is_said_to_be_unknown(hapi: Hapi, client: FlaskClient, reachable: bool) -> None:
    played = scene(REFERENCES)
    orders = [copy.deepcopy(each) for each in played.resources() if each["resourceType"] == "MedicationRequest"]
    for order in orders:
        order["medicationReference"]["reference"] += "-lost"
    prefetch = {**played.prefetch, "medicationRequests": searchset(*orders)}
    (card,) = played.ask(client, hapi.base if reachable else "", prefetch).told
    assert card["summary"] == (
        "Some Table 11 checks were not possible: what is taken (medicationRequests.entry[0]) and 1 more"
    )
    assert [(each["rule"], each["outcome"]) for each in card["findings"]] == [("GEN-03", "not-checked")]


def test_medications_of_several_pages_are_all_fetched(small_pages: Hapi, client: FlaskClient) -> None:
    # Twenty orders, each with a Medication of its own; methotrexate, which makes the card, is stored last.
    played = newcomer(REFERENCES)
    methotrexate, medication = played.find("methotrexate"), played.find("methotrexate-medication")
    others = copies(played.find("prednisolone"), 18)
    other_medications = copies(played.find("prednisolone-medication"), 18)
    for order, own in zip(others, other_medications, strict=True):
        order["medicationReference"] = {"reference": f"Medication/{own['id']}"}
    small_pages.store(other_medications)
    small_pages.store([*played.resources(), *others])
    orders = small_pages.pages(f"MedicationRequest?patient={played.patient_id}&_count=200")
    names = [
        entry["resource"]["medicationReference"]["reference"].removeprefix("Medication/")
        for page in orders
        for entry in page["entry"]
    ]
    medications = small_pages.pages(f"Medication?_id={','.join(names)}&_count=50")
    assert [len(ids_of(page)) for page in medications] == [7, 7, 6]
    assert medication["id"] in ids_of(medications[-1])
    assert methotrexate["medicationReference"]["reference"] == f"Medication/{medication['id']}"
    # Nineteen orders of prednisolone are more than one: only the card on methotrexate is the fixture's.
    assert played.ask(client, small_pages.base).told[0] == played.expected[0]


def _drafted(played: Scene, reference: Json) -> Scene:
    """The scene with its one draft referring to a Medication instead of naming its code."""
    request = copy.deepcopy(played.request)
    (entry,) = request["context"]["draftOrders"]["entry"]
    del entry["resource"]["medicationCodeableConcept"]
    entry["resource"]["medicationReference"] = reference
    return Scene(request=request, expected=played.expected)


def _ids_asked_for(url: str) -> set[str]:
    """The ids in a search by `_id`."""
    (listed,) = parse_qs(urlsplit(url).query)["_id"]
    return set(listed.split(","))
