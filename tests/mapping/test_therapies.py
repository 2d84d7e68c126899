"""Orders, statements and administrations as therapies: what counts, from when, by which route, instead of what."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest

from cds_service.clinical.chart import Unread
from cds_service.clinical.dose import Amount, single_dose
from cds_service.clinical.therapy import Status, Therapy
from cds_service.mapping.medication import Medications
from cds_service.mapping.records import Medicated, read_record
from cds_service.mapping.terminology import Terminology
from cds_service.mapping.therapies import TherapyReader

from ..ehr import (
    AZATHIOPRINE,
    CO_TRIMOXAZOLE,
    DIGOXIN,
    METHOTREXATE,
    MYOSITIS,
    SERVER,
    SNOMED,
    UNKNOWN_CODE,
    Json,
    amount,
    coded,
    daily,
    day,
    draft,
    given,
    infused,
    order,
    statement,
    weekly,
)

CONDITIONS = {"Condition/dermatomyositis": frozenset({"dermatomyositis"})}


class Reader:
    """Reads one resource at a time, and keeps what could not be told."""

    def __init__(self, terminology: Terminology) -> None:
        self.unread: list[Unread] = []
        self._read = TherapyReader(terminology, Medications(terminology, (SERVER,)), CONDITIONS, self.unread).read

    def maybe(self, value: Json, draft: str = "") -> Therapy | None:
        record = read_record(json.dumps(value).encode())
        assert isinstance(record, Medicated)
        return self._read(record, "list.entry[0]", "list", draft=draft)

    def read(self, value: Json, draft: str = "") -> Therapy:
        therapy = self.maybe(value, draft)
        assert therapy is not None
        assert self.unread == []
        return therapy

    def said(self) -> list[tuple[str, str, str]]:
        return [(entry.where, entry.reason, entry.source) for entry in self.unread]


@pytest.fixture
def reader(terminology: Terminology) -> Reader:
    return Reader(terminology)


# Status and intent


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("active", "active"),
        ("on-hold", "on-hold"),
        ("completed", "ended"),
        ("stopped", "ended"),
        ("unknown", "unknown"),
    ],
)
def test_the_status_of_an_order_or_a_statement(reader: Reader, status: str, meaning: Status) -> None:
    assert reader.read(order(METHOTREXATE, status=status)).status == meaning
    assert reader.read(statement(METHOTREXATE, status=status)).status == meaning


@pytest.mark.parametrize(
    "value",
    [
        *(order(METHOTREXATE, status=status) for status in ("entered-in-error", "cancelled", "draft")),
        *(statement(METHOTREXATE, status=status) for status in ("entered-in-error", "intended", "not-taken")),
        *(given(METHOTREXATE, 0, status=status) for status in ("entered-in-error", "not-done")),
        *(order(METHOTREXATE, intent=intent) for intent in ("proposal", "plan", "option")),
        order(METHOTREXATE, intent="plan", reportedBoolean=False),
        order(METHOTREXATE, intent="proposal", reportedBoolean=True),
        order(METHOTREXATE, doNotPerform=True),
        order(UNKNOWN_CODE, status="entered-in-error"),
    ],
)
def test_what_counts_for_nothing_is_silent(reader: Reader, value: Json) -> None:
    assert reader.maybe(value) is None
    assert reader.unread == []


@pytest.mark.parametrize("intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order", ""])
def test_every_kind_of_order_counts(reader: Reader, intent: str) -> None:
    assert reader.read(order(METHOTREXATE, intent=intent)).source == "request"


@pytest.mark.parametrize("reported", [{"reportedBoolean": True}, {"reportedReference": {"reference": "Patient/p1"}}])
def test_a_plan_that_is_reported_counts(reader: Reader, reported: Json) -> None:
    assert reader.read(order(METHOTREXATE, intent="plan", **reported)).status == "active"


@pytest.mark.parametrize(
    "value",
    [
        *(order(METHOTREXATE, status=status) for status in ("", "recorded", "ACTIVE")),
        statement(METHOTREXATE, status="recorded"),
        *(given(METHOTREXATE, 0, status=status) for status in ("unknown", "", "preparation")),
    ],
)
def test_a_status_that_is_not_known_is_said(reader: Reader, value: Json) -> None:
    assert reader.maybe(value) is None
    assert reader.said() == [("list.entry[0]", "its status is not known", "list")]


def test_a_status_that_is_not_known_of_a_drug_that_is_none_of_ours_is_silent(reader: Reader) -> None:
    assert reader.maybe(order({"text": "digoxin"}, status="")) is None
    assert reader.unread == []


# What cannot be told


def test_a_medication_that_cannot_be_told_is_said_with_its_place(reader: Reader) -> None:
    assert reader.maybe(order(UNKNOWN_CODE)) is None
    assert reader.said() == [("list.entry[0]", "the medication's code is not known, and it has no text", "list")]


def test_a_chart_order_without_a_medication_is_said_and_a_draft_without_one_is_not(reader: Reader) -> None:
    assert reader.maybe(draft({}), "MedicationRequest/draft-1") is None
    assert reader.unread == []
    assert reader.maybe(order({})) is None
    assert reader.said() == [("list.entry[0]", "it names no medication", "list")]


def test_codes_that_disagree_are_said_and_count_as_both(reader: Reader) -> None:
    therapy = reader.maybe(order({"coding": [*METHOTREXATE["coding"], *AZATHIOPRINE["coding"]]}))
    assert therapy is not None
    assert therapy.ingredients == {"methotrexate", "azathioprine"}
    assert reader.said() == [("list.entry[0]", "its codes and texts name different medications", "list")]


def test_a_drug_that_is_none_of_ours_is_silent(reader: Reader) -> None:
    assert reader.maybe(order(DIGOXIN)) is None
    assert reader.unread == []


# Drafts


def test_a_draft_is_a_draft_whatever_status_and_intent_it_has(reader: Reader) -> None:
    for value in (draft(METHOTREXATE), draft(METHOTREXATE, status="active"), draft(METHOTREXATE, intent="proposal")):
        therapy = reader.read(value, "MedicationRequest/x")
        assert (therapy.status, therapy.source, therapy.reference) == ("draft", "draft", "MedicationRequest/x")


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "stopped", "completed"])
def test_a_draft_that_orders_nothing_any_more_is_none(reader: Reader, status: str) -> None:
    assert reader.maybe(draft(METHOTREXATE, status=status), "MedicationRequest/x") is None


def test_a_draft_starts_when_it_says_and_never_when_it_was_written(reader: Reader) -> None:
    undated = reader.read(draft(METHOTREXATE, "d", weekly()), "x")
    assert (undated.start, undated.start_certain) == (None, False)
    dated = reader.read(draft(METHOTREXATE, "d", daily(5, since=3)), "x")
    assert (dated.start, dated.start_certain) == (dt.date(2026, 3, 7), True)


# Days


@pytest.mark.parametrize(
    ("value", "start", "certain"),
    [
        # event, then period, then validity, then the day of writing (CLINICAL B.3)
        (order(METHOTREXATE, "m", infused(15, "mg", 9, 2, 16)), day(2), True),
        (order(METHOTREXATE, "m", daily(5, since=-4)), day(-4), True),
        (order(METHOTREXATE, "m", daily(5, since=10), daily(5, since=-4)), day(-4), True),
        (order(METHOTREXATE, "m", dispenseRequest={"validityPeriod": {"start": day(-2)}}), day(-2), True),
        (order(METHOTREXATE, "m", authoredOn="2026-02-01T23:00:00-08:00"), "2026-02-01", False),
        (order(METHOTREXATE, "m", authoredOn="2026-02"), "2026-02-01", False),
        (order(METHOTREXATE, "m", authoredOn="2026-02-30"), None, False),
        (order(METHOTREXATE, "m", authoredOn=""), None, False),
        (statement(METHOTREXATE, "s", effectivePeriod={"start": day(-9)}), day(-9), True),
        (statement(METHOTREXATE, "s", effectiveDateTime=day(-9)), day(-9), True),
        (statement(METHOTREXATE, "s", dateAsserted=day(-9)), None, False),
        (given(METHOTREXATE, -5), day(-5), True),
        (
            given(METHOTREXATE, 0, effectiveDateTime="", effectivePeriod={"start": day(-6), "end": day(-5)}),
            day(-6),
            True,
        ),
        (given(METHOTREXATE, 0, effectiveDateTime="soon"), None, False),
    ],
)
def test_the_first_day(reader: Reader, value: Json, start: str | None, certain: bool) -> None:
    therapy = reader.read(value)
    assert (therapy.start and therapy.start.isoformat(), therapy.start_certain) == (start, certain)


def test_a_statement_ends_on_the_last_day_that_it_may_mean(reader: Reader) -> None:
    therapy = reader.read(statement(METHOTREXATE, "s", effectivePeriod={"start": "2025", "end": "2026-02"}))
    assert (therapy.start, therapy.end) == (dt.date(2025, 1, 1), dt.date(2026, 2, 28))


def test_an_administration_is_one_day(reader: Reader) -> None:
    therapy = reader.read(given(METHOTREXATE, -5))
    assert (therapy.status, therapy.start, therapy.end) == ("ended", dt.date(2026, 2, 27), dt.date(2026, 2, 27))


@pytest.mark.parametrize(("status", "expected"), [("stopped", dt.date(2026, 2, 28)), ("active", None)])
def test_an_end_is_bounded_by_the_last_change_of_an_order_that_has_ended(
    reader: Reader, status: str, expected: dt.date | None
) -> None:
    changed = order(METHOTREXATE, status=status, meta={"lastUpdated": "2026-02-28T23:59:00.000+00:00"})
    assert reader.read(changed).ended_by == expected


def test_an_end_is_bounded_by_the_day_of_a_statement_that_it_has_ended(reader: Reader) -> None:
    assert reader.read(statement(METHOTREXATE, "s", status="stopped", dateAsserted=day(-3))).ended_by == dt.date(
        2026, 3, 1
    )


# Links


@pytest.mark.parametrize(
    "reference", ["MedicationRequest/old", "MedicationRequest/old/_history/2", f"{SERVER}/MedicationRequest/old"]
)
def test_a_link_to_another_order_is_its_local_name(reader: Reader, reference: str) -> None:
    assert (
        reader.read(order(METHOTREXATE, priorPrescription={"reference": reference})).replaces == "MedicationRequest/old"
    )
    assert reader.read(given(METHOTREXATE, 0, request={"reference": reference})).carries_out == "MedicationRequest/old"


def test_without_links_nothing_is_replaced_or_carried_out(reader: Reader) -> None:
    assert reader.read(order(METHOTREXATE, priorPrescription={"display": "x"})).replaces == ""
    assert reader.read(given(METHOTREXATE, 0)).carries_out == ""


# Route


@pytest.mark.parametrize(
    ("drug", "dosage", "route"),
    [
        (METHOTREXATE, weekly(), "oral"),
        (METHOTREXATE, {"route": coded(SNOMED, "34206005")}, "subcutaneous"),
        (METHOTREXATE, {"route": {"text": "subcutaan"}}, "subcutaneous"),
        (METHOTREXATE, {"route": {"text": "as told"}}, "oral"),
        (METHOTREXATE, {}, "oral"),
        ({"text": "methotrexate"}, {}, "unknown"),
        ({"text": "tacrolimus 0.1% ointment"}, {}, "local"),
    ],
)
def test_the_route_is_that_of_the_dosage_else_that_of_the_product(
    reader: Reader, drug: Json, dosage: Json, route: str
) -> None:
    assert reader.read(order(drug, "m", dosage)).route == route


@pytest.mark.parametrize(("route", "systemic"), [("intrathecal", False), ("oral", True)])
def test_an_administration_has_a_route_too(reader: Reader, route: str, systemic: bool) -> None:
    therapy = reader.read(given({"text": "methotrexate"}, 0, dosage={"route": {"text": route}}))
    assert (therapy.route, therapy.systemic) == (route, systemic)


# Reasons, setting, dose


def test_reasons_come_from_codes_words_and_the_conditions_referred_to(reader: Reader) -> None:
    code = {**coded("http://hl7.org/fhir/sid/icd-10", "M05.9", "Rheumatoid arthritis"), "text": "RA"}
    therapy = reader.read(
        order(
            METHOTREXATE,
            reasonCode=code,
            reasonReference=[{"reference": f"Condition/{MYOSITIS['id']}", "display": "DM"}],
        )
    )
    assert therapy.reasons == {"rheumatoid-arthritis", "dermatomyositis"}
    assert therapy.reason_text == "Rheumatoid arthritis; RA; DM"


def test_a_reason_in_words_alone_counts_where_no_code_says_what_it_is(reader: Reader) -> None:
    said = reader.read(order(METHOTREXATE, reasonCode={"text": "Multiple sclerosis relapse"}))
    assert said.reasons == {"multiple-sclerosis"}
    code = {**coded("http://hl7.org/fhir/sid/icd-10", "M05.9", "Rheumatoid arthritis"), "text": "asthma"}
    assert reader.read(order(METHOTREXATE, reasonCode=code)).reasons == {"rheumatoid-arthritis"}
    elsewhere = [{"reference": "Condition/elsewhere", "display": "Sarcoidosis"}]
    assert reader.read(order(METHOTREXATE, reasonReference=elsewhere)).reasons == {"sarcoidosis"}


@pytest.mark.parametrize(
    ("elements", "reasons"),
    [
        ({"instantiatesCanonical": ["http://example.org/PlanDefinition/r-chop"]}, {"chemotherapy-encounter"}),
        ({"groupIdentifier": {"system": "urn:chemotherapy", "value": "17"}}, {"chemotherapy-encounter"}),
        ({"groupIdentifier": {"system": "urn:orders", "value": "17"}}, set()),
        (
            {
                "groupIdentifier": {"system": "urn:chemotherapy", "value": "17"},
                "reasonCode": coded("http://hl7.org/fhir/sid/icd-10", "M05.9", "RA"),
            },
            {"rheumatoid-arthritis"},
        ),
    ],
)
def test_an_order_without_a_reason_is_for_cancer_by_its_protocol(
    reader: Reader, elements: Json, reasons: set[str]
) -> None:
    assert reader.read(order(METHOTREXATE, **elements)).reasons == reasons


def test_the_reason_of_its_end_is_kept_as_codes(reader: Reader) -> None:
    stopped = order(METHOTREXATE, status="stopped", statusReason=coded("urn:x", "sintol"))
    assert reader.read(stopped).stopped_for == {"sintol"}


@pytest.mark.parametrize("words", ["Hepatotoxicity", "not tolerated: adverse reaction", "Side effects", "Bijwerking"])
def test_words_that_speak_of_harm_are_that_reason_too(reader: Reader, words: str) -> None:
    assert reader.read(order(METHOTREXATE, status="stopped", statusReason={"text": words})).stopped_for == {"sintol"}
    said = statement(METHOTREXATE, status="stopped", statusReason=[{"text": words}])
    assert reader.read(said).stopped_for == {"sintol"}


def test_other_words_are_no_reason(reader: Reader) -> None:
    assert reader.read(order(METHOTREXATE, status="stopped", statusReason={"text": "remission"})).stopped_for == set()


@pytest.mark.parametrize(
    ("category", "expected"),
    [("community", True), ("outpatient", True), ("discharge", True), ("inpatient", False), ("x", None)],
)
def test_the_setting_is_what_the_category_says(reader: Reader, category: str, expected: bool | None) -> None:
    assert reader.read(order(METHOTREXATE, category=[coded("urn:x", category)])).community is expected
    assert reader.read(order(METHOTREXATE)).community is None


@pytest.mark.parametrize(
    "note", [[{"text": "oral by choice"}], [{"time": "2026-01-01"}, {"text": "No venous access."}]]
)
def test_the_notes_on_a_draft_are_read_for_words(reader: Reader, note: Json) -> None:
    written = order(METHOTREXATE, note=note)
    assert reader.read(written, draft="MedicationRequest/d").notes == {"oralchoice"}
    assert reader.read(written).notes == frozenset()


@pytest.mark.parametrize("note", [None, [], [{"text": 1}], {"text": "oral by choice"}, "oral by choice"])
def test_notes_that_cannot_be_read_say_nothing(reader: Reader, note: Json) -> None:
    assert reader.read(order(METHOTREXATE, note=note), draft="MedicationRequest/d").notes == frozenset()


def test_the_dose_of_each_ingredient_is_read_when_it_is_asked_for(reader: Reader) -> None:
    """Two tablets of 400 mg sulfamethoxazole and 80 mg trimethoprim are 800 mg and 160 mg."""
    tablets = {"doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}]}
    therapy = reader.read(order(CO_TRIMOXAZOLE, "m", tablets))
    for ingredient, mg in (("sulfamethoxazole", 800), ("trimethoprim", 160)):
        single = single_dose(therapy.regimen(ingredient))
        assert isinstance(single, Amount)
        assert (single.low, single.high, single.unit) == (Decimal(mg), Decimal(mg), "mg")
    assert therapy.regimen("trimethoprim") is therapy.regimen("trimethoprim")


def test_an_administration_has_the_dose_that_was_given(reader: Reader) -> None:
    dosage = {"dose": amount(15, "mg")["doseAndRate"][0]["doseQuantity"]}
    ((step,),) = reader.read(given(METHOTREXATE, -5, dosage=dosage)).regimen("methotrexate").phases
    assert (step.count, step.dates) == (1, (dt.date(2026, 2, 27),))
