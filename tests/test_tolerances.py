"""What real clients send and do: the ten tolerances, their oddities, and where each of the known facts is shown.

The ids are those of the facts about clients in docs/clients.md. A fact that asks something of the service has its test
named in `tests/client_facts.toml`, or a sentence that says why it has none.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.clinical.chart import Source
from cds_service.clinical.exposure import SOURCE_NAMES
from cds_service.settings import Settings

from .access.servers import answer, http_server
from .ehr import (
    ALLOPURINOL,
    AS_OF,
    AZATHIOPRINE,
    CO_TRIMOXAZOLE,
    DIGOXIN,
    FOLIC_ACID,
    HOOKS,
    METHOTREXATE,
    PATIENT,
    RXNORM,
    SERVER,
    UCUM,
    Json,
    bundle,
    cards,
    client,
    daily,
    draft,
    findings,
    fired,
    issue,
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

MTX = draft(METHOTREXATE, "draft-1", weekly(15, "mon"))
NO_RESULTS: Json = {
    "resource": {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning",
                "code": "processing",
                "details": {"coding": [{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", "code": "4101"}]},
                "diagnostics": "Resource request returns no results.",
            }
        ],
    },
    "search": {"mode": "outcome"},
}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": [NO_RESULTS]}


def told(response: TestResponse) -> list[Json]:
    """The cards without their ids, which differ each time."""
    return json.loads(  # type: ignore[no-any-return]
        re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "", json.dumps(cards(response)))
    )


# The ten tolerances


@pytest.mark.parametrize("key", without(record(), "patient", "encounter"))
def test_1_an_empty_search_with_a_remark_is_none(key: Source) -> None:
    body = request("order-sign", record(**{key: EMPTY}), [MTX])
    assert told(post(body)) == told(post({**body, "prefetch": record(**{key: bundle()})}))
    assert not [check for check in unchecked(post(body)) if check.endswith(SOURCE_NAMES[key])]


@pytest.mark.parametrize(
    "drafts",
    [
        pytest.param([referring(MTX, "Medication/m.1"), medication("m.1", METHOTREXATE)], id="a-sibling"),
        pytest.param([{**referring(MTX, "#m"), "contained": [medication("m", METHOTREXATE)]}], id="contained"),
        pytest.param(
            [referring(MTX, f"{SERVER}/Medication/m1"), medication("m1", METHOTREXATE)], id="an-absolute-address"
        ),
        pytest.param(
            [{**referring(MTX, ""), "medicationReference": {"display": "methotrexate 2.5 mg tablet"}}],
            id="what-is-displayed",
        ),
    ],
)
def test_2_a_medication_is_found_in_each_place_where_clients_put_it(drafts: list[Json]) -> None:
    assert fired(post(request("order-sign", record(), drafts, fhirServer=SERVER)), "MTX-05") == ["MTX-05 warning"]


def test_3_three_statements_of_one_dose_are_one_dose() -> None:
    """Calculated, administered and ordered: 15 mg a week in all of them. Added up, 45 mg would exceed the 25 mg."""

    def kind(name: str) -> Json:
        return {"text": name, "coding": [{"system": "http://epic.com/CodeSystem/dose-rate-type", "code": name}]}

    quantity = {"value": 15, "unit": "mg", "system": UCUM, "code": "mg"}
    tablets = {"value": 6, "unit": "tablet"}
    rates = [
        {"type": kind("calculated"), "doseQuantity": quantity},
        {"type": kind("admin-amount"), "doseQuantity": tablets},
        {"type": kind("ordered"), "doseQuantity": quantity},
    ]
    drafted = draft(METHOTREXATE, "draft-1", {**weekly(15, "mon"), "doseAndRate": rates})
    (card,) = (
        card
        for card in cards(post(request("order-sign", record(), [drafted])))
        if card["source"]["topic"]["code"] == "MTX-05"
    )
    assert "15 mg once a week on Monday" in card["detail"]
    assert fired(post(request("order-sign", record(), [drafted])), "MTX-03", "MTX-04") == []


def test_4_codes_of_several_levels_in_one_medication_are_one_drug() -> None:
    """The ingredient, a tablet of it, and a code of the vendor between them."""
    codings = [
        {"system": "urn:oid:2.16.840.1.113883.6.253", "code": "42001"},
        {"system": RXNORM, "code": "6851"},
        {"system": "urn:oid:2.16.840.1.113883.6.162", "code": "x"},
        {"system": RXNORM, "code": "105585"},
    ]
    for order_of in (codings, codings[::-1]):
        med = medication("m", {"coding": order_of})
        body = request("order-sign", record(), [referring(MTX, "Medication/m"), med])
        assert fired(post(body)) == fired(post(request("order-sign", record(), [MTX])))
        assert unchecked(post(body)) == []


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
@pytest.mark.parametrize("missing", ["medicationCodeableConcept", "dosageInstruction", "intent", "status", "id"])
def test_5_an_unfinished_draft_is_borne(hook: str, missing: str) -> None:
    unfinished = without(MTX, missing)
    response = post(request(hook, record(), [unfinished], selections=["MedicationRequest/draft-1"]))
    if missing == "medicationCodeableConcept":
        assert cards(response) == []
    elif missing == "id" and hook == "order-select":  # what was picked cannot be found
        assert (fired(response), unchecked(response)) == ([], ["GEN-03: what is ordered (selections[0])"])
    else:
        assert fired(response, "MTX-05") == ["MTX-05 warning"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("prefetch", [..., None, {}])
def test_6_without_data_and_without_a_token_the_answer_is_412_with_its_reason(hook: str, prefetch: object) -> None:
    body = request(hook, drafts=[MTX] if hook != "patient-view" else ())
    body = without(body, "prefetch") if prefetch is ... else {**body, "prefetch": prefetch}
    for access in ({}, {"fhirServer": None, "fhirAuthorization": None}):
        why = issue(post({**body, **access}), 412)
        assert why["expression"] == ["prefetch.patient", "prefetch.conditions", "prefetch.medicationRequests"]
        assert why["diagnostics"] == (
            "Required data could not be had: patient: not given, and no FHIR server may be asked; "
            "conditions: not given, and no FHIR server may be asked; "
            "medicationRequests: not given, and no FHIR server may be asked"
        )


def test_6_null_for_what_is_absent_is_absent() -> None:
    whole = request("order-sign", record(), [MTX])
    assert told(post({**whole, "fhirServer": None, "fhirAuthorization": None})) == told(post(whole))


@pytest.mark.parametrize(
    "instance",
    [
        "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "e8d0b2a4-5c1f-11ef-9a2b-0242ac120002",
        "Zk3" * 21 + "q",
        "1",
    ],
    ids=["a constant one", "of version 1", "64 random characters", "one character"],
)
def test_7_any_hook_instance_is_taken_and_taken_again(instance: str) -> None:
    body = request("order-sign", record(), [MTX], hookInstance=instance)
    assert told(post(body)) == told(post(body)) == told(post(request("order-sign", record(), [MTX])))


def test_8_ids_of_two_hundred_characters_with_dots_are_taken() -> None:
    long = "eR.4_-" * 33 + "xy"
    assert len(long) == 200
    allopurinol = order(ALLOPURINOL, long, daily(100))
    azathioprine = draft(AZATHIOPRINE, long + "z", daily(100))
    prefetch = record(*({**each, "subject": {"reference": f"Patient/{long}"}} for each in (allopurinol,)))
    prefetch["patient"] = {**prefetch["patient"], "id": long}
    prefetch |= {"conditions": bundle(), "observations": bundle()}
    body = request(
        "order-sign",
        prefetch,
        [{**azathioprine, "subject": {"reference": f"Patient/{long}"}}],
        context={"patientId": long},
    )
    (finding,) = (finding for finding in findings(post(body)) if finding["rule"] == "AZA-04")
    assert finding["orders"] == [f"MedicationRequest/{long}z"]
    assert finding["evidence"] == [f"MedicationRequest/{long}"]


def test_9_a_batch_of_feedback_as_epic_writes_it_is_taken() -> None:
    """The reason under a plural key, as an object, or only in an extension; old days, and cards with plain numbers."""
    reason = {"code": "specialist-decision", "system": "https://cds-service.org/CodeSystem/override-reason"}
    extension = {
        "com.epic.cdshooks.feedback.overrideReason.reasonCategory": "1",
        "com.epic.cdshooks.feedback.overrideReason.reasonTitle": "Benefit outweighs risk",
    }
    entry = {"card": "123456", "outcome": "overridden", "outcomeTimestamp": "2020-12-11T19:46:07Z"}
    batch = [
        {**entry, "overrideReasons": {"reason": reason, "userComment": "seen"}},
        {**entry, "overrideReasons": {"extension": extension}},
        {**entry, "overrideReason": {"reason": reason}},
        {**entry, "card": "123457", "outcome": "accepted", "acceptedSuggestions": [{"id": "1"}]},
    ]
    response = client().post(
        "/cds-services/myositis-order-sign/feedback",
        data=json.dumps({"feedback": batch}),
        content_type="application/json",
    )
    if response.status_code == 404 and not os.environ.get("CDS_REQUIRE_REAL_PARTS"):
        pytest.skip("skipped, because this service takes no feedback")
    assert response.status_code == 200, response.data


@cache
def service(dialect: str) -> FlaskClient:
    return create_app(Settings(as_of=AS_OF, dialect=dialect, log_level="error")).test_client()


def answered(dialect: str, body: Json) -> list[Json]:
    raw = json.dumps(body).encode()
    return cards(
        service(dialect).post(f"/cds-services/myositis-{body['hook']}", data=raw, content_type="application/json")
    )


def test_10_each_client_is_answered_in_its_own_dialect() -> None:
    creating = request("order-sign", record(), [MTX])
    deleting = request(
        "order-sign", record(order(ALLOPURINOL, "a", daily(100))), [draft(AZATHIOPRINE, "draft-1", daily(100))]
    )
    plain, epic = answered("generic", creating)[0], answered("epic", creating)[0]
    assert (plain["selectionBehavior"], epic["selectionBehavior"]) == ("at-most-one", "any")
    assert [len(suggestion["actions"]) for suggestion in epic["suggestions"]] == [1, 1]
    systems = [
        [
            coding["system"]
            for coding in card["suggestions"][0]["actions"][0]["resource"]["medicationCodeableConcept"]["coding"]
        ]
        for card in (plain, epic)
    ]
    assert systems[0][0] == RXNORM
    assert systems[1][:2] == ["urn:oid:2.16.840.1.113883.6.88", RXNORM]
    (modern,) = answered("generic", deleting)[0]["suggestions"][0]["actions"]
    assert "resource" not in modern
    (old,) = answered("logica-meld", deleting)[0]["suggestions"][0]["actions"]
    assert (old["type"], old["resource"], old["resourceId"]) == (
        "delete",
        "MedicationRequest/draft-1",
        "MedicationRequest/draft-1",
    )


# Oddities that change nothing

WHOLE = request("order-sign", record(), [MTX])


def members(**changed: object) -> Json:
    return {**WHOLE, **changed}


def of_context(**changed: object) -> Json:
    return members(context={**WHOLE["context"], **changed})


def prefetched(**changed: object) -> Json:
    return members(prefetch={**WHOLE["prefetch"], **changed})


def drafted(**changed: object) -> Json:
    return of_context(draftOrders=bundle({**MTX, **changed}))


PERSON = WHOLE["prefetch"]["patient"]
BORNE: list[tuple[str, Json]] = [
    ("EP-2", members(extension={"com.epic.cdshooks.request.bpa-trigger-action": 23})),
    ("EP-3", members(extension={"com.epic.cdshooks.request.bpa-trigger-action": "18"}, version="1.0")),
    ("EP-4", prefetched(**{"patient-user": {"resourceType": "Practitioner", "id": "u"}, "item5": None})),
    ("EP-9", members(hookInstance="e8d0b2a4-5c1f-11ef-9a2b-0242ac120002")),
    ("EP-12", of_context(userId="PractitionerRole/eA.b-c")),
    ("EP-13", members(fhirAuthorization={"access_token": "t", "scope": "Patient.Read (R4) Patient.Read (R4) Medic"})),
    ("EP-15", members(extension={"internal.epic.cdshooks.x": {"y": [None]}, "com.epic.z": "1"})),
    ("EP-22", drafted(category={"coding": [{"system": "http://hl7.org/fhir/category", "code": "outpatient"}]})),
    (
        "EP-33",
        drafted(requester={"extension": [{"url": "http://hl7.org/fhir/data-absent-reason", "valueCode": "unknown"}]}),
    ),
    ("EP-34", prefetched(patient={**PERSON, "identifier": [{"system": "urn:ssn"}, {"value": "  E12"}, {}]})),
    (
        "EP-35",
        prefetched(
            medicationRequests=bundle(
                referring(order(DIGOXIN, "d"), "Medication/m9"),
                {"resource": medication("m9", DIGOXIN), "search": {"mode": "include"}},
            )
        ),
    ),
    ("LO-1", members(hookInstance="Zk3" * 21 + "q")),
    ("LO-3", members(fhirAuthorization={"access_token": "t", "token_type": "Bearer", "subject": "order-sign"})),
    ("DV-2", of_context(userId="Practitioner/example", encounterId="enc89284")),
    ("DV-3", members(fhirServer=SERVER, fhirAuthorization={"access_token": "", "token_type": "Bearer"})),
    ("DV-4", prefetched(medicationStatements={"resourceType": "Bundle", "type": "collection"}, unknown=bundle())),
    ("DV-6", members(extension={"davinci-crd.configuration": {"alt-drug": True}})),
    ("HA-3", members(extension={"any": [{"json": [1, {"a": None}]}, "text"]})),
    ("SA-3", of_context(draftOrders=bundle(without(MTX, "intent")))),
    ("SA-4", of_context(draftOrders={"resourceType": "Bundle", "entry": [{"resource": MTX}]})),
    ("SA-5", prefetched(patient={"resource": PERSON})),
    ("PF-5", members(fhirServer=None, fhirAuthorization=None)),
    ("PF-6", of_context(patientId=f"Patient/{PATIENT}")),
    ("PF-8", prefetched(conditions={"response": {"status": "200 OK"}, "resource": WHOLE["prefetch"]["conditions"]})),
    ("MD-3", drafted(medication={"x": 1})),
]


@pytest.mark.parametrize("body", [row[1] for row in BORNE], ids=[row[0] for row in BORNE])
def test_an_oddity_of_a_client_changes_nothing(body: Json) -> None:
    assert fired(post(body)) == fired(post(WHOLE)) == ["MTX-05 warning", "SSA-01 info"]
    assert unchecked(post(body)) == []


# What changes something


def test_a_basket_that_did_not_come_is_said() -> None:
    for hook in ("order-select", "order-sign"):
        body = request(hook)
        del body["context"]["draftOrders"]
        assert (fired(post(body)), unchecked(post(body))) == ([], ["GEN-03: what is ordered (draftOrders)"])


def test_a_bare_outcome_under_an_optional_key_is_a_failed_list() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    assert "MTX-05: medication statements" in unchecked(post(prefetched(medicationStatements=outcome)))
    told = issue(post(prefetched(conditions=outcome)), 412)
    assert told["expression"] == ["prefetch.conditions"]


@pytest.mark.parametrize("page", ["<html><body>502 Bad Gateway</body></html>", 7, ["x"], True])
def test_a_value_that_is_no_object_is_a_failed_list(page: object) -> None:
    assert "MTX-05: medication statements" in unchecked(post(prefetched(medicationStatements=page)))


def test_an_outcome_beside_results_does_not_count_as_one_of_them() -> None:
    warning = {"severity": "warning", "code": "suppressed", "diagnostics": "4119"}
    remark = {"resource": {"resourceType": "OperationOutcome", "issue": [warning]}, "search": {"mode": "outcome"}}
    folate = statement(FOLIC_ACID, "f", weekly(5, "tue"))
    body = prefetched(medicationStatements=bundle(remark, folate))
    assert fired(post(body), "MTX-05") == []


def test_a_coding_without_a_code_is_passed_over() -> None:
    absent = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]}
    drug = {"text": "methotrexate 2.5 mg tablet", "coding": [absent, {"system": "urn:oid:1.2.3"}]}
    assert fired(post(drafted(medicationCodeableConcept=drug)), "MTX-05") == ["MTX-05 warning"]


def test_a_medication_in_words_alone_is_known() -> None:
    chart = record(order({"text": "Bactrim DS 800-160 mg tablet"}, "b", daily(960)))
    assert fired(post(members(prefetch=chart)), "MTX-09") == ["MTX-09 critical"]


def test_an_infusion_of_several_ingredients_is_each_of_them() -> None:
    mixture = medication("mix", None, METHOTREXATE, {"text": "sodium chloride 0.9 %"})
    held = {**referring(MTX, "#mix"), "contained": [mixture], "dosageInstruction": [{"text": "17.55 mL/hr, IV"}]}
    assert "MTX-05 warning" in fired(post(of_context(draftOrders=bundle(held))))


def test_the_public_sandbox_may_still_be_typing() -> None:
    """An order as it stands while a date is typed; nothing louder than a remark where there is no drug."""
    typed = resource(
        "MedicationRequest",
        "draft-1",
        status="draft",
        category={"coding": []},
        reasonCode={"text": ""},
        dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": "Invalid date", "end": "0002-01-01"}}}}],
    )
    tests = resource("ServiceRequest", "s1", status="draft", code={"coding": [{}]})
    for drafts in ([typed], [tests], [typed, tests]):
        response = post(request("order-select", record(), drafts))
        assert {card["indicator"] for card in cards(response)} <= {"info"}
    with_drug = {**typed, "medicationCodeableConcept": METHOTREXATE}
    assert "MTX-05 warning" in fired(post(request("order-select", record(), [with_drug])))


def test_an_order_of_another_version_of_fhir_is_never_passed_over_in_silence() -> None:
    """DSTU2 has MedicationOrder; whatever the answer is, it is not an empty list of cards."""
    old = {
        "resourceType": "MedicationOrder",
        "id": "draft-1",
        "status": "draft",
        "patient": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": METHOTREXATE,
    }
    response = post(request("order-sign", record(), [old]))
    assert response.status_code in (400, 412, 422) or unchecked(response) != []
    assert response.status_code < 500


@pytest.mark.parametrize("media_type", ["application/json+fhir", "application/fhir+json", "text/plain"])
def test_a_fhir_server_is_read_whatever_media_type_it_names(media_type: str) -> None:
    empty = {"resourceType": "Bundle", "type": "searchset"}
    with http_server(lambda server, path: answer(empty, Content_Type=media_type)) as server:
        response = post(members(fhirServer=server.base, prefetch=without(WHOLE["prefetch"], "allergies")))
    assert len(server.paths) == 1
    assert told(response) == told(post(WHOLE))


def test_a_draft_that_stands_on_the_chart_as_well_counts_once() -> None:
    body = request("order-sign", record(order(METHOTREXATE, "draft-1", weekly(15, "mon"))), [MTX])
    assert fired(post(body)) == ["MTX-05 warning"]  # 15 mg twice would be more than the most in a week


def test_prefetch_and_drafts_are_held_against_each_other() -> None:
    chart = record(order(CO_TRIMOXAZOLE, "c", daily(480)))
    assert fired(post(members(prefetch=chart)), "MTX-09") == ["MTX-09 critical"]


def test_the_same_request_again_gets_the_same_answer() -> None:
    assert told(post(WHOLE)) == told(post(WHOLE))


def test_a_data_model_of_a_middleman_is_refused() -> None:
    """Redox wraps a request in its own: it has a Meta and no hook."""
    body = {"Meta": {"DataModel": "CDS Hooks", "EventType": "Request"}, "Patient": {"Identifiers": []}}
    assert issue(post(json.dumps(body).encode(), "order-sign"), 400)["expression"] == ["hook"]


def test_topics_hold_nothing_of_a_patient_and_stay_the_same() -> None:
    first, second = (post(request("order-sign", record(), [{**MTX, "id": name}])) for name in ("draft-1", "draft-2"))
    topics = [[card["source"]["topic"] for card in cards(response)] for response in (first, second)]
    assert topics[0] == topics[1]
    assert [topic["code"] for topic in topics[0]] == ["MTX-05", "SSA-01"]


def test_every_card_can_do_without_its_links() -> None:
    """Oracle Health takes links away that it does not know: what a source says stands in the detail as well."""
    for card in cards(post(WHOLE)):
        for link in card.get("links", ()):
            assert link["label"].partition(",")[0] in card["detail"]


# The facts and where each is shown

ROOT = Path(__file__).parent.parent
FACTS: dict[str, str] = tomllib.loads((ROOT / "tests/client_facts.toml").read_text(encoding="utf-8"))


def test_every_fact_names_a_test_that_there_is_or_says_why_not() -> None:
    for fact, shown in FACTS.items():
        path, is_test, name = shown.partition("::")
        if is_test:
            assert re.search(
                rf"^(    )?def {name}\(", (ROOT / "tests" / path).read_text(encoding="utf-8"), re.MULTILINE
            ), f"{fact}: there is no {shown}"
        else:
            assert re.fullmatch(r"[A-Z].{20,}\.", shown), f"{fact}: neither a test nor a sentence"


def test_every_oddity_is_in_the_table_with_its_test() -> None:
    for fact, _ in BORNE:
        assert fact in FACTS


def test_every_fact_that_asks_something_of_the_service_is_in_the_table(shared: Path) -> None:
    rows = (
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in (shared / "CLIENTS.md").read_text(encoding="utf-8").splitlines()
        if re.match(r"\| [A-Z]{2}-\d+ \|", line)
    )
    asked = {row[0] for row in rows if row[-1] != "-"}
    assert len(asked) > 100
    assert set(FACTS) == asked
