"""A small EHR for tests: patients and orders in FHIR R4, calls of the three services, answers read back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.mapping.reads import READS
from cds_service.settings import Settings

Json = dict[str, Any]

AS_OF = dt.date(2026, 3, 4)
"""A Wednesday."""
PATIENT = "p1"
SERVER = "https://ehr.example.org/fhir"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
NDC = "http://hl7.org/fhir/sid/ndc"
UCUM = "http://unitsofmeasure.org"
HOOKS = ("patient-view", "order-select", "order-sign")
ORDER_HOOKS = HOOKS[1:]


@cache
def client() -> FlaskClient:
    """The service as it is shipped, on the day `AS_OF`."""
    return create_app(Settings(as_of=AS_OF, log_level="error")).test_client()


def day(offset: int = 0) -> str:
    """The date so many days after `AS_OF`."""
    return (AS_OF + dt.timedelta(days=offset)).isoformat()


# Medications


def coded(system: str, code: str, display: str = "") -> Json:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


METHOTREXATE = coded(RXNORM, "105585", "methotrexate 2.5 MG Oral Tablet")
FOLIC_ACID = coded(RXNORM, "4511", "folic acid")
CO_TRIMOXAZOLE = coded(RXNORM, "198334", "sulfamethoxazole 400 MG / trimethoprim 80 MG Oral Tablet")
AZATHIOPRINE = coded(RXNORM, "197388", "azathioprine 50 MG Oral Tablet")
ALLOPURINOL = coded(RXNORM, "197319", "allopurinol 100 MG Oral Tablet")
RITUXIMAB = coded(RXNORM, "121191", "rituximab")
IVIG = coded(ATC, "J06BA02")
DIGOXIN = {"text": "digoxin 0.125 mg tablet"}
"""A drug that no rule speaks of."""
UNKNOWN_CODE = coded("urn:oid:1.2.3.4", "4711")


def amount(value: float, unit: str) -> Json:
    """So much at a time."""
    return {"doseAndRate": [{"doseQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}]}


def by_mouth(value: float, **repeat: object) -> Json:
    """So many mg by mouth; `repeat` are the members of Timing.repeat."""
    return {**amount(value, "mg"), "timing": {"repeat": repeat}, "route": coded(SNOMED, "26643006")}


def weekly(value: float = 15, *days: str) -> Json:
    """So many mg by mouth once weekly, on these weekdays."""
    return by_mouth(value, frequency=1, period=1, periodUnit="wk", **({"dayOfWeek": list(days)} if days else {}))


def daily(value: float, *, since: int | None = None, until: int | None = None) -> Json:
    """So many mg by mouth once daily, from one day (relative to `AS_OF`) to another."""
    bounds = {key: day(at) for key, at in (("start", since), ("end", until)) if at is not None}
    return by_mouth(value, frequency=1, period=1, periodUnit="d", **({"boundsPeriod": bounds} if bounds else {}))


def infused(value: float, unit: str, *days: int) -> Json:
    """A dose given on these days."""
    return {**amount(value, unit), "timing": {"event": [day(at) for at in days]}}


def resource(kind: str, id: str, /, **elements: object) -> Json:
    """A resource of our patient."""
    subject = "patient" if kind in ("AllergyIntolerance", "Immunization") else "subject"
    return {"resourceType": kind, "id": id, subject: {"reference": f"Patient/{PATIENT}"}, **elements}


def order(drug: Json, id: str = "m1", *dosage: Json, **elements: object) -> Json:
    """An active order on the chart."""
    return resource(
        "MedicationRequest",
        id,
        **{
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": drug,
            "authoredOn": day(-90),
            "dosageInstruction": list(dosage),
            **elements,
        },
    )


def draft(drug: Json, id: str = "draft-1", *dosage: Json, **elements: object) -> Json:
    """An order that is being written today."""
    return order(drug, id, *dosage, **{"status": "draft", "authoredOn": day(), **elements})


def statement(drug: Json, id: str = "s1", *dosage: Json, **elements: object) -> Json:
    """Something that the patient says to take."""
    return resource(
        "MedicationStatement",
        id,
        **{"status": "active", "medicationCodeableConcept": drug, "dosage": list(dosage), **elements},
    )


def given(drug: Json, at: int, id: str = "a1", **elements: object) -> Json:
    """An administration on a day."""
    return resource(
        "MedicationAdministration",
        id,
        **{
            "status": "completed",
            "medicationCodeableConcept": drug,
            "effectiveDateTime": f"{day(at)}T09:00:00+01:00",
            **elements,
        },
    )


def referring(medicated: Json, reference: str, **more: object) -> Json:
    """The same order with a reference in place of its concept."""
    rest = {key: value for key, value in medicated.items() if key != "medicationCodeableConcept"}
    return rest | {"medicationReference": {"reference": reference, **more}}


def medication(id: str, code: Json | None = None, *ingredients: Json) -> Json:
    """A Medication."""
    contents = [{"itemCodeableConcept": item} for item in ingredients]
    return {
        "resourceType": "Medication",
        "id": id,
        **({"code": code} if code is not None else {}),
        **({"ingredient": contents} if contents else {}),
    }


MYOSITIS = resource(
    "Condition",
    "dermatomyositis",
    code=coded("http://hl7.org/fhir/sid/icd-10", "M33.1"),
    clinicalStatus=coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
)


def measured(loinc: str, value: float, unit: str, at: int = -14) -> Json:
    """A result on a day."""
    return resource(
        "Observation",
        f"o{loinc}",
        status="final",
        code=coded("http://loinc.org", loinc),
        effectiveDateTime=day(at),
        valueQuantity={"value": value, "unit": unit, "system": UCUM, "code": unit},
    )


HEALTHY = (measured("98979-8", 90, "mL/min/{1.73_m2}"), measured("1742-6", 30, "U/L"))
"""Kidneys and liver, which methotrexate is asked about with every order."""

# Requests

_KEY_OF = {read.resource_type: read.key for read in READS}


def bundle(*resources: Json, **more: object) -> Json:
    """A Bundle with these resources; one given as an entry (without a type of its own) is kept as it is."""
    entries = [each if "resourceType" not in each else {"resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


def record(*resources: Json, **values: object) -> Json:
    """A whole prefetch: every key there, the resources under the keys of their types, Medications with the orders.

    `values` replace what stands under a key. A record that tells of no condition has myositis, one without any result
    healthy kidneys and a healthy liver.
    """
    held: dict[str, list[Json]] = {read.key: [] for read in READS}
    for each in resources:
        kind = each.get("resource", each)["resourceType"]
        held["medicationRequests" if kind == "Medication" else _KEY_OF[kind]].append(each)
    patient = {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1968-03-14"}
    lists = {key: bundle(*found) for key, found in held.items() if key not in ("patient", "encounter")}
    if not held["conditions"]:
        lists["conditions"] = bundle(MYOSITIS)
    if not held["observations"]:
        lists["observations"] = bundle(*HEALTHY)
    return {"patient": patient, "encounter": None, **lists, **values}


def without(prefetch: Json, *keys: str) -> Json:
    """The prefetch without these keys."""
    return {key: value for key, value in prefetch.items() if key not in keys}


def request(
    hook: str,
    prefetch: Mapping[str, object] | None = None,
    drafts: Iterable[Json] = (),
    *,
    selections: Iterable[str] | None = None,
    context: Mapping[str, object] | None = None,
    **members: object,
) -> Json:
    """A hook request; at order-select every draft is selected unless `selections` are given."""
    told: Json = {"userId": "Practitioner/u1", "patientId": PATIENT}
    if hook != "patient-view":
        drafts = list(drafts)
        told["draftOrders"] = bundle(*drafts)
        if hook == "order-select":
            resources = [each.get("resource", each) for each in drafts]
            picked = [f"{each['resourceType']}/{each['id']}" for each in resources if "id" in each]
            told["selections"] = picked if selections is None else list(selections)
    return {
        "hook": hook,
        "hookInstance": "7d6f2c1e-3c5f-4b8e-9d0a-2f6f6b1f0a11",
        "context": {**told, **(context or {})},
        "prefetch": record() if prefetch is None else dict(prefetch),
        **members,
    }


def post(body: Json | bytes, hook: str = "") -> TestResponse:
    """The answer of the service of a hook, by default that of the request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    service = hook or (body["hook"] if isinstance(body, dict) else "")
    return client().post(f"/cds-services/myositis-{service}", data=raw, content_type="application/json")


def cards(response: TestResponse) -> list[Json]:
    """The cards of an answer that must be a 200."""
    assert response.status_code == 200, response.data
    found: list[Json] = json.loads(response.data)["cards"]
    return found


def findings(response: TestResponse) -> list[Json]:
    """All findings of an answer."""
    return [finding for card in cards(response) for finding in card["extension"]["org.cds-service.findings"]]


def fired(response: TestResponse, *rules: str) -> list[str]:
    """What fires, as "RULE severity", of these rules alone where some are named."""
    return sorted(
        f"{finding['rule']} {finding['severity']}"
        for finding in findings(response)
        if finding["outcome"] == "fires" and (not rules or finding["rule"] in rules)
    )


def unchecked(response: TestResponse, *rules: str) -> list[str]:
    """What was not checked, as "RULE: what was missing", of these rules alone where some are named."""
    return [
        f"{check['rule']}: {check['missing']}"
        for finding in findings(response)
        for check in finding.get("notChecked", ())
        if not rules or check["rule"] in rules
    ]


def card_of(response: TestResponse, rule: str) -> Json:
    """The one card of a rule."""
    (card,) = (card for card in cards(response) if card["source"]["topic"]["code"] == rule)
    return card


def issue(response: TestResponse, status: int) -> Json:
    """The issue of an answer that must be an OperationOutcome of this status."""
    assert response.status_code == status, response.data
    outcome = json.loads(response.data)
    assert outcome["resourceType"] == "OperationOutcome"
    (first,) = outcome["issue"]
    found: Json = first
    return found
