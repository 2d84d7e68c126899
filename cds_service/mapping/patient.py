"""Whose data it is: every resource must be shown to belong to the patient of the request (DESIGN, section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .elements import Reference

_NAMED = re.compile(r"(?:^|/)Patient/([^/]+)")


class OtherPatient(Exception):
    """A resource belongs to another patient. `where` is its place in the request; no id is ever told."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(where)


class Ownership:
    """Decides whether a subject is the patient of the request, by id, by an allowed server's address, or by fullUrl."""

    def __init__(self, patient_id: str, servers: Iterable[str] = ()) -> None:
        self._own = {f"Patient/{patient_id}"}
        self._own.update(f"{server.rstrip('/')}/Patient/{patient_id}" for server in servers if server)
        self._bases = tuple(f"{server.rstrip('/')}/Patient/" for server in servers if server)
        self.patient = f"Patient/{patient_id}"

    def also(self, full_url: str) -> None:
        """The patient's own entry stood under this fullUrl: references to it are to the patient.

        One that names another Patient is a fault of whoever wrote it, and makes nothing of that one's the patient's.
        """
        named = _NAMED.search(full_url)
        if full_url and (named is None or f"Patient/{named[1]}" == self.patient):
            self._own.add(full_url)

    def is_patient(self, patient_id: str, where: str) -> bool:
        """Whether a Patient resource is the patient of the request; raises `OtherPatient` for any other one."""
        if f"Patient/{patient_id}" != self.patient:
            raise OtherPatient(where)
        return True

    def is_named(self, subject: Reference | None) -> bool:
        """Whether a subject is the patient as nearly every resource names it; what is not may still be (`owns`)."""
        return subject is not None and subject.reference in self._own

    def owns(self, subject: Reference | None, where: str) -> bool:
        """True where it is shown, False where it cannot be; raises `OtherPatient` where it is shown to be another's."""
        reference = (subject.reference or "") if subject is not None else ""
        if reference in self._own:
            return True
        plain = reference.split("/_history/", 1)[0]
        if plain in self._own:
            return True
        if plain.startswith("Patient/") or plain.startswith(self._bases or ("\0",)):
            raise OtherPatient(where)
        return False
