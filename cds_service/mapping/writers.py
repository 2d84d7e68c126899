"""Writes remedies as resources for an EHR: a create anew and valid, an update as the original order with our elements
replaced, a delete by reference.

An update is never decoded whole: every element that we do not change goes out byte for byte as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec
from fhir.resources.R4B.medicationrequest import MedicationRequest

from ..clinical.dialect import GENERIC, Dialect
from ..clinical.remedy import Action, Change, CreateMedication, DeleteDraft, MoveDraft, Offer, Remedy
from .edits import UCUM, change_dosage, move
from .terminology import Coded, Terminology

SYSTEMS: tuple[Literal["rxnorm", "atc", "snomed"], ...] = ("rxnorm", "atc", "snomed")
NOBODY = "Patient/nobody"
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


class Repeat(msgspec.Struct, omit_defaults=True, rename="camel"):
    """So many times in a week, on named days where they are known."""

    frequency: int
    period: int
    period_unit: str
    day_of_week: tuple[str, ...] = ()


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


class Writer:
    """Writes the remedies of one request.

    `patient` and `encounter` are references ("" for no encounter), `original` gives a draft's bytes by its reference.
    """

    def __init__(
        self,
        terminology: Terminology,
        *,
        patient: str,
        encounter: str,
        original: Callable[[str], bytes | None],
        new_id: Callable[[], str],
        dialect: Dialect = GENERIC,
    ) -> None:
        self._terms = terminology
        self._patient = patient
        self._encounter = encounter
        self._original = original
        self._new_id = new_id
        self._dialect = dialect

    def write(self, remedies: Sequence[Remedy]) -> tuple[Offer, ...]:
        """Each remedy that can be written; one that names a draft without an id, or a date that is not there, is not."""
        offers: list[Offer] = []
        for remedy in remedies:
            changes = [self._change(action, remedy.label) for action in remedy.actions]
            written = tuple(change for change in changes if change is not None)
            if written and len(written) == len(changes) and self._takes(written):
                offers.append(Offer(remedy.label, written, remedy.recommended))
        return tuple(offers)

    def _takes(self, changes: tuple[Change, ...]) -> bool:
        """Whether this client can carry the changes out: a remedy of two actions is never split."""
        if self._dialect.one_action and len(changes) > 1:
            return False
        return self._dialect.updates or all(change.kind != "update" for change in changes)

    def _change(self, action: Action, label: str) -> Change | None:
        if isinstance(action, CreateMedication):
            return Change(kind="create", description=label, resource=self._create(action))
        if not re.fullmatch(r"[A-Za-z]+/\S+", action.order):
            return None
        if isinstance(action, DeleteDraft):
            return Change(kind="delete", description=label, target=action.order)
        original = self._original(action.order)
        if original is None:
            return None
        if isinstance(action, MoveDraft):
            changed = move(original, action.days, action.from_day)
        else:
            changed = change_dosage(original, action.steps, action.before)
        if changed is None:
            return None
        return Change(kind="update", description=label, target=action.order, resource=changed)

    def _create(self, action: CreateMedication) -> bytes:
        codes = (self._terms.code_of(action.ingredient, system) for system in SYSTEMS)
        order = medication_order(
            action, self._terms.name_of(action.ingredient), tuple(code for code in codes if code is not None)
        )
        return msgspec.json.encode(
            msgspec.structs.replace(
                order,
                id=self._new_id(),
                subject=Reference(self._patient),
                encounter=Reference(self._encounter) if self._encounter else None,
            )
        )


def how_often(action: CreateMedication) -> str:
    """The frequency of an order in words, with what its instruction adds."""
    times = {1: "once", 2: "twice"}.get(action.times, f"{action.times} times")
    every = {"d": "daily", "wk": "weekly"}[action.period_unit]
    on = f" on {' and '.join(WEEKDAY_NAMES[day] for day in action.weekdays)}" if action.weekdays else ""
    return f"{times} {every}{on}" + (f", {action.with_words}" if action.with_words else "")


@lru_cache(maxsize=256)
def medication_order(action: CreateMedication, name: str, codes: tuple[Coded, ...]) -> MedicationOrder:
    """The order of a remedy for nobody yet, valid R4; made once for each distinct remedy.

    `name` and `codes` are those of the ingredient, in the order in which they are written.

    Raises pydantic's ValidationError, which is a fault of this program, where it is not valid.
    """
    amount = f"{action.dose.normalize():f}"
    order = MedicationOrder(
        id="new",
        status="draft",
        intent="order",
        medication_codeable_concept=Concept(
            text=name, coding=tuple(Coding(code.system, code.code, code.display) for code in codes)
        ),
        subject=Reference(NOBODY),
        encounter=None,
        reason_code=(Concept(text=action.reason),),
        dosage_instruction=(
            Dosage(
                text=f"{amount} {action.unit} {how_often(action)}",
                timing=Timing(
                    Repeat(
                        frequency=action.times, period=1, period_unit=action.period_unit, day_of_week=action.weekdays
                    )
                ),
                dose_and_rate=(DoseAndRate(Quantity(msgspec.Raw(amount.encode()), action.unit, UCUM, action.unit)),),
            ),
        ),
    )
    MedicationRequest.model_validate_json(msgspec.json.encode(order))
    return order
