"""How much glucocorticoid is taken on each day: what is added, what is left out, and how long it lasts."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical.dose import Regimen
from cds_service.clinical.glucocorticoids import Glucocorticoids, Pulse
from cds_service.clinical.steroid_days import SteroidDays, Stretch, steroid_days
from cds_service.clinical.therapy import Therapy

from .charts import amount, chart, daily, day, draft, drug, given, therapy, weight

ORAL = drug("prednisolone", "prednisone", "methylprednisolone", "dexamethasone")
STEROIDS = Glucocorticoids(
    reference="prednisolone",
    equal_to_5_mg={
        "prednisolone": Decimal(5),
        "prednisone": Decimal(5),
        "methylprednisolone": Decimal(4),
        "dexamethasone": Decimal("0.75"),
    },
    pulses=(Pulse(drugs=drug("dexamethasone"), at_least_mg_per_day=Decimal(20), every_days=28),),
)


def taken(mg: str, start: int, until: int | None = None, name: str = "prednisolone", **more: object) -> Therapy:
    """An order of so many mg daily from a day to a day."""
    base = therapy(name, start=start, regimen=daily(amount(mg), until=until), reference=f"MedicationRequest/{start}")
    return msgspec.structs.replace(base, **more)


def days_of(*therapies: Therapy, **more: object) -> SteroidDays:
    return steroid_days(chart(*therapies, **more), STEROIDS, ORAL)  # type: ignore[arg-type]


def test_orders_that_run_together_are_added() -> None:
    days = days_of(taken("20", -10), taken("5", -5, 3))
    assert [days.on(day(at)) for at in (-11, -10, -5, 3, 4)] == [0, 20, 25, 25, 20]


def test_another_glucocorticoid_counts_as_so_much_of_the_reference() -> None:
    """16 mg of methylprednisolone are 16 x 5 / 4 = 20 mg."""
    assert days_of(taken("16", -10, name="methylprednisolone")).on(day(0)) == 20


def test_a_dose_per_kg_needs_the_weight() -> None:
    order = therapy("prednisolone", start=-10, regimen=daily(amount("0.5", "mg/kg")))
    assert days_of(order, results=[weight("70")]).on(day(0)) == 35
    assert days_of(order).unsure == (order,)


def test_a_pulse_is_left_out_and_a_low_dose_of_the_same_drug_is_not() -> None:
    """6 mg of dexamethasone are 40 mg."""
    assert days_of(taken("40", -10, name="dexamethasone")).spells == ()
    assert days_of(taken("6", -10, name="dexamethasone")).on(day(0)) == 40


def test_what_is_on_hold_is_not_taken_and_what_was_given_is_told_by_its_order() -> None:
    assert days_of(taken("20", -10, status="on-hold"), given(-1, "prednisolone")).spells == ()


def test_what_is_taken_only_as_needed_is_left_out() -> None:
    regimen = daily(amount("20"))
    (phase,) = regimen.phases
    as_needed = Regimen(phases=(tuple(msgspec.structs.replace(step, prn=True) for step in phase),))
    assert days_of(therapy("prednisolone", start=-10, regimen=as_needed)).spells == ()


def test_a_statement_tells_the_same_course_as_an_active_order_again() -> None:
    said = taken("20", -30, source="statement", reference="MedicationStatement/s")
    assert days_of(said, taken("20", -10)).on(day(0)) == 20
    assert days_of(said).on(day(0)) == 20
    assert days_of(said, taken("20", -60, -40, status="ended")).on(day(0)) == 20


def test_an_order_counts_until_the_draft_that_replaces_it_begins() -> None:
    old = taken("20", -10)
    new = draft("prednisolone", start=5, regimen=daily(amount("40")), replaces=old.reference)
    days = days_of(old, drafts=[new])
    assert [days.on(day(at)) for at in (4, 5, 6)] == [20, 40, 40]


def test_a_draft_without_a_date_begins_today() -> None:
    days = days_of(drafts=[draft("prednisolone", regimen=daily(amount("40")))])
    assert [days.on(day(at)) for at in (-1, 0)] == [0, 40]


def test_an_order_that_ended_on_a_day_not_stated_counts_until_yesterday_at_the_latest() -> None:
    days = days_of(taken("20", -30, status="ended"))
    assert [days.on(day(at)) for at in (-1, 0)] == [20, 0]
    assert days_of(taken("20", -30, status="ended", ended_by=day(-9))).on(day(-8)) == 0


def test_steps_follow_one_another() -> None:
    first, second = daily(amount("40"), until=6).phases + daily(amount("20")).phases
    days = days_of(therapy("prednisolone", start=0, regimen=Regimen(phases=(first, second))))
    assert days.levels() == [(day(0), Decimal(40)), (day(7), Decimal(20))]


def test_an_unknown_dose_is_unsure_only_where_it_may_matter_now() -> None:
    running, over = therapy("prednisolone", start=-9, regimen=daily()), taken("5", -99, -90, status="ended")
    old = msgspec.structs.replace(over, regimen=running.regimen)
    assert days_of(running, old).unsure == (running,)


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (6, [Stretch(day(-30), day(-21), 10), Stretch(day(-13), day(-4), 10)]),
        (7, [Stretch(day(-30), day(-4), 20)]),
    ],
)
def test_a_gap_of_seven_days_ends_a_stretch_where_only_six_may_be_left_out(gap: int, expected: list[Stretch]) -> None:
    """From day -20 to -14 nothing is taken: 7 days, which do not count."""
    days = days_of(taken("20", -30, -21), taken("20", -13, -4))
    assert days.stretches(Decimal(20), gap_days=gap) == expected


def test_a_stretch_without_an_end_lasts_for_any_number_of_days() -> None:
    (stretch,) = days_of(taken("20", -3)).current(Decimal(20), day(0))
    assert (stretch.days, stretch.lasts(10_000)) == (None, True)


def test_a_stretch_is_lowered_where_less_but_something_follows() -> None:
    assert days_of(taken("20", 0, 9), taken("5", 0, 20)).stretches(Decimal(20)) == [Stretch(day(0), day(9), 10, True)]
    assert days_of(taken("20", 0, 9)).stretches(Decimal(20)) == [Stretch(day(0), day(9), 10, False)]


def test_days_since_a_day_are_counted_from_that_day_on() -> None:
    days = days_of(taken("5", -20, -11), taken("5", -4, 5))
    assert days.days_since(Decimal(5), day(-12)) == 2 + 10
    assert days_of(taken("5", -4)).days_since(Decimal(5), day(-12)) is None


def test_nothing_taken_is_no_stretch() -> None:
    assert days_of().stretches(Decimal(1)) == []
