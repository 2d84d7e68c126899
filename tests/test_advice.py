"""The whole line, from a request to its cards: what is seen, what is not, and that nothing unseen is called safe."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest

from .ehr import (
    ALLOPURINOL,
    AZATHIOPRINE,
    CO_TRIMOXAZOLE,
    DIGOXIN,
    FOLIC_ACID,
    HOOKS,
    IVIG,
    METHOTREXATE,
    MYOSITIS,
    ORDER_HOOKS,
    PATIENT,
    RITUXIMAB,
    RXNORM,
    SERVER,
    SNOMED,
    UNKNOWN_CODE,
    Json,
    bundle,
    card_of,
    cards,
    coded,
    daily,
    day,
    draft,
    findings,
    fired,
    given,
    infused,
    issue,
    measured,
    medication,
    order,
    post,
    record,
    referring,
    request,
    resource,
    statement,
    unchecked,
    weekly,
    without,
)

RULES = ("MTX-05", "MTX-09", "AZA-04", "SEQ-01", "SEQ-07")
MTX = draft(METHOTREXATE, "draft-1", weekly(15, "mon"))
FOLATE = order(FOLIC_ACID, "folate", weekly(5, "tue"))
PLASMA_EXCHANGE = coded(SNOMED, "20720000")
NOT_TOLD = "GEN-03: what is ordered (draftOrders.entry[0])"


def plasma_exchange(at: int | None = None, **elements: object) -> Json:
    """A drafted plasma exchange."""
    when = {} if at is None else {"occurrenceDateTime": day(at)}
    return resource(
        "ServiceRequest", "exchange", status="draft", intent="order", code=PLASMA_EXCHANGE, **when, **elements
    )


# Draft and chart together


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_a_methotrexate_draft_without_folate_is_said_once(hook: str) -> None:
    assert fired(post(request(hook, record(), [MTX])), *RULES) == ["MTX-05 warning"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(
    "folate",
    [
        pytest.param(order(FOLIC_ACID, "f", weekly(5, "tue")), id="an-active-order"),
        pytest.param(statement(FOLIC_ACID, "f", weekly(5, "tue")), id="a-statement"),
        pytest.param(statement({"text": "Folsäure 5 mg"}, "f", weekly(5)), id="a-statement-in-words"),
        pytest.param(
            order(FOLIC_ACID, "f", weekly(5, "tue"), intent="plan", reportedBoolean=True), id="a-plan-that-is-reported"
        ),
    ],
)
def test_folate_on_the_chart_silences_the_draft(hook: str, folate: Json) -> None:
    assert fired(post(request(hook, record(folate), [MTX])), "MTX-05", "MTX-05b") == []


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_folate_in_the_same_basket_silences_the_draft(hook: str) -> None:
    folate = draft(FOLIC_ACID, "draft-2", weekly(5, "tue"))
    for drafts in ([MTX, folate], [folate, MTX]):
        body = request(hook, record(), drafts, selections=["MedicationRequest/draft-1"])
        assert fired(post(body), "MTX-05", "MTX-05b") == []


@pytest.mark.parametrize(
    "folate",
    [
        pytest.param(order(FOLIC_ACID, "f", weekly(5), status="stopped"), id="stopped"),
        pytest.param(order(FOLIC_ACID, "f", weekly(5), status="on-hold"), id="on-hold"),
        pytest.param(order(FOLIC_ACID, "f", weekly(5), status="entered-in-error"), id="an-error"),
        pytest.param(order(FOLIC_ACID, "f", weekly(5), status="draft"), id="a-draft-on-the-chart"),
        pytest.param(order(FOLIC_ACID, "f", weekly(5), intent="plan"), id="a-plan"),
        pytest.param(order(FOLIC_ACID, "f", weekly(5), intent="plan", reportedBoolean=False), id="a-plan-not-reported"),
        pytest.param(order(FOLIC_ACID, "f", weekly(5), doNotPerform=True), id="not-to-be-given"),
        pytest.param(order(FOLIC_ACID, "f", daily(5, since=-60, until=-31)), id="left-open-by-mistake"),
        pytest.param(statement(FOLIC_ACID, "f", weekly(5), status="intended"), id="intended"),
        pytest.param(statement(FOLIC_ACID, "f", weekly(5), status="not-taken"), id="not-taken"),
        pytest.param(given(FOLIC_ACID, 0, "f", status="not-done"), id="not-given"),
    ],
)
def test_folate_that_is_not_taken_silences_nothing(folate: Json) -> None:
    assert fired(post(request("order-sign", record(folate), [MTX])), "MTX-05") == ["MTX-05 warning"]


def test_a_resource_that_came_twice_counts_once() -> None:
    methotrexate = order(METHOTREXATE, "m1", weekly(15, "mon"))
    prefetch = record(methotrexate, medicationStatements=bundle(methotrexate))
    (finding,) = (f for f in findings(post(request("patient-view", prefetch))) if f["rule"] == "MTX-05")
    assert finding["orders"] == ["MedicationRequest/m1"]


def test_a_chart_order_that_is_signed_again_is_not_met_by_itself() -> None:
    """The draft has the id of the active order: it replaces it, and only the draft counts."""
    running = order(ALLOPURINOL, "x", daily(100))
    azathioprine = draft(AZATHIOPRINE, "x", daily(100))
    assert fired(post(request("order-sign", record(running), [azathioprine])), "AZA-04") == []


def test_a_prior_prescription_is_replaced() -> None:
    running = order(ALLOPURINOL, "old", daily(100))
    new = draft(AZATHIOPRINE, "draft-1", daily(100), priorPrescription={"reference": "MedicationRequest/old"})
    assert fired(post(request("order-sign", record(running), [new])), "AZA-04") == []


# What is selected


def test_only_selected_drafts_are_judged_at_order_select() -> None:
    azathioprine = draft(AZATHIOPRINE, "draft-2", daily(100))
    body = request("order-select", record(), [MTX, azathioprine], selections=["MedicationRequest/draft-2"])
    assert fired(post(body), "MTX-05") == []


def test_where_no_draft_is_selected_nothing_is_judged() -> None:
    assert cards(post(request("order-select", record(), [MTX], selections=[]))) == []


@pytest.mark.parametrize("drafts", [[MTX], []], ids=["another draft", "no draft"])
@pytest.mark.parametrize("selection", ["MedicationRequest/other", "draft-1", "Patient/p1"])
def test_a_selection_that_names_no_draft_is_said(drafts: list[Json], selection: str) -> None:
    """What the clinician picked did not come, so that an empty list would say too much."""
    response = post(request("order-select", record(), drafts, selections=[selection]))
    assert (fired(response), unchecked(response)) == ([], ["GEN-03: what is ordered (selections[0])"])


def test_drafts_without_a_word_about_the_selection_are_said() -> None:
    body = request("order-select", record(), [MTX])
    del body["context"]["selections"]
    assert unchecked(post(body)) == ["GEN-03: what is ordered (selections)"]
    body["context"]["draftOrders"] = bundle()
    assert cards(post(body)) == []


def test_a_selected_draft_of_a_type_that_no_rule_needs_is_found() -> None:
    diet = {"resourceType": "NutritionOrder", "id": "n"}
    assert cards(post(request("order-select", record(), [diet], selections=["NutritionOrder/n"]))) == []


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_no_draft_at_all_gives_no_card(hook: str) -> None:
    assert cards(post(request(hook, record(order(METHOTREXATE, "m1", weekly()))))) == []


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize("sent", [..., None])
def test_draft_orders_that_were_not_sent_are_said(hook: str, sent: object) -> None:
    """A client that may not send them orders all the same (CLIENTS EP-6), so that an empty list would say too much."""
    body = request(hook, record())
    body["context"]["draftOrders"] = sent
    if sent is ...:
        del body["context"]["draftOrders"]
    response = post(body)
    assert (fired(response), unchecked(response)) == ([], ["GEN-03: what is ordered (draftOrders)"])
    assert [card["indicator"] for card in cards(response)] == ["info"]


# Drafts that are not whole


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize("concept", [None, {}, {"coding": []}, {"text": ""}])
def test_a_draft_without_a_drug_yet_gives_no_card(hook: str, concept: Json | None) -> None:
    """The public sandbox calls as soon as the form is open (CLIENTS SA-2)."""
    empty = {key: value for key, value in MTX.items() if key != "medicationCodeableConcept"}
    drafted = empty if concept is None else {**empty, "medicationCodeableConcept": concept}
    assert cards(post(request(hook, record(), [drafted]))) == []


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(
    "drafted",
    [
        pytest.param(draft(UNKNOWN_CODE), id="a-code-unknown-without-text"),
        pytest.param(draft({"coding": [{}]}), id="a-coding-without-a-code"),
        pytest.param(referring(MTX, "Medication/gone"), id="a-reference-to-nothing"),
        pytest.param(referring(MTX, "#gone"), id="a-contained-reference-to-nothing"),
        pytest.param(referring(MTX, "https://other.example.org/fhir/Medication/m"), id="a-medication-elsewhere"),
        pytest.param({**MTX, "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, id="modified"),
    ],
)
def test_a_draft_whose_drug_cannot_be_told_is_said(hook: str, drafted: Json) -> None:
    response = post(request(hook, record(), [drafted]))
    assert fired(response) == []
    assert unchecked(response) == [NOT_TOLD]
    assert card_of(response, "GEN-03")["summary"] == (
        "Some Table 11 checks were not possible: what is ordered (draftOrders.entry[0])"
    )


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(
    ("drafted", "place"),
    [
        ({**MTX, "medicationCodeableConcept": "methotrexate"}, "draftOrders.entry[0].medicationCodeableConcept"),
        ({**MTX, "subject": {"reference": 5}}, "draftOrders.entry[0].subject.reference"),
        ({**MTX, "subject": {"display": "the patient"}}, "draftOrders.entry[0]"),
        ({key: value for key, value in MTX.items() if key != "subject"}, "draftOrders.entry[0]"),
        ({"resourceType": "MedicationRequest", "id": 5}, "draftOrders.entry[0].id"),
    ],
)
def test_a_draft_that_cannot_be_read_is_said_with_its_place(hook: str, drafted: Json, place: str) -> None:
    body = request(hook, record(), [drafted], selections=[])
    assert unchecked(post(body)) == [f"GEN-03: what is ordered ({place})"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_an_entry_without_a_resource_is_said_with_its_place(hook: str) -> None:
    body = request(hook, record(), [])
    body["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1"}, {"resource": MTX}]}
    body["context"]["selections"] = ["MedicationRequest/draft-1"]
    response = post(body)
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert unchecked(response, "GEN-03") == [NOT_TOLD]


@pytest.mark.parametrize(
    "drafts", [{}, {"resourceType": "OperationOutcome", "issue": []}, {"resourceType": "Bundle", "entry": 7}]
)
def test_draft_orders_that_are_no_bundle_are_said(drafts: Json) -> None:
    response = post(request("order-sign", record(), context={"draftOrders": drafts}))
    assert [check for check in unchecked(response) if check.startswith("GEN-03: what is ordered (draftOrders")]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_a_named_drug_that_is_none_of_ours_is_silent(hook: str) -> None:
    assert cards(post(request(hook, record(), [draft(DIGOXIN)]))) == []


def test_what_other_orders_are_in_the_basket_does_not_matter() -> None:
    others = [
        {"resourceType": "NutritionOrder", "id": "n"},
        {"resourceType": "DeviceRequest", "id": "d"},
        {"resourceType": "VisionPrescription", "id": "v"},
    ]
    response = post(request("order-sign", record(), [*others, MTX]))
    assert (fired(response, "MTX-05"), unchecked(response, "MTX-05", "MTX-09")) == (["MTX-05 warning"], [])


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "stopped", "completed"])
def test_a_draft_that_orders_nothing_any_more_is_not_judged(status: str) -> None:
    assert fired(post(request("order-sign", record(), [{**MTX, "status": status}])), "MTX-05") == []


def test_a_draft_not_to_be_given_is_not_judged() -> None:
    assert fired(post(request("order-sign", record(), [{**MTX, "doNotPerform": True}])), "MTX-05") == []


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_a_draft_without_dose_intent_or_status_is_judged_by_its_drug(hook: str) -> None:
    bare = {key: MTX[key] for key in ("resourceType", "id", "subject", "medicationCodeableConcept")}
    assert fired(post(request(hook, record(), [bare])), "MTX-05") == ["MTX-05 warning"]


def test_a_draft_without_an_id_is_judged_and_gets_no_suggestion_that_names_it() -> None:
    """Taking it back could not say what; an order of folic acid needs no name of it."""
    nameless = {key: value for key, value in MTX.items() if key != "id"}
    response = post(request("order-sign", record(order(CO_TRIMOXAZOLE, "c", daily(480))), [nameless]))
    assert fired(response, "MTX-05", "MTX-09") == ["MTX-05 warning", "MTX-09 critical"]
    assert "suggestions" not in card_of(response, "MTX-09")
    assert len(card_of(response, "MTX-05")["suggestions"]) == 2


# Medications that cannot be told on the chart


def test_a_chart_medication_that_cannot_be_told_is_said_when_the_chart_is_opened() -> None:
    response = post(request("patient-view", record(order(UNKNOWN_CODE, "m1"), order(DIGOXIN, "m2"))))
    assert unchecked(response) == ["GEN-03: what is taken (medicationRequests.entry[0])"]


def test_several_of_them_are_counted() -> None:
    response = post(request("patient-view", record(order(UNKNOWN_CODE, "m1"), statement(UNKNOWN_CODE, "s1"))))
    assert unchecked(response) == ["GEN-03: what is taken (medicationRequests.entry[0]) and 1 more"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_at_an_order_it_is_said_where_a_rule_is_concerned_and_only_there(hook: str) -> None:
    prefetch = record(FOLATE, order(UNKNOWN_CODE, "m2"))
    lost = "an entry that could not be read (medicationRequests.entry[1])"
    assert unchecked(post(request(hook, prefetch, [MTX])), "MTX-09", "GEN-03") == [f"MTX-09: {lost}"]
    assert cards(post(request(hook, prefetch, [draft(DIGOXIN)]))) == []


def test_codes_that_name_two_drugs_count_as_both_and_are_reported() -> None:
    both = {"coding": [METHOTREXATE["coding"][0], {"system": RXNORM, "code": "1256", "display": "azathioprine"}]}
    response = post(request("order-sign", record(order(ALLOPURINOL, "a", daily(100))), [draft(both)]))
    assert fired(response, "MTX-05", "AZA-04") == ["AZA-04 critical", "MTX-05 warning"]
    assert NOT_TOLD in unchecked(response)


@pytest.mark.parametrize("status", ["", "recorded", "in-progress"])
def test_an_order_of_unknown_status_is_not_passed_over(status: str) -> None:
    prefetch = record(FOLATE, order(CO_TRIMOXAZOLE, "c", daily(480), status=status))
    lost = "an entry that could not be read (medicationRequests.entry[1])"
    assert f"MTX-09: {lost}" in unchecked(post(request("order-sign", prefetch, [MTX])))


def test_a_drug_of_unknown_status_is_asked_about_when_orders_are_signed() -> None:
    prefetch = record(FOLATE, order(CO_TRIMOXAZOLE, "c", daily(480), status="unknown"))
    assert unchecked(post(request("order-sign", prefetch, [MTX])), "MTX-09") == [
        "MTX-09: when co-trimoxazole was stopped"
    ]


# When a drug counts as taken


@pytest.mark.parametrize(
    ("status", "last", "expected"),
    [
        (status, last, expected)
        for status in ("active", "stopped", "completed")
        for last, expected in ((-4, []), (-3, ["MTX-09 critical"]), (0, ["MTX-09 critical"]))
    ]
    + [("active", 5, ["MTX-09 critical"])],
)
def test_co_trimoxazole_counts_until_three_days_after_its_last_day(status: str, last: int, expected: list[str]) -> None:
    prefetch = record(FOLATE, order(CO_TRIMOXAZOLE, "c", daily(480, since=-20, until=last), status=status))
    assert fired(post(request("order-sign", prefetch, [MTX])), "MTX-09") == expected


@pytest.mark.parametrize(("changed", "expected"), [(-4, []), (-3, ["MTX-09: when co-trimoxazole was stopped"])])
def test_an_end_that_is_not_stated_was_at_the_latest_when_the_record_changed(changed: int, expected: list[str]) -> None:
    stopped = order(
        CO_TRIMOXAZOLE, "c", daily(480), status="stopped", meta={"lastUpdated": f"{day(changed)}T10:00:00Z"}
    )
    response = post(request("order-sign", record(FOLATE, stopped), [MTX]))
    assert (fired(response, "MTX-09"), unchecked(response, "MTX-09")) == ([], expected)


@pytest.mark.parametrize("status", ["in-progress", "on-hold", "completed", "stopped"])
def test_what_was_begun_to_be_given_was_given(status: str) -> None:
    prefetch = record(FOLATE, given(CO_TRIMOXAZOLE, -1, status=status))
    assert fired(post(request("order-sign", prefetch, [MTX])), "MTX-09") == ["MTX-09 critical"]


@pytest.mark.parametrize(("days", "expected"), [(-3, ["MTX-09 critical"]), (-4, [])])
def test_what_was_given_counts_for_so_many_days(days: int, expected: list[str]) -> None:
    prefetch = record(FOLATE, given(CO_TRIMOXAZOLE, days))
    assert fired(post(request("order-sign", prefetch, [MTX])), "MTX-09") == expected


def test_on_hold_is_history() -> None:
    prefetch = record(FOLATE, order(CO_TRIMOXAZOLE, "c", daily(480), status="on-hold"))
    response = post(request("order-sign", prefetch, [MTX]))
    assert (fired(response, "MTX-09"), unchecked(response, "MTX-09")) == ([], [])


def test_a_local_route_is_not_counted() -> None:
    drops = order({"text": "trimethoprim/polymyxin eye drops"}, "c")
    assert fired(post(request("order-sign", record(FOLATE, drops), [MTX])), "MTX-09") == []


# Whose data


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("prefetch", "place"),
    [
        (record(patient={"resourceType": "Patient", "id": "somebody-else"}), "patient.entry[0]"),
        (
            record(
                order(METHOTREXATE), {**order(AZATHIOPRINE, "m2"), "subject": {"reference": "Patient/somebody-else"}}
            ),
            "medicationRequests.entry[1]",
        ),
        (
            record({**MYOSITIS, "subject": {"reference": f"{SERVER}/Patient/somebody-else"}}),
            "conditions.entry[0]",
        ),
        (
            record(resource("AllergyIntolerance", "a", patient={"reference": "Patient/somebody-else"})),
            "allergies.entry[0]",
        ),
        (
            record(order(METHOTREXATE, "m1"), {**order(METHOTREXATE, "m1"), "subject": {"reference": "Patient/else"}}),
            "medicationRequests.entry[1]",
        ),
    ],
)
def test_another_patients_resource_ends_the_request(hook: str, prefetch: Json, place: str) -> None:
    response = post(request(hook, prefetch, [MTX], fhirServer=SERVER))
    told = issue(response, 403)
    assert told["diagnostics"] == "A resource is not of the patient of this request"
    assert told["expression"] == [f"prefetch.{place}"]
    assert b"else" not in response.data
    assert PATIENT.encode() not in response.data


def test_another_patients_draft_ends_the_request() -> None:
    other = {**MTX, "subject": {"reference": "Patient/somebody-else"}}
    assert issue(post(request("order-sign", record(), [other])), 403)["expression"] == ["context.draftOrders.entry[0]"]


@pytest.mark.parametrize(
    "subject",
    [
        f"{SERVER}/Patient/{PATIENT}",
        f"Patient/{PATIENT}/_history/3",
        f"{SERVER}/Patient/{PATIENT}/_history/3",
    ],
)
@pytest.mark.parametrize("base", [SERVER, SERVER + "/"])
def test_an_absolute_or_versioned_subject_is_our_patient(subject: str, base: str) -> None:
    folate = {**FOLATE, "subject": {"reference": subject}}
    body = request("order-sign", record(folate), [{**MTX, "subject": {"reference": subject}}], fhirServer=base)
    response = post(body)
    assert (fired(response, "MTX-05"), unchecked(response, "MTX-05", "MTX-09")) == ([], [])


def test_the_full_url_of_the_patients_own_entry_is_our_patient() -> None:
    patient = {"fullUrl": "urn:uuid:1b4e", "resource": {"resourceType": "Patient", "id": PATIENT}}
    folate = {**FOLATE, "subject": {"reference": "urn:uuid:1b4e"}}
    response = post(request("order-sign", record(folate, patient=bundle(patient)), [MTX]))
    assert (fired(response, "MTX-05"), unchecked(response, "MTX-05", "GEN-03")) == ([], [])


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": f"https://other.example.org/fhir/Patient/{PATIENT}"},
        {"reference": f"{SERVER}.evil.example/Patient/{PATIENT}"},
        {"identifier": {"system": "urn:x", "value": "123"}},
        {"reference": "#p"},
        {"reference": "urn:uuid:unknown"},
        {"reference": "Group/1"},
        {"display": "the patient"},
        None,
    ],
)
def test_a_resource_that_cannot_be_attributed_is_not_used_and_is_named(subject: Json | None) -> None:
    prefetch = record({**FOLATE, "subject": subject})
    response = post(request("order-sign", prefetch, [MTX], fhirServer=SERVER))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    lost = "an entry that could not be read (medicationRequests.entry[0])"
    assert unchecked(response, "MTX-05", "MTX-09") == [f"MTX-05: {lost}", f"MTX-09: {lost}"]


# Lists that could not be had

PART = {"resourceType": "Bundle", "total": 9, "entry": [{"resource": statement(DIGOXIN)}]}
NEXT = {
    "resourceType": "Bundle",
    "link": [{"relation": "next", "url": f"{SERVER}?page=2"}],
    "entry": [{"resource": statement(DIGOXIN)}],
}
FAILED: list[object] = [
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]},
    "<html>Tomcat</html>",
    7,
    {"resourceType": "Patient", "id": PATIENT},
    PART,
    NEXT,
]
NOTHING: list[object] = [
    None,
    bundle(),
    {"resourceType": "Bundle", "total": 0},
    bundle(
        {
            "search": {"mode": "outcome"},
            "resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]},
        }
    ),
]
SCENES: dict[str, tuple[Json, Json]] = {
    # rule: what is on the chart at patient-view, what is drafted at the order hooks
    "MTX-05": (order(METHOTREXATE, "m1", weekly(15, "mon")), MTX),
    "MTX-09": (order(METHOTREXATE, "m1", weekly(15, "mon")), MTX),
    "AZA-04": (order(AZATHIOPRINE, "m1", daily(100)), draft(AZATHIOPRINE, "draft-1", daily(100))),
}


def scene(hook: str, rule: str, prefetch: Json) -> Json:
    """The request that concerns a rule, with the rest of its prefetch."""
    on_chart, drafted = SCENES[rule]
    if hook != "patient-view":
        return request(hook, prefetch, [drafted])
    return request(hook, {**prefetch, "medicationRequests": bundle(on_chart)})


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("rule", SCENES)
@pytest.mark.parametrize(
    ("key", "name"),
    [("medicationStatements", "medication statements"), ("medicationAdministrations", "medication administrations")],
)
def test_a_list_of_medications_that_could_not_be_had_is_named_at_every_hook(
    hook: str, rule: str, key: str, name: str
) -> None:
    assert unchecked(post(scene(hook, rule, without(record(), key))), rule) == [f"{rule}: {name}"]
    for value in FAILED:
        assert unchecked(post(scene(hook, rule, record(**{key: value}))), rule) == [f"{rule}: {name}"], value
    for value in NOTHING:
        assert unchecked(post(scene(hook, rule, record(**{key: value}))), rule) == [], value


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(
    ("rule", "drafted", "key", "name"),
    [
        (
            "SEQ-01",
            draft(IVIG, "draft-1", infused(28, "g", 0, 1, 2, 3, 4)),
            "medicationStatements",
            "medication statements",
        ),
        (
            "SEQ-01",
            draft(RITUXIMAB, "draft-1", infused(1, "g", 0)),
            "medicationAdministrations",
            "medication administrations",
        ),
        ("SEQ-07", draft(RITUXIMAB, "draft-1", infused(1, "g", 0)), "procedures", "procedures"),
        ("SEQ-07", plasma_exchange(0), "medicationAdministrations", "medication administrations"),
    ],
)
def test_a_list_that_a_sequence_needs_is_named(hook: str, rule: str, drafted: Json, key: str, name: str) -> None:
    assert unchecked(post(request(hook, without(record(), key), [drafted])), rule) == [f"{rule}: {name}"]
    for value in FAILED[:3]:
        assert unchecked(post(request(hook, record(**{key: value}), [drafted])), rule) == [f"{rule}: {name}"]
    for value in NOTHING:
        assert unchecked(post(request(hook, record(**{key: value}), [drafted])), rule) == []


def test_what_was_found_is_said_although_a_list_is_missing() -> None:
    prefetch = without(record(order(CO_TRIMOXAZOLE, "c", daily(480))), "medicationStatements")
    response = post(request("order-sign", prefetch, [MTX]))
    assert fired(response, "MTX-05", "MTX-09") == ["MTX-05 warning", "MTX-09 critical"]
    assert unchecked(response, "MTX-05", "MTX-09") == ["MTX-05: medication statements"]


def test_what_could_not_be_checked_is_one_card_with_one_finding() -> None:
    response = post(request("order-select", without(record(), "medicationStatements"), [MTX]))
    card = card_of(response, "GEN-03")
    (finding,) = card["extension"]["org.cds-service.findings"]
    assert (finding["rule"], finding["severity"], finding["outcome"]) == ("GEN-03", "info", "not-checked")
    assert {"rule": "MTX-05", "missing": "medication statements"} in finding["notChecked"]
    assert "- MTX-05: medication statements" in card["detail"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("key", ["patient", "conditions", "medicationRequests"])
def test_without_a_required_list_there_is_no_answer(hook: str, key: str) -> None:
    for prefetch in (without(record(), key), record(**{key: FAILED[0]}), record(**{key: "x"}), record(**{key: PART})):
        if key == "patient" and prefetch.get(key) is PART:
            continue
        assert issue(post(request(hook, prefetch)), 412)["expression"] == [f"prefetch.{key}"]


def test_every_list_that_lacks_is_named_with_its_reason() -> None:
    told = issue(post(request("patient-view", {"conditions": FAILED[0]})), 412)
    assert told["expression"] == ["prefetch.patient", "prefetch.conditions", "prefetch.medicationRequests"]
    assert told["diagnostics"] == (
        "Required data could not be had: patient: not given, and no FHIR server may be asked; "
        "conditions: an OperationOutcome instead of the data; "
        "medicationRequests: not given, and no FHIR server may be asked"
    )


def test_a_required_list_of_another_type_is_not_taken_for_empty() -> None:
    """What DSTU2 calls a MedicationOrder must not read as "no medication"."""
    for kind, why in (
        ("MedicationOrder", "of FHIR DSTU2, and this service reads FHIR R4"),
        ("Condition", "no MedicationRequest among its resources"),
    ):
        prefetch = record(medicationRequests=bundle(resource(kind, "o1")))
        told = issue(post(request("order-sign", prefetch, [MTX])), 412)
        assert told["diagnostics"] == f"Required data could not be had: medicationRequests: {why}"


@pytest.mark.parametrize("empty", [{}, None])
@pytest.mark.parametrize("hook", HOOKS)
def test_without_any_prefetch_and_without_access_there_is_no_answer(hook: str, empty: object) -> None:
    body = request(hook) | {"prefetch": empty, "fhirServer": None, "fhirAuthorization": None}
    assert issue(post(body), 412)["expression"][0] == "prefetch.patient"


@pytest.mark.parametrize("value", [None, bundle(), {"resourceType": "Bundle", "total": 0}])
def test_a_required_list_that_is_null_or_empty_holds_nothing(value: object) -> None:
    response = post(request("order-sign", record(medicationRequests=value, conditions=value), [MTX]))
    assert (fired(response, "MTX-05"), unchecked(response, "MTX-05", "MTX-09")) == (["MTX-05 warning"], [])


# Servers that may not be read


@pytest.mark.parametrize(
    "server", ["https://elsewhere.example.org/fhir", "http://169.254.169.254/latest", "http://10.0.0.1"]
)
def test_a_server_that_may_not_be_read_matters_only_if_something_must_be_read(server: str) -> None:
    whole = request("order-sign", record(), [MTX], fhirServer=server)
    assert (fired(post(whole), "MTX-05"), unchecked(post(whole), "MTX-05")) == (["MTX-05 warning"], [])
    optional = request("order-sign", without(record(), "medicationStatements"), [MTX], fhirServer=server)
    assert unchecked(post(optional), "MTX-05") == ["MTX-05: medication statements"]
    required = request("order-sign", without(record(), "conditions"), [MTX], fhirServer=server)
    told = issue(post(required), 403)
    assert (told["diagnostics"], told["expression"]) == ("This FHIR server may not be read", ["fhirServer"])


@pytest.mark.parametrize("server", ["file:///etc/passwd", "undefined", "ftp://x", "https://"])
def test_what_is_no_address_matters_only_if_something_must_be_read(server: str) -> None:
    assert fired(post(request("order-sign", record(), [MTX], fhirServer=server)), "MTX-05") == ["MTX-05 warning"]
    response = post(request("order-sign", without(record(), "conditions"), [MTX], fhirServer=server))
    told = issue(response, 400)
    assert told["diagnostics"] == "Not an http or https address of a FHIR server"
    assert told["expression"] == ["fhirServer"]


@pytest.mark.parametrize("status", [400, 403, 412])
def test_an_error_holds_nothing_of_the_patient(status: int) -> None:
    secret = "Wilma-Weeklydose"
    own = {"subject": {"reference": f"Patient/{secret}"}}
    patient = {"resourceType": "Patient", "id": secret, "name": [{"family": secret}], "birthDate": "1968-03-14"}
    results = {**measured("98979-8", 90, "mL/min/{1.73_m2}"), **own}
    prefetch = record({**order(METHOTREXATE, secret), **own}, {**MYOSITIS, **own}, results, patient=patient)
    faulty = {
        400: request("order-sign", prefetch, [{**MTX, **own}] * 2, context={"patientId": secret}),
        403: request("order-sign", prefetch, [MTX]),
        412: request("order-sign", without(prefetch, "conditions"), context={"patientId": secret}),
    }
    response = post(faulty[status])
    issue(response, status)
    for word in (secret.encode(), b"1968", b"draft-1", b"ethotrexate"):
        assert word not in response.data


# Suggestions


def folic_acid_offers(response_card: Json) -> list[Json]:
    return [suggestion["actions"][0]["resource"] for suggestion in response_card["suggestions"]]


def test_a_created_order_is_valid_and_is_for_this_patient_and_visit() -> None:
    body = request("order-sign", record(), [MTX], context={"encounterId": "e1"})
    for order_of_ours in folic_acid_offers(card_of(post(body), "MTX-05")):
        MedicationRequest.model_validate(order_of_ours)
        assert order_of_ours["subject"] == {"reference": f"Patient/{PATIENT}"}
        assert order_of_ours["encounter"] == {"reference": "Encounter/e1"}
        assert (order_of_ours["status"], order_of_ours["intent"]) == ("draft", "order")
        assert "mon" not in order_of_ours["dosageInstruction"][0]["timing"]["repeat"]["dayOfWeek"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize("choice", [0, 1])
def test_the_folic_acid_that_is_suggested_silences_the_rule(hook: str, choice: int) -> None:
    card = card_of(post(request(hook, record(), [MTX])), "MTX-05")
    created = folic_acid_offers(card)[choice]
    again = request(hook, record(), [MTX, created], selections=["MedicationRequest/draft-1"])
    assert fired(post(again), "MTX-05", "MTX-05b") == []
    everything = request(hook, record(), [MTX, created])
    assert fired(post(everything), "MTX-05", "MTX-05b") == []
    assert unchecked(post(everything), "MTX-05", "MTX-05b") == []


@pytest.mark.parametrize(
    "drafted",
    [
        pytest.param(draft(IVIG, "draft-1", infused(28, "g", 0, 1, 2, 3, 4)), id="by-events"),
        pytest.param(draft(IVIG, "draft-1"), id="without-a-dosage"),
    ],
)
def test_the_move_that_is_suggested_silences_the_rule(drafted: Json) -> None:
    """Rituximab three days ago: the seventh day after it is in four days."""
    prefetch = record(given(RITUXIMAB, -3))
    card = card_of(post(request("order-sign", prefetch, [drafted])), "SEQ-01")
    assert (
        card["summary"] == "IVIg 3 days after rituximab: combination is allowed, but give IVIg first or >= 7 days later"
    )
    (suggestion,) = card["suggestions"]
    assert suggestion["label"] == f"Move IVIg to {day(4)}"
    (action,) = suggestion["actions"]
    assert (action["type"], action["resource"]["id"]) == ("update", "draft-1")
    assert fired(post(request("order-sign", prefetch, [action["resource"]])), "SEQ-01", "SEQ-02") == []


def test_the_move_of_the_exchange_silences_the_rule() -> None:
    prefetch = record(given(RITUXIMAB, -1))
    card = card_of(post(request("order-sign", prefetch, [plasma_exchange(0)])), "SEQ-07")
    (suggestion,) = card["suggestions"]
    moved = suggestion["actions"][0]["resource"]
    assert moved == plasma_exchange(3)  # rituximab on day -1, and more than three days later is day 3
    assert fired(post(request("order-sign", prefetch, [moved])), "SEQ-07") == []


def test_taking_the_draft_back_is_the_suggestion_of_a_forbidden_pair() -> None:
    prefetch = record(order(ALLOPURINOL, "a", daily(100)))
    card = card_of(post(request("order-sign", prefetch, [draft(AZATHIOPRINE, "draft-1", daily(100))])), "AZA-04")
    (action,) = card["suggestions"][0]["actions"]
    assert action == {
        "type": "delete",
        "description": "Cancel this order of azathioprine",
        "resourceId": "MedicationRequest/draft-1",
    }


def test_an_update_keeps_what_we_do_not_read() -> None:
    vendor = {"urn_vendor": {"x": 1.5}, "category": {"text": "an object"}, "id": "a_b"}
    drafted = draft(IVIG, "a_b", infused(28, "g", 0, 1, 2, 3, 4)) | vendor
    card = card_of(post(request("order-sign", record(given(RITUXIMAB, -3)), [drafted])), "SEQ-01")
    resource_of_ours = card["suggestions"][0]["actions"][0]["resource"]
    assert {key: value for key, value in resource_of_ours.items() if key != "dosageInstruction"} == {
        key: value for key, value in drafted.items() if key != "dosageInstruction"
    }


def test_a_folic_acid_allergy_leaves_the_card_without_a_suggestion() -> None:
    allergy = resource("AllergyIntolerance", "a1", code=FOLIC_ACID)
    card = card_of(post(request("order-sign", record(allergy), [MTX])), "MTX-05")
    assert "suggestions" not in card
    assert "an allergy or intolerance to folic acid is recorded" in card["detail"]


# Sequences


def test_a_series_of_exchanges_is_seen_by_its_first_day() -> None:
    series = plasma_exchange(occurrenceTiming={"event": [day(5), day(7)]})
    prefetch = record(given(RITUXIMAB, 0))
    assert fired(post(request("order-sign", prefetch, [series])), "SEQ-07") == []
    near = plasma_exchange(occurrenceTiming={"repeat": {"boundsPeriod": {"start": day(2)}}})
    assert fired(post(request("order-sign", prefetch, [near])), "SEQ-07") == ["SEQ-07 warning"]


def test_a_stopped_order_plans_no_infusion_any_more() -> None:
    stopped = order(RITUXIMAB, "r", infused(1, "g", -30, 1), status="stopped")
    drafted = draft(IVIG, "draft-1", infused(28, "g", 2, 3, 4, 5, 6))
    assert fired(post(request("order-sign", record(stopped), [drafted])), "SEQ-01") == []
    running = {**stopped, "status": "active"}
    assert fired(post(request("order-sign", record(running), [drafted])), "SEQ-01") == ["SEQ-01 warning"]


def test_conditions_that_cannot_be_read_do_not_shut_the_gate_of_a_guideline_rule() -> None:
    """Whether what cannot be read is myositis is unknown, not "no"."""
    odd = {**MYOSITIS, "clinicalStatus": 7}
    drafted = draft(IVIG, "draft-1", infused(28, "g", 0, 1, 2, 3, 4))
    prefetch = record(odd, given(RITUXIMAB, -3))
    assert fired(post(request("order-sign", prefetch, [drafted])), "SEQ-01") == ["SEQ-01 warning"]
    other = {**MYOSITIS, "code": coded("http://hl7.org/fhir/sid/icd-10", "G35")}
    prefetch = record(other, given(RITUXIMAB, -3))
    assert fired(post(request("order-sign", prefetch, [drafted])), "SEQ-01") == []


# Where the medication stands

MED = medication("med-1", METHOTREXATE)


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(
    "drafts",
    [
        pytest.param([MED, referring(MTX, "Medication/med-1")], id="a-sibling-by-id"),
        pytest.param([referring(MTX, "Medication/med-1"), MED], id="a-sibling-after-it"),
        pytest.param([{"fullUrl": "urn:uuid:9", "resource": MED}, referring(MTX, "urn:uuid:9")], id="by-fullUrl"),
        pytest.param([MED, referring(MTX, f"{SERVER}/Medication/med-1")], id="absolute"),
        pytest.param([MED, referring(MTX, "Medication/med-1/_history/2")], id="versioned"),
        pytest.param([{**referring(MTX, "#med-1"), "contained": [MED]}], id="contained"),
        pytest.param([{**referring(MTX, ""), "medicationReference": {"display": "methotrexate 2.5 mg"}}], id="display"),
        pytest.param([referring(MTX, "Medication/gone", display="methotrexate 2.5 mg")], id="display-of-nothing"),
        pytest.param([draft({"text": "Methotrexat 2,5 mg Tablette"})], id="text"),
        pytest.param([medication("i", None, METHOTREXATE), referring(MTX, "Medication/i")], id="ingredients"),
    ],
)
def test_a_medication_is_found_wherever_it_stands(hook: str, drafts: list[Json]) -> None:
    body = request(hook, record(), drafts, selections=["MedicationRequest/draft-1"], fhirServer=SERVER)
    response = post(body)
    assert (fired(response, "MTX-05"), unchecked(response, "GEN-03")) == (["MTX-05 warning"], [])


def test_a_medication_that_came_with_the_chart_serves_a_draft() -> None:
    """Epic and `_include` send Medications beside the orders of the chart."""
    included = {"resource": MED, "search": {"mode": "include"}}
    body = request("order-sign", record(FOLATE, included), [referring(MTX, "Medication/med-1")])
    body["prefetch"]["medicationStatements"] = bundle(statement(CO_TRIMOXAZOLE, "s", daily(480)))
    assert fired(post(body), "MTX-09") == ["MTX-09 critical"]


# The answer


@pytest.mark.parametrize("hook", HOOKS)
def test_the_same_request_gets_the_same_answer_but_for_its_ids(hook: str) -> None:
    body = request(hook, record(order(METHOTREXATE, "m1", weekly(15, "mon"))), [MTX])
    first, second = cards(post(body)), cards(post(body))
    assert [card["summary"] for card in first] == [card["summary"] for card in second]
    assert {card["uuid"] for card in first}.isdisjoint(card["uuid"] for card in second)


def test_words_of_a_record_are_escaped_and_cut() -> None:
    nasty = "# methotrexate <img src=x onerror=alert(1)> [x](javascript:alert(1)) |a| `b`\n## heading " + "x" * 5000
    response = post(request("order-sign", record(), [draft({"text": nasty}, "draft-1", weekly())]))
    detail = card_of(response, "MTX-05")["detail"]
    for mark in ("<img", "[x](", "\n## ", "x" * 200):
        assert mark not in detail
    assert r"&lt;img src=x onerror=alert(1)&gt; \[x\](javascript" in detail
    assert len(card_of(response, "MTX-05")["summary"]) < 140


@pytest.mark.parametrize("name", ["\ud800", "a\u0000b", "\u202e\u2066", "\U0001f600"])
def test_odd_characters_in_a_name_never_break_the_answer(name: str) -> None:
    body = json.dumps(request("order-sign", record(), [draft({"text": f"methotrexate {name}"}, "draft-1", weekly())]))
    response = post(body.encode(), "order-sign")
    if "\\ud800" in body:
        issue(response, 400)  # a lone surrogate is no text in any encoding
    else:
        assert fired(response, "MTX-05") == ["MTX-05 warning"]


@pytest.mark.parametrize(
    "number", ["1e999999", "-1", "0", "1e9", '"7,5"', "1e-999999", "0.30000000000000000000000000001"]
)
def test_no_number_breaks_the_answer(number: str) -> None:
    mark = 987654321
    body = json.dumps(
        request(
            "order-sign",
            record(
                FOLATE,
                resource(
                    "Observation",
                    "w",
                    status="final",
                    code=coded("http://loinc.org", "29463-7"),
                    effectiveDateTime=day(),
                    valueQuantity={"value": mark, "unit": "kg"},
                ),
                given(RITUXIMAB, -3),
            ),
            [
                draft(METHOTREXATE, "draft-1", weekly(mark, "mon")),
                draft(IVIG, "draft-2", infused(mark, "g", 0, 1, 2)),
                draft(AZATHIOPRINE, "draft-3", daily(mark)),
            ],
        )
    ).replace(str(mark), number)
    response = post(body.encode(), "order-sign")
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert "SEQ-01 warning" in fired(response)


@pytest.mark.parametrize(
    "when",
    ["2025", "2025-02", "2025-02-30", "9999-12-31", "0002-01-01", "Invalid date", "${DATE}", "2026-03-04T25:61", ""],
)
def test_no_date_breaks_the_answer(when: str) -> None:
    methotrexate = order(METHOTREXATE, "m1", weekly(15, "mon"), authoredOn=when)
    methotrexate["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] = {"start": when, "end": when}
    events = infused(28, "g", 0)
    events["timing"]["event"] = [when]
    prefetch = record(methotrexate, {**MYOSITIS, "onsetDateTime": when, "recordedDate": when}, given(RITUXIMAB, -3))
    for hook in HOOKS:
        assert cards(post(request(hook, prefetch, [draft(IVIG, "draft-1", events, authoredOn=when)]))) is not None
