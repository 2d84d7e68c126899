"""Orders as people type them: every part is understood or named as not understood."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from cds_service.cli.faults import NotUnderstood
from cds_service.cli.words import OrderWords, PeriodUnit, read_order

TODAY = dt.date(2026, 11, 25)


def read(text: str) -> OrderWords:
    return read_order(text, TODAY)


def test_a_weekly_order_on_a_named_day() -> None:
    assert read("Methotrexate 15 mg weekly on Monday") == OrderWords(
        text="Methotrexate 15 mg weekly on Monday",
        name="methotrexate",
        amount=Decimal(15),
        unit="mg",
        frequency=1,
        period=1,
        period_unit="wk",
        weekdays=("mon",),
    )


def test_a_name_alone_has_no_dose_and_no_frequency() -> None:
    assert read("plasmapheresis") == OrderWords(text="plasmapheresis", name="plasmapheresis")


@pytest.mark.parametrize(
    ("said", "frequency", "period", "unit"),
    [
        ("daily", 1, 1, "d"),
        ("once daily", 1, 1, "d"),
        ("twice a day", 2, 1, "d"),
        ("three times per day", 3, 1, "d"),
        ("3x daily", 3, 1, "d"),
        ("bid", 2, 1, "d"),
        ("qid", 4, 1, "d"),
        ("weekly", 1, 1, "wk"),
        ("every week", 1, 1, "wk"),
        ("twice weekly", 2, 1, "wk"),
        ("3 x a week", 3, 1, "wk"),
        ("every 4 weeks", 1, 4, "wk"),
        ("every 12 hours", 1, 12, "h"),
        ("monthly", 1, 1, "mo"),
    ],
)
def test_a_frequency(said: str, frequency: int, period: int, unit: PeriodUnit) -> None:
    order = read(f"prednisolone 5 mg {said}")
    assert (order.name, order.frequency, order.period, order.period_unit) == ("prednisolone", frequency, period, unit)


def test_two_weekdays_are_two_times_a_week() -> None:
    order = read("folic acid 5 mg weekly on tue and friday")
    assert (order.frequency, order.weekdays) == (2, ("tue", "fri"))


@pytest.mark.parametrize(
    ("said", "amount", "unit"),
    [
        ("28 g", "28", "g"),
        ("2g/kg", "2", "g/kg"),
        ("0.075 mg/kg", "0.075", "mg/kg"),
        ("500 mg/m2", "500", "mg/m2"),
        ("400 mcg", "400", "ug"),
        ("800 IU", "800", "[iU]"),
        ("6 tablets", "6", "{tablet}"),
        ("12.5 mL", "12.5", "mL"),
    ],
)
def test_an_amount_keeps_its_digits(said: str, amount: str, unit: str) -> None:
    order = read(f"something {said} daily")
    assert (order.name, str(order.amount), order.unit) == ("something", amount, unit)


def test_a_strength_in_percent_belongs_to_the_name() -> None:
    order = read("tacrolimus 0.1 % ointment twice daily")
    assert (order.name, order.amount, order.frequency) == ("tacrolimus 0.1 % ointment", None, 2)


@pytest.mark.parametrize("text", ["methotrexate 15 mg sc weekly", "methotrexate sc 15 mg weekly", "methotrexate sc"])
def test_a_route_may_stand_anywhere_behind_the_name(text: str) -> None:
    assert (read(text).name, read(text).route) == ("methotrexate", "subcutaneous")


def test_a_route_that_begins_a_name_is_part_of_it() -> None:
    order = read("IV immunoglobulin 28 g daily for 5 days")
    assert (order.name, order.route, order.days) == ("iv immunoglobulin", "", 5)


def test_single_days() -> None:
    assert read("rituximab 1000 mg iv on 2026-11-30 and 2026-12-14").events == (
        dt.date(2026, 11, 30),
        dt.date(2026, 12, 14),
    )
    assert read("rituximab 1000 mg on today, tomorrow").events == (TODAY, dt.date(2026, 11, 26))


def test_bounds() -> None:
    order = read("ivig 28 g daily from tomorrow until 2026-11-30")
    assert (order.start, order.end, order.days) == (dt.date(2026, 11, 26), dt.date(2026, 11, 30), None)
    assert read("prednisolone 60 mg daily for 4 weeks").days == 28


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("methotrexate 15 mg weekly maybe", "'maybe' in 'methotrexate 15 mg weekly maybe' is not understood"),
        ("15 mg daily", "'15 mg daily' begins with no medication or procedure"),
        ("", "'' begins with no medication or procedure"),
        ("methotrexate 15 mg on monday", "'methotrexate 15 mg on monday' names a weekday: say weekly too"),
        ("folic acid 5 mg daily on monday", "'folic acid 5 mg daily on monday' names a weekday: say weekly too"),
        ("rituximab 1000 mg on 2026-02-30", "2026-02-30 is no date"),
        ("methotrexate oral 15 mg sc", "'oral sc' in 'methotrexate oral 15 mg sc' is not understood"),
        ("methotrexate 15 mg 20 mg weekly", "'20 mg' in 'methotrexate 15 mg 20 mg weekly' is not understood"),
    ],
)
def test_what_is_not_understood_is_named(text: str, why: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read(text)
    assert str(caught.value) == why
