"""Resources decoded one by one: what we read, what we pass over, and what is not of R4's shape."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.mapping.records import (
    NEEDED,
    RECORD_TYPES,
    AnyRecord,
    ConditionRecord,
    EncounterRecord,
    MedicationRequestRecord,
    NotReadable,
    ObservationRecord,
    read_record,
)

from ..ehr import Json, order, resource
from ..hooks.published import published


def read(value: object) -> AnyRecord | None:
    return read_record(json.dumps(value).encode())


def fault(value: object) -> NotReadable:
    with pytest.raises(NotReadable) as caught:
        read(value)
    return caught.value


@pytest.mark.parametrize("kind", sorted(RECORD_TYPES))
def test_every_type_that_we_read_is_decoded_by_its_name(kind: str) -> None:
    record = read({"resourceType": kind, "id": "x.1_2-3", "surprise": [{"deep": None}]})
    assert record is not None
    assert record.reference == f"{kind}/x.1_2-3"
    assert not record.modified


@pytest.mark.parametrize("kind", ["Coverage", "Practitioner", "DeviceRequest", "OperationOutcome", "Flag", "X"])
def test_a_type_that_no_rule_needs_is_passed_over(kind: str) -> None:
    assert read({"resourceType": kind, "id": 7, "status": {"odd": 1}}) is None


@pytest.mark.parametrize("kind", sorted(NEEDED - RECORD_TYPES))
def test_what_other_versions_have_in_its_place_is_not_passed_over(kind: str) -> None:
    told = fault({"resourceType": kind, "id": "secret"})
    assert (told.kind, told.place, str(told)) == (kind, "resourceType", f"{kind}: resourceType")


@pytest.mark.parametrize("value", [{}, {"id": "secret"}, [], "secret", 7, None, {"resourceType": 5}])
def test_a_resource_without_a_type_is_a_fault(value: object) -> None:
    assert fault(value).kind == "resource without a type"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({**order({"text": "x"}), "status": 5}, "status"),
        ({**order({"text": "x"}), "subject": "secret"}, "subject"),
        (order({"coding": [{"code": 7}]}), "medicationCodeableConcept.coding[0].code"),
        (order({"coding": "secret"}), "medicationCodeableConcept.coding"),
        (resource("Condition", "c", clinicalStatus="secret"), "clinicalStatus"),
        (resource("Observation", "o", valueQuantity={"value": "secret"}), "valueQuantity.value"),
        (resource("Immunization", "i", occurrenceDateTime=["secret"]), "occurrenceDateTime"),
        ({"resourceType": "Patient", "id": None}, "id"),
    ],
)
def test_an_element_of_another_shape_is_named_and_never_its_value(value: object, place: str) -> None:
    told = fault(value)
    assert told.place == place
    assert "secret" not in str(told)


def test_a_resource_that_is_nested_endlessly_is_a_fault() -> None:
    deep = "[" * 5000 + "]" * 5000
    with pytest.raises(NotReadable):
        read_record(f'{{"resourceType":"Condition","code":{{"coding":{deep}}}}}'.encode())


def test_numbers_keep_every_digit() -> None:
    record = read_record(b'{"resourceType":"Observation","valueQuantity":{"value":3.150}}')
    assert isinstance(record, ObservationRecord) and record.value_quantity is not None
    assert str(record.value_quantity.value) == "3.150"


def test_a_number_written_as_a_text_is_a_number() -> None:
    record = read(resource("Observation", "o", valueQuantity={"value": "7.5"}))
    assert isinstance(record, ObservationRecord) and record.value_quantity is not None
    assert record.value_quantity.value == Decimal("7.5")


@pytest.mark.parametrize("value", [{"text": "y"}, [{"text": "y"}]])
@pytest.mark.parametrize("element", ["category", "reasonCode", "statusReason"])
def test_an_object_for_a_list_is_taken(value: object, element: str) -> None:
    """The public sandbox and Epic send these as objects (CLIENTS EP-22, SA-12)."""
    assert isinstance(read({**order({"text": "x"}), element: value}), MedicationRequestRecord)


@pytest.mark.parametrize("odd", [{"doseAndRate": 7}, "15 mg", 7, None, [[]]])
def test_an_odd_dosage_leaves_the_order_readable(odd: object) -> None:
    record = read({**order({"text": "x"}), "dosageInstruction": odd})
    assert isinstance(record, MedicationRequestRecord)
    assert record.medication_codeable_concept is not None


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_an_empty_modifier_extension_changes_nothing(nothing: object) -> None:
    record = read(resource("Condition", "c", modifierExtension=nothing))
    assert record is not None and not record.modified


def test_a_modifier_extension_is_seen() -> None:
    record = read(resource("Condition", "c", modifierExtension=[{"url": "urn:x", "valueBoolean": True}]))
    assert record is not None and record.modified


@pytest.mark.parametrize("kind", [{"code": "IMP"}, {"coding": [{"code": "IMP"}]}, {"coding": {"code": "IMP"}}])
def test_the_class_of_a_visit_is_a_code_or_a_concept(kind: Json) -> None:
    assert isinstance(read(resource("Encounter", "e", **{"class": kind})), EncounterRecord)


def test_an_id_may_be_long_and_hold_dots() -> None:
    long = "eIdRHpjeEzbLS3ZcGmRmVZ8bb.ravWOED29hdNLJSFBrBdzDWOqd1a5MMIjQ874tKP8" * 3
    record = read(resource("Condition", long))
    assert isinstance(record, ConditionRecord) and record.id == long


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = sorted(
    {"id", "status", "code", "subject", "medicationCodeableConcept", "contained", "dosage", "meta", "class"}
)


@given(st.sampled_from(sorted(NEEDED)), st.dictionaries(st.sampled_from(ELEMENTS), JSON))
def test_an_odd_resource_is_read_or_is_a_fault(kind: str, elements: dict[str, object]) -> None:
    try:
        assert read({"resourceType": kind, **elements}) is not None
    except NotReadable as told:
        assert told.kind == kind


def test_every_published_resource_of_r4_can_be_read() -> None:
    number = 0
    for path in published("fhir"):
        value = json.loads(path.read_bytes()) if path.suffix == ".json" else {}
        entries = [each.get("resource") for each in value.get("entry", ())] if value.get("type") else [value]
        for each in entries:
            if isinstance(each, dict) and each.get("resourceType") in RECORD_TYPES:
                number += 1
                assert read(each) is not None, path
    assert number > 400
