"""Reads decoded resources into the patient's chart; what cannot be read goes to `unread`, with place and reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import partial
from typing import cast, get_args

from ..clinical.chart import (
    Allergy,
    Chart,
    Condition,
    DraftOrder,
    Immunization,
    Patient,
    Procedure,
    Result,
    Source,
    Unread,
    VaccineOrder,
)
from ..clinical.findings import Hook
from ..clinical.remedy import named_test
from ..clinical.therapy import Deferred, Later, Therapies, Therapy
from .bundle import Listing
from .dates import read_day
from .elements import CodeableConcept, Coding, listed, read_dosages
from .gather import Draft, Found, Gathered
from .records import (
    AllergyRecord,
    ConditionRecord,
    EncounterRecord,
    ImmunizationRecord,
    Medicated,
    MedicationRecord,
    MedicationRequestRecord,
    NotReadable,
    ObservationRecord,
    PatientRecord,
    ProcedureRecord,
    ServiceRequestRecord,
    read_record,
)
from .results import read_results
from .terminology import Terminology, Vaccine
from .therapies import NOT_ORDERED, TherapyReader, timing_days

SOURCES = frozenset(get_args(Source))
NOT_BELIEVED = frozenset(("refuted", "entered-in-error"))
PAST = frozenset(("inactive", "resolved"))
NOT_DONE = frozenset(("entered-in-error", "not-done", "cancelled", "draft", "revoked"))

GASTROINTESTINAL = (
    "nausea vomit gastrointestinal dyspepsia diarrh misselijk braken maagklacht übelkeit erbrechen durchfall nausée "
    "vomissement"
).split()
"""Words, and beginnings of words, for what a drug does to the stomach and the bowels, in four languages."""

SEVERE = "24484000"
"""The SNOMED CT code of a severe condition, which need not come with its words."""


class ChartReader:
    """Reads one request's resources; holds what they have in common: the terminology and the conditions by reference."""

    def __init__(self, terminology: Terminology, gathered: Gathered, as_of: dt.date) -> None:
        self._terms = terminology
        self._gathered = gathered
        self._as_of = as_of
        self._unread: list[Unread] = list(gathered.unread)
        self._concepts_of: dict[str, frozenset[str]] = {}
        self._therapies = TherapyReader(terminology, gathered.medications, self._concepts_of, self._unread)

    def read(
        self,
        hook: Hook,
        patient: str,
        listings: Mapping[str, Listing],
        selections: Iterable[str] | None,
        *,
        not_offered: frozenset[str] = frozenset(),
    ) -> Chart:
        """The chart at a hook; `patient` is the reference of the request, `selections` name the drafts picked, if any."""
        by_type: dict[type, list[Found]] = {}
        for found in self._gathered.found:
            by_type.setdefault(type(found.record), []).append(found)
        conditions = tuple(self._conditions(by_type.get(ConditionRecord, ())))
        therapies = self._therapies
        indexed: dict[str, list[Deferred[Therapy]]] = {}
        for found in self._gathered.found:
            if isinstance(found.record, Medicated):
                told = therapies.tell(found.record, found.where, found.source)
                if told is not None:
                    therapy = Deferred(partial(therapies.therapy, told))
                    for ingredient in told.product.ingredients:
                        indexed.setdefault(ingredient, []).append(therapy)
        missing = {
            key
            for key, listing in listings.items()
            if listing.state in ("absent", "failed", "partial") and key in SOURCES
        }
        never = {key for key in missing & not_offered if listings[key].state != "partial"}
        picked = frozenset(selections or ())
        return Chart(
            as_of=self._as_of,
            hook=hook,
            patient=self._patient(patient, by_type.get(PatientRecord, ())),
            therapies=Therapies(indexed),
            drafts=tuple(
                draft
                for item in self._gathered.drafts
                for draft in self._draft(item, selected=hook != "order-select" or item.reference in picked)
            ),
            conditions=conditions,
            results=self._results(by_type.get(ObservationRecord, ())),
            allergies=Later(partial(self._allergies, by_type.get(AllergyRecord, ()))),
            procedures=Later(partial(self._procedures, by_type.get(ProcedureRecord, ()))),
            immunizations=Later(partial(self._immunizations, by_type.get(ImmunizationRecord, ()))),
            encounter_class=self._encounter(by_type.get(EncounterRecord, ())),
            unread=tuple(self._unread),
            missing_sources=frozenset(cast(Source, key) for key in missing - never),
            not_offered=frozenset(cast(Source, key) for key in never),
        )

    def read_draft(self, resource: bytes, reference: str = "") -> DraftOrder | None:
        """One more draft, or one that was changed, as if it came with the request; None where it cannot be read."""
        try:
            record = read_record(resource)
        except NotReadable:
            return None
        if record is None or isinstance(record, MedicationRecord):
            return None
        draft = Draft(record, resource, "draftOrders", reference or record.reference)
        return next(iter(self._draft(draft, selected=True)), None)

    def _patient(self, reference: str, found: Iterable[Found]) -> Patient:
        for item in found:
            record = item.record
            if isinstance(record, PatientRecord):
                return Patient(
                    reference=reference,
                    birth_date=read_day(record.birth_date) if len(record.birth_date) == 10 else None,
                    sex=record.gender,
                    deceased=bool(record.deceased_boolean or record.deceased_date_time),
                )
        return Patient(reference=reference)

    def _conditions(self, found: Iterable[Found]) -> Iterable[Condition]:
        for item in found:
            record = item.record
            if not isinstance(record, ConditionRecord) or codes_of(record.verification_status) & NOT_BELIEVED:
                continue
            concepts = self._condition_concepts(record.code)
            self._concepts_of[record.reference] = concepts
            status = codes_of(record.clinical_status)
            period = record.abatement_period
            abated = read_day(record.abatement_date_time or (period.end if period else None), last=True)
            over = abated is not None and abated < self._as_of and not status
            label = label_of(record.code)
            words = words_of(record.code)
            yield Condition(
                reference=record.reference,
                concepts=concepts,
                label=label,
                current=not status & PAST and not over,
                remission="remission" in status,
                severe="severe" in words_of(record.severity)
                or SEVERE in codes_of(record.severity)
                or "rapidly progressive" in words,
                refractory="refractory" in words,
                onset=read_day(record.onset_date_time or (record.onset_period.start if record.onset_period else None)),
                recorded=read_day(record.recorded_date),
                abated=abated,
            )

    def _condition_concepts(self, concept: CodeableConcept | None) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for coding in codings_of(concept):
            if coding.system and coding.code:
                found |= self._terms.condition(coding.system, coding.code)
        return found

    def _results(self, found: Iterable[Found]) -> dict[str, Deferred[tuple[Result, ...]]]:
        by_concept: dict[str, list[ObservationRecord]] = {}
        observation = self._terms.observation
        for item in found:
            record = item.record
            if not isinstance(record, ObservationRecord) or record.code is None:
                continue
            concepts: frozenset[str] = frozenset()
            for coding in record.code.coding or ():
                if coding.system and coding.code:
                    concepts |= observation(coding.system, coding.code)
            for concept in concepts:
                by_concept.setdefault(concept, []).append(record)
        return {
            concept: Deferred(lambda concept=concept, records=records: read_results(concept, records))  # type: ignore[misc]
            for concept, records in by_concept.items()
        }

    def _allergies(self, found: Iterable[Found]) -> Iterable[Allergy]:
        for item in found:
            record = item.record
            if (
                not isinstance(record, AllergyRecord)
                or codes_of(record.verification_status) & NOT_BELIEVED
                or codes_of(record.clinical_status) & PAST
            ):
                continue
            reactions = record.reaction
            yield Allergy(
                reference=record.reference,
                substances=self._substances(record.code),
                label=label_of(record.code),
                intolerance=record.type == "intolerance",
                severe=record.criticality == "high" or any(reaction.severity == "severe" for reaction in reactions),
                reactions=frozenset().union(
                    *(self._manifested(what) for reaction in reactions for what in reaction.manifestation)
                ),
                recorded=read_day(record.recorded_date or record.onset_date_time),
            )

    def _manifested(self, concept: CodeableConcept) -> frozenset[str]:
        """What happened, by its codes, or of the stomach and the bowels by its words."""
        found: frozenset[str] = frozenset()
        for coding in codings_of(concept):
            if coding.system and coding.code:
                found |= self._terms.condition(coding.system, coding.code)
        words = " ".join(texts_of(concept)).lower()
        return found | {"nausea-vomiting"} if any(word in words for word in GASTROINTESTINAL) else found

    def _substances(self, concept: CodeableConcept | None) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for coding in codings_of(concept):
            if coding.system and coding.code:
                found |= self._terms.allergen(coding.system, coding.code)
        for text in texts_of(concept):
            found |= self._terms.allergen_text(text)
        return found

    def _procedures(self, found: Iterable[Found]) -> Iterable[Procedure]:
        for item in found:
            record = item.record
            if not isinstance(record, ProcedureRecord) or record.status in NOT_DONE:
                continue
            period = record.performed_period
            yield Procedure(
                reference=record.reference,
                concepts=self._procedure_concepts(record.code),
                label=label_of(record.code),
                day=read_day(record.performed_date_time or (period.start if period else None)),
                done=record.status != "preparation",
            )

    def _procedure_concepts(self, concept: CodeableConcept | None) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for coding in codings_of(concept):
            if coding.system and coding.code:
                found |= self._terms.procedure(coding.system, coding.code)
        for text in texts_of(concept):
            found |= self._terms.procedure_text(text)
        return found

    def _test_concepts(self, concept: CodeableConcept | None) -> frozenset[str]:
        """The results that an ordered laboratory test will give."""
        found: frozenset[str] = frozenset()
        for coding in codings_of(concept):
            if coding.system and coding.code:
                found |= self._terms.observation(coding.system, coding.code)
        return found.union(test for text in texts_of(concept) if (test := named_test(text)) is not None)

    def _immunizations(self, found: Iterable[Found]) -> Iterable[Immunization]:
        for item in found:
            record = item.record
            if not isinstance(record, ImmunizationRecord) or record.status != "completed":
                continue
            known = self._coded_vaccines(record.vaccine_code)
            known += self._said_vaccines(record.vaccine_code)
            yield Immunization(
                reference=record.reference,
                vaccines=frozenset(vaccine.id for vaccine in known),
                label=label_of(record.vaccine_code),
                day=read_day(record.occurrence_date_time),
                live=any(vaccine.live for vaccine in known),
            )

    def _coded_vaccines(self, concept: CodeableConcept | None) -> list[Vaccine]:
        known = (self._terms.vaccine(c.system, c.code) for c in codings_of(concept) if c.system and c.code)
        return [vaccine for vaccine in known if vaccine is not None]

    def _said_vaccines(self, concept: CodeableConcept | None) -> list[Vaccine]:
        known = (self._terms.vaccine_text(text) for text in texts_of(concept))
        return [vaccine for vaccine in known if vaccine is not None]

    def _vaccine_order(self, record: Medicated, reference: str) -> VaccineOrder | None:
        """The vaccine that a draft orders, by its codes, and without one by its words where no medicine is named."""
        if not isinstance(record, MedicationRequestRecord) or record.do_not_perform or record.status in NOT_ORDERED:
            return None
        concept = self._gathered.medications.code_of(record)
        known = self._coded_vaccines(concept)
        if not known and not any(self._terms.medication_text(text) for text in texts_of(concept)):
            known = self._said_vaccines(concept)
        if not known:
            return None
        said = next((vaccine for vaccine in known if vaccine.live is not None), known[0])
        dosages = read_dosages(record.dosage_instruction)
        days = [day for dosage in dosages for day in timing_days(dosage.timing)]
        return VaccineOrder(
            reference=reference,
            vaccine=said.id,
            label=label_of(concept),
            live=said.live,
            local=any(
                dosage.route is not None and self._therapies.route_of(dosage.route) == "local" for dosage in dosages
            ),
            day=min(days, default=None),
        )

    def _encounter(self, found: Iterable[Found]) -> str:
        for item in found:
            record = item.record
            if isinstance(record, EncounterRecord):
                return encounter_class(record)
        return ""

    def _draft(self, item: Draft, *, selected: bool) -> Iterable[DraftOrder]:
        record, therapies = item.record, self._therapies
        if isinstance(record, Medicated):
            concepts, text = therapies.reasons(record)
            vaccine = self._vaccine_order(record, item.reference)
            yield DraftOrder(
                reference=item.reference,
                selected=selected,
                therapy=None
                if vaccine is not None
                else therapies.read(record, item.where, "draftOrders", draft=item.reference),
                vaccine=vaccine,
                reasons=concepts,
                reason_text=text,
            )
        elif (
            isinstance(record, ServiceRequestRecord) and not record.do_not_perform and record.status not in NOT_ORDERED
        ):
            concepts, text = therapies.reasons(record)
            yield DraftOrder(
                reference=item.reference,
                selected=selected,
                procedure=Procedure(
                    reference=item.reference,
                    concepts=self._procedure_concepts(record.code) | self._test_concepts(record.code),
                    label=label_of(record.code),
                    day=occurrence(record),
                    done=False,
                ),
                reasons=concepts,
                reason_text=text,
            )


def codings_of(concept: CodeableConcept | None) -> tuple[Coding, ...]:
    """The codings of a concept, where there are any."""
    return concept.coding or () if concept is not None else ()


def codes_of(concept: CodeableConcept | None) -> frozenset[str]:
    """Every code of a concept."""
    return frozenset(coding.code for coding in codings_of(concept) if coding.code)


def occurrence(record: ServiceRequestRecord) -> dt.date | None:
    """The first day on which a procedure is to be done, or None where the order names none."""
    period, timing = record.occurrence_period, record.occurrence_timing
    day = read_day(record.occurrence_date_time or (period.start if period is not None else None))
    return day or min(timing_days(timing), default=None)


def encounter_class(record: EncounterRecord) -> str:
    """The code of the visit's class, or ""."""
    kind = record.class_
    if kind is None:
        return ""
    return kind.code or next((coding.code for coding in listed(kind.coding) if coding.code), "")


def code_of(concept: CodeableConcept | None) -> str:
    """The first code of a concept, or ""."""
    return next((coding.code for coding in codings_of(concept) if coding.code), "")


def texts_of(concept: CodeableConcept | None) -> Iterable[str]:
    """The text of a concept and the displays of its codings, each once."""
    if concept is None:
        return ()
    return dict.fromkeys(
        text for text in (concept.text, *(coding.display for coding in (concept.coding or ()))) if text
    )


def label_of(concept: CodeableConcept | None) -> str:
    """How the record names a concept: its text, a display, or a code."""
    return next(iter(texts_of(concept)), "") or code_of(concept)


def words_of(concept: CodeableConcept | None) -> str:
    """All words of a concept in lower case."""
    return " ".join(texts_of(concept)).lower()
