"""Ordering as the time of signing: which drafts are finished enough to be asked about."""

from __future__ import annotations

from decimal import Decimal

from cds_service.clinical.chart import DraftOrder, Procedure
from cds_service.clinical.dose import Amount, Regimen, Step, Unknown
from cds_service.clinical.exposure import judged_drafts
from cds_service.clinical.signing import at_signing, has_dose

from .charts import chart, draft

UNKNOWN = Unknown(reason="not said")
DOSE = Amount(low=Decimal(15), high=Decimal(15), unit="mg")
WITHOUT = Regimen(phases=((Step(dose=UNKNOWN, frequency=UNKNOWN),),))
WITH = Regimen(phases=((Step(dose=DOSE, frequency=UNKNOWN),),))
LATER = Regimen(phases=((Step(dose=UNKNOWN, frequency=UNKNOWN),), (Step(dose=DOSE, frequency=UNKNOWN),)))


def test_a_dose_is_enough_however_little_is_said_of_its_frequency() -> None:
    assert has_dose(draft("methotrexate", regimen=WITH))
    assert has_dose(draft("methotrexate", regimen=LATER))
    assert not has_dose(draft("methotrexate", regimen=WITHOUT))
    assert not has_dose(draft("methotrexate", regimen=Regimen()))


def test_what_is_no_medication_has_no_dose() -> None:
    exchange = Procedure(reference="ServiceRequest/1", concepts=frozenset({"plasma-exchange"}), label="", done=False)
    assert not has_dose(DraftOrder(reference="ServiceRequest/1", procedure=exchange))


def test_it_asks_about_picked_drafts_with_a_dose_and_keeps_the_others_in_sight() -> None:
    held = chart(
        hook="order-select",
        drafts=[
            draft("x", id="picked", regimen=WITH),
            draft("x", id="unfinished", regimen=WITHOUT),
            draft("x", id="beside", regimen=WITH, selected=False),
        ],
    )
    signing = at_signing(held)
    assert signing is not None
    assert signing.hook == "order-sign"
    assert [each.reference for each in judged_drafts(signing)] == ["MedicationRequest/picked"]
    assert [each.reference for each in signing.drafts] == [each.reference for each in held.drafts]


def test_where_nothing_is_finished_nothing_is_signed() -> None:
    assert at_signing(chart(hook="order-select")) is None
    assert at_signing(chart(hook="order-select", drafts=[draft("x", regimen=WITHOUT)])) is None
    assert at_signing(chart(hook="order-select", drafts=[draft("x", regimen=WITH, selected=False)])) is None
