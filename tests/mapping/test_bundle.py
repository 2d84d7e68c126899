"""What a prefetch value stands for: nothing, a failure, a part, or the resources."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.mapping.bundle import NONE, Entry, Listing, Page, join_pages, read_listing, read_page

CONDITION = {"resourceType": "Condition", "id": "c1"}
REMARK = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]}
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def bundle(*entries: object, **more: object) -> msgspec.Raw:
    return raw({"resourceType": "Bundle", "entry": list(entries), **more})


def ids(listing: Listing) -> list[str]:
    return [msgspec.json.decode(entry.resource)["id"] for entry in listing.entries]


# Nothing there


@pytest.mark.parametrize("value", [None, b"null", b" null\n", raw(None)])
def test_null_says_that_there_is_nothing(value: bytes | msgspec.Raw | None) -> None:
    assert read_listing(value) == NONE


@pytest.mark.parametrize("value", [bundle(), raw({"resourceType": "Bundle"}), bundle(total=0), bundle(entry=None)])
def test_an_empty_bundle_says_that_there_is_nothing(value: msgspec.Raw) -> None:
    assert read_listing(value) == NONE


def test_a_bundle_with_only_a_remark_is_none() -> None:
    """Epic's answer to an empty search: total 0 and one OperationOutcome of severity warning."""
    assert read_listing(bundle({"resource": REMARK, "search": {"mode": "outcome"}}, total=0)) == NONE


def test_old_wrapper_of_nothing_is_none() -> None:
    assert read_listing(raw({"response": {"status": "200 OK"}, "resource": None})) == NONE


# Resources


def test_entries_become_resources_with_address_mode_and_type() -> None:
    listing = read_listing(
        bundle(
            {"fullUrl": "https://ehr.example/R4/Condition/c1", "resource": CONDITION, "search": {"mode": "match"}},
            {"resource": {"id": "m1", "resourceType": "Medication"}, "search": {"mode": "include"}},
        )
    )
    assert listing.state == "resources"
    assert [(entry.full_url, entry.mode, entry.resource_type) for entry in listing.entries] == [
        ("https://ehr.example/R4/Condition/c1", "match", "Condition"),
        ("", "include", "Medication"),
    ]
    assert ids(listing) == ["c1", "m1"]


def test_a_resource_is_handed_on_byte_for_byte() -> None:
    text = b'{"resourceType":"Condition","id":"c1","onsetAge":{"value":3.150}}'
    listing = read_listing(b'{"resourceType":"Bundle","entry":[{"resource":' + text + b"}]}")
    assert bytes(listing.entries[0].resource) == text


@pytest.mark.parametrize("kind", ["searchset", "collection", "transaction", None, 7])
def test_the_type_of_a_bundle_is_never_looked_at(kind: object) -> None:
    assert ids(read_listing(bundle({"resource": CONDITION}, type=kind))) == ["c1"]


def test_a_bare_resource_is_a_listing_of_one() -> None:
    listing = read_listing(raw({"resourceType": "Patient", "id": "p1", "link": [{"type": "refer"}]}))
    assert (listing.state, ids(listing), listing.entries[0].resource_type) == ("resources", ["p1"], "Patient")


def test_a_bare_resource_with_elements_named_like_those_of_a_bundle_is_read() -> None:
    listing = read_listing(raw({"resourceType": "List", "id": "l1", "entry": [{"search": "x"}], "total": {}}))
    assert (listing.state, ids(listing)) == ("resources", ["l1"])


@pytest.mark.parametrize("response", [{"response": {"status": "200 OK"}}, {"response": {"status": 200}}, {}])
def test_old_wrapper_is_unwrapped(response: dict[str, object]) -> None:
    assert ids(read_listing(raw({**response, "resource": CONDITION}))) == ["c1"]


def test_a_remark_beside_results_is_left_out() -> None:
    listing = read_listing(bundle({"resource": REMARK}, {"resource": CONDITION}, total=1))
    assert (listing.state, ids(listing)) == ("resources", ["c1"])


def test_a_total_that_counts_matches_only_is_enough() -> None:
    included = {"resource": {"resourceType": "Medication", "id": "m1"}, "search": {"mode": "include"}}
    assert read_listing(bundle({"resource": CONDITION}, included, total=1)).state == "resources"


def test_an_entry_without_a_resource_is_named_and_the_rest_is_read() -> None:
    listing = read_listing(
        bundle({"fullUrl": "urn:x"}, {"resource": CONDITION}, {"resource": {"id": "x"}}, "text", {"resource": [1]})
    )
    assert (listing.state, ids(listing)) == ("resources", ["c1"])
    assert listing.problems == (
        "entry[0]",
        "entry[2]",
        "entry[3]",
        "entry[4]",
    )


# Failed


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (ERROR, "an OperationOutcome instead of the data"),
        (REMARK, "an OperationOutcome instead of the data"),
        ({}, "no FHIR resource"),
        ({"resource": {}}, "no FHIR resource"),
        ({"resource": None}, "no JSON object"),
        ({"response": {"status": "404 Not Found"}, "resource": None}, "a wrapped response without success"),
        ({"response": {"status": "500"}, "resource": CONDITION}, "a wrapped response without success"),
        ({"resource": {"resource": CONDITION}}, "no FHIR resource"),
        ("<html><body>Error 500</body></html>", "no JSON object"),
        ("", "no JSON object"),
        (7, "no JSON object"),
        (True, "no JSON object"),
        ([CONDITION], "no JSON object"),
        ({"resourceType": 7}, "no JSON object"),
    ],
)
def test_what_is_no_data_has_failed(value: object, reason: str) -> None:
    assert read_listing(raw(value)) == Listing(state="failed", reason=reason)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"<html>",
        b'{"resourceType":"Bundle"',
        b'{"resourceType":"Bundle"} {}',
        b'\xef\xbb\xbf{"resourceType":"Bundle"}',
        b'{"resourceType":"\xff"}',
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
)
def test_what_is_no_json_has_failed(value: bytes) -> None:
    assert read_listing(value) == Listing(state="failed", reason="no JSON object")


@pytest.mark.parametrize(
    "outcome",
    [
        ERROR,
        {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}, {"severity": "fatal"}]},
        {"resourceType": "OperationOutcome", "issue": [{"code": "exception"}]},
        {"resourceType": "OperationOutcome", "issue": []},
        {"resourceType": "OperationOutcome", "issue": {"severity": "warning"}},
    ],
)
def test_an_outcome_that_is_not_shown_to_be_harmless_makes_the_bundle_incomplete(outcome: object) -> None:
    reason = "a Bundle with an OperationOutcome that reports an error"
    assert read_listing(bundle({"resource": outcome})) == Listing(state="failed", reason=reason)
    beside = read_listing(bundle({"resource": CONDITION}, {"resource": outcome}))
    assert (beside.state, ids(beside), beside.next, beside.reason) == ("partial", ["c1"], "", reason)


def test_a_bundle_of_which_nothing_can_be_read_is_not_taken_for_an_empty_one() -> None:
    listing = read_listing(bundle({"resource": None}, total=1))
    assert (listing.state, listing.reason) == ("failed", "a Bundle without a single resource in its entries")


# A part


def test_a_next_link_makes_it_a_part() -> None:
    links = [{"relation": "self", "url": "a"}, {"relation": "next", "url": "https://ehr.example/R4?_getpages=1"}]
    listing = read_listing(bundle({"resource": CONDITION}, link=links, total=9))
    assert (listing.state, ids(listing)) == ("partial", ["c1"])
    assert (listing.next, listing.reason) == ("https://ehr.example/R4?_getpages=1", "only the first page of several")


def test_an_empty_page_with_a_next_link_is_a_part_and_not_none() -> None:
    assert read_listing(bundle(link=[{"relation": "next", "url": "u"}])).state == "partial"


@pytest.mark.parametrize("links", [[{"relation": "next"}], [{"relation": "next", "url": 7}], "odd", [7], {}])
def test_a_next_link_that_cannot_be_read_leaves_it_incomplete(links: object) -> None:
    listing = read_listing(bundle({"resource": CONDITION}, link=links))
    assert (listing.state, listing.next) == ("partial", "")
    assert listing.reason == "a Bundle with a next link that cannot be read"


@pytest.mark.parametrize("total", [2, "2"])
def test_a_total_larger_than_the_entries_leaves_it_incomplete(total: object) -> None:
    """One entry of a stated two, and no link to the other."""
    listing = read_listing(bundle({"resource": CONDITION}, total=total))
    assert (listing.state, listing.next) == ("partial", "")
    assert listing.reason == "a Bundle with fewer entries than its total"


def test_a_total_without_any_entry_has_failed() -> None:
    listing = read_listing(bundle(total=1))
    assert listing == Listing(state="failed", reason="a Bundle with fewer entries than its total")


# Pages


def page(*identifiers: str, **more: object) -> Page:
    return read_page(bundle(*({"resource": {**CONDITION, "id": each}} for each in identifiers), **more), search=True)


def test_pages_are_joined_in_their_order() -> None:
    listing = join_pages((page("a", "b", link=[{"relation": "next", "url": "u"}], total=3), page("c", total=3)))
    assert (listing.state, ids(listing)) == ("resources", ["a", "b", "c"])


def test_a_resource_on_two_pages_is_kept_once_as_the_later_page_has_it() -> None:
    later = read_page(bundle({"resource": {**CONDITION, "id": "a", "recordedDate": "2026"}}, total=2))
    listing = join_pages((page("a", "b"), later))
    assert ids(listing) == ["a", "b"]
    assert b'"recordedDate"' in bytes(listing.entries[0].resource)


def test_a_match_that_comes_again_as_an_include_stays_a_match() -> None:
    included = read_page(bundle({"resource": {**CONDITION, "id": "a"}, "search": {"mode": "include"}}, total=1))
    assert [entry.mode for entry in join_pages((page("a"), included)).entries] == ["match"]


def test_resources_without_an_id_are_never_taken_for_one_another() -> None:
    nameless = Page(entries=(Entry(resource=raw({"resourceType": "Condition"}), resource_type="Condition"),))
    assert len(join_pages((nameless, nameless)).entries) == 2


def test_a_duplicate_does_not_make_up_for_a_missing_one() -> None:
    """Two entries, one resource, a total of two: the shift of a page hid another."""
    listing = join_pages((page("a"), page("a", total=2)))
    assert (listing.state, listing.reason) == ("partial", "a Bundle with fewer entries than its total")


def test_pages_that_broke_off_are_a_part_without_a_next_link() -> None:
    listing = join_pages((page("a", link=[{"relation": "next", "url": "u"}]),), fault="broken off")
    assert (listing.state, ids(listing), listing.next, listing.reason) == ("partial", ["a"], "", "broken off")


def test_no_page_at_all_has_failed() -> None:
    assert join_pages((), fault="nothing came") == Listing(state="failed", reason="nothing came")


@pytest.mark.parametrize("value", [CONDITION, {"resourceType": "Parameters"}])
def test_only_a_bundle_answers_a_search(value: object) -> None:
    assert read_page(raw(value), search=True) == Page(fault="no Bundle")


# Whatever comes


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    assert read_listing(value).state in ("none", "failed", "partial", "resources")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["entry", "link", "total", "response"], json_values)))
def test_an_odd_bundle_never_raises_and_never_loses_a_failure(parts: dict[str, object]) -> None:
    listing = read_listing(raw({"resourceType": "Bundle", **parts}))
    assert (listing.state in ("failed", "partial")) == bool(listing.reason)


def test_every_published_prefetch_value_is_read() -> None:
    folder = Path(os.environ.get("CDS_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "cds"
    if not folder.is_dir():
        pytest.skip("skipped, because the folder of published requests is not there")
    states: set[str] = set()
    for file in sorted(folder.rglob("*.json")):
        request = json.loads(file.read_bytes())
        prefetch = request.get("prefetch") if isinstance(request, dict) else None
        for value in prefetch.values() if isinstance(prefetch, dict) else ():
            listing = read_listing(raw(value))
            assert bool(listing.reason) == (listing.state in ("failed", "partial"))
            states.add(listing.state)
    assert states == {"none", "partial", "resources"}
