"""FHIR R4 resources as far as this service reads them, each decoded by itself: one odd resource spoils no other.

Elements that no rule needs are not here and are passed over unread. Where clients really send an object for a list, both
are taken.
"""

from __future__ import annotations

import msgspec

from .elements import (
    NOTHING,
    AdministrationDosage,
    CodeableConcept,
    Coding,
    MedicationIngredient,
    Period,
    Quantity,
    Range,
    Reference,
    Timing,
    present,
)

Concepts = tuple[CodeableConcept, ...] | CodeableConcept | None
References = tuple[Reference, ...] | Reference | None


class Meta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """When a server last changed the resource."""

    last_updated: str = ""


class Contained(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A contained resource, as far as a medication or a reason may be found in it."""

    resource_type: str = ""
    id: str = ""
    code: CodeableConcept | None = None
    ingredient: tuple[MedicationIngredient, ...] = ()


class Record(msgspec.Struct, frozen=True, rename="camel", kw_only=True, tag_field="resourceType", gc=False):
    """What every resource has."""

    id: str = ""
    meta: Meta | None = None
    modifier_extension: msgspec.Raw = NOTHING

    @property
    def reference(self) -> str:
        """`Type/id`, by which other resources and cards name it."""
        return f"{self.__struct_config__.tag}/{self.id}"

    @property
    def modified(self) -> bool:
        """Whether an extension that we do not know changes what the resource means."""
        return self.modifier_extension is not NOTHING and present(self.modifier_extension)

    @property
    def foreign(self) -> bool:
        """Whether it holds what another version of FHIR has and what must not be passed over (`versions`)."""
        return False


class PatientRecord(Record, frozen=True, kw_only=True, tag="Patient"):
    """Who it is about."""

    gender: str = ""
    birth_date: str = ""
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None


class ConditionRecord(Record, frozen=True, kw_only=True, tag="Condition"):
    """A problem or diagnosis."""

    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    severity: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onset_date_time: str = ""
    onset_period: Period | None = None
    recorded_date: str = ""
    abatement_date_time: str = ""
    abatement_period: Period | None = None


class MedicationRecord(Record, frozen=True, kw_only=True, tag="Medication"):
    """What a medication is."""

    status: str = ""
    code: CodeableConcept | None = None
    form: CodeableConcept | None = None
    ingredient: tuple[MedicationIngredient, ...] = ()
    contained: tuple[Contained, ...] = ()


class DispenseRequest(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of the dispensing part only when the prescription is valid."""

    validity_period: Period | None = None


class Medicated(Record, frozen=True, kw_only=True):
    """What orders, statements and administrations of a medication share. `medication` is how R5 names it."""

    status: str = ""
    status_reason: Concepts = None
    category: Concepts = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    medication: msgspec.Raw = NOTHING
    subject: Reference | None = None
    reason_code: Concepts = None
    reason_reference: References = None
    contained: tuple[Contained, ...] = ()

    @property
    def foreign(self) -> bool:
        """An R5 medication, with nothing where R4 has it."""
        named = self.medication_codeable_concept is not None or self.medication_reference is not None
        return self.medication is not NOTHING and not named and present(self.medication)


class MedicationRequestRecord(Medicated, frozen=True, kw_only=True, tag="MedicationRequest"):
    """An order."""

    intent: str = ""
    do_not_perform: bool | None = None
    reported_boolean: bool | None = None
    reported_reference: Reference | None = None
    authored_on: str = ""
    prior_prescription: Reference | None = None
    note: msgspec.Raw = NOTHING
    dosage_instruction: msgspec.Raw = NOTHING
    dispense_request: DispenseRequest | None = None
    instantiates_canonical: msgspec.Raw = NOTHING
    instantiates_uri: msgspec.Raw = NOTHING
    group_identifier: msgspec.Raw = NOTHING


class MedicationStatementRecord(Medicated, frozen=True, kw_only=True, tag="MedicationStatement"):
    """What a patient is said to take."""

    effective_date_time: str = ""
    effective_period: Period | None = None
    date_asserted: str = ""
    dosage: msgspec.Raw = NOTHING
    taken: msgspec.Raw = NOTHING
    was_not_taken: msgspec.Raw = NOTHING

    @property
    def foreign(self) -> bool:
        """What DSTU2, STU3 or R5 say by elements of their own: that it was not, or what or when it was."""
        return super().foreign or any(present(element) for element in (self.taken, self.was_not_taken))


class MedicationAdministrationRecord(Medicated, frozen=True, kw_only=True, tag="MedicationAdministration"):
    """A dose given."""

    effective_date_time: str = ""
    effective_period: Period | None = None
    request: Reference | None = None
    dosage: AdministrationDosage | None = None
    not_given: msgspec.Raw = NOTHING
    was_not_given: msgspec.Raw = NOTHING

    @property
    def foreign(self) -> bool:
        """What DSTU2, STU3 or R5 say by elements of their own: that it was not, or what or when it was."""
        return super().foreign or any(present(element) for element in (self.not_given, self.was_not_given))


class ReferenceRange(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The laboratory's own limits."""

    low: Quantity | None = None
    high: Quantity | None = None


class Component(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A part of an Observation that has a value of its own."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    interpretation: Concepts = None
    reference_range: tuple[ReferenceRange, ...] = ()


class ObservationRecord(Record, frozen=True, kw_only=True, tag="Observation"):
    """A measurement or finding."""

    status: str = ""
    code: CodeableConcept | None = None
    subject: Reference | None = None
    effective_date_time: str = ""
    effective_period: Period | None = None
    effective_instant: str = ""
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_range: Range | None = None
    value_date_time: str | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: Concepts = None
    reference_range: tuple[ReferenceRange, ...] = ()
    component: tuple[Component, ...] = ()


class Reaction(msgspec.Struct, frozen=True, gc=False):
    """What happened."""

    severity: str = ""
    manifestation: tuple[CodeableConcept, ...] = ()


class AllergyRecord(Record, frozen=True, kw_only=True, tag="AllergyIntolerance"):
    """An allergy or intolerance. Its `subject` is what R4 calls its patient."""

    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    type: str = ""
    criticality: str = ""
    code: CodeableConcept | None = None
    subject: Reference | None = msgspec.field(default=None, name="patient")
    recorded_date: str = ""
    onset_date_time: str = ""
    reaction: tuple[Reaction, ...] = ()
    substance: msgspec.Raw = NOTHING

    @property
    def foreign(self) -> bool:
        """What DSTU2, STU3 or R5 say by elements of their own: that it was not, or what or when it was."""
        return present(self.substance)


class ProcedureRecord(Record, frozen=True, kw_only=True, tag="Procedure"):
    """Something done."""

    status: str = ""
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performed_date_time: str = ""
    performed_period: Period | None = None
    not_done: msgspec.Raw = NOTHING
    not_performed: msgspec.Raw = NOTHING
    occurrence_date_time: msgspec.Raw = NOTHING
    occurrence_period: msgspec.Raw = NOTHING

    @property
    def foreign(self) -> bool:
        """What DSTU2, STU3 or R5 say by elements of their own: that it was not, or what or when it was."""
        return any(
            present(element)
            for element in (self.not_done, self.not_performed, self.occurrence_date_time, self.occurrence_period)
        )


class ImmunizationRecord(Record, frozen=True, kw_only=True, tag="Immunization"):
    """A vaccine given. Its `subject` is what R4 calls its patient."""

    status: str = ""
    vaccine_code: CodeableConcept | None = None
    subject: Reference | None = msgspec.field(default=None, name="patient")
    occurrence_date_time: str = ""
    not_given: msgspec.Raw = NOTHING
    was_not_given: msgspec.Raw = NOTHING

    @property
    def foreign(self) -> bool:
        """What DSTU2, STU3 or R5 say by elements of their own: that it was not, or what or when it was."""
        return any(present(element) for element in (self.not_given, self.was_not_given))


class EncounterClass(Coding, frozen=True):
    """The class of a visit; some servers send a concept (as R5 has it) where R4 has a code."""

    coding: tuple[Coding, ...] | Coding | None = None


class EncounterRecord(Record, frozen=True, kw_only=True, tag="Encounter"):
    """The visit."""

    status: str = ""
    class_: EncounterClass | None = msgspec.field(default=None, name="class")
    subject: Reference | None = None


class ServiceRequestRecord(Record, frozen=True, kw_only=True, tag="ServiceRequest"):
    """An order of a procedure or a test."""

    status: str = ""
    intent: str = ""
    do_not_perform: bool | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    occurrence_date_time: str = ""
    occurrence_period: Period | None = None
    occurrence_timing: Timing | None = None
    reason_code: Concepts = None
    reason_reference: References = None


OwnedRecord = (
    PatientRecord
    | ConditionRecord
    | MedicationRequestRecord
    | MedicationStatementRecord
    | MedicationAdministrationRecord
    | ObservationRecord
    | AllergyRecord
    | ProcedureRecord
    | ImmunizationRecord
    | EncounterRecord
    | ServiceRequestRecord
)
"""What belongs to a patient, and says to whom."""
AnyRecord = OwnedRecord | MedicationRecord
RECORD_TYPES = frozenset(
    (
        "Patient",
        "Condition",
        "Medication",
        "MedicationRequest",
        "MedicationStatement",
        "MedicationAdministration",
        "Observation",
        "AllergyIntolerance",
        "Procedure",
        "Immunization",
        "Encounter",
        "ServiceRequest",
    )
)
NEEDED = RECORD_TYPES | {"MedicationOrder", "ProcedureRequest", "Bundle"}
"""What is never passed over: with what we read, what other versions of FHIR have in its place, and a Bundle in a Bundle,
which may hold anything: these cannot be read."""


class Header(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a resource is, where the rest of it cannot be read."""

    resource_type: str = ""


class _Owned(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Whose a resource is that no rule reads."""

    resource_type: str = ""
    id: str = ""
    subject: Reference | None = None
    patient: Reference | None = None


class NotReadable(Exception):
    """A resource of a type that we read, but not of its shape; `place` is the element, never its value."""

    def __init__(self, kind: str, place: str) -> None:
        self.kind, self.place = kind, place
        super().__init__(f"{kind}: {place}")


_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)
_owned: msgspec.json.Decoder[_Owned] = msgspec.json.Decoder(_Owned)
_header: msgspec.json.Decoder[Header] = msgspec.json.Decoder(Header)


def read_owners(raw: msgspec.Raw | bytes) -> tuple[Reference, ...]:
    """Whom a resource of any type names as its subject or patient, a Patient itself; nobody where that cannot be read."""
    try:
        owned = _owned.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return ()
    if owned.resource_type == "Patient":
        return (Reference(reference=f"Patient/{owned.id}"),) if owned.id else ()
    return tuple(each for each in (owned.subject, owned.patient) if each is not None)


def read_record(raw: msgspec.Raw | bytes) -> AnyRecord | None:
    """The resource, or None for one of a type that no rule needs.

    Raises `NotReadable` for one that has no type, or that is not of R4's shape.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.ValidationError, RecursionError) as error:
        fault = error
    try:
        header = _header.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        header = Header()
    if header.resource_type and header.resource_type not in NEEDED:
        return None
    raise NotReadable(header.resource_type or "resource without a type", place_of(fault))


def place_of(error: Exception) -> str:
    """The path of the element in a decoder's message, without the value."""
    text = str(error)
    return text[text.rindex("`$") + 1 : -1].replace("$.", "") if "`$" in text else "resource"
