"""A moved order keeps every byte that we do not understand."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical.remedy import StepBefore, StepChange
from cds_service.mapping.edits import change_dosage, change_route, move

TODAY = dt.date(2026, 3, 4)


def moved(order: str, days: int = 4) -> str:
    result = move(order.encode(), days, TODAY)
    assert result is not None
    return result.decode()


def test_events_move_and_keep_time_and_zone() -> None:
    order = '{"resourceType":"MedicationRequest","dosageInstruction":[{"timing":{"event":["2026-03-04T09:00:00+01:00","2026-03-18"]}}]}'
    assert moved(order) == (
        '{"resourceType":"MedicationRequest","dosageInstruction":[{"timing":{"event":["2026-03-08T09:00:00+01:00","2026-03-22"]}}]}'
    )


def test_a_period_moves_at_both_ends() -> None:
    order = '{"resourceType":"MedicationRequest","dosageInstruction":[{"timing":{"repeat":{"boundsPeriod":{"start":"2026-03-04","end":"2026-03-08"},"frequency":1}}}]}'
    assert '"boundsPeriod":{"start":"2026-03-08","end":"2026-03-12"},"frequency":1' in moved(order)


def test_unknown_elements_and_numbers_stay_as_they_came() -> None:
    order = (
        '{"resourceType":"MedicationRequest","x_vendor":{"a":1.50},"category":{"text":"odd"},'
        '"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":3.150,"unit":"g"}}],"timing":{"event":["2026-03-04"],"_event":[null]}}]}'
    )
    assert moved(order) == order.replace("2026-03-04", "2026-03-08")


def test_an_order_without_a_date_begins_so_many_days_after_the_day_it_stood_for() -> None:
    order = '{"resourceType":"MedicationRequest","dosageInstruction":[{"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d","count":5}}}]}'
    assert json.loads(moved(order))["dosageInstruction"][0]["timing"]["repeat"] == {
        "frequency": 1, "period": 1, "periodUnit": "d", "count": 5, "boundsPeriod": {"start": "2026-03-08"},
    }  # fmt: skip


def test_a_duration_becomes_the_period_from_the_new_day_on() -> None:
    # Five days from the 8th: the 8th to the 12th.
    order = '{"resourceType":"MedicationRequest","dosageInstruction":[{"timing":{"repeat":{"boundsDuration":{"value":5,"unit":"d","code":"d"}}}}]}'
    assert json.loads(moved(order))["dosageInstruction"][0]["timing"]["repeat"] == {
        "boundsPeriod": {"start": "2026-03-08", "end": "2026-03-12"}
    }


def test_only_the_first_of_consecutive_steps_gets_a_date() -> None:
    order = '{"resourceType":"MedicationRequest","dosageInstruction":[{"sequence":2,"timing":{}},{"sequence":1,"timing":{}}]}'
    steps = json.loads(moved(order))["dosageInstruction"]
    assert [("repeat" in step["timing"]) for step in steps] == [False, True]


def test_the_validity_of_the_prescription_moves_with_it() -> None:
    order = '{"resourceType":"MedicationRequest","dispenseRequest":{"validityPeriod":{"start":"2026-03-04"},"quantity":{"value":1}},"dosageInstruction":[{}]}'
    assert json.loads(moved(order))["dispenseRequest"] == {
        "validityPeriod": {"start": "2026-03-08"},
        "quantity": {"value": 1},
    }


def test_a_single_instruction_that_came_without_a_list_goes_out_without_one() -> None:
    order = '{"resourceType":"MedicationRequest","dosageInstruction":{"timing":{"event":["2026-03-04"]}}}'
    assert moved(order) == order.replace("2026-03-04", "2026-03-08")


def test_a_service_request_moves_its_occurrence() -> None:
    assert moved('{"resourceType":"ServiceRequest","occurrenceDateTime":"2026-03-04"}') == (
        '{"resourceType":"ServiceRequest","occurrenceDateTime":"2026-03-08"}'
    )


def test_a_service_request_without_a_date_gets_one() -> None:
    assert moved('{"resourceType":"ServiceRequest","id":"s"}') == (
        '{"resourceType":"ServiceRequest","id":"s","occurrenceDateTime":"2026-03-08"}'
    )


def test_a_date_that_is_no_whole_day_cannot_be_moved() -> None:
    assert move(b'{"resourceType":"ServiceRequest","occurrenceDateTime":"2026-03"}', 4, TODAY) is None


def test_a_duration_in_months_cannot_be_moved() -> None:
    order = b'{"resourceType":"MedicationRequest","dosageInstruction":[{"timing":{"repeat":{"boundsDuration":{"value":1,"code":"mo"}}}}]}'
    assert move(order, 4, TODAY) is None


def test_what_is_no_order_cannot_be_moved() -> None:
    assert move(b"[]", 4, TODAY) is None


ONCE_WEEKLY = StepChange(
    index=0, dose=Decimal("15.0"), times=1, period_unit="wk", weekdays=("mon",), text="15 mg once a week on Monday"
)
FIRST_50 = StepBefore(dose=Decimal(50), days=14, text="50 mg once daily for 14 days")


def changed(dosage: str, *changes: StepChange, before: StepBefore | None = None) -> list[dict[str, object]]:
    order = f'{{"resourceType":"MedicationRequest","id":"a","dosageInstruction":[{dosage}],"note":[{{"text":"n"}}]}}'
    result = change_dosage(order.encode(), changes, before)
    assert result is not None
    read = json.loads(result)
    assert (read["id"], read["note"]) == ("a", [{"text": "n"}])
    dosages: list[dict[str, object]] = read["dosageInstruction"]
    return dosages


def test_a_daily_order_becomes_weekly_and_keeps_what_says_nothing_of_its_days() -> None:
    daily = (
        '{"text":"15 mg daily","route":{"text":"oral"},"doseAndRate":[{"doseQuantity":{"value":6,"unit":"tablet"}}],'
        '"timing":{"code":{"text":"QD"},"repeat":{"frequency":1,"period":1,"periodUnit":"d","timeOfDay":["08:00:00"],'
        '"boundsPeriod":{"start":"2026-03-09"}}}}'
    )
    assert changed(daily, ONCE_WEEKLY) == [
        {
            "text": "15 mg once a week on Monday",
            "route": {"text": "oral"},
            "doseAndRate": [
                {"doseQuantity": {"value": 15, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
            ],
            "timing": {
                "repeat": {
                    "frequency": 1,
                    "period": 1,
                    "periodUnit": "wk",
                    "boundsPeriod": {"start": "2026-03-09"},
                    "dayOfWeek": ["mon"],
                }
            },
        }
    ]


def test_a_change_of_an_instruction_that_is_not_there_is_none() -> None:
    assert change_dosage(b'{"resourceType":"MedicationRequest"}', (ONCE_WEEKLY,)) is None


def test_a_step_before_takes_over_all_but_what_is_said_of_the_dose() -> None:
    then = '{"text":"150 mg","route":{"text":"oral"},"patientInstruction":"three","timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}}}'
    first, second = changed(then, before=FIRST_50)
    assert first == {
        "sequence": 1,
        "text": "50 mg once daily for 14 days",
        "route": {"text": "oral"},
        "doseAndRate": [
            {"doseQuantity": {"value": 50, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
        ],
        "timing": {
            "repeat": {
                "frequency": 1,
                "period": 1,
                "periodUnit": "d",
                "boundsDuration": {"value": 14, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"},
            }
        },
    }
    assert second == json.loads(then) | {"sequence": 2}


def test_what_follows_a_step_begins_when_it_ends() -> None:
    # 14 days from the 4th are the 4th to the 17th.
    then = '{"timing":{"repeat":{"boundsPeriod":{"start":"2026-03-04","end":"2026-06-30"}}}}'
    bounds = [dosage["timing"]["repeat"]["boundsPeriod"] for dosage in changed(then, before=FIRST_50)]  # type: ignore[index]
    assert bounds == [{"start": "2026-03-04", "end": "2026-03-17"}, {"start": "2026-03-18", "end": "2026-06-30"}]


def test_no_step_goes_before_several_instructions_dates_or_an_end_that_is_too_soon() -> None:
    for dosages in (
        "{},{}",
        '{"timing":{"event":["2026-03-04"]}}',
        '{"timing":{"repeat":{"boundsPeriod":{"start":"2026-03-04","end":"2026-03-10"}}}}',
    ):
        order = f'{{"resourceType":"MedicationRequest","dosageInstruction":[{dosages}]}}'
        assert change_dosage(order.encode(), (), FIRST_50) is None


UNDER_THE_SKIN = msgspec.Raw(b'{"text":"subcutaneous"}')
METHOTREXATE = msgspec.Raw(b'{"text":"methotrexate"}')
TWENTY = StepChange(index=0, dose=Decimal(20), text="20 mg once a week on Monday, subcutaneous")


def rerouted(order: str, *changes: StepChange) -> bytes | None:
    return change_route(order.encode(), changes, UNDER_THE_SKIN, METHOTREXATE)


def test_another_route_keeps_the_timing_and_takes_the_dose_in_mg() -> None:
    result = rerouted(
        '{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"methotrexate 2.5 mg tablet"},"x":1.50,'
        '"dosageInstruction":[{"text":"8 tablets","patientInstruction":"with water","method":{"text":"swallow"},'
        '"route":{"text":"oral"},"timing":{"repeat":{"dayOfWeek":["mon"]}},'
        '"doseAndRate":[{"doseQuantity":{"value":8,"unit":"TAB"}}]}]}',
        TWENTY,
    )
    assert result is not None
    assert b'"x":1.50' in result
    assert json.loads(result) == {
        "resourceType": "MedicationRequest",
        "x": 1.5,
        "medicationCodeableConcept": {"text": "methotrexate"},
        "dosageInstruction": [
            {
                "text": "20 mg once a week on Monday, subcutaneous",
                "route": {"text": "subcutaneous"},
                "timing": {"repeat": {"dayOfWeek": ["mon"]}},
                "doseAndRate": [
                    {"doseQuantity": {"value": 20, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
                ],
            }
        ],
    }


def test_a_medication_that_an_order_refers_to_stays() -> None:
    result = rerouted('{"medicationReference":{"reference":"#m"},"dosageInstruction":{}}', TWENTY)
    assert result is not None
    read = json.loads(result)
    assert read["medicationReference"] == {"reference": "#m"}
    assert "medicationCodeableConcept" not in read
    assert read["dosageInstruction"]["route"] == {"text": "subcutaneous"}


@pytest.mark.parametrize("order", ["{}", '{"dosageInstruction":[{},{}]}', '{"dosageInstruction":[1]}', "1"])
def test_a_route_is_changed_for_every_instruction_or_not_at_all(order: str) -> None:
    assert rerouted(order, TWENTY) is None
