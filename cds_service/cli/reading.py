"""How a dosage was understood: what was read, from which element, and what is unknown and why (`cds-service dose`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec

from ..clinical import dose
from ..clinical.dose import Amount, Frequency, Regimen, Step, Unknown
from ..mapping.dosage import read_administration, read_regimen
from ..mapping.elements import Dosage, read_dosages
from ..mapping.medication import Identity, Medications
from ..mapping.products import Strength
from ..mapping.records import (
    Medicated,
    MedicationAdministrationRecord,
    MedicationRequestRecord,
    MedicationStatementRecord,
    NotReadable,
    read_record,
)
from ..mapping.strength import read_strengths
from ..mapping.terminology import Terminology
from .faults import NotUnderstood

QUESTIONS: tuple[tuple[str, Callable[[Regimen], Amount | Frequency | Unknown]], ...] = (
    ("at a time", dose.single_dose),
    ("on a day", dose.daily_amount),
    ("on average per day", dose.average_daily_amount),
    ("in a week", dose.weekly_amount),
    ("in a cycle", dose.amount_per_cycle),
    ("times", dose.administrations_per_week),
)


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure: a value with its unit, or why it is unknown; and the element that it comes from."""

    name: str
    low: Decimal | None = None
    high: Decimal | None = None
    unit: str = ""
    unknown: str = ""
    origin: str = ""

    @property
    def words(self) -> str:
        """The figure for people."""
        if self.unknown or self.low is None or self.high is None:
            return f"unknown: {self.unknown}"
        low, high = dose.plain(self.low), dose.plain(self.high)
        return f"{low if low == high else f'{low} to {high}'} {self.unit}".strip()


class StepReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One instruction as understood; days are ISO dates, `days` the length of the step."""

    origin: str
    words: str = ""
    figures: tuple[Figure, ...] = ()
    start: dt.date | None = None
    end: dt.date | None = None
    days: Decimal | None = None
    open_ended: bool = False
    count: int | None = None
    dates: tuple[dt.date, ...] = ()
    weekdays: tuple[str, ...] = ()
    as_needed: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole dosage of one resource as understood."""

    medication: str = ""
    ingredients: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
    words: str = ""
    figures: tuple[Figure, ...] = ()
    phases: tuple[tuple[StepReading, ...], ...] = ()
    problems: tuple[str, ...] = ()
    text_says: tuple[str, ...] = ()


class _Envelope(msgspec.Struct, rename="camel"):
    resource_type: str = ""


def read(text: bytes, terminology: Terminology) -> tuple[Reading, ...]:
    """The readings of a MedicationRequest, MedicationStatement or MedicationAdministration, one for each ingredient; or
    of a bare Dosage, or a list of them.

    Raises `NotUnderstood` for anything else.
    """
    try:
        envelope = msgspec.json.decode(text, type=_Envelope) if text.lstrip().startswith(b"{") else _Envelope()
    except msgspec.DecodeError:
        raise NotUnderstood("this is not JSON") from None
    if not envelope.resource_type:
        return (_reading(read_regimen(read_dosages(text), where="dosage"), Identity(), (), ""),)
    try:
        record = read_record(text)
    except NotReadable as fault:
        raise NotUnderstood(f"{fault.kind} cannot be read at {fault.place}") from None
    if not isinstance(record, Medicated):
        raise NotUnderstood(f"a dosage is looked for in medication resources, not in {envelope.resource_type}")
    identity = Medications(terminology).identify(record) or Identity()
    ingredients = sorted(identity.product.ingredients) if identity.product is not None else [""]
    return tuple(_of_ingredient(record, identity, ingredient) for ingredient in ingredients)


def _of_ingredient(record: Medicated, identity: Identity, ingredient: str) -> Reading:
    strengths = read_strengths(identity.product, identity.ingredients, identity.texts, ingredient)
    if isinstance(record, MedicationAdministrationRecord):
        regimen = (
            read_administration(record.dosage, strengths=strengths, ingredient=ingredient, where="dosage")
            if record.dosage is not None
            else Regimen()
        )
        return _reading(regimen, identity, strengths, ingredient)
    where, dosages = _dosages(record)
    regimen = read_regimen(dosages, strengths=strengths, ingredient=ingredient, where=where)
    return _reading(regimen, identity, strengths, ingredient)


def _dosages(record: Medicated) -> tuple[str, Sequence[Dosage]]:
    if isinstance(record, MedicationRequestRecord):
        return "dosageInstruction", read_dosages(record.dosage_instruction)
    if isinstance(record, MedicationStatementRecord):
        return "dosage", read_dosages(record.dosage)
    return "dosage", ()


def _reading(regimen: Regimen, identity: Identity, strengths: Iterable[Strength], ingredient: str) -> Reading:
    return Reading(
        medication=identity.label,
        ingredients=(ingredient,) if ingredient else (),
        strengths=tuple(_strength(strength) for strength in strengths),
        words=dose.in_words(regimen),
        figures=tuple(_figure(name, ask(regimen)) for name, ask in QUESTIONS),
        phases=tuple(tuple(_step(step) for step in phase) for phase in regimen.phases),
        problems=tuple(f"{problem.kind}: {problem.text} ({problem.where})" for problem in regimen.problems),
        text_says=tuple(sorted(regimen.words)),
    )


def _strength(strength: Strength) -> str:
    per = "mL" if strength.per == "mL" else "piece"
    where = f" ({strength.where})" if strength.where else ""
    return f"{dose.plain(strength.amount)} {strength.unit} per {per}{where}"


def _figure(name: str, figure: Amount | Frequency | Unknown) -> Figure:
    if isinstance(figure, Unknown):
        return Figure(name=name, unknown=figure.reason, origin=figure.where)
    if isinstance(figure, Frequency):
        return Figure(
            name=name, low=figure.per_week_low, high=figure.per_week_high, unit="per week", origin=figure.where
        )
    unit = "pieces" if figure.unit == "1" else figure.unit
    return Figure(name=name, low=figure.low, high=figure.high, unit=unit, origin=figure.where)


def _step(step: Step) -> StepReading:
    return StepReading(
        origin=step.where,
        words=dose.in_words(Regimen(phases=((step,),))),
        figures=(_figure("dose", step.dose), _figure("times", step.frequency)),
        start=step.start,
        end=step.end,
        days=step.days,
        open_ended=step.open_ended,
        count=step.count,
        dates=step.dates,
        weekdays=step.weekdays,
        as_needed=step.prn,
    )
