"""Glucocorticoids in each other's doses, and what counts as a pulse."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical import dose
from cds_service.clinical.chart import Chart, Patient
from cds_service.clinical.dose import Amount, Frequency, Regimen, Step, Unknown
from cds_service.clinical.drugs import Drug
from cds_service.clinical.glucocorticoids import HORIZON_DAYS, Glucocorticoids, goes_on, high_days
from cds_service.clinical.kinds.glucocorticoid import GlucocorticoidExcess, once_daily
from cds_service.clinical.kinds.pulse import longest_run
from cds_service.clinical.therapy import Regimens, RouteClass, Therapy
from cds_service.knowledge.loader import Knowledge

TODAY = dt.date(2026, 3, 4)
CHART = Chart(as_of=TODAY, hook="order-sign", patient=Patient(reference="Patient/1"))
ONE = Decimal(1)


@pytest.fixture(scope="module")
def steroids(knowledge: Knowledge) -> Glucocorticoids:
    """The figures as shipped."""
    return next(rule.steroids for rule in knowledge.book.rules if isinstance(rule, GlucocorticoidExcess))


def step(milligrams: str, *, times: int = 1, every: int = 1, days: int | None = None, index: int = 0) -> Step:
    value = Decimal(milligrams)
    a_week = Decimal(7 * times) / every
    return Step(
        where=f"dosageInstruction[{index}]",
        dose=Amount(low=value, high=value, unit="mg"),
        frequency=Frequency(
            per_day_low=Decimal(times), per_day_high=Decimal(times), per_week_low=a_week, per_week_high=a_week
        ),
        days=Decimal(days) if days is not None else None,
        open_ended=days is None,
        period_days=Decimal(every),
    )


def therapy(ingredient: str, *steps: Step, route: RouteClass = "oral") -> Therapy:
    regimen = Regimen(phases=tuple((one,) for one in steps))
    return Therapy(
        reference="MedicationRequest/1",
        source="draft",
        status="draft",
        ingredients=frozenset((ingredient,)),
        label=ingredient,
        route=route,
        regimen=Regimens(lambda ingredient: regimen),
    )


@pytest.mark.parametrize(
    ("ingredient", "milligrams", "as_prednisolone"),
    [
        ("prednisolone", "40", "40"),
        ("prednisone", "40", "40"),
        ("methylprednisolone", "32", "40"),  # 32 x 5 / 4
        ("dexamethasone", "6", "40"),  # 6 x 5 / 0.75
        ("betamethasone", "6", "40"),
        ("hydrocortisone", "160", "40"),  # 160 x 5 / 20
        ("triamcinolone", "32", "40"),
        ("cortisone", "200", "40"),  # 200 x 5 / 25
        ("deflazacort", "48", "40"),  # 48 x 5 / 6
    ],
)
def test_a_dose_is_reckoned_as_prednisolone(
    steroids: Glucocorticoids, ingredient: str, milligrams: str, as_prednisolone: str
) -> None:
    amount = steroids.equivalent(CHART, therapy(ingredient, step(milligrams)), dose.daily_amount)
    assert isinstance(amount, Amount)
    assert amount.high == Decimal(as_prednisolone)


def test_a_dose_per_kg_without_a_weight_is_unknown(steroids: Glucocorticoids) -> None:
    per_kg = msgspec.structs.replace(step("1"), dose=Amount(low=ONE, high=ONE, unit="mg/kg"))
    assert steroids.equivalent(CHART, therapy("prednisolone", per_kg), dose.daily_amount) == Unknown(
        reason="the body weight is not known"
    )


@pytest.mark.parametrize(
    ("ingredient", "milligrams", "route", "is_pulse"),
    [
        ("dexamethasone", "20", "oral", True),
        ("dexamethasone", "19.9", "oral", False),
        ("dexamethasone", "40", "unknown", True),
        ("dexamethasone", "40", "intravenous", False),
        ("dexamethasone", "40", "local", False),
        ("methylprednisolone", "250", "intravenous", True),
        ("methylprednisolone", "249", "intravenous", False),
        ("methylprednisolone", "500", "parenteral", True),
        ("methylprednisolone", "500", "intramuscular", False),
        ("methylprednisolone", "500", "oral", False),
        ("prednisolone", "500", "oral", False),
    ],
)
def test_a_pulse_is_told_by_its_dose_and_route(
    steroids: Glucocorticoids, ingredient: str, milligrams: str, route: RouteClass, is_pulse: bool
) -> None:
    assert steroids.is_pulse(CHART, therapy(ingredient, step(milligrams), route=route)) is is_pulse


def test_two_doses_of_ten_milligrams_a_day_are_a_pulse(steroids: Glucocorticoids) -> None:
    assert steroids.is_pulse(CHART, therapy("dexamethasone", step("10", times=2)))


def test_only_the_days_of_the_pulse_dose_are_pulse_days(steroids: Glucocorticoids) -> None:
    pulse = steroids.pulse_with(Drug(ingredients=frozenset(("dexamethasone",)), names=()))
    tail = therapy("dexamethasone", step("40", days=4), step("4", days=10, index=1))
    assert high_days(CHART, steroids, pulse, tail) == frozenset(TODAY + dt.timedelta(days=n) for n in range(4))


def test_a_drug_without_a_pulse_is_refused(steroids: Glucocorticoids) -> None:
    with pytest.raises(ValueError, match=r"^no pulse of this drug is known$"):
        steroids.pulse_with(Drug(ingredients=frozenset(("prednisolone",)), names=()))


def test_a_drug_without_an_equivalent_is_refused(steroids: Glucocorticoids) -> None:
    with pytest.raises(ValueError, match=r"^no equivalent of 'budesonide' is known$"):
        steroids.refuse_unknown(Drug(ingredients=frozenset(("budesonide", "prednisolone")), names=()))


def test_days_without_a_pause_to_the_end_of_what_is_counted_go_on() -> None:
    every = frozenset(TODAY + dt.timedelta(days=n) for n in range(HORIZON_DAYS))
    assert goes_on(every, TODAY)


def test_pulses_every_28_days_to_the_end_of_what_is_counted_do_not_go_on() -> None:
    pulses = frozenset(TODAY + dt.timedelta(days=n) for n in range(HORIZON_DAYS) if n % 28 < 4)
    assert not goes_on(pulses, TODAY)


@pytest.mark.parametrize(("numbers", "longest"), [((), 0), ((3,), 1), ((0, 1, 2, 5, 6), 3), ((0, 2, 4), 1)])
def test_the_longest_run_of_days(numbers: tuple[int, ...], longest: int) -> None:
    assert longest_run(frozenset(TODAY + dt.timedelta(days=n) for n in numbers)) == longest


def test_only_the_steps_above_the_target_are_lowered() -> None:
    taper = Regimen(phases=((step("90", days=28),), (step("65", days=14, index=1),)))
    (change,) = once_daily(taper, Decimal(70))
    assert (change.index, change.dose, change.times, change.period_unit) == (0, Decimal(70), 1, "d")
    assert change.text == "70 mg once daily for 28 days"


def test_a_count_of_doses_becomes_days_where_the_doses_of_a_day_become_one() -> None:
    counted = msgspec.structs.replace(step("45", times=2, days=28), count=56)
    (change,) = once_daily(Regimen(phases=((counted,),)), Decimal(70))
    assert change.days == 28


def test_alternate_days_are_not_made_every_day_where_a_week_would_hold_more() -> None:
    # 100 mg every 2 days are 350 mg a week; 50 mg a day are as much, 51 mg are more.
    alternate = Regimen(phases=((step("100", every=2),),))
    assert once_daily(alternate, Decimal(50)) != ()
    assert once_daily(alternate, Decimal(51)) == ()


def test_two_instructions_at_a_time_are_not_changed() -> None:
    both = Regimen(phases=((step("50"), step("40", index=1)),))
    assert once_daily(both, Decimal(70)) == ()


def test_what_is_over_is_left_out_of_a_taper() -> None:
    taper = Regimen(phases=((step("60", days=28),), (step("40", days=14),), (step("20"),)))
    start = TODAY - dt.timedelta(days=28)
    assert dose.from_day(taper, TODAY, start=start).phases == taper.phases[1:]
    assert dose.from_day(taper, TODAY - dt.timedelta(days=1), start=start).phases == taper.phases


def test_a_step_whose_length_is_not_known_is_not_over() -> None:
    unsure = msgspec.structs.replace(step("60"), open_ended=False)
    taper = Regimen(phases=((unsure,), (step("20"),)))
    assert dose.from_day(taper, TODAY, start=TODAY - dt.timedelta(days=400)).phases == taper.phases


def test_what_is_given_at_several_times_of_a_day_is_one_amount() -> None:
    two = Regimen(phases=((step("40", days=2), step("20", days=1, index=1)),))
    days = dose.amounts_by_day(two, start=TODAY, horizon_days=10)
    assert not isinstance(days, Unknown)
    assert [(day, amount.high) for day, amount in days if isinstance(amount, Amount)] == [
        (TODAY, Decimal(60)),
        (TODAY + dt.timedelta(days=1), Decimal(40)),
    ]
