"""The one table of what is read about a patient: prefetch key, query, type of resource, required or not.

Discovery offers these queries as prefetch templates, and what a client leaves out is read from its FHIR server by the
same rows. The templates keep to what every client can type in by hand: no code list, no `_count`, `_sort`, `_include`,
no FHIRPath.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote

import msgspec

PAGE_SIZE = 200  # what our own searches ask for on a page; servers with a smaller maximum cut it in silence


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One row: under `key` stand the resources of `resource_type` that `query` finds.

    Without a required one nothing can be judged; without an optional one the rules that need it are "not checked".
    """

    key: str
    query: str
    resource_type: str
    required: bool = False

    @property
    def is_search(self) -> bool:
        """True where the query finds a Bundle, false where it reads one resource by its id."""
        return "?" in self.query


def _of_patient(key: str, resource_type: str, *, filters: str = "", required: bool = False) -> Read:
    query = f"{resource_type}?patient={{{{context.patientId}}}}{filters}"
    return Read(key=key, query=query, resource_type=resource_type, required=required)


READS: tuple[Read, ...] = (
    Read(key="patient", query="Patient/{{context.patientId}}", resource_type="Patient", required=True),
    _of_patient("conditions", "Condition", required=True),
    _of_patient("medicationRequests", "MedicationRequest", required=True),
    _of_patient("medicationStatements", "MedicationStatement"),
    _of_patient("medicationAdministrations", "MedicationAdministration"),
    # Several EHRs refuse a search of Observations without a category.
    _of_patient("observations", "Observation", filters="&category=laboratory,vital-signs,social-history"),
    _of_patient("allergies", "AllergyIntolerance"),
    _of_patient("procedures", "Procedure"),
    _of_patient("immunizations", "Immunization"),
    Read(key="encounter", query="Encounter/{{context.encounterId}}", resource_type="Encounter"),
)
READ_OF: dict[str, Read] = {read.key: read for read in READS}

_TOKEN = re.compile(r"\{\{context\.(\w+)\}\}")


def prefetch_templates(hook: str) -> dict[str, str]:
    """The prefetch templates of the service for a hook, by key.

    They are the same for each: the contexts of all three hooks hold `patientId` and may hold `encounterId`.
    """
    return {read.key: read.query for read in READS}


def is_asked(read: Read, context: Mapping[str, str]) -> bool:
    """Whether the context holds what the query asks about; without an encounter there is nothing to ask for."""
    return all(context.get(name) for name in _names_in(read.query))


@cache
def _names_in(query: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(query))


def url_of(read: Read, context: Mapping[str, str]) -> str:
    """The query as a URL relative to the FHIR base, with values of the context filled in and percent-encoded.

    It is "" where the context lacks a value (`is_asked`). Searches ask for pages of 200. An id of dots alone would lead
    to another path: ValueError.
    """
    if not is_asked(read, context):
        return ""
    url = _TOKEN.sub(lambda token: quote_id(context[token[1]]), read.query)
    return f"{url}&_count={PAGE_SIZE}" if read.is_search else url


def quote_id(identifier: str) -> str:
    """An id as it may stand in a path or a query; ValueError for one of dots alone, which no encoding protects."""
    if not identifier.strip("."):
        raise ValueError("an id must not be empty or of dots alone")
    return quote(identifier, safe="")
