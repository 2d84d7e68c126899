"""One click that works: an accepted suggestion clears its card and raises none, on every shipped patient and on thousands
that are made up."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.advice import Adviser
from cds_service.app import create_adviser
from cds_service.cli.closure import violations
from cds_service.cli.fixtures import Fixture, load_fixtures
from cds_service.clinical.findings import Hook
from cds_service.hooks.request import read_request
from cds_service.settings import Settings

from .ehr import (
    ALLOPURINOL,
    AS_OF,
    ATC,
    AZATHIOPRINE,
    CO_TRIMOXAZOLE,
    FOLIC_ACID,
    HOOKS,
    IVIG,
    METHOTREXATE,
    MYOSITIS,
    RITUXIMAB,
    RXNORM,
    UCUM,
    Json,
    amount,
    by_mouth,
    coded,
    daily,
    day,
    draft,
    infused,
    measured,
    order,
    record,
    request,
    resource,
    weekly,
)


@cache
def adviser() -> Adviser:
    return create_adviser(Settings(as_of=AS_OF, log_level="error"))


def call(hook: Hook, body: bytes) -> bytes:
    return adviser().advise(read_request(body, service_hook=hook))


@pytest.mark.parametrize("fixture", load_fixtures(AS_OF), ids=lambda fixture: fixture.name)
def test_every_suggestion_for_a_shipped_patient_keeps_its_promise(fixture: Fixture) -> None:
    assert list(violations(call, fixture.request)) == []


def test_the_loop_of_the_field_is_closed() -> None:
    """A weekly dose that is accepted must not come back as a daily one, nor without its folic acid."""
    body = request("order-sign", record(), [draft(METHOTREXATE, "draft-1", daily(10))])
    assert list(violations(call, json.dumps(body).encode())) == []


# Patients that are made up

PREDNISOLONE = coded(RXNORM, "8638", "prednisolone")
MYCOPHENOLATE = coded(RXNORM, "68149", "mycophenolate mofetil")
TACROLIMUS = coded(RXNORM, "42316", "tacrolimus")
CYCLOPHOSPHAMIDE = coded(ATC, "L01AA01", "cyclophosphamide")
METHYLPREDNISOLONE = coded(ATC, "H02AB04", "methylprednisolone")
DEXAMETHASONE = coded(ATC, "H02AB02", "dexamethasone")
CLARITHROMYCIN = coded(ATC, "J01FA09", "clarithromycin")

tens = st.sampled_from([2.5, 5, 7.5, 10, 12.5, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 300, 500, 1000])


def drug_and_dose() -> st.SearchStrategy[tuple[Json, Json]]:
    """A drug of the table, or one that meets it, with a dosage that somebody might write."""
    oral = st.sampled_from(
        [
            METHOTREXATE,
            AZATHIOPRINE,
            ALLOPURINOL,
            CO_TRIMOXAZOLE,
            FOLIC_ACID,
            PREDNISOLONE,
            MYCOPHENOLATE,
            TACROLIMUS,
            DEXAMETHASONE,
            CLARITHROMYCIN,
        ]
    )
    often = st.sampled_from(
        [
            {"frequency": 1, "period": 1, "periodUnit": "d"},
            {"frequency": 2, "period": 1, "periodUnit": "d"},
            {"frequency": 1, "period": 1, "periodUnit": "wk"},
            {"frequency": 2, "period": 1, "periodUnit": "wk"},
            {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]},
            {"frequency": 1, "period": 1, "periodUnit": "d", "boundsDuration": duration(4)},
            {"frequency": 1, "period": 1, "periodUnit": "d", "boundsDuration": duration(28)},
        ]
    )
    tablets = st.builds(lambda drug, value, repeat: (drug, by_mouth(value, **repeat)), oral, tens, often)
    drips = st.builds(
        lambda drug, value, unit, first, gap, times: (
            drug,
            infused(value, unit, *(first + gap * number for number in range(times))),
        ),
        st.sampled_from([RITUXIMAB, IVIG, CYCLOPHOSPHAMIDE, METHYLPREDNISOLONE]),
        st.sampled_from([0.5, 1, 1.5, 20, 28, 35, 70]),
        st.sampled_from(["g"]),
        st.integers(0, 10),
        st.sampled_from([1, 14]),
        st.integers(1, 6),
    )
    untold = st.builds(lambda drug: (drug, {"text": "as discussed"}), oral)
    return st.one_of(tablets, tablets, drips, untold)


def duration(days: int) -> Json:
    return {"value": days, "unit": "d", "system": UCUM, "code": "d"}


conditions = st.lists(
    st.sampled_from(
        [
            resource("Condition", "ild", code=coded("http://hl7.org/fhir/sid/icd-10", "J84.1")),
            resource("Condition", "pregnant", code=coded("http://hl7.org/fhir/sid/icd-10", "Z33")),
            resource("Condition", "osteoporosis", code=coded("http://hl7.org/fhir/sid/icd-10", "M81.9")),
            resource("Condition", "dvt", code=coded("http://hl7.org/fhir/sid/icd-10", "I80.2")),
        ]
    ),
    max_size=2,
    unique_by=lambda each: str(each["id"]),
)


weights = st.one_of(
    st.just(()),
    st.builds(lambda kg, ago: (measured("29463-7", kg, "kg", -ago),), st.integers(45, 120), st.integers(0, 400)),
)
rates = st.one_of(
    st.just(()), st.builds(lambda rate: (measured("98979-8", rate, "mL/min/{1.73_m2}", -20),), st.integers(15, 110))
)


@st.composite
def requests(draw: st.DrawFn) -> Json:
    """A patient with up to four medicines and a basket of up to three orders, at any hook."""
    hook = draw(st.sampled_from(HOOKS))
    held = draw(st.lists(drug_and_dose(), max_size=4))
    chart = [
        order(drug, f"m{n}", dosage, authoredOn=day(-draw(st.integers(1, 400))))
        for n, (drug, dosage) in enumerate(held)
    ]
    wanted = draw(st.lists(drug_and_dose(), min_size=0 if hook == "patient-view" else 1, max_size=3))
    drafts = [draft(drug, f"draft-{n}", dosage) for n, (drug, dosage) in enumerate(wanted)]
    facts = [MYOSITIS, *draw(conditions), *draw(weights), *draw(rates)]
    born = draw(st.sampled_from(["1950-01-01", "1968-03-14", "1992-06-01", "2012-01-01"]))
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "gender": draw(st.sampled_from(["female", "male"])),
        "birthDate": born,
    }
    return request(hook, record(*chart, *facts, patient=patient), drafts if hook != "patient-view" else ())


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(requests())
def test_every_suggestion_for_a_patient_that_is_made_up_keeps_its_promise(body: Json) -> None:
    assert list(violations(call, json.dumps(body).encode())) == []


def test_a_promise_that_is_not_kept_is_seen() -> None:
    """A service that offers to cancel another order than the one that it speaks of."""
    answer = {
        "cards": [
            {
                "summary": "s",
                "indicator": "warning",
                "suggestions": [
                    {"label": "Cancel", "actions": [{"type": "delete", "resourceId": "MedicationRequest/other"}]}
                ],
                "extension": {
                    "org.cds-service.findings": [
                        {
                            "rule": "A",
                            "severity": "warning",
                            "outcome": "fires",
                            "orders": ["MedicationRequest/draft-1"],
                        }
                    ]
                },
            }
        ]
    }
    body = request("order-sign", record(), [draft(METHOTREXATE, "draft-1", amount(10, "mg"))])
    assert list(violations(lambda hook, given: json.dumps(answer).encode(), json.dumps(body).encode())) == [
        "A, 'Cancel': A warning is still there at order-sign",
        "A asks again after 2 rounds",
    ]


def test_weekly_orders_with_a_day_are_at_rest_at_once() -> None:
    body = request(
        "order-sign",
        record(order(FOLIC_ACID, "f", weekly(10, "tue"))),
        [draft(METHOTREXATE, "draft-1", weekly(15, "mon"))],
    )
    assert list(violations(call, json.dumps(body).encode())) == []
