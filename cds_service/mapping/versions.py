"""Which other version of FHIR than R4 a resource is of, told by its shape: no resource says it itself.

Only what no R4 resource can have tells: a type that R4 does not know, an element that would change the meaning if it
were passed over, or one whose type is another in R4 (hl7.org/fhir/R4/diff.html lists the changes). Real R4 orders hold
remains of STU3, a `context` or a dose in its old position: one of these alone does not tell, both together do.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .elements import NOTHING

Version = Literal["DSTU2", "STU3", "R5"]


class OtherVersion(Exception):
    """A resource without which nothing can be judged is of another version. `where` is its place in the request."""

    def __init__(self, version: Version, where: str) -> None:
        self.version, self.where = version, where
        super().__init__(f"{where}: {version}")


class _Marks(msgspec.Struct, rename="camel", gc=False):
    """The elements by which versions differ."""

    resource_type: str = ""
    # DSTU2
    patient: msgspec.Raw = NOTHING
    substance: msgspec.Raw = NOTHING
    was_not_taken: msgspec.Raw = NOTHING
    was_not_given: msgspec.Raw = NOTHING
    not_performed: msgspec.Raw = NOTHING
    orderer: msgspec.Raw = NOTHING
    effective_time_date_time: msgspec.Raw = NOTHING
    effective_time_period: msgspec.Raw = NOTHING
    # STU3
    not_given: msgspec.Raw = NOTHING
    not_done: msgspec.Raw = NOTHING
    taken: msgspec.Raw = NOTHING
    context: msgspec.Raw = NOTHING
    requester: msgspec.Raw = NOTHING
    dosage_instruction: msgspec.Raw = NOTHING
    clinical_status: msgspec.Raw = NOTHING
    verification_status: msgspec.Raw = NOTHING
    # R4 and STU3
    medication_codeable_concept: msgspec.Raw = NOTHING
    medication_reference: msgspec.Raw = NOTHING
    # R5
    medication: msgspec.Raw = NOTHING
    code: msgspec.Raw = NOTHING
    occurrence_date_time: msgspec.Raw = NOTHING
    occurrence_period: msgspec.Raw = NOTHING
    occurence_date_time: msgspec.Raw = NOTHING
    occurence_period: msgspec.Raw = NOTHING


class _Requester(msgspec.Struct, gc=False):
    agent: msgspec.Raw = NOTHING


class _CodeableReference(msgspec.Struct, gc=False):
    concept: msgspec.Raw = NOTHING
    reference: msgspec.Raw = NOTHING


_marks: msgspec.json.Decoder[_Marks] = msgspec.json.Decoder(_Marks)
_requester: msgspec.json.Decoder[_Requester] = msgspec.json.Decoder(_Requester)
_codeable: msgspec.json.Decoder[_CodeableReference] = msgspec.json.Decoder(_CodeableReference)

_ELSEWHERE: dict[str, Version] = {
    "MedicationOrder": "DSTU2",
    "DiagnosticOrder": "DSTU2",
    "ReferralRequest": "STU3",
    "MedicationUsage": "R5",
}
# By type: elements that it has in this version alone, the oldest version first.
_OWN: dict[str, tuple[tuple[Version, tuple[str, ...]], ...]] = {
    "MedicationStatement": (("DSTU2", ("patient", "was_not_taken")), ("STU3", ("taken",))),
    "MedicationAdministration": (
        ("DSTU2", ("patient", "was_not_given", "effective_time_date_time", "effective_time_period")),
        ("STU3", ("not_given",)),
        ("R5", ("occurence_date_time", "occurence_period")),
    ),
    "Condition": (("DSTU2", ("patient",)),),
    "AllergyIntolerance": (("DSTU2", ("substance",)),),
    "Procedure": (
        ("DSTU2", ("not_performed",)),
        ("STU3", ("not_done",)),
        ("R5", ("occurrence_date_time", "occurrence_period")),
    ),
    "Immunization": (("DSTU2", ("was_not_given",)), ("STU3", ("not_given",))),
    "Encounter": (("DSTU2", ("patient",)),),
}
_WITH_STATUS = frozenset(("Condition", "AllergyIntolerance"))
_MEDICATED = frozenset(("MedicationRequest", "MedicationStatement", "MedicationAdministration"))


def version_of(raw: msgspec.Raw | bytes) -> Version | None:
    """The other version of which a resource is shown to be, or None: of R4, or not to be told."""
    try:
        marks = _marks.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    kind = marks.resource_type
    if kind in _ELSEWHERE:
        return _ELSEWHERE[kind]
    if kind == "ProcedureRequest":
        return "DSTU2" if _is(marks.orderer) else "STU3"
    for version, elements in _OWN.get(kind, ()):
        if any(_is(getattr(marks, element)) for element in elements):
            return version
    if kind in _WITH_STATUS and any(_is(status, b'"') for status in (marks.clinical_status, marks.verification_status)):
        return "STU3"
    if kind == "MedicationRequest" and (_has_agent(marks.requester) or _leans_to_stu3(marks)):
        return "STU3"
    named = _is(marks.medication_codeable_concept) or _is(marks.medication_reference)
    if kind in _MEDICATED and not named and _is_codeable_reference(marks.medication):
        return "R5"
    if kind == "ServiceRequest" and _is_codeable_reference(marks.code):
        return "R5"
    return None


def _is(raw: msgspec.Raw, opening: bytes = b"") -> bool:
    """Whether an element is there, and begins so."""
    found = memoryview(raw)[:4].tobytes()
    return found not in (b"", b"null") and found.startswith(opening)


def _has_agent(raw: msgspec.Raw) -> bool:
    if not _is(raw, b"{"):
        return False
    try:
        return _is(_requester.decode(raw).agent)
    except (msgspec.DecodeError, RecursionError):
        return False


def _leans_to_stu3(marks: _Marks) -> bool:
    dosage = bytes(marks.dosage_instruction)
    return _is(marks.context) and b'"doseQuantity"' in dosage and b'"doseAndRate"' not in dosage


def _is_codeable_reference(raw: msgspec.Raw) -> bool:
    """Whether it is an object with a concept, or with a reference that is an object: what R5 alone has."""
    if not _is(raw, b"{"):
        return False
    try:
        found = _codeable.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return _is(found.concept, b"{") or _is(found.reference, b"{")
