"""Concepts by code: conditions, observations, procedures, vaccines and what a patient may be allergic to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from .files import rows
from .medicines import Coded
from .systems import Vocabulary

Concepts = frozenset[str]
LOINC: Final = "http://loinc.org"
NO_CONCEPTS: Final[Concepts] = frozenset()

IMPLIED: Final[dict[str, tuple[str, ...]]] = {
    "dermatomyositis": ("idiopathic-inflammatory-myopathy",),
    "polymyositis": ("idiopathic-inflammatory-myopathy",),
    "antisynthetase-syndrome": ("idiopathic-inflammatory-myopathy",),
    "immune-mediated-necrotising-myopathy": ("idiopathic-inflammatory-myopathy",),
    "inclusion-body-myositis": ("idiopathic-inflammatory-myopathy",),
    "overlap-myositis": ("idiopathic-inflammatory-myopathy",),
    "ckd-stage-1": ("ckd",),
    "ckd-stage-2": ("ckd",),
    "ckd-stage-3": ("ckd",),
    "ckd-stage-3a": ("ckd-stage-3", "ckd"),
    "ckd-stage-3b": ("ckd-stage-3", "ckd"),
    "ckd-stage-4": ("ckd",),
    "ckd-stage-5": ("ckd",),
    "ckd-end-stage": ("ckd",),
    "leukaemia": ("cancer",),
    "lymphoma": ("cancer",),
    "multiple-myeloma": ("cancer",),
    "urothelial-cancer": ("cancer",),
    "acute-lymphoblastic-leukaemia": ("leukaemia", "cancer"),
}
"""What else is true of a patient who has a condition; a code gives the condition and all of these."""


class Vaccine(msgspec.Struct, frozen=True, kw_only=True):
    """A vaccine; `live` is None where the code covers live and other products alike."""

    id: str
    live: bool | None


_LIVE: Final[dict[str, bool | None]] = {"yes": True, "no": False, "": None}


def with_implied(concepts: Iterable[str]) -> Concepts:
    """The concepts and all that they imply."""
    found = set(concepts)
    for concept in tuple(found):
        found.update(IMPLIED.get(concept, ()))
    return frozenset(found)


def by_code(table: Iterable[tuple[str, str]]) -> dict[str, Concepts]:
    """The concepts of each code, from (code, concept) rows."""
    found: dict[str, set[str]] = {}
    for code, concept in table:
        found.setdefault(code, set()).add(concept)
    shared: dict[Concepts, Concepts] = {}
    return {code: shared.setdefault(frozenset(names), frozenset(names)) for code, names in found.items()}


def icd_reader(file: str) -> Callable[[str], Concepts]:
    """A function from a code of an ICD table to its concepts; it remembers the last few thousand codes.

    A row covers its code and every code below it, so that a national subdivision (I10.00) means what its parent means;
    a row marked `except` takes its concept away from its code and those below. Codes count with and without the dot.
    """
    given: dict[str, set[str]] = {}
    taken: dict[str, set[str]] = {}
    for code, concept, match, _ in rows(file):
        (taken if match == "except" else given).setdefault(code.replace(".", ""), set()).add(concept)

    @lru_cache(maxsize=4096)
    def read_icd(code: str) -> Concepts:
        plain = "".join(c for c in code.upper() if c.isalnum())
        found: set[str] = set()
        for end in range(1, len(plain) + 1):
            found |= given.get(plain[:end], NO_CONCEPTS)
            found -= taken.get(plain[:end], NO_CONCEPTS)
        return with_implied(found)

    def read_beginning(code: str) -> Concepts:
        # No ICD code is longer than eight characters; a longer text would be remembered whole.
        return read_icd(code if len(code) <= 16 else code[:16])

    return read_beginning


class ConceptTables(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of everything that is not a medicine."""

    conditions: Mapping[str, Concepts]
    observations: Mapping[str, Concepts]
    test_codes: Mapping[str, Coded]
    procedures: Mapping[Vocabulary, Mapping[str, Concepts]]
    allergens: Mapping[str, Concepts]
    vaccines: Mapping[Vocabulary, Mapping[str, Vaccine]]
    icd: Mapping[Vocabulary, Callable[[str], Concepts]]
    known_conditions: Concepts


def load_concepts() -> ConceptTables:
    """Reads the tables. Raises ValueError for a wrong row."""
    snomed: dict[str, list[tuple[str, str]]] = {}
    vaccines: dict[Vocabulary, dict[str, Vaccine]] = {"cvx": {}, "atc": {}, "snomed": {}}
    for use, code, concept, _, live, _ in rows("snomed.csv"):
        if use == "vaccine":
            vaccines["snomed"][code] = Vaccine(id=concept, live=_LIVE[live])
        else:
            snomed.setdefault(use, []).append((code, concept))
    for use, code, concept, _, _, live, _ in rows("atc.csv"):
        if use == "vaccine":
            vaccines["atc"][code] = Vaccine(id=concept, live=_LIVE[live])
    for code, concept, live, _, _ in rows("cvx.csv"):
        vaccines["cvx"][code] = Vaccine(id=concept, live=_LIVE[live])
    loinc: dict[str, list[tuple[str, str]]] = {}
    tests: dict[str, Coded] = {}
    for use, code, concept, _, name, verified_by, _ in rows("loinc.csv"):
        loinc.setdefault(use, []).append((code, concept))
        if use == "observation" and (concept not in tests or (verified_by == "name" and not tests[concept].display)):
            tests[concept] = Coded(LOINC, code, name if verified_by == "name" else "")
    conditions = {code: with_implied(found) for code, found in by_code(snomed["condition"]).items()}
    named = {concept for file in ("icd10.csv", "icd10cm.csv") for _, concept, _, _ in rows(file)}
    return ConceptTables(
        conditions=conditions,
        observations=by_code(loinc["observation"]),
        test_codes=tests,
        procedures={"snomed": by_code(snomed["procedure"]), "loinc": by_code(loinc["procedure"])},
        allergens=by_code(snomed["allergen"]),
        vaccines=vaccines,
        icd={"icd10": icd_reader("icd10.csv"), "icd10cm": icd_reader("icd10cm.csv")},
        known_conditions=with_implied(named.union(*conditions.values())),
    )
