"""The names under which EHRs write a code system, and the vocabulary that each one means."""

from __future__ import annotations

from typing import Final, Literal

Vocabulary = Literal["rxnorm", "ndc", "atc", "snomed", "loinc", "icd10", "icd10cm", "cvx", "edqm", "v3-route"]

URI: Final[dict[Vocabulary, str]] = {
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ndc": "http://hl7.org/fhir/sid/ndc",
    "atc": "http://www.whocc.no/atc",
    "snomed": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "cvx": "http://hl7.org/fhir/sid/cvx",
    "edqm": "http://standardterms.edqm.eu",
    "v3-route": "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration",
}
"""The usual FHIR address of each vocabulary: what is written."""

_OIDS: Final[dict[str, Vocabulary]] = {
    "2.16.840.1.113883.6.88": "rxnorm",
    "2.16.840.1.113883.6.69": "ndc",
    "2.16.840.1.113883.6.73": "atc",
    "2.16.840.1.113883.6.96": "snomed",
    "2.16.840.1.113883.6.1": "loinc",
    "2.16.840.1.113883.6.3": "icd10",
    "2.16.840.1.113883.6.3.2": "icd10",
    "2.16.840.1.113883.6.90": "icd10cm",
    "2.16.840.1.113883.12.292": "cvx",
    "0.4.0.127.0.16.1.1.2.1": "edqm",
}

_OTHERS: Final[dict[str, Vocabulary]] = {
    # Germany and France have their own addresses for the same ATC codes.
    "http://fhir.de/CodeSystem/bfarm/atc": "atc",
    "https://smt.esante.gouv.fr/terminologie-atc": "atc",
    # The German and the Dutch modification keep the three and four character codes of the WHO.
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": "icd10",
    "http://fhir.de/CodeSystem/dimdi/icd-10-gm": "icd10",
    "http://hl7.org/fhir/sid/icd-10-nl": "icd10",
}

_VOCABULARIES: Final[dict[str, Vocabulary]] = {
    **{uri: vocabulary for vocabulary, uri in URI.items()},
    **_OTHERS,
    **{f"urn:oid:{oid}": vocabulary for oid, vocabulary in _OIDS.items()},
    **_OIDS,
}
_LOOSE: Final[dict[str, Vocabulary]] = {uri.lower(): vocabulary for uri, vocabulary in _VOCABULARIES.items()}


def vocabulary_of(system: str) -> Vocabulary | None:
    """The vocabulary that a `system` means, or None for one that is not ours.

    Accepts the FHIR address, the national addresses, the OID with and without `urn:oid:`, and forgives a trailing
    slash, https for http, outer blanks and letter case.
    """
    found = _VOCABULARIES.get(system)
    if found is not None or len(system) > 200:
        return found
    loose = system.strip().rstrip("/").lower()
    return _LOOSE.get(loose) or _LOOSE.get(loose.replace("https://", "http://", 1))
