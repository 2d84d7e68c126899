"""Writes remedies as resources for an EHR: a create anew and valid, an update as the original order with our elements
replaced, a delete by reference.

An update is never decoded whole: every element that we do not change goes out byte for byte as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import Literal

import msgspec
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from ..clinical.dialect import GENERIC, Dialect
from ..clinical.remedy import (
    Action,
    Change,
    ChangeDosage,
    ChangeRoute,
    CreateMedication,
    CreateTests,
    DeleteDraft,
    MoveDraft,
    Offer,
    Remedy,
    name_of_test,
)
from .edits import UCUM, change_dosage, change_route, move
from .terminology import Coded, Terminology, Vocabulary, vocabulary_of

SYSTEMS: tuple[Literal["rxnorm", "atc", "snomed"], ...] = ("rxnorm", "atc", "snomed")
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
RXNORM_OID = "urn:oid:2.16.840.1.113883.6.88"
NOBODY = "Patient/nobody"
UNITS = {"[iU]": ("IU", "[iU]"), "1": ("tablet", "{tablet}")}
"""How a unit of a dose is written for people and in UCUM, where that is not the same."""
WEEKDAY_NAMES = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}


class Coding(msgspec.Struct, omit_defaults=True, frozen=True):
    """A code as it is written."""

    system: str
    code: str
    display: str = ""


class Concept(msgspec.Struct, omit_defaults=True):
    """A concept as it is written: codes first, and always its text."""

    text: str
    coding: tuple[Coding, ...] = ()


class Reference(msgspec.Struct):
    """A reference as it is written."""

    reference: str


class Period(msgspec.Struct):
    """From a day on."""

    start: str


class Repeat(msgspec.Struct, omit_defaults=True, rename="camel"):
    """So many times in a week or a day, on named days and from a day on where they are known."""

    frequency: int
    period: int
    period_unit: str
    day_of_week: tuple[str, ...] = ()
    bounds_period: Period | None = None


class Timing(msgspec.Struct):
    """When it is to be taken."""

    repeat: Repeat


class Quantity(msgspec.Struct):
    """An amount in UCUM."""

    value: msgspec.Raw
    unit: str
    system: str
    code: str


class DoseAndRate(msgspec.Struct, rename="camel"):
    """How much at a time."""

    dose_quantity: Quantity


class Dosage(msgspec.Struct, rename="camel"):
    """The instruction, structured and in words."""

    text: str
    timing: Timing
    dose_and_rate: tuple[DoseAndRate, ...]


class MedicationOrder(
    msgspec.Struct, omit_defaults=True, rename="camel", tag_field="resourceType", tag="MedicationRequest"
):
    """A MedicationRequest of ours: a draft order, coded, with structured and textual dosage (CLINICAL 0.6)."""

    id: str
    status: str
    intent: str
    medication_codeable_concept: Concept
    subject: Reference
    encounter: Reference | None = None
    reason_code: tuple[Concept, ...] = ()
    dosage_instruction: tuple[Dosage, ...] = ()


class LaboratoryOrder(
    msgspec.Struct, omit_defaults=True, rename="camel", tag_field="resourceType", tag="ServiceRequest"
):
    """A ServiceRequest of ours: a draft order of one laboratory test."""

    id: str
    status: str
    intent: str
    code: Concept
    subject: Reference
    encounter: Reference | None = None
    reason_code: tuple[Concept, ...] = ()


class Writer:
    """Writes the remedies of one request.

    `patient` and `encounter` are references ("" for no encounter), `original` gives a draft's bytes by its reference.
    What is created is coded as the client's dialect says, else in the vocabularies that the record has `in_use`.
    """

    def __init__(
        self,
        terminology: Terminology,
        *,
        patient: str,
        encounter: str,
        original: Callable[[str], bytes | None],
        new_id: Callable[[], str],
        in_use: Callable[[], Collection[Vocabulary]] = tuple,
        dialect: Dialect = GENERIC,
    ) -> None:
        self._terms = terminology
        self._patient = patient
        self._encounter = encounter
        self._original = original
        self._new_id = new_id
        self._in_use = in_use
        self._dialect = dialect

    def write(self, remedy: Remedy) -> Offer | None:
        """The remedy as it is offered; None for one that cannot be written (it names a draft without an id, or moves a
        date that is no day), or that this client cannot carry out."""
        if not self._dialect.carries_out(remedy):
            return None
        changes = [change for action in remedy.actions for change in self._changes(action, remedy.label)]
        written = tuple(change for change in changes if change is not None)
        if not written or len(written) < len(changes):
            return None
        return Offer(remedy.label, written, remedy.recommended)

    def _changes(self, action: Action, label: str) -> Iterator[Change | None]:
        """The changes of an action, None for one that cannot be written; each test is an order of its own."""
        if isinstance(action, CreateMedication):
            yield Change(kind="create", description=label, resource=self._create(action))
            return
        if not isinstance(action, CreateTests):
            yield self._change(action, label)
            return
        for concept in action.tests:
            code = self._terms.test_code(concept)
            if code is None:
                yield None
                continue
            order = laboratory_order(code, name_of_test(concept), action.reason)
            yield Change(kind="create", description=f"Order {name_of_test(concept)}", resource=self._for_patient(order))

    def _change(self, action: DeleteDraft | MoveDraft | ChangeDosage | ChangeRoute, label: str) -> Change | None:
        if not re.fullmatch(r"[A-Za-z]+/\S+", action.order):
            return None
        if isinstance(action, DeleteDraft):
            return Change(kind="delete", description=label, target=action.order)
        original = self._original(action.order)
        if original is None:
            return None
        if isinstance(action, MoveDraft):
            changed = move(original, action.days, action.from_day)
        elif isinstance(action, ChangeRoute):
            changed = self._route(action, original)
        else:
            changed = change_dosage(original, action.steps, action.before)
        if changed is None:
            return None
        return Change(kind="update", description=label, target=action.order, resource=changed)

    def _route(self, action: ChangeRoute, original: bytes) -> bytes | None:
        medication = coded(self._terms.name_of(action.ingredient), self._fitting(self._codes(action.ingredient)))
        route = coded(action.route, self._terms.codes_of_route(action.route))
        raw = (msgspec.Raw(msgspec.json.encode(each)) for each in (route, medication))
        return change_route(original, action.steps, *raw)

    def _create(self, action: CreateMedication) -> bytes:
        if action.contents:
            name = self._terms.names_of(content.ingredient for content in action.contents)
            codes = self._terms.codes_of_tablet((c.ingredient, c.amount, c.unit) for c in action.contents)
        else:
            name = self._terms.name_of(action.ingredient)
            piece = self._terms.product_for(action.ingredient, action.dose, "oral") if action.unit == "mg" else None
            codes = (*((piece,) if piece is not None else ()), *self._codes(action.ingredient))
        codes = self._fitting(codes)
        if self._dialect.rxnorm_oid:
            codes = tuple(each for code in codes for each in _by_oid(code))
        order = medication_order(action, f"{name} {action.said}".strip(), codes)
        return self._for_patient(order)

    def _codes(self, ingredient: str) -> tuple[Coded, ...]:
        """The verified codes of an ingredient alone."""
        verified = (self._terms.code_of(ingredient, system) for system in SYSTEMS)
        return tuple(code for code in verified if code is not None)

    def _fitting(self, codes: tuple[Coded, ...]) -> tuple[Coded, ...]:
        """Those of the codes that the client understands; all of them where that would leave none."""
        wanted = self._dialect.vocabularies or self._in_use()
        return tuple(code for code in codes if vocabulary_of(code.system) in wanted) or codes

    def _for_patient(self, order: MedicationOrder | LaboratoryOrder) -> bytes:
        return msgspec.json.encode(
            msgspec.structs.replace(
                order,
                id=self._new_id(),
                subject=Reference(self._patient),
                encounter=Reference(self._encounter) if self._encounter else None,
            )
        )


def _by_oid(code: Coded) -> Iterator[Coded]:
    """A code as it is; one of RxNorm under its OID first, for clients that know only that, and again as it is."""
    if code.system == RXNORM:
        yield code._replace(system=RXNORM_OID)
    yield code


def how_often(action: CreateMedication) -> str:
    """The frequency of an order in words, with what its instruction adds."""
    times = {1: "once", 2: "twice"}.get(action.times, f"{action.times} times")
    every = {"d": "daily", "wk": "weekly"}[action.period_unit]
    on = f" on {' and '.join(WEEKDAY_NAMES[day] for day in action.weekdays)}" if action.weekdays else ""
    since = f" from {action.start.isoformat()}" if action.start is not None else ""
    return f"{times} {every}{on}{since}" + (f", {action.with_words}" if action.with_words else "")


def coded(text: str, codes: Iterable[Coded]) -> Concept:
    """A concept in words, with the codes for it."""
    return Concept(text=text, coding=tuple(Coding(code.system, code.code, code.display) for code in codes))


@lru_cache(maxsize=256)
def medication_order(action: CreateMedication, name: str, codes: tuple[Coded, ...]) -> MedicationOrder:
    """The order of a remedy for nobody yet, valid R4; made once for each distinct remedy.

    `name` and `codes` are those of what is ordered, in the order in which they are written.

    Raises pydantic's ValidationError, which is a fault of this program, where it is not valid.
    """
    amount = f"{action.dose.normalize():f}"
    unit, code = UNITS.get(action.unit, (action.unit, action.unit))
    order = MedicationOrder(
        id="new",
        status="draft",
        intent="order",
        medication_codeable_concept=coded(name, codes),
        subject=Reference(NOBODY),
        encounter=None,
        reason_code=(Concept(text=action.reason),),
        dosage_instruction=(
            Dosage(
                text=f"{amount} {unit} {how_often(action)}",
                timing=Timing(
                    Repeat(
                        frequency=action.times,
                        period=1,
                        period_unit=action.period_unit,
                        day_of_week=action.weekdays,
                        bounds_period=Period(action.start.isoformat()) if action.start is not None else None,
                    )
                ),
                dose_and_rate=(DoseAndRate(Quantity(msgspec.Raw(amount.encode()), unit, UCUM, code)),),
            ),
        ),
    )
    MedicationRequest.model_validate_json(msgspec.json.encode(order))
    return order


@lru_cache(maxsize=256)
def laboratory_order(code: Coded, name: str, reason: str) -> LaboratoryOrder:
    """The order of a test for nobody yet, valid R4; made once for each distinct one.

    Raises pydantic's ValidationError, which is a fault of this program, where it is not valid.
    """
    order = LaboratoryOrder(
        id="new",
        status="draft",
        intent="order",
        code=Concept(text=name, coding=(Coding(code.system, code.code, code.display),)),
        subject=Reference(NOBODY),
        reason_code=(Concept(text=reason),),
    )
    ServiceRequest.model_validate_json(msgspec.json.encode(order))
    return order
