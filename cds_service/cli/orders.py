"""Writes an order in words as the draft resource that an EHR would send."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from ..mapping.terminology import Terminology
from .words import OrderWords

UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
PROCEDURE_CODES = {"plasma-exchange": ("20720000", "Plasmapheresis")}


class Coding(msgspec.Struct, frozen=True):
    """A code."""

    system: str
    code: str
    display: str


class Concept(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is ordered: the words as typed, and codes where the words name one thing."""

    text: str
    coding: tuple[Coding, ...] = ()


class Reference(msgspec.Struct, frozen=True):
    """A reference."""

    reference: str


class Quantity(msgspec.Struct, frozen=True):
    """An amount in UCUM."""

    value: msgspec.Raw
    unit: str
    system: str
    code: str


class Period(msgspec.Struct, frozen=True, omit_defaults=True):
    """From the first day to the last one."""

    start: dt.date | None = None
    end: dt.date | None = None


class Repeat(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """How often, and within which bounds."""

    bounds_period: Period | None = None
    bounds_duration: Quantity | None = None
    frequency: int | None = None
    period: int | None = None
    period_unit: str = ""
    day_of_week: tuple[str, ...] = ()


class Timing(msgspec.Struct, frozen=True, omit_defaults=True):
    """When."""

    event: tuple[dt.date, ...] = ()
    repeat: Repeat | None = None


class DoseAndRate(msgspec.Struct, frozen=True, rename="camel"):
    """How much at a time."""

    dose_quantity: Quantity


class Dosage(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The instruction."""

    text: str
    timing: Timing | None = None
    route: Concept | None = None
    dose_and_rate: tuple[DoseAndRate, ...] = ()


class MedicationDraft(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", tag_field="resourceType",
    tag="MedicationRequest",
):  # fmt: skip
    """A draft MedicationRequest."""

    id: str
    status: Literal["draft"]
    intent: Literal["order"]
    medication_codeable_concept: Concept
    subject: Reference
    encounter: Reference | None = None
    dosage_instruction: tuple[Dosage, ...]


class ProcedureDraft(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", tag_field="resourceType",
    tag="ServiceRequest",
):  # fmt: skip
    """A draft ServiceRequest."""

    id: str
    status: Literal["draft"]
    intent: Literal["order"]
    code: Concept
    subject: Reference
    encounter: Reference | None = None
    occurrence_date_time: dt.date | None = None


Draft = MedicationDraft | ProcedureDraft


def reference_to(draft: Draft) -> str:
    """The reference by which a request names its draft."""
    return f"{'MedicationRequest' if isinstance(draft, MedicationDraft) else 'ServiceRequest'}/{draft.id}"


def is_known(words: OrderWords, terms: Terminology) -> bool:
    """Whether the name means a medication or procedure that the service knows."""
    return bool(terms.medication_text(words.name) or terms.procedure_text(words.name))


def write_draft(words: OrderWords, terms: Terminology, *, number: int, patient: str, encounter: str = "") -> Draft:
    """The draft with id `draft-<number>` for the patient of that id ("" for no encounter).

    A name that is one ingredient and nothing else is coded; everything else goes out in words, as EHRs do. What can be
    ordered either way (an infusion of immunoglobulin) is ordered as the medication, for only that carries a dose.
    """
    subject = Reference(f"Patient/{patient}")
    within = Reference(f"Encounter/{encounter}") if encounter else None
    procedures = terms.procedure_text(words.name)
    if procedures and not terms.medication_text(words.name):
        known = [PROCEDURE_CODES[procedure] for procedure in sorted(procedures) if procedure in PROCEDURE_CODES]
        return ProcedureDraft(
            id=f"draft-{number}",
            status="draft",
            intent="order",
            code=Concept(words.name, tuple(Coding(SNOMED, code, display) for code, display in known)),
            subject=subject,
            encounter=within,
            occurrence_date_time=words.events[0] if words.events else words.start,
        )
    return MedicationDraft(
        id=f"draft-{number}",
        status="draft",
        intent="order",
        medication_codeable_concept=Concept(words.name, tuple(_codes(words.name, terms))),
        subject=subject,
        encounter=within,
        dosage_instruction=(_dosage(words),),
    )


def _codes(name: str, terms: Terminology) -> list[Coding]:
    product = terms.medication_text(name)
    if product is None or len(product.ingredients) != 1 or product.route != "unknown":
        return []
    (ingredient,) = product.ingredients
    code = terms.code_of(ingredient, "rxnorm") or terms.code_of(ingredient, "atc")
    return [Coding(code.system, code.code, code.display)] if code is not None else []


def _dosage(words: OrderWords) -> Dosage:
    amount = () if words.amount is None else (DoseAndRate(_quantity(f"{words.amount:f}", words.unit)),)
    return Dosage(
        text=words.text,
        timing=_timing(words),
        route=Concept(words.route) if words.route else None,
        dose_and_rate=amount,
    )


def _timing(words: OrderWords) -> Timing | None:
    period = duration = None
    start, end = words.start, words.end
    if words.days is not None and start is not None and end is None:
        end = start + dt.timedelta(days=words.days - 1)
    if start is not None or end is not None:
        period = Period(start, end)
    elif words.days is not None:
        duration = _quantity(str(words.days), "d")
    repeat = Repeat(bounds_period=period, bounds_duration=duration)
    if words.frequency is not None:
        repeat = msgspec.structs.replace(
            repeat,
            frequency=words.frequency,
            period=words.period,
            period_unit=words.period_unit,
            day_of_week=words.weekdays,
        )
    timing = Timing(event=words.events, repeat=repeat if repeat != Repeat() else None)
    return timing if timing != Timing() else None


def _quantity(value: str, unit: str) -> Quantity:
    return Quantity(msgspec.Raw(value.encode()), unit.strip("{[]}"), UCUM, unit)
