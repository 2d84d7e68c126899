"""The therapies of a record in words, on the leading card of an opened chart."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.clinical.chart import Chart
from cds_service.clinical.dose import Amount, Frequency, Regimen, Step
from cds_service.clinical.findings import Finding
from cds_service.clinical.overview import Overview, Told
from cds_service.clinical.therapy import Therapy

from .charts import amount, chart, daily, draft, drug, given, therapy

TWICE = Frequency(per_day_low=Decimal(2), per_day_high=Decimal(2), per_week_low=Decimal(14), per_week_high=Decimal(14))
INFUSIONS = Told(drugs=drug("ivig"), together_days=7, every_days=28)


def overview(*told: Told, own_card: bool = False) -> Overview:
    return Overview(
        id="GEN-04", number=304, summary="Therapies: {count}", why=("So.",), citations=(), told=told, own_card=own_card
    )


def opened(*therapies: Therapy) -> Chart:
    return chart(*therapies, hook="patient-view")


def twice_daily(dose: Amount) -> Regimen:
    return Regimen(phases=((Step(dose=dose, frequency=TWICE),),))


LEADING = Finding(rule="A", number=1, severity="warning", summary="a")
OTHER = Finding(rule="B", number=2, severity="info", summary="b")


def test_what_is_taken_is_told_with_its_dose_and_since_when() -> None:
    # AS_OF is 2026-03-04; 90 days before it is 2025-12-04.
    seen = opened(therapy("x", regimen=daily(amount("5"))))
    assert overview(Told(drugs=drug("x"))).lines(seen) == ("x 5 mg once daily, since 2025-12-04",)


def test_several_doses_a_day_are_summed() -> None:
    seen = opened(therapy("x", regimen=twice_daily(amount("500"))))
    (line,) = overview(Told(drugs=drug("x"))).lines(seen)
    assert line.endswith(", 1000 mg per day, since 2025-12-04")


def test_an_amount_per_week_where_it_is_wanted() -> None:
    seen = opened(therapy("x", regimen=daily(amount("2"))))
    (line,) = overview(Told(drugs=drug("x"), per="week")).lines(seen)
    assert ", 14 mg per week, " in line


def test_a_dose_that_is_not_known_is_said_to_be() -> None:
    assert overview(Told(drugs=drug("x"))).lines(opened(therapy("x"))) == ("x dose not known, since 2025-12-04",)


def test_what_is_over_on_hold_or_given_once_is_not_told() -> None:
    seen = opened(therapy("x", status="ended", end=-3), therapy("x", status="on-hold", reference="MedicationRequest/2"))
    assert overview(Told(drugs=drug("x"))).lines(seen) == ()


@pytest.mark.parametrize(
    ("days", "told"),
    [
        # Five days in a row are one infusion; the next is due 28 days after the first of them.
        ((-20, -19, -18, -17, -16), "ivig once, last from 2026-02-12, next due 2026-03-12"),
        ((-48, -47, -20, -19), "ivig 2 times since 2026-01-15, last from 2026-02-12, next due 2026-03-12"),
        ((-28,), "ivig once, last from 2026-02-04, next due 2026-03-04"),  # today
        ((-29,), "ivig once, last from 2026-02-03, next was due 2026-03-03"),
        ((-55,), "ivig once, last from 2026-01-08, next was due 2026-02-05"),
        ((-56,), "ivig once, last from 2026-01-07"),  # a whole interval late: it has ended
    ],
)
def test_infusions_are_told_by_their_repetition(days: tuple[int, ...], told: str) -> None:
    seen = opened(*(given(offset, "ivig", id=str(offset)) for offset in days))
    assert overview(INFUSIONS).lines(seen) == (told,)


def test_an_infusion_to_come_is_not_told_as_given() -> None:
    assert overview(INFUSIONS).lines(opened(given(3, "ivig"))) == ()


def test_the_leading_card_tells_them_and_no_other() -> None:
    seen = opened(given(-20, "ivig"))
    first, second = overview(INFUSIONS).beside(seen, [LEADING, OTHER])
    assert (first.rule, first.therapies) == ("A", ("ivig once, last from 2026-02-12, next due 2026-03-12",))
    assert second == OTHER


def test_without_a_finding_nothing_is_said() -> None:
    assert overview(INFUSIONS).beside(opened(given(-20, "ivig")), []) == []


def test_a_card_of_their_own_where_the_site_wants_it() -> None:
    (own,) = overview(INFUSIONS, own_card=True).beside(opened(given(-20, "ivig")), [])
    assert (own.rule, own.number, own.severity, own.summary) == ("GEN-04", 304, "info", "Therapies: 1")
    assert own.therapies == ("ivig once, last from 2026-02-12, next due 2026-03-12",)
    assert overview(INFUSIONS, own_card=True).beside(opened(given(-20, "ivig")), [LEADING]) == [LEADING, own]


def test_a_record_without_therapies_has_no_card_of_them() -> None:
    assert overview(INFUSIONS, own_card=True).beside(opened(), []) == []


def test_nothing_of_it_when_something_is_ordered() -> None:
    signed = chart(given(-20, "ivig"), drafts=[draft("x")])
    assert overview(INFUSIONS, own_card=True).beside(signed, [LEADING]) == [LEADING]
