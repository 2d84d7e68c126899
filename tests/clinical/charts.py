"""Therapies and charts by hand, for the tests of what rules rest on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from cds_service.clinical.chart import Chart, Condition, DraftOrder, Patient, Result, Source, Unread
from cds_service.clinical.dose import Amount, DoseUnit, Frequency, Regimen, Step, Unknown
from cds_service.clinical.drugs import Drug
from cds_service.clinical.findings import Hook
from cds_service.clinical.therapy import Deferred, Regimens, RouteClass, Status, Therapy, TherapySource

AS_OF = dt.date(2026, 3, 4)
DAILY = Frequency(per_day_low=Decimal(1), per_day_high=Decimal(1), per_week_low=Decimal(7), per_week_high=Decimal(7))


def day(offset: int) -> dt.date:
    """The day so many days after `AS_OF`."""
    return AS_OF + dt.timedelta(days=offset)


def at(offset: int | None) -> dt.date | None:
    return None if offset is None else day(offset)


def amount(value: str, unit: DoseUnit = "mg") -> Amount:
    return Amount(low=Decimal(value), high=Decimal(value), unit=unit)


def daily(dose: Amount | None = None, *, dates: Iterable[int] = (), until: int | None = None) -> Regimen:
    """Once daily, or on these days; to a day, or without an end."""
    days = tuple(day(each) for each in dates)
    step = Step(
        dose=dose or Unknown(reason="not stated"),
        frequency=DAILY,
        dates=days,
        end=at(until),
        open_ended=until is None and not days,
        period_days=Decimal(1),
    )
    return Regimen(phases=((step,),))


def therapy(
    *ingredients: str,
    status: Status = "active",
    source: TherapySource = "request",
    start: int | None = -90,
    certain: bool = True,
    end: int | None = None,
    ended_by: int | None = None,
    regimen: Regimen | None = None,
    reference: str = "MedicationRequest/m1",
    route: RouteClass = "unknown",
    carries_out: str = "",
    replaces: str = "",
    reasons: Iterable[str] = (),
) -> Therapy:
    """A therapy with days relative to `AS_OF`."""
    known = regimen or Regimen()
    return Therapy(
        reference=reference,
        source=source,
        status=status,
        ingredients=frozenset(ingredients or ("x",)),
        label="x",
        route=route,
        start=at(start),
        start_certain=certain,
        end=at(end),
        ended_by=at(ended_by),
        carries_out=carries_out,
        replaces=replaces,
        reasons=frozenset(reasons),
        regimen=Regimens(lambda ingredient: known),
    )


def given(offset: int | None, *ingredients: str, id: str = "a1", carries_out: str = "") -> Therapy:
    """An administration on a day."""
    return therapy(
        *ingredients,
        status="ended",
        source="administration",
        start=offset,
        end=offset,
        reference=f"MedicationAdministration/{id}",
        carries_out=carries_out,
        regimen=daily(dates=() if offset is None else (offset,)),
    )


def draft(
    *ingredients: str,
    id: str = "d1",
    selected: bool = True,
    start: int | None = None,
    regimen: Regimen | None = None,
    replaces: str = "",
    reasons: Iterable[str] = (),
) -> DraftOrder:
    """A medication that is being ordered."""
    reference = f"MedicationRequest/{id}"
    ordered = therapy(
        *ingredients,
        status="draft",
        source="draft",
        start=start,
        certain=start is not None,
        reference=reference,
        regimen=regimen,
        replaces=replaces,
        reasons=reasons,
    )
    return DraftOrder(reference=reference, selected=selected, therapy=ordered, reasons=frozenset(reasons))


def drug(
    *ingredients: str, unspecified: Iterable[str] = (), routes: Iterable[RouteClass] = ("unknown", "oral")
) -> Drug:
    return Drug(
        ingredients=frozenset(ingredients),
        names=tuple((frozenset({each}), each) for each in (*ingredients, *unspecified)),
        routes=frozenset(routes),
        unspecified=frozenset(unspecified),
    )


def condition(*concepts: str, current: bool = True, remission: bool = False, severe: bool = False) -> Condition:
    return Condition(
        reference="Condition/c1",
        concepts=frozenset(concepts),
        label="c",
        current=current,
        remission=remission,
        severe=severe,
        onset=day(-300),
    )


def weight(kg: str, at_day: int = -10) -> Result:
    return Result(reference="Observation/w", concept="body-weight", day=day(at_day), value=Decimal(kg), unit="kg")


def unread(where: str, source: str) -> Unread:
    return Unread(where=where, reason="cannot be read", source=source)


def chart(
    *therapies: Therapy,
    hook: Hook = "order-sign",
    drafts: Iterable[DraftOrder] = (),
    conditions: Iterable[Condition] = (),
    results: Iterable[Result] = (),
    missing: Iterable[Source] = (),
    lost: Iterable[Unread] = (),
) -> Chart:
    """A chart on `AS_OF`."""
    held: dict[str, tuple[Therapy, ...]] = {}
    for each in therapies:
        for ingredient in each.ingredients:
            held[ingredient] = (*held.get(ingredient, ()), each)
    found: dict[str, tuple[Result, ...]] = {}
    for result in results:
        found[result.concept] = (*found.get(result.concept, ()), result)

    def deferred(known: tuple[Result, ...]) -> Deferred[tuple[Result, ...]]:
        return Deferred(lambda: known)

    return Chart(
        as_of=AS_OF,
        hook=hook,
        patient=Patient(reference="Patient/p1"),
        therapies=held,
        drafts=tuple(drafts),
        conditions=tuple(conditions),
        results={concept: deferred(known) for concept, known in found.items()},
        unread=tuple(lost),
        missing_sources=frozenset(missing),
    )
