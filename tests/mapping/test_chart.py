"""The chart that the resources of a request make together."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal

import pytest

from cds_service.clinical.chart import Chart, Condition
from cds_service.clinical.findings import Hook
from cds_service.mapping.bundle import ABSENT, Listing, read_listing
from cds_service.mapping.chart import ChartReader
from cds_service.mapping.gather import Gathered
from cds_service.mapping.medication import Medications
from cds_service.mapping.patient import Ownership
from cds_service.mapping.reads import READS
from cds_service.mapping.terminology import Terminology

from ..ehr import (
    AS_OF,
    CO_TRIMOXAZOLE,
    DIGOXIN,
    FOLIC_ACID,
    METHOTREXATE,
    PATIENT,
    RXNORM,
    SNOMED,
    UNKNOWN_CODE,
    Json,
    bundle,
    coded,
    day,
    draft,
    given,
    medication,
    order,
    record,
    referring,
    resource,
    statement,
    weekly,
)

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
DERMATOMYOSITIS = coded("http://hl7.org/fhir/sid/icd-10", "M33.1")


NOTHING_REPLACED: Mapping[str, object] = {}


class Charts:
    """Makes charts out of prefetch values and drafts."""

    def __init__(self, terminology: Terminology) -> None:
        self._terms = terminology

    def __call__(
        self,
        *resources: Json,
        drafts: tuple[Json, ...] = (),
        hook: Hook = "order-sign",
        selections: tuple[str, ...] = (),
        not_offered: frozenset[str] = frozenset(),
        values: Mapping[str, object] = NOTHING_REPLACED,
    ) -> Chart:
        prefetch = record(*resources, **values)
        listings: dict[str, Listing] = {
            read.key: read_listing(json.dumps(prefetch[read.key]).encode()) if prefetch[read.key] is not ... else ABSENT
            for read in READS
        }
        gathered = Gathered(Ownership(PATIENT), Medications(self._terms))
        gathered.add_listings(listings)
        gathered.add_drafts(json.dumps(bundle(*drafts)).encode())
        return ChartReader(self._terms, gathered, AS_OF).read(
            hook, f"Patient/{PATIENT}", listings, selections, not_offered=not_offered
        )


@pytest.fixture
def chart_of(terminology: Terminology) -> Charts:
    return Charts(terminology)


# The patient


def patient(**elements: object) -> Json:
    return {"resourceType": "Patient", "id": PATIENT, **elements}


def test_the_patient_is_known_by_birth_and_sex(chart_of: Charts) -> None:
    found = chart_of(values={"patient": patient(gender="female", birthDate="1968-03-14")}).patient
    assert (found.reference, found.birth_date, found.sex, found.deceased) == (
        "Patient/p1",
        dt.date(1968, 3, 14),
        "female",
        False,
    )
    assert found.age(AS_OF) == 57  # 58 in ten days


@pytest.mark.parametrize("value", [{}, {"birthDate": "1968"}, {"birthDate": "1968-03"}, {"birthDate": "1968-02-30"}])
def test_a_birth_date_that_is_no_whole_day_is_unknown(chart_of: Charts, value: Json) -> None:
    found = chart_of(values={"patient": patient(**value)}).patient
    assert (found.birth_date, found.sex, found.age(AS_OF)) == (None, "", None)


@pytest.mark.parametrize("value", [{"deceasedBoolean": True}, {"deceasedDateTime": "2025-01-01"}])
def test_a_death_is_known(chart_of: Charts, value: Json) -> None:
    assert chart_of(values={"patient": patient(**value)}).patient.deceased


def test_without_a_patient_resource_nothing_is_assumed(chart_of: Charts) -> None:
    found = chart_of(values={"patient": None}).patient
    assert (found.reference, found.birth_date, found.sex, found.deceased) == ("Patient/p1", None, "", False)


# Conditions


def condition(**elements: object) -> Json:
    return resource("Condition", "c1", **{"code": DERMATOMYOSITIS, **elements})


def the_condition(chart_of: Charts, **elements: object) -> Condition:
    (found,) = chart_of(condition(**elements)).conditions
    return found


@pytest.mark.parametrize(
    ("status", "current", "remission"),
    [
        ("active", True, False),
        ("recurrence", True, False),
        ("relapse", True, False),
        ("remission", True, True),
        ("inactive", False, False),
        ("resolved", False, False),
    ],
)
def test_the_clinical_status_tells_what_is_current(
    chart_of: Charts, status: str, current: bool, remission: bool
) -> None:
    for concept in (coded(CLINICAL, status), {"coding": [{"code": "local"}, *coded(CLINICAL, status)["coding"]]}):
        found = the_condition(chart_of, clinicalStatus=concept)
        assert (found.current, found.remission) == (current, remission)


def test_a_condition_without_a_status_is_current_until_it_abated(chart_of: Charts) -> None:
    assert the_condition(chart_of).current
    assert the_condition(chart_of, abatementDateTime=day(0)).current
    assert not the_condition(chart_of, abatementDateTime=day(-1)).current
    assert not the_condition(chart_of, abatementPeriod={"start": day(-9), "end": day(-1)}).current
    # within this month it may still go on
    assert the_condition(chart_of, abatementDateTime="2026-03").current


def test_a_status_is_believed_before_an_abatement(chart_of: Charts) -> None:
    assert the_condition(chart_of, clinicalStatus=coded(CLINICAL, "active"), abatementDateTime=day(-9)).current


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_what_is_not_believed_is_no_condition(chart_of: Charts, status: str) -> None:
    for concept in (coded(VERIFICATION, status), {"coding": [{"code": "x"}, *coded(VERIFICATION, status)["coding"]]}):
        assert chart_of(condition(verificationStatus=concept)).conditions == ()


@pytest.mark.parametrize("status", ["confirmed", "provisional", "differential", "unconfirmed"])
def test_what_is_not_refuted_is_a_condition(chart_of: Charts, status: str) -> None:
    assert the_condition(chart_of, verificationStatus=coded(VERIFICATION, status)).concepts >= {"dermatomyositis"}


def test_a_condition_of_another_kind_is_kept_without_a_concept(chart_of: Charts) -> None:
    found = the_condition(chart_of, code={"text": "ingrown toenail"})
    assert (found.concepts, found.label) == (frozenset(), "ingrown toenail")


@pytest.mark.parametrize(
    "elements",
    [
        {"severity": {"text": "Severe"}},
        {"severity": coded(SNOMED, "24484000", "Severe")},
        {"severity": {"coding": [{"system": SNOMED, "code": "24484000"}]}},
        {"code": {**DERMATOMYOSITIS, "text": "Rapidly progressive dermatomyositis"}},
    ],
)
def test_a_severe_condition_is_known_by_its_words(chart_of: Charts, elements: Json) -> None:
    assert the_condition(chart_of, **elements).severe
    assert not the_condition(chart_of, severity={"text": "mild"}).severe


def test_a_condition_is_refractory_where_its_words_say_so(chart_of: Charts) -> None:
    assert the_condition(chart_of, code={**DERMATOMYOSITIS, "text": "Refractory dermatomyositis"}).refractory
    assert not the_condition(chart_of, code=DERMATOMYOSITIS).refractory


def test_the_days_of_a_condition(chart_of: Charts) -> None:
    found = the_condition(chart_of, onsetDateTime="2025", recordedDate="2026-01-05T10:00:00Z")
    assert (found.onset, found.recorded, found.abated) == (dt.date(2025, 1, 1), dt.date(2026, 1, 5), None)
    assert the_condition(chart_of, onsetPeriod={"start": "2025-06"}).onset == dt.date(2025, 6, 1)


# Medications


def test_a_combination_stands_under_each_of_its_ingredients(chart_of: Charts) -> None:
    chart = chart_of(
        order(CO_TRIMOXAZOLE, "m1"), statement(CO_TRIMOXAZOLE, "s1"), given(METHOTREXATE, 0), order(DIGOXIN, "m2")
    )
    assert {name: [t.reference for t in found] for name, found in chart.therapies.items()} == {
        "sulfamethoxazole": ["MedicationRequest/m1", "MedicationStatement/s1"],
        "trimethoprim": ["MedicationRequest/m1", "MedicationStatement/s1"],
        "methotrexate": ["MedicationAdministration/a1"],
    }
    assert chart.therapies["trimethoprim"][0] is chart.therapies["sulfamethoxazole"][0]


def test_a_reason_may_be_a_condition_of_the_chart(chart_of: Charts) -> None:
    referring = order(METHOTREXATE, "m1", reasonReference={"reference": "Condition/c1"})
    refuted = condition(verificationStatus=coded(VERIFICATION, "refuted"))
    assert chart_of(condition(), referring).therapies["methotrexate"][0].reasons >= {"dermatomyositis"}
    assert chart_of(refuted, referring).therapies["methotrexate"][0].reasons == frozenset()


def test_what_cannot_be_told_is_unread_with_list_and_place(chart_of: Charts) -> None:
    chart = chart_of(order(DIGOXIN, "m1"), order(UNKNOWN_CODE, "m2"), {**statement(METHOTREXATE), "status": 7})
    assert [(entry.source, entry.where) for entry in chart.unread] == [
        ("medicationStatements", "medicationStatements.entry[0].status"),
        ("medicationRequests", "medicationRequests.entry[1]"),
    ]


# Drafts


def test_drafts_keep_their_order_and_selection(chart_of: Charts) -> None:
    chart = chart_of(
        drafts=(draft(METHOTREXATE, "b", weekly()), draft(FOLIC_ACID, "a"), draft(DIGOXIN, "c")),
        hook="order-select",
        selections=("MedicationRequest/a",),
    )
    assert [(each.reference, each.selected, each.therapy is not None) for each in chart.drafts] == [
        ("MedicationRequest/b", False, True),
        ("MedicationRequest/a", True, True),
        ("MedicationRequest/c", False, False),
    ]


def test_a_draft_keeps_its_reason(chart_of: Charts) -> None:
    reason = {**coded("http://hl7.org/fhir/sid/icd-10", "M33.1"), "text": "DM"}
    (found,) = chart_of(drafts=(draft(METHOTREXATE, "b", reasonCode=[reason]),)).drafts
    assert found.reasons >= {"dermatomyositis"}
    assert found.reason_text == "DM"


EXCHANGE = resource("ServiceRequest", "x", status="draft", intent="order", code=coded(SNOMED, "20720000"))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, None),
        ({"occurrenceDateTime": f"{day(2)}T10:00:00Z"}, day(2)),
        ({"occurrencePeriod": {"start": day(3), "end": day(9)}}, day(3)),
        ({"occurrenceTiming": {"event": [day(6), day(4)]}}, day(4)),
        ({"occurrenceTiming": {"repeat": {"boundsPeriod": {"start": day(5)}}}}, day(5)),
        ({"occurrenceDateTime": "Invalid date"}, None),
    ],
)
def test_a_drafted_procedure_is_to_be_done_on_its_first_day(
    chart_of: Charts, elements: Json, expected: str | None
) -> None:
    (found,) = chart_of(drafts=({**EXCHANGE, **elements},)).drafts
    assert found.procedure is not None and found.therapy is None
    assert found.procedure.concepts == {"plasma-exchange"} and not found.procedure.done
    assert (found.procedure.day and found.procedure.day.isoformat()) == expected


@pytest.mark.parametrize(
    "elements", [{"doNotPerform": True}, *({"status": s} for s in ("cancelled", "entered-in-error", "completed"))]
)
def test_a_procedure_that_is_not_ordered_is_no_draft(chart_of: Charts, elements: Json) -> None:
    assert chart_of(drafts=({**EXCHANGE, **elements},)).drafts == ()


@pytest.mark.parametrize(
    "code", [coded("http://loinc.org", "5196-1"), {"text": "HBsAg"}, {"coding": [{}], "text": " hbsag "}]
)
def test_an_ordered_test_is_known_by_the_result_that_it_will_give(chart_of: Charts, code: Json) -> None:
    (found,) = chart_of(drafts=({**EXCHANGE, "code": code},)).drafts
    assert found.procedure is not None
    assert found.procedure.concepts == {"hbsag"}


def test_words_that_only_hold_the_name_of_a_test_are_not_that_test(chart_of: Charts) -> None:
    (found,) = chart_of(drafts=({**EXCHANGE, "code": {"text": "Borrelia IgG"}},)).drafts
    assert found.procedure is not None
    assert found.procedure.concepts == frozenset()


def test_a_procedure_is_known_by_its_words_too(chart_of: Charts) -> None:
    (found,) = chart_of(drafts=({**EXCHANGE, "code": {"coding": [{}], "text": "plasmapheresis"}},)).drafts
    assert found.procedure is not None
    assert found.procedure.concepts == {"plasma-exchange"}


# Results


def weight(value: object, at: int, id: str, **more: object) -> Json:
    return resource(
        "Observation",
        id,
        **{
            "status": "final",
            "code": coded("http://loinc.org", "29463-7"),
            "effectiveDateTime": day(at),
            "valueQuantity": {"value": value, "unit": "kg"},
            **more,
        },
    )


def test_results_are_by_concept_and_the_newest_first(chart_of: Charts) -> None:
    chart = chart_of(weight(70, -20, "o1"), weight(71, -2, "o2"), weight(72, -1, "o3", status="entered-in-error"))
    assert [(each.reference, each.value) for each in chart.results["body-weight"]()] == [
        ("Observation/o2", Decimal(71)),
        ("Observation/o1", Decimal(70)),
    ]


def test_a_result_with_two_codes_of_one_concept_counts_once(chart_of: Charts) -> None:
    twice = {
        "coding": [*coded("http://loinc.org", "29463-7")["coding"], *coded("http://loinc.org", "3141-9")["coding"]]
    }
    assert len(chart_of(weight(70, -2, "o1", code=twice)).results["body-weight"]()) == 1


def test_a_result_of_no_concept_of_ours_is_left_out(chart_of: Charts) -> None:
    assert (
        chart_of(weight(70, -2, "o1", code=coded("http://loinc.org", "0-0")), weight(1, 0, "o2", code=None)).results
        == {}
    )


# Allergies


def allergy(**elements: object) -> Json:
    return resource("AllergyIntolerance", "a1", **{"code": FOLIC_ACID, **elements})


@pytest.mark.parametrize(
    ("code", "substance"),
    [
        (FOLIC_ACID, "folic-acid"),
        (coded(RXNORM, "10829"), "trimethoprim"),
        (coded(SNOMED, "294477004"), "trimethoprim"),
        ({"text": "foliumzuur"}, "folic-acid"),
        ({"coding": [{"display": "sulfonamides"}]}, "sulfonamide-class"),
    ],
)
def test_an_allergy_is_known_by_code_or_words(chart_of: Charts, code: Json, substance: str) -> None:
    (found,) = chart_of(allergy(code=code)).allergies
    assert substance in found.substances


@pytest.mark.parametrize(
    "elements",
    [
        {"verificationStatus": coded("urn:x", "refuted")},
        {"verificationStatus": coded("urn:x", "entered-in-error")},
        {"clinicalStatus": coded("urn:x", "resolved")},
        {"clinicalStatus": coded("urn:x", "inactive")},
    ],
)
def test_an_allergy_that_is_not_or_no_more_does_not_count(chart_of: Charts, elements: Json) -> None:
    assert chart_of(allergy(**elements)).allergies == ()


@pytest.mark.parametrize(
    "manifestation",
    [coded("http://hl7.org/fhir/sid/icd-10", "R11"), {"text": "Nausea"}, {"text": "braken"}, {"text": "Übelkeit"}],
)
def test_an_intolerance_tells_by_code_or_words_that_it_was_of_the_stomach(
    chart_of: Charts, manifestation: Json
) -> None:
    (found,) = chart_of(allergy(reaction=[{"manifestation": [manifestation]}])).allergies
    assert found.reactions == {"nausea-vomiting"}


def test_another_reaction_is_none_of_the_stomach(chart_of: Charts) -> None:
    (found,) = chart_of(allergy(reaction=[{"manifestation": [{"text": "rash"}]}])).allergies
    assert found.reactions == frozenset()


def test_an_allergy_tells_kind_and_severity(chart_of: Charts) -> None:
    (plain,) = chart_of(allergy(recordedDate="2025-05-06")).allergies
    assert (plain.intolerance, plain.severe, plain.recorded) == (False, False, dt.date(2025, 5, 6))
    (intolerance,) = chart_of(allergy(type="intolerance", reaction=[{"severity": "severe"}])).allergies
    assert (intolerance.intolerance, intolerance.severe) == (True, True)
    (high,) = chart_of(allergy(criticality="high", onsetDateTime="2024")).allergies
    assert (high.severe, high.recorded) == (True, dt.date(2024, 1, 1))


# Procedures, vaccines, the visit


@pytest.mark.parametrize("status", ["entered-in-error", "not-done"])
def test_a_procedure_that_was_not_done_does_not_count(chart_of: Charts, status: str) -> None:
    assert chart_of(resource("Procedure", "p", status=status, code=coded(SNOMED, "20720000"))).procedures == ()


@pytest.mark.parametrize(
    ("elements", "at", "done"),
    [
        ({"status": "completed", "performedDateTime": day(-3)}, day(-3), True),
        ({"status": "in-progress", "performedPeriod": {"start": day(-1)}}, day(-1), True),
        ({"status": "preparation", "performedDateTime": day(1)}, day(1), False),
        ({"status": "completed"}, None, True),
    ],
)
def test_a_procedure_has_a_day(chart_of: Charts, elements: Json, at: str | None, done: bool) -> None:
    (found,) = chart_of(resource("Procedure", "p", code=coded(SNOMED, "20720000"), **elements)).procedures
    assert found.concepts == {"plasma-exchange"}
    assert (found.day and found.day.isoformat(), found.done) == (at, done)


def test_only_a_vaccine_that_was_given_counts(chart_of: Charts) -> None:
    vaccine = resource(
        "Immunization", "i", vaccineCode=coded("http://hl7.org/fhir/sid/cvx", "03"), occurrenceDateTime=day(-9)
    )
    (found,) = chart_of({**vaccine, "status": "completed"}).immunizations
    assert found.vaccines == {"measles-mumps-rubella"}
    assert found.day == dt.date(2026, 2, 23)
    for status in ("not-done", "entered-in-error", ""):
        assert chart_of({**vaccine, "status": status}).immunizations == ()


@pytest.mark.parametrize("kind", [{"code": "AMB"}, {"coding": [{}, {"code": "AMB"}]}])
def test_the_class_of_the_visit_is_known(chart_of: Charts, kind: Json) -> None:
    assert chart_of(values={"encounter": resource("Encounter", "e", **{"class": kind})}).encounter_class == "AMB"


@pytest.mark.parametrize("value", [None, resource("Encounter", "e"), resource("Encounter", "e", **{"class": {}})])
def test_without_a_class_the_visit_has_none(chart_of: Charts, value: Json | None) -> None:
    chart = chart_of(values={"encounter": value})
    assert (chart.encounter_class, chart.missing_sources) == ("", frozenset())


# Lists that could not be had

ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


@pytest.mark.parametrize(
    "value", [..., ERROR, {"resourceType": "Bundle", "total": 4, "entry": [{"resource": condition()}]}]
)
@pytest.mark.parametrize("key", [read.key for read in READS])
def test_a_list_that_is_absent_failed_or_partial_is_missing(chart_of: Charts, key: str, value: object) -> None:
    if key == "patient" and isinstance(value, dict) and value["resourceType"] == "Bundle":
        value = ERROR
    assert chart_of(values={key: value}).missing_sources == {key}


@pytest.mark.parametrize("value", [None, bundle()])
@pytest.mark.parametrize("key", [read.key for read in READS])
def test_a_list_that_holds_nothing_is_not_missing(chart_of: Charts, key: str, value: object) -> None:
    assert chart_of(values={key: value}).missing_sources == frozenset()


def test_a_list_that_a_client_never_has_is_not_missing_but_known(chart_of: Charts) -> None:
    chart = chart_of(
        not_offered=frozenset({"medicationStatements", "allergies"}),
        values={"medicationStatements": ..., "observations": ...},
    )
    assert chart.missing_sources == {"observations"}
    assert chart.not_offered == {"medicationStatements"}


# Vaccines that are ordered


CVX, ATC = "http://hl7.org/fhir/sid/cvx", "http://www.whocc.no/atc"


@pytest.mark.parametrize(
    ("concept", "vaccine", "live"),
    [
        (coded(CVX, "03"), "measles-mumps-rubella", True),
        (coded(CVX, "3"), "measles-mumps-rubella", True),
        (coded(ATC, "J07BL01"), "yellow-fever", True),
        (coded(SNOMED, "836385002"), "yellow-fever", True),
        (coded(CVX, "187"), "zoster-recombinant", False),
        (coded(ATC, "J07BX01"), "smallpox-vaccinia", None),
        ({"text": "varicella virus vaccine, live"}, "varicella", True),
        ({"coding": [{"system": CVX, "code": "999", "display": "Shingrix"}]}, "zoster-recombinant", False),
    ],
)
def test_an_ordered_vaccine_is_known_by_its_code_or_its_words(
    chart_of: Charts, concept: Json, vaccine: str, live: bool | None
) -> None:
    (found,) = chart_of(drafts=(draft(concept, "draft-1", {"timing": {"event": [day(3)]}}),)).drafts
    assert found.therapy is None
    assert found.vaccine is not None
    assert (found.vaccine.vaccine, found.vaccine.live, found.vaccine.local) == (vaccine, live, False)
    assert found.vaccine.day == AS_OF + dt.timedelta(days=3)


def test_an_ordered_vaccine_may_be_a_medication_of_its_own(chart_of: Charts) -> None:
    contained = referring(draft(DIGOXIN), "#v") | {
        "contained": [{"resourceType": "Medication", "id": "v", "code": coded(CVX, "37")}]
    }
    beside = referring(draft(DIGOXIN, "draft-2"), "Medication/v2")
    drafts = (contained, beside, medication("v2", coded(CVX, "21")))
    found = chart_of(drafts=drafts).drafts
    assert [draft.vaccine.vaccine for draft in found if draft.vaccine is not None] == ["yellow-fever", "varicella"]


def test_the_route_of_a_vaccine_tells_whether_it_is_given_locally(chart_of: Charts) -> None:
    dosage = {"route": {"text": "intravesical use"}}
    (found,) = chart_of(drafts=(draft(coded(CVX, "19"), "draft-1", dosage),)).drafts
    assert found.vaccine is not None
    assert (found.vaccine.vaccine, found.vaccine.local) == ("bcg", True)


@pytest.mark.parametrize("changed", [{"status": "cancelled"}, {"status": "completed"}, {"doNotPerform": True}])
def test_a_vaccine_that_is_not_ordered_is_none(chart_of: Charts, changed: Json) -> None:
    found = chart_of(drafts=(draft(coded(CVX, "03"), "draft-1", **changed),)).drafts
    assert [draft.vaccine for draft in found] == [None]


def test_a_medicine_is_no_vaccine_whatever_else_its_text_holds(chart_of: Charts) -> None:
    (found,) = chart_of(drafts=(draft({"text": "methotrexate 2.5 mg, stop before yellow fever vaccine"}),)).drafts
    assert found.vaccine is None
    assert found.therapy is not None


@pytest.mark.parametrize(("code", "live"), [("37", True), ("208", False), ("91", False)])
def test_a_vaccine_that_was_given_is_live_where_its_code_says_so(chart_of: Charts, code: str, live: bool) -> None:
    vaccine = resource("Immunization", "i1", status="completed", vaccineCode=coded(CVX, code), occurrenceDateTime=day())
    (found,) = chart_of(vaccine).immunizations
    assert found.live is live
