"""The same cards, however the record comes: with the request, from the FHIR server, or some of each."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from cds_service.cli.fixtures import fixture_names
from cds_service.mapping.reads import READS

from .hapi import Hapi, Json, next_link
from .scenes import newcomer, scene

KEYS = [read.key for read in READS]
ONE_FOR_EACH_HOOK = [
    "methotrexate-as-medication-reference",  # patient-view
    "tacrolimus-with-ciclosporin",  # order-select
    "ivig-three-days-after-rituximab",  # order-sign
]
every_patient = pytest.mark.parametrize("name", fixture_names())


@every_patient
def test_everything_is_read_where_nothing_was_prefetched(hapi: Hapi, client: FlaskClient, name: str) -> None:
    played = scene(name)
    assert played.ask(client, hapi.base).told == played.ask(client, prefetch=played.prefetch).told == played.expected


@every_patient
@pytest.mark.parametrize("key", KEYS)
def test_one_key_that_was_not_prefetched_is_read(hapi: Hapi, client: FlaskClient, name: str, key: str) -> None:
    played = scene(name)
    assert played.ask(client, hapi.base, played.without(key)).told == played.expected


@pytest.mark.parametrize("name", ONE_FOR_EACH_HOOK)
@pytest.mark.parametrize("key", KEYS)
def test_all_keys_but_one_are_read(hapi: Hapi, client: FlaskClient, name: str, key: str) -> None:
    played = scene(name)
    assert played.ask(client, hapi.base, {key: played.prefetch[key]}).told == played.expected


def test_nothing_is_read_where_everything_was_prefetched(hapi: Hapi, client: FlaskClient, seen: list[str]) -> None:
    played = scene("methotrexate-as-medication-reference")
    assert played.ask(client, hapi.base, played.prefetch).told == played.expected
    assert seen == []


def test_what_is_missing_is_asked_for_and_nothing_else(hapi: Hapi, client: FlaskClient, seen: list[str]) -> None:
    played = scene("azathioprine-with-allopurinol")
    played.ask(client, hapi.base, played.without("conditions", "encounter"))
    assert sorted(seen) == [
        f"{hapi.base}/Condition?patient={played.patient_id}&_count=200",
        f"{hapi.base}/Encounter/{played.context['encounterId']}",
    ]


@every_patient
def test_the_offered_templates_bring_what_is_needed(
    hapi: Hapi, client: FlaskClient, templates: dict[str, Json], name: str
) -> None:
    played = scene(name)
    prefetch = hapi.prefetch(templates[played.hook], played.context)
    assert not any(map(next_link, prefetch.values()))
    # The templates name no `_include`: Medications that orders refer to do not come with them.
    assert played.ask(client, hapi.base, prefetch).told == played.expected


@every_patient
def test_a_search_that_failed_at_the_client_is_made_again(hapi: Hapi, client: FlaskClient, name: str) -> None:
    played = scene(name)
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    assert played.ask(client, hapi.base, {**played.prefetch, "medicationRequests": failed}).told == played.expected


@pytest.mark.parametrize("spelled", ["{base}/", "{localhost}", "{localhost}/", "{shouted}"])
def test_the_address_of_the_server_may_be_spelled_in_other_ways(hapi: Hapi, client: FlaskClient, spelled: str) -> None:
    played = scene("methotrexate-as-medication-reference")
    localhost = hapi.base.replace("127.0.0.1", "localhost")
    shouted = localhost.replace("http://localhost", "HTTP://LOCALHOST")
    server = spelled.format(base=hapi.base, localhost=localhost, shouted=shouted)
    assert played.ask(client, server).told == played.expected


def test_an_order_entered_since_the_last_call_is_seen(hapi: Hapi, client: FlaskClient) -> None:
    # HAPI answers an identical search from the earlier result for a minute, unless it is told not to.
    played = newcomer("methotrexate-as-medication-reference")
    folic_acid = {
        **played.find("prednisolone"),
        "id": f"{played.patient_id}-folic-acid",
        "medicationReference": {"display": "folic acid 5 mg tablet"},
        "dosageInstruction": played.find("methotrexate")["dosageInstruction"],
    }
    hapi.store(played.resources())
    assert [card["summary"] for card in played.ask(client, hapi.base).told] == [
        "Methotrexate without folic acid: supplementation needed",
        "Long-term prednisolone without calcium and vitamin D3: osteoporosis prophylaxis",
    ]
    hapi.store([folic_acid])
    assert "MTX-05" not in _rules(played.ask(client, hapi.base).told)


def test_an_encounter_that_the_server_does_not_know_is_no_fault(hapi: Hapi, client: FlaskClient) -> None:
    played = scene("azathioprine-with-allopurinol")
    assert played.ask(client, hapi.base, encounterId=f"{played.patient_id}-elsewhere").told == played.expected


def _rules(told: list[Json]) -> list[str]:
    return [finding["rule"] for card in told for finding in card["findings"]]
