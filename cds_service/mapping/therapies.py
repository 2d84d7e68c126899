"""Reads orders, statements, administrations and drafts of medications into therapies (CLINICAL 0.3 and B.3)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping

import msgspec

from ..clinical.chart import Unread
from ..clinical.therapy import Regimens, RouteClass, Status, Therapy
from .dates import read_day
from .dosage import read_administration, read_regimen, read_words
from .elements import (
    NOTHING,
    AdministrationDosage,
    CodeableConcept,
    Dosage,
    Period,
    Timing,
    listed,
    read_dosages,
    read_notes,
)
from .medication import Identity, Medications
from .products import Product, Strength
from .records import (
    Concepts,
    Medicated,
    MedicationAdministrationRecord,
    MedicationRequestRecord,
    MedicationStatementRecord,
    ServiceRequestRecord,
)
from .strength import read_strengths
from .terminology import Terminology

STATUS: dict[str, Status] = {
    "active": "active",
    "on-hold": "on-hold",
    "completed": "ended",
    "stopped": "ended",
    "unknown": "unknown",
}
COUNTS_FOR_NOTHING = frozenset(("entered-in-error", "cancelled", "draft", "intended", "not-taken", "not-done"))
NOT_ORDERED = frozenset(("entered-in-error", "cancelled", "stopped", "completed"))
"""What a draft may be called that orders nothing (any more)."""
GIVEN = frozenset(("in-progress", "on-hold", "completed", "stopped"))
NO_CODES: frozenset[str] = frozenset()
NOT_ORDERS = frozenset(("proposal", "plan", "option"))
STATUS_UNKNOWN = "its status is not known"
COMMUNITY = frozenset(("community", "outpatient", "discharge"))
INPATIENT = frozenset(("inpatient",))


def timing_days(timing: Timing | None) -> Iterable[dt.date]:
    """The dates on which a timing says that it begins: its events, or the start of its period."""
    if timing is None:
        return
    for event in listed(timing.event):
        day = read_day(event)
        if day is not None:
            yield day
    period = timing.repeat.bounds_period if timing.repeat is not None else None
    day = read_day(period.start) if period is not None else None
    if day is not None:
        yield day


def may_end(dosages: Iterable[Dosage]) -> bool:
    """Whether a dosage may state its end; without bounds, counts and dates it goes on until someone ends it."""
    return any(_is_bounded(dosage) for dosage in dosages)


def _is_bounded(dosage: Dosage) -> bool:
    timing = dosage.timing
    if dosage.unreadable or dosage.modifier_extension is not NOTHING:
        return True
    if timing is None:
        return False
    if timing.event is not None or timing.modifier_extension is not NOTHING:
        return True
    repeat = timing.repeat
    return repeat is not None and (
        repeat.bounds_duration is not None
        or repeat.bounds_range is not None
        or repeat.bounds_period is not None
        or repeat.count is not None
        or repeat.count_max is not None
    )


def only_one(identity: Identity) -> str:
    """The ingredient of a product that has one, else ""."""
    ingredients = identity.product.ingredients if identity.product is not None else frozenset[str]()
    return next(iter(ingredients)) if len(ingredients) == 1 else ""


def codes_of(concepts: Concepts) -> frozenset[str]:
    """Every code of these concepts."""
    if concepts is None:
        return NO_CODES
    return frozenset(coding.code for concept in listed(concepts) for coding in (concept.coding or ()) if coding.code)


HARM = "sintol"
HARM_WORDS = re.compile(
    r"toxic|intoleran|adverse|side.effect|bijwerking|nebenwirkung|unverträglich|effet indésirable", re.IGNORECASE
)


def stopped_for(reasons: Concepts) -> frozenset[str]:
    """The codes of the reasons why a therapy ended; words that say it was not tolerated count as that code."""
    if reasons is None:
        return NO_CODES
    texts = [text for concept in listed(reasons) for text in (concept.text, *(c.display for c in concept.coding or ()))]
    harmed = any(HARM_WORDS.search(text) for text in texts if text)
    return codes_of(reasons) | ({HARM} if harmed else NO_CODES)


ONCOLOGICAL = re.compile(
    rb"chemo|oncolog|lymphom|leuka?emi|myelom|carcinom|neoplas|r-?chop|r-?cvp|(?<![a-z])(?:chop|cvp|cmf|fec)(?![a-z])",
    re.IGNORECASE,
)
"""What a cancer protocol is called, in the address or the number of the protocol that an order belongs to."""


def of_protocol(record: Medicated) -> frozenset[str]:
    """What an order without a reason is for by the protocol that it belongs to: cancer, or nothing known (CLINICAL 0.2)."""
    if not isinstance(record, MedicationRequestRecord):
        return NO_CODES
    named = (record.instantiates_canonical, record.instantiates_uri, record.group_identifier)
    oncological = any(raw is not NOTHING and ONCOLOGICAL.search(bytes(raw)) for raw in named)
    return frozenset(("chemotherapy-encounter",)) if oncological else NO_CODES


def community(category: Concepts) -> bool | None:
    """Whether an order is for outpatients, by its category; None where it does not say."""
    codes = codes_of(category)
    if not codes.isdisjoint(COMMUNITY):
        return True
    return None if codes.isdisjoint(INPATIENT) else False


def is_order(record: MedicationRequestRecord, draft: str) -> bool:
    """Whether a request orders its medication to be taken, and is no mere proposal; a draft may be one."""
    if record.do_not_perform:
        return False
    if draft or record.intent not in NOT_ORDERS:
        return True
    # US Core writes what a patient says to take as a plan that is reported.
    return record.intent == "plan" and (bool(record.reported_boolean) or record.reported_reference is not None)


class Told(msgspec.Struct, frozen=True):
    """A record that counts, with what its medication was taken for; `draft` is "" but for a draft order."""

    record: Medicated
    identity: Identity
    product: Product
    status: Status
    draft: str


class TherapyReader:
    """Reads the medications of one request; what cannot be told is added to `unread`."""

    def __init__(
        self,
        terminology: Terminology,
        medications: Medications,
        condition_concepts: Mapping[str, frozenset[str]],
        unread: list[Unread],
    ) -> None:
        self._terms = terminology
        self._medications = medications
        self._condition_concepts = condition_concepts
        self._unread = unread

    def read(self, record: Medicated, where: str, source: str, *, draft: str = "") -> Therapy | None:
        """The therapy of a record that counts (`tell`), or None."""
        told = self.tell(record, where, source, draft=draft)
        return None if told is None else self.therapy(told)

    def tell(self, record: Medicated, where: str, source: str, *, draft: str = "") -> Told | None:
        """What a record is about; None where it counts for nothing, or its drug is none of ours or cannot be told.

        `draft` is the reference of a draft order, "" for the chart.
        """
        if not isinstance(record, MedicationRequestRecord):
            draft = ""  # Nothing else can be ordered, wherever it stands.
        elif not is_order(record, draft):
            return None
        if record.status in (NOT_ORDERED if draft else COUNTS_FOR_NOTHING):
            return None
        identity = self._identify(record, where, source, draft)
        if identity is None or identity.product is None:
            return None
        status: Status | None
        if isinstance(record, MedicationAdministrationRecord):
            status = "ended" if record.status in GIVEN else None
        else:
            status = "draft" if draft else STATUS.get(record.status)
        if status is None:
            self._note(where, STATUS_UNKNOWN, source)
            return None
        return Told(record, identity, identity.product, status, draft)

    def therapy(self, told: Told) -> Therapy:
        """The therapy with all that its record says; whatever could not be told was noted before."""
        record = told.record
        if isinstance(record, MedicationRequestRecord):
            return self._request(record, told)
        if isinstance(record, MedicationStatementRecord):
            return self._statement(record, told)
        if isinstance(record, MedicationAdministrationRecord):
            return self._administration(record, told)
        raise TypeError(f"{type(record).__name__} gives no medication")

    def _request(self, record: MedicationRequestRecord, told: Told) -> Therapy:
        identity, status, draft = told.identity, told.status, told.draft
        dosages = read_dosages(record.dosage_instruction)
        bounded = may_end(dosages)
        dated = [day for dosage in dosages for day in timing_days(dosage.timing)] if bounded else []
        valid = record.dispense_request.validity_period if record.dispense_request is not None else None
        start = min(dated) if dated else read_day(valid.start if valid is not None else None)
        certain = start is not None
        if start is None and not draft:
            start = read_day(record.authored_on)
        prior = record.prior_prescription
        concepts, words = self.reasons(record)
        notes = read_notes(record.note) if draft else ()
        return Therapy(
            ingredients=told.product.ingredients,
            label=identity.label,
            confidence=identity.confidence,
            reasons=concepts,
            reason_text=words,
            notes=read_words(" ; ".join(notes)) if notes else frozenset(),
            source="draft" if draft else "request",
            reference=draft or record.reference,
            status=status,
            start=start,
            start_certain=certain,
            may_end=bounded,
            ended_by=read_day(record.meta.last_updated) if record.meta is not None and status == "ended" else None,
            stopped_for=stopped_for(record.status_reason),
            community=community(record.category),
            replaces=self._medications.local(prior.reference or "") if prior is not None else "",
            route=self._route(dosages, identity),
            regimen=Regimens(
                lambda ingredient: read_regimen(
                    dosages,
                    strengths=lambda: self._strengths(identity, ingredient),
                    ingredient=ingredient,
                    where="dosageInstruction",
                    order_start=start,
                ),
                only_one(identity),
            ),
        )

    def _statement(self, record: MedicationStatementRecord, told: Told) -> Therapy:
        identity, status = told.identity, told.status
        period = record.effective_period or Period()
        start = read_day(record.effective_date_time or period.start)
        dosages = read_dosages(record.dosage)
        concepts, words = self.reasons(record)
        return Therapy(
            ingredients=told.product.ingredients,
            label=identity.label,
            confidence=identity.confidence,
            reasons=concepts,
            reason_text=words,
            source="statement",
            reference=record.reference,
            status=status,
            start=start,
            start_certain=start is not None,
            end=read_day(period.end, last=True),
            may_end=may_end(dosages),
            ended_by=read_day(record.date_asserted) if status == "ended" else None,
            stopped_for=stopped_for(record.status_reason),
            route=self._route(dosages, identity),
            regimen=Regimens(
                lambda ingredient: read_regimen(
                    dosages,
                    strengths=lambda: self._strengths(identity, ingredient),
                    ingredient=ingredient,
                    where="dosage",
                    order_start=start,
                ),
                only_one(identity),
            ),
        )

    def _administration(self, record: MedicationAdministrationRecord, told: Told) -> Therapy:
        identity = told.identity
        period = record.effective_period or Period()
        start = read_day(record.effective_date_time or period.start)
        dosage = record.dosage or AdministrationDosage()
        concepts, words = self.reasons(record)
        return Therapy(
            ingredients=told.product.ingredients,
            label=identity.label,
            confidence=identity.confidence,
            reasons=concepts,
            reason_text=words,
            source="administration",
            reference=record.reference,
            status=told.status,
            start=start,
            start_certain=start is not None,
            end=start,
            carries_out=self._medications.local(record.request.reference or "") if record.request is not None else "",
            route=self._route([Dosage(route=dosage.route)], identity),
            regimen=Regimens(
                lambda ingredient: read_administration(
                    dosage,
                    strengths=lambda: self._strengths(identity, ingredient),
                    ingredient=ingredient,
                    where="dosage",
                    day=start,
                ),
                only_one(identity),
            ),
        )

    def _identify(self, record: Medicated, where: str, source: str, draft: str) -> Identity | None:
        identity = self._medications.identify(record)
        if identity is None:
            if not draft:
                self._note(where, "it names no medication", source)
            return None
        if identity.unknown:
            self._note(where, identity.unknown, source)
        if identity.conflict:
            self._note(where, "its codes and texts name different medications", source)
        return identity

    def _note(self, where: str, reason: str, source: str) -> None:
        self._unread.append(Unread(where=where, reason=reason, source=source))

    def reasons(self, record: Medicated | ServiceRequestRecord) -> tuple[frozenset[str], str]:
        """What an order is for, and the words: concepts by code, by the conditions it refers to, or else by the words."""
        codes, references = record.reason_code, record.reason_reference
        concepts = NO_CODES
        if codes is None and references is None:
            return (of_protocol(record) if isinstance(record, Medicated) else concepts), ""
        texts: list[str] = []
        for concept in listed(codes):
            coded = NO_CODES
            for coding in concept.coding or ():
                if coding.system and coding.code:
                    coded |= self._terms.condition(coding.system, coding.code)
            words = [*(coding.display or "" for coding in concept.coding or ()), concept.text or ""]
            concepts |= coded or self._said(words)
            texts += words
        for reference in listed(references):
            known = self._condition_concepts.get(self._medications.local(reference.reference or ""))
            display = reference.display or ""
            concepts |= self._said([display]) if known is None else known
            texts.append(display)
        return concepts, "; ".join(dict.fromkeys(text for text in texts if text))

    def _said(self, words: Iterable[str]) -> frozenset[str]:
        """The concepts of reasons that are only said in words."""
        return NO_CODES.union(*(self._terms.reason_text(text) for text in words if text))

    def _route(self, dosages: Iterable[Dosage], identity: Identity) -> RouteClass:
        """The route that the dosage states; else what the product implies."""
        for dosage in dosages:
            if dosage.route is not None:
                route = self.route_of(dosage.route)
                if route != "unknown":
                    return route
        return identity.product.route if identity.product is not None else "unknown"

    def route_of(self, concept: CodeableConcept) -> RouteClass:
        """The route that a concept names, by code or else in words."""
        for coding in concept.coding or ():
            route = self._terms.route(coding.system or "", coding.code or "", coding.display or "")
            if route != "unknown":
                return route
        return self._terms.route("", "", concept.text) if concept.text else "unknown"

    def _strengths(self, identity: Identity, ingredient: str) -> tuple[Strength, ...]:
        return read_strengths(identity.product, identity.ingredients, identity.texts, ingredient)
