"""What the service sends, over every synthetic patient and baskets with each kind of suggestion, to the letter."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.app import create_app
from cds_service.cli.fixtures import fixture_names, load_fixture
from cds_service.hooks.request import HOOKS
from cds_service.settings import Settings
from cds_service.web import PUBLIC_SANDBOX

from ..ehr import (
    ALLOPURINOL,
    AZATHIOPRINE,
    CO_TRIMOXAZOLE,
    FOLIC_ACID,
    IVIG,
    METHOTREXATE,
    RITUXIMAB,
    Json,
    client,
    daily,
    draft,
    given,
    infused,
    order,
    record,
    request,
    weekly,
    without,
)

SCHEMAS = files("cds_service.hooks") / "schemas"
RESPONSE = json.loads((SCHEMAS / "response.json").read_text())
DISCOVERY = json.loads((SCHEMAS / "discovery.json").read_text())
OUTCOME = json.loads((SCHEMAS / "operation-outcome.json").read_text())
WRITTEN = dt.date(2026, 11, 23)
"""The day on which the synthetic patients are as they were written."""
LOWER_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

DAILY_METHOTREXATE = draft(METHOTREXATE, "draft-1", daily(15))
FULL: dict[str, Json] = {
    "create": request("order-sign", record(), [draft(METHOTREXATE, "draft-1", weekly(15, "mon"))]),
    "delete": request("order-sign", record(order(ALLOPURINOL, "a", daily(300))), [draft(AZATHIOPRINE)]),
    "update": request("order-sign", record(order(FOLIC_ACID, "f", weekly(5, "tue"))), [DAILY_METHOTREXATE]),
    "critical": request("order-select", record(order(CO_TRIMOXAZOLE, "c", daily(480))), [draft(METHOTREXATE)]),
    "sequence": request("order-sign", record(given(RITUXIMAB, -3)), [draft(IVIG, "draft-1", infused(28, "g", 0))]),
    "chart": request("patient-view", record(order(METHOTREXATE, "m", weekly()), given(RITUXIMAB, -3))),
    "not checked": request("order-sign", without(record(), "medicationStatements"), [draft(METHOTREXATE)]),
    "nothing": request("order-sign", record()),
}


@cache
def answers() -> dict[str, tuple[Json, Json]]:
    """Request and response by name: the synthetic patients, then the baskets."""
    told: dict[str, tuple[Json, Json]] = {}
    fixtures = create_app(Settings(as_of=WRITTEN, log_level="error")).test_client()
    asked = {name: load_fixture(name, WRITTEN).request for name in fixture_names()}
    for name, raw in asked.items():
        sent = json.loads(raw)
        response = fixtures.post(f"/cds-services/myositis-{sent['hook']}", data=raw, content_type="application/json")
        assert response.status_code == 200, name
        told[name] = sent, json.loads(response.data)
    for name, sent in FULL.items():
        response = client().post(f"/cds-services/myositis-{sent['hook']}", json=sent)
        assert response.status_code == 200, name
        told[name] = sent, json.loads(response.data)
    return told


def cards() -> list[Json]:
    return [card for _, response in answers().values() for card in response["cards"]]


def suggestions() -> list[Json]:
    return [suggestion for card in cards() for suggestion in card.get("suggestions", ())]


def actions() -> list[Json]:
    return [action for suggestion in suggestions() for action in suggestion["actions"]]


def links() -> list[Json]:
    return [link for card in cards() for link in card.get("links", ())]


def empties(value: object, place: str = "") -> Iterator[str]:
    """The places of null, "", [] and {} in a value; a resource that the client sent may hold what it will."""
    if value is None or value in ("", [], {}):
        yield place
    elif isinstance(value, dict):
        for key, each in value.items():
            if key != "resource":
                yield from empties(each, f"{place}.{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from empties(each, f"{place}[{number}]")


def discovered() -> list[Json]:
    services: list[Json] = json.loads(client().get("/cds-services").data)["services"]
    return services


# The tests below prove something only where there is something of each kind.


def test_the_answers_hold_every_kind_of_thing() -> None:
    assert {action["type"] for action in actions()} == {"create", "update", "delete"}
    assert {card["indicator"] for card in cards()} == {"info", "warning", "critical"}
    assert {card.get("selectionBehavior") for card in cards()} == {None, "at-most-one"}
    assert any("overrideReasons" in card for card in cards())
    assert any("links" in card for card in cards())
    assert any(card["source"].get("url") for card in cards())
    assert any(suggestion.get("isRecommended") for suggestion in suggestions())


# JSON


@pytest.mark.parametrize("name", [*fixture_names(), *FULL])
def test_an_answer_is_valid_and_holds_nothing_empty(name: str) -> None:
    _, response = answers()[name]
    jsonschema.validate(response, RESPONSE)
    assert [place for place in empties(response) if place != ".cards"] == []


def test_an_empty_value_would_be_seen() -> None:
    assert list(empties({"cards": [{"detail": "", "links": [], "x": {"y": None}, "resource": {"z": {}}}]})) == [
        ".cards[0].detail",
        ".cards[0].links",
        ".cards[0].x.y",
    ]


def test_every_answer_is_json_without_comment_or_trailing_comma() -> None:
    for hook in HOOKS:
        for body, status in ((request(hook, record()), 200), ({}, 400), (request(hook, {}), 412)):
            response = client().post(f"/cds-services/myositis-{hook}", json=body)
            assert (response.status_code, response.content_type) == (status, "application/json")
            json.loads(response.data.decode("utf-8"))


def test_nothing_to_say_is_a_200_with_an_empty_list() -> None:
    response = client().post("/cds-services/myositis-order-sign", json=FULL["nothing"])
    assert (response.status_code, response.data) == (200, b'{"cards":[]}')


def test_uuids_are_lower_case_and_each_is_new() -> None:
    uuids = [each["uuid"] for each in (*cards(), *suggestions())]
    assert all(LOWER_UUID.fullmatch(each) for each in uuids)
    assert len(uuids) == len(set(uuids))


# Discovery


def test_discovery_as_it_is_served_is_valid_and_holds_nothing_empty() -> None:
    response = client().get("/cds-services")
    assert (response.status_code, response.content_type) == (200, "application/json")
    jsonschema.validate(json.loads(response.data), DISCOVERY)
    assert list(empties(json.loads(response.data))) == []


def test_ids_are_distinct_and_stand_in_a_url_as_they_are() -> None:
    ids = [service["id"] for service in discovered()]
    assert len(set(ids)) == len(ids) == len({service["hook"] for service in discovered()})
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", each) for each in ids)


def test_discovery_is_not_disturbed_by_a_token() -> None:
    bare = client().get("/cds-services")
    with_token = client().get("/cds-services", headers={"Authorization": "Bearer a.b.c", "Accept": "application/json"})
    assert (with_token.status_code, with_token.data) == (bare.status_code, bare.data)


def test_templates_use_nothing_beyond_reads_equality_and_two_root_tokens() -> None:
    """No modifier, no chain, no `_include`, no FHIRPath, no variable, and only ids that every hook may offer."""
    for service in discovered():
        for template in service["prefetch"].values():
            assert set(re.findall(r"\{\{(.*?)\}\}", template)) <= {"context.patientId", "context.encounterId"}
            path, _, query = template.partition("?")
            if not query:
                assert re.fullmatch(r"[A-Z][A-Za-z]+/\{\{context\.\w+\}\}", path)
                continue
            assert re.fullmatch(r"[A-Z][A-Za-z]+", path)
            assert {name for name, _ in parse_qsl(query)} <= {"patient", "category"}
            for _, value in parse_qsl(query):
                assert re.fullmatch(r"\{\{context\.patientId\}\}|[a-z,-]+", value)


# Cards


def test_a_card_says_what_it_must() -> None:
    for card in cards():
        assert 0 < len(card["summary"]) <= 139
        assert "\n" not in card["summary"]
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert set(card["source"]["topic"]) == {"code", "system", "display"}
        assert all(card["source"]["topic"].values())


def test_a_selection_behaviour_stands_with_suggestions_and_only_there() -> None:
    for card in cards():
        assert ("suggestions" in card) == ("selectionBehavior" in card)
        assert card.get("selectionBehavior", "any") in ("at-most-one", "any")


def test_at_most_one_suggestion_is_recommended_where_one_may_be_chosen() -> None:
    for card in cards():
        if card.get("selectionBehavior") == "at-most-one":
            assert sum(each.get("isRecommended", False) for each in card["suggestions"]) <= 1


def test_a_suggestion_has_a_label_and_all_its_actions_are_described() -> None:
    for suggestion in suggestions():
        assert suggestion["label"].strip()
        assert suggestion["actions"]
        assert all(action["description"].strip() for action in suggestion["actions"])


def test_nothing_is_sent_that_a_client_would_have_to_agree_to_first() -> None:
    """No system action, no behaviour for single actions, no launch without a click, nothing for an app."""
    for _, response in answers().values():
        assert set(response) == {"cards"}
    for name in ("actionSelectionBehavior", "autolaunchable", "appContext"):
        assert not any(name in each for each in (*cards(), *suggestions(), *actions(), *links()))


def test_a_created_resource_is_whole_and_valid() -> None:
    created = [action["resource"] for action in actions() if action["type"] == "create"]
    assert created
    for resource in created:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert resource["status"] == "draft"


def test_an_updated_resource_is_a_draft_of_this_call_with_everything_that_came() -> None:
    seen = 0
    for sent, response in answers().values():
        drafts = {
            f"{entry['resource']['resourceType']}/{entry['resource']['id']}": entry["resource"]
            for entry in sent["context"].get("draftOrders", {}).get("entry", ())
        }
        for card in response["cards"]:
            for suggestion in card.get("suggestions", ()):
                for action in suggestion["actions"]:
                    if action["type"] == "update":
                        seen += 1
                        changed = action["resource"]
                        came = drafts[f"{changed['resourceType']}/{changed['id']}"]
                        assert set(came) <= set(changed)
                        assert "resourceId" not in action
                    elif action["type"] == "delete":
                        seen += 1
                        assert action["resourceId"] in drafts
                        assert "resource" not in action
    assert seen >= 2


def test_a_link_is_an_absolute_address_with_a_label() -> None:
    for link in links():
        assert link["label"].strip()
        assert link["type"] == "absolute"
        assert urlsplit(link["url"]).scheme == "https"
        assert urlsplit(link["url"]).hostname


def test_a_source_address_is_absolute_and_says_nothing_of_the_patient() -> None:
    for sent, response in answers().values():
        for card in response["cards"]:
            url = card["source"].get("url", "https://example.org")
            assert urlsplit(url).scheme == "https"
            assert urlsplit(url).hostname
            assert sent["context"]["patientId"] not in url


def test_an_override_reason_is_a_whole_coding_with_words() -> None:
    for card in cards():
        for reason in card.get("overrideReasons", ()):
            assert set(reason) == {"code", "system", "display"}
            assert all(reason.values())


def test_an_extension_is_an_object_under_a_name_of_our_own() -> None:
    for card in cards():
        assert list(card["extension"]) == ["org.cds-service.findings"]


def test_the_detail_has_no_html_of_its_own() -> None:
    assert not any(re.search(r"<[a-zA-Z/!]", card.get("detail", "")) for card in cards())


# Errors


def test_every_error_can_be_read_by_a_page_that_may_call() -> None:
    whole = request("order-sign", record(), [draft(METHOTREXATE)])
    call = "/cds-services/myositis-order-sign"
    mixed = {**whole, "context": {**whole["context"], "patientId": "somebody-else"}}
    statuses = []
    for method, path, sent in (
        ("POST", call, {"json": {}}),
        ("POST", call, {"json": mixed}),
        ("POST", "/cds-services/none", {"json": whole}),
        ("GET", call, {}),
        ("POST", call, {"json": {**whole, "prefetch": {}}}),
        ("POST", call, {"data": b" " * (16 * 1024 * 1024 + 1), "content_type": "application/json"}),
        ("POST", call, {"data": b"<x/>", "content_type": "application/xml"}),
    ):
        response = client().open(path, method=method, headers={"Origin": PUBLIC_SANDBOX}, **sent)
        statuses.append(response.status_code)
        assert response.headers["Access-Control-Allow-Origin"] == PUBLIC_SANDBOX
        jsonschema.validate(json.loads(response.data), OUTCOME)
        assert list(empties(json.loads(response.data))) == []
    assert statuses == [400, 403, 404, 405, 412, 413, 415]


def test_permission_is_never_given_to_everybody_or_with_credentials() -> None:
    for origin in (PUBLIC_SANDBOX, "https://evil.example", "null"):
        for response in (
            client().get("/cds-services", headers={"Origin": origin}),
            client().options("/cds-services", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}),
        ):
            assert response.headers.get("Access-Control-Allow-Origin") != "*"
            assert "Access-Control-Allow-Credentials" not in response.headers


# Requests


@pytest.mark.parametrize("kind", ["collection", "batch", "nonsense", None])
def test_the_type_of_the_drafts_bundle_does_not_matter(kind: str | None) -> None:
    body = json.loads(json.dumps(FULL["create"]))
    body["context"]["draftOrders"]["type"] = kind
    response = client().post("/cds-services/myositis-order-sign", json=body)
    assert [card["summary"] for card in json.loads(response.data)["cards"]] == [
        card["summary"] for card in answers()["create"][1]["cards"]
    ]


def test_a_call_twice_or_late_gets_the_same_cards() -> None:
    """Nothing is remembered between calls: an earlier one changes no later one, in whatever order they come."""
    said = [
        [
            card["summary"]
            for card in json.loads(client().post(f"/cds-services/myositis-{hook}", json=body).data)["cards"]
        ]
        for hook, body in (
            ("order-sign", FULL["create"]),
            ("order-sign", FULL["delete"]),
            ("order-sign", FULL["create"]),
        )
    ]
    assert said[0] == said[2] != said[1]
