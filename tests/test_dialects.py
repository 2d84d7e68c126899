"""Each setting of a dialect through the whole line: it changes exactly what it says, and the answer stays CDS Hooks 2.0.1."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files

import jsonschema
import pytest

from cds_service.advice import Adviser
from cds_service.app import create_adviser, create_app
from cds_service.clinical.dialect import ALL_HOOKS, GENERIC, Dialect, Sparable
from cds_service.clinical.findings import Hook
from cds_service.hooks.errors import RequestError
from cds_service.hooks.request import read_request
from cds_service.profiles import shipped
from cds_service.settings import Settings

from .access.servers import answer as reply
from .access.servers import http_server
from .ehr import (
    ALLOPURINOL,
    AS_OF,
    AZATHIOPRINE,
    FOLIC_ACID,
    IVIG,
    METHOTREXATE,
    RITUXIMAB,
    RXNORM,
    Json,
    bundle,
    by_mouth,
    coded,
    daily,
    draft,
    given,
    infused,
    order,
    record,
    request,
    statement,
    weekly,
    without,
)
from .test_published_requests import requests, under_our_keys

SCHEMA: Json = json.loads(files("cds_service.hooks").joinpath("schemas/response.json").read_text(encoding="utf-8"))

# One request for each sort of suggestion.
CREATES = request("order-sign", record(), [draft(METHOTREXATE, "draft-1", weekly(15, "mon"))])
DELETES = request(
    "order-sign", record(order(ALLOPURINOL, "a1", daily(100))), [draft(AZATHIOPRINE, "draft-1", daily(100))]
)
UPDATES = request("order-sign", record(given(RITUXIMAB, -1)), [draft(IVIG, "draft-1", infused(2, "g/kg", 2))])
BY_KIND = {"create": CREATES, "delete": DELETES, "update": UPDATES}
NO_SIGNING: frozenset[Hook] = frozenset(("patient-view", "order-select"))


@cache
def adviser() -> Adviser:
    return create_adviser(Settings(as_of=AS_OF))


def answer(body: Json, dialect: Dialect = GENERIC) -> Json:
    """The answer to one client, without the uuids, which differ each time."""
    parsed = read_request(json.dumps(body).encode(), service_hook=body["hook"])
    given: Json = json.loads(dataclasses.replace(adviser(), dialect=dialect).advise(parsed))
    if not dialect.old_delete:
        jsonschema.validate(given, SCHEMA)
    for card in given["cards"]:
        del card["uuid"]
        for suggestion in card.get("suggestions", ()):
            del suggestion["uuid"]
            for action in suggestion["actions"]:
                if action["type"] == "create":
                    del action["resource"]["id"]
    return given


def expected(body: Json, change: Callable[[Json], None]) -> Json:
    """The plain answer, with a change made to each of its cards."""
    plain = copy.deepcopy(answer(body))
    for card in plain["cards"]:
        change(card)
    return plain


def card_of(body: Json, rule: str, dialect: Dialect = GENERIC) -> Json:
    cards: list[Json] = answer(body, dialect)["cards"]
    (card,) = (card for card in cards if card["extension"]["org.cds-service.findings"][0]["rule"] == rule)
    return card


def rules(body: Json, dialect: Dialect = GENERIC) -> list[str]:
    return [
        finding["rule"]
        for card in answer(body, dialect)["cards"]
        for finding in card["extension"]["org.cds-service.findings"]
    ]


def actions(card: Json) -> Iterator[Json]:
    for suggestion in card.get("suggestions", ()):
        yield from suggestion["actions"]


@pytest.fixture(params=tuple(BY_KIND.values()), ids=tuple(BY_KIND))
def body(request: pytest.FixtureRequest) -> Json:
    param: Json = request.param
    return param


def test_each_sort_of_suggestion_is_among_the_requests() -> None:
    for kind, body in BY_KIND.items():
        assert kind in {action["type"] for card in answer(body)["cards"] for action in actions(card)}


# How cards look


def test_any_changes_the_selection_alone(body: Json) -> None:
    def change(card: Json) -> None:
        if "suggestions" in card:
            card["selectionBehavior"] = "any"

    assert answer(body, Dialect(selection="any")) == expected(body, change)


def test_the_full_description_begins_with_the_label(body: Json) -> None:
    def change(card: Json) -> None:
        for suggestion in card.get("suggestions", ()):
            whole = len(suggestion["actions"]) == 1
            for action in suggestion["actions"]:
                if action["description"] != suggestion["label"]:
                    said = "" if whole else f": {action['description']}"
                    action["description"] = suggestion["label"] + said

    assert answer(body, Dialect(full_description=True)) == expected(body, change)


def test_of_several_actions_each_says_the_whole_and_its_own_part() -> None:
    card = card_of(UPDATES, "SEQ-09", Dialect(full_description=True))
    assert [action["description"] for action in actions(card)] == [
        "Order HBsAg, total anti-HBc, IgG and IgA: Order HBsAg",
        "Order HBsAg, total anti-HBc, IgG and IgA: Order total anti-HBc",
        "Order HBsAg, total anti-HBc, IgG and IgA: Order IgG",
        "Order HBsAg, total anti-HBc, IgG and IgA: Order IgA",
    ]


def test_a_topic_of_letters_and_digits_is_the_rule_without_its_hyphen(body: Json) -> None:
    def change(card: Json) -> None:
        topic = card["source"]["topic"]
        topic["code"] = topic["code"].replace("-", "")

    assert answer(body, Dialect(plain_topics=True)) == expected(body, change)


def test_no_two_rules_have_the_same_plain_topic() -> None:
    book = adviser().knowledge.book
    ids = [rule.row.id for rule in (*book.rules, *book.off)] + [book.unchecked.id]
    plain = {"".join(filter(str.isalnum, each)) for each in ids}
    assert len(plain) == len(ids)
    assert all(topic.isascii() and len(topic) <= 100 for topic in plain)


def test_an_old_delete_names_its_order_as_text_too(body: Json) -> None:
    def change(card: Json) -> None:
        for action in actions(card):
            if action["type"] == "delete":
                action["resource"] = "MedicationRequest/draft-1"

    assert answer(body, Dialect(old_delete=True)) == expected(body, change)


def test_an_old_delete_is_the_only_setting_that_leaves_the_specification() -> None:
    """CDS Hooks 2.0 has no `resource` in a delete; without it the answer is as strict as any."""
    given = answer(DELETES, Dialect(old_delete=True))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(given, SCHEMA)
    for card in given["cards"]:
        for action in actions(card):
            if action["type"] == "delete":
                action.pop("resource")
    jsonschema.validate(given, SCHEMA)


def test_a_capped_card_says_how_grave_its_rule_is(body: Json) -> None:
    def change(card: Json) -> None:
        severity = card["indicator"]
        if severity != "info":
            card["indicator"] = "info"
            card["detail"] = f"Severity of the rule: {severity}.\n\n{card['detail']}"

    assert answer(body, Dialect(severity_cap="info")) == expected(body, change)


def test_a_cap_that_nothing_exceeds_changes_nothing() -> None:
    assert answer(CREATES, Dialect(severity_cap="warning")) == answer(CREATES)


def test_a_capped_card_keeps_its_place_and_its_severity_for_machines() -> None:
    first = answer(DELETES, Dialect(severity_cap="info"))["cards"][0]
    (finding,) = first["extension"]["org.cds-service.findings"]
    assert (finding["rule"], finding["severity"]) == ("AZA-04", "critical")


def test_without_override_reasons_only_they_are_gone(body: Json) -> None:
    assert any("overrideReasons" in card for card in answer(body)["cards"])
    assert answer(body, Dialect(override_reasons=False)) == expected(
        body, lambda card: card.pop("overrideReasons", None)
    )


def test_where_the_dose_is_dropped_a_card_that_suggests_an_order_says_so(body: Json) -> None:
    told = "This system may take over no dose from a suggested order: enter it as the suggestion says it."

    def change(card: Json) -> None:
        if any(action["type"] == "create" for action in actions(card)):
            before, _, sources = card["detail"].rpartition("Source: ")
            card["detail"] = f"{before}{told}\n\nSource: {sources}"

    assert answer(body, Dialect(keeps_dose=False)) == expected(body, change)


# Which suggestions there are


def test_without_updates_only_suggestions_that_change_an_order_are_gone(body: Json) -> None:
    def change(card: Json) -> None:
        _keep(card, lambda suggestion: all(action["type"] != "update" for action in suggestion["actions"]))

    assert answer(body, Dialect(updates=False)) == expected(body, change)


def test_with_one_action_only_suggestions_of_several_are_gone(body: Json) -> None:
    def change(card: Json) -> None:
        _keep(card, lambda suggestion: len(suggestion["actions"]) == 1)

    assert answer(body, Dialect(one_action=True)) == expected(body, change)


def _keep(card: Json, wanted: Callable[[Json], bool]) -> None:
    if "suggestions" in card:
        card["suggestions"] = [suggestion for suggestion in card["suggestions"] if wanted(suggestion)]
        if not card["suggestions"]:
            del card["suggestions"], card["selectionBehavior"]


def test_orders_are_coded_in_the_vocabularies_that_are_wanted_and_in_no_other(body: Json) -> None:
    def change(card: Json) -> None:
        for action in actions(card):
            if action["type"] == "create" and action["resource"]["resourceType"] == "MedicationRequest":
                concept = action["resource"]["medicationCodeableConcept"]
                concept["coding"] = [coding for coding in concept["coding"] if coding["system"] == RXNORM]

    assert answer(body, Dialect(vocabularies=frozenset({"rxnorm"}))) == expected(body, change)


def test_the_oid_of_rxnorm_stands_before_its_usual_address(body: Json) -> None:
    def change(card: Json) -> None:
        for action in actions(card):
            if action["type"] == "create" and action["resource"]["resourceType"] == "MedicationRequest":
                concept = action["resource"]["medicationCodeableConcept"]
                oid = {"system": "urn:oid:2.16.840.1.113883.6.88"}
                concept["coding"] = [
                    each
                    for coding in concept["coding"]
                    for each in ([coding | oid] if coding["system"] == RXNORM else []) + [coding]
                ]

    assert answer(body, Dialect(rxnorm_oid=True)) == expected(body, change)


def test_a_suggested_order_says_its_dose_in_its_label() -> None:
    """Several clients drop what the resource says of it."""
    card = card_of(CREATES, "MTX-05", shipped()["epic"])
    assert [suggestion["label"] for suggestion in card["suggestions"]] == [
        "Add folic acid 5 mg once weekly (Tue)",
        "Add folic acid 5 mg twice weekly (Tue and Fri)",
    ]


# What is never offered

NO_STATEMENTS = Dialect(never_offers=frozenset({"medicationStatements"}))
UNSEEN = without(CREATES["prefetch"], "medicationStatements")


def test_a_list_that_is_never_offered_is_said_on_the_cards_that_would_need_it_and_nowhere_else() -> None:
    body = CREATES | {"prefetch": UNSEEN}
    assert "GEN-03" in rules(body)
    assert rules(body, NO_STATEMENTS) == rules(CREATES) == ["MTX-05", "SSA-01"]
    for rule in ("MTX-05", "SSA-01"):
        assert (
            "Not known:\n\n- medication statements, which this system does not offer"
            in (card_of(body, rule, NO_STATEMENTS)["detail"])
        )


def test_a_card_that_rests_on_what_was_seen_does_not_speak_of_the_list() -> None:
    body = DELETES | {"prefetch": without(DELETES["prefetch"], "medicationStatements")}
    assert "does not offer" not in card_of(body, "AZA-04", NO_STATEMENTS)["detail"]


def test_a_list_that_came_all_the_same_is_used() -> None:
    taken = statement(FOLIC_ACID, "f", weekly(5, "tue"))
    body = CREATES | {"prefetch": record(taken)}
    assert rules(body, NO_STATEMENTS) == ["SSA-01"]
    assert "does not offer" not in answer(body, NO_STATEMENTS)["cards"][0]["detail"]


def test_a_part_of_it_that_came_is_told_to_be_a_part() -> None:
    """Folic acid could stand on the page that is not there."""
    part = bundle(link=[{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}])
    body = CREATES | {"prefetch": CREATES["prefetch"] | {"medicationStatements": part}}
    assert answer(body, NO_STATEMENTS) == answer(body)
    assert "GEN-03" in rules(body)


def test_another_list_that_is_missing_is_told_as_ever() -> None:
    body = CREATES | {"prefetch": without(UNSEEN, "medicationAdministrations")}
    (card,) = (card for card in answer(body, NO_STATEMENTS)["cards"] if card["source"]["topic"]["code"] == "GEN-03")
    assert card["summary"] == "Some Table 11 checks were not possible: medication administrations"


# Without order-sign

UNCLEAR = draft(METHOTREXATE, "draft-1", by_mouth(15))
"""A dose, and nothing that says how often: MTX-02 speaks of it at order-sign alone."""
NO_SIGN = Dialect(hooks=NO_SIGNING)


def test_rules_of_signing_are_asked_while_ordering_where_nobody_asks_at_signing() -> None:
    body = request("order-select", record(), [UNCLEAR])
    assert rules(body) == ["MTX-05", "SSA-01"]
    assert rules(body, NO_SIGN) == ["MTX-02", "MTX-05", "SSA-01"]


def test_they_are_not_asked_of_a_draft_without_a_dose() -> None:
    body = request("order-select", record(), [draft(METHOTREXATE, "draft-1")])
    assert rules(body, NO_SIGN) == rules(body)


def test_they_are_not_asked_of_a_draft_that_was_not_picked() -> None:
    azathioprine = draft(AZATHIOPRINE, "draft-2", daily(100))
    body = request("order-select", record(), [UNCLEAR, azathioprine], selections=["MedicationRequest/draft-2"])
    assert "MTX-02" not in rules(body, NO_SIGN)


def test_a_draft_that_was_not_picked_is_still_seen_beside_them() -> None:
    folate = draft(FOLIC_ACID, "draft-2", weekly(5, "tue"))
    body = request("order-select", record(), [UNCLEAR, folate], selections=["MedicationRequest/draft-1"])
    assert rules(body, NO_SIGN) == ["MTX-02", "SSA-01"]


def test_what_could_not_be_checked_is_then_named_while_ordering() -> None:
    """Azathioprine by body weight, and nobody will ask again: at order-select it would not be named."""
    body = request("order-select", record(), [draft(AZATHIOPRINE, "draft-1", daily(100))])
    assert "GEN-03" not in rules(body)
    (card,) = (card for card in answer(body, NO_SIGN)["cards"] if card["source"]["topic"]["code"] == "GEN-03")
    assert card["summary"] == "Some Table 11 checks were not possible: body weight"


def test_an_unfinished_draft_beside_one_with_a_dose_is_not_named_as_unchecked() -> None:
    """It may still get its dose: only what is as good as signed is told."""
    drafts = [draft(FOLIC_ACID, "draft-1", weekly(5, "tue")), draft(AZATHIOPRINE, "draft-2")]
    body = request("order-select", record(), drafts)
    assert "GEN-03" not in rules(body, NO_SIGN)


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_the_other_hooks_are_answered_as_ever(hook: str) -> None:
    body = request(
        hook, record(order(METHOTREXATE, "m1", weekly(15, "mon"))), [UNCLEAR] if hook != "patient-view" else ()
    )
    assert answer(body, NO_SIGN) == answer(body)


# The shipped profiles


@pytest.mark.parametrize("name", shipped())
def test_every_profile_answers_everything_without_a_fault(name: str, body: Json) -> None:
    dialect = shipped()[name]
    told = sorted(rules(body, dialect))
    assert told == sorted(rules(body))


@pytest.mark.parametrize("name", [name for name in shipped() if name != "generic"])
def test_what_others_published_is_answered_in_every_profile(name: str) -> None:
    """The schema is looked at with each answer. Where generic has cards of rules, so has every profile."""
    judged = 0
    for published in map(under_our_keys, requests()):
        body = {key: value for key, value in published.items() if key not in ("fhirServer", "fhirAuthorization")}
        if body["hook"] not in ALL_HOOKS:
            continue
        try:
            plain = rules(body)
        except RequestError:
            continue
        judged += 1
        assert set(plain) <= {*rules(body, shipped()[name]), "GEN-03"}
    assert judged == 42


def test_epic_gets_one_way_to_take_a_suggestion_and_no_update() -> None:
    epic = shipped()["epic"]
    for body in BY_KIND.values():
        for card in answer(body, epic)["cards"]:
            assert card.get("selectionBehavior", "any") == "any"
            assert card["source"]["topic"]["code"].isalnum()
            for suggestion in card.get("suggestions", ()):
                (action,) = suggestion["actions"]
                assert action["type"] in ("create", "delete")
                assert action["description"] == suggestion["label"]


def test_the_development_profile_answers_everybody_in_the_dialect_of_its_setting() -> None:
    client = create_app(Settings(as_of=AS_OF, dialect="epic", log_level="error")).test_client()
    response = client.post(
        "/cds-services/myositis-order-sign", data=json.dumps(CREATES), content_type="application/json"
    )
    codes = [card["source"]["topic"]["code"] for card in json.loads(response.data)["cards"]]
    assert codes == ["MTX05", "SSA01"]


def test_readiness_says_which_lists_are_never_offered() -> None:
    about = json.loads(create_app(Settings(dialect="epic", log_level="error")).test_client().get("/health/ready").data)
    assert (about["dialect"], about["neverOffered"]) == ("epic", "epic: medicationStatements")
    plain = json.loads(create_app(Settings(log_level="error")).test_client().get("/health/ready").data)
    assert "dialect" not in plain
    assert "neverOffered" not in plain


@pytest.mark.parametrize("key", ["medicationStatements", "allergies"])
def test_a_drug_that_the_unseen_could_forbid_is_not_suggested(key: Sparable) -> None:
    """Methotrexate that only a statement knows, or an allergy, would forbid co-trimoxazole."""
    drafted = draft(coded(RXNORM, "8638", "prednisolone"), "draft-1", daily(60, since=0, until=60))
    seen = request("order-sign", record(), [drafted])
    assert [suggestion["label"] for suggestion in card_of(seen, "PJP-01")["suggestions"]] == [
        "Add co-trimoxazole 480 mg once daily",
        "Add atovaquone 1500 mg once daily",
    ]
    unseen = seen | {"prefetch": without(seen["prefetch"], key)}
    assert "suggestions" not in card_of(unseen, "PJP-01", Dialect(never_offers=frozenset({key})))


def test_a_list_that_is_never_offered_is_not_asked_for() -> None:
    prefetch = without(UNSEEN, "allergies")
    with http_server(lambda server, path: reply({"resourceType": "Bundle", "type": "searchset"})) as server:
        body = CREATES | {"prefetch": prefetch, "fhirServer": server.base}
        assert rules(body, NO_STATEMENTS) == rules(CREATES)
    assert server.paths == ["/fhir/AllergyIntolerance?patient=p1&_count=200"]


def test_an_empty_search_for_a_list_that_is_never_offered_counts_as_the_answer_none() -> None:
    body = CREATES | {"prefetch": CREATES["prefetch"] | {"medicationStatements": bundle()}}
    assert answer(body, NO_STATEMENTS) == answer(CREATES)
