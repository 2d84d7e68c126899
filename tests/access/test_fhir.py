"""What prefetch left out is read whole from the FHIR server, or said not to have been had, and always in time."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from cds_service.access.breaker import Breaker, Tally
from cds_service.access.fhir import RESTING, FhirReader
from cds_service.access.lanes import Crowded
from cds_service.access.transport import TOO_LATE
from cds_service.mapping.bundle import ABSENT, NONE, Listing, read_listing
from cds_service.mapping.reads import READS, url_of

from .servers import Answer, Server, answer, bundle, drip, http_server, raw_server, returns

TOKEN = "secret-token-4711"
URLS = {read.key: url_of(read, {"patientId": "p1", "encounterId": "e1"}) for read in READS}
CONDITIONS = "/fhir/Condition?patient=p1&_count=200"
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
REMARK = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]}


@pytest.fixture(scope="module")
def reader() -> Iterator[FhirReader]:
    reader = FhirReader()
    yield reader
    reader.close()


def soon(seconds: float = 20) -> float:
    return time.monotonic() + seconds


def conditions(reader: FhirReader, server: Server, had: Listing = ABSENT, *, within: float = 20) -> Listing:
    return reader.complete(server.base, TOKEN, {"conditions": had}, URLS, deadline=soon(within))["conditions"]


def ids(listing: Listing) -> list[str]:
    return [msgspec.json.decode(entry.resource)["id"] for entry in listing.entries]


def served(pages: Mapping[str, object]) -> Callable[[Server, str], Answer]:
    """A server that knows these paths; "BASE" in them stands for its own address."""

    def reply(server: Server, path: str) -> Answer:
        if path not in pages:
            return answer(ERROR, 404)
        status, headers, body = answer(pages[path])
        return status, headers, body.replace(b"BASE", server.base.encode())

    return reply


def prefetched(value: object, server: Server) -> Listing:
    return read_listing(json.dumps(value).replace("BASE", server.base).encode())


# What is read


def test_what_prefetch_left_out_is_read_and_what_it_held_is_not(reader: FhirReader) -> None:
    pages = {
        "/fhir/Patient/p1": {"resourceType": "Patient", "id": "p1"},
        CONDITIONS: bundle("c1", "c2"),
        "/fhir/MedicationRequest?patient=p1&_count=200": bundle("m1", resource_type="MedicationRequest"),
    }
    given = read_listing(json.dumps(bundle("a1", resource_type="AllergyIntolerance")).encode())
    listings = {
        "patient": ABSENT,
        "conditions": Listing(state="failed", reason="an OperationOutcome instead of the data"),
        "medicationRequests": ABSENT,
        "allergies": given,
        "procedures": NONE,
    }
    with http_server(served(pages)) as server:
        done = reader.complete(server.base, TOKEN, listings, URLS, deadline=soon())
    assert {key: (listing.state, ids(listing)) for key, listing in done.items()} == {
        "patient": ("resources", ["p1"]),
        "conditions": ("resources", ["c1", "c2"]),
        "medicationRequests": ("resources", ["m1"]),
        "allergies": ("resources", ["a1"]),
        "procedures": ("none", []),
    }
    assert sorted(server.paths) == sorted(pages)
    assert {headers.get("Authorization") for _, headers in server.seen} == {f"Bearer {TOKEN}"}


def test_a_key_with_nothing_to_ask_for_is_left_as_it_was(reader: FhirReader) -> None:
    with http_server(served({})) as server:
        done = reader.complete(
            server.base, "", {"encounter": ABSENT, "other": ABSENT}, {"encounter": ""}, deadline=soon()
        )
    assert done == {"encounter": ABSENT, "other": ABSENT}
    assert server.seen == []


def test_without_a_token_the_server_is_read_without_one(reader: FhirReader) -> None:
    with http_server(served({CONDITIONS: bundle("c1")})) as server:
        done = reader.complete(server.base, "", {"conditions": ABSENT}, URLS, deadline=soon())
    assert ids(done["conditions"]) == ["c1"]
    assert "Authorization" not in server.seen[0][1]


@pytest.mark.parametrize("nothing", [bundle(), bundle(total=0), {"resourceType": "Bundle"}])
def test_an_empty_search_is_none(nothing: object, reader: FhirReader) -> None:
    with http_server(served({CONDITIONS: nothing})) as server:
        assert conditions(reader, server) == NONE


def test_an_encounter_that_does_not_exist_is_none_and_a_patient_that_does_not_has_failed(reader: FhirReader) -> None:
    with http_server(served({})) as server:
        done = reader.complete(server.base, "", {"encounter": ABSENT, "patient": ABSENT}, URLS, deadline=soon())
    assert done["encounter"] == NONE
    assert done["patient"] == Listing(state="failed", reason="the FHIR server answered with status 404")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 500])
def test_a_search_that_is_refused_has_failed(status: int, reader: FhirReader) -> None:
    with http_server(lambda server, path: answer(ERROR, status)) as server:
        done = reader.complete(server.base, "", {"medicationStatements": ABSENT}, URLS, deadline=soon())
    reason = f"the FHIR server answered with status {status}"
    assert done["medicationStatements"] == Listing(state="failed", reason=reason)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (json.dumps(ERROR), "an OperationOutcome instead of the data"),
        (json.dumps(REMARK), "an OperationOutcome instead of the data"),
        (json.dumps({"resourceType": "Condition", "id": "c1"}), "no Bundle"),
        (json.dumps({"resource": bundle("c1")}), "no FHIR resource"),
        ("<html><body>Login</body></html>", "no JSON object"),
        ('<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>', "no JSON object"),
        ("", "no JSON object"),
        ("null", "no JSON object"),
        ('{"resourceType":"Bundle","entry":[', "no JSON object"),
    ],
)
def test_an_answer_that_is_no_bundle_has_failed(body: str, reason: str, reader: FhirReader) -> None:
    with http_server(lambda server, path: (200, {}, body.encode())) as server:
        assert conditions(reader, server) == Listing(state="failed", reason=f"the FHIR server sent {reason}")


@pytest.mark.parametrize("value", [bundle("p1", "p2", resource_type="Patient"), bundle(), {"resourceType": "Group"}])
def test_a_read_answered_with_something_else_has_failed(value: object, reader: FhirReader) -> None:
    with http_server(served({"/fhir/Patient/p1": value, "/fhir/Encounter/e1": value})) as server:
        done = reader.complete(server.base, "", {"patient": ABSENT, "encounter": ABSENT}, URLS, deadline=soon())
    assert {listing.state for listing in done.values()} == {"failed"}


def test_an_error_beside_the_results_makes_them_a_part(reader: FhirReader) -> None:
    value = bundle("c1")
    value["entry"] = [{"resource": {"resourceType": "Condition", "id": "c1"}}, {"resource": ERROR}]
    with http_server(served({CONDITIONS: value})) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing)) == ("partial", ["c1"])
    assert listing.reason == "the FHIR server sent a Bundle with an OperationOutcome that reports an error"


# Pages


def test_pages_are_followed_to_the_last(reader: FhirReader) -> None:
    """As HAPI links them: tickets at the base, without a resource type, and a total on the last page only."""
    pages = {
        CONDITIONS: bundle("c1", "c2", next_url="BASE?_getpages=t&_getpagesoffset=2"),
        "/fhir?_getpages=t&_getpagesoffset=2": bundle(next_url="BASE?_getpages=t&_getpagesoffset=4"),
        "/fhir?_getpages=t&_getpagesoffset=4": bundle("c3", total=3),
    }
    with http_server(served(pages)) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing)) == ("resources", ["c1", "c2", "c3"])
    assert server.paths == list(pages)
    assert all(headers["Authorization"] == f"Bearer {TOKEN}" for _, headers in server.seen)


def test_relative_links_are_followed(reader: FhirReader) -> None:
    pages = {
        CONDITIONS: bundle("c1", next_url="?page=2"),
        "/fhir/Condition?page=2": bundle("c2", next_url="Condition?page=3"),
        "/fhir/Condition?page=3": bundle("c3"),
    }
    with http_server(served(pages)) as server:
        assert ids(conditions(reader, server)) == ["c1", "c2", "c3"]


def test_a_resource_on_two_pages_is_kept_once(reader: FhirReader) -> None:
    pages = {CONDITIONS: bundle("c1", "c2", next_url="BASE?p=2"), "/fhir?p=2": bundle("c2", "c3")}
    with http_server(served(pages)) as server:
        assert ids(conditions(reader, server)) == ["c1", "c2", "c3"]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_page_that_fails_makes_the_whole_a_part(status: int, reader: FhirReader) -> None:
    def reply(server: Server, path: str) -> Answer:
        if path == CONDITIONS:
            return answer(bundle("c1", next_url=f"{server.base}?p=2"))
        return answer(ERROR, status)

    with http_server(reply) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing), listing.next) == ("partial", ["c1"], "")
    assert listing.reason == f"the FHIR server answered with status {status}"


def test_an_empty_first_page_and_a_failed_second_are_not_none(reader: FhirReader) -> None:
    pages = {CONDITIONS: bundle(next_url="BASE?p=2"), "/fhir?p=2": ERROR}
    with http_server(served(pages)) as server:
        listing = conditions(reader, server)
    assert listing == Listing(state="failed", reason="the FHIR server sent an OperationOutcome instead of the data")


def test_a_second_page_that_is_no_bundle_is_not_taken_for_the_last(reader: FhirReader) -> None:
    pages = {CONDITIONS: bundle("c1", next_url="BASE?p=2"), "/fhir?p=2": {"resourceType": "CapabilityStatement"}}
    with http_server(served(pages)) as server:
        listing = conditions(reader, server)
    assert (listing.state, listing.reason) == ("partial", "the FHIR server sent no Bundle")


@pytest.mark.parametrize(
    "link",
    [
        "OTHER/fhir?p=2",
        "http://user@SELF/fhir?p=2",
        "https://SELF/fhir?p=2",
        "http://SELF:443/fhir?p=2",
        "http://SELF/?p=2",
        "http://SELF/fhir2?p=2",
        "http://SELF/fhir/../admin?p=2",
        "http://SELF.evil.example/fhir?p=2",
        "//169.254.169.254/fhir?p=2",
        "file:///etc/passwd",
    ],
)
def test_a_link_that_leaves_the_server_is_not_followed(link: str, reader: FhirReader) -> None:
    def reply(server: Server, path: str) -> Answer:
        host = server.base.removeprefix("http://").removesuffix("/fhir")
        next_url = link.replace("SELF", host).replace("OTHER", other.base.removesuffix("/fhir"))
        return answer(bundle("c1", next_url=next_url))

    with http_server(served({})) as other:
        with http_server(reply) as server:
            listing = conditions(reader, server)
        assert other.seen == []
    assert server.paths == [CONDITIONS]
    assert (listing.state, ids(listing)) == ("partial", ["c1"])
    assert listing.reason == "the FHIR server's next page lies outside of it"


def test_pages_in_a_circle_are_left(reader: FhirReader) -> None:
    pages = {
        CONDITIONS: bundle("c1", next_url="BASE?p=2"),
        "/fhir?p=2": bundle("c2", next_url="BASE?p=3"),
        "/fhir?p=3": bundle("c3", next_url="BASE?p=2"),
    }
    with http_server(served(pages)) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing)) == ("partial", ["c1", "c2", "c3"])
    assert listing.reason == "the FHIR server's pages lead in a circle"
    assert server.paths == list(pages)


def endless(*ids_of_page: str) -> Callable[[Server, str], Answer]:
    def reply(server: Server, path: str) -> Answer:
        page = len(server.seen)
        names = [f"{name}{page}" for name in ids_of_page]
        return answer(bundle(*names, next_url=f"{server.base}?p={page + 1}"))

    return reply


def test_endless_pages_end_at_the_hundredth(reader: FhirReader) -> None:
    with http_server(endless()) as server:
        listing = conditions(reader, server)
    assert listing == Listing(state="failed", reason="the FHIR server has more than is read for one request")
    assert len(server.seen) == 100


def test_exactly_as_many_pages_as_allowed_are_whole() -> None:
    pages = {CONDITIONS: bundle("c1", next_url="BASE?p=2"), "/fhir?p=2": bundle("c2")}
    reader = FhirReader(max_pages=2)
    with http_server(served(pages)) as server:
        assert conditions(reader, server).state == "resources"
    reader.close()


def test_pages_end_where_the_entries_become_too_many() -> None:
    """Three entries a page and at most seven: the third page brings the eighth and ninth."""
    reader = FhirReader(max_entries=7)
    with http_server(endless("a", "b", "c")) as server:
        listing = conditions(reader, server)
    assert (listing.state, len(listing.entries), len(server.seen)) == ("partial", 9, 3)
    assert listing.reason == "the FHIR server has more than is read for one request"
    reader.close()


def test_pages_end_where_the_bytes_become_too_many() -> None:
    """Each page has more than 150 bytes: of 400 the third takes the last."""
    reader = FhirReader(max_bytes=400)
    with http_server(endless("a")) as server:
        listing = conditions(reader, server)
    assert (listing.state, len(server.seen)) == ("partial", 3)
    assert listing.reason == "the FHIR server sent more than is read for one request"
    reader.close()


def test_an_expired_link_begins_the_search_anew(reader: FhirReader) -> None:
    def reply(server: Server, path: str) -> Answer:
        if path == CONDITIONS:
            ticket = len(server.seen)
            return answer(bundle("c1", next_url=f"{server.base}?ticket={ticket}"))
        return answer(ERROR, 410) if path == "/fhir?ticket=1" else answer(bundle("c2"))

    with http_server(reply) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing)) == ("resources", ["c1", "c2"])
    assert server.paths == [CONDITIONS, "/fhir?ticket=1", CONDITIONS, "/fhir?ticket=3"]


def test_links_that_always_expire_are_given_up_after_two_searches(reader: FhirReader) -> None:
    def reply(server: Server, path: str) -> Answer:
        return answer(bundle("c1", next_url=f"{server.base}?p=2")) if path == CONDITIONS else answer(ERROR, 410)

    with http_server(reply) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing)) == ("partial", ["c1"])
    assert listing.reason == "the FHIR server answered with status 410"
    assert len(server.seen) == 4


def test_pages_that_are_fewer_than_their_total_begin_the_search_anew(reader: FhirReader) -> None:
    """A resource deleted between two pages: the snapshot counts three and brings two; the new search brings all."""

    def reply(server: Server, path: str) -> Answer:
        if path == CONDITIONS and len(server.seen) == 1:
            return answer(bundle("c1", next_url=f"{server.base}?p=2"))
        return answer(bundle("c3", total=3) if path == "/fhir?p=2" else bundle("c1", "c3", total=2))

    with http_server(reply) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing)) == ("resources", ["c1", "c3"])


def test_one_page_that_is_less_than_its_total_is_a_part(reader: FhirReader) -> None:
    with http_server(served({CONDITIONS: bundle("c1", total=2)})) as server:
        listing = conditions(reader, server)
    assert (listing.state, ids(listing)) == ("partial", ["c1"])
    assert listing.reason == "the FHIR server sent a Bundle with fewer entries than its total"
    assert len(server.seen) == 1


# A part that prefetch gave


def test_a_prefetched_page_is_gone_on_from(reader: FhirReader) -> None:
    with http_server(served({"/fhir?p=2": bundle("c3", total=3)})) as server:
        listing = conditions(reader, server, prefetched(bundle("c1", "c2", next_url="BASE?p=2", total=3), server))
    assert (listing.state, ids(listing)) == ("resources", ["c1", "c2", "c3"])
    assert server.paths == ["/fhir?p=2"]
    assert server.seen[0][1]["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("next_url", ["https://evil.example/fhir?p=2", ""])
def test_a_prefetched_page_whose_link_leads_elsewhere_is_read_anew(next_url: str, reader: FhirReader) -> None:
    with http_server(served({CONDITIONS: bundle("c1", "c2", "c3")})) as server:
        had = prefetched({**bundle("c1"), "link": [{"relation": "next", "url": next_url}]}, server)
        listing = conditions(reader, server, had)
    assert (listing.state, ids(listing)) == ("resources", ["c1", "c2", "c3"])


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_prefetched_page_whose_link_has_expired_is_read_anew(status: int, reader: FhirReader) -> None:
    def reply(server: Server, path: str) -> Answer:
        return answer(bundle("c1", "c2")) if path == CONDITIONS else answer(ERROR, status)

    with http_server(reply) as server:
        listing = conditions(reader, server, prefetched(bundle("c1", next_url="BASE?p=2"), server))
    assert (listing.state, ids(listing)) == ("resources", ["c1", "c2"])
    assert server.paths == ["/fhir?p=2", CONDITIONS]


def test_a_prefetched_part_that_cannot_be_completed_keeps_what_it_had(reader: FhirReader) -> None:
    with http_server(lambda server, path: answer(ERROR, 403)) as server:
        listing = conditions(reader, server, prefetched(bundle("c1", total=2), server))
    assert (listing.state, ids(listing), listing.next) == ("partial", ["c1"], "")
    assert listing.reason == "the FHIR server answered with status 403"


# The deadline


def hang(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    over.wait()


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    drip(connection, b"X-Again: and again\r\n", over)


@pytest.mark.parametrize("talk", [hang, drip_headers])
def test_it_returns_and_its_threads_end_although_the_server_never_does(
    talk: Callable[[socket.socket, threading.Event], None],
) -> None:
    reader = FhirReader()
    before = set(threading.enumerate())
    with raw_server(talk) as server:
        listings = {read.key: ABSENT for read in READS}
        done = returns(lambda: reader.complete(server.base, TOKEN, listings, URLS, deadline=soon(0.3)))
        reader.close()
        threads = [each for each in threading.enumerate() if each not in before and each.name.startswith("fhir")]
        for thread in threads:
            thread.join(timeout=30)
        assert not [thread for thread in threads if thread.is_alive()]
    assert len(server.seen) == len(READS)
    assert done == {read.key: Listing(state="failed", reason=TOO_LATE) for read in READS}


def test_what_came_before_the_deadline_is_kept(reader: FhirReader) -> None:
    over = threading.Event()

    def reply(server: Server, path: str) -> Answer:
        if path == CONDITIONS:
            return answer(bundle("c1", next_url=f"{server.base}?p=2"))
        if path == "/fhir?p=2":
            over.wait(30)
        return answer(bundle("a1", resource_type="AllergyIntolerance"))

    with http_server(reply) as server:
        listings = {"conditions": ABSENT, "allergies": ABSENT}
        done = returns(lambda: reader.complete(server.base, TOKEN, listings, URLS, deadline=soon(1)))
        over.set()
    assert (done["allergies"].state, ids(done["allergies"])) == ("resources", ["a1"])
    assert (done["conditions"].state, ids(done["conditions"])) == ("partial", ["c1"])
    assert done["conditions"].reason == TOO_LATE


def test_it_returns_although_every_thread_of_its_server_is_taken() -> None:
    """One thread, held by another request's hanging read: ours waits its turn no longer than its own deadline."""
    reader = FhirReader(workers=1)
    with raw_server(hang) as hanging, ThreadPoolExecutor(1) as other:
        held = other.submit(lambda: conditions(reader, hanging, within=1.5))
        while not hanging.seen:
            time.sleep(0.01)
        waiting = returns(lambda: conditions(reader, hanging, within=0.2))
        assert waiting == Listing(state="failed", reason=TOO_LATE)
        assert held.result(timeout=30) == Listing(state="failed", reason=TOO_LATE)
    assert len(hanging.seen) == 1
    reader.close()


def test_a_server_that_hangs_takes_no_thread_and_no_place_of_another() -> None:
    reader = FhirReader(workers=1, places=1)
    with (
        raw_server(hang) as hanging,
        http_server(served({CONDITIONS: bundle("c1")})) as server,
        ThreadPoolExecutor(1) as other,
    ):
        held = other.submit(lambda: conditions(reader, hanging, within=2))
        while not hanging.seen:
            time.sleep(0.01)
        assert ids(conditions(reader, server)) == ["c1"]
        with pytest.raises(Crowded):
            conditions(reader, hanging)
        assert not held.done()
    reader.close()


def test_a_server_is_left_alone_after_five_requests_without_an_answer() -> None:
    now = [0.0]
    reader = FhirReader(breaker=lambda: Breaker(clock=lambda: now[0]))
    status = [500]
    with http_server(lambda server, path: answer(bundle("c1"), status[0])) as server:
        failed = [conditions(reader, server).reason for _ in range(6)]
        assert failed == ["the FHIR server answered with status 500"] * 5 + [RESTING.reason]
        assert len(server.seen) == 10  # five requests, each with its second try
        assert reader.medications(server.base, "", ["m1"], deadline=soon()) == RESTING
        status[0] = 200
        now[0] = 10.0
        assert ids(conditions(reader, server)) == ["c1"]
        assert ids(conditions(reader, server)) == ["c1"]
    reader.close()


def test_one_list_that_always_fails_does_not_shut_the_server() -> None:
    reader = FhirReader()
    pages = served({CONDITIONS: bundle("c1")})

    def reply(server: Server, path: str) -> Answer:
        return pages(server, path) if path == CONDITIONS else answer({}, 500)

    with http_server(reply) as server:
        for _ in range(7):
            lists = {"conditions": ABSENT, "allergies": ABSENT}
            done = reader.complete(server.base, TOKEN, lists, URLS, deadline=soon())
            assert (ids(done["conditions"]), done["allergies"].state) == (["c1"], "failed")
    reader.close()


def test_no_representation_of_a_visit_holds_the_token(reader: FhirReader) -> None:
    visit = reader._visit("https://ehr.example.org/fhir", TOKEN, soon(), Tally())
    assert TOKEN not in repr(visit)


def test_a_deadline_that_has_passed_sends_nothing(reader: FhirReader) -> None:
    with http_server(served({CONDITIONS: bundle("c1")})) as server:
        assert conditions(reader, server, within=-1) == Listing(state="failed", reason=TOO_LATE)
    assert server.seen == []


def test_keys_are_read_at_the_same_time(reader: FhirReader) -> None:
    """Ten reads that all wait for one another can only end if they run together."""
    together = threading.Barrier(len(READS))

    def reply(server: Server, path: str) -> Answer:
        with suppress(threading.BrokenBarrierError):
            together.wait(timeout=20)
        return answer(bundle()) if "?" in path else answer(ERROR, 404)

    with http_server(reply) as server:
        done = reader.complete(server.base, "", {read.key: ABSENT for read in READS}, URLS, deadline=soon(25))
    assert not together.broken
    assert {key for key, listing in done.items() if listing != NONE} == {"patient"}


# Medications


def medications_by_search(server: Server, path: str) -> Answer:
    names = parse_qs(urlsplit(path).query)["_id"][0].split(",")
    return answer(bundle(*(name for name in names if name != "unknown"), resource_type="Medication"))


def medications(reader: FhirReader, server: Server, *names: str) -> Listing:
    return reader.medications(server.base, TOKEN, names, deadline=soon())


def test_medications_are_found_by_one_search(reader: FhirReader) -> None:
    with http_server(medications_by_search) as server:
        listing = medications(reader, server, "a", "b", "a", "unknown")
    assert (listing.state, ids(listing)) == ("resources", ["a", "b"])
    assert server.paths == ["/fhir/Medication?_id=a,b,unknown&_count=50"]


def test_many_medications_are_searched_by_fifties(reader: FhirReader) -> None:
    names = [f"m{number}" for number in range(101)]
    with http_server(medications_by_search) as server:
        listing = medications(reader, server, *names)
    assert sorted(ids(listing)) == sorted(names)
    assert sorted(path.count(",") + 1 for path in server.paths) == [1, 50, 50]


def test_long_ids_make_smaller_batches(reader: FhirReader) -> None:
    """201 characters with the comma, and at most 1,800 in a query: eight ids (1,608), then two."""
    names = [f"{number}".rjust(200, "e") for number in range(10)]
    with http_server(medications_by_search) as server:
        listing = medications(reader, server, *names)
    assert sorted(ids(listing)) == sorted(names)
    assert sorted(path.count(",") + 1 for path in server.paths) == [2, 8]


@pytest.mark.parametrize("status", [400, 404, 405, 414, 501])
def test_where_the_search_is_refused_they_are_read_one_by_one(status: int, reader: FhirReader) -> None:
    def reply(server: Server, path: str) -> Answer:
        if "?" in path:
            return answer(ERROR, status)
        name = path.rpartition("/")[2]
        return answer(ERROR, 404) if name == "unknown" else answer({"resourceType": "Medication", "id": name})

    with http_server(reply) as server:
        listing = medications(reader, server, "a", "unknown", "b")
    assert (listing.state, ids(listing)) == ("resources", ["a", "b"])
    assert server.paths[0] == "/fhir/Medication?_id=a,unknown,b&_count=50"
    assert sorted(server.paths[1:]) == ["/fhir/Medication/a", "/fhir/Medication/b", "/fhir/Medication/unknown"]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_where_the_search_fails_they_are_not_read_one_by_one(status: int, reader: FhirReader) -> None:
    with http_server(lambda server, path: answer(ERROR, status)) as server:
        listing = medications(reader, server, "a", "b")
    assert listing == Listing(state="failed", reason=f"the FHIR server answered with status {status}")
    assert all("?" in path for path in server.paths)


def test_one_medication_that_cannot_be_had_leaves_the_others(reader: FhirReader) -> None:
    def reply(server: Server, path: str) -> Answer:
        if path == "/fhir/Medication/b":
            return answer(ERROR, 403)
        return answer(ERROR, 405) if "?" in path else answer({"resourceType": "Medication", "id": "a"})

    with http_server(reply) as server:
        listing = medications(reader, server, "a", "b")
    assert (listing.state, ids(listing)) == ("partial", ["a"])
    assert listing.reason == "the FHIR server answered with status 403"


def test_medications_that_nobody_knows_are_none(reader: FhirReader) -> None:
    with http_server(medications_by_search) as server:
        assert medications(reader, server, "unknown") == NONE


def test_no_ids_ask_for_nothing(reader: FhirReader) -> None:
    with http_server(medications_by_search) as server:
        assert medications(reader, server, "", "..") == NONE
    assert server.seen == []


def test_medications_return_although_the_server_never_does(reader: FhirReader) -> None:
    with raw_server(drip_headers) as server:
        listing = returns(lambda: reader.medications(server.base, TOKEN, ["a"], deadline=soon(0.3)))
    assert listing == Listing(state="failed", reason=TOO_LATE)
