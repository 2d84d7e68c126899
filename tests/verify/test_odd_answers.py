"""Answers that no service should give, by the hundred: each is told as a fault, and none ends the run."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.verify.catalogue import CHECK_OF
from cds_service.verify.json_values import empty_places
from cds_service.verify.patients import Patient, fill
from cds_service.verify.shapes import discovery_faults, looked_at, response_faults

from .faults import FAULTS
from .services import CARD, DISCOVERY, SYSTEM_ACTION, Answer, GoodService, Request, served
from .test_verify import failed, verified

ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, each in inside for place in places(each, (*path, name)))]


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.deepcopy(value)
    at = changed
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = new
    return changed


RESPONSE = {"cards": [CARD], "systemActions": [SYSTEM_ACTION]}


@given(place=st.sampled_from(places(RESPONSE)), new=ODD)
def test_whatever_stands_in_a_response_is_told_under_a_check_that_there_is(
    place: tuple[str | int, ...], new: Any
) -> None:
    value = replaced(RESPONSE, place, new)
    told = {check for check, _ in response_faults(value)} | set(looked_at(value))
    assert told <= CHECK_OF.keys()


@given(place=st.sampled_from(places(DISCOVERY)), new=ODD)
def test_whatever_stands_in_discovery_is_told_under_a_check_that_there_is(
    place: tuple[str | int, ...], new: Any
) -> None:
    assert {check for check, _ in discovery_faults(replaced(DISCOVERY, place, new))} <= CHECK_OF.keys()


@pytest.mark.parametrize(
    "body", ["null", "[]", '{"services": [1, null, {}, {"id": {}, "prefetch": [1]}]}', '{"services": {}}']
)
def test_odd_discovery_ends_in_a_report(body: str) -> None:
    def fault(service: GoodService, request: Request, answer: Answer) -> Answer:
        return Answer(status=200, body=body.encode()) if request.is_discovery else answer

    with served(fault) as base:
        assert failed(verified(base)) != {}


@pytest.mark.parametrize(
    "body", ["null", "[]", '{"cards": [1, null, []]}', '{"cards": [{"links": [1], "suggestions": {}}]}']
)
def test_odd_cards_end_in_a_report(body: str) -> None:
    def fault(service: GoodService, request: Request, answer: Answer) -> Answer:
        return Answer(status=200, body=body.encode(), headers=answer.headers) if request.is_call else answer

    with served(fault) as base:
        assert failed(verified(base)) != {}


def test_no_value_of_an_answer_is_repeated_in_the_report() -> None:
    secret = "Wilma-Weeklydose-1968"
    # Every text of a card is replaced at once: almost nothing is as it must be then.
    spoilt = json.loads(
        json.dumps(RESPONSE), object_hook=lambda o: {k: secret if isinstance(v, str) else v for k, v in o.items()}
    )
    notes = [note for _, note in response_faults(spoilt)]
    assert len(notes) > 5
    assert [note for note in notes if secret in note] == []


def test_null_in_a_list_of_primitives_of_a_resource_is_no_empty_value() -> None:
    # FHIR: the extension stands at the same place of `_given`.
    value: Any = {"cards": [{"resource": {"given": [None, "Wilma"], "family": None}}]}
    assert list(empty_places(value)) == ["cards[0].resource.family"]


PATIENT = Patient(
    name="p",
    context={"patientId": "p1", "userId": "Practitioner/7"},
    resources=(
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Observation", "id": "o1", "category": [{"coding": [{"code": "laboratory"}]}]},
        {"resourceType": "Observation", "id": "o2", "category": [{"coding": [{"code": "survey"}]}]},
        {"resourceType": "Practitioner", "id": "7"},
    ),
)


@pytest.mark.parametrize(
    ("template", "ids"),
    [
        ("Observation?patient={{context.patientId}}", ["o1", "o2"]),
        ("Observation?patient={{context.patientId}}&category=laboratory,vital-signs", ["o1"]),
        ("Observation?patient={{context.patientId}}&category=http://x|survey", ["o2"]),
        ("Observation?_id=o2", ["o2"]),
        ("Condition?patient={{context.patientId}}", []),
    ],
)
def test_a_search_is_filled_with_what_the_server_would_find(template: str, ids: list[str]) -> None:
    filled, left = fill({"key": template}, PATIENT.context, PATIENT)
    bundle: Any = filled["key"]
    assert [entry["resource"]["id"] for entry in bundle.get("entry", [])] == ids
    assert (bundle["total"], left) == (len(ids), ())


@pytest.mark.parametrize(
    ("template", "id_"),
    [
        ("Patient/{{context.patientId}}", "p1"),
        ("Practitioner/{{userPractitionerId}}", "7"),
        ("{{context.userId}}", "7"),
    ],
)
def test_a_read_is_filled_with_the_resource_itself(template: str, id_: str) -> None:
    filled, _ = fill({"key": template}, PATIENT.context, PATIENT)
    resource: Any = filled["key"]
    assert resource["id"] == id_


@pytest.mark.parametrize(
    "template",
    ["Encounter/{{context.encounterId}}", "Patient/{{userPatientId}}", "Patient/{{today()}}", "", "{{", "Patient/2"],
)
def test_a_template_that_the_record_cannot_fill_is_left_out(template: str) -> None:
    assert fill({"key": template}, PATIENT.context, PATIENT) == ({}, ("key",))


def test_the_faults_have_each_a_sentence_of_their_own() -> None:
    words = [words for _, words, _ in FAULTS]
    assert sorted(set(words)) == sorted(words)
