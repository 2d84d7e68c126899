"""Records of several pages: followed to their end, from the first page or from where the client stopped."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from cds_service.cli.fixtures import fixture_names
from cds_service.mapping.reads import READ_OF, url_of

from .hapi import Hapi, Json, ids_of, next_link
from .scenes import Scene, copies, newcomer, scene, searchset
from .services import service

LONG = "established-low-dose-azathioprine-with-allopurinol"


@pytest.fixture(scope="module")
def long_record(small_pages: Hapi) -> Scene:
    """Twenty orders, the partner drug last, and forty Observations, the weight late.

    The partner makes the card, and the weight makes it a warning: 50 mg of azathioprine for 70 kg are 0.71 mg/kg.
    """
    played = newcomer(LONG)
    partner, weight = played.find("allopurinol"), played.find("weight")
    orders = _resources(played.prefetch["medicationRequests"])
    orders = [each for each in orders if each is not partner] + copies(played.find("calcium"), 16) + [partner]
    observations = _resources(played.prefetch["observations"])
    observations = [each for each in observations if each is not weight] + copies(played.find("height"), 31) + [weight]
    prefetch = {
        **played.prefetch,
        "medicationRequests": searchset(*orders),
        "observations": searchset(*observations),
    }
    record = Scene(request={**played.request, "prefetch": prefetch}, expected=played.expected)
    # HAPI lists in the order in which it stored, those of one category together.
    small_pages.store(each for each in record.resources() if each is not partner and each is not weight)
    small_pages.store([partner, weight])
    return record


@pytest.mark.parametrize("name", fixture_names())
def test_a_server_that_cuts_pages_short_is_read_to_the_end(small_pages: Hapi, client: FlaskClient, name: str) -> None:
    # The service asks for 200 and gets 7: many records have a list that does not fit.
    played = scene(name)
    assert played.ask(client, small_pages.base).told == played.expected


@pytest.mark.parametrize("name", fixture_names())
def test_a_prefetched_first_page_is_completed(
    small_pages: Hapi, client: FlaskClient, templates: dict[str, Json], name: str
) -> None:
    # Without a count the server sends five, and each record has seven Observations or more.
    played = scene(name)
    prefetch = small_pages.prefetch(templates[played.hook], played.context)
    assert _is_ticket(next_link(prefetch["observations"]))
    assert played.ask(client, small_pages.base, prefetch).told == played.expected


def test_what_decides_may_stand_on_a_late_page(small_pages: Hapi, client: FlaskClient, long_record: Scene) -> None:
    patient = long_record.patient_id
    orders, observations = (
        small_pages.pages(url_of(READ_OF[key], {"patientId": patient}))
        for key in ("medicationRequests", "observations")
    )
    # The server cuts 200 to 7: 20 orders make 7 + 7 + 6, 40 Observations make 5 * 7 + 5.
    assert [len(ids_of(page)) for page in orders] == [7, 7, 6]
    assert [len(ids_of(page)) for page in observations] == [7, 7, 7, 7, 7, 5]
    assert f"{patient}-allopurinol" in ids_of(orders[-1])
    assert not any(f"{patient}-weight" in ids_of(page) for page in observations[:3])
    assert long_record.ask(client, small_pages.base).told == long_record.expected
    assert long_record.ask(client, prefetch=long_record.prefetch).told == long_record.expected


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_the_first_pages_of_a_long_record_are_completed(
    small_pages: Hapi, client: FlaskClient, long_record: Scene, pages: int
) -> None:
    # A client that followed some of the links hands on one Bundle with the link that it did not follow.
    had = small_pages.pages(f"MedicationRequest?patient={long_record.patient_id}")[:pages]
    assert [len(ids_of(page)) for page in had] == [5] * pages
    joined = {**had[-1], "entry": [entry for page in had for entry in page["entry"]]}
    answer = long_record.ask(client, small_pages.base, {**long_record.prefetch, "medicationRequests": joined})
    assert answer.told == long_record.expected


def test_the_pages_that_the_client_left_are_read_and_no_others(
    small_pages: Hapi, client: FlaskClient, long_record: Scene, seen: list[str]
) -> None:
    page = small_pages.get(f"MedicationRequest?patient={long_record.patient_id}")
    answer = long_record.ask(client, small_pages.base, {**long_record.prefetch, "medicationRequests": page})
    assert answer.told == long_record.expected
    # Five of twenty came; the ticket goes on five at a time.
    assert len(seen) == 3
    assert seen[0] == next_link(page)
    assert all(map(_is_ticket, seen))


def test_an_expired_page_ticket_begins_the_search_anew(
    small_pages: Hapi, client: FlaskClient, long_record: Scene
) -> None:
    page = small_pages.get(f"MedicationRequest?patient={long_record.patient_id}")
    link = next_link(page)
    (ticket,) = parse_qs(urlsplit(link).query)["_getpages"]
    expired = link.replace(ticket, str(uuid.uuid4()))
    assert small_pages.status(expired) == 410
    page["link"] = [{"relation": "next", "url": expired}]
    answer = long_record.ask(client, small_pages.base, {**long_record.prefetch, "medicationRequests": page})
    assert answer.told == long_record.expected


def test_a_next_link_to_another_server_is_not_followed_there(
    hapi: Hapi, small_pages: Hapi, client: FlaskClient, long_record: Scene
) -> None:
    page = small_pages.get(f"MedicationRequest?patient={long_record.patient_id}")
    page["link"] = [{"relation": "next", "url": next_link(page).replace(small_pages.base, hapi.base)}]
    answer = long_record.ask(client, small_pages.base, {**long_record.prefetch, "medicationRequests": page})
    assert answer.told == long_record.expected


def test_a_first_page_of_what_is_required_is_not_enough(
    small_pages: Hapi, client: FlaskClient, long_record: Scene
) -> None:
    page = small_pages.get(f"MedicationRequest?patient={long_record.patient_id}")
    answer = long_record.ask(client, prefetch={**long_record.prefetch, "medicationRequests": page})
    assert answer.issue == (
        412,
        "incomplete",
        "Required data could not be had: medicationRequests: only the first page of several",
        ["prefetch.medicationRequests"],
    )


def test_a_record_longer_than_the_page_cap_is_not_taken_for_whole(small_pages: Hapi, long_record: Scene) -> None:
    answer = long_record.ask(service(page_cap=2), small_pages.base)
    assert answer.issue == (
        412,
        "incomplete",
        "Required data could not be had: medicationRequests: the FHIR server has more than is read for one request",
        ["prefetch.medicationRequests"],
    )


def test_a_weight_beyond_the_page_cap_does_not_lower_a_severity(small_pages: Hapi, long_record: Scene) -> None:
    (expected,) = long_record.expected
    (finding,) = expected["findings"]
    assert finding["severity"] == "warning"
    answer = long_record.ask(service(page_cap=3), small_pages.base)
    assert {**finding, "severity": "critical"} in answer.told[0]["findings"]


def test_a_record_of_just_as_many_pages_as_the_cap_is_whole(small_pages: Hapi, long_record: Scene) -> None:
    # Three pages of orders, given to a service that reads three; the six of Observations come with the request.
    prefetch = {"observations": long_record.prefetch["observations"]}
    assert long_record.ask(service(page_cap=3), small_pages.base, prefetch).told == long_record.expected


def _resources(bundle: Json) -> list[Json]:
    return [entry["resource"] for entry in bundle["entry"]]


def _is_ticket(link: str) -> bool:
    return "?_getpages=" in link
