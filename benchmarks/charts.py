"""Requests to measure with: order-sign for invented patients, the same bytes at every run, about 1 kB a resource."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec

from .codes import (
    ALLERGIES,
    ALLOPURINOL,
    AZATHIOPRINE,
    CONCERNED,
    CONDITIONS,
    IMMUNOSUPPRESSANTS,
    METHOTREXATE,
    MYCOPHENOLATE,
    ORAL,
    OTHER_DRUGS,
    PROCEDURES,
    TESTS,
    UCUM,
    VACCINES,
    Code,
    Drug,
)

AS_OF = dt.date(2026, 6, 15)
"""The day on which the patients are treated; the service is told that it is today."""

Kind = Literal["mixed", "orders", "basket"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a chart is made of.

`mixed`: all types, mostly observations, four orders in five of everyday drugs; two drafts, two findings.
The first ten orders are active, of the others one in four, so that a long record is mostly history.
`orders`: nothing but orders, and every one concerns a rule. `basket`: `mixed` with a third draft and finding.
"""

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json]"
Resource: TypeAlias = "Mapping[str, Json]"

_PREFETCH = {
    "Condition": "conditions",
    "MedicationRequest": "medicationRequests",
    "MedicationStatement": "medicationStatements",
    "MedicationAdministration": "medicationAdministrations",
    "Observation": "observations",
    "AllergyIntolerance": "allergies",
    "Procedure": "procedures",
    "Immunization": "immunizations",
}
# So many of each type among twenty, mixed so that ten hold some of nearly all.
_MIX = (
    "MedicationRequest Observation Condition Observation MedicationRequest Observation MedicationStatement "
    "Observation AllergyIntolerance MedicationAdministration Observation Condition MedicationRequest Observation "
    "Immunization Observation MedicationRequest Procedure Observation MedicationRequest"
).split()
_BASE = "https://ehr.example.org/fhir/r4"
_PROFILE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


class Case(NamedTuple):
    """One row of the table: a kind of chart with so many resources beside the patient and the encounter."""

    kind: Kind
    size: int

    def __str__(self) -> str:
        return f"{self.kind} {self.size:,}"


def write_requests(case: Case, count: int) -> tuple[bytes, ...]:
    """The bodies of `count` requests, each for another patient, so that no answer can be had from memory."""
    return tuple(_Patient(case, number).request() for number in range(count))


class _Patient:
    """One invented patient, drawn from a seed."""

    def __init__(self, case: Case, number: int) -> None:
        self._case = case
        self._draw = random.Random(f"{case.kind}/{case.size}/{number}")
        self._id = f"bench-{number}"
        self._encounter = f"visit-{number}"
        self._orders = 0

    def request(self) -> bytes:
        types = ["MedicationRequest"] if self._case.kind == "orders" else _MIX
        listed: dict[str, list[Resource]] = {key: [] for key in _PREFETCH.values()}
        for number in range(self._case.size):
            kind = types[number % len(types)]
            listed[_PREFETCH[kind]].append(self._resource(kind, number))
        prefetch: dict[str, Json] = {key: self._searchset(found) for key, found in listed.items()}
        prefetch |= {"patient": self._patient(), "encounter": self._visit()}
        return msgspec.json.encode(
            {
                "hook": "order-sign",
                "hookInstance": self._uuid(),
                "context": {
                    "userId": "Practitioner/prescriber-1",
                    "patientId": self._id,
                    "encounterId": self._encounter,
                    "draftOrders": {
                        "resourceType": "Bundle",
                        "type": "collection",
                        "entry": [{"resource": draft} for draft in self._drafts()],
                    },
                },
                "prefetch": prefetch,
            }
        )

    def _resource(self, kind: str, number: int) -> Resource:
        writers = {
            "Condition": self._condition,
            "MedicationRequest": self._order,
            "MedicationStatement": self._statement,
            "MedicationAdministration": self._administration,
            "Observation": self._observation,
            "AllergyIntolerance": self._allergy,
            "Procedure": self._procedure,
            "Immunization": self._immunization,
        }
        common: dict[str, Json] = {
            "resourceType": kind,
            "id": f"{kind.lower()}-{number}",
            "meta": {
                "versionId": "1",
                "lastUpdated": f"{self._day(400)}T08:15:30.000+02:00",
                "profile": [_PROFILE + kind.lower()],
            },
        }
        return common | writers[kind]()

    def _condition(self) -> dict[str, Json]:
        onset = self._day(2000)
        return {
            "clinicalStatus": _status("condition-clinical", self._draw.choice(("active", "active", "resolved"))),
            "verificationStatus": _status("condition-ver-status", "confirmed"),
            "category": [_status("condition-category", "problem-list-item")],
            "code": _concept(self._draw.choice(CONDITIONS)),
            "subject": self._subject(),
            "encounter": self._visited(),
            "onsetDateTime": onset,
            "recordedDate": onset,
            "recorder": _practitioner(),
        }

    def _order(self) -> dict[str, Json]:
        number = self._orders
        self._orders += 1
        status = "active"
        if self._case.kind == "orders":
            drug = IMMUNOSUPPRESSANTS[number % len(IMMUNOSUPPRESSANTS)]
        else:
            few, place = divmod(number, 5)
            if number == 0:
                drug = ALLOPURINOL
            else:
                drug = self._draw.choice(OTHER_DRUGS) if place else CONCERNED[few % len(CONCERNED)]
            if number >= 10:
                status = self._draw.choice(("active", "completed", "completed", "stopped"))
        return self._prescription(drug, authored=self._day(300), status=status, weekly=drug is METHOTREXATE)

    def _statement(self) -> dict[str, Json]:
        drug = self._draw.choice(OTHER_DRUGS)
        started = self._day(500)
        return {
            "status": "active",
            "medicationCodeableConcept": _concept(drug.code),
            "subject": self._subject(),
            "effectivePeriod": {"start": started},
            "dateAsserted": started,
            "informationSource": self._subject(),
            "dosage": [_dosage(drug, weekly=False)],
        }

    def _administration(self) -> dict[str, Json]:
        drug = self._draw.choice(OTHER_DRUGS)
        return {
            "status": "completed",
            "medicationCodeableConcept": _concept(drug.code),
            "subject": self._subject(),
            "context": self._visited(),
            "effectiveDateTime": f"{self._day(100)}T09:00:00+02:00",
            "performer": [{"actor": _practitioner()}],
            "dosage": {"text": f"{drug.dose} {drug.unit} given", "route": _concept(ORAL), "dose": _quantity(drug)},
        }

    def _observation(self) -> dict[str, Json]:
        test = self._draw.choice(TESTS)
        taken = f"{self._day(1000)}T07:45:00+02:00"
        value = round(self._draw.uniform(test.low, test.high), 1)
        unit: dict[str, Json] = {"unit": test.unit, "system": UCUM, "code": test.unit}
        low: dict[str, Json] = {"value": test.low} | unit
        high: dict[str, Json] = {"value": test.high} | unit
        return {
            "status": "final",
            "category": [_status("observation-category", test.category)],
            "code": _concept(test.code),
            "subject": self._subject(),
            "encounter": self._visited(),
            "effectiveDateTime": taken,
            "issued": taken,
            "performer": [{"reference": "Organization/laboratory-1", "display": "Central laboratory"}],
            "valueQuantity": {"value": value} | unit,
            "interpretation": [_status("v3-ObservationInterpretation", "N")],
            "referenceRange": [{"low": low, "high": high}],
        }

    def _allergy(self) -> dict[str, Json]:
        recorded = self._day(3000)
        return {
            "clinicalStatus": _status("allergyintolerance-clinical", "active"),
            "verificationStatus": _status("allergyintolerance-verification", "confirmed"),
            "type": "allergy",
            "category": ["medication"],
            "criticality": "high",
            "code": _concept(self._draw.choice(ALLERGIES)),
            "patient": self._subject(),
            "onsetDateTime": recorded,
            "recordedDate": recorded,
            "recorder": _practitioner(),
        }

    def _procedure(self) -> dict[str, Json]:
        return {
            "status": "completed",
            "code": _concept(self._draw.choice(PROCEDURES)),
            "subject": self._subject(),
            "encounter": self._visited(),
            "performedDateTime": self._day(2000),
            "performer": [{"actor": _practitioner()}],
        }

    def _immunization(self) -> dict[str, Json]:
        return {
            "status": "completed",
            "vaccineCode": _concept(self._draw.choice(VACCINES)),
            "patient": self._subject(),
            "encounter": self._visited(),
            "occurrenceDateTime": self._day(2000),
            "primarySource": True,
            "lotNumber": f"LOT{self._draw.randrange(10_000):04}",
            "performer": [{"actor": _practitioner()}],
        }

    def _drafts(self) -> list[Resource]:
        """Methotrexate without folic acid, azathioprine beside allopurinol; then a second antimetabolite."""
        drugs = [METHOTREXATE, AZATHIOPRINE] + ([MYCOPHENOLATE] if self._case.kind == "basket" else [])
        today = AS_OF.isoformat()
        return [
            {"resourceType": "MedicationRequest", "id": f"draft-{number}"}
            | self._prescription(drug, authored=today, status="draft", weekly=drug is METHOTREXATE)
            for number, drug in enumerate(drugs, 1)
        ]

    def _prescription(self, drug: Drug, *, authored: str, status: str, weekly: bool) -> dict[str, Json]:
        return {
            "status": status,
            "intent": "order",
            "category": [_status("medicationrequest-category", "outpatient")],
            "medicationCodeableConcept": _concept(drug.code),
            "subject": self._subject(),
            "encounter": self._visited(),
            "authoredOn": authored,
            "requester": _practitioner(),
            "dosageInstruction": [_dosage(drug, weekly=weekly)],
            "dispenseRequest": {"validityPeriod": {"start": authored}, "numberOfRepeatsAllowed": 3},
        }

    def _patient(self) -> Resource:
        return {
            "resourceType": "Patient",
            "id": self._id,
            "active": True,
            "name": [{"use": "official", "family": "Benchmark", "given": ["Invented"]}],
            "gender": "female",
            "birthDate": "1958-03-09",
        }

    def _visit(self) -> Resource:
        return {
            "resourceType": "Encounter",
            "id": self._encounter,
            "status": "in-progress",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": self._subject(),
            "period": {"start": f"{AS_OF}T08:00:00+02:00"},
        }

    def _searchset(self, resources: Sequence[Resource]) -> Resource:
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(resources),
            "link": [{"relation": "self", "url": _BASE}],
            "entry": [
                {
                    "fullUrl": f"{_BASE}/{resource['resourceType']}/{resource['id']}",
                    "resource": resource,
                    "search": {"mode": "match"},
                }
                for resource in resources
            ],
        }

    def _subject(self) -> Resource:
        return {"reference": f"Patient/{self._id}", "display": "Invented Benchmark"}

    def _visited(self) -> Resource:
        return {"reference": f"Encounter/{self._encounter}"}

    def _day(self, at_most_ago: int) -> str:
        return (AS_OF - dt.timedelta(days=self._draw.randrange(1, at_most_ago))).isoformat()

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._draw.getrandbits(128), version=4))


def _concept(code: Code) -> Resource:
    return {"coding": [{"system": code.system, "code": code.code, "display": code.display}], "text": code.display}


def _status(table: str, code: str) -> Resource:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{table}", "code": code}]}


def _practitioner() -> Resource:
    return {"reference": "Practitioner/prescriber-1", "display": "A. Prescriber"}


def _quantity(drug: Drug) -> Resource:
    return {"value": drug.dose, "unit": drug.unit, "system": UCUM, "code": drug.unit}


def _dosage(drug: Drug, *, weekly: bool) -> Resource:
    repeat: dict[str, Json] = {"frequency": 1, "period": 1, "periodUnit": "d"}
    if weekly:
        repeat |= {"periodUnit": "wk", "dayOfWeek": ["mon"]}
    return {
        "sequence": 1,
        "text": f"{drug.dose} {drug.unit} once a {'week, on Monday' if weekly else 'day'}",
        "timing": {"repeat": repeat},
        "asNeededBoolean": False,
        "route": _concept(ORAL),
        "doseAndRate": [{"type": _status("dose-rate-type", "ordered"), "doseQuantity": _quantity(drug)}],
    }
