"""Laws of the dosage reader, held against generated orders."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.clinical import dose as asked
from cds_service.clinical.dose import WEEKDAYS, Amount, Frequency, Regimen, Unknown
from cds_service.mapping.dosage import read_regimen
from cds_service.mapping.elements import read_dosages
from tests.mapping.orders import UCUM, Json, quantity, read

AMOUNTS = st.decimals(min_value="0.5", max_value="2000", places=2).filter(lambda number: number > 0)


def written(number: Decimal) -> object:
    """A Decimal as JSON has it; the text form keeps every digit."""
    return str(number)


def figures(order: Regimen) -> tuple[object, ...]:
    """What rules ask of an order, without the elements it came from."""
    daily, weekly, rate = asked.daily_amount(order), asked.weekly_amount(order), asked.administrations_per_week(order)
    assert isinstance(daily, Amount), daily
    assert isinstance(weekly, Amount), weekly
    assert isinstance(rate, Frequency), rate
    return (
        (daily.low, daily.high, daily.unit),
        (weekly.low, weekly.high, weekly.unit),
        (rate.per_day_low, rate.per_day_high, rate.per_week_low, rate.per_week_high),
        asked.duration_days(order) if not asked.open_ended(order) else None,
    )


def masses(amount: Decimal) -> list[Json]:
    """One mass, in every form that a client may write."""
    forms = [
        quantity(written(amount), "mg"),
        quantity(written(amount), "MG", "$ucum"),
        {"value": written(amount), "unit": "milligram"},
        {"value": written(amount), "code": "mg", "system": UCUM},
        quantity(written(amount / 1000), "g"),
        quantity(written(amount * 1000), "mcg", code="ug"),
    ]
    positions: list[Json] = [{"doseAndRate": [{"doseQuantity": form}]} for form in forms]
    positions.append({"doseAndRate": {"doseQuantity": forms[0]}})
    positions.append({"doseQuantity": forms[0]})
    positions.append({"doseAndRate": [{"doseRange": {"low": forms[0], "high": forms[0]}}]})
    typed = {"type": {"coding": [{"code": "ordered"}]}, "doseQuantity": forms[0]}
    other = {"type": {"coding": [{"code": "admin-amount"}]}, "doseQuantity": quantity(3, "{tablet}")}
    positions.append({"doseAndRate": [other, typed]})
    return positions


def daily_forms(times: int) -> list[Json]:
    abbreviation = {1: "QD", 2: "BID", 3: "TID", 4: "QID"}[times]
    hours = 24 // times
    clock = [f"{6 + 4 * place:02d}:00:00" for place in range(times)]
    return [
        {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
        {"repeat": {"frequency": times, "period": 24, "periodUnit": "h"}},
        {"repeat": {"frequency": 1, "period": hours, "periodUnit": "h"}},
        {"repeat": {"frequency": times, "period": 1, "periodUnit": "d", "timeOfDay": clock}},
        {"repeat": {"timeOfDay": clock}},
        {"repeat": {"when": ["MORN", "NOON", "EVE", "NIGHT"][:times]}},
        {"code": {"coding": [{"code": abbreviation}]}},
        {"repeat": {"frequency": 7 * times, "period": 1, "periodUnit": "wk"}},
        {"repeat": {"frequency": times, "period": 1, "periodUnit": "d", "dayOfWeek": list(WEEKDAYS)}},
    ]


def weekly_forms(day: str) -> list[Json]:
    return [
        {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}},
        {"repeat": {"period": 1, "periodUnit": "wk"}},
        {"repeat": {"frequency": 1, "period": 7, "periodUnit": "d"}},
        {"repeat": {"frequency": 1, "period": 168, "periodUnit": "h"}},
        {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": [day]}},
        {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": [day]}},
        {"repeat": {"dayOfWeek": day}},
        {"repeat": {"frequency": 1, "period": 1, "periodUnit": "week", "dayOfWeek": [day]}},
        {"code": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation", "code": "WK"}]}},
    ]


def lengths(days: int) -> list[Json]:
    return [
        {"boundsDuration": quantity(days, "d")},
        {"boundsDuration": quantity(days * 24, "h")},
        {"boundsPeriod": {"start": "2026-03-01", "end": f"2026-03-{days:02d}"}},
        {"boundsRange": {"low": quantity(days, "d"), "high": quantity(days, "d")}},
    ]


@given(amount=AMOUNTS, times=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_a_daily_order_reads_the_same_in_every_form(amount: Decimal, times: int) -> None:
    expected = (
        (amount * times, amount * times, "mg"),
        (amount * times * 7, amount * times * 7, "mg"),
        (times, times, times * 7, times * 7),
        None,
    )
    for mass in masses(amount):
        assert figures(read({**mass, "timing": daily_forms(times)[0]})) == expected
    for timing in daily_forms(times):
        assert figures(read({**masses(amount)[0], "timing": timing})) == expected


@given(amount=AMOUNTS, day=st.sampled_from(WEEKDAYS))
@settings(max_examples=40, deadline=None)
def test_a_weekly_order_reads_the_same_in_every_form(amount: Decimal, day: str) -> None:
    expected = ((amount, amount, "mg"), (amount, amount, "mg"), (1, 1, 1, 1), None)
    for timing in weekly_forms(day):
        for mass in masses(amount):
            assert figures(read({**mass, "timing": timing})) == expected


@given(amount=AMOUNTS, days=st.integers(1, 28))
@settings(max_examples=40, deadline=None)
def test_a_course_reads_the_same_in_every_form(amount: Decimal, days: int) -> None:
    expected = (
        (amount, amount, "mg"),
        (amount * min(days, 7), amount * min(days, 7), "mg"),
        (1, 1, min(days, 7), min(days, 7)),
        days,
    )
    repeat: Json = {"frequency": 1, "period": 1, "periodUnit": "d"}
    courses: list[Json] = [*lengths(days), {"count": days}]
    for bounds in courses:
        assert figures(read({**masses(amount)[0], "timing": {"repeat": {**repeat, **bounds}}})) == expected
    dates = [f"2026-03-{day:02d}" for day in range(1, days + 1)]
    assert figures(read({**masses(amount)[0], "timing": {"event": dates}})) == expected


COMPLETE: Json = {
    "sequence": 1,
    "text": "15 mg once weekly",
    "timing": {
        "repeat": {
            "frequency": 1,
            "period": 1,
            "periodUnit": "wk",
            "dayOfWeek": ["mon"],
            "boundsDuration": quantity(4, "wk"),
        }
    },
    "doseAndRate": [{"doseQuantity": quantity(15, "mg")}],
}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
PATHS: list[tuple[object, ...]] = [
    (),
    ("timing",),
    ("timing", "repeat"),
    ("timing", "repeat", "boundsDuration"),
    ("doseAndRate",),
    ("doseAndRate", 0),
    ("doseAndRate", 0, "doseQuantity"),
    ("doseAndRate", 0, "doseQuantity", "value"),
    ("doseAndRate", 0, "doseQuantity", "code"),
    ("timing", "repeat", "frequency"),
    ("timing", "repeat", "period"),
    ("timing", "repeat", "periodUnit"),
    ("timing", "repeat", "dayOfWeek"),
    ("sequence",),
    ("text",),
]


@given(junk=JUNK, path=st.sampled_from(PATHS))
@settings(max_examples=400, deadline=None)
def test_anything_anywhere_is_read_or_unknown_and_never_raises(junk: object, path: tuple[object, ...]) -> None:
    order = json.loads(json.dumps([COMPLETE]))
    target = order[0] if path else order
    for step in path[:-1]:
        target = target[step]
    if path:
        target[path[-1]] = junk
    else:
        order = junk
    regimen = read_regimen(read_dosages(json.dumps(order).encode()), where="dosageInstruction")
    for question in (asked.daily_amount, asked.weekly_amount, asked.amount_per_cycle, asked.single_dose):
        answer = question(regimen)
        assert isinstance(answer, Amount) or (isinstance(answer, Unknown) and answer.reason)
    assert isinstance(asked.in_words(regimen), str)


@given(name=st.text(st.characters(categories=["L"]), min_size=1, max_size=12).map(lambda text: f"x{text}"), junk=JUNK)
@settings(max_examples=100, deadline=None)
def test_an_element_that_nobody_knows_changes_nothing(name: str, junk: object) -> None:
    plain = read(COMPLETE)
    timing = json.loads(json.dumps(COMPLETE["timing"]))
    timing["repeat"][name] = junk
    assert read({**COMPLETE, name: junk}) == plain
    assert read({**COMPLETE, "timing": timing}) == plain


LOSSES: list[tuple[object, ...]] = [
    ("timing",),
    ("timing", "repeat"),
    ("timing", "repeat", "period"),
    ("timing", "repeat", "periodUnit"),
    ("timing", "repeat", "frequency"),
    ("doseAndRate",),
    ("doseAndRate", 0, "doseQuantity"),
    ("doseAndRate", 0, "doseQuantity", "value"),
]


@given(
    path=st.sampled_from(LOSSES),
    name=st.sampled_from(["modifierExtension", "extension", "_timing", "unknown", "x"]),
    junk=JUNK,
)
@settings(max_examples=200, deadline=None)
def test_an_unknown_element_never_makes_an_answer_more_certain(
    path: tuple[object, ...], name: str, junk: object
) -> None:
    lacking = json.loads(json.dumps(COMPLETE))
    target = lacking
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    before = read(lacking)
    after = read({**lacking, name: junk})
    for question in (asked.daily_amount, asked.weekly_amount, asked.administrations_per_week, asked.duration_days):
        if isinstance(question(before), Unknown):
            assert isinstance(question(after), Unknown)


@given(amount=AMOUNTS)
@settings(max_examples=50, deadline=None)
def test_numbers_stay_exact(amount: Decimal) -> None:
    answer = asked.single_dose(read({**masses(amount)[0], "timing": daily_forms(1)[0]}))
    assert isinstance(answer, Amount)
    assert answer.high == amount
    assert msgspec.json.encode(answer.high) == msgspec.json.encode(amount)
