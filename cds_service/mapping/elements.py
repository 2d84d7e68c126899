"""FHIR R4 data types, as far as this service reads them: the tolerant shapes in which untrusted resources arrive.

Every element is optional and unknown ones are ignored; nothing here knows what an element means.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import TypeVar, get_type_hints

import msgspec

_T = TypeVar("_T")
NOTHING = msgspec.Raw(b"")


def present(raw: msgspec.Raw) -> bool:
    """Whether an element that is kept unread was there and held anything."""
    return raw is not NOTHING and bytes(raw) not in (b"", b"null", b"[]", b"{}", b'""')


class Element(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A FHIR element: JSON names in camel case."""


class Coding(Element, frozen=True):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Element, frozen=True):
    """A concept in codes and words."""

    coding: tuple[Coding, ...] | None = None
    text: str | None = None


class Quantity(Element, frozen=True):
    """A number with a unit. A number written as text is accepted where it is one ("7.5", not "7,5")."""

    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(Element, frozen=True):
    """From a quantity to another."""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Element, frozen=True):
    """One quantity to another."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(Element, frozen=True):
    """From a day to another, both included."""

    start: str | None = None
    end: str | None = None


class Identifier(Element, frozen=True):
    """A business identifier."""

    system: str | None = None
    value: str | None = None


class Reference(Element, frozen=True):
    """A pointer to another resource."""

    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class TimingRepeat(Element, frozen=True):
    """When something happens again; a single day, time or event may stand without its list.

    `frequency_absent` and `day_of_week_absent` are the extensions that stand in place of a value.
    """

    bounds_duration: Quantity | None = None
    bounds_range: Range | None = None
    bounds_period: Period | None = None
    count: Decimal | None = None
    count_max: Decimal | None = None
    duration: Decimal | None = None
    duration_max: Decimal | None = None
    duration_unit: str | None = None
    frequency: Decimal | None = None
    frequency_max: Decimal | None = None
    period: Decimal | None = None
    period_max: Decimal | None = None
    period_unit: str | None = None
    day_of_week: tuple[str, ...] | str | None = None
    time_of_day: tuple[str, ...] | str | None = None
    when: tuple[str, ...] | str | None = None
    frequency_absent: msgspec.Raw = msgspec.field(default=NOTHING, name="_frequency")
    day_of_week_absent: msgspec.Raw = msgspec.field(default=NOTHING, name="_dayOfWeek")


class Timing(Element, frozen=True):
    """When something happens: dates, a rule of repetition, an abbreviation."""

    event: tuple[str, ...] | str | None = None
    repeat: TimingRepeat | None = None
    code: CodeableConcept | None = None
    modifier_extension: msgspec.Raw = NOTHING


class DoseAndRate(Element, frozen=True):
    """One statement of the amount of a dose: as ordered, as calculated."""

    type: CodeableConcept | None = None
    dose_quantity: Quantity | None = None
    dose_range: Range | None = None
    rate_quantity: Quantity | None = None
    rate_range: Range | None = None
    rate_ratio: Ratio | None = None


class Dosage(Element, frozen=True):
    """How a medication is taken. `dose_quantity`, `dose_range` and the rates stand here in the form of STU3.

    `unreadable` names the members whose JSON did not fit ("" for a whole that is no object): they are not absent.
    """

    sequence: Decimal | None = None
    text: str | None = None
    additional_instruction: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    patient_instruction: str | None = None
    timing: Timing | None = None
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None
    as_needed: bool | None = None
    as_needed_for: msgspec.Raw = NOTHING
    route: CodeableConcept | None = None
    dose_and_rate: tuple[DoseAndRate, ...] | DoseAndRate | None = None
    dose_quantity: Quantity | None = None
    dose_range: Range | None = None
    rate_quantity: Quantity | None = None
    rate_ratio: Ratio | None = None
    max_dose_per_period: tuple[Ratio, ...] | Ratio | None = None
    modifier_extension: msgspec.Raw = NOTHING
    unreadable: tuple[str, ...] = msgspec.field(default=(), name="-unreadable")


class AdministrationDosage(Element, frozen=True):
    """How a medication was given (MedicationAdministration.dosage)."""

    text: str | None = None
    route: CodeableConcept | None = None
    dose: Quantity | None = None
    rate_ratio: Ratio | None = None
    rate_quantity: Quantity | None = None
    modifier_extension: msgspec.Raw = NOTHING


class MedicationIngredient(Element, frozen=True):
    """What a product contains, and how much of it (Medication.ingredient)."""

    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None
    is_active: bool | None = None
    strength: Ratio | None = None


class Annotation(Element, frozen=True):
    """A note."""

    text: str | None = None


_notes: msgspec.json.Decoder[tuple[Annotation, ...]] = msgspec.json.Decoder(tuple[Annotation, ...])


def read_notes(raw: msgspec.Raw) -> tuple[str, ...]:
    """The texts of a resource's notes; empty where there are none, or none that can be read. Never raises."""
    if not present(raw):
        return ()
    try:
        return tuple(note.text for note in _notes.decode(raw) if note.text)
    except (msgspec.DecodeError, RecursionError):
        return ()


def listed(value: tuple[_T, ...] | _T | None) -> tuple[_T, ...]:
    """A list that may have come as a single value or not at all, as a list."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


_decoder: msgspec.json.Decoder[tuple[Dosage, ...]] = msgspec.json.Decoder(tuple[Dosage, ...])
_one: msgspec.json.Decoder[Dosage] = msgspec.json.Decoder(Dosage)
_parts: msgspec.json.Decoder[tuple[msgspec.Raw, ...]] = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_dosages(raw: msgspec.Raw | bytes | None) -> tuple[Dosage, ...]:
    """The dosages of a resource, from a list of them or a single one; empty where there are none.

    Never raises: a member that does not fit is named in `unreadable` and every other member is kept.
    """
    if raw is None or raw is NOTHING or bytes(raw) in (b"", b"null"):
        return ()
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        parts = _parts.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return (_read_dosage(raw),)
    return tuple(_read_dosage(part) for part in parts)


def _read_dosage(raw: msgspec.Raw | bytes) -> Dosage:
    try:
        return _one.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        members = _members.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Dosage(unreadable=("",))
    fitting: dict[str, object] = {}
    unreadable: list[str] = []
    for name, (attribute, decoder) in _member_decoders().items():
        if name in members:
            try:
                fitting[attribute] = decoder.decode(members[name])
            except (msgspec.DecodeError, RecursionError):
                unreadable.append(name)
    return msgspec.structs.replace(Dosage(unreadable=tuple(unreadable)), **fitting)


@cache
def _member_decoders() -> Mapping[str, tuple[str, msgspec.json.Decoder[object]]]:
    hints = get_type_hints(Dosage)
    return {
        field.encode_name: (field.name, msgspec.json.Decoder(hints[field.name]))
        for field in msgspec.structs.fields(Dosage)
        if field.name != "unreadable"
    }
