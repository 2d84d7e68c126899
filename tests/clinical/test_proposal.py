"""Orders that a row proposes: how they are called, and whom they are not proposed to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical.chart import Allergy, Chart, Patient, Source
from cds_service.clinical.kinds import KINDS
from cds_service.clinical.proposal import Apart, Proposal, proposed
from cds_service.clinical.remedy import Content, CreateMedication, Remedy

from .charts import chart, day, draft, drug, therapy

assert KINDS  # the facts that proposals name are known with the kinds
SULFA = Content(ingredient="sulfamethoxazole", amount=Decimal(400))
TRIMETHOPRIM = Content(ingredient="trimethoprim", amount=Decimal(80))
COTRIMOXAZOLE = Proposal(
    name="co-trimoxazole",
    contents=(SULFA, TRIMETHOPRIM),
    reason="prophylaxis",
    allergens=frozenset(("sulfonamide-class",)),
    apart=(Apart(drugs=drug("methotrexate"), days=14),),
    unless=("pregnant",),
)
ATOVAQUONE = Proposal(
    name="atovaquone", ingredient="atovaquone", dose=Decimal(1500), with_words="with food", reason="prophylaxis"
)


def adult(held: Chart, *, born: int = 1960, allergies: tuple[str, ...] = ()) -> Chart:
    """The chart of someone born in a year."""
    return msgspec.structs.replace(
        held,
        patient=Patient(reference="Patient/p1", birth_date=dt.date(born, 1, 1), sex="female"),
        allergies=tuple(Allergy(reference="A/1", substances=frozenset((name,)), label=name) for name in allergies),
    )


def test_the_first_proposal_that_fits_is_preferred() -> None:
    first, second = proposed(adult(chart()), (COTRIMOXAZOLE, ATOVAQUONE))
    assert (first.label, first.recommended) == ("Add co-trimoxazole 480 mg once daily", True)
    assert (second.label, second.recommended) == ("Add atovaquone 1500 mg once daily", False)
    (only,) = proposed(adult(chart(), allergies=("sulfonamide-class",)), (COTRIMOXAZOLE, ATOVAQUONE))
    assert (only.label, only.recommended) == ("Add atovaquone 1500 mg once daily", True)


def test_contents_in_several_units_are_named_one_after_another() -> None:
    both = (
        Content(ingredient="calcium-carbonate", amount=Decimal(1250)),
        Content(ingredient="cholecalciferol", amount=Decimal(800), unit="[iU]"),
    )
    assert Proposal(name="both", contents=both, reason="x").label == "both 1250 mg / 800 IU once daily"


def test_an_order_of_several_contents_is_one_tablet_and_may_begin_later() -> None:
    assert COTRIMOXAZOLE.order(day(3)) == CreateMedication(
        contents=(SULFA, TRIMETHOPRIM),
        said="480 mg",
        start=day(3),
        dose=Decimal(1),
        unit="1",
        times=1,
        period_unit="d",
        reason="prophylaxis",
    )


@pytest.mark.parametrize("allergen", ["sulfonamide-class", "sulfamethoxazole", "trimethoprim"])
def test_nobody_is_offered_what_they_are_allergic_to(allergen: str) -> None:
    assert not COTRIMOXAZOLE.fits(adult(chart(), allergies=(allergen,)))


@pytest.mark.parametrize(("born", "fits"), [(2008, True), (2009, False)])
def test_only_adults_are_offered_anything(born: int, fits: bool) -> None:
    """On 4 March 2026 someone born on 1 January 2008 is 18."""
    assert ATOVAQUONE.fits(adult(chart(), born=born)) is fits


def test_without_a_date_of_birth_nothing_is_offered() -> None:
    assert not ATOVAQUONE.fits(chart())


@pytest.mark.parametrize("missing", ["allergies", "medicationStatements", "observations"])
def test_what_cannot_be_checked_is_not_offered(missing: Source) -> None:
    assert not COTRIMOXAZOLE.fits(adult(chart(missing=[missing])))


@pytest.mark.parametrize(("end", "fits"), [(-14, False), (-15, True)])
def test_a_drug_keeps_it_away_until_it_is_long_enough_over(end: int, fits: bool) -> None:
    assert COTRIMOXAZOLE.fits(adult(chart(therapy("methotrexate", status="ended", end=end)))) is fits


def test_a_drug_in_the_basket_keeps_it_away() -> None:
    assert not COTRIMOXAZOLE.fits(adult(chart(drafts=[draft("methotrexate")])))


def test_nothing_that_fits_is_no_remedy() -> None:
    nothing: tuple[Remedy, ...] = ()
    assert proposed(chart(), (COTRIMOXAZOLE, ATOVAQUONE)) == nothing
