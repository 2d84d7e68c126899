"""Decodes all that came for a request, shows whose it is, and knows which Medications are still to be fetched."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from ..clinical.chart import Unread
from .bundle import Entry, Listing, name_of, read_listing
from .medication import Medications, wanted_medications
from .patient import Ownership
from .records import (
    NEEDED,
    AnyRecord,
    Medicated,
    MedicationRecord,
    NotReadable,
    OwnedRecord,
    PatientRecord,
    read_owners,
    read_record,
)
from .versions import OtherVersion, Version, version_of


class Found(msgspec.Struct, frozen=True, gc=False):
    """A decoded resource, the list it came in, and its number there."""

    record: OwnedRecord
    source: str
    number: int

    @property
    def where(self) -> str:
        """Its place in the request."""
        return place(self.source, self.number)


class Draft(msgspec.Struct, frozen=True):
    """A decoded draft order with its original bytes, its place, and the reference by which selections name it."""

    record: OwnedRecord
    original: bytes
    where: str
    reference: str


def numbers(listing: Listing) -> Iterable[int]:
    """The numbers of a listing's entries: those that hold no resource are counted, but not among them."""
    if not listing.problems:
        return itertools.count()
    lost = frozenset(listing.problems)
    return (number for number in itertools.count() if f"entry[{number}]" not in lost)


def place(key: str, number: int) -> str:
    """The place of an entry in the request."""
    return f"{key}.entry[{number}]"


class Gathered:
    """All resources of one request. Built in steps: what came, then the Medications that had to be fetched."""

    def __init__(self, ownership: Ownership, medications: Medications) -> None:
        self._ownership = ownership
        self.medications = medications
        self.found: list[Found] = []
        self.drafts: list[Draft] = []
        self.unread: list[Unread] = []
        self.versions: dict[str, Version] = {}
        """The lists of which all that came is of another version of FHIR, or cannot be read."""
        self._seen: set[str] = set()
        self._in_basket: set[str] | None = None

    def add_listings(self, listings: Mapping[str, Listing]) -> None:
        """Decodes the lists of the chart; a resource that stands twice counts once.

        Raises `OtherPatient` where one is shown to be another patient's.
        """
        patient = listings.get("patient")
        if patient is not None:
            for entry in patient.entries:
                self._ownership.also(entry.full_url if name_of(entry) == self._ownership.patient else "")
        for key, listing in listings.items():
            for problem in listing.problems:
                self._note(key, f"{key}.{problem}", "is no resource")
            self._add_listing(key, listing)

    def add_drafts(self, raw: bytes | None) -> None:
        """Decodes the draft orders, and the Medications among them.

        Raises `OtherVersion` for one of another version of FHIR, `OtherPatient` for one of another patient.
        """
        if raw is None:
            # Not an empty basket: what is ordered did not come.
            self._note("draftOrders", "draftOrders", "is not given")
            return
        listing = read_listing(raw)
        self._in_basket = {
            name_of(entry) or place("draftOrders", number)
            for number, entry in zip(numbers(listing), listing.entries, strict=False)
        }
        for problem in listing.problems:
            self._note("draftOrders", f"draftOrders.{problem}", "is no resource")
        if listing.state in ("failed", "absent"):
            self._note("draftOrders", "draftOrders", listing.reason or "cannot be read")
        for number, entry in zip(numbers(listing), listing.entries, strict=False):
            self._add_draft(number, entry)

    def _add_listing(self, key: str, listing: Listing) -> None:
        # Looking costs twice as much as reading, and a list is seldom of two versions: the first tells for all.
        look = bool(listing.entries) and version_of(listing.entries[0].resource) is not None
        told: Version | None = None
        used = False
        for number, entry in zip(numbers(listing), listing.entries, strict=False):
            fate = self._add(key, number, entry, look=look)
            if fate == "used":
                used = True
            elif fate is not None:
                told = fate
        if told is not None and not used:
            self.versions[key] = told

    def _add(self, key: str, number: int, entry: Entry, *, look: bool) -> Version | Literal["used"] | None:
        """Adds one resource. The other version that it is of, or None where it is not used for another cause."""
        if entry.resource_type and entry.resource_type not in NEEDED:
            self._refuse_others(entry, place(key, number))
            return None
        noted = len(self.unread)
        record = self._decode(key, number, entry)
        if isinstance(record, MedicationRecord):
            self.medications.add(record, entry.full_url)
            return None
        if record is not None and not self._is_ours(record, key, number):
            self._note(key, place(key, number), "cannot be shown to be this patient's")
            record = None
        if record is None or look or record.foreign:
            version = version_of(entry.resource)
            if version is not None:
                del self.unread[noted:]
                self._note(key, place(key, number), f"is of FHIR {version}")
                return version
        if record is None:
            return None
        reference = record.reference
        if reference not in self._seen or not record.id:
            self._seen.add(reference)
            self.found.append(Found(record, key, number))
        return "used"

    def _add_draft(self, number: int, entry: Entry) -> None:
        version = version_of(entry.resource)
        if version is not None:
            raise OtherVersion(version, place("draftOrders", number))
        where = place("draftOrders", number)
        if entry.resource_type and entry.resource_type not in NEEDED:
            self._refuse_others(entry, where)
            return
        record = self._decode("draftOrders", number, entry)
        if record is None:
            return
        if isinstance(record, MedicationRecord):
            self.medications.add(record, entry.full_url)
        elif self._is_ours(record, "draftOrders", number):
            reference = record.reference if record.id else (entry.full_url or where)
            self.drafts.append(Draft(record, bytes(entry.resource), where, reference))
        else:
            self._note("draftOrders", where, "cannot be shown to be this patient's")

    def _decode(self, key: str, number: int, entry: Entry) -> AnyRecord | None:
        try:
            record = read_record(entry.resource)
        except NotReadable as fault:
            self._refuse_others(entry, place(key, number))
            self._note(key, f"{place(key, number)}.{fault.place}", f"{fault.kind} cannot be read")
            return None
        if record is not None and record.modified:
            self._refuse_others(entry, place(key, number))
            self._note(key, place(key, number), "holds an extension that changes its meaning")
            return None
        return record

    def _is_ours(self, record: OwnedRecord, key: str, number: int) -> bool:
        if isinstance(record, PatientRecord):
            return self._ownership.is_patient(record.id, place(key, number))
        return self._ownership.is_named(record.subject) or self._ownership.owns(record.subject, place(key, number))

    def _refuse_others(self, entry: Entry, where: str) -> None:
        """Looks whose a resource is that is not used: another patient's shows that the request mixes patients."""
        for owner in read_owners(entry.resource):
            self._ownership.owns(owner, where)

    def _note(self, key: str, where: str, reason: str) -> None:
        self.unread.append(Unread(where=where, reason=reason, source=key))

    def add_selections(self, selections: Iterable[str] | None) -> None:
        """Notes each selection that names none of the draft orders, which are added before.

        None says that nothing was told about a selection: noted where there are drafts of which one may be meant.
        """
        if self._in_basket is None:  # noted when the drafts were added
            return
        if selections is None:
            if self._in_basket:
                self._note("draftOrders", "selections", "is not given")
            return
        for number, selection in enumerate(selections):
            if selection not in self._in_basket:
                self._note("draftOrders", f"selections[{number}]", "names no draft order")

    def wanted_medications(self) -> tuple[str, ...]:
        """Ids of Medications that orders, statements, administrations and drafts refer to and that did not come."""
        return wanted_medications(self.medications, self._medicated())

    def original(self, reference: str) -> bytes | None:
        """The bytes of a draft as they came, or None where no draft has that reference."""
        return next((draft.original for draft in self.drafts if draft.reference == reference), None)

    def repeated_draft(self) -> str:
        """The place of a draft whose reference another draft before it has, or ""."""
        seen: set[str] = set()
        for draft in self.drafts:
            if draft.reference in seen:
                return draft.where
            seen.add(draft.reference)
        return ""

    def _medicated(self) -> Iterator[Medicated]:
        for record in (*(found.record for found in self.found), *(draft.record for draft in self.drafts)):
            if isinstance(record, Medicated):
                yield record
