"""When infusions are given: administrations before orders, cycles, amounts per kilogram, procedures."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.clinical.chart import DraftOrder, Procedure
from cds_service.clinical.timeline import Given, cycles, days_given, grams_per_kg, procedure_days

from .charts import AS_OF, amount, chart, daily, day, draft, drug, given, therapy, weight

X = drug("x")


def told(days: tuple[Given, ...]) -> list[tuple[int, bool, bool]]:
    """Each day relative to today, explicit or not, certain or not."""
    return [((each.day - AS_OF).days, each.explicit, each.certain) for each in days]


def test_an_administration_says_when_a_dose_was_given() -> None:
    held = chart(given(-3, "x", id="a"), given(-9, "x", id="b"), given(None, "x", id="c"), given(-1, "y", id="d"))
    assert told(days_given(held, X)) == [(-9, True, True), (-3, True, True)]


def test_an_order_says_so_where_nothing_was_given() -> None:
    held = chart(therapy("x", start=-14, regimen=daily(dates=[-14, 0])))
    assert told(days_given(held, X)) == [(-14, True, True), (0, True, True)]


def test_an_order_known_by_its_writing_alone_is_neither_explicit_nor_certain() -> None:
    held = chart(therapy("x", start=-5, certain=False, regimen=daily(dates=[-5])))
    assert told(days_given(held, X)) == [(-5, False, False)]


@pytest.mark.parametrize(
    ("certain", "administered", "expected"),
    [
        # a dose up to three days beside a dated plan is that plan's own
        (True, -3, [(-3, True, True)]),
        (True, 3, [(3, True, True)]),
        (True, -4, [(-4, True, True), (0, True, True)]),
        # one whose order has no date may be up to fourteen days away
        (False, -14, [(-14, True, True)]),
        (False, -15, [(-15, True, True), (0, False, False)]),
    ],
)
def test_an_administration_stands_for_the_day_that_was_planned(
    certain: bool, administered: int, expected: list[tuple[int, bool, bool]]
) -> None:
    held = chart(therapy("x", start=0, certain=certain, regimen=daily(dates=[0])), given(administered, "x"))
    assert told(days_given(held, X)) == expected


def test_an_administration_of_another_order_stands_for_nothing_here() -> None:
    held = chart(therapy("x", start=0, regimen=daily(dates=[0])), given(-1, "x", carries_out="MedicationRequest/other"))
    assert told(days_given(held, X)) == [(-1, True, True), (0, True, True)]
    own = chart(therapy("x", start=0, regimen=daily(dates=[0])), given(-1, "x", carries_out="MedicationRequest/m1"))
    assert told(days_given(own, X)) == [(-1, True, True)]


def test_an_order_on_hold_or_without_any_date_plans_nothing() -> None:
    held = chart(
        therapy("x", status="on-hold", start=0, regimen=daily(dates=[0])),
        therapy("x", start=None, reference="MedicationRequest/m2"),
    )
    assert days_given(held, X) == ()


@pytest.mark.parametrize(
    ("start", "certain", "expected"),
    [
        # a draft from today on takes the place of today's dose and of all later ones
        (0, True, [(-14, True, True), (0, True, True)]),
        # one that is dated as the order itself takes the place of all of it
        (-14, True, [(-14, True, True)]),
        # an order without a date of its own, written up to fourteen days ago, may not have been carried out
        (0, False, [(0, True, True)]),
    ],
)
def test_what_passed_before_an_order_was_replaced_was_given(
    start: int, certain: bool, expected: list[tuple[int, bool, bool]]
) -> None:
    old = therapy("x", start=-14, certain=certain, regimen=daily(dates=[-14, 0, 14]))
    new = draft("x", start=start, replaces=old.reference, regimen=daily(dates=[start]))
    assert told(days_given(chart(old, drafts=[new]), X)) == expected


@pytest.mark.parametrize(("last", "expected"), [(-3, []), (-4, [-8, -6, -4])])
def test_the_days_of_the_cycle_in_which_an_order_is_replaced_are_the_drafts(last: int, expected: list[int]) -> None:
    old = therapy("x", start=last - 4, regimen=daily(dates=[last - 4, last - 2, last]))
    new = draft("x", start=0, replaces=old.reference, regimen=daily(dates=[0]))
    assert [(each.day - AS_OF).days for each in days_given(chart(old, drafts=[new]), X)] == [*expected, 0]


def test_of_a_replaced_order_that_goes_on_nothing_is_known_to_have_been_given() -> None:
    old = therapy("x", start=-20, regimen=daily())
    new = draft("x", start=0, replaces=old.reference, regimen=daily(dates=[0]))
    assert told(days_given(chart(old, drafts=[new]), X)) == [(0, True, True)]


@pytest.mark.parametrize(("ended_by", "expected"), [(None, [-14, 0]), (-1, [-14]), (-14, [-14]), (-15, [])])
def test_an_order_that_has_ended_plans_nothing_after_its_end(ended_by: int | None, expected: list[int]) -> None:
    """Without any bound it ended by today."""
    stopped = therapy("x", status="ended", start=-14, ended_by=ended_by, regimen=daily(dates=[-14, 0, 14]))
    assert [(each.day - AS_OF).days for each in days_given(chart(stopped), X)] == expected


def test_the_stated_end_of_an_order_bounds_its_days() -> None:
    held = chart(therapy("x", start=-2, end=-1, regimen=daily(dates=[-2, -1, 0])))
    assert [(each.day - AS_OF).days for each in days_given(held, X)] == [-2, -1]


def test_a_draft_without_a_date_is_for_today_which_is_certain_but_not_explicit() -> None:
    undated = draft("x", regimen=daily(dates=()))
    (first, *_) = days_given(chart(drafts=[undated]), X)
    assert (first.day, first.explicit, first.certain, first.draft) == (AS_OF, False, True, undated)
    dated = draft("x", start=3, regimen=daily(dates=[3]))
    assert told(days_given(chart(drafts=[dated]), X)) == [(3, True, True)]


def test_a_draft_whose_days_are_not_stated_is_given_on_its_first_day() -> None:
    assert told(days_given(chart(drafts=[draft("x", start=3)]), X)) == [(3, True, True)]


def test_of_one_day_the_chart_comes_before_the_draft() -> None:
    held = chart(given(0, "x"), drafts=[draft("x", start=0, regimen=daily(dates=[0]))])
    assert [each.draft is None for each in days_given(held, X)] == [True, False]


# Cycles


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([0, 1, 2, 3, 4], [[0, 1, 2, 3, 4]]),
        ([0, 3, 6], [[0, 3, 6]]),
        ([0, 4], [[0], [4]]),
        # seven days are the longest: the eighth begins another
        ([0, 2, 4, 6, 7], [[0, 2, 4, 6], [7]]),
        ([0, 28], [[0], [28]]),
        ([], []),
    ],
)
def test_days_close_to_each_other_are_one_cycle(days: list[int], expected: list[list[int]]) -> None:
    held = chart(*(given(each, "x", id=f"a{each}") for each in days))
    found = cycles(days_given(held, X))
    assert [[(each.day - AS_OF).days for each in cycle.days] for cycle in found] == expected


def test_a_cycle_knows_its_ends_and_its_draft() -> None:
    planned = draft("x", start=1, regimen=daily(dates=[1, 2]))
    (cycle,) = cycles(days_given(chart(given(0, "x"), drafts=[planned]), X))
    assert (cycle.start, cycle.end, cycle.draft) == (AS_OF, day(2), planned)
    assert (cycle.explicit, cycle.certain) == (True, True)


# Amounts


@pytest.mark.parametrize(
    ("dose", "expected"),
    [
        (amount("400", "mg/kg"), Decimal("2")),  # five days of 0.4 g/kg
        (amount("28000"), Decimal("2")),  # five days of 28 g for 70 kg
        (amount("1", "1"), None),
        (None, None),
    ],
)
def test_a_cycle_gives_so_many_grams_per_kilogram(dose: object, expected: Decimal | None) -> None:
    known = dose if isinstance(dose, type(amount("1"))) else None
    planned = draft("x", start=0, regimen=daily(known, dates=[0, 1, 2, 3, 4]))
    held = chart(drafts=[planned], results=[weight("70")])
    (cycle,) = cycles(days_given(held, X))
    assert grams_per_kg(held, cycle) == expected


def test_without_a_weight_only_a_dose_per_kilogram_is_known() -> None:
    for dose, expected in ((amount("400", "mg/kg"), Decimal("0.4")), (amount("28000"), None)):
        held = chart(drafts=[draft("x", start=0, regimen=daily(dose, dates=[0]))])
        (cycle,) = cycles(days_given(held, X))
        assert grams_per_kg(held, cycle) == expected


# Procedures


def test_procedures_done_and_planned_are_in_order_of_time() -> None:
    def procedure(concept: str, at: int | None) -> Procedure:
        return Procedure(reference="p", concepts=frozenset({concept}), label="p", day=None if at is None else day(at))

    planned = [
        DraftOrder(reference=name, procedure=procedure(concept, at))
        for name, concept, at in (("a", "pex", None), ("b", "pex", -9), ("c", "ct", 0))
    ]
    held = chart(drafts=planned)
    done = type(held)(
        as_of=held.as_of,
        hook=held.hook,
        patient=held.patient,
        drafts=held.drafts,
        procedures=(procedure("pex", -2), procedure("pex", None), procedure("ct", -3)),
    )
    assert procedure_days(done, frozenset({"pex"})) == ((day(-9), planned[1]), (day(-2), None), (AS_OF, planned[0]))
