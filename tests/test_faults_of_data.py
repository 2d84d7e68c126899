"""Faults of what a request holds, end to end: prefetch that is not what it should be, doses and codes that mislead.

The numbers are those of the list of faults. The variants of each are tested where they are read (tests/mapping); here
stands one of every kind, with what the person at the other end is told.
"""

from __future__ import annotations

import pytest

from .ehr import (
    ATC,
    CO_TRIMOXAZOLE,
    FOLIC_ACID,
    HOOKS,
    METHOTREXATE,
    MYOSITIS,
    ORDER_HOOKS,
    PATIENT,
    RXNORM,
    SERVER,
    SNOMED,
    UCUM,
    Json,
    amount,
    bundle,
    by_mouth,
    card_of,
    coded,
    daily,
    day,
    draft,
    findings,
    fired,
    issue,
    order,
    post,
    record,
    referring,
    request,
    resource,
    unchecked,
    weekly,
    without,
)

MTX = draft(METHOTREXATE, "draft-1", weekly(15, "mon"))
FOLATE = order(FOLIC_ACID, "f", daily(5))
PREDNISOLONE = coded(ATC, "H02AB06", "prednisolone")
MYCOPHENOLATE = coded(ATC, "L04AA06", "mycophenolic acid")
REQUIRED = ("patient", "conditions", "medicationRequests")


def drafted(*dosage: Json, drug: Json = METHOTREXATE, **elements: object) -> list[str]:
    """What fires and what is not checked where this is ordered with folic acid on the chart."""
    response = post(request("order-sign", record(FOLATE), [draft(drug, "draft-1", *dosage, **elements)]))
    return sorted([*fired(response), *unchecked(response)])


# D. Prefetch


@pytest.mark.parametrize("key", REQUIRED)
def test_45_a_required_key_that_is_missing_is_named(key: str) -> None:
    told = issue(post(request("order-sign", without(record(), key), [MTX])), 412)
    assert told["diagnostics"] == (f"Required data could not be had: {key}: not given, and no FHIR server may be asked")
    assert told["expression"] == [f"prefetch.{key}"]


def test_46_null_says_that_there_is_nothing_and_not_that_it_is_unknown() -> None:
    keys = ("medicationStatements", "medicationAdministrations", "allergies", "procedures", "observations")
    response = post(request("order-sign", record(**dict.fromkeys(keys)), [MTX]))
    assert (fired(response, "MTX-05"), unchecked(response, "MTX-05", "MTX-09")) == (["MTX-05 warning"], [])


OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(OUTCOME, "an OperationOutcome instead of the data", id="47-outcome"),
        pytest.param("<html>Tomcat</html>", "no JSON object", id="48-html"),
        pytest.param(7, "no JSON object", id="48-number"),
        pytest.param([], "no JSON object", id="48-list"),
        pytest.param({}, "no FHIR resource", id="48-empty"),
        pytest.param(
            {"response": {"status": "500"}, "resource": bundle()}, "a wrapped response without success", id="49"
        ),
        pytest.param(bundle(MYOSITIS, total=2), "a Bundle with fewer entries than its total", id="51"),
        pytest.param(
            bundle(MYOSITIS, link=[{"relation": "next", "url": f"{SERVER}?page=2"}]),
            "only the first page of several",
            id="50-a-page-that-nobody-may-fetch",
        ),
        pytest.param(
            bundle(resource("MedicationStatement", "s")), "no Condition among its resources", id="55-another-type"
        ),
        pytest.param(bundle({"fullUrl": "urn:uuid:1"}), "a Bundle without a single resource in its entries", id="56"),
    ],
)
def test_what_is_not_the_list_that_was_asked_for_is_never_taken_for_it(value: object, reason: str) -> None:
    told = issue(post(request("order-sign", record(conditions=value), [MTX])), 412)
    assert told["diagnostics"] == f"Required data could not be had: conditions: {reason}"


def test_49_a_list_in_its_old_wrapper_is_unwrapped() -> None:
    wrapped = {"response": {"status": "200 OK"}, "resource": bundle(FOLATE)}
    response = post(request("order-sign", record(medicationRequests=wrapped), [MTX]))
    assert (fired(response, "MTX-05"), unchecked(response, "MTX-05")) == ([], [])


@pytest.mark.parametrize("hook", HOOKS)
def test_52_another_patient_under_the_patients_key_ends_the_request(hook: str) -> None:
    other = {"resourceType": "Patient", "id": "p2"}
    told = issue(post(request(hook, record(patient=other), [MTX])), 403)
    assert (told["code"], told["expression"]) == ("forbidden", ["prefetch.patient.entry[0]"])


@pytest.mark.parametrize("key", ["medicationRequests", "medicationStatements", "allergies", "immunizations"])
def test_53_one_resource_of_another_patient_among_right_ones_ends_the_request(key: str) -> None:
    kinds = {"allergies": "AllergyIntolerance", "immunizations": "Immunization"}
    kind = kinds.get(key, "MedicationRequest" if key == "medicationRequests" else "MedicationStatement")
    other = {**resource(kind, "x2"), "patient" if key in kinds else "subject": {"reference": "Patient/p2"}}
    response = post(request("order-sign", record(**{key: bundle(resource(kind, "x1"), other)}), [MTX]))
    assert issue(response, 403)["expression"] == [f"prefetch.{key}.entry[1]"]
    assert "p2" not in response.text


# 55: other versions of FHIR

STU3_CONDITION = {**MYOSITIS, "clinicalStatus": "active"}
DSTU2_ORDER = {"resourceType": "MedicationOrder", "id": "o1", "patient": {"reference": f"Patient/{PATIENT}"}}
R5_ORDER = without(MTX, "medicationCodeableConcept") | {"medication": {"concept": METHOTREXATE}}
STU3_ORDER = {**MTX, "requester": {"agent": {"reference": "Practitioner/u1"}}}


@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(("old", "version"), [(DSTU2_ORDER, "DSTU2"), (STU3_ORDER, "STU3"), (R5_ORDER, "R5")])
def test_55_a_draft_of_another_version_is_refused_with_its_name(hook: str, old: Json, version: str) -> None:
    told = issue(post(request(hook, record(), [MTX | {"id": "draft-0"}, old])), 400)
    assert told["diagnostics"] == f"An order of FHIR {version}; this service reads FHIR R4"
    assert (told["code"], told["expression"]) == ("not-supported", ["context.draftOrders.entry[1]"])


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("key", "old", "version"),
    [
        ("conditions", STU3_CONDITION, "STU3"),
        ("conditions", without(MYOSITIS, "subject") | {"patient": {"reference": f"Patient/{PATIENT}"}}, "DSTU2"),
        ("medicationRequests", DSTU2_ORDER, "DSTU2"),
        (
            "medicationRequests",
            {**order(METHOTREXATE), "requester": {"agent": {"reference": "Practitioner/u1"}}},
            "STU3",
        ),
        ("medicationRequests", {**R5_ORDER, "status": "active"}, "R5"),
    ],
)
def test_55_a_required_list_of_another_version_is_refused_with_its_name(
    hook: str, key: str, old: Json, version: str
) -> None:
    told = issue(post(request(hook, record(**{key: bundle(old)}), [MTX])), 412)
    assert told["diagnostics"] == (
        f"Required data could not be had: {key}: of FHIR {version}, and this service reads FHIR R4"
    )
    assert told["expression"] == [f"prefetch.{key}"]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_55_an_optional_list_of_another_version_was_not_had(hook: str) -> None:
    """`taken` of STU3 says that folic acid is not taken: passed over, it would silence the rule."""
    old = resource("MedicationStatement", "s", status="active", taken="n", medicationCodeableConcept=FOLIC_ACID)
    response = post(request(hook, record(old), [MTX]))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert "MTX-05: medication statements" in unchecked(response, "MTX-05")


def test_55_a_client_that_says_that_it_sends_another_version_is_refused_at_once() -> None:
    said = {"com.epic.cdshooks.request.fhir-version": "STU3"}
    told = issue(post(request("patient-view", record(), extension=said)), 400)
    assert told["diagnostics"] == "The client says that it sends FHIR STU3; this service reads FHIR R4"
    assert (told["code"], told["expression"]) == ("not-supported", ["extension"])
    said = {"com.epic.cdshooks.request.fhir-version": "R4"}
    assert post(request("patient-view", record(), extension=said)).status_code == 200


def test_56_an_entry_without_a_resource_is_skipped_and_said() -> None:
    prefetch = record(medicationRequests=bundle({"fullUrl": "urn:uuid:1"}, {"resource": {"id": "x"}}, FOLATE))
    response = post(request("order-sign", prefetch, [MTX]))
    assert fired(response, "MTX-05") == []
    assert unchecked(response, "MTX-09") == [
        "MTX-09: an entry that could not be read (medicationRequests.entry[0]) and 1 more"
    ]


def test_57_a_draft_that_is_on_the_chart_too_counts_once() -> None:
    same = order(METHOTREXATE, "draft-1", weekly(15, "mon"))
    response = post(request("order-sign", record(same, same), [MTX]))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert card_of(response, "MTX-05")["extension"]["org.cds-service.findings"][0]["orders"] == [
        "MedicationRequest/draft-1"
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"status": "draft"},
        {"doNotPerform": True},
    ],
)
def test_58_what_is_not_taken_is_no_therapy(changed: Json) -> None:
    """Neither does such folic acid protect, nor such co-trimoxazole harm."""
    chart = record(FOLATE | changed, order(CO_TRIMOXAZOLE, "c", daily(480), **changed))
    assert fired(post(request("order-sign", chart, [MTX])), "MTX-05", "MTX-09") == ["MTX-05 warning"]


def test_59_an_unknown_extension_that_changes_the_meaning_makes_a_resource_unread_and_said() -> None:
    modified = [{"url": "https://ehr.example.org/not-really", "valueBoolean": True}]
    response = post(request("order-sign", record(FOLATE | {"modifierExtension": modified}), [MTX]))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert unchecked(response, "MTX-05") == ["MTX-05: an entry that could not be read (medicationRequests.entry[0])"]


# E. Doses and codes

WEEKLY = {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]}
NO_DOSE = ["MTX-03: the dose of methotrexate", "MTX-04: the dose of methotrexate"]


def of(quantity: Json) -> Json:
    """This dose once a week on Monday."""
    return {"doseAndRate": [{"doseQuantity": quantity}], "timing": {"repeat": WEEKLY}}


def test_61_methotrexate_ordered_daily_is_an_alarm() -> None:
    assert "MTX-01 critical" in drafted(daily(7.5))


def test_62_a_text_that_says_weekly_does_not_silence_a_structure_that_says_five_times_a_day() -> None:
    said = {**by_mouth(15, frequency=5, period=1, periodUnit="d"), "text": "15 mg once weekly"}
    assert "MTX-01 critical" in drafted(said)


def test_63_a_period_without_its_number_leaves_the_dose_unknown() -> None:
    """60 mg "once every ? weeks", of which the words say daily: nothing is made of it."""
    odd = {**amount(60, "mg"), "timing": {"repeat": {"frequency": 1, "periodUnit": "wk"}}}
    assert "MTX-02 warning" in drafted(odd)
    assert "GC-01: the dose of prednisolone" in drafted(odd, drug=PREDNISOLONE)


def test_64_an_end_before_the_start_is_no_length() -> None:
    """The order is judged as one of unknown length: it is neither over nor forgotten."""
    bounds = {"boundsPeriod": {"start": day(10), "end": day(-10)}}
    odd = order(METHOTREXATE, "m1", by_mouth(15, frequency=1, period=1, periodUnit="wk", **bounds))
    assert fired(post(request("patient-view", record(odd))), "MTX-05") == ["MTX-05 warning"]


def test_65_a_dose_that_is_an_object_for_a_list_is_read() -> None:
    single = {"doseAndRate": {"doseQuantity": {"value": 30, "unit": "mg"}}, "timing": {"repeat": WEEKLY}}
    assert "MTX-03 warning" in drafted(single)  # above 25 mg a week


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 0, "unit": "mg"},
        {"value": -15, "unit": "mg"},
        {"value": 1e9, "unit": "mg"},
        {"value": "7,5", "unit": "mg"},
        {"value": 30},
        {"value": 3, "unit": "tablet"},
        {"value": 30, "system": "$ucum", "code": "{tbl}"},
    ],
)
def test_66_an_amount_that_cannot_be_told_is_not_checked_and_said(quantity: Json) -> None:
    told = drafted(of(quantity), drug={"text": "methotrexate"})
    assert [each for each in told if each.startswith(("MTX-03", "MTX-04"))] == NO_DOSE


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 30000, "unit": "ug", "system": UCUM, "code": "ug"},
        {"value": 30000, "unit": "mcg"},
        {"value": 30000, "unit": "\u00b5g"},
        {"value": 30000, "unit": "\u03bcg"},
        {"value": 0.03, "unit": "g"},
        {"value": 30, "unit": "mg"},
    ],
)
def test_67_thirty_milligrams_are_thirty_in_every_unit(quantity: Json) -> None:
    assert "MTX-03 warning" in drafted(of(quantity))


def test_67_a_dose_by_surface_is_not_converted_without_the_surface() -> None:
    told = drafted(
        {**amount(40, "mg/m2"), "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}},
        drug=PREDNISOLONE,
    )
    assert "GC-01: the dose of prednisolone" in told


SEVEN_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HIGH_END = {"low": {"value": 15, "unit": "mg"}, "high": {"value": 30, "unit": "mg"}}


@pytest.mark.parametrize(
    ("dosage", "expected"),
    [
        pytest.param(
            {"doseAndRate": [{"doseRange": HIGH_END}], "timing": {"repeat": WEEKLY}}, "MTX-03 warning", id="range"
        ),
        pytest.param({**daily(15), "asNeededBoolean": True}, "MTX-01 critical", id="as-needed"),
        pytest.param(
            by_mouth(5, timeOfDay=["08:00", "20:00"], period=1, periodUnit="d"), "MTX-01 critical", id="two-times"
        ),
        pytest.param(
            by_mouth(2.5, dayOfWeek=SEVEN_DAYS, period=1, periodUnit="wk"), "MTX-01 critical", id="every-weekday"
        ),
        pytest.param(
            by_mouth(15, frequency=1, frequencyMax=7, period=1, periodUnit="wk"), "MTX-01 critical", id="at-most"
        ),
        pytest.param(by_mouth(15, frequency=1, period=0, periodUnit="wk"), "MTX-02 warning", id="no-period"),
    ],
)
def test_68_what_leaves_room_counts_by_its_upper_end_or_is_unclear(dosage: Json, expected: str) -> None:
    assert expected in drafted(dosage)


def test_68_a_sequence_counts_by_its_highest_step() -> None:
    assert "MTX-01 critical" in drafted({**weekly(15, "mon"), "sequence": 1}, {**daily(15), "sequence": 2})


@pytest.mark.parametrize(
    "drug",
    [
        pytest.param({"coding": [{"system": RXNORM, "code": "387381009"}]}, id="a-SNOMED-code-as-RxNorm"),
        pytest.param({"coding": [{"code": "105585"}]}, id="no-system"),
        pytest.param({"coding": [{"system": SNOMED, "code": "999999"}]}, id="no-such-code"),
    ],
)
def test_69_a_code_that_means_nothing_is_no_drug_and_said(drug: Json) -> None:
    assert drafted(weekly(15, "mon"), drug=drug) == ["GEN-03: what is ordered (draftOrders.entry[0])"]


def test_69_a_code_and_words_that_disagree_count_as_both_and_are_said() -> None:
    both = coded(RXNORM, "105585", "azathioprine 50 MG Oral Tablet")
    response = post(request("order-sign", record(), [draft(both, "draft-1", weekly(15, "mon"))]))
    assert "GEN-03: what is ordered (draftOrders.entry[0])" in unchecked(response)
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert "AZA-01: body weight" in unchecked(response)


LOOP = {"resourceType": "Medication", "id": "a", "ingredient": [{"itemReference": {"reference": "#a"}}]}


@pytest.mark.parametrize(
    "named",
    [
        referring(MTX, "Medication/gone"),
        referring(MTX, "#gone"),
        {**referring(MTX, "#a"), "contained": [LOOP]},
        referring(MTX, "https://other.example.org/fhir/Medication/m"),
        referring(MTX, f"Patient/{PATIENT}"),
    ],
)
def test_70_a_medication_that_cannot_be_found_is_said(named: Json) -> None:
    response = post(request("order-sign", record(), [named]))
    assert (fired(response), unchecked(response)) == ([], ["GEN-03: what is ordered (draftOrders.entry[0])"])


@pytest.mark.parametrize("when", ["2025", "2025-02-30", "9999-12-31", "2026-03-04T10:00", "${DATE}"])
def test_71_a_date_that_is_none_takes_nothing_from_the_alarm(when: str) -> None:
    told = drafted(daily(7.5), authoredOn=when)
    assert "MTX-01 critical" in told


def weight(**value: object) -> Json:
    body_weight = coded("http://loinc.org", "29463-7", "Body weight")
    return resource(
        "Observation", "w", **{"status": "final", "code": body_weight, "effectiveDateTime": day(-5), **value}
    )


KG = {"value": 70, "unit": "kg", "system": UCUM, "code": "kg"}
AZATHIOPRINE = coded(RXNORM, "197388", "azathioprine 50 MG Oral Tablet")


@pytest.mark.parametrize(
    ("observation", "known"),
    [
        (weight(valueQuantity=KG), True),
        (weight(valueString="<70"), False),
        (weight(valueString=">1000"), False),
        (weight(valueQuantity={**KG, "comparator": "<"}), False),
        (weight(valueQuantity={"value": 70, "unit": "mg"}), False),
        (weight(dataAbsentReason={"text": "unknown"}), False),
        (weight(valueQuantity=KG, effectiveDateTime=day(5)), False),
    ],
)
def test_72_a_value_that_is_no_plain_number_of_the_past_is_none(observation: Json, known: bool) -> None:
    """Without a weight the dose of azathioprine by weight cannot be checked."""
    response = post(request("order-sign", record(observation), [draft(AZATHIOPRINE, "draft-1", daily(100))]))
    assert ("AZA-01: body weight" not in unchecked(response)) is known


def test_73_two_thousand_orders_and_fifty_thousand_observations_are_judged() -> None:
    orders = [order({"text": "digoxin 0.125 mg tablet"}, f"m{number}", daily(1)) for number in range(2000)]
    values = [resource("Observation", f"o{number}", status="final") for number in range(50_000)]
    response = post(request("order-sign", record(*orders, *values), [MTX]))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]


def test_74_words_of_the_record_never_become_markup() -> None:
    nasty = "methotrexate <img src=x onerror=alert(1)> [x](javascript:alert(1)) |a| `b`\n## heading " + "x" * 5000
    response = post(request("order-sign", record(), [draft({"text": nasty}, "draft-1", weekly(15))]))
    card = card_of(response, "MTX-05")
    labels = [suggestion["label"] for suggestion in card["suggestions"]]
    assert labels
    for text in (card["summary"], *labels):
        assert len(text) < 140
        assert "\n" not in text
    for mark in ("<img", "[x](", "\n## ", "x" * 200):
        assert mark not in card["detail"]


def test_75_without_a_date_of_birth_what_depends_on_age_is_said() -> None:
    nobody = {"resourceType": "Patient", "id": PATIENT, "gender": "female"}
    response = post(request("order-sign", record(FOLATE, patient=nobody), [MTX]))
    assert unchecked(response) == ["MTX-03: date of birth", "MTX-04: date of birth"]


@pytest.mark.parametrize("sex", [{}, {"gender": "unknown"}, {"gender": "other"}, {"gender": ""}])
def test_75_without_a_sex_what_depends_on_it_is_said(sex: Json) -> None:
    somebody = {"resourceType": "Patient", "id": PATIENT, "birthDate": "1990-03-14", **sex}
    response = post(request("order-sign", record(patient=somebody), [draft(MYCOPHENOLATE, "draft-1", daily(1000))]))
    assert fired(response, "PREG-02") == []
    assert unchecked(response, "PREG-02") == ["PREG-02: sex"]


def test_75_a_deceased_patient_is_judged_like_any_other() -> None:
    """The clinical material knows no rule that a death would change; it must not make a card disappear."""
    late = {
        "resourceType": "Patient",
        "id": PATIENT,
        "birthDate": "1968-03-14",
        "gender": "female",
        "deceasedBoolean": True,
    }
    response = post(request("order-sign", record(patient=late), [MTX]))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert findings(response)
